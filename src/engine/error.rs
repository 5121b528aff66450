//! What can go wrong between this program and the Docker Engine, told apart where a caller acts on
//! the difference, and worded for the person who reads it in the log of a Jupyter server.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use hyper::StatusCode;

use crate::text;

pub type Result<T> = std::result::Result<T, Error>;

/// Why the engine did not do what it was asked.
///
/// `doing` is the thing asked for, as an infinitive: `create the container`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting that says where the engine is cannot be used.
    #[error("{0}")]
    Config(String),

    /// A certificate, a key or the client's configuration file cannot be read.
    #[error("failed to read {what} of the Docker client: {reason}")]
    File {
        /// What the file is for, with an article.
        what: &'static str,
        reason: io::Error,
    },

    /// Nothing listens at the endpoint, or it cannot be reached.
    #[error("found no Docker Engine at `{endpoint}`: {reason}; {remedy}")]
    NoEngine { endpoint: String, reason: io::Error, remedy: &'static str },

    /// The socket is there, but belongs to others.
    #[error(
        "failed to open the socket of the Docker Engine, `{}`: permission denied; run the Jupyter \
         server as a member of the group that owns it (usually `docker`; in a container, with \
         `--group-add` and that group's number), or as root", path.display()
    )]
    PermissionDenied { path: PathBuf },

    /// The connection broke.
    #[error("failed to {doing}: lost the Docker Engine at `{endpoint}`: {reason}")]
    Connection { doing: &'static str, endpoint: String, reason: String },

    /// No TLS session could be agreed on.
    #[error("failed to open a TLS session with the Docker Engine at `{endpoint}`: {reason}")]
    Tls { endpoint: String, reason: String },

    /// The engine took longer than it may.
    #[error(
        "failed to {doing}: the Docker Engine at `{endpoint}` did not answer within {} s",
        text::seconds(*limit)
    )]
    TimedOut { doing: &'static str, endpoint: String, limit: Duration },

    /// The deadline passed before the engine was asked, so that it was not asked.
    #[error("did not {doing}: the time for it was over")]
    TooLate { doing: &'static str },

    /// The engine refused.
    #[error("failed to {doing}: {message} (status {status} from the Docker Engine)")]
    Status {
        doing: &'static str,
        /// The HTTP status; that of an error inside a stream is 500.
        status: u16,
        message: String,
    },

    /// What answers is no Docker Engine, or one of another kind.
    #[error("failed to {doing}: `{endpoint}` does not answer as a Docker Engine does: {reason}")]
    BadAnswer { doing: &'static str, endpoint: String, reason: String },

    /// There is no version of the API that both the engine and this program speak.
    #[error("{0}")]
    Version(String),

    /// An image's name is none.
    #[error("`{name}` is not the name of an image: {reason}")]
    Reference { name: String, reason: &'static str },

    /// The credentials for a registry cannot be had.
    #[error("failed to get the credentials for the registry `{registry}`: {reason}")]
    Credentials { registry: String, reason: String },
}

impl Error {
    /// The status with which the engine refused, if it was the engine that did.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether the engine says that what the call names does not exist: for a container that is
    /// created, its image.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(StatusCode::NOT_FOUND.as_u16())
    }

    /// Whether somebody in front of the engine does not let it be asked that.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        self.status() == Some(StatusCode::FORBIDDEN.as_u16())
    }

    /// Whether the engine says that several objects have the name.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        matches!(self, Self::Status { message, .. } if message.contains("ambiguous"))
    }

    /// Whether a registry did not give an image because it wants credentials, or others. Many say of
    /// what is secret that it does not exist, so that this is no more than likely.
    #[must_use]
    pub fn wants_login(&self) -> bool {
        let Self::Status { message, .. } = self else { return false };
        let words = ["no basic auth credentials", "unauthorized", "authentication required"];
        let or = ["access denied", "resource is denied"];
        words.iter().chain(&or).any(|words| message.contains(words))
    }

    /// Whether the engine says that another object is in the way, such as one of the same name.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.status() == Some(StatusCode::CONFLICT.as_u16())
    }
}
