//! The engine that is checked.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::contents::Contents;
use super::report::Report;
use crate::engine::{self, Engine, Info};
use crate::env::Env;

/// How long the engine may take for one answer, and for all.
pub(super) const ANSWER: Duration = Duration::from_secs(20);
const ALL: Duration = Duration::from_secs(300);

/// An engine that has answered, and its information about itself.
pub(super) struct Docker {
    pub(super) engine: Engine,
    pub(super) info: Info,
    /// The results of checking images, by what was asked for.
    pub(super) results: RefCell<BTreeMap<String, Contents>>,
}

/// Connects to the engine of this address, or to that of the environment.
pub(super) async fn connect(
    address: Option<&str>,
    env: &Env,
    report: &mut Report,
) -> Option<Docker> {
    report.about("Docker Engine");
    let connected = async {
        let engine = Engine::of(address, env, ANSWER, Instant::now() + ALL).await?;
        let info = engine.info().await?;
        Ok::<_, engine::Error>((engine, info))
    };
    match connected.await {
        Ok((engine, info)) => {
            report.ok(format!(
                "version {} at {} (API {})",
                info.server_version,
                engine.endpoint(),
                engine.api_version()
            ));
            Some(Docker { engine, info, results: RefCell::default() })
        }
        Err(error) => {
            report.error(error.to_string());
            None
        }
    }
}

impl Docker {
    /// Whether the engine is a Swarm manager.
    pub(super) fn manages_swarm(&self) -> bool {
        self.info.swarm.control_available
    }

    /// Removes a container, and waits until it has gone: one that has ended removes itself.
    pub(super) async fn remove_probe(&self, id: &str) -> engine::Result<()> {
        loop {
            self.engine.remove_container(id, true).await?;
            match self.engine.inspect_container(id).await {
                Ok(_) => sleep(Duration::from_millis(20)).await,
                Err(error) if error.is_not_found() => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}
