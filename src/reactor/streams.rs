//! Logs that clients follow: the end of what is there, then what is written, as it is written.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::Reactor;
use super::client::Dialect;
use super::tap::Followed;
use crate::process::ProcessId;
use crate::rpc::json::{self, Id};
use crate::rpc::{Host, Source, Tail};

/// What a followed log begins with, at most.
const TAIL_BYTES_MAX: u64 = 1 << 20;

impl Reactor {
    pub(super) fn open_stream(&mut self, slot: usize, id: Id, method: &str, tail: Tail) {
        let (path, followed) = match tail.source {
            Source::Main => (self.shell.main_log_path(), Followed::Main),
            Source::Process(process, channel) => {
                let path = self.shell.log_path(process, channel).map(Path::to_owned);
                (path, Followed::Stream(process, channel))
            }
        };
        let Some(client) = self.clients.get_mut(slot) else { return };
        let Dialect::Lines(lines) = &mut client.dialect else { return };
        let out = &mut client.connection.outbox;
        json::stream(out, &id);
        let bytes = path.and_then(|path| last_bytes(&path, tail.bytes).ok()).unwrap_or_default();
        if !bytes.is_empty() {
            json::chunk(out, method, &id, &bytes);
        }
        if tail.follow {
            let stream = self.shell.taps.open(slot, followed, method.to_owned());
            lines.streams.push((stream, id));
            self.shell.log.follow(self.shell.taps.follow_main());
        } else {
            json::end(out, &id, None);
        }
    }

    /// The process that was followed is no more.
    pub(super) fn end_taps(&mut self, id: ProcessId) {
        for (slot, stream) in self.shell.taps.removed(id) {
            let Some(client) = self.clients.get_mut(slot) else { continue };
            let out = &mut client.connection.outbox;
            match &mut client.dialect {
                Dialect::Unknown => {}
                Dialect::Lines(lines) => {
                    let place = lines.streams.iter().position(|(known, _)| *known == stream);
                    if let Some((_, id)) = place.map(|place| lines.streams.swap_remove(place)) {
                        json::end(out, &id, Some("the process was removed"));
                    }
                }
                Dialect::Http(http) => {
                    if let Some((_, wrap)) = http.stream.take() {
                        // It can have no other stream than the one that was removed.
                        wrap.end(out);
                        client.connection.closing |= !wrap.keep_alive;
                        self.shell.unfinished.push(client.token);
                    }
                }
            }
            self.outgoing.push(slot);
        }
    }

    /// Hands what was written in this turn to those who follow it.
    pub(super) fn feed_followers(&mut self) {
        if !self.shell.taps.any() && !self.shell.taps.any_hints() {
            return;
        }
        let told = self.shell.log.take_followed();
        if !told.is_empty() {
            self.shell.taps.main(&told);
            self.shell.taps.written(Followed::Main);
        }
        for (stream, tap) in self.shell.taps.fresh() {
            let Some(client) = self.clients.get_mut(tap.client) else { continue };
            let out = &mut client.connection.outbox;
            match &client.dialect {
                Dialect::Unknown => {}
                Dialect::Lines(lines) => {
                    let known = lines.streams.iter().find(|(known, _)| *known == stream);
                    if let Some((_, id)) = known {
                        json::chunk(out, &tap.method, id, &tap.fresh);
                    }
                }
                Dialect::Http(http) => {
                    if let Some((_, wrap)) = &http.stream {
                        wrap.part(out, &tap.fresh);
                    }
                }
            }
            tap.fresh.clear();
            client.connection.closing |= tap.overrun;
            self.outgoing.push(tap.client);
        }
    }
}

/// The end of a file, so much of it.
pub(super) fn last_bytes(path: &Path, bytes: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let bytes = bytes.min(TAIL_BYTES_MAX);
    let from = file.metadata()?.len().saturating_sub(bytes);
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.take(bytes).read_to_end(&mut tail)?;
    Ok(tail)
}
