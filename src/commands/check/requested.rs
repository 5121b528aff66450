//! A launch as a server with this environment would request it, to check what it would do.

use anyhow::Result;

use crate::commands::planned::{KERNEL_ID, local_arguments, server_variables};
use crate::env::Env;
use crate::kernelspec::specification::Specification;
use crate::launcher::args::Arguments;
use crate::launcher::launch_for;
use crate::launcher::plan::Plan;
use crate::launcher::spec::InstalledSpec;
use crate::model::Mode;
use crate::options::Options;
use crate::server::{NETWORK_VARIABLES, System, inherited_variables, network_of_server};

/// The environment that the launcher gets, without the kernel's id.
pub(super) fn environment(spec: &Specification, env: &Env, user: &str) -> Env {
    let stanza = spec.env.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    if spec.system == System::Local {
        return env.with(env.iter().chain(stanza));
    }
    let language = spec.language.to_lowercase();
    let image = spec.image();
    let defaults = server_variables(spec.system, spec.mode, image.unwrap_or("IMAGE"), &language);
    // Enterprise Gateway hands on the variables that it is configured to, and those of clients.
    let inherited: Vec<&str> = inherited_variables(env).collect();
    let is_handed_on = |name: &str| {
        spec.system == System::GatewayProvisioners
            || name.starts_with("KERNEL_")
            || inherited.contains(&name)
    };
    let network = network_of_server(env, spec.system);
    let decided = [
        (spec.system.facts().mode_variable, spec.mode.name()),
        (spec.system.facts().network_variable, network),
        ("KERNEL_LANGUAGE", &language),
        ("KERNEL_USERNAME", user),
    ];
    let images = ["KERNEL_IMAGE", "KERNEL_EXECUTOR_IMAGE"];
    let images = images.into_iter().filter_map(|name| image.map(|image| (name, image)));
    let handed_on = env.iter().filter(|(name, _)| is_handed_on(name));
    let variables =
        defaults.into_iter().chain(handed_on).chain(decided).chain(images).chain(stanza);
    env.with(variables)
}

/// Plans the launch of a kernel of the specification. Variables may be missing.
pub(super) fn kernel(spec: &Specification, env: &Env, user: &str) -> Result<Plan> {
    let installed = InstalledSpec::of(&spec.directory.join("scripts/launch_docker"))?;
    launch(spec, &installed, &environment(spec, env, user), true)
}

/// Like [`kernel`], but with these options instead of those installed, and for a launcher with this
/// environment. Unless it is a `check_only`, the environment must have all variables.
pub(super) fn with_options(
    spec: &Specification,
    options: Options,
    env: &Env,
    check_only: bool,
) -> Result<Plan> {
    let directory = spec.directory.join("scripts");
    // The installed specification may be broken.
    let mut installed = InstalledSpec::of(&directory.join("launch_docker")).unwrap_or_default();
    installed.options = options;
    installed.directory = directory;
    launch(spec, &installed, env, check_only)
}

fn launch(
    spec: &Specification,
    installed: &InstalledSpec,
    env: &Env,
    check_only: bool,
) -> Result<Plan> {
    if spec.system == System::Local {
        let launch = launch_for(&local_arguments(), installed, env, check_only)?;
        return Plan::new(launch, installed, env, check_only);
    }
    let arguments = Arguments {
        kernel_id: Some(KERNEL_ID.to_owned()),
        gateway_spelling: spec.system == System::EnterpriseGateway,
        ..Arguments::default()
    };
    // The network is checked separately.
    let network = match spec.mode {
        Mode::Docker => "bridge",
        Mode::Swarm => "OVERLAY_NETWORK",
    };
    let network = NETWORK_VARIABLES.map(|name| (name, network));
    let env = env.with(env.iter().chain(network));
    let launch = launch_for(&arguments, installed, &env, check_only)?;
    Plan::new(launch, installed, &env, check_only)
}
