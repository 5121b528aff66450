//! Interpolation of what is only known at a launch: `{username}`, `{kernel_id}`, `{language}`, `{cwd}`, and
//! `${VARIABLE}` of the server's environment in the forms of the Compose specification.
//!
//! The name of a user, the language, and any `KERNEL_` variable may come from the notebook's user. They
//! are data: they can stand for one part of a path, never for more, and nowhere that decides about
//! anything else. Where Swarm or a logging driver expands templates, they are written such that they come out
//! as they are: [`template`].

use super::node::{Node, PositionError, Value};
use super::template;
use crate::env::Env;

/// What may be interpolated in a text.
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
pub struct Interpolation<'a> {
    /// The name of the notebook's user.
    pub username: &'a str,
    /// The id of the kernel.
    pub kernel_id: &'a str,
    /// The language of the kernel, in small letters.
    pub language: &'a str,
    /// The directory of the notebook, as the server sees it; `None` if it was removed, or is not UTF-8.
    pub cwd: Option<&'a str>,
    /// The environment of the server.
    pub env: &'a Env,
    /// Whether the specification is only checked, so that a variable may be missing.
    pub check_only: bool,
    /// Whether `{connection_file}` stands for the file that the bootstrap writes in the container.
    pub has_connection_file: bool,
}

/// The placeholders.
const NAMES: [&str; 5] = ["username", "kernel_id", "language", "cwd", "connection_file"];

/// A value, and whether the notebook's user decides about it.
struct Known<'a> {
    value: &'a str,
    of_user: bool,
}

impl<'a> Interpolation<'a> {
    /// Whether a value cannot be looked at yet, because it has a variable in it that only the server
    /// knows.
    #[must_use]
    pub fn skips(&self, node: &Node) -> bool {
        self.check_only && has_variable(node)
    }

    /// Returns the text with all its placeholders and variables replaced.
    ///
    /// # Errors
    /// When something in it is not known, or may not stand there.
    pub fn interpolate(
        &self,
        text: &str,
        at: usize,
        policy: Policy,
    ) -> Result<String, PositionError> {
        self.interpolate_within(text, at, policy, false)
    }

    /// The same for a text that is a template.
    ///
    /// # Errors
    /// Also when something would be interpolated within an action, where it cannot be data.
    pub fn interpolate_template(
        &self,
        text: &str,
        at: usize,
        policy: Policy,
    ) -> Result<String, PositionError> {
        self.interpolate_within(text, at, policy, true)
    }

    fn interpolate_within(
        &self,
        text: &str,
        at: usize,
        policy: Policy,
        is_template: bool,
    ) -> Result<String, PositionError> {
        if is_template {
            check_template(text, at)?;
        }
        let place = Place { at, policy, is_template };
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
                    PositionError::new(at, format!("has a `${{` without `}}` in `{text}`"))
                })?;
                let (name, value) = self.variable(&body[..end], at)?;
                place.push(&mut out, &value, is_of_user(name), &format!("${{{name}}}"))?;
                rest = &body[end + 1..];
            } else if let Some(end) = template::action(rest) {
                // It is Docker's.
                out.push_str(&rest[..end]);
                rest = &rest[end..];
            } else if let Some(name) = placeholder(rest) {
                let Known { value, of_user } = self.known(name, at)?;
                place.push(&mut out, value, of_user, &format!("{{{name}}}"))?;
                rest = &rest[name.len() + 2..];
            } else {
                out.push_str(&rest[..1]);
                rest = &rest[1..];
            }
        }
        out.push_str(rest);
        Ok(out)
    }

    /// The notebook's directory.
    ///
    /// # Errors
    /// When there is none: no other will do.
    pub fn directory(&self, at: usize) -> Result<&'a str, PositionError> {
        let message =
            "needs the notebook's directory, which was removed, or whose name is not UTF-8";
        self.cwd.ok_or_else(|| PositionError::new(at, message))
    }

    fn known(&self, name: &str, at: usize) -> Result<Known<'a>, PositionError> {
        let (value, of_user) = match name {
            "username" => (self.username, true),
            "kernel_id" => (self.kernel_id, false),
            // Servers take a KERNEL_LANGUAGE of the client's for that of the specification.
            "language" => (self.language, true),
            "cwd" => (self.directory(at)?, false),
            // The path is known in the container only.
            "connection_file" if self.has_connection_file => ("{connection_file}", false),
            _ => {
                let message = format!(
                    "has `{{{name}}}`, which is not one of {{username}}, {{kernel_id}}, \
                     {{language}} and {{cwd}}"
                );
                return Err(PositionError::new(at, message));
            }
        };
        Ok(Known { value, of_user })
    }

    /// `NAME`, `NAME:-default`, `NAME-default`, `NAME:?message` and `NAME?message`, as in Compose.
    fn variable<'t>(&self, text: &'t str, at: usize) -> Result<(&'t str, String), PositionError> {
        let end = text.find([':', '-', '?']).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        if name.is_empty() {
            return Err(PositionError::new(
                at,
                format!("has `${{{text}}}`, which names no variable"),
            ));
        }
        if let Some(value) = self.env.raw(name) {
            let Some(value) = value.to_str() else {
                return Err(PositionError::new(
                    at,
                    format!("needs the variable {name}, which is not UTF-8"),
                ));
            };
            if !value.is_empty() || !rest.starts_with(':') {
                return Ok((name, value.to_owned()));
            }
        }
        let rest = rest.strip_prefix(':').unwrap_or(rest);
        match (rest.strip_prefix('-'), rest.strip_prefix('?')) {
            (Some(default), _) => Ok((name, default.to_owned())),
            (_, Some(message)) if !message.is_empty() => {
                Err(PositionError::new(at, format!("needs the variable {name}: {message}")))
            }
            _ => Err(PositionError::new(
                at,
                format!(
                    "needs the variable {name}, which the server does not have; give it a \
                         value, or write `${{{name}:-}}`"
                ),
            )),
        }
    }
}

/// Where a value is to stand.
struct Place {
    at: usize,
    policy: Policy,
    is_template: bool,
}

impl Place {
    /// Adds a value, if it may stand here.
    fn push(
        &self,
        out: &mut String,
        value: &str,
        of_user: bool,
        shown: &str,
    ) -> Result<(), PositionError> {
        if of_user && self.policy == Policy::Trusted {
            let message = format!("cannot have `{shown}`, about which the notebook's user decides");
            return Err(PositionError::new(self.at, message));
        }
        let part = !matches!(value, "" | "." | "..") && !value.contains(['/', '\0']);
        if of_user && self.policy == Policy::Path && !part {
            let message = format!(
                "cannot have `{value}` in the place of `{shown}`: it must be one part of a path"
            );
            return Err(PositionError::new(self.at, message));
        }
        if self.is_template {
            template::push_literal(out, value);
        } else {
            out.push_str(value);
        }
        Ok(())
    }
}

/// Looks whether everything that is interpolated in a template can be data there.
fn check_template(text: &str, at: usize) -> Result<(), PositionError> {
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        rest = &rest[start..];
        let end = template::action(rest).ok_or_else(|| {
            PositionError::new(at, format!("has a `{{{{` without `}}}}` in `{text}`"))
        })?;
        let (action, after) = rest.split_at(end);
        let known = NAMES.into_iter().map(|name| format!("{{{name}}}"));
        if let Some(part) = known.chain(["${".to_owned()]).find(|part| action.contains(part)) {
            let message = format!(
                "cannot have `{part}` within `{action}`, a template of Docker's: what is filled in must \
                 stand outside of it"
            );
            return Err(PositionError::new(at, message));
        }
        rest = after;
    }
    Ok(())
}

/// Looks at all texts of a value that is a template; see [`Interpolation::interpolate_template`].
pub(super) fn check_templates(node: &Node) -> Result<(), PositionError> {
    match &node.value {
        Value::Text(text) => check_template(text, node.at),
        Value::List(nodes) => nodes.iter().try_for_each(check_templates),
        Value::Table(entries) => entries.iter().try_for_each(|(_, _, node)| check_templates(node)),
        _ => Ok(()),
    }
}

/// The same for the `tag` of a log, which every engine expands, and none of the other options.
pub(super) fn check_tag(logging: &Node) -> Result<(), PositionError> {
    let field = |node: &Node, wanted: &str| match &node.value {
        Value::Table(entries) => {
            entries.iter().find(|(name, ..)| name == wanted).map(|(.., node)| node.clone())
        }
        _ => None,
    };
    let Some(options) = field(logging, "options") else { return Ok(()) };
    if let Value::List(items) = &options.value {
        return items.iter().try_for_each(|item| match &item.value {
            Value::Text(text) if text.starts_with("tag=") => check_template(text, item.at),
            _ => Ok(()),
        });
    }
    field(&options, "tag").map_or(Ok(()), |tag| check_templates(&tag))
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
