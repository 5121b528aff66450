//! Reads plain files that may be something else: a pipe without a writer, a device that never ends, a file as
//! large as the disk.

pub(crate) mod guarded;

use std::io::{self, Read};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use fs_err::{File, OpenOptions};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, statat};
use rustix::io::Errno;

/// The size limit for files that people write.
const MAX_SIZE: u64 = 16 << 20;

/// The directory of a specification, kept open while its files are read: what is at its path may be replaced,
/// or removed file by file, at any time.
#[derive(Debug)]
pub(crate) struct OpenDirectory {
    directory: OwnedFd,
    path: PathBuf,
    /// The paths read so far, with their files; `None` if there was no file.
    read: Vec<(PathBuf, Option<OwnedFd>)>,
}

impl OpenDirectory {
    /// Opens the directory; `None` if it does not exist.
    pub(crate) fn open(path: &Path) -> io::Result<Option<Self>> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(directory) => {
                Ok(Some(Self { directory, path: path.to_path_buf(), read: Vec::new() }))
            }
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(error) => Err(failed(path, error)),
        }
    }

    /// Reads a plain file in the directory; `None` if nothing is at the path. A link that leads nowhere is an
    /// error.
    pub(crate) fn read(&mut self, relative: &Path) -> io::Result<Option<Vec<u8>>> {
        let path = self.path.join(relative);
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&self.directory, relative, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => {
                if statat(&self.directory, relative, AtFlags::SYMLINK_NOFOLLOW).is_ok() {
                    let reason =
                        format!("`{}` is a link to a file that is not there", path.display());
                    return Err(io::Error::other(reason));
                }
                self.read.push((relative.to_path_buf(), None));
                return Ok(None);
            }
            Err(error) => return Err(failed(&path, error)),
        };
        let held = file.try_clone()?;
        let PlainFile { file, size, .. } = PlainFile::of(File::from_parts(file.into(), &path))?;
        let bytes = read_sized(file, size, &path.display().to_string())?;
        // The file stays open, so that its inode is not reused meanwhile.
        self.read.push((relative.to_path_buf(), Some(held)));
        Ok(Some(bytes))
    }

    /// Whether something is at this path in the directory.
    pub(crate) fn has(&self, relative: &Path) -> bool {
        statat(&self.directory, relative, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// Whether the directory is still at its path, and the files that were read are still in it: removing or
    /// replacing them moves them first.
    pub(crate) fn is_unchanged(&self) -> bool {
        let same = |held: Result<Stat, Errno>, now: Result<Stat, Errno>| match (held, now) {
            (Ok(held), Ok(now)) => (held.st_dev, held.st_ino) == (now.st_dev, now.st_ino),
            _ => false,
        };
        let files = self.read.iter().all(|(path, file)| {
            let now = statat(&self.directory, path, AtFlags::empty());
            match file {
                Some(file) => same(fstat(file), now),
                None => matches!(now, Err(Errno::NOENT)),
            }
        });
        files && same(fstat(&self.directory), rustix::fs::stat(&self.path))
    }
}

fn failed(path: &Path, error: Errno) -> io::Error {
    let error = io::Error::from(error);
    io::Error::new(error.kind(), format!("failed to open `{}`: {error}", path.display()))
}

/// A plain file, open for reading.
#[derive(Debug)]
pub(crate) struct PlainFile {
    pub file: File,
    /// Its size in bytes when it was opened.
    pub size: u64,
    /// Its permissions, as `chmod` takes them.
    pub mode: u32,
    /// Which file it is.
    pub identity: Identity,
}

/// A file in one state: its device, inode, size and time of modification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity(u64, u64, i64, i64, i64);

impl PlainFile {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        // Without `O_NONBLOCK`, opening a pipe would wait for a writer.
        options.read(true).options_mut().custom_flags(OFlags::NONBLOCK.bits().cast_signed());
        Self::of(options.open(path)?)
    }

    /// Fails unless the file is a plain one.
    fn of(file: File) -> io::Result<Self> {
        // The standard library would query more than is needed.
        let found = rustix::fs::fstat(file.as_fd())?;
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
            let reason = format!("`{}` is not a plain file", file.path().display());
            return Err(io::Error::other(reason));
        }
        let size = u64::try_from(found.st_size).unwrap_or_default();
        Ok(Self { file, size, mode: found.st_mode & 0o7777, identity: Identity::of(&found) })
    }
}

impl Identity {
    fn of(found: &Stat) -> Self {
        let time = (found.st_mtime, found.st_mtime_nsec.cast_signed());
        Self(found.st_dev, found.st_ino, found.st_size, time.0, time.1)
    }
}

/// Which file is there, and its permissions, without opening it; `None` if that cannot be told.
pub(crate) fn identity(path: &Path) -> Option<(Identity, u32)> {
    let found = rustix::fs::stat(path).ok()?;
    Some((Identity::of(&found), found.st_mode & 0o7777))
}

/// Opens a plain file for reading.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    Ok(PlainFile::open(path)?.file)
}

/// Reads a plain file of at most 16 MiB.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let PlainFile { file, size, .. } = PlainFile::open(path)?;
    read_sized(file, size, &path.display().to_string())
}

/// Reads UTF-8 text of at most 16 MiB, from a pipe for instance. `name` is for messages.
pub(crate) fn text(from: impl Read, name: &str) -> io::Result<String> {
    as_text(read_limited(from, name)?, name)
}

fn read_limited(from: impl Read, name: &str) -> io::Result<Vec<u8>> {
    read_rest(Vec::new(), from, name)
}

/// Reads a file of `size` bytes, as far as that is known in advance: the files of the system have none, and
/// others may grow. If it is right, one call of `read` suffices.
fn read_sized(mut from: impl Read, size: u64, name: &str) -> io::Result<Vec<u8>> {
    if size == 0 || size > MAX_SIZE {
        return read_limited(from, name);
    }
    let size = usize::try_from(size).unwrap_or_default();
    // A file of this size leaves the last byte free, so that no second call is needed.
    let mut bytes = vec![0; size + 1];
    let read = loop {
        match from.read(&mut bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => break read?,
        }
    };
    bytes.truncate(read);
    if read == size { Ok(bytes) } else { read_rest(bytes, from, name) }
}

/// Appends the rest of `from` to `bytes`.
fn read_rest(mut bytes: Vec<u8>, from: impl Read, name: &str) -> io::Result<Vec<u8>> {
    from.take(MAX_SIZE + 1 - bytes.len() as u64).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_SIZE {
        let reason = format!("`{name}` is larger than {} MiB", MAX_SIZE >> 20);
        return Err(io::Error::other(reason));
    }
    Ok(bytes)
}

fn as_text(bytes: Vec<u8>, name: &str) -> io::Result<String> {
    String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, format!("`{name}` is not UTF-8")))
}

/// Reads UTF-8 text from a plain file of at most 16 MiB.
pub(crate) fn read_to_string(path: &Path) -> io::Result<String> {
    as_text(read(path)?, &path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Yields at most `at_once` bytes per call, and counts the calls.
    struct Source<'a> {
        left: &'a [u8],
        at_once: usize,
        calls: usize,
    }

    impl Read for Source<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.calls += 1;
            let at_once = self.at_once.min(into.len());
            self.left.read(&mut into[..at_once])
        }
    }

    #[test]
    fn a_file_is_read_whole_whatever_its_size_is_said_to_be() {
        let content = b"0123456789";
        for (size, at_once, calls) in [
            // The usual case.
            (10, 100, Some(1)),
            (10, 3, None),
            // The file has become shorter.
            (20, 100, Some(2)),
            // The file has grown, or the system does not know its size.
            (9, 100, None),
            (4, 100, None),
            (4, 2, None),
            (0, 100, None),
            (0, 1, None),
        ] {
            let mut source = Source { left: content, at_once, calls: 0 };
            let read = read_sized(&mut source, size, "file").unwrap();
            assert_eq!(read, content, "{size}, {at_once}");
            assert_eq!(calls.unwrap_or(source.calls), source.calls, "{size}, {at_once}");
        }
    }

    #[test]
    fn what_is_too_large_is_refused_before_and_after() {
        let max_size = usize::try_from(MAX_SIZE).unwrap();
        let content = vec![b'.'; max_size + 1];
        for size in [0, 10, MAX_SIZE, MAX_SIZE + 1] {
            let error = read_sized(&content[..], size, "file").unwrap_err();
            assert_eq!(error.to_string(), "`file` is larger than 16 MiB", "{size}");
            assert_eq!(
                read_sized(&content[..max_size], size, "file").unwrap().len(),
                max_size,
                "{size}"
            );
        }
    }

    #[test]
    fn only_plain_files_are_opened() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs_err::write(&path, "text").unwrap();
        let plain = PlainFile::open(&path).unwrap();
        assert_eq!((plain.size, plain.mode & 0o400), (4, 0o400));
        assert_eq!(read(&path).unwrap(), b"text");
        let reason = read(directory.path()).unwrap_err().to_string();
        assert_eq!(reason, format!("`{}` is not a plain file", directory.path().display()));
        assert!(!read_to_string(Path::new("/proc/self/status")).unwrap().is_empty());
    }
}
