//! Reads a list item by item, so that a long list or large items need little memory.

use hyper::body::{Buf as _, Bytes};

use super::limits::OBJECT_SIZE;

/// Splits a JSON array that arrives in chunks into its items.
#[derive(Default)]
pub(super) struct Items {
    place: Place,
    /// How many brackets and braces are open in the item.
    open: usize,
    in_text: bool,
    after_backslash: bool,
    item: Vec<u8>,
    too_large: bool,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Place {
    #[default]
    Before,
    /// Within a `null`, which Go writes for a list without items.
    Null,
    Inside,
    After,
}

#[derive(Debug, PartialEq)]
pub(super) enum Item {
    Whole(Vec<u8>),
    /// It was larger than any that we use.
    TooLarge,
}

impl Items {
    /// Takes the next item from the front of `input`; returns `None` when `input` is used up.
    pub(super) fn next(&mut self, input: &mut Bytes) -> Result<Option<Item>, &'static str> {
        let mut start = 0;
        for at in 0..input.len() {
            let byte = input[at];
            let ends = self.place == Place::Inside && self.ends_at(byte);
            match self.place {
                _ if byte.is_ascii_whitespace() && !self.in_text => {}
                Place::Before if byte == b'[' => (self.place, start) = (Place::Inside, at + 1),
                Place::Before if byte == b'n' => self.place = Place::Null,
                Place::Null if b"ul".contains(&byte) => {}
                Place::Before | Place::Null | Place::After => return Err("it sends no list"),
                Place::Inside if ends => {
                    self.keep(&input[start..at]);
                    input.advance(at + 1);
                    if byte == b']' {
                        self.place = Place::After;
                        // An empty list.
                        if self.item.trim_ascii().is_empty() && !self.too_large {
                            return self.next(input);
                        }
                    }
                    let item = std::mem::take(&mut self.item);
                    let too_large = std::mem::take(&mut self.too_large);
                    return Ok(Some(if too_large { Item::TooLarge } else { Item::Whole(item) }));
                }
                Place::Inside => {}
            }
        }
        if self.place == Place::Inside {
            self.keep(&input[start..]);
        }
        input.clear();
        Ok(None)
    }

    /// Whether the list is complete.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.place, Place::After | Place::Null)
    }

    /// Tracks the nesting, and returns whether this byte ends the item. The byte is not a space between
    /// values.
    fn ends_at(&mut self, byte: u8) -> bool {
        if self.in_text {
            match byte {
                _ if self.after_backslash => self.after_backslash = false,
                b'\\' => self.after_backslash = true,
                b'"' => self.in_text = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.in_text = true,
            b'[' | b'{' => self.open += 1,
            b',' | b']' if self.open == 0 => return true,
            b']' | b'}' => self.open = self.open.saturating_sub(1),
            _ => {}
        }
        false
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.too_large || self.item.len() + bytes.len() > OBJECT_SIZE {
            self.too_large = true;
            self.item = Vec::new();
        } else {
            self.item.extend_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use hyper::body::Bytes;

    use super::{Item, Items, OBJECT_SIZE};

    fn all(text: &str, cut: usize) -> Result<Vec<String>, &'static str> {
        let mut items = Items::default();
        let mut found = Vec::new();
        for part in text.as_bytes().chunks(cut) {
            let mut part = Bytes::copy_from_slice(part);
            while let Some(item) = items.next(&mut part)? {
                let Item::Whole(item) = item else { panic!("{item:?}") };
                found.push(String::from_utf8(item).unwrap().trim().to_owned());
            }
            assert!(part.is_empty());
        }
        if items.is_done() { Ok(found) } else { Err("cut short") }
    }

    #[test]
    fn items_are_put_together_however_they_are_cut_up() {
        let items = [r#"{"a": [1, {"b]": "]\\\","}], "c": "\\"}"#, "[ ]", "7", r#""x , y""#, "{}"];
        let text = format!(" [{} ]\n", items.join(" ,\n"));
        for cut in 1..=text.len() {
            assert_eq!(all(&text, cut).unwrap(), items, "{cut}");
            for empty in ["[]", " [ ] ", "null\n"] {
                assert!(all(empty, cut).unwrap().is_empty(), "{empty}");
            }
            for wrong in ["{}", "[] []", "[1", "", "[\"]", "nix", "[]x"] {
                assert!(all(wrong, cut).is_err(), "{wrong}");
            }
        }
    }

    #[test]
    fn what_is_too_large_is_passed_over() {
        let mut items = Items::default();
        let mut found = Vec::new();
        let large = "x".repeat(OBJECT_SIZE);
        for part in ["[1,\"", large.as_str(), "\\\"]", "\", 2, \"", large.as_str(), "\"]"] {
            let mut part = Bytes::copy_from_slice(part.as_bytes());
            while let Some(item) = items.next(&mut part).unwrap() {
                found.push(item);
            }
            assert!(items.item.capacity() <= 2 * OBJECT_SIZE);
        }
        let two = Item::Whole(b" 2".to_vec());
        assert_eq!(found, [Item::Whole(b"1".to_vec()), Item::TooLarge, two, Item::TooLarge]);
        assert!(items.is_done());
    }
}
