//! A kernel as a container of one engine.

use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use tokio::time::{Instant, sleep, sleep_until};

use super::context::{Context, VERDICT};
use super::death::{self, FOREIGN, foreign};
use super::launch::Launch;
use super::plan::PullPolicy;
use super::pull;
use super::tail::Tail;
use super::volumes;
use crate::engine::{Error, Event, Events, Output};
use crate::server::RESPONSE_ADDRESS;
use crate::text;

/// How long the last output of a container that has ended is waited for.
const LAST_OUTPUT: Duration = Duration::from_millis(500);

/// How often it is looked whether a container that is in the way has gone.
const LOOK: Duration = Duration::from_millis(50);

/// How often a container is looked for while the engine is restarted.
const RESTART_LOOK: Duration = Duration::from_millis(500);

/// The signal by which the servers have a container removed.
const KILL: i32 = 9;

/// How long a container that is being removed by others is waited for before it is removed by us.
const LEFTOVER: Duration = Duration::from_secs(5);

/// Starts the kernel's container and watches over it for the time that the server waits.
pub(super) async fn launch(context: &Context<'_>) -> Result<()> {
    let engine = &context.engine;
    let id = create(context).await?;
    for (network, settings) in &context.plan.networks {
        let connected = context.engine.connect_network(network, &id, settings).await;
        connected.with_context(|| {
            format!("could not attach the kernel to the network `{network}` of launch_docker.toml")
        })?;
    }
    // Before the start, so that nothing is missed of a container that is removed when it ends.
    let events = engine.container_events(&id).await?;
    let output = engine.attach_output(&id).await?;
    let mut watch = Watch::new(events, output);
    let start = Box::pin(context.change(engine.start_container(&id)));
    let started = watch.meanwhile(start).await;
    started.map_err(|error| explain_start(context, error))?;
    watch.started = Instant::now();
    tracing::debug!(
        "Started the container {} of image {} on network {}",
        context.launch.name,
        context.launch.image,
        context.launch.network
    );
    match watch.ending(context.deadline).await {
        Ending::StillRunning => watch.verdict(context).await,
        Ending::RemovedByOthers => Ok(()),
        Ending::Stopped => match engine.reconnect().await {
            Ok(()) => Ok(()),
            Err(error) => look_again(context, &id, &error.to_string(), false).await,
        },
        Ending::Died { exit_code } => Err(watch.explain_death(context, &id, exit_code).await),
        Ending::Unknown(reason) => {
            // What nobody reads must not stay attached.
            drop(watch);
            look_again(context, &id, &reason, true).await
        }
    }
}

/// Creates the container, pulling its image and making way for it if need be.
async fn create(context: &Context<'_>) -> Result<String> {
    let launch = context.launch;
    let patience = Instant::now() + LEFTOVER;
    let plan = context.plan;
    // What is not to be pulled is dealt with as if it had been.
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
                    // As proxies do that let servers at containers only. Then `prune` does not find them.
                    Err(error) if error.is_forbidden() => Vec::new(),
                    Err(error) => return Err(error),
                };
                request.insert(volumes::labelled(plan, &volumes))
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
                // What is there now may have other volumes.
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
            Err(error) => return Err(error.into()),
        }
    }
}

/// Deals with the container that has the name: one of the same kernel is on its way out, because the
/// server has restarted the kernel, and is removed if it takes too long.
async fn make_way(context: &Context<'_>, until: Instant) -> Result<()> {
    let launch = context.launch;
    let present = match context.engine.inspect_container(&launch.name).await {
        Ok(present) => present,
        Err(error) if error.is_not_found() => {
            // It has just gone, or the engine is of two minds: not as fast as can be again.
            sleep(LOOK).await;
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
        sleep(LOOK).await;
        return Ok(());
    }
    // One that has ended is nobody's any more.
    let address = present.config.variable(RESPONSE_ADDRESS);
    if !present.state.has_ended() && !context.is_of_server(address) {
        return Err(context.taken("container", address, "docker rm --force"));
    }
    tracing::warn!("Removing the container {}, left over from this kernel", launch.name);
    context.engine.remove_container(&present.id, true).await?;
    sleep(LOOK).await;
    Ok(())
}

/// The engine's reason for not starting a container, with the way out where it is known.
fn explain_start(context: &Context<'_>, error: Error) -> anyhow::Error {
    let launch = context.launch;
    let text = error.to_string();
    if text.contains(FOREIGN) {
        return anyhow!(error).context(foreign(&launch.image));
    }
    // The engine attaches a container only when it starts.
    let mut networks = context.plan.networks.iter();
    if let Some((network, _)) = networks.find(|(name, _)| text.contains(&format!(" {name} "))) {
        return anyhow!(error).context(format!(
            "could not attach the kernel to the network `{network}` of launch_docker.toml"
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

/// A container that has been started.
struct Watch {
    events: Events,
    /// What it writes, until there is no more. A kernel stands still when it is attached to somebody who does
    /// not read, so it is read whatever else is waited for, or closed.
    output: Option<Output>,
    tail: Tail,
    started: Instant,
    out_of_memory: bool,
}

enum Ending {
    /// The server's time is over, and the container lives.
    StillRunning,
    /// Somebody, the server as a rule, has ended it through the engine.
    RemovedByOthers,
    /// Somebody has stopped it, or the engine has because it is itself about to stop.
    Stopped,
    /// It ended by itself.
    Died { exit_code: i64 },
    /// The engine has stopped telling, for this reason.
    Unknown(String),
}

impl Watch {
    fn new(events: Events, output: Output) -> Self {
        Self {
            events,
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
                () = read(&mut self.output, &mut self.tail) => {}
                event = self.events.next() => match event {
                    Ok(Some(Event::Kill { signal })) => {
                        first_signal.get_or_insert(signal.unwrap_or(KILL));
                    }
                    Ok(Some(Event::OutOfMemory)) => self.out_of_memory = true,
                    Ok(Some(Event::Die { exit_code })) => return match first_signal {
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

    /// Does other work while it reads what the container writes.
    async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                result = &mut work => return result,
                () = read(&mut self.output, &mut self.tail) => {}
            }
        }
    }

    /// Stays for what the server does when its time is over. A kernel that it has, and that is shut down
    /// just then, ends by itself before it is removed.
    async fn verdict(&mut self, context: &Context<'_>) -> Result<()> {
        match self.ending(context.deadline + VERDICT).await {
            Ending::RemovedByOthers => Err(context.unheard("container", &self.tail.sentence())),
            _ => Ok(()),
        }
    }

    /// Why the server waits for this kernel in vain.
    async fn explain_death(
        &mut self,
        context: &Context<'_>,
        id: &str,
        exit_code: i64,
    ) -> anyhow::Error {
        let age = text::seconds(self.started.elapsed());
        self.last_words(context, id).await;
        let how = death::how(exit_code, self.out_of_memory);
        let output = self.tail.sentence();
        let Launch { name, image, .. } = context.launch;
        let reason = anyhow!(
            "the container `{name}` of image `{image}` {how}, {age} s after its start. {output}"
        );
        if output.contains(FOREIGN) {
            return reason.context(foreign(image));
        }
        death::explained(context, reason, exit_code, self.tail.is_empty()).await
    }

    /// Reads the rest of the output, and whether memory was the reason: the engine may tell of it after the
    /// end, or have it noted if the container is still there.
    async fn last_words(&mut self, context: &Context<'_>, id: &str) {
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

/// Reads a piece of what a container writes; waits for ever if there is no more to come.
async fn read(output: &mut Option<Output>, tail: &mut Tail) {
    let Some(open) = output else { return pending().await };
    match open.next().await {
        Ok(Some((_, piece))) => tail.push(&piece),
        // The events tell what has become of it. What is not understood must not stay attached.
        Ok(None) | Err(_) => *output = None,
    }
}

/// Finds out what has become of the container when the engine has stopped telling, as it does when it
/// is restarted. `lives` is what was known of it last.
async fn look_again(context: &Context<'_>, id: &str, reason: &str, lives: bool) -> Result<()> {
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
        if Instant::now() + RESTART_LOOK > context.deadline {
            // The last look came too late: the server may have the kernel by now.
            return if lives { Ok(()) } else { Err(error.into()) };
        }
        sleep(RESTART_LOOK).await;
    }
}

/// Removes what a failed launch has created, and nothing that has not this kernel's label or is of another
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
    let ours =
        context.has_created() || context.is_of_server(present.config.variable(RESPONSE_ADDRESS));
    if !ours || present.config.labels.get("kernel_id") != Some(&launch.kernel_id) {
        return Ok(());
    }
    if present.state.status == "exited" && !launch.remove {
        tracing::warn!("Leaving the container {} as it is, as it was asked for", launch.name);
        return Ok(());
    }
    context.engine.remove_container(&present.id, true).await.with_context(left)
}
