//! Checks the Python of the Jupyter that will run the kernels, and the packages in it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;

use super::programs;
use super::report::Report;
use crate::commands::show::shell::quoted;
use crate::files;
use crate::kernelspec::specification::Specification;
use crate::paths::Paths;
use crate::process;
use crate::server::System;

/// How long Python may take to import the packages.
const LIMIT: Duration = Duration::from_secs(120);

/// How long it may take to say whether there is one.
const GLANCE: Duration = Duration::from_secs(10);

/// Prints the version of a package, why a module of it cannot be imported, and which address another module
/// of it would give to kernels.
const SCRIPT: &str = r"
import importlib, importlib.metadata, json, sys
package, module, listening = sys.argv[1:]
answer = {'version': None, 'problem': None, 'address': None}
out, sys.stdout = sys.stdout, sys.stderr
try:
    importlib.import_module(module)
    answer['version'] = importlib.metadata.version(package)
except BaseException as error:
    answer['problem'] = '%s: %s' % (type(error).__name__, error)
try:
    answer['address'] = importlib.import_module(listening).local_ip
except BaseException:
    pass
json.dump(answer, out)
";

#[derive(Deserialize)]
struct Answer {
    version: Option<String>,
    problem: Option<String>,
    address: Option<String>,
}

/// The addresses that servers would give to their kernels, as far as known.
#[derive(Debug, Default)]
pub(super) struct Addresses(Vec<(System, String)>);

impl Addresses {
    /// That of a server of this system.
    pub(super) fn of(&self, system: System) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| *known == system);
        found.map(|(_, address)| address.as_str())
    }
}

/// Checks what concerns all specifications.
pub(super) fn check(specs: &[Specification], paths: &Paths<'_>, report: &mut Report) -> Addresses {
    let mut addresses = Addresses::default();
    for system in System::ALL {
        // Any application starts local kernels, unless they need something of its environment.
        let is_concerned =
            |spec: &&Specification| system != System::Local || spec.shows_launch_errors;
        let of_system = specs.iter().filter(|spec| spec.system == system);
        let mut of_system = of_system.filter(is_concerned).peekable();
        if of_system.peek().is_some() {
            let shows_errors = of_system.any(|spec| spec.shows_launch_errors);
            let address = packages(system, shows_errors, paths, report);
            addresses.0.extend(address.map(|address| (system, address)));
        }
    }
    addresses
}

/// Checks that the server can use its provisioner or process proxy, and ours that show users the errors of
/// launches if the specifications use them. Returns the address that the server would listen on, if known.
fn packages(
    system: System,
    shows_errors: bool,
    paths: &Paths<'_>,
    report: &mut Report,
) -> Option<String> {
    let facts = system.facts();
    let (package, commands) = (facts.package, facts.commands);
    let Some((command, script, python)) = python_of(commands, paths) else {
        report.warning(format!(
            "there is no {} on PATH: whether it has {package} cannot be told from here",
            commands.join(", ")
        ));
        return None;
    };
    let server = Server { command, script, python, paths };
    let answer = server.has(package, facts.module, facts.listening_module, "", report)?;
    if shows_errors {
        let otherwise = ", or install the specification without --show-launch-errors";
        server.has(
            "jupyter-docker-spec",
            facts.reporting_module,
            facts.listening_module,
            otherwise,
            report,
        )?;
    }
    answer.address
}

/// The Python that runs a server.
struct Server<'a> {
    command: &'a str,
    script: PathBuf,
    python: PathBuf,
    paths: &'a Paths<'a>,
}

impl Server<'_> {
    /// Reports whether it can import the module of the package. If not, the report ends with one remedy or
    /// with `otherwise`. Returns the rest of the script's output; `None` if the package cannot be used.
    fn has(
        &self,
        package: &str,
        module: &str,
        listening: &str,
        otherwise: &str,
        report: &mut Report,
    ) -> Option<Answer> {
        let Self { command, script, python, paths } = self;
        let shown = python.display();
        let mut child = Command::new(python);
        child.args(["-c", SCRIPT, package, module, listening]);
        let answer = match process::output_within(paths.env.apply_to(&mut child), LIMIT) {
            Ok(Some(output)) => serde_json::from_slice::<Answer>(&output.stdout).map_err(|_| {
                format!("did not answer in a way that can be read ({})", output.status)
            }),
            Ok(None) => Err(format!("did not answer within {} s", LIMIT.as_secs())),
            Err(error) => {
                report.error(format!("{command} is run by {shown}, which cannot be run: {error}"));
                return None;
            }
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(reason) => {
                report.error(format!("{shown}, which runs {command}, {reason}"));
                return None;
            }
        };
        let Some(version) = &answer.version else {
            let problem = answer.problem.as_deref().unwrap_or("it does not say why");
            let install = install_of(package, python, script, paths);
            report.error(format!(
                "{command} cannot start Docker kernels, because its Python, {shown}, cannot import \
                 {package} ({problem}); install it there with `{install}`{otherwise}"
            ));
            return None;
        };
        report.ok(format!("{package} {version} is there for {command} ({shown})"));
        Some(answer)
    }
}

/// That the server which is here has not the package that starts kernels of this system, if that is so: it does not
/// even offer them then. Whether the package works is not looked at, which takes long.
pub(super) fn without_package(system: System, paths: &Paths<'_>) -> Option<String> {
    let facts = system.facts();
    if system == System::Local {
        return None;
    }
    let (command, script, python) = python_of(facts.commands, paths)?;
    let mut child = Command::new(&python);
    let script_text = "import importlib.util, sys; sys.exit(3 if importlib.util.find_spec(sys.argv[1]) is None else 0)";
    let module = facts.module.split('.').next().unwrap_or(facts.module);
    child.args(["-c", script_text, module]);
    let output = process::output_within(paths.env.apply_to(&mut child), GLANCE).ok()??;
    (output.status.code() == Some(3)).then(|| {
        format!(
            "{command} does not offer it, because its Python, {}, has no {}; install it there with `{}`",
            python.display(),
            facts.package,
            install_of(facts.package, &python, &script, paths)
        )
    })
}

/// The command that installs the package of a server, and leaves this program what it is.
fn install_of(package: &str, python: &Path, script: &Path, paths: &Paths<'_>) -> String {
    // The provisioners are useless without Python's Docker SDK.
    let wanted = if package == programs::RIVAL { "gateway_provisioners[docker]" } else { package };
    let install = format!("{} -m pip install '{wanted}'", quoted(&python.to_string_lossy()));
    match package {
        programs::RIVAL => programs::despite_rival(&install, script, paths),
        _ => install,
    }
}

/// The first of these commands on `PATH` that is a Python script, the path of that script, and its Python.
fn python_of<'a>(commands: &[&'a str], paths: &Paths<'_>) -> Option<(&'a str, PathBuf, PathBuf)> {
    commands.iter().find_map(|command| {
        let script = paths.on_path(command).next()?;
        let text = files::read(&script).ok()?;
        let line = text.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
        let line = std::str::from_utf8(line).ok()?.trim();
        let python = match line.split_once("/env ") {
            Some((_, name)) => paths.on_path(name.trim()).next()?,
            None => PathBuf::from(line.split(' ').next()?),
        };
        Some((*command, script, python))
    })
}
