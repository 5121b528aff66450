//! `remove`.

use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use fs_err as fs;
use insta::assert_snapshot;

use crate::sandbox::{INSTALLER, KERNELS, Outcome, Sandbox, as_user};

fn remover(sandbox: &Sandbox) -> Command {
    let mut command = sandbox.command(INSTALLER);
    command.arg("remove").env("JUPYTER_PATH", sandbox.path("prefix/share/jupyter"));
    command
}

fn remove(sandbox: &Sandbox, words: &[&str]) -> Outcome {
    sandbox.run(remover(sandbox).args(words))
}

/// Answers the question.
fn answer(sandbox: &Sandbox, answer: &str) -> Outcome {
    let mut command = remover(sandbox);
    command.arg("docker_python").stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
    sandbox.outcome(&child.wait_with_output().unwrap())
}

#[test]
fn it_asks_first() {
    let sandbox = Sandbox::new();
    let specification = sandbox.installed(&[]);
    fs::write(specification.join("notes.txt"), "mine").unwrap();
    let before = sandbox.tree("prefix");
    for no in ["", "\n", "n\n", "yess\n"] {
        let outcome = answer(&sandbox, no);
        assert_eq!(outcome.code(), Some(1), "{outcome}");
        assert_eq!(sandbox.tree("prefix"), before);
    }
    assert_snapshot!(answer(&sandbox, ""), @"
    exit status: 1
    ----- stderr -----
    Kernel specifications to remove:
      docker_python  [ROOT]/prefix/share/jupyter/kernels/docker_python
        with `notes.txt`, which somebody has added
    Remove? [y/N]
    [E [TIME] DockerSpecInstaller] there is nobody to answer; say yes with -y
    ");
    assert_snapshot!(answer(&sandbox, "no\n"), @"
    exit status: 1
    ----- stderr -----
    Kernel specifications to remove:
      docker_python  [ROOT]/prefix/share/jupyter/kernels/docker_python
        with `notes.txt`, which somebody has added
    Remove? [y/N]
    [E [TIME] DockerSpecInstaller] nothing was removed
    ");
    assert_snapshot!(answer(&sandbox, "Yes\n"), @"
    exit status: 0
    ----- stderr -----
    Kernel specifications to remove:
      docker_python  [ROOT]/prefix/share/jupyter/kernels/docker_python
        with `notes.txt`, which somebody has added
    Remove? [y/N]
    [I [TIME] DockerSpecInstaller] Removed kernelspec docker_python in [ROOT]/prefix/share/jupyter/kernels/docker_python
    ");
    assert!(!specification.exists());
}

#[test]
fn several_go_or_none() {
    let sandbox = Sandbox::new();
    for name in ["a", "b", "c"] {
        sandbox.installed(&["--kernel-name", name]);
    }
    let before = sandbox.tree("prefix");
    assert_snapshot!(remove(&sandbox, &["-y", "a", "docker_pyton", "b"]).error(), @"there is no kernelspec `docker_pyton` in [ROOT]/prefix/share/jupyter/kernels, [ROOT]/home/.local/share/jupyter/kernels, /usr/local/share/jupyter/kernels, /usr/share/jupyter/kernels");
    assert_eq!(sandbox.tree("prefix"), before);
    let outcome = remove(&sandbox, &["--yes", "a", "C", "a"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert_eq!(fs::read_dir(sandbox.path("prefix").join(KERNELS)).unwrap().count(), 1);
    assert_eq!(remove(&sandbox, &["-y"]).code(), Some(2));
}

#[test]
fn only_docker_specifications_unless_forced() {
    let sandbox = Sandbox::new();
    let other = sandbox.file(format!("prefix/{KERNELS}/other/kernel.json"), r#"{"argv": []}"#);
    let broken = sandbox.file(format!("prefix/{KERNELS}/broken/kernel.json"), "{");
    sandbox.file(format!("prefix/{KERNELS}/broken/scripts/launch_docker"), "");
    assert_snapshot!(remove(&sandbox, &["-y", "other"]).error(), @"`other` in [ROOT]/prefix/share/jupyter/kernels/other is no Docker kernel specification; remove it with --force");
    assert!(other.exists());
    let outcome = remove(&sandbox, &["-y", "broken"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert!(!broken.exists());
    let outcome = remove(&sandbox, &["-y", "--force", "other"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert!(!other.exists());
}

#[test]
fn the_one_goes_that_jupyter_finds_or_the_one_that_is_named() {
    let sandbox = Sandbox::new();
    let first = sandbox.installed(&[]);
    sandbox.install(&["--user"]);
    let second = sandbox.path("home/.local/share/jupyter/kernels/docker_python");
    assert_snapshot!(remove(&sandbox, &["-y", "docker_python"]), @"
    exit status: 0
    ----- stderr -----
    [I [TIME] DockerSpecInstaller] Removed kernelspec docker_python in [ROOT]/prefix/share/jupyter/kernels/docker_python
    [I [TIME] DockerSpecInstaller] docker_python is now the one in [ROOT]/home/.local/share/jupyter/kernels/docker_python
    ");
    assert!(!first.exists() && second.exists());
    sandbox.installed(&[]);
    let outcome = remove(&sandbox, &["-y", "--user", "docker_python"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert!(first.exists() && !second.exists());
    let missing = remove(&sandbox, &["-y", "--user", "docker_python"]);
    assert!(missing.error().starts_with("there is no kernelspec `docker_python` in [ROOT]/home/"));
    let both = remove(&sandbox, &["-y", "--user", "--prefix=prefix", "docker_python"]);
    assert!(both.error().starts_with("Can't specify both user and prefix."), "{both}");
    let outcome = remove(&sandbox, &["-y", "--prefix=prefix", "docker_python"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert!(!first.exists());
}

#[test]
fn of_a_link_only_the_link_goes() {
    let sandbox = Sandbox::new();
    let specification = sandbox.installed(&[]);
    let link = specification.with_file_name("linked");
    symlink(&specification, &link).unwrap();
    let outcome = remove(&sandbox, &["-y", "linked"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert!(fs::symlink_metadata(&link).is_err());
    assert!(specification.join("kernel.json").exists());
}

#[test]
fn without_the_permission_nothing_goes() {
    let sandbox = Sandbox::new();
    sandbox.installed(&[]);
    let before = sandbox.tree("prefix");
    let outcome = sandbox.run(&mut as_user(1234, remover(&sandbox).args(["-y", "docker_python"])));
    assert_snapshot!(outcome.error(), @"could not write to the directory `[ROOT]/prefix/share/jupyter/kernels`: Permission denied (os error 13); run the command as root, or install for yourself with --user");
    assert_eq!(sandbox.tree("prefix"), before);
}
