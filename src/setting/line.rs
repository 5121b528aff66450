//! What a command line says.

use std::fmt;

use anyhow::{Result, ensure};

use super::row::{Kind, Setting};
use super::table::ClassOption;

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

/// The values on a command line, or in what counts like one: a table of a file for `install --file`, a
/// sample. Each is with where it stands, for messages.
#[derive(Clone, Debug, Default)]
pub struct CommandLine {
    values: Vec<(&'static Setting, Vec<String>, String)>,
}

impl CommandLine {
    /// What this says, and what `other` says of the settings that this says nothing of.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        let more = other.values.iter().filter(|(known, ..)| self.get(known).is_none());
        Self { values: self.values.iter().chain(more).cloned().collect() }
    }

    /// Adds a value, with where it stands.
    pub fn push(&mut self, known: &'static Setting, values: Vec<String>, origin: String) {
        self.values.push((known, values, origin));
    }

    /// Adds the class forms.
    ///
    /// # Errors
    /// When a value is given twice.
    pub fn add(&mut self, forms: &[ClassOption]) -> Result<()> {
        for ClassOption { section, known, value } in forms {
            let origin = format!("`--{section}.{}`", known.trait_name());
            match self.values.iter_mut().find(|(other, ..)| other == known) {
                None => self.push(known, vec![value.clone()], origin),
                // What is said in another section, or by the option, is another list.
                Some((_, values, other)) if known.kind == Kind::Names && *other == origin => {
                    values.push(value.clone());
                }
                // The flag counts, whatever the class form says.
                Some(_) if known.kind == Kind::Bool => {}
                Some((.., other)) => ensure!(false, "{other} and {origin} say the same; use one"),
            }
        }
        Ok(())
    }

    /// The values of a setting, and where they stand.
    #[must_use]
    pub fn get(&self, wanted: &Setting) -> Option<(&[String], &str)> {
        let found = self.values.iter().find(|(known, ..)| *known == wanted)?;
        Some((&found.1, &found.2))
    }

    /// The value of a setting, the last one where there are more.
    #[must_use]
    pub fn value(&self, wanted: &Setting) -> Option<&str> {
        self.get(wanted)?.0.last().map(String::as_str)
    }

    /// Whether it says something of a setting.
    #[must_use]
    pub fn has(&self, wanted: &Setting) -> bool {
        self.get(wanted).is_some()
    }

    /// Forgets what it says of a setting.
    pub fn forget(&mut self, forgotten: &Setting) {
        self.values.retain(|(known, ..)| *known != forgotten);
    }
}
