//! `install --file`: many specifications at once.

use std::io::Write as _;
use std::process::Stdio;

use fs_err as fs;

use crate::sandbox::{KERNELS, Sandbox, as_user, set_mode};

/// The three commands of the documentation's example, as one file.
const THREE: &str = r#"
[defaults]
prefix = "p"

[[kernel]]
replace = true

[[kernel]]
language = "R"
kernel_name = "r_docker"
display-name = "R in \"Docker\""
image_name = "foo/my_r_kernel_image:v4_0"
launcher = "python"

[[kernel]]
kernel-name = "python_swarm"
swarm = true
launch-timeout = 45
authorized-users = ["bob", "alice"]
"#;

/// The equivalent commands.
const COMMANDS: [&[&str]; 3] = [
    &[],
    &[
        "--language=R",
        "--kernel-name=r_docker",
        "--display-name=R in \"Docker\"",
        "--image-name=foo/my_r_kernel_image:v4_0",
        "--launcher=python",
    ],
    &[
        "--kernel-name=python_swarm",
        "--swarm",
        "--launch-timeout=45",
        "--authorized-users=bob,alice",
    ],
];

#[test]
fn a_file_does_what_its_commands_do() {
    let sandbox = Sandbox::new();
    for words in COMMANDS {
        let outcome = sandbox.install(&[&["--prefix=p"], words].concat());
        assert_eq!(outcome.code(), Some(0), "{outcome}");
    }
    fs::rename(sandbox.path("p"), sandbox.path("expected")).unwrap();
    sandbox.file("kernels.toml", THREE);
    let outcome = sandbox.install(&["--file=kernels.toml"]);
    insta::assert_snapshot!(outcome, @r#"
    exit status: 0
    ----- stderr -----
    [I [TIME] DockerSpecInstaller] Installing kernel specification for 'Docker Python'
    [W [TIME] DockerSpecInstaller] Installing to [ROOT]/p/share/jupyter/kernels, which is not in ['[ROOT]/home/.local/share/jupyter/kernels', '/usr/local/share/jupyter/kernels', '/usr/share/jupyter/kernels']. The kernelspec may not be found.
    [I [TIME] DockerSpecInstaller] Installing kernel specification for 'R in "Docker"'
    [I [TIME] DockerSpecInstaller] Installing kernel specification for 'Docker Python'
    [I [TIME] DockerSpecInstaller] Installed kernelspec docker_python in [ROOT]/p/share/jupyter/kernels/docker_python
    [I [TIME] DockerSpecInstaller] Installed kernelspec r_docker in [ROOT]/p/share/jupyter/kernels/r_docker
    [I [TIME] DockerSpecInstaller] Installed kernelspec python_swarm in [ROOT]/p/share/jupyter/kernels/python_swarm
    "#);
    fs::rename(sandbox.path("p"), sandbox.path("found")).unwrap();
    let [expected, found] = ["expected", "found"].map(|root| {
        let names = ["docker_python", "r_docker", "python_swarm"];
        let files = names.map(|name| {
            let directory = sandbox.path(root).join(KERNELS).join(name);
            sandbox.text(&directory.join("kernel.json"))
        });
        (sandbox.tree(root), files)
    });
    assert_eq!(found, expected);
}

#[test]
fn paths_are_relative_to_the_file_and_those_of_standard_input_to_the_directory() {
    let sandbox = Sandbox::new();
    sandbox.file("sub/kernels.toml", "[[kernel]]\nprefix = 'q'");
    let outcome = sandbox.install(&["--file", "sub/kernels.toml"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert!(sandbox.path("sub/q").join(KERNELS).join("docker_python").exists());

    let mut command = sandbox.installer();
    command.args(["--file", "-", "--kernel-name=k"]).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"[[kernel]]\nprefix = 'q'").unwrap();
    let outcome = sandbox.outcome(&child.wait_with_output().unwrap());
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert!(sandbox.path("q").join(KERNELS).join("k").exists());
}

#[test]
fn all_or_none() {
    let sandbox = Sandbox::new();
    let old = sandbox.installed(&["--display-name=old"]);
    let before = sandbox.tree("prefix");
    let with = |more: &str| {
        let text = format!(
            "defaults.prefix = 'prefix'\n[[kernel]]\nreplace = true\n[[kernel]]\nkernel-name = 'new'\n{more}"
        );
        sandbox.file("kernels.toml", text);
        sandbox.install(&["--file=kernels.toml"])
    };
    for (more, reason) in [
        (
            "[[kernel]]\n",
            "two specifications would become `[ROOT]/prefix/share/jupyter/kernels/docker_python`",
        ),
        ("[[kernel]]\nkernel-name = 'a/b'", "Invalid kernel name `a/b`"),
        ("port-range = '1..2'", "`port-range` in kernels.toml:6:14 of `1..2`"),
        ("launcher = 'none'", "[ROOT]/none"),
        (
            "imag-name = 'x'",
            "kernels.toml:6:1: unknown key `imag-name`; did you mean `image-name`?",
        ),
        ("user = true\n[[kernel]]\nprefix = 'stub/launch_docker'", "stub/launch_docker"),
    ] {
        let outcome = with(more);
        assert!(outcome.error().contains(reason), "{outcome}");
        assert_eq!(sandbox.tree("prefix"), before);
        assert_eq!(Sandbox::kernel_json(&old)["display_name"], "old");
        assert_eq!(sandbox.tree("home"), "");
    }
    let missing = sandbox.install(&["--file=missing.toml"]);
    assert!(missing.error().contains("missing.toml"), "{missing}");
    // A specification that is there, and nobody said that it may be replaced.
    sandbox.file(
        "kernels.toml",
        "[[kernel]]\nprefix = 'prefix'\n[[kernel]]\nkernel-name = 'new'\nprefix = 'prefix'",
    );
    let exists = sandbox.install(&["--file=kernels.toml"]);
    assert!(exists.error().starts_with("A kernel specification exists at"), "{exists}");
    assert_eq!(sandbox.tree("prefix"), before);
}

#[test]
fn an_empty_list_names_nobody() {
    let sandbox = Sandbox::new();
    let text = "[[kernel]]\nprefix = 'prefix'\nauthorized-users = []\nunauthorized-users = []\n";
    sandbox.file("kernels.toml", text);
    let mut installer = sandbox.installer();
    installer.arg("--file=kernels.toml").env("GP_AUTHORIZED_USERS", "bob");
    let outcome = sandbox.run(installer.env("GP_UNAUTHORIZED_USERS", "mallory"));
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let specification = sandbox.path("prefix/share/jupyter/kernels/docker_python");
    let config = &Sandbox::kernel_json(&specification)["metadata"]["kernel_provisioner"]["config"];
    assert_eq!(config.get("authorized_users"), None);
    assert_eq!(config.get("unauthorized_users"), None);
    sandbox
        .file("kernels.toml", text.replace("\nauthorized-users = []", "\nauthorized-users = ''"));
    let outcome = sandbox.install(&["--file=kernels.toml"]);
    assert!(outcome.error().contains("must name somebody"), "{outcome}");
}

#[test]
fn what_fails_in_the_middle_is_undone() {
    let sandbox = Sandbox::new();
    set_mode(sandbox.root(), 0o777);
    sandbox.file("kernels.toml", "[[kernel]]\nprefix = 'a'\n[[kernel]]\nprefix = 'b'");
    fs::create_dir(sandbox.path("b")).unwrap();
    let outcome = sandbox.run(&mut as_user(1234, sandbox.installer().arg("--file=kernels.toml")));
    assert!(outcome.error().contains("could not write to the directory"), "{outcome}");
    assert!(!sandbox.path("a").exists());
}

#[test]
fn a_dry_run_shows_all_of_them() {
    let sandbox = Sandbox::new();
    sandbox.file("kernels.toml", THREE);
    let outcome = sandbox.install(&["--file=kernels.toml", "--dry-run"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    for text in ["docker_python/kernel.json", "r_docker/kernel.json", "POST /services/create"] {
        assert!(outcome.stdout.contains(text), "{outcome}");
    }
    assert!(!sandbox.path("p").exists());
}
