//! When something falls due, for thousands of processes at once: a heap that forgets lazily.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::ProcessId;
use crate::base::clock::Mono;

/// A heap of (time, process). A re-armed process leaves its old entry behind; the owner tells
/// stale ones apart by comparing with what the process itself says is its deadline.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    heap: BinaryHeap<Reverse<(Mono, ProcessId)>>,
}

impl Deadlines {
    pub fn arm(&mut self, at: Mono, id: ProcessId) {
        self.heap.push(Reverse((at, id)));
    }

    /// The earliest entry that `current` confirms. Stale ones before it are dropped.
    pub fn first(
        &mut self,
        current: impl Fn(ProcessId) -> Option<Mono>,
    ) -> Option<(Mono, ProcessId)> {
        while let Some(Reverse((at, id))) = self.heap.peek().copied() {
            if current(id) == Some(at) {
                return Some((at, id));
            }
            self.heap.pop();
        }
        None
    }

    pub fn pop(&mut self) {
        self.heap.pop();
    }

    /// How many entries there are, stale ones included.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Throws stale entries away once they outnumber the `live` ones many times, so that memory
    /// follows the number of processes and not of restarts.
    pub fn tidy(&mut self, live: usize, current: impl Fn(ProcessId) -> Option<Mono>) {
        if self.heap.len() > 64 + 4 * live {
            self.heap.retain(|Reverse((at, id))| current(*id) == Some(*at));
        }
    }
}
