//! `install --local`, and the other subcommands with what it makes: specifications whose kernels any Jupyter
//! application starts. What such kernels do is seen on real engines.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use fs_err as fs;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::engine::FakeEngine;
use crate::sandbox::{INSTALLER, KERNELS, Outcome, Sandbox, contents, set_mode};

/// The least that is taken for a program of this machine with this text in it.
pub(crate) fn program(sandbox: &Sandbox, path: &str, text: &str) -> PathBuf {
    const TABLE: u8 = 64;
    const ENTRY: u8 = 56;
    let mut bytes = [0; 20];
    fs::File::open(std::env::current_exe().unwrap()).unwrap().read_exact(&mut bytes).unwrap();
    let mut bytes = bytes.to_vec();
    bytes.resize((TABLE + ENTRY).into(), 0);
    for (at, number) in [(32, TABLE), (54, ENTRY), (56, 1), (96, TABLE + ENTRY)] {
        bytes[at] = number;
    }
    bytes.extend(text.as_bytes());
    let path = sandbox.file(path, bytes);
    set_mode(&path, 0o755);
    path
}

/// Docker's names for this machine's architecture and for another, and the bootstrap for the latter.
pub(crate) const OWN_ARCHITECTURE: &str = if IS_X86 { "amd64" } else { "arm64" };
pub(crate) const OTHER_ARCHITECTURE: &str = if IS_X86 { "arm64" } else { "amd64" };
pub(crate) const OTHER: &str =
    if IS_X86 { "bootstrap_kernel-arm64" } else { "bootstrap_kernel-amd64" };
const IS_X86: bool = cfg!(target_arch = "x86_64");

/// Makes a program one for [`OTHER_ARCHITECTURE`], and returns its bytes.
pub(crate) fn made_foreign(path: &Path) -> Vec<u8> {
    let mut bytes = fs::read(path).unwrap();
    bytes[18] = if OTHER_ARCHITECTURE == "arm64" { 183 } else { 62 };
    fs::write(path, &bytes).unwrap();
    bytes
}

/// `jupyter-docker-spec install` with these words, and a launcher and a bootstrap that are small.
pub(crate) fn installer(sandbox: &Sandbox, words: &[&str]) -> Command {
    let mut command = sandbox.command(INSTALLER);
    command.arg("install").args(words);
    command.env(
        "JUPYTER_DOCKER_SPEC_LAUNCHER",
        program(sandbox, "stub/launch_docker", "launch_docker 1.2.3\n"),
    );
    command.env("JUPYTER_DOCKER_SPEC_BOOTSTRAP", program(sandbox, "stub/bootstrap_kernel", ""));
    command
}

/// What becomes of these words with `--local`.
fn install(sandbox: &Sandbox, words: &[&str]) -> Outcome {
    sandbox.run(&mut installer(sandbox, &[&["--local", "--prefix=prefix"], words].concat()))
}

/// The same with an image, which has to succeed. Returns the specification.
fn installed(sandbox: &Sandbox, words: &[&str]) -> PathBuf {
    let outcome = install(sandbox, &[&["--image-name=my/image:1"], words].concat());
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let (_, place) = outcome.stderr.rsplit_once(" in [ROOT]/").unwrap();
    sandbox.path(place.trim_end())
}

/// Another subcommand, for what is in `prefix`.
fn other(sandbox: &Sandbox, words: &[&str]) -> Command {
    let mut command = sandbox.command(INSTALLER);
    command.args(words).env("JUPYTER_PATH", sandbox.path("prefix/share/jupyter"));
    command
}

fn run(sandbox: &Sandbox, words: &[&str]) -> Outcome {
    sandbox.run(&mut other(sandbox, words))
}

/// What `launch_docker.toml` says.
pub(crate) fn options(specification: &Path) -> String {
    let text = fs::read_to_string(specification.join("scripts/launch_docker.toml")).unwrap();
    let said = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    said.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_launcher_is_the_kernel() {
    let sandbox = Sandbox::new();
    let specification = installed(&sandbox, &[]);
    assert_snapshot!(sandbox.text(&specification.join("kernel.json")), @r#"
    {
      "argv": [
        "[ROOT]/prefix/share/jupyter/kernels/docker_python/scripts/launch_docker",
        "--connection-file",
        "{connection_file}"
      ],
      "env": {},
      "display_name": "Docker Python",
      "language": "python",
      "interrupt_mode": "signal",
      "metadata": {
        "supported_encryption": [
          "curve"
        ],
        "debugger": true
      },
      "kernel_protocol_version": ""
    }
    "#);
    assert_snapshot!(options(&specification), @r#"
    mount_cwd = true
    image = "my/image:1"
    command = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    "#);
    assert_snapshot!(sandbox.tree("prefix/share/jupyter/kernels/docker_python"), @"
    -0644 kernel.json
    -0644 logo-32x32.png
    -0644 logo-64x64.png
    -0644 logo-svg.svg
    d0755 scripts
    -0755 scripts/bootstrap_kernel
    -0755 scripts/launch_docker
    -0644 scripts/launch_docker.toml
    ");
}

#[test]
fn the_language_decides_how_a_kernel_is_started() {
    let sandbox = Sandbox::new();
    let r = installed(&sandbox, &["--language=R", "--no-mount-cwd"]);
    let kernel_json = Sandbox::kernel_json(&r);
    assert_eq!(kernel_json["metadata"], json!({}));
    assert_eq!(
        (&kernel_json["language"], &kernel_json["display_name"], &kernel_json["interrupt_mode"]),
        (&json!("R"), &json!("Docker R"), &json!("signal"))
    );
    assert_snapshot!(options(&r), @r#"
    image = "my/image:1"
    command = ["R", "--slave", "-e", "IRkernel::main()", "--args", "{connection_file}"]
    "#);
    let outcome = install(&sandbox, &["--image-name=i", "--language=Scala"]);
    assert_snapshot!(outcome.error(), @"`--local` with the language scala needs `--kernel-command`: the command that starts the kernel, with `{connection_file}` in it; or `--image-kernelspec`, if the image has a kernelspec that says it");
    let scala = installed(
        &sandbox,
        &["--language=scala", "--kernel-command=toree --profile '{connection_file}' 'a \"b'"],
    );
    assert_snapshot!(options(&scala), @r#"
    mount_cwd = true
    image = "my/image:1"
    command = ["toree", "--profile", "{connection_file}", "a \"b"]
    "#);
    let class = installed(&sandbox, &["--kernel-name=c", "--ipykernel-subclass-name=a.B"]);
    assert!(
        options(&class).ends_with(r#""{connection_file}", "--IPKernelApp.kernel_class=a.B"]"#),
        "{}",
        options(&class)
    );
}

#[test]
fn what_is_said_of_the_container_counts() {
    for (words, expected) in [
        (&["--mount-cwd"][..], "mount_cwd = true"),
        (&["--no-mount-cwd"], ""),
        (&["--no-mount-cwd", "--mount-cwd"], "mount_cwd = true"),
        (&["--mount-cwd", "--no-mount-cwd"], ""),
        (&["--no-mount-cwd=false"], "mount_cwd = true"),
        (&["--mount-cwd=false"], "mount_cwd = false"),
        (&["--no-mount-cwd", "--container-user=1000:100"], "user = \"1000:100\""),
        (&["--no-mount-cwd", "--container-user=image"], "user = \"\""),
        (&["--no-mount-cwd", "--network=none"], "networks = [\"none\"]"),
        (&["--no-mount-cwd", "--gpus=all"], "gpus = \"all\""),
    ] {
        let sandbox = Sandbox::new();
        let said = options(&installed(&sandbox, words));
        let mut lines: Vec<&str> = said.lines().collect();
        lines.retain(|line| !line.starts_with("command = ") && !line.starts_with("image = "));
        assert_eq!(lines.join("\n"), expected, "{words:?}");
    }
    // Of others as well, and they are asked for as their engine takes it.
    let sandbox = Sandbox::new();
    let mut command = installer(&sandbox, &["--prefix=prefix", "--dry-run"]);
    command
        .env_remove("JUPYTER_DOCKER_SPEC_LAUNCHER")
        .env("JUPYTER_DOCKER_SPEC_LAUNCHER", "python");
    let outcome = sandbox.run(command.args(["--launcher=stub/launch_docker", "--swarm"]));
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let mut command = sandbox.installer();
    let words = ["--prefix=prefix", "--dry-run", "--launcher=native", "--container-user=image"];
    let outcome = sandbox.run(command.args(words));
    assert!(outcome.stdout.contains("\"User\": \"\""), "{outcome}");
}

#[test]
fn a_provisioner_of_ours_shows_why_a_launch_failed() {
    let sandbox = Sandbox::new();
    let directory = installed(&sandbox, &["--show-launch-errors"]);
    let text = fs::read(directory.join("kernel.json")).unwrap();
    let kernel_json: Value = serde_json::from_slice(&text).unwrap();
    let provisioner = json!({"provisioner_name": "reporting-local-provisioner", "config": {}});
    assert_eq!(kernel_json["metadata"]["kernel_provisioner"], provisioner);
    let shown = sandbox.run(&mut other(&sandbox, &["show", "--toml", "docker_python"]));
    for line in ["\nlocal = true\n", "\nshow-launch-errors = true\n"] {
        assert!(shown.stdout.contains(line), "{shown}");
    }
    // Whether the package is there, the Python of the application says.
    let checked = sandbox.run(&mut other(&sandbox, &["check", "docker_python"]));
    assert!(
        checked.stdout.contains("there is no jupyter-lab, jupyter-server, jupyter"),
        "{checked}"
    );
}

#[test]
fn what_only_servers_have_is_refused_with_the_reason() {
    let sandbox = Sandbox::new();
    let mut reasons = String::new();
    for words in [
        &["--gateway=enterprise-gateway"][..],
        &["--swarm"],
        &["--DockerSpecInstaller.swarm=True"],
        &["--authorized-users=ann"],
        &["--unauthorized-users=eve"],
        &["--BaseSpecApp.authorized_users=ann"],
        &["--port-range=40000..42000"],
        &["--launch-timeout=60"],
        &["--sample=R_docker"],
        &["--samples"],
        &["--executor-image-name=e"],
        &["--image-tag=1"],
        &["--launcher=python"],
        &["--launcher=stub/launch_docker"],
        &["--constraint=node.labels.gpu==true"],
        &["--placement-pref=spread=node.labels.zone"],
        &["--generic-resource=GPU=1"],
        &["--secret=s"],
        &["--kernel-command=python -m x"],
        &["--kernel-command=python '{connection_file}"],
        &["--kernel-command="],
        &["--kernel-command=x {connection_file}", "--ipykernel-subclass-name=a.B"],
        &["--ipykernel-subclass-name=B"],
        &["--mount-cwd=maybe"],
        &["--hostname={connection_file}"],
    ] {
        let image = words.contains(&"--image-tag=1");
        let words = [&["--image-name=i"][..usize::from(!image)], words].concat();
        let outcome = install(&sandbox, &words);
        reasons += outcome.error();
        reasons.push('\n');
    }
    assert_snapshot!(reasons, @r#"
    `--gateway` cannot be given with `--local`: its kernels are those of no gateway, but of any Jupyter application
    `--swarm` cannot be given with `--local`: its kernels are containers of one engine, not services of a Swarm
    `--DockerSpecInstaller.swarm` cannot be given with `--local`: its kernels are containers of one engine, not services of a Swarm
    `--authorized-users` cannot be given with `--local`: there is no server that looks at users: who can read the specification and use the engine can start its kernels
    `--unauthorized-users` cannot be given with `--local`: there is no server that looks at users: who can read the specification and use the engine can start its kernels
    `--BaseSpecApp.authorized_users` cannot be given with `--local`: there is no server that looks at users: who can read the specification and use the engine can start its kernels
    `--port-range` cannot be given with `--local`: its kernels have the ports that the application chooses
    `--launch-timeout` cannot be given with `--local`: the application decides how long it waits for a kernel
    `--sample=R_docker` cannot be given with `--local`: samples are specifications for Enterprise Gateway
    `--samples` cannot be given with `--local`: samples are specifications for Enterprise Gateway
    `--executor-image-name` cannot be given with `--local`: there is no server that tells a kernel of an image for executors; `--env` can
    `--image-tag` cannot be given with `--local`: there is no default image; put the tag into `--image-name`
    `--launcher` of `python` cannot be given with `--local`: to the application the launcher is the kernel, and only the native one can be that
    `--launcher` of `stub/launch_docker` cannot be given with `--local`: to the application the launcher is the kernel, and only the native one can be that
    the options for the container are not valid: --constraint: deploy.placement.constraints = ["node.labels.gpu==true"]: `deploy.placement.constraints` has a meaning in a Swarm only
    the options for the container are not valid: --placement-pref: deploy.placement.preferences = [{ spread = "node.labels.zone" }]: `deploy.placement.preferences` has a meaning in a Swarm only
    the options for the container are not valid: --generic-resource: deploy.resources.reservations.generic_resources = [{ discrete_resource_spec = { kind = "GPU", value = 1 } }]: `deploy.resources.reservations.generic_resources` has a meaning in a Swarm only
    the options for the container are not valid: --secret: secrets = ["s"]: `secrets` has a meaning in a Swarm only
    `--kernel-command` of `python -m x` must have `{connection_file}` in it, where the kernel takes the file with its ports and key
    `--kernel-command` of `python '{connection_file}` must end its quotes
    `--kernel-command` of `` must have `{connection_file}` in it, where the kernel takes the file with its ports and key
    `--ipykernel-subclass-name` goes into the command of ipykernel; say it in `--kernel-command`
    `--ipykernel-subclass-name` of `B` must be the dotted name of a class, such as `package.module.Class`
    --mount-cwd of `maybe` must be true or false
    the options for the container are not valid: --hostname: hostname = "{connection_file}": `hostname` has `{connection_file}`, which is not one of {username}, {kernel_id}, {language} and {cwd}
    "#);
    assert!(!sandbox.path("prefix").exists());
    let outcome = install(&sandbox, &[]);
    assert_snapshot!(outcome.error(), @"`--local` needs `--image-name`: the name of an image that has the kernel, such as one with ipykernel");
    // What is the default anyway is none of these.
    installed(&sandbox, &["--launcher=native", "--no-swarm"]);
}

#[test]
fn what_has_a_meaning_for_it_alone_is_refused_elsewhere() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.install(&["--kernel-command=x {connection_file}"]);
    assert_snapshot!(outcome.error(), @"`--kernel-command` is for `--local` and `--bring-bootstrap`: else the image has a bootstrap that starts the kernel; if that is another one, `command` in launch_docker.toml names it");
    let outcome = sandbox.install(&["--no-mount-cwd"]);
    assert_snapshot!(outcome.error(), @"`--no-mount-cwd` is for `--local`: other kernels have the notebook's directory only with `--mount-cwd`");
}

#[test]
fn a_file_of_specifications_has_them_too() {
    let sandbox = Sandbox::new();
    let file = |text: &str| {
        sandbox.file("kernels.toml", text);
        sandbox.run(&mut installer(&sandbox, &["--file=kernels.toml", "--replace"]))
    };
    let head = "[defaults]\nprefix = \"prefix\"\nswarm = false\n[[kernel]]\nkernel-name = \"k\"\n";
    let local = format!("{head}local = true\nimage-name = \"i\"\n");
    for (text, reason) in [
        (
            format!("{local}port-range = \"1..2000\"\n"),
            "`port-range` in kernels.toml:8:14 cannot be given with `--local`: its kernels have the ports that the application chooses",
        ),
        (format!("{local}swarm = true\n"), "`swarm` in kernels.toml:8:9 cannot be given with"),
        (format!("{local}launcher = \"python\"\n"), "`launcher` in kernels.toml:8:12 of `python`"),
        (
            format!("{local}[kernel.launch_docker]\nimage = \"j\"\n"),
            "`image` in the table `launch_docker` is what `image-name` says; use that",
        ),
        (
            format!(
                "{local}kernel-command = \"x {{connection_file}}\"\n[kernel.launch_docker]\ncommand = \"y {{connection_file}}\"\n"
            ),
            "`kernel-command` in kernels.toml:8:18 and `command` in the table `launch_docker` say the same; use one",
        ),
        (
            format!("{head}kernel-command = \"x\"\n"),
            "`kernel-command` in kernels.toml:6:18 is for `--local`",
        ),
    ] {
        let outcome = file(&text);
        assert!(outcome.error().starts_with(reason), "{text}: {outcome}");
    }
    let text = format!(
        "{local}no-mount-cwd = true\nshow-launch-errors = false\nlauncher = \"native\"\n\
         [[kernel]]\nkernel-name = \"server\"\n\
         [[kernel]]\nkernel-name = \"m\"\nlocal = true\nimage-name = \"j\"\n[kernel.launch_docker]\n\
         command = \"x {{connection_file}}\"\nmount_cwd = {{ target = \"/w\" }}\n"
    );
    let outcome = file(&text);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let kernels = sandbox.path("prefix").join(KERNELS);
    let command =
        "command = [\"python\", \"-m\", \"ipykernel_launcher\", \"-f\", \"{connection_file}\"]";
    assert_eq!(options(&kernels.join("k")), format!("image = \"i\"\n{command}"));
    assert_eq!(
        options(&kernels.join("m")),
        "image = \"j\"\ncommand = \"x {connection_file}\"\nmount_cwd = { target = \"/w\" }"
    );
    assert!(
        !Sandbox::kernel_json(&kernels.join("server"))["metadata"]["kernel_provisioner"].is_null()
    );
}

#[test]
fn what_variables_and_files_say_of_servers_does_not_count() {
    let sandbox = Sandbox::new();
    let plain = installed(&sandbox, &["--kernel-name=plain"]);
    let mut command = installer(&sandbox, &["--local", "--prefix=prefix", "--kernel-name=k"]);
    command.envs([
        ("GP_IMAGE_NAME", "my/image:1"),
        ("GP_AUTHORIZED_USERS", "ann"),
        ("GP_UNAUTHORIZED_USERS", ","),
        ("GP_PORT_RANGE", "no range"),
        ("GP_LAUNCH_TIMEOUT", "soon"),
        ("KERNEL_LAUNCH_TIMEOUT", "90"),
        ("KERNEL_IMAGE", "other"),
    ]);
    let config = sandbox.path("home/.jupyter/jupyter_docker_spec_config.json");
    sandbox.file(
        &config,
        r#"{"RemoteProvisionerConfigMixin": {"port_range": "1..2", "authorized_users": ["bob"]}}"#,
    );
    let outcome = sandbox.run(&mut command);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let specification = plain.with_file_name("k");
    assert_eq!(options(&specification), options(&plain));
    let text = fs::read_to_string(plain.join("kernel.json")).unwrap();
    let expected = text.replace("kernels/plain/", "kernels/k/");
    assert_eq!(fs::read_to_string(specification.join("kernel.json")).unwrap(), expected);
    // An image is one for any kernel, and a Swarm would be no such kernel.
    sandbox.file(&config, r#"{"DockerSpecInstaller": {"image_name": "of/file"}}"#);
    let outcome = install(&sandbox, &["--kernel-name=f"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert!(options(&plain.with_file_name("f")).contains("image = \"of/file\""));
    sandbox.file(&config, r#"{"DockerSpecInstaller": {"swarm": true}}"#);
    let outcome = install(&sandbox, &["--image-name=i"]);
    assert_snapshot!(outcome.error(), @"`DockerSpecInstaller.swarm` in `[ROOT]/home/.jupyter/jupyter_docker_spec_config.json` cannot be given with `--local`: its kernels are containers of one engine, not services of a Swarm");
    installed(&sandbox, &["--kernel-name=n", "--no-swarm"]);
}

#[test]
fn the_programs_that_it_needs_are_looked_for() {
    let sandbox = Sandbox::new();
    let words = ["install", "--local", "--prefix=prefix", "--image-name=i"];
    sandbox.program(INSTALLER, "bin/jupyter-docker-spec");
    let command = || {
        let mut command = sandbox.command(sandbox.path("bin/jupyter-docker-spec"));
        command.args(words);
        command
    };
    let error = || sandbox.run(&mut command()).error().to_owned();
    assert_snapshot!(error(), @"could not find the launcher `launch_docker`, which belongs beside this program: there is no `[ROOT]/bin/launch_docker`; install both executables, or name one with JUPYTER_DOCKER_SPEC_LAUNCHER");
    program(&sandbox, "bin/launch_docker", "launch_docker 1.2.3\n");
    assert_snapshot!(error(), @"could not find `bootstrap_kernel`, which `--local` brings into containers: there is no `[ROOT]/bin/bootstrap_kernel`; install.sh and the packages of jupyter-docker-spec put it there, `cargo install` does not; or name one in JUPYTER_DOCKER_SPEC_BOOTSTRAP");
    sandbox.file("bin/bootstrap_kernel", "#!/bin/sh\n");
    assert_snapshot!(error(), @"the bootstrap `[ROOT]/bin/bootstrap_kernel` is no executable of Linux; install it again");
    let whole = program(&sandbox, "bin/bootstrap_kernel", "");
    fs::write(&whole, &fs::read(&whole).unwrap()[..100]).unwrap();
    assert_snapshot!(error(), @"the bootstrap `[ROOT]/bin/bootstrap_kernel` is not whole: it has only 100 of its 120 bytes; install it again");
    let other = program(&sandbox, "stub/other", "");
    let named = sandbox.run(command().env("JUPYTER_DOCKER_SPEC_BOOTSTRAP", &other));
    assert_eq!(named.code(), Some(0), "{named}");
    let kernel = sandbox.path("prefix").join(KERNELS).join("docker_python");
    assert!(
        fs::read(kernel.join("scripts/bootstrap_kernel")).unwrap() == fs::read(&other).unwrap()
    );
    // Those beside it are for images of other architectures, if they are that.
    assert!(!kernel.join("scripts").join(OTHER).exists());
    let path = sandbox.path("stub").join(OTHER);
    fs::copy(&other, &path).unwrap();
    let mut replace = command();
    replace.arg("--replace").env("JUPYTER_DOCKER_SPEC_BOOTSTRAP", &other);
    let outcome = sandbox.run(&mut replace);
    let reason = outcome.error().replace(OTHER_ARCHITECTURE, "[OTHER]");
    assert_snapshot!(reason, @"the bootstrap `[ROOT]/stub/bootstrap_kernel-[OTHER]` is not for [OTHER]; install it again");
    let foreign = made_foreign(&path);
    let outcome = sandbox.run(&mut replace);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let installed = kernel.join("scripts").join(OTHER);
    assert!(fs::read(&installed).unwrap() == foreign);
    fs::write(&installed, &foreign[..100]).unwrap();
    let outcome = run(&sandbox, &["list"]);
    assert!(
        outcome.stdout.contains(" is not whole: it has only 100 of its 120 bytes"),
        "{outcome}"
    );
    // It goes with the next that has none.
    fs::remove_file(&path).unwrap();
    let outcome = sandbox.run(&mut replace);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert!(!installed.exists());
    // One that is none of ours is none for it, whatever other specifications do with it.
    let mut command = command();
    command
        .env("JUPYTER_DOCKER_SPEC_LAUNCHER", &other)
        .env("JUPYTER_DOCKER_SPEC_BOOTSTRAP", &other);
    let named = sandbox.run(command.arg("--replace"));
    assert_snapshot!(named.error(), @"`JUPYTER_DOCKER_SPEC_LAUNCHER` names another launcher; unset it: `[ROOT]/stub/other` is not the launcher that belongs to this program; install both executables again");
    // Without its bootstrap, or with half of it, it is broken.
    fs::remove_file(kernel.join("scripts/bootstrap_kernel")).unwrap();
    let outcome = run(&sandbox, &["list"]);
    assert!(
        outcome.stdout.contains("broken: the bootstrap `[ROOT]/prefix/share/jupyter/kernels/docker_python/scripts/bootstrap_kernel` is missing"),
        "{outcome}"
    );
}

#[test]
fn it_is_listed_and_shown() {
    let sandbox = Sandbox::new();
    installed(&sandbox, &["--memory=1g"]);
    assert_snapshot!(run(&sandbox, &["list"]).stdout, @"
    NAME           DISPLAY NAME   LANGUAGE  IMAGE       MODE    SYSTEM  LAUNCHER      PATH
    docker_python  Docker Python  python    my/image:1  docker  local   native 1.2.3  [ROOT]/prefix/share/jupyter/kernels/docker_python
    ");
    let shown = run(&sandbox, &["show", "docker_python"]).stdout;
    assert_snapshot!(shown.split_once("Files:").unwrap().0, @r#"
    Name:           docker_python
    Display name:   Docker Python
    Language:       python
    Image:          my/image:1
    Mode:           docker
    System:         local
    Launcher:       native 1.2.3
    Path:           [ROOT]/prefix/share/jupyter/kernels/docker_python
    Command:
      [ROOT]/prefix/share/jupyter/kernels/docker_python/scripts/launch_docker --connection-file {connection_file}
    launch_docker.toml:
      command = ["python","-m","ipykernel_launcher","-f","{connection_file}"]
      image = "my/image:1"
      mem_limit = "1g"
      mount_cwd = true
    "#);
    let json = run(&sandbox, &["show", "docker_python", "--json"]).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["provisioner"], "local");
    assert_eq!(json["image"], "my/image:1");
    assert_eq!(json["problems"], json!([]));
    assert_eq!(json["unauthorized_users"], json!([]));
    assert_eq!(json["options"]["command"][2], "ipykernel_launcher");
    assert_snapshot!(run(&sandbox, &["show", "docker_python", "--toml"]).stdout, @r#"
    # jupyter-docker-spec install --file FILE
    [[kernel]]
    kernel-name = "docker_python"
    local = true
    language = "python"
    display-name = "Docker Python"
    image-name = "my/image:1"
    prefix = "[ROOT]/prefix"
    replace = true

    [kernel.launch_docker]
    mount_cwd = true
    mem_limit = "1g"
    command = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    "#);
}

#[test]
fn what_show_prints_makes_the_same_again() {
    for words in [
        &[][..],
        &["--language=R", "--no-mount-cwd"],
        &[
            "--language=Scala",
            "--kernel-command=a \"b c\" '{connection_file}' '' '$x'",
            "--kernel-name=a.b-c",
        ],
        &["--kernel-name=docker_r", "--display-name=it's \"quoted\" \\ $HOME `x` #"],
        &["--container-user=image", "--network=none", "--memory=2g", "--env=A=$x\ny"],
        &["--mount-cwd=false", "--ipykernel-subclass-name=a.B"],
        &["--kernel-name=r_docker", "--language=R"],
        &["--show-launch-errors"],
    ] {
        let sandbox = Sandbox::new();
        let specification = installed(&sandbox, words);
        let before = contents(&specification);
        let name = specification.file_name().unwrap().to_str().unwrap();
        let said = |text: &str| {
            let json: Value = serde_json::from_str(text).unwrap();
            json["options"].clone()
        };
        let old = said(&run(&sandbox, &["show", name, "--json"]).stdout);
        let output = other(&sandbox, &["show", name, "--toml"]).output().unwrap();
        sandbox.file("again.toml", &output.stdout);
        let mut command = installer(&sandbox, &["--file=again.toml"]);
        let outcome = sandbox.run(command.env("GP_IMAGE_NAME", "other"));
        assert_eq!(outcome.code(), Some(0), "{words:?}: {outcome}");
        assert!(!outcome.stderr.contains("changes"), "{words:?}: {outcome}");
        assert!(outcome.stderr.contains(" existing kernelspec in "), "{words:?}: {outcome}");
        assert_eq!(said(&run(&sandbox, &["show", name, "--json"]).stdout), old, "{words:?}");
        let is_same = |name: &str| {
            contents(&specification).get(Path::new(name)) == before.get(Path::new(name))
        };
        assert!(is_same("kernel.json") && is_same("scripts/bootstrap_kernel"), "{words:?}");
    }
}

#[test]
fn what_is_replaced_is_told() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.install(&["--prefix=prefix", "--memory=1g", "--launcher=native"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let outcome = install(&sandbox, &["--image-name=i", "--replace"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let changes = outcome.stderr.lines().find(|line| line.contains("Replacing")).unwrap();
    assert_snapshot!(changes.split_once("] ").unwrap().1, @"DockerSpecInstaller] Replacing kernelspec docker_python changes argv; command (new); image: none -> `i`; image_name: `elyra/kernel-py:0.5.0` -> none; kernel-class-name: `ipykernel.ipkernel.IPythonKernel` -> none; launch_timeout: 30 -> none; mem_limit: `1g` -> none; mount_cwd: none -> true; provisioner_name: `docker-provisioner` -> none. `jupyter-docker-spec set` changes only what is named.");
    let outcome = install(&sandbox, &["--image-name=j", "--replace", "--container-user=image"]);
    let changes = outcome.stderr.lines().find(|line| line.contains("Replacing")).unwrap();
    assert_snapshot!(changes.split_once("] ").unwrap().1, @"DockerSpecInstaller] Replacing kernelspec docker_python changes image: `i` -> `j`; user: none -> ``. `jupyter-docker-spec set` changes only what is named.");
}

#[test]
fn a_dry_run_prints_what_a_launch_asks_for() {
    let sandbox = Sandbox::new();
    let words = ["--image-name=i", "--dry-run", "--container-user=7", "--no-mount-cwd"];
    let outcome = install(&sandbox, &words);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert!(outcome.stdout.contains("scripts/bootstrap_kernel (a copy of "), "{outcome}");
    let (_, request) =
        outcome.stdout.split_once("POST /containers/create for a kernel:\n").unwrap();
    let request: Value = serde_json::from_str(request).unwrap();
    assert_eq!((&request["Image"], &request["User"]), (&json!("i"), &json!("7")));
    assert_eq!(request["Labels"]["app"], "jupyter-docker-spec");
    assert!(!sandbox.path("prefix").exists());
}

#[test]
fn what_is_named_is_set_and_nothing_else() {
    let sandbox = Sandbox::new();
    let specification = installed(&sandbox, &["--memory=1g"]);
    let before = fs::read_to_string(specification.join("kernel.json")).unwrap();
    let set = |words: &[&str]| run(&sandbox, &[&["set", "docker_python"], words].concat());
    let outcome = set(&[
        "--image-name=my/other:2",
        "--kernel-command=python3 -m ipykernel_launcher -f {connection_file}",
        "--no-mount-cwd",
        "--unset=memory",
        "--container-user=image",
    ]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert_snapshot!(outcome.stderr, @"[I [TIME] DockerSpecInstaller] Changed kernelspec docker_python in [ROOT]/prefix/share/jupyter/kernels/docker_python: command; image: `my/image:1` -> `my/other:2`; mem_limit: `1g` -> none; mount_cwd: true -> none; user: none -> ``");
    assert_eq!(fs::read_to_string(specification.join("kernel.json")).unwrap(), before);
    assert_snapshot!(options(&specification), @r#"
    user = ""
    image = "my/other:2"
    command = ["python3", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    "#);
    let outcome = set(&["--display-name=Mine", "--mount-cwd", "--unset=container-user"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert_eq!(Sandbox::kernel_json(&specification)["display_name"], "Mine");
    assert_eq!(
        fs::read_to_string(specification.join("kernel.json")).unwrap(),
        before.replace("Docker Python", "Mine")
    );
    assert!(options(&specification).contains("mount_cwd = true"));
    assert!(!options(&specification).contains("user"));
    let outcome = set(&["--image-name=x", "--dry-run"]);
    assert!(outcome.stdout.contains("\"Image\": \"x\""), "{outcome}");

    let all = contents(&sandbox.path("prefix"));
    let mut reasons = String::new();
    for words in [
        &["--port-range=40000..42000"][..],
        &["--launch-timeout=60"],
        &["--authorized-users=ann"],
        &["--unauthorized-users=eve"],
        &["--executor-image-name=e"],
        &["--ipykernel-subclass-name=a.B"],
        &["--unset=port-range"],
        &["--unset=image-name"],
        &["--unset=image"],
        &["--unset=command"],
        &["--unset=kernel-command"],
        &["--unset=no-mount-cwd"],
        &["--kernel-command=python"],
        &["--image-name=A B"],
        &["--constraint=a==b"],
    ] {
        reasons += set(words).error();
        reasons.push('\n');
    }
    assert_snapshot!(reasons, @r#"
    `--port-range` has no meaning for a specification of `--local`: its kernels have the ports that the application chooses
    `--launch-timeout` has no meaning for a specification of `--local`: the application decides how long it waits for a kernel
    `--authorized-users` has no meaning for a specification of `--local`: there is no server that looks at users: who can read the specification and use the engine can start its kernels
    `--unauthorized-users` has no meaning for a specification of `--local`: there is no server that looks at users: who can read the specification and use the engine can start its kernels
    `--executor-image-name` has no meaning for a specification of `--local`: there is no server that tells a kernel of an image for executors; `--env` can
    `--ipykernel-subclass-name` has no meaning for a specification of `--local`: it goes into the command of ipykernel; say it in `--kernel-command`
    `--unset=port-range` has no meaning for a specification of `--local`: its kernels have the ports that the application chooses
    a specification needs `--image-name`: give it another value
    a specification of `--local` needs `image`: give it another value with `--image-name`
    a specification of `--local` needs `command`: give it another value with `--kernel-command`
    a specification needs `--kernel-command`: give it another value
    `--unset=no-mount-cwd` is what `--mount-cwd` says; use that
    `--kernel-command` of `python` must have `{connection_file}` in it, where the kernel takes the file with its ports and key
    `--image-name` of `A B` must be the name of an image: its path is made of lower-case letters, digits and single separators `.`, `_`, `-`
    the options for the container are not valid: --constraint: deploy.placement.constraints = ["a==b"]: `deploy.placement.constraints` has a meaning in a Swarm only
    "#);
    assert!(set(&["--local"]).stderr.contains("`set` has no `--local`"));
    assert!(contents(&sandbox.path("prefix")) == all);

    let server = sandbox.installed(&["--kernel-name=server", "--launcher=native"]);
    for words in [
        &["--kernel-command=x {connection_file}"][..],
        &["--no-mount-cwd"],
        &["--unset=kernel-command"],
    ] {
        let outcome = run(&sandbox, &[&["set", server.to_str().unwrap()], words].concat());
        assert!(outcome.error().contains(" is for specifications of `--local`"), "{outcome}");
    }
}

#[test]
fn there_is_nothing_to_convert() {
    let sandbox = Sandbox::new();
    installed(&sandbox, &[]);
    assert_snapshot!(run(&sandbox, &["convert", "docker_python"]).error(), @"`docker_python` in [ROOT]/prefix/share/jupyter/kernels/docker_python is a specification of `install --local`, whose launcher is the native one always: `convert` is for those of servers; `jupyter-docker-spec show docker_python --toml | jupyter-docker-spec install --file -` puts this version's launcher there");
    let outcome = run(&sandbox, &["remove", "-y", "docker_python", "--prefix=prefix"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert_eq!(sandbox.tree("prefix/share/jupyter/kernels"), "");
}

/// An engine that has the image `my/image:1` for amd64, and containers with these states that are local kernels.
fn engine(states: &'static [&'static str], architecture: &'static str) -> FakeEngine {
    let info = json!({"ServerVersion": "20.10.24", "Architecture": architecture, "Swarm": {}});
    engine_like(info, states)
}

/// One that says this of itself.
fn engine_like(info: Value, states: &'static [&'static str]) -> FakeEngine {
    FakeEngine::with(move |(line, _), stream, _| {
        let path = line.split([' ', '?']).nth(1).unwrap_or_default().to_owned();
        let labels = json!({"app": "jupyter-docker-spec", "component": "kernel", "kernel_id": "k"});
        let answer = match &*path {
            "/info" => info.clone(),
            "/containers/json" => {
                states.iter().map(|state| json!({"Id": state, "Labels": labels})).collect()
            }
            "/containers/create" => json!({"Id": "probe"}),
            path if path.starts_with("/images/my") && path.contains("image") => json!({
                "Id": "sha256:1", "Architecture": "amd64", "Os": "linux", "Config": {"Volumes": {"/v": {}}}
            }),
            "/volumes" => json!({"Volumes": [], "Warnings": null}),
            "/_ping" => Value::Null,
            path => {
                let id = path.split('/').nth(2).unwrap_or_default();
                match states.iter().find(|state| **state == id) {
                    Some(state) => json!({
                        "Id": id, "Name": format!("/{id}"), "Created": "2020-01-01T00:00:00Z",
                        "Config": {"Image": "i", "Labels": labels, "Env": ["RESPONSE_ADDRESS=127.0.0.1:1"]},
                        "State": {"Status": state},
                    }),
                    None => Value::Null,
                }
            }
        };
        let is_known = !answer.is_null() || path == "/_ping";
        let answer = if is_known { answer } else { json!({"message": "no such object"}) };
        let (code, body) = (if is_known { 200 } else { 404 }, answer.to_string());
        let head = format!("HTTP/1.1 {code} X\r\nApi-Version: 1.41\r\nContent-Length");
        stream.write_all(format!("{head}: {}\r\n\r\n{body}", body.len()).as_bytes()).is_ok()
    })
}

fn with_engine(sandbox: &Sandbox, engine: &FakeEngine, words: &[&str]) -> Outcome {
    sandbox.run(other(sandbox, words).env("DOCKER_HOST", engine.host()))
}

#[test]
fn who_is_another_user_to_the_engine_is_told_how_not_to_be() {
    let sandbox = Sandbox::new();
    installed(&sandbox, &[]);
    let info = json!({
        "ServerVersion": "20.10.24", "Architecture": "x86_64", "Swarm": {},
        "SecurityOptions": ["name=seccomp,profile=default", "name=userns"],
    });
    let engine = engine_like(info, &[]);
    let check = || with_engine(&sandbox, &engine, &["check", "docker_python"]).stdout;
    let advice = "jupyter-docker-spec set docker_python --userns=host";
    let checked = check();
    assert!(checked.contains("maps the users of containers to others (userns-remap)"), "{checked}");
    assert!(checked.contains(&format!("have it run as you with `{advice}`")), "{checked}");
    let words: Vec<_> = advice.split(' ').skip(1).collect();
    assert_eq!(run(&sandbox, &words).code(), Some(0));
    assert!(!check().contains("userns"), "{}", check());
}

#[test]
fn it_is_checked_without_a_server() {
    let sandbox = Sandbox::new();
    let specification = installed(&sandbox, &[]);
    let mine = engine(&[], "x86_64");
    // Neither of these is anything to it.
    let check = |engine: &FakeEngine, words: &[&str]| {
        let mut command = other(&sandbox, &[&["check", "docker_python"], words].concat());
        command
            .env("DOCKER_HOST", engine.host())
            .env("KERNEL_USERNAME", "root")
            .env("KERNEL_UID", "0");
        sandbox.run(command.env("GP_DOCKER_NETWORK", "missing").env("DOCKER_NETWORK", "other"))
    };
    let outcome = check(&mine, &[]);
    assert_snapshot!(outcome.to_string().replace(&mine.host(), "[ENGINE]"), @"
    exit status: 0
    ----- stdout -----
    Jupyter
      warning  [BIN]/jupyter-docker-spec is not on PATH, so `jupyter docker-spec` does not find it
    Docker Engine
      ok       version 20.10.24 at [ENGINE] (API 1.41)
    docker_python in [ROOT]/prefix/share/jupyter/kernels/docker_python
      ok       the launcher is native 1.2.3
      ok       launch_docker.toml is right
      ok       it is whole, and every account can read it
      ok       the engine has the image `my/image:1`
    0 errors, 1 warning
    ");
    // The launcher of these tests starts nothing.
    let outcome = check(&mine, &["--launch"]);
    assert_eq!(outcome.code(), Some(1), "{outcome}");
    assert!(
        outcome.stdout.contains("error    the kernel could not be started: the launcher failed"),
        "{outcome}"
    );
    let outcome = check(&engine(&[], "aarch64"), &[]);
    assert!(
        outcome.stdout.contains("error    the image `my/image:1` is for linux/amd64, and the engine's host is linux/arm64"),
        "{outcome}"
    );

    let path = specification.join("scripts/launch_docker.toml");
    let text = fs::read_to_string(&path).unwrap();
    for (text, error) in [
        (text.replace("\nimage = ", "\n#image = "), "launch_docker.toml names no `image`"),
        (text.replace("my/image:1", "other"), "does not have the image `other`"),
        (
            text.replace("\ncommand = ", "\n#command = "),
            "launch_docker.toml names no `command`, and no",
        ),
        (
            text.replace("\", \"{connection_file}\"]\n#labels", "\"]\n#labels"),
            "has no `{connection_file}` in `command`",
        ),
        (
            text.clone() + "\n[networks.gone]\n",
            "the network `gone` (launch_docker.toml) does not exist",
        ),
        (
            text.replace("\n#volumes", "\nvolumes = ['/x:/y:bad']\n#volumes"),
            ":21:12: `volumes` has an unknown option `bad` for a bind",
        ),
    ] {
        fs::write(&path, text).unwrap();
        let outcome = check(&mine, &[]);
        assert!(outcome.stdout.contains(error), "{error}: {outcome}");
        assert_eq!(outcome.code(), Some(1), "{outcome}");
    }
    // As it proposes.
    fs::write(&path, text.replace("\ncommand = ", "\n#command = ")).unwrap();
    let words = ["set", "docker_python", "--kernel-command=x {connection_file}"];
    assert_eq!(run(&sandbox, &words).code(), Some(0));
    assert_eq!(check(&mine, &[]).code(), Some(0));
    fs::write(&path, text).unwrap();
    let path = specification.join("kernel.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"{connection_file}\"", "\"x{connection_file}\"")).unwrap();
    let outcome = check(&mine, &[]);
    assert!(
        outcome
            .stdout
            .contains("does not give the launcher `{connection_file}`, as a word of its own"),
        "{outcome}"
    );
}

/// What can have become of a container.
const STATES: &[&str] = &["running", "paused", "restarting", "exited", "created", "dead"];

#[test]
fn a_kernel_that_runs_is_not_pruned() {
    let sandbox = Sandbox::new();
    let engine = engine(STATES, "x86_64");
    let outcome = with_engine(&sandbox, &engine, &["ps", "--json"]);
    let kernels: Vec<Value> = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(kernels.len(), STATES.len(), "{outcome}");
    assert!(kernels.iter().all(|kernel| kernel["system"] == "local"), "{outcome}");
    let outcome = with_engine(&sandbox, &engine, &["prune", "--dry-run"]);
    let mut names: Vec<&str> =
        outcome.stdout.lines().map(|line| line.split(' ').next().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["created", "dead", "exited"], "{outcome}");
    assert!(outcome.stderr.contains("Leaving 3 running kernels alone"), "{outcome}");
}

#[test]
fn the_image_that_is_pulled_is_that_of_the_launchers_file() {
    let sandbox = Sandbox::new();
    let specification = installed(&sandbox, &["--pull=never"]);
    let engine = engine(&[], "x86_64");
    let pulled = || {
        let outcome = with_engine(&sandbox, &engine, &["pull", "docker_python", "--json"]);
        let json: Value = serde_json::from_str(&outcome.stdout).unwrap();
        (json[0]["image"].clone(), json[0]["reason"].clone())
    };
    assert_eq!(pulled(), (json!("my/image:1"), json!("its pull_policy is `never`")));
    fs::write(specification.join("scripts/launch_docker.toml"), "").unwrap();
    let (image, reason) = pulled();
    assert_eq!(image, Value::Null);
    assert_eq!(
        reason,
        "launch_docker.toml names no `image`; name one with `jupyter-docker-spec set NAME --image-name=IMAGE`"
    );
    let outcome =
        run(&sandbox, &["set", "docker_python", "--image-name=my/image:2", "--pull=never"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert_eq!(pulled().0, "my/image:2");
}

#[test]
fn a_mode_is_kept() {
    // The programs are run from the specification, by whoever may read it.
    let sandbox = Sandbox::new();
    let specification = installed(&sandbox, &[]);
    for name in ["launch_docker", "bootstrap_kernel"] {
        let mode =
            fs::metadata(specification.join("scripts").join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755, "{name}");
    }
}
