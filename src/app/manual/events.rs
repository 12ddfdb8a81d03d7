//! svx-events(7), from the table of event types.

use crate::cli::manual::sentence;
use crate::cli::{Manual, Part};
use crate::events::TABLE;

/// The page.
pub fn page() -> Manual {
    let parts = vec![
        Part::Heading("DESCRIPTION"),
        Part::text(
            "The daemon tells event listeners what happens: programs of `[eventlistener:NAME]` \
             sections, which say with `events=` what they want to hear. The processes of one \
             section are a pool: each event goes to one of them. At most `buffer_size` events wait \
             for a pool; where more come, the oldest is dropped and the log says so.",
        ),
        Part::Heading("PROTOCOL"),
        Part::text("A listener speaks through its stdin and stdout, in this order, for ever:"),
        Part::terms([
            ("1.", "It writes `READY` and a newline to stdout when it can take an event."),
            (
                "2.",
                "It is sent a line of `key:value` words on stdin, then as many bytes as the word `len` says: the payload.",
            ),
            (
                "3.",
                "It answers `RESULT 2`, a newline and `OK`; or `RESULT 4`, a newline and `FAIL`, which brings the event back later.",
            ),
        ]),
        Part::text(
            "Anything else on its stdout is against the protocol, and it is sent nothing more \
             until it is started again (`restart_on_violation=true` does so). What it wants to \
             say to people belongs on stderr.",
        ),
        Part::code(
            "ver:3.0 server:supervisor serial:21 pool:listener poolserial:10 \
             eventname:PROCESS_STATE_EXITED len:71\n\
             processname:cat groupname:cat from_state:RUNNING expected:0 pid:2766",
        ),
        Part::terms([
            ("`ver`", "3.0"),
            ("`server`", "`identifier` of `[supervisord]`."),
            ("`serial`, `poolserial`", "The number of the event, and its number for this pool."),
            ("`pool`", "The listener's section."),
            ("`eventname`", "One of the types below."),
            (
                "`len`",
                "The length of the payload in characters, which are bytes where the payload is ASCII.",
            ),
        ]),
        Part::Heading("TYPES"),
        Part::text("Whoever asks for a type gets those of which it is the parent as well."),
        Part::terms(TABLE.iter().map(|row| {
            let mut text = sentence(row.help);
            if let Some(parent) = row.parent.filter(|_| !row.kind.is_abstract()) {
                text.push_str(&format!(" Parent: {}.", parent.name()));
            }
            (format!("`{}`", row.name), text)
        })),
        Part::Heading("PAYLOADS"),
        Part::terms([
            (
                "PROCESS_STATE_*",
                "processname, groupname, from_state; pid where a process ran or runs; tries for STARTING and BACKOFF; expected (1 or 0) for EXITED.",
            ),
            (
                "PROCESS_LOG_*",
                "processname, groupname, pid, channel, a newline, and what was written.",
            ),
            (
                "PROCESS_COMMUNICATION_*",
                "processname, groupname, pid, a newline, and what stood between `<!--XSUPERVISOR:BEGIN-->` and `<!--XSUPERVISOR:END-->`, where `stdout_capture_maxbytes` or `stderr_capture_maxbytes` is set.",
            ),
            ("REMOTE_COMMUNICATION", "type, a newline, and the data of the client."),
            ("PROCESS_GROUP_*", "groupname."),
            ("TICK_*", "when: seconds since 1970, a multiple of the period."),
            ("SUPERVISOR_STATE_CHANGE_*", "Empty."),
        ]),
        Part::Heading("JSON"),
        Part::text(
            "Clients that are no listeners hear the same events as JSON: `svx.events` on the unix \
             socket, see svx-api(7).",
        ),
        Part::Heading("EXAMPLES"),
        Part::text("A listener in Python that reports every end of a program:"),
        Part::code(
            "import sys\n\
             while True:\n\
             \x20   print('READY', flush=True)\n\
             \x20   head = dict(w.split(':', 1) for w in sys.stdin.readline().split())\n\
             \x20   body = sys.stdin.read(int(head['len']))\n\
             \x20   print(head['eventname'], body, file=sys.stderr)\n\
             \x20   print('RESULT 2\\nOK', end='', flush=True)",
        ),
        Part::Heading("SEE ALSO"),
        Part::text("supervisord.conf(5), svx-api(7)"),
    ];
    let about = "what svx tells event listeners, and how".into();
    Manual { name: "svx-events", section: 7, about, parts }
}
