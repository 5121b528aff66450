//! What a specification of `install --local`, which no server starts kernels of, cannot have.

use std::borrow::Cow;

use anyhow::{Context as _, Result, bail, ensure};

use super::image::check_image;
use super::lookup::Lookup;
use crate::cli::{Install, Set};
use crate::engine::other_engine;
use crate::options::container_options::{
    ContainerOption, ENGINE, MOUNT_CWD, NO_MOUNT_CWD, OF_LOCAL, WARM, WARM_COMMAND, WARM_TIME,
};
use crate::options::{Options, command};
use crate::server::CONNECTION_FILE;
use crate::setting::{self, CommandLine, Kind, Setting};

const NO_SAMPLES: &str = "samples are specifications for Enterprise Gateway";
const NO_LISTS: &str = "there is no server that looks at users: who can read the specification and use the \
                        engine can start its kernels";

/// What has no meaning for it, with the reason.
static REFUSED: [(&Setting, &str); 11] = [
    (&setting::SAMPLES, NO_SAMPLES),
    (&setting::SAMPLE, NO_SAMPLES),
    (&setting::BRING_BOOTSTRAP, "its kernels are started by that anyway"),
    (&setting::GATEWAY, "its kernels are those of no gateway, but of any Jupyter application"),
    (&setting::SWARM, "its kernels are containers of one engine, not services of a Swarm"),
    (&setting::AUTHORIZED_USERS, NO_LISTS),
    (&setting::UNAUTHORIZED_USERS, NO_LISTS),
    (&setting::PORT_RANGE, "its kernels have the ports that the application chooses"),
    (&setting::LAUNCH_TIMEOUT, "the application decides how long it waits for a kernel"),
    (
        &setting::EXECUTOR_IMAGE_NAME,
        "there is no server that tells a kernel of an image for executors; `--env` can",
    ),
    (&setting::IMAGE_TAG, "there is no default image; put the tag into `--image-name`"),
];

/// Looks for what is said of it and has no meaning. What variables, and traits of configuration files, say of
/// these settings is about gateways and does not count, but for `swarm`, which would make it another kind.
pub(super) fn check(lookup: &Lookup<'_>) -> Result<()> {
    let Lookup { line, .. } = lookup;
    for (known, reason) in REFUSED {
        let given = match known.kind {
            Kind::Bool => lookup.flag(known)?.then(|| lookup.text(known)).flatten(),
            _ => line.get(known).and_then(|_| lookup.text(known)),
        };
        if let Some(origin) = given.map(|given| given.origin) {
            bail!("{origin} cannot be given with `--local`: {reason}");
        }
    }
    check_launcher(line, &setting::LOCAL)
}

/// Looks that no other launcher is asked for than the native one, which this option needs.
pub(super) fn check_launcher(line: &CommandLine, option: &Setting) -> Result<()> {
    if let (Some(launcher), Some((_, origin))) =
        (line.value(&setting::LAUNCHER), line.get(&setting::LAUNCHER))
    {
        let reason = if *option == setting::LOCAL {
            "to the application the launcher is the kernel, and only the native one can be that"
        } else {
            "only the native launcher brings a bootstrap"
        };
        ensure!(
            launcher == "native",
            "{origin} of `{launcher}` cannot be given with `--{}`: {reason}",
            option.option
        );
    }
    Ok(())
}

/// Looks for what has a meaning for nothing else. A command has one where the bootstrap is brought, too.
pub(super) fn only(args: &Install, brings_bootstrap: bool) -> Result<()> {
    let command = args.line.get(&setting::KERNEL_COMMAND).filter(|_| !brings_bootstrap);
    if let Some((_, origin)) = command {
        bail!(
            "{origin} is for `--local` and `--bring-bootstrap`: else the image has a bootstrap that starts the \
             kernel; if that is another one, `command` in launch_docker.toml names it"
        );
    }
    ensure!(
        !args.container.iter().any(|(flag, _)| flag.long == ENGINE),
        "`--{ENGINE}` is for `--local`: a server looks for its kernels where DOCKER_HOST or the Docker context says"
    );
    let warm = args
        .container
        .iter()
        .find(|(flag, _)| [WARM, WARM_COMMAND, WARM_TIME].contains(&flag.long));
    if let Some((flag, _)) = warm {
        bail!(
            "`--{}` is for `--local`: a server tells a kernel who it is when its container is created",
            flag.long
        );
    }
    ensure!(
        !args.container.iter().any(|(flag, _)| flag.long == NO_MOUNT_CWD),
        "`--{NO_MOUNT_CWD}` is for `--local`: other kernels have the notebook's directory only with `--{MOUNT_CWD}`"
    );
    Ok(())
}

/// Looks for what `set` cannot change of it.
pub(super) fn check_change(args: &Set) -> Result<()> {
    let refused = |known: &Setting| {
        if *known == setting::KERNEL_CLASS {
            return Some("it goes into the command of ipykernel; say it in `--kernel-command`");
        }
        REFUSED.iter().find(|(other, _)| *other == known).map(|(_, reason)| *reason)
    };
    for known in setting::ALL {
        if let (Some(reason), true) = (refused(known), args.line.has(known)) {
            bail!("`--{}` has no meaning for a specification of `--local`: {reason}", known.option);
        }
    }
    for name in &args.unset {
        let known = setting::named(name.trim_start_matches("--"));
        if let Some(reason) = known.and_then(refused) {
            bail!("`--unset={name}` has no meaning for a specification of `--local`: {reason}");
        }
        for (key, known) in [("image", &setting::IMAGE_NAME), ("command", &setting::KERNEL_COMMAND)]
        {
            ensure!(
                name != key,
                "a specification of `--local` needs `{key}`: give it another value with `--{}`",
                known.option
            );
        }
        ensure!(
            name.trim_start_matches("--") != NO_MOUNT_CWD,
            "`--unset={name}` is what `--{MOUNT_CWD}` says; use that"
        );
    }
    Ok(())
}

/// Looks for what `set` can change of nothing else. A command can be changed where the bootstrap is brought, too.
pub(super) fn check_change_of_others(args: &Set, brings_bootstrap: bool) -> Result<()> {
    let command = setting::KERNEL_COMMAND.option;
    let is_of_local = |name: &str| OF_LOCAL.contains(&name) || name == command && !brings_bootstrap;
    let mut given = args.container.iter().map(|(flag, _)| flag.long);
    let unset = args.unset.iter().map(|name| name.trim_start_matches("--"));
    let named = args.line.has(&setting::KERNEL_COMMAND).then_some(command);
    let named = named.filter(|name| is_of_local(name));
    let named = named.or_else(|| given.find(|name| is_of_local(name)));
    if let Some(option) = named.or_else(|| unset.into_iter().find(|name| is_of_local(name))) {
        let others = if option == command { " and `--bring-bootstrap`" } else { "" };
        bail!(
            "`--{option}` is for specifications of `--local`{others}; `set --help` has what others can have"
        );
    }
    Ok(())
}

/// The image, for which there is no default: that of gateways has a bootstrap of its own.
pub(super) fn image(lookup: &Lookup<'_>) -> Result<String> {
    let option =
        if lookup.flag(&setting::LOCAL)? { &setting::LOCAL } else { &setting::BRING_BOOTSTRAP };
    let given = lookup.text(&setting::IMAGE_NAME).with_context(|| {
        format!(
            "`--{}` needs `--image-name`: the name of an image that has the kernel, such as one with ipykernel",
            option.option
        )
    })?;
    check_image(&given)?;
    Ok(given.value)
}

/// The address of the engine that the kernels will have; `None` for that of the environment.
pub(super) fn engine(args: &Install) -> Result<Option<String>> {
    let given = args.container.iter().rfind(|(flag, _)| flag.key == ENGINE);
    if let Some(address) = given.and_then(|(_, words)| words.last()) {
        return Ok(Some(address.clone()));
    }
    let in_table = Options::parse("", args.launch_docker.as_deref().unwrap_or_default())?;
    Ok(in_table.get(ENGINE).and_then(|node| node.to_json().as_str().map(str::to_owned)))
}

/// What is said, with the engine that a specification of `--local` is to have if none is where one is looked for. It is
/// looked for once: all that is asked of the image must be asked of the engine that is written down.
///
/// # Errors
/// When a value is not valid.
pub fn with_engine<'a>(args: &'a Install, lookup: &Lookup<'_>) -> Result<Cow<'a, Install>> {
    if !lookup.flag(&setting::LOCAL)? || engine(args)?.is_some() {
        return Ok(Cow::Borrowed(args));
    }
    let (Some(flag), Some(address)) = (ContainerOption::named(ENGINE), other_engine(lookup.env))
    else {
        return Ok(Cow::Borrowed(args));
    };
    tracing::info!(
        "Its kernels run on the engine at {address}, which is written into launch_docker.toml: no engine is where \
         Docker's client looks for one"
    );
    let mut args = args.clone();
    args.container.push((flag, vec![address]));
    Ok(Cow::Owned(args))
}

/// The words of the command on the command line.
pub(super) fn given_command(line: &CommandLine) -> Result<Option<Vec<String>>> {
    let Some((values, origin)) = line.get(&setting::KERNEL_COMMAND) else { return Ok(None) };
    let [_, file] = CONNECTION_FILE;
    let text = values.last().map_or("", String::as_str);
    let words = command::split(text)
        .with_context(|| format!("{origin} of `{text}` must end its quotes"))?;
    ensure!(
        words.iter().any(|word| word.contains(file)),
        "{origin} of `{text}` must have `{file}` in it, where the kernel takes the file with its ports and key"
    );
    Ok(Some(words))
}
