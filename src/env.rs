//! The process environment, read once in `main` and passed down, so that everything below it can be
//! tested with an environment of the test's own.

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
    /// The environment of this process. It has no working directory where that was removed.
    #[must_use]
    pub fn of_process() -> Self {
        Self { variables: std::env::vars_os().collect(), directory: std::env::current_dir().ok() }
    }

    /// An environment made of the given variables, with `directory` as the working directory.
    #[must_use]
    pub fn new<K: AsRef<str>, V: AsRef<str>>(
        directory: &Path,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let variables =
            variables.into_iter().map(|(k, v)| (k.as_ref().into(), v.as_ref().into())).collect();
        Self { variables, directory: Some(directory.to_path_buf()) }
    }

    /// The given variables in the same working directory.
    #[must_use]
    pub fn with<K: AsRef<str>, V: AsRef<str>>(
        &self,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        Self { directory: self.directory.clone(), ..Self::new(Path::new("/"), variables) }
    }

    /// The value of a variable; `None` if it is not set, is empty or is not UTF-8.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.os(name).and_then(OsStr::to_str)
    }

    /// The value of a variable that holds a path; `None` if it is not set or is empty.
    #[must_use]
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.os(name).map(PathBuf::from)
    }

    /// Whether the variable is set, be it to nothing.
    #[must_use]
    pub fn is_set(&self, name: &str) -> bool {
        self.variables.contains_key(OsStr::new(name))
    }

    /// The value of a variable as it is, be it empty or not UTF-8.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// The names of the variables that are set to something that is not UTF-8, which [`get`](Self::get)
    /// takes for not set.
    pub fn unreadable(&self) -> impl Iterator<Item = &str> {
        let unreadable = self.variables.iter().filter(|(_, value)| value.to_str().is_none());
        unreadable.filter_map(|(name, _)| name.to_str())
    }

    /// Every variable whose name and value are UTF-8, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().filter_map(|(k, v)| Some((k.to_str()?, v.to_str()?)))
    }

    /// The working directory.
    pub fn directory(&self) -> Result<&Path> {
        let directory = self.directory.as_deref();
        directory.context("the current directory was removed; change to one that is there")
    }

    /// The path, absolute if there is a working directory that it can start from. Where that was removed,
    /// a relative path leads nowhere, to the system as well.
    #[must_use]
    pub fn join(&self, path: &Path) -> PathBuf {
        self.directory.as_deref().map_or_else(|| path.to_path_buf(), |start| start.join(path))
    }

    /// Gives a program this environment and working directory, and no other variables.
    pub fn hand_to<'a>(&self, program: &'a mut Command) -> &'a mut Command {
        if let Some(directory) = &self.directory {
            program.current_dir(directory);
        }
        program.env_clear().envs(self.iter())
    }

    /// `$HOME`, else the home directory of the account in the user database.
    #[must_use]
    pub fn home(&self) -> Option<PathBuf> {
        self.path("HOME").or_else(dirs::home_dir)
    }

    fn os(&self, name: &str) -> Option<&OsStr> {
        self.raw(name).filter(|v| !v.is_empty())
    }
}
