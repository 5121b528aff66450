//! `[client_overrides]`: what the notebook's user may change with `KERNEL_` variables, and how far.

use std::ops::RangeInclusive;

use anyhow::{Context as _, Result, bail, ensure};
use wildmatch::WildMatch;

use super::plan::Plan;
use super::spec::InstalledSpec;
use crate::engine::{Reference, ReferenceParts};
use crate::env::Env;
use crate::model::Mode;
use crate::options::amounts::{bytes, decimal};
use crate::options::node::{Node, PositionError, Value};
use crate::options::put;
use crate::options::read::{Table, items, must};

/// The table, and what is in it.
const TABLE: &str = "client_overrides";
const KNOWN: [&str; 5] = ["memory", "cpus", "gpus", "image", "working_dir"];

const NANO: i64 = 1_000_000_000;

/// Applies the user's variables as far as the file allows. Others stay data: they reach the kernel's
/// environment, and change nothing here.
pub(super) fn apply(
    plan: &mut Plan,
    spec: &InstalledSpec,
    env: &Env,
    check_only: bool,
) -> Result<()> {
    let options = &spec.options;
    let Some(node) = options.get(TABLE) else { return Ok(()) };
    let wrong = |wrong: PositionError| options.error(&wrong.of(TABLE));
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
            // Replaces the file's request, instead of adding to it.
            put(&mut plan.request, devices, serde_json::Value::Null);
            let request = serde_json::json!([{"Count": count, "Capabilities": [["gpu"]]}]);
            if count > 0 {
                put(&mut plan.request, devices, request);
            }
        }
    }
    let images = patterns(allowed.get("image")).map_err(wrong)?;
    if !check_only {
        image(plan, spec, &images, env)?;
    }
    if let Some(node) = allowed.get("working_dir") {
        working_directory(plan, spec, &patterns(Some(node)).map_err(wrong)?, env)?;
    }
    Ok(())
}

/// The fields of the request for memory, processors and GPUs.
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

fn amount(
    node: &Node,
    read: impl Fn(&str) -> Option<i64>,
    what: &str,
) -> Result<i64, PositionError> {
    let value = match &node.value {
        Value::Text(text) | Value::Decimal(text) => read(text),
        Value::Integer(number) => read(&number.to_string()),
        _ => None,
    };
    value.ok_or_else(|| must(node, what))
}

/// Returns the amount that the user asks for if it is within the bounds. To the engine, 0 memory or
/// processors means no limit.
fn bounded(
    spec: &InstalledSpec,
    env: &Env,
    variable: &str,
    read: impl Fn(&str) -> Option<i64>,
    allowed: RangeInclusive<i64>,
    limit: &Node,
) -> Result<Option<i64>> {
    let Some(text) = env.get(variable) else { return Ok(None) };
    let by_spec = spec.sets_variable(variable, text);
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

fn patterns(node: Option<&Node>) -> Result<Vec<String>, PositionError> {
    let nodes = node.map(items).unwrap_or_default();
    let patterns = nodes.iter().map(|node| match &node.value {
        Value::Text(pattern) => Ok(pattern.clone()),
        _ => Err(must(node, "be a list of patterns, such as \"elyra/*\"")),
    });
    patterns.collect()
}

/// If there is a table, only the specification's own image, which may be the server's default, and those that
/// the table allows may be used.
fn image(plan: &Plan, spec: &InstalledSpec, patterns: &[String], env: &Env) -> Result<()> {
    let image = &plan.launch.image;
    let own = spec.image().or_else(|| env.get(plan.launch.caller.facts().image_variable));
    if own.is_some_and(|own| own == image) || spec.sets_variable("KERNEL_IMAGE", image) {
        return Ok(());
    }
    if patterns.iter().any(|pattern| pattern == "*" || allows(pattern, image)) {
        return Ok(());
    }
    let allowed = if patterns.is_empty() { "none".to_owned() } else { patterns.join(", ") };
    let executor = env.get("KERNEL_EXECUTOR_IMAGE").filter(|executor| executor != image);
    let beside = executor.map(|own| format!(", beside `{own}`")).unwrap_or_default();
    bail!(
        "the image `{image}` (KERNEL_IMAGE) is not one that this kernel may have: {allowed}{beside}"
    )
}

/// Whether a pattern matches an image. Each part of the pattern applies to that part of the image alone:
/// without a registry, it matches no other registry; without a digest, no image with one, whose tag the
/// engine would ignore.
fn allows(pattern: &str, image: &str) -> bool {
    // The engine may read it as an image id, or as the prefix of one.
    let digits = image.strip_prefix("sha256:").unwrap_or(image);
    if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return false;
    }
    let Ok(image) = image.parse::<Reference>() else { return false };
    let fits = |pattern: &str, part: &str| WildMatch::new(pattern).matches(part);
    let ReferenceParts { registry, repository, tag, digest } = ReferenceParts::of(pattern);
    // The short name of an official image, which has one part.
    let short = image.repository().strip_prefix("library/");
    let short = short.filter(|name| image.is_on_hub() && !name.contains('/'));
    let is_named = fits(registry, image.registry())
        && (fits(repository, image.repository()) || short.is_some_and(|it| fits(repository, it)));
    let has_tag = |tag| image.tag().is_some_and(|own| fits(tag, own));
    match (tag, digest) {
        // An asterisk at the end matches everything that may follow.
        (None, None) if pattern.ends_with('*') => is_named,
        (tag, None) => is_named && image.digest().is_none() && has_tag(tag.unwrap_or("latest")),
        (tag, Some(digest)) => {
            is_named
                && image.digest().is_some_and(|own| fits(digest, own))
                && tag.is_none_or(has_tag)
        }
    }
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
        matches || spec.sets_variable("KERNEL_WORKING_DIR", directory),
        "the directory `{directory}` (KERNEL_WORKING_DIR) is not one that this kernel may start in: {}",
        patterns.join(", ")
    );
    plan.set_working_directory(directory);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::launcher::args::Arguments;
    use crate::launcher::launch::Launch;
    use crate::options::Options;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn each_part_of_a_pattern_stands_for_that_part_of_the_image() {
        let pinned = format!("team/kernel:1.0@{DIGEST}");
        let untagged = format!("team/kernel@{DIGEST}");
        for (pattern, allowed, refused) in [
            (
                "team/kernel",
                &["team/kernel", "docker.io/team/kernel:latest"][..],
                &["team/kernel:1", &untagged][..],
            ),
            (
                "team/kernel:1.*",
                &["team/kernel:1.0", "index.docker.io/team/kernel:1.2"],
                &[
                    "team/kernel:2.0",
                    "team/kernel",
                    &pinned,
                    &untagged,
                    "team/kernel:1.0/x",
                    "docker.io/library/team/kernel:1.0",
                ],
            ),
            ("team/kernel:*", &["team/kernel", "team/kernel:2"], &[&pinned, "team/kernel-x:1"]),
            ("team/kernel@sha256:*", &[&untagged, &pinned], &["team/kernel", "team/kernel:sha256"]),
            ("team/kernel:1.*@sha256:e3*", &[&pinned], &[&untagged, "team/kernel:1.0"]),
            ("team/kernel:2@sha256:*", &[], &[&pinned]),
            (
                "team/*",
                &["team/a", "team/a:1", "team/a/b:1", &pinned, "docker.io/team/a"],
                &["other/a", "reg.example/team/a", "team.example/a", "a"],
            ),
            ("team*", &["team/a:1", "team-x"], &["team.example/a", "team:5000/a"]),
            ("*/kernel:*", &["team/kernel:1"], &["reg.example/kernel:1", "localhost/kernel:1"]),
            (
                "reg.example/*",
                &["reg.example/a:1", "reg.example/a/b"],
                &["reg.example:5000/a", "a.reg.example/a"],
            ),
            (
                "*.example:5000/a/*",
                &["reg.example:5000/a/b:1"],
                &["evil.io/x.example:5000/a/b", "reg.example/a/b"],
            ),
            (
                "python:3.*",
                &["python:3.12", "docker.io/library/python:3.1"],
                &["me/python:3.1", "python"],
            ),
            // The engine may read these as ids.
            ("a*", &["alpine"], &["abc", "ab12", &DIGEST[7..]]),
            ("s*", &["some"], &[DIGEST, "sha256:e3b0"]),
            ("*a", &[], &["A B", "", "a@b", "../a"]),
        ] {
            for image in allowed {
                assert!(allows(pattern, image), "{pattern} {image}");
            }
            for image in refused {
                assert!(!allows(pattern, image), "{pattern} {image}");
            }
        }
    }

    /// A launch with this table, by a server with these variables, of a specification without an image.
    fn launch(table: &str, variables: &[(&str, &str)], check_only: bool) -> Result<Plan> {
        let spec = InstalledSpec::with_options("k", Options::parse("f", table)?);
        let mode =
            if variables.iter().any(|(name, _)| name.starts_with("EG_")) { "EG" } else { "GP" };
        let mode = format!("{mode}_DOCKER_MODE");
        let given = [(mode.as_str(), "docker"), ("KERNEL_IMAGE", "team/kernel")];
        let env = Env::new(Path::new("/"), given.iter().chain(variables).copied());
        let arguments = Arguments { kernel_id: Some("1".into()), ..Arguments::default() };
        Plan::new(Launch::new(&arguments, &spec, &env, check_only)?, &spec, &env, check_only)
    }

    #[test]
    fn a_specification_without_an_image_allows_none_that_no_pattern_names() {
        for table in ["client_overrides = {}", "client_overrides.image = ['other/*']"] {
            let error = launch(table, &[], false).unwrap_err().to_string();
            assert!(error.contains("the image `team/kernel` (KERNEL_IMAGE) is not one"), "{error}");
            assert!(!error.contains("beside"), "{error}");
            let executor = |image| launch(table, &[("KERNEL_EXECUTOR_IMAGE", image)], false);
            let error = executor("team/executor").unwrap_err().to_string();
            assert!(error.ends_with(", beside `team/executor`"), "{error}");
            // Before the image is known, only the table is checked.
            launch(table, &[], true).unwrap();
        }
        launch("client_overrides.image = ['*']", &[], false).unwrap();
        launch("client_overrides.image = ['team/*']", &[], false).unwrap();
        let table = "client_overrides = {}";
        for variable in ["GP_IMAGE_NAME", "EG_KERNEL_IMAGE"] {
            launch(table, &[(variable, "team/kernel")], false).unwrap();
            launch(table, &[(variable, "team/other")], false).unwrap_err();
        }
    }
}
