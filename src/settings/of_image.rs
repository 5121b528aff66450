//! What `install --local` takes from its image, or adds to it: what is asked before there are settings, and what they
//! get of the answer.

use anyhow::{Result, bail, ensure};

use super::local;
use super::lookup::Lookup;
use crate::cli::Install;
use crate::image::{Addition, BuildArguments, Kernelspec};
use crate::model::{Language, LanguageName};
use crate::options::Options;
use crate::options::node::Value;
use crate::options::template;
use crate::setting::{self, Setting};

/// What has to be known of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The kernelspec of this name, or the only one.
    Kernelspec(Option<String>),
    /// Whether it has a kernel of this language already.
    Kernel(Language),
}

/// A question about an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub image: String,
    pub platform: Option<String>,
    /// The address of the engine; `None` for that of the environment.
    pub engine: Option<String>,
    pub wanted: Wanted,
}

impl Question {
    /// What there is to ask before there can be settings.
    ///
    /// # Errors
    /// When a value is not valid, or stands where it has no meaning.
    pub fn of(args: &Install, lookup: &Lookup<'_>) -> Result<Option<Self>> {
        let adds = lookup.flag(&setting::ADD_KERNEL)?;
        for known in [&setting::BUILD_ARG, &setting::BUILD_NETWORK] {
            if let Some((values, origin)) = lookup.line.get(known) {
                ensure!(adds || values.is_empty(), "{origin} is for the build of `--add-kernel`");
            }
        }
        let name = lookup.line.value(&setting::IMAGE_KERNELSPEC);
        let known = if adds { &setting::ADD_KERNEL } else { &setting::IMAGE_KERNELSPEC };
        if !adds && name.is_none() {
            return Ok(None);
        }
        let origin = lookup.line.get(known).map_or("", |(_, origin)| origin);
        let is_local = lookup.flag(&setting::LOCAL)?;
        ensure!(
            is_local || lookup.flag(&setting::BRING_BOOTSTRAP)?,
            "{origin} is for `--local` and `--bring-bootstrap`: else the image has a bootstrap that starts the kernel"
        );
        // What is wrong with it is said before an image is pulled for it.
        if is_local {
            local::check(lookup)?;
        }
        let wanted = match name {
            Some(_) if adds => bail!(
                "`--{}` and `--{}` cannot be given together: the one takes a kernel that the image has, the other \
                 adds one",
                setting::IMAGE_KERNELSPEC.option,
                setting::ADD_KERNEL.option
            ),
            Some(name) => {
                only(lookup, &setting::KERNEL_COMMAND, origin)?;
                only(lookup, &setting::KERNEL_CLASS, origin)?;
                Wanted::Kernelspec(Some(name.to_owned()).filter(|name| !name.is_empty()))
            }
            None => Wanted::Kernel(language_to_add(lookup, origin)?),
        };
        let engine = local::engine(args)?;
        Ok(Some(Self { image: local::image(lookup)?, platform: platform(args), engine, wanted }))
    }
}

/// Looks that nothing is said of what a kernelspec says.
fn only(lookup: &Lookup<'_>, known: &Setting, origin: &str) -> Result<()> {
    if let Some((_, other)) = lookup.line.get(known) {
        bail!("{other} has no meaning beside {origin}: the kernelspec has the command");
    }
    Ok(())
}

fn language_to_add(lookup: &Lookup<'_>, origin: &str) -> Result<Language> {
    let Some(given) = lookup.text(&setting::LANGUAGE) else { return Ok(Language::Python) };
    match LanguageName::of(&given.value).known() {
        Some(language) if Addition::package(language).is_some() => Ok(language),
        _ => bail!(
            "{origin} can add a kernel in Python or R, and {}; add it to the image yourself, and take it with \
             `--image-kernelspec`",
            given.must("be one of them")
        ),
    }
}

/// The platform of the image, where it is named and nothing in it is filled in later.
fn platform(args: &Install) -> Option<String> {
    let given = args.container.iter().find(|(flag, _)| flag.key == "platform");
    let given = given.and_then(|(_, words)| words.last().cloned());
    let in_table = || {
        let table = Options::parse("", args.launch_docker.as_deref()?).ok()?;
        match &table.get("platform")?.value {
            Value::Text(name) => Some(name.clone()),
            _ => None,
        }
    };
    given.or_else(in_table).filter(|name| !name.contains('$'))
}

/// The image with a kernel that is to be built.
///
/// # Errors
/// When a value is not valid.
pub(super) fn addition(
    args: &Install,
    lookup: &Lookup<'_>,
    base: &str,
    user: Option<String>,
) -> Result<Addition> {
    let language = language_to_add(lookup, "`--add-kernel`")?;
    let package = Addition::package(language).unwrap_or_default();
    let network = lookup.text(&setting::BUILD_NETWORK).map(|given| given.value);
    Ok(Addition {
        base: base.to_owned(),
        tag: Addition::tag_for(base, package)?,
        language,
        user,
        arguments: arguments(lookup)?,
        network,
        platform: platform(args),
        engine: local::engine(args)?,
    })
}

/// The build arguments, as the `docker` client takes them.
fn arguments(lookup: &Lookup<'_>) -> Result<BuildArguments> {
    let mut arguments = BuildArguments::new();
    let Some((words, origin)) = lookup.line.get(&setting::BUILD_ARG) else { return Ok(arguments) };
    for word in words {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word.as_str(), lookup.env.get(word)),
        };
        let is_name = !name.starts_with(|c: char| c.is_ascii_digit())
            && !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        ensure!(is_name, "{origin} of `{name}` must begin with the name of a variable");
        if let Some(value) = value {
            arguments.insert(name.to_owned(), value.to_owned());
        }
    }
    Ok(arguments)
}

/// The words of a kernelspec as text of `launch_docker.toml`, where `$` begins a variable.
///
/// # Errors
/// When one has what would be filled in there.
pub(super) fn command(found: &Kernelspec) -> Result<Vec<String>> {
    found.argv.iter().map(|word| literal(word, "`argv`")).collect()
}

/// The variables of a kernelspec, but for those that are said otherwise, as values of `--env`.
///
/// # Errors
/// When one has what would be filled in.
pub(super) fn variables(found: &Kernelspec, said: &[String]) -> Result<Vec<String>> {
    let is_said = |name: &str| said.iter().any(|word| word.split('=').next() == Some(name));
    let own = found.env.iter().filter(|(name, _)| !is_said(name));
    own.map(|(name, value)| literal(&format!("{name}={value}"), "`env`")).collect()
}

/// A text that comes out as it is but for the connection file.
fn literal(text: &str, place: &str) -> Result<String> {
    for name in ["{username}", "{kernel_id}", "{language}", "{cwd}"] {
        ensure!(
            !text.contains(name),
            "the kernelspec of the image has `{name}` in its {place}, which would be filled in; say the command with \
             `--kernel-command`"
        );
    }
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find(['{', '$']) {
        let (before, found) = rest.split_at(at);
        // What is an action of a template there is left as it is.
        let length = template::action(found).unwrap_or(1);
        let doubled = if found.starts_with('$') { "$" } else { "" };
        out.extend([before, doubled, &found[..length]]);
        rest = &found[length..];
    }
    Ok(out + rest)
}
