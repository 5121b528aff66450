//! Users who may start kernels, and those who may not.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use super::lookup::Lookup;
use crate::server::System;
use crate::setting;

/// Users who may start the kernel; none of them where everybody may. That has to be said: what names nobody by
/// accident, such as a variable of a script that is empty, must not let everybody in.
pub(super) fn authorized_users(lookup: &Lookup<'_>) -> Result<BTreeSet<String>> {
    let known = &setting::AUTHORIZED_USERS;
    let users = lookup.names(known)?.unwrap_or_default();
    if users.is_empty()
        && let Some(given) = lookup.nobody(known)
    {
        bail!(
            given.must(
                "name somebody; leave it out, or write [], to let everybody start the kernel"
            )
        );
    }
    Ok(users)
}

/// Users who may not start the kernel; `None` where nobody says so, or those are meant whom the server
/// keeps out anyway.
pub(super) fn unauthorized_users(
    lookup: &Lookup<'_>,
    system: System,
) -> Result<Option<BTreeSet<String>>> {
    let users = lookup.names(&setting::UNAUTHORIZED_USERS)?.filter(|users| !users.is_empty());
    let variable = system.facts().unauthorized_users_variable;
    let of_server = match lookup.env.get(variable) {
        Some(value) => value,
        // Set, but to nobody.
        None if lookup.env.is_set(variable) => "",
        None => "root",
    };
    Ok(users.filter(|users| of_server.trim() != "root" || !users.iter().eq(["root"])))
}
