//! Whether a program is whole, told from its headers without running it: a download or a copy that broke off
//! begins as the program does, and is executable.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// What every program of a Linux system begins with.
pub(super) const MAGIC: &[u8] = b"\x7fELF";

/// The most that tables of headers take in a program.
const TABLE_MAX: u64 = 1 << 20;

/// The type of a section that is not in the file, and of the one with the names of all sections.
const NOBITS: u64 = 8;
const STRTAB: u64 = 3;

/// Where numbers stand in the headers, as offset and length, in a program of 32 or of 64 bits.
struct Layout {
    header: usize,
    /// Where the table of segments, and that of sections, begins.
    tables: [(usize, usize); 2],
    /// The length of an entry, and their number, of each of the two; and which section has the names.
    counts: [usize; 2],
    names: usize,
    /// Where a segment, or a section, lies in the file, and its length there.
    extents: [[(usize, usize); 2]; 2],
}

const LAYOUTS: [Layout; 2] = [
    Layout {
        header: 52,
        tables: [(28, 4), (32, 4)],
        counts: [42, 46],
        names: 50,
        extents: [[(4, 4), (16, 4)], [(16, 4), (20, 4)]],
    },
    Layout {
        header: 64,
        tables: [(32, 8), (40, 8)],
        counts: [54, 58],
        names: 62,
        extents: [[(8, 8), (32, 8)], [(24, 8), (32, 8)]],
    },
];

/// What keeps a program of this size, which begins with [`MAGIC`], from being whole; `None` if it is.
///
/// # Errors
/// When it cannot be read.
pub(super) fn fault(file: &File, size: u64) -> io::Result<Option<String>> {
    let mut header = [0; 64];
    let length = usize::try_from(size).map_or(header.len(), |size| size.min(header.len()));
    file.read_exact_at(&mut header[..length], 0)?;
    let broken = || Ok(Some("its headers are damaged".to_owned()));
    let (class, order) = (header[4], header[5]);
    let Some(layout) = LAYOUTS.get(usize::from(class.wrapping_sub(1))) else { return broken() };
    let is_little = order == 1;
    let number = |bytes: &[u8], (at, length): (usize, usize)| {
        let digits = bytes.get(at..at + length).unwrap_or_default().iter();
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        if is_little { digits.rev().fold(0, add) } else { digits.fold(0, add) }
    };
    let mut end = layout.header as u64;
    for (table, extents) in layout.extents.iter().enumerate() {
        let start = number(&header, layout.tables[table]);
        let [entry, count] = [0, 2].map(|at| number(&header, (layout.counts[table] + at, 2)));
        end = end.max(start.saturating_add(entry * count));
        let is_segments = table == 0;
        if count == 0 && !is_segments {
            continue;
        }
        if count == 0 || entry == 0 || entry * count > TABLE_MAX {
            return broken();
        }
        if end > size {
            break;
        }
        let mut bytes = vec![0; usize::try_from(entry * count).unwrap_or_default()];
        file.read_exact_at(&mut bytes, start)?;
        let kind = |bytes: &[u8]| number(bytes, (4, 4));
        for bytes in bytes.chunks(usize::try_from(entry).unwrap_or(1)) {
            if is_segments || kind(bytes) != NOBITS {
                let [offset, length] = extents.map(|place| number(bytes, place));
                end = end.max(offset.saturating_add(length));
            }
        }
        // What was never written is zero, as at the end of a file that was given its length beforehand.
        let names = number(&header, (layout.names, 2));
        let names = usize::try_from(names * entry).unwrap_or_default();
        if !is_segments && names > 0 && kind(bytes.get(names..).unwrap_or_default()) != STRTAB {
            return broken();
        }
    }
    Ok((end > size).then(|| format!("it has only {size} of its {end} bytes")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_whole_or_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("program");
        let own = std::env::current_exe().unwrap();
        let size = fs_err::metadata(&own).unwrap().len();
        fs_err::copy(&own, &path).unwrap();
        let file = std::fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
        assert_eq!(fault(&file, size).unwrap(), None);
        for left in [size - 1, size / 2, 4096] {
            file.set_len(left).unwrap();
            let expected = format!("it has only {left} of its {size} bytes");
            assert_eq!(fault(&file, left).unwrap(), Some(expected));
            // Of its length, but never written to the end.
            file.set_len(size).unwrap();
            let is_told = fault(&file, size).unwrap().is_some();
            // A last byte may well be zero.
            assert!(is_told || left == size - 1, "{left}");
        }
        for left in [100, 64, 63, 20, 4] {
            file.set_len(left).unwrap();
            assert!(fault(&file, left).unwrap().is_some(), "{left}");
        }
    }

    #[test]
    fn no_header_makes_it_panic_or_read_without_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("program");
        for class in 0..4 {
            for byte in [0_u8, 1, 2, 0x7f, 0xff] {
                let mut bytes = vec![byte; 4096];
                bytes[..4].copy_from_slice(MAGIC);
                bytes[4] = class;
                fs_err::write(&path, &bytes).unwrap();
                let file = fs_err::File::open(&path).unwrap();
                assert!(fault(file.file(), 4096).unwrap().is_some(), "{class} {byte}");
            }
        }
    }
}
