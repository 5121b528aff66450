//! What `set` leaves of the files that it changes and of those beside them, alone and with others.

use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;
use std::process::Stdio;

use fs_err as fs;
use rustix::fs::{Gid, Uid, chown};

use crate::sandbox::{INSTALLER, KERNELS, Sandbox, as_user, contents, set_mode};
use crate::set::{installed, kernel_json, options, options_path, said, set};

#[test]
fn a_specification_that_is_closed_to_others_stays_so() {
    let sandbox = Sandbox::new();
    let specification = installed(&sandbox, &[]);
    fs::create_dir(specification.join("empty")).unwrap();
    fs::write(specification.join("mine"), "").unwrap();
    for (path, mode) in [
        ("kernel.json", 0o600),
        ("scripts/launch_docker.toml", 0o640),
        ("mine", 0o400),
        ("scripts", 0o711),
        ("empty", 0o700),
        ("", 0o750),
    ] {
        set_mode(&specification.join(path), mode);
    }
    let before = sandbox.tree("prefix");
    let outcome = set(&sandbox, &["docker_python", "--memory=1g", "--image-name=x:1"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert_eq!(sandbox.tree("prefix"), before);
    assert!(kernel_json(&specification).contains("x:1"));
}

#[test]
fn all_other_files_are_the_same_files() {
    let sandbox = Sandbox::new();
    let specification = installed(&sandbox, &[]);
    fs::write(specification.join("secret"), "mine").unwrap();
    set_mode(&specification.join("secret"), 0o600);
    symlink("/nowhere", specification.join("link")).unwrap();
    set_mode(&options_path(&specification), 0o640);
    let files = ["secret", "scripts/launch_docker", "logo-svg.svg", "link", "kernel.json"];
    let look = || files.map(|file| fs::symlink_metadata(specification.join(file)).unwrap().ino());
    let before = (sandbox.tree(&specification), look());
    assert_eq!(set(&sandbox, &["docker_python", "--memory=1g"]).code(), Some(0));
    let after = (sandbox.tree(&specification), look());
    assert_eq!(after.0, before.0);
    assert_eq!(after.1[..4], before.1[..4]);
}

#[test]
fn a_secret_is_told_unless_nobody_else_can_read_it() {
    let sandbox = Sandbox::new();
    let specification = installed(&sandbox, &[]);
    let words = ["docker_python", "--env=PASSWORD=geheim"];
    let dry = set(&sandbox, &[&words[..], &["--dry-run"]].concat());
    for outcome in [dry, set(&sandbox, &words)] {
        assert_eq!(outcome.code(), Some(0), "{outcome}");
        let place = "[ROOT]/prefix/share/jupyter/kernels/docker_python/scripts/launch_docker.toml";
        let warning = format!("read PASSWORD, with its value, in {place} (`environment`)");
        assert!(outcome.stderr.contains(&warning), "{outcome}");
        assert!(!outcome.stderr.contains("geheim"), "{outcome}");
        assert!(said(&outcome).ends_with(": environment.PASSWORD (new)"), "{outcome}");
    }
    set_mode(&options_path(&specification), 0o600);
    let outcome = set(&sandbox, &["docker_python", "--env=PASSWORD=secret"]);
    assert!(!outcome.stderr.contains("[W"), "{outcome}");
    assert!(said(&outcome).ends_with(": environment.PASSWORD"), "{outcome}");
}

#[test]
fn ends_of_lines_stay_as_they_are() {
    let sandbox = Sandbox::new();
    let specification = installed(&sandbox, &["--memory=1g"]);
    for path in [specification.join("kernel.json"), options_path(&specification)] {
        let text = fs::read_to_string(&path).unwrap().replace('\n', "\r\n");
        fs::write(&path, text).unwrap();
    }
    let words = ["docker_python", "--memory=2g", "--init", "--port-range=2000..4000"];
    let outcome = set(&sandbox, &words);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let (json, toml) = (kernel_json(&specification), options(&specification));
    assert!(toml.contains("\r\nmem_limit = \"2g\"\r\n") && toml.contains("\r\ninit = true\r\n"));
    assert!(json.contains("\"port_range\": \"2000..4000\"\r\n"), "{json}");
    for text in [json, toml] {
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    }
}

#[test]
fn of_several_at_once_none_is_lost() {
    let sandbox = Sandbox::new();
    let specification = installed(&sandbox, &[]);
    let start = |words: &[&str]| {
        let mut command = sandbox.command(INSTALLER);
        command.args(["set", "docker_python"]).args(words);
        command.env("JUPYTER_PATH", sandbox.path("prefix/share/jupyter"));
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let all = [
        (["--memory=1g"], "mem_limit = \"1g\""),
        (["--cpus=2"], "cpus = \"2\""),
        (["--init"], "init = true"),
        (["--hostname=h"], "hostname = \"h\""),
        (["--shm-size=1m"], "shm_size = \"1m\""),
        (["--image-name=x:1"], "\"x:1\""),
        (["--launch-timeout=60"], "\"launch_timeout\": 60"),
        (["--port-range=2000..4000"], "\"2000..4000\""),
    ];
    let mut left: Vec<_> = all.iter().collect();
    while !left.is_empty() {
        let children: Vec<_> = left.iter().map(|(words, _)| start(words)).collect();
        let mut again = Vec::new();
        for (child, one) in children.into_iter().zip(left) {
            let outcome = sandbox.outcome(&child.wait_with_output().unwrap());
            if outcome.code() != Some(0) {
                assert!(outcome.error().ends_with("run the command again"), "{outcome}");
                again.push(one);
            }
        }
        assert!(again.len() < all.len(), "none has changed anything");
        left = again;
    }
    let text = kernel_json(&specification) + &options(&specification);
    for (_, line) in all {
        assert!(text.contains(line), "{line} in {text}");
    }
}

#[test]
fn who_may_not_write_is_told_what_to_do() {
    const STRANGER: u32 = 54321;
    let sandbox = Sandbox::new();
    let program = sandbox.program(INSTALLER, "jupyter-docker-spec");
    let specification = installed(&sandbox, &[]);
    let before = contents(&specification);
    let mut command = sandbox.command(program);
    command.args(["set", "docker_python", "--image-name=x:1"]);
    command.env("JUPYTER_PATH", sandbox.path("prefix/share/jupyter"));
    let place = "could not change `[ROOT]/prefix/share/jupyter/kernels/docker_python`";
    let outcome = sandbox.run(&mut as_user(STRANGER, &command));
    let expected = "could not write to the directory `[ROOT]/prefix/share/jupyter/kernels`: Permission \
                    denied (os error 13); run the command as root, or install for yourself with --user";
    assert_eq!(outcome.error(), format!("{place}: {expected}"), "{outcome}");
    // Who may put something beside it may not change it.
    set_mode(&sandbox.path("prefix").join(KERNELS), 0o777);
    let outcome = sandbox.run(&mut as_user(STRANGER, &command));
    let expected = "you may not write to `[ROOT]/prefix/share/jupyter/kernels/docker_python`; run the command \
                    as its owner or as root";
    assert_eq!(outcome.error(), format!("{place}: {expected}"), "{outcome}");
    assert!(contents(&specification) == before);
}

/// Nobody can give a file to a group that he is not in.
#[test]
fn who_may_read_a_file_stays_the_same_where_its_group_cannot_be_kept() {
    const OWNER: u32 = 54321;
    let sandbox = Sandbox::new();
    let program = sandbox.program(INSTALLER, "jupyter-docker-spec");
    let specification = installed(&sandbox, &[]);
    // Without root's rights no file can be given to such a group in the first place.
    let of_another = rustix::process::geteuid().is_root();
    let give = |path: &Path, group: u32| {
        if of_another {
            let (owner, group) = (Some(Uid::from_raw(OWNER)), Some(Gid::from_raw(group)));
            chown(path, owner, group).unwrap();
        }
    };
    give(&sandbox.path("prefix").join(KERNELS), OWNER);
    give(&specification, OWNER);
    let file = specification.join("kernel.json");
    for (mode, changed) in [(0o644, true), (0o604, true), (0o640, !of_another)] {
        give(&file, 0);
        set_mode(&file, mode);
        let before = kernel_json(&specification);
        let mut command = sandbox.command(&program);
        command.args(["set", "docker_python", &format!("--image-name=x:{mode}")]);
        command.env("JUPYTER_PATH", sandbox.path("prefix/share/jupyter"));
        let outcome = sandbox.run(&mut as_user(OWNER, &command));
        if changed {
            assert_eq!(outcome.code(), Some(0), "{mode:o}: {outcome}");
            assert!(kernel_json(&specification).contains(&format!("x:{mode}")), "{mode:o}");
        } else {
            assert!(outcome.error().contains("could not give the owner of"), "{outcome}");
            assert_eq!(kernel_json(&specification), before);
        }
    }
}

#[test]
fn no_link_is_followed() {
    let sandbox = Sandbox::new();
    let specification = installed(&sandbox, &[]);
    symlink("docker_python", specification.with_file_name("linked")).unwrap();
    let outcome = set(&sandbox, &["linked", "--image-name=x:1"]);
    assert_eq!(
        outcome.error(),
        "`[ROOT]/prefix/share/jupyter/kernels/linked` is a symbolic link; name what it leads to, \
         `[ROOT]/prefix/share/jupyter/kernels/docker_python`"
    );
    let elsewhere = sandbox.path("elsewhere.json");
    fs::rename(specification.join("kernel.json"), &elsewhere).unwrap();
    symlink(&elsewhere, specification.join("kernel.json")).unwrap();
    let before = fs::read_to_string(&elsewhere).unwrap();
    let outcome = set(&sandbox, &["docker_python", "--image-name=x:1"]);
    assert!(outcome.error().contains("must be a plain file and no link"), "{outcome}");
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), before);
}

#[test]
fn a_specification_for_another_place_can_be_told_its_image_only() {
    let sandbox = Sandbox::new();
    let specification = installed(&sandbox, &[]);
    let root = sandbox.root().to_str().unwrap();
    let text = kernel_json(&specification).replace(root, "/elsewhere");
    fs::write(specification.join("kernel.json"), text).unwrap();
    let outcome = set(&sandbox, &["docker_python", "--image-name=x:1"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert!(
        outcome.stderr.contains("[W [TIME] DockerSpecInstaller] Kernelspec `docker_python` in")
    );
    assert!(kernel_json(&specification).contains("x:1"));
    // Whether what lies elsewhere reads it is not known.
    let outcome = set(&sandbox, &["docker_python", "--memory=1g"]);
    assert!(outcome.error().contains("is missing; mend that first"), "{outcome}");
    // Nor what somebody is at, or has left in the middle.
    fs::write(specification.join(".replacing"), "").unwrap();
    let outcome = set(&sandbox, &["docker_python", "--image-name=x:2"]);
    assert!(outcome.error().contains("its files are being replaced"), "{outcome}");
}
