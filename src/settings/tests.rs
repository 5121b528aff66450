use std::path::Path;

use super::*;
use crate::cli::{self, Command};
use crate::settings::config::Config;

/// The settings of `jupyter-docker-spec install ARGUMENTS` with these variables.
fn settings(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Settings> {
    let words = ["jupyter-docker-spec", "install"].iter().chain(arguments);
    let Some(Command::Install(install)) = cli::parse(words)?.command else {
        panic!("not an installation")
    };
    let config = Config::default();
    let env = Env::new(Path::new("/"), variables.iter().copied());
    let lookup = &Lookup { line: &install.line, config: &config, env: &env };
    Settings::resolve(&install, lookup, Answer::default())
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
    // Not what applies without it.
    assert_eq!(found.unauthorized_users, Some(["root"].map(String::from).into()));

    assert_eq!(settings(&[], &variables[3..4]).unwrap().launch_timeout.unwrap().get(), 50);
    for (number, expected) in [("1_000", 1000), (" 5 ", 5), ("+5", 5), ("007", 7)] {
        let option = format!("--launch-timeout={number}");
        assert_eq!(settings(&[&option], &[]).unwrap().launch_timeout.unwrap().get(), expected);
    }
}

#[test]
fn a_value_that_is_not_valid_is_named_with_its_place() {
    assert_eq!(
        error(&["--language=Julia"], &[]),
        "`--language` of `Julia` must be one of Python, R and Scala; only kernels of `--local` and `--bring-bootstrap` can have another"
    );
    assert_eq!(
        error(&[], &[("GP_LAUNCH_TIMEOUT", "soon")]),
        "`GP_LAUNCH_TIMEOUT` of `soon` must be a whole number of seconds greater than 0"
    );
    for timeout in ["0", "-1", "1.5", "1e2", "0x10", "1__0", "99999999999"] {
        error(&[&format!("--launch-timeout={timeout}")], &[]);
    }
    assert!(error(&[], &[("GP_PORT_RANGE", "1..2")]).starts_with("`GP_PORT_RANGE` of `1..2`: "),);
    for image in
        ["", " ", "a b", "A b", "a ", "a:", "A:", "a:b c", "x=y", "a@sha256:1", "https://a/b"]
    {
        for option in ["--image-name", "--executor-image-name"] {
            let expected = format!("`{option}` of `{image}` must be the name of an image");
            let error = error(&[&format!("{option}={image}")], &[]);
            assert!(error.starts_with(&expected), "{image}: {error}");
        }
    }
    assert!(error(&[], &[("GP_IMAGE_NAME", "a b")]).starts_with("`GP_IMAGE_NAME` of `a b` must"));
    assert_eq!(error(&["--display-name= "], &[]), "`--display-name` of ` ` must not be blank");
    for class in ["Kernel", "a..b", ".a", "a.b-c", "a.1b", "os.system('x')"] {
        assert!(
            error(&["--ipykernel-subclass-name", class], &[]).contains("dotted name"),
            "{class}"
        );
    }
}

#[test]
fn an_image_may_be_named_as_an_engine_takes_it() {
    let id = "0123456789abcdef".repeat(4);
    let digest = format!("registry:5000/a/b@sha256:{id}");
    let with_kind = format!("sha256:{id}");
    for image in
        ["a", "a:1", "Registry.org/a", "[::1]:5000/a/b:c", "VERSION/x:1", &id, &digest, &with_kind]
    {
        let found = settings(&["--image-name", image], &[]).unwrap();
        assert_eq!(found.image_name, image);
    }
}

#[test]
fn lists_of_users_are_literals_too() {
    const AUTHORIZED: &str = "--authorized-users";
    const UNAUTHORIZED: &str = "--unauthorized-users";
    let users = |arguments: &[&str], variables: &[(&str, &str)]| {
        let found = settings(arguments, variables).unwrap();
        let joined = |users: BTreeSet<String>| users.into_iter().collect::<Vec<_>>().join(" ");
        (joined(found.authorized_users), found.unauthorized_users.map(joined))
    };
    assert_eq!(users(&["--unauthorized-users=['b', \"a\"]"], &[]).1.unwrap(), "a b");
    assert_eq!(users(&[UNAUTHORIZED, "('a',)", UNAUTHORIZED, "b,c"], &[]).1.unwrap(), "a b c");
    assert_eq!(users(&[AUTHORIZED, "{'a'}"], &[]).0, "a");
    assert_eq!(users(&["--unauthorized-users=[]"], &[]).1, None);
    assert_eq!(users(&[], &[("GP_UNAUTHORIZED_USERS", "['a','b']")]).1.unwrap(), "a b");
    for (value, option, variable) in [
        ("['mallory'", UNAUTHORIZED, "GP_UNAUTHORIZED_USERS"),
        ("[mallory]", AUTHORIZED, "GP_AUTHORIZED_USERS"),
    ] {
        let reason = "must be a name, or a list of names such as ['alice', 'bob']";
        assert_eq!(error(&[option, value], &[]), format!("`{option}` of `{value}` {reason}"));
        assert_eq!(error(&[], &[(variable, value)]), format!("`{variable}` of `{value}` {reason}"));
    }
}

#[test]
fn who_lets_everybody_in_says_so() {
    let everybody = |arguments: &[&str], variables: &[(&str, &str)]| {
        settings(arguments, variables).unwrap().authorized_users.is_empty()
    };
    for list in ["[]", "()", "{}", " [ ] "] {
        assert!(everybody(&["--authorized-users", list], &[("GP_AUTHORIZED_USERS", "bob")]));
        assert!(everybody(&[], &[("GP_AUTHORIZED_USERS", list)]));
    }
    // What says nothing does not count where another place does.
    assert!(!everybody(&["--authorized-users=bob"], &[("GP_AUTHORIZED_USERS", "")]));
    let reason = "must name somebody; leave it out, or write [], to let everybody start the kernel";
    for value in ["", " ", ",", "['']", "[',']"] {
        let argument = format!("--authorized-users={value}");
        assert_eq!(error(&[&argument], &[]), format!("`--authorized-users` of `{value}` {reason}"));
        let variables = [("GP_AUTHORIZED_USERS", value)];
        assert_eq!(error(&[], &variables), format!("`GP_AUTHORIZED_USERS` of `{value}` {reason}"));
    }
}

#[test]
fn who_is_kept_out_is_written_if_it_is_not_what_applies_without() {
    let kept_out = |gateway: &str, variables: &[(&str, &str)]| {
        let arguments = ["--unauthorized-users=root", "--gateway", gateway];
        settings(&arguments, variables).unwrap().unauthorized_users.is_some()
    };
    for (gateway, variable) in [
        ("gateway-provisioners", "GP_UNAUTHORIZED_USERS"),
        ("enterprise-gateway", "EG_UNAUTHORIZED_USERS"),
    ] {
        assert!(!kept_out(gateway, &[]));
        assert!(!kept_out(gateway, &[(variable, "root")]));
        assert!(kept_out(gateway, &[(variable, "mallory")]));
        assert!(kept_out(gateway, &[(variable, "root,mallory")]));
        assert!(kept_out(gateway, &[(variable, "")]));
    }
}

#[test]
fn none_is_the_default_where_there_may_be_none() {
    let variables = [("GP_IMAGE_NAME", "env/image"), ("GP_PORT_RANGE", "1024..4096")];
    let found = settings(&["--image-name=None", "--port-range=None"], &variables).unwrap();
    assert_eq!((found.image_name.as_str(), found.port_range), ("elyra/kernel-py:0.5.0", None));
    assert_eq!(settings(&["--display-name=None"], &[]).unwrap().display_name, "None");
    assert!(error(&[], &[("GP_PORT_RANGE", "None")]).starts_with("`GP_PORT_RANGE` of `None`: "));
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
