//! Checks whether containers reach the address on which the server waits for its kernels.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::docker::Docker;
use super::network;
use super::packages::{OUTPUT, labels};
use super::report::Report;
use crate::engine::Output;
use crate::env::Env;
use crate::server::System;

/// The time limit for running a container: that takes long on a busy host, whatever the network. The script
/// ends itself after 20 s.
const LIMIT: Duration = Duration::from_secs(90);

/// Connects to an address, and prints why that fails.
const SCRIPT: &str = r#"
trap 'echo "no answer within 20 s"; exit 124' TERM
(sleep 20 && kill -TERM $$) &
(exec 3<>"/dev/tcp/$0/$1") &
wait $!
"#;

/// An address in no network; only the default route leads to it.
const ELSEWHERE: &str = "203.0.113.1";

/// Where the server listens.
pub(super) struct ServerAddress<'a> {
    /// The system of the server.
    pub(super) system: System,
    /// The address that the server itself would choose, if known.
    pub(super) of_server: Option<&'a str>,
    /// This program's environment.
    pub(super) env: &'a Env,
}

impl ServerAddress<'_> {
    /// The variable that gives the address to a server.
    fn variable(&self) -> String {
        format!("{}_RESPONSE_IP", self.system.facts().short)
    }

    /// The address that the server gives to its kernels: the configured one, or else the one that it chooses,
    /// or else the one of this host from which the kernels' network is reached.
    pub(super) async fn address(&self, docker: &Docker) -> Result<IpAddr> {
        let variable = self.variable();
        if let Some(address) = self.env.get(&variable) {
            return address.parse().with_context(|| format!("{variable} of `{address}`"));
        }
        if let Some(address) = self.of_server.and_then(|address| address.parse().ok()) {
            return Ok(address);
        }
        let (network, _) = network::of_server(self.system, self.env);
        let mut ways = Vec::new();
        // Services have a second network, on which they reach their hosts.
        for network in [network.as_str(), "docker_gwbridge"] {
            if let Ok(network) = docker.engine.inspect_network(network).await {
                ways.extend(network.addresses().map(str::to_owned));
            }
        }
        // Otherwise it is the address for the default route, which servers take themselves.
        ways.push(ELSEWHERE.to_owned());
        ways.iter().find_map(|there| source_address(there)).with_context(|| {
            format!(
                "this host has no route to the network of the kernels, `{network}`; run this where \
                 the Jupyter server runs, or name an address in {variable}"
            )
        })
    }

    /// Makes a container of this image connect to this host. The image needs a `bash`, like the bootstrap of
    /// the kernel images.
    pub(super) async fn check(&self, docker: &Docker, image: &str, report: &mut Report) {
        let (network, _) = network::of_server(self.system, self.env);
        let variable = self.variable();
        let address = match self.address(docker).await {
            Ok(address) => address,
            Err(error) => return report.warning(format!("{error:#}")),
        };
        let listener = match TcpListener::bind((address, 0)).await {
            Ok(listener) => listener,
            Err(error) => {
                return report.warning(format!(
                    "whether kernels reach the server at {address} cannot be told: this host does not \
                     have that address ({error}); run this where the Jupyter server runs"
                ));
            }
        };
        match connection(docker, image, &network, &listener).await {
            Ok(Attempt::Connected) => {
                report.ok(format!("containers on the network `{network}` reach {address}"));
            }
            Ok(Attempt::Failed(reason)) => report.error(format!(
                "a container on the network `{network}` does not reach {address}, where the server \
                 waits for its kernels ({reason}); let the firewall pass it, or name another \
                 address of this host in {variable}"
            )),
            Ok(Attempt::Unknown) => report.warning(format!(
                "whether containers on the network `{network}` reach {address} cannot be told: the one \
                 that tries did not finish within {} s; run this again when the engine's host has \
                 less to do",
                LIMIT.as_secs()
            )),
            Err(error) => report.error(format!(
                "a container on the network `{network}` cannot be run: {error:#}"
            )),
        }
    }
}

/// The address of this host that the system would use to reach another. Nothing is sent.
fn source_address(there: &str) -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect((there, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// The result of a container's attempt to connect.
enum Attempt {
    Connected,
    /// Why it failed.
    Failed(String),
    /// It took too long, because of the host or of the network.
    Unknown,
}

/// Waits for a container to connect, or to report why it cannot.
async fn connection(
    docker: &Docker,
    image: &str,
    network: &str,
    listener: &TcpListener,
) -> Result<Attempt> {
    let engine = &docker.engine;
    let to = listener.local_addr()?;
    let probe = engine.create_probe(&request(image, network, to)).await?;
    let attempt = async {
        let mut output = engine.attach_output(&probe.id).await?;
        engine.start_container(&probe.id).await?;
        tokio::select! {
            accepted = listener.accept() => accepted.map(|_| Attempt::Connected).map_err(Into::into),
            failed = failure(&mut output) => failed.map(Attempt::Failed),
        }
    };
    let attempt = timeout(LIMIT, attempt).await.unwrap_or(Ok(Attempt::Unknown));
    docker.remove_probe(&probe.id).await?;
    attempt
}

/// Why a container could not connect: the end of its output. One that could writes nothing.
async fn failure(output: &mut Output) -> Result<String> {
    let mut written = Vec::new();
    while let Some((_, piece)) = output.next().await? {
        written.extend_from_slice(&piece);
        ensure!(written.len() < OUTPUT, "it says too much");
    }
    match reason(&String::from_utf8_lossy(&written)) {
        Some(reason) => Ok(reason),
        None => std::future::pending().await,
    }
}

/// Removes the position in the script that bash puts first.
fn reason(written: &str) -> Option<String> {
    let line = written.lines().map(str::trim).rfind(|line| !line.is_empty())?;
    Some(line.rsplit(": ").next().unwrap_or(line).to_owned())
}

/// A container that connects to an address from a network, and ends.
fn request(image: &str, network: &str, to: SocketAddr) -> Value {
    json!({
        "Image": image,
        "Entrypoint": ["/bin/bash", "-c", SCRIPT],
        "Cmd": [to.ip().to_string(), to.port().to_string()],
        "Labels": labels(),
        "HostConfig": {"AutoRemove": true, "LogConfig": {"Type": "none"}, "NetworkMode": network},
    })
}

#[cfg(test)]
mod tests {
    use super::reason;

    #[test]
    fn of_what_a_container_writes_the_end_is_the_reason() {
        let bash = "10.0.0.1: connect: Connection refused\n10.0.0.1: line 4: /dev/tcp/10.0.0.1/80: Connection \
                    refused\n";
        for (written, expected) in [
            (bash, Some("Connection refused")),
            ("no answer within 20 s\n\n", Some("no answer within 20 s")),
            (" \n", None),
            ("", None),
        ] {
            assert_eq!(reason(written).as_deref(), expected);
        }
    }
}
