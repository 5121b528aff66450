//! What the launcher reads of its own specification.
//!
//! The specification may be replaced or removed while the launcher starts. It then reads either all of the
//! old one or all of the new one, or the launch fails: half of one may lack what limits its kernels.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::files::OpenDirectory;
use crate::layout::{OPTIONS, REPLACING, SCRIPTS, STAGING};
use crate::options::Options;

/// How often a specification that changes meanwhile is read again, and the pause before that.
const READINGS: usize = 100;
const PAUSE: Duration = Duration::from_millis(10);

/// The parts of the specification that a launch needs.
#[derive(Debug, Default, Deserialize)]
pub struct InstalledSpec {
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    interrupt_mode: String,
    #[serde(default)]
    metadata: Metadata,
    #[serde(skip)]
    pub options: Options,
    #[serde(skip)]
    pub directory: PathBuf,
    /// The name by which Jupyter knows the specification; `None` if the launcher is not in one.
    #[serde(skip)]
    pub name: Option<String>,
    #[serde(skip)]
    is_installed: bool,
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
    /// Returns the specification of the launcher at `executable`, which was started as `started_as`. It is
    /// empty for a launcher outside of any, which several specifications may share.
    pub fn of_process(executable: &Path, started_as: &Path) -> Result<Self> {
        // The current path of the file, unless it was moved or removed since it was started.
        let gone = executable.as_os_str().as_encoded_bytes().ends_with(b" (deleted)")
            || executable
                .iter()
                .any(|part| part.as_encoded_bytes().starts_with(STAGING.as_bytes()));
        let places = [Some(executable).filter(|_| !gone), Some(started_as)];
        let places: Vec<&Path> =
            places.into_iter().flatten().filter(|path| path.is_absolute()).collect();
        for place in &places {
            let spec = Self::of(place)?;
            if spec.is_installed {
                return Ok(spec);
            }
        }
        let in_specification =
            |path: &&Path| path.parent().and_then(Path::file_name) == Some(OsStr::new(SCRIPTS));
        match places.first() {
            Some(place) if ![executable, started_as].iter().any(in_specification) => {
                Self::of(place)
            }
            _ => bail!(
                "`{}` is not in a specification: it was replaced or removed while the kernel was starting; \
                 start the kernel again. A launcher that several specifications share must not lie in a \
                 directory called `{SCRIPTS}`",
                started_as.display()
            ),
        }
    }

    /// Returns the specification that has the executable as `scripts/launch_docker`; an empty one if the
    /// executable is elsewhere.
    pub fn of(executable: &Path) -> Result<Self> {
        let Some(directory) = executable.parent().and_then(Path::parent) else {
            return Ok(Self::default());
        };
        for _ in 0..READINGS {
            let Some(mut held) = OpenDirectory::open(directory)? else {
                return Ok(Self::default());
            };
            let read = Self::read(&mut held, directory, executable);
            let replacing = held.has(Path::new(REPLACING));
            if !replacing && held.is_unchanged() {
                return read;
            }
            if replacing {
                thread::sleep(PAUSE);
            }
        }
        bail!(
            "`{}` is being replaced; start the kernel again. If there is still a file `{REPLACING}` in it then, \
             whoever replaced it was stopped in the middle: install the specification again with --replace",
            directory.display()
        )
    }

    fn read(held: &mut OpenDirectory, directory: &Path, executable: &Path) -> Result<Self> {
        let mut spec = Self::default();
        if let Some(text) = held.read(Path::new("kernel.json"))? {
            spec = serde_json::from_slice(&text).with_context(|| {
                format!("could not understand `{}`", directory.join("kernel.json").display())
            })?;
            spec.is_installed = true;
            spec.name = directory.file_name().and_then(OsStr::to_str).map(str::to_owned);
        }
        let path = executable.with_file_name(OPTIONS);
        let relative = path.strip_prefix(directory).unwrap_or(&path);
        if let Some(text) = held.read(relative)? {
            let text = String::from_utf8(text)
                .map_err(|_| anyhow::anyhow!("`{}` is not UTF-8", path.display()))?;
            spec.options = Options::parse(&path.to_string_lossy(), &text)?;
        }
        spec.directory = path.parent().unwrap_or(&path).to_path_buf();
        Ok(spec)
    }

    /// Returns a specification that is not installed.
    #[must_use]
    pub fn with_options(name: &str, options: Options) -> Self {
        Self { name: Some(name.to_owned()), options, ..Self::default() }
    }

    /// Whether the kernel is interrupted by a message, so that no server sends it signals.
    #[must_use]
    pub fn takes_messages(&self) -> bool {
        self.interrupt_mode == "message"
    }

    /// Whether the `env` stanza has the variable.
    #[must_use]
    pub fn has_variable(&self, variable: &str) -> bool {
        self.env.contains_key(variable)
    }

    /// Whether the `env` stanza gives the variable this value.
    #[must_use]
    pub fn sets_variable(&self, variable: &str, value: &str) -> bool {
        self.env.get(variable).is_some_and(|given| given == value)
    }

    #[must_use]
    pub fn image(&self) -> Option<&str> {
        let Metadata { kernel_provisioner, process_proxy } = &self.metadata;
        let image = kernel_provisioner.config.image_name.as_ref();
        image.or(process_proxy.config.image_name.as_ref()).map(String::as_str)
    }

    /// How long the server waits for the kernel, as a number of seconds.
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
        assert!(spec.has_variable("A") && !spec.has_variable("B"));

        // Enterprise Gateway's stanza has no timeout.
        fs_err::write(&path, r#"{"metadata": {"process_proxy": {"config": {}}}}"#).unwrap();
        assert!(InstalledSpec::of(&executable).unwrap().launch_timeout().is_none());
        fs_err::write(&path, "{").unwrap();
        assert!(InstalledSpec::of(&executable).unwrap_err().to_string().contains("kernel.json"));
    }

    const KERNEL_JSON: &str =
        r#"{"metadata": {"kernel_provisioner": {"config": {"launch_timeout": 45}}}}"#;

    fn write(path: &Path, text: &str) {
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }

    #[test]
    fn a_launcher_that_was_moved_away_finds_what_is_in_its_place_or_nothing() {
        let root = tempfile::tempdir().unwrap();
        let path = |relative: &str| root.path().join(relative);
        let started_as = path("kernels/k/scripts/launch_docker");
        // What `/proc/self/exe` shows after a replacement or removal.
        let moved = [
            path("kernels/.jupyter-docker-spec-aBcDeF/0/scripts/launch_docker"),
            path("kernels/.jupyter-docker-spec-aBcDeF/0/scripts/launch_docker (deleted)"),
            path("kernels/.jupyter-docker-spec-aBcDeF,removes=k/removed/scripts/launch_docker"),
            path("kernels/k/scripts/launch_docker (deleted)"),
            path("kernels/k/scripts/launch_docker"),
        ];
        for executable in &moved {
            // The remains of the old specification, already without its limits.
            write(&executable.parent().unwrap().with_file_name("kernel.json"), "{}");
            write(&path("kernels/k/kernel.json"), KERNEL_JSON);
            write(&path("kernels/k/scripts/launch_docker.toml"), "mem_limit = \"1g\"");
            let spec = InstalledSpec::of_process(executable, &started_as).unwrap();
            assert_eq!(spec.launch_timeout(), Some("45"), "{}", executable.display());
            assert!(spec.options.get("mem_limit").is_some());
            // The server may have another directory of that name.
            if *executable != started_as {
                let relative = Path::new("kernels/k/scripts/launch_docker");
                InstalledSpec::of_process(executable, relative).unwrap_err();
            }

            // Emptied file by file, kernel.json first, and then removed.
            fs_err::remove_file(path("kernels/k/kernel.json")).unwrap();
            let mut errors = vec![InstalledSpec::of_process(executable, &started_as)];
            fs_err::remove_dir_all(path("kernels/k")).unwrap();
            errors.push(InstalledSpec::of_process(executable, &started_as));
            for error in errors {
                let error = error.unwrap_err().to_string();
                assert!(error.contains("start the kernel again"), "{error}");
            }
        }
    }

    #[test]
    fn a_launcher_that_several_share_is_of_none_but_where_it_is_a_link() {
        let root = tempfile::tempdir().unwrap();
        let path = |relative: &str| root.path().join(relative);
        let shared = path("bin/launch_docker");
        let gone = path("bin/launch_docker (deleted)");
        for executable in [&shared, &gone] {
            let spec = InstalledSpec::of_process(executable, &shared).unwrap();
            assert!(spec.name.is_none() && spec.launch_timeout().is_none());
        }
        InstalledSpec::of_process(&gone, Path::new("launch_docker")).unwrap_err();
        write(&path("bin/launch_docker.toml"), "mem_limit = \"1g\"");
        let spec = InstalledSpec::of_process(&shared, Path::new("launch_docker")).unwrap();
        assert!(spec.options.get("mem_limit").is_some());

        write(&path("k/kernel.json"), KERNEL_JSON);
        let link = path("k/scripts/launch_docker");
        let spec = InstalledSpec::of_process(&shared, &link).unwrap();
        assert_eq!((spec.name.as_deref(), spec.launch_timeout()), (Some("k"), Some("45")));
    }

    #[test]
    fn a_specification_whose_files_are_being_replaced_is_not_read() {
        let root = tempfile::tempdir().unwrap();
        let executable = root.path().join("k/scripts/launch_docker");
        write(&root.path().join("k/kernel.json"), KERNEL_JSON);
        let marker = root.path().join("k").join(REPLACING);
        fs_err::write(&marker, "").unwrap();
        let error = InstalledSpec::of(&executable).unwrap_err().to_string();
        assert!(error.contains("install the specification again with --replace"), "{error}");
        fs_err::remove_file(marker).unwrap();
        assert_eq!(InstalledSpec::of(&executable).unwrap().launch_timeout(), Some("45"));
    }

    #[test]
    fn options_that_are_there_and_cannot_be_read_are_not_left_out() {
        let root = tempfile::tempdir().unwrap();
        let executable = root.path().join("k/scripts/launch_docker");
        let options = executable.with_file_name(OPTIONS);
        let link = |target: &str| {
            let _ = fs_err::remove_file(&options);
            std::os::unix::fs::symlink(target, &options).unwrap();
        };
        write(&root.path().join("k/kernel.json"), KERNEL_JSON);
        fs_err::create_dir_all(&options).unwrap();
        let reason = || format!("{:#}", InstalledSpec::of(&executable).unwrap_err());
        assert!(reason().contains("is not a plain file"), "{}", reason());
        fs_err::remove_dir(&options).unwrap();
        link("nowhere");
        assert!(reason().contains("is a link to a file that is not there"), "{}", reason());
        link(OPTIONS);
        assert!(reason().contains("failed to open"), "{}", reason());
        fs_err::write(root.path().join("options"), "mem_limit = \"1g\"").unwrap();
        link("../../options");
        assert!(InstalledSpec::of(&executable).unwrap().options.get("mem_limit").is_some());
        link("nowhere");
        fs_err::remove_file(&options).unwrap();
        fs_err::rename(root.path().join("k/kernel.json"), root.path().join("away")).unwrap();
        std::os::unix::fs::symlink("nowhere", root.path().join("k/kernel.json")).unwrap();
        assert!(reason().contains("kernel.json` is a link"), "{}", reason());
    }
}
