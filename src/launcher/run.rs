//! Carries out a launch: connects to the engine, starts the kernel, and stays until the server has had time
//! to take over, so that a kernel that dies early is reported.
//!
//! The server checks the launcher's exit status until it finds the kernel. So each failure ends in an error,
//! with nothing left on the engine.

use std::borrow::Cow;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use anyhow::{Result, anyhow};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep};

use super::context::{Context, OUTAGE_LIMIT};
use super::plan::Plan;
use super::spec::InstalledSpec;
use super::{bring, container, service};
use crate::engine::Engine;
use crate::env::Env;
use crate::model::Mode;

/// How long the engine may take to answer the first time.
const FIRST_ANSWER: Duration = Duration::from_secs(10);

/// How often removing what was created is retried.
const RETRY_INTERVAL: Duration = Duration::from_millis(250);

/// How long a request that changes something may still take after the launcher was told to stop, and how long
/// removing what was created may take.
const GRACE: Duration = Duration::from_secs(10);

/// Launches the kernel. Time counts from `begin`, the start of this process.
///
/// # Errors
/// Says why the kernel could not be started or died early. Nothing is left behind, or the error names it.
pub async fn run(plan: &Plan, spec: &InstalledSpec, env: &Env, begin: Instant) -> Result<()> {
    let launch = &plan.launch;
    let deadline = begin + launch.timeout;
    let mut stop = pin!(stop_signal());
    let engine = tokio::select! {
        engine = Engine::from_env(env, FIRST_ANSWER, deadline) => engine?,
        stopped = &mut stop => return Err(stopped),
    };
    plan.check_needs(&engine)?;
    let mut prepared = Cow::Borrowed(plan);
    let mut context = Context::new(plan, env, engine, deadline);
    let mut bootstrap = None;
    if plan.brings_bootstrap {
        bootstrap = Some(tokio::select! {
            program = bring::prepare(prepared.to_mut(), &context, spec) => program?,
            stopped = &mut stop => return Err(stopped),
        });
        context = Context::new(&prepared, env, context.engine, deadline);
    }
    let bootstrap = bootstrap.as_deref();
    let result = match launch.mode {
        Mode::Docker => or_stopped(container::launch(&context, bootstrap), stop, &context).await,
        Mode::Swarm => or_stopped(service::launch(&context, bootstrap), stop, &context).await,
    };
    let Err(failure) = result else { return Ok(()) };
    Err(match clean_up(&context).await {
        Ok(()) => failure,
        Err(error) => anyhow!("{failure:#}. Besides, {error:#}"),
    })
}

/// Removes what a failed launch left.
async fn clean_up(context: &Context<'_>) -> Result<()> {
    let begin = Instant::now();
    context.engine.set_deadline(begin + GRACE);
    loop {
        let cleaned = match context.launch.mode {
            Mode::Docker => container::clean_up(context).await,
            Mode::Swarm => service::clean_up(context).await,
        };
        if cleaned.is_ok() || begin.elapsed() > OUTAGE_LIMIT {
            return cleaned;
        }
        sleep(RETRY_INTERVAL).await;
    }
}

/// Waits for a signal that stops a process, and returns it as an error; also if waiting is not possible.
async fn stop_signal() -> anyhow::Error {
    let kinds = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
    let signals: Result<Vec<_>, _> = kinds.into_iter().map(signal).collect();
    let mut signals = match signals {
        Ok(signals) => signals,
        Err(error) => return anyhow!("could not listen for signals: {error}"),
    };
    let names = ["SIGTERM", "SIGINT", "SIGHUP"];
    let name = poll_fn(|context| {
        let come = signals.iter_mut().position(|signal| signal.poll_recv(context).is_ready());
        come.map_or(Poll::Pending, |position| Poll::Ready(names[position]))
    });
    anyhow!("the launcher was stopped by {}", name.await)
}

/// Runs `work` until the launcher is told to stop; a change on the engine may then still finish within
/// [`GRACE`].
pub(super) async fn or_stopped<T>(
    work: impl Future<Output = Result<T>>,
    mut stop: std::pin::Pin<&mut impl Future<Output = anyhow::Error>>,
    context: &Context<'_>,
) -> Result<T> {
    let mut work = pin!(work);
    let stopped = tokio::select! {
        result = &mut work => return result,
        stopped = &mut stop => stopped,
    };
    let mut grace = pin!(sleep(GRACE));
    poll_fn(|task| {
        let over = work.as_mut().poll(task).is_ready()
            || !context.is_changing()
            || grace.as_mut().poll(task).is_ready();
        if over { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    Err(stopped)
}
