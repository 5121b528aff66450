//! Configuration files in JSON: whatever is in one, it is understood or refused.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use jupyter_docker_spec::paths::Paths;
use jupyter_docker_spec::settings::config::{Config, Source};
use jupyter_docker_spec_fuzz::{env, follow, install};
use libfuzzer_sys::fuzz_target;

/// One for each process, because several may run at once; in memory, because it is written that often.
static FILE: LazyLock<PathBuf> =
    LazyLock::new(|| format!("/dev/shm/jds-fuzz-{}.json", std::process::id()).into());

fuzz_target!(|text: &[u8]| {
    std::fs::write(&*FILE, text).expect("there is room in memory");
    let env = env();
    let paths = Paths { env: &env, executable: None };
    if let Ok(config) = Config::load(&Source::File(FILE.clone()), &paths) {
        follow(&install(), &config, &paths);
    }
});
