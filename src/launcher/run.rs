//! Carries a launch out: finds the engine, has the kernel created and started, and stays until the
//! server has had its time to take over, so that a kernel that dies before that does not die unheard.
//!
//! The server asks for the launcher's exit status for as long as it sees no kernel. So every failure
//! ends in an error, and with nothing left on the engine.

use std::cell::{Cell, OnceCell};
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use anyhow::{Result, anyhow};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep};

use super::launch::Launch;
use super::plan::Plan;
use super::{container, service};
use crate::engine::{Created, Endpoint, Engine};
use crate::env::Env;
use crate::settings::Mode;
use crate::text;

/// How long the engine may take to say that it is there.
const FIRST_ANSWER: Duration = Duration::from_secs(10);

/// How long a request that changes something may still take after the launcher was told to stop, and
/// how long the removal of what was created may take.
const GRACE: Duration = Duration::from_secs(10);

/// How long an engine may be away, as one is that is being restarted, and how often the removal of
/// what was created is tried again.
pub(super) const AWAY: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_millis(250);

/// How long the server may take to give a kernel up when its time is over. It looks every half a second, and
/// removes the kernel then.
pub(super) const VERDICT: Duration = Duration::from_secs(2);

/// Launches the kernel. Time runs from `begin`, the start of this process.
///
/// # Errors
/// When the kernel could not be started or did not live: the reason in one paragraph. Nothing is left
/// behind then, or the error says what.
pub async fn run(plan: &Plan, env: &Env, begin: Instant) -> Result<()> {
    let launch = &plan.launch;
    let deadline = begin + launch.timeout;
    let mut stop = pin!(stop_signal());
    let endpoint = Endpoint::from_env(env)?;
    let pinned = env.get("DOCKER_API_VERSION");
    let engine = tokio::select! {
        engine = Engine::connect(endpoint, pinned, FIRST_ANSWER, deadline) => engine?,
        stopped = &mut stop => return Err(stopped),
    };
    let context = Context {
        launch,
        plan,
        env,
        engine,
        deadline,
        changing: Cell::new(false),
        created: OnceCell::new(),
    };
    let result = match launch.mode {
        Mode::Docker => or_stopped(container::launch(&context), stop, &context).await,
        Mode::Swarm => or_stopped(service::launch(&context), stop, &context).await,
    };
    let Err(failure) = result else { return Ok(()) };
    Err(match clean_up(&context).await {
        Ok(()) => failure,
        Err(error) => anyhow!("{failure:#}. Besides, {error:#}"),
    })
}

/// Removes what a failed launch has left.
async fn clean_up(context: &Context<'_>) -> Result<()> {
    let begin = Instant::now();
    context.engine.set_deadline(begin + GRACE);
    loop {
        let cleaned = match context.launch.mode {
            Mode::Docker => container::clean_up(context).await,
            Mode::Swarm => service::clean_up(context).await,
        };
        if cleaned.is_ok() || begin.elapsed() > AWAY {
            return cleaned;
        }
        sleep(AGAIN).await;
    }
}

/// What every step of a launch needs.
pub(super) struct Context<'a> {
    pub(super) launch: &'a Launch,
    pub(super) plan: &'a Plan,
    pub(super) env: &'a Env,
    pub(super) engine: Engine,
    /// When the server gives the kernel up.
    pub(super) deadline: Instant,
    changing: Cell<bool>,
    created: OnceCell<String>,
}

impl Context<'_> {
    /// Does work that changes something on the engine. It is not broken off at once when the launcher
    /// is told to stop, because what has been created must be known to be removed.
    pub(super) async fn change<T>(&self, work: impl Future<Output = T>) -> T {
        self.changing.set(true);
        let result = work.await;
        self.changing.set(false);
        result
    }

    /// Notes what has been created.
    pub(super) fn note_created(&self, created: &Created) {
        for warning in &created.warnings {
            tracing::warn!("The engine warns about {}: {warning}", self.launch.name);
        }
        // Set once: the first thing that is created is the only one.
        let _ = self.created.set(created.id.clone());
    }

    /// Whether something is known to have been created.
    pub(super) fn has_created(&self) -> bool {
        self.created.get().is_some()
    }

    /// Why the server has given up a kernel that ran; `output` is what it wrote.
    pub(super) fn unheard(&self, what: &str, output: &str) -> anyhow::Error {
        let Launch { name, image, timeout, environment, .. } = self.launch;
        let address = environment.get("RESPONSE_ADDRESS").map_or("the server", String::as_str);
        anyhow!(
            "the server has removed the {what} `{name}` of image `{image}` when the {} s for its launch \
             were over, most likely because it has not heard from the kernel, which was to tell {address} \
             that it runs; see what keeps it from that with `jupyter docker-spec check --launch`. {output}",
            text::seconds(*timeout)
        )
    }

    /// What a failed launch may have left: the id, or the name if the answer with the id has never
    /// come. The name alone may have passed on to the next launch of a kernel that is restarted.
    pub(super) fn leftover(&self) -> &str {
        self.created.get().unwrap_or(&self.launch.name)
    }
}

/// Waits for a signal that tells a process to stop. It is an error then, and one where the system
/// does not let us wait.
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

/// Does the work until the launcher is told to stop; a change on the engine that is under way then
/// may still come to its end, within [`GRACE`].
async fn or_stopped(
    work: impl Future<Output = Result<()>>,
    mut stop: std::pin::Pin<&mut impl Future<Output = anyhow::Error>>,
    context: &Context<'_>,
) -> Result<()> {
    let mut work = pin!(work);
    let stopped = tokio::select! {
        result = &mut work => return result,
        stopped = &mut stop => stopped,
    };
    let mut grace = pin!(sleep(GRACE));
    poll_fn(|task| {
        let over = !context.changing.get()
            || work.as_mut().poll(task).is_ready()
            || !context.changing.get()
            || grace.as_mut().poll(task).is_ready();
        if over { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    Err(stopped)
}
