//! What a notebook's user or a client of the gateway says in `KERNEL_` variables stays data, and what
//! is secret stays where it is: docs/security.md.

use std::collections::BTreeSet;
use std::process::Command;

use fs_err as fs;
use serde_json::{Value, json};

use crate::engine::FakeEngine;
use crate::hostile::{EVIL, RAW};
use crate::launch::{ID, launched_by_gateway_provisioners, of_gateway_provisioners};
use crate::sandbox::{INSTALLER, Outcome, Sandbox, contents};

/// What has a meaning somewhere.
const VALUES: [&str; 13] = [
    EVIL,
    "../../etc",
    "/etc/passwd:/x",
    "a\",\"Labels\":{\"x\":\"y\"},\"",
    "$HOME ${HOME} $(id) `id`",
    "{username}{kernel_id}${KERNEL_ID}{{.ID}}",
    "A=B\nC=D",
    "\r\nHost: evil\r\n\r\nGET /",
    "&name=x#?a=b%00%0d%0a",
    "\u{202e}\u{2066}\u{feff}\u{200f}",
    "'; --privileged",
    "-v/:/host",
    "🐍 Ünïcödé \\ \\\\ \\n",
];

/// Variables that clients may send, those with a meaning for the launcher first.
const NAMES: [&str; 9] = [
    "KERNEL_USERNAME",
    "KERNEL_WORKING_DIR",
    "KERNEL_IMAGE",
    "KERNEL_LANGUAGE",
    "KERNEL_EXECUTOR_IMAGE",
    "KERNEL_CLASS_NAME",
    "KERNEL_CPUS",
    "KERNEL_ID",
    "KERNEL_X",
];

/// Every line is the beginning of a record of ours, or indented; nothing raw is in it.
pub(crate) fn assert_harmless(outcome: &Outcome) {
    assert!(!outcome.stderr.contains(RAW) && !outcome.stdout.contains(RAW), "{outcome:}");
    for line in outcome.stderr.lines() {
        let own = ["] launch_docker]", " launch_docker] "].iter().any(|mark| line.contains(mark));
        assert!(line.is_empty() || line.starts_with("    ") || own, "{line:?}\n{outcome}");
    }
}

/// The body of the request that creates the container, after making sure that the requests are those of
/// a launch.
fn created(engine: &FakeEngine) -> Option<Value> {
    let allowed = ["host", "user-agent", "content-type", "content-length"];
    for head in engine.heads() {
        let mut lines = head.trim_end().split("\r\n");
        let first = lines.next().unwrap();
        let is_plain = |c: char| c.is_ascii_graphic() || c == ' ';
        assert!(first.chars().all(is_plain) && first.matches(' ').count() == 2, "{first}");
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            assert!(allowed.contains(&name), "{head:?}");
            assert!(name != "host" || value == "localhost", "{head:?}");
        }
    }
    let (line, body) = engine.asked().into_iter().find(|(line, _)| line.contains("/create"))?;
    let name = line.strip_prefix("POST /containers/create?name=").unwrap();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    assert!(name.ends_with(ID) && name.len() <= 63 && name.chars().all(plain), "{line}");
    Some(body)
}

/// The launcher of containers, installed once.
pub(crate) fn launcher(sandbox: &Sandbox, engine: &FakeEngine) -> Command {
    let mut command = if sandbox.path("p").exists() {
        launched_by_gateway_provisioners(sandbox, engine)
    } else {
        of_gateway_provisioners(sandbox, engine, &[])
    };
    command.env("GP_DOCKER_MODE", "docker");
    command
}

fn launched(
    sandbox: &Sandbox,
    settings: &str,
    variables: &[(&str, &str)],
) -> (Outcome, Option<Value>) {
    let engine = FakeEngine::new();
    let mut command = launcher(sandbox, &engine);
    let file = sandbox.path("p/share/jupyter/kernels/k/scripts/launch_docker.toml");
    fs::write(file, settings).unwrap();
    let outcome = sandbox.run(command.envs(variables.iter().copied()));
    assert!(matches!(outcome.code(), Some(0 | 1)), "{variables:?}: {outcome}");
    assert_harmless(&outcome);
    (outcome, created(&engine))
}

#[test]
fn what_users_say_stays_in_its_place_in_the_request() {
    let sandbox = Sandbox::new();
    let (_, harmless) = launched(&sandbox, "", &[]);
    let harmless = harmless.unwrap();
    let long = "x".repeat(60_000);
    for value in VALUES.into_iter().chain([long.as_str()]) {
        let variables = NAMES.map(|name| (name, value));
        let (outcome, request) = launched(&sandbox, "", &variables);
        let mut request = request.unwrap_or_else(|| panic!("{value}: {outcome}"));
        let mut given: BTreeSet<String> = serde_json::from_value(request["Env"].take()).unwrap();
        let mut usual: BTreeSet<String> = serde_json::from_value(harmless["Env"].clone()).unwrap();
        for name in NAMES {
            usual.retain(|entry| !entry.starts_with(&format!("{name}=")));
            // The server says these two itself.
            let value = match name {
                "KERNEL_ID" => ID,
                "KERNEL_CLASS_NAME" => "ipykernel.ipkernel.IPythonKernel",
                _ => value,
            };
            assert!(given.remove(&format!("{name}={value}")), "{name}={value}");
        }
        assert_eq!(given, usual, "{value}");
        assert_eq!(request["Image"].take(), value);
        assert_eq!(request["WorkingDir"].take(), value);
        let name = request["Hostname"].take();
        assert!(name.as_str().unwrap().ends_with(ID), "{name}");
        let mut expected = harmless.clone();
        for field in ["Env", "Image", "WorkingDir", "Hostname"] {
            expected[field] = Value::Null;
        }
        assert_eq!(request, expected, "{value}");
    }
}

#[test]
fn numbers_that_are_none_are_refused_in_one_record() {
    let sandbox = Sandbox::new();
    for name in ["KERNEL_UID", "KERNEL_GID"] {
        for value in VALUES.into_iter().chain(["-1", "0x0", "1e3", "99999999999"]) {
            let (outcome, request) = launched(&sandbox, "", &[(name, value)]);
            assert!(outcome.error().contains(name) && request.is_none(), "{outcome}");
        }
    }
}

#[test]
fn what_users_say_is_one_part_of_a_path_or_is_refused() {
    const SETTINGS: &str = "volumes = ['/srv/{username}/{language}:/work', '/x/${KERNEL_X:-y}:/y']\n\
        labels.user = '{username}'\n[client_overrides]\nmemory = '1g'\nimage = ['my/*']\n";
    let sandbox = Sandbox::new();
    for value in VALUES {
        for name in ["KERNEL_USERNAME", "KERNEL_LANGUAGE", "KERNEL_X"] {
            let (outcome, request) =
                launched(&sandbox, SETTINGS, &[("KERNEL_IMAGE", "my/a"), (name, value)]);
            if value.contains('/') {
                assert!(outcome.error().contains("one part of a path"), "{outcome}");
                assert!(request.is_none());
                continue;
            }
            let request = request.unwrap_or_else(|| panic!("{name}={value:?}: {outcome}"));
            let mounts = request["HostConfig"]["Mounts"].as_array().unwrap();
            let kinds: Vec<_> =
                mounts.iter().map(|mount| (&mount["Type"], &mount["Target"])).collect();
            assert_eq!(kinds, [(&json!("bind"), &json!("/work")), (&json!("bind"), &json!("/y"))]);
            for (mount, root) in mounts.iter().zip(["/srv/", "/x/"]) {
                let source = mount["Source"].as_str().unwrap();
                assert!(
                    source.starts_with(root) && !source.split('/').any(|part| part == ".."),
                    "{source}"
                );
            }
            let labels: BTreeSet<_> =
                request["Labels"].as_object().unwrap().keys().cloned().collect();
            assert_eq!(
                labels,
                ["app", "component", "kernel_id", "kernelspec", "user"].map(str::to_owned).into()
            );
        }
        for name in ["KERNEL_IMAGE", "KERNEL_MEMORY"] {
            let variables = [("KERNEL_IMAGE", "my/a"), (name, value)];
            let (outcome, request) = launched(&sandbox, SETTINGS, &variables);
            assert!(outcome.error().contains(name) && request.is_none(), "{outcome}");
        }
    }
}

#[test]
fn nothing_is_filled_in_within_a_template_of_dockers() {
    let swarm = [("GP_DOCKER_MODE", "swarm"), ("GP_DOCKER_NETWORK", "o")];
    for (word, key, part, variables) in [
        ("--volume=/srv/{{print `{username}`}}:/work", "volumes = ['", "{username}", &swarm[..]),
        ("--hostname={{print `${X}`}}", "hostname = '", "${", &swarm),
        // Every engine expands this one.
        ("--log-opt=tag={{print `${X}`}}", "logging.options = ['", "${", &[]),
    ] {
        let sandbox = Sandbox::new();
        let reason = format!("cannot have `{part}` within `{{{{print `");
        let mode = if variables.is_empty() { "--no-swarm" } else { "--swarm" };
        let outcome = sandbox.install(&["--launcher=native", mode, "--prefix=p", word]);
        assert!(outcome.error().contains(&reason) && !sandbox.path("p").exists(), "{outcome}");

        let engine = FakeEngine::new();
        let mut command = of_gateway_provisioners(&sandbox, &engine, &[mode]);
        let file = sandbox.path("p/share/jupyter/kernels/k/scripts/launch_docker.toml");
        let (_, value) = word.split_once('=').unwrap();
        let close = if key.ends_with("['") { "']" } else { "'" };
        fs::write(file, format!("{key}{value}{close}\n")).unwrap();
        let outcome = sandbox.run(command.envs(variables.iter().copied()).env("X", "x"));
        assert!(outcome.error().contains(&reason) && engine.asked().is_empty(), "{outcome}");
        for given in [None, Some("x")] {
            let mut check = sandbox.command(INSTALLER);
            check.args(["check", "k"]).env("JUPYTER_PATH", sandbox.path("p/share/jupyter"));
            check.envs(given.map(|value| ("X", value))).env("DOCKER_HOST", engine.host());
            let outcome = sandbox.run(&mut check);
            assert!(outcome.code() == Some(1) && outcome.stdout.contains(&reason), "{outcome}");
        }
    }
}

// Secrets.

const SECRET: &str = "hunter2-swordfish";

/// Everything that may hold a secret, and the files that do.
fn with_secrets(sandbox: &Sandbox, command: &mut Command) {
    use base64::Engine as _;
    let auth = base64::engine::general_purpose::STANDARD.encode(format!("ann:{SECRET}"));
    let auths = json!({"auths": {"r.example": {"auth": auth}, "other.example": {"auth": "not base64 hunter2"}}});
    command.env("DOCKER_AUTH_CONFIG", auths.to_string());
    for name in [
        "JPY_API_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "KERNEL_SECRET",
        "JUPYTER_TOKEN",
        "EG_AUTH_TOKEN",
    ] {
        command.env(name, SECRET);
    }
    for file in ["ca.pem", "cert.pem", "key.pem"] {
        sandbox.file(
            format!("certificates/{file}"),
            format!("-----BEGIN PRIVATE KEY-----\n{SECRET}\n"),
        );
    }
}

#[test]
fn secrets_are_in_no_message_of_the_launcher() {
    let answers: [&'static [u8]; 4] = [
        b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 4\r\n\r\n{\"Id",
        b"HTTP/1.1 404 No\r\nApi-Version: 1.41\r\nContent-Length: 0\r\n\r\n",
        b"garbage",
    ];
    let sandbox = Sandbox::new();
    let fail = |engine: &FakeEngine, changes: &[(&str, &str)]| {
        let mut command = launcher(&sandbox, engine);
        command.env("KERNEL_IMAGE", "r.example/x");
        with_secrets(&sandbox, &mut command);
        let outcome = sandbox.run(command.envs(changes.iter().copied()));
        outcome.error();
        assert!(!outcome.to_string().contains("hunter2"), "{outcome}");
    };
    for answer in answers {
        fail(&FakeEngine::saying(answer), &[]);
    }
    let engine = FakeEngine::saying(b"");
    let directory = sandbox.path("certificates").display().to_string();
    let tls = [
        ("DOCKER_HOST", "tcp://127.0.0.1:1"),
        ("DOCKER_TLS_VERIFY", "1"),
        ("DOCKER_CERT_PATH", &directory),
    ];
    fail(&engine, &tls);
    fail(&engine, &[("DOCKER_HOST", "tcp://ann:hunter2@h:1")]);
    fail(&engine, &[("KERNEL_IMAGE", "other.example/x"), ("KERNEL_UID", "x")]);
}

/// An engine without the image, that refuses to pull it.
fn without_image() -> FakeEngine {
    FakeEngine::with(|asked, stream, sender| {
        use std::io::Write as _;
        let (line, _) = asked.clone();
        let _ = sender.send(asked);
        let (status, body) = if line.contains("/_ping") {
            ("200 OK\r\nApi-Version: 1.41", String::new())
        } else if line.contains("/images/create") {
            ("200 OK", json!({"error": EVIL}).to_string() + "\n")
        } else {
            ("404 Not Found", json!({"message": "No such image: x"}).to_string())
        };
        let text = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        stream.write_all(text.as_bytes()).is_ok()
    })
}

#[test]
fn credentials_go_to_the_engine_for_their_own_registry_and_nowhere_else() {
    let sandbox = Sandbox::new();
    sandbox.executable(
        "bin/docker-credential-tests",
        &format!(
            "#!/bin/sh\ntr '\\0' ' ' </proc/$$/cmdline >>\"$HOME/asked\"; cat >>\"$HOME/asked\"\n\
             echo '{{\"Username\": \"ann\", \"Secret\": \"{SECRET}\"}}'\n"
        ),
    );
    sandbox.file("home/.docker/config.json", r#"{"credHelpers": {"r.example": "tests"}}"#);
    for (image, has) in [("r.example/x", true), ("evil.example/r.example/x", false), ("x", false)] {
        let engine = without_image();
        let mut command = launcher(&sandbox, &engine);
        command.env("KERNEL_IMAGE", image);
        command.env("PATH", format!("{}:/usr/bin:/bin", sandbox.path("bin").display()));
        let outcome = sandbox.run(&mut command);
        assert!(outcome.error().contains("could not be pulled"), "{outcome}");
        assert_harmless(&outcome);
        assert!(!outcome.to_string().contains(SECRET), "{outcome}");
        let asked = sandbox.path("home/asked");
        assert_eq!(asked.exists(), has, "{image}");
        if has {
            let words = fs::read_to_string(&asked).unwrap();
            assert!(words.ends_with(" get r.example") && !words.contains(SECRET), "{words}");
            fs::remove_file(asked).unwrap();
        }
        for head in engine.heads() {
            let carries = head.to_lowercase().contains("x-registry-auth");
            assert_eq!(carries, has && head.starts_with("POST /v1.41/images/create?"), "{head}");
        }
        for (line, body) in engine.asked() {
            assert!(!line.contains(SECRET) && !body.to_string().contains(SECRET), "{line}");
        }
    }
}

#[test]
fn nothing_of_the_environment_gets_into_a_specification_or_what_is_shown_of_it() {
    let sandbox = Sandbox::new();
    for words in
        [&["--launcher=native", "--env=KERNEL_SECRET", "--env=OTHER=x"][..], &["--launcher=python"]]
    {
        let mut install = sandbox.command(INSTALLER);
        install.args(["install", "--prefix=p", "--replace", "--kernel-name=k", "--debug"]);
        with_secrets(&sandbox, &mut install);
        let outcome = sandbox.run(install.args(words));
        assert_eq!(outcome.code(), Some(0), "{outcome}");
        let mut said = outcome.to_string();
        for words in [
            &["show", "k"][..],
            &["show", "--json", "k"],
            &["show", "--toml", "k"],
            &["list"],
            &["check", "k"],
            &["install", "--dry-run", "--prefix=p"],
            &["install", "--show-config"],
        ] {
            let mut command = sandbox.command(INSTALLER);
            command.args(words).env("JUPYTER_PATH", sandbox.path("p/share/jupyter"));
            command.env("DOCKER_HOST", "unix:///nonexistent.sock");
            with_secrets(&sandbox, &mut command);
            said += &sandbox.run(&mut command).to_string();
        }
        assert!(!said.contains("hunter2"), "{said}");
        for (path, entry) in contents(&sandbox.path("p")) {
            if let crate::sandbox::Entry::File(_, bytes) = entry {
                let text = String::from_utf8_lossy(&bytes);
                assert!(!text.contains(SECRET), "{}", path.display());
            }
        }
    }
}
