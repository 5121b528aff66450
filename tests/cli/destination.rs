//! Where `install` puts a specification, and what it does about what is there.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use fs_err as fs;
use insta::assert_snapshot;

use crate::sandbox::{INSTALLER, KERNELS, Outcome, Sandbox, as_user, contents, set_mode};

const NOBODY: u32 = 65534;
/// No account has this number.
const STRANGER: u32 = 54321;

// Where it goes.

#[test]
fn below_a_prefix_that_jupyter_does_not_search() {
    let sandbox = Sandbox::new();
    assert_snapshot!(sandbox.install(&["--prefix=p"]), @"
    exit status: 0
    ----- stderr -----
    [I [TIME] DockerSpecInstaller] Installing kernel specification for 'Docker Python'
    [W [TIME] DockerSpecInstaller] Installing to [ROOT]/p/share/jupyter/kernels, which is not in ['[ROOT]/home/.local/share/jupyter/kernels', '/usr/local/share/jupyter/kernels', '/usr/share/jupyter/kernels']. The kernelspec may not be found.
    [I [TIME] DockerSpecInstaller] Installed kernelspec docker_python in [ROOT]/p/share/jupyter/kernels/docker_python
    ");
}

#[test]
fn for_the_user() {
    let sandbox = Sandbox::new();
    assert_snapshot!(sandbox.install(&["--user"]), @"
    exit status: 0
    ----- stderr -----
    [I [TIME] DockerSpecInstaller] Installing kernel specification for 'Docker Python'
    [I [TIME] DockerSpecInstaller] Installed kernelspec docker_python in [ROOT]/home/.local/share/jupyter/kernels/docker_python
    ");
    assert!(sandbox.path("home/.local/share/jupyter/kernels/docker_python/kernel.json").exists());
}

#[test]
fn for_the_user_where_the_environment_says() {
    let sandbox = Sandbox::new();
    let install = |variables: &[(&str, &str)]| {
        let mut installer = sandbox.installer();
        sandbox.run(installer.args(["--user", "--replace"]).envs(variables.iter().copied()))
    };
    let data = ("JUPYTER_DATA_DIR", "data");
    let outcomes = [
        install(&[data, ("XDG_DATA_HOME", "xdg")]),
        install(&[("JUPYTER_DATA_DIR", "~/data")]),
        install(&[("JUPYTER_DATA_DIR", ""), ("XDG_DATA_HOME", "xdg")]),
        install(&[("JUPYTER_PLATFORM_DIRS", "1"), ("XDG_DATA_HOME", "xdg")]),
    ];
    assert_snapshot!(outcomes.map(|outcome| outcome.stderr).concat(), @"
    [I [TIME] DockerSpecInstaller] Installing kernel specification for 'Docker Python'
    [I [TIME] DockerSpecInstaller] Installed kernelspec docker_python in [ROOT]/data/kernels/docker_python
    [I [TIME] DockerSpecInstaller] Installing kernel specification for 'Docker Python'
    [I [TIME] DockerSpecInstaller] Installed kernelspec docker_python in [ROOT]/home/data/kernels/docker_python
    [I [TIME] DockerSpecInstaller] Installing kernel specification for 'Docker Python'
    [I [TIME] DockerSpecInstaller] Installed kernelspec docker_python in [ROOT]/xdg/jupyter/kernels/docker_python
    [I [TIME] DockerSpecInstaller] Installing kernel specification for 'Docker Python'
    [I [TIME] DockerSpecInstaller] Installed kernelspec docker_python in [ROOT]/home/.local/share/jupyter/kernels/docker_python
    ");
    for directory in ["data", "home/data", "xdg/jupyter", "home/.local/share/jupyter"] {
        let path = format!("{directory}/kernels/docker_python/kernel.json");
        assert!(sandbox.path(path).exists(), "{directory}");
    }
}

#[test]
fn for_everybody_where_the_environment_says() {
    let sandbox = Sandbox::new();
    let directories = format!("relative:{}:/b", sandbox.path("a").display());
    let mut installer = sandbox.installer();
    installer.env("JUPYTER_PLATFORM_DIRS", "1").env("XDG_DATA_DIRS", directories);
    assert_snapshot!(sandbox.run(&mut installer), @"
    exit status: 0
    ----- stderr -----
    [I [TIME] DockerSpecInstaller] Installing kernel specification for 'Docker Python'
    [I [TIME] DockerSpecInstaller] Installed kernelspec docker_python in [ROOT]/a/jupyter/kernels/docker_python
    ");
}

#[test]
fn a_directory_that_jupyter_is_told_to_search_is_no_reason_for_a_warning() {
    let sandbox = Sandbox::new();
    let mut installer = sandbox.installer();
    installer.arg("--prefix=p").env("JUPYTER_PATH", "/elsewhere:p/share/jupyter");
    let outcome = sandbox.run(&mut installer);
    assert!(outcome.code() == Some(0) && !outcome.stderr.contains("[W"), "{outcome}");
}

#[test]
fn user_and_prefix_exclude_each_other() {
    let sandbox = Sandbox::new();
    for words in [["--user", "--prefix=p"], ["--sys-prefix", "--user"]] {
        insta::allow_duplicates! {
            assert_snapshot!(sandbox.install(&words), @"
        exit status: 1
        ----- stderr -----
        [E [TIME] DockerSpecInstaller] Can't specify both user and prefix. Please choose one or the other.
        ");
        }
    }
    let outcome = sandbox.install(&["--user", "--prefix="]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
}

#[test]
fn for_a_user_without_a_home() {
    let sandbox = Sandbox::new();
    // Where everybody can reach it.
    let program = sandbox.program(INSTALLER, "jupyter-docker-spec");
    let mut installer = sandbox.command(&program);
    installer.args(["install", "--user", "--launcher=python"]).env_remove("HOME");
    assert_snapshot!(sandbox.run(&mut as_user(STRANGER, &installer)), @"
    exit status: 1
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] --user needs a home directory; set HOME or JUPYTER_DATA_DIR
    ");

    installer.env("JUPYTER_DATA_DIR", sandbox.path("data"));
    fs::create_dir(sandbox.path("data")).unwrap();
    set_mode(&sandbox.path("data"), 0o777);
    let outcome = sandbox.run(&mut as_user(STRANGER, &installer));
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert!(sandbox.path("data/kernels/docker_python/kernel.json").exists());
}

// The Python environment.

#[test]
fn the_environment_that_holds_the_program() {
    for marker in ["pyvenv.cfg", "conda-meta/history"] {
        let sandbox = Sandbox::new();
        sandbox.file(format!("venv/{marker}"), "");
        let program = sandbox.program(INSTALLER, "venv/bin/jupyter-docker-spec");
        // As with a tool in an environment of its own that is linked to from the PATH.
        symlink(program, sandbox.path("link")).unwrap();
        for program in ["venv/bin/jupyter-docker-spec", "link"] {
            let mut installer = sandbox.command(sandbox.path(program));
            installer.args(["install", "--sys-prefix", "--replace", "--launcher=python"]);
            installer.env("VIRTUAL_ENV", "/other").env("CONDA_PREFIX", "/other");
            let outcome = sandbox.run(&mut installer);
            assert_eq!(outcome.code(), Some(0), "{outcome}");
            assert!(!outcome.stderr.contains("[W"), "{outcome}");
            fs::remove_dir_all(sandbox.path("venv/share/jupyter/kernels/docker_python")).unwrap();
        }
    }
}

#[test]
fn the_environment_that_is_active() {
    let sandbox = Sandbox::new();
    let install = |variables: &[(&str, &str)]| {
        let mut installer = sandbox.installer();
        // It beats --prefix, in any order.
        installer.args(["--prefix=p", "--sys-prefix"]).envs(variables.iter().copied());
        let outcome = sandbox.run(&mut installer);
        assert_eq!(outcome.code(), Some(0), "{outcome}");
        assert!(!outcome.stderr.contains("[W"), "{outcome}");
    };
    install(&[("VIRTUAL_ENV", "venv"), ("CONDA_PREFIX", "conda")]);
    install(&[("VIRTUAL_ENV", ""), ("CONDA_PREFIX", "conda")]);
    for prefix in ["venv", "conda"] {
        assert!(sandbox.path(prefix).join(KERNELS).join("docker_python/kernel.json").exists());
    }
    assert!(!sandbox.path("p").exists());
}

#[test]
fn the_environment_of_python3_on_the_path() {
    let sandbox = Sandbox::new();
    let prefix = sandbox.path("python's prefix");
    let script = format!("#!/bin/sh\necho \"{}\"\n", prefix.display());
    sandbox.executable("bin/python3", &script);
    let mut installer = sandbox.installer();
    installer
        .arg("--sys-prefix")
        .env("PATH", format!("/nonexistent:{}", sandbox.path("bin").display()));
    let outcome = sandbox.run(&mut installer);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert!(prefix.join(KERNELS).join("docker_python/kernel.json").exists());

    for broken in ["#!/bin/sh\nexit 1\n", "#!/bin/sh\necho relative\n", "#!/no/such/program\n"] {
        sandbox.executable("bin/python3", broken);
        assert!(sandbox.run(&mut installer).error().starts_with("--sys-prefix needs"));
    }
}

#[test]
fn no_environment_at_all() {
    let sandbox = Sandbox::new();
    assert_snapshot!(sandbox.install(&["--sys-prefix", "--prefix=p"]), @"
    exit status: 1
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] --sys-prefix needs a Python environment, and there is none: this program is not in one, VIRTUAL_ENV and CONDA_PREFIX are not set, and there is no python3 on PATH; use --prefix PREFIX instead
    ");
    assert!(!sandbox.path("p").exists());
}

// What is there.

#[test]
fn an_existing_specification_is_left_alone() {
    let sandbox = Sandbox::new();
    sandbox.installed(&[]);
    let before = contents(&sandbox.path("prefix"));
    assert_snapshot!(sandbox.install(&["--prefix=prefix", "--image-name=other"]), @"
    exit status: 1
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] A kernel specification exists at '[ROOT]/prefix/share/jupyter/kernels/docker_python' and '--replace' has not been specified.  Terminating.
    ");
    assert!(contents(&sandbox.path("prefix")) == before);
}

#[test]
fn an_existing_specification_is_replaced_when_that_is_asked_for() {
    let sandbox = Sandbox::new();
    sandbox.installed(&["--language=R", "--kernel-name=k"]);
    assert_snapshot!(sandbox.install(&["--prefix=prefix", "--kernel-name=k", "--replace"]), @"
    exit status: 0
    ----- stderr -----
    [I [TIME] DockerSpecInstaller] Installing kernel specification for 'Docker Python'
    [W [TIME] DockerSpecInstaller] Replacing kernelspec k changes argv; display_name: `Docker R` -> `Docker Python`; image_name: `elyra/kernel-r:0.5.0` -> `elyra/kernel-py:0.5.0`; kernel-class-name: none -> `ipykernel.ipkernel.IPythonKernel`; language: `R` -> `python`; supported_encryption (new). `jupyter-docker-spec set` changes only what is named.
    [W [TIME] DockerSpecInstaller] Installing to [ROOT]/prefix/share/jupyter/kernels, which is not in ['[ROOT]/home/.local/share/jupyter/kernels', '/usr/local/share/jupyter/kernels', '/usr/share/jupyter/kernels']. The kernelspec may not be found.
    [I [TIME] DockerSpecInstaller] Removing existing kernelspec in [ROOT]/prefix/share/jupyter/kernels/k
    [I [TIME] DockerSpecInstaller] Installed kernelspec k in [ROOT]/prefix/share/jupyter/kernels/k
    ");
    // Nothing is left of the kernel for R.
    assert_snapshot!(sandbox.tree("prefix/share/jupyter"), @"
    d0755 kernels
    d0755 kernels/k
    -0644 kernels/k/kernel.json
    -0644 kernels/k/logo-32x32.png
    -0644 kernels/k/logo-64x64.png
    -0644 kernels/k/logo-svg.svg
    d0755 kernels/k/scripts
    -0755 kernels/k/scripts/launch_docker
    ");
}

#[test]
fn replace_is_no_promise_that_there_is_something_to_replace() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.install(&["--prefix=prefix", "--replace"]);
    assert!(outcome.code() == Some(0) && !outcome.stderr.contains("Removing"), "{outcome}");
}

#[test]
fn files_of_the_user_are_named_before_they_go() {
    let sandbox = Sandbox::new();
    let specification = sandbox.installed(&[]);
    for file in ["notes.txt", "scripts/launch_docker.py", "scripts/my own.sh", "logo-old\n.png"] {
        fs::write(specification.join(file), "").unwrap();
    }
    symlink("/nonexistent", specification.join("link")).unwrap();
    assert_snapshot!(sandbox.install(&["--prefix=prefix", "--replace"]), @"
    exit status: 0
    ----- stderr -----
    [I [TIME] DockerSpecInstaller] Installing kernel specification for 'Docker Python'
    [W [TIME] DockerSpecInstaller] Installing to [ROOT]/prefix/share/jupyter/kernels, which is not in ['[ROOT]/home/.local/share/jupyter/kernels', '/usr/local/share/jupyter/kernels', '/usr/share/jupyter/kernels']. The kernelspec may not be found.
    [W [TIME] DockerSpecInstaller] `link`, `logo-old
        .png`, `notes.txt`, `scripts/my own.sh` in [ROOT]/prefix/share/jupyter/kernels/docker_python will be removed with the specification that is replaced.
    [I [TIME] DockerSpecInstaller] Removing existing kernelspec in [ROOT]/prefix/share/jupyter/kernels/docker_python
    [I [TIME] DockerSpecInstaller] Installed kernelspec docker_python in [ROOT]/prefix/share/jupyter/kernels/docker_python
    ");
    assert_eq!(contents(&specification).len(), 6, "{}", sandbox.tree(&specification));
}

#[test]
fn what_is_in_the_way_stays() {
    let sandbox = Sandbox::new();
    let kernels = sandbox.path("p").join(KERNELS);
    let target = sandbox.file("target/kernel.json", "mine");
    sandbox.file("p/share/jupyter/kernels/file", "mine");
    sandbox.file("p/share/jupyter/kernels/full/notes", "mine");
    symlink(target.parent().unwrap(), kernels.join("link")).unwrap();
    symlink("/nonexistent", kernels.join("broken")).unwrap();
    let _socket = UnixListener::bind(kernels.join("socket")).unwrap();

    let before = contents(sandbox.path("").as_path());
    let mut errors = String::new();
    for (name, replace) in [
        ("file", false),
        ("file", true),
        ("link", false),
        ("link", true),
        ("broken", true),
        ("socket", true),
        ("full", false),
    ] {
        let mut words = vec!["--prefix=p".to_owned(), format!("--kernel-name={name}")];
        words.extend(replace.then(|| "--replace".to_owned()));
        let outcome = sandbox.run(sandbox.installer().args(&words));
        errors += name;
        errors += ": ";
        errors += outcome.error();
        errors.push('\n');
        assert!(contents(&sandbox.path("")) == before, "{name} {replace}");
    }
    assert_snapshot!(errors, @"
    file: `[ROOT]/p/share/jupyter/kernels/file` is not a directory; move it away, or choose another --kernel-name
    file: `[ROOT]/p/share/jupyter/kernels/file` is not a directory; move it away, or choose another --kernel-name
    link: `[ROOT]/p/share/jupyter/kernels/link` is a symbolic link to `[ROOT]/target`, and a link is not replaced; remove it, or choose another --kernel-name
    link: `[ROOT]/p/share/jupyter/kernels/link` is a symbolic link to `[ROOT]/target`, and a link is not replaced; remove it, or choose another --kernel-name
    broken: `[ROOT]/p/share/jupyter/kernels/broken` is a symbolic link to `/nonexistent`, and a link is not replaced; remove it, or choose another --kernel-name
    socket: `[ROOT]/p/share/jupyter/kernels/socket` is not a directory; move it away, or choose another --kernel-name
    full: `[ROOT]/p/share/jupyter/kernels/full` holds files but no kernel specification; move them away, or let the specification take their place with --replace
    ");
}

#[test]
fn an_empty_directory_is_in_nobodys_way() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("p").join(KERNELS).join("docker_python")).unwrap();
    let outcome = sandbox.install(&["--prefix=p"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
}

#[test]
fn a_file_where_a_directory_should_be() {
    let sandbox = Sandbox::new();
    sandbox.file("p/share", "mine");
    let before = contents(&sandbox.path("p"));
    for words in [&["--prefix=p"][..], &["--prefix=p", "--replace"]] {
        insta::allow_duplicates! {
            assert_snapshot!(sandbox.install(words), @"
        exit status: 1
        ----- stderr -----
        [E [TIME] DockerSpecInstaller] could not look at the specification's place: failed to query raw metadata `[ROOT]/p/share/jupyter/kernels/docker_python`: Not a directory (os error 20)
        ");
        }
        assert!(contents(&sandbox.path("p")) == before);
    }
}

#[test]
fn a_directory_that_is_a_link_is_followed_and_stays_one() {
    for link in ["p", "p/share", "p/share/jupyter", "p/share/jupyter/kernels"] {
        let sandbox = Sandbox::new();
        let target = sandbox.path("elsewhere");
        fs::create_dir(&target).unwrap();
        fs::create_dir_all(sandbox.path(link).parent().unwrap()).unwrap();
        symlink(&target, sandbox.path(link)).unwrap();
        let specification = sandbox.path("p").join(KERNELS).join("docker_python");
        for words in [&["--prefix=p"][..], &["--prefix=p", "--replace"]] {
            let outcome = sandbox.install(words);
            assert_eq!(outcome.code(), Some(0), "{link}: {outcome}");
            assert!(specification.join("kernel.json").exists(), "{link}");
            assert_eq!(fs::read_link(sandbox.path(link)).unwrap(), target);
        }
        let in_target = fs::canonicalize(&specification).unwrap();
        assert!(in_target.starts_with(fs::canonicalize(&target).unwrap()), "{link}");
        // As it was named, in case the link leads somewhere else one day.
        let launcher = specification.join("scripts/launch_docker");
        assert_eq!(Sandbox::kernel_json(&specification)["argv"][0], launcher.to_str().unwrap());
    }
}

#[test]
fn a_link_that_leads_nowhere_is_not_replaced_by_a_directory() {
    for link in ["p", "p/share", "p/share/jupyter", "p/share/jupyter/kernels"] {
        for target in ["nowhere", "/nonexistent/directory"] {
            let sandbox = Sandbox::new();
            fs::create_dir_all(sandbox.path(link).parent().unwrap()).unwrap();
            symlink(target, sandbox.path(link)).unwrap();
            let before = contents(&sandbox.path(""));
            let outcome = sandbox.install(&["--prefix=p"]);
            let reason =
                format!("`[ROOT]/{link}` is a symbolic link to `{target}`, which is not there");
            assert!(outcome.error().ends_with(&reason), "{outcome}");
            assert!(contents(&sandbox.path("")) == before, "{link}");
        }
    }
}

// What may not be written.

#[test]
fn a_destination_that_may_not_be_written() {
    let sandbox = Sandbox::new();
    let program = sandbox.program(INSTALLER, "jupyter-docker-spec");
    sandbox.installed(&[]);
    fs::create_dir(sandbox.path("locked")).unwrap();
    for directory in ["locked", "prefix/share/jupyter/kernels"] {
        set_mode(&sandbox.path(directory), 0o555);
    }
    set_mode(&sandbox.path("tmp"), 0o777);
    let before = contents(&sandbox.path(""));

    let mut outcomes = String::new();
    for words in [
        &["--prefix=locked"][..],
        &["--prefix=prefix", "--kernel-name=new"],
        &["--prefix=prefix", "--replace"],
    ] {
        let mut installer = sandbox.command(&program);
        installer.args(["install", "--launcher=python"]).args(words);
        let outcome = sandbox.run(&mut as_user(NOBODY, &installer));
        assert_eq!(outcome.code(), Some(1), "{outcome}");
        outcomes += &outcome.to_string();
        assert!(contents(&sandbox.path("")) == before, "{words:?}");
    }
    assert_snapshot!(outcomes, @"
    exit status: 1
    ----- stderr -----
    [I [TIME] DockerSpecInstaller] Installing kernel specification for 'Docker Python'
    [W [TIME] DockerSpecInstaller] Installing to [ROOT]/locked/share/jupyter/kernels, which is not in ['[ROOT]/home/.local/share/jupyter/kernels', '/usr/local/share/jupyter/kernels', '/usr/share/jupyter/kernels']. The kernelspec may not be found.
    [E [TIME] DockerSpecInstaller] could not install kernel specification `docker_python`: could not write to the directory `[ROOT]/locked/share/jupyter/kernels`: failed to create directory `[ROOT]/locked/share`: Permission denied (os error 13); run the command as root, or install for yourself with --user

    exit status: 1
    ----- stderr -----
    [I [TIME] DockerSpecInstaller] Installing kernel specification for 'Docker Python'
    [W [TIME] DockerSpecInstaller] Installing to [ROOT]/prefix/share/jupyter/kernels, which is not in ['[ROOT]/home/.local/share/jupyter/kernels', '/usr/local/share/jupyter/kernels', '/usr/share/jupyter/kernels']. The kernelspec may not be found.
    [E [TIME] DockerSpecInstaller] could not install kernel specification `new`: could not write to the directory `[ROOT]/prefix/share/jupyter/kernels`: Permission denied (os error 13); run the command as root, or install for yourself with --user

    exit status: 1
    ----- stderr -----
    [I [TIME] DockerSpecInstaller] Installing kernel specification for 'Docker Python'
    [W [TIME] DockerSpecInstaller] Replacing kernelspec docker_python changes launcher: `[ROOT]/prefix/share/jupyter/kernels/docker_python/scripts/launch_docker` -> `[ROOT]/prefix/share/jupyter/kernels/docker_python/scripts/launch_docker.py`. `jupyter-docker-spec set` changes only what is named.
    [W [TIME] DockerSpecInstaller] Installing to [ROOT]/prefix/share/jupyter/kernels, which is not in ['[ROOT]/home/.local/share/jupyter/kernels', '/usr/local/share/jupyter/kernels', '/usr/share/jupyter/kernels']. The kernelspec may not be found.
    [E [TIME] DockerSpecInstaller] could not install kernel specification `docker_python`: could not write to the directory `[ROOT]/prefix/share/jupyter/kernels`: Permission denied (os error 13); run the command as root, or install for yourself with --user
    ");
}

/// A program run where something is mounted at this place.
fn with_mounts(sandbox: &Sandbox, place: &Path, command: &Command) -> Outcome {
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--mount", "--", "sh", "-c"]);
    unshare.args(["mount --bind \"$0\" \"$0\" && exec \"$@\""]).arg(place);
    unshare.arg(command.get_program()).args(command.get_args());
    unshare.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    sandbox.run(unshare.current_dir(sandbox.root()))
}

#[test]
fn what_is_mounted_is_neither_replaced_nor_removed() {
    let sandbox = Sandbox::new();
    let specification = sandbox.installed(&["--kernel-name=k"]);
    let empty = specification.with_file_name("empty");
    fs::create_dir(&empty).unwrap();
    let prefix = format!("--prefix={}", sandbox.path("prefix").display());
    let before = contents(&sandbox.path("prefix"));
    let scripts = specification.join("scripts");
    let file = specification.join("kernel.json");
    for (mounted, words) in [
        (&specification, &["install", "--replace", "--kernel-name=k"][..]),
        (&scripts, &["install", "--replace", "--kernel-name=k"]),
        (&file, &["install", "--replace", "--kernel-name=k"]),
        (&empty, &["install", "--kernel-name=empty"]),
        (&specification, &["remove", "-y", "k"]),
        (&scripts, &["remove", "-y", "k"]),
        (&file, &["remove", "-y", "k"]),
    ] {
        let mut command = sandbox.command(INSTALLER);
        command.args(words).arg(&prefix);
        if words[0] == "install" {
            command.args(["--display-name=Other", "--launcher=python"]);
        }
        let outcome = with_mounts(&sandbox, mounted, &command);
        let shown = mounted.strip_prefix(sandbox.root()).unwrap().display();
        let reason = format!("`[ROOT]/{shown}` is a mount point, and what is mounted");
        assert!(outcome.error().contains(&reason), "{words:?}: {outcome}");
        assert!(contents(&sandbox.path("prefix")) == before, "{words:?}: {outcome}");
    }
    // The kernels directory may be one.
    let kernels = specification.parent().unwrap();
    for words in [&["install", "--replace", "--kernel-name=k"][..], &["remove", "-y", "k"]] {
        let mut command = sandbox.command(INSTALLER);
        command.args(words).arg(&prefix).env("PATH", "/usr/bin:/bin");
        let outcome = with_mounts(&sandbox, kernels, &command);
        assert_eq!(outcome.code(), Some(0), "{words:?}: {outcome}");
    }
}
