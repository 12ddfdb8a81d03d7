//! Wire formats as functions of the bytes so far: no socket, no clock, no process.

pub mod auth;
mod base64;
pub mod http;
pub mod jsonl;
pub mod listener;
pub mod origin;
pub mod xmlrpc;

/// How far a buffer could be understood.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed<T, E = &'static str> {
    /// Not yet; feed more and ask again.
    More,
    /// A whole value stands at the front.
    Done {
        /// It.
        value: T,
        /// How many bytes belong to it and are to be dropped.
        used: usize,
    },
    /// Can never be understood. Says why.
    Bad(E),
}
