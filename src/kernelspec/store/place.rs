//! The place of a specification: what is there, and how a specification gets there and away.

use std::io;
use std::path::Path;
use std::rc::Rc;

use anyhow::Result;
use rustix::io::Errno;

use super::directory::{Directory, Location};
use super::journal::Journal;
use super::present::{Present, examine};
use super::{Job, Outcome, added_by_user, merge, mounts};

/// Moves the finished directory to its place. Another process may put a specification there, or
/// take it away, between any two calls.
pub(super) fn place(
    staged: &Location,
    place: &Location,
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
            Present::Empty => match journal.fill(staged, place) {
                Ok(()) => return Ok(Outcome::Replaced),
                // Another process was faster.
                Err(Errno::EXIST | Errno::NOTEMPTY | Errno::NOENT) => {}
                Err(error) if cannot_rename(error) => {
                    merge::merge(staged, place, job, journal)?;
                    return Ok(Outcome::Replaced);
                }
                Err(error) => return Err(failed(error, destination)),
            },
            Present::Marked => {
                merge::merge(staged, place, job, journal)?;
                return Ok(Outcome::Replaced);
            }
            Present::Directory => {
                mounts::refuse(destination)?;
                if let Some(files) = added_by_user(destination, &job.files) {
                    tracing::warn!(
                        "{files} in {} will be removed with the specification that is replaced.",
                        destination.display(),
                    );
                }
                match journal.exchange(staged, place) {
                    Ok(()) => return Ok(Outcome::Replaced),
                    Err(Errno::NOENT) => {}
                    Err(error) if cannot_rename(error) => {
                        merge::merge(staged, place, job, journal)?;
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
    place: &Location,
    staging: &Rc<Directory>,
    journal: &mut Journal,
) -> Result<()> {
    mounts::refuse(&place.shown())?;
    match journal.rename(place, &staging.at("removed")) {
        Ok(()) => Ok(()),
        Err(error) if cannot_rename(error) => merge::empty(place, staging, journal),
        Err(Errno::BUSY) => Err(mounts::is_one(&place.shown())),
        Err(error) => Err(io::Error::from(error).into()),
    }
}

/// Whether a directory cannot be renamed where it is. `XDEV`: it comes from a lower layer of an
/// overlay. The others: this file system, or this kernel, has no such rename.
pub(super) fn cannot_rename(error: Errno) -> bool {
    matches!(error, Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP)
}

fn failed(error: Errno, destination: &Path) -> anyhow::Error {
    if error == Errno::BUSY {
        return mounts::is_one(destination);
    }
    anyhow::Error::from(io::Error::from(error))
        .context(format!("could not move the specification to `{}`", destination.display()))
}
