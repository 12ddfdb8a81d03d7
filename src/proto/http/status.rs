//! Status codes and the refusals that carry them.

use std::fmt;

macro_rules! statuses {
    ($($name:ident = $number:literal, $reason:literal;)*) => {
        /// The status of an answer.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs)] // the names are those of RFC 9110
        pub enum Status { $($name = $number,)* }

        impl Status {
            /// The words after the number.
            pub fn reason(self) -> &'static str {
                match self { $(Status::$name => $reason,)* }
            }
        }
    };
}

statuses! {
    Ok = 200, "OK";
    PartialContent = 206, "Partial Content";
    MovedPermanently = 301, "Moved Permanently";
    SeeOther = 303, "See Other";
    NotModified = 304, "Not Modified";
    BadRequest = 400, "Bad Request";
    Unauthorized = 401, "Unauthorized";
    Forbidden = 403, "Forbidden";
    NotFound = 404, "Not Found";
    MethodNotAllowed = 405, "Method Not Allowed";
    RequestTimeout = 408, "Request Timeout";
    Conflict = 409, "Conflict";
    Gone = 410, "Gone";
    LengthRequired = 411, "Length Required";
    ContentTooLarge = 413, "Content Too Large";
    UriTooLong = 414, "URI Too Long";
    UnsupportedMediaType = 415, "Unsupported Media Type";
    RangeNotSatisfiable = 416, "Range Not Satisfiable";
    TooManyRequests = 429, "Too Many Requests";
    HeaderFieldsTooLarge = 431, "Request Header Fields Too Large";
    InternalServerError = 500, "Internal Server Error";
    NotImplemented = 501, "Not Implemented";
    ServiceUnavailable = 503, "Service Unavailable";
    VersionNotSupported = 505, "HTTP Version Not Supported";
}

impl Status {
    /// The number itself.
    pub fn code(self) -> u16 {
        self as u16
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code(), self.reason())
    }
}

/// A request that is not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// For the client's program.
    pub status: Status,
    /// For the client's human.
    pub why: &'static str,
}

impl Refusal {
    /// A malformed request.
    pub const fn bad(why: &'static str) -> Refusal {
        Refusal { status: Status::BadRequest, why }
    }
}
