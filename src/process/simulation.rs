//! Programs and groups as the reader would hand them over, for tests.

use std::sync::Arc;
use std::time::Duration;

use crate::config::model::{self, Autorestart, GroupKind, KillMode, Program};

pub(crate) fn program(name: &str, group: &str) -> Program {
    let logfile = model::LogFile {
        target: model::LogTarget::None,
        maxbytes: 0,
        backups: 0,
        symlink: None,
        maxage: None,
    };
    let output =
        model::Output { logfile, syslog: false, capture_maxbytes: 0, events_enabled: false };
    Program {
        name: name.into(),
        group: group.into(),
        program: name.into(),
        command: "true".into(),
        directory: None,
        umask: None,
        priority: 999,
        autostart: true,
        autorestart: Autorestart::Unexpected,
        startsecs: Duration::from_secs(1),
        startretries: 3,
        stopsignal: libc::SIGTERM,
        stopwaitsecs: Duration::from_secs(10),
        stopasgroup: false,
        killasgroup: false,
        killmode: KillMode::Process,
        no_new_privs: false,
        exitcodes: vec![0],
        user: None,
        redirect_stderr: false,
        stdout: output.clone(),
        stderr: output,
        environment: Vec::new(),
        environment_files: Vec::new(),
        serverurl: None,
        fcgi: None,
    }
}

pub(crate) fn group(name: &str, priority: i32, programs: Vec<Program>) -> model::Group {
    let programs = programs.into_iter().map(Arc::new).collect();
    model::Group { name: name.into(), priority, kind: GroupKind::Plain, programs }
}
