//! The files of a specification: which there are, and how they are written.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context as _, Result};
use fs_err as fs;
use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit, umask};

use super::directory::{Directory, Spot};
use super::{Content, File, KERNEL_JSON, Tree};
use crate::files;

const FILE_MODE: u32 = 0o644;
const EXECUTABLE_MODE: u32 = 0o755;

/// The files in a specification that neither its installer put there nor `tree` has, which somebody
/// has added therefore: their paths in it, quoted, with commas between them.
#[must_use]
pub fn added_by_user(directory: &Path, tree: Option<&Tree>) -> Option<String> {
    let in_tree = |path: &Path| tree.is_some_and(|tree| tree.has(path));
    let added: Vec<String> = files(directory)
        .into_iter()
        .filter(|path| !in_tree(path) && !is_installed(path))
        .map(|path| format!("`{}`", path.display()))
        .collect();
    (!added.is_empty()).then(|| added.join(", "))
}

/// The paths of all files in a specification, relative to it, as far as they can be read.
#[must_use]
pub fn files(directory: &Path) -> BTreeSet<PathBuf> {
    Directory::open(directory).map(|directory| walk(&directory).0).unwrap_or_default()
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

/// The paths of all files and of all directories below a directory, relative to it, as far as they
/// can be read; the outer directories before the inner ones.
pub(super) fn walk(directory: &Rc<Directory>) -> (BTreeSet<PathBuf>, Vec<PathBuf>) {
    let mut files = BTreeSet::new();
    let mut directories = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(relative) = open.pop() {
        // Each is opened when it is its turn, so that many do not need many descriptors.
        let inner = if relative.as_os_str().is_empty() {
            Ok(Rc::clone(directory))
        } else {
            directory.at(&relative).enter()
        };
        for (name, is_directory) in inner.iter().flat_map(|inner| inner.names()) {
            let path = relative.join(name);
            if is_directory {
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
pub(super) fn write_tree(place: &Spot, tree: &Tree) -> Result<()> {
    place.create_directory()?;
    let directory = place.enter()?;
    tree.files.iter().try_for_each(|file| write(&directory, file))
}

/// Writes a file of the specification below `directory`, whatever the umask.
pub(super) fn write(directory: &Rc<Directory>, file: &File) -> Result<()> {
    let place = directory.at(&file.path);
    for parent in place.parents() {
        if !parent.is_directory() {
            parent.create_directory()?;
        }
    }
    // The plain files, because only of them the system itself copies the content.
    let mut source = match &file.content {
        Content::LinkTo(target) => return Ok(place.create_link(target)?),
        Content::Bytes(_) => None,
        Content::CopyOf(source) => Some(files::open(source)?.into_parts().0),
        Content::CopyIn(specification, path) => {
            Some(Directory::of_specification(specification)?.at(path).open_file()?)
        }
    };
    let size = match (&file.content, &source) {
        (_, Some(source)) => source.metadata()?.len(),
        (Content::Bytes(bytes), None) => bytes.len() as u64,
        _ => 0,
    };
    let shown = place.shown();
    within_limit(size).with_context(|| format!("could not write `{}`", shown.display()))?;
    let mode = if file.executable { EXECUTABLE_MODE } else { FILE_MODE };
    let mut target = place.create_file(mode)?;
    match (&file.content, &mut source) {
        (_, Some(source)) => drop(
            io::copy(source, &mut target)
                .with_context(|| format!("could not copy to `{}`", shown.display()))?,
        ),
        (Content::Bytes(bytes), None) => target
            .write_all(bytes)
            .with_context(|| format!("could not write `{}`", shown.display()))?,
        _ => {}
    }
    target.set_permissions(std::fs::Permissions::from_mode(mode))?;
    Ok(())
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
