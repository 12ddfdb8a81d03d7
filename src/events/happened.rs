//! An event that was published: numbered, dated, and written out once for all who get it.

use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::{Event, Field};
use crate::base::clock::Wall;

/// What pools share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// Counts all events that anybody wanted, from 0.
    pub serial: u64,
    /// When.
    pub time: Wall,
    /// What.
    pub event: Event,
    /// [`Event::payload`].
    pub payload: String,
    /// Its characters, which is what listeners count.
    pub chars: usize,
}

impl Happened {
    /// Writes the payload.
    pub fn new(serial: u64, time: Wall, event: Event) -> Happened {
        let payload = event.payload();
        let chars = payload.chars().count();
        Happened { serial, time, event, payload, chars }
    }
}

/// The object of `svx.events`: `eventname`, `serial`, `time` (seconds since 1970), and the fields
/// of the payload by the names listeners know. What was written is `data` if it is UTF-8, else
/// `base64`.
pub fn json(serial: u64, time: Wall, event: &Event) -> String {
    let mut out = format!(
        "{{\"eventname\":\"{}\",\"serial\":{serial},\"time\":{}.{:03}",
        event.kind().name(),
        time.secs(),
        time.millis()
    );
    for (name, value) in event.fields() {
        let _ = match value {
            Field::Name(text) => write!(out, ",\"{name}\":{}", quoted(text)),
            Field::Word(text) => write!(out, ",\"{name}\":\"{text}\""),
            Field::Flag(flag) => write!(out, ",\"{name}\":{flag}"),
            Field::Number(number) => write!(out, ",\"{name}\":{number}"),
        };
    }
    if let Some(data) = event.data() {
        let _ = match std::str::from_utf8(data) {
            Ok(text) => write!(out, ",\"data\":{}", quoted(text)),
            Err(_) => write!(out, ",\"base64\":\"{}\"", BASE64_STANDARD.encode(data)),
        };
    }
    out.push('}');
    out
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::channel::Channel;
    use crate::events::Who;
    use crate::process::State;

    fn object(event: Event) -> String {
        json(21, Wall(1_700_000_000_012_345_678), &event)
    }

    fn of() -> Who {
        Who { group: "g".into(), process: "a\"b".into(), pid: 7 }
    }

    #[test]
    fn an_event_is_an_object_with_the_fields_of_its_payload() {
        let event = Event::State {
            of: of(),
            from: State::Running,
            to: State::Exited,
            expected: false,
            tries: 0,
        };
        assert_eq!(
            object(event),
            r#"{"eventname":"PROCESS_STATE_EXITED","serial":21,"time":1700000000.012,"processname":"a\"b","groupname":"g","from_state":"RUNNING","expected":false,"pid":7}"#
        );
        assert_eq!(
            object(Event::Stopping),
            r#"{"eventname":"SUPERVISOR_STATE_CHANGE_STOPPING","serial":21,"time":1700000000.012}"#
        );
    }

    #[test]
    fn data_that_is_no_text_comes_as_base64() {
        let log =
            |data: &[u8]| Event::Log { of: of(), channel: Channel::Stdout, data: data.into() };
        assert!(object(log(b"a\n")).ends_with(r#""channel":"stdout","data":"a\n"}"#));
        assert!(object(log(b"\xff")).ends_with(r#""channel":"stdout","base64":"/w=="}"#));
    }
}
