//! What runs, written down for the daemon after the next SIGKILL: a first line that names the
//! format and the boot of the machine, then a line for each start and each end.

use std::collections::BTreeMap;
use std::fmt::Write;

/// Before the id of the machine's boot: pids and times mean nothing after another.
const FORMAT: &str = "svx-state-1 ";

/// A process that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its group.
    pub group: String,
    /// Its name in that.
    pub name: String,
    /// Its id.
    pub pid: i32,
    /// When it was started, in ticks since the machine was.
    pub started: u64,
}

/// The first line.
pub fn head(boot: &str, to: &mut String) {
    let _ = writeln!(to, "{FORMAT}{boot}"); // a String takes everything
}

/// The line of a start. A name that would be more than one line is not written.
pub fn begun(entry: &Entry, to: &mut String) {
    let Entry { group, name, pid, started } = entry;
    if !group.chars().chain(name.chars()).any(char::is_control) {
        let _ = writeln!(to, "+ {pid} {started} {group}:{name}");
    }
}

/// The line of an end.
pub fn ended(pid: i32, to: &mut String) {
    let _ = writeln!(to, "- {pid}");
}

/// What was begun and has not ended, by pid. Nothing after another boot; a line that is not whole
/// or not understood is left out.
pub fn read(text: &str, boot: &str) -> Vec<Entry> {
    let Some((first, lines)) = text.split_once('\n') else { return Vec::new() };
    if first.strip_prefix(FORMAT) != Some(boot) {
        return Vec::new();
    }
    let whole = lines.rfind('\n').map_or("", |end| &lines[..end]);
    let mut running = BTreeMap::new();
    for line in whole.lines() {
        if let Some(entry) = line.strip_prefix("+ ").and_then(entry) {
            running.insert(entry.pid, entry);
        } else if let Some(pid) = line.strip_prefix("- ").and_then(|pid| pid.parse().ok()) {
            running.remove(&pid);
        }
    }
    running.into_values().collect()
}

fn entry(line: &str) -> Option<Entry> {
    let mut words = line.splitn(3, ' ');
    let pid = words.next()?.parse().ok().filter(|pid| *pid > 1)?;
    let started = words.next()?.parse().ok()?;
    let (group, name) = words.next()?.split_once(':')?;
    Some(Entry { group: group.into(), name: name.into(), pid, started })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, pid: i32) -> Entry {
        Entry { group: "g".into(), name: name.into(), pid, started: 77 }
    }

    fn text() -> String {
        let mut text = String::new();
        head("boot", &mut text);
        begun(&entry("a", 10), &mut text);
        begun(&entry("b c", 11), &mut text);
        ended(10, &mut text);
        begun(&entry("a", 12), &mut text);
        text
    }

    #[test]
    fn what_was_begun_and_has_not_ended_runs() {
        assert_eq!(read(&text(), "boot"), [entry("b c", 11), entry("a", 12)]);
        assert_eq!(read(&text(), "another"), []);
    }

    #[test]
    fn a_text_cut_at_any_byte_or_of_other_words_gives_what_is_whole() {
        let text = text();
        for end in 0..text.len() {
            assert!(read(&text[..end], "boot").len() <= 2);
        }
        let odd =
            "svx-state-1 boot\n+ 1 2 g:a\n+ -5 2 g:a\n+ 10 x g:a\n+ 10 2 ga\n- y\n\n+ 9 2 g:a\n";
        assert_eq!(read(odd, "boot").len(), 1);
    }

    #[test]
    fn a_name_cannot_forge_a_line() {
        let mut text = String::new();
        head("boot", &mut text);
        begun(&entry("a\n+ 99 77 g:b", 10), &mut text);
        assert_eq!(read(&text, "boot"), []);
    }
}
