use std::path::Path;

use super::*;
use crate::launcher::waiting::is_waiting;
use crate::server::LONGEST_LAUNCH_TIMEOUT;

/// The variables that GP sets for a launch on one engine.
const GP: [(&str, &str); 6] = [
    ("GP_DOCKER_MODE", "docker"),
    ("GP_DOCKER_NETWORK", "bridge"),
    ("KERNEL_GID", "100"),
    ("KERNEL_IMAGE", "image"),
    ("KERNEL_UID", "1000"),
    ("KERNEL_USERNAME", "bob"),
];

/// The launch with these variables added to those of GP, or removed if empty.
fn with(changes: &[(&str, &str)]) -> Result<Launch> {
    let mut variables = BTreeMap::from(GP);
    variables.extend(changes.iter().copied());
    let arguments = Arguments { kernel_id: Some("1234".into()), ..Arguments::default() };
    let env = Env::new(Path::new("/"), variables);
    Launch::new(&arguments, &InstalledSpec::default(), &env, false)
}

/// The launch by Enterprise Gateway, which sets variables of its own.
fn from_gateway(changes: &[(&str, &str)]) -> Result<Launch> {
    let own = [
        ("GP_DOCKER_MODE", ""),
        ("GP_DOCKER_NETWORK", ""),
        ("EG_DOCKER_MODE", "docker"),
        ("EG_DOCKER_NETWORK", "bridge"),
    ];
    with(&[&own, changes].concat())
}

fn error(changes: &[(&str, &str)]) -> String {
    with(changes).unwrap_err().to_string()
}

#[test]
fn a_launch_of_gateway_provisioners() {
    let launch = with(&[]).unwrap();
    assert_eq!(launch.caller, System::GatewayProvisioners);
    assert_eq!(launch.name, "bob-1234");
    assert_eq!(launch.mode, Mode::Docker);
    assert_eq!(launch.network, "bridge");
    assert_eq!((launch.user, launch.group), (Some(1000), Some(100)));
    assert_eq!(launch.supplementary_groups, [100]);
    assert_eq!(launch.timeout, Duration::from_secs(30));
    assert!(launch.remove && launch.working_directory.is_none());
}

#[test]
fn nobody_else_gives_the_labels_of_a_launch() {
    let launch = Launch { kernelspec: Some("k".into()), ..with(&[]).unwrap() };
    let labels: Vec<&str> = launch.labels().into_keys().collect();
    assert_eq!(labels, crate::options::convert::OUR_LABELS);
}

#[test]
fn a_launch_of_enterprise_gateway() {
    let launch = from_gateway(&[("EG_KERNEL_LAUNCH_TIMEOUT", "60")]).unwrap();
    assert_eq!(launch.caller, System::EnterpriseGateway);
    assert_eq!(launch.labels()["app"], "enterprise-gateway");
    assert_eq!(launch.timeout, Duration::from_secs(60));
    let launch =
        from_gateway(&[("KERNEL_LAUNCH_TIMEOUT", "7.5"), ("EG_KERNEL_LAUNCH_TIMEOUT", "60")]);
    assert_eq!(launch.unwrap().timeout, Duration::from_millis(7500));
}

#[test]
fn the_timeout_of_kernel_json_is_that_of_gateway_provisioners() {
    let text = r#"{"metadata": {"kernel_provisioner": {"config": {"launch_timeout": 45}}}}"#;
    let spec: InstalledSpec = serde_json::from_str(text).unwrap();
    let env =
        Env::new(Path::new("/"), [("GP_LAUNCH_TIMEOUT", "60"), ("KERNEL_LAUNCH_TIMEOUT", "70")]);
    for (caller, seconds) in [(System::GatewayProvisioners, 45), (System::EnterpriseGateway, 70)] {
        let timeout = launch_timeout(&env, caller, spec.launch_timeout()).unwrap();
        assert_eq!(timeout, Duration::from_secs(seconds));
    }
}

#[test]
fn the_largest_of_each_number_is_taken() {
    let longest = LONGEST_LAUNCH_TIMEOUT.as_secs().to_string();
    let launch = with(&[
        ("KERNEL_UID", "2147483647"),
        ("KERNEL_GID", "2147483647"),
        ("GP_LAUNCH_TIMEOUT", &longest),
    ]);
    let launch = launch.unwrap();
    assert_eq!((launch.user, launch.group), (Some(ID_MAX), Some(ID_MAX)));
    assert_eq!(launch.timeout, LONGEST_LAUNCH_TIMEOUT);
    assert!(with(&[("GP_LAUNCH_TIMEOUT", &format!("{longest}.5"))]).is_err());
}

#[test]
fn each_knob_has_its_order() {
    for (changes, mode) in [
        (&[("DOCKER_MODE", "docker"), ("GP_DOCKER_MODE", "swarm")][..], Mode::Docker),
        (&[("EG_DOCKER_MODE", "swarm")], Mode::Docker),
        (&[("GP_DOCKER_MODE", "Swarm"), ("GP_DOCKER_NETWORK", "o")], Mode::Swarm),
        (&[("GP_DOCKER_MODE", ""), ("GP_DOCKER_NETWORK", "o")], Mode::Swarm),
    ] {
        assert_eq!(with(changes).unwrap().mode, mode, "{changes:?}");
    }
    for (changes, network) in [
        (&[("DOCKER_NETWORK", "a"), ("GP_DOCKER_NETWORK", "b")][..], "a"),
        (&[("GP_DOCKER_NETWORK", "b"), ("EG_DOCKER_NETWORK", "c")], "b"),
        (&[("GP_DOCKER_NETWORK", ""), ("EG_DOCKER_NETWORK", "c")], "c"),
        (&[("GP_DOCKER_NETWORK", "")], "bridge"),
    ] {
        assert_eq!(with(changes).unwrap().network, network, "{changes:?}");
    }
    for (changes, remove) in [
        (&[("REMOVE_CONTAINER", "False"), ("GP_REMOVE_CONTAINER", "true")][..], false),
        (&[("GP_REMOVE_CONTAINER", "0"), ("EG_REMOVE_CONTAINER", "1")], false),
        (&[("EG_REMOVE_CONTAINER", "no")], false),
        (&[("REMOVE_CONTAINER", "")], true),
    ] {
        assert_eq!(with(changes).unwrap().remove, remove, "{changes:?}");
    }
}

#[test]
fn what_is_not_valid_is_named() {
    assert_eq!(
        error(&[("KERNEL_IMAGE", "")]),
        "ERROR - KERNEL_IMAGE not found in environment - kernel launch terminating!"
    );
    for (variable, value) in [
        ("KERNEL_UID", "bob"),
        ("KERNEL_UID", "-1"),
        ("KERNEL_UID", "2147483648"),
        ("KERNEL_GID", "None"),
        ("GP_DOCKER_MODE", "podman"),
        ("GP_REMOVE_CONTAINER", "maybe"),
        ("GP_LAUNCH_TIMEOUT", "soon"),
        ("GP_LAUNCH_TIMEOUT", "0"),
        ("GP_LAUNCH_TIMEOUT", "-1"),
        ("GP_LAUNCH_TIMEOUT", "nan"),
        ("GP_LAUNCH_TIMEOUT", "1e300"),
    ] {
        let error = error(&[(variable, value)]);
        assert!(error.starts_with(&format!("`{variable}` of `{value}` must be ")), "{error}");
    }
}

#[test]
fn a_network_on_which_the_server_cannot_find_the_kernel_is_refused() {
    for network in ["bridge", "host", "none"] {
        let error = error(&[("GP_DOCKER_MODE", "swarm"), ("GP_DOCKER_NETWORK", network)]);
        assert!(
            error.contains("--driver overlay") && error.contains("GP_DOCKER_NETWORK"),
            "{error}"
        );
    }
    let message = error(&[("GP_DOCKER_NETWORK", "default")]);
    assert!(
        message.contains("whose name is `bridge`: name that in GP_DOCKER_NETWORK"),
        "{message}"
    );
    assert!(from_gateway(&[("EG_DOCKER_NETWORK", "default")]).is_err());
    // If only the launcher is configured so, the server finds the kernel.
    assert_eq!(with(&[("DOCKER_NETWORK", "default")]).unwrap().network, "default");
    for network in ["host", "none", "container:x"] {
        let error = from_gateway(&[("EG_DOCKER_NETWORK", network)]).unwrap_err().to_string();
        assert!(error.contains("EG_DOCKER_NETWORK"), "{error}");
    }
}

#[test]
fn names_are_valid_for_containers_services_and_hosts() {
    let id = "0f8fad5b-d9cb-469f-a165-70867728950e";
    for (username, expected) in [
        ("bob", format!("bob-{id}")),
        ("bob_the-2nd", format!("bob_the-2nd-{id}")),
        ("bob@example.com", format!("bob-example-com-{id}")),
        ("../../etc", format!("etc-{id}")),
        ("José", format!("Jos-{id}")),
        ("", id.to_owned()),
        ("@@", id.to_owned()),
        ("a-very-long-name-of-a-user-indeed", format!("a-very-long-name-of-a-user-{id}")),
        ("averylongnameofauserin@example.com", format!("averylongnameofauserin-exa-{id}")),
    ] {
        let name = name(username, id);
        assert_eq!(name, expected, "{username}");
        assert!(name.len() <= NAME_MAX);
    }
}

#[test]
fn a_kernel_id_that_cannot_be_a_name_is_refused() {
    for kernel_id in ["", "-a", "a-", "a b", "a/b", "a.b", "é", "a\n", &"x".repeat(64)] {
        assert!(check_kernel_id(kernel_id).is_err(), "{kernel_id:?}");
    }
    for kernel_id in ["0f8fad5b-d9cb-469f-a165-70867728950e", "a_b", &"x".repeat(63)] {
        check_kernel_id(kernel_id).unwrap();
    }
}

#[test]
fn a_user_without_a_group_keeps_the_images_group() {
    let variables = GP.into_iter().filter(|(name, _)| *name != "KERNEL_GID");
    let env = Env::new(Path::new("/"), variables);
    let arguments = Arguments { kernel_id: Some("1234".into()), ..Arguments::default() };
    let launch = Launch::new(&arguments, &InstalledSpec::default(), &env, false).unwrap();
    assert_eq!((launch.user, launch.group), (Some(1000), None));
    assert_eq!(launch.supplementary_groups, [100]);
    assert_eq!(with(&[("KERNEL_GID", "7")]).unwrap().supplementary_groups, [7, 100]);
}

/// Otherwise, all of a server's environment, which `gateway_provisioners` hands on, would reach the kernel.
#[test]
fn the_mode_of_gateway_provisioners_outweighs_all_marks_of_the_other_server() {
    use System::{EnterpriseGateway, GatewayProvisioners};
    let caller = |spelling, variables: &[(&'static str, &'static str)]| {
        let arguments = Arguments { gateway_spelling: spelling, ..Arguments::default() };
        super::caller(&arguments, &Env::new(Path::new("/"), variables.iter().copied()))
    };
    let (gp, eg) = (("GP_DOCKER_MODE", "docker"), ("EG_DOCKER_MODE", "docker"));
    for (spelling, variables, expected) in [
        (false, &[][..], GatewayProvisioners),
        (false, &[gp], GatewayProvisioners),
        (false, &[eg], EnterpriseGateway),
        (false, &[gp, eg], GatewayProvisioners),
        (true, &[], EnterpriseGateway),
        (true, &[eg], EnterpriseGateway),
        (true, &[gp], GatewayProvisioners),
        (true, &[gp, eg], GatewayProvisioners),
    ] {
        assert_eq!(caller(spelling, variables), expected, "{spelling} {variables:?}");
    }
}

#[test]
fn what_nobody_has_filled_in_is_said() {
    let launch = |arguments: Arguments| {
        let env = Env::new(Path::new("/"), GP);
        Launch::new(&arguments, &InstalledSpec::default(), &env, false).unwrap_err().to_string()
    };
    let given = |text: &str| Some(text.to_owned());
    let error = launch(Arguments { kernel_id: given("{kernel_id}"), ..Arguments::default() });
    assert!(
        error.contains("this client does not know kernel provisioners; start the kernel from"),
        "{error}"
    );
    for arguments in [
        Arguments { response_address: given("{response_address}"), ..Arguments::default() },
        Arguments { public_key: given("{public_key}"), ..Arguments::default() },
    ] {
        let error = launch(Arguments { kernel_id: given("1234"), ..arguments });
        assert!(
            error.contains("}` was not filled in: this server is older than the specification"),
            "{error}"
        );
    }
}

#[test]
fn one_that_waits_has_a_name_for_that_whoever_starts_it() {
    for user in ["", "ann", "waiting", &"long.".repeat(20)] {
        let name = name(user, "waiting-1a2b3c4d");
        assert!(name.len() <= NAME_MAX && is_waiting(&name), "{name}");
    }
}
