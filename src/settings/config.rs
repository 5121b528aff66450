//! Configuration files, as `jupyter_core` and traitlets find and merge them: in every directory of
//! `jupyter --config-dir`'s search order, the last first, `jupyter_config` and then
//! `jupyter_docker_spec_config`, each `.py` before `.json`. What is read later counts more; in the
//! merged whole the section of the most derived class counts most.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use serde_json::{Map, Value};

use super::python;
use super::traits::{self, Class, Kind, Trait};
use crate::paths::Paths;

/// The file that all applications of Jupyter read.
const SHARED: &str = "jupyter_config";

/// The file of this command.
pub const OWN: &str = "jupyter_docker_spec_config";

/// A value from a configuration file.
#[derive(Clone, Debug)]
pub struct Entry {
    section: Class,
    known: &'static Trait,
    /// The value, of the trait's kind.
    pub value: Value,
    /// The file.
    pub file: PathBuf,
}

/// What all configuration files together say.
#[derive(Clone, Debug, Default)]
pub struct Config {
    entries: Vec<Entry>,
    /// The files that were read, in their order.
    pub files: Vec<PathBuf>,
}

/// Which files to read.
#[derive(Clone, Debug)]
pub enum Source {
    /// Those of this name, without the ending, in Jupyter's directories.
    Directories(String),
    /// This one in the place of those of the command.
    File(PathBuf),
}

impl Config {
    /// Reads the files.
    ///
    /// # Errors
    /// When a file cannot be read or understood, names an unknown class or trait, or has a value of
    /// the wrong type: it names the file.
    pub fn load(source: &Source, paths: &Paths<'_>) -> Result<Self> {
        let mut directories = paths.config_directories();
        directories.reverse();
        let in_directories = |name: &str| -> Vec<PathBuf> {
            let files = directories.iter().flat_map(|directory| {
                ["py", "json"].map(|ending| directory.join(format!("{name}.{ending}")))
            });
            files.filter(|path| path.is_file()).collect()
        };
        let shared = in_directories(SHARED);
        let own = match source {
            Source::Directories(name) if name == SHARED => Vec::new(),
            Source::Directories(name) => in_directories(name),
            Source::File(path) => vec![given_file(&paths.expand(path))?],
        };
        let in_python: Vec<&Path> = shared
            .iter()
            .chain(&own)
            .map(PathBuf::as_path)
            .filter(|path| is_python(path))
            .collect();
        let mut python = python::read(&in_python, paths)?.into_iter();

        let mut config = Self::default();
        for (file, is_shared) in
            shared.iter().map(|file| (file, true)).chain(own.iter().map(|file| (file, false)))
        {
            let sections = if is_python(file) {
                python.next().context("Python has read fewer files than it was given")?
            } else {
                read_json(file)?
            };
            config.add(file, sections, is_shared).with_context(|| in_file(file))?;
            config.files.push(file.clone());
        }
        Ok(config)
    }

    /// The value of a trait, from the section that counts most.
    #[must_use]
    pub fn get(&self, wanted: &Trait) -> Option<&Entry> {
        // Of equal sections the last is the one that was read last.
        let of_trait = self.entries.iter().filter(|entry| entry.known == wanted).rev();
        of_trait.min_by_key(|entry| entry.section)
    }

    /// Adds the sections of one file. The shared file has sections of other applications as well.
    fn add(&mut self, file: &Path, sections: Map<String, Value>, is_shared: bool) -> Result<()> {
        for (class, section) in sections {
            if class == "version" || (is_shared && Class::named(&class).is_none()) {
                continue;
            }
            let Value::Object(values) = section else {
                bail!("the section `{class}` is not an object with names and values")
            };
            if values.is_empty() && Class::named(&class).is_some() {
                continue;
            }
            for (name, value) in values {
                let (section, known) =
                    traits::find(&class, &name).map_err(|reason| anyhow!(reason))?;
                check(known, &value).with_context(|| format!("`{class}.{name}`"))?;
                self.entries.push(Entry { section, known, value, file: file.to_path_buf() });
            }
        }
        Ok(())
    }
}

fn is_python(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "py")
}

fn in_file(path: &Path) -> String {
    format!("in the configuration file `{}`", path.display())
}

/// The file that was named, with the ending that it may lack.
fn given_file(path: &Path) -> Result<PathBuf> {
    let candidates = [path.to_path_buf(), path.with_extension("json"), path.with_extension("py")];
    let known = |path: &&PathBuf| {
        path.is_file() && (is_python(path) || path.extension().is_some_and(|e| e == "json"))
    };
    let missing = || format!("there is no configuration file `{}` (.json or .py)", path.display());
    candidates.iter().find(known).cloned().with_context(missing)
}

fn read_json(path: &Path) -> Result<Map<String, Value>> {
    let text = match fs_err::read(path) {
        Ok(text) => text,
        // It was there a moment ago.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Map::new()),
        Err(error) => return Err(error.into()),
    };
    let mut sections: Map<String, Value> =
        serde_json::from_slice(&text).with_context(|| in_file(path))?;
    let version = sections.remove("version").unwrap_or(1.into());
    ensure!(version == 1, "{}: `version` is {version}, and only 1 is known", in_file(path));
    Ok(sections)
}

/// Checks the type of a value.
fn check(known: &Trait, value: &Value) -> Result<()> {
    let (valid, wanted) = match known.kind {
        Kind::Flag => (value.is_boolean(), "true or false"),
        // Python's `None` stands for the default.
        Kind::Text => (value.is_string() || value.is_null(), "text"),
        Kind::Number => (value.is_i64(), "a whole number"),
        Kind::Level => (value.is_i64() || value.is_string(), "a level's name or number"),
        Kind::Names => (
            value.as_array().is_some_and(|names| names.iter().all(Value::is_string)),
            "a list of names",
        ),
        Kind::PythonOnly => (true, ""),
    };
    ensure!(valid, "must be {wanted}, and is {value}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config(files: &[Value]) -> Result<Config> {
        let mut config = Config::default();
        for (number, file) in files.iter().enumerate() {
            let path = PathBuf::from(format!("{number}.json"));
            config.add(&path, file.as_object().unwrap().clone(), false)?;
        }
        Ok(config)
    }

    #[test]
    fn later_files_count_more_and_derived_classes_most() {
        let config = config(&[
            json!({"DockerSpecInstaller": {"kernel_name": "a", "language": "R"}}),
            json!({"BaseSpecApp": {"kernel_name": "b", "language": "Scala", "prefix": "/x"}}),
            json!({"BaseSpecApp": {"prefix": "/y"}, "DockerSpecInstaller": {"language": "Python"}}),
        ])
        .unwrap();
        let value = |known| config.get(known).unwrap().value.clone();
        assert_eq!(value(&traits::KERNEL_NAME), "a");
        assert_eq!(value(&traits::LANGUAGE), "Python");
        assert_eq!(value(&traits::PREFIX), "/y");
        assert!(config.get(&traits::SWARM).is_none());
        assert_eq!(config.get(&traits::PREFIX).unwrap().file, Path::new("2.json"));
    }

    #[test]
    fn what_is_unknown_or_of_the_wrong_type_is_an_error() {
        for (file, reason) in [
            (json!({"DockerSpecInstaler": {"swarm": true}}), "did you mean `DockerSpecInstaller`?"),
            (json!({"BaseSpecApp": {"swarm": true}}), "`BaseSpecApp` has no trait `swarm`"),
            (json!({"BaseSpecApp": 1}), "not an object"),
            (
                json!({"DockerSpecInstaller": {"swarm": "yes"}}),
                "must be true or false, and is \"yes\"",
            ),
            (json!({"DockerSpecInstaller": {"image_name": 1}}), "must be text"),
            (json!({"DockerSpecInstaller": {"launch_timeout": "30"}}), "must be a whole number"),
            (json!({"DockerSpecInstaller": {"launch_timeout": 1.5}}), "must be a whole number"),
            (
                json!({"DockerSpecInstaller": {"authorized_users": "bob"}}),
                "must be a list of names",
            ),
        ] {
            let error = format!("{:#}", config(&[file]).unwrap_err());
            assert!(error.contains(reason), "{error}");
        }
    }
}
