//! Values and small pure functions every layer may use. Nothing here makes a system call, reads a
//! clock or knows of a section, a process or a socket.

pub mod ansi;
pub mod clock;
pub mod level;
pub mod status;
