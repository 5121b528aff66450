//! `convert` of kernelspecs that other tools have made.

use std::path::PathBuf;

use fs_err as fs;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::local::program;
use crate::sandbox::{INSTALLER, KERNELS, Outcome, Sandbox};

const IPYKERNEL: [&str; 5] = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"];

/// What envkernel 1.1.1 writes for `envkernel docker --name=... IMAGE OPTIONS`.
fn envkernel(options: &[&str], command: &[&str]) -> Value {
    let begin = [
        "/opt/bin/envkernel",
        "docker",
        "run",
        "--connection-file",
        "{connection_file}",
        "my/image:1.0",
    ];
    let argv = [&begin[..], options, &["--"], command].concat();
    json!({"argv": argv, "display_name": ["Docker with my/image:1.0"], "language": "python"})
}

/// What dockernel 1.0.2 writes for `dockernel install my/image:1.0`.
fn dockernel(language: &str) -> Value {
    let argv =
        ["/usr/bin/env", "python", "-m", "dockernel", "start", "my/image:1.0", "{connection_file}"];
    json!({"argv": argv, "display_name": "Mine", "language": language, "interrupt_mode": "message"})
}

fn made(sandbox: &Sandbox, name: &str, kernel: &Value) -> PathBuf {
    let directory = sandbox.path("prefix").join(KERNELS).join(name);
    sandbox.file(directory.join("kernel.json"), kernel.to_string());
    directory
}

fn convert(sandbox: &Sandbox, words: &[&str]) -> Outcome {
    let mut command = sandbox.command(INSTALLER);
    command.arg("convert").args(words);
    command.env("JUPYTER_PATH", sandbox.path("prefix/share/jupyter"));
    command.env("GP_IMAGE_NAME", "other").env("DOCKER_HOST", "unix:///none");
    command.env("JUPYTER_DOCKER_SPEC_BOOTSTRAP", program(sandbox, "stub/bootstrap_kernel", ""));
    sandbox.run(&mut command)
}

/// What the file of options says.
fn options(directory: &std::path::Path) -> String {
    let text = fs::read_to_string(directory.join("scripts/launch_docker.toml")).unwrap();
    let said = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    said.collect::<Vec<_>>().join("\n")
}

#[test]
fn one_of_envkernel_becomes_local_with_its_options() {
    let sandbox = Sandbox::new();
    let words = ["--pwd", "-v", "/data:/data:ro", "--gpus=all", "--network", "none"];
    let mut old = envkernel(&words, &IPYKERNEL);
    old["env"] = json!({"TEAM": "blue"});
    let directory = made(&sandbox, "Analysis", &old);

    let before = sandbox.tree(&directory);
    assert_snapshot!(convert(&sandbox, &["--all", "--dry-run"]), @"
    exit status: 0
    ----- stdout -----
    would convert analysis in [ROOT]/prefix/share/jupyter/kernels/Analysis, which envkernel has made
    ");
    assert_eq!(sandbox.tree(&directory), before);

    assert_snapshot!(convert(&sandbox, &["analysis"]), @"
    exit status: 0
    ----- stderr -----
    [I [TIME] DockerSpecInstaller] Converted kernelspec analysis in [ROOT]/prefix/share/jupyter/kernels/Analysis, which envkernel has made
    ");
    assert_snapshot!(options(&directory), @r#"
    volumes = ["/data:/data:ro"]
    mount_cwd = true
    environment = ["TEAM=blue"]
    gpus = "all"
    networks = ["none"]
    image = "my/image:1.0"
    command = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    "#);
    let new = Sandbox::kernel_json(&directory);
    let launcher = directory.join("scripts/launch_docker");
    assert_eq!(new["argv"], json!([launcher, "--connection-file", "{connection_file}"]));
    assert_eq!(new["display_name"], "Docker with my/image:1.0");
    let kept = fs::read_to_string(directory.join("kernel.json.replaced")).unwrap();
    assert_eq!(kept, old.to_string());

    // It is one of ours now.
    let again = convert(&sandbox, &["--all"]);
    assert!(again.stderr.contains("There is nothing to convert"), "{again}");
}

#[test]
fn a_command_of_its_own_stays() {
    let sandbox = Sandbox::new();
    let directory = made(
        &sandbox,
        "k",
        &envkernel(&[], &["R", "-e", "IRkernel::main()", "--args", "{connection_file}"]),
    );
    assert_eq!(convert(&sandbox, &["k"]).code(), Some(0));
    let options = options(&directory);
    assert!(
        options.contains(
            r#"command = ["R", "-e", "IRkernel::main()", "--args", "{connection_file}"]"#
        ),
        "{options}"
    );
    assert!(!options.contains("mount_cwd"), "{options}");
}

#[test]
fn one_of_dockernel_becomes_local_with_the_user_of_the_image() {
    let sandbox = Sandbox::new();
    let directory = made(&sandbox, "k", &dockernel(""));
    assert_snapshot!(convert(&sandbox, &["k"]), @"
    exit status: 0
    ----- stderr -----
    [I [TIME] DockerSpecInstaller] Converted kernelspec k in [ROOT]/prefix/share/jupyter/kernels/k, which dockernel has made
    ");
    assert_snapshot!(options(&directory), @r#"
    user = ""
    image = "my/image:1.0"
    command = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    "#);
}

#[test]
fn what_has_no_place_is_named_and_nothing_is_changed() {
    let sandbox = Sandbox::new();
    for (name, kernel) in [
        ("a", envkernel(&["--workdir", "/w"], &IPYKERNEL)),
        ("b", envkernel(&["-p", "80:80"], &IPYKERNEL)),
        ("c", envkernel(&["--no-such-option"], &IPYKERNEL)),
        ("d", envkernel(&[], &[])),
        ("e", dockernel("julia")),
        (
            "f",
            json!({"argv": ["envkernel", "docker", "run", "x"], "display_name": "F", "language": "python"}),
        ),
    ] {
        made(&sandbox, name, &kernel);
    }
    made(
        &sandbox,
        "g",
        &json!({"argv": ["docker", "run", "x"], "display_name": "G", "language": "python"}),
    );
    let directory = sandbox.path("prefix").join(KERNELS);
    let before = sandbox.tree(&directory);
    let said =
        ["a", "b", "c", "d", "e", "f", "g"].map(|name| convert(&sandbox, &[name]).to_string());
    assert_snapshot!(said.concat(), @"
    exit status: 1
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] `a` in [ROOT]/prefix/share/jupyter/kernels/a, which envkernel has made, cannot be converted: envkernel's `--workdir` puts the notebook's directory elsewhere, and --local has it at its own path

    exit status: 1
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] `b` in [ROOT]/prefix/share/jupyter/kernels/b, which envkernel has made, cannot be converted: `install` has no `-p`, and needs none: nobody reaches a kernel by a port of the host: its server, or the launcher of --local, reaches it anyway

    exit status: 1
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] `c` in [ROOT]/prefix/share/jupyter/kernels/c, which envkernel has made, cannot be converted: unexpected argument '--no-such-option' found

    exit status: 1
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] `d` in [ROOT]/prefix/share/jupyter/kernels/d, which envkernel has made, cannot be converted: its `argv` has no command after `--`

    exit status: 1
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] `e` in [ROOT]/prefix/share/jupyter/kernels/e, which dockernel has made, cannot be converted: `--local` with the language julia needs `--kernel-command`: the command that starts the kernel, with `{connection_file}` in it; or `--image-kernelspec`, if the image has a kernelspec that says it

    exit status: 1
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] `f` in [ROOT]/prefix/share/jupyter/kernels/f, which envkernel has made, cannot be converted: its `argv` is not in the form that envkernel writes

    exit status: 1
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] `g` in [ROOT]/prefix/share/jupyter/kernels/g is no Docker kernel specification
    ");
    assert_eq!(convert(&sandbox, &["--all"]).code(), Some(0));
    assert_eq!(sandbox.tree(&directory), before);
}
