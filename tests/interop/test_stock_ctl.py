"""Every command of supervisorctl: Supervisor's own and svx's, each at both daemons.

Once through a unix socket and once over HTTP, both with a name and a password. What is printed,
where, and the exit status must be the same line by line, whoever asks and whoever answers.
"""

import re
import signal
import subprocess
import tempfile
import unittest
from concurrent.futures import ThreadPoolExecutor

from house import DEADLINE, STOCK_BIN, SVX, House, free_port, until
from test_scenario import Story

CONFIG = """\
[unix_http_server]
file=%(here)s/supervisor.sock
username=user
password=123

[inet_http_server]
port=127.0.0.1:PORT
username=user
password=123

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=URL
username=user
password=123
prompt=twin

[supervisord]
logfile=%(here)s/supervisord.log
pidfile=%(here)s/supervisord.pid
childlogdir=%(here)s
identifier=twin

[include]
files=%(here)s/conf.d/*.conf

[program:cat]
command=cat
stdout_logfile=%(here)s/cat.log

[program:off]
command=sleep 1000
autostart=false

[program:bad]
command=sh -c "exit 3"
startretries=0

[program:hears]
command=sh -c "trap 'echo got USR1' USR1; echo caf\u00e9; echo oops >&2; while :; do sleep 0.1; done"
stdout_logfile=%(here)s/hears.log
stderr_logfile=%(here)s/hears.err

[program:one]
command=sleep 1000

[program:two]
command=sleep 1000

[group:pair]
programs=one,two
"""
EXTRA = "[program:extra]\ncommand=sleep 1000\n"

#: One after the other; a list is one line typed at the prompt.
STEPS = [
    ("status",), ("status", "cat", "pair:*"), ("status", "nosuch"), ("status", "pair:"), ("status all",),
    ("avail",), ("version",), ("pid",), ("pid", "off"), ("pid", "nosuch"), ("pid", "cat", "off"),
    ("start",), ("start", "off"), ("start", "off"), ("start", "bad"), ("start", "nosuch"),
    ("start", "cat", "nosuch", "off"), ("start", "pair:*"), ("start", "all"), ("stop", "off"),
    ("stop", "off"), ("stop", "nosuch"), ("stop",), ("stop", "pair:*"), ("start", "pair:one", "pair:two"),
    ("restart", "off"), ("restart", "nosuch"), ("restart",), ("restart", "pair:one"),
    ("signal",), ("signal", "USR1"), ("signal", "USR1", "hears"), ("signal USR1", "hears"),
    ("signal", "NOPE", "hears"), ("signal", "CONT", "all"), ("signal", "CONT", "pair:*"),
    ("signal", "USR1", "nosuch"), ("stop", "off"), ("signal", "USR1", "off"),
    ("tail", "-3", "hears", "stderr"), ("tail", "hears", "stderr"), ("tail -5 hears stderr",), ("tail",),
    ("tail", "nosuch"), ("tail", "hears", "both"), ("tail", "a", "b", "c", "d"), ("tail", "-x", "hears"),
    ("maintail", "a", "b"), ("maintail", "-x"),
    ("clear",), ("clear", "hears"), ("tail", "hears", "stderr"), ("clear", "nosuch"), ("clear", "all"),
    ("fg",), ("fg", "nosuch"), ("fg", "off"), ("fg", "cat", "off"), ("fg", "pair:*"),
    ("reread",), ("update",), ("add", "nosuch"), ("remove", "nosuch"), ("add",), ("remove",),
    ("remove", "cat"), ("reread", "x"), ("reload", "x"), ("shutdown", "x"), ("version", "x"), ("avail", "x"),
    ("open", "unix:///no/such"), ("open", "ftp://x"), ("open",), ("nosuch",), ("nosuch", "x"), ("exit",), ("quit",),
    ("help", "nosuch"), ("?", "nosuch"),
    ("-u", "user", "-p", "wrong", "status"), ("-u", "user", "-p", "wrong", "start", "off"),
    ("-u", "", "-p", "", "pid"),
    ["status off"], ["start off", "", "stop off", "nosuch", "pid"], ["status nosuch", "exit"], ["quit"],
    ["signal USR1 hears", "stop nosuch", "tail hears stderr"],
]
AFTER = [
    ("reread",), ("avail",), ("add", "extra"), ("add", "extra"), ("remove", "extra"), ("stop", "extra"),
    ("remove", "extra"), ("update",), ("update", "cat"), ("update", "nosuch"), ("status", "extra", "cat"),
]
DOWN = [("status",), ("start", "cat"), ("pid",), ("version",), ("reread",), ("update",), ("reload",), ("add", "x"),
        ("remove", "x"), ("avail",), ("tail", "cat"), ("clear", "cat"), ("signal", "USR1", "cat"), ("fg", "cat"),
        ("maintail",), ("shutdown",), ["status"]]


class Twin(House):
    """A daemon that asks for a name and a password, and a client that may be the other house's."""

    def __init__(self, flavour, client, how):
        self.port, self.how = free_port(), how
        url = "unix://%(here)s/supervisor.sock" if how == "unix" else f"http://127.0.0.1:{self.port}"
        config = CONFIG.replace("PORT", str(self.port)).replace("URL", url)
        super().__init__(flavour, config, {"conf.d/none.conf": ""})
        if client != flavour:
            svx = SVX_BIN.name + "/supervisorctl"
            self.client = svx if client == "svx" else STOCK_BIN / "supervisorctl"

    def plain(self, text):
        text = super().plain(text.replace(f"127.0.0.1:{self.port}", "HOST"))
        # Behind `error: ` 4.3.0 prints the exception of its Python, and svx what has failed.
        text = re.sub(r"^error: (<class|\S+ (no such file|refused)|401 ).*", "error: WHY", text, flags=re.M)
        return re.sub(r"^((?:twin> )*)[1-9]\d+$", r"\1N", text, flags=re.M)

    def answers(self):
        if self.daemon.poll() is not None:
            raise AssertionError(f"the daemon ended:\n{(self.here / 'stdout').read_text()}")
        return self.ctl("pid").status == 0

    def settle(self):
        def settled():
            lines = self.ctl("status").out
            return lines and not any(word in lines for word in ("STARTING", "STOPPING", "BACKOFF"))
        until("all is settled", settled)

    def typed(self, lines):
        """Runs supervisorctl with these lines on its stdin."""
        ran = subprocess.run([self.client, "-c", self.config], cwd=self.here, timeout=DEADLINE,
                             input="".join(f"{line}\n" for line in lines).encode(), capture_output=True)
        return f"status {ran.returncode}\n{ran.stdout.decode()}\nstderr:\n{ran.stderr.decode()}"

    def followed(self, args, wanted, then):
        """What a command that follows has printed when `wanted` has come, and how Ctrl-C ends it."""
        with tempfile.TemporaryFile() as out:
            follower = subprocess.Popen([self.client, "-c", self.config, *args], cwd=self.here, stdout=out,
                                        stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
            try:
                until("it has begun", lambda: shown(out))
                then()
                until(f"{wanted} comes", lambda: wanted in shown(out))

                def ended():
                    # The stock one swallows a Ctrl-C that comes while it handles what it has read.
                    follower.send_signal(signal.SIGINT)
                    try:
                        follower.wait(2)
                    except subprocess.TimeoutExpired:
                        return False
                    return True

                until("Ctrl-C ends it", ended)
                status = follower.returncode
            finally:
                follower.kill()
                follower.wait()
            return f"status {status}\n{shown(out)}"


def shown(file):
    file.seek(0)
    return file.read().decode()


def live(flavour, client, how):
    """All that this client was told by this daemon: a list of (step, what)."""
    with Twin(flavour, client, how) as house:
        story = Story(house)
        house.start()
        until("hears listens", lambda: "caf" in (house.here / "hears.log").read_text())
        house.settle()

        def play(steps):
            for step in steps:
                if isinstance(step, list):
                    story.note(f"typed: {'; '.join(step)}", house.typed(step))
                else:
                    story.ctl(*step)

        play(STEPS)
        until("the last signal is heard", lambda: "got USR1" in (house.here / "hears.log").read_text())
        story.ctl("clear", "hears")
        story.ctl("signal", "USR1", "hears")
        until("it is written", lambda: "got USR1" in (house.here / "hears.log").read_text())
        story.ctl("tail", "hears")
        story.note("tail -f", house.followed(
            ["tail", "-f", "hears"], "got USR1\ngot USR1\n", lambda: house.ctl("signal", "USR1", "hears")))
        story.ctl("start", "off")
        tail = house.followed(["maintail", "-f"], "stopped: off", lambda: house.ctl("stop", "off"))
        story.note("maintail -f", tail.splitlines()[0])
        (house.here / "conf.d/extra.conf").write_text(EXTRA)
        play(AFTER)
        house.settle()
        story.ctl("reload")
        until("it is back", lambda: house.log().count("supervisord started") == 2)
        until("it answers", house.answers)
        house.settle()
        story.ctl("status")
        story.ctl("shutdown")
        story.note("exit of the daemon", house.daemon.wait(30))
        play(DOWN)
        return story.seen


class StockCtl(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        pairs = [(flavour, client, how) for flavour in ("stock", "svx") for client in ("stock", "svx")
                 for how in ("unix", "http")]
        with ThreadPoolExecutor(4) as pool:
            cls.seen = dict(zip(pairs, pool.map(lambda pair: live(*pair), pairs)))

    def compare(self, flavour, client):
        for how in ("unix", "http"):
            theirs, ours = self.seen["stock", "stock", how], self.seen[flavour, client, how]
            self.assertEqual([step for step, _ in theirs], [step for step, _ in ours])
            for number, ((step, there), (_, here)) in enumerate(zip(theirs, ours)):
                with self.subTest(f"{how}, step {number}: {step}"):
                    self.assertEqual(there, here)

    def test_supervisors_own_client_drives_svx(self):
        self.compare("svx", "stock")

    def test_svx_ctl_drives_supervisors_daemon(self):
        self.compare("stock", "svx")

    def test_svx_ctl_drives_svx(self):
        self.compare("svx", "svx")


def setUpModule():
    global SVX_BIN
    SVX_BIN = tempfile.TemporaryDirectory(prefix="svx-bin-")
    unittest.addModuleCleanup(SVX_BIN.cleanup)
    subprocess.run([SVX, "links", SVX_BIN.name], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    unittest.main()
