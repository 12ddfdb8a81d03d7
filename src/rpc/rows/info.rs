//! What each process is doing.

use std::time::Duration;

use jiff::Timestamp;

use super::{NAME, names};
use crate::base::clock::Wall;
use crate::config::model::LogTarget;
use crate::process::{Process, ProcessId, State};
use crate::rpc::table::{Kind, Method};
use crate::rpc::{Channel, Code, Context, Value};

pub static ROWS: [Method; 2] = [
    Method {
        name: "supervisor.getProcessInfo",
        params: &[NAME],
        result: Kind::Struct,
        help: "What is known of a process: a struct of name, group, start, stop and now (seconds \
               since 1970), state, statename, spawnerr, exitstatus, logfile, stdout_logfile, \
               stderr_logfile, pid, description.",
        run: |ctx, args| {
            let id = names::process(ctx.set, args.text(0))?;
            let process = ctx.set.get(id).ok_or_else(|| Code::BadName.of(args.text(0)))?;
            Ok(info(ctx, id, process).into())
        },
    },
    Method {
        name: "supervisor.getAllProcessInfo",
        params: &[],
        result: Kind::Array,
        help: "The struct of getProcessInfo for every process, sorted by group and name.",
        run: |ctx, _| {
            let mut all: Vec<(ProcessId, &Process)> = ctx.set.iter().collect();
            all.sort_by(|(_, a), (_, b)| {
                let (a, b) = (&a.program, &b.program);
                (&a.group, &a.name).cmp(&(&b.group, &b.name))
            });
            let all = all.into_iter().map(|(id, process)| info(ctx, id, process));
            Ok(all.collect::<Vec<Value>>().into())
        },
    },
];

fn info(ctx: &Context, id: ProcessId, process: &Process) -> Value {
    let program = &process.program;
    let stdout = logfile(ctx, id, process, Channel::Stdout);
    Value::fields([
        ("name", program.name.as_str().into()),
        ("group", program.group.as_str().into()),
        ("start", process.started.map_or(0, |start| start.wall.secs()).into()),
        ("stop", process.ended.map_or(0, Wall::secs).into()),
        ("now", ctx.now.wall.secs().into()),
        ("state", process.state.code().into()),
        ("statename", process.state.name().into()),
        ("spawnerr", process.spawnerr.as_str().into()),
        ("exitstatus", process.exit.map_or(0, |status| status.code).into()),
        ("logfile", stdout.as_str().into()),
        ("stdout_logfile", stdout.into()),
        ("stderr_logfile", logfile(ctx, id, process, Channel::Stderr).into()),
        ("pid", process.pid.into()),
        ("description", description(ctx, process).into()),
    ])
}

fn logfile(ctx: &Context, id: ProcessId, process: &Process, channel: Channel) -> String {
    match &channel.of(&process.program).logfile.target {
        LogTarget::None | LogTarget::Syslog => String::new(),
        LogTarget::Stdout => "/dev/stdout".to_owned(),
        LogTarget::Stderr => "/dev/stderr".to_owned(),
        LogTarget::File(path) => path.to_string_lossy().into_owned(),
        LogTarget::Auto | LogTarget::Dated(_) => {
            let path = ctx.host.log_path(id, channel);
            path.map_or_else(String::new, |path| path.to_string_lossy().into_owned())
        }
    }
}

/// The words behind the state in `status`.
fn description(ctx: &Context, process: &Process) -> String {
    match process.state {
        State::Running => {
            let up = process.started.map_or(Duration::ZERO, |s| ctx.now.mono.since(s.mono));
            format!("pid {}, uptime {}", process.pid, uptime(up.as_secs()))
        }
        State::Fatal | State::Backoff if process.spawnerr.is_empty() => {
            format!("unknown error (try \"tail {}\")", process.program.name)
        }
        State::Fatal | State::Backoff => process.spawnerr.clone(),
        State::Stopped | State::Exited => match process.ended {
            Some(end) => local_time(ctx, end),
            None => "Not started".to_owned(),
        },
        State::Starting | State::Stopping | State::Unknown => String::new(),
    }
}

/// As Python prints a timedelta: `0:00:05`, `1 day, 0:00:00`.
fn uptime(secs: u64) -> String {
    let (days, hours, minutes, secs) =
        (secs / 86_400, secs / 3_600 % 24, secs / 60 % 60, secs % 60);
    let clock = format!("{hours}:{minutes:02}:{secs:02}");
    match days {
        0 => clock,
        1 => format!("1 day, {clock}"),
        _ => format!("{days} days, {clock}"),
    }
}

/// `Nov 21 09:04 AM` in the daemon's zone.
fn local_time(ctx: &Context, at: Wall) -> String {
    let at = Timestamp::from_second(at.secs()).unwrap_or_default();
    at.to_zoned(ctx.about.zone.clone()).strftime("%b %d %I:%M %p").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_uptime_reads_as_a_timedelta_of_python() {
        let read = [5, 3_600, 86_399, 86_400, 3 * 86_400 + 61].map(uptime);
        assert_eq!(read, ["0:00:05", "1:00:00", "23:59:59", "1 day, 0:00:00", "3 days, 0:01:01"]);
    }
}
