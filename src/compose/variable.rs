//! Texts with variables of the environment in a Compose file.

/// Escapes a text, so that no `$` in it starts a variable.
#[must_use]
pub(super) fn data(text: &str) -> String {
    text.replace('$', "$$")
}

/// The value of a variable, or a default if it is unset or empty.
///
/// Readers differ in whether they interpolate a default after `:-`, and none of them supports braces or an
/// empty one: such a text is written instead of the variable, which then changes nothing.
#[must_use]
pub(super) fn variable(name: &str, default: &str) -> String {
    let writable = !default.is_empty()
        && default.chars().all(|c| !c.is_control() && !matches!(c, '$' | '{' | '}'));
    if writable { format!("${{{name}:-{default}}}") } else { data(default) }
}

/// The value of a variable that must be set; otherwise `reason` is shown. A hyphen in the reason would be
/// read as the start of a default.
#[must_use]
pub(super) fn required(name: &str, reason: &str) -> String {
    format!("${{{name}:?{reason}}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_is_written_where_all_readers_take_it() {
        for (default, expected) in [
            ("60", "${X:-60}"),
            ("a:b-c?d \"'", "${X:-a:b-c?d \"'}"),
            ("$HOME", "$$HOME"),
            ("{a}", "{a}"),
            ("", ""),
            ("a\nb", "a\nb"),
        ] {
            assert_eq!(variable("X", default), expected);
        }
    }
}
