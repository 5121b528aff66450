//! The engine's calls for the nodes of a Swarm.

use hyper::Method;
use serde::Deserialize;

use super::call::Call;
use super::client::Engine;
use super::error::Result;

/// A node of a Swarm.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Node {
    #[serde(rename = "ID")]
    pub id: String,
    description: NodeDescription,
    spec: NodeSpec,
    status: NodeStatus,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NodeDescription {
    hostname: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NodeSpec {
    availability: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NodeStatus {
    state: String,
    #[serde(default)]
    message: String,
}

impl Node {
    #[must_use]
    pub fn hostname(&self) -> &str {
        &self.description.hostname
    }

    /// Whether tasks may run on it: `active`, `pause` or `drain`.
    #[must_use]
    pub fn availability(&self) -> &str {
        &self.spec.availability
    }

    /// `ready`, `down`, `disconnected` or `unknown`.
    #[must_use]
    pub fn state(&self) -> &str {
        &self.status.state
    }

    /// Why it is in this state; may be empty.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.status.message
    }
}

impl Engine {
    /// Inspects a node of the Swarm.
    ///
    /// # Errors
    /// [`is_not_found`](super::Error::is_not_found) if there is none, or no more.
    pub async fn inspect_node(&self, id: &str) -> Result<Node> {
        self.json(Call::new("inspect the node", Method::GET, &["nodes", id])).await
    }

    /// Lists the nodes of the Swarm. Fails if the engine is not a manager.
    pub async fn nodes(&self) -> Result<Vec<Node>> {
        self.json(Call::new("look at the nodes", Method::GET, &["nodes"])).await
    }
}
