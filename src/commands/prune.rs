//! `jupyter-docker-spec prune`: removes kernels that no server waits for, volumes of past kernels, and bootstraps of
//! past versions.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use super::ask;
use super::kernels::{self, Kernel, KernelList};
use super::output::json;
use super::ps::format_age;
use crate::cli::Prune;
use crate::engine::Engine;
use crate::launcher::waiting;
use crate::model::Mode;
use crate::options::amounts::nanoseconds;
use crate::paths::Paths;
use crate::program;
use crate::server::System;
use crate::text::printable;

mod configs;
mod server;
mod volumes;

use self::configs::LeftoverConfig;
use self::server::{Host, ServerState};
use self::volumes::LeftoverVolume;

/// A kernel that no server waits for.
#[derive(Serialize)]
struct Abandoned {
    #[serde(flatten)]
    kernel: Kernel,
    /// How that is known.
    reason: String,
    removed: bool,
}

/// Something to remove, in the order of removal.
#[derive(Serialize)]
#[serde(untagged)]
#[expect(clippy::large_enum_variant, reason = "there are few of them, and not for long")]
enum Item {
    Kernel(Abandoned),
    Volume(LeftoverVolume),
    Config(LeftoverConfig),
}

/// Removes the kernels that no server waits for, volumes without a kernel, and old bootstraps, after asking. Returns the list
/// of them. If one cannot be removed, the others still are.
pub fn run(args: &Prune, paths: &Paths<'_>) -> Result<String> {
    let least = nanoseconds(&args.older_than)
        .and_then(|nanoseconds| u64::try_from(nanoseconds / 1_000_000_000).ok());
    let least = least.with_context(|| {
        format!(
            "--older-than of `{}` must be a span of time with its unit, such as 90s or 24h",
            args.older_than
        )
    })?;
    let runtime = program::runtime()?;
    let KernelList { engine, info, kernels } = runtime.block_on(kernels::find(paths.env))?;
    let volumes = runtime.block_on(volumes::find(&engine, &kernels, least))?;
    let configs = if info.swarm.control_available {
        runtime.block_on(configs::find(&engine, least))?
    } else {
        Vec::new()
    };
    let host = runtime.block_on(Host::look(engine.endpoint(), &info));
    let mut abandoned = Vec::new();
    let mut unknown: BTreeMap<String, usize> = BTreeMap::new();
    for kernel in kernels.into_iter().filter(|kernel| kernel.age.is_some_and(|age| age >= least)) {
        match server_state(&kernel, &host) {
            ServerState::Gone(reason) => {
                abandoned.push(Item::Kernel(Abandoned { kernel, reason, removed: false }));
            }
            ServerState::Listening => {}
            ServerState::Unknown(why) => *unknown.entry(why).or_default() += 1,
        }
    }
    for (why, number) in &unknown {
        let kernels = if *number == 1 { "kernel" } else { "kernels" };
        tracing::info!("Leaving {number} running {kernels} alone: {why}");
    }
    abandoned.extend(volumes.into_iter().map(Item::Volume));
    abandoned.extend(configs.into_iter().map(Item::Config));
    let mut failed = 0;
    if !args.dry_run && !abandoned.is_empty() {
        if !args.yes {
            tracing::info!("Nobody waits for:\n{}", text(&abandoned).trim_end());
            ensure!(ask::yes("Remove?")?, "nothing was removed");
        }
        failed = runtime.block_on(remove(&engine, &mut abandoned));
    }
    if abandoned.is_empty() {
        let why =
            if unknown.is_empty() { ": each kernel has a server that waits for it" } else { "" };
        tracing::info!("Nothing to remove{why}");
    }
    ensure!(failed == 0, "{failed} of {} could not be removed", abandoned.len());
    if args.json {
        return json(&abandoned);
    }
    Ok(if args.dry_run { text(&abandoned) } else { String::new() })
}

/// Whether a server waits for a kernel. No server needs one that has ended or was never started.
fn server_state(kernel: &Kernel, host: &Host) -> ServerState {
    if kernel.is_over {
        return ServerState::Gone(format!("it is {}", kernel.state));
    }
    if kernel.is_waiting {
        return ServerState::Gone("it waits for a notebook".to_owned());
    }
    if kernel.state == "created" {
        return ServerState::Gone("it was never started".to_owned());
    }
    if kernel.system == System::Local {
        let why = "it ends with the application that has started it, wherever that is";
        return ServerState::Unknown(why.to_owned());
    }
    host.server_state(kernel)
}

/// Removes the items, and returns how many could not be removed.
async fn remove(engine: &Engine, abandoned: &mut [Item]) -> usize {
    let mut failed = 0;
    for item in abandoned {
        let Abandoned { kernel, reason, removed } = match item {
            Item::Kernel(abandoned) => abandoned,
            Item::Volume(left) => {
                failed += usize::from(!left.remove(engine).await);
                continue;
            }
            Item::Config(left) => {
                failed += usize::from(!left.remove(engine).await);
                continue;
            }
        };
        let mut id = kernel.id.clone();
        if kernel.is_waiting {
            let Some(taken) = waiting::take(engine, &kernel.name).await else {
                let name = &kernel.name;
                tracing::info!(
                    "Leaving the container {name}: a notebook has taken it, or it has ended"
                );
                continue;
            };
            id = taken;
        }
        let (what, result) = match kernel.mode {
            Mode::Docker => ("container", engine.remove_container(&id, true).await),
            Mode::Swarm => ("service", engine.remove_service(&kernel.id).await),
        };
        match result {
            Ok(()) => {
                *removed = true;
                tracing::info!("Removed the {what} {}: {reason}", kernel.name);
            }
            Err(error) => {
                failed += 1;
                tracing::error!("Could not remove the {what} {}: {error}", kernel.name);
            }
        }
    }
    failed
}

fn text(abandoned: &[Item]) -> String {
    let mut text = String::new();
    for item in abandoned {
        let (name, age, reason) = match item {
            Item::Kernel(Abandoned { kernel, reason, .. }) => {
                (&kernel.name, kernel.age, reason.clone())
            }
            Item::Volume(left) => (&left.volume, Some(left.age), left.reason()),
            Item::Config(left) => (&left.config, Some(left.age), left.reason()),
        };
        let age = age.map(format_age).unwrap_or_default();
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}  {age}  {}", printable(name), printable(&reason));
    }
    text
}
