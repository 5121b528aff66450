//! The Docker CLI's current context, which docker-py (since 7.2) also uses if `DOCKER_HOST` is not set:
//! <https://docs.docker.com/engine/manage-resources/contexts/>
//!
//! A context is in `contexts/meta/<digest of its name>/meta.json` beside `config.json`, its certificates are
//! in `contexts/tls/<the same digest>/docker`. The digest is not computed: all contexts are searched for the
//! name.

use std::path::Path;

use serde::Deserialize;

use super::config_file::{ConfigFile, is_absent};
use super::error::{Error, Result};
use super::tls_files::{TlsFiles, TlsMode};
use crate::env::Env;
use crate::files;

pub(super) struct Context {
    pub(super) name: String,
    pub(super) host: String,
    pub(super) tls: TlsMode,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Meta {
    name: String,
    #[serde(default)]
    endpoints: Endpoints,
}

#[derive(Default, Deserialize)]
struct Endpoints {
    docker: Option<DockerEndpoint>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct DockerEndpoint {
    host: String,
    #[serde(rename = "SkipTLSVerify")]
    skip_tls_verify: bool,
}

impl Default for DockerEndpoint {
    fn default() -> Self {
        Self { host: String::new(), skip_tls_verify: true }
    }
}

/// Returns the context that `DOCKER_CONTEXT` or `config.json` names; `None` for the default one and, as in
/// docker-py, for one that does not exist.
pub(super) fn current(env: &Env, config: Option<&ConfigFile>) -> Result<Option<Context>> {
    let Some(config) = config else { return Ok(None) };
    let name = env.get("DOCKER_CONTEXT").unwrap_or(&config.current_context);
    if name.is_empty() || name == "default" {
        return Ok(None);
    }
    let contexts = config.directory().join("contexts");
    let entries = match fs_err::read_dir(contexts.join("meta")) {
        Ok(entries) => entries,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    for entry in entries {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path().join("meta.json");
        let text = match files::read(&path) {
            Ok(text) => text,
            Err(error) if is_absent(&error) => continue,
            Err(error) => return Err(unreadable(error)),
        };
        // A broken file does not tell whose context it is; if it is the one sought, that is missing.
        let Ok(meta) = serde_json::from_slice::<Meta>(&text) else { continue };
        if meta.name != name {
            continue;
        }
        let docker = meta.endpoints.docker.unwrap_or_default();
        if docker.host.is_empty() {
            return Ok(None);
        }
        let files = contexts.join("tls").join(entry.file_name()).join("docker");
        let tls = tls(&files, docker.skip_tls_verify);
        return Ok(Some(Context { name: meta.name, host: docker.host, tls }));
    }
    Ok(None)
}

fn tls(directory: &Path, skip_verify: bool) -> TlsMode {
    let files = TlsFiles::in_directory(directory);
    if ![&files.ca, &files.cert, &files.key].into_iter().all(|file| file.is_file()) {
        TlsMode::Off
    } else if skip_verify {
        TlsMode::Unverified("make the context without `skip-tls-verify`")
    } else {
        TlsMode::Verified(files)
    }
}

fn unreadable(reason: std::io::Error) -> Error {
    Error::File { what: "the context", reason }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Endpoint;
    use crate::env::Env;

    fn found(home: &Path, extra: &[(&str, &str)]) -> String {
        let home = home.to_str().unwrap();
        let variables = [("HOME", home)].into_iter().chain(extra.iter().copied());
        match Endpoint::from_env(&Env::new(Path::new("/"), variables)) {
            Ok(endpoint @ Endpoint::Tcp { tls: Some(_), .. }) => format!("{endpoint} with TLS"),
            Ok(endpoint) => endpoint.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_current_context_says_where_the_engine_is() {
        let home = tempfile::tempdir().unwrap();
        let docker = home.path().join(".docker");
        let meta = docker.join("contexts/meta/8d5b");
        fs_err::create_dir_all(&meta).unwrap();
        fs_err::write(docker.join("config.json"), r#"{"currentContext": "far"}"#).unwrap();
        assert_eq!(found(home.path(), &[]), "unix:///var/run/docker.sock");

        let describe = |skip: bool| {
            let text = format!(
                r#"{{"Name": "far", "Metadata": {{}},
                    "Endpoints": {{"docker": {{"Host": "tcp://far:1", "SkipTLSVerify": {skip}}}}}}}"#
            );
            fs_err::write(meta.join("meta.json"), text).unwrap();
        };
        describe(false);
        assert_eq!(found(home.path(), &[]), "tcp://far:1");
        assert_eq!(found(home.path(), &[("DOCKER_HOST", "unix:///x")]), "unix:///x");
        assert_eq!(
            found(home.path(), &[("DOCKER_CONTEXT", "default")]),
            "unix:///var/run/docker.sock"
        );

        let tls = docker.join("contexts/tls/8d5b/docker");
        fs_err::create_dir_all(&tls).unwrap();
        for file in ["ca.pem", "cert.pem", "key.pem"] {
            fs_err::write(tls.join(file), "").unwrap();
        }
        assert_eq!(found(home.path(), &[]), "tcp://far:1 with TLS");
        describe(true);
        assert!(found(home.path(), &[]).contains("the Docker context `far` is `tcp://far:1`"));
    }
}
