//! What the configuration says of a process, without what is nobody's business.

use std::borrow::Cow;
use std::path::Path;

use crate::base::signal;
use crate::config::model::{Autorestart, LogTarget, Output, Program};
use crate::rpc::Value;

/// Stands for what is not told.
const HIDDEN: &str = "***";

/// The settings of a process by the names of the configuration file; those of `stdout_…` and
/// `stderr_…` are objects of their own.
pub fn config(program: &Program) -> Value {
    let number = |number: u64| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
    let maybe = |text: Option<String>| text.map_or(Value::Nil, Value::from);
    let names = |pairs: &[(String, String)]| {
        let hidden = pairs.iter().map(|(name, _)| (Cow::Owned(name.clone()), HIDDEN.into()));
        Value::Struct(hidden.collect())
    };
    let files = program.environment_files.iter().map(|file| shown(&file.path));
    let restart = match program.autorestart {
        Autorestart::Never => "false",
        Autorestart::Unexpected => "unexpected",
        Autorestart::Always => "true",
    };
    let stop = signal::name(program.stopsignal);
    Value::fields([
        ("name", program.name.as_str().into()),
        ("group", program.group.as_str().into()),
        ("program", program.program.as_str().into()),
        ("command", program.command.as_str().into()),
        ("directory", maybe(program.directory.as_deref().map(shown))),
        ("user", maybe(program.user.as_ref().map(|user| user.text.clone()))),
        ("umask", maybe(program.umask.map(|umask| format!("{umask:03o}")))),
        ("priority", program.priority.into()),
        ("autostart", program.autostart.into()),
        ("autorestart", restart.into()),
        ("startsecs", number(program.startsecs.as_secs())),
        ("startretries", number(program.startretries.into())),
        (
            "exitcodes",
            program.exitcodes.iter().map(|code| (*code).into()).collect::<Vec<_>>().into(),
        ),
        ("stopsignal", stop.strip_prefix("SIG").unwrap_or(&stop).into()),
        ("stopwaitsecs", number(program.stopwaitsecs.as_secs())),
        ("stopasgroup", program.stopasgroup.into()),
        ("killasgroup", program.killasgroup.into()),
        ("killmode", program.killmode.name().into()),
        ("no_new_privs", program.no_new_privs.into()),
        ("redirect_stderr", program.redirect_stderr.into()),
        ("stdout", output(&program.stdout)),
        ("stderr", output(&program.stderr)),
        ("environment", names(&program.environment)),
        ("environment_files", Value::Array(files.map(Value::from).collect())),
        ("serverurl", maybe(program.serverurl.as_deref().map(without_login))),
        ("socket", maybe(program.fcgi.as_ref().map(|socket| socket.url()))),
    ])
}

fn output(output: &Output) -> Value {
    let number = |number: u64| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
    let logfile = match &output.logfile.target {
        LogTarget::None => "NONE".to_owned(),
        LogTarget::Auto => "AUTO".to_owned(),
        LogTarget::File(path) | LogTarget::Dated(path) => shown(path),
        LogTarget::Stdout => "/dev/stdout".to_owned(),
        LogTarget::Stderr => "/dev/stderr".to_owned(),
        LogTarget::Syslog => "syslog".to_owned(),
    };
    Value::fields([
        ("logfile", logfile.into()),
        ("logfile_maxbytes", number(output.logfile.maxbytes)),
        ("logfile_backups", number(output.logfile.backups.into())),
        ("syslog", output.syslog.into()),
        ("capture_maxbytes", number(output.capture_maxbytes)),
        ("events_enabled", output.events_enabled.into()),
    ])
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// An address without the name and password that may stand before its `@`.
fn without_login(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find('/').unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://{HIDDEN}@{}", &rest[at + 1..]),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::simulation::program;
    use crate::rpc::json::encode;

    #[test]
    fn no_value_of_the_environment_and_no_login_is_told() {
        let mut program = program("web", "web");
        program.environment = vec![("KEY".into(), "s3cret".into()), ("B".into(), "s3cret2".into())];
        program.serverurl = Some("http://user:s3cret3@host:9001/x@y".into());
        let mut out = Vec::new();
        encode(&mut out, &config(&program));
        let text = String::from_utf8(out).unwrap();
        assert!(!text.contains("s3cret"), "{text}");
        assert!(text.contains(r#""environment":{"KEY":"***","B":"***"}"#), "{text}");
        assert!(text.contains(r#""serverurl":"http://***@host:9001/x@y""#), "{text}");
        assert!(text.contains(r#""stopsignal":"TERM""#), "{text}");
    }
}
