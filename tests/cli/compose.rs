//! `compose`: the text of Compose files, and the file that it goes to. What the programs make of it
//! that read Compose files is seen in `tests/engine/test_compose.py`.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use fs_err as fs;
use insta::assert_snapshot;

use crate::sandbox::{INSTALLER, Outcome, Sandbox};

fn compose(sandbox: &Sandbox, words: &[&str]) -> Outcome {
    sandbox.run(sandbox.command(INSTALLER).arg("compose").arg("--socket-gid=998").args(words))
}

/// The file that options come to.
fn written(words: &[&str]) -> String {
    let outcome = compose(&Sandbox::new(), words);
    assert_eq!((outcome.code(), outcome.stderr.lines().count()), (Some(0), 1), "{outcome}");
    outcome.stdout
}

fn first_line(outcome: &Outcome) -> &str {
    outcome.stderr.lines().next().unwrap_or_default()
}

#[test]
fn nobody_else_decides_by_a_link_what_is_replaced() {
    let sandbox = Sandbox::new();
    let (target, link) = (sandbox.file("target", "mine"), sandbox.path("link.yml"));
    std::os::unix::fs::symlink(&target, &link).unwrap();
    let own = std::os::unix::fs::lchown(&link, Some(4321), None).is_err();
    let outcome = compose(&sandbox, &["--output=link.yml", "--replace"]);
    // Only root can make it somebody else's.
    assert_eq!(outcome.code(), Some(i32::from(!own)), "{outcome}");
    assert_eq!(fs::read_to_string(target).unwrap() == "mine", !own);
    if !own {
        assert!(first_line(&outcome).contains("/link.yml is a symbolic link of somebody else's"));
    }
}

/// The lines that one file has and the other has not, in their order.
fn difference(from: &str, to: &str) -> String {
    let changes = similar::TextDiff::from_lines(from, to);
    let lines = changes.iter_all_changes().filter(|line| line.tag() != similar::ChangeTag::Equal);
    lines.fold(String::new(), |out, line| out + &format!("{}{line}", line.tag()))
}

#[test]
fn enterprise_gateway_in_a_container() {
    assert_snapshot!(written(&[]), @r#"
    # Enterprise Gateway, by jupyter-docker-spec. To start it:
    #
    #   docker compose up --detach
    #
    # Values like ${NAME:-default} are taken from the environment of that command, or from a file
    # .env beside this one.
    #
    # Every account of this host can start kernels, and needs no token for it unless EG_AUTH_TOKEN has
    # one; `--auth-token` has the file want one.
    services:
      enterprise-gateway:
        image: "${GATEWAY_IMAGE:-elyra/enterprise-gateway:3.3.0}"
        # Who may use the engine's socket can do anything on its host. The server need not be root
        # for that, only of the socket's group.
        user: "${GATEWAY_UID:-1000}:${DOCKER_GID:-998}"
        cap_drop:
          - "ALL"
        command:
          - "/bin/sh"
          - "-c"
          - "allowed=$$(printf %s \"$$EG_ALLOWED_KERNELS\" | tr -d '[]'); [ \"$$allowed\" != null ] || allowed=; exec \"$$@\" \"--KernelSpecManager.whitelist=[$$allowed]\""
          - "sh"
          - "jupyter"
          - "enterprisegateway"
          - "--ip=0.0.0.0"
          - "--port=8888"
          - "--EnterpriseGatewayApp.port_retries=0"
          - "--log-level=${EG_LOG_LEVEL:-INFO}"
          - "--RemoteMappingKernelManager.cull_idle_timeout=${EG_CULL_IDLE_TIMEOUT:-3600}"
          - "--RemoteMappingKernelManager.cull_interval=${EG_CULL_INTERVAL:-60}"
          - "--RemoteMappingKernelManager.cull_connected=${EG_CULL_CONNECTED:-False}"
          - "--RemoteMappingKernelManager.kernel_info_timeout=${EG_KERNEL_INFO_TIMEOUT:-60}"
          - "--KernelSpecManager.ensure_native_kernel=False"
        environment:
          EG_DOCKER_NETWORK: "${EG_DOCKER_NETWORK:-enterprise-gateway}"
          # What the gateway hands on to the launcher and to kernels.
          EG_INHERITED_ENVS: "DOCKER_HOST,DOCKER_CONFIG,EG_KERNEL_LAUNCH_TIMEOUT,EG_REMOVE_CONTAINER,${EG_INHERITED_ENVS:-TZ}"
          EG_KERNEL_LAUNCH_TIMEOUT: "${EG_KERNEL_LAUNCH_TIMEOUT:-60}"
          EG_LIST_KERNELS: "${EG_LIST_KERNELS:-True}"
          EG_MIRROR_WORKING_DIRS: "${EG_MIRROR_WORKING_DIRS:-False}"
          EG_RESPONSE_PORT: "${EG_RESPONSE_PORT:-8877}"
          # Handed on if they are set.
          EG_ALLOWED_KERNELS:
          EG_AUTH_TOKEN:
          EG_AUTHORIZED_USERS:
          EG_CLIENT_ENVS:
          EG_DEFAULT_KERNEL_NAME:
          EG_KERNEL_EXECUTOR_IMAGE:
          EG_KERNEL_IMAGE:
          EG_MAX_KERNELS:
          EG_MAX_KERNELS_PER_USER:
          EG_PORT_RANGE:
          EG_REMOVE_CONTAINER:
          EG_UNAUTHORIZED_USERS:
          TZ:
        volumes:
          - type: "bind"
            source: "${DOCKER_SOCKET:-/var/run/docker.sock}"
            target: "/var/run/docker.sock"
        networks:
          - "kernels"
        ports:
          - "127.0.0.1:${KG_PORT:-8888}:8888"
        healthcheck:
          test:
            - "CMD"
            - "python3"
            - "-c"
            - "import socket as s; s.socket(s.AF_UNIX).connect('/var/run/docker.sock'); import http.client as h; c = h.HTTPConnection('127.0.0.1', 8888, timeout=5); c.request('GET', '/api'); exit(c.getresponse().status >= 500)"
          interval: "10s"
          timeout: "10s"
          retries: 3
          start_period: "60s"
        # It ends its kernels before it ends itself.
        stop_grace_period: "60s"
        restart: "unless-stopped"
        labels:
          app: "enterprise-gateway"
          component: "enterprise-gateway"

    networks:
      kernels:
        # This name, and not one with that of the project or stack in front, is what kernels are
        # started with.
        name: "${EG_DOCKER_NETWORK:-enterprise-gateway}"
        driver: "bridge"
    "#);
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is what the file has")]
fn enterprise_gateway_in_a_swarm() {
    assert_snapshot!(difference(&written(&[]), &written(&["--swarm"])), @r#"
    -#   docker compose up --detach
    +#   docker stack deploy -c docker-compose.yml enterprise-gateway
    -# Values like ${NAME:-default} are taken from the environment of that command, or from a file
    -# .env beside this one.
    +# Values like ${NAME:-default} are taken from the environment of that command.
    -# Every account of this host can start kernels, and needs no token for it unless EG_AUTH_TOKEN has
    -# one; `--auth-token` has the file want one.
    +# Clients have to name the token that EG_AUTH_TOKEN must have.
    +version: "3.7"
    +
    +      EG_AUTH_TOKEN: "${EG_AUTH_TOKEN:?set it to a token that clients have to name}"
    -      EG_AUTH_TOKEN:
    -    ports:
    -      - "127.0.0.1:${KG_PORT:-8888}:8888"
    -    restart: "unless-stopped"
    +    deploy:
    +      # Each has kernels of its own, so there can be only one.
    +      replicas: 1
    +      # Kernels need its own address, not a virtual one.
    +      endpoint_mode: "dnsrr"
    +      labels:
    +        app: "enterprise-gateway"
    +        component: "enterprise-gateway"
    +      # Only managers can start services.
    +      placement:
    +        constraints:
    +          - "node.role == manager"
    +  enterprise-gateway-proxy:
    +    image: "${HAPROXY_IMAGE:-haproxy:lts-alpine}"
    +    entrypoint:
    +      - "/bin/sh"
    +      - "-c"
    +    command:
    +      - "printf '%s' \"$$HAPROXY_CFG\" > /tmp/haproxy.cfg && exec haproxy -W -db -f /tmp/haproxy.cfg"
    +    environment:
    +      HAPROXY_CFG: |
    +        global
    +          maxconn 4096
    +          hard-stop-after 5s
    +          log stdout format raw local0
    +
    +        defaults
    +          mode http
    +          log global
    +          option httplog
    +          option dontlognull
    +          option redispatch
    +          retries 3
    +          timeout connect 5s
    +          timeout client 1h
    +          timeout server 1h
    +          timeout tunnel 24h
    +          timeout http-request 60s
    +          timeout http-keep-alive 10s
    +          timeout queue 30s
    +
    +        resolvers docker
    +          nameserver engine 127.0.0.11:53
    +          resolve_retries 3
    +          timeout resolve 1s
    +          timeout retry 1s
    +          hold valid 1s
    +          hold obsolete 1s
    +
    +        frontend proxy
    +          bind :8888
    +          monitor-uri /haproxy-is-alive
    +          option forwardfor
    +          default_backend server
    +
    +        backend server
    +          option httpchk GET /api
    +          http-check expect rstatus ^[234]
    +          default-server inter 3s fastinter 1s rise 1 fall 3
    +          server-template server 1 enterprise-gateway:8888 check resolvers docker resolve-prefer ipv4 init-addr none
    +    ports:
    +      - target: 8888
    +        published: "${KG_PORT:-8888}"
    +        protocol: "tcp"
    +        mode: "${PUBLISH_MODE:-ingress}"
    +    networks:
    +      - "kernels"
    +    cap_drop:
    +      - "ALL"
    +    # Images without wget are not asked.
    +    healthcheck:
    +      test:
    +        - "CMD-SHELL"
    +        - "wget -q -O /dev/null http://127.0.0.1:8888/haproxy-is-alive || [ $$? = 127 ]"
    +      interval: "10s"
    +      timeout: "10s"
    +      retries: 3
    +    labels:
    +      app: "enterprise-gateway"
    +      component: "proxy"
    +    deploy:
    +      replicas: 1
    +      labels:
    +        app: "enterprise-gateway"
    +        component: "proxy"
    -    driver: "bridge"
    +    driver: "overlay"
    +    # For kernels that are containers.
    +    attachable: true
    "#);
}

#[test]
fn a_jupyter_server() {
    assert_snapshot!(written(&["--gateway=gateway-provisioners", "--image=my/jupyter:1.0"]), @r#"
    # A Jupyter server with gateway_provisioners, by jupyter-docker-spec. To start it:
    #
    #   docker compose up --detach
    #
    # Values like ${NAME:-default} are taken from the environment of that command, or from a file
    # .env beside this one.
    #
    # Clients have to name a token: that in JUPYTER_TOKEN, or one that the server makes when it starts,
    # and `docker compose logs` shows.
    services:
      jupyter:
        image: "${GATEWAY_IMAGE:-my/jupyter:1.0}"
        # Who may use the engine's socket can do anything on its host. The server need not be root
        # for that, only of the socket's group.
        user: "${GATEWAY_UID:-1000}:${DOCKER_GID:-998}"
        cap_drop:
          - "ALL"
        command:
          - "/bin/sh"
          - "-c"
          - "allowed=$$(printf %s \"$$JUPYTER_ALLOWED_KERNELS\" | tr -d '[]'); [ \"$$allowed\" != null ] || allowed=; exec \"$$@\" \"--KernelSpecManager.allowed_kernelspecs=[$$allowed]\""
          - "sh"
          - "jupyter"
          - "${JUPYTER_APP:-lab}"
          - "--no-browser"
          - "--ip=0.0.0.0"
          - "--port=8888"
          - "--ServerApp.port_retries=0"
          - "--ServerApp.terminals_enabled=${JUPYTER_TERMINALS:-False}"
          - "--log-level=${JUPYTER_LOG_LEVEL:-INFO}"
          - "--MappingKernelManager.cull_idle_timeout=${JUPYTER_CULL_IDLE_TIMEOUT:-0}"
          - "--MappingKernelManager.cull_interval=${JUPYTER_CULL_INTERVAL:-300}"
          - "--MappingKernelManager.cull_connected=${JUPYTER_CULL_CONNECTED:-False}"
          - "--MappingKernelManager.kernel_info_timeout=${JUPYTER_KERNEL_INFO_TIMEOUT:-60}"
          - "--KernelSpecManager.ensure_native_kernel=${JUPYTER_NATIVE_KERNEL:-False}"
        environment:
          GP_DOCKER_NETWORK: "${GP_DOCKER_NETWORK:-jupyter-kernels}"
          GP_MIRROR_WORKING_DIRS: "${GP_MIRROR_WORKING_DIRS:-False}"
          GP_RESPONSE_PORT: "${GP_RESPONSE_PORT:-8877}"
          # Handed on if they are set.
          GP_REMOVE_CONTAINER:
          JUPYTER_ALLOWED_KERNELS:
          JUPYTER_TOKEN:
          KERNEL_GID:
          KERNEL_UID:
          KERNEL_USERNAME:
          TZ:
        volumes:
          - type: "bind"
            source: "${DOCKER_SOCKET:-/var/run/docker.sock}"
            target: "/var/run/docker.sock"
        networks:
          - "kernels"
        ports:
          - "127.0.0.1:${JUPYTER_PORT:-8888}:8888"
        healthcheck:
          test:
            - "CMD"
            - "python3"
            - "-c"
            - "import socket as s; s.socket(s.AF_UNIX).connect('/var/run/docker.sock'); import http.client as h; c = h.HTTPConnection('127.0.0.1', 8888, timeout=5); c.request('GET', '/api'); exit(c.getresponse().status >= 500)"
          interval: "10s"
          timeout: "10s"
          retries: 3
          start_period: "60s"
        # It ends its kernels before it ends itself.
        stop_grace_period: "60s"
        restart: "unless-stopped"
        labels:
          app: "gateway-provisioners"
          component: "gateway-provisioners"

    networks:
      kernels:
        # This name, and not one with that of the project or stack in front, is what kernels are
        # started with.
        name: "${GP_DOCKER_NETWORK:-jupyter-kernels}"
        driver: "bridge"
    "#);
}

#[test]
fn options_are_defaults_of_variables() {
    let changed = written(&[
        "--image=localhost:5000/gateway@sha256:0000000000000000000000000000000000000000000000000000000000000000",
        "--uid=0",
        "--socket=unix:///run/user/1000/docker.sock",
        "--launch-timeout=90",
        "--kernel-info-timeout=91",
        "--cull-idle-timeout=0",
        "--allowed-kernels=R_docker, python_docker",
        "--allowed-kernels=x",
        "--authorized-users=bob,alice",
        "--unauthorized-users=root",
        "--mirror-working-dirs",
        "--network=net",
        "--network-driver=overlay",
        "--publish=127.0.0.2:9999",
        "--kernelspecs=/srv/jupyter/share/jupyter/kernels/",
        "--volume=data:/data:ro",
        "--volume=./here:/there",
        "-eEG_CULL_INTERVAL=5",
        "-e=EG_INHERITED_ENVS=A,B",
        "-eEG_AUTH_TOKEN",
        "-eOWN",
        "-eOTHER=a: #'\"",
    ]);
    assert_snapshot!(difference(&written(&[]), &changed), @r#"
    -    image: "${GATEWAY_IMAGE:-elyra/enterprise-gateway:3.3.0}"
    +    image: "${GATEWAY_IMAGE:-localhost:5000/gateway@sha256:0000000000000000000000000000000000000000000000000000000000000000}"
    -    user: "${GATEWAY_UID:-1000}:${DOCKER_GID:-998}"
    +    user: "${GATEWAY_UID:-0}:${DOCKER_GID:-998}"
    -      - "--RemoteMappingKernelManager.cull_idle_timeout=${EG_CULL_IDLE_TIMEOUT:-3600}"
    -      - "--RemoteMappingKernelManager.cull_interval=${EG_CULL_INTERVAL:-60}"
    +      - "--RemoteMappingKernelManager.cull_idle_timeout=${EG_CULL_IDLE_TIMEOUT:-0}"
    +      - "--RemoteMappingKernelManager.cull_interval=${EG_CULL_INTERVAL:-5}"
    -      - "--RemoteMappingKernelManager.kernel_info_timeout=${EG_KERNEL_INFO_TIMEOUT:-60}"
    +      - "--RemoteMappingKernelManager.kernel_info_timeout=${EG_KERNEL_INFO_TIMEOUT:-91}"
    -      EG_DOCKER_NETWORK: "${EG_DOCKER_NETWORK:-enterprise-gateway}"
    +      EG_DOCKER_NETWORK: "${EG_DOCKER_NETWORK:-net}"
    -      EG_INHERITED_ENVS: "DOCKER_HOST,DOCKER_CONFIG,EG_KERNEL_LAUNCH_TIMEOUT,EG_REMOVE_CONTAINER,${EG_INHERITED_ENVS:-TZ}"
    -      EG_KERNEL_LAUNCH_TIMEOUT: "${EG_KERNEL_LAUNCH_TIMEOUT:-60}"
    +      EG_INHERITED_ENVS: "DOCKER_HOST,DOCKER_CONFIG,EG_KERNEL_LAUNCH_TIMEOUT,EG_REMOVE_CONTAINER,${EG_INHERITED_ENVS:-A,B}"
    +      EG_KERNEL_LAUNCH_TIMEOUT: "${EG_KERNEL_LAUNCH_TIMEOUT:-90}"
    -      EG_MIRROR_WORKING_DIRS: "${EG_MIRROR_WORKING_DIRS:-False}"
    +      EG_MIRROR_WORKING_DIRS: "${EG_MIRROR_WORKING_DIRS:-True}"
    +      JUPYTER_PATH: "/srv/jupyter/share/jupyter"
    +      EG_ALLOWED_KERNELS: "${EG_ALLOWED_KERNELS:-'r_docker','python_docker','x'}"
    +      EG_AUTHORIZED_USERS: "${EG_AUTHORIZED_USERS:-alice,bob}"
    +      EG_UNAUTHORIZED_USERS: "${EG_UNAUTHORIZED_USERS:-root}"
    +      OTHER: "a: #'\""
    -      EG_ALLOWED_KERNELS:
    -      EG_AUTHORIZED_USERS:
    -      EG_UNAUTHORIZED_USERS:
    +      OWN:
    -        source: "${DOCKER_SOCKET:-/var/run/docker.sock}"
    +        source: "${DOCKER_SOCKET:-/run/user/1000/docker.sock}"
    +      - type: "bind"
    +        source: "/srv/jupyter/share/jupyter/kernels"
    +        target: "/srv/jupyter/share/jupyter/kernels"
    +        read_only: true
    +      - "data:/data:ro"
    +      - "./here:/there"
    -      - "127.0.0.1:${KG_PORT:-8888}:8888"
    +      - "127.0.0.2:${KG_PORT:-9999}:8888"
    -    name: "${EG_DOCKER_NETWORK:-enterprise-gateway}"
    -    driver: "bridge"
    +    name: "${EG_DOCKER_NETWORK:-net}"
    +    driver: "overlay"
    +    # For kernels that are containers.
    +    attachable: true
    +
    +volumes:
    +  data:
    +    name: "data"
    "#);
}

#[test]
fn options_of_a_swarm() {
    let changed = written(&[
        "--swarm",
        "--constraint=node.labels.gateway == true",
        "--constraint=node.role == manager",
        "--haproxy-image=proxy:1",
        "--publish-mode=host",
        "--publish=80",
        "--stats-port=9088",
        "--kernelspecs=specs",
        "--volume-driver=local",
        "--volume-opt=type=nfs",
        "--volume-opt=o=addr=nfs,ro",
        "--external-network",
    ]);
    assert_snapshot!(difference(&written(&["--swarm"]), &changed), @r#"
    +      - type: "volume"
    +        source: "specs"
    +        target: "/usr/local/share/jupyter/kernels"
    +        read_only: true
    +          - "node.labels.gateway == true"
    -    image: "${HAPROXY_IMAGE:-haproxy:lts-alpine}"
    +    image: "${HAPROXY_IMAGE:-proxy:1}"
    +
    +        listen stats
    +          bind :9088
    +          stats enable
    +          stats refresh 10s
    +          stats show-node
    +          stats uri /
    -        published: "${KG_PORT:-8888}"
    +        published: "${KG_PORT:-80}"
    +        protocol: "tcp"
    +        mode: "${PUBLISH_MODE:-host}"
    +      - target: 9088
    +        published: 9088
    -        mode: "${PUBLISH_MODE:-ingress}"
    +        mode: "${PUBLISH_MODE:-host}"
    -    driver: "overlay"
    -    # For kernels that are containers.
    -    attachable: true
    +    external: true
    +
    +volumes:
    +  specs:
    +    name: "specs"
    +    driver: "local"
    +    driver_opts:
    +      type: "nfs"
    +      o: "addr=nfs,ro"
    "#);
    let changed = written(&["--swarm", "--no-haproxy"]);
    let changed = difference(&written(&["--swarm"]), &changed);
    let added: Vec<&str> = changed.lines().filter(|line| line.starts_with('+')).collect();
    assert_snapshot!(added.join("\n"), @r#"
    +    ports:
    +      - target: 8888
    +        published: "${KG_PORT:-8888}"
    +        protocol: "tcp"
    +        mode: "host"
    "#);
    assert!(changed.contains("-  enterprise-gateway-proxy:"));
}

/// What is said of who reaches the server, in the file and on standard error, and where it is published
/// with which token.
fn access(words: &[&str]) -> String {
    let outcome = compose(&Sandbox::new(), words);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let said = outcome.stderr.replace(" [TIME] DockerSpecInstaller", "");
    let text = said.split_once("] ").unwrap().1.trim_end();
    let comments = outcome.stdout.lines().filter_map(|line| line.strip_prefix('#'));
    let comments: Vec<&str> = comments.flat_map(str::split_whitespace).collect();
    assert!(comments.join(" ").ends_with(text), "{outcome}");
    let lines = outcome.stdout.lines().map(str::trim);
    let kept = lines.filter(|line| {
        (line.contains("_PORT:-8") && !line.contains("RESPONSE")) || line.contains("_TOKEN:")
    });
    said + &kept.collect::<Vec<_>>().join("\n")
}

#[test]
fn who_reaches_the_server_is_told_and_from_elsewhere_it_is_nobody_without_a_token() {
    assert_snapshot!(access(&[]), @r#"
    [W] Every account of this host can start kernels, and needs no token for it unless EG_AUTH_TOKEN has one; `--auth-token` has the file want one.
    EG_AUTH_TOKEN:
    - "127.0.0.1:${KG_PORT:-8888}:8888"
    "#);
    assert_snapshot!(access(&["--auth-token"]), @r#"
    [I] Clients have to name the token that EG_AUTH_TOKEN must have.
    EG_AUTH_TOKEN: "${EG_AUTH_TOKEN:?set it to a token that clients have to name}"
    - "127.0.0.1:${KG_PORT:-8888}:8888"
    "#);
    assert_snapshot!(access(&["--publish=[::1]:80"]), @r#"
    [W] Every account of this host can start kernels, and needs no token for it unless EG_AUTH_TOKEN has one; `--auth-token` has the file want one.
    EG_AUTH_TOKEN:
    - "[::1]:${KG_PORT:-80}:8888"
    "#);
    for open in ["0.0.0.0:80", "[::]:80", "192.0.2.1:80"] {
        let text = access(&[&format!("--publish={open}")]);
        assert!(text.contains("EG_AUTH_TOKEN: \"${EG_AUTH_TOKEN:?set it"), "{text}");
    }
    assert_snapshot!(access(&["--publish=0.0.0.0:80", "--no-auth-token"]), @r#"
    [W] Whoever reaches the port can start kernels, and needs no token for it unless EG_AUTH_TOKEN has one; `--auth-token` has the file want one.
    EG_AUTH_TOKEN:
    - "0.0.0.0:${KG_PORT:-80}:8888"
    "#);
    assert_snapshot!(access(&["--swarm"]), @r#"
    [I] Clients have to name the token that EG_AUTH_TOKEN must have.
    EG_AUTH_TOKEN: "${EG_AUTH_TOKEN:?set it to a token that clients have to name}"
    published: "${KG_PORT:-8888}"
    "#);
    assert_snapshot!(access(&["--swarm", "--env=EG_AUTH_TOKEN"]), @r#"
    [I] Clients have to name the token that EG_AUTH_TOKEN must have.
    EG_AUTH_TOKEN: "${EG_AUTH_TOKEN:?set it to a token that clients have to name}"
    published: "${KG_PORT:-8888}"
    "#);
    assert_snapshot!(access(&["--swarm", "--env=EG_AUTH_TOKEN=x"]), @r#"
    [I] Clients have to name a token: that in EG_AUTH_TOKEN, or the one in this file, which is to be kept secret.
    EG_AUTH_TOKEN: "${EG_AUTH_TOKEN:-x}"
    published: "${KG_PORT:-8888}"
    "#);
    assert_snapshot!(access(&["--swarm", "--env=EG_AUTH_TOKEN="]), @r#"
    [I] Clients have to name the token that EG_AUTH_TOKEN must have.
    EG_AUTH_TOKEN: "${EG_AUTH_TOKEN:?set it to a token that clients have to name}"
    published: "${KG_PORT:-8888}"
    "#);
    let jupyter = "--gateway=gateway-provisioners";
    assert_snapshot!(access(&[jupyter]), @r#"
    [I] Clients have to name a token: that in JUPYTER_TOKEN, or one that the server makes when it starts, and `docker compose logs` shows.
    JUPYTER_TOKEN:
    - "127.0.0.1:${JUPYTER_PORT:-8888}:8888"
    "#);
    assert_snapshot!(access(&[jupyter, "--swarm"]), @r#"
    [I] Clients have to name a token: that in JUPYTER_TOKEN, or one that the server makes when it starts, and `docker service logs` shows.
    JUPYTER_TOKEN:
    published: "${JUPYTER_PORT:-8888}"
    "#);
    assert_snapshot!(access(&[jupyter, "--auth-token"]), @r#"
    [I] Clients have to name the token that JUPYTER_TOKEN must have.
    JUPYTER_TOKEN: "${JUPYTER_TOKEN:?set it to a token that clients have to name}"
    - "127.0.0.1:${JUPYTER_PORT:-8888}:8888"
    "#);
}

#[test]
fn allowed_kernels_are_read_as_by_the_gateways_image() {
    let text = written(&[]);
    let script = text.lines().find(|line| line.contains("whitelist=")).unwrap();
    let script: String = serde_json::from_str(script.trim().strip_prefix("- ").unwrap()).unwrap();
    let script = script.replace("$$", "$");
    for (given, expected) in [
        ("'a','b'", "--KernelSpecManager.whitelist=['a','b']"),
        ("['a','b']", "--KernelSpecManager.whitelist=['a','b']"),
        ("[\"a\", \"b\"]", "--KernelSpecManager.whitelist=[\"a\", \"b\"]"),
        ("[]", "--KernelSpecManager.whitelist=[]"),
        ("null", "--KernelSpecManager.whitelist=[]"),
        ("", "--KernelSpecManager.whitelist=[]"),
        ("'*'; $(id) `id`", "--KernelSpecManager.whitelist=['*'; $(id) `id`]"),
    ] {
        let sandbox = Sandbox::new();
        let mut shell = sandbox.command("/bin/sh");
        shell.args(["-c", &script, "sh", "printf", "%s\n", "a b"]);
        let outcome =
            sandbox.run(shell.env("EG_ALLOWED_KERNELS", given).env("PATH", "/usr/bin:/bin"));
        assert_eq!(outcome.stdout, format!("a b\n{expected}\n"), "{outcome}");
    }
}

/// As `install` reads them: what becomes a name with brackets would keep out nobody.
#[test]
fn lists_of_names_are_read_in_all_spellings() {
    let line = |words: &[&str], name: &str| {
        let text = written(words);
        let found = text.lines().find(|line| line.trim().starts_with(name));
        found.unwrap_or_else(|| panic!("no {name} in\n{text}")).trim().to_owned()
    };
    for (given, expected) in [
        ("mallory", "mallory"),
        (" mallory , eve,,", "eve,mallory"),
        ("['mallory']", "mallory"),
        ("[\"mallory\", \"eve\"]", "eve,mallory"),
        ("('mallory', 'eve')", "eve,mallory"),
        ("{'mallory'}", "mallory"),
        (" [ 'mallory' ,] ", "mallory"),
        ("['DOM\\\\eve']", "DOM\\\\eve"),
        ("~", "~"),
        ("~root", "~root"),
    ] {
        for (option, variable) in [
            ("--authorized-users", "EG_AUTHORIZED_USERS"),
            ("--unauthorized-users", "EG_UNAUTHORIZED_USERS"),
        ] {
            let expected = format!("{variable}: \"${{{variable}:-{expected}}}\"");
            let by_option = line(&[&format!("{option}={given}")], variable);
            assert_eq!(by_option, expected, "{given}");
            let by_variable = line(&[&format!("--env={variable}={given}")], variable);
            assert_eq!(by_variable, expected, "{given}");
        }
        if !given.contains(['\\', '~']) {
            let allowed = line(&[&format!("--allowed-kernels={given}")], "EG_ALLOWED_KERNELS");
            let names = expected.split(',').map(|name| format!("'{name}'"));
            let expected = names.collect::<Vec<_>>().join(",");
            let expected = format!("EG_ALLOWED_KERNELS: \"${{EG_ALLOWED_KERNELS:-{expected}}}\"");
            assert_eq!(allowed, expected, "{given}");
        }
    }
    // Nobody named is no list; a variable that is given is there, and names nobody.
    let nobody =
        written(&["--authorized-users=[]", "--unauthorized-users=", "--allowed-kernels=[]"]);
    assert_eq!(nobody, written(&[]));
    assert_eq!(
        line(&["--env=EG_UNAUTHORIZED_USERS=[]"], "EG_UNAUTHORIZED_USERS"),
        "EG_UNAUTHORIZED_USERS: \"\""
    );
    let everybody = written(&["--env=EG_AUTHORIZED_USERS=[]"]);
    assert_eq!(everybody, written(&["--env=EG_AUTHORIZED_USERS"]));
    assert_eq!(line(&["--env=OTHER=['a']"], "OTHER"), "OTHER: \"['a']\"");

    let sandbox = Sandbox::new();
    for word in ["--authorized-users=", "--authorized-users=['']", "--env=EG_AUTHORIZED_USERS=,"] {
        let outcome = compose(&sandbox, &[word]);
        assert!(
            outcome.error().contains("must name somebody; leave it out, or write []"),
            "{word}: {outcome}"
        );
    }
    for option in
        ["authorized-users", "unauthorized-users", "allowed-kernels", "env=EG_AUTHORIZED_USERS"]
    {
        for given in ["[mallory]", "['a'", "mallory]", "'a', b", "[1]"] {
            let outcome = compose(&sandbox, &[&format!("--{option}={given}")]);
            let named = format!("`--{}` of `{given}` must be a name,", option.replace('=', " "));
            assert!(outcome.error().starts_with(&named), "{outcome}");
        }
    }
}

#[test]
fn data_is_no_variable() {
    let text = written(&[
        "-eEG_AUTH_TOKEN=$HOME}",
        "-eEG_LOG_LEVEL=${x}",
        "-eEMPTY=",
        "-v/srv/$x:/data",
        "--kernelspecs=/a$b/kernels",
    ]);
    for line in [
        "EG_AUTH_TOKEN: \"$$HOME}\"",
        "- \"--log-level=$${x}\"",
        "EMPTY: \"\"",
        "- \"/srv/$$x:/data\"",
        "source: \"/a$$b/kernels\"",
        "target: \"/a$$b/kernels\"",
        "JUPYTER_PATH: \"/a$$b\"",
    ] {
        assert!(text.lines().any(|found| found.trim() == line), "no {line} in\n{text}");
    }
}

#[test]
fn an_engine_elsewhere_needs_no_socket() {
    let sandbox = Sandbox::new();
    let words = ["compose", "-eDOCKER_HOST=tcp://engine:2376"];
    let outcome = sandbox.run(sandbox.command(INSTALLER).args(words));
    assert_snapshot!(difference(&written(&[]), &outcome.stdout), @r#"
    -    user: "${GATEWAY_UID:-1000}:${DOCKER_GID:-998}"
    +    user: "${GATEWAY_UID:-1000}"
    +      DOCKER_HOST: "tcp://engine:2376"
    -    volumes:
    -      - type: "bind"
    -        source: "${DOCKER_SOCKET:-/var/run/docker.sock}"
    -        target: "/var/run/docker.sock"
    -        - "import socket as s; s.socket(s.AF_UNIX).connect('/var/run/docker.sock'); import http.client as h; c = h.HTTPConnection('127.0.0.1', 8888, timeout=5); c.request('GET', '/api'); exit(c.getresponse().status >= 500)"
    +        - "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8888, timeout=5); c.request('GET', '/api'); exit(c.getresponse().status >= 500)"
    "#);
}

#[test]
fn specifications_where_jupyter_looks_anyway_need_no_variable() {
    let text = written(&["--kernelspecs=/usr/local/share/jupyter/kernels"]);
    assert!(!text.contains("JUPYTER_PATH"), "{text}");
    // As the text of an image or a volume, a path begins with a point or a slash.
    let sandbox = Sandbox::new();
    let outcome = compose(&sandbox, &["--kernelspecs=./kernels"]);
    assert!(outcome.stdout.contains("source: \"[ROOT]/kernels\""), "{outcome}");
    let outcome = compose(&sandbox, &["--kernelspecs=kernels"]);
    assert!(outcome.stdout.contains("source: \"kernels\""), "{outcome}");
}

#[test]
fn what_cannot_be_is_refused() {
    let sandbox = Sandbox::new();
    let gp = "--gateway=gateway-provisioners";
    let errors = [
        &["--image=A b"][..],
        &["--network=a b"],
        &["--network=bridge"],
        &["--swarm", "--network-driver=bridge"],
        &["--swarm", "--publish=127.0.0.1:80"],
        &["--publish=0"],
        &["--publish=x:80"],
        &["--socket=docker.sock"],
        &["--socket=/s", "--env=DOCKER_HOST=tcp://h"],
        &["--kernelspecs=/srv/specs"],
        &["--kernelspecs=/srv/kernels", "--volume-opt=a=b"],
        &["--kernelspecs=specs", "--volume-opt=a"],
        &["--volume=a"],
        &["--volume=a:b"],
        &["--volume=a:/b:ro:z"],
        &["--env=1=2"],
        &["--env=A", "--env=A=1"],
        &["--launch-timeout=9", "--env=EG_KERNEL_LAUNCH_TIMEOUT=8"],
        &["--env=EG_DOCKER_NETWORK=a"],
        &["--allowed-kernels=a'b"],
        &[gp, "--launch-timeout=9"],
        &[gp, "--authorized-users=a"],
        &[gp, "--no-auth-token"],
    ]
    .map(|words| compose(&sandbox, words).error().to_owned());
    assert_snapshot!(errors.join("\n"), @"
    `--image` of `A b` must name an image
    `--network` of `a b` must be the name of a network: letters, numbers and `_.-`
    `--network` of `bridge` must be a network of its own, by whose name the engine finds the containers on it
    `--network-driver` must be one that a Swarm has, such as overlay
    `--publish` of `127.0.0.1:80` must be a port alone: a Swarm publishes it at all addresses
    `--publish` of `0` must be a port, or ADDRESS:PORT
    `--publish` of `x:80` must be a port, or ADDRESS:PORT
    `--socket` of `docker.sock` must be an absolute path
    `--env DOCKER_HOST` is for an engine elsewhere, and `--socket` for this one's
    `--kernelspecs` of `/srv/specs` must be a directory named `kernels`, such as PREFIX/share/jupyter/kernels after `install --prefix=PREFIX`, or the name of a volume
    `--volume-driver` and `--volume-opt` are for a volume, and `--kernelspecs` of `/srv/kernels` is a directory
    `--volume-opt` of `a` must be of the form `NAME=VALUE`
    `--volume` of `a` must be of the form `SOURCE:/TARGET[:OPTIONS]`
    `--volume` of `a:b` must be of the form `SOURCE:/TARGET[:OPTIONS]`
    `--volume` of `a:/b:ro:z` must be of the form `SOURCE:/TARGET[:OPTIONS]`
    `--env` of `1=2` must begin with the name of a variable
    `--env A` is given twice, or an option says the same
    `--env EG_KERNEL_LAUNCH_TIMEOUT` is given twice, or an option says the same
    `--env EG_DOCKER_NETWORK` is what `--network` says, for the network and the server
    Invalid kernel name `a'b`: it has a character that Jupyter does not allow in a kernel's name. Kernel names can only contain ASCII letters and numbers and these separators: - . _ (hyphen, period, and underscore).
    `--launch-timeout` is for Enterprise Gateway; gateway-provisioners has it in each specification: give it to `install`
    `--authorized-users` is for Enterprise Gateway; gateway-provisioners has it in each specification: give it to `install`
    `--no-auth-token` is for Enterprise Gateway; a Jupyter server makes a token if it gets none
    ");
    for words in [&["--haproxy-image=a"][..], &["--swarm", "--no-haproxy", "--publish-mode=host"]] {
        assert_eq!(compose(&sandbox, words).code(), Some(2));
    }
}

#[test]
fn a_group_that_is_not_known_has_to_be_named() {
    let sandbox = Sandbox::new();
    let run = |words: &[&str]| {
        let outcome = sandbox.run(sandbox.command(INSTALLER).arg("compose").args(words));
        let user = outcome.stdout.lines().find(|line| line.trim().starts_with("user:"));
        user.unwrap().trim().to_owned()
    };
    assert_snapshot!(run(&["--socket=/nonexistent"]), @r#"user: "${GATEWAY_UID:-1000}:${DOCKER_GID:?set it to the number of the group of the engine's socket}""#);
    // Otherwise it is that of the socket.
    let socket = sandbox.file("docker.sock", "");
    let group = fs::metadata(&socket).unwrap().gid();
    let socket = format!("--socket={}", socket.display());
    let expected = format!("user: \"${{GATEWAY_UID:-1000}}:${{DOCKER_GID:-{group}}}\"");
    assert_eq!(run(&[&socket]), expected);
}

#[test]
fn a_file_is_replaced_only_if_that_is_asked_for() {
    let sandbox = Sandbox::new();
    let path = sandbox.path("docker-compose.yml");
    let output = "--output=docker-compose.yml";

    let outcome = compose(&sandbox, &[output]);
    assert_eq!((outcome.code(), outcome.stdout.as_str()), (Some(0), ""), "{outcome}");
    assert_snapshot!(first_line(&outcome), @"[I [TIME] DockerSpecInstaller] Wrote [ROOT]/docker-compose.yml");
    let first = fs::read_to_string(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o133, 0);
    assert_snapshot!(first_line(&compose(&sandbox, &[output])), @"[I [TIME] DockerSpecInstaller] [ROOT]/docker-compose.yml is up to date");

    let outcome = compose(&sandbox, &[output, "--launch-timeout=90"]);
    assert_snapshot!(outcome.error(), @"[ROOT]/docker-compose.yml is there with other content; replace it with --replace, or write another file");
    assert_eq!(fs::read_to_string(&path).unwrap(), first);

    // Through a link, with the mode that it had.
    fs::rename(&path, sandbox.path("elsewhere.yml")).unwrap();
    std::os::unix::fs::symlink("elsewhere.yml", &path).unwrap();
    fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let outcome = compose(&sandbox, &[output, "--launch-timeout=90", "--replace"]);
    assert_snapshot!(first_line(&outcome), @"[I [TIME] DockerSpecInstaller] Wrote [ROOT]/elsewhere.yml");
    assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
    let replaced = fs::metadata(&path).unwrap();
    assert_eq!(replaced.permissions().mode() & 0o777, 0o600);
    assert!(fs::read_to_string(&path).unwrap().contains("EG_KERNEL_LAUNCH_TIMEOUT:-90"));

    assert_snapshot!(compose(&sandbox, &["--output=none/docker-compose.yml"]).error(), @r#"could not write [ROOT]/none/docker-compose.yml: No such file or directory (os error 2) at path "[ROOT]/none/[STAGING]""#);
    let left = fs::read_dir(sandbox.root()).unwrap();
    assert_eq!(
        left.filter(|entry| {
            entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".jupyter")
        })
        .count(),
        0
    );
}
