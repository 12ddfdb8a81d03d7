//! Calls of clients, those that wait among them, and whether their answers are true.

use svx::base::clock::Mono;
use svx::config::model::Group;
use svx::process::{Action, Namespec, ProcessId, State};
use svx::rpc::{self, Fault as RpcFault, Outcome, Params, Value, Waiting};

use super::super::cover;
use super::super::model::Origin;
use super::Life;

/// A call that waits.
pub struct Wait {
    pub client: u8,
    pub method: &'static str,
    pub params: Vec<Value>,
    /// The process it is about, if it is about one, and how often it had been started by then.
    pub of: Option<(ProcessId, u64)>,
    pub since: Mono,
    pub waiting: Waiting,
}

impl Life {
    pub(super) fn call(&mut self, client: u8, method: &'static str, params: Vec<Value>) {
        let of = self.named(&params);
        let alike = if method == "svx.update" { self.alike() } else { Vec::new() };
        let outcome = rpc::call(&mut self.context(), method, Params::List(params.clone()));
        let touched = self.set.actions()[self.seen..].iter().find_map(|action| match action {
            Action::Changed(change) if alike.contains(&change.id) => Some(*change),
            _ => None,
        });
        if let Some(change) = touched {
            self.shell.model.fail(|| format!("an update without a difference: {change:?}"));
        }
        self.see(Origin::Call(method));
        let since = self.shell.now.mono;
        match outcome {
            Outcome::Done(value) => self.answered(method, &params, of, Ok(value)),
            Outcome::Fault(fault) => self.answered(method, &params, of, Err(fault)),
            Outcome::Wait(waiting) => {
                self.shell.model.cover.saw(cover::waiting(&waiting));
                self.changed = true;
                self.waits.push(Wait { client, method, params, of, since, waiting });
            }
            Outcome::Stream(_) | Outcome::Infos(_) => {
                self.shell.model.fail(|| format!("{method} answers with no value"));
            }
        }
    }

    /// The processes that are what the file says: no update may touch them.
    pub(super) fn alike(&self) -> Vec<ProcessId> {
        let same = |id: &ProcessId| {
            let Some(process) = self.set.get(*id) else { return false };
            let program = &process.program;
            let find = |all: &[Group]| all.iter().find(|g| g.name == program.group).cloned();
            let running = self.set.group(&program.group).map(|group| group.config.kind.clone());
            let Some(new) = find(&self.shell.file) else { return false };
            Some(new.kind) == running
                && new.programs.contains(program)
                && !self.set.is_changing(*id)
        };
        self.set.iter().map(|(id, _)| id).filter(same).collect()
    }

    pub(super) fn poll_waits(&mut self) {
        let mut waits = std::mem::take(&mut self.waits);
        let mut ready = false;
        waits.retain_mut(|wait| {
            let result = wait.waiting.poll(&mut self.context());
            self.see(Origin::Call(wait.method));
            let Some(result) = result else {
                ready |= wait.waiting.is_ready();
                return true;
            };
            self.answered(wait.method, &wait.params, wait.of, result);
            false
        });
        self.changed |= ready;
        waits.append(&mut self.waits);
        self.waits = waits;
    }

    pub(super) fn named(&self, params: &[Value]) -> Option<(ProcessId, u64)> {
        let id = self.set.find(Namespec::parse(params.first()?.as_str()?))?;
        Some((id, self.shell.model.starts(id)))
    }

    /// A client has its answer: it must be true.
    pub(super) fn answered(
        &mut self,
        method: &str,
        params: &[Value],
        of: Option<(ProcessId, u64)>,
        result: Result<Value, RpcFault>,
    ) {
        self.shell.note(|| format!("{method} answers {result:?}"));
        let waits = params.get(1) == Some(&Value::Bool(true));
        let model = &self.shell.model;
        let state = of.and_then(|(id, _)| model.state(id));
        let same = of.is_some_and(|(id, starts)| model.starts(id) == starts);
        let lie = match (method, &result) {
            ("supervisor.startProcess", Ok(Value::Bool(_))) if waits => {
                state != Some(State::Running)
            }
            ("supervisor.stopProcess", Ok(Value::Bool(_))) if waits => {
                // Somebody may have started it again in the very turn it stopped.
                same && state.is_some_and(|state| !state.is_stopped())
            }
            ("supervisor.getProcessInfo", Ok(info)) => {
                let said = info.get("statename").and_then(Value::as_str);
                said != state.map(State::name)
            }
            _ => false,
        };
        if lie {
            self.shell.model.fail(|| format!("{method}{params:?} is {state:?}, told: {result:?}"));
        }
    }
}
