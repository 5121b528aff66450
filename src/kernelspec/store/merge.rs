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

    let mut undo = Undo { destination, backup: staged.with_extension("old"), done: Vec::new() };
    fs::create_dir(&undo.backup)?;
    let is_stale = |path: &PathBuf| !tree.files.iter().any(|file| file.path == *path);
    let stale: Vec<PathBuf> = files_below(destination).into_iter().filter(is_stale).collect();
    for file in &tree.files {
        undo.replace(staged, &file.path).with_context(|| {
            format!("could not replace `{}`", destination.join(&file.path).display())
        })?;
    }
    // Can fail too: an overlay has to note that a file of a lower layer is gone.
    for path in &stale {
        undo.remove(path)
            .with_context(|| format!("could not remove `{}`", destination.join(path).display()))?;
    }
    undo.done.clear();

    for parent in stale.iter().flat_map(|path| parents(path).rev()) {
        // Succeeds for those that have become empty.
        let _ = fs::remove_dir(destination.join(parent));
    }
    Ok(())
}

/// Takes the changes back when it is dropped before they are all done.
struct Undo<'a> {
    destination: &'a Path,
    /// Where the old files are kept meanwhile.
    backup: PathBuf,
    done: Vec<Step>,
}

enum Step {
    CreatedDirectory(PathBuf),
    Created(PathBuf),
    /// A file that was replaced or removed, and the old one to be put back.
    Changed(PathBuf, PathBuf),
}

impl Undo<'_> {
    fn replace(&mut self, staged: &Path, file: &Path) -> io::Result<()> {
        let target = self.destination.join(file);
        for parent in parents(file).map(|parent| self.destination.join(parent)) {
            if fs::symlink_metadata(&parent).is_ok_and(|metadata| metadata.is_dir()) {
                continue;
            }
            create_directory(&parent)?;
            self.done.push(Step::CreatedDirectory(parent));
        }
        let old = self.next_backup();
        let existed = keep(&target, &old)?;
        fs::rename(staged.join(file), &target)?;
        self.done.push(if existed { Step::Changed(target, old) } else { Step::Created(target) });
        Ok(())
    }

    fn remove(&mut self, file: &Path) -> io::Result<()> {
        let target = self.destination.join(file);
        let old = self.next_backup();
        if keep(&target, &old)? {
            fs::remove_file(&target)?;
            self.done.push(Step::Changed(target, old));
        }
        Ok(())
    }

    fn next_backup(&self) -> PathBuf {
        self.backup.join(self.done.len().to_string())
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
                Step::Created(path) => fs::remove_file(path),
                Step::Changed(path, old) => fs::rename(old, path),
            };
            if let Err(error) = result {
                tracing::error!("Could not put back a file of the old specification: {error}");
            }
        }
    }
}
