//! Several calls in one, one after the other, a portion a turn.

use std::collections::VecDeque;

use crate::rpc::table::{Outcome, Params, call};
use crate::rpc::waiting::Waiting;
use crate::rpc::{Code, Context, Fault, Value};

/// How many calls are made in one turn.
const CALLS_AT_ONCE: usize = 128;
/// How many bytes of results end the turn's portion.
const RESULT_BYTES_AT_ONCE: usize = 1 << 20;
/// How many bytes of results one multicall can have; the calls beyond are refused.
pub const RESULT_BYTES_MAX: usize = 64 << 20;

/// A multicall under way.
#[derive(Clone, Debug, PartialEq)]
pub struct Multicall {
    calls: VecDeque<Value>,
    waiting: Option<Waiting>,
    results: Vec<Value>,
    result_bytes: usize,
}

impl Multicall {
    pub fn new(calls: &[Value]) -> Multicall {
        Multicall {
            calls: calls.iter().cloned().collect(),
            waiting: None,
            results: Vec::with_capacity(calls.len()),
            result_bytes: 0,
        }
    }

    pub fn is_ready(&self) -> bool {
        self.waiting.as_ref().map_or(!self.calls.is_empty(), Waiting::is_ready)
    }

    pub fn poll(&mut self, ctx: &mut Context) -> Option<Value> {
        if let Some(waiting) = &mut self.waiting {
            let done = waiting.poll(ctx)?;
            self.waiting = None;
            self.keep(done);
        }
        let enough = self.result_bytes + RESULT_BYTES_AT_ONCE;
        for _ in 0..CALLS_AT_ONCE {
            let Some(one) = self.calls.pop_front() else { break };
            match self.make(ctx, one) {
                Ok(Outcome::Done(value)) => self.keep(Ok(value)),
                Ok(Outcome::Infos(infos)) => self.keep(Ok(infos.value(ctx))),
                Ok(Outcome::Fault(fault)) | Err(fault) => self.keep(Err(fault)),
                Ok(Outcome::Stream(_)) => self.keep(Err(Code::UnknownMethod.bare())),
                Ok(Outcome::Wait(waiting)) => {
                    self.waiting = Some(waiting);
                    return None;
                }
            }
            if self.result_bytes > enough {
                break;
            }
        }
        self.calls.is_empty().then(|| std::mem::take(&mut self.results).into())
    }

    fn make(&self, ctx: &mut Context, mut one: Value) -> Result<Outcome, Fault> {
        let missing = || Code::IncorrectParameters.of("No methodName");
        let params = match &mut one {
            Value::Struct(fields) => fields.iter_mut().find(|(key, _)| key == "params"),
            _ => return Err(Code::IncorrectParameters.bare()),
        };
        let params = match params.map(|(_, value)| std::mem::replace(value, Value::Nil)) {
            None => Vec::new(),
            Some(Value::Array(items)) => items,
            // What a client that does not tell lists from maps makes of an empty list.
            Some(Value::Struct(fields)) if fields.is_empty() => Vec::new(),
            Some(_) => return Err(Code::IncorrectParameters.bare()),
        };
        let name = one.get("methodName").and_then(Value::as_str).ok_or_else(missing)?;
        if name == "system.multicall" {
            let why = "Recursive system.multicall forbidden";
            return Err(Code::IncorrectParameters.of(why));
        }
        if name.starts_with("svx.") {
            return Err(Code::UnknownMethod.bare()); // XML-RPC can do this, and has none of those
        }
        if self.result_bytes > RESULT_BYTES_MAX {
            return Err(Code::Failed.of("the results of the calls before take too much memory"));
        }
        Ok(call(ctx, name, Params::List(params)))
    }

    fn keep(&mut self, done: Result<Value, Fault>) {
        let value = done.unwrap_or_else(|fault| {
            let code = (fault.code as i32).into();
            Value::fields([("faultCode", code), ("faultString", fault.text.into())])
        });
        self.result_bytes += value.size();
        self.results.push(value);
    }
}
