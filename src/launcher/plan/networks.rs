//! The networks of a kernel besides the one by which its server reaches it.

use serde_json::{Value as Json, json};

use super::Plan;
use crate::model::Mode;
use crate::options::interpolation::{Interpolation, Policy};
use crate::options::node::{Node, PositionError, Value};
use crate::options::read::{Table, integer, items, table, text};
use crate::options::{Options, put};
use crate::server::System;

/// A list of names, or a table with settings by name.
pub(super) fn networks(
    plan: &mut Plan,
    node: &Node,
    interpolation: &Interpolation<'_>,
    _: &Options,
) -> Result<(), PositionError> {
    let mut found: Vec<(String, Json)> = Vec::new();
    if let Value::Table(entries) = &node.value {
        for (name, _, settings) in entries {
            found
                .push((name.clone(), network_settings(settings, plan.launch.mode, interpolation)?));
        }
    } else {
        for item in items(node) {
            found.push((text(item, interpolation, Policy::Trusted)?, json!({})));
        }
    }
    if plan.launch.caller == System::Local {
        return own_networks(plan, found, node);
    }
    // The request has the server's network already.
    found.retain(|(name, _)| *name != plan.launch.network);
    if let Some((name, _)) = found.iter().find(|(name, _)| is_mode(name)) {
        let variable = plan.launch.caller.facts().network_variable;
        let message = format!(
            "cannot have `{name}` beside the network by which the server reaches the kernel; {variable} names that"
        );
        return Err(PositionError::new(node.at, message));
    }
    match plan.launch.mode {
        Mode::Docker => plan.networks = found,
        Mode::Swarm => {
            let attachments = found.into_iter().map(|(name, mut settings)| {
                settings["Target"] = name.into();
                settings
            });
            put(&mut plan.request, "TaskTemplate.Networks", attachments.collect());
        }
    }
    Ok(())
}

/// Where no server looks for the kernel, the first network is the container's own, as for `docker run`.
fn own_networks(
    plan: &mut Plan,
    mut found: Vec<(String, Json)>,
    node: &Node,
) -> Result<(), PositionError> {
    if found.len() > 1
        && let Some((name, _)) = found.iter().find(|(name, _)| is_mode(name))
    {
        let message = format!("cannot have `{name}` beside other networks");
        return Err(PositionError::new(node.at, message));
    }
    if !found.is_empty() {
        let (name, settings) = found.remove(0);
        put(&mut plan.request, "HostConfig.NetworkMode", name.as_str().into());
        if settings != json!({}) {
            put(&mut plan.request, "NetworkingConfig.EndpointsConfig", json!({name: settings}));
        }
    }
    plan.networks = found;
    Ok(())
}

/// The values of `docker run --network` without a network of the container's own.
fn is_mode(name: &str) -> bool {
    ["host", "none"].contains(&name) || name.starts_with("container:")
}

fn network_settings(
    node: &Node,
    mode: Mode,
    interpolation: &Interpolation<'_>,
) -> Result<Json, PositionError> {
    let known: &[&str] = match mode {
        Mode::Docker => &[
            "aliases",
            "ipv4_address",
            "ipv6_address",
            "link_local_ips",
            "mac_address",
            "gw_priority",
            "driver_opts",
        ],
        Mode::Swarm => &["aliases", "driver_opts"],
    };
    let given = Table::new(node, known)?;
    let mut settings = json!({});
    if let Some(aliases) = given.get("aliases") {
        let aliases = items(aliases).iter().map(|alias| text(alias, interpolation, Policy::Path));
        settings["Aliases"] = aliases.collect::<Result<Vec<_>, _>>()?.into();
    }
    for (key, field) in [("ipv4_address", "IPv4Address"), ("ipv6_address", "IPv6Address")] {
        if let Some(address) = given.get(key) {
            settings["IPAMConfig"][field] = text(address, interpolation, Policy::Trusted)?.into();
        }
    }
    if let Some(addresses) = given.get("link_local_ips") {
        let addresses =
            items(addresses).iter().map(|one| text(one, interpolation, Policy::Trusted));
        settings["IPAMConfig"]["LinkLocalIPs"] = addresses.collect::<Result<Vec<_>, _>>()?.into();
    }
    if let Some(address) = given.get("mac_address") {
        settings["MacAddress"] = text(address, interpolation, Policy::Trusted)?.into();
    }
    if let Some(priority) = given.get("gw_priority") {
        settings["GwPriority"] = integer(priority, i64::MIN)?.into();
    }
    if let Some(driver_opts) = given.get("driver_opts") {
        for (name, _, value) in table(driver_opts)? {
            settings["DriverOpts"][name] = text(value, interpolation, Policy::Trusted)?.into();
        }
    }
    Ok(settings)
}
