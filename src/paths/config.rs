//! The directories with configuration files.

use std::path::{Path, PathBuf};

use super::{Paths, shim, variable};

const SYSTEM_CONFIG: [&str; 2] = ["/usr/local/etc/jupyter", "/etc/jupyter"];

impl Paths<'_> {
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
}
