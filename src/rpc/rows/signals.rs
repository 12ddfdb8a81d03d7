//! Sending signals and stdin to processes.

use super::names::{self, Named};
use super::{NAME, needed};
use crate::base::signal;
use crate::process::{ProcessId, State};
use crate::rpc::table::{Kind, Method, Outcome, Param};
use crate::rpc::waiting::{Goal, Members, Waiting, Watch};
use crate::rpc::{Code, Context, Fault, StdinError};

const SIGNAL: Param = needed("signal", Kind::NameOrNumber);

pub static ROWS: [Method; 5] = [
    Method {
        name: "supervisor.signalProcess",
        params: &[NAME, SIGNAL],
        result: Kind::Bool,
        help: "Sends a signal, by name (HUP, SIGHUP) or number, to a process, or with `group:*` \
               to all of a group, then answering as signalProcessGroup does.",
        run: |ctx, args| match names::find(ctx.set, args.text(0))? {
            Named::Group(group) => {
                let ids = names::members(ctx.set, &group)?;
                Ok(send_each(ctx, ids, args.text(1)))
            }
            Named::Process(id) => {
                send(ctx, id, args.text(0), args.text(1))?;
                let watch = Watch::new(ctx.set, id, args.text(0).to_owned(), Goal::Signal, false);
                Ok(Outcome::Wait(Waiting::One(watch)))
            }
        },
    },
    Method {
        name: "supervisor.signalProcessGroup",
        params: &[NAME, SIGNAL],
        result: Kind::Array,
        help: "Sends a signal to all of a group that live, and answers a struct (name, group, \
               status, description) for each of them.",
        run: |ctx, args| {
            let ids = names::members(ctx.set, args.text(0))?;
            Ok(send_each(ctx, ids, args.text(1)))
        },
    },
    Method {
        name: "supervisor.signalAllProcesses",
        params: &[SIGNAL],
        result: Kind::Array,
        help: "Sends a signal to every process that lives; answers as signalProcessGroup does.",
        run: |ctx, args| {
            let ids = names::everybody(ctx.set);
            Ok(send_each(ctx, ids, args.text(0)))
        },
    },
    Method {
        name: "supervisor.sendProcessStdin",
        params: &[NAME, needed("chars", Kind::Chars)],
        result: Kind::Bool,
        help: "Writes text, as UTF-8, to the stdin of a process. Fault NOT_RUNNING if it does \
               not run, NO_FILE if its stdin is closed.",
        run: |ctx, args| {
            let name = args.text(0);
            let id = names::process(ctx.set, name)?;
            let process = ctx.set.get(id).ok_or_else(|| Code::BadName.of(name))?;
            if process.pid == 0 || process.state == State::Stopping {
                return Err(Code::NotRunning.of(name));
            }
            ctx.host.write_stdin(id, args.bytes(1)).map_err(|error| match error {
                StdinError::Closed => Code::NoFile.of(name),
                StdinError::Full => Code::Failed.of(format_args!("{name} does not read its stdin")),
            })?;
            Ok(true.into())
        },
    },
    Method {
        name: "supervisor.sendRemoteCommEvent",
        params: &[needed("type", Kind::Text), needed("data", Kind::Text)],
        result: Kind::Bool,
        help: "Sends an event of a type of the caller's own to the listeners of \
               REMOTE_COMMUNICATION events.",
        run: |ctx, args| {
            ctx.host.remote_event(args.text(0), args.text(1));
            Ok(true.into())
        },
    },
];

pub(super) fn send(ctx: &mut Context, id: ProcessId, name: &str, text: &str) -> Result<(), Fault> {
    let signal = signal::number(text).ok_or_else(|| Code::BadSignal.of(text))?;
    if !is_signallable(ctx, id) {
        return Err(Code::NotRunning.of(name));
    }
    ctx.set.signal(ctx.now, id, signal);
    Ok(())
}

fn send_each(ctx: &mut Context, mut ids: Vec<ProcessId>, signal: &str) -> Outcome {
    ids.retain(|id| is_signallable(ctx, *id));
    let sent =
        names::ask_each(ctx, ids, Goal::Signal, false, |ctx, id, name| send(ctx, id, name, signal));
    Outcome::Wait(Waiting::All(Members::new(sent)))
}

pub(super) fn is_signallable(ctx: &Context, id: ProcessId) -> bool {
    ctx.set.get(id).is_some_and(|process| {
        matches!(process.state, State::Running | State::Starting | State::Stopping)
    })
}
