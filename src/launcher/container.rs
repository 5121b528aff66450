//! A kernel as a container of one engine.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::plan::PullPolicy;
use super::pull;
use super::run::{Context, VERDICT};
use super::tail::Tail;
use crate::engine::{Error, Event, Events, Output};
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
    let started = context.change(engine.start_container(&id)).await;
    started.map_err(|error| explain_start(context, error))?;
    tracing::info!(
        "Started the container {} of image {} on network {}",
        context.launch.name,
        context.launch.image,
        context.launch.network
    );
    let mut watch = Watch::new(events, output);
    match watch.ending(context.deadline).await {
        Ending::StillRunning => watch.verdict(context).await,
        Ending::RemovedByOthers => Ok(()),
        Ending::Stopped => match engine.reconnect().await {
            Ok(()) => Ok(()),
            Err(error) => look_again(context, &id, &error.to_string(), false).await,
        },
        Ending::Died { exit_code } => Err(watch.explain_death(context, exit_code).await),
        Ending::Unknown(reason) => look_again(context, &id, &reason, true).await,
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
    loop {
        let platform = plan.platform.as_deref();
        let create = context.engine.create_container(&launch.name, platform, &plan.request);
        match context.change(create).await {
            Ok(created) => {
                context.note_created(&created);
                return Ok(created.id);
            }
            Err(error) if error.is_not_found() && !pulled => {
                pull::pull(context).await?;
                pulled = true;
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
    if present.labels().get("kernel_id") != Some(&launch.kernel_id) {
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
            launch.caller.network_variable(),
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
    output: Output,
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
            output,
            tail: Tail::default(),
            started: Instant::now(),
            out_of_memory: false,
        }
    }

    async fn ending(&mut self, deadline: Instant) -> Ending {
        let mut first_signal = None;
        let mut talking = true;
        loop {
            tokio::select! {
                () = sleep_until(deadline) => return Ending::StillRunning,
                output = self.output.next(), if talking => match output {
                    Ok(Some((_, piece))) => self.tail.push(&piece),
                    // The events tell what has become of it.
                    Ok(None) | Err(_) => talking = false,
                },
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

    /// Stays for what the server does when its time is over. A kernel that it has, and that is shut down
    /// just then, ends by itself before it is removed.
    async fn verdict(&mut self, context: &Context<'_>) -> Result<()> {
        match self.ending(context.deadline + VERDICT).await {
            Ending::RemovedByOthers => Err(context.unheard("container", &self.tail.sentence())),
            _ => Ok(()),
        }
    }

    /// Why the server waits for this kernel in vain.
    async fn explain_death(&mut self, context: &Context<'_>, exit_code: i64) -> anyhow::Error {
        let age = self.started.elapsed();
        let until = Instant::now() + LAST_OUTPUT;
        while let Ok(Ok(Some((_, piece)))) = timeout_at(until, self.output.next()).await {
            self.tail.push(&piece);
        }
        let how = if self.out_of_memory {
            format!("was killed for using more memory than it may (exit status {exit_code})")
        } else {
            format!("ended with exit status {exit_code}")
        };
        let reason = anyhow!(
            "the container `{}` of image `{}` {how} {} s after its start. {}",
            context.launch.name,
            context.launch.image,
            text::seconds(age),
            self.tail.sentence()
        );
        if self.tail.sentence().contains(FOREIGN) {
            return reason.context(foreign(&context.launch.image));
        }
        reason
    }
}

/// What the system says of a program that is not one of this machine's.
pub(super) const FOREIGN: &str = "exec format error";

/// What is most likely wrong with the image then.
pub(super) fn foreign(image: &str) -> String {
    format!(
        "the image `{image}` may be for another architecture than the engine's host; see it with \
         `docker image inspect --format {{{{.Architecture}}}} {image}`"
    )
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

/// Removes what a failed launch has created, and nothing that has not this kernel's label.
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
    if present.labels().get("kernel_id") != Some(&launch.kernel_id) {
        return Ok(());
    }
    if present.state.status == "exited" && !launch.remove {
        tracing::warn!("Leaving the container {} as it is, as it was asked for", launch.name);
        return Ok(());
    }
    context.engine.remove_container(&present.id, true).await.with_context(left)
}
