//! YAML values, written with comments above keys, which no YAML crate writes.

use std::fmt::Write as _;

/// A YAML value. Texts are quoted, so that none is read as a number, a boolean or null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    /// Null: a variable that is passed on, or an object with its defaults.
    Null,
    Bool(bool),
    Number(u32),
    Text(String),
    List(Vec<Self>),
    Map(Map),
}

impl Node {
    /// Makes a list of texts.
    pub(crate) fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(|text| Self::Text(text.into())).collect())
    }
}

impl From<&str> for Node {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Node {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Node {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<u32> for Node {
    fn from(number: u32) -> Self {
        Self::Number(number)
    }
}

impl From<Vec<Self>> for Node {
    fn from(items: Vec<Self>) -> Self {
        Self::List(items)
    }
}

impl From<Map> for Node {
    fn from(map: Map) -> Self {
        Self::Map(map)
    }
}

/// Keys and values, in the order of writing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Map(Vec<(String, Node, Option<String>)>);

impl Map {
    /// Adds a key.
    pub(crate) fn with(mut self, key: &str, value: impl Into<Node>) -> Self {
        self.0.push((key.to_owned(), value.into(), None));
        self
    }

    /// Adds a key below a comment.
    pub(crate) fn told(mut self, comment: &str, key: &str, value: impl Into<Node>) -> Self {
        self.0.push((key.to_owned(), value.into(), Some(comment.to_owned())));
        self
    }

    /// Adds a key if there is a value.
    pub(crate) fn maybe(self, key: &str, value: Option<impl Into<Node>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.iter().any(|(known, ..)| known == key)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes the document.
    pub(crate) fn document(&self) -> String {
        let mut out = String::new();
        for (at, (key, value, comment)) in self.0.iter().enumerate() {
            if at > 0 {
                out.push('\n');
            }
            entry(&mut out, 0, "", (key, value, comment.as_deref()));
        }
        out
    }
}

/// Writes a key and its value. `first` replaces the indentation before the first key of a list's item.
fn entry(
    out: &mut String,
    depth: usize,
    first: &str,
    (key, value, comment): (&str, &Node, Option<&str>),
) {
    let indent = "  ".repeat(depth);
    for line in comment.into_iter().flat_map(str::lines) {
        let _ = writeln!(out, "{indent}{}", format!("# {line}").trim_end());
    }
    let start = if first.is_empty() { &indent } else { first };
    let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        && key.starts_with(|c: char| c.is_ascii_alphabetic());
    // YAML 1.1 reads these as booleans or null.
    let word = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let plain = plain && !word.iter().any(|word| key.eq_ignore_ascii_case(word));
    let key = if plain { key.to_owned() } else { quoted(key) };
    let _ = write!(out, "{start}{key}:");
    match value {
        Node::Map(map) if !map.is_empty() => {
            out.push('\n');
            for (key, value, comment) in &map.0 {
                entry(out, depth + 1, "", (key, value, comment.as_deref()));
            }
        }
        Node::List(items) if !items.is_empty() => {
            out.push('\n');
            for item in items {
                list_item(out, depth + 1, item);
            }
        }
        Node::Text(text) if is_block(text) => {
            out.push_str(" |\n");
            for line in text.lines() {
                let _ = writeln!(out, "{}", format!("{indent}  {line}").trim_end());
            }
        }
        other => scalar(out, other),
    }
}

fn list_item(out: &mut String, depth: usize, item: &Node) {
    let indent = "  ".repeat(depth);
    match item {
        Node::Map(map) if !map.is_empty() => {
            let mut first = format!("{indent}- ");
            for (key, value, comment) in &map.0 {
                let comment = comment.as_deref().filter(|_| first.is_empty());
                entry(out, depth + 1, &first, (key, value, comment));
                first.clear();
            }
        }
        other => {
            let _ = write!(out, "{indent}-");
            scalar(out, other);
        }
    }
}

/// Writes a value on the current line.
fn scalar(out: &mut String, node: &Node) {
    let _ = match node {
        Node::Null => writeln!(out),
        Node::Bool(value) => writeln!(out, " {value}"),
        Node::Number(number) => writeln!(out, " {number}"),
        Node::Text(text) => writeln!(out, " {}", quoted(text)),
        Node::List(items) => {
            // A list within a list.
            let texts = items.iter().map(|item| {
                let mut text = String::new();
                scalar(&mut text, item);
                text.trim().to_owned()
            });
            writeln!(out, " [{}]", texts.collect::<Vec<_>>().join(", "))
        }
        Node::Map(_) => writeln!(out, " {{}}"),
    };
}

/// Whether a text of several lines can be a block: its last line ends, its first is not indented, and nothing
/// needs escapes.
fn is_block(text: &str) -> bool {
    text.contains('\n')
        && text.ends_with('\n')
        && !text.ends_with("\n\n")
        && !text.starts_with([' ', '\n'])
        && text.lines().all(|line| !line.ends_with(' '))
        && text.chars().all(|c| c == '\n' || (' '..='~').contains(&c))
}

/// Quotes a text. Characters that are not printable everywhere are escaped: readers of older YAML refuse
/// them, or take them as line breaks.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            ' '..='~' => out.push(c),
            _ if c.is_alphanumeric() => out.push(c),
            _ if u32::from(c) <= 0xffff => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            _ => {
                let _ = write!(out, "\\U{:08x}", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    #[test]
    fn what_a_document_looks_like() {
        let map = Map::default()
            .with("version", "3.7")
            .told(
                "One.\n\nTwo.",
                "services",
                Map::default()
                    .with("yes", Node::Null)
                    .with("a b", Node::texts(["- x", "#", "3.7", ""]))
                    .told("Of it.", "text", "first\n  second\n\nthird\n")
                    .with(
                        "maps",
                        Node::List(vec![
                            Map::default()
                                .told("not shown", "a", 1)
                                .with("b", Map::default().with("c", true))
                                .into(),
                            Node::List(vec![1.into(), "x".into()]),
                        ]),
                    )
                    .with("none", Node::List(Vec::new())),
            )
            .with("volumes", Map::default());
        assert_snapshot!(map.document(), @r###"
        version: "3.7"

        # One.
        #
        # Two.
        services:
          "yes":
          "a b":
            - "- x"
            - "#"
            - "3.7"
            - ""
          # Of it.
          text: |
            first
              second

            third
          maps:
            - a: 1
              b:
                c: true
            - [1, "x"]
          none: []

        volumes: {}
        "###);
    }

    #[test]
    fn texts_are_escaped_as_old_readers_need_it() {
        for (text, expected) in [
            ("a\"\\", r#""a\"\\""#),
            ("\t\r\n\u{0}", r#""\u0009\u000d\n\u0000""#),
            ("\u{85}\u{2028}\u{feff}\u{1f600}", r#""\u0085\u2028\ufeff\U0001f600""#),
            ("é日", "\"é日\""),
            ("a\nb", r#""a\nb""#),
            ("a \nb\n", r#""a \nb\n""#),
        ] {
            let written = Map::default().with("k", text).document();
            assert_eq!(written, format!("k: {expected}\n"));
        }
    }
}
