//! Which of Jupyter's kernels directories a specification lies in.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use crate::cli::Place;
use crate::paths::Paths;

/// Where a specification goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// The first system-wide directory.
    System,
    /// The user's own directory.
    User,
    /// Below this prefix.
    Prefix(PathBuf),
    /// Below the prefix of the Python environment that the program belongs to.
    SysPrefix,
}

impl Location {
    /// The location that options and configuration come to.
    ///
    /// # Errors
    /// When they contradict each other.
    pub fn new(user: bool, prefix: Option<PathBuf>, sys_prefix: bool) -> Result<Self> {
        // `--prefix=` is Python's way to say nothing.
        let prefix = prefix.filter(|prefix| !prefix.as_os_str().is_empty());
        ensure!(
            !user || !(sys_prefix || prefix.is_some()),
            "Can't specify both user and prefix. Please choose one or the other."
        );
        Ok(match prefix {
            _ if sys_prefix => Self::SysPrefix,
            _ if user => Self::User,
            Some(prefix) => Self::Prefix(prefix),
            None => Self::System,
        })
    }

    /// The location that the options of a command line name; `None` if they name none.
    ///
    /// # Errors
    /// When they contradict each other.
    pub fn named(place: &Place) -> Result<Option<Self>> {
        let prefix = place.prefix.clone().map(PathBuf::from);
        let location = Self::new(place.user, prefix, place.sys_prefix)?;
        Ok(Some(location).filter(|location| *location != Self::System))
    }

    /// The directory that the specifications' own directories lie in.
    ///
    /// # Errors
    /// When there is none: it says what to set.
    pub fn kernels_directory(&self, paths: &Paths<'_>) -> Result<PathBuf> {
        Ok(match self {
            Self::Prefix(prefix) => paths.kernels_below(prefix),
            Self::SysPrefix => {
                let prefix = paths.environment_prefix().context(
                    "--sys-prefix needs a Python environment, and there is none: this program is \
                     not in one, VIRTUAL_ENV and CONDA_PREFIX are not set, and there is no python3 \
                     on PATH; use --prefix PREFIX instead",
                )?;
                paths.kernels_below(&prefix)
            }
            Self::User => paths
                .user_data()
                .context("--user needs a home directory; set HOME or JUPYTER_DATA_DIR")?
                .join("kernels"),
            Self::System => paths
                .system_data()
                .into_iter()
                .next()
                .context("there is no system-wide directory")?
                .join("kernels"),
        })
    }
}
