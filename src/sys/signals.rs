//! The daemon's own signals, turned into a descriptor that the loop can watch.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use libc::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use nix::errno::Errno;
use nix::sys::signal::{SigHandler, SigSet, Signal, signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use signal_hook::SigId;
use signal_hook::low_level::{register, unregister};

use crate::sys::pipes;

/// What is listened to, in the order that `pending` gives it: who wants us to end goes first.
const HEARD: [i32; 7] = [SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR2, SIGUSR1, SIGCHLD];

/// The installed handlers. Dropping it makes them deaf; it does not bring the defaults back.
pub struct Signals {
    shared: Arc<Shared>,
    ids: Vec<SigId>,
    /// Where CHLD is read from instead of being handled.
    deaths: Option<SignalFd>,
}

struct Shared {
    counts: [AtomicU32; HEARD.len()],
    wake: OwnedFd,
}

impl Signals {
    /// Listens to TERM, INT, QUIT, HUP, USR1, USR2 and CHLD, and unblocks whatever an unkind parent
    /// had blocked.
    pub fn install() -> io::Result<Signals> {
        // SAFETY: makes a new descriptor from two numbers.
        let wake =
            Errno::result(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        // SAFETY: the descriptor is new and nobody else's.
        let wake = unsafe { OwnedFd::from_raw_fd(wake) };
        let shared = Arc::new(Shared { counts: Default::default(), wake });
        let mut signals = Signals { shared, ids: Vec::new(), deaths: None };
        for (index, number) in HEARD.into_iter().enumerate() {
            let shared = signals.shared.clone();
            // SAFETY: the action only counts and writes, both of which signal-safety(7) allows.
            signals.ids.push(unsafe { register(number, move || shared.heard(index)) }?);
        }
        SigSet::all().thread_unblock()?;
        Ok(signals)
    }

    /// From now on CHLD interrupts nothing: it is blocked, also in threads and programs made later,
    /// and read from a descriptor of its own. A handler costs more than all the rest of a death: it
    /// saves the registers, wakes us a second time and cuts an epoll_wait(2) short.
    pub fn queue_deaths(&mut self) -> io::Result<()> {
        let deaths = SigSet::from(Signal::SIGCHLD);
        self.deaths =
            Some(SignalFd::with_flags(&deaths, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?);
        Ok(deaths.thread_block()?)
    }

    /// What came since the last call, each as often as it came (CHLD: at least once for many
    /// deaths). Call it when a descriptor is readable.
    pub fn pending(&self) -> impl Iterator<Item = i32> {
        // First the descriptor, then the counts: what comes in between wakes us once for nothing
        // rather than never.
        pipes::read(&self.shared.wake, &mut [0; 8]);
        let heard = HEARD.iter().zip(&self.shared.counts).flat_map(|(number, count)| {
            let times = count.swap(0, Ordering::Relaxed);
            std::iter::repeat_n(*number, times as usize)
        });
        // One at most: the kernel keeps no second one waiting.
        let died = self.deaths.as_ref().and_then(|fd| fd.read_signal().ok().flatten());
        heard.chain(died.map(|_| SIGCHLD))
    }

    /// Readable while signals wait; nonblocking.
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        [self.shared.wake.as_fd()].into_iter().chain(self.deaths.iter().map(AsFd::as_fd))
    }
}

impl Shared {
    fn heard(&self, index: usize) {
        self.counts[index].fetch_add(1, Ordering::Relaxed);
        let one = 1u64.to_ne_bytes();
        // SAFETY: eight bytes of a live array. It fails only when 2^64 wake-ups wait.
        unsafe { libc::write(self.wake.as_raw_fd(), one.as_ptr().cast(), one.len()) };
    }
}

/// Lets a write that nobody reads or that makes a file too large fail with EPIPE or EFBIG, instead of
/// ending the daemon.
pub fn ignore_failed_writes() -> io::Result<()> {
    for number in [Signal::SIGPIPE, Signal::SIGXFSZ] {
        // SAFETY: ignoring a signal runs no code of ours.
        unsafe { signal(number, SigHandler::SigIgn) }?;
    }
    Ok(())
}

impl Drop for Signals {
    fn drop(&mut self) {
        for id in self.ids.drain(..) {
            unregister(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use nix::sys::signal::raise;

    use super::*;
    use crate::sys::testing::alone;

    fn readable(signals: &Signals) -> bool {
        let poll_fd = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut fds: Vec<PollFd> = signals.fds().map(poll_fd).collect();
        poll(&mut fds, PollTimeout::ZERO).unwrap() > 0
    }

    #[test]
    fn deaths_that_are_queued_run_no_handler_and_are_told_once_for_many() {
        if !alone(
            module_path!(),
            "deaths_that_are_queued_run_no_handler_and_are_told_once_for_many",
        ) {
            return;
        }
        let mut signals = Signals::install().unwrap();
        raise(Signal::SIGCHLD).unwrap();
        signals.queue_deaths().unwrap();
        for _ in 0..2 {
            raise(Signal::SIGCHLD).unwrap();
            raise(Signal::SIGCHLD).unwrap();
            raise(Signal::SIGHUP).unwrap();
            assert!(readable(&signals));
            let pending: Vec<i32> = signals.pending().collect();
            assert_eq!(pending.iter().filter(|signal| **signal == SIGHUP).count(), 1);
            assert_eq!(pending.last(), Some(&SIGCHLD));
            assert!(!readable(&signals));
        }
        assert_eq!(signals.shared.counts[HEARD.len() - 1].load(Ordering::Relaxed), 0);
        assert!(SigSet::thread_get_mask().unwrap().contains(Signal::SIGCHLD));
    }

    #[test]
    fn each_signal_wakes_the_loop_and_is_counted() {
        if !alone(module_path!(), "each_signal_wakes_the_loop_and_is_counted") {
            return;
        }
        SigSet::all().thread_block().unwrap();
        ignore_failed_writes().unwrap();
        let signals = Signals::install().unwrap();
        assert!(!readable(&signals));
        for signal in [Signal::SIGCHLD, Signal::SIGHUP, Signal::SIGTERM, Signal::SIGTERM] {
            raise(signal).unwrap();
        }
        raise(Signal::SIGPIPE).unwrap();
        raise(Signal::SIGXFSZ).unwrap();
        assert!(readable(&signals));
        let pending: Vec<i32> = signals.pending().collect();
        assert_eq!(pending, [SIGTERM, SIGTERM, SIGHUP, SIGCHLD]);
        assert!(!readable(&signals));
        assert_eq!(signals.pending().count(), 0);
    }
}
