//! Finds secrets in files that many can read.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use fs_err as fs;
use serde_json::Value as Json;

use crate::kernelspec::specification::Specification;
use crate::options::Options;
use crate::options::normalised::normalised;

/// What to do with a secret among the variables of a kernel.
const VARIABLE: &str = "give the name alone, `--env NAME`, which passes on the server's, or a file that only the \
                        server can read with --env-file, or in a Swarm a --secret";

/// The keys of `launch_docker.toml` with named values, and what to do with a secret among them.
const KEYS: [(&str, &str); 4] = [
    ("environment", VARIABLE),
    ("labels", "leave it out, as `docker inspect` shows it too"),
    ("deploy.labels", "leave it out, as `docker service inspect` shows it too"),
    ("annotations", "leave it out, as `docker inspect` shows it too"),
];

/// Describes the secrets in these options in plain text, one sentence each; `place` is where they are, or
/// will be.
pub(super) fn of_options(options: &Options, place: &str) -> Vec<String> {
    let mut told = Vec::new();
    for (key, value) in options.values() {
        if key == "logging" {
            let names = names(value.get("options").unwrap_or(&Json::Null));
            told.extend(sentence(key, &names, place, "set it in the configuration of the engine"));
        }
        if let Some((_, advice)) = KEYS.iter().find(|(known, _)| *known == key) {
            told.extend(sentence(key, &names(&normalised(key, &value)), place, advice));
        }
    }
    told
}

/// Like [`of_options`], for the variables in `kernel.json`.
pub(super) fn of_kernel_json(spec: &Specification, place: &str) -> Option<String> {
    // The server replaces its own variables, even without braces.
    let is_of_server = |value: &str| {
        value.strip_prefix('$').is_some_and(|name| {
            name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        })
    };
    let secret = spec.env.iter().filter(|(name, value)| is_secret(name, value));
    let secret = secret.filter(|(_, value)| !is_of_server(value));
    let names: Vec<String> = secret.map(|(name, _)| name.clone()).collect();
    sentence("env", &names, place, &format!("take it out of there, and {VARIABLE}"))
}

/// Whether everybody on this machine can read the file.
pub(super) fn is_open(file: &Path) -> bool {
    let has = |path: &Path, bit| fs::metadata(path).is_ok_and(|found| found.mode() & bit != 0);
    has(file, 0o004) && file.ancestors().skip(1).all(|directory| has(directory, 0o001))
}

fn sentence(key: &str, names: &[String], place: &str, advice: &str) -> Option<String> {
    let names = (!names.is_empty()).then(|| names.join(", "))?;
    Some(format!(
        "Everybody on this machine can read {names}, with its value, in {place} (`{key}`); {advice}"
    ))
}

fn names(values: &Json) -> Vec<String> {
    let values = values.as_object().into_iter().flatten();
    let secret = values.filter(|(name, value)| value.as_str().is_some_and(|v| is_secret(name, v)));
    secret.map(|(name, _)| name.clone()).collect()
}

/// Whether a value is probably a secret: by its name, or because it is a URL with a password. Values filled
/// in at a launch are not.
pub(super) fn is_secret(name: &str, value: &str) -> bool {
    const ANYWHERE: [&str; 7] =
        ["PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "SECRETS", "CREDENTIAL", "CREDENTIALS"];
    const AT_THE_END: [&str; 5] = ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "APIKEY"];
    const AFTER_ANOTHER: [&str; 3] = ["KEY", "PASS", "PWD"];
    /// Suffixes of names for where a secret is, not what it is.
    const PLACES: [&str; 5] = ["FILE", "PATH", "DIR", "NAME", "URL"];

    if value.is_empty() || value.starts_with("${") {
        return false;
    }
    let name = name.to_uppercase();
    let words: Vec<&str> =
        name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let last = words.last().copied().unwrap_or_default();
    let named = !PLACES.contains(&last)
        && (words.iter().any(|word| ANYWHERE.contains(word))
            || AT_THE_END.iter().any(|end| last.ends_with(end))
            || (words.len() > 1 && AFTER_ANOTHER.contains(&last) && !words.contains(&"PUBLIC")));
    named || has_password(value)
}

/// Whether it is a URL with a password: `scheme://user:password@host`.
fn has_password(value: &str) -> bool {
    let user = value.split_once("://").and_then(|(_, rest)| {
        let host = rest.split(['/', '?', '#']).next()?;
        host.rsplit_once('@')
    });
    user.and_then(|(user, _)| user.split_once(':'))
        .is_some_and(|(_, password)| !password.is_empty() && !password.starts_with("${"))
}

#[cfg(test)]
mod tests {
    use super::is_secret;

    #[test]
    fn a_secret_is_known_by_its_name_or_its_form() {
        for name in [
            "PASSWORD",
            "PGPASSWORD",
            "db_password",
            "AWS_SECRET_ACCESS_KEY",
            "SECRET_KEY_BASE",
            "OPENAI_API_KEY",
            "GITHUB_TOKEN",
            "token",
            "splunk-token",
            "com.example.api-key",
            "MYSQL_PWD",
            "DB_PASS",
            "GOOGLE_CREDENTIALS",
        ] {
            assert!(is_secret(name, "x"), "{name}");
            assert!(!is_secret(name, "${OF_SERVER}") && !is_secret(name, ""), "{name}");
        }
        for name in [
            "PATH",
            "PWD",
            "KEY",
            "MAX_TOKENS",
            "TOKENIZERS_PARALLELISM",
            "PASSWORD_FILE",
            "TOKEN_URL",
            "SSH_PUBLIC_KEY",
            "KEYBOARD",
            "COMPASS",
        ] {
            assert!(!is_secret(name, "x"), "{name}");
        }
        assert!(is_secret("DATABASE", "postgres://bob:geheim@db/x"));
        for value in
            ["http://proxy:3128", "ssh://bob@host", "a:b@c", "x://a:${PW}@h", "x://h/a:b@c"]
        {
            assert!(!is_secret("ADDRESS", value), "{value}");
        }
    }
}
