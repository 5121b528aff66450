//! `install --bring-bootstrap`: specifications of servers whose kernels run in images without a bootstrap. What such
//! kernels do is seen on real engines.

use std::path::PathBuf;
use std::process::Command;

use fs_err as fs;
use insta::assert_snapshot;

use crate::local::{options, program};
use crate::sandbox::{INSTALLER, Outcome, Sandbox};

/// `jupyter-docker-spec install` with these words, and a bootstrap that is small.
fn installer(sandbox: &Sandbox, words: &[&str]) -> Command {
    let mut command = sandbox.installer();
    command.env(
        "JUPYTER_DOCKER_SPEC_LAUNCHER",
        program(sandbox, "stub/launch_docker", "launch_docker 1.2.3\n"),
    );
    command.args(words);
    command.env("JUPYTER_DOCKER_SPEC_BOOTSTRAP", program(sandbox, "stub/bootstrap_kernel", ""));
    command
}

fn install(sandbox: &Sandbox, words: &[&str]) -> Outcome {
    let words = [&["--bring-bootstrap", "--prefix=prefix"], words].concat();
    sandbox.run(&mut installer(sandbox, &words))
}

/// The same with an image, which has to succeed. Returns the specification.
fn installed(sandbox: &Sandbox, words: &[&str]) -> PathBuf {
    let outcome = install(sandbox, &[&["--image-name=my/image:1"], words].concat());
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let (_, place) = outcome.stderr.rsplit_once(" in [ROOT]/").unwrap();
    sandbox.path(place.trim_end())
}

#[test]
fn the_specification_is_that_of_a_server_with_what_starts_the_kernel() {
    let sandbox = Sandbox::new();
    let specification = installed(&sandbox, &[]);
    assert_snapshot!(options(&specification), @r#"
    bring_bootstrap = true
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
    let brought = fs::read_to_string(specification.join("kernel.json")).unwrap();
    let outcome = sandbox.run(&mut installer(
        &sandbox,
        &["--prefix=prefix", "--replace", "--image-name=my/image:1"],
    ));
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert_eq!(brought, fs::read_to_string(specification.join("kernel.json")).unwrap());
    assert!(!specification.join("scripts/bootstrap_kernel").exists());
}

#[test]
fn each_language_has_a_command() {
    let sandbox = Sandbox::new();
    for (words, expected) in [
        (
            &["--language=R"][..],
            r#"command = ["R", "--slave", "-e", "IRkernel::main()", "--args", "{connection_file}"]"#,
        ),
        (
            &["--language=Scala", "--kernel-command=almond --connection-file {connection_file}"],
            r#"command = ["almond", "--connection-file", "{connection_file}"]"#,
        ),
        (
            &[
                "--language=Julia",
                "--kernel-command=julia -i kernel.jl {connection_file}",
                "--swarm",
            ],
            r#"command = ["julia", "-i", "kernel.jl", "{connection_file}"]"#,
        ),
        (
            &["--ipykernel-subclass-name=a.B", "--gateway=enterprise-gateway"],
            r#"command = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]"#,
        ),
    ] {
        let said = options(&installed(&sandbox, words));
        assert!(said.contains("bring_bootstrap = true\n"), "{said}");
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains("image = ") && !said.contains("mount_cwd"), "{said}");
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let sandbox = Sandbox::new();
    let mut message = String::new();
    for words in [
        &[][..],
        &["--image-name=i", "--local"],
        &["--image-name=i", "--language=Scala"],
        &["--image-name=i", "--language=Julia"],
        &["--image-name=i", "--kernel-command=x"],
        &["--image-name=i", "--launcher=python"],
        &["--image-name=i", "--entrypoint="],
    ] {
        let outcome = install(&sandbox, words);
        message += if outcome.code() == Some(0) { "done" } else { outcome.error() };
        message.push('\n');
    }
    assert_snapshot!(message, @"
    `--bring-bootstrap` needs `--image-name`: the name of an image that has the kernel, such as one with ipykernel
    `--bring-bootstrap` cannot be given with `--local`: its kernels are started by that anyway
    `--bring-bootstrap` is not for Apache Toree, which the bootstrap of its images starts with Spark; for another kernel in Scala, such as almond, `--kernel-command` says the command that starts it, with `{connection_file}` in it
    `--bring-bootstrap` with the language Julia needs `--kernel-command`: the command that starts the kernel, with `{connection_file}` in it; or `--image-kernelspec`, if the image has a kernelspec that says it
    `--kernel-command` of `x` must have `{connection_file}` in it, where the kernel takes the file with its ports and key
    `--launcher` of `python` cannot be given with `--bring-bootstrap`: only the native launcher brings a bootstrap
    done
    ");
}

#[test]
fn what_is_written_by_hand_is_looked_at() {
    let sandbox = Sandbox::new();
    let specification = installed(&sandbox, &[]);
    let file = specification.join("scripts/launch_docker.toml");
    let mut message = String::new();
    for text in [
        "bring_bootstrap = true\n",
        "bring_bootstrap = true\ncommand = 'x'\n",
        "bring_bootstrap = 1\n",
        "bring_bootstrap = false\ncommand = 'x {connection_file}'\n",
    ] {
        fs::write(&file, text).unwrap();
        let mut command = sandbox.command(INSTALLER);
        command.args(["set", "docker_python", "--memory=1g", "--dry-run"]);
        command.env("JUPYTER_PATH", sandbox.path("prefix/share/jupyter"));
        message += sandbox.run(&mut command).error();
        message.push('\n');
    }
    assert_snapshot!(message, @"
    the options for the container are not valid: bring_bootstrap = true: `bring_bootstrap` needs a `command` that starts the kernel, with `{connection_file}` where it takes the file with its ports and key
    the options for the container are not valid: bring_bootstrap = true: `bring_bootstrap` needs a `command` that starts the kernel, with `{connection_file}` where it takes the file with its ports and key
    the options for the container are not valid: bring_bootstrap = 1: `bring_bootstrap` must be true or false
    the options for the container are not valid: command = 'x {connection_file}': `command` has `{connection_file}`, which is not one of {username}, {kernel_id}, {language} and {cwd}
    ");
}

#[test]
fn the_command_can_be_changed_and_the_table_has_it() {
    let sandbox = Sandbox::new();
    let specification =
        installed(&sandbox, &["--language=Julia", "--kernel-command=julia {connection_file}"]);
    let run = |words: &[&str]| {
        let mut command = sandbox.command(INSTALLER);
        command.args(words).env("JUPYTER_PATH", sandbox.path("prefix/share/jupyter"));
        let outcome = sandbox.run(&mut command);
        assert_eq!(outcome.code(), Some(0), "{outcome}");
        outcome.stdout
    };
    run(&["set", "docker_julia", "--kernel-command=julia --threads=2 {connection_file}"]);
    let said = options(&specification);
    assert!(said.contains(r#"command = ["julia", "--threads=2", "{connection_file}"]"#), "{said}");

    sandbox.file("kernels.toml", run(&["show", "docker_julia", "--toml"]));
    let before = crate::sandbox::contents(&specification);
    let outcome = sandbox.run(&mut installer(&sandbox, &["--file=kernels.toml"]));
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert_eq!(options(&specification).lines().count(), said.lines().count());
    assert_eq!(before.len(), crate::sandbox::contents(&specification).len());
}

#[test]
fn who_may_send_signals_may_be_said() {
    let sandbox = Sandbox::new();
    let words = ["--signals-from=server", "--signals-from=172.18.0.0/16"];
    let specification = installed(&sandbox, &words);
    assert!(options(&specification).contains(r#"signals_from = ["server", "172.18.0.0/16"]"#));

    let mut message = String::new();
    for words in [
        &["--bring-bootstrap", "--signals-from=anybody"][..],
        &["--bring-bootstrap", "--signals-from=10.0.0.0/33"],
        &["--bring-bootstrap", "--signals-from=2001:db8::/32"],
        &["--local", "--signals-from=server"],
    ] {
        let words = [words, &["--image-name=i", "--prefix=other"]].concat();
        message += sandbox.run(&mut installer(&sandbox, &words)).error();
        message.push('\n');
    }
    let mut command = sandbox.installer();
    command.args(["--launcher=native", "--signals-from=server", "--prefix=other"]);
    message += sandbox.run(&mut command).error();
    message.push('\n');
    let file = specification.join("scripts/launch_docker.toml");
    let text = fs::read_to_string(&file).unwrap();
    let nobody = text.replace(r#"["server", "172.18.0.0/16"]"#, "[]");
    assert_ne!(nobody, text);
    fs::write(&file, nobody).unwrap();
    let mut command = sandbox.command(INSTALLER);
    command.args(["set", "docker_python", "--memory=1g", "--dry-run"]);
    command.env("JUPYTER_PATH", sandbox.path("prefix/share/jupyter"));
    message += sandbox.run(&mut command).error();
    assert_snapshot!(message, @r#"
    the options for the container are not valid: --signals-from: signals_from = ["anybody"]: `signals_from` must be `server`, or an address or network of IPv4 such as "172.18.0.0/16"
    the options for the container are not valid: --signals-from: signals_from = ["10.0.0.0/33"]: `signals_from` must be `server`, or an address or network of IPv4 such as "172.18.0.0/16"
    the options for the container are not valid: --signals-from: signals_from = ["2001:db8::/32"]: `signals_from` must be `server`, or an address or network of IPv4 such as "172.18.0.0/16"
    the options for the container are not valid: --signals-from: signals_from = ["server"]: `signals_from` is for specifications of servers: nothing listens for signals of kernels of `install --local`
    the options for the container are not valid: --signals-from: signals_from = ["server"]: `signals_from` needs `bring_bootstrap = true`: the bootstrap of an image hears everybody
    the options for the container are not valid: --signals-from: signals_from = []: `signals_from` must name somebody
    "#);
    assert!(!sandbox.path("other").exists());
}
