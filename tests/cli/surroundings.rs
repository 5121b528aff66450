//! What surrounds a process and is not as it should be: a directory that was removed, limits of the system,
//! variables that are no text and numbers that are none.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;

use fs_err as fs;

use crate::engine::FakeEngine;
use crate::injection::launcher;
use crate::launch::launch;
use crate::sandbox::{INSTALLER, Outcome, Sandbox, as_user, in_shell};

const NOT_UTF8: &[u8] = b"a\xffb";

/// The program in a directory that is removed before it starts.
fn in_removed_directory(sandbox: &Sandbox, command: &Command) -> Outcome {
    let script = r#"mkdir gone && cd gone && rmdir ../gone && exec "$@""#;
    sandbox.run(&mut in_shell(script, command))
}

#[test]
fn a_notebooks_directory_that_was_removed_is_no_other() {
    let sandbox = Sandbox::new();
    let file = sandbox.path("p/share/jupyter/kernels/k/scripts/launch_docker.toml");
    let launched = |settings: &str, mode: &str| {
        let engine = FakeEngine::new();
        let mut command = launcher(&sandbox, &engine);
        fs::write(&file, settings).unwrap();
        let outcome = in_removed_directory(&sandbox, command.env("GP_DOCKER_MODE", mode));
        (outcome, engine.asked().iter().any(|(line, _)| line.contains("/create")))
    };
    launcher(&sandbox, &FakeEngine::new());
    for settings in [
        "mount_cwd = true",
        "mount_cwd = '/work'",
        "mount_cwd = { target = '/work', paths = { '/' = '/srv' } }",
        "volumes = ['{cwd}:/work']",
        "volumes = ['/srv{cwd}:/work']",
        "working_dir = '{cwd}'",
        "command = ['run', '{cwd}']",
        "labels.directory = '{cwd}'",
        "environment.DIRECTORY = '{cwd}'",
    ] {
        for mode in ["docker", "swarm"] {
            let (outcome, created) = launched(settings, mode);
            assert!(!created, "{settings}: {outcome}");
            assert!(outcome.error().contains("needs the notebook's directory"), "{outcome}");
        }
    }
    // Where nobody asks for it, it may be gone.
    let (outcome, created) = launched("mount_cwd = false", "docker");
    assert!(outcome.code() == Some(0) && created, "{outcome}");
}

#[test]
fn a_current_directory_that_was_removed_is_no_other() {
    for words in [
        &["install", "--prefix=rel"][..],
        &["install", "--prefix=../rel"],
        &["install", "--dry-run", "--prefix=rel"],
        &["compose", "--output=file"],
        &["list"],
    ] {
        let sandbox = Sandbox::new();
        let before = sandbox.tree("");
        let mut command = sandbox.command(INSTALLER);
        command.args(words);
        let outcome = in_removed_directory(&sandbox, &command);
        assert!(outcome.error().contains("the current directory was removed"), "{outcome}");
        assert_eq!(sandbox.tree(""), before, "{words:?}");
    }
}

#[test]
fn a_limit_of_open_files_is_an_error() {
    let sandbox = Sandbox::new();
    for limit in 5..20 {
        let command = launch(&sandbox);
        let script = format!(r#"ulimit -n {limit} && exec "$@""#);
        let outcome = sandbox.run(&mut in_shell(&script, &command));
        // The file that there is none of is the engine's socket, or one too many.
        let reasons = ["too few files may be open at once", "found no Docker Engine"];
        assert!(
            reasons.iter().any(|reason| outcome.error().contains(reason)),
            "{limit}: {outcome}"
        );
    }
}

#[test]
fn a_limit_of_processes_is_an_error() {
    let sandbox = Sandbox::new();
    let mut command = launch(&sandbox);
    command.env("DOCKER_HOST", "tcp://engine.invalid:2375");
    let mut limited = sandbox.command("prlimit");
    limited.args(["--nproc=1:1", "--"]).arg(command.get_program()).args(command.get_args());
    limited.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let outcome = sandbox.run(&mut as_user(48_213, &limited));
    assert!(outcome.error().contains("found no Docker Engine"), "{outcome}");
}

#[test]
fn a_user_or_a_group_has_one_spelling() {
    let sandbox = Sandbox::new();
    for name in ["KERNEL_UID", "KERNEL_GID"] {
        let values: [&[u8]; 12] = [
            b"",
            b" ",
            b"00",
            b"+0",
            b"-0",
            b"01000",
            b" 1000",
            b"1000 ",
            b"1_000",
            b"0x3e8",
            "\u{661}".as_bytes(),
            NOT_UTF8,
        ];
        for value in values {
            let mut command = launch(&sandbox);
            let outcome = sandbox.run(command.env(name, OsStr::from_bytes(value)));
            assert!(outcome.error().contains(&format!("`{name}`")), "{value:?}: {outcome}");
        }
    }
}

#[test]
fn what_decides_and_is_no_text_is_not_taken_for_not_set() {
    let sandbox = Sandbox::new();
    for name in [
        "DOCKER_CONTEXT",
        "DOCKER_HOST",
        "DOCKER_MODE",
        "DOCKER_NETWORK",
        "EG_DOCKER_NETWORK",
        "GP_DOCKER_MODE",
        "GP_LAUNCH_TIMEOUT",
        "KERNEL_ANYTHING",
        "KERNEL_IMAGE",
        "KERNEL_USERNAME",
        "REMOVE_CONTAINER",
    ] {
        let mut command = launch(&sandbox);
        let outcome = sandbox.run(command.env(name, OsStr::from_bytes(NOT_UTF8)));
        let reason = format!("the value of `{name}` is not UTF-8");
        assert!(outcome.error().contains(&reason), "{outcome}");
    }
    let engine = FakeEngine::new();
    let mut command = launcher(&sandbox, &engine);
    let file = sandbox.path("p/share/jupyter/kernels/k/scripts/launch_docker.toml");
    fs::write(file, "volumes = ['${DATA:-/srv}:/data']").unwrap();
    let outcome = sandbox.run(command.env("DATA", OsStr::from_bytes(NOT_UTF8)));
    assert!(outcome.error().contains("needs the variable DATA, which is not UTF-8"), "{outcome}");
}

#[test]
fn no_time_that_a_server_waits_is_too_long_for_the_clock() {
    let sandbox = Sandbox::new();
    for name in ["GP_LAUNCH_TIMEOUT", "KERNEL_LAUNCH_TIMEOUT"] {
        for value in [
            "1000000001",
            "1e10",
            "1e19",
            "18446744073709551615",
            "1e300",
            "inf",
            "nan",
            "-1",
            "1e-30",
        ] {
            let outcome = sandbox.run(launch(&sandbox).env(name, value));
            let reason = format!("`{name}` of `{value}` must be a number of seconds");
            assert!(outcome.error().contains(&reason), "{outcome}");
        }
        for value in ["1000000000", "1e9", " 60 ", "060", "1_000", "7.", "+7"] {
            let outcome = sandbox.run(launch(&sandbox).env(name, value));
            assert!(outcome.error().contains("found no Docker Engine"), "{outcome}");
        }
    }
}
