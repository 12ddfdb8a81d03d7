//! Lines of the standard input, waited for together with Ctrl-C.

use std::io::{self, IsTerminal};
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};

use super::client::Failure;
use super::interrupt::{Interrupt, readable};

/// What has been read and not yet handed out.
#[derive(Default)]
pub struct Input {
    buffer: Vec<u8>,
}

impl Input {
    /// The next line without its end; `None` at the end of the input.
    pub fn line(&mut self, interrupt: Option<&Interrupt>) -> Result<Option<String>, Failure> {
        let stdin = io::stdin();
        loop {
            if let Some(end) = self.buffer.iter().position(|&b| b == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Ok(Some(text(&line[..end])));
            }
            let unreadable = |e: io::Error| Failure::Other(format!("cannot read stdin: {e}"));
            if !readable(stdin.as_fd(), interrupt).map_err(unreadable)? {
                return Err(Failure::Interrupted);
            }
            let mut chunk = [0; 4096];
            match nix::unistd::read(stdin.as_fd(), &mut chunk) {
                Ok(0) if self.buffer.is_empty() => return Ok(None),
                Ok(0) => return Ok(Some(text(&std::mem::take(&mut self.buffer)))),
                Ok(n) => self.buffer.extend_from_slice(&chunk[..n]),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(unreadable(errno.into())),
            }
        }
    }

    /// As [`Input::line`], without showing what is typed on a terminal.
    pub fn secret(&mut self, interrupt: Option<&Interrupt>) -> Result<Option<String>, Failure> {
        let stdin = io::stdin();
        let shown = if stdin.is_terminal() { tcgetattr(&stdin).ok() } else { None };
        if let Some(shown) = &shown {
            let mut hidden = shown.clone();
            hidden.local_flags.remove(LocalFlags::ECHO);
            _ = tcsetattr(&stdin, SetArg::TCSAFLUSH, &hidden);
        }
        let line = self.line(interrupt);
        if let Some(shown) = &shown {
            _ = tcsetattr(&stdin, SetArg::TCSAFLUSH, shown);
        }
        line
    }
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned()
}
