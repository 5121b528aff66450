//! What is said to those who ask, and to those who ask for what there is not.

use insta::assert_snapshot;

use crate::sandbox::{INSTALLER, LAUNCHER, Outcome, Sandbox};

fn run(program: &str, words: &[&str]) -> Outcome {
    let sandbox = Sandbox::new();
    sandbox.run(sandbox.command(program).args(words))
}

#[test]
fn help_of_the_program() {
    assert_snapshot!(run(INSTALLER, &["--help"]), @"
    exit status: 0
    ----- stdout -----
    Creates Jupyter kernel specifications whose kernels run as Docker containers or
    as Docker Swarm services

    Usage: jupyter-docker-spec [COMMAND]

    Commands:
      install      Create a kernel specification for use on a Docker Engine or a
                   Docker Swarm
      completions  Print a completion script for a shell
      man          Print a manual page, to be read with `man -l -`

    Options:
      -h, --help     Print help
      -V, --version  Print version
    ");
}

#[test]
fn help_of_install() {
    assert_snapshot!(run(INSTALLER, &["install", "--help"]), @r"
    exit status: 0
    ----- stdout -----
    Create a kernel specification for use on a Docker Engine or a Docker Swarm

    Usage: jupyter-docker-spec install [OPTIONS]

    Options:
      -h, --help  Print help

    Kernel:
          --language <LANGUAGE>
              Language of the kernel: Python, R or Scala [default: Python]
          --image-name <IMAGE>
              Image of the kernel's container [env: GP_IMAGE_NAME] [default:
              elyra/kernel-py, kernel-r or kernel-scala, :0.5.0]
          --swarm
              Run the kernel as a service of a Docker Swarm instead of as a
              container of one engine
          --ipykernel-subclass-name <CLASS>
              For Python kernels, the dotted name of the ipykernel subclass
              [default: ipykernel.ipkernel.IPythonKernel]
          --port-range <LOW..HIGH>
              Ports that the kernel takes its own from, such as 40000..42000; 0..0
              for any [env: GP_PORT_RANGE] [default: 0..0]
          --launch-timeout <SECONDS>
              How long the server waits for the kernel to start [env:
              GP_LAUNCH_TIMEOUT, else KERNEL_LAUNCH_TIMEOUT] [default: 30]
          --authorized-users <USER>
              User who may start the kernel; repeatable; nobody named means
              everybody [env: GP_AUTHORIZED_USERS, separated by commas]
          --unauthorized-users <USER>
              User who may not start the kernel, also if authorized; repeatable
              [env: GP_UNAUTHORIZED_USERS, separated by commas] [default: root]
          --launcher <KIND|PATH>
              What starts the container: `native`, `python` (a launcher to be
              edited) or a file [env: JUPYTER_DOCKER_SPEC_LAUNCHER] [default:
              native]

    Specification:
          --kernel-name <NAME>   Name of the specification's directory [default:
                                 docker_python, docker_r or docker_scala]
          --display-name <NAME>  Name that people see [default: Docker Python,
                                 Docker R or Docker Scala]
          --replace              Replace a specification of this name
          --dry-run              Print what would be written, and what the launcher
                                 would ask the engine for, and write nothing

    Destination:
          --user             Install for the current user only
          --prefix <PREFIX>  Install below PREFIX/share/jupyter/kernels
          --sys-prefix       Install below the prefix of the Python environment this
                             command belongs to

    Configuration:
          --config <FILE>     Configuration file to read in place of those in
                              Jupyter's directories
          --show-config       Print the values that are set, with their origin, and
                              install nothing
          --show-config-json  The same as JSON
          --generate-config   Write a configuration file with all defaults, and
                              install nothing
      -y, --answer-yes        Answer every question with yes
          --help-all          Print this help, and all classes and traits of
                              configuration files

    Messages:
          --log-level <LEVEL>  Least important messages to show: 0, 10 to 50, DEBUG,
                               INFO, WARN, ERROR or CRITICAL [default: INFO]
          --debug              Show all messages; the same as --log-level DEBUG

    Examples:
      jupyter-docker-spec install --language=R --kernel-name=r_docker \
          --image-name=foo/my_r_kernel_image:v4_0
      jupyter-docker-spec install --swarm --kernel-name=python_swarm
    ");
}

#[test]
fn help_of_the_launcher() {
    assert_snapshot!(run(LAUNCHER, &["--help"]), @"
    exit status: 0
    ----- stdout -----
    Starts a Jupyter kernel as a Docker container or a Docker Swarm service.

    A Jupyter server runs this through kernel.json. The image, the user, the network
    and the rest come from the variables that the server sets: KERNEL_IMAGE,
    KERNEL_USERNAME, KERNEL_UID, GP_DOCKER_MODE, GP_DOCKER_NETWORK and others.

    Usage: launch_docker --kernel-id ID [OPTIONS]

    Options:
      --kernel-id ID
              Id of the kernel; required
      --port-range LOW..HIGH
              Ports that the kernel takes its own from
      --response-address IP:PORT
              Where the kernel sends its connection information
      --public-key KEY
              Key with which it encrypts that
      --transport-encryption POLICY
              Whether the kernel's traffic is encrypted: auto or required
      --kernel-class-name CLASS
              Class of a Python kernel
      --spark-context-initialization-mode MODE
              Whether and how a Spark context is created [default: none]
      -h, --help
              Print help
      -V, --version
              Print version
    ");
}

#[test]
fn short_help_is_the_same() {
    for (program, words) in [(INSTALLER, &[][..]), (INSTALLER, &["install"]), (LAUNCHER, &[])] {
        let with = |word: &'static str| run(program, &[words, &[word]].concat()).to_string();
        assert_eq!(with("-h"), with("--help"), "{program} {words:?}");
    }
}

#[test]
fn versions() {
    for (program, name) in [(INSTALLER, "jupyter-docker-spec"), (LAUNCHER, "launch_docker")] {
        for word in ["--version", "-V"] {
            let outcome = run(program, &[word]);
            let version = concat!(" ", env!("CARGO_PKG_VERSION"), "\n");
            assert_eq!(outcome.stdout, format!("{name}{version}"));
            assert_eq!((outcome.code(), outcome.stderr.as_str()), (Some(0), ""), "{outcome}");
        }
    }
}

#[test]
fn no_subcommand() {
    assert_snapshot!(run(INSTALLER, &[]), @"
    exit status: 1
    ----- stdout -----
    No subcommand specified. Must specify one of: ['install', 'completions', 'man']

    Creates Jupyter kernel specifications whose kernels run as Docker containers or
    as Docker Swarm services

    Usage: jupyter-docker-spec [COMMAND]

    Commands:
      install      Create a kernel specification for use on a Docker Engine or a
                   Docker Swarm
      completions  Print a completion script for a shell
      man          Print a manual page, to be read with `man -l -`

    Options:
      -h, --help     Print help
      -V, --version  Print version
    ");
}

#[test]
fn an_option_that_is_none_is_refused_with_a_suggestion() {
    assert_snapshot!(run(INSTALLER, &["install", "--imagename=a"]), @"
    exit status: 2
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] unexpected argument '--imagename' found

          tip: a similar argument exists: '--image-name'

        Usage: jupyter-docker-spec install --image-name <IMAGE>

        For more information, try '--help'.
    ");
}

#[test]
fn underscores_are_taken_in_the_suggestion_too() {
    assert_snapshot!(run(INSTALLER, &["install", "--kernel_nam=a"]), @"
    exit status: 2
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] unexpected argument '--kernel-nam' found

          tip: a similar argument exists: '--kernel-name'

        Usage: jupyter-docker-spec install --kernel-name <NAME>

        For more information, try '--help'.
    ");
}

#[test]
fn an_abbreviation_is_no_option() {
    assert_snapshot!(run(INSTALLER, &["install", "--repl"]), @"
    exit status: 2
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] unexpected argument '--repl' found

          tip: a similar argument exists: '--replace'

        Usage: jupyter-docker-spec install --replace

        For more information, try '--help'.
    ");
}

#[test]
fn a_word_too_many_is_refused() {
    assert_snapshot!(run(INSTALLER, &["install", "docker_python"]), @"
    exit status: 2
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] unexpected argument 'docker_python' found

        Usage: jupyter-docker-spec install [OPTIONS]

        For more information, try '--help'.
    ");
}

#[test]
fn a_subcommand_that_is_none_is_refused_with_a_suggestion() {
    assert_snapshot!(run(INSTALLER, &["instal"]), @"
    exit status: 2
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] unrecognized subcommand 'instal'

          tip: a similar subcommand exists: 'install'

        Usage: jupyter-docker-spec [COMMAND]

        For more information, try '--help'.
    ");
}

#[test]
fn an_option_without_its_subcommand_is_refused() {
    assert_snapshot!(run(INSTALLER, &["--user"]), @"
    exit status: 2
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] unexpected argument '--user' found

        Usage: jupyter-docker-spec [COMMAND]

        For more information, try '--help'.
    ");
}

#[test]
fn an_option_without_its_value_is_refused() {
    assert_snapshot!(run(INSTALLER, &["install", "--kernel-name"]), @"
    exit status: 2
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] a value is required for '--kernel-name <NAME>' but none was supplied

        For more information, try '--help'.
    ");
}

#[test]
fn a_flag_with_a_value_is_refused() {
    assert_snapshot!(run(INSTALLER, &["install", "--swarm=1"]), @"
    exit status: 2
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] unexpected value '1' for '--swarm' found; no more were expected

        Usage: jupyter-docker-spec install --swarm

        For more information, try '--help'.
    ");
}

#[test]
fn an_option_given_twice_is_refused() {
    assert_snapshot!(run(INSTALLER, &["install", "--prefix=a", "--prefix=b"]), @"
    exit status: 2
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] the argument '--prefix <PREFIX>' cannot be used multiple times

        Usage: jupyter-docker-spec install [OPTIONS]

        For more information, try '--help'.
    ");
}

#[test]
fn the_launcher_refuses_what_is_no_option() {
    let words = [&["--kernel", "k"][..], &["--kernel-id=k", "extra"], &["-k"]];
    let outcomes = words.map(|words| run(LAUNCHER, words).to_string()).concat();
    assert_snapshot!(outcomes, @r#"
    exit status: 2
    ----- stderr -----
    [E [TIME] launch_docker] invalid option '--kernel'; see `launch_docker --help`

    exit status: 2
    ----- stderr -----
    [E [TIME] launch_docker] unexpected argument "extra"; see `launch_docker --help`

    exit status: 2
    ----- stderr -----
    [E [TIME] launch_docker] invalid option '-k'; see `launch_docker --help`
    "#);
}
