//! How the options of `install` that are Docker's are written into `launch_docker.toml`.

use anyhow::{Context as _, Result, ensure};

use super::container_options::{ContainerOption, Given, IMAGES_OWN, NO_MOUNT_CWD, Shape};
use super::docker;
use super::toml_text::{list, quoted, table};
use super::{go, long};
use crate::env::Env;

/// The text of `launch_docker.toml` with these options in it, each below the comment for its key. Relative
/// paths start at the current directory, as they do for `docker`.
///
/// # Errors
/// When a value has not the form that the option takes.
pub fn written(template: &str, given: &[Given], env: &Env) -> Result<String> {
    let mut text = template.to_owned();
    for (key, given) in by_key(given) {
        if let Some(value) = value(key, &given, env)? {
            text = with_line(&text, key, &value)?;
        }
    }
    Ok(text)
}

/// The text with a key that it has not yet, below the comment for it.
///
/// # Errors
/// When there is no such comment.
pub fn with_line(text: &str, key: &str, value: &str) -> Result<String> {
    let at = place(text, key).with_context(|| format!("there is no place for `{key}`"))?;
    Ok(format!("{}{key} = {value}\n{}", &text[..at], &text[at..]))
}

/// The options that write each key, in the order in which the keys are first written.
pub(super) fn by_key(given: &[Given]) -> Vec<(&'static str, Vec<&Given>)> {
    let mut keys: Vec<(&'static str, Vec<&Given>)> = Vec::new();
    for one in given {
        match keys.iter_mut().find(|(key, _)| *key == one.0.key) {
            Some((_, same)) => same.push(one),
            None => keys.push((one.0.key, vec![one])),
        }
    }
    keys
}

/// Where the line for a key belongs in a text with examples: below the last example of it, and what belongs to
/// that if it has several lines.
pub(super) fn place(text: &str, key: &str) -> Option<usize> {
    let example = format!("#{key} = ");
    let mut at = 0;
    let mut found = None;
    let mut is_open = false;
    for line in text.split_inclusive('\n') {
        // What follows is an example of a key in a table, or would become one.
        if line.starts_with('[') || line.starts_with("#[") {
            break;
        }
        at += line.len();
        let is_example = line.starts_with(&example);
        if is_example || is_open {
            is_open =
                if is_example { line.trim_end().ends_with('[') } else { !line.starts_with("#]") };
            found = Some(at).filter(|_| line.ends_with('\n'));
        }
    }
    found
}

/// The value of a key, in TOML; `None` if nothing is said after all.
pub(super) fn value(key: &str, given: &[&Given], env: &Env) -> Result<Option<String>> {
    match key {
        "logging" => logging(given).map(Some),
        "healthcheck" => healthcheck(given),
        "mount_cwd" => mount_cwd(given),
        _ => {
            let mut items = Vec::new();
            for (flag, words) in given {
                let last = words.last().map_or("true", String::as_str);
                let scalar = match flag.shape {
                    Shape::Networks => long::networks(words),
                    Shape::Gpus => long::gpus(words),
                    Shape::Ulimits => ulimits(words),
                    Shape::List
                    | Shape::Mount
                    | Shape::Preferences
                    | Shape::GenericResources
                    | Shape::Secrets => {
                        for word in words {
                            items.push(item(flag, word, env).map_err(|e| of(flag, word, &e))?);
                        }
                        continue;
                    }
                    _ => one(flag, last),
                };
                return scalar.map(Some).map_err(|error| of(flag, last, &error));
            }
            Ok(Some(list(items.into_iter())))
        }
    }
}

/// The error for the word of an option.
fn of(flag: &ContainerOption, word: &str, error: &anyhow::Error) -> anyhow::Error {
    anyhow::anyhow!("--{} of `{word}` {error:#}", flag.long)
}

/// The value of an option that has one.
fn one(flag: &ContainerOption, word: &str) -> Result<String> {
    Ok(match flag.shape {
        Shape::Bool => go::flag(word)?.to_string(),
        Shape::BytesOrUnlimited if word == "-1" => word.to_owned(),
        Shape::Bytes | Shape::BytesOrUnlimited => quoted(&docker::memory(word)?),
        Shape::Cpus => quoted(&docker::cpus(word)?),
        Shape::Platform => quoted(&docker::platform(word)?),
        Shape::Count if go::flag(word).is_ok() => u8::from(go::flag(word)?).to_string(),
        Shape::Number | Shape::Count => {
            go::integer(word).context("must be a whole number")?.to_string()
        }
        Shape::Seconds => {
            let seconds = go::integer(word).and_then(|seconds| u32::try_from(seconds).ok());
            quoted(&format!("{}s", seconds.context("must be a number of seconds")?))
        }
        Shape::Single => list([quoted(word)].into_iter()),
        _ if flag.key == "user" && word == IMAGES_OWN => quoted(""),
        _ => quoted(word),
    })
}

/// One of the values of an option that has many.
fn item(flag: &ContainerOption, word: &str, env: &Env) -> Result<String> {
    let text = match flag.shape {
        Shape::Mount => return long::mount(word, env),
        Shape::Secrets => return long::secret(word),
        Shape::Preferences => {
            let spread =
                word.strip_prefix("spread=").context("must be of the form spread=LABEL")?;
            return Ok(table([("spread", quoted(spread))].into_iter()));
        }
        Shape::GenericResources => return generic_resource(word),
        // As Docker reads it, which is not how Compose does.
        _ if flag.long == "env-file" => {
            let fields = [("path", quoted(word)), ("format", quoted("raw"))];
            return Ok(table(fields.into_iter()));
        }
        _ => match flag.long {
            "volume" => docker::volume(word, env)?,
            "device" => docker::device(word),
            "add-host" => docker::host(word)?,
            "dns" => docker::ip(word)?,
            "dns-search" => docker::domain(word)?,
            "sysctl" => docker::sysctl(word)?,
            "label" => docker::label(word)?,
            "env" => docker::variable(word)?,
            "storage-opt" => docker::storage(word)?,
            "security-opt" => docker::security(word, env)?,
            _ => word.to_owned(),
        },
    };
    Ok(quoted(&text))
}

fn generic_resource(word: &str) -> Result<String> {
    let resource = word.split_once('=').and_then(|(kind, number)| {
        let (kind, number) = (kind.trim(), number.trim());
        let valid = !kind.is_empty() && !number.contains('=');
        Some((quoted(kind), number.parse::<u32>().ok().filter(|_| valid)?.to_string()))
    });
    let (kind, number) = resource.context("must be of the form KIND=NUMBER")?;
    let spec = table([("kind", kind), ("value", number)].into_iter());
    Ok(table([("discrete_resource_spec", spec)].into_iter()))
}

/// The last of each name counts.
fn ulimits(words: &[String]) -> Result<String> {
    let mut limits: Vec<(&str, String)> = Vec::new();
    for word in words {
        let (name, soft, hard) =
            docker::ulimit(word).with_context(|| format!("has `{word}`, which"))?;
        limits.retain(|(other, _)| *other != name);
        let both = [("soft", soft.to_string()), ("hard", hard.to_string())];
        limits.push((name, table(both.into_iter())));
    }
    let limits: Vec<(String, String)> =
        limits.into_iter().map(|(name, both)| (quoted(name), both)).collect();
    Ok(table(limits.iter().map(|(name, both)| (&**name, both.clone()))))
}

fn logging(given: &[&Given]) -> Result<String> {
    let (mut parts, mut options) = (Vec::new(), Vec::new());
    let mut names: Vec<&str> = Vec::new();
    for (flag, words) in given {
        if flag.long == "log-driver" {
            parts.extend(words.last().map(|driver| ("driver", quoted(driver))));
            continue;
        }
        // The last of each name counts.
        for (name, value) in words.iter().rev().map(|w| w.split_once('=').unwrap_or((w, ""))) {
            if !names.contains(&name) {
                names.push(name);
                options.insert(0, (quoted(name), quoted(value)));
            }
        }
    }
    if !options.is_empty() {
        let none = parts.iter().any(|(_, driver)| *driver == quoted("none"));
        ensure!(!none, "--log-opt has no meaning beside --log-driver=none");
        let options = table(options.iter().map(|(name, value)| (&**name, value.clone())));
        parts.push(("options", options));
    }
    Ok(table(parts.into_iter()))
}

/// Nothing is said where it is not to be mounted.
fn mount_cwd(given: &[&Given]) -> Result<Option<String>> {
    let Some((flag, words)) = given.last() else { return Ok(None) };
    let word = words.last().map_or("true", String::as_str);
    let is_on = go::flag(word).map_err(|error| of(flag, word, &error))?;
    Ok(match flag.long {
        NO_MOUNT_CWD => (!is_on).then(|| true.to_string()),
        _ => Some(is_on.to_string()),
    })
}

fn healthcheck(given: &[&Given]) -> Result<Option<String>> {
    let mut parts = Vec::new();
    let mut off = false;
    for (flag, words) in given {
        let word = words.last().map_or("true", String::as_str);
        let read = || match flag.long {
            "no-healthcheck" => go::flag(word).map(|flag| flag.to_string()),
            "health-cmd" => Ok(quoted(word)),
            "health-retries" => {
                let retries = go::integer(word).filter(|retries| *retries >= 0);
                retries.map(|retries| retries.to_string()).context("must be a whole number")
            }
            _ => docker::duration(word).map(|duration| quoted(&duration)),
        };
        let value = read().map_err(|error| of(flag, word, &error))?;
        match flag.long {
            "no-healthcheck" => off = value == "true",
            "health-cmd" if word.is_empty() => {}
            "health-cmd" => parts.push(("test", value)),
            // What is 0 is not said.
            _ if ["0", "\"0s\""].contains(&&*value) => {}
            long => parts.push((long.trim_start_matches("health-"), value)),
        }
    }
    ensure!(
        !off || parts.is_empty(),
        "--no-healthcheck has no meaning beside --health-... options"
    );
    if off {
        parts.push(("disable", "true".to_owned()));
    }
    let parts: Vec<(String, String)> =
        parts.into_iter().map(|(name, value)| (name.replace('-', "_"), value)).collect();
    let all = parts.iter().map(|(name, value)| (&**name, value.clone()));
    Ok((!parts.is_empty()).then(|| table(all)))
}
