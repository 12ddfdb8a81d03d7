use super::super::facts::{Daemon, Tool};
use super::*;
use crate::app::check;
use crate::sys::host::surroundings;
use crate::sys::machine::Host;

const CONF: &str = "[supervisord]\nlogfile=%(here)s/l\npidfile=%(here)s/p\n\
                    [program:a]\ncommand=/bin/sh\nstdout_logfile=%(here)s/a\nredirect_stderr=true\n";

/// A machine with this configuration.
fn facts(text: &str) -> (tempfile::TempDir, Facts) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("supervisord.conf");
    std::fs::write(&file, text).unwrap();
    let report = check::judge(&file, &surroundings(), &Host::default(), true);
    let places = vec![(file.clone(), true)];
    (dir, Facts { places, file: Some(file), report: Some(report), ..Facts::default() })
}

fn python(pid: u32) -> Daemon {
    Daemon {
        pid,
        svx: false,
        user: "root".into(),
        words: ["/usr/bin/python3", "/usr/bin/supervisord", "-c", "/etc/x y"]
            .map(String::from)
            .into(),
        file: None,
        sockets: Vec::new(),
    }
}

fn caller(kind: Place, file: &str, text: &str) -> Caller {
    Caller { kind, file: file.into(), line: 1, text: text.into() }
}

fn settled(diagnosis: &Diagnosis) -> Vec<&str> {
    diagnosis.points.iter().filter(|p| p.settle).map(|p| p.what.as_str()).collect()
}

fn commands(steps: &[Step]) -> String {
    steps.iter().flat_map(|step| &step.commands).map(|line| format!("{line}\n")).collect()
}

#[test]
fn where_nothing_is_there_is_nothing_to_move() {
    let nothing = judge(&Facts::default());
    assert_eq!((nothing.status, &*nothing.verdict), (2, "there is no Supervisor here"));
    let tool =
        Tool { name: "supervisord", path: "/usr/bin/supervisord".into(), kind: Maker::Python };
    let installed = judge(&Facts { tools: vec![tool], ..Facts::default() });
    assert!(installed.verdict.contains("name it with -c"));
    let (_dir, mut facts) = facts(CONF);
    let missing = Path::new("/nowhere/x");
    facts.report = Some(check::judge(missing, &surroundings(), &Host::default(), true));
    assert!(judge(&facts).verdict.contains("could not be read"));
}

#[test]
fn a_plain_set_up_is_ready_and_a_broken_one_is_not() {
    let (_dir, good) = facts(CONF);
    let diagnosis = judge(&good);
    assert_eq!(settled(&diagnosis), Vec::<&str>::new());
    assert_eq!((diagnosis.status, &*diagnosis.verdict), (0, "ready to move"));
    for (more, words) in [
        ("autostart=maybe\n", "expected true or false"),
        ("[inet_http_server]\nport=*:9001\n", "svx does not open it"),
        ("[rpcinterface:m]\nsupervisor.rpcinterface_factory=multivisor.rpc:x\n", "Python plugins"),
        ("[ctlplugin:w]\n", "[ctlplugin:w] adds commands"),
    ] {
        let (_dir, bad) = facts(&format!("{CONF}{more}"));
        let diagnosis = judge(&bad);
        assert_eq!(diagnosis.status, 1, "{more}");
        assert!(settled(&diagnosis)[0].contains(words), "{more}: {:?}", diagnosis.points);
    }
}

#[test]
fn a_unit_is_moved_by_a_drop_in_and_back_by_its_removal() {
    let (_dir, mut facts) = facts(CONF);
    let unit = "/lib/systemd/system/supervisor.service";
    facts.callers = vec![
        caller(Place::Unit, unit, "ExecStart=/usr/bin/python3 /usr/bin/supervisord -n -c /x"),
        caller(Place::Unit, unit, "ExecStop=-/usr/bin/supervisorctl shutdown"),
        caller(Place::Unit, "/etc/systemd/system/other.service", "ExecStart=supervisorctl start a"),
        caller(Place::Cron, "/etc/crontab", "supervisorctl restart a"),
    ];
    facts.daemons = vec![python(7)];
    let diagnosis = judge(&facts);
    let there = commands(&diagnosis.moving);
    assert!(
        there.contains("\nExecStart=\nExecStart=/usr/local/bin/supervisord -n -c /x\n"),
        "{there}"
    );
    assert!(there.contains("\nExecStop=/usr/local/bin/supervisorctl shutdown\n"), "{there}");
    let order = [
        "systemctl stop supervisor.service",
        "daemon-reload",
        "systemctl start supervisor.service",
    ];
    let places: Vec<usize> = order.iter().map(|word| there.find(word).unwrap()).collect();
    assert!(places.is_sorted(), "{there}");
    assert!(!there.contains("other.service"), "{there}");
    let back = commands(&diagnosis.back);
    assert!(back.contains("rm /etc/systemd/system/supervisor.service.d/svx.conf"), "{back}");
    assert!(back.contains("systemctl start supervisor.service"), "{back}");
}

#[test]
fn without_a_unit_the_daemon_is_stopped_by_its_pid_and_started_with_its_words() {
    let (_dir, mut facts) = facts(CONF);
    facts.daemons = vec![python(7)];
    let diagnosis = judge(&facts);
    let there = commands(&diagnosis.moving);
    assert!(there.contains("kill -TERM 7\n"), "{there}");
    assert!(there.contains("\n/usr/local/bin/supervisord -c '/etc/x y'\n"), "{there}");
    let back = commands(&diagnosis.back);
    assert!(back.contains("/usr/bin/python3 /usr/bin/supervisord -c"), "{back}");
    facts.daemons.push(python(8));
    assert!(settled(&judge(&facts))[0].contains("2 daemons run, pids 7, 8"));
    facts.daemons = vec![Daemon { svx: true, ..python(9) }];
    let moved = judge(&facts);
    assert_eq!((&*moved.verdict, moved.moving), ("svx runs here already", Vec::new()));
}

#[test]
fn supervisors_own_programs_in_the_way_of_the_links_are_kept_for_going_back() {
    let (_dir, mut facts) = facts(CONF);
    let path: PathBuf = "/usr/local/bin/supervisord".into();
    facts.tools = vec![Tool { name: "supervisord", path, kind: Maker::Python }];
    let diagnosis = judge(&facts);
    let kept = "mv /usr/local/bin/supervisord /usr/local/bin/supervisord.python\nsvx links";
    assert!(commands(&diagnosis.moving).contains(kept));
    let again = "mv /usr/local/bin/supervisord.python /usr/local/bin/supervisord\n";
    assert!(commands(&diagnosis.back).contains(again));
}

#[test]
fn listeners_in_python_and_what_supervisor_would_not_understand_are_told() {
    let (_dir, mut facts) = facts(&format!("{CONF}killmode=tree\n"));
    facts.listeners = vec![("mem".into(), "memmon is written in Python".into())];
    facts.elsewhere = vec![12];
    let diagnosis = judge(&facts);
    let said: Vec<&str> = diagnosis.points.iter().map(|point| &*point.what).collect();
    assert!(said.iter().any(|what| what.contains("mem needs Python: memmon")), "{said:?}");
    assert!(
        said.iter().any(|what| what.contains("pid 12 is a daemon in a file system")),
        "{said:?}"
    );
    assert!(diagnosis.back[0].what.contains("1 places"), "{:?}", diagnosis.back[0]);
}
