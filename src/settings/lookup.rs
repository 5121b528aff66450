//! Finds a value in the places where it may be: command line, configuration files, environment.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Result, ensure};
use serde_json::Value;

use super::config::Config;
use super::traits::{self, Class, Kind, Trait};
use crate::cli::Install;
use crate::env::Env;

/// A value, and where it comes from, for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The value as text.
    pub value: String,
    /// The option, the variable, or the name in a configuration file.
    pub origin: String,
}

impl Given {
    /// The sentence that says what is wrong with the value.
    #[must_use]
    pub fn must(&self, what: &str) -> String {
        format!("{self} must {what}")
    }
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of `{}`", self.origin, self.value)
    }
}

/// A value given as `--Class.trait=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassForm {
    /// The class that was named.
    pub section: Class,
    /// The trait.
    pub known: &'static Trait,
    /// The value.
    pub value: String,
}

/// What the command line says of each trait.
#[derive(Clone, Debug, Default)]
pub struct Line {
    words: Vec<(&'static Trait, Vec<String>, String)>,
}

impl Line {
    /// The values of the options, and of the class forms where no option says the same.
    ///
    /// # Errors
    /// When a value is given twice.
    pub fn new(install: &Install, forms: &[ClassForm]) -> Result<Self> {
        let mut line = Self::default();
        let prefix = install.place.prefix.as_ref().and_then(|p| p.to_str()).map(str::to_owned);
        for (known, value) in [
            (&traits::IMAGE_NAME, &install.image_name),
            (&traits::KERNEL_NAME, &install.kernel_name),
            (&traits::DISPLAY_NAME, &install.display_name),
            (&traits::LANGUAGE, &install.language),
            (&traits::KERNEL_CLASS, &install.ipykernel_subclass_name),
            (&traits::PREFIX, &prefix),
            (&traits::PORT_RANGE, &install.port_range),
            (&traits::LAUNCH_TIMEOUT, &install.launch_timeout),
            (&traits::CONFIG_FILE, &install.config),
            (&traits::LOG_LEVEL, &install.log_level),
        ] {
            line.note(known, value.iter().cloned().collect());
        }
        for (known, given) in [
            (&traits::SWARM, install.swarm),
            (&traits::USER, install.place.user),
            (&traits::REPLACE, install.replace),
            (&traits::ANSWER_YES, install.answer_yes),
            (&traits::GENERATE_CONFIG, install.generate_config),
            (&traits::SHOW_CONFIG, install.show_config),
            (&traits::SHOW_CONFIG_JSON, install.show_config_json),
        ] {
            line.note(known, given.then(|| "true".to_owned()).into_iter().collect());
        }
        if install.no_swarm {
            line.push(&traits::SWARM, vec![false.to_string()], "`--no-swarm`".to_owned());
        }
        line.note(&traits::AUTHORIZED_USERS, install.authorized_users.clone());
        line.note(&traits::UNAUTHORIZED_USERS, install.unauthorized_users.clone());
        line.add(forms)?;
        Ok(line)
    }

    /// What this says, and what `other` says of the traits that this says nothing of.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        let more = other.words.iter().filter(|(known, ..)| self.get(known).is_none());
        Self { words: self.words.iter().chain(more).cloned().collect() }
    }

    /// Adds what another place than the command line says of a trait.
    pub fn push(&mut self, known: &'static Trait, values: Vec<String>, origin: String) {
        self.words.push((known, values, origin));
    }

    /// What it says of the trait; nothing is said if there are no values.
    #[must_use]
    pub fn values(&self, known: &Trait) -> &[String] {
        self.get(known).map_or(&[], |(values, _)| values)
    }

    /// Whether it says something of the trait.
    #[must_use]
    pub fn has(&self, known: &Trait) -> bool {
        self.get(known).is_some()
    }

    /// Forgets what it says of the trait.
    pub fn forget(&mut self, forgotten: &Trait) {
        self.words.retain(|(known, ..)| *known != forgotten);
    }

    /// Notes what an option says, if it is there.
    fn note(&mut self, known: &'static Trait, values: Vec<String>) {
        if !values.is_empty() {
            let option = known.option.unwrap_or(known.name);
            self.words.push((known, values, format!("`{option}`")));
        }
    }

    fn add(&mut self, forms: &[ClassForm]) -> Result<()> {
        for ClassForm { section, known, value } in forms {
            let origin = format!("`--{section}.{}`", known.name);
            match self.words.iter_mut().find(|(other, ..)| other == known) {
                None => self.words.push((known, vec![value.clone()], origin)),
                Some((_, values, _)) if known.kind == Kind::Names => values.push(value.clone()),
                // The flag counts, whatever the class form says.
                Some(_) if known.kind == Kind::Flag => {}
                Some((.., other)) => ensure!(false, "{other} and {origin} say the same; use one"),
            }
        }
        Ok(())
    }

    fn get(&self, wanted: &Trait) -> Option<(&[String], &str)> {
        let found = self.words.iter().find(|(known, ..)| *known == wanted)?;
        Some((&found.1, &found.2))
    }
}

/// The places, the first that has a value counts.
#[derive(Clone, Copy, Debug)]
pub struct Lookup<'a> {
    /// The command line.
    pub line: &'a Line,
    /// The configuration files.
    pub config: &'a Config,
    /// The environment.
    pub env: &'a Env,
}

impl Lookup<'_> {
    /// A text or a number.
    #[must_use]
    pub fn text(&self, known: &Trait) -> Option<Given> {
        if let Some((values, origin)) = self.line.get(known) {
            let value = values.last().cloned().unwrap_or_default();
            return Some(Given { value, origin: origin.to_owned() });
        }
        match self.config.get(known).filter(|entry| !entry.value.is_null()) {
            Some(entry) => {
                let value = entry.value.as_str().map(str::to_owned);
                Some(Given {
                    value: value.unwrap_or_else(|| entry.value.to_string()),
                    origin: format!("`{known}` in `{}`", entry.file.display()),
                })
            }
            None => self.variable(known),
        }
    }

    /// A flag; false if nothing is said.
    ///
    /// # Errors
    /// When a class form has neither of the two values.
    pub fn flag(&self, known: &Trait) -> Result<bool> {
        let Some(given) = self.text(known) else { return Ok(false) };
        match given.value.to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => anyhow::bail!(given.must("be true or false")),
        }
    }

    /// A set of names, blanks around them and empty ones dropped; `None` if nothing is said.
    #[must_use]
    pub fn names(&self, known: &Trait) -> Option<BTreeSet<String>> {
        let given: Vec<String> = if let Some((values, _)) = self.line.get(known) {
            values.to_vec()
        } else if let Some(entry) = self.config.get(known) {
            let names = entry.value.as_array().into_iter().flatten();
            names.filter_map(Value::as_str).map(str::to_owned).collect()
        } else {
            vec![self.variable(known)?.value]
        };
        let names = given.iter().flat_map(|names| names.split(','));
        Some(names.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }

    /// What is said of a trait of any kind, as a JSON value, and where.
    #[must_use]
    pub fn any(&self, known: &Trait) -> Option<(Value, String)> {
        let given = self.text(known)?;
        let value = match known.kind {
            Kind::Names => self.names(known)?.into_iter().collect(),
            Kind::Flag => self.flag(known).map_or_else(|_| given.value.into(), Value::from),
            Kind::Number => given.value.parse::<i64>().map_or(given.value.into(), Value::from),
            _ => given.value.into(),
        };
        let of_file = self.line.get(known).is_none().then(|| self.config.get(known)).flatten();
        let origin = match of_file {
            Some(entry) => entry.file.display().to_string(),
            None => given.origin.trim_matches('`').to_owned(),
        };
        Some((value, origin))
    }

    fn variable(&self, known: &Trait) -> Option<Given> {
        known.variables.iter().find_map(|name| {
            let value = self.env.get(name)?.to_owned();
            Some(Given { value, origin: format!("`{name}`") })
        })
    }
}
