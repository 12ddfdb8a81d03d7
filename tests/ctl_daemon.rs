//! Every action of the control program against the real daemon. The lines are those that
//! supervisorctl 4.3.0 prints in the same situation.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

const SVX: &str = env!("CARGO_BIN_EXE_svx");
const PATIENCE: Duration = Duration::from_secs(30);

/// A daemon in a directory of its own.
struct Daemon {
    dir: TempDir,
    child: Child,
}

impl Daemon {
    /// Runs `programs`, sections that may say `%(here)s`, and waits until it answers.
    fn run(programs: &str) -> Daemon {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), programs);
        let child = Command::new(SVX)
            .args(["daemon", "-n", "-s", "-c", "s.conf"])
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let daemon = Daemon { dir, child };
        until("the daemon answers", || daemon.ctl("pid").1 == 0);
        daemon
    }

    fn rewrite(&self, programs: &str) {
        write(self.dir.path(), programs);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(SVX);
        command.args(["ctl", "-c", "s.conf"]).args(line.split_whitespace());
        command.current_dir(self.dir.path()).stdin(Stdio::null());
        command
    }

    /// What it prints on stdout, and its exit status.
    fn ctl(&self, line: &str) -> (String, i32) {
        let output = self.command(line).output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), output.status.code().unwrap())
    }

    #[track_caller]
    fn says(&self, line: &str, out: &str, status: i32) {
        assert_eq!(self.ctl(line), (out.to_string(), status), "{line}");
    }

    fn state(&self, name: &str) -> String {
        let out = self.ctl(&format!("status {name}")).0;
        out.split_whitespace().nth(1).unwrap_or_default().to_string()
    }

    #[track_caller]
    fn settles(&self, name: &str, state: &str) {
        until(&format!("{name} is {state}"), || self.state(name) == state);
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let pid = Pid::from_raw(self.child.id() as i32);
        _ = kill(pid, Signal::SIGTERM);
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if self.child.try_wait().unwrap().is_some() {
                return;
            }
            thread::sleep(Duration::from_millis(5));
        }
        _ = self.child.kill();
    }
}

fn write(dir: &Path, programs: &str) {
    let head = "[unix_http_server]\nfile=%(here)s/sock\n\
                [supervisord]\nlogfile=%(here)s/main.log\npidfile=%(here)s/pid\nidentifier=test\n\
                childlogdir=%(here)s\n\
                [rpcinterface:supervisor]\n\
                supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n\
                [supervisorctl]\nserverurl=unix://%(here)s/sock\nprompt=test\n";
    fs::write(dir.join("s.conf"), format!("{head}{programs}")).unwrap();
}

#[track_caller]
fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Programs named by their behaviour.
const PROGRAMS: &str = "
[program:web]
command=/bin/sh -c 'echo ready; trap \"echo hup\" HUP; while :; do sleep 0.02; done'
startsecs=0
[program:off]
command=/bin/sleep 1000
autostart=false
startsecs=0
[program:bad]
command=/bin/false
autostart=false
startretries=0
[program:nofile]
command=/no/such/file
autostart=false
startretries=0
[program:pair]
command=/bin/sleep 1000
process_name=%(program_name)s_%(process_num)d
numprocs=2
startsecs=0
";

#[test]
fn processes_are_started_stopped_signalled_and_shown() {
    let daemon = Daemon::run(PROGRAMS);
    daemon.settles("web", "RUNNING");
    let (out, status) = daemon.ctl("status");
    assert_eq!(status, 3, "some are stopped");
    let names: Vec<&str> = out.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(names, ["bad", "nofile", "off", "pair:pair_0", "pair:pair_1", "web"]);
    assert!(out.contains("off                              STOPPED   Not started\n"), "{out}");
    let web = out.lines().last().unwrap();
    assert!(web.starts_with("web                              RUNNING   pid "), "{web}");
    assert!(web.contains(", uptime 0:00:0"), "{web}");
    daemon.says(
        "status off nope",
        "nope: ERROR (no such process)\noff                              STOPPED   Not started\n",
        3,
    );
    daemon.says("status nope:*", "nope: ERROR (no such group)\n", 4);

    daemon.says("start off", "off: started\n", 0);
    daemon.says("start off", "off: ERROR (already started)\n", 0);
    daemon.says("start bad", "bad: ERROR (spawn error)\n", 7);
    daemon.says("start nofile", "nofile: ERROR (no such file)\n", 1);
    daemon.says("start nope", "nope: ERROR (no such process)\n", 1);
    daemon.says("start nope:*", "nope: ERROR (no such group)\n", 2);
    // Told in the order in which they ended.
    let (out, status) = daemon.ctl("stop pair:*");
    let mut lines: Vec<&str> = out.lines().collect();
    lines.sort_unstable();
    assert_eq!((lines, status), (vec!["pair:pair_0: stopped", "pair:pair_1: stopped"], 0));
    daemon.says("stop pair:pair_0", "pair:pair_0: ERROR (not running)\n", 0);
    daemon.says("start pair:", "pair:pair_0: started\npair:pair_1: started\n", 0);
    daemon.says("restart off nope", "off: stopped\nnope: ERROR (no such process)\noff: started\nnope: ERROR (no such process)\n", 1);
    daemon.says("stop nope:*", "nope: ERROR (no such group)\n", 1);
    daemon.says("stop off", "off: stopped\n", 0);
    daemon.says("signal HUP off", "off: ERROR (not running)\n", 7);
    daemon.says("signal NOSUCH web", "web: ERROR (bad signal name)\n", 1);
    daemon.says("signal HUP web", "web: signalled\n", 0);
    until("web hears its signal", || daemon.ctl("tail web").0 == "ready\nhup\n\n");

    let pid = daemon.ctl("pid web").0;
    assert!(daemon.ctl("status web").0.contains(&format!("pid {}, ", pid.trim())));
    daemon.says("pid off", "0\n", 7);
    daemon.says("pid nope", "No such process nope\n", 1);
    daemon.says("pid", &format!("{}\n", daemon.child.id()), 0);
    assert_eq!(daemon.ctl("pid all").0.lines().count(), 6);
    daemon.says("version", "4.3.0\n", 0);

    let (out, status) = daemon.ctl("stop all");
    let mut lines: Vec<&str> = out.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["pair:pair_0: stopped", "pair:pair_1: stopped", "web: stopped"]);
    assert_eq!(status, 0);
}

#[test]
fn logs_are_tailed_followed_and_cleared() {
    let daemon = Daemon::run(
        "[program:loud]\n\
         command=/bin/sh -c 'echo one; echo err >&2; while [ ! -e go ]; do sleep 0.02; done; \
         echo two; exec sleep 1000'\n\
         directory=%(here)s\nstartsecs=0\n\
         [program:mute]\ncommand=/bin/sleep 1000\nstdout_logfile=NONE\nstartsecs=0\n",
    );
    until("something is written", || daemon.ctl("tail loud").0 == "one\n\n");
    daemon.says("tail loud stderr", "err\n\n", 0);
    daemon.says("tail -2 loud", "e\n\n", 0);
    daemon.says("tail mute", "mute: ERROR (no log file)\n", 1);
    daemon.says("tail nope", "nope: ERROR (no such process name)\n", 1);
    daemon.says("tail loud x", "Error: bad channel 'x'\n", 1);
    let main = daemon.ctl("maintail").0;
    assert!(main.contains("INFO spawned: 'loud' with pid "), "{main}");

    let mut follower = daemon.command("tail -f loud").stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(follower.stdout.take().unwrap());
    let mut line = || {
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        line
    };
    assert_eq!(line(), "==> Press Ctrl-C to exit <==\n");
    assert_eq!(line(), "one\n");
    fs::write(daemon.path("go"), "").unwrap();
    assert_eq!(line(), "two\n");
    kill(Pid::from_raw(follower.id() as i32), Signal::SIGINT).unwrap();
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!((rest.as_str(), follower.wait().unwrap().code()), ("\n", Some(0)));

    let mut follower = daemon.command("maintail -f").stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(follower.stdout.take().unwrap()).lines();
    assert_eq!(out.next().unwrap().unwrap(), "==> Press Ctrl-C to exit <==");
    daemon.says("stop mute", "mute: stopped\n", 0);
    assert!(out.any(|line| line.unwrap().contains("stopped: mute")));
    kill(Pid::from_raw(follower.id() as i32), Signal::SIGINT).unwrap();
    assert_eq!(follower.wait().unwrap().code(), Some(0));

    let output = daemon.command("tail -f nope").output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.ends_with("/logtail/nope/stdout Cannot read, status code 404\n"), "{err}");
    assert_eq!(output.status.code(), Some(0));

    daemon.says("clear loud nope", "loud: cleared\nnope: ERROR (no such process)\n", 1);
    daemon.says("tail loud", "\n", 0);
    daemon.says("clear all", "loud: cleared\nmute: cleared\n", 0);
}

#[test]
fn a_changed_configuration_is_reread_and_taken_over_group_by_group() {
    let sleeper = |name: &str, more: &str| {
        format!("[program:{name}]\ncommand=/bin/sleep 1000\nstartsecs=0\n{more}")
    };
    let daemon = Daemon::run(&[sleeper("old", ""), sleeper("same", "")].concat());
    daemon.says("reread", "No config updates to processes\n", 0);
    daemon.rewrite(
        &[sleeper("new", ""), sleeper("same", "priority=5\n"), sleeper("third", "")].concat(),
    );
    let differ = "new: available\nold: disappeared\nsame: changed\nthird: available\n";
    daemon.says("reread", differ, 0);
    daemon.says("reread", differ, 0);
    let line = |name: &str, inuse: &str, prio: u32| {
        format!("{name:32} {inuse:9} auto      {prio}:{prio}\n")
    };
    let avail = [line("new", "avail", 999), line("same", "in use", 5), line("third", "avail", 999)];
    daemon.says("avail", &avail.concat(), 0);
    daemon.says("add new", "new: added process group\n", 0);
    daemon.says("add new", "ERROR: process group already active\n", 0);
    daemon.says("add nope", "ERROR: no such process/group: nope\n", 1);
    daemon.settles("new", "RUNNING");
    daemon.says("remove new", "ERROR: process/group still running: new\n", 1);
    daemon.says("stop new", "new: stopped\n", 0);
    daemon.says("remove new", "new: removed process group\n", 0);
    daemon.says("remove nope", "ERROR: no such process/group: nope\n", 1);
    daemon.says("update third", "third: added process group\n", 0);
    daemon.says("update nope", "ERROR: no such group: nope\n", 1);
    let applied = "old: stopped\nold: removed process group\nsame: changed priority\n\
                   same: updated process group\nnew: added process group\n";
    daemon.says("update", applied, 0);
    daemon.says("update", "", 0);
    daemon.rewrite("[program:x]\ncommand=/bin/cat\nautostart=perhaps\n");
    let (out, status) = daemon.ctl("reread");
    assert!(out.starts_with("ERROR: CANT_REREAD: ") && out.contains("perhaps"), "{out}");
    assert_eq!(status, 1);
    assert_eq!(daemon.state("same"), "RUNNING");
}

#[test]
fn reload_starts_the_daemon_anew_and_shutdown_ends_it() {
    let mut daemon = Daemon::run("[program:web]\ncommand=/bin/sleep 1000\nstartsecs=0\n");
    let pids = (daemon.ctl("pid").0, daemon.ctl("pid web").0);
    daemon.says("reload", "Restarted supervisord\n", 0);
    until("web is another", || {
        let pid = daemon.ctl("pid web");
        pid.1 == 0 && pid.0 != pids.1
    });
    assert_eq!(daemon.ctl("pid").0, pids.0, "the daemon stays the same process");
    daemon.says("shutdown", "Shut down\n", 0);
    assert_eq!(daemon.child.wait().unwrap().code(), Some(0));
    let url = format!("unix://{}/sock", daemon.dir.path().canonicalize().unwrap().display());
    daemon.says("shutdown", &format!("ERROR: {url} no such file (already shut down?)\n"), 1);
    daemon.says("status", &format!("{url} no such file\n"), 4);
    daemon.says("start web", &format!("{url} no such file\n"), 7);
}

#[test]
fn a_process_in_the_foreground_gets_what_is_typed_and_is_let_go_at_the_end() {
    let daemon = Daemon::run(
        "[program:cat]\ncommand=/bin/cat\nstartsecs=0\n\
         [program:off]\ncommand=/bin/cat\nautostart=false\n",
    );
    daemon.settles("cat", "RUNNING");
    let usage = "fg <process>\tConnect to a process in foreground mode\n\t\tCtrl-C to exit\n";
    daemon.says("fg", &format!("ERROR: no process name supplied\n{usage}"), 1);
    daemon.says("fg a b", "ERROR: too many process names supplied\n", 1);
    daemon.says("fg nope", "ERROR: bad process name supplied\n", 1);
    daemon.says("fg off", "ERROR: process not running\n", 1);
    let fg = || {
        let mut command = daemon.command("fg cat");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(out.next().unwrap().unwrap(), "==> Press Ctrl-C to exit <==");
        (child, out)
    };
    let (mut child, mut out) = fg();
    child.stdin.as_mut().unwrap().write_all(b"hello\n").unwrap();
    assert_eq!(out.next().unwrap().unwrap(), "hello");
    drop(child.stdin.take());
    assert_eq!(out.next().unwrap().unwrap(), "Exiting foreground");
    assert_eq!(child.wait().unwrap().code(), Some(0));

    let (mut child, out) = fg();
    daemon.says("stop cat", "cat: stopped\n", 0);
    let rest: Vec<String> = out.map(Result::unwrap).collect();
    assert_eq!(rest, ["hello", "Process got killed", "Exiting foreground"]);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn json_patterns_waits_and_joint_logs_go_beyond_supervisor() {
    let daemon = Daemon::run(
        "[program:web]\ncommand=/bin/sh -c 'echo one; echo two; echo no >&2; exec sleep 1000'\n\
         startsecs=0\n\
         [program:job]\ncommand=/bin/sh -c 'echo done'\nautostart=false\nstartsecs=0\n\
         autorestart=false\n\
         [program:bad]\ncommand=/bin/false\nautostart=false\nstartretries=0\n",
    );
    daemon.says("wait --timeout 20 web", "web: running\n", 0);
    let json = |line: &str| -> Value {
        let (out, _) = daemon.ctl(line);
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{line}: {error}: {out}"))
    };
    assert_eq!(json("status --json w*")[0]["statename"], "RUNNING");
    assert_eq!(json("--json status nope")[0]["error"], "no such process");
    assert_eq!(json("version --json"), "4.3.0");
    assert_eq!(json("avail --json").as_array().unwrap().len(), 3);
    assert_eq!(json("stop b* --json")[0]["error"], "NOT_RUNNING");

    daemon.says("start bad", "bad: ERROR (spawn error)\n", 7);
    let (out, status) = daemon.ctl("wait bad");
    assert_eq!((out.starts_with("bad: ERROR (Exited too quickly"), status), (true, 7), "{out}");
    daemon.says("wait --for=stopped --timeout=0.05 w*", "web: ERROR (timed out, RUNNING)\n", 1);
    daemon.says("wait nope:*", "nope:*: ERROR (no such group)\n", 1);
    daemon.ctl("start job");
    daemon.says("wait --for=exited job", "job: exited\n", 0);

    until("all is written", || daemon.ctl("tail web stderr").0 == "no\n\n");
    daemon.says("tail -n 1 web", "two\n", 0);
    daemon.says("logs -n 1 web job", "web | two\nweb ! no\njob | done\n", 0);
    let mut follower = daemon.command("logs -f *b").stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(follower.stdout.take().unwrap()).lines();
    let mut lines: Vec<String> = out.by_ref().take(4).map(Result::unwrap).collect();
    lines.sort();
    assert_eq!(lines, ["job | done", "web ! no", "web | one", "web | two"]);
    daemon.ctl("start job");
    assert_eq!(out.next().unwrap().unwrap(), "job | done");
    kill(Pid::from_raw(follower.id() as i32), Signal::SIGINT).unwrap();
    assert_eq!(follower.wait().unwrap().code(), Some(0));
}
