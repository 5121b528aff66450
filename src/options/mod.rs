//! `scripts/launch_docker.toml`: what an administrator says of the containers and services of a
//! kernelspec, beyond what `kernel.json` has a place for.
//!
//! Its keys and the syntax of its values are those of a service in the Compose specification
//! (<https://docs.docker.com/reference/compose-file/services/>). The file is read ([`node`]), each key
//! is found in one table ([`keys`]), its value is turned into what the Docker Engine API takes
//! ([`convert`]), with what is only known at a launch interpolated ([`interpolation`]), and laid over the request
//! ([`Options::apply`]). The installer does the same with a sample launch, so that what is wrong is
//! said before a kernel is started.

pub mod amounts;
pub mod command;
pub mod container_options;
pub mod convert;
mod docker;
pub mod edit;
mod fields;
mod go;
pub mod interpolation;
pub mod keys;
mod long;
pub mod mounts;
pub mod node;
pub mod normalised;
pub(crate) mod read;
mod reader;
pub mod template;
pub mod toml_text;
mod volumes;
pub mod written;

use anyhow::{Result, anyhow};
use serde_json::Value as Json;

use self::interpolation::Interpolation;
use self::keys::{KEYS, Key, Kind, UNSUPPORTED};
use self::node::{Node, PositionError, Value};
use crate::model::Mode;
use crate::text::{did_you_mean, position};

/// The key for kernels of servers that are started by our bootstrap.
pub const BRING_BOOTSTRAP: &str = "bring_bootstrap";
/// The key for whom that hears.
pub const SIGNALS_FROM: &str = "signals_from";

/// What a file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    name: String,
    text: String,
    entries: Vec<(&'static Key, Node)>,
}

impl Options {
    /// Reads the text of a file; `name` is for messages. They show the line where there is no name,
    /// because there is no such file yet.
    ///
    /// # Errors
    /// When it is not TOML, or has a key that is not known: with line and column.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let (options, errors) = Self::parse_all(name, text);
        errors.into_iter().next().map_or(Ok(options), Err)
    }

    /// Reads what is right in the text of a file, and says all that is wrong.
    #[must_use]
    pub fn parse_all(name: &str, text: &str) -> (Self, Vec<anyhow::Error>) {
        let mut options =
            Self { name: name.to_owned(), text: text.to_owned(), entries: Vec::new() };
        let mut wrong = Vec::new();
        match node::parse(text) {
            Ok(root) => options.collect("", root, &mut wrong),
            Err(error) => wrong.push(error),
        }
        options.entries.sort_by_key(|(_, node)| node.at);
        wrong.sort_by_key(|wrong| wrong.at);
        let errors = wrong.iter().map(|wrong| options.error(wrong)).collect();
        (options, errors)
    }

    /// What the file says, one value at a time, so that each can be looked at though another is wrong.
    #[must_use]
    pub fn each(&self) -> Vec<Self> {
        let values = self.entries.iter().flat_map(|(key, node)| {
            let nodes = match &node.value {
                Value::List(items) if key.kind != Kind::Command => {
                    let alone =
                        |item: &Node| Node { at: item.at, value: Value::List(vec![item.clone()]) };
                    items.iter().map(alone).collect()
                }
                _ => vec![node.clone()],
            };
            nodes.into_iter().map(move |node| (*key, node))
        });
        let alone = |entry| Self { entries: vec![entry], ..self.clone() };
        values.map(alone).collect()
    }

    /// Finds the keys of a table, and of those in it whose names go on after a point.
    fn collect(&mut self, prefix: &str, table: Node, wrong: &mut Vec<PositionError>) {
        let Value::Table(entries) = table.value else {
            wrong.push(PositionError::new(table.at, format!("`{prefix}` must be a table")));
            return;
        };
        for (key, at, node) in entries {
            let name = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
            if let Some(known) = KEYS.iter().find(|known| known.name == name) {
                self.entries.push((known, node));
            } else if KEYS.iter().any(|known| known.is_below(&name)) {
                self.collect(&name, node, wrong);
            } else {
                wrong.push(PositionError::new(at, unknown(&name)));
            }
        }
    }

    /// The values of a key, as they are in the file.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }

    /// The same, with what other options of the same file say of this key.
    #[must_use]
    pub fn with(mut self, name: &str, other: &Self) -> Self {
        let more = other.entries.iter().filter(|(key, _)| key.name == name);
        if self.get(name).is_none() {
            self.entries.extend(more.cloned());
        }
        self
    }

    /// Whether this key is `true`.
    #[must_use]
    pub fn is_on(&self, name: &str) -> bool {
        self.get(name).is_some_and(|node| node.value == Value::Bool(true))
    }

    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The keys that are set, with their values as they are in the file.
    pub fn values(&self) -> impl Iterator<Item = (&'static str, Json)> {
        self.entries.iter().map(|(key, node)| (key.name, node.to_json()))
    }

    /// Lays what the file says over the request for a container or a service.
    ///
    /// # Errors
    /// When a value is not valid, or means nothing in this mode: with line and column.
    pub fn apply(
        &self,
        request: &mut Json,
        mode: Mode,
        interpolation: &Interpolation<'_>,
    ) -> Result<()> {
        let mut set: Vec<(&str, &str)> = Vec::new();
        for (key, node) in &self.entries {
            let target = key.target(mode);
            if target.is_empty() {
                return Err(self.error(&PositionError::new(node.at, meaningless(key, mode))));
            }
            if key.kind == Kind::Code || interpolation.skips(node) {
                continue;
            }
            let converted = convert::convert(key, node, mode, interpolation);
            let value = converted.map_err(|wrong| self.error(&wrong.of(key.name)))?;
            for path in target.split(' ').filter(|path| *path != keys::HERE) {
                let scalar = !value.is_array() && !value.is_object();
                if let Some((_, other)) = set.iter().find(|(other, _)| scalar && *other == path) {
                    let message = format!("`{}` says the same as `{other}`; use one", key.name);
                    return Err(self.error(&PositionError::new(node.at, message)));
                }
                set.push((path, key.name));
                put(request, path, value.clone());
            }
        }
        Ok(())
    }

    /// Looks at what has variables in it, and so is not looked at otherwise before the launch.
    ///
    /// # Errors
    /// When something would be filled into a template of Docker's, within its braces.
    pub fn check_templates(&self, mode: Mode) -> Result<()> {
        let expanded = |key: &Key| mode == Mode::Swarm && convert::TEMPLATES.contains(&key.name);
        for (key, node) in self.entries.iter().filter(|(key, _)| expanded(key)) {
            interpolation::check_templates(node)
                .map_err(|wrong| self.error(&wrong.of(key.name)))?;
        }
        let tag = self.get("logging").map_or(Ok(()), interpolation::check_tag);
        tag.map_err(|wrong| self.error(&wrong.of("logging")))
    }

    /// The error for something that is wrong in the file.
    #[must_use]
    pub fn error(&self, wrong: &PositionError) -> anyhow::Error {
        let (line, column) = position(&self.text, wrong.at);
        if self.name.is_empty() {
            let line = self.text.lines().nth(line - 1).unwrap_or_default();
            return anyhow!("{line}: {}", wrong.message);
        }
        anyhow!("{}:{line}:{column}: {}", self.name, wrong.message)
    }
}

fn unknown(name: &str) -> String {
    if let Some((_, advice)) = UNSUPPORTED.iter().find(|(lacking, _)| *lacking == name) {
        let advice = if advice.is_empty() { "" } else { "; " }.to_owned() + advice;
        return format!("`{name}` of the Compose specification is not supported here{advice}");
    }
    format!("unknown key `{name}`{}", did_you_mean(name, KEYS.iter().map(|key| key.name)))
}

fn meaningless(key: &Key, mode: Mode) -> String {
    let name = key.name;
    match mode {
        Mode::Swarm => match key.swarm_hint() {
            Some(hint) => format!("`{name}` is not possible in a Swarm; {hint}"),
            None => format!("`{name}` is not possible in a Swarm"),
        },
        Mode::Docker => format!("`{name}` has a meaning in a Swarm only"),
    }
}

/// Puts a value into a request: lists grow, tables are merged, anything else is replaced.
pub(crate) fn put(request: &mut Json, path: &str, value: Json) {
    let place = path.split('.').fold(request, |place, name| {
        if !place.is_object() {
            *place = Json::Object(serde_json::Map::new());
        }
        &mut place[name]
    });
    merge(place, value);
}

fn merge(place: &mut Json, value: Json) {
    match (place, value) {
        (Json::Array(list), Json::Array(more)) => list.extend(more),
        (Json::Object(table), Json::Object(more)) => {
            for (name, value) in more {
                merge(table.entry(name).or_insert(Json::Null), value);
            }
        }
        (place, value) => *place = value,
    }
}

#[cfg(test)]
mod tests;
