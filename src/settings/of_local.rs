//! What a specification says of its containers if the kernel is started by our bootstrap, be it one of `install --local`
//! or one for a gateway: by default, and from a kernelspec of the image.

use anyhow::{Result, bail, ensure};

use super::kernel_class::{DEFAULT_KERNEL_CLASS, kernel_class};
use super::lookup::Lookup;
use super::{local, manifest, of_image, relative};
use crate::cli::Install;
use crate::image::Kernelspec;
use crate::model::{Language, LanguageName};
use crate::options::container_options::{self, ContainerOption, MOUNT_CWD};
use crate::options::{BRING_BOOTSTRAP, Options, toml_text, written};
use crate::server::CONNECTION_FILE;
use crate::setting::{self, Given};
use crate::templates;

/// The option for variables.
const ENV: &str = "env";

/// The longest name of a language, in characters.
const LONGEST: usize = 100;

/// The language, which may be any: what is said counts more than what a kernelspec of the image says.
pub(super) fn language(lookup: &Lookup<'_>, found: Option<&Kernelspec>) -> Result<LanguageName> {
    let given = lookup.text(&setting::LANGUAGE);
    let of_image = || {
        let value = found?.language.clone();
        Some(Given { value, origin: "the language in the kernelspec".to_owned() })
    };
    let Some(given) = given.or_else(of_image) else {
        return Ok(LanguageName::Known(Language::Python));
    };
    let name = given.value.trim();
    let is_name = !name.is_empty()
        && name.chars().count() <= LONGEST
        && !name.chars().any(crate::text::is_invisible);
    ensure!(is_name, given.must("be the name of a language; `--language` says one"));
    Ok(LanguageName::of(name))
}

/// The text of `launch_docker.toml`.
pub(super) fn options(
    args: &Install,
    lookup: &Lookup<'_>,
    language: &LanguageName,
    (image, is_built): (&str, bool),
    of_image: Option<&Kernelspec>,
) -> Result<String> {
    let is_local = lookup.flag(&setting::LOCAL)?;
    let table = args.launch_docker.as_deref().unwrap_or_default();
    let in_table = Options::parse("", table)?;
    let has = |key: &str| in_table.get(key).is_some();
    ensure!(
        !is_local || !has("image"),
        "`image` in the table `{}` is what `image-name` says; use that",
        manifest::LAUNCH_DOCKER
    );
    if let Some(node) = in_table.get("command") {
        let [_, file] = CONNECTION_FILE;
        ensure!(
            node.to_json().to_string().contains(file),
            "`command` in the table `{}` must have `{file}` in it, where the kernel takes the file with its ports \
             and key",
            manifest::LAUNCH_DOCKER
        );
    }
    let mut given = relative::container(&args.container, lookup.env)?;
    let says_mount = !is_local || given.iter().any(|(flag, _)| flag.key == "mount_cwd");
    if let Some(flag) =
        ContainerOption::named(MOUNT_CWD).filter(|flag| !says_mount && !has(flag.key))
    {
        given.push((flag, Vec::new()));
    }
    add_variables(&mut given, of_image, has("environment"))?;
    let mut text = written::written(templates::options(), &given, lookup.env)?;
    if is_local {
        text = written::with_line(&text, "image", &toml_text::quoted(image))?;
    } else {
        text = written::with_line(&text, BRING_BOOTSTRAP, "true")?;
    }
    let says_pull = has("pull_policy") || given.iter().any(|(flag, _)| flag.key == "pull_policy");
    if is_built && !says_pull {
        // No registry has it, or one of somebody else's.
        text = written::with_line(&text, "pull_policy", &toml_text::quoted("never"))?;
    }
    // Beside a kernel that has been come across; beside one that was asked for nothing is said.
    let says_command = [&setting::KERNEL_COMMAND, &setting::KERNEL_CLASS]
        .into_iter()
        .any(|known| lookup.line.has(known));
    let words = match lookup.line.get(&setting::KERNEL_COMMAND) {
        Some((_, origin)) if has("command") => bail!(
            "{origin} and `command` in the table `{}` say the same; use one",
            manifest::LAUNCH_DOCKER
        ),
        _ if has("command") && lookup.line.value(&setting::IMAGE_KERNELSPEC).is_some() => bail!(
            "`command` in the table `{}` has no meaning beside `image-kernelspec`: the kernelspec has the command",
            manifest::LAUNCH_DOCKER
        ),
        _ if has("command") => None,
        _ => Some(match of_image {
            Some(found) if !says_command => of_image::command(found)?,
            _ => command(lookup, language)?,
        }),
    };
    if let Some(words) = words {
        text = written::with_line(&text, "command", &toml_text::words(&words))?;
    }
    Ok(if table.is_empty() { text } else { format!("{text}\n{table}") })
}

/// Adds the variables of a kernelspec.
fn add_variables(
    given: &mut Vec<container_options::Given>,
    of_image: Option<&Kernelspec>,
    is_in_table: bool,
) -> Result<()> {
    let said = given.iter().filter(|(flag, _)| flag.long == ENV).flat_map(|(_, words)| words);
    let said: Vec<String> = said.cloned().collect();
    let found = of_image.map(|found| of_image::variables(found, &said)).transpose()?;
    let Some(words) = found.filter(|words| !words.is_empty()) else { return Ok(()) };
    ensure!(
        !is_in_table,
        "the kernelspec of the image has variables, and the table `{}` has an `environment` of its own; say that with \
         `{ENV}` instead",
        manifest::LAUNCH_DOCKER
    );
    given.extend(ContainerOption::named(ENV).map(|flag| (flag, words)));
    Ok(())
}

/// The words of the command that starts the kernel.
fn command(lookup: &Lookup<'_>, language: &LanguageName) -> Result<Vec<String>> {
    let known = language.known();
    let is_local = lookup.flag(&setting::LOCAL)?;
    let class = known.map(|known| kernel_class(lookup, known)).transpose()?.flatten();
    // A gateway tells it to the bootstrap.
    let class = class.filter(|class| is_local && class != DEFAULT_KERNEL_CLASS);
    if let Some(words) = local::given_command(lookup.line)? {
        if let Some((_, origin)) = lookup.line.get(&setting::KERNEL_CLASS).filter(|_| is_local) {
            bail!("{origin} goes into the command of ipykernel; say it in `--kernel-command`");
        }
        return Ok(words);
    }
    let [_, file] = CONNECTION_FILE;
    let words = match (known.and_then(known_command), known) {
        (Some(words), _) => words,
        (None, Some(Language::Scala)) if !is_local => bail!(
            "`--bring-bootstrap` is not for Apache Toree, which the bootstrap of its images starts with Spark; for another \
             kernel in Scala, such as almond, `--kernel-command` says the command that starts it, with `{file}` in it"
        ),
        _ => bail!(
            "`--{}` with the language {} needs `--kernel-command`: the command that starts the kernel, with \
             `{file}` in it; or `--image-kernelspec`, if the image has a kernelspec that says it",
            if is_local { setting::LOCAL.option } else { setting::BRING_BOOTSTRAP.option },
            language.name()
        ),
    };
    let class = class.map(|class| format!("--IPKernelApp.kernel_class={class}"));
    Ok(words.into_iter().chain(class).collect())
}

/// The command that starts the kernel of this language in any image that has it.
#[must_use]
pub fn known_command(language: Language) -> Option<Vec<String>> {
    let [_, file] = CONNECTION_FILE;
    let words = match language {
        Language::Python => vec!["python", "-m", "ipykernel_launcher", "-f", file],
        Language::R => vec!["R", "--slave", "-e", "IRkernel::main()", "--args", file],
        Language::Scala => return None,
    };
    Some(words.into_iter().map(str::to_owned).collect())
}
