//! Replaces or removes a specification file by file, where its directory cannot be renamed.
//!
//! The overlay file system answers `EXDEV` to the rename of a directory from a lower layer
//! (Documentation/filesystems/overlayfs.rst, "Renaming directories"), so a `RUN` line of a Dockerfile
//! that replaces what an earlier layer installed always comes here. `kernel.json` is replaced last:
//! until then Jupyter sees the old one. It is removed first: without it, Jupyter sees no specification.
//! Launchers are kept from starting in between by a mark (see the module `journal`).

use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context as _, Result};

use super::Job;
use super::directory::{Directory, Location};
use super::files::{is_among, walk};
use super::journal::Journal;
use super::present::examine;
use crate::layout::{KERNEL_JSON, REPLACING};

/// Where the old files are kept, in a staging directory.
pub(super) const OLD: &str = "old";

/// Moves the files of a job from `staged` over those in `place`, and removes what else is there.
pub(super) fn merge(
    staged: &Location,
    place: &Location,
    job: &Job,
    journal: &mut Journal,
) -> Result<()> {
    let (new, old) = (staged.enter()?, place.enter()?);
    journal.mark(&old, REPLACING)?;
    // Another process may have been at it, and have the place now.
    examine(&job.destination, job.replace)?;
    let backup = create_backup(&staged.beside(OLD))?;
    let stale: Vec<Location> = walk(&old)
        .0
        .into_iter()
        .filter(|path| !is_among(&job.files, path) && path != Path::new(REPLACING))
        .map(|path| old.at(path))
        .collect();
    for file in &job.files {
        let target = old.at(&file.path);
        for parent in target.parents() {
            journal.create_directory(&parent)?;
        }
        journal
            .replace(&new.at(&file.path), &target, &backup)
            .with_context(|| format!("could not replace `{}`", target.shown().display()))?;
    }
    journal.remove(&stale, &backup)?;
    for parent in stale.iter().flat_map(|place| place.parents().into_iter().rev()) {
        journal.remove_if_empty(parent);
    }
    Ok(())
}

/// Removes everything in the directory at `place`, and itself.
pub(super) fn empty(
    place: &Location,
    staging: &Rc<Directory>,
    journal: &mut Journal,
) -> Result<()> {
    let directory = place.enter()?;
    let backup = create_backup(&staging.at(OLD))?;
    let (files, directories) = walk(&directory);
    let mut files: Vec<PathBuf> = files.into_iter().collect();
    files.sort_by_key(|path| path != Path::new(KERNEL_JSON));
    let files: Vec<Location> = files.into_iter().map(|path| directory.at(path)).collect();
    journal.remove(&files, &backup)?;
    for inner in directories.into_iter().rev() {
        journal.remove_if_empty(directory.at(inner));
    }
    journal.remove_if_empty(place.clone());
    Ok(())
}

/// Where the old files are kept meanwhile.
pub(super) fn create_backup(place: &Location) -> io::Result<Rc<Directory>> {
    match place.create_directory() {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => place.enter(),
    }
}
