//! Programs beside this one's own.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

/// The file of this name beside this program's own, if it is there.
///
/// # Errors
/// When this program's own file is another one meanwhile.
pub(super) fn find(executable: &Path, name: &str) -> Result<Option<PathBuf>> {
    let path = executable.with_file_name(name);
    if path.is_file() {
        return Ok(Some(path));
    }
    // The kernel says so of an executable that an upgrade has replaced.
    let replaced = executable.to_string_lossy().ends_with(" (deleted)");
    ensure!(!replaced, "this program's own file was replaced while it ran; run the command again");
    Ok(None)
}
