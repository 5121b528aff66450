//! What is in the place of a specification before one is put there.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use fs_err as fs;

use crate::layout::{KERNEL_JSON, REPLACING};

/// What is at the place where the specification goes.
pub(super) enum Present {
    Nothing,
    /// A directory in which nothing is, and which may not be replaced if something is.
    Empty,
    /// The same with nothing but the mark of a process that puts the files there one by one, or was killed.
    Marked,
    /// A directory that may be replaced.
    Directory,
}

/// Looks at the place of the specification, and refuses what may not be replaced.
pub(super) fn examine(destination: &Path, replace: bool) -> Result<Present> {
    let shown = destination.display();
    let kind = match fs::symlink_metadata(destination) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Present::Nothing),
        Err(error) => return Err(error).context("could not look at the specification's place"),
    };
    if kind.is_symlink() {
        let target = fs::read_link(destination).unwrap_or_default();
        bail!(
            "`{shown}` is a symbolic link to `{}`, and a link is not replaced; \
             remove it, or choose another --kernel-name",
            target.display()
        );
    }
    if !kind.is_dir() {
        bail!("`{shown}` is not a directory; move it away, or choose another --kernel-name");
    }
    if replace {
        return Ok(Present::Directory);
    }
    let mark = OsStr::new(REPLACING);
    let entries = fs::read_dir(destination)?.collect::<io::Result<Vec<_>>>()?;
    if entries.iter().all(|entry| entry.file_name() == mark) {
        return Ok(if entries.is_empty() { Present::Empty } else { Present::Marked });
    }
    // Looked at last: another process may put one there just now.
    if destination.join(KERNEL_JSON).symlink_metadata().is_ok() {
        bail!(
            "A kernel specification exists at '{shown}' and '--replace' has not been specified.  \
             Terminating."
        );
    }
    bail!(
        "`{shown}` holds files but no kernel specification; move them away, \
         or let the specification take their place with --replace"
    )
}
