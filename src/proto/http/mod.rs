//! HTTP/1.0 and 1.1 as a server speaks them: requests out of bytes, answers into bytes. What
//! cannot be understood without doubt is refused and ends the connection, so that one request is
//! always one request (RFC 9112).

mod body;
mod head;
mod reply;
mod requests;
mod rpc;
mod status;
#[cfg(test)]
mod tests;
mod uri;

pub use body::BODY_BYTES_MAX;
pub use head::{FIELDS_MAX, HEAD_BYTES_MAX, Head, Length, Method, TARGET_BYTES_MAX};
pub use reply::{CONTINUE, REALM, Reply, Stream, date, not_modified};
pub use requests::{Piece, Requests};
pub use rpc::{accept_rpc, is_rpc};
pub use status::{Refusal, Status};
pub use uri::{decode, pairs};
