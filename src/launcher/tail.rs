//! Keeps the end of a kernel's output, for the message that says why it died.

/// How many lines are shown.
pub(super) const LINES: usize = 10;

/// How many characters of a line are shown. The images' bootstrap prints the whole environment in one line.
const LINE_CHARS: usize = 300;

/// How many bytes are kept.
const KEPT: usize = 16 * 1024;

/// The end of a kernel's output.
#[derive(Debug, Default)]
pub(super) struct Tail(Vec<u8>);

impl Tail {
    pub(super) fn push(&mut self, output: &[u8]) {
        self.0.extend_from_slice(output);
        // Trimmed rarely, so that a talkative kernel does not cost a copy per write.
        if self.0.len() > 2 * KEPT {
            self.0.drain(..self.0.len() - KEPT);
        }
    }

    /// Whether there was nothing but whitespace.
    pub(super) fn is_empty(&self) -> bool {
        self.0.trim_ascii().is_empty()
    }

    /// The sentence that ends a message about a kernel that died.
    pub(super) fn sentence(&self) -> String {
        sentence(&String::from_utf8_lossy(&self.0))
    }
}

/// The sentence about this output that ends a message.
pub(crate) fn sentence(output: &str) -> String {
    let mut lines: Vec<String> = output
        .lines()
        .rev()
        .filter(|line| !line.trim().is_empty())
        .take(LINES)
        .map(|line| match line.char_indices().nth(LINE_CHARS) {
            Some((end, _)) => format!("{}...", &line[..end]),
            None => line.to_owned(),
        })
        .collect();
    lines.reverse();
    match lines.as_slice() {
        [] => "It wrote nothing.".to_owned(),
        lines => format!("Its last output:\n{}", lines.join("\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_shown_and_long_ones_cut() {
        assert_eq!(sentence("\n \n"), "It wrote nothing.");
        assert_eq!(sentence("a\n\nb\n"), "Its last output:\na\nb");
        let many: Vec<String> = (0..20).map(|n| n.to_string()).collect();
        assert!(sentence(&many.join("\n")).starts_with("Its last output:\n10\n11"));
        let long = sentence(&"é".repeat(1000));
        assert!(long.ends_with("é...") && long.chars().count() < 330);
    }

    #[test]
    fn of_much_output_the_end_is_kept() {
        let mut tail = Tail::default();
        let mut trimmed = 0;
        for number in 0..100_000 {
            let (before, line) = (tail.0.len(), format!("{number}\n"));
            tail.push(line.as_bytes());
            trimmed += usize::from(tail.0.len() < before + line.len());
            assert!(tail.0.len() <= 2 * KEPT);
        }
        assert!(trimmed < 600_000 / KEPT, "{trimmed}");
        assert!(tail.sentence().ends_with("\n99998\n99999"));
    }
}
