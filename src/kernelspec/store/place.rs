//! The place of a specification: what is there, and how a specification gets there and away.

use std::io;
use std::path::Path;
use std::rc::Rc;

use anyhow::{Context as _, Result, bail};
use fs_err as fs;
use rustix::io::Errno;

use super::directory::{Directory, Spot};
use super::journal::Journal;
use super::{Job, KERNEL_JSON, Outcome, added_by_user, merge};

/// What is at the place where the specification goes.
pub(super) enum Present {
    Nothing,
    /// A directory that may be replaced.
    Directory,
}

/// Moves the finished directory to its place. Another process may put a specification there, or
/// take it away, between any two calls.
pub(super) fn place(
    staged: &Spot,
    place: &Spot,
    job: &Job,
    journal: &mut Journal,
) -> Result<Outcome> {
    let destination = &job.destination;
    loop {
        match examine(destination, job.replace)? {
            Present::Nothing => match journal.rename(staged, place) {
                Ok(()) => return Ok(Outcome::Created),
                Err(Errno::EXIST | Errno::NOTEMPTY) => {}
                Err(error) => return Err(failed(error, destination)),
            },
            Present::Directory => {
                if let Some(files) = added_by_user(destination, Some(&job.tree)) {
                    tracing::warn!(
                        "{files} in {} will be removed with the specification that is replaced.",
                        destination.display(),
                    );
                }
                match journal.exchange(staged, place) {
                    Ok(()) => return Ok(Outcome::Replaced),
                    Err(Errno::NOENT) => {}
                    Err(error) if cannot_rename(error) => {
                        merge::merge(staged, place, &job.tree, journal)?;
                        return Ok(Outcome::Replaced);
                    }
                    Err(error) => return Err(failed(error, destination)),
                }
            }
        }
    }
}

/// Takes a specification away: moves it into the staging directory, which is going to be removed.
pub(super) fn take_away(
    place: &Spot,
    staging: &Rc<Directory>,
    journal: &mut Journal,
) -> Result<()> {
    match journal.rename(place, &staging.at("removed")) {
        Ok(()) => Ok(()),
        Err(error) if cannot_rename(error) => merge::empty(place, staging, journal),
        Err(error) => Err(io::Error::from(error).into()),
    }
}

/// Whether a directory cannot be renamed where it is. `XDEV`: it comes from a lower layer of an
/// overlay. The others: this file system, or this kernel, has no such rename.
fn cannot_rename(error: Errno) -> bool {
    matches!(error, Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP)
}

fn failed(error: Errno, destination: &Path) -> anyhow::Error {
    anyhow::Error::from(io::Error::from(error))
        .context(format!("could not move the specification to `{}`", destination.display()))
}

/// Looks at the place of the specification, and refuses what may not be replaced.
pub(super) fn examine(destination: &Path, replace: bool) -> Result<Present> {
    let shown = destination.display();
    let kind = match fs::symlink_metadata(destination) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Present::Nothing),
        Err(error) => return Err(error).context("could not look at the specification's place"),
    };
    if kind.is_symlink() {
        let target = fs::read_link(destination).unwrap_or_default();
        bail!(
            "`{shown}` is a symbolic link to `{}`, and a link is not replaced; \
             remove it, or choose another --kernel-name",
            target.display()
        );
    }
    if !kind.is_dir() {
        bail!("`{shown}` is not a directory; move it away, or choose another --kernel-name");
    }
    if replace {
        return Ok(Present::Directory);
    }
    if destination.join(KERNEL_JSON).symlink_metadata().is_ok() {
        bail!(
            "A kernel specification exists at '{shown}' and '--replace' has not been specified.  \
             Terminating."
        );
    }
    if fs::read_dir(destination)?.next().is_some() {
        bail!(
            "`{shown}` holds files but no kernel specification; move them away, \
             or let the specification take their place with --replace"
        );
    }
    Ok(Present::Directory)
}
