//! Selects the variables of the server's environment that the kernel gets.
//!
//! `gateway_provisioners` hands the launcher the whole environment of the Jupyter server, with its tokens and
//! cloud keys; Enterprise Gateway hands it what its administrator named in `EG_INHERITED_ENVS` and
//! `EG_CLIENT_ENVS`. A kernel runs other people's code, so it gets what is known to be meant for it, and
//! nothing that only matters to the server.

mod file;
mod value;

use std::collections::BTreeMap;

use anyhow::Result;
use wildmatch::WildMatch;

use self::value::{VariableValue, texts};
use super::args::Arguments;
use super::spec::InstalledSpec;
use crate::env::Env;
use crate::model::Mode;
use crate::options::interpolation::{Interpolation, Policy};
use crate::options::node::{Node, PositionError, Value};
use crate::options::read::{items, must};
use crate::options::template;
use crate::server::{RESPONSE_ADDRESS, System};

/// The settings that the kernel launchers in the images read. The servers' own variables of these names have
/// a prefix, the images' have none.
const BOOTSTRAP: [&str; 3] = ["LOG_LEVEL", "MIN_PORT_RANGE_SIZE", "MAX_PORT_RANGE_RETRIES"];

/// The path of the notebook, which `jupyter_server` gives to kernels that it starts itself.
pub(super) const SESSION: &str = "JPY_SESSION_NAME";

/// Returns the environment of the kernel's container. Swarm expands templates in values, but only the
/// administrator's text may contain one.
pub(super) fn of_kernel(
    arguments: &Arguments,
    (caller, mode): (System, Mode),
    spec: &InstalledSpec,
    env: &Env,
    interpolation: &Interpolation<'_>,
) -> Result<BTreeMap<String, String>> {
    let rules = Rules::new(spec, mode, interpolation)?;
    let literal = |value: &str| match mode {
        Mode::Docker => value.to_owned(),
        Mode::Swarm => template::literal(value),
    };
    let of_server = |name: &str, value: &str| {
        if spec.sets_variable(name, value) { value.to_owned() } else { literal(value) }
    };
    let mut kernel: BTreeMap<String, String> = env
        .iter()
        .filter(|(name, _)| rules.pass(name) || is_for_kernel(name, caller, spec))
        .map(|(name, value)| (name.to_owned(), of_server(name, value)))
        .collect();
    for (name, value) in rules.set {
        let value = match value {
            VariableValue::Template(value) => Some(value),
            VariableValue::Text(value) => Some(literal(&value)),
            VariableValue::OfServer => env.get(&name).map(|value| of_server(&name, value)),
        };
        kernel.extend(value.map(|value| (name, value)));
    }
    if caller == System::Local {
        return Ok(kernel);
    }
    kernel.entry("KERNEL_SPARK_CONTEXT_INIT_MODE".to_owned()).or_insert_with(|| "none".to_owned());
    // After the server's variables, because the command line is about this launch.
    for (name, value) in [
        ("KERNEL_ID", &arguments.kernel_id),
        ("PORT_RANGE", &arguments.port_range),
        ("PUBLIC_KEY", &arguments.public_key),
        (RESPONSE_ADDRESS, &arguments.response_address),
        ("KERNEL_SPARK_CONTEXT_INIT_MODE", &arguments.spark_context_init_mode),
        ("KERNEL_CLASS_NAME", &arguments.kernel_class_name),
        ("TRANSPORT_ENCRYPTION", &arguments.transport_encryption),
    ] {
        if let Some(value) = value {
            kernel.insert(name.to_owned(), literal(value));
        }
    }
    Ok(kernel)
}

/// The settings of `launch_docker.toml` for the environment.
struct Rules {
    /// Whether the kernel gets all of the server's environment, as with the Python launcher.
    inherit: bool,
    /// Patterns for names of variables of the server.
    pass: Vec<String>,
    set: Vec<(String, VariableValue)>,
}

impl Rules {
    fn new(spec: &InstalledSpec, mode: Mode, interpolation: &Interpolation<'_>) -> Result<Self> {
        let options = &spec.options;
        let given = |name| options.get(name).filter(|node| !interpolation.skips(node));
        let wrong = |name: &'static str| move |wrong: PositionError| options.error(&wrong.of(name));
        let mut rules = Self { inherit: false, pass: Vec::new(), set: Vec::new() };
        if let Some(node) = given("environment_mode") {
            rules.inherit = match &node.value {
                Value::Text(text) if text == "filtered" => false,
                Value::Text(text) if text == "inherit" => true,
                _ => {
                    let error = must(node, "be \"filtered\" or \"inherit\"");
                    return Err(wrong("environment_mode")(error));
                }
            };
        }
        if let Some(node) = given("pass_environment") {
            rules.pass = texts(node).map_err(wrong("pass_environment"))?;
        }
        if let Some(node) = given("env_file") {
            let set =
                file::variables(node, &spec.directory, interpolation).map_err(wrong("env_file"))?;
            rules.set.extend(set);
        }
        if let Some(node) = given("environment") {
            let set = variables(node, mode, interpolation).map_err(wrong("environment"))?;
            rules.set.extend(set);
        }
        Ok(rules)
    }

    fn pass(&self, name: &str) -> bool {
        // The server's PATH is useless in the image.
        (self.inherit && name != "PATH")
            || self.pass.iter().any(|pattern| WildMatch::new(pattern).matches(name))
    }
}

/// Reads a table, or a list of `NAME=VALUE` and `NAME`, which takes the server's value.
fn variables(
    node: &Node,
    mode: Mode,
    interpolation: &Interpolation<'_>,
) -> Result<Vec<(String, VariableValue)>, PositionError> {
    let fill = |text: &str, at| match mode {
        Mode::Docker => interpolation.interpolate(text, at, Policy::Any),
        Mode::Swarm => interpolation.interpolate_template(text, at, Policy::Any),
    };
    if let Value::Table(entries) = &node.value {
        let variables = entries.iter().map(|(name, _, value)| {
            let value = match &value.value {
                Value::Text(text) => fill(text, value.at)?,
                Value::Integer(number) => number.to_string(),
                Value::Decimal(number) => number.clone(),
                Value::Bool(flag) => flag.to_string(),
                _ => return Err(must(value, "be text, in quotes")),
            };
            Ok((name.clone(), VariableValue::Template(value)))
        });
        return variables.collect();
    }
    let variables = items(node).iter().map(|item| {
        let Value::Text(text) = &item.value else {
            return Err(must(item, "be of the form \"NAME=VALUE\""));
        };
        let Some((name, value)) = text.split_once('=') else {
            return Ok((text.clone(), VariableValue::OfServer));
        };
        Ok((name.to_owned(), VariableValue::Template(fill(value, item.at)?)))
    });
    variables.collect()
}

fn is_for_kernel(name: &str, caller: System, spec: &InstalledSpec) -> bool {
    if caller == System::Local && name == SESSION {
        return true;
    }
    if name == "PATH" || name.starts_with("DOCKER_") || name.starts_with("JPY_") {
        // These concern the server's own files, engine and parent process.
        return false;
    }
    if name.starts_with("KERNEL_") || name.starts_with("LC_") || name == "LANG" || name == "TZ" {
        return true;
    }
    if spec.has_variable(name) {
        return true;
    }
    let (prefix, bare) = match name.split_once('_') {
        Some((prefix @ ("GP" | "EG"), bare)) => (Some(prefix), bare),
        _ => (None, name),
    };
    if BOOTSTRAP.contains(&bare) {
        return true;
    }
    match caller {
        System::GatewayProvisioners | System::Local => false,
        // The gateway has already filtered: its administrator named the rest.
        System::EnterpriseGateway => prefix.is_none() && !name.starts_with("KG_") && name != "HOME",
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::options::Options;

    const SERVER: [(&str, &str); 22] = [
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("DOCKER_HOST", "tcp://engine"),
        ("EG_DOCKER_MODE", "docker"),
        ("EG_LOG_LEVEL", "10"),
        ("FROM_STANZA", "1"),
        ("GP_DOCKER_NETWORK", "bridge"),
        ("GP_LOG_LEVEL", "10"),
        ("HOME", "/home/server"),
        ("HTTPS_PROXY", "http://user:secret@proxy"),
        ("JPY_PARENT_PID", "1"),
        ("JUPYTERHUB_API_TOKEN", "secret"),
        ("KERNEL_CLASS_NAME", "from.the.User"),
        ("KERNEL_ID", "k"),
        ("KERNEL_USERNAME", "bob"),
        ("KG_AUTH_TOKEN", "secret"),
        ("LANG", "C.UTF-8"),
        ("LC_ALL", "C"),
        ("MAX_PORT_RANGE_RETRIES", "3"),
        ("PATH", "/bin"),
        ("PUBLIC_KEY", "of the server"),
        ("PYTHONPATH", "/srv"),
        ("TZ", "UTC"),
    ];

    /// What the file says of the environment of a service or a container.
    pub(super) fn rules(text: &str) -> Result<Rules> {
        let spec = InstalledSpec::with_options("k", Options::parse("f", text).unwrap());
        let env = Env::new(Path::new("/"), SERVER);
        let interpolation = Interpolation {
            username: "bob",
            kernel_id: "k",
            language: "python",
            cwd: Some("/"),
            env: &env,
            check_only: false,
            has_connection_file: false,
        };
        Rules::new(&spec, Mode::Docker, &interpolation)
    }

    fn names(caller: System) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        fs_err::write(directory.path().join("kernel.json"), r#"{"env": {"FROM_STANZA": "1"}}"#)
            .unwrap();
        let spec = InstalledSpec::of(&directory.path().join("scripts/launch_docker")).unwrap();
        let env = Env::new(Path::new("/"), SERVER);
        let arguments = Arguments {
            kernel_id: Some("k".into()),
            public_key: Some("key".into()),
            kernel_class_name: Some("of.the.Administrator".into()),
            ..Arguments::default()
        };
        let interpolation = Interpolation {
            username: "bob",
            kernel_id: "k",
            language: "python",
            cwd: Some("/"),
            env: &env,
            check_only: false,
            has_connection_file: false,
        };
        let kernel =
            of_kernel(&arguments, (caller, Mode::Docker), &spec, &env, &interpolation).unwrap();
        assert_eq!(kernel["PUBLIC_KEY"], "key");
        assert_eq!(kernel["KERNEL_CLASS_NAME"], "of.the.Administrator");
        assert_eq!(kernel["KERNEL_SPARK_CONTEXT_INIT_MODE"], "none");
        kernel.into_keys().collect()
    }

    #[test]
    fn gateway_provisioners_environment_is_let_through_by_name() {
        assert_eq!(
            names(System::GatewayProvisioners),
            [
                "EG_LOG_LEVEL",
                "FROM_STANZA",
                "GP_LOG_LEVEL",
                "KERNEL_CLASS_NAME",
                "KERNEL_ID",
                "KERNEL_SPARK_CONTEXT_INIT_MODE",
                "KERNEL_USERNAME",
                "LANG",
                "LC_ALL",
                "MAX_PORT_RANGE_RETRIES",
                "PUBLIC_KEY",
                "TZ",
            ]
        );
    }

    #[test]
    fn enterprise_gateways_environment_was_named_by_its_administrator() {
        assert_eq!(
            names(System::EnterpriseGateway),
            [
                "AWS_SECRET_ACCESS_KEY",
                "EG_LOG_LEVEL",
                "FROM_STANZA",
                "GP_LOG_LEVEL",
                "HTTPS_PROXY",
                "JUPYTERHUB_API_TOKEN",
                "KERNEL_CLASS_NAME",
                "KERNEL_ID",
                "KERNEL_SPARK_CONTEXT_INIT_MODE",
                "KERNEL_USERNAME",
                "LANG",
                "LC_ALL",
                "MAX_PORT_RANGE_RETRIES",
                "PUBLIC_KEY",
                "PYTHONPATH",
                "TZ",
            ]
        );
    }
}
