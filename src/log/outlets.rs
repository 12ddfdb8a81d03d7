//! What every log may use beside its own file: the daemon's stdout and stderr, and syslog.

use std::io;
use std::os::fd::AsFd;

use crate::base::clock::Mono;
use crate::log::passthrough::Passthrough;
use crate::log::syslog::Syslog;

/// The shared sinks; the streams are opened by the first log that names them, which is after the
/// daemon has put its own descriptors in order.
#[derive(Debug)]
pub struct Outlets {
    /// Known by the name `/dev/stdout`.
    pub stdout: Option<Passthrough>,
    /// Known by the name `/dev/stderr`.
    pub stderr: Option<Passthrough>,
    /// Connects by itself.
    pub syslog: Syslog,
}

impl Outlets {
    /// Nothing is open yet.
    pub fn new(syslog: Syslog) -> Outlets {
        Outlets { stdout: None, stderr: None, syslog }
    }

    /// Opens descriptor 1 unless it is open already.
    pub fn open_stdout(&mut self) -> io::Result<()> {
        if self.stdout.is_none() {
            self.stdout = Some(Passthrough::of(io::stdout().as_fd(), "/dev/stdout")?);
        }
        Ok(())
    }

    /// Opens descriptor 2 unless it is open already.
    pub fn open_stderr(&mut self) -> io::Result<()> {
        if self.stderr.is_none() {
            self.stderr = Some(Passthrough::of(io::stderr().as_fd(), "/dev/stderr")?);
        }
        Ok(())
    }

    /// The open streams: watch those that want to write.
    pub fn passthroughs(&mut self) -> impl Iterator<Item = &mut Passthrough> {
        self.stdout.iter_mut().chain(&mut self.stderr)
    }

    /// Something new to say about failures of any of them; ask until `None`.
    pub fn trouble(&mut self, now: Mono) -> Option<String> {
        let passed = self.passthroughs().find_map(|it| it.trouble(now));
        passed.or_else(|| self.syslog.trouble(now))
    }

    /// When [`Outlets::trouble`] has something to say though nothing more is written.
    pub fn trouble_due(&self) -> Option<Mono> {
        let passed = self.stdout.iter().chain(&self.stderr).filter_map(Passthrough::trouble_due);
        passed.chain(self.syslog.trouble_due()).min()
    }
}
