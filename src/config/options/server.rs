//! `[unix_http_server]` and `[inet_http_server]`.

use std::path::PathBuf;

use super::daemon::store;
use super::{Opt, Sample};
use crate::config::values;

/// What a server section says.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// Of unix servers: the socket file, absolute.
    pub file: Option<PathBuf>,
    /// Of unix servers: its permission bits.
    pub mode: u32,
    /// Of unix servers: who owns it.
    pub owner: Option<(u32, u32)>,
    /// Of TCP servers: hosts and ports.
    pub addresses: Vec<(String, u16)>,
    /// As written.
    pub username: Option<String>,
    /// As written.
    pub password: Option<String>,
    /// Of TCP servers: opened to strangers without credentials.
    pub allow_unauthenticated: bool,
    /// Of TCP servers: names of proxies in front of it.
    pub allowed_hosts: Vec<String>,
}

/// `[unix_http_server]`
pub const UNIX: &[Opt<Draft>] = &[
    Opt {
        name: "file",
        arg: "PATH",
        help: "the socket file; required",
        set: |d, text, around| store(&mut d.file, Ok(Some(around.normal(text.trim())))),
        sample: Sample::Set("/tmp/supervisor.sock"),
        ..Opt::ROW
    },
    Opt {
        name: "chmod",
        arg: "OCTAL",
        default: "0700",
        help: "mode of the socket file",
        set: |d, text, _| store(&mut d.mode, values::octal(text)),
        sample: Sample::Off("0700"),
        ..Opt::ROW
    },
    Opt {
        name: "chown",
        arg: "USER[:GROUP]",
        help: "owner of the socket file",
        set: |d, text, around| store(&mut d.owner, values::owner(text, around).map(Some)),
        sample: Sample::Off("nobody:nogroup"),
        ..Opt::ROW
    },
    USERNAME,
    PASSWORD,
];

/// `[inet_http_server]`
pub const INET: &[Opt<Draft>] = &[
    Opt {
        name: "port",
        arg: "[HOST:]PORT",
        help: "where to listen, *:port on all interfaces; several with commas; required",
        set: |d, text, _| store(&mut d.addresses, values::addresses(text)),
        sample: Sample::Off("127.0.0.1:9001"),
        ..Opt::ROW
    },
    USERNAME,
    PASSWORD,
    Opt {
        name: "allow_unauthenticated",
        arg: "BOOL",
        default: "false",
        help: "svx: open a port that other machines reach though no username is set",
        set: |d, text, _| store(&mut d.allow_unauthenticated, values::boolean(text)),
        ..Opt::ROW
    },
    Opt {
        name: "allowed_hosts",
        arg: "NAMES",
        help: "svx: names with dots under which browsers may reach a server without username, \
               as through a proxy; addresses and names of this machine always may",
        set: |d, text, _| store(&mut d.allowed_hosts, Ok(values::list(text))),
        ..Opt::ROW
    },
];

const USERNAME: Opt<Draft> = Opt {
    name: "username",
    arg: "NAME",
    help: "clients must give this name; default is an open server",
    set: |d, text, _| store(&mut d.username, Ok(Some(text.to_owned()))),
    sample: Sample::Off("user"),
    ..Opt::ROW
};

const PASSWORD: Opt<Draft> = Opt {
    name: "password",
    arg: "PASSWORD",
    help: "and this password, or {SHA} and its SHA-1 in hex",
    set: |d, text, _| store(&mut d.password, Ok(Some(text.to_owned()))),
    sample: Sample::Off("123"),
    ..Opt::ROW
};
