//! A page that says why there is none.

use super::frame;
use crate::web::escape;
use crate::web::view::DaemonView;

/// A whole page with one sentence, such as `there is no process jobs:x`.
pub fn problem(daemon: &DaemonView, title: &str, sentence: &str) -> String {
    let mut out = String::with_capacity(1024);
    frame::open(&mut out, daemon, frame::Kind::Card, title);
    out.push_str("<header>");
    frame::brand(&mut out, daemon);
    frame::mood(&mut out, daemon);
    out.push_str("</header><main class=card><h1>");
    escape::text(&mut out, title);
    out.push_str("</h1><p>");
    escape::text(&mut out, sentence);
    out.push_str("<p><a href=/>All processes</a></main>");
    frame::close(&mut out);
    out
}
