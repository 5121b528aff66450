//! A client of the Docker Engine, with no more than what a kernel's launch needs of it:
//! <https://docs.docker.com/reference/api/engine/>
//!
//! [`Endpoint`] says where the engine is, [`Engine`] talks to it. Everything that the engine sends
//! is bounded in size, and everything that is asked of it in time; redirects are never followed.
//! Answers are read only as far as they are used, so that old and new engines, and others that
//! speak the same API, are understood alike.

mod call;
mod client;
mod config_file;
mod containers;
mod context;
mod credentials;
mod endpoint;
mod error;
mod events;
mod images;
mod info;
mod items;
mod json;
mod layers;
mod limits;
mod networks;
mod nodes;
mod output;
mod reference;
mod services;
mod stream;
mod swarm_objects;
mod tasks;
#[cfg(test)]
mod tests;
mod tls;
mod tls_files;
mod transport;
mod usage;
mod version;
mod volumes;

pub use self::client::Engine;
pub(crate) use self::containers::{Container, ContainerConfig, Created};
pub(crate) use self::credentials::RegistryAuth;
pub use self::credentials::credentials;
pub use self::endpoint::Endpoint;
pub(crate) use self::error::Error;
pub use self::error::Result;
pub(crate) use self::events::{Event, Events};
pub(crate) use self::images::{Image, Platform, Progress};
pub(crate) use self::info::Info;
pub use self::layers::Layers;
pub(crate) use self::networks::Network;
pub(crate) use self::nodes::Node;
pub(crate) use self::output::{Channel, Output};
pub(crate) use self::reference::Parts;
pub use self::reference::Reference;
pub(crate) use self::services::Service;
pub use self::swarm_objects::SwarmObject;
pub(crate) use self::tasks::Task;
pub(crate) use self::usage::Usage;
pub(crate) use self::volumes::Volume;
