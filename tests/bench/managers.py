"""How each process manager is told what to run, how it is started, asked and ended."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field

import kernel

CALL = "<?xml version='1.0'?><methodCall><methodName>{}</methodName><params>{}</params></methodCall>"
ROTATE = 50 * 1024 * 1024


@dataclass
class Setup:
    """What is to run: `count` copies of a role of load.c."""

    role: str = "hold"
    count: int = 1
    # None: output goes nowhere; "file": stdout and stderr of each go to files, stdout's rotated at
    # 50 MiB, all backups kept
    log: str | None = None
    restart: bool = False
    # only svx and Supervisor
    more: str = ""
    program: str = ""
    descriptors: int = 4  # for each program
    files: int = 0  # that many programs in a file each, none of them started
    # only limit
    clock_ms: int = 0
    answer: bytes = b""
    events: int = 0
    env: dict = field(default_factory=dict)


class Tools:
    """The compiled helpers and where peers are looked for."""

    def __init__(self, cache, path):
        self.load = os.path.realpath(os.path.join(cache, "load"))
        self.limit = os.path.realpath(os.path.join(cache, "limit"))
        self.path = path

    def run(self, *words, timeout=300, env=None):
        """One of load.c's clients; its JSON answer."""
        words = [self.load, *map(str, words)]
        done = subprocess.run(words, stdout=subprocess.PIPE, timeout=timeout, env=env)
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise Failed(f"{' '.join(words[:4])}: {done.stdout[:200]!r}") from None


class Failed(Exception):
    """The manager could not do what the workload asks."""


def scratch():
    """In memory, if nothing else is asked for: a disk shared with others says more of them."""
    return os.environ.get("TMPDIR") or ("/dev/shm" if os.access("/dev/shm", os.W_OK) else None)


class Manager:
    """One process manager, and a running daemon of it in a directory of its own."""

    name = ""
    binaries = []
    captures = False
    end_signal = signal.SIGTERM
    most = 10**9  # programs
    forks_helpers = False  # a process of its own per program

    def __init__(self, tools):
        self.tools = tools
        self.dir = self.process = None

    @classmethod
    def available(cls, path):
        return all(shutil.which(binary, path=path) for binary in cls.binaries)

    def which(self, binary):
        return shutil.which(binary, path=self.tools.path)

    def prepare(self, setup):
        """Makes the directory with the configuration."""
        if setup.count > self.most:
            raise Failed("too many programs")
        if setup.log and not self.captures:
            raise Failed("does not capture output")
        self.setup = setup
        self.dir = tempfile.mkdtemp(prefix="svx-bench.", dir=scratch())
        self.programs = kernel.Programs(self.dir, max(setup.count, 1) * 8 + 4096)
        self.env = {**os.environ, "PATH": self.tools.path, "BENCH_DIR": self.dir,
                    "BENCH_ROLE": setup.role, "BENCH_END": str(int(self.end_signal)), **setup.env}
        os.mkdir(self.path("logs"))
        with open(self.path("request"), "wb") as file:
            file.write(self.hello())
        self.configure()

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def write(self, name, text, mode=0o644):
        with open(self.path(name), "w") as file:
            file.write(text)
        os.chmod(self.path(name), mode)

    def start(self, setup):
        """Starts it; returns when, in ns."""
        self.prepare(setup)
        with open(self.path("daemon.out"), "wb") as out:
            begun = time.monotonic_ns()
            self.process = subprocess.Popen(self.command(), env=self.env, stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=out, cwd=self.dir)
        return begun

    def arrived(self, count, seconds=120):
        """Until so many programs have been exec'd since the start; when the last was, in ns."""
        at = self.programs.wait(count, seconds, self.alive)
        if at is None:
            tail = kernel.read(self.path("daemon.out"))[-500:]
            raise Failed(f"{self.programs.count()} of {count} programs came: {tail}")
        return at

    def alive(self):
        return self.process.poll() is None

    def opened(self, seconds=60):
        """Until its control socket takes connections."""
        until = time.monotonic() + seconds
        while True:
            with socket.socket(socket.AF_UNIX) as client:
                try:
                    return client.connect(self.door())
                except OSError:
                    if time.monotonic() > until or not self.alive():
                        raise Failed("no control socket") from None
            time.sleep(0.01)

    def pids(self):
        if not self.forks_helpers:
            return [self.process.pid]
        return kernel.family(self.process.pid, self.tools.load)

    def cpu(self):
        return kernel.cpu(self.pids())

    def go(self):
        """Lets the programs begin that wait for it."""
        open(self.path("go"), "w").close()

    def end(self):
        """Ends it; returns after how many ns it and all its programs were gone."""
        pids = self.pids()
        begun = time.monotonic_ns()
        self.process.send_signal(self.end_signal)
        gone = self.programs.gone(60) if self.programs.count() else time.monotonic_ns()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            gone = None
        while gone and any(os.path.exists(f"/proc/{pid}") for pid in pids[1:]):
            time.sleep(0.001)
        return max(gone, time.monotonic_ns()) - begun if gone else None

    def clean(self):
        """Leaves nothing behind, however far it came."""
        if not self.dir:
            return
        if self.process and self.process.poll() is None:
            family = kernel.family(self.process.pid, self.tools.load)
            for pid in family:
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass
            self.process.wait()
        self.programs.kill()
        self.programs.gone(10) if self.programs.count() else None
        self.programs.close()
        shutil.rmtree(self.dir, ignore_errors=True)
        self.dir = self.process = None

    def logs(self, index, suffix="out"):
        """The pieces of a program's stdout, oldest first."""
        base = self.path("logs", f"{index}.{suffix}")
        number = lambda name: int(name.rsplit(".", 1)[1])
        backups = [self.path("logs", name) for name in os.listdir(self.path("logs"))
                   if name.startswith(f"{index}.{suffix}.")]
        return sorted(backups, key=number, reverse=True) + [base]

    # What a subclass says.
    def configure(self): ...
    def command(self): ...
    def hello(self):
        return b""
    def door(self):
        return self.path("sock")
    def status(self):
        """The words of a client that shows the state of every program."""
        return None


class Supervisor(Manager):
    name = "supervisor"
    captures = True
    rpc = True

    def binary(self):
        return [os.path.join(os.environ["SVX_BENCH_VENV"], "bin", "supervisord")]

    def client(self):
        return [os.path.join(os.environ["SVX_BENCH_VENV"], "bin", "supervisorctl")]

    def configure(self):
        setup = self.setup
        text = f"""[unix_http_server]
file={self.path("sock")}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{self.path("sock")}
[supervisord]
nodaemon=true
silent=true
logfile={self.path("main.log")}
pidfile={self.path("pid")}
childlogdir={self.path("logs")}
minfds={setup.count * setup.descriptors + 100}
"""
        if os.geteuid() == 0:
            text += "user=root\n"
        if setup.files:
            os.mkdir(self.path("conf.d"))
            for i in range(setup.files):
                self.write(f"conf.d/p{i:05}.conf", f"""[program:p{i:05}]
command={self.tools.load} hold
directory=/tmp
environment=NUMBER="{i}",HOME="/"
autostart=false
autorestart=true
stdout_logfile={self.path("logs")}/p{i:05}.log
redirect_stderr=true
""")
            text += "[include]\nfiles=conf.d/*.conf\n"
        else:
            log = {None: "stdout_logfile=NONE\nstderr_logfile=NONE",
                   "file": f"stdout_logfile={self.path('logs')}/%(process_num)d.out\n"
                           f"stderr_logfile={self.path('logs')}/%(process_num)d.err\n"
                           "stdout_logfile_backups=100"}[setup.log]
            restart = "autorestart=true\nstartsecs=0" if setup.restart else "autorestart=false"
            text += f"""[program:p]
command={self.tools.load} {setup.role}
process_name=%(process_num)d
numprocs={setup.count}
{restart}
{log}
{setup.program}
"""
        self.write("conf", text + setup.more)

    def command(self):
        return [*self.binary(), "-n", "-c", self.path("conf")]

    def hello(self):
        return self.request("supervisor.getState")

    def request(self, method, params=""):
        body = CALL.format(method, params)
        return (f"POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\n"
                f"Connection: keep-alive\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode()

    def call(self, method, params="", connections=1, calls=1, seconds=60.0):
        """Calls it over kept-alive connections; what `load rpc` says."""
        with open(self.path("call"), "wb") as file:
            file.write(self.request(method, params))
        said = self.tools.run("rpc", self.door(), self.path("call"), connections, calls, seconds)
        if said["bad"]:
            raise Failed(f"{method}: {said['bad']} bad answers")
        return said

    def status(self):
        return [*self.client(), "-c", self.path("conf"), "status"]


class Svx(Supervisor):
    name = "svx"
    most = 10**9

    def binary(self):
        return [os.environ["SVX"], "daemon"]

    def client(self):
        return [os.environ["SVX"], "ctl"]


class Limit(Manager):
    name = "limit"
    captures = True
    rpc = True

    def configure(self):
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(self.setup.answer)}\r\n\r\n"
        with open(self.path("answer"), "wb") as file:
            file.write(head.encode() + self.setup.answer)

    def command(self):
        setup = self.setup
        words = [self.tools.limit, "-n", str(setup.count), "-s", self.path("sock"), "-a", self.path("answer")]
        if setup.log:
            words += ["-l", self.path("logs")]
        if setup.clock_ms:
            words += ["-c", str(setup.clock_ms)]
        if setup.events:
            words += ["-e", str(setup.events)]
        return [*words, self.tools.load, *setup.role.split()]

    def hello(self):
        return b"?"

    def call(self, method, params="", connections=1, calls=1, seconds=60.0):
        with open(self.path("call"), "wb") as file:
            file.write(b"?" * 200)
        return self.tools.run("rpc", self.door(), self.path("call"), connections, calls, seconds)

    def status(self):
        return [self.tools.limit, "-q", self.path("sock")]


class Dinit(Manager):
    name = "dinit"
    binaries = ["dinit", "dinitctl"]

    def configure(self):
        os.makedirs(self.path("services", "boot.d"))
        self.write("services/boot", "type = internal\nwaits-for.d = boot.d\n")
        restart = "restart = true\nrestart-delay = 0\nrestart-limit-count = 0" if self.setup.restart \
            else "restart = false"
        for i in range(self.setup.count):
            self.write(f"services/p{i}", f"type = process\ncommand = {self.tools.load} {self.setup.role}\n"
                       f"{restart}\n")
            os.symlink(f"../p{i}", self.path("services", "boot.d", f"p{i}"))

    def command(self):
        return [self.which("dinit"), "-u", "-q", "-d", self.path("services"), "-p", self.path("sock"), "boot"]

    def hello(self):
        return b"\0"

    def status(self):
        return [self.which("dinitctl"), "-p", self.path("sock"), "list"]


class Horust(Manager):
    name = "horust"
    binaries = ["horust"]
    captures = True

    def configure(self):
        os.mkdir(self.path("services"))
        os.mkdir(self.path("uds"))
        env = ", ".join(f'{name} = "{self.env[name]}"' for name in ("BENCH_DIR", "BENCH_ROLE"))
        for i in range(self.setup.count):
            log = f'stdout = "{self.path("logs")}/{i}.out"\nstderr = "{self.path("logs")}/{i}.err"\n' \
                  f'stdout-rotate-size = "{ROTATE}B"\n' if self.setup.log else ""
            strategy = "always" if self.setup.restart else "never"
            self.write(f"services/p{i}.toml", f'command = "{self.tools.load} {self.setup.role}"\n{log}'
                       f'[restart]\nstrategy = "{strategy}"\nbackoff = "0s"\n[environment]\nkeep-env = true\n'
                       f'additional = {{ {env} }}\n')

    def command(self):
        return [self.which("horust"), "--services-path", self.path("services"), "--uds-folder-path",
                self.path("uds")]

    def hello(self):
        return b"\x0a\x06\x0a\x04\x0a\x02p0"

    def door(self):
        return self.path("uds", "horust-%d.sock")

    def logs(self, index, suffix="out"):
        # It numbers upwards, and cuts by nothing but size.
        *later, first = Manager.logs(self, index, suffix)
        return [first, *reversed(later)]


class S6(Manager):
    name = "s6"
    binaries = ["s6-svscan", "s6-supervise", "s6-log", "s6-svstat"]
    captures = True
    forks_helpers = True
    most = 4000

    def configure(self):
        for i in range(self.setup.count):
            os.makedirs(self.path("scan", str(i)))
            os.symlink(self.tools.load, self.path("scan", str(i), "run"))
            if self.setup.log:
                os.mkdir(self.path("scan", str(i), "log"))
                self.write(f"scan/{i}/log/run", f"#!/bin/sh\nexec {self.which('s6-log')} n100 s{ROTATE} "
                           f"{self.path('logs', str(i))}\n", 0o755)

    def command(self):
        return [self.which("s6-svscan"), "-c", str(self.setup.count * 2 + 10), self.path("scan")]

    def door(self):
        return "fifo:" + self.path("scan", "0", "supervise", "control")

    def logs(self, index, suffix="out"):
        directory = self.path("logs", str(index))
        old = sorted(name for name in os.listdir(directory) if name.startswith("@"))
        return [os.path.join(directory, name) for name in [*old, "current"]]


class Runit(Manager):
    name = "runit"
    binaries = ["runsvdir", "runsv", "svlogd", "sv"]
    captures = True
    forks_helpers = True
    end_signal = signal.SIGHUP
    most = 1000

    def configure(self):
        for i in range(self.setup.count):
            os.makedirs(self.path("scan", str(i)))
            os.symlink(self.tools.load, self.path("scan", str(i), "run"))
            if self.setup.log:
                os.mkdir(self.path("scan", str(i), "log"))
                os.mkdir(self.path("logs", str(i)))
                self.write(f"logs/{i}/config", f"s{ROTATE}\nn100\n")
                self.write(f"scan/{i}/log/run", f"#!/bin/sh\nexec {self.which('svlogd')} "
                           f"{self.path('logs', str(i))}\n", 0o755)

    def command(self):
        return [self.which("runsvdir"), "-P", self.path("scan")]

    def door(self):
        return "fifo:" + self.path("scan", "0", "supervise", "ok")

    def logs(self, index, suffix="out"):
        return S6.logs(self, index, suffix)

    def status(self):
        return [self.which("sv"), "status", *(self.path("scan", str(i)) for i in range(self.setup.count))]


ALL = [Svx, Limit, Supervisor, Dinit, Horust, S6, Runit]
