//! Values and small pure functions every layer may use. Nothing here makes a system call, reads a
//! clock or knows of a section, a process or a socket.

pub mod ansi;
pub mod bytes;
pub mod channel;
pub mod clock;
pub mod dotenv;
pub mod histogram;
pub mod int;
pub mod level;
pub mod pyrepr;
pub mod shlex;
pub mod signal;
pub mod status;
pub mod suggest;
pub mod value;
pub mod version;
