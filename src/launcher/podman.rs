//! What a launch minds where the engine is Podman.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value as Json;
use tokio::time::sleep;

use super::context::Context;
use crate::engine::{Engine, Error};
use crate::model::Mode;
use crate::server::{PODMANS_NETWORK, System};

/// How often, and how many times, to look whether Podman has noticed the end of a container.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
const LOOKS: u32 = 25;

/// Rejects the name of a network by which the server would look for the kernel in vain.
pub(super) fn check_network(context: &Context<'_>) -> Result<()> {
    let launch = context.launch;
    let is_alias = context.engine.is_podman() && launch.network == "bridge";
    ensure!(
        launch.caller == System::Local || launch.mode == Mode::Swarm || !is_alias,
        "the network `bridge` is `{PODMANS_NETWORK}` in Podman, and by that name alone the server finds a kernel's \
         address; name `{PODMANS_NETWORK}` in {}",
        launch.caller.facts().network_variable
    );
    Ok(())
}

/// Has a kernel's container removed as quickly as by Docker. Podman asks it to stop before, and waits for ten
/// seconds: the first process of a container does nothing at a signal that it does not handle.
pub(super) fn stop_at_once(request: &mut Json) {
    if request["StopTimeout"].is_null() && request["HostConfig"]["Init"] != true {
        request["StopTimeout"] = 0.into();
    }
}

/// Whether this is what Podman says of a network that does not exist: at creation, with the status of any failure.
pub(super) fn is_missing_network(error: &Error) -> bool {
    error.to_string().contains("network not found")
}

/// Whether a container that has closed its output ran out of memory, of which Podman sends no event. Soon nobody
/// knows it any more.
pub(super) async fn ran_out_of_memory(engine: &Engine, id: &str) -> bool {
    for _ in 0..LOOKS {
        match engine.inspect_container(id).await {
            Ok(container) if container.state.status == "running" => sleep(LOOK_INTERVAL).await,
            Ok(container) => return container.state.oom_killed,
            Err(_) => return false,
        }
    }
    false
}

/// Whether a container that has ended in this way was most likely removed by others. Podman tells nobody of the
/// signals with which it stops one to remove it.
pub(super) fn is_removal(exit_code: i64) -> bool {
    const KILLED_OR_TERMINATED: [i64; 2] = [137, 143];
    KILLED_OR_TERMINATED.contains(&exit_code)
}
