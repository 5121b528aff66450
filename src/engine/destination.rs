//! An address with `ssh://`, and what `ssh` is called with for it.

use std::fmt;
use std::time::Duration;

/// How long `ssh` may take to reach the other machine.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Where `ssh` goes, and the socket of the engine there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Destination {
    user: Option<String>,
    /// A name or an address, or what `ssh` has in its configuration; IPv6 without brackets.
    host: String,
    port: Option<u16>,
    /// The path of the engine's socket; `None` for what the Docker client there takes.
    socket: Option<String>,
}

impl Destination {
    /// Parses what is between `ssh://` and the path, and the path.
    ///
    /// Words that a shell or `ssh` would take for more than a name are refused: `ssh` puts names into commands of
    /// its configuration, and the shell of the other machine reads the path.
    pub(super) fn parse(authority: &str, path: &str) -> Result<Self, &'static str> {
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority),
        };
        if user.is_some_and(|user| user.contains(':')) {
            return Err("a password has no place in it; log in with a key");
        }
        if user.is_some_and(|user| !is_name(user, "._-+@=~")) {
            return Err(
                "the name of the user may have letters, digits and `._-+@=~`, and begins with none \
                        but a letter, a digit or `_`; ssh's own configuration can name any",
            );
        }
        let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':').unwrap_or("none"))),
            None => match place.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (place, None),
            },
        };
        if host.is_empty() {
            return Err("name a host, as in `ssh://user@host`");
        }
        if !is_name(host, "._-:%") {
            return Err(
                "the name of the host may have letters, digits and `._-`, and does not begin with `-`",
            );
        }
        let port = match port {
            None | Some("") => None,
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(port.parse().ok().filter(|port| *port != 0).ok_or(PORT)?)
            }
            Some(_) => return Err(PORT),
        };
        let socket = Some(path).filter(|path| !path.trim_matches('/').is_empty());
        if socket.is_some_and(|path| !path.bytes().all(|byte| is_plain(byte, "/._-+@=:,"))) {
            return Err("the path of the socket may have letters, digits and `/._-+@=:,`");
        }
        let owned = |text: &str| text.to_owned();
        Ok(Self { user: user.map(owned), host: owned(host), port, socket: socket.map(owned) })
    }

    /// What Docker's client calls `ssh` with, and that it is to ask nobody: nobody is there who could answer. Docker's
    /// client has it in a session of its own, where it cannot ask either.
    pub(super) fn arguments(&self) -> Vec<String> {
        let timeout = format!("ConnectTimeout={}", CONNECT_TIMEOUT.as_secs());
        let mut words = ["-o", &timeout, "-o", "BatchMode=yes", "-T"].map(str::to_owned).to_vec();
        let mut option = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                words.extend([name.to_owned(), value]);
            }
        };
        option("-l", self.user.clone());
        option("-p", self.port.map(|port| port.to_string()));
        words.extend(["--".to_owned(), self.host.clone()]);
        words.extend(self.remote_command());
        words
    }

    fn remote_command(&self) -> Vec<String> {
        let host = self.socket.as_ref().map(|path| format!("--host=unix://{path}"));
        let words = ["system", "dial-stdio"].map(str::to_owned);
        ["docker".to_owned()].into_iter().chain(host).chain(words).collect()
    }

    /// The command by which people come there.
    pub(super) fn command(&self) -> String {
        let port = self.port.map_or_else(String::new, |port| format!("-p {port} "));
        let user = self.user.as_ref().map_or_else(String::new, |user| format!("{user}@"));
        format!("ssh {port}{user}{}", self.host)
    }

    pub(super) fn without_socket(&self) -> Self {
        Self { socket: None, ..self.clone() }
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }
}

const PORT: &str = "write the port as a number, as in `ssh://user@host:22`";

fn is_plain(byte: u8, also: &str) -> bool {
    byte.is_ascii_alphanumeric() || also.as_bytes().contains(&byte)
}

/// Whether this is made of letters, digits and these, and cannot be taken for an option.
fn is_name(text: &str, also: &str) -> bool {
    let begins = |first: &u8| first.is_ascii_alphanumeric() || matches!(first, b'_' | b':');
    text.as_bytes().first().is_some_and(begins) && text.bytes().all(|byte| is_plain(byte, also))
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.user.as_ref().map_or_else(String::new, |user| format!("{user}@"));
        let port = self.port.map_or_else(String::new, |port| format!(":{port}"));
        let socket = self.socket.as_deref().unwrap_or_default();
        let host = &self.host;
        if host.contains(':') {
            write!(f, "ssh://{user}[{host}]{port}{socket}")
        } else {
            write!(f, "ssh://{user}{host}{port}{socket}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Destination;

    fn called(authority: &str, path: &str) -> String {
        match Destination::parse(authority, path) {
            Ok(destination) => {
                let words = destination.arguments().join(" ");
                let asks = "-o ConnectTimeout=30 -o BatchMode=yes -T ";
                format!("{} | {}", words.strip_prefix(asks).unwrap(), destination.command())
            }
            Err(reason) => reason.to_owned(),
        }
    }

    #[test]
    fn ssh_is_called_as_docker_calls_it() {
        for (authority, path, words) in [
            ("gpu", "", "-- gpu docker system dial-stdio | ssh gpu"),
            ("gpu", "/", "-- gpu docker system dial-stdio | ssh gpu"),
            ("ann@gpu", "", "-l ann -- gpu docker system dial-stdio | ssh ann@gpu"),
            ("gpu:2222", "", "-p 2222 -- gpu docker system dial-stdio | ssh -p 2222 gpu"),
            (
                "a.b@x@gpu-1.lab:2222",
                "/run/user/1000/docker.sock",
                "-l a.b@x -p 2222 -- gpu-1.lab docker --host=unix:///run/user/1000/docker.sock system dial-stdio | \
                 ssh -p 2222 a.b@x@gpu-1.lab",
            ),
            ("ann@[::1]", "", "-l ann -- ::1 docker system dial-stdio | ssh ann@::1"),
            (
                "[fe80::1%eth0]:22",
                "",
                "-p 22 -- fe80::1%eth0 docker system dial-stdio | ssh -p 22 fe80::1%eth0",
            ),
        ] {
            assert_eq!(called(authority, path), words, "{authority}{path}");
        }
    }

    #[test]
    fn what_a_shell_or_ssh_would_take_for_more_is_refused() {
        for (authority, path, reason) in [
            ("", "", "name a host"),
            ("ann@", "", "name a host"),
            ("ann:secret@gpu", "", "a password has no place in it"),
            ("-oProxyCommand=id", "", "does not begin with `-`"),
            ("ann@-oProxyCommand=id", "", "does not begin with `-`"),
            ("-oProxyCommand=id@gpu", "", "the name of the user"),
            ("@gpu", "", "the name of the user"),
            ("a;id@gpu", "", "the name of the user"),
            ("$(id)", "", "the name of the host"),
            ("gpu`id`", "", "the name of the host"),
            ("gpu x", "", "the name of the host"),
            ("gpu:0", "", "write the port"),
            ("gpu:65536", "", "write the port"),
            ("gpu:x", "", "write the port"),
            ("[::1]22", "", "write the port"),
            ("gpu", "/a b", "the path of the socket"),
            ("gpu", "/a;id", "the path of the socket"),
            ("gpu", "/a$x", "the path of the socket"),
        ] {
            let text = called(authority, path);
            assert!(text.contains(reason), "{authority}{path}: {text}");
        }
    }
}
