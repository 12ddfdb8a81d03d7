//! What children write, from their pipes into their logs.

use std::os::fd::AsFd;

use mio::Interest;

use super::cadence::{Need, Next, TICK};
use super::child::{PIPE_BYTES, index};
use super::shell::Shell;
use super::sources::{Source, unwatch, watch};
use super::tap::Followed;
use super::timers::Timer;
use crate::base::clock::Now;
use crate::base::level::Level;
use crate::events::capture::{Piece, Scanner};
use crate::events::{Event, Kind};
use crate::log::said;
use crate::process::ProcessId;
use crate::rpc::Channel;
use crate::sys::pipes::{self, Moved};

/// One reading: what a pipe holds unless it was made larger, and what stays in the cache.
pub const READ_BYTES: usize = PIPE_BYTES;
/// What one pipe may have in a turn before the others have theirs.
const BUDGET: usize = 4 * READ_BYTES;
/// What is still read from a pipe whose child is dead: more than it can have held, so that only
/// somebody who goes on writing into it (a grandchild) is cut off.
const LAST_BYTES: usize = 2 << 20;

impl Shell {
    /// Reads a stream, within its budget, and decides when to read it next.
    pub fn read_stream(&mut self, now: Now, id: ProcessId, channel: Channel) {
        let (got, state) = self.drain(now, id, channel, BUDGET, Until::Short);
        let index = index(channel);
        if state == Drained::Closed {
            return self.close_pipe(id, channel);
        }
        let child = self.children.get_mut(id.slot as usize).and_then(Option::as_mut);
        let Some(child) = child else { return };
        // It waits for its next event, and cannot say much without one.
        let answers = channel == Channel::Stdout
            && child.listener.as_ref().is_some_and(|listener| !listener.is_unknown());
        let Some(pipe) = child.streams[index].pipe.as_mut() else { return };
        let token = pipe.token;
        let (next, need) = match state == Drained::More {
            true if answers => (Next::Again, Need::Same),
            false if answers => (Next::Watch, Need::Same),
            more => pipe.cadence.after(now.mono, got, more, pipe.room),
        };
        pipe.fit(need);
        match next {
            Next::Again => self.unfinished.push(token),
            Next::At(at) => {
                if std::mem::take(&mut pipe.watched) {
                    unwatch(&self.registry, pipe.fd.as_fd());
                }
                self.timers.arm(at, Timer::Read(token));
            }
            // Already watched, or watched again: then what came meanwhile is told at once.
            Next::Watch if pipe.watched => {}
            Next::Watch => {
                let interest = Interest::READABLE;
                pipe.watched = watch(&self.registry, pipe.fd.as_fd(), token, interest).is_ok();
                if !pipe.watched {
                    self.timers.arm(now.mono + TICK, Timer::Read(token));
                }
            }
        }
    }

    /// Takes up to `budget` bytes to where they belong.
    fn drain(
        &mut self,
        now: Now,
        id: ProcessId,
        channel: Channel,
        budget: usize,
        until: Until,
    ) -> (usize, Drained) {
        let mut got = 0;
        let state = loop {
            match self.take(now, id, channel) {
                Moved::Bytes(n) => {
                    got += n;
                    if n < READ_BYTES && until == Until::Short {
                        break Drained::Empty;
                    }
                    if got >= budget {
                        break Drained::More;
                    }
                }
                Moved::Blocked => break Drained::Empty,
                Moved::Closed | Moved::Failed(_) => break Drained::Closed,
            }
        };
        if got > 0 {
            self.taps.written(Followed::Stream(id, channel));
            if let Some(child) = self.child(id) {
                child.streams[index(channel)].bytes += got as u64;
            }
        }
        (got, state)
    }

    /// One reading. Where nobody looks at the bytes they go straight from the pipe into the file,
    /// and none is lost should the daemon be killed just then.
    fn take(&mut self, now: Now, id: ProcessId, channel: Channel) -> Moved {
        let told = self.log.wants(Level::Debg) || self.taps.follow(id, channel);
        let child = self.children.get_mut(id.slot as usize).and_then(Option::as_mut);
        let Some(child) = child else { return Moved::Blocked };
        let listens = child.listener.is_some() && channel == Channel::Stdout;
        let stream = &mut child.streams[index(channel)];
        let Some(pipe) = &stream.pipe else { return Moved::Blocked };
        let wanted = stream.events_enabled && self.bus.wants(log_kind(channel));
        let looked_at = told || listens || wanted || stream.capture.is_some();
        if let Some(file) = stream.log.plain_file(now).filter(|_| !looked_at) {
            match file.splice_end().map(|end| pipes::splice(&pipe.fd, end, READ_BYTES)) {
                Some(Moved::Bytes(n)) => {
                    file.grew(n as u64, now);
                    let due = file.trouble_due();
                    self.note_trouble(due);
                    return Moved::Bytes(n);
                }
                // A full disk must not hold the child up: what it wrote is read, and counted.
                Some(Moved::Failed(error)) => file.refused_splice(&error),
                Some(moved) => return moved,
                None => {}
            }
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let moved = pipes::read(&pipe.fd, &mut scratch);
        if let Moved::Bytes(n) = moved {
            self.deliver(now, id, channel, &scratch[..n]);
        }
        self.scratch = scratch;
        moved
    }

    /// Bytes of a child to everybody who is to have them.
    fn deliver(&mut self, now: Now, id: ProcessId, channel: Channel, bytes: &[u8]) {
        let child = self.children.get_mut(id.slot as usize).and_then(Option::as_mut);
        let Some(child) = child else { return };
        let listens = child.listener.is_some() && channel == Channel::Stdout;
        let stream = &mut child.streams[index(channel)];
        if self.taps.any() {
            self.taps.child(id, channel, bytes);
        }
        if stream.capture.is_some() && !listens {
            return self.scan(now, id, channel, bytes);
        }
        let logged = stream.log.write(bytes, now, &mut self.log.outlets);
        let kind = log_kind(channel);
        let wanted = stream.events_enabled && !listens && self.bus.wants(kind);
        let copy = (wanted || self.log.wants(Level::Debg)).then(|| logged.to_vec());
        let due = stream.log.trouble_due();
        if let Some(copy) = copy {
            self.log.say_output(&child.name, channel.name(), &copy, now);
            if let Some(of) = self.who(id).filter(|_| wanted) {
                self.publish(now, Event::Log { of, channel, data: copy });
            }
        }
        self.note_trouble(due);
        if listens {
            self.listen_to(id, bytes);
        }
    }

    /// As `deliver`, for a stream that may have something captured in it.
    fn scan(&mut self, now: Now, id: ProcessId, channel: Channel, bytes: &[u8]) {
        self.scanned(now, id, channel, |scanner, mut to| scanner.feed(bytes, &mut to));
    }

    fn scanned(
        &mut self,
        now: Now,
        id: ProcessId,
        channel: Channel,
        scan: impl FnOnce(&mut Scanner, &mut dyn FnMut(Piece)),
    ) {
        let Some(of) = self.who(id) else { return };
        let told = self.log.wants(Level::Debg);
        let child = self.children.get_mut(id.slot as usize).and_then(Option::as_mut);
        let Some(stream) = child.map(|child| &mut child.streams[index(channel)]) else { return };
        let Some(scanner) = &mut stream.capture else { return };
        let (log, outlets) = (&mut stream.log, &mut self.log.outlets);
        let wanted = stream.events_enabled && self.bus.wants(log_kind(channel));
        let mut found = Vec::new();
        let mut said = Vec::new();
        scan(scanner, &mut |piece| {
            let data = match piece {
                Piece::Log(bytes) => {
                    let logged = log.write(bytes, now, outlets);
                    if told {
                        said.push(logged.to_vec());
                    }
                    logged
                }
                Piece::Inside(bytes) => bytes,
                Piece::Unfinished(bytes) => {
                    log.write(&bytes, now, outlets);
                    return;
                }
                Piece::Captured(data) => {
                    let of = of.clone();
                    return found.push(Event::Communication { of, channel, data });
                }
            };
            if wanted {
                found.push(Event::Log { of: of.clone(), channel, data: data.to_vec() });
            }
        });
        let due = log.trouble_due();
        for bytes in said {
            self.log.say_output(&of.process, channel.name(), &bytes, now);
        }
        for event in found {
            let captured = matches!(event, Event::Communication { .. });
            self.publish(now, event);
            if captured {
                self.say(now, said::comm_event(&of.process, channel.name()));
            }
        }
        self.note_trouble(due);
    }

    /// Reads what a dead child left in its pipes, then lets go of pipes and logs.
    pub fn finish_streams(&mut self, now: Now, id: ProcessId) {
        for channel in [Channel::Stdout, Channel::Stderr] {
            let mut left = LAST_BYTES;
            loop {
                let budget = left.min(BUDGET);
                let (got, state) = self.drain(now, id, channel, budget, Until::Empty);
                left = left.saturating_sub(got);
                if state != Drained::More || left == 0 {
                    break;
                }
            }
        }
        for channel in [Channel::Stdout, Channel::Stderr] {
            self.close_pipe(id, channel);
            self.finish_capture(now, id, channel);
        }
        self.listener_ended(id);
        self.close_logs(now, id);
    }

    /// Puts what an unfinished capture holds into the log.
    pub fn finish_capture(&mut self, now: Now, id: ProcessId, channel: Channel) {
        self.scanned(now, id, channel, |scanner, mut to| scanner.finish(&mut to));
    }

    /// Closes one output pipe; its log stays open for the other things that are done with it.
    fn close_pipe(&mut self, id: ProcessId, channel: Channel) {
        let pipe = self.child(id).and_then(|child| child.streams[index(channel)].pipe.take());
        let Some(pipe) = pipe else { return };
        // Nobody else has this end, so closing it ends the watching too.
        self.sources.remove(pipe.token);
    }

    /// Has the poll tell when a full stdout or stderr of the daemon's own takes more.
    pub fn watch_passthroughs(&mut self) {
        let streams = [self.log.outlets.stdout.as_ref(), self.log.outlets.stderr.as_ref()];
        for (which, stream) in streams.into_iter().enumerate() {
            let Some(stream) = stream else { continue };
            match self.passing[which] {
                None if stream.wants_write() => {
                    let token = self.sources.add(Source::Passthrough(which));
                    match watch(&self.registry, stream.fd(), token, Interest::WRITABLE) {
                        Ok(()) => self.passing[which] = Some(token),
                        Err(_) => self.sources.remove(token),
                    }
                }
                Some(token) if !stream.wants_write() => {
                    unwatch(&self.registry, stream.fd());
                    self.sources.remove(token);
                    self.passing[which] = None;
                }
                None | Some(_) => {}
            }
        }
    }
}

fn log_kind(channel: Channel) -> Kind {
    match channel {
        Channel::Stdout => Kind::ProcessLogStdout,
        Channel::Stderr => Kind::ProcessLogStderr,
    }
}

/// When a pipe is taken to be empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Until {
    /// After a reading that took less than it could have: if more comes, the poll tells.
    Short,
    /// Once it says so. A splice may end early, at a disk that is full.
    Empty,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Drained {
    Empty,
    More,
    Closed,
}
