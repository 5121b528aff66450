//! Puts kernelspecs in their places, and takes them away, as one step: at every instant Jupyter sees
//! the old specification or the new one, and a failure leaves the old ones and nothing else.
//!
//! The files are written to a staging directory on the same file system, one level deeper than
//! Jupyter looks (a leading dot does not hide a directory from it), and the finished directory is
//! renamed into place, or exchanged with the one that is there. Where a directory cannot be
//! renamed - one from a lower layer of an overlay, as in every Docker image - its files are replaced
//! one by one, `kernel.json` last (see the module `merge`). What was done is written in a `journal`
//! until all of it has succeeded.
//!
//! Nothing is flushed to the disk: the promise is about processes that are killed, not about power
//! cuts (docs/decisions.md).

mod directory;
mod files;
mod journal;
mod links;
mod merge;
mod place;
mod staging;
mod unchanged;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use self::journal::Journal;
use self::staging::Staging;

pub use self::files::{added_by_user, files};
pub use self::staging::finish_removal;

/// The file that makes a directory a kernelspec.
pub const KERNEL_JSON: &str = "kernel.json";

/// What a file contains.
#[derive(Clone, Debug)]
pub enum Content {
    /// These bytes.
    Bytes(Cow<'static, [u8]>),
    /// What is in this file.
    CopyOf(PathBuf),
    /// What is in this program, which is replaced and not edited: the file may be one with that of other
    /// specifications.
    Program(PathBuf),
    /// What is in the file of this path in the specification in this directory, which no link leads to:
    /// it may be another user's.
    CopyIn(PathBuf, PathBuf),
    /// A symbolic link.
    LinkTo(PathBuf),
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

    /// Whether it may go on to be the file of the specification that is replaced, if that is the same.
    fn may_be_unchanged(&self) -> bool {
        matches!(self.content, Content::Bytes(_) | Content::Program(_))
    }
}

/// The files of a specification, `kernel.json` last.
#[derive(Clone, Debug)]
pub struct Tree {
    /// Its files, in the order in which they are written.
    pub files: Vec<File>,
}

impl Tree {
    /// Whether a file of this path is in it.
    #[must_use]
    pub fn has(&self, path: &Path) -> bool {
        self.files.iter().any(|file| file.path == path)
    }
}

/// What an installation did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There was no specification.
    Created,
    /// The specification took the place of another.
    Replaced,
    /// The specification was there already, to the byte, and nothing was written.
    Unchanged,
}

/// A specification to be installed.
#[derive(Clone, Debug)]
pub struct Job {
    /// The directory that it becomes.
    pub destination: PathBuf,
    /// What is in it.
    pub tree: Tree,
    /// Whether it may take the place of another.
    pub replace: bool,
}

/// Looks whether a specification may be put into the directory `destination`.
///
/// # Errors
/// When something is there that may not be replaced.
pub fn check(destination: &Path, replace: bool) -> Result<()> {
    place::examine(destination, replace).map(drop)
}

/// Installs all of the specifications, or none.
///
/// # Errors
/// When something is in a place that may not be replaced, or a file cannot be written. Everything is
/// then as it was before.
pub fn install(jobs: &[Job]) -> Result<Vec<Outcome>> {
    // Several are written, so that they come to have one launcher.
    if let [job] = jobs
        && job.replace
        && unchanged::is_installed(job)
    {
        staging::tidy_up(job.destination.parent().unwrap_or(&job.destination));
        return Ok(vec![Outcome::Unchanged]);
    }
    let mut stagings = Stagings::default();
    let mut staged = Vec::with_capacity(jobs.len());
    for (number, job) in jobs.iter().enumerate() {
        let staging = stagings.of(&job.destination).with_context(|| could_not_install(job))?;
        let name = job.destination.file_name().context("a specification needs a name")?;
        let (place, destination) = (staging.at(number.to_string()), staging.kernels().at(name));
        let replaced = job.replace.then_some(&destination);
        let written = staging.writer.write_tree(&place, &job.tree, replaced);
        written.with_context(|| could_not_install(job))?;
        staged.push((number, place, destination));
    }
    // Always in the same order, because each that is merged is locked until the end.
    staged.sort_by_key(|(number, ..)| &jobs[*number].destination);
    let mut journal = Journal::default();
    let mut outcomes = vec![Outcome::Created; jobs.len()];
    let placed = staged.iter().try_for_each(|(number, staged, destination)| {
        let job = &jobs[*number];
        outcomes[*number] = place::place(staged, destination, job, &mut journal)
            .with_context(|| could_not_install(job))?;
        Ok(())
    });
    stagings.end(journal, placed)?;
    Ok(outcomes)
}

/// Removes all of the specifications in these directories, or none. Of a symbolic link, the link is
/// removed.
///
/// # Errors
/// When one of them cannot be removed. Everything is then as it was before.
pub fn remove(directories: &[PathBuf]) -> Result<()> {
    let mut directories: Vec<&PathBuf> = directories.iter().collect();
    directories.sort();
    let mut stagings = Stagings::default();
    let mut journal = Journal::default();
    let removed = directories.into_iter().try_for_each(|directory| {
        let staging = stagings.add(Staging::for_removal(directory)?);
        let place = staging.kernels().at(directory.file_name().unwrap_or_default());
        place::take_away(&place, staging.directory(), &mut journal)
            .with_context(|| format!("could not remove `{}`", directory.display()))
    });
    stagings.end(journal, removed)
}

fn could_not_install(job: &Job) -> String {
    let name = job.destination.file_name().unwrap_or_default();
    format!("could not install kernel specification `{}`", name.display())
}

/// The staging directories of one transaction.
#[derive(Default)]
struct Stagings(Vec<(PathBuf, Staging)>);

impl Stagings {
    /// The staging directory in the same kernels directory as the specification.
    fn of(&mut self, destination: &Path) -> Result<&mut Staging> {
        let kernels =
            destination.parent().context("a specification needs a directory to lie in")?;
        if let Some(index) = self.0.iter().position(|(directory, _)| directory == kernels) {
            return Ok(&mut self.0[index].1);
        }
        Ok(self.add((kernels.to_path_buf(), Staging::create(kernels, "")?)))
    }

    fn add(&mut self, staging: (PathBuf, Staging)) -> &mut Staging {
        self.0.push(staging);
        let last = self.0.len() - 1;
        &mut self.0[last].1
    }

    /// Makes the changes final, or undoes them.
    fn end(mut self, journal: Journal, result: Result<()>) -> Result<()> {
        let all_put_back = match &result {
            Ok(()) => {
                journal.commit();
                true
            }
            Err(_) => journal.undo(),
        };
        // The last first: it may lie in a directory that was created for an earlier one.
        while let Some((_, staging)) = self.0.pop() {
            match &result {
                Ok(()) => staging.finish(),
                Err(_) if all_put_back => drop(staging),
                // What could not be put back is in it.
                Err(_) => staging.keep(),
            }
        }
        result
    }
}

#[cfg(test)]
mod tests;
