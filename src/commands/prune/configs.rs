//! Configs with bootstraps of earlier versions: each version has one, which the first launch in a Swarm creates.

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::commands::kernels::age;
use crate::engine::{Config, Engine};
use crate::launcher::BOOTSTRAP_LABELS;

/// A config that is not the newest.
#[derive(Serialize)]
pub(super) struct LeftoverConfig {
    pub(super) config: String,
    id: String,
    created: String,
    #[serde(rename = "age_seconds")]
    pub(super) age: u64,
    removed: bool,
}

impl LeftoverConfig {
    fn new(config: &Config) -> Option<Self> {
        Some(Self {
            config: config.name().to_owned(),
            id: config.id.clone(),
            created: config.created.clone(),
            age: age(&config.created)?,
            removed: false,
        })
    }

    #[expect(clippy::unused_self, reason = "as of all that is pruned")]
    pub(super) fn reason(&self) -> String {
        "it is a bootstrap of kernels, and there is a newer one".to_owned()
    }

    /// Removes it, unless a service uses it. Returns whether that succeeded.
    pub(super) async fn remove(&mut self, engine: &Engine) -> bool {
        match engine.remove_config(&self.id).await {
            Ok(()) => {
                self.removed = true;
                tracing::info!("Removed the config {}: {}", self.config, self.reason());
            }
            Err(error) if error.to_string().contains("is in use") => {
                tracing::info!("Leaving the config {} alone: it is in use", self.config);
            }
            Err(error) => {
                tracing::error!("Could not remove the config {}: {error}", self.config);
                return false;
            }
        }
        true
    }
}

/// The configs that are at least `least` seconds old and not the newest; the oldest first. A launch that needs one of
/// them after all creates it again.
pub(super) async fn find(engine: &Engine, least: u64) -> Result<Vec<LeftoverConfig>> {
    let labels = BOOTSTRAP_LABELS.map(|(name, value)| format!("{name}={value}"));
    let labels = labels.each_ref().map(String::as_str);
    let mut configs = match engine.configs_with(&labels).await {
        // From proxies that give away containers and services only.
        Err(error) if error.is_forbidden() || error.is_not_found() => return Ok(Vec::new()),
        found => found.context("could not look for configs with bootstraps")?,
    };
    configs.sort_by(|one, other| one.created.cmp(&other.created));
    configs.pop();
    let left = configs.iter().filter_map(LeftoverConfig::new);
    Ok(left.filter(|left| left.age >= least).collect())
}
