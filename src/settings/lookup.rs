//! Finds a value in the places where it may be: command line, configuration files, environment.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use serde_json::Value;

use super::config::Config;
use super::values;
use crate::env::Env;
use crate::setting::{CommandLine, Given, Kind, Setting};

/// The places, the first that has a value counts.
#[derive(Clone, Copy, Debug)]
pub struct Lookup<'a> {
    /// The command line.
    pub line: &'a CommandLine,
    /// The configuration files.
    pub config: &'a Config,
    /// The environment.
    pub env: &'a Env,
}

impl Lookup<'_> {
    /// A text or a number.
    #[must_use]
    pub fn text(&self, known: &Setting) -> Option<Given> {
        if let Some((values, origin)) = self.line.get(known) {
            let value = values.last().cloned().unwrap_or_default();
            // As traitlets has it, only where there may be none, and only on the command line.
            let none = known.may_be_none && value == "None";
            return (!none).then(|| Given { value, origin: origin.to_owned() });
        }
        match self.config.get(known) {
            // The default, whatever a variable says.
            Some(entry) if entry.value.is_null() && known.may_be_none => None,
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
    pub fn flag(&self, known: &Setting) -> Result<bool> {
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
    pub fn names(&self, known: &Setting) -> Result<Option<BTreeSet<String>>> {
        if let Some((words, origin)) = self.line.get(known) {
            return names_in(words.iter().map(String::as_str), origin).map(Some);
        }
        let of_variable = self.variable(known);
        let otherwise = of_variable.map(|given| names_in([given.value.as_str()], &given.origin));
        let mut names = otherwise.transpose()?;
        // From what counts least on. What is added, is added to what counts less, and to the default.
        for entry in self.config.entries(known) {
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
    pub(super) fn nobody(&self, known: &Setting) -> Option<Given> {
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
        for entry in self.config.entries(known) {
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
    pub fn any(&self, known: &Setting) -> Option<(Value, String)> {
        let given = self.text(known)?;
        let value = match known.kind {
            Kind::Names => match self.names(known) {
                Ok(names) => names?.into_iter().collect(),
                Err(_) => given.value.into(),
            },
            Kind::Bool => self.flag(known).map_or_else(|_| given.value.into(), Value::from),
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

    fn variable(&self, known: &Setting) -> Option<Given> {
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
fn default_names(known: &Setting) -> BTreeSet<String> {
    serde_json::from_str(known.default).unwrap_or_default()
}
