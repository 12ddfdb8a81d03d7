//! What becomes of a running daemon when its files change.

mod common;

use std::fs;

use common::*;
use serde_json::json;

/// Replaces a text in the configuration; it must be there.
#[track_caller]
fn edit(daemon: &Daemon, from: &str, to: &str) {
    let text = daemon.read("conf");
    assert!(text.contains(from), "no `{from}` in {text}");
    fs::write(daemon.path("conf"), text.replace(from, to)).unwrap();
}

#[test]
fn environment_files_are_read_at_each_start_and_environment_wins() {
    let setup = Setup::new()
        .daemon("environment_file=%(here)s/all.env\nenvironment=LOW=\"daemon\"")
        .section(
            "[program-default]\nenvironment_file=%(here)s/web.env,-%(here)s/none.env\n\
             startsecs=0\nstartretries=0",
        )
        .shell(
            "web",
            "echo \"$ALL,$WEB,$LOW,$TOP\"; exec sleep 1000",
            "environment=TOP=\"program\"",
        );
    fs::write(setup.path("all.env"), "ALL=all\nWEB=all\nLOW=file\nTOP=file\n").unwrap();
    fs::write(setup.path("web.env"), "# one\nexport WEB='$web'\n").unwrap();
    let daemon = setup.start();
    daemon.wait_file("web.out", "all,$web,daemon,program\n");
    let restart = || {
        daemon.call("supervisor.stopProcess", json!(["web"]));
        daemon.call("supervisor.startProcess", json!(["web"]));
    };
    fs::write(daemon.path("web.env"), "WEB=new\n").unwrap();
    restart();
    daemon.wait_file("web.out", "all,new,daemon,program\n");

    daemon.call("supervisor.stopProcess", json!(["web"]));
    fs::remove_file(daemon.path("web.env")).unwrap();
    let (code, text) = daemon.fault("supervisor.startProcess", json!(["web"]));
    assert_eq!((code, text.as_str()), (50, "SPAWN_ERROR: web"));
    let path = daemon.path("web.env").display().to_string();
    let why = format!("cannot read environment file {path}: No such file or directory");
    assert_eq!(daemon.info("web")["spawnerr"], why);
    daemon.wait_said(&why);
    fs::write(daemon.path("web.env"), "A=1\nhunter2\n").unwrap();
    daemon.fault("supervisor.startProcess", json!(["web"]));
    let why = format!("environment file {path}, line 2: expected NAME=value");
    assert_eq!(daemon.info("web")["spawnerr"], why);
}
