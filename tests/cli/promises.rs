//! Every promise of docs/security.md has tests, and they are there.

use std::collections::BTreeSet;
use std::path::Path;

use fs_err as fs;

/// The files whose every test belongs to a promise.
const OWN: [&str; 5] = [
    "tests/cli/evil_engine.rs",
    "tests/cli/hostile.rs",
    "tests/cli/injection.rs",
    "tests/cli/links.rs",
    "tests/engine/test_security.py",
];

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The names of the tests in a file.
pub(crate) fn tests(path: &str) -> BTreeSet<String> {
    let text = read(path);
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let name = |pair: &[&str]| {
        let of_rust = match pair[0] {
            "#[test]" => pair[1].strip_prefix("fn "),
            "#[tokio::test]" => pair[1].strip_prefix("async fn "),
            _ => None,
        };
        let signature =
            of_rust.or(pair[1].strip_prefix("def ").filter(|it| it.starts_with("test_")));
        Some(signature?.split_once('(')?.0.to_owned())
    };
    lines.windows(2).filter_map(name).collect()
}

#[test]
fn every_promise_has_tests_that_exist() {
    let page = read("docs/security.md");
    let mut ids: Vec<&str> = Vec::new();
    let mut named: BTreeSet<(String, String)> = BTreeSet::new();
    for line in page.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [id, promise, of_promise] = cells[..] else { panic!("not three cells: {line}") };
        if id.is_empty() || id.starts_with('-') {
            continue;
        }
        let before = ids.iter().filter(|other| other[..1] == id[..1]).count();
        assert_eq!(id[1..], (before + 1).to_string(), "{id} is not the next of its kind");
        ids.push(id);
        assert!(promise.ends_with('.'), "{id}: {promise}");
        assert!(!of_promise.is_empty(), "{id} has no test");
        for name in of_promise.split_whitespace() {
            let (path, test) = name.trim_matches('`').split_once("::").unwrap();
            assert!(tests(path).contains(test), "{id}: there is no {path}::{test}");
            named.insert((path.to_owned(), test.to_owned()));
        }
    }
    assert!(ids.len() > 30, "{ids:?}");
    for path in OWN {
        for test in tests(path) {
            let what = (path.to_owned(), test);
            assert!(named.contains(&what), "{what:?} is a test of no promise");
        }
    }
}

#[test]
fn the_pages_lead_to_each_other() {
    let policy = read("SECURITY.md");
    assert!(policy.contains("(docs/security.md)"));
    assert!(read("docs/security.md").contains("/SECURITY.md"));
    for page in ["SECURITY.md", "docs/security.md"] {
        assert!(read("README.md").contains(&format!("({page})")), "{page}");
        assert!(
            read(page).lines().all(|line| line.starts_with('|') || line.chars().count() <= 120)
        );
    }
}
