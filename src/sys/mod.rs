//! The calls that the kernel answers: the only unsafe code, and the only place that reads a clock,
//! starts a process or makes a socket. It decides nothing: what to do comes from above, what
//! happened goes back as a value. Linux only.
#![allow(unsafe_code)]

pub mod clock;
pub mod errno;
pub mod kill;
pub mod pipes;
pub mod signals;
pub mod spawn;
pub mod users;
pub mod wait;

#[cfg(test)]
mod testing;
