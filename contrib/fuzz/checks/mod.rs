//! What holds of every reader of bytes that a stranger, a child or a file brings, whatever they
//! are: none panics, and a stream means the same however it is cut. libFuzzer calls these, and so
//! do the tests.

mod config;
mod http;
mod output;
mod rpc;
mod web;

/// Panics where what must hold does not.
pub type Check = fn(&[u8]);

/// All of them by name.
pub const CHECKS: &[(&str, Check)] = &[
    ("action", web::action),
    ("answer", http::answer),
    ("ansi", output::ansi),
    ("basic", http::basic),
    ("capture", output::capture),
    ("chunked", http::chunked),
    ("config", config::config),
    ("dotenv", config::dotenv),
    ("environment", config::environment),
    ("event_id", web::event_id),
    ("expand", config::expand),
    ("form", web::form),
    ("http_head", http::head),
    ("include", config::include),
    ("ini", config::ini),
    ("json_line", rpc::json_line),
    ("listener", output::listener),
    ("origin", http::origin),
    ("range", web::range),
    ("route", web::route),
    ("series", config::series),
    ("sgr", output::sgr),
    ("stat", output::stat),
    ("state", output::state),
    ("values", config::values),
    ("xmlrpc", rpc::xmlrpc),
];

/// Text of bytes: what is not UTF-8 is U+FFFD.
fn text(data: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(data)
}

/// The first line and what is behind it.
fn first_line(data: &[u8]) -> (&[u8], &[u8]) {
    match data.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (data, &[]),
    }
}
