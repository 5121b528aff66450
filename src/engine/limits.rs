//! How much of the engine's answers is read and shown.

/// How many bytes are read of an answer that only says how a call went.
pub(super) const ANSWER_SIZE: usize = 2 * 1024 * 1024;
/// How many bytes are read of an object. It usually has some ten kB, but contains the client's variables,
/// which may have some MB, and JSON may need six bytes for one.
pub(super) const OBJECT_SIZE: usize = 32 * 1024 * 1024;
/// How many items of a list are read.
pub(super) const MAX_ITEMS: usize = 20_000;
/// How many characters of the engine's reason for refusing are shown.
pub(super) const MESSAGE_CHARS: usize = 1000;

/// Shortens what is too long for a message.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(MESSAGE_CHARS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
