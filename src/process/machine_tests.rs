//! The life of one process, told as inputs and times.

use std::time::Duration;

use super::machine::{Input, Process};
use super::simulation::program;
use super::supervisor::ProcessId;
use super::{Action, Saying, State, Target};
use crate::base::clock::{Mono, Now, Wall};
use crate::base::status::Status;
use crate::config::model::{Autorestart, KillMode, Program};

const EXIT_0: Status = Status { code: 0, signal: None, core: false };
const EXIT_3: Status = Status { code: 3, signal: None, core: false };

struct Sim {
    process: Process,
    now: Now,
    next_pid: i32,
    may_start: bool,
    sent: Vec<(i32, Target)>,
    said: Vec<Saying>,
    states: Vec<State>,
    spawns: usize,
}

impl Sim {
    fn new(change: impl FnOnce(&mut Program)) -> Sim {
        let mut program = program("web", "web");
        change(&mut program);
        Sim {
            process: Process::new(ProcessId::default(), program.into()),
            now: Now { mono: Mono(5_000_000_000), wall: Wall::from_secs(1_000_000) },
            next_pid: 10,
            may_start: true,
            sent: Vec::new(),
            said: Vec::new(),
            states: Vec::new(),
            spawns: 0,
        }
    }

    /// Feeds an input; every spawn it leads to succeeds.
    fn feed(&mut self, input: Input) {
        let mut todo = Vec::new();
        self.process.step(self.now, input, self.may_start, &mut todo);
        for action in todo {
            match action {
                Action::Spawn(_) => {
                    self.spawns += 1;
                    self.next_pid += 1;
                    self.feed(Input::Spawned(self.next_pid));
                }
                Action::Kill { signal, target, .. } => self.sent.push((signal, target)),
                Action::Say(saying) => self.said.push(saying),
                Action::Changed(change) => self.states.push(change.to),
                _ => {}
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now.mono = self.now.mono + time;
        self.now.wall.0 += time.as_nanos() as i64;
    }

    /// Jumps to the deadline, ticks, and tells how long that took.
    fn sleep(&mut self) -> Duration {
        let slept = self.process.deadline().unwrap().since(self.now.mono);
        self.pass(slept);
        self.feed(Input::Tick);
        slept
    }

    fn running() -> Sim {
        let mut sim = Sim::new(|_| {});
        sim.feed(Input::Start);
        sim.sleep();
        sim.states.clear();
        sim.said.clear();
        sim
    }
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[test]
fn it_is_starting_until_it_has_been_up_for_startsecs() {
    let mut sim = Sim::new(|p| p.startsecs = secs(5));
    sim.feed(Input::Start);
    assert_eq!(sim.sleep(), secs(5));
    assert_eq!(sim.states, [State::Starting, State::Running]);
    assert_eq!(sim.process.deadline(), None);
}

#[test]
fn with_startsecs_0_it_runs_at_once() {
    let mut sim = Sim::new(|p| p.startsecs = secs(0));
    sim.feed(Input::Start);
    assert_eq!(sim.states, [State::Starting, State::Running]);
}

#[test]
fn a_program_that_dies_young_waits_a_second_longer_each_time_until_it_is_fatal() {
    let mut sim = Sim::new(|p| p.startretries = 2);
    let mut waits = Vec::new();
    sim.feed(Input::Start);
    sim.feed(Input::Died(EXIT_0));
    while sim.process.state != State::Fatal {
        waits.push(sim.sleep().as_secs());
        sim.feed(Input::Died(EXIT_0));
    }
    assert_eq!(waits, [1, 2]);
    assert_eq!(sim.said.last(), Some(&Saying::GaveUp("web".into())));
    assert_eq!(sim.process.spawnerr, "Exited too quickly (process log may have details)");
    assert_eq!(sim.process.exit, None);
    assert_eq!(sim.process.deadline(), None);
}

#[test]
fn a_spawn_that_fails_is_a_failed_start_with_its_reason() {
    let mut sim = Sim::new(|p| p.startretries = 0);
    let mut todo = Vec::new();
    sim.process.step(sim.now, Input::Start, true, &mut todo);
    sim.feed(Input::SpawnFailed("can't find command 'x'".into()));
    assert_eq!(sim.process.state, State::Fatal);
    assert_eq!(sim.process.spawnerr, "can't find command 'x'");
}

#[test]
fn success_wipes_the_failures_before_it() {
    let mut sim = Sim::new(|p| p.startretries = 3);
    sim.feed(Input::Start);
    sim.feed(Input::Died(EXIT_3));
    sim.sleep();
    assert_eq!(sim.process.tries, 1);
    sim.sleep();
    assert_eq!((sim.process.state, sim.process.tries), (State::Running, 0));
}

#[test]
fn who_is_started_again_after_an_end_is_what_autorestart_says() {
    for (autorestart, status, again) in [
        (Autorestart::Never, EXIT_3, false),
        (Autorestart::Unexpected, EXIT_0, false),
        (Autorestart::Unexpected, EXIT_3, true),
        (Autorestart::Always, EXIT_0, true),
    ] {
        let mut sim = Sim::new(|p| p.autorestart = autorestart);
        sim.feed(Input::Start);
        sim.sleep();
        sim.feed(Input::Died(status));
        assert_eq!(sim.spawns == 2, again, "{autorestart:?} {status:?}");
        let exited = sim.states.contains(&State::Exited);
        assert!(exited);
    }
}

#[test]
fn one_that_ends_at_once_with_startsecs_0_is_started_once_a_second() {
    let mut sim = Sim::new(|p| {
        p.startsecs = secs(0);
        p.autorestart = Autorestart::Always;
    });
    sim.feed(Input::Start);
    sim.feed(Input::Died(EXIT_0));
    assert_eq!((sim.process.state, sim.spawns), (State::Exited, 1));
    assert_eq!(sim.sleep(), secs(1));
    assert_eq!(sim.spawns, 2);
}

#[test]
fn a_stop_is_a_signal_then_a_wait_then_sigkill() {
    let mut sim = Sim::running();
    sim.feed(Input::Stop);
    assert_eq!(sim.sent, [(libc::SIGTERM, Target::Process)]);
    assert_eq!(sim.sleep(), secs(10));
    assert_eq!(sim.sent.last(), Some(&(libc::SIGKILL, Target::Process)));
    assert_eq!(sim.process.state, State::Stopping);
    sim.feed(Input::Died(Status { code: -1, signal: Some(9), core: false }));
    assert_eq!(sim.states, [State::Stopping, State::Stopped]);
    assert_eq!(sim.process.exit.map(|e| e.code), Some(-1));
    assert_eq!(sim.spawns, 1);
}

#[test]
fn stopasgroup_and_killasgroup_say_whom_the_signals_go_to() {
    let mut sim = Sim::new(|p| (p.stopasgroup, p.killasgroup) = (false, true));
    sim.feed(Input::Start);
    sim.feed(Input::Stop);
    sim.sleep();
    assert_eq!(sim.sent, [(libc::SIGTERM, Target::Process), (libc::SIGKILL, Target::Group)]);
}

#[test]
fn a_tree_hears_of_the_stop_as_a_whole_and_is_over_with_its_last_process() {
    let mut sim = Sim::new(|p| p.killmode = KillMode::Tree);
    sim.feed(Input::Start);
    sim.sleep();
    sim.feed(Input::Stop);
    sim.pass(secs(4));
    sim.feed(Input::Died(EXIT_0));
    assert_eq!(sim.process.state, State::Stopping);
    assert_eq!(sim.sleep(), secs(6), "stopwaitsecs count from the stop");
    sim.feed(Input::RestGone);
    assert_eq!(sim.process.state, State::Stopped);
    assert_eq!(sim.process.exit, Some(EXIT_0));
    let heard = [(libc::SIGTERM, Target::Tree), (0, Target::Rest), (libc::SIGKILL, Target::Rest)];
    assert_eq!(sim.sent, heard);
}

#[test]
fn what_a_tree_leaves_is_stopped_before_it_has_exited_and_starts_again() {
    let mut sim = Sim::new(|p| p.killmode = KillMode::Tree);
    sim.feed(Input::Start);
    sim.sleep();
    sim.feed(Input::Died(EXIT_3));
    sim.feed(Input::Start);
    assert_eq!((sim.process.state, sim.spawns), (State::Running, 1));
    assert_eq!(sim.sleep(), secs(10));
    sim.feed(Input::RestGone);
    assert_eq!((sim.process.state, sim.spawns), (State::Starting, 2));
    assert_eq!(sim.process.exits.ways().len(), 1);
    let heard = [(libc::SIGTERM, Target::Rest), (libc::SIGKILL, Target::Rest)];
    assert_eq!(sim.sent, heard);
}

#[test]
fn a_tree_whose_process_dies_young_has_failed_to_start_however_long_the_rest_takes() {
    let mut sim = Sim::new(|p| p.killmode = KillMode::Tree);
    sim.feed(Input::Start);
    sim.feed(Input::Died(EXIT_0));
    sim.pass(secs(5));
    sim.feed(Input::Tick);
    sim.feed(Input::RestGone);
    assert_eq!(sim.process.state, State::Backoff);
    assert_eq!(sim.states, [State::Starting, State::Backoff]);
}

#[test]
fn a_stop_of_what_a_tree_has_left_waits_no_longer_and_leaves_it_stopped() {
    let mut sim = Sim::new(|p| p.killmode = KillMode::Tree);
    sim.feed(Input::Start);
    sim.sleep();
    sim.feed(Input::Died(EXIT_3));
    sim.pass(secs(7));
    sim.feed(Input::Stop);
    sim.feed(Input::Signal(libc::SIGHUP));
    assert_eq!(sim.sleep(), secs(3));
    sim.feed(Input::RestGone);
    assert_eq!(sim.process.state, State::Stopped);
    let targets: Vec<Target> = sim.sent.iter().map(|sent| sent.1).collect();
    assert_eq!(targets, [Target::Rest; 3]);
}

#[test]
fn stopwaitsecs_0_kills_at_once_but_not_in_a_busy_loop() {
    let mut sim = Sim::new(|p| p.stopwaitsecs = secs(0));
    sim.feed(Input::Start);
    sim.feed(Input::Stop);
    assert_eq!(sim.sleep(), secs(0));
    assert_eq!(sim.sent.last().map(|sent| sent.0), Some(libc::SIGKILL));
    assert!(sim.process.deadline().unwrap() > sim.now.mono);
}

#[test]
fn a_stop_in_backoff_ends_the_waiting() {
    let mut sim = Sim::new(|_| {});
    sim.feed(Input::Start);
    sim.feed(Input::Died(EXIT_3));
    sim.feed(Input::Stop);
    assert_eq!(sim.process.state, State::Stopped);
    assert_eq!(sim.process.deadline(), None);
}

#[test]
fn whoever_waits_for_a_stop_is_told_at_once_and_every_two_seconds() {
    let mut sim = Sim::running();
    sim.feed(Input::Stop);
    sim.feed(Input::WatchStop);
    let mut times = vec![0];
    while sim.sent.len() < 2 {
        sim.sleep();
        times.push((sim.now.mono.0 - 6_000_000_000) / 1_000_000_000);
    }
    let waiting = |s: &&Saying| matches!(s, Saying::WaitingToStop(_));
    assert_eq!(sim.said.iter().filter(waiting).count(), 6);
    assert_eq!(times, [0, 2, 4, 6, 8, 10]);
}

#[test]
fn while_the_daemon_stops_nothing_is_started_and_a_wait_is_over() {
    let mut sim = Sim::new(|_| {});
    sim.feed(Input::Start);
    sim.feed(Input::Died(EXIT_3));
    sim.may_start = false;
    sim.feed(Input::GiveUp);
    assert_eq!(sim.process.state, State::Fatal);
    sim.feed(Input::Start);
    assert_eq!((sim.process.state, sim.spawns), (State::Fatal, 1));
}

#[test]
fn kill_now_cuts_the_wait_short_once() {
    let mut sim = Sim::running();
    sim.feed(Input::Stop);
    sim.feed(Input::KillNow);
    sim.feed(Input::KillNow);
    let kills = sim.sent.iter().filter(|(signal, _)| *signal == libc::SIGKILL).count();
    assert_eq!(kills, 1);
}

#[test]
fn one_that_cannot_be_signalled_is_unknown_until_it_dies() {
    let mut sim = Sim::running();
    sim.feed(Input::Stop);
    sim.feed(Input::SignalFailed("Operation not permitted".into()));
    assert_eq!(sim.process.state, State::Unknown);
    sim.feed(Input::Start);
    assert_eq!(sim.spawns, 1);
    sim.feed(Input::Died(EXIT_0));
    assert_eq!(sim.process.state, State::Exited);
}

#[test]
fn a_jump_of_the_wall_clock_changes_nothing() {
    let mut sim = Sim::new(|_| {});
    sim.feed(Input::Start);
    sim.now.wall.0 -= 3_600_000_000_000;
    assert_eq!(sim.sleep(), secs(1));
    assert_eq!(sim.process.state, State::Running);
}

#[test]
fn the_last_end_is_known_also_while_it_runs_again_and_after_a_failed_start() {
    let mut sim = Sim::new(|p| p.autorestart = Autorestart::Always);
    let up = |sim: &mut Sim| {
        while sim.process.state != State::Running {
            sim.sleep();
        }
    };
    let last = |sim: &Sim| sim.process.last_end.map(|end| (end.status, end.expected));
    sim.feed(Input::Start);
    assert_eq!(last(&sim), None);
    sim.feed(Input::Died(EXIT_0));
    assert_eq!(last(&sim), Some((EXIT_0, false)), "it was too early");
    up(&mut sim);
    assert_eq!((sim.process.state, last(&sim)), (State::Running, Some((EXIT_0, false))));
    sim.feed(Input::Died(EXIT_0));
    assert_eq!(last(&sim), Some((EXIT_0, true)));
    up(&mut sim);
    sim.feed(Input::Died(EXIT_3));
    assert_eq!(last(&sim), Some((EXIT_3, false)));
    up(&mut sim);
    let killed = Status { code: -1, signal: Some(9), core: false };
    sim.feed(Input::Stop);
    sim.feed(Input::Died(killed));
    assert_eq!(last(&sim), Some((killed, true)), "it was asked for");
}

#[test]
fn how_long_it_was_up_counts_from_its_spawn_however_late_that_came() {
    let mut sim = Sim::new(|p| p.startsecs = secs(2));
    sim.process.step(sim.now, Input::Start, true, &mut Vec::new());
    sim.pass(secs(3));
    sim.feed(Input::Spawned(10));
    sim.pass(secs(1));
    sim.feed(Input::Died(EXIT_0));
    assert_eq!(sim.process.state, State::Backoff);
}

#[test]
fn a_stop_before_the_next_try_is_spawned_forgets_the_failures_before_it() {
    let mut sim = Sim::new(|p| p.startretries = 1);
    sim.feed(Input::Start);
    sim.feed(Input::Died(EXIT_0));
    sim.pass(secs(1));
    sim.process.step(sim.now, Input::Tick, true, &mut Vec::new());
    sim.feed(Input::Stop);
    sim.feed(Input::Start);
    sim.feed(Input::Died(EXIT_0));
    assert_eq!(sim.process.state, State::Backoff);
}

#[test]
fn one_that_ends_while_everything_stops_waits_for_no_restart() {
    let mut sim = Sim::new(|p| {
        p.startsecs = secs(0);
        p.autorestart = Autorestart::Always;
    });
    sim.feed(Input::Start);
    sim.may_start = false;
    sim.feed(Input::Died(EXIT_0));
    assert_eq!((sim.process.state, sim.process.deadline()), (State::Exited, None));
}
