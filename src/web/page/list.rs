//! The list of all processes: what runs, what does not, and what can be done about it.

use std::fmt::Write;

use super::notice::Notice;
use super::{frame, row};
use crate::base::signal;
use crate::process::State;
use crate::web::escape;
use crate::web::view::{DaemonView, ProcessView};

/// What the page is made from.
#[derive(Clone, Copy, Debug)]
pub struct List<'a> {
    /// Shown at the top.
    pub daemon: &'a DaemonView,
    /// In the order they are shown in; those of a group stand together.
    pub processes: &'a [ProcessView],
    /// Which of them are visible.
    pub filter: &'a Filter,
    /// What came of the last action.
    pub notice: Option<&'a Notice>,
    /// Goes with every form.
    pub token: &'a str,
    /// Where the stream of changes goes on from this state of things.
    pub serial: &'a str,
}

/// Which processes somebody wants to see. The default shows all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Has to occur in the name or the description, in any case.
    pub text: String,
    /// Only these; `None` for any.
    pub state: Option<Wanted>,
}

/// A choice of states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// What should be up and is not: FATAL, BACKOFF, UNKNOWN, or EXITED as it should not have.
    Problems,
    /// One state.
    State(State),
}

impl Wanted {
    /// Reads `problems` or the name of a state.
    pub fn parse(word: &str) -> Option<Wanted> {
        if word == "problems" {
            return Some(Wanted::Problems);
        }
        State::ALL.into_iter().find(|state| state.name() == word).map(Wanted::State)
    }

    fn takes(self, process: &ProcessView) -> bool {
        match self {
            Wanted::Problems => is_problem(process),
            Wanted::State(state) => process.state == state,
        }
    }
}

impl Filter {
    fn takes(&self, process: &ProcessView, lower: &str) -> bool {
        let occurs = |text: &str| text.to_lowercase().contains(lower);
        self.state.is_none_or(|wanted| wanted.takes(process))
            && (lower.is_empty() || occurs(&process.full_name()) || occurs(&process.description))
    }
}

/// Whether somebody should look at it.
pub fn is_problem(process: &ProcessView) -> bool {
    match process.state {
        State::Fatal | State::Backoff | State::Unknown => true,
        State::Exited => process.last_exit.is_some_and(|exit| !exit.expected),
        State::Stopped | State::Starting | State::Running | State::Stopping => false,
    }
}

/// Bytes a row is expected to take.
const ROW_BYTES: usize = 256;

/// The page. A thousand processes take less than 256 KB.
pub fn list(view: &List) -> String {
    let mut out = String::with_capacity(8192 + view.processes.len() * ROW_BYTES);
    frame::open(&mut out, view.daemon, frame::Kind::List, "Processes");
    header(&mut out, view);
    if let Some(notice) = view.notice {
        notice.write(&mut out);
    }
    out.push_str("<main data-serial=");
    escape::attribute(&mut out, view.serial);
    let _ = write!(out, " data-now={}", view.daemon.now.secs());
    out.push_str("><form id=processes method=post action=/>");
    // Enter in a checkbox would press the first button of the form; this one cannot be pressed.
    out.push_str("<button disabled hidden></button>");
    frame::hidden(&mut out, "token", view.token);
    bar(&mut out);
    table(&mut out, view);
    out.push_str("</form></main>");
    frame::close(&mut out);
    out
}

fn header(out: &mut String, view: &List) {
    out.push_str("<header><h1>");
    frame::brand(out, view.daemon);
    out.push_str("</h1>");
    frame::mood(out, view.daemon);
    out.push_str("<span id=link></span><nav id=states aria-label=\"Filter by state\">");
    let chosen = view.filter.state;
    chip(out, "All", None, view.processes.len(), chosen);
    let problems = view.processes.iter().filter(|process| is_problem(process)).count();
    chip(out, "Problems", Some(Wanted::Problems), problems, chosen);
    for state in State::ALL {
        let count = view.processes.iter().filter(|process| process.state == state).count();
        chip(out, state.name(), Some(Wanted::State(state)), count, chosen);
    }
    out.push_str(
        "</nav><form id=search role=search action=/><input type=search name=filter \
         aria-label=\"Filter processes\" placeholder=\"Filter\" autocomplete=off value=",
    );
    escape::attribute(out, &view.filter.text);
    out.push_str(
        "></form><details class=menu><summary class=button>Daemon</summary><form id=daemon \
         method=post action=/><button disabled hidden></button>",
    );
    frame::hidden(out, "token", view.token);
    out.push_str(
        "<a href=/log>Main log</a>\
         <button name=action value=reread>Reread configuration</button>\
         <button name=action value=update>Update to configuration…</button>\
         <button name=action value=clear-main-log>Clear main log…</button>\
         <button name=action value=restart-daemon>Restart daemon…</button>\
         <button name=action value=shutdown class=danger>Shut down…</button>\
         </form></details></header>",
    );
}

/// A state's count, which is also the link that shows these alone. Hidden while nobody is in it.
fn chip(out: &mut String, word: &str, wanted: Option<Wanted>, count: usize, now: Option<Wanted>) {
    let (href, class) = match wanted {
        None => ("/".to_owned(), "all".to_owned()),
        Some(Wanted::Problems) => ("/?state=problems".to_owned(), "problems".to_owned()),
        Some(Wanted::State(state)) => {
            (format!("/?state={}", state.name()), format!("s{}", state.code()))
        }
    };
    let hidden = if count == 0 && wanted.is_some() && wanted != now { " hidden" } else { "" };
    let current = if wanted == now { " aria-current=true" } else { "" };
    let _ = write!(
        out,
        "<a class=\"chip {class}\" href=\"{href}\"{current}{hidden}><span>{word}</span> <b>{count}</b></a>"
    );
}

/// Signals offered; those that ask for something other than an end come first.
const SIGNALS: [&str; 12] =
    ["HUP", "USR1", "USR2", "INT", "QUIT", "TERM", "KILL", "STOP", "CONT", "WINCH", "ALRM", "ABRT"];

/// What can be done to the chosen rows.
fn bar(out: &mut String) {
    out.push_str(
        "<div class=bar role=group aria-label=\"Actions on selected processes\">\
         <label class=everything><input type=checkbox name=target value=all> All processes</label>\
         <output id=chosen></output>\
         <button name=action value=start>Start</button>\
         <button name=action value=stop>Stop</button>\
         <button name=action value=restart>Restart</button>\
         <button name=action value=clear>Clear logs</button>\
         <span class=pair><select name=signal aria-label=Signal>",
    );
    debug_assert!(SIGNALS.iter().all(|name| signal::number(name).is_some()));
    for name in SIGNALS {
        let _ = write!(out, "<option>{name}");
    }
    out.push_str("</select><button name=action value=signal>Send signal</button></span></div>");
}

fn table(out: &mut String, view: &List) {
    out.push_str(
        "<table id=list><caption class=unseen>Processes by group</caption><thead><tr>\
         <th>Process<th>State<th>PID<th>Uptime<th><abbr title=\"Restarts without being asked\">\
         Restarts</abbr><th>CPU %<th>Memory<th>Last exit<th>Description<th>\
         <span class=unseen>Actions</span></thead>",
    );
    let lower = view.filter.text.to_lowercase();
    let mut was_single = false;
    for group in view.processes.chunk_by(|a, b| a.group == b.group) {
        let visible = |process: &&ProcessView| view.filter.takes(process, &lower);
        let is_single = matches!(group, [one] if one.name == one.group);
        if !(is_single && was_single) {
            out.push_str("<tbody>");
        }
        if !is_single {
            row::group(out, group, !group.iter().any(|process| visible(&process)));
        }
        for process in group {
            row::process(out, process, view.daemon.now, !visible(&process));
        }
        was_single = is_single;
    }
    out.push_str("</table>");
    if view.processes.is_empty() {
        out.push_str(
            "<p class=empty>No processes. Add a <code>[program:x]</code> section, then Update.",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Wall;
    use crate::base::status::Status;
    use crate::web::testing::{daemon, process};
    use crate::web::view::{LastExit, Usage};

    fn page(processes: &[ProcessView], filter: &Filter) -> String {
        let daemon = daemon();
        list(&List {
            daemon: &daemon,
            processes,
            filter,
            notice: None,
            token: "T0K",
            serial: "7-a",
        })
    }

    fn exited(group: &str, name: &str, code: i32) -> ProcessView {
        let status = Status { code, signal: None, core: false };
        let exit = LastExit { status, expected: code == 0, at: Wall::from_secs(999_900) };
        ProcessView { state: State::Exited, last_exit: Some(exit), ..process(group, name) }
    }

    #[test]
    fn members_of_a_group_stand_under_its_name_and_others_alone() {
        let processes =
            [process("a", "a"), process("b", "b"), process("jobs", "w_0"), process("jobs", "w_1")];
        let page = page(&processes, &Filter::default());
        assert_eq!(page.matches("<tbody>").count(), 2);
        assert_eq!(page.matches("value=jobs:*>").count(), 1);
        assert!(page.contains("name=target value=jobs:w_1>w_1</label>"));
        assert!(page.contains("name=target value=a>a</label>"));
        assert!(page.contains("<main data-serial=7-a "));
    }

    #[test]
    fn states_are_counted_and_what_is_wrong_is_counted_apart() {
        let page = page(
            &[process("a", "a"), exited("b", "b", 0), exited("c", "c", 1)],
            &Filter { state: Wanted::parse("EXITED"), ..Filter::default() },
        );
        assert!(page.contains(
            "<a class=\"chip s100\" href=\"/?state=EXITED\" aria-current=true><span>EXITED</span> <b>2</b>"
        ));
        assert!(page.contains("<span>Problems</span> <b>1</b>"));
        assert!(page.contains("<a class=\"chip s200\" href=\"/?state=FATAL\" hidden>"));
        assert!(page.contains("<tr class=s20 hidden>"));
    }

    #[test]
    fn a_filter_hides_rows_and_groups_without_visible_members() {
        let processes = [process("jobs", "w_0"), process("mail", "Worker")];
        let page = page(&processes, &Filter { text: "WORK".into(), state: None });
        assert!(page.contains("<tr class=g hidden>"));
        assert_eq!(page.matches("<tr class=s20>").count(), 1);
        assert!(page.contains("value=WORK>"));
    }

    #[test]
    fn names_and_messages_made_of_markup_are_text() {
        let nasty = "\"><img src=x onerror=alert(1)>\x1b[31m";
        let view =
            ProcessView { state: State::Fatal, description: nasty.into(), ..process(nasty, "n") };
        let page = page(&[view], &Filter { text: nasty.into(), state: None });
        assert!(!page.contains("<img"), "{page}");
        assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;␛[31m"));
    }

    #[test]
    fn a_thousand_processes_take_little_more_than_250_kilobytes_at_most() {
        let usage =
            Usage { cpu_percent: 12.3, cpu_seconds: 1.0, resident: 1 << 27, descriptors: None };
        let processes: Vec<_> = (0..1000)
            .map(|n| ProcessView {
                state: State::Running,
                usage: Some(usage),
                restarts: 12,
                pid: 1_234_567,
                ..exited("worker", &format!("worker_{n:04}"), 1)
            })
            .collect();
        let page = page(&processes, &Filter::default());
        assert!(page.len() < 256_000, "{}", page.len());
    }
}
