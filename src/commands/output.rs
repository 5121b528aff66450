//! The formats in which commands print.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::text::{is_invisible, printable};

pub(super) fn or_dash(text: Option<&str>) -> String {
    dash(text).to_owned()
}

pub(super) fn dash(text: Option<&str>) -> &str {
    text.filter(|text| !text.is_empty()).unwrap_or("-")
}

/// Serializes the value as JSON that is safe on a terminal: the serializer itself escapes only ASCII's
/// control characters.
pub(super) fn json(value: &impl Serialize) -> Result<String> {
    let json = serde_json::to_string_pretty(value).context("could not write JSON")?;
    let mut text = escaped(&json);
    text.push('\n');
    Ok(text)
}

/// The same lines, safe on a terminal: a character that has effects there is written as JSON, and most other formats,
/// would have it.
pub(super) fn escaped(lines: &str) -> String {
    let mut text = String::with_capacity(lines.len() + 1);
    for c in lines.chars() {
        if is_invisible(c) && c != '\n' {
            // Writing to a string does not fail.
            let _ = write!(text, "\\u{:04x}", u32::from(c));
        } else {
            text.push(c);
        }
    }
    text
}

/// Appends a line with a name and its value.
pub(super) fn field(text: &mut String, name: &str, value: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{:<16}{}", format!("{name}:"), printable(value));
}
