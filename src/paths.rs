//! Jupyter's directories, by the rules of `jupyter_core.paths`: where a kernelspec is installed, and where
//! Jupyter looks for it. `jupyter --paths` prints the same lists.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use crate::env::Env;
use crate::files;

mod python;
mod shim;

use self::python::{VENV_CONFIGURATION, is_python_environment};

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

const SYSTEM_CONFIG: [&str; 2] = ["/usr/local/etc/jupyter", "/etc/jupyter"];

const SYSTEM_DIRECTORIES: [&str; 2] = ["/usr/local/share/jupyter", "/usr/share/jupyter"];

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

    /// The user's data directory (`jupyter_data_dir()`); `None` without a home directory.
    #[must_use]
    pub fn user_data(&self) -> Option<PathBuf> {
        if let Some(directory) = self.env.path(variable::DATA_DIR) {
            return Some(self.expand(&directory));
        }
        let home = self.home();
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

    /// The data directories of all users; the first is for installing.
    #[must_use]
    pub fn system_data(&self) -> Vec<PathBuf> {
        if self.platform_directories() {
            return self.shared(variable::XDG_DATA_DIRS, "/usr/local/share:/usr/share");
        }
        SYSTEM_DIRECTORIES.map(PathBuf::from).to_vec()
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

    /// The directories with configuration files, in Jupyter's search order. The prefix of the Python on
    /// `PATH` is guessed from its path: running it would take longer than everything else.
    #[must_use]
    pub fn config_directories(&self) -> Vec<PathBuf> {
        if self.env.get(variable::NO_CONFIG).is_some() {
            return Vec::new();
        }
        let mut found: Vec<PathBuf> = Vec::new();
        if let Some(list) = self.env.get(variable::CONFIG_PATH) {
            found.extend(list.split(':').map(|path| self.expand(Path::new(&self.filled(path)))));
        }
        let prefix = self.known_environment().or_else(|| {
            let python = self.python()?;
            let python = shim::target(&python, self.env).unwrap_or(python);
            python.parent().and_then(Path::parent).map(Path::to_path_buf)
        });
        let of_environment = prefix.as_deref().map(|prefix| prefix.join("etc/jupyter"));
        let first = prefix.as_deref().is_some_and(|prefix| self.prefers_environment(prefix));
        let user_site = self.user_site(prefix.as_deref()).map(|base| base.join("etc/jupyter"));
        let of_user = self.user_config().into_iter().chain(user_site);
        if first {
            found.extend(of_environment.into_iter().chain(of_user));
        } else {
            found.extend(of_user.chain(of_environment));
        }
        if self.platform_directories() {
            found.extend(self.shared(variable::XDG_CONFIG_DIRS, "/etc/xdg"));
        } else {
            found.extend(SYSTEM_CONFIG.map(PathBuf::from));
        }
        found
    }

    /// Replaces `$NAME` and `${NAME}` if the variable is set, as traitlets does in the directories of
    /// configuration files.
    fn filled(&self, text: &str) -> String {
        let mut parts = text.split('$');
        let mut filled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let is_other = |c: char| !c.is_ascii_alphanumeric() && c != '_';
            let (name, rest) = match part.strip_prefix('{').and_then(|part| part.split_once('}')) {
                Some(named) => named,
                None => part.split_at(part.find(is_other).unwrap_or(part.len())),
            };
            if self.env.is_set(name) {
                filled.extend([self.env.get(name).unwrap_or_default(), rest]);
            } else {
                filled.extend(["$", part]);
            }
        }
        filled
    }

    /// The user's configuration directory (`jupyter_config_dir()`); `None` without a home directory.
    #[must_use]
    pub fn user_config(&self) -> Option<PathBuf> {
        if let Some(directory) = self.env.path(variable::CONFIG_DIR) {
            return Some(self.expand(&directory));
        }
        let home = self.home();
        if self.platform_directories() {
            let xdg = self.env.path(variable::XDG_CONFIG_HOME).filter(|path| path.is_absolute());
            let config = xdg.or_else(|| home.map(|home| home.join(".config")));
            return config.map(|config| config.join("jupyter"));
        }
        home.map(|home| home.join(".jupyter"))
    }

    /// The home directory, with symbolic links resolved.
    fn home(&self) -> Option<PathBuf> {
        self.env.home().map(|home| fs_err::canonicalize(&home).unwrap_or(home))
    }

    /// Whether the Python environment comes before the user's directories: if a variable says so, or in a
    /// virtual or conda environment of the user, but not in conda's base one.
    fn prefers_environment(&self, prefix: &Path) -> bool {
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

    /// The kernels directories that Jupyter searches, in order. Those of the Python environment are among
    /// them, for which `python3` may be run.
    #[must_use]
    pub fn kernel_directories(&self) -> Vec<PathBuf> {
        let prefix = self.environment_prefix();
        let system = self.system_data();
        let environment = prefix
            .iter()
            .map(|prefix| prefix.join("share/jupyter"))
            .filter(|directory| !system.contains(directory));
        let user_site = self.user_site(prefix.as_deref()).map(|base| base.join("share/jupyter"));
        let user = self.user_data().into_iter().chain(user_site);
        let mut found = self.search_path();
        if prefix.as_deref().is_some_and(|prefix| self.prefers_environment(prefix)) {
            found.extend(environment.chain(user));
        } else {
            found.extend(user.chain(environment));
        }
        found.extend(system);
        let mut kernels: Vec<PathBuf> = Vec::with_capacity(found.len());
        for directory in found.into_iter().map(|path| path.join("kernels")) {
            if !kernels.contains(&directory) {
                kernels.push(directory);
            }
        }
        kernels
    }

    /// Whether Jupyter searches the kernels directory in any Python environment. This never runs `python3`.
    #[must_use]
    pub fn always_searched(&self, kernels: &Path) -> bool {
        let mut directories = self.search_path().into_iter();
        directories.any(|path| path.join("kernels") == kernels)
            || self.user_data().is_some_and(|path| path.join("kernels") == kernels)
            || self.system_data().iter().any(|path| path.join("kernels") == kernels)
    }

    /// The directories of `$JUPYTER_PATH`.
    fn search_path(&self) -> Vec<PathBuf> {
        let list = self.env.get(variable::SEARCH_PATH);
        list.into_iter()
            .flat_map(|list| list.split(':'))
            .map(|path| self.absolute(Path::new(path)))
            .collect()
    }

    /// The base of Python's user site. A virtual environment hides it unless it shows the system's packages.
    fn user_site(&self, prefix: Option<&Path>) -> Option<PathBuf> {
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

    /// The kernels directory below a prefix.
    #[must_use]
    pub fn kernels_below(&self, prefix: &Path) -> PathBuf {
        self.absolute(prefix).join("share/jupyter/kernels")
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

    fn prefix_of_python(&self) -> Option<PathBuf> {
        python::prefix(&self.python()?, self.env)
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

    fn user_data(variables: &[(&str, &str)]) -> PathBuf {
        let env = Env::new(Path::new("/cwd"), variables.iter().copied());
        Paths { env: &env, executable: None }.user_data().unwrap()
    }

    #[test]
    fn the_user_directory_follows_jupyters_variables() {
        const HOME: (&str, &str) = ("HOME", "/h");
        for (variables, expected) in [
            (vec![HOME], "/h/.local/share/jupyter"),
            (vec![HOME, ("XDG_DATA_HOME", "/x")], "/x/jupyter"),
            (vec![HOME, ("XDG_DATA_HOME", "")], "/h/.local/share/jupyter"),
            (vec![HOME, ("XDG_DATA_HOME", "x")], "/cwd/x/jupyter"),
            (
                vec![HOME, ("XDG_DATA_HOME", "x"), ("JUPYTER_PLATFORM_DIRS", "1")],
                "/h/.local/share/jupyter",
            ),
            (vec![HOME, ("XDG_DATA_HOME", "/x"), ("JUPYTER_PLATFORM_DIRS", "1")], "/x/jupyter"),
            (vec![HOME, ("JUPYTER_DATA_DIR", "/d")], "/d"),
            (vec![HOME, ("JUPYTER_DATA_DIR", "d/../e")], "/cwd/e"),
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

    #[test]
    fn kernels_are_searched_in_jupyters_order() {
        let root = tempfile::tempdir().unwrap();
        let venv = root.path().join("venv");
        fs_err::create_dir(&venv).unwrap();
        let search = |configuration: Option<&str>, variables: &[(&str, &str)]| {
            let file = venv.join(VENV_CONFIGURATION);
            let _ = fs_err::remove_file(&file);
            if let Some(text) = configuration {
                fs_err::write(&file, text).unwrap();
            }
            let given = [("HOME", "/h"), ("VIRTUAL_ENV", venv.to_str().unwrap())];
            let env = Env::new(Path::new("/w"), given.iter().chain(variables).copied());
            let paths = Paths { env: &env, executable: None };
            let directories = paths.kernel_directories();
            let short = |path: &PathBuf| {
                let text = path.to_str().unwrap().replace(venv.to_str().unwrap(), "VENV");
                text.trim_end_matches("/kernels").trim_end_matches("/share/jupyter").to_owned()
            };
            directories.iter().map(short).collect::<Vec<_>>().join(" ")
        };
        let own = Some("include-system-site-packages = false\n");
        let conda = [("CONDA_PREFIX", venv.to_str().unwrap()), ("CONDA_DEFAULT_ENV", "e")];
        for (configuration, variables, expected) in [
            (own, &[][..], "VENV /h/.local /usr/local /usr"),
            (own, &[("JUPYTER_PREFER_ENV_PATH", "0")], "/h/.local VENV /usr/local /usr"),
            (None, &[], "/h/.local VENV /usr/local /usr"),
            (None, &[("JUPYTER_PREFER_ENV_PATH", "")], "VENV /h/.local /usr/local /usr"),
            (None, &conda, "VENV /h/.local /usr/local /usr"),
            (None, &conda[..1], "/h/.local VENV /usr/local /usr"),
            (own, &[("JUPYTER_DATA_DIR", "/d")], "VENV /d /usr/local /usr"),
            (None, &[("JUPYTER_DATA_DIR", "/d")], "/d /h/.local VENV /usr/local /usr"),
            (
                None,
                &[("JUPYTER_DATA_DIR", "/d"), ("PYTHONUSERBASE", "/u")],
                "/d /u VENV /usr/local /usr",
            ),
            (
                None,
                &[("JUPYTER_DATA_DIR", "/d"), ("PYTHONNOUSERSITE", "1")],
                "/d VENV /usr/local /usr",
            ),
            (own, &[("JUPYTER_PATH", "/p/:q:/usr")], "/p /w/q /usr VENV /h/.local /usr/local /usr"),
        ] {
            assert_eq!(search(configuration, variables), expected, "{variables:?}");
        }
    }
}
