//! The engine's calls for the kernels that are there, which only `ps` and `prune` make.

use std::collections::BTreeMap;

use hyper::Method;
use serde::Deserialize;

use super::Engine;
use super::call::Call;
use super::error::Result;
use super::json::null_is_default;

/// A container, with what it was created from.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerDetails {
    /// Its id.
    pub id: String,
    /// Its name, after a slash.
    #[serde(default)]
    pub name: String,
    /// When it was created, as RFC 3339 has it.
    #[serde(default)]
    pub created: String,
    /// What it was created from.
    pub config: ContainerConfig,
    state: ContainerState,
}

/// What a container was created from.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContainerConfig {
    /// Its image, as it was named.
    #[serde(default)]
    pub image: String,
    /// Its labels.
    #[serde(default, deserialize_with = "null_is_default")]
    pub labels: BTreeMap<String, String>,
    /// Its variables, as `NAME=VALUE`.
    #[serde(default, deserialize_with = "null_is_default")]
    pub env: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ContainerState {
    #[serde(default)]
    status: String,
}

impl ContainerDetails {
    /// `created`, `running`, `exited` and others.
    #[must_use]
    pub fn state(&self) -> &str {
        &self.state.status
    }
}

/// A service, with what its tasks are created from.
#[derive(Clone, Debug, Deserialize)]
pub struct ServiceDetails {
    /// Its id.
    #[serde(rename = "ID")]
    pub id: String,
    /// When it was created, as RFC 3339 has it.
    #[serde(default, rename = "CreatedAt")]
    pub created: String,
    #[serde(rename = "Spec")]
    spec: ServiceSpec,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ServiceSpec {
    name: String,
    #[serde(default, deserialize_with = "null_is_default")]
    labels: BTreeMap<String, String>,
    task_template: TaskTemplate,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TaskTemplate {
    #[serde(default)]
    container_spec: ContainerConfig,
}

impl ServiceDetails {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// Its labels.
    #[must_use]
    pub fn labels(&self) -> &BTreeMap<String, String> {
        &self.spec.labels
    }

    /// What its containers are created from.
    #[must_use]
    pub fn container(&self) -> &ContainerConfig {
        &self.spec.task_template.container_spec
    }
}

/// Where a Swarm has put a task of a service.
#[derive(Clone, Debug, Deserialize)]
pub struct Place {
    /// The service.
    #[serde(rename = "ServiceID")]
    pub service: String,
    /// The node; empty if it has none yet.
    #[serde(default, rename = "NodeID")]
    pub node: String,
    #[serde(rename = "Status")]
    status: PlaceStatus,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PlaceStatus {
    state: String,
    #[serde(default, deserialize_with = "null_is_default")]
    container_status: PlaceContainer,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct PlaceContainer {
    #[serde(default, rename = "ContainerID")]
    id: String,
}

impl Place {
    /// `pending`, `running`, `failed` and others.
    #[must_use]
    pub fn state(&self) -> &str {
        &self.status.state
    }

    /// The id of its container, if it has one.
    #[must_use]
    pub fn container(&self) -> Option<&str> {
        Some(self.status.container_status.id.as_str()).filter(|id| !id.is_empty())
    }
}

/// What a container has used, and uses.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Usage {
    #[serde(default)]
    cpu_stats: CpuStats,
    #[serde(default)]
    memory_stats: MemoryStats,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct CpuStats {
    #[serde(default)]
    cpu_usage: CpuUsage,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct CpuUsage {
    #[serde(default)]
    total_usage: u64,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct MemoryStats {
    usage: Option<u64>,
    #[serde(default)]
    stats: MemoryDetails,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct MemoryDetails {
    total_inactive_file: Option<u64>,
    inactive_file: Option<u64>,
}

impl Usage {
    /// The time that it has had processors for, in nanoseconds.
    #[must_use]
    pub const fn cpu_nanoseconds(&self) -> u64 {
        self.cpu_stats.cpu_usage.total_usage
    }

    /// Its memory in bytes, without files that are only kept for reading them again, as `docker stats`
    /// has it; `None` if it does not run.
    #[must_use]
    pub fn memory(&self) -> Option<u64> {
        let MemoryDetails { total_inactive_file, inactive_file } = self.memory_stats.stats;
        let kept = total_inactive_file.or(inactive_file).unwrap_or_default();
        self.memory_stats.usage.map(|usage| usage.saturating_sub(kept))
    }
}

impl Engine {
    /// Looks at a container with what it was created from.
    ///
    /// # Errors
    /// [`is_not_found`](super::Error::is_not_found) if there is none.
    pub async fn container_details(&self, id: &str) -> Result<ContainerDetails> {
        self.json(Call::new("inspect the container", Method::GET, &["containers", id, "json"]))
            .await
    }

    /// The services with this label.
    ///
    /// # Errors
    /// When the engine does not tell.
    pub async fn service_details(&self, label: &str) -> Result<Vec<ServiceDetails>> {
        let call = Call::new("look for services", Method::GET, &["services"])
            .filters(&[("label", &[label])])?;
        self.json(call).await
    }

    /// Where the tasks of these services are, one for each task there has been.
    ///
    /// # Errors
    /// When the engine is no manager, or does not tell.
    pub async fn places(&self, services: &[&str]) -> Result<Vec<Place>> {
        let call = Call::new("look for tasks", Method::GET, &["tasks"])
            .filters(&[("service", services)])?;
        self.json(call).await
    }

    /// What a container has used until now.
    ///
    /// # Errors
    /// [`is_not_found`](super::Error::is_not_found) if this engine has no such container.
    pub async fn usage(&self, id: &str) -> Result<Usage> {
        let call = Call::new("measure the container", Method::GET, &["containers", id, "stats"])
            .query("stream", "0")
            .query("one-shot", "1");
        self.json(call).await
    }
}
