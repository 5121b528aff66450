//! Jupyter's directories, by the rules of `jupyter_core.paths`: where a kernelspec goes, and where
//! Jupyter will look for it. `jupyter --paths` prints the same lists.

use std::path::{Component, Path, PathBuf};
use std::process::Command;

use crate::env::Env;

/// Names of the environment variables read here.
mod variable {
    pub(super) const DATA_DIR: &str = "JUPYTER_DATA_DIR";
    pub(super) const SEARCH_PATH: &str = "JUPYTER_PATH";
    pub(super) const PLATFORM_DIRS: &str = "JUPYTER_PLATFORM_DIRS";
    pub(super) const XDG_DATA_HOME: &str = "XDG_DATA_HOME";
    pub(super) const XDG_DATA_DIRS: &str = "XDG_DATA_DIRS";
    pub(super) const VIRTUAL_ENV: &str = "VIRTUAL_ENV";
    pub(super) const CONDA_PREFIX: &str = "CONDA_PREFIX";
}

const SYSTEM_DIRECTORIES: [&str; 2] = ["/usr/local/share/jupyter", "/usr/share/jupyter"];

/// The directories of one process: its environment and where its executable lies.
#[derive(Clone, Copy, Debug)]
pub struct Paths<'a> {
    /// The environment that the rules read.
    pub env: &'a Env,
    /// The executable, with symbolic links resolved; `None` if the system cannot say.
    pub executable: Option<&'a Path>,
}

impl Paths<'_> {
    /// The path made absolute and freed of `.` and `..` without looking at the disk, as Python's
    /// `os.path.abspath` does.
    #[must_use]
    pub fn absolute(&self, path: &Path) -> PathBuf {
        let mut out = PathBuf::new();
        for component in self.env.directory().join(path).components() {
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

    /// The path with a leading `~` replaced by the home directory, made absolute.
    #[must_use]
    pub fn expand(&self, path: &Path) -> PathBuf {
        match (path.strip_prefix("~"), self.env.home()) {
            (Ok(rest), Some(home)) => self.absolute(&home.join(rest)),
            _ => self.absolute(path),
        }
    }

    /// The user's data directory (`jupyter_data_dir()`); `None` without a home directory.
    #[must_use]
    pub fn user_data(&self) -> Option<PathBuf> {
        if let Some(directory) = self.env.path(variable::DATA_DIR) {
            return Some(self.expand(&directory));
        }
        let home = self.env.home().map(|home| fs_err::canonicalize(&home).unwrap_or(home));
        if cfg!(target_os = "macos") && !self.platform_directories() {
            return home.map(|home| home.join("Library/Jupyter"));
        }
        let xdg = self
            .env
            .path(variable::XDG_DATA_HOME)
            .filter(|path| !self.platform_directories() || path.is_absolute());
        let share = xdg.or_else(|| home.map(|home| home.join(".local/share")))?;
        Some(self.absolute(&share.join("jupyter")))
    }

    /// The data directories that all users share, the one to install into first.
    #[must_use]
    pub fn system_data(&self) -> Vec<PathBuf> {
        if self.platform_directories() {
            let dirs =
                self.env.get(variable::XDG_DATA_DIRS).unwrap_or("/usr/local/share:/usr/share");
            let found: Vec<PathBuf> = dirs
                .split(':')
                .map(Path::new)
                .filter(|path| path.is_absolute())
                .map(|path| path.join("jupyter"))
                .collect();
            if !found.is_empty() {
                return found;
            }
        }
        SYSTEM_DIRECTORIES.map(PathBuf::from).to_vec()
    }

    /// The prefix of the Python environment that this program belongs to: the one that holds the
    /// executable, else `$VIRTUAL_ENV`, else `$CONDA_PREFIX`, else what `python3` on `PATH` says;
    /// `None` if there is none.
    #[must_use]
    pub fn environment_prefix(&self) -> Option<PathBuf> {
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
            .or_else(|| self.prefix_of_python())
    }

    /// The kernels directories that Jupyter searches, without those of the Python environment.
    #[must_use]
    pub fn kernel_directories(&self) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = Vec::new();
        if let Some(list) = self.env.get(variable::SEARCH_PATH) {
            found.extend(list.split(':').map(|path| self.absolute(Path::new(path))));
        }
        found.extend(self.user_data());
        // Python's user site: searched as well where it differs, as with JUPYTER_DATA_DIR set.
        found.extend(self.env.home().map(|home| home.join(".local/share/jupyter")));
        found.extend(self.system_data());
        let mut kernels: Vec<PathBuf> = Vec::with_capacity(found.len());
        for directory in found.into_iter().map(|path| path.join("kernels")) {
            if !kernels.contains(&directory) {
                kernels.push(directory);
            }
        }
        kernels
    }

    /// The kernels directory below a prefix.
    #[must_use]
    pub fn kernels_below(&self, prefix: &Path) -> PathBuf {
        self.absolute(prefix).join("share/jupyter/kernels")
    }

    /// Whether platform directories are in use. An empty variable counts as set, as it does in
    /// `jupyter_core`.
    fn platform_directories(&self) -> bool {
        const OFF: [&str; 6] = ["no", "n", "false", "off", "0", "0.0"];
        self.env.is_set(variable::PLATFORM_DIRS)
            && !self
                .env
                .get(variable::PLATFORM_DIRS)
                .is_some_and(|value| OFF.contains(&value.to_ascii_lowercase().as_str()))
    }

    fn prefix_of_python(&self) -> Option<PathBuf> {
        // The first match on the PATH that was handed down, not on that of this process.
        let python = self
            .env
            .get("PATH")?
            .split(':')
            .map(|directory| Path::new(directory).join("python3"))
            .find(|candidate| candidate.is_file())?;
        let output = Command::new(python)
            .args(["-I", "-c", "import sys; print(sys.prefix)"])
            .env_clear()
            .envs(self.env.iter())
            .output()
            .ok()
            .filter(|output| output.status.success())?;
        let prefix = String::from_utf8(output.stdout).ok()?;
        Some(PathBuf::from(prefix.trim_end_matches('\n'))).filter(|path| path.is_absolute())
    }
}

/// Whether the directory is the root of a virtual or a conda environment.
fn is_python_environment(prefix: &Path) -> bool {
    prefix.join("pyvenv.cfg").is_file() || prefix.join("conda-meta").is_dir()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user_data(variables: &[(&str, &str)]) -> PathBuf {
        let env = Env::new(Path::new("/work/dir"), variables.iter().copied());
        Paths { env: &env, executable: None }.user_data().unwrap()
    }

    #[test]
    fn the_user_directory_follows_jupyters_variables() {
        const HOME: (&str, &str) = ("HOME", "/h");
        for (variables, expected) in [
            (vec![HOME], "/h/.local/share/jupyter"),
            (vec![HOME, ("XDG_DATA_HOME", "/x")], "/x/jupyter"),
            (vec![HOME, ("XDG_DATA_HOME", "")], "/h/.local/share/jupyter"),
            (vec![HOME, ("XDG_DATA_HOME", "x")], "/work/dir/x/jupyter"),
            (
                vec![HOME, ("XDG_DATA_HOME", "x"), ("JUPYTER_PLATFORM_DIRS", "1")],
                "/h/.local/share/jupyter",
            ),
            (vec![HOME, ("XDG_DATA_HOME", "/x"), ("JUPYTER_PLATFORM_DIRS", "1")], "/x/jupyter"),
            (vec![HOME, ("JUPYTER_DATA_DIR", "/d")], "/d"),
            (vec![HOME, ("JUPYTER_DATA_DIR", "d/../e")], "/work/dir/e"),
            (vec![HOME, ("JUPYTER_DATA_DIR", "~/d")], "/h/d"),
        ] {
            assert_eq!(user_data(&variables), Path::new(expected), "{variables:?}");
        }
    }

    #[test]
    fn the_system_directory_follows_platform_directories() {
        for (variables, expected) in [
            (vec![], "/usr/local/share/jupyter"),
            (vec![("XDG_DATA_DIRS", "/a:/b")], "/usr/local/share/jupyter"),
            (vec![("XDG_DATA_DIRS", "rel:/a:/b"), ("JUPYTER_PLATFORM_DIRS", "")], "/a/jupyter"),
            (
                vec![("XDG_DATA_DIRS", "/a"), ("JUPYTER_PLATFORM_DIRS", "Off")],
                "/usr/local/share/jupyter",
            ),
            (vec![("JUPYTER_PLATFORM_DIRS", "yes")], "/usr/local/share/jupyter"),
        ] {
            let env = Env::new(Path::new("/"), variables.iter().copied());
            let paths = Paths { env: &env, executable: None };
            assert_eq!(paths.system_data()[0], Path::new(expected), "{variables:?}");
        }
    }

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
