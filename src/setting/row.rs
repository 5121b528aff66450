//! What there is to be known of a setting.

use std::fmt;

use super::traits::Trait;

/// A value of `install`.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a column of the table")]
pub struct Setting {
    /// The option, without hyphens in front; empty for what only configuration files have.
    pub option: &'static str,
    /// The short form of the option.
    pub short: Option<char>,
    /// Other spellings of the option.
    pub aliases: &'static [&'static str],
    /// Below which heading of the help it stands.
    pub heading: &'static str,
    /// What stands for the value in the help.
    pub value_name: &'static str,
    /// What it is for, as the help says it.
    pub help: &'static str,
    /// The options that cannot be given with it.
    pub conflicts: &'static [&'static str],
    /// Whether the option may be given more than once, and all its values count.
    pub is_repeatable: bool,
    /// Whether a word after the option is its value though it begins with a hyphen.
    pub may_begin_with_hyphen: bool,
    pub kind: Kind,
    /// Its name in configuration files and in `--Class.trait=VALUE`.
    pub configurable: Option<Trait>,
    /// The environment variables that stand for it, the first that is set counts.
    pub variables: &'static [&'static str],
    /// The default, as JSON; `null` where it depends on other values.
    pub default: &'static str,
    /// The default in words, where the help says more than the JSON.
    pub default_text: &'static str,
    /// Whether a file for `install --file` may have it as a key.
    pub in_file: bool,
    pub change: Change,
    /// Whether Python's `None` is a value of it, which means its default.
    pub may_be_none: bool,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// True or false.
    Bool,
    Text,
    /// A text, or nothing; in a file true stands for that.
    TextOrNothing,
    /// A whole number.
    Number,
    /// A set of names.
    Names,
    /// One of these words, in any case.
    Choice(&'static [&'static str]),
    /// A path, in a file of specifications relative to it.
    Path,
    /// One of these words, or a path.
    ChoiceOrPath(&'static [&'static str]),
    /// The name or number of a log level.
    Level,
    /// Of Python's own logging, which has no meaning here.
    PythonOnly,
}

/// Whether `set` can change a value in an installed specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It makes another specification, or is not in it.
    No,
    /// It can have another value.
    Needed,
    /// It can have another value, or none: `--unset`.
    Optional,
}

impl Setting {
    /// The name of its trait; empty if it has none.
    #[must_use]
    pub fn trait_name(&self) -> &'static str {
        self.configurable.map_or("", |known| known.name)
    }

    /// The help of the option, with the variables and the default.
    #[must_use]
    pub fn help_with_sources(&self) -> String {
        let commas = if self.kind == Kind::Names { ", separated by commas" } else { "" };
        let variables = match self.variables {
            [] => String::new(),
            names => format!(" [env: {}{commas}]", names.join(", else ")),
        };
        let default = match (self.default_text, self.default) {
            ("", "null" | "false" | "[]" | "\"\"") => String::new(),
            ("", json) => format!(" [default: {}]", json.trim_matches(['[', ']', '"'])),
            (text, _) => format!(" [default: {text}]"),
        };
        format!("{}{variables}{default}", self.help)
    }
}

/// Each is there once.
impl PartialEq for Setting {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Setting {}

/// As messages name it: by its trait, or else by its option.
impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.configurable {
            Some(known) => write!(f, "{known}"),
            None => write!(f, "--{}", self.option),
        }
    }
}
