//! Reading pieces of log files for clients.
//!
//! Supervisor: `readFile` and `tailFile` in options.py. Unlike there no piece begins or ends
//! inside a UTF-8 character, and none is longer than [`READ_BYTES_MAX`].

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use super::{Code, Fault};

/// The most that one call reads.
pub const READ_BYTES_MAX: u64 = 16 << 20;

/// The bytes from `offset`: `length` of them, or all there are if it is 0. A negative `offset`
/// counts from the end and takes no length.
///
/// # Errors
/// BAD_ARGUMENTS for a negative length, or any with a negative offset; FAILED if the file can not
/// be read or is not a regular file.
pub fn read(path: &Path, offset: i64, length: i64) -> Result<Vec<u8>, Fault> {
    let valid = if offset < 0 { length == 0 } else { length >= 0 };
    let failed = |_| Code::Failed.bare();
    let (file, size) = match open(path) {
        Ok(opened) if valid => opened,
        Ok(_) => return Err(Code::BadArguments.bare()),
        Err(error) => return Err(failed(error)),
    };
    let (start, length) = match u64::try_from(offset) {
        Err(_) => {
            let back = offset.unsigned_abs().min(READ_BYTES_MAX);
            (size.saturating_sub(back), back)
        }
        Ok(start) if length == 0 => (start, READ_BYTES_MAX),
        Ok(start) => (start, length.unsigned_abs()),
    };
    piece(&file, size, start, length).map(|piece| piece.bytes).map_err(failed)
}

/// What [`tail`] found.
#[derive(Debug, PartialEq, Eq)]
pub struct Tailed {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Where to go on from: the end of the bytes, most often the end of the file.
    pub offset: i64,
    /// Whether there is more before the bytes than the client asked to skip.
    pub overflow: bool,
}

/// The last `length` bytes of a file, for a client that has seen the first `offset`. Nothing from
/// a file that can not be read.
pub fn tail(path: &Path, offset: i64, length: i64) -> Tailed {
    let length = length.min(READ_BYTES_MAX as i64);
    let found = open(path).and_then(|(file, size)| tail_of(&file, size, offset, length));
    found.unwrap_or(Tailed { bytes: Vec::new(), offset, overflow: false })
}

fn tail_of(file: &File, size: u64, offset: i64, length: i64) -> io::Result<Tailed> {
    let end = i64::try_from(size).unwrap_or(i64::MAX);
    let overflow = end > offset.saturating_add(length);
    // 4.3.0 gives the last `length` bytes whatever the offset, unless nothing is new.
    let new = overflow || offset < end;
    let length = if new { length.max(0) as u64 } else { 0 };
    let start = size.saturating_sub(length);
    let piece = piece(file, size, start, length)?;
    let offset = end - piece.held_back as i64;
    Ok(Tailed { bytes: piece.bytes, offset, overflow })
}

/// Opens without waiting for the writer of a FIFO, and refuses everything but files.
fn open(path: &Path) -> io::Result<(File, u64)> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    let facts = file.metadata()?;
    if !facts.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok((file, facts.len()))
}

struct Piece {
    bytes: Vec<u8>,
    /// Bytes at the end that are left out, because the rest of their character is not there.
    held_back: usize,
}

fn piece(file: &File, size: u64, start: u64, length: u64) -> io::Result<Piece> {
    let length = length.min(READ_BYTES_MAX).min(size.saturating_sub(start));
    if length == 0 {
        return Ok(Piece { bytes: Vec::new(), held_back: 0 });
    }
    // Up to three bytes more, to see whether the first ones continue a character.
    let before = start.min(3) as usize;
    let mut bytes = vec![0; before + length as usize];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], start - before as u64 + filled as u64) {
            Ok(0) => break, // Cut by somebody meanwhile.
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    let first = before.min(filled) + continued(&bytes, before.min(filled));
    let held_back = unfinished(&bytes[first..]);
    bytes.truncate(bytes.len() - held_back);
    bytes.drain(..first);
    Ok(Piece { bytes, held_back })
}

/// How many bytes from `at` on belong to a character that begins before `at`.
fn continued(bytes: &[u8], at: usize) -> usize {
    for lead in (at.saturating_sub(3)..at).rev() {
        if bytes[lead] & 0xc0 == 0x80 {
            continue;
        }
        let end = lead + char_len(bytes[lead]);
        let rest = &bytes[at..end.clamp(at, bytes.len())];
        let whole = rest.iter().all(|byte| byte & 0xc0 == 0x80);
        return if whole { rest.len() } else { 0 };
    }
    0
}

/// How many bytes at the end begin a character without ending it.
pub fn unfinished(bytes: &[u8]) -> usize {
    for back in 1..=bytes.len().min(3) {
        let lead = bytes[bytes.len() - back];
        if lead & 0xc0 == 0x80 {
            continue;
        }
        return if char_len(lead) > back { back } else { 0 };
    }
    0
}

/// The length a first byte promises; 1 for bytes that begin no longer character.
fn char_len(lead: u8) -> usize {
    match lead {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(content: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        file
    }

    #[test]
    fn a_piece_is_read_as_4_3_0_reads_it() {
        let file = file(b"0123456789");
        let read = |offset, length| {
            let done = read(file.path(), offset, length);
            done.map_or_else(|fault| fault.text, |bytes| String::from_utf8(bytes).unwrap())
        };
        for (offset, length, want) in [
            (0, 0, "0123456789"),
            (0, 4, "0123"),
            (4, 0, "456789"),
            (4, 100, "456789"),
            (-3, 0, "789"),
            (-99, 0, "0123456789"),
            (i64::MIN, 0, "0123456789"),
            (10, 0, ""),
            (20, 5, ""),
            (i64::MAX, i64::MAX, ""),
            (-1, 1, "BAD_ARGUMENTS"),
            (-1, -1, "BAD_ARGUMENTS"),
            (0, -1, "BAD_ARGUMENTS"),
        ] {
            assert_eq!(read(offset, length), want, "{offset} {length}");
        }
    }

    #[test]
    fn a_tail_is_read_as_4_3_0_reads_it() {
        let file = file(b"0123456789");
        for (offset, length, bytes, overflow) in [
            (0, 0, "", true),
            (0, 4, "6789", true),
            (4, 0, "", true),
            (4, 100, "0123456789", false),
            (4, 6, "456789", false),
            (4, 5, "56789", true),
            (9, 1, "9", false),
            (10, 5, "", false),
            (20, 5, "", false),
            (-3, 5, "56789", true),
            (0, -1, "", true),
            (20, -5, "", false),
            (0, 11, "0123456789", false),
            (i64::MIN, i64::MIN, "", true),
            (i64::MAX, i64::MAX, "", false),
        ] {
            let want = Tailed { bytes: bytes.into(), offset: 10, overflow };
            assert_eq!(tail(file.path(), offset, length), want, "{offset} {length}");
        }
        let gone = tail(Path::new("/no/such/file"), 7, 5);
        assert_eq!(gone, Tailed { bytes: Vec::new(), offset: 7, overflow: false });
    }

    #[test]
    fn a_character_at_the_edge_of_a_piece_is_left_to_the_next_one() {
        let file = file("aø😀b".as_bytes()); // 1 + 2 + 4 + 1 bytes
        let read =
            |offset, length| String::from_utf8(read(file.path(), offset, length).unwrap()).unwrap();
        assert_eq!(read(0, 2), "a");
        assert_eq!(read(1, 5), "ø");
        assert_eq!(read(2, 0), "😀b");
        assert_eq!(read(-2, 0), "b");
        assert_eq!(read(4, 2), "");
    }

    #[test]
    fn a_tail_that_ends_within_a_character_goes_on_with_it() {
        let file = file(b"ab\xf0\x9f\x98");
        let first = tail(file.path(), 0, 100);
        assert_eq!(first, Tailed { bytes: b"ab".to_vec(), offset: 2, overflow: false });
    }

    #[test]
    fn bytes_that_are_no_utf8_are_all_kept() {
        let content = [0x80, 0x80, 0xff, 0xe5, b'a', 0xe5, 0xe5, b'b', 0x80, 0x80, 0x80];
        let file = file(&content);
        for start in 0..content.len() {
            assert_eq!(read(file.path(), start as i64, 0).unwrap(), content[start..]);
        }
    }

    #[test]
    fn a_long_file_is_read_in_pieces_of_sixteen_mebibytes() {
        let file = file(b"");
        file.as_file().set_len(READ_BYTES_MAX + 5).unwrap();
        assert_eq!(read(file.path(), 0, 0).unwrap().len() as u64, READ_BYTES_MAX);
        assert_eq!(read(file.path(), i64::MIN, 0).unwrap().len() as u64, READ_BYTES_MAX);
        let tailed = tail(file.path(), 0, i64::MAX);
        assert_eq!((tailed.bytes.len() as u64, tailed.overflow), (READ_BYTES_MAX, true));
    }

    #[test]
    fn what_is_no_regular_file_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        for path in [dir.path(), &fifo, Path::new("/dev/zero")] {
            assert_eq!(read(path, 0, 0), Err(Code::Failed.bare()));
        }
    }

    proptest! {
        #[test]
        fn pieces_of_text_are_text_and_any_offset_is_fine(
            text in "\\PC{0,40}", offset: i64, length: i64, near in -80i64..80, count in 0i64..80,
        ) {
            let file = file(text.as_bytes());
            let _ = read(file.path(), offset, length);
            let _ = tail(file.path(), offset, length);
            if let Ok(bytes) = read(file.path(), near, count) {
                prop_assert!(std::str::from_utf8(&bytes).is_ok());
            }
            let tailed = tail(file.path(), near, count);
            prop_assert!(text.as_bytes().ends_with(&tailed.bytes));
        }
    }
}
