//! The configuration: reading it anew, taking groups from it, showing it.

use std::path::Path;

use super::NAME;
use super::daemon::end;
use crate::config::diff::{Difference, difference};
use crate::config::model::{Group, LogTarget, Program};
use crate::process::{Mood, Namespec};
use crate::rpc::table::{Kind, Method};
use crate::rpc::{Channel, Code, Context, Value};

/// The largest number that XML-RPC clients can read.
const INT_MAX: u64 = i32::MAX as u64;

pub static ROWS: [Method; 5] = [
    Method {
        name: "supervisor.restart",
        params: &[],
        result: Kind::Bool,
        help: "Begins to stop every process, and then begins again with a fresh configuration. \
               If that has mistakes, nothing is stopped.",
        run: |ctx, _| {
            ctx.host.prepare_restart().map_err(|why| Code::CantReread.of(why))?;
            Ok(end(ctx, Mood::Restarting).into())
        },
    },
    Method {
        name: "supervisor.reloadConfig",
        params: &[],
        result: Kind::Array,
        help: "Reads the configuration anew and changes nothing yet. Answers the names of groups \
               that came, changed and went: [[added, changed, removed]].",
        run: |ctx, _| {
            let config = ctx.host.reread().map_err(|why| Code::CantReread.of(why))?;
            let running = ctx.set.groups().iter().map(|group| &*group.config);
            let Difference { added, changed, removed } = difference(running, &config.groups);
            let names = |groups: Vec<&Group>| Value::texts(groups.iter().map(|g| g.name.as_str()));
            let changed = changed.iter().map(|change| change.new).collect();
            Ok(vec![vec![names(added), names(changed), names(removed)].into()].into())
        },
    },
    Method {
        name: "supervisor.addProcessGroup",
        params: &[NAME],
        result: Kind::Bool,
        help: "Makes a group of the configuration that was last read an active one; its \
               autostart members are started.",
        run: |ctx, args| {
            let name = args.text(0);
            let config = ctx.host.newest_config();
            let group = config.groups.iter().find(|group| group.name == name);
            if !ctx.set.add_group(group.ok_or_else(|| Code::BadName.of(name))?) {
                return Err(Code::AlreadyAdded.of(name));
            }
            Ok(true.into())
        },
    },
    Method {
        name: "supervisor.removeProcessGroup",
        params: &[NAME],
        result: Kind::Bool,
        help: "Forgets an active group. All of its processes must have stopped.",
        run: |ctx, args| match ctx.set.remove_group(args.text(0)) {
            None => Err(Code::BadName.of(args.text(0))),
            Some(false) => Err(Code::StillRunning.of(args.text(0))),
            Some(true) => Ok(true.into()),
        },
    },
    Method {
        name: "supervisor.getAllConfigInfo",
        params: &[],
        result: Kind::Array,
        help: "A struct for every process of the configuration that was last read, active or \
               not, sorted by name.",
        run: |ctx, _| {
            let config = ctx.host.newest_config();
            let members = config.groups.iter().flat_map(|g| g.programs.iter().map(move |p| (g, p)));
            let mut members: Vec<_> = members.collect();
            members.sort_by(|a, b| a.1.name.cmp(&b.1.name));
            let shown = members.into_iter().map(|(group, program)| show(ctx, group, program));
            Ok(shown.collect::<Vec<Value>>().into())
        },
    },
];

fn show(ctx: &Context, group: &Group, program: &Program) -> Value {
    let number = |n: u64| Value::Int(n.min(INT_MAX) as i64);
    let path = |path: Option<&Path>| path.map_or("none".into(), text);
    let logfile = |channel| logfile(ctx, program, channel);
    let syslog = |channel: Channel| {
        let output = channel.of(program);
        Value::Bool(output.syslog || output.logfile.target == LogTarget::Syslog)
    };
    let (out, err) = (&program.stdout, &program.stderr);
    let exitcodes: Vec<Value> = program.exitcodes.iter().map(|code| (*code).into()).collect();
    let uid = program.user.as_ref().map_or("none".into(), |user| number(user.uid.into()));
    Value::fields([
        ("autostart", program.autostart.into()),
        ("directory", path(program.directory.as_deref())),
        ("uid", uid),
        ("command", program.command.as_str().into()),
        ("exitcodes", exitcodes.into()),
        ("group", group.name.as_str().into()),
        ("group_prio", group.priority.into()),
        ("inuse", ctx.set.group(&group.name).is_some().into()),
        ("killasgroup", program.killasgroup.into()),
        ("name", program.name.as_str().into()),
        ("process_prio", program.priority.into()),
        ("redirect_stderr", program.redirect_stderr.into()),
        ("startretries", number(program.startretries.into())),
        ("startsecs", number(program.startsecs.as_secs())),
        ("stdout_capture_maxbytes", number(out.capture_maxbytes)),
        ("stdout_events_enabled", out.events_enabled.into()),
        ("stdout_logfile", logfile(Channel::Stdout)),
        ("stdout_logfile_backups", number(out.logfile.backups.into())),
        ("stdout_logfile_maxbytes", number(out.logfile.maxbytes)),
        ("stdout_syslog", syslog(Channel::Stdout)),
        ("stopsignal", program.stopsignal.into()),
        ("stopwaitsecs", number(program.stopwaitsecs.as_secs())),
        ("stderr_capture_maxbytes", number(err.capture_maxbytes)),
        ("stderr_events_enabled", err.events_enabled.into()),
        ("stderr_logfile", logfile(Channel::Stderr)),
        ("stderr_logfile_backups", number(err.logfile.backups.into())),
        ("stderr_logfile_maxbytes", number(err.logfile.maxbytes)),
        ("stderr_syslog", syslog(Channel::Stderr)),
        ("serverurl", program.serverurl.as_deref().unwrap_or("none").into()),
    ])
}

/// The log as configured; an AUTO one of an active process by its real name.
fn logfile(ctx: &Context, program: &Program, channel: Channel) -> Value {
    match &channel.of(program).logfile.target {
        LogTarget::None | LogTarget::Syslog => "none".into(),
        LogTarget::Stdout => "/dev/stdout".into(),
        LogTarget::Stderr => "/dev/stderr".into(),
        LogTarget::File(path) | LogTarget::Dated(path) => text(path),
        LogTarget::Auto => {
            let spec = Namespec { group: &program.group, process: Some(&program.name) };
            let path = ctx.set.find(spec).and_then(|id| ctx.host.log_path(id, channel));
            path.map_or("auto".into(), text)
        }
    }
}

fn text(path: &Path) -> Value {
    path.to_string_lossy().into_owned().into()
}
