//! Brings the bootstrap into a container that is created and not started yet.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

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

/// The directory beside it for what it is to prepare.
const FURTHER: &str = ".bootstrap_kernel.d";

/// The bootstrap beside the launcher for the architecture of an image of this name, and `files` for it, each by its
/// path in the directory for these, in the format of tar.
pub(super) fn archive(
    spec: &InstalledSpec,
    image: &Image,
    name: &str,
    files: &[(String, Vec<u8>)],
) -> Result<Bytes> {
    let architecture = architecture(image);
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
    let mut tar = tar::Builder::new(Vec::with_capacity(file.len() + 2048));
    append(&mut tar, NAME, 0o555, &file)?;
    for (path, content) in files {
        append(&mut tar, &format!("{FURTHER}/{path}"), 0o444, content)?;
    }
    Ok(tar.into_inner()?.into())
}

fn append(tar: &mut tar::Builder<Vec<u8>>, path: &str, mode: u32, content: &[u8]) -> Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    header.set_mode(mode);
    header.set_entry_type(tar::EntryType::Regular);
    Ok(tar.append_data(&mut header, path, content)?)
}

fn architecture(image: &Image) -> &str {
    if image.architecture.is_empty() { ARCHITECTURE } else { &image.architecture }
}

/// What tells the bootstrap for an image from another version of it: its size and the time of its last change;
/// `None` if there is none.
pub(super) fn stamp(spec: &InstalledSpec, image: &Image) -> Option<(u64, i64)> {
    let program = spec.directory.join(layout::bootstrap(architecture(image)));
    let found = fs_err::metadata(program).ok()?;
    Some((found.size(), found.mtime_nsec()))
}

/// Where the container has the files for the bootstrap.
pub(super) fn further(plan: &Plan) -> PathBuf {
    Path::new(directory(plan)).join(FURTHER)
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
