//! Sockets of engines that are not where Docker's client looks for one.

use std::path::Path;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

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

/// The address of another engine, if nothing says which is meant, and none is where one is looked for then. One that
/// is stopped there, or closed to this user, is meant nevertheless.
pub(crate) fn other_engine(env: &Env) -> Option<String> {
    if env.path("DOCKER_HOST").is_some() || is_there(Path::new(DEFAULT_SOCKET)) {
        return None;
    }
    let config = ConfigFile::find(env).unwrap_or_default();
    match context::current(env, config.as_ref()) {
        Ok(None) => others(env).into_iter().next(),
        _ => None,
    }
}

/// Whether there is something, which may be out of sight.
fn is_there(path: &Path) -> bool {
    path.try_exists().unwrap_or(true)
}

/// Whether somebody listens. Never waits: a program that is stopped has a queue, which may be full.
fn accepts(path: &Path) -> bool {
    let connected = || {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        connect(&socket, &SocketAddrUnix::new(path)?)
    };
    matches!(connected(), Ok(()) | Err(Errno::AGAIN))
}

/// Addresses are text.
fn address(path: &Path) -> Option<String> {
    path.to_str().map(|path| format!("unix://{path}"))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::os::unix::net::UnixListener;

    use rustix::net::{bind, listen};

    use super::*;

    #[test]
    fn one_whose_queue_is_full_accepts() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s");
        assert!(!accepts(&path));
        let flags = SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).unwrap();
        bind(&socket, &SocketAddrUnix::new(&path).unwrap()).unwrap();
        assert!(!accepts(&path));
        listen(&socket, 0).unwrap();
        // Those that have gone stay in the queue.
        for _ in 0..3 {
            assert!(accepts(&path));
        }
        drop(socket);
        assert!(!accepts(&path));
        assert!(!accepts(&directory.path().join("x".repeat(200))));
    }

    #[test]
    fn a_socket_is_there_though_nobody_listens() {
        let directory = tempfile::tempdir().unwrap();
        let [socket, link, closed] =
            ["s", "link", "closed"].map(|name| directory.path().join(name));
        drop(UnixListener::bind(&socket).unwrap());
        assert!(is_there(&socket) && !accepts(&socket));
        // As the package podman-docker has it, where only users have their own.
        symlink(directory.path().join("none"), &link).unwrap();
        assert!(!is_there(&link));
        // What cannot be seen may be there; root sees everything.
        fs_err::create_dir(&closed).unwrap();
        fs_err::set_permissions(&closed, Permissions::from_mode(0o000)).unwrap();
        assert!(is_there(&closed.join("s")) || rustix::process::geteuid().is_root());
    }
}
