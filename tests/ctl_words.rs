//! What the control program makes of its words, and of a daemon that is not there or not one: what it
//! asks, refuses and reads. The expected lines were taken from supervisorctl 4.3.0.

mod stub;

use std::os::unix::net::UnixListener;

use serde_json::{Value, json};
use stub::*;

#[test]
fn shutdown_and_reload_ask_only_in_a_conversation() {
    let daemon = Daemon::new(&[
        ("supervisor.shutdown []", json!(true)),
        ("supervisor.restart []", json!(true)),
    ]);
    assert_eq!(daemon.ctl(&["shutdown"]), said("Shut down\n", 0));
    assert_eq!(daemon.ctl(&["reload"]), said("Restarted supervisord\n", 0));

    let url = daemon.url();
    let ask = |action: &str, answer: &str| run(&["-i", "-s", &url, action], answer);
    let before = daemon.asked().len();
    let down = "Really shut the remote supervisord process down y/N? ";
    let again = "Really restart the remote supervisord process y/N? ";
    assert_eq!(ask("shutdown", "n\n"), said(down, 0));
    assert_eq!(ask("reload", "\n"), said(again, 0));
    assert_eq!(daemon.asked().len(), before);
    assert_eq!(ask("shutdown", "Yes\n"), said(&format!("{down}Shut down\n"), 0));
    assert_eq!(ask("reload", "y"), said(&format!("{again}Restarted supervisord\n"), 0));

    let ending =
        Daemon::new(&[("supervisor.shutdown []", fault(6)), ("supervisor.restart []", fault(6))]);
    assert_eq!(ending.ctl(&["shutdown"]), said("ERROR: already shutting down\n", 0));
    assert_eq!(ending.ctl(&["reload"]), said("ERROR: already shutting down\n", 1));
}

#[test]
fn a_wrong_number_of_arguments_brings_the_help_of_the_action() {
    let daemon = Daemon::new(&[]);
    for (line, message, topic, status) in [
        ("start", "Error: start requires a process name", "start", 2),
        ("stop", "Error: stop requires a process name", "stop", 1),
        ("restart", "Error: restart requires a process name", "restart", 1),
        ("clear", "Error: clear requires a process name", "clear", 1),
        ("signal HUP", "Error: signal requires a signal name and a process name", "signal", 1),
        ("tail", "Error: too few arguments", "tail", 1),
        ("tail a b c d", "Error: too many arguments", "tail", 1),
        ("maintail -f a", "Error: too many arguments", "maintail", 1),
        ("version x", "Error: version accepts no arguments", "version", 1),
        ("avail x", "Error: avail accepts no arguments", "avail", 1),
        ("reread x", "Error: reread accepts no arguments", "reread", 1),
        ("reload x", "Error: reload accepts no arguments", "reload", 1),
        ("shutdown x", "Error: shutdown accepts no arguments", "shutdown", 1),
    ] {
        let help = daemon.ctl(&["help", topic]).out;
        assert!(help.len() > topic.len());
        assert_eq!(daemon.ctl(&[line]), said(&format!("{message}\n{help}"), status), "{line}");
    }
    assert_eq!(daemon.asked(), [] as [String; 0]);
}

#[test]
fn unknown_words_are_refused_and_unknown_topics_are_not() {
    let nowhere = |line: &str| run(&["-s", "unix:///nowhere/s", line], "");
    assert_eq!(nowhere("foo bar"), said("*** Unknown syntax: foo bar\n", 1));
    assert_eq!(nowhere("!ls"), said("*** Unknown syntax: !ls\n", 1));
    assert_eq!(nowhere("help nope"), said("*** No help on nope\n", 0));
    assert_eq!(nowhere("?version").out, nowhere("help version").out);
    assert_eq!(nowhere(""), said("", 0));
    assert_eq!(nowhere("quit"), said("\n", 0));
    let help = nowhere("help");
    assert!(help.out.starts_with("\ndefault commands (type help <topic>):\n====="), "{help:?}");
    assert_eq!(
        nowhere("help help").out,
        "help\t\tPrint a list of available actions\nhelp <action>\tPrint help for <action>\n"
    );
}

#[test]
fn a_daemon_that_is_down_is_told_from_one_that_never_was() {
    let dir = tempfile::tempdir().unwrap();
    let gone = format!("unix://{}", dir.path().join("gone").display());
    let dead = dir.path().join("dead");
    drop(UnixListener::bind(&dead).unwrap());
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let dead = format!("unix://{}", dead.display());
    let file = format!("unix://{}", file.display());

    for action in ["start x", "stop x", "restart x", "signal HUP x", "clear x", "tail x", "pid"] {
        let at = |url: &str| run(&["-s", url, action], "");
        assert_eq!(at(&gone), said(&format!("{gone} no such file\n"), 7), "{action}");
        assert_eq!(at(&dead), said(&format!("{dead} refused connection\n"), 4), "{action}");
        assert_eq!(at(&file), said(&format!("{file} refused connection\n"), 4), "{action}");
    }
    assert_eq!(run(&["-s", &gone, "status"], ""), said(&format!("{gone} no such file\n"), 4));
    assert_eq!(run(&["-s", &dead, "status"], ""), said(&format!("{dead} refused connection\n"), 4));
    assert_eq!(
        run(&["-s", &gone, "shutdown"], ""),
        said(&format!("ERROR: {gone} no such file (already shut down?)\n"), 1)
    );
    assert_eq!(
        run(&["-s", &dead, "shutdown"], ""),
        said(&format!("ERROR: {dead} refused connection (already shut down?)\n"), 1)
    );
    for action in ["reread", "update", "reload", "avail", "add x", "remove x"] {
        let ran = run(&["-s", &gone, action], "");
        assert_eq!(ran, said(&format!("error: {gone} no such file\n"), 1), "{action}");
    }
    assert_eq!(
        run(&["-s", &gone, &format!("open {gone}")], ""),
        said(&format!("{gone} no such file\n"), 0)
    );
    assert_eq!(
        run(&["-s", &gone, "open foo"], ""),
        said("ERROR: url must be http:// or unix://\n", 1)
    );
}

#[test]
fn a_daemon_of_another_kind_is_not_talked_to() {
    let other = Daemon::with_version(json!("2.0"), &[]);
    let sorry = "Sorry, this version of supervisorctl expects to talk to a server with API \
                 version 3.0, but the remote version is 2.0.\n";
    assert_eq!(other.ctl(&["start", "x"]), said(sorry, 5));
    assert_eq!(other.ctl(&["status"]), said(sorry, 4));

    let bare = Daemon::with_version(fault(1), &[]);
    let ran = bare.ctl(&["stop", "x"]);
    assert!(ran.out.starts_with("Sorry, supervisord responded but did not recognize the super"));
    assert_eq!(ran.status, 3);
    assert_eq!(bare.ctl(&["status"]).status, 4);
}

#[test]
fn credentials_are_given_first_and_asked_for_in_a_conversation() {
    let locked = Daemon::with_version(fault(401), &[]);
    assert_eq!(
        locked.ctl(&["status"]),
        said("Server requires authentication\nerror: 401 Unauthorized\n", 1)
    );

    let daemon = Daemon::new(&[
        (r#"svx.login ["me","secret"]"#, json!(true)),
        (r#"svx.login ["me","wrong"]"#, fault(401)),
        ("supervisor.getAllProcessInfo []", json!([])),
    ]);
    let ask = |password: &str| daemon.ctl(&["-u", "me", "-p", password, "status"]);
    assert_eq!(ask("secret"), said("", 0));
    assert_eq!(daemon.asked()[0], r#"svx.login ["me","secret"]"#);
    assert_eq!(ask("wrong").status, 1);
    assert_eq!(daemon.ctl(&["-u", "me", "status"]), said("", 0), "a name alone is no login");

    let ran =
        run(&["-s", &daemon.url(), "-u", "me", "-p", "wrong", "-i", "status"], "me\nsecret\n");
    assert_eq!(ran, said("Server requires authentication\nUsername:Password:\n", 0));
}

#[test]
fn without_an_action_lines_are_read_after_the_status() {
    let daemon = Daemon::new(&[
        ("supervisor.getAllProcessInfo []", json!([info("web", "web", 0, "STOPPED", "")])),
        (r#"supervisor.startProcess ["web"]"#, json!(true)),
    ]);
    let web = "web                              STOPPED   \n";
    let url = daemon.url();
    assert_eq!(
        run(&["-s", &url], "start web\n\nnonsense\nstatus nope\nquit\nstart web\n"),
        said(
            &format!(
                "{web}supervisor> web: started\nsupervisor> supervisor> \
                 *** Unknown syntax: nonsense\nsupervisor> nope: ERROR (no such process)\n\
                 supervisor> \n"
            ),
            0
        )
    );
    assert_eq!(
        run(&["-s", &url], "status"),
        said(&format!("{web}supervisor> {web}supervisor> \n"), 0)
    );
}

#[test]
fn mistakes_of_the_command_line_go_to_stderr_with_status_2() {
    for (words, message) in [
        (&["-x"][..], "option -x not recognized"),
        (&["--foo"], "option --foo not recognized"),
        (&["-s"], "option -s requires argument"),
        (&["--server"], "option --serverurl requires argument"),
        (&["--inter=4", "x"], "option --interactive must not have an argument"),
        (&["-c", "a", "--conf", "b"], "conflicting command line option '--configuration'"),
        (
            &["-s", "http://", "status"],
            "invalid value for -s 'http://': value 'http://' is not a URL",
        ),
        (&["-s", "foo", "status"], "invalid value for -s 'foo': value 'foo' is not a URL"),
        (&["-c", "/nowhere/x", "status"], "could not find config file /nowhere/x"),
        (&["-c", "/dev/null", "status"], ".ini file does not include supervisorctl section"),
    ] {
        let err = format!("Error: {message}\nFor help, use svx ctl -h\n");
        assert_eq!(run(words, ""), Ran { out: String::new(), err, status: 2 }, "{words:?}");
    }
    for url in ["ftp://x", "unix:/run/s"] {
        assert_eq!(
            run(&["-s", url, "status"], ""),
            said(&format!("error: Unknown protocol for serverurl {url}\n"), 1)
        );
    }
    assert!(run(&["--he"], "").out.contains("--history_file FILE"));
}

#[test]
fn status_may_name_thousands_of_programs() {
    let names: Vec<String> = (0..3000).map(|n| format!("program_{n:05}")).collect();
    let all: Vec<Value> =
        names.iter().map(|name| info("many", name, 20, "RUNNING", "pid 4711")).collect();
    let daemon = Daemon::new(&[("supervisor.getAllProcessInfo []", json!(all))]);
    let words = names.iter().map(|name| format!("many:{name}")).collect::<Vec<_>>().join(" ");
    let ran = daemon.ctl(&["status", &words]);
    assert_eq!(ran.out.lines().count(), 3000);
    assert_eq!(ran.status, 0);
}
