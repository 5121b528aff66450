//! Values as TOML, in one line.

use std::fmt::Display;

use serde_json::Value as Json;

/// The text as a string of TOML, whose escapes JSON shares but for one character.
#[must_use]
pub fn quoted(text: &str) -> String {
    Json::from(text).to_string().replace('\u{7f}', "\\u007f")
}

/// A list of values that are TOML already.
pub(super) fn list(items: impl Iterator<Item = impl Display>) -> String {
    format!("[{}]", joined(items))
}

/// A list of texts.
#[must_use]
pub fn words(texts: &[String]) -> String {
    list(texts.iter().map(|text| quoted(text)))
}

/// A table of values that are TOML already.
pub(super) fn table<'a>(fields: impl Iterator<Item = (&'a str, String)>) -> String {
    let fields = joined(fields.map(|(name, value)| format!("{name} = {value}")));
    if fields.is_empty() { "{}".to_owned() } else { format!("{{ {fields} }}") }
}

fn joined(items: impl Iterator<Item = impl Display>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}
