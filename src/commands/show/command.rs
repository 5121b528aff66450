//! The `install` command that makes a specification again.
//!
//! Which options it needs is not told by a list of defaults, but tried out: every option is given,
//! and those without which the same `kernel.json` would come to lie in the same place are left out.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::difference::{Difference, comparable};
use super::{shell, text_of};
use crate::cli::{self, Cli, Command};
use crate::commands::list::Entry;
use crate::env::Env;
use crate::files;
use crate::kernelspec::carried::{Carried, Kind};
use crate::kernelspec::installed::Installed;
use crate::kernelspec::launcher::{NATIVE, PYTHON};
use crate::kernelspec::render::KernelJson;
use crate::launcher::spec::OPTIONS;
use crate::options::{Options, words};
use crate::paths::Paths;
use crate::settings::config::Config;
use crate::settings::lookup::{Line, Lookup};
use crate::settings::traits::Trait;
use crate::settings::{
    DEFAULT_LAUNCH_TIMEOUT, Language, Launcher, Location, Mode, Sample, Settings, System, sample,
    variable,
};
use crate::templates;

/// The variable by which `--user` leads to any directory.
const DATA_DIR: &str = "JUPYTER_DATA_DIR";

/// An option, with its value unless it is a flag.
#[derive(Clone, Debug)]
struct Opt {
    name: Cow<'static, str>,
    value: Option<String>,
}

impl Opt {
    fn new(name: &'static str, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: Some(value.into()) }
    }

    const fn flag(name: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), value: None }
    }

    /// As `install` is to get it.
    fn word(&self) -> String {
        match &self.value {
            Some(value) => format!("{}={}", self.name, protected(value)),
            None => self.name.to_string(),
        }
    }

    /// As it is typed.
    fn typed(&self) -> String {
        shell::quoted(&self.word())
    }
}

/// The value in quotes that are not part of it, where it would be taken for a home directory or for
/// something in quotes.
fn protected(value: &str) -> String {
    let in_quotes = ['"', '\'']
        .into_iter()
        .any(|quote| value.strip_prefix(quote).is_some_and(|rest| rest.ends_with(quote)));
    if in_quotes || value.starts_with('~') { format!("\"{value}\"") } else { value.to_owned() }
}

/// What a command line comes to.
#[derive(Debug, PartialEq)]
struct Made {
    destination: PathBuf,
    kernel_json: Value,
    launcher: Launcher,
    /// What `launch_docker.toml` says.
    options: BTreeMap<&'static str, Value>,
}

/// Where the command is run, in the eyes of `install`.
struct Surroundings<'a> {
    /// With the variables that are set here.
    here: Env,
    /// Without those that stand for an option.
    elsewhere: Env,
    executable: Option<&'a Path>,
}

impl<'a> Surroundings<'a> {
    fn new(paths: &Paths<'a>, data: Option<&str>) -> Self {
        let is_option = |name: &str| {
            let mut of_traits = Trait::ALL.into_iter().flat_map(|known| known.variables);
            name == variable::LAUNCHER || of_traits.any(|variable| *variable == name)
        };
        let env = |all: bool| {
            let variables = paths.env.iter().filter(|(name, _)| all || !is_option(name));
            let data = data.map(|data| (DATA_DIR, data));
            Env::new(paths.env.directory(), variables.chain(data))
        };
        Self { here: env(true), elsewhere: env(false), executable: paths.executable }
    }

    fn made(&self, options: &[Opt], env: &Env) -> Result<Made> {
        let paths = &Paths { env, executable: self.executable };
        let words = ["jupyter-docker-spec", "install"].map(OsString::from);
        let words = words.into_iter().chain(options.iter().map(|option| option.word().into()));
        let Cli { command: Some(Command::Install(args)) } = cli::parse(cli::normalise(words, env))?
        else {
            bail!("it is no `install` command");
        };
        let (args, line) = sample::lines(&args, &Line::new(&args, &[])?, env).swap_remove(0);
        let lookup = Lookup { line: &line, config: &Config::default(), env };
        let settings = Settings::resolve(&args, &lookup)?;
        let kernels = settings.location.kernels_directory(paths)?;
        let destination = kernels.join(settings.kernel_name.as_str());
        let command = launcher_words(&settings.launcher, &destination)?;
        let kernel_json = serde_json::to_value(KernelJson::new(&settings, command))?;
        let options = said(settings.options.as_deref().unwrap_or_default());
        let options =
            options.into_iter().map(|(key, value)| (key, words::comparable(key, &value))).collect();
        Ok(Made { destination, kernel_json, launcher: settings.launcher, options })
    }

    /// Whether both lists come to the same, here and elsewhere.
    fn are_equal(&self, one: &[Opt], other: &[Opt]) -> bool {
        [&self.here, &self.elsewhere].into_iter().all(|env| {
            let made = |options| self.made(options, env).ok();
            made(one).is_some_and(|one| made(other).is_some_and(|other| one == other))
        })
    }
}

/// How `argv` begins.
fn launcher_words(launcher: &Launcher, destination: &Path) -> Result<Vec<String>> {
    let name = match launcher {
        Launcher::Native => Path::new(NATIVE),
        Launcher::Python => Path::new(PYTHON),
        Launcher::File(path) => path.file_name().map(Path::new).context("it is no file")?,
    };
    let script = destination.join("scripts").join(name);
    let script = script.to_str().context("its path is not UTF-8")?.to_owned();
    let by_python = name.extension().is_some_and(|extension| extension == "py");
    Ok(by_python.then(|| "python".to_owned()).into_iter().chain([script]).collect())
}

/// The command, for a POSIX shell. What it does not make again is told as a warning.
pub(super) fn command(
    name: &str,
    spec: &Installed,
    entry: &Entry,
    paths: &Paths<'_>,
) -> Result<String> {
    let (location, data) = location(&spec.directory, paths)?;
    let place = Surroundings::new(paths, data.as_deref());
    let sample = sample_of(name, spec);
    let name = sample.map_or_else(|| name_option(name), |one| Opt::new("--sample", one.name()));
    let needed: Vec<Opt> = location.into_iter().chain([name]).collect();
    let mut wanted = wanted(spec, entry, paths);
    // A sample has its language.
    wanted.retain(|option| sample.is_none() || option.name != "--language");
    let of_launcher = settings_of_launcher(&spec.directory);
    wanted.extend(container(&of_launcher));
    let mut options = possible(&needed, wanted, &place)?;
    options.extend(needed);
    options.push(Opt::flag("--replace"));
    let options = necessary(options, &place);

    let made = place.made(&options, &place.here).context("the variables that are set here")?;
    for (key, value) in
        made.options.iter().filter(|(key, _)| !of_launcher.iter().any(|(k, _)| k == *key))
    {
        tracing::warn!("The command adds `{key} = {value}` to {OPTIONS}");
    }
    tell_difference(spec, &made)?;
    let data = data.iter().map(|data| format!("{DATA_DIR}={}", shell::quoted(data)));
    let words = data.chain(["jupyter-docker-spec install".to_owned()]);
    Ok(shell::line(&words.chain(options.iter().map(Opt::typed)).collect::<Vec<_>>()))
}

/// `--kernel-name`. The default name of one language cannot be given to a kernel of another, unless
/// it is written in a way that only comes to it.
fn name_option(name: &str) -> Opt {
    Opt::new("--kernel-name", if name == "docker_python" { "Docker_Python" } else { name })
}

/// The sample whose directory has this name in capital letters, which `--kernel-name` cannot give.
fn sample_of(name: &str, spec: &Installed) -> Option<Sample> {
    let language = Language::parse(&spec.kernel_json.language);
    Sample::ALL.into_iter().find(|sample| {
        let has_name = spec.directory.ends_with(sample.name()) && sample.name() != name;
        has_name && Some(sample.language()) == language
    })
}

/// The options that lead to the directory, and the data directory to be set for them if no option
/// leads there by itself.
fn location(directory: &Path, paths: &Paths<'_>) -> Result<(Vec<Opt>, Option<String>)> {
    let kernels = directory.parent().context("a specification lies in a directory")?;
    let leads_there = |location: &Location| {
        location.kernels_directory(paths).is_ok_and(|directory| directory == kernels)
    };
    if leads_there(&Location::System) {
        return Ok((Vec::new(), None));
    }
    if leads_there(&Location::User) {
        return Ok((vec![Opt::flag("--user")], None));
    }
    // An environment that only the Python on PATH tells of is better named.
    if paths.known_environment().is_some() && leads_there(&Location::SysPrefix) {
        return Ok((vec![Opt::flag("--sys-prefix")], None));
    }
    let text = |path: &Path| {
        let text = path.to_str().map(str::to_owned);
        text.with_context(|| format!("`{}` is not UTF-8", path.display()))
    };
    if kernels.ends_with("share/jupyter/kernels")
        && let Some(prefix) = kernels.ancestors().nth(3)
    {
        return Ok((vec![Opt::new("--prefix", text(prefix)?)], None));
    }
    let data = kernels.parent().filter(|_| kernels.ends_with("kernels")).with_context(|| {
        format!(
            "no command installs to `{}`: a specification lies in a directory `kernels`",
            kernels.display()
        )
    })?;
    Ok((vec![Opt::flag("--user")], Some(text(data)?)))
}

/// Everything that the specification says, be it the default.
fn wanted(spec: &Installed, entry: &Entry, paths: &Paths<'_>) -> Vec<Opt> {
    let language = Language::parse(&spec.kernel_json.language);
    let names = |name| spec.names(name).map(|names| names.join(","));
    let text = |name| spec.text(name).map(str::to_owned);
    let timeout = spec.launch_timeout().map(|seconds| text_of(&seconds)).or_else(|| {
        let known = spec.system == System::GatewayProvisioners;
        known.then(|| DEFAULT_LAUNCH_TIMEOUT.to_string())
    });
    let class = spec.argument("kernel-class-name").filter(|_| language == Some(Language::Python));
    let given = [
        ("--gateway", Some(spec.system.name().to_owned())),
        ("--language", language.map(|language| language.name().to_owned())),
        ("--display-name", Some(spec.kernel_json.display_name.clone())),
        ("--image-name", text("image_name")),
        ("--executor-image-name", text("executor_image_name")),
        ("--authorized-users", Some(names("authorized_users").unwrap_or_default())),
        ("--unauthorized-users", names("unauthorized_users").or_else(|| Some("root".to_owned()))),
        ("--port-range", text("port_range").or_else(|| Some("0..0".to_owned()))),
        ("--launch-timeout", timeout),
        ("--ipykernel-subclass-name", class.map(str::to_owned)),
        ("--launcher", launcher(spec, entry, paths)),
    ];
    let mode = match spec.mode {
        Mode::Swarm => "--swarm",
        Mode::Docker => "--no-swarm",
    };
    let given = given.into_iter().filter_map(|(name, value)| Some(Opt::new(name, value?)));
    let shows_errors = spec.shows_launch_errors.then(|| Opt::flag("--show-launch-errors"));
    given.chain([Opt::flag(mode)]).chain(shows_errors).collect()
}

/// The value of `--launcher`. A file that is missing is held to be what its name says.
fn launcher(spec: &Installed, entry: &Entry, paths: &Paths<'_>) -> Option<String> {
    let (path, _) = spec.launcher()?;
    let is_named = |name: &str| path.file_name().is_some_and(|file| file == name);
    let carried = entry.launcher();
    let is = |kind| carried.is_none_or(|carried| carried.kind == kind);
    // One that somebody has edited must not be lost.
    let is_template = || files::read(path).is_ok_and(|text| text == templates::python_launcher());
    let known = if is_named(NATIVE) && is(Kind::Native) {
        Some("native")
    } else if is_named(PYTHON) && is(Kind::Python) && (carried.is_none() || is_template()) {
        Some("python")
    } else {
        None
    };
    match carried {
        None => tracing::warn!("The launcher `{}` cannot be read", path.display()),
        Some(carried) => tell_version(known, carried),
    }
    known.map(str::to_owned).or_else(|| paths.absolute(path).to_str().map(str::to_owned))
}

/// What `launch_docker.toml` says.
fn settings_of_launcher(directory: &Path) -> Vec<(&'static str, Value)> {
    said(&files::read_to_string(&directory.join("scripts").join(OPTIONS)).unwrap_or_default())
}

/// What the text of a `launch_docker.toml` says. One that cannot be understood says nothing to the
/// launcher either.
fn said(text: &str) -> Vec<(&'static str, Value)> {
    Options::parse(OPTIONS, text).map(|options| options.values().collect()).unwrap_or_default()
}

/// The options that write this into `launch_docker.toml`; a warning for what has none.
fn container(of_launcher: &[(&'static str, Value)]) -> Vec<Opt> {
    let of = |(key, value): &(&'static str, Value)| {
        let words = words::words(key, value);
        if words.is_none() {
            tracing::warn!("The command cannot express `{key} = {value}` in {OPTIONS}");
        }
        words.unwrap_or_default()
    };
    let all = of_launcher.iter().flat_map(of);
    all.map(|(flag, value)| Opt { name: format!("--{}", flag.long).into(), value }).collect()
}

fn tell_version(known: Option<&str>, carried: &Carried) {
    const OURS: &str = env!("CARGO_PKG_VERSION");
    let version = carried.version.as_deref().filter(|version| *version != OURS);
    if let (Some(_), Some(version)) = (known, version) {
        tracing::warn!("The command installs the launcher {OURS} in place of {version}");
    }
}

/// Those of the options that `install` accepts. It must accept those that are needed, or the command
/// would replace another specification.
fn possible(needed: &[Opt], options: Vec<Opt>, place: &Surroundings<'_>) -> Result<Vec<Opt>> {
    place.made(needed, &place.elsewhere).context("no command makes this specification again")?;
    let is_possible = |option: &Opt| {
        let has_nul = option.value.as_ref().is_some_and(|value| value.contains('\0'));
        if has_nul {
            tracing::warn!("The command cannot express the NUL character in `{}`", option.name);
            return false;
        }
        let made = place.made(&[needed, std::slice::from_ref(option)].concat(), &place.elsewhere);
        if let Err(error) = &made {
            tracing::warn!("`install` refuses what would be `{}`: {error:#}", option.name);
        }
        made.is_ok()
    };
    Ok(options.into_iter().filter(is_possible).collect())
}

/// The options without those that make no difference.
fn necessary(mut options: Vec<Opt>, place: &Surroundings<'_>) -> Vec<Opt> {
    let mut number = 0;
    while number < options.len() {
        let mut fewer = options.clone();
        let dropped = fewer.remove(number);
        if dropped.name != "--replace" && place.are_equal(&options, &fewer) {
            options = fewer;
        } else {
            number += 1;
        }
    }
    options
}

fn tell_difference(spec: &Installed, made: &Made) -> Result<()> {
    if made.destination != spec.directory {
        tracing::warn!(
            "The command cannot express the place: it installs to {} and leaves {} as it is",
            made.destination.display(),
            spec.directory.display()
        );
    }
    let difference = Difference::new(&comparable(spec)?, &made.kernel_json);
    for (names, what) in [
        (difference.lost, "The command cannot express, and leaves out of kernel.json,"),
        (difference.changed, "The command cannot express, and changes in kernel.json,"),
        (difference.added, "The command adds to kernel.json"),
    ] {
        if !names.is_empty() {
            tracing::warn!("{what} {}", names.join(", "));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_arrives_as_it_is() {
        let env = Env::new(Path::new("/"), [("HOME", "/h")]);
        for value in
            ["", "a", "~", "~/x", "~root", "'", "''", "'a'", "\"a\"", "\"'a'\"", "'a\"", "\"~\""]
        {
            let word = OsString::from(Opt::new("--display-name", value).word());
            let got = cli::normalise([word].into_iter(), &env);
            assert_eq!(got, [format!("--display-name={value}").as_str()], "{value}");
        }
    }
}
