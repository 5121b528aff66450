//! Go templates: Swarm expands them in a service's mounts, host name and values of variables, and an engine
//! in the `tag` of a logging driver. What is not the administrator's own text must not become part of one.

/// A brace, for a reader that expands templates.
const BRACE: &str = r#"{{"{"}}"#;

/// Two of them.
const BRACES: &str = r#"{{"{{"}}"#;

/// A text that comes out as it is where it is all that is expanded.
#[must_use]
pub fn literal(text: &str) -> String {
    text.replace("{{", BRACES)
}

/// Adds a text to a template such that it comes out as it is, whatever stands before and after it.
pub(super) fn push_literal(out: &mut String, text: &str) {
    // A brace before it would become two by one at its beginning, or by one after nothing.
    if out.ends_with('{') {
        out.pop();
        out.push_str(BRACE);
    }
    out.push_str(&text.replace('{', BRACE));
}

/// Where the action ends that a text begins with; `None` if it begins with none, or with one that does not end.
/// Braces in quotes and in comments end nothing.
#[must_use]
pub fn action(text: &str) -> Option<usize> {
    let body = text.strip_prefix("{{")?;
    let trimmed = body.strip_prefix("- ").unwrap_or(body);
    if trimmed.starts_with("/*") {
        let end = trimmed.find("*/")?;
        return Some(text.len() - trimmed.len() + end + trimmed[end..].find("}}")? + 2);
    }
    let mut quote = None;
    let mut characters = body.char_indices();
    while let Some((at, c)) = characters.next() {
        match (quote, c) {
            (Some('"' | '\''), '\\') => drop(characters.next()),
            (Some(open), _) if c == open => quote = None,
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '}') if body[at..].starts_with("}}") => return Some(at + 4),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_ends_where_go_ends_it() {
        for (text, action_of_it) in [
            ("{{.Node.Hostname}}-x}}", "{{.Node.Hostname}}"),
            (r#"{{"}}"}}x"#, r#"{{"}}"}}"#),
            (r#"{{print "\"}}"}}x"#, r#"{{print "\"}}"}}"#),
            (r"{{`\`}}`}}", r"{{`\`}}"),
            (r"{{'\''}}", r"{{'\''}}"),
            ("{{/* \" }} */}}x", "{{/* \" }} */}}"),
            ("{{- /* ` */ -}}x", "{{- /* ` */ -}}"),
            ("{{}}", "{{}}"),
        ] {
            assert_eq!(action(text).map(|end| &text[..end]), Some(action_of_it), "{text}");
        }
        for text in ["", "{", "{x}}", "x{{y}}", "{{x", "{{\"}}", "{{`}}", "{{/* }}"] {
            assert_eq!(action(text), None, "{text}");
        }
    }

    #[test]
    fn no_text_becomes_part_of_an_action() {
        assert_eq!(literal("a{b}{{c}}{{{"), r#"a{b}{{"{{"}}c}}{{"{{"}}{"#);
        for (before, text, expected) in [
            ("x", "{{print 1}}", r#"x{{"{"}}{{"{"}}print 1}}"#),
            ("{", "{print 1}}", r#"{{"{"}}{{"{"}}print 1}}"#),
            ("{", "", r#"{{"{"}}"#),
            ("{{.ID}}", "}}", "{{.ID}}}}"),
        ] {
            let mut out = before.to_owned();
            push_literal(&mut out, text);
            assert_eq!(out, expected, "{before} {text}");
        }
    }
}
