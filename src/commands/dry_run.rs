//! `install --dry-run`: what would be written, and what the launcher would ask the engine for.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::env::Env;
use crate::kernelspec::store::{Content, KERNEL_JSON, Tree};
use crate::launcher::args::Arguments;
use crate::launcher::launch::Launch;
use crate::launcher::spec::InstalledSpec;
use crate::settings::{Mode, Settings};

/// A kernel id for show.
const KERNEL_ID: &str = "00000000-0000-0000-0000-000000000000";

/// The files with their modes, `kernel.json`, and the request of a launch.
pub(super) fn described(
    settings: &Settings,
    destination: &Path,
    tree: &Tree,
    env: &Env,
) -> Result<String> {
    let mut text = String::new();
    // Writing to a string does not fail.
    for file in &tree.files {
        let mode = if file.executable { "0755" } else { "0644" };
        let origin = match &file.content {
            Content::Bytes(_) => String::new(),
            Content::CopyOf(path) => format!(" (a copy of {})", path.display()),
        };
        let path = destination.join(&file.path);
        let _ = writeln!(text, "{mode} {}{origin}", path.display());
    }
    for file in tree.files.iter().filter(|file| file.path == Path::new(KERNEL_JSON)) {
        if let Content::Bytes(bytes) = &file.content {
            let _ = write!(text, "\n{KERNEL_JSON}:\n{}", String::from_utf8_lossy(bytes));
        }
    }
    let launch = example(settings, env).context("could not make an example of a launch")?;
    let (what, request) = match settings.mode {
        Mode::Docker => ("containers", serde_json::to_string_pretty(&launch.container())?),
        Mode::Swarm => ("services", serde_json::to_string_pretty(&launch.service())?),
    };
    let _ = writeln!(text, "\nPOST /{what}/create for a kernel of the user `bob`:\n{request}");
    Ok(text)
}

/// A launch as `gateway_provisioners` asks for it, with its defaults, on the network that this
/// environment names.
fn example(settings: &Settings, env: &Env) -> Result<Launch> {
    let (mode, network) = match settings.mode {
        Mode::Docker => ("docker", "bridge"),
        Mode::Swarm => ("swarm", "OVERLAY_NETWORK"),
    };
    let network = env.get("GP_DOCKER_NETWORK").unwrap_or(network);
    let variables = [
        ("GP_DOCKER_MODE", mode),
        ("GP_DOCKER_NETWORK", network),
        ("KERNEL_EXECUTOR_IMAGE", &settings.image_name),
        ("KERNEL_GID", "100"),
        ("KERNEL_ID", KERNEL_ID),
        ("KERNEL_IMAGE", &settings.image_name),
        ("KERNEL_LANGUAGE", settings.language.key()),
        ("KERNEL_UID", "1000"),
        ("KERNEL_USERNAME", "bob"),
    ];
    let port_range = settings.port_range.map_or_else(|| "0..0".to_owned(), |r| r.to_string());
    let arguments = Arguments {
        kernel_id: Some(KERNEL_ID.to_owned()),
        port_range: Some(port_range),
        response_address: Some("SERVER:PORT".to_owned()),
        public_key: Some("KEY".to_owned()),
        kernel_class_name: settings.kernel_class.clone(),
        ..Arguments::default()
    };
    Launch::new(&arguments, &InstalledSpec::default(), &Env::new(env.directory(), variables))
}
