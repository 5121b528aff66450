//! The settings of one `install`, each from the first place that has it: command line, environment,
//! default. A configuration file's place is between the first two, in `Lookup`.

mod kernel_name;
mod port_range;

use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};

pub use self::kernel_name::KernelName;
pub use self::port_range::PortRange;
use crate::cli::Install;
use crate::env::Env;

/// The release of `gateway_provisioners` whose kernel images are the default.
pub const IMAGE_TAG: &str = "0.5.0";

/// Seconds that the server waits for a kernel by default.
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
    fn parse(name: &str) -> Option<Self> {
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

    fn default_kernel_name(self) -> String {
        format!("docker_{}", self.key())
    }

    const fn default_display_name(self) -> &'static str {
        match self {
            Self::Python => "Docker Python",
            Self::R => "Docker R",
            Self::Scala => "Docker Scala",
        }
    }

    fn default_image(self) -> String {
        let name = match self {
            Self::Python => "py",
            Self::R => "r",
            Self::Scala => "scala",
        };
        format!("elyra/kernel-{name}:{IMAGE_TAG}")
    }
}

/// What the kernel's container is made by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One Docker Engine: a container.
    Docker,
    /// A Docker Swarm: a service.
    Swarm,
}

/// Where the specification goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// The first system-wide directory.
    System,
    /// The user's own directory.
    User,
    /// Below this prefix.
    Prefix(PathBuf),
    /// Below the prefix of the Python environment that the program belongs to.
    SysPrefix,
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
    /// Users who may start the kernel; nobody named means everybody.
    pub authorized_users: BTreeSet<String>,
    /// Users who may not; `None` is the server's default, `root`.
    pub unauthorized_users: Option<BTreeSet<String>>,
    /// The ports the kernel may use; `None` for any.
    pub port_range: Option<PortRange>,
    /// Seconds that the server waits for the kernel.
    pub launch_timeout: NonZeroU32,
    /// The class of a Python kernel; `None` for other languages.
    pub kernel_class: Option<String>,
    /// Where the specification goes.
    pub location: Location,
    /// Whether an existing specification is replaced.
    pub replace: bool,
    /// What starts the container.
    pub launcher: Launcher,
}

impl Settings {
    /// The settings from the command line and the environment.
    ///
    /// # Errors
    /// When a value is not valid: it names the option or variable and what is accepted.
    pub fn resolve(args: &Install, env: &Env) -> Result<Self> {
        let lookup = Lookup { env };
        let language = match lookup.text(args.language.as_ref(), "--language", &[]) {
            None => Language::Python,
            Some(given) => Language::parse(&given.value)
                .with_context(|| given.must("be one of Python, R and Scala"))?,
        };
        // The Python tool cannot tell its default from the same value given, and neither do we:
        // `--language=R --kernel-name=docker_python` has always meant `docker_r`.
        let kernel_name = args
            .kernel_name
            .clone()
            .filter(|name| *name != Language::Python.default_kernel_name())
            .unwrap_or_else(|| language.default_kernel_name());
        let display_name = args
            .display_name
            .clone()
            .filter(|name| name != Language::Python.default_display_name())
            .unwrap_or_else(|| language.default_display_name().to_owned());

        let image_name =
            lookup.text(args.image_name.as_ref(), "--image-name", &[variable::IMAGE_NAME]);
        if let Some(given) = &image_name {
            ensure!(!given.value.trim().is_empty(), given.must("name an image"));
        }

        let unauthorized = lookup.list(&args.unauthorized_users, variable::UNAUTHORIZED_USERS);
        Ok(Self {
            language,
            mode: if args.swarm { Mode::Swarm } else { Mode::Docker },
            kernel_name: KernelName::parse(&kernel_name)?,
            display_name,
            image_name: image_name.map_or_else(|| language.default_image(), |given| given.value),
            authorized_users: lookup
                .list(&args.authorized_users, variable::AUTHORIZED_USERS)
                .unwrap_or_default(),
            unauthorized_users: unauthorized
                .filter(|users| !users.is_empty() && !users.iter().eq(["root"])),
            port_range: port_range(&lookup, args)?,
            launch_timeout: launch_timeout(&lookup, args)?,
            kernel_class: kernel_class(&lookup, args, language)?,
            location: location(args)?,
            replace: args.replace,
            launcher: launcher(&lookup, args)?,
        })
    }
}

/// A value and where it came from, for messages.
struct Given {
    value: String,
    origin: &'static str,
}

impl Given {
    /// The sentence that says what is wrong with the value.
    fn must(&self, what: &str) -> String {
        format!("{self} must {what}")
    }
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` of `{}`", self.origin, self.value)
    }
}

/// Finds values in the places they may be in, first place first.
struct Lookup<'a> {
    env: &'a Env,
}

impl Lookup<'_> {
    fn text(
        &self,
        flag: Option<&String>,
        option: &'static str,
        variables: &[&'static str],
    ) -> Option<Given> {
        if let Some(value) = flag {
            return Some(Given { value: value.clone(), origin: option });
        }
        variables.iter().find_map(|&name| {
            let value = self.env.get(name)?.to_owned();
            Some(Given { value, origin: name })
        })
    }

    /// A set of names, blanks around them and empty ones dropped; `None` if no place has it.
    fn list(&self, flags: &[String], variable: &'static str) -> Option<BTreeSet<String>> {
        let given: Vec<&str> = if flags.is_empty() {
            vec![self.env.get(variable)?]
        } else {
            flags.iter().map(String::as_str).collect()
        };
        let names = given.iter().flat_map(|names| names.split(','));
        Some(names.map(str::trim).filter(|n| !n.is_empty()).map(str::to_owned).collect())
    }
}

fn port_range(lookup: &Lookup<'_>, args: &Install) -> Result<Option<PortRange>> {
    let Some(given) =
        lookup.text(args.port_range.as_ref(), "--port-range", &[variable::PORT_RANGE])
    else {
        return Ok(None);
    };
    if given.value.is_empty() {
        return Ok(None);
    }
    PortRange::parse(&given.value).with_context(|| given.to_string())
}

fn launch_timeout(lookup: &Lookup<'_>, args: &Install) -> Result<NonZeroU32> {
    let variables = [variable::LAUNCH_TIMEOUT, variable::KERNEL_LAUNCH_TIMEOUT];
    match lookup.text(args.launch_timeout.as_ref(), "--launch-timeout", &variables) {
        None => Ok(DEFAULT_LAUNCH_TIMEOUT),
        Some(given) => given
            .value
            .trim()
            .parse()
            .ok()
            .with_context(|| given.must("be a whole number of seconds greater than 0")),
    }
}

fn kernel_class(lookup: &Lookup<'_>, args: &Install, language: Language) -> Result<Option<String>> {
    let given =
        lookup.text(args.ipykernel_subclass_name.as_ref(), "--ipykernel-subclass-name", &[]);
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

fn location(args: &Install) -> Result<Location> {
    // `--prefix=` is Python's way to say nothing.
    let prefix = args.prefix.clone().filter(|prefix| !prefix.is_empty());
    if args.user && (args.sys_prefix || prefix.is_some()) {
        bail!("Can't specify both user and prefix. Please choose one or the other.");
    }
    Ok(match prefix {
        _ if args.sys_prefix => Location::SysPrefix,
        _ if args.user => Location::User,
        Some(prefix) => Location::Prefix(prefix.into()),
        None => Location::System,
    })
}

fn launcher(lookup: &Lookup<'_>, args: &Install) -> Result<Launcher> {
    let Some(given) = lookup.text(args.launcher.as_ref(), "--launcher", &[variable::LAUNCHER])
    else {
        return Ok(Launcher::Native);
    };
    Ok(match given.value.as_str() {
        "" => bail!("{}", given.must("be `native`, `python` or the path of a file")),
        "native" => Launcher::Native,
        "python" => Launcher::Python,
        path => Launcher::File(PathBuf::from(path)),
    })
}

#[cfg(test)]
mod tests;
