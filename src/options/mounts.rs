//! What is mounted from where somebody may exchange it before it is mounted.
//!
//! An engine looks for the source of a mount when it starts the container, and follows links. Nothing that is
//! looked at before can keep somebody who may write to the directory from putting a link there meanwhile, or long
//! before.

use super::Options;
use super::interpolation::divide;
use super::node::{Node, Value};

/// The source of a mount, as the file has it.
struct Source<'a> {
    path: &'a str,
    writable: bool,
}

/// For each mount from a place that users of the server may exchange, what to say of it.
#[must_use]
pub fn exchangeable(options: &Options) -> Vec<String> {
    let mut sources: Vec<Source<'_>> = match options.get("volumes").map(|node| &node.value) {
        Some(Value::List(items)) => items.iter().filter_map(source).collect(),
        _ => Vec::new(),
    };
    let mut said = Vec::new();
    if let Some(cwd) = options.get("mount_cwd").filter(|node| node.value != Value::Bool(false)) {
        let field = |name| field(cwd, name);
        let writable = field("read_only").is_none_or(|node| node.value != Value::Bool(true));
        sources.push(Source { path: "{cwd}", writable });
        if field("paths").is_some() {
            said.push(
                "`mount_cwd.paths` is compared with the notebook's directory before the engine looks for it: \
                 who may write to a directory above it can put a link in its place, and gets what that leads \
                 to on the engine's host; mount one directory for each user with `volumes`, below one that \
                 only root may write to, where that matters"
                    .to_owned(),
            );
        }
    }
    for inner in &sources {
        let outer = sources.iter().find(|outer| outer.writable && is_below(inner.path, outer.path));
        let place = match outer {
            Some(outer) => format!("`{}`, where kernels may write", outer.path),
            None if is_below(inner.path, "{cwd}") => "the notebook's directory".to_owned(),
            None => continue,
        };
        said.push(format!(
            "`{}` is mounted from within {place}: a link that somebody puts there leads the next kernel to any \
             place on the engine's host; mount what only root may exchange",
            inner.path
        ));
    }
    said
}

/// The source of a mount of the host's files.
fn source(item: &Node) -> Option<Source<'_>> {
    let source = if let Value::Text(text) = &item.value {
        let (path, rest) = divide(text, ':')?;
        let options = divide(rest, ':').map_or("", |(_, options)| options);
        Source { path, writable: !options.split(',').any(|option| option == "ro") }
    } else {
        let Value::Text(path) = &field(item, "source")?.value else { return None };
        let read_only = field(item, "read_only");
        Source { path, writable: read_only.is_none_or(|node| node.value != Value::Bool(true)) }
    };
    Some(source).filter(|source| source.path.starts_with(['/', '{', '$']))
}

fn field<'a>(table: &'a Node, name: &str) -> Option<&'a Node> {
    let Value::Table(entries) = &table.value else { return None };
    entries.iter().find(|(known, ..)| known == name).map(|(_, _, node)| node)
}

/// Whether a path leads through a directory. Both are compared as an engine goes them: without what leads nowhere.
fn is_below(path: &str, directory: &str) -> bool {
    fn parts(path: &str) -> impl Iterator<Item = &str> {
        path.split('/').filter(|part| !matches!(*part, "" | "."))
    }
    let mut rest = parts(path);
    path.starts_with('/') == directory.starts_with('/')
        && parts(directory).all(|part| rest.next() == Some(part))
        && rest.next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Vec<String> {
        exchangeable(&Options::parse("f", text).unwrap())
    }

    #[test]
    fn a_mount_from_within_what_kernels_may_write_to_is_told() {
        for text in [
            "volumes = ['/h/{username}:/home/bob', '/h/{username}/work:/work']",
            "volumes = ['/h/{username}/work:/work:ro', '/h/{username}/:/home/bob:rw']",
            "volumes = ['/h:/h', '/h/{username}:/home/bob']",
            "volumes = ['/:/host', '/srv:/srv']",
            "volumes = ['/srv//h:/a', '/srv/./h/b:/b']",
            "volumes = ['${HOMES:-/h:x}/a:/a', '${HOMES:-/h:x}/a/b:/b']",
            "volumes = ['{cwd}/data:/data']",
            "mount_cwd = true\nvolumes = [{ type = 'bind', source = '{cwd}/data', target = '/data' }]",
            "volumes = ['/h/a:/a', { type = 'bind', source = '/h/a/b', target = '/b', read_only = true }]",
        ] {
            let said = said(text);
            assert_eq!(said.len(), 1, "{text}: {said:?}");
            assert!(said[0].contains("is mounted from within"), "{said:?}");
        }
        for (read_only, place) in
            [(true, "the notebook's directory:"), (false, "`{cwd}`, where kernels may write:")]
        {
            let cwd = format!("mount_cwd = {{ target = '/w', read_only = {read_only} }}");
            let said = said(&format!("{cwd}\nvolumes = ['{{cwd}}/data:/data']"));
            assert!(said[0].contains(&format!("from within {place}")), "{said:?}");
        }
        let paths = "mount_cwd = { target = '/w', paths = { '/home' = '/srv' } }";
        assert!(said(paths)[0].starts_with("`mount_cwd.paths` is compared"));
    }

    #[test]
    fn what_nobody_may_exchange_is_not() {
        for text in [
            "volumes = ['/h/{username}:/home/bob', '/h/{username}-data:/data']",
            "volumes = ['/h/{username}:/home/bob:ro', '/h/{username}/work:/work']",
            "volumes = ['/h/a:/a', '/h/b:/b', '/h/a:/c', '/h/a/:/d']",
            "volumes = ['data:/data', 'data/x:/x', '/y']",
            "mount_cwd = true\nvolumes = ['/srv/data:/data:ro']",
            "mount_cwd = false",
            "volumes = [{ type = 'volume', source = 'v', target = '/v' }]",
            "volumes = [{ type = 'bind', source = '/h', target = '/h', read_only = true }, '/h/b:/b']",
            "",
        ] {
            assert_eq!(said(text), Vec::<String>::new(), "{text}");
        }
    }
}
