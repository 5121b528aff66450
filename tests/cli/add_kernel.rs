//! `install --add-kernel`, with an engine that builds as a test wants.

use std::io::Write as _;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::engine::{Asked, FakeEngine};
use crate::local::{installer, options};
use crate::of_image::FakeImage;
use crate::sandbox::{Outcome, Sandbox};

/// An engine with this image that answers a build with these lines.
fn building(image: FakeImage, lines: &[Value]) -> FakeEngine {
    let lines = lines.iter().map(Value::to_string).collect::<Vec<_>>().join("\r\n");
    FakeEngine::with(move |asked: Asked, stream, sender| {
        let (line, _) = asked.clone();
        let (status, body) = match &line {
            line if line.starts_with("POST /build?") => ("200 OK", lines.clone().into_bytes()),
            line => image.answer(line),
        };
        if !line.contains("_ping") {
            let _ = sender.send(asked);
        }
        let length = if line.starts_with("HEAD") { 0 } else { body.len() };
        let head =
            format!("HTTP/1.1 {status}\r\nApi-Version: 1.41\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).is_ok() && stream.write_all(&body[..length]).is_ok()
    })
}

fn built() -> Vec<Value> {
    vec![
        json!({"stream": "Step 1/1 : FROM x\n"}),
        json!({"stream": "\u{1b}[91mwarned\u{1b}[0m"}),
        json!({"stream": "\u{1b}[2Jhi\n"}),
        json!({"aux": {"ID": "sha256:2"}}),
    ]
}

fn install(sandbox: &Sandbox, engine: &FakeEngine, words: &[&str]) -> Outcome {
    let local = ["--local", "--add-kernel", "--prefix=prefix"];
    let mut command = installer(sandbox, &[&local, words].concat());
    sandbox.run(command.env("DOCKER_HOST", engine.host()).env("FROM_HERE", "here"))
}

fn builds(engine: &FakeEngine) -> Vec<String> {
    let lines = engine.asked().into_iter().map(|(line, _)| line);
    lines.filter(|line| line.starts_with("POST /build?")).collect()
}

#[test]
fn an_image_with_a_kernel_is_built_and_is_that_of_the_specification() {
    let (sandbox, engine) = (Sandbox::new(), building(FakeImage::new(), &built()));
    let words = [
        "--image-name=my/image:1",
        "--build-arg=PIP_INDEX_URL=a b",
        "--build-arg=FROM_HERE",
        "--build-arg=NOT_HERE",
        "--build-network=host",
        "--platform=linux/amd64",
    ];
    let outcome = install(&sandbox, &engine, &words);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert_snapshot!(outcome.stderr, @r#"
    [I [TIME] DockerSpecInstaller] Building the image my/image:1-ipykernel of this Dockerfile:
        FROM my/image:1
        USER root
        ARG FROM_HERE
        ARG PIP_INDEX_URL
        RUN python="$(command -v python || command -v python3)" \
            || { echo 'there is no Python on PATH' >&2; exit 1; }; \
            if "$python" -m pip --version || "$python" -m ensurepip; then \
                PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore \
                "$python" -m pip install --no-cache-dir --disable-pip-version-check ipykernel; \
            elif [ "$python" = /usr/bin/python3 ] && command -v apt-get; then \
                apt-get update && DEBIAN_FRONTEND=noninteractive \
                apt-get install -y --no-install-recommends python3-ipykernel && rm -rf /var/lib/apt/lists/*; \
            else echo "$python has no pip" >&2; exit 1; fi \
            && "$python" -c 'import ipykernel_launcher'
        USER 1000:100
    [I [TIME] DockerSpecInstaller] Step 1/1 : FROM x
    [I [TIME] DockerSpecInstaller] warnedhi
    [I [TIME] DockerSpecInstaller] Built the image my/image:1-ipykernel
    [I [TIME] DockerSpecInstaller] Installing kernel specification for 'Docker Python'
    [W [TIME] DockerSpecInstaller] Installing to [ROOT]/prefix/share/jupyter/kernels, which is not in ['[ROOT]/home/.local/share/jupyter/kernels', '/usr/local/share/jupyter/kernels', '/usr/share/jupyter/kernels']. The kernelspec may not be found.
    [I [TIME] DockerSpecInstaller] Installed kernelspec docker_python in [ROOT]/prefix/share/jupyter/kernels/docker_python
    "#);
    let found = sandbox.path("prefix/share/jupyter/kernels/docker_python");
    assert_snapshot!(options(&found), @r#"
    mount_cwd = true
    platform = "linux/amd64"
    pull_policy = "never"
    image = "my/image:1-ipykernel"
    command = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    "#);
    assert_snapshot!(builds(&engine).join("\n"), @"POST /build?t=my%2Fimage%3A1-ipykernel&buildargs=%7B%22FROM_HERE%22%3A%22here%22%2C%22PIP_INDEX_URL%22%3A%22a%20b%22%7D&rm=1&forcerm=1&networkmode=host&platform=linux%2Famd64");
    // Its own policy counts more than that nobody else has the image.
    let words = ["--image-name=my/image:1", "--pull=missing", "--kernel-name=k"];
    assert_eq!(install(&sandbox, &engine, &words).code(), Some(0));
    let said = options(&sandbox.path("prefix/share/jupyter/kernels/k"));
    assert!(said.contains("pull_policy = \"missing\""), "{said}");
}

#[test]
fn proxies_of_dockers_configuration_are_given_to_the_build() {
    let (sandbox, engine) = (Sandbox::new(), building(FakeImage::new(), &built()));
    let proxies = json!({"proxies": {"default": {"httpProxy": "a", "httpsProxy": "b"}}});
    sandbox.file("home/.docker/config.json", proxies.to_string());
    let words = ["--image-name=my/image:1", "--build-arg=https_proxy=c"];
    assert_eq!(install(&sandbox, &engine, &words).code(), Some(0));
    let asked = builds(&engine).join("");
    let given = asked.replace("%22", "").replace("%3A", "=").replace("%2C", " ");
    assert!(
        given.contains("%7BHTTPS_PROXY=b HTTP_PROXY=a http_proxy=a https_proxy=c%7D"),
        "{given}"
    );
}

#[test]
fn a_dry_run_shows_what_would_be_built_and_builds_nothing() {
    let missing = FakeImage { inspected: Value::Null, ..FakeImage::new() };
    for (image, user) in
        [(FakeImage::new(), "USER 1000:100"), (missing, "# USER is that of the image again.")]
    {
        let (sandbox, engine) = (Sandbox::new(), building(image, &built()));
        let outcome =
            install(&sandbox, &engine, &["--image-name=r:4", "--language=R", "--dry-run"]);
        assert_eq!(outcome.code(), Some(0), "{outcome}");
        let begin = "Dockerfile of r:4-irkernel:\nFROM r:4\nUSER root\nRUN R=";
        assert!(outcome.stdout.starts_with(begin), "{outcome}");
        assert!(outcome.stdout.contains(&format!("\n{user}\n")), "{outcome}");
        assert_eq!(builds(&engine).len(), 0);
        assert!(!sandbox.path("prefix").exists());
    }
}

#[test]
fn an_image_that_has_a_kernel_stays_as_it_is() {
    let python = json!({
        "argv": ["/opt/conda/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Python 3", "language": "python"
    });
    let image = FakeImage::new().with("/opt/conda/share/jupyter/kernels", &[("python3", python)]);
    let (sandbox, engine) = (Sandbox::new(), building(image, &built()));
    let outcome = install(&sandbox, &engine, &["--image-name=my/image:1"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert!(
        outcome.stderr.contains("Adding nothing to the image my/image:1: it has a kernel"),
        "{outcome}"
    );
    assert_eq!(builds(&engine).len(), 0);
    let found = sandbox.path("prefix/share/jupyter/kernels/docker_python");
    assert_eq!(Sandbox::kernel_json(&found)["display_name"], "Docker Python");
    assert_snapshot!(options(&found), @r#"
    mount_cwd = true
    image = "my/image:1"
    command = ["/opt/conda/bin/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    "#);
    for (word, expected) in [
        ("--kernel-command=x {connection_file}", "command = [\"x\", \"{connection_file}\"]"),
        ("--ipykernel-subclass-name=a.B", "\"--IPKernelApp.kernel_class=a.B\"]"),
    ] {
        let outcome = install(&sandbox, &engine, &["--image-name=my/image:1", "--replace", word]);
        assert_eq!(outcome.code(), Some(0), "{outcome}");
        assert!(options(&found).contains(expected), "{}", options(&found));
    }
    // Of another language, it has none.
    let outcome = install(&sandbox, &engine, &["--image-name=my/image:1", "--language=R"]);
    assert_eq!((outcome.code(), builds(&engine).len()), (Some(0), 1), "{outcome}");
}

#[test]
fn nothing_is_installed_if_it_cannot_be_built() {
    let failed = |message: &str| {
        let error = json!({"errorDetail": {"code": 1, "message": message}, "error": message});
        [built(), vec![json!({"stream": "ERROR: no ipykernel\n"}), error]].concat()
    };
    let mut message = String::new();
    for lines in [
        failed("The command '/bin/sh -c python' returned a non-zero code: 1"),
        failed("no space left\u{1b}"),
        vec![json!({"error": "pull access denied"})],
        vec![json!({"stream": 5})],
    ] {
        let (sandbox, engine) = (Sandbox::new(), building(FakeImage::new(), &lines));
        let outcome = install(&sandbox, &engine, &["--image-name=my/image:1"]);
        assert_eq!(outcome.code(), Some(1), "{outcome}");
        let stderr = outcome.stderr.replace(&engine.host(), "[ENGINE]");
        let (_, error) = stderr.split_once("[E ").unwrap();
        message += error.split_once("] DockerSpecInstaller] ").unwrap().1;
        assert!(!sandbox.path("prefix").exists(), "{outcome}");
    }
    assert_snapshot!(message, @r#"
    no kernel could be added to the image `my/image:1`, and nothing was installed: a step ended with exit status 1; where a step cannot reach the network, `--build-arg=HTTPS_PROXY=...` and `--build-network=host` help. The last lines:
        warnedhi
        ERROR: no ipykernel
    no kernel could be added to the image `my/image:1`, and nothing was installed: no space left\u{1b}; where a step cannot reach the network, `--build-arg=HTTPS_PROXY=...` and `--build-network=host` help. The last lines:
        warnedhi
        ERROR: no ipykernel
    no kernel could be added to the image `my/image:1`, and nothing was installed: pull access denied; where a step cannot reach the network, `--build-arg=HTTPS_PROXY=...` and `--build-network=host` help
    failed to build the image: `[ENGINE]` does not answer as a Docker Engine does: invalid type: integer `5`, expected a string at line 1 column 11
    "#);
    // A name that is none, and one that is taken, are found before anything is built.
    for words in
        [&["--memory=much"][..], &["--image-name=A"], &["--build-arg==x"], &["--build-arg=a-b=x"]]
    {
        let (sandbox, engine) = (Sandbox::new(), building(FakeImage::new(), &built()));
        let image = ["--image-name=my/image:1"];
        let image = if words[0].starts_with("--image") { &[][..] } else { &image[..] };
        let outcome = install(&sandbox, &engine, &[image, words].concat());
        assert_eq!((outcome.code(), builds(&engine).len()), (Some(1), 0), "{outcome}");
    }
    let (sandbox, engine) = (Sandbox::new(), building(FakeImage::new(), &built()));
    let again = || install(&sandbox, &engine, &["--image-name=my/image:1"]);
    assert_eq!((again().code(), again().code(), builds(&engine).len()), (Some(0), Some(1), 1));
}

#[test]
fn specifications_of_one_image_share_what_is_built() {
    let (sandbox, engine) = (Sandbox::new(), building(FakeImage::new(), &built()));
    sandbox.file(
        "k.toml",
        "[defaults]\nlocal = true\nimage-name = 'i'\nprefix = 'prefix'\nadd-kernel = true\n\
         build-arg = ['A=1', 'B=2']\n[[kernel]]\n[[kernel]]\nkernel-name = 'k'\n[[kernel]]\nlanguage = 'R'\n\
         [[kernel]]\nkernel-name = 'plain'\nadd-kernel = false\nbuild-arg = []\n",
    );
    let mut command = installer(&sandbox, &["--file=k.toml"]);
    let outcome = sandbox.run(command.env("DOCKER_HOST", engine.host()));
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let tags: Vec<String> = builds(&engine)
        .iter()
        .map(|line| line.split(['=', '&']).nth(1).unwrap().replace("%3A", ":"))
        .collect();
    assert_eq!(tags, ["i:latest-ipykernel", "i:latest-irkernel"]);
}

#[test]
fn two_images_cannot_have_one_name() {
    let (sandbox, engine) = (Sandbox::new(), building(FakeImage::new(), &built()));
    sandbox.file(
        "k.toml",
        "[defaults]\nlocal = true\nimage-name = 'i'\nprefix = 'prefix'\nadd-kernel = true\n\
         [[kernel]]\n[[kernel]]\nkernel-name = 'k'\nbuild-arg = ['A=1']\n",
    );
    let mut command = installer(&sandbox, &["--file=k.toml"]);
    let outcome = sandbox.run(command.env("DOCKER_HOST", engine.host()));
    assert_snapshot!(outcome.error(), @"the specifications docker_python and k need different images, which would both be called `i:latest-ipykernel`: say the same of their builds, or give the image of one another name first");
    assert_eq!(builds(&engine), [""; 0]);
    assert!(!sandbox.path("prefix").exists());
}
