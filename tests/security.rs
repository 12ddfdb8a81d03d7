//! What has let strangers into Supervisor and its like, each tried here: none of it lets anybody
//! in, changes anything, or gives anything away.

mod common;

use std::collections::HashSet;
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};
use std::os::unix::net::UnixStream;
use std::process::{Command, Output};
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::web::{Answer, Web, call, free_port, get, post, text};
use common::*;
use serde_json::json;
use svx::proto::http::Method;
use svx::web::routes::ROUTES;

fn basic(name: &str, password: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{name}:{password}")))
}

/// A daemon with a TCP port, lines for its section, and a program.
fn on_tcp(lines: &str, script: &str) -> (Daemon, u16) {
    let port = free_port();
    let section = format!("[inet_http_server]\nport=127.0.0.1:{port}\n{lines}\n");
    let daemon = Setup::new().section(&section).shell("web", script, "startsecs=0").start();
    daemon.wait_state("web", "RUNNING");
    (daemon, port)
}

/// KiB of memory a daemon has.
fn resident(daemon: &Daemon) -> u64 {
    status_field(daemon.pid(), "VmRSS").split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn a_method_has_two_parts_and_no_other_name_reaches_anything() {
    let (daemon, port) = on_tcp("", "exec sleep 100\n");
    let path = daemon.path("touched");
    for name in [
        "supervisor.supervisord.options.warnings.linecache.os.system",
        "supervisor.supervisord.options.execve",
        "supervisor.__init__.__globals__",
        "supervisor.__class__",
        "supervisor._update",
        "system._listMethods",
        "__builtins__.eval",
        "os.system",
        "getState",
        "supervisor",
        "supervisor.",
        ".getState",
        "..",
        "",
        "supervisor.getState.",
        "supervisor.getState.x",
        "Supervisor.getState",
        "supervisor.getstate",
        "supervisor.getState\0",
    ] {
        let params = format!("<param>{}</param>", text(&format!("touch {}", path.display())));
        if !name.contains('\0') {
            let answer = Web::tcp(port).ask(post("/RPC2", "", &call(name, &params)));
            let refused = answer.status == 400 || answer.body.contains("<int>1</int>");
            assert!(refused, "{name}: {answer:?}");
        }
        let (code, why) = daemon.fault(name, json!([format!("touch {}", path.display())]));
        assert!(code == 1 || code == -32601, "{name}: {code} {why}");
        let all = json!([[{"methodName": name, "params": []}]]);
        let answers = daemon.call("system.multicall", all);
        assert_eq!(answers[0]["faultCode"], 1, "{name}: {answers}");
    }
    assert!(!path.exists());
}

/// Inodes of the sockets a process listens at.
fn listening(pid: i32) -> usize {
    let fds = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    let names = fds.filter_map(|fd| fs::read_link(fd.path()).ok());
    let own: HashSet<String> = names
        .filter_map(|name| {
            Some(name.to_str()?.strip_prefix("socket:[")?.trim_end_matches(']').into())
        })
        .collect();
    let table = |name: &str, state: &str, states: usize, inodes: usize| {
        let text = fs::read_to_string(format!("/proc/{pid}/net/{name}")).unwrap_or_default();
        let fields = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let ours = fields.filter(|f| f.get(states) == Some(&state) && own.contains(f[inodes]));
        ours.count()
    };
    table("tcp", "0A", 3, 9) + table("tcp6", "0A", 3, 9) + table("unix", "00010000", 3, 6)
}

#[test]
fn nothing_listens_unless_it_is_asked_to() {
    let daemon = Setup::new().no_server().program("web", "sleep 100", "startsecs=0").launch();
    daemon.wait_said("success: web");
    assert_eq!(listening(daemon.pid()), 0);
    assert_eq!(listening(Setup::new().start().pid()), 1);
}

#[test]
fn no_address_and_no_method_is_answered_without_the_password() {
    let login = "username=me\npassword=secret";
    for login in [login, "username=me\npassword=", "username=\npassword=secret"] {
        let (daemon, port) = on_tcp(login, "echo s3cret; exec sleep 100\n");
        for route in ROUTES {
            let path = route.path.replace("{process}", "web").replace("{channel}", "stdout");
            let path = path.replace("{group}", "web").replace("{action}", "stop");
            let path = path.replace("{task}", "shutdown").replace("{file}", "svx.css");
            let request = match route.method {
                Method::Post => post(&path, "Content-Type: application/json\r\n", "{}"),
                _ => get(&path, ""),
            };
            for wrong in ["", &basic("me", "wrong"), &basic("", ""), "Authorization: Basic\r\n"] {
                let request = request.replacen("\r\n", &format!("\r\n{wrong}"), 1);
                let status = Web::tcp(port).ask(&request).status;
                let refused = status == 401 || (status == 400 && wrong.ends_with("Basic\r\n"));
                assert!(refused, "{path} {wrong}: {status}");
            }
        }
        assert_eq!(daemon.info("web")["statename"], "RUNNING");
    }
}

#[test]
fn half_a_login_is_a_mistake_of_the_configuration() {
    for half in ["username=me", "password=secret"] {
        let setup = Setup::new().server(half).program("web", "touch %(here)s/ran", "");
        let ran = setup.path("ran");
        let (_, stderr, status) = setup.run();
        assert_eq!(status, 2);
        assert!(
            stderr.contains("[unix_http_server] contains incomplete authentication"),
            "{stderr}"
        );
        assert!(!stderr.contains("secret") && !ran.exists());
    }
}

#[test]
fn the_address_of_a_log_leads_to_that_log_and_to_nothing_beside_it() {
    let (daemon, port) = on_tcp("", "echo said; exec sleep 100\n");
    daemon.wait_file("web.out", "said");
    fs::write(daemon.path("private"), "s3cret").unwrap();
    for path in [
        "/logtail/web/../../etc/passwd",
        "/logtail/x/../../etc/passwd",
        "/logtail/../private",
        "/logtail/..%2fprivate",
        "/logtail/web/%2e%2e/private",
        "/logtail/web%00",
        "/logtail/web/stdout%00",
        "/logtail/web/private",
        "/logtail/",
        "/logtail//private",
        "/log/web/",
        "/confFile",
        "/api/v1/processes/..%2fprivate/logs/stdout",
        "/api/v1/processes/web/logs/..",
        "/stylesheets/../../etc/passwd",
        "/assets/..%2f..%2fetc%2fpasswd",
        "/%",
        "/%f",
        "/%zz",
        "/logtail/%",
        "/?processname=%&action=%f",
        "/tail.html?processname=%zz",
    ] {
        let answer = Web::tcp(port).ask(get(path, "Connection: close\r\n"));
        assert!(answer.status < 500, "{path}: {answer:?}");
        assert!(!answer.body.contains("s3cret") && !answer.body.contains("root:"), "{path}");
        let is_page = path.contains('?');
        assert!(is_page || matches!(answer.status, 400 | 404), "{path}: {}", answer.status);
    }
    assert_eq!(daemon.info("web")["statename"], "RUNNING");
}

/// Runs what follows without a capability; only root has it to lose.
fn without(capability: &str) -> Option<Vec<String>> {
    let words = ["setpriv", "--bounding-set", capability, "--inh-caps", capability];
    let able = root("losing a capability")
        && Command::new(words[0]).args(&words[1..]).arg("true").status().is_ok_and(|s| s.success());
    able.then(|| words.map(String::from).into())
}

#[test]
fn who_cannot_become_its_user_is_not_run_be_it_a_program_or_the_daemon() {
    for (capability, why) in [
        ("-setgid", "Could not set groups of effective user"),
        ("-setuid", "Could not set user id of effective user"),
    ] {
        let Some(words) = without(capability) else { return };
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let lines = "user=nobody\nstartsecs=1\nstartretries=0";
        let daemon = Setup::new().under(&words).shell("p", "id > %(here)s/ran", lines).start();
        daemon.wait_state("p", "FATAL");
        assert!(!daemon.path("ran").exists());
        let said = daemon.read("p.err");
        assert!(said.contains(&format!("couldn't setuid to 65534: {why}")), "{said}");
        let setup = Setup::new().under(&words).daemon("user=nobody");
        let (_, stderr, status) = setup.shell("p", "id > %(here)s/ran", "").run();
        assert_eq!(status, 2);
        assert!(stderr.contains(why), "{stderr}");
    }
}

#[test]
fn the_groups_of_a_user_are_his_and_none_of_the_daemon_s() {
    if !root("becoming somebody else") {
        return;
    }
    let words = ["setpriv", "--groups", "4,5,6"];
    let setup = Setup::new().under(&words);
    fs::set_permissions(setup.path(""), Permissions::from_mode(0o755)).unwrap();
    let daemon = setup.shell("p", "id -G\nexec sleep 100\n", "user=nobody\nstartsecs=0").start();
    let own = Command::new("id").args(["-G", "nobody"]).output().unwrap().stdout;
    assert_eq!(daemon.wait_file("p.out", "\n"), String::from_utf8(own).unwrap());
    assert_eq!(status_field(daemon.pid(), "Groups"), "4 5 6");
}

#[test]
fn a_page_of_another_site_neither_acts_nor_reads() {
    let (daemon, port) = on_tcp("allowed_hosts=sup.example.com, b.example", "exec sleep 100\n");
    for address in ["/?processname=web&action=stop", "/index.html?action=stopall"] {
        for fields in [
            "Origin: http://evil.example\r\n",
            "Referer: http://evil.example/\r\n",
            "Sec-Fetch-Site: cross-site\r\n",
            "User-Agent: Mozilla/5.0\r\n",
        ] {
            let answer = Web::tcp(port).ask(get(address, fields));
            assert_eq!(answer.status, 403, "{address} {fields}");
        }
    }
    let evil = "Content-Type: text/plain\r\nOrigin: http://evil.example\r\n";
    let stop = call("supervisor.stopProcess", &text("web"));
    assert_eq!(Web::tcp(port).ask(post("/RPC2", evil, &stop)).status, 403);
    // A name that was pointed at this machine.
    for path in ["/", "/api/v1/processes", "/logtail/web", "/metrics", "/mainlogtail"] {
        let status = |host: &str| {
            let mut web = Web::tcp(port);
            web.send(get(path, "").replace("localhost", host));
            web.head().status
        };
        assert_eq!(status("evil.example"), 403, "{path}");
        assert_eq!(status("evil.example:80"), 403, "{path}");
        for good in ["sup.example.com", "b.example:8080", "localhost:1", "127.0.0.1", "[::1]:9"] {
            assert_eq!(status(good), 200, "{path} {good}");
        }
    }
    assert_eq!(daemon.info("web")["statename"], "RUNNING");
}

#[test]
fn what_would_grow_when_it_is_read_is_refused_and_costs_no_memory() {
    let (daemon, port) = on_tcp("", "exec sleep 100\n");
    let ask = |body: &str| Web::tcp(port).ask(post("/RPC2", "", body)).status;
    let state = call("supervisor.getState", "");
    assert_eq!(ask(&state), 200);
    let before = resident(&daemon);
    let lol: String = (1..10)
        .map(|n| {
            let inner = format!("&l{};", n - 1).repeat(10);
            format!("<!ENTITY l{n} \"{inner}\">")
        })
        .collect();
    let bomb = format!("<!DOCTYPE x [<!ENTITY l0 \"lol\">{lol}]>");
    let read = call("supervisor.stopProcess", &text("&l9;"));
    let deep = "<value><array><data>".repeat(10_000) + &"</data></array></value>".repeat(10_000);
    for _ in 0..20 {
        assert_eq!(ask(&format!("{bomb}{read}")), 400);
        assert_eq!(ask(&format!("<?xml version=\"1.0\"?>{bomb}{state}")), 400);
        assert_eq!(ask(&format!("<!DOCTYPE x SYSTEM \"file:///etc/passwd\">{state}")), 400);
        assert_eq!(ask(&read), 400);
        assert_eq!(ask(&call("supervisor.getState", &format!("<param>{deep}</param>"))), 400);
        let json = "[".repeat(500_000);
        let mut client = daemon.client();
        client.raw(
            format!("{{\"id\":1,\"method\":\"supervisor.getState\",\"params\":{json}\n").as_bytes(),
        );
        assert_eq!(client.line().unwrap()["error"]["code"], -32700);
    }
    let mut web = Web::tcp(port);
    web.send(format!("POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", 64 << 20));
    assert_eq!(web.head().status, 413);
    let grown = resident(&daemon).saturating_sub(before);
    assert!(grown < 16 << 10, "{grown} KiB more");
    assert_eq!(daemon.info("web")["statename"], "RUNNING");
}

#[test]
fn a_password_may_hold_colons_and_be_long() {
    let long = "x:".repeat(2000);
    for password in ["a:b:c", ":", long.as_str()] {
        let (daemon, port) = on_tcp(&format!("username=me\npassword={password}"), "exec cat\n");
        let good = basic("me", password);
        let answer = Web::tcp(port).ask(post("/RPC2", &good, &call("supervisor.getState", "")));
        assert_eq!(answer.status, 200);
        let mut tail = Web::tcp(port);
        tail.send(get("/logtail/web", &good));
        assert_eq!(tail.head().status, 200);
        daemon.call("supervisor.sendProcessStdin", json!(["web", "said\n"]));
        tail.chunks_until("said\n");
        let wrong = Web::tcp(port).ask(get("/", &basic("me", &password[..password.len() - 1])));
        assert_eq!(wrong.status, 401);
    }
}

#[test]
fn a_sha_1_is_taken_with_a_warning_that_does_not_repeat_it() {
    let sha = "{SHA}e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4";
    let (daemon, port) = on_tcp(&format!("username=me\npassword={sha}"), "exec sleep 100\n");
    let state = call("supervisor.getState", "");
    assert_eq!(Web::tcp(port).ask(post("/RPC2", &basic("me", "secret"), &state)).status, 200);
    assert_eq!(Web::tcp(port).ask(post("/RPC2", &basic("me", sha), &state)).status, 401);
    daemon.wait_said("WARN [inet_http_server] password: a plain SHA-1 is guessed quickly");
    assert!(!daemon.read("main.log").contains("e5e9fa1b"));
}

/// The daemon's own search for its configuration, started in `dir`.
fn searched(dir: &std::path::Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_svx"));
    command.args(["daemon", "-n", "--check"]).current_dir(dir).output().unwrap()
}

#[test]
fn root_obeys_no_configuration_it_happens_to_find_that_others_can_write() {
    if !root("what root refuses") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("supervisord.conf");
    fs::write(&file, "[supervisord]\n[program:x]\ncommand=true\n").unwrap();
    let verdict = |mode: u32, directory: u32, uid: u32| {
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(directory)).unwrap();
        lchown(&file, Some(uid), Some(uid)).unwrap();
        let out = searched(dir.path());
        let stderr = String::from_utf8_lossy(&out.stderr).into_owned();
        let refused = stderr.contains("root does not run what others can write: ");
        assert_eq!(out.status.success(), !refused, "{stderr}");
        assert!(!refused || stderr.contains("name it with -c"), "{stderr}");
        refused
    };
    assert!(!verdict(0o644, 0o755, 0));
    assert!(verdict(0o644, 0o755, 1), "somebody else's");
    assert!(verdict(0o666, 0o755, 0), "writable for all");
    assert!(verdict(0o644, 0o777, 0), "to be replaced by anybody");
    let mut named = Command::new(env!("CARGO_BIN_EXE_svx"));
    named.args(["daemon", "-n", "--check", "-c"]).arg(&file);
    verdict(0o666, 0o777, 1);
    assert!(named.status().unwrap().success(), "named, it is trusted");
}

#[test]
fn a_name_that_is_more_than_a_name_is_refused_or_shown_as_text() {
    for (name, wanted) in [
        ("a/b", 1),
        ("a:b", 1),
        ("a b", 1),
        ("../x", 1),
        ("a\u{7}b", 0),
        ("a\u{1b}[2Jb", 0),
        ("a\u{85}b", 0),
    ] {
        let setup = Setup::new().program(name, "true", "stdout_logfile=NONE");
        let (stdout, stderr, status) = setup.words(&["--check"]).run();
        assert_eq!(status, wanted, "{name:?} {stdout}");
        assert!(!(stdout + &stderr).contains(['\u{1b}', '\u{7}', '\u{85}']), "{name:?}");
    }
}

#[test]
fn names_and_logs_are_text_wherever_they_are_shown() {
    let port = free_port();
    let name = "a<b>&\"'";
    let daemon = Setup::new()
        .section(&format!("[inet_http_server]\nport=127.0.0.1:{port}\n"))
        .section(&format!(
            "[program:{name}]\nstartsecs=0\nstdout_logfile=%(here)s/p.out\n\
             command=printf '<script>alert(1)</script>\\033]0;title\\007\\033[2Jend\\n'\n"
        ))
        .start();
    daemon.wait_file("p.out", "end");
    let address = "/tail.html?processname=a%3Cb%3E%26%22%27";
    for path in ["/", address, "/mainlog.html", "/log/a%3Cb%3E%26%22%27/stdout"] {
        let answer = Web::tcp(port).ask(get(path, "Connection: close\r\n"));
        assert!(answer.status == 200 || answer.status == 404, "{path}: {}", answer.status);
        assert!(!answer.body.contains("<script>alert"), "{path}");
        assert!(!answer.body.contains("a<b>") && !answer.body.contains('\u{1b}'), "{path}");
    }
    let shown = Web::tcp(port).ask(get("/", "Connection: close\r\n")).body;
    assert!(shown.contains("a&lt;b&gt;&amp;"), "{shown}");
}

#[test]
fn what_a_client_calls_itself_is_shown_nowhere() {
    let (daemon, port) = on_tcp("username=me\npassword=secret", "exec sleep 100\n");
    let hostile = "<script>alert(1)</script>\n2026-01-01 CRIT forged\u{1b}[2J";
    for fields in [
        basic(hostile, "x"),
        "User-Agent: <script>alert(1)</script>\r\n".into(),
        "Authorization: Digest username=\"<script>alert(1)</script>\"\r\n".into(),
    ] {
        let answer = Web::tcp(port).ask(get("/", &fields));
        assert_eq!(answer.status, 401);
        assert!(!answer.body.contains("script"), "{answer:?}");
    }
    let good = basic("me", "secret");
    assert_eq!(Web::tcp(port).ask(get("/", &good)).status, 200);
    assert!(!daemon.read("main.log").contains("forged"));
}

#[test]
fn a_link_that_somebody_planted_is_not_followed() {
    if !root("planting links as somebody else") {
        return;
    }
    let setup = Setup::new();
    fs::set_permissions(setup.path(""), Permissions::from_mode(0o755)).unwrap();
    let shared = setup.path("shared");
    fs::create_dir(&shared).unwrap();
    fs::set_permissions(&shared, Permissions::from_mode(0o1777)).unwrap();
    fs::write(setup.path("precious"), "precious").unwrap();
    for (name, uid) in [("pid", 1), ("p.out", 1), ("q.out", 0)] {
        let link = shared.join(name);
        symlink(setup.path(if uid == 1 { "precious" } else { "q.real" }), &link).unwrap();
        lchown(&link, Some(uid), Some(uid)).unwrap();
    }
    let lines = "startsecs=0\nstartretries=0\nstdout_logfile=%(here)s/shared/";
    let daemon = setup
        .daemon("pidfile=%(here)s/shared/pid")
        .program("p", "echo evil", &format!("{lines}p.out"))
        .program("q", "echo good", &format!("{lines}q.out\nautorestart=false"))
        .start();
    let why = daemon.wait_state("p", "FATAL")["spawnerr"].to_string();
    assert!(why.contains("p.out: a symbolic link that somebody else may have put there"), "{why}");
    daemon.wait_said("CRIT could not write pidfile ");
    assert_eq!(daemon.read("precious"), "precious");
    daemon.wait_file("q.real", "good");
    // The main log the same, and there the daemon does not begin.
    let setup = Setup::new();
    fs::create_dir(setup.path("shared")).unwrap();
    fs::set_permissions(setup.path("shared"), Permissions::from_mode(0o1777)).unwrap();
    symlink("/nonexistent", setup.path("shared/main.log")).unwrap();
    lchown(setup.path("shared/main.log"), Some(1), Some(1)).unwrap();
    let (_, stderr, status) = setup.daemon("logfile=%(here)s/shared/main.log").run();
    assert_eq!(status, 2);
    assert!(stderr.contains("main.log: a symbolic link that somebody else"), "{stderr}");
}

#[test]
fn a_log_that_is_a_link_in_a_directory_of_one_s_own_is_written_as_by_supervisor() {
    let setup = Setup::new();
    for name in ["main.log", "pid", "p.out"] {
        symlink(setup.path(&format!("{name}.real")), setup.path(name)).unwrap();
    }
    let daemon = setup.program("p", "sh -c 'echo said; exec sleep 100'", "startsecs=0").start();
    daemon.wait_file("p.out.real", "said");
    daemon.wait_file("main.log.real", "spawned: 'p'");
    until("the pid", || (daemon.read("pid.real").trim().parse() == Ok(daemon.pid())).then_some(()));
}

#[test]
fn files_and_sockets_are_the_owner_s_and_no_descriptor_outlives_an_exec() {
    let setup = Setup::new().under(&["sh", "-c", "umask 0; exec \"$@\"", "sh"]);
    let lines = "startsecs=0\nstdout_logfile=AUTO\nstderr_logfile=%(here)s/p.err";
    let daemon = setup.program("p", "cat", lines).start();
    daemon.wait_state("p", "RUNNING");
    let _client = daemon.client();
    for (name, mode) in [("main.log", 0o644), ("pid", 0o644), ("p.err", 0o644), ("s", 0o700)] {
        let found = fs::metadata(daemon.path(name)).unwrap().mode() & 0o7777;
        assert_eq!(found & !mode, 0, "{name} has mode {found:o}");
    }
    let auto = files(&daemon, "p-stdout---supervisor-");
    assert_eq!(auto.len(), 1);
    assert_eq!(fs::metadata(&auto[0]).unwrap().mode() & 0o7777, 0o600);
    let survives = |pid: i32, fd: i32| {
        let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{fd}")).ok()?;
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:\t"))?;
        Some(u32::from_str_radix(flags, 8).unwrap() & 0o2000000 == 0)
    };
    for entry in fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap().flatten() {
        let fd: i32 = entry.file_name().to_str().unwrap().parse().unwrap();
        // What we have inherited ourselves it has from us.
        let inherited = fd < 3 || survives(std::process::id() as i32, fd) == Some(true);
        let kept = survives(daemon.pid(), fd) == Some(true);
        let what = fs::read_link(entry.path());
        assert!(inherited || !kept, "{fd} is open after exec: {what:?}");
    }
}

const SECRETS: [&str; 3] = ["s3cret-login", "s3cret-value", "s3cret-inherited"];

#[track_caller]
fn assert_no_secret(what: &str, text: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{what} tells {secret}: {text}");
    }
}

#[test]
fn no_password_and_no_value_of_an_environment_is_told_by_anything() {
    let port = free_port();
    let [login, value, inherited] = SECRETS;
    let login = format!("username=me\npassword={login}\n");
    let daemon = Setup::new()
        .server(&login)
        .daemon("loglevel=blather")
        .env("INHERITED", inherited)
        .section(&format!("[inet_http_server]\nport=127.0.0.1:{port}\n{login}"))
        .section(&format!("[supervisorctl]\nserverurl=unix://%(here)s/s\n{login}"))
        .program(
            "web",
            "sleep 100",
            &format!("startsecs=0\nenvironment=TOKEN=\"{value}\",B=\"%(ENV_INHERITED)s\""),
        )
        .program("listener", "cat", "startsecs=0")
        .launch();
    daemon.wait_said("success: web");
    let good = basic("me", SECRETS[0]);
    let get = |path: &str| Web::tcp(port).ask(get(path, &format!("{good}Connection: close\r\n")));
    for route in ROUTES.iter().filter(|route| route.method == Method::Get) {
        let path = route.path.replace("{process}", "web").replace("{channel}", "stdout");
        let path = path.replace("{group}", "web").replace("{file}", "svx.css");
        let endless = ["/follow", "/events", "/watch"].iter().any(|end| path.ends_with(end));
        if endless || path.contains("tail") {
            continue;
        }
        let answer: Answer = get(&path);
        assert_ne!(answer.status, 401, "{path}");
        assert_no_secret(&path, &answer.body);
    }
    let rpc = |name: &str| Web::tcp(port).ask(post("/RPC2", &good, &call(name, "")));
    let all = ["getAllConfigInfo", "getAllProcessInfo", "reloadConfig", "getState"];
    for name in all.map(|name| format!("supervisor.{name}")) {
        let answer = rpc(&name);
        assert!(!answer.body.contains("<fault>"), "{name}: {answer:?}");
        assert_no_secret(&name, &answer.body);
    }
    let ctl = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_svx"));
        command.arg("ctl").arg("-c").arg(daemon.path("conf")).args(words);
        let out = command.env("SVX_TEST_USER", "0").env("INHERITED", SECRETS[2]).output().unwrap();
        format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
    };
    for words in [&["status"][..], &["avail"], &["reread"], &["status", "--json"], &["pid"]] {
        let said = ctl(words);
        assert!(!said.contains("rror"), "{said}");
        assert_no_secret(&words.join(" "), &said);
    }
    // A child gets its own environment and what was inherited; of the login not a word.
    let environ = |pid: i32| fs::read(format!("/proc/{pid}/environ")).unwrap();
    let program = String::from_utf8(environ(children(daemon.pid())[0])).unwrap();
    assert!(!program.contains(SECRETS[0]), "{program}");
    assert!(program.contains("SUPERVISOR_SERVER_URL=unix://"), "{program}");
    for pid in children(daemon.pid()).into_iter().chain([daemon.pid()]) {
        assert_no_secret(
            "a command line",
            &fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap(),
        );
    }
    for name in ["main.log", "stdout", "stderr"] {
        assert_no_secret(name, &daemon.read(name));
    }
}

#[test]
fn a_mistake_in_the_configuration_is_told_without_what_may_be_secret() {
    for lines in [
        "environment=URL=\"https://x/?sig=s3cret-value%zz\"",
        "environment=URL=\"s3cret-value%(ENV_NO_SUCH)s\"",
        "environment=URL=s3cret-value s3cret-value",
        "environment=URL=\"s3cret-value",
        "environment_file=%(here)s/s3cret",
    ] {
        let setup = Setup::new().program("web", "sleep 1", lines);
        fs::write(setup.path("s3cret"), "TOKEN='s3cret-value\n= s3cret-value\n").unwrap();
        let mut daemon = setup.env("INHERITED", SECRETS[2]).launch();
        until("an end or a start", || {
            let over = daemon.try_end().is_some() || daemon.read("main.log").contains("web");
            over.then_some(())
        });
        for name in ["main.log", "stdout", "stderr"] {
            assert_no_secret(lines, &daemon.read(name));
        }
    }
    for stored in ["$argon2id$v=19$m=1,t=1,p=1$s3cret-login$x", "$2b$99$s3cret-login"] {
        let (_, stderr, status) =
            Setup::new().server(&format!("username=me\npassword={stored}")).run();
        assert_eq!(status, 2, "{stderr}");
        assert_no_secret(stored, &stderr);
    }
}

#[test]
fn a_pattern_costs_no_more_than_a_look_at_every_letter() {
    let name = "a".repeat(200);
    let daemon = Setup::new().program(&name, "sleep 100", "startsecs=0").start();
    daemon.wait_state(&name, "RUNNING");
    fs::write(daemon.path("ctl"), "[supervisorctl]\nserverurl=unix://%(here)s/s\n").unwrap();
    let pattern = "a*".repeat(50) + "b";
    let begun = Instant::now();
    let mut ctl = Command::new(env!("CARGO_BIN_EXE_svx"));
    ctl.arg("ctl").arg("-c").arg(daemon.path("ctl")).args(["status", &pattern]);
    ctl.output().unwrap();
    assert!(begun.elapsed() < DEADLINE / 3, "{:?}", begun.elapsed());
    // A hostile line of output: no pattern of anybody is tried on it.
    let (daemon, _) =
        on_tcp("", "head -c 1000000 /dev/zero | tr '\\0' '<'; echo; echo end; sleep 99");
    daemon.wait_file("web.out", "end");
    daemon.assert_calm();
}

#[test]
fn who_never_ends_a_request_is_hung_up_on_while_others_are_served() {
    let (daemon, port) = on_tcp("", "exec sleep 100\n");
    let mut slow = Web::tcp(port);
    slow.send("POST /RPC2 HTTP/1.1\r\nHost: x\r\nX:");
    let begun = Instant::now();
    let mut crowd: Vec<UnixStream> =
        (0..50).map(|_| UnixStream::connect(daemon.path("s")).unwrap()).collect();
    while begun.elapsed() < DEADLINE * 29 / 30 {
        for client in &mut crowd {
            let _ = client.write_all(b"x");
        }
        assert_eq!(daemon.info("web")["statename"], "RUNNING");
        std::thread::sleep(std::time::Duration::from_millis(500)); // slowly is what it is about
    }
    assert_eq!(slow.head().status, 408);
}

#[test]
fn a_socket_stands_under_its_name_only_once_it_is_closed_to_strangers() {
    let setup = Setup::new().under(&["sh", "-c", "umask 0; exec \"$@\"", "sh"]);
    let path = setup.path("s");
    let _daemon = setup.launch();
    let about = until("the socket", || fs::symlink_metadata(&path).ok());
    assert_eq!(about.mode() & 0o777, 0o700);
}
