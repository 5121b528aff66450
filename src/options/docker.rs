//! Values as the `docker` client reads them. What it takes is written into `launch_docker.toml` in one form; what
//! it refuses is an error. `tests/upstream/test_docker_options.py` compares the two.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value as Json;

use super::amounts::{bytes, nanoseconds};
use super::convert::is_device_mode;
use super::go::ratio;
use crate::env::Env;

/// The limits that `--ulimit` knows.
const ULIMITS: [&str; 15] = [
    "core",
    "cpu",
    "data",
    "fsize",
    "locks",
    "memlock",
    "msgqueue",
    "nice",
    "nofile",
    "nproc",
    "rss",
    "rtprio",
    "rttime",
    "sigpending",
    "stack",
];

/// Settings of Linux that are a container's own.
const SYSCTLS: [&str; 8] = [
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
];

/// Whether the value cannot be looked at yet, because a variable of the server's is in it.
pub(super) fn is_later(word: &str) -> bool {
    word.contains("${")
}

/// An amount of memory.
pub(super) fn memory(word: &str) -> Result<String> {
    ensure!(
        is_later(word) || bytes(word).is_some(),
        "must be an amount of memory, such as 512m or 1.5g"
    );
    Ok(word.to_owned())
}

/// A number of processors: `1.5`, `3/2` or `15e-1`, as a decimal.
pub(super) fn cpus(word: &str) -> Result<String> {
    if is_later(word) {
        return Ok(word.to_owned());
    }
    let (over, under) = ratio(word).context("must be a number of processors, such as 1.5")?;
    let nano = over.checked_mul(NANO).filter(|nano| nano % under == 0).map(|nano| nano / under);
    let nano = nano.filter(|nano| i64::try_from(*nano).is_ok());
    let nano = nano.context("must have no more than nine decimals")?;
    let (whole, rest) = (nano / NANO, nano % NANO);
    let mut text = whole.to_string();
    if rest > 0 {
        let _ = write!(text, ".{rest:09}");
        text.truncate(text.trim_end_matches('0').len());
    }
    Ok(text)
}

const NANO: i128 = 1_000_000_000;

/// A span of time, such as `1m30s`.
pub(super) fn duration(word: &str) -> Result<String> {
    if is_later(word) {
        return Ok(word.to_owned());
    }
    let plain = word.strip_prefix('+').unwrap_or(word);
    if plain == "0" {
        return Ok("0s".to_owned());
    }
    // Docker has no days.
    let valid = !plain.contains(['d', ' ']) && nanoseconds(plain).is_some();
    ensure!(valid, "must be a span of time with its unit, such as 10s or 1m30s");
    Ok(plain.to_owned())
}

/// `NAME=SOFT[:HARD]`.
pub(super) fn ulimit(word: &str) -> Result<(&str, i64, i64)> {
    let parsed = word.split_once('=').and_then(|(name, limits)| {
        let (soft, hard) = limits.split_once(':').unwrap_or((limits, limits));
        Some((name, soft.parse::<i64>().ok()?, hard.parse::<i64>().ok()?))
    });
    let (name, soft, hard) = parsed.context("must be of the form NAME=SOFT[:HARD]")?;
    ensure!(ULIMITS.contains(&name), "names no limit; there are {}", ULIMITS.join(", "));
    let within = hard == -1 || (soft != -1 && soft <= hard);
    ensure!(within, "must have a soft limit that is not above the hard one");
    Ok((name, soft, hard))
}

/// `HOST:ADDRESS` or `HOST=ADDRESS`, with the colon.
pub(super) fn host(word: &str) -> Result<String> {
    let (host, address) = word
        .split_once('=')
        .or_else(|| word.split_once(':'))
        .filter(|(host, _)| !host.is_empty() && !host.contains(':'))
        .context("must be of the form HOST:ADDRESS")?;
    let inner = address.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
    let address = inner.unwrap_or(address);
    let valid = address == "host-gateway" || is_later(address) || ip(address).is_ok();
    ensure!(valid, "must have an IP address, or host-gateway");
    Ok(format!("{host}:{address}"))
}

/// An IP address in its usual form.
pub(super) fn ip(word: &str) -> Result<String> {
    if is_later(word) {
        return Ok(word.to_owned());
    }
    let address: IpAddr = word.trim().parse().ok().context("must be an IP address")?;
    Ok(address.to_canonical().to_string())
}

/// A domain in which names are looked for, without the point at its end; `.` for none.
pub(super) fn domain(word: &str) -> Result<String> {
    let word = word.trim_matches(' ');
    if word == "." || is_later(word) {
        return Ok(word.to_owned());
    }
    let domain = word.strip_suffix('.').unwrap_or(word);
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(inner)
    };
    let valid = domain.split('.').all(label) && domain.len() < 255;
    ensure!(valid && domain.contains(|c: char| c.is_ascii_alphabetic()), "must be a domain");
    Ok(domain.to_owned())
}

/// `NAME=VALUE` of a setting that a container has for itself.
pub(super) fn sysctl(word: &str) -> Result<String> {
    let (name, _) = word.split_once('=').context("must be of the form NAME=VALUE")?;
    let own = SYSCTLS.contains(&name) || name.starts_with("net.") || name.starts_with("fs.mqueue.");
    ensure!(own, "names a setting that containers do not have for themselves");
    Ok(word.to_owned())
}

/// `NAME[=VALUE]`.
pub(super) fn label(word: &str) -> Result<String> {
    let name = name_of(word).trim_start_matches([' ', '\t']);
    ensure!(!name.is_empty() && !name.contains([' ', '\t']), "must have a name without blanks");
    Ok(word.to_owned())
}

/// `NAME[=VALUE]`.
pub(super) fn variable(word: &str) -> Result<String> {
    ensure!(!name_of(word).is_empty(), "must begin with the name of a variable");
    Ok(word.to_owned())
}

/// `NAME=VALUE`.
pub(super) fn storage(word: &str) -> Result<String> {
    ensure!(word.contains('='), "must be of the form NAME=VALUE");
    Ok(word.to_owned())
}

fn name_of(word: &str) -> &str {
    word.split_once('=').map_or(word, |(name, _)| name)
}

/// `HOST[:CONTAINER][:rwm]` with plain paths, or the name of a device in the Container Device Interface.
pub(super) fn device(word: &str) -> String {
    match word.split(':').collect::<Vec<_>>()[..] {
        _ if is_later(word) => word.to_owned(),
        [host] if host.starts_with('/') => clean(host),
        [host, mode] if is_device_mode(mode) => format!("{}:{mode}", clean(host)),
        [host, container] => format!("{host}:{}", clean(container)),
        _ => word.to_owned(),
    }
}

/// A path without `.`, `..` and what is doubled.
fn clean(path: &str) -> String {
    let mut clean = PathBuf::new();
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir => drop(clean.pop()),
            part => clean.push(part),
        }
    }
    clean.to_string_lossy().into_owned()
}

/// `OS`, `ARCHITECTURE` or `OS/ARCHITECTURE[/VARIANT]`, as engines write it.
pub(super) fn platform(word: &str) -> Result<String> {
    if is_later(word) {
        return Ok(word.to_owned());
    }
    let lower = word.to_ascii_lowercase();
    let parts: Vec<&str> = lower.split('/').collect();
    let is_name = |part: &&str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
    };
    ensure!(parts.len() <= 3 && parts.iter().all(is_name), "must be of the form linux/amd64");
    let parts = match parts[..] {
        ["linux" | "windows" | "darwin" | "freebsd"] => parts,
        [architecture] => vec!["linux", architecture],
        _ => parts,
    };
    let usual = parts.iter().enumerate().map(|(at, part)| match (at, *part) {
        (1, "x86_64" | "x86-64") => "amd64",
        (1, "aarch64") => "arm64",
        (1, "i386") => "386",
        (_, part) => part,
    });
    Ok(usual.collect::<Vec<_>>().join("/"))
}

/// A security option. A profile for seccomp is the file's content, as the engine takes it.
pub(super) fn security(word: &str, env: &Env) -> Result<String> {
    let named = word.split_once('=').or_else(|| word.split_once(':'));
    let (name, value) = match named {
        _ if word == "no-new-privileges" => return Ok(word.to_owned()),
        Some((name, value)) if !value.is_empty() => (name, value),
        _ => bail!("must be of the form NAME=VALUE"),
    };
    if name != "seccomp" || ["unconfined", "builtin"].contains(&value) || is_later(value) {
        return Ok(word.to_owned());
    }
    let is_whole = value.starts_with('/');
    let path = if is_whole { value.to_owned() } else { from(env, &format!("./{value}"))? };
    let path = Path::new(&path);
    let text = crate::files::read(path).context("names a profile that cannot be read")?;
    let profile: Json = serde_json::from_slice(&text)
        .with_context(|| format!("names `{}`, which is not JSON", path.display()))?;
    // Nothing in it is to be filled in.
    Ok(format!("seccomp={}", profile.to_string().replace('$', "$$")))
}

/// `[SOURCE:]TARGET[:OPTIONS]`; a source that begins with a point is taken from the current directory on.
pub(super) fn volume(word: &str, env: &Env) -> Result<String> {
    ensure!(!word.is_empty(), "must not be empty");
    Ok(match word.split_once(':') {
        Some((source, rest)) => format!("{}:{rest}", from(env, source)?),
        None => word.to_owned(),
    })
}

/// A path that begins with a point, from the current directory on.
pub(super) fn from(env: &Env, path: &str) -> Result<String> {
    if !path.starts_with('.') {
        return Ok(path.to_owned());
    }
    let directory = env.directory()?;
    Ok(clean(&directory.join(path).to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_cpus_are_ratios() {
        for (word, expected) in [
            ("1.5", Some("1.5")),
            ("3/2", Some("1.5")),
            ("15e-1", Some("1.5")),
            ("+.5", Some("0.5")),
            ("2.", Some("2")),
            ("0", Some("0")),
            ("1e2", Some("100")),
            ("1/3", None),
            ("1.0000000001", None),
            ("1/0", None),
            ("-1", None),
            ("", None),
            (".", None),
            ("1e99", None),
            ("${CPUS}", Some("${CPUS}")),
        ] {
            assert_eq!(cpus(word).ok().as_deref(), expected, "{word}");
        }
    }
}
