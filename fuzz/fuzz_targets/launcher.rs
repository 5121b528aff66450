//! The command line of the launcher, the server's environment and a `kernel.json`, one after the other
//! with a line of `---` between: the launch is refused, or the request for it is as it must be.
#![no_main]

use std::ffi::OsString;

use jupyter_docker_spec::launcher::args::Request;
use jupyter_docker_spec::launcher::spec::InstalledSpec;
use jupyter_docker_spec::model::Mode;
use jupyter_docker_spec::server::System;
use jupyter_docker_spec_fuzz::launch::{check, env, parts, plan, variables};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// What a server knows and a kernel must not.
const SECRET: (&str, &str) = ("JUPYTERHUB_API_TOKEN", "5ecret");

fuzz_target!(|text: &str| {
    let [words, lines, kernel_json] = parts(text);
    let words = words.lines().filter(|word| !word.contains('\0')).map(OsString::from);
    let Ok(Request::Launch(arguments)) = Request::parse(words) else { return };
    let Ok(spec) = serde_json::from_str::<InstalledSpec>(kernel_json) else { return };
    let server = |user: Option<&str>| {
        let own = variables(lines).chain([(SECRET.0.to_owned(), SECRET.1.to_owned())]);
        env(own.chain(user.map(|user| ("KERNEL_USERNAME".to_owned(), user.to_owned()))))
    };
    let env = server(None);
    let Some(plan_of_user) = plan(&arguments, &spec, &env) else { return };
    check(&plan_of_user);
    let kept = plan_of_user.launch.caller == System::GatewayProvisioners;
    if kept && !text.contains(SECRET.0) && !text.contains(SECRET.1) {
        assert!(!plan_of_user.request.to_string().contains(SECRET.1));
    }
    // Whoever it is for, the rest is the same.
    let plan_of_bob = plan(&arguments, &spec, &server(Some("bob"))).expect("bob may do so too");
    let nameless = |mut request: Value| {
        let (own, name) = match plan_of_bob.launch.mode {
            Mode::Docker => (&mut request, None),
            Mode::Swarm => {
                let name = Some(request["Name"].take());
                (&mut request["TaskTemplate"]["ContainerSpec"], name)
            }
        };
        let host = own["Hostname"].take();
        assert!(name.is_none_or(|name| name == host));
        let list = own["Env"].as_array_mut().expect("it has an environment");
        list.retain(|variable| {
            variable.as_str().is_none_or(|text| !text.starts_with("KERNEL_USERNAME="))
        });
        request
    };
    assert_eq!(nameless(plan_of_user.request), nameless(plan_of_bob.request.clone()));
});
