//! Explains why a service has not become a kernel, in the server's log.

use anyhow::anyhow;

use crate::engine::Task;
use crate::launcher::bring;
use crate::launcher::context::Context;
use crate::launcher::death::{self, FOREIGN, foreign};
use crate::launcher::launch::Launch;
use crate::launcher::tail;
use crate::text;

/// What Swarm says when a node no longer has the resources that a task was assigned. It says so of all
/// generic resources, whenever it checks.
const TAKEN_BACK: &str = "no longer meets constraints";

/// What Linux says of a file that is not executable.
const REFUSED: &str = "permission denied";

const NOT_EXECUTABLE: &str = "the Swarm mounts configs such that nothing in them can be run, so that the bootstrap cannot \
                              be brought by one; install the specification again without --bring-bootstrap, with an \
                              image that has a bootstrap";

/// How far a task that is not running yet has come.
pub(super) async fn progress(context: &Context<'_>, task: Option<&Task>) -> String {
    let Some(task) = task else { return "Swarm has not created a task for it".to_owned() };
    let state = &task.state;
    if task.node_id.is_empty() {
        return format!("its task is {state} ({})", task.reason());
    }
    let node = node(context, task).await;
    let pulls =
        if state == "preparing" { ", which pulls the image if it does not have it" } else { "" };
    format!("its task is {state} on {node}{pulls}")
}

/// The name of a task's node, and what is wrong with it.
async fn node(context: &Context<'_>, task: &Task) -> String {
    let id = &task.node_id;
    let Ok(node) = context.engine.inspect_node(id).await else { return format!("node {id}") };
    let name = node.hostname();
    match (node.state(), node.availability()) {
        ("ready", "active") => format!("node {name}"),
        ("ready", availability) => format!("node {name} (availability: {availability})"),
        (state, _) if node.message().is_empty() => format!("node {name} ({state})"),
        (state, _) => format!("node {name} ({state}: {})", node.message()),
    }
}

/// Why Swarm has given up a task.
pub(super) async fn explain_loss(context: &Context<'_>, task: &Task) -> anyhow::Error {
    let Launch { name, image, .. } = context.launch;
    anyhow!(
        "the Swarm has given up the service `{name}` of image `{image}` on {}; see `docker node ls`",
        node(context, task).await
    )
}

/// Why there was no kernel within the launch timeout.
pub(super) async fn explain_delay(context: &Context<'_>, task: Option<&Task>) -> anyhow::Error {
    let Launch { name, image, timeout, network, .. } = context.launch;
    let advice = if task.is_some_and(Task::lacks_address) {
        format!(
            "it stays so while its network has no address left; look at the subnet with \
             `docker network inspect {network}`, and use a network that has a larger one"
        )
    } else {
        format!(
            "make sure that the nodes have the image (`docker pull {image}` on each), or allow more time with \
             `--launch-timeout`"
        )
    };
    anyhow!(
        "the service `{name}` of image `{image}` was not running after {} s: {}; {advice}",
        text::seconds(*timeout),
        progress(context, task).await
    )
}

/// Why the server will get no kernel.
pub(super) async fn explain_failure(context: &Context<'_>, id: &str, task: &Task) -> anyhow::Error {
    let launch = context.launch;
    let head = format!("the service `{}` of image `{}`", launch.name, launch.image);
    let reason = task.reason();
    let node = node(context, task).await;
    if is_refused(context, &task.err) {
        return anyhow!("{head} cannot run on {node}: {reason}").context(NOT_EXECUTABLE);
    }
    if task.state == "rejected" {
        let reason = anyhow!("{head} was rejected by {node}: {reason}");
        let resources = "/TaskTemplate/Resources/Reservations/GenericResources";
        let asked_for_resources = context.plan.request.pointer(resources).is_some();
        return if asked_for_resources && task.err.contains(TAKEN_BACK) {
            reason.context(format!(
                "Swarm takes a kernel's generic resources back when its node changes, as a node does \
                 to which the network `{0}` comes with the first kernel; keep it there with a service \
                 on each node: `docker service create --mode global --network {0} IMAGE COMMAND`",
                launch.network
            ))
        } else {
            reason
        };
    }
    let how = match task.exit_code {
        Some(code) => death::how(code, is_out_of_memory(context, task).await),
        None => "ended".to_owned(),
    };
    let output = output(context, id).await;
    let reason = anyhow!("{head} {how} on {node} ({}: {reason}). {output}", task.state);
    // By an entrypoint of the image that was to run it.
    if is_refused(context, &output) {
        return reason.context(NOT_EXECUTABLE);
    }
    if output.to_lowercase().contains(FOREIGN) {
        return reason.context(foreign(&launch.image));
    }
    let silent = output == tail::sentence("");
    death::explained(context, reason, task.exit_code.unwrap_or(-1), silent).await
}

/// Whether somebody says that the bootstrap may not be run.
fn is_refused(context: &Context<'_>, said: &str) -> bool {
    let of_bootstrap =
        |line: &str| line.contains(bring::NAME) && line.to_lowercase().contains(REFUSED);
    context.plan.brings_bootstrap && said.lines().any(of_bootstrap)
}

/// Whether the task ran out of memory, as far as this engine knows: Swarm does not report that.
async fn is_out_of_memory(context: &Context<'_>, task: &Task) -> bool {
    if task.container.is_empty() {
        return false;
    }
    let ended = context.engine.inspect_container(&task.container).await;
    ended.is_ok_and(|container| container.state.oom_killed)
}

/// The last output of a service's kernel, as a sentence.
pub(super) async fn output(context: &Context<'_>, id: &str) -> String {
    match context.engine.service_logs(id, tail::LINES).await {
        Ok(log) => tail::sentence(&log),
        Err(error) => format!("Its output cannot be read: {error}"),
    }
}
