//! How much of what an engine sends is read, and shown.

/// How much is read of an answer that says no more than how a call went.
pub(super) const ANSWER_SIZE: usize = 2 * 1024 * 1024;
/// How much is read of an object. It is some ten kB as a rule, but has the client's variables in it, of which
/// the system lets a process have some MB, and a byte may be six in JSON.
pub(super) const OBJECT_SIZE: usize = 32 * 1024 * 1024;
/// How many items of a list are taken.
pub(super) const MOST_ITEMS: usize = 20_000;
/// How much is shown of the reason for which the engine refused.
pub(super) const MESSAGE_CHARS: usize = 1000;

/// The text, cut where it grows too long for a message.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(MESSAGE_CHARS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
