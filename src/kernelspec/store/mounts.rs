//! What is mounted in a specification. It cannot be moved with its directory, and whatever else is in the
//! file system that is mounted there would be removed with the files of the specification.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

use crate::files;

/// Refuses a specification in which something is mounted, as far as the system tells.
pub(super) fn refuse(specification: &Path) -> Result<()> {
    let mounts = files::read(Path::new("/proc/self/mountinfo")).unwrap_or_default();
    let Ok(place) = fs_err::canonicalize(specification) else { return Ok(()) };
    match of(&mounts).find(|mount| mount.starts_with(&place)) {
        Some(mount) => Err(is_one(&mount)),
        None => Ok(()),
    }
}

/// That this path is a mount point.
pub(super) fn is_one(path: &Path) -> anyhow::Error {
    anyhow!(
        "`{}` is a mount point, and what is mounted can be neither replaced nor removed; unmount it first. \
         In a container, mount the kernels directory in its place",
        path.display()
    )
}

/// The mount points of a `mountinfo`: the fifth word of each line, in which blanks and the like are octal.
fn of(mounts: &[u8]) -> impl Iterator<Item = PathBuf> {
    let points =
        mounts.split(|byte| *byte == b'\n').filter_map(|line| line.split(|b| *b == b' ').nth(4));
    points.map(|point| {
        let mut path = Vec::with_capacity(point.len());
        let mut rest = point;
        while let [first, after @ ..] = rest {
            let octal = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
            let escaped = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok());
            match (*first, escaped) {
                (b'\\', Some(byte)) => {
                    path.push(byte);
                    rest = &after[3..];
                }
                (byte, _) => {
                    path.push(byte);
                    rest = after;
                }
            }
        }
        OsString::from_vec(path).into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_read_as_they_are_called() {
        let text = b"21 1 0:20 / / rw - ext4 /dev/sda rw\n\
            36 21 0:33 /x /k/my\\040kernel\\134 rw shared:1 - tmpfs tmpfs rw\nbroken\n";
        let found: Vec<PathBuf> = of(text).collect();
        assert_eq!(found, [Path::new("/"), Path::new("/k/my kernel\\")]);
        refuse(Path::new("/proc")).unwrap_err();
        refuse(&std::env::current_exe().unwrap()).unwrap();
    }
}
