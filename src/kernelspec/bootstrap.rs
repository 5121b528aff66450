//! The bootstrap, which a launcher that is the kernel brings into containers: where it comes from, and whether an
//! installed one is whole.

use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::store::{Content, File};
use super::{elf, sibling};
use crate::files::PlainFile;
use crate::layout::{self, BOOTSTRAP_FILE};
use crate::paths::Paths;
use crate::setting::variable;

/// Finds the file that becomes the bootstrap of a specification.
///
/// # Errors
/// When it is missing or no whole program: it says where it looked.
pub(super) fn find(paths: &Paths<'_>) -> Result<File> {
    let path = match paths.env.path(variable::BOOTSTRAP) {
        Some(path) => paths.expand(&path),
        None => beside_this(paths)?,
    };
    let plain = PlainFile::open(&path).context("could not read the bootstrap")?;
    if let Some(fault) = fault(&plain)? {
        bail!("the bootstrap `{}` {fault}; install it again", path.display());
    }
    let (to, content) = (layout::script(BOOTSTRAP_FILE), Content::Program(path));
    Ok(File { path: to, content, executable: true })
}

fn beside_this(paths: &Paths<'_>) -> Result<PathBuf> {
    let executable = paths.executable.with_context(|| {
        format!(
            "the system does not say where this program's file is; name the bootstrap in {}",
            variable::BOOTSTRAP
        )
    })?;
    sibling::find(executable, BOOTSTRAP_FILE)?.with_context(|| {
        format!(
            "could not find `{BOOTSTRAP_FILE}`, which `--local` brings into containers: there is no `{}`; \
             install.sh and the packages of jupyter-docker-spec put it there, `cargo install` does not; or name \
             one in {}",
            executable.with_file_name(BOOTSTRAP_FILE).display(),
            variable::BOOTSTRAP
        )
    })
}

/// What keeps an installed one from being brought into containers.
pub(super) fn problem(path: &Path) -> Option<String> {
    let fault = match PlainFile::open(path).and_then(|plain| fault(&plain)) {
        Ok(fault) => fault?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => "is missing".to_owned(),
        Err(error) => format!("cannot be read: {}", error.kind()),
    };
    Some(format!("the bootstrap `{}` {fault}", path.display()))
}

/// Why a file is no program for a container, as far as that can be told.
fn fault(plain: &PlainFile) -> io::Result<Option<String>> {
    let mut begin = [0; elf::MAGIC.len()];
    let is_program = match plain.file.file().read_exact_at(&mut begin, 0) {
        Ok(()) => begin == *elf::MAGIC,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => false,
        Err(error) => return Err(error),
    };
    if !is_program {
        return Ok(Some("is no executable of Linux".to_owned()));
    }
    let fault = elf::fault(plain.file.file(), plain.size)?;
    Ok(fault.map(|fault| format!("is not whole: {fault}")))
}
