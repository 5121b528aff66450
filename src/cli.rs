//! The command line of `jupyter-docker-spec`: words only, no logic. The doc comments of the options
//! are the text of `--help`.

#![expect(clippy::doc_markdown, reason = "back-quotes would be seen in the help")]

use std::ffi::OsString;
use std::num::{NonZeroU16, NonZeroU32};
use std::path::PathBuf;

use clap::{ArgAction, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::compose::PublishMode;
use crate::env::Env;
use crate::options::flags;
use crate::settings::lookup::ClassForm;
use crate::settings::traits::{self, Trait};
use crate::settings::{Sample, System};

/// The name of the program.
const PROGRAM: &str = "jupyter-docker-spec";

/// Creates Jupyter kernel specifications whose kernels run as Docker containers or as Docker Swarm
/// services.
#[derive(Debug, Parser)]
#[command(
    name = PROGRAM,
    version,
    disable_help_subcommand = true,
    max_term_width = 80
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a kernel specification for use on a Docker Engine or a Docker Swarm
    Install(Box<Install>),

    /// List the Docker kernel specifications that Jupyter finds from here
    List(List),

    /// Show a specification with all its settings
    Show(Show),

    /// Remove specifications
    Remove(Remove),

    /// Give specifications the native launcher in the place of one in Python
    Convert(Convert),

    /// Look for what would keep kernels from starting, and say what to do about it
    Check(Check),

    /// Fetch the images of specifications before kernels need them
    Pull(Pull),

    /// List the kernels that there are on the engine or in the Swarm
    Ps(Ps),

    /// Remove kernels that no server waits for
    Prune(Prune),

    /// Write a Compose file for Enterprise Gateway, or for a Jupyter server with gateway_provisioners
    Compose(Box<Compose>),

    /// Print a completion script for a shell
    #[command(after_help = "\
Examples:
  jupyter-docker-spec completions bash \\
      > /usr/share/bash-completion/completions/jupyter-docker-spec
  jupyter-docker-spec completions fish \\
      > ~/.config/fish/completions/jupyter-docker-spec.fish")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },

    /// Print a manual page, to be read with `man -l -`
    Man {
        /// The subcommand to print it for
        #[arg(value_name = "SUBCOMMAND")]
        subcommand: Option<String>,
    },
}

/// The options of `install`. Underscores are accepted in place of hyphens.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[command(after_help = EXAMPLES)]
pub struct Install {
    /// What `docker run` has options for too.
    #[arg(skip)]
    pub container: Vec<flags::Given>,

    /// Whose kernels they are: gateway-provisioners, in any Jupyter server, or enterprise-gateway
    /// [default: gateway-provisioners]
    #[arg(long, value_name = "SYSTEM", help_heading = "Kernel", hide_possible_values = true)]
    pub gateway: Option<System>,

    /// Language of the kernel: Python, R or Scala [default: Python]
    #[arg(long, value_name = "LANGUAGE", help_heading = "Kernel")]
    pub language: Option<String>,

    /// Image of the kernel's container [env: GP_IMAGE_NAME]
    /// [default: elyra/kernel-py, kernel-r or kernel-scala, :0.5.0; for Enterprise Gateway :3.3.0]
    #[arg(long, value_name = "IMAGE", help_heading = "Kernel")]
    pub image_name: Option<String>,

    /// Tag of the default image
    #[arg(long, value_name = "TAG", help_heading = "Kernel", conflicts_with = "image_name")]
    pub image_tag: Option<String>,

    /// Image of the executors of a Spark kernel [default: that of the kernel]
    #[arg(long, value_name = "IMAGE", help_heading = "Kernel")]
    pub executor_image_name: Option<String>,

    /// Run the kernel as a service of a Docker Swarm instead of as a container of one engine
    #[arg(long, help_heading = "Kernel", overrides_with_all = ["swarm", "no_swarm"])]
    pub swarm: bool,

    /// Run it as a container, whatever a configuration file or a sample says
    #[arg(long, help_heading = "Kernel", overrides_with_all = ["swarm", "no_swarm"])]
    pub no_swarm: bool,

    /// For Python kernels, the dotted name of the ipykernel subclass
    /// [default: ipykernel.ipkernel.IPythonKernel]
    #[arg(long, value_name = "CLASS", help_heading = "Kernel")]
    pub ipykernel_subclass_name: Option<String>,

    /// Ports that the kernel takes its own from, such as 40000..42000; 0..0 for any
    /// [env: GP_PORT_RANGE] [default: 0..0]
    #[arg(long, value_name = "LOW..HIGH", help_heading = "Kernel")]
    pub port_range: Option<String>,

    /// How long the server waits for the kernel to start
    /// [env: GP_LAUNCH_TIMEOUT, else KERNEL_LAUNCH_TIMEOUT] [default: 30, or what Enterprise Gateway
    /// has been told]
    #[arg(long, value_name = "SECONDS", help_heading = "Kernel", allow_hyphen_values = true)]
    pub launch_timeout: Option<String>,

    /// User who may start the kernel; repeatable; nobody named means everybody
    /// [env: GP_AUTHORIZED_USERS, separated by commas]
    #[arg(long, value_name = "USER", help_heading = "Kernel", action = ArgAction::Append)]
    pub authorized_users: Vec<String>,

    /// User who may not start the kernel, also if authorized; repeatable
    /// [env: GP_UNAUTHORIZED_USERS, separated by commas] [default: root]
    #[arg(long, value_name = "USER", help_heading = "Kernel", action = ArgAction::Append)]
    pub unauthorized_users: Vec<String>,

    /// Tell the notebook's user why a kernel could not be launched, not only the server's log; the
    /// server needs the Python package jupyter-docker-spec
    #[arg(long, help_heading = "Kernel", overrides_with = "show_launch_errors")]
    pub show_launch_errors: bool,

    /// What starts the container: `native`, `python` (a launcher to be edited) or a file
    /// [env: JUPYTER_DOCKER_SPEC_LAUNCHER] [default: native]
    #[arg(long, value_name = "KIND|PATH", help_heading = "Kernel")]
    pub launcher: Option<String>,

    /// Name of the specification's directory [default: docker_python, docker_r or docker_scala]
    #[arg(long, value_name = "NAME", help_heading = "Specification")]
    pub kernel_name: Option<String>,

    /// Name that people see [default: Docker Python, Docker R or Docker Scala]
    #[arg(long, value_name = "NAME", help_heading = "Specification", allow_hyphen_values = true)]
    pub display_name: Option<String>,

    /// Replace a specification of this name
    #[arg(long, help_heading = "Specification", overrides_with = "replace")]
    pub replace: bool,

    /// Install all specifications of a TOML file, or none: a `kernel` table for each, with these
    /// options as keys, and a `defaults` table for all; `-` is standard input
    #[arg(long, value_name = "FILE", help_heading = "Specification")]
    pub file: Option<String>,

    /// Install a sample of Enterprise Gateway's documentation, changed by the other options:
    /// R_docker, python_docker, python_tf_docker, python_tf_gpu_docker (with a GPU) or scala_docker;
    /// repeatable
    #[arg(long, value_name = "NAME", help_heading = "Specification", action = ArgAction::Append,
          ignore_case = true, hide_possible_values = true, conflicts_with_all = ["file", "language"])]
    pub sample: Vec<Sample>,

    /// Install all of these samples, or none
    #[arg(long, help_heading = "Specification", overrides_with = "samples",
          conflicts_with_all = ["file", "language"])]
    pub samples: bool,

    /// Print what would be written, and what the launcher would ask the engine for, and write nothing
    #[arg(long, help_heading = "Specification", overrides_with = "dry_run")]
    pub dry_run: bool,

    /// Where the specification goes.
    #[command(flatten)]
    pub place: Place,

    /// Configuration file to read in place of those in Jupyter's directories
    #[arg(long, value_name = "FILE", help_heading = "Configuration")]
    pub config: Option<String>,

    /// Print the values that are set, with their origin, and install nothing
    #[arg(long, help_heading = "Configuration", overrides_with = "show_config")]
    pub show_config: bool,

    /// The same as JSON
    #[arg(long, help_heading = "Configuration", overrides_with = "show_config_json")]
    pub show_config_json: bool,

    /// Write a configuration file with all defaults, and install nothing
    #[arg(long, help_heading = "Configuration", overrides_with = "generate_config")]
    pub generate_config: bool,

    /// Answer every question with yes
    #[arg(short = 'y', long, help_heading = "Configuration", overrides_with = "answer_yes")]
    pub answer_yes: bool,

    /// Print this help, and all classes and traits of configuration files
    #[arg(long, help_heading = "Configuration", overrides_with = "help_all")]
    pub help_all: bool,

    /// Least important messages to show: 0, 10 to 50, DEBUG, INFO, WARN, ERROR or CRITICAL
    /// [default: INFO]
    #[arg(long, value_name = "LEVEL", help_heading = "Messages")]
    pub log_level: Option<String>,

    /// Show all messages; the same as --log-level DEBUG
    #[arg(long, help_heading = "Messages", overrides_with = "debug")]
    pub debug: bool,
}

/// The options that say in which kernels directory a specification lies.
#[derive(Args, Clone, Debug, Default)]
pub struct Place {
    /// For the current user only
    #[arg(long, help_heading = "Destination", overrides_with = "user")]
    pub user: bool,

    /// Below PREFIX/share/jupyter/kernels
    #[arg(long, value_name = "PREFIX", help_heading = "Destination")]
    pub prefix: Option<OsString>,

    /// Below the prefix of the Python environment this command belongs to
    #[arg(long, help_heading = "Destination", overrides_with = "sys_prefix")]
    pub sys_prefix: bool,
}

/// The options of `list`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Those that a specification of the same name keeps Jupyter from finding are marked as shadowed, and \
those whose kernels cannot start as broken, with the reason. SYSTEM is GP for gateway_provisioners, \
and EG for Enterprise Gateway.")]
pub struct List {
    /// Print JSON
    #[arg(long, overrides_with = "json")]
    pub json: bool,
}

/// The options of `show`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Of --command: run by a POSIX shell, the command writes the same kernel.json, and what \
launch_docker.toml says as far as options of `install` can. What it cannot express \
is said in warnings. It has the options that differ from the defaults, and those that GP_* \
variables set here would change; configuration files, and variables that are set only where it is \
run, can still add to it.")]
pub struct Show {
    /// The specification, or the path of its directory
    pub name: String,

    /// Print JSON
    #[arg(long, overrides_with = "json")]
    pub json: bool,

    /// Print the `install` command that makes it again
    #[arg(long, conflicts_with = "json", overrides_with = "command")]
    pub command: bool,
}

/// The options of `remove`.
#[derive(Args, Clone, Debug)]
pub struct Remove {
    /// The specifications
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,

    /// Do not ask
    #[arg(short = 'y', long, overrides_with = "yes")]
    pub yes: bool,

    /// Remove also what is no Docker kernel specification
    #[arg(long, overrides_with = "force")]
    pub force: bool,

    /// Where the specifications lie.
    #[command(flatten)]
    pub place: Place,
}

/// The options of `convert`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
For specifications of the Python tool, and those that come with Enterprise Gateway. Everything in \
kernel.json but the path of the launcher stays as it is, and so do all other files. All of them are \
converted, or none.")]
pub struct Convert {
    /// The specifications, or the paths of their directories
    #[arg(required = true, value_name = "NAME|PATH")]
    pub names: Vec<String>,

    /// Convert also where somebody has changed the launcher, which is kept under another name
    #[arg(long, overrides_with = "force")]
    pub force: bool,
}

/// The options of `ps`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Kernels are containers and services with the labels that launchers give them, whichever launcher \
that was. What the kernels of other nodes use is not known here.")]
pub struct Ps {
    /// Print JSON
    #[arg(long, overrides_with = "json")]
    pub json: bool,
}

/// The options of `prune`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Nobody waits for a kernel that has ended or was never started, or whose server no longer listens on \
the address that the kernel was told. That is seen only where the server runs: kernels of servers \
on other hosts are left alone while they run.")]
pub struct Prune {
    /// Only kernels that were created longer ago than this, such as 90s or 24h
    #[arg(long, value_name = "TIME", default_value = "10m")]
    pub older_than: String,

    /// Print what would be removed, and remove nothing
    #[arg(long, overrides_with = "dry_run")]
    pub dry_run: bool,

    /// Do not ask
    #[arg(short = 'y', long, overrides_with = "yes")]
    pub yes: bool,

    /// Print JSON
    #[arg(long, overrides_with = "json")]
    pub json: bool,
}

/// The options of `check`.
#[derive(Args, Clone, Debug)]
pub struct Check {
    /// The specifications, or the paths of their directories; all that `list` shows if none is named
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,

    /// Print JSON
    #[arg(long, overrides_with = "json")]
    pub json: bool,

    /// Start the kernels' containers too, with a listener in the server's place, and remove them
    #[arg(long, requires = "names", overrides_with = "launch")]
    pub launch: bool,
}

/// The options of `compose`.
#[derive(Args, Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[command(after_help = "\
Options set the defaults of the variables that the file has, such as \
EG_KERNEL_LAUNCH_TIMEOUT; they are taken from the environment when it is used, \
by `docker-compose` also from a file .env.

Examples:
  jupyter-docker-spec compose --image=my/gateway:1.0 -o docker-compose.yml
  docker-compose up --detach

  jupyter-docker-spec compose --swarm --image=my/gateway:1.0 \\
      -o docker-compose.yml
  docker stack deploy -c docker-compose.yml enterprise-gateway")]
pub struct Compose {
    /// What is deployed: enterprise-gateway, or gateway-provisioners in a Jupyter server
    /// [default: enterprise-gateway]
    #[arg(long, value_name = "SYSTEM", help_heading = "Server", hide_possible_values = true)]
    pub gateway: Option<System>,

    /// Make a service of a Docker Swarm of it, for `docker stack deploy`, with haproxy in front
    #[arg(long, help_heading = "Server", overrides_with = "swarm")]
    pub swarm: bool,

    /// Image of the server [variable: GATEWAY_IMAGE] [default: elyra/enterprise-gateway:3.3.0; for
    /// gateway-provisioners none]
    #[arg(long, value_name = "IMAGE", help_heading = "Server")]
    pub image: Option<String>,

    /// Specifications that are not in the image: the path of a directory `kernels` of the host,
    /// which is mounted at the same place, or the name of a volume
    #[arg(long, value_name = "DIRECTORY|VOLUME", help_heading = "Server")]
    pub kernelspecs: Option<String>,

    /// Driver of that volume
    #[arg(long, value_name = "DRIVER", help_heading = "Server", requires = "kernelspecs")]
    pub volume_driver: Option<String>,

    /// Option of its driver; repeatable
    #[arg(long, value_name = "NAME=VALUE", help_heading = "Server", requires = "kernelspecs",
          action = ArgAction::Append)]
    pub volume_opt: Vec<String>,

    /// Mount another directory of the host, or volume; repeatable
    #[arg(short = 'v', long, value_name = "SOURCE:TARGET[:OPTIONS]", help_heading = "Server",
          action = ArgAction::Append)]
    pub volume: Vec<String>,

    /// Set a variable of the server, or the default of one that the file has; without a value it is
    /// that of the environment, if it is set there; repeatable
    #[arg(short, long, value_name = "NAME[=VALUE]", help_heading = "Server",
          action = ArgAction::Append, allow_hyphen_values = true)]
    pub env: Vec<String>,

    /// User as whom the server runs [variable: GATEWAY_UID] [default: 1000]
    #[arg(long, value_name = "UID", help_heading = "Server")]
    pub uid: Option<u32>,

    /// The engine's socket [variable: DOCKER_SOCKET] [default: /var/run/docker.sock]
    #[arg(long, value_name = "PATH", help_heading = "Server")]
    pub socket: Option<String>,

    /// Group to which the socket belongs [variable: DOCKER_GID] [default: that of the socket here]
    #[arg(long, value_name = "GID", help_heading = "Server")]
    pub socket_gid: Option<u32>,

    /// Which nodes of a Swarm may run the server; repeatable [default: node.role == manager]
    #[arg(long, value_name = "CONSTRAINT", help_heading = "Server", action = ArgAction::Append,
          requires = "swarm")]
    pub constraint: Vec<String>,

    /// How long Enterprise Gateway waits for a kernel that names no time of its own
    /// [variable: EG_KERNEL_LAUNCH_TIMEOUT] [default: 60]
    #[arg(long, value_name = "SECONDS", help_heading = "Kernels")]
    pub launch_timeout: Option<NonZeroU32>,

    /// How long it waits for the first answer of a kernel that has started
    /// [variable: EG_KERNEL_INFO_TIMEOUT or JUPYTER_KERNEL_INFO_TIMEOUT] [default: 60]
    #[arg(long, value_name = "SECONDS", help_heading = "Kernels")]
    pub kernel_info_timeout: Option<NonZeroU32>,

    /// After how long an idle kernel is ended, 0 for never
    /// [variable: EG_CULL_IDLE_TIMEOUT or JUPYTER_CULL_IDLE_TIMEOUT] [default: 3600, 0]
    #[arg(long, value_name = "SECONDS", help_heading = "Kernels")]
    pub cull_idle_timeout: Option<u32>,

    /// Kernel that is offered; repeatable; none named means all
    /// [variable: EG_ALLOWED_KERNELS or JUPYTER_ALLOWED_KERNELS, as 'a','b']
    #[arg(long, value_name = "NAME", help_heading = "Kernels", action = ArgAction::Append)]
    pub allowed_kernels: Vec<String>,

    /// User who may start kernels of Enterprise Gateway; repeatable; nobody named means everybody
    /// [variable: EG_AUTHORIZED_USERS]
    #[arg(long, value_name = "USER", help_heading = "Kernels", action = ArgAction::Append)]
    pub authorized_users: Vec<String>,

    /// User who may not, also if authorized; repeatable
    /// [variable: EG_UNAUTHORIZED_USERS] [gateway's default: root]
    #[arg(long, value_name = "USER", help_heading = "Kernels", action = ArgAction::Append)]
    pub unauthorized_users: Vec<String>,

    /// Start kernels in the notebook's directory
    /// [variable: EG_MIRROR_WORKING_DIRS or GP_MIRROR_WORKING_DIRS]
    #[arg(long, help_heading = "Kernels", overrides_with = "mirror_working_dirs")]
    pub mirror_working_dirs: bool,

    /// Network of the server and the kernels [variable: EG_DOCKER_NETWORK or GP_DOCKER_NETWORK]
    /// [default: enterprise-gateway, jupyter-kernels]
    #[arg(long, value_name = "NAME", help_heading = "Network")]
    pub network: Option<String>,

    /// Its driver; kernels that are services need overlay [default: bridge, with --swarm overlay]
    #[arg(long, value_name = "DRIVER", help_heading = "Network")]
    pub network_driver: Option<String>,

    /// It is there already
    #[arg(
        long,
        help_heading = "Network",
        overrides_with = "external_network",
        conflicts_with = "network_driver"
    )]
    pub external_network: bool,

    /// Where the server is reached [variable of the port: KG_PORT or JUPYTER_PORT] [default: 8888]
    #[arg(long, value_name = "[ADDRESS:]PORT", help_heading = "Network")]
    pub publish: Option<String>,

    /// In a Swarm: at any node (ingress), or only where haproxy runs (host)
    /// [variable: PUBLISH_MODE] [default: ingress]
    #[arg(
        long,
        value_name = "MODE",
        help_heading = "Network",
        requires = "swarm",
        hide_possible_values = true
    )]
    pub publish_mode: Option<PublishMode>,

    /// Image of haproxy [variable: HAPROXY_IMAGE] [default: haproxy:lts-alpine]
    #[arg(long, value_name = "IMAGE", help_heading = "Network", requires = "swarm")]
    pub haproxy_image: Option<String>,

    /// Without haproxy: the port is published where the server runs
    #[arg(long, help_heading = "Network", requires = "swarm", overrides_with = "no_haproxy",
          conflicts_with_all = ["haproxy_image", "publish_mode", "stats_port"])]
    pub no_haproxy: bool,

    /// Publish haproxy's page of statistics at this port
    #[arg(long, value_name = "PORT", help_heading = "Network", requires = "swarm")]
    pub stats_port: Option<NonZeroU16>,

    /// Write this file [default: standard output]
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// Also if it is there with other content
    #[arg(long, help_heading = "Output", requires = "output", overrides_with = "replace")]
    pub replace: bool,
}

/// The options of `pull`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Each image is asked for once, for the platform that scripts/launch_docker.toml \
names, with the credentials that launches have: those of DOCKER_AUTH_CONFIG, or \
of Docker's config.json with its credential helpers. As `docker compose pull`, \
it skips images whose pull_policy is `never`, and those whose pull_policy is \
`missing` if the engine has them. For a Swarm it fetches the image to the engine \
it talks to; the other nodes pull by themselves. When an image cannot be had, \
the others are fetched all the same, and the exit status is 1.")]
pub struct Pull {
    /// The specifications, or the paths of their directories; all that Jupyter finds if none is named
    #[arg(value_name = "NAME|PATH")]
    pub names: Vec<String>,

    /// Say only what goes wrong
    #[arg(short, long, overrides_with = "quiet")]
    pub quiet: bool,

    /// Print JSON: what has come of each specification
    #[arg(long, overrides_with = "json")]
    pub json: bool,
}

/// The command line, with what the help of `install` has from the traits that its options stand for.
#[must_use]
pub fn command() -> clap::Command {
    let command = Cli::command();
    let names: Vec<String> =
        command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    // All of them, because a subcommand that is changed becomes the last.
    names.into_iter().fold(command, |command, name| {
        let is_install = name == "install";
        command.mut_subcommand(name, |subcommand| {
            if is_install { with_container_and_traits(subcommand) } else { subcommand }
        })
    })
}

/// `install` with the options for the container, and with the traits in its long help.
fn with_container_and_traits(install: clap::Command) -> clap::Command {
    install.args(flags::arguments()).mut_args(|arg| {
        let option = arg.get_long().map(|long| format!("--{long}"));
        let mut traits = Trait::ALL.into_iter();
        let Some(known) =
            traits.find(|known| option.is_some() && known.option == option.as_deref())
        else {
            return arg;
        };
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        arg.long_help(format!("{help}\n[equivalent to: --{known}]"))
    })
}

/// What describes a subcommand.
type Describe = fn(clap::Command) -> clap::Command;

/// The subcommands that can be described alone, without what only their help needs. Of those that are
/// missing here the others are a part.
const ALONE: [(&str, Describe); 10] = [
    ("install", |command| Install::augment_args(command).args(flags::arguments())),
    ("list", List::augment_args),
    ("show", Show::augment_args),
    ("remove", Remove::augment_args),
    ("convert", Convert::augment_args),
    ("check", Check::augment_args),
    ("pull", Pull::augment_args),
    ("ps", Ps::augment_args),
    ("prune", Prune::augment_args),
    ("compose", Compose::augment_args),
];

/// The command line with this subcommand as the only one, if it can be described alone: describing all
/// of them takes longer than most of them take to run.
fn command_of_one(name: &str) -> Option<clap::Command> {
    let (name, describe) = ALONE.into_iter().find(|(other, _)| *other == name)?;
    let subcommand = describe(clap::Command::new(name));
    Some(clap::Command::new(PROGRAM).disable_help_subcommand(true).subcommand(subcommand))
}

/// Parses the words of a command line.
///
/// # Errors
/// When they are not understood, and when help or the version is asked for.
pub fn parse(words: Vec<OsString>) -> Result<Cli, clap::Error> {
    let one = words.get(1).and_then(|name| command_of_one(name.to_str()?));
    // What one subcommand does not understand, or is to print, is what all of them are described for.
    let parsed = one.and_then(|mut one| parse_as(&mut one, words.clone()).ok());
    parsed.map_or_else(|| parse_as(&mut command(), words), Ok)
}

fn parse_as(command: &mut clap::Command, words: Vec<OsString>) -> Result<Cli, clap::Error> {
    let matches = command.try_get_matches_from_mut(words)?;
    let mut cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(command))?;
    if let (Some(Command::Install(install)), Some((_, matches))) =
        (&mut cli.command, matches.subcommand())
    {
        install.container = flags::given(matches);
    }
    Ok(cli)
}

const EXAMPLES: &str = "Examples:
  jupyter-docker-spec install --language=R --kernel-name=r_docker \\
      --image-name=foo/my_r_kernel_image:v4_0
  jupyter-docker-spec install --swarm --kernel-name=python_swarm";

/// The words of the command line as the Python tool understands them: options may be written with
/// underscores (`--image_name`), a leading `~` in a value is a home directory, and one pair of quotes
/// around it is not part of it.
#[must_use]
pub fn normalise(words: impl Iterator<Item = OsString>, env: &Env) -> Vec<OsString> {
    let normalise_word = |word: OsString| {
        let Some(text) = word.to_str() else { return word };
        let Some((name, value)) = option_and_value(text) else { return plain(text, env).into() };
        // The names of classes and traits are Python's.
        let name = if name.contains('.') { name.to_owned() } else { name.replace('_', "-") };
        match value {
            Some(value) => format!("--{name}={}", plain(value, env)).into(),
            None => format!("--{name}").into(),
        }
    };
    words.map(normalise_word).collect()
}

/// Takes the class forms (`--Class.trait=VALUE`, `--Class.trait VALUE`) out of the words.
///
/// # Errors
/// When a class or trait is unknown, or the value is missing: the sentence that says so.
pub fn take_class_forms(words: Vec<OsString>) -> Result<(Vec<OsString>, Vec<ClassForm>), String> {
    let mut rest = Vec::with_capacity(words.len());
    let mut forms = Vec::new();
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next() {
        let option = word.to_str().and_then(option_and_value);
        let Some((class, name, value)) =
            option.and_then(|(name, value)| name.split_once('.').map(|(c, n)| (c, n, value)))
        else {
            rest.push(word);
            continue;
        };
        let (section, known) = traits::find(class, name)
            .map_err(|reason| format!("unexpected argument `--{class}.{name}`: {reason}"))?;
        let value = match value {
            Some(value) => value.to_owned(),
            None => words
                .next_if(|next| !next.to_string_lossy().starts_with('-'))
                .and_then(|next| next.into_string().ok())
                .ok_or_else(|| format!("a value is required for `--{class}.{name}`"))?,
        };
        forms.push(ClassForm { section, known, value });
    }
    Ok((rest, forms))
}

/// The name and the value of a word that is an option.
fn option_and_value(word: &str) -> Option<(&str, Option<&str>)> {
    let option = word.strip_prefix("--")?;
    let (name, value) = match option.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (option, None),
    };
    is_option_name(name).then_some((name, value))
}

fn is_option_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic())
        && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

fn plain(value: &str, env: &Env) -> String {
    let value = expanded(value, env).unwrap_or_else(|| value.to_owned());
    let unquoted =
        ['"', '\''].into_iter().find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote));
    unquoted.map(str::to_owned).unwrap_or(value)
}

/// `~` and `~user` replaced as Python's `os.path.expanduser` does; `None` where there is no such
/// directory.
fn expanded(value: &str, env: &Env) -> Option<String> {
    let rest = value.strip_prefix('~')?;
    let (user, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let home = if user.is_empty() { env.home() } else { home_of(user) };
    Some(home?.to_str()?.trim_end_matches('/').to_owned() + path)
}

/// The home directory of an account, as `/etc/passwd` has it.
fn home_of(user: &str) -> Option<PathBuf> {
    let accounts = fs_err::read_to_string("/etc/passwd").ok()?;
    let account = accounts.lines().find(|line| line.split(':').next() == Some(user))?;
    account.split(':').nth(5).filter(|home| !home.is_empty()).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        command().debug_assert();
    }

    #[test]
    fn a_subcommand_by_itself_is_the_one_of_all() {
        let mut all = command();
        all.build();
        let described = |command: &clap::Command, name: &str| {
            let mut subcommand = command.find_subcommand(name).unwrap().clone();
            // What only the help shows.
            subcommand = subcommand.mut_args(|arg| arg.help("").long_help(""));
            let groups: Vec<_> = subcommand.get_groups().collect();
            let arguments: Vec<_> = subcommand.get_arguments().collect();
            format!("{arguments:#?} {groups:#?}")
        };
        for name in all.get_subcommands().map(clap::Command::get_name) {
            let Some(mut one) = command_of_one(name) else {
                assert!(["completions", "man"].contains(&name), "{name} describes all");
                continue;
            };
            one.build();
            assert_eq!(one.get_subcommands().count(), 1, "{name}");
            assert_eq!(described(&one, name), described(&all, name), "{name}");
        }
        assert!(command_of_one("help").is_none());
    }

    #[test]
    fn what_is_not_understood_is_said_of_all_subcommands() {
        let parse = |words: &[&str]| {
            let words = [PROGRAM].iter().chain(words);
            parse(words.map(OsString::from).collect())
        };
        let of_all = |words: &[&str]| {
            let words = [PROGRAM].iter().chain(words);
            command().try_get_matches_from(words).unwrap_err().render().to_string()
        };
        for words in [
            &["list", "--help"][..],
            &["list", "-h"],
            &["list", "--version"],
            &["list", "--jsno"],
            &["list", "other"],
            &["install", "--help"],
            &["install", "--image-nam=i"],
            &["install", "--gateway=other"],
            &["remove"],
            &["show", "a", "--json", "--command"],
            &["--json", "list"],
            &["--help"],
            &["lst"],
            &["help"],
        ] {
            assert_eq!(parse(words).unwrap_err().render().to_string(), of_all(words), "{words:?}");
        }
        let Some(Command::Install(install)) =
            parse(&["install", "-m4g", "--init"]).unwrap().command
        else {
            panic!()
        };
        let given: Vec<&str> = install.container.iter().map(|(flag, _)| flag.long).collect();
        assert_eq!(given, ["memory", "init"]);
    }

    #[test]
    fn words_are_taken_as_the_python_tool_takes_them() {
        let env = Env::new(Path::new("/"), [("HOME", "/h")]);
        for (given, expected) in [
            ("--image_name=foo/my_r:v4_0", "--image-name=foo/my_r:v4_0"),
            ("--kernel_name", "--kernel-name"),
            ("a_b", "a_b"),
            ("-- a_b", "-- a_b"),
            ("--", "--"),
            ("--display-name='A B'", "--display-name=A B"),
            ("--display-name=\"'A'\"", "--display-name='A'"),
            ("--display-name='", "--display-name='"),
            ("--prefix=~/p", "--prefix=/h/p"),
            ("~", "/h"),
            ("'~/p'", "~/p"),
            ("~root/p", "/root/p"),
            ("~no-such-user/p", "~no-such-user/p"),
        ] {
            assert_eq!(normalise([OsString::from(given)].into_iter(), &env), [expected], "{given}");
        }
    }

    #[test]
    fn a_flag_may_be_repeated_and_an_option_may_not() {
        let parse = |words: &[&str]| {
            Cli::try_parse_from(["jupyter-docker-spec", "install"].iter().chain(words)).is_ok()
        };
        assert!(parse(&["--user", "--swarm", "--user", "--swarm", "--replace", "--replace"]));
        assert!(parse(&["--debug", "--debug", "--sys-prefix", "--sys-prefix"]));
        assert!(!parse(&["--image-name=a", "--image-name=b"]));
    }
}
