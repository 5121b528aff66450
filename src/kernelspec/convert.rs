//! A specification with another launcher, or in another place, and no other change.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use fs_err as fs;

use super::edit;
use super::launcher::LauncherFile;
use super::specification::Specification;
use super::store::{self, Content, File};
use crate::files;
use crate::layout::{self, KERNEL_JSON, NATIVE, OPTIONS};
use crate::templates;

/// Python's cache of imported scripts.
const CACHE: &str = "scripts/__pycache__";

/// All files of the specification, with the native launcher and its arguments `words` instead of the launcher
/// `old`, which stays as `kept` if there is a path for that; and with these options, or those that it has.
pub fn files(
    spec: &Specification,
    (old, kept): (Option<&Path>, Option<&Path>),
    launcher: LauncherFile,
    words: &[String],
    new_options: Option<String>,
) -> Result<Vec<File>> {
    let directory = &*spec.directory;
    let argv = [launcher.command(directory)?, words.to_vec()].concat();
    let script = layout::script(NATIVE);
    let options = layout::script(OPTIONS);
    let mut paths: BTreeSet<PathBuf> = store::files(directory);
    paths.retain(|path| {
        path != Path::new(KERNEL_JSON)
            && Some(&**path) != old
            && Some(&**path) != kept
            && *path != script
            && (new_options.is_none() || *path != options)
            && launcher.bootstraps.iter().all(|bootstrap| bootstrap.path != *path)
            && !path.starts_with(CACHE)
    });
    let mut files = Vec::new();
    let has_options = paths.contains(&options);
    for path in paths {
        files.push(copy(directory, &path, path.clone())?);
    }
    if let (Some(old), Some(kept)) = (old, kept) {
        files.push(copy(directory, old, kept.to_path_buf())?);
    }
    files.push(launcher.file);
    files.extend(launcher.bootstraps);
    if !has_options {
        let text = new_options.unwrap_or_else(|| templates::options().to_owned());
        files.push(File::data(options, text.into_bytes()));
    }
    files.push(kernel_json(spec, argv)?);
    Ok(files)
}

/// All files of the specification for another directory, where a launcher that is one of them is run.
pub fn moved(spec: &Specification, to: &Path) -> Result<Vec<File>> {
    let directory = &*spec.directory;
    let mut files = Vec::new();
    for path in store::files(directory) {
        let is_left =
            path == Path::new(KERNEL_JSON) || store::is_mark(&path) || path.starts_with(CACHE);
        if !is_left {
            files.push(copy(directory, &path, path.clone())?);
        }
    }
    let mut argv = spec.argv.clone();
    if let Some((launcher, own)) = own_launcher(spec) {
        let place = to.join(own).into_os_string().into_string().ok();
        let place = place.with_context(|| {
            format!("`{}` is not UTF-8 and cannot be named in kernel.json", to.display())
        })?;
        for word in argv.iter_mut().filter(|word| Path::new(word) == launcher) {
            word.clone_from(&place);
        }
    }
    files.push(kernel_json(spec, argv)?);
    Ok(files)
}

/// The launcher that `argv` names, and the path of the same in the specification: it may have been copied from
/// another place, whose launcher it still names.
fn own_launcher(spec: &Specification) -> Option<(&Path, PathBuf)> {
    let (launcher, _) = spec.launcher()?;
    if let Ok(own) = launcher.strip_prefix(&spec.directory) {
        return Some((launcher, own.to_path_buf()));
    }
    let own = layout::script(launcher.file_name()?);
    spec.directory.join(&own).is_file().then_some((launcher, own))
}

fn copy(directory: &Path, path: &Path, to: PathBuf) -> Result<File> {
    let source = directory.join(path);
    let metadata = fs::symlink_metadata(&source)?;
    let executable = metadata.permissions().mode() & 0o111 != 0;
    // What a link leads to may be nobody's business who can read the specification.
    let content = if metadata.is_symlink() {
        Content::LinkTo(fs::read_link(&source)?)
    } else {
        Content::CopyIn(directory.to_path_buf(), path.to_path_buf())
    };
    Ok(File { path: to, content, executable })
}

/// The same `kernel.json` with this `argv`.
fn kernel_json(spec: &Specification, argv: Vec<String>) -> Result<File> {
    let path = spec.directory.join(KERNEL_JSON);
    let new = Specification { argv, ..spec.clone() };
    let text = edit::rewritten(&files::read_to_string(&path)?, spec, &new)
        .with_context(|| format!("could not change `{}`", path.display()))?;
    let content = Content::Edited(spec.directory.clone(), KERNEL_JSON.into(), text.into_bytes());
    Ok(File { path: KERNEL_JSON.into(), content, executable: false })
}
