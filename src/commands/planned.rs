//! The launch that a server would request by default, to see what a specification does without starting a
//! kernel.

use anyhow::{Context as _, Result, anyhow};

use crate::env::Env;
use crate::kernelspec::specification::Specification;
use crate::launcher::args::Arguments;
use crate::launcher::launch_for;
use crate::launcher::plan::Plan;
use crate::launcher::spec::InstalledSpec;
use crate::model::Mode;
use crate::options::Options;
use crate::options::container_options::CONTAINER_OPTIONS;
use crate::server::{CONNECTION_FILE, System};
use crate::settings::Settings;

/// A kernel id for display.
pub(super) const KERNEL_ID: &str = "00000000-0000-0000-0000-000000000000";

/// Plans the launch of a kernel with these settings, on the network that this environment names. An error
/// shows the line of `launch_docker.toml`.
pub(super) fn of_settings(settings: &Settings, env: &Env) -> Result<Plan> {
    let text = settings.options.as_deref().unwrap_or_default();
    let options = Options::parse("", text);
    let port_range = settings.port_range.map_or_else(|| "0..0".to_owned(), |r| r.to_string());
    let arguments = Arguments {
        port_range: Some(port_range),
        response_address: Some("SERVER:PORT".to_owned()),
        public_key: Some("KEY".to_owned()),
        kernel_class_name: settings.kernel_class.clone(),
        ..Arguments::default()
    };
    let (image, language) = (&settings.image_name, &settings.language.key());
    options
        .and_then(|options| {
            let server = (settings.system, settings.mode);
            let name = settings.kernel_name.as_str();
            plan(server, name, (image, language), options, arguments, env)
        })
        .map_err(|error| naming_option(&error))
        .context("the options for the container are not valid")
}

/// Puts the option that writes the line of `launch_docker.toml` in front of the error about that line.
fn naming_option(error: &anyhow::Error) -> anyhow::Error {
    let text = format!("{error:#}");
    let key = text.split(" = ").next().unwrap_or_default();
    let names = CONTAINER_OPTIONS
        .iter()
        .filter(|flag| flag.key == key)
        .map(|flag| format!("--{}", flag.long));
    match names.collect::<Vec<_>>().join(" or ") {
        names if names.is_empty() => anyhow!(text),
        names => anyhow!("{names}: {text}"),
    }
}

/// Plans the launch of a kernel of a specification with changes that are not written yet; `text` is its
/// `launch_docker.toml`.
pub(super) fn of_changed(spec: &Specification, text: &str, env: &Env) -> Result<Plan> {
    Options::parse("", text)
        .and_then(|options| of_installed(spec, options, env))
        .map_err(|error| naming_option(&error))
        .context("the options for the container are not valid")
}

/// Plans the launch of a kernel of an installed specification. An error names the line of
/// `launch_docker.toml`.
pub(super) fn of_installed(spec: &Specification, options: Options, env: &Env) -> Result<Plan> {
    let image = spec.image().unwrap_or("IMAGE");
    let language = spec.language.to_lowercase();
    let server = (spec.system, spec.mode);
    let name = spec.directory.file_name().unwrap_or_default().to_string_lossy();
    plan(server, &name, (image, &language), options, Arguments::default(), env)
}

/// The variables that a server gives to the launcher.
pub(super) fn server_variables<'a>(
    system: System,
    mode: Mode,
    image: &'a str,
    language: &'a str,
) -> [(&'static str, &'a str); 9] {
    let network = match mode {
        Mode::Docker => "bridge",
        Mode::Swarm => "OVERLAY_NETWORK",
    };
    [
        (system.facts().mode_variable, mode.name()),
        (system.facts().network_variable, network),
        ("KERNEL_EXECUTOR_IMAGE", image),
        ("KERNEL_GID", "100"),
        ("KERNEL_ID", KERNEL_ID),
        ("KERNEL_IMAGE", image),
        ("KERNEL_LANGUAGE", language),
        ("KERNEL_UID", "1000"),
        ("KERNEL_USERNAME", "bob"),
    ]
}

/// What an application tells the launcher that is its kernel.
pub(super) fn local_arguments() -> Arguments {
    let [_, file] = CONNECTION_FILE;
    Arguments { connection_file: Some(file.to_owned()), ..Arguments::default() }
}

fn plan(
    (system, mode): (System, Mode),
    name: &str,
    (image, language): (&str, &str),
    options: Options,
    arguments: Arguments,
    env: &Env,
) -> Result<Plan> {
    let spec = InstalledSpec::with_options(name, options);
    if system == System::Local {
        let launch = launch_for(&local_arguments(), &spec, env, true)?;
        return Plan::new(launch, &spec, env, true);
    }
    let mut variables = server_variables(system, mode, image, language).to_vec();
    let network = env.get(system.facts().network_variable);
    variables.extend(network.map(|name| (system.facts().network_variable, name)));
    let arguments = Arguments { kernel_id: Some(KERNEL_ID.to_owned()), ..arguments };
    let env = env.with(variables);
    let launch = launch_for(&arguments, &spec, &env, true)?;
    Plan::new(launch, &spec, &env, true)
}
