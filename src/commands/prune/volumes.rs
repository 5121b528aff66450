//! Volumes of past kernels: servers remove containers without the volumes that their images declare.

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::commands::kernels::{Kernel, LABELS, age};
use crate::engine::{Engine, Volume};
use crate::launcher::launch::KERNELSPEC;
use crate::server::System;

/// A volume without a container, whose kernel no longer exists.
#[derive(Serialize)]
pub(super) struct LeftoverVolume {
    pub(super) volume: String,
    kernel_id: String,
    system: System,
    specification: Option<String>,
    created: String,
    #[serde(rename = "age_seconds")]
    pub(super) age: u64,
    removed: bool,
}

impl LeftoverVolume {
    /// Returns `None` if a label of a kernel is missing, or if the volume has a name: then the launcher did
    /// not create it.
    fn new(volume: &Volume) -> Option<Self> {
        let label = |name: &str| volume.labels.get(name).cloned().filter(|value| !value.is_empty());
        if !volume.is_anonymous() || label("component")? != "kernel" {
            return None;
        }
        let app = label("app")?;
        Some(Self {
            volume: volume.name.clone(),
            kernel_id: label("kernel_id")?,
            system: System::ALL.into_iter().find(|system| app == system.facts().label)?,
            specification: label(KERNELSPEC),
            created: volume.created.clone(),
            age: age(&volume.created)?,
            removed: false,
        })
    }

    pub(super) fn reason(&self) -> String {
        format!("it is a volume left over from the kernel {}, which is gone", self.kernel_id)
    }

    /// Removes it, unless a container uses it by now. Returns whether that succeeded.
    pub(super) async fn remove(&mut self, engine: &Engine) -> bool {
        match engine.remove_volume(&self.volume).await {
            Ok(()) => {
                self.removed = true;
                tracing::info!("Removed the volume {}: {}", self.volume, self.reason());
            }
            Err(error) if error.is_conflict() => {
                tracing::info!("Leaving the volume {} alone: it is in use", self.volume);
            }
            Err(error) => {
                tracing::error!("Could not remove the volume {}: {error}", self.volume);
                return false;
            }
        }
        true
    }
}

/// The volumes of kernels that are not among these, if they are at least `least` seconds old; the oldest
/// first.
pub(super) async fn find(
    engine: &Engine,
    kernels: &[Kernel],
    least: u64,
) -> Result<Vec<LeftoverVolume>> {
    let volumes = engine.dangling_volumes(&LABELS).await;
    let volumes = volumes.context("could not look for volumes of kernels that are gone")?;
    let is_over = |left: &LeftoverVolume| {
        left.age >= least && kernels.iter().all(|kernel| kernel.kernel_id != left.kernel_id)
    };
    let mut left: Vec<LeftoverVolume> =
        volumes.iter().filter_map(LeftoverVolume::new).filter(is_over).collect();
    left.sort_by(|one, other| one.created.cmp(&other.created));
    Ok(left)
}
