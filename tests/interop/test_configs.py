"""Whether a configuration is accepted or refused, by Supervisor's reader and by svx's.

A good configuration is changed in one place (and, by a seeded generator, in several: SVX_SEED,
SVX_CASES), and both are asked. Where svx judges otherwise on purpose, the reason stands in ON_PURPOSE.
"""

import contextlib
import io
import os
import random
import re
import subprocess
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from house import SVX
from supervisor.options import ServerOptions

BASE = """\
[unix_http_server]
file=%(here)s/supervisor.sock
chmod=0700

[supervisord]
logfile=%(here)s/supervisord.log
pidfile=%(here)s/supervisord.pid

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://%(here)s/supervisor.sock

[program:web]
command=sleep 100

[program:worker]
command=sleep 100
numprocs=2
process_name=%(program_name)s_%(process_num)02d

[group:both]
programs=web,worker

[eventlistener:watch]
command=sleep 100
events=PROCESS_STATE

[fcgi-program:cgi]
command=sleep 100
socket=tcp://127.0.0.1:9999
"""

BOOLEANS = "true false yes no on off 1 0 t f y n TRUE maybe 2 -1".split() + [""]
NUMBERS = ["0", "5", " 7 ", "-1", "+3", "1.5", "1_000", "0x10", "abc", "10s", "", "007"]
SIZES = ["0", "1", "1KB", "1MB", "1GB", "1mb", "10 MB", "1TB", "1.5MB", "-1", "", "MB", "1K", "1B"]
LOGS = ["AUTO", "auto", "NONE", "none", "syslog", "SYSLOG", "/dev/null", "/dev/stdout",
        "%(here)s/x.log", "%(here)s/missing/x.log", "relative.log", "", "%(program_name)s.log"]
EXPANSIONS = ["%(here)s", "%(ENV_HOME)s", "%(ENV_NO_SUCH)s", "%(no_such)s", "%%", "100%", "%s", "%d",
              "%(here)", "%(here)d", "%(process_num)02d", "%(process_num)s", "%(process_num)x",
              "%(program_name)s", "%(group_name)s", "%(host_node_name)s", "%(numprocs)d", "$HOME"]
SIGNALS = ["TERM", "SIGTERM", "term", "sigterm", "15", "9", "0", "99", "-1", "NOPE", "", "USR1", "RTMIN"]
ENVIRONMENTS = ["A=1", "A=1,B=2", "A=1,", "A", "A=", "=1", "A=1 B=2", "A='x y'", 'A="x y",B=2', "A='x",
                "A=foo@bar", "A=foo@", "A=/a:/b", "A=$X:/y", "A=1,B=$X:/y,C=2", "A=a=b", "", ",",
                "A='a%%b'", "A=%(ENV_HOME)s", "A=x;y", "A=\n B=1", "A=1,\n B=2", "A=ü", "a.b=1", "A=*"]

#: (section, key): values, each of which is set once.
VALUES = {
    ("program:web", "command"): ["", "   ", "sh -c 'x", 'sh -c "x', "a\\b", "\n sleep 1", *EXPANSIONS],
    ("program:web", "autostart"): BOOLEANS,
    ("program:web", "autorestart"): [*BOOLEANS, "unexpected", "UNEXPECTED"],
    ("program:web", "startsecs"): NUMBERS,
    ("program:web", "startretries"): ["-1", "x", "3"],
    ("program:web", "priority"): ["-5", "x", "", "1e3"],
    ("program:web", "exitcodes"): ["0", "0,2", "0, 2", "0,,2", "a", "256", "-1", "", "0,2,"],
    ("program:web", "stopsignal"): SIGNALS,
    ("program:web", "stopwaitsecs"): ["0", "-1", "x", "5"],
    ("program:web", "stopasgroup"): ["true", "x"],
    ("program:web", "killasgroup"): ["false", "true", "x"],
    ("program:web", "umask"): ["022", "22", "999", "8", "0o22", "x", "", "-1", "77777"],
    ("program:web", "user"): ["root", "0", "nosuchuser", "99999", "", "-1", "root:root"],
    ("program:web", "directory"): ["/", "/nowhere", "", "%(here)s", "~"],
    ("program:web", "numprocs"): ["0", "1", "-1", "x", ""],
    ("program:web", "numprocs_start"): ["0", "7", "-1", "x"],
    ("program:web", "process_name"): ["%(program_name)s", "fixed", "a b", "a:b", "a/b", "", "%(no)s",
                                      "%(ENV_HOME)s", "%(here)s", "*"],
    ("program:web", "redirect_stderr"): ["true", "x"],
    ("program:web", "stdout_logfile"): LOGS,
    ("program:web", "stderr_logfile"): ["syslog", "%(here)s/missing/x.log", "/dev/stderr"],
    ("program:web", "stdout_logfile_maxbytes"): SIZES,
    ("program:web", "stdout_logfile_backups"): ["0", "x", "-1", "10"],
    ("program:web", "stdout_capture_maxbytes"): ["1MB", "x", "0"],
    ("program:web", "stdout_events_enabled"): ["true", "x"],
    ("program:web", "stdout_syslog"): ["true", "x"],
    ("program:web", "serverurl"): ["AUTO", "http://localhost:9001", "x", "unix:///s", ""],
    ("program:web", "environment"): ENVIRONMENTS,
    ("program:web", "no_such_key"): ["1", ""],
    ("program:worker", "process_name"): ["same", "%(program_name)s", "p%(process_num)d"],
    ("group:both", "programs"): ["web", "web,", ",", "", "nosuch", "web,web", "web worker", "watch"],
    ("group:both", "priority"): ["1", "x", ""],
    ("eventlistener:watch", "events"): ["", "NOPE", "TICK_5,TICK_60", "EVENT", "tick_5", "TICK_5,",
                                        "PROCESS_LOG"],
    ("eventlistener:watch", "buffer_size"): ["0", "-1", "1", "x", "100"],
    ("eventlistener:watch", "result_handler"): ["supervisor.dispatchers:default_handler", "x", "a.b:c"],
    ("eventlistener:watch", "redirect_stderr"): ["true", "false"],
    ("eventlistener:watch", "stdout_capture_maxbytes"): ["1MB"],
    ("fcgi-program:cgi", "socket"): ["tcp://localhost:80", "tcp://h", "tcp://h:x", "unix:///a/b", "unix://a",
                                     "unix://%(here)s/s", "http://x:1", "", "tcp://:80"],
    ("fcgi-program:cgi", "socket_owner"): ["root", "root:root", "nosuch", "0", "root:nosuch"],
    ("fcgi-program:cgi", "socket_mode"): ["0700", "999", "x"],
    ("fcgi-program:cgi", "socket_backlog"): ["10", "0", "-1", "x"],
    ("supervisord", "logfile"): ["", "NONE", "/dev/null", "syslog", "%(here)s/missing/x.log", "%(no)s"],
    ("supervisord", "logfile_maxbytes"): ["1MB", "x", "-1"],
    ("supervisord", "logfile_backups"): ["0", "x"],
    ("supervisord", "loglevel"): ["info", "INFO", "trace", "blather", "verbose", "10", "", "warn", "critical"],
    ("supervisord", "pidfile"): ["%(here)s/missing/x.pid", "x.pid", ""],
    ("supervisord", "umask"): ["022", "x", "9"],
    ("supervisord", "nodaemon"): ["true", "x"],
    ("supervisord", "silent"): ["true", "x"],
    ("supervisord", "minfds"): ["1", "x", "-1"],
    ("supervisord", "minprocs"): ["1", "x"],
    ("supervisord", "nocleanup"): ["true", "x"],
    ("supervisord", "strip_ansi"): ["true", "x"],
    ("supervisord", "childlogdir"): ["/tmp", "/nowhere", "%(here)s", ""],
    ("supervisord", "directory"): ["/", "/nowhere", "%(here)s", ""],
    ("supervisord", "user"): ["root", "nosuchuser", "0", ""],
    ("supervisord", "identifier"): ["x", "", "a b", "%(here)s"],
    ("supervisord", "environment"): ["A=1", "A", "A=%(ENV_HOME)s", "A=%(no)s", "A='%%'", "A='%%%%'"],
    ("unix_http_server", "file"): ["", "%(here)s/missing/s", "s.sock", "%(no)s"],
    ("unix_http_server", "chmod"): ["0700", "777", "999", "x", ""],
    ("unix_http_server", "chown"): ["root", "root:root", "0:0", "nosuch", "root:nosuch", "a:b:c", ""],
    ("unix_http_server", "username"): ["u", ""],
    ("unix_http_server", "password"): ["p", "{SHA}82ab876d1387bfafe46cc1c8a2ef074eae50cb1d"],
}

#: (what, text to find, text instead): changes of form rather than of a value.
FORMS = [
    ("no daemon section", "[supervisord]", "[superviserd]"),
    ("an unclosed header", "[program:web]", "[program:web"),
    ("a header with something behind it", "[program:web]", "[program:web] x"),
    ("a header with a comment", "[program:web]", "[program:web] ; x"),
    ("an indented header", "[program:web]", "  [program:web]"),
    ("an indented section", "[program:web]\ncommand=", "  [program:web]\n  command="),
    ("a program without a name", "[program:web]", "[program:]"),
    ("a name of spaces", "[program:web]", "[program: ]"),
    ("a name with a space", "[program:web]", "[program:we b]"),
    ("a name with a colon", "[program:web]", "[program:we:b]"),
    ("a name with a slash", "[program:web]", "[program:we/b]"),
    ("a name in capitals", "[program:web]", "[program:WEB]"),
    ("a section in capitals", "[program:web]", "[PROGRAM:web]"),
    ("the same program twice", "[group:both]", "[program:web]\nautostart=false\n[group:both]"),
    ("the same key twice", "numprocs=2", "numprocs=2\nnumprocs=3"),
    ("a key without a value", "numprocs=2", "numprocs=2\nautostart"),
    ("a line of nonsense", "numprocs=2", "numprocs=2\n!?"),
    ("a key without a name", "numprocs=2", "numprocs=2\n=3"),
    ("a colon", "numprocs=2", "numprocs: 2"),
    ("spaces around", "numprocs=2", "numprocs   =   2   "),
    ("capitals", "numprocs=2", "NumProcs=2"),
    ("a comment behind", "numprocs=2", "numprocs=2 ; two"),
    ("a comment too near", "numprocs=2", "numprocs=2;two"),
    ("a hash behind", "numprocs=2", "numprocs=2 # two"),
    ("a comment within a value", "command=sleep 100\nnumprocs", "command=sleep\n ; x\n 100\nnumprocs"),
    ("a value before any section", "[unix_http_server]", "a=1\n[unix_http_server]"),
    ("a byte order mark", "[unix_http_server]", "\ufeff[unix_http_server]"),
    ("lines that end with CR", "\n", "\r\n"),
    ("a tab before a key", "numprocs=2", "\tnumprocs=2"),
    ("a form feed", "numprocs=2", "\x0cnumprocs=2"),
    ("a line separator of Unicode", "numprocs=2", "numprocs=2\u2028autostart=x"),
    ("an empty section", "[group:both]", "[group:none]\n[group:both]"),
    ("a program without a command", "command=sleep 100\nnumprocs", "numprocs"),
    ("a listener without events", "events=PROCESS_STATE\n", ""),
    ("a socket program without a socket", "socket=tcp://127.0.0.1:9999\n", ""),
    ("a server without a file", "file=%(here)s/supervisor.sock\n", ""),
    ("a server with half a login", "chmod=0700", "username=x"),
    ("an unknown section", "[group:both]", "[no:such]\nx=1\n[group:both]"),
    ("defaults for all", "[group:both]", "[DEFAULT]\nautostart=false\n[group:both]"),
    ("an include without files", "[group:both]", "[include]\n[group:both]"),
    ("an include of nothing", "[group:both]", "[include]\nfiles=%(here)s/no/*.conf\n[group:both]"),
    ("an include of nonsense", "[group:both]", "[include]\nfiles=%(no)s\n[group:both]"),
    ("an include of an empty value", "[group:both]", "[include]\nfiles=\n[group:both]"),
    ("a second server", "[supervisord]", "[unix_http_server:b]\nfile=%(here)s/b.sock\n[supervisord]"),
    ("a TCP server", "[supervisord]", "[inet_http_server]\nport=127.0.0.1:9001\n[supervisord]"),
    ("a TCP server on any address", "[supervisord]", "[inet_http_server]\nport=*:9001\n[supervisord]"),
    ("a TCP server by number", "[supervisord]", "[inet_http_server]\nport=9001\n[supervisord]"),
    ("a TCP server by name", "[supervisord]", "[inet_http_server]\nport=host\n[supervisord]"),
    ("a TCP server with port 99999", "[supervisord]", "[inet_http_server]\nport=h:99999\n[supervisord]"),
    ("a TCP server without a port", "[supervisord]", "[inet_http_server]\n[supervisord]"),
    ("another factory", "make_main_rpcinterface", "no_such_function"),
    ("a factory of another module", "supervisor.rpcinterface:", "no.such.module:"),
    ("an interface without a factory", "supervisor.rpcinterface_factory=supervisor.rpcinterface:"
     "make_main_rpcinterface", "x=1"),
    ("no interface", "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:"
     "make_main_rpcinterface\n", ""),
    ("no client section", "[supervisorctl]\nserverurl=unix://%(here)s/supervisor.sock\n", ""),
]

#: Why Supervisor refuses a file, as a pattern → why svx takes it. The other way round there is
#: nothing: what Supervisor takes, svx takes.
ON_PURPOSE = {
    r"(?s)The directory named as part of the path .* does not exist": "log directories are made",
    r"/nowhere is not an existing directory": "log directories are made",
    r"Error:  is not an existing directory": "an empty childlogdir is where the daemon starts",
    r"cannot be resolved within \[(rpcinterface|eventlistener):": "Python plugins are warned of",
    r"'environment' is badly formatted: unsupported format character": "%% is expanded once, not twice",
    r"contains no section headers\.\n.*\n'\\ufeff": "a byte order mark says nothing",
    r"\[include\] section, but no files setting": "it is warned of, and there is nothing to include",
    r"'rpcinterface:[^']+' contains names": "no plugin, nobody expands its options",
}


def cases():
    """Every case by its name."""
    found = {"as it is": BASE, "empty": "", "one word": "x"}
    for (section, key), values in VALUES.items():
        header = f"[{section}]\n"
        before, rest = BASE.split(header)
        own, *after = re.split(r"(?=^\[)", rest, maxsplit=1, flags=re.M)
        own = re.sub(rf"^{key}=.*\n", "", own, flags=re.M)
        for value in values:
            found[f"[{section}] {key}={value!r}"] = (
                f"{before}{header}{key}={value}\n{own}{''.join(after)}")
    for what, old, new in FORMS:
        assert old in BASE, what
        found[what] = BASE.replace(old, new) if old == "\n" else BASE.replace(old, new, 1)
    rng = random.Random(int(os.environ.get("SVX_SEED", 430)))
    lines = BASE.splitlines(keepends=True)
    for number in range(int(os.environ.get("SVX_CASES", 150))):
        text = list(lines)
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(text))
            line = text[at]
            place = rng.randrange(len(line) or 1)
            text[at] = rng.choice([
                lambda: "", lambda: line + line, lambda: " " + line, lambda: rng.choice(lines),
                lambda: line[:place] + rng.choice("[]=:;#%,'\" \n") + line[place:],
                lambda: line[:place] + line[place + 1:],
            ])()
        found[f"random {number}"] = "".join(text)
    return found


def stock(path):
    """Whether Supervisor takes it, and what it says."""
    said = io.StringIO()
    options = ServerOptions()
    options.stderr = options.stdout = said
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        try:
            options.realize(["-n", "-c", str(path)], doc="")
            return True, said.getvalue()
        except SystemExit:
            return False, said.getvalue()
        except Exception as error:  # its own mistakes refuse a file too
            return False, repr(error)


def svx(path):
    """Whether svx takes it, and what it says."""
    ran = subprocess.run([SVX, "daemon", "--check", "-c", path], cwd=path.parent, capture_output=True,
                         stdin=subprocess.DEVNULL, timeout=30)
    assert ran.returncode in (0, 1), ran
    return ran.returncode == 0, ran.stdout.decode()


class Configs(unittest.TestCase):
    def test_the_same_files_are_accepted(self):
        texts = cases()
        seen = set()
        with tempfile.TemporaryDirectory() as folder:
            paths = {}
            for number, (name, text) in enumerate(texts.items()):
                paths[name] = Path(folder, str(number), "supervisord.conf")
                paths[name].parent.mkdir()
                paths[name].write_text(text, newline="")
            with ThreadPoolExecutor(2) as pool:
                ours = dict(zip(paths, pool.map(svx, paths.values())))
            before = os.getcwd()
            self.addCleanup(os.chdir, before)
            for name, path in paths.items():
                os.chdir(path.parent)
                taken, said = stock(path)
                if taken == ours[name][0]:
                    continue
                reason = next((pattern for pattern in ON_PURPOSE if re.search(pattern, said)), None)
                if reason and not taken:
                    seen.add(reason)
                    continue
                with self.subTest(name):
                    self.fail(f"Supervisor {'accepts' if taken else 'refuses'} it: {said[:500]}\n"
                              f"svx: {ours[name][1][:500]}")
            os.chdir(before)
        for pattern in ON_PURPOSE:
            with self.subTest(pattern):
                self.assertIn(pattern, seen, "no case differs in this way any more")


if __name__ == "__main__":
    unittest.main()
