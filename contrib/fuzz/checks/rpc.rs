//! Calls: by lines of JSON and by XML.

use svx::base::value::Value;
use svx::proto::{Parsed, jsonl, xmlrpc as xml};
use svx::rpc::json;

/// Lines on the control socket, and the requests in them.
pub fn json_line(data: &[u8]) {
    let mut rest = data;
    while let Parsed::Done { value, used } = jsonl::line(rest, 0) {
        let end = used - 1;
        assert_eq!(jsonl::line(&rest[..end], 0), Parsed::More);
        assert_eq!(jsonl::line(rest, end), Parsed::Done { value, used });
        let mut out = Vec::new();
        match json::request(value) {
            Ok(call) => json::answer(&mut out, &call.id.unwrap_or(json::Id::null()), &true.into()),
            Err(why) => json::invalid(&mut out, &why),
        }
        assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1);
        rest = &rest[used..];
    }
}

/// XML-RPC documents: what is understood can be written again and means the same.
pub fn xmlrpc(data: &[u8]) {
    if let Ok(call) = xml::decode_call(data) {
        let size: usize = call.params.iter().map(Value::size).sum();
        assert!(size <= 8 * data.len());
        let again = xml::decode_call(&xml::encode_call(&call.method, &call.params));
        assert!(again.is_ok_and(|again| again.params.len() == call.params.len()));
        let mut out = Vec::new();
        xml::encode_response(&mut out, &Value::Array(call.params));
        let _ = xml::decode_response(&out); // one level deeper than may be read
    }
    let _ = xml::decode_response(data);
    for value in [Value::Bytes(data.to_vec()), String::from_utf8_lossy(data).into_owned().into()] {
        let mut out = Vec::new();
        xml::encode_response(&mut out, &value);
        assert!(matches!(xml::decode_response(&out), Ok(Ok(Value::Str(_)))));
    }
}
