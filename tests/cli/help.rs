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

    Usage: jupyter-docker-spec [OPTIONS] [COMMAND]

    Commands:
      install      Create a kernel specification for use on a Docker Engine or a
                   Docker Swarm
      list         List the Docker kernel specifications that Jupyter finds from
                   here [alias: ls]
      show         Show a specification with all its settings
      set          Change what is named in an installed specification, and nothing
                   else
      rename       Give a specification another name
      remove       Remove specifications [aliases: uninstall, rm]
      convert      Give specifications the native launcher in the place of one in
                   Python
      check        Look for what would keep kernels from starting, and say what to
                   do about it
      pull         Fetch the images of specifications before kernels need them
      ps           List the kernels that there are on the engine or in the Swarm
      prune        Remove kernels that no server waits for
      compose      Write a Compose file for Enterprise Gateway, or for a Jupyter
                   server with gateway_provisioners
      completions  Print a completion script for a shell
      man          Print a manual page, to be read with `man -l -`

    Options:
          --help-all  Print this help, and all classes and traits of configuration
                      files
      -h, --help      Print help
      -V, --version   Print version
    ");
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is the help")]
fn help_of_install() {
    assert_snapshot!(run(INSTALLER, &["install", "--help"]), @r"
    exit status: 0
    ----- stdout -----
    Create a kernel specification for use on a Docker Engine or a Docker Swarm

    Usage: jupyter-docker-spec install [OPTIONS]

    Options:
      -h, --help
              Print help (see a summary with '-h')

    Kernel:
          --gateway <SYSTEM>
              Whose kernels they are: gateway-provisioners, in any Jupyter server,
              or enterprise-gateway [default: gateway-provisioners]

          --local
              Run the kernel for any Jupyter application, such as JupyterLab or VS
              Code, in any image that has it: no server has to know of Docker

          --bring-bootstrap
              For a gateway, run the kernel in any image that has it, and bring
              along what else the gateway needs there

          --language <LANGUAGE>
              Language of the kernel: Python, R or Scala; with --local or
              --bring-bootstrap, any other that --kernel-command or
              --image-kernelspec starts [default: Python]
              [equivalent to: --BaseSpecApp.language]

          --image-name <IMAGE>
              Image of the kernel's container [env: GP_IMAGE_NAME] [default:
              elyra/kernel-py, kernel-r or kernel-scala, :0.5.0; for Enterprise
              Gateway :3.3.0; none for --local]
              [equivalent to: --DockerSpecInstaller.image_name]

              [alias: --image]

          --image-tag <TAG>
              Tag of the default image

          --executor-image-name <IMAGE>
              Image of the executors of a Spark kernel [default: that of the kernel]

          --swarm
              Run the kernel as a service of a Docker Swarm instead of as a
              container of one engine
              [equivalent to: --DockerSpecInstaller.swarm]

          --no-swarm
              Run it as a container, whatever a configuration file or a sample says

          --ipykernel-subclass-name <CLASS>
              For Python kernels, the dotted name of the ipykernel subclass
              [default: ipykernel.ipkernel.IPythonKernel]
              [equivalent to: --BaseSpecApp.ipykernel_subclass_name]

          --kernel-command <COMMAND>
              Command that starts a kernel of --local or --bring-bootstrap, split as
              a shell would, with {connection_file} in it [default: that of
              ipykernel or IRkernel]

          --image-kernelspec[=<NAME>]
              For --local or --bring-bootstrap, take command, language, display
              name, variables and logos from this kernelspec of the image, or from
              the only one

          --add-kernel
              For --local or --bring-bootstrap, build an image on top of one that
              has no kernel: with ipykernel, or with IRkernel for --language=R

          --build-arg <NAME[=VALUE]>
              Build-time variable of --add-kernel, such as PIP_INDEX_URL; without
              VALUE, this environment's; repeatable

          --build-network <NETWORK>
              Networking mode for the steps of --add-kernel, such as host

          --port-range <LOW..HIGH>
              Ports that the kernel takes its own from, such as 40000..42000; 0..0
              for any [env: GP_PORT_RANGE] [default: 0..0]
              [equivalent to: --RemoteProvisionerConfigMixin.port_range]

          --launch-timeout <SECONDS>
              How long the server waits for the kernel to start [env:
              GP_LAUNCH_TIMEOUT, else KERNEL_LAUNCH_TIMEOUT] [default: 30, or what
              Enterprise Gateway has been told]
              [equivalent to: --RemoteProvisionerConfigMixin.launch_timeout]

          --authorized-users <USER>
              User who may start the kernel; repeatable; nobody named means
              everybody [env: GP_AUTHORIZED_USERS, separated by commas]
              [equivalent to: --RemoteProvisionerConfigMixin.authorized_users]

          --unauthorized-users <USER>
              User who may not start the kernel, also if authorized; repeatable
              [env: GP_UNAUTHORIZED_USERS, separated by commas] [default: root]
              [equivalent to: --RemoteProvisionerConfigMixin.unauthorized_users]

          --show-launch-errors
              Tell the notebook's user why a kernel could not be launched, not only
              the server's log; the server needs the Python package
              jupyter-docker-spec

          --launcher <KIND|PATH>
              What starts the container: `native`, `python` (a launcher to be
              edited, which does not read launch_docker.toml) or a file [env:
              JUPYTER_DOCKER_SPEC_LAUNCHER] [default: native]

    Specification:
          --kernel-name <NAME>
              Name of the specification's directory [default: docker_python,
              docker_r or docker_scala]
              [equivalent to: --BaseSpecApp.kernel_name]

          --display-name <NAME>
              Name that people see [default: Docker Python, Docker R or Docker
              Scala]
              [equivalent to: --BaseSpecApp.display_name]

      -f, --replace
              Replace a specification of this name
              [equivalent to: --BaseSpecApp.replace]

              [alias: --force]

          --file <FILE>
              Install all specifications of a TOML file, or none: a `kernel` table
              for each, with these options as keys, and a `defaults` table for all;
              `-` is standard input

          --sample <NAME>
              Install a sample of Enterprise Gateway's documentation, changed by the
              other options: R_docker, python_docker, python_tf_docker,
              python_tf_gpu_docker (with a GPU) or scala_docker; repeatable

          --samples
              Install all of these samples, or none

          --dry-run
              Print what would be written, and what the launcher would ask the
              engine for, and write nothing

    Destination:
          --user
              Install for the current user only
              [equivalent to: --BaseSpecApp.user]

          --prefix <PREFIX>
              Install below PREFIX/share/jupyter/kernels
              [equivalent to: --BaseSpecApp.prefix]

          --sys-prefix
              Install below the prefix of the Python environment this command
              belongs to

    Configuration:
          --config <FILE>
              Configuration file to read in place of those in Jupyter's directories
              [equivalent to: --JupyterApp.config_file]

          --show-config
              Print the values that are set, with their origin, and install nothing
              [equivalent to: --Application.show_config]

          --show-config-json
              Print the same as JSON, and install nothing
              [equivalent to: --Application.show_config_json]

          --generate-config
              Write a configuration file with all defaults, and install nothing
              [equivalent to: --JupyterApp.generate_config]

      -y, --answer-yes
              Answer every question with yes
              [equivalent to: --JupyterApp.answer_yes]

          --help-all
              Print this help, and all classes and traits of configuration files

    Messages:
          --log-level <LEVEL>
              Least important messages to show: 0, 10 to 50, DEBUG, INFO, WARN,
              ERROR or CRITICAL [default: INFO]
              [equivalent to: --Application.log_level]

          --debug
              Show all messages; the same as --log-level DEBUG

    Container (written to scripts/launch_docker.toml):
          --add-host <HOST:ADDRESS>
              Add a host-to-IP mapping; repeatable

          --cap-add <CAPABILITY>
              Add a Linux capability; repeatable

          --cap-drop <CAPABILITY>
              Drop a Linux capability; repeatable

          --constraint <CONSTRAINT>
              Placement constraint of a Swarm; repeatable

          --cpu-shares <NUMBER>
              CPU shares (relative weight) [engine's default: 1024]

          --cpus <NUMBER>
              Number of CPUs, such as 1.5

          --cpuset-cpus <LIST>
              CPUs in which to allow execution, such as 0-3

          --device <HOST[:CONTAINER[:rwm]]>
              Add a device of the host; repeatable

          --dns <ADDRESS>
              DNS server; repeatable

          --dns-search <DOMAIN>
              DNS search domain; repeatable

          --domainname <NAME>
              Domain name of the container

          --engine <ADDRESS>
              Engine of the kernels, such as ssh://USER@HOST; for --local [default:
              that of DOCKER_HOST or of the Docker context]

          --entrypoint <COMMAND>
              Entrypoint in the place of the one that the image has

      -e, --env <NAME[=VALUE]>
              Environment variable; without VALUE, the server's; repeatable

          --env-file <FILE>
              File of environment variables; repeatable

          --generic-resource <KIND=NUMBER>
              User-defined resource of a Swarm node, such as GPU=1; repeatable

          --gpus <GPUS>
              GPU devices: all, a number, or device=ID,...

          --group-add <GROUP>
              Additional group to join; repeatable

          --health-cmd <COMMAND>
              Command to run to check health [default: no check, whatever the image
              has]

          --health-interval <DURATION>
              Time between running the check

          --health-retries <NUMBER>
              Consecutive failures needed to report unhealthy

          --health-start-interval <DURATION>
              Time between running the check during the start period

          --health-start-period <DURATION>
              Start period in which failures do not count

          --health-timeout <DURATION>
              Maximum time to allow one check to run

          --hostname <NAME>
              Host name of the container

          --init[=<BOOL>]
              Run an init that forwards signals and reaps processes, so that kernels
              stop at once

          --ipc <MODE>
              IPC mode to use

      -l, --label <NAME=VALUE>
              Label of the container or service; repeatable

          --log-driver <DRIVER>
              Logging driver

          --log-opt <NAME=VALUE>
              Logging driver option; repeatable

      -m, --memory <BYTES>
              Memory limit, such as 4g

          --memory-reservation <BYTES>
              Memory soft limit

          --memory-swap <BYTES>
              Limit of memory plus swap; -1 for unlimited swap

          --mount <type=TYPE,...>
              Attach a mount, in the syntax of `docker run --mount`; repeatable

          --mount-cwd[=<BOOL>]
              Mount the notebook's directory, and start the kernel there

          --no-mount-cwd[=<BOOL>]
              Do not mount it, which --local does by default

          --network <NETWORK>
              Network to connect to besides the server's; for --local the
              container's own, or none; repeatable

          --no-healthcheck[=<BOOL>]
              Disable any health check, which is the default

          --pids-limit <NUMBER>
              Limit of processes and threads; -1 for unlimited

          --placement-pref <spread=LABEL>
              Placement preference of a Swarm; repeatable

          --platform <OS/ARCHITECTURE>
              Platform of the image

          --privileged[=<BOOL>]
              Give extended privileges, which are those of root on the host

          --pull <POLICY>
              When to pull the image: missing, always or never

          --read-only[=<BOOL>]
              Mount the container's root filesystem as read only

          --runtime <NAME>
              OCI runtime to use

          --secret <SECRET>
              Secret of the Swarm to expose to the kernel; repeatable

          --security-opt <OPTION>
              Security option; repeatable

          --shm-size <BYTES>
              Size of /dev/shm

          --signals-from <CIDR>
              Who may send the kernel signals, or have it end: an address, a
              network, or `server`; for --bring-bootstrap; repeatable [default: any]

          --stop-timeout <SECONDS>
              Seconds to wait for the kernel to stop before it is killed

          --storage-opt <NAME=VALUE>
              Storage driver option; repeatable

          --sysctl <NAME=VALUE>
              Sysctl option; repeatable

          --tmpfs <TARGET[:OPTIONS]>
              Mount a tmpfs directory; repeatable

          --ulimit <NAME=SOFT[:HARD]>
              Ulimit option; repeatable

      -u, --container-user <USER[:GROUP]>
              User of the container, or `image` for the image's own [default: the
              server's choice; for --local who starts the kernel]

          --userns <MODE>
              User namespace to use: host, where the engine maps users

      -v, --volume <SOURCE:TARGET[:OPTIONS]>
              Bind mount a directory of the host, or mount a volume; repeatable

          --warm[=<N>]
              Have N kernels wait, ready for the next notebooks; for --local
              [default: 0; without N: 1]

          --warm-command <COMMAND>
              What runs while they wait, in place of --kernel-command; for --local
              [default: Python's ipykernel, up to where it would answer; of others
              nothing]

          --warm-time <TIME>
              How long they wait, such as 2h; for --local [default: 30m]

      -w, --workdir <DIRECTORY>
              Working directory inside the container

    Examples:
      jupyter-docker-spec install --local --user --image-name=foo/my_image:v1
      jupyter-docker-spec install --language=R --kernel-name=r_docker \
          --image-name=foo/my_r_kernel_image:v4_0
      jupyter-docker-spec install --swarm --kernel-name=python_swarm
    ");
}

/// The options of the container are those of `install`, of which the help is above.
#[test]
fn help_of_set() {
    let help = |command| run(INSTALLER, &[command, "-h"]).stdout;
    let container = |help: &str| {
        let (_, container) = help.split_once("\nContainer (").unwrap();
        container.split("\n\n").next().unwrap().to_owned()
    };
    let set = help("set");
    let names = |help: &str| -> Vec<String> {
        let words = help.split([' ', '=', '[', '\n']).filter(|word| word.starts_with("--"));
        words.map(str::to_owned).collect()
    };
    let of_install = names(&run(INSTALLER, &["install", "--help"]).stdout);
    let of_set = names(&container(&set));
    assert!(of_set.len() > 50 && of_set.iter().all(|name| of_install.contains(name)), "{of_set:?}");
    assert_snapshot!(set.replace(&container(&set), "..."), @r"
    Change what is named in an installed specification, and nothing else

    Usage: jupyter-docker-spec set [OPTIONS] <NAME|PATH>

    Arguments:
      <NAME|PATH>  The specification, or the path of its directory

    Options:
      -h, --help  Print help

    Kernel:
          --image-name <IMAGE>
              Image of the kernel's container [alias: --image]
          --executor-image-name <IMAGE>
              Image of the executors of a Spark kernel
          --ipykernel-subclass-name <CLASS>
              For Python kernels, the dotted name of the ipykernel subclass
          --kernel-command <COMMAND>
              Command that starts a kernel of --local or --bring-bootstrap, split as
              a shell would, with {connection_file} in it
          --port-range <LOW..HIGH>
              Ports that the kernel takes its own from, such as 40000..42000; 0..0
              for any
          --launch-timeout <SECONDS>
              How long the server waits for the kernel to start
          --authorized-users <USER>
              User who may start the kernel; repeatable; nobody named means
              everybody
          --unauthorized-users <USER>
              User who may not start the kernel, also if authorized; repeatable

    Specification:
          --display-name <NAME>  Name that people see
          --unset <KEY>          Take away a key of launch_docker.toml, or what an
                                 option has said; repeatable
          --dry-run              Print what would be written, and what the launcher
                                 would ask the engine for, and write nothing

    Destination:
          --user             For the current user only
          --prefix <PREFIX>  Below PREFIX/share/jupyter/kernels
          --sys-prefix       Below the prefix of the Python environment this command
                             belongs to

    Container (...

    Options are those of `install`, with the same values. What is not named stays as
    it is: other values, comments, and files that somebody has added. A repeatable
    option names the whole list. --unset takes away what a specification can do
    without; an empty value does not. Only the command line counts: GP_* variables
    and configuration files change nothing.

    Examples:
      jupyter-docker-spec set docker_python --memory=8g
      jupyter-docker-spec set docker_python --image-name=foo/my_kernel:v2 \
          --unset=gpus
    ");
}

#[test]
fn help_of_pull() {
    assert_snapshot!(run(INSTALLER, &["pull", "--help"]), @"
    exit status: 0
    ----- stdout -----
    Fetch the images of specifications before kernels need them

    Usage: jupyter-docker-spec pull [OPTIONS] [NAME|PATH]...

    Arguments:
      [NAME|PATH]...  The specifications, or the paths of their directories; all
                      that Jupyter finds if none is named

    Options:
      -q, --quiet  Say only what goes wrong
          --json   Print JSON: what has come of each specification
      -h, --help   Print help

    Each image is asked for once, for the platform that scripts/launch_docker.toml
    names, with the credentials that launches have: those of DOCKER_AUTH_CONFIG, or
    of Docker's config.json with its credential helpers. As `docker compose pull`,
    it skips images whose pull_policy is `never`, and those whose pull_policy is
    `missing` if the engine has them. For a Swarm it fetches the image to the engine
    it talks to; the other nodes pull by themselves. When an image cannot be had,
    the others are fetched all the same, and the exit status is 1.
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
           launch_docker --connection-file FILE [WORD...]

    Options:
      --connection-file FILE
              Connection file of Jupyter: be the kernel, without a server that provides kernels; words after it are for the kernel
      --kernel-id ID
              Id of the kernel; required without --connection-file
      --port-range LOW..HIGH
              Range of ports for the kernel
      --response-address IP:PORT
              Address to which the kernel sends its connection information
      --public-key KEY
              Public key that encrypts the connection information
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
fn short_help_is_the_same_but_for_that_of_install() {
    let with =
        |program, words: &[&'static str], word| run(program, &[words, &[word]].concat()).stdout;
    for (program, words) in [(INSTALLER, &[][..]), (LAUNCHER, &[]), (INSTALLER, &["set"])] {
        assert_eq!(with(program, words, "-h"), with(program, words, "--help"), "{program}");
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
    No subcommand specified. Must specify one of: ['install', 'list', 'show', 'set', 'rename', 'remove', 'convert', 'check', 'pull', 'ps', 'prune', 'compose', 'completions', 'man']

    Creates Jupyter kernel specifications whose kernels run as Docker containers or
    as Docker Swarm services

    Usage: jupyter-docker-spec [OPTIONS] [COMMAND]

    Commands:
      install      Create a kernel specification for use on a Docker Engine or a
                   Docker Swarm
      list         List the Docker kernel specifications that Jupyter finds from
                   here [alias: ls]
      show         Show a specification with all its settings
      set          Change what is named in an installed specification, and nothing
                   else
      rename       Give a specification another name
      remove       Remove specifications [aliases: uninstall, rm]
      convert      Give specifications the native launcher in the place of one in
                   Python
      check        Look for what would keep kernels from starting, and say what to
                   do about it
      pull         Fetch the images of specifications before kernels need them
      ps           List the kernels that there are on the engine or in the Swarm
      prune        Remove kernels that no server waits for
      compose      Write a Compose file for Enterprise Gateway, or for a Jupyter
                   server with gateway_provisioners
      completions  Print a completion script for a shell
      man          Print a manual page, to be read with `man -l -`

    Options:
          --help-all  Print this help, and all classes and traits of configuration
                      files
      -h, --help      Print help
      -V, --version   Print version
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
    [E [TIME] DockerSpecInstaller] `install` has options only, and `docker_python` is none: an image is `--image=docker_python`, the name of a specification `--kernel-name=docker_python`
    ");
}

#[test]
fn a_subcommand_that_is_none_is_refused_with_a_suggestion() {
    assert_snapshot!(run(INSTALLER, &["instal"]), @"
    exit status: 2
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] unrecognized subcommand 'instal'

          tip: a similar subcommand exists: 'install'

        Usage: jupyter-docker-spec [OPTIONS] [COMMAND]

        For more information, try '--help'.
    ");
}

#[test]
fn an_option_without_its_subcommand_is_refused() {
    assert_snapshot!(run(INSTALLER, &["--user"]), @"
    exit status: 2
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] unexpected argument '--user' found

        Usage: jupyter-docker-spec [OPTIONS] [COMMAND]

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
