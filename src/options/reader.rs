//! How the values of a key are read, filled in as far as the key allows.

use super::interpolation::{Interpolation, Policy, divide};
use super::node::{Node, PositionError, Value};
use super::read::{items, must};
use crate::model::Mode;

/// What a value is read with.
pub(super) struct Reader<'a> {
    pub(super) interpolation: &'a Interpolation<'a>,
    pub(super) policy: Policy,
    pub(super) mode: Mode,
    /// Whether templates are expanded in what is read.
    pub(super) expanded: bool,
    /// Whether it is a list with commas, as the options of `mount` are.
    pub(super) listed: bool,
}

impl Reader<'_> {
    /// The same, without what the notebook's user decides about.
    pub(super) fn trusted(&self) -> Self {
        Self { policy: Policy::Trusted, ..*self }
    }

    /// The same for what nobody expands.
    pub(super) fn plain(&self) -> Self {
        Self { expanded: false, ..*self }
    }

    /// A text that is filled in.
    pub(super) fn interpolate(&self, text: &str, at: usize) -> Result<String, PositionError> {
        let filled = if self.expanded {
            self.interpolation.interpolate_template(text, at, self.policy)?
        } else {
            self.interpolation.interpolate(text, at, self.policy)?
        };
        if self.listed {
            // The directories of an overlay are a list with colons within the list, and a backslash hides one.
            let layers: &[char] = if text.contains("lowerdir") { &[':', '\\'] } else { &[] };
            for separator in [','].iter().chain(layers) {
                let count = |text: &str| text.matches(*separator).count();
                if count(&filled) != count(text) {
                    let message = format!(
                        "cannot have a `{separator}` in what is filled into the list `{text}`"
                    );
                    return Err(PositionError::new(at, message));
                }
            }
        }
        Ok(filled)
    }

    /// The settings of a volume's driver, of which `o` is a list.
    pub(super) fn driver_options(
        &self,
        node: &Node,
    ) -> Result<Vec<(String, String)>, PositionError> {
        let list = Self { listed: true, ..*self };
        self.pairs_by(node, |name| if name == "o" { &list } else { self })
    }

    /// Text. A number is taken for how it is written.
    pub(super) fn text(&self, node: &Node) -> Result<String, PositionError> {
        match &node.value {
            Value::Text(text) => self.interpolate(text, node.at),
            Value::Integer(number) => Ok(number.to_string()),
            Value::Decimal(number) => Ok(number.clone()),
            _ => Err(must(node, "be text, in quotes")),
        }
    }

    /// A list of texts, or one.
    pub(super) fn words(&self, node: &Node) -> Result<Vec<String>, PositionError> {
        items(node).iter().map(|item| self.text(item)).collect()
    }

    /// Names with values.
    pub(super) fn pairs(&self, node: &Node) -> Result<Vec<(String, String)>, PositionError> {
        self.pairs_by(node, |_| self)
    }

    /// Names with values, each read as its name asks for.
    pub(super) fn pairs_by<'s>(
        &'s self,
        node: &Node,
        of: impl Fn(&str) -> &'s Self,
    ) -> Result<Vec<(String, String)>, PositionError> {
        match &node.value {
            Value::Table(entries) => entries
                .iter()
                .map(|(name, _, value)| match &value.value {
                    Value::Bool(flag) => Ok((name.clone(), flag.to_string())),
                    _ => Ok((name.clone(), of(name).text(value)?)),
                })
                .collect(),
            Value::List(_) => items(node)
                .iter()
                .map(|item| {
                    let Value::Text(text) = &item.value else {
                        return Ok((self.text(item)?, String::new()));
                    };
                    // Before it is filled in, so that no value can become a name.
                    let (name, value) = divide(text, '=').unwrap_or((text, ""));
                    Ok((
                        self.trusted().plain().interpolate(name, item.at)?,
                        of(name).interpolate(value, item.at)?,
                    ))
                })
                .collect(),
            _ => Err(must(node, "be a table, or a list of \"NAME=VALUE\"")),
        }
    }
}
