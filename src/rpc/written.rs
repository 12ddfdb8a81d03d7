//! Infos as they are written to clients: kept from one answer to the next while the process does
//! not change, with gaps for what follows the clock.

use std::ffi::OsStr;
use std::io::Write;

use super::info::{Field, Infos, fields, push_uptime, shells_log};
use super::{Channel, Context, json};
use crate::base::clock::Mono;
use crate::process::{Process, ProcessId};
use crate::proto::xmlrpc;

/// How a client reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One `<value>`.
    Xml,
    /// A JSON value.
    Json,
}

/// The marks of a form, around and between its parts.
struct Marks {
    list: [&'static str; 3],
    info: [&'static str; 3],
    name: [&'static str; 2],
    int: [&'static str; 2],
    text: [&'static str; 2],
    escape: fn(&mut Vec<u8>, &str),
    /// The largest integer, and with its sign changed the smallest but one.
    int_max: i64,
}

static XML: Marks = Marks {
    list: ["<value><array><data>\n", "", "</data></array></value>\n"],
    info: ["<value><struct>\n", "", "</struct></value>\n"],
    name: ["<member>\n<name>", "</name>\n"],
    int: ["<value><int>", "</int></value>\n</member>\n"],
    text: ["<value><string>", "</string></value>\n</member>\n"],
    escape: xmlrpc::push_text,
    int_max: i32::MAX as i64,
};

static JSON: Marks = Marks {
    list: ["[", ",", "]"],
    info: ["{", ",", "}"],
    name: ["\"", "\":"],
    int: ["", ""],
    text: ["\"", "\""],
    escape: json::push_text,
    int_max: i64::MAX,
};

impl Form {
    fn marks(self) -> &'static Marks {
        match self {
            Form::Xml => &XML,
            Form::Json => &JSON,
        }
    }
}

/// The infos of all processes that somebody has asked for. Costs one and a half kilobytes for
/// each of them.
#[derive(Debug, Default)]
pub struct Written {
    /// By the slot of the process's id.
    rows: Vec<Option<Box<Row>>>,
    /// Of the last list in each form.
    list_bytes: [usize; 2],
}

#[derive(Debug)]
struct Row {
    /// Belongs to no other process, either.
    revision: u64,
    /// What the shell said of the logs then.
    logs: [Option<Box<OsStr>>; 2],
    forms: [Option<Pieces>; 2],
}

/// An info with two gaps.
#[derive(Debug)]
struct Pieces {
    bytes: Box<[u8]>,
    now_at: usize,
    /// Where the uptime stands, if it is up, and since when.
    uptime: Option<(usize, Mono)>,
}

impl Written {
    /// About how long the answer will be.
    pub fn expected(&self, infos: Infos, form: Form) -> usize {
        match infos {
            Infos::One(_) => 1_300,
            Infos::All => self.list_bytes[form as usize],
        }
    }

    /// Appends the answer.
    pub fn write(&mut self, ctx: &Context, infos: Infos, form: Form, out: &mut Vec<u8>) {
        let marks = form.marks();
        let now = ctx.now.wall.secs().clamp(-marks.int_max - 1, marks.int_max).to_string();
        let mut one = |id, out: &mut Vec<u8>| {
            if let Some(process) = ctx.set.get(id) {
                let pieces = self.pieces(ctx, id, process, form);
                let (start, rest) = pieces.bytes.split_at(pieces.now_at);
                out.extend_from_slice(start);
                out.extend_from_slice(now.as_bytes());
                let Some((at, since)) = pieces.uptime else { return out.extend_from_slice(rest) };
                let (middle, end) = rest.split_at(at - pieces.now_at);
                out.extend_from_slice(middle);
                push_uptime(out, ctx.now.mono.since(since).as_secs());
                out.extend_from_slice(end);
            }
        };
        let start = out.len();
        match infos {
            Infos::One(id) => one(id, out),
            Infos::All => {
                let [before, between, after] = marks.list.map(str::as_bytes);
                out.extend_from_slice(before);
                for (index, id) in ctx.set.sorted().iter().enumerate() {
                    if index > 0 {
                        out.extend_from_slice(between);
                    }
                    one(*id, out);
                }
                out.extend_from_slice(after);
                self.list_bytes[form as usize] = out.len() - start;
            }
        }
    }

    /// What is kept, made anew where it does not hold any more.
    fn pieces(&mut self, ctx: &Context, id: ProcessId, process: &Process, form: Form) -> &Pieces {
        let slot = id.slot as usize;
        if self.rows.len() <= slot {
            self.rows.resize_with(slot + 1, || None);
        }
        let revision = ctx.set.revision(id).unwrap_or_default();
        let logs = [Channel::Stdout, Channel::Stderr]
            .map(|channel| shells_log(ctx, id, process, channel).map(|path| path.as_os_str()));
        let row = self.rows[slot].get_or_insert_with(|| Box::new(Row::new(revision, logs)));
        if row.revision != revision || row.logs.each_ref().map(Option::as_deref) != logs {
            **row = Row::new(revision, logs);
        }
        row.forms[form as usize].get_or_insert_with(|| Pieces::new(ctx, id, process, form.marks()))
    }
}

impl Row {
    fn new(revision: u64, logs: [Option<&OsStr>; 2]) -> Row {
        Row { revision, logs: logs.map(|log| log.map(Box::from)), forms: [None, None] }
    }
}

impl Pieces {
    fn new(ctx: &Context, id: ProcessId, process: &Process, marks: &Marks) -> Pieces {
        let mut out = Vec::with_capacity(2 << 10);
        let (mut now_at, mut uptime) = (0, None);
        let [before, between, after] = marks.info;
        out.extend_from_slice(before.as_bytes());
        for (index, (name, field)) in fields(ctx, id, process).into_iter().enumerate() {
            let between = if index > 0 { between } else { "" };
            for part in [between, marks.name[0], name, marks.name[1]] {
                out.extend_from_slice(part.as_bytes());
            }
            let [before, after] = match field {
                Field::Int(_) | Field::Now => marks.int,
                Field::Text(_) | Field::Up(..) => marks.text,
            };
            out.extend_from_slice(before.as_bytes());
            match field {
                Field::Int(number) => {
                    let number = number.clamp(-marks.int_max - 1, marks.int_max);
                    let _ = write!(out, "{number}"); // Writing to a Vec can not fail.
                }
                Field::Text(text) => (marks.escape)(&mut out, &text),
                Field::Now => now_at = out.len(),
                Field::Up(pid, since) => {
                    let _ = write!(out, "pid {pid}, uptime ");
                    uptime = Some((out.len(), since));
                }
            }
            out.extend_from_slice(after.as_bytes());
        }
        out.extend_from_slice(after.as_bytes());
        Pieces { bytes: out.into_boxed_slice(), now_at, uptime }
    }
}
