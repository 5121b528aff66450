//! From settings to the files of a kernelspec. Pure: nothing is read or written here.
//!
//! `kernel.json` follows `jupyter_client`'s "Kernel specs" and what `gateway_provisioners` puts
//! below `metadata.kernel_provisioner`. It is built as a value, so that no character of a name can
//! change its structure. Jupyter shows it to every browser: nothing secret belongs in it, and what
//! stands below `config` becomes arguments of the provisioner.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::launcher::LauncherFile;
use super::store::{Content, File, Tree};
use crate::launcher::spec::OPTIONS;
use crate::settings::{Mode, Settings};
use crate::templates;

/// `kernel.json`, with its keys in the order in which the Python tool writes them.
#[derive(Debug, Serialize)]
pub struct KernelJson<'a> {
    argv: Vec<String>,
    env: serde_json::Map<String, serde_json::Value>,
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
    debugger: bool,
    kernel_provisioner: Provisioner<'a>,
}

#[derive(Debug, Serialize)]
struct Provisioner<'a> {
    provisioner_name: &'static str,
    config: Config<'a>,
}

#[derive(Debug, Serialize)]
struct Config<'a> {
    image_name: &'a str,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    authorized_users: &'a BTreeSet<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unauthorized_users: Option<&'a BTreeSet<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port_range: Option<String>,
    launch_timeout: u32,
}

impl<'a> KernelJson<'a> {
    /// The `kernel.json` of a kernel that is started by `command`, the words before the launcher's
    /// own options.
    #[must_use]
    pub fn new(settings: &'a Settings, command: Vec<String>) -> Self {
        let mut argv = command;
        for name in ["kernel-id", "port-range", "response-address", "public-key"] {
            argv.extend([format!("--{name}"), placeholder(name)]);
        }
        if let Some(class) = &settings.kernel_class {
            argv.extend(["--transport-encryption".into(), placeholder("transport-encryption")]);
            argv.extend(["--kernel-class-name".into(), class.clone()]);
        }
        Self {
            argv,
            env: serde_json::Map::new(),
            display_name: &settings.display_name,
            language: settings.language.name(),
            interrupt_mode: "signal",
            metadata: Metadata {
                // The Python kernels are those that can be given curve keys.
                supported_encryption: settings.kernel_class.is_some().then_some(["curve"]),
                debugger: true,
                kernel_provisioner: Provisioner {
                    provisioner_name: match settings.mode {
                        Mode::Docker => "docker-provisioner",
                        Mode::Swarm => "docker-swarm-provisioner",
                    },
                    config: Config {
                        image_name: &settings.image_name,
                        authorized_users: &settings.authorized_users,
                        unauthorized_users: settings.unauthorized_users.as_ref(),
                        port_range: settings.port_range.map(|range| range.to_string()),
                        launch_timeout: settings.launch_timeout.get(),
                    },
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

/// What the server replaces by the value of the option: `{kernel_id}` for `kernel-id`.
fn placeholder(option: &str) -> String {
    format!("{{{}}}", option.replace('-', "_"))
}

/// All files of the specification that will lie in `destination`, `kernel.json` last.
///
/// # Errors
/// When the path of the launcher in `destination` cannot be written in JSON, that is, is not UTF-8.
pub fn tree(settings: &Settings, launcher: LauncherFile, destination: &Path) -> Result<Tree> {
    let script = Path::new("scripts").join(&launcher.name);
    let path =
        destination.join(&script).into_os_string().into_string().ok().with_context(|| {
            format!("`{}` is not UTF-8 and cannot be named in kernel.json", destination.display())
        })?;
    let command = launcher.interpreter.map(str::to_owned).into_iter().chain([path]).collect();

    let mut files: Vec<File> = templates::resources(settings.language, settings.mode)
        .map(|(name, content)| File::data(name, content))
        .collect();
    files.push(File { path: script, content: launcher.content, executable: true });
    if let Some((name, content)) = launcher.companion {
        files.push(File::data(Path::new("scripts").join(name), content.as_bytes()));
    }
    if let Some(options) = &settings.options {
        files.push(File {
            path: Path::new("scripts").join(OPTIONS),
            content: Content::Bytes(options.clone().into_bytes().into()),
            executable: false,
        });
    }
    let kernel_json = KernelJson::new(settings, command).text()?;
    files.push(File {
        path: "kernel.json".into(),
        content: Content::Bytes(kernel_json.into_bytes().into()),
        executable: false,
    });
    Ok(Tree { files })
}
