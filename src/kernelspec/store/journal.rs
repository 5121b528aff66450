//! What a transaction has changed, so that it can be undone as long as not all of it has succeeded.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::directory::{Directory, Identity, Location};
use crate::layout::REPLACING;

/// How often it is looked whether another process has done what it does with the same files, and how long it is
/// waited each time: a minute in all.
const LOOKS: u32 = 6000;
const PAUSE: Duration = Duration::from_millis(10);

/// The changes so far, in their order.
#[derive(Default)]
pub(super) struct Journal {
    steps: Vec<Step>,
    /// Directories that go at the end if they have become empty, the innermost first.
    emptied: Vec<Location>,
    /// The marks of specifications whose files are being replaced one by one, held to the end.
    marks: Vec<Mark>,
    /// How many files are kept.
    kept: usize,
}

/// A file in a specification that says that its files are being replaced or changed.
struct Mark {
    place: Location,
    /// Locked.
    _file: File,
    /// Whether it was there already, because a process was killed.
    was_left: bool,
}

impl Mark {
    /// Whether launchers look for it. Nobody minds if any other is left.
    fn is_for_launchers(&self) -> bool {
        self.place.shown().ends_with(REPLACING)
    }

    fn remove(&self) {
        match self.place.remove_file() {
            Err(error) if self.is_for_launchers() => {
                tracing::error!("No kernel can be started before this file is removed: {error}");
            }
            _ => {}
        }
    }
}

enum Step {
    CreatedDirectory(Location),
    /// A file where none was.
    Created(Location),
    /// A directory that took the place of an empty one, with the mode that one had.
    Filled(Location, Location, u32),
    /// A file that was replaced or removed, and the old one to be put back.
    Changed(Location, Location),
    Renamed(Location, Location),
    Exchanged(Location, Location),
}

impl Journal {
    /// Renames a directory to a place where nothing is.
    pub(super) fn rename(&mut self, from: &Location, to: &Location) -> Result<(), Errno> {
        from.move_to(to)?;
        self.steps.push(Step::Renamed(from.clone(), to.clone()));
        Ok(())
    }

    /// Exchanges two directories.
    pub(super) fn exchange(&mut self, one: &Location, other: &Location) -> Result<(), Errno> {
        one.exchange(other)?;
        self.steps.push(Step::Exchanged(one.clone(), other.clone()));
        Ok(())
    }

    /// Puts a directory in the place of an empty one.
    pub(super) fn fill(&mut self, from: &Location, to: &Location) -> Result<(), Errno> {
        let mode = to.mode()?;
        from.replace(to)?;
        self.steps.push(Step::Filled(from.clone(), to.clone(), mode));
        Ok(())
    }

    /// Marks a specification with a file of this name, which no other process may do meanwhile. `REPLACING`: its
    /// files are going to be replaced one by one, and no launcher starts with what is half the old and half the
    /// new one.
    pub(super) fn mark(&mut self, specification: &Rc<Directory>, name: &str) -> Result<()> {
        let place = specification.at(name);
        loop {
            // Only its owner may open it: others could keep it locked.
            let (file, was_left) = match place.create_file(0o600) {
                Ok(file) => {
                    file.set_permissions(Permissions::from_mode(0o600))?;
                    (file, false)
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    match place.open_file() {
                        Ok(file) => (file, true),
                        // The process that has made it is done.
                        Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                        Err(error) => return Err(error.into()),
                    }
                }
                Err(error) => return Err(error.into()),
            };
            lock(&file, &place.shown(), LOOKS)?;
            // The process that has made it may be done, and it gone.
            if place.identity().ok() == Identity::of_file(&file).ok() {
                self.marks.push(Mark { place, _file: file, was_left });
                return Ok(());
            }
        }
    }

    /// Creates a directory unless it is there.
    pub(super) fn create_directory(&mut self, place: &Location) -> io::Result<()> {
        if place.is_directory() {
            return Ok(());
        }
        place.create_directory()?;
        self.steps.push(Step::CreatedDirectory(place.clone()));
        Ok(())
    }

    /// Moves a file to its place, and keeps what is there in the directory `backup`.
    pub(super) fn replace(
        &mut self,
        file: &Location,
        target: &Location,
        backup: &Rc<Directory>,
    ) -> io::Result<()> {
        let old = self.next_in(backup);
        let existed = target.keep(&old)?;
        file.replace(target)?;
        let target = target.clone();
        self.steps.push(if existed { Step::Changed(target, old) } else { Step::Created(target) });
        Ok(())
    }

    /// Removes files, after all of them have a second name in the directory `backup`: which files they were
    /// can be told from that also after this process was killed.
    pub(super) fn remove(&mut self, files: &[Location], backup: &Rc<Directory>) -> Result<()> {
        let could_not = |file: &Location| format!("could not remove `{}`", file.shown().display());
        let mut kept = Vec::with_capacity(files.len());
        for file in files {
            let old = self.next_in(backup);
            // Can fail too: an overlay has to note that a file of a lower layer is gone.
            if file.keep(&old).with_context(|| could_not(file))? {
                kept.push((file, old));
            }
        }
        for (file, old) in kept {
            match file.remove_file() {
                Ok(()) => self.steps.push(Step::Changed(file.clone(), old)),
                // Another process removes it too.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error).with_context(|| could_not(file)),
            }
        }
        Ok(())
    }

    /// Lets a directory go at the end, if nothing is in it then.
    pub(super) fn remove_if_empty(&mut self, directory: Location) {
        self.emptied.push(directory);
    }

    fn next_in(&mut self, backup: &Rc<Directory>) -> Location {
        self.kept += 1;
        backup.at(self.kept.to_string())
    }

    /// Makes the changes final.
    pub(super) fn commit(self) {
        self.marks.iter().rev().for_each(Mark::remove);
        for directory in &self.emptied {
            // Fails for those that are still in use.
            let _ = directory.remove_directory();
        }
    }

    /// Undoes the changes, the last first. Says whether that has succeeded.
    pub(super) fn undo(self) -> bool {
        let mut succeeded = true;
        for step in self.steps.iter().rev() {
            if let Err(error) = step.undo() {
                tracing::error!("Could not put back the old specification: {error}");
                succeeded = false;
            }
        }
        // What was half replaced before is so again, and what could not be put back is.
        let goes = |mark: &&Mark| !mark.is_for_launchers() || succeeded && !mark.was_left;
        self.marks.iter().rev().filter(goes).for_each(Mark::remove);
        succeeded
    }
}

impl Step {
    fn undo(&self) -> io::Result<()> {
        match self {
            Self::CreatedDirectory(place) => place.remove_directory(),
            Self::Created(place) => place.remove_file(),
            Self::Changed(place, old) => Ok(old.replace(place)?),
            Self::Renamed(from, to) => Ok(to.move_to(from)?),
            Self::Exchanged(one, other) => Ok(one.exchange(other)?),
            Self::Filled(from, to, mode) => {
                to.move_to(from)?;
                to.create_directory()?;
                to.enter()?.set_mode(*mode)
            }
        }
    }
}

/// Waits until no other process has a file locked. Where the file system has no locks, nothing can be done.
fn lock(file: &File, path: &Path, looks: u32) -> Result<()> {
    for _ in 0..looks {
        if flock(file, FlockOperation::NonBlockingLockExclusive) != Err(Errno::WOULDBLOCK) {
            return Ok(());
        }
        thread::sleep(PAUSE);
    }
    bail!(
        "another process has kept `{}` locked for {} s; end the one that changes this specification, which \
         `fuser` names, and run the command again",
        path.display(),
        (PAUSE * looks).as_secs()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_process_keeps_locked_is_not_waited_for_for_ever() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let of_another = file.reopen().unwrap();
        flock(&of_another, FlockOperation::LockExclusive).unwrap();
        let error = lock(file.as_file(), file.path(), 2).unwrap_err().to_string();
        assert!(error.contains(" locked for 0 s; end the one that "), "{error}");
        drop(of_another);
        lock(file.as_file(), file.path(), 1).unwrap();
    }
}
