"""The same listener hears Supervisor 4.3.0 and svx tell of the same day.

All events of a scripted scenario are recorded in both houses by a listener made with
`supervisor.childutils`. Type, payload and order, as far as 4.3.0 keeps one, must be the same:
the order of all that one process does, and of all that is no process's.
"""

import json
import os
import re
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor

from house import House, until

RECORDER = """\
import json, sys
from supervisor import childutils

with open(sys.argv[1], "a") as notes:
    while True:
        headers, payload = childutils.listener.wait()
        json.dump([headers, payload], notes)
        notes.write("\\n")
        notes.flush()
        childutils.listener.ok()
"""

#: Asks the daemon that started it, by the address in its environment.
CALLER = """\
import json, os, sys
from supervisor import childutils

rpc = childutils.getRPCInterface(os.environ)
while True:
    headers, payload = childutils.listener.wait()
    words, name = childutils.eventdata(payload)
    if words["type"] == "ask":
        info = rpc.supervisor.getProcessInfo(name)
        state = rpc.supervisor.getState()
        about = [os.environ[key] for key in ("SUPERVISOR_ENABLED", "SUPERVISOR_PROCESS_NAME",
                                             "SUPERVISOR_GROUP_NAME")]
        with open(sys.argv[1], "w") as answer:
            json.dump([info["statename"], info["group"], state["statename"], about], answer)
    childutils.listener.ok()
"""

CONFIG = f"""\
[unix_http_server]
file=%(here)s/supervisor.sock

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisord]
logfile=%(here)s/supervisord.log
pidfile=%(here)s/supervisord.pid
childlogdir=%(here)s
identifier=house
loglevel=debug

[eventlistener:recorder]
command={sys.executable} %(here)s/recorder.py %(here)s/recorded
events=EVENT
buffer_size=1000

[eventlistener:caller]
command={sys.executable} %(here)s/caller.py %(here)s/answer
events=REMOTE_COMMUNICATION
buffer_size=1000

[program:cat]
command=cat
stdout_events_enabled=true

[program:later]
command=sleep 1000
autostart=false

[program:missing]
command=/no/such/program
startretries=1

[program:quits]
command=sh -c "exit 1"
startretries=1

; These stay longer than the second within which Supervisor notices anything.
[program:expected]
command=sh -c "sleep 2.5; exit 3"
exitcodes=0,3

[program:unexpected]
command=sh -c "sleep 2.5; exit 4"
autorestart=false

[program:captured]
command=sh %(here)s/captured.sh
stdout_capture_maxbytes=1MB
stderr_capture_maxbytes=1MB
stdout_events_enabled=true
stderr_events_enabled=true

[program:deaf]
command=sh -c "trap : TERM; while :; do sleep 0.1; done"
stopwaitsecs=1

; Stops last and takes its time, so that listeners hear of the others' end.
[program:one]
command=sleep 1000
priority=2

[program:two]
command=sh -c "trap 'sleep 2; exit 0' TERM; while :; do sleep 0.1; done"
priority=1

[group:both]
programs=one,two
priority=1
"""

CAPTURED = """\
echo before
sleep 0.3
printf '<!--XSUPERVISOR:BEGIN-->wh'
sleep 0.3
printf 'at is inside<!--XSUPERVISOR:E'
sleep 0.3
printf 'ND-->and after it something longer than a token, or Supervisor holds it back\n'
sleep 0.3
printf 'err<!--XSUPERVISOR:BEGIN-->\\303\\244 \\377 z<!--XSUPERVISOR:END-->' >&2
while :; do sleep 1; done
"""


def live(flavour):
    """One day; what was recorded, and what the caller found out."""
    files = {"recorder.py": RECORDER, "caller.py": CALLER, "captured.sh": CAPTURED}
    with House(flavour, CONFIG, files) as house:
        house.start()
        house.wait("missing", "FATAL")
        house.wait("quits", "FATAL")
        house.wait("expected", "EXITED")
        house.wait("unexpected", "EXITED")
        house.settle()
        house.call("startProcess", "later")
        house.call("stopProcess", "later")
        house.call("startProcess", "later")
        house.kill("later")
        until("the restart", lambda: house.log().count("spawned: 'later'") == 3)
        house.wait("later", "RUNNING")
        house.call("stopProcess", "deaf")
        house.call("sendProcessStdin", "cat", "grüße\n")
        house.call("sendRemoteCommEvent", "greeting", "line 1\nline 2: ü")
        house.call("sendRemoteCommEvent", "ask", "both:one")
        answer = house.here / "answer"
        until("the caller's answer", lambda: answer.exists() and answer.read_text())
        house.call("stopProcessGroup", "both")
        house.call("removeProcessGroup", "both")
        house.call("addProcessGroup", "both")
        house.wait("both:two", "RUNNING")
        house.wait("both:one", "RUNNING")
        until("the last event", lambda: '"PROCESS_STATE_RUNNING"' in last(house, "two"))
        house.daemon.terminate()
        house.daemon.wait(30)
        recorded = (house.here / "recorded").read_text().splitlines()
        return [json.loads(line) for line in recorded], json.loads(answer.read_text())


def last(house, process):
    """The last line of the record that is about a process."""
    lines = (house.here / "recorded").read_text().splitlines()
    return ([line for line in lines if f"processname:{process} " in line] or [""])[-1]


def plain(payload):
    """A payload without what is another one each time."""
    return re.sub(r"\bpid:\d+", "pid:N", payload)


def stories(recorded):
    """What each process has done, and what happened besides, as far as the order is given."""
    told = {}
    for headers, payload in recorded:
        name, payload = headers["eventname"], plain(payload)
        if name.startswith("TICK"):
            continue
        words = dict(word.split(":", 1) for word in payload.split("\n")[0].split() if ":" in word)
        about = words.get("processname", "")
        if name.startswith(("PROCESS_LOG", "PROCESS_COMM")):
            about += f" {name}"
        story = told.setdefault(about, [])
        head, _, data = payload.partition("\n")
        # In how many pieces a stream is read is nobody's promise.
        if name.startswith("PROCESS_LOG") and story:
            story[0][2] += data
        else:
            story.append([name, head, data])
    return told


class Events(unittest.TestCase):
    """What was recorded in the two houses."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        with ThreadPoolExecutor(2) as pool:
            days = list(pool.map(live, ("stock", "svx")))
        (cls.stock, cls.stock_answer), (cls.svx, cls.svx_answer) = days

    def test_the_same_events_come_in_the_same_order(self):
        stock, svx = stories(self.stock), stories(self.svx)
        self.assertEqual(sorted(stock), sorted(svx))
        for about, story in stock.items():
            with self.subTest(about=about or "no process"):
                self.assertEqual(story, svx[about])

    def test_the_scenario_has_all_types_that_can_be_had(self):
        seen = {headers["eventname"] for headers, _ in self.svx}
        for missing in ("PROCESS_STATE_UNKNOWN", "TICK_60", "TICK_3600"):
            seen.discard(missing)
        self.assertEqual(len(seen), 17, sorted(seen))

    def test_the_headers_have_the_same_words(self):
        for recorded in (self.stock, self.svx):
            for serial, (headers, payload) in enumerate(recorded):
                self.assertEqual(list(headers), [
                    "ver", "server", "serial", "pool", "poolserial", "eventname", "len"])
                self.assertEqual(headers["server"], "house")
                self.assertEqual(headers["pool"], "recorder")
                self.assertEqual(int(headers["poolserial"]), serial)
                self.assertEqual(int(headers["serial"]), serial)
                self.assertEqual(int(headers["len"]), len(payload))

    def test_a_listener_reaches_its_daemon_by_childutils(self):
        self.assertEqual(self.stock_answer, self.svx_answer)
        self.assertEqual(self.svx_answer, ["RUNNING", "both", "RUNNING",
                                           ["1", "caller", "caller"]])


if __name__ == "__main__":
    unittest.main()
