//! The table of methods, and how a call finds its row and its arguments.
//!
//! Supervisor: `traverse` in xmlrpc.py, and Python's own checking of arguments.

use std::borrow::Cow;

use super::rows::twiddler::INTERFACE;
use super::rows::{self, Tail};
use super::{Code, Context, Fault, Infos, Value, Waiting};
use crate::base::int;
use crate::process::Mood;

/// One method: the only place its name, parameters, result and words are written. Dispatch,
/// argument checks, `system.listMethods`, `methodHelp` and `methodSignature` all read it.
pub struct Method {
    /// Namespace and name: `supervisor.startProcess`.
    pub name: &'static str,
    /// In the order they are passed; those with a default come last.
    pub params: &'static [Param],
    /// What it answers.
    pub result: Kind,
    /// For `system.methodHelp`.
    pub help: &'static str,
    /// Carries it out.
    pub run: fn(&mut Context, &Args) -> Result<Outcome, Fault>,
}

impl Method {
    /// Whether the configuration has the interface that this belongs to.
    pub fn is_offered(&self, ctx: &Context) -> bool {
        !self.name.starts_with("twiddler.") || ctx.host.interface(INTERFACE).is_some()
    }
}

/// One parameter.
pub struct Param {
    /// For help, and for clients that pass parameters by name.
    pub name: &'static str,
    /// What it accepts.
    pub kind: Kind,
    /// What it is when not given.
    pub default: Option<Given>,
}

/// A default.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Given {
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A string.
    Str(&'static str),
    /// An empty list.
    Nothing,
}

/// The types of parameters and results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Str,
    /// A string, or a number or boolean as Python prints it.
    Text,
    /// A string, or base64 of any bytes.
    Chars,
    /// The name of a signal or a level, or its number.
    NameOrNumber,
    /// An integer, also as a string of digits or a double: 4.3.0 converts.
    Int,
    /// Whatever Python takes for true or false: 1 and 0 from PHP.
    Bool,
    /// A list.
    Array,
    /// Named fields.
    Struct,
}

impl Kind {
    /// The word in a method's signature.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Str | Kind::Text | Kind::Chars | Kind::NameOrNumber => "string",
            Kind::Int => "int",
            Kind::Bool => "boolean",
            Kind::Array => "array",
            Kind::Struct => "struct",
        }
    }

    /// The value as this kind, or `None` where it cannot be taken for one.
    fn accept(self, value: Value) -> Option<Value> {
        Some(match (self, value) {
            (Kind::Str | Kind::Text | Kind::Chars | Kind::NameOrNumber, Value::Str(text)) => {
                Value::Str(text)
            }
            (Kind::Chars, Value::Bytes(bytes)) => Value::Bytes(bytes),
            (Kind::Str | Kind::Text | Kind::NameOrNumber, Value::Bytes(bytes)) => {
                Value::Str(String::from_utf8(bytes).ok()?)
            }
            (Kind::Text | Kind::NameOrNumber, Value::Int(number)) => Value::Str(number.to_string()),
            (Kind::Text, Value::Bool(flag)) => if flag { "True" } else { "False" }.into(),
            (Kind::Text, Value::Double(number)) => Value::Str(format!("{number:?}")),
            (Kind::Int, Value::Int(number)) => Value::Int(number),
            (Kind::Int, Value::Bool(flag)) => Value::Int(flag.into()),
            (Kind::Int, Value::Double(number)) if number.is_finite() => Value::Int(number as i64),
            (Kind::Int, Value::Str(text)) => Value::Int(int::parse(&text)?),
            (Kind::Bool, value) => Value::Bool(is_true(&value)),
            (Kind::Array, Value::Array(items)) => Value::Array(items),
            (Kind::Struct, Value::Struct(fields)) => Value::Struct(fields),
            (
                Kind::Str
                | Kind::Text
                | Kind::Chars
                | Kind::NameOrNumber
                | Kind::Int
                | Kind::Array
                | Kind::Struct,
                _,
            ) => return None,
        })
    }
}

fn is_true(value: &Value) -> bool {
    match value {
        Value::Nil => false,
        Value::Bool(flag) => *flag,
        Value::Int(number) => *number != 0,
        Value::Double(number) => *number != 0.0,
        Value::Str(text) => !text.is_empty(),
        Value::Bytes(bytes) => !bytes.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Struct(fields) => !fields.is_empty(),
    }
}

/// Parameters as a client sent them.
#[derive(Clone, Debug, PartialEq)]
pub enum Params {
    /// By position.
    List(Vec<Value>),
    /// By name; only JSON can.
    Named(Vec<(Cow<'static, str>, Value)>),
}

impl Params {
    /// The parameter at that place, or of that name; for calls that are no row of the table.
    pub fn get(&self, index: usize, name: &str) -> Option<&Value> {
        match self {
            Params::List(items) => items.get(index),
            Params::Named(fields) => fields.iter().find(|(key, _)| key == name).map(|(_, v)| v),
        }
    }
}

impl From<Vec<Value>> for Params {
    fn from(items: Vec<Value>) -> Params {
        Params::List(items)
    }
}

/// Arguments after the check: one for each parameter, each of its kind.
pub struct Args(Vec<Value>);

impl Args {
    /// A `Kind::Str` or `Kind::NameOrNumber`.
    pub fn text(&self, index: usize) -> &str {
        self.0.get(index).and_then(Value::as_str).unwrap_or_default()
    }

    /// A `Kind::Chars`.
    pub fn bytes(&self, index: usize) -> &[u8] {
        match self.0.get(index) {
            Some(Value::Bytes(bytes)) => bytes,
            _ => self.text(index).as_bytes(),
        }
    }

    /// A `Kind::Int`.
    pub fn int(&self, index: usize) -> i64 {
        if let Some(Value::Int(number)) = self.0.get(index) { *number } else { 0 }
    }

    /// A `Kind::Struct`.
    pub fn fields(&self, index: usize) -> &[(Cow<'static, str>, Value)] {
        if let Some(Value::Struct(fields)) = self.0.get(index) { fields } else { &[] }
    }

    /// A `Kind::Bool`.
    pub fn flag(&self, index: usize) -> bool {
        self.0.get(index) == Some(&Value::Bool(true))
    }

    /// A `Kind::Array`.
    pub fn items(&self, index: usize) -> &[Value] {
        if let Some(Value::Array(items)) = self.0.get(index) { items } else { &[] }
    }
}

/// What became of a call.
#[derive(Debug, PartialEq)]
pub enum Outcome {
    /// The answer.
    Done(Value),
    /// The answer, for the client's form to be written in: see [`Written`](super::Written).
    Infos(Infos),
    /// The refusal.
    Fault(Fault),
    /// The answer comes later; see [`Waiting::poll`].
    Wait(Waiting),
    /// The answer is a stream of log bytes. Only JSON lines can carry it.
    Stream(Tail),
}

impl<T: Into<Value>> From<T> for Outcome {
    fn from(value: T) -> Outcome {
        Outcome::Done(value.into())
    }
}

/// Every method, namespace by namespace.
pub fn methods() -> impl Iterator<Item = &'static Method> {
    rows::ALL.iter().copied().flatten()
}

/// The row of that name.
pub fn method(name: &str) -> Option<&'static Method> {
    methods().find(|row| row.name == name)
}

/// Carries out one call. Whatever a client sends ends in an outcome.
pub fn ask(ctx: &mut Context, name: &str, params: Params) -> Outcome {
    run(ctx, name, params).unwrap_or_else(Outcome::Fault)
}

/// The same for who works with values: there are no [`Outcome::Infos`].
pub fn call(ctx: &mut Context, name: &str, params: Params) -> Outcome {
    match ask(ctx, name, params) {
        Outcome::Infos(infos) => Outcome::Done(infos.value(ctx)),
        outcome => outcome,
    }
}

fn run(ctx: &mut Context, name: &str, params: Params) -> Result<Outcome, Fault> {
    // No row's name has other than two parts, so this lets nothing through that it should not.
    let row = method(name).filter(|row| row.is_offered(ctx));
    let row = row.ok_or_else(|| Code::UnknownMethod.bare())?;
    let given = by_position(row, params)?;
    let open = match name {
        "supervisor.sendRemoteCommEvent" => true,
        "svx.update" | "svx.act" => false,
        _ => !name.starts_with("supervisor.") && !name.starts_with("twiddler."),
    };
    if ctx.set.mood() != Mood::Running && !open {
        return Err(Code::ShutdownState.bare());
    }
    let args = row.params.iter().zip(given).map(|(param, value)| match (value, param.default) {
        (Some(value), _) => param.kind.accept(value),
        (None, Some(Given::Bool(flag))) => Some(Value::Bool(flag)),
        (None, Some(Given::Int(number))) => Some(Value::Int(number)),
        (None, Some(Given::Str(text))) => Some(text.into()),
        (None, Some(Given::Nothing)) => Some(Value::Array(Vec::new())),
        (None, None) => None,
    });
    let args: Option<Vec<Value>> = args.collect();
    (row.run)(ctx, &Args(args.ok_or_else(|| Code::IncorrectParameters.bare())?))
}

/// One place for each parameter of the row, empty where the default is to stand.
fn by_position(row: &Method, params: Params) -> Result<Vec<Option<Value>>, Fault> {
    let mut given: Vec<Option<Value>> = Vec::with_capacity(row.params.len());
    match params {
        Params::List(items) => given.extend(items.into_iter().map(Some)),
        Params::Named(fields) => {
            given.resize(row.params.len(), None);
            for (name, value) in fields {
                let place = row.params.iter().position(|param| param.name == name);
                given[place.ok_or_else(|| Code::IncorrectParameters.of(name))?] = Some(value);
            }
        }
    }
    let most = row.params.len();
    let rest = row.params.iter().skip(given.len());
    if given.len() > most || rest.into_iter().any(|param| param.default.is_none()) {
        return Err(Code::IncorrectParameters.bare());
    }
    given.resize(most, None);
    Ok(given)
}
