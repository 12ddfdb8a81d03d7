//! Who gets in, on every path of both kinds of servers, and which ports are opened at all.

mod common;

use std::net::{TcpListener, TcpStream};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::web::{Web, call, free_port, get, post};
use common::*;
use serde_json::json;
use svx::proto::auth::argon2id;

const SHA: &str = "{SHA}e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4";
const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";

/// The password `secret` as a configuration may store it.
fn stored() -> [String; 4] {
    let argon2id = argon2id(b"secret", *b"sixteen bytes of").unwrap();
    ["secret".into(), SHA.into(), BCRYPT.into(), argon2id]
}

fn basic(name: &str, password: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{name}:{password}")))
}

/// What each path answers to these fields.
fn statuses(connect: &dyn Fn() -> Web, fields: &str) -> Vec<u16> {
    let rpc = post("/RPC2", fields, &call("supervisor.getState", ""));
    let paths = ["/logtail/web", "/logtail/web/stderr", "/mainlogtail", "/", "/nothing"];
    let requests = [rpc].into_iter().chain(paths.map(|path| get(path, fields)));
    let status = |request: String| {
        let mut web = connect();
        web.send(request);
        let head = web.head();
        assert_eq!(head.field("WWW-Authenticate").is_some(), head.status == 401);
        head.status
    };
    requests.map(status).collect()
}

#[test]
fn every_path_of_every_server_wants_the_name_and_the_password_however_it_is_stored() {
    for stored in stored() {
        let port = free_port();
        let login = format!("username=me\npassword={stored}\n");
        let daemon = Setup::new()
            .server(&login)
            .section(&format!("[inet_http_server]\nport=127.0.0.1:{port}\n{login}"))
            .program("web", "sleep 100", "")
            .start();
        daemon.wait_said("entered RUNNING state");
        let unix = || Web::unix(&daemon.path("s"));
        let tcp = || Web::tcp(port);
        for connect in [&unix as &dyn Fn() -> Web, &tcp] {
            for wrong in [
                "",
                "Authorization: Bearer secret\r\n",
                &basic("me", "Secret"),
                &basic("me", ""),
                &basic("", "secret"),
                &basic("you", "secret"),
                &basic("me", &stored[1..]),
            ] {
                assert_eq!(statuses(connect, wrong), [401; 6], "{stored} {wrong}");
            }
            let open = statuses(connect, &basic("me", "secret"));
            assert_eq!(open[..4], [200; 4], "{stored}");
            assert!(open[4..].iter().all(|status| *status != 401), "{stored}: {open:?}");
            let mut web = connect();
            web.send(get("/", "Authorization: Basic bm9jb2xvbg==\r\n"));
            assert_eq!(web.head().status, 400);
        }
        let mut client = daemon.client();
        let login = |password: &str| json!(["me", password]);
        let refused = client.call("svx.login", login("Secret")).unwrap_err();
        assert_eq!(refused.code, 401, "{stored}");
        assert_eq!(client.call("svx.login", login("secret")).unwrap(), json!(true), "{stored}");
        client.call("supervisor.getState", json!([])).unwrap();
    }
}

#[test]
fn credentials_once_verified_open_request_after_request() {
    let [.., stored] = stored();
    let daemon = Setup::new().server(&format!("username=me\npassword={stored}\n")).start();
    let mut web = Web::unix(&daemon.path("s"));
    let request = post("/RPC2", &basic("me", "secret"), &call("supervisor.getState", ""));
    web.send(request.repeat(20));
    for _ in 0..20 {
        assert_eq!(web.answer().status, 200);
    }
}

#[test]
fn a_port_that_other_machines_reach_is_opened_with_credentials_or_on_request_only() {
    for (lines, opened) in [
        ("", false),
        ("username=\npassword=\n", false),
        ("username=me\npassword=secret\n", true),
        ("allow_unauthenticated=true\n", true),
    ] {
        for host in ["*:", "0.0.0.0:", ""] {
            let port = free_port();
            let daemon = Setup::new()
                .section(&format!("[inet_http_server]\nport={host}{port}\n{lines}"))
                .program("web", "sleep 100", "")
                .start();
            daemon.wait_state("web", "RUNNING");
            let told = daemon.said().iter().any(|line| {
                line.starts_with("CRIT Server 'inet_http_server' not opened")
                    && line.ends_with("set username and password, or allow_unauthenticated=true")
            });
            assert_eq!(told, !opened, "{host} {lines}");
            let connected = TcpStream::connect(("127.0.0.1", port)).is_ok();
            assert_eq!(connected, opened, "{host} {lines}");
        }
    }
}

#[test]
fn a_server_listens_at_every_address_its_port_names() {
    let ports = [free_port(), free_port(), free_port()];
    let [one, two, three] = ports;
    let mut text = format!("127.0.0.1:{one}, localhost:{two}");
    let six = TcpListener::bind("[::1]:0").is_ok();
    if six {
        text.push_str(&format!(",[::1]:{three}"));
    }
    let _daemon = Setup::new().section(&format!("[inet_http_server]\nport={text}\n")).start();
    for port in [one, two] {
        let answer = Web::tcp(port).ask(post("/RPC2", "", &call("supervisor.getState", "")));
        assert_eq!(answer.status, 200);
    }
    if six {
        TcpStream::connect(("::1", three)).unwrap();
    } else {
        eprintln!("skipped, no IPv6 here: [::1]");
    }
}
