//! The client for XML-RPC over HTTP, which every Supervisor speaks.

use std::os::fd::{AsFd, BorrowedFd};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, json};

use super::client::{Failure, Follow, Log, Piece, Rpc};
use super::http::{Address, Exchange};
use super::interrupt::Interrupt;
use crate::base::value::Value;
use crate::proto::xmlrpc::{decode_response, encode_call};
use crate::rpc::Code;

/// See the module.
pub struct XmlRpc {
    address: Address,
    login: Option<(String, String)>,
}

impl XmlRpc {
    /// Will connect to `address` once for each call.
    pub fn new(address: Address, login: Option<(String, String)>) -> XmlRpc {
        XmlRpc { address, login }
    }
}

impl Rpc for XmlRpc {
    fn call(
        &mut self,
        method: &str,
        params: serde_json::Value,
        interrupt: Option<&Interrupt>,
    ) -> Result<serde_json::Value, Failure> {
        let params: Vec<Value> = match params {
            serde_json::Value::Array(params) => params.into_iter().map(of_json).collect(),
            _ => Vec::new(),
        };
        let call = encode_call(method, &params);
        let exchange = Exchange::begin(&self.address, "/RPC2", self.login.as_ref(), Some(&call))?;
        match decode_response(&exchange.finish(interrupt)?) {
            Ok(Ok(value)) => Ok(to_json(value)),
            Ok(Err(fault)) => {
                Err(Failure::Fault { code: Code::from_number(fault.code.into()), text: fault.text })
            }
            Err(why) => Err(Failure::Other(format!("the daemon's answer is not XML-RPC: {why}"))),
        }
    }

    fn follow(
        self: Box<Self>,
        logs: &[Log],
        _: u32,
        _: &Interrupt,
    ) -> Result<Box<dyn Follow>, Failure> {
        let begin = |log: &Log| {
            Exchange::begin(&self.address, &log.path(), self.login.as_ref(), None).map(Some)
        };
        Ok(Box::new(Tails(logs.iter().map(begin).collect::<Result<_, _>>()?)))
    }
}

/// A connection for each log.
struct Tails(Vec<Option<Exchange>>);

impl Follow for Tails {
    fn fds(&self) -> Vec<(usize, BorrowedFd<'_>)> {
        let alive = self.0.iter().enumerate();
        alive.filter_map(|(at, tail)| Some((at, tail.as_ref()?.as_fd()))).collect()
    }

    fn hear(&mut self, number: usize, to: &mut dyn FnMut(usize, Piece<'_>)) -> Result<(), Failure> {
        let Some(tail) = self.0.get_mut(number) else { return Ok(()) };
        let Some(exchange) = tail else { return Ok(()) };
        let mut bytes = Vec::new();
        let heard = exchange.hear(&mut bytes);
        if !bytes.is_empty() {
            to(number, Piece::Bytes(&bytes));
        }
        if heard.is_err() || exchange.ended() {
            *tail = None;
            to(number, Piece::End(heard.err()));
        }
        Ok(())
    }
}

fn of_json(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(flag) => Value::Bool(flag),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(number) => Value::Int(number),
            None => Value::Double(number.as_f64().unwrap_or_default()),
        },
        serde_json::Value::String(text) => Value::Str(text),
        serde_json::Value::Array(items) => Value::Array(items.into_iter().map(of_json).collect()),
        serde_json::Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| (name.into(), of_json(value)));
            Value::Struct(fields.collect())
        }
    }
}

fn to_json(value: Value) -> serde_json::Value {
    match value {
        Value::Nil => serde_json::Value::Null,
        Value::Bool(flag) => flag.into(),
        Value::Int(number) => number.into(),
        Value::Double(number) => number.into(),
        Value::Str(text) => text.into(),
        Value::Bytes(bytes) => match String::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(error) => json!({"base64": BASE64_STANDARD.encode(error.as_bytes())}),
        },
        Value::Array(items) => items.into_iter().map(to_json).collect(),
        Value::Struct(fields) => {
            let fields = fields.into_iter().map(|(name, value)| (name.into(), to_json(value)));
            fields.collect::<Map<_, _>>().into()
        }
    }
}
