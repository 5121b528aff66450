//! The keys of `launch_docker.toml` for kernels of servers that are started by our bootstrap.

use super::Plan;
use crate::options::interpolation::{Interpolation, Policy};
use crate::options::node::{Node, PositionError, Value};
use crate::options::read::{flag, items, must};
use crate::options::{BRING_BOOTSTRAP, Options};
use crate::protocol::gateway::Sender;
use crate::protocol::message::CONNECTION_FILE;
use crate::server::System;

/// Kernels that are of no server have it in any case.
pub(super) fn bring(
    plan: &mut Plan,
    node: &Node,
    _: &Interpolation<'_>,
    options: &Options,
) -> Result<(), PositionError> {
    let is_wanted = flag(node)?;
    if plan.launch.caller == System::Local {
        let message = "is for specifications of servers; those of `install --local` bring the bootstrap anyway";
        return Err(PositionError::new(node.at, message));
    }
    if !is_wanted {
        return Ok(());
    }
    let command = options.get("command").map(|node| node.to_json().to_string());
    if !command.unwrap_or_default().contains(CONNECTION_FILE) {
        let message = format!(
            "needs a `command` that starts the kernel, with `{CONNECTION_FILE}` where it takes the file with its \
             ports and key"
        );
        return Err(PositionError::new(node.at, message));
    }
    plan.brings_bootstrap = true;
    Ok(())
}

/// Whom the listener for signals hears.
pub(super) fn signals_from(
    plan: &mut Plan,
    node: &Node,
    interpolation: &Interpolation<'_>,
    options: &Options,
) -> Result<(), PositionError> {
    let message = match plan.launch.caller {
        System::Local => {
            "is for specifications of servers: nothing listens for signals of kernels of `install --local`"
        }
        _ if !options.is_on(BRING_BOOTSTRAP) => {
            "needs `bring_bootstrap = true`: the bootstrap of an image hears everybody"
        }
        _ => "",
    };
    if !message.is_empty() {
        return Err(PositionError::new(node.at, message));
    }
    for item in items(node) {
        let said = match &item.value {
            Value::Text(text) => Some(interpolation.interpolate(text, item.at, Policy::Trusted)?),
            _ => None,
        };
        let said = said.filter(|said| Sender::of(said).is_some());
        plan.signals_from.push(said.ok_or_else(|| {
            must(item, "be `server`, or an address or network of IPv4 such as \"172.18.0.0/16\"")
        })?);
    }
    if plan.signals_from.is_empty() {
        return Err(must(node, "name somebody"));
    }
    Ok(())
}
