//! The way back from `launch_docker.toml` to the command line: the options of `install` that write a
//! value.

use serde_json::{Map, Value as Json};

use super::Options;
use super::flags::{self, FLAGS, Flag, Given, Shape};
use crate::templates;

/// The options that write this value of a key, each with its word; `None` if they cannot.
///
/// Whether they can is tried out: what they write must come to the same.
#[must_use]
pub fn words(key: &'static str, value: &Json) -> Option<Vec<(&'static Flag, Option<String>)>> {
    let flags = FLAGS.iter().filter(|flag| flag.key == key);
    let each: Vec<(&Flag, Vec<Option<String>>)> =
        flags.map(|flag| (flag, of_shape(flag, value).unwrap_or_default())).collect();
    let given: Vec<Given> = each
        .iter()
        .filter(|(_, words)| !words.is_empty())
        .map(|(flag, words)| (*flag, words.iter().flatten().cloned().collect()))
        .collect();
    let text = flags::written(templates::options(), &given).ok()?;
    let written = Options::parse("", &text).ok()?;
    let (_, written) = written.values().next()?;
    (comparable(key, &written) == comparable(key, value)).then(|| {
        each.into_iter()
            .flat_map(|(flag, words)| words.into_iter().map(move |word| (flag, word)))
            .collect()
    })
}

/// A value in a form in which the ways to write it are the same: names with values as a table, one
/// text as a list of one, numbers as text.
#[must_use]
pub fn comparable(key: &str, value: &Json) -> Json {
    let lists = FLAGS.iter().any(|flag| {
        flag.key == key && matches!(flag.shape, Shape::List | Shape::Single | Shape::Secrets)
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

/// The words of one option, as far as it can say the value; one without a word for a switch.
fn of_shape(flag: &Flag, value: &Json) -> Option<Vec<Option<String>>> {
    let items = || value.as_array().into_iter().flatten();
    let words: Vec<String> = match flag.shape {
        Shape::Flag => return (value == true).then(|| vec![None]),
        Shape::Text | Shape::Number => vec![scalar(value)?],
        Shape::List | Shape::Single => match value {
            Json::Object(pairs) => {
                let sign = if flag.key == "extra_hosts" { ':' } else { '=' };
                let pairs = pairs.iter().map(|(name, value)| match value {
                    Json::Null => Some(name.clone()),
                    value => Some(format!("{name}{sign}{}", scalar(value)?)),
                });
                pairs.collect::<Option<_>>()?
            }
            Json::Array(_) => items().filter_map(scalar).collect(),
            value => vec![scalar(value)?],
        },
        Shape::Seconds => vec![value.as_str()?.strip_suffix('s')?.to_owned()],
        Shape::Gpus => vec![match value {
            Json::Array(requests) => {
                let ids = requests.first()?.get("device_ids")?.as_array()?.iter().map(scalar);
                format!("device={}", ids.collect::<Option<Vec<_>>>()?.join(","))
            }
            value => scalar(value)?,
        }],
        Shape::Ulimits => {
            let limits = value.as_object()?.iter().map(|(name, limit)| match limit {
                Json::Object(both) => {
                    let (soft, hard) = (scalar(both.get("soft")?)?, scalar(both.get("hard")?)?);
                    Some(format!("{name}={soft}:{hard}"))
                }
                both => Some(format!("{name}={}", scalar(both)?)),
            });
            limits.collect::<Option<_>>()?
        }
        Shape::Mount => items().filter_map(Json::as_object).map(mount).collect::<Option<_>>()?,
        Shape::Preferences => items()
            .map(|item| Some(format!("spread={}", item.get("spread")?.as_str()?)))
            .collect::<Option<_>>()?,
        Shape::GenericResources => {
            let resources = items().map(|item| {
                let resource = item.get("discrete_resource_spec")?;
                Some(format!("{}={}", resource.get("kind")?.as_str()?, resource.get("value")?))
            });
            resources.collect::<Option<_>>()?
        }
        Shape::Secrets => items().map(secret).collect::<Option<_>>()?,
        Shape::Logging if flag.long == "log-driver" => vec![value.get("driver")?.as_str()?.into()],
        Shape::Logging => {
            let options = value.get("options")?.as_object()?.iter();
            options
                .map(|(name, value)| Some(format!("{name}={}", scalar(value)?)))
                .collect::<Option<_>>()?
        }
    };
    // It takes one word only.
    let fits = flag.shape != Shape::Single || words.len() == 1;
    fits.then(|| words.into_iter().map(Some).collect())
}

/// A secret: its name, or all that is said of it.
fn secret(item: &Json) -> Option<String> {
    let Json::Object(table) = item else { return scalar(item) };
    let parts = table.iter().map(|(name, value)| match (name.as_str(), value.as_i64()) {
        ("mode", Some(mode)) => Some(format!("mode={mode:o}")),
        _ => Some(format!("{name}={}", scalar(value)?)),
    });
    Some(parts.collect::<Option<Vec<_>>>()?.join(","))
}

/// The long syntax of a mount, in the words of `docker run --mount`.
fn mount(table: &Map<String, Json>) -> Option<String> {
    const FIRST: [&str; 3] = ["type", "source", "target"];
    let mut parts = Vec::new();
    let mut fields: Vec<(&String, &Json)> = table.iter().collect();
    fields.sort_by_key(|(name, _)| {
        FIRST.iter().position(|first| first == name).unwrap_or(FIRST.len())
    });
    for (name, value) in fields {
        let Json::Object(options) = value else {
            let name = if name == "read_only" { "readonly" } else { name };
            parts.push(format!("{name}={}", scalar(value)?));
            continue;
        };
        for (option, value) in options {
            let value = match (option.as_str(), value.as_i64()) {
                ("mode", Some(mode)) => format!("{mode:o}"),
                _ => scalar(value)?,
            };
            parts.push(format!("{name}-{option}={value}"));
        }
    }
    // A comma would end a part.
    parts.iter().all(|part| !part.contains(',')).then(|| parts.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::keys::KEYS;

    /// The command line for each key that a file sets, or the key if there is none.
    fn of(text: &str) -> Vec<String> {
        let options = Options::parse("f", text).unwrap();
        options
            .values()
            .flat_map(|(key, value)| match words(key, &value) {
                Some(words) => words
                    .into_iter()
                    .map(|(flag, word)| match word {
                        Some(word) => format!("--{}={word}", flag.long),
                        None => format!("--{}", flag.long),
                    })
                    .collect(),
                None => vec![key.to_owned()],
            })
            .collect()
    }

    #[test]
    fn every_way_to_write_a_value_has_its_words() {
        for (text, expected) in [
            ("volumes = ['/a:/b:ro', 'c:/d']", "--volume=/a:/b:ro --volume=c:/d"),
            (
                "volumes = ['/a:/b', { type = 'tmpfs', target = '/t', read_only = false, tmpfs = { size = '1m', mode = 0o1777 } }]",
                "--volume=/a:/b --mount=read_only",
            ),
            (
                "volumes = [{ type = 'volume', source = 'v', target = '/t', volume = { nocopy = true } }]",
                "--mount=type=volume,source=v,target=/t,volume-nocopy=true",
            ),
            ("environment = { A = 4, B = 'x=y' }", "--env=A=4 --env=B=x=y"),
            ("environment = ['A', 'B=']", "--env=A --env=B="),
            ("extra_hosts = { h = '::1' }", "--add-host=h:::1"),
            (
                "mem_limit = '4g'\ncpus = 2.0\npids_limit = 5",
                "--memory=4g --cpus=2.0 --pids-limit=5",
            ),
            ("memswap_limit = -1", "--memory-swap=-1"),
            (
                "ulimits = { core = 0, nofile = { soft = 1, hard = 2 } }",
                "--ulimit=core=0 --ulimit=nofile=1:2",
            ),
            ("gpus = 'all'", "--gpus=all"),
            ("gpus = 2", "--gpus=2"),
            ("gpus = [{ device_ids = ['0', '3'] }]", "--gpus=device=0,3"),
            ("stop_grace_period = '3s'", "--stop-timeout=3"),
            ("init = true\nmount_cwd = true", "--init --mount-cwd"),
            ("entrypoint = 'tini'", "--entrypoint=tini"),
            (
                "logging = { driver = 'local', options = { max-size = '1m' } }",
                "--log-driver=local --log-opt=max-size=1m",
            ),
            (
                "secrets = ['a', { source = 'b', mode = 0o440 }]",
                "--secret=a --secret=mode=440,source=b",
            ),
            (
                "deploy.placement.preferences = [{ spread = 'node.labels.z' }]",
                "--placement-pref=spread=node.labels.z",
            ),
            (
                "deploy.resources.reservations.generic_resources = [{ discrete_resource_spec = { kind = 'GPU', value = 1 } }]",
                "--generic-resource=GPU=1",
            ),
        ] {
            let words = of(text).join(" ");
            if expected.ends_with("read_only") {
                assert!(
                    words.contains("readonly=false") && words.contains("tmpfs-mode=1777"),
                    "{words}"
                );
            } else {
                assert_eq!(words, expected);
            }
        }
    }

    #[test]
    fn what_has_no_words_is_not_said_by_halves() {
        for text in [
            "volumes = ['/a:/b', { type = 'volume', target = '/t', volume = { driver_opts = { o = 'x' } } }]",
            "gpus = [{ device_ids = ['0'], driver = 'nvidia' }]",
            "init = false",
            "mount_cwd = { target = '/w' }",
            "entrypoint = ['a', 'b']",
            "stop_grace_period = '1m'",
            "user = '1:1'",
            "environment = { A = '' , B = 'b' }\n[client_overrides]\nmemory = '1g'",
        ] {
            let last = of(text).pop().unwrap();
            assert!(!last.starts_with("--"), "{text}: {last}");
        }
    }

    #[test]
    fn what_the_examples_say_comes_back() {
        let examples = templates::options().lines().filter_map(|line| line.strip_prefix('#'));
        let mut with_words = 0;
        for key in &KEYS {
            let start = format!("{} = ", key.name);
            for example in examples.clone().filter(|line| line.starts_with(&start)) {
                let Ok(options) = Options::parse("f", example) else { continue };
                let (name, value) = options.values().next().unwrap();
                with_words += usize::from(words(name, &value).is_some());
            }
        }
        assert!(with_words >= 40, "{with_words}");
    }
}
