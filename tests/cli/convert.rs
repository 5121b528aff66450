//! `convert`.

use std::path::{Path, PathBuf};

use fs_err as fs;
use insta::assert_snapshot;
use serde_json::json;

use crate::local::{options, program};
use crate::sandbox::{INSTALLER, KERNELS, LAUNCHER, Outcome, Sandbox, set_mode};

fn convert(sandbox: &Sandbox, words: &[&str]) -> Outcome {
    let mut command = sandbox.command(INSTALLER);
    command.arg("convert").args(words);
    command.env("JUPYTER_PATH", sandbox.path("prefix/share/jupyter"));
    sandbox.run(&mut command)
}

/// A specification with a launcher in Python.
fn with_python(sandbox: &Sandbox, words: &[&str]) -> PathBuf {
    sandbox.installed(&[&["--launcher=python"], words].concat())
}

/// Edits the launcher of a specification.
fn edit(specification: &Path, from: &str, to: &str) {
    let path = specification.join("scripts/launch_docker.py");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from));
    fs::write(&path, text.replace(from, to)).unwrap();
}

#[test]
fn only_the_launcher_is_changed() {
    let sandbox = Sandbox::new();
    let specification = with_python(&sandbox, &["--authorized-users=bob", "--launch-timeout=45"]);
    let path = specification.join("kernel.json");
    // What people, and other tools, add.
    let text = fs::read_to_string(&path).unwrap().replace(
        "\"debugger\": true",
        "\"debugger\":true, \"of-mine\" : [1.50, {\"z\": 1, \"a\": 2}]",
    );
    fs::write(&path, &text).unwrap();
    fs::write(specification.join("notes.txt"), "mine").unwrap();
    fs::create_dir(specification.join("private")).unwrap();
    for (path, mode) in [("notes.txt", 0o600), ("kernel.json", 0o640), ("private", 0o700)] {
        set_mode(&specification.join(path), mode);
    }
    fs::write(specification.join("scripts/hook"), "#!/bin/sh\n").unwrap();
    set_mode(&specification.join("scripts/hook"), 0o755);
    fs::create_dir(specification.join("scripts/__pycache__")).unwrap();
    fs::write(specification.join("scripts/__pycache__/launch_docker.pyc"), "").unwrap();

    assert_snapshot!(convert(&sandbox, &["docker_python"]), @"
    exit status: 0
    ----- stderr -----
    [I [TIME] DockerSpecInstaller] Converted kernelspec docker_python in [ROOT]/prefix/share/jupyter/kernels/docker_python, which had the launcher of jupyter-docker-spec
    ");
    assert_snapshot!(sandbox.tree(&specification), @"
    -0640 kernel.json
    -0644 logo-32x32.png
    -0644 logo-64x64.png
    -0644 logo-svg.svg
    -0600 notes.txt
    d0700 private
    d0755 scripts
    -0755 scripts/hook
    -0755 scripts/launch_docker
    -0644 scripts/launch_docker.toml
    ");
    let old = "\"python\",\n    \"[ROOT]/prefix/share/jupyter/kernels/docker_python/scripts/launch_docker.py\"";
    let new = "\"[ROOT]/prefix/share/jupyter/kernels/docker_python/scripts/launch_docker\"";
    let text = text.replace(sandbox.root().to_str().unwrap(), "[ROOT]");
    assert!(text.contains(old));
    assert_eq!(sandbox.text(&path), text.replace(old, new));
    let launcher = fs::read(specification.join("scripts/launch_docker")).unwrap();
    assert!(launcher == fs::read(LAUNCHER).unwrap());
    assert_eq!(fs::read(specification.join("notes.txt")).unwrap(), b"mine");

    // Once more does nothing.
    let before = sandbox.tree(&specification);
    assert_snapshot!(convert(&sandbox, &["docker_python"]), @"
    exit status: 0
    ----- stderr -----
    [I [TIME] DockerSpecInstaller] Kernelspec docker_python in [ROOT]/prefix/share/jupyter/kernels/docker_python has the native launcher already
    ");
    assert_eq!(sandbox.tree(&specification), before);
}

#[test]
fn a_launcher_that_was_edited_is_told_and_left_alone() {
    let sandbox = Sandbox::new();
    let edited = with_python(&sandbox, &["--language=R"]);
    edit(&edited, "        # \"mem_limit\": \"4g\",\n", "        \"mem_limit\": \"4g\",\n");
    let other = with_python(&sandbox, &[]);
    let before = [sandbox.tree(&edited), sandbox.tree(&other)];

    assert_snapshot!(convert(&sandbox, &["docker_python", "docker_r"]), @"
    exit status: 1
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] nothing was converted: the launcher of `docker_r` has been edited, or is none that came with gateway_provisioners, Enterprise Gateway or jupyter-docker-spec, and the native one does not do what somebody has written into it; say the same in launch_docker.toml, for which `install --help` has the options, and convert with --force, which keeps the old launcher as `scripts/launch_docker.py.replaced`
    ");
    assert_eq!([sandbox.tree(&edited), sandbox.tree(&other)], before);

    let text = fs::read(edited.join("scripts/launch_docker.py")).unwrap();
    let outcome = convert(&sandbox, &["docker_python", "docker_r", "--force"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let kept = edited.join("scripts/launch_docker.py.replaced");
    assert_eq!(fs::read(kept).unwrap(), text);
    assert!(!edited.join("scripts/launch_docker.py").exists());
    assert!(!other.join("scripts/launch_docker.py.replaced").exists());
    for specification in [edited, other] {
        let argv = &Sandbox::kernel_json(&specification)["argv"];
        assert_eq!(argv[0], json!(specification.join("scripts/launch_docker")));
    }
}

#[test]
fn what_launch_docker_toml_says_stays() {
    let sandbox = Sandbox::new();
    let specification = with_python(&sandbox, &[]);
    fs::write(specification.join("scripts/launch_docker.toml"), "read_only = true\n").unwrap();
    assert_eq!(convert(&sandbox, &[specification.to_str().unwrap()]).code(), Some(0));
    let text = fs::read_to_string(specification.join("scripts/launch_docker.toml")).unwrap();
    assert_eq!(text, "read_only = true\n");
}

#[test]
fn one_that_was_made_for_another_place_gets_the_launcher_of_this_one() {
    let sandbox = Sandbox::new();
    let specification = with_python(&sandbox, &["--gateway=enterprise-gateway"]);
    let moved = sandbox.path("elsewhere/Python_docker");
    fs::create_dir(sandbox.path("elsewhere")).unwrap();
    fs::rename(&specification, &moved).unwrap();
    let outcome = convert(&sandbox, &["elsewhere/Python_docker"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let spec = Sandbox::kernel_json(&moved);
    assert_eq!(spec["argv"][0], json!(moved.join("scripts/launch_docker")));
    assert_eq!(spec["argv"][1], "--RemoteProcessProxy.kernel-id");
    assert!(!moved.join("scripts/launch_docker.py").exists());
}

#[test]
fn what_cannot_be_converted() {
    let sandbox = Sandbox::new();
    let unknown = with_python(&sandbox, &["--kernel-name=unknown"]);
    fs::write(unknown.join("scripts/launch_docker.py"), "import docker\n").unwrap();
    let missing = with_python(&sandbox, &["--kernel-name=missing"]);
    fs::remove_file(missing.join("scripts/launch_docker.py")).unwrap();
    let words = with_python(&sandbox, &["--kernel-name=words"]);
    let path = words.join("kernel.json");
    let text = fs::read_to_string(&path).unwrap().replace("--port-range", "--port-ranges");
    fs::write(&path, text).unwrap();
    let linked = with_python(&sandbox, &["--kernel-name=linked"]);
    fs::rename(&linked, sandbox.path("target")).unwrap();
    std::os::unix::fs::symlink(sandbox.path("target"), &linked).unwrap();
    sandbox.file(format!("prefix/{KERNELS}/local/kernel.json"), r#"{"argv": ["python"]}"#);
    let before = sandbox.tree("prefix");

    let refused = |name| convert(&sandbox, &[name]).error().to_owned();
    assert_snapshot!(convert(&sandbox, &["unknown"]), @"
    exit status: 1
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] nothing was converted: the launcher of `unknown` has been edited, or is none that came with gateway_provisioners, Enterprise Gateway or jupyter-docker-spec, and the native one does not do what somebody has written into it; say the same in launch_docker.toml, for which `install --help` has the options, and convert with --force, which keeps the old launcher as `scripts/launch_docker.py.replaced`
    ");
    assert_snapshot!(refused("missing"), @"could not read the launcher: failed to open file `[ROOT]/prefix/share/jupyter/kernels/missing/scripts/launch_docker.py`: No such file or directory (os error 2)");
    assert_snapshot!(refused("words"), @"`argv` in the kernel.json of `words` in [ROOT]/prefix/share/jupyter/kernels/words has words that the native launcher does not know: invalid option '--port-ranges'");
    assert_snapshot!(refused("linked"), @"`[ROOT]/prefix/share/jupyter/kernels/linked` is a symbolic link to `[ROOT]/target`, and a link is not replaced; remove it, or choose another --kernel-name");
    assert_snapshot!(refused("local"), @"`local` in [ROOT]/prefix/share/jupyter/kernels/local is no Docker kernel specification");
    assert_snapshot!(refused("./target/scripts"), @"there is no kernel.json in `[ROOT]/target/scripts`");
    assert_eq!(sandbox.tree("prefix"), before);
    assert_eq!(convert(&sandbox, &[]).code(), Some(2));
}

#[test]
fn what_a_conversion_does_not_mend_is_said() {
    let sandbox = Sandbox::new();
    let specification = with_python(&sandbox, &["--gateway=enterprise-gateway"]);
    let path = specification.join("kernel.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("{public_key}", "")).unwrap();
    let outcome = convert(&sandbox, &["docker_python"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let warning = "[W [TIME] DockerSpecInstaller] `argv` in the kernel.json of `docker_python` does not give the launcher `{public_key}`, ";
    assert!(outcome.stderr.starts_with(warning), "{outcome}");
    // The command that it names makes one that asks for it.
    let command =
        "jupyter-docker-spec show docker_python --toml | jupyter-docker-spec install --file -";
    assert!(outcome.stderr.contains(command), "{outcome}");
    let mut shell = sandbox.command("/bin/sh");
    let directory = Path::new(INSTALLER).parent().unwrap();
    shell.args(["-c", command]).env("PATH", directory);
    shell.env("JUPYTER_PATH", sandbox.path("prefix/share/jupyter"));
    let outcome = sandbox.run(&mut shell);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("\"{public_key}\""), "{outcome}{text}");
}

/// `convert --bring-bootstrap` with a bootstrap that is small.
fn bring(sandbox: &Sandbox, words: &[&str]) -> Outcome {
    let mut command = sandbox.command(INSTALLER);
    command.args(["convert", "--bring-bootstrap"]).args(words);
    command.env("JUPYTER_PATH", sandbox.path("prefix/share/jupyter"));
    command.env("JUPYTER_DOCKER_SPEC_BOOTSTRAP", program(sandbox, "stub/bootstrap_kernel", ""));
    sandbox.run(&mut command)
}

#[test]
fn a_specification_of_the_python_tool_may_bring_its_bootstrap() {
    let sandbox = Sandbox::new();
    let python = with_python(&sandbox, &["--authorized-users=bob"]);
    let r = with_python(&sandbox, &["--language=R", "--gateway=enterprise-gateway"]);
    let before = Sandbox::kernel_json(&python);

    assert_snapshot!(bring(&sandbox, &["docker_python", "docker_r"]), @"
    exit status: 0
    ----- stderr -----
    [I [TIME] DockerSpecInstaller] Converted kernelspec docker_python in [ROOT]/prefix/share/jupyter/kernels/docker_python, which had the launcher of jupyter-docker-spec
    [I [TIME] DockerSpecInstaller] Converted kernelspec docker_r in [ROOT]/prefix/share/jupyter/kernels/docker_r, which had the launcher of jupyter-docker-spec
    ");

    let mut expected = before;
    expected["argv"].as_array_mut().unwrap().remove(0);
    expected["argv"][0] = json!(python.join("scripts/launch_docker"));
    assert_eq!(Sandbox::kernel_json(&python), expected);
    assert_snapshot!(options(&python), @r#"
    bring_bootstrap = true
    command = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    "#);
    assert_snapshot!(options(&r), @r#"
    bring_bootstrap = true
    command = ["R", "--slave", "-e", "IRkernel::main()", "--args", "{connection_file}"]
    "#);
    assert_snapshot!(sandbox.tree(&python), @"
    -0644 kernel.json
    -0644 logo-32x32.png
    -0644 logo-64x64.png
    -0644 logo-svg.svg
    d0755 scripts
    -0755 scripts/bootstrap_kernel
    -0755 scripts/launch_docker
    -0644 scripts/launch_docker.toml
    ");
    // Once more does nothing.
    let before = sandbox.tree("prefix");
    assert_snapshot!(bring(&sandbox, &["docker_python"]), @"
    exit status: 0
    ----- stderr -----
    [I [TIME] DockerSpecInstaller] Kernelspec docker_python in [ROOT]/prefix/share/jupyter/kernels/docker_python has the native launcher already
    ");
    assert_eq!(sandbox.tree("prefix"), before);
}

#[test]
fn one_with_the_native_launcher_may_bring_it_too_and_keeps_its_options() {
    let sandbox = Sandbox::new();
    let specification = sandbox.installed(&["--launcher=native", "--memory=1g", "--init"]);
    let file = specification.join("scripts/launch_docker.toml");
    let text = fs::read_to_string(&file).unwrap();
    let command = "command = '/bootstrap of my own'";
    fs::write(&file, format!("{text}\n{command} # mine\n")).unwrap();

    let before = (sandbox.tree("prefix"), fs::read_to_string(&file).unwrap());
    assert_snapshot!(bring(&sandbox, &["docker_python", "--dry-run"]), @"
    exit status: 0
    ----- stdout -----
    would convert docker_python in [ROOT]/prefix/share/jupyter/kernels/docker_python, which has the launcher of jupyter-docker-spec
    ");
    assert_eq!(before, (sandbox.tree("prefix"), fs::read_to_string(&file).unwrap()));

    let outcome = bring(&sandbox, &["--all"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert_snapshot!(options(&specification), @r#"
    mem_limit = "1g"
    init = true
    bring_bootstrap = true
    command = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"] # mine
    "#);
    assert!(specification.join("scripts/bootstrap_kernel").exists());
}

#[test]
fn what_cannot_bring_it_is_told_and_left_alone() {
    let sandbox = Sandbox::new();
    let python = with_python(&sandbox, &[]);
    with_python(&sandbox, &["--language=Scala"]);
    let before = sandbox.tree("prefix");
    assert_snapshot!(bring(&sandbox, &["docker_python", "docker_scala"]).error(), @"`docker_scala` in [ROOT]/prefix/share/jupyter/kernels/docker_scala is for scala, of which `--bring-bootstrap` does not know how the kernel is started: install it anew with `install --bring-bootstrap --kernel-command`, or leave it with the bootstrap of its image");
    assert_eq!(sandbox.tree("prefix"), before);
    // Where nobody has named it, it keeps the others from nothing.
    assert_snapshot!(bring(&sandbox, &["--all"]), @"
    exit status: 0
    ----- stderr -----
    [W [TIME] DockerSpecInstaller] Leaving kernelspec docker_scala: `docker_scala` in [ROOT]/prefix/share/jupyter/kernels/docker_scala is for scala, of which `--bring-bootstrap` does not know how the kernel is started: install it anew with `install --bring-bootstrap --kernel-command`, or leave it with the bootstrap of its image
    [I [TIME] DockerSpecInstaller] Converted kernelspec docker_python in [ROOT]/prefix/share/jupyter/kernels/docker_python, which had the launcher of jupyter-docker-spec
    ");
    assert!(python.join("scripts/bootstrap_kernel").exists());

    let other = with_python(&sandbox, &["--kernel-name=other"]);
    let mut command = sandbox.command(INSTALLER);
    command.args(["convert", "--bring-bootstrap", "other"]);
    command.env("JUPYTER_PATH", sandbox.path("prefix/share/jupyter"));
    command.env("JUPYTER_DOCKER_SPEC_BOOTSTRAP", sandbox.path("none"));
    assert_snapshot!(sandbox.run(&mut command).error(), @"could not read the bootstrap: failed to open file `[ROOT]/none`: No such file or directory (os error 2)");
    assert!(other.join("scripts/launch_docker.py").exists());
}
