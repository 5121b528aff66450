//! Finds a value in the places where it may be: command line, configuration files, environment.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Result, bail, ensure};
use serde_json::Value;

use super::config::Config;
use super::values;
use crate::cli::Install;
use crate::env::Env;
use crate::traits::{self, ClassForm, Kind, Trait};

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
    pub(super) fn note(&mut self, known: &'static Trait, values: Vec<String>) {
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
                // What is said in another section, or by the option, is another list.
                Some((_, values, other)) if known.kind == Kind::Names && *other == origin => {
                    values.push(value.clone());
                }
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
            // As traitlets has it, only where there may be none, and only on the command line.
            let none = known.may_be_none() && value == "None";
            return (!none).then(|| Given { value, origin: origin.to_owned() });
        }
        match self.config.get(known) {
            // The default, whatever a variable says.
            Some(entry) if entry.value.is_null() && known.may_be_none() => None,
            Some(entry) if !entry.value.is_null() => {
                let value = entry.value.as_str().map(str::to_owned);
                Some(Given {
                    value: value.unwrap_or_else(|| entry.value.to_string()),
                    origin: entry.origin(),
                })
            }
            _ => self.variable(known),
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
            _ => bail!(given.must("be true or false")),
        }
    }

    /// A set of names; `None` if nothing is said.
    ///
    /// # Errors
    /// When it is not clear which names are meant: nobody would be kept out by what is no name.
    pub fn names(&self, known: &Trait) -> Result<Option<BTreeSet<String>>> {
        if let Some((words, origin)) = self.line.get(known) {
            return names_in(words.iter().map(String::as_str), origin).map(Some);
        }
        let of_variable = self.variable(known);
        let otherwise = of_variable.map(|given| names_in([given.value.as_str()], &given.origin));
        let mut names = otherwise.transpose()?;
        // From what counts least on. What is added, is added to what counts less, and to the default.
        for entry in self.config.layers(known) {
            let words = match &entry.value {
                Value::Array(words) => words.iter().filter_map(Value::as_str).collect(),
                other => other.as_str().into_iter().collect::<Vec<_>>(),
            };
            let said = names_in(words, &entry.origin())?;
            if entry.is_added {
                names.get_or_insert_with(|| default_names(known)).extend(said);
            } else {
                names = Some(said);
            }
        }
        Ok(names)
    }

    /// What is said of a trait and names nobody, though it is no list without names.
    pub(super) fn nobody(&self, known: &Trait) -> Option<Given> {
        let given = |text: &str, origin: &str| {
            let empty = values::names(text).is_some_and(|names| names.is_empty());
            (empty && !values::is_empty_list(text))
                .then(|| Given { value: text.to_owned(), origin: origin.to_owned() })
        };
        if let Some((words, origin)) = self.line.get(known) {
            return words.iter().find_map(|word| given(word, origin));
        }
        // Set to nothing, too, which is elsewhere as if it were not there.
        let of_variable = |name: &&str| given(self.env.raw(name)?.to_str()?, &format!("`{name}`"));
        let mut found = known.variables.iter().find_map(of_variable);
        for entry in self.config.layers(known) {
            let words = match &entry.value {
                Value::Array(words) => words.as_slice(),
                other => std::slice::from_ref(other),
            };
            let mut texts = words.iter().filter_map(Value::as_str);
            let said = texts.find_map(|text| given(text, &entry.origin()));
            found = if entry.is_added { found.or(said) } else { said };
        }
        found
    }

    /// What is said of a trait of any kind, as a JSON value, and where.
    #[must_use]
    pub fn any(&self, known: &Trait) -> Option<(Value, String)> {
        let given = self.text(known)?;
        let value = match known.kind {
            Kind::Names => match self.names(known) {
                Ok(names) => names?.into_iter().collect(),
                Err(_) => given.value.into(),
            },
            Kind::Flag => self.flag(known).map_or_else(|_| given.value.into(), Value::from),
            Kind::Number => values::integer(&given.value).map_or(given.value.into(), Value::from),
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

/// The names in all of these words; `origin` is where they stand.
///
/// # Errors
/// When it is not clear which names are meant.
pub fn names_in<'a>(
    words: impl IntoIterator<Item = &'a str>,
    origin: &str,
) -> Result<BTreeSet<String>> {
    let mut all = BTreeSet::new();
    for word in words {
        let Some(names) = values::names(word) else {
            let given = Given { value: word.to_owned(), origin: origin.to_owned() };
            bail!(given.must(values::NAMES));
        };
        all.extend(names);
    }
    Ok(all)
}

/// The names that count where nothing is said.
fn default_names(known: &Trait) -> BTreeSet<String> {
    serde_json::from_str(known.default).unwrap_or_default()
}
