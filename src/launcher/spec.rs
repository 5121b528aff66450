//! What the launcher reads of the `kernel.json` of the specification that it is part of.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::files;
use crate::options::Options;

/// The file beside the launcher that administrators edit.
pub const OPTIONS: &str = "launch_docker.toml";

/// The parts of `kernel.json` that concern a launch.
#[derive(Debug, Default, Deserialize)]
pub struct InstalledSpec {
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    metadata: Metadata,
    /// What `launch_docker.toml` says.
    #[serde(skip)]
    pub options: Options,
    /// The directory that it lies in.
    #[serde(skip)]
    pub directory: PathBuf,
    /// The name by which Jupyter knows the specification, unless the launcher lies outside of one.
    #[serde(skip)]
    pub name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    kernel_provisioner: Provisioner,
    #[serde(default)]
    process_proxy: Provisioner,
}

#[derive(Debug, Default, Deserialize)]
struct Provisioner {
    #[serde(default)]
    config: Config,
}

#[derive(Debug, Default, Deserialize)]
struct Config {
    launch_timeout: Option<Box<RawValue>>,
    image_name: Option<String>,
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
        let mut spec = Self::default();
        if let Some(text) = present(files::read(&path))? {
            spec = serde_json::from_slice(&text)
                .with_context(|| format!("could not understand `{}`", path.display()))?;
            spec.name = directory.file_name().and_then(OsStr::to_str).map(str::to_owned);
        }
        let path = executable.with_file_name(OPTIONS);
        if let Some(text) = present(files::read_to_string(&path))? {
            spec.options = Options::parse(&path.to_string_lossy(), &text)?;
        }
        spec.directory = path.parent().unwrap_or(&path).to_path_buf();
        Ok(spec)
    }

    /// One that is not installed, of which only this is known.
    #[must_use]
    pub fn with_options(name: &str, options: Options) -> Self {
        Self { name: Some(name.to_owned()), options, ..Self::default() }
    }

    /// Whether the `env` stanza has the variable.
    #[must_use]
    pub fn names(&self, variable: &str) -> bool {
        self.env.contains_key(variable)
    }

    /// Whether the `env` stanza gives the variable this value.
    #[must_use]
    pub fn sets(&self, variable: &str, value: &str) -> bool {
        self.env.get(variable).is_some_and(|given| given == value)
    }

    /// The image that the specification names.
    #[must_use]
    pub fn image(&self) -> Option<&str> {
        let Metadata { kernel_provisioner, process_proxy } = &self.metadata;
        let image = kernel_provisioner.config.image_name.as_ref();
        image.or(process_proxy.config.image_name.as_ref()).map(String::as_str)
    }

    /// How long the server waits for the kernel: a number of seconds.
    #[must_use]
    pub fn launch_timeout(&self) -> Option<&str> {
        self.metadata.kernel_provisioner.config.launch_timeout.as_deref().map(RawValue::get)
    }
}

/// What was read, if the file is there.
fn present<T>(read: io::Result<T>) -> Result<Option<T>> {
    match read {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
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
