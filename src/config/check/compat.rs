//! What svx does otherwise than Supervisor 4.3.0 with this very file: what to know before moving
//! and before going back.

use std::collections::BTreeSet;

use super::files::changeable;
use super::machine::{Kind, Use, writes};
use super::{Checks, codes, own};
use crate::config::include::PROGRAM_DEFAULT;
use crate::config::ini::Section;
use crate::config::load::known_keys;
use crate::config::model::{GroupKind, LogTarget, Statefile};
use crate::config::options::group;
use crate::config::options::program::STANDARD_HANDLER;

/// Options that Supervisor 4.3.0 does not know.
pub(super) const SVX_ONLY: &[&str] = &[
    "allow_unauthenticated",
    "allowed_hosts",
    "clients_max",
    "environment_file",
    "envfiles",
    "interpolate",
    "killmode",
    "leftovers",
    "listener_restart_on_violation",
    "logdir_create",
    "logfile_maxage",
    "logfile_symlink",
    "no_new_privs",
    "statefile",
    "stderr_logfile_maxage",
    "stderr_logfile_symlink",
    "stdout_logfile_maxage",
    "stdout_logfile_symlink",
];

pub(super) fn check(checks: &mut Checks) {
    for section in &checks.document.sections {
        plugins(checks, section);
        options(checks, section);
    }
    logs(checks);
    programs(checks);
    servers(checks);
    whole(checks);
}

fn plugins(checks: &mut Checks, section: &Section) {
    let factory = section.key(group::RPCINTERFACE[0].name);
    let strange = factory.filter(|key| !group::BUILT_IN.contains(&&*key.value));
    if let (true, Some(key)) = (section.name.starts_with("rpcinterface:"), strange) {
        let what = format!("{} is not loaded", key.value);
        checks.say(&codes::C_PLUGIN, section, Some(group::RPCINTERFACE[0].name), what);
    }
    if section.name.starts_with("ctlplugin:") {
        checks.say(&codes::C_PLUGIN, section, None, "its commands are missing".to_owned());
    }
    let handler = own(section, "result_handler").filter(|key| key.value != STANDARD_HANDLER);
    if let Some(key) = handler {
        let what = format!("{} is not loaded", key.value);
        checks.say(&codes::C_PLUGIN, section, Some("result_handler"), what);
    }
}

/// What Supervisor would not understand, or otherwise.
fn options(checks: &mut Checks, section: &Section) {
    if section.name == PROGRAM_DEFAULT {
        let keys: Vec<&str> = section.keys.iter().map(|key| &*key.name).collect();
        let what = format!("programs get {} from it", keys.join(", "));
        return checks.say(&codes::C_PROGRAM_DEFAULT, section, None, what);
    }
    let known = known_keys(&section.name).unwrap_or_default();
    for key in section.keys.iter().filter(|key| key.lender.is_none()) {
        if SVX_ONLY.contains(&&*key.name) && known.contains(&&*key.name) {
            let what = format!("{} is an option of svx", key.name);
            checks.say(&codes::C_OWN_KEY, section, Some(&key.name), what);
        }
        let variables = key.value.split("%(ENV_").skip(1);
        let mut names = variables.map(|rest| rest.split(')').next().unwrap_or(rest));
        if names.any(|name| name.contains(":-") || name.contains(":?")) {
            let what = "%(ENV_X:-default)s".to_owned();
            checks.say(&codes::C_FALLBACK, section, Some(&key.name), what);
        }
        let plain = key.value.replace("%%", "");
        if ["%s", "%r", "%a"].iter().any(|format| plain.contains(format)) {
            let what = "a %s, %r or %a without a name".to_owned();
            checks.say(&codes::C_PERCENT, section, Some(&key.name), what);
        }
    }
}

fn logs(checks: &mut Checks) {
    let daemon = &checks.config.daemon;
    let main = checks.document.section("supervisord").map(|s| (s, "logfile", &daemon.logfile));
    let streams = checks.programs().into_iter().flat_map(|(section, program)| {
        let stdout = (section, "stdout_logfile", &program.stdout.logfile);
        let stderr = (section, "stderr_logfile", &program.stderr.logfile);
        [Some(stdout), (!program.redirect_stderr).then_some(stderr)].into_iter().flatten()
    });
    for (section, key, log) in main.into_iter().chain(streams).collect::<Vec<_>>() {
        match &log.target {
            LogTarget::Dated(path) => {
                let what = format!("{} is a series", path.display());
                checks.say(&codes::C_DATED, section, Some(key), what);
            }
            LogTarget::Stdout | LogTarget::Stderr if log.maxbytes > 0 => {
                let what = format!("{key}_maxbytes is {}", log.maxbytes);
                checks.say(&codes::C_DEVICE, section, Some(key), what);
            }
            LogTarget::File(path) => {
                let entry = checks.machine.entry(path);
                if log.maxbytes > 0 && entry.is_some_and(|entry| entry.kind == Kind::Other) {
                    let what = format!("{} is a device or pipe", path.display());
                    checks.say(&codes::C_DEVICE, section, Some(key), what);
                }
                let used = writes(path, &checks.daemon, checks.machine);
                if let (Use::NoDirectory(dir, true), true) = (used, daemon.logdir_create) {
                    let what = format!("{} does not exist", dir.display());
                    if checks.found.findings.iter().any(|finding| finding.what == what) {
                        continue;
                    }
                    checks.say(&codes::C_LOG_DIR, section, Some(key), what);
                }
            }
            _ => {}
        }
    }
}

fn programs(checks: &mut Checks) {
    for (section, program) in checks.programs() {
        if program.startsecs.is_zero() {
            let what = "startsecs=0".to_owned();
            checks.say(&codes::C_PACED, section, Some("startsecs"), what);
        }
    }
    for group in &checks.config.groups {
        let section = checks.document.section(&format!("eventlistener:{}", group.name));
        let listener = matches!(group.kind, GroupKind::Listener { .. });
        if let Some(section) = section.filter(|s| listener && s.key("buffer_size").is_none()) {
            let what = "buffer_size is not given".to_owned();
            checks.say(&codes::C_BUFFER, section, None, what);
        }
    }
    let mut priorities = BTreeSet::new();
    priorities.extend(checks.config.groups.iter().map(|group| group.priority));
    let members = checks.config.groups.iter().flat_map(|group| &group.programs);
    let members: BTreeSet<i32> = members.map(|program| program.priority).collect();
    let first = checks.programs().into_iter().find(|(s, _)| own(s, "priority").is_some());
    if let Some((section, _)) = first.filter(|_| priorities.len().max(members.len()) > 1) {
        let what = "priorities differ".to_owned();
        checks.say(&codes::C_STOP_ORDER, section, Some("priority"), what);
    }
}

fn servers(checks: &mut Checks) {
    for server in &checks.config.servers {
        let Some(section) = checks.document.section(&server.section) else { continue };
        if server.is_unguarded() {
            let what = "no username and password".to_owned();
            checks.say(&codes::C_PUBLIC, section, Some("port"), what);
        }
        let port = section.key("port").filter(|key| key.value.contains([',', '[']));
        if port.is_some() {
            let what = "several addresses, or one in brackets".to_owned();
            checks.say(&codes::C_PORTS, section, Some("port"), what);
        }
        let hash =
            |(_, word): &(String, String)| word.starts_with("$2") || word.starts_with("$argon2");
        if server.login.as_ref().is_some_and(hash) {
            let what = "the password is stored as a hash".to_owned();
            checks.say(&codes::C_HASH, section, Some("password"), what);
        }
    }
    let rpc = checks.document.sections.iter().any(|s| s.name.starts_with("rpcinterface:"));
    let section = checks.document.section("supervisord");
    if let Some(section) = section.filter(|_| !rpc && !checks.config.servers.is_empty()) {
        let what = "there is none".to_owned();
        checks.say(&codes::C_NO_RPC, section, None, what);
    }
}

fn whole(checks: &mut Checks) {
    let Some(section) = checks.document.section("supervisord") else { return };
    if let (Statefile::Auto, Some(path)) =
        (&checks.config.daemon.statefile, checks.config.daemon.statefile())
    {
        let what = format!("{} is made", path.display());
        checks.say(&codes::C_STATEFILE, section, None, what);
    }
    // That others can write the file was found before; what differs is what becomes of that.
    let file = checks.config.file.clone();
    if let Some(what) = changeable(checks, &file) {
        let place = checks.document.place();
        checks.say_at(&codes::C_INCLUDE_SEARCH, None, place, what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_of_svx_alone_is_one_that_there_is() {
        let sections =
            ["supervisord", "program:x", "eventlistener:x", "unix_http_server", "inet_http_server"];
        let known: Vec<&str> = sections.iter().flat_map(|s| known_keys(s).unwrap()).collect();
        for key in SVX_ONLY {
            assert!(known.contains(key), "{key}");
        }
    }
}
