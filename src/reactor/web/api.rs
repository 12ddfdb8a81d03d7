//! The JSON API's answers to GET.

use std::collections::HashSet;
use std::path::PathBuf;

use super::Asked;
use super::logfile::LogFile;
use crate::base::clock::Now;
use crate::process::{Mood, Namespec, Process, ProcessId, State};
use crate::proto::http::Status;
use crate::reactor::Reactor;
use crate::rpc::{Channel, Host, Value};
use crate::web::answer::Answer;
use crate::web::api::{self, RangeError};
use crate::web::openapi;
use crate::web::routes::To;

impl Reactor {
    /// Answers a request that changes nothing.
    pub(super) fn api_get(&mut self, now: Now, asked: &Asked) -> Answer {
        self.api_value(now, asked).unwrap_or_else(|refused| refused)
    }

    fn api_value(&mut self, now: Now, asked: &Asked) -> Result<Answer, Answer> {
        let value = match asked.found.route.to {
            To::Processes => {
                let daemon = self.daemon_value(now);
                api::processes(daemon, &self.process_views(now), now.wall)
            }
            To::Process => {
                let (id, process) = self.asked_process(asked)?;
                api::process(&self.process_view(now, id, process), now.wall)
            }
            To::Config => api::config(&self.asked_process(asked)?.1.program),
            To::Groups => {
                let names = self.set.groups().iter().map(|group| group.config.name.as_str());
                api::groups(names.filter_map(|name| self.group_value(name)).collect())
            }
            To::Group => {
                let name = asked.value("group");
                self.group_value(name).ok_or_else(|| bad_name("group", name))?
            }
            To::Daemon => self.daemon_value(now),
            To::LogRange | To::DaemonLog => return self.log_range(asked),
            To::OpenApi => return Ok(Answer::text("application/json", openapi::TEXT.as_str())),
            To::Health => return Ok(Answer::text("text/plain; charset=utf-8", "ok\n")),
            To::Ready => return Ok(self.readiness()),
            _ => return Err(Answer::error(Status::NotFound, "NOT_FOUND", "nothing is here")),
        };
        Ok(Answer::json(Status::Ok, &value))
    }

    pub(super) fn daemon_value(&self, now: Now) -> Value {
        api::daemon(&self.daemon_view(now), self.about.version)
    }

    /// The process that the address names.
    pub(super) fn asked_process(&self, asked: &Asked) -> Result<(ProcessId, &Process), Answer> {
        let name = asked.value("process");
        let found = self.set.find(Namespec::parse(name));
        found.and_then(|id| Some((id, self.set.get(id)?))).ok_or_else(|| bad_name("process", name))
    }

    fn group_value(&self, name: &str) -> Option<Value> {
        let members = self.set.group(name)?.members.iter();
        let members = members.filter_map(|id| self.set.get(*id)).map(|process| {
            let program = &process.program;
            (crate::process::full_name(&program.group, &program.name), &process.state)
        });
        Some(api::group(name, members))
    }

    /// The file behind an address of a log.
    ///
    /// # Errors
    /// 404 in JSON.
    pub(super) fn asked_log(&self, asked: &Asked) -> Result<PathBuf, Answer> {
        let of_process = asked.found.route.names().any(|name| name == "process");
        let path = if of_process {
            let (id, _) = self.asked_process(asked)?;
            let channel = Channel::named(asked.value("channel")).unwrap_or(Channel::Stdout);
            self.shell.log_path(id, channel).map(PathBuf::from)
        } else {
            self.shell.main_log_path()
        };
        path.ok_or_else(|| Answer::error(Status::NotFound, "NO_FILE", "this log goes to no file"))
    }

    /// Bytes of a log.
    fn log_range(&self, asked: &Asked) -> Result<Answer, Answer> {
        let path = self.asked_log(asked)?;
        let missing = |error: std::io::Error| {
            let message = format!("{}: {error}", path.display());
            Answer::error(Status::NotFound, "NO_FILE", &message)
        };
        let log = LogFile::open(&path).map_err(missing)?;
        let size = log.size().map_err(missing)?;
        let told = |answer: Answer| {
            answer.with("X-Log-Size", size.to_string()).with("X-Log-File-Id", log.id.clone())
        };
        let range = api::range(&asked.head, &asked.query(), size).map_err(|error| match error {
            RangeError::Bad(message) => {
                Answer::error(Status::BadRequest, "BAD_ARGUMENTS", &message)
            }
            RangeError::Beyond => {
                let message = "the log is shorter than that";
                let status = Status::RangeNotSatisfiable;
                let answer = Answer::error(status, "RANGE_NOT_SATISFIABLE", message);
                told(answer).with("Content-Range", format!("bytes */{size}"))
            }
        })?;
        let bytes = log.read(range.offset, range.length).map_err(missing)?;
        let length = bytes.len() as u64;
        let mut answer = told(Answer::text("text/plain; charset=utf-8", bytes))
            .with("X-Log-Offset", range.offset.to_string())
            .with("Accept-Ranges", "bytes");
        if range.partial && length > 0 {
            let last = range.offset + length - 1;
            answer.status = Status::PartialContent;
            answer = answer.with("Content-Range", format!("bytes {}-{last}/{size}", range.offset));
        }
        Ok(answer)
    }

    /// Whether every program that starts by itself has arrived.
    fn readiness(&self) -> Answer {
        let queued: HashSet<ProcessId> = self.set.queued().collect();
        let waiting =
            self.set.iter().filter(|(id, process)| !has_arrived(process, queued.contains(id)));
        let waiting = waiting.map(|(_, process)| {
            let program = &process.program;
            let name = crate::process::full_name(&program.group, &program.name);
            Value::fields([("name", name.into()), ("state", process.state.name().into())])
        });
        let waiting: Vec<Value> = waiting.collect();
        let mood = self.set.mood();
        let ready = waiting.is_empty() && mood == Mood::Running;
        let status = if ready { Status::Ok } else { Status::ServiceUnavailable };
        let value = Value::fields([
            ("ready", ready.into()),
            ("state", mood.name().into()),
            ("waiting", waiting.into()),
        ]);
        Answer::json(status, &value)
    }
}

/// It runs, has done what it was to do, was stopped by somebody, or is not to run at all.
fn has_arrived(process: &Process, is_queued: bool) -> bool {
    match process.state {
        _ if !process.program.autostart => true,
        State::Running => true,
        State::Exited => process.last_end.is_some_and(|end| end.expected),
        State::Stopped => !is_queued,
        State::Starting | State::Backoff | State::Stopping | State::Fatal | State::Unknown => false,
    }
}

/// What is answered where an address names what is not there.
pub(super) fn bad_name(kind: &str, name: &str) -> Answer {
    let message = format!("there is no {kind} {name}");
    Answer::error(Status::NotFound, "BAD_NAME", &message)
}
