//! What svx measures, as the text that Prometheus reads: one table of series, written from plain
//! values. Those named `node_supervisord_…` are what node_exporter tells of Supervisor, so that
//! its dashboards and alerts need no exporter any more.

use std::fmt::{Display, Write};

use crate::base::histogram::Histogram;
use crate::base::signal;
use crate::process::State;
use crate::process::exits::{Exits, Way};
use crate::web::view::Usage;

/// The format's name, for `Content-Type`.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Everything that is told, at one moment. What is counted is counted since the daemon began or
/// last read its whole configuration anew, and for a process since it was configured.
#[derive(Debug)]
pub struct Snapshot<'a> {
    /// Of svx itself.
    pub version: &'a str,
    /// What it was built from, if that is known.
    pub commit: Option<&'a str>,
    /// The daemon's own use.
    pub own: Option<OwnUse>,
    /// In the order of the configuration.
    pub processes: Vec<Process<'a>>,
    /// In the order of the configuration.
    pub pools: Vec<Pool<'a>>,
    /// Events somebody was to have.
    pub events: u64,
    /// Clients that are connected.
    pub clients: usize,
    /// Clients that were let in.
    pub accepted: u64,
    /// Calls by method; those of no method have a name, too.
    pub calls: &'a [(&'static str, u64)],
    /// Calls that ended in a fault.
    pub faults: u64,
    /// How long the turns of the event loop were.
    pub turns: &'a Histogram,
    /// How often `/proc` was asked about a process.
    pub samples: u64,
    /// Bytes that were lost on their way to what all programs share, by its name.
    pub lost: [(&'static str, u64); 4],
}

/// What the daemon itself uses.
#[derive(Clone, Copy, Debug)]
pub struct OwnUse {
    /// Seconds of CPU.
    pub cpu_seconds: f64,
    /// Bytes of memory.
    pub resident: u64,
    /// Bytes of address space.
    pub virt: u64,
    /// Open descriptors.
    pub descriptors: Option<u32>,
    /// How many there may be.
    pub descriptors_max: Option<u64>,
    /// When this life of it began, in seconds since 1970.
    pub started: f64,
}

/// One process.
#[derive(Debug)]
pub struct Process<'a> {
    /// Its group's name.
    pub group: &'a str,
    /// Its own name.
    pub name: &'a str,
    /// Where it stands.
    pub state: State,
    /// When it was last started, in seconds since 1970.
    pub started: i64,
    /// What XML-RPC tells as `exitstatus`.
    pub exit_status: i32,
    /// Starts that followed an end without anybody asking.
    pub restarts: u64,
    /// How it has ended.
    pub exits: &'a Exits,
    /// Its stdout and stderr; the latter not where it goes into the former.
    pub streams: [Option<Stream>; 2],
    /// What it uses, while it lives.
    pub usage: Option<Usage>,
}

/// One stream of a process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stream {
    /// Bytes the process has written.
    pub bytes: u64,
    /// Bytes its log could not take.
    pub lost: u64,
}

/// One pool of event listeners.
#[derive(Debug)]
pub struct Pool<'a> {
    /// Its group's name.
    pub name: &'a str,
    /// Events that wait for a listener.
    pub waiting: usize,
    /// Events that were thrown away because too many waited.
    pub dropped: u64,
}

/// How values of a series behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// One row of the table.
struct Family {
    name: &'static str,
    kind: Kind,
    help: &'static str,
    samples: fn(&Snapshot, &mut Samples),
}

use Kind::{Counter, Gauge};

#[rustfmt::skip] // a table is read line by line
static FAMILIES: &[Family] = &[
    // 1.5 calls it a counter, against the rules of names; a gauge is asked for in the same way.
    Family { name: "node_supervisord_start_time_seconds", kind: Gauge, help: "Process start time",
        samples: |all, to| to.each(all, |p| is_up(p.state).then_some(p.started)) },
    Family { name: "node_supervisord_exit_status", kind: Gauge, help: "Process Exit Status",
        samples: |all, to| to.each(all, |p| Some(p.exit_status)) },
    Family { name: "node_supervisord_state", kind: Gauge, help: "Process State",
        samples: |all, to| to.each(all, |p| Some(p.state.code())) },
    Family { name: "node_supervisord_up", kind: Gauge, help: "Process Up",
        samples: |all, to| to.each(all, |p| Some(u8::from(is_up(p.state)))) },

    Family { name: "svx_process_restarts_total", kind: Counter,
        help: "Starts that followed an end without anybody asking, since the daemon began or was reloaded.",
        samples: |all, to| to.each(all, |p| Some(p.restarts)) },
    Family { name: "svx_process_exits_total", kind: Counter,
        help: "Ends by exit code or signal, since the daemon began or was reloaded.",
        samples: exits },
    Family { name: "svx_process_cpu_seconds_total", kind: Counter,
        help: "User and system time of the process that runs now, without its children.",
        samples: |all, to| to.each(all, |p| Some(p.usage?.cpu_seconds)) },
    Family { name: "svx_process_resident_memory_bytes", kind: Gauge,
        help: "Resident memory of the process, without its children.",
        samples: |all, to| to.each(all, |p| Some(p.usage?.resident)) },
    Family { name: "svx_process_open_fds", kind: Gauge,
        help: "Open file descriptors of the process, where svx may count them.",
        samples: |all, to| to.each(all, |p| p.usage?.descriptors) },
    Family { name: "svx_process_log_bytes_total", kind: Counter,
        help: "Bytes the program has written to the stream, since the daemon began or was reloaded.",
        samples: |all, to| to.each_stream(all, |stream| stream.bytes) },
    Family { name: "svx_process_log_lost_bytes_total", kind: Counter,
        help: "Bytes that the stream's log file did not take, since the daemon began or was reloaded.",
        samples: |all, to| to.each_stream(all, |stream| stream.lost) },
    Family { name: "svx_processes", kind: Gauge, help: "Processes by state.",
        samples: states },

    Family { name: "svx_log_lost_bytes_total", kind: Counter,
        help: "Bytes that did not get into the main log, or through what logs share, since the daemon began.",
        samples: |all, to| {
            all.lost.iter().for_each(|(log, lost)| to.add(&[("log", log)], lost));
        } },
    Family { name: "svx_events_total", kind: Counter,
        help: "Events that a listener or client was to have, since the daemon began or was reloaded.",
        samples: |all, to| to.add(&[], all.events) },
    Family { name: "svx_event_pool_dropped_total", kind: Counter,
        help: "Events thrown away because too many waited for the pool, since it was made.",
        samples: |all, to| {
            all.pools.iter().for_each(|pool| to.add(&[("pool", pool.name)], pool.dropped));
        } },
    Family { name: "svx_event_pool_waiting", kind: Gauge,
        help: "Events that wait for a listener of the pool.",
        samples: |all, to| {
            all.pools.iter().for_each(|pool| to.add(&[("pool", pool.name)], pool.waiting));
        } },
    Family { name: "svx_clients", kind: Gauge, help: "Clients connected to the control sockets.",
        samples: |all, to| to.add(&[], all.clients) },
    Family { name: "svx_clients_accepted_total", kind: Counter,
        help: "Clients that have connected, since the daemon began or was reloaded.",
        samples: |all, to| to.add(&[], all.accepted) },
    Family { name: "svx_rpc_calls_total", kind: Counter,
        help: "Calls by method, over any protocol, since the daemon began or was reloaded.",
        samples: |all, to| {
            all.calls.iter().for_each(|(method, count)| to.add(&[("method", method)], count));
        } },
    Family { name: "svx_rpc_faults_total", kind: Counter,
        help: "Calls that were answered with a fault, since the daemon began or was reloaded.",
        samples: |all, to| to.add(&[], all.faults) },
    Family { name: "svx_loop_turn_seconds", kind: Kind::Histogram,
        help: "How long a turn of the event loop took, since the daemon began or was reloaded.",
        samples: turns },
    Family { name: "svx_usage_samples_total", kind: Counter,
        help: "How often the kernel was asked what a process uses, since the daemon began or was reloaded.",
        samples: |all, to| to.add(&[], all.samples) },
    Family { name: "svx_build_info", kind: Gauge, help: "The version of svx and its commit; always 1.",
        samples: |all, to| {
            let commit = all.commit.unwrap_or_default();
            to.add(&[("version", all.version), ("commit", commit)], 1);
        } },

    Family { name: "process_cpu_seconds_total", kind: Counter,
        help: "User and system time of the daemon.",
        samples: |all, to| to.own(all, |own| Some(own.cpu_seconds)) },
    Family { name: "process_resident_memory_bytes", kind: Gauge,
        help: "Resident memory of the daemon.",
        samples: |all, to| to.own(all, |own| Some(own.resident)) },
    Family { name: "process_virtual_memory_bytes", kind: Gauge,
        help: "Address space of the daemon.",
        samples: |all, to| to.own(all, |own| Some(own.virt)) },
    Family { name: "process_open_fds", kind: Gauge,
        help: "Open file descriptors of the daemon.",
        samples: |all, to| to.own(all, |own| own.descriptors) },
    Family { name: "process_max_fds", kind: Gauge,
        help: "How many file descriptors the daemon may have open.",
        samples: |all, to| to.own(all, |own| own.descriptors_max) },
    Family { name: "process_start_time_seconds", kind: Gauge,
        help: "When the daemon began or was last reloaded.",
        samples: |all, to| to.own(all, |own| Some(own.started)) },
];

/// As node_exporter judges.
fn is_up(state: State) -> bool {
    matches!(state, State::Starting | State::Running | State::Stopping)
}

fn exits(all: &Snapshot, to: &mut Samples) {
    for process in &all.processes {
        let mut add = |code: &str, signal: &str, count| {
            let of = [("group", process.group), ("name", process.name)];
            to.add(&[of[0], of[1], ("code", code), ("signal", signal)], count);
        };
        for (way, count) in process.exits.ways() {
            match way {
                Way::Code(code) => add(&code.to_string(), "", *count),
                Way::Signal(number) => {
                    let name = signal::name(*number);
                    let name = name.trim_start_matches("SIG").trim_start_matches("signal ");
                    add("", name, *count);
                }
            }
        }
        if process.exits.other() > 0 {
            add("other", "other", process.exits.other());
        }
    }
}

fn states(all: &Snapshot, to: &mut Samples) {
    for state in State::ALL {
        let count = all.processes.iter().filter(|process| process.state == state).count();
        to.add(&[("state", state.name())], count);
    }
}

fn turns(all: &Snapshot, to: &mut Samples) {
    let mut count = 0;
    for (bound, up_to) in all.turns.up_to() {
        let bound = bound.map_or("+Inf".to_owned(), |bound| bound.as_secs_f64().to_string());
        to.suffixed("_bucket", &[("le", &bound)], up_to);
        count = up_to;
    }
    to.suffixed("_sum", &[], all.turns.sum().as_secs_f64());
    to.suffixed("_count", &[], count);
}

/// Where the samples of one family go.
struct Samples<'a> {
    out: &'a mut String,
    family: &'static str,
}

impl Samples<'_> {
    fn add(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.suffixed("", labels, value);
    }

    fn suffixed(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl Display) {
        self.out.push_str(self.family);
        self.out.push_str(suffix);
        for (index, (name, value)) in labels.iter().enumerate() {
            self.out.push(if index == 0 { '{' } else { ',' });
            self.out.push_str(name);
            self.out.push_str("=\"");
            escape(value, self.out);
            self.out.push('"');
        }
        if !labels.is_empty() {
            self.out.push('}');
        }
        let _ = writeln!(self.out, " {value}"); // a String takes everything
    }

    /// One sample of every process that has this value.
    fn each<T: Display>(&mut self, all: &Snapshot, value: impl Fn(&Process) -> Option<T>) {
        for process in &all.processes {
            if let Some(value) = value(process) {
                self.add(&[("group", process.group), ("name", process.name)], value);
            }
        }
    }

    /// One sample of every stream of every process.
    fn each_stream(&mut self, all: &Snapshot, value: impl Fn(&Stream) -> u64) {
        for process in &all.processes {
            for (name, stream) in ["stdout", "stderr"].into_iter().zip(&process.streams) {
                let Some(stream) = stream else { continue };
                let of = [("group", process.group), ("name", process.name), ("stream", name)];
                self.add(&of, value(stream));
            }
        }
    }

    fn own<T: Display>(&mut self, all: &Snapshot, value: impl Fn(&OwnUse) -> Option<T>) {
        if let Some(value) = all.own.as_ref().and_then(value) {
            self.add(&[], value);
        }
    }
}

/// A label's value: backslashes, quotes and line breaks would end it or the line.
fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
}

/// All of it. A series without a sample is left out.
pub fn text(all: &Snapshot) -> String {
    // As much as a thousand programs need is seen after one or two doublings.
    let mut out = String::with_capacity(4096 + all.processes.len() * 1024);
    for Family { name, kind, help, samples } in FAMILIES {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let before = out.len();
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        let head = out.len();
        samples(all, &mut Samples { out: &mut out, family: name });
        if out.len() == head {
            out.truncate(before);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::status::Status;
    use std::collections::HashSet;
    use std::time::Duration;

    fn process<'a>(name: &'a str, exits: &'a Exits) -> Process<'a> {
        Process {
            group: "g",
            name,
            state: State::Running,
            started: 1_700_000_000,
            exit_status: 0,
            restarts: 2,
            exits,
            streams: [Some(Stream { bytes: 10, lost: 1 }), None],
            usage: Some(Usage {
                cpu_percent: 1.0,
                cpu_seconds: 0.25,
                resident: 4096,
                descriptors: None,
            }),
        }
    }

    fn snapshot<'a>(processes: Vec<Process<'a>>, turns: &'a Histogram) -> Snapshot<'a> {
        Snapshot {
            version: "1.2.3",
            commit: Some("c0ffee"),
            own: None,
            processes,
            pools: vec![Pool { name: "p", waiting: 3, dropped: 4 }],
            events: 5,
            clients: 6,
            accepted: 7,
            calls: &[("supervisor.getState", 8)],
            faults: 9,
            turns,
            samples: 10,
            lost: [("main", 0), ("stdout", 11), ("stderr", 0), ("syslog", 0)],
        }
    }

    #[test]
    fn every_series_has_a_name_of_its_own_that_says_what_it_is() {
        let mut known = HashSet::new();
        for Family { name, kind, help, .. } in FAMILIES {
            assert!(known.insert(name), "{name} twice");
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
            assert_eq!(name.ends_with("_total"), *kind == Counter, "{name}");
            assert!(!help.is_empty() && !help.contains(['\n', '\\']), "{name}");
        }
    }

    #[test]
    fn a_process_is_told_as_node_exporter_tells_it() {
        let exits = Exits::default();
        let mut processes = vec![process("web", &exits), process("off", &exits)];
        (processes[1].state, processes[1].exit_status) = (State::Exited, -1);
        let text = text(&snapshot(processes, &Histogram::default()));
        let theirs: Vec<&str> = text.lines().filter(|line| line.starts_with("node_")).collect();
        assert_eq!(
            theirs,
            [
                "node_supervisord_start_time_seconds{group=\"g\",name=\"web\"} 1700000000",
                "node_supervisord_exit_status{group=\"g\",name=\"web\"} 0",
                "node_supervisord_exit_status{group=\"g\",name=\"off\"} -1",
                "node_supervisord_state{group=\"g\",name=\"web\"} 20",
                "node_supervisord_state{group=\"g\",name=\"off\"} 100",
                "node_supervisord_up{group=\"g\",name=\"web\"} 1",
                "node_supervisord_up{group=\"g\",name=\"off\"} 0",
            ]
        );
    }

    #[test]
    fn each_series_is_described_once_and_left_out_where_there_is_nothing() {
        let exits = Exits::default();
        let text = text(&snapshot(vec![process("web", &exits)], &Histogram::default()));
        let head = "# HELP svx_process_resident_memory_bytes Resident memory of the process, \
                    without its children.\n# TYPE svx_process_resident_memory_bytes gauge\n\
                    svx_process_resident_memory_bytes{group=\"g\",name=\"web\"} 4096\n";
        assert!(text.contains(head), "{text}");
        assert!(text.contains("\nsvx_process_cpu_seconds_total{group=\"g\",name=\"web\"} 0.25\n"));
        assert!(text.contains("{group=\"g\",name=\"web\",stream=\"stdout\"} 10\n"));
        assert!(!text.contains("stderr\"} 1"), "{text}");
        assert!(!text.contains("svx_process_open_fds") && !text.contains("process_max_fds"));
        assert!(!text.contains("svx_process_exits_total"));
        assert!(text.contains("\nsvx_processes{state=\"RUNNING\"} 1\n"));
        assert!(text.contains("\nsvx_processes{state=\"FATAL\"} 0\n"));
        assert!(text.contains("\nsvx_log_lost_bytes_total{log=\"stdout\"} 11\n"));
        assert!(text.contains("\nsvx_event_pool_dropped_total{pool=\"p\"} 4\n"));
        assert!(text.contains("\nsvx_rpc_calls_total{method=\"supervisor.getState\"} 8\n"));
        assert!(text.contains("\nsvx_build_info{version=\"1.2.3\",commit=\"c0ffee\"} 1\n"));
    }

    #[test]
    fn ends_are_told_by_code_and_by_signal() {
        let mut exits = Exits::default();
        for raw in [3 << 8, 9, 40, 9] {
            exits.count(Status::from_raw(raw));
        }
        (0..20).for_each(|code| exits.count(Status::from_raw(code << 8)));
        let text = text(&snapshot(vec![process("web", &exits)], &Histogram::default()));
        for labels in [
            "code=\"3\",signal=\"\"} 2",
            "code=\"\",signal=\"KILL\"} 2",
            "code=\"\",signal=\"40\"} 1",
            "code=\"other\",signal=\"other\"} 6",
        ] {
            let line = format!("\nsvx_process_exits_total{{group=\"g\",name=\"web\",{labels}\n");
            assert!(text.contains(&line), "{line}{text}");
        }
    }

    #[test]
    fn a_name_can_be_made_of_anything_and_makes_no_line_of_its_own() {
        let exits = Exits::default();
        let name = "a\"} 1\nsvx_up{x=\"\\<b>\r";
        let text = text(&snapshot(vec![process(name, &exits)], &Histogram::default()));
        let line =
            "\nnode_supervisord_up{group=\"g\",name=\"a\\\"} 1\\nsvx_up{x=\\\"\\\\<b>\r\"} 1\n";
        assert!(text.contains(line), "{text}");
        assert!(!text.contains("\nsvx_up"));
    }

    #[test]
    fn turns_are_told_by_how_long_they_were() {
        let mut turns = Histogram::default();
        for micros in [50, 700, 2_000_000] {
            turns.observe(Duration::from_micros(micros));
        }
        let text = text(&snapshot(Vec::new(), &turns));
        let told: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix("svx_loop_turn_seconds_")).collect();
        assert_eq!(told[0], "bucket{le=\"0.0001\"} 1");
        assert_eq!(told[3], "bucket{le=\"0.001\"} 2");
        assert_eq!(
            told[12..],
            ["bucket{le=\"1\"} 2", "bucket{le=\"+Inf\"} 3", "sum 2.00075", "count 3"]
        );
    }
}
