//! The options of `compose`.

use std::num::{NonZeroU16, NonZeroU32};
use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};

use crate::server::System;

/// The options of `compose`.
#[derive(Args, Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[command(after_help = "\
Options set the defaults of the variables that the file has, such as \
EG_KERNEL_LAUNCH_TIMEOUT; they are taken from the environment when it is used, \
by `docker compose` also from a file .env.

Examples:
  jupyter-docker-spec compose --image=my/gateway:1.0 -o docker-compose.yml
  docker compose up --detach

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

    /// Where the server is reached: at 127.0.0.1 only unless another address is named, such as 0.0.0.0 for
    /// all; a Swarm publishes at all [variable of the port: KG_PORT or JUPYTER_PORT] [default: 8888]
    #[arg(long, value_name = "[ADDRESS:]PORT", help_heading = "Network")]
    pub publish: Option<String>,

    /// Have clients name a token, without which the file cannot be used; so it is without this option
    /// where Enterprise Gateway is reached from elsewhere [variable: EG_AUTH_TOKEN or JUPYTER_TOKEN]
    #[arg(long, help_heading = "Network", overrides_with = "auth_token")]
    pub auth_token: bool,

    /// Let whoever reaches Enterprise Gateway's port start kernels
    #[arg(
        long,
        help_heading = "Network",
        overrides_with = "no_auth_token",
        conflicts_with = "auth_token"
    )]
    pub no_auth_token: bool,

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

/// How a port is published in a Swarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PublishMode {
    /// By every node.
    Ingress,
    /// By the node on which the container runs.
    Host,
}
