//! What is to be launched: the command line, the environment and the specification turned into
//! typed, validated values. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use super::args::Arguments;
use super::environment;
use super::spec::InstalledSpec;
use crate::env::Env;
use crate::options::fill::Filler;
use crate::settings::{Mode, System};

/// The longest host name that Linux and DNS take, and the longest name of a Swarm service.
const NAME_MAX: usize = 63;

/// The greatest user or group id that Docker takes.
const ID_MAX: u32 = i32::MAX as u32;

/// How long a server waits for a kernel unless it is told otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// The label that names the specification, for people and `jupyter-docker-spec ps`.
pub const KERNELSPEC: &str = "kernelspec";

/// The group that the files of the kernel images belong to: `users`.
const USERS_GROUP: u32 = 100;

/// A kernel to be launched.
#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    /// Id of the kernel.
    pub kernel_id: String,
    /// Name and host name of the container or service: valid for both, and for DNS.
    pub name: String,
    /// Who asked for it.
    pub caller: System,
    /// The name of its specification, where that is known.
    pub kernelspec: Option<String>,
    /// Container or service.
    pub mode: Mode,
    /// The image.
    pub image: String,
    /// The network by which the server reaches the kernel.
    pub network: String,
    /// User id, if the image's own is not to be used.
    pub user: Option<u32>,
    /// Primary group id.
    pub group: Option<u32>,
    /// Further group ids.
    pub supplementary_groups: Vec<u32>,
    /// The directory in which the kernel starts, if not the image's own.
    pub working_directory: Option<String>,
    /// The environment of the kernel.
    pub environment: BTreeMap<String, String>,
    /// Whether a container is removed when it ends.
    pub remove: bool,
    /// How long the server waits for the kernel, from the start of the launcher.
    pub timeout: Duration,
}

impl Launch {
    /// The launch that a server asks for.
    ///
    /// # Errors
    /// When something is missing or not valid: it names the option or variable.
    /// With `sample` it is only looked whether the specification is right.
    pub fn new(
        arguments: &Arguments,
        spec: &InstalledSpec,
        env: &Env,
        sample: bool,
    ) -> Result<Self> {
        let kernel_id = arguments
            .kernel_id
            .clone()
            .context("--kernel-id is required; a Jupyter server gives it to the launcher")?;
        check_kernel_id(&kernel_id)?;
        let image = env.get("KERNEL_IMAGE").context(
            "ERROR - KERNEL_IMAGE not found in environment - kernel launch terminating!",
        )?;
        let caller = caller(arguments, env);
        let mode = mode(env)?;
        let group = id(env, "KERNEL_GID")?;
        let filler = filler(&kernel_id, env, sample);
        let environment = environment::of_kernel(arguments, caller, spec, env, &filler)?;
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
            timeout: timeout(env, caller, spec)?,
        })
    }

    /// What values in `launch_docker.toml` may be filled with.
    #[must_use]
    pub fn filler<'a>(&'a self, env: &'a Env, sample: bool) -> Filler<'a> {
        filler(&self.kernel_id, env, sample)
    }

    /// The labels by which the server, and people, find what was launched.
    #[must_use]
    pub fn labels(&self) -> BTreeMap<&'static str, &str> {
        let mut labels = BTreeMap::from([
            ("kernel_id", self.kernel_id.as_str()),
            ("component", "kernel"),
            ("app", self.caller.label()),
        ]);
        labels.extend(self.kernelspec.as_deref().map(|name| (KERNELSPEC, name)));
        labels
    }
}

fn filler<'a>(kernel_id: &'a str, env: &'a Env, sample: bool) -> Filler<'a> {
    let get = |name| env.get(name).unwrap_or_default();
    Filler {
        username: get("KERNEL_USERNAME"),
        kernel_id,
        language: get("KERNEL_LANGUAGE"),
        cwd: env.directory().to_str().unwrap_or_default(),
        env,
        sample,
    }
}

/// The first of these variables that is set, with its name.
fn first<'a>(env: &'a Env, names: &[&'static str]) -> Option<(&'static str, &'a str)> {
    names.iter().find_map(|name| Some((*name, env.get(name)?)))
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

/// `USERNAME-KERNEL_ID`, with what is not allowed in the name of a container, a service or a host
/// replaced, and no longer than they may be. Nobody looks for the name: the server goes by the label.
fn name(username: &str, kernel_id: &str) -> String {
    let room = NAME_MAX.saturating_sub(kernel_id.len() + 1);
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let replaced: String = username.chars().map(|c| if allowed(c) { c } else { '-' }).collect();
    let trimmed = replaced.trim_start_matches(['-', '_']);
    let prefix = trimmed[..trimmed.len().min(room)].trim_end_matches(['-', '_']);
    if prefix.is_empty() { kernel_id.to_owned() } else { format!("{prefix}-{kernel_id}") }
}

/// The server that this environment and spelling come from. Either one marks its launches with the
/// mode; a variable that a server merely inherited from elsewhere does not outweigh that.
fn caller(arguments: &Arguments, env: &Env) -> System {
    let gateway = env.get("EG_DOCKER_MODE").is_some() || arguments.gateway_spelling;
    if gateway && env.get("GP_DOCKER_MODE").is_none() {
        System::EnterpriseGateway
    } else {
        System::GatewayProvisioners
    }
}

fn mode(env: &Env) -> Result<Mode> {
    let Some((name, value)) = first(env, &["DOCKER_MODE", "GP_DOCKER_MODE", "EG_DOCKER_MODE"])
    else {
        return Ok(Mode::Swarm);
    };
    match value.to_ascii_lowercase().as_str() {
        "swarm" => Ok(Mode::Swarm),
        "docker" => Ok(Mode::Docker),
        _ => bail!("`{name}` of `{value}` must be `docker` or `swarm`"),
    }
}

fn network(env: &Env, caller: System, mode: Mode) -> Result<String> {
    let names = ["DOCKER_NETWORK", "GP_DOCKER_NETWORK", "EG_DOCKER_NETWORK"];
    let (name, network) = first(env, &names).unwrap_or((caller.network_variable(), "bridge"));
    let variable = caller.network_variable();
    match mode {
        Mode::Swarm if ["bridge", "host", "none"].contains(&network) => bail!(
            "the network `{network}` exists on one node only and cannot carry a Swarm service: \
             create one that spans the Swarm, `docker network create --driver overlay \
             --attachable NAME`, attach the server to it, and name it in {variable}"
        ),
        Mode::Docker
            if ["host", "none"].contains(&network) || network.starts_with("container:") =>
        {
            bail!(
                "the server cannot reach a kernel on the network `{network}`, where a container \
                 has no address of its own: name another network in {variable}"
            )
        }
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

fn id(env: &Env, variable: &str) -> Result<Option<u32>> {
    let Some(value) = env.get(variable) else { return Ok(None) };
    let id = value.parse().ok().filter(|id| *id <= ID_MAX);
    ensure!(id.is_some(), "`{variable}` of `{value}` must be a number from 0 to {ID_MAX}");
    Ok(id)
}

fn remove(env: &Env) -> Result<bool> {
    let names = ["REMOVE_CONTAINER", "GP_REMOVE_CONTAINER", "EG_REMOVE_CONTAINER"];
    let Some((name, value)) = first(env, &names) else { return Ok(true) };
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => bail!("`{name}` of `{value}` must be `true` or `false`"),
    }
}

/// The time after which the server gives the kernel up, as the server itself finds it.
fn timeout(env: &Env, caller: System, spec: &InstalledSpec) -> Result<Duration> {
    let names = match caller {
        System::GatewayProvisioners => ["GP_LAUNCH_TIMEOUT", "KERNEL_LAUNCH_TIMEOUT"],
        System::EnterpriseGateway => ["KERNEL_LAUNCH_TIMEOUT", "EG_KERNEL_LAUNCH_TIMEOUT"],
    };
    let of_spec = spec.launch_timeout().filter(|_| caller == System::GatewayProvisioners);
    let (name, value) = match (of_spec, first(env, &names)) {
        (Some(seconds), _) => ("launch_timeout", seconds),
        (None, Some((name, value))) => (name, value),
        (None, None) => return Ok(DEFAULT_TIMEOUT),
    };
    // A JSON number is what kernel.json has, and what Python's `float` reads is hardly more.
    serde_json::from_str(value)
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|timeout| !timeout.is_zero())
        .with_context(|| {
            format!("`{name}` of `{value}` must be a number of seconds greater than 0")
        })
}

#[cfg(test)]
mod tests;
