//! Lines of the main log, as facts; `log::saying` has the words.

use std::sync::Arc;

impl Saying {
    /// Whether it is only for who looks for a mistake: these come with every event.
    pub fn is_debug(&self) -> bool {
        match self {
            Saying::Rebuffering { .. }
            | Saying::Sent { .. }
            | Saying::BrokenPipe { .. }
            | Saying::Processed(_)
            | Saying::Turned { .. } => true,
            Saying::Overflowed { .. }
            | Saying::Rejected(_)
            | Saying::NotReading(_)
            | Saying::BadResult { .. }
            | Saying::Unknown(_)
            | Saying::Offence { .. } => false,
        }
    }
}

/// What pools have to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saying {
    /// The buffer was full.
    Overflowed {
        /// The pool.
        pool: Arc<str>,
        /// The newest event that was discarded.
        serial: u64,
        /// How many were, since this was last said.
        count: u64,
    },
    /// Debug: an event a listener had goes back into the buffer.
    Rebuffering {
        /// The event.
        serial: u64,
        /// The pool.
        pool: Arc<str>,
        /// How many events wait without it.
        size: usize,
        /// `buffer_size`
        max: usize,
    },
    /// Debug: an event was handed to a listener.
    Sent {
        /// The event.
        serial: u64,
        /// The process.
        listener: Arc<str>,
    },
    /// Debug: it could not be, for the listener's stdin is closed.
    BrokenPipe {
        /// The event.
        serial: u64,
        /// The process.
        listener: Arc<str>,
    },
    /// Debug: a listener said OK.
    Processed(Arc<str>),
    /// A listener said something else.
    Rejected(Arc<str>),
    /// A listener does not read its stdin, but answers.
    NotReading(Arc<str>),
    /// A listener's result has no length.
    BadResult {
        /// The process.
        listener: Arc<str>,
        /// What stands in the place of `RESULT <length>`.
        line: String,
    },
    /// Debug: the protocol goes on.
    Turned {
        /// The process.
        listener: Arc<str>,
        /// The name of the state it left.
        from: &'static str,
        /// The name of the one it entered.
        to: &'static str,
    },
    /// A listener has violated the protocol.
    Unknown(Arc<str>),
    /// The bytes that did.
    Offence {
        /// The process.
        listener: Arc<str>,
        /// The first line of them, cut if it is long.
        bytes: Vec<u8>,
    },
}
