"""The same day in the life of a daemon, lived by Supervisor 4.3.0 and by svx.

Both houses get the same configuration and the same steps. What supervisorctl prints and returns,
what the RPC says of the states and what the main log says of each program must be the same.
Differences made on purpose stand in the tables below, each with its reason.
"""

import itertools
import os
import re
import signal
import unittest
from concurrent.futures import ThreadPoolExecutor

from house import STOCK_BIN, House, until

CONFIG = """\
[unix_http_server]
file=%(here)s/supervisor.sock

[supervisorctl]
serverurl=unix://%(here)s/supervisor.sock

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisord]
logfile=%(here)s/supervisord.log
pidfile=%(here)s/supervisord.pid
childlogdir=%(here)s
loglevel=debug

[include]
files=%(here)s/conf.d/*.conf

[program:cat]
command=cat

[program:later]
command=cat
autostart=false

[program:crash]
command=sleep 1000
autorestart=true

[program:missing]
command=/no/such/program
startretries=1

[program:directory]
command=/
startretries=0

[program:quits]
command=sh -c "echo no; exit 1"
startsecs=4
startretries=1
stdout_logfile=%(here)s/quits.log

; These stay longer than the second within which Supervisor notices anything.
[program:expected]
command=sh -c "sleep 1.5; exit 3"
startsecs=0
exitcodes=0,3

[program:unexpected]
command=sh -c "sleep 1.5; exit 4"
startsecs=0
autorestart=false

[program:deaf]
command=sh -c "trap : TERM; echo deaf; while :; do sleep 0.1; done"
stopwaitsecs=1
stdout_logfile=%(here)s/deaf.log

[program:hears]
command=sh -c "trap 'echo got USR1' USR1; trap 'exit 7' TERM; echo ready; echo oops >&2; while :; do sleep 0.1; done"
stdout_logfile=%(here)s/hears.log
stderr_logfile=%(here)s/hears.err

[program:many]
command=sleep 1000
process_name=%(program_name)s_%(process_num)02d
numprocs=2
stopsignal=INT

[program:one]
command=sleep 1000
priority=2

[program:two]
command=sleep 1000
priority=1
stopasgroup=true

[group:pair]
programs=one,two
priority=5
"""

EXTRA = "[program:extra]\ncommand=sleep 1000\n"


class Story:
    """What happened in one house: a list of (step, what was seen)."""

    def __init__(self, house):
        self.house = house
        self.seen = []

    def note(self, step, text):
        self.seen.append((step, self.house.plain(str(text))))

    def ctl(self, *args):
        ran = self.house.ctl(*args)
        if args[-1].endswith(":*"):
            # Processes stopped or started together answer in the order in which they got there.
            by_verb = itertools.groupby(ran.out.splitlines(), lambda line: line.split()[-1])
            ran.out = "".join(f"{line}\n" for _, lines in by_verb for line in sorted(lines))
        self.note(" ".join(args), ran)

    def states(self, when):
        for info in sorted(self.house.call("getAllProcessInfo"), key=lambda i: (i["group"], i["name"])):
            for moment in ("now", "start", "stop", "pid"):
                info[moment] = info[moment] > 0
            self.note(f"{when}: {info['group']}:{info['name']}",
                      "\n".join(f"{key}={info[key]}" for key in sorted(info)))


def live(flavour, client=None):
    """The day. Returns what was seen, the main log, and what the foreground printed."""
    with House(flavour, CONFIG, {"conf.d/extra.conf": EXTRA}) as house:
        house.client = client or house.client
        story = Story(house)
        house.start()
        house.wait("missing", "FATAL")
        house.wait("quits", "FATAL")
        until("deaf listens", lambda: "deaf" in (house.here / "deaf.log").read_text())
        until("hears listens", lambda: "ready" in (house.here / "hears.log").read_text())
        house.wait("expected", "EXITED")
        house.wait("unexpected", "EXITED")
        house.settle()
        story.states("at first")
        for args in [("status",), ("status", "cat", "pair:*"), ("status", "cat", "nosuch"),
                     ("status", "nosuch:*"), ("status", "pair:nosuch"), ("avail",), ("version",)]:
            story.ctl(*args)

        for args in [("stop", "cat"), ("status", "cat"), ("start", "cat"), ("start", "cat"),
                     ("stop", "later"), ("stop", "nosuch"), ("start", "nosuch"), ("start",), ("stop",),
                     ("restart", "cat"), ("restart", "later"), ("stop", "later"), ("restart", "nosuch"),
                     ("start", "missing"), ("start", "directory"), ("start", "quits"),
                     ("start", "cat", "nosuch", "later"), ("stop", "later", "nosuch", "cat"),
                     ("start", "cat"), ("stop", "deaf"), ("stop", "hears"), ("start", "hears"),
                     ("start", "nosuch:*"), ("stop", "nosuch:*"), ("stop", "many:many_00"),
                     ("stop", "many:*"), ("start", "many:"), ("stop", "pair:*"), ("status", "pair:*"),
                     ("start", "pair:*"), ("start", "pair:*"), ("restart", "pair:*")]:
            story.ctl(*args)
        story.states("after stopping and starting")
        stops = re.findall(r"killing (one|two) ", house.log())
        story.note("who of a group is stopped first", stops[:2])

        # A crash, and what is done about it.
        pid = house.kill("crash")
        until("crash is back", lambda: house.info("crash")["pid"] not in (0, pid))
        house.wait("crash", "RUNNING")
        story.ctl("start", "expected")
        house.wait("expected", "EXITED")
        story.ctl("start", "unexpected")
        house.wait("unexpected", "EXITED")
        story.states("after a crash")

        hears = house.here / "hears.log"
        until("hears is up again", lambda: hears.read_text().count("ready") == 2)
        story.ctl("signal", "USR1", "hears")
        until("hears has heard", lambda: "got USR1" in hears.read_text())
        for args in [("signal", "SIGNOPE", "hears"), ("signal", "USR1", "later"), ("signal", "USR1"),
                     ("signal", "USR1", "nosuch"), ("signal", "CONT", "many:*"), ("signal",),
                     ("signal", "10", "later"),
                     ("tail", "hears"), ("tail", "-7", "hears"), ("tail", "hears", "stderr"),
                     ("tail", "hears", "nope"), ("tail", "nosuch"), ("tail",), ("tail", "-0", "hears"),
                     ("tail", "missing"),
                     ("clear", "hears"), ("tail", "hears"), ("clear", "nosuch"), ("clear",),
                     ("nosuch",), ("status", "all")]:
            story.ctl(*args)
        for args in [("pid",), ("pid", "cat"), ("pid", "later"), ("pid", "nosuch"), ("pid", "all"),
                     ("pid", "pair:*")]:
            ran = house.ctl(*args)
            ran.out = re.sub(r"^[1-9]\d*$", "N", ran.out, flags=re.M)
            story.note(" ".join(args), ran)

        # The file changes under the daemon.
        story.ctl("reread")
        story.ctl("update")
        house.config.write_text(CONFIG.replace("[program:cat]\n", "[program:cat]\numask=027\n"))
        (house.here / "conf.d/extra.conf").write_text("[program:new]\ncommand=sleep 1000\n")
        for args in [("reread",), ("avail",), ("add", "new"), ("add", "new"), ("add", "nosuch"),
                     ("remove", "extra"), ("stop", "extra"), ("remove", "extra"), ("remove", "extra")]:
            story.ctl(*args)
        house.settle()
        for args in [("update", "nosuch"), ("update",), ("update",), ("reread",)]:
            story.ctl(*args)
        house.settle()
        good = house.config.read_text()
        house.config.write_text(good + "[program:bad]\n")
        for verb in ("reread", "update"):
            ran = house.ctl(verb)
            story.note(f"status of {verb} with a broken file", ran.status)
            story.note(f"{verb} with a broken file", ran.out.split(":")[:2])
        house.config.write_text(good)
        story.ctl("status")

        # Logs are moved away and reopened.
        os.rename(house.here / "supervisord.log", house.here / "moved.log")
        os.rename(hears, house.here / "moved.hears")
        house.daemon.send_signal(signal.SIGUSR2)
        until("there is a new log", lambda: (house.here / "supervisord.log").exists() and hears.exists())
        story.ctl("signal", "USR1", "hears")
        until("it is written to", lambda: "got USR1" in hears.read_text())

        # A new life, then the end.
        story.ctl("stop", "crash")
        story.ctl("reload")
        until("the daemon is back", lambda: house.log().count("supervisord started") == 1)
        until("it answers", house.answers)
        house.wait("missing", "FATAL")
        house.wait("quits", "FATAL")
        house.wait("expected", "EXITED")
        house.wait("unexpected", "EXITED")
        house.settle()
        story.ctl("status")
        story.states("after the reload")
        log = house.log()
        story.note("clearing the main log", house.call("clearLog"))
        story.note("is what is left", repr(house.log()))
        story.ctl("shutdown")
        story.note("exit of the daemon", house.daemon.wait(30))
        story.ctl("status")
        story.ctl("shutdown")
        story.ctl("start", "cat")
        story.note("left behind", sorted(
            house.plain(path.name) for path in house.here.iterdir() if path.name != "bin"))
        stdout = (house.here / "stdout").read_text()
        logs = (house.here / "moved.log").read_text() + log + house.log()
        return story.seen, house.plain(logs), house.plain(stdout)


#: Who a sentence of the main log is about.
ABOUT = re.compile(
    r"^\w{4} (?:(?:success|exited|stopped|gave up): (\w+) |spawned: '(\w+)'|(?:killing|sending) '?(\w+)'? \("
    r"|waiting for (\w+) to stop|.*?'(\w+)' std(?:out|err) output)")
#: Sentences whose number or order is chance.
CHANCE = re.compile(
    r"^DEBG (received SIGCHLD|fd \d+ closed|'\w+' std(out|err) output:)|^INFO waiting for .* to die")
LEVEL = re.compile(r"^(CRIT|ERRO|WARN|INFO|DEBG|TRAC|BLAT) ")


def tales(log):
    """The main log, told one program after the other: {name: [sentence]}; "" is the daemon."""
    told = {}
    for line in log.splitlines():
        # What is not a sentence is a child's output, quoted at level debug.
        if not LEVEL.match(line) or CHANCE.match(line):
            continue
        match = ABOUT.match(line)
        name = next(filter(None, match.groups()), "") if match else ""
        if "spawnerr" in line:
            name = "spawnerr"
        sentences = told.setdefault(name, [])
        if line.startswith("INFO waiting for"):
            # Whether one that obeys at once is waited for is chance; how often, a matter of time.
            if name != "deaf" or sentences[-1:] == [line]:
                continue
        sentences.append(line)
    return told


#: Step → why svx answers otherwise. That it does is checked too, so that no line gets stale.
ON_PURPOSE = {
    "who of a group is stopped first":
        "svx stops a group as a shutdown does, last started first; 4.3.0 does so at a shutdown only",
    "update with a broken file":
        "4.3.0 prints a Python exception; svx the words that reread has for it",
}


class Scenario(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        with ThreadPoolExecutor(3) as pool:
            stock, svx = pool.submit(live, "stock"), pool.submit(live, "svx")
            mixed = pool.submit(live, "svx", STOCK_BIN / "supervisorctl")
            cls.stock, cls.svx, cls.mixed = stock.result(), svx.result(), mixed.result()

    def test_every_step_is_answered_alike(self):
        self.compare(self.stock[0], self.svx[0], ON_PURPOSE)

    def test_supervisors_own_client_sees_no_difference(self):
        theirs = "update with a broken file" # it prints the exception, whoever the daemon is
        self.compare(self.stock[0], self.mixed[0], ON_PURPOSE.keys() - {theirs})

    def compare(self, stock, svx, on_purpose):
        self.assertEqual([step for step, _ in stock], [step for step, _ in svx])
        for number, ((step, theirs), (_, ours)) in enumerate(zip(stock, svx)):
            with self.subTest(f"step {number}: {step}"):
                if step in on_purpose:
                    self.assertNotEqual(theirs, ours)
                else:
                    self.assertEqual(theirs, ours)

    def test_the_main_log_says_the_same_of_each_program(self):
        stock, svx = tales(self.stock[1]), tales(self.svx[1])
        self.assertEqual(sorted(stock), sorted(svx))
        for name in stock:
            with self.subTest(name or "the daemon"):
                self.assertEqual("\n".join(stock[name]), "\n".join(svx[name]))

    def test_the_foreground_prints_what_the_main_log_says(self):
        for flavour, (_, log, stdout) in (("stock", self.stock), ("svx", self.svx)):
            with self.subTest(flavour):
                self.assertEqual(log, stdout.replace("INFO reopening log file\n", ""))


if __name__ == "__main__":
    unittest.main()
