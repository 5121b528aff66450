//! Mounts: the short and the long syntax of `volumes`, and `tmpfs`.

use serde_json::{Value as Json, json};

use super::amounts::bytes;
use super::interpolation::divide;
use super::node::{Node, PositionError, Value};
use super::read::{Table, flag, integer, items, must};
use super::reader::Reader;
use crate::model::Mode;

/// How a mount is seen by the host and by other mounts.
const PROPAGATIONS: [&str; 6] = ["private", "rprivate", "shared", "rshared", "slave", "rslave"];

/// The fields `Mounts` and, for what only they can say, `Binds`.
pub(super) fn volumes(node: &Node, reader: &Reader<'_>) -> Result<Json, PositionError> {
    let (mut mounts, mut binds) = (Vec::new(), Vec::new());
    let Value::List(list) = &node.value else {
        return Err(must(node, "be a list"));
    };
    for item in list {
        match &item.value {
            Value::Text(text) => match short(text, item, reader)? {
                Short::Mount(mount) => mounts.push(mount),
                Short::Bind(bind) => binds.push(bind),
            },
            _ => mounts.push(long(item, reader)?),
        }
    }
    let mut fields = json!({});
    if !mounts.is_empty() {
        fields["Mounts"] = mounts.into();
    }
    if !binds.is_empty() {
        fields["Binds"] = binds.into();
    }
    Ok(fields)
}

enum Short {
    Mount(Json),
    /// Only in this form an engine relabels files for `SELinux`.
    Bind(String),
}

/// `[SOURCE:]TARGET[:OPTIONS]`. It is split before it is filled, so that what is filled in cannot
/// become another part.
fn short(text: &str, node: &Node, reader: &Reader<'_>) -> Result<Short, PositionError> {
    let parts = split(text);
    let (source, target, options) = match parts[..] {
        [target] => (None, target, ""),
        [source, target] => (Some(source), target, ""),
        [source, target, options] => (Some(source), target, options),
        _ => return Err(must(node, "be of the form \"SOURCE:TARGET:OPTIONS\"")),
    };
    if parts.contains(&"") {
        return Err(must(node, "have nothing empty between its colons"));
    }
    let source = source.map(|source| reader.interpolate(source, node.at)).transpose()?;
    let target = absolute(reader.interpolate(target, node.at)?, node)?;
    let kind = match &source {
        Some(source) if source.starts_with('/') => "bind",
        Some(source) if source.starts_with(['.', '~']) => {
            return Err(must(node, "name a directory of the host by its full path"));
        }
        _ => "volume",
    };
    let mut mount = json!({"Type": kind, "Target": target});
    if let Some(source) = &source {
        mount["Source"] = source.clone().into();
    }
    let mut relabel = None;
    let mut kinds: Vec<&str> = Vec::new();
    for option in options.split(',').filter(|option| !option.is_empty()) {
        let kind_of_option = match option {
            "ro" | "rw" => "rw",
            "z" | "Z" => "z",
            "consistent" | "cached" | "delegated" => "consistency",
            "nocopy" => "nocopy",
            _ => "propagation",
        };
        if kinds.contains(&kind_of_option) {
            return Err(PositionError::new(
                node.at,
                format!("has `{option}` beside another of its kind"),
            ));
        }
        kinds.push(kind_of_option);
        match option {
            "rw" | "consistent" | "cached" | "delegated" => {}
            "ro" => mount["ReadOnly"] = true.into(),
            "nocopy" if kind == "volume" => mount["VolumeOptions"] = json!({"NoCopy": true}),
            "z" | "Z" if source.is_some() => relabel = Some(option),
            _ if kind == "bind" && PROPAGATIONS.contains(&option) => {
                mount["BindOptions"] = json!({"Propagation": option});
            }
            _ => {
                return Err(PositionError::new(
                    node.at,
                    format!("has an unknown option `{option}` for a {kind}"),
                ));
            }
        }
    }
    let Some(relabel) = relabel else { return Ok(Short::Mount(mount)) };
    let source = source.unwrap_or_default();
    if reader.mode == Mode::Swarm {
        return Err(PositionError::new(
            node.at,
            format!("has `{relabel}`, which is not possible in a Swarm"),
        ));
    }
    if source.contains(':') || target.contains(':') {
        return Err(PositionError::new(
            node.at,
            format!("has `{relabel}`, which is not possible where a path has a colon"),
        ));
    }
    let others = options.split(',').filter(|option| *option != relabel);
    let options: Vec<&str> = others.chain([relabel]).filter(|option| !option.is_empty()).collect();
    Ok(Short::Bind(format!("{source}:{target}:{}", options.join(","))))
}

/// The parts between colons, but for those in `${NAME:-default}`.
fn split(mut text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    while let Some((part, rest)) = divide(text, ':') {
        parts.push(part);
        text = rest;
    }
    parts.push(text);
    parts
}

/// The long syntax: a table.
fn long(node: &Node, reader: &Reader<'_>) -> Result<Json, PositionError> {
    let known = [
        "type",
        "source",
        "target",
        "read_only",
        "consistency",
        "bind",
        "volume",
        "tmpfs",
        "image",
    ];
    let table = Table::new(node, &known)?;
    let kind = reader.trusted().text(table.need("type")?)?;
    if !["bind", "volume", "tmpfs", "image"].contains(&&*kind) {
        return Err(must(table.need("type")?, "be one of bind, volume, tmpfs and image"));
    }
    for other in ["bind", "volume", "tmpfs", "image"].into_iter().filter(|other| *other != kind) {
        if let Some(options) = table.get(other) {
            return Err(PositionError::new(
                options.at,
                format!("has `{other}`, but is of the type {kind}"),
            ));
        }
    }
    let target = table.need("target")?;
    let mut mount = json!({"Type": kind, "Target": absolute(reader.text(target)?, target)?});
    match table.get("source") {
        Some(source) if kind != "tmpfs" => {
            let text = reader.text(source)?;
            if kind == "bind" && !text.starts_with('/') {
                return Err(must(source, "name a directory of the host by its full path"));
            }
            mount["Source"] = text.into();
        }
        Some(source) => return Err(must(source, "not be there for a tmpfs")),
        None if kind == "bind" || kind == "image" => drop(table.need("source")?),
        None => {}
    }
    if let Some(read_only) = table.get("read_only") {
        mount["ReadOnly"] = flag(read_only)?.into();
    }
    if let Some(consistency) = table.get("consistency") {
        mount["Consistency"] = reader.trusted().text(consistency)?.into();
    }
    if let Some(options) = table.get("bind") {
        mount["BindOptions"] = bind_options(options, reader)?;
    }
    if let Some(options) = table.get("volume") {
        mount["VolumeOptions"] = volume_options(options, reader)?;
    }
    if let Some(options) = table.get("tmpfs") {
        let options = Table::new(options, &["size", "mode"])?;
        let mut fields = json!({});
        if let Some(size) = options.get("size") {
            fields["SizeBytes"] = reader.trusted().bytes(size)?.into();
        }
        if let Some(mode) = options.get("mode") {
            fields["Mode"] = integer(mode, 0)?.into();
        }
        mount["TmpfsOptions"] = fields;
    }
    if let Some(options) = table.get("image") {
        let options = Table::new(options, &["subpath"])?;
        mount["ImageOptions"] = json!({"Subpath": reader.plain().text(options.need("subpath")?)?});
    }
    Ok(mount)
}

fn bind_options(node: &Node, reader: &Reader<'_>) -> Result<Json, PositionError> {
    let options = Table::new(node, &["propagation", "create_host_path", "recursive"])?;
    let mut fields = json!({});
    if let Some(propagation) = options.get("propagation") {
        let text = reader.trusted().text(propagation)?;
        if !PROPAGATIONS.contains(&&*text) {
            return Err(must(propagation, &format!("be one of {}", PROPAGATIONS.join(", "))));
        }
        fields["Propagation"] = text.into();
    }
    if let Some(create) = options.get("create_host_path") {
        fields["CreateMountpoint"] = flag(create)?.into();
    }
    if let Some(recursive) = options.get("recursive") {
        match &*reader.trusted().text(recursive)? {
            "enabled" => {}
            "disabled" => fields["NonRecursive"] = true.into(),
            "writable" => fields["ReadOnlyNonRecursive"] = true.into(),
            "readonly" => fields["ReadOnlyForceRecursive"] = true.into(),
            _ => return Err(must(recursive, "be one of enabled, disabled, writable and readonly")),
        }
    }
    Ok(fields)
}

fn volume_options(node: &Node, reader: &Reader<'_>) -> Result<Json, PositionError> {
    let options = Table::new(node, &["nocopy", "subpath", "labels", "driver", "driver_opts"])?;
    let object = |pairs: Vec<(String, String)>| -> Json {
        pairs.into_iter().map(|(name, value)| (name, Json::from(value))).collect()
    };
    let mut fields = json!({});
    if let Some(nocopy) = options.get("nocopy") {
        fields["NoCopy"] = flag(nocopy)?.into();
    }
    if let Some(subpath) = options.get("subpath") {
        fields["Subpath"] = reader.plain().text(subpath)?.into();
    }
    if let Some(labels) = options.get("labels") {
        fields["Labels"] = object(reader.pairs(labels)?);
    }
    if let Some(driver) = options.get("driver") {
        fields["DriverConfig"]["Name"] = reader.trusted().text(driver)?.into();
    }
    if let Some(settings) = options.get("driver_opts") {
        fields["DriverConfig"]["Options"] = object(reader.driver_options(settings)?);
    }
    Ok(fields)
}

/// `TARGET[:OPTIONS]`, or a list of such.
pub(super) fn tmpfs(node: &Node, reader: &Reader<'_>) -> Result<Json, PositionError> {
    let (mut plain, mut mounts) = (json!({}), Vec::new());
    for item in items(node) {
        let Value::Text(text) = &item.value else {
            return Err(must(item, "be text, in quotes"));
        };
        let (target, options) = divide(text, ':').unwrap_or((text, ""));
        let target = absolute(reader.interpolate(target, item.at)?, item)?;
        let options = reader.trusted().interpolate(options, item.at)?;
        match reader.mode {
            Mode::Docker => plain[target] = options.into(),
            Mode::Swarm => mounts.push(json!({
                "Type": "tmpfs",
                "Target": target,
                "TmpfsOptions": tmpfs_options(&options, item)?,
            })),
        }
    }
    Ok(match reader.mode {
        Mode::Docker => json!({"Tmpfs": plain}),
        Mode::Swarm => json!({"Mounts": mounts}),
    })
}

/// A service takes two of the options only.
fn tmpfs_options(options: &str, node: &Node) -> Result<Json, PositionError> {
    let mut fields = json!({});
    for option in options.split(',').filter(|option| !option.is_empty() && *option != "rw") {
        let value = match option.split_once('=') {
            Some(("size", size)) => bytes(size).map(|size| ("SizeBytes", size)),
            Some(("mode", mode)) => i64::from_str_radix(mode, 8).ok().map(|mode| ("Mode", mode)),
            _ => None,
        };
        let (name, value) = value.ok_or_else(|| {
            PositionError::new(
                node.at,
                format!("has `{option}`; in a Swarm there are size=BYTES and mode=OCTAL"),
            )
        })?;
        fields[name] = value.into();
    }
    Ok(fields)
}

fn absolute(path: String, node: &Node) -> Result<String, PositionError> {
    if path.starts_with('/') {
        return Ok(path);
    }
    Err(must(node, "name its place in the container by its full path"))
}
