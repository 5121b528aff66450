//! Runs a kernel as a service of a Docker Swarm.

use std::borrow::Cow;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use serde_json::Value as Json;
use tokio::time::{Instant, sleep};

use super::context::{Context, OUTAGE_LIMIT, TAKEOVER_LIMIT};
use super::plan::Reference;
use super::pull;
use crate::engine::{self, Error, SwarmObject as Kind, Task};
use crate::options::put;
use crate::server::RESPONSE_ADDRESS;

mod config;
mod reasons;

pub(crate) use self::config::BOOTSTRAP_LABELS;
use self::reasons::{explain_delay, explain_failure, explain_loss, output, progress};

/// How often to check the task. The server checks the launcher every half second, and its user should be told
/// within a second.
const POLL_INTERVAL: Duration = Duration::from_millis(400);

/// How soon to check again if a change is likely.
const SHORT_POLL_INTERVAL: Duration = Duration::from_millis(200);

/// How long Swarm may take to give a kernel the resources of its predecessor once that has ended: Swarm looks
/// for a node within a second of a change, unless the manager is busy.
const HANDOVER_LIMIT: Duration = Duration::from_secs(3);

/// How long a task may be in one state before the log tells what the launch is waiting for.
const WAIT_BEFORE_LOG: Duration = Duration::from_secs(2);

/// The status with which an engine says that it is not a Swarm manager.
const NO_MANAGER: u16 = 503;

/// Creates the kernel's service, with this bootstrap if not with the image's, and watches it for as long as the server
/// waits.
pub(super) async fn launch(context: &Context<'_>, bootstrap: Option<&[u8]>) -> Result<()> {
    let id = create(context, bootstrap).await?;
    tracing::debug!(
        "Created the service {} of image {} on network {}",
        context.launch.name,
        context.launch.image,
        context.launch.network
    );
    match ending(context, &id).await? {
        Ending::StillRunning => await_takeover(context, &id).await,
        Ending::RemovedByOthers => Ok(()),
        Ending::Unplaceable(task) => Err(anyhow!(
            "no node of the Swarm can run the kernel: {}; see `docker node ls`, and the resources \
             and placement that the specification asks for",
            task.err
        )),
        Ending::Failed(task) => Err(explain_failure(context, &id, &task).await),
        Ending::Lost(task) => Err(explain_loss(context, &task).await),
        Ending::NotRunning(task) => Err(explain_delay(context, task.as_ref()).await),
    }
}

/// Creates the service; makes way for it if necessary.
async fn create(context: &Context<'_>, bootstrap: Option<&[u8]>) -> Result<String> {
    let launch = context.launch;
    let reference: engine::Reference = launch.image.parse()?;
    // For the nodes, which pull the image themselves.
    let auth = pull::credentials(context, &reference).await;
    let mut request = with_references(context).await?;
    if let Some(bootstrap) = bootstrap {
        let reference = config::reference(context, bootstrap).await?;
        put(request.to_mut(), "TaskTemplate.ContainerSpec.Configs", Json::Array(vec![reference]));
    }
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

/// Adds the ids of the secrets and configs that the specification names to the request.
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

/// Makes way for the service: removes one with its name if it has the same kernel, which the server is
/// restarting.
async fn make_way(context: &Context<'_>) -> Result<()> {
    let launch = context.launch;
    let present = match context.engine.inspect_service(&launch.name).await {
        Err(error) if error.is_not_found() => {
            // It has just gone, or the engine's answers contradict each other: do not retry at once.
            sleep(SHORT_POLL_INTERVAL).await;
            return Ok(());
        }
        present => present?,
    };
    ensure!(
        present.labels().get("kernel_id") == Some(&launch.kernel_id),
        "the name `{0}` is taken by a service that is not of this kernel; see it with `docker \
         service inspect {0}`, and rename or remove it",
        launch.name
    );
    let address = present.container().variable(RESPONSE_ADDRESS);
    if !context.is_of_server(address) {
        // A service whose tasks have ended belongs to nobody; one without tasks is just starting.
        let tasks = context.engine.service_tasks(&present.id).await?;
        if tasks.is_empty() || !tasks.iter().all(Task::is_over) {
            return Err(context.taken_error("service", address, "docker service rm"));
        }
    }
    tracing::warn!("Removing the service {}, left over from this kernel", launch.name);
    context.engine.remove_service(&present.id).await?;
    sleep(SHORT_POLL_INTERVAL).await;
    Ok(())
}

/// The engine's reason for not creating a service, with a remedy if one is known.
fn explain_refusal(context: &Context<'_>, error: Error) -> anyhow::Error {
    let launch = context.launch;
    let variable = launch.caller.facts().network_variable;
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
    /// The server's launch timeout has passed, and the service is running.
    StillRunning,
    /// Somebody, usually the server, removed the service.
    RemovedByOthers,
    /// No node is suitable for the task.
    Unplaceable(Task),
    /// The task has ended, or never started.
    Failed(Task),
    /// Swarm has given the task up without a report that it ended.
    Lost(Task),
    /// The server's launch timeout has passed, and the task is not running yet.
    NotRunning(Option<Task>),
}

async fn ending(context: &Context<'_>, id: &str) -> Result<Ending> {
    let mut unplaceable = false;
    let mut predecessor = Predecessor::default();
    let mut away_since = None;
    let mut wait_log = WaitLog::default();
    let mut running = false;
    // The task of a new service has nothing to report yet.
    if let Some(pause) = pause(true, running, context.left()) {
        sleep(pause).await;
    }
    loop {
        let tasks = match context.engine.service_tasks(id).await {
            Ok(tasks) => tasks,
            Err(error) => {
                // A proxy's `not found` does not mean that the service is gone.
                if error.is_not_found() && is_gone(context, id).await {
                    return Ok(Ending::RemovedByOthers);
                }
                // Too late to look again: the server may have the kernel by now.
                if running && context.left().is_zero() {
                    return Ok(Ending::StillRunning);
                }
                // An engine that restarts is not a manager at first.
                let since = *away_since.get_or_insert_with(|| {
                    tracing::warn!("Cannot look at {}: {error}", context.launch.name);
                    Instant::now()
                });
                if since.elapsed() > OUTAGE_LIMIT {
                    return Err(error.into());
                }
                sleep(SHORT_POLL_INTERVAL).await;
                continue;
            }
        };
        away_since = None;
        // There is only one, unless Swarm has replaced it: then the live one counts.
        let lives = |task: &&Task| !task.is_over() && !task.is_given_up();
        let task = tasks.iter().find(lives).or_else(|| tasks.first());
        match task {
            Some(task) if task.is_over() => {
                return Ok(if is_gone(context, id).await {
                    Ending::RemovedByOthers
                } else {
                    Ending::Failed(task.clone())
                });
            }
            Some(task) if task.is_given_up() => {
                return Ok(if is_gone(context, id).await {
                    Ending::RemovedByOthers
                } else {
                    Ending::Lost(task.clone())
                });
            }
            Some(task) if task.is_unplaceable() => {
                // Twice in a row: Swarm retries, but for longer than the server waits.
                if !predecessor.may_make_room(context, id).await && unplaceable {
                    return Ok(Ending::Unplaceable(task.clone()));
                }
                unplaceable = true;
            }
            _ => unplaceable = false,
        }
        running = task.is_some_and(|task| task.state == "running");
        let Some(pause) = pause(unplaceable, running, context.left()) else {
            return Ok(if running {
                Ending::StillRunning
            } else {
                Ending::NotRunning(task.cloned())
            });
        };
        if !running {
            wait_log.update(context, task).await;
        }
        sleep(pause).await;
    }
}

/// How long to wait before the next look at the task; `None` if the server does not wait that long. Whether a
/// task is running after all is looked at as late as possible.
fn pause(is_change_likely: bool, running: bool, left: Duration) -> Option<Duration> {
    let is_last = !running && left <= POLL_INTERVAL;
    let pause = if is_change_likely || is_last { SHORT_POLL_INTERVAL } else { POLL_INTERVAL };
    (pause < left).then_some(pause)
}

/// Waits to see what the server does once its launch timeout has passed. A kernel that the server has taken
/// over, and that is shut down at this moment, ends before it is removed.
async fn await_takeover(context: &Context<'_>, id: &str) -> Result<()> {
    let until = context.deadline + TAKEOVER_LIMIT;
    context.engine.set_deadline(until);
    // Once the service is removed, its output is lost.
    let output = output(context, id).await;
    while Instant::now() < until {
        match context.engine.service_tasks(id).await {
            Ok(tasks) if tasks.iter().any(Task::is_over) => return Ok(()),
            Err(error) if error.is_not_found() && is_gone(context, id).await => {
                return Err(context.given_up_error("service", &output));
            }
            // The server has the kernel, and handles everything else.
            _ => sleep(POLL_INTERVAL).await,
        }
    }
    Ok(())
}

/// Whether the engine says that the service no longer exists.
async fn is_gone(context: &Context<'_>, id: &str) -> bool {
    context.engine.inspect_service(id).await.is_err_and(|error| error.is_not_found())
}

/// Another task of this kernel, for instance from before a restart. Its resources become available to the
/// kernel when it ends.
#[derive(Default)]
struct Predecessor {
    seen: Option<Instant>,
}

impl Predecessor {
    /// Whether there is one, or was a moment ago. If the engine does not say, there may be one.
    async fn may_make_room(&mut self, context: &Context<'_>, id: &str) -> bool {
        if has_predecessor(context, id).await.unwrap_or(true) {
            self.seen = Some(Instant::now());
        }
        self.seen.is_some_and(|seen| seen.elapsed() < HANDOVER_LIMIT)
    }
}

/// Whether another task of this kernel is still running. On a lost node it may seem so for a day.
async fn has_predecessor(context: &Context<'_>, id: &str) -> engine::Result<bool> {
    let label = format!("kernel_id={}", context.launch.kernel_id);
    let tasks = context.engine.tasks_with(&[&label]).await?;
    for task in tasks.iter().filter(|task| task.service != id && !task.is_over()) {
        let node = context.engine.inspect_node(&task.node_id).await;
        if node.is_ok_and(|node| node.state() == "ready") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Logs what a launch is waiting for, once for each state that lasts.
#[derive(Default)]
struct WaitLog {
    state: String,
    since: Option<Instant>,
}

impl WaitLog {
    async fn update(&mut self, context: &Context<'_>, task: Option<&Task>) {
        let state = task.map_or("", |task| &task.state);
        if self.state != state {
            (self.state, self.since) = (state.to_owned(), Some(Instant::now()));
        } else if self.since.is_some_and(|since| since.elapsed() > WAIT_BEFORE_LOG) {
            self.since = None;
            let name = &context.launch.name;
            tracing::info!(
                "The service {name} is not running yet: {}",
                progress(context, task).await
            );
        }
    }
}

/// Removes what a failed launch created, but nothing without this kernel's label, and nothing of another
/// server.
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
        // Without a Swarm there is no service.
        Err(error) if error.status() == Some(NO_MANAGER) && !context.has_created() => return Ok(()),
        present => present.with_context(left)?,
    };
    let ours = context.has_created()
        || context.is_of_server(present.container().variable(RESPONSE_ADDRESS));
    if !ours || present.labels().get("kernel_id") != Some(&launch.kernel_id) {
        return Ok(());
    }
    context.engine.remove_service(&present.id).await.with_context(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_look_at_what_is_not_running_comes_late() {
        for (is_change_likely, running, left, pause_before) in [
            (false, false, 401, Some(400)),
            (false, false, 400, Some(200)),
            (false, false, 201, Some(200)),
            (false, false, 200, None),
            (false, true, 401, Some(400)),
            (false, true, 400, None),
            (true, true, 1000, Some(200)),
            (true, false, 201, Some(200)),
            (true, false, 200, None),
        ] {
            let found = pause(is_change_likely, running, Duration::from_millis(left));
            let what = format!("{is_change_likely} {running} {left}");
            assert_eq!(found, pause_before.map(Duration::from_millis), "{what}");
        }
    }
}
