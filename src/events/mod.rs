//! Events: what happened, who wants to know, and how listeners and JSON streams are told. Pure:
//! time comes in as a value and effects go out as [`Action`]s; nothing here sees a descriptor.

mod bus;
pub mod capture;
pub mod envelope;
mod happened;
mod kind;
mod payload;
mod pool;
mod saying;
mod ticks;

use std::sync::Arc;

pub use bus::{Bus, Filter};
pub use envelope::Envelope;
pub use happened::{Happened, json};
pub use kind::{Kind, Kinds, Row, TABLE};
pub use payload::{Event, Field, Period, Who, state_kind};
pub use pool::{Heard, Pool, Refused, Violation, WAITING_BYTES_MAX as POOL_BYTES_MAX};
pub use saying::Saying;

use crate::process::ProcessId;

/// One effect to carry out, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Write an event to a listener's stdin and tell its `proto::listener` machine so, before the
    /// machine is fed again; answer with [`Bus::refused`] where the stdin does not take it.
    Send {
        /// The process.
        listener: ProcessId,
        /// What to write.
        envelope: Envelope,
    },
    /// Give an event to a JSON stream.
    Tell {
        /// As [`Bus::watch`] numbered it.
        watcher: usize,
        /// Its number.
        serial: u64,
        /// Its type.
        kind: Kind,
        /// One JSON object, shared by all who get it.
        object: Arc<str>,
    },
    /// Restart a listener that has violated the protocol, if it is configured so.
    Violated(ProcessId),
    /// Write a line to the main log.
    Say(Saying),
}
