//! One row of the list. Written tersely (HTML lets end tags and quotes go), as there may be
//! thousands; the page's script finds the cells by position (`assets/list.js`).

use std::fmt::Write;

use super::list::is_problem;
use super::words;
use crate::base::clock::Wall;
use crate::process::State;
use crate::web::escape;
use crate::web::view::ProcessView;

/// Appends the row of one process.
pub fn process(out: &mut String, view: &ProcessView, now: Wall, hidden: bool) {
    let name = view.full_name();
    let problem = view.state == State::Exited && is_problem(view);
    let class = view.state.code();
    let _ = match problem {
        true => write!(out, "<tr class=\"s{class} x\""),
        false => write!(out, "<tr class=s{class}"),
    };
    out.push_str(if hidden { " hidden><th>" } else { "><th>" });
    checkbox(out, &name, &view.name);
    let _ = write!(out, "<td>{}<td>", view.state.name());
    if view.pid > 0 {
        let _ = write!(out, "{}", view.pid);
    }
    out.push_str("<td>");
    view.uptime.into_iter().for_each(|uptime| out.push_str(&words::uptime(uptime)));
    let _ = write!(out, "<td>{}", view.restarts);
    match &view.usage {
        Some(usage) => {
            let memory = words::bytes(usage.resident);
            let _ = write!(out, "<td>{:.1}<td>{memory}", usage.cpu_percent);
        }
        None => out.push_str("<td><td>"),
    }
    match &view.last_exit {
        Some(exit) => {
            let age = now.secs().saturating_sub(exit.at.secs());
            let class = if exit.expected { "" } else { " class=x" };
            let (end, ago) = (words::end(exit.status), words::ago(exit.at, now));
            let _ = write!(out, "<td data-a={age}{class}>{end}, {ago}");
        }
        None => out.push_str("<td>"),
    }
    out.push_str("<td>");
    // That of a running process repeats its pid and uptime.
    if view.state != State::Running {
        escape::text(out, &view.description);
    }
    out.push_str("<td>");
    let channel = match view.has_log {
        [true, _] => "stdout",
        [false, true] => "stderr",
        [false, false] => return,
    };
    out.push_str("<a href=/log/");
    escape::segment(out, &name);
    let _ = write!(out, "/{channel}>log</a>");
}

/// Appends the row above the members of a group.
pub fn group(out: &mut String, members: &[ProcessView], hidden: bool) {
    let Some(first) = members.first() else { return };
    out.push_str(if hidden { "<tr class=g hidden>" } else { "<tr class=g>" });
    out.push_str("<th colspan=9 scope=rowgroup>");
    checkbox(out, &format!("{}:*", first.group), &first.group);
    out.push_str("<span class=tally>");
    for (at, state) in State::ALL.into_iter().enumerate() {
        let count = members.iter().filter(|process| process.state == state).count();
        if count > 0 {
            let class = State::ALL[at].code();
            let _ = write!(out, "<span class=s{class}>{count} {}</span> ", state.name());
        }
    }
    out.push_str("</span><td>");
}

fn checkbox(out: &mut String, target: &str, label: &str) {
    out.push_str("<label><input type=checkbox name=target value=");
    escape::attribute(out, target);
    out.push('>');
    escape::text(out, label);
    out.push_str("</label>");
}
