//! The directory in which a specification is made ready, beside its place.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use fs_err as fs;
use rustix::fs::{FlockOperation, flock};
use tempfile::TempDir;

use super::create_directory;

/// How the name of a staging directory begins.
const PREFIX: &str = ".jupyter-docker-spec-";

/// A directory of our own in the kernels directory. Dropping it removes it, with all that is in it
/// and the parent directories that were made for it.
pub(super) struct Staging {
    directory: TempDir,
    /// Held as long as the directory is in use: what nobody holds was left by a killed process.
    _lock: fs::File,
    /// What had to be created above it, the outermost first. Dropped after `directory`.
    created: CreatedDirectories,
}

impl Staging {
    /// Creates the directory, and the kernels directory if it is missing.
    pub(super) fn create(kernels: &Path) -> Result<Self> {
        let created = CreatedDirectories::create(kernels)
            .map_err(|error| unwritable(kernels, &error, &error.to_string()))?;
        // Nobody looks for abandoned directories while another has been made and is not yet locked.
        let guard = fs::File::open(kernels)?;
        if flock(&guard, FlockOperation::NonBlockingLockExclusive).is_ok() {
            remove_abandoned(kernels);
        }
        // A file system without locks only loses the tidying up after killed processes.
        let _ = flock(&guard, FlockOperation::LockShared);
        let directory =
            tempfile::Builder::new().prefix(PREFIX).tempdir_in(kernels).map_err(|error| {
                // Without the random name, which says nothing to anybody.
                let text = error.to_string();
                unwritable(kernels, &error, text.split(" at path ").next().unwrap_or(&text))
            })?;
        let lock = fs::File::open(directory.path())?;
        let _ = flock(&lock, FlockOperation::NonBlockingLockExclusive);
        Ok(Self { directory, _lock: lock, created })
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Removes the directory after the specification has been moved out of it, and keeps what was
    /// created above.
    pub(super) fn finish(mut self) {
        self.created.0.clear();
        let path = self.path().to_path_buf();
        if let Err(error) = self.directory.close() {
            tracing::warn!("Could not remove {}: {error}", path.display());
        }
    }
}

/// Directories that this process created and that go again unless they are kept.
struct CreatedDirectories(Vec<PathBuf>);

impl CreatedDirectories {
    /// Creates the directory and its missing parents.
    fn create(directory: &Path) -> io::Result<Self> {
        let mut created = Self(Vec::new());
        let missing: Vec<&Path> = directory.ancestors().take_while(|path| !path.exists()).collect();
        for path in missing.into_iter().rev() {
            match create_directory(path) {
                Ok(()) => created.0.push(path.to_path_buf()),
                // Another process was faster.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(created)
    }
}

impl Drop for CreatedDirectories {
    fn drop(&mut self) {
        for path in self.0.iter().rev() {
            // Not empty: somebody else has begun to use it.
            let _ = fs::remove_dir(path);
        }
    }
}

/// Why nothing can be made in a directory.
fn unwritable(directory: &Path, error: &io::Error, reason: &str) -> anyhow::Error {
    let advice = match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "; run the command as root, or install for yourself with --user"
        }
        io::ErrorKind::NotADirectory => "; move the file away that is in the place of a directory",
        _ => "",
    };
    anyhow!("could not write to the directory `{}`: {reason}{advice}", directory.display())
}

/// Removes the staging directories that killed processes have left.
fn remove_abandoned(kernels: &Path) {
    for entry in fs::read_dir(kernels).into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let Ok(lock) = fs::File::open(entry.path()) else { continue };
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            // Best effort: it may belong to another user.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
