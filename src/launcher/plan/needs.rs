//! What a plan asks for that not every engine has. An engine ignores what it does not know, without a word.

use anyhow::{Result, bail};
use serde_json::Value as Json;

use super::{Having, Need, Plan};
use crate::engine::Engine;
use crate::options::Options;
use crate::options::node::PositionError;

/// Something that a file can ask for.
struct Feature {
    /// As the file has it.
    name: &'static str,
    /// The keys that ask for it.
    keys: &'static [&'static str],
    since: (u16, u16),
    docker: &'static str,
    is_asked: fn(&Plan) -> bool,
}

const fn feature(
    name: &'static str,
    keys: &'static [&'static str],
    since: (u16, u16),
    docker: &'static str,
    is_asked: fn(&Plan) -> bool,
) -> Feature {
    Feature { name, keys, since, docker, is_asked }
}

/// <https://docs.docker.com/reference/api/engine/version-history/>
#[rustfmt::skip]
const FEATURES: [Feature; 12] = [
    feature("platform", &["platform"], (1, 41), "20.10", |plan| plan.platform.is_some()),
    feature("cap_add", &["cap_add"], (1, 41), "20.10", |plan| of_service(plan, "ContainerSpec/CapabilityAdd")),
    feature("cap_drop", &["cap_drop"], (1, 41), "20.10", |plan| of_service(plan, "ContainerSpec/CapabilityDrop")),
    feature("ulimits", &["ulimits"], (1, 41), "20.10", |plan| of_service(plan, "ContainerSpec/Ulimits")),
    feature("pids_limit", &["pids_limit", "deploy.resources.limits.pids"], (1, 41), "20.10", |plan| of_service(plan, "Resources/Limits/Pids")),
    feature("annotations", &["annotations"], (1, 43), "24.0", |plan| has(&plan.request, "/HostConfig/Annotations")),
    feature("start_interval", &["healthcheck"], (1, 44), "25.0", |plan| {
        has(&plan.request, "/Healthcheck/StartInterval") || of_service(plan, "ContainerSpec/Healthcheck/StartInterval")
    }),
    feature("bind.recursive", &["volumes"], (1, 44), "25.0", |plan| {
        of_mounts(plan, "/BindOptions/ReadOnlyNonRecursive") || of_mounts(plan, "/BindOptions/ReadOnlyForceRecursive")
    }),
    feature("mac_address", &["networks"], (1, 44), "25.0", |plan| of_networks(plan, "/MacAddress")),
    feature("volume.subpath", &["volumes"], (1, 45), "26.0", |plan| of_mounts(plan, "/VolumeOptions/Subpath")),
    feature("type = \"image\"", &["volumes"], (1, 48), "28.0", |plan| mounts(plan).any(|mount| mount["Type"] == "image")),
    feature("gw_priority", &["networks"], (1, 48), "28.0", |plan| of_networks(plan, "/GwPriority")),
];

fn has(value: &Json, pointer: &str) -> bool {
    value.pointer(pointer).is_some_and(|value| !value.is_null() && *value != false)
}

fn of_service(plan: &Plan, field: &str) -> bool {
    has(&plan.request, &format!("/TaskTemplate/{field}"))
}

fn mounts(plan: &Plan) -> impl Iterator<Item = &Json> {
    let places = ["/HostConfig/Mounts", "/TaskTemplate/ContainerSpec/Mounts"];
    let lists = places.into_iter().filter_map(|place| plan.request.pointer(place)?.as_array());
    lists.flatten()
}

fn of_mounts(plan: &Plan, pointer: &str) -> bool {
    mounts(plan).any(|mount| has(mount, pointer))
}

fn of_networks(plan: &Plan, pointer: &str) -> bool {
    let own = plan.request.pointer("/NetworkingConfig/EndpointsConfig").and_then(Json::as_object);
    let own = own.into_iter().flatten().map(|(_, settings)| settings);
    own.chain(plan.networks.iter().map(|(_, settings)| settings))
        .any(|settings| has(settings, pointer))
}

/// The keys that ask for GPUs.
const GPUS: [&str; 3] = ["gpus", "deploy.resources.reservations.devices", "client_overrides"];

/// What to ask for GPUs by where they are devices like others, with the names that NVIDIA gives them.
fn devices(plan: &Plan) -> Option<String> {
    let requests = plan.request.pointer("/HostConfig/DeviceRequests")?.as_array()?;
    let mut names = Vec::new();
    for request in requests.iter().filter(|request| request["Driver"] != "cdi") {
        let ids = request["DeviceIDs"].as_array();
        match (ids, request["Count"].as_u64()) {
            (Some(ids), _) => names.extend(ids.iter().filter_map(Json::as_str).map(str::to_owned)),
            (None, Some(count)) => {
                names.extend((0..count.min(64)).map(|number| number.to_string()));
            }
            (None, None) => names.push("all".to_owned()),
        }
    }
    let names = names.iter().map(|name| format!("\"nvidia.com/gpu={name}\""));
    let names: Vec<String> = names.collect();
    (!names.is_empty()).then(|| format!("devices = [{}]", names.join(", ")))
}

/// What a plan needs.
pub(super) fn of(plan: &Plan, options: &Options) -> Vec<Need> {
    // The first of the keys that the file has.
    let place = |keys: &[&str], what: String| {
        let node = keys.iter().find_map(|key| options.get(key));
        node.map_or_else(
            || what.clone(),
            |node| options.error(&PositionError::new(node.at, &what)).to_string(),
        )
    };
    let mut needs = Vec::new();
    for feature in FEATURES.iter().filter(|feature| (feature.is_asked)(plan)) {
        let key = feature.keys[0];
        let name = feature.name;
        let of = if key == name { String::new() } else { format!(" of `{key}`") };
        let what = place(feature.keys, format!("`{name}`{of}"));
        needs.push(Need { has: Having::Since(feature.since, feature.docker), what });
    }
    if let Some(devices) = devices(plan) {
        let what = format!("Podman gives no GPUs for `gpus`; ask for them by `{devices}`");
        needs.push(Need { has: Having::Docker, what: place(&GPUS, what) });
    }
    needs
}

impl Plan {
    /// What is asked for that this engine does not have.
    #[must_use]
    pub fn lacking(&self, engine: &Engine) -> Vec<String> {
        let lacks = |need: &Need| match need.has {
            Having::Since(version, _) if engine.speaks(version) => None,
            Having::Since((major, minor), docker) => Some(format!(
                "{} needs version {major}.{minor} of the Docker Engine's API, that of Docker {docker}, and the \
                 engine at {} speaks {}: remove it, or update the engine",
                need.what,
                engine.endpoint(),
                engine.api_version(),
            )),
            Having::Docker => engine.is_podman().then(|| need.what.clone()),
        };
        self.needs.iter().filter_map(lacks).collect()
    }

    /// Rejects an engine that would ignore something of what is asked for.
    pub(in crate::launcher) fn check_needs(&self, engine: &Engine) -> Result<()> {
        match &*self.lacking(engine) {
            [] => Ok(()),
            lacking => bail!("{}", lacking.join("; ")),
        }
    }
}
