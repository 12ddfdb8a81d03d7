//! Quantities in the few letters a column has. The page's script words them alike
//! (`assets/words.js`).

use std::time::Duration;

use crate::base::clock::Wall;
use crate::base::signal;
use crate::base::status::Status;

/// `0:12:03`, `3d 4:05:06`.
pub fn uptime(time: Duration) -> String {
    let secs = time.as_secs();
    let clock = format!("{}:{:02}:{:02}", secs / 3600 % 24, secs / 60 % 60, secs % 60);
    match secs / 86400 {
        0 => clock,
        days => format!("{days}d {clock}"),
    }
}

/// `4s ago`, `12m ago`, `3h ago`, `5d ago`; what seems to lie ahead is `0s ago`.
pub fn ago(at: Wall, now: Wall) -> String {
    let secs = now.secs().saturating_sub(at.secs()).max(0);
    let (number, unit) = match secs {
        0..60 => (secs, 's'),
        60..3600 => (secs / 60, 'm'),
        3600..86400 => (secs / 3600, 'h'),
        _ => (secs / 86400, 'd'),
    };
    format!("{number}{unit} ago")
}

/// `exit 3`, `SIGKILL`, `SIGSEGV, core`.
pub fn end(status: Status) -> String {
    let core = if status.core { ", core" } else { "" };
    match status.signal {
        Some(number) => format!("{}{core}", signal::name(number)),
        None => format!("exit {}", status.code),
    }
}

/// `512 K`, `12.3 M`, `1.2 G`: powers of 1024.
pub fn bytes(bytes: u64) -> String {
    let kib = bytes as f64 / 1024.0;
    match kib {
        ..1000.0 => format!("{kib:.0} K"),
        ..1_000_000.0 => format!("{:.1} M", kib / 1024.0),
        _ => format!("{:.1} G", kib / 1_048_576.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_few_letters() {
        let up = |secs| uptime(Duration::from_secs(secs));
        assert_eq!([up(0), up(3_723), up(86_399)], ["0:00:00", "1:02:03", "23:59:59"]);
        assert_eq!(up(273_906), "3d 4:05:06");
        let since = |secs| ago(Wall::from_secs(0), Wall::from_secs(secs));
        assert_eq!([since(-5), since(59), since(60)], ["0s ago", "59s ago", "1m ago"]);
        assert_eq!([since(7_200), since(864_000)], ["2h ago", "10d ago"]);
    }

    #[test]
    fn ends_are_told_in_few_letters() {
        let told = |raw| end(Status::from_raw(raw));
        assert_eq!(
            [told(3 << 8), told(9), told(11 | 0x80)],
            ["exit 3", "SIGKILL", "SIGSEGV, core"]
        );
    }

    #[test]
    fn sizes_keep_three_or_four_digits() {
        assert_eq!([bytes(0), bytes(999 << 10), bytes(1000 << 10)], ["0 K", "999 K", "1.0 M"]);
        assert_eq!([bytes(12_900_000), bytes(3 << 30)], ["12.3 M", "3.0 G"]);
    }
}
