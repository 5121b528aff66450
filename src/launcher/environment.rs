//! Which variables of the server's environment the kernel gets.
//!
//! `gateway_provisioners` gives the launcher the whole environment of the Jupyter server, with its
//! tokens and cloud keys; Enterprise Gateway gives it what its administrator named in
//! `EG_INHERITED_ENVS` and `EG_CLIENT_ENVS`. A kernel is code of somebody else's, so it gets what is
//! known to be meant for it, and nothing that only has a meaning on the server's side.

use std::collections::BTreeMap;

use super::args::Arguments;
use super::launch::Caller;
use super::spec::InstalledSpec;
use crate::env::Env;

/// What the kernel launchers in the images read for their own settings. The servers' own variables
/// of these names have a prefix, the images' have none.
const BOOTSTRAP: [&str; 3] = ["LOG_LEVEL", "MIN_PORT_RANGE_SIZE", "MAX_PORT_RANGE_RETRIES"];

/// The environment of the kernel's container.
#[must_use]
pub fn of_kernel(
    arguments: &Arguments,
    caller: Caller,
    spec: &InstalledSpec,
    env: &Env,
) -> BTreeMap<String, String> {
    let mut kernel: BTreeMap<String, String> = env
        .iter()
        .filter(|(name, _)| is_for_kernel(name, caller, spec))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    kernel.entry("KERNEL_SPARK_CONTEXT_INIT_MODE".to_owned()).or_insert_with(|| "none".to_owned());
    // After the server's variables: what it says on the command line is about this launch.
    for (name, value) in [
        ("KERNEL_ID", &arguments.kernel_id),
        ("PORT_RANGE", &arguments.port_range),
        ("PUBLIC_KEY", &arguments.public_key),
        ("RESPONSE_ADDRESS", &arguments.response_address),
        ("KERNEL_SPARK_CONTEXT_INIT_MODE", &arguments.spark_context_init_mode),
        ("KERNEL_CLASS_NAME", &arguments.kernel_class_name),
        ("TRANSPORT_ENCRYPTION", &arguments.transport_encryption),
    ] {
        if let Some(value) = value {
            kernel.insert(name.to_owned(), value.clone());
        }
    }
    kernel
}

fn is_for_kernel(name: &str, caller: Caller, spec: &InstalledSpec) -> bool {
    if name == "PATH" || name.starts_with("DOCKER_") || name.starts_with("JPY_") {
        // They are about the server's own files, engine and parent process.
        return false;
    }
    if name.starts_with("KERNEL_") || name.starts_with("LC_") || name == "LANG" || name == "TZ" {
        return true;
    }
    if spec.names(name) {
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
        Caller::GatewayProvisioners => false,
        // The gateway has filtered already: what is left was named by its administrator.
        Caller::EnterpriseGateway => prefix.is_none() && !name.starts_with("KG_") && name != "HOME",
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

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

    fn names(caller: Caller) -> Vec<String> {
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
        let kernel = of_kernel(&arguments, caller, &spec, &env);
        assert_eq!(kernel["PUBLIC_KEY"], "key");
        assert_eq!(kernel["KERNEL_CLASS_NAME"], "of.the.Administrator");
        assert_eq!(kernel["KERNEL_SPARK_CONTEXT_INIT_MODE"], "none");
        kernel.into_keys().collect()
    }

    #[test]
    fn gateway_provisioners_environment_is_let_through_by_name() {
        assert_eq!(
            names(Caller::GatewayProvisioners),
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
            names(Caller::EnterpriseGateway),
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
