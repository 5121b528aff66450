//! What other users of the machine may have put where the commands look: docs/security.md.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use fs_err as fs;
use serde_json::{Value, json};

use crate::sandbox::{INSTALLER, KERNELS, LAUNCHER, Outcome, Sandbox, at_once, contents, in_shell};

/// What nobody may do to a terminal.
pub(crate) const RAW: [char; 7] =
    ['\u{1b}', '\r', '\u{7}', '\u{7f}', '\u{9b}', '\u{202e}', '\u{2028}'];

/// Text that does it.
pub(crate) const EVIL: &str =
    "x\n[I 2026-01-01 00:00:00.000 App] fine\r\u{1b}[2J\u{7}\u{7f}\u{9b}1m\u{202e}y\u{2028}";

/// A command that looks into the prefix, and is ended if it waits for something.
pub(crate) fn command(sandbox: &Sandbox, words: &[&str]) -> Command {
    let mut command = sandbox.command(INSTALLER);
    command.args(words).env("JUPYTER_PATH", sandbox.path("prefix/share/jupyter"));
    command.env("DOCKER_HOST", "unix:///nonexistent.sock").env("PATH", "/usr/bin:/bin");
    in_shell("exec timeout 60 \"$@\"", &command)
}

pub(crate) fn run(sandbox: &Sandbox, words: &[&str]) -> Outcome {
    let outcome = sandbox.run(&mut command(sandbox, words));
    assert_ne!(outcome.code(), Some(124), "{words:?} waits: {outcome}");
    assert!(matches!(outcome.code(), Some(0..=2)), "{words:?}: {outcome}");
    for text in [&outcome.stdout, &outcome.stderr] {
        assert!(!text.contains(RAW), "{words:?}: {text:?}");
    }
    let forged = |line: &&str| line.starts_with("[I 2026") || line.starts_with("[I [TIME] App]");
    assert_eq!(outcome.stderr.lines().find(forged), None, "{words:?}: {outcome}");
    outcome
}

/// Everything that only looks at a specification, and what changes it last.
fn run_all(sandbox: &Sandbox, name: &str) -> String {
    let mut said = String::new();
    for words in [
        &["list"][..],
        &["list", "--json"],
        &["show", name],
        &["show", "--json", name],
        &["show", "--toml", name],
        &["check", name],
        &["check", "--json", name],
        &["pull", name],
        &["set", name, "--image-name=x:1"],
        &["convert", name],
        &["remove", name],
        &["remove", "-y", name],
    ] {
        let outcome = run(sandbox, words);
        if words.contains(&"--json") && !outcome.stdout.is_empty() {
            serde_json::from_str::<Value>(&outcome.stdout).unwrap();
        }
        said += &outcome.to_string();
    }
    said
}

pub(crate) fn with_settings(sandbox: &Sandbox, change: impl FnOnce(&mut Value)) -> PathBuf {
    let specification = sandbox.installed(&["--kernel-name=k", "--launcher=python"]);
    let mut kernel_json = Sandbox::kernel_json(&specification);
    change(&mut kernel_json);
    fs::write(specification.join("kernel.json"), kernel_json.to_string()).unwrap();
    specification
}

#[test]
fn text_in_a_specification_cannot_reach_the_terminal() {
    let sandbox = Sandbox::new();
    let specification = with_settings(&sandbox, |kernel_json| {
        kernel_json["display_name"] = EVIL.into();
        kernel_json["language"] = EVIL.into();
        kernel_json["env"] = json!({EVIL: EVIL});
        kernel_json["argv"].as_array_mut().unwrap().push(EVIL.into());
        let provisioner = &mut kernel_json["metadata"]["kernel_provisioner"];
        provisioner["config"] = json!({
            "image_name": EVIL, "authorized_users": [EVIL], "port_range": EVIL, EVIL: EVIL,
        });
    });
    fs::write(specification.join(format!("scripts/{}", EVIL.replace('/', ""))), "").unwrap();
    let options = format!("{} = 1\n", json!(EVIL));
    fs::write(specification.join("scripts/launch_docker.toml"), options).unwrap();
    assert!(run_all(&sandbox, "k").contains(r"\u{1b}[2J"));
    assert!(!specification.exists());
}

#[test]
fn what_would_be_written_cannot_either() {
    let sandbox = Sandbox::new();
    let name = "--display-name=x\u{7f}\u{9b}1m\u{202e}y";
    let dry = sandbox.install(&["--prefix=prefix", name, "--dry-run"]);
    sandbox.installed(&["--kernel-name=k", name]);
    let set = run(&sandbox, &["set", "k", "--image-name=x:1", "--dry-run"]);
    for outcome in [dry, set] {
        assert_eq!(outcome.code(), Some(0), "{outcome}");
        let shown = r#""display_name": "x\u007f\u009b1m\u202ey""#;
        assert!(outcome.stdout.contains(shown), "{outcome}");
        assert!(!outcome.stdout.contains(RAW), "{:?}", outcome.stdout);
    }
}

#[test]
fn names_of_directories_and_broken_files_cannot_either() {
    let sandbox = Sandbox::new();
    let name = EVIL.replace(['/', '\n'], "");
    sandbox.installed(&["--kernel-name=k"]);
    let kernels = sandbox.path("prefix").join(KERNELS);
    fs::rename(kernels.join("k"), kernels.join(&name)).unwrap();
    run_all(&sandbox, &name);

    let specification = with_settings(&sandbox, |_| {});
    for text in [json!({EVIL: 1, "argv": EVIL}).to_string(), EVIL.to_owned()] {
        fs::write(specification.join("kernel.json"), text).unwrap();
        run(&sandbox, &["list"]);
        run(&sandbox, &["show", "k"]);
        run(&sandbox, &["check", "k"]);
    }
}

#[test]
fn a_pipe_a_device_or_a_huge_file_is_not_waited_for() {
    type Put = fn(&Path);
    let kinds: [(&str, Put); 4] = [
        ("pipe", |path| {
            assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
        }),
        ("device", |path| symlink("/dev/zero", path).unwrap()),
        ("large", |path| fs::File::create(path).unwrap().set_len(1 << 40).unwrap()),
        ("not text", |path| fs::write(path, b"\xff\xfe\0{").unwrap()),
    ];
    for (kind, put) in kinds {
        for file in ["kernel.json", "scripts/launch_docker.toml", "scripts/launch_docker.py"] {
            let sandbox = Sandbox::new();
            let specification = with_settings(&sandbox, |_| {});
            _ = fs::remove_file(specification.join(file));
            put(&specification.join(file));
            let prefix = format!("--prefix={}", sandbox.path("prefix").display());
            for words in [
                &["list"][..],
                &["show", "k"],
                &["show", "--toml", "k"],
                &["check", "k"],
                &["pull", "k"],
                &["set", "k", "--image-name=x:1"],
                &["install", "--dry-run", "--replace", &prefix, "--kernel-name=k"],
                &["remove", "-y", "k"],
            ] {
                run(&sandbox, words);
            }
            // Jupyter sees no specification without that file.
            let is_seen = file != "kernel.json" || !["pipe", "device"].contains(&kind);
            assert_ne!(specification.exists(), is_seen, "{kind} {file}");
        }
    }
}

#[test]
fn a_conversion_waits_for_no_pipe() {
    for file in ["kernel.json", "scripts/launch_docker.py", "scripts/launch_docker.toml", "more"] {
        let sandbox = Sandbox::new();
        let specification = with_settings(&sandbox, |_| {});
        let path = specification.join(file);
        let _ = fs::remove_file(&path);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let outcome = run(&sandbox, &["convert", "k"]);
        assert_eq!(outcome.code(), Some(1), "{file}: {outcome}");
        fs::remove_dir_all(&specification).unwrap();
    }
}

#[test]
fn the_launcher_waits_for_no_pipe() {
    for file in ["kernel.json", "scripts/launch_docker.toml"] {
        let sandbox = Sandbox::new();
        sandbox.program(LAUNCHER, "k/scripts/launch_docker");
        let path = sandbox.path("k").join(file);
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
        let command = sandbox.command(sandbox.path("k/scripts/launch_docker"));
        let outcome = sandbox.run(&mut in_shell("exec timeout 60 \"$@\" --kernel-id=k", &command));
        assert!(outcome.error().contains("is not a plain file"), "{file}: {outcome}");
    }
}

#[test]
fn what_the_environment_names_is_not_waited_for() {
    let sandbox = Sandbox::new();
    let pipe = sandbox.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    sandbox.executable("python/python3", "#!/bin/sh\nsleep 600\n");
    let launcher = sandbox.program(LAUNCHER, "bin/launch_docker");
    let zone = format!(":{}", pipe.display());
    let path = format!("{}:/usr/bin:/bin", sandbox.path("python").display());
    let cases = [
        (Path::new(INSTALLER), &["list"][..], "PATH", &path, 0),
        (Path::new(INSTALLER), &["install", "--prefix=p", "--launcher=python"], "PATH", &path, 0),
        (Path::new(INSTALLER), &["install", "--sys-prefix"], "PATH", &path, 1),
        (Path::new(INSTALLER), &["install", "--prefix=p2", "--launcher=python"], "TZ", &zone, 0),
        (Path::new(INSTALLER), &["remove", "k"], "TZ", &zone, 1),
        (&launcher, &["--kernel-id=k"], "TZ", &zone, 1),
    ];
    at_once(cases, |(program, words, variable, value, code)| {
        let mut command = sandbox.command(program);
        command.args(words).env("PATH", "/usr/bin:/bin").env(variable, value);
        let outcome = sandbox.run(&mut in_shell("exec timeout 120 \"$@\"", &command));
        assert_eq!(outcome.code(), Some(code), "{words:?}, {variable}: {outcome}");
        let is_told = outcome.stderr.contains("[ROOT]/python/python3 did not say within 10 s");
        assert_eq!(is_told, variable == "PATH", "{words:?}: {outcome}");
    });
    fs::remove_file(pipe).unwrap();
}

#[test]
fn configuration_that_is_a_pipe_is_not_waited_for() {
    for file in ["home/.jupyter/jupyter_config.json", "home/.docker/config.json", "venv/pyvenv.cfg"]
    {
        let sandbox = Sandbox::new();
        let path = sandbox.path(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let mut install = sandbox.installer();
        install.args(["--prefix=p"]).env("VIRTUAL_ENV", sandbox.path("venv"));
        let mut launch = sandbox.command(LAUNCHER);
        launch.args(["--kernel-id=k", "--response-address=192.0.2.1:1", "--public-key=k"]);
        launch.envs([("KERNEL_IMAGE", "i"), ("KERNEL_USERNAME", "u"), ("DOCKER_MODE", "docker")]);
        for command in [install, launch] {
            let outcome = sandbox.run(&mut in_shell("exec timeout 60 \"$@\"", &command));
            assert!(matches!(outcome.code(), Some(0 | 1)), "{file}: {outcome}");
        }
    }
}

#[test]
fn a_context_of_dockers_is_not_read_without_end() {
    const META: &str = "home/.docker/contexts/meta/0/meta.json";
    for (put, reason) in [
        (larger as fn(&Path), "is larger than 16 MiB"),
        (|path: &Path| symlink("/dev/zero", path).unwrap(), "is not a plain file"),
    ] {
        let sandbox = Sandbox::new();
        sandbox.file("home/.docker/config.json", "{\"currentContext\": \"far\"}");
        fs::create_dir_all(sandbox.path(META).parent().unwrap()).unwrap();
        put(&sandbox.path(META));
        let mut launch = sandbox.command(LAUNCHER);
        launch.args(["--kernel-id=k", "--response-address=192.0.2.1:1", "--public-key=k"]);
        launch.envs([("KERNEL_IMAGE", "i"), ("KERNEL_USERNAME", "u"), ("DOCKER_MODE", "docker")]);
        let mut list = sandbox.command(INSTALLER);
        list.arg("ps");
        for command in [launch, list] {
            let outcome = sandbox.run(&mut in_shell("exec timeout 60 \"$@\"", &command));
            let named = format!(
                "failed to read the context of the Docker client: `[ROOT]/{META}` {reason}"
            );
            assert!(outcome.error().contains(&named), "{outcome}");
        }
    }
}

/// Makes a file that has more than anybody writes, in which nothing is on the disk.
fn larger(path: &Path) {
    fs::File::create(path).unwrap().set_len((16 << 20) + 1).unwrap();
}

#[test]
fn what_is_there_in_the_place_of_a_compose_file_is_not_read_without_end() {
    let sandbox = Sandbox::new();
    let file = sandbox.path("compose.yml");
    larger(&file);
    let outcome = run(&sandbox, &["compose", "--socket-gid=1", "--replace", "-o=compose.yml"]);
    assert!(outcome.error().contains("is larger than 16 MiB"), "{outcome}");
    fs::remove_file(&file).unwrap();
    assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
    let outcome = run(&sandbox, &["compose", "--socket-gid=1", "--replace", "-o=compose.yml"]);
    assert!(outcome.error().contains("is not a plain file"), "{outcome}");
}

#[test]
fn no_launcher_of_somebody_else_is_run() {
    let sandbox = Sandbox::new();
    let trace = sandbox.path("run");
    for name in ["launch_docker", "launch_docker.py"] {
        let script = format!("#!/bin/sh\ntouch '{}'\n", trace.display());
        let launcher = sandbox.executable(name, &script);
        sandbox.installed(&["--kernel-name=k", "--launcher", launcher.to_str().unwrap()]);
        run_all(&sandbox, "k");
        assert!(!trace.exists(), "{name}");
    }
}

#[test]
fn nesting_does_not_overflow_the_stack() {
    let sandbox = Sandbox::new();
    let specification = with_settings(&sandbox, |_| {});
    let deep = |open: &str, close: &str| open.repeat(100_000) + &close.repeat(100_000);
    for (file, text) in [
        ("scripts/launch_docker.toml", format!("volumes = {}", deep("[", "]"))),
        ("scripts/launch_docker.toml", format!("labels = {}", deep("{a=", "}"))),
        ("scripts/launch_docker.toml", format!("[{}]", "a.".repeat(100_000) + "a")),
        ("kernel.json", deep("[", "]")),
        (
            "kernel.json",
            format!("{{\"metadata\": {}1{}}}", "{\"a\":".repeat(100_000), "}".repeat(100_000)),
        ),
    ] {
        fs::write(specification.join(file), text).unwrap();
        for words in [
            &["list"][..],
            &["show", "k"],
            &["show", "--toml", "k"],
            &["check", "k"],
            &["set", "k", "--image-name=x:1", "--memory=1g"],
        ] {
            run(&sandbox, words);
        }
    }
    for text in [deep("[", "]"), format!("kernel = {}", deep("[", "]")), deep("[[", "]]")] {
        let file = sandbox.file("m.toml", text);
        let outcome = sandbox.install(&["--file", file.to_str().unwrap()]);
        assert_eq!(outcome.code(), Some(1), "{outcome}");
    }
}

#[test]
fn a_manifest_leads_nowhere_else() {
    let sandbox = Sandbox::new();
    for (text, part) in [
        ("[[kernel]]\nkernel-name = '../../evil'", "Invalid kernel name"),
        ("[[kernel]]\nkernel-name = '..'", "Invalid kernel name"),
        ("[[kernel]]\nkernel-name = \"a\\u001b[2J\\nb\"", "Invalid kernel name"),
        ("[[kernel]]\n\"\\u001b[2J\" = 1", "m.toml:2"),
        ("[[kernel]]\nconfig = '/etc/passwd'", "m.toml:2"),
        ("\u{1b}[2J", "m.toml:1"),
    ] {
        let file = sandbox.file("m.toml", text);
        let before = contents(sandbox.root());
        let outcome = sandbox.install(&["--prefix=p", "--file", file.to_str().unwrap()]);
        assert!(outcome.error().contains(part), "{text:?}: {outcome}");
        assert!(!outcome.stderr.contains(RAW), "{outcome:}");
        assert!(contents(sandbox.root()) == before, "{text:?}");
    }
    let outcome = run(&sandbox, &["install", "--prefix=p", "--file=/dev/zero"]);
    assert!(outcome.error().contains("is larger than"), "{outcome}");
}
