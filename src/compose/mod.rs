//! Writes Compose files for the servers that start kernels: Enterprise Gateway, and Jupyter servers with
//! `gateway_provisioners`.
//!
//! The command line becomes a validated [`Deployment`], then a [`yaml::Map`] in [`mod@render`], then text.
//! Variables can replace each value when the file is used.

mod access;
mod command;
mod names;
mod parts;
mod proxy;
mod render;
mod servers;
mod variable;
pub(crate) mod yaml;

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

pub(crate) use self::render::render;
use self::servers::Server;
use crate::cli::{Compose, PublishMode};
use crate::engine::Reference;
use crate::paths::Paths;

/// The default path of the engine's socket, and its path in the server's container.
pub(crate) const SOCKET: &str = "/var/run/docker.sock";

/// The path of specifications on a volume.
const KERNELS: &str = "/usr/local/share/jupyter/kernels";

/// Data directories that Jupyter searches by default.
const SEARCHED: [&str; 2] = ["/usr/local/share/jupyter", "/usr/share/jupyter"];

/// Where specifications outside of the server's image are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kernelspecs {
    /// A directory of the host, mounted at the same path, because the specifications contain the path of the
    /// launcher.
    Directory(String),
    /// A volume, with its driver and the driver's options.
    Volume { name: String, driver: Option<String>, options: Vec<(String, String)> },
}

/// The reverse proxy in front of the server in a Swarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proxy {
    pub image: String,
    /// The publish mode of its port.
    pub mode: PublishMode,
    /// The port of its statistics.
    pub stats: Option<NonZeroU16>,
}

/// Everything that a Compose file needs, validated.
#[derive(Clone, Debug)]
pub(crate) struct Deployment {
    server: &'static Server,
    /// Whether it is deployed to a Swarm.
    pub swarm: bool,
    /// `None` if a variable is to name it.
    pub image: Option<String>,
    /// `None` if the specifications are in the image.
    pub kernelspecs: Option<Kernelspecs>,
    /// Further volumes, in the syntax of a Compose file.
    pub volumes: Vec<String>,
    /// The variables given as such, and those with options of their own.
    pub environment: Vec<(String, Option<String>)>,
    /// The user that runs the server.
    pub uid: u32,
    /// The path of the engine's socket; `None` if the engine is elsewhere.
    pub socket: Option<String>,
    /// The group of the socket; `None` if a variable is to name it.
    pub socket_gid: Option<u32>,
    /// Constraints on the nodes that may run the server.
    pub constraints: Vec<String>,
    /// The network of the server and the kernels.
    pub network: String,
    /// Its driver; `None` if the network exists already.
    pub network_driver: Option<String>,
    /// The host's address at which the server is reached; `None` for all of a Swarm.
    pub address: Option<IpAddr>,
    /// The port at that address.
    pub port: NonZeroU16,
    /// Whether using the file requires a token in the environment.
    pub wants_token: bool,
    /// What is in front of it in a Swarm.
    pub proxy: Option<Proxy>,
}

impl Deployment {
    /// Resolves the options. `socket_gid` is the group of this machine's socket.
    ///
    /// # Errors
    /// Names the option that is not valid, and the accepted values.
    pub(crate) fn resolve(
        args: &Compose,
        paths: &Paths<'_>,
        socket_gid: Option<u32>,
    ) -> Result<Self> {
        let server = servers::of(args.gateway);
        let environment = environment(args, server)?;
        let elsewhere = environment.iter().any(|(name, _)| name == "DOCKER_HOST");
        ensure!(
            !elsewhere || (args.socket.is_none() && args.socket_gid.is_none()),
            "`--env DOCKER_HOST` is for an engine elsewhere, and `--socket` for this one's"
        );
        let image = match &args.image {
            Some(image) => Some(checked_image("--image", image)?),
            None => {
                server.image.map(|image| format!("{image}:{}", server.system.facts().image_tag))
            }
        };
        let network = args.network.clone().unwrap_or_else(|| server.network.to_owned());
        ensure!(
            is_name(&network),
            "`--network` of `{network}` must be the name of a network: letters, numbers and `_.-`"
        );
        ensure!(
            network != "bridge" && network != "host" && network != "none",
            "`--network` of `{network}` must be a network of its own, by whose name the engine \
             finds the containers on it"
        );
        let driver = if args.swarm { "overlay" } else { "bridge" };
        let driver = args.network_driver.as_deref().unwrap_or(driver);
        ensure!(is_name(driver), "`--network-driver` must name a driver, such as overlay");
        ensure!(
            !args.swarm || driver != "bridge",
            "`--network-driver` must be one that a Swarm has, such as overlay"
        );
        let (address, port) = published(args)?;
        let is_closed = address.is_some_and(|address| address.is_loopback());
        let makes_token = server.makes_token;
        ensure!(
            !(makes_token && args.no_auth_token),
            "`--no-auth-token` is for Enterprise Gateway; a Jupyter server makes a token if it gets none"
        );
        Ok(Self {
            server,
            swarm: args.swarm,
            image,
            kernelspecs: kernelspecs(args, paths)?,
            volumes: args
                .volume
                .iter()
                .map(|volume| checked_volume(volume))
                .collect::<Result<_>>()?,
            environment,
            uid: args.uid.unwrap_or(1000),
            socket: if elsewhere { None } else { Some(socket(args)?) },
            socket_gid: args.socket_gid.or(socket_gid),
            constraints: match args.constraint.as_slice() {
                [] => vec!["node.role == manager".to_owned()],
                given => given.to_vec(),
            },
            network,
            network_driver: (!args.external_network).then(|| driver.to_owned()),
            address,
            port,
            wants_token: args.auth_token || !(is_closed || makes_token || args.no_auth_token),
            proxy: proxy(args)?,
        })
    }

    /// The value given for a variable; `None` if there is none, or only a name.
    pub(crate) fn given(&self, name: &str) -> Option<&str> {
        let (_, value) = self.environment.iter().find(|(known, _)| known == name)?;
        value.as_deref()
    }
}

/// The variables given as such, and those with options of their own.
fn environment(args: &Compose, server: &Server) -> Result<Vec<(String, Option<String>)>> {
    let authorized = names::admitted(&args.authorized_users, "`--authorized-users`")?;
    let unauthorized = names::users(&args.unauthorized_users, "`--unauthorized-users`")?;
    let of_gateway = [
        ("launch-timeout", "EG_KERNEL_LAUNCH_TIMEOUT", args.launch_timeout.map(|s| s.to_string())),
        ("authorized-users", "EG_AUTHORIZED_USERS", authorized),
        ("unauthorized-users", "EG_UNAUTHORIZED_USERS", unauthorized),
    ];
    if !server.has_limits {
        let misplaced = of_gateway.iter().find(|(_, _, value)| value.is_some());
        if let Some((option, ..)) = misplaced {
            bail!(
                "`--{option}` is for Enterprise Gateway; gateway-provisioners has it in each \
                 specification: give it to `install`"
            );
        }
    }
    let of = |name: &str| format!("{}_{name}", server.prefix);
    let optional = [
        (of("KERNEL_INFO_TIMEOUT"), args.kernel_info_timeout.map(|s| s.to_string())),
        (of("CULL_IDLE_TIMEOUT"), args.cull_idle_timeout.map(|s| s.to_string())),
        (of("ALLOWED_KERNELS"), names::allowed(&args.allowed_kernels)?),
        (server.mirror_variable.to_owned(), args.mirror_working_dirs.then(|| "True".to_owned())),
    ];
    let by_option = of_gateway
        .into_iter()
        .map(|(_, name, value)| (name.to_owned(), value))
        .chain(optional)
        .filter(|(_, value)| value.is_some());
    let mut given: Vec<(String, Option<String>)> = by_option.collect();
    for word in &args.env {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word.as_str(), None),
        };
        let valid = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        ensure!(valid, "`--env` of `{word}` must begin with the name of a variable");
        ensure!(
            !given.iter().any(|(known, _)| known == name),
            "`--env {name}` is given twice, or an option says the same"
        );
        ensure!(
            !name.ends_with("_DOCKER_NETWORK"),
            "`--env {name}` is what `--network` says, for the network and the server"
        );
        let value = match value {
            Some(value) => names::of_variable(name, value)?,
            None => None,
        };
        given.push((name.to_owned(), value));
    }
    Ok(given)
}

fn checked_image(option: &str, image: &str) -> Result<String> {
    let valid = image.parse::<Reference>().is_ok();
    ensure!(valid, "`{option}` of `{image}` must name an image");
    Ok(image.to_owned())
}

/// Whether the engine accepts this as the name of an object.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

fn kernelspecs(args: &Compose, paths: &Paths<'_>) -> Result<Option<Kernelspecs>> {
    let Some(given) = args.kernelspecs.as_deref() else { return Ok(None) };
    if is_name(given) {
        let options = args.volume_opt.iter().map(|option| {
            option
                .split_once('=')
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .with_context(|| {
                    format!("`--volume-opt` of `{option}` must be of the form `NAME=VALUE`")
                })
        });
        return Ok(Some(Kernelspecs::Volume {
            name: given.to_owned(),
            driver: args.volume_driver.clone(),
            options: options.collect::<Result<_>>()?,
        }));
    }
    ensure!(
        args.volume_driver.is_none() && args.volume_opt.is_empty(),
        "`--volume-driver` and `--volume-opt` are for a volume, and `--kernelspecs` of `{given}` is \
         a directory"
    );
    let path: PathBuf = paths.absolute(Path::new(given)).components().collect();
    let path = path.to_str().with_context(|| format!("`{given}` is not UTF-8"))?;
    ensure!(
        Path::new(path).file_name().is_some_and(|name| name == "kernels"),
        "`--kernelspecs` of `{given}` must be a directory named `kernels`, such as \
         PREFIX/share/jupyter/kernels after `install --prefix=PREFIX`, or the name of a volume"
    );
    Ok(Some(Kernelspecs::Directory(path.to_owned())))
}

fn checked_volume(volume: &str) -> Result<String> {
    let mut parts = volume.split(':');
    let (source, target, options) = (parts.next(), parts.next(), parts.next());
    let valid = source.is_some_and(|source| !source.is_empty())
        && target.is_some_and(|target| target.starts_with('/'))
        && options.is_none_or(|options| !options.is_empty())
        && parts.next().is_none();
    ensure!(valid, "`--volume` of `{volume}` must be of the form `SOURCE:/TARGET[:OPTIONS]`");
    Ok(volume.to_owned())
}

/// The name of the volume in `NAME:PATH`; `None` if that is a path.
fn volume_name(volume: &str) -> Option<&str> {
    volume.split(':').next().filter(|source| is_name(source))
}

fn socket(args: &Compose) -> Result<String> {
    let socket = args.socket.as_deref().unwrap_or(SOCKET);
    let socket = socket.strip_prefix("unix://").unwrap_or(socket);
    ensure!(socket.starts_with('/'), "`--socket` of `{socket}` must be an absolute path");
    Ok(socket.to_owned())
}

fn published(args: &Compose) -> Result<(Option<IpAddr>, NonZeroU16)> {
    let given = args.publish.as_deref().unwrap_or("8888");
    let wrong = || format!("`--publish` of `{given}` must be a port, or ADDRESS:PORT");
    let (address, port) = match given.rsplit_once(':') {
        None if args.swarm => (None, given),
        None => (Some(Ipv4Addr::LOCALHOST.into()), given),
        Some((address, port)) => {
            let address = address.trim_start_matches('[').trim_end_matches(']');
            (Some(address.parse().ok().with_context(wrong)?), port)
        }
    };
    ensure!(
        address.is_none() || !args.swarm,
        "`--publish` of `{given}` must be a port alone: a Swarm publishes it at all addresses"
    );
    Ok((address, port.parse().ok().with_context(wrong)?))
}

fn proxy(args: &Compose) -> Result<Option<Proxy>> {
    if !args.swarm || args.no_haproxy {
        return Ok(None);
    }
    let image = args.haproxy_image.as_deref().unwrap_or("haproxy:lts-alpine");
    Ok(Some(Proxy {
        image: checked_image("--haproxy-image", image)?,
        mode: args.publish_mode.unwrap_or(PublishMode::Ingress),
        stats: args.stats_port,
    }))
}
