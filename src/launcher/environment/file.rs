//! Reads files of variables: `env_file`. The format is that of Compose, but without interpolation; with
//! `format = "raw"` it is that of `docker run --env-file`.

use std::io;
use std::path::Path;

use super::value::{VariableValue, texts};
use crate::files::guarded::{self, Guarded};
use crate::options::interpolation::{Interpolation, Policy};
use crate::options::node::{Node, PositionError, Value};
use crate::options::read::{Table, flag, items, must};

/// An entry of `env_file`.
struct EnvFile {
    path: String,
    at: usize,
    required: bool,
    /// Whether the format is that of the Docker client.
    raw: bool,
}

/// Reads the variables in the files that `node` names, relative to `directory`.
pub(super) fn variables(
    node: &Node,
    base: &Path,
    interpolation: &Interpolation<'_>,
) -> Result<Vec<(String, VariableValue)>, PositionError> {
    let mut all = Vec::new();
    for file in items(node).iter().map(env_file) {
        let EnvFile { path, at, required, raw } = file?;
        let path = interpolation.interpolate(&path, at, Policy::Path)?;
        if interpolation.check_only {
            continue;
        }
        match guarded::read(base, Path::new(&path)) {
            Ok(file) => all.extend(in_file(&file, raw, &path, at)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !required => {}
            Err(error) => return Err(PositionError::new(at, format!("cannot be read: {error}"))),
        }
    }
    Ok(all)
}

/// Reads a path, or a table with `path`, `required` and `format`.
fn env_file(item: &Node) -> Result<EnvFile, PositionError> {
    let Value::Table(_) = item.value else {
        let path = texts(item)?.concat();
        return Ok(EnvFile { path, at: item.at, required: true, raw: false });
    };
    let given = Table::new(item, &["path", "required", "format"])?;
    let required = given.get("required").map_or(Ok(true), flag)?;
    let raw = given.get("format").map_or(Ok(false), |format| match &format.value {
        Value::Text(text) if text == "raw" => Ok(true),
        _ => Err(must(format, "have \"raw\" as `format`, or none")),
    })?;
    let path = given.need("path")?;
    Ok(EnvFile { path: texts(path)?.concat(), at: path.at, required, raw })
}

/// Reads the variables in a file. Those who may write to it do not decide about the server's variables.
fn in_file(
    file: &Guarded,
    raw: bool,
    path: &str,
    at: usize,
) -> Result<Vec<(String, VariableValue)>, PositionError> {
    let text = file.text.strip_prefix('\u{feff}').unwrap_or(&file.text);
    let mut variables = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let variable = if raw { raw_line(line) } else { Some(compose_line(line)) };
        let variable = variable.ok_or_else(|| {
            let number = number + 1;
            let message = format!(
                "cannot take line {number} of `{path}`: it must be NAME=VALUE or a name, and no name has blanks"
            );
            PositionError::new(at, message)
        });
        variables.push(variable?);
    }
    let bare = variables.iter().find(|(_, value)| matches!(value, VariableValue::OfServer));
    if let (Some((name, _)), Some(open)) = (bare, &file.open_to_others) {
        let open = open.display();
        let message = format!(
            "cannot take the server's `{name}` because of `{path}`, as others may write to `{open}`: \
             write `{name}=VALUE` there, or name it in `pass_environment`"
        );
        return Err(PositionError::new(at, message));
    }
    Ok(variables)
}

/// The value is everything after the `=`. Returns `None` if the name is missing or contains spaces.
fn raw_line(line: &str) -> Option<(String, VariableValue)> {
    let (name, said) = match line.split_once('=') {
        Some((name, value)) => (name, VariableValue::Text(value.to_owned())),
        None => (line, VariableValue::OfServer),
    };
    (!name.is_empty() && !name.contains([' ', '\t'])).then(|| (name.to_owned(), said))
}

/// The value may be quoted, and `export` may come before the name.
fn compose_line(line: &str) -> (String, VariableValue) {
    let line = line.trim_end();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let Some((name, value)) = line.split_once('=') else {
        return (line.to_owned(), VariableValue::OfServer);
    };
    let value = value.trim();
    let quoted = ['"', '\''].into_iter().find_map(|q| value.strip_prefix(q)?.strip_suffix(q));
    (name.trim_end().to_owned(), VariableValue::Text(quoted.unwrap_or(value).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::rules;
    use super::*;

    #[test]
    fn only_a_file_that_is_not_required_may_be_missing() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, required: bool| {
            let path = directory.path().join(name).display().to_string();
            rules(&format!("env_file = [{{ path = '{path}', required = {required} }}]"))
        };
        assert!(file("none", false).is_ok_and(|rules| rules.set.is_empty()));
        for (name, required) in [("none", true), ("", true), ("", false)] {
            let error = file(name, required).err().map(|error| error.to_string());
            let error = error.unwrap_or_default();
            assert!(error.contains("`env_file` cannot be read"), "{name} {required}: {error}");
        }
    }

    /// What comes of a file with this text: the names, and the values that are not the server's.
    fn read(raw: bool, text: &str) -> Result<Vec<(String, Option<String>)>, String> {
        let file = Guarded { text: text.to_owned(), open_to_others: None };
        let set = in_file(&file, raw, "vars.env", 0).map_err(|wrong| wrong.message)?;
        let value = |said| match said {
            VariableValue::Text(value) => Some(value),
            VariableValue::OfServer => None,
            VariableValue::Template(value) => panic!("{value} is a template"),
        };
        Ok(set.into_iter().map(|(name, said)| (name, value(said))).collect())
    }

    fn is(found: &[(String, Option<String>)], expected: &[(&str, Option<&str>)]) {
        let found: Vec<_> = found.iter().map(|(name, value)| (&**name, value.as_deref())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_lines_of_a_file_are_variables_but_for_comments_and_empty_ones() {
        let text = "# A=0\n\n  \nA=1\n #B=2\nexport D = 'x'\nE=\" y \"  \nF=\"z\n  G\n";
        let expected = [
            ("A", Some("1")),
            ("D", Some("x")),
            ("E", Some(" y ")),
            ("F", Some("\"z")),
            ("G", None),
        ];
        is(&read(false, text).unwrap(), &expected);
    }

    #[test]
    fn a_raw_file_is_read_as_dockers_client_reads_it() {
        let text = "\u{feff}A='x'\r\n# B=0\n \t\n  C= \"y\"  # z \nD=$A=b\nE=\nF\n";
        let expected = [
            ("A", Some("'x'")),
            ("C", Some(" \"y\"  # z ")),
            ("D", Some("$A=b")),
            ("E", Some("")),
            ("F", None),
        ];
        is(&read(true, text).unwrap(), &expected);
        for wrong in ["A=1\n\nexport B=1", "\n\n=1", "\n\nA B", "\n\n A =1"] {
            let error = read(true, wrong).unwrap_err();
            assert!(error.starts_with("cannot take line 3 of `vars.env`: "), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_file_has_one_format_besides_the_usual_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("env");
        fs_err::write(&path, "A='x'\n").unwrap();
        let value = |format: &str| {
            let text = format!("env_file = {{ path = '{}'{format} }}", path.display());
            let mut set = rules(&text).map_err(|error| error.to_string())?.set;
            match set.pop() {
                Some((_, VariableValue::Text(value))) => Ok(value),
                _ => Err("no value".to_owned()),
            }
        };
        assert_eq!(value("").unwrap(), "x");
        assert_eq!(value(", format = 'raw'").unwrap(), "'x'");
        let error = value(", format = 'docker'").unwrap_err();
        assert!(error.contains("`env_file` must have \"raw\" as `format`"), "{error}");
    }
}
