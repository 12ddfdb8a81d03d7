"""Clients that people run beside Supervisor: what each sees and does is the same with svx.

A client that this machine lacks is skipped. `run` installs what it can.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from house import DEADLINE, STOCK_BIN, House, free_port, until

VENV = Path(sys.executable).parent.parent
CONFIG = """\
[unix_http_server]
file=%(here)s/supervisor.sock

[inet_http_server]
port=127.0.0.1:PORT
username=user
password=123

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=http://127.0.0.1:PORT
username=user
password=123

[supervisord]
logfile=%(here)s/supervisord.log
pidfile=%(here)s/supervisord.pid
childlogdir=%(here)s
identifier=clients

[include]
files=%(here)s/conf.d/*.conf

[program:web]
command=sh -c "trap 'echo usr1' USR1; echo up; while :; do sleep 0.1; done"
stdout_logfile=%(here)s/web.log

[program:off]
command=sleep 1000
autostart=false

[program:bad]
command=sh -c "exit 3"
startretries=0

[program:worker]
command=sleep 1000
process_name=%(program_name)s_%(process_num)d
numprocs=2
"""
EXTRA = "[program:extra]\ncommand=sleep 1000\n"


class Shop(House):
    """The daemon that the clients deal with."""

    def __init__(self, flavour, more=""):
        self.port = free_port()
        config = (CONFIG + more).replace("PORT", str(self.port))
        super().__init__(flavour, config, {"conf.d/none.conf": ""})

    def open(self):
        self.start()
        self.settle()
        until("web is up", lambda: "up" in (self.here / "web.log").read_text())

    def plain(self, text):
        return super().plain(text.replace(str(self.port), "PORT"))


def listens(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def both(what):
    """`what(house)` in a house of each flavour."""
    def there(flavour):
        with Shop(flavour) as house:
            house.open()
            return what(house)
    with ThreadPoolExecutor(2) as pool:
        return pool.map(there, ("stock", "svx"))


class NodeExporter(unittest.TestCase):
    """prometheus-node-exporter's collector of process states."""

    def test_it_exports_the_same_of_each_process(self):
        program = shutil.which("prometheus-node-exporter") or shutil.which("node_exporter")
        if not program:
            self.skipTest("prometheus-node-exporter is not installed")

        def metrics(house):
            port = free_port()
            command = [program, "--collector.disable-defaults", "--collector.supervisord",
                       f"--collector.supervisord.url=http://user:123@127.0.0.1:{house.port}/RPC2",
                       f"--web.listen-address=127.0.0.1:{port}"]
            exporter = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                until("it answers", lambda: listens(port))
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=DEADLINE) as page:
                    lines = page.read().decode().splitlines()
            finally:
                exporter.kill()
                exporter.wait()
            ours = [line for line in lines if "supervisord" in line and "duration" not in line]
            # Start times are those of another moment.
            return [re.sub(r"(start_time_seconds|uptime)(\{.*\}) [1-9].*", r"\1\2 T", line) for line in ours]

        stock, svx = both(metrics)
        self.assertEqual(stock, svx)
        self.assertIn('node_scrape_collector_success{collector="supervisord"} 1', svx)
        self.assertTrue(any(line.startswith('node_supervisord_up{group="web",name="web"} 1') for line in svx))


class Checks(unittest.TestCase):
    """supervisor_checks: an event listener that restarts what does not pass its check."""

    def test_a_program_that_fails_its_check_is_restarted(self):
        check = VENV / "bin/supervisor_tcp_check"
        if not check.exists():
            self.skipTest("supervisor_checks is not installed")
        deaf = free_port() # nobody listens there: whatever is checked fails
        more = f"""
[eventlistener:check]
command={check} -n check -g worker -p {deaf} -t 1 -r 1
events=TICK_5
stderr_logfile=%(here)s/check.log
"""

        def restarted(flavour):
            with Shop(flavour, more) as house:
                house.open()
                names = ["worker:worker_0", "worker:worker_1"]
                before = [house.info(name)["pid"] for name in names]
                until("both are restarted", lambda: all(
                    house.info(name)["pid"] not in (0, pid) for name, pid in zip(names, before)))
                # What it says ends with a time.
                said = (house.here / "check.log").read_text()
                return sorted({line[20:] for line in said.splitlines() if "worker_0" in line and "rying" in line})

        with ThreadPoolExecutor(2) as pool:
            stock, svx = pool.map(restarted, ("stock", "svx"))
        self.assertEqual(stock, svx)
        self.assertTrue(svx)


class Ansible(unittest.TestCase):
    """The module community.general.supervisorctl, which reads what supervisorctl prints."""

    STEPS = [
        "name=web state=started", "name=off state=started", "name=off state=started",
        "name=off state=stopped", "name=off state=stopped", "name=web state=restarted",
        "name=worker: state=stopped", "name=worker: state=started", "name=worker: state=restarted",
        "name=web state=signalled signal=USR1", "name=off state=signalled signal=USR1",
        "name=bad state=started", "name=nosuch state=started", "name=nosuch state=present",
        "name=extra state=present", "name=extra state=present", "name=extra state=absent",
        "name=extra state=absent stop_before_removing=true", "name=extra state=absent",
        "name=all state=restarted",
    ]

    def test_it_changes_and_reports_the_same(self):
        ansible = VENV / "bin/ansible"
        if not ansible.exists() or not (VENV / "ansible_collections/community/general").exists():
            self.skipTest("ansible with community.general is not installed")
        home = tempfile.mkdtemp(prefix="ansible-")
        self.addCleanup(shutil.rmtree, home, ignore_errors=True)
        environment = dict(os.environ, ANSIBLE_COLLECTIONS_PATH=str(VENV), HOME=home, LC_ALL="C.UTF-8",
                           ANSIBLE_LOCALHOST_WARNING="False", ANSIBLE_INVENTORY_UNPARSED_WARNING="False")

        def reports(flavour, client=None):
            with Shop(flavour) as house:
                house.open()
                (house.here / "conf.d/extra.conf").write_text(EXTRA)
                seen = []
                for step in self.STEPS:
                    module = (f"{step} config={house.config} "
                              f"supervisorctl_path={client or house.bin / 'supervisorctl'}")
                    ran = subprocess.run(
                        [ansible, "localhost", "-c", "local", "-o", "-m", "community.general.supervisorctl",
                         "-e", f"ansible_python_interpreter={sys.executable}", "-a", module],
                        env=environment, capture_output=True, timeout=DEADLINE, stdin=subprocess.DEVNULL)
                    out = ran.stdout.decode()
                    self.assertIn("=> ", out, ran.stderr.decode())
                    report = json.loads(out.split("=> ", 1)[1])
                    for key in ("cmd", "warnings"):
                        report.pop(key, None)
                    seen.append((step, json.loads(house.plain(json.dumps(report)))))
                until("it was signalled", lambda: "usr1" in (house.here / "web.log").read_text())
                return seen

        with ThreadPoolExecutor(3) as pool:
            runs = [pool.submit(reports, "stock"), pool.submit(reports, "svx"),
                    pool.submit(reports, "svx", STOCK_BIN / "supervisorctl")]
            stock, svx, mixed = (run.result() for run in runs)
        self.maxDiff = None
        self.assertEqual(stock, svx)
        self.assertEqual(stock, mixed)
        self.assertTrue(svx[1][1]["changed"] and not svx[2][1]["changed"])


class Node(unittest.TestCase):
    """The client of that name in the registry of npm."""

    SCRIPT = """
const api = require('supervisord').connect(process.argv[2]);
const calls = [['getState'], ['getAllProcessInfo'], ['startProcess', 'off', true], ['startProcess', 'off'],
  ['getProcessInfo', 'nosuch'], ['readProcessStdoutLog', 'web', 0, 0], ['stopProcess', 'off'],
  ['stopProcessGroup', 'worker'], ['listMethods']];
(function next() {
  const call = calls.shift();
  if (!call) return;
  api[call[0]](...call.slice(1), (error, value) => {
    console.log(JSON.stringify([call, error && [error.faultCode, error.faultString], value]));
    next();
  });
})();
"""

    def test_it_sees_and_does_the_same(self):
        modules = VENV / "node/node_modules"
        if not shutil.which("node") or not (modules / "supervisord").exists():
            self.skipTest("node and its package supervisord are not installed")

        def answers(house):
            seen = []
            for url in (f"http://user:123@127.0.0.1:{house.port}", f"unix://{house.socket}"):
                ran = subprocess.run(["node", "-e", self.SCRIPT, "-", url], capture_output=True, check=True,
                                     env=dict(os.environ, NODE_PATH=str(modules)), timeout=DEADLINE)
                for line in ran.stdout.splitlines():
                    call, error, value = json.loads(line)
                    if isinstance(value, list):
                        value.sort(key=str)
                    seen.append((call, error, without_chance(value)))
                house.call("startProcessGroup", "worker")
            return seen

        stock, svx = both(answers)
        self.maxDiff = None
        self.assertEqual(stock, svx)
        self.assertEqual(len(svx), 18)


def without_chance(value):
    if isinstance(value, list):
        return [without_chance(one) for one in value]
    if isinstance(value, dict):
        return {key: bool(one) if key in ("pid", "now", "start", "stop") or "logfile" in key
                else re.sub(r"pid \d+, uptime .*|\w{3} \d\d \d\d:\d\d [AP]M", "then", one) if isinstance(one, str)
                else one for key, one in value.items()}
    return value


if __name__ == "__main__":
    unittest.main()
