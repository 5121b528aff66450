//! Serves a Jupyter server, as the bootstrap of the servers' own images does: it starts the kernel, tells the server
//! how to reach it, and passes the server's signals on. What it is told comes in the variables of the container.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::future::pending;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs as _};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bootstrap::protocol::gateway::{COMMAND, NO_LISTENER, SIGNALS_FROM, Sender, Wish};
use bootstrap::protocol::message::Start;
use bootstrap::protocol::signals::Signals;
use rustix::process::{Pid, Signal};
use serde_json::{Map, Value};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::curve::{self, Encryption};
use crate::kernel::{Running, no_ports};
use crate::listener::{Listener, Senders};
use crate::payload::ServerKey;
use crate::processes::{Children, forward};
use crate::relay::{Ports, reached};
use crate::{NOT_STARTED, connection_file, ports, random};

/// How often the server is tried, and for how long: the container's network may only just be coming up.
const ATTEMPT: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a kernel that its client has told to end may take, and how long it may once it is told so by a signal.
const FAREWELL: Duration = Duration::from_secs(5);
const LAST: Duration = Duration::from_secs(2);

/// The class of which all Python kernels are, unless something else is said.
const DEFAULT_CLASS: &str = "ipykernel.ipkernel.IPythonKernel";

/// What the container is told.
struct Task {
    kernel_id: String,
    server: String,
    key: ServerKey,
    encryption: Option<Encryption>,
    /// The kernel, with connection information.
    start: Start,
    ports: Ports,
    /// What stays bound of its ports.
    listener: Option<TcpListener>,
    senders: Senders,
}

/// Serves the server that the kernel is for, and returns the exit status of the kernel.
pub(crate) async fn run(words: impl Iterator<Item = OsString>) -> io::Result<u8> {
    let children = Children::listen()?;
    let told = Signals::listen()?;
    let served = match Task::new(words) {
        Ok(task) => serve(task, children, told).await,
        Err(reason) => Err(reason),
    };
    Ok(served.unwrap_or_else(|reason| {
        // The launcher shows what is written here.
        let _ = writeln!(io::stderr(), "bootstrap_kernel: {reason}");
        NOT_STARTED
    }))
}

impl Task {
    fn new(words: impl Iterator<Item = OsString>) -> Result<Self, String> {
        let words: Result<Vec<String>, _> = words.map(OsString::into_string).collect();
        let words = words.map_err(|word| format!("`{}` is not UTF-8", word.display()))?;
        let begin = words.iter().position(|word| word == COMMAND);
        let (options, command) = match begin.and_then(|at| words.split_at_checked(at + 1)) {
            Some((options, command)) if !command.is_empty() => (options, command.to_vec()),
            _ => return Err("there is no command to start the kernel with".to_owned()),
        };
        let needed = |name: &str| {
            variable(name).ok_or_else(|| {
                format!("`{name}` is not set, so that no server has asked for this kernel")
            })
        };
        let (kernel_id, server) = (needed("KERNEL_ID")?, needed("RESPONSE_ADDRESS")?);
        let key = ServerKey::read(&needed("PUBLIC_KEY")?)?;
        let encryption = Encryption::read(&variable("TRANSPORT_ENCRYPTION").unwrap_or_default())?;
        let range = ports::range(&variable("PORT_RANGE").unwrap_or_default())?;
        let listens = !options.iter().any(|option| option == NO_LISTENER);
        let senders = senders(options, &server)?;
        let bound =
            ports::bind(Ipv4Addr::UNSPECIFIED, range.as_ref()).map_err(|error| no_ports(&error))?;
        let [shell, iopub, stdin, control, heartbeat, comm] = bound;
        let of_kernel = [shell, iopub, stdin, control, heartbeat];
        let ports = ports::of(&of_kernel).map_err(|error| no_ports(&error))?;
        let connection = connection(ports, encryption)
            .map_err(|error| format!("there are no keys for the kernel: {error}"))?;
        Ok(Self {
            kernel_id,
            server,
            key,
            encryption,
            start: Start {
                entrypoint: Vec::new(),
                command: with_class(command),
                connection,
                user: variable("KERNEL_USERNAME"),
                directory: None,
                environment: BTreeMap::new(),
                has_home: false,
            },
            ports,
            listener: listens.then_some(comm),
            senders,
        })
    }

    /// What the server is told of a kernel with this process id.
    fn information(&self, kernel: Pid) -> Map<String, Value> {
        let mut information = self.start.connection.clone();
        information.insert("kernel_id".to_owned(), self.kernel_id.as_str().into());
        // Each kernel has a process group of its own.
        for name in ["pid", "pgid"] {
            information.insert(name.to_owned(), kernel.as_raw_nonzero().get().into());
        }
        if let Some(address) = self.listener.as_ref().and_then(|bound| bound.local_addr().ok()) {
            information.insert("comm_port".to_owned(), address.port().into());
        }
        information
    }
}

/// Whom the listener is to hear.
fn senders(options: &[String], server: &str) -> Result<Senders, String> {
    let named = options.iter().filter_map(|option| option.strip_prefix(SIGNALS_FROM));
    let named = named.map(|name| Sender::of(name).ok_or_else(|| format!("`{name}` is no sender")));
    let named = named.collect::<Result<Vec<_>, _>>()?;
    if !named.contains(&Sender::Server) {
        return Ok(Senders { named, server: Vec::new() });
    }
    let found = server.to_socket_addrs();
    let found = found.map_err(|error| format!("`{server}` is not known here: {error}"))?;
    let of_four = |address| match address {
        SocketAddr::V4(address) => Some(*address.ip()),
        SocketAddr::V6(_) => None,
    };
    let routes = std::fs::read_to_string("/proc/net/route").unwrap_or_default();
    Ok(Senders { named, server: found.filter_map(of_four).chain(routers(&routes)).collect() })
}

/// The addresses of the default routers, from the table that Linux has of its routes. From there a server on the
/// engine's host comes.
fn routers(routes: &str) -> Vec<Ipv4Addr> {
    let of_line = |line: &str| {
        let mut columns = line.split_whitespace().skip(1);
        let (target, shown) = (columns.next()?, columns.next()?);
        // As it lies in memory, in the order of the network.
        let octets = u32::from_str_radix(shown, 16).ok()?.to_ne_bytes();
        (target == "00000000").then(|| Ipv4Addr::from(octets))
    };
    let found = routes.lines().filter_map(of_line);
    // A route without a router leads to all that is on the network.
    found.filter(|address| !address.is_unspecified()).collect()
}

/// A variable that says something.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// What goes into the connection file.
fn connection(ports: Ports, encryption: Option<Encryption>) -> io::Result<Map<String, Value>> {
    let key = BASE64_STANDARD.encode(random::bytes::<32>()?);
    let mut connection = connection_file::at(Ipv4Addr::UNSPECIFIED, ports, Map::new());
    for (name, value) in [("key", &*key), ("signature_scheme", "hmac-sha256"), ("kernel_name", "")]
    {
        connection.insert(name.to_owned(), value.into());
    }
    if encryption.is_some() {
        curve::add_keys(&mut connection)?;
    }
    Ok(connection)
}

/// The command of ipykernel takes the class that somebody has asked for.
fn with_class(mut command: Vec<String>) -> Vec<String> {
    let is_python = command.iter().any(|word| word.contains("ipykernel"));
    let class = variable("KERNEL_CLASS_NAME").filter(|class| class != DEFAULT_CLASS);
    command.extend(
        class.filter(|_| is_python).map(|class| format!("--IPKernelApp.kernel_class={class}")),
    );
    command
}

/// Starts the kernel, and stays until it has ended.
async fn serve(mut task: Task, mut children: Children, mut told: Signals) -> Result<u8, String> {
    let running = Running::start_at(task.ports, &task.start, None)?;
    let kernel = Some(running.id());
    let information = task.information(running.id());
    let senders = task.senders.clone();
    let listener = task.listener.take().map(|bound| Listener::start(bound, senders)).transpose();
    let mut listener = listener.map_err(|error| no_ports(&error))?;
    let mut telling = std::pin::pin!(tell(&task, information));
    let mut is_told = false;
    // What is done next with a kernel that has been shut down, and when.
    let mut farewells = [(FAREWELL, Signal::TERM), (LAST, Signal::KILL)].into_iter();
    let mut farewell: Option<(Instant, Signal)> = None;
    loop {
        tokio::select! {
            code = children.ended(kernel) => return Ok(code),
            signal = told.next() => forward(kernel, Some(signal)),
            done = &mut telling, if !is_told => match done {
                Ok(()) => is_told = true,
                Err(reason) => {
                    forward(kernel, Some(Signal::TERM));
                    let _ = timeout(LAST, children.ended(kernel)).await;
                    return Err(reason);
                }
            },
            wish = next(&mut listener) => {
                forward(kernel, wish.signal.and_then(Signal::from_named_raw));
                if wish.shutdown {
                    // A server that finds nobody knows that it has been heard.
                    listener = None;
                    farewell = after(&mut farewells);
                }
            }
            signal = due(farewell) => {
                forward(kernel, Some(signal));
                farewell = after(&mut farewells);
            }
        }
    }
}

/// Waits for what the server wants next; for ever, if nobody listens.
async fn next(listener: &mut Option<Listener>) -> Wish {
    match listener {
        Some(listener) => listener.next().await.unwrap_or_default(),
        None => pending().await,
    }
}

fn after(farewells: &mut impl Iterator<Item = (Duration, Signal)>) -> Option<(Instant, Signal)> {
    farewells.next().map(|(pause, signal)| (Instant::now() + pause, signal))
}

/// Waits until this signal is due; for ever, if none is.
async fn due(farewell: Option<(Instant, Signal)>) -> Signal {
    let Some((at, signal)) = farewell else { return pending().await };
    sleep_until(at).await;
    signal
}

/// Tells the server how to reach the kernel, once it can be reached.
async fn tell(task: &Task, mut information: Map<String, Value>) -> Result<(), String> {
    for port in task.ports {
        reached(port).await;
    }
    if let Some(encryption) = task.encryption {
        let [shell, ..] = task.ports;
        let greeted = timeout(PATIENCE, curve::is_encrypted(reached(shell).await)).await;
        let is_encrypted = greeted.is_ok_and(Result::unwrap_or_default);
        if !is_encrypted && encryption == Encryption::Required {
            return Err("the server wants its connections to the kernel encrypted, and the kernel does not do that: \
                        ipykernel does from version 7.3 on"
                .to_owned());
        }
        if !is_encrypted {
            curve::remove_keys(&mut information);
        }
    }
    let payload = task.key.payload(&information)?;
    let begin = Instant::now();
    loop {
        let sent = timeout(ATTEMPT, send(&task.server, &payload)).await;
        let error = match sent {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it does not answer".to_owned(),
        };
        if begin.elapsed() > PATIENCE {
            return Err(format!(
                "the kernel runs, and the server at {} cannot be told so: {error}; see whether containers on this \
                 network reach that address",
                task.server
            ));
        }
        sleep(PAUSE).await;
    }
}

async fn send(server: &str, payload: &str) -> io::Result<()> {
    let mut stream = TcpStream::connect(server).await?;
    stream.write_all(payload.as_bytes()).await?;
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routers_are_those_of_default_routes() {
        let [one, other] = [[172, 17, 0, 1], [10, 0, 0, 9]].map(Ipv4Addr::from);
        let [one_shown, other_shown] =
            [one, other].map(|address| format!("{:08X}", u32::from_ne_bytes(address.octets())));
        let routes = format!(
            "Iface\tDestination\tGateway \tFlags\n\
             eth0\t00000000\t{one_shown}\t0003\n\
             eth0\t000011AC\t{other_shown}\t0001\n\
             eth1\t00000000\t00000000\t0001\n\
             eth1\t00000000\n\
             eth2\t00000000\t{other_shown}\t0003\n"
        );
        assert_eq!(routers(&routes), [one, other]);
        assert_eq!(routers(""), [] as [Ipv4Addr; 0]);
    }
}
