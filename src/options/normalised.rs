//! Values of `launch_docker.toml` in a form in which all ways to write one are the same.

use serde_json::{Map, Value as Json};

use super::amounts::decimal;
use super::container_options::{CONTAINER_OPTIONS, Shape};

/// A value in a form in which the ways to write it are the same: names with values as a table, one
/// text as a list of one, numbers as text.
#[must_use]
pub fn normalised(key: &str, value: &Json) -> Json {
    let lists = CONTAINER_OPTIONS.iter().any(|flag| {
        flag.key == key
            && matches!(flag.shape, Shape::List | Shape::Single | Shape::Secrets | Shape::Networks)
    });
    match (key, value) {
        (
            "annotations" | "deploy.labels" | "environment" | "extra_hosts" | "labels"
            | "storage_opt" | "sysctls",
            Json::Array(items),
        ) => {
            let pairs = items.iter().filter_map(Json::as_str).map(|item| {
                let at = item.find(if key == "extra_hosts" { [':', '='] } else { ['=', '='] });
                let (name, value) =
                    at.map_or((item, Json::Null), |at| (&item[..at], item[at + 1..].into()));
                (name.to_owned(), value)
            });
            Json::Object(pairs.collect())
        }
        ("ulimits", Json::Object(limits)) => limits
            .iter()
            .map(|(name, limit)| {
                let limit = scalar(limit).map_or_else(
                    || plain(limit),
                    |both| Json::from_iter([("soft", both.clone()), ("hard", both)]),
                );
                (name.clone(), limit)
            })
            .collect::<Map<_, _>>()
            .into(),
        ("cpus", value) => scalar(value).and_then(|cpus| decimal(&cpus, 1_000_000_000)).into(),
        // It does not matter which is mounted first.
        ("volumes", Json::Array(items)) => {
            let mut items: Vec<Json> = items.iter().map(plain).collect();
            items.sort_by_key(Json::to_string);
            items.into()
        }
        (_, Json::String(_)) if lists => vec![value.clone()].into(),
        _ => plain(value),
    }
}

/// Numbers as text, also within.
fn plain(value: &Json) -> Json {
    match value {
        Json::Number(number) => number.to_string().into(),
        Json::Array(items) => items.iter().map(plain).collect(),
        Json::Object(table) => {
            table.iter().map(|(name, value)| (name.clone(), plain(value))).collect()
        }
        other => other.clone(),
    }
}

/// Text or a number.
fn scalar(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}
