//! `svx.update`: what the configuration changes, done or only told.

use std::collections::{HashMap, HashSet};

use super::optional;
use crate::config::diff::{Change, Difference, GroupChange, difference};
use crate::process::{ProcessId, State, Supervisor};
use crate::rpc::table::{Given, Kind, Method, Outcome};
use crate::rpc::{Code, Context, Value, Waiting};

pub static ROWS: [Method; 1] = [Method {
    name: "svx.update",
    params: &[
        optional("names", Kind::Array, Given::Nothing),
        optional("dry_run", Kind::Bool, Given::Bool(false)),
    ],
    result: Kind::Array,
    help: "Reads the configuration anew and makes the groups that differ (of those in names, if \
           there are any) what it says, touching only processes that differ; those that somebody \
           stopped stay stopped. Answers when all that had to stop has stopped, with a struct \
           (group, process, action, keys) for each step; process is missing where the whole \
           group is meant. The actions are removed, restarted, changed, added, and unknown for a \
           name that is no group; a step with the field problem failed. With dry_run nothing is \
           done.",
    run: |ctx, args| {
        let names: Option<HashSet<&str>> = args.items(0).iter().map(Value::as_str).collect();
        let names = names.ok_or_else(|| Code::IncorrectParameters.of("names"))?;
        let config = ctx.host.reread().map_err(|why| Code::CantReread.of(why))?;
        let running: Vec<_> = ctx.set.groups().iter().map(|group| group.config.clone()).collect();
        let mut found = difference(running.iter().map(|group| &**group), &config.groups);
        let mut update = Update::default();
        if !names.is_empty() {
            let wanted = |name: &str| names.contains(name);
            found.removed.retain(|group| wanted(&group.name));
            found.changed.retain(|change| wanted(&change.new.name));
            found.added.retain(|group| wanted(&group.name));
            let known = running.iter().map(|group| group.name.as_str());
            let mut known: HashSet<&str> =
                known.chain(config.groups.iter().map(|group| group.name.as_str())).collect();
            let items = args.items(0).iter().filter_map(Value::as_str);
            let unknown = items.filter(|name| known.insert(name)); // each once
            update.steps.extend(unknown.map(|name| Step::group(name, "unknown")));
        }
        update.plan(ctx.set, &found);
        if args.flag(1) {
            return Ok(update.told().into());
        }
        let Difference { added, changed, removed } = found;
        for group in removed {
            ctx.set.dismiss_group(ctx.now, &group.name);
        }
        for change in &changed {
            ctx.set.change_group(ctx.now, change);
        }
        for group in added {
            ctx.set.add_group(group);
        }
        Ok(Outcome::Wait(Waiting::Update(update)))
    },
}];

/// One thing that is done.
#[derive(Clone, Debug, PartialEq)]
struct Step {
    group: String,
    process: Option<String>,
    action: &'static str,
    keys: Vec<&'static str>,
    problem: Option<&'static str>,
}

impl Step {
    fn group(name: &str, action: &'static str) -> Step {
        Step { group: name.to_owned(), process: None, action, keys: Vec::new(), problem: None }
    }
}

/// An update under way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Update {
    steps: Vec<Step>,
    /// Those that may have to end, each with the index of its step.
    pending: Vec<(ProcessId, usize)>,
}

impl Update {
    /// What it comes to, before anything is done.
    fn plan(&mut self, set: &Supervisor, found: &Difference) {
        for group in &found.removed {
            let step = self.steps.len();
            let members = set.group(&group.name).map(|group| group.members.clone());
            self.pending.extend(members.into_iter().flatten().map(|id| (id, step)));
            self.steps.push(Step::group(&group.name, "removed"));
        }
        for change in &found.changed {
            self.plan_change(set, change);
        }
        self.steps.extend(found.added.iter().map(|group| Step::group(&group.name, "added")));
    }

    fn plan_change(&mut self, set: &Supervisor, change: &GroupChange) {
        let Some(group) = set.group(&change.new.name) else { return };
        let named = |id: &ProcessId| Some((set.get(*id)?.program.name.as_str(), *id));
        let ids: HashMap<&str, ProcessId> = group.members.iter().filter_map(named).collect();
        let first = self.steps.len();
        let mut whole = change.members.len() == change.new.programs.len();
        for member in &change.members {
            let id = ids.get(member.name).copied();
            let (action, keys) = match &member.change {
                Change::Removed => ("removed", Vec::new()),
                Change::Added(_) => ("added", Vec::new()),
                Change::Changed { program, keys, restart } => {
                    let restart = *restart && id.is_some_and(|id| set.restarts(id, program));
                    (if restart { "restarted" } else { "changed" }, keys.clone())
                }
            };
            whole &= action == "restarted";
            if action == "changed" && keys.is_empty() {
                continue;
            }
            self.pending.extend(id.map(|id| (id, self.steps.len())));
            let process = Some(member.name.to_owned());
            self.steps.push(Step { process, keys, ..Step::group(&change.new.name, action) });
        }
        // One line says it all where no member is left alone.
        whole |= change.anew;
        let mut keys = change.keys.clone();
        if whole {
            for key in self.steps.drain(first..).flat_map(|step| step.keys) {
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
            self.pending.retain(|(_, step)| *step < first);
            self.pending.extend(group.members.iter().map(|id| (*id, first)));
        }
        let action = if whole { "restarted" } else { "changed" };
        self.steps.push(Step { keys, ..Step::group(&change.new.name, action) });
    }

    /// The answer, once all that had to end has ended or is known not to.
    pub fn poll(&mut self, ctx: &mut Context) -> Option<Value> {
        let steps = &mut self.steps;
        self.pending.retain(|(id, step)| {
            let waits = ctx.set.is_changing(*id);
            let refused = ctx.set.get(*id).is_some_and(|p| p.state == State::Unknown);
            if waits && refused {
                steps[*step].problem = Some("it could not be signalled");
            }
            waits && !refused
        });
        self.pending.is_empty().then(|| self.told())
    }

    fn told(&self) -> Value {
        let steps = self.steps.iter().map(|step| {
            let mut fields = vec![("group".into(), step.group.as_str().into())];
            fields.extend(step.process.as_deref().map(|name| ("process".into(), name.into())));
            fields.push(("action".into(), step.action.into()));
            fields.push(("keys".into(), Value::texts(step.keys.iter().copied())));
            fields.extend(step.problem.map(|problem| ("problem".into(), problem.into())));
            Value::Struct(fields)
        });
        Value::Array(steps.collect())
    }
}
