//! `install --sample`: the specifications of Enterprise Gateway's documentation.

use std::process::Command;

use fs_err as fs;
use insta::assert_snapshot;
use serde_json::Value;

use crate::sandbox::{INSTALLER, KERNELS, Sandbox};

/// `install` with the real launcher, which is the one that reads `launch_docker.toml`.
fn native(sandbox: &Sandbox, words: &[&str]) -> Command {
    let mut command = sandbox.command(INSTALLER);
    command.args(["install", "--prefix=prefix"]).args(words);
    command
}

/// What a dry run says that the engine would be asked for.
fn request(sandbox: &Sandbox, words: &[&str]) -> Value {
    let words = [&["--sample=python_tf_gpu_docker", "--dry-run"], words].concat();
    let outcome = sandbox.run(&mut native(sandbox, &words));
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let (_, request) = outcome.stdout.split_once("for a kernel of the user `bob`:").unwrap();
    serde_json::from_str(request).unwrap()
}

#[test]
fn the_five_of_the_documentation() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.install(&["--prefix=prefix", "--samples"]);
    assert_snapshot!(outcome, @"
    exit status: 0
    ----- stderr -----
    [W [TIME] DockerSpecInstaller] python_tf_gpu_docker asks for no GPU: its launcher is not the native one, which reads what to ask for from launch_docker.toml
    [I [TIME] DockerSpecInstaller] Installing kernel specification for 'R on Docker'
    [W [TIME] DockerSpecInstaller] Installing to [ROOT]/prefix/share/jupyter/kernels, which is not in ['[ROOT]/home/.local/share/jupyter/kernels', '/usr/local/share/jupyter/kernels', '/usr/share/jupyter/kernels']. The kernelspec may not be found.
    [I [TIME] DockerSpecInstaller] Installing kernel specification for 'Python on Docker'
    [I [TIME] DockerSpecInstaller] Installing kernel specification for 'Python on Docker with Tensorflow'
    [I [TIME] DockerSpecInstaller] Installing kernel specification for 'Python on Docker with Tensorflow with GPUs'
    [I [TIME] DockerSpecInstaller] Installing kernel specification for 'Scala on Docker'
    [I [TIME] DockerSpecInstaller] Installed kernelspec R_docker in [ROOT]/prefix/share/jupyter/kernels/R_docker
    [I [TIME] DockerSpecInstaller] Installed kernelspec python_docker in [ROOT]/prefix/share/jupyter/kernels/python_docker
    [I [TIME] DockerSpecInstaller] Installed kernelspec python_tf_docker in [ROOT]/prefix/share/jupyter/kernels/python_tf_docker
    [I [TIME] DockerSpecInstaller] Installed kernelspec python_tf_gpu_docker in [ROOT]/prefix/share/jupyter/kernels/python_tf_gpu_docker
    [I [TIME] DockerSpecInstaller] Installed kernelspec scala_docker in [ROOT]/prefix/share/jupyter/kernels/scala_docker
    ");
    let mut table = String::new();
    let kernels = sandbox.path("prefix").join(KERNELS);
    let mut names: Vec<_> = fs::read_dir(&kernels).unwrap().map(|e| e.unwrap().path()).collect();
    names.sort();
    for path in names {
        let spec = Sandbox::kernel_json(&path);
        let proxy = &spec["metadata"]["process_proxy"];
        let words = [
            path.file_name().unwrap().to_str().unwrap(),
            spec["display_name"].as_str().unwrap(),
            spec["language"].as_str().unwrap(),
            proxy["config"]["image_name"].as_str().unwrap(),
            proxy["class_name"].as_str().unwrap().rsplit('.').next().unwrap(),
            if spec["metadata"]["debugger"] == true { "debugger" } else { "-" },
        ];
        table += &words.join(" | ");
        table.push('\n');
    }
    assert_snapshot!(table, @"
    R_docker | R on Docker | R | elyra/kernel-r:3.3.0 | DockerSwarmProcessProxy | -
    python_docker | Python on Docker | python | elyra/kernel-py:3.3.0 | DockerSwarmProcessProxy | debugger
    python_tf_docker | Python on Docker with Tensorflow | python | elyra/kernel-tf-py:3.3.0 | DockerSwarmProcessProxy | debugger
    python_tf_gpu_docker | Python on Docker with Tensorflow with GPUs | python | elyra/kernel-tf-gpu-py:3.3.0 | DockerSwarmProcessProxy | debugger
    scala_docker | Scala on Docker | scala | elyra/kernel-scala:3.3.0 | DockerSwarmProcessProxy | -
    ");
}

#[test]
fn they_are_changed_by_the_other_options() {
    let sandbox = Sandbox::new();
    let words = ["--sample=r_docker", "--sample=python_docker", "--image-tag=dev", "--no-swarm"];
    sandbox.installed(&[&words[..], &["--authorized-users=bob"]].concat());
    for (name, image) in
        [("R_docker", "elyra/kernel-r:dev"), ("python_docker", "elyra/kernel-py:dev")]
    {
        let spec = Sandbox::kernel_json(&sandbox.path("prefix").join(KERNELS).join(name));
        let proxy = &spec["metadata"]["process_proxy"];
        assert_eq!(proxy["config"]["image_name"], image);
        assert_eq!(proxy["config"]["authorized_users"], "bob");
        assert!(proxy["class_name"].as_str().unwrap().ends_with(".DockerProcessProxy"));
    }
    let words =
        ["--sample=scala_docker", "--gateway=gateway-provisioners", "--kernel-name=My Scala"];
    let specification = sandbox.installed(&words);
    assert!(specification.ends_with("my_scala"));
    let spec = Sandbox::kernel_json(&specification);
    let provisioner = &spec["metadata"]["kernel_provisioner"];
    assert_eq!(provisioner["provisioner_name"], "docker-swarm-provisioner");
    assert_eq!(provisioner["config"]["image_name"], "elyra/kernel-scala:0.5.0");
}

#[test]
fn a_sample_counts_more_than_the_environment() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.installer();
    command.args(["--prefix=prefix", "--sample=python_tf_docker"]).env("GP_IMAGE_NAME", "other");
    let outcome = sandbox.run(&mut command);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let path = sandbox.path("prefix").join(KERNELS).join("python_tf_docker");
    let config = &Sandbox::kernel_json(&path)["metadata"]["process_proxy"]["config"];
    assert_eq!(config["image_name"], "elyra/kernel-tf-py:3.3.0");
}

#[test]
fn a_gpu_is_asked_for_in_the_words_of_each_mode() {
    let sandbox = Sandbox::new();
    let service = request(&sandbox, &[]);
    assert_eq!(
        service["TaskTemplate"]["Resources"]["Reservations"]["GenericResources"],
        serde_json::json!([{"DiscreteResourceSpec": {"Kind": "NVIDIA-GPU", "Value": 1}}])
    );
    let container = request(&sandbox, &["--no-swarm", "--memory=1g"]);
    assert_eq!(container["HostConfig"]["DeviceRequests"][0]["Count"], -1);
    // What is asked for takes the place of that.
    let container = request(&sandbox, &["--no-swarm", "--gpus=2"]);
    assert_eq!(container["HostConfig"]["DeviceRequests"][0]["Count"], 2);

    let outcome = sandbox.run(&mut native(&sandbox, &["--sample=python_tf_gpu_docker"]));
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let path = sandbox.path("prefix").join(KERNELS).join("python_tf_gpu_docker/scripts");
    let text = fs::read_to_string(path.join("launch_docker.toml")).unwrap();
    let line = "deploy.resources.reservations.generic_resources = \
                [{ discrete_resource_spec = { kind = \"NVIDIA-GPU\", value = 1 } }]\n";
    assert!(text.contains(line), "{text}");
}

#[test]
fn another_launcher_asks_for_no_gpu_and_says_so() {
    let sandbox = Sandbox::new();
    let words = ["--sample=python_tf_gpu_docker", "--launcher=python"];
    let outcome = sandbox.run(&mut native(&sandbox, &words));
    assert_snapshot!(outcome, @"
    exit status: 0
    ----- stderr -----
    [W [TIME] DockerSpecInstaller] python_tf_gpu_docker asks for no GPU: its launcher is not the native one, which reads what to ask for from launch_docker.toml
    [I [TIME] DockerSpecInstaller] Installing kernel specification for 'Python on Docker with Tensorflow with GPUs'
    [W [TIME] DockerSpecInstaller] Installing to [ROOT]/prefix/share/jupyter/kernels, which is not in ['[ROOT]/home/.local/share/jupyter/kernels', '/usr/local/share/jupyter/kernels', '/usr/share/jupyter/kernels']. The kernelspec may not be found.
    [I [TIME] DockerSpecInstaller] Installed kernelspec python_tf_gpu_docker in [ROOT]/prefix/share/jupyter/kernels/python_tf_gpu_docker
    ");
}

#[test]
fn all_or_none() {
    let sandbox = Sandbox::new();
    let first = sandbox.installed(&["--sample=scala_docker"]);
    let before = sandbox.tree("prefix");
    let outcome = sandbox.install(&["--prefix=prefix", "--samples"]);
    assert_eq!(outcome.code(), Some(1), "{outcome}");
    assert!(first.exists());
    assert_eq!(sandbox.tree("prefix"), before);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let sandbox = Sandbox::new();
    for words in [
        &["--sample=python"][..],
        &["--sample=R_docker", "--language=R"],
        &["--samples", "--file=-"],
        &["--image-tag=1", "--image-name=a"],
    ] {
        let outcome = sandbox.install(words);
        assert_eq!(outcome.code(), Some(2), "{outcome}");
    }
    let refused = |words: &[&str]| sandbox.install(words).error().to_owned();
    assert_snapshot!(refused(&["--samples", "--kernel-name=one"]), @"two specifications would become `/usr/local/share/jupyter/kernels/one`");
    assert_snapshot!(refused(&["--image-tag=a b"]), @"`--image-tag` of `a b` must be the tag of an image");
    assert_snapshot!(refused(&["--image-tag=1", "--DockerSpecInstaller.image_name=a"]), @"`--image-tag` is for the default image; put the tag into the name of this one");
}

#[test]
fn a_tag_is_that_of_the_default_image() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.installer();
    command.args(["--prefix=prefix", "--image-tag=dev"]).env("GP_IMAGE_NAME", "other");
    assert_eq!(sandbox.run(&mut command).code(), Some(0));
    let path = sandbox.path("prefix").join(KERNELS).join("docker_python");
    let config = &Sandbox::kernel_json(&path)["metadata"]["kernel_provisioner"]["config"];
    assert_eq!(config["image_name"], "elyra/kernel-py:dev");
    let file = r#"
        [defaults]
        replace = true
        image-tag = "1"
        [[kernel]]
        [[kernel]]
        language = "R"
        image-name = "own:2"
    "#;
    sandbox.file("kernels.toml", file);
    sandbox.installed(&["--file=kernels.toml"]);
    let image = |name| {
        let path = sandbox.path("prefix").join(KERNELS).join(name);
        Sandbox::kernel_json(&path)["metadata"]["kernel_provisioner"]["config"]["image_name"]
            .clone()
    };
    assert_eq!(image("docker_python"), "elyra/kernel-py:1");
    assert_eq!(image("docker_r"), "own:2");
}
