//! What is known of a process: the fields of `getProcessInfo`.

use std::borrow::Cow;
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Channel, Context, Value};
use crate::base::clock::{Mono, Now, Wall};
use crate::config::model::LogTarget;
use crate::process::{Process, ProcessId, State};

/// Whose infos an answer consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Infos {
    /// One struct.
    One(ProcessId),
    /// A list of everybody's, by group and name.
    All,
}

impl Infos {
    /// The answer as a value, for those who do not write it out themselves.
    pub fn value(self, ctx: &Context) -> Value {
        match self {
            Infos::One(id) => value(ctx, id).unwrap_or(Value::Nil),
            Infos::All => {
                let all = ctx.set.sorted().iter().filter_map(|id| value(ctx, *id));
                all.collect::<Vec<Value>>().into()
            }
        }
    }
}

/// What a field holds. All but the last two stay as they are until the process changes.
pub enum Field<'a> {
    Int(i64),
    Text(Cow<'a, str>),
    /// The present time.
    Now,
    /// `pid 7, uptime ` and the time since then.
    Up(i32, Mono),
}

/// Every field, in the order of 4.3.0.
pub fn fields<'a>(
    ctx: &'a Context,
    id: ProcessId,
    process: &'a Process,
) -> [(&'static str, Field<'a>); 14] {
    let program = &process.program;
    let text = |text: &'a str| Field::Text(Cow::Borrowed(text));
    let int = Field::Int;
    let logfile = |channel| Field::Text(logfile(ctx, id, process, channel));
    [
        ("name", text(&program.name)),
        ("group", text(&program.group)),
        ("start", int(process.started.map_or(0, |start| start.wall.secs()))),
        ("stop", int(process.ended.map_or(0, Wall::secs))),
        ("now", Field::Now),
        ("state", int(process.state.code().into())),
        ("statename", text(process.state.name())),
        ("spawnerr", text(&process.spawnerr)),
        ("exitstatus", int(process.exit.map_or(0, |status| status.code.into()))),
        ("logfile", logfile(Channel::Stdout)),
        ("stdout_logfile", logfile(Channel::Stdout)),
        ("stderr_logfile", logfile(Channel::Stderr)),
        ("pid", int(process.pid.into())),
        ("description", described(process, &ctx.about.zone)),
    ]
}

fn value(ctx: &Context, id: ProcessId) -> Option<Value> {
    let process = ctx.set.get(id)?;
    let value = |field| match field {
        Field::Int(number) => Value::Int(number),
        Field::Text(text) => Value::Str(text.into_owned()),
        Field::Now => Value::Int(ctx.now.wall.secs()),
        Field::Up(pid, since) => Value::Str(up(pid, since, ctx.now)),
    };
    let fields = fields(ctx, id, process).into_iter();
    Some(Value::Struct(fields.map(|(name, field)| (name.into(), value(field))).collect()))
}

/// The file of a log that is elsewhere than its program says: it changes without the process.
pub fn shells_log<'a>(
    ctx: &'a Context,
    id: ProcessId,
    process: &Process,
    channel: Channel,
) -> Option<&'a Path> {
    match &channel.of(&process.program).logfile.target {
        LogTarget::Auto | LogTarget::Dated(_) => ctx.host.log_path(id, channel),
        LogTarget::None
        | LogTarget::Syslog
        | LogTarget::Stdout
        | LogTarget::Stderr
        | LogTarget::File(_) => None,
    }
}

fn logfile<'a>(
    ctx: &'a Context,
    id: ProcessId,
    process: &'a Process,
    channel: Channel,
) -> Cow<'a, str> {
    match &channel.of(&process.program).logfile.target {
        LogTarget::None | LogTarget::Syslog => Cow::Borrowed(""),
        LogTarget::Stdout => Cow::Borrowed("/dev/stdout"),
        LogTarget::Stderr => Cow::Borrowed("/dev/stderr"),
        LogTarget::File(path) => path.to_string_lossy(),
        LogTarget::Auto | LogTarget::Dated(_) => {
            let path = shells_log(ctx, id, process, channel);
            path.map_or(Cow::Borrowed(""), Path::to_string_lossy)
        }
    }
}

/// The words behind the state in `status`.
pub fn description(process: &Process, now: Now, zone: &TimeZone) -> String {
    match described(process, zone) {
        Field::Up(pid, since) => up(pid, since, now),
        Field::Text(text) => text.into_owned(),
        Field::Int(_) | Field::Now => String::new(),
    }
}

fn up(pid: i32, since: Mono, now: Now) -> String {
    let mut text = format!("pid {pid}, uptime ").into_bytes();
    push_uptime(&mut text, now.mono.since(since).as_secs());
    String::from_utf8(text).unwrap_or_default()
}

fn described<'a>(process: &'a Process, zone: &TimeZone) -> Field<'a> {
    Field::Text(match process.state {
        State::Running => {
            return Field::Up(process.pid, process.started.map_or(Mono(u64::MAX), |s| s.mono));
        }
        State::Fatal | State::Backoff if process.spawnerr.is_empty() => {
            format!("unknown error (try \"tail {}\")", process.program.name).into()
        }
        State::Fatal | State::Backoff => Cow::Borrowed(&*process.spawnerr),
        State::Stopped | State::Exited => match process.ended {
            Some(end) => local_time(end, zone).into(),
            None => Cow::Borrowed("Not started"),
        },
        State::Starting | State::Stopping | State::Unknown => Cow::Borrowed(""),
    })
}

/// Appends a time as Python prints a timedelta: `0:00:05`, `1 day, 0:00:00`.
pub fn push_uptime(out: &mut Vec<u8>, secs: u64) {
    let days = secs / 86_400;
    if days > 0 {
        push_number(out, days);
        out.extend_from_slice(if days == 1 { b" day, " } else { b" days, " });
    }
    push_number(out, secs / 3_600 % 24);
    for part in [secs / 60 % 60, secs % 60] {
        out.extend_from_slice(&[b':', b'0' + (part / 10) as u8, b'0' + (part % 10) as u8]);
    }
}

fn push_number(out: &mut Vec<u8>, number: u64) {
    if number >= 10 {
        push_number(out, number / 10);
    }
    out.push(b'0' + (number % 10) as u8);
}

/// `Nov 21 09:04 AM` in the daemon's zone.
fn local_time(at: Wall, zone: &TimeZone) -> String {
    let at = Timestamp::from_second(at.secs()).unwrap_or_default();
    at.to_zoned(zone.clone()).strftime("%b %d %I:%M %p").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_uptime_reads_as_a_timedelta_of_python() {
        let read = [5, 3_600, 86_399, 86_400, 3 * 86_400 + 61, 864_000_000].map(|secs| {
            let mut text = Vec::new();
            push_uptime(&mut text, secs);
            String::from_utf8(text).unwrap()
        });
        let want = [
            "0:00:05",
            "1:00:00",
            "23:59:59",
            "1 day, 0:00:00",
            "3 days, 0:01:01",
            "10000 days, 0:00:00",
        ];
        assert_eq!(read, want);
    }
}
