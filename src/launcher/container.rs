//! Runs a kernel as a container of one engine.

mod watch;

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use tokio::time::{Instant, sleep};

use self::watch::{Ending, Watch};
use super::bring;
use super::context::Context;
use super::death::{FOREIGN, foreign};
use super::plan::PullPolicy;
use super::podman;
use super::pull;
use super::volumes;
use crate::engine::Error;
use crate::server::{RESPONSE_ADDRESS, System};

/// How often to check whether a container that is in the way has gone.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How often to look for a container while the engine is restarting.
const RESTART_POLL_INTERVAL: Duration = Duration::from_millis(500);

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
