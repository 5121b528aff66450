//! Changes values in the text of a `kernel.json`. Everything else keeps its exact text: unknown keys, their order,
//! the spelling of numbers, and the layout.

use std::fmt;
use std::ops::Range;

use anyhow::{Context as _, Result, ensure};
use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::specification::Specification;
use crate::settings::changed::Changed;

/// Returns the text with the values that change, in the form in which `install` writes them.
pub fn changed(text: &str, spec: &Specification, changed: &Changed) -> Result<String> {
    let mut new = spec.clone();
    new.change(changed.clone());
    rewritten(text, spec, &new)
}

/// Returns the text of `old` with all values of `new` that differ.
pub(super) fn rewritten(text: &str, old: &Specification, new: &Specification) -> Result<String> {
    let mut text = text.to_owned();
    for ((path, old), (_, new)) in old.values().zip(new.values()) {
        if old != new {
            text = with(&text, &path, new.as_ref().map(written).as_deref())?;
        }
    }
    if old.argv == new.argv { Ok(text) } else { with_argv(&text, &new.argv) }
}

fn written(value: &Value) -> String {
    let Value::Array(items) = value else { return value.to_string() };
    format!("[{}]", items.iter().map(Value::to_string).collect::<Vec<_>>().join(", "))
}

/// The name of a member of an object, and the position of its value in the text.
type Member = (String, Range<usize>);

fn members(text: &str) -> Result<Vec<Member>> {
    struct Members;

    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(String, &'de RawValue)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some(member) = map.next_entry()? {
                members.push(member);
            }
            Ok(members)
        }
    }

    let members = serde_json::Deserializer::from_str(text).deserialize_map(Members)?;
    let place = |value: &str| {
        let start = value.as_ptr().addr() - text.as_ptr().addr();
        start..start + value.len()
    };
    Ok(members.into_iter().map(|(name, value)| (name, place(value.get()))).collect())
}

fn position(members: &[Member], name: &str) -> Result<Option<usize>> {
    let mut named = (0..members.len()).filter(|at| members[*at].0 == name);
    let first = named.next();
    ensure!(named.next().is_none(), "`{name}` is in kernel.json twice");
    Ok(first)
}

/// Returns the text of an object with this value at the path, or without it.
fn with(text: &str, path: &[&str], value: Option<&str>) -> Result<String> {
    let members = members(text)?;
    let (name, below) = path.split_first().context("a value has a name")?;
    let Some(at) = position(&members, name)? else {
        let Some(value) = value else { return Ok(text.to_owned()) };
        let value = below
            .iter()
            .rev()
            .fold(value.to_owned(), |value, name| format!("{{{}: {value}}}", quoted(name)));
        return Ok(with_member(text, members.last(), name, &value));
    };
    let Range { start, end } = members[at].1.clone();
    let splice = |new: &str| format!("{}{new}{}", &text[..start], &text[end..]);
    match value {
        _ if !below.is_empty() => Ok(splice(&with(&text[start..end], below, value)?)),
        Some(value) => Ok(splice(value)),
        None => Ok(without_member(text, &members, at)),
    }
}

/// Returns the text with another `argv` in the layout of the old one.
fn with_argv(text: &str, argv: &[String]) -> Result<String> {
    let members = members(text)?;
    let at = position(&members, "argv")?.context("there is no `argv` in it")?;
    let Range { start, end } = members[at].1.clone();
    let old = &text[start..end];
    // Between the bracket and the first item, and after the last item.
    let lead = blanks(old[1..].split('"').next());
    let tail = blanks(old[..old.len() - 1].rsplit('"').next());
    let separator = if lead.is_empty() { " " } else { lead };
    let words: Vec<String> = argv.iter().map(|word| quoted(word)).collect();
    let words = words.join(&format!(",{separator}"));
    Ok(format!("{}[{lead}{words}{tail}]{}", &text[..start], &text[end..]))
}

fn blanks(part: Option<&str>) -> &str {
    part.filter(|part| part.trim().is_empty()).unwrap_or_default()
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Appends a member to the text of an object, in the layout of the first member.
fn with_member(text: &str, last: Option<&Member>, name: &str, value: &str) -> String {
    let member = format!("{}: {value}", quoted(name));
    let open = text.find('{').map_or(0, |at| at + 1);
    let Some((_, last)) = last else {
        let close = text.rfind('}').unwrap_or(open);
        return format!("{}{member}{}", &text[..open], &text[close..]);
    };
    let blanks: String = text[open..].chars().take_while(char::is_ascii_whitespace).collect();
    let blanks = if blanks.is_empty() { " " } else { &blanks };
    format!("{},{blanks}{member}{}", &text[..last.end], &text[last.end..])
}

/// Removes a member from the text of an object.
fn without_member(text: &str, members: &[Member], at: usize) -> String {
    let key_after = |from: usize| text[from..].find('"').map_or(from, |at| from + at);
    let open = text.find('{').map_or(0, |at| at + 1);
    let (from, to) = match at.checked_sub(1) {
        Some(before) => (members[before].1.end, members[at].1.end),
        None if members.len() > 1 => (key_after(open), key_after(members[at].1.end)),
        None => (open, text.rfind('}').unwrap_or(open)),
    };
    format!("{}{}", &text[..from], &text[to..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_changed_where_it_is() {
        for (text, path, value, expected) in [
            (r#"{"a": 1}"#, &["a"][..], Some("2"), r#"{"a": 2}"#),
            (r#"{"a": 1}"#, &["b"], Some("2"), r#"{"a": 1, "b": 2}"#),
            ("{}", &["b"], Some("2"), r#"{"b": 2}"#),
            ("{ }", &["b"], Some("2"), r#"{"b": 2}"#),
            ("{}", &["b"], None, "{}"),
            ("{}", &["a", "b"], Some("2"), r#"{"a": {"b": 2}}"#),
            ("{}", &["a", "b"], None, "{}"),
            (r#"{"a": 1}"#, &["a"], None, "{}"),
            (r#"{"a": 1, "b": 2}"#, &["a"], None, r#"{"b": 2}"#),
            (r#"{"a": 1, "b": 2, "c": 3}"#, &["b"], None, r#"{"a": 1, "c": 3}"#),
            (r#"{"a": 1, "b": 2}"#, &["b"], None, r#"{"a": 1}"#),
            // With the layout and the line ends of the text.
            (
                "{\r\n\t\"a\": 1\r\n}\r\n",
                &["b"],
                Some("2"),
                "{\r\n\t\"a\": 1,\r\n\t\"b\": 2\r\n}\r\n",
            ),
            ("{\n  \"a\": 1,\n  \"b\": 2\n}", &["a"], None, "{\n  \"b\": 2\n}"),
            // Names in any spelling, the same names elsewhere, and the spelling of numbers.
            (r#"{"\u0061": 1.50, "é": 1e400}"#, &["a"], Some("2"), r#"{"a": 2, "é": 1e400}"#),
            (r#"{"x": {"a": 1.0}, "a": "a}"}"#, &["a"], Some("2"), r#"{"x": {"a": 1.0}, "a": 2}"#),
            (r#"{"x": {"a": "}"}}"#, &["x", "a"], Some("2"), r#"{"x": {"a": 2}}"#),
            (r#"{"x": {"a": 1}}"#, &["x", "b"], Some("2"), r#"{"x": {"a": 1, "b": 2}}"#),
            (r#"{"a\"{": 1, "b": 2}"#, &["a\"{"], None, r#"{"b": 2}"#),
        ] {
            let expected = expected.replace("\"a\": 2, \"é\"", "\"\\u0061\": 2, \"é\"");
            assert_eq!(with(text, path, value).unwrap(), expected, "{path:?} in {text}");
        }
        for (text, path) in [
            (r#"{"a": 1, "a": 2}"#, &["a"][..]),
            ("[]", &["a"]),
            (r#"{"a": 1}"#, &["a", "b"]),
            ("{", &["a"]),
        ] {
            assert!(with(text, path, Some("2")).is_err(), "{text}");
        }
    }

    #[test]
    fn nothing_but_the_command_is_changed() {
        let argv = ["/a \"b\"".to_owned(), "{x}".to_owned()];
        for (text, expected) in [
            (
                "{\n \"x\": 1.0,\n \"argv\": [\n  \"python\",\n  \"y\"\n ],\n \"argv2\": [ 1 ]}",
                "{\n \"x\": 1.0,\n \"argv\": [\n  \"/a \\\"b\\\"\",\n  \"{x}\"\n ],\n \"argv2\": [ 1 ]}",
            ),
            (r#"{"argv":["python"],"n":1e400}"#, r#"{"argv":["/a \"b\"", "{x}"],"n":1e400}"#),
            (
                r#"{"z": "argv", "argv": [ "p" ]}"#,
                r#"{"z": "argv", "argv": [ "/a \"b\"", "{x}" ]}"#,
            ),
        ] {
            assert_eq!(with_argv(text, &argv).unwrap(), expected);
        }
        for text in ["{}", "{\"argv\": [], \"argv\": []}", "["] {
            assert!(with_argv(text, &argv).is_err(), "{text}");
        }
    }
}
