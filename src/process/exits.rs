//! How often a process has ended in which way.

use crate::base::status::Status;

/// Ways that are told apart; a program that ends in ever new ones has the others counted together.
const WAYS_MAX: usize = 16;

/// The ends of one process since it was configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exits {
    ways: Vec<(Way, u64)>,
    other: u64,
}

/// A way to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// With this exit status.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl Exits {
    /// Counts one.
    pub fn count(&mut self, status: Status) {
        let way = status.signal.map_or(Way::Code(status.code), Way::Signal);
        match self.ways.iter().position(|(known, _)| *known == way) {
            Some(index) => self.ways[index].1 += 1,
            None if self.ways.len() < WAYS_MAX => self.ways.push((way, 1)),
            None => self.other += 1,
        }
    }

    /// The ways it has ended in and how often, in the order they were first met.
    pub fn ways(&self) -> &[(Way, u64)] {
        &self.ways
    }

    /// How often it has ended in ways that came after those.
    pub fn other(&self) -> u64 {
        self.other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_counted_by_status_and_signal_and_the_rarer_ones_together() {
        let mut exits = Exits::default();
        for raw in [3 << 8, 9, 3 << 8, 9 | 0x80] {
            exits.count(Status::from_raw(raw));
        }
        assert_eq!(exits.ways(), [(Way::Code(3), 2), (Way::Signal(9), 2)]);
        (0..100).for_each(|code| exits.count(Status::from_raw(code << 8)));
        assert_eq!((exits.ways().len(), exits.other()), (16, 85));
        assert_eq!(exits.ways()[0], (Way::Code(3), 3));
    }
}
