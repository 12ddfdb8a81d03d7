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
            if let Some(line) = self.typed() {
                return Ok(Some(line));
            }
            if !readable(stdin.as_fd(), interrupt).map_err(unreadable)? {
                return Err(Failure::Interrupted);
            }
            if !self.read()? {
                let rest = std::mem::take(&mut self.buffer);
                return Ok((!rest.is_empty()).then(|| text(&rest)));
            }
        }
    }

    /// A line that has been read already.
    pub fn typed(&mut self) -> Option<String> {
        let end = self.buffer.iter().position(|&b| b == b'\n')?;
        let line: Vec<u8> = self.buffer.drain(..=end).collect();
        Some(text(&line[..end]))
    }

    /// Reads once; false at the end of the input.
    pub fn read(&mut self) -> Result<bool, Failure> {
        let mut chunk = [0; 4096];
        loop {
            match nix::unistd::read(io::stdin().as_fd(), &mut chunk) {
                Ok(read) => {
                    self.buffer.extend_from_slice(&chunk[..read]);
                    return Ok(read > 0);
                }
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

fn unreadable(error: io::Error) -> Failure {
    Failure::Other(format!("cannot read stdin: {error}"))
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned()
}
