//! `svx.events`: events as JSON, to any number of clients.

mod common;

use std::thread;
use std::time::Duration;

use common::*;
use serde_json::{Value, json};

/// Runs when asked to.
const QUIET: &str = "startsecs=0\nautostart=false";

/// Opens a stream; its name is what is returned.
fn watch(client: &mut Client, params: Value) -> u64 {
    let id = client.send("svx.events", params);
    assert_eq!(client.answer(id), Ok(json!({"stream": id})));
    id
}

/// The next event of a client with one stream.
fn next(client: &mut Client, stream: u64) -> Value {
    let mut note = client.note();
    assert_eq!(
        (&note["method"], &note["params"]["stream"]),
        (&json!("svx.events"), &json!(stream))
    );
    note["params"]["event"].take()
}

/// The next events in short: type, and process or group or label.
fn names(client: &mut Client, stream: u64, count: usize) -> Vec<String> {
    let short = |event: Value| {
        let about = ["processname", "groupname", "type"].map(|key| event[key].as_str());
        let about = about.into_iter().flatten().next().unwrap_or_default();
        format!("{} {about}", event["eventname"].as_str().unwrap())
    };
    (0..count).map(|_| short(next(client, stream))).collect()
}

fn remote(daemon: &Daemon, label: &str, data: &str) {
    daemon.call("supervisor.sendRemoteCommEvent", json!([label, data]));
}

#[test]
fn an_event_is_an_object_with_typed_fields() {
    let lines = format!("{QUIET}\nstdout_events_enabled=true\nautorestart=false");
    let daemon = Setup::new().program("p", "printf 'a\\377'", &lines).start();
    let mut client = daemon.client();
    let stream = watch(&mut client, json!([]));
    daemon.call("supervisor.startProcess", json!(["p"]));
    let events: Vec<Value> = (0..4).map(|_| next(&mut client, stream)).collect();
    let pid = &events[1]["pid"];
    assert!(pid.as_i64().unwrap() > 0);
    let of_p = |name: &str, serial: u64, more: Value| {
        let mut all = json!({"eventname": name, "serial": serial, "processname": "p",
                             "groupname": "p"});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let wanted = [
        of_p("PROCESS_STATE_STARTING", 0, json!({"from_state": "STOPPED", "tries": 0})),
        of_p("PROCESS_STATE_RUNNING", 1, json!({"from_state": "STARTING", "pid": pid})),
        of_p("PROCESS_LOG_STDOUT", 2, json!({"channel": "stdout", "pid": pid, "base64": "Yf8="})),
        of_p(
            "PROCESS_STATE_EXITED",
            3,
            json!({"from_state": "RUNNING", "expected": true, "pid": pid}),
        ),
    ];
    for (mut event, wanted) in events.into_iter().zip(wanted) {
        let time = event.as_object_mut().unwrap().remove("time").unwrap().as_f64().unwrap();
        assert!(time > 1e9);
        assert_eq!(event, wanted);
    }
}

#[test]
fn each_client_gets_the_types_and_names_it_has_asked_for() {
    let daemon = Setup::new()
        .program("a", "sleep 1000", QUIET)
        .program("b", "sleep 1000", QUIET)
        .section("[group:g]\nprograms=b")
        .start();
    let (mut one, mut two) = (daemon.client(), daemon.client());
    let all = watch(&mut one, json!([]));
    let some = watch(&mut two, json!([["process_state_running", "REMOTE_COMMUNICATION"]]));
    let mut three = daemon.client();
    let named = watch(&mut three, json!({"names": ["g:*"]}));
    daemon.call("supervisor.startProcess", json!(["a"]));
    daemon.call("supervisor.startProcess", json!(["g:b"]));
    remote(&daemon, "x", "y");
    let (start, run) = ("PROCESS_STATE_STARTING", "PROCESS_STATE_RUNNING");
    let wanted = [
        format!("{start} a"),
        format!("{run} a"),
        format!("{start} b"),
        format!("{run} b"),
        "REMOTE_COMMUNICATION x".into(),
    ];
    assert_eq!(names(&mut one, all, 5), wanted);
    assert_eq!(names(&mut two, some, 3), [&wanted[1], &wanted[3], &wanted[4]].map(String::clone));
    assert_eq!(names(&mut three, named, 2), wanted[2..4]);
    let fault = one.call("svx.events", json!([["NO_SUCH_EVENT"]])).unwrap_err();
    assert_eq!((fault.code, fault.text.as_str()), (10, "BAD_NAME: NO_SUCH_EVENT"));
    assert_eq!(one.call("svx.events", json!(["TICK"])).unwrap_err().code, 2);
}

#[test]
fn a_client_may_have_several_streams_and_close_each() {
    let daemon = Setup::new().start();
    let mut client = daemon.client();
    let first = watch(&mut client, json!([["REMOTE_COMMUNICATION"]]));
    let second = watch(&mut client, json!([["REMOTE_COMMUNICATION"]]));
    remote(&daemon, "both", "");
    let mut got = [client.note(), client.note()].map(|n| n["params"]["stream"].as_u64().unwrap());
    got.sort();
    assert_eq!(got, [first, second]);
    assert_eq!(client.call("svx.close", json!([first])), Ok(json!(true)));
    assert_eq!(client.call("svx.close", json!([first])), Ok(json!(false)));
    remote(&daemon, "second", "");
    assert_eq!(names(&mut client, second, 1), ["REMOTE_COMMUNICATION second"]);
    assert_eq!(client.call("svx.close", json!([second])), Ok(json!(true)));
    remote(&daemon, "nobody", "");
    assert_eq!(client.call("supervisor.getState", json!([])).unwrap()["statecode"], 1);
}

#[test]
fn a_client_that_does_not_read_is_cut_off_and_the_others_go_on() {
    let daemon = Setup::new().start();
    let (mut slow, mut good) = (daemon.client(), daemon.client());
    watch(&mut slow, json!([["REMOTE_COMMUNICATION"]]));
    let stream = watch(&mut good, json!([["REMOTE_COMMUNICATION"]]));
    let data = "x".repeat(100_000);
    for n in 0..100 {
        remote(&daemon, &n.to_string(), &data);
        assert_eq!(names(&mut good, stream, 1), [format!("REMOTE_COMMUNICATION {n}")]);
    }
    let rest = slow.rest();
    let end = rest.lines().last().unwrap();
    assert!(rest.lines().count() < 90);
    assert!(
        end.contains("svx.end") && end.contains("too slowly"),
        "{}",
        &end[..end.len().min(200)]
    );
    remote(&daemon, "after", "");
    assert_eq!(names(&mut good, stream, 1), ["REMOTE_COMMUNICATION after"]);
}

#[test]
fn a_tick_wakes_the_daemon_only_while_somebody_waits_for_it() {
    let daemon = Setup::new().program("p", "sleep 1000", "startsecs=0").start();
    daemon.wait_state("p", "RUNNING");
    let mut client = daemon.client();
    let stream = watch(&mut client, json!([["TICK_5"]]));
    let ticks = [next(&mut client, stream), next(&mut client, stream)];
    let [first, second] = ticks.map(|tick| {
        assert_eq!(tick["eventname"], "TICK_5");
        let when = tick["when"].as_i64().unwrap();
        assert!(tick["time"].as_f64().unwrap() - (when as f64) < 1.0);
        when
    });
    assert_eq!((first % 5, second - first), (0, 5));
    assert_eq!(client.call("svx.close", json!([stream])), Ok(json!(true)));
    let switches = || status_field(daemon.pid(), "voluntary_ctxt_switches");
    let mut before = String::new();
    until("the last turn to end", || {
        let last = std::mem::replace(&mut before, switches());
        (last == before).then_some(())
    });
    thread::sleep(Duration::from_secs(6)); // the time that is measured
    assert_eq!(switches(), before);
}
