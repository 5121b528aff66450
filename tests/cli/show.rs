//! `show`.

use std::path::Path;
use std::process::Command;

use fs_err as fs;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::sandbox::{INSTALLER, KERNELS, Outcome, Sandbox, set_mode};

fn shower(sandbox: &Sandbox, words: &[&str]) -> Command {
    let mut command = sandbox.command(INSTALLER);
    command.arg("show").args(words);
    command.env("JUPYTER_PATH", sandbox.path("prefix/share/jupyter"));
    command
}

fn show(sandbox: &Sandbox, words: &[&str]) -> Outcome {
    sandbox.run(&mut shower(sandbox, words))
}

#[test]
fn everything_there_is_to_know() {
    let sandbox = Sandbox::new();
    sandbox.installed(&[
        "--launcher=python",
        "--authorized-users=bob",
        "--authorized-users=alice",
        "--port-range=40000..42000",
        "--launch-timeout=60",
    ]);
    assert_snapshot!(show(&sandbox, &["Docker_Python"]), @"
    exit status: 0
    ----- stdout -----
    Name:           docker_python
    Display name:   Docker Python
    Language:       python
    Image:          elyra/kernel-py:0.5.0
    Mode:           docker
    System:         GP
    Launcher:       python 0.1.0
    Path:           [ROOT]/prefix/share/jupyter/kernels/docker_python
    Port range:     40000..42000
    Launch timeout: 60 s
    Launch errors:  in the server's log
    Kernel class:   ipykernel.ipkernel.IPythonKernel
    Users:          alice, bob
    Users kept out: root
    Command:
      python [ROOT]/prefix/share/jupyter/kernels/docker_python/scripts/launch_docker.py --kernel-id {kernel_id} --port-range {port_range} --response-address {response_address} --public-key {public_key} --transport-encryption {transport_encryption} --kernel-class-name ipykernel.ipkernel.IPythonKernel
    Files:
            948  kernel.json
            369  logo-32x32.png
            714  logo-64x64.png
            662  logo-svg.svg
          24534  scripts/launch_docker.py
           5417  scripts/launch_docker.toml
          15163  scripts/launch_docker_options.py
    ");
    let json: Value =
        serde_json::from_str(&show(&sandbox, &["docker_python", "--json"]).stdout).unwrap();
    assert_eq!(json["authorized_users"], json!(["alice", "bob"]));
    assert_eq!(json["unauthorized_users"], json!(["root"]));
    assert_eq!(json["launch_timeout"], 60);
    assert_eq!(json["kernel_class"], "ipykernel.ipkernel.IPythonKernel");
    assert_eq!(json["argv"][0], "python");
    assert_eq!(json["launcher"]["kind"], "python");
    assert_eq!(json["files"][0]["path"], "kernel.json");
}

#[test]
fn by_the_path_of_its_directory() {
    let sandbox = Sandbox::new();
    sandbox.installed(&[]);
    let outcome = show(&sandbox, &[&format!("prefix/{KERNELS}/docker_python")]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
}

#[test]
fn what_cannot_be_shown() {
    let sandbox = Sandbox::new();
    sandbox.installed(&[]);
    sandbox.file(format!("prefix/{KERNELS}/local/kernel.json"), r#"{"argv": ["python"]}"#);
    sandbox.file(format!("prefix/{KERNELS}/docker_broken/kernel.json"), "{");
    sandbox.file(format!("prefix/{KERNELS}/docker_broken/scripts/launch_docker"), "");
    assert_snapshot!(show(&sandbox, &["docker_pyton"]).error(), @"there is no kernelspec `docker_pyton` in [ROOT]/prefix/share/jupyter/kernels, [ROOT]/home/.local/share/jupyter/kernels, /usr/local/share/jupyter/kernels, /usr/share/jupyter/kernels; those for Docker are `docker_broken`, `docker_python`; did you mean `docker_python`?");
    assert_snapshot!(show(&sandbox, &["./prefix"]).error(), @"there is no kernel.json in `[ROOT]/prefix`");
    assert_snapshot!(show(&sandbox, &["local"]).error(), @"`local` in [ROOT]/prefix/share/jupyter/kernels/local is no Docker kernel specification");
    assert_snapshot!(show(&sandbox, &["docker_broken"]).error(), @"could not understand `[ROOT]/prefix/share/jupyter/kernels/docker_broken/kernel.json`: EOF while parsing an object at line 1 column 1");
    assert_eq!(show(&sandbox, &["docker_python", "--json", "--command"]).code(), Some(2));
}

/// The words of an `install`; the command that `show` prints for what they make has to make the same.
const COMMANDS: [&[&str]; 22] = [
    &[],
    &["--language=R"],
    &["--language=Scala", "--swarm", "--kernel-name=a.b-c"],
    &["--launcher=python"],
    &["--image-name=registry:5000/a/b@sha256:0123"],
    &["--display-name=it's \"quoted\" \\ $HOME `x` #"],
    &["--display-name=\"~/x\""],
    &["--display-name=\"'a'\""],
    &["--display-name=a\nb\t"],
    &["--display-name=Größe 😀 --swarm"],
    &["--display-name=-x"],
    &["--display-name="],
    &["--authorized-users=b", "--authorized-users=a b", "--unauthorized-users=c,d"],
    &["--port-range=40000..42000", "--launch-timeout=99"],
    &["--ipykernel-subclass-name=a.b.C"],
    &["--gateway=enterprise-gateway"],
    &["--sample=R_docker"],
    &["--sample=R_docker", "--no-swarm", "--image-tag=1", "--gateway=gateway-provisioners"],
    &["--gateway=enterprise-gateway", "--swarm", "--language=R", "--launch-timeout=30"],
    &["--gateway=enterprise-gateway", "--executor-image-name=e", "--authorized-users=b,a"],
    &["--show-launch-errors", "--swarm"],
    &["--show-launch-errors", "--gateway=enterprise-gateway"],
];

#[test]
fn the_command_makes_the_same_again() {
    for place in ["prefix", "it's here ~"] {
        for words in COMMANDS {
            let sandbox = Sandbox::new();
            let prefix = format!("--prefix={}", sandbox.path(place).display());
            let outcome = sandbox.install(&[words, &[&prefix]].concat());
            assert_eq!(outcome.code(), Some(0), "{outcome}");
            let kernels = sandbox.path(place).join(KERNELS);
            let name = fs::read_dir(&kernels).unwrap().next().unwrap().unwrap().file_name();
            let specification = kernels.join(name);
            makes_the_same(&sandbox, &specification, words);
        }
    }
}

fn makes_the_same(sandbox: &Sandbox, specification: &Path, words: &[&str]) {
    let before = fs::read(specification.join("kernel.json")).unwrap();
    let stub = specification.join("scripts/launch_docker");
    let output = shower(sandbox, &[specification.to_str().unwrap(), "--command"]).output().unwrap();
    assert!(output.status.success(), "{}", sandbox.outcome(&output));
    fs::remove_dir_all(specification).unwrap();
    // The stand-in for the launcher is none of ours, and has gone with the specification.
    let line = String::from_utf8(output.stdout).unwrap();
    let option = format!("--launcher={}", stub.display());
    let line =
        line.replace(&format!("'{}'", option.replace('\'', r"'\''")), "").replace(&option, "");
    let mut shell = sandbox.command("/bin/sh");
    shell.arg("-c").arg(&line);
    shell.env("PATH", Path::new(INSTALLER).parent().unwrap());
    shell.env("JUPYTER_DOCKER_SPEC_LAUNCHER", sandbox.path("stub/launch_docker"));
    let outcome = sandbox.run(&mut shell);
    assert_eq!(outcome.code(), Some(0), "{words:?}: {line}{outcome}");
    let after = fs::read(specification.join("kernel.json")).unwrap();
    assert_eq!(after, before, "{words:?}: {line}");
}

#[test]
fn what_the_command_cannot_express_is_said() {
    let sandbox = Sandbox::new();
    let specification = sandbox.installed(&["--launcher=python"]);
    let mut kernel_json = Sandbox::kernel_json(&specification);
    kernel_json["env"] = json!({"A": "1"});
    kernel_json["metadata"]["kernel_provisioner"]["config"]["more"] = json!(1);
    fs::write(specification.join("kernel.json"), kernel_json.to_string()).unwrap();
    assert_snapshot!(show(&sandbox, &["docker_python", "--command"]), @"
    exit status: 0
    ----- stdout -----
    jupyter-docker-spec install --launcher=python --prefix=[ROOT]/prefix --replace

    ----- stderr -----
    [W [TIME] DockerSpecInstaller] The command cannot express, and leaves out of kernel.json, `env.A`, `metadata.kernel_provisioner.config.more`
    ");
}

/// Runs what `show --command` prints, which has to leave `kernel.json` as it is. Returns the command.
fn run_again(sandbox: &Sandbox, specification: &Path, variables: &[(&str, &str)]) -> String {
    let before = fs::read(specification.join("kernel.json")).unwrap();
    let words = [specification.to_str().unwrap(), "--command"];
    let output = shower(sandbox, &words).envs(variables.iter().copied()).output().unwrap();
    let line = String::from_utf8(output.stdout).unwrap();
    let mut shell = sandbox.command("/bin/sh");
    let path = format!("{}:/usr/bin:/bin", Path::new(INSTALLER).parent().unwrap().display());
    shell.args(["-c", &line]).env("PATH", path).envs(variables.iter().copied());
    let outcome = sandbox.run(&mut shell);
    assert_eq!(outcome.code(), Some(0), "{line}{outcome}");
    assert_eq!(fs::read(specification.join("kernel.json")).unwrap(), before, "{line}");
    assert!(line.lines().all(|line| !line.chars().any(char::is_control)), "{line:?}");
    line
}

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    /// Text in which everything occurs that a shell or the command line may take for something else.
    fn text(&mut self) -> String {
        const PARTS: [&str; 22] = [
            "'", "\"", "~", "$HOME", "`id`", "$(id)", "\\", "\n", "\r", "\t", "\x1b[31m", "\u{9b}",
            "\u{202e}", " ", "é", "😀", "#", "!", "*", "-", "=", "a",
        ];
        (0..self.below(7)).map(|_| self.one(&PARTS)).collect()
    }
}

#[test]
fn the_command_makes_the_same_again_whatever_the_settings() {
    let sandbox = Sandbox::new();
    let mut numbers = Numbers(1);
    for _ in 0..60 {
        let language = numbers.one(&["Python", "R", "Scala"]);
        let name = numbers.one(&["docker_r", "Docker_Python", "~", "other"]).replace('~', "a.b-c");
        let mut words = vec![
            format!("--language={language}"),
            format!("--kernel-name={name}"),
            format!("--display-name=\"{}\"", numbers.text()),
            format!("--image-name=\"a{}\"", numbers.text()),
            format!("--authorized-users=\"{}\"", numbers.text()),
            format!("--unauthorized-users=\"{}\"", numbers.text()),
            format!("--launch-timeout={}", numbers.one(&["30", "1", "4294967295"])),
            format!("--port-range={}", numbers.one(&["0..0", "40000..42000", "5..5"])),
            format!("--launcher={}", numbers.one(&["python", "stub/launch_docker"])),
            "--replace".to_owned(),
        ];
        if numbers.below(2) == 0 {
            words.push("--swarm".to_owned());
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        run_again(&sandbox, &sandbox.installed(&words), &[]);
    }
}

#[test]
fn the_command_writes_the_launchers_settings_again() {
    let sandbox = Sandbox::new();
    let options = "scripts/launch_docker.toml";
    for words in [
        &[
            "--volume=/a b:/c'd:ro",
            "--mount=type=tmpfs,target=/t,tmpfs-mode=1777",
            "--env=A=$x\ny",
            "--env=~=~",
        ] as &[&str],
        &[
            "--memory=4g",
            "--cpus=1.5",
            "--gpus=device=0,1",
            "--ulimit=core=0",
            "--init",
            "--add-host=h:::1",
        ],
        &[
            "--log-driver=local",
            "--log-opt=max-size=1m",
            "--pull=never",
            "--dns=192.0.2.1",
            "--dns=192.0.2.2",
        ],
        &["--swarm", "--constraint=node.role==worker", "--secret=a", "--generic-resource=GPU=1"],
        &["--shm-size=1g", "--log-driver=none", "--label=a=b", "--network=n"],
    ] {
        let specification =
            sandbox.installed(&[&["--launcher=native", "--replace"], words].concat());
        let before = fs::read_to_string(specification.join(options)).unwrap();
        let line = run_again(&sandbox, &specification, &[]);
        let after = fs::read_to_string(specification.join(options)).unwrap();
        assert!(before == after, "{line}");
    }
    // What somebody has written in, and what only the file can say.
    let specification = sandbox.installed(&["--launcher=python", "--memory=4g", "--replace"]);
    let path = specification.join(options);
    let text = fs::read_to_string(&path).unwrap() + "\ndeploy.resources.limits.cpus = 2\n";
    fs::write(&path, text.replace("\"4g\"", "\"8g\"")).unwrap();
    assert_snapshot!(show(&sandbox, &["docker_python", "--command"]), @"
    exit status: 0
    ----- stdout -----
    jupyter-docker-spec install --launcher=python --memory=8g --prefix=[ROOT]/prefix --replace

    ----- stderr -----
    [W [TIME] DockerSpecInstaller] The command cannot express `deploy.resources.limits.cpus = 2` in launch_docker.toml
    ");
}

#[test]
fn the_command_names_the_place() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.install(&["--user", "--launcher=python"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let specification = sandbox.path("home/.local/share/jupyter/kernels/docker_python");
    assert_snapshot!(run_again(&sandbox, &specification, &[]), @"jupyter-docker-spec install --launcher=python --user --replace");
    // Where no option leads by itself.
    let other = sandbox.path("prefix/data/kernels/docker_python");
    let data = sandbox.path("prefix/data");
    let mut installer = sandbox.installer();
    installer.args(["--user", "--launcher=python"]).env("JUPYTER_DATA_DIR", &data);
    let outcome = sandbox.run(&mut installer);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let line = run_again(&sandbox, &other, &[]);
    let expected = format!(
        "JUPYTER_DATA_DIR={} jupyter-docker-spec install --launcher=python --user --replace\n",
        data.display()
    );
    assert_eq!(line.replace(" \\\n    ", " "), expected);
}

#[test]
fn variables_that_are_set_change_nothing() {
    const VARIABLES: [(&str, &str); 6] = [
        ("GP_IMAGE_NAME", "from/variable"),
        ("GP_AUTHORIZED_USERS", "bob"),
        ("GP_UNAUTHORIZED_USERS", "eve"),
        ("GP_PORT_RANGE", "40000..42000"),
        ("GP_LAUNCH_TIMEOUT", "99"),
        ("JUPYTER_DOCKER_SPEC_LAUNCHER", "python"),
    ];
    let sandbox = Sandbox::new();
    let specification = sandbox.installed(&["--launcher=native"]);
    let line = run_again(&sandbox, &specification, &VARIABLES);
    assert_eq!(line.matches("--").count(), 8, "{line}");
    // What a variable says here is not said everywhere.
    let specification = sandbox.installed(&["--image-name=from/variable", "--replace"]);
    assert!(run_again(&sandbox, &specification, &VARIABLES).contains("--image-name=from/variable"));
}

#[test]
fn a_launcher_that_was_edited_is_kept() {
    let sandbox = Sandbox::new();
    let specification = sandbox.installed(&["--launcher=python"]);
    let launcher = specification.join("scripts/launch_docker.py");
    let edited = fs::read_to_string(&launcher).unwrap() + "# mine\n";
    fs::write(&launcher, &edited).unwrap();
    let line = run_again(&sandbox, &specification, &[]);
    assert!(line.contains("scripts/launch_docker.py"), "{line}");
    assert_eq!(fs::read_to_string(&launcher).unwrap(), edited);
}

#[test]
fn a_name_that_install_cannot_give_has_no_command() {
    let sandbox = Sandbox::new();
    let specification = sandbox.installed(&["--launcher=python"]);
    let odd = specification.with_file_name("g h\u{e9}");
    fs::rename(&specification, &odd).unwrap();
    let outcome = show(&sandbox, &[odd.to_str().unwrap(), "--command"]);
    assert_snapshot!(outcome.error(), @"no command makes this specification again: Invalid kernel name `g hé`: it has a character that Jupyter does not allow in a kernel's name. Kernel names can only contain ASCII letters and numbers and these separators: - . _ (hyphen, period, and underscore).");
}

#[test]
fn a_specification_of_enterprise_gateway() {
    let sandbox = Sandbox::new();
    let path = sandbox.file(
        format!("prefix/{KERNELS}/eg/kernel.json"),
        r#"{"argv": ["python", "/usr/local/share/jupyter/kernels/eg/scripts/launch_docker.py",
                     "--RemoteProcessProxy.kernel-id", "{kernel_id}"],
            "env": {"A": "\u009b"}, "display_name": "EG\u009b", "language": "python",
            "metadata": {"process_proxy": {
                "class_name": "enterprise_gateway.services.processproxies.docker_swarm.DockerProcessProxy",
                "config": {"authorized_users": "bob, alice", "more": 1}}}}"#,
    );
    sandbox.file(path.with_file_name("scripts/launch_docker.toml"), "read_only = true\n");
    set_mode(&path, 0o644);
    assert_snapshot!(show(&sandbox, &["eg"]), @r"
    exit status: 0
    ----- stdout -----
    Name:           eg
    Display name:   EG\u{9b}
    Language:       python
    Image:          -
    Mode:           docker
    System:         EG
    Launcher:       -
    Path:           [ROOT]/prefix/share/jupyter/kernels/eg
    Broken:         `argv` in kernel.json runs `/usr/local/share/jupyter/kernels/eg/scripts/launch_docker.py`, which is not part of it
    Broken:         the launcher `/usr/local/share/jupyter/kernels/eg/scripts/launch_docker.py` is missing
    Port range:     any
    Launch timeout: the server's
    Launch errors:  in the server's log
    Kernel class:   -
    Users:          bob, alice
    Users kept out: root
    Command:
      python /usr/local/share/jupyter/kernels/eg/scripts/launch_docker.py --RemoteProcessProxy.kernel-id {kernel_id}
    Other settings:
      more = 1
    Environment:
      A=\u{9b}
    launch_docker.toml:
      read_only = true
    Files:
            467  kernel.json
             17  scripts/launch_docker.toml
    ");
    assert_snapshot!(show(&sandbox, &["eg", "--command"]), @r#"
    exit status: 0
    ----- stdout -----
    jupyter-docker-spec install \
        --gateway=enterprise-gateway \
        '--display-name=EG'"$(printf '\302\233')" \
        --authorized-users=bob,alice \
        --launcher=python \
        --read-only \
        --prefix=[ROOT]/prefix \
        --kernel-name=eg \
        --replace

    ----- stderr -----
    [W [TIME] DockerSpecInstaller] The launcher `/usr/local/share/jupyter/kernels/eg/scripts/launch_docker.py` cannot be read
    [W [TIME] DockerSpecInstaller] The command cannot express, and leaves out of kernel.json, `env.A`, `metadata.process_proxy.config.more`
    [W [TIME] DockerSpecInstaller] The command cannot express, and changes in kernel.json, `argv`
    [W [TIME] DockerSpecInstaller] The command adds to kernel.json `metadata.process_proxy.config.image_name`, `metadata.debugger`
    "#);
    let json = show(&sandbox, &["eg", "--json"]).stdout;
    assert!(!json.chars().any(|c| c.is_control() && c != '\n'), "{json:?}");
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["provisioner"], "enterprise-gateway");
    assert_eq!(json["display_name"], "EG\u{9b}");
    assert_eq!(json["image"], Value::Null);
}

#[test]
fn shadowing_and_places_where_jupyter_does_not_look_are_told() {
    let sandbox = Sandbox::new();
    let first = sandbox.installed(&[]);
    let second = sandbox.path("home/.local/share/jupyter/kernels/docker_python");
    sandbox.install(&["--user"]);
    let json = |path: &Path| -> Value {
        let outcome = show(&sandbox, &[path.to_str().unwrap(), "--json"]);
        serde_json::from_str(&outcome.stdout).unwrap()
    };
    let second_shown = "[ROOT]/home/.local/share/jupyter/kernels/docker_python";
    assert_eq!(json(&first)["shadows"], json!([second_shown]));
    assert_eq!(json(&first)["problems"], json!([]));
    assert_eq!(
        json(&second)["shadowed_by"],
        json!(format!("[ROOT]/prefix/{KERNELS}/docker_python"))
    );
    let elsewhere = sandbox.path("elsewhere");
    fs::rename(&first, &elsewhere).unwrap();
    let problems = json(&elsewhere)["problems"].as_array().unwrap().clone();
    assert_eq!(problems.last().unwrap(), "Jupyter does not look into `[ROOT]` from here");
}
