//! The programs: svx(1), supervisord(8), supervisorctl(1), echo_supervisord_conf(1).

use super::bounds;
use crate::app::{self, check, doctor};
use crate::cli::manual::sentence;
use crate::cli::{Manual, Page, Part};
use crate::config::check::{Level, codes};
use crate::ctl;
use crate::daemon::flags;

/// All of them.
pub fn pages() -> Vec<Manual> {
    vec![svx(), supervisord(), supervisorctl(), echo_supervisord_conf()]
}

/// What a table of examples looks like behind a program's name.
fn examples(page: &Page) -> Vec<Part> {
    let lines = page.examples.iter().map(|(line, help)| {
        (format!("`{}`", format!("{} {line}", page.prog).trim_end()), sentence(help))
    });
    vec![Part::Heading("EXAMPLES"), Part::terms(lines)]
}

fn see_also(names: &'static str) -> Vec<Part> {
    vec![Part::Heading("SEE ALSO"), Part::text(names)]
}

fn svx() -> Manual {
    let page = app::page();
    let mut parts = vec![
        Part::Heading("SYNOPSIS"),
        Part::text(format!("`svx` {}", page.usage)),
        Part::Heading("DESCRIPTION"),
        Part::text(
            "`svx` starts programs, keeps them running, writes what they print to files, and stops \
             them in order. It takes the place of Supervisor 4.3.0: it reads the same configuration \
             files, and its commands, events and interfaces are the same. It is one executable that \
             decides by its name or by its first word what to be; `svx links` makes the links \
             under which Supervisor's programs are known.",
        ),
        Part::Heading("COMMANDS"),
    ];
    let commands = page.words.iter().flat_map(|(_, words)| words);
    parts.push(Part::terms(commands.map(|(word, about)| (format!("`{word}`"), sentence(about)))));
    parts.push(Part::text(
        "`svx help` COMMAND and `svx` COMMAND `--help` explain one; `svx help` PAGE prints a \
         manual page where there is no man.",
    ));
    parts.extend(checking());
    parts.extend(moving());
    parts.extend(examples(&page));
    parts.extend(see_also(
        "supervisord(8), supervisorctl(1), echo_supervisord_conf(1), supervisord.conf(5), \
         svx-events(7), svx-api(7)",
    ));
    Manual { name: "svx", section: 1, about: page.about.into(), parts }
}

/// `svx check` and all it can find.
fn checking() -> Vec<Part> {
    let page = check::page("svx check");
    let mut parts = vec![
        Part::Heading("CHECKING A CONFIGURATION"),
        Part::text(format!("`svx check` {}", page.usage)),
        Part::text(
            "Reads a configuration and what it includes, as the daemon would, and looks at the \
             machine: whether commands, interpreters, directories and users exist, and whether \
             whoever will write there can. That is whoever runs the check, or root if the file \
             belongs to root. It starts, makes and changes nothing. Each finding has its file and \
             line, a name, why it matters and what helps. Values of variables and options that \
             look like secrets are shown as `***`.",
        ),
        Part::flags(&page.rows),
        Part::text("The exit status tells what it comes to:"),
        Part::terms(check::STATUSES),
        Part::text(
            "JSON has the members `version` (1), `file`, `files`, `verdict` (good, warnings or \
             unusable), `status`, `errors`, `warnings`, `notes`, `findings` (each with `code`, \
             `level`, `file`, `line`, `section`, `key`, `what`, `why`, `fix`), `processes` (each \
             with `group`, `name`, `section`, `command`, `directory`, `user`, `priority`, \
             `autostart`, `autorestart`, `stdout_logfile`, `stderr_logfile`) and with `--compat` \
             `differences`, which are like findings. More may come; these stay.",
        ),
    ];
    for (level, title) in [
        (Level::Error, "What makes a configuration unusable"),
        (Level::Warning, "What is a warning"),
        (Level::Note, "What is worth a note, or (compat-) differs from Supervisor 4.3.0"),
    ] {
        parts.push(Part::Sub(title.into()));
        let codes = codes::ALL.iter().filter(|code| code.level == level);
        let terms = codes.map(|code| (format!("`{}`", code.id), sentence(code.why)));
        parts.push(Part::terms(terms));
    }
    parts.extend([Part::Sub("Checks by example".into()), {
        let lines = page.examples.iter().map(|(line, help)| {
            (format!("`{}`", format!("{} {line}", page.prog).trim_end()), sentence(help))
        });
        Part::terms(lines)
    }]);
    parts
}

/// `svx doctor`.
fn moving() -> Vec<Part> {
    let page = doctor::page("svx doctor");
    let lines = page.examples.iter().map(|(line, help)| {
        (format!("`{}`", format!("{} {line}", page.prog).trim_end()), sentence(help))
    });
    vec![
        Part::Heading("MOVING FROM SUPERVISOR"),
        Part::text(format!("`svx doctor` {}", page.usage)),
        Part::text(
            "Reads the Supervisor set-up of this machine: the configuration that is in use and what \
             it includes, the daemons that run, whether they answer and what they listen on, the \
             programs in PATH, the Python package and the Debian package, event listeners that need \
             Python, and the units, init scripts, cron tables, logrotate files and profiles that call \
             supervisord or supervisorctl. Then it says what is to be settled first, and the steps \
             of moving and of going back, each with its commands. It changes nothing.",
        ),
        Part::flags(&page.rows),
        Part::text("The exit status tells what it comes to:"),
        Part::terms(doctor::STATUSES),
        Part::Sub("Moving by example".into()),
        Part::terms(lines),
    ]
}

fn supervisord() -> Manual {
    let page = flags::page("supervisord");
    let mut parts = vec![
        Part::Heading("SYNOPSIS"),
        Part::text(format!("`supervisord` {}", page.usage)),
        Part::Heading("DESCRIPTION"),
        Part::text(
            "The daemon, also called as `svx daemon`. It reads its configuration, becomes a daemon \
             unless `--nodaemon` is given, and starts the programs that are to be started. An \
             option here takes precedence over the file.",
        ),
        Part::text(
            "Without `--configuration` the first of these files is read: ../etc/supervisord.conf \
             and ../supervisord.conf beside the executable's directory, ./supervisord.conf, \
             ./etc/supervisord.conf, /etc/supervisord.conf, /etc/supervisor/supervisord.conf. Root \
             refuses it where others can write it or put another in its place.",
        ),
        Part::Heading("OPTIONS"),
        Part::flags(&page.rows),
        Part::Heading("SIGNALS"),
        Part::terms([
            (
                "`TERM`, `INT`, `QUIT`",
                "Stop every program, in the reverse order of their starts, then end. A second TERM kills what has not stopped.",
            ),
            (
                "`HUP`",
                "Stop every program, read the configuration again and begin anew. Where the file has mistakes nothing is stopped and the log says why.",
            ),
            (
                "`USR2`",
                "Close and open again the main log and the logs of all programs, after something has moved them.",
            ),
            ("`CHLD`", "A program has ended."),
        ]),
        Part::Heading("EXIT STATUS"),
        Part::terms([
            ("0", "It was told to end."),
            (
                "2",
                "The command line or the configuration has a mistake, or a file or socket it needs could not be opened. Nothing was started.",
            ),
        ]),
    ];
    parts.extend(bounds::parts());
    parts.extend(examples(&page));
    parts.extend(see_also("supervisorctl(1), supervisord.conf(5), svx-events(7), svx-api(7)"));
    Manual { name: "supervisord", section: 8, about: page.about.into(), parts }
}

fn supervisorctl() -> Manual {
    let page = ctl::page("supervisorctl");
    let mut parts = vec![
        Part::Heading("SYNOPSIS"),
        Part::text(format!("`supervisorctl` {}", page.usage)),
        Part::Heading("DESCRIPTION"),
        Part::text(
            "Asks a running daemon, and tells it what to do; also called as `svx ctl`. Where the \
             daemon listens, and a user name and password, come from `[supervisorctl]` of the \
             configuration file, which is searched as supervisord(8) does it, or from the options. \
             Without an action, lines are read from a prompt with completion and history.",
        ),
        Part::text(
            "A process is named `group:process`, or by its name alone where its group has the same \
             one. `group:*` is a whole group and `all` is everything. Wildcards (`*`, `?`, \
             `[abc]`) match names.",
        ),
        Part::Heading("OPTIONS"),
        Part::flags(&page.rows),
        Part::Heading("ACTIONS"),
    ];
    for command in ctl::commands::all() {
        parts.push(Part::Sub(command.name.into()));
        parts.push(Part::text(sentence(command.about)));
        let usage = command.usage.lines().map(|line| {
            let mut columns = line.split('\t').filter(|column| !column.trim().is_empty());
            let left = columns.next().unwrap_or_default().trim();
            let right = columns.collect::<Vec<_>>().join(" ");
            (format!("`{left}`"), right.trim().to_owned())
        });
        // A line that goes on explaining has nothing in its second column.
        let mut terms: Vec<(String, String)> = Vec::new();
        for (left, right) in usage {
            match (right.is_empty(), terms.last_mut()) {
                (true, Some((_, text))) => {
                    text.push(' ');
                    text.push_str(left.trim_matches('`'));
                }
                _ => terms.push((left, right)),
            }
        }
        parts.push(Part::terms(terms));
    }
    parts.extend([
        Part::Heading("EXIT STATUS"),
        Part::terms([
            ("0", "Everything went well; for `status`, every process asked for is up."),
            ("1", "Something failed, or the daemon cannot be reached."),
            ("2", "The words make no sense."),
            ("3", "`status`: a process is not running. It has stopped, exited or failed."),
            ("4", "`status`: there is no such process, or no daemon answers."),
        ]),
    ]);
    parts.extend(examples(&page));
    parts.extend(see_also("supervisord(8), supervisord.conf(5), svx-api(7)"));
    Manual { name: "supervisorctl", section: 1, about: page.about.into(), parts }
}

fn echo_supervisord_conf() -> Manual {
    let parts = vec![
        Part::Heading("SYNOPSIS"),
        Part::text("`echo_supervisord_conf`"),
        Part::Heading("DESCRIPTION"),
        Part::text(
            "Prints a configuration file with every section and every option of Supervisor's \
             sample, to be cut down; also called as `svx echo-conf`.",
        ),
        Part::Heading("EXAMPLES"),
        Part::code("echo_supervisord_conf > /etc/supervisord.conf"),
        Part::Heading("SEE ALSO"),
        Part::text("supervisord.conf(5), supervisord(8)"),
    ];
    let about = "print a sample configuration file".into();
    Manual { name: "echo_supervisord_conf", section: 1, about, parts }
}
