//! Whether the environment asks for TLS, and the files for it.

use std::path::{Path, PathBuf};

use super::error::{Error, Result};
use crate::env::Env;

/// The PEM files for a TLS connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsFiles {
    /// The certificates of the authorities that may have signed the engine's.
    pub ca: PathBuf,
    /// The client's certificate.
    pub cert: PathBuf,
    pub key: PathBuf,
}

impl TlsFiles {
    #[must_use]
    pub fn in_directory(directory: &Path) -> Self {
        Self {
            ca: directory.join("ca.pem"),
            cert: directory.join("cert.pem"),
            key: directory.join("key.pem"),
        }
    }
}

/// Whether TCP connections are secured.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum TlsMode {
    Off,
    /// Both sides verify each other.
    Verified(TlsFiles),
    /// Asked for without verification, which is refused with this advice.
    Unverified(&'static str),
}

impl TlsMode {
    pub(super) fn from_env(env: &Env) -> Result<Self> {
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
        Ok(Self::Verified(TlsFiles::in_directory(&env.join(&directory))))
    }
}
