//! `install --image-kernelspec`, with an engine that shows what a test puts into an image, however odd.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use fs_err as fs;
use insta::assert_snapshot;
use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};

use crate::engine::{Asked, FakeEngine};
use crate::local::{installer, options};
use crate::sandbox::{Outcome, Sandbox};

const CONDA: &str = "/opt/conda/share/jupyter/kernels";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and more";

/// An image, as its engine shows it.
#[derive(Clone)]
pub(crate) struct FakeImage {
    pub(crate) inspected: Value,
    /// Archives by the paths of their directories.
    pub(crate) archives: BTreeMap<String, Vec<u8>>,
    /// Paths that there are besides.
    pub(crate) paths: Vec<String>,
}

impl FakeImage {
    pub(crate) fn new() -> Self {
        let config =
            json!({"Env": ["PATH=/opt/conda/bin:/usr/bin", "HOME=/home/ann"], "User": "1000:100"});
        let inspected =
            json!({"Id": "sha256:1", "Os": "linux", "Architecture": "amd64", "Config": config});
        Self { inspected, archives: BTreeMap::new(), paths: Vec::new() }
    }

    /// With kernelspecs in a directory, by their names.
    pub(crate) fn with(mut self, directory: &str, specs: &[(&str, Value)]) -> Self {
        let files = specs.iter().map(|(name, kernel_json)| {
            (format!("./{name}/kernel.json"), kernel_json.to_string().into_bytes())
        });
        let files: Vec<_> = files.collect();
        self.archives.insert(format!("{directory}/."), archive(&files));
        self
    }

    /// Its engine, which tells of all that it is asked but for pings.
    pub(crate) fn engine(self) -> FakeEngine {
        self.engine_with(|_| {})
    }

    /// The same, with something that happens before an answer.
    fn engine_with(self, before: impl Fn(&str) + Clone + Send + 'static) -> FakeEngine {
        FakeEngine::with(move |asked: Asked, stream, sender| {
            let (line, _) = asked.clone();
            before(&line);
            let (status, body) = self.answer(&line);
            if !line.contains("_ping") {
                let _ = sender.send(asked);
            }
            let length = if line.starts_with("HEAD") { 0 } else { body.len() };
            let head = format!(
                "HTTP/1.1 {status}\r\nApi-Version: 1.41\r\nContent-Length: {length}\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).is_ok() && stream.write_all(&body[..length]).is_ok()
        })
    }

    pub(crate) fn answer(&self, line: &str) -> (&'static str, Vec<u8>) {
        let missing =
            ("404 Not Found", json!({"message": "no such object"}).to_string().into_bytes());
        let (method, target) = line.split_once(' ').unwrap();
        let (place, query) = target.split_once('?').unwrap_or((target, ""));
        match (method, place) {
            (_, "/_ping") => ("200 OK", Vec::new()),
            ("GET", place) if place.starts_with("/images/") && !self.inspected.is_null() => {
                ("200 OK", self.inspected.to_string().into_bytes())
            }
            ("POST", "/containers/create") => ("201 Created", br#"{"Id": "c1"}"#.to_vec()),
            ("DELETE", "/containers/c1") => ("204 No Content", Vec::new()),
            (_, "/containers/c1/archive") => {
                let path = query.strip_prefix("path=").unwrap().replace("%2F", "/");
                match self.archives.get(&path) {
                    Some(archive) => ("200 OK", archive.clone()),
                    None if self.paths.contains(&path) => ("200 OK", Vec::new()),
                    None => missing,
                }
            }
            _ => missing,
        }
    }
}

/// Files in the format of tar.
pub(crate) fn archive(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    for (path, content) in files {
        add(&mut tar, path, EntryType::Regular, content);
    }
    tar.into_inner().unwrap()
}

fn add(tar: &mut Builder<Vec<u8>>, path: &str, kind: EntryType, content: &[u8]) {
    let mut header = Header::new_ustar();
    // As it is: the crate would refuse some.
    header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(kind);
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    tar.append(&header, content).unwrap();
}

fn spec(display_name: &str) -> Value {
    json!({"argv": ["run", "{connection_file}"], "display_name": display_name, "language": "lang"})
}

fn install(sandbox: &Sandbox, engine: &FakeEngine, words: &[&str]) -> Outcome {
    let local = ["--local", "--image-name=my/image:1", "--prefix=prefix"];
    sandbox.run(installer(sandbox, &[&local, words].concat()).env("DOCKER_HOST", engine.host()))
}

/// The specification of this name.
fn specification(sandbox: &Sandbox, name: &str) -> PathBuf {
    sandbox.path(format!("prefix/share/jupyter/kernels/{name}"))
}

fn asked(engine: &FakeEngine) -> String {
    let lines = engine.asked().into_iter().map(|(line, _)| line.replace("%2F", "/"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn everything_is_taken_from_the_kernelspec() {
    let julia = json!({
        "argv": ["/opt/julia/bin/julia", "-e", "import IJulia; IJulia.run_kernel() # $HOME", "{connection_file}"],
        "display_name": "Julia 1.10",
        "language": "julia",
        "interrupt_mode": "message",
        "env": {"JULIA_DEPOT_PATH": "${HOME}/.julia", "LOST": "$LOST", "PLAIN": "a$$b"},
        "metadata": {"debugger": true, "supported_features": ["x"], "kernel_provisioner": {"provisioner_name": "x"}},
        "kernel_protocol_version": "5.5"
    });
    let mut image = FakeImage::new();
    let logo = |name: &str, content: &[u8]| (format!("./julia-1.10/{name}"), content.to_vec());
    let files = [
        ("./julia-1.10/kernel.json".to_owned(), julia.to_string().into_bytes()),
        logo("logo-64x64.png", PNG),
        logo("logo-32x32.png", b"GIF"),
        logo("logo-svg.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        logo("kernel.js", b"alert(1)"),
    ];
    image.archives.insert(format!("{CONDA}/."), archive(&files));
    let (sandbox, engine) = (Sandbox::new(), image.engine());
    let outcome = install(&sandbox, &engine, &["--image-kernelspec"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let found = specification(&sandbox, "docker_julia-1.10");
    assert_snapshot!(outcome.stderr, @"
    [I [TIME] DockerSpecInstaller] Taking the kernelspec julia-1.10 in /opt/conda/share/jupyter/kernels/julia-1.10 of the image my/image:1
    [I [TIME] DockerSpecInstaller] Not taking its logo-32x32.png, which is no PNG
    [W [TIME] DockerSpecInstaller] Leaving out of the kernelspec julia-1.10: the variable LOST of `$LOST`: the image has no variable LOST; say it with `--env`
    [I [TIME] DockerSpecInstaller] Installing kernel specification for 'Julia 1.10'
    [W [TIME] DockerSpecInstaller] Installing to [ROOT]/prefix/share/jupyter/kernels, which is not in ['[ROOT]/home/.local/share/jupyter/kernels', '/usr/local/share/jupyter/kernels', '/usr/share/jupyter/kernels']. The kernelspec may not be found.
    [I [TIME] DockerSpecInstaller] Installed kernelspec docker_julia-1.10 in [ROOT]/prefix/share/jupyter/kernels/docker_julia-1.10
    ");
    assert_snapshot!(sandbox.text(&found.join("kernel.json")), @r#"
    {
      "argv": [
        "[ROOT]/prefix/share/jupyter/kernels/docker_julia-1.10/scripts/launch_docker",
        "--connection-file",
        "{connection_file}"
      ],
      "env": {},
      "display_name": "Julia 1.10",
      "language": "julia",
      "interrupt_mode": "message",
      "metadata": {
        "debugger": true,
        "supported_features": [
          "x"
        ]
      },
      "kernel_protocol_version": "5.5"
    }
    "#);
    assert_snapshot!(options(&found), @r#"
    mount_cwd = true
    environment = ["JULIA_DEPOT_PATH=/home/ann/.julia", "PLAIN=a$$b"]
    image = "my/image:1"
    command = ["/opt/julia/bin/julia", "-e", "import IJulia; IJulia.run_kernel() # $$HOME", "{connection_file}"]
    "#);
    assert_snapshot!(sandbox.tree("prefix/share/jupyter/kernels/docker_julia-1.10"), @"
    -0644 kernel.json
    -0644 logo-64x64.png
    d0755 scripts
    -0755 scripts/bootstrap_kernel
    -0755 scripts/launch_docker
    -0644 scripts/launch_docker.toml
    ");
    assert_eq!(fs::read(found.join("logo-64x64.png")).unwrap(), PNG);
    assert_snapshot!(asked(&engine), @"
    GET /images/my/image%3A1/json
    POST /containers/create
    GET /containers/c1/archive?path=/home/ann/.local/share/jupyter/kernels/.
    GET /containers/c1/archive?path=/opt/conda/share/jupyter/kernels/.
    GET /containers/c1/archive?path=/usr/share/jupyter/kernels/.
    GET /containers/c1/archive?path=/usr/local/share/jupyter/kernels/.
    DELETE /containers/c1?v=1&force=1
    ");
    // It makes itself again but for what no option says.
    let mut show = sandbox.command(crate::sandbox::INSTALLER);
    show.args(["show", "docker_julia-1.10", "--toml"])
        .env("JUPYTER_PATH", sandbox.path("prefix/share/jupyter"));
    let shown = sandbox.run(&mut show);
    assert_snapshot!(shown.stderr, @"[W [TIME] DockerSpecInstaller] The table leaves out `interrupt_mode`, `metadata.debugger`, `metadata.supported_features`, `kernel_protocol_version`, `logo-64x64.png`, which `image-kernelspec` takes from the image again");
    assert_snapshot!(shown.stdout, @r#"
    # jupyter-docker-spec install --file FILE
    [[kernel]]
    kernel-name = "docker_julia-1.10"
    local = true
    language = "julia"
    display-name = "Julia 1.10"
    image-name = "my/image:1"
    prefix = "[ROOT]/prefix"
    replace = true

    [kernel.launch_docker]
    mount_cwd = true
    environment = ["JULIA_DEPOT_PATH=/home/ann/.julia", "PLAIN=a$$b"]
    command = ["/opt/julia/bin/julia", "-e", "import IJulia; IJulia.run_kernel() # $$HOME", "{connection_file}"]
    "#);
}

#[test]
fn what_the_command_line_says_counts_more() {
    let image = FakeImage::new().with(
        CONDA,
        &[("ir", json!({"argv": ["R", "{connection_file}"], "language": "R", "env": {"A": "1", "B": "2"}}))],
    );
    let (sandbox, engine) = (Sandbox::new(), image.engine());
    let words = [
        "--image-kernelspec=ir",
        "--kernel-name=Mine",
        "--display-name=My R",
        "--language=rr",
        "--env=A=9",
    ];
    let outcome = install(&sandbox, &engine, &words);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let found = specification(&sandbox, "mine");
    let kernel_json = Sandbox::kernel_json(&found);
    assert_eq!(
        (&kernel_json["display_name"], &kernel_json["language"]),
        (&json!("My R"), &json!("rr"))
    );
    assert_eq!(kernel_json["metadata"], json!({}));
    assert!(options(&found).contains(r#"environment = ["A=9", "B=2"]"#), "{}", options(&found));
}

/// The engine that has been asked is the one that is written down, even if it has gone since.
#[test]
fn the_engine_is_looked_for_once() {
    if Path::new("/var/run/docker.sock").exists() {
        // It would be asked; tests/cli/ssh.rs has that nothing is looked for then.
        return;
    }
    let sandbox = Sandbox::new();
    let link = sandbox.path("run/docker.sock");
    fs::create_dir(sandbox.path("run")).unwrap();
    let image = FakeImage::new().with(CONDA, &[("k", spec("K"))]);
    let end = link.clone();
    let engine = image.engine_with(move |line| {
        if line.starts_with("DELETE") {
            fs::remove_file(&end).unwrap();
        }
    });
    symlink(engine.socket(), &link).unwrap();
    let words = ["--local", "--image-name=my/image:1", "--prefix=prefix", "--image-kernelspec"];
    let mut install = installer(&sandbox, &words);
    let outcome = sandbox.run(install.env("XDG_RUNTIME_DIR", sandbox.path("run")));
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert!(!link.exists());
    let expected = format!("engine = \"unix://{}\"", link.display());
    assert!(options(&specification(&sandbox, "docker_k")).contains(&expected), "{outcome}");
}

#[test]
fn a_python_is_that_of_the_kernelspec() {
    for (directory, there, first) in [
        (CONDA, "/opt/conda/bin/python", "/opt/conda/bin/python"),
        (CONDA, "/usr/bin/python", "python"),
        ("/home/ann/.local/share/jupyter/kernels", "/home/ann/.local/bin/python", "python"),
    ] {
        let python = json!({"argv": ["python", "-f", "{connection_file}"], "language": "python"});
        let mut image = FakeImage::new().with(directory, &[("python3", python)]);
        image.paths.push(there.to_owned());
        let (sandbox, engine) = (Sandbox::new(), image.engine());
        let outcome = install(&sandbox, &engine, &["--image-kernelspec"]);
        assert_eq!(outcome.code(), Some(0), "{outcome}");
        let said = options(&specification(&sandbox, "docker_python3"));
        assert!(said.contains(&format!("command = [\"{first}\", \"-f\"")), "{said}");
        // It brings no logos, so that ours are there.
        assert!(specification(&sandbox, "docker_python3").join("logo-svg.svg").exists());
    }
}

#[test]
fn the_first_directory_in_which_jupyter_looks_counts() {
    let of_user = "/home/ann/.local/share/jupyter/kernels";
    let image = FakeImage::new()
        .with(CONDA, &[("k", spec("of conda"))])
        .with(of_user, &[("k", spec("of the user"))])
        .with("/usr/share/jupyter/kernels", &[("k", spec("of the system"))]);
    let (sandbox, engine) = (Sandbox::new(), image.engine());
    let outcome = install(&sandbox, &engine, &["--image-kernelspec"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert_eq!(
        Sandbox::kernel_json(&specification(&sandbox, "docker_k"))["display_name"],
        "of the user"
    );
}

#[test]
fn the_home_is_that_of_the_images_user() {
    let mut image =
        FakeImage::new().with("/srv/eve/.local/share/jupyter/kernels", &[("k", spec("of eve"))]);
    image.inspected["Config"] = json!({"Env": null, "User": "eve"});
    let passwd = b"root:x:0:0::/root:/bin/sh\neve:x:7:7::/srv/eve:/bin/sh\n".to_vec();
    image.archives.insert("/etc/passwd".to_owned(), archive(&[("passwd".to_owned(), passwd)]));
    let (sandbox, engine) = (Sandbox::new(), image.engine());
    let outcome = install(&sandbox, &engine, &["--image-kernelspec"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
}

#[test]
fn a_link_to_a_directory_is_followed_by_the_engine_and_no_other() {
    let mut tar = Builder::new(Vec::new());
    add(&mut tar, "./link", EntryType::Symlink, b"");
    add(&mut tar, "./gone", EntryType::Symlink, b"");
    add(&mut tar, "./file/kernel.json", EntryType::Symlink, b"");
    let mut image = FakeImage::new();
    image.archives.insert(format!("{CONDA}/."), tar.into_inner().unwrap());
    let linked = [("./kernel.json".to_owned(), spec("linked").to_string().into_bytes())];
    image.archives.insert(format!("{CONDA}/link/."), archive(&linked));
    let (sandbox, engine) = (Sandbox::new(), image.engine());
    let outcome = install(&sandbox, &engine, &["--image-kernelspec=link"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let outcome = install(&sandbox, &engine, &["--image-kernelspec=file"]);
    assert_snapshot!(outcome.error(), @"no kernelspec of the image `my/image:1` can be taken: the kernelspec `file` in /opt/conda/share/jupyter/kernels: its kernel.json is no plain file");
}

#[test]
fn what_cannot_be_taken_is_refused_with_the_reason() {
    let two = FakeImage::new().with(CONDA, &[("a", spec("One\u{1b}[31m")), ("b", json!(1))]);
    let missing = FakeImage { inspected: Value::Null, ..FakeImage::new() };
    let only = |value: Value| FakeImage::new().with(CONDA, &[("k", value)]);
    let mut message = String::new();
    for (image, words) in [
        (two.clone(), &["--image-kernelspec"][..]),
        (two.clone(), &["--image-kernelspec=c\u{1b}"]),
        (two, &["--image-kernelspec=b"]),
        (FakeImage::new(), &["--image-kernelspec"]),
        (FakeImage::new(), &["--image-kernelspec=k"]),
        (missing.clone(), &["--image-kernelspec", "--dry-run"]),
        (missing, &["--image-kernelspec"]),
        (only(json!({"argv": ["run"], "language": "x"})), &["--image-kernelspec"]),
        (only(json!({"argv": ["run", "{connection_file}"]})), &["--image-kernelspec"]),
        (
            only(json!({"argv": ["{cwd}", "{connection_file}"], "language": "x"})),
            &["--image-kernelspec"],
        ),
        (
            only(json!({"argv": ["{other}", "{connection_file}"], "language": "x"})),
            &["--image-kernelspec"],
        ),
        (only(json!({"argv": ["{connection_file}"], "language": "a\nb"})), &["--image-kernelspec"]),
        (
            only(json!({"argv": ["{connection_file}"], "language": "x", "interrupt_mode": "y"})),
            &["--image-kernelspec"],
        ),
        (
            only(json!({"argv": ["{connection_file}"], "language": "x", "env": {"A=": "y"}})),
            &["--image-kernelspec"],
        ),
        (only(json!({"argv": 5})), &["--image-kernelspec"]),
    ] {
        let (sandbox, engine) = (Sandbox::new(), image.engine());
        let outcome = install(&sandbox, &engine, words);
        message += outcome.error();
        message.push('\n');
        assert!(!sandbox.path("prefix").exists(), "{outcome}");
        let asked = asked(&engine);
        let created = asked.matches("POST /containers/create").count();
        assert_eq!(created, asked.matches("DELETE /containers/c1?v=1&force=1").count(), "{asked}");
    }
    assert_snapshot!(message, @r#"
    no kernelspec of the image `my/image:1` can be taken: it has several: `a` (One\u{1b}[31m), `b`; say which, as in `--image-kernelspec=a`
    no kernelspec of the image `my/image:1` can be taken: it has no `c\u{1b}`; it has `a` (One\u{1b}[31m), `b`
    no kernelspec of the image `my/image:1` can be taken: the kernelspec `b` in /opt/conda/share/jupyter/kernels: its kernel.json cannot be understood: invalid type: integer `1`, expected struct KernelJson at line 1 column 1
    no kernelspec of the image `my/image:1` can be taken: it has none in any directory in which Jupyter looks; `--kernel-command` says what starts a kernel in it, and `--add-kernel` gives it one in Python or R
    no kernelspec of the image `my/image:1` can be taken: it has none in any directory in which Jupyter looks; `--kernel-command` says what starts a kernel in it, and `--add-kernel` gives it one in Python or R
    the engine does not have the image `my/image:1`, and `--dry-run` pulls none; pull it with `docker pull my/image:1`
    the image `my/image:1` is not on the engine and could not be pulled: failed to pull the image: no such object (status 404 from the Docker Engine)
    no kernelspec of the image `my/image:1` can be taken: the kernelspec `k` in /opt/conda/share/jupyter/kernels: its `argv` has no `{connection_file}`, where a kernel takes the file with its ports and key: it is started in another way; say how with `--kernel-command`
    the language in the kernelspec of `` must be the name of a language; `--language` says one
    the kernelspec of the image has `{cwd}` in its `argv`, which would be filled in; say the command with `--kernel-command`
    the options for the container are not valid: command = ["{other}", "{connection_file}"]: `command` has `{other}`, which is not one of {username}, {kernel_id}, {language} and {cwd}
    the language in the kernelspec of `a
        b` must be the name of a language; `--language` says one
    no kernelspec of the image `my/image:1` can be taken: the kernelspec `k` in /opt/conda/share/jupyter/kernels: its `interrupt_mode` of `y` is neither `signal` nor `message`
    no kernelspec of the image `my/image:1` can be taken: the kernelspec `k` in /opt/conda/share/jupyter/kernels: its `env` has the variable `A=`, which none can be called
    no kernelspec of the image `my/image:1` can be taken: the kernelspec `k` in /opt/conda/share/jupyter/kernels: its kernel.json cannot be understood: invalid type: integer `5`, expected a sequence at line 1 column 9
    "#);
}

#[test]
fn what_has_no_meaning_beside_it_is_refused_and_nobody_is_asked() {
    let engine = FakeImage::new().engine();
    let mut message = String::new();
    for words in [
        &["--image-kernelspec", "--kernel-command=x {connection_file}"][..],
        &["--image-kernelspec", "--ipykernel-subclass-name=a.B"],
        &["--image-kernelspec=k", "--add-kernel"],
        &["--build-arg=A=1"],
        &["--build-network=host", "--image-kernelspec"],
        &["--add-kernel", "--language=Scala"],
        &["--add-kernel", "--language=Julia"],
        &["--language=Julia"],
        &["--language=C++", "--kernel-command=x {connection_file}"],
        &["--language= ", "--kernel-command=x {connection_file}"],
    ] {
        let sandbox = Sandbox::new();
        message += install(&sandbox, &engine, words).error();
        message.push('\n');
    }
    let sandbox = Sandbox::new();
    for words in
        [&["--image-kernelspec"][..], &["--add-kernel"], &["--local", "--image-kernelspec"]]
    {
        let mut command = installer(&sandbox, &[&["--prefix=prefix"], words].concat());
        message += sandbox.run(command.env("DOCKER_HOST", engine.host())).error();
        message.push('\n');
    }
    assert_snapshot!(message, @"
    `--kernel-command` has no meaning beside `--image-kernelspec`: the kernelspec has the command
    `--ipykernel-subclass-name` has no meaning beside `--image-kernelspec`: the kernelspec has the command
    `--image-kernelspec` and `--add-kernel` cannot be given together: the one takes a kernel that the image has, the other adds one
    `--build-arg` is for the build of `--add-kernel`
    `--build-network` is for the build of `--add-kernel`
    `--add-kernel` can add a kernel in Python or R, and `--language` of `Scala` must be one of them; add it to the image yourself, and take it with `--image-kernelspec`
    `--add-kernel` can add a kernel in Python or R, and `--language` of `Julia` must be one of them; add it to the image yourself, and take it with `--image-kernelspec`
    `--local` with the language Julia needs `--kernel-command`: the command that starts the kernel, with `{connection_file}` in it; or `--image-kernelspec`, if the image has a kernelspec that says it
    no name can be made of the language `C++`; give one with `--kernel-name`: Invalid kernel name `docker_c++`: it has a character that Jupyter does not allow in a kernel's name. Kernel names can only contain ASCII letters and numbers and these separators: - . _ (hyphen, period, and underscore).
    `--language` of ` ` must be the name of a language; `--language` says one
    `--image-kernelspec` is for `--local` and `--bring-bootstrap`: else the image has a bootstrap that starts the kernel
    `--add-kernel` is for `--local` and `--bring-bootstrap`: else the image has a bootstrap that starts the kernel
    `--local` needs `--image-name`: the name of an image that has the kernel, such as one with ipykernel
    ");
    assert_eq!(asked(&engine), "");
}

/// What fills an archive.
type Fill = Box<dyn Fn(&mut Builder<Vec<u8>>)>;

#[test]
fn a_hostile_archive_does_no_harm() {
    let kernel_json = spec("good").to_string().into_bytes();
    let good = |tar: &mut Builder<Vec<u8>>| {
        add(tar, "./good/kernel.json", EntryType::Regular, &kernel_json);
    };
    let cases: Vec<(&str, Fill, &str)> = vec![
        (
            "names that lead elsewhere",
            Box::new(|tar| {
                for path in [
                    "../x/kernel.json",
                    "/x/kernel.json",
                    "./../kernel.json",
                    "./a/../kernel.json",
                    "./a b/kernel.json",
                ] {
                    add(tar, path, EntryType::Regular, b"{}");
                }
            }),
            "",
        ),
        (
            "no plain files",
            Box::new(|tar| {
                for kind in
                    [EntryType::Block, EntryType::Fifo, EntryType::Directory, EntryType::Link]
                {
                    add(tar, "./other/logo-64x64.png", kind, b"");
                }
            }),
            "",
        ),
        (
            "extensions",
            Box::new(|tar| {
                add(tar, "long", EntryType::GNULongName, &[b'x'; 100_000]);
                add(tar, "pax", EntryType::XHeader, &[b'9'; 100_000]);
            }),
            "",
        ),
        (
            "many kernelspecs",
            Box::new(|tar| {
                for number in 0..300 {
                    add(tar, &format!("./{number}/kernel.json"), EntryType::Regular, b"{}");
                }
            }),
            "more than 200 kernelspecs",
        ),
        (
            "many files",
            Box::new(|tar| {
                for _ in 0..100_001 {
                    add(tar, "./x/y", EntryType::Regular, b"");
                }
            }),
            "more than 100000 files",
        ),
        (
            "a large kernel.json",
            Box::new(|tar| {
                add(tar, "./large/kernel.json", EntryType::Regular, &vec![b' '; (1 << 20) + 1]);
            }),
            "`large`, `good` (good)",
        ),
        (
            "no archive",
            Box::new(|tar| {
                tar.get_mut().extend([b'x'; 2048]);
            }),
            "could not look into `/opt/conda/share/jupyter/kernels` of the image",
        ),
    ];
    for (what, fill, expected) in cases {
        let mut tar = Builder::new(Vec::new());
        fill(&mut tar);
        good(&mut tar);
        let mut image = FakeImage::new();
        image.archives.insert(format!("{CONDA}/."), tar.into_inner().unwrap());
        let (sandbox, engine) = (Sandbox::new(), image.engine());
        let outcome = install(&sandbox, &engine, &["--image-kernelspec"]);
        if expected.is_empty() {
            assert_eq!(outcome.code(), Some(0), "{what}: {outcome}");
            let found = fs::read_dir(specification(&sandbox, "docker_good")).unwrap().count();
            assert_eq!(found, 5, "{what}");
        } else {
            assert_eq!(outcome.code(), Some(1), "{what}: {outcome}");
            let names: Vec<&str> = expected.split(", ").collect();
            assert!(names.iter().all(|name| outcome.stderr.contains(name)), "{what}: {outcome}");
        }
        assert!(asked(&engine).contains("DELETE /containers/c1"), "{what}");
    }
    // One that ends too early.
    let mut image = FakeImage::new();
    let mut cut = archive(&[("./k/kernel.json".to_owned(), kernel_json)]);
    cut.truncate(520);
    image.archives.insert(format!("{CONDA}/."), cut);
    let (sandbox, engine) = (Sandbox::new(), image.engine());
    let outcome = install(&sandbox, &engine, &["--image-kernelspec"]);
    assert_eq!(outcome.code(), Some(1), "{outcome}");
}

#[test]
fn a_file_of_specifications_can_have_it() {
    let image = FakeImage::new().with(CONDA, &[("a", spec("A")), ("b", spec("B"))]);
    let (sandbox, engine) = (Sandbox::new(), image.engine());
    sandbox.file(
        "k.toml",
        "[defaults]\nlocal = true\nimage-name = 'i'\nprefix = 'prefix'\nimage-kernelspec = 'a'\n\
         [[kernel]]\n[[kernel]]\nimage-kernelspec = 'b'\n[[kernel]]\nimage-kernelspec = false\n\
         language = 'Go'\nkernel-command = 'gonb {connection_file}'\n",
    );
    let mut command = installer(&sandbox, &["--file=k.toml"]);
    let outcome = sandbox.run(command.env("DOCKER_HOST", engine.host()));
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    for (name, display_name) in [("docker_a", "A"), ("docker_b", "B"), ("docker_go", "Docker Go")] {
        assert_eq!(
            Sandbox::kernel_json(&specification(&sandbox, name))["display_name"],
            display_name
        );
    }
    let spec = json!({"argv": ["{connection_file}"], "language": "x", "env": {"A": "1"}});
    let engine = FakeImage::new().with(CONDA, &[("a", spec)]).engine();
    let mut message = String::new();
    for table in ["command = 'x {connection_file}'", "environment = ['B=2']"] {
        let text = "[[kernel]]\nlocal = true\nimage-name = 'i'\nprefix = 'p'\nimage-kernelspec = true\n\
                    [kernel.launch_docker]\n";
        sandbox.file("k.toml", format!("{text}{table}"));
        let mut command = installer(&sandbox, &["--file=k.toml"]);
        message += sandbox.run(command.env("DOCKER_HOST", engine.host())).error();
        message.push('\n');
    }
    assert_snapshot!(message, @"
    `command` in the table `launch_docker` has no meaning beside `image-kernelspec`: the kernelspec has the command
    the kernelspec of the image has variables, and the table `launch_docker` has an `environment` of its own; say that with `env` instead
    ");
    sandbox.file("k.toml", "[[kernel]]\nimage-kernelspec = 5");
    let outcome = sandbox.run(&mut installer(&sandbox, &["--file=k.toml"]));
    assert_snapshot!(outcome.error(), @"k.toml:2:20: `image-kernelspec` must be text, in quotes, or true or false");
}

#[test]
fn who_interrupts_leaves_no_container() {
    let image = FakeImage::new();
    let engine = FakeEngine::with(move |asked: Asked, stream, sender| {
        let (line, _) = asked.clone();
        let (status, body) = image.answer(&line);
        let is_archive = line.contains("/archive?");
        let _ = sender.send(asked);
        // Of an archive, nothing but its head comes.
        let (status, length) = if is_archive { ("200 OK", 1000) } else { (status, body.len()) };
        let head =
            format!("HTTP/1.1 {status}\r\nApi-Version: 1.41\r\nContent-Length: {length}\r\n\r\n");
        let body = if is_archive || line.starts_with("HEAD") { &[][..] } else { &body };
        stream.write_all(head.as_bytes()).is_ok() && stream.write_all(body).is_ok()
    });
    let sandbox = Sandbox::new();
    let words = ["--local", "--image-name=my/image:1", "--prefix=prefix", "--image-kernelspec"];
    let mut command = installer(&sandbox, &words);
    command.env("DOCKER_HOST", engine.host()).stderr(Stdio::piped());
    let process = command.spawn().unwrap();
    let mut all = String::new();
    while !all.contains("/archive?") {
        all += &asked(&engine);
        sleep(Duration::from_millis(10));
    }
    let killed = Command::new("kill").args(["-INT", &process.id().to_string()]).status();
    assert!(killed.unwrap().success());
    let outcome = sandbox.outcome(&process.wait_with_output().unwrap());
    assert_eq!(outcome.code(), Some(130), "{outcome}");
    assert!(outcome.stderr.contains("interrupted: nothing was installed"), "{outcome}");
    assert!(asked(&engine).contains("DELETE /containers/c1?v=1&force=1"));
    assert!(!sandbox.path("prefix").exists());
}

#[test]
fn who_interrupts_an_engine_that_does_not_answer_is_told_what_may_be_left() {
    let image = FakeImage::new();
    let engine = FakeEngine::with(move |asked: Asked, stream, sender| {
        let (line, _) = asked.clone();
        let (status, body) = image.answer(&line);
        let _ = sender.send(asked);
        if line.starts_with("POST /containers/create") {
            return true;
        }
        let length = body.len();
        let head =
            format!("HTTP/1.1 {status}\r\nApi-Version: 1.41\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).is_ok() && stream.write_all(&body).is_ok()
    });
    let sandbox = Sandbox::new();
    let words = ["--local", "--image-name=my/image:1", "--prefix=prefix", "--image-kernelspec"];
    let mut command = installer(&sandbox, &words);
    command.env("DOCKER_HOST", engine.host()).stderr(Stdio::piped());
    let process = command.spawn().unwrap();
    let mut all = String::new();
    while !all.contains("POST /containers/create") {
        all += &asked(&engine);
        sleep(Duration::from_millis(10));
    }
    let killed = Command::new("kill").args(["-INT", &process.id().to_string()]).status();
    assert!(killed.unwrap().success());
    let outcome = sandbox.outcome(&process.wait_with_output().unwrap());
    assert_eq!(outcome.code(), Some(130), "{outcome}");
    assert_snapshot!(outcome.stderr, @"
    [W [TIME] DockerSpecInstaller] The engine has not answered for 5 s: a container with the labels app=jupyter-docker-spec and component=look may be left on it
    [E [TIME] DockerSpecInstaller] interrupted: nothing was installed
    ");
}

#[test]
fn what_is_wrong_with_the_rest_is_said_before_anybody_is_asked() {
    let image = || FakeImage::new().with(CONDA, &[("one", spec("One"))]);
    let sandbox = Sandbox::new();
    let mut message = String::new();
    for (name, words) in [
        ("", &["--image-kernelspec", "--swarm"][..]),
        ("", &["--image-kernelspec", "--kernel-name=a/b"]),
        ("mine", &["--image-kernelspec", "--kernel-name=Mine"]),
        ("docker_one", &["--image-kernelspec=one"]),
        ("docker_r", &["--add-kernel", "--language=R"]),
    ] {
        if !name.is_empty() {
            sandbox.file(format!("prefix/share/jupyter/kernels/{name}/kernel.json"), "{}");
        }
        let engine = image().engine();
        message += install(&sandbox, &engine, words).error();
        message.push('\n');
        assert_eq!(asked(&engine), "", "{words:?}");
    }
    assert_snapshot!(message, @"
    `--swarm` cannot be given with `--local`: its kernels are containers of one engine, not services of a Swarm
    Invalid kernel name `a/b`: it has a character that Jupyter does not allow in a kernel's name. Kernel names can only contain ASCII letters and numbers and these separators: - . _ (hyphen, period, and underscore).
    A kernel specification exists at '[ROOT]/prefix/share/jupyter/kernels/mine' and '--replace' has not been specified.  Terminating.
    A kernel specification exists at '[ROOT]/prefix/share/jupyter/kernels/docker_one' and '--replace' has not been specified.  Terminating.
    A kernel specification exists at '[ROOT]/prefix/share/jupyter/kernels/docker_r' and '--replace' has not been specified.  Terminating.
    ");
    // It is not known which one that will be.
    sandbox.file("prefix/share/jupyter/kernels/docker_python/kernel.json", "{}");
    let outcome = install(&sandbox, &image().engine(), &["--image-kernelspec", "--replace"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
}

#[test]
fn all_directories_together_have_one_limit() {
    let number_of = |begin: &str, number: usize| {
        let files = (0..number)
            .map(|number| (format!("./{begin}{number}/kernel.json"), spec("x").to_string().into()));
        archive(&files.collect::<Vec<_>>())
    };
    let system = "/usr/share/jupyter/kernels";
    for (begin, code) in [("a", Some(0)), ("b", Some(1))] {
        let mut image = FakeImage::new();
        image.archives.insert(format!("{CONDA}/."), number_of("a", 99));
        image.archives.insert(format!("{system}/."), number_of(begin, 101));
        image.archives.insert("/usr/local/share/jupyter/kernels/.".into(), number_of("a", 1));
        let (sandbox, engine) = (Sandbox::new(), image.engine());
        let outcome = install(&sandbox, &engine, &["--image-kernelspec=a0"]);
        assert_eq!(outcome.code(), code, "{outcome}");
        let is_limit = outcome.stderr.contains("the image has more than 200 kernelspecs");
        assert_eq!(is_limit, begin == "b", "{outcome}");
    }
}

#[test]
fn what_is_a_template_there_comes_out_as_it_is() {
    let mut said = spec("One");
    said["argv"] =
        json!(["run", "$A {$B} {{range $x := .}}{{\"$y\"}} $C {{$", "{connection_file}"]);
    let (sandbox, engine) =
        (Sandbox::new(), FakeImage::new().with(CONDA, &[("one", said)]).engine());
    let outcome = install(&sandbox, &engine, &["--image-kernelspec"]);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let options = options(&specification(&sandbox, "docker_one"));
    assert_snapshot!(options.lines().last().unwrap(), @r#"command = ["run", "$$A {$$B} {{range $x := .}}{{\"$y\"}} $$C {{$$", "{connection_file}"]"#);
}

#[test]
fn it_is_the_engine_of_the_kernels_that_is_asked() {
    let sandbox = Sandbox::new();
    let engine = FakeImage::new().with(CONDA, &[("one", spec("One"))]).engine();
    let words = ["--local", "--image-name=my/image:1", "--prefix=prefix", "--image-kernelspec"];
    let named = format!("--engine={}", engine.host());
    let mut command = installer(&sandbox, &[&words[..], &[&named]].concat());
    let outcome = sandbox.run(command.env("DOCKER_HOST", "unix:///none"));
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let file = sandbox.file(
        "kernels.toml",
        format!(
            "[[kernel]]\nlocal = true\nimage-name = 'my/image:1'\nprefix = 'prefix'\nkernel-name = 'k'\n\
             image-kernelspec = ''\n[kernel.launch_docker]\nengine = '{}'\n",
            engine.host()
        ),
    );
    let mut command = installer(&sandbox, &["--file", file.to_str().unwrap()]);
    let outcome = sandbox.run(command.env("DOCKER_HOST", "unix:///none"));
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert!(options(&specification(&sandbox, "k")).contains(&engine.host()));
}

#[test]
fn its_launch_errors_can_be_shown() {
    let sandbox = Sandbox::new();
    let mut said = spec("One");
    said["metadata"] =
        json!({"debugger": true, "kernel_provisioner": {"provisioner_name": "theirs"}});
    let engine = FakeImage::new().with(CONDA, &[("one", said)]).engine();
    let words = ["--image-kernelspec", "--show-launch-errors", "--kernel-name=k"];
    let outcome = install(&sandbox, &engine, &words);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let metadata = &Sandbox::kernel_json(&specification(&sandbox, "k"))["metadata"];
    let stanza = json!({"provisioner_name": "reporting-local-provisioner", "config": {}});
    assert_eq!(*metadata, json!({"debugger": true, "kernel_provisioner": stanza}));
}
