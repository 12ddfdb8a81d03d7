//! XML to values, in one pass and without a tree: what a hostile document can cost is its own
//! length, times the size of an empty value.

use std::borrow::Cow;

use quick_xml::events::{BytesDecl, BytesRef, Event};
use quick_xml::reader::Reader;

use crate::base::int;
use crate::base::value::Value;
use crate::proto::base64;

/// How deep arrays and structs may be nested.
pub const DEPTH_MAX: usize = 64;
/// No declaration that means something is longer.
const DECLARATION_BYTES_MAX: usize = 200;

/// What a client calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// `supervisor.getState`; never empty.
    pub method: String,
    /// In order; also none where `<params>` is missing.
    pub params: Vec<Value>,
}

/// The refusal of a call, as a client reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// `faultCode`
    pub code: i32,
    /// `faultString`
    pub text: String,
}

/// Reads a whole `<methodCall>`. Types are those of Supervisor's `unmarshallers` (xmlrpc.py)
/// with `i1` to `i8` added; `nil` is passed on for the method to refuse, as there; a date stays
/// text. Prefixes of names (`ex:nil`) and attributes are of no account.
///
/// # Errors
/// In words: the answer is HTTP 400.
pub fn decode_call(body: &[u8]) -> Result<Call, &'static str> {
    let mut document = Document::open(body, "methodCall")?;
    let (mut method, mut params) = (String::new(), Vec::new());
    while let Some(name) = document.child()? {
        match name {
            "methodName" => method = document.text()?,
            "params" => params = document.params()?,
            _ => return Err("a call has a methodName and params"),
        }
    }
    document.finish()?;
    if method.is_empty() { Err("no method name") } else { Ok(Call { method, params }) }
}

/// Reads a whole `<methodResponse>`: a value, or the fault the other side answered with.
///
/// # Errors
/// In words, for what is neither.
pub fn decode_response(body: &[u8]) -> Result<Result<Value, Fault>, String> {
    response(body).map_err(str::to_owned)
}

fn response(body: &[u8]) -> Result<Result<Value, Fault>, &'static str> {
    let mut document = Document::open(body, "methodResponse")?;
    let answer = match document.child()? {
        Some("params") => {
            let mut values = document.params()?;
            let value = values.pop().filter(|_| values.is_empty());
            Ok(value.ok_or("an answer holds one value")?)
        }
        Some("fault") => {
            let value = document.only_value()?;
            match (value.get("faultCode"), value.get("faultString").and_then(Value::as_str)) {
                (Some(Value::Int(code)), Some(text)) => {
                    let code = (*code).clamp(i32::MIN.into(), i32::MAX.into()) as i32;
                    Err(Fault { code, text: text.to_owned() })
                }
                _ => return Err("a fault has a faultCode and a faultString"),
            }
        }
        _ => return Err("an answer has params or a fault"),
    };
    document.close()?;
    document.finish()?;
    Ok(answer)
}

/// Every name that means something, so that names are compared once and live for ever.
const NAMES: &[&str] = &[
    "value",
    "string",
    "int",
    "i4",
    "name",
    "member",
    "struct",
    "data",
    "array",
    "param",
    "params",
    "boolean",
    "double",
    "base64",
    "dateTime.iso8601",
    "nil",
    "i1",
    "i2",
    "i8",
    "methodName",
    "methodCall",
    "methodResponse",
    "fault",
];

enum Token<'a> {
    Open(&'static str),
    Close,
    Text(Cow<'a, str>),
    End,
}

const BROKEN: &str = "not well-formed XML";

struct Document<'a> {
    reader: Reader<&'a [u8]>,
    /// Of arrays and structs.
    depth: usize,
    /// A byte beyond ASCII makes the declared encoding matter.
    is_ascii: bool,
}

impl<'a> Document<'a> {
    /// Reads up to and with the opening tag of the root.
    fn open(body: &'a [u8], root: &str) -> Result<Document<'a>, &'static str> {
        let text = std::str::from_utf8(body).map_err(|_| "not UTF-8")?;
        if text.bytes().any(|byte| byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r')) {
            return Err("a control character in XML");
        }
        let mut reader = Reader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        let mut document = Document { reader, depth: 0, is_ascii: text.is_ascii() };
        match document.child()? {
            Some(name) if name == root => Ok(document),
            _ => Err("the document is of another kind"),
        }
    }

    fn next(&mut self) -> Result<Token<'a>, &'static str> {
        loop {
            return Ok(match self.reader.read_event().map_err(|_| BROKEN)? {
                Event::Start(tag) => {
                    let known = NAMES.iter().find(|n| n.as_bytes() == tag.local_name().as_ref());
                    Token::Open(known.copied().unwrap_or("?"))
                }
                Event::End(_) => Token::Close,
                Event::Text(text) => Token::Text(text.xml10_content().map_err(|_| BROKEN)?),
                Event::CData(text) => Token::Text(text.xml10_content().map_err(|_| BROKEN)?),
                Event::GeneralRef(reference) => Token::Text(resolve(&reference)?),
                Event::Comment(_) | Event::PI(_) => continue,
                Event::Decl(declaration) => {
                    self.check_encoding(&declaration)?;
                    continue;
                }
                Event::DocType(_) => return Err("a document type is not allowed"),
                Event::Empty(_) => return Err(BROKEN), // the reader expands them
                Event::Eof => Token::End,
            });
        }
    }

    /// Pure ASCII reads the same in whatever is declared: PHP declares ISO-8859-1 and sends
    /// references.
    fn check_encoding(&self, declaration: &BytesDecl) -> Result<(), &'static str> {
        if declaration.len() > DECLARATION_BYTES_MAX {
            return Err(BROKEN);
        }
        match declaration.encoding() {
            None => Ok(()),
            Some(Ok(name)) if self.is_ascii || name.eq_ignore_ascii_case(b"utf-8") => Ok(()),
            Some(Ok(_)) => Err("the encoding is not UTF-8"),
            Some(Err(_)) => Err(BROKEN),
        }
    }

    /// The next element in this one; `None` where this one ends. Only white space may stand
    /// between.
    fn child(&mut self) -> Result<Option<&'static str>, &'static str> {
        loop {
            match self.next()? {
                Token::Open(name) => return Ok(Some(name)),
                Token::Close => return Ok(None),
                Token::Text(text) if is_blank(&text) => {}
                Token::Text(_) => return Err("text where an element is due"),
                Token::End => return Err("the document ends early"),
            }
        }
    }

    /// The end of this element.
    fn close(&mut self) -> Result<(), &'static str> {
        self.child()?.map_or(Ok(()), |_| Err("an element too many"))
    }

    /// The end of the document, after the root's.
    fn finish(&mut self) -> Result<(), &'static str> {
        loop {
            match self.next()? {
                Token::End => return Ok(()),
                Token::Text(text) if is_blank(&text) => {}
                Token::Text(_) | Token::Open(_) | Token::Close => {
                    return Err("something follows the document");
                }
            }
        }
    }

    /// The text of this element, up to and with its end.
    fn text(&mut self) -> Result<String, &'static str> {
        let mut whole = String::new();
        loop {
            match self.next()? {
                Token::Text(text) => whole.push_str(&text),
                Token::Close => return Ok(whole),
                Token::Open(_) => return Err("an element where text is due"),
                Token::End => return Err("the document ends early"),
            }
        }
    }

    fn params(&mut self) -> Result<Vec<Value>, &'static str> {
        let mut values = Vec::new();
        while let Some(name) = self.child()? {
            if name != "param" {
                return Err("params holds param");
            }
            values.push(self.only_value()?);
        }
        Ok(values)
    }

    /// The one `<value>` in this element, and the end of both.
    fn only_value(&mut self) -> Result<Value, &'static str> {
        if self.child()? != Some("value") {
            return Err("no value");
        }
        let value = self.value()?;
        self.close()?;
        Ok(value)
    }

    /// What stands in a `<value>`, up to and with its end. Text without a type is a string.
    fn value(&mut self) -> Result<Value, &'static str> {
        let mut text = String::new();
        let kind = loop {
            match self.next()? {
                Token::Open(name) if is_blank(&text) => break name,
                Token::Open(_) => return Err("text beside an element"),
                Token::Text(more) => text.push_str(&more),
                Token::Close => return Ok(Value::Str(text)),
                Token::End => return Err("the document ends early"),
            }
        };
        let value = match kind {
            "string" | "dateTime.iso8601" => Value::Str(self.text()?),
            "int" | "i1" | "i2" | "i4" | "i8" => {
                Value::Int(int::parse(&self.text()?).ok_or("not an integer")?)
            }
            // Anything else than 1 is false, as in 4.3.0.
            "boolean" => Value::Bool(self.text()?.trim() == "1"),
            "double" => Value::Double(self.text()?.trim().parse().map_err(|_| "not a double")?),
            "base64" => Value::Bytes(base64::decode(&self.text()?).ok_or("not base64")?),
            "nil" => {
                self.close()?;
                Value::Nil
            }
            "array" | "struct" => {
                self.depth += 1;
                if self.depth > DEPTH_MAX {
                    return Err("nested too deep");
                }
                let value = if kind == "array" { self.array()? } else { self.fields()? };
                self.depth -= 1;
                value
            }
            _ => return Err("a value of an unknown type"),
        };
        self.close()?;
        Ok(value)
    }

    fn array(&mut self) -> Result<Value, &'static str> {
        if self.child()? != Some("data") {
            return Err("an array without data");
        }
        let mut items = Vec::new();
        while let Some(name) = self.child()? {
            if name != "value" {
                return Err("data holds values");
            }
            items.push(self.value()?);
        }
        self.close()?;
        Ok(Value::Array(items))
    }

    fn fields(&mut self) -> Result<Value, &'static str> {
        let mut fields = Vec::new();
        while let Some(name) = self.child()? {
            if name != "member" || self.child()? != Some("name") {
                return Err("a struct holds members with a name");
            }
            let name = self.text()?;
            fields.push((Cow::Owned(name), self.only_value()?));
        }
        Ok(Value::Struct(fields))
    }
}

fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
}

fn resolve(reference: &BytesRef) -> Result<Cow<'static, str>, &'static str> {
    Ok(Cow::Borrowed(match &**reference {
        b"amp" => "&",
        b"lt" => "<",
        b"gt" => ">",
        b"quot" => "\"",
        b"apos" => "'",
        _ => match reference.resolve_char_ref() {
            Ok(Some(c)) if is_xml(c) => return Ok(Cow::Owned(c.to_string())),
            Ok(_) | Err(_) => return Err("an unknown entity"),
        },
    }))
}

/// Whether XML 1.0 has this character.
fn is_xml(c: char) -> bool {
    !matches!(c, '\0'..'\t' | '\u{b}' | '\u{c}' | '\u{e}'..' ' | '\u{fffe}' | '\u{ffff}')
}
