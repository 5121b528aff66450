//! `[client_overrides]`: what the notebook's user may change by `KERNEL_` variables, and how far.

use std::ops::RangeInclusive;

use anyhow::{Context as _, Result, bail, ensure};
use wildmatch::WildMatch;

use super::plan::Plan;
use super::spec::InstalledSpec;
use crate::env::Env;
use crate::options::convert::{Table, bytes, decimal, items, must};
use crate::options::node::{Node, Value, Wrong};
use crate::options::put;
use crate::settings::Mode;

/// The table, and what is in it.
const TABLE: &str = "client_overrides";
const KNOWN: [&str; 5] = ["memory", "cpus", "gpus", "image", "working_dir"];

const NANO: i64 = 1_000_000_000;

/// Obeys the user as far as the file allows. What it does not name stays data: it reaches the
/// kernel's environment and changes nothing here.
///
/// # Errors
/// When the user asks for more than is allowed, or the table is wrong.
pub(super) fn apply(plan: &mut Plan, spec: &InstalledSpec, env: &Env) -> Result<()> {
    let options = &spec.options;
    let Some(node) = options.get(TABLE) else { return Ok(()) };
    let wrong = |wrong: Wrong| options.error(&wrong.of(TABLE));
    let allowed = Table::new(node, &KNOWN).map_err(wrong)?;
    let (memory, cpus, devices) = fields(plan.launch.mode);
    if let Some(limit) = allowed.get("memory") {
        let most = amount(limit, bytes, "be an amount of memory, such as \"8g\"").map_err(wrong)?;
        if let Some(value) = bounded(spec, env, "KERNEL_MEMORY", bytes, 1..=most, limit)? {
            put(&mut plan.request, memory, value.into());
        }
    }
    if let Some(limit) = allowed.get("cpus") {
        let read = |text: &str| decimal(text, NANO);
        let most = amount(limit, read, "be a number of processors, such as 4").map_err(wrong)?;
        if let Some(value) = bounded(spec, env, "KERNEL_CPUS", read, 1..=most, limit)? {
            put(&mut plan.request, cpus, value.into());
        }
    }
    if let Some(limit) = allowed.get("gpus") {
        let Some(devices) = devices else {
            return Err(wrong(must(limit, "not be there in a Swarm")));
        };
        let read = |text: &str| text.parse().ok();
        let most = amount(limit, read, "be a number").map_err(wrong)?;
        if let Some(count) = bounded(spec, env, "KERNEL_GPUS", read, 0..=most, limit)? {
            // In the place of what the file asks for, not beside it.
            put(&mut plan.request, devices, serde_json::Value::Null);
            let request = serde_json::json!([{"Count": count, "Capabilities": [["gpu"]]}]);
            if count > 0 {
                put(&mut plan.request, devices, request);
            }
        }
    }
    image(plan, spec, &patterns(allowed.get("image")).map_err(wrong)?, env)?;
    if let Some(node) = allowed.get("working_dir") {
        working_directory(plan, spec, &patterns(Some(node)).map_err(wrong)?, env)?;
    }
    Ok(())
}

/// The fields for memory, processors and GPUs.
const fn fields(mode: Mode) -> (&'static str, &'static str, Option<&'static str>) {
    match mode {
        Mode::Docker => {
            ("HostConfig.Memory", "HostConfig.NanoCpus", Some("HostConfig.DeviceRequests"))
        }
        Mode::Swarm => (
            "TaskTemplate.Resources.Limits.MemoryBytes",
            "TaskTemplate.Resources.Limits.NanoCPUs",
            None,
        ),
    }
}

fn amount(node: &Node, read: impl Fn(&str) -> Option<i64>, what: &str) -> Result<i64, Wrong> {
    let value = match &node.value {
        Value::Text(text) | Value::Decimal(text) => read(text),
        Value::Integer(number) => read(&number.to_string()),
        _ => None,
    };
    value.ok_or_else(|| must(node, what))
}

/// What the user asks for, which has to be within the bounds: no memory and no processors at all mean to
/// the engine as much as there is.
fn bounded(
    spec: &InstalledSpec,
    env: &Env,
    variable: &str,
    read: impl Fn(&str) -> Option<i64>,
    allowed: RangeInclusive<i64>,
    limit: &Node,
) -> Result<Option<i64>> {
    let Some(text) = env.get(variable) else { return Ok(None) };
    let by_spec = spec.sets(variable, text);
    let value = read(text).filter(|value| *value >= 0 && (by_spec || value >= allowed.start()));
    let value = value.with_context(|| format!("`{variable}` of `{text}` is not an amount"))?;
    let shown = match &limit.value {
        Value::Text(text) | Value::Decimal(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        _ => allowed.end().to_string(),
    };
    ensure!(
        by_spec || allowed.contains(&value),
        "`{variable}` of `{text}` is above the {shown} that this kernel may have"
    );
    Ok(Some(value))
}

fn patterns(node: Option<&Node>) -> Result<Vec<String>, Wrong> {
    let nodes = node.map(items).unwrap_or_default();
    let patterns = nodes.iter().map(|node| match &node.value {
        Value::Text(pattern) => Ok(pattern.clone()),
        _ => Err(must(node, "be a list of patterns, such as \"elyra/*\"")),
    });
    patterns.collect()
}

/// With the table there, only the specification's own image may be had, and those it allows.
fn image(plan: &Plan, spec: &InstalledSpec, patterns: &[String], env: &Env) -> Result<()> {
    let image = &plan.launch.image;
    let own = spec.image().is_none_or(|own| own == image) || spec.sets("KERNEL_IMAGE", image);
    if own || patterns.iter().any(|pattern| WildMatch::new(pattern).matches(image)) {
        return Ok(());
    }
    let allowed = if patterns.is_empty() { "none".to_owned() } else { patterns.join(", ") };
    let executor = env.get("KERNEL_EXECUTOR_IMAGE").filter(|executor| executor != image);
    let beside = executor.map(|own| format!(", beside `{own}`")).unwrap_or_default();
    bail!(
        "the image `{image}` (KERNEL_IMAGE) is not one that this kernel may have: {allowed}{beside}"
    )
}

fn working_directory(
    plan: &mut Plan,
    spec: &InstalledSpec,
    patterns: &[String],
    env: &Env,
) -> Result<()> {
    let Some(directory) = env.get("KERNEL_WORKING_DIR") else { return Ok(()) };
    let inside = directory.starts_with('/') && !directory.split('/').any(|part| part == "..");
    let matches =
        inside && patterns.iter().any(|pattern| WildMatch::new(pattern).matches(directory));
    ensure!(
        matches || spec.sets("KERNEL_WORKING_DIR", directory),
        "the directory `{directory}` (KERNEL_WORKING_DIR) is not one that this kernel may start in: {}",
        patterns.join(", ")
    );
    plan.set_working_directory(directory);
    Ok(())
}
