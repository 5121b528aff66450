//! Replaces or removes a specification file by file, where its directory cannot be renamed.
//!
//! The overlay file system answers `EXDEV` to the rename of a directory from a lower layer
//! (Documentation/filesystems/overlayfs.rst, "Renaming directories"), so a `RUN` line of a Dockerfile
//! that replaces what an earlier layer installed always comes here. `kernel.json` is replaced last:
//! until then the old one is valid, because the launcher keeps its place and its options. It is
//! removed first: without it, Jupyter sees no specification.

use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context as _, Result};

use super::directory::{Directory, Spot};
use super::files::walk;
use super::journal::Journal;
use super::{KERNEL_JSON, Tree};

/// Moves the files of `tree` from `staged` over those in `place`, and removes what else is there.
pub(super) fn merge(staged: &Spot, place: &Spot, tree: &Tree, journal: &mut Journal) -> Result<()> {
    let (new, old) = (staged.enter()?, place.enter()?);
    journal.lock(&old);
    let backup = create_backup(&staged.beside("old"))?;
    let stale: Vec<Spot> =
        walk(&old).0.into_iter().filter(|path| !tree.has(path)).map(|path| old.at(path)).collect();
    for file in &tree.files {
        let target = old.at(&file.path);
        for parent in target.parents() {
            journal.create_directory(&parent)?;
        }
        journal
            .replace(&new.at(&file.path), &target, &backup)
            .with_context(|| format!("could not replace `{}`", target.shown().display()))?;
    }
    remove(&stale, &backup, journal)?;
    for parent in stale.iter().flat_map(|place| place.parents().into_iter().rev()) {
        journal.remove_if_empty(parent);
    }
    Ok(())
}

/// Removes everything in the directory at `place`, and itself.
pub(super) fn empty(place: &Spot, staging: &Rc<Directory>, journal: &mut Journal) -> Result<()> {
    let directory = place.enter()?;
    journal.lock(&directory);
    let backup = create_backup(&staging.at("old"))?;
    let (files, directories) = walk(&directory);
    let mut files: Vec<PathBuf> = files.into_iter().collect();
    files.sort_by_key(|path| path != Path::new(KERNEL_JSON));
    let files: Vec<Spot> = files.into_iter().map(|path| directory.at(path)).collect();
    remove(&files, &backup, journal)?;
    for inner in directories.into_iter().rev() {
        journal.remove_if_empty(directory.at(inner));
    }
    journal.remove_if_empty(place.clone());
    Ok(())
}

fn remove(files: &[Spot], backup: &Rc<Directory>, journal: &mut Journal) -> Result<()> {
    files.iter().try_for_each(|place| {
        // Can fail too: an overlay has to note that a file of a lower layer is gone.
        let removed = journal.remove(place, backup);
        removed.with_context(|| format!("could not remove `{}`", place.shown().display()))
    })
}

/// Where the old files are kept meanwhile.
fn create_backup(place: &Spot) -> io::Result<Rc<Directory>> {
    match place.create_directory() {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => place.enter(),
    }
}
