//! Programs, event listeners, FastCGI programs and the groups they form.
//! Supervisor: `process_groups_from_parser` in options.py.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::error::{did_you_mean, quoted};
use super::expand::Scope;
use super::ini::Section;
use super::load::{Reader, bad_value};
use super::model::{Address, Daemon, FcgiSocket, Group, GroupKind, LogTarget, Output, Program};
use super::options::program::{Draft, FcgiAddress, Kind, STANDARD_HANDLER};
use super::options::{defaults, group};
use super::values;
use crate::base::level::Level;
use crate::base::suggest;

/// What all processes of a configuration may take together, in bytes: `numprocs` multiplies
/// whatever a section holds.
const PROCESSES_BYTES_MAX: usize = 512 << 20;

/// Reads all groups, sorted by priority and name.
pub(super) fn read(reader: &mut Reader, daemon: &Daemon, scope: &Scope) -> Vec<Group> {
    // 4.3.0 leaves relative log paths to the working directory, which `directory` changes.
    let mut around = reader.around.clone();
    if let (false, Some(directory)) = (daemon.nodaemon, &daemon.directory) {
        around.cwd.clone_from(directory);
    }
    let blanks = Kind::ALL.map(|(_, kind)| (kind, kind.blank(&around)));
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

struct Programs<'a, 'b> {
    reader: &'a mut Reader<'b>,
    daemon: &'a Daemon,
    scope: &'a Scope<'a>,
    blanks: [(Kind, Draft); 3],
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
                        let meant = did_you_mean(suggest::nearest(member, names));
                        format!("names unknown program or fcgi-program {}{meant}", quoted(member))
                    };
                    self.reader.bad(section, key, why);
                    continue;
                }
            };
            grouped.insert(found.name.clone());
            programs
                .extend(self.processes(found, kind, &name).map(|made| made.0).unwrap_or_default());
        }
        let programs = unique(programs);
        Some(Group { name, priority: draft.priority, kind: GroupKind::Plain, programs })
    }

    /// The group that a program section forms on its own.
    fn own_group(&mut self, section: &Section, kind: Kind) -> Option<Group> {
        let name = self.name(section)?;
        let (programs, draft) = self.processes(section, kind, &name)?;
        let priority = match kind {
            Kind::Listener => draft.pool_priority,
            Kind::Program | Kind::Fcgi => draft.program.priority,
        };
        let kind = match kind {
            Kind::Program => GroupKind::Plain,
            Kind::Listener => self.listener(section, draft)?,
            Kind::Fcgi => GroupKind::Fcgi(self.fcgi(section, &draft)?),
        };
        Some(Group { name, priority, kind, programs: unique(programs) })
    }

    fn listener(&mut self, section: &Section, draft: Draft) -> Option<GroupKind> {
        if draft.events.is_empty() {
            self.reader.missing(section, "events");
            return None;
        }
        if let (Some(_), Some(key)) = (&draft.result_handler, section.key("result_handler")) {
            let why = format!("Python handlers are not loaded; {STANDARD_HANDLER} is used");
            self.reader.report.warnings.push(bad_value(section, key, why));
        }
        Some(GroupKind::Listener { events: draft.events, buffer_size: draft.buffer_size })
    }

    fn fcgi(&mut self, section: &Section, draft: &Draft) -> Option<FcgiSocket> {
        let backlog = draft.socket_backlog;
        let address = match draft.socket.clone() {
            None => {
                self.reader.missing(section, "socket");
                return None;
            }
            Some(FcgiAddress::Unix(path)) => {
                let user = draft.program.user.as_ref().map(|user| user.uid);
                let gid_of = self.reader.around.gid_of;
                let owner = user.and_then(|uid| Some((uid, gid_of(uid)?)));
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

    /// All processes of a section, by name, and what the section says beyond them. `None` if
    /// anything in it is wrong.
    fn processes(
        &mut self,
        section: &Section,
        kind: Kind,
        group: &str,
    ) -> Option<(Vec<Arc<Program>>, Draft)> {
        let name = self.name(section)?;
        let mut scope = Scope::over(self.scope);
        scope.text("program_name", name.as_str());
        scope.text("group_name", group);

        let blank = self.blanks.iter().find(|(k, _)| *k == kind)?;
        let mut draft = blank.1.clone();
        let once = kind.rows().filter(|row| !row.each);
        let mut good = self.reader.fill(once, section, &scope, &mut draft);
        draft.program.program = name.clone();
        draft.program.group = group.to_owned();
        draft.program.killasgroup = draft.killasgroup.unwrap_or(draft.program.stopasgroup);
        good &= self.sensible(section, &draft);

        let mut made = Vec::new();
        for number in 0..draft.numprocs.max(0) {
            if !good {
                break;
            }
            let number = draft.numprocs_start.saturating_add(number);
            let mut each = draft.clone();
            good &= self.process(section, kind, &mut scope, number, &mut each);
            self.bytes += weight(&each.program);
            if self.bytes > PROCESSES_BYTES_MAX {
                self.reader.bad_section(section, "the processes of the configuration do not fit");
                good = false;
            }
            if made.is_empty() {
                self.remark(section, &each);
            }
            finish(&mut each.program, self.daemon);
            made.push(Arc::new(each.program));
        }
        made.sort_by(|a, b| a.name.cmp(&b.name));
        good.then_some((made, draft))
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
    for (name, value) in std::mem::take(&mut program.environment) {
        match environment.iter_mut().find(|(known, _)| *known == name) {
            Some(known) => known.1 = value,
            None => environment.push((name, value)),
        }
    }
    program.environment = environment;
}

/// About as many bytes as a process takes.
fn weight(program: &Program) -> usize {
    let environment = program.environment.iter().map(|(name, value)| name.len() + value.len() + 48);
    let texts = [&program.name, &program.command, &program.group, &program.program];
    let texts = texts.iter().map(|text| text.len());
    size_of::<Program>() + environment.sum::<usize>() + texts.sum::<usize>()
}

/// Drops processes whose name a later one has as well, as Supervisor's dictionary does.
fn unique(programs: Vec<Arc<Program>>) -> Vec<Arc<Program>> {
    let mut places = HashMap::new();
    let mut kept: Vec<Arc<Program>> = Vec::new();
    for program in programs {
        match places.get(&program.name) {
            Some(&at) => kept[at] = program,
            None => {
                places.insert(program.name.clone(), kept.len());
                kept.push(program);
            }
        }
    }
    kept
}
