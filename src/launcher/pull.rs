//! Pulls an image that the engine does not have, and logs the progress.

use std::time::Duration;

use anyhow::{Result, anyhow};
use tokio::time::Instant;

use super::context::Context;
use super::plan::PullPolicy;
use crate::engine::{self, Error, Progress, PullProgress, Reference, RegistryAuth};
use crate::layout::{KERNEL_JSON, OPTIONS};
use crate::server::System;
use crate::text;

/// The shortest time between two lines about a pull.
pub(crate) const INTERVAL: Duration = Duration::from_secs(3);

/// How long a credential helper may take.
pub(crate) const HELPER_LIMIT: Duration = Duration::from_secs(10);

/// Pulls the kernel's image. Only the launch's deadline limits how long that takes.
pub(super) async fn pull(context: &Context<'_>) -> Result<()> {
    let image = &context.launch.image;
    let always = context.plan.pull == PullPolicy::Always;
    let reason = if always {
        "which launch_docker.toml asks for at each launch (pull_policy)"
    } else {
        "which the engine does not have"
    };
    let begin = Instant::now();
    let pulled = async {
        let reference: Reference = image.parse()?;
        let auth = credentials(context, &reference).await;
        tracing::info!("Pulling the image {image}, {reason}");
        let mut layers = PullProgress::default();
        let mut pace = Pace::from(begin);
        let on_progress = |progress: &Progress| {
            layers.update(progress);
            if pace.is_due(Instant::now()) {
                tracing::info!("Pulling the image {image}: {}", layers.summary());
            }
        };
        let platform = context.plan.platform.as_deref();
        context.engine.pull_image(&reference, platform, auth.as_ref(), on_progress).await
    };
    pulled.await.map_err(|error| failed(context, always, error))?;
    tracing::info!("Pulled the image {image} in {} s", begin.elapsed().as_secs());
    Ok(())
}

/// When the next line about a pull is due.
struct Pace(Instant);

impl Pace {
    fn from(begin: Instant) -> Self {
        Self(begin + INTERVAL)
    }

    fn is_due(&mut self, now: Instant) -> bool {
        let is_due = now >= self.0;
        if is_due {
            *self = Self::from(now);
        }
        is_due
    }
}

/// Why the image is not there, and what to do.
fn failed(context: &Context<'_>, always: bool, error: Error) -> anyhow::Error {
    let image = &context.launch.image;
    if let Error::TimedOut { .. } | Error::DeadlinePassed { .. } = error {
        return anyhow!(
            "the image `{image}` could not be pulled within the launch timeout of {} s; pull it \
             beforehand with `docker pull {image}`",
            text::seconds(context.launch.timeout)
        );
    }
    let what = if always {
        "could not be pulled, which launch_docker.toml asks for at each launch (pull_policy)"
    } else {
        "is not on the engine and could not be pulled"
    };
    let advice = match image.parse::<Reference>() {
        Ok(reference) if error.wants_login() => {
            format!("log in with `docker login {}` as the server's user, or ", reference.registry())
        }
        Ok(_) => format!("pull it beforehand with `docker pull {image}`, or "),
        // Nobody should paste something that is not a name into a shell.
        Err(_) => String::new(),
    };
    let file = if context.launch.caller == System::Local { OPTIONS } else { KERNEL_JSON };
    anyhow!(error)
        .context(format!("the image `{image}` {what}; {advice}correct the image name in {file}"))
}

/// Returns the credentials for the registry of the kernel's image. If they cannot be read, the image may
/// still be public, so the registry's answer is worth waiting for.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_time_before_each_line() {
        let begin = Instant::now();
        let mut pace = Pace::from(begin);
        let due: Vec<u32> =
            (0..=20).filter(|number| pace.is_due(begin + INTERVAL / 4 * *number)).collect();
        assert_eq!(due, [4, 8, 12, 16, 20]);
    }
}
