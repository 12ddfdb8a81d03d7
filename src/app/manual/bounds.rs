//! What strangers can make the daemon hold or do, and what happens beyond.

use crate::cli::Part;
use crate::config::{PROCESSES_BYTES_MAX, expand, include};
use crate::events::POOL_BYTES_MAX;
use crate::log::{mainlog, passthrough, storm};
use crate::process;
use crate::proto::{http, jsonl, listener, xmlrpc};
use crate::reactor::bounds as reactor;
use crate::rpc::{MULTICALL_BYTES_MAX, logs};

/// The section of supervisord(8).
pub fn parts() -> Vec<Part> {
    let row = |what: &'static str, bound: String, beyond: &'static str| {
        (what, format!("{bound}: {beyond}"))
    };
    let rows = [
        row(
            "Clients",
            "`clients_max`, else what the limit of descriptors leaves".into(),
            "one more is hung up on",
        ),
        row(
            "Requests of a client in a turn of the loop",
            reactor::REQUESTS_PER_TURN.to_string(),
            "the others wait",
        ),
        row("Time for a request to come", seconds(reactor::REQUEST_WITHIN), "status 408"),
        row("Address of a request", size(http::TARGET_BYTES_MAX), "status 414"),
        row("Head of a request", size(http::HEAD_BYTES_MAX), "status 431"),
        row("Fields of a head", http::FIELDS_MAX.to_string(), "status 431"),
        row("Body of a request", size(http::BODY_BYTES_MAX), "status 413"),
        row("Depth of XML", xmlrpc::DEPTH_MAX.to_string(), "status 400"),
        row("A line of JSON", size(jsonl::LINE_BYTES_MAX), "an error, and the end"),
        row(
            "What came and is not understood yet",
            size(reactor::INBOX_BYTES_MAX),
            "the rest waits",
        ),
        row(
            "Answers a client leaves unread",
            size(reactor::BEHIND_BYTES),
            "what it asks waits until it has read them",
        ),
        row(
            "What a client leaves unread beside its longest answer",
            size(reactor::OUTBOX_BYTES_MAX),
            "it is hung up on",
        ),
        row(
            "What a follower of logs or events leaves unread",
            size(reactor::WATCHER_BYTES_MAX.max(reactor::FOLLOWER_BYTES_MAX)),
            "it is hung up on",
        ),
        row("Results of a multicall", size(MULTICALL_BYTES_MAX), "the calls beyond are faults"),
        row("A portion of a log", size(logs::READ_BYTES_MAX as usize), "a fault"),
        row("Passwords that wait to be hashed", reactor::WAITING_MAX.to_string(), "status 503"),
        row("Text that waits for a program's stdin", size(reactor::STDIN_BYTES_MAX), "a fault"),
        row(
            "Events that wait for a pool of listeners",
            format!("`buffer_size`, and {}", size(POOL_BYTES_MAX)),
            "the oldest is dropped, counted and told once a minute",
        ),
        row("Result of a listener", size(listener::RESULT_BYTES_MAX), "the listener is let alone"),
        row(
            "What a program writes between capture tokens",
            "`stdout_capture_maxbytes`, `stderr_capture_maxbytes`".into(),
            "only the end is kept",
        ),
        row(
            "Lines that wait for the daemon's own stdout or stderr",
            size(passthrough::QUEUE_BYTES_MAX),
            "the newest are dropped, counted and told once a minute",
        ),
        row(
            "Lines of the main log that wait to be written",
            size(mainlog::HELD_BYTES_MAX),
            "they are written at once",
        ),
        row(
            "One line again and again in the main log",
            format!("{} in {}", storm::REPEATS_MAX, seconds(storm::WINDOW)),
            "the rest is one line that says how many there were; never of what a program goes \
             through",
        ),
        row(
            "Restarts of a program that ends by itself",
            format!("one in {}", seconds(process::RESTART_EVERY)),
            "the next one waits; after `startretries` failed ones it is FATAL",
        ),
        row("A file of the configuration", size(include::FILE_BYTES_MAX as usize), "a mistake"),
        row("A value of the configuration", size(expand::VALUE_BYTES_MAX), "a mistake"),
        row("All processes of the configuration", size(PROCESSES_BYTES_MAX), "a mistake"),
    ];
    vec![
        Part::Heading("LIMITS"),
        Part::text(
            "What others can make the daemon hold or do is bounded. Beyond a bound only \
                    who goes beyond it is affected.",
        ),
        Part::terms(rows.map(|(what, text)| (what, text + "."))),
    ]
}

/// `64 KiB`; every bound is a whole number of one unit.
fn size(bytes: usize) -> String {
    match bytes {
        n if n % (1 << 20) == 0 => format!("{} MiB", n >> 20),
        n if n % (1 << 10) == 0 => format!("{} KiB", n >> 10),
        n => format!("{n} bytes"),
    }
}

fn seconds(time: std::time::Duration) -> String {
    match time.as_secs() {
        1 => "one second".into(),
        secs => format!("{secs} seconds"),
    }
}
