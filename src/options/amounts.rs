//! Amounts with units, as text: processors, memory, times.

/// The parts of a unit that the engine counts processors and seconds in.
pub(super) const NANO: i64 = 1_000_000_000;

/// A number of units, such as `1.5`, in the smallest of which there are `smallest` in one unit.
#[must_use]
pub fn decimal(text: &str, smallest: i64) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    if whole.is_empty() && fraction.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    // More digits than can make a difference.
    let fraction = &fraction[..fraction.len().min(18)];
    let number =
        |digits: &str| if digits.is_empty() { Some(0) } else { digits.parse::<i128>().ok() };
    let scale = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    let units = number(whole)?.checked_mul(scale)?.checked_add(number(fraction)?)?;
    i64::try_from(units.checked_mul(smallest.into())? / scale).ok()
}

/// An amount of memory as Docker and Compose read it: a number with `b`, `k`, `m`, `g`, `t` or `p`, also with
/// `b` or `ib` after it, or bytes without a unit.
#[must_use]
pub fn bytes(text: &str) -> Option<i64> {
    let text = text.to_ascii_lowercase();
    let end = text.find(|c: char| c.is_ascii_alphabetic() || c == ' ').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let power = match unit.strip_prefix(' ').unwrap_or(unit) {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        "p" | "pb" | "pib" => 5,
        _ => return None,
    };
    decimal(number, 1 << (10 * power))
}

/// A span of time as Go and Compose write it, such as `1m30s`, in nanoseconds.
#[must_use]
pub fn nanoseconds(text: &str) -> Option<i64> {
    let mut rest = text.trim();
    let mut total: i64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(char::is_alphabetic)?;
        let (number, tail) = rest.split_at(end);
        let end = tail.find(|c: char| !c.is_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let unit = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => NANO,
            "m" => 60 * NANO,
            "h" => 3600 * NANO,
            "d" => 24 * 3600 * NANO,
            _ => return None,
        };
        total = total.checked_add(decimal(number, unit)?)?;
        rest = tail;
    }
    Some(total)
}
