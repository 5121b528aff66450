//! Sockets of engines that are not where Docker's client looks for one.

use std::os::unix::net::UnixStream;
use std::path::Path;

use super::config_file::ConfigFile;
use super::context;
use crate::env::Env;

/// Where Docker's client, and docker-py, look if nothing is said.
pub(super) const DEFAULT_SOCKET: &str = "/var/run/docker.sock";

/// The addresses of engines of this user that accept connections: rootless ones, Podman, and Docker Desktop.
pub(super) fn others(env: &Env) -> Vec<String> {
    let run = env.path("XDG_RUNTIME_DIR");
    let home = env.home();
    let places = [
        (&run, "docker.sock"),
        (&run, "podman/podman.sock"),
        (&home, ".docker/run/docker.sock"),
        (&home, ".docker/desktop/docker.sock"),
    ];
    let paths =
        places.into_iter().filter_map(|(directory, rest)| Some(directory.as_ref()?.join(rest)));
    paths.filter(|path| accepts(path)).filter_map(|path| address(&path)).collect()
}

/// The address of another engine, if nothing says which is meant, and none is where one is looked for then.
pub(crate) fn other_engine(env: &Env) -> Option<String> {
    if env.path("DOCKER_HOST").is_some() || accepts(Path::new(DEFAULT_SOCKET)) {
        return None;
    }
    let config = ConfigFile::find(env).unwrap_or_default();
    match context::current(env, config.as_ref()) {
        Ok(None) => others(env).into_iter().next(),
        _ => None,
    }
}

fn accepts(path: &Path) -> bool {
    UnixStream::connect(path).is_ok()
}

/// Addresses are text.
fn address(path: &Path) -> Option<String> {
    path.to_str().map(|path| format!("unix://{path}"))
}
