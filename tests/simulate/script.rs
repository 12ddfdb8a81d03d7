//! What happens to the daemon, as a list of steps. It is made from a seed, but a failing one is
//! shortened by leaving steps out, so each step says all about itself.

use std::fmt;

use svx::base::signal;
use svx::base::value::Value;

use super::config::{GROUPS, PROGRAMS};
use super::dice::Dice;

/// One thing that happens.
#[derive(Clone, Debug)]
pub enum Step {
    /// Time passes, in milliseconds; the daemon wakes up whenever something is due.
    Pass(u64),
    /// Time passes while the daemon gets no processor.
    Stall(u64),
    /// The wall clock is set, by so many seconds.
    SetWall(i64),
    /// A client calls a method.
    Call { client: u8, method: &'static str, params: Vec<Value> },
    /// A client hangs up; what it waits for is nobody's any more.
    Leave { client: u8 },
    /// A client wants to follow events, and reads at most so many of them.
    Watch { client: u8, events: &'static str, reads: u8 },
    /// A child ends by itself.
    Exit { name: String, code: u8 },
    /// Somebody else kills a child.
    Shot { name: String, signal: i32 },
    /// A child writes to its stdout.
    Write { name: String, bytes: u16 },
    /// The daemon hears of deaths before the rest of this turn.
    Reap,
    /// The system fails so many times in this way.
    Fail { fault: Fault, times: u8 },
    /// Somebody edits the configuration file.
    Edit(u64),
    /// The configuration file gets a mistake, until the next edit.
    Spoil,
    /// So many spawns fit into one half of a turn from now on.
    Pace(u8),
    /// The daemon gets a signal.
    Signal(i32),
}

macro_rules! faults {
    ($($fault:ident),*) => {
        /// What the system does not do for the daemon.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fault { $($fault),* }
        impl Fault {
            pub const ALL: &[Fault] = &[$(Fault::$fault),*];
            pub fn name(self) -> &'static str {
                match self { $(Fault::$fault => concat!("fault ", stringify!($fault))),* }
            }
        }
    };
}

faults!(
    SpawnEmfile,
    SpawnEagain,
    SpawnEnoent,
    SpawnEacces,
    SpawnE2big,
    SpawnEnospc,
    CommandMissing,
    KillEsrch,
    KillEperm,
    ClearEnospc,
    StdinEpipe,
    StdinFull
);

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Step::Pass(ms) => write!(f, "{ms} ms pass"),
            Step::Stall(ms) => write!(f, "the daemon gets no processor for {ms} ms"),
            Step::SetWall(secs) => write!(f, "the wall clock is set by {secs:+} s"),
            Step::Call { client, method, params } => {
                write!(f, "client {client} calls {method}(")?;
                for (index, param) in params.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { ", " })?;
                    show(f, param)?;
                }
                f.write_str(")")
            }
            Step::Leave { client } => write!(f, "client {client} hangs up"),
            Step::Watch { client, events, reads } => {
                write!(f, "client {client} follows {events} events and reads {reads} of them")
            }
            Step::Exit { name, code } => write!(f, "{name} exits with {code}"),
            Step::Shot { name, signal } => {
                write!(f, "somebody sends {} to {name}", signal::name(*signal))
            }
            Step::Write { name, bytes } => write!(f, "{name} writes {bytes} bytes"),
            Step::Reap => f.write_str("the dead are reaped"),
            Step::Fail { fault, times } => write!(f, "{}, {times} times", fault.name()),
            Step::Edit(with) => write!(f, "the configuration is edited ({with})"),
            Step::Spoil => f.write_str("the configuration gets a mistake"),
            Step::Pace(spawns) => write!(f, "{spawns} spawns fit into half a turn"),
            Step::Signal(signal) => write!(f, "the daemon gets {}", signal::name(*signal)),
        }
    }
}

fn show(f: &mut fmt::Formatter, value: &Value) -> fmt::Result {
    match value {
        Value::Str(text) => write!(f, "{text:?}"),
        Value::Bool(flag) => write!(f, "{flag}"),
        Value::Int(number) => write!(f, "{number}"),
        Value::Array(items) => {
            f.write_str("[")?;
            for (index, item) in items.iter().enumerate() {
                f.write_str(if index == 0 { "" } else { ", " })?;
                show(f, item)?;
            }
            f.write_str("]")
        }
        Value::Struct(fields) => {
            for (key, value) in fields {
                write!(f, "{key}: ")?;
                show(f, value)?;
                f.write_str("; ")?;
            }
            Ok(())
        }
        other => write!(f, "{other:?}"),
    }
}

/// A whole run.
#[derive(Clone, Debug)]
pub struct Script {
    /// Decides on the first configuration and on what each child is like.
    pub seed: u64,
    pub steps: Vec<Step>,
}

pub const CLIENTS: u64 = 4;

/// What a client may ask, by what it passes.
const NAMED_WAIT: [&str; 4] = [
    "supervisor.startProcess",
    "supervisor.stopProcess",
    "supervisor.startProcess",
    "supervisor.stopProcess",
];
const GROUP_WAIT: [&str; 2] = ["supervisor.startProcessGroup", "supervisor.stopProcessGroup"];
const ALL_WAIT: [&str; 2] = ["supervisor.startAllProcesses", "supervisor.stopAllProcesses"];
const NAMED: [&str; 2] = ["supervisor.getProcessInfo", "supervisor.clearProcessLogs"];
const PLAIN: [&str; 6] = [
    "supervisor.getAllProcessInfo",
    "supervisor.getState",
    "supervisor.clearAllProcessLogs",
    "supervisor.getAllConfigInfo",
    "supervisor.reloadConfig",
    "twiddler.getGroupNames",
];
const GROUP: [&str; 2] = ["supervisor.addProcessGroup", "supervisor.removeProcessGroup"];

impl Script {
    /// The run of that seed. Each has its own mixture of steps, or all would be alike.
    pub fn new(seed: u64, steps: usize) -> Script {
        let mut dice = Dice::of(seed, "script", 0);
        let mut weights = [24, 2, 3, 24, 2, 2, 8, 4, 6, 3, 5, 6, 1, 2, 0];
        for weight in &mut weights[1..] {
            *weight *= dice.roll(4);
        }
        let mut asks = [12, 6, 2, 3, 3, 5, 6, 3, 3, 3, 4, 2, 3];
        for ask in &mut asks[1..] {
            *ask *= dice.roll(3);
        }
        // In some everything comes at once.
        let passes = if dice.one_in(6) { 20 } else { 20_000 };
        let mut made = Vec::with_capacity(steps);
        for left in (0..steps).rev() {
            // An end comes late or not at all, or most runs would be over before they began.
            weights[14] = if left < steps / 4 { 1 } else { 0 };
            let step = match dice.weighed(&weights) {
                0 => Step::Pass(passing(&mut dice).min(passes)),
                1 => Step::Stall(dice.roll(12_000)),
                2 => Step::SetWall(dice.roll(14_400) as i64 - 7_200),
                3 => {
                    let (method, params) = ask(&mut dice, &asks);
                    Step::Call { client: dice.roll(CLIENTS) as u8, method, params }
                }
                4 => Step::Leave { client: dice.roll(CLIENTS) as u8 },
                5 => Step::Watch {
                    client: dice.roll(CLIENTS) as u8,
                    events: dice.pick(&["EVENT", "PROCESS_STATE", "PROCESS_GROUP"]),
                    reads: dice.roll(60) as u8,
                },
                6 => Step::Exit { name: name(&mut dice), code: dice.roll(4) as u8 },
                7 => Step::Shot {
                    name: name(&mut dice),
                    signal: dice.pick(&[libc::SIGKILL, libc::SIGTERM, libc::SIGSEGV]),
                },
                8 => Step::Write { name: name(&mut dice), bytes: dice.roll(600) as u16 },
                9 => Step::Reap,
                10 => Step::Fail { fault: dice.pick(Fault::ALL), times: 1 + dice.roll(4) as u8 },
                11 => Step::Edit(dice.roll(1 << 16)),
                12 => Step::Spoil,
                13 => Step::Pace(1 + dice.roll(8) as u8),
                _ => Step::Signal(dice.pick(&[libc::SIGHUP, libc::SIGTERM, libc::SIGINT])),
            };
            made.push(step);
        }
        Script { seed, steps: made }
    }
}

fn passing(dice: &mut Dice) -> u64 {
    match dice.roll(8) {
        0..=2 => 0,
        3 | 4 => dice.roll(100),
        5 | 6 => dice.roll(3_000),
        _ => dice.roll(20_000),
    }
}

fn name(dice: &mut Dice) -> String {
    format!("g{}:p{}", dice.roll(GROUPS), dice.roll(PROGRAMS))
}

fn spec(dice: &mut Dice) -> String {
    match dice.roll(24) {
        0 => format!("g{}:*", dice.roll(GROUPS)),
        1 => "nobody".to_owned(),
        _ => name(dice),
    }
}

fn ask(dice: &mut Dice, weights: &[u64]) -> (&'static str, Vec<Value>) {
    let group = format!("g{}", dice.roll(GROUPS));
    match dice.weighed(weights) {
        0 => (dice.pick(&NAMED_WAIT), vec![spec(dice).into(), dice.one_in(2).into()]),
        1 => (dice.pick(&GROUP_WAIT), vec![group.into(), dice.one_in(2).into()]),
        2 => (dice.pick(&ALL_WAIT), vec![dice.one_in(2).into()]),
        3 => (dice.pick(&NAMED), vec![spec(dice).into()]),
        4 => (dice.pick(&PLAIN), Vec::new()),
        5 => (dice.pick(&GROUP), vec![group.into()]),
        6 => {
            let names = if dice.one_in(3) { vec![group.into()] } else { Vec::new() };
            ("svx.update", vec![Value::Array(names), dice.one_in(6).into()])
        }
        7 => {
            let signal = dice.pick(&["HUP", "TERM", "KILL", "USR1", "STOPP", "9"]);
            match dice.roll(4) {
                0 => ("supervisor.signalProcessGroup", vec![group.into(), signal.into()]),
                1 => ("supervisor.signalAllProcesses", vec![signal.into()]),
                _ => ("supervisor.signalProcess", vec![spec(dice).into(), signal.into()]),
            }
        }
        8 => {
            let chars = "x".repeat(1 + dice.roll(3_000) as usize);
            ("supervisor.sendProcessStdin", vec![spec(dice).into(), chars.into()])
        }
        9 => {
            let calls = (0..1 + dice.roll(5)).map(|_| {
                let (method, params) = ask(dice, &[12, 4, 1, 2, 2, 2, 0, 2, 1, 0, 0, 1, 1]);
                Value::fields([("methodName", method.into()), ("params", params.into())])
            });
            ("system.multicall", vec![Value::Array(calls.collect())])
        }
        10 => {
            let target = dice.pick(&["all", "g0:*", "g1:*", "g2:p0", "g0:p1", "nobody"]);
            let action = dice.pick(&["restart", "restart", "start", "stop", "clear", "signal"]);
            let targets = Value::Array(vec![target.into(), spec(dice).into()]);
            let wait = dice.one_in(2);
            ("svx.act", vec![action.into(), targets, "HUP".into(), wait.into()])
        }
        11 => ("supervisor.sendRemoteCommEvent", vec!["kind".into(), "data".into()]),
        _ => match dice.roll(12) {
            0 => ("supervisor.shutdown", Vec::new()),
            1..=3 => ("supervisor.restart", Vec::new()),
            4..=7 => {
                let options = Value::fields([("command", "true".into())]);
                let program = format!("p{}", dice.roll(PROGRAMS));
                ("twiddler.addProgramToGroup", vec![group.into(), program.into(), options])
            }
            _ => {
                let program = format!("p{}", dice.roll(PROGRAMS));
                ("twiddler.removeProcessFromGroup", vec![group.into(), program.into()])
            }
        },
    }
}
