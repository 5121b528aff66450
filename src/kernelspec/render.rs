//! From settings to the files of a kernelspec. Pure: nothing is read or written here.
//!
//! `kernel.json` follows `jupyter_client`'s "Kernel specs" and what `gateway_provisioners` puts
//! below `metadata.kernel_provisioner`, or Enterprise Gateway below `metadata.process_proxy`. It is built as a value, so that no character of a name can
//! change its structure. Jupyter shows it to every browser: nothing secret belongs in it, and what
//! stands below `config` becomes arguments of the provisioner.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Not;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::launcher::LauncherFile;
use super::store::File;
use crate::layout::{self, KERNEL_JSON, OPTIONS};
use crate::server::{DEFAULT_LAUNCH_TIMEOUT, System};
use crate::setting::variable;
use crate::settings::{DEFAULT_KERNEL_CLASS, Settings};
use crate::templates;

/// The Python module of Enterprise Gateway's classes.
const PROXY_MODULE: &str = "enterprise_gateway.services.processproxies.docker_swarm";

/// `kernel.json`, with its keys in the order in which the Python tool writes them.
#[derive(Debug, Serialize)]
pub struct KernelJson<'a> {
    argv: Vec<String>,
    env: BTreeMap<&'static str, String>,
    display_name: &'a str,
    language: &'static str,
    interrupt_mode: &'static str,
    metadata: Metadata<'a>,
    kernel_protocol_version: &'static str,
}

#[derive(Debug, Serialize)]
struct Metadata<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    supported_encryption: Option<[&'static str; 1]>,
    #[serde(skip_serializing_if = "Not::not")]
    debugger: bool,
    #[serde(flatten)]
    stanza: Stanza<'a>,
}

/// Where a system looks for what concerns itself.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Stanza<'a> {
    KernelProvisioner(Provisioner<'a>),
    ProcessProxy(Proxy<'a>),
}

#[derive(Debug, Serialize)]
struct Provisioner<'a> {
    provisioner_name: String,
    config: Config<'a>,
}

#[derive(Debug, Serialize)]
struct Proxy<'a> {
    class_name: String,
    config: ProxyConfig<'a>,
}

#[derive(Debug, Serialize)]
struct Config<'a> {
    image_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    executor_image_name: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    authorized_users: &'a BTreeSet<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unauthorized_users: Option<&'a BTreeSet<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port_range: Option<String>,
    launch_timeout: u32,
}

/// The names of users are texts with commas here. There is no launch timeout: Enterprise Gateway
/// takes it from the environment of the kernel.
#[derive(Debug, Serialize)]
struct ProxyConfig<'a> {
    image_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    executor_image_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorized_users: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unauthorized_users: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port_range: Option<String>,
}

impl<'a> KernelJson<'a> {
    /// The `kernel.json` of a kernel that is started by `command`, the words before the launcher's
    /// own options.
    #[must_use]
    pub fn new(settings: &'a Settings, command: Vec<String>) -> Self {
        let gateway = settings.system == System::EnterpriseGateway;
        Self {
            argv: argv(settings, command),
            env: environment(settings),
            display_name: &settings.display_name,
            language: settings.language.name(),
            interrupt_mode: "signal",
            metadata: Metadata {
                // The Python kernels are those that can be given curve keys, and Enterprise Gateway
                // has none to give.
                supported_encryption: (settings.kernel_class.is_some() && !gateway)
                    .then_some(["curve"]),
                debugger: settings.kernel_class.is_some() || !gateway,
                stanza: match settings.system {
                    System::GatewayProvisioners => Stanza::KernelProvisioner(provisioner(settings)),
                    System::EnterpriseGateway => Stanza::ProcessProxy(proxy(settings)),
                },
            },
            kernel_protocol_version: "",
        }
    }

    /// The text of the file.
    ///
    /// # Errors
    /// Never for these types; the serialiser's signature has one.
    pub fn text(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }
}

/// The command: what each server has a value for, in the server's spelling.
fn argv(settings: &Settings, command: Vec<String>) -> Vec<String> {
    let mut argv = command;
    let prefix = settings.system.facts().spelling;
    for name in ["kernel-id", "port-range", "response-address", "public-key"] {
        argv.extend([format!("--{prefix}{name}"), placeholder(name)]);
    }
    let Some(class) = &settings.kernel_class else { return argv };
    match settings.system {
        System::GatewayProvisioners => {
            argv.extend(["--transport-encryption".into(), placeholder("transport-encryption")]);
            argv.extend(["--kernel-class-name".into(), class.clone()]);
        }
        System::EnterpriseGateway if class != DEFAULT_KERNEL_CLASS => {
            argv.extend(["--kernel-class-name".into(), class.clone()]);
        }
        System::EnterpriseGateway => {}
    }
    argv
}

/// The `env` stanza. Enterprise Gateway's own launch timeout counts where none was asked for.
fn environment(settings: &Settings) -> BTreeMap<&'static str, String> {
    let gateway = settings.system == System::EnterpriseGateway;
    let timeout = settings.launch_timeout.filter(|_| gateway);
    timeout.iter().map(|seconds| (variable::KERNEL_LAUNCH_TIMEOUT, seconds.to_string())).collect()
}

fn provisioner(settings: &Settings) -> Provisioner<'_> {
    let facts = settings.system.facts();
    let prefix = if settings.show_launch_errors { facts.reporting } else { "" };
    Provisioner {
        provisioner_name: format!("{prefix}{}", facts.starter(settings.mode)),
        config: Config {
            image_name: &settings.image_name,
            executor_image_name: settings.executor_image_name.as_deref(),
            authorized_users: &settings.authorized_users,
            unauthorized_users: settings.unauthorized_users.as_ref(),
            port_range: settings.port_range.map(|range| range.to_string()),
            launch_timeout: settings.launch_timeout.unwrap_or(DEFAULT_LAUNCH_TIMEOUT).get(),
        },
    }
}

fn proxy(settings: &Settings) -> Proxy<'_> {
    let facts = settings.system.facts();
    let module = if settings.show_launch_errors {
        format!("{}.{}", facts.reporting_module, facts.reporting)
    } else {
        format!("{PROXY_MODULE}.")
    };
    Proxy {
        class_name: format!("{module}{}", facts.starter(settings.mode)),
        config: ProxyConfig {
            image_name: &settings.image_name,
            executor_image_name: settings.executor_image_name.as_deref(),
            authorized_users: joined(&settings.authorized_users),
            unauthorized_users: settings.unauthorized_users.as_ref().and_then(joined),
            port_range: settings.port_range.map(|range| range.to_string()),
        },
    }
}

/// The names of users as Enterprise Gateway has them; `None` if there are none.
pub(super) fn joined(names: &BTreeSet<String>) -> Option<String> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    (!names.is_empty()).then(|| names.join(","))
}

/// What the server replaces by the value of the option: `{kernel_id}` for `kernel-id`.
fn placeholder(option: &str) -> String {
    format!("{{{}}}", option.replace('-', "_"))
}

/// All files of the specification that will lie in `destination`, `kernel.json` last.
///
/// # Errors
/// When the path of the launcher in `destination` cannot be written in JSON, that is, is not UTF-8.
pub fn files(settings: &Settings, launcher: LauncherFile, destination: &Path) -> Result<Vec<File>> {
    let script = layout::script(&launcher.name);
    let path =
        destination.join(&script).into_os_string().into_string().ok().with_context(|| {
            format!("`{}` is not UTF-8 and cannot be named in kernel.json", destination.display())
        })?;
    let command = launcher.interpreter.map(str::to_owned).into_iter().chain([path]).collect();

    let mut files: Vec<File> = templates::resources(settings.language, settings.mode)
        .map(|(name, content)| File::data(name, content))
        .collect();
    files.push(File { path: script, content: launcher.content, executable: true });
    if let Some(options) = &settings.options {
        files.push(File::data(layout::script(OPTIONS), options.clone().into_bytes()));
    }
    let kernel_json = KernelJson::new(settings, command).text()?;
    files.push(File::data(KERNEL_JSON, kernel_json.into_bytes()));
    Ok(files)
}
