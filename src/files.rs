//! Plain files, where somebody else may have put something else: a pipe whose other end nobody opens,
//! a device that never ends, a file as large as the disk.

use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use fs_err::{File, OpenOptions};
use rustix::fs::OFlags;

/// The most that is read of a file that people write.
const MOST: u64 = 16 << 20;

/// Opens a plain file for reading.
///
/// # Errors
/// When there is none, or something else is there.
pub fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // Opening a pipe would wait for its other end.
    options.read(true).options_mut().custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other(format!("`{}` is not a plain file", path.display())));
    }
    Ok(file)
}

/// What is in a plain file.
///
/// # Errors
/// The same, or when it is larger than anything that people write.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    all(open(path)?, &path.display().to_string())
}

/// What comes from somewhere, of this name for messages, that may be a pipe.
///
/// # Errors
/// When it is larger than anything that people write, or is not UTF-8.
pub fn text(from: impl io::Read, name: &str) -> io::Result<String> {
    as_text(all(from, name)?, name)
}

fn all(from: impl io::Read, name: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MOST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST {
        let reason = format!("`{name}` is larger than {} MiB", MOST >> 20);
        return Err(io::Error::other(reason));
    }
    Ok(bytes)
}

fn as_text(bytes: Vec<u8>, name: &str) -> io::Result<String> {
    String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, format!("`{name}` is not UTF-8")))
}

/// The text in a plain file.
///
/// # Errors
/// The same, or when it is not UTF-8.
pub fn read_to_string(path: &Path) -> io::Result<String> {
    as_text(read(path)?, &path.display().to_string())
}
