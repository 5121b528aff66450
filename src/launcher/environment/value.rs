//! Variables in `launch_docker.toml`, and in the files that it names.

use crate::options::node::{Node, PositionError, Value};
use crate::options::read::{items, must};

/// The value of a variable.
pub(super) enum VariableValue {
    /// Text of the administrator, in which Swarm may expand templates.
    Template(String),
    /// Plain text.
    Text(String),
    /// The value of the server's variable.
    OfServer,
}

/// Reads a text, or a list of texts.
pub(super) fn texts(node: &Node) -> Result<Vec<String>, PositionError> {
    let texts = items(node).iter().map(|item| match &item.value {
        Value::Text(text) => Ok(text.clone()),
        _ => Err(must(item, "be text, in quotes")),
    });
    texts.collect()
}
