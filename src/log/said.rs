//! Supervisor's well-known sentences, word for word as 4.3.0 says them, each with its level:
//! scripts look for them. Names, paths and texts are given as they are.

use crate::base::level::Level;
use crate::base::pyrepr::repr;

/// A sentence and how grave it is; for [`MainLog::tell`](crate::log::mainlog::MainLog::tell).
pub type Said = (Level, String);

/// A process ended without having been asked to; `status` is `base::status::Status` in words. One that ended
/// before startsecs is never expected.
pub fn exited(name: &str, status: &str, expected: bool) -> Said {
    match expected {
        true => (Level::Info, format!("exited: {name} ({status}; expected)")),
        false => (Level::Warn, format!("exited: {name} ({status}; not expected)")),
    }
}

/// A process ended after it was asked to; `expected` tells whether exitcodes has its status.
pub fn stopped(name: &str, status: &str, expected: bool) -> Said {
    let level = if expected { Level::Info } else { Level::Warn };
    (level, format!("stopped: {name} ({status})"))
}

/// A stop signal is about to be sent, to the whole process group if `group`.
pub fn killing(name: &str, pid: i32, group: bool, signal: &str) -> Said {
    let group = if group { "process group " } else { "" };
    (Level::Debg, format!("killing {name} (pid {pid}) {group}with signal {signal}"))
}

/// After `[supervisord] directory` was entered.
pub fn set_directory(path: &str) -> Said {
    (Level::Info, format!("set current directory: {}", repr(path)))
}

/// `[supervisord] directory` cannot be entered.
pub fn cannot_chdir(path: &str, why: &str) -> Said {
    (Level::Crit, format!("can't chdir into {}: {why}", repr(path)))
}

/// name(arguments) level "sentence"
macro_rules! sentences {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*) $level:ident $text:literal;)*) => {
        $($(#[$doc])* pub fn $name($($arg: $type),*) -> Said { (Level::$level, format!($text)) })*
    };
}

// Processes.
sentences! {
    /// A process was started.
    spawned(name: &str, pid: i32) Info "spawned: '{name}' with pid {pid}";
    /// A process could not be started.
    spawnerr(why: &str) Info "spawnerr: {why}";
    /// A process has lived for startsecs, given in whole seconds.
    success(name: &str, startsecs: u64) Info
        "success: {name} entered RUNNING state, process has stayed up for > than {startsecs} seconds (startsecs)";
    /// It is FATAL now.
    gave_up(name: &str) Info
        "gave up: {name} entered FATAL state, too many start retries too quickly";
    /// It was to be started and is up already.
    already_running(name: &str) Warn "process '{name}' already running";
    /// A second TERM during shutdown.
    killing_all() Warn "killing what has not stopped with SIGKILL at once";
    /// stopwaitsecs are over.
    killing_with_sigkill(name: &str, pid: i32) Warn "killing '{name}' ({pid}) with SIGKILL";
    /// Every two seconds while one is stopping.
    waiting_to_stop(name: &str) Info "waiting for {name} to stop";
    /// Every three seconds of a shutdown; `names` are joined by `, `.
    waiting_to_die(names: &str) Info "waiting for {names} to die";
    /// After it, one a process.
    state_of(name: &str, state: &str) Blat "{name} state: {state}";
    /// A child nobody knows has ended.
    reaped_unknown(pid: i32, status: &str) Info "reaped unknown pid {pid} ({status})";
    /// A stop of a program in BACKOFF.
    kill_in_backoff(name: &str) Debg "Attempted to kill {name}, which is in BACKOFF state.";
    /// A stop of a program that does not run.
    kill_not_running(name: &str, signal: &str) Debg
        "attempted to kill {name} with sig {signal} but it wasn't running";
    /// The stop signal found nobody.
    kill_too_late(name: &str, pid: i32, why: &str) Debg
        "unable to signal {name} (pid {pid}), it probably just exited on its own: {why}";
    /// The stop signal cannot be sent.
    kill_failed(name: &str, pid: i32, why: &str) Crit
        "unknown problem killing {name} ({pid}):{why}";
    /// A signal asked for over RPC is about to be sent.
    sending(name: &str, pid: i32, signal: &str) Debg "sending {name} (pid {pid}) sig {signal}";
    /// It goes to a program that does not run.
    send_not_running(name: &str, signal: &str) Debg
        "attempted to send {name} sig {signal} but it wasn't running";
    /// It found nobody.
    send_too_late(name: &str, pid: i32, why: &str) Debg
        "unable to signal {name} (pid {pid}), it probably just now exited on its own: {why}";
    /// It cannot be sent. 4.3.0 has the program's name where the signal's is meant.
    send_failed(name: &str, pid: i32, why: &str) Crit
        "unknown problem sending sig {name} ({pid}):{why}";
}

// The daemon.
sentences! {
    /// The pidfile is written.
    started(pid: i32) Info "supervisord started with pid {pid}";
    /// The pidfile is not.
    no_pidfile(path: &str) Crit "could not write pidfile {path}";
    /// In the child of the fork.
    daemonizing() Info "daemonizing the supervisord process";
    /// In the parent of the fork.
    forked() Blat "supervisord forked; parent exiting";
    /// SIGTERM, SIGINT, SIGQUIT.
    exit_request(signal: &str) Warn "received {signal} indicating exit request";
    /// SIGHUP.
    restart_request(signal: &str) Warn "received {signal} indicating restart request";
    /// SIGHUP while shutting down.
    restart_ignored(signal: &str) Warn
        "ignored {signal} indicating restart request (shutdown in progress)";
    /// SIGCHLD.
    child_quit(signal: &str) Debg "received {signal} indicating a child quit";
    /// SIGUSR2.
    reopen_request(signal: &str) Info "received {signal} indicating log reopen request";
    /// Every other signal.
    nothing_request(signal: &str) Blat "received {signal} indicating nothing";
    /// After SIGUSR2, before the main log is opened anew.
    logreopen() Info "supervisord logreopen";
    /// After the main log was cleared.
    reopening() Info "reopening log file";
    /// No `user=` and we are root.
    running_as_root() Crit
        "Supervisor is running as root.  Privileges were not dropped because no user is specified in the config file.  If you intend to run as root, you can set user=root in the config file to avoid this message.";
    /// `user=` was obeyed.
    set_uid(uid: u32) Info "Set uid to user {uid} succeeded";
    /// minfds or minprocs was obeyed; `limit` is `RLIMIT_NOFILE` or `RLIMIT_NPROC`.
    increased_limit(limit: &str, to: u64) Info "Increased {limit} limit to {to}";
    /// waitpid(2) failed with this errno.
    waitpid_failed(errno: i32) Crit
        "waitpid error {errno}; a process may not be cleaned up properly";
    /// An `[include]` was read.
    included(path: &str) Info "Included extra file \"{path}\" during parsing";
    /// An `[include]` pattern that matches nothing.
    nothing_included(pattern: &str) Warn "No file matches via include \"{pattern}\"";
    /// `stdout_logfile=syslog`.
    syslog_is_deprecated(section: &str, key: &str, instead: &str) Warn
        "For [{section}], {key}=syslog but this is deprecated and will be removed.  Use {instead}=true to enable syslog instead.";
    /// AUTO with maxbytes=0.
    auto_without_rollover(section: &str, key: &str) Warn
        "For [{section}], AUTO logging used for {key} without rollover, set maxbytes > 0 to avoid filling up filesystem unintentionally";
    /// redirect_stderr beside a stderr_logfile.
    stderr_logfile_ignored(section: &str) Warn
        "For [{section}], redirect_stderr=true but stderr_logfile has also been set to a filename, the filename has been ignored";
}

// Servers and RPC.
sentences! {
    /// A server of this section, e.g. `unix_http_server`, has no username.
    no_authentication(section: &str) Crit
        "Server '{section}' running without any HTTP authentication checking";
    /// A port that other machines reach, without credentials; 4.3.0 opens it.
    not_opened(section: &str) Crit
        "Server '{section}' not opened: other machines could reach it and no username is set; set username and password, or allow_unauthenticated=true";
    /// Once a server; `name` is `supervisor`.
    rpc_interface(name: &str) Info "RPC interface '{name}' initialized";
    /// A socket nobody answers on is replaced. 4.3.0 says it on stderr.
    unlinking_stale(path: &str) Info "Unlinking stale socket {path}";
    /// Before a call is carried out.
    called(method: &str) Trac "XML-RPC method called: {method}()";
    /// It was.
    returned(method: &str) Trac "XML-RPC method {method}() returned successfully";
    /// It was not.
    faulted(method: &str, code: i32, text: &str) Trac
        "XML-RPC method {method}() returned fault: [{code}] {text}";
    /// A FastCGI socket is made; `url` is as configured.
    creating_socket(url: &str) Info "Creating socket {url}";
    /// Its last user is gone.
    closing_socket(url: &str) Info "Closing socket {url}";
}

// Events.
sentences! {
    /// Something was captured between the tokens.
    comm_event(name: &str, channel: &str) Debg "'{name}' {channel} emitted a comm event";
    /// The buffer of a pool is full.
    overflowed(pool: &str, serial: u64) Erro
        "pool {pool} event buffer overflowed, discarding event {serial}";
    /// It was for a while; `before` counts what went before that event.
    overflowed_since(pool: &str, serial: u64, before: u64) Erro
        "pool {pool} event buffer overflowed, discarding event {serial} and {before} before it";
    /// An event goes back into its pool's buffer.
    rebuffering(serial: u64, pool: &str, size: usize, max: usize) Debg
        "rebuffering event {serial} for pool {pool} (buf size={size}, max={max})";
    /// An event was handed to a listener.
    event_sent(serial: u64, listener: &str) Debg "event {serial} sent to listener {listener}";
    /// The listener was gone.
    event_epipe(serial: u64, listener: &str) Debg
        "epipe occurred while sending event {serial} to listener {listener}, listener state unchanged";
    /// The listener said OK.
    event_processed(listener: &str) Debg "{listener}: event was processed";
    /// The listener said something else.
    event_rejected(listener: &str) Warn "{listener}: event was rejected";
    /// The listener's RESULT has no length.
    bad_result_line(listener: &str, line: &str) Warn "{listener}: bad result line: '{line}'";
    /// The bytes that broke the protocol, as Python prints them.
    listener_offence(listener: &str, bytes: &str) Warn
        "{listener}: what violated the eventlistener protocol: {bytes}";
    /// It answers events without reading them.
    listener_not_reading(listener: &str) Warn
        "{listener}: its stdin is full of events it has answered without reading them";
    /// A listener's state changed, e.g. from `READY` to `BUSY`.
    listener_state(listener: &str, from: &str, to: &str) Debg "{listener}: {from} -> {to}";
    /// It broke the protocol.
    listener_unknown(listener: &str) Warn
        "{listener}: has entered the UNKNOWN state and will no longer receive events, this usually indicates the process violated the eventlistener protocol";
    /// That is not the end of it.
    listener_restart(listener: &str) Info
        "{listener}: restarted because it violated the eventlistener protocol";
}

#[cfg(test)]
mod tests {
    use super::*;
    use Level::*;

    fn check(said: &[(Said, Level, &str)]) {
        for ((level, text), wanted, words) in said {
            assert_eq!((level, text.as_str()), (wanted, *words));
        }
    }

    #[test]
    #[rustfmt::skip]
    fn sentences_about_processes_are_supervisors() {
        let esrch = "[Errno 3] No such process";
        check(&[
            (exited("web", "exit status 0", true), Info, "exited: web (exit status 0; expected)"),
            (exited("web", "exit status 3", false), Warn, "exited: web (exit status 3; not expected)"),
            (stopped("web", "exit status 0", true), Info, "stopped: web (exit status 0)"),
            (stopped("web", "terminated by SIGTERM", false), Warn, "stopped: web (terminated by SIGTERM)"),
            (spawned("web", 7), Info, "spawned: 'web' with pid 7"),
            (spawnerr("can't find command 'x'"), Info, "spawnerr: can't find command 'x'"),
            (success("web", 1), Info, "success: web entered RUNNING state, process has stayed up for > than 1 seconds (startsecs)"),
            (gave_up("web"), Info, "gave up: web entered FATAL state, too many start retries too quickly"),
            (already_running("web"), Warn, "process 'web' already running"),
            (killing("web", 7, false, "SIGTERM"), Debg, "killing web (pid 7) with signal SIGTERM"),
            (killing("web", 7, true, "SIGTERM"), Debg, "killing web (pid 7) process group with signal SIGTERM"),
            (killing_with_sigkill("web", 7), Warn, "killing 'web' (7) with SIGKILL"),
            (waiting_to_stop("web"), Info, "waiting for web to stop"),
            (waiting_to_die("a, b"), Info, "waiting for a, b to die"),
            (state_of("a", "STOPPING"), Blat, "a state: STOPPING"),
            (reaped_unknown(7, "exit status 0"), Info, "reaped unknown pid 7 (exit status 0)"),
            (kill_in_backoff("web"), Debg, "Attempted to kill web, which is in BACKOFF state."),
            (kill_not_running("web", "SIGTERM"), Debg, "attempted to kill web with sig SIGTERM but it wasn't running"),
            (kill_too_late("web", 7, esrch), Debg, "unable to signal web (pid 7), it probably just exited on its own: [Errno 3] No such process"),
            (kill_failed("web", 7, "x"), Crit, "unknown problem killing web (7):x"),
            (sending("web", 7, "SIGHUP"), Debg, "sending web (pid 7) sig SIGHUP"),
            (send_not_running("web", "SIGHUP"), Debg, "attempted to send web sig SIGHUP but it wasn't running"),
            (send_too_late("web", 7, esrch), Debg, "unable to signal web (pid 7), it probably just now exited on its own: [Errno 3] No such process"),
            (send_failed("web", 7, "x"), Crit, "unknown problem sending sig web (7):x"),
        ]);
    }

    #[test]
    #[rustfmt::skip]
    fn sentences_about_the_daemon_are_supervisors() {
        check(&[
            (started(7), Info, "supervisord started with pid 7"),
            (no_pidfile("/p"), Crit, "could not write pidfile /p"),
            (daemonizing(), Info, "daemonizing the supervisord process"),
            (forked(), Blat, "supervisord forked; parent exiting"),
            (set_directory("/x"), Info, "set current directory: '/x'"),
            (cannot_chdir("/x", "no"), Crit, "can't chdir into '/x': no"),
            (exit_request("SIGTERM"), Warn, "received SIGTERM indicating exit request"),
            (restart_request("SIGHUP"), Warn, "received SIGHUP indicating restart request"),
            (restart_ignored("SIGHUP"), Warn, "ignored SIGHUP indicating restart request (shutdown in progress)"),
            (child_quit("SIGCHLD"), Debg, "received SIGCHLD indicating a child quit"),
            (reopen_request("SIGUSR2"), Info, "received SIGUSR2 indicating log reopen request"),
            (nothing_request("SIGUSR1"), Blat, "received SIGUSR1 indicating nothing"),
            (logreopen(), Info, "supervisord logreopen"),
            (reopening(), Info, "reopening log file"),
            (running_as_root(), Crit, "Supervisor is running as root.  Privileges were not dropped because no user is specified in the config file.  If you intend to run as root, you can set user=root in the config file to avoid this message."),
            (set_uid(0), Info, "Set uid to user 0 succeeded"),
            (increased_limit("RLIMIT_NOFILE", 1024), Info, "Increased RLIMIT_NOFILE limit to 1024"),
            (waitpid_failed(22), Crit, "waitpid error 22; a process may not be cleaned up properly"),
            (included("/f"), Info, "Included extra file \"/f\" during parsing"),
            (nothing_included("/f"), Warn, "No file matches via include \"/f\""),
            (syslog_is_deprecated("program:x", "stdout_logfile", "stdout_syslog"), Warn, "For [program:x], stdout_logfile=syslog but this is deprecated and will be removed.  Use stdout_syslog=true to enable syslog instead."),
            (auto_without_rollover("program:x", "stdout_logfile"), Warn, "For [program:x], AUTO logging used for stdout_logfile without rollover, set maxbytes > 0 to avoid filling up filesystem unintentionally"),
            (stderr_logfile_ignored("program:x"), Warn, "For [program:x], redirect_stderr=true but stderr_logfile has also been set to a filename, the filename has been ignored"),
        ]);
    }

    #[test]
    #[rustfmt::skip]
    fn sentences_about_servers_and_events_are_supervisors() {
        check(&[
            (no_authentication("unix_http_server"), Crit, "Server 'unix_http_server' running without any HTTP authentication checking"),
            (rpc_interface("supervisor"), Info, "RPC interface 'supervisor' initialized"),
            (unlinking_stale("/s"), Info, "Unlinking stale socket /s"),
            (called("supervisor.getState"), Trac, "XML-RPC method called: supervisor.getState()"),
            (returned("supervisor.getState"), Trac, "XML-RPC method supervisor.getState() returned successfully"),
            (faulted("a.b", 10, "BAD_NAME: x"), Trac, "XML-RPC method a.b() returned fault: [10] BAD_NAME: x"),
            (creating_socket("unix:///s"), Info, "Creating socket unix:///s"),
            (closing_socket("unix:///s"), Info, "Closing socket unix:///s"),
            (comm_event("web", "stdout"), Debg, "'web' stdout emitted a comm event"),
            (overflowed("p", 5), Erro, "pool p event buffer overflowed, discarding event 5"),
            (overflowed_since("p", 5, 2), Erro, "pool p event buffer overflowed, discarding event 5 and 2 before it"),
            (rebuffering(5, "p", 1, 10), Debg, "rebuffering event 5 for pool p (buf size=1, max=10)"),
            (event_sent(5, "l"), Debg, "event 5 sent to listener l"),
            (event_epipe(5, "l"), Debg, "epipe occurred while sending event 5 to listener l, listener state unchanged"),
            (event_processed("l"), Debg, "l: event was processed"),
            (event_rejected("l"), Warn, "l: event was rejected"),
            (bad_result_line("l", "RESULT x"), Warn, "l: bad result line: 'RESULT x'"),
            (listener_offence("l", "b'x'"), Warn, "l: what violated the eventlistener protocol: b'x'"),
            (listener_not_reading("l"), Warn, "l: its stdin is full of events it has answered without reading them"),
            (listener_state("l", "READY", "BUSY"), Debg, "l: READY -> BUSY"),
            (listener_restart("l"), Info, "l: restarted because it violated the eventlistener protocol"),
            (listener_unknown("l"), Warn, "l: has entered the UNKNOWN state and will no longer receive events, this usually indicates the process violated the eventlistener protocol"),
        ]);
    }
}
