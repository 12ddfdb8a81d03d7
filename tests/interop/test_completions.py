"""What bash, zsh and fish offer behind what has been typed, asked of the shells themselves."""

import os
import shutil
import subprocess
import unittest

import pexpect

from house import DEADLINE, REPOSITORY, House

SCRIPTS = REPOSITORY / "contrib/completions"
CONFIG = """\
[unix_http_server]
file=%(here)s/supervisor.sock

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisord]
logfile=%(here)s/supervisord.log
pidfile=%(here)s/supervisord.pid

[supervisorctl]
serverurl=unix://%(here)s/supervisor.sock

[program:cat]
command=cat
process_name=%(program_name)s_%(process_num)d
numprocs=2

[program:webserver]
command=cat
"""
#: Options are followed by their values; names come from the running daemon.
TYPED = {
    "supervisorctl mainta": "maintail",
    "supervisorctl -c CONF restart webs": "webserver",
    "supervisorctl -c CONF stop cat:cat_1": "cat:cat_1",
    "supervisorctl --conf": "--configuration",
    "supervisord --nod": "--nodaemon",
    "svx echo": "echo-conf",
    "svx ctl -c CONF start webs": "webserver",
}


class Completions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.house = House("svx", CONFIG)
        cls.house.__enter__()
        cls.house.start()
        cls.addClassCleanup(cls.house.__exit__, None, None, None)
        os.symlink(cls.house.bin / "supervisord", cls.house.bin / "svx")
        cls.env = dict(os.environ, PATH=f"{cls.house.bin}:{os.environ['PATH']}", TERM="dumb",
                       HOME=str(cls.house.here), INPUTRC="/dev/null")

    def typed(self):
        for line, word in TYPED.items():
            yield line.replace("CONF", str(self.house.config)), word

    def shell(self, name):
        if not shutil.which(name):
            self.skipTest(f"there is no {name} here")
        return name

    def tab(self, command, args, ready, line):
        """What stands on an interactive shell's line after Tab."""
        term = pexpect.spawn(command, args, env=self.env, encoding="utf-8", timeout=DEADLINE,
                             dimensions=(40, 300), echo=True)
        self.addCleanup(term.close, True)
        for prepare in ready:
            term.expect_exact("> ")
            term.sendline(prepare)
        term.expect_exact("> ")
        # The line is shown to echo, so that it can be read back whole, however it was drawn.
        term.send(line + "\t\x01echo got: \x05\r")
        term.expect(r"\r\ngot: ([^\r]*)\r\n")
        return term.match[1].strip()

    def test_bash_completes(self):
        bash = self.shell("bash")
        for line, word in self.typed():
            with self.subTest(line):
                ready = ["PS1='> '", f"source {SCRIPTS}/svx.bash"]
                self.env["PS1"] = "> "
                found = self.tab(bash, ["--norc", "--noprofile", "-i"], ready, line)
                self.assertEqual(found.split()[-1], word)

    def test_zsh_completes(self):
        zsh = self.shell("zsh")
        for line, word in self.typed():
            with self.subTest(line):
                ready = [f"fpath=({SCRIPTS} $fpath)", "autoload -Uz compinit; compinit -u -D"]
                self.env.update(PS1="> ", PROMPT="> ")
                found = self.tab(zsh, ["-f", "-i"], ready, line)
                self.assertEqual(found.split()[-1], word)

    def test_fish_completes(self):
        fish = self.shell("fish")
        for line, word in self.typed():
            with self.subTest(line):
                script = f"source {SCRIPTS}/svx.fish; complete -C '{line}'"
                ran = subprocess.run([fish, "--no-config", "-c", script], env=self.env, text=True,
                                     capture_output=True, timeout=DEADLINE)
                offered = [offer.split("\t")[0] for offer in ran.stdout.splitlines()]
                self.assertIn(word, offered, ran.stderr)


if __name__ == "__main__":
    unittest.main()
