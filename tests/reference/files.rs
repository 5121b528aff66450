//! Exit statuses, and the files that are read and written.

use std::fmt::Write as _;
use std::process::Command;

use crate::{assert_current, sources};

/// Status, of which program, and what it means.
const STATUSES: [(&str, &str, &str); 6] = [
    ("0", "both", "It is done. `check`: and nothing would keep kernels from starting."),
    (
        "1",
        "jupyter-docker-spec",
        "It has failed, and everything is as it was; the reason is on standard error. `check`: something would \
         keep kernels from starting. `pull`: an image could not be had; the others are there.",
    ),
    (
        "1",
        "launch_docker",
        "The kernel does not run, nothing is left of it, and the reason is in the server's log.",
    ),
    (
        "any",
        "`launch_docker --connection-file`",
        "That of the kernel, or 128 and the number of the signal that has ended it.",
    ),
    ("2", "both", "The command line is not understood; nothing was done."),
    (
        "130, 143, 129",
        "`pull`, `install` while it speaks with the engine",
        "Interrupted by SIGINT, SIGTERM or SIGHUP: 128 and the signal's number.",
    ),
];

/// A file: its names in the sources, how a reader calls it, and what it is.
type File = (&'static [&'static str], &'static str, &'static str);
/// Files by what they are for.
const FILES: [(&str, &[File]); 5] = [
    (
        "A kernelspec, which `install` writes",
        &[
            (
                &["kernel.json"],
                "kernel.json",
                "what Jupyter reads: the command, the language, the provisioner",
            ),
            (&[], "scripts/launch_docker", "a copy of the native launcher"),
            (
                &["scripts/bootstrap_kernel", "bootstrap_kernel"],
                "scripts/bootstrap_kernel",
                "with `--local`: what the launcher brings into containers",
            ),
            (
                &["scripts/bootstrap_kernel-amd64", "scripts/bootstrap_kernel-arm64"],
                "scripts/bootstrap_kernel-amd64 or -arm64",
                "the same for images of the other architecture, if it was there at `install`",
            ),
            (
                // The second one was beside a former one.
                &[
                    "scripts/launch_docker.py",
                    "launch_docker.py",
                    "scripts/launch_docker_options.py",
                ],
                "scripts/launch_docker.py",
                "in its place with `--launcher=python`: a short one, to be edited",
            ),
            (
                &["scripts/launch_docker.toml", "launch_docker.toml"],
                "scripts/launch_docker.toml",
                "what containers get with the native launcher: [its keys](keys.md)",
            ),
            (
                &[".replacing"],
                ".replacing",
                "while files are replaced one by one, in the layers of an image or by `set`; no kernel starts then",
            ),
            (&[".changing"], ".changing", "while `set` is at it: no other `set` is"),
            (&["logo-32x32.png"], "logo-32x32.png", "a small logo"),
            (&["logo-64x64.png"], "logo-64x64.png", "a large one"),
            (&["logo-svg.svg"], "logo-svg.svg", "one of any size"),
            (&["kernel.js"], "kernel.js", "for R: how notebooks show its code"),
            (
                &[".replaced"],
                "scripts/launch_docker.py.replaced",
                "written by `convert --force`: a launcher that somebody has edited",
            ),
        ],
    ),
    (
        "Where kernelspecs lie, below each of these in `kernels/NAME/`",
        &[
            (
                &["/usr/local/share/jupyter"],
                "/usr/local/share/jupyter",
                "for everybody; what `install` takes by default",
            ),
            (
                &[".local/share"],
                "~/.local/share/jupyter",
                "with `--user`; `XDG_DATA_HOME` and `JUPYTER_DATA_DIR` move it",
            ),
            (&[], "PREFIX/share/jupyter", "with `--prefix` and `--sys-prefix`"),
            (
                &[".local"],
                "~/.local/share/jupyter",
                "of Python's user base, where Jupyter looks too",
            ),
            (&["/usr/share/jupyter"], "/usr/share/jupyter", "of the distribution; only read"),
            (
                &[".jupyter-docker-spec-"],
                ".jupyter-docker-spec-*",
                "beside them, while a command works; what a killed one has left goes with the next",
            ),
        ],
    ),
    (
        "Configuration of `install`, read and, with `--generate-config`, written",
        &[
            (&[], "jupyter_config.json, jupyter_config.py", "of all Jupyter applications"),
            (
                &["jupyter_docker_spec_config"],
                "jupyter_docker_spec_config.json, .py",
                "of this one",
            ),
            (
                &["/etc/xdg"],
                "/etc/xdg/jupyter",
                "for everybody, with `JUPYTER_PLATFORM_DIRS`; `XDG_CONFIG_DIRS` moves it",
            ),
            (&[".jupyter"], "~/.jupyter", "where they lie; `JUPYTER_CONFIG_DIR` moves it"),
            (&[".config"], "~/.config/jupyter", "in its place with `JUPYTER_PLATFORM_DIRS`"),
            (&["/usr/local/etc/jupyter"], "/usr/local/etc/jupyter", "for everybody"),
            (&["/etc/jupyter"], "/etc/jupyter", "for everybody"),
            (&[".config-"], ".config-*", "beside the file while it is written"),
        ],
    ),
    (
        "The engine, read",
        &[
            (
                &["/var/run/docker.sock"],
                "/var/run/docker.sock",
                "the engine, if nothing else is said",
            ),
            (
                &[".docker", "config.json"],
                "~/.docker/config.json",
                "credentials, their helpers, and the current context; `DOCKER_CONFIG` moves the directory",
            ),
            (
                &["docker.sock", "podman/podman.sock"],
                "$XDG_RUNTIME_DIR/docker.sock, podman/podman.sock",
                "other engines, where none is at the default socket",
            ),
            (
                &[".docker/run/docker.sock", ".docker/desktop/docker.sock"],
                "~/.docker/run/docker.sock, desktop/docker.sock",
                "the same",
            ),
            (&["meta.json"], "~/.docker/contexts/meta/*/meta.json", "contexts"),
            (
                &["ca.pem", "cert.pem", "key.pem"],
                "~/.docker/ca.pem, cert.pem, key.pem",
                "with `DOCKER_TLS_VERIFY`; `DOCKER_CERT_PATH` moves them",
            ),
        ],
    ),
    (
        "Others",
        &[
            (
                &["os.py"],
                "lib/python3.*/os.py",
                "looked for beside a Python, whose prefix is known by it",
            ),
            (
                &[".python-version", ".tool-versions", ".asdfrc"],
                ".python-version, .tool-versions, ~/.asdfrc",
                "read where `python3` is a shim of pyenv or asdf, whose Python is known by them",
            ),
            (
                &["/etc/localtime", "/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/etc/zoneinfo"],
                "/etc/localtime",
                "or what `TZ` names: the time zone of the log, unless it is no plain file",
            ),
            (
                &["/proc/self/mountinfo"],
                "/proc/self/mountinfo",
                "read before a specification is replaced or removed: mount points are refused; a local kernel's \
                 launcher finds its own container by it",
            ),
            (
                &["/proc/self/exe"],
                "/proc/self/exe",
                "the launcher itself, run once more as a guard until a local kernel has started",
            ),
            (
                &["/run/.containerenv"],
                "/.dockerenv, /run/.containerenv",
                "whether a local kernel's launcher is in a container",
            ),
            (&["/etc/passwd"], "/etc/passwd", "read for home directories, as in `~alice`"),
            (
                &["/proc/sys/kernel/hostname", "/proc"],
                "/proc/sys/kernel/hostname, /proc/*/net",
                "by `prune`: whether this is the engine's host, and who listens on it",
            ),
            (
                &["/proc/sys/kernel/random/uuid"],
                "/proc/sys/kernel/random/uuid",
                "read by `check --launch` for a kernel's id",
            ),
            (&[], "docker-compose.yml", "written by `compose --output`, whatever name that has"),
        ],
    ),
];

/// Paths in the sources that are no files of this machine: in images and containers, or ends and
/// directories of what is listed.
const ELSEWHERE: [&str; 23] = [
    // Embedded.
    "../templates/launch_docker.toml",
    "/bin/bash",
    "/bin/sh",
    "/bin/true",
    "/dev/shm",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/passwd",
    "/etc/pyenv.d",
    "/etc/resolv.conf",
    "/haproxy-is-alive",
    "prepared.json",
    "warm/ipykernel_launcher.py",
    "/usr",
    "/usr/etc/pyenv.d",
    "/usr/lib/pyenv/hooks",
    "/usr/local",
    "/usr/local/etc/pyenv.d",
    "/usr/local/share/jupyter/kernels",
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "/usr/local/share:/usr/share",
    "bootstrap-kernel.sh",
    "packages.sh",
];

#[test]
fn statuses_and_files_are_current() {
    let mut text =
        "# Exit statuses and files\n\n## Exit statuses\n\n| status | of | |\n| --- | --- | --- |\n"
            .to_owned();
    for (status, program, meaning) in STATUSES {
        let _ = writeln!(text, "| {status} | {program} | {meaning} |");
    }
    for (heading, files) in FILES {
        let _ = write!(text, "\n## {heading}\n\n| | |\n| --- | --- |\n");
        for (_, shown, meaning) in files {
            let _ = writeln!(text, "| `{shown}` | {meaning} |");
        }
    }
    text += "\nNothing is written anywhere else. Files are put in place as one step: a process that is killed leaves the \
             old ones or the new ones.\n";
    assert_current("files.md", &text);
}

#[test]
fn every_file_in_the_sources_is_named() {
    let endings = [".json", ".toml", ".py", ".pem", ".sock", ".js", ".png", ".svg", ".sh"];
    let named: Vec<&str> = FILES
        .iter()
        .flat_map(|(_, files)| files.iter())
        .flat_map(|(names, ..)| names.iter().copied())
        .collect();
    let words = sources::words();
    for name in &named {
        assert!(words.contains(*name), "`{name}` is in no source any more");
    }
    let of_system =
        ["/bin/", "/dev/", "/etc/", "/proc/", "/run/", "/sys/", "/tmp", "/usr/", "/var/", "/h"];
    let is_file = |word: &&String| {
        let path = of_system.iter().any(|start| word.starts_with(start));
        let is_one = word.chars().all(|c| c.is_ascii_alphanumeric() || "/.-_:".contains(c));
        is_one && (path || endings.iter().any(|end| word.len() > end.len() && word.ends_with(end)))
    };
    for word in words.iter().filter(is_file) {
        assert!(
            named.contains(&word.as_str()) || ELSEWHERE.contains(&word.as_str()),
            "`{word}` has no line in tests/reference/files.rs"
        );
    }
}

#[test]
fn there_are_no_other_statuses() {
    let mut made = Vec::new();
    for (_, text) in sources::code() {
        let lines = text.lines().filter(|line| {
            line.contains("ExitCode::from")
                || line.contains("process::exit")
                || line.contains("USAGE.into")
        });
        made.extend(lines.map(|line| line.trim().to_owned()));
    }
    made.sort();
    let known = [
        "Ok((String::new(), ExitCode::from(128 + signal)))",
        "USAGE.into()",
        "interrupted.map_or(ExitCode::FAILURE, |by| ExitCode::from(128 + by.signal))",
        "std::process::exit(1);",
    ];
    assert_eq!(made, known);
    for (program, words, status) in [
        (env!("CARGO_BIN_EXE_jupyter-docker-spec"), ["--version", ""], 0),
        (env!("CARGO_BIN_EXE_jupyter-docker-spec"), ["show", "no-such"], 1),
        (env!("CARGO_BIN_EXE_jupyter-docker-spec"), ["list", "--no-such"], 2),
        (env!("CARGO_BIN_EXE_launch_docker"), ["--version", ""], 0),
        (env!("CARGO_BIN_EXE_launch_docker"), ["--kernel-id", "k"], 1),
        (env!("CARGO_BIN_EXE_launch_docker"), ["--no-such", ""], 2),
    ] {
        let words = words.iter().filter(|word| !word.is_empty());
        let done = Command::new(program).args(words).env_clear().output().unwrap();
        assert_eq!(done.status.code(), Some(status), "{program}: {done:?}");
    }
}
