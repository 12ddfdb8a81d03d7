//! Everything `svx check` can find, one row each: what it is called, how grave it is, why it
//! matters and what helps. Checks, pages and JSON are readers of this table.

use super::Level::{self, Error, Note, Warning};

/// A kind of finding.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// Lower case, with hyphens; stays what it is from version to version.
    pub id: &'static str,
    /// How grave.
    pub level: Level,
    /// Why it matters.
    pub why: &'static str,
    /// What to do, where the finding itself does not say it better.
    pub fix: &'static str,
}

macro_rules! codes {
    ($($name:ident: $id:literal, $level:ident, $why:literal, $fix:literal;)*) => {
        $(#[allow(missing_docs)] // the row says it
        pub const $name: Code = Code { id: $id, level: $level, why: $why, fix: $fix };)*
        /// The whole table.
        pub const ALL: &[&Code] = &[$(&$name),*];
    };
}

codes! {
    // The file cannot be used.
    UNREADABLE: "unreadable-file", Error, "a file that cannot be read says nothing", "make it readable for whoever starts the daemon";
    BAD_LINE: "bad-line", Error, "every line is a [section], a key=value, a comment or, indented, the continuation of a value", "repair the line or put a ; in front of it";
    NO_SECTION: "missing-section", Error, "the daemon looks for it", "add the section, which may be empty";
    MISSING_KEY: "missing-option", Error, "there is no default for it", "add it";
    BAD_VALUE: "bad-value", Error, "the daemon does not start with a value that it does not understand", "correct it; supervisord.conf(5) says what each option takes";
    BAD_SECTION: "bad-section", Error, "the section contradicts itself or what it needs", "repair the section";
    BAD_FLAG: "bad-flag", Error, "the daemon does not start with a value that it does not understand", "correct it; supervisord(8) says what each flag takes";
    NO_SUCH_DIRECTORY: "no-such-directory", Error, "the daemon refuses to start if it is not there", "make it before the daemon starts, or choose another";
    PERCENT: "percent-not-doubled", Error, "% begins an expansion such as %(here)s", "write %% for one percent sign, or set interpolate=false in a program's section";
    BAD_EXPANSION: "bad-expansion", Error, "only known names can be expanded, as %(name)s", "correct the name; %(ENV_X:-default)s is for variables that may be missing";
    UNBALANCED: "unbalanced-quotes", Error, "a quote that is not closed swallows the rest", "close the quote; a ; or # behind a space ends the value even within quotes";
    BAD_ENVIRONMENT: "bad-environment", Error, "environment= is a list KEY=\"value\",KEY2=\"value\"", "put values with anything but letters, digits and _/.+-(): in quotes";
    NO_SUCH_USER: "no-such-user", Error, "users and groups are looked up when the file is read", "create it or correct the name; a user that comes later needs a later start";
    UNKNOWN_PROGRAM: "unknown-program", Error, "a group can only have programs that there are", "correct the name or take it out of the list";
    SOCKET_TOO_LONG: "socket-path-too-long", Error, "the kernel takes 107 bytes for the path of a socket", "choose a shorter path, such as one in /run";
    SOCKET_DIR: "socket-directory", Error, "the daemon ends at once if it cannot make its socket", "make the directory for the daemon's user before it starts";
    SAME_ADDRESS: "same-address", Error, "one address has one listener: the second fails and the daemon ends", "give each server its own";
    USER_NEEDS_ROOT_DAEMON: "daemon-cannot-become-user", Error, "only root can become somebody else: the daemon ends at once", "start it as root, or take user= out of [supervisord]";

    MAIN_LOG: "main-log-not-writable", Error, "the daemon ends at once if it cannot write its own log", "make its directory for the daemon's user, or choose another path";

    // What is read but not what somebody meant.
    UNKNOWN_OPTION: "unknown-option", Warning, "nothing reads it", "correct the name or take it out";
    UNKNOWN_SECTION: "unknown-section", Warning, "nothing reads it", "correct the name or take it out";
    PLUGIN: "plugin-not-loaded", Warning, "plugins are Python code, which svx does not run", "see whether svx does it itself; if not, this set-up has to stay with Supervisor";
    DUPLICATE_SECTION: "duplicate-section", Warning, "sections of the same name are merged, the later value wins", "keep one of them";
    DUPLICATE_OPTION: "duplicate-option", Warning, "the later one wins", "keep one of them";
    INDENTED_OPTION: "indented-option", Warning, "an indented line continues the value above it", "take the spaces in front of it away";
    COMMENT_CUTS: "comment-cuts-value", Warning, "a ; or # behind a space begins a comment, in quotes, too", "take the space in front of it away, or put it into a script or environment_file";
    NO_COMMENT: "comment-without-space", Warning, "a ; or # begins a comment only behind a space: this one belongs to the value", "put a space in front of it";
    QUOTES_KEPT: "quotes-are-kept", Warning, "outside command= and environment= quotes are letters like others", "take the quotes away";
    INCLUDE_NOTHING: "include-matches-nothing", Warning, "a pattern that finds no file includes nothing", "correct the path; it is relative to the file's directory";
    INCLUDE_EMPTY: "include-directory-empty", Note, "no file matches yet", "nothing, if none is meant to be there";
    INCLUDE_SKIPPED: "include-not-read", Warning, "a file that cannot be read is skipped", "make it readable for whoever starts the daemon";
    NESTED_INCLUDE: "nested-include", Warning, "included files cannot include others", "name the files in the [include] of the first file";
    INCLUDE_WITHOUT_FILES: "include-without-files", Warning, "it does nothing", "add files= or take the section out";
    SAME_GROUP: "same-group-name", Warning, "of groups with the same name only one is used, and a program is a group of its own", "rename one of them";
    SAME_PROCESS: "same-process-name", Warning, "of processes with the same name in a group only the last is run", "put %(program_name)s into process_name";
    TWO_GROUPS: "program-in-two-groups", Warning, "it runs once for each of its groups", "keep it in one";
    EMPTY_GROUP: "empty-group", Warning, "there is nothing in it to start", "list its members in programs=";

    // Commands.
    NO_COMMAND: "missing-command", Warning, "the program goes to FATAL: nothing can be started", "install it or correct the path; PATH is the daemon's, not your shell's";
    NOT_EXECUTABLE: "command-not-executable", Warning, "the program goes to FATAL: nothing can be started", "chmod +x it, or run it by its interpreter: sh FILE";
    NO_SCRIPT: "missing-script", Warning, "the interpreter has nothing to run and ends at once", "correct the path, which is relative to directory=";
    NO_INTERPRETER: "missing-interpreter", Warning, "the kernel starts what the first line of a script names", "install it or correct the first line";
    NO_HEADER: "script-without-interpreter", Warning, "it is neither a program nor does it begin with #!, and no shell helps out", "begin it with #!/bin/sh or write sh FILE";
    SHELL_SYNTAX: "shell-syntax", Warning, "no shell reads command=: this is handed to the program as it stands", "write sh -c \"...\", or put it into a script";
    DAEMONIZES: "goes-into-background", Warning, "a program that leaves its process cannot be watched, restarted or stopped", "run it in the foreground";
    NO_DIRECTORY: "missing-directory", Warning, "the program is not started if it cannot enter its directory=", "make the directory; ~ and $HOME mean nothing here";
    USER_NEEDS_ROOT: "user-needs-root", Warning, "only root can start programs as somebody else: this one will not start", "start the daemon as root, or take user= out";
    NO_ENV_FILE: "missing-environment-file", Warning, "the program does not start without it", "make the file, or write -PATH if it may be missing";

    // Logs.
    LOG_DIR_MISSING: "missing-log-directory", Warning, "without its log the program goes to FATAL", "make the directory, or leave logdir_create on";
    LOG_DIR_MADE: "log-directory-made", Note, "svx makes missing directories of logs, mode 0755", "nothing, unless others are to write there";
    LOG_NOT_WRITABLE: "log-not-writable", Warning, "the daemon writes the logs, as its own user", "give the daemon's user the right to write there";
    LOG_IS_DIRECTORY: "log-is-directory", Warning, "a log is a file", "name a file in it";
    SAME_LOG: "same-log", Warning, "each rotates the file under the other: lines are lost and mixed up", "give each its own, or redirect_stderr=true for stderr";
    NOT_NUMBERED: "log-not-numbered", Warning, "all processes of the section write to one file and rotate it under each other", "put %(process_num)d into the path";
    STDERR_IGNORED: "stderr-log-ignored", Warning, "with redirect_stderr=true stderr goes where stdout goes", "take stderr_logfile or redirect_stderr out";
    BACKUPS_UNUSED: "backups-without-rotation", Note, "with maxbytes=0 it is never rotated, so there are no backups", "take _backups out, or give a size";
    LOG_UNBOUNDED: "log-unbounded", Note, "with maxbytes=0 svx never rotates it", "nothing, if logrotate does it (and sends USR2)";
    LOG_SYSLOG: "logfile-syslog", Note, "syslog as the name of a file is the old way", "write stdout_syslog=true";
    NO_MAIN_LOG: "no-main-log", Note, "what the daemon has to say is lost in the background", "nothing, if that is meant";

    // Programs.
    ODD_NAME: "odd-environment-name", Warning, "shells cannot use a variable of this name", "use letters, digits and _, no digit in front";
    ENVIRONMENT_CUT: "environment-value-cut", Warning, "outside quotes a value ends before anything but letters, digits and _/.+-():", "put the value in quotes";
    ENVIRONMENT_SHELL: "environment-not-expanded", Warning, "no shell reads environment=: $NAME stays as it is", "write %(ENV_NAME)s";
    ONE_SHOT: "one-shot-startsecs", Note, "a job that ends before startsecs counts as failed and is tried again, in spite of autorestart=false", "set startsecs=0";
    EXITCODES_UNUSED: "exitcodes-unused", Note, "with autorestart=true it is restarted whatever its exit code", "autorestart=unexpected looks at exitcodes";
    STOPWAIT_LONG: "long-stopwaitsecs", Note, "a stop, a restart and the end of the daemon wait so long for it", "nothing, if it needs that";
    PRIORITY: "priority-does-not-wait", Note, "priority only orders the starts: nothing waits until an earlier program is ready", "let a program that needs another one retry";

    // Servers and clients.
    PUBLIC: "public-without-password", Warning, "whoever reaches the port could run anything, so svx does not open it", "bind 127.0.0.1, or set username and password, or allow_unauthenticated=true";
    PUBLIC_ALLOWED: "public-allowed", Warning, "allow_unauthenticated=true lets whoever reaches the port run anything", "set username and password";
    SOCKET_OPEN: "socket-for-everybody", Warning, "every user of this machine can control every program", "use chmod=0770 and chown=USER:GROUP";
    SHA: "weak-password-hash", Warning, "a plain SHA-1 is guessed quickly", "make a better one with svx passwd";
    PASSWORD_READABLE: "password-readable", Warning, "every user of this machine can read the password in it", "chmod 0640 it, or store a hash made by svx passwd";
    OTHERS_WRITE: "others-can-write", Warning, "whoever can write it can have any command run by the daemon", "chmod go-w it";
    CTL_URL: "client-asks-elsewhere", Warning, "supervisorctl would not reach this daemon", "set serverurl to the address of a server of this file";
    CTL_VALUE: "bad-client-value", Warning, "supervisorctl refuses it", "give it a value that is understood";
    CTL_LOGIN: "client-login-differs", Warning, "supervisorctl would be refused", "use the username and password of the server's section";
    CTL_NO_LOGIN: "client-without-login", Note, "supervisorctl asks for the password each time, and scripts cannot answer", "nothing, if that is meant";
    NO_CTL: "missing-supervisorctl", Warning, "supervisorctl refuses a file without [supervisorctl]", "add it, with serverurl";
    NO_SERVER: "no-server", Note, "without a server nobody can ask or tell the daemon anything", "add [unix_http_server] with file=";
    NO_RPC: "missing-rpcinterface", Note, "svx has it built in, Supervisor 4.3.0 cannot be controlled without it", "add [rpcinterface:supervisor] as echo-conf has it";
    AS_ROOT: "checked-as-root", Note, "rights are judged as if root started the daemon", "have its own user run the check if that is somebody else";
    PIDFILE: "pidfile-not-writable", Warning, "the daemon runs without its pidfile, and scripts do not find it", "give the daemon's user the right to write there";

    // What svx does otherwise than Supervisor 4.3.0: only asked for by --compat.
    C_PLUGIN: "compat-plugin", Note, "Supervisor loads it as Python code, svx does not", "it works again when you go back";
    C_BUFFER: "compat-buffer-size", Note, "svx keeps 1024 events for a listener without buffer_size, Supervisor 10", "set buffer_size to have the same";
    C_LOG_DIR: "compat-log-directory", Note, "svx makes the missing directory, Supervisor refuses to start", "make it before you go back";
    C_PUBLIC: "compat-public-server", Note, "Supervisor opens it to everybody, svx does not", "set a password before you move";
    C_PACED: "compat-startsecs-0", Note, "svx starts a program that ends at once no more than once a second, Supervisor as often as it can", "nothing";
    C_OWN_KEY: "compat-svx-option", Note, "Supervisor ignores this option of svx without a word", "do without it if you go back";
    C_PROGRAM_DEFAULT: "compat-program-default", Note, "Supervisor ignores [program-default], so its programs lack these options", "write them into the programs before you go back";
    C_FALLBACK: "compat-default-value", Note, "Supervisor cannot expand a variable with a default and refuses the file", "set the variable before you go back";
    C_DATED: "compat-dated-log", Note, "svx makes a series of dated files, Supervisor one with percent signs in its name", "rename it before you go back";
    C_DEVICE: "compat-device-log", Note, "svx never rotates a device or pipe, Supervisor fails when it tries to", "set maxbytes=0 before you go back";
    C_PORTS: "compat-address", Note, "svx takes several addresses and IPv6 ones, Supervisor a single host:port", "write it so before you go back";
    C_HASH: "compat-password-hash", Note, "Supervisor compares this hash as if it were the password", "store the password or {SHA} before you go back";
    C_STOP_ORDER: "compat-stop-order", Note, "svx stops the highest priority first also for `stop all` and groups, Supervisor only at its end", "nothing";
    C_STATEFILE: "compat-statefile", Note, "svx writes down what runs in a file of its own, Supervisor does not", "statefile=NONE does without";
    C_INCLUDE_SEARCH: "compat-writable-file", Note, "as root, svx does not take a file that others can write unless -c names it", "chmod it, or name it with -c";
    C_NO_RPC: "compat-rpcinterface", Note, "svx can be controlled without [rpcinterface:supervisor], Supervisor cannot", "add it before you go back";
    C_PERCENT: "compat-nameless-percent", Note, "svx keeps a %s without a name, Supervisor puts its whole environment there", "write %% for one percent sign";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own_and_says_why_and_what_to_do() {
        let mut ids: Vec<&str> = ALL.iter().map(|code| code.id).collect();
        for code in ALL {
            let plain = |c: char| c.is_ascii_lowercase() || c == '-' || c == '0';
            assert!(code.id.chars().all(plain), "{}", code.id);
            assert!(!code.why.ends_with('.') && !code.fix.ends_with('.'), "{}", code.id);
        }
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), ALL.len());
    }
}
