//! Links that other users of the machine may have put into a kernels directory, and what they may put there
//! while a command is at work: docs/security.md.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use fs_err as fs;

use crate::hostile::{RAW, command, run, with_settings};
use crate::sandbox::{Entry, KERNELS, STAGING, Sandbox, as_user, contents, in_shell, set_mode};

/// Another user of the machine.
const OTHER: u32 = 4321;

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// What must not change, beside the kernels directory.
fn treasure(sandbox: &Sandbox) -> PathBuf {
    for file in ["kernel.json", "scripts/launch_docker", "scripts/launch_docker.py", "deep/x"] {
        sandbox.file(format!("treasure/{file}"), "precious");
    }
    set_mode(&sandbox.path("treasure/kernel.json"), 0o600);
    sandbox.path("treasure")
}

#[test]
fn no_link_in_a_specification_is_followed_by_what_changes_it() {
    for link in ["", "scripts", "kernel.json", "scripts/launch_docker.py", "more", "logo-64x64.png"]
    {
        let sandbox = Sandbox::new();
        let treasure = treasure(&sandbox);
        let target =
            if link.contains('.') { treasure.join("kernel.json") } else { treasure.clone() };
        let before = contents(&treasure);
        let put = || {
            let specification = with_settings(&sandbox, |_| {});
            // Without a slash at its end where it is the specification itself.
            let path: PathBuf = specification.join(link).components().collect();
            let _ = fs::remove_file(&path);
            let _ = fs::remove_dir_all(&path);
            symlink(&target, path).unwrap();
            specification
        };
        let specification = put();
        let replace = format!("--prefix={}", sandbox.path("prefix").display());
        sandbox.install(&[&replace, "--kernel-name=k", "--replace"]);
        assert!(contents(&treasure) == before, "replaced: {link}");
        for words in [
            &["set", "k", "--image-name=x:1"][..],
            &["convert", "k"],
            &["remove", "-y", "--force", "k"],
        ] {
            let _ = fs::remove_file(&specification);
            let _ = fs::remove_dir_all(&specification);
            let specification = put();
            run(&sandbox, words);
            assert!(contents(&treasure) == before, "{words:?}: {link}");
            let copied =
                |entry: &Entry| matches!(entry, Entry::File(_, text) if text == b"precious");
            let mut files = contents(&specification).into_iter();
            let told = files.find(|(_, entry)| !specification.is_symlink() && copied(entry));
            assert!(told.is_none(), "{words:?}: {link}: {told:?}");
        }
    }
}

/// Has another process exchange a directory for a link as fast as it can.
fn while_exchanging(directory: &Path, target: &Path, work: impl FnOnce()) {
    let (going, beside) = (AtomicBool::new(true), directory.with_extension("away"));
    thread::scope(|scope| {
        scope.spawn(|| {
            while going.load(Ordering::Relaxed) {
                if fs::rename(directory, &beside).is_ok() {
                    let _ = symlink(target, directory);
                    thread::sleep(Duration::from_micros(200));
                    let _ = fs::remove_file(directory);
                    let _ = fs::rename(&beside, directory);
                }
                // What the command has put there meanwhile.
                let _ = fs::remove_dir_all(&beside);
            }
        });
        work();
        going.store(false, Ordering::Relaxed);
    });
    let _ = fs::remove_file(directory);
}

#[test]
fn whoever_exchanges_a_specification_for_a_link_meanwhile_changes_nothing_elsewhere() {
    let sandbox = Sandbox::new();
    let treasure = treasure(&sandbox);
    let before = contents(&treasure);
    let kernels = sandbox.path("prefix").join(KERNELS);
    let specification = with_settings(&sandbox, |_| {});
    let replace = format!("--prefix={}", sandbox.path("prefix").display());
    while_exchanging(&specification, &treasure, || {
        for _ in 0..12 {
            sandbox.install(&[&replace, "--kernel-name=k", "--launcher=python", "--replace"]);
            run(&sandbox, &["set", "k", "--image-name=x:1"]);
            run(&sandbox, &["convert", "k"]);
            run(&sandbox, &["remove", "-y", "k"]);
        }
    });
    assert!(contents(&treasure) == before);
    fs::remove_dir_all(kernels).unwrap();
}

#[test]
fn whoever_exchanges_the_staging_directory_meanwhile_changes_nothing_elsewhere() {
    let sandbox = Sandbox::new();
    let treasure = treasure(&sandbox);
    let before = contents(&treasure);
    let kernels = sandbox.path("prefix").join(KERNELS);
    fs::create_dir_all(&kernels).unwrap();
    let going = AtomicBool::new(true);
    let replace = format!("--prefix={}", sandbox.path("prefix").display());
    thread::scope(|scope| {
        scope.spawn(|| {
            while going.load(Ordering::Relaxed) {
                for entry in fs::read_dir(&kernels).into_iter().flatten().flatten() {
                    let path = entry.path();
                    if path.file_name().unwrap().to_string_lossy().starts_with(STAGING)
                        && fs::rename(&path, kernels.join("away")).is_ok()
                    {
                        let _ = symlink(&treasure, &path);
                        thread::sleep(Duration::from_micros(200));
                        let _ = fs::remove_file(&path);
                        let _ = fs::rename(kernels.join("away"), &path);
                    }
                }
            }
        });
        for _ in 0..30 {
            sandbox.install(&[&replace, "--kernel-name=k", "--replace"]);
        }
        going.store(false, Ordering::Relaxed);
    });
    assert!(contents(&treasure) == before);
    fs::remove_dir_all(kernels).unwrap();
}

#[test]
fn nobody_else_may_write_to_what_is_being_made_or_was() {
    let sandbox = Sandbox::new();
    // Copying it takes long enough to look.
    let launcher = sandbox.file("slow.py", vec![b'\n'; 100 << 20]);
    let mut installer = sandbox.installer();
    installer.args(["--prefix=p", "--kernel-name=k", "--launcher"]).arg(launcher);
    let mut child = in_shell("umask 0; exec \"$@\"", &installer).spawn().unwrap();
    let mut seen = 0;
    while child.try_wait().unwrap().is_none() {
        for entry in fs::read_dir(sandbox.path("p").join(KERNELS)).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            let mode = metadata.permissions().mode() & 0o7777;
            let is_staging = entry.file_name().to_string_lossy().starts_with(STAGING);
            assert_eq!(mode, if is_staging { 0o700 } else { 0o755 });
            seen += usize::from(is_staging);
        }
    }
    assert!(seen > 0 && child.wait().unwrap().success());
    for (path, entry) in contents(&sandbox.path("p")) {
        let entry = format!("{entry:?}");
        assert!(
            ["d0755", "-0755", "-0644"].contains(&entry.as_str()),
            "{entry} {}",
            path.display()
        );
    }
}

#[test]
fn a_file_that_others_may_change_becomes_no_part_of_a_new_specification() {
    let sandbox = Sandbox::new();
    let specification = sandbox.installed(&["--kernel-name=k", "--launcher=python"]);
    for path in ["scripts/launch_docker.py", "kernel.json", "logo-64x64.png"] {
        let file = specification.join(path);
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        set_mode(&file, 0o666);
        // Who has it open to write can do so whatever becomes of its mode.
        let opened = fs::OpenOptions::new().append(true).open(&file).unwrap();
        sandbox.installed(&["--kernel-name=k", "--launcher=python", "--replace"]);
        std::io::Write::write_all(&mut { opened }, b"evil").unwrap();
        assert!(!fs::read(&file).unwrap().ends_with(b"evil"), "{path}");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode(), mode, "{path}");
    }
}

#[test]
fn a_staging_directory_of_somebody_else_removes_nothing() {
    let sandbox = Sandbox::new();
    let kernels = sandbox.path("prefix").join(KERNELS);
    fs::create_dir_all(kernels.join("half/scripts")).unwrap();
    fs::create_dir_all(&kernels).unwrap();
    // The system's administrator: only he can be somebody else here.
    if !is_root() {
        return;
    }
    set_mode(&kernels, 0o1777);
    let staging = kernels.join(format!("{STAGING}x,removes=half"));
    let mut make = sandbox.command("mkdir");
    make.arg(&staging);
    assert!(as_user(OTHER, &make).status().unwrap().success());
    // A pipe of such a name is not waited for.
    let pipe = kernels.join(format!("{STAGING}pipe"));
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());

    sandbox.installed(&["--kernel-name=k"]);
    let outcome = run(&sandbox, &["remove", "-y", "half"]);
    assert_eq!(outcome.code(), Some(1), "{outcome}");
    assert!(kernels.join("half/scripts").exists() && staging.exists());
    fs::remove_dir(staging).unwrap();
    fs::remove_file(pipe).unwrap();
}

#[test]
fn surroundings_that_are_not_what_they_seem() {
    let sandbox = Sandbox::new();
    let treasure = treasure(&sandbox);
    let before = contents(&treasure);
    symlink(&treasure, sandbox.path("link")).unwrap();
    let pipe = sandbox.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for variable in ["TMPDIR", "HOME", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_PATH"] {
        for value in
            ["/nonexistent", "/dev/null", "/proc", "\u{1b}[2J", "..", pipe.to_str().unwrap()]
        {
            let mut command = command(&sandbox, &["list"]);
            let outcome = sandbox.run(command.env(variable, value));
            assert_eq!(outcome.code(), Some(0), "{variable}={value}: {outcome}");
            assert!(!outcome.stderr.contains(RAW), "{outcome}");
        }
        let mut install = sandbox.installer();
        install.args(["--prefix=p", "--replace"]).env(variable, sandbox.path("link"));
        let outcome = sandbox.run(&mut install);
        assert_eq!(outcome.code(), Some(0), "{variable}: {outcome}");
        assert!(contents(&treasure) == before, "{variable}");
    }
    fs::remove_file(pipe).unwrap();
}

#[test]
fn who_may_only_read_keeps_no_command_waiting_with_a_lock() {
    let sandbox = Sandbox::new();
    let specification = sandbox.installed(&["--kernel-name=k"]);
    let kernels = specification.parent().unwrap().to_path_buf();
    let read = ["", "kernel.json", "scripts"].map(|path| specification.join(path));
    let locked: Vec<fs::File> = [kernels]
        .into_iter()
        .chain(read)
        .map(|path| {
            let file = fs::File::open(path).unwrap();
            rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).unwrap();
            file
        })
        .collect();
    let prefix = format!("--prefix={}", sandbox.path("prefix").display());
    for words in [
        &["install", &prefix, "--kernel-name=k", "--replace", "--launcher=python"][..],
        &["install", &prefix, "--kernel-name=new", "--launcher=python"],
        &["convert", "k"],
        &["remove", "-y", "k", "new"],
    ] {
        let outcome = run(&sandbox, words);
        assert_eq!(outcome.code(), Some(0), "{words:?}: {outcome}");
    }
    drop(locked);
}
