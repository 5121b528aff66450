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
pub use self::containers::{Container, ContainerConfig, Created, ListedContainer, State};
pub use self::credentials::{RegistryAuth, credentials};
pub use self::endpoint::Endpoint;
pub use self::error::{Error, Result};
pub use self::events::{Event, Events};
pub use self::images::{Image, Platform, Progress};
pub use self::info::{Info, Swarm};
pub use self::layers::Layers;
pub use self::networks::Network;
pub use self::nodes::Node;
pub use self::output::{Channel, Output};
pub use self::reference::{Parts, Reference};
pub use self::services::Service;
pub use self::swarm_objects::SwarmObject;
pub use self::tasks::Task;
pub use self::tls_files::TlsFiles;
pub use self::usage::Usage;
pub use self::volumes::Volume;
