//! Why there is no connection through `ssh`, and what to do.

use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use super::destination::Destination;
use super::error::cause;
use super::limits::shortened;

/// With this status `ssh` itself fails; all others are those of the command on the other machine.
const OF_SSH: i32 = 255;

/// With this status a shell does not find a command.
const NOT_FOUND: i32 = 127;

/// How many lines are shown of what nobody knows.
const LINES: usize = 3;

/// An `ssh` that has ended with a failure.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", self.reason())]
pub(super) struct SshFailure {
    pub(super) destination: Destination,
    pub(super) status: ExitStatus,
    /// What it wrote to standard error.
    pub(super) said: String,
    /// Whether something had come from the engine.
    pub(super) has_answered: bool,
}

/// Why a connection through `ssh` broke, and what to do; `None` if this is no error of one.
pub(crate) fn explain_ssh(error: &io::Error) -> Option<String> {
    let failure = cause::<SshFailure>(error)?;
    Some(format!("{failure}; {}", failure.remedy()))
}

/// Words that tell a failure, and what to do. `{command}` stands for the one by which people come there, `{host}` for
/// the host, and `{address}` for where the engine is, without its socket. No host has braces.
type Known = (&'static str, &'static str);

const OF_THE_LINE: [Known; 5] = [
    (
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        "its key is not the one that is known here: run `{command}` in a terminal, which says how to forget that one, \
         once whoever looks after that machine has said why",
    ),
    (
        "Host key verification failed",
        "its key is not known here: run `{command}` in a terminal, as the user who starts kernels, and accept it",
    ),
    (
        "Permission denied",
        "nobody is asked for a password here: see to it that `{command}` needs none, by a key that is known there, \
         and `ssh-add` if that has a passphrase",
    ),
    (
        "Could not resolve hostname",
        "correct the name, or say in ~/.ssh/config what `{host}` stands for",
    ),
    ("", "see whether `{command}` connects"),
];

const OF_THE_OTHER_SIDE: [Known; 4] = [
    (
        "permission denied",
        "make the user there a member of the group that owns the socket, which is `docker` as a rule",
    ),
    (
        "failed to open the raw stream connection",
        "start the engine there; if it has another socket, name that after the host, as in \
         `{address}/run/user/1000/docker.sock`",
    ),
    ("Usage:", "it is older than 18.09: install a newer one there"),
    ("", "see what `{command} docker version` says"),
];

const NO_DOCKER: Known =
    ("docker", "install Docker's client there, such that `{command} docker version` finds it");

impl SshFailure {
    /// What to do about it.
    pub(super) fn remedy(&self) -> String {
        let (_, remedy) = self.known();
        remedy
            .replace("{command}", &self.destination.command())
            .replace("{address}", &self.destination.without_socket().to_string())
            .replace("{host}", self.destination.host())
    }

    fn known(&self) -> &'static Known {
        let known: &[Known] = match self.status.code() {
            Some(OF_SSH) | None => &OF_THE_LINE,
            Some(NOT_FOUND) => return &NO_DOCKER,
            Some(_) => &OF_THE_OTHER_SIDE,
        };
        let tells = |known: &&Known| self.said.contains(known.0);
        known.iter().find(tells).unwrap_or(&known[known.len() - 1])
    }

    fn reason(&self) -> String {
        let (words, _) = self.known();
        let mut lines = self.said.lines().map(str::trim).filter(|line| !line.is_empty());
        let told = match *words {
            // A whole help, and no reason.
            "Usage:" => "its client of Docker does not know `dial-stdio`".to_owned(),
            "" => {
                let lines: Vec<_> = lines.collect();
                lines[lines.len().saturating_sub(LINES)..].join("; ")
            }
            words => lines.rfind(|line| line.contains(words)).unwrap_or_default().to_owned(),
        };
        let how = match (self.status.code(), self.status.signal()) {
            (Some(code), _) => format!("`ssh` ended with status {code}"),
            (_, Some(signal)) => format!("signal {signal} ended `ssh`"),
            _ => "`ssh` ended".to_owned(),
        };
        let told = told.trim_matches(['@', ' ', '.', ':']);
        if told.is_empty() { how } else { shortened(told) }
    }
}

impl From<SshFailure> for io::Error {
    fn from(failure: SshFailure) -> Self {
        Self::new(io::ErrorKind::ConnectionAborted, failure)
    }
}
