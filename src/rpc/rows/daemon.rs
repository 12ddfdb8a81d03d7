//! About the daemon itself.

use crate::process::Mood;
use crate::rpc::table::{Kind, Method};
use crate::rpc::{Context, Value};

/// The version of the RPC API, the same since Supervisor 3.0.
const API_VERSION: &str = "3.0";

pub static ROWS: [Method; 7] = [
    Method {
        name: "supervisor.getAPIVersion",
        params: &[],
        result: Kind::Str,
        help: "The version of this API.",
        run: |_, _| Ok(API_VERSION.into()),
    },
    Method {
        name: "supervisor.getVersion",
        params: &[],
        result: Kind::Str,
        help: "The old name of getAPIVersion.",
        run: |_, _| Ok(API_VERSION.into()),
    },
    Method {
        name: "supervisor.getSupervisorVersion",
        params: &[],
        result: Kind::Str,
        help: "The version of Supervisor that the daemon behaves as.",
        run: |ctx, _| Ok(ctx.about.version.into()),
    },
    Method {
        name: "supervisor.getIdentification",
        params: &[],
        result: Kind::Str,
        help: "The identifier of this daemon, from [supervisord] identifier.",
        run: |ctx, _| Ok(ctx.about.identifier.as_str().into()),
    },
    Method {
        name: "supervisor.getState",
        params: &[],
        result: Kind::Struct,
        help: "What the daemon is about: a struct of statecode and statename.",
        run: |ctx, _| {
            let mood = ctx.set.mood();
            let (code, name) = (mood.code().into(), mood.name().into());
            Ok(Value::fields([("statecode", code), ("statename", name)]).into())
        },
    },
    Method {
        name: "supervisor.getPID",
        params: &[],
        result: Kind::Int,
        help: "The process id of the daemon.",
        run: |ctx, _| Ok(ctx.about.pid.into()),
    },
    Method {
        name: "supervisor.shutdown",
        params: &[],
        result: Kind::Bool,
        help: "Begins to stop every process, highest priority first, and then ends.",
        run: |ctx, _| Ok(end(ctx, Mood::Shutdown).into()),
    },
];

pub(super) fn end(ctx: &mut Context, mood: Mood) -> bool {
    ctx.set.end(ctx.now, mood);
    true
}
