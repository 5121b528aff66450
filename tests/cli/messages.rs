//! How `install` speaks, and to whom.

use std::process::{Command, Stdio};

use fs_err as fs;
use insta::assert_snapshot;

use crate::sandbox::{INSTALLER, LAUNCHER, Outcome, Sandbox, in_shell};

#[test]
fn a_level_hides_what_is_less_important() {
    let sandbox = Sandbox::new();
    let letters = |level: &str| {
        let words =
            ["--prefix=p", "--replace", "--language=R", "--ipykernel-subclass-name=a.B", level];
        let outcome = sandbox.install(&words);
        assert_eq!(outcome.code(), Some(0), "{outcome}");
        outcome.stderr.lines().map(|line| line.get(1..2).unwrap().to_owned()).collect::<String>()
    };
    // The first finds nothing to replace.
    assert_eq!(letters("--log-level=INFO"), "WIWI");
    for level in ["--debug", "--log-level=0", "--log-level=10", "--log-level=DEBUG"] {
        assert_eq!(letters(level).replace('D', ""), "WIWII", "{level}");
    }
    for level in ["--log-level=INFO", "--log-level=20"] {
        assert_eq!(letters(level), "WIWII", "{level}");
    }
    for level in ["--log-level=WARN", "--log-level=30"] {
        assert_eq!(letters(level), "WW", "{level}");
    }
    for level in ["ERROR", "CRITICAL", "40", "50"] {
        let level = format!("--log-level={level}");
        assert_eq!(letters(&level), "", "{level}");
        // An error is shown all the same.
        let outcome = sandbox.install(&["--prefix=p", "--language=R", &level]);
        assert!(outcome.error().contains("--replace"), "{outcome}");
    }
}

#[test]
fn no_line_can_be_forged() {
    let sandbox = Sandbox::new();
    let forged =
        "x\n[I 2023-02-15 14:10:16.892 DockerSpecInstaller] Installed\r\u{1b}[2J\u{7}\u{9b}1m";
    let display_name = format!("--display-name={forged}");
    let outcome = sandbox.install(&["--prefix=p\n[I forged] \u{1b}[2J", &display_name]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert_snapshot!(outcome, @r"
    exit status: 0
    ----- stderr -----
    [I [TIME] DockerSpecInstaller] Installing kernel specification for 'x
        [I [TIME] DockerSpecInstaller] Installed\r\u{1b}[2J\u{7}\u{9b}1m'
    [W [TIME] DockerSpecInstaller] Installing to [ROOT]/p
        [I forged] \u{1b}[2J/share/jupyter/kernels, which is not in ['[ROOT]/home/.local/share/jupyter/kernels', '/usr/local/share/jupyter/kernels', '/usr/share/jupyter/kernels']. The kernelspec may not be found.
    [I [TIME] DockerSpecInstaller] Installed kernelspec docker_python in [ROOT]/p
        [I forged] \u{1b}[2J/share/jupyter/kernels/docker_python
    ");
    let outcome = sandbox.install(&["--prefix=p", &format!("--kernel-name={forged}")]);
    assert_snapshot!(outcome, @r"
    exit status: 1
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] Invalid kernel name `x
        [I [TIME] DockerSpecInstaller] Installed\r\u{1b}[2J\u{7}\u{9b}1m`: it has a character that Jupyter does not allow in a kernel's name. Kernel names can only contain ASCII letters and numbers and these separators: - . _ (hyphen, period, and underscore).
    ");
    let outcome = sandbox.install(&[&format!("--{forged}")]);
    assert_snapshot!(outcome, @r"
    exit status: 2
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] unexpected argument '--x
        [I [TIME] DockerSpecInstaller] Installed\r\u{1b}[2J\u{7}\u{9b}1m' found

        Usage: jupyter-docker-spec install [OPTIONS]

        For more information, try '--help'.
    ");
}

/// Runs a program on a terminal, and returns what is seen there.
fn on_a_terminal(sandbox: &Sandbox, program: &str, variables: &[(&str, &str)]) -> String {
    let mut script = sandbox.command("script");
    script.args(["--quiet", "--return", "--command", program, "/dev/null"]);
    script.env("SHELL", "/bin/sh").envs(variables.iter().copied());
    let outcome = sandbox.run(&mut script);
    assert_eq!(outcome.code(), Some(1), "{outcome}");
    outcome.stdout
}

#[test]
fn the_bracket_is_coloured_on_a_terminal_and_nowhere_else() {
    let sandbox = Sandbox::new();
    let installer = format!("'{INSTALLER}' install --prefix=p --kernel-name=..");
    let launcher = format!("'{LAUNCHER}'");
    for (program, name) in [(&installer, "DockerSpecInstaller"), (&launcher, "launch_docker")] {
        let plain = format!("[E [TIME] {name}] ");
        let coloured = format!("\u{1b}[31m[E [TIME] {name}]\u{1b}[0m ");
        for (variables, expected) in [
            (&[("TERM", "xterm")][..], &coloured),
            (&[("TERM", "xterm"), ("NO_COLOR", "")], &coloured),
            (&[("TERM", "xterm"), ("NO_COLOR", "1")], &plain),
            (&[("TERM", "dumb")], &plain),
        ] {
            let seen = on_a_terminal(&sandbox, program, variables);
            let message = seen.strip_prefix(expected.as_str());
            assert!(
                message.is_some_and(|rest| !rest.contains('\u{1b}')),
                "{variables:?}: {seen:?}"
            );
        }
        let redirected = format!("{program} 2>error; cat error; exit 1");
        let seen = on_a_terminal(&sandbox, &redirected, &[("TERM", "xterm")]);
        assert!(seen.starts_with(&plain) && !seen.contains('\u{1b}'), "{seen:?}");
    }
}

#[test]
fn the_help_has_no_escape_codes_even_on_a_terminal_that_is_asked_not_to() {
    let sandbox = Sandbox::new();
    for words in ["--help", "install --help"] {
        let program = format!("'{INSTALLER}' {words}; exit 1");
        let variables = [("TERM", "xterm"), ("NO_COLOR", "1")];
        assert!(!on_a_terminal(&sandbox, &program, &variables).contains('\u{1b}'), "{words}");
    }
}

/// Runs a program with standard output and error of the script's choice.
fn with_streams(sandbox: &Sandbox, program: &str, words: &[&str], streams: &str) -> Outcome {
    let mut command = sandbox.command(program);
    command.args(words);
    sandbox.run(&mut in_shell(&format!("exec \"$@\" {streams}"), &command))
}

#[test]
fn output_that_nobody_takes_is_no_reason_to_crash() {
    const STREAMS: [&str; 6] =
        [">&-", "2>&-", ">&- 2>&-", ">/dev/full", "2>/dev/full", "<&- >&- 2>&-"];
    let sandbox = Sandbox::new();
    let install =
        ["install", "--prefix=p", "--replace", "--launcher=python", "--display-name=Mine"];
    let destination = sandbox.path("p/share/jupyter/kernels/docker_python");
    for streams in STREAMS {
        // What was asked for is done, and the status tells.
        let outcome = with_streams(&sandbox, INSTALLER, &install, streams);
        assert_eq!(outcome.code(), Some(0), "{streams}: {outcome}");
        assert_eq!(Sandbox::kernel_json(&destination)["display_name"], "Mine");
        assert_eq!(fs::read_dir(destination.parent().unwrap()).unwrap().count(), 1, "{streams}");
        fs::remove_dir_all(&destination).unwrap();

        for (program, words, status) in [
            (INSTALLER, &["install", "--kernel-name=.."][..], 1),
            (INSTALLER, &["install", "--no-such-option"], 2),
            (LAUNCHER, &[], 1),
            (LAUNCHER, &["--no-such-option"], 2),
        ] {
            let outcome = with_streams(&sandbox, program, words, streams);
            assert_eq!(outcome.code(), Some(status), "{program} {words:?} {streams}: {outcome}");
            assert!(!outcome.stderr.contains("panicked"), "{outcome}");
        }
    }
}

#[test]
fn help_that_cannot_be_written_is_a_failure_and_help_that_is_not_read_is_none() {
    let sandbox = Sandbox::new();
    for (program, words) in [
        (INSTALLER, &["--help"][..]),
        (INSTALLER, &["install", "--help"]),
        (INSTALLER, &["--version"]),
        (LAUNCHER, &["--help"]),
        (LAUNCHER, &["--version"]),
    ] {
        let full = with_streams(&sandbox, program, words, ">/dev/full");
        assert_eq!(full.code(), Some(1), "{program} {words:?}: {full}");
        assert!(!full.stderr.contains("panicked"), "{full}");

        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command: Command = sandbox.command(program);
        let child = command.args(words).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        let unread = sandbox.outcome(&child.wait_with_output().unwrap());
        assert_eq!(unread.code(), Some(0), "{program} {words:?}: {unread}");
        assert_eq!(unread.stderr, "");
    }
}
