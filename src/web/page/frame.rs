//! What all pages have around their content.

use std::fmt::Write;

use crate::web::view::DaemonView;
use crate::web::{assets, escape};

/// Which page it is, for script and style sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// All processes.
    List,
    /// A log.
    Log,
    /// A few sentences and perhaps a form.
    Card,
}

/// Begins a page: everything up to its header.
pub fn open(out: &mut String, daemon: &DaemonView, kind: Kind, title: &str) {
    out.push_str("<!doctype html><html lang=en><head><meta charset=utf-8><title>");
    escape::text(out, title);
    out.push_str(" · ");
    escape::text(out, &daemon.identifier);
    let _ = write!(
        out,
        "</title><meta name=viewport content=\"width=device-width,initial-scale=1\">\
         <meta name=color-scheme content=\"light dark\">\
         <link rel=icon type=image/svg+xml href={}><link rel=stylesheet href={}>",
        assets::ICON.path,
        assets::STYLE.path,
    );
    let (class, script) = match kind {
        Kind::List => ("list", Some(&*assets::LIST)),
        Kind::Log => ("log", Some(&*assets::LOG)),
        Kind::Card => ("one", None),
    };
    if let Some(script) = script {
        let _ = write!(out, "<script type=module src={}></script>", script.path);
    }
    let _ = write!(out, "</head><body class={class}>");
}

/// Appends the name of the daemon, as a link to the list.
pub fn brand(out: &mut String, daemon: &DaemonView) {
    out.push_str("<a class=brand href=/><span class=logo aria-hidden=true></span>");
    escape::text(out, &daemon.identifier);
    out.push_str("</a>");
}

/// Appends what the daemon is about.
pub fn mood(out: &mut String, daemon: &DaemonView) {
    let mood = daemon.mood.name();
    let _ = write!(
        out,
        "<span id=mood class={mood} title=\"svx {}, pid {}\">{mood}</span>",
        env!("CARGO_PKG_VERSION"),
        daemon.pid,
    );
}

/// Ends a page.
pub fn close(out: &mut String) {
    out.push_str("<div id=toasts role=status aria-live=polite></div></body></html>\n");
}

/// Appends a hidden field of a form.
pub fn hidden(out: &mut String, name: &str, value: &str) {
    let _ = write!(out, "<input type=hidden name={name} value=");
    escape::attribute(out, value);
    out.push('>');
}
