//! haproxy in front of a server in a Swarm.

use super::parts::{INSIDE, labels};
use super::variable::variable;
use super::yaml::{Map, Node};
use super::{Deployment, Proxy};
use crate::cli::PublishMode;

/// The port of its statistics, which Enterprise Gateway's own file publishes by default.
const STATS: u32 = 9088;

/// The path that haproxy answers without the server.
const ALIVE: &str = "/haproxy-is-alive";

/// The service. Its configuration is in its environment, so that the Compose file is complete.
pub(super) fn service(deployment: &Deployment, proxy: &Proxy, server: &str, port: &str) -> Map {
    let mode = match proxy.mode {
        PublishMode::Ingress => "ingress",
        PublishMode::Host => "host",
    };
    let mode = variable("PUBLISH_MODE", mode);
    let mut ports = vec![published(INSIDE, port.into(), &mode)];
    if let Some(stats) = proxy.stats {
        ports.push(published(STATS, u32::from(stats.get()).into(), &mode));
    }
    let write = "printf '%s' \"$$HAPROXY_CFG\" > /tmp/haproxy.cfg && exec haproxy -W -db -f /tmp/haproxy.cfg";
    let alive = format!("wget -q -O /dev/null http://127.0.0.1:{INSIDE}{ALIVE}");
    let labels = labels(deployment.server, "proxy");
    Map::default()
        .with("image", variable("HAPROXY_IMAGE", &proxy.image))
        .with("entrypoint", Node::texts(["/bin/sh", "-c"]))
        .with("command", Node::texts([write]))
        .with(
            "environment",
            Map::default().with("HAPROXY_CFG", configuration(server, proxy.stats.is_some())),
        )
        .with("ports", Node::List(ports))
        .with("networks", Node::texts(["kernels"]))
        .with("cap_drop", Node::texts(["ALL"]))
        .told(
            "Images without wget are not asked.",
            "healthcheck",
            Map::default()
                .with("test", Node::texts(["CMD-SHELL", &format!("{alive} || [ $$? = 127 ]")]))
                .with("interval", "10s")
                .with("timeout", "10s")
                .with("retries", 3),
        )
        .with("labels", labels.clone())
        .with("deploy", Map::default().with("replicas", 1).with("labels", labels))
}

/// A published port of a service.
pub(super) fn published(target: u32, published: Node, mode: &str) -> Node {
    Map::default()
        .with("target", target)
        .with("published", published)
        .with("protocol", "tcp")
        .with("mode", mode)
        .into()
}

/// The configuration. The server has no virtual address, so haproxy keeps asking the engine's name server for
/// the current one. Starting a kernel is one long request, and a notebook is one long connection.
fn configuration(server: &str, stats: bool) -> String {
    let stats = if stats {
        format!(
            "
listen stats
  bind :{STATS}
  stats enable
  stats refresh 10s
  stats show-node
  stats uri /
"
        )
    } else {
        String::new()
    };
    format!(
        "global
  maxconn 4096
  hard-stop-after 5s
  log stdout format raw local0

defaults
  mode http
  log global
  option httplog
  option dontlognull
  option redispatch
  retries 3
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout tunnel 24h
  timeout http-request 60s
  timeout http-keep-alive 10s
  timeout queue 30s

resolvers docker
  nameserver engine 127.0.0.11:53
  resolve_retries 3
  timeout resolve 1s
  timeout retry 1s
  hold valid 1s
  hold obsolete 1s

frontend proxy
  bind :{INSIDE}
  monitor-uri {ALIVE}
  option forwardfor
  default_backend server

backend server
  option httpchk GET /api
  http-check expect rstatus ^[234]
  default-server inter 3s fastinter 1s rise 1 fall 3
  server-template server 1 {server}:{INSIDE} check resolvers docker resolve-prefer ipv4 init-addr none
{stats}"
    )
}
