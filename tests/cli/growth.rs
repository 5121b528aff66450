//! However many kernels there are, a launch is about its own: it asks for nothing that becomes longer with others.

use crate::attend;
use crate::engine::FakeEngine;
use crate::launch::{ID, of_gateway_provisioners};
use crate::sandbox::Sandbox;

/// What has a list of all kernels in it: such objects, and each network, which tells of its containers.
const LISTS: [&str; 9] = [
    "/configs",
    "/containers/json",
    "/events",
    "/images/json",
    "/networks",
    "/nodes",
    "/secrets",
    "/services",
    "/tasks",
];

/// Whether the answer becomes longer with kernels besides the one of these ids.
fn grows(line: &str, ids: &[&str]) -> bool {
    let target = line.strip_prefix("GET ").unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let is_list = LISTS.contains(&path) || path.starts_with("/networks/");
    is_list && !ids.iter().any(|id| query.contains(&format!("%22{id}%22")))
}

#[track_caller]
fn assert_about_its_own(engine: &FakeEngine, ids: &[&str], creates: &str) {
    let asked: Vec<_> = engine.asked().into_iter().map(|(line, _)| line).collect();
    assert!(asked.iter().any(|line| line.starts_with(creates)), "{asked:?}");
    let growing: Vec<_> = asked.iter().filter(|line| grows(line, ids)).collect();
    assert!(growing.is_empty(), "{growing:?} of {asked:?}");
}

#[test]
fn a_kernel_of_a_server_is_launched_without_a_look_at_others() {
    for (mode, words, creates) in [
        ("docker", &[][..], "POST /containers/create"),
        ("swarm", &["--swarm"], "POST /services/create"),
    ] {
        let (sandbox, engine) = (Sandbox::new(), FakeEngine::new());
        let mut launcher = of_gateway_provisioners(&sandbox, &engine, words);
        sandbox.run(launcher.env("GP_DOCKER_MODE", mode));
        assert_about_its_own(&engine, &["c1", "s1", ID], creates);
    }
}

#[test]
fn a_local_kernel_is_launched_without_a_look_at_others() {
    let sandbox = Sandbox::new();
    let engine = attend::engine(|_| {});
    sandbox.run(&mut attend::launcher(&sandbox, &engine));
    assert_about_its_own(&engine, &["c1", "c"], "POST /containers/create");
}

#[test]
fn what_grows_is_known() {
    for (line, does) in [
        ("GET /containers/json?all=1", true),
        ("GET /networks/bridge", true),
        ("GET /services", true),
        ("GET /tasks?filters=%7B%22service%22%3A%5B%22s1%22%5D%7D", false),
        ("GET /tasks?filters=%7B%22service%22%3A%5B%22s10%22%5D%7D", true),
        ("GET /containers/c1/json", false),
        ("POST /services/create", false),
    ] {
        assert_eq!(grows(line, &["s1"]), does, "{line}");
    }
}
