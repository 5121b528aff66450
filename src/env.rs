//! The environment of the process, read once in `main` and passed down, so that tests can use one of their
//! own.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

/// The environment variables and the working directory of a process.
#[derive(Clone, Debug, Default)]
pub struct Env {
    variables: BTreeMap<OsString, OsString>,
    directory: Option<PathBuf>,
}

impl Env {
    /// Reads the environment of this process. The working directory may have been removed.
    #[must_use]
    pub fn of_process() -> Self {
        Self { variables: std::env::vars_os().collect(), directory: std::env::current_dir().ok() }
    }

    /// Makes an environment of these variables and this working directory.
    #[must_use]
    pub fn new<K: AsRef<str>, V: AsRef<str>>(
        directory: &Path,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let variables =
            variables.into_iter().map(|(k, v)| (k.as_ref().into(), v.as_ref().into())).collect();
        Self { variables, directory: Some(directory.to_path_buf()) }
    }

    /// Makes an environment of these variables and the same working directory.
    #[must_use]
    pub fn with<K: AsRef<str>, V: AsRef<str>>(
        &self,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        Self { directory: self.directory.clone(), ..Self::new(Path::new("/"), variables) }
    }

    /// The value of a variable; `None` if it is unset, empty or not UTF-8.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.os(name).and_then(OsStr::to_str)
    }

    /// The value of a variable as a path; `None` if it is unset or empty.
    #[must_use]
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.os(name).map(PathBuf::from)
    }

    /// Whether the variable is set, even if it is empty.
    #[must_use]
    pub fn is_set(&self, name: &str) -> bool {
        self.variables.contains_key(OsStr::new(name))
    }

    /// The value of a variable, even if it is empty or not UTF-8.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// The names of variables whose values are not UTF-8, which [`get`](Self::get) treats as unset.
    pub fn unreadable(&self) -> impl Iterator<Item = &str> {
        let unreadable = self.variables.iter().filter(|(_, value)| value.to_str().is_none());
        unreadable.filter_map(|(name, _)| name.to_str())
    }

    /// All variables with names and values in UTF-8, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().filter_map(|(k, v)| Some((k.to_str()?, v.to_str()?)))
    }

    /// The working directory; an error if it was removed.
    pub fn directory(&self) -> Result<&Path> {
        let directory = self.directory.as_deref();
        directory.context("the current directory was removed; change to one that is there")
    }

    /// Makes the path absolute. If the working directory was removed, a relative path stays as it is, and
    /// leads nowhere.
    #[must_use]
    pub fn join(&self, path: &Path) -> PathBuf {
        self.directory.as_deref().map_or_else(|| path.to_path_buf(), |start| start.join(path))
    }

    /// Gives a command this environment and working directory, and no other variables.
    pub fn apply_to<'a>(&self, program: &'a mut Command) -> &'a mut Command {
        if let Some(directory) = &self.directory {
            program.current_dir(directory);
        }
        program.env_clear().envs(self.iter())
    }

    /// `$HOME`, or else the home directory in the user database.
    #[must_use]
    pub fn home(&self) -> Option<PathBuf> {
        self.path("HOME").or_else(dirs::home_dir)
    }

    fn os(&self, name: &str) -> Option<&OsStr> {
        self.raw(name).filter(|v| !v.is_empty())
    }
}
