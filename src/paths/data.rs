//! The data directories, and the kernels directories that Jupyter searches.

use std::path::{Path, PathBuf};

use super::{Paths, variable};

const SYSTEM_DIRECTORIES: [&str; 2] = ["/usr/local/share/jupyter", "/usr/share/jupyter"];

impl Paths<'_> {
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

    /// The kernels directory below a prefix.
    #[must_use]
    pub fn kernels_below(&self, prefix: &Path) -> PathBuf {
        self.absolute(prefix).join("share/jupyter/kernels")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Env;
    use crate::paths::python::VENV_CONFIGURATION;

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
