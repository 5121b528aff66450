//! A specification with another launcher, and nothing else changed.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use fs_err as fs;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::launcher::LauncherFile;
use super::store::{self, Content, File};
use crate::files;
use crate::layout::{self, KERNEL_JSON, NATIVE, OPTIONS};
use crate::templates;

/// What Python makes of scripts that are imported.
const CACHE: &str = "scripts/__pycache__";

/// All files of the specification in a directory, with the native launcher in the place of the one in
/// `old`, a path in the directory, which is kept as `kept` if that is asked for.
///
/// # Errors
/// When a file cannot be read, or `argv` is not what it was when it was looked at.
pub fn files(
    directory: &Path,
    old: Option<&Path>,
    kept: Option<&Path>,
    launcher: LauncherFile,
    argv: &[String],
) -> Result<Vec<File>> {
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
    files.push(File { path: script, content: launcher.content, executable: true });
    if !has_options {
        files.push(File::data(options, templates::options().as_bytes()));
    }
    let path = directory.join(KERNEL_JSON);
    let kernel_json = with_argv(&files::read_to_string(&path)?, argv)
        .with_context(|| format!("could not change `{}`", path.display()))?;
    files.push(File::data(KERNEL_JSON, kernel_json.into_bytes()));
    Ok(files)
}

/// The text of a `kernel.json` with another `argv`. All else stays as it is to the letter: keys that
/// are not known, their order, numbers as they are written, and how it is laid out.
pub(super) fn with_argv(text: &str, argv: &[String]) -> Result<String> {
    #[derive(Deserialize)]
    struct Argv<'a> {
        #[serde(borrow)]
        argv: &'a RawValue,
    }
    let Argv { argv: old } = serde_json::from_str(text)?;
    let old = old.get();
    let start = old.as_ptr().addr() - text.as_ptr().addr();
    let (before, after) = (&text[..start], &text[start + old.len()..]);
    // What stands between the bracket and the first word, and after the last word.
    let lead = blanks(old[1..].split('"').next());
    let tail = blanks(old[..old.len() - 1].rsplit('"').next());
    let separator = if lead.is_empty() { " " } else { lead };
    let words: Vec<String> = argv.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
    let words = words.join(&format!(",{separator}"));
    Ok(format!("{before}[{lead}{words}{tail}]{after}"))
}

/// The text if there are only blanks in it.
fn blanks(part: Option<&str>) -> &str {
    part.filter(|part| part.trim().is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_the_command_is_changed() {
        let argv = ["/a \"b\"".to_owned(), "{x}".to_owned()];
        for (text, expected) in [
            (
                "{\n \"x\": 1.0,\n \"argv\": [\n  \"python\",\n  \"y\"\n ],\n \"argv2\": [ 1 ]}",
                "{\n \"x\": 1.0,\n \"argv\": [\n  \"/a \\\"b\\\"\",\n  \"{x}\"\n ],\n \"argv2\": [ 1 ]}",
            ),
            (r#"{"argv":["python"],"n":1e400}"#, r#"{"argv":["/a \"b\"", "{x}"],"n":1e400}"#),
            (
                r#"{"z": "argv", "argv": [ "p" ]}"#,
                r#"{"z": "argv", "argv": [ "/a \"b\"", "{x}" ]}"#,
            ),
        ] {
            assert_eq!(with_argv(text, &argv).unwrap(), expected);
        }
        for text in ["{}", "{\"argv\": [], \"argv\": []}", "["] {
            assert!(with_argv(text, &argv).is_err(), "{text}");
        }
    }
}
