//! What changes in a specification that is replaced or changed, in a line. Values that may be secret are
//! not shown: of variables, labels and commands only the names.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::layout::{KERNEL_JSON, OPTIONS};
use crate::options::Options;
use crate::options::normalised::normalised;

/// The longest value that is shown.
const LONGEST: usize = 100;

/// The keys of `kernel.json` whose values are shown, by the last of their names.
const SHOWN: [&str; 14] = [
    "authorized_users",
    "class_name",
    "debugger",
    "display_name",
    "executor_image_name",
    "image_name",
    "interrupt_mode",
    "kernel-class-name",
    "language",
    "launch_timeout",
    "launcher",
    "port_range",
    "provisioner_name",
    "unauthorized_users",
];

/// The keys of `launch_docker.toml` whose values are not shown.
const HIDDEN: [&str; 10] = [
    "annotations",
    "command",
    "deploy.labels",
    "entrypoint",
    "environment",
    "healthcheck",
    "labels",
    "logging",
    "storage_opt",
    "volumes",
];

/// What the files of a specification say.
#[derive(Clone, Debug, Default)]
pub(super) struct Contents {
    /// Names with values, and how these are shown, if they may be.
    values: BTreeMap<String, (Json, Option<Json>)>,
    /// The files that cannot be understood.
    broken: Vec<&'static str>,
}

impl Contents {
    /// What these texts say.
    pub(super) fn new(kernel_json: &[u8], options: Option<&str>) -> Self {
        let mut contents = Self::default();
        match serde_json::from_slice(kernel_json) {
            Ok(value) => contents.add_kernel_json("", value),
            Err(_) => contents.broken.push(KERNEL_JSON),
        }
        match Options::parse(OPTIONS, options.unwrap_or_default()) {
            Ok(options) => {
                options.values().for_each(|(key, value)| contents.add_option(key, &value));
            }
            Err(_) => contents.broken.push(OPTIONS),
        }
        contents
    }

    fn add_kernel_json(&mut self, name: &str, value: Json) {
        if let ("argv", Json::Array(words)) = (name, &value) {
            return self.add_argv(words);
        }
        let Json::Object(members) = value else {
            let last = name.rsplit('.').next().unwrap_or(name);
            let shown = SHOWN.contains(&last) && !name.starts_with("env.");
            self.add(name, value.clone(), shown.then_some(value));
            return;
        };
        for (key, value) in members {
            let below = match name {
                // What is called as an option of `install` needs no more.
                ""
                | "metadata"
                | "metadata.kernel_provisioner"
                | "metadata.process_proxy"
                | "metadata.kernel_provisioner.config"
                | "metadata.process_proxy.config" => key,
                _ => format!("{name}.{key}"),
            };
            let below = match &*below {
                "kernel_provisioner" | "process_proxy" if name == "metadata" => {
                    format!("{name}.{below}")
                }
                "config" if name.starts_with("metadata.") => format!("{name}.{below}"),
                _ => below,
            };
            self.add_kernel_json(&below, value);
        }
    }

    /// The launcher, and the class of the kernel; all else is the server's business.
    fn add_argv(&mut self, words: &[Json]) {
        let words: Vec<&str> = words.iter().filter_map(Json::as_str).collect();
        let script = words.iter().take(2).find(|word| word.contains('/')).or(words.first());
        let mut others = Vec::new();
        let mut rest = words.iter().skip_while(|word| !word.starts_with("--"));
        while let Some(word) = rest.next() {
            if *word == "--kernel-class-name" {
                let class = rest.next().copied().unwrap_or_default();
                self.add("kernel-class-name", class.into(), Some(class.into()));
            } else {
                others.push(*word);
            }
        }
        let script = script.copied().unwrap_or_default();
        self.add("launcher", script.into(), Some(script.into()));
        self.add("argv", others.join(" ").into(), None);
    }

    fn add_option(&mut self, key: &'static str, value: &Json) {
        let is_shown = !HIDDEN.contains(&key);
        match normalised(key, value) {
            Json::Object(members) if !is_shown => {
                for (name, value) in members {
                    self.add(&format!("{key}.{name}"), value, None);
                }
            }
            // A mount in short has no secret in it, as one with options of a driver may have.
            Json::Array(items) if key == "volumes" => {
                let is_short = items.iter().all(Json::is_string);
                let items = Json::Array(items);
                self.add(key, items.clone(), is_short.then_some(items));
            }
            // As somebody has written it.
            compared if key == "cpus" => self.add(key, compared, Some(value.clone())),
            value => self.add(key, value.clone(), is_shown.then_some(value)),
        }
    }

    fn add(&mut self, name: &str, value: Json, shown: Option<Json>) {
        self.values.insert(name.to_owned(), (value, shown));
    }

    /// What is different in `new`, each as `NAME: OLD -> NEW`, or only the name.
    pub(super) fn changes(&self, new: &Self) -> Vec<String> {
        let names: BTreeSet<&String> = self.values.keys().chain(new.values.keys()).collect();
        let broken =
            self.broken.iter().map(|file| format!("all of {file}, which cannot be understood"));
        let changed = names.into_iter().filter_map(|name| {
            let (old, new) = (self.values.get(name), new.values.get(name));
            let value =
                |given: Option<&(Json, Option<Json>)>| given.map(|(value, _)| value.clone());
            if value(old) == value(new) {
                return None;
            }
            Some(match (shown(old), shown(new)) {
                (Some(old), Some(new)) => format!("{name}: {old} -> {new}"),
                _ if old.is_none() => format!("{name} (new)"),
                _ if new.is_none() => format!("{name} (gone)"),
                _ => name.clone(),
            })
        });
        broken.chain(changed).collect()
    }
}

/// The value, if it may be shown.
fn shown(given: Option<&(Json, Option<Json>)>) -> Option<String> {
    match given {
        None => Some("none".to_owned()),
        Some((_, None)) => None,
        Some((_, Some(value))) => {
            let text = value.as_str().map_or_else(|| value.to_string(), |text| format!("`{text}`"));
            (text.chars().count() <= LONGEST).then_some(text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KERNEL_JSON: &str = r#"{"argv": ["/k/scripts/launch_docker", "--kernel-id", "{kernel_id}",
        "--kernel-class-name", "a.B"], "env": {"A": "secret"}, "display_name": "D", "x": {"y": "secret"},
        "metadata": {"debugger": true, "kernel_provisioner": {"provisioner_name": "docker-provisioner",
        "config": {"image_name": "i:1", "launch_timeout": 30, "other": "secret"}}}}"#;

    fn changes(from: (&str, &str), to: (&str, &str)) -> String {
        let contents = |(json, toml): (&str, &str)| Contents::new(json.as_bytes(), Some(toml));
        contents(from).changes(&contents(to)).join("; ")
    }

    #[test]
    fn everything_that_changes_is_named_and_no_secret_is_shown() {
        let toml = "mem_limit = '4g'\nenvironment = ['A=secret', 'B=secret']\nvolumes = ['/a:/b']\n\
                    labels = { token = 'secret' }\nentrypoint = ['secret']\nlogging.driver = 'x'";
        assert_eq!(changes((KERNEL_JSON, toml), (KERNEL_JSON, toml)), "");
        let json = KERNEL_JSON
            .replace("i:1", "j:2")
            .replace("30", "60")
            .replace("a.B", "c.D")
            .replace("\"other\": \"secret\"", "\"port_range\": \"1..2\"")
            .replace("\"A\": \"secret\"", "\"B\": \"secret\"");
        assert_eq!(
            changes((KERNEL_JSON, ""), (&json, "")),
            "env.A (gone); env.B (new); image_name: `i:1` -> `j:2`; kernel-class-name: `a.B` -> `c.D`; \
             launch_timeout: 30 -> 60; other (gone); port_range: none -> `1..2`"
        );
        assert_eq!(
            changes(
                (KERNEL_JSON, toml),
                (KERNEL_JSON, "environment = { A = 'other' }\ninit = true\ncpus = 1.5")
            ),
            "cpus: none -> 1.5; entrypoint (gone); environment.A; environment.B (gone); init: none -> true; labels.token (gone); \
             logging.driver (gone); mem_limit: `4g` -> none; volumes: [\"/a:/b\"] -> none"
        );
        let all = changes((KERNEL_JSON, toml), ("{}", ""));
        assert!(all.contains("x.y (gone)") && !all.contains("secret"), "{all}");
        assert_eq!(
            changes(("{", "= 1"), ("{}", "")),
            "all of kernel.json, which cannot be understood; all of launch_docker.toml, which cannot be understood"
        );
    }

    #[test]
    fn the_same_in_another_spelling_is_no_change() {
        assert_eq!(
            changes(
                ("{}", "environment = ['A=1']\ncpus = 2"),
                ("{}", "environment = { A = '1' }\ncpus = '2'")
            ),
            ""
        );
    }
}
