//! Every command that a message proposes is typed by a test, and followed by another look, which is content.

use std::collections::BTreeSet;
use std::path::Path;

use fs_err as fs;

use crate::promises::tests;

/// What the programs of commands are that people type.
const PROGRAMS: [&str; 13] = [
    "apt-get",
    "chmod",
    "chown",
    "cp",
    "docker",
    "export",
    "install",
    "jupyter",
    "jupyter-docker-spec",
    "ln",
    "pip",
    "sed",
    "unset",
];

/// The commands as they stand in the sources, and the test that types each.
const TYPED: &[(&str, &str)] = &[
    (
        "jupyter docker-spec check",
        "tests/upstream/test_advice.py::test_installing_the_provisioners_leaves_our_command",
    ),
    (
        "jupyter image-bootstrap install",
        "tests/upstream/test_advice.py::test_the_names_of_languages_are_those_that_the_bootstrap_tool_takes",
    ),
    (
        "jupyter lab --gateway-url=URL",
        "tests/engine/test_compose.py::test_enterprise_gateway_in_a_container_and_in_a_swarm_as_its_page_says",
    ),
    (
        "jupyter-docker-spec show {0} --toml | jupyter-docker-spec install --file -",
        "tests/cli/check_engine.rs::what_is_proposed_for_a_specification_mends_it",
    ),
    (
        "apt-get install r-cran-{}",
        "tests/engine/test_languages.py::test_what_the_page_says_to_type_works",
    ),
    (
        "chmod +x {shown}",
        "tests/cli/check_engine.rs::a_launcher_of_ones_own_is_made_executable_by_what_is_proposed",
    ),
    ("chmod +x {}", "tests/cli/check_engine.rs::what_is_proposed_for_a_specification_mends_it"),
    ("chmod 0755 {name}", "tests/engine/test_advice.py::test_a_bootstrap"),
    (
        "docker image inspect --format {{{{.Architecture}}}} {image}",
        "tests/engine/test_advice.py::test_commands_that_only_show_or_remove_are_the_clients",
    ),
    (
        "docker inspect {0}",
        "tests/engine/test_advice.py::test_commands_that_only_show_or_remove_are_the_clients",
    ),
    ("export DOCKER_HOST={other}", "tests/cli/ssh.rs::another_engine_is_named_and_can_be_had"),
    ("docker login {registry}", "tests/engine/test_docs.py::test_the_page"),
    ("docker login {}", "tests/engine/test_docs.py::test_the_page"),
    (
        "docker network create --driver overlay --attachable NAME",
        "tests/engine/test_advice.py::test_a_swarm_and_its_network",
    ),
    (
        "docker network create --driver overlay --attachable {0}",
        "tests/engine/test_advice.py::test_a_swarm_and_its_network",
    ),
    ("docker network create {0}", "tests/engine/test_advice.py::test_a_network"),
    (
        "docker network create{options} {name}",
        "tests/engine/test_advice.py::test_a_swarm_and_its_network",
    ),
    (
        "docker network inspect {network}",
        "tests/engine/test_advice.py::test_commands_that_only_show_or_remove_are_the_clients",
    ),
    (
        "docker network ls --filter name={name}",
        "tests/engine/test_advice.py::test_two_networks_of_one_name",
    ),
    (
        "docker node ls",
        "tests/engine/test_advice.py::test_commands_that_only_show_or_remove_are_the_clients",
    ),
    (
        "docker node promote NAME",
        "tests/engine/test_advice.py::test_commands_that_only_show_or_remove_are_the_clients",
    ),
    (
        "docker pull --platform linux/{own} {name}",
        "tests/engine/test_advice.py::test_an_image_for_another_platform_is_pulled_for_this",
    ),
    (
        "docker pull {image}",
        "tests/engine/test_advice.py::test_an_image_for_another_platform_is_pulled_for_this",
    ),
    (
        "docker rm --force {0}",
        "tests/engine/test_advice.py::test_commands_that_only_show_or_remove_are_the_clients",
    ),
    (
        "docker service create --mode global --network {0} IMAGE COMMAND",
        "tests/engine/test_advice.py::test_commands_that_only_show_or_remove_are_the_clients",
    ),
    (
        "docker service inspect {0}",
        "tests/engine/test_advice.py::test_commands_that_only_show_or_remove_are_the_clients",
    ),
    (
        "docker service rm {0}",
        "tests/engine/test_advice.py::test_commands_that_only_show_or_remove_are_the_clients",
    ),
    (
        "docker volume ls --filter dangling=true",
        "tests/engine/test_advice.py::test_commands_that_only_show_or_remove_are_the_clients",
    ),
    (
        "install --bring-bootstrap --kernel-command",
        "tests/cli/bring.rs::each_language_has_a_command",
    ),
    ("install --bring-bootstrap", "tests/engine/test_bring.py::test_check_knows_of_both_kinds"),
    ("install --replace", "tests/cli/set.rs::what_set_does_not_take_install_does_with_all_options"),
    (
        "install --security-opt=seccomp=FILE",
        "tests/cli/check_engine.rs::what_is_proposed_for_a_profile_of_seccomp_writes_it",
    ),
    (
        "install --tmpfs={first}",
        "tests/cli/check_engine.rs::what_is_proposed_for_a_volume_of_the_image_takes_its_place",
    ),
    ("docker swarm init", "tests/engine/test_advice.py::test_a_swarm_and_its_network"),
    (
        "docker {kind} ls",
        "tests/engine/test_advice.py::test_commands_that_only_show_or_remove_are_the_clients",
    ),
    (
        "jupyter docker-spec prune",
        "tests/engine/test_image_brings.py::test_volumes_that_a_server_leaves_are_pruned",
    ),
    (
        "jupyter docker-spec check --launch {kernelspec}",
        "tests/engine/test_advice.py::test_a_launch_is_tried_with_what_the_launcher_proposes",
    ),
    (
        "jupyter image-bootstrap install --languages scala",
        "tests/upstream/test_advice.py::test_the_names_of_languages_are_those_that_the_bootstrap_tool_takes",
    ),
    (
        "jupyter image-bootstrap install --languages {}",
        "tests/upstream/test_advice.py::test_the_names_of_languages_are_those_that_the_bootstrap_tool_takes",
    ),
    (
        "jupyter-docker-spec rename {name} {name}",
        "tests/cli/rename.rs::a_copy_runs_the_launcher_of_another_until_it_is_mended",
    ),
    ("jupyter-docker-spec convert", "tests/engine/test_docs.py::test_the_page"),
    (
        "jupyter-docker-spec set",
        "tests/cli/changes.rs::what_a_replacement_proposes_changes_only_what_is_named",
    ),
    (
        "jupyter-docker-spec set NAME --image-name=IMAGE",
        "tests/cli/local.rs::the_image_that_is_pulled_is_that_of_the_launchers_file",
    ),
    (
        "jupyter-docker-spec set NAME --kernel-command=COMMAND",
        "tests/cli/local.rs::it_is_checked_without_a_server",
    ),
    (
        "jupyter-docker-spec set {word} --userns=host",
        "tests/cli/local.rs::who_is_another_user_to_the_engine_is_told_how_not_to_be",
    ),
    (
        "jupyter-docker-spec check",
        "tests/upstream/test_terminal.py::test_after_an_install_the_next_step_is_told_on_a_terminal_only",
    ),
    (
        "jupyter-docker-spec check {} --launch",
        "tests/upstream/test_terminal.py::test_after_an_install_the_next_step_is_told_on_a_terminal_only",
    ),
    ("jupyter-docker-spec pull {word}", "tests/engine/test_pull.py::test_check_names_the_command"),
    (
        "pip install apache_toree==0.5.0",
        "tests/engine/test_languages.py::test_what_the_page_says_to_type_works",
    ),
    (
        "pip install pyspark==3.5.5",
        "tests/engine/test_languages.py::test_what_the_page_says_to_type_works",
    ),
    (
        "pip install zombie-imp",
        "tests/engine/test_languages.py::test_what_the_page_says_to_type_works",
    ),
    (
        "pip install {package}",
        "tests/engine/test_languages.py::test_what_the_page_says_to_type_works",
    ),
    ("sed -i 's/\\\\r$//' {name}", "tests/engine/test_advice.py::test_a_bootstrap"),
];

/// Words in backquotes that are no proposals, but names of what is talked of.
const NAMES: &[&str] = &[
    "jupyter kernelspec install",
    "docker compose",
    "docker compose logs",
    "docker compose pull",
    "docker inspect",
    "docker run",
    "docker run --mount",
    "docker service inspect",
    "docker service logs",
    "install --help",
    "install --image-name",
    "install --local",
    "install --prefix=PREFIX",
    "jupyter docker-spec",
    "jupyter-docker-spec install",
];

/// What stands between backquotes in the texts of a source, without its tests and comments, and with the texts
/// that go on in the next line put together.
fn quoted(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let code: Vec<&str> =
        source.lines().map(str::trim_start).filter(|line| !line.starts_with("//")).collect();
    let code = code.join("\n").replace("\\\n", "");
    let texts = code.split('\n').flat_map(|line| {
        let parts: Vec<&str> = line.split('`').collect();
        parts.into_iter().skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()
    });
    texts.collect()
}

fn sources(directory: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("tests.rs")
        {
            found.extend(quoted(&fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn every_proposed_command_is_typed_by_a_test() {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    let commands: BTreeSet<&str> = found
        .iter()
        .map(String::as_str)
        .filter(|text| PROGRAMS.contains(&text.split(' ').next().unwrap_or_default()))
        .filter(|text| text.contains(' '))
        .collect();
    let known: BTreeSet<&str> =
        TYPED.iter().map(|(command, _)| *command).chain(NAMES.iter().copied()).collect();
    let new: Vec<_> = commands.difference(&known).collect();
    assert!(new.is_empty(), "no test types {new:#?}");
    let gone: Vec<_> = known.difference(&commands).collect();
    assert!(gone.is_empty(), "no message proposes {gone:#?}");
    for (command, test) in TYPED {
        let (path, name) = test.split_once("::").unwrap();
        assert!(tests(path).contains(name), "{command}: there is no {test}");
    }
}
