//! `jupyter-docker-spec check`: looks for what would keep kernels from starting.

mod contents;
mod docker;
mod files;
mod gateway;
mod handshake;
mod host;
mod image;
mod jupyter;
mod kernel_info;
mod launch;
mod launch_local;
mod launcher;
mod network;
mod packages;
mod probe;
mod programs;
mod reach;
mod report;
mod requested;
mod users;
mod volumes;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use self::docker::Docker;
use self::jupyter::Addresses;
use self::reach::ServerAddress;
use self::report::Report;
use super::show;
use crate::cli::Check;
use crate::env::Env;
use crate::kernelspec::installed_launcher::Reader;
use crate::kernelspec::search::{self, FoundKernelspec};
use crate::kernelspec::specification::Specification;
use crate::paths::Paths;
use crate::program;
use crate::screen::Screen;
use crate::server::System;

/// What keeps the Jupyter that is here from offering specifications of these systems, or from running this program: no
/// more than can be told at once.
pub(super) fn in_the_way(systems: &[System], paths: &Paths<'_>) -> Vec<String> {
    let concerned = System::ALL.into_iter().filter(|system| systems.contains(system));
    concerned
        .filter_map(|system| jupyter::without_package(system, paths))
        .chain(programs::in_front(paths))
        .collect()
}

/// A specification that was found, as far as it could be read, and the word that finds it.
type Read = (String, FoundKernelspec, Result<Specification>);

/// Checks the named specifications, or all. Returns the report, and whether all is well.
pub fn run(args: &Check, paths: &Paths<'_>) -> Result<(String, bool)> {
    let mut report = Report::default();
    report.about("Specifications");
    let read = chosen(args, paths, &mut report);
    let specs: Vec<Specification> =
        read.iter().filter_map(|(_, _, spec)| spec.as_ref().ok().cloned()).collect();
    report.about("Jupyter");
    let addresses = jupyter::check(&specs, paths, &mut report);
    programs::check(paths, &mut report);
    if read.is_empty() && args.names.is_empty() {
        report.error(search::none_message(&paths.kernel_directories()));
    }
    let runtime = program::runtime()?;
    runtime.block_on(on_engine(args, &read, &addresses, paths, &mut report));
    let text = if args.json { report.json()? } else { report.text(Screen::of_stdout(paths.env)) };
    Ok((text, report.is_well()))
}

/// The specifications to check.
fn chosen(args: &Check, paths: &Paths<'_>, report: &mut Report) -> Vec<Read> {
    let directories = paths.kernel_directories();
    let all = search::in_directories(&directories);
    let mut chosen = Vec::new();
    if args.names.is_empty() {
        for found in all {
            let word = match &found.shadowed_by {
                Some(_) => found.directory.display().to_string(),
                None => found.name.clone(),
            };
            let read = found.read().transpose();
            chosen.extend(read.map(|read| (word, found, read)));
        }
        return chosen;
    }
    for word in &args.names {
        match search::find(word, &all, &directories, paths) {
            Ok(found) => match found.read().transpose() {
                Some(read) => chosen.push((word.clone(), found, read)),
                None => report.error(found.not_for_docker()),
            },
            Err(error) => report.error(format!("{error:#}")),
        }
    }
    chosen
}

/// The engines of these specifications that answer, by the addresses that those name.
async fn engines(
    read: &[Read],
    env: &Env,
    report: &mut Report,
) -> BTreeMap<Option<String>, Option<Docker>> {
    let mut engines = BTreeMap::new();
    let named = read.iter().filter_map(|(_, _, spec)| Some(spec.as_ref().ok()?.engine.clone()));
    let mut addresses: BTreeSet<_> = named.collect();
    if addresses.is_empty() {
        addresses.insert(None);
    }
    for address in addresses {
        let docker = docker::connect(address.as_deref(), env, report).await;
        engines.insert(address, docker);
    }
    engines
}

async fn on_engine(
    args: &Check,
    read: &[Read],
    addresses: &Addresses,
    paths: &Paths<'_>,
    report: &mut Report,
) {
    let engines = engines(read, paths.env, report).await;
    let mut reader = Reader::default();
    for (word, found, spec) in read {
        report.about(&format!("{} in {}", found.name, found.directory.display()));
        let spec = match spec {
            Ok(spec) => spec,
            Err(error) => {
                let command = show::table::bare(&found.name, &found.directory, paths);
                report.error(match command {
                    Ok(command) => format!(
                        "{error:#}; correct it, or make it again with `{command}` and the options that it had"
                    ),
                    Err(_) => format!("{error:#}; correct it"),
                });
                continue;
            }
        };
        let required = files::check(found, spec, &mut reader, paths.env, report);
        let is_local = spec.system == System::Local;
        let starts = !is_local && users::check(spec, paths.env, args.launch, report);
        gateway::check(spec, paths.env, report);
        let Some(Some(docker)) = engines.get(&spec.engine) else { continue };
        let server_address = ServerAddress {
            system: spec.system,
            of_server: addresses.of(spec.system),
            env: paths.env,
        };
        let usable = docker.check(word, spec, &required, paths.env, report).await;
        if args.launch && is_local {
            if usable.is_some() {
                launch_local::check(docker, spec, paths, report).await;
            }
        } else if args.launch {
            // The server would not start one either.
            if starts {
                launch::check(docker, spec, &required, &server_address, paths, report).await;
            }
        } else if let Some(image) = usable.filter(|_| !is_local) {
            server_address.check(docker, image, report).await;
        }
    }
}
