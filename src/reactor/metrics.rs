//! What is counted in the loop, and everything that is measured put together for `/metrics`.

use super::Reactor;
use super::child::Child;
use crate::base::clock::Wall;
use crate::base::histogram::Histogram;
use crate::base::version;
use crate::log::passthrough::Passthrough;
use crate::process::{Process, ProcessId};
use crate::rpc;
use crate::sys::rlimit;
use crate::web::metrics::{self, OwnUse, Pool, Snapshot, Stream};

/// What calls of no method are counted as.
const UNKNOWN: &str = "unknown";

/// Counted since the reactor was made.
#[derive(Debug, Default)]
pub struct Counters {
    /// How long the turns were, without the time asleep.
    pub turns: Histogram,
    /// Clients that were let in.
    pub accepted: u64,
    /// Calls answered with a fault.
    pub faults: u64,
    /// Calls by method, in the order they were first called.
    calls: Vec<(&'static str, u64)>,
    /// When that was.
    since: Wall,
}

impl Counters {
    /// Nothing has happened yet.
    pub fn new(since: Wall) -> Counters {
        Counters { since, ..Counters::default() }
    }

    /// Counts a call, whatever a client takes for a method.
    pub fn call(&mut self, method: &str) {
        let known =
            |calls: &[(&str, u64)], name| calls.iter().position(|(known, _)| *known == name);
        if let Some(index) = known(&self.calls, method) {
            return self.calls[index].1 += 1;
        }
        let name = rpc::method(method).map_or(UNKNOWN, |row| row.name);
        match known(&self.calls, name) {
            Some(index) => self.calls[index].1 += 1,
            None => self.calls.push((name, 1)),
        }
    }
}

impl Reactor {
    /// The text of `/metrics`. What processes use is as fresh as [`Reactor::look`] left it.
    pub(super) fn metrics(&self) -> String {
        let log = &self.shell.log;
        let passed = |stream: &Option<Passthrough>| stream.as_ref().map_or(0, Passthrough::lost);
        let since = self.counters.since.0 as f64 / 1e9;
        metrics::text(&Snapshot {
            version: version::NUMBER,
            commit: version::COMMIT,
            own: self.usages.own().map(|own| OwnUse {
                cpu_seconds: own.cpu.as_secs_f64(),
                resident: own.resident,
                virt: own.virt,
                descriptors: own.descriptors,
                descriptors_max: rlimit::files(),
                started: since,
            }),
            processes: self.set.iter().map(|(id, process)| self.measured(id, process)).collect(),
            pools: self
                .shell
                .bus
                .pools()
                .map(|pool| Pool {
                    name: pool.name(),
                    waiting: pool.waiting(),
                    dropped: pool.discarded(),
                })
                .collect(),
            events: self.shell.bus.published(),
            clients: self.clients.len(),
            accepted: self.counters.accepted,
            calls: &self.counters.calls,
            faults: self.counters.faults,
            turns: &self.counters.turns,
            samples: self.usages.samples(),
            lost: [
                ("main", log.lost()),
                ("stdout", passed(&log.outlets.stdout)),
                ("stderr", passed(&log.outlets.stderr)),
                ("syslog", log.outlets.syslog.lost()),
            ],
        })
    }

    fn measured<'a>(&'a self, id: ProcessId, process: &'a Process) -> metrics::Process<'a> {
        let child = self.shell.children.get(id.slot as usize).and_then(Option::as_ref);
        let stream = |index: usize| {
            let of = |child: &Child| {
                let stream = &child.streams[index];
                Stream { bytes: stream.bytes, lost: stream.log.lost() }
            };
            child.filter(|child| child.id == id).map(of)
        };
        let program = &process.program;
        metrics::Process {
            group: &program.group,
            name: &program.name,
            state: process.state,
            started: process.started.map_or(0, |started| started.wall.secs()),
            exit_status: process.exit.map_or(0, |exit| exit.code),
            restarts: process.restarts,
            exits: &process.exits,
            streams: [stream(0), stream(1).filter(|_| !program.redirect_stderr)],
            usage: self.usages.of(id, process.pid),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_method_and_inventions_together() {
        let mut counters = Counters::default();
        for method in ["no", "supervisor.getState", "such", "supervisor.getState", "system.no"] {
            counters.call(method);
        }
        assert_eq!(counters.calls, [(UNKNOWN, 3), ("supervisor.getState", 2)]);
    }
}
