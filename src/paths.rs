//! Jupyter's directories, by the rules of `jupyter_core.paths`: where a kernelspec is installed, and where
//! Jupyter looks for it. `jupyter --paths` prints the same lists.

use std::path::{Component, Path, PathBuf};

use crate::env::Env;

mod config;
mod data;
mod environment;
mod python;
mod shim;

/// Names of the environment variables that are read here.
mod variable {
    pub(super) const DATA_DIR: &str = "JUPYTER_DATA_DIR";
    pub(super) const SEARCH_PATH: &str = "JUPYTER_PATH";
    pub(super) const PLATFORM_DIRS: &str = "JUPYTER_PLATFORM_DIRS";
    pub(super) const XDG_DATA_HOME: &str = "XDG_DATA_HOME";
    pub(super) const XDG_DATA_DIRS: &str = "XDG_DATA_DIRS";
    pub(super) const VIRTUAL_ENV: &str = "VIRTUAL_ENV";
    pub(super) const CONDA_PREFIX: &str = "CONDA_PREFIX";
    pub(super) const USER_BASE: &str = "PYTHONUSERBASE";
    pub(super) const NO_USER_SITE: &str = "PYTHONNOUSERSITE";
    pub(super) const CONDA_DEFAULT_ENV: &str = "CONDA_DEFAULT_ENV";
    pub(super) const PREFER_ENV_PATH: &str = "JUPYTER_PREFER_ENV_PATH";
    pub(super) const CONFIG_DIR: &str = "JUPYTER_CONFIG_DIR";
    pub(super) const CONFIG_PATH: &str = "JUPYTER_CONFIG_PATH";
    pub(super) const NO_CONFIG: &str = "JUPYTER_NO_CONFIG";
    pub(super) const XDG_CONFIG_HOME: &str = "XDG_CONFIG_HOME";
    pub(super) const XDG_CONFIG_DIRS: &str = "XDG_CONFIG_DIRS";
}

/// The directories of one process: they follow from its environment and its executable.
#[derive(Clone, Copy, Debug)]
pub struct Paths<'a> {
    /// The environment to which the rules apply.
    pub env: &'a Env,
    /// The executable, with symbolic links resolved; `None` if unknown.
    pub executable: Option<&'a Path>,
}

impl Paths<'_> {
    /// Makes a path absolute and removes `.` and `..` without looking at the disk, like Python's
    /// `os.path.abspath`.
    #[must_use]
    pub fn absolute(&self, path: &Path) -> PathBuf {
        let mut out = PathBuf::new();
        for component in self.env.join(path).components() {
            match component {
                Component::CurDir => {}
                Component::ParentDir => {
                    out.pop();
                }
                other => out.push(other),
            }
        }
        out
    }

    /// Replaces a leading `~` by the home directory, and makes the path absolute.
    #[must_use]
    pub fn expand(&self, path: &Path) -> PathBuf {
        match (path.strip_prefix("~"), self.env.home()) {
            (Ok(rest), Some(home)) => self.absolute(&home.join(rest)),
            _ => self.absolute(path),
        }
    }

    /// The home directory, with symbolic links resolved.
    fn home(&self) -> Option<PathBuf> {
        self.env.home().map(|home| fs_err::canonicalize(&home).unwrap_or(home))
    }

    /// Jupyter's directories below those that a variable lists, if they are absolute, or else the default
    /// ones.
    fn shared(&self, variable: &str, default: &str) -> Vec<PathBuf> {
        let in_list = |list: &str| -> Vec<PathBuf> {
            let directories = list.split(':').map(Path::new).filter(|path| path.is_absolute());
            directories.map(|path| path.join("jupyter")).collect()
        };
        let found = self.env.get(variable).map(in_list).filter(|found| !found.is_empty());
        found.unwrap_or_else(|| in_list(default))
    }

    /// Whether platform directories are used.
    fn platform_directories(&self) -> bool {
        self.is_on(variable::PLATFORM_DIRS)
    }

    /// Whether a variable that is a switch is on. An empty one is on, as in `jupyter_core`.
    fn is_on(&self, name: &str) -> bool {
        const OFF: [&str; 6] = ["no", "n", "false", "off", "0", "0.0"];
        self.env.is_set(name)
            && !self
                .env
                .get(name)
                .is_some_and(|value| OFF.contains(&value.to_ascii_lowercase().as_str()))
    }

    /// The first Python on the given `PATH`, not on that of this process.
    fn python(&self) -> Option<PathBuf> {
        self.on_path("python3").next()
    }

    /// The files of this name in the directories of `PATH`, in order.
    pub fn on_path(&self, name: &str) -> impl Iterator<Item = PathBuf> {
        let directories = self.env.get("PATH").unwrap_or_default().split(':');
        directories
            .map(move |directory| self.absolute(Path::new(directory)).join(name))
            .filter(|candidate| candidate.is_file())
    }
}
