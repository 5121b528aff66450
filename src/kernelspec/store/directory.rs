//! Directories that are held open. What is done in one is done in it, whatever others have put in its
//! place meanwhile, and no symbolic link below it is followed: who may write to a kernels directory
//! cannot lead another user's command to files elsewhere.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustix::fs::{
    AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, RawDir, RenameFlags, SeekFrom, Stat,
    fchmod, flock, fstat, linkat, mkdirat, openat, readlinkat, renameat, renameat_with, seek,
    statat, symlinkat, unlinkat,
};
use rustix::io::Errno;
use rustix::process::umask;

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// The mode of the directories that we make, whatever the umask.
pub(super) const DIRECTORY_MODE: u32 = 0o755;

/// What is no longer than that may be a path.
const PATH_MAX: usize = 4096;

/// How many bytes of names are read at once: more than a specification has.
const NAMES: usize = 4096;

/// An open directory.
#[derive(Debug)]
pub(super) struct Directory {
    descriptor: OwnedFd,
    /// Its path when it was opened, for messages.
    path: PathBuf,
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl Directory {
    /// Opens the directory that a path leads to.
    pub(super) fn open(path: &Path) -> io::Result<Rc<Self>> {
        let descriptor = rustix::fs::open(path, DIRECTORY, Mode::empty())
            .map_err(|error| failed("open", path, error))?;
        Ok(Rc::new(Self { descriptor, path: path.to_path_buf() }))
    }

    /// The directory of a specification, which no link leads to.
    pub(super) fn of_specification(path: &Path) -> io::Result<Rc<Self>> {
        Location::new(path)?.enter()
    }

    /// A place in it.
    pub(super) fn at(self: &Rc<Self>, path: impl Into<PathBuf>) -> Location {
        Location { root: Rc::clone(self), path: path.into() }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn set_mode(&self, mode: u32) -> io::Result<()> {
        let changed = fchmod(&self.descriptor, Mode::from_raw_mode(mode));
        changed.map_err(|error| failed("change the mode of", &self.path, error))
    }

    /// Whether it is this user's, or that of the owner of `above`, who decides about what is in there.
    pub(super) fn is_trusted_in(&self, above: &Self) -> bool {
        let owner = |directory: &Self| fstat(&directory.descriptor).map(|stat| stat.st_uid).ok();
        let own = rustix::process::geteuid().as_raw();
        owner(self).is_some_and(|it| it == own || owner(above) == Some(it))
    }

    /// Whether it is this user's, with the mode that we give to directories.
    pub(super) fn is_as_made(&self) -> bool {
        let own = rustix::process::geteuid().as_raw();
        fstat(&self.descriptor)
            .is_ok_and(|stat| stat.st_uid == own && stat.st_mode & 0o7777 == DIRECTORY_MODE)
    }

    /// Locks it, unless another process has. Only to be done with what nobody else can open: who may
    /// read a directory may lock it, and keep it locked.
    pub(super) fn lock(&self) -> bool {
        flock(&self.descriptor, FlockOperation::NonBlockingLockExclusive).is_ok()
    }

    /// Whether directories can be locked here.
    pub(super) fn knows_locks(&self) -> bool {
        let locked = flock(&self.descriptor, FlockOperation::NonBlockingLockExclusive);
        matches!(locked, Ok(()) | Err(Errno::WOULDBLOCK))
    }

    /// Which directory it is.
    pub(super) fn identity(&self) -> Result<Identity, Errno> {
        Ok(Identity::of(&fstat(&self.descriptor)?))
    }

    /// The names in it, and whether each is a directory, as far as they can be read.
    pub(super) fn names(&self) -> Vec<(OsString, bool)> {
        let mut names = Vec::new();
        // Somebody may have read them before.
        if seek(&self.descriptor, SeekFrom::Start(0)).is_err() {
            return names;
        }
        let mut buffer = [MaybeUninit::uninit(); NAMES];
        let mut entries = RawDir::new(&self.descriptor, &mut buffer);
        while let Some(Ok(entry)) = entries.next() {
            if [c".", c".."].contains(&entry.file_name()) {
                continue;
            }
            let name = OsString::from_vec(entry.file_name().to_bytes().to_vec());
            let kind = match entry.file_type() {
                FileType::Unknown => kind(self.descriptor.as_fd(), &name).ok(),
                known => Some(known),
            };
            names.push((name, kind == Some(FileType::Directory)));
        }
        names
    }

    /// Removes everything in it.
    pub(super) fn clear(self: &Rc<Self>) -> io::Result<()> {
        for (name, is_directory) in self.names() {
            let place = self.at(name);
            if is_directory {
                place.enter()?.clear()?;
                place.remove_directory()?;
            } else {
                place.remove_file()?;
            }
        }
        Ok(())
    }
}

/// Which file it is that has a name, as long as there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    number: u64,
}

impl Identity {
    pub(super) fn of(stat: &Stat) -> Self {
        Self { device: stat.st_dev, number: stat.st_ino }
    }

    pub(super) fn of_file(file: &File) -> Result<Self, Errno> {
        Ok(Self::of(&fstat(file)?))
    }
}

/// A place below a directory: of a file, of a directory, or of nothing.
#[derive(Clone, Debug)]
pub(super) struct Location {
    root: Rc<Directory>,
    path: PathBuf,
}

impl Location {
    /// A place in the directory that the path before the last `/` leads to.
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        match (path.parent(), path.file_name()) {
            (Some(directory), Some(name)) => Ok(Directory::open(directory)?.at(name)),
            _ => Err(failed("find", path, Errno::INVAL)),
        }
    }

    /// The path, for messages.
    pub(super) fn shown(&self) -> PathBuf {
        self.root.path.join(&self.path)
    }

    /// Another place in the same directory.
    pub(super) fn beside(&self, name: &str) -> Self {
        self.root.at(self.path.with_file_name(name))
    }

    /// The directory that is there.
    pub(super) fn enter(&self) -> io::Result<Rc<Directory>> {
        let opened = self.act(open_directory);
        let descriptor = opened.map_err(|error| self.failed("open", error))?;
        Ok(Rc::new(Directory { descriptor, path: self.shown() }))
    }

    /// Whether a directory is there.
    pub(super) fn is_directory(&self) -> bool {
        self.act(kind).is_ok_and(|kind| kind == FileType::Directory)
    }

    /// Moves what is here to another place. `EXIST` or `NOTEMPTY`: something is there.
    pub(super) fn move_to(&self, to: &Self) -> Result<(), Errno> {
        match self.rename(to, RenameFlags::NOREPLACE) {
            // The file system has no such flag. A plain rename takes the place of an empty directory
            // at most.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => self.replace(to),
            result => result,
        }
    }

    /// Moves what is here over what is there. A directory takes the place of an empty one only: `NOTEMPTY`.
    pub(super) fn replace(&self, to: &Self) -> Result<(), Errno> {
        self.act(|from, name| to.act(|to, other| renameat(from, name, to, other)))
    }

    /// Exchanges what is here with what is there.
    pub(super) fn exchange(&self, with: &Self) -> Result<(), Errno> {
        self.rename(with, RenameFlags::EXCHANGE)
    }

    fn rename(&self, to: &Self, flags: RenameFlags) -> Result<(), Errno> {
        self.act(|from, name| to.act(|to, other| renameat_with(from, name, to, other, flags)))
    }

    /// Keeps the file under a second name. Says whether there was one.
    pub(super) fn keep(&self, backup: &Self) -> io::Result<bool> {
        match self.link_to(backup) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            // A file system without hard links.
            Err(_) => self.copy(backup).map(|()| true),
        }
    }

    /// Gives the file that is here a second name. A symbolic link is not followed.
    pub(super) fn link_to(&self, to: &Self) -> Result<(), Errno> {
        self.act(|from, name| to.act(|to, other| linkat(from, name, to, other, AtFlags::empty())))
    }

    /// Which file is here.
    pub(super) fn identity(&self) -> Result<Identity, Errno> {
        Ok(Identity::of(&self.stat()?))
    }

    /// The mode of what is here.
    pub(super) fn mode(&self) -> Result<u32, Errno> {
        Ok(self.stat()?.st_mode & 0o7777)
    }

    /// What the system says of what is here.
    pub(super) fn stat(&self) -> Result<Stat, Errno> {
        self.act(|directory, name| statat(directory, name, AtFlags::SYMLINK_NOFOLLOW))
    }

    fn copy(&self, to: &Self) -> io::Result<()> {
        if let Some(target) = self.link() {
            return to.create_link(&target);
        }
        let mut from = self.open_file()?;
        let permissions = from.metadata()?.permissions();
        let mut to = to.create_file(0o600)?;
        io::copy(&mut from, &mut to)?;
        to.set_permissions(permissions)
    }

    pub(super) fn remove_file(&self) -> io::Result<()> {
        self.told("remove", |directory, name| unlinkat(directory, name, AtFlags::empty()))
    }

    pub(super) fn remove_directory(&self) -> io::Result<()> {
        self.told("remove", |directory, name| unlinkat(directory, name, AtFlags::REMOVEDIR))
    }

    /// Creates a directory with our mode.
    pub(super) fn create_directory(&self) -> io::Result<()> {
        self.told("create the directory", make_directory)
    }

    /// Creates a file, where nothing is.
    pub(super) fn create_file(&self, mode: u32) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let created = self.told("create", |directory, name| {
            openat(directory, name, flags, Mode::from_raw_mode(mode))
        });
        created.map(File::from)
    }

    /// Creates a symbolic link, where nothing is.
    pub(super) fn create_link(&self, target: &Path) -> io::Result<()> {
        self.told("create", |directory, name| symlinkat(target, directory, name))
    }

    /// Where the symbolic link leads that is there; `None` if none is.
    pub(super) fn link(&self) -> Option<PathBuf> {
        let target = self.act(|directory, name| readlinkat(directory, name, Vec::new())).ok()?;
        Some(OsString::from_vec(target.into_bytes()).into())
    }

    /// Opens the plain file that is there, for reading.
    pub(super) fn open_file(&self) -> io::Result<File> {
        self.open_with_stat().map(|(file, _)| file)
    }

    /// The same, with what the system says of it.
    pub(super) fn open_with_stat(&self) -> io::Result<(File, Stat)> {
        // A pipe would wait for its other end.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = self.told("open", |directory, name| {
            let file = openat(directory, name, flags, Mode::empty())?;
            let stat = fstat(&file)?;
            let kind = FileType::from_raw_mode(stat.st_mode);
            if kind == FileType::RegularFile { Ok((file, stat)) } else { Err(Errno::INVAL) }
        });
        opened.map(|(file, stat)| (File::from(file), stat))
    }

    /// The parents of this place below the directory, the outermost first.
    pub(super) fn parents(&self) -> Vec<Self> {
        let mut parents: Vec<Self> = self
            .path
            .ancestors()
            .skip(1)
            .filter(|path| !path.as_os_str().is_empty())
            .map(|path| self.root.at(path))
            .collect();
        parents.reverse();
        parents
    }

    fn told<T>(
        &self,
        doing: &str,
        act: impl FnOnce(BorrowedFd<'_>, &OsStr) -> Result<T, Errno>,
    ) -> io::Result<T> {
        self.act(act).map_err(|error| self.failed(doing, error))
    }

    fn failed(&self, doing: &str, error: Errno) -> io::Error {
        failed(doing, &self.shown(), error)
    }

    /// Does something with a name in the directory in which this place is.
    fn act<T>(
        &self,
        act: impl FnOnce(BorrowedFd<'_>, &OsStr) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        if self.path.as_os_str().len() >= PATH_MAX {
            return Err(Errno::NAMETOOLONG);
        }
        let name = self.path.file_name().ok_or(Errno::INVAL)?;
        let mut inner: Option<OwnedFd> = None;
        for part in self.path.parent().into_iter().flatten() {
            let directory = inner.as_ref().map_or(self.root.descriptor.as_fd(), AsFd::as_fd);
            inner = Some(open_directory(directory, part)?);
        }
        act(inner.as_ref().map_or(self.root.descriptor.as_fd(), AsFd::as_fd), name)
    }
}

/// Creates one directory with our mode.
pub(super) fn create_directory(path: &Path) -> io::Result<()> {
    make_directory(CWD, path.as_os_str()).map_err(|error| failed("create directory", path, error))
}

/// Creates a directory with our mode, whatever the umask and the default access control list of the
/// directory that it is in, which counts in the place of the umask. In one step where that is possible: a
/// process that was killed between two would leave a `share` that nobody else may enter, and the next one
/// takes it as it is.
fn make_directory(directory: BorrowedFd<'_>, name: &OsStr) -> Result<(), Errno> {
    let before = umask(Mode::empty());
    let made = mkdirat(directory, name, Mode::from_raw_mode(DIRECTORY_MODE));
    umask(before);
    made?;
    // A list may take something away of what was asked for, and never adds to it.
    if statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode & 0o777 != DIRECTORY_MODE {
        fchmod(open_directory(directory, name)?, Mode::from_raw_mode(DIRECTORY_MODE))?;
    }
    Ok(())
}

fn open_directory(directory: BorrowedFd<'_>, name: &OsStr) -> Result<OwnedFd, Errno> {
    openat(directory, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())
}

fn kind(directory: BorrowedFd<'_>, name: &OsStr) -> Result<FileType, Errno> {
    let stat = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(FileType::from_raw_mode(stat.st_mode))
}

fn failed(doing: &str, path: &Path, error: Errno) -> io::Error {
    let error = io::Error::from(error);
    io::Error::new(error.kind(), format!("failed to {doing} `{}`: {error}", path.display()))
}
