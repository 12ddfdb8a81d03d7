//! svx's own methods, for streams that only JSON lines can carry.

use super::logs::{existing, find};
use super::{NAME, names, optional};
use crate::process::ProcessId;
use crate::rpc::table::{Given, Kind, Method, Outcome, Param};
use crate::rpc::{Channel, Code};

/// A stream of log bytes that a client asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// Which log.
    pub source: Source,
    /// How many bytes to begin with, from the end of what is there.
    pub bytes: u64,
    /// Go on with what is written from now on.
    pub follow: bool,
}

/// A log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// One of a process.
    Process(ProcessId, Channel),
    /// The daemon's own.
    Main,
}

const BYTES: Param = optional("bytes", Kind::Int, Given::Int(1600));
const FOLLOW: Param = optional("follow", Kind::Bool, Given::Bool(false));

pub static ROWS: [Method; 2] = [
    Method {
        name: "svx.tail",
        params: &[NAME, optional("channel", Kind::Str, Given::Str("stdout")), BYTES, FOLLOW],
        result: Kind::Bool,
        help: "Streams the last bytes of a process's log (channel stdout or stderr), and with \
               follow all that is written to it from then on.",
        run: |ctx, args| {
            let id = names::process(ctx.set, args.text(0))?;
            let channel = args.text(1);
            let channel = Channel::named(channel).ok_or_else(|| Code::BadArguments.of(channel))?;
            existing(find(ctx, args.text(0), channel)?)?;
            let bytes = args.int(2).max(0) as u64;
            let source = Source::Process(id, channel);
            Ok(Outcome::Stream(Tail { source, bytes, follow: args.flag(3) }))
        },
    },
    Method {
        name: "svx.maintail",
        params: &[BYTES, FOLLOW],
        result: Kind::Bool,
        help: "Streams the last bytes of the main log, and with follow all that is written to \
               it from then on.",
        run: |ctx, args| {
            existing(ctx.host.main_log_path())?;
            let bytes = args.int(0).max(0) as u64;
            Ok(Outcome::Stream(Tail { source: Source::Main, bytes, follow: args.flag(1) }))
        },
    },
];
