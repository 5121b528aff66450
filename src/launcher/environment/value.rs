//! Variables as `launch_docker.toml`, and the files that it names, give them.

use crate::options::node::{Node, Value, Wrong};
use crate::options::read::{items, must};

/// The value of a variable.
pub(super) enum VariableValue {
    /// What the file says, in which Swarm may expand templates.
    Template(String),
    /// What it is.
    Text(String),
    /// That of the server's variable.
    OfServer,
}

/// A text, or a list of them.
pub(super) fn texts(node: &Node) -> Result<Vec<String>, Wrong> {
    let texts = items(node).iter().map(|item| match &item.value {
        Value::Text(text) => Ok(text.clone()),
        _ => Err(must(item, "be text, in quotes")),
    });
    texts.collect()
}
