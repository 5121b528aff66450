//! What is asked of the engine for a launch: the request with everything that the specification's
//! `launch_docker.toml` says, and what has to be done besides it. Pure.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value as Json, json};

use super::launch::Launch;
use super::overrides;
use super::spec::InstalledSpec;
use crate::env::Env;
use crate::options::convert::{Table, flag, items, must, table};
use crate::options::fill::{Filler, Policy};
use crate::options::node::{Node, Value, Wrong};
use crate::options::{Options, put};
use crate::settings::Mode;

/// When the image is pulled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PullPolicy {
    /// When the engine does not have it.
    #[default]
    Missing,
    /// At each launch.
    Always,
    /// Never: the engine has it, or the launch fails.
    Never,
}

impl PullPolicy {
    /// Reads the value of `pull_policy`.
    ///
    /// # Errors
    /// When it is none, or one of the Compose specification that is about building or about time.
    pub fn read(node: &Node, filler: &Filler<'_>) -> Result<Self, Wrong> {
        Ok(match &*text(node, filler, Policy::Trusted)? {
            "missing" | "if_not_present" => Self::Missing,
            "always" => Self::Always,
            "never" => Self::Never,
            other => {
                let message = format!("of `{other}` must be one of missing, always and never");
                return Err(Wrong::new(node.at, message));
            }
        })
    }
}

/// A secret or a config of the Swarm that the kernel gets as a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// Its name in the Swarm.
    pub source: String,
    /// The file that it becomes: `Name`, `UID`, `GID` and `Mode`.
    pub file: Json,
}

/// A launch with all that is to be done for it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The launch.
    pub launch: Launch,
    /// The body of `POST /containers/create` or `POST /services/create`.
    pub request: Json,
    /// The platform of the image, such as `linux/amd64`; `None` for the engine's own.
    pub platform: Option<String>,
    /// When the image is pulled.
    pub pull: PullPolicy,
    /// Networks that a container is attached to besides the first, with the settings there.
    pub networks: Vec<(String, Json)>,
    /// Secrets of the Swarm.
    pub secrets: Vec<Reference>,
    /// Configs of the Swarm.
    pub configs: Vec<Reference>,
}

impl Plan {
    /// The plan for a launch from this specification. A `sample` is for looking whether the file is
    /// right; the variables in it need not be there then.
    ///
    /// # Errors
    /// When the file says something that is wrong, or the user asks for more than it allows.
    pub fn new(launch: Launch, spec: &InstalledSpec, env: &Env, sample: bool) -> Result<Self> {
        let options = &spec.options;
        let request = match launch.mode {
            Mode::Docker => serde_json::to_value(launch.container()),
            Mode::Swarm => serde_json::to_value(launch.service()),
        };
        let mut plan = Self {
            request: request.context("could not write the request")?,
            platform: None,
            pull: PullPolicy::default(),
            networks: Vec::new(),
            secrets: Vec::new(),
            configs: Vec::new(),
            launch,
        };
        if options.is_empty() {
            return Ok(plan);
        }
        let launch = plan.launch.clone();
        let filler = launch.filler(env, sample);
        options.apply(&mut plan.request, launch.mode, &filler)?;
        for (name, act) in ACTIONS {
            if let Some(node) = options.get(name).filter(|node| !filler.skips(node)) {
                act(&mut plan, node, &filler, options)
                    .map_err(|wrong| options.error(&wrong.of(name)))?;
            }
        }
        overrides::apply(&mut plan, spec, env)?;
        Ok(plan)
    }

    /// Sets the directory in which the kernel starts.
    pub(super) fn set_working_directory(&mut self, directory: &str) {
        let path = match self.launch.mode {
            Mode::Docker => "WorkingDir",
            Mode::Swarm => "TaskTemplate.ContainerSpec.Dir",
        };
        put(&mut self.request, path, directory.into());
    }
}

type Action = fn(&mut Plan, &Node, &Filler<'_>, &Options) -> Result<(), Wrong>;

/// The keys that are no fields of a request.
const ACTIONS: [(&str, Action); 6] = [
    ("configs", |plan, node, filler, _| {
        references(node, filler, "/").map(|all| plan.configs = all)
    }),
    ("mount_cwd", mount_cwd),
    ("networks", networks),
    ("platform", platform),
    ("pull_policy", pull_policy),
    ("secrets", |plan, node, filler, _| references(node, filler, "").map(|all| plan.secrets = all)),
];

fn text(node: &Node, filler: &Filler<'_>, policy: Policy) -> Result<String, Wrong> {
    match &node.value {
        Value::Text(text) => filler.fill(text, node.at, policy),
        _ => Err(must(node, "be text, in quotes")),
    }
}

/// `true`, the place in the container, or a table with `target`, `read_only` and `paths`: where the
/// server's directories are on the host, for a server that itself runs in a container.
fn mount_cwd(
    plan: &mut Plan,
    node: &Node,
    filler: &Filler<'_>,
    options: &Options,
) -> Result<(), Wrong> {
    let (mut target, mut read_only, mut source) = (filler.cwd.to_owned(), false, None);
    match &node.value {
        Value::Flag(false) => return Ok(()),
        Value::Flag(true) => {}
        Value::Text(_) => target = text(node, filler, Policy::Path)?,
        _ => {
            let given = Table::new(node, &["target", "read_only", "paths"])?;
            if let Some(node) = given.get("target") {
                target = text(node, filler, Policy::Path)?;
            }
            if let Some(node) = given.get("read_only") {
                read_only = flag(node)?;
            }
            if let Some(paths) = given.get("paths") {
                source = Some(on_host(paths, filler)?);
            }
        }
    }
    let source = source.unwrap_or_else(|| filler.cwd.to_owned());
    if !source.starts_with('/') || !target.starts_with('/') {
        return Err(must(node, "name directories by their full paths"));
    }
    let field = match plan.launch.mode {
        Mode::Docker => "HostConfig.Mounts",
        Mode::Swarm => "TaskTemplate.ContainerSpec.Mounts",
    };
    let mut mount = json!({"Type": "bind", "Source": source, "Target": target});
    if read_only {
        mount["ReadOnly"] = true.into();
    }
    put(&mut plan.request, field, json!([mount]));
    if options.get("working_dir").is_none() {
        plan.set_working_directory(&target);
    }
    Ok(())
}

/// Where the notebook's directory is on the host.
fn on_host(paths: &Node, filler: &Filler<'_>) -> Result<String, Wrong> {
    let cwd = Path::new(filler.cwd);
    for (server, _, host) in table(paths)? {
        let server = filler.fill(server, paths.at, Policy::Path)?;
        let host = text(host, filler, Policy::Path)?;
        if let Ok(rest) = cwd.strip_prefix(&server) {
            return Ok(Path::new(&host)
                .join(rest)
                .to_string_lossy()
                .trim_end_matches('/')
                .to_owned());
        }
    }
    if filler.sample {
        return Ok("/".to_owned());
    }
    let message = format!("has no entry in `paths` for the notebook's directory {}", filler.cwd);
    Err(Wrong::new(paths.at, message))
}

/// Names of networks, or tables by name.
fn networks(plan: &mut Plan, node: &Node, filler: &Filler<'_>, _: &Options) -> Result<(), Wrong> {
    let mut found: Vec<(String, Json)> = Vec::new();
    if let Value::Table(entries) = &node.value {
        for (name, _, settings) in entries {
            found.push((name.clone(), network_settings(settings, plan.launch.mode, filler)?));
        }
    } else {
        for item in items(node) {
            found.push((text(item, filler, Policy::Trusted)?, json!({})));
        }
    }
    // The first is the server's.
    found.retain(|(name, _)| *name != plan.launch.network);
    match plan.launch.mode {
        Mode::Docker => plan.networks = found,
        Mode::Swarm => {
            let attachments = found.into_iter().map(|(name, mut settings)| {
                settings["Target"] = name.into();
                settings
            });
            put(&mut plan.request, "TaskTemplate.Networks", attachments.collect());
        }
    }
    Ok(())
}

fn network_settings(node: &Node, mode: Mode, filler: &Filler<'_>) -> Result<Json, Wrong> {
    let known: &[&str] = match mode {
        Mode::Docker => &["aliases", "ipv4_address", "ipv6_address", "driver_opts"],
        Mode::Swarm => &["aliases", "driver_opts"],
    };
    let given = Table::new(node, known)?;
    let mut settings = json!({});
    if let Some(aliases) = given.get("aliases") {
        let aliases = items(aliases).iter().map(|alias| text(alias, filler, Policy::Path));
        settings["Aliases"] = aliases.collect::<Result<Vec<_>, _>>()?.into();
    }
    for (key, field) in [("ipv4_address", "IPv4Address"), ("ipv6_address", "IPv6Address")] {
        if let Some(address) = given.get(key) {
            settings["IPAMConfig"][field] = text(address, filler, Policy::Trusted)?.into();
        }
    }
    if let Some(driver_opts) = given.get("driver_opts") {
        for (name, _, value) in table(driver_opts)? {
            settings["DriverOpts"][name] = text(value, filler, Policy::Trusted)?.into();
        }
    }
    Ok(settings)
}

fn platform(plan: &mut Plan, node: &Node, filler: &Filler<'_>, _: &Options) -> Result<(), Wrong> {
    if plan.launch.mode == Mode::Docker {
        plan.platform = Some(platform_name(node, filler)?);
    }
    Ok(())
}

/// Reads the value of `platform`.
///
/// # Errors
/// When it is no text, or one that cannot be filled in.
pub fn platform_name(node: &Node, filler: &Filler<'_>) -> Result<String, Wrong> {
    text(node, filler, Policy::Trusted)
}

fn pull_policy(
    plan: &mut Plan,
    node: &Node,
    filler: &Filler<'_>,
    _: &Options,
) -> Result<(), Wrong> {
    plan.pull = PullPolicy::read(node, filler)?;
    Ok(())
}

/// Names of secrets or configs, or tables with `source`, `target`, `uid`, `gid` and `mode`.
fn references(node: &Node, filler: &Filler<'_>, root: &str) -> Result<Vec<Reference>, Wrong> {
    let one = |item: &Node| {
        let mut file = json!({"UID": "0", "GID": "0", "Mode": 0o444});
        if let Value::Text(_) = item.value {
            let source = text(item, filler, Policy::Trusted)?;
            file["Name"] = format!("{root}{source}").into();
            return Ok(Reference { source, file });
        }
        let given = Table::new(item, &["source", "target", "uid", "gid", "mode"])?;
        let source = text(given.need("source")?, filler, Policy::Trusted)?;
        file["Name"] = match given.get("target") {
            Some(target) => text(target, filler, Policy::Trusted)?.into(),
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

#[cfg(test)]
mod tests;
