//! The kernels of an engine, or of its Swarm.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;

use crate::engine::{Container, ContainerConfig, Engine, Error, Info, Node, Service, Task};
use crate::env::Env;
use crate::launcher::launch::KERNELSPEC;
use crate::launcher::waiting::{WARM, is_waiting};
use crate::model::Mode;
use crate::server::{RESPONSE_ADDRESS, System};

/// The labels of all kernels, whichever launcher started them.
pub(super) const LABELS: [&str; 2] = ["component=kernel", "kernel_id"];

/// How long the id of a kernel is that a Jupyter server has chosen.
const UUID_LENGTH: usize = 36;

/// How long the engine may take for one answer, and for all.
const ANSWER: Duration = Duration::from_secs(20);
const ALL: Duration = Duration::from_secs(300);

/// A kernel, or what is left of one.
#[derive(Clone, Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "Jupyter calls it so")]
pub(super) struct Kernel {
    pub(super) kernel_id: String,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) mode: Mode,
    pub(super) system: System,
    pub(super) user: Option<String>,
    /// Known only of kernels that our launchers have started.
    pub(super) specification: Option<String>,
    pub(super) image: String,
    pub(super) state: String,
    pub(super) node: Option<String>,
    pub(super) created: String,
    #[serde(rename = "age_seconds")]
    pub(super) age: Option<u64>,
    /// The address of its server.
    pub(super) response_address: Option<String>,
    #[serde(skip)]
    pub(super) container: Option<String>,
    #[serde(skip)]
    pub(super) is_over: bool,
    /// Whether it runs on the host of this engine.
    #[serde(skip)]
    pub(super) is_here: bool,
    /// Whether it waits for a notebook.
    #[serde(rename = "waits")]
    pub(super) is_waiting: bool,
}

/// The kernels, and their engine.
pub(super) struct KernelList {
    pub(super) engine: Engine,
    pub(super) info: Info,
    pub(super) kernels: Vec<Kernel>,
}

impl Kernel {
    /// Returns `None` if a label of a kernel is missing.
    fn new(
        mode: Mode,
        (id, name, created): (&str, &str, &str),
        labels: &BTreeMap<String, String>,
        config: &ContainerConfig,
    ) -> Option<Self> {
        let label = |name: &str| labels.get(name).cloned().filter(|value| !value.is_empty());
        let variable = |name: &str| config.variable(name).map(str::to_owned);
        if label("component")? != "kernel" {
            return None;
        }
        let app = label("app")?;
        Some(Self {
            kernel_id: label("kernel_id")?,
            id: id.to_owned(),
            name: name.trim_start_matches('/').to_owned(),
            mode,
            system: System::ALL.into_iter().find(|system| app == system.facts().label)?,
            user: variable("KERNEL_USERNAME"),
            specification: label(KERNELSPEC),
            // A Swarm adds a digest that was not asked for.
            image: config.image.split("@sha256:").next().unwrap_or_default().to_owned(),
            state: String::new(),
            node: None,
            created: created.to_owned(),
            age: age(created),
            response_address: variable(RESPONSE_ADDRESS),
            container: None,
            is_over: false,
            is_here: true,
            is_waiting: false,
        })
    }

    fn of_container(container: &Container) -> Option<Self> {
        let Container { id, name, created, config, state } = container;
        let mut kernel = Self {
            state: state.status.clone(),
            is_over: state.has_ended(),
            container: Some(id.clone()),
            ..Self::new(Mode::Docker, (id, name, created), &config.labels, config)?
        };
        if config.labels.contains_key(WARM) {
            // Its labels are from before it was anybody's.
            kernel.is_waiting = is_waiting(name) && kernel.state == "running";
            if let Some(id) = id_in_name(name) {
                id.clone_into(&mut kernel.kernel_id);
            }
        }
        Some(kernel)
    }

    fn of_service(service: &Service, task: Option<&Task>) -> Option<Self> {
        let what = (service.id.as_str(), service.name(), service.created.as_str());
        Some(Self {
            state: task.map_or("new", |task| &task.state).to_owned(),
            is_over: task.is_some_and(Task::is_over),
            node: task.map(|task| task.node_id.clone()).filter(|node| !node.is_empty()),
            container: task.map(|task| task.container.clone()).filter(|id| !id.is_empty()),
            ..Self::new(Mode::Swarm, what, service.labels(), service.container())?
        })
    }
}

/// The id in the name that a container has got with its launch.
fn id_in_name(name: &str) -> Option<&str> {
    let (stem, _) = name.rsplit_once('-')?;
    let id = stem.get(stem.len().checked_sub(UUID_LENGTH)?..)?;
    let is_id = id.chars().enumerate().all(|(at, c)| match at {
        8 | 13 | 18 | 23 => c == '-',
        _ => c.is_ascii_hexdigit(),
    });
    is_id.then_some(id)
}

/// The seconds since a time in the format of RFC 3339.
pub(super) fn age(created: &str) -> Option<u64> {
    let created = OffsetDateTime::parse(created, &Rfc3339).ok()?;
    (OffsetDateTime::now_utc() - created).whole_seconds().try_into().ok()
}

/// Connects to the engine, and lists all kernels, the oldest first.
pub(super) async fn find(env: &Env) -> Result<KernelList> {
    let engine = Engine::from_env(env, ANSWER, Instant::now() + ALL).await?;
    let mut kernels = Vec::new();
    let listed = engine.containers_with(&LABELS).await?;
    for container in listed.into_iter().filter(|container| !container.is_of_service()) {
        match engine.inspect_container(&container.id).await {
            Ok(container) => kernels.extend(Kernel::of_container(&container)),
            // It has just gone.
            Err(error) if error.is_not_found() => {}
            // One unreadable container must not hide all others.
            Err(error @ Error::BadAnswer { .. }) => {
                tracing::warn!("Leaving out the container {}: {error}", container.id);
            }
            Err(error) => return Err(error.into()),
        }
    }
    let info = engine.info().await?;
    if info.swarm.control_available {
        let services = services(&engine, &info.swarm.node_id).await;
        kernels.extend(services.context("could not look at the Swarm")?);
    }
    kernels.sort_by(|one, other| one.created.cmp(&other.created));
    Ok(KernelList { engine, info, kernels })
}

/// The kernels of the Swarm that the node `here` manages.
async fn services(engine: &Engine, here: &str) -> Result<Vec<Kernel>> {
    let services = engine.services_with(&LABELS).await?;
    if services.is_empty() {
        return Ok(Vec::new());
    }
    let tasks = engine.tasks_with(&LABELS).await?;
    let nodes = engine.nodes().await?;
    let kernel = |service: &Service| {
        // There is only one, unless the Swarm has replaced it: then the live one counts.
        let own: Vec<&Task> = tasks.iter().filter(|task| task.service == service.id).collect();
        let task = own.iter().find(|task| !task.is_over()).or(own.first()).copied();
        let mut kernel = Kernel::of_service(service, task)?;
        kernel.is_here = kernel.node.as_deref() == Some(here);
        let name = |id: &String| nodes.iter().find(|node| node.id == *id).map(Node::hostname);
        kernel.node = kernel.node.map(|id| name(&id).map(str::to_owned).unwrap_or(id));
        Some(kernel)
    };
    Ok(services.iter().filter_map(kernel).collect())
}
