//! Whether containers reach the place where the server waits to hear from its kernels.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::docker::{self, Docker};
use super::parts::LABELS;
use super::report::Report;
use crate::env::Env;
use crate::settings::System;

/// How long a container may take to start and to connect.
const LIMIT: Duration = Duration::from_secs(10);

/// Where the server listens.
pub(super) struct Listening<'a> {
    /// Whose kernels they are.
    pub(super) system: System,
    /// What the server itself would take for its address, if it could be asked.
    pub(super) of_server: Option<&'a str>,
    /// This program's environment.
    pub(super) env: &'a Env,
}

impl Listening<'_> {
    /// The variable that names the address to a server.
    fn variable(&self) -> String {
        format!("{}_RESPONSE_IP", self.system.short())
    }

    /// The address that the server gives to its kernels: the one it is told, else the one it takes,
    /// else the one of this host that leads to the network of the kernels.
    pub(super) async fn address(&self, docker: &Docker) -> Result<IpAddr> {
        let variable = self.variable();
        if let Some(address) = self.env.get(&variable) {
            return address.parse().with_context(|| format!("{variable} of `{address}`"));
        }
        if let Some(address) = self.of_server.and_then(|address| address.parse().ok()) {
            return Ok(address);
        }
        let (network, _) = docker::network(self.system, self.env);
        let mut ways = Vec::new();
        // Services have a second network, by which they reach the hosts that they run on.
        for network in [network.as_str(), "docker_gwbridge"] {
            if let Ok(network) = docker.engine.inspect_network(network).await {
                ways.extend(network.gateway().map(str::to_owned));
            }
        }
        ways.iter().find_map(|gateway| source_address(gateway)).with_context(|| {
            format!(
                "this host has no way to the network of the kernels, `{network}`; run this where \
                 the Jupyter server runs, or name an address in {variable}"
            )
        })
    }

    /// Has a container of this image connect to this host. The image needs a `bash`, as the bootstrap
    /// of the kernel images does.
    pub(super) async fn check(&self, docker: &Docker, image: &str, report: &mut Report) {
        let (network, _) = docker::network(self.system, self.env);
        let variable = self.variable();
        let address = match self.address(docker).await {
            Ok(address) => address,
            Err(error) => return report.warning(format!("{error:#}")),
        };
        let listener = match TcpListener::bind((address, 0)).await {
            Ok(listener) => listener,
            Err(error) => {
                return report.warning(format!(
                    "whether kernels reach the server at {address} cannot be told: that is no \
                     address of this host ({error}); run this where the Jupyter server runs"
                ));
            }
        };
        match connection(docker, image, &network, &listener).await {
            Ok(()) => report.ok(format!("containers on the network `{network}` reach {address}")),
            Err(error) => report.error(format!(
                "a container on the network `{network}` does not reach {address}, where the server \
                 waits for its kernels ({error:#}); let the firewall pass it, or name another \
                 address of this host in {variable}"
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

/// Waits for a container to connect.
async fn connection(
    docker: &Docker,
    image: &str,
    network: &str,
    listener: &TcpListener,
) -> Result<()> {
    let engine = &docker.engine;
    let to = listener.local_addr()?;
    let probe = engine.create_probe(&request(image, network, to)).await?;
    let connected = async {
        engine.start_container(&probe.id).await?;
        match timeout(LIMIT, listener.accept()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(anyhow!(error)),
            Err(_) => bail!("nothing came within {} s", LIMIT.as_secs()),
        }
    };
    let connected = connected.await;
    docker.remove_probe(&probe.id).await?;
    connected
}

/// A container on a network that connects to an address when it is started, and ends.
fn request(image: &str, network: &str, to: SocketAddr) -> Value {
    json!({
        "Image": image,
        "Entrypoint": ["/bin/bash", "-c", "exec 3<>/dev/tcp/$0/$1"],
        "Cmd": [to.ip().to_string(), to.port().to_string()],
        "Labels": LABELS.into_iter().collect::<BTreeMap<_, _>>(),
        "HostConfig": {"NetworkMode": network, "AutoRemove": true},
    })
}
