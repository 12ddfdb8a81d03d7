"""One daemon in a directory of its own, be it Supervisor's or svx, and what a test does with it.

SVX names the binary. Supervisor is the one installed beside the Python that runs the tests.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from supervisor.xmlrpc import SupervisorTransport
from xmlrpc.client import Fault, ServerProxy

STOCK_BIN = Path(sys.executable).parent
REPOSITORY = Path(__file__).resolve().parents[2]
SVX = Path(os.environ.get("SVX", REPOSITORY / "target/debug/svx")).resolve()
#: How long anything a test waits for may take, on the slowest machine.
DEADLINE = 60.0
# A shell starts what goes to the background with SIGINT ignored, and Python's programs leave it so: a
# Ctrl-C sent to the stock client would do nothing. With a handler here those started get the default.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
#: Long enough for a program's startsecs of 1 to be over, whoever counts.
SETTLED = {"RUNNING", "STOPPED", "EXITED", "FATAL"}


def until(what, ready, seconds=DEADLINE):
    """Waits for `ready()` to be true and returns its value."""
    end = time.monotonic() + seconds
    while not (value := ready()):
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:.0f} s in vain: {what}")
        time.sleep(0.02)
    return value


def free_port():
    """A port on 127.0.0.1 that nobody listens on at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


class Ran:
    """A command that has ended."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def __repr__(self):
        return f"status {self.status}\n{self.out}" + (f"stderr:\n{self.err}" if self.err else "")


class House:
    """A directory, a configuration in it, and the daemon that serves it."""

    def __init__(self, flavour, config, files=()):
        """`flavour` is "stock" or "svx"; `%(here)s` in `config` is the directory."""
        self.flavour = flavour
        self.here = Path(tempfile.mkdtemp(prefix=f"{flavour}-")).resolve()
        self.bin = STOCK_BIN
        if flavour == "svx":
            self.bin = self.here / "bin"
            self.bin.mkdir()
            subprocess.run([SVX, "links", self.bin], check=True, stdout=subprocess.DEVNULL)
        self.config = self.here / "supervisord.conf"
        self.config.write_text(config)
        self.socket = self.here / "supervisor.sock"
        #: May be replaced by the other house's.
        self.client = self.bin / "supervisorctl"
        for name, text in dict(files).items():
            (self.here / name).parent.mkdir(parents=True, exist_ok=True)
            (self.here / name).write_text(text)
        self.daemon = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.daemon and self.daemon.poll() is None:
            self.daemon.terminate()
            try:
                self.daemon.wait(20)
            except subprocess.TimeoutExpired:
                self.daemon.kill()
                self.daemon.wait()
        shutil.rmtree(self.here, ignore_errors=True)

    def run(self, program, *args, timeout=DEADLINE, **more):
        """Runs one of the programs of this house to its end."""
        done = subprocess.run(
            [self.bin / program, *map(str, args)],
            cwd=self.here, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, **more,
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(self, *args):
        """Starts the daemon in the foreground and waits until it answers."""
        with open(self.here / "stdout", "ab") as out:
            self.daemon = subprocess.Popen(
                [self.bin / "supervisord", "-n", "-c", self.config, *map(str, args)],
                cwd=self.here, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            )
        until("the daemon answers", self.answers)

    def answers(self):
        """Whether it is up and in state RUNNING."""
        if self.daemon.poll() is not None:
            raise AssertionError(f"the daemon ended:\n{(self.here / 'stdout').read_text()}")
        try:
            return self.call("getState")["statename"] == "RUNNING"
        except (OSError, Fault):
            return False

    def ctl(self, *args):
        """Runs supervisorctl."""
        return self.run(self.client, "-c", self.config, *args)

    def call(self, method, *params):
        """Calls `supervisor.<method>`; a fault is an `xmlrpc.client.Fault` in both houses."""
        path = self.socket
        if self.flavour == "stock":
            transport = SupervisorTransport(None, None, f"unix://{path}")
            try:
                with ServerProxy("http://127.0.0.1", transport=transport) as proxy:
                    return getattr(proxy.supervisor, method)(*params)
            finally:
                transport.close()
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(DEADLINE)
            line.connect(str(path))
            request = {"jsonrpc": "2.0", "id": 1, "method": f"supervisor.{method}", "params": params}
            line.sendall(json.dumps(request).encode() + b"\n")
            with line.makefile("rb") as answers:
                answer = answers.readline()
        if not answer:
            raise ConnectionResetError("no answer")
        answer = json.loads(answer)
        if "error" in answer:
            raise Fault(answer["error"]["code"], answer["error"]["message"])
        return answer["result"]

    def info(self, name):
        """What getProcessInfo says of one process."""
        return self.call("getProcessInfo", name)

    def wait(self, name, *states):
        """Waits until a process is in one of these states; returns what getProcessInfo says."""
        seen = {}

        def there():
            seen.update(self.info(name))
            return seen["statename"] in states and seen

        try:
            return until(f"{name} is {' or '.join(states)}", there)
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {seen}\n{self.log()}") from None

    def settle(self):
        """Waits until no process is between two states."""
        until("all is settled", lambda: all(
            info["statename"] in SETTLED for info in self.call("getAllProcessInfo")))

    def descriptors(self):
        """How many the daemon has open."""
        return len(os.listdir(f"/proc/{self.daemon.pid}/fd"))

    def kill(self, name, number=signal.SIGKILL):
        """Signals a process behind the daemon's back; returns the pid."""
        pid = self.info(name)["pid"]
        os.kill(pid, number)
        return pid

    def log(self):
        """The main log."""
        return (self.here / "supervisord.log").read_text()

    def plain(self, text):
        """Text with everything taken out that is another one each time."""
        text = text.replace(str(self.here), "HERE")
        for pattern, instead in VARYING:
            text = re.sub(pattern, instead, text, flags=re.M)
        return text


#: What differs between any two runs, and what stands for it.
VARYING = [
    (r"uptime (\d+ days?, )?\d+:\d\d:\d\d", "uptime T"),
    (r"[A-Z][a-z]{2} \d\d \d\d:\d\d [AP]M", "DATE"),
    (r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ", ""),
    (r"\bpid \d+", "pid N"),
    (r"(-std(?:out|err)---\w+-)\w{8}\.log", r"\1XXXXXXXX.log"),
    (r"(killing '\S+' )\(\d+\)", r"\1(N)"),
]
