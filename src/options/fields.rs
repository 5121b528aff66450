//! Keys whose value is more than one field of a request, or another one than it says.

use serde_json::{Value as Json, json};

use super::amounts::nanoseconds;
use super::node::{Node, PositionError, Value};
use super::read::{Table, flag, integer, must};
use super::reader::Reader;

/// The least time between two checks that an engine takes, in nanoseconds.
const LEAST: i64 = 1_000_000;

/// A health check. Without `test` it is the image's own, with what else is said.
pub(super) fn healthcheck(node: &Node, reader: &Reader<'_>) -> Result<Json, PositionError> {
    const SPANS: [(&str, &str); 4] = [
        ("interval", "Interval"),
        ("timeout", "Timeout"),
        ("start_period", "StartPeriod"),
        ("start_interval", "StartInterval"),
    ];
    let known =
        ["test", "interval", "timeout", "retries", "start_period", "start_interval", "disable"];
    let check = Table::new(node, &known)?;
    if check.get("disable").map(flag).transpose()? == Some(true) {
        return Ok(json!({"Test": ["NONE"]}));
    }
    let mut fields = json!({});
    if let Some(test) = check.get("test") {
        let words = reader.words(test)?;
        fields["Test"] = match (&test.value, words.first().map(String::as_str)) {
            (Value::List(_), Some("NONE" | "CMD" | "CMD-SHELL")) => words.into(),
            (Value::List(_), _) => {
                return Err(must(
                    test,
                    "begin with \"CMD\", \"CMD-SHELL\" or \"NONE\", or be text",
                ));
            }
            (Value::Text(_), _) => json!(["CMD-SHELL", words.concat()]),
            _ => return Err(must(test, "be text, or a list of words")),
        };
    }
    for (name, field) in SPANS {
        let Some(node) = check.get(name) else { continue };
        let span = nanoseconds(&reader.text(node)?).filter(|span| *span == 0 || *span >= LEAST);
        let span = span.ok_or_else(|| {
            let what = "have a span of time with its unit as";
            must(node, &format!("{what} `{name}`, such as \"10s\", and at least \"1ms\""))
        })?;
        fields[field] = span.into();
    }
    if let Some(retries) = check.get("retries") {
        fields["Retries"] = integer(retries, 0)?.into();
    }
    Ok(fields)
}

/// Security options, as the client gives them to the engine.
pub(super) fn security(node: &Node, reader: &Reader<'_>) -> Result<Json, PositionError> {
    let (mut fields, mut options) = (json!({}), Vec::new());
    for option in reader.words(node)? {
        let profile = option.strip_prefix("seccomp").and_then(|rest| rest.strip_prefix(['=', ':']));
        if let Some(name) = profile.filter(|profile| !profile.starts_with('{'))
            && !["unconfined", "builtin"].contains(&name)
        {
            return Err(must(
                node,
                "have the profile for seccomp itself and not its file; \
                 `install --security-opt=seccomp=FILE` writes it",
            ));
        }
        if option == "systempaths=unconfined" {
            // The client does that, too: the engine does not know it.
            fields["MaskedPaths"] = json!([]);
            fields["ReadonlyPaths"] = json!([]);
        } else {
            options.push(option);
        }
    }
    if !options.is_empty() {
        fields["SecurityOpt"] = options.into();
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use crate::model::Mode;
    use crate::options::tests::{docker, error};

    #[test]
    fn a_health_check_is_a_command_and_times() {
        for (text, expected) in [
            ("{ disable = true, test = 'x' }", json!({"Test": ["NONE"]})),
            ("{ disable = false, test = 'x y' }", json!({"Test": ["CMD-SHELL", "x y"]})),
            ("{ test = ['CMD', 'x', 'y'] }", json!({"Test": ["CMD", "x", "y"]})),
            ("{ test = ['NONE'] }", json!({"Test": ["NONE"]})),
            (
                "{ interval = '1ms', timeout = '0s', retries = 0 }",
                json!({"Interval": 1_000_000, "Timeout": 0, "Retries": 0}),
            ),
        ] {
            assert_eq!(docker(&format!("healthcheck = {text}"))["Healthcheck"], expected, "{text}");
        }
        for (text, expected) in [
            ("{ test = ['x'] }", "must begin with \"CMD\", \"CMD-SHELL\" or \"NONE\""),
            ("{ test = [] }", "must begin with \"CMD\", \"CMD-SHELL\" or \"NONE\""),
            ("{ test = 5 }", "must be text, or a list of words"),
            ("{ interval = '999us' }", "as `interval`, such as \"10s\", and at least \"1ms\""),
            ("{ start_period = '5' }", "as `start_period`"),
        ] {
            let error = error(Mode::Docker, &format!("healthcheck = {text}"));
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn a_security_option_has_its_profile_and_not_a_file() {
        let host = |options: &str| {
            docker(&format!("security_opt = [{options}]"))["HostConfig"]["SecurityOpt"].clone()
        };
        for option in
            ["seccomp=unconfined", "seccomp=builtin", "seccomp={}", "seccomp:{}", "label=disable"]
        {
            assert_eq!(host(&format!("'{option}'")), json!([option]));
        }
        for option in ["seccomp=profile.json", "seccomp:/etc/profile.json"] {
            let error = error(Mode::Docker, &format!("security_opt = ['{option}']"));
            assert!(error.contains("must have the profile for seccomp itself"), "{error}");
        }
        let paths = docker("security_opt = ['systempaths=unconfined']")["HostConfig"].clone();
        assert_eq!(paths, json!({"MaskedPaths": [], "ReadonlyPaths": []}));
        assert_eq!(host("'label=disable'"), json!(["label=disable"]));
        assert_eq!(
            docker("security_opt = ['label=disable']")["HostConfig"]["MaskedPaths"],
            Json::Null
        );
    }
}
