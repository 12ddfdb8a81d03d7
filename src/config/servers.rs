//! The control servers: `[inet_http_server]` and `[unix_http_server]`, each as often as wanted with
//! a name behind a colon.

use super::expand::Scope;
use super::load::Reader;
use super::model::{Address, Server};
use super::options::server::{Draft, INET, UNIX};
use super::options::{Opt, defaults};
use crate::base::level::Level;

/// Reads them all, TCP ones first. Supervisor: `server_configs_from_parser` in options.py.
pub(super) fn read(reader: &mut Reader, scope: &Scope) -> Vec<Server> {
    let mut servers = Vec::new();
    kind(reader, scope, "inet_http_server", INET, &mut servers);
    kind(reader, scope, "unix_http_server", UNIX, &mut servers);
    servers
}

fn kind(
    reader: &mut Reader,
    scope: &Scope,
    prefix: &str,
    rows: &'static [Opt<Draft>],
    servers: &mut Vec<Server>,
) {
    let document = reader.document;
    for section in document.sections.iter().filter(|section| section.name.starts_with(prefix)) {
        let mut draft = Draft::default();
        defaults(rows, &mut draft, reader.around);
        reader.fill(rows, section, scope, &mut draft);
        if let Some(required) = rows.first().filter(|row| section.key(row.name).is_none()) {
            reader.missing(section, required.name);
        }
        let login = match (draft.username, draft.password) {
            (Some(username), Some(password)) => Some((username, password)),
            (None, None) => None,
            _ => {
                reader.bad_section(
                    section,
                    "contains incomplete authentication: If a username or a password is \
                     specified, both the username and password must be specified",
                );
                None
            }
        };
        // Both given but empty means open, as a template with nothing filled in.
        let login = login.filter(|(name, password)| !(name.is_empty() && password.is_empty()));
        if login.as_ref().is_some_and(|(_, password)| password.starts_with("{SHA}")) {
            let text =
                "password: a plain SHA-1 is guessed quickly; `svx passwd` makes a better one";
            reader.report.notes.push((Level::Warn, format!("[{}] {text}", section.name)));
        }
        let tcp = draft.addresses.into_iter().map(|(host, port)| Address::Tcp { host, port });
        let unix =
            draft.file.map(|path| Address::Unix { path, mode: draft.mode, owner: draft.owner });
        servers.extend(tcp.chain(unix).map(|address| Server {
            section: section.name.clone(),
            address,
            login: login.clone(),
            allow_unauthenticated: draft.allow_unauthenticated,
            allowed_hosts: draft.allowed_hosts.clone(),
        }));
    }
}
