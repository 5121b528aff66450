//! Whether the server of a kernel still exists. There is no list of servers, but a kernel knows the address
//! of its own. The server has gone if that address belongs to this host, nothing listens on it, and a
//! connection is refused. If the address may mean anything else, the answer is unknown.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::UnixStream;

use crate::commands::kernels::Kernel;
use crate::engine::{Endpoint, Info};

/// How long refusing a connection may take.
const CONNECT: Duration = Duration::from_secs(2);

/// The state of a listening socket in `/proc/net/tcp`.
const LISTENS: &str = "0A";

/// Why the owner of an address is unknown.
const ELSEWHERE: &str = "only the host of its server can tell whether that still waits";

/// Whether a server waits for a kernel.
#[derive(Debug, PartialEq)]
pub(super) enum ServerState {
    /// And how that is known.
    Gone(String),
    Listening,
    /// And why.
    Unknown(String),
}

/// What is known of this host.
pub(super) struct Host {
    /// Why the kernels may be on another host, or in another network namespace.
    doubt: Option<String>,
    /// The address at which other nodes of the Swarm reach the engine's.
    node: Option<IpAddr>,
    /// The addresses of this host's interfaces. Routes may lead here for other addresses, and a socket may be
    /// bound to any.
    addresses: Vec<IpAddr>,
    /// The visible network namespaces, this process's first.
    namespaces: Vec<Namespace>,
}

impl Host {
    /// Looks at this host, which should be the engine's.
    pub(super) async fn look(endpoint: &Endpoint, info: &Info) -> Self {
        let namespaces = Namespace::all();
        let mut doubt = doubt(endpoint, info).await;
        if namespaces.is_empty() {
            doubt.get_or_insert_with(|| "/proc does not tell who listens".to_owned());
        }
        // Without known addresses, none belongs to this host.
        let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
        Self {
            doubt,
            node: info.swarm.node_addr.parse().ok(),
            addresses: interfaces.iter().map(if_addrs::Interface::ip).collect(),
            namespaces,
        }
    }

    /// Whether the server of a running kernel waits for it.
    pub(super) fn server_state(&self, kernel: &Kernel) -> ServerState {
        let unknown = |why: &str| ServerState::Unknown(why.to_owned());
        let address = kernel.response_address.as_deref().and_then(|text| text.parse().ok());
        let Some(address): Option<SocketAddr> = address else {
            return unknown("it does not say where its server listens");
        };
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        let Some(own) = self.namespaces.first() else { return unknown(ELSEWHERE) };
        if own.listens(address) {
            return ServerState::Listening;
        }
        if !self.addresses.contains(&address.ip()) {
            return unknown(ELSEWHERE);
        }
        if let Some(doubt) = &self.doubt {
            return unknown(doubt);
        }
        // Another node may have the same address, such as that of a bridge.
        if !kernel.is_here && self.node != Some(address.ip()) {
            return unknown("it is on another node, for which its server may be another one, too");
        }
        if self.namespaces[1..].iter().any(|other| other.listens(address)) {
            return unknown("something listens at the address in another network namespace");
        }
        // This is the last test, because a healthy server logs an error about it. The listener may be behind
        // a forwarded port.
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(_) => ServerState::Listening,
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                ServerState::Gone(format!("its server no longer listens on {address}"))
            }
            Err(_) => unknown("a connection to its server is neither accepted nor refused"),
        }
    }
}

/// Why this may not be the engine's host, or not the network namespace with the server's address.
async fn doubt(endpoint: &Endpoint, info: &Info) -> Option<String> {
    let own = fs_err::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let is_named_so = info.name == own.trim();
    let elsewhere = || {
        format!(
            "the engine at {endpoint} may be on another host; run the command there, with its socket"
        )
    };
    match endpoint {
        Endpoint::Ssh(_) => return Some(elsewhere()),
        Endpoint::Unix(path) if !is_visible(path).await => {
            return Some(format!(
                "the engine at {endpoint} is outside of what this command runs in; run it on the \
                 engine's host"
            ));
        }
        Endpoint::Unix(_) => {}
        Endpoint::Tcp { host, .. } => {
            let loopback = host == "localhost"
                || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
            // This may also be the end of a tunnel to another host.
            if !loopback || !is_named_so {
                return Some(elsewhere());
            }
        }
    }
    if info.name.is_empty() || is_named_so {
        return None;
    }
    Some(format!(
        "the engine at {endpoint} is on a host named `{}`, and this is `{}`; run the command there",
        info.name,
        own.trim()
    ))
}

/// Whether the process that listens on a socket is visible from here. In a container, it may not be.
async fn is_visible(socket: &Path) -> bool {
    let Ok(stream) = UnixStream::connect(socket).await else { return false };
    stream.peer_cred().is_ok_and(|peer| peer.pid().is_some_and(|pid| pid != 0))
}

/// A network namespace, and who listens in it.
#[derive(Debug, Default)]
struct Namespace {
    listeners: Vec<SocketAddr>,
    /// Its addresses; `None` for this process's own namespace, where they are not needed.
    addresses: Option<Vec<IpAddr>>,
}

impl Namespace {
    /// The namespaces of all visible processes; empty if not even this process's own is.
    fn all() -> Vec<Self> {
        let directory = |process: &str| PathBuf::from(format!("/proc/{process}/net"));
        let Some((id, own)) = Self::of(&directory("self")) else { return Vec::new() };
        let mut seen = BTreeSet::from([id]);
        let mut all = vec![own];
        for process in fs_err::read_dir("/proc").into_iter().flatten().flatten() {
            let process = process.file_name();
            let Some(process) = process.to_str().filter(|name| name.parse::<u32>().is_ok()) else {
                continue;
            };
            let directory = directory(process);
            if !id_of(&directory).is_some_and(|id| seen.insert(id)) {
                continue;
            }
            if let Some((_, mut other)) = Self::of(&directory) {
                other.addresses = Some(addresses(&directory));
                all.push(other);
            }
        }
        all
    }

    fn of(directory: &Path) -> Option<(u64, Self)> {
        let id = id_of(directory)?;
        let mut listeners = listeners(&fs_err::read_to_string(directory.join("tcp")).ok()?);
        // A system may have no IPv6.
        let six = fs_err::read_to_string(directory.join("tcp6")).unwrap_or_default();
        listeners.extend(self::listeners(&six));
        Some((id, Self { listeners, addresses: None }))
    }

    /// Whether something listens on this address there.
    fn listens(&self, address: SocketAddr) -> bool {
        let has = || match &self.addresses {
            Some(addresses) => addresses.contains(&address.ip()),
            None => true,
        };
        self.listeners.iter().any(|listener| {
            listener.port() == address.port()
                && (listener.ip() == address.ip() || (listener.ip().is_unspecified() && has()))
        })
    }
}

/// Identifies a namespace: each has its own inodes.
fn id_of(directory: &Path) -> Option<u64> {
    fs_err::metadata(directory.join("tcp")).ok().map(|file| file.ino())
}

/// Parses the listening sockets of `/proc/net/tcp` or `tcp6`.
fn listeners(text: &str) -> Vec<SocketAddr> {
    let listener = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let (local, state) = (words.nth(1)?, words.nth(1)?);
        if state != LISTENS {
            return None;
        }
        let (address, port) = local.split_once(':')?;
        let address = if address.len() == 8 {
            IpAddr::from(four(address)?)
        } else {
            let mut bytes = [0; 16];
            for (number, part) in bytes.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&four(address.get(8 * number..8 * (number + 1))?)?);
            }
            IpAddr::from(bytes).to_canonical()
        };
        Some(SocketAddr::new(address, u16::from_str_radix(port, 16).ok()?))
    };
    text.lines().filter_map(listener).collect()
}

/// Parses four bytes of an address, written as a number in native byte order.
fn four(text: &str) -> Option<[u8; 4]> {
    u32::from_str_radix(text, 16).ok().map(u32::to_ne_bytes)
}

/// The addresses of a network namespace, from its routing table and its list of IPv6 addresses.
fn addresses(directory: &Path) -> Vec<IpAddr> {
    let read = |name| fs_err::read_to_string(directory.join(name)).unwrap_or_default();
    let (routes, six) = (read("fib_trie"), read("if_inet6"));
    let four = routes.lines().filter_map(|line| line.trim_start().strip_prefix("|-- "));
    let four = four.filter_map(|text| text.parse::<Ipv4Addr>().ok()).map(IpAddr::V4);
    let six = six.lines().filter_map(|line| u128::from_str_radix(line.get(..32)?, 16).ok());
    four.chain(six.map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits)))).collect()
}

#[cfg(test)]
mod tests {
    use super::listeners;

    #[test]
    fn listening_sockets_are_found_in_what_the_system_writes() {
        let head =
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid";
        let ends = "00000000:00000000 00:00000000 00000000     0        0 1060 1 00000000cc34f3ca";
        let text = format!(
            "{head}\n   0: 00000000:07E8 00000000:0000 0A {ends}\n   1: 0100007F:22AD 00000000:0000 0A {ends}\n   \
             2: 0100007F:1F90 0100007F:0016 01 {ends}\n   3: broken\n   4: {}:0050 {}:0000 0A {ends}\n   \
             5: 0000000000000000FFFF00000100007F:0051 {}:0000 0A {ends}\n",
            "0".repeat(24) + "01000000",
            "0".repeat(32),
            "0".repeat(32),
        );
        let found: Vec<String> = listeners(&text).iter().map(ToString::to_string).collect();
        let expected = ["0.0.0.0:2024", "127.0.0.1:8877", "[::1]:80", "127.0.0.1:81"];
        // As little-endian machines write them.
        if cfg!(target_endian = "little") {
            assert_eq!(found, expected);
        }
    }
}
