//! Reads files that somebody else may have tampered with: a user of the server, who owns the directory, may
//! put a link to one of root's files there, or change the contents.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Component, Path, PathBuf};

use fs_err::File;
use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::{as_text, read_sized};

/// How many links the system follows on one path.
const LINKS: usize = 40;

#[derive(Debug)]
pub(crate) struct Guarded {
    pub text: String,
    /// The first directory on the path, or the file itself, to which others than root and this user may
    /// write.
    pub open_to_others: Option<PathBuf>,
}

/// Reads a plain file. Whoever may write to `base` is trusted; a path that leads out of it is walked from the
/// root of the file system. No link is followed in a directory to which others may write.
pub(crate) fn read(base: &Path, path: &Path) -> io::Result<Guarded> {
    let is_below =
        path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    let whole = base.join(path);
    let (start, rest) = if is_below { (base, path) } else { (Path::new("/"), whole.as_path()) };
    let mut walk = Walk::new(start)?;
    if !is_below {
        walk.look_at_directory()?;
    }
    let mut parts = parts(rest);
    let mut links = 0;
    while let Some(name) = parts.pop_front() {
        let entry = rustix::fs::openat(&walk.directory, &name, PATH, Mode::empty())?;
        let found = rustix::fs::fstat(&entry)?;
        let here = walk.path.join(&name);
        match FileType::from_raw_mode(found.st_mode) {
            FileType::Symlink => {
                if let Some(open) = &walk.open_to_others {
                    return Err(refused(&here, "a symbolic link", open));
                }
                links += 1;
                if links > LINKS {
                    return Err(Errno::LOOP.into());
                }
                let target = rustix::fs::readlinkat(&entry, "", Vec::new())?.into_bytes();
                let target = PathBuf::from(OsString::from_vec(target));
                if target.is_absolute() {
                    walk.turn_to_root()?;
                }
                for part in self::parts(&target).into_iter().rev() {
                    parts.push_front(part);
                }
            }
            _ if parts.is_empty() => {
                walk.note(&entry, &found, &here);
                return walk.read(&name, &here, &found);
            }
            _ => {
                walk.note(&entry, &found, &here);
                (walk.directory, walk.path) = (entry, here);
            }
        }
    }
    Err(io::Error::other(format!("`{}` is not a plain file", whole.display())))
}

const PATH: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// How far a path has been walked.
struct Walk {
    directory: OwnedFd,
    path: PathBuf,
    open_to_others: Option<PathBuf>,
}

impl Walk {
    fn new(start: &Path) -> io::Result<Self> {
        let directory = rustix::fs::open(start, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self { directory, path: start.to_path_buf(), open_to_others: None })
    }

    fn turn_to_root(&mut self) -> io::Result<()> {
        let root = Self::new(Path::new("/"))?;
        (self.directory, self.path) = (root.directory, root.path);
        self.look_at_directory()
    }

    fn look_at_directory(&mut self) -> io::Result<()> {
        let found = rustix::fs::fstat(&self.directory)?;
        if self.open_to_others.is_none() && !is_closed(&self.directory, &found) {
            self.open_to_others = Some(self.path.clone());
        }
        Ok(())
    }

    fn note(&mut self, entry: &OwnedFd, found: &Stat, path: &Path) {
        if self.open_to_others.is_none() && !is_closed(entry, found) {
            self.open_to_others = Some(path.to_path_buf());
        }
    }

    /// Reads the file at the end of the path.
    fn read(self, name: &OsStr, path: &Path, found: &Stat) -> io::Result<Guarded> {
        let shown = path.display().to_string();
        let is_plain = FileType::from_raw_mode(found.st_mode) == FileType::RegularFile;
        // Files that are not plain are not even opened: some devices act when they are.
        let open = |flags| rustix::fs::openat(&self.directory, name, flags, Mode::empty());
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = if is_plain { Some(open(flags)?) } else { None };
        let same = |now: &Stat| (now.st_dev, now.st_ino) == (found.st_dev, found.st_ino);
        let Some(file) = file.filter(|file| rustix::fs::fstat(file).is_ok_and(|now| same(&now)))
        else {
            return Err(io::Error::other(format!("`{shown}` is not a plain file")));
        };
        if let Some(open) = self.open_to_others.as_ref().filter(|_| found.st_nlink > 1) {
            return Err(refused(path, "a second name of a file", open));
        }
        let size = u64::try_from(found.st_size).unwrap_or_default();
        let bytes = read_sized(File::from_parts(file.into(), path), size, &shown)?;
        Ok(Guarded { text: as_text(bytes, &shown)?, open_to_others: self.open_to_others })
    }
}

/// Whether only root and this user may write to it. Root's group counts as root, unless the mode's group bits
/// are the mask of an access control list.
fn is_closed(entry: &OwnedFd, found: &Stat) -> bool {
    let is_ours = [0, rustix::process::geteuid().as_raw()].contains(&found.st_uid);
    let of_group = || found.st_gid == 0 && !has_list(entry);
    is_ours && found.st_mode & 0o002 == 0 && (found.st_mode & 0o020 == 0 || of_group())
}

/// Whether it has an access control list, or may have one because the system does not say.
fn has_list(entry: &OwnedFd) -> bool {
    // A descriptor opened with `O_PATH` has no attributes, but its name has.
    let name = format!("/proc/self/fd/{}", entry.as_raw_fd());
    let asked = rustix::fs::getxattr(name, c"system.posix_acl_access", &mut [0_u8; 0][..]);
    !matches!(asked, Err(Errno::NODATA | Errno::OPNOTSUPP))
}

fn refused(path: &Path, what: &str, open: &Path) -> io::Error {
    let (path, open) = (path.display(), open.display());
    io::Error::other(format!("`{path}` is {what}, and others may write to `{open}`"))
}

/// The names in a path, from its start.
fn parts(path: &Path) -> VecDeque<OsString> {
    let names = path.as_os_str().as_bytes().split(|byte| *byte == b'/');
    names
        .filter(|name| !name.is_empty() && *name != b".")
        .map(|name| OsStr::from_bytes(name).to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// Makes a file in a directory of this mode, and a file beside that directory.
    fn place(mode: u32) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs_err::create_dir(root.path().join("own")).unwrap();
        fs_err::write(root.path().join("own/file"), "A=1").unwrap();
        fs_err::write(root.path().join("secret"), "SECRET=1").unwrap();
        let mode = std::fs::Permissions::from_mode(mode);
        fs_err::set_permissions(root.path().join("own"), mode).unwrap();
        root
    }

    #[test]
    fn where_others_may_write_no_link_is_followed() {
        for (mode, is_open) in [(0o755, false), (0o700, false), (0o757, true), (0o1777, true)] {
            let root = place(mode);
            let own = root.path().join("own");
            std::os::unix::fs::symlink("../secret", own.join("link")).unwrap();
            std::os::unix::fs::symlink("..", own.join("out")).unwrap();
            fs_err::hard_link(root.path().join("secret"), own.join("second")).unwrap();
            let found = read(root.path(), Path::new("own/file")).unwrap();
            assert_eq!(found.text, "A=1");
            assert_eq!(found.open_to_others, is_open.then_some(own), "{mode:o}");
            for name in ["own/link", "own/out/secret", "own/second"] {
                let read = read(root.path(), Path::new(name));
                match read {
                    Ok(found) => assert!(!is_open && found.text == "SECRET=1", "{name}"),
                    Err(error) => {
                        let error = error.to_string();
                        assert!(is_open && error.contains("and others may write to"), "{error}");
                    }
                }
            }
        }
    }

    #[test]
    fn an_access_control_list_may_let_others_write() {
        let root = place(0o775);
        let own = root.path().join("own");
        let open = || read(root.path(), Path::new("own/file")).unwrap().open_to_others;
        let own_group = rustix::fs::stat(&own).unwrap().st_gid;
        // Its owner, user 7, the group, at most and others: nothing for the group itself.
        let entries = [
            (1_u16, 7_u16, u32::MAX),
            (2, 7, 7),
            (4, 0, u32::MAX),
            (16, 7, u32::MAX),
            (32, 5, u32::MAX),
        ];
        let mut list = 2_u32.to_le_bytes().to_vec();
        for (tag, permissions, who) in entries {
            list.extend(tag.to_le_bytes());
            list.extend(permissions.to_le_bytes());
            list.extend(who.to_le_bytes());
        }
        assert_eq!(open(), (own_group != 0).then(|| own.clone()));
        let name = c"system.posix_acl_access";
        rustix::fs::setxattr(&own, name, &list, rustix::fs::XattrFlags::empty()).unwrap();
        assert_eq!(open(), Some(own));
    }

    #[test]
    fn whoever_may_write_to_the_base_is_trusted() {
        let root = place(0o757);
        let own = root.path().join("own");
        std::os::unix::fs::symlink("../secret", own.join("link")).unwrap();
        // Everything there may belong to that user, including the link.
        assert_eq!(read(&own, Path::new("link")).unwrap().text, "SECRET=1");
        assert!(read(&own, Path::new("file")).unwrap().open_to_others.is_none());
        assert!(read(&own, &own.join("link")).is_err());
        assert!(read(&own, Path::new("../own/link")).is_err());
    }

    #[test]
    fn only_plain_files_are_read() {
        let root = place(0o755);
        let path = |name: &str| root.path().join(name);
        rustix::fs::mkfifoat(rustix::fs::CWD, path("own/pipe"), Mode::from(0o600)).unwrap();
        std::os::unix::fs::symlink("loop", path("own/loop")).unwrap();
        for (name, reason) in [
            ("own/pipe", "is not a plain file"),
            ("own", "is not a plain file"),
            ("own/..", "is not a plain file"),
            ("/dev/zero", "is not a plain file"),
            ("own/file/x", "Not a directory"),
            ("own/loop", "symbolic links"),
        ] {
            let error = read(root.path(), Path::new(name)).unwrap_err().to_string();
            assert!(error.contains(reason), "{name}: {error}");
        }
        let error = read(root.path(), Path::new("own/none")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
