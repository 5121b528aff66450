//! The launch of a kernel for an application that takes the launcher for the kernel.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::args::Arguments;
use super::environment;
use super::launch::{Launch, USER, check_readable, interpolation, name};
use super::spec::InstalledSpec;
use crate::env::Env;
use crate::model::Mode;
use crate::options::node::{PositionError, Value};
use crate::server::{LONGEST_LAUNCH_TIMEOUT, System};

/// What Jupyter servers put in front of a kernel's id in the name of its connection file.
const PREFIX: &str = "kernel-";

/// How many characters of an id are used.
const ID_MAX: usize = 40;

/// Returns the launch of the kernel whose connection file has this path. It waits for as long as it takes, as
/// an image may have to be pulled: whoever waits for the kernel can end the launcher.
pub(super) fn launch(
    file: &str,
    arguments: &Arguments,
    spec: &InstalledSpec,
    env: &Env,
    check_only: bool,
) -> Result<Launch> {
    check_readable(env)?;
    let (caller, mode) = (System::Local, Mode::Docker);
    let kernel_id = kernel_id(file);
    let environment = {
        let interpolation = interpolation((caller, &kernel_id), env, check_only);
        environment::of_kernel(arguments, (caller, mode), spec, env, &interpolation)?
    };
    // Another launch of the same kernel may still be ending.
    let nonce = if check_only { "NONCE".to_owned() } else { nonce()? };
    let name = name(env.get(USER).unwrap_or_default(), &format!("{kernel_id}-{nonce}"));
    Ok(Launch {
        name,
        kernel_id,
        caller,
        kernelspec: spec.name.clone(),
        mode,
        image: image(spec)?,
        network: String::new(),
        user: Some(rustix::process::getuid().as_raw()),
        group: Some(rustix::process::getgid().as_raw()),
        supplementary_groups: groups()?,
        working_directory: None,
        environment,
        remove: true,
        timeout: LONGEST_LAUNCH_TIMEOUT,
    })
}

/// The groups of whoever runs the launcher, as files may be for one of them only.
fn groups() -> Result<Vec<u32>> {
    let own = rustix::process::getgid();
    let all =
        rustix::process::getgroups().context("the system does not tell this user's groups")?;
    Ok(all.into_iter().filter(|group| *group != own).map(rustix::process::Gid::as_raw).collect())
}

/// The id by which a Jupyter server knows the kernel, or else the name of the file.
fn kernel_id(file: &str) -> String {
    let stem = Path::new(file).file_stem().unwrap_or_default().to_string_lossy();
    let id = stem.strip_prefix(PREFIX).unwrap_or(&stem);
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '-' };
    let id: String = id.chars().map(plain).take(ID_MAX).collect();
    match id.trim_matches('-') {
        "" => "kernel".to_owned(),
        id => id.to_owned(),
    }
}

/// A word that no other launch has.
fn nonce() -> Result<String> {
    let mut bytes = [0; 4];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .context("the system gives no random numbers")?;
    Ok(format!("{:08x}", u32::from_ne_bytes(bytes)))
}

fn image(spec: &InstalledSpec) -> Result<String> {
    let node = spec.options.get("image").context(
        "launch_docker.toml names no `image`; install the specification again with --local --replace",
    )?;
    match &node.value {
        Value::Text(image) if !image.is_empty() => Ok(image.clone()),
        _ => {
            let error = PositionError::new(node.at, "must be the name of an image, in quotes");
            Err(spec.options.error(&error.of("image")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_connection_file_names_the_kernel() {
        for (file, id) in [
            (
                "/run/user/1/jupyter/kernel-6f5c4c1e-0ff5-4b9c-9d0e-0d8f3e5a6b7c.json",
                "6f5c4c1e-0ff5-4b9c-9d0e-0d8f3e5a6b7c",
            ),
            ("/tmp/tmpab_cd.json", "tmpab-cd"),
            ("kernel-v2-12Ab.json", "v2-12Ab"),
            ("{connection_file}", "connection-file"),
            ("/tmp/\u{e9}.json", "kernel"),
        ] {
            assert_eq!(kernel_id(file), id, "{file}");
        }
    }
}
