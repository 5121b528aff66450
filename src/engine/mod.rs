//! A client of the Docker Engine, with no more than what a kernel's launch needs of it:
//! <https://docs.docker.com/reference/api/engine/>
//!
//! [`Endpoint`] says where the engine is, [`Engine`] talks to it. Everything that the engine sends
//! is bounded in size, and everything that is asked of it in time; redirects are never followed.
//! Answers are read only as far as they are used, so that old and new engines, and others that
//! speak the same API, are understood alike.

mod call;
mod config_file;
mod containers;
mod context;
mod credentials;
mod endpoint;
mod error;
mod images;
mod inspect;
mod json;
mod kernels;
mod layers;
mod nodes;
mod output;
mod reference;
mod services;
mod stream;
#[cfg(test)]
mod tests;
mod tls;
mod transport;
mod version;

use std::cell::Cell;
use std::time::Duration;

use hyper::Method;
use tokio::time::Instant;

pub use self::containers::{Container, Created, Event, Events, State};
pub use self::credentials::{RegistryAuth, credentials};
pub use self::endpoint::{Endpoint, TlsFiles};
pub use self::error::{Error, Result};
pub use self::images::Progress;
pub use self::inspect::{Image, Info, ListedContainer, Network, Swarm};
pub use self::kernels::{ContainerConfig, ContainerDetails, Place, ServiceDetails, Usage};
pub use self::layers::Layers;
pub use self::nodes::Node;
pub use self::output::{Channel, Output};
pub use self::reference::Reference;
pub use self::services::{Service, SwarmObject, Task};

use self::call::Call;
use self::transport::Transport;

/// A Docker Engine that has answered.
///
/// Every call must be answered within the answer limit, but for those that make the engine work, and
/// none outlasts the deadline: after it, nothing is sent. A call that is dropped before its end is
/// broken off, though the engine may still carry it out. A stream is opened within these limits; how
/// long it is read is up to the reader.
pub struct Engine {
    transport: Transport,
    version: String,
    answer_limit: Duration,
    deadline: Cell<Instant>,
}

impl Engine {
    /// Connects to the engine and agrees with it on a version of the API: the newest that both
    /// know, or the `pinned` one (`DOCKER_API_VERSION`).
    ///
    /// # Errors
    /// When there is no engine, when it may not be used, or when it is too old.
    pub async fn connect(
        endpoint: Endpoint,
        pinned: Option<&str>,
        answer_limit: Duration,
        deadline: Instant,
    ) -> Result<Self> {
        let transport = Transport::new(endpoint)?;
        let deadline = Cell::new(deadline);
        let mut engine = Self { transport, version: String::new(), answer_limit, deadline };
        let theirs = engine.ping().await?;
        engine.version = version::negotiate(&theirs, pinned)?;
        Ok(engine)
    }

    /// Where the engine is.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        self.transport.endpoint()
    }

    /// The version of the API in use, such as `1.47`.
    #[must_use]
    pub fn api_version(&self) -> &str {
        &self.version
    }

    /// Sets another deadline, as for clearing up after the first has passed.
    pub fn set_deadline(&self, deadline: Instant) {
        self.deadline.set(deadline);
    }

    /// Looks whether the engine still takes connections: one that is about to stop goes on answering
    /// on those that it has.
    ///
    /// # Errors
    /// When it does not.
    pub async fn reconnect(&self) -> Result<()> {
        self.transport.close_idle();
        self.ping().await.map(drop)
    }

    /// The newest version of the API that the engine speaks.
    async fn ping(&self) -> Result<String> {
        const DOING: &str = "find the Docker Engine's version";
        let ping = |method| self.header(Call::new(DOING, method, &["_ping"]), "Api-Version");
        let version = match ping(Method::HEAD).await {
            // What stands between us and the engine may let only GET through; and what refuses
            // says why only to GET.
            Err(Error::Status { .. }) => ping(Method::GET).await?,
            version => version?,
        };
        version.ok_or_else(|| Error::BadAnswer {
            doing: DOING,
            endpoint: self.endpoint().to_string(),
            reason: "it does not name its version of the API".to_owned(),
        })
    }
}
