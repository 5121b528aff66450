//! `pull`, as far as it comes without an engine that pulls.

use fs_err as fs;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::engine::FakeEngine;
use crate::sandbox::{INSTALLER, KERNELS, Outcome, Sandbox};

fn pull(sandbox: &Sandbox, words: &[&str], engine: Option<&FakeEngine>) -> Outcome {
    let mut command = sandbox.command(INSTALLER);
    command.arg("pull").args(words);
    command.env("JUPYTER_PATH", sandbox.path("prefix/share/jupyter"));
    let nowhere = || format!("unix://{}", sandbox.path("no.sock").display());
    command.env("DOCKER_HOST", engine.map_or_else(nowhere, FakeEngine::host));
    sandbox.run(&mut command)
}

#[test]
fn names_that_there_are_not() {
    let sandbox = Sandbox::new();
    assert_snapshot!(pull(&sandbox, &[], None), @"
    exit status: 1
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] there is no Docker kernelspec in [ROOT]/prefix/share/jupyter/kernels, [ROOT]/home/.local/share/jupyter/kernels, /usr/local/share/jupyter/kernels, /usr/share/jupyter/kernels; make one with `jupyter-docker-spec install`
    ");
    sandbox.installed(&[]);
    sandbox.file(format!("prefix/{KERNELS}/local/kernel.json"), r#"{"argv": ["python"]}"#);
    assert_snapshot!(pull(&sandbox, &["docker_python", "docker_pyton"], None), @"
    exit status: 1
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] there is no kernelspec `docker_pyton` in [ROOT]/prefix/share/jupyter/kernels, [ROOT]/home/.local/share/jupyter/kernels, /usr/local/share/jupyter/kernels, /usr/share/jupyter/kernels; those for Docker are `docker_python`; did you mean `docker_python`?
    ");
    assert_snapshot!(pull(&sandbox, &["local"], None), @"
    exit status: 1
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] `local` in [ROOT]/prefix/share/jupyter/kernels/local is no Docker kernel specification
    ");
}

#[test]
fn specifications_of_which_no_image_can_be_had() {
    let sandbox = Sandbox::new();
    let broken = sandbox.installed(&["--launcher=native", "--kernel-name=broken"]);
    fs::write(broken.join("kernel.json"), "{").unwrap();
    let options = sandbox.installed(&["--launcher=native", "--kernel-name=options"]);
    fs::write(options.join("scripts/launch_docker.toml"), "platform = \"${NONE}\"\n").unwrap();
    let without = sandbox.installed(&["--gateway=enterprise-gateway", "--kernel-name=without"]);
    let text = fs::read_to_string(without.join("kernel.json")).unwrap();
    fs::write(without.join("kernel.json"), text.replace("image_name", "x")).unwrap();
    let wrong = sandbox.installed(&["--kernel-name=wrong"]);
    let text = fs::read_to_string(wrong.join("kernel.json")).unwrap();
    let text = text.replace("elyra/kernel-py:0.5.0", "Wrong Name");
    fs::write(wrong.join("kernel.json"), text).unwrap();
    sandbox.installed(&["--launcher=native", "--kernel-name=never", "--pull=never"]);
    // The same name again, which Jupyter does not find.
    sandbox.install(&["--user", "--kernel-name=never", "--image-name=shadowed"]);

    let engine = FakeEngine::new();
    let outcome = pull(&sandbox, &["--json"], Some(&engine));
    assert_eq!(outcome.code(), Some(1), "{outcome}");
    assert_snapshot!(outcome.stderr, @"
    [E [TIME] DockerSpecInstaller] The image of broken is not known: could not understand `[ROOT]/prefix/share/jupyter/kernels/broken/kernel.json`: EOF while parsing an object at line 1 column 1
    [I [TIME] DockerSpecInstaller] Skipped the image elyra/kernel-py:0.5.0 of never: its pull_policy is `never`
    [E [TIME] DockerSpecInstaller] The image of options is not known: [ROOT]/prefix/share/jupyter/kernels/options/scripts/launch_docker.toml:1:12: `platform` needs the variable NONE, which the server does not have; give it a value, or write `${NONE:-}`
    [E [TIME] DockerSpecInstaller] The image of without is not known: no image is named; the server has to, with EG_KERNEL_IMAGE
    [E [TIME] DockerSpecInstaller] The image Wrong Name of wrong could not be pulled: `Wrong Name` is not the name of an image: its path is made of lower-case letters, digits and single separators `.`, `_`, `-`
    ");
    let entries: Vec<Value> = serde_json::from_str(&outcome.stdout).unwrap();
    let told: Vec<Value> =
        entries.iter().map(|entry| json!([entry["name"], entry["status"]])).collect();
    assert_eq!(
        told,
        [
            json!(["broken", "failed"]),
            json!(["never", "skipped"]),
            json!(["options", "failed"]),
            json!(["without", "failed"]),
            json!(["wrong", "failed"]),
        ]
    );
    assert_eq!(
        entries[1],
        json!({
            "name": "never",
            "path": "[ROOT]/prefix/share/jupyter/kernels/never",
            "image": "elyra/kernel-py:0.5.0",
            "platform": null,
            "status": "skipped",
            "reason": "its pull_policy is `never`",
            "digest": null,
            "id": null,
            "bytes": 0,
        })
    );
    let asked: Vec<String> = engine.asked().into_iter().map(|(line, _)| line).collect();
    assert!(asked.iter().all(|line| !line.contains("/images/")), "{asked:?}");
}

#[test]
fn there_is_no_engine() {
    let sandbox = Sandbox::new();
    sandbox.installed(&["--launcher=native", "--kernel-name=never", "--pull=never"]);
    let outcome = pull(&sandbox, &["--quiet"], None);
    assert_eq!((outcome.code(), &*outcome.stderr), (Some(0), ""), "nothing is asked of it");
    sandbox.installed(&[]);
    assert_snapshot!(pull(&sandbox, &["docker_python"], None), @"
    exit status: 1
    ----- stderr -----
    [E [TIME] DockerSpecInstaller] found no Docker Engine at `unix://[ROOT]/no.sock`: No such file or directory (os error 2); start it, or set DOCKER_HOST to where it listens; in a container, mount its socket with `--volume /var/run/docker.sock:/var/run/docker.sock`
    ");
}
