//! The kernels of a specification that wait for a notebook which will not come.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use tokio::time::Instant;

use crate::engine::Engine;
use crate::env::Env;
use crate::files;
use crate::launcher::launch::KERNELSPEC;
use crate::launcher::waiting::{WARM, take};
use crate::layout::{self, OPTIONS};
use crate::options::{Options, container_options};
use crate::program;

/// How long the engine may take.
const LIMIT: Duration = Duration::from_secs(10);

/// A specification whose kernels wait on an engine.
pub(super) struct Waiting {
    name: String,
    /// Its address; `None` for that of the environment.
    engine: Option<String>,
}

impl Waiting {
    /// Looks into a specification of this name; `None` if its kernels do not wait.
    pub(super) fn of(name: &str, directory: &Path) -> Option<Self> {
        let path = directory.join(layout::script(OPTIONS));
        let text = String::from_utf8(files::read(&path).ok()?).ok()?;
        let options = Options::parse(&path.to_string_lossy(), &text).ok()?;
        options.get(container_options::WARM)?;
        let engine = options.get(container_options::ENGINE);
        let engine = engine.and_then(|node| node.to_json().as_str().map(str::to_owned));
        Some(Self { name: name.to_owned(), engine })
    }

    /// Removes them, or says why they stay.
    pub(super) fn remove(&self, env: &Env) {
        let removed = program::runtime().and_then(|runtime| runtime.block_on(self.remove_all(env)));
        if let Err(error) = removed {
            tracing::warn!(
                "Kernels of {} that wait end only when their time is over: {error:#}",
                self.name
            );
        }
    }

    async fn remove_all(&self, env: &Env) -> Result<()> {
        let deadline = Instant::now() + LIMIT;
        let engine = Engine::of(self.engine.as_deref(), env, LIMIT, deadline).await?;
        for container in engine.running_with(WARM).await? {
            let name = container.name().unwrap_or_default();
            // A notebook may just have taken it.
            if container.label(KERNELSPEC) == Some(&self.name)
                && let Some(taken) = take(&engine, name).await
            {
                engine.remove_container(&taken, true).await?;
            }
        }
        Ok(())
    }
}
