//! Changes values in the text of a `kernel.json` that is there. All else in it stays as it is to the
//! letter: keys that are not known, their order, numbers as they are written, and how it is laid out.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::convert::with_argv;
use super::installed::Installed;
use super::render::joined;
use crate::server::{GATEWAY_SPELLING, System};
use crate::setting::variable;
use crate::settings::DEFAULT_KERNEL_CLASS;
use crate::settings::changed::Changed;

/// The option of the launcher that names the class of the kernel.
const CLASS: &str = "kernel-class-name";

/// The text of the `kernel.json` of a specification with these values in it, as `install` writes them for
/// its system.
///
/// # Errors
/// When it cannot be understood, or a value would have no effect.
pub fn changed(text: &str, spec: &Installed, changed: &Changed) -> Result<String> {
    let of_gateway = spec.system == System::EnterpriseGateway;
    let stanza = if of_gateway { "process_proxy" } else { "kernel_provisioner" };
    let users = |users: &BTreeSet<String>| {
        if of_gateway {
            joined(users).map(|users| quoted(&users))
        } else {
            (!users.is_empty()).then(|| {
                let users: Vec<String> = users.iter().map(|user| quoted(user)).collect();
                format!("[{}]", users.join(", "))
            })
        }
    };
    let in_config = [
        ("image_name", changed.image_name.as_ref().map(|image| Some(quoted(image)))),
        (
            "executor_image_name",
            changed.executor_image_name.as_ref().map(|image| image.as_deref().map(quoted)),
        ),
        ("authorized_users", changed.authorized_users.as_ref().map(users)),
        (
            "unauthorized_users",
            changed.unauthorized_users.as_ref().map(|given| given.as_ref().and_then(users)),
        ),
        (
            "port_range",
            changed.port_range.map(|range| range.map(|range| quoted(&range.to_string()))),
        ),
    ];
    let mut places: Vec<(Vec<&str>, Option<String>)> = in_config
        .into_iter()
        .filter_map(|(name, value)| Some((vec!["metadata", stanza, "config", name], value?)))
        .collect();
    if let Some(name) = &changed.display_name {
        places.push((vec!["display_name"], Some(quoted(name))));
    }
    if let Some(seconds) = changed.launch_timeout {
        places.push(if of_gateway {
            let seconds = seconds.map(|seconds| quoted(&seconds.to_string()));
            (vec!["env", variable::KERNEL_LAUNCH_TIMEOUT], seconds)
        } else {
            let seconds = seconds.map(|seconds| seconds.to_string());
            (vec!["metadata", stanza, "config", "launch_timeout"], seconds)
        });
    }
    let mut text = text.to_owned();
    for (path, value) in places {
        text = with(&text, &path, value.as_deref())?;
    }
    if let Some(class) = &changed.kernel_class {
        let argv = with_class(spec, class);
        if argv != spec.kernel_json.argv {
            text = with_argv(&text, &argv)?;
        }
    }
    Ok(text)
}

/// The command with another class of the kernel. Enterprise Gateway's specifications name none where it is
/// the default.
fn with_class(spec: &Installed, class: &str) -> Vec<String> {
    let mut argv = spec.kernel_json.argv.clone();
    let is_named = |word: &String| {
        let name = word.strip_prefix("--").unwrap_or_default();
        let name = name.strip_prefix(GATEWAY_SPELLING).unwrap_or(name);
        name == CLASS || name.strip_prefix(CLASS).is_some_and(|rest| rest.starts_with('='))
    };
    let at = argv.iter().position(is_named);
    let is_left_out = spec.system == System::EnterpriseGateway && class == DEFAULT_KERNEL_CLASS;
    match at {
        None if is_left_out => {}
        None => argv.extend([format!("--{CLASS}"), class.to_owned()]),
        Some(at) => {
            let name = argv[at].split('=').next().unwrap_or_default().to_owned();
            let end = if argv[at].contains('=') { at + 1 } else { (at + 2).min(argv.len()) };
            let new = if is_left_out { Vec::new() } else { vec![name, class.to_owned()] };
            argv.splice(at..end, new);
        }
    }
    argv
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The members of an object as they are written, in their order.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
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

        deserializer.deserialize_map(Object).map(Members)
    }
}

/// The text of an object with this value at the place that is called so, or without one.
fn with(text: &str, path: &[&str], value: Option<&str>) -> Result<String> {
    let Members(members) = serde_json::from_str(text)?;
    let places: Vec<Range<usize>> = members
        .iter()
        .map(|(_, value)| {
            let start = value.get().as_ptr().addr() - text.as_ptr().addr();
            start..start + value.get().len()
        })
        .collect();
    let (name, below) = path.split_first().context("a value has a name")?;
    let named = || members.iter().map(|(other, _)| other).filter(|other| other == name);
    ensure!(named().count() < 2, "`{name}` is in kernel.json twice");
    let Some(at) = members.iter().position(|(other, _)| other == name) else {
        let Some(value) = value else { return Ok(text.to_owned()) };
        let value = below
            .iter()
            .rev()
            .fold(value.to_owned(), |value, name| format!("{{{}: {value}}}", quoted(name)));
        return Ok(with_member(text, places.last(), name, &value));
    };
    let Range { start, end } = places[at].clone();
    let splice = |new: &str| format!("{}{new}{}", &text[..start], &text[end..]);
    match value {
        _ if !below.is_empty() => Ok(splice(&with(&text[start..end], below, value)?)),
        Some(value) => Ok(splice(value)),
        None => Ok(without_member(text, &places, at)),
    }
}

/// The text of an object with one more member, after the last one and laid out like the first.
fn with_member(text: &str, last: Option<&Range<usize>>, name: &str, value: &str) -> String {
    let member = format!("{}: {value}", quoted(name));
    let open = text.find('{').map_or(0, |at| at + 1);
    let Some(last) = last else {
        let close = text.rfind('}').unwrap_or(open);
        return format!("{}{member}{}", &text[..open], &text[close..]);
    };
    let blanks: String = text[open..].chars().take_while(char::is_ascii_whitespace).collect();
    let blanks = if blanks.is_empty() { " " } else { &blanks };
    format!("{},{blanks}{member}{}", &text[..last.end], &text[last.end..])
}

/// The text of an object without one of its members.
fn without_member(text: &str, places: &[Range<usize>], at: usize) -> String {
    let key_after = |from: usize| text[from..].find('"').map_or(from, |at| from + at);
    let open = text.find('{').map_or(0, |at| at + 1);
    let (from, to) = match at.checked_sub(1) {
        Some(before) => (places[before].end, places[at].end),
        None if places.len() > 1 => (key_after(open), key_after(places[at].end)),
        None => (open, text.rfind('}').unwrap_or(open)),
    };
    format!("{}{}", &text[..from], &text[to..])
}

#[cfg(test)]
mod tests {
    use std::path::Path;

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
            // As it is laid out, and with the ends of lines that it has.
            (
                "{\r\n\t\"a\": 1\r\n}\r\n",
                &["b"],
                Some("2"),
                "{\r\n\t\"a\": 1,\r\n\t\"b\": 2\r\n}\r\n",
            ),
            ("{\n  \"a\": 1,\n  \"b\": 2\n}", &["a"], None, "{\n  \"b\": 2\n}"),
            // Names in any spelling, the same names elsewhere, and numbers as they are written.
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
    fn a_class_is_named_as_it_was_or_as_install_names_it() {
        let class = |provisioner: bool, words: &[&str], class: &str| {
            let stanza = if provisioner {
                r#"{"kernel_provisioner": {"provisioner_name": "docker-provisioner"}}"#
            } else {
                r#"{"process_proxy": {"class_name": "a.b.DockerProcessProxy"}}"#
            };
            let text =
                serde_json::json!({"argv": words, "display_name": "x", "language": "python"});
            let text = text.to_string().replacen('{', &format!("{{\"metadata\": {stanza}, "), 1);
            let spec = Installed::parse(Path::new("/k"), &text).unwrap().unwrap();
            let class = Changed { kernel_class: Some(class.to_owned()), ..Changed::default() };
            let text = changed(&text, &spec, &class).unwrap();
            Installed::parse(Path::new("/k"), &text).unwrap().unwrap().kernel_json.argv.join(" ")
        };
        let named = ["x", "--kernel-class-name", "a.B", "--y"];
        assert_eq!(class(true, &named, "c.D"), "x --kernel-class-name c.D --y");
        assert_eq!(class(true, &["x"], "c.D"), "x --kernel-class-name c.D");
        let of_gateway = ["x", "--RemoteProcessProxy.kernel-class-name=a.B", "--y"];
        assert_eq!(
            class(false, &of_gateway, "c.D"),
            "x --RemoteProcessProxy.kernel-class-name c.D --y"
        );
        // Enterprise Gateway's name none where it is the default.
        assert_eq!(class(false, &of_gateway, DEFAULT_KERNEL_CLASS), "x --y");
        assert_eq!(class(false, &["x", "--kernel-class-name"], DEFAULT_KERNEL_CLASS), "x");
        assert_eq!(class(false, &["x"], DEFAULT_KERNEL_CLASS), "x");
        assert_eq!(
            class(true, &named, DEFAULT_KERNEL_CLASS),
            format!("x --kernel-class-name {DEFAULT_KERNEL_CLASS} --y")
        );
    }
}
