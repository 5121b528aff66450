//! Words for a POSIX shell.

use std::fmt::Write as _;

use crate::text;

/// The text as one word. What would move a terminal's cursor or turn the direction of writing is
/// written as octal numbers: commands are printed for people first.
pub(in crate::commands) fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    let mut word = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let unseen = is_invisible(c);
        let (part, behind) =
            rest.split_at(rest.find(|c| is_invisible(c) != unseen).unwrap_or(rest.len()));
        rest = behind;
        if unseen {
            word.push_str("\"$(printf '");
            for byte in part.bytes() {
                // Writing to a string does not fail.
                let _ = write!(word, "\\{byte:03o}");
            }
            word.push_str("')\"");
        } else {
            let _ = write!(word, "'{}'", part.replace('\'', r"'\''"));
        }
    }
    if word.is_empty() { "''".to_owned() } else { word }
}

/// Whether it is one of those characters. A new line is as harmless between quotes as anywhere.
fn is_invisible(c: char) -> bool {
    text::is_invisible(c) && c != '\n'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_reads_what_was_meant() {
        for (text, expected) in [
            ("a-b_c=d:1.0/x", "a-b_c=d:1.0/x"),
            ("", "''"),
            ("~", "'~'"),
            ("it's", r"'it'\''s'"),
            ("$HOME `x`\n", "'$HOME `x`\n'"),
            ("a\x1b\x07b\n", "'a'\"$(printf '\\033\\007')\"'b\n'"),
            ("\u{9b}", "\"$(printf '\\302\\233')\""),
        ] {
            let word = quoted(text);
            assert_eq!(word, expected);
            let script = format!("printf %s {word}");
            let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), text);
        }
    }
}
