//! Lines on the control socket, and the requests in them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use svx::proto::{Parsed, jsonl};
use svx::rpc::json;

fuzz_target!(|data: &[u8]| {
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
});
