//! The format of `kernel.json`, for reading and writing.
//!
//! It follows `jupyter_client`'s "Kernel specs", and what `gateway_provisioners` expects below
//! `metadata.kernel_provisioner`, or Enterprise Gateway below `metadata.process_proxy`. It is serialised from a
//! value, so that no character of a name can change its structure. Jupyter shows it to every browser: it must
//! not contain secrets, and everything below `config` becomes an argument of the provisioner.

use std::collections::BTreeMap;
use std::ops::Not;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::specification::{CONFIG, Specification};
use crate::files;
use crate::layout::{self, KERNEL_JSON, NATIVE, OPTIONS};
use crate::model::Mode;
use crate::options::{BRING_BOOTSTRAP, Options, node};
use crate::server::{CONNECTION_FILE, Facts, System};
use crate::setting::variable;
use crate::templates;

/// The keys have the order of the Python tool. Missing values are empty, as in `jupyter_client`.
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
struct KernelJson {
    argv: Vec<String>,
    env: BTreeMap<String, String>,
    display_name: String,
    language: String,
    interrupt_mode: String,
    metadata: Metadata,
    #[serde(skip_deserializing)]
    kernel_protocol_version: String,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
struct Metadata {
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    supported_encryption: Option<[&'static str; 1]>,
    #[serde(skip_deserializing, skip_serializing_if = "Not::not")]
    debugger: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel_provisioner: Option<Provisioner>,
    #[serde(skip_serializing_if = "Option::is_none")]
    process_proxy: Option<Proxy>,
    #[serde(skip_deserializing, flatten)]
    of_image: Map<String, Value>,
}

#[derive(Deserialize, Serialize)]
struct Provisioner {
    #[serde(default)]
    provisioner_name: String,
    #[serde(default, serialize_with = "in_order")]
    config: BTreeMap<String, Value>,
}

#[derive(Deserialize, Serialize)]
struct Proxy {
    #[serde(default)]
    class_name: String,
    #[serde(default, serialize_with = "in_order")]
    config: BTreeMap<String, Value>,
}

fn in_order<S: Serializer>(config: &BTreeMap<String, Value>, to: S) -> Result<S::Ok, S::Error> {
    let mut members: Vec<_> = config.iter().collect();
    members.sort_by_key(|(name, _)| CONFIG.iter().position(|known| known == name));
    to.collect_map(members)
}

impl Specification {
    /// Writes the `kernel.json` of a new specification.
    pub fn into_text(self) -> serde_json::Result<String> {
        let is_python = self.is_python();
        let facts = self.system.facts();
        let (module, prefix) = if self.shows_launch_errors {
            (facts.reporting_module, facts.reporting)
        } else {
            (facts.module, "")
        };
        let starter = format!("{prefix}{}", facts.starter(self.mode));
        let config = self.config;
        // Only Python kernels accept curve keys, and Enterprise Gateway has none.
        let mut metadata = Metadata {
            supported_encryption: is_python.then_some(["curve"]),
            debugger: is_python,
            ..Metadata::default()
        };
        match self.system {
            System::EnterpriseGateway => {
                metadata.supported_encryption = None;
                let class_name = format!("{module}.{starter}");
                metadata.process_proxy = Some(Proxy { class_name, config });
            }
            System::GatewayProvisioners => {
                metadata.debugger = true;
                let provisioner = Provisioner { provisioner_name: starter, config };
                metadata.kernel_provisioner = Some(provisioner);
            }
            System::Local if self.shows_launch_errors => {
                let provisioner = Provisioner { provisioner_name: starter, config };
                metadata.kernel_provisioner = Some(provisioner);
            }
            System::Local => {}
        }
        let mut kernel_protocol_version = String::new();
        if let Some((of_image, version)) = self.of_image {
            let Metadata { kernel_provisioner, process_proxy, .. } = metadata;
            metadata =
                Metadata { kernel_provisioner, process_proxy, of_image, ..Metadata::default() };
            kernel_protocol_version = version;
        }
        let kernel_json = KernelJson {
            argv: self.argv,
            env: self.env,
            display_name: self.display_name,
            language: self.language,
            interrupt_mode: self.interrupt_mode,
            metadata,
            kernel_protocol_version,
        };
        serde_json::to_string_pretty(&kernel_json).map(|text| text + "\n")
    }

    /// Returns `None` if the kernels do not run in Docker.
    pub fn read(directory: &Path) -> Result<Option<Self>> {
        let text = files::read(&directory.join(KERNEL_JSON))?;
        let mut spec = Self::parse(directory, &text)?;
        if let Some(spec) = &mut spec {
            let text = files::read(&directory.join(layout::script(OPTIONS))).ok();
            // Reading the comments of an unedited file takes longer than all else that `list` does with a specification.
            let edited = text.as_deref().filter(|text| *text != templates::options().as_bytes());
            spec.add_options(edited.and_then(|text| str::from_utf8(text).ok()).unwrap_or_default());
            spec.options_file = text;
        }
        Ok(spec)
    }

    /// Reads the text of a `kernel.json`. What only `launch_docker.toml` says is missing: see
    /// [`add_options`](Self::add_options).
    pub fn parse(directory: &Path, text: &[u8]) -> Result<Option<Self>> {
        // Checking UTF-8 once is faster than for each value; the slow way names the position of an error.
        let parsed = match std::str::from_utf8(text) {
            Ok(text) => serde_json::from_str(text),
            Err(_) => serde_json::from_slice(text),
        };
        let kernel_json: KernelJson = parsed.with_context(|| {
            format!("could not understand `{}`", directory.join(KERNEL_JSON).display())
        })?;
        let Metadata { kernel_provisioner, process_proxy, .. } = kernel_json.metadata;
        let is_of_ours = |stanza: &Provisioner| {
            let Facts { reporting, starters, .. } = System::Local.facts();
            stanza.provisioner_name.strip_prefix(reporting) == Some(starters[0].0)
        };
        let is_local_of_ours = kernel_provisioner.as_ref().is_some_and(is_of_ours);
        let is_of_server =
            !is_local_of_ours && (kernel_provisioner.is_some() || process_proxy.is_some());
        let provisioner = kernel_provisioner.and_then(|stanza| {
            let system = System::GatewayProvisioners;
            let of_ours = stanza.provisioner_name.strip_prefix(system.facts().reporting);
            let given = of_ours.unwrap_or(&stanza.provisioner_name);
            let (_, mode) = system.facts().starters.into_iter().find(|(name, _)| *name == given)?;
            Some((system, mode, of_ours.is_some(), stanza.config))
        });
        let proxy = process_proxy.and_then(|stanza| {
            let system = System::EnterpriseGateway;
            let (module, class) =
                stanza.class_name.rsplit_once('.').unwrap_or(("", &stanza.class_name));
            // The class may be derived, and in another module.
            let mut starters = system.facts().starters.into_iter();
            let (_, mode) = starters.find(|(name, _)| class.ends_with(name))?;
            let is_ours = module == system.facts().reporting_module;
            Some((system, mode, is_ours, stanza.config))
        });
        let local = || {
            let is_local = !is_of_server && is_local(&kernel_json.argv);
            is_local.then(|| (System::Local, Mode::Docker, is_local_of_ours, BTreeMap::new()))
        };
        let found = provisioner.or(proxy).or_else(local);
        Ok(found.map(|(system, mode, shows_launch_errors, config)| Self {
            directory: directory.to_path_buf(),
            argv: kernel_json.argv,
            env: kernel_json.env,
            display_name: kernel_json.display_name,
            language: kernel_json.language,
            system,
            mode,
            shows_launch_errors,
            config,
            local_image: None,
            interrupt_mode: kernel_json.interrupt_mode,
            of_image: None,
            engine: None,
            options_file: None,
            brings_bootstrap: false,
        }))
    }

    /// Names what only a kernelspec of an image can have said, with the text of the `kernel.json`.
    #[must_use]
    pub fn taken_of_image(&self, text: &[u8]) -> Vec<String> {
        let known: Value = serde_json::from_slice(text).unwrap_or_default();
        if self.system != System::Local {
            return Vec::new();
        }
        let is_python = self.is_python();
        let is_ours = |name: &str, value: &Value| match name {
            "kernel_provisioner" | "process_proxy" => true,
            "supported_encryption" => is_python && *value == json!(["curve"]),
            "debugger" => is_python && *value == json!(true),
            _ => false,
        };
        let mode = known["interrupt_mode"] == "message";
        let mode = mode.then(|| "interrupt_mode".to_owned());
        let metadata = known["metadata"].as_object().into_iter().flatten();
        let metadata = metadata.filter(|(name, value)| !is_ours(name, value));
        let version = known["kernel_protocol_version"].as_str().is_some_and(|it| !it.is_empty());
        let version = version.then(|| "kernel_protocol_version".to_owned());
        let metadata = metadata.map(|(name, _)| format!("metadata.{name}"));
        mode.into_iter().chain(metadata).chain(version).collect()
    }

    /// Notes what `launch_docker.toml` says of the specification itself.
    pub fn add_options(&mut self, text: &str) {
        // What is wrong with it is said where it is checked.
        let options = Options::parse("", text).unwrap_or_default();
        if self.system != System::Local {
            self.brings_bootstrap = options.is_on(BRING_BOOTSTRAP);
            return;
        }
        let text = |key| match options.get(key).map(|node| &node.value) {
            Some(node::Value::Text(text)) if !text.is_empty() => Some(text.clone()),
            _ => None,
        };
        (self.local_image, self.engine) = (text("image"), text("engine"));
    }

    /// The values that options of `install` write, except those in `argv`, with their paths in `kernel.json`.
    pub(super) fn values(&self) -> impl Iterator<Item = (Vec<&'static str>, Option<Value>)> {
        let stanza = match self.system {
            System::GatewayProvisioners => Some("kernel_provisioner"),
            System::EnterpriseGateway => Some("process_proxy"),
            System::Local => None,
        };
        let timeout = variable::KERNEL_LAUNCH_TIMEOUT;
        let in_config = stanza.into_iter().flat_map(move |stanza| {
            CONFIG.into_iter().map(move |name| {
                (vec!["metadata", stanza, "config", name], self.config.get(name).cloned())
            })
        });
        in_config.chain([
            (vec!["display_name"], Some(Value::from(&*self.display_name))),
            (vec!["env", timeout], self.env.get(timeout).map(|seconds| Value::from(&**seconds))),
        ])
    }
}

/// Whether this runs our launcher as a kernel.
fn is_local(argv: &[String]) -> bool {
    let [option, _] = CONNECTION_FILE;
    let Some((launcher, words)) = argv.split_first() else { return false };
    Path::new(launcher).file_name().is_some_and(|name| name == NATIVE)
        && words.iter().any(|word| word == option)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::System::{EnterpriseGateway, GatewayProvisioners, Local};

    fn parsed(text: &str) -> Result<Option<Specification>> {
        Specification::parse(Path::new("/k"), text.as_bytes())
    }

    #[test]
    fn systems_and_modes_are_told_apart() {
        let provisioner = |name| {
            format!(r#"{{"metadata": {{"kernel_provisioner": {{"provisioner_name": "{name}"}}}}}}"#)
        };
        let proxy = |class| {
            format!(r#"{{"metadata": {{"process_proxy": {{"class_name": "a.b.{class}"}}}}}}"#)
        };
        let argv = |words: &str| format!(r#"{{"argv": [{words}]}}"#);
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
            (
                argv(r#""/k/scripts/launch_docker", "--connection-file", "{connection_file}""#),
                Some((Local, Mode::Docker)),
            ),
            (
                argv(r#""launch_docker", "-x", "--connection-file", "f""#),
                Some((Local, Mode::Docker)),
            ),
            (argv(r#""/k/launch_docker.py", "--connection-file", "{connection_file}""#), None),
            (argv(r#""/k/launch_docker", "--connection-file={connection_file}""#), None),
            (argv(r#""/k/launch_docker", "--kernel-id", "{kernel_id}""#), None),
            (argv(r#""python", "-f", "{connection_file}""#), None),
            (
                provisioner("reporting-local-provisioner").replacen(
                    '{',
                    &argv(r#""launch_docker", "--connection-file""#).replace('}', ", "),
                    1,
                ),
                Some((Local, Mode::Docker)),
            ),
            (
                provisioner("local-provisioner").replacen(
                    '{',
                    &argv(r#""launch_docker", "--connection-file""#).replace('}', ", "),
                    1,
                ),
                None,
            ),
            ("{}".to_owned(), None),
        ] {
            let spec = parsed(&text).unwrap();
            assert_eq!(spec.as_ref().map(|spec| (spec.system, spec.mode)), expected, "{text}");
            let shows = spec.as_ref().is_some_and(|spec| spec.shows_launch_errors);
            assert_eq!(shows, text.contains("eporting"), "{text}");
            // Writing it gives the same again.
            if let Some(spec) = spec {
                let text = spec.clone().into_text().unwrap();
                assert_eq!(parsed(&text).unwrap(), Some(spec), "{text}");
            }
        }
        assert!(parsed("{").unwrap_err().to_string().starts_with("could not understand"));
    }

    #[test]
    fn the_image_of_one_that_is_of_no_server_is_in_the_file_of_the_launcher() {
        let text = r#"{"argv": ["/k/launch_docker", "--connection-file", "{connection_file}"]}"#;
        let mut spec = parsed(text).unwrap().unwrap();
        assert_eq!((spec.image(), spec.missing_placeholders()), (None, vec![]));
        for (text, image) in [
            ("image = 'i:1'\ncpus = 1", Some("i:1")),
            ("image = ''", None),
            ("image = 1", None),
            ("cpus = 1", None),
            ("image = ", None),
        ] {
            spec.add_options(text);
            assert_eq!(spec.image(), image, "{text}");
        }
        // Some applications fill in nothing but a word.
        spec.argv[2] = "x{connection_file}".to_owned();
        assert_eq!(spec.missing_placeholders(), ["{connection_file}"]);
        let provisioner =
            r#"{"metadata": {"kernel_provisioner": {"provisioner_name": "docker-provisioner"}}}"#;
        let mut spec = parsed(provisioner).unwrap().unwrap();
        spec.add_options("image = 'i:1'");
        assert_eq!(spec.image(), None);
    }
}
