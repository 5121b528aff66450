//! Runs a kernel as a container of one engine.

use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use tokio::time::{Instant, sleep, sleep_until};

use super::bring;
use super::context::{Context, TAKEOVER_LIMIT};
use super::death::{self, FOREIGN, foreign};
use super::launch::Launch;
use super::plan::PullPolicy;
use super::podman;
use super::pull;
use super::tail::Tail;
use super::volumes;
use crate::engine::{Engine, Error, Event, Events, Output};
use crate::server::{RESPONSE_ADDRESS, System};
use crate::text;

/// How long to wait for the last output of a container that has ended.
const LAST_OUTPUT: Duration = Duration::from_millis(500);

/// How often to check whether a container that is in the way has gone.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How often to look for a container while the engine is restarting.
const RESTART_POLL_INTERVAL: Duration = Duration::from_millis(500);

/// The signal with which the servers remove a container.
const KILL: i32 = 9;

/// How long to wait for a container that others are removing before removing it ourselves.
const REMOVAL_LIMIT: Duration = Duration::from_secs(5);

/// Starts the kernel's container, with this bootstrap if not with the image's, and watches it for as long as the server
/// waits.
pub(super) async fn launch(context: &Context<'_>, bootstrap: Option<&[u8]>) -> Result<()> {
    let engine = &context.engine;
    podman::check_network(context)?;
    let id = create_in_networks(context).await?;
    if let Some(program) = bootstrap {
        let brought = bring::bring(engine, &id, context.plan, bring::archive(program, &[])?).await;
        brought.context("could not bring the bootstrap into the container")?;
    }
    // Before the start, so that nothing is missed of a container that is removed when it ends.
    let events = engine.container_events(&id).await?;
    let output = engine.attach_output(&id).await;
    let output = output.map_err(|error| explain_attach(context, error))?;
    let podman = engine.is_podman().then_some((engine, &*id));
    let mut watch = Watch::new(events, output, podman);
    let start = Box::pin(context.change(engine.start_container(&id)));
    let started = watch.read_while(start).await;
    started.map_err(|error| explain_start(context, error))?;
    watch.started = Instant::now();
    tracing::debug!(
        "Started the container {} of image {} on network {}",
        context.launch.name,
        context.launch.image,
        context.launch.network
    );
    match watch.ending(context.deadline).await {
        Ending::StillRunning => watch.await_takeover(context).await,
        Ending::RemovedByOthers => Ok(()),
        Ending::Stopped => match engine.reconnect().await {
            Ok(()) => Ok(()),
            Err(error) => recheck(context, &id, &error.to_string(), false).await,
        },
        Ending::Died { exit_code } => Err(watch.explain_death(context, &id, exit_code).await),
        Ending::Unknown(reason) => {
            // An attached connection that nobody reads would block the container.
            drop(watch);
            recheck(context, &id, &reason, true).await
        }
    }
}

/// Creates the container, and attaches it to the networks besides its first.
pub(super) async fn create_in_networks(context: &Context<'_>) -> Result<String> {
    let id = create(context).await?;
    for (network, settings) in &context.plan.networks {
        let connected = context.engine.connect_network(network, &id, settings).await;
        connected.with_context(|| {
            format!("could not attach the kernel to the network `{network}` of launch_docker.toml")
        })?;
    }
    Ok(id)
}

/// Creates the container; pulls its image and makes way for it if necessary.
async fn create(context: &Context<'_>) -> Result<String> {
    let launch = context.launch;
    let patience = Instant::now() + REMOVAL_LIMIT;
    let plan = context.plan;
    // If nothing may be pulled, it counts as pulled.
    let mut pulled = plan.pull != PullPolicy::Missing;
    if plan.pull == PullPolicy::Always {
        pull::pull(context).await?;
    }
    let mut request = None;
    loop {
        let attempt = async {
            let request = if let Some(request) = &request {
                request
            } else {
                let volumes = match context.engine.inspect_image(&launch.image).await {
                    Ok(image) => image.volumes(),
                    // From proxies that let servers access containers only. `prune` does not find such
                    // volumes.
                    Err(error) if error.is_forbidden() => Vec::new(),
                    Err(error) => return Err(error),
                };
                let request = request.insert(volumes::with_labels(plan, &volumes));
                // A local kernel's container ends by itself.
                if context.engine.is_podman() && launch.caller != System::Local {
                    podman::stop_at_once(request);
                }
                request
            };
            let platform = plan.platform.as_deref();
            let create = context.engine.create_container(&launch.name, platform, request);
            context.change(create).await
        };
        match attempt.await {
            Ok(created) => {
                context.note_created(&created);
                return Ok(created.id);
            }
            Err(error) if error.is_not_found() && !pulled => {
                pull::pull(context).await?;
                pulled = true;
                // The new image may have other volumes.
                request = None;
            }
            Err(error) if error.is_not_found() && plan.pull == PullPolicy::Never => {
                return Err(anyhow!(error).context(format!(
                    "the engine does not have the image `{}`, and pull_policy in \
                     launch_docker.toml is `never`",
                    launch.image
                )));
            }
            Err(error) if error.is_conflict() => make_way(context, patience).await?,
            Err(error) if podman::is_missing_network(&error) => {
                return Err(explain_start(context, error));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Makes way for the container. One with its name that has the same kernel is being removed, because the
/// server is restarting the kernel; if that takes too long, it is removed here.
async fn make_way(context: &Context<'_>, until: Instant) -> Result<()> {
    let launch = context.launch;
    let present = match context.engine.inspect_container(&launch.name).await {
        Ok(present) => present,
        Err(error) if error.is_not_found() => {
            // It has just gone, or the engine's answers contradict each other: do not retry at once.
            sleep(POLL_INTERVAL).await;
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    if present.config.labels.get("kernel_id") != Some(&launch.kernel_id) {
        bail!(
            "the name `{0}` is taken by a container that is not of this kernel; see it with \
             `docker inspect {0}`, and rename or remove it",
            launch.name
        );
    }
    if present.state.status == "removing" && Instant::now() < until {
        sleep(POLL_INTERVAL).await;
        return Ok(());
    }
    // A container that has ended belongs to nobody.
    let address = present.config.variable(RESPONSE_ADDRESS);
    if !present.state.has_ended() && !context.is_of_server(address) {
        return Err(context.taken_error("container", address, "docker rm --force"));
    }
    tracing::warn!("Removing the container {}, left over from this kernel", launch.name);
    context.engine.remove_container(&present.id, true).await?;
    sleep(POLL_INTERVAL).await;
    Ok(())
}

/// Why an engine does not attach to a container that is created: Podman sees to its first program then.
pub(super) fn explain_attach(context: &Context<'_>, error: Error) -> anyhow::Error {
    if context.engine.is_podman() && error.status().is_some() {
        return explain_start(context, error);
    }
    error.into()
}

/// The engine's reason for not starting a container, with a remedy if one is known.
pub(super) fn explain_start(context: &Context<'_>, error: Error) -> anyhow::Error {
    let launch = context.launch;
    let text = error.to_string();
    if text.to_ascii_lowercase().contains(FOREIGN) {
        return anyhow!(error).context(foreign(&launch.image));
    }
    // The engine attaches a container to its networks only when it starts.
    let mut networks = context.plan.networks.iter();
    if let Some((network, _)) = networks.find(|(name, _)| text.contains(&format!(" {name} "))) {
        return anyhow!(error).context(format!(
            "could not attach the kernel to the network `{network}` of launch_docker.toml"
        ));
    }
    if launch.caller == System::Local {
        return anyhow!(error).context(format!(
            "could not start the container `{}` of image `{}`",
            launch.name, launch.image
        ));
    }
    if text.contains("network") && text.contains("not found") {
        return anyhow!(error).context(format!(
            "the network `{0}` does not exist on the engine at {1}; create it with `docker network \
             create {0}`, or name another one in {2}",
            launch.network,
            context.engine.endpoint(),
            launch.caller.facts().network_variable,
        ));
    }
    anyhow!(error).context(format!(
        "could not start the container `{}` of image `{}`",
        launch.name, launch.image
    ))
}

/// A container that was started.
struct Watch<'a> {
    events: Events,
    /// Where Podman is asked about the container, and by which id.
    podman: Option<(&'a Engine, &'a str)>,
    /// The output, until its end. A container blocks while nobody reads from a connection that is attached to
    /// it, so its output is always read, or the connection closed.
    output: Option<Output>,
    tail: Tail,
    started: Instant,
    out_of_memory: bool,
}

enum Ending {
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
    fn new(events: Events, output: Output, podman: Option<(&'a Engine, &'a str)>) -> Self {
        Self {
            events,
            podman,
            output: Some(output),
            tail: Tail::default(),
            started: Instant::now(),
            out_of_memory: false,
        }
    }

    async fn ending(&mut self, deadline: Instant) -> Ending {
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
    async fn read_while<T>(&mut self, work: impl Future<Output = T>) -> T {
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
    async fn await_takeover(&mut self, context: &Context<'_>) -> Result<()> {
        match self.ending(context.deadline + TAKEOVER_LIMIT).await {
            Ending::RemovedByOthers => {
                Err(context.given_up_error("container", &self.tail.sentence()))
            }
            _ => Ok(()),
        }
    }

    /// Explains why the server will get no kernel.
    async fn explain_death(
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

/// Finds out what became of the container when the engine no longer reports events, as during a restart.
/// `lives` is whether it was running when last seen.
async fn recheck(context: &Context<'_>, id: &str, reason: &str, lives: bool) -> Result<()> {
    let name = &context.launch.name;
    tracing::warn!("The engine has stopped reporting on {name}: {reason}");
    loop {
        let error = match context.engine.inspect_container(id).await {
            Ok(container) if container.state.status == "running" => return Ok(()),
            Ok(container) => {
                bail!(
                    "the engine was restarted, and the container `{name}` is {}",
                    container.state.status
                )
            }
            Err(error) if error.is_not_found() => {
                bail!("the engine was restarted, and the container `{name}` is gone")
            }
            Err(error) => error,
        };
        if context.left() < RESTART_POLL_INTERVAL {
            // Too late to look again: the server may have the kernel by now.
            return if lives { Ok(()) } else { Err(error.into()) };
        }
        sleep(RESTART_POLL_INTERVAL).await;
    }
}

/// Removes what a failed launch created, but nothing without this kernel's label, and nothing of another
/// server.
pub(super) async fn clean_up(context: &Context<'_>) -> Result<()> {
    let launch = context.launch;
    let left = || {
        format!(
            "the container `{0}` may be left over; remove it with `docker rm --force {0}`",
            launch.name
        )
    };
    let present = match context.engine.inspect_container(context.leftover()).await {
        Err(error) if error.is_not_found() => return Ok(()),
        present => present.with_context(left)?,
    };
    let ours = context.has_created()
        || context.launch.caller == System::Local
        || context.is_of_server(present.config.variable(RESPONSE_ADDRESS));
    if !ours || present.config.labels.get("kernel_id") != Some(&launch.kernel_id) {
        return Ok(());
    }
    if present.state.status == "exited" && !launch.remove {
        tracing::warn!("Leaving the container {} as it is, as it was asked for", launch.name);
        return Ok(());
    }
    context.engine.remove_container(&present.id, true).await.with_context(left)
}
