//! `jupyter-docker-spec check`: looks for what would keep kernels from starting.

mod contents;
mod docker;
mod files;
mod gateway;
mod handshake;
mod jupyter;
mod launch;
mod parts;
mod programs;
mod reach;
mod report;

use anyhow::{Context as _, Result, bail};

use self::jupyter::Addresses;
use self::reach::Listening;
use self::report::Report;
use crate::cli::Check;
use crate::kernelspec::carried::Reader;
use crate::kernelspec::installed::Installed;
use crate::kernelspec::search::{self, Found};
use crate::paths::Paths;
use crate::screen::Screen;

/// Checks the specifications that are named, or all. Returns the report, and whether all is well.
///
/// # Errors
/// When there is no specification of a name.
pub fn run(args: &Check, paths: &Paths<'_>) -> Result<(String, bool)> {
    let found = chosen(args, paths)?;
    let mut report = Report::default();
    let mut specs: Vec<Installed> = Vec::new();
    let mut read: Vec<(Found, Result<Installed>)> = Vec::new();
    for found in found {
        match found.read() {
            Ok(Some(spec)) => {
                specs.push(spec.clone());
                read.push((found, Ok(spec)));
            }
            Ok(None) => bail!(
                "`{}` in {} is no Docker kernel specification",
                found.name,
                found.directory.display()
            ),
            Err(error) => read.push((found, Err(error))),
        }
    }
    report.about("Jupyter");
    let addresses = jupyter::check(&specs, paths, &mut report);
    programs::check(paths, &mut report);
    if read.is_empty() {
        report.error(search::none(&paths.kernel_directories()));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("could not start")?;
    runtime.block_on(on_engine(args, &read, &addresses, paths, &mut report));
    let text = if args.json { report.json()? } else { report.text(Screen::of_stdout(paths.env)) };
    Ok((text, report.is_well()))
}

/// The specifications that are to be looked at.
fn chosen(args: &Check, paths: &Paths<'_>) -> Result<Vec<Found>> {
    let directories = paths.kernel_directories();
    let all = search::in_directories(&directories);
    if args.names.is_empty() {
        return Ok(all.into_iter().filter(|found| !matches!(found.read(), Ok(None))).collect());
    }
    args.names.iter().map(|name| search::find(name, &all, &directories, paths)).collect()
}

async fn on_engine(
    args: &Check,
    read: &[(Found, Result<Installed>)],
    addresses: &Addresses,
    paths: &Paths<'_>,
    report: &mut Report,
) {
    let docker = docker::connect(paths.env, report).await;
    let mut reader = Reader::default();
    for (number, (found, spec)) in read.iter().enumerate() {
        report.about(&format!("{} in {}", found.name, found.directory.display()));
        let spec = match spec {
            Ok(spec) => spec,
            Err(error) => {
                report.error(format!("{error:#}; make it again with `install --replace`"));
                continue;
            }
        };
        files::check(found, spec, &mut reader, paths.env, report);
        gateway::check(spec, paths.env, report);
        let Some(docker) = &docker else { continue };
        let word = match args.names.get(number) {
            Some(given) => given.clone(),
            None if found.shadowed_by.is_some() => found.directory.display().to_string(),
            None => found.name.clone(),
        };
        let listening =
            Listening { system: spec.system, of_server: addresses.of(spec.system), env: paths.env };
        let usable = docker.check(&word, spec, paths.env, report).await;
        if args.launch {
            launch::check(docker, spec, &listening, paths, report).await;
        } else if let Some(image) = usable {
            listening.check(docker, image, report).await;
        }
    }
}
