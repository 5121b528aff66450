//! `jupyter-docker-spec prune`: removes kernels that no server waits for.

use std::fmt::Write as _;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;

use super::ask;
use super::kernels::{self, Kernel};
use super::list::json;
use super::ps::shown_age;
use crate::cli::Prune;
use crate::engine::Engine;
use crate::options::convert::nanoseconds;
use crate::paths::Paths;
use crate::settings::Mode;
use crate::text::printable;

/// A kernel that nobody waits for.
#[derive(Serialize)]
struct Abandoned {
    #[serde(flatten)]
    kernel: Kernel,
    /// How that is known.
    reason: String,
    removed: bool,
}

/// Removes the kernels that nobody waits for, after asking. Returns which they are.
///
/// # Errors
/// When the engine is not there or does not tell, the answer is no, or one of them cannot be removed:
/// the others are removed then all the same.
pub fn run(args: &Prune, paths: &Paths<'_>) -> Result<String> {
    let least = nanoseconds(&args.older_than)
        .and_then(|nanoseconds| u64::try_from(nanoseconds / 1_000_000_000).ok());
    let least = least.with_context(|| {
        format!(
            "--older-than of `{}` must be a span of time with its unit, such as 90s or 24h",
            args.older_than
        )
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("could not start")?;
    let (engine, kernels) = runtime.block_on(kernels::find(paths.env))?;
    let mut abandoned = Vec::new();
    let mut unknown = 0;
    for kernel in kernels.into_iter().filter(|kernel| kernel.age.is_some_and(|age| age >= least)) {
        match waiting(&kernel) {
            Waiting::Nobody(reason) => abandoned.push(Abandoned { kernel, reason, removed: false }),
            Waiting::Somebody => {}
            Waiting::Unknown => unknown += 1,
        }
    }
    if unknown > 0 {
        tracing::info!(
            "Leaving {unknown} running {} alone: only on the host of its server it shows whether one waits",
            if unknown == 1 { "kernel" } else { "kernels" }
        );
    }
    let mut failed = 0;
    if !args.dry_run && !abandoned.is_empty() {
        if !args.yes {
            tracing::info!("Kernels that nobody waits for:\n{}", text(&abandoned).trim_end());
            ensure!(ask::yes("Remove?")?, "nothing was removed");
        }
        failed = runtime.block_on(remove(&engine, &mut abandoned));
    }
    if abandoned.is_empty() {
        let why = if unknown == 0 {
            ": no kernel is there without a server that waits for it"
        } else {
            ""
        };
        tracing::info!("Nothing to remove{why}");
    }
    ensure!(failed == 0, "{failed} of {} kernels could not be removed", abandoned.len());
    if args.json {
        return json(&abandoned);
    }
    Ok(if args.dry_run { text(&abandoned) } else { String::new() })
}

/// Whether somebody waits for a kernel.
enum Waiting {
    /// And how that is known.
    Nobody(String),
    Somebody,
    /// Only the host of its server could tell.
    Unknown,
}

fn waiting(kernel: &Kernel) -> Waiting {
    if kernel.is_over() {
        return Waiting::Nobody(format!("it is {}", kernel.state));
    }
    if kernel.state == "created" {
        return Waiting::Nobody("it was never started".to_owned());
    }
    let address = kernel.response_address.as_deref().and_then(|text| text.parse().ok());
    let Some(address): Option<SocketAddr> = address else { return Waiting::Unknown };
    match TcpListener::bind(address) {
        // Listening there is possible: nobody else does.
        Ok(_) => Waiting::Nobody(format!("its server no longer listens on {address}")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Waiting::Somebody,
        Err(_) => Waiting::Unknown,
    }
}

/// Removes them, and says how many could not be.
async fn remove(engine: &Engine, abandoned: &mut [Abandoned]) -> usize {
    let mut failed = 0;
    for Abandoned { kernel, reason, removed } in abandoned {
        let (what, result) = match kernel.mode {
            Mode::Docker => ("container", engine.remove_container(&kernel.id, true).await),
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

fn text(abandoned: &[Abandoned]) -> String {
    let mut text = String::new();
    for Abandoned { kernel, reason, .. } in abandoned {
        let age = kernel.age.map(shown_age).unwrap_or_default();
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}  {age}  {}", printable(&kernel.name), printable(reason));
    }
    text
}
