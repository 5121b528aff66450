//! The bootstrap, which launchers bring into containers: where it comes from, and whether an
//! installed one is whole.

use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::store::{Content, File};
use super::{elf, sibling};
use crate::files::PlainFile;
use crate::layout::{self, ARCHITECTURE, BOOTSTRAP_FILE};
use crate::paths::Paths;
use crate::setting::variable;

/// Where the headers of a program name its machine.
const MACHINE: std::ops::Range<usize> = 18..20;

/// Finds the file that becomes the bootstrap of a specification with this option, and beside it those for images of
/// other architectures.
///
/// # Errors
/// When the first is missing, or one is no whole program: it says where it looked.
pub(super) fn find(option: &str, paths: &Paths<'_>) -> Result<Vec<File>> {
    let path = match paths.env.path(variable::BOOTSTRAP) {
        Some(path) => paths.expand(&path),
        None => beside_this(option, paths)?,
    };
    let others: Vec<_> = others(&path).collect();
    let own = (path, ARCHITECTURE);
    std::iter::once(own)
        .chain(others)
        .map(|(path, architecture)| file(path, architecture))
        .collect()
}

/// Those beside one for this architecture that are for others, with Docker's names for these.
fn others(own: &Path) -> impl Iterator<Item = (PathBuf, &'static str)> {
    layout::other_architectures()
        .map(|name| (own.with_file_name(layout::bootstrap(name)), name))
        .filter(|(path, _)| path.exists())
}

fn file(path: PathBuf, architecture: &str) -> Result<File> {
    let plain = PlainFile::open(&path).context("could not read the bootstrap")?;
    if let Some(fault) = fault(&plain, architecture)? {
        bail!("the bootstrap `{}` {fault}; install it again", path.display());
    }
    let (to, content) = (layout::script(layout::bootstrap(architecture)), Content::Program(path));
    Ok(File { path: to, content, executable: true })
}

fn beside_this(option: &str, paths: &Paths<'_>) -> Result<PathBuf> {
    let executable = paths.executable.with_context(|| {
        format!(
            "the system does not say where this program's file is; name the bootstrap in {}",
            variable::BOOTSTRAP
        )
    })?;
    sibling::find(executable, BOOTSTRAP_FILE)?.with_context(|| {
        format!(
            "could not find `{BOOTSTRAP_FILE}`, which `{option}` brings into containers: there is no `{}`; \
             install.sh and the packages of jupyter-docker-spec put it there, `cargo install` does not; or name \
             one in {}",
            executable.with_file_name(BOOTSTRAP_FILE).display(),
            variable::BOOTSTRAP
        )
    })
}

/// What keeps the installed ones, beside this launcher, from being brought into containers.
pub(super) fn problems(launcher: &Path) -> Vec<String> {
    let own = launcher.with_file_name(BOOTSTRAP_FILE);
    let others = others(&own);
    std::iter::once((own.clone(), ARCHITECTURE))
        .chain(others)
        .filter_map(|(path, architecture)| problem(&path, architecture))
        .collect()
}

fn problem(path: &Path, architecture: &str) -> Option<String> {
    let fault = match PlainFile::open(path).and_then(|plain| fault(&plain, architecture)) {
        Ok(fault) => fault?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => "is missing".to_owned(),
        Err(error) => format!("cannot be read: {}", error.kind()),
    };
    Some(format!("the bootstrap `{}` {fault}", path.display()))
}

/// Why a file is no program for a container of this architecture, as far as that can be told.
fn fault(plain: &PlainFile, architecture: &str) -> io::Result<Option<String>> {
    let mut begin = [0; 20];
    let is_program = match plain.file.file().read_exact_at(&mut begin, 0) {
        Ok(()) => begin.starts_with(elf::MAGIC),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => false,
        Err(error) => return Err(error),
    };
    if !is_program {
        return Ok(Some("is no executable of Linux".to_owned()));
    }
    let is_foreign = match architecture {
        "amd64" => begin[MACHINE] != [62, 0],
        "arm64" => begin[MACHINE] != [183, 0],
        _ => false,
    };
    if is_foreign {
        return Ok(Some(format!("is not for {architecture}")));
    }
    let fault = elf::fault(plain.file.file(), plain.size)?;
    Ok(fault.map(|fault| format!("is not whole: {fault}")))
}
