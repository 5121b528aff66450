//! An engine on another machine, by an `ssh` that is none: what it is called with, and what is said when it fails.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use fs_err as fs;
use insta::assert_snapshot;
use serde_json::json;

use crate::engine::FakeEngine;
use crate::injection::launcher;
use crate::local::installer;
use crate::sandbox::{INSTALLER, LAUNCHER, Outcome, Sandbox, at_once, in_shell};

/// Answers each call for what there is with an empty list, or with nothing.
const ENGINE: &str = r#"
answer() { printf 'HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: %d\r\n\r\n%s' ${#1} "$1"; }
cr=$(printf '\r')
while read -r method path rest; do
    while read -r line && [ "$line" != "$cr" ]; do :; done
    case $method$path in
        HEAD*) answer '' ;;
        *containers/json*) answer '[]' ;;
        *) answer '{}' ;;
    esac
done
"#;

/// A sandbox in whose PATH only this `ssh` is, besides what the script needs.
fn with_ssh(script: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.executable("bin/ssh", &format!("#!/bin/sh\n{script}\n"));
    sandbox
}

fn ps(sandbox: &Sandbox, host: &str) -> Command {
    let mut command = sandbox.command(INSTALLER);
    command.arg("ps").env("PATH", sandbox.path("bin")).env("DOCKER_HOST", host);
    command
}

/// What is said of an `ssh` that writes this to standard error and ends with this status.
fn failed(said: &str, status: u8) -> String {
    let sandbox = with_ssh(&format!("cat >&2 <<'EOF'\n{said}\nEOF\nexit {status}"));
    let outcome = sandbox.run(ps(&sandbox, "ssh://ann@gpu:2222").env("PATH", path(&sandbox)));
    assert_eq!(outcome.code(), Some(1), "{outcome}");
    outcome.error().to_owned()
}

fn path(sandbox: &Sandbox) -> String {
    format!("{}:/usr/bin:/bin", sandbox.path("bin").display())
}

#[test]
fn it_is_called_as_docker_calls_it_and_has_the_environment() {
    let sandbox =
        with_ssh(&format!("echo \"$@\" > called; echo \"$SSH_AUTH_SOCK\" >> called\n{ENGINE}"));
    let mut command = ps(&sandbox, "ssh://ann@gpu:2222/run/user/1000/docker.sock");
    let outcome = sandbox.run(command.env("SSH_AUTH_SOCK", "/agent"));
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert_snapshot!(fs::read_to_string(sandbox.path("called")).unwrap(), @r"
    -o ConnectTimeout=30 -o BatchMode=yes -T -l ann -p 2222 -- gpu docker --host=unix:///run/user/1000/docker.sock system dial-stdio
    /agent
    ");
}

#[test]
fn a_context_may_lead_there() {
    let sandbox = with_ssh(&format!("echo \"$@\" > called\n{ENGINE}"));
    let meta = json!({"Name": "gpu", "Endpoints": {"docker": {"Host": "ssh://gpu"}}});
    sandbox.file("home/.docker/contexts/meta/0/meta.json", meta.to_string());
    let called = |current: &str, variable: Option<&str>| {
        sandbox.file("home/.docker/config.json", json!({"currentContext": current}).to_string());
        let mut command = ps(&sandbox, "");
        command.env_remove("DOCKER_HOST").env("HOME", sandbox.path("home"));
        command.envs(variable.map(|name| ("DOCKER_CONTEXT", name)));
        let outcome = sandbox.run(&mut command);
        assert_eq!(outcome.code(), Some(0), "{outcome}");
        let called = fs::read_to_string(sandbox.path("called")).unwrap();
        fs::remove_file(sandbox.path("called")).unwrap();
        called
    };
    let words = "-o ConnectTimeout=30 -o BatchMode=yes -T -- gpu docker system dial-stdio\n";
    assert_eq!(called("gpu", None), words);
    assert_eq!(called("", Some("gpu")), words);
}

#[test]
fn each_failure_is_one_error_with_the_way_out() {
    assert_snapshot!(failed("ann@gpu: Permission denied (publickey,password).", 255), @"found no Docker Engine at `ssh://ann@gpu:2222`: ann@gpu: Permission denied (publickey,password); nobody is asked for a password here: see to it that `ssh -p 2222 ann@gpu` needs none, by a key that is known there, and `ssh-add` if that has a passphrase");
    let unknown = "No ED25519 host key is known for gpu and you have requested strict checking.\n\
                   Host key verification failed.";
    assert_snapshot!(failed(unknown, 255), @"found no Docker Engine at `ssh://ann@gpu:2222`: Host key verification failed; its key is not known here: run `ssh -p 2222 ann@gpu` in a terminal, as the user who starts kernels, and accept it");
    let changed = "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nIT IS POSSIBLE THAT SOMEONE\n\
                   Host key verification failed.";
    assert_snapshot!(failed(changed, 255), @"found no Docker Engine at `ssh://ann@gpu:2222`: WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!; its key is not the one that is known here: run `ssh -p 2222 ann@gpu` in a terminal, which says how to forget that one, once whoever looks after that machine has said why");
    let name = "ssh: Could not resolve hostname gpu: Name or service not known";
    assert_snapshot!(failed(name, 255), @"found no Docker Engine at `ssh://ann@gpu:2222`: ssh: Could not resolve hostname gpu: Name or service not known; correct the name, or say in ~/.ssh/config what `gpu` stands for");
    let down = "ssh: connect to host gpu port 2222: Connection timed out";
    assert_snapshot!(failed(down, 255), @"found no Docker Engine at `ssh://ann@gpu:2222`: ssh: connect to host gpu port 2222: Connection timed out; see whether `ssh -p 2222 ann@gpu` connects");
    assert_snapshot!(failed("bash: line 1: docker: command not found", 127), @"found no Docker Engine at `ssh://ann@gpu:2222`: bash: line 1: docker: command not found; install Docker's client there, such that `ssh -p 2222 ann@gpu docker version` finds it");
    let socket =
        "failed to open the raw stream connection: dial unix /var/run/docker.sock: connect: ";
    assert_snapshot!(failed(&format!("{socket}permission denied"), 1), @"found no Docker Engine at `ssh://ann@gpu:2222`: failed to open the raw stream connection: dial unix /var/run/docker.sock: connect: permission denied; make the user there a member of the group that owns the socket, which is `docker` as a rule");
    assert_snapshot!(failed(&format!("{socket}no such file or directory"), 1), @"found no Docker Engine at `ssh://ann@gpu:2222`: failed to open the raw stream connection: dial unix /var/run/docker.sock: connect: no such file or directory; start the engine there; if it has another socket, name that after the host, as in `ssh://ann@gpu:2222/run/user/1000/docker.sock`");
    let old = "\nUsage:\tdocker system COMMAND\n\nManage Docker\n\nCommands:\n  df          Show docker disk usage";
    assert_snapshot!(failed(old, 1), @"found no Docker Engine at `ssh://ann@gpu:2222`: its client of Docker does not know `dial-stdio`; it is older than 18.09: install a newer one there");
    assert_snapshot!(failed("one\ntwo\n\nthree\nfour", 3), @"found no Docker Engine at `ssh://ann@gpu:2222`: two; three; four; see what `ssh -p 2222 ann@gpu docker version` says");
    assert_snapshot!(failed("", 255), @"found no Docker Engine at `ssh://ann@gpu:2222`: `ssh` ended with status 255; see whether `ssh -p 2222 ann@gpu` connects");
}

#[test]
fn no_ssh_is_told_of() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.run(&mut ps(&sandbox, "ssh://gpu"));
    assert_snapshot!(outcome.error(), @"found no Docker Engine at `ssh://gpu`: could not run `ssh`: No such file or directory (os error 2); install OpenSSH's client, such that it is on the PATH");
}

#[test]
fn a_shell_that_greets_is_told_of() {
    let sandbox = with_ssh("echo 'Welcome to gpu!'\ncat > /dev/null");
    let outcome = sandbox.run(ps(&sandbox, "ssh://gpu").env("PATH", path(&sandbox)));
    assert_snapshot!(outcome.error(), @"failed to find the Docker Engine's version: `ssh://gpu` does not answer as a Docker Engine does: invalid HTTP version parsed; see that `ssh gpu true` prints nothing, as a start-up file of the shell there may");
}

#[test]
fn what_never_ends_fills_no_memory_and_keeps_nobody() {
    // It writes without end, and then ends; a process that it leaves keeps its standard error open.
    let script = "head -c 50000000 /dev/zero | tr '\\0' x >&2\n\
                  while [ -e \"$0\" ]; do sleep 0.2; done > /dev/null &\n\
                  exit 255";
    let sandbox = with_ssh(script);
    let mut command = ps(&sandbox, "ssh://gpu");
    command.env("PATH", path(&sandbox));
    let outcome: Outcome = sandbox.run(&mut in_shell("ulimit -v 400000 && exec \"$@\"", &command));
    assert!(outcome.error().len() < 3000 && outcome.error().contains("; see whether"), "{outcome}");
}

#[test]
fn a_host_may_have_the_name_of_anything() {
    let sandbox = with_ssh("exit 255");
    let error =
        |host: &str| sandbox.run(ps(&sandbox, host).env("PATH", path(&sandbox))).error().to_owned();
    assert_snapshot!(error("ssh://LOCALHOST:1"), @"found no Docker Engine at `ssh://LOCALHOST:1`: `ssh` ended with status 255; see whether `ssh -p 1 LOCALHOST` connects");
    assert_snapshot!(error("ssh://COMMAND@ADDRESS"), @"found no Docker Engine at `ssh://COMMAND@ADDRESS`: `ssh` ended with status 255; see whether `ssh COMMAND@ADDRESS` connects");
}

/// The launcher of a specification of `--local` says it as the one error, and check as well.
#[test]
fn a_launcher_and_check_say_it_too() {
    let sandbox = with_ssh("echo 'ann@gpu: Permission denied (publickey).' >&2; exit 255");
    let words = ["--local", "--prefix=p", "--image-name=my/image:1", "--kernel-name=k"];
    let mut install = installer(&sandbox, &words);
    let installed = sandbox.run(install.env("JUPYTER_DOCKER_SPEC_LAUNCHER", LAUNCHER));
    assert_eq!(installed.code(), Some(0), "{installed}");
    let connection = json!({
        "transport": "ipc", "ip": sandbox.path("kernel-c-ipc"), "key": "k", "signature_scheme": "hmac-sha256",
        "shell_port": 1, "iopub_port": 2, "stdin_port": 3, "control_port": 4, "hb_port": 5,
    });
    let file = sandbox.file("kernel-c.json", connection.to_string());
    let mut launch =
        sandbox.command(sandbox.path("p/share/jupyter/kernels/k/scripts/launch_docker"));
    launch.arg("--connection-file").arg(file);
    let mut check = sandbox.command(INSTALLER);
    check.args(["check", "k"]).env("JUPYTER_PATH", sandbox.path("p/share/jupyter"));
    at_once([launch, check], |mut command| {
        command.env("PATH", sandbox.path("bin")).env("DOCKER_HOST", "ssh://ann@gpu");
        let outcome = sandbox.run(&mut command);
        assert_eq!(outcome.code(), Some(1), "{outcome}");
        let all = format!("{}{}", outcome.stdout, outcome.stderr);
        assert_eq!(all.matches("found no Docker Engine at `ssh://ann@gpu`: ").count(), 1, "{all}");
    });
}

/// What is proposed is typed, and then it is there.
#[test]
fn another_engine_is_named_and_can_be_had() {
    let sandbox = Sandbox::new();
    let engine = FakeEngine::answering(|path, _| {
        Some(if path.ends_with("/containers/json") { json!([]) } else { json!({}) })
    });
    // Of an engine that has gone, the socket may be left.
    fs::create_dir_all(sandbox.path("run/podman")).unwrap();
    drop(UnixListener::bind(sandbox.path("run/docker.sock")).unwrap());
    symlink(engine.socket(), sandbox.path("run/podman/podman.sock")).unwrap();
    let mut command = ps(&sandbox, "unix:///nonexistent/docker.sock");
    let error = sandbox.run(command.env("XDG_RUNTIME_DIR", sandbox.path("run"))).error().to_owned();
    let (_, proposed) = error.split_once("which is meant after `").unwrap();
    let proposed =
        proposed.trim_end_matches('`').replace("[ROOT]", sandbox.root().to_str().unwrap());
    assert!(proposed.ends_with("/run/podman/podman.sock"), "{error}");
    let outcome = sandbox.run(&mut in_shell(&format!("{proposed} && exec \"$@\""), &command));
    assert_eq!(outcome.code(), Some(0), "{outcome}");
}

/// A launch must not go elsewhere for good because the engine is stopped on the day of the install.
#[test]
fn another_engine_is_written_only_where_there_is_none() {
    let sandbox = Sandbox::new();
    let engine = FakeEngine::new();
    fs::create_dir_all(sandbox.path("run/podman")).unwrap();
    symlink(engine.socket(), sandbox.path("run/podman/podman.sock")).unwrap();
    let words =
        ["--local", "--prefix=p", "--image-name=my/image:1", "--kernel-name=k", "--replace"];
    let written = |host: &str| {
        let mut install = installer(&sandbox, &words);
        install.env("JUPYTER_DOCKER_SPEC_LAUNCHER", LAUNCHER).env("DOCKER_HOST", host);
        let outcome = sandbox.run(install.env("XDG_RUNTIME_DIR", sandbox.path("run")));
        assert_eq!(outcome.code(), Some(0), "{outcome}");
        let file = sandbox.path("p/share/jupyter/kernels/k/scripts/launch_docker.toml");
        let address = format!("unix://{}", sandbox.path("run/podman/podman.sock").display());
        let text = fs::read_to_string(file).unwrap();
        let line = format!("engine = \"{address}\"");
        assert_eq!(
            text.lines().any(|one| one == line),
            outcome.stderr.contains("Its kernels run on")
        );
        text.lines().any(|one| one == line)
    };
    assert!(!written("unix:///nonexistent/docker.sock"));
    assert_eq!(written(""), !Path::new("/var/run/docker.sock").exists());
}

#[test]
fn an_engine_is_named_for_local_kernels_only_and_by_an_address() {
    let sandbox = Sandbox::new();
    let error = |words: &[&str]| {
        let words = [&["--user", "--image-name=my/image:1", "--kernel-name=k"], words].concat();
        let mut install = installer(&sandbox, &words);
        sandbox.run(install.env("JUPYTER_DOCKER_SPEC_LAUNCHER", LAUNCHER)).error().to_owned()
    };
    assert_snapshot!(error(&["--engine=ssh://gpu"]), @"`--engine` is for `--local`: a server looks for its kernels where DOCKER_HOST or the Docker context says");
    assert_snapshot!(error(&["--local", "--engine=gpu"]), @r#"the options for the container are not valid: --engine: engine = "gpu": `engine` is `gpu`: write an address as `tcp://host:port`; Docker's port is 2376 as a rule"#);
    assert_snapshot!(error(&["--local", "--engine=ssh://-oProxyCommand=id"]), @r#"the options for the container are not valid: --engine: engine = "ssh://-oProxyCommand=id": `engine` is `ssh://-oProxyCommand=id`: the name of the host may have letters, digits and `._-`, and does not begin with `-`"#);
    // A server looks for its kernels elsewhere than a file may say.
    let file = sandbox.path("p/share/jupyter/kernels/k/scripts/launch_docker.toml");
    let launched = |mode: &str| {
        let mut launch = launcher(&sandbox, &FakeEngine::new());
        fs::write(&file, "engine = 'ssh://gpu'").unwrap();
        sandbox
            .run(launch.env("GP_DOCKER_MODE", mode).env("GP_DOCKER_NETWORK", "kernels"))
            .error()
            .to_owned()
    };
    assert_snapshot!(launched("docker"), @"[ROOT]/p/share/jupyter/kernels/k/scripts/launch_docker.toml:1:10: `engine` is for specifications of `install --local`; a server looks for its kernels where DOCKER_HOST or the Docker context says");
    assert_snapshot!(launched("swarm"), @"[ROOT]/p/share/jupyter/kernels/k/scripts/launch_docker.toml:1:10: `engine` is not possible in a Swarm; its manager is what DOCKER_HOST says");
}
