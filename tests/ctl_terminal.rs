//! The control program on a terminal: colours, columns, the prompt; and that nothing of a log can
//! drive the terminal.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::process::{Child, Command};
use std::thread;

use nix::pty::{Winsize, openpty};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A daemon that knows four answers.
fn daemon() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(dir.path().join("s")).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            thread::spawn(move || {
                let mut out = stream.try_clone().unwrap();
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let Ok(request) = serde_json::from_str::<Value>(&line) else { continue };
                    let reply = json!({"id": request["id"], "result": answer(&request)});
                    if writeln!(out, "{reply}").is_err() {
                        return;
                    }
                }
            });
        }
    });
    dir
}

fn answer(request: &Value) -> Value {
    let info = |group: &str, name: &str, state: i64, statename: &str, description: &str| {
        json!({"group": group, "name": name, "state": state, "statename": statename,
               "description": description, "pid": if state == 20 { 20 } else { 0 }})
    };
    match request["method"].as_str().unwrap() {
        "supervisor.getVersion" => json!("3.0"),
        "supervisor.getSupervisorVersion" => json!("4.3.0"),
        "supervisor.getAllProcessInfo" => json!([
            info("bad", "bad", 200, "FATAL", "Exited too quickly (process log may have details)"),
            info("web", "web", 20, "RUNNING", "pid 20, uptime 0:00:02"),
        ]),
        _ => json!("\x1b[31mred\x1b[0m \x1b]0;title\x07\x1b[2J…\n"),
    }
}

/// The control program with a terminal of 50 columns, and our end of it.
fn on_terminal(dir: &TempDir, words: &[&str], env: &[(&str, &str)]) -> (Child, File) {
    let size = Winsize { ws_row: 20, ws_col: 50, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = openpty(&size, None).unwrap();
    let end = || pty.slave.try_clone().unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_svx"))
        .args(["ctl", "-s", &format!("unix://{}/s", dir.path().display())])
        .args(words)
        .current_dir(dir.path())
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .envs(env.iter().copied())
        .stdin(end())
        .stdout(end())
        .stderr(end())
        .spawn()
        .unwrap();
    (child, File::from(pty.master))
}

/// All it shows until it ends.
fn shown(dir: &TempDir, words: &[&str], env: &[(&str, &str)]) -> String {
    let (mut child, master) = on_terminal(dir, words, env);
    let text = rest(master);
    child.wait().unwrap();
    text
}

/// Until the other end is closed, which a terminal tells by an error.
fn rest(mut master: File) -> String {
    let mut text = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(read @ 1..) = master.read(&mut chunk) {
        text.extend_from_slice(&chunk[..read]);
    }
    String::from_utf8(text).unwrap().replace("\r\n", "\n")
}

#[test]
fn a_terminal_gets_colours_and_lines_that_fit() {
    let dir = daemon();
    assert_eq!(
        shown(&dir, &["status"], &[]),
        "\x1b[1;31mbad          FATAL     \x1b[0mExited too quickly (proces…\n\
         \x1b[32mweb          RUNNING   \x1b[0m\x1b[2mpid 20, uptime 0:00:02\x1b[0m\n"
    );
    assert_eq!(shown(&dir, &["start", "web"], &[]), "\x1b[32mweb: started\x1b[0m\n");
}

#[test]
fn no_color_and_a_dumb_terminal_are_respected() {
    let dir = daemon();
    let plain = "bad          FATAL     Exited too quickly (proces…\n\
                 web          RUNNING   pid 20, uptime 0:00:02\n";
    assert_eq!(shown(&dir, &["status"], &[("NO_COLOR", "1")]), plain);
    let dumb = shown(&dir, &["status", "web"], &[("TERM", "dumb")]);
    assert_eq!(dumb, format!("web{}RUNNING   pid 20, uptime 0:00:02\n", " ".repeat(30)));
}

#[test]
fn no_escape_of_a_log_reaches_the_terminal() {
    let dir = daemon();
    assert_eq!(shown(&dir, &["tail", "web"], &[]), "red ^[]0;title^G^[[2J…\n\n");
}

#[test]
fn the_prompt_completes_and_keeps_a_private_history() {
    let dir = daemon();
    let history = dir.path().join("history");
    let (mut child, mut master) =
        on_terminal(&dir, &["-r", history.to_str().unwrap()], &[("NO_COLOR", "1")]);
    let mut reader = master.try_clone().unwrap();
    let mut seen = String::new();
    let mut until = |what: &str| {
        let mut chunk = [0; 4096];
        let end = loop {
            if let Some(at) = seen.find(what) {
                break at + what.len();
            }
            let read = reader.read(&mut chunk).unwrap();
            seen += &String::from_utf8_lossy(&chunk[..read]);
        };
        seen.drain(..end);
    };
    until("supervisor> ");
    master.write_all(b"vers\t").unwrap();
    until("version ");
    master.write_all(b"\r").unwrap();
    until("4.3.0");
    until("supervisor> ");
    master.write_all(b"status w\t\r").unwrap();
    until("RUNNING   pid 20");
    until("supervisor> ");
    master.write_all(b"\x04").unwrap();
    rest(master);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(fs::read_to_string(&history).unwrap(), "version \nstatus web \n");
    assert_eq!(fs::metadata(&history).unwrap().permissions().mode() & 0o777, 0o600);
}
