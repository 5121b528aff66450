//! `launch_docker` as servers run it: by what `kernel.json` says, and with their environment.

use std::io::Write as _;
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use fs_err as fs;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::engine::FakeEngine;
use crate::sandbox::{LAUNCHER, Outcome, Sandbox};

pub(crate) const ID: &str = "5d0e2ad2-9d04-4d4c-b0e3-0d4f8a1b2c3d";
const KEY: &str = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQ==";

/// What a server has in its environment that is no kernel's business, or may be.
const OF_SERVER: [(&str, &str); 6] = [
    ("AWS_SECRET_ACCESS_KEY", "secret"),
    ("JPY_API_TOKEN", "secret"),
    ("JPY_PARENT_PID", "1"),
    ("JUPYTERHUB_API_TOKEN", "secret"),
    ("LANG", "C.UTF-8"),
    ("PATH", "/usr/bin"),
];

/// What both servers tell of a kernel.
pub(crate) const OF_KERNEL: [(&str, &str); 8] = [
    ("KERNEL_EXECUTOR_IMAGE", "foo/bar:v1"),
    ("KERNEL_GID", "2000"),
    ("KERNEL_ID", ID),
    ("KERNEL_IMAGE", "foo/bar:v1"),
    ("KERNEL_LANGUAGE", "python"),
    ("KERNEL_UID", "1500"),
    ("KERNEL_USERNAME", "Zoë@example.org"),
    ("KERNEL_WORKING_DIR", "/home/zoe"),
];

/// The installed launcher, run as `gateway_provisioners` runs it.
pub(crate) fn of_gateway_provisioners(
    sandbox: &Sandbox,
    engine: &FakeEngine,
    words: &[&str],
) -> Command {
    let mut installer = sandbox.installer();
    installer.env_remove("JUPYTER_DOCKER_SPEC_LAUNCHER").args(["--prefix=p", "--kernel-name=k"]);
    let outcome = sandbox.run(installer.args(words));
    assert_eq!(outcome.code(), Some(0), "{outcome}");

    launched_by_gateway_provisioners(sandbox, engine)
}

/// The launcher that is installed already.
pub(crate) fn launched_by_gateway_provisioners(sandbox: &Sandbox, engine: &FakeEngine) -> Command {
    let specification = sandbox.path("p/share/jupyter/kernels/k");
    let mut kernel_json = Sandbox::kernel_json(&specification);
    // As an administrator does, for a variable that all kernels of this specification get.
    kernel_json["env"]["OF_STANZA"] = "x y".into();
    fs::write(specification.join("kernel.json"), kernel_json.to_string()).unwrap();

    let argv = kernel_json["argv"].as_array().unwrap().iter().map(|word| {
        [
            ("{kernel_id}", ID),
            ("{port_range}", "40000..42000"),
            ("{response_address}", "192.0.2.1:8877"),
            ("{public_key}", KEY),
            ("{transport_encryption}", ""),
        ]
        .iter()
        .fold(word.as_str().unwrap().to_owned(), |word, (name, value)| word.replace(name, value))
    });
    let argv: Vec<String> = argv.collect();
    let mut command = sandbox.command(&argv[0]);
    command.args(&argv[1..]).envs(OF_SERVER).envs(OF_KERNEL).env("OF_STANZA", "x y");
    command.env("DOCKER_HOST", engine.host()).env("GP_DOCKER_NETWORK", "kernels");
    command
}

/// The launcher, run as Enterprise Gateway runs it: with what its administrator lets through.
fn of_enterprise_gateway(sandbox: &Sandbox, engine: &FakeEngine) -> Command {
    let mut command = sandbox.command(LAUNCHER);
    for (name, value) in [
        ("kernel-id", ID),
        ("port-range", "0..0"),
        ("response-address", "192.0.2.1:8877"),
        ("public-key", KEY),
        ("spark-context-initialization-mode", "lazy"),
    ] {
        command.arg(format!("--RemoteProcessProxy.{name}")).arg(value);
    }
    command.env_clear().envs(OF_KERNEL).envs([
        ("EG_DOCKER_MODE", "docker"),
        ("EG_DOCKER_NETWORK", "kernels"),
        ("EG_IMPERSONATION_ENABLED", "False"),
        ("EG_REMOVE_CONTAINER", "False"),
        ("KERNEL_GATEWAY", "1"),
        ("LET_THROUGH", "1"),
    ]);
    command.env("DOCKER_HOST", engine.host());
    command
}

/// What the launch asks of the engine: every request, and the body of the one that creates.
fn asked(sandbox: &Sandbox, engine: &FakeEngine, command: &mut Command) -> String {
    let outcome = sandbox.run(command);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let mut text = String::new();
    for (line, body) in engine.asked() {
        text += &line;
        text.push('\n');
        if body != Value::Null {
            text += &serde_json::to_string_pretty(&body).unwrap();
            text.push('\n');
        }
    }
    format!("{text}{outcome}")
}

#[test]
fn a_container_for_gateway_provisioners() {
    let (sandbox, engine) = (Sandbox::new(), FakeEngine::new());
    let mut command = of_gateway_provisioners(&sandbox, &engine, &[]);
    command.env("GP_DOCKER_MODE", "docker");
    assert_snapshot!(asked(&sandbox, &engine, &mut command), @r#"
    HEAD /_ping
    GET /images/foo%2Fbar%3Av1/json
    POST /containers/create?name=Zo--example-org-5d0e2ad2-9d04-4d4c-b0e3-0d4f8a1b2c3d
    {
      "Env": [
        "KERNEL_CLASS_NAME=ipykernel.ipkernel.IPythonKernel",
        "KERNEL_EXECUTOR_IMAGE=foo/bar:v1",
        "KERNEL_GID=2000",
        "KERNEL_ID=5d0e2ad2-9d04-4d4c-b0e3-0d4f8a1b2c3d",
        "KERNEL_IMAGE=foo/bar:v1",
        "KERNEL_LANGUAGE=python",
        "KERNEL_SPARK_CONTEXT_INIT_MODE=none",
        "KERNEL_UID=1500",
        "KERNEL_USERNAME=Zoë@example.org",
        "KERNEL_WORKING_DIR=/home/zoe",
        "LANG=C.UTF-8",
        "OF_STANZA=x y",
        "PORT_RANGE=40000..42000",
        "PUBLIC_KEY=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQ==",
        "RESPONSE_ADDRESS=192.0.2.1:8877"
      ],
      "Healthcheck": {
        "Test": [
          "NONE"
        ]
      },
      "HostConfig": {
        "AutoRemove": true,
        "GroupAdd": [
          "2000",
          "100"
        ],
        "NetworkMode": "kernels"
      },
      "Hostname": "Zo--example-org-5d0e2ad2-9d04-4d4c-b0e3-0d4f8a1b2c3d",
      "Image": "foo/bar:v1",
      "Labels": {
        "app": "gateway-provisioners",
        "component": "kernel",
        "kernel_id": "5d0e2ad2-9d04-4d4c-b0e3-0d4f8a1b2c3d",
        "kernelspec": "k"
      },
      "StopSignal": "SIGTERM",
      "User": "1500:2000",
      "WorkingDir": "/home/zoe"
    }
    GET /events?filters=%7B%22container%22%3A%5B%22c1%22%5D%2C%22event%22%3A%5B%22start%22%2C%22oom%22%2C%22kill%22%2C%22die%22%2C%22destroy%22%5D%2C%22type%22%3A%5B%22container%22%5D%7D&since=1
    POST /containers/c1/attach?stream=1&stdout=1&stderr=1
    POST /containers/c1/start
    exit status: 0
    "#);
}

#[test]
fn a_service_for_gateway_provisioners() {
    let (sandbox, engine) = (Sandbox::new(), FakeEngine::new());
    let mut command = of_gateway_provisioners(&sandbox, &engine, &["--swarm", "--language=R"]);
    command.env("GP_DOCKER_MODE", "swarm");
    assert_snapshot!(asked(&sandbox, &engine, &mut command), @r#"
    HEAD /_ping
    POST /services/create
    {
      "EndpointSpec": {
        "Mode": "dnsrr"
      },
      "Labels": {
        "app": "gateway-provisioners",
        "component": "kernel",
        "kernel_id": "5d0e2ad2-9d04-4d4c-b0e3-0d4f8a1b2c3d",
        "kernelspec": "k"
      },
      "Mode": {
        "Replicated": {
          "Replicas": 1
        }
      },
      "Name": "Zo--example-org-5d0e2ad2-9d04-4d4c-b0e3-0d4f8a1b2c3d",
      "TaskTemplate": {
        "ContainerSpec": {
          "Dir": "/home/zoe",
          "Env": [
            "KERNEL_EXECUTOR_IMAGE=foo/bar:v1",
            "KERNEL_GID=2000",
            "KERNEL_ID=5d0e2ad2-9d04-4d4c-b0e3-0d4f8a1b2c3d",
            "KERNEL_IMAGE=foo/bar:v1",
            "KERNEL_LANGUAGE=python",
            "KERNEL_SPARK_CONTEXT_INIT_MODE=none",
            "KERNEL_UID=1500",
            "KERNEL_USERNAME=Zoë@example.org",
            "KERNEL_WORKING_DIR=/home/zoe",
            "LANG=C.UTF-8",
            "OF_STANZA=x y",
            "PORT_RANGE=40000..42000",
            "PUBLIC_KEY=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQ==",
            "RESPONSE_ADDRESS=192.0.2.1:8877"
          ],
          "Groups": [
            "2000",
            "100"
          ],
          "Healthcheck": {
            "Test": [
              "NONE"
            ]
          },
          "Hostname": "Zo--example-org-5d0e2ad2-9d04-4d4c-b0e3-0d4f8a1b2c3d",
          "Image": "foo/bar:v1",
          "Labels": {
            "app": "gateway-provisioners",
            "component": "kernel",
            "kernel_id": "5d0e2ad2-9d04-4d4c-b0e3-0d4f8a1b2c3d",
            "kernelspec": "k"
          },
          "StopSignal": "SIGTERM",
          "User": "1500:2000"
        },
        "Networks": [
          {
            "Target": "kernels"
          }
        ],
        "RestartPolicy": {
          "Condition": "none"
        }
      }
    }
    GET /tasks?filters=%7B%22service%22%3A%5B%22s1%22%5D%7D
    GET /services/s1
    exit status: 0
    "#);
}

#[test]
fn a_container_for_enterprise_gateway() {
    let (sandbox, engine) = (Sandbox::new(), FakeEngine::new());
    let mut command = of_enterprise_gateway(&sandbox, &engine);
    assert_snapshot!(asked(&sandbox, &engine, &mut command), @r#"
    HEAD /_ping
    GET /images/foo%2Fbar%3Av1/json
    POST /containers/create?name=Zo--example-org-5d0e2ad2-9d04-4d4c-b0e3-0d4f8a1b2c3d
    {
      "Env": [
        "KERNEL_EXECUTOR_IMAGE=foo/bar:v1",
        "KERNEL_GATEWAY=1",
        "KERNEL_GID=2000",
        "KERNEL_ID=5d0e2ad2-9d04-4d4c-b0e3-0d4f8a1b2c3d",
        "KERNEL_IMAGE=foo/bar:v1",
        "KERNEL_LANGUAGE=python",
        "KERNEL_SPARK_CONTEXT_INIT_MODE=lazy",
        "KERNEL_UID=1500",
        "KERNEL_USERNAME=Zoë@example.org",
        "KERNEL_WORKING_DIR=/home/zoe",
        "LET_THROUGH=1",
        "PORT_RANGE=0..0",
        "PUBLIC_KEY=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQ==",
        "RESPONSE_ADDRESS=192.0.2.1:8877"
      ],
      "Healthcheck": {
        "Test": [
          "NONE"
        ]
      },
      "HostConfig": {
        "AutoRemove": false,
        "GroupAdd": [
          "2000",
          "100"
        ],
        "NetworkMode": "kernels"
      },
      "Hostname": "Zo--example-org-5d0e2ad2-9d04-4d4c-b0e3-0d4f8a1b2c3d",
      "Image": "foo/bar:v1",
      "Labels": {
        "app": "enterprise-gateway",
        "component": "kernel",
        "kernel_id": "5d0e2ad2-9d04-4d4c-b0e3-0d4f8a1b2c3d"
      },
      "StopSignal": "SIGTERM",
      "User": "1500:2000",
      "WorkingDir": "/home/zoe"
    }
    GET /events?filters=%7B%22container%22%3A%5B%22c1%22%5D%2C%22event%22%3A%5B%22start%22%2C%22oom%22%2C%22kill%22%2C%22die%22%2C%22destroy%22%5D%2C%22type%22%3A%5B%22container%22%5D%7D&since=1
    POST /containers/c1/attach?stream=1&stdout=1&stderr=1
    POST /containers/c1/start
    exit status: 0
    "#);
}

#[test]
fn the_socket_of_the_current_context_is_found_without_docker_host() {
    let (sandbox, engine) = (Sandbox::new(), FakeEngine::new());
    sandbox.file("home/.docker/config.json", r#"{"currentContext": "mine"}"#);
    let meta = format!(
        r#"{{"Name": "mine", "Endpoints": {{"docker": {{"Host": "{}"}}}}}}"#,
        engine.host()
    );
    sandbox.file("home/.docker/contexts/meta/0123/meta.json", meta);
    let mut command = of_enterprise_gateway(&sandbox, &engine);
    command.env_remove("DOCKER_HOST").env("HOME", sandbox.path("home"));
    assert!(asked(&sandbox, &engine, &mut command).contains("POST /containers/c1/start"));
}

/// A launch for which everything is there but the engine.
pub(crate) fn launch(sandbox: &Sandbox) -> Command {
    let mut command = sandbox.command(LAUNCHER);
    command.arg("--kernel-id").arg(ID).envs(OF_KERNEL);
    command.env("GP_DOCKER_MODE", "docker").env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
    command
}

#[test]
fn what_the_server_must_say_and_does_not() {
    let sandbox = Sandbox::new();
    let error = |command: &mut Command| format!("{}\n", sandbox.run(command).error());
    let mut errors = error(&mut sandbox.command(LAUNCHER));
    errors += &error(sandbox.command(LAUNCHER).arg("--kernel-id"));
    errors += &error(sandbox.command(LAUNCHER).args(["--kernel-id", "a/../b"]));
    errors += &error(launch(&sandbox).env_remove("KERNEL_IMAGE"));
    errors += &error(launch(&sandbox).env("KERNEL_IMAGE", ""));
    for (name, value) in [
        ("KERNEL_UID", "jovyan"),
        ("KERNEL_UID", "-1"),
        ("KERNEL_GID", "4294967296"),
        ("DOCKER_MODE", "kubernetes"),
        ("GP_DOCKER_MODE", "swarm"),
        ("GP_DOCKER_NETWORK", "host"),
        ("GP_REMOVE_CONTAINER", "perhaps"),
        ("GP_LAUNCH_TIMEOUT", "soon"),
        ("DOCKER_HOST", "npipe:////./pipe/docker"),
    ] {
        errors += &error(launch(&sandbox).env(name, value));
    }
    assert_snapshot!(errors, @"
    --kernel-id is required; a Jupyter server gives it to the launcher
    --kernel-id is required; a Jupyter server gives it to the launcher
    `--kernel-id` of `a/../b` must be at most 63 letters, digits, hyphens and underscores, such as a UUID
    ERROR - KERNEL_IMAGE not found in environment - kernel launch terminating!
    ERROR - KERNEL_IMAGE not found in environment - kernel launch terminating!
    `KERNEL_UID` of `jovyan` must be a number from 0 to 2147483647, in digits alone and without leading zeros
    `KERNEL_UID` of `-1` must be a number from 0 to 2147483647, in digits alone and without leading zeros
    `KERNEL_GID` of `4294967296` must be a number from 0 to 2147483647, in digits alone and without leading zeros
    `DOCKER_MODE` of `kubernetes` must be `docker` or `swarm`
    the network `bridge` exists on one node only and cannot carry a Swarm service: create one that spans the Swarm, `docker network create --driver overlay --attachable NAME`, attach the server to it, and name it in GP_DOCKER_NETWORK
    the server cannot reach a kernel on the network `host`, where a container has no address of its own: name another network in GP_DOCKER_NETWORK
    `GP_REMOVE_CONTAINER` of `perhaps` must be `true` or `false`
    `GP_LAUNCH_TIMEOUT` of `soon` must be a number of seconds greater than 0, and at most 1000000000
    DOCKER_HOST is `npipe:////./pipe/docker`: `npipe://` is not supported; write an address as `unix:///path`, `ssh://user@host` or `tcp://host:port`
    ");
}

#[test]
fn no_engine() {
    let sandbox = Sandbox::new();
    // Left by an engine that has gone.
    drop(UnixListener::bind(sandbox.path("stale.sock")).unwrap());
    sandbox.file("file.sock", "");
    let hosts = ["none.sock", "stale.sock", "file.sock"]
        .map(|name| sandbox.path(name).display().to_string());
    let hosts = hosts.iter().map(|path| format!("unix://{path}"));
    let errors = hosts.chain(["tcp://127.0.0.1:1".to_owned()]).map(|host| {
        let outcome = sandbox.run(launch(&sandbox).env("DOCKER_HOST", host));
        format!("{}\n", outcome.error())
    });
    assert_snapshot!(errors.collect::<String>(), @"
    found no Docker Engine at `unix://[ROOT]/none.sock`: No such file or directory (os error 2); start it, or set DOCKER_HOST to where it listens; in a container, mount its socket with `--volume /var/run/docker.sock:/var/run/docker.sock`
    found no Docker Engine at `unix://[ROOT]/stale.sock`: Connection refused (os error 111); start it, or set DOCKER_HOST to where it listens; in a container, mount its socket with `--volume /var/run/docker.sock:/var/run/docker.sock`
    found no Docker Engine at `unix://[ROOT]/file.sock`: Connection refused (os error 111); start it, or set DOCKER_HOST to where it listens; in a container, mount its socket with `--volume /var/run/docker.sock:/var/run/docker.sock`
    found no Docker Engine at `tcp://127.0.0.1:1`: Connection refused (os error 111); start it, or set DOCKER_HOST to where it listens
    ");
}

#[test]
fn something_else_that_listens() {
    let sandbox = Sandbox::new();
    let answers: [&[u8]; 6] = [
        b"",
        b"220 mail.example ESMTP\r\n",
        b"\x15\x03\x01\x00\x02\x02\x16",
        b"HTTP/1.1 200 OK\r\nApi-Ver",
        b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nApi-Version: 1.12\r\nContent-Length: 0\r\n\r\n",
    ];
    let errors = answers.map(|answer| {
        let engine = FakeEngine::saying(answer);
        let outcome = sandbox.run(launch(&sandbox).env("DOCKER_HOST", engine.host()));
        format!("{}\n", outcome.error()).replace(&engine.host(), "[ENGINE]")
    });
    assert_snapshot!(errors.concat(), @"
    failed to find the Docker Engine's version: lost the Docker Engine at `[ENGINE]`: connection closed before message completed
    failed to find the Docker Engine's version: `[ENGINE]` does not answer as a Docker Engine does: invalid HTTP version parsed
    failed to find the Docker Engine's version: `[ENGINE]` does not answer as a Docker Engine does: invalid HTTP version parsed
    failed to find the Docker Engine's version: lost the Docker Engine at `[ENGINE]`: connection closed before message completed
    failed to find the Docker Engine's version: `[ENGINE]` does not answer as a Docker Engine does: it does not name its version of the API
    the Docker Engine speaks version 1.12 of the API, which is too old: at least 1.40 is needed, that of Docker 19.03
    ");
}

#[test]
fn an_engine_that_refuses_in_its_own_words() {
    let sandbox = Sandbox::new();
    let engine = FakeEngine::saying(
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 43\r\n\r\n\
          {\"message\": \"denied\\n[I forged] \\u001b[2J\"}",
    );
    let outcome = sandbox.run(launch(&sandbox).env("DOCKER_HOST", engine.host()));
    assert_snapshot!(outcome, @r"
    exit status: 1
    ----- stderr -----
    [E [TIME] launch_docker] failed to find the Docker Engine's version: denied
        [I forged] \u{1b}[2J (status 403 from the Docker Engine)
    ");
}

#[test]
fn an_engine_that_does_not_answer() {
    let sandbox = Sandbox::new();
    let _mute = UnixListener::bind(sandbox.path("mute.sock")).unwrap();
    let host = format!("unix://{}", sandbox.path("mute.sock").display());
    let mut command = launch(&sandbox);
    let outcome = sandbox.run(command.env("DOCKER_HOST", host).env("GP_LAUNCH_TIMEOUT", "0.3"));
    assert!(outcome.error().contains("mute.sock` did not answer within 0."), "{outcome}");
}

/// The Docker SDK of the servers reads no `DOCKER_API_VERSION`, and takes `unix:/path`.
#[test]
fn what_servers_ignore_stops_no_launch() {
    for (variable, value) in [
        ("DOCKER_API_VERSION", "1.39"),
        ("DOCKER_API_VERSION", "1.99"),
        ("DOCKER_API_VERSION", "auto"),
        ("DOCKER_API_VERSION", "no version"),
        ("DOCKER_HOST", "unix:/"),
    ] {
        let (sandbox, engine) = (Sandbox::new(), FakeEngine::new());
        let mut command = of_enterprise_gateway(&sandbox, &engine);
        let value = match variable {
            "DOCKER_HOST" => format!("unix:{}", engine.socket().display()),
            _ => value.to_owned(),
        };
        let asked = asked(&sandbox, &engine, command.env(variable, &value));
        assert!(asked.contains("POST /containers/c1/start"), "{variable}={value}: {asked}");
    }
}

/// What an engine says of an image that it has, and of one that it does not have.
const HAS: &str = "200 OK";
const HAS_NOT: &str = "404 Not Found";

/// A launch from an image with this configuration, of which the engine says this unless it has pulled it: all
/// requests, and the mounts of the container.
fn mounts(at_first: &'static str, config: &Value, options: &str) -> (Vec<String>, Value, Outcome) {
    let sandbox = Sandbox::new();
    let keep = Arc::new(AtomicBool::new(at_first == HAS));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (asked, image) = (Arc::clone(&seen), json!({"Config": config}).to_string());
    let engine = FakeEngine::with(move |(line, body), stream, _| {
        let words: Vec<&str> = line.split([' ', '?']).collect();
        asked.lock().unwrap().push((format!("{} {}", words[0], words[1]), body));
        let (status, text) = match (words[0], words[1]) {
            (_, "/_ping") => ("200 OK", ""),
            ("POST", "/images/create") => {
                keep.store(true, Ordering::SeqCst);
                ("200 OK", "")
            }
            ("GET", "/images/foo%2Fbar%3Av1/json") if keep.load(Ordering::SeqCst) => {
                ("200 OK", image.as_str())
            }
            ("GET", path) if path.starts_with("/images/") => (at_first, "{}"),
            // It is enough that it was asked for.
            ("POST", "/containers/create") => ("500 No", r#"{"message": "seen"}"#),
            _ => ("404 Not Found", "{}"),
        };
        let head = format!("HTTP/1.1 {status}\r\nApi-Version: 1.41\r\nContent-Length");
        stream.write_all(format!("{head}: {}\r\n\r\n{text}", text.len()).as_bytes()).is_ok()
    });
    let mut command = of_gateway_provisioners(&sandbox, &engine, &[]);
    let file = sandbox.path("p/share/jupyter/kernels/k/scripts/launch_docker.toml");
    fs::write(file, options).unwrap();
    let outcome = sandbox.run(command.env("GP_DOCKER_MODE", "docker"));
    let asked = std::mem::take(&mut *seen.lock().unwrap());
    let create = asked.iter().find(|(line, _)| line == "POST /containers/create");
    let mounts = create.map_or(Value::Null, |(_, body)| body["HostConfig"]["Mounts"].clone());
    (asked.into_iter().map(|(line, _)| line).collect(), mounts, outcome)
}

fn labelled(path: &str) -> Value {
    let labels = json!({
        "app": "gateway-provisioners", "component": "kernel", "kernel_id": ID, "kernelspec": "k",
    });
    json!({"Type": "volume", "Target": path, "VolumeOptions": {"Labels": labels}})
}

#[test]
fn volumes_of_the_image_have_the_labels_of_the_kernel() {
    let of = |paths: &[&str]| {
        let volumes: serde_json::Map<_, _> =
            paths.iter().map(|path| ((*path).to_owned(), json!({}))).collect();
        json!({"Volumes": volumes})
    };
    let config = of(&["/data", "/more/"]);
    let (asked, mounts_, outcome) = mounts(HAS, &config, "");
    assert!(outcome.error().contains("seen"), "{outcome}");
    assert_eq!(mounts_, json!([labelled("/data"), labelled("/more/")]));
    assert_eq!(
        asked[..3],
        ["HEAD /_ping", "GET /images/foo%2Fbar%3Av1/json", "POST /containers/create"]
    );
    // What the engine has no mount for stays with it, and what is named twice is one.
    let (_, mounts_, _) = mounts(HAS, &of(&["/", "data", "/a/..", "/b", "/b/"]), "");
    assert_eq!(mounts_, json!([labelled("/b")]));
    for config in [json!({}), json!({"Volumes": null}), Value::Null] {
        assert_eq!(mounts(HAS, &config, "").1, Value::Null, "{config}");
    }
}

#[test]
fn what_takes_the_place_of_a_volume_of_the_image_is_left_as_it_is() {
    let config = json!({"Volumes": {"/data": {}}});
    for options in [
        "volumes = ['/srv:/data']",
        "volumes = ['/srv:/data/']",
        "volumes = ['/data']",
        "volumes = ['named:/data']",
        "tmpfs = ['/data/']",
        "mount_cwd = '/data'",
        "volumes = [{ type = 'tmpfs', target = '/data' }]",
        "volumes = [{ type = 'bind', source = '/srv', target = '/data', bind = { create_host_path = true } }]",
    ] {
        let (asked, mounts_, outcome) = mounts(HAS, &config, options);
        assert!(asked.contains(&"POST /containers/create".to_owned()), "{options}: {outcome}");
        assert!(!mounts_.to_string().contains("kernel_id"), "{options}: {mounts_}");
    }
    // Beside another mount.
    let (_, mounts_, _) = mounts(HAS, &config, "volumes = ['/srv:/other']");
    assert_eq!(mounts_.as_array().unwrap().len(), 2, "{mounts_}");
    assert_eq!(mounts_[1], labelled("/data"));
}

#[test]
fn an_image_need_not_be_looked_at() {
    let config = json!({"Volumes": {"/data": {}}});
    let (asked, mounts_, outcome) = mounts("403 Forbidden", &config, "volumes = ['/srv:/other']");
    assert!(asked.contains(&"POST /containers/create".to_owned()), "{outcome}");
    assert_eq!(mounts_.as_array().unwrap().len(), 1, "{mounts_}");
    assert!(outcome.error().contains("seen"), "{outcome}");
}

#[test]
fn an_image_is_looked_at_again_when_it_was_pulled() {
    let config = json!({"Volumes": {"/data": {}}});
    let (asked, mounts_, outcome) = mounts(HAS_NOT, &config, "");
    assert!(outcome.error().contains("seen"), "{outcome}");
    let look = "GET /images/foo%2Fbar%3Av1/json";
    assert_eq!(asked[1..5], [look, "POST /images/create", look, "POST /containers/create"]);
    assert_eq!(mounts_, json!([labelled("/data")]));
    let (asked, _, outcome) = mounts(HAS_NOT, &config, "pull_policy = 'never'");
    assert!(outcome.error().contains("pull_policy in launch_docker.toml is `never`"), "{outcome}");
    assert!(asked.iter().all(|line| !line.starts_with("POST ")), "{asked:?}");
}
