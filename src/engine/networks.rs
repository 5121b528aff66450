//! The engine's calls for networks.

use hyper::Method;
use serde::{Deserialize, Serialize};

use super::call::Call;
use super::client::Engine;
use super::error::Result;
use super::json::null_is_default;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Network {
    /// May differ from the name it was found by.
    #[serde(default)]
    pub name: String,
    /// `local`, `swarm` or `global`.
    #[serde(default)]
    pub scope: String,
    /// `bridge`, `overlay` and others.
    #[serde(default)]
    pub driver: String,
    /// Whether containers can be attached, and not only services.
    #[serde(default)]
    pub attachable: bool,
    #[serde(default, rename = "IPAM", deserialize_with = "null_is_default")]
    ipam: Ipam,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Ipam {
    #[serde(default, deserialize_with = "null_is_default")]
    config: Vec<IpamConfig>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct IpamConfig {
    #[serde(default)]
    gateway: String,
    #[serde(default)]
    subnet: String,
}

impl Network {
    /// Addresses on the network: the gateways of its containers, if the engine tells them, then those of its
    /// subnets.
    pub fn addresses(&self) -> impl Iterator<Item = &str> {
        let config = &self.ipam.config;
        let gateways = config.iter().map(|config| config.gateway.as_str());
        let subnets = config.iter().filter_map(|config| config.subnet.split('/').next());
        gateways.chain(subnets).filter(|address| !address.is_empty())
    }
}

impl Engine {
    /// Inspects a network.
    ///
    /// # Errors
    /// [`is_not_found`](super::Error::is_not_found) if there is none.
    pub async fn inspect_network(&self, network: &str) -> Result<Network> {
        self.json(Call::new("look at the network", Method::GET, &["networks", network])).await
    }

    /// Attaches a container to another network, with these endpoint settings.
    ///
    /// # Errors
    /// [`is_not_found`](super::Error::is_not_found) if there is no such network.
    pub async fn connect_network(
        &self,
        network: &str,
        id: &str,
        settings: &impl Serialize,
    ) -> Result<()> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Attachment<'a, T> {
            container: &'a str,
            endpoint_config: &'a T,
        }
        let path = ["networks", network, "connect"];
        let body = Attachment { container: id, endpoint_config: settings };
        self.empty(Call::new("attach the container to a network", Method::POST, &path).json(&body)?)
            .await
    }
}
