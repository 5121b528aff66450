//! Brings the bootstrap into a container that is created and not started yet.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use hyper::body::Bytes;
use serde_json::json;

use super::plan::Plan;
use super::spec::InstalledSpec;
use crate::engine::{self, Engine, Image};
use crate::files;
use crate::layout::BOOTSTRAP_FILE;
use crate::options::put;

/// The name of the bootstrap in the container. A leading point keeps it out of people's sight.
const NAME: &str = ".bootstrap_kernel";

/// The directory of the bootstrap in the container, in a volume if the image cannot be written to.
const DIRECTORY: &str = "/";
const VOLUME: &str = "/.jupyter-docker-spec";

/// The bootstrap beside the launcher, in the format of tar.
pub(super) fn file(spec: &InstalledSpec) -> Result<Bytes> {
    let path = spec.directory.join(BOOTSTRAP_FILE);
    let file = files::read(&path).with_context(|| {
        format!(
            "could not read `{BOOTSTRAP_FILE}`, which belongs beside the launcher; install the specification \
             again with --local --replace"
        )
    })?;
    let mut header = tar::Header::new_ustar();
    header.set_size(file.len() as u64);
    header.set_mode(0o555);
    header.set_entry_type(tar::EntryType::Regular);
    let mut tar = tar::Builder::new(Vec::with_capacity(file.len() + 2048));
    tar.append_data(&mut header, NAME, &*file)?;
    Ok(tar.into_inner()?.into())
}

/// The bootstrap is a program for the machine that the launcher is for.
pub(super) fn check_architecture(image: &Image, name: &str) -> Result<()> {
    let ours = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let architecture = &*image.architecture;
    ensure!(
        architecture.is_empty() || architecture == ours,
        "the image `{name}` is for {architecture}, and `{BOOTSTRAP_FILE}` beside the launcher is for {ours}: its \
         kernels cannot run here",
    );
    Ok(())
}

/// Has the container begin with the bootstrap instead of its own command.
pub(super) fn begin_with_bootstrap(plan: &mut Plan) {
    let directory = directory(plan);
    if directory == VOLUME {
        let labels = json!({"Labels": plan.launch.labels()});
        let volume = json!({"Type": "volume", "Target": VOLUME, "VolumeOptions": labels});
        put(&mut plan.request, "HostConfig.Mounts", json!([volume]));
    }
    plan.request["Entrypoint"] = json!([Path::new(directory).join(NAME)]);
    plan.request["Cmd"] = json!([]);
}

/// Copies it into the container.
pub(super) async fn bring(
    engine: &Engine,
    id: &str,
    plan: &Plan,
    tar: Bytes,
) -> engine::Result<()> {
    engine.put_archive(id, directory(plan), tar).await
}

/// Where the bootstrap is brought to.
fn directory(plan: &Plan) -> &'static str {
    if plan.request["HostConfig"]["ReadonlyRootfs"] == true { VOLUME } else { DIRECTORY }
}
