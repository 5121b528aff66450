//! Watches a container that was started, for as long as the server waits for its kernel.

use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Result, anyhow};
use tokio::time::{Instant, sleep_until};

use crate::engine::{Engine, Event, Events, Output};
use crate::launcher::context::{Context, TAKEOVER_LIMIT};
use crate::launcher::death::{self, FOREIGN, foreign};
use crate::launcher::launch::Launch;
use crate::launcher::podman;
use crate::launcher::tail::Tail;
use crate::text;

/// How long to wait for the last output of a container that has ended.
const LAST_OUTPUT: Duration = Duration::from_millis(500);

/// The signal with which the servers remove a container.
const KILL: i32 = 9;

/// A container that was started.
pub(super) struct Watch<'a> {
    events: Events,
    /// Where Podman is asked about the container, and by which id.
    podman: Option<(&'a Engine, &'a str)>,
    /// The output, until its end. A container blocks while nobody reads from a connection that is attached to
    /// it, so its output is always read, or the connection closed.
    output: Option<Output>,
    tail: Tail,
    pub(super) started: Instant,
    out_of_memory: bool,
}

pub(super) enum Ending {
    /// The server's launch timeout has passed, and the container is running.
    StillRunning,
    /// Somebody, usually the server, killed it through the engine.
    RemovedByOthers,
    /// Somebody stopped it, or the engine did because it is shutting down.
    Stopped,
    /// It ended by itself.
    Died { exit_code: i64 },
    /// The engine no longer reports events, for this reason.
    Unknown(String),
}

impl<'a> Watch<'a> {
    pub(super) fn new(
        events: Events,
        output: Output,
        podman: Option<(&'a Engine, &'a str)>,
    ) -> Self {
        Self {
            events,
            podman,
            output: Some(output),
            tail: Tail::default(),
            started: Instant::now(),
            out_of_memory: false,
        }
    }

    pub(super) async fn ending(&mut self, deadline: Instant) -> Ending {
        let mut first_signal = None;
        loop {
            tokio::select! {
                () = sleep_until(deadline) => return Ending::StillRunning,
                () = read(&mut self.output, &mut self.tail) => self.look_at_end().await,
                event = self.events.next() => match event {
                    Ok(Some(Event::Kill { signal })) => {
                        first_signal.get_or_insert(signal.unwrap_or(KILL));
                    }
                    Ok(Some(Event::OutOfMemory)) => self.out_of_memory = true,
                    Ok(Some(Event::Die { exit_code })) => return match first_signal {
                        None if self.is_removed_from_podman(exit_code).await => Ending::RemovedByOthers,
                        None => Ending::Died { exit_code },
                        Some(KILL) => Ending::RemovedByOthers,
                        Some(_) => Ending::Stopped,
                    },
                    Ok(Some(Event::Destroy)) => return Ending::RemovedByOthers,
                    Ok(Some(Event::Start)) => {}
                    Ok(None) => return Ending::Unknown("it ended the stream of events".to_owned()),
                    Err(error) => return Ending::Unknown(error.to_string()),
                },
            }
        }
    }

    /// Asks Podman about the container when its output has ended.
    async fn look_at_end(&mut self) {
        if let (None, Some((engine, id))) = (&self.output, self.podman) {
            self.out_of_memory |= podman::ran_out_of_memory(engine, id).await;
        }
    }

    async fn is_removed_from_podman(&mut self, exit_code: i64) -> bool {
        let Some((engine, id)) = self.podman.filter(|_| podman::is_removal(exit_code)) else {
            return false;
        };
        self.out_of_memory = self.out_of_memory || podman::ran_out_of_memory(engine, id).await;
        !self.out_of_memory
    }

    /// Runs `work` while reading the output of the container.
    pub(super) async fn read_while<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                result = &mut work => return result,
                () = read(&mut self.output, &mut self.tail) => self.look_at_end().await,
            }
        }
    }

    /// Waits to see what the server does once its launch timeout has passed. A kernel that the server has
    /// taken over, and that is shut down at this moment, ends before it is removed.
    pub(super) async fn await_takeover(&mut self, context: &Context<'_>) -> Result<()> {
        match self.ending(context.deadline + TAKEOVER_LIMIT).await {
            Ending::RemovedByOthers => {
                Err(context.given_up_error("container", &self.tail.sentence()))
            }
            _ => Ok(()),
        }
    }

    /// Explains why the server will get no kernel.
    pub(super) async fn explain_death(
        &mut self,
        context: &Context<'_>,
        id: &str,
        exit_code: i64,
    ) -> anyhow::Error {
        let age = text::seconds(self.started.elapsed());
        self.read_last_output(context, id).await;
        let how = death::how(exit_code, self.out_of_memory);
        let output = self.tail.sentence();
        let Launch { name, image, .. } = context.launch;
        let reason = anyhow!(
            "the container `{name}` of image `{image}` {how}, {age} s after its start. {output}"
        );
        if output.to_lowercase().contains(FOREIGN) {
            return reason.context(foreign(image));
        }
        death::explained(context, reason, exit_code, self.tail.is_empty()).await
    }

    /// Reads the rest of the output, and finds out whether the container ran out of memory: the engine may
    /// report that after the end, or in the container's state if it still exists.
    async fn read_last_output(&mut self, context: &Context<'_>, id: &str) {
        let until = Instant::now() + LAST_OUTPUT;
        let mut telling = true;
        while telling || self.output.is_some() {
            tokio::select! {
                () = sleep_until(until) => break,
                () = read(&mut self.output, &mut self.tail) => {}
                event = self.events.next(), if telling => match event {
                    Ok(Some(Event::OutOfMemory)) => self.out_of_memory = true,
                    Ok(Some(Event::Destroy) | None) | Err(_) => telling = false,
                    Ok(Some(_)) => {}
                },
            }
            if self.output.is_none() && !context.launch.remove {
                break;
            }
        }
        if !self.out_of_memory && !context.launch.remove {
            let ended = context.engine.inspect_container(id).await;
            self.out_of_memory = ended.is_ok_and(|container| container.state.oom_killed);
        }
    }
}

/// Reads a piece of output; never returns if there is no more.
async fn read(output: &mut Option<Output>, tail: &mut Tail) {
    let Some(open) = output else { return pending().await };
    match open.next().await {
        Ok(Some((_, piece))) => tail.push(&piece),
        // The events tell what became of the container. A connection that is not understood must be closed,
        // too.
        Ok(None) | Err(_) => *output = None,
    }
}
