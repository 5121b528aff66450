//! What pages say that the log says.

use std::path::Path;

use crate::sources;

/// Words of the server's and of the engine's.
const OF_OTHERS: [&str; 4] = [
    "is not authorized to start",
    "bind source path does not exist",
    "could not select device driver",
    "Waited too long",
];

#[test]
fn messages_on_the_page_are_those_of_the_sources() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/how-to/kernel-does-not-start.md");
    let page = fs_err::read_to_string(page).unwrap();
    let section =
        page.split("\n## What the log says\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let sources: Vec<String> = sources::code().into_iter().map(|(_, text)| joined(&text)).collect();
    let rows: Vec<&str> = section.lines().filter(|line| line.starts_with("| `")).collect();
    assert!(rows.len() > 10, "{section}");
    for row in rows {
        let messages = row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2);
        for message in messages.filter(|message| !OF_OTHERS.contains(message)) {
            // An ellipsis, or a place in a file, is something else each time.
            let words =
                message.split(" ... ").flat_map(|part| part.split(":12:1: ...")).map(str::trim);
            for part in words.filter(|part| !part.is_empty()) {
                let known = sources.iter().any(|text| text.contains(part));
                assert!(known, "`{part}` is not in the sources any more");
            }
        }
    }
}

/// Texts that go on in the next line, in one.
fn joined(text: &str) -> String {
    text.split("\\\n").enumerate().fold(String::new(), |text, (number, part)| {
        text + if number == 0 { part } else { part.trim_start() }
    })
}
