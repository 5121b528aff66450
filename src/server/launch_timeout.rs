//! How long a server waits for a kernel.

use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::System;
use crate::env::Env;

/// In seconds.
pub const DEFAULT_LAUNCH_TIMEOUT: NonZeroU32 = NonZeroU32::new(30).unwrap();

/// The longest time that a server may wait for a kernel: about thirty years.
pub const LONGEST_LAUNCH_TIMEOUT: Duration = Duration::from_secs(1_000_000_000);

/// Returns the time after which the server gives up the kernel, as the server itself finds it:
/// `launch_timeout` of `kernel.json`, or else the environment's.
///
/// # Errors
/// Names the variable that is not a number of seconds, or exceeds [`LONGEST_LAUNCH_TIMEOUT`].
pub fn launch_timeout(env: &Env, system: System, of_spec: Option<&str>) -> Result<Duration> {
    let of_env = || {
        let names = system.facts().timeout_variables;
        names.into_iter().find_map(|name| Some((name, env.get(name)?)))
    };
    // Enterprise Gateway has its own in the `env` stanza.
    let of_spec = of_spec.filter(|_| system == System::GatewayProvisioners);
    let Some((name, value)) = of_spec.map(|value| ("launch_timeout", value)).or_else(of_env) else {
        return Ok(Duration::from_secs(DEFAULT_LAUNCH_TIMEOUT.get().into()));
    };
    // As Python's `float` reads it.
    let seconds: Option<f64> = value.trim().replace('_', "").parse().ok();
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|timeout| !timeout.is_zero() && *timeout <= LONGEST_LAUNCH_TIMEOUT)
        .with_context(|| {
            format!(
                "`{name}` of `{value}` must be a number of seconds greater than 0, and at most {}",
                LONGEST_LAUNCH_TIMEOUT.as_secs()
            )
        })
}
