//! Where the Docker Engine is: what docker-py's `DockerClient.from_env()` finds, because the
//! Jupyter server uses docker-py and must meet the engine on which the launcher starts a kernel.
//!
//! The rules are those of docker-py 7.2 (`utils.kwargs_from_env`, `utils.parse_host`):
//! `DOCKER_HOST`, else the Docker CLI's current context (see [`super::context`]), else
//! `/var/run/docker.sock`. Where docker-py gives up and the Docker CLI does not (a missing port),
//! the CLI's default is taken. Not taken over: `ssh://`, and TLS that verifies nothing.

use std::fmt;
use std::path::{Path, PathBuf};

use super::config_file::ConfigFile;
use super::context::{self, Context};
use super::error::{Error, Result};
use crate::env::Env;

const DEFAULT_SOCKET: &str = "/var/run/docker.sock";
const DEFAULT_HOST: &str = "127.0.0.1";
const PORT: u16 = 2375;
const TLS_PORT: u16 = 2376;

/// The address of a Docker Engine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Endpoint {
    /// A socket in the file system.
    Unix(PathBuf),
    /// A port of a host.
    Tcp {
        /// A name or an address; IPv6 without brackets.
        host: String,
        /// The port.
        port: u16,
        /// What to identify each other with; `None` is plain HTTP.
        tls: Option<TlsFiles>,
    },
}

/// The PEM files of a TLS connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsFiles {
    /// The authorities that may have signed the engine's certificate.
    pub ca: PathBuf,
    /// The certificate that is shown to the engine.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl TlsFiles {
    /// The three files under their usual names.
    #[must_use]
    pub fn in_directory(directory: &Path) -> Self {
        Self {
            ca: directory.join("ca.pem"),
            cert: directory.join("cert.pem"),
            key: directory.join("key.pem"),
        }
    }
}

impl Endpoint {
    /// The engine that the environment names, else the local one.
    ///
    /// # Errors
    /// When a variable or the Docker CLI's context holds something that cannot be used.
    pub fn from_env(env: &Env) -> Result<Self> {
        let tls = Tls::from_env(env)?;
        if let Some(host) = env.get("DOCKER_HOST") {
            return Self::parse(host, tls, "DOCKER_HOST");
        }
        // docker-py goes on without a file that it cannot read.
        let config = ConfigFile::find(env).unwrap_or_default();
        let Some(Context { name, host, tls: of_context }) = context::current(env, config.as_ref())?
        else {
            return Ok(Self::Unix(DEFAULT_SOCKET.into()));
        };
        let tls = if tls == Tls::Off { of_context } else { tls };
        Self::parse(&host, tls, &format!("the Docker context `{name}`"))
    }

    /// The address in `text`, which `origin` gave.
    fn parse(text: &str, tls: Tls, origin: &str) -> Result<Self> {
        let refuse = |reason: String| {
            // What stands before an `@` may be a password.
            let shown = match (text.split_once("://"), text.rsplit_once('@')) {
                (Some((scheme, _)), Some((_, host))) => &format!("{scheme}://...@{host}"),
                (None, Some((_, host))) => &format!("...@{host}"),
                (_, None) => text,
            };
            Err(Error::Config(format!("{origin} is `{shown}`: {reason}")))
        };
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").unwrap_or(("tcp", text));
        if rest.contains(['?', '#']) {
            return refuse("an address has no query and no fragment".to_owned());
        }
        let tls = match scheme.to_ascii_lowercase().as_str() {
            // `unix://var/run/docker.sock` is how it was once written.
            "unix" | "http+unix" => {
                let path = rest.trim_start_matches('/').trim_end_matches('/');
                return Ok(Self::Unix(match path {
                    "" => DEFAULT_SOCKET.into(),
                    path => Path::new("/").join(path),
                }));
            }
            "http" => Tls::Off,
            "https" if tls == Tls::Off => {
                return refuse(
                    "set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to the directory of ca.pem, \
                     cert.pem and key.pem"
                        .to_owned(),
                );
            }
            "tcp" | "https" => tls,
            other => {
                return refuse(format!(
                    "`{other}://` is not supported; set DOCKER_HOST to `unix:///path` or to \
                     `tcp://host:port`"
                ));
            }
        };
        let files = match tls {
            Tls::Off => None,
            Tls::Verified(files) => Some(files),
            Tls::Unverified(remedy) => {
                return refuse(format!(
                    "a TLS connection that does not verify the engine is not supported; {remedy}"
                ));
            }
        };
        let default_port = if files.is_some() { TLS_PORT } else { PORT };
        match host_and_port(rest.trim_end_matches('/'), default_port) {
            Some((host, port)) => Ok(Self::Tcp { host, port, tls: files }),
            None => refuse("write an address as `tcp://host:port`".to_owned()),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp { host, port, .. } if host.contains(':') => {
                write!(f, "tcp://[{host}]:{port}")
            }
            Self::Tcp { host, port, .. } => write!(f, "tcp://{host}:{port}"),
        }
    }
}

/// Whether a TCP connection is secured.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Tls {
    /// It is not.
    Off,
    /// Both sides prove who they are.
    Verified(TlsFiles),
    /// Asked for without verification, which we refuse with this advice.
    Unverified(&'static str),
}

impl Tls {
    fn from_env(env: &Env) -> Result<Self> {
        let directory = env.path("DOCKER_CERT_PATH");
        if env.path("DOCKER_TLS_VERIFY").is_none() {
            return Ok(match directory {
                None => Self::Off,
                Some(_) => Self::Unverified("set DOCKER_TLS_VERIFY=1 beside DOCKER_CERT_PATH"),
            });
        }
        let directory =
            directory.or_else(|| Some(env.home()?.join(".docker"))).ok_or_else(|| {
                Error::Config(
                    "DOCKER_TLS_VERIFY is set, but neither DOCKER_CERT_PATH nor HOME".into(),
                )
            })?;
        Ok(Self::Verified(TlsFiles::in_directory(&env.directory().join(directory))))
    }
}

/// The two parts of `host:port`, `[v6]:port`, `host` or `:port`.
fn host_and_port(text: &str, default_port: u16) -> Option<(String, u16)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            let port = if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) };
            (host, port)
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    if text.is_empty() || host.contains(['/', '@', ' ', '[', ']']) {
        return None;
    }
    let port =
        port.map_or(Some(default_port), |port| port.parse().ok().filter(|port| *port != 0))?;
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
            Ok(Endpoint::Tcp { tls: Some(files), host, port }) => {
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
            ("unix:///run/user/1000/docker.sock", "unix:///run/user/1000/docker.sock"),
            ("unix://var/run/docker.sock", "unix:///var/run/docker.sock"),
            ("http+unix:///x.sock/", "unix:///x.sock"),
            (" tcp://h:1 ", "tcp://h:1"),
            ("http://h:1/", "tcp://h:1"),
            ("tcp://[::1]:2375", "tcp://[::1]:2375"),
            ("tcp://:2375", "tcp://127.0.0.1:2375"),
            ("127.0.0.1:2375", "tcp://127.0.0.1:2375"),
            ("localhost:2375", "tcp://localhost:2375"),
            ("tcp://h", "tcp://h:2375"),
        ] {
            assert_eq!(found(&[("DOCKER_HOST", host)]), endpoint, "{host}");
        }
    }

    #[test]
    fn tls_is_used_where_it_is_asked_for() {
        let verify = ("DOCKER_TLS_VERIFY", "0");
        for (host, endpoint) in [
            ("tcp://h", "tcp://h:2376 with /nonexistent/.docker"),
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
            (vec![("DOCKER_HOST", "ssh://me@h")], "`ssh://` is not supported; set DOCKER_HOST"),
            (vec![("DOCKER_HOST", "npipe:////./pipe/x")], "`npipe://` is not supported"),
            (vec![("DOCKER_HOST", "fd://")], "`fd://` is not supported"),
            (vec![("DOCKER_HOST", "tcp://")], "write an address as `tcp://host:port`"),
            (vec![("DOCKER_HOST", "tcp://h:0")], "write an address as"),
            (vec![("DOCKER_HOST", "tcp://h:1/prefix")], "write an address as"),
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
