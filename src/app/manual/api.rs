//! svx-api(7), from the table of methods.

use crate::cli::{Manual, Part};
use crate::rpc::{self, Given, Method};

/// The page.
pub fn page() -> Manual {
    let mut parts = vec![
        Part::Heading("DESCRIPTION"),
        Part::text(
            "The daemon answers clients on the socket of `[unix_http_server]` and on the addresses \
             of `[inet_http_server]`. Where a section has a username, nothing is answered without it.",
        ),
        Part::Sub("XML-RPC".into()),
        Part::text(
            "POST to `/RPC2`, as with Supervisor. Every method below but those of `svx` can be \
             called. Faults carry Supervisor's codes.",
        ),
        Part::code(
            "python3 -c 'import xmlrpc.client as x\n\
             print(x.ServerProxy(\"http://127.0.0.1:9001/RPC2\").supervisor.getState())'",
        ),
        Part::Sub("JSON lines".into()),
        Part::text(
            "On the unix socket a client may send JSON-RPC 2.0 requests, one per line, at most 1 MiB \
             each. Answers carry the id of their request and may come out of order where one waits. \
             Where the section has a username the first call is `svx.login` with user name and \
             password. A method that follows something (`svx.tail`, `svx.maintail`, `svx.events`) sends \
             notifications until `svx.close`.",
        ),
        Part::code(
            "echo '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"supervisor.getState\"}' \
             | nc -U /run/supervisor.sock",
        ),
        Part::Sub("Followed logs".into()),
        Part::text(
            "GET `/logtail/`NAME, `/logtail/`NAME`/stderr` and `/mainlogtail` answer with the end of a \
             log, and go on with what is written until the client leaves.",
        ),
        Part::Heading("METHODS"),
    ];
    parts.push(Part::terms(rpc::methods().map(|method| (signature(method), method.help))));
    parts.extend([
        Part::Heading("SEE ALSO"),
        Part::text("supervisorctl(1), supervisord.conf(5), svx-events(7)"),
    ]);
    let about = "how programs talk to svx: XML-RPC, JSON lines, HTTP".into();
    Manual { name: "svx-api", section: 7, about, parts }
}

fn signature(method: &Method) -> String {
    let params: Vec<String> = method
        .params
        .iter()
        .map(|param| match &param.default {
            None => format!("{} {}", param.kind.word(), param.name),
            Some(default) => {
                let default = match default {
                    Given::Bool(value) => value.to_string(),
                    Given::Int(value) => value.to_string(),
                    Given::Str(value) => format!("\"{value}\""),
                    Given::Nothing => "[]".into(),
                };
                format!("{} {}={default}", param.kind.word(), param.name)
            }
        })
        .collect();
    format!("`{}`({}) → {}", method.name, params.join(", "), method.result.word())
}
