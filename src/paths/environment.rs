//! The Python environment that this program belongs to, and its place among the directories.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::python::{self, VENV_CONFIGURATION, is_python_environment};
use super::{Paths, variable};
use crate::files;

impl Paths<'_> {
    /// The prefix of the Python environment that this program belongs to: the one with the executable, or
    /// else `$VIRTUAL_ENV`, or else `$CONDA_PREFIX`, or else what `python3` on `PATH` says.
    #[must_use]
    pub fn environment_prefix(&self) -> Option<PathBuf> {
        self.known_environment().or_else(|| self.prefix_of_python())
    }

    /// Like [`environment_prefix`](Self::environment_prefix), but without running Python.
    #[must_use]
    pub fn known_environment(&self) -> Option<PathBuf> {
        let of_executable = self
            .executable
            .and_then(Path::parent)
            .and_then(Path::parent)
            .filter(|prefix| is_python_environment(prefix));
        of_executable
            .map(Path::to_path_buf)
            .or_else(|| self.env.path(variable::VIRTUAL_ENV))
            .or_else(|| self.env.path(variable::CONDA_PREFIX))
            .map(|prefix| self.absolute(&prefix))
    }

    fn prefix_of_python(&self) -> Option<PathBuf> {
        python::prefix(&self.python()?, self.env)
    }

    /// Whether the Python environment comes before the user's directories: if a variable says so, or in a
    /// virtual or conda environment of the user, but not in conda's base one.
    pub(super) fn prefers_environment(&self, prefix: &Path) -> bool {
        if self.env.is_set(variable::PREFER_ENV_PATH) {
            return self.is_on(variable::PREFER_ENV_PATH);
        }
        let own = fs_err::metadata(prefix)
            .is_ok_and(|metadata| metadata.uid() == rustix::process::geteuid().as_raw());
        let conda = self.env.path(variable::CONDA_PREFIX).is_some_and(|conda| {
            prefix.starts_with(conda)
                && self.env.get(variable::CONDA_DEFAULT_ENV).is_some_and(|name| name != "base")
        });
        own && (conda || prefix.join(VENV_CONFIGURATION).is_file())
    }

    /// The base of Python's user site. A virtual environment hides it unless it shows the system's packages.
    pub(super) fn user_site(&self, prefix: Option<&Path>) -> Option<PathBuf> {
        let hidden = prefix
            .and_then(|prefix| files::read_to_string(&prefix.join(VENV_CONFIGURATION)).ok())
            .is_some_and(|text| !shows_system_packages(&text));
        if hidden || self.env.get(variable::NO_USER_SITE).is_some() {
            return None;
        }
        let base = match self.env.path(variable::USER_BASE) {
            Some(base) => self.expand(&base),
            None => self.env.home()?.join(".local"),
        };
        Some(base)
    }
}

/// Whether a virtual environment shows the system's packages. `configuration` is the text of its
/// `pyvenv.cfg`.
fn shows_system_packages(configuration: &str) -> bool {
    let settings = configuration.lines().filter_map(|line| line.split_once('='));
    let mut values = settings
        .filter(|(key, _)| key.trim().eq_ignore_ascii_case("include-system-site-packages"))
        .map(|(_, value)| value.trim().eq_ignore_ascii_case("true"));
    values.next_back().unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Env;

    #[test]
    fn the_environment_of_the_executable_comes_first() {
        let venv = tempfile::tempdir().unwrap();
        fs_err::create_dir(venv.path().join("bin")).unwrap();
        let executable = venv.path().join("bin/jupyter-docker-spec");
        let env = Env::new(Path::new("/"), [("VIRTUAL_ENV", "/v"), ("CONDA_PREFIX", "/c")]);
        let paths = Paths { env: &env, executable: Some(&executable) };
        assert_eq!(paths.environment_prefix().unwrap(), Path::new("/v"));
        fs_err::write(venv.path().join("pyvenv.cfg"), "").unwrap();
        assert_eq!(paths.environment_prefix().unwrap(), venv.path());

        let env = Env::new(Path::new("/"), [("CONDA_PREFIX", "/c")]);
        let paths = Paths { env: &env, executable: None };
        assert_eq!(paths.environment_prefix().unwrap(), Path::new("/c"));
    }
}
