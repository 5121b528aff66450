//! Changes keys in the text of a `launch_docker.toml` that is there. All else in it stays as it is:
//! other keys, comments, and their order.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use toml_edit::{DocumentMut, InlineTable, Item, TableLike, Value};

use super::container_options::Given;
use super::normalised::normalised;
use super::{Options, written};
use crate::env::Env;

/// What stands for a value whose line goes.
const REMOVED: &str = "jupyter-docker-spec: this line goes";

/// The text with what these options say in the place of what it says of their keys, and without the keys
/// `unset`. An option without a value takes away what it has said.
///
/// # Errors
/// When a value has not the form that its option takes, or a key is written in a way in which it cannot be
/// changed.
pub fn changed(text: &str, given: &[Given], unset: &[&str], env: &Env) -> Result<String> {
    let mut parts: Vec<(String, Option<String>)> =
        unset.iter().map(|key| ((*key).to_owned(), None)).collect();
    for (key, given) in written::by_key(given) {
        parts.extend(parts_of(key, &given, env)?);
    }
    with_parts(text, &parts)
}

/// The text with these keys, whose values are TOML, in the place of what it says of them.
///
/// # Errors
/// When a key is written in a way in which it cannot be changed.
pub fn replaced(text: &str, values: &[(&str, String)]) -> Result<String> {
    let part = |(key, value): &(&str, String)| ((*key).to_owned(), Some(value.clone()));
    with_parts(text, &values.iter().map(part).collect::<Vec<_>>())
}

fn with_parts(text: &str, parts: &[(String, Option<String>)]) -> Result<String> {
    // What cannot be understood is not changed.
    Options::parse("", text)?;
    let crlf = text.contains("\r\n") && !text.replace("\r\n", "").contains('\n');
    let mut new = if crlf { text.replace("\r\n", "\n") } else { text.to_owned() };
    for (path, value) in parts {
        let names: Vec<&str> = path.split('.').collect();
        let could_not = || format!("could not change `{path}`");
        let mut changed = with(&new, &names, value.as_deref()).with_context(could_not)?;
        // With nothing in it any more, a table would still say something.
        if let [table, _] = names[..]
            && changed != new
            && is_empty(&changed, table)
        {
            changed = with(&changed, &[table], None).with_context(could_not)?;
        }
        // What means the same stays in the spelling that it has.
        if !says_the_same(&new, &changed, None)? {
            new = changed;
        }
    }
    // Nobody loses what was not named, however the text is written.
    let changed: Vec<&str> = parts.iter().map(|(path, _)| &**path).collect();
    ensure!(
        says_the_same(text, &new, Some(&changed))?,
        "`{}` cannot be changed without changing something else; change it in an editor",
        changed.join("`, `")
    );
    Ok(if crlf { new.replace('\n', "\r\n") } else { new })
}

/// What is written to which place; `None` is taken away.
fn parts_of(
    key: &'static str,
    given: &[&Given],
    env: &Env,
) -> Result<Vec<(String, Option<String>)>> {
    let is_empty = |(flag, words): &&Given| !flag.is_switch() && words.is_empty();
    let said: Vec<&Given> = given.iter().copied().filter(|one| !is_empty(one)).collect();
    let has = |long: &str| given.iter().any(|(flag, _)| flag.long == long);
    let whole = |value| Ok(vec![(key.to_owned(), value)]);
    match key {
        // The options are those of the driver.
        "logging" if !has("log-driver") => {
            let options = "logging.options".to_owned();
            if said.is_empty() {
                return Ok(vec![(options, None)]);
            }
            let value = written::value(key, &said, env)?;
            Ok(vec![(options, value.as_deref().and_then(|value| field(value, "options")))])
        }
        "healthcheck" => {
            // They have to go together.
            let all = written::value(key, &said, env)?;
            if all.as_deref().is_some_and(|all| field(all, "disable").is_some()) {
                return whole(all);
            }
            let mut parts = vec![("healthcheck.disable".to_owned(), None)];
            for one in given.iter().filter(|(flag, _)| !flag.is_switch()) {
                let name = match one.0.long.trim_start_matches("health-") {
                    "cmd" => "test".to_owned(),
                    name => name.replace('-', "_"),
                };
                let value = if is_empty(one) { None } else { written::value(key, &[one], env)? };
                let value = value.as_deref().and_then(|value| field(value, &name));
                parts.push((format!("healthcheck.{name}"), value));
            }
            Ok(parts)
        }
        _ if said.is_empty() => whole(None),
        _ => whole(written::value(key, &said, env)?),
    }
}

/// The value of a field of an inline table.
fn field(table: &str, name: &str) -> Option<String> {
    let value: Value = table.parse().ok()?;
    Some(value.as_inline_table()?.get(name)?.to_string().trim().to_owned())
}

/// Whether both texts say the same; what is at these places, or has them in it, is not looked at.
fn says_the_same(old: &str, new: &str, but: Option<&[&str]>) -> Result<bool> {
    let is_part = |path: &str, key: &str| {
        path.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let values = |text: &str| {
        let options = Options::parse("", text)?;
        let others = options
            .values()
            .filter(|(key, _)| !but.unwrap_or_default().iter().any(|path| is_part(path, key)));
        Ok::<_, anyhow::Error>(
            others.map(|(key, value)| (key, normalised(key, &value))).collect::<BTreeMap<_, _>>(),
        )
    };
    Ok(values(old)? == values(new)?)
}

/// The text with this value at the place that is called so, or without one.
fn with(text: &str, path: &[&str], value: Option<&str>) -> Result<String> {
    let parsed = || text.parse::<DocumentMut>().map_err(|error| anyhow!("{error}"));
    let mut document = parsed()?;
    let (name, tables) = path.split_last().context("a key has a name")?;
    let parent = tables
        .iter()
        .try_fold(document.as_item_mut(), |item, table| item.get_mut(table))
        .filter(|parent| parent.get(name).is_some());
    let Some(parent) = parent else {
        return value.map_or_else(|| Ok(text.to_owned()), |value| added(text, path, value));
    };
    let inline = parent.is_inline_table();
    match (&mut parent[name], value) {
        (Item::Value(old), Some(new)) => {
            let mut new: Value = new.parse()?;
            *new.decor_mut() = old.decor().clone();
            *old = new;
        }
        (Item::Value(_), None) if inline => {
            parent.as_inline_table_mut().map(|table| {
                table.fmt();
                table.remove(name)
            });
        }
        (Item::Value(old), None) => {
            // The comments above a key are those of other keys as well, and stay.
            let mut mark = Value::from(REMOVED);
            *mark.decor_mut() = old.decor().clone();
            *old = mark;
            return Ok(without_lines(&document.to_string(), |line| line.contains(REMOVED)));
        }
        (Item::Table(table), value) => {
            let names: Vec<String> = table.iter().map(|(name, _)| name.to_owned()).collect();
            let mut text = text.to_owned();
            for name in &names {
                text = with(&text, &[path, &[name]].concat(), None)?;
            }
            let header = |line: &str| {
                let line = line.trim().strip_prefix('[').unwrap_or_default();
                let names = line.split_once(']').map(|(names, _)| names).unwrap_or_default();
                toml_edit::Key::parse(names).is_ok_and(|names| {
                    names.iter().map(toml_edit::Key::get).eq(path.iter().copied())
                })
            };
            let text = without_lines(&text, header);
            return value.map_or_else(|| Ok(text.clone()), |value| added(&text, path, value));
        }
        _ => bail!("it is written as sections `[[{}]]`; change it in an editor", path.join(".")),
    }
    Ok(document.to_string())
}

fn without_lines(text: &str, goes: impl Fn(&str) -> bool) -> String {
    text.split_inclusive('\n').filter(|line| !goes(line)).collect()
}

/// The text with a key that it has not yet: below the example of it, if there is one and that is no part of
/// another table.
fn added(text: &str, path: &[&str], value: &str) -> Result<String> {
    let key = path.join(".");
    if let Some(at) = written::place(text, &key) {
        let mut new = text.to_owned();
        new.insert_str(at, &format!("{key} = {value}\n"));
        if says(&new, path) {
            return Ok(new);
        }
    }
    let mut document: DocumentMut = text.parse()?;
    let (name, tables) = path.split_last().context("a key has a name")?;
    let whole = || format!("{{ {name} = {value} }}");
    if let [table] = tables
        && document.get(table).is_none()
    {
        // A part of what is not there at all.
        return added(text, tables, &whole());
    }
    let parent = tables.iter().fold(document.as_item_mut(), |item, name| &mut item[name]);
    parent[name] = Item::Value(value.parse()?);
    let mut item = document.as_item_mut();
    for name in tables {
        item = &mut item[name];
        item.as_inline_table_mut().map(InlineTable::fmt);
    }
    Ok(document.to_string())
}

/// Whether a text has a table of this name in which nothing is.
fn is_empty(text: &str, table: &str) -> bool {
    let document = text.parse::<DocumentMut>();
    document.is_ok_and(|document| {
        document.get(table).and_then(Item::as_table_like).is_some_and(TableLike::is_empty)
    })
}

/// Whether a text can be understood and has something at this place.
fn says(text: &str, path: &[&str]) -> bool {
    text.parse::<DocumentMut>().is_ok_and(|document| {
        path.iter().try_fold(document.as_item(), |item, name| item.get(name)).is_some()
    })
}

#[cfg(test)]
mod tests;
