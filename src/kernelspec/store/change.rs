//! Changes files in a specification that is there, and nothing else in it: all other files, and the modes and
//! owners of everything, stay as they are.
//!
//! Each file is exchanged with a new one as one step. Where two are, launchers are kept from starting in
//! between by the same mark as where files are replaced one by one.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use rustix::io::Errno;

use super::directory::{Directory, Location};
use super::files::{CHANGING, FILE_MODE, PRIVATE_MODE, allow_the_same, write_bytes};
use super::journal::Journal;
use super::merge::{OLD, create_backup};
use super::mounts;
use super::place::cannot_rename;
use super::staging::{Staging, Stagings};
use crate::files;
use crate::layout::REPLACING;

const GONE: &str = "it was replaced or removed meanwhile; run the command again";

/// A file of a specification, as it was found and as it is to be.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its path in the specification.
    pub path: PathBuf,
    /// What was in it; `None` if there was none.
    pub old: Option<String>,
    /// What is to be in it: something else, or the same.
    pub new: Option<String>,
}

impl Change {
    /// Whether anything is to be written.
    #[must_use]
    pub fn is_one(&self) -> bool {
        self.new != self.old
    }
}

/// Writes the new texts of files, in their order, if all of them still have the old ones.
///
/// # Errors
/// When somebody has changed one of them meanwhile, or one cannot be written. Everything is then as it was
/// before.
pub fn change(directory: &Path, changes: &[Change]) -> Result<()> {
    mounts::refuse(directory)?;
    let mut stagings = Stagings::default();
    let mut journal = Journal::default();
    let result = stagings
        .of(directory)
        .and_then(|staging| exchange(staging, directory, changes, &mut journal))
        .with_context(|| format!("could not change `{}`", directory.display()));
    stagings.end(journal, result)
}

/// Does something with a specification while nobody else changes files of it.
///
/// # Errors
/// When this user may not change it, another process goes on changing it, or the work fails.
pub fn undisturbed<T>(directory: &Path, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let mut journal = Journal::default();
    let marked = mark(directory, &mut journal);
    let done = marked
        .with_context(|| format!("could not change `{}`", directory.display()))
        .and_then(|()| work());
    // The mark is all that is in it.
    journal.commit();
    done
}

fn mark(directory: &Path, journal: &mut Journal) -> Result<()> {
    let specification = Directory::of_specification(directory)?;
    journal.mark(&specification, CHANGING).map_err(|error| naming_owner(error, directory))?;
    let now = Directory::of_specification(directory)?;
    ensure!(now.identity().ok() == specification.identity().ok(), GONE);
    Ok(())
}

/// The text of a file of a specification, to which no link leads; `None` if there is none.
///
/// # Errors
/// When it cannot be read, or something else is there, such as a link.
pub fn read(directory: &Path, path: &Path) -> Result<Option<String>> {
    let text = Directory::of_specification(directory).and_then(|root| text(&root.at(path)));
    text.with_context(|| {
        let path = directory.join(path);
        format!("could not read `{}`, which must be a plain file and no link", path.display())
    })
}

fn text(place: &Location) -> io::Result<Option<String>> {
    match place.open_file() {
        Ok(file) => files::text(file, &place.shown().display().to_string()).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn exchange(
    staging: &Staging,
    directory: &Path,
    changes: &[Change],
    journal: &mut Journal,
) -> Result<()> {
    let place =
        staging.kernels().at(directory.file_name().context("a specification has a name")?);
    let specification = place.enter()?;
    journal.mark(&specification, CHANGING).map_err(|error| naming_owner(error, directory))?;
    // Also those that stay as they are: the new ones were made for them.
    for change in changes {
        is_as_read(&specification.at(&change.path), change)?;
    }
    let new: Vec<(&Change, &String)> = changes
        .iter()
        .filter(|change| change.is_one())
        .filter_map(|change| Some((change, change.new.as_ref()?)))
        .collect();
    if new.len() > 1 {
        journal.mark(&specification, REPLACING)?;
    }
    for (number, (change, text)) in new.into_iter().enumerate() {
        let target = specification.at(&change.path);
        let staged = staging.at(number.to_string());
        write(&staged, text, &target)?;
        put(&staged, &target, change, staging, journal)?;
    }
    let is_there = place.identity().ok() == specification.identity().ok();
    ensure!(is_there, GONE);
    Ok(())
}

/// Puts a new file in its place. What turns out to have been there is what was read, or is put back.
pub(super) fn put(
    staged: &Location,
    target: &Location,
    change: &Change,
    staging: &Staging,
    journal: &mut Journal,
) -> Result<()> {
    let done = match change.old {
        Some(_) => journal.exchange(staged, target),
        None => journal.rename(staged, target),
    };
    match done {
        Ok(()) => is_as_read(staged, change),
        Err(error) if cannot_rename(error) => put_over(staged, target, change, staging, journal),
        Err(Errno::NOENT | Errno::EXIST) => bail!(is_other(&change.path)),
        Err(error) => {
            let error = anyhow::Error::from(io::Error::from(error));
            Err(error.context(format!("could not replace `{}`", target.shown().display())))
        }
    }
}

/// The same where the file system, or the kernel, does not exchange: what is there is looked at just before.
pub(super) fn put_over(
    staged: &Location,
    target: &Location,
    change: &Change,
    staging: &Staging,
    journal: &mut Journal,
) -> Result<()> {
    is_as_read(target, change)?;
    let backup = create_backup(&staging.at(OLD))?;
    Ok(journal.replace(staged, target, &backup)?)
}

/// Looks whether the file there is the one that was read.
fn is_as_read(place: &Location, change: &Change) -> Result<()> {
    ensure!(text(place)? == change.old, is_other(&change.path));
    Ok(())
}

fn is_other(path: &Path) -> String {
    format!("somebody has changed `{}` meanwhile; run the command again", path.display())
}

/// Writes a file with the mode and the owner of the one that it replaces, if there is one: who might read that
/// may read this, and nobody else.
fn write(staged: &Location, text: &str, target: &Location) -> Result<()> {
    let file = write_bytes(staged, PRIVATE_MODE, text.as_bytes())?;
    match target.stat() {
        Ok(old) => allow_the_same(&file, &old, 0o777).with_context(|| {
            format!("could not give the owner of `{}` to a new file", target.shown().display())
        }),
        Err(_) => Ok(file.set_permissions(Permissions::from_mode(FILE_MODE))?),
    }
}

/// The error with what to do about it, where the specification is another user's.
fn naming_owner(error: anyhow::Error, directory: &Path) -> anyhow::Error {
    let denied = error.downcast_ref::<io::Error>().map(io::Error::kind);
    if denied == Some(io::ErrorKind::PermissionDenied) {
        return anyhow!(
            "you may not write to `{}`; run the command as its owner or as root",
            directory.display()
        );
    }
    error
}
