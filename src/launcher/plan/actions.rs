//! The keys of `launch_docker.toml` that are not fields of a request.

use std::path::Path;

use serde_json::json;

use super::networks::networks;
use super::{Plan, PullPolicy, Reference, bootstrap, warm};
use crate::engine::Endpoint;
use crate::model::Mode;
use crate::options::interpolation::{Interpolation, Policy};
use crate::options::node::{Node, PositionError, Value};
use crate::options::read::{Table, flag, items, must, table, text};
use crate::options::{BRING_BOOTSTRAP, Options, SIGNALS_FROM, put, template};
use crate::server::System;

pub(super) type Action =
    fn(&mut Plan, &Node, &Interpolation<'_>, &Options) -> Result<(), PositionError>;

/// The keys that are not fields of a request.
pub(super) const ACTIONS: [(&str, Action); 13] = [
    (BRING_BOOTSTRAP, bootstrap::bring),
    ("engine", engine),
    ("image", image),
    ("configs", |plan, node, interpolation, _| {
        references(node, interpolation, "/").map(|all| plan.configs = all)
    }),
    ("mount_cwd", mount_cwd),
    ("networks", networks),
    ("platform", platform),
    ("pull_policy", pull_policy),
    (SIGNALS_FROM, bootstrap::signals_from),
    ("warm", warm::number),
    (warm::COMMAND, warm::command),
    ("warm_time", warm::time),
    ("secrets", |plan, node, interpolation, _| {
        references(node, interpolation, "").map(|all| plan.secrets = all)
    }),
];

/// The launch has it already.
fn image(
    plan: &mut Plan,
    node: &Node,
    _: &Interpolation<'_>,
    _: &Options,
) -> Result<(), PositionError> {
    if plan.launch.caller == System::Local {
        return Ok(());
    }
    let message = "is in kernel.json; see `install --image-name`";
    Err(PositionError::new(node.at, message))
}

/// A server finds its kernels where `docker-py` looks for an engine.
fn engine(
    plan: &mut Plan,
    node: &Node,
    _: &Interpolation<'_>,
    _: &Options,
) -> Result<(), PositionError> {
    if plan.launch.caller != System::Local {
        let message = "is for specifications of `install --local`; a server looks for its kernels where DOCKER_HOST or the \
                       Docker context says";
        return Err(PositionError::new(node.at, message));
    }
    let Value::Text(address) = &node.value else {
        return Err(must(
            node,
            "be the address of an engine, in quotes, such as \"ssh://user@host\"",
        ));
    };
    Endpoint::check(address).map_err(|wrong| PositionError::new(node.at, wrong))?;
    plan.engine = Some(address.clone());
    Ok(())
}

/// `true`, the target in the container, or a table with `target`, `read_only` and `paths`. The `paths` map
/// the server's directories to those of the host, for a server that runs in a container.
fn mount_cwd(
    plan: &mut Plan,
    node: &Node,
    interpolation: &Interpolation<'_>,
    options: &Options,
) -> Result<(), PositionError> {
    if node.value == Value::Bool(false) {
        return Ok(());
    }
    let path = Path::new(interpolation.directory(node.at)?);
    let mode = plan.launch.mode;
    let (mut target, mut read_only, mut source) = (None, false, None);
    match &node.value {
        Value::Bool(_) => {}
        Value::Text(_) => target = Some(node),
        _ => {
            let given = Table::new(node, &["target", "read_only", "paths"])?;
            target = given.get("target");
            if let Some(node) = given.get("read_only") {
                read_only = flag(node)?;
            }
            if let Some(paths) = given.get("paths") {
                source = Some(on_host(path, paths, mode, interpolation)?);
            }
        }
    }
    let has_paths = source.is_some();
    let source = source.unwrap_or_else(|| as_it_is(path, mode));
    // Swarm expands templates in a mount, but not in the working directory.
    let (target, start) = match target {
        Some(node) => (place(node, mode, interpolation)?, text(node, interpolation, Policy::Path)?),
        None => (as_it_is(path, mode), as_it_is(path, Mode::Docker)),
    };
    if !source.starts_with('/') || !target.starts_with('/') {
        return Err(must(node, "name directories by their full paths"));
    }
    let field = match mode {
        Mode::Docker => "HostConfig.Mounts",
        Mode::Swarm => "TaskTemplate.ContainerSpec.Mounts",
    };
    let mut mount = json!({"Type": "bind", "Source": source, "Target": target});
    if read_only {
        mount["ReadOnly"] = true.into();
    }
    // A local launcher may run in a container itself: then the engine knows the directory by another path.
    if plan.launch.caller == System::Local && !has_paths {
        plan.own_directory = Some(target.clone());
    }
    put(&mut plan.request, field, json!([mount]));
    if options.get("working_dir").is_none() {
        plan.set_working_directory(&start);
    }
    Ok(())
}

/// A directory in the words of the file.
fn place(
    node: &Node,
    mode: Mode,
    interpolation: &Interpolation<'_>,
) -> Result<String, PositionError> {
    match (&node.value, mode) {
        (Value::Text(text), Mode::Swarm) => {
            interpolation.interpolate_template(text, node.at, Policy::Path)
        }
        _ => text(node, interpolation, Policy::Path),
    }
}

/// A path of the server in a mount.
fn as_it_is(path: &Path, mode: Mode) -> String {
    let path = path.to_string_lossy();
    match mode {
        Mode::Docker => path.into_owned(),
        Mode::Swarm => template::literal(&path),
    }
}

/// The notebook's directory on the host.
fn on_host(
    directory: &Path,
    paths: &Node,
    mode: Mode,
    interpolation: &Interpolation<'_>,
) -> Result<String, PositionError> {
    for (server, _, host) in table(paths)? {
        let server = interpolation.interpolate(server, paths.at, Policy::Path)?;
        let host = place(host, mode, interpolation)?;
        if let Ok(rest) = directory.strip_prefix(&server) {
            let path = Path::new(&host).join(as_it_is(rest, mode));
            return Ok(path.to_string_lossy().trim_end_matches('/').to_owned());
        }
    }
    if interpolation.check_only {
        return Ok("/".to_owned());
    }
    let message =
        format!("has no entry in `paths` for the notebook's directory {}", directory.display());
    Err(PositionError::new(paths.at, message))
}

fn platform(
    plan: &mut Plan,
    node: &Node,
    interpolation: &Interpolation<'_>,
    _: &Options,
) -> Result<(), PositionError> {
    if plan.launch.mode == Mode::Docker {
        plan.platform = Some(platform_name(node, interpolation)?);
    }
    Ok(())
}

pub fn platform_name(
    node: &Node,
    interpolation: &Interpolation<'_>,
) -> Result<String, PositionError> {
    text(node, interpolation, Policy::Trusted)
}

fn pull_policy(
    plan: &mut Plan,
    node: &Node,
    interpolation: &Interpolation<'_>,
    _: &Options,
) -> Result<(), PositionError> {
    plan.pull = PullPolicy::read(node, interpolation)?;
    Ok(())
}

/// A list of names of secrets or configs, or of tables with `source`, `target`, `uid`, `gid` and `mode`.
fn references(
    node: &Node,
    interpolation: &Interpolation<'_>,
    root: &str,
) -> Result<Vec<Reference>, PositionError> {
    let one = |item: &Node| {
        let mut file = json!({"UID": "0", "GID": "0", "Mode": 0o444});
        if let Value::Text(_) = item.value {
            let source = text(item, interpolation, Policy::Trusted)?;
            file["Name"] = format!("{root}{source}").into();
            return Ok(Reference { source, file });
        }
        let given = Table::new(item, &["source", "target", "uid", "gid", "mode"])?;
        let source = text(given.need("source")?, interpolation, Policy::Trusted)?;
        file["Name"] = match given.get("target") {
            Some(target) => text(target, interpolation, Policy::Trusted)?.into(),
            None => format!("{root}{source}").into(),
        };
        for (key, field) in [("uid", "UID"), ("gid", "GID")] {
            match given.get(key).map(|id| &id.value) {
                Some(Value::Text(id)) => file[field] = id.clone().into(),
                Some(Value::Integer(id)) => file[field] = id.to_string().into(),
                _ => {}
            }
        }
        if let Some(mode) = given.get("mode") {
            let Value::Integer(mode) = mode.value else {
                return Err(must(mode, "be a mode, such as 0o440"));
            };
            file["Mode"] = mode.into();
        }
        Ok(Reference { source, file })
    };
    items(node).iter().map(one).collect()
}

impl PullPolicy {
    /// Reads `pull_policy`. Compose's policies for building and for refreshing after some time are errors.
    pub fn read(node: &Node, interpolation: &Interpolation<'_>) -> Result<Self, PositionError> {
        Ok(match &*text(node, interpolation, Policy::Trusted)? {
            "missing" | "if_not_present" => Self::Missing,
            "always" => Self::Always,
            "never" => Self::Never,
            other => {
                let message = format!("of `{other}` must be one of missing, always and never");
                return Err(PositionError::new(node.at, message));
            }
        })
    }
}
