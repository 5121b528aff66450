//! The command line of `jupyter-docker-spec`: what it has, and how it is read. The doc comments of the
//! options are the text of `--help`.

#![expect(clippy::doc_markdown, reason = "back-quotes would be seen in the help")]

use std::ffi::OsString;

use clap::{Args, Parser, Subcommand};

mod brief;
mod compose;
mod install;
mod parse;
mod set;
mod tips;
mod words;

pub use self::compose::{Compose, PublishMode};
pub use self::install::Install;
pub use self::parse::{command, parse};
pub use self::set::Set;
pub use self::tips::explained;
pub use self::words::{first_words, normalise, split_class_options};

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
    /// Print this help, and all classes and traits of configuration files
    #[arg(long, overrides_with = "help_all")]
    pub help_all: bool,

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
    #[command(visible_alias = "ls")]
    List(List),

    /// Show a specification with all its settings
    Show(Show),

    /// Change what is named in an installed specification, and nothing else
    Set(Box<Set>),

    /// Give a specification another name
    Rename(Rename),

    /// Remove specifications
    #[command(visible_aliases = ["uninstall", "rm"])]
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
those whose kernels cannot start as broken, with the reason. One that was copied runs the launcher, and has the \
settings, of the one that it is a copy of. SYSTEM is GP for gateway_provisioners, \
EG for Enterprise Gateway, and local for those that any Jupyter application starts.")]
pub struct List {
    /// Print JSON
    #[arg(long, overrides_with = "json")]
    pub json: bool,
}

/// The options of `show`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Of --toml: the file has all values, be they defaults, so that neither GP_* variables nor configuration \
files change what is made of it. What of kernel.json it leaves out, for which `install` has no option, is said in \
warnings.")]
pub struct Show {
    /// The specification, or the path of its directory
    pub name: String,

    /// Print JSON
    #[arg(long, overrides_with = "json")]
    pub json: bool,

    /// Print a file for `install --file` that makes it again
    #[arg(long, conflicts_with = "json", overrides_with = "toml")]
    pub toml: bool,
}

/// The options of `rename`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Notebooks name the kernel that they were last run with, and ask for another one where it is gone. The name that \
people see stays: `set NAME --display-name=...` changes that. With the name that it has, a specification that was \
copied from elsewhere, as by `jupyter kernelspec install`, is made to run its own launcher.

Example:
  jupyter-docker-spec rename docker_python gpu")]
pub struct Rename {
    /// The specification, or the path of its directory
    #[arg(value_name = "NAME|PATH")]
    pub name: String,

    /// The name that it gets
    #[arg(value_name = "NEW")]
    pub new_name: String,

    /// Where the specification lies.
    #[command(flatten)]
    pub place: Place,
}

/// The options of `remove`.
#[derive(Args, Clone, Debug)]
pub struct Remove {
    /// The specifications
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,

    /// Do not ask
    #[arg(short = 'y', long, visible_short_alias = 'f', overrides_with = "yes")]
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
kernel.json but the path of the launcher stays as it is, and so do all other files, but with --bring-bootstrap \
launch_docker.toml, which says how the kernel is started then. All of them are converted, or none. Kernelspecs of envkernel and dockernel become such of `install --local`, and their old \
kernel.json stays as kernel.json.replaced.")]
#[expect(clippy::struct_excessive_bools, reason = "they are options")]
pub struct Convert {
    /// The specifications, or the paths of their directories
    #[arg(required_unless_present = "all", value_name = "NAME|PATH")]
    pub names: Vec<String>,

    /// All that Jupyter finds, but those that cannot be converted, which it names
    #[arg(long, conflicts_with = "names", overrides_with = "all")]
    pub all: bool,

    /// Have the launcher bring what starts the kernel, so that the image needs no bootstrap; for Python and R
    #[arg(long, overrides_with = "bring_bootstrap")]
    pub bring_bootstrap: bool,

    /// Convert also where somebody has changed the launcher, which is kept under another name
    #[arg(short = 'f', long, overrides_with = "force")]
    pub force: bool,

    /// Print what would be converted, and convert nothing
    #[arg(long, overrides_with = "dry_run")]
    pub dry_run: bool,
}

/// The options of `ps`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Kernels are containers and services with the labels that launchers give them, whichever launcher \
that was. They are those of the engine that DOCKER_HOST or the Docker context names, not of one that `engine` in a \
specification names. What the kernels of other nodes use is not known here.")]
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
on other hosts, and those of `install --local`, are left alone while they run. Volumes that images declare, and that \
kernels which are gone have left, are removed too. All this is about the engine that DOCKER_HOST or the Docker context \
names, not about one that `engine` in a specification names.")]
pub struct Prune {
    /// Only kernels that were created longer ago than this, such as 90s or 24h
    #[arg(long, value_name = "TIME", default_value = "10m")]
    pub older_than: String,

    /// Print what would be removed, and remove nothing
    #[arg(long, overrides_with = "dry_run")]
    pub dry_run: bool,

    /// Do not ask
    #[arg(
        short = 'y',
        long,
        visible_short_alias = 'f',
        visible_alias = "force",
        overrides_with = "yes"
    )]
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
