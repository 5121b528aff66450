//! The engine's calls for Swarm services.

use std::collections::BTreeMap;

use hyper::Method;
use serde::{Deserialize, Serialize};

use super::Engine;
use super::call::Call;
use super::credentials::RegistryAuth;
use super::error::Result;
use super::json::null_is_default;
use super::output::Output;

/// A service.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Service {
    /// Its id.
    #[serde(rename = "ID")]
    pub id: String,
    spec: Spec,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Spec {
    #[serde(default, deserialize_with = "null_is_default")]
    labels: BTreeMap<String, String>,
}

impl Service {
    /// Its labels.
    #[must_use]
    pub fn labels(&self) -> &BTreeMap<String, String> {
        &self.spec.labels
    }
}

/// An attempt of Swarm to run a container of a service.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Task {
    /// Its id.
    pub id: String,
    /// The id of its service, which may have been removed.
    pub service: String,
    /// The state that it shall have: `running`, `shutdown` and others.
    pub desired_state: String,
    /// The state that it has: `pending`, `preparing`, `running`, `failed`, `rejected` and others.
    pub state: String,
    /// Why it has failed or does not get on; empty if it does.
    pub err: String,
    /// What it is about.
    pub message: String,
    /// The exit status of its container, if it had one and it has ended.
    pub exit_code: Option<i64>,
    /// The node that it was given to; empty before.
    pub node_id: String,
}

impl Task {
    /// Why it is in its state, or what that is about.
    #[must_use]
    pub fn reason(&self) -> &str {
        if self.err.is_empty() { &self.message } else { &self.err }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawTask {
    #[serde(rename = "ID")]
    id: String,
    #[serde(default, rename = "ServiceID")]
    service: String,
    #[serde(default, rename = "NodeID")]
    node_id: String,
    desired_state: String,
    status: RawStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawStatus {
    state: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    err: String,
    container_status: Option<RawContainer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawContainer {
    #[serde(default)]
    exit_code: i64,
}

impl From<RawTask> for Task {
    fn from(raw: RawTask) -> Self {
        let RawStatus { state, message, err, container_status } = raw.status;
        // Before the end there is a status too, which is 0.
        let ended = matches!(state.as_str(), "complete" | "failed" | "shutdown");
        Self {
            id: raw.id,
            service: raw.service,
            desired_state: raw.desired_state,
            exit_code: container_status.filter(|_| ended).map(|container| container.exit_code),
            state,
            err,
            message,
            node_id: raw.node_id,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawCreated {
    #[serde(rename = "ID")]
    id: String,
    #[serde(default, deserialize_with = "null_is_default")]
    warnings: Vec<String>,
}

/// What a Swarm keeps for its services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwarmObject {
    /// A secret.
    Secret,
    /// A config.
    Config,
}

impl Engine {
    /// Creates a service, giving its nodes the credentials to pull its image.
    ///
    /// # Errors
    /// Status 503 if the engine is no Swarm manager, [`is_conflict`](super::Error::is_conflict) if
    /// the name is taken.
    pub async fn create_service(
        &self,
        spec: &impl Serialize,
        auth: Option<&RegistryAuth>,
    ) -> Result<super::Created> {
        let call = Call::new("create the service", Method::POST, &["services", "create"])
            .registry_auth(auth.map(RegistryAuth::header))
            .json(spec)?
            .patient();
        let RawCreated { id, warnings } = self.json(call).await?;
        Ok(super::Created { id, warnings })
    }

    /// The id of the secret or config of this name; `None` if there is none.
    ///
    /// # Errors
    /// When the engine does not tell.
    pub async fn swarm_object(&self, kind: SwarmObject, name: &str) -> Result<Option<String>> {
        #[derive(Deserialize)]
        struct Listed {
            #[serde(rename = "ID")]
            id: String,
            #[serde(rename = "Spec")]
            spec: Spec,
        }
        #[derive(Deserialize)]
        struct Spec {
            #[serde(rename = "Name")]
            name: String,
        }
        let (path, doing) = match kind {
            SwarmObject::Secret => ("secrets", "look for the secret"),
            SwarmObject::Config => ("configs", "look for the config"),
        };
        let call = Call::new(doing, Method::GET, &[path]).filters(&[("name", &[name])])?;
        // The filter takes what only begins so as well.
        let listed: Vec<Listed> = self.json(call).await?;
        Ok(listed.into_iter().find(|object| object.spec.name == name).map(|object| object.id))
    }

    /// Looks at a service.
    ///
    /// # Errors
    /// [`is_not_found`](super::Error::is_not_found) if there is none.
    pub async fn inspect_service(&self, id_or_name: &str) -> Result<Service> {
        let path = ["services", id_or_name];
        self.json(Call::new("inspect the service", Method::GET, &path)).await
    }

    /// Removes a service. One that is gone is fine.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub async fn remove_service(&self, id: &str) -> Result<()> {
        match self.empty(Call::new("remove the service", Method::DELETE, &["services", id])).await {
            Err(error) if error.is_not_found() => Ok(()),
            result => result,
        }
    }

    /// The tasks of a service, those of the past among them, in no order.
    ///
    /// # Errors
    /// [`is_not_found`](super::Error::is_not_found) if there is no such service.
    pub async fn service_tasks(&self, id: &str) -> Result<Vec<Task>> {
        self.tasks("service", id).await
    }

    /// The tasks of services with a label, `NAME=VALUE`, and of those that have been removed until they end.
    ///
    /// # Errors
    /// When the engine is not a manager of a Swarm, or does not tell.
    pub async fn labelled_tasks(&self, label: &str) -> Result<Vec<Task>> {
        self.tasks("label", label).await
    }

    async fn tasks(&self, filter: &'static str, value: &str) -> Result<Vec<Task>> {
        let call = Call::new("list the service's tasks", Method::GET, &["tasks"])
            .filters(&[(filter, &[value])])?;
        let tasks: Option<Vec<RawTask>> = self.json(call).await?;
        Ok(tasks.unwrap_or_default().into_iter().map(Task::from).collect())
    }

    /// The last `tail` lines that the containers of a service wrote, within some ten kilobytes.
    ///
    /// # Errors
    /// When there is no such service, or a node's log driver keeps nothing that can be read.
    pub async fn service_logs(&self, id: &str, tail: usize) -> Result<String> {
        const DOING: &str = "read the service's log";
        let call = Call::new(DOING, Method::GET, &["services", id, "logs"])
            .query("stdout", "1")
            .query("stderr", "1")
            .query("tail", &tail.to_string());
        let output = async { Output::new(self.stream(call).await?).tail().await };
        self.limited(DOING, false, output).await
    }
}
