//! XML-RPC: calls and answers as XML, in the shapes Python's `xmlrpc.client` writes and reads.
//! No DTD, no entity beyond XML's five, no other encoding than UTF-8.

mod decode;
mod encode;
#[cfg(test)]
mod tests;

pub use decode::{Call, DEPTH_MAX, Fault, decode_call, decode_response};
pub use encode::{encode_call, encode_fault, encode_response, encode_response_by, push_text};
