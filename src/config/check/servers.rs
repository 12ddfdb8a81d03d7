//! Who can reach the daemon, and whether `supervisorctl` does.

use std::path::Path;

use super::machine::{Use, makes, writes};
use super::{Checks, codes};
use crate::config::ctlconf;
use crate::config::expand::Scope;
use crate::config::include::Report;
use crate::config::ini::Section;
use crate::config::load::Reader;
use crate::config::model::{Address, Program, Server};
use crate::config::options::{client, defaults};

/// The kernel's bound of a socket's path.
const SOCKET_BYTES_MAX: usize = 107;

pub(super) fn check(checks: &mut Checks) {
    let document = checks.document;
    let mut taken: Vec<&Address> = Vec::new();
    for server in &checks.config.servers {
        let Some(section) = document.section(&server.section) else { continue };
        exposure(checks, section, server);
        address(checks, section, &server.address, &mut taken, server.is_unguarded());
    }
    for (section, program) in checks.programs() {
        let Program { fcgi: Some(socket), .. } = program else { continue };
        address(checks, section, &socket.address, &mut taken, false);
    }
    if let Some(section) = document.section("supervisord") {
        pidfile(checks, section);
        if checks.config.servers.is_empty() {
            let what = "there is neither [unix_http_server] nor [inet_http_server]".to_owned();
            return checks.say(&codes::NO_SERVER, section, None, what);
        }
        if !document.sections.iter().any(|s| s.name.starts_with("rpcinterface:")) {
            let what = "there is no [rpcinterface:supervisor]".to_owned();
            checks.say(&codes::NO_RPC, section, None, what);
        }
        // The client reads the first file alone.
        let main = |place: &&Section| place.at.source == document.main;
        match document.section("supervisorctl").filter(main) {
            Some(section) => ctl(checks, section),
            None => {
                let what = "there is no [supervisorctl] in the first file".to_owned();
                checks.say(&codes::NO_CTL, section, None, what);
            }
        }
    }
}

/// Whom a server lets in.
fn exposure(checks: &mut Checks, section: &Section, server: &Server) {
    match &server.address {
        Address::Unix { mode, .. } if mode & 0o006 != 0 && server.login.is_none() => {
            let what = format!("mode {mode:04o} and no password");
            checks.say(&codes::SOCKET_OPEN, section, Some("chmod"), what);
        }
        Address::Unix { .. } => {}
        Address::Tcp { host, port } => {
            let host = if host.is_empty() { "all addresses" } else { host };
            let open = Server { allow_unauthenticated: false, ..server.clone() }.is_unguarded();
            let what = format!("port {port} on {host}, no username and password");
            if server.is_unguarded() {
                checks.say(&codes::PUBLIC, section, Some("port"), what);
            } else if open {
                checks.say(&codes::PUBLIC_ALLOWED, section, Some("port"), what);
            }
        }
    }
    if server.login.as_ref().is_some_and(|(_, password)| password.starts_with("{SHA}")) {
        let what = "the password is stored as {SHA}".to_owned();
        checks.say(&codes::SHA, section, Some("password"), what);
    }
}

/// Whether it can be listened on.
fn address<'a>(
    checks: &mut Checks,
    section: &Section,
    address: &'a Address,
    taken: &mut Vec<&'a Address>,
    unopened: bool,
) {
    let key = match address {
        _ if section.key("socket").is_some() => "socket",
        Address::Unix { .. } => "file",
        Address::Tcp { .. } => "port",
    };
    if unopened {
        return;
    }
    if let Some(other) = taken.iter().find(|other| clash(other, address)) {
        let what = format!("{} is taken by another server of this file", shown(other));
        checks.say(&codes::SAME_ADDRESS, section, Some(key), what);
    }
    taken.push(address);
    let Address::Unix { path, .. } = address else { return };
    let bytes = path.as_os_str().len();
    if bytes > SOCKET_BYTES_MAX {
        let what = format!("the path has {bytes} bytes");
        return checks.say(&codes::SOCKET_TOO_LONG, section, Some(key), what);
    }
    let what = match makes(path, &checks.daemon, checks.machine) {
        Use::NoDirectory(dir, _) => format!("{} does not exist", dir.display()),
        Use::Refused(dir) => {
            format!("uid {} cannot make a socket in {}", checks.daemon.uid, dir.display())
        }
        Use::Works | Use::IsDirectory => return,
    };
    checks.say(&codes::SOCKET_DIR, section, Some(key), what);
}

fn clash(a: &Address, b: &Address) -> bool {
    match (a, b) {
        (Address::Unix { path: a, .. }, Address::Unix { path: b, .. }) => a == b,
        (Address::Tcp { host: a, port }, Address::Tcp { host: b, port: other }) => {
            let every = |host: &str| matches!(host, "" | "0.0.0.0");
            let local = |host: &str| matches!(host, "localhost" | "127.0.0.1");
            port == other && (a == b || every(a) || every(b) || (local(a) && local(b)))
        }
        _ => false,
    }
}

fn shown(address: &Address) -> String {
    match address {
        Address::Unix { path, .. } => path.display().to_string(),
        Address::Tcp { host, port } if host.is_empty() => format!("port {port}"),
        Address::Tcp { host, port } => format!("{host}:{port}"),
    }
}

fn pidfile(checks: &mut Checks, section: &Section) {
    let what = match writes(&checks.config.daemon.pidfile, &checks.daemon, checks.machine) {
        Use::Works => return,
        Use::NoDirectory(dir, _) => format!("{} does not exist", dir.display()),
        Use::IsDirectory => "it is a directory".to_owned(),
        Use::Refused(path) => {
            format!("uid {} cannot write to {}", checks.daemon.uid, path.display())
        }
    };
    checks.say(&codes::PIDFILE, section, Some("pidfile"), what);
}

/// Whether `[supervisorctl]` leads to a server of the file and past its password.
fn ctl(checks: &mut Checks, section: &Section) {
    let mut scope = Scope::default();
    for (name, value) in &checks.around.env {
        scope.text(format!("ENV_{name}"), value.as_str());
    }
    let mut client = ctlconf::Client::default();
    defaults(client::ROWS, &mut client, checks.around);
    let mut report = Report::default();
    let mut reader =
        Reader { document: checks.document, around: checks.around, report: &mut report };
    if !reader.fill(client::ROWS, section, &scope, &mut client) {
        for problem in report.problems {
            let what = problem.to_string();
            checks.say(&codes::CTL_VALUE, section, None, what);
        }
        return;
    }
    let reached = checks.config.servers.iter().find(|server| leads_to(&client.serverurl, server));
    let Some(server) = reached else {
        let servers: Vec<String> =
            checks.config.servers.iter().map(|s| shown(&s.address)).collect();
        let what = format!("{} is none of {}", client.serverurl, servers.join(", "));
        return checks.say(&codes::CTL_URL, section, Some("serverurl"), what);
    };
    let Some((name, password)) = &server.login else { return };
    match (&client.username, &client.password) {
        (Some(given), Some(word)) => {
            let hashed = ["{SHA}", "$2", "$argon2"].iter().any(|sign| password.starts_with(sign));
            if given != name || (word != password && !hashed) {
                let option = if given != name { "username" } else { "password" };
                let what = format!("the {option} is not the one of [{}]", server.section);
                checks.say(&codes::CTL_LOGIN, section, Some(option), what);
            }
        }
        _ => {
            let what = format!("[{}] wants a username and password", server.section);
            checks.say(&codes::CTL_NO_LOGIN, section, None, what);
        }
    }
}

fn leads_to(url: &str, server: &Server) -> bool {
    match &server.address {
        Address::Unix { path, .. } => url.strip_prefix("unix://").map(Path::new) == Some(path),
        Address::Tcp { host, port } => {
            let Some(rest) = url.strip_prefix("http://") else { return false };
            let rest = rest.split('/').next().unwrap_or(rest);
            let rest = rest.rsplit('@').next().unwrap_or(rest);
            let (name, number) = rest.rsplit_once(':').unwrap_or((rest, "80"));
            let local = |host: &str| matches!(host, "localhost" | "127.0.0.1" | "[::1]");
            // A port on all addresses is reached by any name of the machine.
            let same = host.is_empty()
                || matches!(host.as_str(), "0.0.0.0" | "::")
                || host.eq_ignore_ascii_case(name.trim_matches(['[', ']']))
                || (local(host) && local(name));
            number.parse() == Ok(*port) && same
        }
    }
}
