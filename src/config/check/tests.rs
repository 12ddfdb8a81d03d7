//! Each kind of finding: a text that has it, and one that nearly does.

use std::path::PathBuf;

use super::machine::tests::Files;
use super::machine::{Entry, Kind};
use super::*;
use crate::config::around::tests::anywhere;

/// A machine with a few files, and the configuration with rights of its own.
struct Box {
    files: Files,
    folder: PathBuf,
    mode: u32,
    uid: u32,
}

impl Machine for Box {
    fn entry(&self, path: &Path) -> Option<Entry> {
        let (uid, gid) = (self.uid, self.uid);
        match path.strip_prefix(&self.folder) {
            Ok(rest) if rest.as_os_str().is_empty() => {
                Some(Entry { kind: Kind::Dir, mode: 0o755, uid, gid })
            }
            Ok(_) if path.is_dir() => Some(Entry { kind: Kind::Dir, mode: 0o755, uid, gid }),
            Ok(_) if path.exists() => Some(Entry { kind: Kind::File, mode: self.mode, uid, gid }),
            _ => self.files.entry(path),
        }
    }

    fn head(&self, path: &Path) -> Option<Vec<u8>> {
        self.files.head(path)
    }

    fn groups(&self, uid: u32) -> Vec<u32> {
        self.files.groups(uid)
    }
}

const ELF: &str = "\u{7f}ELF";

fn machine(folder: &Path) -> Box {
    let files = Files::default()
        .dir("/", 0o755, 0)
        .dir("/bin", 0o755, 0)
        .dir("/tmp", 0o1777, 0)
        .dir("/srv", 0o755, 0)
        .dir("/srv/shut", 0o700, 0)
        .dir("/srv/web", 0o755, 1000)
        .file("/bin/cat", 0o755, 0, ELF)
        .file("/bin/sh", 0o755, 0, ELF)
        .file("/bin/nginx", 0o755, 0, ELF)
        .file("/bin/env", 0o755, 0, ELF)
        .file("/srv/plain", 0o644, 0, "x")
        .file("/srv/good.sh", 0o755, 0, "#!/bin/sh -e\n")
        .file("/srv/env.sh", 0o755, 0, "#!/bin/env -S cat -n\n")
        .file("/srv/noenv.sh", 0o755, 0, "#!/bin/env nowhere\n")
        .file("/srv/dos.sh", 0o755, 0, "#!/bin/sh\r\n")
        .file("/srv/nobody.sh", 0o755, 0, "#!/bin/nobody\n")
        .file("/srv/bare.sh", 0o755, 0, "echo\n")
        .file("/srv/shut/tool", 0o755, 0, ELF)
        .add("/dev/null", Kind::Other, 0o666, 0, "");
    Box { files, folder: folder.to_owned(), mode: 0o600, uid: 0 }
}

const SERVER: &str = "[unix_http_server]\nfile=/tmp/s.sock\n\
                      [supervisorctl]\nserverurl=unix:///tmp/s.sock\n\
                      [rpcinterface:supervisor]\n\
                      supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n";
const DAEMON: &str = "[supervisord]\nlogfile=/tmp/d.log\npidfile=/tmp/d.pid\nchildlogdir=/tmp\n";
const WEB: &str = "[program:web]\ncommand=/bin/cat\n";

fn around() -> Surroundings {
    let mut around = anywhere();
    around.env.push(("PATH".into(), "/bin".into()));
    around
}

/// Checks a text; `prepare` changes the machine, and the file's place is `DIR` in the text.
fn checked(text: &str, starter: u32, prepare: impl Fn(&mut Box)) -> Report {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f");
    let here = folder.path().display().to_string();
    std::fs::write(folder.path().join("other"), "[program:other]\ncommand=cat\n").unwrap();
    std::fs::write(folder.path().join("nested"), "[include]\nfiles=other\n").unwrap();
    std::fs::write(&file, text.replace("DIR", &here)).unwrap();
    let mut machine = machine(folder.path());
    prepare(&mut machine);
    check(&file, &around(), &machine, How { starter, compat: true, guessed: false })
}

fn codes_of(report: &Report) -> Vec<&'static str> {
    let all = report.findings.iter().chain(report.differences.iter().flatten());
    all.map(|finding| finding.code.id).collect()
}

/// A kind of finding, a text that has it, and one that does not. A text is put behind the daemon's
/// section and a server; one that begins with `!` is the whole file.
const CASES: &[(&Code, &str, &str)] = &[
    (&codes::UNREADABLE, "[include]\nfiles=DIR/binary\n", ""),
    (&codes::BAD_LINE, "[program:web]\nnonsense\n", ""),
    (&codes::NO_SECTION, "![supervisorctl]\n", "![supervisord]\n"),
    (&codes::MISSING_KEY, "[program:web]\n", WEB),
    (
        &codes::BAD_VALUE,
        "[program:web]\ncommand=cat\nautostart=maybe\n",
        "[program:web]\ncommand=cat\nautostart=no\n",
    ),
    (
        &codes::BAD_SECTION,
        "[program:web]\ncommand=cat\nstopasgroup=true\nkillasgroup=false\n",
        "[program:web]\ncommand=cat\nstopasgroup=true\n",
    ),
    (&codes::PERCENT, "[program:web]\ncommand=cat +%d\n", "[program:web]\ncommand=cat +%%d\n"),
    (
        &codes::BAD_EXPANSION,
        "[program:web]\ncommand=cat %(heer)s\n",
        "[program:web]\ncommand=cat %(here)s\n",
    ),
    (
        &codes::NO_SUCH_DIRECTORY,
        "![supervisord]\npidfile=/no/where/x\n",
        "![supervisord]\npidfile=/tmp/x\n",
    ),
    (
        &codes::UNBALANCED,
        "[program:web]\ncommand=cat\nenvironment=A=\"x\n",
        "[program:web]\ncommand=cat\nenvironment=A=\"x\"\n",
    ),
    (
        &codes::BAD_ENVIRONMENT,
        "[program:web]\ncommand=cat\nenvironment=A=1,B\n",
        "[program:web]\ncommand=cat\nenvironment=A=1,B=\"\"\n",
    ),
    (
        &codes::NO_SUCH_USER,
        "[program:web]\ncommand=cat\nuser=nobody-here\n",
        "[program:web]\ncommand=cat\nuser=web\n",
    ),
    (
        &codes::UNKNOWN_PROGRAM,
        "[group:g]\nprograms=wbe\n[program:web]\ncommand=cat\n",
        "[group:g]\nprograms=web\n[program:web]\ncommand=cat\n",
    ),
    (
        &codes::SOCKET_TOO_LONG,
        "[unix_http_server:b]\nfile=/tmp/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012\n",
        "[unix_http_server:b]\nfile=/tmp/012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901\n",
    ),
    (
        &codes::SOCKET_DIR,
        "[unix_http_server:b]\nfile=/nowhere/b\n",
        "[unix_http_server:b]\nfile=/tmp/b\n",
    ),
    (
        &codes::SAME_ADDRESS,
        "[inet_http_server]\nport=127.0.0.1:1,localhost:1\n",
        "[inet_http_server]\nport=127.0.0.1:1,127.0.0.2:1\n",
    ),
    (
        &codes::SAME_ADDRESS,
        "[unix_http_server:b]\nfile=/tmp/x/../s.sock\n",
        "[inet_http_server]\nport=*:1\n[inet_http_server:b]\nport=127.0.0.1:1\n",
    ),
    (
        &codes::MAIN_LOG,
        "![supervisord]\nlogfile=/srv/web\npidfile=/tmp/p\n",
        "![supervisord]\nlogfile=/srv/web/x\npidfile=/tmp/p\n",
    ),
    (
        &codes::UNKNOWN_OPTION,
        "[program:web]\ncommand=cat\nautostrat=no\n",
        "[rpcinterface:x]\nsupervisor.rpcinterface_factory=x\nautostrat=no\n",
    ),
    (&codes::UNKNOWN_SECTION, "[programs:web]\n", "[ctlplugin:web]\n"),
    (
        &codes::PLUGIN,
        "[rpcinterface:x]\nsupervisor.rpcinterface_factory=x:y\n",
        "[rpcinterface:twiddler]\nsupervisor.rpcinterface_factory=supervisor_twiddler.rpcinterface:make_twiddler_rpcinterface\n",
    ),
    (
        &codes::DUPLICATE_SECTION,
        "[program:web]\ncommand=cat\n[program:b]\ncommand=cat\n[program:web]\nuser=web\n",
        "[program:web]\ncommand=cat\n[program:webs]\ncommand=cat\n",
    ),
    (
        &codes::DUPLICATE_OPTION,
        "[program:web]\ncommand=cat\nCommand=sh\n",
        "[program:web]\ncommand=cat\n;command=sh\n",
    ),
    (
        &codes::INDENTED_OPTION,
        "[program:web]\ncommand=cat\n  startsecs=3\n",
        "[program:web]\ncommand=cat\n  --startsecs=3\nenvironment=A=1,\n  user=2\n",
    ),
    (
        &codes::INDENTED_OPTION,
        "[program:web]\ncommand=cat\n [group:g]\n",
        "!  [supervisord]\n  [program:web]\n  command=cat\n  [group:g]\n  programs=web\n",
    ),
    (
        &codes::COMMENT_CUTS,
        "[program:web]\ncommand=sh -c \"a ; b\"\n",
        "[program:web]\ncommand=sh -c \"a; b\" ; both\n",
    ),
    (
        &codes::COMMENT_CUTS,
        "[program:web]\ncommand=sh -c \"a\n  ; b\"\n[supervisorctl]\npassword=ab ;c\n",
        "[program:web]\ncommand=sh -c \"a\n  b\" ; it's one\n",
    ),
    (
        &codes::NO_COMMENT,
        "[program:web]\ncommand=cat\ndirectory=/srv# the place\n",
        "[program:web]\ncommand=cat #x\ndirectory=/srv # the place\nserverurl=http://h/#a\n",
    ),
    (
        &codes::QUOTES_KEPT,
        "[program:web]\ncommand=cat\ndirectory=\"/srv\"\n",
        "[program:web]\ncommand=\"cat\"\nenvironment=\"A\"=\"b\"\n",
    ),
    (&codes::INCLUDE_NOTHING, "[include]\nfiles=/nowhere/*.conf\n", "[include]\nfiles=DIR/o*\n"),
    (
        &codes::INCLUDE_NOTHING,
        "[include]\nfiles=/srv/typo.conf\n",
        "[include]\nfiles=/srv/*.conf\n",
    ),
    (&codes::INCLUDE_EMPTY, "[include]\nfiles=/srv/*.conf\n", "[include]\nfiles=DIR/other\n"),
    (&codes::INCLUDE_SKIPPED, "[include]\nfiles=DIR/folder\n", "[include]\nfiles=DIR/other\n"),
    (&codes::NESTED_INCLUDE, "[include]\nfiles=DIR/nested\n", "[include]\nfiles=DIR/other\n"),
    (&codes::INCLUDE_WITHOUT_FILES, "[include]\n", "[include]\nfiles=DIR/other\n"),
    (
        &codes::SAME_GROUP,
        "[program:g]\ncommand=cat\n[program:b]\ncommand=cat\n[group:g]\nprograms=b\n",
        "[program:g]\ncommand=cat\n[group:g]\nprograms=g\n",
    ),
    (
        &codes::SAME_GROUP,
        "[program:g]\ncommand=cat\n[eventlistener:g]\ncommand=cat\nevents=EVENT\n",
        "[program:g]\ncommand=cat\n[eventlistener:h]\ncommand=cat\nevents=EVENT\n",
    ),
    (
        &codes::SAME_PROCESS,
        "[program:a]\ncommand=cat\nprocess_name=x\n[program:b]\ncommand=cat\nprocess_name=x\n[group:g]\nprograms=a,b\n",
        "[program:a]\ncommand=cat\nprocess_name=x\n[program:b]\ncommand=cat\nprocess_name=x\n",
    ),
    (
        &codes::TWO_GROUPS,
        "[program:a]\ncommand=cat\n[group:g]\nprograms=a\n[group:h]\nprograms=a\n",
        "[program:a]\ncommand=cat\n[group:g]\nprograms=a\n[group:h]\nprograms=\n",
    ),
    (
        &codes::EMPTY_GROUP,
        "[group:h]\nprograms=\n",
        "[program:a]\ncommand=cat\n[group:h]\nprograms=a\n",
    ),
    (
        &codes::NO_COMMAND,
        "[program:web]\ncommand=nowhere\n",
        "[program:web]\ncommand=/srv/good.sh\n",
    ),
    (
        &codes::NO_COMMAND,
        "[program:web]\ncommand=\"/bin/cat /x\"\n",
        "[program:web]\ncommand=tool\nenvironment=PATH=\"/srv/shut\"\n",
    ),
    (&codes::NO_COMMAND, "[program:web]\ncommand=cat \"x\n", "[program:web]\ncommand=cat \\\"x\n"),
    (
        &codes::NO_COMMAND,
        "[program:web]\ncommand=cat\nenvironment=PATH=\"/srv\"\n",
        "[program:web]\ncommand=cat\n",
    ),
    (
        &codes::NOT_EXECUTABLE,
        "[program:web]\ncommand=/srv/plain\n",
        "[program:web]\ncommand=/srv/good.sh\n",
    ),
    (
        &codes::NOT_EXECUTABLE,
        "[program:web]\ncommand=/srv/shut/tool\nuser=web\n",
        "[program:web]\ncommand=/srv/shut/tool\n",
    ),
    (&codes::NOT_EXECUTABLE, "[program:web]\ncommand=/srv\n", "[program:web]\ncommand=cat /srv\n"),
    (
        &codes::NO_SCRIPT,
        "[program:web]\ncommand=sh /srv/none.sh\n",
        "[program:web]\ncommand=sh plain -c x\ndirectory=/srv\n[program:b]\ncommand=sh -x none.sh\n[program:c]\ncommand=sh good.sh\ndirectory=/srv\n",
    ),
    (
        &codes::NO_INTERPRETER,
        "[program:web]\ncommand=/srv/nobody.sh\n",
        "[program:web]\ncommand=/srv/good.sh\n",
    ),
    (
        &codes::NO_INTERPRETER,
        "[program:web]\ncommand=/srv/noenv.sh\n",
        "[program:web]\ncommand=/srv/env.sh\n",
    ),
    (
        &codes::NO_INTERPRETER,
        "[program:web]\ncommand=/srv/dos.sh\n",
        "[program:web]\ncommand=sh /srv/dos.sh\n",
    ),
    (
        &codes::NO_HEADER,
        "[program:web]\ncommand=/srv/bare.sh\n",
        "[program:web]\ncommand=/srv/good.sh\n",
    ),
    (
        &codes::SHELL_SYNTAX,
        "[program:web]\ncommand=cat x && cat y\n",
        "[program:web]\ncommand=sh -c 'cat x && cat y'\n",
    ),
    (
        &codes::DAEMONIZES,
        "[program:web]\ncommand=nginx\n",
        "[program:web]\ncommand=nginx -g 'daemon off;'\n",
    ),
    (
        &codes::DAEMONIZES,
        "[program:web]\ncommand=sh -c 'cat &'\n",
        "[program:web]\ncommand=sh -c 'exec cat'\n",
    ),
    (
        &codes::NO_DIRECTORY,
        "[program:web]\ncommand=cat\ndirectory=~/x\n",
        "[program:web]\ncommand=cat\ndirectory=/srv\n",
    ),
    (
        &codes::NO_DIRECTORY,
        "[program:web]\ncommand=cat\ndirectory=/srv/shut\nuser=web\n",
        "[program:web]\ncommand=cat\ndirectory=/srv/shut\n",
    ),
    (
        &codes::NO_ENV_FILE,
        "[program:web]\ncommand=cat\nenvironment_file=/nowhere\n",
        "[program:web]\ncommand=cat\nenvironment_file=-/nowhere,/srv/plain\n",
    ),
    (
        &codes::LOG_DIR_MISSING,
        "[supervisord]\nlogdir_create=no\n[program:web]\ncommand=cat\nstdout_logfile=/srv/x/y\n",
        "[program:web]\ncommand=cat\nstdout_logfile=/srv/x/y\n",
    ),
    (
        &codes::LOG_DIR_MADE,
        "[program:web]\ncommand=cat\nstdout_logfile=/srv/x/y\n",
        "[program:web]\ncommand=cat\nstdout_logfile=/srv/y\n",
    ),
    (
        &codes::LOG_IS_DIRECTORY,
        "[program:web]\ncommand=cat\nstdout_logfile=/srv/web\n",
        "[program:web]\ncommand=cat\nstdout_logfile=/srv/web/x\n",
    ),
    (
        &codes::SAME_LOG,
        "[program:web]\ncommand=cat\nstdout_logfile=/tmp/x\nstderr_logfile=/tmp/x\n",
        "[program:web]\ncommand=cat\nstdout_logfile=/tmp/x\nstderr_logfile=/tmp/x\nredirect_stderr=true\n",
    ),
    (
        &codes::SAME_LOG,
        "[program:web]\ncommand=cat\nstdout_logfile=/tmp/d.log\n",
        "[program:web]\ncommand=cat\nstdout_logfile=/dev/null\nstderr_logfile=/dev/null\n",
    ),
    (
        &codes::NOT_NUMBERED,
        "[program:web]\ncommand=cat\nnumprocs=2\nprocess_name=%(process_num)d\nstdout_logfile=/tmp/x\n",
        "[program:web]\ncommand=cat\nnumprocs=2\nprocess_name=%(process_num)d\nstdout_logfile=/tmp/x%(process_num)d\n",
    ),
    (
        &codes::STDERR_IGNORED,
        "[program:web]\ncommand=cat\nredirect_stderr=true\nstderr_logfile=/tmp/x\n",
        "[program:web]\ncommand=cat\nredirect_stderr=true\nstderr_logfile=NONE\n",
    ),
    (
        &codes::BACKUPS_UNUSED,
        "[program:web]\ncommand=cat\nstdout_logfile=/tmp/x\nstdout_logfile_maxbytes=0\nstdout_logfile_backups=3\n",
        "[program:web]\ncommand=cat\nstdout_logfile=/tmp/x\nstdout_logfile_maxbytes=0\nstdout_logfile_backups=0\n",
    ),
    (
        &codes::LOG_UNBOUNDED,
        "[program:web]\ncommand=cat\nstdout_logfile=/tmp/x\nstdout_logfile_maxbytes=0\n",
        "[program:web]\ncommand=cat\nstdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0\n",
    ),
    (
        &codes::LOG_SYSLOG,
        "[program:web]\ncommand=cat\nstdout_logfile=syslog\n",
        "[program:web]\ncommand=cat\nstdout_syslog=true\n",
    ),
    (&codes::NO_MAIN_LOG, "[supervisord]\nlogfile=NONE\n", ""),
    (
        &codes::ODD_NAME,
        "[program:web]\ncommand=cat\nenvironment=my-name=1\n",
        "[program:web]\ncommand=cat\nenvironment=my_name_2=1\n",
    ),
    (
        &codes::ENVIRONMENT_CUT,
        "[program:web]\ncommand=cat\nenvironment=A=1;B=2\n",
        "[program:web]\ncommand=cat\nenvironment=A=\"b@c\",B=%(here)s/x\n",
    ),
    (
        &codes::ENVIRONMENT_SHELL,
        "[program:web]\ncommand=cat\nenvironment=HOME=$HOME:/x\n",
        "[program:web]\ncommand=cat\nenvironment=PRICE=\"5$each\"\n",
    ),
    (
        &codes::ONE_SHOT,
        "[program:web]\ncommand=cat\nautorestart=false\n",
        "[program:web]\ncommand=cat\nautorestart=false\nstartsecs=0\n",
    ),
    (
        &codes::EXITCODES_UNUSED,
        "[program:web]\ncommand=cat\nautorestart=true\nexitcodes=0,2\n",
        "[program:web]\ncommand=cat\nexitcodes=0,2\n",
    ),
    (
        &codes::STOPWAIT_LONG,
        "[program:web]\ncommand=cat\nstopwaitsecs=999999\n",
        "[program:web]\ncommand=cat\nstopwaitsecs=3600\n",
    ),
    (
        &codes::PRIORITY,
        "[program:a]\ncommand=cat\npriority=1\n[program:b]\ncommand=cat\npriority=2\n",
        "[program:a]\ncommand=cat\npriority=1\n[program:b]\ncommand=cat\n",
    ),
    (
        &codes::PUBLIC,
        "[inet_http_server]\nport=9001\n",
        "[inet_http_server]\nport=127.0.0.1:9001\n",
    ),
    (
        &codes::PUBLIC,
        "[inet_http_server]\nport=h:1\n",
        "[inet_http_server]\nport=h:1\nusername=a\npassword=b\n",
    ),
    (
        &codes::PUBLIC_ALLOWED,
        "[inet_http_server]\nport=9001\nallow_unauthenticated=true\n",
        "[inet_http_server]\nport=localhost:9001\nallow_unauthenticated=true\n",
    ),
    (&codes::SOCKET_OPEN, "[unix_http_server]\nchmod=0777\n", "[unix_http_server]\nchmod=0770\n"),
    (
        &codes::SOCKET_OPEN,
        "[unix_http_server]\nchmod=0666\n",
        "[unix_http_server]\nchmod=0777\nusername=a\npassword=b\n",
    ),
    (
        &codes::SHA,
        "[unix_http_server]\nusername=a\npassword={SHA}x\n",
        "[unix_http_server]\nusername=a\npassword=x\n",
    ),
    (
        &codes::CTL_URL,
        "[supervisorctl]\nserverurl=unix:///tmp/other\n",
        "[inet_http_server]\nport=*:9001\nusername=a\npassword=b\n[supervisorctl]\nserverurl=http://box:9001\n",
    ),
    (
        &codes::CTL_VALUE,
        "[supervisorctl]\nprompt=%(x)s\n",
        "[supervisorctl]\nprompt=%(ENV_HOME)s\n",
    ),
    (
        &codes::CTL_LOGIN,
        "[unix_http_server]\nusername=a\npassword=b\n[supervisorctl]\nusername=c\npassword=b\n",
        "[unix_http_server]\nusername=a\npassword=b\n[supervisorctl]\nusername=a\npassword=b\n",
    ),
    (
        &codes::CTL_NO_LOGIN,
        "[unix_http_server]\nusername=a\npassword=b\n",
        "[unix_http_server]\nusername=a\npassword=b\n[supervisorctl]\nusername=a\npassword=b\n",
    ),
    (&codes::NO_CTL, "![supervisord]\n[unix_http_server]\nfile=/tmp/s\n", "![supervisord]\n"),
    (&codes::NO_SERVER, "![supervisord]\n", ""),
    (&codes::NO_RPC, "![supervisord]\n[unix_http_server]\nfile=/tmp/s\n", ""),
    (
        &codes::C_PLUGIN,
        "[ctlplugin:x]\n",
        "[rpcinterface:b]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n",
    ),
    (
        &codes::C_PLUGIN,
        "[eventlistener:l]\ncommand=cat\nevents=EVENT\nresult_handler=a:b\n",
        "[eventlistener:l]\ncommand=cat\nevents=EVENT\nresult_handler=supervisor.dispatchers:default_handler\n",
    ),
    (
        &codes::C_BUFFER,
        "[eventlistener:l]\ncommand=cat\nevents=EVENT\n",
        "[eventlistener:l]\ncommand=cat\nevents=EVENT\nbuffer_size=10\n",
    ),
    (
        &codes::C_LOG_DIR,
        "[program:web]\ncommand=cat\nstdout_logfile=/srv/x/y\n",
        "[supervisord]\nlogdir_create=no\n[program:web]\ncommand=cat\nstdout_logfile=/srv/x/y\n",
    ),
    (
        &codes::C_PUBLIC,
        "[inet_http_server]\nport=9001\n",
        "[inet_http_server]\nport=127.0.0.1:9001\n",
    ),
    (
        &codes::C_PACED,
        "[program:web]\ncommand=cat\nstartsecs=0\n",
        "[program:web]\ncommand=cat\nstartsecs=1\n",
    ),
    (
        &codes::C_OWN_KEY,
        "[program:web]\ncommand=cat\nkillmode=tree\n",
        "[program:web]\ncommand=cat\n[rpcinterface:x]\nkillmode=tree\n",
    ),
    (&codes::C_PROGRAM_DEFAULT, "[program-default]\nautostart=no\n", "[DEFAULT]\nautostart=no\n"),
    (
        &codes::C_FALLBACK,
        "[program:web]\ncommand=cat %(ENV_X:-y)s\n",
        "[program:web]\ncommand=cat %(ENV_HOME)s:-x\n",
    ),
    (
        &codes::C_DATED,
        "[program:web]\ncommand=cat\nstdout_logfile=/tmp/%%Y.log\n",
        "[program:web]\ncommand=cat\nstdout_logfile=/tmp/100%%.log\n",
    ),
    (
        &codes::C_DEVICE,
        "[program:web]\ncommand=cat\nstdout_logfile=/dev/stdout\n",
        "[program:web]\ncommand=cat\nstdout_logfile=/dev/stdout\nstdout_logfile_maxbytes=0\n",
    ),
    (
        &codes::C_DEVICE,
        "[program:web]\ncommand=cat\nstdout_logfile=/dev/null\n",
        "[program:web]\ncommand=cat\nstdout_logfile=/tmp/null\n",
    ),
    (
        &codes::C_PORTS,
        "[inet_http_server]\nport=[::1]:1\n",
        "[inet_http_server]\nport=127.0.0.1:1\n",
    ),
    (
        &codes::C_HASH,
        "[unix_http_server]\nusername=a\npassword=$2b$10$x\n",
        "[unix_http_server]\nusername=a\npassword={SHA}x\n",
    ),
    (
        &codes::C_STOP_ORDER,
        "[program:a]\ncommand=cat\npriority=1\n[program:b]\ncommand=cat\n",
        "[program:a]\ncommand=cat\npriority=1\n",
    ),
    (&codes::C_STATEFILE, "", "[supervisord]\nstatefile=NONE\n"),
    (&codes::C_NO_RPC, "![supervisord]\n[unix_http_server]\nfile=/tmp/s\n", ""),
    (
        &codes::C_PERCENT,
        "[program:web]\ncommand=cat +%s\n",
        "[program:web]\ncommand=cat +%%s %(here)s\n",
    ),
];

/// Those that depend on who looks or on rights of files, and are tested below.
const ELSEWHERE: &[&Code] = &[
    &codes::BAD_FLAG,
    &codes::USER_NEEDS_ROOT_DAEMON,
    &codes::USER_NEEDS_ROOT,
    &codes::LOG_NOT_WRITABLE,
    &codes::PASSWORD_READABLE,
    &codes::OTHERS_WRITE,
    &codes::C_INCLUDE_SEARCH,
    &codes::PIDFILE,
    &codes::AS_ROOT,
];

fn whole(text: &str) -> String {
    match text.strip_prefix('!') {
        Some(whole) => whole.to_owned(),
        None => format!("{DAEMON}{SERVER}{text}"),
    }
}

#[test]
fn each_kind_is_found_where_it_is_and_not_where_it_nearly_is() {
    for (code, bad, good) in CASES {
        let found = |text: &str| {
            let folder = |machine: &mut Box| {
                // Made here, so that they lie beside the file.
                let _ = std::fs::create_dir(machine.folder.join("folder"));
                let _ = std::fs::write(machine.folder.join("binary"), b"\xff\xfe");
            };
            codes_of(&checked(&whole(text), 0, folder))
        };
        assert!(found(bad).contains(&code.id), "{bad:?} has no {}: {:?}", code.id, found(bad));
        assert!(!found(good).contains(&code.id), "{good:?} has {}", code.id);
    }
}

#[test]
fn every_kind_has_a_test() {
    let tested: Vec<&str> = CASES.iter().map(|(code, ..)| code.id).collect();
    let elsewhere: Vec<&str> = ELSEWHERE.iter().map(|code| code.id).collect();
    for code in codes::ALL {
        assert!(tested.contains(&code.id) != elsewhere.contains(&code.id), "{}", code.id);
    }
}

fn with(text: &str, starter: u32, prepare: impl Fn(&mut Box)) -> Vec<&'static str> {
    codes_of(&checked(&whole(text), starter, prepare))
}

#[test]
fn only_root_becomes_somebody_else() {
    let user = "[program:a]\ncommand=cat\nuser=root\n";
    assert!(with(user, 1000, |_| ()).contains(&codes::USER_NEEDS_ROOT.id));
    assert!(!with(user, 0, |_| ()).contains(&codes::USER_NEEDS_ROOT.id));
    let own = "[program:a]\ncommand=cat\nuser=web\n";
    assert!(!with(own, 1000, |_| ()).contains(&codes::USER_NEEDS_ROOT.id));
    let daemon = "[supervisord]\nuser=root\n";
    assert!(with(daemon, 1000, |_| ()).contains(&codes::USER_NEEDS_ROOT_DAEMON.id));
    assert!(!with(daemon, 0, |_| ()).contains(&codes::USER_NEEDS_ROOT_DAEMON.id));
}

#[test]
fn logs_and_pidfile_are_written_by_whom_the_daemon_becomes() {
    let log = "[program:a]\ncommand=cat\nstdout_logfile=/srv/x.log\n";
    assert!(!with(log, 0, |_| ()).contains(&codes::LOG_NOT_WRITABLE.id));
    assert!(with(log, 1000, |_| ()).contains(&codes::LOG_NOT_WRITABLE.id));
    let become_web = format!("[supervisord]\nuser=web\n{log}");
    assert!(with(&become_web, 0, |_| ()).contains(&codes::LOG_NOT_WRITABLE.id));
    let pidfile = "[supervisord]\npidfile=/x.pid\n";
    assert!(with(pidfile, 1000, |_| ()).contains(&codes::PIDFILE.id));
    assert!(!with(pidfile, 0, |_| ()).contains(&codes::PIDFILE.id));
}

#[test]
fn rights_of_the_files_themselves_are_looked_at() {
    let secret = "[unix_http_server]\nusername=a\npassword=b\n";
    let hash = "[unix_http_server]\nusername=a\npassword=$2b$10$x\n";
    let mode = |mode: u32| move |machine: &mut Box| machine.mode = mode;
    assert!(with(secret, 0, mode(0o644)).contains(&codes::PASSWORD_READABLE.id));
    assert!(!with(secret, 0, mode(0o640)).contains(&codes::PASSWORD_READABLE.id));
    assert!(!with(hash, 0, mode(0o644)).contains(&codes::PASSWORD_READABLE.id));
    for (rights, uid, starter, open) in [
        (0o644, 0, 0, false),
        (0o666, 0, 0, true),
        (0o664, 0, 0, false),
        (0o644, 1000, 0, true),
        (0o664, 1000, 1000, false),
    ] {
        let found = with("", starter, |machine| (machine.mode, machine.uid) = (rights, uid));
        assert_eq!(found.contains(&codes::OTHERS_WRITE.id), open, "{rights:o} {uid}");
        assert_eq!(found.contains(&codes::C_INCLUDE_SEARCH.id), open, "{rights:o} {uid}");
    }
}

#[test]
fn a_guess_at_who_starts_the_daemon_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f");
    std::fs::write(&file, DAEMON).unwrap();
    let machine = machine(folder.path());
    let how = How { guessed: true, ..How::default() };
    let report = check(&file, &around(), &machine, how);
    assert!(codes_of(&report).contains(&codes::AS_ROOT.id));
    assert!(report.differences.is_none());
}

#[test]
fn a_file_as_it_should_be_has_nothing_to_be_said_of() {
    let report = checked(&whole(WEB), 0, |_| ());
    assert_eq!(report.findings, []);
    assert_eq!(report.verdict(), Verdict::Good);
    let sample = crate::config::sample::text();
    assert_eq!(checked(&sample, 0, |_| ()).findings, []);
}

#[test]
fn the_verdict_follows_the_gravest_and_strict_takes_warnings_for_errors() {
    let verdict = |text: &str| checked(&whole(text), 0, |_| ()).verdict();
    assert_eq!(verdict("[program:a]\ncommand=cat\nautorestart=no\n"), Verdict::Good);
    assert_eq!(verdict("[program:a]\ncommand=none\n"), Verdict::Warnings);
    assert_eq!(verdict("[program:a]\ncommand=none\npriority=x\n"), Verdict::Unusable);
    let status = |verdict: Verdict| (verdict.status(false), verdict.status(true));
    assert_eq!(status(Verdict::Good), (0, 0));
    assert_eq!(status(Verdict::Warnings), (1, 2));
    assert_eq!(status(Verdict::Unusable), (2, 2));
}

#[test]
fn no_secret_is_in_words_table_or_json() {
    let text = "[program:a]\ncommand=hunter2-%(ENV_SECRET)s %(ENV_TOKEN)s \
                \nenvironment=TOKEN=\"s3cret\",DB_PASSWORD=\"tiger99\"\nstdout_logfile=/tmp/tiger99\n\
                [inet_http_server]\nport=127.0.0.1:1\nusername=u\npassword=pa55word\n\
                [program:b]\ncommand=cat pa55word\nautostart=%(ENV_SECRET)s\n";
    for text in [text.to_owned(), text.replace("autostart", "directory")] {
        let report = checked(&whole(&text), 0, |_| ());
        let said = report.text(Style::default()) + &report.json(false).to_string();
        for secret in ["hunter2", "s3cret", "tiger99", "pa55word"] {
            assert!(!said.contains(secret), "{secret}: {said}");
        }
    }
}

#[test]
fn the_text_has_place_words_reason_and_cure_and_the_verdict_last() {
    let report = checked(&whole("[program:a]\ncommand=none\nuser=web\n"), 0, |_| ());
    let here = report.file.parent().unwrap().display().to_string();
    let text = report.text(Style::default()).replace(&format!("{here}/"), "");
    let end = text.find("What svx does otherwise").unwrap();
    assert_eq!(
        &text[..end],
        "\
NAME  PRIORITY  AUTOSTART  USER  STDOUT  STDERR  COMMAND
a     999       yes        web   AUTO    AUTO    none

f
   12   warning: [program:a] command: `none` is not in PATH (missing-command)
        why: the program goes to FATAL: nothing can be started
        fix: install it or correct the path; PATH is the daemon's, not your shell's

"
    );
    let verdict = "f: usable, but look at the warnings (1 warning), 1 process in 1 group\n";
    assert!(text.ends_with(verdict), "{text}");
    let style = Style { colour: true, width: Some(60), strict: true };
    let text = report.text(style);
    assert!(text.contains("\u{1b}[33;1mwarning\u{1b}[0m"), "{text:?}");
    assert!(text.contains("not good enough for --strict"), "{text}");
    let long = text.lines().filter(|line| line.starts_with("   ")).map(|line| line.len());
    assert!(long.max().unwrap() < 90, "{text}");
}

#[test]
fn the_members_of_the_json_are_these() {
    let report = checked(&whole("[program:a]\ncommand=none\nuser=web\n"), 0, |_| ());
    let json = report.json(true);
    let members = |value: &serde_json::Value| {
        value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        members(&json),
        "differences errors file files findings notes processes status verdict version warnings"
    );
    assert_eq!((&json["version"], &json["status"]), (&1.into(), &2.into()));
    assert_eq!((&json["verdict"], &json["warnings"]), (&"warnings".into(), &1.into()));
    let finding = &json["findings"][0];
    assert_eq!(members(finding), "code file fix key level line section what why");
    assert_eq!((&finding["code"], &finding["line"]), (&"missing-command".into(), &12.into()));
    assert_eq!((&finding["section"], &finding["key"]), (&"program:a".into(), &"command".into()));
    let process = &json["processes"][0];
    assert_eq!(
        members(process),
        "autorestart autostart command directory group name priority section stderr_logfile \
         stdout_logfile user"
    );
    assert_eq!((&process["group"], &process["user"]), (&"a".into(), &"web".into()));
    assert_eq!(process["directory"], serde_json::Value::Null);
}
