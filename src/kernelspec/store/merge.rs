//! Replaces a specification file by file, where its directory cannot be renamed.
//!
//! The overlay file system answers `EXDEV` to the rename of a directory from a lower layer
//! (Documentation/filesystems/overlayfs.rst, "Renaming directories"), so a `RUN` line of a Dockerfile
//! that replaces what an earlier layer installed always comes here. `kernel.json` is replaced last:
//! until then the old one is valid, because the launcher keeps its place and its options.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use fs_err as fs;
use rustix::fs::{FlockOperation, flock};

use super::{Tree, create_directory, files_below, parents};

/// Moves the files of `tree` from `staged` over those in `destination`, and removes what else is
/// there. On an error everything is put back.
pub(super) fn merge(staged: &Path, destination: &Path, tree: &Tree) -> Result<()> {
    // Two merges at once would mix their files.
    let directory = fs::File::open(destination)?;
    // A file system without locks: nothing to be done about it.
    let _ = flock(&directory, FlockOperation::LockExclusive);

    let before = files_below(destination);
    let mut undo = Undo { destination, backup: staged.with_extension("old"), done: Vec::new() };
    fs::create_dir(&undo.backup)?;
    for (number, file) in tree.files.iter().enumerate() {
        undo.replace(number, staged, &file.path).with_context(|| {
            format!("could not replace `{}`", destination.join(&file.path).display())
        })?;
    }
    undo.done.clear();

    for path in before.iter().filter(|path| !tree.files.iter().any(|file| file.path == **path)) {
        let path = destination.join(path);
        if let Err(error) = fs::remove_file(&path) {
            tracing::warn!("Could not remove a file of the old specification: {error}");
        }
        // Succeeds for the directories that have become empty.
        for parent in path.ancestors().skip(1).take_while(|parent| *parent != destination) {
            if fs::remove_dir(parent).is_err() {
                break;
            }
        }
    }
    Ok(())
}

/// Takes the replacements back when it is dropped before they are all done.
struct Undo<'a> {
    destination: &'a Path,
    /// Where the old files are kept meanwhile.
    backup: PathBuf,
    done: Vec<Step>,
}

enum Step {
    CreatedDirectory(PathBuf),
    CreatedFile(PathBuf),
    /// The file, and the old one to be put back.
    ReplacedFile(PathBuf, PathBuf),
}

impl Undo<'_> {
    fn replace(&mut self, number: usize, staged: &Path, file: &Path) -> Result<()> {
        let target = self.destination.join(file);
        for parent in parents(file).map(|parent| self.destination.join(parent)) {
            if fs::symlink_metadata(&parent).is_ok_and(|metadata| metadata.is_dir()) {
                continue;
            }
            create_directory(&parent)?;
            self.done.push(Step::CreatedDirectory(parent));
        }
        let old = self.backup.join(number.to_string());
        let existed = keep(&target, &old)?;
        fs::rename(staged.join(file), &target)?;
        self.done.push(if existed {
            Step::ReplacedFile(target, old)
        } else {
            Step::CreatedFile(target)
        });
        Ok(())
    }
}

/// Keeps the file under a second name. Says whether there was one.
fn keep(file: &Path, backup: &Path) -> io::Result<bool> {
    match fs::hard_link(file, backup) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        // A file system without hard links.
        Err(_) => fs::copy(file, backup).map(|_| true),
    }
}

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        for step in self.done.drain(..).rev() {
            let result = match &step {
                Step::CreatedDirectory(path) => fs::remove_dir(path),
                Step::CreatedFile(path) => fs::remove_file(path),
                Step::ReplacedFile(path, old) => fs::rename(old, path),
            };
            if let Err(error) = result {
                tracing::error!("Could not put back a file of the old specification: {error}");
            }
        }
    }
}
