//! Texts of a Compose file in which variables of the environment are filled in.

/// A text as it is: no `$` in it begins a variable.
#[must_use]
pub(super) fn data(text: &str) -> String {
    text.replace('$', "$$")
}

/// The value of a variable, or a text if it is not set or empty.
///
/// Some readers take what stands behind `:-` as it is and others fill in variables there, and none
/// of them takes a brace or nothing at all: there the text is written itself, and no variable changes
/// it.
#[must_use]
pub(super) fn variable(name: &str, default: &str) -> String {
    let writable = !default.is_empty()
        && default.chars().all(|c| !c.is_control() && !matches!(c, '$' | '{' | '}'));
    if writable { format!("${{{name}:-{default}}}") } else { data(default) }
}

/// The value of a variable that has to be set: `reason` is said if it is not. A hyphen in it would be
/// taken for the beginning of a default.
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
