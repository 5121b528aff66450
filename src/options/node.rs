//! A TOML document with the place of everything in it.

use serde_json::Value as Json;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value, and where it is: a number of bytes from the beginning of the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it begins.
    pub at: usize,
    /// What it is.
    pub value: Value,
}

impl Node {
    /// The value without the places.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match &self.value {
            Value::Bool(flag) => (*flag).into(),
            Value::Integer(number) => (*number).into(),
            Value::Decimal(text) => {
                text.parse::<f64>().map_or_else(|_| text.clone().into(), Json::from)
            }
            Value::Text(text) => text.clone().into(),
            Value::List(nodes) => nodes.iter().map(Self::to_json).collect(),
            Value::Table(entries) => {
                entries.iter().map(|(name, _, node)| (name.clone(), node.to_json())).collect()
            }
            Value::Time => Json::Null,
        }
    }
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a point, as it is written.
    Decimal(String),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Names, where they are, and their values.
    Table(Vec<(String, usize, Node)>),
    /// A date or a time, which nothing here is.
    Time,
}

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PositionError {
    /// Where it is.
    pub at: usize,
    /// What is wrong.
    pub message: String,
}

impl PositionError {
    /// Something that is wrong.
    #[must_use]
    pub fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }

    /// The same with the name of the key in front.
    #[must_use]
    pub fn of(self, key: &str) -> Self {
        Self { message: format!("`{key}` {}", self.message), ..self }
    }
}

/// Reads a document, which is a table.
///
/// # Errors
/// When it is not TOML.
pub fn parse(text: &str) -> Result<Node, PositionError> {
    let document = DeTable::parse(text).map_err(|error| {
        PositionError::new(error.span().map_or(0, |span| span.start), error.message())
    })?;
    Ok(Node { at: 0, value: table(document.get_ref())? })
}

fn table(entries: &DeTable<'_>) -> Result<Value, PositionError> {
    let entries = entries
        .iter()
        .map(|(key, value)| Ok((key.get_ref().to_string(), key.span().start, node(value)?)));
    Ok(Value::Table(entries.collect::<Result<_, PositionError>>()?))
}

fn node(spanned: &Spanned<DeValue<'_>>) -> Result<Node, PositionError> {
    let at = spanned.span().start;
    let value = match spanned.get_ref() {
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Integer(number) => Value::Integer(
            i64::from_str_radix(number.as_str(), number.radix())
                .map_err(|_| PositionError::new(at, "the number is too large"))?,
        ),
        DeValue::Float(number) => Value::Decimal(number.as_str().to_owned()),
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Array(list) => Value::List(list.iter().map(node).collect::<Result<_, _>>()?),
        DeValue::Table(entries) => table(entries)?,
        DeValue::Datetime(_) => Value::Time,
    };
    Ok(Node { at, value })
}
