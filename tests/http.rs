//! HTTP as the real daemon speaks it: requests in any shape, and answers that fit them.

mod common;

use common::web::{Web, call, free_port, get, post, text};
use common::*;
use serde_json::json;

const STATE: &str = "<value><string>RUNNING</string></value>";

fn state() -> String {
    call("supervisor.getState", "")
}

#[test]
fn a_connection_serves_request_after_request_until_one_wants_the_end() {
    let daemon = Setup::new().start();
    let mut web = Web::unix(&daemon.path("s"));
    for _ in 0..3 {
        let answer = web.ask(post("/RPC2", "", &state()));
        assert_eq!((answer.minor, answer.status), (1, 200));
        assert_eq!(answer.field("Content-Type"), Some("text/xml"));
        assert!(answer.body.contains(STATE), "{}", answer.body);
    }
    assert_eq!(web.ask(get("/nothing", "")).status, 404);
    let answer = web.ask(post("/RPC2", "Connection: close\r\n", &state()));
    assert_eq!((answer.status, answer.field("Connection")), (200, Some("close")));
    assert_eq!(web.rest(), "");
}

#[test]
fn answers_come_in_the_order_of_requests_also_behind_a_call_that_waits() {
    let daemon = Setup::new().program("web", "sleep 100", "autostart=false\nstartsecs=1").start();
    let mut web = Web::unix(&daemon.path("s"));
    let calls = [
        call("supervisor.getAPIVersion", ""),
        call("supervisor.startProcess", &text("web")),
        call("supervisor.getProcessInfo", &text("web")),
        call("supervisor.startProcess", &text("nosuch")),
    ];
    let requests: String = calls.iter().map(|call| post("/RPC2", "", call)).collect();
    web.send(requests + &get("/nothing", ""));
    let answers: Vec<_> = (0..5).map(|_| web.answer()).collect();
    for (answer, wanted) in answers.iter().zip([
        "<string>3.0</string>",
        "<boolean>1</boolean>",
        "<string>RUNNING</string>",
        "<string>BAD_NAME: nosuch</string>",
    ]) {
        assert!(answer.status == 200 && answer.body.contains(wanted), "{wanted}: {answer:?}");
    }
    assert_eq!(answers[4].status, 404);
}

#[test]
fn a_call_that_waits_holds_up_nobody_else() {
    let daemon = Setup::new().program("web", "sleep 100", "autostart=false\nstartsecs=60").start();
    let mut waiting = Web::unix(&daemon.path("s"));
    waiting.send(post("/RPC2", "", &call("supervisor.startProcess", &text("web"))));
    daemon.wait_state("web", "STARTING");
    let mut other = Web::unix(&daemon.path("s"));
    assert_eq!(other.ask(post("/RPC2", "", &state())).status, 200);
    daemon.call("supervisor.stopProcess", json!(["web"]));
    let answer = waiting.answer();
    assert!(answer.body.contains("<string>ABNORMAL_TERMINATION: web</string>"), "{answer:?}");
}

#[test]
fn a_body_may_come_in_chunks_and_after_it_was_asked_for() {
    let daemon = Setup::new().start();
    let mut web = Web::unix(&daemon.path("s"));
    let head = "POST /RPC2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n";
    let body = state();
    let (one, two) = body.split_at(10);
    let chunks = format!("{:x}\r\n{one}\r\n{:X};x=y\r\n{two}\r\n0\r\n\r\n", one.len(), two.len());
    assert!(web.ask(format!("{head}\r\n{chunks}")).body.contains(STATE));

    web.send(format!("{head}Expect: 100-continue\r\n\r\n"));
    assert_eq!(web.head().status, 100);
    assert!(web.ask(&chunks).body.contains(STATE));

    // A body that comes unasked needs no invitation, and one that is not wanted gets none.
    assert_eq!(web.ask(format!("{head}Expect: 100-continue\r\n\r\n{chunks}")).status, 200);
    let unwanted = post("/mainlogtail", "Expect: 100-continue\r\nConnection: close\r\n", "");
    assert_eq!(web.ask(unwanted).status, 405);
}

#[test]
fn http_1_0_is_answered_and_hung_up_on_unless_it_wants_to_go_on() {
    let daemon = Setup::new().start();
    let body = state();
    let request = |fields: &str| {
        format!("POST /RPC2 HTTP/1.0\r\n{fields}Content-Length: {}\r\n\r\n{body}", body.len())
    };
    let mut web = Web::unix(&daemon.path("s"));
    let answer = web.ask(request("Connection: keep-alive\r\n"));
    assert_eq!(answer.field("Connection").map(str::to_lowercase), Some("keep-alive".into()));
    assert_eq!(answer.field("Transfer-Encoding"), None);
    let answer = web.ask(request(""));
    assert!(answer.body.contains(STATE), "{answer:?}");
    assert_eq!(web.rest(), "");
}

#[test]
fn a_head_request_gets_the_head_alone() {
    let daemon = Setup::new().program("web", "sh -c 'echo x; sleep 100'", "").start();
    daemon.wait_file("web.out", "x\n");
    let mut web = Web::unix(&daemon.path("s"));
    for (path, status) in [("/logtail/web", 200), ("/mainlogtail", 200), ("/nothing", 404)] {
        web.send(get(path, "").replace("GET", "HEAD"));
        assert_eq!(web.head().status, status, "{path}");
    }
    assert_eq!(web.ask(post("/RPC2", "", &state())).status, 200, "no body was left behind");
}

#[test]
fn what_is_not_carried_out_is_refused_with_the_status_that_says_why() {
    let daemon = Setup::new().start();
    let long = "x".repeat(70_000);
    let rpc = |fields: &str| format!("POST /RPC2 HTTP/1.1\r\nHost: x\r\n{fields}\r\n");
    for (request, status, goes_on) in [
        (get("/nothing", ""), 404, true),
        (get("/logtail/nosuch", ""), 404, true),
        (get("/logtail", ""), 404, true),
        (get("/RPC2", ""), 400, true),
        (rpc(""), 411, true),
        (post("/RPC2", "", "no XML"), 400, true),
        (post("/RPC2", "", "<methodCall/>"), 400, true),
        (post("/RPC2", "", &format!("<!DOCTYPE x>{}", state())), 400, true),
        (post("/mainlogtail", "", "x"), 405, true),
        (get("/", "").replace("GET", "DELETE"), 405, true),
        (get("/nothing", "").replace("GET", "BREW"), 501, true),
        (rpc("Transfer-Encoding: gzip\r\n"), 501, false),
        (rpc("Content-Length: 4194305\r\n"), 413, false),
        (rpc("Content-Length: x\r\n"), 400, false),
        (rpc("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), 400, false),
        (rpc("Transfer-Encoding: chunked\r\n") + "no size\r\n", 400, false),
        (get(&format!("/{}", &long[..9_000]), ""), 414, false),
        (get("/", &format!("X: {long}\r\n")), 431, false),
        (get("/", &"X: y\r\n".repeat(101)), 431, false),
        (get("/", "").replace("1.1", "2.0"), 505, false),
        ("hello\r\n\r\n".into(), 400, false),
        ("\0".into(), 400, false),
    ] {
        let mut web = Web::unix(&daemon.path("s"));
        let shown = &request[..request.len().min(80)];
        let answer = web.ask(&request);
        assert_eq!(answer.status, status, "{shown}");
        assert_eq!(answer.field("Allow").is_some(), status == 405, "{shown}");
        if goes_on {
            assert_eq!(web.ask(post("/RPC2", "", &state())).status, 200, "{shown}");
        } else {
            assert_eq!(answer.field("Connection"), Some("close"), "{shown}");
            assert_eq!(web.rest(), "", "{shown}");
        }
    }
}

#[test]
fn a_page_of_another_site_is_refused_and_stops_nothing() {
    let port = free_port();
    let daemon = Setup::new()
        .section(&format!("[inet_http_server]\nport=127.0.0.1:{port}\n"))
        .program("web", "sleep 100", "")
        .start();
    daemon.wait_state("web", "RUNNING");
    let stop = call("supervisor.stopProcess", &text("web"));
    for fields in [
        "Origin: http://evil.example\r\n",
        "Origin: null\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\nOrigin: http://localhost\r\n",
        "Referer: http://evil.example/\r\n",
    ] {
        for mut web in [Web::unix(&daemon.path("s")), Web::tcp(port)] {
            assert_eq!(web.ask(post("/RPC2", fields, &stop)).status, 403, "{fields}");
        }
    }
    // A name that was pointed at this machine, as it shows nowhere but in Host.
    let rebound = post("/RPC2", "", &stop).replace("Host: localhost", "Host: evil.example");
    assert_eq!(Web::tcp(port).ask(rebound).status, 403);
    assert_eq!(daemon.info("web")["statename"], "RUNNING");
    assert_eq!(Web::tcp(port).ask(post("/RPC2", "", &stop)).status, 200);
    assert_eq!(daemon.info("web")["statename"], "STOPPED");
}

#[test]
fn a_followed_log_goes_on_across_rotation_and_clearing() {
    let script = "while read line; do echo \"$line\"; done";
    let daemon =
        Setup::new().shell("web", script, "stdout_logfile_maxbytes=100\nstartsecs=0").start();
    daemon.wait_state("web", "RUNNING");
    let say = |line: &str| {
        daemon.call("supervisor.sendProcessStdin", json!(["web", format!("{line}\n")]));
    };
    say("before");
    daemon.wait_file("web.out", "before\n");
    let paths = ["/logtail/web", "/logtail/web:web/stdout", "/logtail/web%3Aweb"];
    let mut followers: Vec<Web> = paths.map(|_| Web::unix(&daemon.path("s"))).into();
    for (web, path) in followers.iter_mut().zip(paths) {
        web.send(get(path, ""));
        let head = web.head();
        assert_eq!((head.status, head.field("Transfer-Encoding")), (200, Some("chunked")));
        assert_eq!(web.chunks_until("\n"), "before\n");
    }
    let mut wanted = String::new();
    for number in 0..40 {
        say(&format!("line {number}"));
        wanted.push_str(&format!("line {number}\n"));
    }
    for web in &mut followers {
        assert_eq!(web.chunks_until("line 39\n"), wanted);
    }
    assert!(daemon.path("web.out.1").exists(), "it has rotated");
    daemon.call("supervisor.clearProcessLogs", json!(["web"]));
    say("after");
    for web in &mut followers {
        assert_eq!(web.chunks_until("after\n"), "after\n");
    }
    let mut stderr = Web::unix(&daemon.path("s"));
    stderr.send(get("/logtail/web/stderr", ""));
    assert_eq!(stderr.head().status, 200);
}

#[test]
fn the_main_log_is_followed_across_rotation_and_clearing() {
    let daemon = Setup::new()
        .daemon("logfile_maxbytes=400\nlogfile_backups=9")
        .program("web", "sleep 100", "autostart=false\nstartsecs=0")
        .start();
    let mut web = Web::unix(&daemon.path("s"));
    web.send(get("/mainlogtail", ""));
    assert_eq!(web.head().status, 200);
    let stopped = "stopped: web (terminated by SIGTERM)\n";
    for round in 0..8 {
        daemon.call("supervisor.startProcess", json!(["web"]));
        daemon.call("supervisor.stopProcess", json!(["web"]));
        let told = web.chunks_until(stopped);
        assert_eq!(told.matches("spawned: 'web'").count(), 1, "{told}");
        if round == 5 {
            daemon.call("supervisor.clearLog", json!([]));
        }
    }
    assert!(daemon.path("main.log.1").exists(), "it has rotated");
}

#[test]
fn a_followed_log_is_the_last_answer_to_http_1_0_and_not_wrapped() {
    let daemon = Setup::new().program("web", "sh -c 'echo x; cat'", "startsecs=0").start();
    daemon.wait_file("web.out", "x\n");
    let mut web = Web::unix(&daemon.path("s"));
    web.send("GET /logtail/web HTTP/1.0\r\n\r\n");
    let head = web.head();
    assert_eq!((head.status, head.field("Transfer-Encoding")), (200, None));
    daemon.call("supervisor.sendProcessStdin", json!(["web", "y\n"]));
    daemon.wait_file("web.out", "y\n");
    daemon.call("supervisor.stopProcess", json!(["web"]));
    daemon.call("supervisor.removeProcessGroup", json!(["web"]));
    assert_eq!(web.rest(), "x\ny\n");
}
