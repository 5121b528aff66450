//! The settings of one `install`, each from the first place that has it: command line, configuration
//! files, environment, default.

pub mod changed;
pub mod config;
mod image;
mod kernel;
mod kernel_class;
mod kernel_name;
mod local;
mod location;
pub mod lookup;
pub mod manifest;
mod names;
mod of_image;
mod of_local;
mod port_range;
mod python;
mod relative;
pub mod sample;
mod users;
pub mod values;

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};

use self::image::check_image;
use self::kernel::Kernel;
pub use self::kernel_class::DEFAULT_KERNEL_CLASS;
use self::kernel_class::kernel_class;
pub use self::kernel_name::KernelName;
pub use self::local::with_engine;
pub use self::location::Location;
use self::lookup::Lookup;
use self::names::{kernel_name, names};
pub use self::of_image::{Question, Wanted};
pub use self::of_local::known_command;
pub use self::port_range::PortRange;
pub use self::relative::container as resolved;
use self::users::{authorized_users, unauthorized_users};
use crate::cli::Install;
use crate::engine::Reference;
use crate::env::Env;
use crate::image::{Addition, Answer, Kernelspec};
use crate::layout::{OPTIONS, PYTHON};
use crate::model::{Language, LanguageName, Mode, Sample};
use crate::options::written;
use crate::server::System;
use crate::setting::{self, Kind};
use crate::templates;

/// What a launcher that does not read `launch_docker.toml` is called.
pub const CUSTOM_LAUNCHER: &str = "a launcher of your own";
/// The same of ours in Python, and of the Python tool's.
pub const PYTHON_LAUNCHER: &str = "the launcher in Python";

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
    pub language: LanguageName,
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
    /// The text of `launch_docker.toml`; `None` for launchers that do not read it.
    pub options: Option<String>,
    /// Whether the kernel of a gateway is started by our bootstrap, and not by one that its image has.
    pub brings_bootstrap: bool,
    /// The kernelspec of the image that it is made of.
    pub of_image: Option<Kernelspec>,
    /// The image that has to be built for it.
    pub addition: Option<Addition>,
}

impl Settings {
    /// The settings that the command line, the configuration files and the environment come to, with the answer
    /// to what there was to ask before: see [`Question`].
    ///
    /// # Errors
    /// When a value is not valid: it names the place it is from and what is accepted.
    pub fn resolve(args: &Install, lookup: &Lookup<'_>, answer: Answer) -> Result<Self> {
        for known in setting::ALL.into_iter().filter(|known| known.kind == Kind::PythonOnly) {
            if lookup.text(known).is_some() {
                tracing::warn!("`{known}` has no meaning here and is ignored");
            }
        }
        let system = system(lookup)?;
        if system == System::Local {
            return local_settings(args, lookup, answer);
        }
        let brings_bootstrap = lookup.flag(&setting::BRING_BOOTSTRAP)?;
        local::only(args, brings_bootstrap)?;
        let (sample, launcher) = (sample(lookup)?, launcher(lookup)?);
        let executor = lookup.text(&setting::EXECUTOR_IMAGE_NAME);
        executor.iter().try_for_each(check_image)?;
        let mode = if lookup.flag(&setting::SWARM)? { Mode::Swarm } else { Mode::Docker };
        let kernel = if brings_bootstrap {
            local::check_launcher(lookup.line, &setting::BRING_BOOTSTRAP)?;
            Kernel::brought(args, lookup, answer, sample)?
        } else {
            kernel_of_image(args, lookup, system, sample, &launcher)?
        };
        let known = kernel.language.known();
        Ok(Self {
            system,
            mode,
            language: kernel.language,
            kernel_name: kernel.name,
            display_name: kernel.display_name,
            image_name: kernel.image_name,
            executor_image_name: executor.map(|given| given.value),
            authorized_users: authorized_users(lookup)?,
            unauthorized_users: unauthorized_users(lookup, system)?,
            port_range: port_range(lookup)?,
            launch_timeout: launch_timeout(lookup)?,
            kernel_class: known.map(|known| kernel_class(lookup, known)).transpose()?.flatten(),
            location: location(args, lookup)?,
            replace: lookup.flag(&setting::REPLACE)?,
            show_launch_errors: lookup.flag(&setting::SHOW_LAUNCH_ERRORS)?,
            options: kernel.options,
            launcher,
            brings_bootstrap,
            of_image: kernel.of_image,
            addition: kernel.addition,
        })
    }
}

/// The settings of `install --local`.
fn local_settings(args: &Install, lookup: &Lookup<'_>, answer: Answer) -> Result<Settings> {
    local::check(lookup)?;
    let kernel = Kernel::brought(args, lookup, answer, None)?;
    Ok(Settings {
        system: System::Local,
        language: kernel.language,
        mode: Mode::Docker,
        kernel_name: kernel.name,
        display_name: kernel.display_name,
        options: kernel.options,
        image_name: kernel.image_name,
        executor_image_name: None,
        authorized_users: BTreeSet::new(),
        unauthorized_users: None,
        port_range: None,
        launch_timeout: None,
        kernel_class: None,
        location: location(args, lookup)?,
        replace: lookup.flag(&setting::REPLACE)?,
        show_launch_errors: lookup.flag(&setting::SHOW_LAUNCH_ERRORS)?,
        launcher: launcher(lookup)?,
        brings_bootstrap: false,
        of_image: kernel.of_image,
        addition: kernel.addition,
    })
}

/// Where a specification will be and how it will be called, if that is known before its image is.
///
/// # Errors
/// When a value is not valid.
pub fn known_place(
    args: &Install,
    lookup: &Lookup<'_>,
    wanted: &Wanted,
) -> Result<Option<(Location, KernelName)>> {
    let python = LanguageName::Known(Language::Python).default_kernel_name();
    let given = lookup.text(&setting::KERNEL_NAME).filter(|given| given.value != python);
    let default = match wanted {
        Wanted::Kernelspec(name) => name.as_ref().map(|name| format!("docker_{name}")),
        Wanted::Kernel(language) => Some(LanguageName::Known(*language).default_kernel_name()),
    };
    let name = match given {
        Some(given) => Some(KernelName::parse(&given.value)?),
        None => default.and_then(|name| KernelName::parse(&name).ok()),
    };
    name.map(|name| Ok((location(args, lookup)?, name))).transpose()
}

/// The server, or else the default.
///
/// # Errors
/// When there is no such server.
fn system(lookup: &Lookup<'_>) -> Result<System> {
    if lookup.flag(&setting::LOCAL)? {
        return Ok(System::Local);
    }
    let Some(given) = lookup.text(&setting::GATEWAY) else { return Ok(System::GATEWAYS[0]) };
    System::named(&given.value).with_context(|| given.must("be the name of a gateway"))
}

/// The sample that the specification is.
fn sample(lookup: &Lookup<'_>) -> Result<Option<Sample>> {
    let Some(given) = lookup.text(&setting::SAMPLE) else { return Ok(None) };
    Sample::named(&given.value).with_context(|| given.must("be the name of a sample")).map(Some)
}

/// A kernel that is started by the bootstrap of its image.
fn kernel_of_image(
    args: &Install,
    lookup: &Lookup<'_>,
    system: System,
    sample: Option<Sample>,
    launcher: &Launcher,
) -> Result<Kernel> {
    let known = match lookup.text(&setting::LANGUAGE) {
        None => Language::Python,
        Some(given) => Language::parse(&given.value).with_context(|| {
            given.must(
                "be one of Python, R and Scala; only kernels of `--local` and `--bring-bootstrap` can have another",
            )
        })?,
    };
    let language = LanguageName::Known(known);
    let (name, display_name) = names(lookup, &language, None)?;
    Ok(Kernel {
        name: kernel_name(&name, sample, &language, lookup)?,
        language,
        display_name,
        image_name: image_name(sample, lookup, known, system)?,
        options: options(args, launcher, lookup.env)?,
        of_image: None,
        addition: None,
    })
}

/// The image of the kernel. A tag on the command line is that of the default image, whatever a
/// configuration file or the environment says.
fn image_name(
    sample: Option<Sample>,
    lookup: &Lookup<'_>,
    language: Language,
    system: System,
) -> Result<String> {
    let in_line = lookup.line.has(&setting::IMAGE_NAME);
    let given = lookup.text(&setting::IMAGE_NAME);
    let given_tag = lookup.text(&setting::IMAGE_TAG).map(|given| given.value);
    let tag = match &given_tag {
        None => system.facts().image_tag,
        Some(tag) => {
            // The tag of a sample is part of the name that it gives.
            ensure!(
                !in_line || sample.is_some(),
                "`--image-tag` is for the default image; put the tag into the name of this one"
            );
            let name = format!("{}:{tag}", language.default_image());
            let valid = name.parse::<Reference>().is_ok_and(|name| name.version() == tag);
            ensure!(valid, "`--image-tag` of `{tag}` must be the tag of an image");
            tag
        }
    };
    match given.filter(|_| in_line || given_tag.is_none()) {
        None => Ok(format!("{}:{tag}", language.default_image())),
        Some(given) => {
            check_image(&given)?;
            Ok(given.value)
        }
    }
}

fn port_range(lookup: &Lookup<'_>) -> Result<Option<PortRange>> {
    match lookup.text(&setting::PORT_RANGE).filter(|given| !given.value.is_empty()) {
        None => Ok(None),
        Some(given) => PortRange::parse(&given.value).with_context(|| given.to_string()),
    }
}

fn launch_timeout(lookup: &Lookup<'_>) -> Result<Option<NonZeroU32>> {
    let Some(given) = lookup.text(&setting::LAUNCH_TIMEOUT) else { return Ok(None) };
    let seconds = values::integer(&given.value).and_then(|seconds| u32::try_from(seconds).ok());
    let seconds = seconds.and_then(NonZeroU32::new);
    seconds.with_context(|| given.must("be a whole number of seconds greater than 0")).map(Some)
}

fn location(args: &Install, lookup: &Lookup<'_>) -> Result<Location> {
    // Only on the command line a prefix may be no text.
    let prefix = match &args.prefix {
        Some(prefix) => Some(PathBuf::from(prefix)),
        None => lookup.text(&setting::PREFIX).map(|given| PathBuf::from(given.value)),
    };
    let sys_prefix = lookup.flag(&setting::SYS_PREFIX)?;
    Location::new(lookup.flag(&setting::USER)?, prefix, sys_prefix)
}

fn launcher(lookup: &Lookup<'_>) -> Result<Launcher> {
    let given = lookup.text(&setting::LAUNCHER).map(|given| given.value);
    Ok(match given.as_deref() {
        None | Some("native") => Launcher::Native,
        Some("python") => Launcher::Python,
        Some("") => bail!("`--launcher` must be `native`, `python` or the path of a file"),
        Some(path) => Launcher::File(PathBuf::from(path)),
    })
}

fn options(args: &Install, launcher: &Launcher, env: &Env) -> Result<Option<String>> {
    if *launcher == Launcher::Native {
        let given = resolved(&args.container, env)?;
        let mut text = written::written(templates::options(), &given, env)?;
        if let Some(more) = &args.launch_docker {
            text = format!("{text}\n{more}");
        }
        return Ok(Some(text));
    }
    let option = args.container.first().map(|(flag, _)| format!("--{}", flag.long));
    let table = args.launch_docker.as_ref().map(|_| manifest::LAUNCH_DOCKER.to_owned());
    let Some(option) = option.or(table) else { return Ok(None) };
    let (what, file) = match launcher {
        Launcher::File(path) => (CUSTOM_LAUNCHER, path.display().to_string()),
        _ => (PYTHON_LAUNCHER, format!("scripts/{PYTHON}")),
    };
    bail!(
        "{}: take the native launcher, or install without the option and say the same in `{file}`",
        not_supported(&option, what)
    )
}

/// The beginning of the sentence for what a launcher does not read.
#[must_use]
pub fn not_supported(option: &str, launcher: &str) -> String {
    format!("`{option}` goes into {OPTIONS}, which {launcher} does not read")
}

#[cfg(test)]
mod tests;
