"""What /metrics tells: promtool accepts it, and node_exporter tells the same of each process."""

import re
import shutil
import subprocess
import unittest
import urllib.request

from house import DEADLINE, STOCK_BIN, House, free_port, until

CONFIG = """\
[unix_http_server]
file=%(here)s/supervisor.sock

[inet_http_server]
port=127.0.0.1:PORT

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisord]
logfile=%(here)s/supervisord.log
pidfile=%(here)s/supervisord.pid
childlogdir=%(here)s

[program:web]
command=sh -c "echo up; exec sleep 1000"

[program:off]
command=sleep 1000
autostart=false

[program:bad]
command=sh -c "exit 3"
startretries=0

[program:killed]
command=sh -c "sleep 1.5; kill -9 $$"
autorestart=false

[program:done]
command=sh -c "sleep 1.5; exit 4"
autorestart=false

[program:slow]
command=sleep 1000
startsecs=1000

[program:worker]
command=sleep 1000
process_name=<b>"%(program_name)s"\\%(process_num)d
numprocs=2

[eventlistener:deaf]
command=sleep 1000
events=EVENT
buffer_size=1
"""


class Metrics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        port = free_port()
        cls.house = House("svx", CONFIG.replace("PORT", str(port)))
        cls.addClassCleanup(cls.house.__exit__)
        cls.url = f"http://127.0.0.1:{port}"
        cls.house.start()
        until("all have arrived", lambda: sorted(
            info["statename"] for info in cls.house.call("getAllProcessInfo")
        ) == ["EXITED"] * 2 + ["FATAL"] + ["RUNNING"] * 4 + ["STARTING", "STOPPED"])

    @staticmethod
    def scraped(url):
        with urllib.request.urlopen(f"{url}/metrics", timeout=DEADLINE) as page:
            return page.read().decode()

    def test_promtool_finds_nothing_to_object_to(self):
        promtool = shutil.which("promtool") or shutil.which("promtool", path=STOCK_BIN)
        if not promtool:
            self.skipTest("promtool is not installed")
        ran = subprocess.run([promtool, "check", "metrics"], input=self.scraped(self.url).encode(),
                             capture_output=True, timeout=DEADLINE)
        self.assertEqual((ran.returncode, ran.stdout + ran.stderr), (0, b""))

    def test_node_exporter_tells_the_same_of_each_process(self):
        program = shutil.which("prometheus-node-exporter") or shutil.which("node_exporter")
        if not program:
            self.skipTest("prometheus-node-exporter is not installed")
        port = free_port()
        command = [program, "--collector.disable-defaults", "--collector.supervisord",
                   f"--collector.supervisord.url={self.url}/RPC2", f"--web.listen-address=127.0.0.1:{port}"]
        exporter = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            theirs = until("it answers", lambda: answer(f"http://127.0.0.1:{port}", self.scraped))
        finally:
            exporter.kill()
            exporter.wait()
        ours = samples(self.scraped(self.url))
        self.maxDiff = None
        self.assertEqual(ours, samples(theirs))
        # 9 processes: 3 series of each, and when it was started of the 5 that live.
        self.assertEqual(len(ours), 9 * 3 + 5)
        self.assertEqual(ours['node_supervisord_exit_status{group="done",name="done"}'], 4)


def answer(url, scraped):
    try:
        return scraped(url)
    except OSError:
        return None


def samples(text):
    """What is told of Supervisor's processes: each series and its value."""
    lines = (line.rsplit(" ", 1) for line in text.splitlines() if re.match("node_supervisord_", line))
    return {series: float(value) for series, value in lines}


if __name__ == "__main__":
    unittest.main()
