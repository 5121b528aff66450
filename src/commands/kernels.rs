//! The kernels that there are on an engine, or in its Swarm.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;

use crate::engine::{
    ContainerConfig, ContainerDetails, Endpoint, Engine, Node, Place, ServiceDetails,
};
use crate::env::Env;
use crate::launcher::launch::KERNELSPEC;
use crate::settings::{Mode, System};

/// What all kernels have, whoever has launched them.
const LABEL: &str = "component=kernel";

/// How long the engine may take for one answer, and for all.
const ANSWER: Duration = Duration::from_secs(20);
const ALL: Duration = Duration::from_secs(300);

/// States from which there is no way back.
const OVER: [&str; 9] = [
    "exited", "dead", "complete", "shutdown", "failed", "rejected", "orphaned", "remove",
    "removing",
];

/// A kernel, or what is left of one.
#[derive(Clone, Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "Jupyter calls it so")]
pub(super) struct Kernel {
    pub(super) kernel_id: String,
    /// The container or service.
    pub(super) id: String,
    pub(super) name: String,
    pub(super) mode: Mode,
    pub(super) system: Option<System>,
    pub(super) user: Option<String>,
    /// The specification; known of those that our launchers have started.
    pub(super) specification: Option<String>,
    pub(super) image: String,
    pub(super) state: String,
    /// The node of the Swarm.
    pub(super) node: Option<String>,
    pub(super) created: String,
    #[serde(rename = "age_seconds")]
    pub(super) age: Option<u64>,
    /// Where its server listens.
    pub(super) response_address: Option<String>,
    #[serde(skip)]
    pub(super) container: Option<String>,
}

impl Kernel {
    fn new(
        mode: Mode,
        (id, name, created): (&str, &str, &str),
        labels: &BTreeMap<String, String>,
        config: &ContainerConfig,
    ) -> Self {
        let label = |name: &str| labels.get(name).cloned();
        let variable = |name: &str| {
            let mut values = config.env.iter().filter_map(|pair| pair.split_once('='));
            values.find(|(other, _)| *other == name).map(|(_, value)| value.to_owned())
        };
        let app = label("app");
        Self {
            kernel_id: label("kernel_id").unwrap_or_default(),
            id: id.to_owned(),
            name: name.trim_start_matches('/').to_owned(),
            mode,
            system: System::ALL.into_iter().find(|system| app.as_deref() == Some(system.label())),
            user: variable("KERNEL_USERNAME"),
            specification: label(KERNELSPEC),
            // The digest that a Swarm adds is no part of what was asked for.
            image: config.image.split("@sha256:").next().unwrap_or_default().to_owned(),
            state: String::new(),
            node: None,
            created: created.to_owned(),
            age: age(created),
            response_address: variable("RESPONSE_ADDRESS"),
            container: None,
        }
    }

    fn of_container(container: &ContainerDetails) -> Self {
        let ContainerDetails { id, name, created, config, .. } = container;
        Self {
            state: container.state().to_owned(),
            container: Some(id.clone()),
            ..Self::new(Mode::Docker, (id, name, created), &config.labels, config)
        }
    }

    fn of_service(service: &ServiceDetails, place: Option<&Place>) -> Self {
        let what = (service.id.as_str(), service.name(), service.created.as_str());
        Self {
            state: place.map_or("new", Place::state).to_owned(),
            node: place.map(|place| place.node.clone()).filter(|node| !node.is_empty()),
            container: place.and_then(Place::container).map(str::to_owned),
            ..Self::new(Mode::Swarm, what, service.labels(), service.container())
        }
    }

    /// Whether it has ended.
    pub(super) fn is_over(&self) -> bool {
        OVER.contains(&self.state.as_str())
    }
}

/// The seconds since a time in the form of RFC 3339.
fn age(created: &str) -> Option<u64> {
    let created = OffsetDateTime::parse(created, &Rfc3339).ok()?;
    (OffsetDateTime::now_utc() - created).whole_seconds().try_into().ok()
}

/// Connects to the engine, and finds all kernels, the oldest first.
///
/// # Errors
/// When the engine is not there, or does not tell.
pub(super) async fn find(env: &Env) -> Result<(Engine, Vec<Kernel>)> {
    let endpoint = Endpoint::from_env(env)?;
    let deadline = Instant::now() + ALL;
    let engine = Engine::connect(endpoint, env.get("DOCKER_API_VERSION"), ANSWER, deadline).await?;
    let mut kernels = Vec::new();
    let listed = engine.containers_with(LABEL).await?;
    for container in listed.into_iter().filter(|container| !container.is_of_service()) {
        match engine.container_details(&container.id).await {
            Ok(container) => kernels.push(Kernel::of_container(&container)),
            // It has just gone.
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error.into()),
        }
    }
    if engine.info().await?.swarm.control_available {
        kernels.extend(services(&engine).await.context("could not look at the Swarm")?);
    }
    kernels.sort_by(|one, other| one.created.cmp(&other.created));
    Ok((engine, kernels))
}

async fn services(engine: &Engine) -> Result<Vec<Kernel>> {
    let services = engine.service_details(LABEL).await?;
    if services.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = services.iter().map(|service| service.id.as_str()).collect();
    let places = engine.places(&ids).await?;
    let nodes = engine.nodes().await?;
    let kernel = |service: &ServiceDetails| {
        // There is one, unless the Swarm has replaced it: then the one that lives counts.
        let own: Vec<&Place> = places.iter().filter(|place| place.service == service.id).collect();
        let lives = |place: &&&Place| !OVER.contains(&place.state());
        let mut kernel =
            Kernel::of_service(service, own.iter().find(lives).or(own.first()).copied());
        let name = |id: &String| nodes.iter().find(|node| node.id == *id).map(Node::hostname);
        kernel.node = kernel.node.map(|id| name(&id).map(str::to_owned).unwrap_or(id));
        kernel
    };
    Ok(services.iter().map(kernel).collect())
}
