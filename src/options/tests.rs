use std::path::Path;

use serde_json::json;

use super::*;
use crate::env::Env;

mod mounts;

const CWD: &str = "/home/bob/work:shop";

/// What a file adds to an empty request.
fn applied(mode: Mode, text: &str, username: &str) -> Result<Json> {
    let variables =
        [("HOME", "/home/server"), ("DATA", "/srv/data"), ("EMPTY", ""), ("KERNEL_X", "..")];
    let env = Env::new(Path::new(CWD), variables);
    let interpolation = Interpolation {
        username,
        kernel_id: "1234",
        language: "python",
        cwd: Some(CWD),
        env: &env,
        check_only: false,
        has_connection_file: false,
    };
    let mut request = json!({});
    Options::parse("f.toml", text)?.apply(&mut request, mode, &interpolation)?;
    Ok(request)
}

pub(super) fn docker(text: &str) -> Json {
    applied(Mode::Docker, text, "bob").unwrap()
}

fn swarm(text: &str) -> Json {
    applied(Mode::Swarm, text, "bob").unwrap()
}

pub(super) fn error(mode: Mode, text: &str) -> String {
    applied(mode, text, "bob").unwrap_err().to_string()
}

#[test]
fn limits() {
    let text = r#"
        mem_limit = "1.5g"
        cpus = 1.5
        pids_limit = 100
        shm_size = "64m"
        ulimits = { nofile = { soft = 1024, hard = 2048 }, nproc = 64 }
        stop_grace_period = "1m30s500ms"
    "#;
    let ulimits = json!([
        {"Name": "nofile", "Soft": 1024, "Hard": 2048},
        {"Name": "nproc", "Soft": 64, "Hard": 64},
    ]);
    assert_eq!(
        docker(text),
        json!({
            "HostConfig": {
                "Memory": 1_610_612_736_i64,
                "NanoCpus": 1_500_000_000,
                "PidsLimit": 100,
                "ShmSize": 67_108_864,
                "Ulimits": ulimits,
            },
            "StopTimeout": 91,
        })
    );
    assert_eq!(
        swarm(text),
        json!({"TaskTemplate": {
            "Resources": {"Limits": {
                "MemoryBytes": 1_610_612_736_i64,
                "NanoCPUs": 1_500_000_000,
                "Pids": 100,
            }},
            "ContainerSpec": {
                "Mounts": [{
                    "Type": "tmpfs",
                    "Target": "/dev/shm",
                    "TmpfsOptions": {"SizeBytes": 67_108_864, "Mode": 0o1777},
                }],
                "Ulimits": ulimits,
                "StopGracePeriod": 90_500_000_000_i64,
            },
        }})
    );
}

#[test]
fn what_only_one_mode_has() {
    for (text, mode, expected) in [
        ("devices = ['/dev/a']", Mode::Swarm, "f.toml:1:11: `devices` is not possible in a Swarm"),
        ("gpus = 'all'", Mode::Swarm, "`gpus` is not possible in a Swarm; have the nodes declare"),
        ("volumes = ['/a:/b:Z']", Mode::Swarm, "has `Z`, which is not possible in a Swarm"),
        ("tmpfs = '/a:uid=1'", Mode::Swarm, "has `uid=1`; in a Swarm there are size=BYTES"),
        (
            "deploy.placement.constraints = ['node.role == worker']",
            Mode::Docker,
            "has a meaning in a Swarm only",
        ),
        ("secrets = ['a']", Mode::Docker, "f.toml:1:11: `secrets` has a meaning in a Swarm only"),
    ] {
        let error = error(mode, text);
        assert!(error.contains(expected), "{text}: {error}");
    }
    assert_eq!(
        swarm(
            "tmpfs = ['/run:size=1m,mode=755', '/tmp']
             deploy.placement.constraints = ['node.labels.gpu == true']
             deploy.placement.preferences = [{ spread = 'node.labels.zone' }]
             [[deploy.resources.reservations.generic_resources]]
             discrete_resource_spec = { kind = 'GPU', value = 1 }"
        ),
        json!({"TaskTemplate": {
            "ContainerSpec": {"Mounts": [
                {"Type": "tmpfs", "Target": "/run", "TmpfsOptions": {"SizeBytes": 1_048_576, "Mode": 0o755}},
                {"Type": "tmpfs", "Target": "/tmp", "TmpfsOptions": {}},
            ]},
            "Placement": {
                "Constraints": ["node.labels.gpu == true"],
                "Preferences": [{"Spread": {"SpreadDescriptor": "node.labels.zone"}}],
            },
            "Resources": {"Reservations": {"GenericResources": [
                {"DiscreteResourceSpec": {"Kind": "GPU", "Value": 1}},
            ]}},
        }})
    );
    assert_eq!(
        docker("tmpfs = ['/run:size=1m,uid=5', '/tmp', '${X:-/var}:size=${X:-1m}']"),
        json!({"HostConfig": {"Tmpfs": {"/run": "size=1m,uid=5", "/tmp": "", "/var": "size=1m"}}})
    );
}

#[test]
fn devices_and_gpus() {
    assert_eq!(
        docker("devices = ['/dev/a', '/dev/b:/dev/c:r', 'vendor.com/gpu=1']")["HostConfig"],
        json!({
            "Devices": [
                {"PathOnHost": "/dev/a", "PathInContainer": "/dev/a", "CgroupPermissions": "rwm"},
                {"PathOnHost": "/dev/b", "PathInContainer": "/dev/c", "CgroupPermissions": "r"},
            ],
            "DeviceRequests": [{"Driver": "cdi", "DeviceIDs": ["vendor.com/gpu=1"]}],
        })
    );
    for (text, expected) in [
        ("'all'", json!([{"Count": -1, "Capabilities": [["gpu"]]}])),
        ("2", json!([{"Count": 2, "Capabilities": [["gpu"]]}])),
        (
            "[{ driver = 'nvidia', device_ids = ['0', 'GPU-1'], capabilities = ['gpu', 'utility'] }]",
            json!([{"Driver": "nvidia", "DeviceIDs": ["0", "GPU-1"], "Capabilities": [["gpu", "utility"]]}]),
        ),
    ] {
        assert_eq!(docker(&format!("gpus = {text}"))["HostConfig"]["DeviceRequests"], expected);
    }
    for text in
        ["gpus = 0", "gpus = 'some'", "gpus = [{ count = 1, device_ids = ['0'] }]", "devices = 'a'"]
    {
        assert!(error(Mode::Docker, text).contains(" must "), "{text}");
    }
}

#[test]
fn hosts_names_and_logs() {
    let text = "
        extra_hosts = ['db:10.0.0.1', 'v6=[::1]']
        dns = '10.0.0.53'
        dns_search = ['a.example', 'b.example']
        hostname = 'k-{username}'
        logging = { driver = 'json-file', options = { max-size = '1m', max-file = 3, tag = '{{.Name}}' } }
        labels = ['a=b', 'c']
        sysctls = { 'net.core.somaxconn' = 1024 }
    ";
    let options = json!({"max-size": "1m", "max-file": "3", "tag": "{{.Name}}"});
    assert_eq!(
        docker(text),
        json!({
            "Hostname": "k-bob",
            "Labels": {"a": "b", "c": ""},
            "HostConfig": {
                "ExtraHosts": ["db:10.0.0.1", "v6:::1"],
                "Dns": ["10.0.0.53"],
                "DnsSearch": ["a.example", "b.example"],
                "LogConfig": {"Type": "json-file", "Config": options},
                "Sysctls": {"net.core.somaxconn": "1024"},
            },
        })
    );
    assert_eq!(
        swarm(text),
        json!({
            "Labels": {"a": "b", "c": ""},
            "TaskTemplate": {
                "LogDriver": {"Name": "json-file", "Options": options},
                "ContainerSpec": {
                    "Hostname": "k-bob",
                    "Labels": {"a": "b", "c": ""},
                    "Hosts": ["10.0.0.1 db", "::1 v6"],
                    "DNSConfig": {"Nameservers": ["10.0.0.53"], "Search": ["a.example", "b.example"]},
                    "Sysctls": {"net.core.somaxconn": "1024"},
                },
            },
        })
    );
}

#[test]
fn labels_by_which_kernels_are_known_are_the_launchers() {
    for label in ["app", "component", "kernel_id", "kernelspec"] {
        for (mode, text) in [
            (Mode::Docker, format!("labels.{label} = 'forged'")),
            (Mode::Docker, format!("labels = ['a=b', '{label}=forged']")),
            (Mode::Docker, format!("labels = ['{label}']")),
            (Mode::Docker, format!("labels = ['${{X:-{label}}}=forged']")),
            (Mode::Swarm, format!("labels.{label} = 'forged'")),
            (Mode::Swarm, format!("deploy.labels.{label} = 'forged'")),
        ] {
            let error = error(mode, &text);
            let expected = format!("cannot have `{label}`, by which servers and `ps` know kernels");
            assert!(error.contains(&expected), "{text}: {error}");
        }
    }
}

#[test]
fn commands_are_split_as_a_shell_would() {
    for (text, expected) in [
        (r#"'a "b c" d\ e'"#, json!(["a", "b c", "d e"])),
        (r#"'/x ""'"#, json!(["/x", ""])),
        (r#"['a b', "c"]"#, json!(["a b", "c"])),
    ] {
        assert_eq!(docker(&format!("command = {text}"))["Cmd"], expected);
    }
    assert!(error(Mode::Docker, "command = '\"a'").contains("must end its quotes"));
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (text, expected) in [
        ("a = ", "f.toml:1:"),
        ("\n  memlimit = 1", "f.toml:2:3: unknown key `memlimit`; did you mean `mem_limit`?"),
        ("deploy.resource.x = 1", "f.toml:1:8: unknown key `deploy.resource`"),
        ("deploy = 1", "f.toml:1:10: `deploy` must be a table"),
        (
            "ports = [1]",
            "f.toml:1:1: `ports` of the Compose specification is not supported here; the server",
        ),
        ("mem_limit = true", "f.toml:1:13: `mem_limit` must be an amount of memory"),
        ("mem_limit = '1x'", "f.toml:1:13: `mem_limit` must be an amount of memory"),
        ("mem_limit = -1", "f.toml:1:13: `mem_limit` must be an amount of memory"),
        ("mem_limit = ' 1g'", "f.toml:1:13: `mem_limit` must be an amount of memory"),
        ("cpus = '1e3'", "f.toml:1:8: `cpus` must be a number of processors"),
        ("stop_grace_period = 10", "f.toml:1:21: `stop_grace_period` must be a span of time"),
        ("read_only = 'yes'", "f.toml:1:13: `read_only` must be true or false"),
        ("pids_limit = 1.5", "f.toml:1:14: `pids_limit` must be a whole number"),
        ("cap_add = [1979-05-27]", "f.toml:1:12: `cap_add` must be text"),
        ("ulimits.nofile.soft = 1", "f.toml:1:9: `ulimits` needs `hard`"),
        (
            "mem_limit = '1g'\n[deploy.resources.limits]\nmemory = '2g'",
            "f.toml:3:10: `deploy.resources.limits.memory` says the same as `mem_limit`; use one",
        ),
    ] {
        let error = error(Mode::Docker, text);
        assert!(error.starts_with(expected), "{text:?}: {error}");
    }
}

#[test]
fn a_sample_leaves_out_what_only_the_server_knows() {
    let env = Env::default();
    let interpolation = Interpolation {
        username: "user",
        kernel_id: "id",
        language: "python",
        cwd: Some("/"),
        env: &env,
        check_only: true,
        has_connection_file: false,
    };
    let options =
        Options::parse("f", "mem_limit = '${M}'\ncpus = '${C:-x}'\nread_only = true").unwrap();
    let mut request = json!({});
    options.apply(&mut request, Mode::Docker, &interpolation).unwrap();
    assert_eq!(request, json!({"HostConfig": {"ReadonlyRootfs": true}}));
}

#[test]
fn keys_are_in_order_and_not_twice() {
    for pair in KEYS.windows(2) {
        assert!(pair[0].name < pair[1].name, "{}", pair[1].name);
    }
    for pair in UNSUPPORTED.windows(2) {
        assert!(pair[0].0 < pair[1].0, "{}", pair[1].0);
    }
    assert!(UNSUPPORTED.iter().all(|(name, _)| KEYS.iter().all(|key| key.name != *name)));
}

#[test]
fn nothing_is_filled_into_a_template_of_a_swarm() {
    let check = |text: &str| {
        let options = Options::parse("f", text).unwrap();
        options.check_templates(Mode::Swarm).map_err(|error| error.to_string())
    };
    for right in [
        "hostname = '{{.Node.Hostname}}-{username}'",
        "environment = ['A={{.Node.Hostname}}{username}']",
        "volumes = [{ type = 'volume', source = '{{.Node.Hostname}}', target = '/{username}' }]",
    ] {
        check(right).unwrap();
    }
    for wrong in [
        "hostname = '{{print \"{username}\"}}'",
        "environment = ['B=1', 'A={{print \"${KERNEL_X}\"}}']",
        "environment = { A = '{{print `{cwd}`}}' }",
        "volumes = [{ type = 'volume', source = '{{print \"{kernel_id}\"}}', target = '/x' }]",
        "hostname = 'a{{b'",
    ] {
        let error = check(wrong).unwrap_err();
        assert!(
            error.contains("a template of Docker's") || error.contains("without `}}`"),
            "{error}"
        );
    }
}

#[test]
fn nothing_is_filled_into_the_tag_of_a_log() {
    for mode in [Mode::Docker, Mode::Swarm] {
        let check = |text: &str| {
            let options = Options::parse("f", text).unwrap();
            options.check_templates(mode).map_err(|error| error.to_string())
        };
        for right in [
            "[logging]\noptions = { tag = '{{.Name}}-${X}', labels = '{{x ${X}}}' }",
            "[logging]\noptions = ['tag={{.Name}}/${X}', 'labels={{x ${X}}}']",
            "[logging]\ndriver = 'syslog'",
        ] {
            check(right).unwrap();
        }
        for options in [
            "{ tag = '{{print `${X}`}}' }",
            "{ tag = '{{.Name}}{{print `{username}`}}' }",
            "['labels=a', 'tag={{print `${X}`}}']",
        ] {
            let error = check(&format!("[logging]\noptions = {options}")).unwrap_err();
            assert!(
                error.starts_with("f:2:") && error.contains("a template of Docker's"),
                "{error}"
            );
        }
    }
}

#[test]
fn a_variable_has_its_default_only_where_it_is_not_there() {
    let text = "labels = { a = '${DATA:-x}', b = '${DATA-x}', c = '${EMPTY:-x}', d = '${EMPTY-x}', \
                e = '${NONE:-x}', f = '${NONE-x}', g = '{kernel_id}', h = '${DATA}${EMPTY}' }";
    let expected = json!({
        "a": "/srv/data", "b": "/srv/data", "c": "x", "d": "",
        "e": "x", "f": "x", "g": "1234", "h": "/srv/data",
    });
    assert_eq!(applied(Mode::Docker, text, "bob").unwrap()["Labels"], expected);
}
