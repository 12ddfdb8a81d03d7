//! Local time as text, worked out once a second at most.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::base::clock::Wall;

/// A time format and the last second it was used for.
#[derive(Debug)]
pub struct Stamp {
    tz: TimeZone,
    format: &'static str,
    second: Option<i64>,
    text: String,
}

impl Stamp {
    /// `format` is strftime's, with nothing below a second.
    pub fn new(tz: TimeZone, format: &'static str) -> Stamp {
        Stamp { tz, format, second: None, text: String::new() }
    }

    /// The time in words; a time outside the years jiff knows is said in seconds since 1970.
    pub fn text(&mut self, at: Wall) -> &str {
        if self.second != Some(at.secs()) {
            self.second = Some(at.secs());
            self.text = match Timestamp::from_second(at.secs()) {
                Ok(time) => time.to_zoned(self.tz.clone()).strftime(self.format).to_string(),
                Err(_) => at.secs().to_string(),
            };
        }
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zone_is_the_one_given() {
        let tz = TimeZone::fixed(jiff::tz::offset(2));
        let mut stamp = Stamp::new(tz, "%Y-%m-%d %H:%M:%S");
        assert_eq!(stamp.text(Wall::from_secs(0)), "1970-01-01 02:00:00");
        assert_eq!(stamp.text(Wall::from_secs(1)), "1970-01-01 02:00:01");
        assert_eq!(stamp.text(Wall(i64::MIN)), "1677-09-21 02:12:43");
    }
}
