//! `svx.act`: the same done to any number of processes, in one call with one answer.

use std::collections::{HashMap, HashSet};

use super::startstop::{start, stop};
use super::{names, needed, optional, signals};
use crate::base::signal;
use crate::process::{Namespec, ProcessId, State, Supervisor, full_name};
use crate::rpc::table::{Given, Kind, Method, Outcome};
use crate::rpc::waiting::{Clearing, Goal, Member, Members, Waiting, Watch, status};
use crate::rpc::{Code, Context, Fault, Value};

/// From so many names on they are looked up in an index made for the purpose.
const INDEX_FROM: usize = 16;

pub static ROWS: [Method; 1] = [Method {
    name: "svx.act",
    params: &[
        needed("action", Kind::Str),
        needed("targets", Kind::Array),
        optional("signal", Kind::NameOrNumber, Given::Str("")),
        optional("wait", Kind::Bool, Given::Bool(true)),
    ],
    result: Kind::Array,
    help: "Does one of start, stop, restart, signal, clear to each of the targets: `name`, \
           `group:name`, `group:*` or `all`. Answers a struct (name, group, status, description) \
           for each process; of a group and of all only for those there is something to do for. \
           Processes are started by ascending and stopped by descending priority. With wait, \
           answers once starts have stayed up for startsecs and stops have ended. A restart stops \
           all of them and then starts them, also when the caller is gone by then.",
    run: |ctx, args| {
        let action = Action::named(args.text(0)).ok_or_else(|| Code::BadArguments.of("action"))?;
        if action == Action::Signal && signal::number(args.text(2)).is_none() {
            return Err(Code::BadSignal.of(args.text(2)));
        }
        let targets: Option<Vec<&str>> = args.items(1).iter().map(Value::as_str).collect();
        let targets = targets.ok_or_else(|| Code::IncorrectParameters.of("targets"))?;
        let (ids, unknown) = picked(ctx, action, &targets);
        let wait = args.flag(3);
        Ok(Outcome::Wait(match action {
            Action::Start => {
                let asked = names::ask_each(ctx, ids, Goal::Start, wait, start);
                Waiting::All(Members::new(unknown.into_iter().chain(asked)))
            }
            Action::Stop => {
                let mut asked = names::ask_each(ctx, reversed(ids), Goal::Stop, wait, stop);
                asked.reverse(); // told from the lowest priority up
                Waiting::All(Members::new(unknown.into_iter().chain(asked)))
            }
            Action::Signal => {
                let name = args.text(2);
                let asked = names::ask_each(ctx, ids, Goal::Signal, false, |ctx, id, full| {
                    signals::send(ctx, id, full, name)
                });
                Waiting::All(Members::new(unknown.into_iter().chain(asked)))
            }
            Action::Clear => {
                let results = unknown.into_iter().filter_map(|member| {
                    Some(status(&member.name, &member.group, Err(member.watch.err()?)))
                });
                Waiting::Clear(Clearing { pending: ids.into(), results: results.collect() })
            }
            Action::Restart => Waiting::Restart(Box::new(Restart::begin(ctx, ids, unknown, wait))),
        }))
    },
}];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Start,
    Stop,
    Restart,
    Signal,
    Clear,
}

impl Action {
    fn named(name: &str) -> Option<Action> {
        Some(match name {
            "start" => Action::Start,
            "stop" => Action::Stop,
            "restart" => Action::Restart,
            "signal" => Action::Signal,
            "clear" => Action::Clear,
            _ => return None,
        })
    }

    /// Whether there is something to do for a process that was not named itself.
    fn concerns(self, ctx: &Context, id: ProcessId) -> bool {
        let runs = ctx.set.get(id).is_some_and(|process| process.state.is_running());
        match self {
            Action::Start => !runs,
            Action::Stop => runs,
            Action::Signal => signals::is_signallable(ctx, id),
            Action::Restart | Action::Clear => true,
        }
    }
}

/// The processes that are meant, each once, by ascending priority; and what nobody is called.
fn picked(ctx: &Context, action: Action, targets: &[&str]) -> (Vec<ProcessId>, Vec<Member>) {
    let index = (targets.len() >= INDEX_FROM).then(|| index(ctx.set));
    let find = |spec: Namespec| match &index {
        Some(index) => index.get(&(spec.group, spec.process?)).copied(),
        None => ctx.set.find(spec),
    };
    let (mut ids, mut seen) = (Vec::new(), HashSet::new());
    let mut unknown = Vec::new();
    for target in targets {
        let spec = Namespec::parse(target);
        let found = match (*target, spec.process) {
            ("all", _) => Some(ctx.set.iter().map(|(id, _)| id).collect()),
            (_, None) => ctx.set.group(spec.group).map(|group| group.members.clone()),
            (_, Some(_)) => {
                if let Some(id) = find(spec) {
                    ids.extend(seen.insert(id).then_some(id));
                    continue;
                }
                None
            }
        };
        let Some(found) = found else {
            let name = (*target).to_owned();
            let watch = Err(Code::BadName.of(target));
            unknown.push(Member { group: name.clone(), name, watch });
            continue;
        };
        let wanted = found.into_iter().filter(|id| action.concerns(ctx, *id));
        ids.extend(wanted.filter(|id| seen.insert(*id)));
    }
    ids.sort_by_cached_key(|id| {
        let process = ctx.set.get(*id)?;
        let group = ctx.set.group(&process.program.group)?;
        Some((group.config.priority, process.program.priority))
    });
    (ids, unknown)
}

fn index(set: &Supervisor) -> HashMap<(&str, &str), ProcessId> {
    let named = set
        .iter()
        .map(|(id, process)| ((process.program.group.as_str(), process.program.name.as_str()), id));
    named.collect()
}

fn reversed(mut ids: Vec<ProcessId>) -> Vec<ProcessId> {
    ids.reverse();
    ids
}

/// A restart under way: first all are stopped, then all are started.
#[derive(Clone, Debug, PartialEq)]
pub struct Restart {
    /// To be started.
    ids: Vec<ProcessId>,
    unknown: Vec<Member>,
    wait: bool,
    stopping: bool,
    members: Members,
}

impl Restart {
    fn begin(ctx: &mut Context, ids: Vec<ProcessId>, unknown: Vec<Member>, wait: bool) -> Restart {
        let mut stopping = Vec::new();
        for id in ids.iter().rev().copied() {
            let Some(process) = ctx.set.get(id) else { continue };
            let (group, name) = (process.program.group.clone(), process.program.name.clone());
            let full = full_name(&group, &name);
            // One that is about to end already is waited for too.
            if process.state.is_running() {
                ctx.set.stop(ctx.now, id);
            } else if process.state != State::Stopping {
                continue;
            }
            let watch = Ok(Watch::new(ctx.set, id, full, Goal::Stop, true));
            stopping.push(Member { group, name, watch });
        }
        let members = Members::new(stopping);
        Restart { ids, unknown, wait, stopping: true, members }
    }

    /// The answer, once all have been started.
    pub fn poll(&mut self, ctx: &mut Context) -> Option<Result<Value, Fault>> {
        if self.stopping {
            self.members.poll(ctx)?; // one that cannot be stopped cannot be started either
            self.stopping = false;
            let ids = std::mem::take(&mut self.ids);
            let asked = names::ask_each(ctx, ids, Goal::Start, self.wait, start);
            let unknown = std::mem::take(&mut self.unknown);
            self.members = Members::new(unknown.into_iter().chain(asked));
            return None;
        }
        self.members.poll(ctx).map(Ok)
    }

    /// See [`Waiting::is_ready`].
    pub fn is_ready(&self) -> bool {
        !self.members.is_seen()
    }
}
