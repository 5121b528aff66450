//! The keys of the file: what each is, and where it goes in the requests of the Docker Engine API
//! (`ContainerCreate` and `ServiceCreate`).

use super::interpolation::Policy;
use crate::model::Mode;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// True or false.
    Bool,
    /// A whole number, with the least.
    Integer(i64),
    /// Text, or a number in its place.
    Text,
    /// An amount of memory, such as `512m`.
    Bytes,
    /// The same, or -1 for without a limit.
    BytesOrUnlimited,
    /// A number of processors, such as `1.5`.
    Cpus,
    /// A span of time, such as `1m30s`.
    Duration,
    /// A list of texts, or one.
    Words,
    /// Names with values: a table, or a list of `NAME=VALUE`.
    Pairs,
    /// The words of a command, or one text that a shell would split into them.
    Command,
    /// Limits of processes by name: one number, or `soft` and `hard`.
    Ulimits,
    /// Devices of the host.
    Devices,
    /// Requests for GPUs.
    Gpus,
    /// Mounts.
    Volumes,
    /// Directories in memory.
    Tmpfs,
    /// The size of `/dev/shm`.
    Shm,
    /// Names of hosts with their addresses.
    Hosts,
    /// The logging driver.
    Logging,
    /// A health check.
    Health,
    /// Security options.
    Security,
    /// Preferences for nodes.
    Preferences,
    /// Resources that nodes declare.
    GenericResources,
    /// Operating system and architecture.
    Platform,
    /// Dealt with by the launcher itself: it is no field of a request.
    Code,
}

/// A key.
#[derive(Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name, with points for the tables that it is in.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// What it may be filled with.
    pub policy: Policy,
    docker: &'static str,
    swarm: &'static str,
}

impl Key {
    /// The fields of the request that it is for, with blanks between them; empty if it has no
    /// meaning in this mode.
    #[must_use]
    pub const fn target(&self, mode: Mode) -> &'static str {
        match mode {
            Mode::Docker => self.docker,
            Mode::Swarm => self.swarm,
        }
    }

    /// Whether it is in the table of this name.
    pub(super) fn is_below(&self, table: &str) -> bool {
        self.name.strip_prefix(table).is_some_and(|rest| rest.starts_with('.'))
    }

    /// What to use instead in a Swarm.
    pub(super) fn swarm_hint(&self) -> Option<&'static str> {
        Some(match self.name {
            "gpus" | "deploy.resources.reservations.devices" => {
                "have the nodes declare their GPUs and ask for them with \
                 deploy.resources.reservations.generic_resources"
            }
            "engine" => "its manager is what DOCKER_HOST says",
            "pull_policy" => "its nodes pull by themselves",
            "domainname" => "use a full name as hostname",
            _ => return None,
        })
    }
}

const fn key(
    name: &'static str,
    kind: Kind,
    policy: Policy,
    docker: &'static str,
    swarm: &'static str,
) -> Key {
    Key { name, kind, policy, docker, swarm }
}

use Kind::{
    Bool, Bytes, BytesOrUnlimited, Code, Command, Cpus, Devices, Duration, GenericResources, Gpus,
    Health, Hosts, Integer, Logging, Pairs, Platform, Preferences, Security, Shm, Text, Tmpfs,
    Ulimits, Volumes, Words,
};
use Policy::{Any, Path, Trusted};

/// Where the launcher itself does something.
pub(super) const HERE: &str = "*";

/// All keys, in the order of the Compose specification's tables.
#[rustfmt::skip]
pub const KEYS: [Key; 76] = [
    key("annotations", Pairs, Any, "HostConfig.Annotations", ""),
    key("bring_bootstrap", Code, Trusted, HERE, HERE),
    key("cap_add", Words, Trusted, "HostConfig.CapAdd", "TaskTemplate.ContainerSpec.CapabilityAdd"),
    key("cap_drop", Words, Trusted, "HostConfig.CapDrop", "TaskTemplate.ContainerSpec.CapabilityDrop"),
    key("cgroup_parent", Text, Trusted, "HostConfig.CgroupParent", ""),
    key("client_overrides", Code, Trusted, HERE, HERE),
    key("command", Command, Trusted, "Cmd", "TaskTemplate.ContainerSpec.Args"),
    key("configs", Code, Trusted, "", HERE),
    key("cpu_period", Integer(0), Trusted, "HostConfig.CpuPeriod", ""),
    key("cpu_quota", Integer(-1), Trusted, "HostConfig.CpuQuota", ""),
    key("cpu_shares", Integer(0), Trusted, "HostConfig.CpuShares", ""),
    key("cpus", Cpus, Trusted, "HostConfig.NanoCpus", "TaskTemplate.Resources.Limits.NanoCPUs"),
    key("cpuset", Text, Trusted, "HostConfig.CpusetCpus", ""),
    key("deploy.labels", Pairs, Any, "", "Labels"),
    key("deploy.placement.constraints", Words, Trusted, "", "TaskTemplate.Placement.Constraints"),
    key("deploy.placement.preferences", Preferences, Trusted, "", "TaskTemplate.Placement.Preferences"),
    key("deploy.resources.limits.cpus", Cpus, Trusted, "HostConfig.NanoCpus", "TaskTemplate.Resources.Limits.NanoCPUs"),
    key("deploy.resources.limits.memory", Bytes, Trusted, "HostConfig.Memory", "TaskTemplate.Resources.Limits.MemoryBytes"),
    key("deploy.resources.limits.pids", Integer(-1), Trusted, "HostConfig.PidsLimit", "TaskTemplate.Resources.Limits.Pids"),
    key("deploy.resources.reservations.cpus", Cpus, Trusted, "", "TaskTemplate.Resources.Reservations.NanoCPUs"),
    key("deploy.resources.reservations.devices", Gpus, Trusted, "HostConfig.DeviceRequests", ""),
    key("deploy.resources.reservations.generic_resources", GenericResources, Trusted, "", "TaskTemplate.Resources.Reservations.GenericResources"),
    key("deploy.resources.reservations.memory", Bytes, Trusted, "HostConfig.MemoryReservation", "TaskTemplate.Resources.Reservations.MemoryBytes"),
    key("device_cgroup_rules", Words, Trusted, "HostConfig.DeviceCgroupRules", ""),
    key("devices", Devices, Trusted, "HostConfig", ""),
    key("dns", Words, Trusted, "HostConfig.Dns", "TaskTemplate.ContainerSpec.DNSConfig.Nameservers"),
    key("dns_opt", Words, Trusted, "HostConfig.DnsOptions", "TaskTemplate.ContainerSpec.DNSConfig.Options"),
    key("dns_search", Words, Trusted, "HostConfig.DnsSearch", "TaskTemplate.ContainerSpec.DNSConfig.Search"),
    key("domainname", Text, Path, "Domainname", ""),
    key("engine", Code, Trusted, HERE, ""),
    key("entrypoint", Command, Trusted, "Entrypoint", "TaskTemplate.ContainerSpec.Command"),
    key("env_file", Code, Path, HERE, HERE),
    key("environment", Code, Any, HERE, HERE),
    key("environment_mode", Code, Trusted, HERE, HERE),
    key("extra_hosts", Hosts, Trusted, "HostConfig.ExtraHosts", "TaskTemplate.ContainerSpec.Hosts"),
    key("gpus", Gpus, Trusted, "HostConfig.DeviceRequests", ""),
    key("group_add", Words, Trusted, "HostConfig.GroupAdd", "TaskTemplate.ContainerSpec.Groups"),
    key("healthcheck", Health, Trusted, "Healthcheck", "TaskTemplate.ContainerSpec.Healthcheck"),
    key("hostname", Text, Path, "Hostname", "TaskTemplate.ContainerSpec.Hostname"),
    key("image", Code, Trusted, HERE, ""),
    key("init", Bool, Trusted, "HostConfig.Init", "TaskTemplate.ContainerSpec.Init"),
    key("ipc", Text, Trusted, "HostConfig.IpcMode", ""),
    key("labels", Pairs, Any, "Labels", "Labels TaskTemplate.ContainerSpec.Labels"),
    key("logging", Logging, Any, "HostConfig.LogConfig", "TaskTemplate.LogDriver"),
    key("mem_limit", Bytes, Trusted, "HostConfig.Memory", "TaskTemplate.Resources.Limits.MemoryBytes"),
    key("mem_reservation", Bytes, Trusted, "HostConfig.MemoryReservation", "TaskTemplate.Resources.Reservations.MemoryBytes"),
    key("mem_swappiness", Integer(0), Trusted, "HostConfig.MemorySwappiness", ""),
    key("memswap_limit", BytesOrUnlimited, Trusted, "HostConfig.MemorySwap", ""),
    key("mount_cwd", Code, Path, HERE, HERE),
    key("networks", Code, Trusted, HERE, HERE),
    key("oom_score_adj", Integer(-1000), Trusted, "HostConfig.OomScoreAdj", ""),
    key("pass_environment", Code, Trusted, HERE, HERE),
    key("pid", Text, Trusted, "HostConfig.PidMode", ""),
    key("pids_limit", Integer(-1), Trusted, "HostConfig.PidsLimit", "TaskTemplate.Resources.Limits.Pids"),
    key("platform", Platform, Trusted, HERE, "TaskTemplate.Placement.Platforms"),
    key("privileged", Bool, Trusted, "HostConfig.Privileged", ""),
    key("pull_policy", Code, Trusted, HERE, ""),
    key("read_only", Bool, Trusted, "HostConfig.ReadonlyRootfs", "TaskTemplate.ContainerSpec.ReadOnly"),
    key("runtime", Text, Trusted, "HostConfig.Runtime", ""),
    key("secrets", Code, Trusted, "", HERE),
    key("security_opt", Security, Trusted, "HostConfig", ""),
    key("shm_size", Shm, Trusted, "HostConfig", "TaskTemplate.ContainerSpec"),
    key("signals_from", Code, Trusted, HERE, HERE),
    key("stop_grace_period", Duration, Trusted, "StopTimeout", "TaskTemplate.ContainerSpec.StopGracePeriod"),
    key("stop_signal", Text, Trusted, "StopSignal", "TaskTemplate.ContainerSpec.StopSignal"),
    key("storage_opt", Pairs, Trusted, "HostConfig.StorageOpt", ""),
    key("sysctls", Pairs, Trusted, "HostConfig.Sysctls", "TaskTemplate.ContainerSpec.Sysctls"),
    key("tmpfs", Tmpfs, Path, "HostConfig", "TaskTemplate.ContainerSpec"),
    key("ulimits", Ulimits, Trusted, "HostConfig.Ulimits", "TaskTemplate.ContainerSpec.Ulimits"),
    key("user", Text, Trusted, "User", "TaskTemplate.ContainerSpec.User"),
    key("userns_mode", Text, Trusted, "HostConfig.UsernsMode", ""),
    key("volumes", Volumes, Path, "HostConfig", "TaskTemplate.ContainerSpec"),
    key("warm", Code, Trusted, HERE, ""),
    key("warm_command", Command, Trusted, HERE, ""),
    key("warm_time", Code, Trusted, HERE, ""),
    key("working_dir", Text, Path, "WorkingDir", "TaskTemplate.ContainerSpec.Dir"),
];

/// What a service in the Compose specification can have and a kernel cannot, with what to do.
pub const UNSUPPORTED: [(&str, &str); 42] = [
    ("attach", ""),
    ("blkio_config", ""),
    ("build", "build the image beforehand"),
    ("cgroup", ""),
    ("container_name", "the server finds the kernel by a label"),
    ("cpu_count", ""),
    ("cpu_percent", ""),
    ("cpu_rt_period", ""),
    ("cpu_rt_runtime", ""),
    ("credential_spec", ""),
    ("depends_on", ""),
    ("deploy.endpoint_mode", "the server needs the address of the task"),
    ("deploy.mode", "a kernel is one container"),
    ("deploy.placement.max_replicas_per_node", "a kernel is one container"),
    ("deploy.replicas", "a kernel is one container"),
    ("deploy.restart_policy", "the server restarts kernels"),
    ("deploy.rollback_config", ""),
    ("deploy.update_config", ""),
    ("develop", ""),
    ("expose", "the server reaches every port"),
    ("extends", ""),
    ("external_links", ""),
    ("isolation", ""),
    ("label_file", ""),
    ("links", ""),
    ("mac_address", ""),
    ("models", ""),
    ("network_mode", "the network is the server's; see GP_DOCKER_NETWORK"),
    ("oom_kill_disable", ""),
    ("ports", "the server reaches the kernel by its network"),
    ("post_start", ""),
    ("pre_stop", ""),
    ("profiles", ""),
    ("provider", ""),
    ("restart", "the server restarts kernels"),
    ("scale", "a kernel is one container"),
    ("stdin_open", ""),
    ("tty", ""),
    ("use_api_socket", "mount the socket with `volumes` if you have to"),
    ("uts", ""),
    ("volumes_from", ""),
    ("with_registry_auth", "the credentials of the server are always handed on"),
];
