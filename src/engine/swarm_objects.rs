//! The engine's call for the secrets and configs of a Swarm.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hyper::Method;
use serde::Deserialize;
use serde_json::json;

use super::call::Call;
use super::client::Engine;
use super::error::Result;
use super::json::short_text;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwarmObject {
    Secret,
    Config,
}

/// A config of the Swarm.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Config {
    #[serde(rename = "ID", deserialize_with = "short_text")]
    pub id: String,
    /// In the format of RFC 3339.
    #[serde(default, rename = "CreatedAt", deserialize_with = "short_text")]
    pub created: String,
    spec: ConfigSpec,
}

#[derive(Clone, Debug, Deserialize)]
struct ConfigSpec {
    #[serde(rename = "Name", deserialize_with = "short_text")]
    name: String,
}

impl Config {
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.name
    }
}

impl Engine {
    /// Returns the id of the secret or config with this name; `None` if there is none.
    pub async fn swarm_object(&self, kind: SwarmObject, name: &str) -> Result<Option<String>> {
        #[derive(Deserialize)]
        struct Listed {
            #[serde(rename = "ID", deserialize_with = "short_text")]
            id: String,
            #[serde(rename = "Spec")]
            spec: Spec,
        }
        #[derive(Deserialize)]
        struct Spec {
            #[serde(rename = "Name", deserialize_with = "short_text")]
            name: String,
        }
        let (path, action) = match kind {
            SwarmObject::Secret => ("secrets", "look for the secret"),
            SwarmObject::Config => ("configs", "look for the config"),
        };
        let call = Call::new(action, Method::GET, &[path]).filters(&[("name", &[name])])?;
        // The filter also matches longer names with this prefix; configs come with their contents.
        let listed: Vec<Listed> = self.list(call).await?;
        Ok(listed.into_iter().find(|object| object.spec.name == name).map(|object| object.id))
    }

    /// Creates a config, and returns its id.
    ///
    /// # Errors
    /// [`is_conflict`](super::Error::is_conflict) if the name is taken.
    pub async fn create_config(
        &self,
        name: &str,
        labels: &BTreeMap<&str, &str>,
        data: &[u8],
    ) -> Result<String> {
        #[derive(Deserialize)]
        struct Created {
            #[serde(rename = "ID", deserialize_with = "short_text")]
            id: String,
        }
        let data = BASE64_STANDARD.encode(data);
        let body = json!({"Name": name, "Labels": labels, "Data": data});
        let path = ["configs", "create"];
        let call = Call::new("create the config", Method::POST, &path).json(&body)?;
        self.json(call.patient()).await.map(|Created { id }| id)
    }

    /// Lists the configs with these labels.
    pub async fn configs_with(&self, labels: &[&str]) -> Result<Vec<Config>> {
        let call = Call::new("look for configs", Method::GET, &["configs"])
            .filters(&[("label", labels)])?;
        self.list(call).await
    }

    /// Removes a config; succeeds if it has gone.
    ///
    /// # Errors
    /// When a service uses it.
    pub async fn remove_config(&self, id: &str) -> Result<()> {
        let call = Call::new("remove the config", Method::DELETE, &["configs", id]);
        match self.empty(call).await {
            Err(error) if error.is_not_found() => Ok(()),
            result => result,
        }
    }
}
