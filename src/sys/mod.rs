//! The calls that the kernel answers: the only unsafe code, and the only place that reads a clock,
//! starts a process or makes a socket. It decides nothing: what to do comes from above, what
//! happened goes back as a value. Linux only.
#![allow(unsafe_code)]

pub mod cgroup;
pub mod clock;
pub mod daemonize;
pub mod door;
pub mod errno;
pub mod host;
pub mod kill;
pub mod links;
pub mod machine;
pub mod memory;
pub mod names;
pub mod notify;
pub mod pidfd;
pub mod pidfile;
pub mod pipes;
pub mod proc;
pub mod rlimit;
pub mod signals;
pub mod sockets;
pub mod spawn;
pub mod statefile;
pub mod subreaper;
pub mod tty;
pub mod users;
pub mod wait;
pub mod zone;

#[cfg(test)]
pub(crate) mod testing;

// The unwinder is linked in: finding and loading libgcc_s took a tenth of the daemon's start.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[link(name = "gcc_eh", kind = "static", modifiers = "-bundle")]
unsafe extern "C" {}
