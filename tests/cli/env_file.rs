//! `env_file` in a directory that somebody else may write to: it gives away neither the server's variables
//! nor files that only the server can read.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use fs_err as fs;
use serde_json::Value;

use crate::engine::FakeEngine;
use crate::injection::{assert_harmless, launcher};
use crate::sandbox::{Outcome, Sandbox};

const SECRET: &str = "hunter2-swordfish";

/// A launch with this file, by a server with a secret: how it ended, and the environment of the kernel.
fn launched(sandbox: &Sandbox, file: &str) -> (Outcome, Option<Value>) {
    let engine = FakeEngine::new();
    let mut command = launcher(sandbox, &engine);
    let options = sandbox.path("p/share/jupyter/kernels/k/scripts/launch_docker.toml");
    fs::write(options, format!("env_file = '{file}'\n")).unwrap();
    let outcome = sandbox.run(command.env("JPY_API_TOKEN", SECRET).env("KERNEL_USERNAME", "bob"));
    assert_harmless(&outcome);
    let created = engine.asked().into_iter().find(|(line, _)| line.contains("/create"));
    (outcome, created.map(|(_, body)| body["Env"].clone()))
}

#[test]
fn who_may_write_to_an_env_file_gets_nothing_of_the_servers() {
    let sandbox = Sandbox::new();
    sandbox.file("root/secret", SECRET);
    sandbox.file("home/bob/kernel.env", "A=1\nJPY_API_TOKEN=own\n");
    sandbox.file("home/bob/bare.env", "A=1\nJPY_API_TOKEN\n");
    let home = sandbox.path("home/bob");
    symlink("../../root/secret", home.join("link.env")).unwrap();
    symlink("../../root", home.join("directory")).unwrap();
    fs::hard_link(sandbox.path("root/secret"), home.join("second.env")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, home.join("pipe.env"), 0o600.into()).unwrap();
    fs::set_permissions(&home, std::fs::Permissions::from_mode(0o777)).unwrap();
    let of_bob = format!("{}/{{username}}", sandbox.path("home").display());

    let (outcome, environment) = launched(&sandbox, &format!("{of_bob}/kernel.env"));
    let environment = environment.unwrap_or_else(|| panic!("{outcome}"));
    for variable in ["A=1", "JPY_API_TOKEN=own"] {
        assert!(environment.as_array().unwrap().contains(&variable.into()), "{environment}");
    }
    for (file, reason) in [
        ("bare.env", "cannot take the server's `JPY_API_TOKEN`"),
        ("link.env", "is a symbolic link, and others may write to"),
        ("directory/secret", "is a symbolic link, and others may write to"),
        ("second.env", "is a second name of a file, and others may write to"),
        ("pipe.env", "is not a plain file"),
    ] {
        let (outcome, environment) = launched(&sandbox, &format!("{of_bob}/{file}"));
        let error = outcome.error();
        assert!(error.contains("`env_file` c") && error.contains(reason), "{outcome}");
        assert!(environment.is_none() && !outcome.to_string().contains("hunter2"), "{outcome}");
    }
    let (outcome, environment) = launched(&sandbox, "/dev/zero");
    assert!(outcome.error().contains("`/dev/zero` is not a plain file") && environment.is_none());
}

#[test]
fn beside_the_launcher_an_env_file_names_variables_of_the_servers_and_may_be_a_link() {
    let sandbox = Sandbox::new();
    let engine = FakeEngine::new();
    // Installed.
    drop(launcher(&sandbox, &engine));
    let scripts = sandbox.path("p/share/jupyter/kernels/k/scripts");
    fs::write(scripts.join("bare.env"), "JPY_API_TOKEN\n").unwrap();
    symlink("bare.env", scripts.join("link.env")).unwrap();
    for file in ["bare.env", "./bare.env", "link.env"] {
        let (outcome, environment) = launched(&sandbox, file);
        let environment = environment.unwrap_or_else(|| panic!("{outcome}"));
        let expected = format!("JPY_API_TOKEN={SECRET}").into();
        assert!(environment.as_array().unwrap().contains(&expected), "{environment}");
    }
}
