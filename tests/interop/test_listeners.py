"""Event listeners from PyPI at work under Supervisor 4.3.0 and under svx.

superlance, superhooks and supervisord-dependent-startup get the same configuration in both houses.
The mails they send, the hooks they call and the programs they start or restart must be the same.
"""

import email
import http.server
import importlib.util
import re
import socketserver
import sys
import threading
import unittest
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

from house import STOCK_BIN, House, until

#: superhooks sends what it has once a minute.
MINUTE = 120

CONFIG = """\
[unix_http_server]
file=%(here)s/supervisor.sock

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisord]
logfile=%(here)s/supervisord.log
pidfile=%(here)s/supervisord.pid
childlogdir=%(here)s
"""


def section(name, *lines):
    """A section of the configuration."""
    return "\n".join([f"\n[{name}]", *lines, ""])


def listener(name, command, events):
    """A pool of one program that is installed beside Supervisor."""
    return section(f"eventlistener:{name}", f"command={STOCK_BIN}/{command}", f"events={events}",
                   f"stderr_logfile=%(here)s/{name}.err", "buffer_size=100")


#: Stands for sendmail: each mail becomes a file of its own.
SENDMAIL = """\
#!/bin/sh
cat > "${0%/*}/$1.$$.part" && mv "${0%/*}/$1.$$.part" "${0%/*}/$1.$$.mail"
"""


class Post(socketserver.ThreadingTCPServer):
    """Takes mail by SMTP."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), PostOffice)
        self.mails = []


class PostOffice(socketserver.StreamRequestHandler):
    """One sender."""

    def handle(self):
        self.say("220 hello")
        while line := self.rfile.readline():
            if line.upper().startswith(b"DATA"):
                self.say("354 go on")
                text = b""
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    text += line
                self.server.mails.append(email.message_from_bytes(text))
            self.say("221 bye" if line.upper().startswith(b"QUIT") else "250 fine")

    def say(self, line):
        """Answers."""
        self.wfile.write(line.encode() + b"\r\n")


class Web(http.server.ThreadingHTTPServer):
    """Says that all is well, and notes what is posted."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Page)
        self.asked = 0
        self.posts = []


class Page(http.server.BaseHTTPRequestHandler):
    """One request."""

    def do_GET(self):
        """httpok asks whether we live."""
        self.server.asked += 1
        self.answer()

    def do_POST(self):
        """superhooks tells of a state."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.posts.append(dict(urllib.parse.parse_qsl(body)))
        self.answer()

    def answer(self):
        """The same for all."""
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"ok\n")

    def log_message(self, *_):
        """Nothing to stderr."""


def plain(text):
    """A text without what is another one each time."""
    text = re.sub(r"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}", "TIME", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[,.]?\d*", "TIME", text)
    text = re.sub(r"\bpid[ :]\d+", "pid N", text)
    return re.sub(r"(RSS|rss|memory) of \d+|\(\d+\)|\b\d{5,}\b", "N", text)


def mails(house, name):
    """What was sent by the stub: subjects and bodies, in any order."""
    texts = [path.read_text() for path in house.here.glob(f"{name}.*.mail")]
    return sorted(plain(text) for text in texts)


def serve(server):
    """Runs a server until the process ends; returns its port."""
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def watch(flavour):
    """superlance and superhooks watch programs that fail; what came of it."""
    post, web = Post(), Web()
    mail_port, web_port = serve(post), serve(web)
    batch = f"-H 127.0.0.1:{mail_port} -t to@example.com -e TICK_5 -i 0.05"
    config = "".join([
        CONFIG,
        listener("crashmail", "crashmail -a -m to@example.com -o house -s '%(here)s/sendmail crash'",
                 "PROCESS_STATE_EXITED"),
        listener("memmon", "memmon -p hog=1KB -m to@example.com -s '%(here)s/sendmail mem'", "TICK_5"),
        listener("dead", "httpok -p web -t 1 -m to@example.com -s '%(here)s/sendmail dead' "
                 "http://127.0.0.1:1/", "TICK_5"),
        listener("live", f"httpok -p good -t 5 -m to@example.com -s '%(here)s/sendmail live' "
                 f"http://127.0.0.1:{web_port}/", "TICK_5"),
        listener("fatal", f"fatalmailbatch {batch} -f fatal@example.com", "PROCESS_STATE,TICK_5"),
        listener("crashes", f"crashmailbatch {batch} -f crash@example.com", "PROCESS_STATE,TICK_5"),
        listener("hooks", f"superhooks -u http://127.0.0.1:{web_port}/ -e FATAL,EXITED,BACKOFF "
                 "-d a^b^^c^d", "PROCESS_STATE,TICK_60"),
        section("program:hog", "command=sleep 1000"),
        section("program:web", "command=sleep 1000"),
        section("program:good", "command=sleep 1000"),
        section("program:crash", "command=sh -c 'sleep 2.5; exit 3'", "autorestart=false"),
        section("program:done", "command=sh -c 'sleep 2.5; exit 0'", "autorestart=false"),
        section("program:fails", "command=sh -c 'exit 1'", "startretries=1"),
        section("group:g", "programs=crash,done"),
    ])
    try:
        with House(flavour, config, {"sendmail": SENDMAIL}) as house:
            (house.here / "sendmail").chmod(0o755)
            house.start()
            started = {name: house.wait(name, "RUNNING")["pid"] for name in ("hog", "web", "good")}
            house.wait("fails", "FATAL")
            house.wait("g:crash", "EXITED")

            def replaced(name):
                info = house.info(name)
                return info["pid"] not in (0, started[name]) and info["statename"] == "RUNNING"

            for name in ("hog", "web"):
                until(f"{name} to be replaced", lambda: replaced(name))
            for name in ("crash", "mem", "dead"):
                until(f"a mail of {name}", lambda: mails(house, name))
            until("the batches", lambda: len(post.mails) >= 2)
            # Two programs that exited, and one that was tried twice before it was given up.
            until("the hooks", lambda: len(web.posts) >= 5, MINUTE)
            until("httpok to ask", lambda: web.asked)
            return {
                "good goes on": house.info("good")["pid"] == started["good"],
                "crash": mails(house, "crash"),
                "mem": mails(house, "mem")[:1],
                "dead": mails(house, "dead")[:1],
                "live": mails(house, "live"),
                "batches": sorted((m["From"], m["To"], m["Subject"], plain(m.get_payload()))
                                  for m in post.mails),
                "hooks": sorted(str({k: plain(v) for k, v in p.items()}) for p in web.posts),
                "listeners": {name: house.info(name)["statename"] for name in (
                    "crashmail", "memmon", "dead", "live", "fatal", "crashes", "hooks")},
            }
    finally:
        for server in (post, web):
            server.shutdown()
            server.server_close()


def depend(flavour):
    """supervisord-dependent-startup starts a chain of programs; in which order they came."""
    config = "".join([
        CONFIG,
        section("eventlistener:startup",
                f"command={STOCK_BIN}/supervisord-dependent-startup -c %(here)s/supervisord.conf",
                "autostart=true", "autorestart=unexpected", "startsecs=0", "exitcodes=0,3",
                "events=PROCESS_STATE", "stderr_logfile=%(here)s/startup.err"),
        section("program:third", "command=sleep 1000", "autostart=false",
                "dependent_startup=true", "dependent_startup_wait_for=second:running"),
        section("program:second", "command=sleep 1000", "autostart=false",
                "dependent_startup=true", "dependent_startup_wait_for=first:exited"),
        section("program:first", "command=sh -c 'sleep 2.5'", "autostart=false",
                "autorestart=false", "dependent_startup=true"),
    ])
    with House(flavour, config) as house:
        house.start()
        house.wait("third", "RUNNING")
        return {
            "order": re.findall(r"(?:spawned: |exited: )'?(first|second|third)", house.log()),
            "states": {name: house.info(name)["statename"] for name in ("first", "second", "third")},
        }


def both(life):
    """Lives it in both houses at the same time."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(life, ("stock", "svx")))


def missing(*modules):
    """The first of these that is not installed."""
    return next((m for m in modules if importlib.util.find_spec(m) is None), None)


class Listeners(unittest.TestCase):
    """The tools and what they have seen."""

    maxDiff = None

    @unittest.skipIf(missing("superlance", "superhooks"), "superlance or superhooks cannot be installed")
    def test_superlance_and_superhooks_see_and_do_the_same(self):
        stock, svx = both(watch)
        for what, seen in stock.items():
            with self.subTest(what):
                self.assertEqual(seen, svx[what])
        self.assertTrue(svx["good goes on"])
        self.assertEqual(len(svx["crash"]), 1)
        self.assertEqual(set(svx["listeners"].values()), {"RUNNING"})

    @unittest.skipIf(missing("supervisord_dependent_startup"),
                     "supervisord-dependent-startup cannot be installed")
    def test_dependent_startup_starts_its_chain(self):
        stock, svx = both(depend)
        self.assertEqual(stock, svx)
        self.assertEqual(svx["order"], ["first", "first", "second", "third"])


if __name__ == "__main__":
    unittest.main()
