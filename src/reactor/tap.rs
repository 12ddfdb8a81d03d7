//! Clients that follow logs: who gets the bytes of which stream.

use slab::Slab;

use crate::process::ProcessId;
use crate::rpc::Channel;

/// What is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// The main log.
    Main,
    /// One stream of one process.
    Stream(ProcessId, Channel),
}

/// Bytes one follower may leave waiting within a turn; it is cut off beyond.
pub const WAITING_BYTES_MAX: usize = 4 << 20;

/// One follower.
#[derive(Debug)]
pub struct Tap {
    /// The client's slot.
    pub client: usize,
    what: Followed,
    /// The method it was opened with, which names its messages.
    pub method: String,
    /// What came in this turn.
    pub fresh: Vec<u8>,
    /// More came than it may leave waiting.
    pub overrun: bool,
}

/// All followers. What comes is gathered here and handed to the clients at the turn's end.
#[derive(Debug, Default)]
pub struct Taps {
    taps: Slab<Tap>,
    /// Those who read the files themselves, and only want to know when.
    hints: Vec<(Followed, usize)>,
    /// Those of them who are to look.
    hinted: Vec<usize>,
}

impl Taps {
    /// Lets `client` follow; the number names the stream to it.
    pub fn open(&mut self, client: usize, what: Followed, method: String) -> usize {
        self.taps.insert(Tap { client, what, method, fresh: Vec::new(), overrun: false })
    }

    /// Whether anybody follows anything.
    pub fn any(&self) -> bool {
        !self.taps.is_empty()
    }

    /// Whether anybody follows this stream.
    pub fn follow(&self, id: ProcessId, channel: Channel) -> bool {
        self.taps.iter().any(|(_, tap)| tap.what == Followed::Stream(id, channel))
    }

    /// Whether anybody follows the main log.
    pub fn follow_main(&self) -> bool {
        let hinted = || self.hints.iter().any(|(what, _)| *what == Followed::Main);
        self.taps.iter().any(|(_, tap)| tap.what == Followed::Main) || hinted()
    }

    /// Tells `who` when something was written there.
    pub fn hint(&mut self, what: Followed, who: usize) {
        self.hints.push((what, who));
    }

    /// No more.
    pub fn unhint(&mut self, who: usize) {
        self.hints.retain(|(_, known)| *known != who);
    }

    /// Something was written there, wherever the bytes went.
    pub fn written(&mut self, what: Followed) {
        let who = self.hints.iter().filter(|(hint, _)| *hint == what).map(|(_, who)| *who);
        self.hinted.extend(who);
    }

    /// Who was told to look since the last call.
    pub fn take_hinted(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.hinted)
    }

    /// Whether anybody wants the lines of the main log or to know of them.
    pub fn any_hints(&self) -> bool {
        !self.hints.is_empty()
    }

    /// A line of the main log.
    pub fn main(&mut self, line: &[u8]) {
        self.give(Followed::Main, line);
    }

    /// Bytes of a child.
    pub fn child(&mut self, id: ProcessId, channel: Channel, bytes: &[u8]) {
        self.give(Followed::Stream(id, channel), bytes);
    }

    fn give(&mut self, what: Followed, bytes: &[u8]) {
        for (_, tap) in self.taps.iter_mut().filter(|(_, tap)| tap.what == what) {
            if tap.fresh.len() + bytes.len() > WAITING_BYTES_MAX {
                tap.overrun = true;
            } else {
                tap.fresh.extend_from_slice(bytes);
            }
        }
    }

    /// Those with something new.
    pub fn fresh(&mut self) -> impl Iterator<Item = (usize, &mut Tap)> {
        self.taps.iter_mut().filter(|(_, tap)| tap.overrun || !tap.fresh.is_empty())
    }

    /// Ends one stream.
    pub fn close(&mut self, stream: usize) {
        self.taps.try_remove(stream);
    }

    /// Ends every stream of a client that has gone.
    pub fn gone(&mut self, client: usize) {
        self.taps.retain(|_, tap| tap.client != client);
    }

    /// Ends every stream of a removed process; the clients they belonged to are told.
    pub fn removed(&mut self, id: ProcessId) -> Vec<(usize, usize)> {
        let mut ended = Vec::new();
        self.taps.retain(|stream, tap| {
            let over = matches!(tap.what, Followed::Stream(of, _) if of == id);
            if over {
                ended.push((tap.client, stream));
            }
            !over
        });
        ended
    }
}
