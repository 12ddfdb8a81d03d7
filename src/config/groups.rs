//! Programs, event listeners, FastCGI programs and the groups they form.
//! Supervisor: `process_groups_from_parser` in options.py.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::error::{Problem, did_you_mean, quoted};
use super::expand::Scope;
use super::ini::Section;
use super::load::{Reader, bad_value, is_literal};
use super::model::{Address, Daemon, FcgiSocket, Group, GroupKind, LogTarget, Output, Program};
use super::options::program::{Draft, FcgiAddress, Kind, STANDARD_HANDLER};
use super::options::{defaults, group};
use super::values;
use crate::base::level::Level;
use crate::base::{shlex, suggest};

/// So many mistakes come with a suggestion: each is looked for among all names.
const GUESSES_MAX: usize = 100;

/// What all processes of a configuration may take together, in bytes: `numprocs` multiplies
/// whatever a section holds.
pub const PROCESSES_BYTES_MAX: usize = 512 << 20;

/// Reads all groups, sorted by priority and name.
pub(super) fn read(reader: &mut Reader, daemon: &Daemon, scope: &Scope) -> Vec<Group> {
    // 4.3.0 leaves relative log paths to the working directory, which `directory` changes.
    let mut around = reader.around.clone();
    if let (false, Some(directory)) = (daemon.nodaemon, &daemon.directory) {
        around.cwd.clone_from(directory);
    }
    let blanks = Kind::ALL.map(|(_, kind)| kind.blank(&around));
    let document = reader.document;
    let mut reader = Reader { document, around: &around, report: reader.report };
    let mut programs = Programs { reader: &mut reader, daemon, scope, blanks, bytes: 0 };

    let mut groups = Vec::new();
    let mut grouped = HashSet::new();
    for section in document.sections.iter().filter(|s| s.name.starts_with("group:")) {
        groups.extend(programs.group(section, &mut grouped));
    }
    for (prefix, kind) in Kind::ALL {
        for section in document.sections.iter().filter(|s| s.name.starts_with(prefix)) {
            if kind == Kind::Listener || !grouped.contains(section.name.as_str()) {
                groups.extend(programs.own_group(section, kind));
            }
        }
    }
    groups.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
    let mut names = HashSet::new();
    groups.retain(|group| {
        let first = names.insert(group.name.clone());
        if !first {
            let note = format!("More than one group is named {}, only one is used", group.name);
            reader.report.notes.push((Level::Warn, note));
        }
        first
    });
    groups
}

/// Reads one `[program:NAME]` as a member of `group`; what is wrong is reported.
pub(super) fn members(
    reader: &mut Reader,
    daemon: &Daemon,
    scope: &Scope,
    name: &str,
    group: &str,
) -> Vec<Arc<Program>> {
    let document = reader.document;
    let Some(section) = document.section(&format!("program:{name}")) else { return Vec::new() };
    let blanks = Kind::ALL.map(|(_, kind)| kind.blank(reader.around));
    let mut programs = Programs { reader, daemon, scope, blanks, bytes: 0 };
    let named = programs.name(section).is_some();
    let made = programs.processes(section, Kind::Program, name, group).0;
    made.filter(|_| named).unwrap_or_default()
}

struct Programs<'a, 'b> {
    reader: &'a mut Reader<'b>,
    daemon: &'a Daemon,
    scope: &'a Scope<'a>,
    /// By kind.
    blanks: [Draft; 3],
    bytes: usize,
}

impl Programs<'_, '_> {
    /// A `[group:x]`. The sections it names go into `grouped`.
    fn group(&mut self, section: &Section, grouped: &mut HashSet<String>) -> Option<Group> {
        let name = self.name(section)?;
        let mut draft = group::Draft::default();
        defaults(group::GROUP, &mut draft, self.reader.around);
        self.reader.fill(group::GROUP, section, self.scope, &mut draft);
        let document = self.reader.document;
        let mut programs = Vec::new();
        let mut seen = HashSet::new();
        for member in draft.programs.iter().filter(|member| seen.insert(member.as_str())) {
            let plain = document.section(&format!("program:{member}"));
            let fcgi = document.section(&format!("fcgi-program:{member}"));
            let (found, kind) = match (plain, fcgi) {
                (Some(found), None) => (found, Kind::Program),
                (None, Some(found)) => (found, Kind::Fcgi),
                (found, _) => {
                    let Some(key) = section.key("programs") else { continue };
                    let why = if found.is_some() {
                        format!(
                            "name {} is ambiguous (exists as program and fcgi-program)",
                            quoted(member)
                        )
                    } else {
                        let names = document.sections.iter().filter_map(|s| {
                            s.name.strip_prefix("program:").or(s.name.strip_prefix("fcgi-program:"))
                        });
                        let few = self.reader.report.problems.len() < GUESSES_MAX;
                        let names = names.filter(|_| few);
                        let meant = did_you_mean(suggest::nearest(member, names));
                        format!("names unknown program or fcgi-program {}{meant}", quoted(member))
                    };
                    self.reader.bad(section, key, why);
                    continue;
                }
            };
            grouped.insert(found.name.clone());
            let Some(program) = self.name(found) else { continue };
            programs.extend(self.processes(found, kind, &program, &name).0.unwrap_or_default());
        }
        let programs = self.unique(section, programs);
        Some(Group { name, priority: draft.priority, kind: GroupKind::Plain, programs })
    }

    /// The group that a program section forms on its own.
    fn own_group(&mut self, section: &Section, kind: Kind) -> Option<Group> {
        let name = self.name(section)?;
        let (programs, draft) = self.processes(section, kind, &name, &name);
        let priority = match kind {
            Kind::Listener => draft.pool_priority,
            Kind::Program | Kind::Fcgi => draft.program.priority,
        };
        let kind = match kind {
            Kind::Program | Kind::Fcgi => GroupKind::Plain,
            Kind::Listener => self.listener(section, draft)?,
        };
        let programs = self.unique(section, programs?);
        Some(Group { name, priority, kind, programs })
    }

    fn listener(&mut self, section: &Section, draft: Draft) -> Option<GroupKind> {
        if draft.events.is_empty() {
            if section.key("events").is_none() {
                self.reader.missing(section, "events");
            }
            return None;
        }
        if let (Some(_), Some(key)) = (&draft.result_handler, section.key("result_handler")) {
            let why = format!("Python handlers are not loaded; {STANDARD_HANDLER} is used");
            self.reader.report.warnings.push(bad_value(section, key, why));
        }
        let Draft { events, buffer_size, restart_on_violation, .. } = draft;
        Some(GroupKind::Listener { events, buffer_size, restart_on_violation })
    }

    fn fcgi(&mut self, section: &Section, draft: &Draft) -> Option<FcgiSocket> {
        let backlog = draft.socket_backlog;
        let address = match draft.socket.clone() {
            None => {
                if section.key("socket").is_none() {
                    self.reader.missing(section, "socket");
                }
                return None;
            }
            Some(FcgiAddress::Unix(path)) => {
                let user = draft.program.user.as_ref().map(|user| user.uid);
                let around = self.reader.around;
                let owner = user.and_then(|uid| Some((uid, around.primary(uid)?)));
                Address::Unix {
                    path,
                    mode: draft.socket_mode.unwrap_or(0o700),
                    owner: draft.socket_owner.or(owner),
                }
            }
            Some(FcgiAddress::Tcp(host, port)) => {
                if draft.socket_owner.is_some() || draft.socket_mode.is_some() {
                    self.reader.bad_section(
                        section,
                        "socket_owner and socket_mode params should only be used with a Unix \
                         domain socket",
                    );
                }
                Address::Tcp { host, port }
            }
        };
        Some(FcgiSocket { address, backlog })
    }

    /// What stands behind the colon of a section's name.
    fn name(&mut self, section: &Section) -> Option<String> {
        let name = section.name.split_once(':').map_or("", |(_, name)| name);
        match values::name(name) {
            Ok(name) => Some(name),
            Err(why) => {
                self.reader.bad_section(section, why);
                None
            }
        }
    }

    /// All processes of a section, by name, or nothing if anything in it is wrong; and what the
    /// section says beyond them.
    fn processes(
        &mut self,
        section: &Section,
        kind: Kind,
        name: &str,
        group: &str,
    ) -> (Option<Vec<Arc<Program>>>, Draft) {
        let mut scope = Scope::over(self.scope);
        scope.text("program_name", name);
        scope.text("group_name", group);

        let mut draft = self.blanks[kind as usize].clone();
        let once = kind.rows().filter(|row| !row.each);
        let mut good = self.reader.fill(once, section, &scope, &mut draft);
        draft.program.program = name.to_owned();
        draft.program.group = group.to_owned();
        draft.program.killasgroup = draft.killasgroup.unwrap_or(draft.program.stopasgroup);
        good &= self.sensible(section, &draft);
        if kind == Kind::Fcgi {
            draft.program.fcgi = self.fcgi(section, &draft);
            good &= draft.program.fcgi.is_some();
        }

        let mut made = Vec::new();
        for at in 0..draft.numprocs.max(0) {
            // The first is made in any case: it finds the mistakes in what is expanded for each.
            if (!good && at > 0) || self.bytes > PROCESSES_BYTES_MAX {
                break;
            }
            let number = draft.numprocs_start.saturating_add(at);
            let mut each = draft.clone();
            good &= self.process(section, kind, &mut scope, number, &mut each);
            if made.is_empty() {
                self.remark(section, &each);
            }
            finish(&mut each.program, self.daemon);
            self.bytes += weight(&each.program);
            if self.bytes > PROCESSES_BYTES_MAX {
                self.reader.bad_section(section, "the processes of the configuration do not fit");
                good = false;
            }
            made.push(Arc::new(each.program));
        }
        if let (false, Some(first)) = (good, made.first()) {
            let partial = (section.name.clone(), first.as_ref().clone());
            self.reader.report.partial.push(partial);
        }
        made.sort_by(|a, b| a.name.cmp(&b.name));
        (good.then_some(made), draft)
    }

    /// Drops processes whose name a later one has as well, as Supervisor's dictionary does.
    fn unique(&mut self, section: &Section, programs: Vec<Arc<Program>>) -> Vec<Arc<Program>> {
        let mut places = HashMap::new();
        let mut kept: Vec<Arc<Program>> = Vec::new();
        for program in programs {
            match places.get(&program.name) {
                Some(&at) => {
                    let name = quoted(&program.name);
                    let why = format!("more than one process is named {name}; the last is used");
                    let (at_section, section) = (section.at.clone(), section.name.clone());
                    let warning = Problem::BadSection { at: at_section, section, why };
                    self.reader.report.warnings.push(warning);
                    kept[at] = program;
                }
                None => {
                    places.insert(program.name.clone(), kept.len());
                    kept.push(program);
                }
            }
        }
        kept
    }

    /// What can be said of a section before its processes are made.
    fn sensible(&mut self, section: &Section, draft: &Draft) -> bool {
        let before = self.reader.report.problems.len();
        if section.key("command").is_none() && draft.numprocs > 0 {
            self.reader.missing(section, "command");
        }
        if draft.program.stopasgroup && !draft.program.killasgroup {
            self.reader.bad_section(section, "Cannot set stopasgroup=true and killasgroup=false");
        }
        let key = section.key("process_name");
        let name = key.map_or("%(program_name)s", |key| &key.value);
        if draft.numprocs > 1 && !name.contains("%(process_num)") {
            let why = "%(process_num) must be present within process_name when numprocs > 1";
            self.reader.bad_section(section, why);
        }
        if let (Some(at), true) = (section.key("interpolate"), draft.numprocs > 1) {
            if is_literal(section) {
                let why = "numprocs > 1 needs it: the processes could not be told apart".into();
                self.reader.bad(section, at, why);
            }
        }
        if let (Some(key), Err(why)) = (key, values::name(name)) {
            self.reader.bad(section, key, why);
        }
        self.reader.report.problems.len() == before
    }

    /// Fills in what is expanded for each process. Its environment comes first, because the other
    /// values see it.
    fn process(
        &mut self,
        section: &Section,
        kind: Kind,
        scope: &mut Scope,
        number: i64,
        draft: &mut Draft,
    ) -> bool {
        scope.number("process_num", number);
        scope.number("numprocs", draft.numprocs);
        let each = || kind.rows().filter(|row| row.each);
        let (environment, others): (Vec<_>, Vec<_>) =
            each().partition(|row| row.name == "environment");
        let mut good = self.reader.fill(environment, section, scope, draft);
        let mut inner = Scope::over(scope);
        for (name, value) in &draft.program.environment {
            inner.text(format!("ENV_{name}"), value.as_str());
        }
        good &= self.reader.fill(others, section, &inner, draft);
        if section.key("process_name").is_none() {
            draft.program.name.clone_from(&draft.program.program);
        } else {
            draft.program.name = draft.program.name.trim().to_owned();
        }
        good
    }

    /// Supervisor's remarks about logs, once for a section.
    fn remark(&mut self, section: &Section, draft: &Draft) {
        let name = &section.name;
        let notes = &mut self.reader.report.notes;
        let mut warn = |note: String| notes.push((Level::Warn, note));
        for (stream, output) in
            [("stdout", &draft.program.stdout), ("stderr", &draft.program.stderr)]
        {
            if output.logfile.target == LogTarget::Syslog {
                warn(format!(
                    "For [{name}], {stream}_logfile=syslog but this is deprecated and will be \
                     removed.  Use {stream}_syslog=true to enable syslog instead."
                ));
            }
            if output.logfile.target == LogTarget::Auto && output.logfile.maxbytes == 0 {
                warn(format!(
                    "For [{name}], AUTO logging used for {stream}_logfile without rollover, set \
                     maxbytes > 0 to avoid filling up filesystem unintentionally"
                ));
            }
        }
        let target = &draft.program.stderr.logfile.target;
        let set = !matches!(target, LogTarget::Auto | LogTarget::None | LogTarget::Syslog);
        if draft.program.redirect_stderr && set {
            warn(format!(
                "For [{name}], redirect_stderr=true but stderr_logfile has also been set to a \
                 filename, the filename has been ignored"
            ));
        }
    }
}

/// The last touches to a process whose options are all read.
fn finish(program: &mut Program, daemon: &Daemon) {
    let syslog = |output: &mut Output| {
        if output.logfile.target == LogTarget::Syslog {
            output.logfile.target = LogTarget::None;
            output.syslog = true;
        }
    };
    syslog(&mut program.stdout);
    syslog(&mut program.stderr);
    if program.redirect_stderr {
        program.stderr.logfile.target = LogTarget::None;
    }
    let mut environment = daemon.environment.clone();
    shlex::merge(&mut environment, std::mem::take(&mut program.environment));
    program.environment = environment;
    program.environment_files.splice(0..0, daemon.environment_files.iter().cloned());
}

/// About as many bytes as a process takes.
fn weight(program: &Program) -> usize {
    let environment = program.environment.iter().map(|(name, value)| name.len() + value.len() + 48);
    let files = program.environment_files.iter().map(|file| file.path.as_os_str().len() + 48);
    let texts = [&program.name, &program.command, &program.group, &program.program];
    let texts = texts.iter().map(|text| text.len());
    size_of::<Program>() + environment.sum::<usize>() + files.sum::<usize>() + texts.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::super::compat::{config, loaded, program, program_refused, refused};
    use super::*;

    #[test]
    fn a_bad_priority_and_a_bad_member_name_their_own_place() {
        let text = "[supervisord]\n[program:web]\ncommand=cat\npriority=high\n\
                [group:g]\nprograms=web,wbe\n";
        assert_eq!(
            refused(text),
            [
                "f:4: [program:web] priority: expected a whole number, found `high`",
                "f:6: [group:g] programs: names unknown program or fcgi-program `wbe`; \
             did you mean `web`?",
            ]
        );
    }

    #[test]
    fn groups_are_sorted_by_priority_and_name_and_take_their_programs_away() {
        let config = config(
            "[program:z]\ncommand=cat\n[program:b]\ncommand=cat\nnumprocs=11\n\
         process_name=%(process_num)d\npriority=5\n[program:a]\ncommand=cat\n\
         [group:g]\nprograms=z,b\n[eventlistener:l]\ncommand=cat\nevents=tick_5, EVENT\n",
        );
        let order: Vec<(&str, i32)> =
            config.groups.iter().map(|group| (&*group.name, group.priority)).collect();
        assert_eq!(order, [("l", -1), ("a", 999), ("g", 999)]);
        let members: Vec<&str> = config.groups[2].programs.iter().map(|p| &*p.name).collect();
        assert_eq!(members, ["z", "0", "1", "10", "2", "3", "4", "5", "6", "7", "8", "9"]);
        let events = vec!["TICK_5".to_owned(), "EVENT".to_owned()];
        let (buffer_size, restart_on_violation) = (1024, false);
        let listener = GroupKind::Listener { events, buffer_size, restart_on_violation };
        assert_eq!(config.groups[0].kind, listener);
        assert_eq!(config.groups[0].programs[0].priority, 999);
    }

    #[test]
    fn group_names_that_repeat_are_used_once() {
        let loaded = loaded("[program:x]\ncommand=cat\n[group:x]\n");
        assert_eq!(loaded.config.groups.len(), 1);
        assert_eq!(loaded.notes.len(), 1);
    }

    #[test]
    fn listeners_have_rules_of_their_own() {
        let listener = |options: &str| {
            refused(&format!("[supervisord]\n[eventlistener:l]\ncommand=cat\n{options}\n"))
                .join("\n")
        };
        let why = listener("events=EVENT\nredirect_stderr=true");
        assert!(
            why.starts_with("f:5: [eventlistener:l] redirect_stderr: redirect_stderr=true is not")
        );
        assert!(listener("").ends_with("events: required, but not given"));
        assert!(
            listener("events=TICK_6").contains("Unknown event type `TICK_6`; did you mean `TICK_")
        );
        assert!(listener("events=EVENT\nbuffer_size=0").contains("buffer_size"));
        let loaded = loaded(
            "[eventlistener:l]\ncommand=cat\nevents=EVENT\nresult_handler=my.module:handler\n",
        );
        assert!(loaded.warnings[0].to_string().contains("Python handlers are not loaded"));
    }

    #[test]
    fn fastcgi_sockets_belong_to_their_programs() {
        let socket = |options: &str| {
            let text = format!("[fcgi-program:f]\ncommand=cat\n{options}\n");
            config(&text).groups[0].programs[0].fcgi.clone().unwrap()
        };
        let unix = |mode, owner| Address::Unix { path: "/s/f".into(), mode, owner };
        assert_eq!(socket("socket=unix:///s/%(program_name)s").address, unix(0o700, None));
        let owned = socket("socket=unix:///s/x/../f\nuser=web\nsocket_mode=0770");
        assert_eq!(owned.address, unix(0o770, Some((1000, 1000))));
        let owned = socket("socket=unix:///s/f\nuser=web\nsocket_owner=root\nsocket_backlog=9");
        assert_eq!((owned.address, owned.backlog), (unix(0o700, Some((0, u32::MAX))), Some(9)));
        let tcp = Address::Tcp { host: "localhost".into(), port: 9000 };
        assert_eq!(socket("socket=tcp://LocalHost:9000").address, tcp);
        for options in [
            "",
            "socket=unix://s",
            "socket=tcp://h:0",
            "socket=http://h:1",
            "socket=tcp://h:1\nsocket_mode=0700",
            "socket=unix:///s\nsocket_backlog=0",
        ] {
            refused(&format!("[supervisord]\n[fcgi-program:f]\ncommand=cat\n{options}\n"));
        }
    }

    #[test]
    fn a_fastcgi_program_keeps_its_socket_in_a_group() {
        let config = config(
            "[fcgi-program:f]\ncommand=cat\nsocket=tcp://h:1\nnumprocs=2\n\
             process_name=%(process_num)d\n[program:p]\ncommand=cat\n[group:g]\nprograms=f,p\n",
        );
        let urls = config.groups[0].programs.iter().map(|p| p.fcgi.as_ref().map(FcgiSocket::url));
        let url = Some("tcp://h:1".to_owned());
        assert_eq!(urls.collect::<Vec<_>>(), [url.clone(), url, None]);
        refused("[supervisord]\n[fcgi-program:f]\ncommand=cat\n[group:g]\nprograms=f\n");
    }

    #[test]
    fn supervisors_remarks_about_logs_keep_their_words() {
        let notes = loaded(
            "[program:web]\ncommand=cat\nstdout_logfile=syslog\nredirect_stderr=true\n\
         stderr_logfile=/x\n[program:b]\ncommand=cat\nstdout_logfile_maxbytes=0\n\
         numprocs=2\nprocess_name=%(process_num)d\n",
        )
        .notes;
        let warn = |text: &str| (Level::Warn, text.to_owned());
        assert_eq!(
            notes,
            [
                warn(
                    "For [program:web], stdout_logfile=syslog but this is deprecated and will be \
                 removed.  Use stdout_syslog=true to enable syslog instead."
                ),
                warn(
                    "For [program:web], redirect_stderr=true but stderr_logfile has also been set to \
                 a filename, the filename has been ignored"
                ),
                warn(
                    "For [program:b], AUTO logging used for stdout_logfile without rollover, set \
                 maxbytes > 0 to avoid filling up filesystem unintentionally"
                ),
            ]
        );
        let program = program("stdout_logfile=SYSLOG");
        assert!(program.stdout.syslog && program.stdout.logfile.target == LogTarget::None);
    }

    #[test]
    fn numprocs_needs_numbers_in_the_names_and_is_bounded() {
        assert!(program_refused("numprocs=2").contains("%(process_num) must be present"));
        assert!(program_refused("numprocs=100001").contains("at most 100000"));
        assert!(
            program_refused("process_name=%(program_name)s:x")
                .contains("because of character: ':'")
        );
        let long = "x".repeat(1 << 20);
        let many = format!("command={long}\n");
        let two = format!(
            "[supervisord]\n[program:a]\nnumprocs=1000\nprocess_name=%(process_num)d\n{many}\
             [program:b]\nnumprocs=1000\nprocess_name=%(process_num)d\n{many}"
        );
        assert_eq!(refused(&two).len(), 1);
        let why = program_refused(&format!(
            "numprocs=100000\nprocess_name=%(process_num)d\ncommand={long}"
        ));
        assert!(why.contains("do not fit"), "{why}");
    }

    #[test]
    fn a_section_with_one_mistake_is_still_searched_for_others() {
        let text = "[supervisord]\n[eventlistener:l]\npriority=x\nstdout_logfile=%(y)s\n";
        let found = refused(text);
        assert_eq!(found.len(), 4, "{found:?}");
    }
}
