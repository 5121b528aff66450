//! The settings of one `install`, each from the first place that has it: command line, configuration
//! files, environment, default.

pub mod config;
mod kernel_name;
mod location;
pub mod lookup;
pub mod manifest;
mod port_range;
mod python;
pub mod sample;
mod system;
pub mod traits;

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Serialize;

pub use self::kernel_name::KernelName;
pub use self::location::Location;
use self::lookup::Lookup;
pub use self::port_range::PortRange;
pub use self::sample::Sample;
pub use self::system::System;
use self::traits::{Kind, Trait};
use crate::cli::Install;
use crate::engine::Reference;
use crate::env::Env;
use crate::options::flags;
use crate::templates;

/// Seconds that a server waits for a kernel by default.
pub const DEFAULT_LAUNCH_TIMEOUT: NonZeroU32 = NonZeroU32::new(30).unwrap();

/// The kernel class of a Python kernel by default.
pub const DEFAULT_KERNEL_CLASS: &str = "ipykernel.ipkernel.IPythonKernel";

/// Names of the environment variables that stand for an option.
pub mod variable {
    /// Equivalent to `--image-name`.
    pub const IMAGE_NAME: &str = "GP_IMAGE_NAME";
    /// Equivalent to `--authorized-users`: a list separated by commas.
    pub const AUTHORIZED_USERS: &str = "GP_AUTHORIZED_USERS";
    /// Equivalent to `--unauthorized-users`: a list separated by commas.
    pub const UNAUTHORIZED_USERS: &str = "GP_UNAUTHORIZED_USERS";
    /// Equivalent to `--port-range`.
    pub const PORT_RANGE: &str = "GP_PORT_RANGE";
    /// Equivalent to `--launch-timeout`, in seconds.
    pub const LAUNCH_TIMEOUT: &str = "GP_LAUNCH_TIMEOUT";
    /// Read where `GP_LAUNCH_TIMEOUT` is not set.
    pub const KERNEL_LAUNCH_TIMEOUT: &str = "KERNEL_LAUNCH_TIMEOUT";
    /// Equivalent to `--launcher`.
    pub const LAUNCHER: &str = "JUPYTER_DOCKER_SPEC_LAUNCHER";
}

/// The language of a kernel, with all that depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Python, by `ipykernel`.
    Python,
    /// R, by `IRkernel`.
    R,
    /// Scala, by Apache Toree.
    Scala,
}

impl Language {
    /// The language of this name, in any case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Python, Self::R, Self::Scala]
            .into_iter()
            .find(|l| l.key().eq_ignore_ascii_case(name))
    }

    /// What `kernel.json` calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::R => "R",
            Self::Scala => "scala",
        }
    }

    /// The lower-case name, as in file and kernel names.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::R => "r",
            Self::Scala => "scala",
        }
    }

    /// The name of its specifications by default.
    #[must_use]
    pub fn default_kernel_name(self) -> String {
        format!("docker_{}", self.key())
    }

    /// What people see by default.
    #[must_use]
    pub const fn default_display_name(self) -> &'static str {
        match self {
            Self::Python => "Docker Python",
            Self::R => "Docker R",
            Self::Scala => "Docker Scala",
        }
    }

    /// The image of its kernels by default, without a tag.
    #[must_use]
    pub const fn default_image(self) -> &'static str {
        match self {
            Self::Python => "elyra/kernel-py",
            Self::R => "elyra/kernel-r",
            Self::Scala => "elyra/kernel-scala",
        }
    }
}

/// What the kernel's container is made by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// One Docker Engine: a container.
    Docker,
    /// A Docker Swarm: a service.
    Swarm,
}

impl Mode {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Swarm => "swarm",
        }
    }
}

/// What starts the kernel's container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Launcher {
    /// The executable `launch_docker`, found beside this program.
    Native,
    /// Our launcher in Python, to be edited.
    Python,
    /// A file of the user's.
    File(PathBuf),
}

/// Everything that `install` needs to know, validated.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The system that starts the kernel.
    pub system: System,
    /// The language of the kernel.
    pub language: Language,
    /// Container or service.
    pub mode: Mode,
    /// The directory's name.
    pub kernel_name: KernelName,
    /// What people see.
    pub display_name: String,
    /// The image of the kernel's container.
    pub image_name: String,
    /// The image of the executors of a Spark kernel, if it is not that of the kernel.
    pub executor_image_name: Option<String>,
    /// Users who may start the kernel; nobody named means everybody.
    pub authorized_users: BTreeSet<String>,
    /// Users who may not; `None` is the server's default, `root`.
    pub unauthorized_users: Option<BTreeSet<String>>,
    /// The ports the kernel may use; `None` for any.
    pub port_range: Option<PortRange>,
    /// Seconds that the server waits for the kernel; `None` for its default.
    pub launch_timeout: Option<NonZeroU32>,
    /// The class of a Python kernel; `None` for other languages.
    pub kernel_class: Option<String>,
    /// Where the specification goes.
    pub location: Location,
    /// Whether an existing specification is replaced.
    pub replace: bool,
    /// Whether the user is told why a kernel could not be launched, by classes of this project's
    /// Python package.
    pub show_launch_errors: bool,
    /// What starts the container.
    pub launcher: Launcher,
    /// The text of `launch_docker.toml`; `None` for a launcher of the user's, which may not read it.
    pub options: Option<String>,
}

impl Settings {
    /// The settings that the command line, the configuration files and the environment come to.
    ///
    /// # Errors
    /// When a value is not valid: it names the place it is from and what is accepted.
    pub fn resolve(args: &Install, lookup: &Lookup<'_>) -> Result<Self> {
        for known in Trait::ALL.into_iter().filter(|known| known.kind == Kind::PythonOnly) {
            if lookup.text(known).is_some() {
                tracing::warn!("`{known}` has no meaning here and is ignored");
            }
        }
        let language = match lookup.text(&traits::LANGUAGE) {
            None => Language::Python,
            Some(given) => Language::parse(&given.value)
                .with_context(|| given.must("be one of Python, R and Scala"))?,
        };
        // The Python tool cannot tell its default from the same value given, and neither do we:
        // `--language=R --kernel-name=docker_python` has always meant `docker_r`.
        let name_or = |known, of_python: &str, default: String| {
            let given = lookup.text(known).map(|given| given.value);
            given.filter(|name| name != of_python).unwrap_or(default)
        };
        let kernel_name = name_or(
            &traits::KERNEL_NAME,
            &Language::Python.default_kernel_name(),
            language.default_kernel_name(),
        );
        let system = args.gateway.unwrap_or(System::GatewayProvisioners);
        let image_name = image_name(args, lookup, language, system)?;
        let executor = args.executor_image_name.clone();
        ensure!(
            executor.as_ref().is_none_or(|image| !image.trim().is_empty()),
            "`--executor-image-name` must name an image"
        );
        let mode = if lookup.flag(&traits::SWARM)? { Mode::Swarm } else { Mode::Docker };
        let launcher = launcher(args, lookup.env)?;
        Ok(Self {
            system,
            language,
            mode,
            kernel_name: match args.sample.first().filter(|sample| sample.name() == kernel_name) {
                Some(sample) => KernelName::of_sample(*sample),
                None => KernelName::parse(&kernel_name)?,
            },
            display_name: name_or(
                &traits::DISPLAY_NAME,
                Language::Python.default_display_name(),
                language.default_display_name().to_owned(),
            ),
            image_name,
            executor_image_name: executor,
            authorized_users: lookup.names(&traits::AUTHORIZED_USERS).unwrap_or_default(),
            unauthorized_users: lookup
                .names(&traits::UNAUTHORIZED_USERS)
                .filter(|users| !users.is_empty() && !users.iter().eq(["root"])),
            port_range: port_range(lookup)?,
            launch_timeout: launch_timeout(lookup)?,
            kernel_class: kernel_class(lookup, language)?,
            location: location(args, lookup)?,
            replace: lookup.flag(&traits::REPLACE)?,
            show_launch_errors: args.show_launch_errors,
            options: options(args, &launcher, mode)?,
            launcher,
        })
    }
}

/// The image of the kernel. A tag on the command line is that of the default image, whatever a
/// configuration file or the environment says.
fn image_name(
    args: &Install,
    lookup: &Lookup<'_>,
    language: Language,
    system: System,
) -> Result<String> {
    let in_line = lookup.line.has(&traits::IMAGE_NAME);
    let given = lookup.text(&traits::IMAGE_NAME);
    let tag = match &args.image_tag {
        None => system.image_tag(),
        Some(tag) => {
            // The tag of a sample is part of the name that it gives.
            ensure!(
                !in_line || !args.sample.is_empty(),
                "`--image-tag` is for the default image; put the tag into the name of this one"
            );
            let name = format!("{}:{tag}", language.default_image());
            let valid = name.parse::<Reference>().is_ok_and(|name| name.version() == tag);
            ensure!(valid, "`--image-tag` of `{tag}` must be the tag of an image");
            tag
        }
    };
    match given.filter(|_| in_line || args.image_tag.is_none()) {
        None => Ok(format!("{}:{tag}", language.default_image())),
        Some(given) => {
            ensure!(!given.value.trim().is_empty(), given.must("name an image"));
            Ok(given.value)
        }
    }
}

fn port_range(lookup: &Lookup<'_>) -> Result<Option<PortRange>> {
    match lookup.text(&traits::PORT_RANGE).filter(|given| !given.value.is_empty()) {
        None => Ok(None),
        Some(given) => PortRange::parse(&given.value).with_context(|| given.to_string()),
    }
}

fn launch_timeout(lookup: &Lookup<'_>) -> Result<Option<NonZeroU32>> {
    let Some(given) = lookup.text(&traits::LAUNCH_TIMEOUT) else { return Ok(None) };
    let seconds = given.value.trim().parse().ok();
    seconds.with_context(|| given.must("be a whole number of seconds greater than 0")).map(Some)
}

fn kernel_class(lookup: &Lookup<'_>, language: Language) -> Result<Option<String>> {
    let given = lookup.text(&traits::KERNEL_CLASS);
    if language != Language::Python {
        if given.is_some_and(|given| given.value != DEFAULT_KERNEL_CLASS) {
            tracing::warn!(
                "--ipykernel-subclass-name will be ignored since --language is not Python."
            );
        }
        return Ok(None);
    }
    let Some(given) = given else { return Ok(Some(DEFAULT_KERNEL_CLASS.to_owned())) };
    let parts: Vec<&str> = given.value.split('.').collect();
    let dotted = parts.len() > 1
        && parts.iter().all(|part| {
            part.chars().all(|c| c.is_alphanumeric() || c == '_')
                && part.chars().next().is_some_and(|c| !c.is_numeric())
        });
    ensure!(dotted, given.must("be the dotted name of a class, such as `package.module.Class`"));
    Ok(Some(given.value))
}

fn location(args: &Install, lookup: &Lookup<'_>) -> Result<Location> {
    // A prefix that is no text is only on the command line, where the lookup does not have it.
    let prefix = match &args.place.prefix {
        Some(prefix) => Some(PathBuf::from(prefix)),
        None => lookup.text(&traits::PREFIX).map(|given| PathBuf::from(given.value)),
    };
    Location::new(lookup.flag(&traits::USER)?, prefix, args.place.sys_prefix)
}

fn launcher(args: &Install, env: &Env) -> Result<Launcher> {
    let given = args.launcher.as_deref().or_else(|| env.get(variable::LAUNCHER));
    Ok(match given {
        None | Some("native") => Launcher::Native,
        Some("python") => Launcher::Python,
        Some("") => bail!("`--launcher` must be `native`, `python` or the path of a file"),
        Some(path) => Launcher::File(PathBuf::from(path)),
    })
}

fn options(args: &Install, launcher: &Launcher, mode: Mode) -> Result<Option<String>> {
    let refused = args.container.iter().find(|(flag, _)| match launcher {
        Launcher::Native => false,
        Launcher::Python => !templates::python_knows(flag.key, mode),
        Launcher::File(_) => true,
    });
    if let Some((flag, _)) = refused {
        bail!(
            "--{} is not possible with --launcher; edit that launcher, or take the native one",
            flag.long
        );
    }
    match launcher {
        Launcher::Native | Launcher::Python => {
            flags::written(templates::options(), &args.container).map(Some)
        }
        Launcher::File(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests;
