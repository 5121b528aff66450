//! The table of a file for `install --file` that makes a specification again: all that it says, be it the
//! default, so that neither variables nor configuration files count where it is installed.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value};

use super::shell;
use crate::commands::list::Entry;
use crate::env::Env;
use crate::files;
use crate::kernelspec::installed_launcher::{self, Kind};
use crate::kernelspec::specification::Specification;
use crate::layout::{self, KERNEL_JSON, NATIVE, OPTIONS, PYTHON};
use crate::model::{Language, LanguageName, Mode, Sample};
use crate::options::container_options::NO_MOUNT_CWD;
use crate::options::toml_text::quoted;
use crate::options::{BRING_BOOTSTRAP, Options};
use crate::paths::Paths;
use crate::server::{DEFAULT_LAUNCH_TIMEOUT, System};
use crate::setting::{self, Setting};
use crate::settings::{KernelName, Location, manifest};
use crate::templates;
use crate::text::{is_invisible, printable};

/// The variable by which `user` leads to any directory.
const DATA_DIR: &str = "JUPYTER_DATA_DIR";

/// The text of the file. What it does not say is told as a warning.
pub(super) fn text(
    name: &str,
    spec: &Specification,
    entry: &Entry,
    paths: &Paths<'_>,
) -> Result<String> {
    let (place, data) = place(&spec.directory, paths)?;
    let mut table = Table::new();
    let mut set = |known: &Setting, value: Value| {
        table.insert(known.option, Item::Value(plain(&value)));
    };
    let (key, name) = name_of(name, spec)?;
    set(key, name.into());
    let is_local = spec.system == System::Local;
    if is_local {
        set(&setting::LOCAL, true.into());
    } else {
        set(&setting::GATEWAY, spec.system.facts().name.into());
    }
    let language = LanguageName::of(&spec.language);
    let may_be_any = is_local || spec.brings_bootstrap;
    let has_one = may_be_any && !spec.language.is_empty() || language.known().is_some();
    if has_one && *key == setting::KERNEL_NAME {
        set(&setting::LANGUAGE, language.name().into());
    }
    set(&setting::DISPLAY_NAME, spec.display_name.as_str().into());
    for (known, image) in [
        (&setting::IMAGE_NAME, spec.image_name()),
        (&setting::EXECUTOR_IMAGE_NAME, spec.executor_image_name()),
    ] {
        if let Some(image) = image {
            set(known, image.into());
        }
    }
    let mut launcher = "native".to_owned();
    if !is_local {
        launcher = launcher_of(spec, entry, paths);
        of_server(spec, &launcher, &mut set);
    }
    set(place.0, place.1);
    if is_local && spec.shows_launch_errors {
        set(&setting::SHOW_LAUNCH_ERRORS, true.into());
    }
    set(&setting::REPLACE, true.into());
    let mut options = options(&spec.directory)?;
    if spec.brings_bootstrap {
        table.insert(setting::BRING_BOOTSTRAP.option, Item::Value(true.into()));
        options.as_mut().map(|options| options.remove(BRING_BOOTSTRAP));
    }
    if is_local {
        // That is `image-name`.
        options.as_mut().map(|options| options.remove("image"));
        if !options.as_ref().is_some_and(|options| options.contains_key("mount_cwd")) {
            table.insert(NO_MOUNT_CWD, Item::Value(true.into()));
        }
    }
    if let Some(options) = options.filter(|options| !options.is_empty()) {
        if launcher == "native" {
            table.insert(manifest::LAUNCH_DOCKER, Item::Table(options));
        } else {
            tracing::warn!("The table leaves out {OPTIONS}, which only the native launcher reads");
        }
    }
    tell_left_out(spec);
    let mut document = DocumentMut::new();
    document.insert(manifest::KERNEL, Item::ArrayOfTables(ArrayOfTables::from_iter([table])));
    let data = data.map(|data| variable_for(&data)).unwrap_or_default();
    let text = format!("# {data}jupyter-docker-spec install --file FILE\n{document}");
    // In double quotes, where the rest of what is not seen can stand.
    let seen = |c| {
        if c != '\n' && is_invisible(c) {
            format!("\\u{:04X}", u32::from(c))
        } else {
            c.to_string()
        }
    };
    Ok(text.chars().map(seen).collect())
}

/// What only specifications of servers say.
fn of_server(spec: &Specification, launcher: &str, set: &mut impl FnMut(&Setting, Value)) {
    set(&setting::SWARM, (spec.mode == Mode::Swarm).into());
    let allowed = spec.authorized_users().unwrap_or_default();
    set(&setting::AUTHORIZED_USERS, Array::from_iter(allowed).into());
    let kept_out = spec.unauthorized_users().unwrap_or_else(|| vec!["root".to_owned()]);
    set(&setting::UNAUTHORIZED_USERS, Array::from_iter(kept_out).into());
    set(&setting::PORT_RANGE, spec.port_range().unwrap_or("0..0").into());
    if let Some(seconds) = launch_timeout(spec) {
        set(&setting::LAUNCH_TIMEOUT, seconds.into());
    }
    if Language::parse(&spec.language) == Some(Language::Python)
        && let Some(class) = spec.kernel_class()
    {
        set(&setting::KERNEL_CLASS, class.into());
    }
    set(&setting::SHOW_LAUNCH_ERRORS, spec.shows_launch_errors.into());
    set(&setting::LAUNCHER, launcher.into());
}

/// The key that gives the name, and its value: a sample may have capitals in its name.
fn name_of(name: &str, spec: &Specification) -> Result<(&'static Setting, String)> {
    let directory = spec.directory.file_name().unwrap_or_default();
    let language = Language::parse(&spec.language);
    let sample = Sample::ALL.into_iter().find(|sample| {
        spec.system != System::Local
            && directory == sample.name()
            && directory != name
            && Some(sample.language()) == language
    });
    if let Some(sample) = sample {
        return Ok((&setting::SAMPLE, sample.name().to_owned()));
    }
    KernelName::parse(name).context("`install` cannot make this specification again")?;
    // The default name of one language is that of no kernel of another, unless it comes to it by its spelling.
    let name = match name {
        "docker_python" if language != Some(Language::Python) => "Docker_Python",
        name => name,
    };
    Ok((&setting::KERNEL_NAME, name.to_owned()))
}

/// The key that leads to the directory, with its value, and the data directory to be set for it if no key leads
/// there by itself.
fn place(
    directory: &Path,
    paths: &Paths<'_>,
) -> Result<((&'static Setting, Value), Option<String>)> {
    let kernels = directory.parent().context("a specification lies in a directory")?;
    let leads_there = |location: &Location| {
        location.kernels_directory(paths).is_ok_and(|directory| directory == kernels)
    };
    if leads_there(&Location::System) {
        return Ok(((&setting::USER, false.into()), None));
    }
    if leads_there(&Location::User) {
        return Ok(((&setting::USER, true.into()), None));
    }
    // An environment that only the Python on PATH tells of is better named.
    if paths.known_environment().is_some() && leads_there(&Location::SysPrefix) {
        return Ok(((&setting::SYS_PREFIX, true.into()), None));
    }
    let text = |path: &Path| {
        let text = path.to_str().map(str::to_owned);
        text.with_context(|| format!("`{}` is not UTF-8", path.display()))
    };
    if kernels.ends_with("share/jupyter/kernels")
        && let Some(prefix) = kernels.ancestors().nth(3)
    {
        return Ok(((&setting::PREFIX, text(prefix)?.into()), None));
    }
    let Some(data) = kernels.parent().filter(|_| kernels.ends_with("kernels")) else {
        bail!(
            "nothing is installed to `{}`: a specification lies in a directory `kernels`",
            kernels.display()
        );
    };
    Ok(((&setting::USER, true.into()), Some(text(data)?)))
}

/// The command that makes a specification of this name in this directory again, with no settings of its own.
pub(in crate::commands) fn bare(name: &str, directory: &Path, paths: &Paths<'_>) -> Result<String> {
    let ((key, value), data) = place(directory, paths)?;
    let option = match (value.as_str(), value.as_bool()) {
        (Some(text), _) => format!(" {}", shell::quoted(&format!("--{}={text}", key.option))),
        (None, Some(true)) => format!(" --{}", key.option),
        _ => String::new(),
    };
    let data = data.map(|data| variable_for(&data)).unwrap_or_default();
    let name = shell::quoted(&format!("--kernel-name={name}"));
    Ok(format!("{data}jupyter-docker-spec install --replace{option} {name}"))
}

/// The command that makes a specification again with the settings that it has.
pub(in crate::commands) fn pipe(directory: &Path, env: &Env) -> String {
    let place = place(directory, &Paths { env, executable: None });
    let data = place.ok().and_then(|(_, data)| data).map(|data| variable_for(&data));
    format!(
        "jupyter-docker-spec show --toml {} | {}jupyter-docker-spec install --file -",
        shell::quoted(&directory.to_string_lossy()),
        data.unwrap_or_default()
    )
}

/// The data directory, set for a command.
fn variable_for(data: &str) -> String {
    format!("{DATA_DIR}={} ", shell::quoted(data))
}

/// How many seconds the server waits; `None` where nobody says so, or it is no number.
fn launch_timeout(spec: &Specification) -> Option<i64> {
    let Some(seconds) = spec.launch_timeout() else {
        let known = spec.system == System::GatewayProvisioners;
        return known.then(|| DEFAULT_LAUNCH_TIMEOUT.get().into());
    };
    let number = seconds.as_i64();
    if number.is_none() {
        tracing::warn!(
            "The table leaves out the launch timeout, which is no whole number: {seconds}"
        );
    }
    number
}

/// The value of `launcher`. A file that is missing is held to be what its name says.
fn launcher_of(spec: &Specification, entry: &Entry, paths: &Paths<'_>) -> String {
    let Some((path, _)) = spec.launcher() else { return "native".to_owned() };
    let is_named = |name: &str| path.file_name().is_some_and(|file| file == name);
    let known = entry.launcher();
    let is = |kind| known.is_none_or(|known| known.kind == kind);
    // One that somebody has edited must not be lost.
    let is_template = || files::read(path).is_ok_and(|text| text == templates::python_launcher());
    if known.is_none() {
        tracing::warn!("The launcher `{}` cannot be read", path.display());
    }
    // What is left of one is named like it, and nothing else can be told of it.
    if is_named(NATIVE) && (is(Kind::Native) || !installed_launcher::is_complete(path)) {
        "native".to_owned()
    } else if is_named(PYTHON) && is(Kind::Python) && (known.is_none() || is_template()) {
        "python".to_owned()
    } else {
        paths.absolute(path).display().to_string()
    }
}

/// What `launch_docker.toml` says, without comments; `None` if it says nothing.
fn options(directory: &Path) -> Result<Option<Table>> {
    let path = directory.join(layout::script(OPTIONS));
    let text = match files::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        text => text?,
    };
    // One that is not understood says something all the same.
    Options::parse(&path.to_string_lossy(), &text)
        .context("`install` cannot make this specification again")?;
    let mut table = text.parse::<DocumentMut>()?.into_table();
    without_comments(&mut table);
    Ok((!table.is_empty()).then_some(table))
}

fn without_comments(table: &mut Table) {
    table.decor_mut().clear();
    table.set_position(None);
    for (mut key, item) in table.iter_mut() {
        key.leaf_decor_mut().clear();
        key.dotted_decor_mut().clear();
        match item {
            Item::Value(value) => *value = plain(value),
            Item::Table(table) => without_comments(table),
            Item::ArrayOfTables(tables) => tables.iter_mut().for_each(without_comments),
            Item::None => {}
        }
    }
}

/// The value on one line, with texts in double quotes.
fn plain(value: &Value) -> Value {
    let mut value = match value {
        Value::String(text) => text_of(text.value()),
        Value::Array(items) => items.iter().map(plain).collect::<Array>().into(),
        Value::InlineTable(table) => {
            table.iter().map(|(name, value)| (name, plain(value))).collect::<InlineTable>().into()
        }
        other => other.clone(),
    };
    value.decor_mut().clear();
    value
}

/// A text as a value in double quotes.
fn text_of(text: &str) -> Value {
    quoted(text).parse().unwrap_or_else(|_| text.into())
}

/// Names what of `kernel.json` no option of `install` writes.
fn tell_left_out(spec: &Specification) {
    let all: Vec<String> = spec.others().map(|name| format!("`{name}`")).collect();
    if !all.is_empty() {
        tracing::warn!(
            "The table leaves out {} of kernel.json, for which `install` has no option",
            all.join(", ")
        );
    }
    let text = files::read(&spec.directory.join(KERNEL_JSON)).unwrap_or_default();
    let mut all = spec.taken_of_image(&text);
    all.extend(other_logos(spec));
    if !all.is_empty() && spec.system == System::Local {
        let all: Vec<String> = all.iter().map(|name| format!("`{}`", printable(name))).collect();
        tracing::warn!(
            "The table leaves out {}, which `{}` takes from the image again",
            all.join(", "),
            setting::IMAGE_KERNELSPEC.option
        );
    }
}

/// The logos that are not those of the language.
fn other_logos(spec: &Specification) -> impl Iterator<Item = String> {
    let language = Language::parse(&spec.language);
    let ours =
        templates::resources(language, spec.mode).filter(|(name, _)| name.starts_with("logo-"));
    let others = ours.filter(|(name, ours)| {
        files::read(&spec.directory.join(name)).is_ok_and(|content| content != *ours)
    });
    others.map(|(name, _)| name.to_owned())
}
