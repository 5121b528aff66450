//! What each step of a launch needs.

use std::cell::{Cell, OnceCell};
use std::time::Duration;

use anyhow::anyhow;
use tokio::time::Instant;

use super::launch::Launch;
use super::plan::Plan;
use crate::engine::{Created, Engine};
use crate::env::Env;
use crate::text;

/// How long an engine may be unreachable, as while it restarts.
pub(super) const OUTAGE_LIMIT: Duration = Duration::from_secs(5);

/// How long the server may take to give up a kernel once its launch timeout has passed. It checks every half
/// second, and then removes the kernel.
pub(super) const TAKEOVER_LIMIT: Duration = Duration::from_secs(2);

pub(super) struct Context<'a> {
    pub(super) launch: &'a Launch,
    pub(super) plan: &'a Plan,
    pub(super) env: &'a Env,
    pub(super) engine: Engine,
    /// When the server gives up the kernel.
    pub(super) deadline: Instant,
    changing: Cell<bool>,
    created: OnceCell<String>,
}

impl<'a> Context<'a> {
    pub(super) fn new(plan: &'a Plan, env: &'a Env, engine: Engine, deadline: Instant) -> Self {
        Self {
            launch: &plan.launch,
            plan,
            env,
            engine,
            deadline,
            changing: Cell::new(false),
            created: OnceCell::new(),
        }
    }

    /// How long the server still waits.
    pub(super) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Runs `work`, which changes something on the engine. It is not interrupted at once when the launcher is
    /// stopped, because only what is known to exist can be removed.
    pub(super) async fn change<T>(&self, work: impl Future<Output = T>) -> T {
        self.changing.set(true);
        let result = work.await;
        self.changing.set(false);
        result
    }

    pub(super) fn is_changing(&self) -> bool {
        self.changing.get()
    }

    pub(super) fn note_created(&self, created: &Created) {
        for warning in &created.warnings {
            tracing::warn!("The engine warns about {}: {warning}", self.launch.name);
        }
        // Only one thing is created.
        let _ = self.created.set(created.id.clone());
    }

    /// Whether a container or service is known to have been created.
    pub(super) fn has_created(&self) -> bool {
        self.created.get().is_some()
    }

    /// Whether an existing kernel belongs to this server: it reports to the same address.
    pub(super) fn is_of_server(&self, address: Option<&str>) -> bool {
        address.is_some() && address == self.launch.response_address()
    }

    /// The error for a kernel that belongs to another server.
    pub(super) fn taken_error(
        &self,
        what: &str,
        address: Option<&str>,
        remove: &str,
    ) -> anyhow::Error {
        let address = address.unwrap_or("an unknown address");
        anyhow!(
            "another server has a kernel with the id of this one: the {what} `{0}` reports to {address}; \
             shut it down there or, if that server has gone, with `{remove} {0}`",
            self.launch.name
        )
    }

    /// Why the server has given up a kernel that was running; `output` is what it wrote.
    pub(super) fn given_up_error(&self, what: &str, output: &str) -> anyhow::Error {
        let Launch { name, image, timeout, kernelspec, .. } = self.launch;
        let kernelspec = kernelspec.as_deref().unwrap_or("NAME");
        let address = self.launch.response_address().unwrap_or("the server");
        anyhow!(
            "the server removed the {what} `{name}` of image `{image}` after its launch timeout of {} s, most \
             likely because it has not heard from the kernel, which should have reported to {address}; find out \
             why with `jupyter docker-spec check --launch {kernelspec}`. {output}",
            text::seconds(*timeout)
        )
    }

    /// What a failed launch may have left: the id, or the name if the answer with the id was lost. By the
    /// name alone it might be the next launch of a kernel that is being restarted.
    pub(super) fn leftover(&self) -> &str {
        self.created.get().unwrap_or(&self.launch.name)
    }
}
