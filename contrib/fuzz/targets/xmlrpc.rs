//! XML-RPC documents: what is understood can be written again and means the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use svx::base::value::Value;
use svx::proto::xmlrpc;

fuzz_target!(|data: &[u8]| {
    if let Ok(call) = xmlrpc::decode_call(data) {
        let size: usize = call.params.iter().map(Value::size).sum();
        assert!(size <= 8 * data.len());
        let again = xmlrpc::decode_call(&xmlrpc::encode_call(&call.method, &call.params));
        assert!(again.is_ok_and(|again| again.params.len() == call.params.len()));
        let mut out = Vec::new();
        xmlrpc::encode_response(&mut out, &Value::Array(call.params));
        let _ = xmlrpc::decode_response(&out); // one level deeper than may be read
    }
    let _ = xmlrpc::decode_response(data);
    for value in [Value::Bytes(data.to_vec()), String::from_utf8_lossy(data).into_owned().into()] {
        let mut out = Vec::new();
        xmlrpc::encode_response(&mut out, &value);
        assert!(matches!(xmlrpc::decode_response(&out), Ok(Ok(Value::Str(_)))));
    }
});
