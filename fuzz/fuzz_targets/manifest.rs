//! Files of several specifications: whatever is in one, it is understood or refused.
#![no_main]

use jupyter_docker_spec::paths::Paths;
use jupyter_docker_spec::settings::config::Config;
use jupyter_docker_spec::settings::manifest::Manifest;
use jupyter_docker_spec_fuzz::{env, follow, install};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let env = env();
    let paths = Paths { env: &env, executable: None };
    let manifest = Manifest { name: "kernels.toml", directory: "/cwd".into(), text, paths: &paths };
    for install in manifest.lines(&install()).into_iter().flatten() {
        follow(&install, &Config::default(), &paths);
    }
});
