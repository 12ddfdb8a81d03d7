//! `svx doctor` and `svx check` as they are typed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn svx(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_svx")).args(words).output().unwrap()
}

fn text(out: &Output) -> String {
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// A machine as Debian's package makes it, in a directory.
fn debian() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("etc/passwd", "root:x:0:0::/root:/bin/sh\nwww:x:33:33::/:/bin/sh\n");
    write("etc/group", "root:x:0:\nwww:x:33:\n");
    write(
        "etc/supervisor/supervisord.conf",
        "[unix_http_server]\nfile=/var/run/supervisor.sock\n\
         [supervisord]\nlogfile=/var/log/supervisor/supervisord.log\npidfile=/var/run/supervisord.pid\n\
         childlogdir=/var/log/supervisor\n\
         [rpcinterface:supervisor]\n\
         supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n\
         [supervisorctl]\nserverurl=unix:///var/run/supervisor.sock\n\
         [include]\nfiles=/etc/supervisor/conf.d/*.conf\n",
    );
    write(
        "etc/supervisor/conf.d/app.conf",
        "[program:app]\ncommand=%(ENV_APP)s\nuser=www\n\
         [eventlistener:mem]\ncommand=listener\nevents=TICK_60\n",
    );
    write("usr/bin/supervisord", "#!/usr/bin/python3\n");
    write("usr/bin/supervisorctl", "#!/usr/bin/python3\n");
    write("usr/bin/listener", "#!/usr/bin/env python3\n");
    write("usr/lib/python3/dist-packages/supervisor-4.2.5.egg-info/PKG-INFO", "");
    write("var/lib/dpkg/info/supervisor.list", "/usr/bin/supervisord\n");
    write("var/lib/dpkg/status", "Package: supervisor\nVersion: 4.2.5-1\n");
    write(
        "lib/systemd/system/supervisor.service",
        "[Service]\nExecStart=/usr/bin/supervisord -n -c /etc/supervisor/supervisord.conf\n",
    );
    write("etc/cron.d/app", "0 * * * * root supervisorctl -p s3cret restart app\n");
    write("proc/42/cmdline", "/usr/bin/python3\0/usr/bin/supervisord\0-n\0");
    write("proc/42/environ", "APP=/usr/bin/app\0");
    write("proc/42/status", "Name:\tsupervisord\nUid:\t0\t0\t0\t0\n");
    write(
        "proc/42/net/unix",
        "Num RefCount Protocol Flags Type St Inode Path\n\
         0: 00000002 00000000 00010000 0001 01 77 /var/run/supervisor.sock\n\
         0: 00000002 00000000 00010000 0001 01 78 /run/other.sock\n",
    );
    write(
        "proc/42/net/tcp",
        "sl local_address rem_address st ...\n\
         0: 0100007F:2329 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 79 1\n",
    );
    fs::create_dir_all(dir.path().join("proc/42/fd")).unwrap();
    symlink("socket:[77]", dir.path().join("proc/42/fd/3")).unwrap();
    symlink("socket:[79]", dir.path().join("proc/42/fd/4")).unwrap();
    fs::create_dir_all(dir.path().join("var/run")).unwrap();
    fs::create_dir_all(dir.path().join("var/log/supervisor")).unwrap();
    symlink("usr/bin", dir.path().join("bin")).unwrap();
    dir
}

#[test]
fn another_machines_set_up_is_read_as_it_is_seen_there() {
    let dir = debian();
    let root = dir.path().to_str().unwrap();
    let out = svx(&["doctor", "--json", "--root", root]);
    let said: Value = serde_json::from_slice(&out.stdout).unwrap_or_else(|e| panic!("{e} {out:?}"));
    assert_eq!(said["file"], "/etc/supervisor/supervisord.conf", "{said:#}");
    let daemon = &said["daemons"][0];
    assert_eq!(
        (&daemon["pid"], &daemon["svx"], &daemon["user"]),
        (&42.into(), &false.into(), &"root".into())
    );
    assert_eq!(daemon["sockets"], serde_json::json!(["/var/run/supervisor.sock", "port 9001"]));
    assert_eq!(said["dpkg"]["version"], "4.2.5-1");
    assert_eq!(said["packages"][0]["version"], "4.2.5");
    assert_eq!(said["tools"][0]["kind"], "python");
    assert_eq!(said["listeners"][0]["name"], "mem");
    assert_eq!(said["callers"].as_array().unwrap().len(), 2, "{said:#}");
    assert_eq!(said["check"]["files"][1], "/etc/supervisor/conf.d/app.conf");
    let codes: Vec<&str> = said["check"]["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["code"].as_str().unwrap())
        .collect();
    assert!(codes.contains(&"missing-command") && !codes.contains(&"no-such-user"), "{codes:?}");
    assert!(!text(&out).contains("s3cret"));

    let shown = text(&svx(&["doctor", "--root", root]));
    assert!(shown.contains("ExecStart=/usr/local/bin/supervisord -n -c"), "{shown}");
    assert!(shown.contains("cron            /etc/cron.d/app:1: "), "{shown}");
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[test]
fn the_status_of_the_doctor_tells_what_it_comes_to() {
    let dir = debian();
    let root = dir.path().to_str().unwrap();
    let owned = nix::unistd::geteuid().is_root();
    // Files of somebody else than root are to be settled first.
    assert_eq!(svx(&["doctor", "--root", root]).status.code(), Some(if owned { 0 } else { 1 }));
    let plugin = "[supervisord]\n[rpcinterface:x]\nsupervisor.rpcinterface_factory=x:y\n";
    fs::write(dir.path().join("etc/plugin.conf"), plugin).unwrap();
    let named = svx(&["doctor", "--root", root, "-c", "/etc/plugin.conf"]);
    assert_eq!(named.status.code(), Some(1), "{}", text(&named));
    let empty = tempfile::tempdir().unwrap();
    let nothing = svx(&["doctor", "--root", empty.path().to_str().unwrap()]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(text(&nothing).ends_with("there is no Supervisor here\n"), "{}", text(&nothing));
    for words in [&["doctor", "x"][..], &["doctor", "--root", "/nowhere/x"]] {
        assert_eq!(svx(words).status.code(), Some(2), "{words:?}");
    }
}

#[test]
fn a_link_in_another_machine_does_not_lead_out_of_it() {
    let dir = debian();
    fs::write(dir.path().join("secret.conf"), "[supervisord]\n").unwrap();
    let conf = dir.path().join("etc/supervisor/supervisord.conf");
    fs::remove_file(&conf).unwrap();
    symlink("/../../../../secret.conf", &conf).unwrap();
    let out = svx(&["doctor", "--json", "--root", dir.path().to_str().unwrap()]);
    let said: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(said["check"]["errors"], 0, "{said:#}");
}

fn check(words: &[&str], file: &Path) -> (Option<i32>, String) {
    let out = svx(&[&["check"], words, &[file.to_str().unwrap()]].concat());
    (out.status.code(), text(&out))
}

#[test]
fn the_status_of_a_check_is_0_1_or_2() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("f");
    let write = |more: &str| {
        let text = format!("[supervisord]\nlogfile=%(here)s/l\npidfile=%(here)s/p\n{more}");
        fs::write(&file, text).unwrap();
    };
    write("[program:a]\ncommand=/bin/sh\nstdout_logfile=%(here)s/a\nredirect_stderr=true\n");
    assert_eq!(check(&[], &file).0, Some(0), "{}", check(&[], &file).1);
    assert_eq!(check(&["--strict"], &file).0, Some(0));
    write("[program:a]\ncommand=/nowhere/sh\n");
    assert_eq!(check(&[], &file).0, Some(1));
    assert_eq!(check(&["--strict", "-c"], &file).0, Some(2));
    write("[program:a]\n");
    assert_eq!(check(&[], &file).0, Some(2));
    assert_eq!(check(&[], &dir.path().join("none")).0, Some(2));
    assert_eq!(svx(&["check", "a", "b"]).status.code(), Some(2));
    assert!(text(&svx(&["check", "--help"])).contains("--strict"));
}

#[test]
fn the_sample_from_a_pipe_has_no_finding() {
    let svx = env!("CARGO_BIN_EXE_svx");
    let line = format!("'{svx}' echo-conf | '{svx}' check --json -");
    let out = Command::new("sh").args(["-c", &line]).output().unwrap();
    let said: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!((&said["errors"], &said["warnings"]), (&0.into(), &0.into()), "{said:#}");
    assert_eq!(out.status.code(), Some(0));
}
