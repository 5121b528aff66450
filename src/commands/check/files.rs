//! Checks the files of a specification.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use fs_err as fs;
use serde_json::Value as Json;

use super::report::Report;
use super::requested;
use super::users::User;
use crate::commands::secrets;
use crate::commands::show::shell::quoted;
use crate::commands::show::table;
use crate::env::Env;
use crate::files;
use crate::kernelspec::inside::{advice_for_copy, is_below};
use crate::kernelspec::installed_launcher::{InstalledLauncher, Kind, NOT_EXECUTABLE, Reader};
use crate::kernelspec::search::FoundKernelspec;
use crate::kernelspec::specification::Specification;
use crate::kernelspec::store;
use crate::launcher::plan::Plan;
use crate::layout::{self, KERNEL_JSON, OPTIONS};
use crate::model::Mode;
use crate::options::{BRING_BOOTSTRAP, Options, SIGNALS_FROM, mounts as of_options};
use crate::server::{CONNECTION_FILE, System};

/// The permissions for everybody to read, and to enter a directory.
const READ: u32 = 0o004;
const PASS: u32 = 0o001;

/// The values of `e_machine` in ELF headers for the architectures that both Rust and Docker support.
const MACHINES: [(u16, &str); 7] = [
    (3, "x86"),
    (21, "powerpc64"),
    (22, "s390x"),
    (40, "arm"),
    (62, "x86_64"),
    (183, "aarch64"),
    (243, "riscv64"),
];

/// Checks that the specification is complete, and that the account that serves it can read and run it.
pub(super) fn check(
    found: &FoundKernelspec,
    spec: &Specification,
    reader: &mut Reader,
    env: &Env,
    report: &mut Report,
) -> Requirements {
    if let Some(first) = &found.shadowed_by {
        report.warning(format!(
            "Jupyter does not take this one, but {}; remove one of the two",
            first.display()
        ));
    }
    let (launcher, problems) = reader.read(spec);
    for problem in &problems {
        let remedy = match spec.launcher() {
            Some((path, _)) if problem.ends_with(NOT_EXECUTABLE) => {
                format!("make it so with `chmod +x {}`", word(path))
            }
            _ => again(&found.directory, env),
        };
        report.error(format!("{problem}; {remedy}"));
    }
    if let Some(launcher) = &launcher {
        let version = launcher.version.as_deref().unwrap_or_default();
        let name = launcher.kind.name();
        match foreign_machine(&launcher.path) {
            Some(machine) => report.error(format!(
                "the launcher is for {machine}, and this machine is {}; install it from the \
                 program for this machine",
                std::env::consts::ARCH
            )),
            None if problems.is_empty() => {
                let version = if version.is_empty() { "" } else { &format!(" {version}") };
                let path = launcher.path.display();
                report.ok(if is_below(&launcher.path, &spec.directory) {
                    format!("the launcher is {name}{version}")
                } else {
                    format!("the launcher is {name}{version}, and {path} is not part of it")
                });
            }
            None => {}
        }
        if launcher.kind == Kind::Upstream {
            report.warning(
                "the launcher is that of the Python tool, which gives the kernel the server's \
                 whole environment and says little when a launch fails; replace it with \
                 `jupyter-docker-spec convert`",
            );
        }
    }
    if !store::files(&spec.directory).iter().any(|path| path.starts_with("logo-64x64.png")) {
        report.warning("there is no logo-64x64.png: the kernel is shown without a picture");
    }
    for (name, value) in [("display_name", &spec.display_name), ("language", &spec.language)] {
        if value.is_empty() {
            report.error(format!("kernel.json has no `{name}`; write one there"));
        }
    }
    argv(spec, launcher.as_ref(), env, report);
    let path = spec.directory.join(KERNEL_JSON);
    let secret = secrets::of_kernel_json(spec, &path.to_string_lossy());
    if let Some(warning) = secret.filter(|_| secrets::is_open(&path)) {
        report.warning(warning);
    }
    let required = options(spec, launcher.as_ref(), env, report);
    readable(spec, report);
    required
}

/// Checks that `argv` asks the server for what a kernel needs.
fn argv(
    spec: &Specification,
    launcher: Option<&InstalledLauncher>,
    env: &Env,
    report: &mut Report,
) {
    // A custom launcher may take the kernel's id from its environment, but has no other source for the rest.
    let own = launcher.is_some_and(|launcher| launcher.kind == Kind::Custom);
    let without = match spec.system {
        System::Local => {
            "as a word of its own, without which no kernel can be told its ports and key"
        }
        _ => "without which the server never hears from the kernel",
    };
    for place in spec.missing_placeholders() {
        if !(own && place == "{kernel_id}") {
            report.error(format!(
                "`argv` in kernel.json does not give the launcher `{place}`, {without}; {}",
                again(&spec.directory, env)
            ));
        }
    }
}

/// What `launch_docker.toml` asks of the engine and its host.
#[derive(Default)]
pub(super) struct Requirements {
    pub(super) mounts: Vec<Json>,
    /// Networks besides the server's.
    pub(super) networks: Vec<String>,
    /// Whether the native launcher asks for it.
    pub(super) by_native: bool,
}

/// Reports all errors in `launch_docker.toml`, as far as the server has this environment, and returns what it
/// asks for. What depends on the notebook's directory is known only at a launch.
fn options(
    spec: &Specification,
    launcher: Option<&InstalledLauncher>,
    env: &Env,
    report: &mut Report,
) -> Requirements {
    let by_native = launcher.is_some_and(|launcher| launcher.kind == Kind::Native);
    let mut required = Requirements { by_native, ..Requirements::default() };
    let path = spec.directory.join(layout::script(OPTIONS));
    let text = match files::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return required,
        Err(error) => {
            report.error(error.to_string());
            return required;
        }
    };
    if launcher.is_some_and(|launcher| [Kind::Python, Kind::Upstream].contains(&launcher.kind)) {
        report.warning(format!(
            "the launcher is in Python and does not read {}; say the same in the launcher, or replace \
             it with `jupyter-docker-spec convert`",
            path.display()
        ));
        return required;
    }
    if let Some(launcher) = launcher
        && by_native
        && !is_below(&launcher.path, &spec.directory)
    {
        let advice = advice_for_copy(&spec.directory, &launcher.path);
        report.warning(format!(
            "{} is not read: the launcher reads the one beside it, {}{}",
            path.display(),
            launcher.path.with_file_name(OPTIONS).display(),
            advice.map_or_else(String::new, |advice| format!("; {advice}"))
        ));
        return required;
    }
    let (options, errors) = Options::parse_all(&path.to_string_lossy(), &text);
    let mut wrong: Vec<String> = errors.iter().map(|error| format!("{error:#}")).collect();
    if spec.system == System::Local {
        wrong.extend(command_problem(&options));
    }
    let user = User::of_server(spec, env);
    let name = user.as_ref().filter(|user| !user.is_guess).map_or(SOMEBODY, |user| &user.name);
    let given = requested::environment(spec, env, name);
    for one in options.each() {
        let of_notebook = one
            .values()
            .any(|(key, value)| key == "mount_cwd" || value.to_string().contains("{cwd}"));
        let one = match spec.system {
            // Without it there is no launch.
            System::Local => one.with("image", &options),
            // The one needs the other.
            _ if one.get("command").is_some() => one.with(BRING_BOOTSTRAP, &options),
            _ if one.get(BRING_BOOTSTRAP).is_some() => one.with("command", &options),
            _ if one.get(SIGNALS_FROM).is_some() => {
                one.with(BRING_BOOTSTRAP, &options).with("command", &options)
            }
            _ => one,
        };
        match requested::with_options(spec, one, &given, of_notebook) {
            Ok(_) if of_notebook => {}
            Ok(plan) => {
                required.networks.extend(further_networks(&plan));
                required.mounts.extend(
                    mounts(&plan).filter(|mount| !mount.to_string().contains(SOMEBODY)).cloned(),
                );
            }
            Err(error) => wrong.push(format!("{error:#}")),
        }
    }
    let mut warnings = of_options::exchangeable(&options);
    if secrets::is_open(&path) {
        warnings.extend(secrets::of_options(&options, &path.to_string_lossy()));
    }
    // Settings that are valid alone may conflict with others.
    if wrong.is_empty()
        && let Err(error) = requested::with_options(spec, options, &given, true)
    {
        wrong.push(format!("{error:#}"));
    }
    let mut said = BTreeSet::new();
    wrong.retain(|message| said.insert(message.clone()));
    if wrong.is_empty() {
        report.ok(format!("{OPTIONS} is right"));
    }
    for warning in warnings {
        report.warning(warning);
    }
    for message in wrong {
        report.error(message);
    }
    required
}

/// What is wrong with the command that starts a kernel where no bootstrap of a server does.
fn command_problem(options: &Options) -> Option<String> {
    let [_, file] = CONNECTION_FILE;
    let command = options.get("command").map(|node| node.to_json().to_string());
    let problem = match command {
        None => "names no `command`".to_owned(),
        Some(command) if command.contains(file) => return None,
        Some(_) => format!("has no `{file}` in `command`"),
    };
    Some(format!(
        "{OPTIONS} {problem}, and no kernel is told its ports and key; name one with `jupyter-docker-spec set NAME \
         --kernel-command=COMMAND`"
    ))
}

/// The user of a kernel if each client names another.
const SOMEBODY: &str = "jupyter-docker-spec-somebody";

/// The mounts of a kernel.
pub(super) fn mounts(plan: &Plan) -> impl Iterator<Item = &Json> {
    let host = match plan.launch.mode {
        Mode::Docker => &plan.request["HostConfig"],
        Mode::Swarm => &plan.request["TaskTemplate"]["ContainerSpec"],
    };
    host["Mounts"].as_array().into_iter().flatten()
}

fn further_networks(plan: &Plan) -> Vec<String> {
    let of_service = plan.request["TaskTemplate"]["Networks"].as_array().into_iter().flatten();
    let of_service = of_service.filter_map(|network| network["Target"].as_str()).skip(1);
    let of_container = plan.networks.iter().map(|(name, _)| name.as_str());
    // No server has said which is the container's own.
    let own = plan.request["HostConfig"]["NetworkMode"].as_str().filter(|name| {
        plan.launch.caller == System::Local
            && !["none", "host", "default"].contains(name)
            && !name.starts_with("container:")
    });
    own.into_iter().chain(of_container).chain(of_service).map(str::to_owned).collect()
}

/// The architecture that a program is for, if it is not this machine's.
fn foreign_machine(path: &Path) -> Option<String> {
    let mut header = [0; 20];
    files::open(path).ok()?.read_exact(&mut header).ok()?;
    let machine = header.starts_with(b"\x7fELF").then(|| header.get(18..20)).flatten()?;
    let number = u16::from_ne_bytes([machine[0], machine[1]]);
    let known = MACHINES.iter().find(|(known, _)| *known == number);
    let name = known.map_or_else(|| format!("machine {number}"), |(_, name)| (*name).to_owned());
    (name != std::env::consts::ARCH).then_some(name)
}

/// Quotes a path for a shell.
fn word(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

/// The command that installs the specification again with its settings.
pub(super) fn again(directory: &Path, env: &Env) -> String {
    let command = table::pipe(directory, env);
    let path = directory.join(layout::script(OPTIONS));
    let text = files::read_to_string(&path).unwrap_or_default();
    if Options::parse(OPTIONS, &text).is_ok() {
        format!("make it again with `{command}`")
    } else {
        format!("put {} right, and make it again with `{command}`", path.display())
    }
}

/// Whether others than the owner can read it.
fn readable(spec: &Specification, report: &mut Report) {
    let mut paths: Vec<_> =
        spec.directory.ancestors().map(|path| (path.to_path_buf(), PASS)).collect();
    for file in store::files(&spec.directory) {
        paths.push((spec.directory.join(file), READ));
    }
    let mut closed: Vec<(u32, &Path, u32)> = Vec::new();
    for (path, bit) in &paths {
        let Ok(metadata) = fs::metadata(path) else {
            report.error(format!("{} cannot be read by this account", path.display()));
            return;
        };
        if metadata.permissions().mode() & bit == 0 {
            closed.push((metadata.uid(), path, *bit));
        }
    }
    let Some((owner, first, _)) = closed.first().copied() else {
        return report.ok("it is whole, and every account can read it");
    };
    let commands = [(PASS, "chmod o+x"), (READ, "chmod o+r")].map(|(bit, command)| {
        let paths = closed.iter().filter(|(.., needed)| *needed == bit);
        paths.fold(command.to_owned(), |command, (_, path, _)| command + " " + &word(path))
    });
    let commands: Vec<&str> =
        commands.iter().map(String::as_str).filter(|command| command.contains('/')).collect();
    let message = format!(
        "only user {owner} can read it, because of {}; another account's server needs `{}`",
        first.display(),
        commands.join(" && ")
    );
    // Home directories are usually closed to others.
    if owner == 0 {
        report.warning(message);
    } else {
        report.ok(message);
    }
}
