//! Finds the Docker Engine as docker-py's `DockerClient.from_env()` does: the Jupyter server uses docker-py,
//! and must reach the engine on which the launcher starts a kernel.
//!
//! The rules are those of docker-py 7.2 (`utils.kwargs_from_env`, `utils.parse_host`): `DOCKER_HOST`, or else
//! the Docker CLI's current context (see [`super::context`]), or else `/var/run/docker.sock`. What docker-py
//! rejects, such as a missing port, is an error here too: its server would not find the kernel. TLS without
//! verification is not supported. An address with `ssh://` is read as Docker's client reads it, which knows more of
//! them than docker-py.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::config_file::ConfigFile;
use super::context::{self, Context};
use super::destination::{CONNECT_TIMEOUT, Destination};
use super::error::{Error, Result};
use super::sockets::DEFAULT_SOCKET;
use super::tls_files::{TlsFiles, TlsMode};
use crate::env::Env;

const DEFAULT_HOST: &str = "127.0.0.1";
const PORT: u16 = 2375;
const TLS_PORT: u16 = 2376;

#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Endpoint {
    Unix(PathBuf),
    Tcp {
        /// A name or an address; IPv6 without brackets.
        host: String,
        port: u16,
        /// The path that comes before the path of each request; usually empty.
        base: String,
        /// `None` for plain HTTP.
        tls: Option<TlsFiles>,
    },
    Ssh(Destination),
}

impl Endpoint {
    /// Returns the engine that the environment names, or else the local one.
    pub fn from_env(env: &Env) -> Result<Self> {
        let tls = TlsMode::from_env(env)?;
        if let Some(host) = env.path("DOCKER_HOST") {
            let host = host.to_str().ok_or_else(|| {
                Error::Config("DOCKER_HOST is not UTF-8: write it as `unix:///path`".to_owned())
            })?;
            return Self::named("DOCKER_HOST", host, tls);
        }
        // docker-py ignores a file that it cannot read.
        let config = ConfigFile::find(env).unwrap_or_default();
        let Some(Context { name, host, tls: of_context }) = context::current(env, config.as_ref())?
        else {
            return Ok(Self::Unix(DEFAULT_SOCKET.into()));
        };
        let tls = if tls == TlsMode::Off { of_context } else { tls };
        Self::named(&format!("the Docker context `{name}`"), &host, tls)
    }

    /// Returns the engine that `launch_docker.toml` names.
    pub(super) fn of_options(address: &str, env: &Env) -> Result<Self> {
        Self::named("`engine` in launch_docker.toml", address, TlsMode::from_env(env)?)
    }

    /// Says what is wrong with an address in that file.
    pub fn check(address: &str) -> std::result::Result<(), String> {
        // Whether there is TLS is known where it is used.
        let anywhere = TlsMode::Verified(TlsFiles::in_directory(Path::new("/")));
        Self::parse(address, anywhere).map(drop)
    }

    /// Parses an address; errors name its origin.
    fn named(origin: &str, text: &str, tls: TlsMode) -> Result<Self> {
        Self::parse(text, tls).map_err(|wrong| Error::Config(format!("{origin} {wrong}")))
    }

    /// Parses an address, or says what it is and what is wrong with it.
    fn parse(text: &str, tls: TlsMode) -> std::result::Result<Self, String> {
        let refuse = |reason: String| {
            // What precedes an `@` may be a password.
            let shown = match (text.split_once("://"), text.rsplit_once('@')) {
                (Some((scheme, _)), Some((_, host))) => &format!("{scheme}://...@{host}"),
                (None, Some((_, host))) => &format!("...@{host}"),
                (_, None) => text,
            };
            Err(format!("is `{shown}`: {reason}"))
        };
        let text = text.trim();
        let (scheme, rest) = split_scheme(text);
        if rest.contains(['?', '#']) {
            return refuse("an address has no query and no fragment".to_owned());
        }
        let (authority, path) = split_authority(&rest);
        let tls = match scheme.as_str() {
            "unix" if rest == "//" => return Ok(Self::Unix(DEFAULT_SOCKET.into())),
            "unix" | "http+unix" => {
                // `unix://var/run/docker.sock` is an old spelling.
                let path = format!("{authority}{path}");
                return match path.trim_matches('/') {
                    "" => refuse("name a socket, as in `unix:///var/run/docker.sock`".to_owned()),
                    path => Ok(Self::Unix(Path::new("/").join(path))),
                };
            }
            "http" => TlsMode::Off,
            "https" if tls == TlsMode::Off => {
                return refuse(
                    "set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to the directory of ca.pem, \
                     cert.pem and key.pem"
                        .to_owned(),
                );
            }
            "tcp" | "https" => tls,
            "ssh" => {
                return match Destination::parse(authority, path) {
                    Ok(destination) => Ok(Self::Ssh(destination)),
                    Err(reason) => refuse(reason.to_owned()),
                };
            }
            "npipe" | "fd" => {
                return refuse(format!(
                    "`{scheme}://` is not supported; write an address as `unix:///path`, \
                     `ssh://user@host` or `tcp://host:port`"
                ));
            }
            _ => {
                return refuse(
                    "write an address as `unix:///path`, `ssh://user@host` or `tcp://host:port`"
                        .to_owned(),
                );
            }
        };
        let files = match tls {
            TlsMode::Off => None,
            TlsMode::Verified(files) => Some(files),
            TlsMode::Unverified(remedy) => {
                return refuse(format!(
                    "a TLS connection that does not verify the engine is not supported; {remedy}"
                ));
            }
        };
        let base = path.trim_end_matches('/').to_owned();
        match host_and_port(authority) {
            Some((host, port)) if is_path(&base) => Ok(Self::Tcp { host, port, base, tls: files }),
            _ => {
                let port = if files.is_some() { TLS_PORT } else { PORT };
                refuse(format!(
                    "write an address as `tcp://host:port`; Docker's port is {port} as a rule"
                ))
            }
        }
    }

    /// The path before the path of each request, if a proxy serves the engine below one.
    pub(super) fn base(&self) -> &str {
        match self {
            Self::Tcp { base, .. } => base,
            Self::Unix(_) | Self::Ssh(_) => "",
        }
    }

    /// How long opening a connection may take beyond what a call does.
    pub(super) fn connect_timeout(&self) -> Duration {
        match self {
            Self::Unix(_) | Self::Tcp { .. } => Duration::ZERO,
            Self::Ssh(_) => CONNECT_TIMEOUT,
        }
    }

    pub(super) fn host(&self) -> String {
        match self {
            Self::Unix(_) | Self::Ssh(_) => "localhost".to_owned(),
            Self::Tcp { host, port, .. } if host.contains(':') => format!("[{host}]:{port}"),
            Self::Tcp { host, port, .. } => format!("{host}:{port}"),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Ssh(destination) => destination.fmt(f),
            tcp @ Self::Tcp { base, .. } => write!(f, "tcp://{}{base}", tcp.host()),
        }
    }
}

/// Splits an address into its scheme and what follows the colon. Without one of docker-py's schemes it is
/// `tcp`, and the address is what follows `//`.
fn split_scheme(text: &str) -> (String, Cow<'_, str>) {
    match text.split_once(':') {
        Some((scheme, rest))
            if scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'+') =>
        {
            (scheme.to_ascii_lowercase(), rest.into())
        }
        _ => ("tcp".to_owned(), format!("//{text}").into()),
    }
}

/// Splits what follows the scheme into what is between `//` and the path, and the path.
fn split_authority(rest: &str) -> (&str, &str) {
    let Some(rest) = rest.strip_prefix("//") else { return ("", rest) };
    rest.split_at(rest.find('/').unwrap_or(rest.len()))
}

/// Whether this can come before the paths of all requests.
fn is_path(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Splits `host:port`, `[v6]:port` or `:port`.
fn host_and_port(text: &str) -> Option<(String, u16)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once("]:")?,
        None => text.split_once(':')?,
    };
    if host.contains(['@', ' ', '[', ']']) || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let port = port.parse().ok().filter(|port| *port != 0)?;
    Some((if host.is_empty() { DEFAULT_HOST } else { host }.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Endpoint, TlsFiles};
    use crate::env::Env;

    fn found(variables: &[(&str, &str)]) -> String {
        let env = Env::new(
            Path::new("/srv"),
            [("HOME", "/nonexistent")].into_iter().chain(variables.iter().copied()),
        );
        match Endpoint::from_env(&env) {
            Ok(Endpoint::Tcp { tls: Some(files), host, port, .. }) => {
                let directory = files.ca.parent().unwrap().to_path_buf();
                assert_eq!(files, TlsFiles::in_directory(&directory));
                format!("tcp://{host}:{port} with {}", directory.display())
            }
            Ok(endpoint) => endpoint.to_string(),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn an_address_is_read_as_docker_py_reads_it() {
        for (host, endpoint) in [
            ("", "unix:///var/run/docker.sock"),
            ("unix://", "unix:///var/run/docker.sock"),
            ("unix:/x.sock", "unix:///x.sock"),
            ("unix:x.sock", "unix:///x.sock"),
            ("UNIX:///x.sock", "unix:///x.sock"),
            ("unix:///run/user/1000/docker.sock", "unix:///run/user/1000/docker.sock"),
            ("unix://var/run/docker.sock", "unix:///var/run/docker.sock"),
            ("http+unix:///x.sock/", "unix:///x.sock"),
            (" tcp://h:1 ", "tcp://h:1"),
            ("http://h:1/", "tcp://h:1"),
            ("tcp://[::1]:2375", "tcp://[::1]:2375"),
            ("tcp://:2375", "tcp://127.0.0.1:2375"),
            ("127.0.0.1:2375", "tcp://127.0.0.1:2375"),
            ("docker-1:2375", "tcp://docker-1:2375"),
            ("[::1]:2375", "tcp://[::1]:2375"),
            ("tcp://h:1/some/where/", "tcp://h:1/some/where"),
            ("TCP://h:02375", "tcp://h:2375"),
            ("ssh://h", "ssh://h"),
            ("SSH://me@h:2222/", "ssh://me@h:2222"),
            ("ssh://h:/run/docker.sock", "ssh://h/run/docker.sock"),
            ("ssh://me@[::1]:22", "ssh://me@[::1]:22"),
        ] {
            assert_eq!(found(&[("DOCKER_HOST", host)]), endpoint, "{host}");
        }
    }

    #[test]
    fn tls_is_used_where_it_is_asked_for() {
        let verify = ("DOCKER_TLS_VERIFY", "0");
        for (host, endpoint) in [
            ("tcp://h:2376", "tcp://h:2376 with /nonexistent/.docker"),
            ("https://h:1", "tcp://h:1 with /nonexistent/.docker"),
            ("http://h:1", "tcp://h:1"),
            ("unix:///x", "unix:///x"),
        ] {
            assert_eq!(found(&[verify, ("DOCKER_HOST", host)]), endpoint, "{host}");
        }
        assert_eq!(
            found(&[verify, ("DOCKER_HOST", "tcp://h:1"), ("DOCKER_CERT_PATH", "certs")]),
            "tcp://h:1 with /srv/certs"
        );
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_the_way_out() {
        for (variables, part) in [
            (
                vec![("DOCKER_HOST", "ssh://me:secret@h")],
                "is `ssh://...@h`: a password has no place",
            ),
            (vec![("DOCKER_HOST", "ssh://")], "name a host"),
            (vec![("DOCKER_HOST", "ssh://-oProxyCommand=id")], "does not begin with `-`"),
            (vec![("DOCKER_HOST", "ssh://h?x")], "no query"),
            (vec![("DOCKER_HOST", "npipe:////./pipe/x")], "`npipe://` is not supported"),
            (vec![("DOCKER_HOST", "fd://")], "`fd://` is not supported"),
            (vec![("DOCKER_HOST", "tcp://")], "write an address as `tcp://host:port`"),
            (vec![("DOCKER_HOST", "tcp://h:0")], "write an address as"),
            (vec![("DOCKER_HOST", "tcp://h")], "Docker's port is 2375 as a rule"),
            (vec![("DOCKER_HOST", "tcp://h:+1")], "write an address as"),
            (vec![("DOCKER_HOST", "tcp:h:1")], "write an address as"),
            (vec![("DOCKER_HOST", "tcp://h:1/a b")], "write an address as"),
            (vec![("DOCKER_HOST", "localhost:2375")], "write an address as"),
            (vec![("DOCKER_HOST", "unix:")], "name a socket"),
            (vec![("DOCKER_HOST", "unix:///")], "name a socket"),
            (vec![("DOCKER_HOST", "  ")], "write an address as"),
            (vec![("DOCKER_HOST", "tcp://u:p@h:1")], "is `tcp://...@h:1`: write an address as"),
            (vec![("DOCKER_HOST", "u:p@h:1")], "is `...@h:1`: write an address as"),
            (vec![("DOCKER_HOST", "tcp://[[]:1")], "write an address as"),
            (vec![("DOCKER_HOST", "/var/run/docker.sock")], "write an address as"),
            (vec![("DOCKER_HOST", "unix:///x?y")], "no query"),
            (vec![("DOCKER_HOST", "https://h:1")], "set DOCKER_TLS_VERIFY=1"),
            (
                vec![("DOCKER_HOST", "tcp://h:1"), ("DOCKER_CERT_PATH", "/c")],
                "set DOCKER_TLS_VERIFY=1 beside DOCKER_CERT_PATH",
            ),
        ] {
            let text = found(&variables);
            assert!(text.starts_with("error: ") && text.contains(part), "{variables:?}: {text}");
        }
    }
}
