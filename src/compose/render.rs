//! Renders a deployment as a Compose file. Pure.

use super::command::command;
use super::parts::{INSIDE, labels};
use super::proxy;
use super::servers::Variable;
use super::variable::{data, required, variable};
use super::yaml::{Map, Node};
use super::{Deployment, KERNELS, Kernelspecs, SEARCHED, SOCKET, volume_name};

/// The longest line of a comment.
const WIDTH: usize = 98;

/// Any answer shows that the server is up, even that a token is missing. Kernels also need the engine.
const HEALTHY: &str = "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8888, timeout=5); \
                       c.request('GET', '/api'); exit(c.getresponse().status >= 500)";
const ENGINE: &str = "import socket as s; s.socket(s.AF_UNIX).connect('/var/run/docker.sock'); ";

/// The error for the unset variable in a file that requires a token.
const TOKEN: &str = "set it to a token that clients have to name";

/// The text of the Compose file.
pub(crate) fn render(deployment: &Deployment) -> String {
    let name = deployment.server.name;
    let mut services = Map::default().with(name, server(deployment));
    if let Some(proxy) = &deployment.proxy {
        let service = proxy::service(deployment, proxy, name, &port(deployment));
        services = services.with(&format!("{name}-proxy"), service);
    }
    let volumes = volumes(deployment);
    // `docker stack deploy` of Docker 20.10 rejects a file without a version; Compose needs none, and warns
    // of each file that has one.
    let heading = heading(deployment);
    let map = if deployment.swarm {
        Map::default().told(&heading, "version", "3.7").with("services", services)
    } else {
        Map::default().told(&heading, "services", services)
    };
    map.with("networks", Map::default().with("kernels", network(deployment)))
        .maybe("volumes", Some(volumes).filter(|volumes| !volumes.is_empty()))
        .document()
}

fn heading(deployment: &Deployment) -> String {
    let (what, name) = (deployment.server.title, deployment.server.name);
    let (how, variables) = if deployment.swarm {
        (
            format!("docker stack deploy -c docker-compose.yml {name}"),
            "Values like ${NAME:-default} are taken from the environment of that command.",
        )
    } else {
        (
            "docker compose up --detach".to_owned(),
            "Values like ${NAME:-default} are taken from the environment of that command, or from a \
             file\n.env beside this one.",
        )
    };
    let access = textwrap::fill(&deployment.access().0, WIDTH);
    format!("{what}, by jupyter-docker-spec. To start it:\n\n  {how}\n\n{variables}\n\n{access}\n")
}

fn server(deployment: &Deployment) -> Map {
    let server = deployment.server;
    let image = match &deployment.image {
        Some(image) => variable("GATEWAY_IMAGE", image),
        None => required(
            "GATEWAY_IMAGE",
            "an image with jupyter_server and gateway_provisioners[docker]",
        ),
    };
    let labels = labels(server, server.system.facts().label);
    let engine = deployment.socket.as_ref().map_or("", |_| ENGINE);
    let map = Map::default().with("image", image).told(
        "Who may use the engine's socket can do anything on its host. The server need not be root\n\
         for that, only of the socket's group.",
        "user",
        user(deployment),
    );
    let map = map
        .with("cap_drop", Node::texts(["ALL"]))
        .with("command", Node::texts(command(deployment)))
        .with("environment", environment(deployment))
        .maybe("volumes", Some(mounts(deployment)).filter(|mounts| !mounts.is_empty()))
        .with("networks", Node::texts(["kernels"]));
    let map = match (&deployment.proxy, deployment.swarm) {
        (Some(_), _) => map,
        (None, true) => {
            let port = port(deployment).into();
            map.with("ports", Node::List(vec![proxy::published(INSIDE, port, "host")]))
        }
        (None, false) => {
            let address = match deployment.address {
                None => String::new(),
                Some(address) if address.is_ipv6() => format!("[{address}]:"),
                Some(address) => format!("{address}:"),
            };
            map.with("ports", Node::texts([format!("{address}{}:{INSIDE}", port(deployment))]))
        }
    };
    let map = map
        .with(
            "healthcheck",
            Map::default()
                .with("test", Node::texts(["CMD", "python3", "-c", &format!("{engine}{HEALTHY}")]))
                .with("interval", "10s")
                .with("timeout", "10s")
                .with("retries", 3)
                .with("start_period", "60s"),
        )
        .told("It ends its kernels before it ends itself.", "stop_grace_period", "60s");
    if !deployment.swarm {
        return map.with("restart", "unless-stopped").with("labels", labels);
    }
    let constraints = deployment.constraints.iter().map(|constraint| data(constraint));
    map.with("labels", labels.clone()).with(
        "deploy",
        Map::default()
            .told("Each has kernels of its own, so there can be only one.", "replicas", 1)
            .told("Kernels need its own address, not a virtual one.", "endpoint_mode", "dnsrr")
            .with("labels", labels)
            .told(
                "Only managers can start services.",
                "placement",
                Map::default().with("constraints", Node::texts(constraints)),
            ),
    )
}

/// User and group of the server.
fn user(deployment: &Deployment) -> String {
    let user = variable("GATEWAY_UID", &deployment.uid.to_string());
    if deployment.socket.is_none() {
        return user;
    }
    let group = match deployment.socket_gid {
        Some(gid) => variable("DOCKER_GID", &gid.to_string()),
        None => required("DOCKER_GID", "set it to the number of the group of the engine's socket"),
    };
    format!("{user}:{group}")
}

fn port(deployment: &Deployment) -> String {
    variable(deployment.server.port_variable, &deployment.port.to_string())
}

fn environment(deployment: &Deployment) -> Map {
    let server = deployment.server;
    let variable_of_network = server.system.facts().network_variable;
    let mut map = Map::default().with(variable_of_network, network_name(deployment));
    for Variable { name, prefix, default, comment } in server.environment {
        let value = variable(name, deployment.given(name).unwrap_or(default));
        let value = format!("{prefix}{value}");
        map = match *comment {
            "" => map.with(name, value),
            comment => map.told(comment, name, value),
        };
    }
    if let Some(Kernelspecs::Directory(path)) = &deployment.kernelspecs {
        let data_directory = path.trim_end_matches("/kernels");
        if !SEARCHED.contains(&data_directory) && deployment.given("JUPYTER_PATH").is_none() {
            map = map.with("JUPYTER_PATH", data(data_directory));
        }
    }
    let mut optional: Vec<(&str, Option<String>)> = server
        .optional
        .iter()
        .map(|name| {
            let value = deployment.given(name).map(|value| variable(name, value));
            let wanted = deployment.wants_token && deployment.token().is_none();
            let is_token = wanted && *name == server.token_variable;
            (*name, if is_token { Some(required(name, TOKEN)) } else { value })
        })
        .collect();
    for (name, value) in &deployment.environment {
        let known = optional.iter().any(|(known, _)| known == name) || map.has(name);
        if !known && !server.command.iter().any(|(_, known, _)| known == name) {
            // Not a variable of the file: its user's environment may have one of this name, such as HOME.
            optional.push((name, value.as_deref().map(data)));
        }
    }
    let mut comment = Some("Handed on if they are set.");
    optional.sort_by_key(|(_, value)| value.is_none());
    for (name, value) in optional {
        map = match value {
            Some(value) => map.with(name, value),
            None => match comment.take() {
                Some(comment) => map.told(comment, name, Node::Null),
                None => map.with(name, Node::Null),
            },
        };
    }
    map
}

fn mounts(deployment: &Deployment) -> Vec<Node> {
    let mut mounts = Vec::new();
    if let Some(socket) = &deployment.socket {
        mounts.push(
            Map::default()
                .with("type", "bind")
                .with("source", variable("DOCKER_SOCKET", socket))
                .with("target", SOCKET)
                .into(),
        );
    }
    match &deployment.kernelspecs {
        None => {}
        Some(Kernelspecs::Directory(path)) => mounts.push(
            Map::default()
                .with("type", "bind")
                .with("source", data(path))
                .with("target", data(path))
                .with("read_only", true)
                .into(),
        ),
        Some(Kernelspecs::Volume { name, .. }) => mounts.push(
            Map::default()
                .with("type", "volume")
                .with("source", name.as_str())
                .with("target", KERNELS)
                .with("read_only", true)
                .into(),
        ),
    }
    mounts.extend(deployment.volumes.iter().map(|volume| data(volume).into()));
    mounts
}

/// The named volumes. Their names have no prefix of the project or stack.
fn volumes(deployment: &Deployment) -> Map {
    let mut map = Map::default();
    if let Some(Kernelspecs::Volume { name, driver, options }) = &deployment.kernelspecs {
        let mut of_driver = Map::default();
        for (option, value) in options {
            of_driver = of_driver.with(option, data(value));
        }
        map = map.with(
            name,
            Map::default()
                .with("name", name.as_str())
                .maybe("driver", driver.as_deref().map(data))
                .maybe("driver_opts", Some(of_driver).filter(|options| !options.is_empty())),
        );
    }
    for name in deployment.volumes.iter().filter_map(|volume| volume_name(volume)) {
        if !map.has(name) {
            map = map.with(name, Map::default().with("name", name));
        }
    }
    map
}

fn network_name(deployment: &Deployment) -> String {
    variable(deployment.server.system.facts().network_variable, &deployment.network)
}

fn network(deployment: &Deployment) -> Map {
    let name = Map::default().told(
        "This name, and not one with that of the project or stack in front, is what kernels are\n\
         started with.",
        "name",
        network_name(deployment),
    );
    match &deployment.network_driver {
        None => name.with("external", true),
        Some(driver) if driver == "bridge" => name.with("driver", driver.as_str()),
        Some(driver) => name.with("driver", driver.as_str()).told(
            "For kernels that are containers.",
            "attachable",
            true,
        ),
    }
}
