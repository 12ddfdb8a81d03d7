//! Which requests are XML-RPC calls.

use super::{Head, Length, Method, Refusal, Status, decode};

/// Whether the target belongs to XML-RPC: anything that begins with `/RPC2`, as in 4.3.0.
pub fn is_rpc(head: &Head) -> bool {
    decode(head.path()).starts_with("/RPC2")
}

/// Whether the request can be a call.
///
/// # Errors
/// Those of 4.3.0: 400 for other methods than POST, 411 without a length.
pub fn accept_rpc(head: &Head) -> Result<(), Refusal> {
    match (head.method, head.length) {
        (Method::Unknown, _) => head.method.among(&[]),
        (Method::Post, Length::Absent) => {
            Err(Refusal { status: Status::LengthRequired, why: "a call needs a Content-Length" })
        }
        (Method::Post, Length::Known(_) | Length::Chunked) => Ok(()),
        (Method::Get | Method::Head | Method::Other, _) => {
            Err(Refusal::bad("a call is made by POST"))
        }
    }
}
