//! `set`.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use fs_err as fs;
use serde_json::json;

use crate::sandbox::{INSTALLER, KERNELS, Outcome, Sandbox, contents};

pub(crate) fn set(sandbox: &Sandbox, words: &[&str]) -> Outcome {
    let mut command = sandbox.command(INSTALLER);
    command.arg("set").args(words);
    command.env("JUPYTER_PATH", sandbox.path("prefix/share/jupyter"));
    sandbox.run(&mut command)
}

/// A specification with our launcher, which reads `launch_docker.toml`.
pub(crate) fn installed(sandbox: &Sandbox, words: &[&str]) -> PathBuf {
    sandbox.installed(&[&["--launcher=native"], words].concat())
}

pub(crate) fn kernel_json(specification: &Path) -> String {
    fs::read_to_string(specification.join("kernel.json")).unwrap()
}

pub(crate) fn options_path(specification: &Path) -> PathBuf {
    specification.join("scripts/launch_docker.toml")
}

pub(crate) fn options(specification: &Path) -> String {
    fs::read_to_string(options_path(specification)).unwrap()
}

/// The lines of a text that are not in another one, and those that are only in the other.
fn difference(old: &str, new: &str) -> (Vec<String>, Vec<String>) {
    let diff = similar::TextDiff::from_lines(old, new);
    let of = |tag| {
        let changes = diff.iter_all_changes().filter(move |change| change.tag() == tag);
        changes.map(|change| change.value().trim().to_owned()).collect()
    };
    (of(similar::ChangeTag::Delete), of(similar::ChangeTag::Insert))
}

/// What is said last.
pub(crate) fn said(outcome: &Outcome) -> &str {
    let last = outcome.stderr.trim_end().lines().last().unwrap_or_default();
    last.split_once(" DockerSpecInstaller] ").map_or(last, |(_, text)| text)
}

#[test]
fn only_the_named_option_of_the_container_changes() {
    let sandbox = Sandbox::new();
    let specification = installed(&sandbox, &["--memory=4g", "--volume=/a:/b", "--volume=/c:/d"]);
    let text =
        options(&specification) + "\n# of mine\n[client_overrides]\nmemory = \"8g\" # most\n";
    fs::write(options_path(&specification), &text).unwrap();
    let before = kernel_json(&specification);
    let outcome = set(&sandbox, &["docker_python", "--memory=6g", "--volume=/e:/f", "--init"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert_eq!(
        said(&outcome),
        "Changed kernelspec docker_python in [ROOT]/prefix/share/jupyter/kernels/docker_python: init: none -> \
         true; mem_limit: `4g` -> `6g`; volumes: [\"/a:/b\",\"/c:/d\"] -> [\"/e:/f\"]"
    );
    let (gone, new) = difference(&text, &options(&specification));
    assert_eq!(gone, ["volumes = [\"/a:/b\", \"/c:/d\"]", "mem_limit = \"4g\""]);
    assert_eq!(new, ["volumes = [\"/e:/f\"]", "mem_limit = \"6g\"", "init = true"]);
    assert_eq!(kernel_json(&specification), before);
}

#[test]
fn only_the_named_values_of_kernel_json_change() {
    let sandbox = Sandbox::new();
    let specification = installed(&sandbox, &["--authorized-users=bob", "--port-range=2000..4000"]);
    let text = kernel_json(&specification).replace(
        "\"debugger\": true",
        "\"debugger\":true, \"of-mine\" : [1.50, {\"z\": 1, \"a\": 2}]",
    );
    fs::write(specification.join("kernel.json"), &text).unwrap();
    let before = options(&specification);
    let words = [
        "docker_python",
        "--image-name=mine:1",
        "--display-name=A \"name\"",
        "--authorized-users=ann",
        "--authorized-users=bob",
        "--unauthorized-users=mallory",
        "--unset=port-range",
        "--launch-timeout=60",
        "--executor-image-name=mine:2",
        "--ipykernel-subclass-name=a.B",
    ];
    let outcome = set(&sandbox, &words);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let (gone, new) = difference(&text, &kernel_json(&specification));
    let has = |lines: &[String], line: &str| lines.iter().any(|other| other == line);
    for line in [
        "\"image_name\": \"mine:1\",",
        "\"display_name\": \"A \\\"name\\\"\",",
        "\"authorized_users\": [\"ann\", \"bob\"],",
        "\"launch_timeout\": 60,",
        "\"executor_image_name\": \"mine:2\",",
        "\"unauthorized_users\": [\"mallory\"]",
        "\"a.B\"",
    ] {
        assert!(has(&new, line), "{line} in {new:#?}");
    }
    assert_eq!(new.len(), 7, "{new:#?}");
    assert!(has(&gone, "\"port_range\": \"2000..4000\","), "{gone:#?}");
    assert!(kernel_json(&specification).contains("\"of-mine\" : [1.50, {\"z\": 1, \"a\": 2}]"));
    assert_eq!(options(&specification), before);
    // Everybody may again.
    assert_eq!(set(&sandbox, &["docker_python", "--authorized-users=[]"]).code(), Some(0));
    assert!(!kernel_json(&specification).contains("\"authorized_users"));
}

#[test]
fn enterprise_gateway_has_its_own_spellings() {
    let sandbox = Sandbox::new();
    let specification = installed(&sandbox, &["--gateway=enterprise-gateway", "--swarm"]);
    let words = ["--launch-timeout=60", "--authorized-users=ann", "--authorized-users=bob"];
    let words = [&["docker_python", "--ipykernel-subclass-name=a.B"][..], &words].concat();
    let outcome = set(&sandbox, &words);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let value = Sandbox::kernel_json(&specification);
    assert_eq!(value["env"], json!({"KERNEL_LAUNCH_TIMEOUT": "60"}));
    let config = &value["metadata"]["process_proxy"]["config"];
    assert_eq!(config["authorized_users"], "ann,bob");
    assert_eq!(config.get("launch_timeout"), None);
    let argv: Vec<_> = value["argv"].as_array().unwrap().iter().rev().take(2).collect();
    assert_eq!(argv, ["a.B", "--kernel-class-name"]);
    let words = ["launch-timeout", "authorized_users", "ipykernel-subclass-name"];
    let words: Vec<String> = words.iter().map(|word| format!("--unset={word}")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = set(&sandbox, &[&["docker_python"], &*words].concat());
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let value = Sandbox::kernel_json(&specification);
    assert_eq!(value["env"], json!({}));
    assert!(!kernel_json(&specification).contains("authorized_users"));
    assert!(!kernel_json(&specification).contains("a.B"));
}

#[test]
fn what_a_specification_can_do_without_is_taken_away() {
    let sandbox = Sandbox::new();
    let plain = installed(&sandbox, &[]);
    let untouched = options(&plain);
    let specification = installed(
        &sandbox,
        &["--kernel-name=k", "--memory=4g", "--env=A=1", "--hostname=h", "--health-cmd=true"],
    );
    let words =
        ["k", "--unset=mem_limit", "--unset=env", "--unset=--hostname", "--unset=health-cmd"];
    let outcome = set(&sandbox, &words);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let (gone, new) = difference(&untouched, &options(&specification));
    assert_eq!((gone, new), (vec![], vec![]));
    let outcome = set(&sandbox, &["k", "--unset=mem_limit"]);
    assert_eq!(
        said(&outcome),
        "Nothing changes in kernelspec k in [ROOT]/prefix/share/jupyter/kernels/k",
        "{outcome}"
    );
}

#[test]
fn a_part_of_a_key_leaves_the_other_parts() {
    let sandbox = Sandbox::new();
    let words = ["--health-cmd=true", "--health-retries=2", "--log-driver=local", "--log-opt=a=b"];
    let specification = installed(&sandbox, &words);
    let words = ["docker_python", "--health-retries=3", "--log-opt=max-size=1m"];
    let outcome = set(&sandbox, &words);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let text = options(&specification);
    assert!(text.contains("\nhealthcheck = { test = \"true\", retries = 3 }\n"), "{text}");
    let logging = "\nlogging = { driver = \"local\", options = { \"max-size\" = \"1m\" } }\n";
    assert!(text.contains(logging), "{text}");
}

#[test]
fn keys_in_tables_are_changed_where_they_are() {
    let sandbox = Sandbox::new();
    let specification = installed(&sandbox, &[]);
    let text = "# first\ninit = true # why\n\n[environment]\n# of A\nA = \"1\"\n\n# of the table\n\
                [client_overrides]\nmemory = \"8g\"\n";
    fs::write(options_path(&specification), text).unwrap();
    let outcome = set(&sandbox, &["docker_python", "--env=B=2", "--init=false"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert_eq!(
        options(&specification),
        "# first\ninit = false # why\nenvironment = [\"B=2\"]\n\n# of A\n\n# of the table\n[client_overrides]\n\
         memory = \"8g\"\n"
    );
    fs::remove_file(options_path(&specification)).unwrap();
    assert_eq!(set(&sandbox, &["docker_python", "--memory=1g"]).code(), Some(0));
    assert!(options(&specification).contains("\nmem_limit = \"1g\"\n"));
    fs::write(options_path(&specification), "[[volumes]]\ntype = \"volume\"\ntarget = \"/x\"\n")
        .unwrap();
    let outcome = set(&sandbox, &["docker_python", "--volume=/a:/b"]);
    assert!(said(&outcome).contains("sections `[[volumes]]`"), "{outcome}");
    assert_eq!(outcome.code(), Some(1));
}

#[test]
fn neither_variables_nor_configuration_files_count() {
    let sandbox = Sandbox::new();
    let specification = installed(&sandbox, &["--image-name=mine:1"]);
    sandbox.file(
        "home/.jupyter/jupyter_docker_spec_config.json",
        r#"{"DockerSpecInstaller": {"display_name": "other", "port_range": "2000..4000"}}"#,
    );
    let before = kernel_json(&specification);
    let mut command = sandbox.command(INSTALLER);
    command.args(["set", "docker_python", "--launch-timeout=60"]);
    command.env("JUPYTER_PATH", sandbox.path("prefix/share/jupyter"));
    for (name, value) in [
        ("GP_IMAGE_NAME", "other:2"),
        ("GP_AUTHORIZED_USERS", ""),
        ("GP_UNAUTHORIZED_USERS", "eve"),
        ("GP_LAUNCH_TIMEOUT", "99"),
        ("JUPYTER_DOCKER_SPEC_LAUNCHER", "python"),
    ] {
        command.env(name, value);
    }
    let outcome = sandbox.run(&mut command);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let (gone, new) = difference(&before, &kernel_json(&specification));
    assert_eq!(
        (gone, new),
        (vec!["\"launch_timeout\": 30".into()], vec!["\"launch_timeout\": 60".into()])
    );
}

#[test]
fn a_specification_is_named_by_name_place_or_path() {
    let sandbox = Sandbox::new();
    let specification = installed(&sandbox, &[]);
    let prefix = format!("--prefix={}", sandbox.path("prefix").display());
    let path = specification.to_str().unwrap();
    for (words, name) in [
        (&["docker_python"][..], "A"),
        (&["docker_python", &prefix], "B"),
        (&[path], "C"),
        (&["./prefix/share/jupyter/kernels/docker_python"], "D"),
    ] {
        let outcome = set(&sandbox, &[words, &["--display-name", name]].concat());
        assert_eq!(outcome.code(), Some(0), "{outcome}");
        assert_eq!(Sandbox::kernel_json(&specification)["display_name"], name);
    }
    let outcome = set(&sandbox, &["docker_python", "--user", "--display-name=E"]);
    assert_eq!(outcome.code(), Some(1), "{outcome}");
    let outcome = set(&sandbox, &[path, "--user", "--display-name=E"]);
    assert!(said(&outcome).contains("says where it lies already"), "{outcome}");
}

#[test]
fn a_dry_run_prints_what_would_be_written_and_writes_nothing() {
    let sandbox = Sandbox::new();
    let specification = installed(&sandbox, &[]);
    let before = contents(&specification);
    let outcome = set(&sandbox, &["docker_python", "--memory=1g", "--dry-run"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert!(said(&outcome).ends_with(": mem_limit: none -> `1g`"), "{outcome}");
    let place = format!("[ROOT]/prefix/{KERNELS}/docker_python");
    let begin = format!(
        "{place}/scripts/launch_docker.toml\n\nPOST /containers/create for a kernel of the user `bob`:\n{{\n"
    );
    assert!(outcome.stdout.starts_with(&begin), "{outcome}");
    assert!(outcome.stdout.contains("\"Memory\": 1073741824"), "{outcome}");
    assert!(contents(&specification) == before);
}

/// As where a script has a variable that is not set.
#[test]
fn an_empty_value_takes_nothing_away() {
    let sandbox = Sandbox::new();
    let words = [
        "--memory=1g",
        "--authorized-users=ann",
        "--unauthorized-users=eve",
        "--launch-timeout=60",
    ];
    installed(&sandbox, &words);
    let before = contents(&sandbox.path("prefix"));
    for option in ["memory", "cap-drop", "authorized-users", "launch-timeout", "unauthorized-users"]
    {
        for value in ["", " "] {
            let outcome =
                set(&sandbox, &["docker_python", &format!("--{option}={value}"), "--cpus=1"]);
            let expected = format!("`--{option}` is empty; `--unset={option}` takes it away");
            assert_eq!(outcome.error(), expected, "{outcome}");
        }
    }
    for option in ["authorized-users", "unauthorized-users"] {
        let outcome = set(&sandbox, &["docker_python", &format!("--{option}=,")]);
        let expected = format!("of `,` must name somebody; `--unset={option}` takes it away");
        assert!(outcome.error().ends_with(&expected), "{outcome}");
    }
    assert!(contents(&sandbox.path("prefix")) == before);
    let unset = ["memory", "authorized-users", "unauthorized-users", "launch-timeout"];
    let unset = unset.map(|option| format!("--unset={option}"));
    let words = [&["docker_python"][..], &unset.each_ref().map(String::as_str)].concat();
    let outcome = set(&sandbox, &words);
    assert!(
        said(&outcome).ends_with(
            ": authorized_users: [\"ann\"] -> none; launch_timeout: 60 -> none; mem_limit: `1g` -> none; \
             unauthorized_users: [\"eve\"] -> none"
        ),
        "{outcome}"
    );
}

#[test]
fn what_set_does_not_take_install_does_with_all_options() {
    let sandbox = Sandbox::new();
    installed(&sandbox, &["--image-name=mine:1"]);
    let outcome = set(&sandbox, &["docker_python", "--swarm"]);
    assert!(
        outcome.stderr.contains("`install --replace` does that, with all options"),
        "{outcome}"
    );
    let specification = installed(&sandbox, &["--replace", "--image-name=mine:1", "--swarm"]);
    let config = &Sandbox::kernel_json(&specification)["metadata"]["kernel_provisioner"];
    assert_eq!(config["provisioner_name"], "docker-swarm-provisioner");
    assert_eq!(config["config"]["image_name"], "mine:1");
}

#[test]
fn what_cannot_be_changed_is_refused_with_the_reason() {
    let sandbox = Sandbox::new();
    installed(&sandbox, &["--memory=1g"]);
    let python = sandbox.installed(&["--launcher=python", "--kernel-name=python"]);
    let own = sandbox.installed(&["--kernel-name=own"]);
    installed(&sandbox, &["--kernel-name=r", "--language=R"]);
    let broken = installed(&sandbox, &["--kernel-name=broken"]);
    fs::remove_file(broken.join("scripts/launch_docker")).unwrap();
    sandbox.file(format!("prefix/{KERNELS}/local/kernel.json"), r#"{"argv": ["python"]}"#);
    let linked = installed(&sandbox, &["--kernel-name=linked"]);
    fs::rename(options_path(&linked), sandbox.path("elsewhere.toml")).unwrap();
    symlink(sandbox.path("elsewhere.toml"), options_path(&linked)).unwrap();
    let before = sandbox.tree("prefix");
    let look = || contents(&sandbox.path("prefix"));
    let all = look();
    for (words, reason) in [
        (&["docker_python"][..], "nothing is named that is to be changed"),
        (&["docker_python", "--language=R"], "`set` has no `--language`"),
        (&["docker_python", "--swarm"], "`install --replace` does that, with all options"),
        (&["docker_python", "--mem-limit=1g"], "; for `mem_limit` there is `--memory`"),
        (&["docker_python", "--gateway", "enterprise-gateway"], "`set` has no `--gateway`"),
        (&["docker_python", "--launcher=python"], "`set` has no `--launcher`"),
        (&["docker_python", "--kernel_name=x"], "`set` has no `--kernel-name`"),
        (&["docker_python", "--memory=lots"], "--memory of `lots`"),
        (
            &["docker_python", "--image-name=a b"],
            "`--image-name` of `a b` must be the name of an image",
        ),
        (&["docker_python", "--image-name="], "`--image-name` of ``"),
        (&["docker_python", "--display-name= "], "must not be blank"),
        (
            &["docker_python", "--launch-timeout=0"],
            "`--launch-timeout` of `0` must be a whole number",
        ),
        (&["docker_python", "--port-range=1..2"], "`--port-range` of `1..2`"),
        (&["docker_python", "--constraint=a==b"], "has a meaning in a Swarm only"),
        (&["docker_python", "--unset=mem_limits"], "did you mean `mem_limit`?"),
        (&["docker_python", "--unset=image-name"], "a specification needs `--image-name`"),
        (&["docker_python", "--unset=mem_limit", "--memory=1g"], "say something else; use one"),
        (&["docker_python", "--unset=memory", "--memory=1g"], "say something else; use one"),
        (&["docker_python", "--unset=init", "--init"], "say something else; use one"),
        (&["r", "--ipykernel-subclass-name=a.B"], "for kernels in Python only"),
        (
            &["python", "--memory=1g"],
            "`--memory` goes into launch_docker.toml, which the launcher in Python",
        ),
        (&["own", "--unset=gpus"], "which a launcher of your own does not read"),
        (&["broken", "--memory=1g"], "is broken: the launcher"),
        (&["local", "--image-name=x"], "is no Docker kernel specification"),
        (
            &["linked", "--memory=1g"],
            "could not read `[ROOT]/prefix/share/jupyter/kernels/linked/scripts",
        ),
        (&["none", "--memory=1g"], "there is no kernelspec `none`"),
    ] {
        let outcome = set(&sandbox, words);
        assert!(outcome.stderr.contains(reason), "{words:?}: {outcome}");
        assert!([Some(1), Some(2)].contains(&outcome.code()), "{outcome}");
    }
    assert!(look() == all);
    assert_eq!(sandbox.tree("prefix"), before);
    // What the launcher does not read has no part in the others.
    for (name, specification) in [("python", &python), ("own", &own)] {
        assert_eq!(set(&sandbox, &[name, "--image-name=x:1"]).code(), Some(0));
        assert!(kernel_json(specification).contains("\"x:1\""));
    }
}
