//! Words that people bring from other programs.

use fs_err as fs;
use insta::assert_snapshot;

use crate::local::program;
use crate::sandbox::{INSTALLER, Outcome, Sandbox};

fn run(words: &[&str]) -> Outcome {
    let sandbox = Sandbox::new();
    sandbox.run(sandbox.command(INSTALLER).args(words))
}

/// What both say, which have to end well.
fn same(one: &[&str], other: &[&str]) {
    let [one, other] = [one, other].map(run);
    assert_eq!(one.code(), Some(0), "{one}");
    assert_eq!((&*one.stdout, &*one.stderr), (&*other.stdout, &*other.stderr));
}

#[test]
fn help_and_version_need_no_hyphens() {
    same(&["help"], &["--help"]);
    same(&["help", "install"], &["install", "--help"]);
    same(&["help", "uninstall"], &["remove", "--help"]);
    same(&["version"], &["--version"]);
}

#[test]
fn short_help_of_install_is_one_screen_and_names_the_groups_of_the_long_one() {
    let [short, long] = ["-h", "--help"].map(|word| run(&["install", word]).stdout);
    assert_snapshot!(short, @"
    Create a kernel specification for use on a Docker Engine or a Docker Swarm

    Usage: jupyter-docker-spec install [OPTIONS]

          --gateway <SYSTEM>        gateway-provisioners or enterprise-gateway
          --local                   For any Jupyter application, in any image
          --language <LANGUAGE>     Python, R or Scala; any with --local
          --image-name <IMAGE>      Image of the kernel's container [alias: --image]
          --swarm                   Run it as a service of a Docker Swarm
          --kernel-name <NAME>      Name of the specification's directory
      -f, --replace                 Replace one of this name [alias: --force]
          --dry-run                 Print what would be written, and write nothing
          --user                    Install for the current user only
      -e, --env <NAME[=VALUE]>      Environment variable
          --gpus <GPUS>             GPUs: all, a number, or device=ID,...
      -m, --memory <BYTES>          Memory limit, such as 4g
          --network <NETWORK>       Network to connect to; for --local also none
      -v, --volume <SOURCE:TARGET>  Mount a directory of the host, or a volume
      -h, --help                    Print help (see more with '--help')

    All of them, by `--help`: Kernel, Specification, Destination, Configuration,
    Messages, and Container, which has the options of `docker run`.

      jupyter-docker-spec install --local --user --image-name=foo/my_image:v1
    ");
    assert!(short.lines().count() <= 24 && short.lines().all(|line| line.len() <= 80), "{short}");
    let headings = long.lines().filter(|line| line.ends_with(':') && !line.starts_with(' '));
    let headings: Vec<&str> = headings.filter_map(|line| line.split([' ', ':']).next()).collect();
    assert!(headings.contains(&"Container") && headings.len() >= 7, "{headings:?}");
    for group in headings.into_iter().filter(|group| !["Options", "Examples"].contains(group)) {
        assert!(short.contains(group), "{group}");
    }
    let option = |line: &str| {
        let words = line.split([' ', '=', '[']).filter(|word| word.starts_with("--"));
        words.map(str::to_owned).next()
    };
    let of_short: Vec<String> =
        short.lines().filter(|line| line.starts_with("  ")).filter_map(option).collect();
    let of_long: Vec<String> = long.lines().filter_map(option).collect();
    assert!(of_short.len() >= 14 && of_short.iter().all(|name| of_long.contains(name)));
}

#[test]
fn options_of_the_container_are_in_the_order_of_docker() {
    let long = run(&["install", "--help"]).stdout;
    let (_, container) = long.split_once("Container (").unwrap();
    let (container, _) = container.split_once("Examples:").unwrap();
    let names = container.lines().filter_map(|line| {
        let name = line.split_once("--")?.1.split([' ', '[']).next()?;
        line.trim_start().starts_with('-').then_some(name)
    });
    // Docker's `--user` is called otherwise here, and stands where it stands there.
    let names: Vec<&str> = names
        .map(|name| if name == "container-user" { "user" } else { name })
        .filter(|name| *name != "no-mount-cwd")
        .collect();
    assert!(names.len() > 50 && names.is_sorted(), "{names:?}");
}

#[test]
fn what_docker_and_jupyter_call_otherwise_is_understood() {
    let sandbox = Sandbox::new();
    let prefix = format!("--prefix={}", sandbox.path("prefix").display());
    let bootstrap = program(&sandbox, "stub/bootstrap_kernel", "");
    let run = |words: &[&str]| {
        let mut command = sandbox.command(INSTALLER);
        sandbox.run(command.args(words).env("JUPYTER_DOCKER_SPEC_BOOTSTRAP", &bootstrap))
    };
    let install = |words: &[&str]| {
        run(&[&["install", "--local", "--kernel-name=k", &prefix], words].concat())
    };
    let options = || {
        let path = sandbox.path("prefix/share/jupyter/kernels/k/scripts/launch_docker.toml");
        fs::read_to_string(path).unwrap()
    };
    let done = install(&["--image=my/image:1.0", "-u", "1000:100"]);
    assert_eq!(done.code(), Some(0), "{done}");
    assert!(options().contains("\nimage = \"my/image:1.0\"\n"), "{}", options());
    assert!(options().contains("\nuser = \"1000:100\"\n"), "{}", options());
    assert_eq!(install(&["--image=my/image:2"]).code(), Some(1));
    for word in ["-f", "--force", "--replace"] {
        let image = format!("my/image:{}", word.len());
        let done = install(&["--image", &image, word]);
        assert_eq!(done.code(), Some(0), "{done}");
        assert!(options().contains(&image), "{}", options());
    }
    for words in
        [&["set", "k", &prefix, "--image", "my/other:2"][..], &["uninstall", "-f", "k", &prefix]]
    {
        let done = run(words);
        assert_eq!(done.code(), Some(0), "{done}");
    }
    assert!(!sandbox.path("prefix/share/jupyter/kernels/k").exists());
}

#[test]
fn options_of_docker_that_a_kernel_does_not_need_are_explained() {
    let words =
        ["-p=8888:8888", "--publish=1:1", "--rm", "-it", "-d", "--restart=always", "--name=x"];
    let said = words.map(|word| run(&["install", word]).to_string()).concat();
    assert_snapshot!(said, @"
    exit status: 2
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] `install` has no `-p`, and needs none: nobody reaches a kernel by a port of the host: its server, or the launcher of --local, reaches it anyway

    exit status: 2
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] `install` has no `--publish`, and needs none: nobody reaches a kernel by a port of the host: its server, or the launcher of --local, reaches it anyway

    exit status: 2
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] `install` has no `--rm`, and needs none: the container of a kernel goes with its kernel, always

    exit status: 2
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] `install` has no `-i`, and needs none: nobody types into a kernel's container

    exit status: 2
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] `install` has no `-d`, and needs none: Jupyter starts kernels and waits for none of them

    exit status: 2
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] `install` has no `--restart`, and needs none: Jupyter starts a kernel again that has died

    exit status: 2
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] `install` has no `--name`, and needs none: containers are called after their kernels; `--kernel-name` is what the specification is called
    ");
    assert_snapshot!(run(&["set", "k", "--rm"]), @"
    exit status: 2
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] `set` has no `--rm`, and needs none: the container of a kernel goes with its kernel, always
    ");
    assert_snapshot!(run(&["install", "--user=1000:100"]), @"
    exit status: 2
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] `--user` is about the place, for the current user only, as in all of Jupyter's commands; the user of the container is `-u 1000:100`
    ");
    assert_eq!(
        run(&["install", "--user", "1000:100"]).to_string(),
        run(&["install", "--user=1000:100"]).to_string()
    );
    // Where they mean nothing of the kind, nothing is explained.
    assert!(run(&["list", "--rm"]).stderr.contains("unexpected argument '--rm' found"));
}

#[test]
fn an_image_without_its_option_is_told_which_that_is() {
    assert_snapshot!(run(&["install", "python:3.12"]), @"
    exit status: 2
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] `install` has options only, and `python:3.12` is none: an image is `--image=python:3.12`, the name of a specification `--kernel-name=python:3.12`
    ");
}

#[test]
fn nobody_is_led_to_a_command_that_destroys() {
    for word in [
        "remov", "removee", "prun", "prunes", "delete", "del", "purge", "unistall", "rn", "cleanup",
    ] {
        let outcome = run(&[word]);
        assert_eq!(outcome.code(), Some(2), "{outcome}");
        for name in ["'remove'", "'prune'", "'uninstall'", "'rm'"] {
            assert!(!outcome.stderr.contains(name), "{outcome}");
        }
    }
    for (word, name) in [
        ("instal", "install"),
        ("lst", "list"),
        ("create", "install"),
        ("edit", "set"),
        ("mv", "rename"),
        ("doctor", "check"),
        ("checks", "check"),
        ("completion", "completions"),
    ] {
        let outcome = run(&[word]);
        let tip = format!("a similar subcommand exists: '{name}'");
        assert!(outcome.stderr.contains(&tip), "{outcome}");
    }
}
