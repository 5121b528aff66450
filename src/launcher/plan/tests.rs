use std::path::Path;

use super::*;
use crate::launcher::args::Arguments;

/// The plan for a launch with this file, this image in `kernel.json`, and these variables.
fn plan(mode: &str, file: &str, changes: &[(&str, &str)]) -> Result<Plan> {
    let directory = tempfile::tempdir()?;
    fs_err::create_dir(directory.path().join("scripts"))?;
    fs_err::write(directory.path().join("scripts/launch_docker.toml"), file)?;
    fs_err::write(
        directory.path().join("kernel.json"),
        r#"{"env": {"KERNEL_CPUS": "16"},
            "metadata": {"kernel_provisioner": {"config": {"image_name": "own"}}}}"#,
    )?;
    let spec = InstalledSpec::of(&directory.path().join("scripts/launch_docker"))?;
    let network = if mode == "swarm" { "overlay" } else { "bridge" };
    let given = [
        ("GP_DOCKER_MODE", mode),
        ("GP_DOCKER_NETWORK", network),
        ("KERNEL_IMAGE", "own"),
        ("KERNEL_LANGUAGE", "r"),
        ("KERNEL_USERNAME", "bob"),
    ];
    let env = Env::new(Path::new("/home/bob/work"), given.iter().chain(changes).copied());
    let arguments = Arguments { kernel_id: Some("1234".into()), ..Arguments::default() };
    Plan::new(Launch::new(&arguments, &spec, &env, false)?, &spec, &env, false)
}

fn docker(file: &str) -> Plan {
    plan("docker", file, &[]).unwrap()
}

#[test]
fn without_a_file_the_request_is_that_of_the_launch() {
    let plan = docker("");
    assert_eq!(plan.request, serde_json::to_value(plan.launch.container()).unwrap());
    assert_eq!((plan.pull, plan.platform), (PullPolicy::Missing, None));
}

#[test]
fn the_notebooks_directory_is_mounted_where_it_is_or_elsewhere() {
    for (file, source, target) in [
        ("mount_cwd = true", "/home/bob/work", "/home/bob/work"),
        ("mount_cwd = '/w'", "/home/bob/work", "/w"),
        (
            "mount_cwd = { paths = { '/home' = '/srv/users' } }",
            "/srv/users/bob/work",
            "/home/bob/work",
        ),
        (
            "mount_cwd = { target = '/w', paths = { '/x' = '/y', '/home/bob/work' = '/z' } }",
            "/z",
            "/w",
        ),
    ] {
        let request = docker(file).request;
        let expected = json!([{"Type": "bind", "Source": source, "Target": target}]);
        assert_eq!(request["HostConfig"]["Mounts"], expected, "{file}");
        assert_eq!(request["WorkingDir"], target, "{file}");
    }
    assert!(docker("mount_cwd = false").request["HostConfig"].get("Mounts").is_none());
    let request =
        docker("mount_cwd = { target = '/w', read_only = true }\nworking_dir = '/x'").request;
    assert_eq!(request["HostConfig"]["Mounts"][0]["ReadOnly"], true);
    assert_eq!(request["WorkingDir"], "/x");
    let error = plan("docker", "mount_cwd = { paths = { '/x' = '/y' } }", &[]).unwrap_err();
    assert!(
        error.to_string().contains("no entry in `paths` for the notebook's directory"),
        "{error}"
    );
}

#[test]
fn a_user_who_names_the_language_cannot_leave_the_place_either() {
    let file = "volumes = ['/srv/{language}:/x']";
    assert_eq!(docker(file).request["HostConfig"]["Mounts"][0]["Source"], "/srv/r");
    for language in ["..", "../../etc", "a/b", "/"] {
        let error = plan("docker", file, &[("KERNEL_LANGUAGE", language)]).unwrap_err();
        assert!(error.to_string().contains("one part of a path"), "{error}");
    }
    let error = plan("docker", "cap_add = ['{language}']", &[]).unwrap_err();
    assert!(error.to_string().contains("about which the notebook's user decides"), "{error}");
}

#[test]
fn further_networks_come_after_the_servers() {
    assert_eq!(docker("networks = ['db', 'bridge']").networks, [("db".to_owned(), json!({}))]);
    let file = "networks = { db = { aliases = ['k-{language}x'], ipv4_address = '10.0.0.9' } }";
    let settings = json!({"Aliases": ["k-rx"], "IPAMConfig": {"IPv4Address": "10.0.0.9"}});
    assert_eq!(docker(file).networks, [("db".to_owned(), settings)]);
    let request = plan("swarm", "networks = ['db']", &[]).unwrap().request;
    let networks = json!([{"Target": "overlay"}, {"Target": "db"}]);
    assert_eq!(request["TaskTemplate"]["Networks"], networks);
    assert!(plan("swarm", "networks = { db = { ipv4_address = '10.0.0.9' } }", &[]).is_err());
}

#[test]
fn how_the_image_is_had() {
    for (policy, expected) in [
        ("always", PullPolicy::Always),
        ("never", PullPolicy::Never),
        ("if_not_present", PullPolicy::Missing),
    ] {
        assert_eq!(docker(&format!("pull_policy = '{policy}'")).pull, expected);
    }
    assert!(plan("docker", "pull_policy = 'daily'", &[]).is_err());
    assert_eq!(docker("platform = 'linux/arm64'").platform.as_deref(), Some("linux/arm64"));
    let request = plan("swarm", "platform = 'linux/arm64'", &[]).unwrap().request;
    let platforms = json!([{"OS": "linux", "Architecture": "arm64"}]);
    assert_eq!(request["TaskTemplate"]["Placement"]["Platforms"], platforms);
}

#[test]
fn secrets_and_configs() {
    let file = "
        secrets = ['a', { source = 'b', target = 'c', uid = '5', gid = 6, mode = 0o400 }]
        configs = ['a']
    ";
    let plan = plan("swarm", file, &[]).unwrap();
    let file = |name: &str, uid: &str, gid: &str, mode: u32| json!({"Name": name, "UID": uid, "GID": gid, "Mode": mode});
    let reference = |source: &str, file| Reference { source: source.to_owned(), file };
    assert_eq!(
        plan.secrets,
        [reference("a", file("a", "0", "0", 0o444)), reference("b", file("c", "5", "6", 0o400)),]
    );
    assert_eq!(plan.configs, [reference("a", file("/a", "0", "0", 0o444))]);
}

#[test]
fn the_environment() {
    let server =
        [("TOKEN", "secret"), ("REGION", "eu"), ("ML_A", "1"), ("ML_B", "2"), ("PATH", "/p")];
    let environment = |file: &str| {
        let mut environment = plan("docker", file, &server).unwrap().launch.environment;
        environment.retain(|name, _| !name.starts_with("KERNEL_"));
        environment.into_iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" ")
    };
    for (file, expected) in [
        ("", ""),
        ("environment = { A = 1, B = true, C = 'x {username}' }", "A=1 B=true C=x bob"),
        ("environment = ['A=b=c', 'REGION', 'MISSING', 'E=']", "A=b=c E= REGION=eu"),
        ("pass_environment = ['ML_*', 'PATH']", "ML_A=1 ML_B=2 PATH=/p"),
        (
            "environment_mode = 'inherit'",
            "GP_DOCKER_MODE=docker GP_DOCKER_NETWORK=bridge ML_A=1 ML_B=2 REGION=eu TOKEN=secret",
        ),
        ("environment = { KERNEL_ID = 'x', REGION = '${REGION}-1' }", "REGION=eu-1"),
    ] {
        assert_eq!(environment(file), expected, "{file}");
    }
    // What the launch is about cannot be changed.
    let plan = plan("docker", "environment = { KERNEL_ID = 'x' }", &[]).unwrap();
    assert_eq!(plan.launch.environment["KERNEL_ID"], "1234");
}

#[test]
fn the_user_may_change_what_is_allowed_and_no_more() {
    let table = "client_overrides = { memory = '2g', cpus = 4, gpus = 1, image = ['own/*'], \
                 working_dir = ['/home/*'] }\nmem_limit = '1g'\ngpus = 'all'";
    let host = |changes: &[(&str, &str)]| {
        plan("docker", table, changes).map(|plan| plan.request["HostConfig"].clone())
    };
    let error = |variable: &str, value: &str| host(&[(variable, value)]).unwrap_err().to_string();
    assert_eq!(host(&[]).unwrap()["Memory"], 1_i64 << 30);
    assert_eq!(host(&[("KERNEL_MEMORY", "2g")]).unwrap()["Memory"], 2_i64 << 30);
    assert!(error("KERNEL_MEMORY", "2.1g").contains("`KERNEL_MEMORY` of `2.1g` is above the 2g"));
    assert!(error("KERNEL_MEMORY", "much").contains("is not an amount"));
    // To the engine, nothing means everything.
    for (variable, value) in [
        ("KERNEL_MEMORY", "0"),
        ("KERNEL_MEMORY", "0.1b"),
        ("KERNEL_CPUS", "0"),
        ("KERNEL_CPUS", "0.0000000001"),
    ] {
        assert!(error(variable, value).contains("is not an amount"), "{value}");
    }
    assert_eq!(host(&[("KERNEL_CPUS", "0.5")]).unwrap()["NanoCpus"], 500_000_000);
    assert!(error("KERNEL_CPUS", "5").contains("above the 4"));
    // The administrator has said so in kernel.json.
    assert_eq!(host(&[("KERNEL_CPUS", "16")]).unwrap()["NanoCpus"], 16_000_000_000_i64);
    let gpus = |count: &str| host(&[("KERNEL_GPUS", count)]).unwrap()["DeviceRequests"].clone();
    assert_eq!(gpus("1"), json!([{"Count": 1, "Capabilities": [["gpu"]]}]));
    assert_eq!(gpus("0"), Json::Null);
    assert!(error("KERNEL_GPUS", "2").contains("above the 1"));
    assert!(host(&[("KERNEL_IMAGE", "own/other:1")]).is_ok());
    assert!(error("KERNEL_IMAGE", "others/x").contains("not one that this kernel may have: own/*"));
    assert!(
        error("KERNEL_WORKING_DIR", "/home/../etc")
            .contains("not one that this kernel may start in")
    );
    let plan = plan("docker", table, &[("KERNEL_WORKING_DIR", "/home/x")]).unwrap();
    assert_eq!(plan.request["WorkingDir"], "/home/x");
    for wrong in ["memory = 'x'", "cpus = 'x'", "gpus = 'x'", "image = 5", "ram = 1"] {
        let file = format!("[client_overrides]\n{wrong}");
        let error = super::tests::plan("docker", &file, &[]).unwrap_err().to_string();
        assert!(error.contains("launch_docker.toml:2:"), "{error}");
    }
    assert!(super::tests::plan("swarm", "client_overrides.gpus = 1", &[]).is_err());
}

#[test]
fn what_the_table_does_not_name_is_data() {
    let changes = [("KERNEL_MEMORY", "9g"), ("KERNEL_IMAGE", "other"), ("KERNEL_GPUS", "8")];
    // Without the table the server decides about the image, as it always has.
    let free = plan("docker", "cpus = 1", &changes).unwrap();
    assert!(free.request["HostConfig"].get("Memory").is_none());
    assert_eq!(free.request["Image"], "other");
    let error = plan("docker", "client_overrides = {}", &changes).unwrap_err().to_string();
    assert!(error.contains("the image `other` (KERNEL_IMAGE) is not one"), "{error}");
}
