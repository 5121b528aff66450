//! Formats values for messages.

use std::time::Duration;

/// Seconds, with one decimal unless they are whole.
pub(crate) fn seconds(duration: Duration) -> String {
    tenths((duration.as_millis() + 50) / 100)
}

/// Megabytes (10^6 bytes), with one decimal unless they are whole.
pub(crate) fn megabytes(bytes: u64) -> String {
    tenths(u128::from(bytes) / 100_000)
}

/// Formats tenths as integers: formatting a float would add tens of kilobytes to the launcher.
fn tenths(number: u128) -> String {
    match number % 10 {
        0 => (number / 10).to_string(),
        rest => format!("{}.{rest}", number / 10),
    }
}

/// `; did you mean ...?` with the most similar name, or nothing if none is similar.
pub(crate) fn did_you_mean<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(given, known).map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

/// The most similar name, if one is similar.
pub(crate) fn nearest<'a>(
    given: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let like = |name: &&str| strsim::jaro_winkler(&given.to_lowercase(), &name.to_lowercase());
    let nearest = known.into_iter().max_by(|a, b| like(a).total_cmp(&like(b)));
    nearest.filter(|name| like(name) > 0.8)
}

/// Whether the character is invisible but has effects: it moves a terminal's cursor or changes its colours,
/// breaks a line, or changes the direction of the text after it.
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether all characters are printable ASCII, and thus one column wide. Most texts are.
pub(crate) fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Makes the text one line: escapes invisible characters that have effects.
pub(crate) fn printable(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_invisible(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// The line and column, both from 1, of a byte offset in a text.
pub(crate) fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_told() {
        for (text, expected) in [
            ("Zoë, 漢字 \u{1f600}\u{200d}", "Zoë, 漢字 \u{1f600}\u{200d}"),
            ("a\tb\r\n\x1b[2J\x7f\u{9b}1m", r"a\tb\r\n\u{1b}[2J\u{7f}\u{9b}1m"),
            ("a\u{202e}b\u{2066}c\u{200f}\u{2028}", r"a\u{202e}b\u{2066}c\u{200f}\u{2028}"),
        ] {
            assert_eq!(printable(text), expected);
            assert!(!is_plain(text), "{text}");
        }
    }

    #[test]
    fn what_is_plain_stays_as_it_is() {
        let plain: String = (' '..='~').collect();
        assert!(is_plain(&plain) && is_plain(""));
        assert_eq!(printable(&plain), plain);
        for other in ["\x1f", "\x7f", "\u{80}"] {
            assert!(!is_plain(other), "{other:?}");
        }
    }

    #[test]
    fn one_digit_is_enough() {
        for (milliseconds, expected) in
            [(0, "0"), (49, "0"), (50, "0.1"), (950, "1"), (1000, "1"), (12_340, "12.3")]
        {
            assert_eq!(seconds(Duration::from_millis(milliseconds)), expected);
        }
        assert_eq!(megabytes(1_550_000), "1.5");
        assert_eq!(megabytes(3_000_000), "3");
    }
}
