//! Which bytes of a log a request wants.

use crate::proto::http::Head;
use crate::web::form::Form;
use crate::web::routes::LOG_BYTES_MAX;

/// What is given to who does not say how much.
const LENGTH: u64 = 64 << 10;

/// Bytes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first one; the file's size if there are none.
    pub offset: u64,
    /// How many at most.
    pub length: u64,
    /// It was asked for by a `Range` field: the answer is 206.
    pub partial: bool,
}

/// Why there are none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RangeError {
    /// 400, with the reason.
    Bad(String),
    /// 416: the file is too short.
    Beyond,
}

/// Reads `offset` and `length` of the query, or else a `Range: bytes=…` field, for a file of
/// `size` bytes. Of several ranges, and of those of another unit, nothing is made (RFC 9110, 14.2).
///
/// # Errors
/// See [`RangeError`].
pub fn range(head: &Head, query: &Form, size: u64) -> Result<Range, RangeError> {
    let number = |name: &str, text: &str| -> Result<i64, RangeError> {
        text.parse().map_err(|_| RangeError::Bad(format!("{name} is not a whole number")))
    };
    let given = |name: &str| query.get(name).map(|text| number(name, text)).transpose();
    let (offset, length) = (given("offset")?, given("length")?);
    let length = match length {
        None => None,
        Some(length @ 0..=LOG_BYTES_MAX) => Some(length.unsigned_abs()),
        Some(_) => {
            return Err(RangeError::Bad(format!("length is not between 0 and {LOG_BYTES_MAX}")));
        }
    };
    if offset.is_none() && length.is_none() {
        match head.field("range").and_then(ranged) {
            None => {}
            Some((Some(first), _)) if first >= size => return Err(RangeError::Beyond),
            Some((None, Some(0))) => return Err(RangeError::Beyond),
            Some((None, _)) if size == 0 => return Err(RangeError::Beyond),
            Some((first, last)) => {
                let end = last.map_or(size, |last| last.saturating_add(1).min(size));
                let (offset, end) = match first {
                    Some(first) => (first, end),
                    None => (size.saturating_sub(last.unwrap_or(0)), size),
                };
                let length = (end - offset.min(end)).min(LOG_BYTES_MAX.unsigned_abs());
                return Ok(Range { offset, length, partial: true });
            }
        }
    }
    let length = length.unwrap_or(LENGTH);
    let offset = match offset {
        None => size.saturating_sub(length),
        Some(offset @ ..0) => size.saturating_sub(offset.unsigned_abs()),
        Some(offset) => offset.unsigned_abs().min(size),
    };
    Ok(Range { offset, length: length.min(size - offset), partial: false })
}

/// `bytes=FIRST-LAST`, `bytes=FIRST-` or `bytes=-LAST`, one of it.
fn ranged(text: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (first, last) = text.trim().strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| -> Option<Option<u64>> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        match text {
            "" => Some(None),
            // What overflows lies behind every file.
            text if digits => Some(Some(text.parse().unwrap_or(u64::MAX))),
            _ => None,
        }
    };
    let (first, last) = (number(first.trim())?, number(last.trim())?);
    match (first, last) {
        (None, None) => None,
        (Some(first), Some(last)) if last < first => None,
        pair => Some(pair),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::Parsed;
    use crate::proto::http::{Piece, Requests};

    fn asked(query: &str, field: &str, size: u64) -> Result<(u64, u64, bool), RangeError> {
        let text = format!("GET /?{query} HTTP/1.1\r\n{field}\r\n\r\n");
        let parsed = Requests::default().read(text.as_bytes());
        let Parsed::Done { value: Piece::Head(head), .. } = parsed else { panic!("{text}") };
        let range = range(&head, &Form::query(&head), size)?;
        assert!(range.offset + range.length <= size);
        Ok((range.offset, range.length, range.partial))
    }

    #[test]
    fn a_query_says_where_and_how_much() {
        let mib = 1 << 20;
        for (query, size, want) in [
            ("", 100, (0, 100)),
            ("", 1 << 30, ((1 << 30) - LENGTH, LENGTH)),
            ("offset=0", 1 << 30, (0, LENGTH)),
            ("offset=10&length=5", 100, (10, 5)),
            ("offset=-10", 100, (90, 10)),
            ("offset=-10&length=5", 100, (90, 5)),
            ("offset=-200", 100, (0, 100)),
            ("offset=200", 100, (100, 0)),
            ("length=7", 100, (93, 7)),
            ("offset=0&length=1048576", 1 << 30, (0, mib)),
            ("offset=9223372036854775807&length=0", 5, (5, 0)),
            ("offset=-9223372036854775808", 5, (0, 5)),
        ] {
            assert_eq!(asked(query, "", size), Ok((want.0, want.1, false)), "{query}");
        }
        for query in ["offset=x", "offset=", "length=-1", "length=1048577", "offset=1e3"] {
            assert!(matches!(asked(query, "", 5), Err(RangeError::Bad(_))), "{query}");
        }
    }

    #[test]
    fn a_range_of_bytes_is_one_of_rfc_9110() {
        let ask = |range: &str, size| asked("", &format!("Range: {range}"), size);
        assert_eq!(ask("bytes=0-9", 100), Ok((0, 10, true)));
        assert_eq!(ask("bytes=90-", 100), Ok((90, 10, true)));
        assert_eq!(ask("bytes=-5", 100), Ok((95, 5, true)));
        assert_eq!(ask("bytes=-500", 100), Ok((0, 100, true)));
        assert_eq!(ask("bytes=50-99999999999999999999", 100), Ok((50, 50, true)));
        assert_eq!(ask("bytes=0-", 1 << 30), Ok((0, 1 << 20, true)));
        for range in ["bytes=100-", "bytes=99999999999999999999-", "bytes=-0"] {
            assert_eq!(ask(range, 100), Err(RangeError::Beyond), "{range}");
        }
        assert_eq!(ask("bytes=-5", 0), Err(RangeError::Beyond));
        for ignored in ["bytes=-", "bytes=5-1", "bytes=1-2,4-5", "lines=1-2", "bytes=+1-2", "x"] {
            assert_eq!(ask(ignored, 100), Ok((0, 100, false)), "{ignored}");
        }
    }
}
