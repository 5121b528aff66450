//! The configurable values of the Python tool: its classes with their traits, which name a value in
//! configuration files (`c.DockerSpecInstaller.image_name = ...`) and on the command line
//! (`--DockerSpecInstaller.image_name=...`).

use std::fmt;

use crate::text::nearest;

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

/// A class of the Python tool, the most derived one first: where two sections of a configuration set
/// the same value, the first of them counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// The command itself.
    DockerSpecInstaller,
    /// What all its sisters for other clusters have too.
    BaseSpecApp,
    /// What the provisioners are configured with.
    RemoteProvisionerConfigMixin,
    /// Every command of Jupyter.
    JupyterApp,
    /// Every application of traitlets.
    Application,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::DockerSpecInstaller,
        Self::BaseSpecApp,
        Self::RemoteProvisionerConfigMixin,
        Self::JupyterApp,
        Self::Application,
    ];

    /// Its name in configuration files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DockerSpecInstaller => "DockerSpecInstaller",
            Self::BaseSpecApp => "BaseSpecApp",
            Self::RemoteProvisionerConfigMixin => "RemoteProvisionerConfigMixin",
            Self::JupyterApp => "JupyterApp",
            Self::Application => "Application",
        }
    }

    /// The class of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// Whether it is the other class or derived from it.
    fn derives_from(self, other: Self) -> bool {
        match self {
            // Derived from nothing that has traits.
            Self::RemoteProvisionerConfigMixin => self == other,
            _ => self <= other,
        }
    }

    /// The traits that can be set in its section: its own, and those of the classes it derives from.
    pub fn traits(self) -> impl Iterator<Item = &'static Trait> {
        Trait::ALL.into_iter().filter(move |known| self.derives_from(known.class))
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// True or false.
    Flag,
    /// Text.
    Text,
    /// A whole number.
    Number,
    /// A set of names.
    Names,
    /// The name or number of a log level.
    Level,
    /// Of Python's own logging, which has no meaning here.
    PythonOnly,
}

/// A configurable value.
#[derive(Debug, PartialEq, Eq)]
pub struct Trait {
    /// The class that has it.
    pub class: Class,
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The option that stands for it.
    pub option: Option<&'static str>,
    /// The environment variables that stand for it, the first that is set counts.
    pub variables: &'static [&'static str],
    /// Its default, as JSON; `null` where it depends on other values.
    pub default: &'static str,
    /// What it is for.
    pub help: &'static str,
}

impl Trait {
    /// Whether Python's `None` is a value of it, which means its default.
    #[must_use]
    pub fn may_be_none(&self) -> bool {
        *self == IMAGE_NAME || *self == PORT_RANGE
    }
}

impl fmt::Display for Trait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.class, self.name)
    }
}

macro_rules! traits {
    ($($constant:ident: $class:ident.$name:ident, $kind:ident, $option:expr, $variables:expr, $default:literal, $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $constant: Trait = Trait {
                class: Class::$class,
                name: stringify!($name),
                kind: Kind::$kind,
                option: $option,
                variables: $variables,
                default: $default,
                help: $help,
            };
        )*

        impl Trait {
            /// All of them.
            pub const ALL: [&'static Self; [$(stringify!($constant)),*].len()] = [$(&$constant),*];
        }
    };
}

traits! {
    IMAGE_NAME: DockerSpecInstaller.image_name, Text, Some("--image-name"), &[variable::IMAGE_NAME],
        "null",
        "Image of the kernel's container.";
    SWARM: DockerSpecInstaller.swarm, Flag, Some("--swarm"), &[],
        "false",
        "Whether the kernel runs as a service of a Docker Swarm.";
    KERNEL_NAME: BaseSpecApp.kernel_name, Text, Some("--kernel-name"), &[],
        "null",
        "Name of the specification's directory.";
    DISPLAY_NAME: BaseSpecApp.display_name, Text, Some("--display-name"), &[],
        "null",
        "Name that people see.";
    LANGUAGE: BaseSpecApp.language, Text, Some("--language"), &[],
        "\"Python\"",
        "Language of the kernel: Python, R or Scala.";
    KERNEL_CLASS: BaseSpecApp.ipykernel_subclass_name, Text, Some("--ipykernel-subclass-name"), &[],
        "\"ipykernel.ipkernel.IPythonKernel\"",
        "For Python kernels, the dotted name of the ipykernel subclass.";
    USER: BaseSpecApp.user, Flag, Some("--user"), &[],
        "false",
        "Whether to install for the current user only.";
    PREFIX: BaseSpecApp.prefix, Text, Some("--prefix"), &[],
        "\"\"",
        "Prefix to install to, below PREFIX/share/jupyter/kernels.";
    REPLACE: BaseSpecApp.replace, Flag, Some("--replace"), &[],
        "false",
        "Whether a specification of this name is replaced.";
    AUTHORIZED_USERS: RemoteProvisionerConfigMixin.authorized_users, Names,
        Some("--authorized-users"), &[variable::AUTHORIZED_USERS],
        "[]",
        "Users who may start the kernel; nobody named means everybody.";
    UNAUTHORIZED_USERS: RemoteProvisionerConfigMixin.unauthorized_users, Names,
        Some("--unauthorized-users"), &[variable::UNAUTHORIZED_USERS],
        "[\"root\"]",
        "Users who may not start the kernel, also if authorized.";
    PORT_RANGE: RemoteProvisionerConfigMixin.port_range, Text, Some("--port-range"),
        &[variable::PORT_RANGE],
        "\"0..0\"",
        "Ports that the kernel takes its own from, such as 40000..42000; 0..0 for any.";
    LAUNCH_TIMEOUT: RemoteProvisionerConfigMixin.launch_timeout, Number, Some("--launch-timeout"),
        &[variable::LAUNCH_TIMEOUT, variable::KERNEL_LAUNCH_TIMEOUT],
        "30",
        "How many seconds the server waits for the kernel to start.";
    CONFIG_FILE: JupyterApp.config_file, Text, Some("--config"), &[],
        "\"\"",
        "A configuration file to read in place of those in Jupyter's directories.";
    CONFIG_FILE_NAME: JupyterApp.config_file_name, Text, None, &[],
        "\"jupyter_docker_spec_config\"",
        "Name, without its ending, of the configuration files in Jupyter's directories.";
    ANSWER_YES: JupyterApp.answer_yes, Flag, Some("--answer-yes"), &[],
        "false",
        "Whether every question is answered with yes.";
    GENERATE_CONFIG: JupyterApp.generate_config, Flag, Some("--generate-config"), &[],
        "false",
        "Whether to write a configuration file with all defaults, and do nothing else.";
    LOG_LEVEL: Application.log_level, Level, Some("--log-level"), &[],
        "\"INFO\"",
        "Least important messages to show.";
    SHOW_CONFIG: Application.show_config, Flag, Some("--show-config"), &[],
        "false",
        "Whether to print the values that are set, with their origin, and do nothing else.";
    SHOW_CONFIG_JSON: Application.show_config_json, Flag, Some("--show-config-json"), &[],
        "false",
        "The same as JSON.";
    LOG_FORMAT: Application.log_format, PythonOnly, None, &[],
        "null",
        "Format of log lines in the Python tool.";
    LOG_DATEFMT: Application.log_datefmt, PythonOnly, None, &[],
        "null",
        "Format of times in the Python tool.";
    LOGGING_CONFIG: Application.logging_config, PythonOnly, None, &[],
        "null",
        "Configuration of Python's logging.";
}

/// A value given as `--Class.trait=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassForm {
    /// The class that was named.
    pub section: Class,
    /// The trait.
    pub known: &'static Trait,
    /// The value.
    pub value: String,
}

/// Finds the trait of this name in a class's section.
///
/// # Errors
/// When there is no such class or trait: the sentence that says so, with the nearest that there is.
pub fn find(class: &str, name: &str) -> Result<(Class, &'static Trait), String> {
    let Some(section) = Class::named(class) else {
        let known = Class::ALL.map(Class::name);
        return Err(format!("there is no class `{class}`{}", nearest(class, known)));
    };
    match section.traits().find(|known| known.name == name) {
        Some(found) => Ok((section, found)),
        None => Err(format!(
            "`{class}` has no trait `{name}`{}",
            nearest(name, section.traits().map(|known| known.name))
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_has_the_traits_of_its_class_and_of_those_it_derives_from() {
        for (class, name, valid) in [
            ("DockerSpecInstaller", "image_name", true),
            ("DockerSpecInstaller", "log_level", true),
            ("BaseSpecApp", "authorized_users", true),
            ("BaseSpecApp", "image_name", false),
            ("RemoteProvisionerConfigMixin", "port_range", true),
            ("RemoteProvisionerConfigMixin", "answer_yes", false),
            ("JupyterApp", "show_config", true),
            ("Application", "answer_yes", false),
        ] {
            assert_eq!(find(class, name).is_ok(), valid, "{class}.{name}");
        }
    }

    #[test]
    fn the_nearest_name_is_suggested() {
        let error = |class, name| find(class, name).unwrap_err();
        assert_eq!(
            error("DockerSpecInstaler", "swarm"),
            "there is no class `DockerSpecInstaler`; did you mean `DockerSpecInstaller`?"
        );
        assert_eq!(
            error("BaseSpecApp", "kernelname"),
            "`BaseSpecApp` has no trait `kernelname`; did you mean `kernel_name`?"
        );
        assert_eq!(error("ServerApp", "x"), "there is no class `ServerApp`");
    }
}
