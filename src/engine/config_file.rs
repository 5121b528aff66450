//! The Docker client's `config.json`: registry credentials, the current context, and proxies for containers.
//! <https://docs.docker.com/reference/cli/docker/#docker-cli-configuration-file-configjson-properties>

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::error::{Error, Result};
use super::json::{null_is_default, nulls_are_defaults};
use crate::env::Env;
use crate::files;

/// Docker's client takes `null` for what is not said, everywhere. What it takes must be read here too: an engine that
/// the file names is forgotten with a file that is not valid.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ConfigFile {
    /// Written by `docker login`, by registry.
    #[serde(deserialize_with = "nulls_are_defaults")]
    pub(super) auths: BTreeMap<String, AuthEntry>,
    /// The credential helper for all registries.
    #[serde(deserialize_with = "null_is_default")]
    pub(super) creds_store: String,
    /// Credential helpers for single registries.
    #[serde(deserialize_with = "nulls_are_defaults")]
    pub(super) cred_helpers: BTreeMap<String, String>,
    #[serde(deserialize_with = "null_is_default")]
    pub(super) current_context: String,
    /// By the addresses of engines, or `default`. They may be of anything: only builds need them.
    proxies: Value,
    #[serde(skip)]
    directory: PathBuf,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct AuthEntry {
    /// `user:password` in base64.
    #[serde(deserialize_with = "null_is_default")]
    pub(super) auth: String,
    #[serde(deserialize_with = "null_is_default")]
    pub(super) username: String,
    #[serde(deserialize_with = "null_is_default")]
    pub(super) password: String,
    #[serde(deserialize_with = "null_is_default")]
    pub(super) identitytoken: String,
}

impl ConfigFile {
    /// Reads the file in `$DOCKER_CONFIG`, or else the one in `~/.docker`; `None` if there is neither.
    pub(super) fn find(env: &Env) -> Result<Option<Self>> {
        let named = env.path("DOCKER_CONFIG").map(|path| env.join(&path));
        let usual = env.home().map(|home| home.join(".docker"));
        for directory in [named, usual].into_iter().flatten() {
            let path = directory.join("config.json");
            let text = match files::read(&path) {
                Ok(text) => text,
                Err(error) if is_absent(&error) => continue,
                Err(reason) => return Err(Error::File { what: "the configuration", reason }),
            };
            let file: Self = serde_json::from_slice(&text).map_err(|error| {
                // The texts of serde_json quote wrong values, which may be secrets.
                let place = format!("line {} column {}", error.line(), error.column());
                Error::Config(format!("`{}` is not valid: see {place}", path.display()))
            })?;
            return Ok(Some(Self { directory, ..file }));
        }
        Ok(None)
    }

    /// The variables of proxies that the client gives to containers of an engine, and to builds:
    /// <https://docs.docker.com/engine/cli/proxy/#configure-the-docker-client>
    fn proxies(&self, engine: &str) -> BTreeMap<String, String> {
        const NAMES: [(&str, &str); 5] = [
            ("httpProxy", "HTTP_PROXY"),
            ("httpsProxy", "HTTPS_PROXY"),
            ("ftpProxy", "FTP_PROXY"),
            ("noProxy", "NO_PROXY"),
            ("allProxy", "ALL_PROXY"),
        ];
        let found = self.proxies.get(engine).or_else(|| self.proxies.get("default"));
        let of = |(key, name): (&str, &str)| {
            let value = found?.get(key)?.as_str().filter(|value| !value.is_empty())?;
            Some([(name.to_owned(), value.to_owned()), (name.to_lowercase(), value.to_owned())])
        };
        NAMES.into_iter().filter_map(of).flatten().collect()
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }
}

/// The variables of proxies that the Docker client would give to builds of the engine at this address.
pub fn proxies(env: &Env, engine: &str) -> Result<BTreeMap<String, String>> {
    Ok(ConfigFile::find(env)?.map(|file| file.proxies(engine)).unwrap_or_default())
}

/// Whether the error means that there is no such file.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_those_of_the_engine_or_of_all() {
        let file: ConfigFile = serde_json::from_str(
            r#"{"proxies": {"default": {"httpProxy": "http://d", "noProxy": ""}, "tcp://e:1": {"httpsProxy": "http://e"}}}"#,
        )
        .unwrap();
        let found = |engine: &str| {
            file.proxies(engine)
                .into_iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(found("unix:///x"), ["HTTP_PROXY=http://d", "http_proxy=http://d"]);
        assert_eq!(found("tcp://e:1"), ["HTTPS_PROXY=http://e", "https_proxy=http://e"]);
    }

    #[test]
    fn what_is_said_beside_odd_values_counts() {
        for odd in [
            r#""proxies": null"#,
            r#""proxies": []"#,
            r#""proxies": {"default": null}"#,
            r#""proxies": {"default": {"noProxy": null, "httpProxy": 1, "else": true}, "x": 1}"#,
            r#""auths": null, "credHelpers": null, "credsStore": null"#,
            r#""auths": {"a": null, "b": {"auth": null, "username": null}}"#,
            r#""auths": {"b": {"password": null, "identitytoken": null, "email": null}}"#,
            r#""credHelpers": {"a": null}"#,
        ] {
            let text = format!(r#"{{{odd}, "currentContext": "far"}}"#);
            let file: ConfigFile = serde_json::from_str(&text).expect(&text);
            assert_eq!(file.current_context, "far");
            assert_eq!(file.proxies("x"), BTreeMap::new(), "{text}");
        }
        let file: ConfigFile = serde_json::from_str(r#"{"currentContext": null}"#).unwrap();
        assert_eq!(file.current_context, "");
    }

    #[test]
    fn what_is_no_file_that_people_write_is_not_read() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(".docker/config.json");
        fs_err::create_dir(home.path().join(".docker")).unwrap();
        let env = Env::new(Path::new("/"), [("HOME", home.path().to_str().unwrap())]);
        let reason = || ConfigFile::find(&env).err().unwrap().to_string();
        let name = path.display().to_string();

        fs_err::File::create(&path).unwrap().set_len((16 << 20) + 1).unwrap();
        assert_eq!(
            reason(),
            format!(
                "failed to read the configuration of the Docker client: `{name}` is larger than 16 MiB"
            )
        );
        fs_err::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        assert_eq!(
            reason(),
            format!(
                "failed to read the configuration of the Docker client: `{name}` is not a plain file"
            )
        );
    }
}
