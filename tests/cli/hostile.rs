//! What other users of the machine may have put where the commands look: docs/security.md.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use fs_err as fs;
use serde_json::{Value, json};

use crate::sandbox::{
    Entry, INSTALLER, KERNELS, LAUNCHER, Outcome, STAGING, Sandbox, as_user, contents, in_shell,
    set_mode,
};

/// Another user of the machine.
const OTHER: u32 = 4321;

/// What nobody may do to a terminal.
pub(crate) const RAW: [char; 7] =
    ['\u{1b}', '\r', '\u{7}', '\u{7f}', '\u{9b}', '\u{202e}', '\u{2028}'];

/// Text that does it.
pub(crate) const EVIL: &str =
    "x\n[I 2026-01-01 00:00:00.000 App] fine\r\u{1b}[2J\u{7}\u{7f}\u{9b}1m\u{202e}y\u{2028}";

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A command that looks into the prefix, and is ended if it waits for something.
fn command(sandbox: &Sandbox, words: &[&str]) -> Command {
    let mut command = sandbox.command(INSTALLER);
    command.args(words).env("JUPYTER_PATH", sandbox.path("prefix/share/jupyter"));
    command.env("DOCKER_HOST", "unix:///nonexistent.sock").env("PATH", "/usr/bin:/bin");
    in_shell("exec timeout 60 \"$@\"", &command)
}

fn run(sandbox: &Sandbox, words: &[&str]) -> Outcome {
    let outcome = sandbox.run(&mut command(sandbox, words));
    assert_ne!(outcome.code(), Some(124), "{words:?} waits: {outcome}");
    assert!(matches!(outcome.code(), Some(0..=2)), "{words:?}: {outcome}");
    for text in [&outcome.stdout, &outcome.stderr] {
        assert!(!text.contains(RAW), "{words:?}: {text:?}");
    }
    let forged = |line: &&str| line.starts_with("[I 2026") || line.starts_with("[I [TIME] App]");
    assert_eq!(outcome.stderr.lines().find(forged), None, "{words:?}: {outcome}");
    outcome
}

/// Everything that only looks at a specification, and what changes it last.
fn run_all(sandbox: &Sandbox, name: &str) -> String {
    let mut said = String::new();
    for words in [
        &["list"][..],
        &["list", "--json"],
        &["show", name],
        &["show", "--json", name],
        &["show", "--command", name],
        &["check", name],
        &["check", "--json", name],
        &["pull", name],
        &["convert", name],
        &["remove", name],
        &["remove", "-y", name],
    ] {
        let outcome = run(sandbox, words);
        if words.contains(&"--json") && !outcome.stdout.is_empty() {
            serde_json::from_str::<Value>(&outcome.stdout).unwrap();
        }
        said += &outcome.to_string();
    }
    said
}

fn with_settings(sandbox: &Sandbox, change: impl FnOnce(&mut Value)) -> PathBuf {
    let specification = sandbox.installed(&["--kernel-name=k", "--launcher=python"]);
    let mut kernel_json = Sandbox::kernel_json(&specification);
    change(&mut kernel_json);
    fs::write(specification.join("kernel.json"), kernel_json.to_string()).unwrap();
    specification
}

#[test]
fn text_in_a_specification_cannot_reach_the_terminal() {
    let sandbox = Sandbox::new();
    let specification = with_settings(&sandbox, |kernel_json| {
        kernel_json["display_name"] = EVIL.into();
        kernel_json["language"] = EVIL.into();
        kernel_json["env"] = json!({EVIL: EVIL});
        kernel_json["argv"].as_array_mut().unwrap().push(EVIL.into());
        let provisioner = &mut kernel_json["metadata"]["kernel_provisioner"];
        provisioner["config"] = json!({
            "image_name": EVIL, "authorized_users": [EVIL], "port_range": EVIL, EVIL: EVIL,
        });
    });
    fs::write(specification.join(format!("scripts/{}", EVIL.replace('/', ""))), "").unwrap();
    let options = format!("{} = 1\n", json!(EVIL));
    fs::write(specification.join("scripts/launch_docker.toml"), options).unwrap();
    assert!(run_all(&sandbox, "k").contains(r"\u{1b}[2J"));
    assert!(!specification.exists());
}

#[test]
fn names_of_directories_and_broken_files_cannot_either() {
    let sandbox = Sandbox::new();
    let name = EVIL.replace(['/', '\n'], "");
    sandbox.installed(&["--kernel-name=k"]);
    let kernels = sandbox.path("prefix").join(KERNELS);
    fs::rename(kernels.join("k"), kernels.join(&name)).unwrap();
    run_all(&sandbox, &name);

    let specification = with_settings(&sandbox, |_| {});
    for text in [json!({EVIL: 1, "argv": EVIL}).to_string(), EVIL.to_owned()] {
        fs::write(specification.join("kernel.json"), text).unwrap();
        run(&sandbox, &["list"]);
        run(&sandbox, &["show", "k"]);
        run(&sandbox, &["check", "k"]);
    }
}

#[test]
fn a_pipe_a_device_or_a_huge_file_is_not_waited_for() {
    type Put = fn(&Path);
    let kinds: [(&str, Put); 4] = [
        ("pipe", |path| {
            assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
        }),
        ("device", |path| symlink("/dev/zero", path).unwrap()),
        ("large", |path| fs::File::create(path).unwrap().set_len(1 << 40).unwrap()),
        ("not text", |path| fs::write(path, b"\xff\xfe\0{").unwrap()),
    ];
    for (kind, put) in kinds {
        for file in ["kernel.json", "scripts/launch_docker.toml", "scripts/launch_docker.py"] {
            let sandbox = Sandbox::new();
            let specification = with_settings(&sandbox, |_| {});
            fs::remove_file(specification.join(file)).unwrap();
            put(&specification.join(file));
            for words in [
                &["list"][..],
                &["show", "k"],
                &["show", "--command", "k"],
                &["check", "k"],
                &["pull", "k"],
                &["remove", "-y", "k"],
            ] {
                run(&sandbox, words);
            }
            // Jupyter sees no specification without that file.
            let is_seen = file != "kernel.json" || !["pipe", "device"].contains(&kind);
            assert_ne!(specification.exists(), is_seen, "{kind} {file}");
        }
    }
}

#[test]
fn a_conversion_waits_for_no_pipe() {
    for file in ["kernel.json", "scripts/launch_docker.py", "scripts/launch_docker.toml", "more"] {
        let sandbox = Sandbox::new();
        let specification = with_settings(&sandbox, |_| {});
        let path = specification.join(file);
        let _ = fs::remove_file(&path);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let outcome = run(&sandbox, &["convert", "k"]);
        assert_eq!(outcome.code(), Some(1), "{file}: {outcome}");
        fs::remove_dir_all(&specification).unwrap();
    }
}

#[test]
fn the_launcher_waits_for_no_pipe() {
    for file in ["kernel.json", "scripts/launch_docker.toml"] {
        let sandbox = Sandbox::new();
        sandbox.program(LAUNCHER, "k/scripts/launch_docker");
        let path = sandbox.path("k").join(file);
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
        let command = sandbox.command(sandbox.path("k/scripts/launch_docker"));
        let outcome = sandbox.run(&mut in_shell("exec timeout 60 \"$@\" --kernel-id=k", &command));
        assert!(outcome.error().contains("is not a plain file"), "{file}: {outcome}");
    }
}

#[test]
fn nesting_does_not_overflow_the_stack() {
    let sandbox = Sandbox::new();
    let specification = with_settings(&sandbox, |_| {});
    let deep = |open: &str, close: &str| open.repeat(100_000) + &close.repeat(100_000);
    for (file, text) in [
        ("scripts/launch_docker.toml", format!("volumes = {}", deep("[", "]"))),
        ("scripts/launch_docker.toml", format!("labels = {}", deep("{a=", "}"))),
        ("scripts/launch_docker.toml", format!("[{}]", "a.".repeat(100_000) + "a")),
        ("kernel.json", deep("[", "]")),
        (
            "kernel.json",
            format!("{{\"metadata\": {}1{}}}", "{\"a\":".repeat(100_000), "}".repeat(100_000)),
        ),
    ] {
        fs::write(specification.join(file), text).unwrap();
        for words in [&["list"][..], &["show", "k"], &["show", "--command", "k"], &["check", "k"]] {
            run(&sandbox, words);
        }
    }
    for text in [deep("[", "]"), format!("kernel = {}", deep("[", "]")), deep("[[", "]]")] {
        let file = sandbox.file("m.toml", text);
        let outcome = sandbox.install(&["--file", file.to_str().unwrap()]);
        assert_eq!(outcome.code(), Some(1), "{outcome}");
    }
}

#[test]
fn a_manifest_leads_nowhere_else() {
    let sandbox = Sandbox::new();
    for (text, part) in [
        ("[[kernel]]\nkernel-name = '../../evil'", "Invalid kernel name"),
        ("[[kernel]]\nkernel-name = '..'", "Invalid kernel name"),
        ("[[kernel]]\nkernel-name = \"a\\u001b[2J\\nb\"", "Invalid kernel name"),
        ("[[kernel]]\n\"\\u001b[2J\" = 1", "m.toml:2"),
        ("[[kernel]]\nconfig = '/etc/passwd'", "m.toml:2"),
        ("\u{1b}[2J", "m.toml:1"),
    ] {
        let file = sandbox.file("m.toml", text);
        let before = contents(sandbox.root());
        let outcome = sandbox.install(&["--prefix=p", "--file", file.to_str().unwrap()]);
        assert!(outcome.error().contains(part), "{text:?}: {outcome}");
        assert!(!outcome.stderr.contains(RAW), "{outcome:}");
        assert!(contents(sandbox.root()) == before, "{text:?}");
    }
}

// Links, and what others put there meanwhile.

/// What must not change, beside the kernels directory.
fn treasure(sandbox: &Sandbox) -> PathBuf {
    for file in ["kernel.json", "scripts/launch_docker", "scripts/launch_docker.py", "deep/x"] {
        sandbox.file(format!("treasure/{file}"), "precious");
    }
    set_mode(&sandbox.path("treasure/kernel.json"), 0o600);
    sandbox.path("treasure")
}

#[test]
fn no_link_in_a_specification_is_followed_when_it_is_replaced_converted_or_removed() {
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
        for words in [&["convert", "k"][..], &["remove", "-y", "--force", "k"]] {
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
        for _ in 0..40 {
            sandbox.install(&[&replace, "--kernel-name=k", "--launcher=python", "--replace"]);
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
        for _ in 0..60 {
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
