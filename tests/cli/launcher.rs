//! The launcher that `install` puts into a specification.

use std::path::Path;

use fs_err as fs;
use insta::assert_snapshot;

use crate::sandbox::{INSTALLER, LAUNCHER, Outcome, Sandbox, set_mode};

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
    assert_eq!(tree, "-0755 launch_docker.py\n");
}

#[test]
fn a_former_pair_of_files_in_python_is_known_and_replaced() {
    let sandbox = Sandbox::new();
    assert_eq!(install(&sandbox, "python").code(), Some(0));
    let scripts = sandbox.path("p/share/jupyter/kernels/docker_python/scripts");
    let former = "# launch_docker.py of jupyter-docker-spec 0.0.9\nimport launch_docker_options\n";
    fs::write(scripts.join("launch_docker.py"), former).unwrap();
    fs::write(scripts.join("launch_docker_options.py"), "pass\n").unwrap();
    let mut list = sandbox.command(INSTALLER);
    list.args(["list", "--json"]).env("JUPYTER_PATH", sandbox.path("p/share/jupyter"));
    let listed: serde_json::Value = serde_json::from_str(&sandbox.run(&mut list).stdout).unwrap();
    let launcher = &listed[0]["launcher"];
    assert_eq!((&launcher["kind"], &launcher["version"]), (&"python".into(), &"0.0.9".into()));
    let outcome = install(&sandbox, "python");
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    // Nobody has added the second file, so nobody misses it.
    assert!(!outcome.stderr.contains("launch_docker_options.py"), "{outcome}");
    let tree = sandbox.tree("p/share/jupyter/kernels/docker_python/scripts");
    assert_eq!(tree, "-0755 launch_docker.py\n");
}

#[test]
fn other_launchers_are_not_asked_for_what_they_do_not_read() {
    for (launcher, options) in [
        ("python", &["--memory=1g"][..]),
        ("python", &["--swarm", "--secret=db"]),
        ("./own.py", &["--memory=1g"]),
    ] {
        let sandbox = Sandbox::new();
        sandbox.file("own.py", "print()");
        let words = [&["--prefix=p", "--launcher", launcher], options].concat();
        let outcome = sandbox.install(&words);
        let option = options.last().unwrap().split('=').next().unwrap();
        assert_eq!(outcome.code(), Some(1), "{outcome}");
        let (what, file) = match launcher {
            "python" => ("the launcher in Python", "scripts/launch_docker.py"),
            _ => ("a launcher of your own", "./own.py"),
        };
        let message = format!(
            "`{option}` goes into launch_docker.toml, which {what} does not read: take the native \
             launcher, or install without the option and say the same in `{file}`"
        );
        assert_eq!(outcome.error(), message);
        assert!(!sandbox.path("p").exists());
    }
}

#[test]
fn what_the_python_launcher_would_ask_for_is_not_made_up() {
    let sandbox = Sandbox::new();
    for (launcher, request) in [("python", false), ("native", true)] {
        let outcome =
            sandbox.install(&["--prefix=p", "--dry-run", &format!("--launcher={launcher}")]);
        assert_eq!(outcome.code(), Some(0), "{outcome}");
        assert_eq!(outcome.stdout.contains("POST /containers/create"), request, "{outcome}");
    }
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
    plain: the launcher `[ROOT]/plain` is not executable; make it so with `chmod +x [ROOT]/plain`
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
    [E [TIME] DockerSpecInstaller] the launcher `[ROOT]/bin/launch_docker` is not executable; make it so with `chmod +x [ROOT]/bin/launch_docker`
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

    sandbox.executable("bin/launch_docker", "#!/bin/sh\n");
    assert_eq!(
        run_copy(&sandbox, &program).error(),
        "`[ROOT]/bin/launch_docker` is not the launcher that belongs to this program; install both executables again"
    );
    assert!(!sandbox.path("p").exists());

    let launcher = sandbox.program(LAUNCHER, "bin/launch_docker");
    let outcome = run_copy(&sandbox, &program);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let installed = "p/share/jupyter/kernels/docker_python/scripts/launch_docker";
    assert!(fs::read(sandbox.path(installed)).unwrap() == fs::read(launcher).unwrap());
}

#[test]
fn half_a_launcher_is_neither_installed_nor_called_ok() {
    let sandbox = Sandbox::new();
    let program = sandbox.program(INSTALLER, "bin/jupyter-docker-spec");
    let launcher = sandbox.program(LAUNCHER, "bin/launch_docker");
    let outcome = run_copy(&sandbox, &program);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let size = fs::metadata(&launcher).unwrap().len();
    let empty = sandbox.executable("empty", "");
    for (half, left) in [(&launcher, size / 2), (&launcher, 4096), (&empty, 0)] {
        fs::OpenOptions::new().write(true).open(half).unwrap().set_len(left).unwrap();
        let fault = match left {
            0 => "it is empty".to_owned(),
            left => format!("it has only {left} of its {size} bytes"),
        };
        let half = half.to_str().unwrap();
        let mut ours = sandbox.command(&program);
        ours.args(["install", "--prefix=p2"]);
        let mut own = sandbox.command(&program);
        own.args(["install", "--prefix=p2", "--launcher", half]);
        // Of an empty file nobody can tell that it was to be ours.
        for command in [own, ours].iter_mut().take(if left == 0 { 1 } else { 2 }) {
            let outcome = sandbox.run(command);
            let expected = format!("is not whole: {fault}; copy or download it again");
            assert!(outcome.error().ends_with(&expected), "{outcome}");
            assert!(!sandbox.path("p2").exists());
        }

        let installed = sandbox.path("p/share/jupyter/kernels/docker_python/scripts/launch_docker");
        fs::remove_file(&installed).unwrap();
        sandbox.program(half, installed.strip_prefix(sandbox.root()).unwrap());
        let expected = format!("is not whole: {fault}; install it again with --replace");
        for words in [&["check", "docker_python"][..], &["list", "--json"]] {
            let mut command = sandbox.command(INSTALLER);
            command.args(words).env("JUPYTER_PATH", sandbox.path("p/share/jupyter"));
            let outcome = sandbox.run(command.env("DOCKER_HOST", "unix:///nonexistent.sock"));
            assert!(outcome.stdout.contains(&expected), "{words:?}: {outcome}");
            assert!(!outcome.stdout.contains("the launcher is native"), "{outcome}");
        }
    }
}
