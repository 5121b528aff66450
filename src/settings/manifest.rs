//! A file of many specifications, for `install --file`: TOML, with the options as keys.
//!
//! ```toml
//! [defaults]
//! swarm = true
//!
//! [[kernel]]
//! kernel-name = "python_swarm"
//! authorized-users = ["alice", "bob"]
//!
//! [[kernel]]
//! language = "R"
//!
//! [kernel.launch_docker]
//! mem_limit = "4g"
//! ```
//!
//! A value counts in this order: command line, the kernel's table, `[defaults]`, and then, as without
//! such a file, configuration files, environment and default.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use clap::ValueEnum as _;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use toml_edit::{DocumentMut, Item};

use super::lookup::Line;
use super::relative;
use crate::cli::{Install, Place};
use crate::model::Sample;
use crate::options::Options;
use crate::options::flags::{self, FLAGS, Flag};
use crate::paths::Paths;
use crate::server::System;
use crate::text::{self, nearest};
use crate::traits::{self, Kind, Trait};

/// The traits that a file may set.
const KEYS: [&Trait; 13] = [
    &traits::LANGUAGE,
    &traits::IMAGE_NAME,
    &traits::SWARM,
    &traits::KERNEL_CLASS,
    &traits::PORT_RANGE,
    &traits::LAUNCH_TIMEOUT,
    &traits::AUTHORIZED_USERS,
    &traits::UNAUTHORIZED_USERS,
    &traits::KERNEL_NAME,
    &traits::DISPLAY_NAME,
    &traits::REPLACE,
    &traits::USER,
    &traits::PREFIX,
];

/// The options that a file may set and that stand for no trait.
const GATEWAY: &str = "gateway";
const IMAGE_TAG: &str = "image-tag";
const EXECUTOR_IMAGE_NAME: &str = "executor-image-name";
const LAUNCHER: &str = "launcher";
const SHOW_LAUNCH_ERRORS: &str = "show-launch-errors";
const SYS_PREFIX: &str = "sys-prefix";
/// The sample that a specification is.
pub const SAMPLE: &str = "sample";
/// The name of a specification.
pub const KERNEL_NAME: &str = "kernel-name";

/// A table that is no option: what is written into `launch_docker.toml` as it stands there.
pub const LAUNCH_DOCKER: &str = "launch_docker";

/// The words at the top of a file.
const DEFAULTS: &str = "defaults";
/// The tables of the specifications.
pub const KERNEL: &str = "kernel";

/// A file, for messages and as what relative paths in it start from.
#[derive(Clone, Debug)]
pub struct Manifest<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where it lies.
    pub directory: PathBuf,
    /// What is in it.
    pub text: &'a str,
    /// How paths are made absolute.
    pub paths: &'a Paths<'a>,
}

/// What one table says.
#[derive(Clone, Debug, Default)]
struct Table {
    line: Line,
    gateway: Option<System>,
    image_tag: Option<String>,
    executor_image_name: Option<String>,
    launcher: Option<String>,
    show_launch_errors: Option<bool>,
    sys_prefix: bool,
    sample: Option<Sample>,
    container: Vec<flags::Given>,
    launch_docker: Option<String>,
}

impl Table {
    fn names_a_place(&self) -> bool {
        self.sys_prefix || self.line.has(&traits::USER) || self.line.has(&traits::PREFIX)
    }

    /// What this says, and `other` where it says nothing. The options for the place are one value.
    fn or(&self, other: &Self) -> Self {
        let mut other = other.clone();
        if self.names_a_place() {
            other.line.forget(&traits::USER);
            other.line.forget(&traits::PREFIX);
            other.sys_prefix = false;
        }
        // So is the image.
        if self.line.has(&traits::IMAGE_NAME) {
            other.image_tag = None;
        } else if self.image_tag.is_some() {
            other.line.forget(&traits::IMAGE_NAME);
        }
        Self {
            line: self.line.or(&other.line),
            gateway: self.gateway.or(other.gateway),
            image_tag: self.image_tag.clone().or(other.image_tag),
            executor_image_name: self.executor_image_name.clone().or(other.executor_image_name),
            launcher: self.launcher.clone().or(other.launcher),
            show_launch_errors: self.show_launch_errors.or(other.show_launch_errors),
            sys_prefix: self.sys_prefix || other.sys_prefix,
            sample: self.sample.or(other.sample),
            launch_docker: self.launch_docker.clone().or(other.launch_docker),
            container: {
                // What says something of the same key of `launch_docker.toml` is one value.
                let keys: Vec<&str> = self.container.iter().map(|(flag, _)| flag.key).collect();
                let more = other.container.into_iter();
                let more = more.filter(|(flag, _)| !keys.contains(&flag.key));
                self.container.iter().cloned().chain(more).collect()
            },
        }
    }
}

impl Manifest<'_> {
    /// The command line of each specification in the file, after what the given one says.
    ///
    /// # Errors
    /// When the file is not understood: with line and column.
    pub fn lines(&self, args: &Install, line: &Line) -> Result<Vec<(Install, Line)>> {
        let given = Table {
            line: line.clone(),
            gateway: args.gateway,
            image_tag: args.image_tag.clone(),
            executor_image_name: args.executor_image_name.clone(),
            launcher: args.launcher.clone(),
            show_launch_errors: args.show_launch_errors.then_some(true),
            sys_prefix: args.place.sys_prefix,
            sample: None,
            container: args.container.clone(),
            launch_docker: None,
        };
        let tables = self.tables()?.into_iter().map(|table| {
            let table = given.or(&table);
            let args = args.clone();
            let place = Place { sys_prefix: table.sys_prefix, ..args.place };
            let args = Install {
                container: table.container,
                launch_docker: table.launch_docker,
                sample: table.sample.into_iter().collect(),
                gateway: table.gateway,
                image_tag: table.image_tag,
                executor_image_name: table.executor_image_name,
                launcher: table.launcher,
                show_launch_errors: table.show_launch_errors.unwrap_or_default(),
                place,
                ..args
            };
            (args, table.line)
        });
        Ok(tables.collect())
    }

    /// The tables of the specifications, with the defaults.
    fn tables(&self) -> Result<Vec<Table>> {
        let document = DeTable::parse(self.text).map_err(|error| {
            let at = self.position(error.span().map_or(0, |span| span.start));
            anyhow!("{at}: {}", error.message())
        })?;
        // The same, of which parts can be written again.
        let written: DocumentMut = self.text.parse()?;
        let mut defaults = Table::default();
        let mut kernels = Vec::new();
        for (key, value) in document.get_ref() {
            match (&**key.get_ref(), value.get_ref()) {
                (DEFAULTS, DeValue::Table(table)) => {
                    defaults = self.table(table, written.get(DEFAULTS))?;
                }
                (KERNEL, DeValue::Array(tables)) => {
                    for (number, table) in tables.iter().enumerate() {
                        let DeValue::Table(entries) = table.get_ref() else {
                            bail!("{}: must be a table", self.at(table));
                        };
                        let written = written.get(KERNEL).and_then(|all| all.get(number));
                        kernels.push(self.table(entries, written)?);
                    }
                }
                (DEFAULTS, _) => bail!("{}: must be a table, `[{DEFAULTS}]`", self.at(key)),
                (KERNEL, _) => {
                    bail!("{}: must be a table of the form `[[{KERNEL}]]`", self.at(key));
                }
                (name, _) => {
                    let hint = if key_of(name).is_some() {
                        format!("; it belongs below `[[{KERNEL}]]` or `[{DEFAULTS}]`")
                    } else {
                        nearest(name, [DEFAULTS, KERNEL])
                    };
                    bail!("{}: unknown key `{name}`{hint}", self.at(key));
                }
            }
        }
        ensure!(!kernels.is_empty(), "`{}` has no `[[{KERNEL}]]`", self.name);
        Ok(kernels.iter().map(|kernel| kernel.or(&defaults)).collect())
    }

    fn table(&self, entries: &DeTable<'_>, written: Option<&Item>) -> Result<Table> {
        let mut table = Table::default();
        let mut seen: Vec<String> = Vec::new();
        for (key, value) in entries {
            let name = key.get_ref().replace('_', "-");
            // In TOML `a-b` and `a_b` are two keys.
            ensure!(!seen.contains(&name), "{}: `{name}` is there twice", self.at(key));
            match &*name {
                GATEWAY => {
                    let given = self.string(&name, value)?;
                    let known = System::ALL.into_iter().find(|system| system.facts().name == given);
                    table.gateway = Some(known.ok_or_else(|| {
                        let names =
                            System::ALL.map(|system| format!("\"{}\"", system.facts().name));
                        self.must(&name, value, &format!("be {}", names.join(" or ")))
                    })?);
                }
                IMAGE_TAG => table.image_tag = Some(self.string(&name, value)?.to_owned()),
                EXECUTOR_IMAGE_NAME => {
                    table.executor_image_name = Some(self.string(&name, value)?.to_owned());
                }
                SHOW_LAUNCH_ERRORS => table.show_launch_errors = Some(self.flag(&name, value)?),
                SYS_PREFIX => table.sys_prefix = self.flag(&name, value)?,
                SAMPLE => {
                    let given = self.string(&name, value)?;
                    let sample = Sample::from_str(given, true);
                    table.sample = Some(sample.map_err(|_| {
                        let names = Sample::ALL.map(|sample| format!("\"{}\"", sample.name()));
                        self.must(&name, value, &format!("be one of {}", names.join(", ")))
                    })?);
                }
                name if name == LAUNCH_DOCKER.replace('_', "-") => {
                    let written = written.and_then(|table| table.get(&**key.get_ref()));
                    table.launch_docker = Some(self.launch_docker(value, written)?);
                }
                LAUNCHER => {
                    let given = self.string(&name, value)?;
                    let kind = matches!(given, "native" | "python");
                    table.launcher = Some(if kind { given.to_owned() } else { self.path(given) });
                }
                _ if Flag::named(&name).is_some() => {
                    table.container.extend(self.container(&name, value)?);
                }
                _ => {
                    let known = key_of(&name)
                        .with_context(|| format!("{}: {}", self.at(key), unknown(&name)))?;
                    let origin = format!("`{name}` in {}", self.at(value));
                    table.line.push(known, self.values(known, &name, value)?, origin);
                }
            }
            seen.push(name);
        }
        let has_both = |known: &Trait| table.sample.is_some() && table.line.has(known);
        ensure!(!has_both(&traits::LANGUAGE), "`{}`: a `{SAMPLE}` has its language", self.name);
        Ok(table)
    }

    /// The text for `launch_docker.toml`.
    fn launch_docker(
        &self,
        value: &Spanned<DeValue<'_>>,
        written: Option<&Item>,
    ) -> Result<String> {
        let table = written.and_then(|item| item.clone().into_table().ok());
        let table =
            table.with_context(|| self.must(LAUNCH_DOCKER, value, "be a table").to_string())?;
        let text = DocumentMut::from(table).to_string();
        let at = || format!("{}: `{LAUNCH_DOCKER}`", self.at(value));
        Options::parse("", &text).with_context(at)?;
        Ok(text)
    }

    /// The value of an option that `docker run` has too.
    fn container(&self, name: &str, value: &Spanned<DeValue<'_>>) -> Result<Option<flags::Given>> {
        let Some(flag) = Flag::named(name) else { return Ok(None) };
        if flag.is_switch() {
            return Ok(self.flag(name, value)?.then(|| (flag, Vec::new())));
        }
        let word = |value: &Spanned<DeValue<'_>>| match value.get_ref() {
            DeValue::Integer(number) => Ok(number.as_str().to_owned()),
            DeValue::Float(number) => Ok(number.as_str().to_owned()),
            _ => self.string(name, value).map(str::to_owned),
        };
        let words = match value.get_ref() {
            DeValue::Array(words) => words.iter().map(word).collect::<Result<Vec<_>>>()?,
            _ => vec![word(value)?],
        };
        let words = words.iter().map(|word| relative::resolved(flag, word, &self.directory));
        let words: Vec<String> = words.collect();
        Ok((!words.is_empty()).then_some((flag, words)))
    }

    /// The value of a trait, as the words of a command line.
    fn values(
        &self,
        known: &Trait,
        name: &str,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<Vec<String>> {
        let one = match (known.kind, value.get_ref()) {
            (Kind::Flag, _) => self.flag(name, value)?.to_string(),
            (Kind::Number, DeValue::Integer(number)) => {
                let number = i64::from_str_radix(number.as_str(), number.radix());
                number
                    .map_err(|_| self.must(name, value, "be a number that is smaller"))?
                    .to_string()
            }
            // As in JSON.
            (Kind::Number, DeValue::Float(number)) if number.as_str().ends_with(".0") => {
                number.as_str().trim_end_matches(".0").to_owned()
            }
            (Kind::Number, _) => return Err(self.must(name, value, "be a whole number")),
            (Kind::Names, DeValue::Array(names)) => {
                let names = names.iter().map(|one| self.string(name, one).map(str::to_owned));
                return match names.collect::<Result<Vec<_>>>()? {
                    // Nobody, which is not the same as nothing said.
                    names if names.is_empty() => Ok(vec!["[]".to_owned()]),
                    names => Ok(names),
                };
            }
            (Kind::Names, DeValue::String(names)) => names.to_string(),
            (Kind::Names, _) => return Err(self.must(name, value, "be a list of names")),
            _ if *known == traits::PREFIX => self.path(self.string(name, value)?),
            _ => self.string(name, value)?.to_owned(),
        };
        Ok(vec![one])
    }

    fn flag(&self, name: &str, value: &Spanned<DeValue<'_>>) -> Result<bool> {
        match value.get_ref() {
            DeValue::Boolean(flag) => Ok(*flag),
            _ => Err(self.must(name, value, "be true or false")),
        }
    }

    fn string<'v>(&self, name: &str, value: &'v Spanned<DeValue<'_>>) -> Result<&'v str> {
        match value.get_ref() {
            DeValue::String(text) => Ok(text),
            _ => Err(self.must(name, value, "be text, in quotes")),
        }
    }

    fn must(&self, name: &str, value: &Spanned<DeValue<'_>>, what: &str) -> anyhow::Error {
        anyhow!("{}: `{name}` must {what}", self.at(value))
    }

    /// A path in the file, relative to it, as Compose has it.
    fn path(&self, given: &str) -> String {
        let path = Path::new(given);
        if given.is_empty() {
            return String::new();
        }
        if given.starts_with('~') {
            return self.paths.expand(path).to_string_lossy().into_owned();
        }
        self.directory.join(path).to_string_lossy().into_owned()
    }

    fn at<T>(&self, place: &Spanned<T>) -> String {
        self.position(place.span().start)
    }

    /// The place in the file, as compilers write it: name, line and column.
    fn position(&self, offset: usize) -> String {
        let (line, column) = text::position(self.text, offset);
        format!("{}:{line}:{column}", self.name)
    }
}

/// The trait for which an option stands.
fn key_of(name: &str) -> Option<&'static Trait> {
    KEYS.into_iter().find(|known| option(known) == name.replace('_', "-"))
}

fn option(known: &'static Trait) -> &'static str {
    known.option.unwrap_or_default().trim_start_matches("--")
}

fn unknown(name: &str) -> String {
    let container = FLAGS.iter().map(|flag| flag.long);
    let others = [
        GATEWAY,
        IMAGE_TAG,
        EXECUTOR_IMAGE_NAME,
        LAUNCHER,
        LAUNCH_DOCKER,
        SAMPLE,
        SHOW_LAUNCH_ERRORS,
        SYS_PREFIX,
    ];
    let keys = KEYS.into_iter().map(option).chain(others).chain(container);
    let elsewhere = traits::Trait::ALL.into_iter().any(|known| option(known) == name);
    if elsewhere {
        return format!("`{name}` is an option of the command line only");
    }
    format!("unknown key `{name}`{}", nearest(name, keys))
}

#[cfg(test)]
mod tests;
