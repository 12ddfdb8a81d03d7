//! The description of the API in OpenAPI 3.1, made from the table of addresses: what a client may
//! ask, and what it is told. The page's own addresses are in it too.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::routes::{Gives, Param, ParamKind, ROUTES, Route, Takes, To, VARIABLES};
use crate::proto::http::Method;

/// The description as JSON.
pub static TEXT: LazyLock<String> = LazyLock::new(|| describe().to_string() + "\n");

fn describe() -> Value {
    let mut paths = Map::new();
    for route in ROUTES {
        let path = route.path.replace("{+", "{");
        let methods = paths.entry(path).or_insert_with(|| json!({}));
        let method = if route.method == Method::Post { "post" } else { "get" };
        methods[method] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "svx",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What runs under svx, and what can be done with it. XML-RPC is at /RPC2.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        // A server without a username lets everybody in.
        "security": [{}, {"basic": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"basic": {"type": "http", "scheme": "basic"}},
            "schemas": schemas(),
        },
    })
}

fn operation(route: &Route) -> Value {
    let variables = route.names().filter_map(|name| VARIABLES.iter().find(|v| v.name == name));
    let variables = variables.map(|variable| parameter(variable, "path"));
    let query = route.query.iter().map(|param| parameter(param, "query"));
    let parameters: Vec<Value> = variables.chain(query).collect();
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.help,
        "parameters": parameters,
        "responses": answers(route),
    });
    let body = match route.takes {
        Takes::Nothing => None,
        Takes::Maybe(name) => Some(("application/json", schema(name), false)),
        Takes::Json(name) => Some(("application/json", schema(name), true)),
        Takes::Form => Some(("application/x-www-form-urlencoded", schema("Form"), true)),
    };
    if let Some((kind, schema, required)) = body {
        operation["requestBody"] = json!({
            "required": required,
            "content": {kind: {"schema": schema}},
        });
    }
    operation
}

/// `GET /api/v1/processes/{process}` is `getApiV1ProcessesByProcess`.
fn operation_id(route: &Route) -> String {
    let mut id = if route.method == Method::Post { "post" } else { "get" }.to_owned();
    for part in route.path.split(['/', '.', '-']).filter(|part| !part.is_empty()) {
        let name = part.trim_matches(['{', '+', '}']);
        id += if name.len() < part.len() { "By" } else { "" };
        let mut letters = name.chars();
        id.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        id.push_str(letters.as_str());
    }
    id
}

fn parameter(param: &Param, place: &str) -> Value {
    let schema = match param.kind {
        ParamKind::Text if place == "path" => json!({"type": "string", "minLength": 1}),
        ParamKind::Text => json!({"type": "string"}),
        ParamKind::Integer(from, to) => json!({"type": "integer", "minimum": from, "maximum": to}),
        ParamKind::Word(words) => json!({"type": "string", "enum": words}),
    };
    json!({
        "name": param.name,
        "in": place,
        "required": place == "path",
        "description": param.help,
        "schema": schema,
    })
}

fn schema(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn answer(words: &str, kind: &str, schema: &Value) -> Value {
    json!({"description": words, "content": {kind: {"schema": schema}}})
}

fn answers(route: &Route) -> Value {
    let text = json!({"type": "string"});
    let (kind, body) = match route.gives {
        Gives::Json(name) => ("application/json", schema(name)),
        Gives::Text(kind) => (kind, text.clone()),
        Gives::Log | Gives::Stream => ("text/plain", text.clone()),
        Gives::Events => ("text/event-stream", text.clone()),
    };
    let of_api = route.path.starts_with("/api/");
    let refusal = |words: &str| match of_api {
        true => answer(words, "application/json", &schema("Error")),
        false => json!({"description": words, "content": {
            "text/plain": {"schema": text},
            "text/html": {"schema": text},
        }}),
    };
    let mut answers = Map::new();
    let mut add = |status: u16, answer: Value| {
        answers.insert(status.to_string(), answer);
    };
    // Assets are of the media types of the files.
    match route.to {
        To::Asset => add(
            200,
            json!({"description": "The file.", "content": {
                "text/css": {"schema": text},
                "text/javascript": {"schema": text},
                "image/svg+xml": {"schema": text},
            }}),
        ),
        _ => add(200, answer("As asked.", kind, &body)),
    }
    // Written before any address is looked at.
    add(401, answer("Credentials are needed.", "text/plain", &text));
    add(400, refusal("The request makes no sense."));
    if route.names().next().is_some() || route.gives == Gives::Stream || route.gives == Gives::Log {
        add(404, refusal("There is no such thing."));
    }
    if route.gives == Gives::Log {
        add(206, answer("The range asked for.", kind, &body));
        add(416, refusal("The log is shorter than that."));
    }
    if route.method == Method::Post || route.to == To::List {
        add(403, refusal("The request comes from a page of another site, or without the token."));
    }
    if route.takes != Takes::Nothing {
        add(413, answer("The body is over 4 MiB.", "text/plain", &text));
        add(415, refusal("The body is of another media type."));
        add(503, refusal("The daemon is stopping."));
    }
    match route.to {
        To::DaemonTask => {
            add(409, refusal("The configuration has mistakes, and nothing is done."));
            add(404, refusal("There is no such task, or no log."));
        }
        To::Form => add(303, json!({"description": "Done; the list has the outcome."})),
        To::List => add(301, json!({"description": "An old action is over."})),
        To::Asset => add(304, json!({"description": "The client has it already."})),
        To::Ready => {
            add(503, answer("Not yet.", "application/json", &schema("Ready")));
        }
        _ => {}
    }
    Value::Object(answers)
}

/// An object of which all these fields are always there.
fn object(fields: Value) -> Value {
    let names: Vec<&String> = fields.as_object().into_iter().flat_map(Map::keys).collect();
    json!({"type": "object", "required": names, "properties": fields})
}

/// An object that may have these fields and no others, of which the `required` must be there.
fn request(fields: Value, required: &[&str]) -> Value {
    json!({
        "type": "object",
        "properties": fields,
        "required": required,
        "additionalProperties": false,
    })
}

fn schemas() -> Value {
    let text = json!({"type": "string"});
    let whole = json!({"type": "integer"});
    let flag = json!({"type": "boolean"});
    let number = json!({"type": "number"});
    let maybe = |kind: &str| json!({"type": [kind, "null"]});
    let list = |of: Value| json!({"type": "array", "items": of});
    let map = |of: &Value| json!({"type": "object", "additionalProperties": of});
    let signal = json!({
        "type": ["string", "integer"],
        "description": "HUP, SIGHUP or 1; for `signal` alone.",
    });
    let wait = json!({
        "type": "boolean",
        "default": true,
        "description": "Answer when starts have stayed up and stops have ended.",
    });
    let actions = VARIABLES.iter().find(|variable| variable.name == "action");
    let actions = match actions.map(|actions| actions.kind) {
        Some(ParamKind::Word(words)) => words,
        _ => &[],
    };
    let output = object(json!({
        "logfile": text, "logfile_maxbytes": whole, "logfile_backups": whole, "syslog": flag,
        "capture_maxbytes": whole, "events_enabled": flag,
    }));
    json!({
        "Error": object(json!({
            "error": object(json!({"code": text, "message": text})),
        })),
        "Daemon": object(json!({
            "identifier": text, "version": text, "commit": maybe("string"), "supervisor_version": text,
            "pid": whole, "state": text, "statecode": whole, "started": whole, "now": whole,
        })),
        "Process": object(json!({
            "name": text, "group": text, "full_name": text, "state": text, "statecode": whole,
            "pid": maybe("integer"), "uptime": maybe("integer"), "started": maybe("integer"),
            "restarts": whole,
            "last_exit": {"oneOf": [{"type": "null"}, schema("LastExit")]},
            "description": text, "spawnerr": text,
            "cpu": maybe("number"), "cpu_seconds": maybe("number"), "memory": maybe("integer"),
            "descriptors": maybe("integer"), "has_stdout": flag, "has_stderr": flag,
        })),
        "LastExit": object(json!({
            "code": maybe("integer"), "signal": maybe("string"), "expected": flag, "core": flag,
            "at": whole,
        })),
        "Processes": object(json!({
            "daemon": schema("Daemon"), "processes": list(schema("Process")),
        })),
        "Group": object(json!({
            "name": text, "processes": list(text.clone()), "states": map(&whole),
        })),
        "Groups": object(json!({"groups": list(schema("Group"))})),
        "Config": object(json!({
            "name": text, "group": text, "program": text, "command": text,
            "directory": maybe("string"), "user": maybe("string"), "umask": maybe("string"),
            "priority": whole, "autostart": flag, "autorestart": text, "startsecs": number,
            "startretries": whole, "exitcodes": list(whole.clone()), "stopsignal": text,
            "stopwaitsecs": number, "stopasgroup": flag, "killasgroup": flag,
            "killmode": text, "no_new_privs": flag, "redirect_stderr": flag, "stdout": output, "stderr": output,
            "environment": map(&text), "environment_files": list(text.clone()),
            "serverurl": maybe("string"), "socket": maybe("string"),
        })),
        "How": request(json!({"signal": signal, "wait": wait}), &[]),
        "Action": request(
            json!({
                "action": {"type": "string", "enum": actions},
                "targets": {
                    "type": "array",
                    "items": {"type": "string"},
                    "description": "`name`, `group:name`, `group:*` or `all`.",
                },
                "signal": signal,
                "wait": wait,
            }),
            &["action", "targets"],
        ),
        "Nothing": request(json!({}), &[]),
        "Form": {
            "type": "object",
            "required": ["token", "action"],
            "properties": {
                "token": text, "action": text, "target": list(text.clone()), "signal": text,
                "confirmed": text,
            },
        },
        "Result": object(json!({"name": text, "ok": flag, "code": text, "message": text})),
        "Results": object(json!({"results": list(schema("Result"))})),
        "Done": {
            "type": "object",
            "properties": {
                "message": text,
                "added": list(text.clone()),
                "changed": list(text.clone()),
                "removed": list(text.clone()),
                "results": list(schema("Result")),
            },
        },
        "Ready": object(json!({
            "ready": flag, "state": text,
            "waiting": list(object(json!({"name": text, "state": text}))),
        })),
        "Description": {"type": "object"},
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_route_is_described_and_nothing_else_is() {
        let text: Value = serde_json::from_str(&TEXT).unwrap();
        let paths = text["paths"].as_object().unwrap();
        let described = paths.iter().flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(move |method| format!("{method} {path}"))
        });
        let described: HashSet<String> = described.collect();
        let routes = ROUTES.iter().map(|route| {
            let method = if route.method == Method::Post { "post" } else { "get" };
            format!("{method} {}", route.path.replace('+', ""))
        });
        assert_eq!(described, routes.collect());
    }

    #[test]
    fn every_name_of_a_schema_leads_to_one_and_ids_are_unique() {
        let text: Value = serde_json::from_str(&TEXT).unwrap();
        let known = text["components"]["schemas"].as_object().unwrap();
        for (at, _) in TEXT.match_indices("#/components/schemas/") {
            let name = TEXT[at + "#/components/schemas/".len()..].split('"').next().unwrap();
            assert!(known.contains_key(name), "{name}");
        }
        let mut ids = HashSet::new();
        for methods in text["paths"].as_object().unwrap().values() {
            for operation in methods.as_object().unwrap().values() {
                assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{operation}");
            }
        }
        assert!(ids.contains("postApiV1ProcessesByProcessByAction"), "{ids:?}");
    }
}
