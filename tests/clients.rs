//! All kinds of clients of the control socket: in a hurry, slow, rude, strange, or gone.

mod common;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use common::*;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

#[test]
fn requests_sent_in_one_go_are_all_answered_in_order() {
    let daemon = zoo();
    let mut client = daemon.client();
    let mut bytes = Vec::new();
    for id in 0..1000 {
        let method = if id % 2 == 0 { "supervisor.getState" } else { "supervisor.getPID" };
        bytes.extend(format!("{{\"id\":{id},\"method\":\"{method}\"}}\n").bytes());
    }
    client.raw(&bytes);
    for id in 0..1000 {
        assert_eq!(client.line().unwrap()["id"], id);
    }
}

#[test]
fn a_request_that_comes_byte_by_byte_is_understood() {
    let daemon = zoo();
    let mut client = daemon.client();
    for byte in b"{\"id\":\"x\",\"method\":\"supervisor.getPID\"}\r\n" {
        client.raw(&[*byte]);
    }
    let answer = client.line().unwrap();
    assert_eq!(answer, json!({"jsonrpc": "2.0", "id": "x", "result": daemon.pid()}));
}

#[test]
fn an_answer_that_waits_does_not_hold_up_later_ones() {
    let daemon = Setup::new().shell("slow", SLOW, "startsecs=0").start();
    daemon.wait_file("slow.out", "ready");
    let mut client = daemon.client();
    let slow = client.send("supervisor.stopProcess", json!(["slow"]));
    let quick = client.send("supervisor.getState", json!([]));
    assert_eq!(client.line().unwrap()["id"], quick);
    let late = client.line().unwrap();
    assert_eq!((&late["id"], &late["result"]), (&json!(slow), &json!(true)));
}

#[test]
fn garbage_is_refused_and_harms_nobody() {
    let daemon = zoo();
    let lines = [
        ("{", -32700),
        ("{\"id\":1}", -32600),
        ("{\"id\":[1],\"method\":\"x\"}", -32600),
        ("{\"id\":1,\"method\":1}", -32600),
        ("{\"id\":1,\"method\":\"supervisor.getState\",\"params\":3}", -32600),
        ("{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"supervisor.getState\"}", -32600),
        ("{\"id\":1,\"method\":\"x\\ud800\"}", -32700),
        ("{\"a\":", -32700),
    ];
    let mut client = daemon.client();
    for (line, code) in lines {
        client.raw(format!("{line}\n").as_bytes());
        assert_eq!(client.line().unwrap()["error"]["code"], code, "{line}");
    }
    let deep = format!("{{\"id\":1,\"params\":{}{}}}\n", "[".repeat(5000), "]".repeat(5000));
    client.raw(deep.as_bytes());
    assert_eq!(client.line().unwrap()["error"]["code"], -32700);
    client.raw(b"{\"id\":1,\"method\":\"\xff\xfe\"}\n");
    assert_eq!(client.line().unwrap()["error"]["code"], -32700);
    assert!(client.call("supervisor.getState", json!([])).is_ok());
    // What does not begin with a brace is taken for HTTP.
    for bytes in [&b"\0\0\0\0\n\n"[..], b"[]\n\n", b"\xff\xff\xff\r\n\r\n", b"hello\n\n"] {
        let mut client = daemon.client();
        client.raw(bytes);
        assert!(client.rest().starts_with("HTTP/1.1 400 "));
    }
    daemon.call("supervisor.getState", json!([]));
}

#[test]
fn a_line_longer_than_a_mebibyte_is_refused() {
    let daemon = zoo();
    let mut client = daemon.client();
    let fits = format!("{{\"id\":1,\"method\":\"{}\"}}", "x".repeat((1 << 20) - 20));
    assert_eq!(fits.len(), 1 << 20);
    client.raw(format!("{fits}\n").as_bytes());
    assert_eq!(client.line().unwrap()["error"]["code"], 1);
    let mut sent = b"{".to_vec();
    sent.resize(2 << 20, b' ');
    client.try_raw(&sent);
    assert_eq!(client.line().unwrap()["error"]["code"], -32600);
    assert_eq!(client.line(), None);
}

#[test]
fn a_notification_is_carried_out_and_not_answered() {
    let daemon = zoo();
    let mut client = daemon.client();
    client.raw(b"{\"method\":\"supervisor.startProcess\",\"params\":[\"two:a\"]}\n");
    assert!(client.call("supervisor.getState", json!([])).is_ok());
    daemon.wait_state("two:a", "RUNNING");
}

#[test]
fn where_a_login_is_wanted_nothing_is_done_without_the_right_one() {
    let daemon = Setup::new()
        .server("username=user\npassword=secret")
        .program("p", "sleep 1000", "startsecs=0\nautostart=false")
        .start();
    let mut client = daemon.client();
    let refused = |client: &mut Client, method: &str, params: Value| {
        assert_eq!(client.call(method, params).unwrap_err().code, 401, "{method}");
    };
    refused(&mut client, "supervisor.startProcess", json!(["p"]));
    refused(&mut client, "system.listMethods", json!([]));
    refused(&mut client, "no.such", json!([]));
    refused(&mut client, "svx.tail", json!(["p"]));
    for wrong in [
        json!([]),
        json!(["user"]),
        json!(["user", "wrong"]),
        json!(["other", "secret"]),
        json!(["user", "secretx"]),
        json!(["", ""]),
        json!([1, 2]),
        json!([null, null]),
    ] {
        refused(&mut client, "svx.login", wrong);
        refused(&mut client, "supervisor.getState", json!([]));
    }
    assert_eq!(client.call("svx.login", json!(["user", "secret"])), Ok(json!(true)));
    let info = client.call("supervisor.getProcessInfo", json!(["p"])).unwrap();
    assert_eq!(info["statename"], "STOPPED");
    refused(&mut daemon.client(), "supervisor.getState", json!([]));
    // One that fails later is out again.
    refused(&mut client, "svx.login", json!(["user", "wrong"]));
    refused(&mut client, "supervisor.getState", json!([]));
    assert!(!daemon.read("main.log").contains("secret"));
}

#[test]
fn a_client_that_leaves_while_waiting_is_forgotten() {
    let daemon = Setup::new().shell("slow", SLOW, "startsecs=0").start();
    daemon.wait_file("slow.out", "ready");
    daemon.call("supervisor.getState", json!([]));
    let before = daemon.fds();
    let mut client = daemon.client();
    client.send("supervisor.stopProcess", json!(["slow"]));
    daemon.wait_state("slow", "STOPPING");
    drop(client);
    daemon.wait_state("slow", "STOPPED");
    until("the descriptors to be closed", || (daemon.fds() <= before).then_some(()));
    daemon.call("supervisor.startProcess", json!(["slow"]));
}

#[test]
fn a_client_that_goes_at_once_is_forgotten_however_little_it_has_said() {
    let daemon = zoo();
    daemon.call("supervisor.getState", json!([]));
    let before = daemon.fds();
    for said in ["", "\n", "{\"id\":2,", "GET / HTTP/1.1\r\n", "POST /RPC2 HTTP/1.0\r\n\r\n<"] {
        // All it says, and its end, are there when the daemon first looks.
        daemon.signal(Signal::SIGSTOP);
        for _ in 0..20 {
            daemon.client().raw(said.as_bytes());
        }
        daemon.signal(Signal::SIGCONT);
        daemon.call("supervisor.getState", json!([]));
        let begun = Instant::now();
        until("the descriptors to be closed", || (daemon.fds() <= before).then_some(()));
        assert!(begun.elapsed() < Duration::from_secs(20), "after {said:?}"); // not for a deadline
    }
}

#[test]
fn two_hundred_idle_connections_are_no_burden() {
    let daemon = zoo();
    daemon.call("supervisor.getState", json!([]));
    let before = daemon.fds();
    let crowd: Vec<Client> = (0..200).map(|_| daemon.client()).collect();
    let begun = Instant::now();
    assert_eq!(daemon.client().call("supervisor.getState", json!([])).unwrap()["statecode"], 1);
    assert!(begun.elapsed() < Duration::from_secs(1));
    daemon.assert_calm();
    drop(crowd);
    until("the descriptors to be closed", || (daemon.fds() <= before).then_some(()));
}

#[test]
fn a_client_that_does_not_read_is_cut_off_and_the_others_are_served() {
    let daemon = Setup::new().program("loud", "yes", "startsecs=0").start();
    daemon.wait_state("loud", "RUNNING");
    let mut client = daemon.client();
    client.send("svx.tail", json!(["loud", "stdout", 0, true]));
    let mut worst = Duration::ZERO;
    let memory = || -> u64 {
        let field = status_field(daemon.pid(), "VmRSS");
        field.split(' ').next().unwrap().parse().unwrap()
    };
    let before = memory();
    until("the client to be cut off", || {
        let begun = Instant::now();
        daemon.call("supervisor.getState", json!([]));
        worst = worst.max(begun.elapsed());
        (!client.try_raw(b"\n")).then_some(())
    });
    assert!(worst < Duration::from_secs(1), "{worst:?}");
    assert!(memory() < before + (64 << 10), "{} KiB", memory());
}

#[test]
fn a_client_that_asks_for_much_at_once_gets_it_as_it_takes_it() {
    let daemon = Setup::new()
        .shell("loud", "head -c 900000 /dev/zero | tr '\\0' x", "startsecs=0\nautorestart=false")
        .start();
    daemon.wait_state("loud", "EXITED");
    let memory = || -> u64 {
        let field = status_field(daemon.pid(), "VmRSS");
        field.split(' ').next().unwrap().parse().unwrap()
    };
    let before = memory();
    let mut client = daemon.client();
    let ask =
        |client: &mut Client| client.send("supervisor.readProcessStdoutLog", json!(["loud", 0, 0]));
    let asked: Vec<u64> = (0..100).map(|_| ask(&mut client)).collect();
    daemon.call("supervisor.getState", json!([]));
    assert!(memory() < before + (16 << 10), "{} KiB", memory());
    for id in asked {
        let text = client.answer(id).unwrap();
        assert_eq!(text.as_str().map(str::len), Some(900_000));
    }
}

#[test]
fn one_answer_is_had_however_long_it_is() {
    let shell = "head -c 900000 /dev/zero | tr '\\0' x";
    let daemon = Setup::new().shell("loud", shell, "startsecs=0\nautorestart=false").start();
    daemon.wait_state("loud", "EXITED");
    let call = json!({"methodName": "supervisor.readProcessStdoutLog", "params": ["loud", 0, 0]});
    let texts = daemon.call("system.multicall", json!([vec![call; 40]]));
    let len = |text: &Value| text.as_str().map_or(0, str::len);
    assert_eq!(texts.as_array().unwrap().iter().map(len).sum::<usize>(), 40 * 900_000);
}

#[test]
fn many_calls_in_one_go_leave_room_for_others() {
    let daemon = zoo();
    let mut greedy = daemon.client();
    let call = json!({"methodName": "supervisor.getAllProcessInfo", "params": []});
    greedy.send("system.multicall", json!([vec![call; 10_000]]));
    let mut took = Vec::new();
    for _ in 0..200 {
        let begun = Instant::now();
        daemon.call("supervisor.getState", json!([]));
        took.push(begun.elapsed());
    }
    took.sort();
    assert!(took[197] < Duration::from_millis(250), "{:?}", &took[190..]);
}

#[test]
fn clients_that_are_connected_or_wait_do_not_keep_a_restart_from_its_socket() {
    let daemon = Setup::new().shell("slow", SLOW, "startsecs=0").start();
    daemon.wait_file("slow.out", "ready");
    let _idle = daemon.client();
    let mut waiting = daemon.client();
    let stop = waiting.send("supervisor.stopProcess", json!(["slow"]));
    daemon.wait_state("slow", "STOPPING");
    daemon.call("supervisor.restart", json!([]));
    assert_eq!(waiting.answer(stop), Ok(json!(true)));
    daemon.hang_up();
    daemon.wait_said_times("spawned: 'slow'", 2);
    daemon.wait_state("slow", "RUNNING");
    assert_eq!(daemon.times("already listening").len(), 0);
}

#[test]
fn nothing_a_client_says_makes_a_line_of_the_main_log_of_its_own() {
    let daemon = Setup::new().daemon("loglevel=blather").start();
    let forged = "x\n2026-01-01 00:00:00,000 CRIT forged\x1b[31m";
    _ = daemon.fault("supervisor.startProcess", json!([forged]));
    _ = daemon.fault(forged, json!([]));
    _ = daemon.fault("supervisor.addProcessGroup", json!([forged]));
    let log = daemon.read("main.log");
    assert!(!log.lines().any(|line| line.starts_with("2026-01-01")), "{log}");
    assert!(!log.contains('\x1b'));
}

trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}

/// A daemon with credentials, and a way to connect to each of its control sockets.
fn guarded() -> (Daemon, Vec<Box<dyn ReadWrite>>) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let daemon = Setup::new()
        .server("username=me\npassword=secret")
        .section(&format!("[inet_http_server]\nport={address}\nusername=me\npassword=secret\n"))
        .start();
    let unix = UnixStream::connect(daemon.path("s")).unwrap();
    unix.set_read_timeout(Some(DEADLINE)).unwrap();
    let tcp = TcpStream::connect(address).unwrap();
    tcp.set_read_timeout(Some(DEADLINE)).unwrap();
    (daemon, vec![Box::new(unix), Box::new(tcp)])
}

fn head(bytes: usize) -> Vec<u8> {
    format!(
        "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: {bytes}\r\n\r\n"
    )
    .into_bytes()
}

#[test]
fn who_is_refused_in_the_middle_of_a_large_request_still_reads_why() {
    const BODY_BYTES: usize = 5_000_000;
    let (_daemon, clients) = guarded();
    for mut client in clients {
        client.write_all(&head(BODY_BYTES)).unwrap();
        client.write_all(&vec![b' '; BODY_BYTES]).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    }
}

#[test]
fn who_is_refused_and_sends_without_end_is_hung_up_on() {
    let (daemon, clients) = guarded();
    for mut client in clients {
        client.write_all(&head(usize::MAX >> 8)).unwrap();
        let mut left = 1 << 30;
        while client.write_all(&[b' '; 1 << 16]).is_ok() {
            left -= 1 << 16;
            assert_ne!(left, 0);
        }
    }
    daemon.client();
}

#[test]
fn who_is_refused_and_stays_is_hung_up_on_after_a_while() {
    let (_daemon, clients) = guarded();
    for mut client in clients {
        client.write_all(&head(1000)).unwrap();
        let begun = Instant::now();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
        until("the daemon to hang up", || client.write_all(b" ").err());
        assert!(begun.elapsed() > Duration::from_millis(1900));
    }
}

#[test]
fn one_client_more_than_clients_max_is_hung_up_on_and_the_others_are_served() {
    let daemon = Setup::new().daemon("clients_max=3").start();
    let mut clients = [daemon.client(), daemon.client(), daemon.client()];
    for client in &mut clients {
        assert!(client.call("supervisor.getState", json!([])).is_ok());
    }
    let mut one_more = daemon.client();
    assert_eq!(one_more.rest(), "");
    assert!(clients[0].call("supervisor.getState", json!([])).is_ok());
    drop(clients);
    until("there is room again", || {
        let mut next = daemon.client();
        next.try_raw(b"{\"id\":1,\"method\":\"supervisor.getState\"}\n");
        next.line().map(drop)
    });
}
