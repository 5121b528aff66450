//! What is only known at a launch: `{username}`, `{kernel_id}`, `{language}`, `{cwd}`, and
//! `${VARIABLE}` of the server's environment in the forms of the Compose specification.
//!
//! The name of a user, the language, and any `KERNEL_` variable may come from the notebook's user. They
//! are data: they can stand for one part of a path, never for more, and nowhere that decides about
//! anything else.

use super::node::{Node, Value, Wrong};
use crate::env::Env;

/// What a text may be filled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Only with what the administrator has said.
    Trusted,
    /// Also with what the user has said, as one part of a path.
    Path,
    /// With anything.
    Any,
}

/// The values of one launch.
#[derive(Clone, Copy, Debug)]
pub struct Filler<'a> {
    /// The name of the notebook's user.
    pub username: &'a str,
    /// The id of the kernel.
    pub kernel_id: &'a str,
    /// The language of the kernel, in small letters.
    pub language: &'a str,
    /// The directory of the notebook, as the server sees it.
    pub cwd: &'a str,
    /// The environment of the server.
    pub env: &'a Env,
    /// Whether this is only a sample, in which a variable may be missing.
    pub sample: bool,
}

/// A value, and whether the notebook's user decides about it.
struct Known<'a> {
    value: &'a str,
    of_user: bool,
}

impl<'a> Filler<'a> {
    /// Whether a value cannot be looked at yet, because it has a variable in it that only the server
    /// knows.
    #[must_use]
    pub fn skips(&self, node: &Node) -> bool {
        self.sample && has_variable(node)
    }

    /// The text with everything in it filled in.
    ///
    /// # Errors
    /// When something in it is not known, or may not stand there.
    pub fn fill(&self, text: &str, at: usize, policy: Policy) -> Result<String, Wrong> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(['{', '$']) {
            out.push_str(&rest[..start]);
            rest = &rest[start..];
            if let Some(after) = rest.strip_prefix("$$") {
                out.push('$');
                rest = after;
            } else if let Some(body) = rest.strip_prefix("${") {
                let end = body.find('}').ok_or_else(|| {
                    Wrong::new(at, format!("has a `${{` without `}}` in `{text}`"))
                })?;
                let (name, value) = self.variable(&body[..end], at)?;
                push(&mut out, &value, is_of_user(name), &format!("${{{name}}}"), at, policy)?;
                rest = &body[end + 1..];
            } else if let Some(end) = rest.strip_prefix("{{").and_then(|body| body.find("}}")) {
                // A template of Docker's own.
                let end = end + 4;
                out.push_str(&rest[..end]);
                rest = &rest[end..];
            } else if let Some(name) = placeholder(rest) {
                let Known { value, of_user } = self.known(name).ok_or_else(|| {
                    Wrong::new(
                        at,
                        format!(
                            "has `{{{name}}}`, which is not one of {{username}}, {{kernel_id}}, \
                             {{language}} and {{cwd}}"
                        ),
                    )
                })?;
                push(&mut out, value, of_user, &format!("{{{name}}}"), at, policy)?;
                rest = &rest[name.len() + 2..];
            } else {
                out.push_str(&rest[..1]);
                rest = &rest[1..];
            }
        }
        out.push_str(rest);
        Ok(out)
    }

    fn known(&self, name: &str) -> Option<Known<'a>> {
        let (value, of_user) = match name {
            "username" => (self.username, true),
            "kernel_id" => (self.kernel_id, false),
            // Servers take a KERNEL_LANGUAGE of the client's for that of the specification.
            "language" => (self.language, true),
            "cwd" => (self.cwd, false),
            _ => return None,
        };
        Some(Known { value, of_user })
    }

    /// `NAME`, `NAME:-default`, `NAME-default`, `NAME:?message` and `NAME?message`, as in Compose.
    fn variable<'t>(&self, text: &'t str, at: usize) -> Result<(&'t str, String), Wrong> {
        let end = text.find([':', '-', '?']).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        if name.is_empty() {
            return Err(Wrong::new(at, format!("has `${{{text}}}`, which names no variable")));
        }
        if let Some(value) = self.env.get(name) {
            return Ok((name, value.to_owned()));
        }
        // Set, but to nothing.
        if self.env.is_set(name) && !rest.starts_with(':') {
            return Ok((name, String::new()));
        }
        let rest = rest.strip_prefix(':').unwrap_or(rest);
        match (rest.strip_prefix('-'), rest.strip_prefix('?')) {
            (Some(default), _) => Ok((name, default.to_owned())),
            (_, Some(message)) if !message.is_empty() => {
                Err(Wrong::new(at, format!("needs the variable {name}: {message}")))
            }
            _ => Err(Wrong::new(
                at,
                format!(
                    "needs the variable {name}, which the server does not have; give it a \
                         value, or write `${{{name}:-}}`"
                ),
            )),
        }
    }
}

/// Adds a value, if it may stand here.
fn push(
    out: &mut String,
    value: &str,
    of_user: bool,
    shown: &str,
    at: usize,
    policy: Policy,
) -> Result<(), Wrong> {
    if of_user && policy == Policy::Trusted {
        let message = format!("cannot have `{shown}`, about which the notebook's user decides");
        return Err(Wrong::new(at, message));
    }
    let part = !matches!(value, "" | "." | "..") && !value.contains(['/', '\0']);
    if of_user && policy == Policy::Path && !part {
        let message = format!(
            "cannot have `{value}` in the place of `{shown}`: it must be one part of a path"
        );
        return Err(Wrong::new(at, message));
    }
    if policy == Policy::Path && shown == "{cwd}" && value.is_empty() {
        return Err(Wrong::new(
            at,
            "needs the notebook's directory, which the server does not say",
        ));
    }
    out.push_str(value);
    Ok(())
}

/// The text before and after the first such character, but for those in `${NAME:-default}`.
pub(super) fn divide(text: &str, character: char) -> Option<(&str, &str)> {
    let mut depth = 0_u32;
    let mut characters = text.char_indices();
    let (at, _) = characters.find(|(_, c)| {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        *c == character && depth == 0
    })?;
    Some((&text[..at], &text[at + character.len_utf8()..]))
}

/// Whether the notebook's user decides about a variable of the server's.
fn is_of_user(variable: &str) -> bool {
    variable.starts_with("KERNEL_")
}

/// The name in braces at the beginning of a text.
fn placeholder(text: &str) -> Option<&str> {
    let body = text.strip_prefix('{')?;
    let name = &body[..body.find('}')?];
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    is_name.then_some(name)
}

fn has_variable(node: &Node) -> bool {
    match &node.value {
        Value::Text(text) => text.contains("${"),
        Value::List(nodes) => nodes.iter().any(has_variable),
        Value::Table(entries) => entries.iter().any(|(_, _, node)| has_variable(node)),
        _ => false,
    }
}
