//! In which order everything is stopped when the daemon ends.
//!
//! Supervisor: `ordered_stop_groups_phase_1` and `_2` in supervisord.py: the group with the
//! highest priority first, the next one when all of its processes have stopped. Groups of equal
//! priority stop together here (a hundred programs that need two seconds each take two seconds,
//! not two hundred).

use std::time::Duration;

use super::machine::Input;
use super::supervisor::{ProcessId, Supervisor};
use crate::base::clock::{Mono, Now};

/// How often the main log names those who keep a shutdown waiting.
const REPORT_EVERY: Duration = Duration::from_secs(3);

/// The groups still to be stopped.
#[derive(Debug)]
pub(super) struct StopOrder {
    /// Steps, the last one first: all members of groups of one priority, in the order in which
    /// they are signalled.
    steps: Vec<Vec<ProcessId>>,
    /// Whether the last step has been told to stop.
    told: bool,
    /// How many of the last step, from its start, are known to have stopped.
    stopped: usize,
    report_at: Mono,
}

impl StopOrder {
    /// To stop those that are `wanted`.
    pub fn new(all: &Supervisor, wanted: impl Fn(ProcessId) -> bool) -> StopOrder {
        let mut groups: Vec<_> = all.groups().iter().collect();
        groups.sort_by_key(|group| group.config.priority);
        let same = |a: &&_, b: &&_| priority(a) == priority(b);
        let steps = groups.chunk_by(same).map(|chunk| {
            let mut step = Vec::new();
            for group in chunk.iter().rev() {
                let mut members = group.members.clone();
                members.retain(|id| wanted(*id));
                members.sort_by_key(|id| all.get(*id).map(|p| p.program.priority));
                step.extend(members.into_iter().rev());
            }
            step
        });
        StopOrder { steps: steps.collect(), told: false, stopped: 0, report_at: Mono(0) }
    }

    /// Tells the groups to stop whose turn it is; those before them have stopped. Over a whole
    /// shutdown each process is looked at once, however many there are.
    pub fn advance(&mut self, now: Now, all: &mut Supervisor) {
        while let Some(step) = self.steps.last() {
            if !std::mem::replace(&mut self.told, true) {
                for id in step {
                    all.step(now, *id, Input::GiveUp);
                }
            }
            let rest = step[self.stopped..].iter();
            let stopped = |id: &&ProcessId| all.get(**id).is_none_or(|p| p.state.is_stopped());
            self.stopped += rest.take_while(stopped).count();
            if self.stopped < step.len() {
                return;
            }
            self.steps.pop();
            (self.told, self.stopped) = (false, 0);
        }
    }

    pub fn is_done(&self) -> bool {
        self.steps.is_empty()
    }

    pub fn report_at(&self) -> Mono {
        self.report_at
    }

    pub fn reported(&mut self, now: Now) {
        self.report_at = now.mono + REPORT_EVERY;
    }
}

fn priority(group: &super::Group) -> i32 {
    group.config.priority
}
