//! Starting and stopping processes.

use super::names::{self, Named};
use super::{NAME, optional};
use crate::process::{ProcessId, State};
use crate::rpc::table::{Given, Kind, Method, Outcome, Param};
use crate::rpc::waiting::{Goal, Members, Waiting, Watch};
use crate::rpc::{Code, Context, Fault};

const WAIT: Param = optional("wait", Kind::Bool, Given::Bool(true));

pub static ROWS: [Method; 6] = [
    Method {
        name: "supervisor.startProcess",
        params: &[NAME, WAIT],
        result: Kind::Bool,
        help: "Starts a process, or with `group:*` all of a group, then answering as \
               startProcessGroup does. With wait, answers once it has stayed up for startsecs.",
        run: |ctx, args| match names::find(ctx.set, args.text(0))? {
            Named::Group(group) => {
                let ids = names::members(ctx.set, &group)?;
                Ok(start_each(ctx, ids, args.flag(1)))
            }
            Named::Process(id) => {
                start(ctx, id, args.text(0))?;
                Ok(one(ctx, id, args.text(0), Goal::Start, args.flag(1)))
            }
        },
    },
    Method {
        name: "supervisor.startProcessGroup",
        params: &[NAME, WAIT],
        result: Kind::Array,
        help: "Starts all of a group that do not run, by ascending priority, and answers a \
               struct (name, group, status, description) for each of them.",
        run: |ctx, args| {
            let ids = names::members(ctx.set, args.text(0))?;
            Ok(start_each(ctx, ids, args.flag(1)))
        },
    },
    Method {
        name: "supervisor.startAllProcesses",
        params: &[WAIT],
        result: Kind::Array,
        help: "Starts every process that does not run, by ascending priority; answers as \
               startProcessGroup does.",
        run: |ctx, args| {
            let ids = names::everybody(ctx.set);
            Ok(start_each(ctx, ids, args.flag(0)))
        },
    },
    Method {
        name: "supervisor.stopProcess",
        params: &[NAME, WAIT],
        result: Kind::Bool,
        help: "Stops a process, or with `group:*` all of a group, then answering as \
               stopProcessGroup does. With wait, answers once it has ended.",
        run: |ctx, args| match names::find(ctx.set, args.text(0))? {
            Named::Group(group) => {
                let ids = names::members(ctx.set, &group)?;
                Ok(stop_each(ctx, ids, args.flag(1)))
            }
            Named::Process(id) => {
                stop(ctx, id, args.text(0))?;
                Ok(one(ctx, id, args.text(0), Goal::Stop, args.flag(1)))
            }
        },
    },
    Method {
        name: "supervisor.stopProcessGroup",
        params: &[NAME, WAIT],
        result: Kind::Array,
        help: "Stops all of a group that run, and answers a struct (name, group, status, \
               description) for each of them.",
        run: |ctx, args| {
            let ids = names::members(ctx.set, args.text(0))?;
            Ok(stop_each(ctx, ids, args.flag(1)))
        },
    },
    Method {
        name: "supervisor.stopAllProcesses",
        params: &[WAIT],
        result: Kind::Array,
        help: "Stops every process that runs; answers as stopProcessGroup does.",
        run: |ctx, args| {
            let ids = names::everybody(ctx.set);
            Ok(stop_each(ctx, ids, args.flag(0)))
        },
    },
];

fn one(ctx: &Context, id: ProcessId, name: &str, goal: Goal, wait: bool) -> Outcome {
    Outcome::Wait(Waiting::One(Watch::new(ctx.set, id, name.to_owned(), goal, wait)))
}

/// Starts it, or says why that can not be. A process in STOPPING is left to its end: whoever
/// waits for the start is then told that it did not come up, as 4.3.0 does.
pub(super) fn start(ctx: &mut Context, id: ProcessId, name: &str) -> Result<(), Fault> {
    let process = ctx.set.get(id).ok_or_else(|| Code::BadName.of(name))?;
    ctx.host.find_command(&process.program)?;
    if process.state.is_running() {
        return Err(Code::AlreadyStarted.of(name));
    }
    if process.state == State::Unknown {
        return Err(Code::Failed.of(format_args!("{name} is in an unknown process state")));
    }
    ctx.set.start(ctx.now, id);
    Ok(())
}

pub(super) fn stop(ctx: &mut Context, id: ProcessId, name: &str) -> Result<(), Fault> {
    if !runs(ctx, id) {
        return Err(Code::NotRunning.of(name));
    }
    ctx.set.stop(ctx.now, id);
    Ok(())
}

fn start_each(ctx: &mut Context, mut ids: Vec<ProcessId>, wait: bool) -> Outcome {
    ids.retain(|id| !runs(ctx, *id));
    Outcome::Wait(Waiting::All(Members::new(names::ask_each(ctx, ids, Goal::Start, wait, start))))
}

fn stop_each(ctx: &mut Context, mut ids: Vec<ProcessId>, wait: bool) -> Outcome {
    ids.retain(|id| runs(ctx, *id));
    // Stopped from the highest priority down (4.3.0 goes up, its issue 217), told from the lowest
    // up as there.
    ids.reverse();
    let mut members = names::ask_each(ctx, ids, Goal::Stop, wait, stop);
    members.reverse();
    Outcome::Wait(Waiting::All(Members::new(members)))
}

fn runs(ctx: &Context, id: ProcessId) -> bool {
    ctx.set.get(id).is_some_and(|process| process.state.is_running())
}
