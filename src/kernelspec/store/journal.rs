//! What a transaction has changed, so that it can be undone as long as not all of it has succeeded.

use std::io;
use std::path::{Path, PathBuf};

use fs_err as fs;
use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};
use rustix::io::Errno;

use super::files::create_directory;

/// The changes so far, in their order.
#[derive(Default)]
pub(super) struct Journal {
    steps: Vec<Step>,
    /// Directories that go at the end if they have become empty, the innermost first.
    emptied: Vec<PathBuf>,
    /// Held to the end.
    locks: Vec<fs::File>,
}

enum Step {
    CreatedDirectory(PathBuf),
    /// A file where none was.
    Created(PathBuf),
    /// A file that was replaced or removed, and the old one to be put back.
    Changed(PathBuf, PathBuf),
    Renamed(PathBuf, PathBuf),
    Exchanged(PathBuf, PathBuf),
}

impl Journal {
    /// Renames a directory to a place where nothing is.
    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> Result<(), Errno> {
        rename_new(from, to)?;
        self.steps.push(Step::Renamed(from.to_path_buf(), to.to_path_buf()));
        Ok(())
    }

    /// Exchanges two directories.
    pub(super) fn exchange(&mut self, one: &Path, other: &Path) -> Result<(), Errno> {
        renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?;
        self.steps.push(Step::Exchanged(one.to_path_buf(), other.to_path_buf()));
        Ok(())
    }

    /// Keeps other processes from changing the files in the directory at the same time.
    pub(super) fn lock(&mut self, directory: &Path) -> io::Result<()> {
        let directory = fs::File::open(directory)?;
        // A file system without locks: nothing to be done about it.
        let _ = flock(&directory, FlockOperation::LockExclusive);
        self.locks.push(directory);
        Ok(())
    }

    /// Creates a directory unless it is there.
    pub(super) fn create_directory(&mut self, path: &Path) -> io::Result<()> {
        if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
            return Ok(());
        }
        create_directory(path)?;
        self.steps.push(Step::CreatedDirectory(path.to_path_buf()));
        Ok(())
    }

    /// Moves a file to its place, and keeps what is there in the directory `backup`.
    pub(super) fn replace(&mut self, file: &Path, target: &Path, backup: &Path) -> io::Result<()> {
        let old = self.next_in(backup);
        let existed = keep(target, &old)?;
        fs::rename(file, target)?;
        let target = target.to_path_buf();
        self.steps.push(if existed { Step::Changed(target, old) } else { Step::Created(target) });
        Ok(())
    }

    /// Removes a file, and keeps it in the directory `backup`.
    pub(super) fn remove(&mut self, file: &Path, backup: &Path) -> io::Result<()> {
        let old = self.next_in(backup);
        if keep(file, &old)? {
            fs::remove_file(file)?;
            self.steps.push(Step::Changed(file.to_path_buf(), old));
        }
        Ok(())
    }

    /// Lets a directory go at the end, if nothing is in it then.
    pub(super) fn remove_if_empty(&mut self, directory: PathBuf) {
        self.emptied.push(directory);
    }

    fn next_in(&self, backup: &Path) -> PathBuf {
        backup.join(self.steps.len().to_string())
    }

    /// Makes the changes final.
    pub(super) fn commit(self) {
        for directory in &self.emptied {
            // Fails for those that are still in use.
            let _ = fs::remove_dir(directory);
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
            Self::CreatedDirectory(path) => fs::remove_dir(path),
            Self::Created(path) => fs::remove_file(path),
            Self::Changed(path, old) => fs::rename(old, path),
            Self::Renamed(from, to) => Ok(rename_new(to, from)?),
            Self::Exchanged(one, other) => {
                Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
            }
        }
    }
}

/// Renames to a place where nothing is.
fn rename_new(from: &Path, to: &Path) -> Result<(), Errno> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // The file system has no such flag. A plain rename takes the place of an empty directory at
        // most.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => rustix::fs::rename(from, to),
        result => result,
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
