//! `jupyter-docker-spec rename`, and specifications that were copied.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use fs_err as fs;
use insta::assert_snapshot;
use serde_json::Value;

use crate::local::installer;
use crate::sandbox::{INSTALLER, Outcome, Sandbox, set_mode};

const KERNELS: &str = "p/share/jupyter/kernels";

fn installed(sandbox: &Sandbox, name: &str, words: &[&str]) -> PathBuf {
    let name = format!("--kernel-name={name}");
    let words = [&["--prefix=p", "--image-name=i", &name], words].concat();
    let outcome = sandbox.run(&mut installer(sandbox, &words));
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    sandbox.path(KERNELS).join(name.trim_start_matches("--kernel-name="))
}

fn run(sandbox: &Sandbox, words: &[&str]) -> Outcome {
    let data = sandbox.path("p/share/jupyter");
    sandbox.run(sandbox.command(INSTALLER).args(words).env("JUPYTER_PATH", data))
}

/// The launcher that `kernel.json` runs.
fn launcher(specification: &Path) -> String {
    let text = fs::read_to_string(specification.join("kernel.json")).unwrap();
    let read: Value = serde_json::from_str(&text).unwrap();
    read["argv"][0].as_str().unwrap().to_owned()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn everything_goes_along_and_the_launcher_is_its_own() {
    let sandbox = Sandbox::new();
    for local in [&[][..], &["--local"]] {
        let old = installed(&sandbox, "old", local);
        fs::write(old.join("scripts/launch_docker.toml"), "image = 'i' # mine\n").unwrap();
        fs::write(old.join("notes"), "kept").unwrap();
        set_mode(&old.join("scripts/launch_docker.toml"), 0o600);
        set_mode(&old.join("kernel.json"), 0o640);
        fs::create_dir_all(old.join("private/empty")).unwrap();
        set_mode(&old.join("private"), 0o700);
        set_mode(&old, 0o750);
        let json = fs::read_to_string(old.join("kernel.json")).unwrap();
        let outcome = run(&sandbox, &["rename", "OLD", "New one"]);
        assert_eq!(outcome.code(), Some(0), "{outcome}");
        assert!(outcome.stderr.ends_with("kernels/old to new_one\n"), "{outcome}");
        assert!(!old.exists());
        let new = old.with_file_name("new_one");
        let text = fs::read_to_string(new.join("kernel.json")).unwrap();
        assert_eq!(text, json.replace("/kernels/old/", "/kernels/new_one/"));
        let options = new.join("scripts/launch_docker.toml");
        assert_eq!(fs::read_to_string(&options).unwrap(), "image = 'i' # mine\n");
        assert_eq!(fs::read_to_string(new.join("notes")).unwrap(), "kept");
        assert_eq!((mode(&options), mode(&new.join("kernel.json"))), (0o600, 0o640));
        assert_eq!(mode(&new.join("scripts/launch_docker")), 0o755);
        let modes = ["", "private", "private/empty", "scripts"].map(|path| mode(&new.join(path)));
        assert_eq!(modes, [0o750, 0o700, 0o755, 0o755]);
        assert!(!new.join(".changing").exists());
        fs::remove_dir_all(&new).unwrap();
    }
}

#[test]
fn nothing_is_overwritten() {
    let sandbox = Sandbox::new();
    installed(&sandbox, "one", &[]);
    let two = installed(&sandbox, "two", &["--display-name=Two"]);
    let before = sandbox.tree(KERNELS);
    assert_snapshot!(run(&sandbox, &["rename", "one", "two"]).error(), @"there is a kernelspec `two` already, in [ROOT]/p/share/jupyter/kernels/two; choose another name, or remove that one first");
    assert_snapshot!(run(&sandbox, &["rename", "one", "../two"]).error(), @"Invalid kernel name `../two`: it has a character that Jupyter does not allow in a kernel's name. Kernel names can only contain ASCII letters and numbers and these separators: - . _ (hyphen, period, and underscore).");
    assert_snapshot!(run(&sandbox, &["rename", "three", "four"]).error(), @"there is no kernelspec `three` in [ROOT]/p/share/jupyter/kernels, [ROOT]/home/.local/share/jupyter/kernels, /usr/local/share/jupyter/kernels, /usr/share/jupyter/kernels; those for Docker are `one`, `two`");
    assert_snapshot!(run(&sandbox, &["rename", "./one", "four", "--user"]).error(), @"`./one` says where it lies already; leave out the other option");
    fs::write(two.join(".replacing"), "").unwrap();
    assert_snapshot!(run(&sandbox, &["rename", "two", "four"]).error(), @"the files in [ROOT]/p/share/jupyter/kernels/two are being replaced; if they still are when nothing does so any more, install it again with --replace");
    fs::remove_file(two.join(".replacing")).unwrap();
    let link = two.with_file_name("link");
    std::os::unix::fs::symlink(&two, &link).unwrap();
    assert_snapshot!(run(&sandbox, &["rename", "link", "four"]).error(), @"`[ROOT]/p/share/jupyter/kernels/link` is a symbolic link; name what it leads to, `[ROOT]/p/share/jupyter/kernels/two`");
    fs::remove_file(link).unwrap();
    assert_eq!(sandbox.tree(KERNELS), before);
    let outcome = run(&sandbox, &["rename", "--prefix=p", "one", "four"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert!(sandbox.path(KERNELS).join("four").exists());
}

#[test]
fn what_is_changed_meanwhile_is_not_lost() {
    let sandbox = Sandbox::new();
    for round in 0..10 {
        let old = installed(&sandbox, "old", &[]);
        let (set, renamed) = std::thread::scope(|scope| {
            let set = scope.spawn(|| run(&sandbox, &["set", "old", "--display-name=Changed"]));
            let renamed = run(&sandbox, &["rename", "old", "new"]);
            (set.join().unwrap(), renamed)
        });
        let (gone, there) = (old.with_file_name("new"), old);
        let left = if renamed.code() == Some(0) { gone } else { there };
        let text = fs::read_to_string(left.join("kernel.json")).unwrap();
        assert_eq!(text.contains("Changed"), set.code() == Some(0), "{round}: {set} {renamed}");
        fs::remove_dir_all(left).unwrap();
    }
}

#[test]
fn a_copy_runs_the_launcher_of_another_until_it_is_mended() {
    let sandbox = Sandbox::new();
    let one = installed(&sandbox, "one", &["--local"]);
    let copy = one.with_file_name("copy");
    let done = std::process::Command::new("cp").arg("-r").args([&one, &copy]).status().unwrap();
    assert!(done.success());
    let outcome = run(&sandbox, &["list"]);
    assert_snapshot!(outcome.stdout, @"
    NAME  DISPLAY NAME   LANGUAGE  IMAGE  MODE    SYSTEM  LAUNCHER      PATH
    copy  Docker Python  python    i      docker  local   native 1.2.3  [ROOT]/p/share/jupyter/kernels/copy
      copied: it runs [ROOT]/p/share/jupyter/kernels/one/scripts/launch_docker, and launch_docker.toml beside that counts; `jupyter-docker-spec rename copy copy` has it run its own
    one   Docker Python  python    i      docker  local   native 1.2.3  [ROOT]/p/share/jupyter/kernels/one
    ");
    let outcome = run(&sandbox, &["check", "copy"]);
    assert!(outcome.stdout.contains("`jupyter-docker-spec rename copy copy`"), "{outcome}");
    let outcome = run(&sandbox, &["rename", "copy", "copy"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert_eq!(launcher(&copy), copy.join("scripts/launch_docker").to_str().unwrap());
    assert_eq!(launcher(&one), one.join("scripts/launch_docker").to_str().unwrap());
    assert!(!run(&sandbox, &["list"]).stdout.contains("copied"));

    // One whose launcher lies elsewhere on purpose stays as it is.
    fs::remove_file(copy.join("scripts/launch_docker")).unwrap();
    let text = fs::read_to_string(copy.join("kernel.json")).unwrap();
    fs::write(copy.join("kernel.json"), text.replace("/kernels/copy/", "/kernels/one/")).unwrap();
    assert!(!run(&sandbox, &["list"]).stdout.contains("copied"));
    let outcome = run(&sandbox, &["rename", "copy", "other"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert_eq!(launcher(&copy.with_file_name("other")), launcher(&one));
}
