//! supervisord.conf(5), from the option tables.

use crate::cli::manual::sentence;
use crate::cli::{Manual, Part};
use crate::config::options::program::Kind;
use crate::config::options::{Opt, client, daemon, group, server};

/// The page.
pub fn page() -> Manual {
    let mut parts = vec![
        Part::Heading("DESCRIPTION"),
        Part::text(
            "The file that supervisord(8) and supervisorctl(1) read. It consists of sections, \
             `[name]`, and of options, `key=value`. Keys may be written in any case, names of \
             sections may not. A line that is indented deeper than its key goes on with its value. \
             A line that begins with `;` or `#` is a comment, and so is what follows a `;` after \
             white space, quotes or not.",
        ),
        Part::text(
            "`svx check -c` FILE tells every mistake at once, each with its file and line. A \
             running daemon whose file is broken goes on with the configuration it has.",
        ),
        Part::Sub("Expansions".into()),
        Part::text(
            "Values may contain `%(NAME)s`; a percent sign that means itself is written twice.",
        ),
        Part::terms([
            ("`%(here)s`", "The directory of this file."),
            ("`%(host_node_name)s`", "The name of the machine."),
            (
                "`%(ENV_X)s`",
                "The variable X of the daemon's environment. It is a mistake if there is none; `%(ENV_X:-text)s` takes the text instead, `%(ENV_X:?text)s` makes the text the message.",
            ),
            (
                "`%(program_name)s`, `%(group_name)s`, `%(process_num)d`, `%(numprocs)d`",
                "In sections that make processes: the section's name, its group's, the number of the process and how many there are.",
            ),
        ]),
        Part::Sub("Values".into()),
        Part::terms([
            (
                "SIZE",
                "A number of bytes, or with KB, MB or GB behind it (1024, 1024^2 and 1024^3 bytes).",
            ),
            ("BOOL", "true, yes, on, 1 or false, no, off, 0."),
            ("SECONDS", "A number of seconds."),
            (
                "PATH",
                "`~` is the home directory; a relative path starts at the directory the daemon was started in.",
            ),
            (
                "A=\"1\",B=\"2\"",
                "In environment=: names and values; quotes are needed where a value has characters other than letters and digits.",
            ),
        ]),
        Part::Heading("SECTIONS"),
    ];
    section(&mut parts, "[supervisord]", "The daemon itself.", daemon::ROWS);
    parts.push(Part::text(
        "A daemon that is killed leaves its programs running; the next one finds them by the state \
         file, where each is written down by its process id and the time it was started. With \
         `leftovers=ignore` they are named in the log and left alone, so a program may run twice. \
         With `leftovers=stop` they are stopped in the order of a shutdown before anything is \
         started. With `leftovers=adopt` they go on as the RUNNING processes of their programs, \
         apart from event listeners and FastCGI programs, which are stopped. Stdin, stdout and \
         stderr of an adopted process are broken pipes: what it writes gives EPIPE or SIGPIPE. It is \
         no child of the daemon, so its exit status stays unknown and counts as unexpected, and \
         `killmode` does not reach what it leaves. What is not configured any more is left alone in \
         any case. Stopping and adopting need Linux 5.3.",
    ));
    section(
        &mut parts,
        "[unix_http_server]",
        "The socket on which clients of this machine reach the daemon. It speaks HTTP and JSON lines.",
        server::UNIX,
    );
    section(
        &mut parts,
        "[inet_http_server]",
        "A TCP server. Whoever gets in controls every program, so it belongs on 127.0.0.1 or behind a password.",
        server::INET,
    );
    section(
        &mut parts,
        "[rpcinterface:supervisor]",
        "Has to be there, or no client can call anything.",
        group::RPCINTERFACE,
    );
    section(
        &mut parts,
        "[supervisorctl]",
        "How supervisorctl(1) reaches the daemon.",
        client::ROWS,
    );
    section(
        &mut parts,
        "[program:NAME]",
        "A program to run. `[program-default]` holds the same options for all programs that do not say otherwise.",
        Kind::Program.rows(),
    );
    parts.push(Part::text(
        "With `killmode=group`, whoever is left of its process group gets SIGKILL when its process \
         has ended, by itself or not. With `killmode=tree` the stop signal and SIGKILL go to all its \
         descendants. When its process ends by itself, they get the stop signal, and SIGKILL after \
         stopwaitsecs; the program is over, and started again, when none is left. The daemon becomes \
         the subreaper of its descendants for that, so that those whose parent has ended are its \
         children: it knows them by the process group of the program, or by the \
         SUPERVISOR_PROCESS_NAME, SUPERVISOR_GROUP_NAME and SUPERVISOR_SERVER_URL they were \
         executed with. An orphan that has left the group and was executed with another \
         environment, or whose environment the daemon may not read, is missed. Nothing is signalled \
         by its number alone (pidfd, Linux 5.3).",
    ));
    parts.push(Part::text(
        "Where the cgroup of the daemon was handed over to it (cgroup v2, Linux 5.14; systemd does it \
         by `Delegate=yes` in a unit of the system, a container by a cgroup namespace of its own that is writable), a program \
         with `killmode=tree` is started in a cgroup of its own, \
         svx-PID/GROUP:NAME below that of the daemon. Then nobody is missed, and SIGKILL reaches all \
         of them at once, however fast they fork. No limits are set there.",
    ));
    let own = |kind: Kind| {
        let common: Vec<&str> = Kind::Program.rows().map(|row| row.name).collect();
        kind.rows().filter(move |row| !common.contains(&row.name))
    };
    section(
        &mut parts,
        "[eventlistener:NAME]",
        "A program that is told what happens, by the protocol of svx-events(7). Beside the options of a program it has these, and its priority is -1.",
        own(Kind::Listener),
    );
    section(
        &mut parts,
        "[fcgi-program:NAME]",
        "A program whose processes share a listening socket as their stdin. Beside the options of a program it has these.",
        own(Kind::Fcgi),
    );
    section(
        &mut parts,
        "[group:NAME]",
        "Programs that are named and ordered together.",
        group::GROUP,
    );
    section(
        &mut parts,
        "[include]",
        "More files. What they include in turn is not read.",
        group::INCLUDE,
    );
    parts.extend([
        Part::Heading("EXAMPLES"),
        Part::code(EXAMPLE),
        Part::Heading("SEE ALSO"),
        Part::text("supervisord(8), supervisorctl(1), echo_supervisord_conf(1), svx-events(7)"),
    ]);
    let about = "configuration of supervisord".into();
    Manual { name: "supervisord.conf", section: 5, about, parts }
}

const EXAMPLE: &str = "\
[supervisord]
logfile=/var/log/supervisor/supervisord.log
pidfile=/run/supervisord.pid

[unix_http_server]
file=/run/supervisor.sock

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix:///run/supervisor.sock

[program:web]
command=/usr/local/bin/web --port %(ENV_PORT:-8080)s
user=www-data
stopwaitsecs=30
stdout_logfile=/var/log/web/%%Y-%%m-%%d.log
redirect_stderr=true";

fn section<'t, T: 't>(
    parts: &mut Vec<Part>,
    name: &str,
    about: &str,
    rows: impl IntoIterator<Item = &'t Opt<T>>,
) {
    parts.push(Part::Sub(name.into()));
    parts.push(Part::text(about));
    parts.push(Part::terms(rows.into_iter().map(|row| {
        let mut text = sentence(row.help);
        if !row.default.is_empty() {
            text.push_str(&format!(" Default: {}.", row.default));
        }
        (format!("`{}`={}", row.name, row.arg), text)
    })));
}
