//! The steps from a configuration to a running loop, and again after a restart, in the order of
//! 4.3.0 (`Supervisor.main` and `.run` in supervisord.py): what can be refused is refused before
//! the daemon leaves the terminal.

use std::path::{Path, PathBuf};

use super::SUPERVISOR_VERSION;
use crate::base::level::Level;
use crate::config::model::{Config, Daemon, Statefile};
use crate::log::mainlog::MainLog;
use crate::log::outlets::Outlets;
use crate::log::passthrough::Passthrough;
use crate::log::syslog::{self, Syslog};
use crate::log::{auto, said};
use crate::process::Mood;
use crate::process::ledger::Entry;
use crate::reactor::reader::{ConfigReader, Fresh};
use crate::reactor::{CannotListen, Common, Journal, Listening, Reactor, Remains, Report, Start};
use crate::rpc::About;
use crate::sys::notify::{self, Notifier};
use crate::sys::pidfile::Pidfile;
use crate::sys::rlimit::Limit;
use crate::sys::signals::{Signals, ignore_failed_writes};
use crate::sys::spawn::Spawner;
use crate::sys::{clock, daemonize, rlimit, users, zone};

/// Runs the daemon until it is told to end.
///
/// # Errors
/// Why it cannot begin; nothing has been started then.
pub fn run(mut reader: ConfigReader) -> Result<(), String> {
    let told = reader.around.env.clone();
    reader.around.env.retain(|(name, _)| !notify::VARIABLES.contains(&name.as_str()));
    let fresh = reader.read().map_err(|problems| problems.to_string())?;
    let daemon = &fresh.config.daemon;
    let mut notes = Vec::new();
    become_user(daemon, &mut notes)?;
    for (limit, wanted) in [(Limit::Files, daemon.minfds), (Limit::Processes, daemon.minprocs)] {
        notes.extend(rlimit::raise(limit, wanted)?.map(|raised| (Level::Info, raised)));
    }
    let system = |error: std::io::Error| format!("cannot prepare to start programs: {error}");
    let mut spawner = Spawner::new().map_err(system)?;
    spawner.limit_files(rlimit::lift_files());
    let tz = zone::local();
    let outlets = Outlets::new(Syslog::new(Path::new(syslog::SOCKET), "supervisord", tz.clone()));
    let mut log = MainLog::new(tz.clone(), outlets);
    open_log(&mut log, daemon)?;
    tell(&mut log, &fresh.notes, notes);
    clear_auto(&mut log, daemon);
    let listening = listen(&mut log, &fresh.config, Listening::default())?;
    let deaf = |error: std::io::Error| format!("cannot hear signals: {error}");
    let mut signals = Signals::install().map_err(deaf)?;
    signals.queue_deaths().map_err(deaf)?;
    ignore_failed_writes().map_err(|error| format!("cannot ignore SIGPIPE: {error}"))?;
    if !daemon.nodaemon && std::process::id() == 1 {
        let text = "not becoming a daemon: as the first process it would end all others";
        log.say(Level::Warn, text, clock::now());
    } else if !daemon.nodaemon {
        leave_terminal(&mut log, daemon)?;
    }
    let mut pidfile = write_pidfile(&mut log, daemon);
    let (journal, mut leftovers) = open_journal(&mut log, daemon);
    let report = Notifier::new(&told, std::process::id()).map(Report::new);
    let mut remains = Remains { listening, signals, log, reader, spawner, journal, report };
    let mut fresh = fresh;
    loop {
        let daemon = fresh.config.daemon.clone();
        let about = About {
            identifier: daemon.identifier.clone(),
            pid: std::process::id() as i32,
            version: SUPERVISOR_VERSION,
            zone: tz.clone(),
        };
        let common = Common::new(remains.reader.around.env.clone(), &fresh.config);
        let leftovers = std::mem::take(&mut leftovers);
        let config = fresh.config;
        let start = Start { config, common, about, tz: tz.clone(), leftovers, remains };
        let mut reactor = Reactor::new(clock::now(), start)
            .map_err(|error| format!("cannot set up the event loop: {error}"))?;
        let mood = reactor.run();
        let next = if mood == Mood::Restarting { reactor.take_fresh() } else { None };
        remains = reactor.into_remains();
        let Some(next) = next else { break };
        pidfile = begin_again(&mut remains, &next, pidfile);
        fresh = next;
    }
    remains.log.outlets.passthroughs().for_each(Passthrough::flush);
    remains.journal.close();
    remove(pidfile);
    Ok(())
}

fn remove(pidfile: Option<Pidfile>) {
    // Nobody is left to be told if it cannot be removed.
    let _ = pidfile.map(Pidfile::remove);
}

/// What of the boot is done once more after a restart. What cannot be had as the new
/// configuration wants it stays as it was: children are not lost to a log that cannot be opened.
fn begin_again(remains: &mut Remains, fresh: &Fresh, pidfile: Option<Pidfile>) -> Option<Pidfile> {
    let daemon = &fresh.config.daemon;
    if let Err(text) = open_log(&mut remains.log, daemon) {
        remains.log.say(Level::Crit, &format!("{text}; the old log stays in use"), clock::now());
    }
    let mut notes = Vec::new();
    if daemon.user.is_none() && users::own_uid() == 0 {
        notes.push(said::running_as_root());
    }
    tell(&mut remains.log, &fresh.notes, notes);
    clear_auto(&mut remains.log, daemon);
    let old = std::mem::take(&mut remains.listening);
    match listen(&mut remains.log, &fresh.config, old) {
        Ok(listening) => remains.listening = listening,
        Err(text) => remains.log.say(Level::Crit, &text, clock::now()),
    }
    if remains.journal.path() != statefile(daemon).as_deref() {
        std::mem::take(&mut remains.journal).close();
        (remains.journal, _) = open_journal(&mut remains.log, daemon);
    }
    remove(pidfile);
    write_pidfile(&mut remains.log, daemon)
}

/// None is made beside a pidfile that is no file, such as `/dev/null`.
fn statefile(daemon: &Daemon) -> Option<PathBuf> {
    let beside = daemon.statefile == Statefile::Auto;
    let odd = beside && daemon.pidfile.symlink_metadata().is_ok_and(|meta| !meta.is_file());
    daemon.statefile().filter(|_| !odd)
}

/// Without the file everything works, but what an earlier daemon left is not known.
fn open_journal(log: &mut MainLog, daemon: &Daemon) -> (Journal, Vec<Entry>) {
    let Some(path) = statefile(daemon) else { return Default::default() };
    Journal::open(&path).unwrap_or_else(|error| {
        let path = path.display();
        let text =
            format!("no state file {path}: {error}; what a killed daemon leaves is not known");
        log.say(Level::Warn, &text, clock::now());
        Default::default()
    })
}

fn become_user(daemon: &Daemon, notes: &mut Vec<(Level, String)>) -> Result<(), String> {
    let Some(user) = &daemon.user else {
        if users::own_uid() == 0 {
            notes.push(said::running_as_root());
        }
        return Ok(());
    };
    let identity = users::identity(user.uid).map_err(|refused| refused.why)?;
    if let Some(identity) = identity {
        users::switch_to(&identity).map_err(str::to_owned)?;
    }
    notes.push(said::set_uid(user.uid));
    Ok(())
}

fn open_log(log: &mut MainLog, daemon: &Daemon) -> Result<(), String> {
    let echo = daemon.nodaemon && !daemon.silent;
    let tried =
        log.open(&daemon.logfile, daemon.loglevel, echo, daemon.logdir_create, clock::now());
    tried.map_err(|error| format!("the main log: {error}"))
}

/// The gravest first, as 4.3.0 has them.
fn tell(log: &mut MainLog, read: &[(Level, String)], own: Vec<(Level, String)>) {
    let mut notes: Vec<_> = own.into_iter().chain(read.iter().cloned()).collect();
    notes.sort_by_key(|(level, _)| std::cmp::Reverse(*level));
    for note in notes {
        log.tell(note, clock::now());
    }
}

fn clear_auto(log: &mut MainLog, daemon: &Daemon) {
    if daemon.nocleanup {
        return;
    }
    for warning in auto::clear(&daemon.childlogdir, &daemon.identifier) {
        log.say(Level::Warn, &warning, clock::now());
    }
}

fn listen(log: &mut MainLog, config: &Config, old: Listening) -> Result<Listening, String> {
    let (listening, notes) = old.open(config).map_err(|CannotListen { section, error }| {
        if error.kind() == std::io::ErrorKind::AddrInUse {
            return "Another program is already listening on a port that one of our HTTP servers \
                    is configured to use.  Shut this program down first before starting \
                    supervisord."
                .to_owned();
        }
        format!("Cannot open an HTTP server: [{section}]: {error}")
    })?;
    let now = clock::now();
    for note in notes {
        log.tell(note, now);
    }
    for server in config.servers.iter().filter(|server| !server.is_unguarded()) {
        for (name, _) in &config.rpcinterfaces {
            log.tell(said::rpc_interface(name), now);
        }
        if server.login.is_none() {
            let name = server.section.split(':').next().unwrap_or_default();
            log.tell(said::no_authentication(name), now);
        }
    }
    Ok(listening)
}

fn leave_terminal(log: &mut MainLog, daemon: &Daemon) -> Result<(), String> {
    daemonize::daemonize(daemon.umask)
        .map_err(|error| format!("cannot run in the background: {error}"))?;
    log.tell(said::daemonizing(), clock::now());
    if let Some(directory) = &daemon.directory {
        let text = directory.display().to_string();
        match std::env::set_current_dir(directory) {
            Ok(()) => log.tell(said::set_directory(&text), clock::now()),
            Err(error) => log.tell(said::cannot_chdir(&text, &error.to_string()), clock::now()),
        }
    }
    Ok(())
}

fn write_pidfile(log: &mut MainLog, daemon: &Daemon) -> Option<Pidfile> {
    match Pidfile::write(&daemon.pidfile) {
        Ok(pidfile) => {
            log.tell(said::started(std::process::id() as i32), clock::now());
            Some(pidfile)
        }
        Err(_) => {
            log.tell(said::no_pidfile(&daemon.pidfile.display().to_string()), clock::now());
            None
        }
    }
}
