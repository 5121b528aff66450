//! The engine's call for information about itself.

use hyper::Method;
use serde::Deserialize;

use super::call::Call;
use super::client::Engine;
use super::error::Result;
use super::json::{null_is_default, words};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Info {
    /// The host name.
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub server_version: String,
    /// As the host's Linux kernel names it.
    #[serde(default)]
    pub architecture: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub swarm: Swarm,
    #[serde(default, deserialize_with = "words")]
    security_options: Vec<String>,
    #[serde(default)]
    cgroup_version: String,
}

impl Info {
    /// Docker's name for the architecture of the host, as images have it.
    #[must_use]
    pub fn docker_architecture(&self) -> &str {
        match &*self.architecture {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "armv7l" | "armv6l" => "arm",
            "i686" | "i386" => "386",
            other => other,
        }
    }

    /// Whether it runs as an ordinary user, for whom root stands in its containers.
    #[must_use]
    pub fn is_rootless(&self) -> bool {
        self.has("name=rootless")
    }

    /// Whether the users of its containers are others on the host (`userns-remap`), unless a container is in the host's
    /// user namespace.
    #[must_use]
    pub fn remaps_users(&self) -> bool {
        self.has("name=userns")
    }

    fn has(&self, wanted: &str) -> bool {
        self.security_options.iter().any(|option| option == wanted)
    }

    /// Whether limits on memory, processors and processes hold.
    #[must_use]
    pub fn holds_limits(&self) -> bool {
        !self.is_rootless() || self.cgroup_version != "1"
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Swarm {
    /// `active`, `inactive`, `pending`, `locked` or `error`.
    #[serde(default)]
    pub local_node_state: String,
    /// Whether it is a manager.
    #[serde(default)]
    pub control_available: bool,
    #[serde(default, rename = "NodeID")]
    pub node_id: String,
    /// The address at which the other nodes reach it.
    #[serde(default)]
    pub node_addr: String,
}

impl Engine {
    pub async fn info(&self) -> Result<Info> {
        self.json(Call::new("look at the engine", Method::GET, &["info"])).await
    }
}
