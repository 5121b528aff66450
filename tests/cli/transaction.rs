//! What `install` leaves when it is not alone, or does not come to its end.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Instant;

use fs_err as fs;

use crate::sandbox::{
    INSTALLER, KERNELS, Outcome, Sandbox, as_user, contents, in_shell, is_staging, set_mode,
};

/// How many processes install at once.
const CROWD: usize = 16;

/// The version of the specification in `directory`, after making sure that all its parts are of it;
/// `None` if there is none.
fn whole(directory: &Path) -> Option<String> {
    if !directory.exists() {
        return None;
    }
    let files: BTreeSet<String> = files_below(directory);
    let kernel_json = Sandbox::kernel_json(directory);
    let version = kernel_json["display_name"].as_str().unwrap().to_owned();
    let expected = [
        "kernel.json",
        "logo-32x32.png",
        "logo-64x64.png",
        "logo-svg.svg",
        &format!("scripts/{version}.py"),
    ];
    assert_eq!(files, expected.map(str::to_owned).into());
    let launcher = fs::read_to_string(directory.join(format!("scripts/{version}.py"))).unwrap();
    assert_eq!(launcher, program(&version));
    for logo in files.iter().filter(|file| file.starts_with("logo-")) {
        assert!(fs::metadata(directory.join(logo)).unwrap().len() > 100, "{logo}");
    }
    Some(version)
}

fn files_below(directory: &Path) -> BTreeSet<String> {
    crate::sandbox::contents(directory)
        .into_iter()
        .filter(|(_, entry)| matches!(entry, crate::sandbox::Entry::File(..)))
        .map(|(path, _)| path.to_str().unwrap().to_owned())
        .collect()
}

/// A launcher whose content tells its version; long enough to be caught half written.
fn program(version: &str) -> String {
    format!("# {version}\n").repeat(20_000)
}

/// The command that installs a version in the prefix `p`.
fn command(sandbox: &Sandbox, version: &str, words: &[&str]) -> Command {
    let launcher = sandbox.path(format!("{version}.py"));
    if !launcher.exists() {
        fs::write(&launcher, program(version)).unwrap();
    }
    let mut installer = sandbox.installer();
    installer
        .args(["--prefix=p", "--kernel-name=k"])
        .arg(format!("--display-name={version}"))
        .arg(format!("--launcher={}", launcher.display()))
        .args(words);
    installer
}

/// Starts to install a version in the prefix `p`.
fn start(sandbox: &Sandbox, version: &str, words: &[&str]) -> Child {
    let mut command = command(sandbox, version, words);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn end(sandbox: &Sandbox, child: Child) -> Outcome {
    sandbox.outcome(&child.wait_with_output().unwrap())
}

fn install(sandbox: &Sandbox, version: &str, words: &[&str]) {
    let outcome = end(sandbox, start(sandbox, version, words));
    assert_eq!(outcome.code(), Some(0), "{outcome}");
}

/// The names in the kernels directory.
fn names(sandbox: &Sandbox) -> Vec<String> {
    let entries = fs::read_dir(sandbox.path("p").join(KERNELS)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn crowd(sandbox: &Sandbox, words: &[&str]) -> Vec<Outcome> {
    let children: Vec<Child> =
        (0..CROWD).map(|number| start(sandbox, &format!("v{number}"), words)).collect();
    children.into_iter().map(|child| end(sandbox, child)).collect()
}

#[test]
fn many_that_replace_at_once_leave_one_whole_specification() {
    let sandbox = Sandbox::new();
    for _ in 0..3 {
        for outcome in crowd(&sandbox, &["--replace"]) {
            assert_eq!(outcome.code(), Some(0), "{outcome}");
            assert!(!outcome.stderr.contains("[E"), "{outcome}");
        }
        assert!(whole(&sandbox.path("p").join(KERNELS).join("k")).is_some());
        assert_eq!(names(&sandbox), ["k"]);
    }
}

#[test]
fn of_many_that_install_at_once_one_does_and_the_others_say_why_not() {
    let sandbox = Sandbox::new();
    let outcomes = crowd(&sandbox, &[]);
    let (done, refused): (Vec<_>, Vec<_>) =
        outcomes.iter().partition(|outcome| outcome.code() == Some(0));
    assert_eq!(done.len(), 1, "{}", done.iter().map(ToString::to_string).collect::<String>());
    for outcome in refused {
        assert!(
            outcome.error().contains("A kernel specification exists at '[ROOT]/p/"),
            "{outcome}"
        );
    }
    assert!(whole(&sandbox.path("p").join(KERNELS).join("k")).is_some());
    assert_eq!(names(&sandbox), ["k"]);
}

#[test]
fn whoever_looks_while_it_is_replaced_sees_a_whole_specification() {
    let sandbox = Sandbox::new();
    install(&sandbox, "old", &[]);
    let directory = sandbox.path("p").join(KERNELS).join("k");
    for version in ["new", "old", "new", "old", "new"] {
        let mut child = start(&sandbox, version, &["--replace"]);
        // At every instant there is a kernel.json that can be read.
        while child.try_wait().unwrap().is_none() {
            let display_name = Sandbox::kernel_json(&directory)["display_name"].clone();
            assert!(["old", "new"].iter().any(|version| display_name == *version));
        }
        assert_eq!(whole(&directory).as_deref(), Some(version));
        assert_eq!(end(&sandbox, child).code(), Some(0));
    }
}

/// Kills installations after more and more of the time that one takes, and calls `check` after each.
fn kill_at_all_times(sandbox: &Sandbox, words: &[&str], reset: impl Fn(), check: impl Fn()) {
    const STEPS: u32 = 40;
    reset();
    let begin = Instant::now();
    install(sandbox, "new", words);
    let time = begin.elapsed() * 3 / 2;

    let mut killed = 0;
    for step in 0..STEPS {
        reset();
        let begin = Instant::now();
        let mut child = start(sandbox, "new", words);
        thread::sleep((time * step / STEPS).saturating_sub(begin.elapsed()));
        child.kill().unwrap();
        let outcome = end(sandbox, child);
        killed += u32::from(outcome.signal() == Some(9));
        check();
    }
    assert!(killed > 0, "none was killed");
}

#[test]
fn a_killed_installation_leaves_a_whole_specification_or_none() {
    let sandbox = Sandbox::new();
    let directory = sandbox.path("p").join(KERNELS).join("k");
    let reset = || {
        if sandbox.path("p").exists() {
            fs::remove_dir_all(sandbox.path("p")).unwrap();
        }
    };
    let check = || {
        whole(&directory);
        install(&sandbox, "next", &["--replace"]);
        assert_eq!(whole(&directory).as_deref(), Some("next"));
        assert_eq!(names(&sandbox), ["k"]);
    };
    kill_at_all_times(&sandbox, &[], reset, check);
}

#[test]
fn a_killed_replacement_leaves_the_old_specification_or_the_new_one() {
    let sandbox = Sandbox::new();
    let directory = sandbox.path("p").join(KERNELS).join("k");
    let reset = || install(&sandbox, "old", &["--replace"]);
    let check = || {
        let version = whole(&directory);
        assert!(["old", "new"].contains(&version.as_deref().unwrap()));
        // What else is there is of no use, and hidden from Jupyter, until the next comes along.
        for name in names(&sandbox) {
            assert!(name == "k" || is_staging(Path::new(&name)), "{name}");
            let path = sandbox.path("p").join(KERNELS).join(&name).join("kernel.json");
            assert_eq!(path.exists(), name == "k", "{name}");
        }
    };
    kill_at_all_times(&sandbox, &["--replace"], reset, check);
    install(&sandbox, "last", &["--replace"]);
    assert_eq!(names(&sandbox), ["k"]);
}

// Limits of the process.

/// Installs below the prefix `p` under a limit of the shell's, first where nothing is and then over
/// another specification. It succeeds, or fails with this reason and changes nothing. What it may
/// not be able to tidy up, the next does. Says how many have succeeded.
fn install_limited(sandbox: &Sandbox, limit: &str, reason: &str) -> usize {
    let directory = sandbox.path("p").join(KERNELS).join("k");
    if sandbox.path("p").exists() {
        fs::remove_dir_all(sandbox.path("p")).unwrap();
    }
    let mut succeeded = 0;
    for old in [None, Some("old")] {
        if let Some(version) = old {
            install(sandbox, version, &["--replace"]);
        }
        let outcome = sandbox.run(&mut in_shell(
            &format!("{limit} && exec \"$@\""),
            &command(sandbox, "new", &["--replace"]),
        ));
        match outcome.code() {
            Some(0) => {
                assert_eq!(whole(&directory).as_deref(), Some("new"), "{limit}: {outcome}");
                succeeded += 1;
            }
            Some(1) => {
                assert!(outcome.error().contains(reason), "{limit}: {outcome}");
                assert_eq!(whole(&directory).as_deref(), old, "{limit}: {outcome}");
            }
            // The system did not come as far as starting the program.
            _ => {
                assert!(!outcome.stderr.contains("DockerSpecInstaller"), "{limit}: {outcome}");
                assert_eq!(whole(&directory).as_deref(), old, "{limit}: {outcome}");
            }
        }
        install(sandbox, "next", &["--replace"]);
        assert_eq!(names(sandbox), ["k"], "{limit}: {outcome}");
    }
    succeeded
}

#[test]
fn a_limit_on_open_files_is_no_half_specification() {
    let sandbox = Sandbox::new();
    let succeeded: Vec<usize> = (3..=14)
        .map(|files| {
            install_limited(&sandbox, &format!("ulimit -n {files}"), "Too many open files")
        })
        .collect();
    assert!(succeeded.is_sorted(), "{succeeded:?}");
    assert!(succeeded[0] == 0 && succeeded[6..].iter().all(|both| *both == 2), "{succeeded:?}");
}

#[test]
fn a_limit_on_memory_is_no_half_specification() {
    let sandbox = Sandbox::new();
    let succeeded: Vec<usize> = (0..24)
        .map(|step| {
            install_limited(&sandbox, &format!("ulimit -v {}", 2000 + 2000 * step), "memory")
        })
        .collect();
    assert!(succeeded.contains(&0) && succeeded.contains(&2), "{succeeded:?}");
}

#[test]
fn a_limit_on_the_size_of_files_is_no_half_specification() {
    let sandbox = Sandbox::new();
    let succeeded: Vec<usize> = [0, 1, 8, 64, 512, 4096]
        .map(|blocks| install_limited(&sandbox, &format!("ulimit -f {blocks}"), "File too large"))
        .into();
    assert!(succeeded[0] == 0 && succeeded[5] == 2, "{succeeded:?}");
    // The launcher is the largest.
    let size = program("new").len() as u64;
    for (limit, all) in [(size, 0), (size + 1, 2)] {
        let limit = format!("prlimit --pid $$ --fsize={limit}");
        let reason = "kernels/[STAGING]/0/scripts/new.py`: File too large";
        assert_eq!(install_limited(&sandbox, &limit, reason), all, "{limit}");
    }
}

#[test]
fn a_limit_on_processes_is_an_error_that_says_so() {
    const STRANGER: u32 = 54321;
    let sandbox = Sandbox::new();
    let program = sandbox.program(INSTALLER, "jupyter-docker-spec");
    // The program starts another where a configuration file is in Python.
    sandbox.file("home/.jupyter/jupyter_docker_spec_config.py", "x = 1\n");
    sandbox.executable("bin/python3", "#!/bin/sh\necho '[{\"sections\": {}, \"added\": {}}]'\n");
    fs::create_dir(sandbox.path("data")).unwrap();
    set_mode(&sandbox.path("data"), 0o777);
    let mut installer = sandbox.command(&program);
    installer
        .args(["install", "--user", "--replace", "--launcher=python"])
        .env("JUPYTER_DATA_DIR", sandbox.path("data"))
        .env("PATH", format!("{}:/usr/bin:/bin", sandbox.path("bin").display()));
    let mut statuses = Vec::new();
    for processes in [1, 2, 3, 4, 64] {
        let limit = format!("exec prlimit --nproc={processes} -- \"$@\"");
        let outcome = sandbox.run(&mut in_shell(&limit, &as_user(STRANGER, &installer)));
        if outcome.code() != Some(0) && outcome.stderr.contains("DockerSpecInstaller") {
            assert!(outcome.error().contains("Resource temporarily unavailable"), "{outcome}");
            assert!(contents(&sandbox.path("data")).is_empty(), "{outcome}");
        }
        statuses.push(outcome.code());
    }
    // The first is for the program itself.
    assert!(statuses.first() != Some(&Some(0)), "{statuses:?}");
    assert!(statuses.last() == Some(&Some(0)), "{statuses:?}");
}
