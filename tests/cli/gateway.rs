//! `install --gateway`: specifications for Enterprise Gateway.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::sandbox::{KERNELS, Sandbox};

const GATEWAY: &str = "--gateway=enterprise-gateway";

#[test]
fn the_stanza_of_enterprise_gateway() {
    let sandbox = Sandbox::new();
    let specification = sandbox.installed(&[
        GATEWAY,
        "--swarm",
        "--executor-image-name=e:1",
        "--authorized-users=bob, alice",
        "--authorized-users=carl",
        "--unauthorized-users=eve,root",
        "--port-range=40000..42000",
        "--launch-timeout=60",
    ]);
    assert_snapshot!(sandbox.text(&specification.join("kernel.json")), @r#"
    {
      "argv": [
        "[ROOT]/prefix/share/jupyter/kernels/docker_python/scripts/launch_docker",
        "--RemoteProcessProxy.kernel-id",
        "{kernel_id}",
        "--RemoteProcessProxy.port-range",
        "{port_range}",
        "--RemoteProcessProxy.response-address",
        "{response_address}",
        "--RemoteProcessProxy.public-key",
        "{public_key}"
      ],
      "env": {
        "KERNEL_LAUNCH_TIMEOUT": "60"
      },
      "display_name": "Docker Python",
      "language": "python",
      "interrupt_mode": "signal",
      "metadata": {
        "debugger": true,
        "process_proxy": {
          "class_name": "enterprise_gateway.services.processproxies.docker_swarm.DockerSwarmProcessProxy",
          "config": {
            "image_name": "elyra/kernel-py:3.3.0",
            "executor_image_name": "e:1",
            "authorized_users": "alice,bob,carl",
            "unauthorized_users": "eve,root",
            "port_range": "40000..42000"
          }
        }
      },
      "kernel_protocol_version": ""
    }
    "#);
}

#[test]
fn what_is_the_default_is_left_to_the_gateway() {
    let sandbox = Sandbox::new();
    let specification =
        sandbox.installed(&[GATEWAY, "--unauthorized-users=root", "--port-range=0..0"]);
    let spec = Sandbox::kernel_json(&specification);
    assert_eq!(
        spec["metadata"],
        json!({"debugger": true, "process_proxy": {
            "class_name":
                "enterprise_gateway.services.processproxies.docker_swarm.DockerProcessProxy",
            "config": {"image_name": "elyra/kernel-py:3.3.0"},
        }})
    );
    assert_eq!(spec["env"], json!({}));
    let argv = spec["argv"].to_string();
    assert!(!argv.contains("encryption") && !argv.contains("class"), "{argv}");
}

#[test]
fn other_languages_have_no_debugger_and_another_class_is_named() {
    let sandbox = Sandbox::new();
    for (language, image) in [("R", "elyra/kernel-r:3.3.0"), ("Scala", "elyra/kernel-scala:3.3.0")]
    {
        let language = format!("--language={language}");
        let spec = Sandbox::kernel_json(&sandbox.installed(&[GATEWAY, &language]));
        assert_eq!(spec["metadata"]["debugger"], Value::Null);
        assert_eq!(spec["metadata"]["process_proxy"]["config"]["image_name"], image);
    }
    let words = [GATEWAY, "--ipykernel-subclass-name=a.B"];
    let spec = Sandbox::kernel_json(&sandbox.installed(&words));
    let argv = spec["argv"].as_array().unwrap();
    assert_eq!(argv[argv.len() - 2..], ["--kernel-class-name", "a.B"]);
}

#[test]
fn an_executor_image_is_for_both() {
    let sandbox = Sandbox::new();
    let spec = Sandbox::kernel_json(&sandbox.installed(&["--executor-image-name=e:1"]));
    let config = &spec["metadata"]["kernel_provisioner"]["config"];
    assert_eq!(config["executor_image_name"], "e:1");
    let outcome = sandbox.install(&["--executor-image-name= "]);
    assert_snapshot!(outcome.error(), @"`--executor-image-name` of ` ` must be the name of an image: its path is made of lower-case letters, digits and single separators `.`, `_`, `-`");
}

#[test]
fn errors_of_launches_are_shown_by_classes_of_ours() {
    let sandbox = Sandbox::new();
    let stanza = |words: &[&str], name, key: &str| {
        let words = [words, &["--show-launch-errors", "--replace"]].concat();
        let spec = Sandbox::kernel_json(&sandbox.installed(&words));
        spec["metadata"][name][key].as_str().unwrap().to_owned()
    };
    for (swarm, name, class) in [
        ("--no-swarm", "docker", "ReportingDockerProcessProxy"),
        ("--swarm", "docker-swarm", "ReportingDockerSwarmProcessProxy"),
    ] {
        assert_eq!(
            stanza(&[swarm], "kernel_provisioner", "provisioner_name"),
            format!("reporting-{name}-provisioner")
        );
        assert_eq!(
            stanza(&[swarm, GATEWAY], "process_proxy", "class_name"),
            format!("jupyter_docker_spec.process_proxies.{class}")
        );
    }
    let file = "defaults.show-launch-errors = true\n[[kernel]]\n[[kernel]]\nlanguage = \"R\"\n\
                show_launch_errors = false";
    sandbox.file("kernels.toml", file);
    sandbox.installed(&["--file=kernels.toml", "--replace"]);
    for (name, expected) in
        [("docker_python", "reporting-docker-provisioner"), ("docker_r", "docker-provisioner")]
    {
        let spec = Sandbox::kernel_json(&sandbox.path("prefix").join(KERNELS).join(name));
        assert_eq!(spec["metadata"]["kernel_provisioner"]["provisioner_name"], expected);
    }
}

#[test]
fn the_request_is_that_of_the_gateway() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.install(&[GATEWAY, "--swarm", "--dry-run", "--language=R"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let (_, request) = outcome.stdout.split_once("for a kernel of the user `bob`:").unwrap();
    let request: Value = serde_json::from_str(request).unwrap();
    assert_eq!(request["Labels"]["app"], "enterprise-gateway");
    assert_eq!(request["TaskTemplate"]["ContainerSpec"]["Labels"]["app"], "enterprise-gateway");
}

#[test]
fn a_file_says_whose_each_specification_is() {
    let sandbox = Sandbox::new();
    let file = r#"
        [defaults]
        gateway = "enterprise-gateway"
        executor-image-name = "e:1"
        [[kernel]]
        [[kernel]]
        language = "R"
        gateway = "gateway-provisioners"
        executor_image_name = "e:2"
    "#;
    sandbox.file("kernels.toml", file);
    sandbox.installed(&["--file=kernels.toml"]);
    let spec = |name| Sandbox::kernel_json(&sandbox.path("prefix").join(KERNELS).join(name));
    let config = &spec("docker_python")["metadata"]["process_proxy"]["config"];
    assert_eq!(config["executor_image_name"], "e:1");
    let config = &spec("docker_r")["metadata"]["kernel_provisioner"]["config"];
    assert_eq!(config["executor_image_name"], "e:2");

    sandbox.file("kernels.toml", "[[kernel]]\ngateway = \"eg\"");
    assert_snapshot!(sandbox.install(&["--file=kernels.toml"]).error(), @r#"kernels.toml:2:11: `gateway` must be "gateway-provisioners" or "enterprise-gateway""#);
}

#[test]
fn an_unknown_system_is_refused() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.install(&["--gateway=enterprise"]);
    assert_eq!(outcome.code(), Some(2));
    assert_snapshot!(outcome, @"
    exit status: 2
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] invalid value 'enterprise' for '--gateway <SYSTEM>'
          [possible values: gateway-provisioners, enterprise-gateway]

          tip: a similar value exists: 'enterprise-gateway'

        For more information, try '--help'.
    ");
}
