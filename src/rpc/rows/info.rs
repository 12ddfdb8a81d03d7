//! What each process is doing.

use super::{NAME, names};
use crate::rpc::Infos;
use crate::rpc::table::{Kind, Method, Outcome};

pub static ROWS: [Method; 2] = [
    Method {
        name: "supervisor.getProcessInfo",
        params: &[NAME],
        result: Kind::Struct,
        help: "What is known of a process: a struct of name, group, start, stop and now (seconds \
               since 1970), state, statename, spawnerr, exitstatus, logfile, stdout_logfile, \
               stderr_logfile, pid, description.",
        run: |ctx, args| Ok(Outcome::Infos(Infos::One(names::process(ctx.set, args.text(0))?))),
    },
    Method {
        name: "supervisor.getAllProcessInfo",
        params: &[],
        result: Kind::Array,
        help: "The struct of getProcessInfo for every process, sorted by group and name.",
        run: |_, _| Ok(Outcome::Infos(Infos::All)),
    },
];
