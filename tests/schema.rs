//! The JSON Schema of `launch_docker.toml`, by which editors complete and check it, is made from the table of
//! keys and from the examples in the template, and kept in docs.
//!
//! `JDS_UPDATE=1 cargo test --test schema` writes it anew.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

use std::path::Path;

use jupyter_docker_spec::env::Env;
use jupyter_docker_spec::model::Mode;
use jupyter_docker_spec::options::Options;
use jupyter_docker_spec::options::keys::{KEYS, Key, Kind};
use jupyter_docker_spec::templates;
use serde_json::{Value, json};

const FILE: &str = "docs/launch_docker.schema.json";

#[test]
fn the_schema_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let schema = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if Env::of_process().is_set("JDS_UPDATE") {
        fs_err::write(&path, &schema).unwrap();
    }
    let kept = fs_err::read_to_string(&path).unwrap_or_default();
    assert!(kept == schema, "{FILE} is not current: JDS_UPDATE=1 cargo test --test schema");
}

#[test]
fn every_key_is_in_the_schema_with_an_example() {
    let schema = schema();
    for key in &KEYS {
        let pointer = format!("/properties/{}", key.name.replace('.', "/properties/"));
        let property = schema.pointer(&pointer).unwrap();
        assert!(property["description"].is_string(), "{}", key.name);
        // Those of a table are examples of what is in it.
        assert!(key.name == "client_overrides" || property["examples"].is_array(), "{}", key.name);
    }
}

fn schema() -> Value {
    let mut root = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "launch_docker.toml",
        "description": "What the containers, or the Swarm services, of a Jupyter kernel get. Keys and values are \
                        those of a service in the Compose specification.",
        "type": "object",
        "additionalProperties": false,
        "properties": {},
    });
    for key in &KEYS {
        let mut place = &mut root;
        let mut names = key.name.split('.').peekable();
        while let Some(name) = names.next() {
            place = &mut place["properties"][name];
            if names.peek().is_some() {
                place["type"] = "object".into();
                place["additionalProperties"] = false.into();
            }
        }
        *place = property(key);
    }
    root
}

fn property(key: &Key) -> Value {
    let mut property = fragment(key);
    property["description"] = description(key).into();
    let examples = examples(key.name);
    if !examples.is_empty() {
        property["examples"] = examples.into();
    }
    property
}

fn description(key: &Key) -> String {
    let modes = [Mode::Docker, Mode::Swarm].map(|mode| !key.target(mode).is_empty());
    let modes = match modes {
        [true, false] => " Not in a Swarm.",
        [false, true] => " In a Swarm only.",
        _ => "",
    };
    let ours = [
        "bring_bootstrap",
        "client_overrides",
        "engine",
        "environment_mode",
        "mount_cwd",
        "pass_environment",
        "signals_from",
        "warm",
        "warm_command",
        "warm_time",
    ];
    if ours.contains(&key.name) {
        return format!("A key of jupyter-docker-spec's own.{modes}");
    }
    let (page, anchor) = match key.name.strip_prefix("deploy.") {
        Some(rest) => ("deploy", rest.split('.').next().unwrap_or_default()),
        None => ("services", key.name),
    };
    format!("See https://docs.docker.com/reference/compose-file/{page}/#{anchor}.{modes}")
}

/// The values in the template's lines for a key, which are commented out.
fn examples(name: &str) -> Vec<Value> {
    let text = templates::options();
    let start = format!("#{name} = ");
    let mut examples = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(value) = line.strip_prefix(&start) else { continue };
        let mut value = value.to_owned();
        while value.starts_with('[') && !value.ends_with(']') {
            value += lines.next().unwrap().trim_start_matches('#').trim_start();
        }
        let options = Options::parse("example", &format!("{name} = {value}")).unwrap();
        examples.extend(options.values().map(|(_, value)| value));
    }
    examples
}

fn list_of(item: &Value) -> Value {
    json!({"type": "array", "items": item})
}

fn one_or_many(item: &Value) -> Value {
    json!({"anyOf": [item, list_of(item)]})
}

fn table(properties: &Value, required: &[&str]) -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
        "required": required,
    })
}

/// What is said of values of a kind.
fn fragment(key: &Key) -> Value {
    let text = json!({"type": ["string", "number"]});
    let word = json!({"type": "string"});
    let flag = json!({"type": "boolean"});
    let amount = json!({"anyOf": [
        {"type": "integer", "minimum": 0},
        {"type": "string", "pattern": r"^[0-9.]+ ?([bB]|[kKmMgGtTpP]([iI]?[bB])?)?$|\$\{"},
    ]});
    let cpus = json!({"type": ["number", "string"], "minimum": 0});
    let scalars = json!({"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}});
    let pairs = json!({"anyOf": [scalars, list_of(&word)]});
    let span = json!({"type": "string", "pattern": r"^([0-9.]+(ns|us|µs|ms|s|m|h|d))+$|\$\{"});
    match key.kind {
        Kind::Bool => flag,
        Kind::Integer(least) => json!({"type": "integer", "minimum": least}),
        Kind::Text => text,
        Kind::Bytes | Kind::Shm => amount,
        Kind::BytesOrUnlimited => json!({"anyOf": [amount, {"const": -1}]}),
        Kind::Cpus => cpus,
        Kind::Duration => span,
        Kind::Words | Kind::Security => one_or_many(&text),
        Kind::Health => table(
            &json!({
                "test": one_or_many(&word),
                "interval": span,
                "timeout": span,
                "retries": {"type": "integer", "minimum": 0},
                "start_period": span,
                "start_interval": span,
                "disable": flag,
            }),
            &[],
        ),
        Kind::Pairs => pairs,
        Kind::Command => json!({"anyOf": [word, list_of(&word)]}),
        Kind::Ulimits => {
            let limit = json!({"type": "integer", "minimum": -1});
            let both = table(&json!({"soft": limit, "hard": limit}), &["soft", "hard"]);
            json!({"type": "object", "additionalProperties": {"anyOf": [limit, both]}})
        }
        Kind::Devices | Kind::Tmpfs => one_or_many(&word),
        Kind::Gpus => {
            let count = json!({"anyOf": [{"const": "all"}, {"type": "integer", "minimum": 1}]});
            let request = table(
                &json!({
                    "driver": word,
                    "count": count,
                    "device_ids": list_of(&word),
                    "capabilities": list_of(&word),
                    "options": pairs,
                }),
                &[],
            );
            json!({"anyOf": [count, list_of(&request)]})
        }
        Kind::Volumes => list_of(&json!({"anyOf": [word, volume(&amount, &pairs)]})),
        Kind::Hosts => json!({"anyOf": [
            {"type": "object", "additionalProperties": one_or_many(&word)},
            one_or_many(&word),
        ]}),
        Kind::Logging => table(&json!({"driver": word, "options": pairs}), &[]),
        Kind::Preferences => one_or_many(&table(&json!({"spread": word}), &["spread"])),
        Kind::GenericResources => {
            let value = json!({"type": "integer", "minimum": 1});
            let spec = table(&json!({"kind": word, "value": value}), &["kind", "value"]);
            let required = ["discrete_resource_spec"];
            one_or_many(&table(&json!({"discrete_resource_spec": spec}), &required))
        }
        Kind::Platform => json!({"type": "string", "pattern": r"^[^/]+/[^/]+(/[^/]+)?$|\$\{"}),
        Kind::Code => own(key.name, &amount, &cpus, &pairs),
    }
}

/// The long syntax of a volume.
fn volume(amount: &Value, pairs: &Value) -> Value {
    let word = json!({"type": "string"});
    let flag = json!({"type": "boolean"});
    table(
        &json!({
            "type": {"enum": ["bind", "volume", "tmpfs", "image"]},
            "source": word,
            "target": word,
            "read_only": flag,
            "consistency": word,
            "bind": table(&json!({
                "propagation": {"enum": ["private", "rprivate", "shared", "rshared", "slave", "rslave"]},
                "create_host_path": flag,
                "recursive": {"enum": ["enabled", "disabled", "writable", "readonly"]},
            }), &[]),
            "volume": table(&json!({
                "nocopy": flag,
                "subpath": word,
                "labels": pairs,
                "driver": word,
                "driver_opts": pairs,
            }), &[]),
            "tmpfs": table(&json!({
                "size": amount,
                "mode": {"type": "integer", "minimum": 0},
            }), &[]),
            "image": table(&json!({"subpath": word}), &["subpath"]),
        }),
        &["type", "target"],
    )
}

/// The keys that are no fields of a request.
fn own(name: &str, amount: &Value, cpus: &Value, pairs: &Value) -> Value {
    let word = json!({"type": "string"});
    let flag = json!({"type": "boolean"});
    match name {
        "client_overrides" => table(
            &json!({
                "memory": amount,
                "cpus": cpus,
                "gpus": {"type": "integer", "minimum": 0},
                "image": one_or_many(&word),
                "working_dir": one_or_many(&word),
            }),
            &[],
        ),
        "secrets" | "configs" => {
            let id = json!({"type": ["string", "integer"]});
            let mode = json!({"type": "integer", "minimum": 0});
            let properties =
                json!({"source": word, "target": word, "uid": id, "gid": id, "mode": mode});
            one_or_many(&json!({"anyOf": [word, table(&properties, &["source"])]}))
        }
        "env_file" => {
            let properties = json!({"path": word, "required": flag, "format": {"const": "raw"}});
            let file = table(&properties, &["path"]);
            one_or_many(&json!({"anyOf": [word, file]}))
        }
        "bring_bootstrap" => flag,
        "engine" | "image" | "warm_time" => word,
        "warm" => json!({"type": "integer", "minimum": 0, "maximum": 32}),
        "environment" => pairs.clone(),
        "environment_mode" => json!({"enum": ["filtered", "inherit"]}),
        "mount_cwd" => {
            let paths = json!({"type": "object", "additionalProperties": word});
            let properties = json!({"target": word, "read_only": flag, "paths": paths});
            json!({"anyOf": [flag, word, table(&properties, &[])]})
        }
        "networks" => {
            let settings = table(
                &json!({
                    "aliases": one_or_many(&word),
                    "ipv4_address": word,
                    "ipv6_address": word,
                    "link_local_ips": one_or_many(&word),
                    "mac_address": word,
                    "gw_priority": {"type": "integer"},
                    "driver_opts": {"type": "object", "additionalProperties": word},
                }),
                &[],
            );
            let tables = json!({"type": "object", "additionalProperties": settings});
            json!({"anyOf": [tables, one_or_many(&word)]})
        }
        "pass_environment" | "signals_from" => one_or_many(&word),
        "pull_policy" => json!({"enum": ["missing", "if_not_present", "always", "never"]}),
        other => panic!("nothing is known of {other}"),
    }
}
