//! The event loop: one thread that hears everything, then settles everything, and sleeps until
//! something happens. It owns all descriptors; decisions are the core's.

mod act;
mod cadence;
mod calls;
mod child;
mod client;
mod connection;
mod doorman;
mod envfile;
mod events;
mod fcgi;
mod host;
mod http;
mod journal;
mod jsonl;
mod launch;
mod leftovers;
mod listen;
mod metrics;
mod notify;
mod output;
pub mod reader;
mod rests;
mod shell;
mod sources;
mod stdin;
mod streams;
mod tap;
mod timers;
mod trees;
mod usage;
mod web;

/// What the manual says of the bounds on what clients can make the loop hold.
pub mod bounds {
    pub use super::client::{REQUEST_WITHIN, REQUESTS_PER_TURN};
    pub use super::connection::{BEHIND_BYTES, INBOX_BYTES_MAX, OUTBOX_BYTES_MAX};
    pub use super::doorman::WAITING_MAX;
    pub use super::events::WATCHER_BYTES_MAX;
    pub use super::stdin::STDIN_BYTES_MAX;
    pub use super::tap::WAITING_BYTES_MAX as FOLLOWER_BYTES_MAX;
}

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use mio::{Events, Interest, Poll, Token, Waker};
use slab::Slab;

use crate::base::clock::{Mono, Now};
use crate::base::level::Level;
use crate::base::signal;
use crate::config::model::Config;
use crate::events::{Bus, Event};
use crate::log::mainlog::MainLog;
use crate::log::said;
use crate::process::ledger::Entry;
use crate::process::{Action, Mood, ProcessId, Supervisor};
use crate::rpc::{About, Host, Written};
use crate::sys::host::random;
use crate::sys::proc::Proc;
use crate::sys::signals::Signals;
use crate::sys::spawn::Spawner;
use crate::sys::{clock, memory};

use calls::Wait;
use client::Client;
use doorman::Doorman;
pub use journal::Journal;
pub use launch::Common;
pub use listen::{CannotListen, Listening};
use metrics::Counters;
pub use notify::Report;
use reader::{ConfigReader, Fresh};
use rests::Rests;
use shell::Shell;
use sources::{Source, Sources, watch};
use timers::{Timer, Timers};
use usage::Usages;
use web::Web;

/// Events taken from the kernel at once; more wait there.
const EVENTS: usize = 1024;
/// Starts get this long in each half of a turn before clients and pipes have theirs.
const START_BUDGET: Duration = Duration::from_millis(5);
/// The first sleep that may last this long ends the start-up: what only that needed is given back.
const LEISURE: Duration = Duration::from_secs(2);

/// The daemon at work.
pub struct Reactor {
    poll: Poll,
    /// What runs and what should run.
    set: Supervisor,
    shell: Shell,
    signals: Signals,
    listening: Listening,
    doorman: Doorman,
    clients: Slab<Client>,
    /// Whose stream of events is which.
    watchers: HashMap<usize, usize>,
    /// Those that may have something to be sent.
    outgoing: Vec<usize>,
    /// Calls whose answer comes later.
    waits: Vec<Wait>,
    about: About,
    /// Answers to those who ask for processes.
    written: Written,
    /// When that was last used, while there is a [`Timer::Tidy`].
    written_at: Option<Mono>,
    /// What the pages and the JSON API know.
    web: Web,
    todo: Vec<Action>,
    /// Programs to start, in order, as there is time.
    spawns: VecDeque<ProcessId>,
    /// The end of that time.
    starts_until: Mono,
    /// Something changed in this turn that a waiting call may wait for.
    changed: bool,
    finished: bool,
    /// A TERM has come: the next one is an impatient one.
    terminated: bool,
    rests: Rests,
    counters: Counters,
    usages: Usages,
    /// Whom to tell how it goes, if anybody asked.
    report: Option<Report>,
}

/// What a daemon begins with.
pub struct Start {
    /// The configuration.
    pub config: Arc<Config>,
    /// What every program gets.
    pub common: Common,
    /// Who the daemon is.
    pub about: About,
    /// The local time zone.
    pub tz: TimeZone,
    /// What an earlier daemon may have left running.
    pub leftovers: Vec<Entry>,
    /// What it has from the life before.
    pub remains: Remains,
}

/// What outlives a restart.
pub struct Remains {
    /// The control sockets.
    pub listening: Listening,
    /// The handlers.
    pub signals: Signals,
    /// Open.
    pub log: MainLog,
    /// Reads the configuration again.
    pub reader: ConfigReader,
    /// Made early, while few descriptors were open.
    pub spawner: Spawner,
    /// Tells the next daemon what runs.
    pub journal: Journal,
    /// The service manager's share.
    pub report: Option<Report>,
}

impl Reactor {
    /// Sets everything up; nothing runs yet.
    ///
    /// # Errors
    /// What epoll or the signal handlers say.
    pub fn new(now: Now, start: Start) -> io::Result<Reactor> {
        let poll = Poll::new()?;
        let Remains { listening, signals, log, reader, spawner, journal, report } = start.remains;
        let mut sources = Sources::default();
        let token = sources.add(Source::Signals);
        for fd in signals.fds() {
            watch(poll.registry(), fd, token, Interest::READABLE)?;
        }
        let token = sources.add(Source::Doorman);
        let waker = Waker::new(poll.registry(), Token(token))?;
        let doorman = Doorman::new(random()?, waker);
        let config = start.config;
        let shell = Shell {
            registry: poll.registry().try_clone()?,
            sources,
            unfinished: Vec::new(),
            timers: Timers::default(),
            children: Vec::new(),
            log,
            newest: Arc::clone(&config),
            config,
            reader,
            bus: Bus::new(&start.about.identifier),
            telling: Vec::new(),
            told: Vec::new(),
            heard: Vec::new(),
            envelope: Vec::new(),
            common: start.common,
            taps: Default::default(),
            sockets: Default::default(),
            scratch: vec![0; output::READ_BYTES],
            fresh: None,
            spawner,
            passing: [None; 2],
            journal,
            proc: Proc::default(),
            takes_groups: false,
            is_subreaper: false,
            delegated: None,
            trouble_at: None,
            tz: start.tz,
        };
        let usages = Usages::new(start.about.pid);
        let mut reactor = Reactor {
            poll,
            set: Supervisor::new(),
            shell,
            signals,
            listening,
            doorman,
            clients: Slab::new(),
            watchers: HashMap::new(),
            outgoing: Vec::new(),
            waits: Vec::new(),
            about: start.about,
            written: Written::default(),
            written_at: None,
            web: Web::new(now, random()?),
            todo: Vec::new(),
            spawns: VecDeque::new(),
            starts_until: now.mono,
            changed: false,
            finished: false,
            terminated: false,
            rests: Rests::default(),
            counters: Counters::new(now.wall),
            usages,
            report,
        };
        reactor.open_doors(now)?;
        let config = Arc::clone(&reactor.shell.config);
        for group in &config.groups {
            reactor.set.add_group(group);
        }
        reactor.act(now);
        reactor.take_over(now, start.leftovers);
        Ok(reactor)
    }

    /// Works until everything is stopped, and says whether to begin again.
    pub fn run(&mut self) -> Mood {
        let mut events = Events::with_capacity(EVENTS);
        self.shell.publish(clock::now(), Event::Running);
        self.report(clock::now());
        let mut done = clock::now().mono; // with the last turn
        let mut started_up = true;
        self.shell.log.hold(true, clock::now());
        loop {
            if self.finished {
                let now = clock::now();
                self.poll_waits(now); // the end may be what they wait for
                self.shell.log.hold(false, now);
                self.send_all(now);
                return self.set.mood();
            }
            let timeout = self.timeout(done);
            if started_up && timeout.is_none_or(|timeout| timeout > LEISURE) {
                started_up = false;
                memory::release();
            }
            if let Err(error) = self.poll.poll(&mut events, timeout) {
                if error.kind() != io::ErrorKind::Interrupted {
                    let text = format!("epoll_wait failed: {error}; trying again");
                    self.shell.say(clock::now(), (Level::Crit, text));
                    std::thread::sleep(Duration::from_millis(100)); // never a busy loop
                }
                done = clock::now().mono;
                continue;
            }
            let now = clock::now(); // the one reading of this turn
            self.starts_until = now.mono + START_BUDGET;
            let unfinished = std::mem::take(&mut self.shell.unfinished);
            for event in &events {
                let token = event.token().0;
                if let (true, Some(Source::Client(slot))) =
                    (event.is_read_closed(), self.shell.sources.get(token))
                {
                    self.client_ends(slot);
                }
                self.ready(now, token);
            }
            for token in unfinished {
                self.ready(now, token);
            }
            self.settle(now);
            self.shell.log.flush(now);
            done = clock::now().mono;
            self.counters.turns.observe(done.since(now.mono));
        }
    }

    /// Whether the next turn has work that nothing will announce.
    fn is_hurried(&self) -> bool {
        !self.shell.unfinished.is_empty()
            || !self.spawns.is_empty()
            || self.set.has_queued()
            || self.rests.are_due()
            || self.has_work()
            || self.usages.is_reading()
    }

    /// How long nothing can happen by itself.
    fn timeout(&mut self, now: Mono) -> Option<Duration> {
        if self.is_hurried() {
            return Some(Duration::ZERO);
        }
        let next = [self.set.deadline(), self.shell.timers.next(), self.shell.bus.deadline()];
        let next = next.into_iter().flatten().min()?;
        // Rounded up, or the last fraction of a millisecond would be spent spinning.
        let left = next.since(now).as_nanos().div_ceil(1_000_000);
        Some(Duration::from_millis(u64::try_from(left).unwrap_or(u64::MAX)))
    }

    fn ready(&mut self, now: Now, token: usize) {
        match self.shell.sources.get(token) {
            None => {}
            Some(Source::Signals) => self.hear_signals(now),
            Some(Source::Listener(index)) => self.accept(now, index),
            Some(Source::Client(slot)) => {
                self.shell.log.flush(now); // it may ask for the log
                self.hear_client(now, slot);
            }
            Some(Source::Doorman) => self.let_in(now),
            Some(Source::Output(id, channel)) => {
                // By the clock means by the clock, whatever the poll had still to tell.
                self.shell.read_stream(now, id, channel);
            }
            Some(Source::Held(id)) => self.held_ended(now, id),
            Some(Source::Stdin(id)) => self.shell.flush_stdin(id),
            Some(Source::Passthrough(which)) => {
                let outlets = &mut self.shell.log.outlets;
                let stream = if which == 0 { &mut outlets.stdout } else { &mut outlets.stderr };
                if let Some(stream) = stream {
                    stream.on_writable();
                }
                self.shell.watch_passthroughs();
            }
        }
    }

    /// Does what has come due and what was decided, and answers.
    fn settle(&mut self, now: Now) {
        // However long the hearing took, something is started in every turn.
        self.starts_until = clock::now().mono + START_BUDGET;
        while let Some(timer) = self.shell.timers.due(now.mono) {
            match timer {
                Timer::Read(token) => self.ready(now, token),
                Timer::Troubles => self.shell.tell_troubles(now),
                Timer::Tidy => self.tidy(now),
                Timer::Accept(index) => self.accept(now, index),
                Timer::Restart(id, pid) => self.restart_listener(now, id, pid),
                Timer::Beat => self.beat(now),
                Timer::Follow => self.follow_due(now),
                Timer::Usage => self.usage_due(now),
                Timer::Rests => self.look_after_rests(now),
                Timer::Status => self.report_status(),
                Timer::Watchdog => self.feed_watchdog(now),
                Timer::Pace(token) => {
                    if let Some(Source::Client(slot)) = self.shell.sources.get(token) {
                        self.check_pace(now, slot);
                    }
                }
            }
        }
        self.set.tick(now);
        self.act(now);
        self.serve_rests(now);
        self.act(now);
        self.start_queued();
        if std::mem::take(&mut self.changed) {
            self.poll_waits(now);
            self.act(now);
        }
        self.shell.bus.tick(now, &mut self.shell.telling);
        self.tell(now);
        self.look_on(now);
        let Shell { journal, proc, .. } = &mut self.shell;
        if let Some(trouble) = journal.flush(now, proc) {
            self.shell.say(now, (Level::Warn, trouble));
        }
        self.shell.log.flush(now); // what an answer tells is in the log before
        self.shell.watch_passthroughs();
        self.shell.note_trouble(self.shell.log.trouble_due());
        self.send_all(now);
        self.report(now);
    }

    /// Autostarts, as many as fit into this turn's share.
    fn start_queued(&mut self) {
        let mut now = clock::now();
        while now.mono < self.starts_until && self.set.start_queued(now) {
            self.act(now);
            now = clock::now();
        }
    }

    fn hear_signals(&mut self, now: Now) {
        let mut pending: Vec<i32> = self.signals.pending().collect();
        // One is enough for any number of deaths; of the others each counts.
        pending.dedup_by(|a, b| *a == libc::SIGCHLD && a == b);
        for signal in pending {
            match signal {
                libc::SIGTERM | libc::SIGINT | libc::SIGQUIT => {
                    self.shell.say(now, said::exit_request(&signal::name(signal)));
                    let second =
                        signal == libc::SIGTERM && std::mem::replace(&mut self.terminated, true);
                    // One behind `supervisorctl shutdown` is what systemd sends after ExecStop.
                    match self.set.mood() {
                        Mood::Shutdown if second => self.set.kill_now(now),
                        _ => self.set.end(now, Mood::Shutdown),
                    }
                }
                libc::SIGHUP if self.set.mood() == Mood::Shutdown => {
                    self.shell.say(now, said::restart_ignored(&signal::name(signal)));
                }
                libc::SIGHUP => {
                    self.shell.say(now, said::restart_request(&signal::name(signal)));
                    match self.shell.prepare_restart() {
                        Ok(()) => self.set.end(now, Mood::Restarting),
                        Err(problems) => self.stay(now, &problems),
                    }
                }
                libc::SIGUSR2 => {
                    self.shell.say(now, said::reopen_request(&signal::name(signal)));
                    self.reopen_logs(now);
                }
                libc::SIGCHLD => {
                    self.reap(now, said::child_quit(&signal::name(signal)));
                }
                other => self.shell.say(now, said::nothing_request(&signal::name(other))),
            }
        }
    }

    /// A restart is not to be: nothing changes, and the log says why.
    fn stay(&mut self, now: Now, problems: &str) {
        for line in problems.lines() {
            self.shell.say(now, (Level::Erro, line.to_owned()));
        }
        let text = "not restarted: the configuration has mistakes, the old one stays in force";
        self.shell.say(now, (Level::Erro, text.to_owned()));
    }

    /// Takes leave of the dead. What they wrote is read first, so that their last words stand in
    /// the log before their end does, and before `word` that somebody has died.
    fn reap(&mut self, now: Now, word: (Level, String)) {
        let mut word = Some(word);
        while let Some((pid, status)) = self.next_dead() {
            let known = self.set.by_pid(pid);
            let last = known.filter(|id| !self.set.may_leave_rest(*id)); // to write into its pipes
            if let Some(id) = last {
                self.shell.finish_streams(now, id);
            }
            if let Some(word) = word.take() {
                self.shell.say(now, word);
            }
            match known {
                Some(_) => {
                    last.into_iter().for_each(|id| self.shell.close_stdin(id));
                    self.shell.journal.ended(pid);
                    self.set.died(now, pid, status);
                    self.act(now);
                }
                None => self.shell.say(now, said::reaped_unknown(pid, &status.words())),
            }
        }
        self.doubt_rests(now);
        if let Some(word) = word {
            self.shell.say(now, word); // the dead were met at an earlier one
        }
    }

    /// Ends this life; what is still open for children or clients is closed.
    pub fn into_remains(mut self) -> Remains {
        self.close_doors();
        let (listening, signals) = (self.listening, self.signals);
        let report = self.report.map(Report::again);
        let Shell { log, reader, spawner, journal, .. } = self.shell;
        Remains { listening, signals, log, reader, spawner, journal, report }
    }

    /// What the next life begins with: the file as it is now, or as it was when the restart was
    /// asked for, should it have been broken since.
    pub fn take_fresh(&mut self) -> Option<Fresh> {
        let asked = self.shell.fresh.take();
        self.shell.reader.read().ok().or(asked)
    }

    /// USR2: whoever moved the files away gets new ones. What cannot be opened stays as it is.
    fn reopen_logs(&mut self, now: Now) {
        self.shell.say(now, said::logreopen());
        let mut failed: Vec<io::Error> = self.shell.log.reopen(now).err().into_iter().collect();
        let children = self.shell.children.iter_mut().flatten();
        let streams = children.flat_map(|child| &mut child.streams);
        failed.extend(streams.filter_map(|stream| stream.log.reopen(now).err()));
        for error in failed {
            self.shell.say(now, (Level::Erro, error.to_string()));
        }
    }
}
