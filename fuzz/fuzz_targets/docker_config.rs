//! The settings of the Docker client: the name of an image, an address of an engine and the digest of a
//! context's directory, a line each; `config.json`; and the `meta.json` of a context; with a line of
//! `---` between.
#![no_main]

use std::cell::LazyCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jupyter_docker_spec::engine::{Endpoint, Reference, credentials};
use jupyter_docker_spec::env::Env;
use jupyter_docker_spec_fuzz::launch::parts;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};

thread_local! {
    /// One for each process, because several may run at once; in memory, because it is written that often.
    static HOME: LazyCell<PathBuf> = LazyCell::new(|| {
        let home = PathBuf::from(format!("/dev/shm/jds-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(home.join(META)).expect("there is room in memory");
        home
    });
    static RUNTIME: LazyCell<Runtime> = LazyCell::new(|| {
        Builder::new_current_thread().enable_all().build().expect("there is a runtime")
    });
}

const META: &str = ".docker/contexts/meta/8d5b";

fuzz_target!(|text: &str| {
    let [lines, config, meta] = parts(text);
    let mut lines = lines.lines();
    let mut line = || lines.next().filter(|line| !line.contains('\0')).unwrap_or_default();
    let (image, host, auth_config) = (line(), line(), line());
    HOME.with(|home| {
        std::fs::write(home.join(".docker/config.json"), config).expect("there is room in memory");
        std::fs::write(home.join(META).join("meta.json"), meta).expect("there is room in memory");
        let home = home.to_str().expect("it is text");
        // No helper is run: there is none.
        let own = [("HOME", home), ("PATH", "/nonexistent")];
        let given = [("DOCKER_HOST", host), ("DOCKER_AUTH_CONFIG", auth_config)];
        let env = Env::new(Path::new("/nonexistent"), own.into_iter().chain(given));
        if let Ok(endpoint) = Endpoint::from_env(&env) {
            check_endpoint(&endpoint);
        }
        if let Ok(reference) = image.parse::<Reference>() {
            check_reference(&reference);
            let found = credentials(&reference, &env, Duration::from_secs(5));
            match RUNTIME.with(|runtime| runtime.block_on(found)) {
                // What is secret is not told.
                Ok(auth) => assert!(!format!("{auth:?}").contains("password")),
                Err(error) => assert!(error.to_string().len() < 2000 + text.len()),
            }
        }
    });
});

/// What is shown leads to the same engine; a path that ends with blanks is shown with them.
fn check_endpoint(endpoint: &Endpoint) {
    let shown = endpoint.to_string();
    if let Endpoint::Unix(path) = endpoint {
        assert!(path.is_absolute());
    }
    let blank = shown.ends_with(char::is_whitespace);
    if !blank && !matches!(endpoint, Endpoint::Tcp { tls: Some(_), .. }) {
        let env = Env::new(Path::new("/"), [("DOCKER_HOST", shown)]);
        assert_eq!(Endpoint::from_env(&env).expect("it is one"), *endpoint);
    }
}

/// It is complete, and nothing else than a name.
fn check_reference(reference: &Reference) {
    let shown = reference.to_string();
    let again: Reference = shown.parse().expect("it is one");
    assert_eq!(again.name(), reference.name());
    assert_eq!(again.version(), reference.version());
    assert!(shown.chars().all(|c| c.is_ascii_graphic()) && !shown.contains(['?', '#', '\\', '"']));
    assert!(!shown.split('/').any(|part| matches!(part, "" | "." | "..")));
    assert!(!reference.version().is_empty());
}
