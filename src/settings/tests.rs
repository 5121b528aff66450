use std::path::Path;

use clap::Parser as _;

use super::*;
use crate::cli::{Cli, Command};
use crate::settings::config::Config;
use crate::settings::lookup::Line;

/// The settings of `jupyter-docker-spec install ARGUMENTS` with these variables.
fn settings(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Settings> {
    let words = ["jupyter-docker-spec", "install"].iter().chain(arguments);
    let Some(Command::Install(install)) = Cli::try_parse_from(words)?.command else {
        panic!("not an installation")
    };
    let (line, config) = (Line::new(&install, &[])?, Config::default());
    let env = Env::new(Path::new("/"), variables.iter().copied());
    Settings::resolve(&install, &Lookup { line: &line, config: &config, env: &env })
}

fn error(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    format!("{:#}", settings(arguments, variables).unwrap_err())
}

#[test]
fn the_language_gives_the_defaults() {
    for (given, name, display, image) in [
        ("PYTHON", "docker_python", "Docker Python", "elyra/kernel-py:0.5.0"),
        ("R", "docker_r", "Docker R", "elyra/kernel-r:0.5.0"),
        ("Scala", "docker_scala", "Docker Scala", "elyra/kernel-scala:0.5.0"),
    ] {
        let settings = settings(&["--language", given], &[]).unwrap();
        assert_eq!(settings.kernel_name.as_str(), name);
        assert_eq!(settings.display_name, display);
        assert_eq!(settings.image_name, image);
    }
}

#[test]
fn the_default_names_of_python_are_no_names_for_another_language() {
    let settings = settings(
        &["--language=R", "--kernel-name=docker_python", "--display-name=Docker Python"],
        &[],
    )
    .unwrap();
    assert_eq!(settings.kernel_name.as_str(), "docker_r");
    assert_eq!(settings.display_name, "Docker R");
}

#[test]
fn the_command_line_comes_before_the_environment() {
    let variables = [
        ("GP_IMAGE_NAME", "env/image"),
        ("GP_PORT_RANGE", "1024..4096"),
        ("GP_LAUNCH_TIMEOUT", "40"),
        ("KERNEL_LAUNCH_TIMEOUT", "50"),
        ("GP_AUTHORIZED_USERS", " bob,,al ,bob"),
        ("GP_UNAUTHORIZED_USERS", "eve,root"),
    ];
    let found = settings(&[], &variables).unwrap();
    assert_eq!(found.image_name, "env/image");
    assert_eq!(found.port_range.unwrap().to_string(), "1024..4096");
    assert_eq!(found.launch_timeout.unwrap().get(), 40);
    assert_eq!(found.authorized_users, ["al", "bob"].map(String::from).into());
    assert_eq!(found.unauthorized_users, Some(["eve", "root"].map(String::from).into()));

    let arguments = [
        "--image_name=cli/image",
        "--port-range",
        "0..0",
        "--launch-timeout=5",
        "--authorized-users=zoe",
        "--authorized-users=ann",
        "--unauthorized-users=root",
    ];
    let arguments = arguments.map(|word| word.replace("image_name", "image-name"));
    let found = settings(&arguments.each_ref().map(String::as_str), &variables).unwrap();
    assert_eq!(found.image_name, "cli/image");
    assert_eq!(found.port_range, None);
    assert_eq!(found.launch_timeout.unwrap().get(), 5);
    assert_eq!(found.authorized_users, ["ann", "zoe"].map(String::from).into());
    assert_eq!(found.unauthorized_users, None);

    assert_eq!(settings(&[], &variables[3..4]).unwrap().launch_timeout.unwrap().get(), 50);
}

#[test]
fn a_value_that_is_not_valid_is_named_with_its_place() {
    assert_eq!(
        error(&["--language=Julia"], &[]),
        "`--language` of `Julia` must be one of Python, R and Scala"
    );
    assert_eq!(
        error(&[], &[("GP_LAUNCH_TIMEOUT", "soon")]),
        "`GP_LAUNCH_TIMEOUT` of `soon` must be a whole number of seconds greater than 0"
    );
    for timeout in ["0", "-1", "1.5", "1e2", "99999999999"] {
        error(&[&format!("--launch-timeout={timeout}")], &[]);
    }
    assert!(error(&[], &[("GP_PORT_RANGE", "1..2")]).starts_with("`GP_PORT_RANGE` of `1..2`: "),);
    assert!(error(&["--image-name= "], &[]).contains("must name an image"));
    for class in ["Kernel", "a..b", ".a", "a.b-c", "a.1b", "os.system('x')"] {
        assert!(
            error(&["--ipykernel-subclass-name", class], &[]).contains("dotted name"),
            "{class}"
        );
    }
}

#[test]
fn the_place_is_chosen_as_the_python_tool_chooses_it() {
    for (arguments, expected) in [
        (&[][..], Location::System),
        (&["--user"], Location::User),
        (&["--prefix=/p"], Location::Prefix("/p".into())),
        (&["--prefix="], Location::System),
        (&["--prefix=", "--user"], Location::User),
        (&["--prefix=/p", "--sys-prefix"], Location::SysPrefix),
        (&["--sys-prefix", "--prefix=/p"], Location::SysPrefix),
    ] {
        assert_eq!(settings(arguments, &[]).unwrap().location, expected, "{arguments:?}");
    }
    let both = "Can't specify both user and prefix. Please choose one or the other.";
    assert_eq!(error(&["--user", "--prefix=/p"], &[]), both);
    assert_eq!(error(&["--user", "--sys-prefix"], &[]), both);
}
