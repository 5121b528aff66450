//! Variables in the `env` of a kernelspec: `$NAME` and `${NAME}`, as `string.Template` of Python has them, by which
//! Jupyter fills in those of its own environment. Here they are those of the image, where the kernel runs.

/// Why a text cannot be had with its variables filled in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault<'a> {
    /// There is none of this name.
    Missing(&'a str),
    TooLarge,
}

/// The text with its variables filled in, of at most so many bytes.
pub(super) fn expanded<'a, 'b>(
    text: &'a str,
    most: usize,
    variable: impl Fn(&str) -> Option<&'b str>,
) -> Result<String, Fault<'a>> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let inside = after.strip_prefix('{').and_then(|inside| inside.split_once('}'));
        let (name, after) = match inside {
            Some((inside, after)) if !inside.is_empty() && name_of(inside) == inside => {
                (inside, after)
            }
            _ => after.split_at(name_of(after).len()),
        };
        if name.is_empty() {
            // It is none, and stays.
            out.push('$');
        } else {
            out.push_str(variable(name).ok_or(Fault::Missing(name))?);
        }
        if out.len() > most {
            return Err(Fault::TooLarge);
        }
        rest = after;
    }
    out.push_str(rest);
    if out.len() > most { Err(Fault::TooLarge) } else { Ok(out) }
}

/// The name at the beginning of a text; empty if there is none.
fn name_of(text: &str) -> &str {
    let is_part = |c: char| c == '_' || c.is_ascii_alphanumeric();
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    if text.starts_with(|c: char| c.is_ascii_digit()) { "" } else { &text[..end] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_filled_in_as_python_does() {
        let variable = |name: &str| match name {
            "A" => Some("1"),
            "_b2" => Some("$A"),
            "E" => Some(""),
            _ => None,
        };
        for (text, expected) in [
            ("", Ok("")),
            ("$A", Ok("1")),
            ("${A}x$A/$_b2", Ok("1x1/$A")),
            ("$$A $$$A $", Ok("$A $1 $")),
            ("$E.${E}", Ok(".")),
            ("${}$1${1}$-${A", Ok("${}$1${1}$-${A")),
            ("${A-x} é", Ok("${A-x} é")),
            ("a${NONE}", Err(Fault::Missing("NONE"))),
            ("$AB", Err(Fault::Missing("AB"))),
            ("12345678901234567", Err(Fault::TooLarge)),
            // What follows is not looked at.
            ("$_b2$_b2$_b2$_b2$_b2$_b2$_b2$_b2$_b2$NONE", Err(Fault::TooLarge)),
        ] {
            assert_eq!(expanded(text, 16, variable), expected.map(str::to_owned), "{text}");
        }
    }
}
