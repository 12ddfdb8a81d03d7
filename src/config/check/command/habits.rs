//! Programs that go into the background unless they are told not to, and those that are told to.

/// What is known of one program.
struct Habit {
    /// What its file may be called; `*` at the end for whatever follows.
    names: &'static [&'static str],
    /// It leaves if one of these is among its words (or within one, for those with a space).
    leaves: &'static [&'static str],
    /// It stays if one of these is; empty: it leaves by `leaves` alone.
    stays: &'static [&'static str],
    fix: &'static str,
}

const HABITS: &[Habit] = &[
    always(&["nohup"], "take nohup away: svx sends no HUP and keeps what is printed"),
    always(&["setsid", "daemonize", "daemon"], "run the program itself"),
    always(
        &["service", "systemctl", "initctl", "rc-service"],
        "run the program itself, not the one that has it started",
    ),
    always(&["mysqld_safe"], "run mysqld itself: mysqld_safe does not pass the stop signal on"),
    stays(
        &["nginx"],
        &["daemon off"],
        "write nginx -g \"daemon off;\" (unless its configuration says so)",
    ),
    stays(
        &["apachectl", "apache2ctl", "httpd", "apache2"],
        &["-DFOREGROUND", "FOREGROUND", "-X", "-DNO_DETACH", "-t", "-S"],
        "add -DFOREGROUND",
    ),
    stays(&["php-fpm*"], &["-F", "--nodaemonize", "-t"], "add --nodaemonize"),
    stays(&["sshd"], &["-D", "-d", "-t"], "add -D"),
    stays(&["cron", "crond"], &["-f", "-n", "-foreground"], "add -f (crond: -n)"),
    stays(&["rsyslogd"], &["-n"], "add -n"),
    stays(
        &["dnsmasq"],
        &["-k", "-d", "--keep-in-foreground", "--no-daemon"],
        "add --keep-in-foreground",
    ),
    stays(&["keepalived"], &["-n", "--dont-fork", "-nl"], "add --dont-fork"),
    stays(
        &["zabbix_server", "zabbix_agentd", "zabbix_proxy"],
        &["-f", "--foreground"],
        "add --foreground",
    ),
    stays(&["supervisord"], &["-n", "--nodaemon", "-nc", "-v"], "add --nodaemon"),
    stays(&["named"], &["-f", "-g"], "add -f"),
    leaves(&["redis-server", "valkey-server"], &["--daemonize yes"], "write --daemonize no"),
    leaves(&["gunicorn*", "gunicorn"], &["--daemon", "-D"], "take --daemon away"),
    leaves(
        &["uwsgi"],
        &["--daemonize", "-d", "--daemonize2"],
        "take --daemonize away and set die-on-term",
    ),
    leaves(
        &["celery"],
        &["--detach", "-D", "multi"],
        "write celery worker, without multi and --detach",
    ),
    leaves(&["mongod"], &["--fork"], "take --fork away"),
    leaves(&["memcached", "haproxy", "beanstalkd"], &["-d", "-D", "--daemon"], "take -d away"),
    leaves(&["rabbitmq-server"], &["-detached"], "take -detached away"),
    leaves(&["mysqld", "mariadbd"], &["--daemonize", "-D"], "take --daemonize away"),
    leaves(&["catalina.sh", "startup.sh"], &["start"], "write catalina.sh run"),
    leaves(
        &["pg_ctl", "pg_ctlcluster", "postfix", "rabbitmqctl"],
        &["start"],
        "run the server itself, in the foreground",
    ),
    leaves(&["start-stop-daemon"], &["--background", "-b"], "run the program itself"),
    leaves(&["ssserver"], &["-d start"], "take -d start away"),
    leaves(&["screen"], &["-d", "-dm", "-dmS"], "run the program itself"),
    leaves(&["logstash", "elasticsearch"], &["-d", "--daemonize"], "take --daemonize away"),
];

const fn always(names: &'static [&'static str], fix: &'static str) -> Habit {
    Habit { names, leaves: &[], stays: &[], fix }
}

const fn stays(
    names: &'static [&'static str],
    stays: &'static [&'static str],
    fix: &'static str,
) -> Habit {
    Habit { names, leaves: &[], stays, fix }
}

const fn leaves(
    names: &'static [&'static str],
    leaves: &'static [&'static str],
    fix: &'static str,
) -> Habit {
    Habit { names, leaves, stays: &[], fix }
}

/// Why the program would not stay, and what to do.
pub(super) fn daemonizes(words: &[String]) -> Option<(String, String)> {
    let first = words.first()?;
    if first.starts_with("/etc/init.d/") {
        let what = format!("{first} starts it and ends");
        return Some((what, "run the program itself, not its init script".to_owned()));
    }
    let base = first.rsplit('/').next().unwrap_or(first);
    let habit = HABITS.iter().find(|habit| habit.names.iter().any(|name| is_called(base, name)))?;
    let rest = words[1..].join(" ");
    let has = |sign: &&str| match sign.contains(' ') {
        true => rest.contains(sign),
        false => words[1..].iter().any(|word| word == sign),
    };
    let leaves = habit.leaves.iter().find(|sign| has(sign));
    let what = match (habit.leaves, habit.stays) {
        ([], []) => format!("{base} does not stay in front of it"),
        ([], stays) if !stays.iter().any(has) => {
            format!("{base} goes into the background by itself")
        }
        ([], _) => return None,
        _ => format!("{} sends {base} into the background", leaves?),
    };
    Some((what, habit.fix.to_owned()))
}

fn is_called(base: &str, name: &str) -> bool {
    name.strip_suffix('*').map_or(base == name, |start| base.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::shlex;

    #[test]
    fn those_that_leave_are_told_from_those_that_were_told_to_stay() {
        let leaves = |command: &str| daemonizes(&shlex::split(command).unwrap()).is_some();
        for (bad, good) in [
            ("nginx -c /x", "nginx -c /x -g 'daemon off;'"),
            ("redis-server --daemonize yes", "redis-server --daemonize no"),
            ("nohup sleep 1", "sleep 1"),
            ("apachectl start", "apache2ctl -D FOREGROUND"),
            ("/usr/sbin/php-fpm8.2", "php-fpm8.2 --nodaemonize"),
            ("gunicorn --daemon x", "gunicorn -w 8 x"),
            ("mysqld_safe", "mysqld"),
            ("service nginx start", "servicex"),
            ("systemctl start x", "cat"),
            ("catalina.sh start", "/usr/local/tomcat/bin/catalina.sh run"),
            ("/etc/init.d/x start", "/etc/init.e"),
            ("ssserver -d start", "ssserver -p 8008 -k 1"),
            ("sshd", "sshd -D"),
        ] {
            assert!(leaves(bad), "{bad}");
            assert!(!leaves(good), "{good}");
        }
    }
}
