"""Every method of system.listMethods, called with good, wrong, missing and extra arguments.

Supervisor and svx run the same configuration and get the same calls in the same order, from
Python's own xmlrpc.client over TCP and from supervisor.xmlrpc.SupervisorTransport over a unix
socket. Each value and each fault must be the same.
"""

import re
import unittest
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from xmlrpc.client import Binary, DateTime, Fault, ProtocolError, ServerProxy, Transport

from supervisor.xmlrpc import SupervisorTransport

from house import House, free_port, until

CONFIG = """\
[unix_http_server]
file=%(here)s/supervisor.sock
username=user
password=123

[inet_http_server]
port=127.0.0.1:PORT
username=user
password={SHA}40bd001563085fc35165329ea1ff5c5ecbdbbeef

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisord]
logfile=%(here)s/supervisord.log
pidfile=%(here)s/supervisord.pid
childlogdir=%(here)s
identifier=twin

[include]
files=%(here)s/conf.d/*.conf

[program:cat]
command=cat
startsecs=0
stdout_logfile=%(here)s/cat.log

[program:off]
command=cat
startsecs=0
autostart=false
stdout_logfile=%(here)s/off.log
stderr_logfile=%(here)s/off.err

[program:wrote]
command=sh -c "printf 'one\\ntwo\\nthr\\303\\251e\\n'; echo oops >&2; exec sleep 1000"
stdout_logfile=%(here)s/wrote.log
stderr_logfile=%(here)s/wrote.err

[program:mute]
command=sleep 1000
startsecs=0
stdout_logfile=NONE
stderr_logfile=NONE

[program:merged]
command=sleep 1000
startsecs=0
redirect_stderr=true
stdout_logfile=%(here)s/merged.log

[program:missing]
command=/no/such/program
startretries=0
autostart=false

[program:one]
command=sleep 1000
startsecs=0

[program:two]
command=sleep 1000
startsecs=0
autostart=false

[group:pair]
programs=one,two
"""

#: Makes the shutdown last, so that calls come during it.
DEAF = """[program:deaf]
command=sh -c "trap : TERM; echo deaf; while :; do sleep 0.1; done"
stopwaitsecs=2
startsecs=0
stdout_logfile=%(here)s/deaf.log
"""
EXTRA = "[program:extra]\ncommand=sleep 1000\nstartsecs=0\n"

#: What stands in for an argument, one of each type. 18 is SIGCONT, which harms nobody.
STRANGE = [18, -1, "x", "", [], ["cat"], {}, {"cat": 1}, None, Binary(b"cat"), Binary(b"\xff"),
           DateTime("20200101T00:00:00"), 0, True, False, 1.5]
#: 4.3.0 takes the last of these for the number of a signal. svx sends no SIGHUP for a true.
NO_SIGNALS = 3

NAMES = ["cat", "off", "pair:one", "pair:*", "pair:", "pair", "nosuch", "pair:nosuch", "nosuch:*",
         "cat:cat", "", ":", "*", "caf\u00e9"]
SIGNALS = ["CONT", "SIGCONT", "18", "cont", "NOPE", "SIG", "0", "-1", "99", " CONT", ""]
PIECES = [(0, 0), (0, 4), (2, 5), (0, 10**6), (-4, 0), (-4, 2), (-10**6, 0), (4, -1), (100, 5), (-1, -1),
          ("0", "4"), (1.9, 4)]
LOGS = ["wrote", "off", "mute", "merged", "missing", "nosuch", "pair:*"]


def grid(method, *columns):
    """All calls of a method with one of each column."""
    rows = [()]
    for column in columns:
        rows = [(*row, value) for row in rows for value in column]
    return [(method, *row) for row in rows]


def good(method):
    """The calls of a method that are as they should be, or nearly so."""
    name = method.removeprefix("supervisor.")
    if name in ("readLog", "readMainLog"):
        return [(method, *piece) for piece in [(0, 0), (0, 1), (-1, 0), (0, -1), (-1, 1)]]
    if name in ("readProcessLog", "readProcessStdoutLog", "readProcessStderrLog"):
        return [(*call, *piece) for call in grid(method, LOGS) for piece in PIECES]
    if name.startswith("tailProcess"):
        return [(*call, *piece) for call in grid(method, LOGS) for piece in PIECES]
    return {
        "getProcessInfo": grid(method, NAMES),
        "startProcess": grid(method, ["off", *NAMES, "missing"], [True, False]) + [(method, "two")],
        "stopProcess": grid(method, ["off", *NAMES, "missing"], [True, False]) + [(method, "pair:two")],
        "startProcessGroup": grid(method, ["pair", "pair", "nosuch", "cat", ""], [True]) + [(method, "pair")],
        "stopProcessGroup": grid(method, ["pair", "pair", "nosuch", "cat", ""], [True]) + [(method, "pair")],
        "startAllProcesses": [(method, True), (method,)],
        "stopAllProcesses": [(method, True), (method,)],
        "signalProcess": grid(method, ["cat", "missing", "pair:*", "nosuch"], SIGNALS),
        "signalProcessGroup": grid(method, ["pair", "cat", "missing", "nosuch"], SIGNALS),
        "signalAllProcesses": grid(method, SIGNALS),
        "sendProcessStdin": grid(method, ["cat", "missing", "nosuch", "pair:*"], ["a\n", "", "\u00e9\n"]),
        "sendRemoteCommEvent": grid(method, ["type", "", "\u00e9"], ["data", "", "\u00e9\n"]),
        "clearProcessLog": grid(method, ["wrote", "mute", "off", "nosuch", "pair:*"]),
        "clearProcessLogs": grid(method, ["wrote", "mute", "off", "nosuch", "pair:*"]),
        "addProcessGroup": grid(method, ["extra", "extra", "nosuch", "cat"]),
        "removeProcessGroup": grid(method, ["cat", "nosuch", "missing", "missing"]),
    }.get(name, [(method,)])


#: Method → arguments that are good, to put strange ones among.
TYPICAL = {
    "getProcessInfo": ("cat",), "startProcess": ("cat", True), "stopProcess": ("missing", True),
    "startProcessGroup": ("cat", True), "stopProcessGroup": ("missing", True),
    "startAllProcesses": (True,), "stopAllProcesses": (True,),
    "signalProcess": ("cat", "CONT"), "signalProcessGroup": ("cat", "CONT"),
    "signalAllProcesses": ("CONT",), "sendProcessStdin": ("cat", "x\n"),
    "sendRemoteCommEvent": ("type", "data"), "clearProcessLog": ("cat",), "clearProcessLogs": ("cat",),
    "addProcessGroup": ("cat",), "removeProcessGroup": ("cat",),
    "readLog": (0, 1), "readMainLog": (0, 1),
    "readProcessLog": ("wrote", 0, 4), "readProcessStdoutLog": ("wrote", 0, 4),
    "readProcessStderrLog": ("wrote", 0, 4), "tailProcessLog": ("wrote", 0, 4),
    "tailProcessStdoutLog": ("wrote", 0, 4), "tailProcessStderrLog": ("wrote", 0, 4),
    "system.methodSignature": ("system.listMethods",), "system.multicall": ([],),
}
#: Call → why svx answers otherwise. That it does is checked too, so that no line gets stale.
ON_PURPOSE = {
    ("system.multicall", "''"): "an empty string is no list of calls",
    **{("supervisor.sendRemoteCommEvent", *pair): "a list, a map or nothing is no text"
       for value in ([], ["cat"], {}, {"cat": 1}, None)
       for pair in ((repr(value), "'data'"), ("'type'", repr(value)))},
}
INCORRECT_PARAMETERS = 2
AUTO = re.compile(r"-std(out|err)---twin-\w{8}\.log$")
#: They end the daemon, and are called last.
LAST = ("supervisor.restart", "supervisor.shutdown")


def bad(method):
    """The calls of a method that have an argument of another type, one too few or too many."""
    typical = TYPICAL.get(method.removeprefix("supervisor."), ())
    calls = [(method, *typical[:count]) for count in range(len(typical))]
    calls += [(method, *typical, "more"), (method, *typical, 1, 2)]
    for place, usual in enumerate(typical):
        values = STRANGE[:-NO_SIGNALS] if usual == "CONT" else STRANGE
        if usual == "x\n":
            # svx passes on all bytes, and a time as text: cat's log would not be the same.
            values = [value for value in values if not isinstance(value, (Binary, DateTime))]
        calls += [(method, *typical[:place], value, *typical[place + 1:]) for value in values]
    return calls


UNKNOWN = [(name,) for name in (
    "supervisor.nosuch", "nosuch", "system.nosuch", "supervisor", "supervisor.", "", "a.b.c",
    "nosuch.getState", "supervisor._update", "supervisor.__init__", "supervisor.getState.x", "caf\u00e9")]


def item(method, *params):
    return {"methodName": method, "params": list(params)}


MULTICALLS = [
    [],
    [item("supervisor.getState"), item("supervisor.getAPIVersion"), item("system.listMethods")],
    [item("supervisor.startProcess", "off"), item("supervisor.nosuch"), item("supervisor.stopProcess", "off")],
    [item("supervisor.startProcess", "nosuch"), item("supervisor.getProcessInfo"), item("supervisor.getState", 1)],
    [item("supervisor.startProcess", "missing"), item("supervisor.getIdentification")],
    [item("supervisor.stopProcessGroup", "pair"), item("supervisor.startProcessGroup", "pair")],
    [item("system.multicall", [])], [item("system.methodSignature", "nosuch")],
    [{"methodName": "supervisor.getState"}], [{"params": []}], [{}],
    [{"methodName": "supervisor.getState", "params": {}}], [{"methodName": 1, "params": []}],
    [item("supervisor.readProcessLog", "wrote", 0, "x")],
    ["supervisor.getState"], [1], [[]],
]


class Ears:
    """Calls one daemon and notes what it answers, with all taken out that is chance."""

    def __init__(self, house, how):
        self.house, self.how, self.seen = house, how, []
        if how == "tcp":
            login = b64encode(b"user:123").decode()
            self.transport = Transport(headers=[("Authorization", f"Basic {login}")])
        else:
            self.transport = SupervisorTransport("user", "123", f"unix://{house.socket}")
        address = f"http://127.0.0.1:{house.port}"
        self.proxy = ServerProxy(address, transport=self.transport, allow_none=True)

    def ask(self, method, *params):
        try:
            return "value", getattr(self.proxy, method)(*params)
        except Fault as fault:
            return "fault", (fault.faultCode, fault.faultString)
        except ProtocolError as error:
            self.transport.close()
            return "status", error.errcode

    def call(self, method, *params):
        kind, value = self.ask(method, *params)
        self.seen.append(((method, *map(shown, params)), (kind, self.settled(method, value))))

    def settled(self, method, value):
        """A value without pids, times and the order in which processes got somewhere."""
        if isinstance(value, dict):
            value = {key: self.settled(method, value[key]) for key in value}
            chance = {key: f"some {key}" for key in ("pid", "now", "start", "stop") if value.get(key)}
            # After reloadConfig 4.3.0 has forgotten the names it made.
            auto = {key: "auto" for key, file in value.items() if AUTO.search(str(file))}
            return value | chance | auto
        if isinstance(value, (list, tuple)):
            value = [self.settled(method, one) for one in value]
            if value and all(isinstance(one, dict) and "group" in one for one in value):
                value.sort(key=lambda one: (one["group"], one["name"]))
            return value
        if method in ("supervisor.getPID", "supervisor.readLog", "supervisor.readMainLog"):
            return type(value).__name__
        return self.house.plain(value) if isinstance(value, str) else value


def shown(value):
    """An argument as it stands in a report."""
    if isinstance(value, (Binary, DateTime)):
        return f"{type(value).__name__}({getattr(value, 'data', value)})"
    return repr(value)


def refused(theirs, ours):
    """Whether svx answers by a fault what 4.3.0 refuses too, or would if Python minded types.

    What is no string is no name: 4.3.0 looks for what Python prints of it and finds nothing.
    """
    if theirs[0] == "status":
        # Thrown exceptions (500), and what could not be decoded (400).
        return ours[0] != "status"
    if "FAILED: <class" in str(theirs):
        return "faultCode" in str(ours) # thrown within a multicall
    return theirs[0] == ours[0] == "fault" and ours[1][0] in (theirs[1][0], INCORRECT_PARAMETERS)


class Twin(House):
    """Answers on a port too, and asks for a name and a password everywhere."""

    def __init__(self, flavour):
        self.port = free_port()
        super().__init__(flavour, CONFIG.replace("PORT", str(self.port)), {"conf.d/none.conf": ""})

    def call(self, method, *params):
        ears = Ears(self, "unix")
        try:
            return getattr(ears.proxy.supervisor, method)(*params)
        except ProtocolError as error:
            raise OSError(str(error)) from None
        finally:
            ears.transport.close()


def live(flavour, how):
    """What this daemon answers to all the calls: a list of (call, answer)."""
    with Twin(flavour) as house:
        house.start()
        until("it has written", lambda: all((house.here / f"wrote.{end}").read_text().endswith("\n")
                                            for end in ("log", "err")))
        house.wait("wrote", "RUNNING")
        house.settle()
        ears = Ears(house, how)
        methods = ears.proxy.system.listMethods()
        ears.seen.append((("names",), sorted(methods)))
        for method in methods:
            if method in ("system.methodHelp", "system.multicall", *LAST):
                continue
            for call in good(method):
                ears.call(*call)
            settle(house)
        (house.here / "conf.d/extra.conf").write_text(EXTRA)
        for call in [("supervisor.reloadConfig",), ("supervisor.getAllConfigInfo",),
                     *good("supervisor.addProcessGroup"), ("supervisor.removeProcessGroup", "extra"),
                     ("supervisor.stopProcess", "extra"), ("supervisor.removeProcessGroup", "extra"),
                     ("supervisor.reloadConfig",)]:
            ears.call(*call)
        for method in methods:
            ears.call("system.methodSignature", method)
        for call in UNKNOWN:
            ears.call(*call)
        for calls in MULTICALLS:
            ears.call("system.multicall", calls)
        for method in methods:
            for call in bad(method):
                if len(call) > 1 or method not in LAST:
                    ears.call(*call)
            settle(house)
        ears.call("supervisor.restart")
        ears.transport.close()
        until("it is back", lambda: "RUNNING" in str(state(ears)))
        (house.here / "conf.d/deaf.conf").write_text(DEAF)
        ears.call("supervisor.reloadConfig")
        ears.call("supervisor.addProcessGroup", "deaf")
        until("it is deaf", lambda: "deaf" in written(house.here / "conf.d/deaf.log"))
        for method in ("shutdown", "shutdown", "getState", "restart", "nosuch"):
            ears.call(f"supervisor.{method}")
        ears.call("supervisor.startProcess", 1)
        ears.call("supervisor.sendRemoteCommEvent", "type", "data")
        ears.call("system.methodSignature", "supervisor.getState")
        ears.transport.close()
        ears.seen.append((("exit",), house.daemon.wait(30)))
        return ears.seen


def settle(house):
    """Starts all that is to run, so that each method finds the same."""
    house.call("startProcessGroup", "pair")
    for name in ("cat", "wrote", "mute", "merged"):
        if house.info(name)["statename"] != "RUNNING":
            try:
                house.call("startProcess", name)
            except Fault:
                pass
    house.settle()


def written(file):
    return file.read_text() if file.exists() else ""


def state(ears):
    try:
        return ears.ask("supervisor.getState")
    except OSError:
        ears.transport.close()
        return None


class Differential(unittest.TestCase):
    maxDiff = None

    def compare(self, how):
        with ThreadPoolExecutor(2) as pool:
            stock, svx = pool.map(lambda flavour: live(flavour, how), ("stock", "svx"))
        self.assertEqual([call for call, _ in stock], [call for call, _ in svx])
        mistaken = {(call[0], *map(shown, call[1:]))
                    for method in stock[0][1] for call in bad(method) + good(method)}
        mistaken |= {("system.multicall", shown(calls)) for calls in MULTICALLS}
        for (call, theirs), (_, ours) in zip(stock, svx):
            with self.subTest(call):
                if call in ON_PURPOSE:
                    self.assertNotEqual(theirs, ours)
                elif call not in mistaken or not refused(theirs, ours):
                    self.assertEqual(theirs, ours)

    def test_every_call_over_tcp_is_answered_alike(self):
        self.compare("tcp")

    def test_every_call_over_a_unix_socket_is_answered_alike(self):
        self.compare("unix")


if __name__ == "__main__":
    unittest.main()
