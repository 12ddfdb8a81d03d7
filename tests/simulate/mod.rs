//! The whole of what decides in the daemon (processes, events, waiting calls, changes of the
//! configuration) under an invented clock, with invented children, clients and failures, and a
//! model that is compared with it after every turn. A run is a list of steps made from a seed; one
//! that fails is shortened and printed.

mod config;
mod cover;
mod daemon;
mod dice;
mod kernel;
mod model;
mod pools;
mod script;
mod shell;
mod shrink;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use svx::base::clock::{Mono, Now, Wall};
use svx::process::Mood;

pub use cover::Cover;
use daemon::{EFFECT, Life};
use script::{Script, Step};

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    pub steps: u64,
    pub spawns: u64,
    pub events: u64,
    pub time: Duration,
    pub cover: Cover,
    effects: u64,
    trace: Vec<String>,
}

impl Figures {
    pub fn add(&mut self, other: &Figures) {
        self.steps += other.steps;
        self.spawns += other.spawns;
        self.events += other.events;
        self.time += other.time;
        self.cover.add(&other.cover);
    }
}

struct Failure {
    why: String,
    trace: Vec<String>,
}

/// Runs a seed, and once more without changes of the wall clock, which must make no difference.
///
/// # Errors
/// All there is to say: the seed, what went wrong, and the shortest script that does.
pub fn run(seed: u64, steps: usize) -> Result<Figures, String> {
    let script = Script::new(seed, steps);
    let figures = play_safe(&script).map_err(|_| explain(&script, |s| play_safe(s).err()))?;
    if differs(&script, &figures).is_some() {
        let tell = |s: &Script| differs(s, &play_safe(s).ok()?);
        return Err(explain(&script, tell));
    }
    Ok(figures)
}

/// Whether setting the wall clock has changed what was done to the system, and when. Ticks follow
/// it, so that does not hold where listeners get any.
fn differs(script: &Script, figures: &Figures) -> Option<Failure> {
    let is_set = script.steps.iter().any(|step| matches!(step, Step::SetWall(_)));
    if !is_set || config::has_ticks(script.seed) {
        return None;
    }
    let mut steady = script.clone();
    for step in &mut steady.steps {
        if let Step::SetWall(secs) = step {
            *secs = 0; // a step is a step: it may lie between two turns
        }
    }
    let why = "setting the wall clock makes a difference".to_owned();
    match play_safe(&steady) {
        Ok(other) if other.effects == figures.effects => None,
        Ok(other) => Some(Failure { why, trace: parting(&figures.trace, &other.trace) }),
        Err(failure) => Some(Failure { why, trace: failure.trace }),
    }
}

/// What both tell before and after the first effect that they do not have in common.
fn parting(one: &[String], other: &[String]) -> Vec<String> {
    let effects = |lines: &[String]| -> Vec<usize> {
        (0..lines.len()).filter(|at| lines[*at].contains(EFFECT)).collect()
    };
    let (ours, theirs) = (effects(one), effects(other));
    let same = ours.iter().zip(&theirs).take_while(|(a, b)| one[**a] == other[**b]).count();
    let around = |lines: &[String], at: &[usize]| -> Vec<String> {
        let at = at.get(same).copied().unwrap_or(lines.len());
        lines[at.saturating_sub(24)..(at + 4).min(lines.len())].to_vec()
    };
    let (ours, theirs) = (around(one, &ours), around(other, &theirs));
    [vec!["with it:".to_owned()], ours, vec!["without it:".to_owned()], theirs].concat()
}

fn explain(script: &Script, fails: impl Fn(&Script) -> Option<Failure>) -> String {
    let short = shrink::shortest(script, |script| fails(script).is_some());
    TRACE.set(true);
    let failure = fails(&short);
    TRACE.set(false);
    let (why, trace) = match failure {
        Some(failure) => (failure.why, failure.trace),
        None => ("it failed once and not again".to_owned(), Vec::new()),
    };
    let mut text = format!("seed {}: {why}\n", script.seed);
    text += &format!("The {} steps of {} that it takes:\n", short.steps.len(), script.steps.len());
    for step in &short.steps {
        text += &format!("    {step}\n");
    }
    text += "What happens then, at last:\n";
    for line in &trace[trace.len().saturating_sub(60)..] {
        text += &format!("    {line}\n");
    }
    text
}

/// As `play`; a panic of the daemon's is a failure like others.
fn play_safe(script: &Script) -> Result<Figures, Failure> {
    catch_unwind(AssertUnwindSafe(|| play(script))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let why = text.or(panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Err(Failure { why: format!("panic: {}", why.unwrap_or_default()), trace: Vec::new() })
    })
}

/// Plays a script to its end, and then shuts the daemon down.
fn play(script: &Script) -> Result<Figures, Failure> {
    let begun = Mono(1_000_000_000);
    let now = Now { mono: begun, wall: Wall::from_secs(1_700_000_000) };
    let trace = TRACE.get();
    let mut figures = Figures::default();
    let mut life = Life::new(script.seed, now, config::first(script.seed), trace);
    for step in &script.steps {
        figures.steps += 1;
        life.step(step);
        let end = life.end();
        if let Some(failure) = take_failure(&mut life) {
            return Err(failure);
        }
        match end {
            None => {}
            Some(Mood::Restarting) => {
                close(&mut figures, &mut life, "a daemon restarted");
                let trace = life.shell.trace.take();
                let (now, file) = (life.shell.now, std::mem::take(&mut life.shell.file));
                life = Life::new(script.seed, now, file, false);
                life.shell.trace = trace;
            }
            Some(_) => break,
        }
    }
    if life.end().is_none() {
        life.step(&Step::Signal(libc::SIGTERM));
    }
    while life.end().is_none() {
        life.pass(Duration::from_secs(1));
        if let Some(failure) = take_failure(&mut life) {
            return Err(failure);
        }
    }
    close(&mut figures, &mut life, "a daemon shut down");
    figures.trace = life.shell.trace.take().unwrap_or_default();
    figures.time = life.shell.now.mono.since(begun);
    Ok(figures)
}

fn take_failure(life: &mut Life) -> Option<Failure> {
    let why = life.shell.model.broken.take()?;
    Some(Failure { why, trace: life.shell.trace.take().unwrap_or_default() })
}

fn close(figures: &mut Figures, life: &mut Life, how: &'static str) {
    let model = &mut life.shell.model;
    model.cover.saw(how);
    if life.shell.missing.get().1 > 0 {
        model.cover.saw(script::Fault::CommandMissing.name());
    }
    figures.spawns += model.spawns;
    figures.events += model.pools.published;
    figures.cover.add(&model.cover);
    figures.effects = figures.effects.rotate_left(1) ^ life.effects;
}

thread_local! {
    /// Whether to keep what happens, to be printed.
    static TRACE: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}
