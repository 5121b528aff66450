//! The directory in which a specification is made ready, beside its place.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context as _, Result, anyhow, bail};
use fs_err as fs;
use rustix::fs::Stat;
use tempfile::TempDir;

use super::directory::{Directory, Identity, Location, create_directory};
use super::files::{Writer, walk};
use super::journal::Journal;
use super::merge;
use crate::layout::{KERNEL_JSON, STAGING};

/// How often a new one is made where somebody has taken the last for abandoned.
const TRIES: usize = 100;

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
        let guard = Directory::open(kernels)?;
        remove_abandoned(&guard);
        let mut builder = tempfile::Builder::new();
        // Nobody else's business, whatever the umask.
        let private = Permissions::from_mode(0o700);
        let builder = builder.prefix(STAGING).suffix(suffix).permissions(private);
        for _ in 0..TRIES {
            let directory = builder.tempdir_in(kernels).map_err(|error| {
                // Without the random name, which says nothing to anybody.
                let text = error.to_string();
                unwritable(kernels, &error, text.split(" at path ").next().unwrap_or(&text))
            })?;
            let name = directory.path().file_name().context("a new directory has a name")?;
            let place = guard.at(name);
            if let Some(held) = held(&place)? {
                let writer = Writer::default();
                return Ok(Self { directory, held, kernels: guard, created, writer });
            }
        }
        bail!(
            "another process removes every directory that is made in `{}`; end it, and run the command again",
            kernels.display()
        )
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
    pub(super) fn at(&self, name: impl Into<PathBuf>) -> Location {
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
        // Not within the macro, which does nothing where nobody listens.
        let path = self.directory.keep();
        tracing::error!("What could not be put back is in {}", path.display());
    }
}

/// A new directory, locked; `None` if another process was faster to lock it, and removes it. A file system
/// without locks only loses the tidying up after killed processes.
fn held(place: &Location) -> io::Result<Option<Rc<Directory>>> {
    let held = match place.enter() {
        Ok(held) => held,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    // A default access control list may have taken something away of what was asked for.
    held.set_mode(0o700)?;
    let locked = held.lock() || !held.knows_locks();
    Ok((locked && place.identity().ok() == held.identity().ok()).then_some(held))
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
            found |= tidy(&kernels, &staging, true).is_ok();
        }
    }
    found
}

/// Removes a staging directory that a killed process has left, and what it was removing. `asked`: somebody
/// wants that specification to be removed.
fn tidy(kernels: &Rc<Directory>, staging: &Rc<Directory>, asked: bool) -> io::Result<()> {
    let shown = staging.path().to_string_lossy();
    // The file name of `..` is none.
    let name = shown.rsplit_once(REMOVES).and_then(|(_, name)| Path::new(name).file_name());
    if let Some(specification) = name.map(|name| kernels.at(name)) {
        let _ = empty(&specification, staging, asked);
    }
    let Some(name) = staging.path().file_name() else { return Ok(()) };
    staging.clear()?;
    kernels.at(name).remove_directory()
}

/// Removes what is left of a specification of which a killed process has removed some files: those that it
/// kept under a second name, and directories in which nothing else is. Whatever somebody has put there since
/// stays.
fn empty(specification: &Location, staging: &Rc<Directory>, asked: bool) -> io::Result<()> {
    let directory = specification.enter()?;
    // It goes first.
    if directory.at(KERNEL_JSON).identity().is_ok() {
        return Ok(());
    }
    let old = staging.at(merge::OLD).enter();
    let removed: Vec<Stat> = old.iter().flat_map(all).collect();
    let (files, directories) = walk(&directory);
    let mut is_the_one = asked;
    for file in files.iter().map(|path| directory.at(path)) {
        if file.stat().is_ok_and(|stat| removed.iter().any(|old| are_one(&stat, old))) {
            file.remove_file()?;
            is_the_one = true;
        }
    }
    if is_the_one {
        for inner in directories.iter().rev() {
            // Fails for those that are in use.
            let _ = directory.at(inner).remove_directory();
        }
        specification.remove_directory()?;
    }
    Ok(())
}

/// What the system says of all that is in a directory.
fn all(directory: &Rc<Directory>) -> Vec<Stat> {
    let names = directory.names().into_iter().map(|(name, _)| directory.at(name));
    names.filter_map(|place| place.stat().ok()).collect()
}

/// Whether these are two names of one file. In an overlay, those of a file that was in a lower layer have
/// different numbers, but whatever changes the file, as a further name does, sets the same time of both.
fn are_one(one: &Stat, other: &Stat) -> bool {
    let by_time = |stat: &Stat| {
        let of_content = (stat.st_size, stat.st_mtime, stat.st_mtime_nsec, stat.st_mode);
        (stat.st_nlink > 1, stat.st_ctime, stat.st_ctime_nsec, stat.st_uid, of_content)
    };
    Identity::of(one) == Identity::of(other) || (one.st_nlink > 1 && by_time(one) == by_time(other))
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
    // Best effort, as ever: another process may be at it.
    if let Ok(kernels) = Directory::open(kernels) {
        remove_abandoned(&kernels);
    }
}

/// Removes the staging directories that killed processes have left.
fn remove_abandoned(kernels: &Rc<Directory>) {
    for staging in abandoned(kernels) {
        // Best effort: it may belong to another user.
        let _ = tidy(kernels, &staging, false);
    }
}

/// The staging directories that no living process holds, locked. Anybody who may write to the kernels
/// directory can make one whose name says that something is to be removed, so only those count that
/// are of this user, or of the owner of the kernels directory.
fn abandoned(kernels: &Rc<Directory>) -> impl Iterator<Item = Rc<Directory>> {
    let names = kernels.names().into_iter().map(|(name, _)| name);
    names.filter(|name| name.to_string_lossy().starts_with(STAGING)).filter_map(|name| {
        let staging = kernels.at(name).enter().ok()?;
        (staging.is_trusted_in(kernels) && staging.lock()).then_some(staging)
    })
}

/// The staging directories of one transaction.
#[derive(Default)]
pub(super) struct Stagings(Vec<(PathBuf, Staging)>);

impl Stagings {
    /// The staging directory in the same kernels directory as the specification.
    pub(super) fn of(&mut self, destination: &Path) -> Result<&mut Staging> {
        let kernels =
            destination.parent().context("a specification needs a directory to lie in")?;
        if let Some(index) = self.0.iter().position(|(directory, _)| directory == kernels) {
            return Ok(&mut self.0[index].1);
        }
        Ok(self.add((kernels.to_path_buf(), Staging::create(kernels, "")?)))
    }

    pub(super) fn add(&mut self, staging: (PathBuf, Staging)) -> &mut Staging {
        self.0.push(staging);
        let last = self.0.len() - 1;
        &mut self.0[last].1
    }

    /// Makes the changes final, or undoes them.
    pub(super) fn end(mut self, journal: Journal, result: Result<()>) -> Result<()> {
        let all_put_back = match &result {
            Ok(()) => {
                journal.commit();
                true
            }
            Err(_) => journal.undo(),
        };
        // The last first: it may lie in a directory that was created for an earlier one.
        while let Some((_, staging)) = self.0.pop() {
            match &result {
                Ok(()) => staging.finish(),
                Err(_) if all_put_back => drop(staging),
                // What could not be put back is in it.
                Err(_) => staging.keep(),
            }
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_directory_that_another_process_has_taken_away_or_locked_is_not_held() {
        let kernels = tempfile::tempdir().unwrap();
        let root = Directory::open(kernels.path()).unwrap();
        assert!(held(&root.at("gone")).unwrap().is_none());
        fs::create_dir(kernels.path().join("staging")).unwrap();
        assert!(held(&root.at("staging")).unwrap().is_some());
        let of_another = root.at("staging").enter().unwrap();
        assert!(of_another.lock());
        assert!(held(&root.at("staging")).unwrap().is_none());
        fs::write(kernels.path().join("file"), "").unwrap();
        assert!(held(&root.at("file")).is_err());
    }

    #[test]
    fn a_directory_that_is_there_by_the_time_it_is_made_will_do() {
        let root = tempfile::tempdir().unwrap();
        let there = || fs::read_dir(root.path()).unwrap().count();
        // The second is there as soon as the first is.
        let created = CreatedDirectories::create(&root.path().join("a/../b")).unwrap();
        assert_eq!(there(), 2);
        drop(created);
        assert_eq!(there(), 0);
    }

    /// In an overlay, one file may have two numbers.
    #[test]
    fn two_names_are_of_one_file_if_the_last_of_them_has_changed_both() {
        let kernels = tempfile::tempdir().unwrap();
        fs::write(kernels.path().join("file"), "").unwrap();
        let root = Directory::open(kernels.path()).unwrap();
        let stat = root.at("file").stat().unwrap();
        let changed = |mut stat: Stat, change: fn(&mut Stat)| {
            change(&mut stat);
            stat
        };
        let other = changed(stat, |stat| stat.st_ino += 1);
        let linked = |stat| changed(stat, |stat| stat.st_nlink = 2);
        let later = |stat| changed(stat, |stat| stat.st_ctime_nsec += 1);
        assert!(are_one(&stat, &stat));
        assert!(are_one(&linked(stat), &linked(later(stat))), "it is the same number");
        assert!(are_one(&linked(stat), &linked(other)));
        assert!(!are_one(&linked(stat), &linked(later(other))));
        // Who has one name only is no other.
        assert!(!are_one(&stat, &other));
        assert!(!are_one(&linked(stat), &other));
        assert!(!are_one(&stat, &linked(other)));
    }
}
