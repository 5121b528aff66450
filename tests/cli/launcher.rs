//! The launcher that `install` puts into a specification.

use std::path::Path;

use fs_err as fs;
use insta::assert_snapshot;

use crate::sandbox::{INSTALLER, Outcome, Sandbox, set_mode};

/// What the specification in `p` is started by, and what is in that file.
fn argv_and_content(sandbox: &Sandbox) -> (Vec<String>, String) {
    let specification = sandbox.path("p/share/jupyter/kernels/docker_python");
    let argv = &Sandbox::kernel_json(&specification)["argv"];
    let argv: Vec<String> =
        argv.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect();
    let script = argv.iter().find(|word| word.starts_with('/')).unwrap();
    let content = fs::read_to_string(script).unwrap();
    let prefix = sandbox.path("");
    let argv = argv
        .iter()
        .take_while(|word| !word.starts_with("--"))
        .map(|word| word.replace(prefix.to_str().unwrap(), "[ROOT]/"))
        .collect();
    (argv, content)
}

fn install(sandbox: &Sandbox, launcher: &str) -> Outcome {
    sandbox.install(&["--prefix=p", "--replace", "--launcher", launcher])
}

#[test]
fn python_is_ours_to_be_edited() {
    let sandbox = Sandbox::new();
    let outcome = install(&sandbox, "python");
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let (argv, content) = argv_and_content(&sandbox);
    assert_eq!(argv[0], "python");
    assert!(argv[1].ends_with("/docker_python/scripts/launch_docker.py") && argv.len() == 2);
    assert!(content.starts_with("#!/usr/bin/env python3\n"));
    let tree = sandbox.tree("p/share/jupyter/kernels/docker_python/scripts");
    let files =
        ["-0755 launch_docker.py", "-0644 launch_docker.toml", "-0644 launch_docker_options.py"];
    assert_eq!(tree.lines().collect::<Vec<_>>(), files);
}

#[test]
fn the_python_launcher_is_not_asked_for_what_it_cannot_do() {
    for (launcher, options) in [
        ("python", &["--pull=never"][..]),
        ("python", &["--swarm", "--secret=db"]),
        ("python", &["--swarm", "--ulimit=nofile=100"]),
        ("./own.py", &["--memory=1g"]),
    ] {
        let sandbox = Sandbox::new();
        sandbox.file("own.py", "print()");
        let words = [&["--prefix=p", "--launcher", launcher], options].concat();
        let outcome = sandbox.install(&words);
        let option = options.last().unwrap().split('=').next().unwrap();
        assert_eq!(outcome.code(), Some(1), "{outcome}");
        let message = format!("{option} is not possible with --launcher; edit that launcher");
        assert!(outcome.stderr.contains(&message), "{outcome}");
        assert!(!sandbox.path("p").exists());
    }
    let sandbox = Sandbox::new();
    let outcome = sandbox.install(&["--prefix=p", "--launcher=python", "--memory=1g"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
}

#[test]
fn a_file_of_the_users() {
    let sandbox = Sandbox::new();
    sandbox.file("my launcher.py", "print()");
    set_mode(&sandbox.path("my launcher.py"), 0o600);
    sandbox.executable("home/my-launcher", "#!/bin/sh\n");
    for (given, name, interpreter, content) in [
        ("my launcher.py", "my launcher.py", Some("python"), "print()"),
        ("./home/../my launcher.py", "my launcher.py", Some("python"), "print()"),
        ("~/my-launcher", "my-launcher", None, "#!/bin/sh\n"),
    ] {
        let outcome = install(&sandbox, given);
        assert_eq!(outcome.code(), Some(0), "{outcome}");
        let path = format!("[ROOT]/p/share/jupyter/kernels/docker_python/scripts/{name}");
        let expected: Vec<_> = interpreter.into_iter().map(str::to_owned).chain([path]).collect();
        assert_eq!(argv_and_content(&sandbox), (expected, content.to_owned()), "{given}");
        let tree = sandbox.tree("p/share/jupyter/kernels/docker_python/scripts");
        assert_eq!(tree, format!("-0755 {name}\n"));
    }
}

#[test]
fn what_cannot_be_run_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.file("plain", "#!/bin/sh\n");
    set_mode(&sandbox.path("plain"), 0o644);
    for directory in ["directory", "directory.py"] {
        fs::create_dir(sandbox.path(directory)).unwrap();
    }
    let given =
        ["plain", "missing", "missing.py", "missing/launcher", "directory", "directory.py", "/"];
    let errors = given.map(|given| {
        let outcome = install(&sandbox, given);
        assert!(!sandbox.path("p").exists());
        format!("{given}: {}\n", outcome.error())
    });
    assert_snapshot!(errors.concat(), @"
    plain: the launcher `[ROOT]/plain` is not executable; make it so with `chmod +x`
    missing: could not read the launcher: failed to open file `[ROOT]/missing`: No such file or directory (os error 2)
    missing.py: could not read the launcher: failed to open file `[ROOT]/missing.py`: No such file or directory (os error 2)
    missing/launcher: could not read the launcher: failed to open file `[ROOT]/missing/launcher`: No such file or directory (os error 2)
    directory: could not read the launcher: `[ROOT]/directory` is not a plain file
    directory.py: could not read the launcher: `[ROOT]/directory.py` is not a plain file
    /: could not read the launcher: `/` is not a plain file
    ");
}

#[test]
fn the_environment_names_the_launcher_and_the_command_line_wins() {
    let sandbox = Sandbox::new();
    sandbox.file("launch.py", "pass");
    let run = |words: &[&str]| {
        let mut installer = sandbox.installer();
        installer.args(["--prefix=p", "--replace"]).args(words);
        let outcome = sandbox.run(installer.env("JUPYTER_DOCKER_SPEC_LAUNCHER", "launch.py"));
        assert_eq!(outcome.code(), Some(0), "{outcome}");
        argv_and_content(&sandbox).0.pop().unwrap()
    };
    assert!(run(&[]).ends_with("/launch.py"));
    assert!(run(&["--launcher=python"]).ends_with("/launch_docker.py"));
}

/// Runs a copy of the installer in a directory without Python environments and variables.
fn run_copy(sandbox: &Sandbox, program: &Path) -> Outcome {
    sandbox.run(sandbox.command(program).args(["install", "--prefix=p"]))
}

#[test]
fn ours_is_looked_for_beside_the_installer() {
    let sandbox = Sandbox::new();
    let program = sandbox.program(INSTALLER, "bin/jupyter-docker-spec");
    assert_snapshot!(run_copy(&sandbox, &program), @"
    exit status: 1
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] could not find the launcher `launch_docker`, which belongs beside this program: there is no `[ROOT]/bin/launch_docker`; install both executables, or name one with --launcher PATH or JUPYTER_DOCKER_SPEC_LAUNCHER
    ");
    assert!(!sandbox.path("p").exists());

    sandbox.file("bin/launch_docker", "not executable");
    assert_snapshot!(run_copy(&sandbox, &program), @"
    exit status: 1
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] the launcher `[ROOT]/bin/launch_docker` is not executable; make it so with `chmod +x`
    ");
    assert!(!sandbox.path("p").exists());

    fs::remove_file(sandbox.path("bin/launch_docker")).unwrap();
    fs::create_dir(sandbox.path("bin/launch_docker")).unwrap();
    assert_snapshot!(run_copy(&sandbox, &program), @"
    exit status: 1
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] could not find the launcher `launch_docker`, which belongs beside this program: there is no `[ROOT]/bin/launch_docker`; install both executables, or name one with --launcher PATH or JUPYTER_DOCKER_SPEC_LAUNCHER
    ");
    assert!(!sandbox.path("p").exists());
    fs::remove_dir(sandbox.path("bin/launch_docker")).unwrap();

    sandbox.executable("bin/launch_docker", "of the same release");
    let outcome = run_copy(&sandbox, &program);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert_eq!(argv_and_content(&sandbox).1, "of the same release");
}
