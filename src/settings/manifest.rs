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
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use toml_edit::{DocumentMut, Item};

use super::relative;
use crate::cli::Install;
use crate::options::Options;
use crate::options::container_options::{self, CONTAINER_OPTIONS, ContainerOption};
use crate::paths::Paths;
use crate::setting::{self, CommandLine, Kind, Setting};
use crate::text::{self, did_you_mean};

/// What says together where a specification goes, and which image it has.
const PLACE: [&Setting; 3] = [&setting::USER, &setting::PREFIX, &setting::SYS_PREFIX];
const IMAGE: [&Setting; 2] = [&setting::IMAGE_NAME, &setting::IMAGE_TAG];

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
    line: CommandLine,
    container: Vec<container_options::Given>,
    launch_docker: Option<String>,
}

impl Table {
    /// What this says, and `other` where it says nothing.
    fn or(&self, other: &Self) -> Self {
        let mut other = other.clone();
        // Options that say together where the specification goes, or which image it has, are one value.
        for together in [&PLACE[..], &IMAGE[..]] {
            if together.iter().any(|known| self.line.has(known)) {
                for known in together {
                    other.line.forget(known);
                }
            }
        }
        // So is what says something of the same key of `launch_docker.toml`.
        let keys: Vec<&str> = self.container.iter().map(|(flag, _)| flag.key).collect();
        other.container.retain(|(flag, _)| !keys.contains(&flag.key));
        Self {
            line: self.line.or(&other.line),
            launch_docker: self.launch_docker.clone().or(other.launch_docker),
            container: self.container.iter().cloned().chain(other.container).collect(),
        }
    }
}

impl Manifest<'_> {
    /// What each specification in the file is told, after what the command line says.
    ///
    /// # Errors
    /// When the file is not understood: with line and column.
    pub fn lines(&self, args: &Install) -> Result<Vec<Install>> {
        let given = Table {
            line: args.line.clone(),
            container: args.container.clone(),
            launch_docker: None,
        };
        let tables = self.tables()?.into_iter().map(|table| {
            let Table { line, container, launch_docker } = given.or(&table);
            Install { line, prefix: args.prefix.clone(), container, launch_docker }
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
                        did_you_mean(name, [DEFAULTS, KERNEL])
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
            let flag = ContainerOption::named(&name);
            if name == LAUNCH_DOCKER.replace('_', "-") {
                let written = written.and_then(|table| table.get(&**key.get_ref()));
                table.launch_docker = Some(self.launch_docker(value, written)?);
            } else if let Some(flag) = flag {
                table.container.extend(self.container(flag, value)?);
            } else {
                let known = key_of(&name)
                    .with_context(|| format!("{}: {}", self.at(key), unknown(&name)))?;
                let origin = format!("`{name}` in {}", self.at(value));
                table.line.push(known, self.values(known, value)?, origin);
            }
            seen.push(name);
        }
        let has_both = table.line.has(&setting::SAMPLE) && table.line.has(&setting::LANGUAGE);
        ensure!(!has_both, "`{}`: a `sample` has its language", self.name);
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
    fn container(
        &self,
        flag: &'static ContainerOption,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<Option<container_options::Given>> {
        let name = flag.long;
        if flag.is_switch() && !matches!(value.get_ref(), DeValue::Integer(_)) {
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

    /// The value of a setting, as the words of a command line.
    fn values(&self, known: &Setting, value: &Spanned<DeValue<'_>>) -> Result<Vec<String>> {
        let name = known.option;
        let one = match (known.kind, value.get_ref()) {
            (Kind::Bool, _) => self.flag(name, value)?.to_string(),
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
            (Kind::Choice(words), _) => {
                let given = self.string(name, value)?;
                if !words.iter().any(|word| word.eq_ignore_ascii_case(given)) {
                    let words: Vec<String> =
                        words.iter().map(|word| format!("\"{word}\"")).collect();
                    let what = match &*words {
                        [one, other] => format!("be {one} or {other}"),
                        words => format!("be one of {}", words.join(", ")),
                    };
                    return Err(self.must(name, value, &what));
                }
                given.to_owned()
            }
            (Kind::TextOrNothing, DeValue::Boolean(true)) => String::new(),
            // That is as if it were not there, whatever the defaults say.
            (Kind::TextOrNothing, DeValue::Boolean(false)) => return Ok(Vec::new()),
            (Kind::TextOrNothing, DeValue::String(text)) => text.to_string(),
            (Kind::TextOrNothing, _) => {
                return Err(self.must(name, value, "be text, in quotes, or true or false"));
            }
            (Kind::Text, DeValue::Array(texts)) if known.is_repeatable => {
                let texts = texts.iter().map(|one| self.string(name, one).map(str::to_owned));
                return texts.collect();
            }
            (Kind::ChoiceOrPath(words), _) => {
                let given = self.string(name, value)?;
                if words.contains(&given) { given.to_owned() } else { self.path(given) }
            }
            (Kind::Path, _) => self.path(self.string(name, value)?),
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

/// The setting that a key names.
fn key_of(name: &str) -> Option<&'static Setting> {
    setting::named(name).filter(|known| known.in_file)
}

fn unknown(name: &str) -> String {
    if setting::named(name).is_some() {
        return format!("`{name}` is an option of the command line only");
    }
    let keys = setting::ALL.into_iter().filter(|known| known.in_file).map(|known| known.option);
    let container = CONTAINER_OPTIONS.iter().map(|flag| flag.long);
    format!(
        "unknown key `{name}`{}",
        did_you_mean(name, keys.chain([LAUNCH_DOCKER]).chain(container))
    )
}

#[cfg(test)]
mod tests;
