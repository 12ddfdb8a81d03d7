//! The pages, their forms and their files.

use std::collections::VecDeque;

use super::actions::Then;
use super::logfile::LogFile;
use super::{Asked, Caller};
use crate::base::clock::Now;
use crate::process::Namespec;
use crate::proto::http::{Status, not_modified};
use crate::reactor::Reactor;
use crate::rpc::{Channel, Host};
use crate::web::answer::Answer;
use crate::web::api::{Asked as Action, range};
use crate::web::form::Form;
use crate::web::page::{self, Filter, Line, List, Log, Notice, Source, Wanted};
use crate::web::routes::To;
use crate::web::view::ProcessView;
use crate::web::{assets, old};

/// So many notices are kept for the pages they belong to.
const NOTICES_MAX: usize = 16;

/// What came of the latest actions, each told by the page that follows it.
#[derive(Default)]
pub struct Notices {
    kept: VecDeque<Notice>,
    /// The number of the first one kept.
    first: u64,
}

impl Notices {
    /// Keeps one; the number finds it again.
    fn keep(&mut self, notice: Notice) -> u64 {
        self.kept.push_back(notice);
        if self.kept.len() > NOTICES_MAX {
            self.kept.pop_front();
            self.first += 1;
        }
        self.first + self.kept.len() as u64 - 1
    }

    fn get(&self, number: &str) -> Option<&Notice> {
        let number: u64 = number.parse().ok()?;
        self.kept.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }
}

impl Reactor {
    /// Answers a request for a page, or of one; `None` if that takes a while.
    pub(super) fn page(
        &mut self,
        now: Now,
        caller: Caller,
        asked: &Asked,
        body: &[u8],
    ) -> Option<Answer> {
        Some(match asked.found.route.to {
            To::List if asked.query().filled("action").is_some() => {
                return self.old_action(now, caller, asked);
            }
            To::List => self.list_page(now, &asked.query()),
            To::Form => return self.form(now, caller, body),
            To::MainLog | To::Log => self.log_page(now, asked),
            To::Tail => self.tail_page(now, &asked.query()),
            To::Ok => Answer::text("text/plain", "OK"),
            _ => self.asset(asked),
        })
    }

    fn list_page(&mut self, now: Now, query: &Form) -> Answer {
        let serial = self.web_serial(now);
        let message = query.filled("message").map(|text| Notice {
            lines: vec![Line { ok: old::is_good(text), text: text.to_owned() }],
        });
        let notice = query.get("notice").and_then(|number| self.web.notices.get(number));
        let filter = Filter {
            text: query.get("filter").unwrap_or_default().to_owned(),
            state: query.get("state").and_then(Wanted::parse),
        };
        let page = page::list(&List {
            daemon: &self.daemon_view(now),
            processes: &self.process_views(now),
            filter: &filter,
            notice: notice.or(message.as_ref()),
            token: self.web.token.text(),
            serial: &serial,
        });
        Answer::html(Status::Ok, page)
    }

    /// What a form of the page asks for.
    fn form(&mut self, now: Now, caller: Caller, body: &[u8]) -> Option<Answer> {
        let form = Form::parse(&String::from_utf8_lossy(body));
        if !form.get("token").is_some_and(|token| self.web.token.matches(token)) {
            let sentence = "The form is older than the daemon. Go back, reload the page, and try \
                            again.";
            return Some(self.problem(now, Status::Forbidden, "Not done", sentence));
        }
        let action = form.get("action").unwrap_or_default();
        let targets: Vec<String> = form.all("target").map(str::to_owned).collect();
        let signal = form.filled("signal").filter(|_| action == "signal");
        let asked = page::Asked { action, targets: &targets, signal };
        let task = match action {
            "start" | "stop" | "restart" | "signal" | "clear" => None,
            "reread" | "update" | "shutdown" => Some(action),
            "restart-daemon" => Some("restart"),
            "clear-main-log" => Some("clear-log"),
            _ => {
                let sentence = "There is no such action.";
                return Some(self.problem(now, Status::BadRequest, "Not done", sentence));
            }
        };
        if task.is_none() && targets.is_empty() {
            let text = format!("nothing was selected to {action}");
            return Some(self.noticed(Notice { lines: vec![Line { ok: false, text }] }));
        }
        if page::hurts(asked) && form.get("confirmed") != Some("1") {
            let page = page::confirm(&self.daemon_view(now), self.web.token.text(), asked);
            return Some(Answer::html(Status::Ok, page));
        }
        if let Some(task) = task {
            return self.task(now, caller, task, Then::PageTask(task.to_owned()));
        }
        let signal = signal.unwrap_or_default().to_owned();
        let action = Action { action: action.to_owned(), targets, signal, wait: true };
        let then = Then::Page(action.action.clone());
        self.web_call(now, caller, then, "svx.act", action.params());
        None
    }

    /// Sends a browser back to the list, which then tells this.
    pub(super) fn noticed(&mut self, notice: Notice) -> Answer {
        let number = self.web.notices.keep(notice);
        Answer::redirect(Status::SeeOther, format!("/?notice={number}"))
    }

    fn problem(&self, now: Now, status: Status, title: &str, sentence: &str) -> Answer {
        Answer::html(status, page::problem(&self.daemon_view(now), title, sentence))
    }

    fn missing(&self, now: Now, sentence: &str) -> Answer {
        self.problem(now, Status::NotFound, "Not found", sentence)
    }

    fn log_page(&self, now: Now, asked: &Asked) -> Answer {
        let name = asked.value("process");
        let channel = Channel::named(asked.value("channel")).unwrap_or(Channel::Stdout);
        let view = match asked.found.route.to {
            To::MainLog => None,
            _ => match self
                .set
                .find(Namespec::parse(name))
                .and_then(|id| Some((id, self.set.get(id)?)))
            {
                Some((id, process)) => Some(self.process_view(now, id, process)),
                None => return self.missing(now, &format!("There is no process {name}.")),
            },
        };
        let Ok(path) = self.asked_log(asked) else {
            return self.missing(now, "This log goes to no file.");
        };
        // Before its program is started for the first time there is no file.
        let log = LogFile::open(&path).ok();
        let size = log.as_ref().and_then(|log| log.size().ok()).unwrap_or(0);
        let part = match range(&asked.head, &asked.query(), size) {
            Ok(part) => part,
            Err(_) => {
                let sentence = "These are no offset and length of a log.";
                return self.problem(now, Status::BadRequest, "Not possible", sentence);
            }
        };
        let text = log.and_then(|log| log.read(part.offset, part.length).ok()).unwrap_or_default();
        self.shown_log(now, view.as_ref(), channel, (&text, part.offset, size))
    }

    fn shown_log(
        &self,
        now: Now,
        view: Option<&ProcessView>,
        channel: Channel,
        (text, offset, size): (&[u8], u64, u64),
    ) -> Answer {
        let of = view.map_or(Source::Main, |view| Source::Process(view, channel));
        let daemon = &self.daemon_view(now);
        Answer::html(Status::Ok, page::log(&Log { daemon, of, text, offset, size }))
    }

    /// `/tail.html`: what is missing is told with 4.3.0's words and status.
    fn tail_page(&self, now: Now, query: &Form) -> Answer {
        let tell = |sentence: &str| self.problem(now, Status::Ok, "Tail", sentence);
        let Some(name) = query.filled("processname") else {
            return tell("No process name found");
        };
        let found = self.set.find(Namespec::parse(name));
        let Some((id, process)) = found.and_then(|id| Some((id, self.set.get(id)?))) else {
            return tell(&format!("ERROR: unexpected rpc fault [10] BAD_NAME: {name}"));
        };
        let channel = if query.get("stderr").is_some() { Channel::Stderr } else { Channel::Stdout };
        let log = self.shell.log_path(id, channel).and_then(|path| LogFile::open(path).ok());
        let Some(log) = log else { return tell(&format!("No file for {name}")) };
        let size = log.size().unwrap_or(0);
        let offset = size.saturating_sub(old::tail_bytes(query));
        let text = log.read(offset, size - offset).unwrap_or_default();
        let view = self.process_view(now, id, process);
        self.shown_log(now, Some(&view), channel, (&text, offset, size))
    }

    fn asset(&self, asked: &Asked) -> Answer {
        let Some(asset) = assets::at(asked.head.path()) else {
            return Answer::plain(Status::NotFound, "nothing is here");
        };
        let etag = asset.etag();
        let mut answer = Answer::text(asset.kind, asset.body).for_ever().with("ETag", etag.clone());
        if not_modified(&asked.head, &etag) {
            answer.status = Status::NotModified;
            answer.body.clear();
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_notices_are_found_by_their_numbers() {
        let mut notices = Notices::default();
        let notice =
            |number: u64| Notice { lines: vec![Line { ok: true, text: number.to_string() }] };
        for number in 0..20 {
            assert_eq!(notices.keep(notice(number)), number);
        }
        assert_eq!(notices.get("19"), Some(&notice(19)));
        assert_eq!(notices.get("4"), Some(&notice(4)));
        for unknown in ["3", "20", "", "x", "-1", "99999999999999999999"] {
            assert_eq!(notices.get(unknown), None, "{unknown}");
        }
    }
}
