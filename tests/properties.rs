//! What holds for whatever somebody writes, and not only for the examples that come to mind.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

use std::path::{Component, Path};

use jupyter_docker_spec::cli::{self, Command};
use jupyter_docker_spec::env::Env;
use jupyter_docker_spec::image::Answer;
use jupyter_docker_spec::kernelspec::launcher::LauncherFile;
use jupyter_docker_spec::kernelspec::render;
use jupyter_docker_spec::kernelspec::store::Content;
use jupyter_docker_spec::layout::KERNEL_JSON;
use jupyter_docker_spec::paths::Paths;
use jupyter_docker_spec::settings::config::Config;
use jupyter_docker_spec::settings::lookup::Lookup;
use jupyter_docker_spec::settings::{KernelName, Launcher, Settings, values};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::Value;

/// The same cases in every run, so that a failure is one of the change that is being tested.
fn always_the_same() -> ProptestConfig {
    ProptestConfig { rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..Default::default() }
}

/// Text of any characters, half of it of those that have a meaning somewhere.
fn text() -> impl Strategy<Value = String> {
    let special = r#"[ \t\n"'\\${}%`~/.,:=|&;<>()\[\]#*?!\u{0}\u{7f}\u{85}\u{feff}\u{2028}-]"#;
    let any = any::<char>().prop_map(String::from);
    prop::collection::vec(prop_oneof![special, any, "[a-z]"], 0..20)
        .prop_map(|parts| parts.concat())
}

/// The settings of `jupyter-docker-spec install WORDS`.
fn settings(words: &[String], env: &Env) -> Settings {
    let words = ["jupyter-docker-spec", "install"].into_iter().chain(words.iter().map(|w| &**w));
    let Some(Command::Install(install)) = cli::parse(words).unwrap().command else {
        panic!("not an installation")
    };
    let config = Config::default();
    let lookup = &Lookup { line: &install.line, config: &config, env };
    Settings::resolve(&install, lookup, Answer::default()).unwrap()
}

/// The directory of the specification, and its `kernel.json` as a program reads it that does not
/// know ours.
fn installed(words: &[String]) -> (String, Value) {
    let env = Env::new(Path::new("/cwd"), [("HOME", "/home")]);
    let paths = Paths { env: &env, executable: None };
    let settings = settings(words, &env);
    let kernels = settings.location.kernels_directory(&paths).unwrap();
    let destination = kernels.join(settings.kernel_name.as_str());
    let launcher = LauncherFile::find(&Launcher::Python, &paths).unwrap();
    let files = render::files(&settings, launcher, &destination).unwrap();
    let kernel_json = files.last().unwrap();
    assert_eq!(kernel_json.path, Path::new(KERNEL_JSON));
    let Content::Bytes(bytes) = &kernel_json.content else { panic!("kernel.json is no copy") };
    (destination.into_os_string().into_string().unwrap(), serde_json::from_slice(bytes).unwrap())
}

proptest! {
    #![proptest_config(always_the_same())]

    #[test]
    fn names_arrive_in_kernel_json_as_they_are(display in text(), prefix in text()) {
        // One that says nothing means the default.
        prop_assume!(!display.trim().is_empty() && !prefix.is_empty());
        let words = [
            format!("--display-name={display}"),
            format!("--prefix={prefix}"),
        ];
        let (directory, read) = installed(&words);
        prop_assert_eq!(&read["display_name"], &Value::from(display));
        prop_assert_eq!(&read["argv"][1], &Value::from(format!("{directory}/scripts/launch_docker.py")));
        prop_assert!(directory.ends_with("/share/jupyter/kernels/docker_python"));
        // Jupyter may be started somewhere else.
        let clean = |part| matches!(part, Component::RootDir | Component::Normal(_));
        prop_assert!(Path::new(&directory).components().all(clean), "{}", directory);
        if let Some(relative) = prefix.strip_prefix("./").filter(|rest| !rest.contains("..")) {
            prop_assert!(directory.starts_with("/cwd"), "{} of {}", directory, relative);
        }
    }

    #[test]
    fn users_arrive_each_by_itself(names in prop::collection::vec(text(), 0..4)) {
        // What may be meant as a list in brackets or quotes.
        let clear = |name: &String| values::names(name).is_some() && !name.contains(['[', '(', '{']);
        let names: Vec<String> = names.into_iter().filter(clear).collect();
        let words: Vec<String> =
            names.iter().map(|name| format!("--authorized-users={name}")).collect();
        let mut expected: Vec<&str> = names.iter().flat_map(|name| name.split(',')).map(str::trim).collect();
        expected.retain(|name| !name.is_empty());
        expected.sort_unstable();
        expected.dedup();
        // Words that name nobody are refused.
        prop_assume!(names.is_empty() || !expected.is_empty());
        let config = &installed(&words).1["metadata"]["kernel_provisioner"]["config"];
        let found: Vec<&str> = config["authorized_users"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn a_kernel_name_is_refused_or_stays_in_the_kernels_directory(
        name in prop_oneof![text(), "[A-Za-z0-9._ /-]{0,8}", "[a-z]{250,260}"],
    ) {
        if let Ok(accepted) = KernelName::parse(&name) {
            let kernels = Path::new("/share/jupyter/kernels");
            let directory = kernels.join(accepted.as_str());
            prop_assert_eq!(directory.parent(), Some(kernels));
            prop_assert_eq!(directory.file_name(), Some(accepted.as_str().as_ref()));
            prop_assert!(accepted.as_str().len() <= 255);
            // What Jupyter makes of the name is what it finds.
            prop_assert_eq!(KernelName::parse(accepted.as_str()).unwrap(), accepted);
        }
    }
}
