//! Whether a file belongs to a specification, as its launcher should.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path};

use fs_err as fs;

use crate::layout::{NATIVE, SCRIPTS};

/// The command that has a specification run its own launcher, if it has one, and this is one in another place: it
/// was copied, and the settings beside this one count.
#[must_use]
pub fn advice_for_copy(directory: &Path, launcher: &Path) -> Option<String> {
    let name = directory.file_name()?.to_str().filter(|name| is_valid_name(name))?;
    is_copied(directory, launcher)
        .then(|| format!("`jupyter-docker-spec rename {name} {name}` has it run its own"))
}

/// Whether Jupyter allows this name for a kernel.
#[must_use]
pub fn is_valid_name(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

fn is_copied(directory: &Path, launcher: &Path) -> bool {
    let own = directory.join(SCRIPTS);
    let place = |path: &Path| fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    !launcher.starts_with(&own)
        && own.join(NATIVE).is_file()
        && place(&own) != launcher.parent().and_then(place)
}

/// Whether a file is part of a specification, be it under another name of the directory.
#[must_use]
pub fn is_below(path: &Path, directory: &Path) -> bool {
    let plain = !path.components().any(|part| part == Component::ParentDir);
    let real = || fs::canonicalize(path).ok().zip(fs::canonicalize(directory).ok());
    (plain && path.starts_with(directory))
        || real().is_some_and(|(path, directory)| path.starts_with(directory))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_part_of_a_specification_under_any_name_of_it() {
        let root = tempfile::tempdir().unwrap();
        let spec = root.path().join("spec");
        let link = root.path().join("link");
        fs::create_dir(&spec).unwrap();
        fs::write(spec.join("file"), "").unwrap();
        fs::write(root.path().join("other"), "").unwrap();
        std::os::unix::fs::symlink(&spec, &link).unwrap();
        for (path, expected) in [
            (spec.join("file"), true),
            (link.join("file"), true),
            (spec.join("../spec/file"), true),
            (spec.join("missing"), true),
            (spec.join("../other"), false),
            (spec.join("../missing"), false),
            (root.path().join("other"), false),
        ] {
            assert_eq!(is_below(&path, &spec), expected, "{}", path.display());
        }
    }
}
