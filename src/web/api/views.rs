//! What is known of processes, groups and the daemon, as values.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::base::clock::Wall;
use crate::base::{signal, version};
use crate::process::State;
use crate::rpc::Value;
use crate::web::view::{DaemonView, LastExit, ProcessView};

fn maybe(value: Option<impl Into<Value>>) -> Value {
    value.map_or(Value::Nil, Into::into)
}

fn count(number: u64) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

/// One process.
pub fn process(view: &ProcessView, now: Wall) -> Value {
    let alive = view.uptime.filter(|_| view.pid != 0);
    // By the clock as it is now: the one of the start may have been wrong.
    let started = alive.map(|up| {
        let nanos = i64::try_from(up.as_nanos()).unwrap_or(i64::MAX);
        Wall(now.0.saturating_sub(nanos)).secs()
    });
    let usage = view.usage;
    let [has_stdout, has_stderr] = view.has_log;
    Value::fields([
        ("name", view.name.as_str().into()),
        ("group", view.group.as_str().into()),
        ("full_name", view.full_name().into()),
        ("state", view.state.name().into()),
        ("statecode", view.state.code().into()),
        ("pid", maybe((view.pid != 0).then_some(view.pid))),
        ("uptime", maybe(alive.map(|up| count(up.as_secs())))),
        ("started", maybe(started)),
        ("restarts", count(view.restarts)),
        ("last_exit", maybe(view.last_exit.as_ref().map(last_exit))),
        ("description", view.description.as_str().into()),
        ("spawnerr", view.spawnerr.as_str().into()),
        ("cpu", maybe(usage.map(|usage| rounded(usage.cpu_percent)))),
        ("cpu_seconds", maybe(usage.map(|usage| rounded(usage.cpu_seconds)))),
        ("memory", maybe(usage.map(|usage| count(usage.resident)))),
        ("descriptors", maybe(usage.and_then(|usage| usage.descriptors).map(i64::from))),
        ("has_stdout", has_stdout.into()),
        ("has_stderr", has_stderr.into()),
    ])
}

/// To hundredths: more is noise.
fn rounded(number: f64) -> Value {
    Value::Double((number * 100.0).round() / 100.0)
}

fn last_exit(end: &LastExit) -> Value {
    let name = end.status.signal.map(signal::name);
    let name = name.map(|name| name.strip_prefix("SIG").unwrap_or(&name).to_owned());
    Value::fields([
        ("code", maybe(end.status.signal.is_none().then_some(end.status.code))),
        ("signal", maybe(name)),
        ("expected", end.expected.into()),
        ("core", end.status.core.into()),
        ("at", end.at.secs().into()),
    ])
}

/// The daemon.
pub fn daemon(view: &DaemonView, supervisor_version: &str) -> Value {
    Value::fields([
        ("identifier", view.identifier.as_str().into()),
        ("version", version::NUMBER.into()),
        ("commit", maybe(version::COMMIT)),
        ("supervisor_version", supervisor_version.into()),
        ("pid", i64::from(view.pid).into()),
        ("state", view.mood.name().into()),
        ("statecode", view.mood.code().into()),
        ("started", view.started.secs().into()),
        ("now", view.now.secs().into()),
    ])
}

/// The daemon and every process.
pub fn processes(daemon: Value, all: &[ProcessView], now: Wall) -> Value {
    let all = all.iter().map(|view| process(view, now)).collect();
    Value::fields([("daemon", daemon), ("processes", Value::Array(all))])
}

/// A group, from what its processes are called and how they fare.
pub fn group<'a>(name: &str, members: impl Iterator<Item = (String, &'a State)>) -> Value {
    let (mut names, mut states) = (Vec::new(), BTreeMap::<&str, i64>::new());
    for (name, state) in members {
        names.push(Value::from(name));
        *states.entry(state.name()).or_default() += 1;
    }
    let states = states.into_iter().map(|(state, count)| (Cow::Borrowed(state), count.into()));
    Value::fields([
        ("name", name.into()),
        ("processes", Value::Array(names)),
        ("states", Value::Struct(states.collect())),
    ])
}

/// All groups.
pub fn groups(all: Vec<Value>) -> Value {
    Value::fields([("groups", Value::Array(all))])
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::base::status::Status;
    use crate::rpc::json::encode;
    use crate::web::view::Usage;

    fn view() -> ProcessView {
        ProcessView {
            name: "a".into(),
            group: "g".into(),
            state: State::Running,
            pid: 42,
            uptime: Some(Duration::from_millis(1500)),
            restarts: 3,
            last_exit: None,
            description: "pid 42, uptime 0:00:01".into(),
            spawnerr: String::new(),
            usage: None,
            has_log: [true, false],
        }
    }

    fn written(view: &ProcessView) -> String {
        let mut out = Vec::new();
        encode(&mut out, &process(view, Wall::from_secs(1_000)));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_process_is_an_object_with_every_field_whatever_is_known() {
        assert_eq!(
            written(&view()),
            r#"{"name":"a","group":"g","full_name":"g:a","state":"RUNNING","statecode":20,"pid":42,"uptime":1,"started":998,"restarts":3,"last_exit":null,"description":"pid 42, uptime 0:00:01","spawnerr":"","cpu":null,"cpu_seconds":null,"memory":null,"descriptors":null,"has_stdout":true,"has_stderr":false}"#
        );
        let status = Status { code: -1, signal: Some(11), core: true };
        let last_exit = Some(LastExit { status, expected: false, at: Wall::from_secs(900) });
        let usage = Some(Usage {
            cpu_percent: 12.345,
            cpu_seconds: 0.5,
            resident: 4096,
            descriptors: Some(7),
        });
        let dead =
            ProcessView { state: State::Exited, pid: 0, uptime: None, last_exit, usage, ..view() };
        let text = written(&dead);
        for part in [
            r#""pid":null,"uptime":null,"started":null"#,
            r#""last_exit":{"code":null,"signal":"SEGV","expected":false,"core":true,"at":900}"#,
            r#""cpu":12.35,"cpu_seconds":0.5,"memory":4096,"descriptors":7"#,
        ] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn a_hostile_name_stays_text() {
        let name = "</script>\"\r\n\u{0}\u{1b}[31m\u{2028}";
        let text = written(&ProcessView { name: name.into(), ..view() });
        let back: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(back["name"], name);
        assert!(text.bytes().all(|byte| byte >= b' ' && byte != 0x7f));
    }

    #[test]
    fn a_group_counts_the_states_of_its_processes() {
        let members = [("g:a", State::Running), ("g:b", State::Fatal), ("g:c", State::Running)];
        let members = members.iter().map(|(name, state)| (name.to_string(), state));
        let mut out = Vec::new();
        encode(&mut out, &group("g", members));
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#"{"name":"g","processes":["g:a","g:b","g:c"],"states":{"FATAL":1,"RUNNING":2}}"#
        );
    }
}
