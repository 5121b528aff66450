//! The engine's call for the secrets and configs of a Swarm.

use hyper::Method;
use serde::Deserialize;

use super::call::Call;
use super::client::Engine;
use super::error::Result;
use super::json::short_text;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwarmObject {
    Secret,
    Config,
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
}
