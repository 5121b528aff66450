//! Configuration files and class forms, without Python.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::sandbox::{Outcome, Sandbox};

const OWN: &str = "home/.jupyter/jupyter_docker_spec_config.json";

fn install(sandbox: &Sandbox, words: &[&str]) -> Outcome {
    sandbox.run(sandbox.installer().env("JUPYTER_DATA_DIR", sandbox.path("data")).args(words))
}

#[test]
fn every_value_is_shown_with_its_origin() {
    let sandbox = Sandbox::new();
    sandbox.file(
        OWN,
        r#"{"DockerSpecInstaller": {"image_name": "a/b"}, "BaseSpecApp": {"user": true}}"#,
    );
    let words = [
        "--show-config",
        "--BaseSpecApp.kernel_name=k",
        "--swarm",
        "--DockerSpecInstaller.swarm=False",
        "--launch-timeout=5",
        "--RemoteProvisionerConfigMixin.authorized_users=a",
        "--RemoteProvisionerConfigMixin.authorized_users=b",
    ];
    let shown = sandbox.run(sandbox.installer().env("GP_PORT_RANGE", "0..0").args(words));
    assert_snapshot!(shown, @r#"
    exit status: 0
    ----- stdout -----
    Loaded [ROOT]/home/.jupyter/jupyter_docker_spec_config.json
    DockerSpecInstaller.image_name = "a/b"  ([ROOT]/home/.jupyter/jupyter_docker_spec_config.json)
    DockerSpecInstaller.swarm = true  (--swarm)
    RemoteProvisionerConfigMixin.port_range = "0..0"  (GP_PORT_RANGE)
    RemoteProvisionerConfigMixin.launch_timeout = 5  (--launch-timeout)
    RemoteProvisionerConfigMixin.authorized_users = ["a","b"]  (--RemoteProvisionerConfigMixin.authorized_users)
    BaseSpecApp.kernel_name = "k"  (--BaseSpecApp.kernel_name)
    BaseSpecApp.user = true  ([ROOT]/home/.jupyter/jupyter_docker_spec_config.json)
    "#);
    let json = sandbox.run(sandbox.installer().args(["--show-config-json", "--swarm"]));
    assert_snapshot!(json, @r#"
    exit status: 0
    ----- stdout -----
    {
      "files": [
        "[ROOT]/home/.jupyter/jupyter_docker_spec_config.json"
      ],
      "values": {
        "BaseSpecApp.user": {
          "origin": "[ROOT]/home/.jupyter/jupyter_docker_spec_config.json",
          "value": true
        },
        "DockerSpecInstaller.image_name": {
          "origin": "[ROOT]/home/.jupyter/jupyter_docker_spec_config.json",
          "value": "a/b"
        },
        "DockerSpecInstaller.swarm": {
          "origin": "--swarm",
          "value": true
        }
      }
    }
    "#);
    assert!(!sandbox.path("home/.local").exists());
}

#[test]
fn null_in_a_file_is_the_default_whatever_a_variable_says() {
    let sandbox = Sandbox::new();
    let shown = || {
        let mut command = sandbox.installer();
        sandbox.run(command.arg("--show-config-json").env("GP_IMAGE_NAME", "env/image")).stdout
    };
    assert!(shown().contains("env/image"), "{}", shown());
    sandbox.file(OWN, r#"{"DockerSpecInstaller": {"image_name": null}}"#);
    assert!(!shown().contains("env/image"), "{}", shown());
}

#[test]
fn names_are_shown_as_they_are_understood() {
    let sandbox = Sandbox::new();
    for (value, shown) in [("b,a", json!(["a", "b"])), ("['a'", json!("['a'"))] {
        let option = format!("--authorized-users={value}");
        let outcome = sandbox.run(sandbox.installer().args(["--show-config-json", &option]));
        let found: Value = serde_json::from_str(&outcome.stdout).unwrap();
        let values = found["values"].as_object().unwrap();
        let value = values.iter().find(|(name, _)| name.ends_with(".authorized_users"));
        assert_eq!(value.unwrap().1["value"], shown, "{outcome}");
    }
}

#[test]
fn what_is_not_understood_is_named_with_its_file_and_installs_nothing() {
    let sandbox = Sandbox::new();
    let mut outcomes = String::new();
    for text in [
        "{",
        "[]",
        r#"{"version": 2}"#,
        r#"{"DockerSpecInstaler": {"swarm": true}}"#,
        r#"{"DockerSpecInstaller": {"swram": true}}"#,
        r#"{"DockerSpecInstaller": {"swarm": "true"}}"#,
        r#"{"DockerSpecInstaller": {"launch_timeout": 1.5}}"#,
        r#"{"DockerSpecInstaller": {"authorized_users": ["bob", 1]}}"#,
        r#"{"DockerSpecInstaller": {"unauthorized_users": "['mallory'"}}"#,
        r#"{"DockerSpecInstaller": true}"#,
        r#"{"DockerSpecInstaller": {"port_range": "1..2"}}"#,
        r#"{"Application": {"log_level": "LOUD"}}"#,
    ] {
        sandbox.file(OWN, text);
        let outcome = install(&sandbox, &[]);
        assert_eq!(outcome.code(), Some(1), "{outcome}");
        outcomes += &outcome.stderr;
    }
    assert_snapshot!(outcomes, @r#"
    [E [TIME] DockerSpecInstaller] in the configuration file `[ROOT]/home/.jupyter/jupyter_docker_spec_config.json`: EOF while parsing an object at line 1 column 1
    [E [TIME] DockerSpecInstaller] in the configuration file `[ROOT]/home/.jupyter/jupyter_docker_spec_config.json`: invalid type: sequence, expected a map at line 1 column 0
    [E [TIME] DockerSpecInstaller] in the configuration file `[ROOT]/home/.jupyter/jupyter_docker_spec_config.json`: `version` is 2, and only 1 is known
    [E [TIME] DockerSpecInstaller] in the configuration file `[ROOT]/home/.jupyter/jupyter_docker_spec_config.json`: there is no class `DockerSpecInstaler`; did you mean `DockerSpecInstaller`?
    [E [TIME] DockerSpecInstaller] in the configuration file `[ROOT]/home/.jupyter/jupyter_docker_spec_config.json`: `DockerSpecInstaller` has no trait `swram`; did you mean `swarm`?
    [E [TIME] DockerSpecInstaller] in the configuration file `[ROOT]/home/.jupyter/jupyter_docker_spec_config.json`: `DockerSpecInstaller.swarm`: must be true or false, and is "true"
    [E [TIME] DockerSpecInstaller] in the configuration file `[ROOT]/home/.jupyter/jupyter_docker_spec_config.json`: `DockerSpecInstaller.launch_timeout`: must be a whole number, and is 1.5
    [E [TIME] DockerSpecInstaller] in the configuration file `[ROOT]/home/.jupyter/jupyter_docker_spec_config.json`: `DockerSpecInstaller.authorized_users`: must be a list of names, and is ["bob",1]
    [E [TIME] DockerSpecInstaller] `RemoteProvisionerConfigMixin.unauthorized_users` in `[ROOT]/home/.jupyter/jupyter_docker_spec_config.json` of `['mallory'` must be a name, or a list of names such as ['alice', 'bob']
    [E [TIME] DockerSpecInstaller] in the configuration file `[ROOT]/home/.jupyter/jupyter_docker_spec_config.json`: the section `DockerSpecInstaller` is not an object with names and values
    [E [TIME] DockerSpecInstaller] `RemoteProvisionerConfigMixin.port_range` in `[ROOT]/home/.jupyter/jupyter_docker_spec_config.json` of `1..2`: ports below 1024 are reserved: choose a range within 1024..65535
    [E [TIME] DockerSpecInstaller] `Application.log_level` in `[ROOT]/home/.jupyter/jupyter_docker_spec_config.json` of `LOUD` must be one of 0, 10, 20, 30, 40, 50, DEBUG, INFO, WARN, ERROR and CRITICAL
    "#);
    assert!(!sandbox.path("data").exists());
}

#[test]
fn sections_of_other_applications_are_ignored() {
    let sandbox = Sandbox::new();
    let text = r#"{"ServerApp": {"port": 1}, "foo": 1, "DockerProvisioner": {"image_name": "x"},
        "BaseSpecApp": {"display_name": "Mine"}}"#;
    let file = sandbox.file("mine.json", text);
    let outcome = install(&sandbox, &["--user", &format!("--config={}", file.display())]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let specification = sandbox.path("data/kernels/docker_python");
    assert_eq!(Sandbox::kernel_json(&specification)["display_name"], "Mine");
    let ignored = "[W [TIME] DockerSpecInstaller] Ignoring the section `ServerApp` in \
                   [ROOT]/mine.json, which is another application's\n";
    assert!(outcome.stderr.contains(ignored), "{outcome}");
    assert_eq!(outcome.stderr.matches("Ignoring the section").count(), 3, "{outcome}");
    // In the file that is for all of them, that is nothing to speak of.
    sandbox.file("home/.jupyter/jupyter_config.json", text);
    let outcome = install(&sandbox, &["--user", "--replace"]);
    assert!(!outcome.stderr.contains("Ignoring"), "{outcome}");
}

#[test]
fn the_file_beside_the_named_one_is_read_too() {
    let sandbox = Sandbox::new();
    let display_name = |name| format!(r#"{{"BaseSpecApp": {{"display_name": "{name}"}}}}"#);
    sandbox.file("mine.json", display_name("Mine"));
    sandbox.file("mine.v1.json", display_name("Other"));
    for name in ["mine.json", "mine.py", "mine", "mine.v1"] {
        let outcome = install(&sandbox, &["--show-config", &format!("--config={name}")]);
        assert!(outcome.stdout.starts_with("Loaded [ROOT]/mine.json\n"), "{name}: {outcome}");
    }
    // Without a Python, so that it is seen that it is read.
    sandbox.file("mine.py", "c.BaseSpecApp.user = True");
    let outcome = install(&sandbox, &["--config=mine.json"]);
    assert!(outcome.error().contains("[ROOT]/mine.py"), "{outcome}");
}

#[test]
fn a_file_in_python_that_says_nothing_needs_no_python() {
    let sandbox = Sandbox::new();
    assert_eq!(install(&sandbox, &["--generate-config"]).code(), Some(0));
    let shown = install(&sandbox, &["--show-config"]);
    assert_eq!(shown.stdout, "Loaded [ROOT]/home/.jupyter/jupyter_docker_spec_config.py\n");
    assert_eq!(install(&sandbox, &["--user"]).code(), Some(0));
    // What is no comment says something, and a text over several lines is none.
    for text in
        ["c.BaseSpecApp.user = True", "'''", "c = get_config(); c.x = 1", "load_subconfig('x')"]
    {
        sandbox.file("home/.jupyter/jupyter_docker_spec_config.py", format!("# a\n{text}\n"));
        let outcome = install(&sandbox, &["--show-config"]);
        assert!(outcome.error().contains("could not read the configuration file"), "{outcome}");
    }
}

#[test]
fn every_directory_of_the_platform_is_read() {
    let sandbox = Sandbox::new();
    let value = |name, value| format!(r#"{{"BaseSpecApp": {{"{name}": "{value}"}}}}"#);
    let file = "jupyter/jupyter_docker_spec_config.json";
    sandbox.file(format!("one/{file}"), value("display_name", "one"));
    sandbox.file(format!("two/{file}"), value("display_name", "two"));
    sandbox.file(format!("three/{file}"), value("kernel_name", "three"));
    let dirs = ["one", "two", "three"].map(|name| sandbox.path(name).display().to_string());
    let dirs = format!("relative:{}:", dirs.join(":"));
    let mut command = sandbox.installer();
    command.arg("--show-config").env("XDG_CONFIG_DIRS", &dirs);
    assert!(sandbox.run(&mut command).stdout.starts_with("Nothing is set"));
    let shown = sandbox.run(command.env("JUPYTER_PLATFORM_DIRS", "1"));
    assert_snapshot!(shown, @r#"
    exit status: 0
    ----- stdout -----
    Loaded [ROOT]/three/jupyter/jupyter_docker_spec_config.json
    Loaded [ROOT]/two/jupyter/jupyter_docker_spec_config.json
    Loaded [ROOT]/one/jupyter/jupyter_docker_spec_config.json
    BaseSpecApp.kernel_name = "three"  ([ROOT]/three/jupyter/jupyter_docker_spec_config.json)
    BaseSpecApp.display_name = "one"  ([ROOT]/one/jupyter/jupyter_docker_spec_config.json)
    "#);
}

#[test]
fn class_forms_that_are_not_understood_are_errors_of_usage() {
    let sandbox = Sandbox::new();
    let mut outcomes = String::new();
    for words in [
        &["--DockerSpecInstaler.swarm=True"][..],
        &["--DockerSpecInstaller.imagename=x"],
        &["--DockerSpecInstaller.image_name"],
        &["--DockerSpecInstaller.image_name=a", "--image-name=b"],
        &["--DockerSpecInstaller.image_name=a", "--DockerSpecInstaller.image_name=b"],
        &["--ServerApp.port=1"],
        &["--RemoteProvisionerConfigMixin.authorized_users=a", "--authorized-users=b"],
    ] {
        // Whatever is understood after all must not go to the system's directory.
        let outcome = install(&sandbox, &[words, &["--user"]].concat());
        assert_eq!(outcome.code(), Some(2), "{outcome}");
        outcomes += &outcome.stderr;
    }
    assert_snapshot!(outcomes, @"
    [E [TIME] DockerSpecInstaller] unexpected argument `--DockerSpecInstaler.swarm`: there is no class `DockerSpecInstaler`; did you mean `DockerSpecInstaller`?
    [E [TIME] DockerSpecInstaller] unexpected argument `--DockerSpecInstaller.imagename`: `DockerSpecInstaller` has no trait `imagename`; did you mean `image_name`?
    [E [TIME] DockerSpecInstaller] a value is required for `--DockerSpecInstaller.image_name`
    [E [TIME] DockerSpecInstaller] `--image-name` and `--DockerSpecInstaller.image_name` say the same; use one
    [E [TIME] DockerSpecInstaller] `--DockerSpecInstaller.image_name` and `--DockerSpecInstaller.image_name` say the same; use one
    [E [TIME] DockerSpecInstaller] unexpected argument `--ServerApp.port`: there is no class `ServerApp`
    [E [TIME] DockerSpecInstaller] `--authorized-users` and `--RemoteProvisionerConfigMixin.authorized_users` say the same; use one
    ");
}

#[test]
fn no_configuration_is_read_where_none_is_wanted() {
    let sandbox = Sandbox::new();
    sandbox.file(OWN, "{");
    let outcome = sandbox.run(
        sandbox
            .installer()
            .env("JUPYTER_NO_CONFIG", "1")
            .env("JUPYTER_DATA_DIR", sandbox.path("data"))
            .arg("--user"),
    );
    assert_eq!(outcome.code(), Some(0), "{outcome}");
}

#[test]
fn a_python_file_without_python_says_what_to_do() {
    let sandbox = Sandbox::new();
    sandbox.file("home/.jupyter/jupyter_docker_spec_config.py", "c.BaseSpecApp.user = True\n");
    assert_snapshot!(install(&sandbox, &[]), @r#"
    exit status: 1
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] could not read the configuration file `[ROOT]/home/.jupyter/jupyter_docker_spec_config.py`: there is no python3 on PATH; write it as JSON, which needs no Python: `c.DockerSpecInstaller.image_name = "my/image"` is {"DockerSpecInstaller": {"image_name": "my/image"}} in a file that ends in .json
    "#);
}

#[test]
fn the_default_configuration_is_written_and_changes_nothing() {
    let sandbox = Sandbox::new();
    let path = sandbox.path(OWN);
    let config = format!("--config={}", path.display());
    let written = install(&sandbox, &["--generate-config", &config]);
    assert_eq!(written.code(), Some(0), "{written}");
    let again = install(&sandbox, &["--generate-config", &config]);
    assert_snapshot!(again, @"
    exit status: 1
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] `[ROOT]/home/.jupyter/jupyter_docker_spec_config.json` exists; replace it with --answer-yes
    ");
    assert_eq!(install(&sandbox, &["--generate-config", &config, "-y"]).code(), Some(0));

    // The defaults are what is installed without the file.
    let with = install(&sandbox, &["--user"]);
    assert_eq!(with.code(), Some(0), "{with}");
    let specification = sandbox.path("data/kernels/docker_python");
    let of_defaults = Sandbox::kernel_json(&specification);
    fs_err::remove_file(path).unwrap();
    install(&sandbox, &["--user", "--replace"]);
    assert_eq!(Sandbox::kernel_json(&specification), of_defaults);

    let python = install(&sandbox, &["--generate-config"]);
    assert_eq!(python.code(), Some(0), "{python}");
    let text = sandbox.text(&sandbox.path("home/.jupyter/jupyter_docker_spec_config.py"));
    assert!(text.contains("\n# c.DockerSpecInstaller.image_name = None\n"), "{text}");
}
