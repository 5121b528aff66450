//! The rows, in the order of the help.

use super::row::{Change, Kind, Setting};
use super::traits::{Class, Trait};
use crate::text::did_you_mean;

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
    /// The file that is installed as the bootstrap of local kernels.
    pub const BOOTSTRAP: &str = "JUPYTER_DOCKER_SPEC_BOOTSTRAP";
}

/// A text on the command line only, for which the rows say what is otherwise.
const TEXT: Setting = Setting {
    option: "",
    short: None,
    aliases: &[],
    heading: "",
    value_name: "",
    help: "",
    conflicts: &[],
    is_repeatable: false,
    may_begin_with_hyphen: false,
    kind: Kind::Text,
    configurable: None,
    variables: &[],
    default: "null",
    default_text: "",
    in_file: false,
    change: Change::No,
    may_be_none: false,
};

/// The same for true or false.
const FLAG: Setting = Setting { kind: Kind::Bool, default: "false", ..TEXT };

const fn of(class: Class, name: &'static str) -> Trait {
    Trait { class, name }
}

macro_rules! rows {
    ($($name:ident = $row:expr;)*) => {
        $(pub static $name: Setting = $row;)*

        /// All of them.
        pub static ALL: [&Setting; [$(stringify!($name)),*].len()] = [$(&$name),*];
    };
}

rows! {
    GATEWAY = Setting {
        option: "gateway",
        heading: "Kernel",
        value_name: "SYSTEM",
        help: "Whose kernels they are: gateway-provisioners, in any Jupyter server, or enterprise-gateway",
        kind: Kind::Choice(&["gateway-provisioners", "enterprise-gateway"]),
        default_text: "gateway-provisioners",
        in_file: true,
        ..TEXT
    };
    LOCAL = Setting {
        option: "local",
        heading: "Kernel",
        help: "Run the kernel for any Jupyter application, such as JupyterLab or VS Code, in any image that has it: no server has to know of Docker",
        in_file: true,
        ..FLAG
    };
    BRING_BOOTSTRAP = Setting {
        option: "bring-bootstrap",
        heading: "Kernel",
        help: "For a gateway, run the kernel in any image that has it, and bring along what else the gateway needs there",
        in_file: true,
        ..FLAG
    };
    LANGUAGE = Setting {
        option: "language",
        heading: "Kernel",
        value_name: "LANGUAGE",
        help: "Language of the kernel: Python, R or Scala; with --local or --bring-bootstrap, any other that --kernel-command or --image-kernelspec starts",
        configurable: Some(of(Class::BaseSpecApp, "language")),
        default: "\"Python\"",
        in_file: true,
        ..TEXT
    };
    IMAGE_NAME = Setting {
        option: "image-name",
        aliases: &["image"],
        heading: "Kernel",
        value_name: "IMAGE",
        help: "Image of the kernel's container",
        configurable: Some(of(Class::DockerSpecInstaller, "image_name")),
        variables: &[variable::IMAGE_NAME],
        default_text: "elyra/kernel-py, kernel-r or kernel-scala, :0.5.0; for Enterprise Gateway :3.3.0; none for --local",
        in_file: true,
        change: Change::Needed,
        may_be_none: true,
        ..TEXT
    };
    IMAGE_TAG = Setting {
        option: "image-tag",
        heading: "Kernel",
        value_name: "TAG",
        help: "Tag of the default image",
        conflicts: &["image-name"],
        in_file: true,
        ..TEXT
    };
    EXECUTOR_IMAGE_NAME = Setting {
        option: "executor-image-name",
        heading: "Kernel",
        value_name: "IMAGE",
        help: "Image of the executors of a Spark kernel",
        default_text: "that of the kernel",
        in_file: true,
        change: Change::Optional,
        ..TEXT
    };
    SWARM = Setting {
        option: "swarm",
        heading: "Kernel",
        help: "Run the kernel as a service of a Docker Swarm instead of as a container of one engine",
        configurable: Some(of(Class::DockerSpecInstaller, "swarm")),
        in_file: true,
        ..FLAG
    };
    NO_SWARM = Setting {
        option: "no-swarm",
        heading: "Kernel",
        help: "Run it as a container, whatever a configuration file or a sample says",
        ..FLAG
    };
    KERNEL_CLASS = Setting {
        option: "ipykernel-subclass-name",
        heading: "Kernel",
        value_name: "CLASS",
        help: "For Python kernels, the dotted name of the ipykernel subclass",
        configurable: Some(of(Class::BaseSpecApp, "ipykernel_subclass_name")),
        default: "\"ipykernel.ipkernel.IPythonKernel\"",
        in_file: true,
        change: Change::Optional,
        ..TEXT
    };
    KERNEL_COMMAND = Setting {
        option: "kernel-command",
        heading: "Kernel",
        value_name: "COMMAND",
        help: "Command that starts a kernel of --local or --bring-bootstrap, split as a shell would, with {connection_file} in it",
        may_begin_with_hyphen: true,
        default_text: "that of ipykernel or IRkernel",
        in_file: true,
        change: Change::Needed,
        ..TEXT
    };
    IMAGE_KERNELSPEC = Setting {
        option: "image-kernelspec",
        heading: "Kernel",
        value_name: "NAME",
        help: "For --local or --bring-bootstrap, take command, language, display name, variables and logos from this kernelspec of the image, or from the only one",
        kind: Kind::TextOrNothing,
        in_file: true,
        ..TEXT
    };
    ADD_KERNEL = Setting {
        option: "add-kernel",
        heading: "Kernel",
        help: "For --local or --bring-bootstrap, build an image on top of one that has no kernel: with ipykernel, or with IRkernel for --language=R",
        in_file: true,
        ..FLAG
    };
    BUILD_ARG = Setting {
        option: "build-arg",
        heading: "Kernel",
        value_name: "NAME[=VALUE]",
        help: "Build-time variable of --add-kernel, such as PIP_INDEX_URL; without VALUE, this environment's; repeatable",
        is_repeatable: true,
        in_file: true,
        ..TEXT
    };
    BUILD_NETWORK = Setting {
        option: "build-network",
        heading: "Kernel",
        value_name: "NETWORK",
        help: "Networking mode for the steps of --add-kernel, such as host",
        in_file: true,
        ..TEXT
    };
    PORT_RANGE = Setting {
        option: "port-range",
        heading: "Kernel",
        value_name: "LOW..HIGH",
        help: "Ports that the kernel takes its own from, such as 40000..42000; 0..0 for any",
        configurable: Some(of(Class::RemoteProvisionerConfigMixin, "port_range")),
        variables: &[variable::PORT_RANGE],
        default: "\"0..0\"",
        in_file: true,
        change: Change::Optional,
        may_be_none: true,
        ..TEXT
    };
    LAUNCH_TIMEOUT = Setting {
        option: "launch-timeout",
        heading: "Kernel",
        value_name: "SECONDS",
        help: "How long the server waits for the kernel to start",
        may_begin_with_hyphen: true,
        kind: Kind::Number,
        configurable: Some(of(Class::RemoteProvisionerConfigMixin, "launch_timeout")),
        variables: &[variable::LAUNCH_TIMEOUT, variable::KERNEL_LAUNCH_TIMEOUT],
        default: "30",
        default_text: "30, or what Enterprise Gateway has been told",
        in_file: true,
        change: Change::Optional,
        ..TEXT
    };
    AUTHORIZED_USERS = Setting {
        option: "authorized-users",
        heading: "Kernel",
        value_name: "USER",
        help: "User who may start the kernel; repeatable; nobody named means everybody",
        kind: Kind::Names,
        configurable: Some(of(Class::RemoteProvisionerConfigMixin, "authorized_users")),
        variables: &[variable::AUTHORIZED_USERS],
        default: "[]",
        in_file: true,
        change: Change::Optional,
        is_repeatable: true,
        ..TEXT
    };
    UNAUTHORIZED_USERS = Setting {
        option: "unauthorized-users",
        heading: "Kernel",
        value_name: "USER",
        help: "User who may not start the kernel, also if authorized; repeatable",
        kind: Kind::Names,
        configurable: Some(of(Class::RemoteProvisionerConfigMixin, "unauthorized_users")),
        variables: &[variable::UNAUTHORIZED_USERS],
        default: "[\"root\"]",
        in_file: true,
        change: Change::Optional,
        is_repeatable: true,
        ..TEXT
    };
    SHOW_LAUNCH_ERRORS = Setting {
        option: "show-launch-errors",
        heading: "Kernel",
        help: "Tell the notebook's user why a kernel could not be launched, not only the server's log; the server needs the Python package jupyter-docker-spec",
        in_file: true,
        ..FLAG
    };
    LAUNCHER = Setting {
        option: "launcher",
        heading: "Kernel",
        value_name: "KIND|PATH",
        help: "What starts the container: `native`, `python` (a launcher to be edited, which does not read launch_docker.toml) or a file",
        kind: Kind::ChoiceOrPath(&["native", "python"]),
        variables: &[variable::LAUNCHER],
        default_text: "native",
        in_file: true,
        ..TEXT
    };
    KERNEL_NAME = Setting {
        option: "kernel-name",
        heading: "Specification",
        value_name: "NAME",
        help: "Name of the specification's directory",
        configurable: Some(of(Class::BaseSpecApp, "kernel_name")),
        default_text: "docker_python, docker_r or docker_scala",
        in_file: true,
        ..TEXT
    };
    DISPLAY_NAME = Setting {
        option: "display-name",
        heading: "Specification",
        value_name: "NAME",
        help: "Name that people see",
        may_begin_with_hyphen: true,
        configurable: Some(of(Class::BaseSpecApp, "display_name")),
        default_text: "Docker Python, Docker R or Docker Scala",
        in_file: true,
        change: Change::Needed,
        ..TEXT
    };
    REPLACE = Setting {
        option: "replace",
        short: Some('f'),
        aliases: &["force"],
        heading: "Specification",
        help: "Replace a specification of this name",
        configurable: Some(of(Class::BaseSpecApp, "replace")),
        in_file: true,
        ..FLAG
    };
    FILE = Setting {
        option: "file",
        heading: "Specification",
        value_name: "FILE",
        help: "Install all specifications of a TOML file, or none: a `kernel` table for each, with these options as keys, and a `defaults` table for all; `-` is standard input",
        ..TEXT
    };
    SAMPLE = Setting {
        option: "sample",
        heading: "Specification",
        value_name: "NAME",
        help: "Install a sample of Enterprise Gateway's documentation, changed by the other options: R_docker, python_docker, python_tf_docker, python_tf_gpu_docker (with a GPU) or scala_docker; repeatable",
        kind: Kind::Choice(&["R_docker", "python_docker", "python_tf_docker", "python_tf_gpu_docker", "scala_docker"]),
        conflicts: &["file", "language"],
        is_repeatable: true,
        in_file: true,
        ..TEXT
    };
    SAMPLES = Setting {
        option: "samples",
        heading: "Specification",
        help: "Install all of these samples, or none",
        conflicts: &["file", "language"],
        ..FLAG
    };
    DRY_RUN = Setting {
        option: "dry-run",
        heading: "Specification",
        help: "Print what would be written, and what the launcher would ask the engine for, and write nothing",
        ..FLAG
    };
    USER = Setting {
        option: "user",
        heading: "Destination",
        help: "Install for the current user only",
        configurable: Some(of(Class::BaseSpecApp, "user")),
        in_file: true,
        ..FLAG
    };
    PREFIX = Setting {
        option: "prefix",
        heading: "Destination",
        value_name: "PREFIX",
        help: "Install below PREFIX/share/jupyter/kernels",
        kind: Kind::Path,
        configurable: Some(of(Class::BaseSpecApp, "prefix")),
        default: "\"\"",
        in_file: true,
        ..TEXT
    };
    SYS_PREFIX = Setting {
        option: "sys-prefix",
        heading: "Destination",
        help: "Install below the prefix of the Python environment this command belongs to",
        in_file: true,
        ..FLAG
    };
    CONFIG_FILE = Setting {
        option: "config",
        heading: "Configuration",
        value_name: "FILE",
        help: "Configuration file to read in place of those in Jupyter's directories",
        configurable: Some(of(Class::JupyterApp, "config_file")),
        default: "\"\"",
        ..TEXT
    };
    CONFIG_FILE_NAME = Setting {
        help: "Name, without its ending, of the configuration files in Jupyter's directories",
        configurable: Some(of(Class::JupyterApp, "config_file_name")),
        default: "\"jupyter_docker_spec_config\"",
        ..TEXT
    };
    SHOW_CONFIG = Setting {
        option: "show-config",
        heading: "Configuration",
        help: "Print the values that are set, with their origin, and install nothing",
        configurable: Some(of(Class::Application, "show_config")),
        ..FLAG
    };
    SHOW_CONFIG_JSON = Setting {
        option: "show-config-json",
        heading: "Configuration",
        help: "Print the same as JSON, and install nothing",
        configurable: Some(of(Class::Application, "show_config_json")),
        ..FLAG
    };
    GENERATE_CONFIG = Setting {
        option: "generate-config",
        heading: "Configuration",
        help: "Write a configuration file with all defaults, and install nothing",
        configurable: Some(of(Class::JupyterApp, "generate_config")),
        ..FLAG
    };
    ANSWER_YES = Setting {
        option: "answer-yes",
        short: Some('y'),
        heading: "Configuration",
        help: "Answer every question with yes",
        configurable: Some(of(Class::JupyterApp, "answer_yes")),
        ..FLAG
    };
    HELP_ALL = Setting {
        option: "help-all",
        heading: "Configuration",
        help: "Print this help, and all classes and traits of configuration files",
        ..FLAG
    };
    LOG_LEVEL = Setting {
        option: "log-level",
        heading: "Messages",
        value_name: "LEVEL",
        help: "Least important messages to show: 0, 10 to 50, DEBUG, INFO, WARN, ERROR or CRITICAL",
        kind: Kind::Level,
        configurable: Some(of(Class::Application, "log_level")),
        default: "\"INFO\"",
        ..TEXT
    };
    DEBUG = Setting {
        option: "debug",
        heading: "Messages",
        help: "Show all messages; the same as --log-level DEBUG",
        ..FLAG
    };
    LOG_FORMAT = Setting {
        help: "Format of log lines in the Python tool",
        kind: Kind::PythonOnly,
        configurable: Some(of(Class::Application, "log_format")),
        ..TEXT
    };
    LOG_DATEFMT = Setting {
        help: "Format of times in the Python tool",
        kind: Kind::PythonOnly,
        configurable: Some(of(Class::Application, "log_datefmt")),
        ..TEXT
    };
    LOGGING_CONFIG = Setting {
        help: "Configuration of Python's logging",
        kind: Kind::PythonOnly,
        configurable: Some(of(Class::Application, "logging_config")),
        ..TEXT
    };
}

/// The setting of this option, in which hyphens may be underscores.
#[must_use]
pub fn named(option: &str) -> Option<&'static Setting> {
    let option = option.replace('_', "-");
    ALL.into_iter().find(|known| !option.is_empty() && known.option == option)
}

/// Those that configuration files can have, with their traits.
pub fn configurable() -> impl Iterator<Item = (&'static Setting, Trait)> {
    ALL.into_iter().filter_map(|known| Some((known, known.configurable?)))
}

/// Those of a class's own, as far as they have a meaning here.
pub fn of_class(class: Class) -> impl Iterator<Item = (&'static Setting, Trait)> {
    let own = move |(known, name): &(&Setting, Trait)| {
        name.class == class && known.kind != Kind::PythonOnly
    };
    configurable().filter(own)
}

/// A value given as `--Class.trait=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassOption {
    /// The class that was named.
    pub section: Class,
    /// What its trait stands for.
    pub known: &'static Setting,
    pub value: String,
}

/// Finds the setting whose trait has this name in a class's section.
///
/// # Errors
/// When there is no such class or trait: the sentence that says so, with the nearest that there is.
pub fn find(class: &str, name: &str) -> Result<(Class, &'static Setting), String> {
    let Some(section) = Class::named(class) else {
        let known = Class::ALL.map(Class::name);
        return Err(format!("there is no class `{class}`{}", did_you_mean(class, known)));
    };
    let settings = || configurable().filter(|(_, known)| section.derives_from(known.class));
    match settings().find(|(_, known)| known.name == name) {
        Some((found, _)) => Ok((section, found)),
        None => Err(format!(
            "`{class}` has no trait `{name}`{}",
            did_you_mean(name, settings().map(|(_, known)| known.name))
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

    #[test]
    fn rows_are_consistent() {
        for known in ALL {
            serde_json::from_str::<serde_json::Value>(known.default).unwrap();
            let same = |other: &&Setting| !known.option.is_empty() && other.option == known.option;
            assert!(ALL.into_iter().filter(same).count() <= 1, "{known}");
            for other in known.conflicts {
                assert!(named(other).is_some(), "{known} conflicts with {other}");
            }
            let has_value = known.kind != Kind::Bool && !known.option.is_empty();
            assert_eq!(has_value, !known.value_name.is_empty(), "{known}");
        }
    }
}
