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
//! ```
//!
//! A value counts in this order: command line, the kernel's table, `[defaults]`, and then, as without
//! such a file, configuration files, environment and default.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::System;
use super::lookup::Line;
use super::traits::{self, Kind, Trait};
use crate::cli::{Install, Place};
use crate::options::flags::{self, FLAGS, Flag};
use crate::paths::Paths;
use crate::text::{self, nearest};

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

/// The words at the top of a file.
const DEFAULTS: &str = "defaults";
const KERNEL: &str = "kernel";

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
    container: Vec<flags::Given>,
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
            container: args.container.clone(),
        };
        let tables = self.tables()?.into_iter().map(|table| {
            let table = given.or(&table);
            let args = args.clone();
            let place = Place { sys_prefix: table.sys_prefix, ..args.place };
            let args = Install {
                container: table.container,
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
        let mut defaults = Table::default();
        let mut kernels = Vec::new();
        for (key, value) in document.get_ref() {
            match (&**key.get_ref(), value.get_ref()) {
                (DEFAULTS, DeValue::Table(table)) => defaults = self.table(table)?,
                (KERNEL, DeValue::Array(tables)) => {
                    for table in tables {
                        let DeValue::Table(table) = table.get_ref() else {
                            bail!("{}: must be a table", self.at(table));
                        };
                        kernels.push(self.table(table)?);
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

    fn table(&self, entries: &DeTable<'_>) -> Result<Table> {
        let mut table = Table::default();
        let mut seen: Vec<String> = Vec::new();
        for (key, value) in entries {
            let name = key.get_ref().replace('_', "-");
            // In TOML `a-b` and `a_b` are two keys.
            ensure!(!seen.contains(&name), "{}: `{name}` is there twice", self.at(key));
            match &*name {
                GATEWAY => {
                    let given = self.string(&name, value)?;
                    let known = System::ALL.into_iter().find(|system| system.name() == given);
                    table.gateway = Some(known.ok_or_else(|| {
                        let names = System::ALL.map(|system| format!("\"{}\"", system.name()));
                        self.must(&name, value, &format!("be {}", names.join(" or ")))
                    })?);
                }
                IMAGE_TAG => table.image_tag = Some(self.string(&name, value)?.to_owned()),
                EXECUTOR_IMAGE_NAME => {
                    table.executor_image_name = Some(self.string(&name, value)?.to_owned());
                }
                SHOW_LAUNCH_ERRORS => table.show_launch_errors = Some(self.flag(&name, value)?),
                SYS_PREFIX => table.sys_prefix = self.flag(&name, value)?,
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
        Ok(table)
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
            (Kind::Number, _) => return Err(self.must(name, value, "be a whole number")),
            (Kind::Names, DeValue::Array(names)) => {
                let names = names.iter().map(|one| self.string(name, one).map(str::to_owned));
                return match names.collect::<Result<Vec<_>>>()? {
                    // Nobody, which is not the same as nothing said.
                    names if names.is_empty() => Ok(vec![String::new()]),
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
    let others =
        [GATEWAY, IMAGE_TAG, EXECUTOR_IMAGE_NAME, LAUNCHER, SHOW_LAUNCH_ERRORS, SYS_PREFIX];
    let keys = KEYS.into_iter().map(option).chain(others).chain(container);
    let elsewhere = traits::Trait::ALL.into_iter().any(|known| option(known) == name);
    if elsewhere {
        return format!("`{name}` is an option of the command line only");
    }
    format!("unknown key `{name}`{}", nearest(name, keys))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};
    use crate::env::Env;

    fn read(text: &str, words: &[&str]) -> Result<Vec<(Install, Line)>> {
        let env = Env::new(Path::new("/w"), [("HOME", "/h")]);
        let paths = Paths { env: &env, executable: None };
        let manifest = Manifest { name: "k.toml", directory: "/m".into(), text, paths: &paths };
        let words = ["jupyter-docker-spec", "install"].iter().chain(words);
        let Some(Command::Install(install)) = Cli::try_parse_from(words)?.command else {
            bail!("not an installation");
        };
        manifest.lines(&install, &Line::new(&install, &[])?)
    }

    /// What each specification's line says of a trait.
    fn said(text: &str, words: &[&str], known: &Trait) -> Vec<String> {
        let lines = read(text, words).unwrap();
        lines.iter().map(|(_, line)| line.values(known).join("+")).collect()
    }

    #[test]
    fn the_command_line_comes_before_the_table_and_that_before_the_defaults() {
        let text = r#"
            [defaults]
            image_name = "default"
            unauthorized-users = ["a", "b"]
            [[kernel]]
            image-name = "own"
            unauthorized-users = []
            [[kernel]]
        "#;
        assert_eq!(said(text, &[], &traits::IMAGE_NAME), ["own", "default"]);
        assert_eq!(said(text, &["--image-name=line"], &traits::IMAGE_NAME), ["line", "line"]);
        assert_eq!(said(text, &[], &traits::UNAUTHORIZED_USERS), ["", "a+b"]);
    }

    #[test]
    fn a_place_is_one_value() {
        let text = r#"
            defaults.prefix = "p"
            [[kernel]]
            user = true
            [[kernel]]
            sys-prefix = true
            [[kernel]]
            prefix = "~/p"
            [[kernel]]
            launcher = "python"
            [[kernel]]
            launcher = "bin/l"
        "#;
        assert_eq!(said(text, &[], &traits::PREFIX), ["", "", "/h/p", "/m/p", "/m/p"]);
        assert_eq!(said(text, &[], &traits::USER), ["true", "", "", "", ""]);
        assert_eq!(said(text, &["--user"], &traits::PREFIX), [""; 5]);
        let lines = read(text, &[]).unwrap();
        let others =
            lines.iter().map(|(args, _)| (args.place.sys_prefix, args.launcher.as_deref()));
        let others: Vec<_> = others.collect();
        assert_eq!(others[1], (true, None));
        assert_eq!(others[3], (false, Some("python")));
        assert_eq!(others[4], (false, Some("/m/bin/l")));
        assert!(
            read(text, &["--launcher=native"]).unwrap()[4].0.launcher.as_deref() == Some("native")
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (text, expected) in [
            ("", "`k.toml` has no `[[kernel]]`"),
            ("[[kernel]]\nswarm = yes", "k.toml:2:9: "),
            ("[kernel]", "k.toml:1:2: must be a table of the form `[[kernel]]`"),
            ("kernel = [1]", "k.toml:1:11: must be a table"),
            ("defaults = 1", "k.toml:1:1: must be a table, `[defaults]`"),
            ("[[kernels]]", "k.toml:1:3: unknown key `kernels`; did you mean `kernel`?"),
            (
                "swarm = true",
                "k.toml:1:1: unknown key `swarm`; it belongs below `[[kernel]]` or `[defaults]`",
            ),
            ("[[kernel]]\n é = 1", "k.toml:2:2: "),
            (
                "[[kernel]]\n  imagename = 1",
                "k.toml:2:3: unknown key `imagename`; did you mean `image-name`?",
            ),
            (
                "[[kernel]]\nconfig = 1",
                "k.toml:2:1: `config` is an option of the command line only",
            ),
            ("[[kernel]]\nswarm = 1", "k.toml:2:9: `swarm` must be true or false"),
            ("[[kernel]]\nimage-name = 1", "k.toml:2:14: `image-name` must be text, in quotes"),
            (
                "[[kernel]]\nlaunch-timeout = 1.5",
                "k.toml:2:18: `launch-timeout` must be a whole number",
            ),
            ("[[kernel]]\nauthorized-users = [1]", "k.toml:2:21: `authorized-users` must be text"),
            ("[[kernel]]\nauthorized-users = 1", "k.toml:2:20: `authorized-users` must be a list"),
            ("[[kernel]]\nuser = true\n_user = true", "k.toml:3:1: unknown key `-user`"),
            (
                "[[kernel]]\nsys-prefix = true\nsys_prefix = true",
                "k.toml:3:1: `sys-prefix` is there twice",
            ),
        ] {
            let error = read(text, &[]).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text:?}: {error}");
        }
    }
}
