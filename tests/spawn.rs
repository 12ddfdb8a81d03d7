//! What a program finds when it begins, and what is said when it cannot begin.

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use common::*;
use serde_json::json;

/// A daemon with one program that runs once and has ended; what it wrote is in `p.out`.
fn ran(setup: Setup, script: &str, lines: &str) -> Daemon {
    let lines = format!("startsecs=0\nautorestart=false\n{lines}");
    let daemon = setup.shell("p", script, &lines).start();
    daemon.wait_state("p", "EXITED");
    daemon
}

/// Waits for the spawn error of a program that cannot be started.
fn spawnerr(setup: Setup, command: &str, lines: &str) -> (String, Daemon) {
    let lines = format!("startretries=0\n{lines}");
    let daemon = setup.program("p", command, &lines).start();
    let info = daemon.wait_state("p", "FATAL");
    let text = info["spawnerr"].as_str().unwrap().to_owned();
    daemon.wait_said(&format!("INFO spawnerr: {text}"));
    daemon.wait_said("INFO gave up: p entered FATAL state");
    (text, daemon)
}

#[test]
fn the_environment_is_the_daemon_s_with_supervisor_s_and_the_program_s_own() {
    let setup = Setup::new()
        .env("FROM_OUTSIDE", "1")
        .env("REPLACED", "old")
        .daemon("environment=GLOBAL=\"%%g\",SHADOWED=\"global\"")
        .section("[group:grp]\nprograms=p");
    let lines =
        "environment=SHADOWED='own',REPLACED=\"a,b=c\",NAME=\"%(program_name)s/%(group_name)s\"";
    let lines = format!("startsecs=0\nautorestart=false\n{lines}");
    let daemon = setup.shell("p", "env", &lines).start();
    daemon.wait_state("grp:p", "EXITED");
    let env = daemon.read("p.out");
    let socket = format!("SUPERVISOR_SERVER_URL=unix://{}", daemon.path("s").display());
    for wanted in [
        "SUPERVISOR_ENABLED=1",
        "SUPERVISOR_PROCESS_NAME=p",
        "SUPERVISOR_GROUP_NAME=grp",
        &socket,
        "FROM_OUTSIDE=1",
        "REPLACED=a,b=c",
        "GLOBAL=%g",
        "SHADOWED=own",
        "NAME=p/grp",
    ] {
        assert_eq!(env.lines().filter(|line| *line == wanted).count(), 1, "{wanted} in\n{env}");
    }
    assert!(!env.contains("REPLACED=old") && !env.contains("SHADOWED=global"));
}

#[test]
fn the_umask_is_the_configured_one() {
    let daemon = ran(Setup::new(), "umask; : > made; ls -l made", "umask=027");
    let text = daemon.read("p.out");
    assert!(text.starts_with("0027\n-rw-r-----"), "{text}");
}

#[test]
fn the_directory_is_the_configured_one() {
    let setup = Setup::new();
    fs::create_dir(setup.path("dir")).unwrap();
    let wanted = setup.path("dir").canonicalize().unwrap();
    let daemon = ran(setup, "pwd -P", "directory=%(here)s/dir");
    assert_eq!(daemon.read("p.out").trim(), wanted.to_str().unwrap());
}

#[test]
fn a_program_leads_a_process_group_of_its_own() {
    let daemon = Setup::new().program("p", "sleep 1000", "startsecs=0").start();
    let pid = daemon.pid_of("p");
    let (_, parent, group) = stat(pid).unwrap();
    assert_eq!((parent, group), (daemon.pid(), pid));
}

#[test]
fn no_signal_is_blocked_or_ignored_and_only_three_descriptors_are_open() {
    let setup = Setup::new().under(&[
        "sh",
        "-c",
        "trap '' USR1 PIPE XFSZ; exec 9</dev/null; exec \"$@\"",
        "sh",
    ]);
    let daemon = ran(setup, "exec cat /proc/self/status", "");
    let status = daemon.read("p.out");
    for field in ["SigBlk", "SigIgn"] {
        let mask = status.lines().find_map(|l| l.strip_prefix(field)?.strip_prefix(":\t")).unwrap();
        assert_eq!(mask, "0000000000000000", "{field}");
    }
    // Once more while clients and other programs hold descriptors.
    let daemon = Setup::new()
        .program("a", "sleep 1000", "startsecs=0\nnumprocs=9\nprocess_name=%(process_num)d")
        .program("p", "sleep 1000", "autostart=false\nstartsecs=0")
        .start();
    let _clients: Vec<Client> = (0..20).map(|_| daemon.client()).collect();
    daemon.call("supervisor.startProcess", json!(["p"]));
    let fds = format!("/proc/{}/fd", daemon.pid_of("p"));
    // Its loader opens and closes libraries at first.
    until("three descriptors and no more", || {
        let names = fs::read_dir(&fds).unwrap().map(|e| e.unwrap().file_name());
        let mut names: Vec<_> = names.collect();
        names.sort();
        (names == ["0", "1", "2"]).then_some(())
    });
}

#[test]
fn a_user_brings_his_ids_and_all_his_groups() {
    if !root("becoming somebody else") {
        return;
    }
    let setup = Setup::new();
    fs::set_permissions(setup.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    let daemon =
        ran(setup, "id -u; id -g; id -G; grep -E 'Uid|Gid' /proc/self/status", "user=nobody");
    let id = |flag| {
        let out = Command::new("id").args([flag, "nobody"]).output().unwrap();
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    };
    let (uid, gid) = (id("-u"), id("-g"));
    let wanted = format!(
        "{uid}\n{gid}\n{}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t{gid}\t{gid}\t{gid}\t{gid}\n",
        id("-G")
    );
    assert_eq!(daemon.read("p.out"), wanted);
}

#[test]
fn the_daemon_s_own_user_is_his_and_his_programs_for_good() {
    if !root("becoming somebody else") {
        return;
    }
    let setup = Setup::new();
    fs::set_permissions(setup.path(""), fs::Permissions::from_mode(0o777)).unwrap();
    let daemon = setup
        .daemon("user=nobody")
        .program("p", "sleep 1000", "startsecs=0")
        .program("q", "true", "user=root\nstartretries=0\nstartsecs=1")
        .start();
    for pid in [daemon.pid(), daemon.pid_of("p")] {
        for (field, wanted) in [("Uid", "65534"), ("Gid", "65534"), ("CapEff", "0000000000000000")]
        {
            let found = status_field(pid, field);
            assert!(found.split_whitespace().all(|id| id == wanted), "{field} is {found}");
        }
    }
    daemon.wait_said("INFO Set uid to user 65534 succeeded");
    daemon.wait_state("q", "FATAL");
    assert!(daemon.read("q.err").contains("Can't drop privilege as nonroot user"));
}

#[test]
fn an_ordinary_user_cannot_become_another_and_the_program_is_not_run() {
    if nix::unistd::geteuid().is_root() {
        return eprintln!("skipped, needs an ordinary user");
    }
    let lines = "user=root\nstartretries=0\nstartsecs=1";
    let daemon = Setup::new().shell("p", "echo ran", lines).start();
    daemon.wait_state("p", "FATAL");
    assert!(daemon.read("p.out").is_empty());
    let why = "supervisor: couldn't setuid to 0: Can't drop privilege as nonroot user\n\
               supervisor: child process was not spawned\n";
    assert_eq!(daemon.read("p.err"), why);
    daemon.wait_said("exited: p (exit status 127; not expected)");
}

#[test]
fn a_command_without_a_slash_is_looked_for_in_the_program_s_path_or_the_daemon_s() {
    let setup = Setup::new().env("PATH", "/usr/bin:/bin");
    fs::create_dir(setup.path("bin")).unwrap();
    let tool = setup.path("bin/svx-test-tool");
    symlink("/bin/sh", &tool).unwrap();
    let lines = "startsecs=0\nautorestart=false\nenvironment=PATH=\"%(here)s/bin:/usr/bin:/bin\"";
    let daemon = setup
        .program("own", "svx-test-tool -c \"echo $0 found\"", lines)
        .program("daemons", "svx-test-tool -c true", "startretries=0")
        .start();
    daemon.wait_state("own", "EXITED");
    assert_eq!(daemon.read("own.out"), "svx-test-tool found\n");
    assert_eq!(
        daemon.wait_state("daemons", "FATAL")["spawnerr"],
        "can't find command 'svx-test-tool'"
    );
}

#[test]
fn the_words_of_a_command_are_split_as_a_shell_does_and_nothing_else_is_expanded() {
    let command = r#"printf '<%%s>' "a b" 'c "d"' e\ f $HOME *"#;
    let lines = "startsecs=0\nautorestart=false";
    let daemon = Setup::new().program("p", command, lines).start();
    daemon.wait_state("p", "EXITED");
    assert_eq!(daemon.read("p.out"), r#"<a b><c "d"><e f><$HOME><*>"#);
}

#[test]
fn what_cannot_be_executed_is_said_in_supervisor_s_words() {
    let cases = [
        ("%(here)s/missing", "can't find command '{}/missing'"),
        ("no-such-command-anywhere -x", "can't find command 'no-such-command-anywhere'"),
        ("%(here)s/plain", "command at '{}/plain' is not executable"),
        ("%(here)s", "command at '{}' is a directory"),
        ("echo \"open", "can't parse command 'echo \"open': No closing quotation"),
    ];
    for (command, wanted) in cases {
        let setup = Setup::new();
        fs::write(setup.path("plain"), "#!/bin/sh\n").unwrap();
        let (text, daemon) = spawnerr(setup, command, "");
        let here = daemon.path("").display().to_string();
        assert_eq!(text, wanted.replace("{}", here.trim_end_matches('/')));
    }
}

#[test]
fn a_file_the_kernel_cannot_run_ends_with_127_and_says_so_on_stderr() {
    let setup = Setup::new();
    // Not by ourselves: a file that any process has open for writing cannot be executed.
    let mut make = Command::new("sh");
    make.args(["-c", "echo no program >odd && chmod +x odd"]);
    assert!(make.current_dir(setup.path("")).status().unwrap().success());
    let daemon = setup.program("p", "%(here)s/odd", "startretries=0").start();
    daemon.wait_state("p", "FATAL");
    daemon.wait_said("exited: p (exit status 127; not expected)");
    let stderr = daemon.read("p.err");
    let wanted = format!("supervisor: couldn't exec {}: ENOEXEC\n", daemon.path("odd").display());
    assert_eq!(stderr, format!("{wanted}supervisor: child process was not spawned\n"));
}

#[test]
fn a_missing_directory_ends_with_127_and_says_so_on_stderr() {
    let lines = "directory=%(here)s/missing\nstartretries=0\nstartsecs=1";
    let daemon = Setup::new().shell("p", "echo ran", lines).start();
    daemon.wait_state("p", "FATAL");
    daemon.wait_said("exited: p (exit status 127; not expected)");
    let missing = daemon.path("missing");
    let wanted = format!("supervisor: couldn't chdir to {}: ENOENT\n", missing.display());
    assert_eq!(
        daemon.read("p.err"),
        format!("{wanted}supervisor: child process was not spawned\n")
    );
    assert_eq!(daemon.read("p.out"), "");
}

#[test]
fn no_new_privs_is_set_for_who_wants_it_and_for_nobody_else() {
    let script = "exec cat /proc/self/status";
    let lines = "startsecs=0\nautorestart=false";
    let daemon = Setup::new()
        .shell("p", script, &format!("{lines}\nno_new_privs=true"))
        .shell("q", script, lines)
        .start();
    let set = |name: &str| {
        daemon.wait_state(name, "EXITED");
        daemon.read(&format!("{name}.out")).contains("NoNewPrivs:\t1\n")
    };
    assert!(set("p"));
    assert_eq!(set("q"), status_field(daemon.pid(), "NoNewPrivs") == "1");
}

#[test]
fn an_unknown_user_is_a_mistake_of_the_configuration() {
    let setup = Setup::new().program("p", "true", "user=no-such-user");
    let line = setup.text().lines().position(|line| line.starts_with("user=no-such")).unwrap() + 1;
    let (_, stderr, status) = setup.run();
    assert_eq!(status, 2);
    assert!(stderr.contains(&format!("conf:{line}: [program:p] user: ")), "{stderr}");
}

#[test]
fn redirected_stderr_goes_into_stdout_s_log_in_order() {
    let script = "echo one; echo two >&2; echo three; echo four >&2";
    let daemon = ran(Setup::new(), script, "redirect_stderr=true");
    assert_eq!(daemon.read("p.out"), "one\ntwo\nthree\nfour\n");
    assert!(!daemon.path("p.err").exists());
}

#[test]
fn many_starts_and_ends_leave_no_descriptor_and_no_zombie_behind() {
    let daemon = Setup::new()
        .program("good", "sleep 1000", "autostart=false\nstartsecs=0")
        .program("bad", "/no/such", "autostart=false\nstartretries=0")
        .start();
    daemon.call("supervisor.getState", json!([]));
    let before = daemon.fds();
    for _ in 0..300 {
        daemon.call("supervisor.startProcess", json!(["good"]));
        daemon.call("supervisor.stopProcess", json!(["good"]));
        daemon.fault("supervisor.startProcess", json!(["bad"]));
    }
    // Among those before may be one of a client that has just left.
    assert!(daemon.fds() <= before);
    assert!(children(daemon.pid()).is_empty());
}
