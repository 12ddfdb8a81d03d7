//! What a browser or a script says in addresses, forms and bodies.

use svx::proto::http::{Method, decode};
use svx::web::form::{Form, quoted};
use svx::web::routes::{Missing, find};
use svx::web::{api, escape, sse};

use super::http::request;
use super::{first_line, text};

/// A path: each variable of the line it finds stands for something.
pub fn route(data: &[u8]) {
    let path = text(data);
    for method in [Method::Get, Method::Post, Method::Head, Method::Other] {
        match find(method, &path) {
            Ok(found) => {
                assert_eq!(found.values.len(), found.route.names().count());
                assert!(found.values.iter().all(|value| !value.is_empty()));
            }
            Err(Missing::Method(allow)) => assert!(!allow.is_empty()),
            Err(Missing::Path) => {}
        }
    }
    // A name that we write into an address is found again, whatever it is.
    let mut address = "/api/v1/processes/".to_owned();
    escape::segment(&mut address, &path);
    match find(Method::Get, &address) {
        Ok(found) => assert_eq!(found.values, [&*path]),
        Err(_) => assert!(path.is_empty() || path == "." || path == "..", "{address}"),
    }
}

/// A query or a form.
pub fn form(data: &[u8]) {
    let data = text(data);
    let form = Form::parse(&data);
    let _ = (form.get("a"), form.filled("b"), form.all("target").count());
    assert_eq!(decode(&quoted(&data)), data);
    let form = Form::parse(&format!("x=1&y={}&z=2", quoted(&data)));
    assert_eq!((form.get("y"), form.get("z")), (Some(&*data), Some("2")));
}

/// The first line is a query, the second a Range field, the rest the digits of a file's size.
pub fn range(data: &[u8]) {
    let (query, rest) = first_line(data);
    let (field, size) = first_line(rest);
    let size = text(size).trim().parse().unwrap_or(1000);
    let head = [b"GET /?", query, b" HTTP/1.1\r\nRange: ", field, b"\r\n\r\n"].concat();
    let Some(head) = request(&head) else { return };
    if let Ok(range) = api::range(&head, &Form::query(&head), size) {
        assert!(range.offset <= size && range.length <= size - range.offset);
        assert!(range.length <= 1 << 20);
    }
}

/// The first line is a Last-Event-ID, the rest becomes a message.
pub fn event_id(data: &[u8]) {
    let (id, data) = first_line(data);
    let (id, data) = (text(id), text(data));
    if let Some((number, Some(mark))) = sse::read_id(&id) {
        assert_eq!(sse::read_id(&sse::id(number, mark)), Some((number, Some(mark))));
    }
    let message = sse::message(Some("7"), None, &data);
    let lines: Vec<&str> = message.split('\n').collect();
    let (front, end) = lines.split_at(lines.len() - 2);
    assert_eq!((front[0], end), ("id: 7", &["", ""][..]));
    assert!(front[1..].iter().all(|line| line.starts_with("data: ") && !line.contains('\r')));
}

/// The JSON body of an action.
pub fn action(data: &[u8]) {
    let _ = api::empty(data);
    for named in [None, Some(("stop", "x".to_owned()))] {
        if let Ok(asked) = api::asked(data, named) {
            assert!(asked.action == "signal" || asked.signal.is_empty());
            assert_eq!(asked.params().len(), 4);
        }
    }
}
