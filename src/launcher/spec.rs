//! What the launcher reads of the `kernel.json` of the specification that it is part of.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// The parts of `kernel.json` that concern a launch.
#[derive(Debug, Default, Deserialize)]
pub struct InstalledSpec {
    #[serde(default)]
    #[expect(clippy::zero_sized_map_values, reason = "serde reads no set from an object's keys")]
    env: BTreeMap<String, IgnoredAny>,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Debug, Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    kernel_provisioner: Provisioner,
}

#[derive(Debug, Default, Deserialize)]
struct Provisioner {
    #[serde(default)]
    config: Config,
}

#[derive(Debug, Default, Deserialize)]
struct Config {
    launch_timeout: Option<Box<RawValue>>,
}

impl InstalledSpec {
    /// The specification in which the executable lies as `scripts/launch_docker`; an empty one if
    /// it lies elsewhere.
    ///
    /// # Errors
    /// When there is a `kernel.json` and it cannot be read.
    pub fn of(executable: &Path) -> Result<Self> {
        let Some(directory) = executable.parent().and_then(Path::parent) else {
            return Ok(Self::default());
        };
        let path = directory.join("kernel.json");
        let text = match fs_err::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error.into()),
        };
        serde_json::from_slice(&text)
            .with_context(|| format!("could not understand `{}`", path.display()))
    }

    /// Whether the `env` stanza has the variable.
    #[must_use]
    pub fn names(&self, variable: &str) -> bool {
        self.env.contains_key(variable)
    }

    /// How long the server waits for the kernel: a number of seconds.
    #[must_use]
    pub fn launch_timeout(&self) -> Option<&str> {
        self.metadata.kernel_provisioner.config.launch_timeout.as_deref().map(RawValue::get)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specification_beside_the_executable_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let executable = directory.path().join("scripts/launch_docker");
        assert!(InstalledSpec::of(&executable).unwrap().launch_timeout().is_none());

        let path = directory.path().join("kernel.json");
        fs_err::write(
            &path,
            r#"{"env": {"A": "1"}, "metadata": {"kernel_provisioner": {"config": {"launch_timeout": 45}}}}"#,
        )
        .unwrap();
        let spec = InstalledSpec::of(&executable).unwrap();
        assert_eq!(spec.launch_timeout(), Some("45"));
        assert!(spec.names("A") && !spec.names("B"));

        // Enterprise Gateway's stanza has no timeout.
        fs_err::write(&path, r#"{"metadata": {"process_proxy": {"config": {}}}}"#).unwrap();
        assert!(InstalledSpec::of(&executable).unwrap().launch_timeout().is_none());
        fs_err::write(&path, "{").unwrap();
        assert!(InstalledSpec::of(&executable).unwrap_err().to_string().contains("kernel.json"));
    }
}
