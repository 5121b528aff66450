//! The engine's calls for looking at what is there, which only the installer's commands make.

use std::collections::BTreeMap;

use hyper::Method;
use serde::{Deserialize, Serialize};

use super::call::Call;
use super::credentials::RegistryAuth;
use super::error::Result;
use super::json::null_is_default;
use super::{Created, Engine};

/// The label of a task's container that says whose it is.
const SERVICE: &str = "com.docker.swarm.service.id";

/// The engine, and the Swarm that it is part of.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Info {
    /// The engine's version.
    #[serde(default)]
    pub server_version: String,
    /// The host's architecture, as the host's kernel names it.
    #[serde(default)]
    pub architecture: String,
    /// Its part in a Swarm.
    #[serde(default, deserialize_with = "null_is_default")]
    pub swarm: Swarm,
}

/// An engine's part in a Swarm.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Swarm {
    /// `active`, `inactive`, `pending`, `locked` or `error`.
    #[serde(default)]
    pub local_node_state: String,
    /// Whether it is a manager.
    #[serde(default)]
    pub control_available: bool,
}

/// An image that the engine has.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Image {
    /// Its id.
    #[serde(default)]
    pub id: String,
    /// The architecture it is for, as Go names it.
    #[serde(default)]
    pub architecture: String,
    #[serde(default, deserialize_with = "null_is_default")]
    config: ImageConfig,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ImageConfig {
    #[serde(default, deserialize_with = "null_is_default")]
    cmd: Vec<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    entrypoint: Vec<String>,
}

impl Image {
    /// The words of the command that its containers run.
    pub fn command(&self) -> impl Iterator<Item = &str> {
        self.config.entrypoint.iter().chain(&self.config.cmd).map(String::as_str)
    }
}

/// A network.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Network {
    /// `local`, `swarm` or `global`.
    #[serde(default)]
    pub scope: String,
    /// What makes it: `bridge`, `overlay` and others.
    #[serde(default)]
    pub driver: String,
    /// Whether containers, and not only services, can be attached.
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
}

impl Network {
    /// The address by which its containers reach other networks; `None` if it has none.
    #[must_use]
    pub fn gateway(&self) -> Option<&str> {
        let mut gateways = self.ipam.config.iter().map(|config| config.gateway.as_str());
        gateways.find(|gateway| !gateway.is_empty())
    }
}

impl Engine {
    /// Looks at the engine itself.
    ///
    /// # Errors
    /// When it does not tell.
    pub async fn info(&self) -> Result<Info> {
        self.json(Call::new("look at the engine", Method::GET, &["info"])).await
    }

    /// Looks at an image.
    ///
    /// # Errors
    /// [`is_not_found`](super::Error::is_not_found) if the engine does not have it.
    pub async fn inspect_image(&self, image: &str) -> Result<Image> {
        self.json(Call::new("look at the image", Method::GET, &["images", image, "json"])).await
    }

    /// Asks the image's registry whether it has it.
    ///
    /// # Errors
    /// When it does not, does not give it to us, or cannot be reached.
    pub async fn find_in_registry(&self, image: &str, auth: Option<&RegistryAuth>) -> Result<()> {
        let call = Call::new("ask the registry", Method::GET, &["distribution", image, "json"])
            .registry_auth(auth.map(RegistryAuth::header));
        self.empty(call).await
    }

    /// Looks at a network.
    ///
    /// # Errors
    /// [`is_not_found`](super::Error::is_not_found) if there is none.
    pub async fn inspect_network(&self, network: &str) -> Result<Network> {
        self.json(Call::new("look at the network", Method::GET, &["networks", network])).await
    }

    /// Creates a container without a name, to look into an image.
    ///
    /// # Errors
    /// When the engine refuses.
    pub async fn create_probe(&self, spec: &impl Serialize) -> Result<Created> {
        let call = Call::new("look into the image", Method::POST, &["containers", "create"]);
        self.json(call.json(spec)?.patient()).await
    }

    /// Whether there is something at this path in a container.
    ///
    /// # Errors
    /// When the engine does not tell.
    pub async fn has_path(&self, id: &str, path: &str) -> Result<bool> {
        let parts = ["containers", id, "archive"];
        let call = Call::new("look into the image", Method::HEAD, &parts).query("path", path);
        match self.header(call, "X-Docker-Container-Path-Stat").await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// All containers with this label, also those that do not run.
    ///
    /// # Errors
    /// When the engine does not tell.
    pub async fn containers_with(&self, label: &str) -> Result<Vec<ListedContainer>> {
        let call = Call::new("look for containers", Method::GET, &["containers", "json"])
            .query("all", "1")
            .filters(&[("label", &[label])])?;
        self.json(call).await
    }

    /// The ids of all services with this label.
    ///
    /// # Errors
    /// When the engine does not tell.
    pub async fn services_with(&self, label: &str) -> Result<Vec<String>> {
        let call = Call::new("look for services", Method::GET, &["services"])
            .filters(&[("label", &[label])])?;
        let listed: Vec<ListedService> = self.json(call).await?;
        Ok(listed.into_iter().map(|service| service.id).collect())
    }
}

/// A container in a list. The engine makes lists from what it remembers, while inspecting a container that is
/// being started waits for that.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListedContainer {
    /// Its id.
    pub id: String,
    #[serde(default, deserialize_with = "null_is_default")]
    labels: BTreeMap<String, String>,
}

impl ListedContainer {
    /// Whether it is that of a task of a service.
    #[must_use]
    pub fn is_of_service(&self) -> bool {
        self.labels.contains_key(SERVICE)
    }
}

#[derive(Deserialize)]
struct ListedService {
    #[serde(rename = "ID")]
    id: String,
}
