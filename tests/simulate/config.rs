//! Configurations as the reader would hand them over, and one edit after the other of them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use svx::base::level::Level;
use svx::config::model::{
    Autorestart, Config, Daemon, Group, GroupKind, KillMode, Leftovers, LogFile, LogTarget, Output,
    Program, Statefile,
};

use super::dice::Dice;

pub const GROUPS: u64 = 6;
pub const PROGRAMS: u64 = 4;
/// What a program waits at most between its stop signal and SIGKILL.
pub const STOPWAITSECS_MAX: u64 = 8;

/// The groups of a first configuration.
pub fn first(seed: u64) -> Vec<Group> {
    let mut dice = Dice::of(seed, "config", 0);
    let ticks = has_ticks(seed);
    let mut groups = Vec::new();
    for number in 0..2 + dice.roll(4) {
        groups.push(group(&mut dice, &format!("g{number}"), ticks));
    }
    sort(&mut groups);
    groups
}

/// Whether listeners may ask for TICK events, the only ones that follow the wall clock.
pub fn has_ticks(seed: u64) -> bool {
    Dice::of(seed, "ticks", 0).one_in(2)
}

/// What somebody makes of them in an editor.
pub fn edit(seed: u64, groups: &mut Vec<Group>, with: u64) {
    let mut dice = Dice::of(seed, "edit", with);
    let ticks = has_ticks(seed);
    for _ in 0..1 + dice.roll(3) {
        let name = format!("g{}", dice.roll(GROUPS));
        let Some(at) = groups.iter().position(|group| group.name == name) else {
            groups.push(group(&mut dice, &name, ticks));
            continue;
        };
        let found = &mut groups[at];
        match dice.roll(8) {
            0 => drop(groups.remove(at)),
            1 => found.priority = dice.roll(4) as i32,
            2 => found.kind = kind(&mut dice, ticks),
            3 => {
                let place = dice.roll(PROGRAMS);
                let program = program(&mut dice, &name, &format!("p{place}"));
                found.programs.retain(|known| known.name != program.name);
                found.programs.insert(0, program.into());
            }
            4 if found.programs.len() > 1 => {
                let place = dice.roll(found.programs.len() as u64) as usize;
                found.programs.remove(place);
            }
            5 => found.programs.reverse(),
            _ => {
                let place = dice.roll(found.programs.len() as u64) as usize;
                change(&mut dice, Arc::make_mut(&mut found.programs[place]));
            }
        }
    }
    sort(groups);
}

/// As the reader sorts them.
fn sort(groups: &mut [Group]) {
    groups.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
}

fn group(dice: &mut Dice, name: &str, ticks: bool) -> Group {
    let count = 1 + dice.roll(PROGRAMS);
    let programs = (0..count).map(|number| program(dice, name, &format!("p{number}")).into());
    let programs = programs.collect();
    Group { name: name.into(), priority: dice.roll(4) as i32, kind: kind(dice, ticks), programs }
}

fn kind(dice: &mut Dice, ticks: bool) -> GroupKind {
    if !dice.one_in(3) {
        return GroupKind::Plain;
    }
    let all = ["PROCESS_STATE", "EVENT", "PROCESS_GROUP", "PROCESS_LOG", "REMOTE_COMMUNICATION"];
    let all = if ticks { &all[..] } else { &["PROCESS_STATE", "PROCESS_GROUP", "PROCESS_LOG"] };
    let mut events = vec![(dice.pick(all)).to_owned()];
    if ticks && dice.one_in(2) {
        events.push("TICK_5".into());
    }
    let buffer_size = dice.pick(&[1, 2, 10, 1024]);
    GroupKind::Listener { events, buffer_size, restart_on_violation: dice.one_in(2) }
}

/// One key becomes another.
fn change(dice: &mut Dice, program: &mut Program) {
    let other = self::program(dice, &program.group, &program.name);
    match dice.roll(12) {
        11 => program.killmode = other.killmode,
        10 => program.exitcodes = dice.pick(&[&[0][..], &[0, 2], &[1, 3]]).to_vec(),
        9 => (program.stopasgroup, program.killasgroup) = (other.stopasgroup, other.killasgroup),
        0 => program.command.push('x'),
        1 => program.autostart ^= true,
        2 => program.autorestart = other.autorestart,
        3 => program.startsecs = other.startsecs,
        4 => program.startretries = other.startretries,
        5 => program.stopwaitsecs = other.stopwaitsecs,
        6 => program.stopsignal = other.stopsignal,
        7 => program.priority = other.priority,
        _ => program.stdout.events_enabled ^= true,
    }
}

pub fn program(dice: &mut Dice, group: &str, name: &str) -> Program {
    let output = Output {
        logfile: logfile(),
        syslog: false,
        capture_maxbytes: 0,
        events_enabled: dice.one_in(2),
    };
    Program {
        killmode: dice.pick(&[
            KillMode::Process,
            KillMode::Process,
            KillMode::Group,
            KillMode::Tree,
        ]),
        name: name.into(),
        group: group.into(),
        program: name.into(),
        command: "true".into(),
        directory: None,
        umask: None,
        priority: dice.roll(3) as i32,
        autostart: !dice.one_in(4),
        autorestart: dice.pick(&[Autorestart::Never, Autorestart::Unexpected, Autorestart::Always]),
        startsecs: Duration::from_secs(dice.roll(4)),
        startretries: dice.roll(4) as u32,
        stopsignal: dice.pick(&[libc::SIGTERM, libc::SIGTERM, libc::SIGINT, libc::SIGKILL]),
        stopwaitsecs: Duration::from_secs(dice.roll(STOPWAITSECS_MAX + 1)),
        stopasgroup: dice.one_in(4),
        killasgroup: dice.one_in(4),
        exitcodes: vec![0, 2],
        user: None,
        redirect_stderr: false,
        stdout: output.clone(),
        stderr: output,
        environment: Vec::new(),
        environment_files: Vec::new(),
        serverurl: None,
        fcgi: None,
        no_new_privs: false,
    }
}

fn logfile() -> LogFile {
    LogFile { target: LogTarget::None, maxbytes: 0, backups: 0, symlink: None, maxage: None }
}

pub fn config(groups: Vec<Group>) -> Config {
    let daemon = Daemon {
        logfile: logfile(),
        loglevel: Level::Info,
        pidfile: PathBuf::new(),
        umask: 0o22,
        nodaemon: true,
        silent: false,
        minfds: 1024,
        minprocs: 200,
        nocleanup: false,
        childlogdir: PathBuf::new(),
        user: None,
        directory: None,
        strip_ansi: false,
        environment: Vec::new(),
        environment_files: Vec::new(),
        identifier: "supervisor".into(),
        logdir_create: true,
        clients_max: 10,
        statefile: Statefile::None,
        leftovers: Leftovers::Ignore,
    };
    let twiddler = ("twiddler".to_owned(), Vec::new());
    Config {
        file: PathBuf::new(),
        daemon,
        servers: Vec::new(),
        groups,
        rpcinterfaces: vec![twiddler],
    }
}
