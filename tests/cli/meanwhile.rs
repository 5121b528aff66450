//! Kernels that are launched while their specification is replaced or removed.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use fs_err as fs;

use crate::engine::FakeEngine;
use crate::launch::{ID, OF_KERNEL};
use crate::sandbox::{INSTALLER, LAUNCHER, Outcome, Sandbox};

/// What the launcher of a specification in `p` comes to that a server starts; `None` if it is not there.
fn launched(sandbox: &Sandbox, engine: &FakeEngine) -> Option<Outcome> {
    let launcher = sandbox.path("p/share/jupyter/kernels/k/scripts/launch_docker");
    let mut command = sandbox.command(launcher);
    command.args(["--kernel-id", ID, "--response-address=192.0.2.1:8877", "--public-key=k"]);
    command.envs(OF_KERNEL).env("GP_DOCKER_MODE", "docker").env("GP_DOCKER_NETWORK", "kernels");
    Some(sandbox.outcome(&command.env("DOCKER_HOST", engine.host()).output().ok()?))
}

/// How much memory kernels got that were launched while the specification, of 1 or of 2 GiB, was changed. Those
/// that could not be launched are counted as 0.
fn limits_while(change: impl Fn(&Sandbox, usize) + Sync) -> BTreeMap<u64, usize> {
    let (sandbox, engine) = (Sandbox::new(), FakeEngine::new());
    let program = sandbox.program(LAUNCHER, "bin/launch_docker");
    // Of a debug build, most takes long to write and is of no use here. Without a `strip` it only takes longer.
    let _ = Command::new("strip").arg(&program).status();
    sandbox.program(INSTALLER, "bin/jupyter-docker-spec");
    change(&sandbox, 0);
    let over = AtomicBool::new(false);
    let mut limits = BTreeMap::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1.. {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                change(&sandbox, number);
            }
        });
        while limits.values().sum::<usize>() < 150 {
            let Some(outcome) = launched(&sandbox, &engine) else { continue };
            let asked = engine.asked();
            let created = asked.iter().find(|(line, _)| line.contains("/create"));
            let limit = if outcome.code() == Some(0) {
                created.unwrap().1["HostConfig"]["Memory"].as_u64().unwrap_or(u64::MAX)
            } else {
                let reason = outcome.error();
                assert!(reason.contains("start the kernel again"), "{outcome}");
                assert!(created.is_none(), "{outcome}");
                0
            };
            *limits.entry(limit >> 30).or_default() += 1;
        }
        over.store(true, Ordering::Relaxed);
    });
    fs::remove_dir_all(sandbox.path("p")).unwrap();
    limits
}

fn install(sandbox: &Sandbox, number: usize) {
    let memory = format!("--memory={}g", number % 2 + 1);
    let mut installer = sandbox.command(sandbox.path("bin/jupyter-docker-spec"));
    installer.args(["install", "--prefix=p", "--kernel-name=k", "--replace", &memory]);
    let outcome = sandbox.run(&mut installer);
    assert_eq!(outcome.code(), Some(0), "{outcome}");
}

#[test]
fn a_kernel_has_the_limits_of_the_old_or_the_new_specification() {
    let limits = limits_while(install);
    assert!(limits.keys().all(|limit| [0, 1, 2].contains(limit)), "{limits:?}");
    assert!(limits.contains_key(&1) && limits.contains_key(&2), "{limits:?}");
}

#[test]
fn a_kernel_has_the_limits_before_or_after_a_change() {
    let limits = limits_while(|sandbox, number| {
        if number == 0 {
            return install(sandbox, 0);
        }
        let mut set = sandbox.command(sandbox.path("bin/jupyter-docker-spec"));
        // Both files are changed.
        let timeout = format!("--launch-timeout={}", 60 + number);
        set.args(["set", "k", "--prefix=p", &timeout]);
        let outcome = sandbox.run(set.arg(format!("--memory={}g", number % 2 + 1)));
        assert_eq!(outcome.code(), Some(0), "{outcome}");
    });
    assert!(limits.keys().all(|limit| [0, 1, 2].contains(limit)), "{limits:?}");
    assert!(limits.contains_key(&1) && limits.contains_key(&2), "{limits:?}");
}

#[test]
fn no_kernel_is_without_limits_because_its_specification_is_removed() {
    let limits = limits_while(|sandbox, number| {
        install(sandbox, 0);
        if number > 0 {
            let mut remove = sandbox.command(sandbox.path("bin/jupyter-docker-spec"));
            remove.args(["remove", "-y", "--prefix=p", "k"]);
            let outcome = sandbox.run(&mut remove);
            assert_eq!(outcome.code(), Some(0), "{outcome}");
        }
    });
    assert!(limits.keys().all(|limit| [0, 1].contains(limit)), "{limits:?}");
}
