//! Replaces or removes a specification file by file, where its directory cannot be renamed.
//!
//! The overlay file system answers `EXDEV` to the rename of a directory from a lower layer
//! (Documentation/filesystems/overlayfs.rst, "Renaming directories"), so a `RUN` line of a Dockerfile
//! that replaces what an earlier layer installed always comes here. `kernel.json` is replaced last:
//! until then the old one is valid, because the launcher keeps its place and its options. It is
//! removed first: without it, Jupyter sees no specification.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use fs_err as fs;

use super::files::{files_below, parents, walk};
use super::journal::Journal;
use super::{KERNEL_JSON, Tree};

/// Moves the files of `tree` from `staged` over those in `destination`, and removes what else is
/// there.
pub(super) fn merge(
    staged: &Path,
    destination: &Path,
    tree: &Tree,
    journal: &mut Journal,
) -> Result<()> {
    journal.lock(destination)?;
    let backup = create_backup(staged.parent().unwrap_or(staged))?;
    let stale: Vec<PathBuf> =
        files_below(destination).into_iter().filter(|path| !tree.has(path)).collect();
    for file in &tree.files {
        for parent in parents(&file.path) {
            journal.create_directory(&destination.join(parent))?;
        }
        let target = destination.join(&file.path);
        journal
            .replace(&staged.join(&file.path), &target, &backup)
            .with_context(|| format!("could not replace `{}`", target.display()))?;
    }
    remove(destination, &stale, &backup, journal)?;
    for parent in stale.iter().flat_map(|path| parents(path).rev()) {
        journal.remove_if_empty(destination.join(parent));
    }
    Ok(())
}

/// Removes everything in `directory`, and itself.
pub(super) fn empty(directory: &Path, staging: &Path, journal: &mut Journal) -> Result<()> {
    journal.lock(directory)?;
    let backup = create_backup(staging)?;
    let (files, directories) = walk(directory);
    let mut files: Vec<PathBuf> = files.into_iter().collect();
    files.sort_by_key(|path| path != Path::new(KERNEL_JSON));
    remove(directory, &files, &backup, journal)?;
    for inner in directories.iter().rev() {
        journal.remove_if_empty(directory.join(inner));
    }
    journal.remove_if_empty(directory.to_path_buf());
    Ok(())
}

fn remove(directory: &Path, files: &[PathBuf], backup: &Path, journal: &mut Journal) -> Result<()> {
    files.iter().map(|path| directory.join(path)).try_for_each(|path| {
        // Can fail too: an overlay has to note that a file of a lower layer is gone.
        let removed = journal.remove(&path, backup);
        removed.with_context(|| format!("could not remove `{}`", path.display()))
    })
}

/// Where the old files are kept meanwhile.
fn create_backup(staging: &Path) -> io::Result<PathBuf> {
    let backup = staging.join("old");
    match fs::create_dir(&backup) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(backup),
    }
}
