//! What of an installed `kernel.json` is changed: values of the same options, read in the same way as at
//! `install`, but only those that the command line has.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use anyhow::{Result, bail, ensure};

use super::config::Config;
use super::image::check_image;
use super::kernel_class::{DEFAULT_KERNEL_CLASS, kernel_class};
use super::lookup::Lookup;
use super::{PortRange, local};
use crate::cli::Set;
use crate::env::Env;
use crate::model::Language;
use crate::server::System;
use crate::setting::{self, Change, Given, Setting};
use crate::text::did_you_mean;

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
    /// The words of the command that starts a kernel in an image without a bootstrap.
    pub kernel_command: Option<Vec<String>>,
}

impl Changed {
    /// What a command line says for a specification of this system, which may bring its bootstrap, and language. Neither variables nor
    /// configuration files count.
    ///
    /// # Errors
    /// When a value is not valid, or has no meaning for this system or language.
    pub fn new(
        args: &Set,
        (system, brings_bootstrap): (System, bool),
        language: &str,
        env: &Env,
    ) -> Result<Self> {
        let (line, config) = (&args.line, Config::default());
        let lookup = &Lookup { line, config: &config, env };
        let said = |known: &Setting| line.has(known);
        if system == System::Local {
            local::check_change(args)?;
        } else {
            local::check_change_of_others(args, brings_bootstrap)?;
        }
        // What is empty by accident, such as a variable of a script, must not take away a limit.
        for known in optional() {
            let values = line.get(known).map_or(&[][..], |(values, _)| values);
            ensure!(!values.iter().any(|value| value.trim().is_empty()), empty(known.option));
        }
        for known in [&setting::AUTHORIZED_USERS, &setting::UNAUTHORIZED_USERS] {
            if let Some(given) = lookup.nobody(known).filter(|_| said(known)) {
                let option = known.option;
                bail!(given.must(&format!("name somebody; `--unset={option}` takes it away")));
            }
        }
        let mut changed = Self::default();
        if said(&setting::IMAGE_NAME) {
            // `None` is the default, which is not known to be wanted here.
            let value = line.value(&setting::IMAGE_NAME).unwrap_or_default().to_owned();
            let given = Given { value, origin: "`--image-name`".to_owned() };
            check_image(&given)?;
            changed.image_name = Some(given.value);
        }
        if let Some(given) = lookup.text(&setting::DISPLAY_NAME) {
            super::names::check_display_name(&given)?;
            changed.display_name = Some(given.value);
        }
        if let Some(given) = lookup.text(&setting::EXECUTOR_IMAGE_NAME) {
            check_image(&given)?;
            changed.executor_image_name = Some(Some(given.value));
        }
        if said(&setting::AUTHORIZED_USERS) {
            changed.authorized_users = Some(super::authorized_users(lookup)?);
        }
        if said(&setting::UNAUTHORIZED_USERS) {
            changed.unauthorized_users = Some(super::unauthorized_users(lookup, system)?);
        }
        if said(&setting::PORT_RANGE) {
            changed.port_range = Some(super::port_range(lookup)?);
        }
        if said(&setting::LAUNCH_TIMEOUT) {
            changed.launch_timeout = Some(super::launch_timeout(lookup)?);
        }
        if said(&setting::KERNEL_CLASS) {
            let language = Language::parse(language);
            ensure!(
                language == Some(Language::Python),
                "`--ipykernel-subclass-name` has a meaning for kernels in Python only"
            );
            changed.kernel_class = kernel_class(lookup, Language::Python)?;
        }
        changed.kernel_command = local::given_command(line)?;
        Ok(changed)
    }

    /// Takes away what an option, or a key of `kernel.json`, of this name says. Says whether there is one.
    ///
    /// # Errors
    /// When it cannot be taken away, or another option sets it.
    pub fn unset(&mut self, name: &str) -> Result<bool> {
        let option = name.trim_start_matches("--").replace('_', "-");
        if setting::named(&option).is_some_and(|known| known.change == Change::Needed) {
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
    let hint = did_you_mean(name, keys.chain(optional().map(|known| known.option)));
    format!(
        "`--unset` of `{name}` must be a key of launch_docker.toml, or an option that `set --help` names{hint}"
    )
}

/// What can be taken away.
fn optional() -> impl Iterator<Item = &'static Setting> {
    setting::ALL.into_iter().filter(|known| known.change == Change::Optional)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_specification_can_do_without_is_taken_away_once() {
        for option in optional().map(|known| known.option) {
            let mut changed = Changed::default();
            assert!(changed.unset(option).unwrap(), "{option}");
            assert_ne!(changed, Changed::default(), "{option}");
            let error = changed.unset(&option.replace('-', "_")).unwrap_err().to_string();
            assert!(error.starts_with(&format!("`--{option}` and `--unset=")), "{error}");
        }
        assert!(!Changed::default().unset("language").unwrap());
        for option in ["display-name", "image-name"] {
            let error = Changed::default().unset(option).unwrap_err().to_string();
            assert!(error.contains("give it another value"), "{error}");
        }
    }
}
