//! The one executable; everything is in the library.

use std::process::ExitCode;

// The unwinder is linked in: finding and loading libgcc_s took a tenth of the daemon's start.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[link(name = "gcc_eh", kind = "static", modifiers = "-bundle")]
unsafe extern "C" {}

fn main() -> ExitCode {
    svx::app::main()
}
