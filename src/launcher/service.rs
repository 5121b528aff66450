//! A kernel as a service of a Docker Swarm.

use std::borrow::Cow;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use serde_json::Value as Json;
use tokio::time::{Instant, sleep};

use super::container::{FOREIGN, foreign};
use super::plan::Reference;
use super::run::{AWAY, Context};
use super::{pull, tail};
use crate::engine::{self, Error, SwarmObject as Kind, Task};
use crate::options::put;

/// How often the task is looked at until it runs.
const LOOK: Duration = Duration::from_millis(200);

/// How often it is looked at after that.
const LOOK_RUNNING: Duration = Duration::from_secs(1);

/// How long no node may be fit for a task before that is taken for an answer. Swarm tries again and
/// again, but not for the few seconds that the server waits.
const UNPLACEABLE: Duration = Duration::from_millis(600);

/// The status with which an engine answers that it does not manage a Swarm.
const NO_MANAGER: u16 = 503;

/// Creates the kernel's service and watches over it for the time that the server waits.
pub(super) async fn launch(context: &Context<'_>) -> Result<()> {
    let id = create(context).await?;
    tracing::info!(
        "Created the service {} of image {} on network {}",
        context.launch.name,
        context.launch.image,
        context.launch.network
    );
    match ending(context, &id).await? {
        Ending::StillRunning | Ending::RemovedByOthers => Ok(()),
        Ending::Unplaceable(task) => Err(anyhow!(
            "no node of the Swarm can run the kernel: {}; see `docker node ls`, and the resources \
             and placement that the specification asks for",
            task.err
        )),
        Ending::Failed(task) => Err(explain_failure(context, &id, &task).await),
    }
}

/// Creates the service, making way for it if need be.
async fn create(context: &Context<'_>) -> Result<String> {
    let launch = context.launch;
    let reference: engine::Reference = launch.image.parse()?;
    // For the nodes, which pull by themselves.
    let auth = pull::credentials(context, &reference).await;
    let request = with_references(context).await?;
    loop {
        let create = context.engine.create_service(&request, auth.as_ref());
        match context.change(create).await {
            Ok(created) => {
                context.note_created(&created);
                return Ok(created.id);
            }
            Err(error) if error.is_conflict() => make_way(context).await?,
            Err(error) => return Err(explain_refusal(context, error)),
        }
    }
}

/// The request with the ids of the secrets and configs that the specification names.
async fn with_references<'a>(context: &Context<'a>) -> Result<Cow<'a, Json>> {
    let plan = context.plan;
    let mut request = Cow::Borrowed(&plan.request);
    for (kind, field, references) in
        [(Kind::Secret, "Secret", &plan.secrets), (Kind::Config, "Config", &plan.configs)]
    {
        for Reference { source, file } in references {
            let id = context.engine.swarm_object(kind, source).await?.with_context(|| {
                let kind = field.to_lowercase();
                format!(
                    "the Swarm has no {kind} `{source}`, which launch_docker.toml names; see \
                     `docker {kind} ls`"
                )
            })?;
            let mut reference = serde_json::Map::new();
            reference.insert(format!("{field}ID"), id.into());
            reference.insert(format!("{field}Name"), source.clone().into());
            reference.insert("File".to_owned(), file.clone());
            let path = format!("TaskTemplate.ContainerSpec.{field}s");
            put(request.to_mut(), &path, Json::Array(vec![reference.into()]));
        }
    }
    Ok(request)
}

/// Removes the service that has the name, if it is one of the same kernel, which the server is
/// restarting.
async fn make_way(context: &Context<'_>) -> Result<()> {
    let launch = context.launch;
    let present = match context.engine.inspect_service(&launch.name).await {
        Err(error) if error.is_not_found() => return Ok(()),
        present => present?,
    };
    ensure!(
        present.labels().get("kernel_id") == Some(&launch.kernel_id),
        "the name `{0}` is taken by a service that is not of this kernel; see it with `docker \
         service inspect {0}`, and rename or remove it",
        launch.name
    );
    tracing::warn!("Removing the service {}, left over from this kernel", launch.name);
    context.engine.remove_service(&present.id).await?;
    sleep(LOOK).await;
    Ok(())
}

/// The engine's reason for not creating a service, with the way out where it is known.
fn explain_refusal(context: &Context<'_>, error: Error) -> anyhow::Error {
    let launch = context.launch;
    let variable = launch.caller.network_variable();
    let text = error.to_string();
    let advice = if error.status() == Some(NO_MANAGER) {
        format!(
            "the engine at {} is not a manager of a Docker Swarm; make it one with `docker swarm \
             init`, set DOCKER_HOST to a manager, or install the specification without --swarm",
            context.engine.endpoint()
        )
    } else if text.contains("network") && text.contains("not found") {
        format!(
            "the network `{0}` does not exist in the Swarm; create it with `docker network create \
             --driver overlay --attachable {0}`, or name another one in {variable}",
            launch.network
        )
    } else if text.contains("network") && text.contains("scope") {
        format!(
            "the network `{}` does not span the Swarm; create one with `docker network create \
             --driver overlay --attachable NAME`, and name it in {variable}",
            launch.network
        )
    } else {
        format!("could not create the service `{}` of image `{}`", launch.name, launch.image)
    };
    anyhow!(error).context(advice)
}

enum Ending {
    /// The server's time is over, and the service is there.
    StillRunning,
    /// Somebody, the server as a rule, has removed the service.
    RemovedByOthers,
    /// No node is fit for the task.
    Unplaceable(Task),
    /// The task has ended, or has never begun to run.
    Failed(Task),
}

async fn ending(context: &Context<'_>, id: &str) -> Result<Ending> {
    let mut unplaceable_since = None;
    let mut away_since = None;
    loop {
        let tasks = match context.engine.service_tasks(id).await {
            Ok(tasks) => tasks,
            Err(error) if error.is_not_found() => return Ok(Ending::RemovedByOthers),
            // An engine that is restarted is no manager at first.
            Err(error) => {
                let since = *away_since.get_or_insert_with(|| {
                    tracing::warn!("Cannot look at {}: {error}", context.launch.name);
                    Instant::now()
                });
                if since.elapsed() > AWAY {
                    return Err(error.into());
                }
                sleep(LOOK).await;
                continue;
            }
        };
        away_since = None;
        // There is one, unless Swarm has replaced it: then the one that lives counts.
        let task = tasks.iter().find(|task| !is_over(task)).or_else(|| tasks.first());
        match task {
            Some(task) if is_over(task) => {
                return Ok(match context.engine.inspect_service(id).await {
                    Err(error) if error.is_not_found() => Ending::RemovedByOthers,
                    _ => Ending::Failed(task.clone()),
                });
            }
            Some(task) if task.state == "pending" && !task.err.is_empty() => {
                let since = *unplaceable_since.get_or_insert_with(Instant::now);
                if since.elapsed() > UNPLACEABLE {
                    return Ok(Ending::Unplaceable(task.clone()));
                }
            }
            _ => unplaceable_since = None,
        }
        let running = task.is_some_and(|task| task.state == "running");
        let pause = if running { LOOK_RUNNING } else { LOOK };
        if Instant::now() + pause >= context.deadline {
            return Ok(Ending::StillRunning);
        }
        sleep(pause).await;
    }
}

/// Whether the task is in one of the states after which nothing comes.
fn is_over(task: &Task) -> bool {
    ["complete", "shutdown", "failed", "rejected", "orphaned", "remove"]
        .contains(&task.state.as_str())
}

/// Why the server waits for this kernel in vain.
async fn explain_failure(context: &Context<'_>, id: &str, task: &Task) -> anyhow::Error {
    let launch = context.launch;
    let head = format!("the service `{}` of image `{}`", launch.name, launch.image);
    let reason = if task.err.is_empty() { &task.message } else { &task.err };
    if task.state == "rejected" {
        return anyhow!("{head} was rejected by node {}: {reason}", task.node_id);
    }
    let status =
        task.exit_code.map_or_else(String::new, |code| format!(" with exit status {code}"));
    let output = match context.engine.service_logs(id, tail::LINES).await {
        Ok(log) => tail::sentence(&log),
        Err(error) => format!("Its output cannot be read: {error}"),
    };
    let reason = anyhow!(
        "{head} ended{status} on node {} ({}: {reason}). {output}",
        task.node_id,
        task.state
    );
    if output.contains(FOREIGN) { reason.context(foreign(&launch.image)) } else { reason }
}

/// Removes what a failed launch has created, and nothing that has not this kernel's label.
pub(super) async fn clean_up(context: &Context<'_>) -> Result<()> {
    let launch = context.launch;
    let left = || {
        format!(
            "the service `{0}` may be left over; remove it with `docker service rm {0}`",
            launch.name
        )
    };
    let present = match context.engine.inspect_service(context.leftover()).await {
        Err(error) if error.is_not_found() => return Ok(()),
        // Without a Swarm there is no service either.
        Err(error) if error.status() == Some(NO_MANAGER) && !context.has_created() => return Ok(()),
        present => present.with_context(left)?,
    };
    if present.labels().get("kernel_id") != Some(&launch.kernel_id) {
        return Ok(());
    }
    context.engine.remove_service(&present.id).await.with_context(left)
}
