//! The control program against a web server that speaks XML-RPC, as stock Supervisor does: at a
//! port, and behind a unix socket where JSON is not understood.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::thread;

/// Answers one request: a path, and a document for the calls among them. Anything that is not HTTP
/// is hung up on.
fn serve(input: impl Read, mut out: impl Write) {
    let mut input = BufReader::new(input);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if input.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    if head.starts_with('{') {
        return;
    }
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    let mut document = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    input.read_exact(&mut document).unwrap();
    let document = String::from_utf8(document).unwrap();
    let value = |value: &str| {
        format!(
            "<?xml version='1.0'?>\n<methodResponse><params><param><value>{value}</value></param>\
             </params></methodResponse>"
        )
    };
    let fault = "<?xml version='1.0'?>\n<methodResponse><fault><value><struct>\
                 <member><name>faultCode</name><value><int>10</int></value></member>\
                 <member><name>faultString</name><value><string>BAD_NAME: x</string></value></member>\
                 </struct></value></fault></methodResponse>";
    // u:p
    let answer = if !head.contains("\r\nAuthorization: Basic dTpw\r\n") {
        "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n".to_string()
    } else if head.starts_with("GET /logtail/web/stdout HTTP/1.1\r\n") {
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\none\n\r\n4\r\ntwo\n\r\n0\r\n\r\n"
            .to_string()
    } else if head.starts_with("GET ") {
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_string()
    } else {
        let body = if document.contains(">supervisor.getVersion<") {
            value("<string>3.0</string>")
        } else if document.contains(">supervisor.getPID<") {
            value("<int>4711</int>")
        } else if document.contains(">supervisor.startProcess<") && document.contains(">ö&amp;<") {
            value("<boolean>1</boolean>")
        } else {
            fault.to_string()
        };
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    };
    out.write_all(answer.as_bytes()).unwrap();
}

fn ctl(words: &[&str]) -> (String, String, i32) {
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_svx"))
        .arg("ctl")
        .args(words)
        .current_dir(dir.path())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

fn speaks_xml_rpc(url: &str) {
    let ask = |words: &[&str]| ctl(&[&["-s", url, "-u", "u", "-p", "p"], words].concat());
    let said = |out: &str, status| (out.to_string(), String::new(), status);
    assert_eq!(ask(&["pid"]), said("4711\n", 0));
    assert_eq!(ask(&["start", "ö&"]), said("ö&: started\n", 0));
    assert_eq!(ask(&["start", "x"]), said("x: ERROR (no such process)\n", 1));
    let banner = "==> Press Ctrl-C to exit <==\n";
    assert_eq!(ask(&["tail", "-f", "web"]), said(&format!("{banner}one\ntwo\n"), 0));
    let err = format!("{url}/logtail/x/stdout Cannot read, status code 404\n");
    assert_eq!(ask(&["tail", "-f", "x"]), (banner.into(), err, 0));
    let refused = "Server requires authentication\nerror: 401 Unauthorized\n";
    assert_eq!(ctl(&["-s", url, "pid"]), said(refused, 1));
}

#[test]
fn a_web_server_is_asked_in_xml() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().map(Result::unwrap) {
            thread::spawn(move || serve(stream.try_clone().unwrap(), stream));
        }
    });
    speaks_xml_rpc(&format!("http://localhost:{port}"));
    let (out, _, status) = ctl(&["-s", &format!("http://u:p@127.0.0.1:{port}"), "pid"]);
    assert_eq!((out.as_str(), status), ("4711\n", 0));
}

#[test]
fn a_unix_socket_that_does_not_speak_json_is_asked_in_xml() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().map(Result::unwrap) {
            thread::spawn(move || serve(stream.try_clone().unwrap(), stream));
        }
    });
    speaks_xml_rpc(&format!("unix://{}", path.display()));
}
