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

mod change;
mod directory;
mod files;
mod job;
mod journal;
mod links;
mod merge;
mod mounts;
mod place;
mod present;
mod staging;
mod unchanged;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use self::journal::Journal;
use self::staging::{Staging, Stagings};

pub use self::change::{Change, change, read, undisturbed};
pub use self::files::{added_by_user, files, is_mark};
pub use self::job::{Content, File, Job, Outcome};
pub use self::staging::finish_removal;

/// Looks whether a specification may be put into the directory `destination`.
///
/// # Errors
/// When something is there that may not be replaced.
pub fn check(destination: &Path, replace: bool) -> Result<()> {
    present::examine(destination, replace).map(drop)
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
        let written = staging.writer.write_all(&place, &job.files);
        written.with_context(|| could_not_install(job))?;
        if let Some(other) = &job.copy_of {
            let done = files::copy_directories(&place, other);
            done.with_context(|| could_not_install(job))?;
        }
        staged.push((number, place, destination));
    }
    // Always in the same order, because each that is merged is marked until the end.
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

#[cfg(test)]
mod tests;
