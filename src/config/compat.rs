//! Supervisor 4.3.0's configuration as it really behaves, line by line, and what svx does instead
//! where that was a mistake. Tests only.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;

use super::around::tests::anywhere;
use super::model::{Address, Autorestart, Config, Daemon, LogTarget, Output, Program, Server};
use super::{Loaded, Overrides, Problems, load};
use crate::base::level::Level;

/// Loads files of a fresh directory, the first being the main one.
fn load_files(files: &[(&str, &str)]) -> Result<(Loaded, PathBuf), Problems> {
    load_over(files, &Overrides::default())
}

fn load_over(files: &[(&str, &str)], overrides: &Overrides) -> Result<(Loaded, PathBuf), Problems> {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().canonicalize().unwrap();
    for (name, text) in files {
        let path = here.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    load(&here.join(files[0].0), overrides, &anywhere()).map(|loaded| (loaded, here))
}

pub(super) fn loaded(text: &str) -> Loaded {
    let text = format!("[supervisord]\n{text}");
    load_files(&[("f", &text)]).unwrap_or_else(|problems| panic!("{text}\n{problems}")).0
}

pub(super) fn config(text: &str) -> Config {
    loaded(text).config
}

/// The problems of a file, its directory cut off.
pub(super) fn refused(text: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f");
    fs::write(&file, text).unwrap();
    let problems = load(&file, &Overrides::default(), &anywhere()).expect_err(text);
    let folder = format!("{}/", folder.path().display());
    problems.0.iter().map(|problem| problem.to_string().replace(&folder, "")).collect()
}

/// The only process of a program section with these options.
pub(super) fn program(options: &str) -> Program {
    let config = config(&format!("[program:web]\ncommand=cat\n{options}\n"));
    config.groups[0].programs[0].as_ref().clone()
}

/// What is wrong with one option of a program section.
pub(super) fn program_refused(options: &str) -> String {
    refused(&format!("[supervisord]\n[program:web]\ncommand=cat\n{options}\n")).join("\n")
}

fn daemon(options: &str) -> Daemon {
    config(options).daemon
}

fn servers(text: &str) -> Vec<Server> {
    config(text).servers
}

fn names(config: &Config) -> Vec<String> {
    let programs = config.groups.iter().flat_map(|group| &group.programs);
    programs.map(|program| format!("{}:{}", program.group, program.name)).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|&(name, value)| (name.into(), value.into())).collect()
}

#[test]
fn every_default_is_the_one_of_4_3_0() {
    let daemon = daemon("");
    assert_eq!(daemon.logfile.target, LogTarget::File("/run/svx/supervisord.log".into()));
    assert_eq!((daemon.logfile.maxbytes, daemon.logfile.backups), (50 << 20, 10));
    assert_eq!(daemon.pidfile, PathBuf::from("/run/svx/supervisord.pid"));
    assert_eq!((daemon.minfds, daemon.minprocs, daemon.umask), (1024, 200, 0o22));
    assert_eq!(daemon.identifier, "supervisor");
    assert_eq!(daemon.childlogdir, PathBuf::from("/tmp"));
    assert!(!daemon.nodaemon && !daemon.silent && !daemon.nocleanup && !daemon.strip_ansi);

    let program = program("");
    assert_eq!((program.priority, program.startretries, program.stopsignal), (999, 3, 15));
    assert_eq!((program.startsecs.as_secs(), program.stopwaitsecs.as_secs()), (1, 10));
    assert_eq!(program.autorestart, Autorestart::Unexpected);
    assert_eq!(program.exitcodes, [0]);
    assert!(program.autostart && !program.killasgroup && !program.redirect_stderr);
    assert_eq!((&*program.name, &*program.group, &*program.program), ("web", "web", "web"));
    for stream in [&program.stdout, &program.stderr] {
        let Output { logfile, syslog: false, capture_maxbytes: 0, events_enabled: false } = stream
        else {
            panic!("{stream:?}")
        };
        assert_eq!(logfile.target, LogTarget::Auto);
        assert_eq!((logfile.maxbytes, logfile.backups), (50 << 20, 10));
    }
}

#[test]
fn a_command_on_the_next_line_starts_with_a_newline() {
    let config = config("[program:web]\ncommand=\n  cat\n  ; no\n\n  -u\n");
    assert_eq!(config.groups[0].programs[0].command, "\ncat\n\n-u");
}

#[test]
fn a_comment_cuts_a_quoted_command() {
    assert_eq!(program("command=sh -c 'a ; b'").command, "sh -c 'a");
}

#[test]
fn environments_are_read_as_4_3_0_reads_them() {
    assert_eq!(program("environment=A=\"'x'\"").environment, pairs(&[("A", "x")]));
    assert_eq!(program("environment=A=foo@").environment, pairs(&[("A", "foo")]));
    assert_eq!(program("environment=A=$X:/y").environment, pairs(&[("A", "$")]));
    let why = "Unexpected end of key/value pairs in value, after `A`";
    assert!(program_refused("environment=A=foo@bar").contains(why));
    assert!(program_refused("environment=A=$X:/y,B=1").contains(why));
}

#[test]
fn the_daemons_environment_lies_below_and_is_expanded_once() {
    let config = config(
        "environment=A=\"100%%\",B=\"%(ENV_HOME)s\"\n\
         [program:web]\ncommand=%(ENV_A)s %(ENV_B)s %(ENV_C)s\nenvironment=C=\"c\",B=\"%(ENV_B)s/b\"",
    );
    let program = &config.groups[0].programs[0];
    assert_eq!(program.environment, pairs(&[("A", "100%"), ("B", "/root/b"), ("C", "c")]));
    assert_eq!(program.command, "100% /root/b c");
}

#[test]
fn names_expand_wherever_supervisor_expands_them() {
    let text = "[program:web]\ncommand=%(here)s %(group_name)s %(host_node_name)s %(numprocs)d\n\
                process_name=%(program_name)s_%(process_num)02d\nnumprocs=2\nnumprocs_start=8\n\
                stdout_logfile=%(here)s/%(process_num)d.log\ndirectory=/%(process_num)d\n";
    let (loaded, here) = load_files(&[("f", &format!("[supervisord]\n{text}"))]).unwrap();
    assert_eq!(names(&loaded.config), ["web:web_08", "web:web_09"]);
    let last = &loaded.config.groups[0].programs[1];
    assert_eq!(last.command, format!("{} web box 2", here.display()));
    assert_eq!(last.stdout.logfile.target, LogTarget::File(here.join("9.log")));
    assert_eq!(last.directory, Some("/9".into()));
}

#[test]
fn an_unknown_name_is_an_error_without_values() {
    let why = program_refused("stdout_logfile=/%(programname)s");
    assert!(why.starts_with("f:4: [program:web] stdout_logfile: there is no name `programname`"));
    assert!(why.contains("did you mean `program_name`?") && why.contains("ENV_SECRET"));
    assert!(!why.contains("hunter2"), "{why}");
}

#[test]
fn odd_but_accepted() {
    assert_eq!(config("[group:g]\n").groups[0].programs.len(), 0);
    assert_eq!(config("[program:web]\ncommand=cat\nnumprocs=0\n").groups[0].programs.len(), 0);
    let two = config(
        "[program:a]\ncommand=cat\n[group:g]\nprograms=a\n[group:h]\nprograms=a,a\npriority=1\n",
    );
    assert_eq!(names(&two), ["h:a", "g:a"]);
    let pool = "[eventlistener:l]\ncommand=cat\nevents=TICK_5\nstdout_capture_maxbytes=1MB\n";
    assert_eq!(config(pool).groups[0].programs[0].stdout.capture_maxbytes, 1 << 20);
}

#[test]
fn several_servers_stand_beside_each_other() {
    let found = servers(
        "[unix_http_server]\nfile=s\nchmod=0777\nchown=web:root\n[inet_http_server:b]\nport=*:9001\n\
         [inet_http_server]\nport=[::1]:9002, localhost:9003\nusername=u\npassword={SHA}x\n",
    );
    let shown: Vec<(&str, &Address)> = found.iter().map(|s| (&*s.section, &s.address)).collect();
    let tcp = |host: &str, port| Address::Tcp { host: host.into(), port };
    let unix = Address::Unix { path: "/run/svx/s".into(), mode: 0o777, owner: Some((1000, 0)) };
    assert_eq!(
        shown,
        [
            ("inet_http_server:b", &tcp("", 9001)),
            ("inet_http_server", &tcp("::1", 9002)),
            ("inet_http_server", &tcp("localhost", 9003)),
            ("unix_http_server", &unix),
        ]
    );
    assert_eq!(found[1].login, Some(("u".into(), "{SHA}x".into())));
    assert_eq!(found[3].login, None);
    for port in ["9001", ":9001", "*:9001"] {
        let text = format!("[inet_http_server]\nport={port}\n");
        assert_eq!(servers(&text)[0].address, tcp("", 9001), "{port}");
    }
    let half = refused("[supervisord]\n[inet_http_server]\nport=1\nusername=u\n");
    assert!(half[0].starts_with("f:2: [inet_http_server] contains incomplete authentication"));
}

#[test]
fn default_spreads_over_sections_and_the_rpc_interface_does_not_mind() {
    let factory = "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface";
    let loaded = loaded(&format!(
        "[DEFAULT]\nstartsecs=7\n[rpcinterface:supervisor]\n{factory}\n\
         [program:a]\ncommand=cat\n[program:b]\ncommand=cat\nstartsecs=2\n"
    ));
    let config = loaded.config;
    let secs: Vec<u64> =
        config.groups.iter().map(|group| group.programs[0].startsecs.as_secs()).collect();
    assert_eq!(secs, [7, 2]);
    assert_eq!(config.rpcinterfaces[0].1.len(), 1);
    assert_eq!(loaded.warnings, []);
}

#[test]
fn program_default_lies_between_default_and_the_programs() {
    let loaded = loaded(
        "[DEFAULT]\nstartsecs=7\nstartretries=7\n\
         [program-default]\nstartretries=8\nredirect_stderr=true\nuser=web\ndirectory=/%(program_name)s\n\
         environment=A=\"1\"\nautostrat=1\n\
         [program:a]\ncommand=cat\n[program:b]\ncommand=cat\nstartretries=9\nuser=root\n\
         [group:g]\nprograms=b\n[eventlistener:l]\ncommand=cat\nevents=EVENT\n\
         [fcgi-program:f]\ncommand=cat\nsocket=tcp://h:1\nenvironment=B=\"2\"\n",
    );
    let shown: Vec<String> = loaded
        .config
        .groups
        .iter()
        .flat_map(|group| &group.programs)
        .map(|p| {
            let uid = p.user.as_ref().unwrap().uid;
            let directory = p.directory.as_ref().unwrap().display();
            let (secs, retries) = (p.startsecs.as_secs(), p.startretries);
            let variable = &p.environment[0].0;
            format!(
                "{} {secs} {retries} {uid} {directory} {variable} {}",
                p.name, p.redirect_stderr
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "l 7 8 1000 /l A false",
            "a 7 8 1000 /a A true",
            "f 7 8 1000 /f B true",
            "b 7 9 0 /b A true"
        ]
    );
    let warning = loaded.warnings[0].to_string();
    assert!(
        warning.ends_with("[program-default] autostrat: no such option; did you mean `autostart`?")
    );
    assert_eq!(loaded.warnings.len(), 1);
}

#[test]
fn a_mistake_in_program_default_is_told_once_and_where_it_stands() {
    let programs = "[program:a]\ncommand=cat\n[program:b]\ncommand=cat\n";
    let found = refused(&format!("[supervisord]\n[program-default]\nstartsecs=soon\n{programs}"));
    assert_eq!(found, ["f:3: [program-default] startsecs: expected a whole number, found `soon`"]);
}

#[test]
fn environment_files_are_named_in_order_the_daemons_first() {
    let files = |text: &str| {
        let config = config(text);
        let files = &config.groups[0].programs[0].environment_files;
        let shown = files
            .iter()
            .map(|file| format!("{}{}", if file.optional { "-" } else { "" }, file.path.display()));
        shown.collect::<Vec<_>>().join(" ")
    };
    let program = "[program:web]\ncommand=cat\n";
    assert_eq!(files(program), "");
    let text = format!(
        "environment_file=/d.env\n{program}environment_file=a.env, -~/%(program_name)s.env,- /c\n"
    );
    assert_eq!(files(&text), "/d.env /run/svx/a.env -/root/web.env -/c");
    assert_eq!(files(&format!("{program}envFiles=/a,/b\n")), "/a /b");
    assert!(program_refused("environment_file=/a,-").contains("expected paths with commas"));
}

#[test]
fn log_targets_have_special_words() {
    let loaded = loaded("logfile=NONE\n");
    assert_eq!(loaded.config.daemon.logfile.target, LogTarget::None);
    assert_eq!(loaded.notes[0].0, Level::Warn);
    assert_eq!(daemon("logfile=syslog\n").logfile.target, LogTarget::Syslog);
    for (text, want) in [
        ("", LogTarget::None),
        ("off", LogTarget::None),
        ("Auto", LogTarget::Auto),
        ("/dev/stdout", LogTarget::Stdout),
        ("/dev/stderr", LogTarget::Stderr),
        ("/no/such/folder/x", LogTarget::File("/no/such/folder/x".into())),
        ("~/x", LogTarget::File("/root/x".into())),
        ("x", LogTarget::File("/run/svx/x".into())),
        ("/l/%%Y-%%m-%%d/a.log", LogTarget::Dated("/l/%Y-%m-%d/a.log".into())),
        ("/l/100%%%%", LogTarget::File("/l/100%".into())),
    ] {
        assert_eq!(
            program(&format!("stdout_logfile={text}")).stdout.logfile.target,
            want,
            "{text}"
        );
    }
    let dated = daemon("logfile=/l/%%Y/a\nlogfile_symlink=/l/now\nlogfile_maxage=30d\n").logfile;
    assert_eq!(dated.target, LogTarget::Dated("/l/%Y/a".into()));
    assert_eq!(dated.symlink, Some("/l/now".into()));
    assert_eq!(dated.maxage.map(|age| age.as_secs()), Some(30 * 86_400));
}

#[test]
fn relative_logs_follow_the_directory_of_the_daemon_unless_it_stays_in_the_foreground() {
    let text = "directory=/tmp\n[program:web]\ncommand=cat\nstdout_logfile=x\n";
    let target = |config: Config| config.groups[0].programs[0].stdout.logfile.target.clone();
    assert_eq!(target(config(text)), LogTarget::File("/tmp/x".into()));
    let text = format!("nodaemon=true\n{text}");
    assert_eq!(target(config(&text)), LogTarget::File("/run/svx/x".into()));
}

#[test]
fn killasgroup_follows_stopasgroup_and_must_not_contradict_it() {
    assert!(program("stopasgroup=true").killasgroup);
    assert!(!program("stopasgroup=false").killasgroup);
    let why = program_refused("stopasgroup=true\nkillasgroup=false");
    assert_eq!(why, "f:2: [program:web] Cannot set stopasgroup=true and killasgroup=false");
}

#[test]
fn includes_are_patterns_relative_to_the_file_sorted_and_have_a_here_of_their_own() {
    let program = |name: &str| format!("[program:{name}]\ncommand=%(here)s\n");
    let include = "[supervisord]\n[include]\nfiles = d/[ab].ini\n  %(here)s/e/*.ini none/*\n";
    let (loaded, here) = load_files(&[
        ("f", include),
        ("d/b.ini", &program("b")),
        ("d/a.ini", &format!("{}[include]\nfiles=../never\n", program("a"))),
        ("d/c.ini", &program("c")),
        ("e/x.ini", &program("x")),
        ("e/.hidden.ini", &program("hidden")),
    ])
    .unwrap();
    assert_eq!(names(&loaded.config), ["a:a", "b:b", "x:x"]);
    assert_eq!(loaded.config.groups[2].programs[0].command, here.join("e").to_str().unwrap());
    let shown: Vec<String> = loaded
        .notes
        .iter()
        .map(|(level, note)| {
            format!("{} {}", level.tag(), note.replace(here.to_str().unwrap(), ""))
        })
        .collect();
    assert_eq!(
        shown,
        [
            "WARN No file matches via include \"/none/*\"",
            "INFO Included extra file \"/d/a.ini\" during parsing",
            "INFO Included extra file \"/d/b.ini\" during parsing",
            "INFO Included extra file \"/e/x.ini\" during parsing",
        ]
    );
    assert!(loaded.warnings[0].to_string().contains("cannot include others"));
}

#[test]
fn a_section_may_be_spread_over_files_and_mistakes_name_theirs() {
    let files = [
        ("f", "[supervisord]\n[include]\nfiles=g\n[program:a]\ncommand=x\npriority=1\n"),
        ("g", "[program:a]\ncommand=y\nstartsecs=soon\nnonsense\n"),
    ];
    let problems = load_files(&files).unwrap_err();
    let lines: Vec<String> = problems.0.iter().map(ToString::to_string).collect();
    assert!(lines[1].ends_with("/g:4: neither a [section] nor a key=value line"), "{lines:?}");
    assert!(lines[0].contains("/g:3: [program:a] startsecs: expected"), "{lines:?}");
}

#[test]
fn unknown_keys_and_sections_only_warn() {
    let loaded = loaded(
        "autostrat=1\n[program:web]\ncommand=cat\nautostrat=yes\ndepends_on=x\n\
         [progam:x]\n[fortune]\n[supervisorctl]\npromt=x\n[ctlplugin:p]\nany=thing\n",
    );
    let warnings: Vec<String> = loaded
        .warnings
        .iter()
        .map(|warning| warning.to_string().split_once("/f:").unwrap().1.to_owned())
        .collect();
    assert_eq!(
        warnings,
        [
            "2: [supervisord] autostrat: no such option",
            "5: [program:web] autostrat: no such option; did you mean `autostart`?",
            "6: [program:web] depends_on: no such option",
            "7: [progam:x] nothing reads this section; did you mean `program:x`?",
            "8: [fortune] nothing reads this section",
            "10: [supervisorctl] promt: no such option; did you mean `prompt`?",
        ]
    );
}

#[test]
fn plugins_of_other_makers_only_warn_but_must_be_named() {
    let plugin = "[rpcinterface:x]\nsupervisor.rpcinterface_factory=my:plugin\n";
    let warning = loaded(plugin).warnings[0].to_string();
    assert!(warning.contains("Python plugins are not loaded"), "{warning}");
    assert!(refused("[supervisord]\n[rpcinterface:x]\n")[0].ends_with("required, but not given"));
}

#[test]
fn a_key_that_is_missing_may_be_one_that_was_misspelt() {
    let found = refused("[supervisord]\n[program:a]\ncomand=cat\n");
    let hint = "f:2: [program:a] command: required, but not given; is it meant by `comand`?";
    assert_eq!(found, [hint]);
}

#[test]
fn all_mistakes_are_told_at_once() {
    let found = refused(
        "[supervisord]\nloglevel=inof\numask=9\n[program:a b]\ncommand=cat\n\
         [program:c]\nstopsignal=TREM\nuser=nosuch\nexitcodes=256\nlost\n",
    );
    assert_eq!(
        found,
        [
            "f:2: [supervisord] loglevel: expected one of blather, trace, debug, info, warn, \
             error, critical, found `inof`; did you mean `info`?",
            "f:3: [supervisord] umask: expected an octal number like 022, found `9`",
            "f:4: [program:a b] Invalid name: `a b` because of character: ' '",
            "f:6: [program:c] command: required, but not given",
            "f:7: [program:c] stopsignal: `TREM` is not a valid signal name or number; did you \
             mean `TERM`?",
            "f:8: [program:c] user: there is no user `nosuch`",
            "f:9: [program:c] exitcodes: expected numbers from 0 to 255 with commas between \
             them, found `256`",
            "f:10: neither a [section] nor a key=value line",
        ]
    );
    assert_eq!(
        refused("[program:a]\ncommand=cat\n"),
        ["f: there is no [supervisord] section; it may be empty"]
    );
}

#[test]
fn a_file_that_is_missing_or_no_text_is_one_problem() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f");
    let problems = load(&file, &Overrides::default(), &anywhere()).unwrap_err().to_string();
    assert!(problems.ends_with("f: cannot be read: No such file or directory"), "{problems}");
    fs::write(&file, b"[supervisord]\nidentifier=\xff\n").unwrap();
    let problems = load(&file, &Overrides::default(), &anywhere()).unwrap_err().to_string();
    assert!(problems.ends_with("f: cannot be read: line 2 is not UTF-8"), "{problems}");
}

#[test]
fn flags_override_the_file_and_are_checked_alike() {
    let file = [("f", "[supervisord]\nlogfile=a\nminfds=5\nuser=root\n")];
    let overrides = Overrides {
        nodaemon: Some(true),
        logfile: Some("b/../c".into()),
        user: Some("web".into()),
        umask: Some("077".into()),
        ..Overrides::default()
    };
    let daemon = load_over(&file, &overrides).unwrap().0.config.daemon;
    assert_eq!(daemon.logfile.target, LogTarget::File("/run/svx/c".into()));
    assert!(daemon.nodaemon && daemon.minfds == 5 && daemon.umask == 0o77);
    assert_eq!(daemon.user.map(|user| user.uid), Some(1000));

    let overrides = Overrides {
        loglevel: Some("loud".into()),
        directory: Some("/no/such".into()),
        ..Overrides::default()
    };
    let problems = load_over(&file, &overrides).unwrap_err().to_string();
    assert!(problems.contains("--loglevel: expected one of"), "{problems}");
    assert!(problems.contains("--directory: `/no/such` is not an existing directory"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn no_file_makes_the_loader_panic(
        lines in prop::collection::vec(
            ("(\\[(program|group|eventlistener|fcgi-program|supervisord|include|DEFAULT)(:[a-c])?\\]|\
               command|process_name|numprocs|environment|programs|events|socket|user|priority|\
               stdout_logfile|stopsignal|logfile|umask|files)", "(=|: | )", "\\PC{0,20}|%\\([a-z_]{1,12}\\)[0-9.]{0,4}[sd]|-?[0-9]{1,20}(MB)?"),
            0..30,
        )
    ) {
        let text: Vec<String> = lines.iter().map(|(key, sign, value)| format!("{key}{sign}{value}")).collect();
        let _ = load_files(&[("f", &format!("[supervisord]\n{}\n", text.join("\n")))]);
    }
}
