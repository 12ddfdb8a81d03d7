"""Supervisor's own end-to-end tests, out of the installed package, with svx in place of its programs.

Nothing of them is copied: their programs are put in other words when they are spawned, and their
configurations, which all lie in /tmp, are moved to a directory of this run.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from house import SVX

os.environ["END_TO_END"] = "1" # else they are no tests
try:
    import pexpect
    from supervisor.tests import test_end_to_end as theirs
except ImportError as missing:
    raise unittest.SkipTest(f"Supervisor's end-to-end tests need {missing.name}")

SPAWN, TRANSPORT = pexpect.spawn, theirs.SupervisorTransport
#: What they run of Supervisor: the words behind `python`, and the program that is meant.
PROGRAMS = {("-m", f"supervisor.{name}"): name for name in ("supervisord", "supervisorctl", "pidproxy")}
CONFECHO = "from supervisor import confecho; confecho.main()"
#: The wheel lacks this file, which one of its configurations runs.
HELLO = "".join(f'sleep 1\necho "The Øresund bridge ends in Malmö - {n}"\n' for n in (1, 2, 3))


class EndToEnd(theirs.EndToEndTests):
    """Each inherited test lives in a directory of its own, and all it started ends with it."""

    def setUp(self):
        self.here = Path(tempfile.mkdtemp(prefix="end-to-end-")).resolve()
        self.addCleanup(shutil.rmtree, self.here, ignore_errors=True)
        self.spawned = []
        self.addCleanup(self.end)
        subprocess.run([SVX, "links", self.here], check=True, stdout=subprocess.DEVNULL)
        self.fixtures = self.here / "fixtures"
        shutil.copytree(Path(theirs.__file__).parent / "fixtures", self.fixtures)
        (self.fixtures / "hello.sh").write_text(HELLO)
        for file in self.fixtures.glob("*.conf"):
            file.write_text(self.moved(file.read_text()))
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}" # their programs run `python`
        for patch in (mock.patch("pexpect.spawn", self.spawn),
                      # TMPDIR: in /tmp any other daemon of this identifier clears its AUTO logs.
                      mock.patch.dict(os.environ, PATH=path, TMPDIR=str(self.here)),
                      mock.patch.object(theirs, "resource_filename", self.resource),
                      mock.patch("supervisor.xmlrpc.SupervisorTransport", self.transport),
                      mock.patch.object(theirs, "SupervisorTransport", self.transport)):
            patch.start()
            self.addCleanup(patch.stop)

    def moved(self, text):
        """What names a file in /tmp, with the directory of this test instead."""
        return text.replace("/tmp/", f"{self.here}/")

    def resource(self, _package, path):
        return str(self.here / path)

    def transport(self, username, password, serverurl):
        return TRANSPORT(username, password, self.moved(serverurl))

    def spawn(self, command, args, **more):
        """As pexpect.spawn, and what is a program of Supervisor is svx under its name."""
        if command == sys.executable:
            if args == ["-c", CONFECHO]:
                program, rest = "echo_supervisord_conf", []
            else:
                program, rest = PROGRAMS[tuple(args[:2])], args[2:]
            command, args = str(self.here / program), rest
        else:
            for words, program in PROGRAMS.items():
                python = f"'{sys.executable}' {' '.join(words)} "
                args = [word.replace(python, f"{self.here / program} ") for word in args]
            assert sys.executable not in " ".join(args), args
        child = SPAWN(command, args, cwd=str(self.here), **more)
        self.spawned.append(child)
        return child

    def end(self):
        """Waits for what the test has told to end."""
        for child in self.spawned:
            try:
                child.expect(pexpect.EOF, timeout=20)
            except pexpect.ExceptionPexpect:
                pass
            child.close(force=True)


if __name__ == "__main__":
    unittest.main()
