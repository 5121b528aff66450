//! A specification with another launcher and no other change.

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
/// `old`, which stays as `kept` if there is a path for that.
pub fn files(
    spec: &Specification,
    old: Option<&Path>,
    kept: Option<&Path>,
    launcher: LauncherFile,
    words: &[String],
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
            && !path.starts_with(CACHE)
    });
    let mut files = Vec::new();
    let copy = |path: &Path, to: PathBuf| {
        let source = directory.join(path);
        let metadata = fs::symlink_metadata(&source)?;
        let executable = metadata.permissions().mode() & 0o111 != 0;
        // What a link leads to may be nobody's business who can read the specification.
        let content = if metadata.is_symlink() {
            Content::LinkTo(fs::read_link(&source)?)
        } else {
            Content::CopyIn(directory.to_path_buf(), path.to_path_buf())
        };
        Ok::<_, anyhow::Error>(File { path: to, content, executable })
    };
    let has_options = paths.contains(&options);
    for path in paths {
        files.push(copy(&path, path.clone())?);
    }
    if let (Some(old), Some(kept)) = (old, kept) {
        files.push(copy(old, kept.to_path_buf())?);
    }
    files.push(launcher.file);
    if !has_options {
        files.push(File::data(options, templates::options().as_bytes()));
    }
    let path = directory.join(KERNEL_JSON);
    let new = Specification { argv, ..spec.clone() };
    let kernel_json = edit::rewritten(&files::read_to_string(&path)?, spec, &new)
        .with_context(|| format!("could not change `{}`", path.display()))?;
    files.push(File::data(KERNEL_JSON, kernel_json.into_bytes()));
    Ok(files)
}
