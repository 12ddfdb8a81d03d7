//! What is known of a terminal.

use std::io::IsTerminal;
use std::os::fd::{AsFd, AsRawFd};

/// Whether somebody may be looking.
pub fn is_tty(fd: impl AsFd) -> bool {
    fd.as_fd().is_terminal()
}

/// Its columns; `None` if it is not a terminal or does not know.
pub fn width(fd: impl AsFd) -> Option<u16> {
    Some(size(fd).ws_col).filter(|columns| *columns > 0)
}

/// Its lines; `None` if it is not a terminal or does not know.
pub fn height(fd: impl AsFd) -> Option<u16> {
    Some(size(fd).ws_row).filter(|lines| *lines > 0)
}

fn size(fd: impl AsFd) -> libc::winsize {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: TIOCGWINSZ fills one `winsize`, a local that outlives the call.
    unsafe { libc::ioctl(fd.as_fd().as_raw_fd(), libc::TIOCGWINSZ, &mut size) };
    size
}

#[cfg(test)]
mod tests {
    use nix::pty::{Winsize, openpty};

    use super::*;
    use crate::sys::pipes;

    #[test]
    fn a_terminal_has_a_width_and_a_pipe_has_none() {
        let size = Winsize { ws_row: 25, ws_col: 91, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(&size, None).unwrap();
        assert_eq!((is_tty(&pty.slave), width(&pty.slave)), (true, Some(91)));
        assert_eq!(height(&pty.slave), Some(25));
        let pipe = pipes::from_child().unwrap();
        assert_eq!((is_tty(&pipe.ours), width(&pipe.ours)), (false, None));
    }
}
