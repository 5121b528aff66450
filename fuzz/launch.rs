//! A launch as a server asks for it, up to what would be sent to the engine, and what must hold of that
//! whatever anybody has written.

use std::path::Path;

use jupyter_docker_spec::env::Env;
use jupyter_docker_spec::launcher::args::Arguments;
use jupyter_docker_spec::launcher::launch::Launch;
use jupyter_docker_spec::launcher::plan::Plan;
use jupyter_docker_spec::launcher::spec::InstalledSpec;
use jupyter_docker_spec::model::Mode;
use serde_json::{Value, json};

/// A line of its own between the parts of an input.
const BETWEEN: &str = "\n---\n";

/// Where the fields are that hold what the kernel's environment and labels hold: any text.
const ANY: [&str; 5] = ["Annotations", "Env", "Labels", "LogConfig", "LogDriver"];

/// The parts of an input, of which those that are missing are empty.
#[must_use]
pub fn parts<const N: usize>(text: &str) -> [&str; N] {
    let mut parts = text.splitn(N, BETWEEN);
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}

/// The variables in lines of `NAME=VALUE`, in which a tab stands for the end of a line. No system has
/// such without a name, or with a zero in them.
pub fn variables(lines: &str) -> impl Iterator<Item = (String, String)> {
    lines.lines().filter_map(|line| {
        let (name, value) = line.split_once('=')?;
        let possible = !name.is_empty() && !line.contains('\0');
        possible.then(|| (name.to_owned(), value.replace('\t', "\n")))
    })
}

/// The environment of a server.
pub fn env(variables: impl IntoIterator<Item = (String, String)>) -> Env {
    Env::new(Path::new("/home/bob/work"), variables)
}

/// What would be sent to the engine, if the launch is not refused.
#[must_use]
pub fn plan(arguments: &Arguments, spec: &InstalledSpec, env: &Env) -> Option<Plan> {
    let launch = Launch::new(arguments, spec, env, false).ok()?;
    Plan::new(launch, spec, env, false).ok()
}

/// Asserts what holds of every request.
///
/// # Panics
/// When it does not.
pub fn check(plan: &Plan) {
    let (launch, request) = (&plan.launch, &plan.request);
    let text = serde_json::to_vec(request).expect("it can be written");
    let read: Value = serde_json::from_slice(&text).expect("it is JSON");
    assert_eq!(read, *request);
    let (name, own, places) = match launch.mode {
        Mode::Docker => (&Value::Null, request, vec![request]),
        Mode::Swarm => {
            let container = &request["TaskTemplate"]["ContainerSpec"];
            (&request["Name"], container, vec![request, container])
        }
    };
    for place in places {
        // The server finds its kernels by these, and we find what is left of them.
        let labels = &place["Labels"];
        assert_eq!(labels["kernel_id"], *launch.kernel_id);
        assert_eq!(labels["component"], "kernel");
        assert_eq!(labels["app"], launch.caller.facts().label);
    }
    assert!(name.is_null() || *name == *launch.name);
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    assert!((1..=63).contains(&launch.name.len()) && launch.name.chars().all(plain));
    assert!(launch.name.ends_with(&launch.kernel_id));
    let environment: Vec<_> = strings(&own["Env"]).collect();
    assert!(environment.contains(&&*format!("KERNEL_ID={}", launch.kernel_id)));
    let names = environment.iter().map(|variable| variable.split_once('=').expect("a value").0);
    assert_eq!(names.filter(|name| *name == "KERNEL_ID").count(), 1);
    assert!(!launch.timeout.is_zero());
}

/// The texts of a list.
pub fn strings(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().map(|text| text.as_str().expect("it is text"))
}

/// A request without what may differ when users do: a text is only told by what leads out of its place.
#[must_use]
pub fn shape(request: &Value) -> Value {
    match request {
        Value::String(text) => text_shape(text),
        Value::Array(list) => list.iter().map(shape).collect(),
        Value::Object(table) => {
            let mut fields: Vec<String> = table
                .iter()
                .map(|(name, value)| match name.as_str() {
                    "Env" => json!([name, value.as_array().map(Vec::len)]),
                    _ if ANY.contains(&&**name) => json!([name, names(value)]),
                    "Binds" => json!([name, strings(value).map(bind_shape).collect::<Vec<_>>()]),
                    "Tmpfs" => json!([name, tmpfs_shape(value)]),
                    _ => json!([name, shape(value)]),
                })
                .map(|field| field.to_string())
                .collect();
            fields.sort_unstable();
            fields.into()
        }
        other => other.clone(),
    }
}

/// The names in a table, and in those in it.
fn names(value: &Value) -> Value {
    match value {
        Value::Object(table) => {
            table.iter().map(|(name, value)| json!([name, names(value)])).collect()
        }
        _ => Value::Null,
    }
}

/// How often each of these is in the text, and how it begins.
fn text_shape(text: &str) -> Value {
    let up = text.split('/').filter(|part| [".", ".."].contains(part)).count();
    json!([text.starts_with('/'), text.matches('/').count(), up, text.contains('\0')])
}

fn bind_shape(text: &str) -> Value {
    json!([text_shape(text), text.matches(':').count(), text.rsplit(':').next()])
}

/// Paths with options, which a user has no say in.
fn tmpfs_shape(value: &Value) -> Value {
    let entries = value.as_object().into_iter().flatten();
    let mut entries: Vec<_> =
        entries.map(|(path, options)| json!([text_shape(path), options]).to_string()).collect();
    entries.sort_unstable();
    entries.into()
}
