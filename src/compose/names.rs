//! Lists of users and kernels: read as `install` reads them, written as the servers do.

use anyhow::{Result, bail};

use crate::settings::lookup::names_in;
use crate::settings::{KernelName, values};

/// The servers' variables that are lists of users.
const OF_USERS: [&str; 4] = [
    "EG_AUTHORIZED_USERS",
    "EG_UNAUTHORIZED_USERS",
    "GP_AUTHORIZED_USERS",
    "GP_UNAUTHORIZED_USERS",
];

/// The value of a variable that is given as such. In a list of users, brackets are removed: the server would
/// take them as part of the names, and keep nobody out.
pub(super) fn of_variable(name: &str, value: String) -> Result<Option<String>> {
    if value.is_empty() || !OF_USERS.contains(&name) {
        return Ok(Some(value));
    }
    let origin = format!("`--env {name}`");
    if name.contains("UNAUTHORIZED") {
        // The variable is set, but names nobody.
        return Ok(Some(users(&[value], &origin)?.unwrap_or_default()));
    }
    admitted(&[value], &origin)
}

/// Joins names of users with commas alone, as the gateway reads its variables; `None` if there are none.
pub(super) fn users(given: &[String], origin: &str) -> Result<Option<String>> {
    let names = names_in(given.iter().map(String::as_str), origin)?;
    Ok(Some(Vec::from_iter(names).join(",")).filter(|names| !names.is_empty()))
}

/// Like [`users`], but for those who are let in, which may not be empty: an empty list lets everybody in.
pub(super) fn admitted(given: &[String], origin: &str) -> Result<Option<String>> {
    let names = users(given, origin)?;
    let nobody = given.iter().find(|words| names.is_none() && !values::is_empty_list(words));
    if let Some(words) = nobody {
        bail!(
            "{origin} of `{words}` must name somebody; leave it out, or write [], to let everybody start \
             kernels"
        );
    }
    Ok(names)
}

/// Names of kernels, in lower case as Jupyter has them, in the format of the variable.
pub(super) fn allowed(given: &[String]) -> Result<Option<String>> {
    let names = names_in(given.iter().map(String::as_str), "`--allowed-kernels`")?;
    let names = names.iter().map(|name| KernelName::parse(name));
    let names: Vec<String> =
        names.map(|name| name.map(|name| format!("'{name}'"))).collect::<Result<_>>()?;
    Ok(Some(names.join(",")).filter(|names| !names.is_empty()))
}
