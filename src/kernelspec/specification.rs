//! The model of `kernel.json`, which `install` writes, `set` and `convert` change, and everything else reads. No
//! other module knows where each server expects a value, and in which form:
//!
//! | | gateway_provisioners | Enterprise Gateway | none (`--local`) |
//! | --- | --- | --- | --- |
//! | image | `config` of the provisioner | `config` of the process proxy | `launch_docker.toml` |
//! | ports | the same | the same | the application's |
//! | users | `config`, a list | `config`, one string with commas | - |
//! | launch timeout | `config`, a number | `env`, a string | - |
//! | class of a Python kernel | `argv` | `argv`, unless it is the default | `launch_docker.toml` |

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::env::Env;
use crate::model::{Language, Mode};
use crate::server::{CONNECTION_FILE, DEFAULT_LAUNCH_TIMEOUT, GATEWAY_SPELLING, System};
use crate::setting::variable;
use crate::settings::changed::Changed;
use crate::settings::{DEFAULT_KERNEL_CLASS, Settings};

const IMAGE: &str = "image_name";
const EXECUTOR_IMAGE: &str = "executor_image_name";
const AUTHORIZED_USERS: &str = "authorized_users";
const UNAUTHORIZED_USERS: &str = "unauthorized_users";
const PORT_RANGE: &str = "port_range";
const LAUNCH_TIMEOUT: &str = "launch_timeout";

/// The keys of `config` that options of `install` write, in the order of the Python tool.
pub(super) const CONFIG: [&str; 6] =
    [IMAGE, EXECUTOR_IMAGE, AUTHORIZED_USERS, UNAUTHORIZED_USERS, PORT_RANGE, LAUNCH_TIMEOUT];

/// The launcher's option for the class of a Python kernel.
const CLASS: &str = "kernel-class-name";

/// The placeholders of `argv` that every kernel of a server needs, for either: its id, where it answers, and the key
/// that encrypts the answer.
const PLACEHOLDERS: [&str; 3] = ["{kernel_id}", "{response_address}", "{public_key}"];

/// A specification whose kernels run in Docker.
#[derive(Clone, Debug, PartialEq)]
pub struct Specification {
    pub directory: PathBuf,
    pub argv: Vec<String>,
    pub env: BTreeMap<String, String>,
    pub display_name: String,
    /// Lower or upper case.
    pub language: String,
    pub system: System,
    pub mode: Mode,
    /// Whether the user is told why a launch failed.
    pub shows_launch_errors: bool,
    /// The settings of the provisioner or process proxy.
    pub config: BTreeMap<String, Value>,
    /// The image that `launch_docker.toml` names, for a specification that is of no server.
    pub local_image: Option<String>,
    /// `signal` or `message`; empty if nothing is said, which is the same as `signal`.
    pub interrupt_mode: String,
    /// What a kernelspec of the image says for front ends and servers, in the place of what is known of the language;
    /// and the version of the protocol that it names. It is only written.
    pub of_image: Option<(Map<String, Value>, String)>,
    /// The engine that it names, for the same.
    pub engine: Option<String>,
    /// The text of its `launch_docker.toml`, if that can be read.
    pub options_file: Option<Vec<u8>>,
    /// Whether a kernel of a server is started by our bootstrap, as `launch_docker.toml` says: not by that of the image.
    pub brings_bootstrap: bool,
}

impl Specification {
    /// Makes a specification of the settings; `command` is the start of `argv`, before the launcher's options.
    #[must_use]
    pub fn new(settings: &Settings, directory: &Path, command: Vec<String>) -> Self {
        let mut spec = Self {
            directory: directory.to_path_buf(),
            argv: command,
            env: BTreeMap::new(),
            display_name: String::new(),
            language: settings.language.name().to_owned(),
            system: settings.system,
            mode: settings.mode,
            shows_launch_errors: settings.show_launch_errors,
            config: BTreeMap::new(),
            local_image: None,
            interrupt_mode: "signal".to_owned(),
            of_image: None,
            engine: None,
            options_file: None,
            brings_bootstrap: false,
        };
        if spec.system == System::Local {
            // Each is a word of its own: some clients fill in nothing else.
            spec.argv.extend(CONNECTION_FILE.map(str::to_owned));
            spec.display_name.clone_from(&settings.display_name);
            spec.local_image = Some(settings.image_name.clone());
            spec.take_of_image(settings);
            return spec;
        }
        spec.take_of_image(settings);
        // The options that the server fills in.
        let prefix = spec.system.facts().spelling;
        let of_gp = spec.system == System::GatewayProvisioners;
        let encryption = (of_gp && spec.is_python()).then_some("transport-encryption");
        let options = ["kernel-id", "port-range", "response-address", "public-key"];
        for name in options.into_iter().chain(encryption) {
            let placeholder = format!("{{{}}}", name.replace('-', "_"));
            spec.argv.extend([format!("--{prefix}{name}"), placeholder]);
        }
        // Without one, Enterprise Gateway uses its own timeout.
        let default = of_gp.then_some(DEFAULT_LAUNCH_TIMEOUT);
        spec.change(Changed {
            image_name: Some(settings.image_name.clone()),
            display_name: Some(settings.display_name.clone()),
            executor_image_name: Some(settings.executor_image_name.clone()),
            authorized_users: Some(settings.authorized_users.clone()),
            unauthorized_users: Some(settings.unauthorized_users.clone()),
            port_range: Some(settings.port_range),
            launch_timeout: Some(settings.launch_timeout.or(default)),
            kernel_class: settings.kernel_class.clone(),
            kernel_command: None,
        });
        spec
    }

    /// Takes what a kernelspec of the image says.
    fn take_of_image(&mut self, settings: &Settings) {
        if let Some(found) = &settings.of_image {
            self.interrupt_mode.clone_from(&found.interrupt_mode);
            self.of_image = Some((found.metadata.clone(), found.protocol_version.clone()));
        }
    }

    pub fn change(&mut self, changed: Changed) {
        let of_gateway = self.system == System::EnterpriseGateway;
        let users = |users: BTreeSet<String>| match Vec::from_iter(users) {
            users if users.is_empty() => None,
            users if of_gateway => Some(users.join(",").into()),
            users => Some(users.into()),
        };
        let config = [
            (IMAGE, changed.image_name.map(|image| Some(image.into()))),
            (EXECUTOR_IMAGE, changed.executor_image_name.map(|image| image.map(Value::from))),
            (AUTHORIZED_USERS, changed.authorized_users.map(users)),
            (UNAUTHORIZED_USERS, changed.unauthorized_users.map(|given| users(given?))),
            (PORT_RANGE, changed.port_range.map(|range| Some(range?.to_string().into()))),
        ];
        for (name, value) in config {
            if let Some(value) = value {
                set(&mut self.config, name, value);
            }
        }
        match changed.launch_timeout.map(|seconds| seconds.map(NonZeroU32::get)) {
            Some(seconds) if of_gateway => {
                let seconds = seconds.map(|seconds| seconds.to_string());
                set(&mut self.env, variable::KERNEL_LAUNCH_TIMEOUT, seconds);
            }
            Some(seconds) => set(&mut self.config, LAUNCH_TIMEOUT, seconds.map(Value::from)),
            None => {}
        }
        if let Some(name) = changed.display_name {
            self.display_name = name;
        }
        if let Some(class) = changed.kernel_class {
            self.set_class(class);
        }
    }

    /// Replaces the class in place, or appends it. Specifications of Enterprise Gateway leave out the default.
    fn set_class(&mut self, class: String) {
        let is_left_out = self.system == System::EnterpriseGateway && class == DEFAULT_KERNEL_CLASS;
        let end = self.argv.len();
        let (words, option) = match self.option(CLASS) {
            None => (end..end, format!("--{CLASS}")),
            Some((at, None)) => (at..end.min(at + 2), self.argv[at].clone()),
            Some((at, Some(_))) => {
                (at..at + 1, self.argv[at].split('=').next().unwrap_or_default().to_owned())
            }
        };
        let new = (!is_left_out).then_some([option, class]);
        self.argv.splice(words, new.into_iter().flatten());
    }

    /// Names what no option of `install` writes.
    pub fn others(&self) -> impl Iterator<Item = String> {
        let of_gateway = self.system == System::EnterpriseGateway;
        let is_written =
            move |name: &&String| of_gateway && *name == variable::KERNEL_LAUNCH_TIMEOUT;
        let variables = self.env.keys().filter(move |name| !is_written(name));
        let settings = self.config.keys().filter(|name| !CONFIG.contains(&name.as_str()));
        // Of a local one it is of the kernelspec of an image.
        let is_message = self.system != System::Local && self.interrupt_mode == "message";
        let mode = is_message.then(|| "interrupt_mode".to_owned());
        variables.map(|name| format!("env.{name}")).chain(settings.cloned()).chain(mode)
    }

    pub(super) fn is_python(&self) -> bool {
        Language::parse(&self.language) == Some(Language::Python)
    }

    /// The image of the kernel; `None` if only the server can name it.
    #[must_use]
    pub fn image(&self) -> Option<&str> {
        if self.system == System::Local {
            return self.image_name();
        }
        // `env` overrides what the server passes to the launcher.
        let of_env = self.env.get("KERNEL_IMAGE").map(String::as_str);
        of_env.or_else(|| self.text(IMAGE)).filter(|image| !image.is_empty())
    }

    /// The image of the kernel for a server with this environment; the error says who has to name one.
    pub fn image_on_server<'a>(&'a self, env: &'a Env) -> Result<&'a str, String> {
        let variable = match self.system {
            System::GatewayProvisioners => "KERNEL_IMAGE",
            System::EnterpriseGateway => self.system.facts().image_variable,
            System::Local => {
                return self.image().ok_or_else(|| {
                    "launch_docker.toml names no `image`; name one with `jupyter-docker-spec set NAME --image-name=IMAGE`"
                        .to_owned()
                });
            }
        };
        let of_gateway = || env.get(variable).filter(|_| self.system == System::EnterpriseGateway);
        let image = self.image().or_else(of_gateway);
        image.ok_or_else(|| format!("no image is named; the server has to, with {variable}"))
    }

    #[must_use]
    pub fn image_name(&self) -> Option<&str> {
        if self.system == System::Local { self.local_image.as_deref() } else { self.text(IMAGE) }
    }

    #[must_use]
    pub fn executor_image_name(&self) -> Option<&str> {
        self.text(EXECUTOR_IMAGE)
    }

    #[must_use]
    pub fn port_range(&self) -> Option<&str> {
        self.text(PORT_RANGE)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.config.get(name).and_then(Value::as_str)
    }

    /// Users who may start the kernel, all if the list is empty. A user with an empty name stands for nobody.
    #[must_use]
    pub fn authorized_users(&self) -> Option<Vec<String>> {
        self.users(AUTHORIZED_USERS)
    }

    /// Users who may not start the kernel; `None` for the server's default.
    #[must_use]
    pub fn unauthorized_users(&self) -> Option<Vec<String>> {
        self.users(UNAUTHORIZED_USERS)
    }

    /// Reads a list in the form of either server. A list of empty names only, such as `[""]`, stays different
    /// from an empty list, as it is for the server: it becomes one user with an empty name.
    fn users(&self, name: &str) -> Option<Vec<String>> {
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

    /// In seconds; a number if it can be read as one. `None` for the server's default.
    #[must_use]
    pub fn launch_timeout(&self) -> Option<Value> {
        if self.system == System::GatewayProvisioners {
            return self.config.get(LAUNCH_TIMEOUT).cloned();
        }
        let text = self.env.get(variable::KERNEL_LAUNCH_TIMEOUT)?;
        let number = text.trim().parse().ok().map(Value::Number);
        Some(number.unwrap_or_else(|| text.as_str().into()))
    }

    #[must_use]
    pub fn kernel_class(&self) -> Option<&str> {
        match self.option(CLASS)? {
            (at, None) => self.argv.get(at + 1).map(String::as_str),
            (_, value) => value,
        }
    }

    /// Finds an option of the launcher in `argv`, in the spelling of either server: its index, and the value if
    /// it is in the same argument.
    fn option(&self, name: &str) -> Option<(usize, Option<&str>)> {
        self.argv.iter().enumerate().find_map(|(at, word)| {
            let option = word.strip_prefix("--")?;
            let option = option.strip_prefix(GATEWAY_SPELLING).unwrap_or(option);
            match option.strip_prefix(name)? {
                "" => Some((at, None)),
                rest => Some((at, Some(rest.strip_prefix('=')?))),
            }
        })
    }

    /// The placeholders that are missing in `argv`.
    #[must_use]
    pub fn missing_placeholders(&self) -> Vec<&'static str> {
        if self.system == System::Local {
            let [_, file] = CONNECTION_FILE;
            return Vec::from_iter((!self.argv.iter().any(|word| word == file)).then_some(file));
        }
        let is_there = |name: &&str| self.argv.iter().any(|word| word.contains(*name));
        PLACEHOLDERS.into_iter().filter(|name| !is_there(name)).collect()
    }

    /// The file that `argv` runs, and whether Python runs it; `None` if `argv` is empty.
    #[must_use]
    pub fn launcher(&self) -> Option<(&Path, bool)> {
        let [first, rest @ ..] = &*self.argv else { return None };
        let is_script = |word: &&String| Path::new(word).extension().is_some_and(|e| e == "py");
        match rest.first().filter(is_script) {
            Some(script) => Some((Path::new(script), true)),
            None => Some((Path::new(first), false)),
        }
    }
}

fn set<V>(members: &mut BTreeMap<String, V>, name: &str, value: Option<V>) {
    match value {
        Some(value) => members.insert(name.to_owned(), value),
        None => members.remove(name),
    };
}

#[cfg(test)]
mod tests;
