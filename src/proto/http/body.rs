//! The body of a request, by its length or in chunks.

use super::{Length, Refusal, Status};

/// The longest body, decoded; more is 413.
pub const BODY_BYTES_MAX: usize = 4 << 20;
/// The longest line before a chunk; extensions are passed over.
const SIZE_LINE_BYTES_MAX: usize = 256;
/// The longest trailer, all fields together.
const TRAILER_BYTES_MAX: usize = 8 << 10;

/// How far the reading of one body has come.
#[derive(Debug)]
pub struct Body {
    next: Next,
    kept: Vec<u8>,
    /// Of all that has been read, kept or not.
    len: usize,
    keep: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// So many bytes to the end.
    Rest(usize),
    Size,
    Chunk(usize),
    AfterChunk,
    /// So many bytes of trailer have gone by.
    Trailer(usize),
    End,
}

impl Body {
    /// One that is about to be read.
    ///
    /// # Errors
    /// 413 at once where the length is known and too long.
    pub fn new(length: Length) -> Result<Body, Refusal> {
        let next = match length {
            Length::Absent => Next::Rest(0),
            Length::Known(len) => Next::Rest(fits(len)?),
            Length::Chunked => Next::Size,
        };
        Ok(Body { next, kept: Vec::new(), len: 0, keep: true })
    }

    /// Reads the rest of it without keeping any.
    pub fn discard(&mut self) {
        (self.keep, self.kept) = (false, Vec::new());
    }

    /// Whether nothing of it has been read yet.
    pub fn is_untouched(&self) -> bool {
        self.len == 0 && matches!(self.next, Next::Rest(1..) | Next::Size)
    }

    /// Takes what belongs to the body from the front of the buffer: how many bytes that was, and
    /// whether the body has ended with them.
    pub fn take(&mut self, buffer: &[u8]) -> Result<(usize, bool), Refusal> {
        let mut used = 0;
        loop {
            let rest = &buffer[used..];
            used += match self.next {
                Next::End | Next::Rest(0) => return Ok((used, true)),
                Next::Rest(left) | Next::Chunk(left) => {
                    let part = &rest[..left.min(rest.len())];
                    if part.is_empty() {
                        return Ok((used, false));
                    }
                    self.len += part.len();
                    if self.keep {
                        self.kept.extend_from_slice(part);
                    }
                    self.next = match (self.next, left - part.len()) {
                        (Next::Chunk(_), 0) => Next::AfterChunk,
                        (Next::Chunk(_), left) => Next::Chunk(left),
                        (_, left) => Next::Rest(left),
                    };
                    part.len()
                }
                Next::Size => {
                    let Some(line) = line(rest, SIZE_LINE_BYTES_MAX)? else {
                        return Ok((used, false));
                    };
                    let size = size(line)?;
                    fits(size.saturating_add(self.len as u64))?;
                    self.next = match size {
                        0 => Next::Trailer(0),
                        _ => Next::Chunk(fits(size)?),
                    };
                    line.len() + 2
                }
                Next::AfterChunk => match rest {
                    [b'\r', b'\n', ..] => {
                        self.next = Next::Size;
                        2
                    }
                    [] | [b'\r'] => return Ok((used, false)),
                    _ => return Err(Refusal::bad("a chunk is longer than its size")),
                },
                Next::Trailer(seen) => {
                    let Some(line) = line(rest, TRAILER_BYTES_MAX - seen)? else {
                        return Ok((used, false));
                    };
                    self.next = match line.len() {
                        0 => Next::End,
                        _ => Next::Trailer((seen + line.len() + 2).min(TRAILER_BYTES_MAX)),
                    };
                    line.len() + 2
                }
            };
        }
    }

    /// What was kept.
    pub fn into_bytes(self) -> Vec<u8> {
        self.kept
    }
}

fn fits(len: u64) -> Result<usize, Refusal> {
    let too_large = Refusal { status: Status::ContentTooLarge, why: "the body is over 4 MiB" };
    usize::try_from(len).ok().filter(|len| *len <= BODY_BYTES_MAX).ok_or(too_large)
}

/// The line at the front without its CR LF; `None` while that has not come.
fn line(buffer: &[u8], max: usize) -> Result<Option<&[u8]>, Refusal> {
    let searched = &buffer[..buffer.len().min(max + 2)];
    match searched.iter().position(|byte| *byte == b'\n') {
        Some(at) => match searched[..at].split_last() {
            Some((b'\r', line)) if !line.contains(&b'\r') => Ok(Some(line)),
            _ => Err(Refusal::bad("a line of a chunked body does not end with CR LF")),
        },
        None if searched.len() < max + 2 => Ok(None),
        None => Err(Refusal::bad("a line of a chunked body is too long")),
    }
}

/// Hexadecimal digits, and perhaps an extension behind a `;`.
fn size(line: &[u8]) -> Result<u64, Refusal> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let digits = digits.trim_ascii_end();
    let malformed = Refusal::bad("malformed chunk size");
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(malformed);
    }
    let text = std::str::from_utf8(digits).map_err(|_| malformed)?;
    // What overflows is over every limit.
    Ok(u64::from_str_radix(text, 16).unwrap_or(u64::MAX))
}
