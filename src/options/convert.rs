//! From the values of the Compose specification to those of the Docker Engine API.

use serde_json::{Value as Json, json};

use super::amounts::{NANO, bytes, decimal, nanoseconds};
use super::interpolation::Interpolation;
use super::keys::{Key, Kind};
use super::node::{Node, PositionError, Value};
use super::read::{Table, flag, integer, items, must, table};
use super::reader::Reader;
use super::{command, fields, volumes};
use crate::model::Mode;

/// Labels by which servers, and `ps` and `prune`, find kernels.
pub const OUR_LABELS: [&str; 4] = ["app", "component", "kernel_id", "kernelspec"];

/// The keys that start a kernel.
const COMMANDS: [&str; 2] = ["command", "warm_command"];

/// The keys in which Swarm expands templates, `environment` and `mount_cwd` besides.
pub(super) const TEMPLATES: [&str; 5] =
    ["environment", "hostname", "mount_cwd", "tmpfs", "volumes"];

/// The value of a key, as its fields in the request take it.
///
/// # Errors
/// When it is of another type, or impossible.
pub fn convert(
    key: &Key,
    node: &Node,
    mode: Mode,
    interpolation: &Interpolation<'_>,
) -> Result<Json, PositionError> {
    let expanded = mode == Mode::Swarm && TEMPLATES.contains(&key.name);
    // Nothing else in a container is told of the file.
    let has_connection_file = interpolation.has_connection_file && COMMANDS.contains(&key.name);
    let interpolation = &Interpolation { has_connection_file, ..*interpolation };
    let from = Reader { interpolation, policy: key.policy, mode, expanded, listed: false };
    match key.kind {
        Kind::Bool => Ok(flag(node)?.into()),
        Kind::Integer(least) => Ok(integer(node, least)?.into()),
        Kind::Text => Ok(from.text(node)?.into()),
        Kind::BytesOrUnlimited if node.value == Value::Integer(-1) => Ok((-1).into()),
        Kind::Bytes | Kind::BytesOrUnlimited => Ok(from.bytes(node)?.into()),
        Kind::Cpus => Ok(from.nano_cpus(node)?.into()),
        Kind::Duration => from.duration(node),
        Kind::Words => Ok(from.words(node)?.into()),
        Kind::Pairs => {
            let pairs = from.pairs(node)?;
            let ours = OUR_LABELS.into_iter().find(|name| pairs.iter().any(|(n, _)| n == name));
            match ours.filter(|_| key.name.ends_with("labels")) {
                Some(name) => Err(PositionError::new(
                    node.at,
                    format!("cannot have `{name}`, by which servers and `ps` know kernels"),
                )),
                None => {
                    Ok(pairs.into_iter().map(|(name, value)| (name, Json::from(value))).collect())
                }
            }
        }
        Kind::Command => from.command(node),
        Kind::Ulimits => ulimits(node),
        Kind::Devices => from.devices(node),
        Kind::Gpus => from.gpus(node),
        Kind::Volumes => volumes::volumes(node, &from),
        Kind::Tmpfs => volumes::tmpfs(node, &from),
        Kind::Shm => from.shm(node),
        Kind::Hosts => from.hosts(node),
        Kind::Logging => from.logging(node),
        Kind::Preferences => from.preferences(node),
        Kind::GenericResources => from.generic_resources(node),
        Kind::Platform => from.platform(node),
        Kind::Health => fields::healthcheck(node, &from),
        Kind::Security => fields::security(node, &from),
        Kind::Code => Ok(Json::Null),
    }
}

impl Reader<'_> {
    /// An amount of memory in bytes.
    pub(super) fn bytes(&self, node: &Node) -> Result<i64, PositionError> {
        let bytes = match &node.value {
            Value::Integer(bytes) => Some(*bytes),
            Value::Text(text) => bytes(&self.interpolate(text, node.at)?),
            _ => None,
        };
        let what = "be an amount of memory, such as \"512m\" or \"2g\"";
        bytes.filter(|bytes| *bytes >= 0).ok_or_else(|| must(node, what))
    }

    fn nano_cpus(&self, node: &Node) -> Result<i64, PositionError> {
        let cpus = decimal(&self.text(node)?, NANO);
        cpus.ok_or_else(|| must(node, "be a number of processors, such as 1.5"))
    }

    fn duration(&self, node: &Node) -> Result<Json, PositionError> {
        let what = "be a span of time with its unit, such as \"10s\" or \"1m30s\"";
        let Value::Text(text) = &node.value else { return Err(must(node, what)) };
        let nanoseconds =
            nanoseconds(&self.interpolate(text, node.at)?).ok_or_else(|| must(node, what))?;
        Ok(match self.mode {
            Mode::Docker => (nanoseconds.saturating_add(NANO - 1) / NANO).into(),
            Mode::Swarm => nanoseconds.into(),
        })
    }

    fn command(&self, node: &Node) -> Result<Json, PositionError> {
        let Value::Text(text) = &node.value else { return Ok(self.words(node)?.into()) };
        let words = command::split(text).ok_or_else(|| must(node, "end its quotes"))?;
        let words: Result<Vec<String>, PositionError> =
            words.iter().map(|word| self.interpolate(word, node.at)).collect();
        Ok(words?.into())
    }

    /// `HOST[:CONTAINER][:PERMISSIONS]`, or the name of a device in the Container Device Interface.
    fn devices(&self, node: &Node) -> Result<Json, PositionError> {
        let (mut devices, mut requested) = (Vec::new(), Vec::new());
        for item in items(node) {
            let text = self.text(item)?;
            if !text.starts_with('/') && is_cdi_device(&text) {
                requested.push(text);
                continue;
            }
            let parts: Vec<&str> = text.split(':').collect();
            let (host, container, permissions) = match parts[..] {
                [host] => (host, host, "rwm"),
                [host, permissions] if is_device_mode(permissions) => (host, host, permissions),
                [host, container] => (host, container, "rwm"),
                [host, container, permissions] => (host, container, permissions),
                _ => ("", "", ""),
            };
            let paths = host.starts_with('/') && container.starts_with('/');
            if !paths || !is_device_mode(permissions) {
                return Err(must(item, "be of the form \"/dev/HOST:/dev/CONTAINER:rwm\""));
            }
            devices.push(json!({
                "PathOnHost": host,
                "PathInContainer": container,
                "CgroupPermissions": permissions,
            }));
        }
        let mut fields = json!({});
        if !devices.is_empty() {
            fields["Devices"] = devices.into();
        }
        if !requested.is_empty() {
            fields["DeviceRequests"] = json!([{"Driver": "cdi", "DeviceIDs": requested}]);
        }
        Ok(fields)
    }

    fn gpus(&self, node: &Node) -> Result<Json, PositionError> {
        match &node.value {
            Value::List(requests) => {
                let requests = requests.iter().map(|request| self.gpu_request(request));
                Ok(requests.collect::<Result<Vec<_>, _>>()?.into())
            }
            _ => Ok(json!([{"Count": count(node)?, "Capabilities": [["gpu"]]}])),
        }
    }

    fn gpu_request(&self, node: &Node) -> Result<Json, PositionError> {
        let known = ["driver", "count", "device_ids", "capabilities", "options"];
        let request = Table::new(node, &known)?;
        let mut fields = json!({"Capabilities": [["gpu"]]});
        if let Some(driver) = request.get("driver") {
            fields["Driver"] = self.text(driver)?.into();
        }
        if let Some(capabilities) = request.get("capabilities") {
            fields["Capabilities"] = json!([self.words(capabilities)?]);
        }
        if let Some(options) = request.get("options") {
            fields["Options"] =
                self.pairs(options)?.into_iter().map(|(k, v)| (k, Json::from(v))).collect();
        }
        match (request.get("count"), request.get("device_ids")) {
            (Some(_), Some(ids)) => return Err(must(ids, "not be there beside `count`")),
            (_, Some(ids)) => fields["DeviceIDs"] = self.words(ids)?.into(),
            (Some(number), None) => fields["Count"] = count(number)?.into(),
            (None, None) => fields["Count"] = (-1).into(),
        }
        Ok(fields)
    }

    fn shm(&self, node: &Node) -> Result<Json, PositionError> {
        let size = self.bytes(node)?;
        Ok(match self.mode {
            Mode::Docker => json!({"ShmSize": size}),
            Mode::Swarm if size == 0 => json!({}),
            // A service has no such field, but what is mounted there is the same.
            Mode::Swarm => json!({"Mounts": [{
                "Type": "tmpfs",
                "Target": "/dev/shm",
                "TmpfsOptions": {"SizeBytes": size, "Mode": 0o1777},
            }]}),
        })
    }

    fn hosts(&self, node: &Node) -> Result<Json, PositionError> {
        let mut hosts: Vec<(String, String)> = Vec::new();
        if let Value::Table(entries) = &node.value {
            for (host, _, addresses) in entries {
                hosts.extend(self.words(addresses)?.into_iter().map(|a| (host.clone(), a)));
            }
        } else {
            for item in items(node) {
                let text = self.text(item)?;
                let pair = text.split_once('=').or_else(|| text.split_once(':'));
                let (host, address) =
                    pair.ok_or_else(|| must(item, "be of the form \"HOST:ADDRESS\""))?;
                hosts.push((host.to_owned(), address.trim_matches(['[', ']']).to_owned()));
            }
        }
        let lines = hosts.iter().map(|(host, address)| match self.mode {
            Mode::Docker => format!("{host}:{address}"),
            Mode::Swarm => format!("{address} {host}"),
        });
        Ok(lines.collect::<Vec<_>>().into())
    }

    fn logging(&self, node: &Node) -> Result<Json, PositionError> {
        let logging = Table::new(node, &["driver", "options"])?;
        let options = match logging.get("options") {
            Some(options) => {
                let expanded = Self { expanded: true, ..*self };
                self.pairs_by(options, |name| if name == "tag" { &expanded } else { self })?
            }
            None => Vec::new(),
        };
        let options: Json = options.into_iter().map(|(k, v)| (k, Json::from(v))).collect();
        // The engine's default driver has no name, but takes options.
        let driver = logging.get("driver").map(|driver| self.text(driver)).transpose()?;
        Ok(match self.mode {
            Mode::Docker => json!({"Type": driver.unwrap_or_default(), "Config": options}),
            Mode::Swarm => json!({"Name": driver.unwrap_or_default(), "Options": options}),
        })
    }

    fn preferences(&self, node: &Node) -> Result<Json, PositionError> {
        let preferences = items(node).iter().map(|item| {
            let preference = Table::new(item, &["spread"])?;
            let spread = self.text(preference.need("spread")?)?;
            Ok(json!({"Spread": {"SpreadDescriptor": spread}}))
        });
        Ok(preferences.collect::<Result<Vec<_>, PositionError>>()?.into())
    }

    fn generic_resources(&self, node: &Node) -> Result<Json, PositionError> {
        let resources = items(node).iter().map(|item| {
            let resource = Table::new(item, &["discrete_resource_spec"])?;
            let discrete =
                Table::new(resource.need("discrete_resource_spec")?, &["kind", "value"])?;
            let kind = self.text(discrete.need("kind")?)?;
            let value = integer(discrete.need("value")?, 0)?;
            Ok(json!({"DiscreteResourceSpec": {"Kind": kind, "Value": value}}))
        });
        Ok(resources.collect::<Result<Vec<_>, PositionError>>()?.into())
    }

    fn platform(&self, node: &Node) -> Result<Json, PositionError> {
        let text = self.text(node)?;
        let mut parts = text.splitn(3, '/');
        let (os, architecture) = (parts.next().unwrap_or_default(), parts.next());
        let architecture =
            architecture.ok_or_else(|| must(node, "be of the form \"linux/amd64\""))?;
        Ok(json!([{"OS": os, "Architecture": architecture}]))
    }
}

fn ulimits(node: &Node) -> Result<Json, PositionError> {
    let limits = table(node)?.iter().map(|(name, _, limit)| {
        let (soft, hard) = match &limit.value {
            Value::Table(_) => {
                let only = Table::new(limit, &["soft", "hard"])?;
                (only.need("soft")?, only.need("hard")?)
            }
            _ => (limit, limit),
        };
        let (soft, hard) = (integer(soft, -1)?, integer(hard, -1)?);
        if hard >= 0 && (soft > hard || soft < 0) {
            return Err(must(limit, "have a soft limit that is not above the hard one"));
        }
        Ok(json!({"Name": name, "Soft": soft, "Hard": hard}))
    });
    Ok(limits.collect::<Result<Vec<_>, _>>()?.into())
}

/// Whether these are rights to a device, each once.
#[must_use]
pub fn is_device_mode(text: &str) -> bool {
    let once = |c: char| text.matches(c).count() == 1;
    !text.is_empty() && text.chars().all(|c| "rwm".contains(c) && once(c))
}

/// Whether this is `VENDOR/CLASS=NAME`.
fn is_cdi_device(text: &str) -> bool {
    let kind = text.split_once('=').and_then(|(kind, name)| Some((kind.split_once('/')?, name)));
    let is_name = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.:".contains(c))
    };
    kind.is_some_and(|((vendor, class), name)| [vendor, class, name].into_iter().all(is_name))
}

/// A number of GPUs, or all.
fn count(node: &Node) -> Result<i64, PositionError> {
    match &node.value {
        Value::Text(text) if text == "all" => Ok(-1),
        Value::Integer(number) if *number > 0 => Ok(*number),
        _ => Err(must(node, "be \"all\", a number, or a list of requests")),
    }
}
