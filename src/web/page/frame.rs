//! What all pages have around their content.

use std::fmt::Write;

use crate::web::view::DaemonView;
use crate::web::{assets, escape};

/// Begins a page: everything up to the content of `<main>`. `kind` tells script and style sheet
/// which page it is.
pub fn open(out: &mut String, daemon: &DaemonView, kind: &str, title: &str) {
    out.push_str("<!doctype html><html lang=en><head><meta charset=utf-8><title>");
    escape::text(out, title);
    out.push_str(" · ");
    escape::text(out, &daemon.identifier);
    let _ = write!(
        out,
        "</title><meta name=viewport content=\"width=device-width,initial-scale=1\">\
         <meta name=color-scheme content=\"light dark\">\
         <link rel=icon type=image/svg+xml href={}><link rel=stylesheet href={}>\
         <script type=module src={}></script></head><body class={kind} data-identifier=",
        assets::ICON.path,
        assets::STYLE.path,
        assets::SCRIPT.path,
    );
    escape::attribute(out, &daemon.identifier);
    out.push('>');
}

/// Appends the name of the daemon, as a link to the list, and its mood.
pub fn brand(out: &mut String, daemon: &DaemonView) {
    out.push_str("<a class=brand href=/><span class=logo aria-hidden=true></span>");
    escape::text(out, &daemon.identifier);
    let mood = daemon.mood.name();
    let _ = write!(
        out,
        "</a><span id=mood class={mood} title=\"svx {}, pid {}\">{mood}</span>",
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
