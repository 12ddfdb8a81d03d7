//! What is shown of what runs: plain values, as of one moment.

use crate::base::clock::Now;
use crate::config::model::LogTarget;
use crate::process::{End, Process, ProcessId};
use crate::reactor::Reactor;
use crate::rpc::{self, Channel};
use crate::web::view::{DaemonView, LastExit, ProcessView};

impl Reactor {
    /// One process.
    pub(super) fn process_view(&self, now: Now, id: ProcessId, process: &Process) -> ProcessView {
        let program = &process.program;
        let started = process.started.filter(|_| process.pid != 0);
        let last_exit = process.last_end;
        let last_exit =
            last_exit.map(|End { status, expected, at }| LastExit { status, expected, at });
        let has_log = [Channel::Stdout, Channel::Stderr].map(|channel| {
            let joined = channel == Channel::Stderr && program.redirect_stderr;
            let target = &channel.of(program).logfile.target;
            let file = matches!(target, LogTarget::Auto | LogTarget::File(_) | LogTarget::Dated(_));
            file && !joined
        });
        ProcessView {
            name: program.name.clone(),
            group: program.group.clone(),
            state: process.state,
            pid: process.pid,
            uptime: started.map(|started| now.mono.since(started.mono)),
            restarts: process.restarts,
            last_exit,
            description: rpc::description(process, now, &self.about.zone),
            spawnerr: process.spawnerr.clone(),
            usage: self.usages.of(id, process.pid),
            has_log,
        }
    }

    /// Every process, by group and name.
    pub(super) fn process_views(&self, now: Now) -> Vec<ProcessView> {
        let all = self.set.sorted().iter();
        all.filter_map(|id| Some(self.process_view(now, *id, self.set.get(*id)?))).collect()
    }

    /// The daemon itself.
    pub(super) fn daemon_view(&self, now: Now) -> DaemonView {
        DaemonView {
            identifier: self.about.identifier.clone(),
            pid: self.about.pid.unsigned_abs(),
            mood: self.set.mood(),
            started: self.web.started,
            now: now.wall,
        }
    }
}
