//! Directories that can be written to, for users whom the image does not know.

use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use bootstrap::protocol::message::Start;
use rustix::fs::{Access, access};

/// How many names are tried in a directory that containers may share.
const NAMES: usize = 1000;

/// Where files may be written, the best place first.
pub(crate) fn places() -> impl Iterator<Item = PathBuf> {
    let home = env::var_os("HOME").map(PathBuf::from);
    let common = ["/dev/shm", "/tmp", "/var/tmp"].map(PathBuf::from);
    common.into_iter().chain(home).chain(env::current_dir())
}

/// Directories for temporary files that are of this container alone, as nothing is mounted there.
pub(crate) fn unshared() -> impl Iterator<Item = PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let is_mounted = move |directory: &Path| {
        let mut points = mounts.lines().filter_map(|mount| mount.split(' ').nth(4));
        mounts.is_empty() || points.any(|point| point != "/" && directory.starts_with(point))
    };
    let common = ["/tmp", "/var/tmp"].into_iter();
    let common = common.filter_map(|directory| fs::canonicalize(directory).ok());
    common.filter(move |directory| !is_mounted(directory))
}

/// Returns another home directory for the kernel if that of the image cannot be written to; `None` if it can, or
/// if there is no other.
pub(crate) fn replacement(start: &Start) -> Option<PathBuf> {
    let home = env::var_os("HOME").map(PathBuf::from);
    let is_made_up = |home: &Path| {
        // What Docker gives to users whom the image does not know, and what Podman does: where the container begins.
        let directory = start.directory.as_ref().map(|directory| &*directory.path);
        home == Path::new("/") || start.user.is_some() && directory == Some(home)
    };
    if home.is_some_and(|home| (start.has_home || !is_made_up(&home)) && is_writable(&home)) {
        return None;
    }
    let common = ["/tmp", "/var/tmp", "/dev/shm"].map(PathBuf::from);
    common.into_iter().find_map(|directory| make(&directory).ok())
}

/// Returns a directory for temporary files if there is none in the places where programs look; `None` if there is
/// one, or no other.
pub(crate) fn temporary() -> Option<PathBuf> {
    let usual = ["/tmp", "/var/tmp", "/usr/tmp"].map(PathBuf::from);
    let named = env::var_os("TMPDIR").map(PathBuf::from);
    let mut searched = named.into_iter().chain(usual);
    let shared = || Some(PathBuf::from("/dev/shm")).filter(|directory| is_writable(directory));
    if searched.any(|directory| is_writable(&directory)) { None } else { shared() }
}

fn is_writable(directory: &Path) -> bool {
    access(directory, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

fn make(parent: &Path) -> io::Result<PathBuf> {
    for number in 0..NAMES {
        let path = parent.join(format!("home-{number}"));
        match std::fs::DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}
