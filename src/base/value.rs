//! What a method of the daemon takes and gives, whatever the codec.

use std::borrow::Cow;

/// A parameter or a result.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// JSON's null; XML-RPC has none.
    Nil,
    /// True or false.
    Bool(bool),
    /// XML-RPC can send 32 bits of it.
    Int(i64),
    /// Only clients send these.
    Double(f64),
    /// Text.
    Str(String),
    /// Text of a log, most often UTF-8; what else it holds is for the codec to show.
    Bytes(Vec<u8>),
    /// A list.
    Array(Vec<Value>),
    /// Named fields, in the order they are shown.
    Struct(Vec<(Cow<'static, str>, Value)>),
}

impl Value {
    /// A struct of these fields.
    pub fn fields<const N: usize>(fields: [(&'static str, Value); N]) -> Value {
        Value::Struct(fields.into_iter().map(|(name, v)| (Cow::Borrowed(name), v)).collect())
    }

    /// An array of texts.
    pub fn texts<T: Into<String>>(items: impl IntoIterator<Item = T>) -> Value {
        Value::Array(items.into_iter().map(|text| Value::Str(text.into())).collect())
    }

    /// The field of a struct.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let Value::Struct(fields) = self else { return None };
        fields.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The text of a `Str`.
    pub fn as_str(&self) -> Option<&str> {
        if let Value::Str(text) = self { Some(text) } else { None }
    }

    /// Roughly the bytes it takes, in memory or on the wire.
    pub fn size(&self) -> usize {
        16 + match self {
            Value::Nil | Value::Bool(_) | Value::Int(_) | Value::Double(_) => 0,
            Value::Str(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            Value::Array(items) => items.iter().map(Value::size).sum(),
            Value::Struct(fields) => fields.iter().map(|(key, v)| key.len() + v.size()).sum(),
        }
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Value {
        Value::Bool(flag)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Int(number)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Value {
        Value::Int(number.into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Str(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Str(text)
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Value {
        Value::Array(items)
    }
}
