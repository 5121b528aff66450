//! Standard output on a terminal: its width, and whether it has colours. Files and pipes get whole lines
//! without colours.

use std::io::{self, IsTerminal as _};

use textwrap::core::Word;
use textwrap::{Options, WordSeparator, WordSplitter};
use unicode_width::UnicodeWidthStr as _;

use crate::env::Env;
use crate::log;
use crate::text::is_plain;

/// The indentation of a row's further lines.
const CONTINUED: &str = "    ";

/// Standard output.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Screen {
    columns: Option<usize>,
    colour: bool,
}

impl Screen {
    /// Looks at standard output of this process.
    pub(crate) fn of_stdout(env: &Env) -> Self {
        let stdout = io::stdout();
        if !stdout.is_terminal() {
            return Self::default();
        }
        let size = rustix::termios::tcgetwinsize(&stdout);
        // A terminal of unknown size reports 0.
        let columns = size.ok().map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0);
        Self { columns, colour: log::wants_colour(env) }
    }

    /// Colours the text; `colour` is ANSI's, such as 31 for red.
    pub(crate) fn coloured(&self, text: &str, colour: u8) -> String {
        if self.colour { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Wraps a line that follows `indent` columns; its further lines are indented as far. Text in backquotes
    /// is not broken, so that it can be copied.
    pub(crate) fn wrapped(&self, line: &str, indent: usize) -> String {
        let Some(columns) = self.columns else { return line.to_owned() };
        let options = Options::new(columns.saturating_sub(indent))
            .break_words(false)
            .word_separator(WordSeparator::Custom(words))
            .word_splitter(WordSplitter::NoHyphenation);
        textwrap::wrap(line, options).join(&format!("\n{}", " ".repeat(indent)))
    }

    /// Aligns the cells of rows. Columns that do not fit are on further lines of the row.
    pub(crate) fn aligned<const COLUMNS: usize>(&self, rows: &[[String; COLUMNS]]) -> Vec<String> {
        let width = |column: usize| rows.iter().map(|row| width_of(&row[column])).max();
        let widths: [usize; COLUMNS] =
            std::array::from_fn(|column| width(column).unwrap_or_default());
        let (mut breaks, mut used) = ([false; COLUMNS], 0);
        for (column, width) in widths.into_iter().enumerate() {
            breaks[column] = column > 0 && self.columns.is_some_and(|all| used + width > all);
            used = if breaks[column] { CONTINUED.len() } else { used } + width + 2;
        }
        let line = |row: &[String; COLUMNS]| {
            let mut text = String::new();
            for ((cell, width), is_further) in row.iter().zip(widths).zip(breaks) {
                if is_further {
                    text.truncate(text.trim_end().len());
                    text.push('\n');
                    text.push_str(CONTINUED);
                }
                text.push_str(cell);
                text.extend(std::iter::repeat_n(' ', width - width_of(cell) + 2));
            }
            text.truncate(text.trim_end().len());
            text
        };
        rows.iter().map(line).collect()
    }
}

/// The width of a text in columns. Plain ASCII needs no look into Unicode's tables.
fn width_of(text: &str) -> usize {
    if is_plain(text) { text.len() } else { text.width() }
}

/// The words of a line, for `textwrap`.
fn words(line: &str) -> Box<dyn Iterator<Item = Word<'_>> + '_> {
    let (mut is_quoted, mut after_blank) = (false, false);
    let mut starts = Vec::new();
    for (at, c) in line.char_indices() {
        if after_blank && c != ' ' {
            starts.push(at);
        }
        is_quoted ^= c == '`';
        after_blank = c == ' ' && !is_quoted;
    }
    let ends: Vec<usize> = starts.iter().copied().chain([line.len()]).collect();
    let begins = std::iter::once(0).chain(starts);
    Box::new(begins.zip(ends).map(|(from, to)| Word::from(&line[from..to])))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDE: Screen = Screen { columns: None, colour: false };
    const NARROW: Screen = Screen { columns: Some(20), colour: true };

    #[test]
    fn lines_break_between_words_and_not_in_what_can_be_copied() {
        let line = "one two three, run `ln -sf /here/it/is /there` and see";
        assert_eq!(WIDE.wrapped(line, 2), line);
        let expected = "one two three, run\n  `ln -sf /here/it/is /there`\n  and see";
        assert_eq!(NARROW.wrapped(line, 2), expected);
        assert_eq!(NARROW.wrapped("one `two three four five", 0), "one\n`two three four five");
        assert_eq!(NARROW.wrapped("", 2), "");
    }

    #[test]
    fn columns_without_room_are_below() {
        let rows = [["NAME", "TITLE", "PATH"], ["a", "\u{65e5}\u{672c}", "/usr/share"]];
        let rows = rows.map(|row| row.map(str::to_owned));
        assert_eq!(
            WIDE.aligned(&rows),
            ["NAME  TITLE  PATH", "a     \u{65e5}\u{672c}   /usr/share"]
        );
        assert_eq!(
            NARROW.aligned(&rows),
            ["NAME  TITLE\n    PATH", "a     \u{65e5}\u{672c}\n    /usr/share"]
        );
    }

    #[test]
    fn colours_are_for_those_who_want_them() {
        assert_eq!(WIDE.coloured("ok", 32), "ok");
        assert_eq!(NARROW.coloured("ok", 32), "\x1b[32mok\x1b[0m");
    }
}
