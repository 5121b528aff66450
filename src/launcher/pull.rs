//! Pulls an image that the engine does not have, and says how far it is.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::Instant;

use super::run::Context;
use crate::engine::{self, Progress, Reference, RegistryAuth};
use crate::text;

/// The least time between two lines about a pull.
const INTERVAL: Duration = Duration::from_secs(3);

/// How long a credential helper may take.
const HELPER_LIMIT: Duration = Duration::from_secs(10);

/// Pulls the kernel's image. The launch's deadline limits how long that may take.
pub(super) async fn pull(context: &Context<'_>) -> Result<()> {
    let image = &context.launch.image;
    let failed = || {
        format!(
            "the engine does not have the image `{image}`, and it could not be pulled; pull it \
             beforehand with `docker pull {image}`, or correct the image name in kernel.json"
        )
    };
    let reference: Reference = image.parse().with_context(failed)?;
    let auth = credentials(context, &reference).await;
    tracing::info!("Pulling the image {image}, which the engine does not have");
    let begin = Instant::now();
    let mut report = Report::default();
    let mut next = begin + INTERVAL;
    let on_progress = |progress: &Progress| {
        report.note(progress);
        if Instant::now() >= next {
            next = Instant::now() + INTERVAL;
            tracing::info!("Pulling the image {image}: {}", report.summary());
        }
    };
    context.engine.pull_image(&reference, auth.as_ref(), on_progress).await.with_context(failed)?;
    tracing::info!("Pulled the image {image} in {} s", begin.elapsed().as_secs());
    Ok(())
}

/// The credentials for the registry of the kernel's image. Where they cannot be had, the image may
/// still be public: what the registry says then is worth more than giving up here.
pub(super) async fn credentials(
    context: &Context<'_>,
    reference: &Reference,
) -> Option<RegistryAuth> {
    match engine::credentials(reference, context.env, HELPER_LIMIT).await {
        Ok(auth) => auth,
        Err(error) => {
            tracing::warn!("Going on without credentials for {reference}: {error}");
            None
        }
    }
}

/// How far the layers of an image are.
#[derive(Default)]
struct Report {
    layers: BTreeMap<String, Layer>,
}

#[derive(Default)]
struct Layer {
    current: u64,
    total: u64,
    done: bool,
}

impl Report {
    fn note(&mut self, progress: &Progress) {
        let done = matches!(progress.status.as_str(), "Pull complete" | "Already exists");
        let counted = done || progress.status == "Pulling fs layer" || progress.total().is_some();
        if progress.id.is_empty() || !counted {
            return;
        }
        let layer = self.layers.entry(progress.id.clone()).or_default();
        layer.done = done;
        // The bytes of a layer are counted when they come; unpacking counts them again.
        if progress.status == "Downloading" {
            layer.current = progress.current().unwrap_or(layer.current);
            layer.total = progress.total().unwrap_or(layer.total);
        } else if done || progress.status == "Extracting" {
            layer.current = layer.total;
        }
    }

    fn summary(&self) -> String {
        let done = self.layers.values().filter(|layer| layer.done).count();
        let current: u64 = self.layers.values().map(|layer| layer.current).sum();
        let total: u64 = self.layers.values().map(|layer| layer.total).sum();
        format!(
            "{done} of {} layers, {} of {} MB",
            self.layers.len(),
            text::megabytes(current),
            text::megabytes(total)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(text: &str) -> Progress {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn progress_is_summed_over_the_layers() {
        let mut report = Report::default();
        for line in [
            r#"{"status": "Pulling from library/x", "id": "latest"}"#,
            r#"{"status": "Pulling fs layer", "id": "a"}"#,
            r#"{"status": "Already exists", "id": "b"}"#,
            r#"{"status": "Downloading", "id": "a", "progressDetail": {"current": 1500000, "total": 3000000}}"#,
            r#"{"status": "Digest: sha256:1"}"#,
        ] {
            report.note(&progress(line));
        }
        assert_eq!(report.summary(), "1 of 2 layers, 1.5 of 3 MB");
        report.note(&progress(
            r#"{"status": "Extracting", "id": "a", "progressDetail": {"current": 10, "total": 3000000}}"#,
        ));
        assert_eq!(report.summary(), "1 of 2 layers, 3 of 3 MB");
        report.note(&progress(r#"{"status": "Pull complete", "id": "a"}"#));
        assert_eq!(report.summary(), "2 of 2 layers, 3 of 3 MB");
    }
}
