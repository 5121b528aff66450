use std::path::Path;

use super::*;
use crate::cli::{self, Command};
use crate::env::Env;

fn read(text: &str, words: &[&str]) -> Result<Vec<Install>> {
    let env = Env::new(Path::new("/w"), [("HOME", "/h")]);
    let paths = Paths { env: &env, executable: None };
    let manifest = Manifest { name: "k.toml", directory: "/m".into(), text, paths: &paths };
    let words = ["jupyter-docker-spec", "install"].iter().chain(words);
    let Some(Command::Install(install)) = cli::parse(words)?.command else {
        bail!("not an installation");
    };
    manifest.lines(&install)
}

/// What each specification's line says of a setting.
fn said(text: &str, words: &[&str], known: &Setting) -> Vec<String> {
    let lines = read(text, words).unwrap();
    let of = |args: &Install| args.line.get(known).map(|(values, _)| values.join("+"));
    lines.iter().map(|args| of(args).unwrap_or_default()).collect()
}

#[test]
fn the_command_line_comes_before_the_table_and_that_before_the_defaults() {
    let text = r#"
        [defaults]
        image_name = "default"
        unauthorized-users = ["a", "b"]
        [[kernel]]
        image-name = "own"
        unauthorized-users = []
        [[kernel]]
    "#;
    assert_eq!(said(text, &[], &setting::IMAGE_NAME), ["own", "default"]);
    assert_eq!(said(text, &["--image-name=line"], &setting::IMAGE_NAME), ["line", "line"]);
    assert_eq!(said(text, &[], &setting::UNAUTHORIZED_USERS), ["[]", "a+b"]);
}

#[test]
fn a_place_is_one_value() {
    let text = r#"
        defaults.prefix = "p"
        [[kernel]]
        user = true
        [[kernel]]
        sys-prefix = true
        [[kernel]]
        prefix = "~/p"
        [[kernel]]
        launcher = "python"
        [[kernel]]
        launcher = "bin/l"
    "#;
    assert_eq!(said(text, &[], &setting::PREFIX), ["", "", "/h/p", "/m/p", "/m/p"]);
    assert_eq!(said(text, &[], &setting::USER), ["true", "", "", "", ""]);
    assert_eq!(said(text, &["--user"], &setting::PREFIX), [""; 5]);
    assert_eq!(said(text, &[], &setting::SYS_PREFIX), ["", "true", "", "", ""]);
    assert_eq!(said(text, &[], &setting::LAUNCHER), ["", "", "", "python", "/m/bin/l"]);
    assert_eq!(said(text, &["--launcher=native"], &setting::LAUNCHER), ["native"; 5]);
}

#[test]
fn paths_of_containers_start_at_the_file() {
    let text = r#"
        [[kernel]]
        env-file = "a.env"
        volume = ["./b:/b", "c:/c"]
    "#;
    let lines = read(text, &[]).unwrap();
    let words: Vec<&str> =
        lines[0].container.iter().flat_map(|(_, words)| words).map(String::as_str).collect();
    assert_eq!(words, ["/m/a.env", "/m/b:/b", "c:/c"]);
}

#[test]
fn numbers_and_lists_are_read_as_elsewhere() {
    for (number, expected) in [("1_000", "1000"), ("5.0", "5"), ("0x10", "16")] {
        let text = format!("[[kernel]]\nlaunch-timeout = {number}");
        assert_eq!(said(&text, &[], &setting::LAUNCH_TIMEOUT), [expected], "{number}");
    }
}

#[test]
fn numbers_of_docker_run_are_written_with_and_without_quotes() {
    let text = "[[kernel]]\npids-limit = 100\ncpus = 1.5\nulimit = ['nofile=5']";
    let lines = read(text, &[]).unwrap();
    let words: Vec<&str> =
        lines[0].container.iter().flat_map(|(_, words)| words).map(String::as_str).collect();
    assert_eq!(words, ["1.5", "100", "nofile=5"]);
    let error = read("[[kernel]]\ncpus = true", &[]).unwrap_err().to_string();
    assert!(error.starts_with("k.toml:2:8: `cpus` must be text"), "{error}");
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (text, expected) in [
        ("", "`k.toml` has no `[[kernel]]`"),
        ("[[kernel]]\nswarm = yes", "k.toml:2:9: "),
        ("[kernel]", "k.toml:1:2: must be a table of the form `[[kernel]]`"),
        ("kernel = [1]", "k.toml:1:11: must be a table"),
        ("defaults = 1", "k.toml:1:1: must be a table, `[defaults]`"),
        ("[[kernels]]", "k.toml:1:3: unknown key `kernels`; did you mean `kernel`?"),
        (
            "swarm = true",
            "k.toml:1:1: unknown key `swarm`; it belongs below `[[kernel]]` or `[defaults]`",
        ),
        ("[[kernel]]\n é = 1", "k.toml:2:2: "),
        (
            "[[kernel]]\n  imagename = 1",
            "k.toml:2:3: unknown key `imagename`; did you mean `image-name`?",
        ),
        ("[[kernel]]\nconfig = 1", "k.toml:2:1: `config` is an option of the command line only"),
        ("[[kernel]]\nswarm = 1", "k.toml:2:9: `swarm` must be true or false"),
        ("[[kernel]]\nimage-name = 1", "k.toml:2:14: `image-name` must be text, in quotes"),
        (
            "[[kernel]]\nlaunch-timeout = 1.5",
            "k.toml:2:18: `launch-timeout` must be a whole number",
        ),
        ("[[kernel]]\nlaunch_docker = 1", "k.toml:2:17: `launch_docker` must be a table"),
        ("[[kernel]]\n[kernel.launch_docker]\nmemm = 1", "k.toml:2:1: `launch_docker`"),
        ("[[kernel]]\nsample = 'x'", "k.toml:2:10: `sample` must be one of \"R_docker\", "),
        (
            "[[kernel]]\nsample = 'R_docker'\nlanguage = 'R'",
            "`k.toml`: a `sample` has its language",
        ),
        ("[[kernel]]\nauthorized-users = [1]", "k.toml:2:21: `authorized-users` must be text"),
        ("[[kernel]]\nauthorized-users = 1", "k.toml:2:20: `authorized-users` must be a list"),
        ("[[kernel]]\nuser = true\n_user = true", "k.toml:3:1: unknown key `-user`"),
        (
            "[[kernel]]\nsys-prefix = true\nsys_prefix = true",
            "k.toml:3:1: `sys-prefix` is there twice",
        ),
    ] {
        let error = read(text, &[]).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{text:?}: {error}");
    }
}
