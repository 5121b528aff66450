//! What of an installed `kernel.json` is changed: values of the same options, read in the same way as at
//! `install`, but only those that the command line has.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use anyhow::{Result, bail, ensure};

use super::config::Config;
use super::lookup::{Given, Line, Lookup};
use super::{DEFAULT_KERNEL_CLASS, PortRange};
use crate::cli::Set;
use crate::env::Env;
use crate::model::Language;
use crate::server::System;
use crate::text::nearest;
use crate::traits::{self, Trait};

/// The options that can be taken away, and those that cannot.
const OPTIONAL: [&str; 6] = [
    "authorized-users",
    "executor-image-name",
    "ipykernel-subclass-name",
    "launch-timeout",
    "port-range",
    "unauthorized-users",
];
const NEEDED: [&str; 2] = ["display-name", "image-name"];

/// New values; `None` is what stays as it is. Where there is a second one, it is what is taken away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// The image of the kernel's container.
    pub image_name: Option<String>,
    /// What people see.
    pub display_name: Option<String>,
    /// The image of the executors of a Spark kernel.
    pub executor_image_name: Option<Option<String>>,
    /// Users who may start the kernel; nobody named means everybody.
    pub authorized_users: Option<BTreeSet<String>>,
    /// Users who may not.
    pub unauthorized_users: Option<Option<BTreeSet<String>>>,
    /// The ports the kernel may use.
    pub port_range: Option<Option<PortRange>>,
    /// Seconds that the server waits for the kernel.
    pub launch_timeout: Option<Option<NonZeroU32>>,
    /// The class of a Python kernel.
    pub kernel_class: Option<String>,
}

impl Changed {
    /// What a command line says for a specification of this system and language. Neither variables nor
    /// configuration files count.
    ///
    /// # Errors
    /// When a value is not valid, or has no meaning for this language.
    pub fn new(args: &Set, system: System, language: &str, env: &Env) -> Result<Self> {
        let (line, config) = (line(args), Config::default());
        let lookup = &Lookup { line: &line, config: &config, env };
        let said = |known: &Trait| line.has(known);
        // What is empty by accident, such as a variable of a script, must not take away a limit.
        for (option, values) in optional(args) {
            ensure!(!values.iter().any(|value| value.trim().is_empty()), empty(option));
        }
        for known in [&traits::AUTHORIZED_USERS, &traits::UNAUTHORIZED_USERS] {
            if let Some(given) = lookup.nobody(known).filter(|_| said(known)) {
                let option = known.option.unwrap_or(known.name).trim_start_matches('-');
                bail!(given.must(&format!("name somebody; `--unset={option}` takes it away")));
            }
        }
        let mut changed = Self::default();
        if said(&traits::IMAGE_NAME) {
            // `None` is the default, which is not known to be wanted here.
            let value = line.values(&traits::IMAGE_NAME).last().cloned().unwrap_or_default();
            let given = Given { value, origin: "`--image-name`".to_owned() };
            super::check_image(&given)?;
            changed.image_name = Some(given.value);
        }
        if let Some(given) = lookup.text(&traits::DISPLAY_NAME) {
            super::check_display_name(&given)?;
            changed.display_name = Some(given.value);
        }
        if let Some(value) = &args.executor_image_name {
            let origin = "`--executor-image-name`".to_owned();
            let given = Given { value: value.clone(), origin };
            super::check_image(&given)?;
            changed.executor_image_name = Some(Some(given.value));
        }
        if said(&traits::AUTHORIZED_USERS) {
            changed.authorized_users = Some(super::authorized_users(lookup)?);
        }
        if said(&traits::UNAUTHORIZED_USERS) {
            changed.unauthorized_users = Some(super::unauthorized_users(lookup, system)?);
        }
        if said(&traits::PORT_RANGE) {
            changed.port_range = Some(super::port_range(lookup)?);
        }
        if said(&traits::LAUNCH_TIMEOUT) {
            changed.launch_timeout = Some(super::launch_timeout(lookup)?);
        }
        if said(&traits::KERNEL_CLASS) {
            let language = Language::parse(language);
            ensure!(
                language == Some(Language::Python),
                "`--ipykernel-subclass-name` has a meaning for kernels in Python only"
            );
            changed.kernel_class = super::kernel_class(lookup, Language::Python)?;
        }
        Ok(changed)
    }

    /// Takes away what an option, or a key of `kernel.json`, of this name says. Says whether there is one.
    ///
    /// # Errors
    /// When it cannot be taken away, or another option sets it.
    pub fn unset(&mut self, name: &str) -> Result<bool> {
        let option = name.trim_start_matches("--").replace('_', "-");
        if NEEDED.contains(&&*option) {
            bail!("a specification needs `--{option}`: give it another value");
        }
        let is_free = match &*option {
            "authorized-users" => self.authorized_users.replace(BTreeSet::new()).is_none(),
            "executor-image-name" => self.executor_image_name.replace(None).is_none(),
            "ipykernel-subclass-name" => {
                self.kernel_class.replace(DEFAULT_KERNEL_CLASS.to_owned()).is_none()
            }
            "launch-timeout" => self.launch_timeout.replace(None).is_none(),
            "port-range" => self.port_range.replace(None).is_none(),
            "unauthorized-users" => self.unauthorized_users.replace(None).is_none(),
            _ => return Ok(false),
        };
        ensure!(is_free, "`--{option}` and `--unset={name}` say something else; use one");
        Ok(true)
    }
}

/// The sentence for an option without a value.
#[must_use]
pub fn empty(option: &str) -> String {
    format!("`--{option}` is empty; `--unset={option}` takes it away")
}

/// The sentence for a name that nothing has that could be taken away.
#[must_use]
pub fn unknown(name: &str, keys: impl Iterator<Item = &'static str>) -> String {
    let hint = nearest(name, keys.chain(OPTIONAL));
    format!(
        "`--unset` of `{name}` must be a key of launch_docker.toml, or an option that `set --help` names{hint}"
    )
}

/// What the command line says for the options that can be taken away.
fn optional(args: &Set) -> impl Iterator<Item = (&'static str, Vec<&String>)> {
    let values = [
        args.authorized_users.iter().collect(),
        args.executor_image_name.iter().collect(),
        args.ipykernel_subclass_name.iter().collect(),
        args.launch_timeout.iter().collect(),
        args.port_range.iter().collect(),
        args.unauthorized_users.iter().collect(),
    ];
    OPTIONAL.into_iter().zip(values)
}

/// What the command line says, as at `install`.
fn line(args: &Set) -> Line {
    let mut line = Line::default();
    let one = |value: &Option<String>| value.iter().cloned().collect();
    for (known, values) in [
        (&traits::IMAGE_NAME, one(&args.image_name)),
        (&traits::DISPLAY_NAME, one(&args.display_name)),
        (&traits::KERNEL_CLASS, one(&args.ipykernel_subclass_name)),
        (&traits::PORT_RANGE, one(&args.port_range)),
        (&traits::LAUNCH_TIMEOUT, one(&args.launch_timeout)),
        (&traits::AUTHORIZED_USERS, args.authorized_users.clone()),
        (&traits::UNAUTHORIZED_USERS, args.unauthorized_users.clone()),
    ] {
        line.note(known, values);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_specification_can_do_without_is_taken_away_once() {
        for option in OPTIONAL {
            let mut changed = Changed::default();
            assert!(changed.unset(option).unwrap(), "{option}");
            assert_ne!(changed, Changed::default(), "{option}");
            let error = changed.unset(&option.replace('-', "_")).unwrap_err().to_string();
            assert!(error.starts_with(&format!("`--{option}` and `--unset=")), "{error}");
        }
        assert!(!Changed::default().unset("language").unwrap());
        for option in NEEDED {
            let error = Changed::default().unset(option).unwrap_err().to_string();
            assert!(error.contains("give it another value"), "{error}");
        }
    }
}
