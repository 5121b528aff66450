//! Starts the kernel.

use std::env;
use std::fs;
use std::io;
use std::iter;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bootstrap::protocol::message::{CONNECTION_FILE, Directory, Identity, Start};
use rustix::fs::{Access, access};
use rustix::process::Pid;

use crate::relay::Ports;
use crate::{connection_file, home, ports};

/// The names of the program that people mean by the first; images have one of them, or both.
const PYTHON: [&str; 2] = ["python", "python3"];

/// What a kernel is started with that is to wait until it is wanted.
pub(crate) struct Hook {
    /// A directory with modules of Python that come before others.
    pub(crate) modules: Option<PathBuf>,
    /// Where the kernel is told that it is wanted: its standard input.
    pub(crate) line: OwnedFd,
}

/// Where Python looks for modules first.
const PYTHONPATH: &str = "PYTHONPATH";

/// A kernel that runs. What was made for it is removed when this is dropped: others may see it, too, such as in a
/// `/dev/shm` of the host.
pub(crate) struct Running {
    id: Pid,
    ports: Ports,
    connection_file: PathBuf,
    home: Option<PathBuf>,
}

impl Running {
    /// Starts the kernel such that only this container reaches it. With a `hook`, it waits until it is wanted.
    ///
    /// # Errors
    /// The sentence that says why that is not possible.
    pub(crate) fn start(mut start: Start, hook: Option<Hook>) -> Result<Self, String> {
        check_directory(&start)?;
        // So that kernels which share a network do not meet.
        let bound = ports::bind(Ipv4Addr::LOCALHOST, None).map_err(|error| no_ports(&error))?;
        let ports = ports::of(&bound).map_err(|error| no_ports(&error))?;
        drop(bound);
        start.connection = connection_file::at(Ipv4Addr::LOCALHOST, ports, start.connection);
        Self::start_at(ports, &start, hook)
    }

    /// Starts the kernel at these ports, which its connection information has, in a process group of its own. What it
    /// writes goes to this process's standard error.
    ///
    /// # Errors
    /// The sentence that says why that is not possible.
    pub(crate) fn start_at(
        ports: Ports,
        start: &Start,
        hook: Option<Hook>,
    ) -> Result<Self, String> {
        let may_change_user = !start.entrypoint.is_empty();
        let connection_file = connection_file::write(&start.connection, may_change_user)?;
        let home = home::replacement(start);
        match spawn(start, &connection_file, home.as_deref(), hook) {
            Ok(id) => Ok(Self { id, ports, connection_file, home }),
            Err(reason) => {
                let _ = fs::remove_file(connection_file);
                Err(reason)
            }
        }
    }

    /// Makes a kernel that was started without being wanted the one that somebody wants.
    ///
    /// # Errors
    /// The sentence that says why that is not possible.
    pub(crate) fn become_wanted(&self, start: &Start) -> Result<(), String> {
        check_directory(start)?;
        let connection = start.connection.clone();
        let connection = connection_file::at(Ipv4Addr::LOCALHOST, self.ports, connection);
        connection_file::write_again(&self.connection_file, &connection)
            .map_err(|error| format!("could not write the connection file: {error}"))
    }

    pub(crate) fn id(&self) -> Pid {
        self.id
    }

    pub(crate) fn ports(&self) -> Ports {
        self.ports
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.connection_file);
        if let Some(home) = &self.home {
            // Unless there is something in it.
            let _ = fs::remove_dir(home);
        }
    }
}

fn spawn(
    start: &Start,
    connection_file: &Path,
    home: Option<&Path>,
    hook: Option<Hook>,
) -> Result<Pid, String> {
    let file = connection_file.to_string_lossy();
    let own = start.command.iter().map(|word| word.replace(CONNECTION_FILE, &file));
    let mut own: Vec<String> = own.collect();
    if let ([], Some(program)) = (&*start.entrypoint, own.first_mut())
        && program == PYTHON[0]
        && !is_on_path(PYTHON[0])
        && is_on_path(PYTHON[1])
    {
        PYTHON[1].clone_into(program);
    }
    let words: Vec<&String> = start.entrypoint.iter().chain(&own).collect();
    let [program, arguments @ ..] = &*words else {
        return Err("there is no command to start the kernel with".to_owned());
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .envs(&start.environment)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(output()?)
        .stderr(output()?);
    if let Some(Hook { modules, line }) = hook {
        command.stdin(line);
        if let Some(modules) = modules {
            let others = env::var_os(PYTHONPATH);
            let all = iter::once(modules).chain(others.iter().flat_map(env::split_paths));
            let all = env::join_paths(all).map_err(|error| format!("{PYTHONPATH}: {error}"))?;
            command.env(PYTHONPATH, all);
        }
    }
    if let Some(home) = home {
        command.env("HOME", home);
    }
    if let Some(directory) = home::temporary() {
        command.env("TMPDIR", directory);
    }
    for name in ["USER", "LOGNAME"] {
        if let (None, Some(user)) = (env::var_os(name), &start.user) {
            command.env(name, user);
        }
    }
    // By this kernels know that somebody looks after them.
    command.env("JPY_PARENT_PID", std::process::id().to_string());
    let child = command.spawn().map_err(|error| not_run(program, &error))?;
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    id.ok_or_else(|| "the kernel has no process id".to_owned())
}

/// The sentence for a container that has no more ports.
pub(crate) fn no_ports(error: &io::Error) -> String {
    format!("there are no ports for the kernel: {error}")
}

/// Standard error, once more.
fn output() -> Result<Stdio, String> {
    let output = io::stderr().as_fd().try_clone_to_owned();
    output.map(Stdio::from).map_err(|error| format!("there is no output: {error}"))
}

/// Looks whether the directory that was mounted is the one that was meant: an engine that runs on another
/// machine, or in another container, has another under the same name.
fn check_directory(start: &Start) -> Result<(), String> {
    let Some(Directory { path, identity }) = &start.directory else { return Ok(()) };
    let found = fs::metadata(path).map(|found| Identity::of(&found));
    if found.is_ok_and(|found| found.is_same(identity)) {
        return Ok(());
    }
    Err(format!(
        "the directory {} of the engine's host is not the one of this name here, so it is not used; set \
         `mount_cwd` in launch_docker.toml to false, or to the place that the engine has it in",
        path.display()
    ))
}

fn is_on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let is_there = |directory: &Path| access(directory.join(program), Access::EXEC_OK).is_ok();
    env::split_paths(&path).any(|directory| is_there(&directory))
}

fn not_run(program: &str, error: &io::Error) -> String {
    let path = env::var("PATH").unwrap_or_default();
    if error.kind() == io::ErrorKind::NotFound && !program.contains('/') {
        return format!(
            "the image has no program `{program}` in the directories of its PATH, `{path}`"
        );
    }
    format!("could not run `{program}` of the image: {error}")
}
