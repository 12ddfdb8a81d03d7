//! Whom a call means, and in which order it goes through many.

use crate::process::{Group, Namespec, ProcessId, Supervisor, full_name};
use crate::rpc::waiting::{Goal, Member, Watch};
use crate::rpc::{Code, Context, Fault};

/// What a name stands for.
pub enum Named {
    /// One process.
    Process(ProcessId),
    /// All of a group: `g:*`.
    Group(String),
}

/// Finds a process or a group by its namespec.
pub fn find(set: &Supervisor, name: &str) -> Result<Named, Fault> {
    let spec = Namespec::parse(name);
    let found = match spec.process {
        Some(_) => set.find(spec).map(Named::Process),
        None => set.group(spec.group).map(|group| Named::Group(group.config.name.clone())),
    };
    found.ok_or_else(|| Code::BadName.of(name))
}

/// Finds one process by its namespec; `g:*` names none.
pub fn process(set: &Supervisor, name: &str) -> Result<ProcessId, Fault> {
    match find(set, name)? {
        Named::Process(id) => Ok(id),
        Named::Group(_) => Err(Code::BadName.of(name)),
    }
}

/// The members of a group, by ascending priority.
pub fn members(set: &Supervisor, group: &str) -> Result<Vec<ProcessId>, Fault> {
    let group = set.group(group).ok_or_else(|| Code::BadName.of(group))?;
    Ok(by_priority(set, group))
}

/// Every process: groups and their members by ascending priority.
pub fn everybody(set: &Supervisor) -> Vec<ProcessId> {
    let mut groups: Vec<&Group> = set.groups().iter().collect();
    groups.sort_by_key(|group| group.config.priority);
    groups.into_iter().flat_map(|group| by_priority(set, group)).collect()
}

fn by_priority(set: &Supervisor, group: &Group) -> Vec<ProcessId> {
    let mut members = group.members.clone();
    members.sort_by_key(|id| set.get(*id).map(|p| p.program.priority));
    members
}

/// Asks each in turn, and keeps what there is to wait for.
pub fn ask_each(
    ctx: &mut Context,
    ids: Vec<ProcessId>,
    goal: Goal,
    wait: bool,
    mut ask: impl FnMut(&mut Context, ProcessId, &str) -> Result<(), Fault>,
) -> Vec<Member> {
    let mut asked = Vec::with_capacity(ids.len());
    for id in ids {
        let Some(process) = ctx.set.get(id) else { continue };
        let (group, name) = (process.program.group.clone(), process.program.name.clone());
        let full = full_name(&group, &name);
        let done = ask(ctx, id, &full);
        asked.push(Member {
            group,
            name,
            watch: done.map(|()| Watch::new(ctx.set, id, full, goal, wait)),
        });
    }
    asked
}
