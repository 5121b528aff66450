//! Which files a specification has in common with the one that it replaces, and with those that are
//! installed together with it.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use fs_err as fs;

use crate::sandbox::{INSTALLER, KERNELS, Outcome, Sandbox};

const LAUNCHER: &str = "scripts/launch_docker";

/// A sandbox with the installer, and a launcher beside it that is ours as far as it knows.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.program(INSTALLER, "bin/jupyter-docker-spec");
    sandbox.executable("bin/launch_docker", &tiny_launcher("1.2.3-first"));
    sandbox
}

/// The least that is taken for a launcher of ours: the headers of a program of 64 bits with one segment, and
/// its version.
fn tiny_launcher(version: &str) -> String {
    const TABLE: u8 = 64;
    const ENTRY: u8 = 56;
    let mut headers = [0; (TABLE + ENTRY) as usize];
    headers[..6].copy_from_slice(b"\x7fELF\x02\x01");
    for (at, number) in [(32, TABLE), (54, ENTRY), (56, 1), (96, TABLE + ENTRY)] {
        headers[at] = number;
    }
    format!("{}launch_docker {version}\n", String::from_utf8_lossy(&headers))
}

fn install(sandbox: &Sandbox, words: &[&str]) -> Outcome {
    let mut command = sandbox.command(sandbox.path("bin/jupyter-docker-spec"));
    let outcome = sandbox.run(command.arg("install").args(words));
    assert_eq!(outcome.code(), Some(0), "{words:?}: {outcome}");
    outcome
}

fn kernel(sandbox: &Sandbox, name: &str) -> PathBuf {
    sandbox.path("p").join(KERNELS).join(name)
}

/// The number of a file, and how many names it has.
fn file(path: &Path) -> (u64, u64) {
    let metadata = fs::symlink_metadata(path).unwrap();
    assert!(metadata.is_file(), "{}", path.display());
    (metadata.ino(), metadata.nlink())
}

#[test]
fn what_is_replaced_by_the_same_stays() {
    let sandbox = sandbox();
    let words = ["--prefix=p", "--kernel-name=k"];
    install(&sandbox, &words);
    let of = |path: &str| file(&kernel(&sandbox, "k").join(path));
    let (launcher, kernel_json) = (of(LAUNCHER), of("kernel.json"));
    assert_eq!((launcher.1, kernel_json.1), (1, 1));
    let outcome = install(&sandbox, &[&words[..], &["--replace", "--display-name=New"]].concat());
    assert!(outcome.stderr.contains("Removing existing kernelspec"), "{outcome}");
    assert!(of("kernel.json").0 != kernel_json.0);
    assert_eq!(Sandbox::kernel_json(&kernel(&sandbox, "k"))["display_name"], "New");

    // And of all of it, when nothing changes.
    let (launcher, kernel_json) = (of(LAUNCHER), of("kernel.json"));
    let outcome = install(&sandbox, &[&words[..], &["--replace", "--display-name=New"]].concat());
    assert!(outcome.stderr.contains("Keeping existing kernelspec in"), "{outcome}");
    assert!(!outcome.stderr.contains("Removing"), "{outcome}");
    assert_eq!((of(LAUNCHER), of("kernel.json")), (launcher, kernel_json));

    // An upgrade of the tool, by a new file or in the old one, changes nothing in what is installed.
    fs::write(sandbox.path("bin/launch_docker"), tiny_launcher("1.2.4-later")).unwrap();
    let text = |name: &str| fs::read_to_string(kernel(&sandbox, name).join(LAUNCHER)).unwrap();
    assert!(text("k").contains("first"));
    install(&sandbox, &[&words[..], &["--replace"]].concat());
    assert!(text("k").contains("later"));
    assert_eq!(of(LAUNCHER).1, 1);
}

#[test]
fn of_one_file_of_specifications_only_the_native_launcher_is_one() {
    let sandbox = sandbox();
    sandbox.executable("own", "#!/bin/sh\n");
    sandbox.file(
        "kernels.toml",
        "[defaults]\nprefix = \"p\"\n\
         [[kernel]]\nkernel-name = \"a\"\n[[kernel]]\nkernel-name = \"b\"\nlanguage = \"R\"\n\
         [[kernel]]\nkernel-name = \"c\"\nlauncher = \"own\"\n\
         [[kernel]]\nkernel-name = \"d\"\nlauncher = \"own\"\n\
         [[kernel]]\nkernel-name = \"e\"\nlauncher = \"python\"\n\
         [[kernel]]\nkernel-name = \"f\"\nlauncher = \"python\"\n",
    );
    for words in [&["--file=kernels.toml"][..], &["--file=kernels.toml", "--replace"]] {
        install(&sandbox, words);
        let (a, b) = (file(&kernel(&sandbox, "a").join(LAUNCHER)), kernel(&sandbox, "b"));
        assert_eq!(a.1, 2);
        assert_eq!(a, file(&b.join(LAUNCHER)));
        for (path, entry) in crate::sandbox::contents(&sandbox.path("p").join(KERNELS)) {
            let shared =
                path.ends_with(LAUNCHER) && (path.starts_with("a") || path.starts_with("b"));
            if matches!(entry, crate::sandbox::Entry::File(..)) && !shared {
                let path = sandbox.path("p").join(KERNELS).join(path);
                assert_eq!(file(&path).1, 1, "{}", path.display());
            }
        }
    }

    // What somebody writes into one launcher in Python is in no other.
    let script = |name: &str| kernel(&sandbox, name).join("scripts/launch_docker.py");
    let before = fs::read(script("f")).unwrap();
    fs::write(script("e"), "# mine\n").unwrap();
    assert!(fs::read(script("f")).unwrap() == before);
    // A new launcher of one is not that of the others, and each is removed by itself.
    sandbox.executable("bin/launch_docker", &tiny_launcher("1.2.4-later"));
    install(&sandbox, &["--prefix=p", "--kernel-name=a", "--replace"]);
    let text = |name: &str| fs::read_to_string(kernel(&sandbox, name).join(LAUNCHER)).unwrap();
    assert!(text("a").contains("later") && text("b").contains("first"));
    let mut remove = sandbox.command(INSTALLER);
    let outcome = sandbox.run(remove.args(["remove", "-y", "--prefix=p", "a"]));
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert!(text("b").contains("first") && !kernel(&sandbox, "a").exists());
}
