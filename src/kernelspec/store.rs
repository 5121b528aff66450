//! Puts the files of a kernelspec in their place as one step: at every instant Jupyter sees the old
//! specification or the new one, and a failure leaves the old one and nothing else.
//!
//! The files are written to a staging directory on the same file system, one level deeper than
//! Jupyter looks (a leading dot does not hide a directory from it), and the finished directory is
//! renamed into place, or exchanged with the one that is there. Where a directory cannot be
//! renamed - one from a lower layer of an overlay, as in every Docker image - its files are replaced
//! one by one, `kernel.json` last (see the module `merge`).
//!
//! Nothing is flushed to the disk: the promise is about processes that are killed, not about power
//! cuts (docs/decisions.md).

mod merge;
mod staging;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use fs_err as fs;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use self::staging::Staging;

const DIRECTORY_MODE: u32 = 0o755;
const FILE_MODE: u32 = 0o644;
const EXECUTABLE_MODE: u32 = 0o755;

/// The file that makes a directory a kernelspec.
pub const KERNEL_JSON: &str = "kernel.json";

/// What a file contains.
#[derive(Clone, Debug)]
pub enum Content {
    /// These bytes.
    Bytes(Cow<'static, [u8]>),
    /// What is in this file.
    CopyOf(PathBuf),
}

/// A file of a specification.
#[derive(Clone, Debug)]
pub struct File {
    /// Its path in the specification.
    pub path: PathBuf,
    /// What is in it.
    pub content: Content,
    /// Whether it can be run.
    pub executable: bool,
}

impl File {
    /// A file with these bytes that is not to be run.
    #[must_use]
    pub fn data(path: impl Into<PathBuf>, content: &'static [u8]) -> Self {
        Self { path: path.into(), content: Content::Bytes(content.into()), executable: false }
    }
}

/// The files of a specification, `kernel.json` last.
#[derive(Clone, Debug)]
pub struct Tree {
    /// Its files, in the order in which they are written.
    pub files: Vec<File>,
}

/// What an installation did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There was no specification.
    Created,
    /// The specification took the place of another.
    Replaced,
}

/// What is at the place where the specification goes.
enum Present {
    Nothing,
    /// A directory that may be replaced.
    Directory,
}

/// Looks whether a specification may be put into the directory `destination`.
///
/// # Errors
/// When something is there that may not be replaced.
pub fn check(destination: &Path, replace: bool) -> Result<()> {
    examine(destination, replace).map(drop)
}

/// Puts the specification into the directory `destination`.
///
/// # Errors
/// When something is there that may not be replaced, or a file cannot be written. Everything is then
/// as it was before.
pub fn install(destination: &Path, tree: &Tree, replace: bool) -> Result<Outcome> {
    let kernels = destination.parent().context("a specification needs a directory to lie in")?;
    let staging = Staging::create(kernels)?;
    let staged = staging.path().join("kernelspec");
    create_directory(&staged)?;
    for file in &tree.files {
        write(&staged, file)?;
    }
    let outcome = place(&staged, destination, tree, replace)?;
    staging.finish();
    Ok(outcome)
}

/// Moves the finished directory to its place. Another process may put a specification there, or
/// take it away, between any two calls.
fn place(staged: &Path, destination: &Path, tree: &Tree, replace: bool) -> Result<Outcome> {
    loop {
        match examine(destination, replace)? {
            Present::Nothing => match rename_new(staged, destination) {
                Ok(()) => return Ok(Outcome::Created),
                Err(Errno::EXIST | Errno::NOTEMPTY) => {}
                Err(error) => return Err(failed(error, destination)),
            },
            Present::Directory => {
                warn_of_foreign_files(destination, tree);
                match renameat_with(CWD, staged, CWD, destination, RenameFlags::EXCHANGE) {
                    Ok(()) => return Ok(Outcome::Replaced),
                    Err(Errno::NOENT) => {}
                    // XDEV: the directory comes from a lower layer of an overlay. The others: this
                    // file system, or this kernel, has no exchange.
                    Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                        merge::merge(staged, destination, tree)?;
                        return Ok(Outcome::Replaced);
                    }
                    Err(error) => return Err(failed(error, destination)),
                }
            }
        }
    }
}

/// Renames to a place where nothing is.
fn rename_new(staged: &Path, destination: &Path) -> Result<(), Errno> {
    match renameat_with(CWD, staged, CWD, destination, RenameFlags::NOREPLACE) {
        // The file system has no such flag. A plain rename takes the place of an empty directory at
        // most.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            rustix::fs::rename(staged, destination)
        }
        result => result,
    }
}

fn failed(error: Errno, destination: &Path) -> anyhow::Error {
    anyhow::Error::from(io::Error::from(error))
        .context(format!("could not move the specification to `{}`", destination.display()))
}

/// Looks at the place of the specification, and refuses what may not be replaced.
fn examine(destination: &Path, replace: bool) -> Result<Present> {
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
    if destination.join(KERNEL_JSON).symlink_metadata().is_ok() {
        bail!(
            "A kernel specification exists at '{shown}' and '--replace' has not been specified.  \
             Terminating."
        );
    }
    if fs::read_dir(destination)?.next().is_some() {
        bail!(
            "`{shown}` holds files but no kernel specification; move them away, \
             or let the specification take their place with --replace"
        );
    }
    Ok(Present::Directory)
}

/// Names what the user has added to a specification that is about to go.
fn warn_of_foreign_files(destination: &Path, tree: &Tree) {
    let mut foreign: Vec<String> = files_below(destination)
        .into_iter()
        .filter(|path| !tree.files.iter().any(|file| file.path == *path) && !is_installed(path))
        .map(|path| format!("`{}`", path.display()))
        .collect();
    foreign.sort();
    if !foreign.is_empty() {
        tracing::warn!(
            "{} in {} will be removed with the specification that is replaced.",
            foreign.join(", "),
            destination.display(),
        );
    }
}

/// Whether an installer, ours or the Python tool, puts such a file into specifications.
fn is_installed(path: &Path) -> bool {
    const FILES: [&str; 7] = [
        KERNEL_JSON,
        "kernel.js",
        "logo-32x32.png",
        "logo-64x64.png",
        "logo-svg.svg",
        "scripts/launch_docker",
        "scripts/launch_docker.py",
    ];
    path.starts_with("scripts/__pycache__") || FILES.iter().any(|file| path == Path::new(file))
}

/// The paths of all files below a directory, relative to it, as far as they can be read.
fn files_below(directory: &Path) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    let mut open = vec![PathBuf::new()];
    while let Some(relative) = open.pop() {
        for entry in fs::read_dir(directory.join(&relative)).into_iter().flatten().flatten() {
            let path = relative.join(entry.file_name());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(path);
            } else {
                files.insert(path);
            }
        }
    }
    files
}

/// Writes a file of the specification below `directory`, whatever the umask.
fn write(directory: &Path, file: &File) -> Result<()> {
    for parent in parents(&file.path).map(|parent| directory.join(parent)) {
        if !parent.is_dir() {
            create_directory(&parent)?;
        }
    }
    let path = directory.join(&file.path);
    let mode = if file.executable { EXECUTABLE_MODE } else { FILE_MODE };
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true).options_mut().mode(mode);
    let mut target = options.open(&path)?;
    match &file.content {
        Content::Bytes(bytes) => target.write_all(bytes)?,
        Content::CopyOf(source) => {
            let source = fs::File::open(source)?;
            // The plain files, because only of them the system itself copies the content.
            io::copy(&mut source.file(), &mut target.file())
                .with_context(|| format!("could not copy to `{}`", path.display()))?;
        }
    }
    target.set_permissions(std::fs::Permissions::from_mode(mode))?;
    Ok(())
}

/// The directories that a file of a specification lies in, the outermost first.
fn parents(file: &Path) -> impl DoubleEndedIterator<Item = &Path> {
    let mut parents: Vec<&Path> = file.ancestors().skip(1).collect();
    // The last is the specification's own directory.
    parents.pop();
    parents.into_iter().rev()
}

/// Creates one directory with our mode, whatever the umask.
fn create_directory(path: &Path) -> io::Result<()> {
    fs::create_dir(path)?;
    fs::set_permissions(path, std::fs::Permissions::from_mode(DIRECTORY_MODE))
}

#[cfg(test)]
mod tests;
