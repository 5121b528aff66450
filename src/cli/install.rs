//! The options of `install`.

use clap::{ArgAction, Args};

use super::Place;
use crate::model::Sample;
use crate::options::flags;
use crate::server::System;

const EXAMPLES: &str = "Examples:
  jupyter-docker-spec install --language=R --kernel-name=r_docker \\
      --image-name=foo/my_r_kernel_image:v4_0
  jupyter-docker-spec install --swarm --kernel-name=python_swarm";

/// The options of `install`. Underscores are accepted in place of hyphens.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[command(after_help = EXAMPLES)]
pub struct Install {
    /// What `docker run` has options for too.
    #[arg(skip)]
    pub container: Vec<flags::Given>,

    /// What a file of specifications has for `launch_docker.toml`, as it is to stand there.
    #[arg(skip)]
    pub launch_docker: Option<String>,

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

    /// What starts the container: `native`, `python` (a launcher to be edited, which does not read
    /// launch_docker.toml) or a file
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
