//! The engine's calls for Swarm services.

use std::collections::BTreeMap;

use hyper::Method;
use serde::{Deserialize, Serialize};

use super::call::Call;
use super::client::Engine;
use super::containers::{ContainerConfig, Created};
use super::credentials::RegistryAuth;
use super::error::Result;
use super::json::{first_texts, known_labels, null_is_default, short_text};
use super::output::Output;

/// A service, with the template of its tasks.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Service {
    #[serde(rename = "ID", deserialize_with = "short_text")]
    pub id: String,
    /// In the format of RFC 3339.
    #[serde(default, rename = "CreatedAt", deserialize_with = "short_text")]
    pub created: String,
    spec: Spec,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Spec {
    #[serde(default, deserialize_with = "short_text")]
    name: String,
    #[serde(default, deserialize_with = "known_labels")]
    labels: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "null_is_default")]
    task_template: TaskTemplate,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TaskTemplate {
    #[serde(default, deserialize_with = "null_is_default")]
    container_spec: ContainerConfig,
}

impl Service {
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    #[must_use]
    pub fn labels(&self) -> &BTreeMap<String, String> {
        &self.spec.labels
    }

    #[must_use]
    pub fn container(&self) -> &ContainerConfig {
        &self.spec.task_template.container_spec
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawCreated {
    #[serde(rename = "ID")]
    id: String,
    #[serde(default, deserialize_with = "first_texts")]
    warnings: Vec<String>,
}

impl Engine {
    /// Creates a service. Its nodes pull the image with these credentials.
    ///
    /// # Errors
    /// Status 503 if the engine is no Swarm manager, [`is_conflict`](super::Error::is_conflict) if
    /// the name is taken.
    pub async fn create_service(
        &self,
        spec: &impl Serialize,
        auth: Option<&RegistryAuth>,
    ) -> Result<Created> {
        let call = Call::new("create the service", Method::POST, &["services", "create"])
            .registry_auth(auth.map(RegistryAuth::header))
            .json(spec)?
            .patient();
        let RawCreated { id, warnings } = self.json(call).await?;
        Ok(Created { id, warnings })
    }

    /// Lists the services with these labels.
    pub async fn services_with(&self, labels: &[&str]) -> Result<Vec<Service>> {
        let call = Call::new("look for services", Method::GET, &["services"])
            .filters(&[("label", labels)])?;
        self.list(call).await
    }

    pub async fn inspect_service(&self, id_or_name: &str) -> Result<Service> {
        let path = ["services", id_or_name];
        self.json(Call::new("inspect the service", Method::GET, &path)).await
    }

    /// Removes a service; succeeds if it has gone.
    pub async fn remove_service(&self, id: &str) -> Result<()> {
        match self.empty(Call::new("remove the service", Method::DELETE, &["services", id])).await {
            Err(error) if error.is_not_found() => Ok(()),
            result => result,
        }
    }

    /// Returns the last `tail` lines that the containers of a service wrote, at most some ten kB.
    pub async fn service_logs(&self, id: &str, tail: usize) -> Result<String> {
        const ACTION: &str = "read the service's log";
        let call = Call::new(ACTION, Method::GET, &["services", id, "logs"])
            .query("stdout", "1")
            .query("stderr", "1")
            .query("tail", &tail.to_string());
        let output = async { Output::new(self.stream(call).await?).tail().await };
        self.limited(ACTION, false, output).await
    }
}
