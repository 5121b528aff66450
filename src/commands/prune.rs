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
    let old = kernels.into_iter().filter(|kernel| kernel.age.is_some_and(|age| age >= least));
    let mut abandoned: Vec<Abandoned> = old
        .filter_map(|kernel| {
            let reason = reason(&kernel)?;
            Some(Abandoned { kernel, reason, removed: false })
        })
        .collect();
    let mut failed = 0;
    if !args.dry_run && !abandoned.is_empty() {
        if !args.yes {
            tracing::info!("Kernels that nobody waits for:\n{}", text(&abandoned).trim_end());
            ensure!(ask::yes("Remove?")?, "nothing was removed");
        }
        failed = runtime.block_on(remove(&engine, &mut abandoned));
    }
    if abandoned.is_empty() {
        tracing::info!("Nothing to remove: no kernel is there without a server that waits for it");
    }
    ensure!(failed == 0, "{failed} of {} kernels could not be removed", abandoned.len());
    if args.json {
        return json(&abandoned);
    }
    Ok(if args.dry_run { text(&abandoned) } else { String::new() })
}

/// Why nobody waits for a kernel; `None` if somebody may.
fn reason(kernel: &Kernel) -> Option<String> {
    if kernel.is_over() {
        return Some(format!("it is {}", kernel.state));
    }
    if kernel.state == "created" {
        return Some("it was never started".to_owned());
    }
    let address: SocketAddr = kernel.response_address.as_deref()?.parse().ok()?;
    match TcpListener::bind(address) {
        // Listening there is possible: nobody else does.
        Ok(_) => Some(format!("its server no longer listens on {address}")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            tracing::debug!("{} stays: {address} is in use", kernel.name);
            None
        }
        Err(error) => {
            tracing::debug!("{} stays: {address} is not of this host ({error})", kernel.name);
            None
        }
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
