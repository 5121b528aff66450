//! Configuration files, as `jupyter_core` and traitlets find and merge them: in every directory of
//! `jupyter --config-dir`'s search order, the last first, `jupyter_config` and then
//! `jupyter_docker_spec_config`, each `.py` before `.json`. The command's own files count more than the
//! shared ones; of each, the section of the most derived class counts most, and of one section what is
//! read last.

use std::cmp::Reverse;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use serde_json::{Map, Number, Value};

use super::python::{self, PythonConfig};
use crate::files;
use crate::paths::Paths;
use crate::setting::{self, Class, Kind, Setting};

/// The file that all applications of Jupyter read.
const SHARED: &str = "jupyter_config";

/// The file of this command.
pub const OWN: &str = "jupyter_docker_spec_config";

/// A value from a configuration file.
#[derive(Clone, Debug)]
pub struct Entry {
    section: Class,
    known: &'static Setting,
    /// The value, of the trait's kind.
    pub value: Value,
    /// Whether the value is added to what counts less.
    pub is_added: bool,
    /// The file.
    pub file: PathBuf,
    is_shared: bool,
}

impl Entry {
    /// Where it is, for messages.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("`{}` in `{}`", self.known, self.file.display())
    }
}

/// What all configuration files together say.
#[derive(Clone, Debug, Default)]
pub struct Config {
    entries: Vec<Entry>,
    /// The files that were read, in their order.
    pub files: Vec<PathBuf>,
    /// Sections of other applications in the command's own files: the file, and the name.
    pub ignored: Vec<(PathBuf, String)>,
}

/// Which files to read.
#[derive(Clone, Debug)]
pub enum Source {
    /// Those of this name in Jupyter's directories, whatever its ending.
    Directories(String),
    /// This one in the place of those of the command, `.py` and `.json`, whichever it is called by.
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
            directories.iter().flat_map(|directory| files_of(&directory.join(name))).collect()
        };
        let shared = in_directories(SHARED);
        let own = match source {
            Source::Directories(name) if name == SHARED => Vec::new(),
            Source::Directories(name) => in_directories(name),
            Source::File(path) => given_files(&paths.expand(path))?,
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
            let said = if is_python(file) {
                python.next().context("Python has read fewer files than it was given")?
            } else {
                PythonConfig { sections: read_json(file)?, added: Map::new() }
            };
            config.add(file, said, is_shared).with_context(|| in_file(file))?;
            config.files.push(file.clone());
        }
        Ok(config)
    }

    /// The value of a trait, from the place that counts most.
    #[must_use]
    pub fn get(&self, wanted: &Setting) -> Option<&Entry> {
        self.entries(wanted).pop()
    }

    /// All that is said of a trait, what counts most last.
    #[must_use]
    pub fn entries(&self, wanted: &Setting) -> Vec<&Entry> {
        let mut layers: Vec<&Entry> =
            self.entries.iter().filter(|entry| entry.known == wanted).collect();
        // Of equal ones the last is the one that was read last.
        layers.sort_by_key(|entry| (!entry.is_shared, Reverse(entry.section)));
        layers
    }

    /// Adds what one file says.
    fn add(&mut self, file: &Path, said: PythonConfig, is_shared: bool) -> Result<()> {
        let sections = said.sections.into_iter().map(|section| (section, false));
        let added = said.added.into_iter().map(|section| (section, true));
        for ((class, section), is_added) in sections.chain(added) {
            if class == "version" {
                continue;
            }
            if Class::named(&class).is_none() && (is_shared || !is_misspelt(&class)) {
                let ignored = (file.to_path_buf(), class);
                if !is_shared && !self.ignored.contains(&ignored) {
                    self.ignored.push(ignored);
                }
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
                    setting::find(&class, &name).map_err(|reason| anyhow!(reason))?;
                ensure!(
                    !is_added || known.kind == Kind::Names,
                    "`{class}.{name}` is no list to which something can be added"
                );
                let value = checked(known, value).with_context(|| format!("`{class}.{name}`"))?;
                let file = file.to_path_buf();
                self.entries.push(Entry { section, known, value, is_added, file, is_shared });
            }
        }
        Ok(())
    }
}

/// Whether the name of a section is most likely meant to be one of ours.
fn is_misspelt(class: &str) -> bool {
    let given = class.to_lowercase();
    let distance = |known: Class| strsim::damerau_levenshtein(&given, &known.name().to_lowercase());
    Class::ALL.into_iter().any(|known| distance(known) <= 2)
}

fn is_python(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "py")
}

fn in_file(path: &Path) -> String {
    format!("in the configuration file `{}`", path.display())
}

/// The files of this name that there are, each ending in place of its own, what counts more last.
fn files_of(path: &Path) -> Vec<PathBuf> {
    let mut files = ["py", "json"].map(|ending| path.with_extension(ending)).to_vec();
    files.retain(|path| path.is_file());
    files
}

/// The file that was named, whatever its ending, and the one beside it.
fn given_files(path: &Path) -> Result<Vec<PathBuf>> {
    let files = files_of(path);
    ensure!(
        !files.is_empty(),
        "there is no configuration file `{}` (.json or .py)",
        path.display()
    );
    Ok(files)
}

fn read_json(path: &Path) -> Result<Map<String, Value>> {
    let text = match files::read(path) {
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

/// The value, if it is of the type that traitlets takes for the trait.
fn checked(known: &Setting, value: Value) -> Result<Value> {
    let value = match (known.kind, &value) {
        (Kind::Bool, Value::Number(number)) if number.as_i64() == Some(1) => true.into(),
        (Kind::Bool, Value::Number(number)) if number.as_i64() == Some(0) => false.into(),
        (Kind::Number | Kind::Level, Value::Number(number)) => whole(number),
        _ => value,
    };
    let (valid, wanted) = match known.kind {
        Kind::Bool => (value.is_boolean(), "true or false"),
        // Python's `None` stands for the default.
        Kind::Text | Kind::Path => (value.is_string() || value.is_null(), "text"),
        Kind::Number => (value.is_i64(), "a whole number"),
        Kind::Level => (value.is_i64() || value.is_string(), "a level's name or number"),
        Kind::Names => (
            value.is_string()
                || value.as_array().is_some_and(|names| names.iter().all(Value::is_string)),
            "a list of names",
        ),
        Kind::PythonOnly => (true, ""),
        // No trait is one.
        Kind::Choice(_) | Kind::ChoiceOrPath(_) | Kind::TextOrNothing => (false, "nothing"),
    };
    ensure!(valid, "must be {wanted}, and is {value}");
    Ok(value)
}

/// `5.0` is a whole number too.
fn whole(number: &Number) -> Value {
    /// Up to here, each has a representation of its own.
    const LARGEST: f64 = 9_007_199_254_740_992.0;
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < LARGEST => {
            format!("{float}").parse().map_or(Value::Null, |whole: i64| whole.into())
        }
        _ => number.clone().into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::env::Env;
    use crate::setting::CommandLine;
    use crate::settings::lookup::Lookup;

    fn config(files: &[Value]) -> Result<Config> {
        let mut config = Config::default();
        for (number, file) in files.iter().enumerate() {
            let path = PathBuf::from(format!("{number}.json"));
            let sections = file.as_object().unwrap().clone();
            config.add(&path, PythonConfig { sections, added: Map::new() }, false)?;
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
        assert_eq!(value(&setting::KERNEL_NAME), "a");
        assert_eq!(value(&setting::LANGUAGE), "Python");
        assert_eq!(value(&setting::PREFIX), "/y");
        assert!(config.get(&setting::SWARM).is_none());
        assert_eq!(config.get(&setting::PREFIX).unwrap().file, Path::new("2.json"));
    }

    #[test]
    fn the_commands_own_files_count_more_than_the_shared_ones() {
        let mut config = Config::default();
        let said = |text: &str| PythonConfig {
            sections: serde_json::from_str(text).unwrap(),
            added: Map::new(),
        };
        let shared = said(r#"{"DockerSpecInstaller": {"kernel_name": "a", "language": "R"}}"#);
        config.add(Path::new("shared"), shared, true).unwrap();
        let own = said(r#"{"BaseSpecApp": {"kernel_name": "b"}}"#);
        config.add(Path::new("own"), own, false).unwrap();
        assert_eq!(config.get(&setting::KERNEL_NAME).unwrap().value, "b");
        assert_eq!(config.get(&setting::LANGUAGE).unwrap().value, "R");
    }

    #[test]
    fn lists_of_users_are_put_together_from_all_places() {
        let users = |known: &Setting, files: &[(Value, Value)], variable: Option<&str>| {
            let mut config = Config::default();
            for (set, added) in files {
                let section = |list: &Value| match list {
                    Value::Null => Map::new(),
                    list => Map::from_iter([(
                        "BaseSpecApp".to_owned(),
                        json!({(known.trait_name()): list.clone()}),
                    )]),
                };
                let said = PythonConfig { sections: section(set), added: section(added) };
                config.add(Path::new("f"), said, false).unwrap();
            }
            let variables = variable.map(|value| (known.variables[0], value));
            let env = Env::new(Path::new("/"), variables);
            let lookup = Lookup { line: &CommandLine::default(), config: &config, env: &env };
            let names = lookup.names(known).unwrap();
            names.map(|names| names.into_iter().collect::<Vec<_>>().join(" "))
        };
        let (set, added) = (|list| (list, Value::Null), |list| (Value::Null, list));
        for (files, variable, expected) in [
            (&[][..], None, None),
            (&[], Some("mallory"), Some("mallory")),
            (&[set(json!(["a", "b"]))], Some("mallory"), Some("a b")),
            (&[set(json!("['a', 'b']"))], None, Some("a b")),
            (&[set(json!([]))], Some("mallory"), Some("")),
            (&[set(json!(["a"])), set(json!(["b"]))], None, Some("b")),
            // What is added, is added to what would count otherwise.
            (&[added(json!(["a"]))], None, Some("a root")),
            (&[added(json!(["a"]))], Some("mallory"), Some("a mallory")),
            (&[set(json!(["b"])), added(json!(["a"]))], Some("mallory"), Some("a b")),
            (&[added(json!(["a"])), set(json!(["b"]))], None, Some("b")),
        ] {
            let found = users(&setting::UNAUTHORIZED_USERS, files, variable);
            assert_eq!(found.as_deref(), expected, "{files:?} {variable:?}");
        }
        let found = users(&setting::AUTHORIZED_USERS, &[added(json!(["a"]))], None);
        assert_eq!(found.as_deref(), Some("a"));
    }

    #[test]
    fn numbers_and_flags_are_what_traitlets_takes() {
        let said = config(&[json!({"BaseSpecApp": {"launch_timeout": 5.0, "user": 1},
            "DockerSpecInstaller": {"swarm": 0}, "Application": {"log_level": 2e1}})])
        .unwrap();
        let value = |known| said.get(known).unwrap().value.clone();
        assert_eq!(value(&setting::LAUNCH_TIMEOUT), 5);
        assert_eq!(value(&setting::USER), true);
        assert_eq!(value(&setting::SWARM), false);
        assert_eq!(value(&setting::LOG_LEVEL), 20);
        // Up to the largest of which all are known, and all that are written as whole ones.
        for (number, whole) in [
            (json!(9_007_199_254_740_991.0), Some(9_007_199_254_740_991_i64)),
            (json!(9_007_199_254_740_992.0), None),
            (json!(1e300), None),
            (json!(9_007_199_254_740_993_i64), Some(9_007_199_254_740_993)),
        ] {
            let said = config(&[json!({"BaseSpecApp": {"launch_timeout": number}})]);
            let value = said.map(|said| said.get(&setting::LAUNCH_TIMEOUT).unwrap().value.as_i64());
            assert_eq!(value.ok().flatten(), whole, "{number}");
        }
    }

    #[test]
    fn a_file_that_has_just_gone_says_nothing() {
        let directory = tempfile::tempdir().unwrap();
        assert!(read_json(&directory.path().join("gone.json")).unwrap().is_empty());
        assert!(read_json(directory.path()).is_err());
    }

    #[test]
    fn what_is_unknown_or_of_the_wrong_type_is_an_error() {
        for (file, reason) in [
            (json!({"DockerSpecInstaler": {"swarm": true}}), "did you mean `DockerSpecInstaller`?"),
            (json!({"dockerspecinstale": {"swarm": true}}), "did you mean `DockerSpecInstaller`?"),
            (json!({"BaseSpecApp": {"swarm": true}}), "`BaseSpecApp` has no trait `swarm`"),
            (json!({"BaseSpecApp": 1}), "not an object"),
            (
                json!({"DockerSpecInstaller": {"swarm": "yes"}}),
                "must be true or false, and is \"yes\"",
            ),
            (json!({"DockerSpecInstaller": {"image_name": 1}}), "must be text"),
            (json!({"DockerSpecInstaller": {"launch_timeout": "30"}}), "must be a whole number"),
            (json!({"DockerSpecInstaller": {"launch_timeout": 1.5}}), "must be a whole number"),
            (json!({"DockerSpecInstaller": {"launch_timeout": true}}), "must be a whole number"),
            (json!({"DockerSpecInstaller": {"swarm": 2}}), "must be true or false"),
            (json!({"DockerSpecInstaller": {"swarm": 1.0}}), "must be true or false"),
            (
                json!({"DockerSpecInstaller": {"authorized_users": ["bob", 1]}}),
                "must be a list of names",
            ),
            (
                json!({"DockerSpecInstaller": {"authorized_users": {"bob": 1}}}),
                "must be a list of names",
            ),
        ] {
            let error = format!("{:#}", config(&[file]).unwrap_err());
            assert!(error.contains(reason), "{error}");
        }
    }
}
