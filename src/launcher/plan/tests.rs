use std::path::Path;

use anyhow::Result;
use serde_json::json;

use super::*;
use crate::env::Env;
use crate::launcher::args::Arguments;
use crate::launcher::spec::InstalledSpec;

/// The plan for a launch with this file and these variables.
fn plan(mode: &str, file: &str, changes: &[(&str, &str)]) -> Result<Plan> {
    plan_in("/home/bob/work", mode, file, changes)
}

/// The plan for a notebook in this directory.
fn plan_in(directory: &str, mode: &str, file: &str, changes: &[(&str, &str)]) -> Result<Plan> {
    let cwd = Path::new(directory);
    let directory = tempfile::tempdir()?;
    fs_err::create_dir(directory.path().join("scripts"))?;
    fs_err::write(directory.path().join("scripts/launch_docker.toml"), file)?;
    fs_err::write(
        directory.path().join("kernel.json"),
        r#"{"env": {"KERNEL_CPUS": "16", "WHERE": "{{.Node.Hostname}}"},
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
    let env = Env::new(cwd, given.iter().chain(changes).copied());
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
    for relative in ["{ paths = { '/home' = 'srv' } }", "'w'"] {
        let error = plan("docker", &format!("mount_cwd = {relative}"), &[]).unwrap_err();
        assert!(error.to_string().contains("by their full paths"), "{error}");
    }
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
    for mode in ["host", "none", "container:db"] {
        let error = plan("docker", &format!("networks = ['{mode}']"), &[]).unwrap_err().to_string();
        assert!(error.contains(&format!("cannot have `{mode}` beside the network")), "{error}");
    }
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
        (
            "environment = { A = 1, B = true, C = 'x {username}', D = 0.5 }",
            "A=1 B=true C=x bob D=0.5",
        ),
        ("environment = ['A=b=c', 'REGION', 'MISSING', 'E=']", "A=b=c E= REGION=eu"),
        ("pass_environment = ['ML_*', 'PATH']", "ML_A=1 ML_B=2 PATH=/p"),
        (
            "environment_mode = 'inherit'",
            "GP_DOCKER_MODE=docker GP_DOCKER_NETWORK=bridge ML_A=1 ML_B=2 REGION=eu TOKEN=secret",
        ),
        ("environment_mode = 'filtered'", ""),
        ("environment = { KERNEL_ID = 'x', REGION = '${REGION}-1' }", "REGION=eu-1"),
    ] {
        assert_eq!(environment(file), expected, "{file}");
    }
    let error = plan("docker", "environment_mode = 'all'", &server).unwrap_err().to_string();
    assert!(error.contains("`environment_mode` must be \"filtered\" or \"inherit\""), "{error}");
    // The variables of the launch itself cannot be changed.
    let plan = plan("docker", "environment = { KERNEL_ID = 'x' }", &[]).unwrap();
    assert_eq!(plan.launch.environment["KERNEL_ID"], "1234");
}

/// A name that Swarm would expand to another directory, and its literal form: in a text of its own, and in
/// one of the administrator's.
const EVIL: &str = r#"bob{{print "\x2f..\x2falice"}}"#;
const ALONE: &str = r#"bob{{"{{"}}print "\x2f..\x2falice"}}"#;
const WITHIN: &str = r#"bob{{"{"}}{{"{"}}print "\x2f..\x2falice"}}"#;

#[test]
fn what_swarm_expands_is_the_administrators_text_alone() {
    let file = "
        hostname = '{{.Node.Hostname}}-{username}'
        labels.who = '{username}{{.Task.Slot}}'
        tmpfs = '/t/{username}'
        volumes = ['/srv/{username}:/work/{username}', 'v-{{.Task.Slot}}:/v', {
            type = 'volume', source = '{username}', target = '/x', volume = { subpath = '{username}', labels = {
                '{username}' = '{username}' }, driver_opts = { o = '{username}' } } }]
        working_dir = '/w/{username}'
        [environment]
        ONE = '{{.Node.ID}} {username} ${KERNEL_X:-{a}'
        TWO = '{{`}}{`}}{${KERNEL_LANGUAGE}'
    ";
    let evil = [("KERNEL_USERNAME", EVIL), ("KERNEL_LANGUAGE", "{print 1}}")];
    let request = plan("swarm", file, &evil).unwrap().request;
    let container = &request["TaskTemplate"]["ContainerSpec"];
    assert_eq!(container["Hostname"], format!("{{{{.Node.Hostname}}}}-{WITHIN}"));
    assert_eq!(container["Labels"]["who"], format!("{EVIL}{{{{.Task.Slot}}}}"));
    assert_eq!(container["Dir"], format!("/w/{EVIL}"));
    assert_eq!(
        container["Mounts"],
        json!([
            {"Type": "tmpfs", "Target": format!("/t/{WITHIN}"), "TmpfsOptions": {}},
            {"Type": "bind", "Source": format!("/srv/{WITHIN}"), "Target": format!("/work/{WITHIN}")},
            {"Type": "volume", "Source": "v-{{.Task.Slot}}", "Target": "/v"},
            {"Type": "volume", "Source": WITHIN, "Target": "/x", "VolumeOptions": {
                "Subpath": EVIL,
                "Labels": {"{username}": WITHIN},
                "DriverConfig": {"Options": {"o": WITHIN}},
            }},
        ])
    );
    let variables: Vec<String> = serde_json::from_value(container["Env"].clone()).unwrap();
    for expected in [
        format!("KERNEL_USERNAME={ALONE}"),
        format!(r#"ONE={{{{.Node.ID}}}} {WITHIN} {{{{"{{"}}}}a"#),
        r#"TWO={{`}}{`}}{{"{"}}{{"{"}}print 1}}"#.to_owned(),
    ] {
        assert!(variables.contains(&expected), "{expected}: {variables:?}");
    }
}

#[test]
fn an_engine_without_a_swarm_expands_nothing() {
    let file = "volumes = ['/srv/{username}:/work']\nenvironment.A = '{username}'";
    let plan = plan("docker", file, &[("KERNEL_USERNAME", EVIL)]).unwrap();
    let source = &plan.request["HostConfig"]["Mounts"][0]["Source"];
    assert_eq!(*source, format!("/srv/{EVIL}"));
    assert_eq!(plan.launch.environment["A"], EVIL);
    assert_eq!(plan.launch.environment["KERNEL_USERNAME"], EVIL);
}

#[test]
fn but_in_the_tag_of_a_log() {
    let file = "logging.options = { tag = '{{.ID}}/{username}', labels = '{username}' }";
    for (mode, field) in
        [("docker", "/HostConfig/LogConfig/Config"), ("swarm", "/TaskTemplate/LogDriver/Options")]
    {
        let request = plan(mode, file, &[("KERNEL_USERNAME", EVIL)]).unwrap().request;
        let options = request.pointer(field).unwrap();
        assert_eq!(*options, json!({"tag": format!("{{{{.ID}}}}/{WITHIN}"), "labels": EVIL}));
    }
}

#[test]
fn a_notebooks_directory_is_no_template_in_a_swarm() {
    let (directory, alone) = (format!("/home/{EVIL}/nb"), format!("/home/{ALONE}/nb"));
    for (file, source, target, start) in [
        ("mount_cwd = true", alone.clone(), alone.clone(), directory.clone()),
        (
            "mount_cwd = '/w/{{.Task.Slot}}'",
            alone.clone(),
            "/w/{{.Task.Slot}}".into(),
            "/w/{{.Task.Slot}}".into(),
        ),
        (
            "mount_cwd = { target = '/w{cwd}', paths = { '/home' = '/srv/{{.Node.ID}}/{username}' } }",
            format!("/srv/{{{{.Node.ID}}}}/{WITHIN}/{ALONE}/nb"),
            format!("/w/home/{WITHIN}/nb"),
            format!("/w{directory}"),
        ),
    ] {
        let request =
            plan_in(&directory, "swarm", file, &[("KERNEL_USERNAME", EVIL)]).unwrap().request;
        let container = &request["TaskTemplate"]["ContainerSpec"];
        let expected = json!([{"Type": "bind", "Source": source, "Target": target}]);
        assert_eq!(container["Mounts"], expected, "{file}");
        assert_eq!(container["Dir"], start, "{file}");
    }
}

#[test]
fn a_variable_of_the_server_is_no_template_in_a_swarm_but_one_of_the_specification() {
    let file = "environment = ['WHERE', 'HERE']\npass_environment = ['THERE']";
    let environment = |value: &str| {
        let changes = [("WHERE", value), ("HERE", value), ("THERE", value)];
        plan("swarm", file, &changes).unwrap().launch.environment
    };
    let found = environment("{{.Node.Hostname}}");
    assert_eq!(found["WHERE"], "{{.Node.Hostname}}");
    assert_eq!(found["HERE"], r#"{{"{{"}}.Node.Hostname}}"#);
    assert_eq!(found["THERE"], r#"{{"{{"}}.Node.Hostname}}"#);
    // Changed by a client.
    assert_eq!(environment("{{.Node.ID}}")["WHERE"], r#"{{"{{"}}.Node.ID}}"#);
}

#[test]
fn what_is_within_a_template_of_dockers_is_refused() {
    for (file, part) in [
        ("volumes = ['/srv/{{ print {username} }}:/w']", "{username}"),
        ("volumes = ['/srv/x:/w/{{print \"}}{language}\"}}']", "{language}"),
        ("hostname = 'h{{ print `{kernel_id}` }}'", "{kernel_id}"),
        ("tmpfs = '/t/{{print `{cwd}`}}'", "{cwd}"),
        ("mount_cwd = '/w/{{ print \"${KERNEL_X}\" }}'", "${"),
        ("mount_cwd = { target = '/w', paths = { '/' = '/{{print \"{cwd}\"}}' } }", "{cwd}"),
        ("environment.A = '{{print \"${KERNEL_X}\"}}'", "${"),
        ("environment = ['A={{print \"{username}\"}}']", "{username}"),
    ] {
        let error = plan("swarm", file, &[]).unwrap_err().to_string();
        assert!(error.contains(&format!("cannot have `{part}` within `{{{{")), "{file}: {error}");
        // On a single engine, it is not a template.
        plan("docker", file, &[("KERNEL_X", "x")]).unwrap();
    }
    for file in ["volumes = ['/srv/{{ {username}:/w']", "environment.A = '{{ `}}`{username}'"] {
        let error = plan("swarm", file, &[]).unwrap_err().to_string();
        assert!(error.contains("has a `{{` without `}}`"), "{file}: {error}");
    }
    let file = "logging.options.tag = '{{print \"{username}\"}}'";
    for mode in ["docker", "swarm"] {
        let error = plan(mode, file, &[]).unwrap_err().to_string();
        assert!(error.contains("cannot have `{username}` within"), "{error}");
    }
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
    // To the engine, 0 means no limit.
    for (variable, value) in [
        ("KERNEL_MEMORY", "0"),
        ("KERNEL_MEMORY", "0.1b"),
        ("KERNEL_CPUS", "0"),
        ("KERNEL_CPUS", "0.0000000001"),
    ] {
        assert!(error(variable, value).contains("is not an amount"), "{value}");
    }
    assert_eq!(host(&[("KERNEL_CPUS", "0.5")]).unwrap()["NanoCpus"], 500_000_000);
    assert!(error("KERNEL_CPUS", "5").contains("above the 4 that"));
    // Set by the administrator in kernel.json.
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
    // Without the table, the server decides about the image.
    let free = plan("docker", "cpus = 1", &changes).unwrap();
    assert!(free.request["HostConfig"].get("Memory").is_none());
    assert_eq!(free.request["Image"], "other");
    let error = plan("docker", "client_overrides = {}", &changes).unwrap_err().to_string();
    assert!(error.contains("the image `other` (KERNEL_IMAGE) is not one"), "{error}");
}
