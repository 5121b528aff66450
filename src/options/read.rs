//! Reads values of a type, or says what they must be.

use super::interpolation::{Interpolation, Policy};
use super::node::{Node, PositionError, Value};

/// A table of which all names are known.
pub(crate) struct Table<'a> {
    at: usize,
    entries: &'a [(String, usize, Node)],
}

impl<'a> Table<'a> {
    pub(crate) fn new(node: &'a Node, known: &[&str]) -> Result<Self, PositionError> {
        let entries = table(node)?;
        for (name, at, _) in entries {
            if !known.contains(&&**name) {
                let message =
                    format!("has an unknown key `{name}`; there are {}", known.join(", "));
                return Err(PositionError::new(*at, message));
            }
        }
        Ok(Self { at: node.at, entries })
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'a Node> {
        self.entries.iter().find(|(known, ..)| known == name).map(|(_, _, node)| node)
    }

    pub(crate) fn need(&self, name: &str) -> Result<&'a Node, PositionError> {
        self.get(name).ok_or_else(|| PositionError::new(self.at, format!("needs `{name}`")))
    }
}

/// The error for a value that is not what it must be.
pub(crate) fn must(node: &Node, what: &str) -> PositionError {
    PositionError::new(node.at, format!("must {what}"))
}

/// The values of a list, or the one that is in its place.
pub(crate) fn items(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        _ => std::slice::from_ref(node),
    }
}

pub(crate) fn table(node: &Node) -> Result<&[(String, usize, Node)], PositionError> {
    match &node.value {
        Value::Table(entries) => Ok(entries),
        _ => Err(must(node, "be a table")),
    }
}

pub(crate) fn flag(node: &Node) -> Result<bool, PositionError> {
    match node.value {
        Value::Bool(flag) => Ok(flag),
        _ => Err(must(node, "be true or false")),
    }
}

pub(crate) fn integer(node: &Node, least: i64) -> Result<i64, PositionError> {
    match node.value {
        Value::Integer(number) if number >= least => Ok(number),
        _ => Err(must(node, &format!("be a whole number, at least {least}"))),
    }
}

/// A text, with its variables filled in.
pub(crate) fn text(
    node: &Node,
    interpolation: &Interpolation<'_>,
    policy: Policy,
) -> Result<String, PositionError> {
    match &node.value {
        Value::Text(text) => interpolation.interpolate(text, node.at, policy),
        _ => Err(must(node, "be text, in quotes")),
    }
}
