//! What is said of a specification that is replaced, and of secrets that are written down.

use fs_err as fs;
use serde_json::Value;

use crate::sandbox::{INSTALLER, Outcome, Sandbox};

/// Installs with our launcher's options, which the stub has not.
fn install(sandbox: &Sandbox, words: &[&str]) -> Outcome {
    let mut command = sandbox.installer();
    command.env("JUPYTER_DOCKER_SPEC_LAUNCHER", "native").args(["--user"]).args(words);
    let outcome = sandbox.run(&mut command);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    outcome
}

/// What is said that begins so.
fn said<'a>(outcome: &'a Outcome, begin: &str) -> Option<&'a str> {
    let texts = outcome.stderr.lines().filter_map(|line| line.split_once(" DockerSpecInstaller] "));
    texts.map(|(_, text)| text).find(|text| text.starts_with(begin))
}

#[test]
fn everything_that_a_replacement_changes_is_named_and_no_secret_is_shown() {
    let sandbox = Sandbox::new();
    let words = [
        "--image-name=mine:1",
        "--memory=4g",
        "--volume=/a:/b",
        "--env=PASSWORD=geheim",
        "--label=token=geheim",
        "--unauthorized-users=mallory",
        "--port-range=2000..4000",
    ];
    install(&sandbox, &words);
    let replace: Vec<&str> = words.into_iter().chain(["--replace"]).collect();
    assert_eq!(said(&install(&sandbox, &replace), "Replacing"), None);
    let outcome = install(&sandbox, &["--replace"]);
    assert_eq!(
        said(&outcome, "Replacing").unwrap(),
        "Replacing kernelspec docker_python changes environment.PASSWORD (gone); image_name: `mine:1` -> \
         `elyra/kernel-py:0.5.0`; labels.token (gone); mem_limit: `4g` -> none; port_range: `2000..4000` -> \
         none; unauthorized_users: [\"mallory\"] -> none; volumes: [\"/a:/b\"] -> none. \
         `jupyter-docker-spec set` changes only what is named."
    );
    assert!(!outcome.stderr.contains("geheim"), "{outcome}");
}

#[test]
fn what_a_replacement_proposes_changes_only_what_is_named() {
    let sandbox = Sandbox::new();
    install(&sandbox, &["--image-name=mine:1", "--memory=4g"]);
    let outcome = install(&sandbox, &["--replace", "--memory=8g", "--dry-run"]);
    let warning = said(&outcome, "Replacing").unwrap();
    assert!(warning.contains("image_name: `mine:1` -> "), "{outcome}");
    assert!(
        warning.ends_with("`jupyter-docker-spec set` changes only what is named."),
        "{outcome}"
    );
    let set = ["set", "docker_python", "--memory=8g"];
    let outcome = sandbox.run(sandbox.command(INSTALLER).args(set));
    let place = "[ROOT]/home/.local/share/jupyter/kernels/docker_python";
    let expected = format!("Changed kernelspec docker_python in {place}: mem_limit: `4g` -> `8g`");
    assert_eq!(said(&outcome, "Changed"), Some(&*expected), "{outcome}");
}

#[test]
fn a_dry_run_names_what_would_change() {
    let sandbox = Sandbox::new();
    install(&sandbox, &["--memory=4g"]);
    let outcome = install(&sandbox, &["--replace", "--memory=8g", "--dry-run"]);
    let expected = "Replacing kernelspec docker_python changes mem_limit: `4g` -> `8g`. ";
    assert!(said(&outcome, "Replacing").unwrap().starts_with(expected), "{outcome}");
}

#[test]
fn a_secret_that_is_written_down_is_told_without_its_value() {
    let sandbox = Sandbox::new();
    let file = "home/.local/share/jupyter/kernels/docker_python/scripts/launch_docker.toml";
    let words = [
        "-e",
        "PASSWORD=geheim",
        "--env=AWS_SECRET_ACCESS_KEY=geheim",
        "--env=DATABASE=postgres://u:geheim@db/x",
        "--env=TOKENIZERS_PARALLELISM=false",
        "--env=API_TOKEN",
        "--env=OTHER_TOKEN=${OTHER_TOKEN}",
    ];
    let outcome = install(&sandbox, &words);
    assert_eq!(
        said(&outcome, "Everybody").unwrap(),
        format!(
            "Everybody on this machine can read AWS_SECRET_ACCESS_KEY, DATABASE, PASSWORD, with its value, in \
             [ROOT]/{file} (`environment`); give the name alone, `--env NAME`, which passes on the server's, or \
             a file that only the server can read with --env-file, or in a Swarm a --secret"
        )
    );
    assert!(!outcome.stderr.contains("geheim"), "{outcome}");
    let outcome = install(&sandbox, &["--replace", "--label=api-token=geheim", "--dry-run"]);
    assert!(said(&outcome, "Everybody").unwrap().contains("read api-token"), "{outcome}");
    let outcome = install(&sandbox, &["--replace", "--env=PASSWORD", "--env-file=vars"]);
    assert_eq!(said(&outcome, "Everybody"), None, "{outcome}");
}

#[test]
fn a_file_of_variables_is_the_one_in_the_current_directory() {
    let sandbox = Sandbox::new();
    install(&sandbox, &["--env-file=vars.env", "--env-file", "../x"]);
    let kernels = sandbox.path("home/.local/share/jupyter/kernels");
    let text = |name: &str| sandbox.text(&kernels.join(name).join("scripts/launch_docker.toml"));
    let parent = sandbox.root().parent().unwrap().display().to_string();
    let raw = |path: &str| format!("{{ path = \"{path}\", format = \"raw\" }}");
    let files = [raw("[ROOT]/vars.env"), raw(&format!("{parent}/x"))];
    let expected = format!("\nenv_file = [{}]\n", files.join(", "));
    assert!(text("docker_python").contains(&expected), "{}", text("docker_python"));
    // In a file of specifications, beside that file.
    sandbox.file("some/where.toml", "[[kernel]]\nkernel-name = \"k\"\nenv-file = \"vars.env\"\n");
    install(&sandbox, &["--file=some/where.toml"]);
    let expected = format!("\nenv_file = [{}]\n", raw("[ROOT]/some/vars.env"));
    assert!(text("k").contains(&expected), "{}", text("k"));
}

#[test]
fn a_broken_file_of_options_is_a_problem_in_the_list() {
    let sandbox = Sandbox::new();
    let kernels = sandbox.path("home/.local/share/jupyter/kernels");
    for name in ["value", "syntax", "link", "well"] {
        install(&sandbox, &["--kernel-name", name, "--memory=1g"]);
    }
    let file = |name: &str| kernels.join(name).join("scripts/launch_docker.toml");
    fs::write(file("value"), "mem_limit = \"lots\"\n").unwrap();
    fs::write(file("syntax"), "mem_limit = \n").unwrap();
    fs::remove_file(file("link")).unwrap();
    std::os::unix::fs::symlink("/nonexistent", file("link")).unwrap();
    let list = |words: &[&str]| sandbox.run(sandbox.command(INSTALLER).arg("list").args(words));
    let entries: Vec<Value> = serde_json::from_str(&list(&["--json"]).stdout).unwrap();
    let problem = |name: &str| {
        let entry = entries.iter().find(|entry| entry["name"] == name).unwrap();
        entry["problems"].as_array().unwrap().iter().filter_map(Value::as_str).collect::<String>()
    };
    assert_eq!(problem("well"), "");
    let place = "[ROOT]/home/.local/share/jupyter/kernels";
    let at = |name: &str| format!("{place}/{name}/scripts/launch_docker.toml");
    assert!(problem("value").starts_with(&(at("value") + ":1:13: `mem_limit` must be")));
    assert!(problem("syntax").starts_with(&(at("syntax") + ":1:")), "{}", problem("syntax"));
    assert_eq!(problem("link"), format!("`{}` is a link that leads nowhere", at("link")));
    assert_eq!(list(&[]).stdout.matches("broken: ").count(), 3);
}
