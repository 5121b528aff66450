//! Checks what Enterprise Gateway, with its own environment, makes of a specification.

use super::files;
use super::report::Report;
use crate::env::Env;
use crate::kernelspec::specification::Specification;
use crate::server::{System, inherited_variables};

/// Lists of users, which Enterprise Gateway wants as text.
const LISTS: [&str; 2] = ["authorized_users", "unauthorized_users"];

/// The variables that select the engine.
const ENGINE: [&str; 3] = ["DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"];

/// Reports where the environment of the launcher differs from that of the gateway.
pub(super) fn check(spec: &Specification, env: &Env, report: &mut Report) {
    if spec.system != System::EnterpriseGateway {
        return;
    }
    for name in LISTS {
        if spec.config.get(name).is_some_and(|users| !users.is_string()) {
            report.error(format!(
                "`{name}` in kernel.json must be one text with commas for Enterprise Gateway, \
                 which fails at every launch otherwise; {}",
                files::again(&spec.directory, env)
            ));
        }
    }
    let inherited: Vec<&str> = inherited_variables(env).collect();
    let is_hidden = |name: &&str| env.get(name).is_some() && !inherited.contains(name);
    let hidden: Vec<&str> = ENGINE.into_iter().filter(is_hidden).collect();
    if !hidden.is_empty() {
        report.warning(format!(
            "the gateway does not pass {} on to the launcher, which will look for the engine at the \
             default socket; name it in EG_INHERITED_ENVS",
            hidden.join(", ")
        ));
    }
    let [_, timeout] = spec.system.facts().timeout_variables;
    if is_hidden(&timeout) && spec.launch_timeout().is_none() {
        report.warning(format!(
            "the gateway does not pass {timeout} on to the launcher, which gives a launch up after \
             30 s; name it in EG_INHERITED_ENVS, or install with --launch-timeout"
        ));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::layout::KERNEL_JSON;
    use crate::screen::Screen;

    fn findings(config: &serde_json::Value, variables: &[(&str, &str)]) -> String {
        let directory = tempfile::tempdir().unwrap();
        let proxy = json!({"class_name": "x.DockerProcessProxy", "config": config});
        let text = json!({"metadata": {"process_proxy": proxy}}).to_string();
        fs_err::write(directory.path().join(KERNEL_JSON), text).unwrap();
        let spec = Specification::read(directory.path()).unwrap().unwrap();
        let env = Env::new(Path::new("/"), variables.iter().copied());
        let mut report = Report::default();
        report.about("it");
        check(&spec, &env, &mut report);
        report.text(Screen::default())
    }

    #[test]
    fn what_the_launcher_does_not_see_is_told() {
        let text = findings(&json!({"authorized_users": ["a"]}), &[]);
        assert!(text.contains("`authorized_users` in kernel.json must be one text"), "{text}");
        let set = [("DOCKER_HOST", "tcp://e"), ("EG_KERNEL_LAUNCH_TIMEOUT", "60")];
        let text = findings(&json!({"authorized_users": "a"}), &set);
        assert!(text.contains("pass DOCKER_HOST on"), "{text}");
        assert!(text.contains("pass EG_KERNEL_LAUNCH_TIMEOUT on"), "{text}");
        let named = ("EG_INHERITED_ENVS", "DOCKER_HOST,EG_KERNEL_LAUNCH_TIMEOUT");
        let text = findings(&json!({}), &[set[0], set[1], named]);
        assert!(!text.contains("pass "), "{text}");
    }
}
