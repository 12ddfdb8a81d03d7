//! What is asked for by POST, and by the old addresses that act: it becomes a call of the table
//! of methods, and the call's result an answer.

use super::api::bad_name;
use super::{Asked, Caller};
use crate::base::clock::Now;
use crate::process::{Namespec, full_name};
use crate::proto::http::{Reply, Status};
use crate::reactor::Reactor;
use crate::reactor::calls::{Mark, ReplyTo};
use crate::rpc::{Code, Fault, Params, Value};
use crate::web::answer::Answer;
use crate::web::api;
use crate::web::old;
use crate::web::outcome::Outcome;
use crate::web::page::{Line, Notice};
use crate::web::routes::To;

/// How the result of a call is told.
#[derive(Debug)]
pub struct WebReply {
    /// To whom.
    pub reply: Reply,
    then: Then,
}

/// As what.
#[derive(Debug)]
pub(super) enum Then {
    /// As JSON: what came of an action for each process.
    Results(String),
    /// As JSON: what came of a task of the daemon.
    Task(String),
    /// On the page: what came of an action.
    Page(String),
    /// On the page: what came of a task of the daemon.
    PageTask(String),
    /// At an old address: by a message. With where to send the client on to.
    Old(old::Action, String),
}

impl Reactor {
    /// Answers a POST of the API; `None` if that takes a while.
    pub(super) fn api_post(
        &mut self,
        now: Now,
        caller: Caller,
        asked: &Asked,
        body: &[u8],
    ) -> Option<Answer> {
        let refuse = |why: String| Answer::error(Status::BadRequest, "BAD_ARGUMENTS", &why);
        let named = match asked.found.route.to {
            To::DaemonTask => {
                let task = asked.value("task").to_owned();
                return match api::empty(body) {
                    Ok(()) => self.task(now, caller, &task, Then::Task(task.clone())),
                    Err(why) => Some(refuse(why)),
                };
            }
            To::ProcessAction => match self.asked_process(asked) {
                Err(answer) => return Some(answer),
                Ok((_, process)) => {
                    let program = &process.program;
                    Some(full_name(&program.group, &program.name))
                }
            },
            To::GroupAction => {
                let group = asked.value("group");
                if self.set.group(group).is_none() {
                    return Some(bad_name("group", group));
                }
                Some(format!("{group}:*"))
            }
            _ => None,
        };
        let named = named.map(|target| (asked.value("action"), target));
        match api::asked(body, named) {
            Ok(what) => {
                let then = Then::Results(what.action.clone());
                self.web_call(now, caller, then, "svx.act", what.params());
                None
            }
            Err(why) => Some(refuse(why)),
        }
    }

    /// Has the daemon do something to itself.
    pub(super) fn task(
        &mut self,
        now: Now,
        caller: Caller,
        task: &str,
        then: Then,
    ) -> Option<Answer> {
        let method = match task {
            "reread" => "supervisor.reloadConfig",
            "update" => "svx.update",
            "restart" => "supervisor.restart",
            "shutdown" => "supervisor.shutdown",
            "clear-log" => "supervisor.clearLog",
            _ => {
                self.reopen_logs(now);
                return Some(self.told(now, &then, Ok(Value::Bool(true))));
            }
        };
        self.web_call(now, caller, then, method, Vec::new());
        None
    }

    /// What an address of Supervisor's page asks for.
    pub(super) fn old_action(&mut self, now: Now, caller: Caller, asked: &Asked) -> Option<Answer> {
        let action = match old::Action::read(&asked.query()) {
            Ok(action) => action,
            Err(why) => return Some(Answer::plain(Status::BadRequest, why)),
        };
        let name = match &action {
            old::Action::One(_, name) => name.as_str(),
            _ => "all",
        };
        let list = |text: &str| Value::texts([text]);
        let (method, params) = match &action {
            old::Action::Refresh => ("", Vec::new()),
            old::Action::StopAll => ("supervisor.stopAllProcesses", Vec::new()),
            old::Action::RestartAll => ("svx.act", vec!["restart".into(), list(name)]),
            old::Action::One(..) if self.set.find(Namespec::parse(name)).is_none() => ("", vec![]),
            old::Action::One("start", _) => ("supervisor.startProcess", vec![name.into()]),
            old::Action::One("stop", _) => ("supervisor.stopProcess", vec![name.into()]),
            old::Action::One("restart", _) => ("svx.act", vec!["restart".into(), list(name)]),
            old::Action::One(..) => ("supervisor.clearProcessLogs", vec![name.into()]),
        };
        let unknown = Code::BadName.of(name);
        let at_once = match &action {
            old::Action::Refresh => Some(Ok(Value::Bool(true))),
            old::Action::One(..) if method.is_empty() => Some(Err(unknown)),
            _ => None,
        };
        let host = asked.head.field("host").unwrap_or_default().to_owned();
        let then = Then::Old(action, host);
        if let Some(result) = at_once {
            return Some(self.told(now, &then, result));
        }
        self.web_call(now, caller, then, method, params);
        None
    }

    /// Calls a method of the table; what comes of it is told when it is known.
    pub(super) fn web_call(
        &mut self,
        now: Now,
        (slot, reply): Caller,
        then: Then,
        method: &str,
        params: Vec<Value>,
    ) {
        self.web_busy(slot);
        let Some(client) = self.clients.get(slot) else { return };
        let mark = Mark::Web(Box::new(WebReply { reply, then }));
        let to = ReplyTo { client: slot, token: client.token, mark };
        self.call(now, to, method.to_owned(), Params::List(params));
    }

    /// What is known by now of what was asked for.
    pub(in crate::reactor) fn web_answer(
        &mut self,
        now: Now,
        to: &WebReply,
        result: Result<Value, Fault>,
    ) -> Answer {
        self.told(now, &to.then, result)
    }

    fn told(&mut self, now: Now, then: &Then, result: Result<Value, Fault>) -> Answer {
        let on_page = matches!(then, Then::Page(_) | Then::PageTask(_));
        match (then, result) {
            (Then::Old(action, host), result) => {
                let date = local_time(now, &self.about.zone);
                let message = action.message(result.as_ref().map(|_| ()), &date);
                Answer::redirect(Status::MovedPermanently, old::location(host, &message))
            }
            (_, Err(fault)) if on_page => {
                let text = fault.text;
                self.noticed(Notice { lines: vec![Line { ok: false, text }] })
            }
            (_, Err(fault)) => Answer::error(status_of(fault.code), fault.code.name(), &fault.text),
            (Then::Results(action), Ok(value)) => {
                let results = Outcome::all(&value);
                let results = results.iter().map(|one| one.value(action)).collect();
                let results = Value::Array(results);
                Answer::json(Status::Ok, &Value::fields([("results", results)]))
            }
            (Then::Page(action), Ok(value)) => {
                let outcomes = Outcome::all(&value);
                let mut lines: Vec<Line> = outcomes
                    .iter()
                    .map(|one| {
                        let text = format!("{}: {}", one.name, one.words(action));
                        Line { ok: one.ok(), text }
                    })
                    .collect();
                if lines.is_empty() {
                    lines.push(Line { ok: true, text: format!("nothing to {action}") });
                }
                self.noticed(Notice { lines })
            }
            (Then::Task(task), Ok(value)) => {
                Answer::json(Status::Ok, &crate::web::task::value(task, &value))
            }
            (Then::PageTask(task), Ok(value)) => {
                let lines = crate::web::task::lines(task, &value);
                let lines = lines.into_iter().map(|(ok, text)| Line { ok, text }).collect();
                self.noticed(Notice { lines })
            }
        }
    }
}

fn local_time(now: Now, zone: &jiff::tz::TimeZone) -> String {
    let time = jiff::Timestamp::from_second(now.wall.secs()).unwrap_or_default();
    time.to_zoned(zone.clone()).strftime("%a %b %e %H:%M:%S %Y").to_string()
}

/// The status for a fault.
fn status_of(code: Code) -> Status {
    match code {
        Code::BadName | Code::NoFile => Status::NotFound,
        Code::UnknownMethod
        | Code::IncorrectParameters
        | Code::BadArguments
        | Code::SignatureUnsupported
        | Code::BadSignal => Status::BadRequest,
        Code::ShutdownState => Status::ServiceUnavailable,
        Code::Failed => Status::InternalServerError,
        Code::NotExecutable
        | Code::AbnormalTermination
        | Code::SpawnError
        | Code::AlreadyStarted
        | Code::NotRunning
        | Code::Success
        | Code::AlreadyAdded
        | Code::StillRunning
        | Code::CantReread
        | Code::NotInWhitelist => Status::Conflict,
    }
}
