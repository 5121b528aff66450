//! A client of the Docker Engine: only what launching and looking after kernels needs of
//! <https://docs.docker.com/reference/api/engine/>
//!
//! [`Endpoint`] is the address of the engine, [`Engine`] talks to it. Everything that the engine sends is
//! limited in size, and every call in time; redirects are never followed. Answers are parsed only as far as
//! they are used, so that old and new engines, and others with the same API, all work.

mod archive;
mod attachment;
mod build;
mod call;
mod client;
mod config_file;
mod containers;
mod context;
mod credentials;
mod destination;
mod endpoint;
mod error;
mod events;
mod images;
mod info;
mod items;
mod json;
mod limits;
mod networks;
mod nodes;
mod output;
mod pull_progress;
mod reference;
mod services;
mod sockets;
mod ssh;
mod ssh_failure;
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

pub(crate) use self::archive::Archive;
pub(crate) use self::attachment::Attachment;
pub use self::client::Engine;
pub use self::config_file::proxies;
pub(crate) use self::containers::{Container, ContainerConfig, Created, Ended, Mount, NextExit};
pub(crate) use self::credentials::RegistryAuth;
pub use self::credentials::credentials;
pub use self::endpoint::Endpoint;
pub use self::error::{Error, Result};
pub(crate) use self::events::{Event, Events};
pub(crate) use self::images::{Image, Platform, Progress};
pub(crate) use self::info::Info;
pub(crate) use self::networks::Network;
pub(crate) use self::nodes::Node;
pub(crate) use self::output::{Channel, Output};
pub use self::pull_progress::PullProgress;
pub use self::reference::Reference;
pub(crate) use self::reference::ReferenceParts;
pub(crate) use self::services::Service;
pub(crate) use self::sockets::other_engine;
pub(crate) use self::ssh_failure::explain_ssh;
pub(crate) use self::swarm_objects::Config;
pub use self::swarm_objects::SwarmObject;
pub(crate) use self::tasks::Task;
pub(crate) use self::usage::Usage;
pub(crate) use self::volumes::Volume;
