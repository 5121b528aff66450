//! What `check` says of the command itself; what it says of specifications needs an engine.

use std::os::unix::fs::symlink;

use fs_err as fs;

use crate::sandbox::{INSTALLER, Outcome, Sandbox};

const PYTHON_TOOL: &str = "#!/usr/bin/python3\nfrom gateway_provisioners.cli import app\n";

/// A Python environment into which pip has installed our wheel.
fn environment() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.program(INSTALLER, "env/bin/jupyter-docker-spec-native");
    symlink("jupyter-docker-spec-native", sandbox.path("env/bin/jupyter-docker-spec")).unwrap();
    sandbox.executable("env/bin/jupyter", "#!/usr/bin/python3\n");
    sandbox
}

fn check(sandbox: &Sandbox, program: &str) -> Outcome {
    let mut command = sandbox.command(sandbox.path(program));
    command.arg("check").env("PATH", sandbox.path("env/bin")).env("DOCKER_HOST", "unix:///none");
    let outcome = sandbox.run(&mut command);
    assert_eq!(outcome.code(), Some(1), "{outcome}");
    outcome
}

fn line<'a>(outcome: &'a Outcome, words: &str) -> &'a str {
    let found: Vec<&str> = outcome.stdout.lines().filter(|line| line.contains(words)).collect();
    assert_eq!(found.len(), 1, "{words}: {outcome}");
    found[0]
}

#[test]
fn without_a_specification_the_rest_is_checked() {
    let sandbox = environment();
    let outcome = check(&sandbox, "env/bin/jupyter-docker-spec");
    assert!(line(&outcome, "there is no Docker kernelspec in").starts_with("  error "));
    assert!(line(&outcome, "`jupyter-docker-spec` is [ROOT]/env/bin").starts_with("  ok "));
    assert!(line(&outcome, "/none").starts_with("  error "), "{outcome}");
}

#[test]
fn a_package_with_the_same_command_is_told_while_all_is_well() {
    let sandbox = environment();
    let packages = "env/lib/python3.11/site-packages";
    sandbox.file(format!("{packages}/gateway_provisioners-0.5.0.dist-info/RECORD"), "");
    let outcome = check(&sandbox, "env/bin/jupyter-docker-spec");
    let said = line(&outcome, "gateway_provisioners 0.5.0, which is there too");
    assert!(said.starts_with("  ok "), "{outcome}");
    assert!(said.ends_with("run `jupyter docker-spec-native check` afterwards"), "{outcome}");
}

#[test]
fn where_the_python_tool_answers_a_command_mends_it() {
    let sandbox = environment();
    fs::remove_file(sandbox.path("env/bin/jupyter-docker-spec")).unwrap();
    sandbox.executable("env/bin/jupyter-docker-spec", PYTHON_TOOL);
    let outcome = check(&sandbox, "env/bin/jupyter-docker-spec-native");
    let said = line(&outcome, "`jupyter docker-spec` is the Python tool");
    assert!(said.starts_with("  warning "), "{outcome}");
    mend(&sandbox, said);
}

#[test]
fn where_nothing_answers_a_command_mends_it() {
    let sandbox = environment();
    fs::remove_file(sandbox.path("env/bin/jupyter-docker-spec")).unwrap();
    let outcome = check(&sandbox, "env/bin/jupyter-docker-spec-native");
    let said = line(&outcome, "/env/bin/jupyter-docker-spec is gone");
    assert!(said.starts_with("  warning "), "{outcome}");
    mend(&sandbox, said);
}

#[test]
fn a_program_that_is_nowhere_on_the_path_is_put_beside_jupyter() {
    let sandbox = environment();
    fs::remove_file(sandbox.path("env/bin/jupyter-docker-spec")).unwrap();
    fs::rename(
        sandbox.path("env/bin/jupyter-docker-spec-native"),
        sandbox.path("jupyter-docker-spec"),
    )
    .unwrap();
    let outcome = check(&sandbox, "jupyter-docker-spec");
    mend(&sandbox, line(&outcome, "is not on PATH"));
}

/// Runs the command that a line ends with, after which all is well.
fn mend(sandbox: &Sandbox, said: &str) {
    let command = said.rsplit('`').nth(1).unwrap();
    assert!(command.starts_with("ln -sf "), "{said}");
    let command = command.replace("[ROOT]", sandbox.root().to_str().unwrap());
    let mut shell = sandbox.command("/bin/sh");
    let done = sandbox.run(shell.args(["-c", &command]).env("PATH", "/usr/bin:/bin"));
    assert_eq!(done.code(), Some(0), "{done}");
    let outcome = check(sandbox, "env/bin/jupyter-docker-spec");
    assert!(!outcome.stdout.contains("  warning "), "{outcome}");
}
