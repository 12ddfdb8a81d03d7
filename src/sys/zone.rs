//! The local time zone, found the way the C library finds it: one file is read, where a look into
//! jiff's database would first walk through all of `/usr/share/zoneinfo`.

use std::env;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

const LOCALTIME: &str = "/etc/localtime";
const ZONEINFO: &str = "/usr/share/zoneinfo";
/// No zone is longer; something else is not read to its end.
const ZONE_BYTES_MAX: u64 = 1 << 20;

/// What `TZ` says, else `/etc/localtime`; UTC if neither makes sense.
pub fn local() -> TimeZone {
    let tz = env::var_os("TZ");
    let zoneinfo = env::var_os("TZDIR").map_or(PathBuf::from(ZONEINFO), PathBuf::from);
    let zone = match &tz {
        None => Some(PathBuf::from(LOCALTIME)),
        Some(tz) => file(tz, &zoneinfo),
    };
    // What is no file may be a rule (`CET-1`) or lie in a place only jiff knows.
    zone.and_then(|path| read(&path).ok()).unwrap_or_else(TimeZone::system)
}

/// The file a `TZ` names, if it names one.
fn file(tz: &OsStr, zoneinfo: &Path) -> Option<PathBuf> {
    let name = tz.as_bytes().strip_prefix(b":").unwrap_or(tz.as_bytes());
    (!name.is_empty()).then(|| zoneinfo.join(OsStr::from_bytes(name)))
}

fn read(path: &Path) -> io::Result<TimeZone> {
    let mut bytes = Vec::new();
    File::open(path)?.take(ZONE_BYTES_MAX).read_to_end(&mut bytes)?;
    TimeZone::tzif(&path.to_string_lossy(), &bytes).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_zone_is_a_name_below_the_database_or_a_path() {
        let file = |tz: &str| file(OsStr::new(tz), Path::new("/zones"));
        assert_eq!(file("Europe/Berlin").unwrap(), Path::new("/zones/Europe/Berlin"));
        assert_eq!(file(":UTC").unwrap(), Path::new("/zones/UTC"));
        assert_eq!(file("/etc/my-zone").unwrap(), Path::new("/etc/my-zone"));
        assert_eq!(file(""), None);
        assert_eq!(file(":"), None);
    }

    #[test]
    fn what_is_read_is_the_zone_jiff_would_have_found() {
        let zone = Path::new(ZONEINFO).join("America/New_York");
        if !zone.exists() {
            return eprintln!("skipped, needs tzdata");
        }
        let (read, known) = (read(&zone).unwrap(), TimeZone::get("America/New_York").unwrap());
        for month in 0..12 * 80 {
            let at = Timestamp::from_second(month * 30 * 86_400).unwrap();
            assert_eq!(read.to_offset(at), known.to_offset(at));
        }
        assert!(self::read(Path::new("/etc/passwd")).is_err());
    }
}
