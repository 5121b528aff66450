//! Variables in the `env` of a kernelspec: `$NAME` and `${NAME}`, as `string.Template` of Python has them, by which
//! Jupyter fills in those of its own environment. Here they are those of the image, where the kernel runs.

/// The text with its variables filled in.
///
/// # Errors
/// The name of one that there is not.
pub(super) fn expanded<'a>(
    text: &str,
    variable: impl Fn(&str) -> Option<&'a str>,
) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
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
            out.push_str(variable(name).ok_or_else(|| name.to_owned())?);
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
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
            ("a${NONE}", Err("NONE")),
            ("$AB", Err("AB")),
        ] {
            let found = expanded(text, variable);
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{text}");
        }
    }
}
