//! What the Python tool takes words of a command line for, beyond what is usual.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::env::Env;
use crate::options::container_options::ContainerOption;
use crate::setting::{self, ClassOption, Kind};

/// The words of the command line, where the first of them, or the first after `install`, is `help`, or the only one
/// `version`: as if it were the option, as in all applications of Jupyter.
pub fn first_words(words: impl Iterator<Item = OsString>) -> impl Iterator<Item = OsString> {
    let mut words: Vec<OsString> = words.collect();
    let is = |at: usize, word: &str| words.get(at).is_some_and(|given| given == word);
    if is(1, "help") {
        words.remove(1);
        words.truncate(2);
        words.push("--help".into());
    } else if is(1, "install") && is(2, "help") {
        words[2] = "--help".into();
    } else if is(1, "version") && words.len() == 2 {
        words[1] = "--version".into();
    }
    words.into_iter()
}

/// The words of the command line as the Python tool understands them: options may be written with
/// underscores (`--image_name`), a leading `~` in a value is a home directory, but in a list of names, and one
/// pair of quotes around it is not part of it. The values of options that are Docker's have quotes of their own.
#[must_use]
pub fn normalise(words: impl Iterator<Item = OsString>, env: &Env) -> Vec<OsString> {
    // How the word that comes next is read, if it is a value.
    let mut next: fn(&str, &Env) -> String = plain;
    let normalise_word = |word: OsString| {
        let Some(text) = word.to_str() else { return word };
        let read = std::mem::replace(&mut next, plain);
        let Some((name, value)) = option_and_value(text) else {
            if ContainerOption::is_short(text) {
                next = as_for_docker;
            }
            return read(text, env).into();
        };
        // The names of classes and traits are Python's.
        let name = if name.contains('.') { name.to_owned() } else { name.replace('_', "-") };
        let flag = ContainerOption::named(&name);
        let read = match flag {
            Some(_) => as_for_docker,
            None if takes_names(&name) => without_quotes,
            None => plain,
        };
        if let Some(value) = value {
            return format!("--{name}={}", read(value, env)).into();
        }
        if flag.is_none_or(|flag| !flag.is_switch()) {
            next = read;
        }
        format!("--{name}").into()
    };
    words.map(normalise_word).collect()
}

/// Takes the class forms (`--Class.trait=VALUE`, `--Class.trait VALUE`) out of the words.
///
/// # Errors
/// When a class or trait is unknown, or the value is missing: the sentence that says so.
pub fn split_class_options(
    words: Vec<OsString>,
) -> Result<(Vec<OsString>, Vec<ClassOption>), String> {
    let mut rest = Vec::with_capacity(words.len());
    let mut forms = Vec::new();
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next() {
        let option = word.to_str().and_then(option_and_value);
        let Some((class, name, value)) =
            option.and_then(|(name, value)| name.split_once('.').map(|(c, n)| (c, n, value)))
        else {
            rest.push(word);
            continue;
        };
        let (section, known) = setting::find(class, name)
            .map_err(|reason| format!("unexpected argument `--{class}.{name}`: {reason}"))?;
        let value = match value {
            Some(value) => value.to_owned(),
            None => words
                .next_if(|next| !next.to_string_lossy().starts_with('-'))
                .and_then(|next| next.into_string().ok())
                .ok_or_else(|| format!("a value is required for `--{class}.{name}`"))?,
        };
        forms.push(ClassOption { section, known, value });
    }
    Ok((rest, forms))
}

/// The name and the value of a word that is an option.
fn option_and_value(word: &str) -> Option<(&str, Option<&str>)> {
    let option = word.strip_prefix("--")?;
    let (name, value) = match option.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (option, None),
    };
    is_option_name(name).then_some((name, value))
}

fn is_option_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic())
        && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// Whether the option, or the class form, takes names, in which nothing is a directory.
fn takes_names(option: &str) -> bool {
    let name = option.rsplit('.').next().unwrap_or(option).replace('_', "-");
    name == "allowed-kernels"
        || setting::named(&name).is_some_and(|known| known.kind == Kind::Names)
}

/// A shell does not look for `~` after `--volume=`.
fn as_for_docker(value: &str, env: &Env) -> String {
    expanded(value, env).unwrap_or_else(|| value.to_owned())
}

fn plain(value: &str, env: &Env) -> String {
    without_quotes(&as_for_docker(value, env), env)
}

fn without_quotes(value: &str, _: &Env) -> String {
    let unquoted =
        ['"', '\''].into_iter().find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote));
    unquoted.unwrap_or(value).to_owned()
}

/// `~` and `~user` replaced as Python's `os.path.expanduser` does; `None` where there is no such
/// directory.
fn expanded(value: &str, env: &Env) -> Option<String> {
    let rest = value.strip_prefix('~')?;
    let (user, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let home = if user.is_empty() { env.home() } else { home_of(user) };
    Some(home?.to_str()?.trim_end_matches('/').to_owned() + path)
}

/// The home directory of an account, as `/etc/passwd` has it.
fn home_of(user: &str) -> Option<PathBuf> {
    let accounts = fs_err::read_to_string("/etc/passwd").ok()?;
    let account = accounts.lines().find(|line| line.split(':').next() == Some(user))?;
    account.split(':').nth(5).filter(|home| !home.is_empty()).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn help_and_version_may_be_the_first_word() {
        for (given, expected) in [
            (&["p", "help"][..], &["p", "--help"][..]),
            (&["p", "help", "install"], &["p", "install", "--help"]),
            (&["p", "help", "install", "--user"], &["p", "install", "--help"]),
            (&["p", "install", "help"], &["p", "install", "--help"]),
            (&["p", "show", "help"], &["p", "show", "help"]),
            (&["p", "version"], &["p", "--version"]),
            (&["p", "version", "install"], &["p", "version", "install"]),
            (&["p", "install", "version"], &["p", "install", "version"]),
            (&["p"], &["p"]),
        ] {
            let words = first_words(given.iter().map(OsString::from));
            assert_eq!(words.collect::<Vec<_>>(), expected, "{given:?}");
        }
    }

    #[test]
    fn words_are_taken_as_the_python_tool_takes_them() {
        let env = Env::new(Path::new("/"), [("HOME", "/h")]);
        for (given, expected) in [
            ("--image_name=foo/my_r:v4_0", "--image-name=foo/my_r:v4_0"),
            ("--kernel_name", "--kernel-name"),
            ("a_b", "a_b"),
            ("-- a_b", "-- a_b"),
            ("--", "--"),
            ("--display-name='A B'", "--display-name=A B"),
            ("--display-name=\"'A'\"", "--display-name='A'"),
            ("--display-name='", "--display-name='"),
            ("--prefix=~/p", "--prefix=/h/p"),
            ("~", "/h"),
            ("'~/p'", "~/p"),
            ("~root/p", "/root/p"),
            ("~no-such-user/p", "~no-such-user/p"),
            ("--gpus=\"device=0,1\"", "--gpus=\"device=0,1\""),
            ("--health_cmd='a' 'b'", "--health-cmd='a' 'b'"),
            ("--volume=~/x:/x", "--volume=/h/x:/x"),
            ("--unauthorized_users=~", "--unauthorized-users=~"),
            ("--authorized-users='~root'", "--authorized-users=~root"),
            ("--allowed-kernels=~", "--allowed-kernels=~"),
            ("--BaseSpecApp.unauthorized_users=~", "--BaseSpecApp.unauthorized_users=~"),
            ("--DockerSpecInstaller.prefix=~", "--DockerSpecInstaller.prefix=/h"),
        ] {
            assert_eq!(normalise([OsString::from(given)].into_iter(), &env), [expected], "{given}");
        }
        for before in ["--gpus", "-e", "--mount"] {
            let words = [before, "\"a\"", "\"b\""].map(OsString::from);
            assert_eq!(normalise(words.into_iter(), &env), [before, "\"a\"", "b"]);
        }
        for before in ["--unauthorized-users", "--BaseSpecApp.authorized_users"] {
            let words = [before, "~", "~"].map(OsString::from);
            assert_eq!(normalise(words.into_iter(), &env), [before, "~", "/h"]);
        }
    }
}
