//! What `install` writes.

use fs_err as fs;
use insta::assert_snapshot;
use serde_json::json;

use crate::sandbox::{LAUNCHER, Sandbox, in_shell};

#[test]
fn the_files_have_their_modes_whatever_the_umask() {
    for umask in ["077", "000", "027"] {
        let sandbox = Sandbox::new();
        let mut installer = sandbox.installer();
        let words = ["--language=R", "--prefix=new/prefix", "--launcher=python"];
        let script = format!("umask {umask}; exec \"$@\"");
        let outcome = sandbox.run(&mut in_shell(&script, installer.args(words)));
        assert_eq!(outcome.code(), Some(0), "{outcome}");
        insta::allow_duplicates! {
            assert_snapshot!(sandbox.tree("new"), @"
            d0755 prefix
            d0755 prefix/share
            d0755 prefix/share/jupyter
            d0755 prefix/share/jupyter/kernels
            d0755 prefix/share/jupyter/kernels/docker_r
            -0644 prefix/share/jupyter/kernels/docker_r/kernel.js
            -0644 prefix/share/jupyter/kernels/docker_r/kernel.json
            -0644 prefix/share/jupyter/kernels/docker_r/logo-32x32.png
            -0644 prefix/share/jupyter/kernels/docker_r/logo-64x64.png
            -0644 prefix/share/jupyter/kernels/docker_r/logo-svg.svg
            d0755 prefix/share/jupyter/kernels/docker_r/scripts
            -0755 prefix/share/jupyter/kernels/docker_r/scripts/launch_docker.py
            ");
        }
    }
}

#[test]
fn modes_are_the_same_when_a_specification_is_replaced() {
    let sandbox = Sandbox::new();
    let specification = sandbox.installed(&[]);
    let before = sandbox.tree(&specification);
    for file in ["kernel.json", "scripts", "scripts/launch_docker", ""] {
        crate::sandbox::set_mode(&specification.join(file), 0o700);
    }
    let mut installer = sandbox.installer();
    installer.args(["--prefix=prefix", "--replace"]);
    let outcome = sandbox.run(&mut in_shell("umask 077; exec \"$@\"", &installer));
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert_eq!(sandbox.tree(&specification), before);
    assert_eq!(
        sandbox.tree("prefix/share/jupyter/kernels").lines().next().unwrap(),
        "d0755 docker_python"
    );
}

#[test]
fn the_files_of_each_kernel() {
    let sandbox = Sandbox::new();
    for language in ["Python", "R", "Scala"] {
        sandbox.installed(&[&format!("--language={language}")]);
    }
    assert_snapshot!(sandbox.tree("prefix/share/jupyter/kernels"), @"
    d0755 docker_python
    -0644 docker_python/kernel.json
    -0644 docker_python/logo-32x32.png
    -0644 docker_python/logo-64x64.png
    -0644 docker_python/logo-svg.svg
    d0755 docker_python/scripts
    -0755 docker_python/scripts/launch_docker
    d0755 docker_r
    -0644 docker_r/kernel.js
    -0644 docker_r/kernel.json
    -0644 docker_r/logo-32x32.png
    -0644 docker_r/logo-64x64.png
    -0644 docker_r/logo-svg.svg
    d0755 docker_r/scripts
    -0755 docker_r/scripts/launch_docker
    d0755 docker_scala
    -0644 docker_scala/kernel.json
    -0644 docker_scala/logo-32x32.png
    -0644 docker_scala/logo-64x64.png
    -0644 docker_scala/logo-svg.svg
    d0755 docker_scala/scripts
    -0755 docker_scala/scripts/launch_docker
    ");
}

#[test]
fn the_launcher_is_a_copy_of_ours() {
    let sandbox = Sandbox::new();
    let mut installer = sandbox.installer();
    installer.env_remove("JUPYTER_DOCKER_SPEC_LAUNCHER").arg("--prefix=p");
    let outcome = sandbox.run(&mut installer);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let copy = sandbox.path("p/share/jupyter/kernels/docker_python/scripts/launch_docker");
    assert!(fs::read(&copy).unwrap() == fs::read(LAUNCHER).unwrap());
    let version = sandbox.run(sandbox.command(&copy).arg("--version"));
    assert!(version.stdout.starts_with("launch_docker "), "{version}");
    // Not a link of any kind: it has to outlive an upgrade of the tool.
    let metadata = fs::symlink_metadata(&copy).unwrap();
    assert!(metadata.is_file() && std::os::unix::fs::MetadataExt::nlink(&metadata) == 1);
}

fn kernel_json(words: &[&str]) -> String {
    let sandbox = Sandbox::new();
    let specification = sandbox.installed(words);
    sandbox.text(&specification.join("kernel.json"))
}

#[test]
fn kernel_json_of_python() {
    assert_snapshot!(kernel_json(&[]), @r#"
    {
      "argv": [
        "[ROOT]/prefix/share/jupyter/kernels/docker_python/scripts/launch_docker",
        "--kernel-id",
        "{kernel_id}",
        "--port-range",
        "{port_range}",
        "--response-address",
        "{response_address}",
        "--public-key",
        "{public_key}",
        "--transport-encryption",
        "{transport_encryption}",
        "--kernel-class-name",
        "ipykernel.ipkernel.IPythonKernel"
      ],
      "env": {},
      "display_name": "Docker Python",
      "language": "python",
      "interrupt_mode": "signal",
      "metadata": {
        "supported_encryption": [
          "curve"
        ],
        "debugger": true,
        "kernel_provisioner": {
          "provisioner_name": "docker-provisioner",
          "config": {
            "image_name": "elyra/kernel-py:0.5.0",
            "launch_timeout": 30
          }
        }
      },
      "kernel_protocol_version": ""
    }
    "#);
}

#[test]
fn kernel_json_of_r() {
    assert_snapshot!(kernel_json(&["--language=R"]), @r#"
    {
      "argv": [
        "[ROOT]/prefix/share/jupyter/kernels/docker_r/scripts/launch_docker",
        "--kernel-id",
        "{kernel_id}",
        "--port-range",
        "{port_range}",
        "--response-address",
        "{response_address}",
        "--public-key",
        "{public_key}"
      ],
      "env": {},
      "display_name": "Docker R",
      "language": "R",
      "interrupt_mode": "signal",
      "metadata": {
        "debugger": true,
        "kernel_provisioner": {
          "provisioner_name": "docker-provisioner",
          "config": {
            "image_name": "elyra/kernel-r:0.5.0",
            "launch_timeout": 30
          }
        }
      },
      "kernel_protocol_version": ""
    }
    "#);
}

#[test]
fn kernel_json_of_scala() {
    assert_snapshot!(kernel_json(&["--language=scala"]), @r#"
    {
      "argv": [
        "[ROOT]/prefix/share/jupyter/kernels/docker_scala/scripts/launch_docker",
        "--kernel-id",
        "{kernel_id}",
        "--port-range",
        "{port_range}",
        "--response-address",
        "{response_address}",
        "--public-key",
        "{public_key}"
      ],
      "env": {},
      "display_name": "Docker Scala",
      "language": "scala",
      "interrupt_mode": "signal",
      "metadata": {
        "debugger": true,
        "kernel_provisioner": {
          "provisioner_name": "docker-provisioner",
          "config": {
            "image_name": "elyra/kernel-scala:0.5.0",
            "launch_timeout": 30
          }
        }
      },
      "kernel_protocol_version": ""
    }
    "#);
}

#[test]
fn kernel_json_for_a_swarm_has_another_provisioner_and_nothing_else() {
    for language in ["--language=Python", "--language=R", "--language=Scala"] {
        let docker = kernel_json(&[language]);
        let swarm = kernel_json(&[language, "--swarm"]);
        assert_eq!(swarm, docker.replace("docker-provisioner", "docker-swarm-provisioner"));
        assert_ne!(swarm, docker);
    }
}

#[test]
fn kernel_json_with_everything() {
    let words = [
        "--image-name=foo/bar:v1",
        "--kernel-name=My Kernel",
        "--display-name=Mine",
        "--authorized-users=zoe",
        "--authorized-users=bob, ann,",
        "--unauthorized-users=eve",
        "--port-range=40000..42000",
        "--launch-timeout=45",
        "--ipykernel-subclass-name=my.module.Kernel",
        "--swarm",
    ];
    let of_hyphens = kernel_json(&words);
    assert_snapshot!(of_hyphens, @r#"
    {
      "argv": [
        "[ROOT]/prefix/share/jupyter/kernels/my_kernel/scripts/launch_docker",
        "--kernel-id",
        "{kernel_id}",
        "--port-range",
        "{port_range}",
        "--response-address",
        "{response_address}",
        "--public-key",
        "{public_key}",
        "--transport-encryption",
        "{transport_encryption}",
        "--kernel-class-name",
        "my.module.Kernel"
      ],
      "env": {},
      "display_name": "Mine",
      "language": "python",
      "interrupt_mode": "signal",
      "metadata": {
        "supported_encryption": [
          "curve"
        ],
        "debugger": true,
        "kernel_provisioner": {
          "provisioner_name": "docker-swarm-provisioner",
          "config": {
            "image_name": "foo/bar:v1",
            "authorized_users": [
              "ann",
              "bob",
              "zoe"
            ],
            "unauthorized_users": [
              "eve"
            ],
            "port_range": "40000..42000",
            "launch_timeout": 45
          }
        }
      },
      "kernel_protocol_version": ""
    }
    "#);

    let words = words.map(|word| match word.split_once('=') {
        Some((name, value)) => {
            format!("{}={value}", name.replace('-', "_").replacen("__", "--", 1))
        }
        None => word.to_owned(),
    });
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    assert_eq!(kernel_json(&words), of_hyphens);
}

#[test]
fn the_environment_counts_where_the_command_line_says_nothing() {
    let sandbox = Sandbox::new();
    let install = |words: &[&str], variables: &[(&str, &str)]| {
        let mut installer = sandbox.installer();
        installer.args(["--prefix=p", "--replace"]).args(words).envs(variables.iter().copied());
        let outcome = sandbox.run(&mut installer);
        assert_eq!(outcome.code(), Some(0), "{outcome}");
        let specification = sandbox.path("p/share/jupyter/kernels/docker_python");
        Sandbox::kernel_json(&specification)["metadata"]["kernel_provisioner"]["config"].clone()
    };
    let variables = [
        ("GP_IMAGE_NAME", "i"),
        ("GP_AUTHORIZED_USERS", "b, a"),
        ("GP_UNAUTHORIZED_USERS", "c"),
        ("GP_PORT_RANGE", "2000..4000"),
        ("GP_LAUNCH_TIMEOUT", "7"),
        ("KERNEL_LAUNCH_TIMEOUT", "8"),
    ];
    let expected = json!({
        "image_name": "i",
        "authorized_users": ["a", "b"],
        "unauthorized_users": ["c"],
        "port_range": "2000..4000",
        "launch_timeout": 7,
    });
    assert_eq!(install(&[], &variables), expected);

    let words = [
        "--image-name=j",
        "--authorized-users=d",
        "--unauthorized-users=root",
        "--port-range=0..0",
        "--launch-timeout=9",
    ];
    // That `root` is kept out is not what applies without it.
    let expected = json!({
        "image_name": "j",
        "authorized_users": ["d"],
        "unauthorized_users": ["root"],
        "launch_timeout": 9,
    });
    assert_eq!(install(&words, &variables), expected);

    let expected = json!({"image_name": "elyra/kernel-py:0.5.0", "launch_timeout": 8});
    let variables =
        [("GP_IMAGE_NAME", ""), ("GP_LAUNCH_TIMEOUT", ""), ("KERNEL_LAUNCH_TIMEOUT", "8")];
    assert_eq!(install(&[], &variables), expected);
}

#[test]
fn values_arrive_unharmed() {
    let value =
        "a \"b\" 'c' \\d \n \t $HOME ${x} {kernel_id} `id` %s é \u{1F980} \u{1b}[31m </script>";
    let sandbox = Sandbox::new();
    let specification = sandbox
        .installed(&[&format!("--display-name={value}"), &format!("--authorized-users={value}")]);
    let written = Sandbox::kernel_json(&specification);
    assert_eq!(written["display_name"], value);
    let config = &written["metadata"]["kernel_provisioner"]["config"];
    assert_eq!(config["authorized_users"], json!([value]));
    assert_eq!(written.as_object().unwrap().len(), 7, "{written:#}");
}

#[test]
fn a_path_arrives_unharmed() {
    let sandbox = Sandbox::new();
    let prefix = "a \"b\" $c \\d\n{kernel_id}";
    let outcome = sandbox.run(sandbox.installer().args(["--prefix", prefix]));
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let specification = sandbox.path(prefix).join("share/jupyter/kernels/docker_python");
    let launcher = specification.join("scripts/launch_docker");
    assert_eq!(Sandbox::kernel_json(&specification)["argv"][0], launcher.to_str().unwrap());
}

#[test]
fn values_that_a_server_would_refuse_are_refused_before_anything_is_touched() {
    let sandbox = Sandbox::new();
    let words = [
        "--language=Java",
        "--image-name=",
        "--port-range=1000",
        "--port-range=40000..40999",
        "--port-range=80..4000",
        "--port-range=42000..40000",
        "--port-range=1024..65536",
        "--launch-timeout=0",
        "--launch-timeout=-1",
        "--launch-timeout=1.5",
        "--ipykernel-subclass-name=Kernel",
        "--ipykernel-subclass-name=a.b; import os",
        "--log-level=LOUD",
        "--launcher=",
    ];
    let errors = words.map(|word| {
        let outcome = sandbox.install(&["--prefix=p", word]);
        format!("{}\n", outcome.error())
    });
    assert_snapshot!(errors.concat(), @"
    `--language` of `Java` must be one of Python, R and Scala; only kernels of `--local` and `--bring-bootstrap` can have another
    `--image-name` of `` must be the name of an image: it is empty
    `--port-range` of `1000`: a port range is two ports up to 65535 such as `40000..42000`
    `--port-range` of `40000..40999`: the range has 999 ports, and the server accepts 1000 or more
    `--port-range` of `80..4000`: ports below 1024 are reserved: choose a range within 1024..65535
    `--port-range` of `42000..40000`: the first port is greater than the second
    `--port-range` of `1024..65536`: a port range is two ports up to 65535 such as `40000..42000`
    `--launch-timeout` of `0` must be a whole number of seconds greater than 0
    `--launch-timeout` of `-1` must be a whole number of seconds greater than 0
    `--launch-timeout` of `1.5` must be a whole number of seconds greater than 0
    `--ipykernel-subclass-name` of `Kernel` must be the dotted name of a class, such as `package.module.Class`
    `--ipykernel-subclass-name` of `a.b; import os` must be the dotted name of a class, such as `package.module.Class`
    `--log-level` of `LOUD` must be one of 0, 10, 20, 30, 40, 50, DEBUG, INFO, WARN, ERROR and CRITICAL
    `--launcher` must be `native`, `python` or the path of a file
    ");
    assert!(!sandbox.path("p").exists());
}

#[test]
fn a_variable_that_is_wrong_is_named() {
    let sandbox = Sandbox::new();
    let errors = ["GP_PORT_RANGE", "GP_LAUNCH_TIMEOUT", "KERNEL_LAUNCH_TIMEOUT"].map(|name| {
        let outcome = sandbox.run(sandbox.installer().arg("--prefix=p").env(name, "x"));
        format!("{}\n", outcome.error())
    });
    assert_snapshot!(errors.concat(), @"
    `GP_PORT_RANGE` of `x`: a port range is two ports up to 65535 such as `40000..42000`
    `GP_LAUNCH_TIMEOUT` of `x` must be a whole number of seconds greater than 0
    `KERNEL_LAUNCH_TIMEOUT` of `x` must be a whole number of seconds greater than 0
    ");
}

#[test]
fn names_that_jupyter_does_not_take_are_refused_before_anything_is_touched() {
    let sandbox = Sandbox::new();
    let kept = sandbox.file("p/share/jupyter/keep", "");
    let before = sandbox.tree("p");
    let long = "x".repeat(256);
    for name in ["", " ", ".", "..", "../x", "a/b", "/etc", "naïve", "a\nb", "a:b", "$x", &long] {
        for words in [&["--prefix=p"][..], &["--prefix=p", "--replace"]] {
            let name = format!("--kernel-name={name}");
            let outcome = sandbox.install(&[words, &[&name]].concat());
            // A blank turns into an underscore.
            if name == "--kernel-name= " {
                assert_eq!(outcome.code(), Some(0), "{outcome}");
                fs::remove_dir_all(sandbox.path("p/share/jupyter/kernels")).unwrap();
                continue;
            }
            assert!(outcome.error().starts_with("Invalid kernel name"), "{outcome}");
            assert_eq!(sandbox.tree("p"), before);
        }
    }
    assert!(kept.exists());
    assert_snapshot!(sandbox.install(&["--prefix=p", "--kernel-name=.."]), @"
    exit status: 1
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] Invalid kernel name `..`: it is a directory reference. Kernel names can only contain ASCII letters and numbers and these separators: - . _ (hyphen, period, and underscore).
    ");
}

#[test]
fn the_default_name_of_python_means_the_default_of_the_language() {
    let sandbox = Sandbox::new();
    let words = ["--language=R", "--kernel-name=docker_python", "--display-name=Docker Python"];
    let specification = sandbox.installed(&words);
    assert!(specification.ends_with("docker_r"));
    assert_eq!(Sandbox::kernel_json(&specification)["display_name"], "Docker R");
}

#[test]
fn a_class_for_another_language_is_ignored_with_a_warning() {
    let sandbox = Sandbox::new();
    let words = ["--prefix=p", "--language=R", "--ipykernel-subclass-name=a.B"];
    assert_snapshot!(sandbox.install(&words), @"
    exit status: 0
    ----- stderr -----
    [W [TIME] DockerSpecInstaller] --ipykernel-subclass-name will be ignored since --language is not Python.
    [I [TIME] DockerSpecInstaller] Installing kernel specification for 'Docker R'
    [W [TIME] DockerSpecInstaller] Installing to [ROOT]/p/share/jupyter/kernels, which is not in ['[ROOT]/home/.local/share/jupyter/kernels', '/usr/local/share/jupyter/kernels', '/usr/share/jupyter/kernels']. The kernelspec may not be found.
    [I [TIME] DockerSpecInstaller] Installed kernelspec docker_r in [ROOT]/p/share/jupyter/kernels/docker_r
    ");
}

#[test]
fn an_image_in_capitals_is_warned_of_as_the_documentation_has_one() {
    let sandbox = Sandbox::new();
    let words = ["--user", "--image-name=my-R-image:dev", "--language=R"];
    assert_snapshot!(sandbox.install(&words), @"
    exit status: 0
    ----- stderr -----
    [W [TIME] DockerSpecInstaller] `--image-name` of `my-R-image:dev` has capitals, with which no engine takes the name of an image
    [I [TIME] DockerSpecInstaller] Installing kernel specification for 'Docker R'
    [I [TIME] DockerSpecInstaller] Installed kernelspec docker_r in [ROOT]/home/.local/share/jupyter/kernels/docker_r
    ");
    let specification = sandbox.path("home/.local/share/jupyter/kernels/docker_r");
    assert!(Sandbox::kernel_json(&specification).to_string().contains(r#""my-R-image:dev""#));
}

#[test]
fn a_dry_run_shows_everything_and_writes_nothing() {
    let sandbox = Sandbox::new();
    let prefix = format!("--prefix={}", sandbox.path("prefix").display());
    assert_snapshot!(sandbox.install(&[&prefix, "--dry-run", "--image-name=a/b:1"]), @r#"
    exit status: 0
    ----- stdout -----
    0644 [ROOT]/prefix/share/jupyter/kernels/docker_python/logo-32x32.png
    0644 [ROOT]/prefix/share/jupyter/kernels/docker_python/logo-64x64.png
    0644 [ROOT]/prefix/share/jupyter/kernels/docker_python/logo-svg.svg
    0755 [ROOT]/prefix/share/jupyter/kernels/docker_python/scripts/launch_docker (a copy of [ROOT]/stub/launch_docker)
    0644 [ROOT]/prefix/share/jupyter/kernels/docker_python/kernel.json

    kernel.json:
    {
      "argv": [
        "[ROOT]/prefix/share/jupyter/kernels/docker_python/scripts/launch_docker",
        "--kernel-id",
        "{kernel_id}",
        "--port-range",
        "{port_range}",
        "--response-address",
        "{response_address}",
        "--public-key",
        "{public_key}",
        "--transport-encryption",
        "{transport_encryption}",
        "--kernel-class-name",
        "ipykernel.ipkernel.IPythonKernel"
      ],
      "env": {},
      "display_name": "Docker Python",
      "language": "python",
      "interrupt_mode": "signal",
      "metadata": {
        "supported_encryption": [
          "curve"
        ],
        "debugger": true,
        "kernel_provisioner": {
          "provisioner_name": "docker-provisioner",
          "config": {
            "image_name": "a/b:1",
            "launch_timeout": 30
          }
        }
      },
      "kernel_protocol_version": ""
    }

    POST /containers/create for a kernel of the user `bob`:
    {
      "Env": [
        "KERNEL_CLASS_NAME=ipykernel.ipkernel.IPythonKernel",
        "KERNEL_EXECUTOR_IMAGE=a/b:1",
        "KERNEL_GID=100",
        "KERNEL_ID=00000000-0000-0000-0000-000000000000",
        "KERNEL_IMAGE=a/b:1",
        "KERNEL_LANGUAGE=python",
        "KERNEL_SPARK_CONTEXT_INIT_MODE=none",
        "KERNEL_UID=1000",
        "KERNEL_USERNAME=bob",
        "PORT_RANGE=0..0",
        "PUBLIC_KEY=KEY",
        "RESPONSE_ADDRESS=SERVER:PORT"
      ],
      "Healthcheck": {
        "Test": [
          "NONE"
        ]
      },
      "HostConfig": {
        "AutoRemove": true,
        "GroupAdd": [
          "100"
        ],
        "NetworkMode": "bridge"
      },
      "Hostname": "bob-00000000-0000-0000-0000-000000000000",
      "Image": "a/b:1",
      "Labels": {
        "app": "gateway-provisioners",
        "component": "kernel",
        "kernel_id": "00000000-0000-0000-0000-000000000000",
        "kernelspec": "docker_python"
      },
      "StopSignal": "SIGTERM",
      "User": "1000:100"
    }
    "#);
    assert!(!sandbox.path("prefix").exists());

    // What would be refused is refused.
    let specification = sandbox.installed(&[]);
    let again = sandbox.install(&[&prefix, "--dry-run"]);
    assert_eq!(again.code(), Some(1), "{again}");
    let swarm = sandbox.install(&[&prefix, "--dry-run", "--replace", "--swarm"]);
    assert!(swarm.stdout.contains("POST /services/create"), "{swarm}");
    assert!(Sandbox::kernel_json(&specification).to_string().contains("\"docker-provisioner\""));
}

#[test]
fn a_value_that_is_impossible_for_the_container() {
    let sandbox = Sandbox::new();
    let errors = ["--memory=lots", "--volume=home:/data:sometimes"].map(|word| {
        let words = ["--prefix=p", "--launcher=native", "--cpus=2", word];
        sandbox.install(&words).error().to_owned()
    });
    assert_snapshot!(errors.join("\n"), @r#"
    --memory of `lots` must be an amount of memory, such as 512m or 1.5g
    the options for the container are not valid: --volume or --mount: volumes = ["home:/data:sometimes"]: `volumes` has an unknown option `sometimes` for a volume
    "#);
    assert!(!sandbox.path("p").exists());
}

#[test]
fn no_name_of_a_user_is_a_directory() {
    let sandbox = Sandbox::new();
    for words in [
        &["--authorized-users=~", "--unauthorized-users", "~root"][..],
        &["--BaseSpecApp.authorized_users=~", "--BaseSpecApp.unauthorized_users=~root"],
    ] {
        let specification = sandbox.installed(&[words, &["--replace"]].concat());
        let config =
            &Sandbox::kernel_json(&specification)["metadata"]["kernel_provisioner"]["config"];
        assert_eq!(config["authorized_users"], json!(["~"]), "{words:?}");
        assert_eq!(config["unauthorized_users"], json!(["~root"]), "{words:?}");
    }
}
