//! Events: what happened, who wants to know, and how listeners and JSON streams are told. Pure:
//! time comes in as a value and effects go out as actions; nothing here sees a descriptor.

pub mod capture;
pub mod envelope;
mod kind;
mod payload;

pub use kind::{Kind, Kinds, Row, TABLE};
pub use payload::{Event, Field, Period, Who, state_kind};
