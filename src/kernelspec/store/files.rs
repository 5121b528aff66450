//! The files of a specification: which there are, and how they are written.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context as _, Result};
use rustix::fs::{Gid, Mode, Stat, Uid, fchmod, fchown, fstat};
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

use super::directory::{DIRECTORY_MODE, Directory, Identity, Location};
use super::links::Programs;
use super::{Content, File};
use crate::files;
use crate::layout::{KERNEL_JSON, REPLACING};

pub(super) const FILE_MODE: u32 = 0o644;
const EXECUTABLE_MODE: u32 = 0o755;

/// Where Python keeps what it makes of scripts.
const PYTHON_CACHE: &str = "__pycache__";

/// The mode of a file until it has its owner.
pub(super) const PRIVATE_MODE: u32 = 0o600;

/// The file that one process holds locked that changes a specification, so that none changes what another has
/// written meanwhile.
pub(super) const CHANGING: &str = ".changing";

/// The files in a specification that neither its installer put there nor are among `known`, which somebody
/// has added therefore: their paths in it, quoted, with commas between them.
#[must_use]
pub fn added_by_user(directory: &Path, known: &[File]) -> Option<String> {
    let added: Vec<String> = files(directory)
        .into_iter()
        .filter(|path| !is_among(known, path) && !is_installed(path))
        .map(|path| format!("`{}`", path.display()))
        .collect();
    (!added.is_empty()).then(|| added.join(", "))
}

/// The paths of all files in a specification, relative to it, as far as they can be read.
#[must_use]
pub fn files(directory: &Path) -> BTreeSet<PathBuf> {
    Directory::open(directory).map(|directory| walk(&directory).0).unwrap_or_default()
}

pub(super) fn is_among(files: &[File], path: &Path) -> bool {
    files.iter().any(|file| file.path == path)
}

/// Whether an installer, ours or the Python tool, puts such a file into specifications.
fn is_installed(path: &Path) -> bool {
    const FILES: [&str; 14] = [
        KERNEL_JSON,
        CHANGING,
        REPLACING,
        "kernel.js",
        "logo-32x32.png",
        "logo-64x64.png",
        "logo-svg.svg",
        "scripts/bootstrap_kernel",
        "scripts/bootstrap_kernel-amd64",
        "scripts/bootstrap_kernel-arm64",
        "scripts/launch_docker",
        "scripts/launch_docker.py",
        "scripts/launch_docker.toml",
        // Of a former launcher in Python.
        "scripts/launch_docker_options.py",
    ];
    path.starts_with("scripts/__pycache__") || FILES.iter().any(|file| path == Path::new(file))
}

/// Whether a file only says what is being done with a specification.
#[must_use]
pub fn is_mark(path: &Path) -> bool {
    [CHANGING, REPLACING].iter().any(|mark| path == Path::new(mark))
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

/// Writes the files of specifications in one staging directory.
#[derive(Default)]
pub(super) struct Writer {
    programs: Programs,
}

impl Writer {
    /// Writes all files of a specification into a new directory, whatever the umask.
    pub(super) fn write_all(&mut self, place: &Location, files: &[File]) -> Result<()> {
        place.create_directory()?;
        self.write_files(&place.enter()?, files)
    }

    /// The same into a directory that is there.
    pub(super) fn write_files(&mut self, root: &Rc<Directory>, files: &[File]) -> Result<()> {
        for file in files {
            let place = root.at(&file.path);
            for parent in place.parents() {
                match parent.create_directory() {
                    // What else is there cannot be entered.
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                        return Err(error.into());
                    }
                    _ => {}
                }
            }
            self.write(&place, file)?;
        }
        Ok(())
    }

    fn write(&mut self, place: &Location, file: &File) -> Result<()> {
        let mode = mode_of(file);
        match &file.content {
            Content::LinkTo(target) => place.create_link(target)?,
            Content::Bytes(bytes) => drop(write_bytes(place, mode, bytes)?),
            Content::Program(source) => {
                if !self.programs.link(source, place)? {
                    let copied = copy(&mut files::open(source)?.into_parts().0, place, mode)?;
                    self.programs.add(source, place, Identity::of_file(&copied)?);
                }
            }
            Content::CopyOf(source) => {
                copy(&mut files::open(source)?.into_parts().0, place, mode)?;
            }
            Content::CopyIn(specification, path) => {
                let mut source = open_in(specification, path)?;
                let target = copy(&mut source, place, PRIVATE_MODE)?;
                allow_the_same(&target, &fstat(&source)?, mode)?;
            }
            Content::Edited(specification, path, bytes) => {
                let target = write_bytes(place, PRIVATE_MODE, bytes)?;
                allow_the_same(&target, &fstat(open_in(specification, path)?)?, mode)?;
            }
        }
        Ok(())
    }
}

fn open_in(specification: &Path, path: &Path) -> Result<fs::File> {
    Ok(Directory::of_specification(specification)?.at(path).open_file()?)
}

/// Gives a new specification the directories of another, for nobody who might not use those.
pub(super) fn copy_directories(place: &Location, other: &Path) -> Result<()> {
    let (root, other) = (place.enter()?, Directory::of_specification(other)?);
    let (_, inner) = walk(&other);
    let is_copied = |path: &&PathBuf| !path.ends_with(PYTHON_CACHE);
    let mut copied = vec![(Rc::clone(&root), fstat(&*other)?)];
    for path in inner.iter().filter(is_copied) {
        let place = root.at(path);
        match place.create_directory() {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
            _ => copied.push((place.enter()?, other.at(path).stat()?)),
        }
    }
    // The outer ones last: with their modes they may let nobody in.
    for (directory, stat) in copied.iter().rev() {
        allow_the_same(&**directory, stat, DIRECTORY_MODE)?;
    }
    Ok(())
}

/// Gives a file this mode, without what may not be done with another, and as far as this user may the owner and the
/// group of that one.
pub(super) fn allow_the_same(file: impl AsFd, other: &Stat, mode: u32) -> Result<()> {
    let mode = mode & other.st_mode;
    let (owner, group) = (Uid::from_raw(other.st_uid), Gid::from_raw(other.st_gid));
    if fchown(&file, Some(owner), Some(group)).is_err() {
        let done = fchown(&file, None, Some(group));
        // Everybody may read it, whoever owns it.
        if mode & 0o004 == 0 {
            done?;
        }
    }
    Ok(fchmod(&file, Mode::from_raw_mode(mode))?)
}

/// The mode that a file gets, whatever the umask.
pub(super) const fn mode_of(file: &File) -> u32 {
    if file.executable { EXECUTABLE_MODE } else { FILE_MODE }
}

/// Creates a file of these bytes.
pub(super) fn write_bytes(place: &Location, mode: u32, bytes: &[u8]) -> Result<fs::File> {
    create(place, mode, bytes.len() as u64, |target| {
        let written = target.write_all(bytes);
        written.with_context(|| format!("could not write `{}`", shown(place)))
    })
}

/// Copies a plain file: only of those the system itself copies the content.
fn copy(source: &mut fs::File, place: &Location, mode: u32) -> Result<fs::File> {
    create(place, mode, source.metadata()?.len(), |target| {
        let copied = io::copy(source, target);
        copied.with_context(|| format!("could not copy to `{}`", shown(place)))?;
        Ok(())
    })
}

fn shown(place: &Location) -> String {
    place.shown().display().to_string()
}

/// Creates a file for so many bytes and has it filled, whatever the umask.
fn create(
    place: &Location,
    mode: u32,
    size: u64,
    fill: impl FnOnce(&mut fs::File) -> Result<()>,
) -> Result<fs::File> {
    let limited = within_limit(size);
    limited.with_context(|| format!("could not write `{}`", shown(place)))?;
    let mut target = place.create_file(mode)?;
    fill(&mut target)?;
    target.set_permissions(Permissions::from_mode(mode))?;
    Ok(target)
}

/// Refuses a file that is larger than this process may write (`ulimit -f`): the system would end it
/// with a signal, which says nothing and leaves what has been made so far. Also one that is as large: a copy is
/// tried to go on until nothing more comes.
fn within_limit(size: u64) -> io::Result<()> {
    match getrlimit(Resource::Fsize).current {
        Some(limit) if size >= limit => Err(Errno::FBIG.into()),
        _ => Ok(()),
    }
}
