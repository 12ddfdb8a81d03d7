//! A daemon that only knows the answers given to it, and the control program run against it.
#![allow(dead_code)]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

/// A daemon on a socket of its own. A request is written `method params`, its answer is a result,
/// or a fault as `{"fault": code}`; what it was asked is kept.
pub struct Daemon {
    dir: TempDir,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Daemon {
    /// One that says it is of Supervisor's API 3.0.
    pub fn new(answers: &[(&str, Value)]) -> Daemon {
        Daemon::with_version(json!("3.0"), answers)
    }

    /// One that says it is something else.
    pub fn with_version(version: Value, answers: &[(&str, Value)]) -> Daemon {
        let mut answers: Vec<(String, Value)> =
            answers.iter().map(|(asked, answer)| (asked.to_string(), answer.clone())).collect();
        answers.push(("supervisor.getVersion []".into(), version));
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join("s")).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (all, heard) = (Arc::new(answers), asked.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (all, heard) = (all.clone(), heard.clone());
                thread::spawn(move || serve(stream.unwrap(), &all, &heard));
            }
        });
        Daemon { dir, asked }
    }

    /// Its socket.
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("s")
    }

    /// As `-s` takes it.
    pub fn url(&self) -> String {
        format!("unix://{}", self.path().display())
    }

    /// Runs the control program for it.
    pub fn ctl(&self, words: &[&str]) -> Ran {
        let url = self.url();
        let mut all = vec!["-s", &url];
        all.extend(words);
        run(&all, "")
    }

    /// What it was asked, save for the version.
    pub fn asked(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|line| !line.starts_with("supervisor.getVersion")).cloned().collect()
    }
}

fn serve(stream: UnixStream, answers: &[(String, Value)], heard: &Mutex<Vec<String>>) {
    let mut out = stream.try_clone().unwrap();
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else { return };
        if line.is_empty() {
            continue;
        }
        let request: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(request["jsonrpc"], "2.0");
        let asked = format!("{} {}", request["method"].as_str().unwrap(), request["params"]);
        heard.lock().unwrap().push(asked.clone());
        let answer = answers.iter().find(|(known, _)| *known == asked).map(|(_, answer)| answer);
        let mut reply = json!({"jsonrpc": "2.0", "id": request["id"]});
        let mut notes = Vec::new();
        match answer {
            None => reply["error"] = json!({"code": 1, "message": "UNKNOWN_METHOD"}),
            Some(answer) => match &answer["fault"] {
                Value::Null => reply["result"] = answer.clone(),
                code => {
                    let message = answer["text"].as_str().unwrap_or("SOME_FAULT: x");
                    reply["error"] = json!({"code": code, "message": message, "data": null});
                }
            },
        }
        if let Some(Value::Array(all)) = answer.map(|answer| &answer["notes"]) {
            reply["result"] = json!({"stream": request["id"]});
            notes = all.clone();
            for note in &mut notes {
                note["params"]["stream"] = request["id"].clone();
            }
        }
        let mut text = format!("{reply}\n");
        for note in notes {
            text += &format!("{note}\n");
        }
        if out.write_all(text.as_bytes()).is_err() {
            return;
        }
    }
}

/// What a program printed, and its exit status.
#[derive(Debug, PartialEq)]
pub struct Ran {
    pub out: String,
    pub err: String,
    pub status: i32,
}

/// Runs `svx ctl` from an empty directory.
pub fn run(words: &[&str], input: &str) -> Ran {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_svx"))
        .arg("ctl")
        .args(words)
        .current_dir(dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that reads nothing may be gone already.
    _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Ran {
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
        status: output.status.code().unwrap(),
    }
}

/// It printed this and nothing on stderr.
pub fn said(out: &str, status: i32) -> Ran {
    Ran { out: out.into(), err: String::new(), status }
}

/// As `getProcessInfo` tells.
pub fn info(group: &str, name: &str, state: i64, statename: &str, description: &str) -> Value {
    json!({"group": group, "name": name, "state": state, "statename": statename,
           "description": description, "pid": if state == 20 { 4711 } else { 0 }})
}

/// One process in each of some states.
pub fn infos() -> Value {
    json!([
        info("bad", "bad", 200, "FATAL", "Exited too quickly (process log may have details)"),
        info("off", "off", 0, "STOPPED", "Not started"),
        info("pair", "pair_0", 20, "RUNNING", "pid 4711, uptime 0:00:02"),
        info("pair", "pair_1", 20, "RUNNING", "pid 4711, uptime 1 day, 0:00:00"),
        info("slow", "slow", 10, "STARTING", ""),
        info("web", "web", 20, "RUNNING", "pid 4711, uptime 0:00:02"),
    ])
}

/// One of what `startAllProcesses` and its like tell.
pub fn result(group: &str, name: &str, status: i64) -> Value {
    json!({"group": group, "name": name, "status": status, "description": "OK"})
}

/// An answer that is none.
pub fn fault(code: i64) -> Value {
    json!({"fault": code})
}
