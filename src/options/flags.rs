//! The options of `install` that `docker run` and `docker service create` have too, in their
//! spellings, and how they are written into `launch_docker.toml`.

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Arg, ArgAction, ArgMatches};
use serde_json::Value as Json;

/// How the words of an option become a value of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Nothing; the key is `true`.
    Flag,
    /// One text.
    Text,
    /// One number.
    Number,
    /// A list of texts.
    List,
    /// A list with one text.
    Single,
    /// A number of seconds.
    Seconds,
    /// `all`, a number, or `device=...`.
    Gpus,
    /// `NAME=SOFT[:HARD]`.
    Ulimits,
    /// `NAME=VALUE,...`, the syntax of `docker run --mount`.
    Mount,
    /// `spread=...`.
    Preferences,
    /// `KIND=NUMBER`.
    GenericResources,
    /// A name, or `source=...,target=...`.
    Secrets,
    /// A name of a logging driver, or one of its options.
    Logging,
}

/// An option.
#[derive(Debug)]
pub struct Flag {
    /// Its name, without hyphens in front.
    pub long: &'static str,
    short: Option<char>,
    /// The key that it writes.
    pub key: &'static str,
    pub(super) shape: Shape,
    value: &'static str,
    help: &'static str,
}

const fn flag(
    long: &'static str,
    short: Option<char>,
    key: &'static str,
    shape: Shape,
    value: &'static str,
    help: &'static str,
) -> Flag {
    Flag { long, short, key, shape, value, help }
}

/// All of them, in the order of the help.
#[rustfmt::skip]
pub static FLAGS: [Flag; 46] = [
    flag("volume", Some('v'), "volumes", Shape::List, "SOURCE:TARGET[:OPTIONS]", "Mount a directory of the host, or a volume; repeatable"),
    flag("mount", None, "volumes", Shape::Mount, "type=TYPE,...", "The same with all options, as `docker run --mount` has it; repeatable"),
    flag("mount-cwd", None, "mount_cwd", Shape::Flag, "", "Mount the notebook's directory, and start the kernel there"),
    flag("tmpfs", None, "tmpfs", Shape::List, "TARGET[:OPTIONS]", "Mount a directory in memory; repeatable"),
    flag("workdir", Some('w'), "working_dir", Shape::Text, "DIRECTORY", "Directory in which the kernel starts"),
    flag("read-only", None, "read_only", Shape::Flag, "", "Make the container's own files unchangeable"),
    flag("storage-opt", None, "storage_opt", Shape::List, "NAME=VALUE", "Option of the storage driver; repeatable"),
    flag("env", Some('e'), "environment", Shape::List, "NAME[=VALUE]", "Variable for the kernel, without VALUE the server's; repeatable"),
    flag("env-file", None, "env_file", Shape::List, "FILE", "File with variables for the kernel; repeatable"),
    flag("memory", Some('m'), "mem_limit", Shape::Text, "BYTES", "Most memory, such as 4g"),
    flag("memory-reservation", None, "mem_reservation", Shape::Text, "BYTES", "Memory that the kernel should have"),
    flag("memory-swap", None, "memswap_limit", Shape::Text, "BYTES", "Most memory and swap space together"),
    flag("cpus", None, "cpus", Shape::Text, "NUMBER", "Most processors, such as 1.5"),
    flag("cpu-shares", None, "cpu_shares", Shape::Number, "NUMBER", "Weight against other containers [engine's default: 1024]"),
    flag("cpuset-cpus", None, "cpuset", Shape::Text, "LIST", "Processors that may be used, such as 0-3"),
    flag("pids-limit", None, "pids_limit", Shape::Number, "NUMBER", "Most processes and threads"),
    flag("shm-size", None, "shm_size", Shape::Text, "BYTES", "Size of /dev/shm"),
    flag("ulimit", None, "ulimits", Shape::Ulimits, "NAME=SOFT[:HARD]", "Limit of a process; repeatable"),
    flag("gpus", None, "gpus", Shape::Gpus, "GPUS", "GPUs: all, a number, or device=ID,..."),
    flag("device", None, "devices", Shape::List, "HOST[:CONTAINER[:rwm]]", "Device of the host; repeatable"),
    flag("runtime", None, "runtime", Shape::Text, "NAME", "Runtime of the container"),
    flag("group-add", None, "group_add", Shape::List, "GROUP", "Further group of the kernel; repeatable"),
    flag("cap-add", None, "cap_add", Shape::List, "CAPABILITY", "Capability to add; repeatable"),
    flag("cap-drop", None, "cap_drop", Shape::List, "CAPABILITY", "Capability to drop; repeatable"),
    flag("security-opt", None, "security_opt", Shape::List, "OPTION", "Security option; repeatable"),
    flag("privileged", None, "privileged", Shape::Flag, "", "Give the kernel all rights on the host"),
    flag("sysctl", None, "sysctls", Shape::List, "NAME=VALUE", "Setting of the kernel of Linux; repeatable"),
    flag("ipc", None, "ipc", Shape::Text, "MODE", "What memory is shared with"),
    flag("network", None, "networks", Shape::List, "NETWORK", "Network besides the server's; repeatable"),
    flag("hostname", None, "hostname", Shape::Text, "NAME", "Name of the container's host"),
    flag("domainname", None, "domainname", Shape::Text, "NAME", "Domain of the container's host"),
    flag("dns", None, "dns", Shape::List, "ADDRESS", "Name server; repeatable"),
    flag("dns-search", None, "dns_search", Shape::List, "DOMAIN", "Domain in which names are looked for; repeatable"),
    flag("add-host", None, "extra_hosts", Shape::List, "HOST:ADDRESS", "Name of a host with its address; repeatable"),
    flag("init", None, "init", Shape::Flag, "", "Run a first process that passes signals on, so that kernels stop at once"),
    flag("stop-timeout", None, "stop_grace_period", Shape::Seconds, "SECONDS", "Time to stop before the kernel is killed"),
    flag("pull", None, "pull_policy", Shape::Text, "POLICY", "When the image is pulled: missing, always or never"),
    flag("platform", None, "platform", Shape::Text, "OS/ARCHITECTURE", "Platform of the image"),
    flag("entrypoint", None, "entrypoint", Shape::Single, "COMMAND", "Command of an image with another bootstrap"),
    flag("label", Some('l'), "labels", Shape::List, "NAME=VALUE", "Label of the container or service; repeatable"),
    flag("log-driver", None, "logging", Shape::Logging, "DRIVER", "Driver for the kernel's output"),
    flag("log-opt", None, "logging", Shape::Logging, "NAME=VALUE", "Option of that driver; repeatable"),
    flag("constraint", None, "deploy.placement.constraints", Shape::List, "CONSTRAINT", "Which nodes of a Swarm may run the kernel; repeatable"),
    flag("placement-pref", None, "deploy.placement.preferences", Shape::Preferences, "spread=LABEL", "How kernels spread over the nodes of a Swarm; repeatable"),
    flag("generic-resource", None, "deploy.resources.reservations.generic_resources", Shape::GenericResources, "KIND=NUMBER", "What a node of a Swarm must have, such as GPU=1; repeatable"),
    flag("secret", None, "secrets", Shape::Secrets, "SECRET", "Secret of the Swarm that the kernel gets as a file; repeatable"),
];

impl Flag {
    /// The option of this name.
    #[must_use]
    pub fn named(long: &str) -> Option<&'static Self> {
        FLAGS.iter().find(|flag| flag.long == long)
    }

    /// Whether it takes no value.
    #[must_use]
    pub fn is_switch(&self) -> bool {
        self.shape == Shape::Flag
    }
}

/// The options for the command line.
pub fn arguments() -> impl Iterator<Item = Arg> {
    FLAGS.iter().map(|flag| {
        let arg = Arg::new(flag.long)
            .long(flag.long)
            .help(flag.help)
            .help_heading("Container (written to scripts/launch_docker.toml)");
        let arg = match flag.short {
            Some(short) => arg.short(short),
            None => arg,
        };
        if flag.is_switch() {
            return arg.action(ArgAction::SetTrue).overrides_with(flag.long);
        }
        let single = matches!(
            flag.shape,
            Shape::Text | Shape::Number | Shape::Single | Shape::Seconds | Shape::Gpus
        ) || flag.long == "log-driver";
        arg.value_name(flag.value).allow_hyphen_values(true).action(if single {
            ArgAction::Set
        } else {
            ArgAction::Append
        })
    })
}

/// What is said of an option: its words, none for a switch.
pub type Given = (&'static Flag, Vec<String>);

/// What a command line says.
#[must_use]
pub fn given(matches: &ArgMatches) -> Vec<Given> {
    FLAGS
        .iter()
        .filter_map(|flag| {
            if flag.is_switch() {
                return matches.get_flag(flag.long).then(|| (flag, Vec::new()));
            }
            let values = matches.get_many::<String>(flag.long)?;
            Some((flag, values.cloned().collect()))
        })
        .collect()
}

/// The text of `launch_docker.toml` with these options in it, each below the comment for its key.
///
/// # Errors
/// When a value has not the form that the option takes.
pub fn written(template: &str, given: &[Given]) -> Result<String> {
    let mut lines: Vec<String> = template.lines().map(str::to_owned).collect();
    let mut done: Vec<&str> = Vec::new();
    for (flag, _) in given {
        if done.contains(&flag.key) {
            continue;
        }
        done.push(flag.key);
        let all = given.iter().filter(|(other, _)| other.key == flag.key);
        let value = value(flag.key, all)?;
        let example = format!("#{} = ", flag.key);
        // The last example, and what belongs to it if it has several lines.
        let at = lines.iter().rposition(|line| line.starts_with(&example));
        let at = at.with_context(|| format!("there is no place for `{}`", flag.key))?;
        let mut next = at + 1;
        if lines[at].ends_with('[') {
            while next < lines.len() && !lines[next - 1].starts_with("#]") {
                next += 1;
            }
        }
        lines.insert(next, format!("{} = {value}", flag.key));
    }
    Ok(lines.join("\n") + "\n")
}

/// The value of a key, in TOML.
fn value<'a>(key: &str, given: impl Iterator<Item = &'a Given>) -> Result<String> {
    let (mut items, mut driver, mut options) = (Vec::new(), None, Vec::new());
    for (flag, words) in given {
        let first = words.first().map(String::as_str).unwrap_or_default();
        let option = || format!("--{} of `{first}`", flag.long);
        match flag.shape {
            Shape::Flag => return Ok("true".to_owned()),
            Shape::Text => {
                // `-1` is a number to memswap_limit.
                let number = key == "memswap_limit" && first.parse::<i64>().is_ok();
                return Ok(if number { first.to_owned() } else { quoted(first) });
            }
            Shape::Number => {
                let number: i64 = first
                    .parse()
                    .ok()
                    .with_context(|| format!("{} must be a whole number", option()))?;
                return Ok(number.to_string());
            }
            Shape::Seconds => {
                let seconds: u32 = first
                    .parse()
                    .ok()
                    .with_context(|| format!("{} must be a number of seconds", option()))?;
                return Ok(quoted(&format!("{seconds}s")));
            }
            Shape::Gpus => return gpus(first),
            Shape::List | Shape::Single => items.extend(words.iter().map(|word| quoted(word))),
            Shape::Mount => {
                for word in words {
                    items.push(mount(word)?);
                }
            }
            Shape::Ulimits => {
                let limits: Result<Vec<String>> = words.iter().map(|word| ulimit(word)).collect();
                return Ok(format!("{{ {} }}", limits?.join(", ")));
            }
            Shape::Preferences => {
                for word in words {
                    let spread = word.strip_prefix("spread=");
                    let spread = spread.with_context(|| {
                        format!("--{} of `{word}` must be of the form `spread=LABEL`", flag.long)
                    })?;
                    items.push(format!("{{ spread = {} }}", quoted(spread)));
                }
            }
            Shape::GenericResources => {
                for word in words {
                    let resource = word
                        .split_once('=')
                        .and_then(|(kind, number)| Some((kind, number.parse::<u32>().ok()?)));
                    let (kind, number) = resource.with_context(|| {
                        format!("--{} of `{word}` must be of the form `KIND=NUMBER`", flag.long)
                    })?;
                    let kind = quoted(kind);
                    items.push(format!(
                        "{{ discrete_resource_spec = {{ kind = {kind}, value = {number} }} }}"
                    ));
                }
            }
            Shape::Secrets => {
                for word in words {
                    items.push(if word.contains('=') {
                        table(word, flag.long)?
                    } else {
                        quoted(word)
                    });
                }
            }
            Shape::Logging if flag.long == "log-driver" => driver = Some(quoted(first)),
            Shape::Logging => {
                for word in words {
                    let (name, value) = word.split_once('=').with_context(|| {
                        format!("--{} of `{word}` must be of the form `NAME=VALUE`", flag.long)
                    })?;
                    options.push(format!("{} = {}", quoted(name), quoted(value)));
                }
            }
        }
    }
    if key == "logging" {
        let driver = driver.map(|driver| format!("driver = {driver}"));
        let options =
            (!options.is_empty()).then(|| format!("options = {{ {} }}", options.join(", ")));
        let parts: Vec<String> = driver.into_iter().chain(options).collect();
        return Ok(format!("{{ {} }}", parts.join(", ")));
    }
    Ok(format!("[{}]", items.join(", ")))
}

/// The text as a string of TOML, whose escapes JSON shares but for one character.
fn quoted(text: &str) -> String {
    Json::from(text).to_string().replace('\u{7f}', "\\u007f")
}

/// `all`, a number, or `device=0,1`, which may be in quotes as `docker run` needs them.
fn gpus(word: &str) -> Result<String> {
    let word = word.trim_matches('"');
    if word == "all" {
        return Ok(quoted(word));
    }
    if let Ok(count) = word.parse::<u32>() {
        return Ok(count.to_string());
    }
    let ids = word
        .strip_prefix("device=")
        .with_context(|| format!("--gpus of `{word}` must be all, a number, or device=ID,..."))?;
    let ids: Vec<String> = ids.split(',').map(quoted).collect();
    Ok(format!("[{{ device_ids = [{}] }}]", ids.join(", ")))
}

/// `NAME=SOFT[:HARD]`.
fn ulimit(word: &str) -> Result<String> {
    let parsed = word.split_once('=').and_then(|(name, limits)| {
        let (soft, hard) = limits.split_once(':').unwrap_or((limits, limits));
        Some((name, soft.parse::<i64>().ok()?, hard.parse::<i64>().ok()?))
    });
    let (name, soft, hard) = parsed
        .with_context(|| format!("--ulimit of `{word}` must be of the form NAME=SOFT[:HARD]"))?;
    Ok(format!("{} = {{ soft = {soft}, hard = {hard} }}", quoted(name)))
}

/// `NAME=VALUE,...` as an inline table of texts.
fn table(word: &str, option: &str) -> Result<String> {
    let pairs = word.split(',').map(|pair| {
        let (name, value) = pair.split_once('=').with_context(|| {
            format!("--{option} of `{word}` must be of the form NAME=VALUE,...")
        })?;
        let value = match name {
            "mode" => format!("0o{value}"),
            _ => quoted(value),
        };
        Ok(format!("{name} = {value}"))
    });
    Ok(format!("{{ {} }}", pairs.collect::<Result<Vec<_>>>()?.join(", ")))
}

/// The syntax of `docker run --mount` as the long syntax of Compose.
fn mount(word: &str) -> Result<String> {
    let (mut fields, mut bind, mut volume, mut tmpfs) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut has_type = false;
    for part in word.split(',') {
        let (name, value) = part.split_once('=').unwrap_or((part, "true"));
        let text = quoted(value);
        let flag = matches!(value, "true" | "1");
        match name {
            "type" => {
                has_type = true;
                fields.push(format!("type = {text}"));
            }
            "source" | "src" => fields.push(format!("source = {text}")),
            "target" | "dst" | "destination" => fields.push(format!("target = {text}")),
            "readonly" | "ro" => fields.push(format!("read_only = {flag}")),
            "bind-propagation" => bind.push(format!("propagation = {text}")),
            "volume-driver" => volume.push(format!("driver = {text}")),
            "volume-subpath" => volume.push(format!("subpath = {text}")),
            "volume-nocopy" => volume.push(format!("nocopy = {flag}")),
            "tmpfs-size" => tmpfs.push(format!("size = {text}")),
            "tmpfs-mode" => {
                ensure!(
                    i64::from_str_radix(value, 8).is_ok(),
                    "`{part}` in --mount must be a mode, such as 1777"
                );
                tmpfs.push(format!("mode = 0o{value}"));
            }
            _ => bail!("--mount of `{word}` has an unknown part `{name}`"),
        }
    }
    if !has_type {
        fields.push("type = \"volume\"".to_owned());
    }
    for (name, options) in [("bind", bind), ("volume", volume), ("tmpfs", tmpfs)] {
        if !options.is_empty() {
            fields.push(format!("{name} = {{ {} }}", options.join(", ")));
        }
    }
    Ok(format!("{{ {} }}", fields.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;
    use crate::options::keys::KEYS;
    use crate::templates;

    fn from(words: &[&str]) -> Result<String> {
        let command = clap::Command::new("install").args(arguments()).no_binary_name(true);
        let matches = command.try_get_matches_from(words)?;
        written(templates::options(), &given(&matches))
    }

    /// The lines that are set.
    fn set(words: &[&str]) -> Vec<String> {
        let text = from(words).unwrap();
        Options::parse("f", &text).unwrap();
        text.lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn the_template_has_an_example_of_every_key_and_each_is_right() {
        let text = templates::options();
        let without = Options::parse("f", text).unwrap();
        assert!(without.is_empty());
        for key in &KEYS {
            let name = key.name;
            let example = text.lines().any(|line| {
                line.starts_with(&format!("#{name} = ")) || line == format!("#[{name}]")
            });
            assert!(example, "no example of {name}");
        }
        for flag in &FLAGS {
            assert!(KEYS.iter().any(|key| key.name == flag.key), "{}", flag.long);
        }
    }

    #[test]
    fn options_are_written_below_their_comments() {
        let text = from(&["-v", "/a:/b:ro", "--volume=c:/d", "--memory=4g", "--init"]).unwrap();
        assert!(text.contains("#]\nvolumes = [\"/a:/b:ro\", \"c:/d\"]\n#tmpfs"), "{text}");
        assert!(text.contains("\n#mem_limit = \"4g\"\nmem_limit = \"4g\"\n"));
        assert!(text.contains("\n#init = true\ninit = true\n"));
        assert_eq!(set(&[]), Vec::<String>::new());
    }

    #[test]
    fn values_take_the_form_of_their_keys() {
        for (words, expected) in [
            (&["--gpus=all"][..], "gpus = \"all\""),
            (&["--gpus=2"], "gpus = 2"),
            (&["--gpus", "\"device=0,GPU-1\""], "gpus = [{ device_ids = [\"0\", \"GPU-1\"] }]"),
            (
                &["--ulimit=nofile=1:2", "--ulimit=core=0"],
                "ulimits = { \"nofile\" = { soft = 1, hard = 2 }, \"core\" = { soft = 0, hard = 0 } }",
            ),
            (
                &["--mount=type=bind,src=/a,dst=/b,readonly,bind-propagation=rslave"],
                "volumes = [{ type = \"bind\", source = \"/a\", target = \"/b\", read_only = true, bind = { propagation = \"rslave\" } }]",
            ),
            (
                &["-v", "/a:/b", "--mount", "target=/x"],
                "volumes = [\"/a:/b\", { target = \"/x\", type = \"volume\" }]",
            ),
            (
                &["--mount=type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1777"],
                "volumes = [{ type = \"tmpfs\", target = \"/t\", tmpfs = { size = \"1m\", mode = 0o1777 } }]",
            ),
            (
                &["--env=A=it's \"x\" \\ $", "-e", "B"],
                r#"environment = ["A=it's \"x\" \\ $", "B"]"#,
            ),
            (&["--pids-limit=5"], "pids_limit = 5"),
            (&["--memory-swap=-1"], "memswap_limit = -1"),
            (&["--stop-timeout=3"], "stop_grace_period = \"3s\""),
            (
                &["--log-driver=json-file", "--log-opt=max-size=1m"],
                "logging = { driver = \"json-file\", options = { \"max-size\" = \"1m\" } }",
            ),
            (
                &["--constraint=node.labels.gpu==true"],
                "deploy.placement.constraints = [\"node.labels.gpu==true\"]",
            ),
            (
                &["--placement-pref=spread=node.labels.zone"],
                "deploy.placement.preferences = [{ spread = \"node.labels.zone\" }]",
            ),
            (
                &["--generic-resource=GPU=1"],
                "deploy.resources.reservations.generic_resources = [{ discrete_resource_spec = { kind = \"GPU\", value = 1 } }]",
            ),
            (
                &["--secret=a", "--secret=source=b,target=c,mode=440"],
                "secrets = [\"a\", { source = \"b\", target = \"c\", mode = 0o440 }]",
            ),
            (&["--entrypoint=/x y"], "entrypoint = [\"/x y\"]"),
            (&["--mount-cwd"], "mount_cwd = true"),
        ] {
            assert_eq!(set(words), [expected], "{words:?}");
        }
    }

    #[test]
    fn what_has_not_the_form_is_refused() {
        for words in [
            "--gpus=some",
            "--ulimit=nofile",
            "--ulimit=nofile=x",
            "--mount=type=bind,what=1",
            "--mount=type=tmpfs,tmpfs-mode=9",
            "--pids-limit=many",
            "--stop-timeout=-1",
            "--placement-pref=x",
            "--generic-resource=GPU",
            "--log-opt=x",
        ] {
            let error = from(&[words]).unwrap_err().to_string();
            assert!(error.contains("--") || error.contains('`'), "{words}: {error}");
        }
    }
}
