//! The directory in which a specification is made ready, beside its place.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context as _, Result, anyhow, bail};
use fs_err as fs;
use rustix::fs::FlockOperation;
use tempfile::TempDir;

use super::KERNEL_JSON;
use super::directory::{Directory, Spot};
use super::files::{Writer, create_directory};

/// How the name of a staging directory begins.
const PREFIX: &str = ".jupyter-docker-spec-";

/// What stands in its name before that of the specification that is being removed. Not allowed in
/// the name of a kernel.
const REMOVES: &str = ",removes=";

/// A directory of our own in the kernels directory. Dropping it removes it, with all that is in it
/// and the parent directories that were made for it.
pub(super) struct Staging {
    directory: TempDir,
    /// The same, open, and locked as long as it is in use: what nobody holds was left by a killed
    /// process.
    held: Rc<Directory>,
    kernels: Rc<Directory>,
    /// What had to be created above it, the outermost first. Dropped after `directory`.
    created: CreatedDirectories,
    /// What writes specifications into it.
    pub(super) writer: Writer,
}

impl Staging {
    /// Creates the directory, and the kernels directory if it is missing.
    pub(super) fn create(kernels: &Path, suffix: &str) -> Result<Self> {
        let created = CreatedDirectories::create(kernels)
            .map_err(|error| unwritable(kernels, &error, &error.to_string()))?;
        // Nobody looks for abandoned directories while another has been made and is not yet locked.
        let guard = Directory::open(kernels)?;
        if guard.lock(FlockOperation::NonBlockingLockExclusive) {
            remove_abandoned(&guard);
        }
        // A file system without locks only loses the tidying up after killed processes.
        guard.lock(FlockOperation::LockShared);
        let mut builder = tempfile::Builder::new();
        // Nobody else's business, whatever the umask.
        let private = Permissions::from_mode(0o700);
        let builder = builder.prefix(PREFIX).suffix(suffix).permissions(private);
        let directory = builder.tempdir_in(kernels).map_err(|error| {
            // Without the random name, which says nothing to anybody.
            let text = error.to_string();
            unwritable(kernels, &error, text.split(" at path ").next().unwrap_or(&text))
        })?;
        let name = directory.path().file_name().context("a new directory has a name")?;
        let held = guard.at(name).enter()?;
        held.lock(FlockOperation::NonBlockingLockExclusive);
        guard.lock(FlockOperation::Unlock);
        Ok(Self { directory, held, kernels: guard, created, writer: Writer::default() })
    }

    /// The directory for removing a specification, with the kernels directory it is in.
    pub(super) fn for_removal(directory: &Path) -> Result<(PathBuf, Self)> {
        let (Some(kernels), Some(name)) = (directory.parent(), directory.file_name()) else {
            bail!("`{}` is no directory of a specification", directory.display());
        };
        Ok((
            kernels.to_path_buf(),
            Self::create(kernels, &removal_suffix(&name.to_string_lossy()))?,
        ))
    }

    /// A place in it.
    pub(super) fn at(&self, name: impl Into<PathBuf>) -> Spot {
        self.held.at(name)
    }

    /// The directory itself.
    pub(super) fn directory(&self) -> &Rc<Directory> {
        &self.held
    }

    /// The kernels directory that it is in.
    pub(super) fn kernels(&self) -> &Rc<Directory> {
        &self.kernels
    }

    /// Removes the directory after the specification has been moved out of it, and keeps what was
    /// created above.
    pub(super) fn finish(mut self) {
        self.created.0.clear();
        let path = self.directory.keep();
        // The one that is open, whatever lies at its path by now.
        let name = path.file_name().unwrap_or_default();
        let removed = self.held.clear().and_then(|()| self.kernels.at(name).remove_directory());
        if let Err(error) = removed {
            tracing::warn!("Could not remove {}: {error}", path.display());
        }
    }

    /// Leaves the directory where it is, and says so.
    pub(super) fn keep(mut self) {
        self.created.0.clear();
        tracing::error!("What could not be put back is in {}", self.directory.keep().display());
    }
}

/// Completes the removal of the specification `name` if a process was killed in the middle of one.
/// Says whether there was one.
#[must_use]
pub fn finish_removal(kernels: &Path, name: &str) -> bool {
    let Ok(kernels) = Directory::open(kernels) else { return false };
    let suffix = removal_suffix(name).to_lowercase();
    let mut found = false;
    for staging in abandoned(&kernels) {
        if staging.path().to_string_lossy().to_lowercase().ends_with(&suffix) {
            found |= tidy(kernels.path(), staging.path()).is_ok();
        }
    }
    found
}

/// Removes a staging directory that a killed process has left, and what it was removing.
fn tidy(kernels: &Path, staging: &Path) -> io::Result<()> {
    let shown = staging.to_string_lossy();
    // The file name of `..` is none.
    let name = shown.rsplit_once(REMOVES).and_then(|(_, name)| Path::new(name).file_name());
    if let Some(specification) = name.map(|name| kernels.join(name)) {
        // Without a kernel.json, which goes first, it is what is left of the specification.
        if !specification.join(KERNEL_JSON).exists() {
            let _ = fs::remove_dir_all(specification);
        }
    }
    fs::remove_dir_all(staging)
}

/// How the name of a staging directory ends in which the specification `name` is removed.
fn removal_suffix(name: &str) -> String {
    // Longer ones would make the name longer than file systems take.
    let name: String = name.chars().take(100).collect();
    format!("{REMOVES}{name}")
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
                Err(error) => return Err(broken_link(path).unwrap_or(error)),
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

/// Why a directory cannot be made where a symbolic link is that leads to none.
fn broken_link(path: &Path) -> Option<io::Error> {
    let target = fs::read_link(path).ok()?;
    let (shown, target) = (path.display(), target.display());
    let reason = format!("`{shown}` is a symbolic link to `{target}`, which is not there");
    Some(io::Error::other(reason))
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

/// Removes what killed processes have left in a kernels directory in which nothing is to be written.
pub(super) fn tidy_up(kernels: &Path) {
    // Best effort, as ever: another process may be at it, or about to make a directory.
    if let Ok(kernels) = Directory::open(kernels)
        && kernels.lock(FlockOperation::NonBlockingLockExclusive)
    {
        remove_abandoned(&kernels);
    }
}

/// Removes the staging directories that killed processes have left.
fn remove_abandoned(kernels: &Rc<Directory>) {
    for staging in abandoned(kernels) {
        // Best effort: it may belong to another user.
        let _ = tidy(kernels.path(), staging.path());
    }
}

/// The staging directories that no living process holds, locked. Anybody who may write to the kernels
/// directory can make one whose name says that something is to be removed, so only those count that
/// are of this user, or of the owner of the kernels directory.
fn abandoned(kernels: &Rc<Directory>) -> impl Iterator<Item = Rc<Directory>> {
    let names = kernels.names().into_iter().map(|(name, _)| name);
    names.filter(|name| name.to_string_lossy().starts_with(PREFIX)).filter_map(|name| {
        let staging = kernels.at(name).enter().ok()?;
        let free = staging.is_trusted_in(kernels)
            && staging.lock(FlockOperation::NonBlockingLockExclusive);
        free.then_some(staging)
    })
}
