//! The configuration that `echo-conf` prints: every section and option of Supervisor's own sample,
//! written from the option tables.

use std::fmt::Write;

use super::options::program::Kind;
use super::options::{Opt, Sample, client, daemon, group, server};

/// Column at which the comments stand.
const COMMENTS_AT: usize = 39;

/// The whole sample.
pub fn text() -> String {
    let mut out = String::new();
    note(&mut out, HEAD);
    section(&mut out, true, "unix_http_server", server::UNIX);
    note(&mut out, INET);
    section(&mut out, false, "inet_http_server", server::INET);
    section(&mut out, true, "supervisord", daemon::ROWS);
    note(&mut out, "Without this section no client can talk to the daemon.");
    section(&mut out, true, "rpcinterface:supervisor", group::RPCINTERFACE);
    note(&mut out, "How supervisorctl reaches the daemon: as one of the servers above listens.");
    section(&mut out, true, "supervisorctl", client::ROWS);
    note(
        &mut out,
        "A program to run, with every option it can have. Copy it, name it, cut it down.",
    );
    section(&mut out, false, "program:theprogramname", Kind::Program.rows());
    note(&mut out, "A program that is told what happens to the others, through its stdin.");
    let listener = Kind::Listener.rows().filter(|row| !row.name.ends_with("_capture_maxbytes"));
    section(&mut out, false, "eventlistener:theeventlistenername", listener);
    note(&mut out, "Programs that are started, stopped and named together.");
    section(&mut out, false, "group:thegroupname", group::GROUP);
    note(&mut out, "More files to read. What they include in turn is not read.");
    section(&mut out, false, "include", group::INCLUDE);
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

const HEAD: &str = "\
Sample supervisor config file, for svx and for Supervisor alike. What is commented out shows a default or an example.

 - %(ENV_HOME)s stands for the environment variable HOME, %(here)s for this file's directory;
   a percent sign is written twice. The shell's $HOME means nothing here.
 - A comment begins with a semicolon after white space, even inside quotes: \"a=b ;comment\".
   So a command cannot contain one there.
 - Values are not quoted, except in environment=.
 - /tmp is only an example: some systems clean it, and a socket that is gone cannot be used.";

const INET: &str = "\
A TCP server gives whoever reaches it full control over every program. Keep it on 127.0.0.1 or a
network of its own, and set username and password.";

fn note(out: &mut String, text: &str) {
    for line in text.lines() {
        out.push_str(format!("; {line}").trim_end());
        out.push('\n');
    }
    out.push('\n');
}

/// A section; commented out as a whole unless `on`.
fn section<'t, T: 't>(
    out: &mut String,
    on: bool,
    name: &str,
    rows: impl IntoIterator<Item = &'t Opt<T>>,
) {
    let mark = if on { "" } else { ";" };
    let _ = writeln!(out, "{mark}[{name}]");
    for row in rows {
        let (mark, value) = match row.sample {
            Sample::Set(value) => (mark, value),
            Sample::Off(value) => (";", value),
            Sample::No => continue,
        };
        let default = match row.default {
            "" => String::new(),
            default if default == value => " (default)".into(),
            default => format!(" (default {default})"),
        };
        let option = format!("{mark}{}={value}", row.name);
        let _ = writeln!(out, "{option:<COMMENTS_AT$} ; {}{default}", row.help);
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::super::around::tests::anywhere;
    use super::super::{Overrides, load};
    use super::*;

    fn load_text(text: &str) -> super::super::Loaded {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("supervisord.conf");
        std::fs::write(&file, text).unwrap();
        load(&file, &Overrides::default(), &anywhere()).unwrap()
    }

    #[test]
    fn the_sample_loads_and_nothing_in_it_is_unknown() {
        let loaded = load_text(&text());
        assert_eq!(loaded.warnings, []);
        assert_eq!(loaded.notes, []);
        assert_eq!(loaded.config.servers.len(), 1);
    }

    #[test]
    fn the_sample_still_loads_with_every_comment_taken_off() {
        let text = text();
        let on: Vec<&str> = text
            .lines()
            .map(|line| line.strip_prefix(';').filter(|l| !l.starts_with(' ')).unwrap_or(line))
            .collect();
        let on = on.join("\n").replace("programs=progname1,progname2", "programs=theprogramname");
        let on = on.replace("nobody:nogroup", "root:web").replace("=chrism", "=web");
        let loaded = load_text(&on.replace("user=supervisord", "user=web"));
        assert_eq!(loaded.warnings, []);
        assert_eq!(loaded.config.groups.len(), 2);
        assert_eq!(loaded.config.servers.len(), 2);
    }
}
