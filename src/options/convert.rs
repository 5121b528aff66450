//! From the values of the Compose specification to those of the Docker Engine API.

use serde_json::{Value as Json, json};

use super::fill::{Filler, Policy, divide};
use super::keys::{Key, Kind};
use super::node::{Node, Value, Wrong};
use super::volumes;
use crate::settings::Mode;

/// Labels by which the server finds its kernels.
const OUR_LABELS: [&str; 3] = ["kernel_id", "component", "app"];

const NANO: i64 = 1_000_000_000;

/// The value of a key, as its fields in the request take it.
///
/// # Errors
/// When it is of another type, or impossible.
pub fn convert(key: &Key, node: &Node, mode: Mode, filler: &Filler<'_>) -> Result<Json, Wrong> {
    let from = From { filler, policy: key.policy, mode };
    match key.kind {
        Kind::Flag => Ok(flag(node)?.into()),
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
                Some(name) => Err(Wrong::new(
                    node.at,
                    format!("cannot have `{name}`, by which the server finds its kernels"),
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
        Kind::Code => Ok(Json::Null),
    }
}

/// What a value is read with.
pub(super) struct From<'a> {
    filler: &'a Filler<'a>,
    policy: Policy,
    pub(super) mode: Mode,
}

impl From<'_> {
    /// The same, without what the notebook's user decides about.
    pub(super) fn trusted(&self) -> Self {
        Self { policy: Policy::Trusted, ..*self }
    }

    /// A text that is filled in.
    pub(super) fn fill(&self, text: &str, at: usize) -> Result<String, Wrong> {
        self.filler.fill(text, at, self.policy)
    }

    /// Text. A number is taken for how it is written.
    pub(super) fn text(&self, node: &Node) -> Result<String, Wrong> {
        match &node.value {
            Value::Text(text) => self.fill(text, node.at),
            Value::Integer(number) => Ok(number.to_string()),
            Value::Decimal(number) => Ok(number.clone()),
            _ => Err(must(node, "be text, in quotes")),
        }
    }

    /// A list of texts, or one.
    pub(super) fn words(&self, node: &Node) -> Result<Vec<String>, Wrong> {
        items(node).iter().map(|item| self.text(item)).collect()
    }

    /// Names with values.
    pub(super) fn pairs(&self, node: &Node) -> Result<Vec<(String, String)>, Wrong> {
        match &node.value {
            Value::Table(entries) => entries
                .iter()
                .map(|(name, _, value)| match &value.value {
                    Value::Flag(flag) => Ok((name.clone(), flag.to_string())),
                    _ => Ok((name.clone(), self.text(value)?)),
                })
                .collect(),
            Value::List(_) => items(node)
                .iter()
                .map(|item| {
                    let Value::Text(text) = &item.value else {
                        return Ok((self.text(item)?, String::new()));
                    };
                    // Before it is filled in, so that no value can become a name.
                    let (name, value) = divide(text, '=').unwrap_or((text, ""));
                    Ok((self.trusted().fill(name, item.at)?, self.fill(value, item.at)?))
                })
                .collect(),
            _ => Err(must(node, "be a table, or a list of \"NAME=VALUE\"")),
        }
    }

    /// An amount of memory in bytes.
    pub(super) fn bytes(&self, node: &Node) -> Result<i64, Wrong> {
        let bytes = match &node.value {
            Value::Integer(bytes) => Some(*bytes),
            Value::Text(text) => bytes(&self.fill(text, node.at)?),
            _ => None,
        };
        let what = "be an amount of memory, such as \"512m\" or \"2g\"";
        bytes.filter(|bytes| *bytes > 0).ok_or_else(|| must(node, what))
    }

    fn nano_cpus(&self, node: &Node) -> Result<i64, Wrong> {
        let cpus = decimal(&self.text(node)?, NANO).filter(|nano| *nano > 0);
        cpus.ok_or_else(|| must(node, "be a number of processors, such as 1.5"))
    }

    fn duration(&self, node: &Node) -> Result<Json, Wrong> {
        let what = "be a span of time with its unit, such as \"10s\" or \"1m30s\"";
        let Value::Text(text) = &node.value else { return Err(must(node, what)) };
        let nanoseconds =
            nanoseconds(&self.fill(text, node.at)?).ok_or_else(|| must(node, what))?;
        Ok(match self.mode {
            Mode::Docker => (nanoseconds.saturating_add(NANO - 1) / NANO).into(),
            Mode::Swarm => nanoseconds.into(),
        })
    }

    fn command(&self, node: &Node) -> Result<Json, Wrong> {
        let Value::Text(text) = &node.value else { return Ok(self.words(node)?.into()) };
        let words = split(text).ok_or_else(|| must(node, "end its quotes"))?;
        let words: Result<Vec<String>, Wrong> =
            words.iter().map(|word| self.fill(word, node.at)).collect();
        Ok(words?.into())
    }

    /// `HOST[:CONTAINER[:PERMISSIONS]]`, or the name of a device in the Container Device Interface.
    fn devices(&self, node: &Node) -> Result<Json, Wrong> {
        let (mut devices, mut requested) = (Vec::new(), Vec::new());
        for item in items(node) {
            let text = self.text(item)?;
            if !text.starts_with('/') && text.contains('=') {
                requested.push(text);
                continue;
            }
            let parts: Vec<&str> = text.split(':').collect();
            let (host, container, permissions) = match parts[..] {
                [host] => (host, host, "rwm"),
                [host, container] => (host, container, "rwm"),
                [host, container, permissions] => (host, container, permissions),
                _ => ("", "", ""),
            };
            let paths = host.starts_with('/') && container.starts_with('/');
            if !paths || !permissions.chars().all(|c| "rwm".contains(c)) {
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

    fn gpus(&self, node: &Node) -> Result<Json, Wrong> {
        match &node.value {
            Value::List(requests) => {
                let requests = requests.iter().map(|request| self.gpu_request(request));
                Ok(requests.collect::<Result<Vec<_>, _>>()?.into())
            }
            _ => Ok(json!([{"Count": count(node)?, "Capabilities": [["gpu"]]}])),
        }
    }

    fn gpu_request(&self, node: &Node) -> Result<Json, Wrong> {
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

    fn shm(&self, node: &Node) -> Result<Json, Wrong> {
        let size = self.bytes(node)?;
        Ok(match self.mode {
            Mode::Docker => json!({"ShmSize": size}),
            // A service has no such field, but what is mounted there is the same.
            Mode::Swarm => json!({"Mounts": [{
                "Type": "tmpfs",
                "Target": "/dev/shm",
                "TmpfsOptions": {"SizeBytes": size, "Mode": 0o1777},
            }]}),
        })
    }

    fn hosts(&self, node: &Node) -> Result<Json, Wrong> {
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

    fn logging(&self, node: &Node) -> Result<Json, Wrong> {
        let logging = Table::new(node, &["driver", "options"])?;
        let options = match logging.get("options") {
            Some(options) => self.pairs(options)?,
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

    fn preferences(&self, node: &Node) -> Result<Json, Wrong> {
        let preferences = items(node).iter().map(|item| {
            let preference = Table::new(item, &["spread"])?;
            let spread = self.text(preference.need("spread")?)?;
            Ok(json!({"Spread": {"SpreadDescriptor": spread}}))
        });
        Ok(preferences.collect::<Result<Vec<_>, Wrong>>()?.into())
    }

    fn generic_resources(&self, node: &Node) -> Result<Json, Wrong> {
        let resources = items(node).iter().map(|item| {
            let resource = Table::new(item, &["discrete_resource_spec"])?;
            let discrete =
                Table::new(resource.need("discrete_resource_spec")?, &["kind", "value"])?;
            let kind = self.text(discrete.need("kind")?)?;
            let value = integer(discrete.need("value")?, 1)?;
            Ok(json!({"DiscreteResourceSpec": {"Kind": kind, "Value": value}}))
        });
        Ok(resources.collect::<Result<Vec<_>, Wrong>>()?.into())
    }

    fn platform(&self, node: &Node) -> Result<Json, Wrong> {
        let text = self.text(node)?;
        let mut parts = text.splitn(3, '/');
        let (os, architecture) = (parts.next().unwrap_or_default(), parts.next());
        let architecture =
            architecture.ok_or_else(|| must(node, "be of the form \"linux/amd64\""))?;
        Ok(json!([{"OS": os, "Architecture": architecture}]))
    }
}

/// A table of which all names are known.
pub(crate) struct Table<'a> {
    at: usize,
    entries: &'a [(String, usize, Node)],
}

impl<'a> Table<'a> {
    pub(crate) fn new(node: &'a Node, known: &[&str]) -> Result<Self, Wrong> {
        let entries = table(node)?;
        for (name, at, _) in entries {
            if !known.contains(&&**name) {
                let message =
                    format!("has an unknown key `{name}`; there are {}", known.join(", "));
                return Err(Wrong::new(*at, message));
            }
        }
        Ok(Self { at: node.at, entries })
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'a Node> {
        self.entries.iter().find(|(known, ..)| known == name).map(|(_, _, node)| node)
    }

    pub(crate) fn need(&self, name: &str) -> Result<&'a Node, Wrong> {
        self.get(name).ok_or_else(|| Wrong::new(self.at, format!("needs `{name}`")))
    }
}

/// The error for a value that is not what it must be.
pub(crate) fn must(node: &Node, what: &str) -> Wrong {
    Wrong::new(node.at, format!("must {what}"))
}

/// The values of a list, or the one that is in its place.
pub(crate) fn items(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        _ => std::slice::from_ref(node),
    }
}

pub(crate) fn table(node: &Node) -> Result<&[(String, usize, Node)], Wrong> {
    match &node.value {
        Value::Table(entries) => Ok(entries),
        _ => Err(must(node, "be a table")),
    }
}

pub(crate) fn flag(node: &Node) -> Result<bool, Wrong> {
    match node.value {
        Value::Flag(flag) => Ok(flag),
        _ => Err(must(node, "be true or false")),
    }
}

pub(crate) fn integer(node: &Node, least: i64) -> Result<i64, Wrong> {
    match node.value {
        Value::Integer(number) if number >= least => Ok(number),
        _ => Err(must(node, &format!("be a whole number, at least {least}"))),
    }
}

fn ulimits(node: &Node) -> Result<Json, Wrong> {
    let limits = table(node)?.iter().map(|(name, _, limit)| {
        let (soft, hard) = match &limit.value {
            Value::Table(_) => {
                let only = Table::new(limit, &["soft", "hard"])?;
                (only.need("soft")?, only.need("hard")?)
            }
            _ => (limit, limit),
        };
        let (soft, hard) = (integer(soft, -1)?, integer(hard, -1)?);
        if soft > hard && hard >= 0 {
            return Err(must(limit, "have a soft limit that is not above the hard one"));
        }
        Ok(json!({"Name": name, "Soft": soft, "Hard": hard}))
    });
    Ok(limits.collect::<Result<Vec<_>, _>>()?.into())
}

/// A number of GPUs, or all.
fn count(node: &Node) -> Result<i64, Wrong> {
    match &node.value {
        Value::Text(text) if text == "all" => Ok(-1),
        Value::Integer(number) if *number > 0 => Ok(*number),
        _ => Err(must(node, "be \"all\", a number, or a list of requests")),
    }
}

/// A number of units, such as `1.5`, in the smallest of which there are `smallest` in one unit.
#[must_use]
pub fn decimal(text: &str, smallest: i64) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    if whole.is_empty() && fraction.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    // More digits than can make a difference.
    let fraction = &fraction[..fraction.len().min(18)];
    let number =
        |digits: &str| if digits.is_empty() { Some(0) } else { digits.parse::<i128>().ok() };
    let scale = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    let units = number(whole)?.checked_mul(scale)?.checked_add(number(fraction)?)?;
    i64::try_from(units.checked_mul(smallest.into())? / scale).ok()
}

/// An amount of memory as Compose writes it: a number with `b`, `k`, `m`, `g` or `t`, also with a
/// `b` after it, or bytes without a unit.
#[must_use]
pub fn bytes(text: &str) -> Option<i64> {
    let text = text.trim().to_ascii_lowercase();
    let end = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let power = match unit {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        _ => return None,
    };
    decimal(number.trim_end(), 1 << (10 * power))
}

/// A span of time as Go and Compose write it, such as `1m30s`, in nanoseconds.
#[must_use]
pub fn nanoseconds(text: &str) -> Option<i64> {
    let mut rest = text.trim();
    let mut total: i64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| c.is_ascii_alphabetic())?;
        let (number, tail) = rest.split_at(end);
        let end = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let unit = match unit {
            "us" => 1_000,
            "ms" => 1_000_000,
            "s" => NANO,
            "m" => 60 * NANO,
            "h" => 3600 * NANO,
            "d" => 24 * 3600 * NANO,
            _ => return None,
        };
        total = total.checked_add(decimal(number, unit)?)?;
        rest = tail;
    }
    Some(total)
}

/// The words of a command line, as a shell splits them.
fn split(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => word.get_or_insert_default().push(characters.next()?),
            (None, _) if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}
