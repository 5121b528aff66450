//! The keys of `launch_docker.toml` for kernels that wait.

use std::time::Duration;

use super::Plan;
use crate::options::Options;
use crate::options::amounts::nanoseconds;
use crate::options::convert::convert;
use crate::options::interpolation::Interpolation;
use crate::options::keys::KEYS;
use crate::options::node::{Node, PositionError, Value};
use crate::options::read::{integer, must};
use crate::protocol::message::CONNECTION_FILE;
use crate::server::System;

/// The key for what runs in them meanwhile.
pub(super) const COMMAND: &str = "warm_command";

/// How many kernels may wait for the launches of one specification.
const MOST: usize = 32;

pub(super) fn number(
    plan: &mut Plan,
    node: &Node,
    _: &Interpolation<'_>,
    _: &Options,
) -> Result<(), PositionError> {
    local_only(plan, node)?;
    let number = usize::try_from(integer(node, 0)?).ok();
    let number = number.filter(|number| *number <= MOST);
    plan.warm = number.ok_or_else(|| must(node, &format!("be at most {MOST}")))?;
    Ok(())
}

/// What runs while they wait.
pub(super) fn command(
    plan: &mut Plan,
    node: &Node,
    interpolation: &Interpolation<'_>,
    _: &Options,
) -> Result<(), PositionError> {
    local_only(plan, node)?;
    let words: Vec<String> = match KEYS.iter().find(|key| key.name == COMMAND) {
        Some(key) => convert(key, node, plan.launch.mode, interpolation)?
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|word| word.as_str().map(str::to_owned))
            .collect(),
        None => Vec::new(),
    };
    if !words.iter().any(|word| word.contains(CONNECTION_FILE)) {
        let message = format!(
            "must have `{CONNECTION_FILE}` in it, where it takes the file with its ports and key"
        );
        return Err(PositionError::new(node.at, message));
    }
    plan.warm_command = Some(words);
    Ok(())
}

/// How long they wait.
pub(super) fn time(
    plan: &mut Plan,
    node: &Node,
    _: &Interpolation<'_>,
    _: &Options,
) -> Result<(), PositionError> {
    local_only(plan, node)?;
    let time = match &node.value {
        Value::Text(text) => nanoseconds(text).and_then(|time| u64::try_from(time).ok()),
        _ => None,
    };
    let time = time.map(Duration::from_nanos).filter(|time| time.as_secs() > 0);
    plan.warm_time = time.ok_or_else(|| must(node, "be a span of time, such as \"30m\""))?;
    Ok(())
}

fn local_only(plan: &Plan, node: &Node) -> Result<(), PositionError> {
    let message = "is for specifications of `install --local`: a server tells a kernel who it is when it is created";
    match plan.launch.caller {
        System::Local => Ok(()),
        _ => Err(PositionError::new(node.at, message)),
    }
}
