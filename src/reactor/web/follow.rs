//! Logs that are followed by their files: what is written is only a hint to look, so that a slow
//! reader holds nothing in memory, and offsets are those of the file whatever else is done with
//! the bytes.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::logfile::LogFile;
use super::stream::Following;
use super::{Asked, Caller};
use crate::base::clock::Now;
use crate::process::{Namespec, ProcessId};
use crate::proto::http::Status;
use crate::reactor::Reactor;
use crate::reactor::tap::Followed;
use crate::reactor::timers::Timer;
use crate::rpc::logs::unfinished;
use crate::rpc::{Channel, Host};
use crate::web::answer::Answer;
use crate::web::sse;

/// One message has so much of a log.
const PORTION_BYTES: u64 = 64 << 10;
/// Files are looked at this often, for what others do with them.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A log that a client follows.
pub struct Follow {
    client: usize,
    what: Followed,
    /// `None` while there is no file.
    log: Option<LogFile>,
    /// What the client has got up to.
    offset: u64,
    /// There may be something to read.
    due: bool,
}

/// What there was to tell.
enum Step {
    /// A message, after which there may be more.
    Told(String),
    Nothing,
}

impl Follow {
    /// The next message.
    fn step(&mut self, path: Option<PathBuf>) -> io::Result<Step> {
        let Some(path) = path else { return Ok(Step::Nothing) };
        let Some(log) = &self.log else {
            let Ok(log) = LogFile::open(&path) else { return Ok(Step::Nothing) };
            self.log = Some(log);
            return self.step(Some(path));
        };
        let mut bytes = log.read(self.offset, PORTION_BYTES)?;
        if !bytes.is_empty() {
            let whole = bytes.len() - unfinished(&bytes);
            if whole > 0 || self.is_over(&path) {
                bytes.truncate(if whole > 0 { whole } else { bytes.len() });
                self.offset += bytes.len() as u64;
                let id = sse::id(self.offset, &log.id);
                let text = String::from_utf8_lossy(&bytes);
                return Ok(Step::Told(sse::message(Some(&id), None, &text)));
            }
            return Ok(Step::Nothing);
        }
        if self.is_over(&path) {
            self.log = LogFile::open(&path).ok();
        } else if log.size()? >= self.offset {
            return Ok(Step::Nothing);
        }
        self.offset = 0;
        Ok(Step::Told(self.reset()))
    }

    /// Whether another file has taken the place of ours.
    fn is_over(&self, path: &std::path::Path) -> bool {
        self.log.as_ref().is_some_and(|log| matches!(log.is_at(path), Ok(false)))
    }

    fn reset(&self) -> String {
        let id = self.log.as_ref().map(|log| sse::id(0, &log.id));
        sse::message(id.as_deref(), Some("reset"), "{\"offset\":0}")
    }
}

impl Reactor {
    /// Opens a stream of a log.
    ///
    /// # Errors
    /// 404, and 400 for an offset that is no number.
    pub(super) fn follow_log(
        &mut self,
        now: Now,
        caller: Caller,
        asked: &Asked,
    ) -> Result<(), Answer> {
        let path = self.asked_log(asked)?;
        let what = match asked.value("process") {
            "" => Followed::Main,
            name => {
                let channel = Channel::named(asked.value("channel")).unwrap_or(Channel::Stdout);
                let id = self.set.find(Namespec::parse(name));
                Followed::Stream(id.ok_or_else(|| super::api::bad_name("process", name))?, channel)
            }
        };
        let query = asked.query();
        let offset = query.get("offset").map(|text| {
            text.parse::<i64>().map_err(|_| {
                let message = "offset is not a whole number";
                Answer::error(Status::BadRequest, "BAD_ARGUMENTS", message)
            })
        });
        let offset = offset.transpose()?;
        let log = LogFile::open(&path).ok();
        let size = log.as_ref().and_then(|log| log.size().ok()).unwrap_or(0);
        let file = log.as_ref().map_or("", |log| &log.id);
        let last = asked.head.field("last-event-id").and_then(sse::read_id);
        let (offset, is_other) = match (last, offset) {
            (Some((last, mark)), _) => (last, mark.is_some_and(|mark| mark != file)),
            (None, None) => (size, false),
            (None, Some(offset @ ..0)) => (size.saturating_sub(offset.unsigned_abs()), false),
            (None, Some(offset)) => (offset.unsigned_abs(), false),
        };
        let mut follow = Follow { client: caller.0, what, log, offset, due: true };
        let opening = if is_other || offset > size {
            follow.offset = 0;
            sse::opening(None) + &follow.reset()
        } else {
            let id = follow.log.as_ref().map(|log| sse::id(offset, &log.id));
            sse::opening(id.as_deref())
        };
        let number = self.web.follows.vacant_key();
        if self.open_sse(now, caller, Following::Log(number), &opening) {
            if self.web.follows.is_empty() {
                self.shell.timers.arm(now.mono + LOOK_EVERY, Timer::Follow);
            }
            self.web.follows.insert(follow);
            self.shell.taps.hint(what, number);
            self.shell.log.follow(self.shell.taps.follow_main());
        }
        Ok(())
    }

    /// A stream is over.
    pub(super) fn end_follow(&mut self, number: usize) {
        self.web.follows.try_remove(number);
        self.shell.taps.unhint(number);
        self.shell.log.follow(self.shell.taps.follow_main());
    }

    /// The process whose log is followed is about to be forgotten: so are the streams, once what
    /// is there has been read.
    pub(in crate::reactor) fn end_follows(&mut self, now: Now, id: ProcessId) {
        let of = |follow: &Follow| matches!(follow.what, Followed::Stream(of, _) if of == id);
        let ended = self.web.follows.iter().filter(|(_, follow)| of(follow));
        let ended: Vec<(usize, usize)> =
            ended.map(|(number, follow)| (number, follow.client)).collect();
        for (number, slot) in ended {
            while self.feed_follow(number) {}
            self.hang_up_stream(now, slot);
        }
    }

    /// It is time to see what others have done with the files.
    pub(in crate::reactor) fn follow_due(&mut self, now: Now) {
        for (_, follow) in &mut self.web.follows {
            follow.due = true;
        }
        if !self.web.follows.is_empty() {
            self.shell.timers.arm(now.mono + LOOK_EVERY, Timer::Follow);
        }
    }

    /// Reads on where something was written, a portion each.
    pub(in crate::reactor) fn feed_follows(&mut self) {
        for number in self.shell.taps.take_hinted() {
            if let Some(follow) = self.web.follows.get_mut(number) {
                follow.due = true;
            }
        }
        let due = |follow: &Follow| follow.due;
        let due: Vec<usize> =
            self.web.follows.iter().filter(|(_, f)| due(f)).map(|(number, _)| number).collect();
        for number in due {
            self.feed_follow(number);
        }
    }

    /// Whether there may be more.
    fn feed_follow(&mut self, number: usize) -> bool {
        let Some(follow) = self.web.follows.get_mut(number) else { return false };
        let Some(client) = self.clients.get_mut(follow.client) else { return false };
        if client.connection.hold_if_behind() {
            return false; // it is told more when it has taken what it was told
        }
        let path = match follow.what {
            Followed::Main => self.shell.main_log_path(),
            Followed::Stream(id, channel) => self.shell.log_path(id, channel).map(PathBuf::from),
        };
        let (slot, token) = (follow.client, client.token);
        match follow.step(path) {
            Ok(Step::Told(text)) => {
                self.send_sse(slot, &text);
                self.shell.unfinished.push(token);
                true
            }
            Ok(Step::Nothing) | Err(_) => {
                follow.due = false;
                false
            }
        }
    }
}
