//! Turns the command line, the environment and the specification into typed, validated values. Pure.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use super::args::Arguments;
use super::environment;
use super::spec::InstalledSpec;
use crate::env::Env;
use crate::model::Mode;
use crate::options::interpolation::Interpolation;
use crate::server::{
    MODE_VARIABLES, REMOVE_VARIABLES, RESPONSE_ADDRESS, System, Unreachable, launch_timeout,
    network_of_launcher, unreachable,
};

/// The longest host name of Linux and DNS, and the longest name of a Swarm service.
pub(super) const NAME_MAX: usize = 63;

/// The variable with the name of the person for whom the launcher runs, where no server names another.
pub(super) const USER: &str = "USER";

/// The highest user or group id that Docker accepts.
const ID_MAX: u32 = i32::MAX as u32;

/// The label with the name of the specification, which `jupyter-docker-spec ps` shows.
pub const KERNELSPEC: &str = "kernelspec";

/// The group of the files in the kernel images: `users`.
const USERS_GROUP: u32 = 100;

/// The settings of one launch.
#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    pub kernel_id: String,
    /// Name and host name of the container or service: valid for both, and in DNS.
    pub name: String,
    /// The server that asks for the kernel.
    pub caller: System,
    /// The name of the specification, if known.
    pub kernelspec: Option<String>,
    pub mode: Mode,
    pub image: String,
    /// The network on which the server reaches the kernel.
    pub network: String,
    /// `None` for the image's own user.
    pub user: Option<u32>,
    pub group: Option<u32>,
    pub supplementary_groups: Vec<u32>,
    /// The directory in which the kernel starts; `None` for the image's own.
    pub working_directory: Option<String>,
    pub environment: BTreeMap<String, String>,
    /// Whether the container is removed when it ends.
    pub remove: bool,
    /// How long the server waits for the kernel, from the start of the launcher.
    pub timeout: Duration,
}

impl Launch {
    /// Returns the launch that a server asks for. With `check_only`, only the specification is checked.
    ///
    /// # Errors
    /// Names the option or variable that is missing or not valid.
    pub fn new(
        arguments: &Arguments,
        spec: &InstalledSpec,
        env: &Env,
        check_only: bool,
    ) -> Result<Self> {
        let kernel_id = arguments
            .kernel_id
            .clone()
            .context("--kernel-id is required; a Jupyter server gives it to the launcher")?;
        check_filled_in(arguments)?;
        check_kernel_id(&kernel_id)?;
        check_readable(env)?;
        let image = env.get("KERNEL_IMAGE").context(
            "ERROR - KERNEL_IMAGE not found in environment - kernel launch terminating!",
        )?;
        let caller = caller(arguments, env);
        let mode = mode(env)?;
        let group = id(env, "KERNEL_GID")?;
        let interpolation = interpolation((caller, &kernel_id), env, check_only);
        let environment =
            environment::of_kernel(arguments, (caller, mode), spec, env, &interpolation)?;
        Ok(Self {
            name: name(env.get("KERNEL_USERNAME").unwrap_or_default(), &kernel_id),
            kernel_id,
            caller,
            kernelspec: spec.name.clone(),
            mode,
            image: image.to_owned(),
            network: network(env, caller, mode)?,
            user: id(env, "KERNEL_UID")?,
            group,
            supplementary_groups: group
                .into_iter()
                .filter(|group| *group != USERS_GROUP)
                .chain([USERS_GROUP])
                .collect(),
            working_directory: env.get("KERNEL_WORKING_DIR").map(str::to_owned),
            environment,
            remove: remove(env)?,
            timeout: launch_timeout(env, caller, spec.launch_timeout())?,
        })
    }

    /// Returns the values for placeholders in `launch_docker.toml`.
    #[must_use]
    pub fn interpolation<'a>(&'a self, env: &'a Env, check_only: bool) -> Interpolation<'a> {
        interpolation((self.caller, &self.kernel_id), env, check_only)
    }

    /// The address to which the kernel reports.
    #[must_use]
    pub fn response_address(&self) -> Option<&str> {
        self.environment.get(RESPONSE_ADDRESS).map(String::as_str)
    }

    /// The labels by which servers and users find the kernel.
    #[must_use]
    pub fn labels(&self) -> BTreeMap<&'static str, &str> {
        let mut labels = BTreeMap::from([
            ("kernel_id", self.kernel_id.as_str()),
            ("component", "kernel"),
            ("app", self.caller.facts().label),
        ]);
        labels.extend(self.kernelspec.as_deref().map(|name| (KERNELSPEC, name)));
        labels
    }
}

pub(super) fn interpolation<'a>(
    (caller, kernel_id): (System, &'a str),
    env: &'a Env,
    check_only: bool,
) -> Interpolation<'a> {
    let get = |name| env.get(name).unwrap_or_default();
    let is_local = caller == System::Local;
    Interpolation {
        username: get(if is_local { USER } else { "KERNEL_USERNAME" }),
        kernel_id,
        language: get("KERNEL_LANGUAGE"),
        cwd: env.directory().ok().and_then(Path::to_str),
        env,
        check_only,
        has_connection_file: is_local,
    }
}

/// The first of these variables that is set, with its name.
fn first<'a>(env: &'a Env, names: &[&'static str]) -> Option<(&'static str, &'a str)> {
    names.iter().find_map(|name| Some((*name, env.get(name)?)))
}

/// Rejects placeholders that were not filled in: a client that does not know kernel provisioners runs `argv`
/// as it is.
fn check_filled_in(arguments: &Arguments) -> Result<()> {
    ensure!(
        arguments.kernel_id.as_deref() != Some("{kernel_id}"),
        "`{{kernel_id}}` was not filled in: this client does not know kernel provisioners; start the \
         kernel from a Jupyter server with jupyter_client 7 or later, or, if its specification is \
         Enterprise Gateway's, by way of that, as with `jupyter lab --gateway-url=URL`"
    );
    for (value, place) in [
        (&arguments.response_address, "{response_address}"),
        (&arguments.public_key, "{public_key}"),
    ] {
        ensure!(
            value.as_deref() != Some(place),
            "`{place}` was not filled in: this server is older than the specification; take \
             Enterprise Gateway 2.6 or later"
        );
    }
    Ok(())
}

fn check_kernel_id(kernel_id: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric();
    let valid = kernel_id.len() <= NAME_MAX
        && kernel_id.starts_with(plain)
        && kernel_id.ends_with(plain)
        && kernel_id.chars().all(|c| plain(c) || c == '-' || c == '_');
    ensure!(
        valid,
        "`--kernel-id` of `{kernel_id}` must be at most {NAME_MAX} letters, digits, hyphens and \
         underscores, such as a UUID"
    );
    Ok(())
}

/// Rejects variables that matter to a launch and are not UTF-8; they must not be taken for unset.
pub(super) fn check_readable(env: &Env) -> Result<()> {
    const DECIDE: [&str; 5] =
        ["DOCKER_CONTEXT", "DOCKER_HOST", "DOCKER_MODE", "DOCKER_NETWORK", "REMOVE_CONTAINER"];
    let decides = |name: &&str| {
        ["KERNEL_", "GP_", "EG_"].iter().any(|prefix| name.starts_with(prefix))
            || DECIDE.contains(name)
    };
    match env.unreadable().find(decides) {
        Some(name) => bail!("the value of `{name}` is not UTF-8"),
        None => Ok(()),
    }
}

/// Returns `USERNAME-KERNEL_ID`, adapted to what the names of containers, services and hosts may contain, and
/// shortened. The server finds the kernel by its label, not by its name.
pub(super) fn name(username: &str, kernel_id: &str) -> String {
    let room = NAME_MAX.saturating_sub(kernel_id.len() + 1);
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let replaced: String = username.chars().map(|c| if allowed(c) { c } else { '-' }).collect();
    let trimmed = replaced.trim_start_matches(['-', '_']);
    let prefix = trimmed[..trimmed.len().min(room)].trim_end_matches(['-', '_']);
    if prefix.is_empty() { kernel_id.to_owned() } else { format!("{prefix}-{kernel_id}") }
}

/// The server that this environment and spelling come from. Servers mark their launches with their own
/// variable for the mode; that of the other server may only be inherited.
fn caller(arguments: &Arguments, env: &Env) -> System {
    let gateway = env.get(System::EnterpriseGateway.facts().mode_variable).is_some()
        || arguments.gateway_spelling;
    if gateway && env.get(System::GatewayProvisioners.facts().mode_variable).is_none() {
        System::EnterpriseGateway
    } else {
        System::GatewayProvisioners
    }
}

fn mode(env: &Env) -> Result<Mode> {
    let Some((name, value)) = first(env, &MODE_VARIABLES) else {
        return Ok(Mode::Swarm);
    };
    match value.to_ascii_lowercase().as_str() {
        "swarm" => Ok(Mode::Swarm),
        "docker" => Ok(Mode::Docker),
        _ => bail!("`{name}` of `{value}` must be `docker` or `swarm`"),
    }
}

fn network(env: &Env, caller: System, mode: Mode) -> Result<String> {
    let (name, network) = network_of_launcher(env, caller);
    let variable = caller.facts().network_variable;
    match unreachable(network, mode) {
        Some(Unreachable::OneNode) => bail!(
            "the network `{network}` exists on one node only and cannot carry a Swarm service: \
             create one that spans the Swarm, `docker network create --driver overlay \
             --attachable NAME`, attach the server to it, and name it in {variable}"
        ),
        Some(Unreachable::NoAddress) => bail!(
            "the server cannot reach a kernel on the network `{network}`, where a container has no address \
             of its own: name another network in {variable}"
        ),
        // Unless the server looks for it under the engine's name.
        Some(Unreachable::OtherName) if env.get(variable) != Some("bridge") => bail!(
            "the server finds no kernel on the network `{network}`, whose name is `bridge`: name that in \
             {variable}"
        ),
        _ => {}
    }
    if let Some(servers) = env.get(variable).filter(|servers| *servers != network) {
        tracing::warn!(
            "{name} puts the kernel on the network `{network}`, but the server will look for it \
             on `{servers}` ({variable})."
        );
    }
    Ok(network.to_owned())
}

/// Reads a user or group id. Only one spelling of a number is allowed, because the server compares it as text
/// with the ids that it prohibits.
fn id(env: &Env, variable: &str) -> Result<Option<u32>> {
    let Some(value) = env.raw(variable) else { return Ok(None) };
    let value = value.to_string_lossy();
    let id = value.parse().ok().filter(|id: &u32| *id <= ID_MAX && id.to_string() == value);
    ensure!(
        id.is_some(),
        "`{variable}` of `{value}` must be a number from 0 to {ID_MAX}, in digits alone and without \
         leading zeros"
    );
    Ok(id)
}

fn remove(env: &Env) -> Result<bool> {
    let Some((name, value)) = first(env, &REMOVE_VARIABLES) else { return Ok(true) };
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => bail!("`{name}` of `{value}` must be `true` or `false`"),
    }
}

#[cfg(test)]
mod tests;
