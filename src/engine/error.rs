//! What can go wrong between this program and the Docker Engine. Cases are told apart where a caller acts on
//! the difference; the texts are for readers of a Jupyter server's log.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use hyper::StatusCode;

use crate::text;

pub type Result<T> = std::result::Result<T, Error>;

/// Why the engine did not do what it was asked to.
///
/// `action` is an infinitive: `create the container`.
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
    NoEngine { endpoint: String, reason: io::Error, remedy: Cow<'static, str> },

    /// The socket is there, but belongs to others.
    #[error(
        "failed to open the socket of the Docker Engine, `{}`: permission denied; run the Jupyter \
         server as a member of the group that owns it (usually `docker`; in a container, with \
         `--group-add` and that group's number), or as root{others}", path.display()
    )]
    PermissionDenied {
        path: PathBuf,
        /// Which other engines there are.
        others: String,
    },

    /// The connection broke.
    #[error("failed to {action}: lost the Docker Engine at `{endpoint}`: {reason}")]
    Connection { action: &'static str, endpoint: String, reason: String },

    /// The two sides could not agree on a TLS session.
    #[error("failed to open a TLS session with the Docker Engine at `{endpoint}`: {reason}")]
    Tls { endpoint: String, reason: String },

    /// The engine took too long.
    #[error(
        "failed to {action}: the Docker Engine at `{endpoint}` did not answer within {} s",
        text::seconds(*limit)
    )]
    TimedOut { action: &'static str, endpoint: String, limit: Duration },

    /// The deadline had passed, so the engine was not asked.
    #[error("did not {action}: its deadline had passed")]
    DeadlinePassed { action: &'static str },

    /// The engine refused.
    #[error("failed to {action}: {message} (status {status} from the Docker Engine)")]
    Status {
        action: &'static str,
        /// The HTTP status; 500 for an error inside a stream.
        status: u16,
        message: String,
    },

    /// The answer is not that of a Docker Engine, or not of a kind that we know.
    #[error("failed to {action}: `{endpoint}` does not answer as a Docker Engine does: {reason}")]
    BadAnswer { action: &'static str, endpoint: String, reason: String },

    /// The engine and this program have no API version in common.
    #[error("{0}")]
    Version(String),

    /// The name of an image is not valid.
    #[error("`{name}` is not the name of an image: {reason}")]
    Reference { name: String, reason: &'static str },

    /// The credentials for a registry could not be read.
    #[error("failed to get the credentials for the registry `{registry}`: {reason}")]
    Credentials { registry: String, reason: String },
}

/// The first of an error's causes that is of this type.
pub(super) fn cause<'a, T: StdError + 'static>(
    error: &'a (dyn StdError + 'static),
) -> Option<&'a T> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // The source of an `io::Error` is that of its inner error, not the inner error itself.
        cause = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

impl Error {
    /// The HTTP status with which the engine refused, if it did.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether the object that the call names does not exist; for a container to be created, its image.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(StatusCode::NOT_FOUND.as_u16())
    }

    /// Whether a proxy in front of the engine forbids the call.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        self.status() == Some(StatusCode::FORBIDDEN.as_u16())
    }

    /// Whether the name matches several objects.
    #[must_use]
    pub fn is_ambiguous(&self) -> bool {
        matches!(self, Self::Status { message, .. } if message.contains("ambiguous"))
    }

    /// Whether a registry refused an image for want of credentials, or of the right ones. Many say that a
    /// private image does not exist, so this is only likely.
    #[must_use]
    pub fn wants_login(&self) -> bool {
        let Self::Status { message, .. } = self else { return false };
        let message = message.to_ascii_lowercase();
        let words = ["no basic auth credentials", "unauthorized", "authentication required"];
        let or = ["access denied", "resource is denied"];
        words.iter().chain(&or).any(|words| message.contains(words))
    }

    /// Whether another object is in the way, such as one of the same name.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        // Podman has one status for all that goes wrong.
        self.status() == Some(StatusCode::CONFLICT.as_u16())
            || matches!(self, Self::Status { status: 500, message, .. } if message.contains("is already in use"))
    }
}
