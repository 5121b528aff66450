//! The files of a specification: which there are, and how they are written.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use fs_err as fs;
use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit, umask};

use super::{Content, File, KERNEL_JSON, Tree};

const FILE_MODE: u32 = 0o644;
const EXECUTABLE_MODE: u32 = 0o755;

/// The files in a specification that neither its installer put there nor `tree` has, which somebody
/// has added therefore: their paths in it, quoted, with commas between them.
#[must_use]
pub fn added_by_user(directory: &Path, tree: Option<&Tree>) -> Option<String> {
    let in_tree = |path: &Path| tree.is_some_and(|tree| tree.has(path));
    let added: Vec<String> = files_below(directory)
        .into_iter()
        .filter(|path| !in_tree(path) && !is_installed(path))
        .map(|path| format!("`{}`", path.display()))
        .collect();
    (!added.is_empty()).then(|| added.join(", "))
}

/// The paths of all files in a specification, relative to it, as far as they can be read.
#[must_use]
pub fn files(directory: &Path) -> BTreeSet<PathBuf> {
    files_below(directory)
}

/// Whether an installer, ours or the Python tool, puts such a file into specifications.
fn is_installed(path: &Path) -> bool {
    const FILES: [&str; 9] = [
        KERNEL_JSON,
        "kernel.js",
        "logo-32x32.png",
        "logo-64x64.png",
        "logo-svg.svg",
        "scripts/launch_docker",
        "scripts/launch_docker.py",
        "scripts/launch_docker.toml",
        "scripts/launch_docker_options.py",
    ];
    path.starts_with("scripts/__pycache__") || FILES.iter().any(|file| path == Path::new(file))
}

/// The paths of all files below a directory, relative to it, as far as they can be read.
pub(super) fn files_below(directory: &Path) -> BTreeSet<PathBuf> {
    walk(directory).0
}

/// The paths of all files and of all directories below a directory, relative to it, as far as they
/// can be read; the outer directories before the inner ones.
pub(super) fn walk(directory: &Path) -> (BTreeSet<PathBuf>, Vec<PathBuf>) {
    let mut files = BTreeSet::new();
    let mut directories = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(relative) = open.pop() {
        for entry in fs::read_dir(directory.join(&relative)).into_iter().flatten().flatten() {
            let path = relative.join(entry.file_name());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                directories.push(path.clone());
                open.push(path);
            } else {
                files.insert(path);
            }
        }
    }
    (files, directories)
}

/// Writes all files of a specification into a new directory.
pub(super) fn write_tree(directory: &Path, tree: &Tree) -> Result<()> {
    create_directory(directory)?;
    tree.files.iter().try_for_each(|file| write(directory, file))
}

/// Writes a file of the specification below `directory`, whatever the umask.
pub(super) fn write(directory: &Path, file: &File) -> Result<()> {
    for parent in parents(&file.path).map(|parent| directory.join(parent)) {
        if !parent.is_dir() {
            create_directory(&parent)?;
        }
    }
    let path = directory.join(&file.path);
    let mode = if file.executable { EXECUTABLE_MODE } else { FILE_MODE };
    let size = match &file.content {
        Content::Bytes(bytes) => bytes.len() as u64,
        Content::CopyOf(source) => fs::metadata(source)?.len(),
    };
    within_limit(size).with_context(|| format!("could not write `{}`", path.display()))?;
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
pub(super) fn parents(file: &Path) -> impl DoubleEndedIterator<Item = &Path> {
    let mut parents: Vec<&Path> = file.ancestors().skip(1).collect();
    // The last is the specification's own directory.
    parents.pop();
    parents.into_iter().rev()
}

/// Creates one directory with our mode, whatever the umask. In one step: a process that was killed
/// between two would leave a `share` that nobody else may enter, and the next one takes it as it is.
pub(super) fn create_directory(path: &Path) -> io::Result<()> {
    let before = umask(Mode::WGRP | Mode::WOTH);
    let created = fs::create_dir(path);
    umask(before);
    created
}

/// Refuses a file that is larger than this process may write (`ulimit -f`): the system would end it
/// with a signal, which says nothing and leaves what has been made so far.
fn within_limit(size: u64) -> io::Result<()> {
    match getrlimit(Resource::Fsize).current {
        Some(limit) if size > limit => Err(Errno::FBIG.into()),
        _ => Ok(()),
    }
}
