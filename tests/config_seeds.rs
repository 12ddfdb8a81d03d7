//! The configurations that articles on the web tell people to write load as they stand.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use svx::config::model::{Address, Autorestart, LogTarget, Program};
use svx::config::{Loaded, Overrides, Surroundings, ctlconf, load};

/// A machine where everybody the articles name exists.
fn machine() -> Surroundings {
    Surroundings {
        env: vec![("HOME".into(), "/root".into())],
        hostname: "box".into(),
        cwd: "/".into(),
        home: Some("/root".into()),
        tempdir: "/tmp".into(),
        user: |name| ["root", "nobody", "chrism"].iter().position(|n| *n == name).map(|n| n as u32),
        group: |name| (name == "nogroup").then_some(65534),
        gid_of: Some,
        root: None,
    }
}

fn seed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/seeds").join(name)
}

/// Loads a main file which includes the named seeds.
fn load_seeds(names: &[&str]) -> Loaded {
    load_with("", names)
}

fn load_with(more: &str, names: &[&str]) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<String> = names.iter().map(|name| seed(name).display().to_string()).collect();
    let main = folder.path().join("supervisord.conf");
    fs::write(&main, format!("[supervisord]\n[include]\nfiles={}\n{more}", files.join(" ")))
        .unwrap();
    load(&main, &Overrides::default(), &machine()).unwrap_or_else(|problems| panic!("{problems}"))
}

fn only_program(loaded: &Loaded) -> &Program {
    assert_eq!(loaded.warnings, []);
    &loaded.config.groups[0].programs[0]
}

#[test]
fn every_seed_loads() {
    let mut names: Vec<String> = fs::read_dir(seed(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".conf"))
        .collect();
    names.sort();
    assert_eq!(names.len(), 15);
    // One shows only the log lines of its program.
    let app = "[program:app]\ncommand=cat\n";
    for name in &names {
        let own = fs::read_to_string(seed(name)).unwrap().contains("[supervisord]");
        if own {
            let loaded = load(&seed(name), &Overrides::default(), &machine());
            assert!(loaded.is_ok(), "{name}: {loaded:?}");
        } else {
            load_with(app, &[name]);
        }
    }
    load_with(app, &names.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn article_0_numbers_its_logs_and_keeps_them_beside_the_file() {
    let loaded = load_seeds(&["article0-ssserver.conf"]);
    let program = only_program(&loaded);
    let log = "/var/log/supervisor/ssserver_00_stdout.log";
    assert_eq!(program.stdout.logfile.target, LogTarget::File(log.into()));
    assert_eq!((program.stdout.logfile.maxbytes, program.stdout.logfile.backups), (10_485_760, 3));

    let folder = tempfile::tempdir().unwrap();
    let dated = fs::read_to_string(seed("article0-dated.conf")).unwrap();
    let main = folder.path().join("supervisord.conf");
    fs::write(&main, format!("[supervisord]\n{dated}command=cat\n")).unwrap();
    let overrides = Overrides {
        nodaemon: Some(true),
        logfile: Some(folder.path().join("supervisord.log").display().to_string()),
        ..Overrides::default()
    };
    let loaded = load(&main, &overrides, &machine()).unwrap();
    let log = folder.path().join("app_00_stderr.log");
    assert_eq!(only_program(&loaded).stderr.logfile.target, LogTarget::File(log));
    let log = folder.path().join("supervisord.log");
    assert_eq!(loaded.config.daemon.logfile.target, LogTarget::File(log));
}

#[test]
fn article_1_sets_an_environment_the_shell_would_have_expanded() {
    let loaded = load_seeds(&["article1-logstash.conf"]);
    let program = only_program(&loaded);
    assert_eq!(program.environment, [("PYTHONPATH".to_owned(), "$".to_owned())]);
    assert_eq!(program.startsecs, Duration::from_secs(3));

    let loaded = load(&seed("article1-main.conf"), &Overrides::default(), &machine()).unwrap();
    let [tcp, unix] = loaded.config.servers.as_slice() else { panic!("two servers") };
    assert_eq!(tcp.address, Address::Tcp { host: String::new(), port: 9001 });
    assert_eq!(tcp.login, Some(("user".into(), "123".into())));
    let path = "/tmp/supervisor.sock".into();
    assert_eq!(unix.address, Address::Unix { path, mode: 0o700, owner: None });
}

#[test]
fn article_2_comments_every_line() {
    let loaded = load_seeds(&["article2-tomcat.conf"]);
    let program = only_program(&loaded);
    assert_eq!(program.command, "/usr/local/tomcat/bin/catalina.sh run");
    assert_eq!(program.autorestart, Autorestart::Always);
    assert_eq!(program.stopsignal, 2);
    assert_eq!((program.stdout.logfile.maxbytes, program.stdout.logfile.backups), (200 << 20, 100));
    assert_eq!(program.stderr.logfile.target, LogTarget::None);
}

#[test]
fn article_3_leaves_its_include_empty() {
    let loaded = load(&seed("article3-main.conf"), &Overrides::default(), &machine()).unwrap();
    assert_eq!(loaded.warnings.len(), 1);
    assert!(loaded.warnings[0].to_string().contains("[include] there is no `files` option"));
    let client = ctlconf::read(&seed("article3-main.conf"), &machine()).unwrap();
    assert_eq!(client.serverurl, "unix:///tmp/supervisor.sock");
    assert_eq!((client.username, client.prompt.as_str()), (None, "supervisor"));
    assert_eq!(only_program(&load_seeds(&["article3-flask.conf"])).startsecs.as_secs(), 5);
}

#[test]
fn article_4_is_indented_throughout() {
    let loaded =
        load(&seed("article4-supervisord.conf"), &Overrides::default(), &machine()).unwrap();
    let daemon = &loaded.config.daemon;
    assert_eq!(loaded.warnings, []);
    assert_eq!(daemon.user.as_ref().map(|user| user.uid), Some(2));
    assert_eq!((daemon.umask, daemon.nocleanup), (0o22, true));
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(daemon.environment, [pair("KEY1", "value1"), pair("KEY2", "value2")]);

    let loaded = load_seeds(&["article4-unix.conf", "article4-inet.conf", "article4-program.conf"]);
    let owner = Some((1, 65534));
    let path = "/tmp/supervisor.sock".into();
    assert_eq!(loaded.config.servers[1].address, Address::Unix { path, mode: 0o777, owner });
    assert_eq!(only_program(&loaded).command, "cat -f ${HOME}/cat.log");
}
