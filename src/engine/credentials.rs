//! Registry credentials, from where `docker login` puts them: `DOCKER_AUTH_CONFIG`, or else `config.json` and
//! its credential helpers. <https://docs.docker.com/reference/cli/docker/login/#credential-stores>

use std::fmt;
use std::io::Write as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use hyper::header::HeaderValue;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio::time::{sleep, timeout};

use super::config_file::{AuthEntry, ConfigFile};
use super::error::{Error, Result};
use super::limits::shortened;
use super::reference::Reference;
use crate::env::Env;

/// Docker Hub's key among the credentials.
const HUB: &str = "https://index.docker.io/v1/";
/// With this user name, a helper's secret is an identity token.
const TOKEN_USER: &str = "<token>";
/// How many bytes are read from a helper.
const ANSWER_SIZE: u64 = 64 * 1024;

#[derive(Clone, Default, Eq, PartialEq, Serialize)]
pub struct RegistryAuth {
    #[serde(skip_serializing_if = "String::is_empty")]
    username: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    password: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    identitytoken: String,
    serveraddress: String,
}

impl RegistryAuth {
    /// The value of the `X-Registry-Auth` header.
    pub(super) fn header(&self) -> HeaderValue {
        // Neither step can fail: a struct of strings has a JSON form, and base64 is a valid header value.
        let json = serde_json::to_vec(self).unwrap_or_default();
        let mut value = HeaderValue::try_from(URL_SAFE.encode(json))
            .unwrap_or_else(|_| HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }

    fn of_entry(entry: &AuthEntry, key: &str) -> std::result::Result<Option<Self>, &'static str> {
        let mut auth = Self {
            username: entry.username.clone(),
            password: entry.password.clone(),
            identitytoken: entry.identitytoken.clone(),
            serveraddress: key.to_owned(),
        };
        if !entry.auth.is_empty() {
            let decoded = STANDARD.decode(&entry.auth).map_err(|_| "`auth` is not base64")?;
            let decoded = String::from_utf8(decoded).map_err(|_| "`auth` is not text")?;
            let (username, password) = decoded
                .split_once(':')
                .ok_or("`auth` is not a user name, a colon and a password")?;
            username.clone_into(&mut auth.username);
            password.trim_matches('\0').clone_into(&mut auth.password);
        }
        let empty = auth.password.is_empty() && auth.identitytoken.is_empty();
        Ok(if empty { None } else { Some(auth) })
    }
}

impl fmt::Debug for RegistryAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryAuth")
            .field("serveraddress", &self.serveraddress)
            .finish_non_exhaustive()
    }
}

/// Returns the credentials for the registry of `image`; `None` if there are none. A helper must answer within
/// `limit`.
pub async fn credentials(
    image: &Reference,
    env: &Env,
    limit: Duration,
) -> Result<Option<RegistryAuth>> {
    let key = if image.is_on_hub() { HUB } else { image.registry() };
    let failed =
        |reason: String| Error::Credentials { registry: image.registry().to_owned(), reason };
    let of_entry = |file: &ConfigFile, origin: &str| match entry(file, key) {
        None => Ok(None),
        Some(entry) => RegistryAuth::of_entry(entry, key)
            .map_err(|reason| failed(format!("{reason} in {origin}"))),
    };

    if let Some(text) = env.get("DOCKER_AUTH_CONFIG") {
        let file = serde_json::from_str(text).map_err(|error| {
            // The error's own text may quote a secret.
            let place = format!("line {} column {}", error.line(), error.column());
            failed(format!("DOCKER_AUTH_CONFIG is not valid: see {place}"))
        })?;
        if let Some(auth) = of_entry(&file, "DOCKER_AUTH_CONFIG")? {
            return Ok(Some(auth));
        }
    }
    let Some(file) = ConfigFile::find(env)? else { return Ok(None) };
    if let Some(name) = helper(&file, key) {
        let program = format!("docker-credential-{name}");
        let answer = ask(&program, key, env, limit).await;
        if let Some(auth) = answer.map_err(|reason| failed(format!("`{program}` {reason}")))? {
            return Ok(Some(auth));
        }
    }
    of_entry(&file, &format!("`{}`", file.directory().join("config.json").display()))
}

fn helper<'a>(file: &'a ConfigFile, key: &str) -> Option<&'a str> {
    let own = file.cred_helpers.get(key).or_else(|| file.cred_helpers.get(host(key)));
    own.or(Some(&file.creds_store)).map(String::as_str).filter(|name| !name.is_empty())
}

/// The entry for a registry, whose key may be a URL.
fn entry<'a>(file: &'a ConfigFile, key: &str) -> Option<&'a AuthEntry> {
    let same_host = || file.auths.iter().find(|(name, _)| host(name) == host(key));
    file.auths.get(key).or_else(|| same_host().map(|(_, entry)| entry))
}

/// The host, with its port if it has one, of a registry's URL or name.
fn host(key: &str) -> &str {
    let rest = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    rest.split_once('/').map_or(rest, |(host, _)| host)
}

/// Asks a credential helper: <https://github.com/docker/docker-credential-helpers#development>
async fn ask(
    program: &str,
    key: &str,
    env: &Env,
    limit: Duration,
) -> std::result::Result<Option<RegistryAuth>, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        username: String,
        secret: String,
    }

    let child = env
        .apply_to(Command::new(program).arg("get"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("cannot be run: {error}"))?;
    let answer = timeout(limit, converse(Helper(child), key)).await;
    let (status, text) = answer
        .map_err(|_| format!("did not answer within {} s", limit.as_secs_f32()))?
        .map_err(|error| format!("broke off: {error}"))?;
    if !status.success() {
        let text = String::from_utf8_lossy(&text);
        if text.contains("credentials not found") {
            return Ok(None);
        }
        return Err(format!("failed ({status}): {}", shortened(text.trim())));
    }
    let Answer { username, secret } = serde_json::from_slice(&text)
        .map_err(|_| "gave something other than a user name and a secret".to_owned())?;
    let serveraddress = key.to_owned();
    Ok(Some(if username == TOKEN_USER {
        RegistryAuth { identitytoken: secret, serveraddress, ..RegistryAuth::default() }
    } else {
        RegistryAuth { username, password: secret, serveraddress, ..RegistryAuth::default() }
    }))
}

/// A helper process, killed when it is dropped.
struct Helper(Child);

impl Drop for Helper {
    fn drop(&mut self) {
        // Nothing happens if it has already ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends the registry to a helper, reads its answer and waits for it to exit.
async fn converse(mut helper: Helper, key: &str) -> std::io::Result<(ExitStatus, Vec<u8>)> {
    if let Some(mut stdin) = helper.0.stdin.take() {
        // A helper that does not read its input may answer all the same.
        let _ = stdin.write_all(key.as_bytes());
    }
    let mut text = Vec::new();
    if let Some(stdout) = helper.0.stdout.take() {
        let stdout = pipe::Receiver::from_owned_fd(stdout.into())?;
        stdout.take(ANSWER_SIZE).read_to_end(&mut text).await?;
    }
    loop {
        // A program that has closed its output is about to end.
        match helper.0.try_wait()? {
            Some(status) => return Ok((status, text)),
            None => sleep(Duration::from_millis(1)).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;
    use std::time::Duration;

    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use tempfile::TempDir;

    use super::{RegistryAuth, credentials};
    use crate::env::Env;

    struct Client {
        home: TempDir,
        extra: Vec<(&'static str, String)>,
    }

    impl Client {
        fn new(config: &str) -> Self {
            let home = tempfile::tempdir().unwrap();
            fs_err::create_dir(home.path().join(".docker")).unwrap();
            fs_err::write(home.path().join(".docker/config.json"), config).unwrap();
            Self { home, extra: Vec::new() }
        }

        fn helper(&self, name: &str, script: &str) {
            let source = self.home.path().join("script");
            fs_err::write(&source, format!("#!/bin/sh\n{script}\n")).unwrap();
            // Not written by this process: a fork in another test could keep the file open while it is
            // executed.
            let path = self.home.path().join(format!("docker-credential-{name}"));
            let status = Command::new("install").args(["-m", "755"]).arg(source).arg(path).status();
            assert!(status.unwrap().success());
        }

        fn find(&self, image: &str, limit: Duration) -> Result<Option<RegistryAuth>, String> {
            let home = self.home.path().to_str().unwrap();
            let own = [("HOME", home.to_owned()), ("PATH", format!("{home}:/usr/bin:/bin"))];
            let env = Env::new(Path::new("/"), own.into_iter().chain(self.extra.iter().cloned()));
            let image = image.parse().unwrap();
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(credentials(&image, &env, limit)).map_err(|error| error.to_string())
        }

        /// Returns the header's JSON, `none`, or the error.
        fn found(&self, image: &str) -> String {
            match self.find(image, Duration::from_secs(20)) {
                Ok(None) => "none".to_owned(),
                Ok(Some(auth)) => {
                    String::from_utf8(URL_SAFE.decode(auth.header().as_bytes()).unwrap()).unwrap()
                }
                Err(error) => error,
            }
        }
    }

    fn login(user_and_password: &str) -> String {
        format!(r#"{{"auth": "{}"}}"#, STANDARD.encode(user_and_password))
    }

    #[test]
    fn docker_logins_are_found_by_registry() {
        let client = Client::new(&format!(
            r#"{{"auths": {{"https://index.docker.io/v1/": {}, "https://quay.io/v2/": {},
                "localhost:5000": {{"auth": "{}", "identitytoken": "it"}}, "empty.io": {{}}}}}}"#,
            login("ann:a:b"),
            login("bob:c"),
            STANDARD.encode("x:")
        ));
        for (image, auth) in [
            (
                "busybox",
                r#"{"username":"ann","password":"a:b","serveraddress":"https://index.docker.io/v1/"}"#,
            ),
            ("quay.io/a", r#"{"username":"bob","password":"c","serveraddress":"quay.io"}"#),
            (
                "localhost:5000/a",
                r#"{"username":"x","identitytoken":"it","serveraddress":"localhost:5000"}"#,
            ),
            ("localhost/a", "none"),
            ("empty.io/a", "none"),
        ] {
            assert_eq!(client.found(image), auth);
        }
    }

    #[test]
    fn the_environment_comes_before_the_file() {
        let mut client = Client::new(&format!(
            r#"{{"auths": {{"a.io": {}, "b.io": {}}}}}"#,
            login("file:1"),
            login("file:2")
        ));
        client.extra =
            vec![("DOCKER_AUTH_CONFIG", format!(r#"{{"auths": {{"a.io": {}}}}}"#, login("env:3")))];
        assert!(client.found("a.io/x").contains(r#""username":"env""#));
        assert!(client.found("b.io/x").contains(r#""username":"file""#));
    }

    #[test]
    fn helpers_are_asked_for_the_registries_that_they_keep() {
        let client = Client::new(
            r#"{"credsStore": "all", "credHelpers": {"ecr.io": "ecr", "open.io": ""}, "auths": null}"#,
        );
        client.helper(
            "all",
            r#"test "$1" = get; echo "{\"Username\": \"u\", \"Secret\": \"$(cat)\"}""#,
        );
        client.helper("ecr", r#"cat >/dev/null; echo '{"Username": "<token>", "Secret": "t"}'"#);
        assert_eq!(
            client.found("a"),
            r#"{"username":"u","password":"https://index.docker.io/v1/","serveraddress":"https://index.docker.io/v1/"}"#
        );
        assert_eq!(client.found("ecr.io/a"), r#"{"identitytoken":"t","serveraddress":"ecr.io"}"#);
        assert_eq!(client.found("open.io/a"), "none");
    }

    #[test]
    fn a_helper_that_knows_nothing_is_fine_and_one_that_fails_is_named() {
        let client = Client::new(r#"{"credsStore": "x"}"#);
        assert!(
            client.found("a.io/x").contains("`a.io`: `docker-credential-x` cannot be run: No such")
        );
        client.helper("x", "echo credentials not found in native keychain; exit 1");
        assert_eq!(client.found("a.io/x"), "none");
        client.helper("x", "echo keyring is locked; exit 1");
        assert!(
            client
                .found("a.io/x")
                .contains("`docker-credential-x` failed (exit status: 1): keyring")
        );
        client.helper("x", "echo hunter2");
        let text = client.found("a.io/x");
        assert!(text.contains("gave something other") && !text.contains("hunter2"), "{text}");

        client.helper("x", "exec sleep 60");
        let text = client.find("a.io/x", Duration::from_millis(200)).unwrap_err();
        assert!(text.contains("`docker-credential-x` did not answer within 0.2 s"), "{text}");
    }

    #[test]
    fn what_is_broken_is_named_but_not_shown() {
        for (config, part) in [
            (r#"{"auths": {"a.io": {"auth": 5}}}"#, "config.json` is not valid: see line 1 column"),
            (r#"{"auths": {"a.io": {"auth": "%hush%"}}}"#, "`auth` is not base64 in `/"),
        ] {
            let text = Client::new(config).found("a.io/x");
            assert!(text.contains(part) && !text.contains("hush"), "{text}");
        }
    }

    #[test]
    fn secrets_are_not_in_debug_output_and_fit_the_header() {
        let auth = RegistryAuth {
            username: "ann".to_owned(),
            password: "abc>>>def???~~~".to_owned(),
            serveraddress: "a.io".to_owned(),
            ..RegistryAuth::default()
        };
        assert_eq!(format!("{auth:?}"), r#"RegistryAuth { serveraddress: "a.io", .. }"#);
        let header = auth.header();
        assert!(header.is_sensitive());
        let text = header.to_str().unwrap();
        assert!(text.len().is_multiple_of(4) && !text.contains(['+', '/']), "{text}");
    }
}
