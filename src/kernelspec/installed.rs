//! A kernelspec as it lies on the disk: what is read back of `kernel.json` and of the launcher.
//!
//! Both Jupyter systems are understood: `gateway_provisioners` has its settings below
//! `metadata.kernel_provisioner`, Enterprise Gateway below `metadata.process_proxy`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::Value;

use crate::env::Env;
use crate::files;
use crate::layout::KERNEL_JSON;
use crate::model::Mode;
use crate::server::{GATEWAY_SPELLING, System};
use crate::setting::variable;

/// What both servers fill into `argv`, and no kernel can do without: its id, where it answers, and how
/// it encrypts the answer.
const PLACES: [&str; 3] = ["{kernel_id}", "{response_address}", "{public_key}"];

/// `kernel.json`, as far as it is looked at. What is missing is empty, as in `jupyter_client`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct KernelJson {
    /// The command that starts the kernel.
    pub argv: Vec<String>,
    /// What is added to the environment of the launcher.
    pub env: BTreeMap<String, String>,
    /// What people see.
    pub display_name: String,
    /// The language, in any case.
    pub language: String,
    metadata: Metadata,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    kernel_provisioner: Option<Provisioner>,
    process_proxy: Option<Proxy>,
}

#[derive(Clone, Debug, Deserialize)]
struct Provisioner {
    #[serde(default)]
    provisioner_name: String,
    #[serde(default)]
    config: BTreeMap<String, Value>,
}

#[derive(Clone, Debug, Deserialize)]
struct Proxy {
    #[serde(default)]
    class_name: String,
    #[serde(default)]
    config: BTreeMap<String, Value>,
}

/// A specification whose kernels run in Docker.
#[derive(Clone, Debug)]
pub struct Installed {
    /// The directory it lies in.
    pub directory: PathBuf,
    /// The file.
    pub kernel_json: KernelJson,
    /// Which system starts its kernels.
    pub system: System,
    /// Container or service.
    pub mode: Mode,
    /// Whether the user is told why a kernel could not be launched.
    pub shows_launch_errors: bool,
    /// The provisioner's, or the process proxy's, settings.
    pub config: BTreeMap<String, Value>,
}

impl Installed {
    /// Reads the specification in `directory`; `None` if its kernels do not run in Docker.
    ///
    /// # Errors
    /// When `kernel.json` cannot be read or is not what Jupyter takes.
    pub fn read(directory: &Path) -> Result<Option<Self>> {
        let path = directory.join(KERNEL_JSON);
        let text = files::read(&path)?;
        // Text is checked once and not value by value. Where it is none, the place is said.
        let parsed = match std::str::from_utf8(&text) {
            Ok(text) => serde_json::from_str(text),
            Err(_) => serde_json::from_slice(&text),
        };
        let kernel_json: KernelJson =
            parsed.with_context(|| format!("could not understand `{}`", path.display()))?;
        Ok(Self::of(directory, kernel_json))
    }

    /// The specification that has this text as its `kernel.json`.
    ///
    /// # Errors
    /// When it is not what Jupyter takes.
    pub fn parse(directory: &Path, text: &str) -> Result<Option<Self>> {
        let kernel_json = serde_json::from_str(text).with_context(|| {
            format!("could not understand `{}`", directory.join(KERNEL_JSON).display())
        })?;
        Ok(Self::of(directory, kernel_json))
    }

    fn of(directory: &Path, mut kernel_json: KernelJson) -> Option<Self> {
        let provisioner = kernel_json.metadata.kernel_provisioner.take().and_then(|stanza| {
            let system = System::GatewayProvisioners;
            let of_ours = stanza.provisioner_name.strip_prefix(system.facts().reporting);
            let given = of_ours.unwrap_or(&stanza.provisioner_name);
            let (_, mode) = system.facts().starters.into_iter().find(|(name, _)| *name == given)?;
            Some((system, mode, of_ours.is_some(), stanza.config))
        });
        let proxy = kernel_json.metadata.process_proxy.take().and_then(|stanza| {
            let system = System::EnterpriseGateway;
            let (module, class) =
                stanza.class_name.rsplit_once('.').unwrap_or(("", &stanza.class_name));
            // The class may be one that somebody has derived and put elsewhere.
            let mut starters = system.facts().starters.into_iter();
            let (_, mode) = starters.find(|(name, _)| class.ends_with(name))?;
            let is_ours = module == system.facts().reporting_module;
            Some((system, mode, is_ours, stanza.config))
        });
        let (system, mode, shows_launch_errors, config) = provisioner.or(proxy)?;
        let directory = directory.to_path_buf();
        Some(Self { directory, kernel_json, system, mode, shows_launch_errors, config })
    }

    /// The image of the kernel's container; `None` where the server has to name it.
    #[must_use]
    pub fn image(&self) -> Option<&str> {
        // The `env` stanza is what the launcher sees in the end.
        let of_env = self.kernel_json.env.get("KERNEL_IMAGE").map(String::as_str);
        of_env.or_else(|| self.text("image_name")).filter(|image| !image.is_empty())
    }

    /// The same where the server is asked too, as far as its environment is this one.
    ///
    /// # Errors
    /// When nobody names an image: the variable by which the server can.
    pub fn image_on_server<'a>(&'a self, env: &'a Env) -> Result<&'a str, &'static str> {
        let (variable, of_server) = match self.system {
            System::GatewayProvisioners => ("KERNEL_IMAGE", None),
            System::EnterpriseGateway => {
                let variable = self.system.facts().image_variable;
                (variable, env.get(variable))
            }
        };
        self.image().or(of_server).ok_or(variable)
    }

    /// A setting that is text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.config.get(name).and_then(Value::as_str)
    }

    /// A setting that is a list of names: a JSON list, or in one text with commas as Enterprise
    /// Gateway has it; `None` if it is not there. One that has no names in it but is not empty is that of a
    /// user whose name is empty, who is nobody: to a server it is not the same as an empty one.
    #[must_use]
    pub fn names(&self, name: &str) -> Option<Vec<String>> {
        let given: Vec<&str> = match self.config.get(name)? {
            Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
            Value::String(names) if names.is_empty() => Vec::new(),
            Value::String(names) => names.split(',').collect(),
            _ => return None,
        };
        let mut names: Vec<String> = given.iter().map(|name| name.trim().to_owned()).collect();
        if names.iter().any(|name| !name.is_empty()) {
            names.retain(|name| !name.is_empty());
        } else {
            names.truncate(1);
        }
        Some(names)
    }

    /// How many seconds the server waits for the kernel, as a number unless it is none; `None` where
    /// it has to know by itself. Enterprise Gateway knows only of the `env` stanza.
    #[must_use]
    pub fn launch_timeout(&self) -> Option<Value> {
        if self.system == System::GatewayProvisioners {
            return self.config.get("launch_timeout").cloned();
        }
        let text = self.kernel_json.env.get(variable::KERNEL_LAUNCH_TIMEOUT)?;
        let number = text.trim().parse().ok().map(Value::Number);
        Some(number.unwrap_or_else(|| text.as_str().into()))
    }

    /// What `argv` gives as the value of an option of the launcher, in the spelling of either system.
    #[must_use]
    pub fn argument(&self, name: &str) -> Option<&str> {
        let argv = &self.kernel_json.argv;
        argv.iter().enumerate().find_map(|(number, word)| {
            let option = word.strip_prefix("--")?;
            let option = option.strip_prefix(GATEWAY_SPELLING).unwrap_or(option);
            match option.strip_prefix(name)? {
                "" => argv.get(number + 1).map(String::as_str),
                rest => rest.strip_prefix('='),
            }
        })
    }

    /// What the launcher has to be told and the server can tell it only by `argv`, which does not ask
    /// for it.
    #[must_use]
    pub fn not_asked_for(&self) -> Vec<&'static str> {
        let is_there =
            |place: &&str| self.kernel_json.argv.iter().any(|word| word.contains(*place));
        PLACES.into_iter().filter(|place| !is_there(place)).collect()
    }

    /// The file that `argv` runs, with whether a Python runs it; `None` if `argv` is empty.
    #[must_use]
    pub fn launcher(&self) -> Option<(&Path, bool)> {
        let [first, rest @ ..] = &*self.kernel_json.argv else { return None };
        let is_script = |word: &&String| Path::new(word).extension().is_some_and(|e| e == "py");
        match rest.first().filter(is_script) {
            Some(script) => Some((Path::new(script), true)),
            None => Some((Path::new(first), false)),
        }
    }
}

#[cfg(test)]
mod tests {
    use fs_err as fs;

    use super::*;
    use crate::server::System::{EnterpriseGateway, GatewayProvisioners};

    fn read(text: &str) -> Result<Option<Installed>> {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(KERNEL_JSON), text).unwrap();
        Installed::read(directory.path())
    }

    #[test]
    fn both_systems_and_both_modes_are_told_apart() {
        let provisioner = |name| {
            format!(r#"{{"metadata": {{"kernel_provisioner": {{"provisioner_name": "{name}"}}}}}}"#)
        };
        let proxy = |class| {
            format!(r#"{{"metadata": {{"process_proxy": {{"class_name": "a.b.{class}"}}}}}}"#)
        };
        for (text, expected) in [
            (provisioner("docker-provisioner"), Some((GatewayProvisioners, Mode::Docker))),
            (provisioner("docker-swarm-provisioner"), Some((GatewayProvisioners, Mode::Swarm))),
            (
                provisioner("reporting-docker-provisioner"),
                Some((GatewayProvisioners, Mode::Docker)),
            ),
            (provisioner("local-provisioner"), None),
            (proxy("DockerProcessProxy"), Some((EnterpriseGateway, Mode::Docker))),
            (proxy("MyDockerSwarmProcessProxy"), Some((EnterpriseGateway, Mode::Swarm))),
            (
                proxy("ReportingDockerProcessProxy")
                    .replace("a.b", "jupyter_docker_spec.process_proxies"),
                Some((EnterpriseGateway, Mode::Docker)),
            ),
            (proxy("KubernetesProcessProxy"), None),
            ("{}".to_owned(), None),
        ] {
            let found = read(&text).unwrap().map(|spec| (spec.system, spec.mode));
            assert_eq!(found, expected, "{text}");
            let shows = read(&text).unwrap().is_some_and(|spec| spec.shows_launch_errors);
            assert_eq!(shows, text.contains("eporting"), "{text}");
        }
        assert!(read("{").unwrap_err().to_string().starts_with("could not understand"));
    }

    #[test]
    fn settings_are_read_in_the_spelling_of_each_system() {
        let spec = read(
            r#"{"argv": ["python", "/k/launch_docker.py", "--RemoteProcessProxy.kernel-id",
                    "{kernel_id}", "--kernel-class-name=a.B", "--port-range"],
                "metadata": {"process_proxy": {"class_name": "DockerProcessProxy",
                    "config": {"image_name": "i:1", "authorized_users": "a, b,", "other": ["c"]}}}}"#,
        )
        .unwrap()
        .unwrap();
        assert_eq!(spec.image(), Some("i:1"));
        assert_eq!(spec.names("authorized_users").unwrap(), ["a", "b"]);
        assert_eq!(spec.names("other").unwrap(), ["c"]);
        assert_eq!(spec.names("unauthorized_users"), None);
        for (list, expected) in [
            (r"[]", &[][..]),
            (r#""""#, &[]),
            // Nobody is called so, and nobody else may.
            (r#"[""]"#, &[""]),
            (r#"[" ", ""]"#, &[""]),
            (r#"" ,""#, &[""]),
            (r#"["", "a"]"#, &["a"]),
        ] {
            let text = format!(
                r#"{{"metadata": {{"process_proxy": {{"class_name": "a.DockerProcessProxy", "config": {{"x": {list}}}}}}}}}"#
            );
            assert_eq!(read(&text).unwrap().unwrap().names("x").unwrap(), expected, "{list}");
        }
        assert_eq!(spec.launcher(), Some((Path::new("/k/launch_docker.py"), true)));
        assert_eq!(spec.argument("kernel-id"), Some("{kernel_id}"));
        assert_eq!(spec.argument("kernel-class-name"), Some("a.B"));
        assert_eq!(spec.argument("port-range"), None);
        assert_eq!(spec.argument("kernel"), None);
    }

    #[test]
    fn what_a_server_cannot_tell_the_launcher_is_named() {
        let spec = |argv: &str| {
            let text = format!(
                r#"{{"argv": [{argv}], "metadata": {{"kernel_provisioner": {{"provisioner_name": "docker-provisioner"}}}}}}"#
            );
            read(&text).unwrap().unwrap().not_asked_for()
        };
        let all = ["{kernel_id}", "{response_address}", "{public_key}"];
        assert_eq!(spec("\"l\", \"--kernel-id\", \"kernel_id\""), all);
        assert_eq!(
            spec(r#""l", "--kernel-id={kernel_id}", "--of", "x{response_address}""#),
            ["{public_key}"]
        );
        assert_eq!(spec(r#""l", "{kernel_id}{response_address}", "{public_key}""#), [""; 0]);
    }
}
