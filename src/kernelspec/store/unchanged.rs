//! Whether a specification is there already, exactly as it would be installed.
//!
//! Then nothing is written: whoever installs again with every start of a container, or in a layer of an image
//! over one that has the specification, changes no file and adds none.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::rc::Rc;

use rustix::fs::{Stat, fgetxattr, fstat};
use rustix::io::Errno;

use super::directory::{Directory, Identity, Location};
use super::files::{mode_of, walk};
use super::job::{self, Content, Job};
use crate::files;

/// How much of two files is compared at once: more memory takes longer to get than it saves calls.
const PART: usize = 128 << 10;

/// Whether the specification is in its place: the same files with the same bytes, no others, and all of
/// it this user's and with the modes that we give. Whatever cannot be looked at is not the same.
pub(super) fn is_installed(job: &Job) -> bool {
    let Ok(root) = Directory::of_specification(&job.destination) else { return false };
    // What takes longest comes last.
    let files = &*job.files;
    has_data(&root, files) && has_no_others(&root, files) && has_programs(&root, files)
}

fn has_data(root: &Rc<Directory>, new: &[job::File]) -> bool {
    // The last of them is kernel.json, which is the first to differ.
    new.iter().rev().all(|file| match &file.content {
        Content::Bytes(bytes) => {
            is_installed_file(&root.at(&file.path), &New::Bytes(bytes), mode_of(file))
        }
        Content::Program(_) => true,
        // Copies of other people's files are made again.
        Content::CopyOf(_) | Content::CopyIn(..) | Content::Edited(..) | Content::LinkTo(_) => {
            false
        }
    })
}

fn has_programs(root: &Rc<Directory>, new: &[job::File]) -> bool {
    new.iter().all(|file| {
        let Content::Program(source) = &file.content else { return true };
        files::open(source).is_ok_and(|program| {
            let program = New::File(program.file());
            is_installed_file(&root.at(&file.path), &program, mode_of(file))
        })
    })
}

fn has_no_others(root: &Rc<Directory>, new: &[job::File]) -> bool {
    let (files, directories) = walk(root);
    let wanted: BTreeSet<&Path> = new.iter().flat_map(|file| parents(&file.path)).collect();
    // That all that is wanted is there is for the others to say.
    files.len() == new.len()
        && directories.len() == wanted.len()
        && root.is_as_made()
        && directories
            .iter()
            .all(|path| root.at(path).enter().is_ok_and(|directory| directory.is_as_made()))
}

/// The directories in a specification that a path leads through.
fn parents(path: &Path) -> impl Iterator<Item = &Path> {
    path.ancestors().skip(1).filter(|path| !path.as_os_str().is_empty())
}

/// What is in a file that is to be installed.
enum New<'a> {
    Bytes(&'a [u8]),
    File(&'a File),
}

/// Whether the file that is at `place` is as the new one would be.
fn is_installed_file(place: &Location, new: &New<'_>, mode: u32) -> bool {
    let Ok((file, stat)) = place.open_with_stat() else { return false };
    is_as_written(&file, &stat, mode) && new.is_in(&file, &stat).unwrap_or(false)
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
