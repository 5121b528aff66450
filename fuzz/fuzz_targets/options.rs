//! What a user says in variables, and an administrator in `launch_docker.toml`, with a line of `---`
//! between: the file is refused, or each launch is, or the request for it is as it must be, and has
//! nothing of the user's where the administrator decides.
#![no_main]

use jupyter_docker_spec::env::Env;
use jupyter_docker_spec::launcher::args::Arguments;
use jupyter_docker_spec::launcher::spec::InstalledSpec;
use jupyter_docker_spec::layout::OPTIONS;
use jupyter_docker_spec::options::Options;
use jupyter_docker_spec_fuzz::launch::{self, check, parts, plan, shape, variables};
use libfuzzer_sys::fuzz_target;

/// What `client_overrides` is about: there the user has a say.
const OVERRIDES: [&str; 5] =
    ["KERNEL_CPUS", "KERNEL_GPUS", "KERNEL_IMAGE", "KERNEL_MEMORY", "KERNEL_WORKING_DIR"];
/// What the launcher looks at itself, and what it does not.
const READ: [&str; 4] = ["KERNEL_GID", "KERNEL_LANGUAGE", "KERNEL_LAUNCH_TIMEOUT", "KERNEL_UID"];

fuzz_target!(|text: &str| {
    let [lines, file] = parts(text);
    let Ok(options) = Options::parse(OPTIONS, file) else { return };
    // They are no part of what is being read, and are files here.
    if options.get("env_file").is_some() {
        return;
    }
    let spec = InstalledSpec::with_options("k", options);
    let arguments = Arguments { kernel_id: Some("k-1".to_owned()), ..Arguments::default() };
    for (mode, network) in [("docker", "bridge"), ("swarm", "overlay")] {
        let of_user = server(lines, mode, network, |_, value| value);
        let Some(plan_of_user) = plan(&arguments, &spec, &of_user) else { continue };
        check(&plan_of_user);
        let of_bob = server(lines, mode, network, |name, value| {
            let data =
                name.starts_with("KERNEL_") && !OVERRIDES.contains(&name) && !READ.contains(&name);
            if data && !value.is_empty() { "bob".to_owned() } else { value }
        });
        let plan_of_bob = plan(&arguments, &spec, &of_bob).expect("bob may do so too");
        assert_eq!(shape(&plan_of_user.request), shape(&plan_of_bob.request));
        assert_eq!(plan_of_user.networks.len(), plan_of_bob.networks.len());
        assert_eq!(
            (plan_of_user.pull, plan_of_user.platform, plan_of_user.secrets, plan_of_user.configs),
            (plan_of_bob.pull, plan_of_bob.platform, plan_of_bob.secrets, plan_of_bob.configs)
        );
    }
});

/// The environment of a server, with what users say as it is changed.
fn server(lines: &str, mode: &str, network: &str, change: impl Fn(&str, String) -> String) -> Env {
    let fixed = [("GP_DOCKER_MODE", mode), ("GP_DOCKER_NETWORK", network), ("KERNEL_IMAGE", "i")];
    let fixed = fixed.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let given = variables(lines).map(|(name, value)| {
        let value = change(&name, value);
        (name, value)
    });
    launch::env(fixed.into_iter().chain(given))
}
