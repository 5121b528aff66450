//! Launchers in Python that are known, as they came. What is not known has been edited, or is somebody's
//! own.
//!
//! Of those that are not ours there are digests, which need none of other people's code in the program.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::templates;

/// Digests with names, as `sha256sum` writes them.
static DIGESTS: &str = include_str!("known_launchers.txt");

/// The tool whose launcher this is, if nobody has edited it. What is no code - comments on lines of
/// their own, empty lines, blanks at the end of a line - does not count.
#[must_use]
pub fn name(text: &str) -> Option<&'static str> {
    let digest = digest(text);
    if digest == self::digest(&String::from_utf8_lossy(templates::python_launcher())) {
        return Some("jupyter-docker-spec");
    }
    DIGESTS.lines().find_map(|line| line.strip_prefix(&*digest)?.strip_prefix("  "))
}

/// The digest of the lines that do something.
fn digest(text: &str) -> String {
    let lines = text.split('\n').map(str::trim_end);
    let code = lines.filter(|line| !line.is_empty() && !line.trim_start().starts_with('#'));
    let code = code.collect::<Vec<_>>().join("\n");
    Sha256::digest(code).iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours() -> String {
        String::from_utf8(templates::python_launcher().to_vec()).unwrap()
    }

    #[test]
    fn every_line_has_a_digest_and_a_name() {
        let lines: Vec<_> = DIGESTS.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(lines.len(), 11);
        for line in lines {
            let (digest, name) = line.split_once("  ").unwrap();
            assert!(digest.len() == 64 && digest.chars().all(|c| "0123456789abcdef".contains(c)));
            assert!(
                name.starts_with("gateway_provisioners ")
                    || name.starts_with("Enterprise Gateway ")
            );
        }
        let of_one_line = "de2abade832c8e35";
        assert!(digest(" \r\n# x\nimport os  \n\n").starts_with(of_one_line));
    }

    #[test]
    fn what_does_nothing_is_no_change() {
        let text = ours().replace('\n', " \r\n\r\n    # a comment\r\n");
        assert_eq!(name(&text), Some("jupyter-docker-spec"));
    }

    #[test]
    fn what_does_something_is_one() {
        for other in [
            ours().replace("# \"mem_limit\"", "\"mem_limit\""),
            ours().replacen("    ", "   ", 1),
            ours() + "print(1)\n",
            "#!/bin/sh\ndocker run x\n".to_owned(),
            String::new(),
        ] {
            assert_eq!(name(&other), None);
        }
    }
}
