//! The files of a specification: which there are, and how they are written.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::{Context as _, Result};
use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit, umask};

use super::directory::{Directory, Identity, Spot};
use super::links::{self, New, Programs};
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

/// Writes the files of specifications in one staging directory.
#[derive(Default)]
pub(super) struct Writer {
    programs: Programs,
}

impl Writer {
    /// Writes all files of a specification into a new directory, whatever the umask. `replaced` is the
    /// place of the specification that it is going to replace.
    pub(super) fn write_tree(
        &mut self,
        place: &Spot,
        tree: &Tree,
        replaced: Option<&Spot>,
    ) -> Result<()> {
        place.create_directory()?;
        self.write_files(&place.enter()?, tree, replaced)
    }

    /// The same into a directory that is there.
    pub(super) fn write_files(
        &mut self,
        root: &Rc<Directory>,
        tree: &Tree,
        replaced: Option<&Spot>,
    ) -> Result<()> {
        // The directories of the last file, which most often are those of the next, too.
        let (mut new, mut old) = (Opened::default(), Opened::default());
        for file in &tree.files {
            let place = root.at(&file.path);
            let place = if place.parents().is_empty() {
                place
            } else {
                new.by_own_directory(&place, create_and_enter)?
            };
            let replaced = replaced.filter(|_| file.may_be_unchanged());
            let installed = replaced.map(|replaced| replaced.below(&file.path));
            let installed = installed.and_then(|it| old.by_own_directory(&it, Spot::enter).ok());
            if installed.is_none() {
                // There may be few descriptors.
                old = Opened::default();
            }
            self.write(&place, file, installed.as_ref())?;
        }
        Ok(())
    }

    /// Writes a file of a specification. `installed` is the place of that in the one that it replaces.
    fn write(&mut self, place: &Spot, file: &File, installed: Option<&Spot>) -> Result<()> {
        let mode = mode_of(file);
        let unchanged = |new: &New<'_>| match installed {
            Some(installed) => links::link_installed(installed, new, mode, place),
            None => Ok(None),
        };
        match &file.content {
            Content::LinkTo(target) => place.create_link(target)?,
            Content::Bytes(bytes) => {
                if unchanged(&New::Bytes(bytes))?.is_none() {
                    create(place, mode, bytes.len() as u64, |target| {
                        let written = target.write_all(bytes);
                        written.with_context(|| format!("could not write `{}`", shown(place)))
                    })?;
                }
            }
            Content::Program(source) => {
                if !self.programs.link(source, place)? {
                    let mut program = files::open(source)?.into_parts().0;
                    let identity = match unchanged(&New::File(&program))? {
                        Some(identity) => identity,
                        None => Identity::of_file(&copy(&mut program, place, mode)?)?,
                    };
                    self.programs.add(source, place, identity);
                }
            }
            Content::CopyOf(source) => {
                copy(&mut files::open(source)?.into_parts().0, place, mode)?;
            }
            Content::CopyIn(specification, path) => {
                let mut source =
                    Directory::of_specification(specification)?.at(path).open_file()?;
                copy(&mut source, place, mode)?;
            }
        }
        Ok(())
    }
}

/// The mode that a file gets, whatever the umask.
pub(super) const fn mode_of(file: &File) -> u32 {
    if file.executable { EXECUTABLE_MODE } else { FILE_MODE }
}

/// The directory that was opened last.
#[derive(Default)]
struct Opened(Option<(PathBuf, Rc<Directory>)>);

impl Opened {
    /// A place, by the directory in which it is.
    fn by_own_directory(
        &mut self,
        place: &Spot,
        enter: impl FnOnce(&Spot) -> io::Result<Rc<Directory>>,
    ) -> io::Result<Spot> {
        let (parent, name) = place.split()?;
        let directory = match self.0.take() {
            Some((path, directory)) if path == parent.shown() => directory,
            _ => enter(&parent)?,
        };
        let place = directory.at(name);
        self.0 = Some((parent.shown(), directory));
        Ok(place)
    }
}

/// The directory at a place in a tree that is being written, which is made if it is missing.
fn create_and_enter(place: &Spot) -> io::Result<Rc<Directory>> {
    for place in place.parents().iter().chain([place]) {
        match place.create_directory() {
            // What else is there cannot be entered.
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    place.enter()
}

/// Copies a plain file: only of those the system itself copies the content.
fn copy(source: &mut fs::File, place: &Spot, mode: u32) -> Result<fs::File> {
    create(place, mode, source.metadata()?.len(), |target| {
        let copied = io::copy(source, target);
        copied.with_context(|| format!("could not copy to `{}`", shown(place)))?;
        Ok(())
    })
}

fn shown(place: &Spot) -> String {
    place.shown().display().to_string()
}

/// Creates a file for so many bytes and has it filled, whatever the umask.
fn create(
    place: &Spot,
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

/// Creates one directory with our mode, whatever the umask. In one step: a process that was killed
/// between two would leave a `share` that nobody else may enter, and the next one takes it as it is.
pub(super) fn create_directory(path: &Path) -> io::Result<()> {
    let before = umask(Mode::WGRP | Mode::WOTH);
    let created = fs_err::create_dir(path);
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
