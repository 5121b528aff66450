//! Kernels that wait: what is said of them, and what is written.

use fs_err as fs;

use crate::local::installer;
use crate::sandbox::{INSTALLER, LAUNCHER, Sandbox};

const NAMED: [&str; 3] = ["--prefix=p", "--image-name=my/image:1", "--kernel-name=k"];

/// What the launcher of a specification reads.
fn options(sandbox: &Sandbox, name: &str) -> String {
    let path = format!("p/share/jupyter/kernels/{name}/scripts/launch_docker.toml");
    fs::read_to_string(sandbox.path(path)).unwrap()
}

fn install(sandbox: &Sandbox, words: &[&str]) {
    let outcome = sandbox.run(&mut installer(sandbox, words));
    assert_eq!(outcome.code(), Some(0), "{outcome}");
}

/// The lines about them that `install` writes with these words.
fn written(words: &[&str]) -> Vec<String> {
    let sandbox = Sandbox::new();
    install(&sandbox, &[&NAMED[..], &["--local"][..], words].concat());
    let text = options(&sandbox, "k");
    text.lines().filter(|line| line.starts_with("warm")).map(str::to_owned).collect()
}

fn error(words: &[&str]) -> String {
    let sandbox = Sandbox::new();
    let mut install = installer(&sandbox, &[&NAMED[..], words].concat());
    sandbox.run(install.env("JUPYTER_DOCKER_SPEC_LAUNCHER", LAUNCHER)).error().to_owned()
}

#[test]
fn what_is_said_is_written() {
    assert_eq!(written(&[]), [""; 0]);
    assert_eq!(written(&["--warm"]), ["warm = 1"]);
    assert_eq!(written(&["--warm", "--warm=3"]), ["warm = 3"]);
    assert_eq!(written(&["--warm=false"]), ["warm = 0"]);
    let said = written(&["--warm=2", "--warm-time=1h30m"]);
    assert_eq!(said, ["warm = 2", "warm_time = \"1h30m\""]);
    let command = "--warm-command=R -e 'readline()' {connection_file}";
    let said = written(&["--warm", command]);
    assert_eq!(said, ["warm = 1", "warm_command = \"R -e 'readline()' {connection_file}\""]);
}

#[test]
fn what_cannot_be_is_refused() {
    for (words, wrong) in [
        (&["--local", "--warm=x"][..], "--warm of `x` must be a whole number"),
        (&["--local", "--warm="], "--warm of `` must be a whole number"),
        (&["--local", "--warm=-1"], "must be a whole number, at least 0"),
        (&["--local", "--warm=33"], "must be at most 32"),
        (&["--local", "--warm-time=soon"], "must be a span of time, such as \"30m\""),
        (&["--local", "--warm-time=0s"], "must be a span of time, such as \"30m\""),
        (&["--local", "--warm-command=R -e 'x"], "must end its quotes"),
        (&["--local", "--warm-command=R -e x"], "must have `{connection_file}` in it"),
        (&["--warm"], "`--warm` is for `--local`"),
        (&["--warm-command=R {connection_file}"], "`--warm-command` is for `--local`"),
        (&["--warm-time=1h"], "`--warm-time` is for `--local`"),
        (&["--gateway=enterprise-gateway", "--swarm", "--warm"], "`--warm` is for `--local`"),
    ] {
        let error = error(words);
        assert!(error.contains(wrong), "{words:?}: {error}");
    }
}

#[test]
fn set_changes_it_and_a_file_of_several_has_it() {
    let sandbox = Sandbox::new();
    let file = sandbox.path("kernels.toml");
    let many = "[[kernel]]\nlocal = true\nkernel-name = 'k'\nimage-name = 'my/image:1'\nwarm = 2\n\
                [[kernel]]\nlocal = true\nkernel-name = 'l'\nimage-name = 'my/image:1'\nwarm = true\n";
    fs::write(&file, many).unwrap();
    install(&sandbox, &["--prefix=p", "--file", &file.to_string_lossy()]);
    assert!(options(&sandbox, "k").contains("\nwarm = 2\n"));
    assert!(options(&sandbox, "l").contains("\nwarm = 1\n"));
    let set = |words: &[&str]| {
        let outcome =
            sandbox.run(sandbox.command(INSTALLER).args(["set", "k", "--prefix=p"]).args(words));
        assert_eq!(outcome.code(), Some(0), "{outcome}");
        options(&sandbox, "k")
    };
    let changed = set(&["--warm=4", "--warm-time=2h"]);
    assert!(changed.contains("\nwarm = 4\n") && changed.contains("\nwarm_time = \"2h\"\n"));
    assert!(!set(&["--unset=warm", "--unset=warm-time"]).contains("\nwarm"));
}
