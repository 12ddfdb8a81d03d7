//! What a process uses and who it is, as `/proc` tells it: one small file read into one buffer, one
//! directory asked for its size.

use std::fmt::Write;
use std::fs::{self, File};
use std::io::Read;
use std::time::Duration;

use super::clock;
use crate::process::tree::Relative;

/// A line of `stat` is half as long with the highest numbers in every field.
const STAT_BYTES_MAX: usize = 2048;
/// Kernels before 6.2 have the descriptors listed one by one: beyond so many nobody waits for it.
const LISTED_MAX: usize = 1 << 14;

/// What one process uses at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// User and system time of all its threads, in the kernel's steps of usually 10 ms.
    pub cpu: Duration,
    /// Bytes of memory that are its own at this moment or shared with others.
    pub resident: u64,
    /// Bytes of address space.
    pub virt: u64,
    /// When it was started, in ticks since the machine was: tells it from a later one with its pid.
    pub started: u64,
    /// Open descriptors, where we may count them.
    pub descriptors: Option<u32>,
}

/// Reads samples.
#[derive(Debug)]
pub struct Proc {
    path: String,
    buffer: [u8; STAT_BYTES_MAX],
    ticks_per_sec: u64,
    page_bytes: u64,
}

impl Default for Proc {
    fn default() -> Proc {
        let (ticks_per_sec, page_bytes) =
            (setting(libc::_SC_CLK_TCK, 100), setting(libc::_SC_PAGESIZE, 4096));
        Proc { path: String::new(), buffer: [0; STAT_BYTES_MAX], ticks_per_sec, page_bytes }
    }
}

fn setting(name: libc::c_int, usual: u64) -> u64 {
    // SAFETY: sysconf(3) takes a number and gives one.
    let value = unsafe { libc::sysconf(name) };
    u64::try_from(value).ok().filter(|value| *value > 0).unwrap_or(usual)
}

impl Proc {
    /// What `pid` uses; `None` if it is no more, or `/proc` is not there.
    pub fn sample(&mut self, pid: i32) -> Option<Sample> {
        let stat = self.stat(pid)?;
        let nanos = u128::from(stat.ticks) * 1_000_000_000 / u128::from(self.ticks_per_sec);
        Some(Sample {
            cpu: Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)),
            resident: stat.resident_pages.saturating_mul(self.page_bytes),
            virt: stat.virt,
            started: stat.started,
            descriptors: self.descriptors(pid),
        })
    }

    /// When `pid` was started, as [`Sample::started`]; `None` if it has ended, reaped or not.
    pub fn started(&mut self, pid: i32) -> Option<u64> {
        self.relative(pid).map(|relative| relative.started)
    }

    /// How long ago something began that `started` has the time of.
    pub fn age(&self, started: u64) -> Duration {
        let nanos = u128::from(started) * 1_000_000_000 / u128::from(self.ticks_per_sec);
        let begun = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        clock::since_boot().saturating_sub(begun)
    }

    /// Every process of the machine, or of our pid namespace, that has not ended.
    pub fn everybody(&mut self) -> Vec<Relative> {
        let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
        let names = entries.flatten().map(|entry| entry.file_name());
        let pids = names.filter_map(|name| name.to_str()?.parse().ok());
        pids.filter_map(|pid| self.relative(pid)).collect()
    }

    /// The children of the calling thread, which has orphans as well if it is a process's first;
    /// ended ones are among them until they are reaped. `None` if the kernel does not tell.
    pub fn children(&self) -> Option<Vec<i32>> {
        let text = fs::read_to_string("/proc/thread-self/children").ok()?;
        text.split_ascii_whitespace().map(|pid| pid.parse().ok()).collect()
    }

    /// Of the environment it was executed with, the entries `NAME=value` that begin so. None if we
    /// may not look.
    pub fn environment(&mut self, pid: i32, prefix: &str) -> Vec<Vec<u8>> {
        let bytes = fs::read(self.named(pid, "environ")).unwrap_or_default();
        let entries = bytes.split(|byte| *byte == 0);
        entries.filter(|entry| entry.starts_with(prefix.as_bytes())).map(<[u8]>::to_vec).collect()
    }

    fn relative(&mut self, pid: i32) -> Option<Relative> {
        let stat = self.stat(pid).filter(|stat| !matches!(stat.state, b'Z' | b'X'))?;
        let Stat { parent, group, started, .. } = stat;
        Some(Relative { pid, parent, group, started })
    }

    fn stat(&mut self, pid: i32) -> Option<Stat> {
        let mut file = File::open(self.named(pid, "stat")).ok()?;
        let count = file.read(&mut self.buffer).ok()?;
        Stat::parse(self.buffer.get(..count)?)
    }

    fn descriptors(&mut self, pid: i32) -> Option<u32> {
        let path = self.named(pid, "fd");
        let count = match fs::metadata(path).ok()?.len() {
            // It has none, or the kernel does not count them for us.
            0 => fs::read_dir(path).ok()?.take(LISTED_MAX).count() as u64,
            count => count,
        };
        u32::try_from(count).ok()
    }

    fn named(&mut self, pid: i32, name: &str) -> &str {
        self.path.clear();
        let _ = write!(self.path, "/proc/{pid}/{name}"); // a String takes everything
        &self.path
    }
}

/// Of `/proc/PID/stat`.
#[derive(Debug, PartialEq, Eq)]
pub struct Stat {
    /// The letter of its state, `Z` once it has ended.
    pub state: u8,
    /// Its parent's process id.
    pub parent: i32,
    /// Its process group.
    pub group: i32,
    /// User and system time, in the kernel's steps.
    pub ticks: u64,
    /// When it was started, in ticks since the machine was.
    pub started: u64,
    /// Bytes of address space.
    pub virt: u64,
    /// Pages of memory.
    pub resident_pages: u64,
}

impl Stat {
    /// The name, in parentheses, may have parentheses, spaces and line breaks of its own: the
    /// fields are counted from its end.
    pub fn parse(line: &[u8]) -> Option<Stat> {
        let after = line.iter().rposition(|byte| *byte == b')')? + 1;
        let text = std::str::from_utf8(&line[after..]).ok()?;
        let mut fields = text.split_ascii_whitespace();
        // Numbered as in proc_pid_stat(5), where the name is 2.
        let state = *fields.next()?.as_bytes().first()?;
        let (parent, group) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        let mut number = |skipped: usize| fields.nth(skipped)?.parse::<u64>().ok();
        let (user, system) = (number(14 - 6)?, number(0)?);
        let (started, virt) = (number(22 - 16)?, number(0)?);
        let resident_pages = number(0)?;
        let ticks = user.saturating_add(system);
        Some(Stat { state, parent, group, ticks, started, virt, resident_pages })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process;

    const LINE: &str = "7 (sleep) S 1 7 7 0 -1 4194560 94 0 0 0 11 22 33 44 20 0 1 0 \
                        5555 5660672 458 18446744073709551615 0 0 0 0 0 0 0 0 0 0 0 0 17 0";

    #[test]
    fn the_fields_are_found_whatever_the_name() {
        let known = Stat {
            state: b'S',
            parent: 1,
            group: 7,
            ticks: 33,
            started: 5555,
            virt: 5_660_672,
            resident_pages: 458,
        };
        for name in ["sleep", "", ")", "a) R 1 2 3 (b", "tmux: server", "x\ny", "\u{fe}é"] {
            let line = LINE.replace("sleep", name);
            assert_eq!(Stat::parse(line.as_bytes()).as_ref(), Some(&known), "{name:?}");
        }
        let bytes = LINE.replace("sleep", "?").into_bytes();
        let bytes: Vec<u8> = bytes.iter().map(|b| if *b == b'?' { 0xff } else { *b }).collect();
        assert_eq!(Stat::parse(&bytes), Some(known));
    }

    #[test]
    fn a_line_cut_short_or_of_other_words_is_none() {
        let enough = LINE.find(" 18446744073709551615").unwrap();
        for end in 0..LINE.len() {
            let parsed = Stat::parse(&LINE.as_bytes()[..end]);
            assert!(parsed.is_none() || end > enough - " 458".len(), "{end}");
        }
        assert_eq!(Stat::parse(LINE.replace(" 22 ", " x ").as_bytes()), None);
        assert_eq!(Stat::parse(LINE.replace(" 22 ", " -1 ").as_bytes()), None);
    }

    #[test]
    fn our_own_process_uses_something_and_one_that_is_not_there_nothing() {
        let mut proc = Proc::default();
        let pid = process::id() as i32;
        let before = proc.sample(pid).unwrap();
        assert!(before.resident > 100_000 && before.virt >= before.resident);
        assert!(before.started > 0 && before.descriptors.unwrap() >= 3);
        while proc.sample(pid).unwrap().cpu == before.cpu {
            // Asking takes time, too.
        }
        assert_eq!(proc.sample(pid).unwrap().started, before.started);
        assert_eq!(proc.sample(i32::MAX), None);
    }

    #[test]
    fn the_children_of_this_thread_are_told() {
        let mut child = process::Command::new("sleep").arg("60").spawn().unwrap();
        let children = Proc::default().children();
        assert!(children.is_none_or(|pids| pids == [child.id() as i32]));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
