//! What a transaction has changed, so that it can be undone as long as not all of it has succeeded.

use std::io;
use std::rc::Rc;

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use super::directory::{Directory, Spot};

/// The changes so far, in their order.
#[derive(Default)]
pub(super) struct Journal {
    steps: Vec<Step>,
    /// Directories that go at the end if they have become empty, the innermost first.
    emptied: Vec<Spot>,
    /// Held to the end.
    locks: Vec<Rc<Directory>>,
}

enum Step {
    CreatedDirectory(Spot),
    /// A file where none was.
    Created(Spot),
    /// A file that was replaced or removed, and the old one to be put back.
    Changed(Spot, Spot),
    Renamed(Spot, Spot),
    Exchanged(Spot, Spot),
}

impl Journal {
    /// Renames a directory to a place where nothing is.
    pub(super) fn rename(&mut self, from: &Spot, to: &Spot) -> Result<(), Errno> {
        from.move_to(to)?;
        self.steps.push(Step::Renamed(from.clone(), to.clone()));
        Ok(())
    }

    /// Exchanges two directories.
    pub(super) fn exchange(&mut self, one: &Spot, other: &Spot) -> Result<(), Errno> {
        one.exchange(other)?;
        self.steps.push(Step::Exchanged(one.clone(), other.clone()));
        Ok(())
    }

    /// Keeps other processes from changing the files in the directory at the same time.
    pub(super) fn lock(&mut self, directory: &Rc<Directory>) {
        directory.lock(FlockOperation::LockExclusive);
        self.locks.push(Rc::clone(directory));
    }

    /// Creates a directory unless it is there.
    pub(super) fn create_directory(&mut self, place: &Spot) -> io::Result<()> {
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
        file: &Spot,
        target: &Spot,
        backup: &Rc<Directory>,
    ) -> io::Result<()> {
        let old = self.next_in(backup);
        let existed = target.keep(&old)?;
        file.replace(target)?;
        let target = target.clone();
        self.steps.push(if existed { Step::Changed(target, old) } else { Step::Created(target) });
        Ok(())
    }

    /// Removes a file, and keeps it in the directory `backup`.
    pub(super) fn remove(&mut self, file: &Spot, backup: &Rc<Directory>) -> io::Result<()> {
        let old = self.next_in(backup);
        if file.keep(&old)? {
            file.remove_file()?;
            self.steps.push(Step::Changed(file.clone(), old));
        }
        Ok(())
    }

    /// Lets a directory go at the end, if nothing is in it then.
    pub(super) fn remove_if_empty(&mut self, directory: Spot) {
        self.emptied.push(directory);
    }

    fn next_in(&self, backup: &Rc<Directory>) -> Spot {
        backup.at(self.steps.len().to_string())
    }

    /// Makes the changes final.
    pub(super) fn commit(self) {
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
        }
    }
}
