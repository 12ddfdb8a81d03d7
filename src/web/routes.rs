//! Every address that the servers answer, XML-RPC's apart: the one table that requests are
//! matched against and the API's description is made from.

use crate::proto::http::{Method, decode};

/// What happens at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // the table has the words
#[rustfmt::skip]
pub enum To {
    List, Form, Log, MainLog, Tail, Ok, Asset, LogTail, MainLogTail,
    Processes, Process, ProcessAction, Config, LogRange, LogFollow,
    Groups, Group, GroupAction, Actions,
    Daemon, DaemonTask, DaemonLog, DaemonLogFollow,
    Events, Watch, OpenApi, Metrics, Health, Ready,
}

/// A line of the table.
pub struct Route {
    /// GET, which HEAD goes with, or POST.
    pub method: Method,
    /// `{name}` stands for one segment, `{+name}` for all the rest.
    pub path: &'static str,
    /// What happens there.
    pub to: To,
    /// One sentence on it.
    pub help: &'static str,
    /// What its query may say.
    pub query: &'static [Param],
    /// What its body is.
    pub takes: Takes,
    /// What is answered when all is well.
    pub gives: Gives,
}

/// A parameter.
pub struct Param {
    /// As it is written.
    pub name: &'static str,
    /// What it may be.
    pub kind: ParamKind,
    /// One sentence on it.
    pub help: &'static str,
}

/// What a parameter may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamKind {
    /// Any text.
    Text,
    /// Within these bounds.
    Integer(i64, i64),
    /// One of these.
    Word(&'static [&'static str]),
}

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// There is none.
    Nothing,
    /// JSON of that name in the description, which may be left out.
    Maybe(&'static str),
    /// JSON of that name in the description.
    Json(&'static str),
    /// A form of our own page.
    Form,
}

/// What an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    /// JSON of that name in the description.
    Json(&'static str),
    /// Of that media type.
    Text(&'static str),
    /// Bytes of a log.
    Log,
    /// Server-sent events.
    Events,
    /// Plain text without end.
    Stream,
}

const fn get(path: &'static str, to: To, gives: Gives, help: &'static str) -> Route {
    let method = Method::Get;
    Route { method, path, to, help, query: &[], takes: Takes::Nothing, gives }
}

const fn post(path: &'static str, to: To, takes: Takes, gives: Gives, help: &'static str) -> Route {
    Route { method: Method::Post, path, to, help, query: &[], takes, gives }
}

impl Route {
    const fn asking(self, query: &'static [Param]) -> Route {
        Route { query, ..self }
    }

    /// The names in its path, in order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(variable)
    }
}

const HTML: Gives = Gives::Text("text/html");
const PLAIN: Gives = Gives::Text("text/plain");

const fn text(name: &'static str, help: &'static str) -> Param {
    Param { name, kind: ParamKind::Text, help }
}

const fn integer(name: &'static str, from: i64, to: i64, help: &'static str) -> Param {
    Param { name, kind: ParamKind::Integer(from, to), help }
}

/// The most that one request reads of a log, in bytes.
pub const LOG_BYTES_MAX: i64 = 1 << 20;

const OFFSET: Param =
    integer("offset", i64::MIN, i64::MAX, "The first byte; below 0 it counts from the end.");
const FROM: Param = integer(
    "offset",
    i64::MIN,
    i64::MAX,
    "The first byte, below 0 from the end; without it, what is written from now on.",
);
const RANGE: &[Param] = &[
    OFFSET,
    integer("length", 0, LOG_BYTES_MAX, "How many bytes at most; 65536 if it is not said."),
];
const PORTION: &[Param] = &[OFFSET, integer("length", 0, LOG_BYTES_MAX, "How many bytes at most.")];

/// What a variable of a path can be, where it is not just any text.
pub const VARIABLES: &[Param] = &[
    text("process", "A process: `group:name`, or the name alone where both are equal."),
    text("group", "A group."),
    Param {
        name: "channel",
        kind: ParamKind::Word(&["stdout", "stderr"]),
        help: "Which stream of the process.",
    },
    Param {
        name: "action",
        kind: ParamKind::Word(&["start", "stop", "restart", "signal", "clear"]),
        help: "What to do; `clear` empties the logs.",
    },
    Param {
        name: "task",
        kind: ParamKind::Word(&[
            "reread",
            "update",
            "restart",
            "shutdown",
            "clear-log",
            "reopen-logs",
        ]),
        help: "What the daemon is to do.",
    },
    text("file", "A file of the page."),
];

/// Every address.
pub static ROUTES: &[Route] = &[
    get(
        "/api/v1/processes",
        To::Processes,
        Gives::Json("Processes"),
        "Every process, and the daemon.",
    ),
    get("/api/v1/processes/{process}", To::Process, Gives::Json("Process"), "One process."),
    post(
        "/api/v1/processes/{process}/{action}",
        To::ProcessAction,
        Takes::Maybe("How"),
        Gives::Json("Results"),
        "Does something to a process.",
    ),
    get(
        "/api/v1/processes/{process}/config",
        To::Config,
        Gives::Json("Config"),
        "What the configuration says of a process. Values of its environment are not told.",
    ),
    get(
        "/api/v1/processes/{process}/logs/{channel}",
        To::LogRange,
        Gives::Log,
        "Bytes of a log as they stand in the file; also takes a Range of bytes.",
    )
    .asking(RANGE),
    get(
        "/api/v1/processes/{process}/logs/{channel}/follow",
        To::LogFollow,
        Gives::Events,
        "A log as it is written. The id of a message is the offset behind it; `reset` says that \
         the file begins anew.",
    )
    .asking(&[FROM]),
    get("/api/v1/groups", To::Groups, Gives::Json("Groups"), "Every group."),
    get("/api/v1/groups/{group}", To::Group, Gives::Json("Group"), "One group."),
    post(
        "/api/v1/groups/{group}/{action}",
        To::GroupAction,
        Takes::Maybe("How"),
        Gives::Json("Results"),
        "Does something to those of a group that there is something to do for.",
    ),
    post(
        "/api/v1/actions",
        To::Actions,
        Takes::Json("Action"),
        Gives::Json("Results"),
        "Does the same to any number of processes.",
    ),
    get("/api/v1/daemon", To::Daemon, Gives::Json("Daemon"), "The daemon itself."),
    post(
        "/api/v1/daemon/{task}",
        To::DaemonTask,
        Takes::Maybe("Nothing"),
        Gives::Json("Done"),
        "Has the daemon do something; `update` answers when all that had to stop has stopped.",
    ),
    get(
        "/api/v1/daemon/log",
        To::DaemonLog,
        Gives::Log,
        "Bytes of the main log; also takes a Range of bytes.",
    )
    .asking(RANGE),
    get(
        "/api/v1/daemon/log/follow",
        To::DaemonLogFollow,
        Gives::Events,
        "The main log as it is written.",
    )
    .asking(&[FROM]),
    get(
        "/api/v1/events",
        To::Events,
        Gives::Events,
        "What happens, as event listeners hear it. `gap` says that some of it cannot be told any \
         more.",
    )
    .asking(&[text("types", "Names of event types, with commas between; all if it is not said.")]),
    get(
        "/api/v1/watch",
        To::Watch,
        Gives::Events,
        "What changes of the list of processes, for pages that show it: `process`, `gone`, \
         `groups`, `daemon`, `usage`; `reload` says that the list is to be fetched anew.",
    ),
    get("/api/v1/openapi.json", To::OpenApi, Gives::Json("Description"), "This description."),
    get(
        "/metrics",
        To::Metrics,
        Gives::Text("text/plain"),
        "What is counted and measured, in the text format of Prometheus.",
    ),
    get("/healthz", To::Health, PLAIN, "Answers while the daemon works at all."),
    get(
        "/readyz",
        To::Ready,
        Gives::Json("Ready"),
        "Answers 200 once every program that starts by itself has arrived, until then 503.",
    ),
    get("/", To::List, HTML, "The page with all processes.").asking(LIST),
    get("/index.html", To::List, HTML, "The same; also takes the actions of Supervisor's page.")
        .asking(LIST),
    post("/", To::Form, Takes::Form, HTML, "What the forms of the page ask for."),
    get("/log", To::MainLog, HTML, "The page with the main log.").asking(PORTION),
    get("/log/{process}/{channel}", To::Log, HTML, "The page with a log.").asking(PORTION),
    get("/tail.html", To::Tail, HTML, "The end of a log, at the address of Supervisor's page.")
        .asking(&[
            text("processname", "The process."),
            text("limit", "How many bytes, 1024 at least."),
        ]),
    get("/ok.html", To::Ok, PLAIN, "OK."),
    get("/assets/{file}", To::Asset, PLAIN, "A file of the page."),
    get("/favicon.svg", To::Asset, Gives::Text("image/svg+xml"), "The page's icon."),
    get("/favicon.ico", To::Asset, Gives::Text("image/svg+xml"), "The page's icon."),
    get("/logtail/{+process}", To::LogTail, Gives::Stream, "A log, its last KiB and what comes."),
    get("/mainlogtail", To::MainLogTail, Gives::Stream, "The main log likewise."),
];

const LIST: &[Param] = &[
    text("notice", "What is to be told of an action that is over."),
    text("message", "A sentence to show."),
    Param {
        name: "action",
        kind: ParamKind::Word(&[
            "start",
            "stop",
            "restart",
            "clearlog",
            "refresh",
            "stopall",
            "restartall",
        ]),
        help: "What to do; the first four need a processname.",
    },
    text("processname", "To which process."),
    text("filter", "Only processes in whose name or description this occurs."),
    text("state", "Only processes in this state, or `problems`."),
];

/// A request that was matched.
#[derive(Clone)]
pub struct Found {
    /// The line of the table.
    pub route: &'static Route,
    /// What stands for the names of its path, decoded.
    pub values: Vec<String>,
}

/// Why nothing was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// There is no such address.
    Path,
    /// There is, for these methods.
    Method(String),
}

/// Finds who answers a request. `path` is not decoded yet.
///
/// # Errors
/// Why nobody does.
pub fn find(method: Method, path: &str) -> Result<Found, Missing> {
    let wanted = if method == Method::Head { Method::Get } else { method };
    let mut others = Vec::new();
    for route in ROUTES {
        let Some(values) = values(route.path, path) else { continue };
        if route.method == wanted {
            return Ok(Found { route, values });
        }
        let name = if route.method == Method::Post { "POST" } else { "GET, HEAD" };
        if !others.contains(&name) {
            others.push(name);
        }
    }
    Err(if others.is_empty() { Missing::Path } else { Missing::Method(others.join(", ")) })
}

/// What the variables of a template stand for in a path; `None` if it does not match.
fn values(template: &str, path: &str) -> Option<Vec<String>> {
    let mut values = Vec::new();
    let mut rest = Some(path);
    for part in template.split('/') {
        let left = rest?;
        if part.starts_with("{+") {
            values.push(decode(left));
            return (!left.is_empty()).then_some(values);
        }
        let (segment, after) = match left.split_once('/') {
            Some((segment, after)) => (segment, Some(after)),
            None => (left, None),
        };
        rest = after;
        match variable(part) {
            None if part == segment => {}
            None => return None,
            Some(name) => {
                let value = decode(segment);
                let known = VARIABLES.iter().find(|known| known.name == name);
                let fits = match known.map(|known| known.kind) {
                    Some(ParamKind::Word(words)) => words.contains(&value.as_str()),
                    _ => !value.is_empty(),
                };
                values.push(value);
                fits.then_some(())?;
            }
        }
    }
    rest.is_none().then_some(values)
}

/// `x` of `{x}` and `{+x}`.
fn variable(part: &str) -> Option<&str> {
    let name = part.strip_prefix('{')?.strip_suffix('}')?;
    Some(name.strip_prefix('+').unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn found(method: Method, path: &str) -> String {
        match find(method, path) {
            Ok(found) => format!("{:?} {}", found.route.to, found.values.join(" ")),
            Err(Missing::Path) => "404".to_owned(),
            Err(Missing::Method(allow)) => format!("405 {allow}"),
        }
    }

    #[test]
    fn a_path_finds_its_line_and_what_its_variables_stand_for() {
        let get = |path| found(Method::Get, path);
        assert_eq!(get("/"), "List ");
        assert_eq!(found(Method::Head, "/index.html"), "List ");
        assert_eq!(get("/api/v1/processes/g:a"), "Process g:a");
        assert_eq!(get("/api/v1/processes/g%3Aa%2Fb%20c"), "Process g:a/b c");
        assert_eq!(get("/api/v1/processes/x/logs/stderr/follow"), "LogFollow x stderr");
        assert_eq!(get("/logtail/g:a/b/stderr"), "LogTail g:a/b/stderr");
        assert_eq!(get("/assets/app.0f.css"), "Asset app.0f.css");
        let post = |path| found(Method::Post, path);
        assert_eq!(post("/api/v1/processes/x/start"), "ProcessAction x start");
        assert_eq!(post("/api/v1/daemon/clear-log"), "DaemonTask clear-log");
    }

    #[test]
    fn what_is_not_in_the_table_is_not_found_and_another_method_is_named() {
        let get = |path| found(Method::Get, path);
        for path in [
            "",
            "*",
            "/api",
            "/api/v1/processes/",
            "/api/v1/processes//config",
            "/logtail/",
            "//",
            "/api/v1/processes/x/logs/stdin",
            "/api/v1/processes/x/config/",
            "/nothing",
        ] {
            assert_eq!(get(path), "404", "{path}");
        }
        assert_eq!(get("/api/v1/processes/x/start"), "405 POST");
        assert_eq!(found(Method::Post, "/api/v1/processes/x/explode"), "404");
        assert_eq!(found(Method::Post, "/api/v1/processes/x/config"), "405 GET, HEAD");
        assert_eq!(found(Method::Other, "/"), "405 GET, HEAD, POST");
    }

    #[test]
    fn every_line_is_reached_by_its_own_path_and_every_variable_is_known() {
        let mut seen = HashSet::new();
        for route in ROUTES {
            assert!(seen.insert((route.method, route.path)), "{}", route.path);
            assert!(route.help.ends_with('.'), "{}", route.path);
            let mut path = route.path.replace("{+", "{");
            for name in route.names() {
                let known = VARIABLES.iter().find(|known| known.name == name);
                let value = match known.unwrap_or_else(|| panic!("{name}")).kind {
                    ParamKind::Word(words) => words[0],
                    ParamKind::Text | ParamKind::Integer(..) => "x",
                };
                path = path.replace(&format!("{{{name}}}"), value);
            }
            let found = find(route.method, &path).unwrap_or_else(|_| panic!("{path}"));
            assert!(std::ptr::eq(found.route, route), "{path}");
        }
    }
}
