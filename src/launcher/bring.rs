//! Brings the bootstrap into a container that is created and not started yet.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use hyper::body::Bytes;
use serde_json::json;

use super::plan::Plan;
use super::spec::InstalledSpec;
use crate::engine::{self, Engine, Image};
use crate::files;
use crate::layout::{self, ARCHITECTURE, BOOTSTRAP_FILE};
use crate::options::put;

/// The name of the bootstrap in the container. A leading point keeps it out of people's sight.
const NAME: &str = ".bootstrap_kernel";

/// The directory of the bootstrap in the container, in a volume if the image cannot be written to.
const DIRECTORY: &str = "/";
const VOLUME: &str = "/.jupyter-docker-spec";

/// The bootstrap beside the launcher for the architecture of an image of this name, in the format of tar.
pub(super) fn file(spec: &InstalledSpec, image: &Image, name: &str) -> Result<Bytes> {
    let architecture =
        if image.architecture.is_empty() { ARCHITECTURE } else { &image.architecture };
    let is_known =
        layout::other_architectures().chain([ARCHITECTURE]).any(|known| known == architecture);
    ensure!(
        is_known,
        "the image `{name}` is for {architecture}, for which there is no `{BOOTSTRAP_FILE}`: its kernels cannot \
         be brought up; choose an image for another architecture"
    );
    let program = layout::bootstrap(architecture);
    let file = files::read(&spec.directory.join(&program)).with_context(|| {
        format!(
            "could not read `{program}`, which belongs beside the launcher for images for {architecture} such as \
             `{name}`; packages of jupyter-docker-spec bring it: install one, and the specification again with \
             --local --replace"
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
