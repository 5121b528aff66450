//! What `check` says of the command itself; what it says of specifications needs an engine.

use std::os::unix::fs::symlink;
use std::path::Path;

use fs_err as fs;
use serde_json::{Value, json};

use crate::sandbox::{INSTALLER, Outcome, Sandbox, set_mode};

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

#[test]
fn a_file_that_the_launcher_does_not_read_is_told() {
    let sandbox = Sandbox::new();
    let specification = sandbox.installed(&["--launcher=python"]);
    sandbox.file(specification.join("scripts/launch_docker.toml"), "mem_limit = \"1g\"\n");
    let outcome = check_specification(&sandbox, &specification);
    let said = line(&outcome, "is in Python and does not read");
    assert!(
        said.starts_with("  warning ") && said.contains("/scripts/launch_docker.toml;"),
        "{said}"
    );
}

/// What `check` says of a specification where there is no engine.
fn check_specification(sandbox: &Sandbox, specification: &Path) -> Outcome {
    let mut command = sandbox.command(INSTALLER);
    command.arg("check").arg(specification);
    sandbox.run(command.env("DOCKER_HOST", "unix:///none"))
}

/// Changes the words of `argv`.
fn with_argv(specification: &Path, change: impl Fn(&mut Vec<Value>)) {
    let mut spec = Sandbox::kernel_json(specification);
    change(spec["argv"].as_array_mut().unwrap());
    fs::write(specification.join("kernel.json"), spec.to_string()).unwrap();
}

#[test]
fn a_launcher_that_is_shared_is_said_and_whose_file_it_reads() {
    let sandbox = Sandbox::new();
    let shared = sandbox.installed(&["--launcher=native"]).join("scripts/launch_docker");
    let specification = sandbox.installed(&["--launcher=native", "--kernel-name=k"]);
    let outcome = check_specification(&sandbox, &specification);
    assert!(line(&outcome, "the launcher is native ").starts_with("  ok "), "{outcome}");
    assert!(line(&outcome, "launch_docker.toml is right").starts_with("  ok "), "{outcome}");

    with_argv(&specification, |argv| argv[0] = json!(shared));
    let outcome = check_specification(&sandbox, &specification);
    let said = line(&outcome, "the launcher is native ");
    assert!(
        said.starts_with("  ok ") && said.ends_with("/launch_docker is not part of it"),
        "{said}"
    );
    let said = line(&outcome, "/k/scripts/launch_docker.toml is not read");
    assert!(said.starts_with("  warning "), "{said}");
    assert!(
        said.ends_with("/docker_python/scripts/launch_docker.toml; `jupyter-docker-spec rename k k` has it run its own"),
        "{said}"
    );
    fs::remove_file(specification.join("scripts/launch_docker")).unwrap();
    let outcome = check_specification(&sandbox, &specification);
    let said = line(&outcome, "/k/scripts/launch_docker.toml is not read");
    assert!(said.ends_with("/docker_python/scripts/launch_docker.toml"), "{said}");
}

#[test]
fn the_command_that_is_proposed_keeps_all_limits() {
    let sandbox = Sandbox::new();
    let specification = sandbox.installed(&["--launcher=native", "--memory=1g"]);
    let path = specification.join("scripts/launch_docker.toml");
    let launcher = specification.join("scripts/launch_docker");
    let proposed = |text: &str| {
        fs::write(&path, text).unwrap();
        fs::write(&launcher, "").unwrap();
        let outcome = check_specification(&sandbox, &specification);
        line(&outcome, "is not whole").split_once("--replace; ").unwrap().1.to_owned()
    };
    let limits = "mem_limit = \"1g\"\ndeploy.resources.limits.cpus = 2\n[client_overrides]\nimage = \"a/*\"\n";
    let piped = proposed(limits);
    let command = piped.strip_prefix("make it again with `").unwrap().trim_end_matches('`');
    let command = command.replace("[ROOT]", sandbox.root().to_str().unwrap());
    let mut shell = sandbox.command("/bin/sh");
    let programs = Path::new(INSTALLER).parent().unwrap();
    let outcome = sandbox.run(shell.args(["-c", &command]).env("PATH", programs));
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let text = fs::read_to_string(&path).unwrap();
    let said: Vec<&str> =
        text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert_eq!(said, limits.lines().collect::<Vec<_>>());
    assert!(fs::metadata(&launcher).unwrap().len() > 1_000_000);

    let wrong = proposed("mem_limit = '1g'\nmemm = 1");
    assert!(wrong.ends_with(&format!("launch_docker.toml right, and {piped}")), "{wrong}");
}

#[test]
fn what_the_server_is_not_asked_to_tell_the_launcher_is_an_error() {
    for (launcher, place, is_error) in [
        ("native", "{public_key}", true),
        ("python", "{response_address}", true),
        ("native", "{kernel_id}", true),
        ("native", "{port_range}", false),
        ("own.py", "{public_key}", true),
        // The server has put it into the environment, too.
        ("own.py", "{kernel_id}", false),
    ] {
        let sandbox = Sandbox::new();
        sandbox.file("own.py", "import docker\n");
        let specification = sandbox.installed(&["--launcher", launcher]);
        let words = format!("does not give the launcher `{place}`");
        assert!(!check_specification(&sandbox, &specification).stdout.contains(&words));
        with_argv(&specification, |argv| argv.retain(|word| word != place));
        let outcome = check_specification(&sandbox, &specification);
        if is_error {
            assert!(line(&outcome, &words).starts_with("  error "), "{launcher} {outcome}");
        } else {
            assert!(!outcome.stdout.contains(&words), "{launcher} {outcome}");
        }
    }
}

#[test]
fn a_secret_that_everybody_can_read_is_named() {
    let sandbox = Sandbox::new();
    let specification = sandbox.installed(&["--launcher=native", "--env=API_TOKEN=geheim"]);
    let mut spec = Sandbox::kernel_json(&specification);
    for (name, value) in [
        ("DB_PASSWORD", "geheim"),
        ("PROXY", "http://bob:geheim@proxy"),
        ("OTHER_TOKEN", "$OF_SERVER"),
        ("FURTHER_TOKEN", "${OF_SERVER}"),
        ("MAX_TOKENS", "5"),
    ] {
        spec["env"][name] = value.into();
    }
    let kernel_json = sandbox.file(specification.join("kernel.json"), spec.to_string());
    let outcome = check_specification(&sandbox, &specification);
    for (names, file) in [
        ("DB_PASSWORD, PROXY", "kernel.json (`env`); take it out of there, and give the name"),
        (
            "API_TOKEN",
            "scripts/launch_docker.toml (`environment`); give the name alone, `--env NAME`",
        ),
    ] {
        let said = line(&outcome, &format!("can read {names}, with its value, in"));
        assert!(said.starts_with("  warning ") && said.contains(file), "{said}");
    }
    assert!(!outcome.stdout.contains("geheim") && !outcome.stderr.contains("geheim"), "{outcome}");

    // Of what nobody else can read there is nothing to say.
    set_mode(&kernel_json, 0o640);
    let outcome = check_specification(&sandbox, &specification);
    assert!(!outcome.stdout.contains("DB_PASSWORD"), "{outcome}");
    line(&outcome, "can read API_TOKEN");
    set_mode(&sandbox.path("prefix"), 0o750);
    let outcome = check_specification(&sandbox, &specification);
    assert!(!outcome.stdout.contains("API_TOKEN"), "{outcome}");
}
