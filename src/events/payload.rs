//! What events carry, and how listeners read it.

use std::borrow::Cow;
use std::fmt::Write;

use super::Kind;
use super::envelope::word;
use crate::base::channel::Channel;
use crate::base::pyrepr;
use crate::process::State;

/// Something that has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// PROCESS_STATE_*
    State {
        /// Whose; its pid is the one of the process that ran, 0 if none did.
        of: Who,
        /// The state it left.
        from: State,
        /// The state it entered.
        to: State,
        /// For EXITED: whether the status is in `exitcodes`.
        expected: bool,
        /// For STARTING and BACKOFF: failed starts in a row.
        tries: u32,
    },
    /// PROCESS_COMMUNICATION_*: bytes between the capture tokens.
    Communication {
        /// Who wrote them.
        of: Who,
        /// Where.
        channel: Channel,
        /// They, without the tokens.
        data: Vec<u8>,
    },
    /// PROCESS_LOG_*
    Log {
        /// Who wrote.
        of: Who,
        /// Where.
        channel: Channel,
        /// What one reading of the pipe brought.
        data: Vec<u8>,
    },
    /// REMOTE_COMMUNICATION
    Remote {
        /// The client's word for it.
        label: String,
        /// The client's text.
        data: String,
    },
    /// SUPERVISOR_STATE_CHANGE_RUNNING
    Running,
    /// SUPERVISOR_STATE_CHANGE_STOPPING
    Stopping,
    /// PROCESS_GROUP_ADDED, by the group's name.
    GroupAdded(String),
    /// PROCESS_GROUP_REMOVED
    GroupRemoved(String),
    /// TICK_*
    Tick {
        /// Which.
        period: Period,
        /// Seconds since 1970, a multiple of the period.
        when: i64,
    },
}

/// The process an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// The name of its group.
    pub group: String,
    /// Its own.
    pub process: String,
    /// Its process id.
    pub pid: i32,
}

impl Who {
    fn fields(&self) -> Vec<(&'static str, Field<'_>)> {
        vec![("processname", Field::Name(&self.process)), ("groupname", Field::Name(&self.group))]
    }
}

/// How often a tick comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// TICK_5
    FiveSeconds,
    /// TICK_60
    Minute,
    /// TICK_3600
    Hour,
}

impl Period {
    /// All, in the order they are sent when several are due.
    pub const ALL: [Period; 3] = [Period::FiveSeconds, Period::Minute, Period::Hour];

    /// Its length in seconds.
    pub fn secs(self) -> i64 {
        match self {
            Period::FiveSeconds => 5,
            Period::Minute => 60,
            Period::Hour => 3600,
        }
    }

    /// The type of its events.
    pub fn kind(self) -> Kind {
        match self {
            Period::FiveSeconds => Kind::Tick5,
            Period::Minute => Kind::Tick60,
            Period::Hour => Kind::Tick3600,
        }
    }
}

/// The type of the event of entering a state.
pub fn state_kind(to: State) -> Kind {
    match to {
        State::Stopped => Kind::ProcessStateStopped,
        State::Starting => Kind::ProcessStateStarting,
        State::Running => Kind::ProcessStateRunning,
        State::Backoff => Kind::ProcessStateBackoff,
        State::Stopping => Kind::ProcessStateStopping,
        State::Exited => Kind::ProcessStateExited,
        State::Fatal => Kind::ProcessStateFatal,
        State::Unknown => Kind::ProcessStateUnknown,
    }
}

/// One named value of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field<'a> {
    /// A name somebody chose: anything may be in it.
    Name(&'a str),
    /// One of our own words.
    Word(&'static str),
    /// `expected`
    Flag(bool),
    /// A count, a pid, a time.
    Number(i64),
}

impl Event {
    /// Its type.
    pub fn kind(&self) -> Kind {
        match self {
            Event::State { to, .. } => state_kind(*to),
            Event::Communication { channel: Channel::Stdout, .. } => {
                Kind::ProcessCommunicationStdout
            }
            Event::Communication { channel: Channel::Stderr, .. } => {
                Kind::ProcessCommunicationStderr
            }
            Event::Log { channel: Channel::Stdout, .. } => Kind::ProcessLogStdout,
            Event::Log { channel: Channel::Stderr, .. } => Kind::ProcessLogStderr,
            Event::Remote { .. } => Kind::RemoteCommunication,
            Event::Running => Kind::SupervisorStateChangeRunning,
            Event::Stopping => Kind::SupervisorStateChangeStopping,
            Event::GroupAdded(_) => Kind::ProcessGroupAdded,
            Event::GroupRemoved(_) => Kind::ProcessGroupRemoved,
            Event::Tick { period, .. } => period.kind(),
        }
    }

    /// Group and process it is about, as far as it is about any.
    pub fn about(&self) -> (Option<&str>, Option<&str>) {
        match self {
            Event::State { of, .. } | Event::Communication { of, .. } | Event::Log { of, .. } => {
                (Some(&of.group), Some(&of.process))
            }
            Event::GroupAdded(group) | Event::GroupRemoved(group) => (Some(group), None),
            Event::Remote { .. } | Event::Running | Event::Stopping | Event::Tick { .. } => {
                (None, None)
            }
        }
    }

    /// Its values in the order listeners get them, but for the data.
    pub fn fields(&self) -> Vec<(&'static str, Field<'_>)> {
        use Field::{Flag, Name, Number, Word};
        match self {
            Event::State { of, from, to, expected, tries } => {
                let mut fields = of.fields();
                let pid = ("pid", Number(of.pid.into()));
                fields.push(("from_state", Word(from.name())));
                match to {
                    State::Starting | State::Backoff => {
                        fields.push(("tries", Number((*tries).into())));
                    }
                    State::Exited => fields.extend([("expected", Flag(*expected)), pid]),
                    State::Running | State::Stopping | State::Stopped => fields.push(pid),
                    State::Fatal | State::Unknown => {}
                }
                fields
            }
            Event::Communication { of, .. } => {
                let mut fields = of.fields();
                fields.push(("pid", Number(of.pid.into())));
                fields
            }
            Event::Log { of, channel, .. } => {
                let mut fields = of.fields();
                fields.push(("pid", Number(of.pid.into())));
                fields.push(("channel", Word(channel.name())));
                fields
            }
            Event::Remote { label, .. } => vec![("type", Name(label))],
            Event::GroupAdded(group) | Event::GroupRemoved(group) => {
                vec![("groupname", Name(group))]
            }
            Event::Tick { when, .. } => vec![("when", Number(*when))],
            Event::Running | Event::Stopping => Vec::new(),
        }
    }

    /// What somebody has written, where the event is about that.
    pub fn data(&self) -> Option<&[u8]> {
        match self {
            Event::Communication { data, .. } | Event::Log { data, .. } => Some(data),
            Event::Remote { data, .. } => Some(data.as_bytes()),
            _ => None,
        }
    }

    /// What follows the envelope's header, as 4.3.0 words it. Names cannot break its first line:
    /// see [`word`].
    pub fn payload(&self) -> String {
        let mut out = String::with_capacity(96 + self.data().map_or(0, <[u8]>::len));
        for (name, value) in self.fields() {
            let space = if out.is_empty() { "" } else { " " };
            let _ = match value {
                // Clients put all sorts of things there, and 4.3.0 passes them on.
                Field::Name(text) if name == "type" => write!(out, "{name}:{}", one_line(text)),
                Field::Name(text) => write!(out, "{space}{name}:{}", word(text)),
                Field::Word(text) => write!(out, "{space}{name}:{text}"),
                Field::Flag(flag) => write!(out, "{space}{name}:{}", u8::from(flag)),
                Field::Number(number) => write!(out, "{space}{name}:{number}"),
            };
        }
        if let Event::GroupAdded(_) | Event::GroupRemoved(_) = self {
            out.push('\n');
        }
        if let Some(data) = self.data() {
            out.push('\n');
            out.push_str(&pyrepr::decode(data));
        }
        out
    }
}

/// A line break would end the header early.
fn one_line(text: &str) -> Cow<'_, str> {
    match text.contains(['\n', '\r']) {
        true => Cow::Owned(text.replace('\n', "%0A").replace('\r', "%0D")),
        false => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::envelope;

    fn cat(pid: i32) -> Who {
        Who { group: "grp".into(), process: "cat".into(), pid }
    }

    fn state(from: State, to: State, expected: bool) -> Event {
        Event::State { of: cat(2766), from, to, expected, tries: 3 }
    }

    fn log(channel: Channel, data: &[u8]) -> Event {
        Event::Log { of: cat(7), channel, data: data.into() }
    }

    fn captured(channel: Channel, data: &[u8]) -> Event {
        Event::Communication { of: cat(7), channel, data: data.into() }
    }

    fn remote(label: &str, data: &str) -> Event {
        Event::Remote { label: label.into(), data: data.into() }
    }

    /// Printed by 4.3.0's own classes, from `eventname` on.
    #[test]
    #[rustfmt::skip]
    fn listeners_read_what_4_3_0_writes() {
        use Channel::{Stderr, Stdout};
        use State::*;
        let tick = |period, when| Event::Tick { period, when };
        for (event, want) in [
            (state(Stopped, Starting, true), "PROCESS_STATE_STARTING len:56\nprocessname:cat groupname:grp from_state:STOPPED tries:3"),
            (state(Starting, Running, true), "PROCESS_STATE_RUNNING len:58\nprocessname:cat groupname:grp from_state:STARTING pid:2766"),
            (state(Starting, Backoff, true), "PROCESS_STATE_BACKOFF len:57\nprocessname:cat groupname:grp from_state:STARTING tries:3"),
            (state(Running, Stopping, true), "PROCESS_STATE_STOPPING len:57\nprocessname:cat groupname:grp from_state:RUNNING pid:2766"),
            (state(Running, Exited, true), "PROCESS_STATE_EXITED len:68\nprocessname:cat groupname:grp from_state:RUNNING expected:1 pid:2766"),
            (state(Running, Exited, false), "PROCESS_STATE_EXITED len:68\nprocessname:cat groupname:grp from_state:RUNNING expected:0 pid:2766"),
            (state(Stopping, Stopped, true), "PROCESS_STATE_STOPPED len:58\nprocessname:cat groupname:grp from_state:STOPPING pid:2766"),
            (state(Backoff, Fatal, true), "PROCESS_STATE_FATAL len:48\nprocessname:cat groupname:grp from_state:BACKOFF"),
            (state(Stopping, Unknown, true), "PROCESS_STATE_UNKNOWN len:49\nprocessname:cat groupname:grp from_state:STOPPING"),
            (log(Stdout, b"hello\n"), "PROCESS_LOG_STDOUT len:57\nprocessname:cat groupname:grp pid:7 channel:stdout\nhello\n"),
            (log(Stderr, "Ørestad\n".as_bytes()), "PROCESS_LOG_STDERR len:59\nprocessname:cat groupname:grp pid:7 channel:stderr\nØrestad\n"),
            (log(Stdout, b"\x88'a\"\n\\\0\t\r~\x7f"), "PROCESS_LOG_STDOUT len:92\nprocessname:cat groupname:grp pid:7 channel:stdout\nUndecodable: b'\\x88\\'a\"\\n\\\\\\x00\\t\\r~\\x7f'"),
            (captured(Stdout, b"foo bar"), "PROCESS_COMMUNICATION_STDOUT len:43\nprocessname:cat groupname:grp pid:7\nfoo bar"),
            (captured(Stderr, b"\x88"), "PROCESS_COMMUNICATION_STDERR len:56\nprocessname:cat groupname:grp pid:7\nUndecodable: b'\\x88'"),
            (captured(Stdout, b""), "PROCESS_COMMUNICATION_STDOUT len:36\nprocessname:cat groupname:grp pid:7\n"),
            (remote("t y", "data\nmore ø"), "REMOTE_COMMUNICATION len:20\ntype:t y\ndata\nmore ø"),
            (remote("", ""), "REMOTE_COMMUNICATION len:6\ntype:\n"),
            (Event::Running, "SUPERVISOR_STATE_CHANGE_RUNNING len:0\n"),
            (Event::Stopping, "SUPERVISOR_STATE_CHANGE_STOPPING len:0\n"),
            (Event::GroupAdded("grp".into()), "PROCESS_GROUP_ADDED len:14\ngroupname:grp\n"),
            (Event::GroupRemoved("grp".into()), "PROCESS_GROUP_REMOVED len:14\ngroupname:grp\n"),
            (tick(Period::FiveSeconds, 1700000000), "TICK_5 len:15\nwhen:1700000000"),
            (tick(Period::Minute, 1699999980), "TICK_60 len:15\nwhen:1699999980"),
            (tick(Period::Hour, 1699999200), "TICK_3600 len:15\nwhen:1699999200"),
        ] {
            let payload = event.payload();
            let mut all = Vec::new();
            envelope::header(&mut all, "s", 0, "p", 0, event.kind(), payload.chars().count());
            let all = String::from_utf8(all).unwrap() + &payload;
            assert_eq!(all.split_once("eventname:").unwrap().1, want);
        }
    }

    #[test]
    fn odd_names_cannot_break_the_header() {
        let of = Who { group: "a:b\nc".into(), process: "x y\u{a0}ø".into(), pid: 1 };
        let event = Event::Log { of, channel: Channel::Stdout, data: b"d".to_vec() };
        let payload = event.payload();
        assert_eq!(payload, "processname:x%20y%C2%A0ø groupname:a%3Ab%0Ac pid:1 channel:stdout\nd");
        assert_eq!(remote("a\nb", "c").payload(), "type:a%0Ab\nc");
    }
}
