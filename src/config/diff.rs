//! What a new configuration changes in the groups that run, as coarsely as 4.3.0 tells it and as
//! finely as `svx.update` does it.

use std::collections::HashMap;
use std::sync::Arc;

use super::model::{Group, GroupKind, LogFile, Output, Program};

/// The groups in which what runs and a configuration differ.
/// Supervisor: `diff_to_active` in supervisord.py.
#[derive(Debug, Default)]
pub struct Difference<'a> {
    /// In the order of the configuration.
    pub added: Vec<&'a Group>,
    /// In the order of the configuration.
    pub changed: Vec<GroupChange<'a>>,
    /// In the order they were added.
    pub removed: Vec<&'a Group>,
}

/// How one group changes.
#[derive(Debug)]
pub struct GroupChange<'a> {
    /// As it is to be.
    pub new: &'a Group,
    /// The keys of the group itself that differ.
    pub keys: Vec<&'static str>,
    /// What binds its members differs: it has to be removed and added again.
    pub anew: bool,
    /// Members that differ: those that go, then the others in their new order.
    pub members: Vec<MemberChange<'a>>,
}

/// How one member changes.
#[derive(Debug)]
pub struct MemberChange<'a> {
    /// Its name within the group.
    pub name: &'a str,
    /// How.
    pub change: Change<'a>,
}

/// See [`MemberChange`].
#[derive(Debug)]
pub enum Change<'a> {
    /// The configuration does not have it any more.
    Removed,
    /// It is new.
    Added(&'a Arc<Program>),
    /// It is to be another.
    Changed {
        /// As it is to be.
        program: &'a Arc<Program>,
        /// The keys that differ; none where nobody can see the difference.
        keys: Vec<&'static str>,
        /// One of them takes effect only in a new process.
        restart: bool,
    },
}

/// Compares what runs with a configuration; a name stands in each of them once.
pub fn difference<'a>(
    running: impl IntoIterator<Item = &'a Group>,
    new: &'a [Group],
) -> Difference<'a> {
    let mut active: HashMap<&str, &Group> = HashMap::new();
    let mut order = Vec::new();
    for group in running {
        active.insert(&group.name, group);
        order.push(group);
    }
    let mut difference = Difference::default();
    for group in new {
        match active.remove(group.name.as_str()) {
            None => difference.added.push(group),
            Some(old) => difference.changed.extend(compare(old, group)),
        }
    }
    difference.removed = order;
    difference.removed.retain(|group| active.contains_key(group.name.as_str()));
    difference
}

/// How `old` becomes `new`; `None` where they do not differ.
fn compare<'a>(old: &'a Group, new: &'a Group) -> Option<GroupChange<'a>> {
    if old == new {
        return None;
    }
    let mut keys = Vec::new();
    if old.priority != new.priority {
        keys.push("priority");
    }
    let anew = old.kind != new.kind;
    keys.extend(anew.then(|| match (&old.kind, &new.kind) {
        (
            GroupKind::Listener { events, buffer_size, restart_on_violation: _ },
            GroupKind::Listener { events: now, buffer_size: size, .. },
        ) => match (events == now, buffer_size == size) {
            (false, _) => "events",
            (true, false) => "buffer_size",
            (true, true) => "listener_restart_on_violation",
        },
        _ => "type",
    }));
    let known: HashMap<&str, &Arc<Program>> = by_name(old);
    let wanted = by_name(new);
    let gone = old.programs.iter().filter(|program| !wanted.contains_key(program.name.as_str()));
    let mut members: Vec<MemberChange> =
        gone.map(|p| MemberChange { name: &p.name, change: Change::Removed }).collect();
    for program in &new.programs {
        let change = match known.get(program.name.as_str()) {
            None => Change::Added(program),
            Some(old) if *old == program => continue,
            Some(old) => {
                let found = keys_that_differ(old, program);
                let restart = found.iter().any(|(_, need)| *need == Need::Restart);
                Change::Changed {
                    program,
                    keys: found.iter().map(|(key, _)| *key).collect(),
                    restart,
                }
            }
        };
        members.push(MemberChange { name: &program.name, change });
    }
    let kept = |group: &'a Group, other: &HashMap<&str, &Arc<Program>>| -> Vec<&'a str> {
        let names = group.programs.iter().map(|program| program.name.as_str());
        names.filter(|name| other.contains_key(name)).collect()
    };
    if kept(old, &wanted) != kept(new, &known) {
        keys.push("programs");
    }
    let visible = |member: &MemberChange| match &member.change {
        Change::Removed | Change::Added(_) => true,
        Change::Changed { keys, .. } => !keys.is_empty(),
    };
    let differs = !keys.is_empty() || members.iter().any(visible);
    differs.then_some(GroupChange { new, keys, anew, members })
}

fn by_name(group: &Group) -> HashMap<&str, &Arc<Program>> {
    group.programs.iter().map(|program| (program.name.as_str(), program)).collect()
}

/// What it takes for a key to have its effect on a process that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// It is looked at when its time comes.
    Nothing,
    /// The process was made with it.
    Restart,
}

/// The keys in which two programs of one name differ. Every field of a program stands here: a new
/// one does not compile until it is known what it needs.
fn keys_that_differ(old: &Program, new: &Program) -> Vec<(&'static str, Need)> {
    use Need::{Nothing, Restart};
    let mut found = Vec::new();
    let mut key = |name, need, same: bool| found.extend((!same).then_some((name, need)));
    let Program {
        // Who it is; the section it comes from is nothing to the process.
        name: _,
        group: _,
        program: _,
        command,
        directory,
        umask,
        priority,
        autostart,
        autorestart,
        startsecs,
        startretries,
        stopsignal,
        stopwaitsecs,
        stopasgroup,
        killasgroup,
        killmode,
        no_new_privs,
        exitcodes,
        user,
        redirect_stderr,
        stdout,
        stderr,
        environment,
        environment_files,
        serverurl,
        fcgi,
    } = new;
    key("command", Restart, *command == old.command);
    key("directory", Restart, *directory == old.directory);
    key("umask", Restart, *umask == old.umask);
    key("user", Restart, user.as_ref().map(|u| u.uid) == old.user.as_ref().map(|u| u.uid));
    key("no_new_privs", Restart, *no_new_privs == old.no_new_privs);
    key("environment", Restart, same_pairs(environment, &old.environment));
    key("environment_file", Restart, *environment_files == old.environment_files);
    key("serverurl", Restart, *serverurl == old.serverurl);
    key("socket", Restart, *fcgi == old.fcgi);
    key("redirect_stderr", Restart, *redirect_stderr == old.redirect_stderr);
    key("priority", Nothing, *priority == old.priority);
    key("autostart", Nothing, *autostart == old.autostart);
    key("autorestart", Nothing, *autorestart == old.autorestart);
    key("startsecs", Nothing, *startsecs == old.startsecs);
    key("startretries", Nothing, *startretries == old.startretries);
    key("exitcodes", Nothing, *exitcodes == old.exitcodes);
    key("stopsignal", Nothing, *stopsignal == old.stopsignal);
    key("stopwaitsecs", Nothing, *stopwaitsecs == old.stopwaitsecs);
    key("stopasgroup", Nothing, *stopasgroup == old.stopasgroup);
    key("killasgroup", Nothing, *killasgroup == old.killasgroup);
    key("killmode", Nothing, *killmode == old.killmode);
    macro_rules! stream {
        ($name:literal, $old:expr, $new:expr) => {{
            let (old, new): (&Output, &Output) = ($old, $new);
            let Output { logfile, syslog, capture_maxbytes, events_enabled } = new;
            let LogFile { target, maxbytes, backups, symlink, maxage } = logfile;
            let was = &old.logfile;
            key(concat!($name, "_logfile"), Nothing, *target == was.target);
            key(concat!($name, "_logfile_maxbytes"), Nothing, *maxbytes == was.maxbytes);
            key(concat!($name, "_logfile_backups"), Nothing, *backups == was.backups);
            key(concat!($name, "_logfile_symlink"), Nothing, *symlink == was.symlink);
            key(concat!($name, "_logfile_maxage"), Nothing, *maxage == was.maxage);
            key(concat!($name, "_syslog"), Nothing, *syslog == old.syslog);
            let capture = *capture_maxbytes == old.capture_maxbytes;
            key(concat!($name, "_capture_maxbytes"), Nothing, capture);
            key(concat!($name, "_events_enabled"), Nothing, *events_enabled == old.events_enabled);
        }};
    }
    stream!("stdout", &old.stdout, stdout);
    stream!("stderr", &old.stderr, stderr);
    found
}

/// Whether two environments are the same, in whatever order they are written.
fn same_pairs(a: &[(String, String)], b: &[(String, String)]) -> bool {
    if a == b || a.len() != b.len() {
        return a == b;
    }
    let sorted = |pairs: &[(String, String)]| {
        let mut pairs = pairs.to_vec();
        pairs.sort_unstable();
        pairs
    };
    sorted(a) == sorted(b)
}

#[cfg(test)]
mod tests {
    use super::super::compat::config;
    use super::*;

    /// What changes between two configurations, a line for each group and member.
    fn told(old: &str, new: &str) -> Vec<String> {
        let (old, new) = (config(old), config(new));
        let Difference { added, changed, removed } = difference(&old.groups, &new.groups);
        let mut lines = Vec::new();
        lines.extend(removed.iter().map(|group| format!("- {}", group.name)));
        for group in changed {
            let how = if group.anew { "anew " } else { "" };
            lines.push(format!("* {} {how}{}", group.new.name, group.keys.join(" ")));
            for MemberChange { name, change } in group.members {
                lines.push(match change {
                    Change::Removed => format!("  - {name}"),
                    Change::Added(_) => format!("  + {name}"),
                    Change::Changed { keys, restart, .. } => {
                        let how = if restart { "restart" } else { "in place" };
                        format!("  * {name} {how} {}", keys.join(" "))
                    }
                });
            }
        }
        lines.extend(added.iter().map(|group| format!("+ {}", group.name)));
        lines
    }

    fn web(options: &str) -> String {
        format!("[program:web]\ncommand=cat\n{options}\n")
    }

    #[test]
    fn the_same_text_in_another_form_is_no_change() {
        let old = web("environment=A=\"1\",B=\"2\"\nuser=root\n[group:g]\nprograms=web");
        assert_eq!(told(&old, &old), [""; 0]);
        let new = "[program:other]\ncommand=cat\nprocess_name=web\nuser=0\n\
                   environment=B='2',A='1'\n[group:g]\nprograms=other\n";
        assert_eq!(told(&old, new), [""; 0]);
    }

    #[test]
    fn groups_come_and_go_in_the_order_of_4_3_0() {
        let one = |name: &str, priority: i32| {
            format!("[program:{name}]\ncommand=cat\npriority={priority}\n")
        };
        let old = [one("z", 1), one("m", 2), one("a", 3), one("k", 4)].concat();
        let new = [one("y", 1), one("m", 5), one("b", 4), one("k", 3)].concat();
        assert_eq!(
            told(&old, &new),
            [
                "- z",
                "- a",
                "* k priority",
                "  * k in place priority",
                "* m priority",
                "  * m in place priority",
                "+ y",
                "+ b"
            ]
        );
    }

    #[test]
    fn numprocs_adds_and_removes_the_difference() {
        let pool = |count: usize| {
            web(&format!("numprocs={count}\nprocess_name=%(process_num)d\nstartsecs=5"))
        };
        assert_eq!(told(&pool(2), &pool(4)), ["* web ", "  + 2", "  + 3"]);
        assert_eq!(told(&pool(3), &pool(1)), ["* web ", "  - 1", "  - 2"]);
    }

    #[test]
    fn one_member_changes_alone_and_an_order_is_no_change_of_members() {
        let group = |b: &str, programs: &str| {
            format!(
                "[program:a]\ncommand=cat\n[program:b]\ncommand={b}\nstartsecs=3\n\
                 [group:g]\nprograms={programs}\n"
            )
        };
        assert_eq!(
            told(&group("cat", "a,b"), &group("dog", "a,b")),
            ["* g ", "  * b restart command"]
        );
        assert_eq!(told(&group("cat", "a,b"), &group("cat", "b,a")), ["* g programs"]);
        assert_eq!(
            told(&group("cat", "a,b"), &group("cat", "b")),
            ["* g ", "  - a", "+ a"],
            "a program that leaves its group is one of its own"
        );
    }

    #[test]
    fn every_key_that_can_be_changed_in_place_is() {
        let hot = [
            "priority=1",
            "autostart=false",
            "autorestart=true",
            "startsecs=9",
            "startretries=9",
            "exitcodes=9",
            "stopsignal=INT",
            "stopwaitsecs=9",
            "killasgroup=true",
            "killmode=group",
            "stdout_logfile=/x",
            "stdout_logfile_maxbytes=9",
            "stdout_logfile_backups=9",
            "stdout_syslog=true",
            "stdout_capture_maxbytes=9",
            "stdout_events_enabled=true",
            "stderr_logfile=NONE",
            "stderr_logfile_maxbytes=9",
        ];
        let cold = [
            "directory=/",
            "umask=077",
            "user=web",
            "no_new_privs=true",
            "environment=A='1'",
            "environment_file=/a",
            "serverurl=http://h:1",
        ];
        for (line, how) in
            hot.map(|l| (l, "in place")).into_iter().chain(cold.map(|l| (l, "restart")))
        {
            let key = line.split('=').next().unwrap();
            let told = told(&web(""), &web(line));
            assert_eq!(told.last().unwrap(), &format!("  * web {how} {key}"));
            assert_eq!(told.len(), 2);
        }
        let told = told(&web(""), &web("redirect_stderr=true"));
        assert_eq!(told[1], "  * web restart redirect_stderr stderr_logfile");
    }

    #[test]
    fn what_binds_a_group_cannot_be_changed_in_place() {
        let pool = |options: &str| format!("[eventlistener:l]\ncommand=cat\n{options}\n");
        let first = |options| told(&pool("events=EVENT"), &pool(options))[0].clone();
        assert_eq!(first("events=TICK_5"), "* l anew events");
        assert_eq!(first("events=EVENT\nbuffer_size=5"), "* l anew buffer_size");
        let plain = told(&pool("events=EVENT"), "[program:l]\ncommand=cat\npriority=-1\n");
        assert_eq!(plain[0], "* l anew type");
    }
}
