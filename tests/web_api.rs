//! The JSON API, the forms and the old addresses of the real daemon.

mod common;

use std::fs;
use std::process::Command;

use common::web::{Answer, Web, free_port, get, post};
use common::*;
use serde_json::{Value, json};

const JSON: &str = "Content-Type: application/json\r\n";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

fn web(daemon: &Daemon) -> Web {
    Web::unix(&daemon.path("s"))
}

fn ask(daemon: &Daemon, path: &str) -> Answer {
    web(daemon).ask(get(path, ""))
}

#[track_caller]
fn read(daemon: &Daemon, path: &str) -> Value {
    let answer = ask(daemon, path);
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    serde_json::from_str(&answer.body).unwrap()
}

fn send(daemon: &Daemon, path: &str, body: &Value) -> (u16, Value) {
    let answer = web(daemon).ask(post(path, JSON, &body.to_string()));
    (answer.status, serde_json::from_str(&answer.body).unwrap_or_default())
}

/// `name CODE` for each of the results.
#[track_caller]
fn results(said: (u16, Value)) -> Vec<String> {
    let (status, said) = said;
    assert_eq!(status, 200, "{said}");
    let told = said["results"].as_array().unwrap().iter();
    told.map(|one| format!("{} {}", one["name"].as_str().unwrap(), one["code"].as_str().unwrap()))
        .collect()
}

fn token(daemon: &Daemon) -> String {
    let page = ask(daemon, "/").body;
    let rest = page.split("name=token value=").nth(1).unwrap();
    rest.split(['>', ' ']).next().unwrap().trim_matches('"').to_owned()
}

fn submit(daemon: &Daemon, fields: &str) -> Answer {
    web(daemon).ask(post("/", FORM, fields))
}

fn pair() -> Setup {
    Setup::new()
        .program("web", "sleep 1000", "autostart=false\nstartsecs=0")
        .program("g", "sleep 1000", "numprocs=2\nprocess_name=%(process_num)d\nstartsecs=0")
        .program("bad", "/nonexistent/command", "autostart=false")
}

#[test]
fn every_described_path_answers_and_none_with_a_server_error() {
    let daemon = pair().start();
    daemon.wait_state("g:1", "RUNNING");
    let description = read(&daemon, "/api/v1/openapi.json");
    let schemas = &description["components"]["schemas"];
    let mut answered = 0;
    for (path, methods) in description["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if path == "/assets/{file}" || path.contains("{task}") {
                continue; // a name with a hash; and what would end the daemon
            }
            let filled = path
                .replace("{process}", "g:1")
                .replace("{group}", "g")
                .replace("{channel}", "stdout")
                .replace("{action}", "clear");
            let mut web = web(&daemon);
            match method.as_str() {
                "get" => web.send(get(&filled, "")),
                _ if path == "/" => web.send(post(&filled, FORM, "token=x&action=start")),
                _ if path == "/api/v1/actions" => {
                    let body = r#"{"action":"clear","targets":["web"]}"#;
                    web.send(post(&filled, JSON, body));
                }
                _ => web.send(post(&filled, "", "")),
            }
            let mut answer = web.head();
            let status = answer.status.to_string();
            let said = &operation["responses"][&status];
            assert!(said.is_object(), "{method} {path} answers {status}");
            assert!(answer.status < 400 || path == "/", "{method} {path} answers {status}");
            answered += 1;
            if answer.field("Content-Type") != Some("application/json") {
                continue;
            }
            let length = answer.field("Content-Length").unwrap().parse().unwrap();
            answer.body = web.exactly(length);
            let value: Value = serde_json::from_str(&answer.body).unwrap();
            let schema = &said["content"]["application/json"]["schema"];
            assert_fits(&value, schema, schemas, &format!("{method} {path}"));
        }
    }
    assert!(answered >= 30, "{answered}");
}

/// Fails unless a value has exactly the fields of its schema, each of its kind.
#[track_caller]
fn assert_fits(value: &Value, schema: &Value, schemas: &Value, at: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return assert_fits(value, &schemas[name], schemas, at);
    }
    if let Some(either) = schema["oneOf"].as_array() {
        let which = either.iter().find(|one| (one["type"] == "null") == value.is_null());
        return assert_fits(value, which.unwrap(), schemas, at);
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let is = |wanted: &Value| wanted == kind || (wanted == "number" && kind == "integer");
    let kinds = &schema["type"];
    let fits = kinds.as_array().map_or(is(kinds), |kinds| kinds.iter().any(is));
    assert!(fits, "{at}: {value} is not {kinds}");
    for item in value.as_array().into_iter().flatten() {
        assert_fits(item, &schema["items"], schemas, at);
    }
    for (name, field) in value.as_object().into_iter().flatten() {
        let at = format!("{at}: {name}");
        match schema["properties"].get(name) {
            Some(schema) => assert_fits(field, schema, schemas, &at),
            None if schema["additionalProperties"].is_object() => {
                assert_fits(field, &schema["additionalProperties"], schemas, &at);
            }
            None => assert!(schema.get("properties").is_none(), "{at} is not described"),
        }
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(value.get(name.as_str().unwrap()).is_some(), "{at} has no {name}");
    }
}

#[test]
fn actions_answer_when_they_are_done_for_one_for_a_group_and_for_many() {
    let daemon = pair().start();
    daemon.wait_state("g:1", "RUNNING");
    let started = web(&daemon).ask(post("/api/v1/processes/web/start", "", ""));
    assert_eq!(started.status, 200);
    assert_eq!(daemon.info("web")["statename"], "RUNNING");
    let again = send(&daemon, "/api/v1/processes/web/start", &json!({}));
    assert_eq!(results(again), ["web ALREADY_STARTED"]);
    let pid = daemon.pid_of("web");
    let restarted = send(&daemon, "/api/v1/processes/web%3Aweb/restart", &json!({}));
    assert_eq!(results(restarted), ["web SUCCESS"]);
    assert_ne!(daemon.pid_of("web"), pid);
    let group = send(&daemon, "/api/v1/groups/g/stop", &json!({"wait": true}));
    let mut group = results(group);
    group.sort(); // they are told as they end
    assert_eq!(group, ["g:0 SUCCESS", "g:1 SUCCESS"]);
    let body = json!({"action": "start", "targets": ["bad", "g:*", "nope", "<b>"]});
    let many = results(send(&daemon, "/api/v1/actions", &body));
    let wanted = ["nope BAD_NAME", "<b> BAD_NAME", "bad NO_FILE", "g:0 SUCCESS", "g:1 SUCCESS"];
    assert_eq!(many, wanted);
    let body = json!({"action": "signal", "targets": ["all"], "signal": 0});
    assert_eq!(results(send(&daemon, "/api/v1/actions", &body)).len(), 3);
    assert_eq!(
        results(send(&daemon, "/api/v1/actions", &json!({"action": "stop", "targets": []}))).len(),
        0
    );
}

#[test]
fn a_restart_goes_on_though_its_caller_has_left() {
    let script = "trap 'sleep 0.5; exit' TERM; while :; do sleep 0.05; done";
    let daemon = Setup::new().shell("web", script, "startsecs=0").start();
    daemon.wait_state("web", "RUNNING");
    let pid = daemon.pid_of("web");
    let mut caller = web(&daemon);
    caller.send(post("/api/v1/processes/web/restart", "", ""));
    daemon.wait_state("web", "STOPPING");
    drop(caller);
    until("another process", || (daemon.wait_state("web", "RUNNING")["pid"] != pid).then_some(()));
}

#[test]
fn what_makes_no_sense_is_refused_in_json_and_does_nothing() {
    let daemon = pair().start();
    let actions = "/api/v1/actions";
    for (request, status, code) in [
        (get("/api/v1/nothing", ""), 404, "NOT_FOUND"),
        (get("/api/v1/processes/nope", ""), 404, "BAD_NAME"),
        (get("/api/v1/processes/g:*", ""), 404, "BAD_NAME"),
        (get("/api/v1/groups/nope", ""), 404, "BAD_NAME"),
        (get("/api/v1/processes/web/logs/stdout", ""), 404, "NO_FILE"),
        (get("/api/v1/daemon/log?offset=x", ""), 400, "BAD_ARGUMENTS"),
        (get("/api/v1/daemon/log?length=99999999", ""), 400, "BAD_ARGUMENTS"),
        (get(actions, ""), 405, "METHOD_NOT_ALLOWED"),
        (post("/api/v1/processes", "", ""), 405, "METHOD_NOT_ALLOWED"),
        (post("/api/v1/processes/web/explode", "", ""), 404, "NOT_FOUND"),
        (post("/api/v1/processes/nope/start", "", ""), 404, "BAD_NAME"),
        (post("/api/v1/groups/nope/start", "", ""), 404, "BAD_NAME"),
        (post("/api/v1/processes/web/start", FORM, ""), 415, "UNSUPPORTED_MEDIA_TYPE"),
        (post("/api/v1/processes/web/start", "", "{}"), 415, "UNSUPPORTED_MEDIA_TYPE"),
        (post("/api/v1/processes/web/start", JSON, "{"), 400, "BAD_ARGUMENTS"),
        (post("/api/v1/processes/web/start", JSON, "[]"), 400, "BAD_ARGUMENTS"),
        (post("/api/v1/processes/web/signal", JSON, "{}"), 400, "BAD_ARGUMENTS"),
        (post("/api/v1/processes/web/signal", JSON, r#"{"signal":"NOPE"}"#), 400, "BAD_SIGNAL"),
        (post(actions, JSON, r#"{"action":"start","targets":[1]}"#), 400, "BAD_ARGUMENTS"),
        (post(actions, JSON, r#"{"action":"start","targets":[],"x":1}"#), 400, "BAD_ARGUMENTS"),
        (post(actions, JSON, &"[".repeat(100_000)), 400, "BAD_ARGUMENTS"),
        (post("/api/v1/daemon/explode", "", ""), 404, "NOT_FOUND"),
        (post("/api/v1/daemon/shutdown", JSON, r#"{"now":true}"#), 400, "BAD_ARGUMENTS"),
    ] {
        let answer = web(&daemon).ask(&request);
        let shown = &request[..request.len().min(90)];
        assert_eq!(answer.status, status, "{shown}: {answer:?}");
        let said: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        assert_eq!(said["error"]["code"], code, "{shown}: {answer:?}");
        assert!(said["error"]["message"].as_str().is_some_and(|words| !words.is_empty()));
        assert_eq!(answer.field("Allow").is_some(), status == 405, "{shown}");
    }
    assert_eq!(daemon.info("web")["statename"], "STOPPED");
    assert_eq!(daemon.call("supervisor.getState", json!([]))["statename"], "RUNNING");
}

#[test]
fn a_page_of_another_site_changes_nothing() {
    let port = free_port();
    let daemon = pair().section(&format!("[inet_http_server]\nport=127.0.0.1:{port}\n")).start();
    let token = token(&daemon);
    let form = format!("token={token}&action=start&target=web");
    for fields in [
        "Origin: http://evil.example\r\n",
        "Origin: null\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
        "Referer: http://evil.example/\r\n",
        "User-Agent: Mozilla/5.0\r\n",
    ] {
        let old = get("/index.html?processname=web&action=start", fields);
        let action = post("/api/v1/processes/web/start", fields, "");
        let form = post("/", &format!("{fields}{FORM}"), &form);
        for request in [old, action, form] {
            for mut web in [web(&daemon), Web::tcp(port)] {
                assert_eq!(web.ask(&request).status, 403, "{request}");
            }
        }
    }
    let rebound = get("/?processname=web&action=start", "").replace("localhost", "evil.example");
    assert_eq!(Web::tcp(port).ask(rebound).status, 403);
    assert_eq!(daemon.info("web")["statename"], "STOPPED");
    // To look at something from elsewhere is not forbidden: the browser shows it to nobody.
    assert_eq!(web(&daemon).ask(get("/", "Origin: http://evil.example\r\n")).status, 200);
    let own = "Origin: http://localhost\r\nUser-Agent: Mozilla/5.0\r\n";
    assert_eq!(web(&daemon).ask(post("/", &format!("{own}{FORM}"), &form)).status, 303);
    assert_eq!(daemon.info("web")["statename"], "RUNNING");
}

#[test]
fn a_form_needs_the_token_asks_before_it_hurts_and_tells_what_came_of_it() {
    let daemon = pair().start();
    daemon.wait_state("g:1", "RUNNING");
    let token = token(&daemon);
    for wrong in ["", "token=&", "token=0&", &format!("token={}&", &token[1..])] {
        assert_eq!(submit(&daemon, &format!("{wrong}action=start&target=web")).status, 403);
    }
    let multipart = "Content-Type: multipart/form-data; boundary=x\r\n";
    assert_eq!(web(&daemon).ask(post("/", multipart, "--x--")).status, 415);
    let submit = |fields: &str| submit(&daemon, &format!("token={token}&{fields}"));
    let noticed = |answer: Answer| {
        assert_eq!(answer.status, 303, "{answer:?}");
        ask(&daemon, answer.field("Location").unwrap()).body
    };
    let page = noticed(submit("action=start&target=web&target=bad&signal=HUP"));
    assert!(page.contains("web: started") && page.contains("find command"), "{page}");
    let page = noticed(submit("action=stop"));
    assert!(page.contains("nothing was selected"), "{page}");

    let asked = submit("action=stop&target=all");
    assert_eq!(asked.status, 200);
    assert!(asked.body.contains("name=confirmed value=1"), "{asked:?}");
    assert_eq!(daemon.info("web")["statename"], "RUNNING");
    noticed(submit("action=stop&target=all&confirmed=1"));
    assert_eq!(daemon.info("web")["statename"], "STOPPED");

    let page = noticed(submit("action=reread"));
    assert!(page.contains("nothing has changed"), "{page}");
    assert_eq!(submit("action=explode").status, 400);
    assert_eq!(ask(&daemon, "/?notice=999").status, 200, "an unknown notice is none");
    assert!(!ask(&daemon, "/?message=%3Cscript%3Ealert(1)").body.contains("<script>alert"));
}

#[test]
fn old_addresses_act_and_answer_as_4_3_0_does() {
    let daemon = pair().start();
    daemon.wait_state("g:1", "RUNNING");
    for (query, message) in [
        ("processname=web&action=start", "Process%20web%20started"),
        ("processname=web&action=start", "ERROR%3A%20Process%20web%3A%20already%20started"),
        ("processname=web&action=restart", "Process%20web%20restarted"),
        ("processname=web&action=stop", "Process%20web%20stopped"),
        (
            "processname=web&action=stop",
            "unexpected%20rpc%20fault%20%5B70%5D%20NOT_RUNNING%3A%20web",
        ),
        ("processname=bad&action=start", "ERROR%3A%20Process%20bad%3A%20no%20such%20file"),
        ("processname=web&action=clearlog", "Log%20for%20web%20cleared"),
        ("processname=g%3A*&action=stop", "No%20such%20process%20named%20g%3A%2A"),
        ("processname=no%3Cb%3E/x&action=stop", "No%20such%20process%20named%20no%3Cb%3E/x"),
        ("action=refresh", "Page%20refreshed%20at%20"),
        ("action=stopall", "All%20stopped%20at%20"),
        ("action=restartall", "All%20restarted%20at%20"),
    ] {
        for path in ["/index.html", "/"] {
            if path == "/" && !query.contains("clearlog") {
                continue; // the same, and once is enough
            }
            let answer = ask(&daemon, &format!("{path}?{query}"));
            let location = answer.field("Location").unwrap_or_default().to_owned();
            let begin = format!("http://localhost/?message={message}");
            assert!(answer.status == 301 && location.starts_with(&begin), "{query}: {answer:?}");
            assert_eq!(answer.field("Cache-Control"), Some("no-store"), "it is not for ever");
        }
    }
    assert_eq!(daemon.info("web")["statename"], "RUNNING", "all were restarted");
    for query in ["action=bogus", "action=start", "processname=web&action=bogus"] {
        assert_eq!(ask(&daemon, &format!("/index.html?{query}")).status, 400, "{query}");
    }
    let tail = |query: &str| ask(&daemon, &format!("/tail.html{query}"));
    fs::write(daemon.path("web.out"), format!("{}<b>end\n", "x".repeat(3000))).unwrap();
    let page = tail("?processname=web&limit=5").body;
    assert!(page.contains("&lt;b&gt;end") && page.contains(&"x".repeat(1015)), "{page}");
    assert!(!page.contains(&"x".repeat(1025)), "{page}");
    assert!(tail("?processname=web&limit=2000").body.contains(&"x".repeat(1990)));
    assert!(tail("").body.contains("No process name found"));
    assert!(
        tail("?processname=nope").body.contains("ERROR: unexpected rpc fault [10] BAD_NAME: nope")
    );
    assert_eq!(ask(&daemon, "/ok.html").body, "OK");
}

#[test]
fn bytes_of_a_log_come_from_anywhere_and_never_all_at_once() {
    let daemon = Setup::new().program("web", "sleep 1000", "").start();
    let content: Vec<u8> = (0..3_000_000u32).map(|n| b'a' + (n % 26) as u8).collect();
    fs::write(daemon.path("web.out"), &content).unwrap();
    let path = "/api/v1/processes/web/logs/stdout";
    let text = |from: usize, to: usize| String::from_utf8(content[from..to].to_vec()).unwrap();
    for (query, field, status, from, to) in [
        ("", "", 200, 3_000_000 - 65_536, 3_000_000),
        ("?offset=10&length=5", "", 200, 10, 15),
        ("?offset=-5", "", 200, 2_999_995, 3_000_000),
        ("?offset=9999999", "", 200, 3_000_000, 3_000_000),
        ("?offset=0&length=1048576", "", 200, 0, 1 << 20),
        ("", "Range: bytes=5-9\r\n", 206, 5, 10),
        ("", "Range: bytes=0-\r\n", 206, 0, 1 << 20),
        ("", "Range: bytes=-7\r\n", 206, 2_999_993, 3_000_000),
        ("?offset=1&length=2", "Range: bytes=5-9\r\n", 200, 1, 3),
    ] {
        let answer = web(&daemon).ask(get(&format!("{path}{query}"), field));
        assert_eq!(answer.status, status, "{query} {field}");
        assert!(answer.body == text(from, to), "{query} {field}: {}", answer.body.len());
        assert_eq!(answer.field("X-Log-Offset"), Some(from.to_string().as_str()));
        assert_eq!(answer.field("X-Log-Size"), Some("3000000"));
        let range = format!("bytes {from}-{}/3000000", to.max(1) - 1);
        assert_eq!(answer.field("Content-Range"), (status == 206).then_some(range.as_str()));
    }
    let beyond = web(&daemon).ask(get(path, "Range: bytes=3000000-\r\n"));
    assert_eq!((beyond.status, beyond.field("Content-Range")), (416, Some("bytes */3000000")));
    let id = |answer: Answer| answer.field("X-Log-File-Id").unwrap().to_owned();
    let before = id(ask(&daemon, path));
    assert_eq!(id(ask(&daemon, path)), before);
    fs::rename(daemon.path("web.out"), daemon.path("moved")).unwrap();
    fs::write(daemon.path("web.out"), "new").unwrap();
    assert_ne!(id(ask(&daemon, path)), before);
    assert_eq!(ask(&daemon, "/api/v1/daemon/log").status, 200);
}

#[test]
fn names_and_messages_made_of_markup_stay_text() {
    let name = "<svgonload=alert(1)>%3C\"'&";
    let daemon = Setup::new()
        .section(&format!("[program:{name}]\ncommand=/nonexistent/<script>\nstartretries=0\n"))
        .start();
    daemon.wait_state(name, "FATAL");
    let all = read(&daemon, "/api/v1/processes");
    assert_eq!(all["processes"][0]["name"], name);
    let quoted: String = name.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let one = read(&daemon, &format!("/api/v1/processes/{quoted}"));
    assert_eq!(one["full_name"], name);
    let path = format!("/api/v1/processes/{quoted}/start");
    assert_eq!(results(send(&daemon, &path, &json!({}))), [format!("{name} NO_FILE")]);
    for path in [
        "/".to_owned(),
        format!("/log/{quoted}/stdout"),
        format!("/tail.html?processname={quoted}"),
    ] {
        let page = ask(&daemon, &path).body;
        assert!(!page.contains("<svgonload") && !page.contains("<script>"), "{path}: {page}");
    }
}

#[test]
fn nothing_secret_is_told_of_a_program() {
    let daemon =
        Setup::new().program("web", "sleep 1000", "environment=KEY=\"s3cret\",OTHER=\"x\"").start();
    let answer = ask(&daemon, "/api/v1/processes/web/config");
    assert!(!answer.body.contains("s3cret"), "{answer:?}");
    let config: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(config["environment"], json!({"KEY": "***", "OTHER": "***"}));
    assert_eq!(config["stdout"]["logfile_maxbytes"], 52_428_800);
}

#[test]
fn everything_is_behind_the_password_also_what_seems_harmless() {
    let daemon = Setup::new().server("username=u\npassword=p").start();
    let style = web(&daemon)
        .ask(get("/", "Authorization: Basic dTpw\r\n"))
        .body
        .split("href=")
        .find_map(|rest| {
            rest.starts_with("/assets/").then(|| rest.split(['>', ' ']).next().unwrap().to_owned())
        })
        .unwrap();
    for path in
        ["/", "/healthz", "/readyz", "/favicon.svg", "/api/v1/openapi.json", "/nothing", &style]
    {
        assert_eq!(ask(&daemon, path).status, 401, "{path}");
    }
    let again = web(&daemon).ask(get(&style, "Authorization: Basic dTpw\r\n"));
    assert!(again.field("Cache-Control").unwrap().contains("immutable"));
    let etag =
        format!("Authorization: Basic dTpw\r\nIf-None-Match: {}\r\n", again.field("ETag").unwrap());
    let mut web = web(&daemon);
    web.send(get(&style, &etag));
    assert_eq!(web.head().status, 304);
}

#[test]
fn a_thousand_processes_are_a_list_of_less_than_half_a_megabyte() {
    let daemon = Setup::new()
        .program("p", "true", "numprocs=1000\nprocess_name=%(process_num)04d\nautostart=false")
        .start();
    let answer = ask(&daemon, "/api/v1/processes");
    assert!(answer.body.len() < 480_000, "{}", answer.body.len());
    let page = ask(&daemon, "/").body.len();
    assert!(page < 300_000, "{page}");
    let names: Vec<String> = (0..1000).map(|n| format!("p:{n:04}")).collect();
    let body = json!({"action": "stop", "targets": names});
    assert_eq!(results(send(&daemon, "/api/v1/actions", &body)).len(), 1000);
}

#[test]
fn a_daemon_is_ready_when_its_programs_have_arrived() {
    let daemon = Setup::new()
        .program("web", "sleep 1000", "startsecs=1")
        .program("once", "true", "startsecs=0\nautorestart=false")
        .program("bad", "false", "startsecs=0\nautorestart=false")
        .program("later", "sleep 1000", "autostart=false")
        .start();
    let check = |words: &[&str]| {
        let mut svx = Command::new(env!("CARGO_BIN_EXE_svx"));
        let url = format!("unix://{}", daemon.path("s").display());
        let out = svx.args(["healthcheck", "-s", &url]).args(words).output().unwrap();
        let text = String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap();
        (out.status.code().unwrap(), text.trim_end().to_owned())
    };
    daemon.wait_state("bad", "EXITED");
    daemon.wait_state("web", "RUNNING");
    let answer = ask(&daemon, "/readyz");
    assert_eq!(answer.status, 503);
    let said: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(said["waiting"], json!([{"name": "bad", "state": "EXITED"}]));
    assert_eq!(check(&[]), (1, "bad is EXITED".into()));
    assert_eq!(check(&["--program", "web"]), (0, "web RUNNING".into()));
    let many = check(&["--program", "web", "--program", "later", "--program", "nope"]);
    assert_eq!(many, (1, "later is STOPPED, there is no process nope".into()));

    daemon.call("supervisor.stopProcess", json!(["web"]));
    daemon.call("supervisor.removeProcessGroup", json!(["bad"]));
    assert_eq!(ask(&daemon, "/readyz").status, 200, "what somebody stopped is not waited for");
    assert_eq!(check(&[]).0, 0);
    assert_eq!(check(&["word"]).0, 2);
    assert_eq!(check(&["--timeout", "0"]).0, 2);
    assert_eq!(check(&["--help"]).0, 0);
}

#[test]
fn a_probe_finds_the_password_in_the_configuration_and_a_daemon_that_is_not_there() {
    let daemon = Setup::new()
        .server("username=u\npassword=p")
        .section("[supervisorctl]\nserverurl=unix://%(here)s/s\nusername=u\npassword=p\n")
        .start();
    let check = |words: &[&str]| {
        let mut svx = Command::new(env!("CARGO_BIN_EXE_svx"));
        let out = svx.arg("healthcheck").args(words).output().unwrap();
        (out.status.code().unwrap(), String::from_utf8(out.stdout).unwrap())
    };
    let conf = daemon.path("conf").display().to_string();
    assert_eq!(check(&["-c", &conf]).0, 0);
    let (status, why) = check(&["-c", &conf, "-p", "wrong"]);
    assert!(status == 1 && why.contains("401"), "{why}");
    let (status, why) = check(&["-s", "unix:///nonexistent/socket"]);
    assert!(status == 1 && why.contains("no such file"), "{why}");
    let silent = std::os::unix::net::UnixListener::bind(daemon.path("silent")).unwrap();
    let url = format!("unix://{}", daemon.path("silent").display());
    let (status, why) = check(&["-s", &url, "--timeout", "1"]);
    assert!(status == 1 && why.contains("within 1 s"), "{why}");
    drop(silent);
}

#[test]
fn the_daemon_does_what_it_is_told_to_do_to_itself() {
    let mut daemon = Setup::new().program("web", "sleep 1000", "startsecs=0").start();
    let task =
        |daemon: &Daemon, task: &str| send(daemon, &format!("/api/v1/daemon/{task}"), &json!({}));
    let text = fs::read_to_string(daemon.path("conf")).unwrap();
    fs::write(daemon.path("conf"), format!("{text}\n[program:new]\ncommand=sleep 1000\n")).unwrap();
    let none: [&str; 0] = [];
    let read = json!({"added": ["new"], "changed": none, "removed": none});
    assert_eq!(task(&daemon, "reread"), (200, read));
    assert_eq!(results(task(&daemon, "update")), ["new SUCCESS"]);
    fs::write(daemon.path("conf"), "[program:web]\ncommand=\n").unwrap();
    let (status, said) = task(&daemon, "reread");
    assert_eq!((status, &said["error"]["code"]), (409, &json!("CANT_REREAD")));
    assert_eq!(task(&daemon, "reopen-logs").0, 200);
    assert_eq!(task(&daemon, "clear-log").0, 200);
    assert_eq!(task(&daemon, "shutdown").0, 200);
    daemon.wait_end();
}
