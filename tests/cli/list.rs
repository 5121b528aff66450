//! `list`.

use fs_err as fs;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::sandbox::{INSTALLER, KERNELS, Outcome, Sandbox, set_mode};

fn list(sandbox: &Sandbox, words: &[&str]) -> Outcome {
    let mut command = sandbox.command(INSTALLER);
    command.arg("list").args(words);
    command.env("JUPYTER_PATH", sandbox.path("prefix/share/jupyter"));
    sandbox.run(&mut command)
}

fn entries(sandbox: &Sandbox) -> Vec<Value> {
    let outcome = list(sandbox, &["--json"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    serde_json::from_str(&outcome.stdout).unwrap()
}

/// A specification as Enterprise Gateway ships them.
const OF_GATEWAY: &str = r#"{
    "argv": ["python", "/usr/local/share/jupyter/kernels/R_docker/scripts/launch_docker.py"],
    "display_name": "R on \u001b[31mDocker", "language": "R",
    "metadata": {"process_proxy": {
        "class_name": "enterprise_gateway.services.processproxies.docker_swarm.DockerSwarmProcessProxy",
        "config": {"image_name": "elyra/kernel-r:3.3.0"}}}}"#;

#[test]
fn all_that_jupyter_finds_in_its_order() {
    let sandbox = Sandbox::new();
    sandbox.installed(&["--launcher=python"]);
    sandbox.installed(&["--kernel-name=z", "--swarm", "--language=R", "--display-name=Another"]);
    sandbox.install(&["--user"]);
    sandbox.file(format!("prefix/{KERNELS}/R_docker/kernel.json"), OF_GATEWAY);
    sandbox.file(format!("prefix/{KERNELS}/local/kernel.json"), r#"{"argv": ["python"]}"#);
    assert_snapshot!(list(&sandbox, &[]), @r"
    exit status: 0
    ----- stdout -----
    NAME           DISPLAY NAME           LANGUAGE  IMAGE                  MODE    SYSTEM  LAUNCHER      PATH
    docker_python  Docker Python          python    elyra/kernel-py:0.5.0  docker  GP      python 0.1.0  [ROOT]/prefix/share/jupyter/kernels/docker_python
    r_docker       R on \u{1b}[31mDocker  R         elyra/kernel-r:3.3.0   swarm   EG      -             [ROOT]/prefix/share/jupyter/kernels/R_docker
      broken: `argv` in kernel.json runs `/usr/local/share/jupyter/kernels/R_docker/scripts/launch_docker.py`, which is not part of it
      broken: the launcher `/usr/local/share/jupyter/kernels/R_docker/scripts/launch_docker.py` is missing
    z              Another                R         elyra/kernel-r:0.5.0   swarm   GP      custom        [ROOT]/prefix/share/jupyter/kernels/z
    docker_python  Docker Python          python    elyra/kernel-py:0.5.0  docker  GP      custom        [ROOT]/home/.local/share/jupyter/kernels/docker_python
      shadowed: Jupyter takes [ROOT]/prefix/share/jupyter/kernels/docker_python
    ");
    let names: Vec<Value> =
        entries(&sandbox).into_iter().map(|entry| entry["name"].clone()).collect();
    assert_eq!(names, ["docker_python", "r_docker", "z", "docker_python"]);
}

#[test]
fn as_json() {
    let sandbox = Sandbox::new();
    let specification = sandbox.installed(&["--launcher=python"]);
    assert_eq!(
        entries(&sandbox),
        [json!({
            "name": "docker_python",
            "display_name": "Docker Python",
            "language": "python",
            "image": "elyra/kernel-py:0.5.0",
            "mode": "docker",
            "provisioner": "gateway-provisioners",
            "launcher": {
                "kind": "python",
                "version": env!("CARGO_PKG_VERSION"),
                "path": "[ROOT]/prefix/share/jupyter/kernels/docker_python/scripts/launch_docker.py",
            },
            "path": "[ROOT]/prefix/share/jupyter/kernels/docker_python",
            "shadowed_by": null,
            "problems": [],
        })]
    );
    fs::remove_dir_all(specification).unwrap();
    assert_eq!(entries(&sandbox), Vec::<Value>::new());
    assert_snapshot!(list(&sandbox, &[]), @"
    exit status: 0
    ----- stderr -----
    [I [TIME] DockerSpecInstaller] There is no Docker kernelspec in [ROOT]/prefix/share/jupyter/kernels, [ROOT]/home/.local/share/jupyter/kernels, /usr/local/share/jupyter/kernels, /usr/share/jupyter/kernels
    ");
}

#[test]
fn what_is_broken_says_why() {
    let sandbox = Sandbox::new();
    let specification = |name| sandbox.installed(&["--kernel-name", name, "--launcher=native"]);
    let native = |name| {
        let directory = specification(name);
        (directory.join("scripts/launch_docker"), directory)
    };
    let (launcher, _) = native("a");
    fs::remove_file(launcher).unwrap();
    let (launcher, _) = native("b");
    set_mode(&launcher, 0o644);
    let (_, directory) = native("c");
    fs::write(directory.join("kernel.json"), "{\"argv\": 1}").unwrap();
    let (_, directory) = native("d");
    fs::rename(&directory, directory.with_file_name("e")).unwrap();
    let (_, directory) = native("d");
    fs::rename(&directory, directory.with_file_name("g h")).unwrap();
    native("d");
    assert_snapshot!(list(&sandbox, &[]), @"
    exit status: 0
    ----- stdout -----
    NAME  DISPLAY NAME   LANGUAGE  IMAGE                  MODE    SYSTEM  LAUNCHER      PATH
    a     Docker Python  python    elyra/kernel-py:0.5.0  docker  GP      -             [ROOT]/prefix/share/jupyter/kernels/a
      broken: the launcher `[ROOT]/prefix/share/jupyter/kernels/a/scripts/launch_docker` is missing
    b     Docker Python  python    elyra/kernel-py:0.5.0  docker  GP      native 0.1.0  [ROOT]/prefix/share/jupyter/kernels/b
      broken: the launcher `[ROOT]/prefix/share/jupyter/kernels/b/scripts/launch_docker` is not executable
    c     -              -         -                      -       -       -             [ROOT]/prefix/share/jupyter/kernels/c
      broken: could not understand `[ROOT]/prefix/share/jupyter/kernels/c/kernel.json`: invalid type: integer `1`, expected a sequence at line 1 column 10
    d     Docker Python  python    elyra/kernel-py:0.5.0  docker  GP      native 0.1.0  [ROOT]/prefix/share/jupyter/kernels/d
    e     Docker Python  python    elyra/kernel-py:0.5.0  docker  GP      native 0.1.0  [ROOT]/prefix/share/jupyter/kernels/e
      copied: it runs [ROOT]/prefix/share/jupyter/kernels/d/scripts/launch_docker, and launch_docker.toml beside that counts; `jupyter-docker-spec rename e e` has it run its own
    g h   Docker Python  python    elyra/kernel-py:0.5.0  docker  GP      native 0.1.0  [ROOT]/prefix/share/jupyter/kernels/g h
      broken: Jupyter does not allow this name
    ");
    let entries = entries(&sandbox);
    let healthy: Vec<&Value> =
        entries.iter().filter(|entry| entry["problems"] == json!([])).collect();
    // One of them was copied, and runs the launcher of the other.
    assert_eq!(healthy.len(), 2);
    assert_eq!(healthy[0]["launcher"]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn a_launcher_that_several_share_is_not_broken() {
    const LAUNCHER: &str =
        "[ROOT]/prefix/share/jupyter/kernels/docker_python/scripts/launch_docker.py";
    let sandbox = Sandbox::new();
    let shared = sandbox.installed(&["--launcher=python"]).join("scripts/launch_docker.py");
    for name in ["one", "two"] {
        let specification =
            sandbox.installed(&["--launcher=python", &format!("--kernel-name={name}")]);
        let mut spec = Sandbox::kernel_json(&specification);
        spec["argv"][1] = json!(shared);
        fs::write(specification.join("kernel.json"), spec.to_string()).unwrap();
    }
    let entries = entries(&sandbox);
    assert_eq!(entries.len(), 3);
    for entry in &entries {
        assert_eq!(
            (&entry["problems"], &entry["launcher"]["path"]),
            (&json!([]), &json!(LAUNCHER))
        );
    }
    // One that is gone is broken in all of them.
    fs::remove_file(&shared).unwrap();
    let problems = |entry: &Value| entry["problems"].as_array().unwrap().len();
    assert_eq!(self::entries(&sandbox).iter().map(problems).collect::<Vec<_>>(), [1, 2, 2]);
}
