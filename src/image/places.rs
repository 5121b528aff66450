//! Where the kernelspecs of an image lie: <https://docs.jupyter.org/en/latest/use/jupyter-directories.html#data-files>

use crate::engine::Image;

/// What Docker gives to containers of images that say nothing else.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Where a prefix has its kernelspecs.
const SHARE: &str = "/share/jupyter/kernels";

/// Prefixes that there may be besides.
const PREFIXES: [&str; 3] = ["/opt/conda", "/usr/local", "/usr"];

/// The most directories that are looked into.
const MOST: usize = 40;

/// The directories of an image in which a Jupyter there would look, those that count most first. `home` is that of
/// its user.
pub(super) fn directories(image: &Image, home: Option<&str>) -> Vec<String> {
    let lists = |name| image.variable(name).into_iter().flat_map(|list| list.split(':'));
    let paths = lists("JUPYTER_PATH").map(|path| format!("{path}/kernels"));
    let data = image.variable("JUPYTER_DATA_DIR").map(|path| format!("{path}/kernels"));
    let of_user = data.or_else(|| home.map(|home| format!("{home}/.local{SHARE}")));
    let programs = image.variable("PATH").unwrap_or(PATH);
    let above = programs.split(':').filter_map(|path| path.trim_end_matches('/').rsplit_once('/'));
    let prefixes = ["VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DIR"].into_iter().flat_map(lists);
    let prefixes = prefixes.chain(above.map(|(above, _)| above)).chain(PREFIXES);
    let of_prefixes = prefixes.map(|prefix| format!("{}{SHARE}", prefix.trim_end_matches('/')));
    let mut found: Vec<String> = Vec::new();
    for path in paths.chain(of_user).chain(of_prefixes) {
        if path.starts_with('/') && !path.contains('\0') && !found.contains(&path) {
            found.push(path);
        }
    }
    found.truncate(MOST);
    found
}

/// The prefix that has its kernelspecs in this directory. A user's home is none.
pub(super) fn prefix(kernels: &str) -> Option<&str> {
    let prefix = kernels.strip_suffix(SHARE)?;
    (!prefix.ends_with("/.local")).then_some(prefix)
}

/// The home of a user, by name or number, from the text of `/etc/passwd`.
pub(super) fn home_of<'a>(user: &str, passwd: &'a str) -> Option<&'a str> {
    let user = user.split(':').next().filter(|user| !user.is_empty()).unwrap_or("0");
    let lines = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let mut homes = lines.filter_map(|fields| match &*fields {
        [name, _, number, _, _, home, ..] if *name == user || *number == user => Some(*home),
        _ => None,
    });
    homes.next().filter(|home| home.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(env: &[&str], home: Option<&str>) -> String {
        let image = json!({"Config": {"Env": env}});
        directories(&serde_json::from_value(image).unwrap(), home).join(" ")
    }

    #[test]
    fn jupyters_order_is_kept() {
        assert_eq!(
            found(&[], Some("/root")),
            "/root/.local/share/jupyter/kernels /usr/local/share/jupyter/kernels /usr/share/jupyter/kernels \
             /share/jupyter/kernels /opt/conda/share/jupyter/kernels"
        );
        let variables = [
            "PATH=/opt/k/bin/:relative:/usr/bin",
            "JUPYTER_PATH=/j:x",
            "VIRTUAL_ENV=/v",
            "JUPYTER_DATA_DIR=/d",
        ];
        assert_eq!(
            found(&variables, Some("/root")),
            "/j/kernels /d/kernels /v/share/jupyter/kernels /opt/k/share/jupyter/kernels \
             /usr/share/jupyter/kernels /opt/conda/share/jupyter/kernels /usr/local/share/jupyter/kernels"
        );
        let many: Vec<String> = (0..100).map(|number| format!("/{number}/bin")).collect();
        let long = format!("PATH={}", many.join(":"));
        assert_eq!(found(&[&long], None).split(' ').count(), MOST);
    }

    #[test]
    fn a_prefix_is_told_from_a_home() {
        for (directory, expected) in [
            ("/opt/conda/share/jupyter/kernels", Some("/opt/conda")),
            ("/share/jupyter/kernels", Some("")),
            ("/root/.local/share/jupyter/kernels", None),
            ("/j/kernels", None),
        ] {
            assert_eq!(prefix(directory), expected, "{directory}");
        }
    }

    #[test]
    fn a_home_is_that_of_the_user() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nann:x:1000:100::/home/ann:/bin/sh\nbad:x:2:2::home:/\nx\n";
        for (user, expected) in [
            ("", Some("/root")),
            ("0:0", Some("/root")),
            ("ann", Some("/home/ann")),
            ("1000:100", Some("/home/ann")),
            ("bad", None),
            ("eve", None),
        ] {
            assert_eq!(home_of(user, passwd), expected, "{user}");
        }
    }
}
