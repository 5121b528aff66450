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
          18121  scripts/launch_docker.py
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
    assert_eq!(show(&sandbox, &["docker_python", "--json", "--toml"]).code(), Some(2));
}

/// The words of an `install`; the file that `show` prints for what they make has to make the same.
const COMMANDS: [&[&str]; 21] = [
    &[],
    &["--language=R"],
    &["--language=Scala", "--swarm", "--kernel-name=a.b-c"],
    &["--launcher=python"],
    &[
        "--image-name=registry:5000/a/b@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    ],
    &["--display-name=it's \"quoted\" \\ $HOME `x` #"],
    &["--display-name=\"~/x\""],
    &["--display-name=\"'a'\""],
    &["--display-name=a\nb\t"],
    &["--display-name=Größe 😀 --swarm"],
    &["--display-name=-x"],
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
fn the_file_makes_the_same_again() {
    for place in ["prefix", "it's here ~"] {
        for words in COMMANDS {
            let sandbox = Sandbox::new();
            let prefix = format!("--prefix={}", sandbox.path(place).display());
            let outcome = sandbox.install(&[words, &[&prefix]].concat());
            assert_eq!(outcome.code(), Some(0), "{outcome}");
            let kernels = sandbox.path(place).join(KERNELS);
            let name = fs::read_dir(&kernels).unwrap().next().unwrap().unwrap().file_name();
            install_again(&sandbox, &kernels.join(name), &[]);
        }
    }
}

/// Installs what `show --toml` prints, which has to leave `kernel.json` and what `launch_docker.toml` says as they
/// are. Returns the file.
fn install_again(sandbox: &Sandbox, specification: &Path, variables: &[(&str, &str)]) -> String {
    let name = specification.to_str().unwrap();
    let said = || {
        let json: Value = serde_json::from_str(&show(sandbox, &[name, "--json"]).stdout).unwrap();
        (fs::read_to_string(specification.join("kernel.json")).unwrap(), json["options"].clone())
    };
    let before = said();
    let output =
        shower(sandbox, &[name, "--toml"]).envs(variables.iter().copied()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().all(|line| !line.chars().any(char::is_control)), "{text:?}");
    let file = sandbox.file("again.toml", &text);
    let mut installer = sandbox.installer();
    installer.arg("--file").arg(file).envs(variables.iter().copied());
    let outcome = sandbox.run(&mut installer);
    assert_eq!(outcome.code(), Some(0), "{text}{outcome}");
    let is_it = |line: &str| line.contains(" existing kernelspec in ");
    assert!(outcome.stderr.lines().any(is_it), "{text}{outcome}");
    assert!(!outcome.stderr.contains("changes"), "{text}{outcome}");
    assert!(said() == before, "{text}");
    text
}

#[test]
fn what_the_file_leaves_out_is_said() {
    let sandbox = Sandbox::new();
    let specification = sandbox.installed(&["--launcher=python"]);
    let mut kernel_json = Sandbox::kernel_json(&specification);
    kernel_json["env"] = json!({"A": "1"});
    kernel_json["metadata"]["kernel_provisioner"]["config"]["more"] = json!(1);
    fs::write(specification.join("kernel.json"), kernel_json.to_string()).unwrap();
    assert_snapshot!(show(&sandbox, &["docker_python", "--toml"]), @r#"
    exit status: 0
    ----- stdout -----
    # jupyter-docker-spec install --file FILE
    [[kernel]]
    kernel-name = "docker_python"
    gateway = "gateway-provisioners"
    language = "python"
    display-name = "Docker Python"
    image-name = "elyra/kernel-py:0.5.0"
    swarm = false
    authorized-users = []
    unauthorized-users = ["root"]
    port-range = "0..0"
    launch-timeout = 30
    ipykernel-subclass-name = "ipykernel.ipkernel.IPythonKernel"
    show-launch-errors = false
    launcher = "python"
    prefix = "[ROOT]/prefix"
    replace = true

    ----- stderr -----
    [W [TIME] DockerSpecInstaller] The table leaves out `env.A`, `more` of kernel.json, for which `install` has no option
    "#);
}

#[test]
fn a_list_that_lets_nobody_in_lets_in_nobody() {
    let sandbox = Sandbox::new();
    let specification = sandbox.installed(&["--launcher=python", "--authorized-users=bob"]);
    let mut kernel_json = Sandbox::kernel_json(&specification);
    // As the Python tool writes it where a variable of a script is empty.
    kernel_json["metadata"]["kernel_provisioner"]["config"]["authorized_users"] = json!([""]);
    fs::write(specification.join("kernel.json"), kernel_json.to_string()).unwrap();
    let outcome = show(&sandbox, &["docker_python"]);
    assert!(outcome.stdout.contains("Users:          nobody\n"), "{outcome}");
    sandbox.file("again.toml", show(&sandbox, &["docker_python", "--toml"]).stdout);
    let outcome = sandbox
        .install(&["--file=again.toml", &format!("--prefix={}", sandbox.path("prefix").display())]);
    assert!(outcome.error().contains("must name somebody"), "{outcome}");
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
fn the_file_makes_the_same_again_whatever_the_settings() {
    let sandbox = Sandbox::new();
    let mut numbers = Numbers(1);
    for _ in 0..60 {
        let language = numbers.one(&["Python", "R", "Scala"]);
        let name = numbers.one(&["docker_r", "Docker_Python", "~", "other"]).replace('~', "a.b-c");
        let mut words = vec![
            format!("--language={language}"),
            format!("--kernel-name={name}"),
            format!("--display-name=\"D{}\"", numbers.text()),
            format!("--image-name={}", numbers.one(&["a", "r.io:5000/a_b/c:D-1", "a--b"])),
            // With quotes or brackets at an end it is not clear who is meant.
            format!("--authorized-users=u{}", numbers.text().replace(['\'', '"', '(', ')'], "q")),
            format!("--unauthorized-users={}", numbers.text().replace(['\'', '"', '(', ')'], "q")),
            format!("--launch-timeout={}", numbers.one(&["30", "1", "4294967295"])),
            format!("--port-range={}", numbers.one(&["0..0", "40000..42000", "5..5"])),
            format!("--launcher={}", numbers.one(&["python", "stub/launch_docker"])),
            "--replace".to_owned(),
        ];
        if numbers.below(2) == 0 {
            words.push("--swarm".to_owned());
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        install_again(&sandbox, &sandbox.installed(&words), &[]);
    }
}

#[test]
fn the_file_has_all_that_the_launchers_file_says() {
    let sandbox = Sandbox::new();
    let specification =
        sandbox.installed(&["--launcher=native", "--memory=4g", "--env=A=$x\ny", "--cpus=1.50"]);
    let path = specification.join("scripts/launch_docker.toml");
    let more = "deploy.resources.limits.pids = 2 # mine\nvolumes = [\n  '/a:/b', # mine\n]\n\
                [client_overrides]\nmemory = '8g'\n[logging]\ndriver = 'local'\n[logging.options]\nmax-size = '1m'\n";
    let more = more.replace(
        "[[ulimits]]\n",
        "[logging]\ndriver = 'local'\n[logging.options]\nmax-size = '1m'\n",
    );
    fs::write(&path, fs::read_to_string(&path).unwrap() + &more).unwrap();
    let text = install_again(&sandbox, &specification, &[]);
    assert_snapshot!(text.replace(sandbox.root().to_str().unwrap(), "[ROOT]"), @r#"
    # jupyter-docker-spec install --file FILE
    [[kernel]]
    kernel-name = "docker_python"
    gateway = "gateway-provisioners"
    language = "python"
    display-name = "Docker Python"
    image-name = "elyra/kernel-py:0.5.0"
    swarm = false
    authorized-users = []
    unauthorized-users = ["root"]
    port-range = "0..0"
    launch-timeout = 30
    ipykernel-subclass-name = "ipykernel.ipkernel.IPythonKernel"
    show-launch-errors = false
    launcher = "native"
    prefix = "[ROOT]/prefix"
    replace = true

    [kernel.launch_docker]
    environment = ["A=$x\ny"]
    mem_limit = "4g"
    cpus = "1.5"
    deploy.resources.limits.pids = 2
    volumes = ["/a:/b"]

    [kernel.launch_docker.client_overrides]
    memory = "8g"

    [kernel.launch_docker.logging]
    driver = "local"

    [kernel.launch_docker.logging.options]
    max-size = "1m"
    "#);
    // What is not understood says something all the same.
    fs::write(&path, "mem_limit = 4g").unwrap();
    let outcome = show(&sandbox, &["docker_python", "--toml"]);
    assert!(outcome.error().contains("cannot make this specification again"), "{outcome}");
}

#[test]
fn the_file_names_the_place() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.install(&["--user", "--launcher=python"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let specification = sandbox.path("home/.local/share/jupyter/kernels/docker_python");
    let text = install_again(&sandbox, &specification, &[]);
    assert!(text.contains("\nuser = true\n"), "{text}");
    // Where no key leads by itself.
    let data = sandbox.path("prefix/other data");
    let variables = [("JUPYTER_DATA_DIR", data.to_str().unwrap())];
    let mut installer = sandbox.installer();
    installer.args(["--user", "--launcher=python"]).envs(variables);
    let outcome = sandbox.run(&mut installer);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let specification = data.join("kernels/docker_python");
    let text = show(&sandbox, &[specification.to_str().unwrap(), "--toml"]).stdout;
    let expected =
        "# JUPYTER_DATA_DIR='[ROOT]/prefix/other data' jupyter-docker-spec install --file FILE\n";
    assert!(text.starts_with(expected), "{text}");
    install_again(&sandbox, &specification, &variables);
}

#[test]
fn variables_that_are_set_change_nothing() {
    const VARIABLES: [(&str, &str); 5] = [
        ("GP_IMAGE_NAME", "from/variable"),
        ("GP_AUTHORIZED_USERS", "bob"),
        ("GP_PORT_RANGE", "40000..42000"),
        ("GP_LAUNCH_TIMEOUT", "99"),
        ("JUPYTER_DOCKER_SPEC_LAUNCHER", "python"),
    ];
    let sandbox = Sandbox::new();
    let specification = sandbox.installed(&["--launcher=native"]);
    let text = install_again(&sandbox, &specification, &VARIABLES);
    assert_eq!(text, install_again(&sandbox, &specification, &[]));
}

#[test]
fn a_launcher_that_was_edited_is_kept() {
    let sandbox = Sandbox::new();
    let specification = sandbox.installed(&["--launcher=python"]);
    let launcher = specification.join("scripts/launch_docker.py");
    let edited = fs::read_to_string(&launcher).unwrap() + "# mine\n";
    fs::write(&launcher, &edited).unwrap();
    let text = install_again(&sandbox, &specification, &[]);
    assert!(text.contains("scripts/launch_docker.py"), "{text}");
    assert_eq!(fs::read_to_string(&launcher).unwrap(), edited);
}

#[test]
fn a_name_that_install_cannot_give_has_no_file() {
    let sandbox = Sandbox::new();
    let specification = sandbox.installed(&["--launcher=python"]);
    let odd = specification.with_file_name("g h\u{e9}");
    fs::rename(&specification, &odd).unwrap();
    let outcome = show(&sandbox, &[odd.to_str().unwrap(), "--toml"]);
    assert_snapshot!(outcome.error(), @"`install` cannot make this specification again: Invalid kernel name `g hé`: it has a character that Jupyter does not allow in a kernel's name. Kernel names can only contain ASCII letters and numbers and these separators: - . _ (hyphen, period, and underscore).");
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
    assert_snapshot!(show(&sandbox, &["eg", "--toml"]), @r#"
    exit status: 0
    ----- stdout -----
    # jupyter-docker-spec install --file FILE
    [[kernel]]
    kernel-name = "eg"
    gateway = "enterprise-gateway"
    language = "python"
    display-name = "EG\u009B"
    swarm = false
    authorized-users = ["bob", "alice"]
    unauthorized-users = ["root"]
    port-range = "0..0"
    show-launch-errors = false
    launcher = "python"
    prefix = "[ROOT]/prefix"
    replace = true

    ----- stderr -----
    [W [TIME] DockerSpecInstaller] The launcher `/usr/local/share/jupyter/kernels/eg/scripts/launch_docker.py` cannot be read
    [W [TIME] DockerSpecInstaller] The table leaves out launch_docker.toml, which only the native launcher reads
    [W [TIME] DockerSpecInstaller] The table leaves out `env.A`, `more` of kernel.json, for which `install` has no option
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
