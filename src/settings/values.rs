//! Values as traitlets reads them where they are text: lists of names, which may be literals of Python or
//! JSON, and whole numbers.

use std::iter::Peekable;
use std::str::Chars;

/// What a list of names must be.
pub const NAMES: &str = "be a name, or a list of names such as ['alice', 'bob']";

/// The names in a text: `['a', 'b']`, `("a", "b")`, `{'a'}` and `[]` as Python and JSON write lists, or else
/// names with commas between them. Blanks around a name are not part of it, and empty ones are no names.
///
/// `None` where it is not clear which names are meant. What looks like a list and is none must not become a
/// name: a list that keeps somebody out would keep out nobody.
#[must_use]
pub fn names(text: &str) -> Option<Vec<String>> {
    const BRACKETS: [char; 6] = ['[', ']', '(', ')', '{', '}'];
    const QUOTES: [char; 2] = ['"', '\''];
    let text = text.trim();
    let is_list = text.starts_with(BRACKETS) || text.ends_with(BRACKETS);
    let given = if is_list { literal(text)? } else { vec![text.to_owned()] };
    let names = given.iter().flat_map(|names| names.split(',')).map(str::trim);
    names
        .filter(|name| !name.is_empty())
        .map(|name| {
            let quoted = name.starts_with(QUOTES) || name.ends_with(QUOTES);
            let listed = name.starts_with(['[', '{']) || name.ends_with([']', '}']);
            (!quoted && !listed).then(|| name.to_owned())
        })
        .collect()
}

/// Whether the text is a list that has no names in it, as Python and JSON write one.
#[must_use]
pub fn is_empty_list(text: &str) -> bool {
    literal(text.trim()).is_some_and(|texts| texts.is_empty())
}

/// The texts in a literal of a list, a tuple or a set.
fn literal(text: &str) -> Option<Vec<String>> {
    let mut rest = text.chars().peekable();
    let end = match rest.next()? {
        '[' => ']',
        '(' => ')',
        '{' => '}',
        _ => return None,
    };
    let mut texts = Vec::new();
    loop {
        skip_blanks(&mut rest);
        if rest.next_if_eq(&end).is_some() {
            break;
        }
        texts.push(quoted(&mut rest)?);
        skip_blanks(&mut rest);
        match rest.next()? {
            ',' => {}
            c if c == end => break,
            _ => return None,
        }
    }
    rest.next().is_none().then_some(texts)
}

fn skip_blanks(rest: &mut Peekable<Chars<'_>>) {
    while rest.next_if(|c| c.is_whitespace()).is_some() {}
}

/// A text in quotes.
fn quoted(rest: &mut Peekable<Chars<'_>>) -> Option<String> {
    // What Python 2 wrote.
    rest.next_if(|c| matches!(c, 'u' | 'U'));
    let quote = rest.next_if(|c| matches!(c, '"' | '\''))?;
    let mut text = String::new();
    loop {
        match rest.next()? {
            c if c == quote => return Some(text),
            '\n' => return None,
            '\\' => escape(rest, &mut text)?,
            c => text.push(c),
        }
    }
}

/// What stands after a backslash. What is no escape stays as it is, as in Python.
fn escape(rest: &mut Peekable<Chars<'_>>, text: &mut String) -> Option<()> {
    let c = rest.next()?;
    let digits = match c {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        // Of characters by their names or octal numbers there is none in the name of a user.
        'N' | '0'..='9' => return None,
        _ => 0,
    };
    match c {
        '\\' | '\'' | '"' => text.push(c),
        'n' => text.push('\n'),
        'r' => text.push('\r'),
        't' => text.push('\t'),
        _ if digits == 0 => text.extend(['\\', c]),
        _ => {
            let number: String = rest.by_ref().take(digits).collect();
            let whole = number.len() == digits && number.bytes().all(|b| b.is_ascii_hexdigit());
            let code = u32::from_str_radix(&number, 16).ok().filter(|_| whole)?;
            text.push(char::from_u32(code)?);
        }
    }
    Some(())
}

/// A whole number as Python's `int` reads it: with blanks around it, a sign, and single underscores between
/// its digits. `None` where it is none.
#[must_use]
pub fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    digits.split('_').all(plain).then(|| text.replace('_', "").parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_understood_in_all_their_spellings() {
        for (text, expected) in [
            ("", ""),
            (" ", ""),
            ("mallory", "mallory"),
            (" a, b,,c ", "a b c"),
            ("['mallory']", "mallory"),
            ("['a','b']", "a b"),
            ("[\"a\",\"b\"]", "a b"),
            ("('a', 'b')", "a b"),
            ("('mallory',)", "mallory"),
            ("('mallory')", "mallory"),
            ("{'a'}", "a"),
            (" [ 'a' , \"b\" , ] ", "a b"),
            ("[\n 'a',\n 'b'\n]", "a b"),
            ("[]", ""),
            ("()", ""),
            ("{}", ""),
            ("['']", ""),
            ("['a,b']", "a b"),
            ("[u'a', U\"b\"]", "a b"),
            (r"['DOM\\eve']", r"DOM\eve"),
            (r"['DOM\eve']", r"DOM\eve"),
            (r"['o\'brien']", "o'brien"),
            ("[\"o'brien\"]", "o'brien"),
            ("o'brien", "o'brien"),
            (r#"["zo\u00eb", "\x61"]"#, "zoë a"),
            (r"['\U0001f600']", "\u{1f600}"),
            (r"['a\tb\rc\nd']", "a\tb\rc\nd"),
            ("['Smith (admin)']", "Smith (admin)"),
            ("None", "None"),
            ("~", "~"),
        ] {
            assert_eq!(
                names(text).map(|names| names.join(" ")).as_deref(),
                Some(expected),
                "{text}"
            );
        }
    }

    #[test]
    fn what_may_be_meant_as_a_list_never_becomes_a_name() {
        for text in [
            "[mallory]",
            "[mallory, eve]",
            "['a'",
            "'a']",
            "a]",
            "['a' 'b']",
            "['''a''']",
            "['a']]",
            "[['a']]",
            "[('a', 'b')]",
            "['a'] ['b']",
            "['a'], ['b']",
            "[,]",
            "['a',,]",
            "['a'}",
            "{'a': 1}",
            "[1, 2]",
            "[None]",
            "[b'a']",
            "[f'a']",
            "['a\nb']",
            r"['\N{BULLET}']",
            r"['\N{BULLET} a']",
            r"['\101']",
            r"['\x+1']",
            r"['\x6']",
            r"['\ud800']",
            "frozenset({'a'})",
            "set()",
            "'a','b'",
            "'a', b",
            "\"a\"",
            "'a, b",
            "a', b",
            "a, [b, c",
            "a, b], c",
            "[\"['a'\"]",
            "['\"a\"']",
            "[",
            "]",
            "{",
        ] {
            assert_eq!(names(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_read_as_python_reads_them() {
        for (text, expected) in [
            ("5", Some(5)),
            (" 5\t", Some(5)),
            ("1_000", Some(1000)),
            ("+5", Some(5)),
            ("-5", Some(-5)),
            ("007", Some(7)),
            ("", None),
            ("+", None),
            ("_1", None),
            ("1_", None),
            ("1__0", None),
            ("- 5", None),
            ("--5", None),
            ("0x10", None),
            ("5.0", None),
            ("1e2", None),
            ("5L", None),
            ("None", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(integer(text), expected, "{text}");
        }
    }
}
