//! The checks of single values: text in, value out, or what was expected instead. A message shows
//! the text it complains about, so secrets are not checked here.

use std::path::PathBuf;
use std::time::Duration;

use super::around::Surroundings;
use super::error::{did_you_mean, quoted};
use super::ini::is_space;
use super::model::{Autorestart, EnvironmentFile, KillMode, Leftovers, LogTarget, User};
use crate::base::level::Level;
use crate::base::shlex::{self, BadPairs};
use crate::base::{bytes, int, signal, suggest};

/// A value, or the words after `section key:`.
pub type Checked<T> = Result<T, String>;

fn expected<T>(what: &str, text: &str) -> Checked<T> {
    Err(format!("expected {what}, found {}", quoted(text)))
}

/// `yes`, `true`, `on`, `1` and their opposites, in any case.
pub fn boolean(text: &str) -> Checked<bool> {
    match text.to_lowercase().as_str() {
        "yes" | "true" | "on" | "1" => Ok(true),
        "no" | "false" | "off" | "0" => Ok(false),
        _ => expected("true or false", text),
    }
}

/// A whole number; beyond 64 bits the nearest that fits.
pub fn integer(text: &str) -> Checked<i64> {
    int::parse(text).map_or_else(|| expected("a whole number", text), Ok)
}

/// A whole number cut to 32 bits.
pub fn priority(text: &str) -> Checked<i32> {
    Ok(integer(text)?.clamp(i32::MIN.into(), i32::MAX.into()) as i32)
}

/// A count; Supervisor takes negative ones for 0.
pub fn count(text: &str) -> Checked<u32> {
    Ok(integer(text)?.clamp(0, u32::MAX.into()) as u32)
}

/// A limit of resources; Supervisor takes negative ones for 0.
pub fn limit(text: &str) -> Checked<u64> {
    Ok(integer(text)?.try_into().unwrap_or(0))
}

/// Whole seconds, negative ones as 0, no more than fit a `u32`.
pub fn seconds(text: &str) -> Checked<Duration> {
    count(text).map(|secs| Duration::from_secs(secs.into()))
}

/// A number between two bounds, both allowed.
pub fn between(text: &str, low: i64, high: i64) -> Checked<i64> {
    match integer(text)? {
        number if (low..=high).contains(&number) => Ok(number),
        _ => expected(&format!("a number from {low} to {high}"), text),
    }
}

/// A byte size.
pub fn size(text: &str) -> Checked<u64> {
    bytes::parse(text).map_or_else(|| expected("a size like 1024, 10KB, 50MB or 1GB", text), Ok)
}

/// Permission bits in octal.
pub fn octal(text: &str) -> Checked<u32> {
    int::octal(text)
        .map_or_else(|| expected("an octal number like 022", text), |mode| Ok(mode as u32 & 0o7777))
}

/// A time: seconds, or a number with `s`, `m`, `h`, `d` or `w`.
pub fn age(text: &str) -> Checked<Duration> {
    let text = text.trim();
    let (digits, unit) = match text.char_indices().next_back() {
        Some((at, 's' | 'S')) => (&text[..at], 1),
        Some((at, 'm' | 'M')) => (&text[..at], 60),
        Some((at, 'h' | 'H')) => (&text[..at], 3_600),
        Some((at, 'd' | 'D')) => (&text[..at], 86_400),
        Some((at, 'w' | 'W')) => (&text[..at], 604_800),
        _ => (text, 1),
    };
    match int::parse(digits) {
        Some(number) if number > 0 => {
            Ok(Duration::from_secs(u64::from(u32::try_from(number).unwrap_or(u32::MAX)) * unit))
        }
        _ => expected("a time like 12h, 30d or 4w", text),
    }
}

/// A signal's name or number.
pub fn signal(text: &str) -> Checked<i32> {
    signal::number(text).ok_or_else(|| {
        let upper = text.trim().to_uppercase();
        let short = upper.strip_prefix("SIG").unwrap_or(&upper);
        let meant = did_you_mean(suggest::nearest(short, signal::names()));
        format!("{} is not a valid signal name or number{meant}", quoted(text))
    })
}

/// The level of the main log.
pub fn level(text: &str) -> Checked<Level> {
    let lower = text.to_lowercase();
    match Level::ALL.iter().find(|&&(name, _)| name == lower) {
        Some(&(_, level)) => Ok(level),
        None => {
            let names: Vec<&str> = Level::ALL.iter().map(|&(name, _)| name).collect();
            let meant = did_you_mean(suggest::nearest(&lower, names.iter().copied()));
            expected(&format!("one of {}", names.join(", ")), text).map_err(|why| why + &meant)
        }
    }
}

/// `true`, `false` or `unexpected`.
pub fn autorestart(text: &str) -> Checked<Autorestart> {
    match boolean(text) {
        Ok(true) => Ok(Autorestart::Always),
        Ok(false) => Ok(Autorestart::Never),
        Err(_) if text.to_lowercase() == "unexpected" => Ok(Autorestart::Unexpected),
        Err(_) => expected("true, false or unexpected", text),
    }
}

/// `process`, `group` or `tree`.
pub fn killmode(text: &str) -> Checked<KillMode> {
    match text.to_lowercase().as_str() {
        "process" => Ok(KillMode::Process),
        "group" => Ok(KillMode::Group),
        "tree" => Ok(KillMode::Tree),
        _ => expected("process, group or tree", text),
    }
}

/// `ignore`, `stop` or `adopt`.
pub fn leftovers(text: &str) -> Checked<Leftovers> {
    match text.to_lowercase().as_str() {
        "ignore" => Ok(Leftovers::Ignore),
        "stop" => Ok(Leftovers::Stop),
        "adopt" => Ok(Leftovers::Adopt),
        _ => expected("ignore, stop or adopt", text),
    }
}

/// Exit statuses, separated by commas.
pub fn exit_codes(text: &str) -> Checked<Vec<i32>> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let code = |part: &str| int::parse(part).filter(|code| (0..=255).contains(code));
    match text.split(',').map(|part| code(part).map(|code| code as i32)).collect() {
        Some(codes) => Ok(codes),
        None => expected("numbers from 0 to 255 with commas between them", text),
    }
}

/// Names separated by commas; an empty text is an empty list.
pub fn list(text: &str) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    text.split(',').map(|part| part.trim().to_owned()).collect()
}

/// A user that exists.
pub fn user(text: &str, around: &Surroundings) -> Checked<User> {
    match around.uid(text) {
        Some(uid) => Ok(User { text: text.to_owned(), uid }),
        None => Err(format!("there is no user {}", quoted(text))),
    }
}

/// `user` or `user:group`; the gid of the first form is `u32::MAX`, which leaves it as it is.
pub fn owner(text: &str, around: &Surroundings) -> Checked<(u32, u32)> {
    let (name, group) = match text.split_once(':') {
        Some((name, group)) => (name, Some(group)),
        None => (text, None),
    };
    let uid = user(name, around)?.uid;
    match group {
        None => Ok((uid, u32::MAX)),
        Some(group) => match around.gid(group) {
            Some(gid) => Ok((uid, gid)),
            None => Err(format!("there is no group {}", quoted(group))),
        },
    }
}

/// The value of an `environment` option.
pub fn pairs(text: &str) -> Checked<Vec<(String, String)>> {
    shlex::pairs(text).map_err(|bad| match bad {
        BadPairs::Unclosed => shlex::UNCLOSED.into(),
        BadPairs::NoPair { after } => {
            let place =
                after.map_or("at its start".into(), |key| format!("after {}", quoted(&key)));
            format!(
                "Unexpected end of key/value pairs in value, {place}: \
                 expected KEY=\"value\" pairs with commas between them"
            )
        }
    })
}

/// Environment files, with commas; a `-` before one says that it may be missing.
pub fn environment_files(text: &str, around: &Surroundings) -> Checked<Vec<EnvironmentFile>> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let file = |part: &str| {
        let (path, optional) = match part.strip_prefix('-') {
            Some(path) => (path.trim_start(), true),
            None => (part, false),
        };
        if path.is_empty() {
            return expected("paths with commas between them", text);
        }
        Ok(EnvironmentFile { path: around.absolute(path), optional })
    };
    parts.map(file).collect()
}

/// A name that ends up in namespecs, events and URLs.
/// Supervisor: `process_or_group_name` in datatypes.py.
pub fn name(text: &str) -> Checked<String> {
    let name = text.trim_matches(is_space);
    match name.chars().find(|c| " :/".contains(*c)) {
        Some(c) => Err(format!("Invalid name: {} because of character: '{c}'", quoted(text))),
        None => Ok(name.to_owned()),
    }
}

/// Where a program's stream goes. The path is kept as written but for `~` and a missing root.
pub fn stream_target(text: &str, around: &Surroundings) -> LogTarget {
    match text.to_lowercase().as_str() {
        "" | "none" | "off" => LogTarget::None,
        "auto" => LogTarget::Auto,
        "syslog" => LogTarget::Syslog,
        // 4.3.0 expands this one value twice, so configurations double the doubled sign.
        _ => file(text, |path| around.absolute(path), true),
    }
}

/// Where the main log goes. The path is normalised.
pub fn main_target(text: &str, around: &Surroundings) -> LogTarget {
    match text.to_lowercase().as_str() {
        "" | "none" | "off" => LogTarget::None,
        _ if text == "syslog" => LogTarget::Syslog,
        _ => file(text, |path| around.normal(path), false),
    }
}

fn file(text: &str, resolve: impl Fn(&str) -> PathBuf, doubled: bool) -> LogTarget {
    match text {
        "/dev/stdout" => LogTarget::Stdout,
        "/dev/stderr" => LogTarget::Stderr,
        _ if is_dated(text) => LogTarget::Dated(resolve(text)),
        _ if doubled => LogTarget::File(resolve(&text.replace("%%", "%"))),
        _ => LogTarget::File(resolve(text)),
    }
}

/// Whether a path holds a strftime conversion. Those that would put a `/` into a name are none.
pub fn is_dated(path: &str) -> bool {
    let mut chars = path.chars();
    while chars.by_ref().any(|c| c == '%') {
        let conversion = chars.by_ref().find(|c| !"-_0^#".contains(*c));
        if conversion.is_some_and(|c| "YCymbBhdejHklIMSspPaAuwUWVGgFTRZz".contains(c)) {
            return true;
        }
    }
    false
}

/// The addresses of `port=`: `host:port`, `[v6]:port`, `*:port`, `:port` or `port`, commas between
/// several. An empty host means all addresses.
pub fn addresses(text: &str) -> Checked<Vec<(String, u16)>> {
    text.split(',').map(|part| address(part.trim())).collect()
}

fn address(text: &str) -> Checked<(String, u16)> {
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let Some(port) = int::parse(port).and_then(|p| u16::try_from(p).ok()).filter(|&p| p > 0) else {
        return expected("[host:]port with a port from 1 to 65535", text);
    };
    let host = host.to_lowercase();
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host = bare.unwrap_or(if host == "*" { "" } else { &host });
    Ok((host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::super::around::tests::anywhere;
    use super::*;

    #[test]
    fn booleans_and_restart_policies_take_supervisors_words_in_any_case() {
        for text in ["yes", "True", "ON", "1"] {
            assert_eq!(boolean(text), Ok(true));
            assert_eq!(autorestart(text), Ok(Autorestart::Always));
        }
        for text in ["no", "False", "OFF", "0"] {
            assert_eq!(boolean(text), Ok(false));
            assert_eq!(autorestart(text), Ok(Autorestart::Never));
        }
        assert_eq!(autorestart("Unexpected"), Ok(Autorestart::Unexpected));
        for text in ["", "y", "maybe", "2"] {
            assert!(boolean(text).is_err() && autorestart(text).is_err(), "{text}");
        }
    }

    #[test]
    fn negative_numbers_turn_things_off_and_huge_ones_are_cut() {
        assert_eq!(count("-1"), Ok(0));
        assert_eq!(seconds("-5"), Ok(Duration::ZERO));
        assert_eq!(priority("99999999999"), Ok(i32::MAX));
        assert_eq!(limit("-1"), Ok(0));
        assert!(integer("1.5").is_err());
    }

    #[test]
    fn ages_have_units() {
        assert_eq!(age("30d"), Ok(Duration::from_secs(30 * 86_400)));
        assert_eq!(age("12h"), Ok(Duration::from_secs(43_200)));
        assert_eq!(age("90"), Ok(Duration::from_secs(90)));
        for text in ["", "d", "0d", "-1h", "1y", "1.5h"] {
            assert!(age(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ports_come_with_and_without_hosts_and_several_at_once() {
        let one = |host: &str, port| Ok(vec![(host.to_owned(), port)]);
        assert_eq!(addresses("9001"), one("", 9001));
        assert_eq!(addresses(":9001"), one("", 9001));
        assert_eq!(addresses("*:9001"), one("", 9001));
        assert_eq!(addresses("LocalHost: 9001"), one("localhost", 9001));
        assert_eq!(addresses("[::1]:9001"), one("::1", 9001));
        assert_eq!(addresses("127.0.0.1:1, [::]:2").map(|a| a.len()), Ok(2));
        for text in ["", ":", "host:", "host", "0", "65536", "9001,"] {
            assert!(addresses(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_log_path_with_a_date_is_a_series_and_other_percent_signs_are_letters() {
        let around = anywhere();
        let target = |text| stream_target(text, &around);
        assert_eq!(target("/l/%Y-%m-%d/a.log"), LogTarget::Dated("/l/%Y-%m-%d/a.log".into()));
        assert_eq!(target("%-H.log"), LogTarget::Dated("/run/svx/%-H.log".into()));
        assert_eq!(target("/l/100%.log"), LogTarget::File("/l/100%.log".into()));
        assert_eq!(target("/l/%%d.log"), LogTarget::File("/l/%d.log".into()));
        assert_eq!(target("/l/%D"), LogTarget::File("/l/%D".into()));
        assert_eq!(target("/dev/stdout"), LogTarget::Stdout);
        assert_eq!(target("None"), LogTarget::None);
        assert_eq!(target("Auto"), LogTarget::Auto);
        assert_eq!(main_target("x/../y", &around), LogTarget::File("/run/svx/y".into()));
        assert_eq!(main_target("NONE", &around), LogTarget::None);
    }

    #[test]
    fn names_must_not_break_namespecs() {
        assert_eq!(name(" web "), Ok("web".into()));
        assert_eq!(name("a b").unwrap_err(), "Invalid name: `a b` because of character: ' '");
        for text in ["a:b", "a/b"] {
            assert!(name(text).is_err());
        }
    }

    #[test]
    fn owners_may_name_a_group() {
        let around = anywhere();
        assert_eq!(owner("web", &around), Ok((1000, u32::MAX)));
        assert_eq!(owner("root:web", &around), Ok((0, 1000)));
        assert!(owner("nobody-here", &around).is_err());
        assert!(owner("root:nobody-here", &around).is_err());
    }

    #[test]
    fn an_environment_that_is_not_understood_shows_no_value() {
        let why = pairs("PASSWORD=hun@ter2").unwrap_err();
        assert!(why.starts_with("Unexpected end of key/value pairs in value, after `PASSWORD`"));
        assert!(!why.contains("ter2"));
    }
}
