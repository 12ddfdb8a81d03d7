"""Whatever fits or does not fit the description of the API is answered as described: schemathesis
makes requests of it, and finds no server error and no answer of another shape."""

import subprocess
import sys
import unittest
from pathlib import Path

from house import DEADLINE, House, free_port

SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"

CONFIG = """
[supervisord]
logfile = %(here)s/supervisord.log
pidfile = %(here)s/supervisord.pid
childlogdir = %(here)s
[unix_http_server]
file = %(here)s/supervisor.sock
[inet_http_server]
port = 127.0.0.1:{port}
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[program:web]
command = cat
startsecs = 0
[program:bad]
command = /nonexistent/command
autostart = false
startretries = 0
[program:many]
command = sleep 1000
process_name = %(process_num)d
numprocs = 2
startsecs = 0
"""

#: They never end; and what would end the daemon.
EXCLUDED = r"(follow|/events|/watch|logtail)$|logtail/|daemon/\{task\}"

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance,unsupported_method"
)


@unittest.skipUnless(SCHEMATHESIS.exists(), "no schemathesis")
class TheDescription(unittest.TestCase):
    def test_is_what_requests_of_any_kind_find(self):
        port = free_port()
        with House("svx", CONFIG.format(port=port)) as house:
            house.start()
            house.settle()
            url = f"http://127.0.0.1:{port}/api/v1/openapi.json"
            run = subprocess.run(
                [
                    SCHEMATHESIS, "run", url, "--exclude-path-regex", EXCLUDED, "--checks", CHECKS,
                    "--max-examples", "40", "--seed", "1", "--no-color", "--generation-database",
                    "none", "--request-timeout", "20",
                ],
                cwd=house.here, capture_output=True, text=True, timeout=10 * DEADLINE,
            )
            self.assertEqual(run.returncode, 0, run.stdout[-20_000:] + run.stderr[-2_000:])
            self.assertTrue(house.answers())


if __name__ == "__main__":
    unittest.main()
