//! The options of `docker` whose values are lists of fields with commas between them, as tables of
//! `launch_docker.toml`.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};

use super::amounts::bytes;
use super::docker::{self, is_later};
use super::go::{self, fields};
use super::toml_text::{list, quoted, table};
use crate::env::Env;

/// The value of a field that needs one.
fn pair(field: &str) -> Result<(String, &str)> {
    let (name, value) = field
        .split_once('=')
        .with_context(|| format!("must have a value for `{field}`: {field}=VALUE"))?;
    Ok((name.to_ascii_lowercase(), value))
}

/// Names with values, of which the last counts; one without a name is dropped, as Docker does.
#[derive(Default)]
struct Pairs(BTreeMap<String, String>);

impl Pairs {
    fn add(&mut self, pair: &str) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if !name.is_empty() {
            self.0.insert(name.to_owned(), quoted(value));
        }
    }

    fn toml(self) -> Option<String> {
        let pairs: Vec<(String, String)> =
            self.0.into_iter().map(|(name, value)| (quoted(&name), value)).collect();
        (!pairs.is_empty())
            .then(|| table(pairs.iter().map(|(name, value)| (&**name, value.clone()))))
    }
}

/// `--mount`, as the long syntax of Compose.
pub(super) fn mount(word: &str, env: &Env) -> Result<String> {
    let mut kind = "volume".to_owned();
    // By the table that they are in, and their names there; the last of a name counts.
    let mut set: BTreeMap<(&str, &str), String> = BTreeMap::new();
    let (mut labels, mut settings) = (Pairs::default(), Pairs::default());
    for field in fields(word)? {
        let (name, value) = match field.split_once('=') {
            Some((name, value)) => (name.to_ascii_lowercase(), value),
            None => (field.to_ascii_lowercase(), "true"),
        };
        let is_switch = ["readonly", "ro", "volume-nocopy", "bind-nonrecursive", "bind-create-src"]
            .contains(&&*name);
        ensure!(is_switch || field.contains('='), "must have a value for `{field}`: {field}=VALUE");
        let flag = || go::flag(value).with_context(|| format!("`{name}` of `{value}`"));
        let text = quoted(value);
        match &*name {
            "type" => kind = value.to_ascii_lowercase(),
            "source" | "src" => {
                set.insert(("", "source"), quoted(&docker::from(env, value)?));
            }
            "target" | "dst" | "destination" => drop(set.insert(("", "target"), text)),
            "readonly" | "ro" => drop(set.insert(("", "read_only"), flag()?.to_string())),
            "consistency" => drop(set.insert(("", "consistency"), text.to_ascii_lowercase())),
            "bind-propagation" => {
                set.insert(("bind", "propagation"), text.to_ascii_lowercase());
            }
            "bind-nonrecursive" => {
                let recursive = if flag()? { "disabled" } else { "enabled" };
                set.insert(("bind", "recursive"), quoted(recursive));
            }
            "bind-recursive" => drop(set.insert(("bind", "recursive"), text)),
            "bind-create-src" => {
                set.insert(("bind", "create_host_path"), flag()?.to_string());
            }
            "volume-nocopy" => drop(set.insert(("volume", "nocopy"), flag()?.to_string())),
            "volume-subpath" => drop(set.insert(("volume", "subpath"), text)),
            "volume-driver" => drop(set.insert(("volume", "driver"), text)),
            "volume-label" => labels.add(value),
            "volume-opt" => settings.add(value),
            "image-subpath" => drop(set.insert(("image", "subpath"), text)),
            "tmpfs-size" => {
                ensure!(
                    is_later(value) || bytes(value).is_some(),
                    "must have an amount of memory as `tmpfs-size`, such as 64m"
                );
                set.insert(("tmpfs", "size"), text);
            }
            "tmpfs-mode" => {
                let mode =
                    octal(value).context("must have a mode as `tmpfs-mode`, such as 1777")?;
                set.insert(("tmpfs", "mode"), format!("0o{mode:o}"));
            }
            _ => bail!("has an unknown part `{name}`"),
        }
    }
    set.extend(labels.toml().map(|labels| (("volume", "labels"), labels)));
    set.extend(settings.toml().map(|settings| (("volume", "driver_opts"), settings)));
    mounted(&kind, &set)
}

/// The table of a mount of this type, if what is said goes together.
fn mounted(kind: &str, set: &BTreeMap<(&str, &str), String>) -> Result<String> {
    let kinds = ["bind", "volume", "tmpfs", "image"];
    ensure!(kinds.contains(&kind), "must have one of {} as `type`", kinds.join(", "));
    if let Some((other, name)) = set.keys().find(|(of, _)| !of.is_empty() && *of != kind) {
        bail!("has `{other}-{}`, but is of the type {kind}", name.replace('_', "-"));
    }
    ensure!(set.contains_key(&("", "target")), "must have a `target`");
    let is = |name, value: &str| set.get(&name).is_some_and(|set| *set == value);
    if is(("bind", "recursive"), "\"writable\"") || is(("bind", "recursive"), "\"readonly\"") {
        ensure!(is(("", "read_only"), "true"), "must have `readonly` beside that `bind-recursive`");
    }
    if is(("bind", "recursive"), "\"readonly\"") {
        let private = is(("bind", "propagation"), "\"rprivate\"");
        ensure!(private, "must have `bind-propagation=rprivate` beside `bind-recursive=readonly`");
    }
    let own = |of: &str| {
        let fields = set.iter().filter(move |((other, _), _)| *other == of);
        fields.map(|((_, name), value)| (*name, value.clone())).collect::<Vec<_>>()
    };
    let mut all = vec![("type", quoted(kind))];
    all.extend(
        ["source", "target", "read_only", "consistency"]
            .into_iter()
            .filter_map(|name| Some((name, set.get(&("", name))?.clone()))),
    );
    let options = own(kind);
    if !options.is_empty() {
        all.push((kind, table(options.into_iter())));
    }
    Ok(table(all.into_iter()))
}

fn octal(digits: &str) -> Option<u32> {
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    u32::from_str_radix(digits, 8).ok().filter(|_| is_plain)
}

/// The requests of `--gpus`: a number or `all` where that is all that is said.
pub(super) fn gpus(words: &[String]) -> Result<String> {
    let requests: Vec<Vec<(&str, String)>> =
        words.iter().map(|word| gpu(word)).collect::<Result<_>>()?;
    Ok(match &requests[..] {
        [one] if one.len() == 1 && one[0].0 == "count" => one[0].1.clone(),
        _ => list(requests.into_iter().map(|request| table(request.into_iter()))),
    })
}

fn gpu(word: &str) -> Result<Vec<(&'static str, String)>> {
    let count = |text: &str| match text {
        "all" | "-1" => Ok(quoted("all")),
        _ => {
            let number = text.parse::<u32>().ok().filter(|number| *number > 0);
            number
                .map(|number| number.to_string())
                .context("must be all, a number, or NAME=VALUE,...")
        }
    };
    let strings = |value: &str| list(value.split(',').map(quoted));
    let mut set: BTreeMap<&'static str, String> = BTreeMap::new();
    let mut bare = false;
    for field in fields(word)? {
        let known = ["driver", "count", "device", "capabilities", "options"];
        let (name, value) = field.split_once('=').unwrap_or(("count", &field));
        let name = known.into_iter().find(|known| *known == name);
        let name = name.with_context(|| format!("has an unknown part `{field}`"))?;
        bare |= !field.contains('=') && set.contains_key("device");
        let (key, value) = match name {
            "driver" => ("driver", quoted(value)),
            "count" if bare => break,
            "count" => ("count", count(value)?),
            "device" => ("device_ids", strings(value)),
            "capabilities" => ("capabilities", list(value.split(',').chain(["gpu"]).map(quoted))),
            _ => {
                let mut options = Pairs::default();
                fields_of_options(value)?.iter().for_each(|option| options.add(option));
                ("options", options.toml().unwrap_or_else(|| "{}".to_owned()))
            }
        };
        ensure!(set.insert(key, value).is_none(), "must have `{name}` once only");
    }
    let both = set.contains_key("device_ids") && set.contains_key("count");
    ensure!(
        !both && !bare,
        "must have the ids of several devices in quotes: '\"device=0,1\"'; with ids there is no count"
    );
    if !set.contains_key("device_ids") {
        set.entry("count").or_insert_with(|| "1".to_owned());
    }
    Ok(set.into_iter().collect())
}

fn fields_of_options(value: &str) -> Result<Vec<String>> {
    fields(value).context("has `options`, which")
}

/// `--secret`: a name, or fields.
pub(super) fn secret(word: &str) -> Result<String> {
    let all = fields(word)?;
    if let [name] = &all[..]
        && !name.contains('=')
    {
        return Ok(quoted(name));
    }
    let mut set: BTreeMap<&str, String> = BTreeMap::new();
    for field in &all {
        let (name, value) = pair(field)?;
        let key = match &*name {
            "source" | "src" => "source",
            "target" => "target",
            "uid" => "uid",
            "gid" => "gid",
            "mode" => "mode",
            _ => bail!("has an unknown part `{name}`"),
        };
        let value = if key == "mode" {
            let mode = go::integer(value).and_then(|mode| u32::try_from(mode).ok());
            format!("0o{:o}", mode.context("must have a mode such as 0440")?)
        } else {
            quoted(value)
        };
        set.insert(key, value);
    }
    let empty = quoted("");
    ensure!(set.get("source").is_some_and(|source| *source != empty), "must have a `source`");
    set.retain(|key, value| *key != "target" || *value != empty);
    Ok(table(set.into_iter()))
}

/// All of `--network`: a list of names, or a table by name where there is more to say.
pub(super) fn networks(words: &[String]) -> Result<String> {
    let networks: Vec<(String, Vec<(&str, String)>)> =
        words.iter().map(|word| network(word)).collect::<Result<_>>()?;
    let mut names: Vec<&str> = networks.iter().map(|(name, _)| &**name).collect();
    names.sort_unstable();
    let twice = names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0]);
    if let Some(name) = twice {
        bail!("must name the network `{name}` once only");
    }
    if networks.iter().all(|(_, settings)| settings.is_empty()) {
        return Ok(list(networks.iter().map(|(name, _)| quoted(name))));
    }
    let tables: Vec<(String, String)> = networks
        .into_iter()
        .map(|(name, settings)| (quoted(&name), table(settings.into_iter())))
        .collect();
    Ok(table(tables.iter().map(|(name, settings)| (&**name, settings.clone()))))
}

fn network(word: &str) -> Result<(String, Vec<(&'static str, String)>)> {
    // As Docker tells them apart: there is a letter on both sides of a `=`.
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_long = word
        .match_indices('=')
        .any(|(at, _)| word[..at].ends_with(is_word) && word[at + 1..].starts_with(is_word));
    if !is_long {
        ensure!(!word.trim().is_empty(), "must name a network");
        return Ok((word.to_owned(), Vec::new()));
    }
    let mut target = String::new();
    let (mut aliases, mut local, mut drivers) = (Vec::new(), Vec::new(), Pairs::default());
    let mut set: BTreeMap<&'static str, String> = BTreeMap::new();
    for field in fields(word)? {
        let (name, value) = pair(&field)?;
        let value = value.trim().to_ascii_lowercase();
        let address = || docker::ip(&value).map(|address| quoted(&address));
        match name.trim() {
            "name" => target = value,
            "alias" => aliases.push(quoted(&value)),
            "ip" => drop(set.insert("ipv4_address", address()?)),
            "ip6" => drop(set.insert("ipv6_address", address()?)),
            "link-local-ip" => local.push(address()?),
            "mac-address" => drop(set.insert("mac_address", quoted(&value))),
            "gw-priority" => {
                let priority: i64 =
                    value.parse().ok().context("must have a number as `gw-priority`")?;
                set.insert("gw_priority", priority.to_string());
            }
            "driver-opt" => {
                let (name, value) = pair(&value)?;
                drivers.add(&format!("{}={}", name.trim(), value.trim()));
            }
            _ => bail!("has an unknown part `{name}`"),
        }
    }
    ensure!(!target.is_empty(), "must have the `name` of a network");
    if !aliases.is_empty() {
        set.insert("aliases", list(aliases.into_iter()));
    }
    if !local.is_empty() {
        set.insert("link_local_ips", list(local.into_iter()));
    }
    set.extend(drivers.toml().map(|drivers| ("driver_opts", drivers)));
    Ok((target, set.into_iter().collect()))
}
