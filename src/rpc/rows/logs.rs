//! Reading and clearing logs.

use std::path::{Path, PathBuf};

use super::{NAME, names, needed};
use crate::config::model::LogTarget;
use crate::rpc::table::{Args, Kind, Method, Outcome, Param};
use crate::rpc::waiting::{Clearing, Waiting};
use crate::rpc::{Channel, Code, Context, Fault, Value, logs};

const OFFSET: Param = needed("offset", Kind::Int);
const LENGTH: Param = needed("length", Kind::Int);

pub static ROWS: [Method; 12] = [
    Method {
        name: "supervisor.readLog",
        params: &[OFFSET, LENGTH],
        result: Kind::Str,
        help: "Bytes of the main log from an offset on; length 0 means up to the end, and with \
               a negative offset the last bytes.",
        run: read_main,
    },
    Method {
        name: "supervisor.readMainLog",
        params: &[OFFSET, LENGTH],
        result: Kind::Str,
        help: "The old name of readLog.",
        run: read_main,
    },
    Method {
        name: "supervisor.clearLog",
        params: &[],
        result: Kind::Bool,
        help: "Empties the main log.",
        run: |ctx, _| {
            let path = ctx.host.main_log_path().filter(|path| path.exists());
            path.ok_or_else(|| Code::NoFile.bare())?;
            ctx.host.clear_main_log().map_err(|_| Code::Failed.bare())?;
            Ok(true.into())
        },
    },
    Method {
        name: "supervisor.readProcessStdoutLog",
        params: &[NAME, OFFSET, LENGTH],
        result: Kind::Str,
        help: "Bytes of a process's stdout log; offset and length as for readLog.",
        run: |ctx, args| read(ctx, args, Channel::Stdout),
    },
    Method {
        name: "supervisor.readProcessStderrLog",
        params: &[NAME, OFFSET, LENGTH],
        result: Kind::Str,
        help: "Bytes of a process's stderr log; offset and length as for readLog.",
        run: |ctx, args| read(ctx, args, Channel::Stderr),
    },
    Method {
        name: "supervisor.readProcessLog",
        params: &[NAME, OFFSET, LENGTH],
        result: Kind::Str,
        help: "The old name of readProcessStdoutLog.",
        run: |ctx, args| read(ctx, args, Channel::Stdout),
    },
    Method {
        name: "supervisor.tailProcessStdoutLog",
        params: &[NAME, OFFSET, LENGTH],
        result: Kind::Array,
        help: "The last bytes of a process's stdout log: [bytes, offset, overflow]. Pass the \
               offset back to hear what is new; overflow says that more came than length.",
        run: |ctx, args| tail(ctx, args, Channel::Stdout),
    },
    Method {
        name: "supervisor.tailProcessStderrLog",
        params: &[NAME, OFFSET, LENGTH],
        result: Kind::Array,
        help: "The same as tailProcessStdoutLog for the stderr log.",
        run: |ctx, args| tail(ctx, args, Channel::Stderr),
    },
    Method {
        name: "supervisor.tailProcessLog",
        params: &[NAME, OFFSET, LENGTH],
        result: Kind::Array,
        help: "The old name of tailProcessStdoutLog.",
        run: |ctx, args| tail(ctx, args, Channel::Stdout),
    },
    Method {
        name: "supervisor.clearProcessLogs",
        params: &[NAME],
        result: Kind::Bool,
        help: "Empties the stdout and stderr logs of a process.",
        run: clear,
    },
    Method {
        name: "supervisor.clearProcessLog",
        params: &[NAME],
        result: Kind::Bool,
        help: "The old name of clearProcessLogs.",
        run: clear,
    },
    Method {
        name: "supervisor.clearAllProcessLogs",
        params: &[],
        result: Kind::Array,
        help: "Empties the logs of every process, and answers a struct (name, group, status, \
               description) for each.",
        run: |ctx, _| {
            let pending = names::everybody(ctx.set).into();
            Ok(Outcome::Wait(Waiting::Clear(Clearing { pending, results: Vec::new() })))
        },
    },
];

fn read_main(ctx: &mut Context, args: &Args) -> Result<Outcome, Fault> {
    let path = existing(ctx.host.main_log_path())?;
    let bytes = logs::read(&path, args.int(0), args.int(1))?;
    Ok(Value::Bytes(bytes).into())
}

fn read(ctx: &mut Context, args: &Args, channel: Channel) -> Result<Outcome, Fault> {
    let path = existing(find(ctx, args.text(0), channel)?)?;
    let bytes = logs::read(&path, args.int(1), args.int(2))?;
    Ok(Value::Bytes(bytes).into())
}

fn tail(ctx: &mut Context, args: &Args, channel: Channel) -> Result<Outcome, Fault> {
    let path = find(ctx, args.text(0), channel)?.filter(|path| path.exists());
    let found = match path {
        Some(path) => logs::tail(&path, args.int(1), args.int(2)),
        None => logs::Tailed { bytes: Vec::new(), offset: 0, overflow: false },
    };
    let (bytes, offset) = (Value::Bytes(found.bytes), found.offset.into());
    Ok(vec![bytes, offset, found.overflow.into()].into())
}

fn clear(ctx: &mut Context, args: &Args) -> Result<Outcome, Fault> {
    let name = args.text(0);
    let id = names::process(ctx.set, name)?;
    ctx.host.clear_logs(id).map_err(|_| Code::Failed.of(name))?;
    Ok(true.into())
}

/// The file of a process's log, if it goes to one.
pub(super) fn find(ctx: &Context, name: &str, channel: Channel) -> Result<Option<PathBuf>, Fault> {
    let id = names::process(ctx.set, name)?;
    let process = ctx.set.get(id).ok_or_else(|| Code::BadName.of(name))?;
    match channel.of(&process.program).logfile.target {
        // They exist, but what was written there can not be read back.
        LogTarget::Stdout | LogTarget::Stderr => Err(Code::Failed.bare()),
        _ => Ok(ctx.host.log_path(id, channel).map(Path::to_owned)),
    }
}

pub(super) fn existing(path: Option<PathBuf>) -> Result<PathBuf, Fault> {
    let path = path.ok_or_else(|| Code::NoFile.bare())?;
    if path.exists() { Ok(path) } else { Err(Code::NoFile.of(path.display())) }
}
