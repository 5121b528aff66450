//! What `check` says of a specification and the engine, without a real one: the server's own rules, and all
//! that is wrong at once. What is in images is seen in `tests/engine/test_check.py`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::engine::FakeEngine;
use crate::sandbox::{INSTALLER, LAUNCHER, Outcome, Sandbox, set_mode};

/// What the engine says of the object at a path: a status, and the answer.
type Objects = &'static [(&'static str, u16, &'static str)];

const INFO: &str = r#"{"ServerVersion": "20.10.24", "Architecture": "x86_64", "Swarm": {}}"#;
const BRIDGE: &str = r#"{"Name": "bridge", "Scope": "local", "Driver": "bridge"}"#;

/// An engine with these objects, and an image in its registry.
fn engine(objects: Objects) -> FakeEngine {
    FakeEngine::with(move |(line, _), stream, _| {
        let path = line.split([' ', '?']).nth(1).unwrap_or_default().to_owned();
        let default = [
            ("/info", 200, INFO),
            ("/networks/bridge", 200, BRIDGE),
            (
                "/distribution/i/json",
                200,
                r#"{"Platforms": [{"architecture": "amd64", "os": "linux"}]}"#,
            ),
            ("/containers/json", 200, "[]"),
            ("/_ping", 200, ""),
        ];
        let known = objects.iter().chain(&default).find(|(known, ..)| *known == path);
        let (status, body) =
            known.map_or((404, r#"{"message": "no such object"}"#), |known| (known.1, known.2));
        let head = format!("HTTP/1.1 {status} X\r\nApi-Version: 1.41\r\nContent-Length");
        stream.write_all(format!("{head}: {}\r\n\r\n{body}", body.len()).as_bytes()).is_ok()
    })
}

/// A specification with these options in a place where Jupyter looks.
fn specification(sandbox: &Sandbox, words: &[&str], options: &str) -> PathBuf {
    let data = sandbox.path("data");
    let mut command = sandbox.installer();
    command.args(["--user", "--image-name=i"]).args(words).env("JUPYTER_DATA_DIR", &data);
    let outcome = sandbox.run(&mut command);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let directory = data.join("kernels/docker_python");
    if !options.is_empty() {
        fs::write(directory.join("scripts/launch_docker.toml"), options).unwrap();
    }
    directory
}

fn check(
    sandbox: &Sandbox,
    engine: &FakeEngine,
    words: &[&str],
    variables: &[(&str, &str)],
) -> Outcome {
    let mut command = sandbox.command(INSTALLER);
    command.arg("check").args(if words.is_empty() { &["docker_python"] } else { words });
    command.env("DOCKER_HOST", engine.host()).env("JUPYTER_DATA_DIR", sandbox.path("data"));
    command.env("KERNEL_USERNAME", "alice").envs(variables.iter().copied());
    sandbox.run(&mut command)
}

/// The errors, one a line.
fn errors(outcome: &Outcome) -> String {
    let mut errors = String::new();
    for line in outcome.stdout.lines() {
        if let Some(error) = line.strip_prefix("  error    ") {
            let _ = writeln!(errors, "{error}");
        }
    }
    errors
}

const KERNELS: &str = r#"{"Name": "kernels", "Scope": "local", "Driver": "bridge"}"#;

#[test]
fn the_network_is_that_by_whose_name_the_server_looks() {
    const OBJECTS: Objects = &[
        ("/networks/kernels", 200, KERNELS),
        ("/networks/0a1b2c3d4e5f", 200, KERNELS),
        ("/networks/podman-default", 200, BRIDGE),
        (
            "/networks/twice",
            400,
            r#"{"message": "network twice is ambiguous (2 matches found on name)"}"#,
        ),
    ];
    for (variables, expected) in [
        (&[][..], ""),
        (&[("GP_DOCKER_NETWORK", "kernels")], ""),
        // Not the server's: it looks on `bridge`, and tells the launcher so.
        (&[("EG_DOCKER_NETWORK", "none-of-ours")], ""),
        (
            &[("GP_DOCKER_NETWORK", "0a1b2c3d4e5f")],
            "by that alone the server finds a kernel's address; name `kernels` there",
        ),
        (&[("GP_DOCKER_NETWORK", "podman-default")], "name `bridge` there"),
        (&[("GP_DOCKER_NETWORK", "default")], "name `bridge` there"),
        (&[("GP_DOCKER_NETWORK", "")], "GP_DOCKER_NETWORK is empty"),
        (
            &[("GP_DOCKER_NETWORK", "twice")],
            "`twice` (GP_DOCKER_NETWORK) is ambiguous: there are several of that name",
        ),
        (
            &[("GP_DOCKER_NETWORK", "gone")],
            "`gone` (GP_DOCKER_NETWORK) does not exist; create it with `docker network create gone`",
        ),
        (&[("DOCKER_NETWORK", "default")], ""),
        (
            &[("DOCKER_NETWORK", "kernels")],
            "DOCKER_NETWORK has the launcher start kernels on the network `kernels`, and the server looks for them on `bridge`",
        ),
    ] {
        let sandbox = Sandbox::new();
        specification(&sandbox, &[], "");
        let outcome = check(&sandbox, &engine(OBJECTS), &[], variables);
        let errors = errors(&outcome);
        assert_eq!(
            errors.lines().count(),
            usize::from(!expected.is_empty()),
            "{variables:?}: {outcome}"
        );
        assert!(errors.contains(expected), "{variables:?}: {outcome}");
    }
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let sandbox = Sandbox::new();
    let options = "\
        volumes = ['/${UID}:/a', '/${GID}:/b', '/c:/d:x']\n\
        environment = ['A=${B}', 'C=${KERNEL_USERNAME}']\n\
        env_file = ['none.env', { path = 'none.env', required = false }]\n\
        networks = ['gone', 'bridge']\n\
        mem_limit = 'x'\n\
        mem_limits = '1g'\n\
        cpu = 2\n";
    specification(&sandbox, &[], options);
    let variables = [
        ("GP_DOCKER_NETWORK", "missing"),
        ("KERNEL_UID", "0"),
        ("KERNEL_GID", "0"),
        ("KERNEL_USERNAME", "root"),
    ];
    let outcome = check(&sandbox, &engine(&[]), &["none", "docker_python", "nothing"], &variables);
    let file = "[ROOT]/data/kernels/docker_python/scripts/launch_docker.toml";
    let errors = errors(&outcome).replace(file, "FILE");
    insta::assert_snapshot!(errors, @r#"
        there is no kernelspec `none` in [ROOT]/data/kernels, [ROOT]/home/.local/share/jupyter/kernels, /usr/local/share/jupyter/kernels, /usr/share/jupyter/kernels; those for Docker are `docker_python`
        there is no kernelspec `nothing` in [ROOT]/data/kernels, [ROOT]/home/.local/share/jupyter/kernels, /usr/local/share/jupyter/kernels, /usr/share/jupyter/kernels; those for Docker are `docker_python`
        FILE:6:1: unknown key `mem_limits`; did you mean `mem_limit`?
        FILE:7:1: unknown key `cpu`; did you mean `cpus`?
        FILE:1:12: `volumes` needs the variable UID, which the server does not have; give it a value, or write `${UID:-}`
        FILE:1:26: `volumes` needs the variable GID, which the server does not have; give it a value, or write `${GID:-}`
        FILE:1:40: `volumes` has an unknown option `x` for a bind
        FILE:2:16: `environment` needs the variable B, which the server does not have; give it a value, or write `${B:-}`
        FILE:3:13: `env_file` cannot be read: No such file or directory (os error 2)
        FILE:5:13: `mem_limit` must be an amount of memory, such as "512m" or "2g"
        KERNEL_UID of 0 is prohibited by GP_PROHIBITED_UIDS of `0`
        KERNEL_GID of 0 is prohibited by GP_PROHIBITED_GIDS of `0`
        the server starts no kernel for `root` (KERNEL_USERNAME), an unauthorized user; run this as the account that runs the server, or with the name of the kernels' user in KERNEL_USERNAME
        the network `missing` (GP_DOCKER_NETWORK) does not exist; create it with `docker network create missing`, or name another there
        the network `gone` (launch_docker.toml) does not exist; create it with `docker network create gone`, or name another there
        "#);
}

#[test]
fn what_the_environment_of_the_server_has_is_there() {
    for (words, variables) in [
        (&[][..], &[("DATA", "/srv")][..]),
        (&["--gateway=enterprise-gateway"], &[("DATA", "/srv"), ("EG_INHERITED_ENVS", "X,DATA")]),
    ] {
        let sandbox = Sandbox::new();
        // What only a launch knows is no matter here.
        specification(
            &sandbox,
            words,
            "volumes = ['${DATA}:/a', '{cwd}:/b']\n[mount_cwd.paths]\n'/none' = '/'\n",
        );
        let outcome = check(&sandbox, &engine(&[]), &[], variables);
        assert_eq!(errors(&outcome), "", "{outcome}");
        let outcome = check(&sandbox, &engine(&[]), &[], &variables[1..]);
        assert!(errors(&outcome).contains("needs the variable DATA"), "{outcome}");
    }
    let sandbox = Sandbox::new();
    specification(&sandbox, &["--gateway=enterprise-gateway"], "volumes = ['${DATA}:/a']\n");
    let outcome = check(&sandbox, &engine(&[]), &[], &[("DATA", "/srv")]);
    assert!(errors(&outcome).contains("needs the variable DATA"), "{outcome}");
}

#[test]
fn the_server_decides_for_whom_a_kernel_is_started() {
    const ENV: &str =
        "the server starts no kernel for `root` (KERNEL_USERNAME), an unauthorized user";
    let gateway = "--gateway=enterprise-gateway";
    for (words, variables, expected) in [
        (&[][..], &[("KERNEL_USERNAME", "root")][..], ENV),
        (&[], &[("KERNEL_USERNAME", "root"), ("GP_UNAUTHORIZED_USERS", "eve")], ""),
        (&[], &[("KERNEL_USERNAME", "eve"), ("GP_UNAUTHORIZED_USERS", "bob,eve")], "for `eve`"),
        (&["--unauthorized-users=eve"], &[("KERNEL_USERNAME", "eve")], "for `eve`"),
        (&["--unauthorized-users=eve"], &[("KERNEL_USERNAME", "root")], ""),
        (&[gateway], &[("KERNEL_USERNAME", "root")], ENV),
        (&[gateway, "--unauthorized-users=eve"], &[("KERNEL_USERNAME", "root")], ENV),
        (&[gateway], &[("KERNEL_UID", "00")], "KERNEL_UID of 00 is prohibited"),
        (
            &[],
            &[("KERNEL_UID", "5"), ("GP_PROHIBITED_UIDS", "0,5")],
            "KERNEL_UID of 5 is prohibited",
        ),
    ] {
        let sandbox = Sandbox::new();
        specification(&sandbox, words, "");
        let outcome = check(&sandbox, &engine(&[]), &[], variables);
        let errors = errors(&outcome);
        assert!(
            errors.contains(expected) && errors.is_empty() == expected.is_empty(),
            "{variables:?} {outcome}"
        );
    }
    // Whoever runs it is the server.
    let sandbox = Sandbox::new();
    specification(&sandbox, &[], "");
    let engine = engine(&[]);
    let mut command = sandbox.command(INSTALLER);
    command
        .args(["check", "docker_python"])
        .env("DOCKER_HOST", engine.host())
        .env("JUPYTER_DATA_DIR", sandbox.path("data"));
    let outcome = sandbox.run(command.env("USER", "root"));
    assert!(errors(&outcome).contains("for `root` (the account that runs this)"), "{outcome}");
    // So no kernel is started either.
    let mut command = sandbox.command(INSTALLER);
    command.args(["check", "docker_python", "--launch"]).env("DOCKER_HOST", engine.host());
    let outcome =
        sandbox.run(command.env("JUPYTER_DATA_DIR", sandbox.path("data")).env("LOGNAME", "root"));
    assert!(errors(&outcome).contains("for `root`"), "{outcome}");
    assert!(!outcome.stdout.contains("a kernel is started"), "{outcome}");
}

/// An engine that tells of no gateway of the network.
const WITHOUT_GATEWAY: Objects = &[(
    "/networks/kernels",
    200,
    r#"{"Name": "kernels", "Scope": "local", "Driver": "bridge", "IPAM": {"Config": [{"Subnet": "127.0.0.0/8"}]}}"#,
)];

#[test]
fn a_launch_is_the_users_as_the_server_would_ask_for_it() {
    let sandbox = Sandbox::new();
    let directory = specification(&sandbox, &["--launch-timeout=1"], "");
    let script = "#!/bin/sh\necho \"$KERNEL_USERNAME $KERNEL_UID $KERNEL_GID $KERNEL_IMAGE $GP_DOCKER_NETWORK $X\" >&2\nexit 3\n";
    let launcher = sandbox.executable("launcher", script);
    fs::copy(launcher, directory.join("scripts/launch_docker")).unwrap();
    let variables = [
        ("GP_DOCKER_NETWORK", "kernels"),
        ("KERNEL_UID", "1234"),
        ("KERNEL_IMAGE", "of-nobody"),
        ("KERNEL_USERNAME", "ann"),
        ("X", "x"),
    ];
    let outcome =
        check(&sandbox, &engine(WITHOUT_GATEWAY), &["docker_python", "--launch"], &variables);
    assert!(
        outcome.stdout.contains("a kernel is started for `ann` (KERNEL_USERNAME)"),
        "{outcome}"
    );
    assert_eq!(
        errors(&outcome),
        "the kernel could not be started: the launcher failed (exit status: 3): ann 1234 100 i kernels x\n"
    );
}

#[test]
fn an_image_in_a_registry_is_for_the_engines_platform() {
    const OBJECTS: Objects = &[(
        "/distribution/i/json",
        200,
        r#"{"Platforms": [{"architecture": "arm64", "os": "linux"}, {"architecture": "amd64", "os": "windows"}]}"#,
    )];
    let sandbox = Sandbox::new();
    specification(&sandbox, &[], "");
    let outcome = check(&sandbox, &engine(OBJECTS), &[], &[]);
    insta::assert_snapshot!(errors(&outcome), @"
        the image `i` is in its registry for linux/arm64, windows/amd64, and not for linux/amd64, which the engine's host is; choose another image, or build it for that
        ");
}

/// What a message proposes, between its last backquotes.
fn proposed<'a>(outcome: &'a Outcome, words: &str) -> &'a str {
    let found: Vec<&str> = outcome.stdout.lines().filter(|line| line.contains(words)).collect();
    assert_eq!(found.len(), 1, "{words}: {outcome}");
    found[0].rsplit('`').nth(1).unwrap()
}

/// Types what a message proposes, after which all is well.
fn mend(sandbox: &Sandbox, engine: &FakeEngine, words: &str) {
    let before = check(sandbox, engine, &[], &[]);
    let command = proposed(&before, words).replace("[ROOT]", sandbox.root().to_str().unwrap());
    // "And the options that it had."
    let is_bare = command.starts_with("jupyter-docker-spec install");
    let command = command + if is_bare { " --image-name=i" } else { "" };
    sandbox.program(INSTALLER, "bin/jupyter-docker-spec");
    sandbox.program(LAUNCHER, "bin/launch_docker");
    let mut shell = sandbox.command("/bin/sh");
    shell.args(["-c", &command]).env("JUPYTER_DATA_DIR", sandbox.path("data"));
    shell.env("JUPYTER_DOCKER_SPEC_LAUNCHER", sandbox.path("stub/launch_docker"));
    let path = format!("{}:/usr/bin:/bin", sandbox.path("bin").display());
    let done = sandbox.run(shell.env("PATH", path));
    assert_eq!(done.code(), Some(0), "{command}: {done}");
    let after = check(sandbox, engine, &[], &[]);
    assert_eq!(errors(&after), "", "{command}: {after}");
    assert!(!after.stdout.contains(words), "{command}: {after}");
}

#[test]
fn what_is_proposed_for_a_specification_mends_it() {
    type Break = fn(&Path);
    let breaks: [(Break, &str); 4] = [
        (|spec| set_mode(&spec.join("scripts/launch_docker"), 0o644), "is not executable"),
        (|spec| fs::remove_file(spec.join("scripts/launch_docker")).unwrap(), "is missing"),
        (|spec| fs::write(spec.join("kernel.json"), "{").unwrap(), "could not understand"),
        (
            |spec| {
                set_mode(&spec.join("kernel.json"), 0o600);
                set_mode(&spec.join("scripts/launch_docker"), 0o700);
                set_mode(&spec.join("scripts"), 0o700);
            },
            "another account's server needs",
        ),
    ];
    for (hurt, words) in breaks {
        let sandbox = Sandbox::new();
        let directory = specification(&sandbox, &[], "");
        hurt(&directory);
        mend(&sandbox, &engine(&[]), words);
    }
}

#[test]
fn what_is_proposed_for_lists_that_the_gateway_does_not_take_mends_them() {
    let sandbox = Sandbox::new();
    let words = ["--gateway=enterprise-gateway", "--authorized-users=alice"];
    let directory = specification(&sandbox, &words, "");
    let path = directory.join("kernel.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"alice\"", "[\"alice\"]")).unwrap();
    mend(&sandbox, &engine(&[]), "must be one text with commas for Enterprise Gateway");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_launcher_of_ones_own_is_made_executable_by_what_is_proposed() {
    let sandbox = Sandbox::new();
    let launcher = sandbox.file("own", "#!/bin/sh\n");
    let option = format!("--launcher={}", launcher.display());
    let prefix = format!("--prefix={}", sandbox.path("prefix").display());
    let outcome = sandbox.install(&[&prefix, &option]);
    let command = outcome
        .error()
        .rsplit('`')
        .nth(1)
        .unwrap()
        .replace("[ROOT]", sandbox.root().to_str().unwrap());
    let mut shell = sandbox.command("/bin/sh");
    let done = sandbox.run(shell.args(["-c", &command]).env("PATH", "/usr/bin:/bin"));
    assert_eq!(done.code(), Some(0), "{done}");
    assert_eq!(sandbox.install(&[&prefix, &option]).code(), Some(0));
}

#[test]
fn what_is_proposed_for_a_profile_of_seccomp_writes_it() {
    let sandbox = Sandbox::new();
    let profile = sandbox.file("profile.json", r#"{"defaultAction": "SCMP_ACT_ALLOW"}"#);
    let engine = engine(&[]);
    specification(&sandbox, &[], "security_opt = ['seccomp=profile.json']\n");
    let outcome = check(&sandbox, &engine, &[], &[]);
    assert!(errors(&outcome).contains("`install --security-opt=seccomp=FILE`"), "{outcome}");
    let option = format!("--security-opt=seccomp={}", profile.display());
    specification(&sandbox, &["--replace", "--launcher=native", &option], "");
    let outcome = check(&sandbox, &engine, &[], &[]);
    assert_eq!(errors(&outcome), "", "{outcome}");
}

#[test]
fn what_is_proposed_for_a_volume_of_the_image_takes_its_place() {
    const IMAGE: &str =
        r#"{"Architecture": "amd64", "Os": "linux", "Config": {"Volumes": {"/data": {}}}}"#;
    let sandbox = Sandbox::new();
    let engine = engine(&[("/images/i/json", 200, IMAGE)]);
    specification(&sandbox, &[], "");
    let outcome = check(&sandbox, &engine, &[], &[]);
    assert!(outcome.stdout.contains("declares `/data` as a volume"), "{outcome}");
    assert!(outcome.stdout.contains("`install --tmpfs=/data`"), "{outcome}");
    assert!(outcome.stdout.contains("`docker volume ls --filter dangling=true`"), "{outcome}");
    specification(&sandbox, &["--replace", "--launcher=native"], "");
    let outcome = check(&sandbox, &engine, &[], &[]);
    // That it does is in tests/cli/kernels.rs.
    assert!(outcome.stdout.contains("`jupyter docker-spec prune` removes"), "{outcome}");
    specification(&sandbox, &["--replace", "--launcher=native", "--tmpfs=/data"], "");
    let outcome = check(&sandbox, &engine, &[], &[]);
    assert!(!outcome.stdout.contains("as a volume"), "{outcome}");
}
