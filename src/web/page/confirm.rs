//! Asks once more before something is done that hurts, for those without JavaScript.

use std::fmt::Write;

use super::frame;
use crate::web::escape;
use crate::web::view::DaemonView;

/// What the form of the list asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// `start`, `stop`, `restart`, `signal`, `clear`, or one for the daemon such as `shutdown`.
    pub action: &'a str,
    /// `group:name`, `name`, `group:*`, `all`.
    pub targets: &'a [String],
    /// For `signal`.
    pub signal: Option<&'a str>,
}

/// Whether it is asked about first: what takes down or empties more than one process, and what
/// ends the daemon.
pub fn hurts(asked: Asked) -> bool {
    let many = match asked.targets {
        [one] => one == "all" || one.ends_with(":*"),
        targets => targets.len() > 1,
    };
    match asked.action {
        "stop" | "restart" | "signal" | "clear" => many,
        "shutdown" | "restart-daemon" | "clear-main-log" | "update" => true,
        _ => false,
    }
}

/// What a shell would be told instead.
fn command(asked: Asked) -> String {
    let targets =
        || asked.targets.iter().map(|target| quoted(target)).collect::<Vec<_>>().join(" ");
    match asked.action {
        "restart-daemon" => "supervisorctl reload".to_owned(),
        "clear-main-log" => "supervisorctl clear main".to_owned(),
        "signal" => {
            format!("supervisorctl signal {} {}", quoted(asked.signal.unwrap_or("HUP")), targets())
        }
        action if asked.targets.is_empty() => format!("supervisorctl {action}"),
        action => format!("supervisorctl {action} {}", targets()),
    }
}

/// As one word of a shell.
fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:/@%+,".contains(&byte);
    match !word.is_empty() && word.bytes().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// What the page asks and what its button says.
fn question(asked: Asked) -> (String, &'static str) {
    let what = match asked.targets {
        [one] if one == "all" => "all processes".to_owned(),
        [one] => match one.strip_suffix(":*") {
            Some(group) => format!("all of group {group}"),
            None => one.clone(),
        },
        targets => format!("{} targets", targets.len()),
    };
    match asked.action {
        "start" => (format!("Start {what}?"), "Start"),
        "stop" => (format!("Stop {what}?"), "Stop"),
        "restart" => (format!("Restart {what}?"), "Restart"),
        "signal" => (format!("Send {} to {what}?", asked.signal.unwrap_or("HUP")), "Send signal"),
        "clear" => (format!("Empty the logs of {what}?"), "Clear logs"),
        "shutdown" => ("Stop everything and end the daemon?".into(), "Shut down"),
        "restart-daemon" => ("Stop everything and restart the daemon?".into(), "Restart daemon"),
        "clear-main-log" => ("Empty the main log?".into(), "Clear main log"),
        "update" => ("Carry out what changed in the configuration?".into(), "Update"),
        action => (format!("{action} {what}?"), "Do it"),
    }
}

/// The page that asks; its form is the one that came, confirmed.
pub fn confirm(daemon: &DaemonView, token: &str, asked: Asked) -> String {
    let (question, verb) = question(asked);
    let mut out = String::with_capacity(2048);
    frame::open(&mut out, daemon, frame::Kind::Card, &question);
    out.push_str("<header>");
    frame::brand(&mut out, daemon);
    frame::mood(&mut out, daemon);
    out.push_str("</header><main class=card><h1>");
    escape::text(&mut out, &question);
    out.push_str("</h1>");
    if asked.targets.len() > 1 {
        out.push_str("<ul class=targets>");
        for target in asked.targets {
            out.push_str("<li>");
            escape::text(&mut out, target);
        }
        out.push_str("</ul>");
    }
    out.push_str("<p>The same in a shell:</p><pre class=command tabindex=0>");
    escape::text(&mut out, &command(asked));
    out.push_str("</pre><form method=post action=/ class=answer>");
    frame::hidden(&mut out, "token", token);
    frame::hidden(&mut out, "confirmed", "1");
    for target in asked.targets {
        frame::hidden(&mut out, "target", target);
    }
    asked.signal.into_iter().for_each(|signal| frame::hidden(&mut out, "signal", signal));
    out.push_str("<a class=button href=/>Cancel</a><button class=danger name=action value=");
    escape::attribute(&mut out, asked.action);
    let _ = write!(out, ">{verb}</button></form></main>");
    frame::close(&mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::testing::daemon;

    fn asked<'a>(action: &'a str, targets: &'a [String]) -> Asked<'a> {
        Asked { action, targets, signal: None }
    }

    #[test]
    fn only_what_hurts_many_or_the_daemon_is_asked_about() {
        let [one, group, all] = ["web", "jobs:*", "all"].map(str::to_owned);
        assert!(!hurts(asked("stop", std::slice::from_ref(&one))));
        assert!(!hurts(asked("start", std::slice::from_ref(&all))));
        assert!(hurts(asked("stop", std::slice::from_ref(&group))));
        assert!(hurts(asked("signal", &[all])));
        assert!(hurts(asked("clear", &[one, group])));
        assert!(hurts(asked("shutdown", &[])));
        assert!(!hurts(asked("reread", &[])));
    }

    #[test]
    fn the_command_can_be_pasted_into_a_shell() {
        let targets = ["jobs:*", "it's", "web"].map(str::to_owned);
        let told = command(Asked { action: "signal", targets: &targets, signal: Some("USR1") });
        assert_eq!(told, r"supervisorctl signal USR1 'jobs:*' 'it'\''s' web");
        assert_eq!(command(asked("restart-daemon", &[])), "supervisorctl reload");
    }

    #[test]
    fn the_form_carries_on_what_was_asked_for() {
        let targets = ["jobs:*", "\"><script>"].map(str::to_owned);
        let page = confirm(&daemon(), "T0KEN", asked("stop", &targets));
        assert!(page.contains("<input type=hidden name=token value=T0KEN>"));
        assert!(page.contains("name=confirmed value=1>"));
        assert!(page.contains("name=target value=jobs:*>"));
        assert!(page.contains("name=target value=\"&quot;&gt;&lt;script&gt;\">"));
        assert!(page.contains("name=action value=stop>Stop</button>"));
        assert!(!page.contains("<script>"));
    }
}
