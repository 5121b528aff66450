//! Files that need not be written, because they are there already, and get another name instead.
//!
//! - A file of the specification that is replaced, if it is as the new one would be: its bytes and its mode
//!   are the same, it is this user's, nobody else may write to it, and it has no other name by which
//!   somebody might edit it. The old name goes with the old specification.
//! - A program that this transaction has put into another specification, or that has been in several before.
//!   Nothing else in a specification is as large, or takes as long to write, and nobody edits it.
//!
//! Whatever is in the way, the file is written.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Stat, fgetxattr, fstat};
use rustix::io::Errno;

use super::directory::{Identity, Spot};

/// How much of two files is compared at once: more memory takes longer to get than it saves calls.
const PART: usize = 64 << 10;

/// The programs that lie in a staging directory already.
#[derive(Default)]
pub(super) struct Programs(Vec<Program>);

struct Program {
    /// The file that it is a copy of.
    source: PathBuf,
    place: Spot,
    identity: Identity,
}

impl Programs {
    /// Gives the program `source` another name at `place`, if it lies in the staging directory.
    pub(super) fn link(&self, source: &Path, place: &Spot) -> io::Result<bool> {
        match self.0.iter().find(|program| program.source == source) {
            Some(program) => link(&program.place, program.identity, place),
            None => Ok(false),
        }
    }

    /// Notes that the program `source` lies at this place, for those that follow.
    pub(super) fn add(&mut self, source: &Path, place: &Spot, identity: Identity) {
        self.0.retain(|program| program.source != source);
        self.0.push(Program { source: source.to_path_buf(), place: place.clone(), identity });
    }
}

/// What is in a file that is to be written.
pub(super) enum New<'a> {
    Bytes(&'a [u8]),
    File(&'a File),
}

/// Gives the file that is at `installed` another name at `place`, if it is as the new one would be. Says which
/// file that is then. Nobody can exchange the directory in which it is between two looks at it: it is open.
pub(super) fn link_installed(
    installed: &Spot,
    new: &New<'_>,
    mode: u32,
    place: &Spot,
) -> io::Result<Option<Identity>> {
    // The file stays open, so that its number is no other's meanwhile.
    let Some((_file, identity)) = is_installed_file(installed, new, mode) else { return Ok(None) };
    Ok(link(installed, identity, place)?.then_some(identity))
}

/// The file that is at `installed`, if it is as the new one would be.
pub(super) fn is_installed_file(
    installed: &Spot,
    new: &New<'_>,
    mode: u32,
) -> Option<(File, Identity)> {
    let (file, stat) = installed.open_with_stat().ok()?;
    let unchanged = is_as_written(&file, &stat, mode) && new.is_in(&file, &stat).unwrap_or(false);
    unchanged.then(|| (file, Identity::of(&stat)))
}

/// Gives a file another name. Whoever may write to its directory may have put another file there: that is
/// let go again.
fn link(from: &Spot, identity: Identity, to: &Spot) -> io::Result<bool> {
    // A file system without links, another file system, as many as there can be: here all of them say so.
    if from.link_to(to).is_err() {
        return Ok(false);
    }
    if to.identity() == Ok(identity) {
        return Ok(true);
    }
    to.remove_file()?;
    Ok(false)
}

/// Whether the file is this user's, nobody else may write to it, and it gives nobody any right: as files
/// are that we write.
fn is_as_written(file: &File, stat: &Stat, mode: u32) -> bool {
    stat.st_uid == rustix::process::geteuid().as_raw()
        // Also those of an access control list: what it allows at most is in the place of the group's.
        && stat.st_mode & 0o7777 == mode
        && (mode & 0o111 == 0 || !has_capabilities(file))
}

/// Whether the file gives who runs it some of the administrator's rights, as a bit of its mode can.
fn has_capabilities(file: &File) -> bool {
    let asked = fgetxattr(file, c"security.capability", &mut [0_u8; 0][..]);
    // There are none, or the file system knows of none.
    !matches!(asked, Err(Errno::NODATA | Errno::OPNOTSUPP))
}

impl New<'_> {
    /// Whether that, and no more, is in a file that may be kept.
    fn is_in(&self, file: &File, stat: &Stat) -> io::Result<bool> {
        let size = u64::try_from(stat.st_size).unwrap_or_default();
        match self {
            Self::Bytes(bytes) => {
                if stat.st_nlink != 1 || bytes.len() as u64 != size {
                    return Ok(false);
                }
                let mut found = vec![0; bytes.len()];
                file.read_exact_at(&mut found, 0)?;
                Ok(found == *bytes)
            }
            Self::File(new) => {
                let of_new = fstat(new)?;
                // A specification outlives an upgrade of the tool, so it has not the tool's own file.
                let other = Identity::of(&of_new) != Identity::of(stat);
                Ok(other && of_new.st_size == stat.st_size && have_same_bytes(new, file, size)?)
            }
        }
    }
}

/// Whether the first `size` bytes of two files are the same.
fn have_same_bytes(one: &File, other: &File, size: u64) -> io::Result<bool> {
    let mut parts = vec![0; 2 * PART];
    let (of_one, of_other) = parts.split_at_mut(PART);
    let mut done = 0;
    while done < size {
        let length = usize::try_from(size - done).map_or(PART, |left| left.min(PART));
        one.read_exact_at(&mut of_one[..length], done)?;
        other.read_exact_at(&mut of_other[..length], done)?;
        if of_one[..length] != of_other[..length] {
            return Ok(false);
        }
        done += length as u64;
    }
    Ok(true)
}
