//! The names of a dated series: which file is for now, when the next one begins, and which names
//! belong to the series. Pure.

use jiff::civil::DateTime;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Unit, Zoned};

use crate::base::clock::Wall;

/// In seconds.
const HOUR: i64 = 3600;

/// A path with strftime conversions, in one time zone.
#[derive(Clone, Debug)]
pub struct Series {
    pattern: String,
    unit: Unit,
    tz: TimeZone,
    /// Its names fix a date.
    datable: bool,
}

impl Series {
    /// Refuses conversions that are unknown, finer than a second, or that cannot be read back
    /// from a name.
    pub fn new(pattern: &str, tz: TimeZone) -> Result<Series, String> {
        let mut unit = Unit::Year;
        let (mut padded, mut weekly) = (false, false);
        let mut rest = pattern.chars();
        while let Some(char) = rest.next() {
            if char != '%' {
                continue;
            }
            let chosen = rest.next();
            let named = match chosen {
                Some('%') => continue,
                Some('Y' | 'y' | 'C') => Unit::Year,
                Some('m' | 'b' | 'B' | 'h') => Unit::Month,
                // Weeks end on a day that differs from year to year: look every day.
                Some('d' | 'e' | 'j' | 'F' | 'D' | 'a' | 'A' | 'u' | 'w' | 'G' | 'g') => Unit::Day,
                Some('V' | 'U' | 'W') => Unit::Day,
                Some('H' | 'k' | 'I' | 'l' | 'p' | 'P') => Unit::Hour,
                Some('M' | 'R') => Unit::Minute,
                Some('S' | 'T' | 's') => Unit::Second,
                Some(other) => return Err(format!("no `%{other}` in the name of a dated log")),
                None => return Err("a `%` at the end of the name of a dated log".to_owned()),
            };
            unit = unit.min(named);
            padded |= chosen.is_some_and(|char| "ekl".contains(char));
            weekly |= chosen.is_some_and(|char| "GgVUW".contains(char));
        }
        let mut series = Series { pattern: pattern.to_owned(), unit, tz, datable: false };
        let unread = || format!("the date cannot be read back from the name {pattern}");
        let age = series.owns(&series.path_at(Wall(0))).ok_or_else(unread)?;
        series.datable = age != Age::Unnamed;
        // A space before a number of one digit: `%k%e` may be read back at one hour and not at
        // another. Every 31 hours for two months has all of them.
        let hours = (0..if padded { 48 } else { 0 }).map(|n| n * 31 * HOUR);
        // A year of weeks is not that of the days before and after the new year; after 28 years
        // all is as it was.
        let years = 1970..if weekly { 1998 } else { 1970 };
        let days =
            years.flat_map(|year| (-7..7).map(move |day| (new_year(year) + day) * 24 * HOUR));
        let moments = hours.chain(days).map(Wall::from_secs);
        let read = |at| series.owns(&series.path_at(at)).is_some();
        if moments.into_iter().all(read) { Ok(series) } else { Err(unread()) }
    }

    /// The file for this moment. Only the wall clock decides: a clock set back leads back.
    pub fn path_at(&self, at: Wall) -> String {
        let zoned = self.zoned(at);
        BrokenDownTime::from(&zoned)
            .to_string(&self.pattern)
            .unwrap_or_else(|_| self.pattern.clone()) // `new` has let only known conversions in
    }

    /// The first moment after `at` whose file is another one. Far away if there is none.
    pub fn next_change(&self, at: Wall) -> Wall {
        let name = self.path_at(at);
        let mut moment = self.zoned(at);
        // A century's name holds for 36,525 days; nothing that counts days holds for 400.
        for _ in 0..400 {
            let Some(next) = self.next_unit(&moment) else { break };
            let wall = Wall::from_secs(next.timestamp().as_second());
            if self.path_at(wall) != name {
                return wall;
            }
            moment = next;
        }
        Wall(i64::MAX)
    }

    /// The next start of a unit, or the next jump of local time if that comes first: both may
    /// change the name.
    fn next_unit(&self, now: &Zoned) -> Option<Zoned> {
        let start = floor(now.datetime(), self.unit)?;
        let span = match self.unit {
            Unit::Year => 1.year(),
            Unit::Month => 1.month(),
            Unit::Day => 1.day(),
            Unit::Hour => 1.hour(),
            Unit::Minute => 1.minute(),
            _ => 1.second(),
        };
        let ahead = self.tz.to_ambiguous_timestamp(start.checked_add(span).ok()?);
        // In the second pass of a repeated hour the earlier reading lies behind us.
        let unit = [ahead.compatible(), ahead.later()]
            .into_iter()
            .flatten()
            .find(|time| *time > now.timestamp());
        let jump = self.tz.following(now.timestamp()).next().map(|jump| jump.timestamp());
        let next = unit.into_iter().chain(jump).min()?;
        Some(next.to_zoned(self.tz.clone()))
    }

    fn zoned(&self, at: Wall) -> Zoned {
        let time = Timestamp::from_second(at.secs()).unwrap_or(Timestamp::UNIX_EPOCH);
        time.to_zoned(self.tz.clone())
    }

    /// Whether `path` is a name of this series; `.N` of a rotated file must be gone already.
    pub fn owns(&self, path: &str) -> Option<Age> {
        let time = BrokenDownTime::parse(&self.pattern, path).ok()?;
        let same = time.to_string(&self.pattern).ok()? == path;
        same.then(|| self.age(time)).filter(|age| !self.datable || *age != Age::Unnamed)
    }

    fn age(&self, mut time: BrokenDownTime) -> Age {
        if self.unit >= Unit::Month && time.day().is_none() {
            let _ = time.set_day(Some(1)); // 1 is in range
        }
        if self.unit >= Unit::Year && time.month().is_none() {
            let _ = time.set_month(Some(1));
        }
        let start = time.to_datetime().map(|start| self.tz.to_ambiguous_timestamp(start).later());
        match start {
            Ok(Ok(start)) => Age::Until(self.next_change(Wall::from_secs(start.as_second()))),
            _ => Age::Unnamed,
        }
    }

    /// The directory above the first component that holds a conversion.
    pub fn root(&self) -> &str {
        let dated = self.pattern.find('%').unwrap_or(self.pattern.len());
        self.pattern[..dated].rfind('/').map_or("", |at| &self.pattern[..at])
    }

    /// How many components lie below the root, the file's name included.
    pub fn depth(&self) -> usize {
        self.pattern[self.root().len()..].matches('/').count()
    }
}

/// How old a file of the series is by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// Written to until then.
    Until(Wall),
    /// The name does not fix a date (say, it names no year): ask the file.
    Unnamed,
}

/// The day on which a year of this century or the last begins, counted from 1970.
fn new_year(year: i64) -> i64 {
    (year - 1970) * 365 + (year - 1969) / 4
}

fn floor(at: DateTime, unit: Unit) -> Option<DateTime> {
    let at = at.with().subsec_nanosecond(0);
    let at = if unit > Unit::Second { at.second(0) } else { at };
    let at = if unit > Unit::Minute { at.minute(0) } else { at };
    let at = if unit > Unit::Hour { at.hour(0) } else { at };
    let at = if unit > Unit::Day { at.day(1) } else { at };
    let at = if unit > Unit::Month { at.month(1) } else { at };
    at.build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn berlin() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
    }

    fn series(pattern: &str) -> Series {
        Series::new(pattern, berlin()).unwrap()
    }

    fn utc(text: &str) -> Wall {
        Wall::from_secs(text.parse::<Timestamp>().unwrap().as_second())
    }

    /// The moments of the next changes in UTC, without the date.
    fn changes(pattern: &str, from: &str, count: usize) -> Vec<String> {
        let series = series(pattern);
        let mut at = utc(from);
        (0..count)
            .map(|_| {
                at = series.next_change(at);
                let time = Timestamp::from_second(at.secs()).unwrap();
                time.strftime("%d %H:%M:%S").to_string()
            })
            .collect()
    }

    #[test]
    fn a_day_ends_at_local_midnight_whatever_the_season() {
        let got = changes("/l/%Y-%m-%d/x.log", "2026-03-27T12:00:00Z", 4);
        assert_eq!(got, ["27 23:00:00", "28 23:00:00", "29 22:00:00", "30 22:00:00"]);
        let got = changes("/l/%F", "2026-10-24T12:00:00Z", 2);
        assert_eq!(got, ["24 22:00:00", "25 23:00:00"]);
    }

    #[test]
    fn a_name_that_cannot_be_read_back_at_every_hour_is_refused() {
        for pattern in ["/l/%k%e", "/l/%e%k%M"] {
            assert!(Series::new(pattern, TimeZone::UTC).is_err(), "{pattern}");
        }
        for pattern in ["/l/%b-%e-%k", "/l/%F-%l%p"] {
            assert!(Series::new(pattern, TimeZone::UTC).is_ok(), "{pattern}");
        }
    }

    #[test]
    fn a_name_that_cannot_be_read_back_at_every_new_year_is_refused() {
        let series = Series::new("%G-W%U-%u %C.b%e %I%p %s", TimeZone::UTC);
        assert!(series.is_err(), "{series:?}");
        for pattern in ["/l/%G-%V", "/l/%G-W%V-%u", "/l/%Y-%U", "/l/%Y-%W-%w", "/l/%F %G%V"] {
            let series = Series::new(pattern, TimeZone::UTC);
            assert!(series.is_ok(), "{pattern}: {series:?}");
        }
    }

    #[test]
    fn the_smallest_unit_named_decides() {
        assert_eq!(changes("/%Y", "2026-05-01T00:00:00Z", 1), ["31 23:00:00"]);
        assert_eq!(changes("/%Y%m", "2026-05-01T00:00:00Z", 1), ["31 22:00:00"]);
        assert_eq!(changes("/%F-%H", "2026-05-01T00:10:00Z", 1), ["01 01:00:00"]);
        assert_eq!(changes("/%H%M", "2026-05-01T00:10:11Z", 1), ["01 00:11:00"]);
        assert_eq!(changes("/%s", "2026-05-01T00:10:11Z", 1), ["01 00:10:12"]);
        // A week of ISO 8601 begins on a Monday.
        assert_eq!(changes("/%G-%V", "2026-05-01T00:10:11Z", 1), ["03 22:00:00"]);
    }

    #[test]
    fn hours_that_are_skipped_or_repeated_need_no_file_of_their_own() {
        let spring = changes("/%F-%H", "2026-03-29T00:30:00Z", 2); // 01:30, then 03:00
        assert_eq!(spring, ["29 01:00:00", "29 02:00:00"]);
        let autumn = changes("/%F-%H", "2026-10-25T00:30:00Z", 2); // 02:30 twice, then 03:00
        assert_eq!(autumn, ["25 02:00:00", "25 03:00:00"]);
        let minutes = changes("/%F-%H%M", "2026-10-25T00:58:30Z", 3);
        assert_eq!(minutes, ["25 00:59:00", "25 01:00:00", "25 01:01:00"]);
    }

    #[test]
    fn only_names_the_series_could_have_made_are_its_own() {
        let daily = series("/l/%Y/%m-%d.log");
        let until = Age::Until(utc("2026-02-28T23:00:00Z"));
        assert_eq!(daily.owns("/l/2026/02-28.log"), Some(until));
        for foreign in ["2026/02-30.log", "2026/2-28.log", "2026/02-28.logx", "2026/x.log", "x"] {
            assert_eq!(daily.owns(&format!("/l/{foreign}")), None, "{foreign}");
        }
        assert_eq!(series("/l/%H.log").owns("/l/07.log"), Some(Age::Unnamed));
        let monthly = Age::Until(utc("2026-02-28T23:00:00Z"));
        assert_eq!(series("/%Y-%m").owns("/2026-02"), Some(monthly));
        assert_eq!((daily.root(), daily.depth()), ("/l", 2));
        assert_eq!((series("/%F").root(), series("/%F").depth()), ("", 1));
    }

    #[test]
    fn what_a_name_cannot_hold_is_refused() {
        for pattern in ["/%Q", "/%", "/%f", "/%Z"] {
            assert!(Series::new(pattern, TimeZone::UTC).is_err(), "{pattern}");
        }
        assert_eq!(series("/100%%-%Y").path_at(Wall(0)), "/100%-1970");
    }

    proptest! {
        #[test]
        fn the_name_changes_at_the_next_change_and_not_before(
            secs in 1_700_000_000i64..1_900_000_000,
            part in 0.0f64..1.0,
            pattern in prop::sample::select(vec!["/%F", "/%F-%H", "/%H%M", "/%Y-%W", "/%j%T"]),
        ) {
            let series = series(pattern);
            let at = Wall::from_secs(secs);
            let next = series.next_change(at);
            prop_assert!(next > at);
            prop_assert_ne!(series.path_at(next), series.path_at(at));
            let between = secs + ((next.secs() - secs) as f64 * part) as i64;
            prop_assert_eq!(series.path_at(Wall::from_secs(between)), series.path_at(at));
            let before = Wall::from_secs(next.secs() - 1);
            prop_assert_eq!(series.path_at(before), series.path_at(at));
        }
    }
}
