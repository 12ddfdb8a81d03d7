//! Cuts a stream that comes in pieces into whole lines.

/// A longer line is passed on in parts of this many bytes.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

/// The unfinished line of one writer.
#[derive(Debug, Default)]
pub struct Lines {
    partial: Vec<u8>,
}

impl Lines {
    /// Calls `whole` with one or several complete lines, newline included, in order; what follows
    /// the last newline is kept. No call if no line was completed.
    pub fn feed(&mut self, mut piece: &[u8], mut whole: impl FnMut(&[u8])) {
        if !self.partial.is_empty() {
            let end = piece.iter().position(|&b| b == b'\n').map_or(piece.len(), |at| at + 1);
            self.keep(&piece[..end], &mut whole);
            piece = &piece[end..];
            if self.partial.last() == Some(&b'\n') {
                whole(&self.partial);
                self.partial.clear();
            }
        }
        let end = piece.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        if end > 0 {
            whole(&piece[..end]);
        }
        self.keep(&piece[end..], &mut whole);
    }

    fn keep(&mut self, mut part: &[u8], whole: &mut impl FnMut(&[u8])) {
        while self.partial.len() + part.len() > LINE_BYTES_MAX {
            let (now, later) = part.split_at(LINE_BYTES_MAX - self.partial.len());
            self.partial.extend_from_slice(now);
            whole(&self.partial);
            self.partial.clear();
            part = later;
        }
        self.partial.extend_from_slice(part);
    }

    /// The stream has ended: the unfinished line, if any. Gives its memory back.
    pub fn finish(&mut self) -> Option<Vec<u8>> {
        let rest = std::mem::take(&mut self.partial);
        (!rest.is_empty()).then_some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_without_end_is_passed_on_in_parts() {
        let (mut lines, mut got) = (Lines::default(), Vec::new());
        for _ in 0..5 {
            lines.feed(&[b'x'; 30_000], |part| got.push(part.len()));
        }
        assert_eq!(got, [LINE_BYTES_MAX, LINE_BYTES_MAX]);
        assert_eq!(lines.finish().map(|rest| rest.len()), Some(150_000 - 2 * LINE_BYTES_MAX));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_every_part_ends_a_line(
            pieces in prop::collection::vec("[ab\n]{0,8}", 0..12),
        ) {
            let (mut lines, mut got) = (Lines::default(), Vec::new());
            for piece in &pieces {
                lines.feed(piece.as_bytes(), |part| {
                    assert_eq!(part.last(), Some(&b'\n'));
                    got.extend_from_slice(part);
                });
            }
            got.extend(lines.finish().unwrap_or_default());
            prop_assert_eq!(got, pieces.concat().into_bytes());
        }
    }
}
