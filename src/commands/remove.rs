//! `jupyter-docker-spec remove`.

use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::{Result, bail, ensure};

use super::ask;
use super::waiting::Waiting;
use crate::cli::Remove;
use crate::kernelspec::search::{self, FoundKernelspec};
use crate::kernelspec::store;
use crate::paths::Paths;
use crate::settings::Location;
use crate::text::printable;

/// Removes the specifications that the command line names: those that Jupyter finds, or those in the given
/// place.
///
/// # Errors
/// If one cannot be removed, all specifications still exist.
pub fn run(args: &Remove, paths: &Paths<'_>) -> Result<()> {
    let directories = match Location::named(&args.place)? {
        Some(location) => vec![location.kernels_directory(paths)?],
        None => paths.kernel_directories(),
    };
    let found = search::in_directories(&directories);
    let mut chosen: Vec<&FoundKernelspec> = Vec::new();
    let mut unknown: Vec<&String> = Vec::new();
    for name in &args.names {
        match search::named(&found, name) {
            Some(found) if chosen.iter().any(|other| other.directory == found.directory) => {}
            Some(found) => {
                ensure!(
                    args.force || found.read().map_or(true, |read| read.is_some()),
                    "`{}` in {} is no Docker kernel specification; remove it with --force",
                    found.name,
                    found.directory.display()
                );
                chosen.push(found);
            }
            None if finish_removal(&directories, name) => {
                tracing::info!("Removed what was left of kernelspec {name}");
            }
            // Reported last: the remains of the others must go even if one does not exist.
            None => unknown.push(name),
        }
    }
    if let Some(name) = unknown.first() {
        bail!(search::unknown_message(name, "", &found, &directories));
    }
    if chosen.is_empty() {
        return Ok(());
    }
    if !args.yes {
        confirm(&chosen)?;
    }
    let places: Vec<PathBuf> = chosen.iter().map(|found| found.directory.clone()).collect();
    let waiting = chosen.iter().filter_map(|found| Waiting::of(&found.name, &found.directory));
    let waiting: Vec<Waiting> = waiting.collect();
    store::remove(&places)?;
    for waiting in waiting {
        waiting.remove(paths.env);
    }
    for FoundKernelspec { name, directory, .. } in chosen {
        tracing::info!("Removed kernelspec {name} in {}", directory.display());
        let next =
            found.iter().find(|other| other.name == *name && !places.contains(&other.directory));
        if let Some(next) = next {
            tracing::info!("{name} is now the one in {}", next.directory.display());
        }
    }
    Ok(())
}

/// Completes interrupted removals. Returns whether there was one.
fn finish_removal(directories: &[PathBuf], name: &str) -> bool {
    // `count` visits all of them, not only the first that has one.
    directories.iter().filter(|directory| store::finish_removal(directory, name)).count() > 0
}

/// Asks on the terminal.
fn confirm(chosen: &[&FoundKernelspec]) -> Result<()> {
    // Standard output is for data.
    let mut terminal = io::stderr().lock();
    writeln!(terminal, "Kernel specifications to remove:")?;
    for FoundKernelspec { name, directory, .. } in chosen {
        let directory_shown = printable(&directory.to_string_lossy());
        writeln!(terminal, "  {}  {directory_shown}", printable(name))?;
        if let Some(files) = store::added_by_user(directory, &[]) {
            writeln!(terminal, "    with {}, which somebody has added", printable(&files))?;
        }
    }
    drop(terminal);
    ensure!(ask::yes("Remove?")?, "nothing was removed");
    Ok(())
}
