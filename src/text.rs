//! How values are written in messages.

use std::time::Duration;

/// Seconds, with one digit after the point unless they are whole.
#[must_use]
pub fn seconds(duration: Duration) -> String {
    tenths((duration.as_millis() + 50) / 100)
}

/// Megabytes, that is 10^6 bytes, with one digit after the point unless they are whole.
#[must_use]
pub fn megabytes(bytes: u64) -> String {
    tenths(u128::from(bytes) / 100_000)
}

/// In whole numbers: formatting a float would add tens of kilobytes to the launcher.
fn tenths(number: u128) -> String {
    match number % 10 {
        0 => (number / 10).to_string(),
        rest => format!("{}.{rest}", number / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
