//! `twiddler.*`: changing groups from outside, as the plugin supervisor_twiddler 1.0 offers it. It
//! is there if the configuration has an `[rpcinterface:twiddler]`, whose `whitelist` may name the
//! methods that are allowed.

use std::sync::Arc;

use super::needed;
use crate::base::level::Level;
use crate::config::diff::{Change, GroupChange, MemberChange};
use crate::config::model::Group;
use crate::process::Namespec;
use crate::rpc::table::{Args, Given, Kind, Method, Outcome};
use crate::rpc::{Code, Context, Fault, Value};

/// The section that turns it on: `[rpcinterface:twiddler]`.
pub const INTERFACE: &str = "twiddler";

/// Supervisor's numbers of levels, beside its names.
const LEVELS: [(&str, &str, Level); 7] = [
    ("BLAT", "3", Level::Blat),
    ("TRAC", "5", Level::Trac),
    ("DEBG", "10", Level::Debg),
    ("INFO", "20", Level::Info),
    ("WARN", "30", Level::Warn),
    ("ERRO", "40", Level::Erro),
    ("CRIT", "50", Level::Crit),
];

pub static ROWS: [Method; 5] = [
    Method {
        name: "twiddler.getAPIVersion",
        params: &[],
        result: Kind::Str,
        help: "The version of the twiddler API.",
        run: |ctx, _| {
            allow(ctx, "getAPIVersion")?;
            Ok("1.0".into())
        },
    },
    Method {
        name: "twiddler.getGroupNames",
        params: &[],
        result: Kind::Array,
        help: "The names of all process groups.",
        run: |ctx, _| {
            allow(ctx, "getGroupNames")?;
            let names = ctx.set.groups().iter().map(|group| group.config.name.as_str());
            Ok(Value::texts(names).into())
        },
    },
    Method {
        name: "twiddler.log",
        params: &[
            needed("message", Kind::Str),
            super::optional("level", Kind::NameOrNumber, Given::Str("INFO")),
        ],
        result: Kind::Bool,
        help: "Writes a message to the main log; the level is a name such as INFO or its number.",
        run: |ctx, args| {
            allow(ctx, "log")?;
            let wanted = args.text(1).to_uppercase();
            let level =
                LEVELS.iter().find(|(name, number, _)| wanted == *name || wanted == *number);
            let (_, _, level) = level.ok_or_else(|| Code::IncorrectParameters.bare())?;
            ctx.host.say(*level, args.text(0));
            Ok(true.into())
        },
    },
    Method {
        name: "twiddler.addProgramToGroup",
        params: &[
            needed("group_name", Kind::Str),
            needed("program_name", Kind::Str),
            needed("program_options", Kind::Struct),
        ],
        result: Kind::Bool,
        help: "Adds a program, with the options of a [program:x] section, to a group that is \
               there. It is forgotten when the daemon restarts.",
        run: add,
    },
    Method {
        name: "twiddler.removeProcessFromGroup",
        params: &[needed("group_name", Kind::Str), needed("process_name", Kind::Str)],
        result: Kind::Bool,
        help: "Removes one process, which must not run, from a group.",
        run: |ctx, args| {
            allow(ctx, "removeProcessFromGroup")?;
            let mut new = group(ctx, args.text(0))?;
            let name = args.text(1);
            let found = ctx.set.find(Namespec { group: &new.name, process: Some(name) });
            let process = found.and_then(|id| ctx.set.get(id));
            let process = process.ok_or_else(|| Code::BadName.of(name))?;
            if process.pid != 0 || !process.state.is_stopped() {
                return Err(Code::StillRunning.of(name));
            }
            new.programs.retain(|program| program.name != name);
            let members = vec![MemberChange { name, change: Change::Removed }];
            change(ctx, &new, members);
            Ok(true.into())
        },
    },
];

fn add(ctx: &mut Context, args: &Args) -> Result<Outcome, Fault> {
    allow(ctx, "addProgramToGroup")?;
    let mut new = group(ctx, args.text(0))?;
    let mut options = Vec::new();
    for (name, value) in args.fields(2) {
        let Value::Str(value) = value else { return Err(Code::IncorrectParameters.bare()) };
        options.push((name.to_lowercase(), value.clone()));
    }
    let made = ctx.host.make_programs(&new.name, args.text(1), &options);
    let made = made.map_err(|why| Code::IncorrectParameters.of(why))?;
    for program in &made {
        if new.programs.iter().any(|known| known.name == program.name) {
            return Err(Code::BadName.of(&program.name));
        }
    }
    new.programs.extend(made.iter().map(Arc::clone));
    let added = made.iter().map(|p| MemberChange { name: &p.name, change: Change::Added(p) });
    change(ctx, &new, added.collect());
    Ok(true.into())
}

fn change(ctx: &mut Context, new: &Group, members: Vec<MemberChange>) {
    let change = GroupChange { new, keys: Vec::new(), anew: false, members };
    ctx.set.change_group(ctx.now, &change);
}

fn group(ctx: &Context, name: &str) -> Result<Group, Fault> {
    let group = ctx.set.group(name).map(|group| (*group.config).clone());
    group.ok_or_else(|| Code::BadName.of(format_args!("group: {name}")))
}

/// Whether the whitelist, if there is one, has the method.
fn allow(ctx: &Context, method: &str) -> Result<(), Fault> {
    let keys = ctx.host.interface(INTERFACE).ok_or_else(|| Code::UnknownMethod.bare())?;
    let list = keys.iter().find(|(name, _)| name == "whitelist").map_or("", |(_, list)| list);
    let mut names = list.split(',').map(str::trim).filter(|name| !name.is_empty()).peekable();
    match names.peek().is_none() || names.any(|name| name == method) {
        true => Ok(()),
        false => Err(Code::NotInWhitelist.of(method)),
    }
}
