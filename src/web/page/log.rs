//! A log, a portion at a time, from its newest end.

use std::fmt::Write;

use super::frame;
use crate::base::channel::Channel;
use crate::web::view::{DaemonView, ProcessView};
use crate::web::{ansi, escape};

/// How much of a log one page shows.
pub const PORTION_BYTES: u64 = 64 << 10;

/// What the page is made from.
#[derive(Clone, Copy, Debug)]
pub struct Log<'a> {
    /// Shown at the top.
    pub daemon: &'a DaemonView,
    /// Whose log it is.
    pub of: Source<'a>,
    /// The portion shown.
    pub text: &'a [u8],
    /// Where in the file it begins.
    pub offset: u64,
    /// Length of the whole file.
    pub size: u64,
}

/// A log of the daemon.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// The daemon's own.
    Main,
    /// What a process writes.
    Process(&'a ProcessView, Channel),
}

impl Source<'_> {
    fn title(self) -> String {
        match self {
            Source::Main => "Main log".to_owned(),
            Source::Process(view, channel) => format!("{} {}", view.full_name(), channel.name()),
        }
    }

    /// The address of this view, and of the same log for machines.
    fn addresses(self) -> [String; 2] {
        match self {
            Source::Main => ["/log".to_owned(), "/api/v1/daemon/log".to_owned()],
            Source::Process(view, channel) => {
                let mut name = String::new();
                escape::segment(&mut name, &view.full_name());
                let channel = channel.name();
                [
                    format!("/log/{name}/{channel}"),
                    format!("/api/v1/processes/{name}/logs/{channel}"),
                ]
            }
        }
    }
}

/// The page.
pub fn log(view: &Log) -> String {
    let mut out = String::with_capacity(4096 + view.text.len() * 5 / 4);
    frame::open(&mut out, view.daemon, frame::Kind::Log, &view.of.title());
    let [address, api] = view.of.addresses();
    out.push_str("<header>");
    frame::brand(&mut out, view.daemon);
    frame::mood(&mut out, view.daemon);
    out.push_str("<span id=link></span><h1>");
    match view.of {
        Source::Main => out.push_str("Main log</h1>"),
        Source::Process(process, channel) => {
            escape::text(&mut out, &process.full_name());
            out.push_str("</h1><nav class=tabs aria-label=Output>");
            for (tab, has) in [Channel::Stdout, Channel::Stderr].into_iter().zip(process.has_log) {
                tab_link(&mut out, process, tab, tab == channel, has);
            }
            out.push_str("</nav>");
        }
    }
    tools(&mut out);
    portions(&mut out, view, &address, &api);
    out.push_str("</header><main id=log tabindex=0 aria-label=");
    escape::attribute(&mut out, &view.of.title());
    out.push_str(" data-api=");
    escape::attribute(&mut out, &api);
    out.push_str("><pre>");
    // A parser drops a newline that directly follows the tag.
    out.push_str(if view.text.starts_with(b"\n") { "\n" } else { "" });
    ansi::html(&mut out, whole_letters(view.text));
    out.push_str("</pre>");
    if view.text.is_empty() {
        out.push_str("<p class=empty>Nothing has been written here.");
    }
    out.push_str("</main>");
    frame::close(&mut out);
    out
}

/// Without the rest of a UTF-8 sequence that began in the portion before.
fn whole_letters(text: &[u8]) -> &[u8] {
    let rest = text.iter().take(3).take_while(|&&byte| byte & 0xc0 == 0x80).count();
    &text[rest..]
}

fn tab_link(out: &mut String, process: &ProcessView, tab: Channel, is_current: bool, has: bool) {
    let word = tab.name();
    if !has {
        let _ =
            write!(out, "<span class=off title=\"Not written to a file of its own\">{word}</span>");
        return;
    }
    out.push_str("<a href=");
    let [address, _] = Source::Process(process, tab).addresses();
    escape::attribute(out, &address);
    out.push_str(if is_current { " aria-current=page>" } else { ">" });
    let _ = write!(out, "{word}</a>");
}

/// What only works with the script, which reveals it.
fn tools(out: &mut String) {
    out.push_str(
        "<div id=tools hidden><form id=find role=search><input type=search name=find \
         aria-label=\"Search this log\" placeholder=\"Search\" autocomplete=off>\
         <button type=button id=older aria-label=\"Match before\" title=\"Match before (Shift+Enter)\">↑</button>\
         <button type=submit id=newer aria-label=\"Match after\" title=\"Match after (Enter)\">↓</button>\
         <output id=found></output><progress id=searched max=1 aria-label=\"Searched\" hidden></progress>\
         <button type=button id=cancel hidden>Cancel</button></form>\
         <button type=button id=follow aria-pressed=true>Following</button>\
         <button type=button id=wrap aria-pressed=true>Wrap</button></div>",
    );
}

/// Links to the rest of the log.
fn portions(out: &mut String, view: &Log, address: &str, api: &str) {
    let end = view.offset.saturating_add(view.text.len() as u64);
    out.push_str("<nav class=portions aria-label=Portions>");
    if view.offset > 0 {
        let older = view.offset.saturating_sub(PORTION_BYTES);
        let length = view.offset - older;
        let _ = write!(
            out,
            "<a rel=prev href=\"{address}?offset={older}&amp;length={length}\">Older</a>"
        );
    }
    if end < view.size {
        let _ = write!(
            out,
            "<a rel=next href=\"{address}?offset={end}&amp;length={PORTION_BYTES}\">Newer</a>\
             <a href=\"{address}\">Newest</a>"
        );
    }
    let _ = write!(out, "<span id=extent>{} – {end} of {} bytes</span>", view.offset, view.size);
    let newest = 1 << 20;
    let _ = write!(
        out,
        "<a href=\"{api}?offset=-{newest}&amp;length={newest}\" download=\"{}.log\" title=\"The newest MiB\">Download</a></nav>",
        file_name(&view.of.title()),
    );
}

/// A name for a file that no system minds.
fn file_name(title: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
    title.chars().map(|letter| if plain(letter) { letter } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::testing::{daemon, process};

    fn page(name: &str, text: &[u8], offset: u64, size: u64) -> String {
        let (daemon, process) = (daemon(), process("jobs", name));
        log(&Log {
            daemon: &daemon,
            of: Source::Process(&process, Channel::Stdout),
            text,
            offset,
            size,
        })
    }

    #[test]
    fn lines_made_of_markup_are_text_and_colours_stay() {
        let page = page("w", b"\x1b[31m<script>alert(1)</script>\x1b[m\n", 0, 34);
        assert!(
            page.contains("<span class=f1>&lt;script&gt;alert(1)&lt;/script&gt;</span>\n</pre>")
        );
    }

    #[test]
    fn older_and_newer_portions_are_a_link_away() {
        let page = page("w", b"middle", 100_000, 300_000);
        assert!(page.contains("href=\"/log/jobs:w/stdout?offset=34464&amp;length=65536\">Older"));
        assert!(page.contains("href=\"/log/jobs:w/stdout?offset=100006&amp;length=65536\">Newer"));
        assert!(page.contains("100000 – 100006 of 300000 bytes"));
        let short = super::tests::page("w", b"all", 0, 3);
        assert!(!short.contains("Older") && !short.contains("Newer"));
    }

    #[test]
    fn a_name_of_any_kind_stays_within_its_addresses() {
        let page = page("a/../\"><b>?", b"", 0, 0);
        assert!(page.contains("href=/log/jobs:a%2F..%2F%22%3E%3Cb%3E%3F/stdout aria-current=page"));
        assert!(page.contains("download=\"jobs-a-..----b---stdout.log\""));
        assert!(!page.contains("<b>"));
    }

    #[test]
    fn a_portion_cut_within_a_letter_begins_with_the_next() {
        assert!(
            page("w", "\u{20ac}x".as_bytes().get(1..).unwrap(), 9, 12).contains("<pre>x</pre>")
        );
    }
}
