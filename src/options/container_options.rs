//! The options of `install` that `docker run` and `docker service create` have too, in their
//! spellings. `docker.rs` reads their values as the client does, and
//! [`written`](super::written) writes them into `launch_docker.toml`.

use clap::{Arg, ArgAction, ArgMatches};

/// How the words of an option become a value of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Nothing for `true`, or a truth value.
    Bool,
    /// One text.
    Text,
    /// An amount of memory.
    Bytes,
    /// The same, or -1.
    BytesOrUnlimited,
    /// A number of processors.
    Cpus,
    /// A whole number.
    Number,
    /// A whole number, or nothing for one.
    Count,
    /// A number of seconds.
    Seconds,
    /// A platform of images.
    Platform,
    /// A list with one text.
    Single,
    /// A list of texts.
    List,
    /// Requests for GPUs.
    Gpus,
    /// `NAME=SOFT[:HARD]`.
    Ulimits,
    /// `NAME=VALUE,...`, the syntax of `docker run --mount`.
    Mount,
    /// A name, or `name=...,alias=...`.
    Networks,
    /// `spread=...`.
    Preferences,
    /// `KIND=NUMBER`.
    GenericResources,
    /// A name, or `source=...,target=...`.
    Secrets,
    /// A name of a logging driver, or one of its options.
    Logging,
    /// A part of a health check.
    Health,
}

/// An option.
#[derive(Debug)]
pub struct ContainerOption {
    /// Its name, without hyphens in front.
    pub long: &'static str,
    short: Option<char>,
    /// The key that it writes.
    pub key: &'static str,
    pub(super) shape: Shape,
    value: &'static str,
    help: &'static str,
}

const fn option(
    long: &'static str,
    short: Option<char>,
    key: &'static str,
    shape: Shape,
    value: &'static str,
    help: &'static str,
) -> ContainerOption {
    ContainerOption { long, short, key, shape, value, help }
}

/// Whether the notebook's directory is mounted: the two options that write `mount_cwd`.
pub const MOUNT_CWD: &str = "mount-cwd";
pub const NO_MOUNT_CWD: &str = "no-mount-cwd";

/// Where kernels run, and the key that this writes.
pub const ENGINE: &str = "engine";

/// How many kernels wait, and for how long.
pub const WARM: &str = "warm";
pub const WARM_TIME: &str = "warm-time";
pub const WARM_COMMAND: &str = "warm-command";

/// What only specifications of `--local` can have.
pub const OF_LOCAL: [&str; 5] = [ENGINE, NO_MOUNT_CWD, WARM, WARM_COMMAND, WARM_TIME];

/// What is said of the container's user if it is to be the image's own.
pub(super) const IMAGES_OWN: &str = "image";

/// All of them.
#[rustfmt::skip]
pub static CONTAINER_OPTIONS: [ContainerOption; 61] = [
    option("volume", Some('v'), "volumes", Shape::List, "SOURCE:TARGET[:OPTIONS]", "Bind mount a directory of the host, or mount a volume; repeatable"),
    option("mount", None, "volumes", Shape::Mount, "type=TYPE,...", "Attach a mount, in the syntax of `docker run --mount`; repeatable"),
    option(MOUNT_CWD, None, "mount_cwd", Shape::Bool, "", "Mount the notebook's directory, and start the kernel there"),
    option(NO_MOUNT_CWD, None, "mount_cwd", Shape::Bool, "", "Do not mount it, which --local does by default"),
    option("tmpfs", None, "tmpfs", Shape::List, "TARGET[:OPTIONS]", "Mount a tmpfs directory; repeatable"),
    option("workdir", Some('w'), "working_dir", Shape::Text, "DIRECTORY", "Working directory inside the container"),
    option("read-only", None, "read_only", Shape::Bool, "", "Mount the container's root filesystem as read only"),
    option("storage-opt", None, "storage_opt", Shape::List, "NAME=VALUE", "Storage driver option; repeatable"),
    option("env", Some('e'), "environment", Shape::List, "NAME[=VALUE]", "Environment variable; without VALUE, the server's; repeatable"),
    option("env-file", None, "env_file", Shape::List, "FILE", "File of environment variables; repeatable"),
    option("memory", Some('m'), "mem_limit", Shape::Bytes, "BYTES", "Memory limit, such as 4g"),
    option("memory-reservation", None, "mem_reservation", Shape::Bytes, "BYTES", "Memory soft limit"),
    option("memory-swap", None, "memswap_limit", Shape::BytesOrUnlimited, "BYTES", "Limit of memory plus swap; -1 for unlimited swap"),
    option("cpus", None, "cpus", Shape::Cpus, "NUMBER", "Number of CPUs, such as 1.5"),
    option("cpu-shares", None, "cpu_shares", Shape::Number, "NUMBER", "CPU shares (relative weight) [engine's default: 1024]"),
    option("cpuset-cpus", None, "cpuset", Shape::Text, "LIST", "CPUs in which to allow execution, such as 0-3"),
    option("pids-limit", None, "pids_limit", Shape::Number, "NUMBER", "Limit of processes and threads; -1 for unlimited"),
    option("shm-size", None, "shm_size", Shape::Bytes, "BYTES", "Size of /dev/shm"),
    option("ulimit", None, "ulimits", Shape::Ulimits, "NAME=SOFT[:HARD]", "Ulimit option; repeatable"),
    option("gpus", None, "gpus", Shape::Gpus, "GPUS", "GPU devices: all, a number, or device=ID,..."),
    option("device", None, "devices", Shape::List, "HOST[:CONTAINER[:rwm]]", "Add a device of the host; repeatable"),
    option("runtime", None, "runtime", Shape::Text, "NAME", "OCI runtime to use"),
    option("container-user", Some('u'), "user", Shape::Text, "USER[:GROUP]", "User of the container, or `image` for the image's own [default: the server's choice; for --local who starts the kernel]"),
    option("group-add", None, "group_add", Shape::List, "GROUP", "Additional group to join; repeatable"),
    option("cap-add", None, "cap_add", Shape::List, "CAPABILITY", "Add a Linux capability; repeatable"),
    option("cap-drop", None, "cap_drop", Shape::List, "CAPABILITY", "Drop a Linux capability; repeatable"),
    option("security-opt", None, "security_opt", Shape::List, "OPTION", "Security option; repeatable"),
    option("privileged", None, "privileged", Shape::Bool, "", "Give extended privileges, which are those of root on the host"),
    option("sysctl", None, "sysctls", Shape::List, "NAME=VALUE", "Sysctl option; repeatable"),
    option("ipc", None, "ipc", Shape::Text, "MODE", "IPC mode to use"),
    option("userns", None, "userns_mode", Shape::Text, "MODE", "User namespace to use: host, where the engine maps users"),
    option("network", None, "networks", Shape::Networks, "NETWORK", "Network to connect to besides the server's; for --local the container's own, or none; repeatable"),
    option("signals-from", None, "signals_from", Shape::List, "CIDR", "Who may send the kernel signals, or have it end: an address, a network, or `server`; for --bring-bootstrap; repeatable [default: any]"),
    option("hostname", None, "hostname", Shape::Text, "NAME", "Host name of the container"),
    option("domainname", None, "domainname", Shape::Text, "NAME", "Domain name of the container"),
    option("dns", None, "dns", Shape::List, "ADDRESS", "DNS server; repeatable"),
    option("dns-search", None, "dns_search", Shape::List, "DOMAIN", "DNS search domain; repeatable"),
    option("add-host", None, "extra_hosts", Shape::List, "HOST:ADDRESS", "Add a host-to-IP mapping; repeatable"),
    option("init", None, "init", Shape::Bool, "", "Run an init that forwards signals and reaps processes, so that kernels stop at once"),
    option("stop-timeout", None, "stop_grace_period", Shape::Seconds, "SECONDS", "Seconds to wait for the kernel to stop before it is killed"),
    option("health-cmd", None, "healthcheck", Shape::Health, "COMMAND", "Command to run to check health [default: no check, whatever the image has]"),
    option("health-interval", None, "healthcheck", Shape::Health, "DURATION", "Time between running the check"),
    option("health-timeout", None, "healthcheck", Shape::Health, "DURATION", "Maximum time to allow one check to run"),
    option("health-retries", None, "healthcheck", Shape::Health, "NUMBER", "Consecutive failures needed to report unhealthy"),
    option("health-start-period", None, "healthcheck", Shape::Health, "DURATION", "Start period in which failures do not count"),
    option("health-start-interval", None, "healthcheck", Shape::Health, "DURATION", "Time between running the check during the start period"),
    option("no-healthcheck", None, "healthcheck", Shape::Bool, "", "Disable any health check, which is the default"),
    option(ENGINE, None, ENGINE, Shape::Text, "ADDRESS", "Engine of the kernels, such as ssh://USER@HOST; for --local [default: that of DOCKER_HOST or of the Docker context]"),
    option(WARM, None, WARM, Shape::Count, "N", "Have N kernels wait, ready for the next notebooks; for --local [default: 0; without N: 1]"),
    option(WARM_COMMAND, None, "warm_command", Shape::Text, "COMMAND", "What runs while they wait, in place of --kernel-command; for --local [default: Python's ipykernel, up to where it would answer; of others nothing]"),
    option(WARM_TIME, None, "warm_time", Shape::Text, "TIME", "How long they wait, such as 2h; for --local [default: 30m]"),
    option("pull", None, "pull_policy", Shape::Text, "POLICY", "When to pull the image: missing, always or never"),
    option("platform", None, "platform", Shape::Platform, "OS/ARCHITECTURE", "Platform of the image"),
    option("entrypoint", None, "entrypoint", Shape::Single, "COMMAND", "Entrypoint in the place of the one that the image has"),
    option("label", Some('l'), "labels", Shape::List, "NAME=VALUE", "Label of the container or service; repeatable"),
    option("log-driver", None, "logging", Shape::Logging, "DRIVER", "Logging driver"),
    option("log-opt", None, "logging", Shape::Logging, "NAME=VALUE", "Logging driver option; repeatable"),
    option("constraint", None, "deploy.placement.constraints", Shape::List, "CONSTRAINT", "Placement constraint of a Swarm; repeatable"),
    option("placement-pref", None, "deploy.placement.preferences", Shape::Preferences, "spread=LABEL", "Placement preference of a Swarm; repeatable"),
    option("generic-resource", None, "deploy.resources.reservations.generic_resources", Shape::GenericResources, "KIND=NUMBER", "User-defined resource of a Swarm node, such as GPU=1; repeatable"),
    option("secret", None, "secrets", Shape::Secrets, "SECRET", "Secret of the Swarm to expose to the kernel; repeatable"),
];

impl ContainerOption {
    /// The option of this name.
    #[must_use]
    pub fn named(long: &str) -> Option<&'static Self> {
        CONTAINER_OPTIONS.iter().find(|flag| flag.long == long)
    }

    /// Whether this word is the short form of one, without a value.
    #[must_use]
    pub fn is_short(word: &str) -> bool {
        let short = word.strip_prefix('-').filter(|rest| rest.len() == 1);
        short.is_some_and(|short| {
            CONTAINER_OPTIONS.iter().any(|flag| flag.short == short.chars().next())
        })
    }

    /// Whether all of its values count, and not only the last one.
    #[must_use]
    pub fn is_repeatable(&self) -> bool {
        let lists = matches!(
            self.shape,
            Shape::List
                | Shape::Gpus
                | Shape::Ulimits
                | Shape::Mount
                | Shape::Networks
                | Shape::Preferences
                | Shape::GenericResources
                | Shape::Secrets
        );
        lists || self.long == "log-opt"
    }

    /// What it is sorted by: those of `docker run` are in the order of their names there.
    fn in_order(&self) -> (&'static str, &'static str) {
        match self.long {
            "container-user" => ("user", ""),
            NO_MOUNT_CWD => (MOUNT_CWD, NO_MOUNT_CWD),
            long => (long, ""),
        }
    }

    /// Whether it needs no value.
    #[must_use]
    pub fn is_switch(&self) -> bool {
        [Shape::Bool, Shape::Count].contains(&self.shape)
    }
}

/// The options for the command line.
pub fn arguments() -> impl Iterator<Item = Arg> {
    let mut flags: Vec<&ContainerOption> = CONTAINER_OPTIONS.iter().collect();
    flags.sort_by_cached_key(|flag| flag.in_order());
    flags.into_iter().map(|flag| {
        let arg = Arg::new(flag.long)
            .long(flag.long)
            .help(flag.help)
            .help_heading("Container (written to scripts/launch_docker.toml)");
        let arg = match flag.short {
            Some(short) => arg.short(short),
            None => arg,
        };
        if flag.is_switch() {
            // As Go's flags are: `--init`, or `--init=false`.
            let arg = arg.num_args(0..=1).require_equals(true).default_missing_value("true");
            let value = if flag.shape == Shape::Bool { "BOOL" } else { flag.value };
            let arg = arg.value_name(value).action(ArgAction::Set);
            // Of these two the last counts.
            return match flag.key {
                "mount_cwd" => arg.overrides_with_all([MOUNT_CWD, NO_MOUNT_CWD]),
                _ => arg.overrides_with(flag.long),
            };
        }
        let arg = arg.value_name(flag.value).allow_hyphen_values(true);
        if flag.is_repeatable() {
            return arg.action(ArgAction::Append);
        }
        // The last one counts, as for `docker`.
        arg.action(ArgAction::Set).overrides_with(flag.long)
    })
}

/// What is said of an option: its words, none for a switch that is on.
pub type Given = (&'static ContainerOption, Vec<String>);

/// What a command line says.
#[must_use]
pub fn given(matches: &ArgMatches) -> Vec<Given> {
    CONTAINER_OPTIONS
        .iter()
        .filter_map(|flag| {
            let values = matches.get_many::<String>(flag.long)?;
            Some((flag, values.cloned().collect()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::env::Env;
    use crate::options::Options;
    use crate::options::keys::KEYS;
    use crate::options::written::written;
    use crate::templates;

    fn from(words: &[&str]) -> anyhow::Result<String> {
        let command = clap::Command::new("install").args(arguments()).no_binary_name(true);
        let matches = command.try_get_matches_from(words)?;
        let env = Env::new(Path::new("/work"), [("HOME", "/")]);
        written(templates::options(), &given(&matches), &env)
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
        for flag in &CONTAINER_OPTIONS {
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
                "volumes = [\"/a:/b\", { type = \"volume\", target = \"/x\" }]",
            ),
            (
                &["--mount=type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1777"],
                "volumes = [{ type = \"tmpfs\", target = \"/t\", tmpfs = { mode = 0o1777, size = \"1m\" } }]",
            ),
            (
                &["--env=A=it's \"x\" \\ $", "-e", "B"],
                r#"environment = ["A=it's \"x\" \\ $", "B"]"#,
            ),
            (&["--pids-limit=0x5"], "pids_limit = 5"),
            (&["--memory=1g", "--memory=2g"], "mem_limit = \"2g\""),
            (&["--init=false"], "init = false"),
            (&["--volume=./a:/b", "--volume=.:/c"], "volumes = [\"/work/a:/b\", \"/work:/c\"]"),
            (
                &["--network=db", "--network=name=x,alias=y"],
                "networks = { \"db\" = {}, \"x\" = { aliases = [\"y\"] } }",
            ),
            (
                &["--health-cmd=a b", "--health-interval=1m", "--health-retries=2"],
                "healthcheck = { test = \"a b\", interval = \"1m\", retries = 2 }",
            ),
            (&["--no-healthcheck"], "healthcheck = { disable = true }"),
            (&["--mount-cwd", "--no-mount-cwd=false"], "mount_cwd = true"),
            (&["--no-mount-cwd", "--mount-cwd=0"], "mount_cwd = false"),
            (&["--container-user=1000:users"], "user = \"1000:users\""),
            (&["--container-user=image"], "user = \"\""),
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
                &["--secret=a", "--secret=source=b,target=c,mode=0440"],
                "secrets = [\"a\", { mode = 0o440, source = \"b\", target = \"c\" }]",
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
            "--gpus=device=0,1",
            "--mount=type=bind,src=\"/a\",dst=/b",
            "--memory=lots",
            "--cpus=1.0000000001",
            "--dns=x",
            "--init=yes",
            "--health-interval=5",
            "--security-opt=seccomp=/nowhere/profile",
        ] {
            let error = from(&[words]).unwrap_err().to_string();
            assert!(error.contains("--") || error.contains('`'), "{words}: {error}");
        }
    }
}
