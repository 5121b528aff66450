//! Values in the spellings that Go reads, in which the `docker` client is written.

use anyhow::{Context as _, Result, bail, ensure};

/// The fields of one line of CSV: parts with a comma or a quote in them are in double quotes as a whole.
pub(super) fn fields(word: &str) -> Result<Vec<String>> {
    ensure!(!word.is_empty(), "must not be empty");
    ensure!(!word.contains(['\n', '\r']), "must be one line");
    let mut fields = Vec::new();
    let mut rest = word;
    loop {
        let (field, after) = if let Some(body) = rest.strip_prefix('"') {
            quoted_field(body)?
        } else {
            let (field, after) = rest.split_at(rest.find(',').unwrap_or(rest.len()));
            ensure!(
                !field.contains('"'),
                "must have `{field}` in double quotes as a whole, and each double quote in it twice"
            );
            (field.to_owned(), after)
        };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => return Ok(fields),
        }
    }
}

/// What is in quotes, and what comes after them.
fn quoted_field(body: &str) -> Result<(String, &str)> {
    let mut field = String::new();
    let mut rest = body;
    loop {
        let (part, after) = rest.split_once('"').context("must end its double quotes")?;
        field.push_str(part);
        match after.strip_prefix('"') {
            Some(next) => {
                field.push('"');
                rest = next;
            }
            None if after.is_empty() || after.starts_with(',') => return Ok((field, after)),
            None => bail!("must have a comma after `\"{field}\"`"),
        }
    }
}

/// True or false, in Go's spellings.
pub(super) fn flag(word: &str) -> Result<bool> {
    match word {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => bail!("must be true or false"),
    }
}

/// A whole number, in Go's spellings: `0x10`, `010` and `0o10`, `0b1`, `1_000`.
pub(super) fn integer(word: &str) -> Option<i64> {
    let (sign, digits) = match word.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", word.strip_prefix('+').unwrap_or(word)),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, &lower[..]),
    };
    // They stand between two digits, or after what names the base.
    let digits = if radix == 10 { digits } else { digits.strip_prefix('_').unwrap_or(digits) };
    let apart = !digits.starts_with('_') && !digits.ends_with('_') && !digits.contains("__");
    let digits = digits.replace('_', "");
    let is_plain = apart && digits.chars().all(|c| c.is_digit(radix));
    i64::from_str_radix(&format!("{sign}{digits}"), radix).ok().filter(|_| is_plain)
}

/// A rational number, `1.5`, `3/2` or `15e-1`: numerator and denominator.
pub(super) fn ratio(word: &str) -> Option<(i128, i128)> {
    let number = |digits: &str| -> Option<i128> {
        let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|_| is_plain)
    };
    let word = word.strip_prefix('+').unwrap_or(word);
    if let Some((over, under)) = word.split_once('/') {
        return Some((number(over)?, number(under).filter(|under| *under > 0)?));
    }
    let (mantissa, exponent) = word.split_once(['e', 'E']).unwrap_or((word, "0"));
    let exponent: i32 = exponent.parse().ok().filter(|n: &i32| n.abs() <= 18)?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = number(&format!("{whole}{fraction}"))?;
    let scale = exponent - i32::try_from(fraction.len()).ok()?;
    let power = 10_i128.checked_pow(scale.unsigned_abs())?;
    Some(if scale < 0 { (digits, power) } else { (digits.checked_mul(power)?, 1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_those_of_csv() {
        for (word, expected) in [
            ("a", Some(&["a"][..])),
            ("a,b=c", Some(&["a", "b=c"])),
            ("a,", Some(&["a", ""])),
            (r#""a,b",c"#, Some(&["a,b", "c"])),
            (r#""a ""b""""#, Some(&[r#"a "b""#])),
            ("", None),
            (r#"a"b"#, None),
            (r#"a="b""#, None),
            (r#""a"#, None),
            (r#""a"b"#, None),
            ("a\nb", None),
        ] {
            let fields = fields(word).ok();
            assert_eq!(
                fields,
                expected.map(|all| all.iter().map(|f| (*f).to_owned()).collect()),
                "{word}"
            );
        }
    }

    #[test]
    fn numbers_are_those_of_go() {
        for (word, expected) in [
            ("10", Some(10)),
            ("+10", Some(10)),
            ("-1", Some(-1)),
            ("0", Some(0)),
            ("0x1F", Some(31)),
            ("010", Some(8)),
            ("0o10", Some(8)),
            ("0b11", Some(3)),
            ("1_000", Some(1000)),
            ("0x_1", Some(1)),
            ("0_7", Some(7)),
            ("", None),
            ("-", None),
            ("--1", None),
            ("0x", None),
            ("0x-1", None),
            ("08", None),
            ("1__0", None),
            ("_1", None),
            ("1_", None),
            ("1.0", None),
            ("1e3", None),
            ("9223372036854775808", None),
        ] {
            assert_eq!(integer(word), expected, "{word}");
        }
    }
}
