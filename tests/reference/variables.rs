//! Every variable of the environment that the sources know.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::{assert_current, sources, table};

/// Names, the default, and what they mean.
type Row = (&'static str, &'static str, &'static str);

/// By who reads them.
const VARIABLES: [(&str, &str, &[Row]); 9] = [
    (
        "Read by `install`",
        "Each stands for an option, which outweighs it, and so does a [configuration file](configuration.md).",
        &[
            ("GP_IMAGE_NAME", "", "`--image-name`"),
            (
                "GP_AUTHORIZED_USERS",
                "everybody",
                "`--authorized-users`, separated by commas; set to nothing, it is refused",
            ),
            ("GP_UNAUTHORIZED_USERS", "`root`", "`--unauthorized-users`, separated by commas"),
            ("GP_PORT_RANGE", "`0..0`", "`--port-range`"),
            ("GP_LAUNCH_TIMEOUT, else KERNEL_LAUNCH_TIMEOUT", "30", "`--launch-timeout`"),
            (
                "JUPYTER_DOCKER_SPEC_LAUNCHER",
                "`native`",
                "`--launcher`; with `--local` only the path of a native one counts",
            ),
            (
                "JUPYTER_DOCKER_SPEC_BOOTSTRAP",
                "beside `jupyter-docker-spec`",
                "With `--local`, the path of `bootstrap_kernel`",
            ),
        ],
    ),
    (
        "The engine",
        "Read by `launch_docker`, `check`, `pull`, `ps` and `prune`, as the Docker SDK of the server reads them.",
        &[
            (
                "DOCKER_HOST",
                "`unix:///var/run/docker.sock`",
                "the engine: `unix:///path`, `ssh://user@host` or `tcp://host:port`; `engine` in `launch_docker.toml` outweighs it",
            ),
            (
                "DOCKER_CONTEXT",
                "the current one",
                "a context of Docker's, where `DOCKER_HOST` is not set",
            ),
            (
                "XDG_RUNTIME_DIR",
                "",
                "where other engines may listen, which are named if none is found",
            ),
            ("DOCKER_TLS_VERIFY", "", "anything: TLS, and the engine's certificate is looked at"),
            ("DOCKER_CERT_PATH", "`~/.docker`", "where `ca.pem`, `cert.pem` and `key.pem` are"),
            (
                "DOCKER_CONFIG",
                "`~/.docker`",
                "where `config.json` is, with credentials and contexts",
            ),
            (
                "DOCKER_AUTH_CONFIG",
                "",
                "credentials: what is in `config.json`, itself; outweighs that",
            ),
        ],
    ),
    (
        "Read by `launch_docker` from the server's environment",
        "`GP_` is for servers with gateway_provisioners, `EG_` for Enterprise Gateway; without either they outweigh \
         both. What the server itself sets is for the server to decide.",
        &[
            (
                "GP_DOCKER_MODE, EG_DOCKER_MODE, DOCKER_MODE",
                "`swarm`",
                "`docker` or `swarm`; set by the server",
            ),
            (
                "GP_LOG_LEVEL, EG_LOG_LEVEL, LOG_LEVEL",
                "`INFO`",
                "`DEBUG`: the launcher also says what it has started",
            ),
            (
                "GP_DOCKER_NETWORK, EG_DOCKER_NETWORK, DOCKER_NETWORK",
                "`bridge`",
                "the network on which server and kernels meet; a Swarm needs an overlay network",
            ),
            (
                "GP_REMOVE_CONTAINER, EG_REMOVE_CONTAINER, REMOVE_CONTAINER",
                "`true`",
                "`false` keeps containers that have ended, to look into them",
            ),
            (
                "EG_KERNEL_LAUNCH_TIMEOUT",
                "30",
                "how long Enterprise Gateway waits, if a client names no time",
            ),
        ],
    ),
    (
        "Read by `launch_docker` from the client or the `env` stanza",
        "Whoever starts a kernel may set variables `KERNEL_*`; all of them get to the kernel too.",
        &[
            (
                "KERNEL_USERNAME",
                "the server's user",
                "whom the kernel is for; the container's name begins with it",
            ),
            ("KERNEL_UID", "1000", "as whom it runs"),
            ("KERNEL_GID", "100", "with which group"),
            (
                "KERNEL_IMAGE",
                "the specification's",
                "the image; `client_overrides` says which it may be",
            ),
            ("KERNEL_EXECUTOR_IMAGE", "the specification's", "the image of Spark's executors"),
            (
                "KERNEL_WORKING_DIR",
                "the image's",
                "where the kernel starts, if the server hands it on",
            ),
            (
                "KERNEL_LAUNCH_TIMEOUT",
                "",
                "how long the server waits; Enterprise Gateway takes it from clients",
            ),
            ("KERNEL_LANGUAGE", "set by the specification", "fills in `{language}`"),
            (
                "KERNEL_MEMORY, KERNEL_CPUS, KERNEL_GPUS",
                "",
                "more or less than the specification's, as far as `client_overrides` says",
            ),
        ],
    ),
    (
        "Set for the kernel by `launch_docker`",
        "Besides `KERNEL_*`, the `env` stanza, and what [launch_docker.toml](keys.md) says. Not passed on are `PATH`, \
         `DOCKER_*` and `JPY_*`, and from Enterprise Gateway `HOME` and `KG_*`.",
        &[
            ("KERNEL_ID", "", "the kernel's id"),
            ("KERNEL_CLASS_NAME", "", "the class of a Python kernel"),
            (
                "KERNEL_SPARK_CONTEXT_INIT_MODE",
                "`none`",
                "whether Spark's context is made: `none`, `lazy`, `eager`",
            ),
            ("PORT_RANGE", "", "ports that the kernel may take"),
            ("PUBLIC_KEY", "", "with which it encrypts its connection information"),
            ("RESPONSE_ADDRESS", "", "where it sends that"),
            ("TRANSPORT_ENCRYPTION", "", "whether its traffic is encrypted"),
            ("LANG, LC_*, TZ", "", "the server's language and time zone"),
            (
                "LOG_LEVEL, MIN_PORT_RANGE_SIZE, MAX_PORT_RANGE_RETRIES",
                "",
                "for the bootstrap in the image; with `GP_` or `EG_` in front too",
            ),
        ],
    ),
    (
        "For kernels of `install --local`",
        "Of the application's environment these, `KERNEL_*`, `LANG`, `LC_*` and `TZ` count, and what \
         [launch_docker.toml](keys.md) names.",
        &[
            (
                "JPY_PARENT_PID",
                "",
                "the process of the application, if that has started the launcher: the kernel ends with it",
            ),
            ("JPY_SESSION_NAME", "", "the notebook; passed on to the kernel"),
            ("USER, LOGNAME", "", "the name of the kernel's user, where the image has none"),
        ],
    ),
    (
        "Read by `check`",
        "To know what the server would do.",
        &[
            ("GP_RESPONSE_IP, EG_RESPONSE_IP", "found out", "the address that kernels are told"),
            ("GP_PROHIBITED_UIDS, EG_PROHIBITED_UIDS", "`0`", "as whom no kernel may run"),
            ("GP_PROHIBITED_GIDS, EG_PROHIBITED_GIDS", "`0`", "with which groups none may run"),
            (
                "GP_AUTHORIZED_USERS, EG_AUTHORIZED_USERS",
                "everybody",
                "who may start kernels where a specification does not say it",
            ),
            ("GP_UNAUTHORIZED_USERS, EG_UNAUTHORIZED_USERS", "`root`", "who may not"),
            (
                "KERNEL_USERNAME, LOGNAME, USER, LNAME, USERNAME",
                "the account",
                "for whom a kernel is started",
            ),
            ("EG_KERNEL_IMAGE", "", "the image where a specification names none"),
            (
                "EG_INHERITED_ENVS, EG_ENV_PROCESS_WHITELIST",
                "",
                "what Enterprise Gateway hands on to launchers",
            ),
            (
                "JUPYTER_DOCKER_SPEC_LOOK, JUPYTER_DOCKER_SPEC_FILE",
                "",
                "set in an image by `check` itself, for its own script",
            ),
        ],
    ),
    (
        "Jupyter's and Python's own",
        "Where specifications and configuration files are looked for, as Jupyter does.",
        &[
            ("JUPYTER_DATA_DIR", "`~/.local/share/jupyter`", "a user's specifications"),
            ("JUPYTER_PATH", "", "further directories, before all others"),
            ("JUPYTER_CONFIG_DIR", "`~/.jupyter`", "a user's configuration"),
            ("JUPYTER_CONFIG_PATH", "", "further directories of configuration"),
            ("JUPYTER_NO_CONFIG", "", "anything: no configuration files"),
            ("JUPYTER_PLATFORM_DIRS", "", "anything true: directories as the platform has them"),
            (
                "JUPYTER_PREFER_ENV_PATH",
                "found out",
                "whether an environment comes before the user",
            ),
            (
                "XDG_DATA_HOME, XDG_DATA_DIRS, XDG_CONFIG_HOME, XDG_CONFIG_DIRS",
                "",
                "the platform's directories",
            ),
            (
                "VIRTUAL_ENV, CONDA_PREFIX, CONDA_DEFAULT_ENV",
                "",
                "the environment of `--sys-prefix`, where `jupyter` does not tell",
            ),
            (
                "PYTHONUSERBASE, PYTHONNOUSERSITE",
                "",
                "where Python has a user's packages, or whether it has",
            ),
            ("HOME, PATH", "", "home directory; where `jupyter` and `python3` are looked for"),
            (
                "PYENV_VERSION, ASDF_PYTHON_VERSION, ASDF_DATA_DIR, ASDF_CONFIG_FILE",
                "",
                "which Python is run where `python3` is a shim of pyenv or asdf",
            ),
            (
                "PYENV_DIR, PYENV_HOOK_PATH, PYENV_DEBUG, ASDF_TOOL_VERSIONS_FILENAME, \
                 ASDF_DEFAULT_TOOL_VERSIONS_FILENAME",
                "",
                "the shim is asked, because they change what it goes by",
            ),
            ("TERM, NO_COLOR", "", "whether messages have colours"),
            ("TZ, TZDIR", "`/etc/localtime`", "the time zone of messages"),
        ],
    ),
    (
        "In the files of `compose`",
        "They are read when a file is used. [Compose files](../compose.md) says which option sets the default of \
         each.",
        &[
            ("GATEWAY_IMAGE, GATEWAY_UID", "", "image and user of the server"),
            ("DOCKER_SOCKET, DOCKER_GID", "", "the engine's socket, and its group"),
            ("KG_PORT, JUPYTER_PORT, PUBLISH_MODE", "8888", "where the server is reached"),
            ("HAPROXY_IMAGE", "`haproxy:lts-alpine`", "image of haproxy"),
            ("HAPROXY_CFG", "", "haproxy's configuration, set in the file"),
            (
                "GP_DOCKER_NETWORK, EG_DOCKER_NETWORK",
                "",
                "as above, with the name of the file's network",
            ),
            ("EG_KERNEL_LAUNCH_TIMEOUT", "60", "how long a start may take"),
            (
                "EG_KERNEL_INFO_TIMEOUT, JUPYTER_KERNEL_INFO_TIMEOUT",
                "60",
                "how long the first answer of a kernel may take",
            ),
            (
                "EG_CULL_IDLE_TIMEOUT, JUPYTER_CULL_IDLE_TIMEOUT",
                "3600, 0",
                "after how long an idle kernel is ended",
            ),
            (
                "EG_CULL_INTERVAL, JUPYTER_CULL_INTERVAL",
                "60, 300",
                "how often idle kernels are looked for",
            ),
            (
                "EG_CULL_CONNECTED, JUPYTER_CULL_CONNECTED",
                "`False`",
                "also those with a notebook open",
            ),
            ("EG_ALLOWED_KERNELS, JUPYTER_ALLOWED_KERNELS", "all", "which kernels are offered"),
            (
                "EG_MIRROR_WORKING_DIRS, GP_MIRROR_WORKING_DIRS",
                "`False`",
                "kernels start in the notebook's directory",
            ),
            (
                "EG_RESPONSE_PORT, GP_RESPONSE_PORT",
                "8877",
                "where kernels send their connection information",
            ),
            ("EG_LOG_LEVEL, JUPYTER_LOG_LEVEL", "`INFO`", "what is in the log"),
            ("EG_LIST_KERNELS", "`True`", "whether running kernels may be listed"),
            ("EG_INHERITED_ENVS", "`TZ`", "what launchers get besides what they need"),
            ("JUPYTER_APP", "`lab`", "which server: `lab`, `server`, `notebook`"),
            (
                "JUPYTER_TERMINALS, JUPYTER_NATIVE_KERNEL",
                "`False`",
                "terminals, and a kernel, in the server's own container",
            ),
            ("JUPYTER_PATH", "", "set where specifications lie elsewhere"),
            (
                "EG_AUTH_TOKEN, EG_AUTHORIZED_USERS, EG_UNAUTHORIZED_USERS, EG_CLIENT_ENVS, EG_DEFAULT_KERNEL_NAME, \
                 EG_KERNEL_IMAGE, EG_KERNEL_EXECUTOR_IMAGE, EG_MAX_KERNELS, EG_MAX_KERNELS_PER_USER, EG_PORT_RANGE, \
                 EG_REMOVE_CONTAINER, GP_REMOVE_CONTAINER, JUPYTER_TOKEN, KERNEL_USERNAME, KERNEL_UID, KERNEL_GID, TZ",
                "not set",
                "handed on to the server",
            ),
        ],
    ),
];

/// Words like names of variables that are none: cargo's, a placeholder, ends of names, those of images and of builds.
const OTHERS: [&str; 12] = [
    "ALLOWED_KERNELS",
    "ALL_PROXY",
    "CARGO_PKG_NAME",
    "CARGO_PKG_VERSION",
    "CONDA_DIR",
    "CULL_IDLE_TIMEOUT",
    "FTP_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "KERNEL_INFO_TIMEOUT",
    "NO_PROXY",
    "OVERLAY_NETWORK",
];
/// Those that are put together of the short name of a server and an end.
const COMPOSED: [&str; 6] = [
    "GP_RESPONSE_IP",
    "EG_RESPONSE_IP",
    "GP_PROHIBITED_UIDS",
    "EG_PROHIBITED_UIDS",
    "GP_PROHIBITED_GIDS",
    "EG_PROHIBITED_GIDS",
];

#[test]
fn variables_are_current() {
    let mut text = "# Variables\n\nEvery variable of the environment that has a meaning. An empty one is not set.\n".to_owned();
    for (heading, said, variables) in VARIABLES {
        let rows: Vec<_> = variables
            .iter()
            .map(|(names, default, meaning)| {
                let words: Vec<_> = names
                    .split(' ')
                    .map(|word| match word.strip_suffix(',') {
                        _ if word == "else" => word.to_owned(),
                        Some(name) => format!("`{name}`,"),
                        None => format!("`{word}`"),
                    })
                    .collect();
                [words.join(" "), (*meaning).to_owned(), (*default).to_owned()]
            })
            .collect();
        let rows = table(["variable", "what it means", "default"], &rows);
        let _ = write!(text, "\n## {heading}\n\n{said}\n\n{rows}");
    }
    assert_current("variables.md", &text);
}

#[test]
fn every_variable_in_the_sources_has_a_row() {
    let rows: BTreeSet<&str> = VARIABLES
        .iter()
        .flat_map(|(.., variables)| variables.iter())
        .flat_map(|(names, ..)| names.split([',', ' ']))
        .filter(|name| !name.is_empty() && *name != "else" && !name.ends_with('*'))
        .collect();
    let words = sources::words();
    for name in &rows {
        assert!(
            words.contains(*name) || COMPOSED.contains(name),
            "`{name}` is in no source any more"
        );
    }
    let single = ["HOME", "LANG", "PATH", "PYTHONNOUSERSITE", "PYTHONUSERBASE", "TERM", "TZ"];
    let is_variable = |word: &&String| {
        let inner = word.trim_matches('_');
        word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
            && inner.contains('_')
            && inner.len() == word.len()
            || single.contains(&word.as_str())
    };
    for word in words.iter().filter(is_variable) {
        assert!(
            rows.contains(word.as_str()) || OTHERS.contains(&word.as_str()),
            "`{word}` has no row in tests/reference/variables.rs"
        );
    }
}
