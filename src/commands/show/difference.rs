//! What of a `kernel.json` another one does not have.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

use crate::files;
use crate::kernelspec::installed::Installed;
use crate::kernelspec::store::KERNEL_JSON;
use crate::settings::{DEFAULT_LAUNCH_TIMEOUT, System};

/// The names of settings, such as `metadata.debugger`.
#[derive(Debug, Default)]
pub(super) struct Difference {
    /// Those that only the first has.
    pub(super) lost: Vec<String>,
    /// Those that have different values.
    pub(super) changed: Vec<String>,
    /// Those that only the second has.
    pub(super) added: Vec<String>,
}

impl Difference {
    /// What is different in the second.
    pub(super) fn new(one: &Value, other: &Value) -> Self {
        let mut difference = Self::default();
        difference.find("", one, other);
        difference
    }

    fn find(&mut self, name: &str, one: &Value, other: &Value) {
        let (Value::Object(one), Value::Object(other)) = (one, other) else {
            if one != other {
                self.changed.push(format!("`{name}`"));
            }
            return;
        };
        let below = |key: &str| match name {
            "" => key.to_owned(),
            _ => format!("{name}.{key}"),
        };
        for (key, value) in one {
            match other.get(key) {
                Some(other) => self.find(&below(key), value, other),
                None => self.lost.push(format!("`{}`", below(key))),
            }
        }
        let added = other.keys().filter(|key| !one.contains_key(*key));
        self.added.extend(added.map(|key| format!("`{}`", below(key))));
    }
}

/// The specification's `kernel.json` in the spelling of ours: with what Jupyter supplies if it is not
/// there, and without what is there and means the same as nothing.
pub(super) fn comparable(spec: &Installed) -> Result<Value> {
    let text = files::read(&spec.directory.join(KERNEL_JSON))?;
    let mut value: Map<String, Value> =
        serde_json::from_slice(&text).context("kernel.json is no longer what it was")?;
    for (key, default) in [
        ("env", json!({})),
        ("interrupt_mode", json!("signal")),
        ("kernel_protocol_version", json!("")),
    ] {
        value.entry(key).or_insert(default);
    }
    let config = match spec.system {
        System::GatewayProvisioners => "/kernel_provisioner/config",
        System::EnterpriseGateway => "/process_proxy/config",
    };
    let config = value
        .get_mut("metadata")
        .and_then(|metadata| metadata.pointer_mut(config))
        .and_then(Value::as_object_mut);
    if let Some(config) = config {
        simplify(config, spec);
    }
    Ok(value.into())
}

fn simplify(config: &mut Map<String, Value>, spec: &Installed) {
    for (name, default) in [("authorized_users", &[][..]), ("unauthorized_users", &["root"])] {
        let Some(names) = spec.names(name) else { continue };
        let names: BTreeSet<String> = names.into_iter().collect();
        if names.iter().map(String::as_str).eq(default.iter().copied()) {
            config.remove(name);
        } else {
            let value = match spec.system {
                System::GatewayProvisioners => names.into_iter().collect(),
                System::EnterpriseGateway => Vec::from_iter(names).join(",").into(),
            };
            config.insert(name.to_owned(), value);
        }
    }
    if config.get("port_range").is_some_and(|range| range == "0..0" || range == "") {
        config.remove("port_range");
    }
    if spec.system == System::GatewayProvisioners {
        config.entry("launch_timeout").or_insert_with(|| DEFAULT_LAUNCH_TIMEOUT.get().into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_that_differs_is_named() {
        let one = json!({"a": 1, "b": {"c": [1], "d": 2}, "e": {}, "f": 0});
        let other = json!({"a": 1, "b": {"c": [2], "x": 3}, "e": {}, "f": {}});
        let Difference { lost, changed, added } = Difference::new(&one, &other);
        assert_eq!(lost, ["`b.d`"]);
        assert_eq!(changed, ["`b.c`", "`f`"]);
        assert_eq!(added, ["`b.x`"]);
    }
}
