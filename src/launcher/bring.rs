//! Brings the bootstrap into a container that is created and not started yet.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, ensure};
use hyper::body::Bytes;
use serde_json::{Value, json};

use super::context::Context;
use super::launch::Launch;
use super::plan::{Plan, PullPolicy};
use super::pull;
use super::spec::InstalledSpec;
use crate::engine::{self, Engine, Image};
use crate::files;
use crate::layout::{self, ARCHITECTURE, BOOTSTRAP_FILE};
use crate::model::Mode;
use crate::options::put;
use crate::protocol::gateway::{COMMAND, GATEWAY, NO_LISTENER, SIGNALS_FROM};
use crate::server::System;

/// The name of the bootstrap in the container. A leading point keeps it out of people's sight.
pub(super) const NAME: &str = ".bootstrap_kernel";

/// The directory of the bootstrap in the container, in a volume if the image cannot be written to.
const DIRECTORY: &str = "/";
const VOLUME: &str = "/.jupyter-docker-spec";

/// The directory beside it for what it is to prepare.
const FURTHER: &str = ".bootstrap_kernel.d";

/// The bootstrap beside the launcher for images of this architecture, or of its own if that is not known.
pub(super) fn program(
    spec: &InstalledSpec,
    architecture: &str,
    launch: &Launch,
) -> Result<Vec<u8>> {
    let architecture = if architecture.is_empty() { ARCHITECTURE } else { architecture };
    let is_known =
        layout::other_architectures().chain([ARCHITECTURE]).any(|known| known == architecture);
    let image = &launch.image;
    ensure!(
        is_known,
        "the image `{image}` is for {architecture}, for which there is no `{BOOTSTRAP_FILE}`: its kernels cannot \
         be brought up; choose an image for another architecture"
    );
    let program = layout::bootstrap(architecture);
    let option = if launch.caller == System::Local { "--local" } else { "--bring-bootstrap" };
    let file = files::read(&spec.directory.join(&program)).with_context(|| {
        format!(
            "could not read `{program}`, which belongs beside the launcher for images for {architecture} such as \
             `{image}`; packages of jupyter-docker-spec bring it: install one, and the specification again with \
             {option} --replace"
        )
    })?;
    Ok(file)
}

/// The same and `files` for it, each by its path in the directory for these, in the format of tar.
pub(super) fn archive(program: &[u8], files: &[(String, Vec<u8>)]) -> Result<Bytes> {
    let mut tar = tar::Builder::new(Vec::with_capacity(program.len() + 2048));
    append(&mut tar, NAME, 0o555, program)?;
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

/// What tells the bootstrap for an image from another version of it: its size and the time of its last change;
/// `None` if there is none.
pub(super) fn stamp(spec: &InstalledSpec, image: &Image) -> Option<(u64, i64)> {
    let architecture = &image.architecture;
    let architecture = if architecture.is_empty() { ARCHITECTURE } else { architecture };
    let found = fs_err::metadata(spec.directory.join(layout::bootstrap(architecture))).ok()?;
    Some((found.size(), found.mtime_nsec()))
}

/// Where the container has the files for the bootstrap.
pub(super) fn further(plan: &Plan) -> PathBuf {
    Path::new(directory(plan)).join(FURTHER)
}

/// Completes the request for a kernel of a server, which the bootstrap is to start, and returns the bootstrap.
pub(super) async fn prepare(
    plan: &mut Plan,
    context: &Context<'_>,
    spec: &InstalledSpec,
) -> Result<Vec<u8>> {
    let is_read_only = directory(plan) == VOLUME;
    let (entrypoint, architecture) = match plan.launch.mode {
        Mode::Docker => {
            let found = match image(context).await {
                Ok(image) => Some(image),
                // From proxies that let servers access containers only.
                Err(error) if is_forbidden(&error) => None,
                Err(error) => return Err(error),
            };
            // It has been pulled.
            plan.pull = match plan.pull {
                PullPolicy::Always => PullPolicy::Missing,
                policy => policy,
            };
            if is_read_only {
                add_volume(plan);
            }
            let architecture = found.as_ref().map(|image| image.architecture.clone());
            (found.map(|image| image.entrypoint().to_vec()), architecture)
        }
        Mode::Swarm => (None, Some(node_architecture(plan))),
    };
    begin_for_server(plan, entrypoint, spec.takes_messages());
    program(spec, &architecture.unwrap_or_default(), &plan.launch)
}

/// Has the container begin with the bootstrap, which runs the entrypoint that it would have had. If nobody knows
/// that, the entrypoint runs the bootstrap.
fn begin_for_server(plan: &mut Plan, of_image: Option<Vec<String>>, takes_messages: bool) {
    let path = Path::new(directory(plan)).join(NAME).to_string_lossy().into_owned();
    let fields = plan.command_fields();
    let senders = std::mem::take(&mut plan.signals_from);
    let container = plan.container();
    let [given, command] = fields.map(|field| -> Option<Vec<String>> {
        let words = container[field].as_array()?;
        Some(words.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect())
    });
    let mut words = vec![GATEWAY.to_owned()];
    words.extend(takes_messages.then(|| NO_LISTENER.to_owned()));
    words.extend(senders.iter().map(|sender| format!("{SIGNALS_FROM}{sender}")));
    words.push(COMMAND.to_owned());
    match given.or(of_image) {
        Some(entrypoint) => {
            words.extend(entrypoint);
            container[fields[0]] = json!([path]);
        }
        None => words.insert(0, path),
    }
    words.extend(command.unwrap_or_default());
    container[fields[1]] = words.into();
}

/// The architecture of the nodes that a service may run on: that of the request, or else of this program.
fn node_architecture(plan: &mut Plan) -> String {
    const PLATFORMS: &str = "/TaskTemplate/Placement/Platforms/0/Architecture";
    if let Some(given) = plan.request.pointer(PLATFORMS).and_then(Value::as_str) {
        return layout::docker_architecture(given).to_owned();
    }
    let platform = json!([{"OS": "linux", "Architecture": ARCHITECTURE}]);
    put(&mut plan.request, "TaskTemplate.Placement.Platforms", platform);
    ARCHITECTURE.to_owned()
}

fn is_forbidden(error: &anyhow::Error) -> bool {
    error.downcast_ref().is_some_and(engine::Error::is_forbidden)
}

/// The image of the kernel, which is pulled if it has to be.
pub(super) async fn image(context: &Context<'_>) -> Result<Image> {
    let (image, policy) = (&context.launch.image, context.plan.pull);
    if policy == PullPolicy::Always {
        pull::pull(context).await?;
    }
    match context.engine.inspect_image(image).await {
        Ok(found) => Ok(found),
        Err(error) if error.is_not_found() && policy == PullPolicy::Missing => {
            pull::pull(context).await?;
            Ok(context.engine.inspect_image(image).await?)
        }
        Err(error) if error.is_not_found() => Err(anyhow!(error).context(format!(
            "the engine does not have the image `{image}`, and pull_policy in launch_docker.toml forbids pulling it"
        ))),
        Err(error) => Err(error.into()),
    }
}

/// Has the container begin with the bootstrap instead of its own command.
pub(super) fn begin_with_bootstrap(plan: &mut Plan) {
    let directory = directory(plan);
    if directory == VOLUME {
        add_volume(plan);
    }
    plan.request["Entrypoint"] = json!([Path::new(directory).join(NAME)]);
    plan.request["Cmd"] = json!([]);
}

fn add_volume(plan: &mut Plan) {
    let labels = json!({"Labels": plan.launch.labels()});
    let volume = json!({"Type": "volume", "Target": VOLUME, "VolumeOptions": labels});
    put(&mut plan.request, "HostConfig.Mounts", json!([volume]));
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
