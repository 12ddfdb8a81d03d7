"""The Debian package: what is in it, and a machine moved from the distribution's supervisor to svx
and back by the very commands of contrib/debian/README.md.

The move needs root and SVX_TEST_DEBIAN=1. It makes a Debian in a directory (debootstrap, from the
network, kept in the cache) and works in namespaces of its own: nothing is installed here.
"""

import http.client
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest
from pathlib import Path
from xmlrpc.client import ServerProxy, Transport

import debian
from house import REPOSITORY, SVX, free_port, until

PACKAGING = REPOSITORY / "contrib/debian"
#: For a whole installation on a busy machine.
APT_SECONDS = 300
COMMANDS = ["supervisord", "supervisorctl", "echo_supervisord_conf", "pidproxy"]


QUIET = dict(stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
#: The distribution's init script does not wait.
STOP = "service supervisor stop; while [ -e /run/supervisord.pid ]; do sleep 0.1; done"


def build(out):
    """Builds the package of the binary under test."""
    return Path(subprocess.check_output(
        [PACKAGING / "build", "--svx", SVX, "--out", out],
        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True,
        env=dict(os.environ, DPKG_DEB_COMPRESSOR_LEVEL="0")).strip())


def steps(title):
    """The shell commands of a section of the package's README."""
    section = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", (PACKAGING / "README.md").read_text(),
                        re.M | re.S)[1]
    return "".join(re.findall(r"^```sh\n(.*?)^```", section, re.M | re.S)).splitlines()


@unittest.skipUnless(all(map(shutil.which, ["dpkg-deb", "readelf", "objdump"])),
                     "dpkg-deb and binutils are not here")
class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.here = Path(tempfile.mkdtemp(prefix="svx-deb-"))
        cls.addClassCleanup(shutil.rmtree, cls.here, ignore_errors=True)
        cls.deb = build(cls.here)

    def control(self, *fields):
        return subprocess.check_output(["dpkg-deb", "--field", self.deb, *fields], text=True)

    def test_the_same_sources_give_the_same_bytes(self):
        other = build(self.here / "again")
        self.assertEqual(self.deb.read_bytes(), other.read_bytes())

    def test_it_says_what_it_replaces_and_needs(self):
        control = self.control()
        for field in ["Conflicts: supervisor", "Replaces: supervisor",
                      "Provides: supervisor (= 4.3.0)"]:
            self.assertIn(field + "\n", control)
        self.assertRegex(control, r"(?m)^Depends: libc6 \(>= 2\.\d+\)")
        version = re.search(r'^version = "(.*)"', (REPOSITORY / "Cargo.toml").read_text(), re.M)[1]
        self.assertEqual(self.control("Version").strip(), version)

    def test_files_belong_to_root_and_nobody_else_can_write_them(self):
        listing = subprocess.check_output(["dpkg-deb", "--contents", self.deb], text=True)
        for line in listing.splitlines():
            mode, owner, _, date, _, path = line.split(maxsplit=5)
            self.assertEqual(owner, "root/root", line)
            self.assertRegex(mode, r"^(drwxr-xr-x|-rw-r--r--|-rwxr-xr-x|lrwxrwxrwx)$", line)
            program = path in ("./usr/bin/svx", "./usr/share/svx/supervisor.init")
            self.assertEqual(mode == "-rwxr-xr-x", program, line)
            # A file there would be a conffile, and take the place of the distribution's.
            self.assertFalse(path.startswith("./etc") and mode.startswith("-"), line)

    def test_everything_is_where_debian_looks_for_it(self):
        tree = self.here / "tree"
        subprocess.run(["dpkg-deb", "--extract", self.deb, tree], check=True)
        for name in COMMANDS:
            self.assertEqual(os.readlink(tree / "usr/bin" / name), "svx")
        for page in (REPOSITORY / "man").iterdir():
            packed = tree / f"usr/share/man/man{page.suffix[1:]}/{page.name}.gz"
            self.assertEqual(subprocess.check_output(["gzip", "-dc", packed]), page.read_bytes())
        for path in ["bash-completion/completions/supervisorctl", "zsh/vendor-completions/_svx",
                     "fish/vendor_completions.d/supervisorctl.fish", "doc/svx/copyright",
                     "doc/svx/changelog.gz", "doc/svx/README.Debian.gz"]:
            self.assertTrue((tree / "usr/share" / path).exists(), path)
        unit = (tree / "usr/lib/systemd/system/supervisor.service").read_text()
        for command in re.findall(r"^Exec\w+=(\S+)", unit, re.M):
            self.assertTrue((tree / command[1:]).exists(), command)
        if shutil.which("systemd-analyze"):
            said = subprocess.run(
                ["systemd-analyze", "verify", "--man=no", f"--root={tree}", "supervisor.service"],
                capture_output=True, text=True)
            self.assertNotRegex(said.stderr, r"supervisor\.service:\d")
        checked = subprocess.run(
            [SVX, "daemon", "--check", "-c", tree / "usr/share/svx/supervisord.conf"], capture_output=True)
        self.assertEqual(checked.returncode, 0, checked)

    @unittest.skipUnless(os.geteuid() == 0, "dpkg gives files away, which takes root")
    def test_it_installs_into_an_empty_directory_and_leaves_nothing_when_purged(self):
        root = self.here / "root"
        for directory in ["updates", "info"]:
            (root / "var/lib/dpkg" / directory).mkdir(parents=True)
        (root / "var/lib/dpkg/status").touch()

        def dpkg(*words):
            options = ["--force-script-chrootless", "--force-depends", "--no-triggers"]
            subprocess.run(["dpkg", f"--root={root}", "--log=/dev/null", *options, *words],
                           check=True, **QUIET)

        def files():
            return {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()
                    and not path.is_relative_to(root / "var/lib/dpkg")}

        dpkg("--install", self.deb)
        self.assertLessEqual({"etc/supervisor/supervisord.conf", "etc/init.d/supervisor"}, files())
        (root / "etc/supervisor/supervisord.conf").write_text("; mine\n")
        dpkg("--remove", "svx")
        self.assertEqual(files(), {"etc/supervisor/supervisord.conf", "var/lib/svx/created"})
        dpkg("--install", self.deb)
        self.assertEqual((root / "etc/supervisor/supervisord.conf").read_text(), "; mine\n")
        dpkg("--purge", "svx")
        self.assertEqual(files(), set())

    @unittest.skipUnless(shutil.which("lintian"), "lintian is not here")
    def test_lintian_finds_no_error(self):
        done = subprocess.run(["lintian", "--tag-display-limit", "0", self.deb],
                              capture_output=True, text=True, env=dict(os.environ, LC_ALL="C"))
        found = [line for line in done.stdout.splitlines() if line.startswith("E:")]
        self.assertEqual(found, [])


#: What is supervised before, during and after the move.
CONFIG = {
    "web.conf": """\
[inet_http_server]
port=127.0.0.1:{port}

[program:web]
command=python3 -u -c "import time; print('hello'); time.sleep(10000)"
user=www-data
stdout_logfile=/var/log/supervisor/web.log
""",
    "workers.conf": """\
[program:worker]
command=sleep 10000
process_name=%(program_name)s_%(process_num)02d
numprocs=2
""",
    "listener.conf": """\
[eventlistener:witness]
command=python3 -u /usr/local/bin/witness
events=PROCESS_STATE
""",
}
WITNESS = r"""
import sys
while True:
    print("READY", flush=True)
    head = dict(pair.split(":") for pair in sys.stdin.readline().split())
    sys.stdin.read(int(head["len"]))
    with open("/var/log/supervisor/witness.txt", "a") as seen:
        print(head["ver"], head["eventname"], file=seen)
    print("RESULT 2\nOK", end="", flush=True)
"""
NAMES = ["web", "witness", "worker:worker_00", "worker:worker_01"]
#: What an administrator has changed in the distribution's file.
EDIT = ("chmod=0700 ", "chmod=0770 ")


class UnixTransport(Transport):
    """XML-RPC over a unix socket without the module that comes with Supervisor."""

    def __init__(self, path):
        super().__init__()
        self.path = str(path)

    def make_connection(self, host):
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(self.path)
        self._connection = host, connection  # which `close` closes
        return connection


class Machine:
    """A Debian in a directory, its processes and mounts in namespaces that end with it."""

    def __init__(self, here):
        self.root = here / "debian"
        self.root.mkdir()
        base = self.base()
        subprocess.run(["tar", "-C", self.root, "-xf", base], check=True)
        (self.root / "etc/dpkg/dpkg.cfg.d/fast").write_text("force-unsafe-io\n")
        # Process 1 leaves no zombies, whoever is left to it, and does not outlive this one.
        init = 'mount -t proc proc "$0/proc" && mount -t tmpfs tmpfs "$0/run" && trap "" CHLD && ' \
               'echo up && exec cat >/dev/null'
        self.space = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child",
             "sh", "-c", init, self.root], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.space.stdout.readline() == b"up\n"
        children = Path(f"/proc/{self.space.pid}/task/{self.space.pid}/children")
        self.one = until("process 1 of the machine", lambda: children.read_text().split())[0]

    def close(self):
        self.space.send_signal(signal.SIGKILL)
        self.space.wait()
        self.space.stdin.close()
        self.space.stdout.close()

    @staticmethod
    def base():
        """A tar of a Debian that may start services, with the packages it will want."""
        with open("/etc/os-release") as release:
            words = dict(line.rstrip().split("=", 1) for line in release if "=" in line)
        suite = words["VERSION_CODENAME"] if words.get("ID") == "debian" else "stable"

        def prepare(root):
            subprocess.run(["chroot", root, "apt-get", "install", "--download-only", "--yes",
                            "--no-install-recommends", "supervisor"],
                           check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            policy = root / "usr/sbin/policy-rc.d"
            policy.write_text("#!/bin/sh\nexit 0\n")
            policy.chmod(0o755)
            (root / "etc/resolv.conf").write_text("")
        return debian.kept("debian", suite, prepare=prepare)

    def run(self, command, check=True):
        """Runs a line of shell on the machine, as root in root's home; its output and errors."""
        done = subprocess.run(
            ["nsenter", "--target", self.one, "--mount", "--pid", "chroot", self.root, "sh", "-c",
             f'cd /root; sudo() {{ "$@"; }}\n{command}'],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=APT_SECONDS,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive",
                 "HOME": "/root", "LC_ALL": "C"})
        if check and done.returncode:
            raise AssertionError(f"{command}: status {done.returncode}\n{done.stdout}")
        return done.stdout

    def follow(self, title):
        """Runs the commands of a section of the README as they stand there."""
        for line in steps(title):
            if " status" in line:
                # Supervisor is started before it answers.
                quietly = f"({line}\n) >/dev/null 2>&1 && echo yes"
                until(line, lambda: self.run(quietly, check=False))
            else:
                self.run(line.replace("apt ", "apt-get --yes "))

    def processes(self):
        """Names, states and pids by `supervisorctl status`."""
        lines = self.run("supervisorctl status", check=False).splitlines()
        found = [re.match(r"(\S+) +(\w+) +(?:pid (\d+),)?", line) for line in lines]
        return {match[1]: (match[2], match[3]) for match in found if match}

    def wait_running(self, names):
        """Waits until exactly these run; their pids."""
        def there():
            now = self.processes()
            states = {state for state, _ in now.values()}
            return sorted(now) == sorted(names) and states == {"RUNNING"} and now
        return {name: pid for name, (_, pid) in until(f"{names} run", there).items()}

    def daemon(self):
        """The binary of the daemon that runs."""
        return self.run("readlink /proc/$(cat /run/supervisord.pid)/exe").strip()

    def etc(self):
        """All of /etc, by line: modes, checksums, where links lead."""
        files = "find /etc -type f ! -name ld.so.cache ! -name '*-'"
        return self.run(f"{files} -printf '%m %p\\n' -exec sha256sum {{}} +"
                        "; find /etc -type l -printf '%l %p\\n'").splitlines()

    def ours(self):
        """What has svx in its name or was made by its package."""
        return self.run(
            "find / -xdev -name '*svx*' ! -path '/root/*' ! -path '/proc/*' ! -path '/var/cache/*';"
            "dpkg-divert --list '*supervis*'; ls /usr/bin/supervisord /etc/init.d/supervisor"
            " /lib/systemd/system/supervisor.service /etc/supervisor 2>/dev/null;"
            "find /etc/rc?.d /etc/systemd /var/lib/systemd /run -name '*supervis*'", check=False)


@unittest.skipUnless(os.environ.get("SVX_TEST_DEBIAN"), "SVX_TEST_DEBIAN=1 is not set")
@unittest.skipUnless(os.geteuid() == 0, "a Debian in a directory takes root")
@unittest.skipUnless(all(map(shutil.which, ["debootstrap", "nsenter", "unshare", "readelf"])),
                     "debootstrap, util-linux or binutils are not here")
class Move(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        built = Path(tempfile.mkdtemp(prefix="svx-deb-"))
        cls.addClassCleanup(shutil.rmtree, built)
        cls.deb = build(built)

    def setUp(self):
        here = Path(tempfile.mkdtemp(prefix="svx-debian-"))
        self.addCleanup(shutil.rmtree, here)
        self.machine = Machine(here)
        self.addCleanup(self.machine.close)
        shutil.copy(self.deb, self.machine.root / "root")

    def supervise(self):
        """Installs the distribution's package, and what it is to run."""
        machine, self.port = self.machine, free_port()
        machine.run("apt-get install --yes --no-install-recommends supervisor")
        main = machine.root / "etc/supervisor/supervisord.conf"
        main.write_text(main.read_text().replace(*EDIT))
        for name, text in CONFIG.items():
            (machine.root / "etc/supervisor/conf.d" / name).write_text(text.format(port=self.port))
        (machine.root / "usr/local/bin/witness").write_text(WITNESS)
        machine.run(STOP)
        machine.run("service supervisor start")
        machine.wait_running(NAMES)

    def use(self):
        """What one does all day, by command, by script and over the network."""
        machine = self.machine
        pids = machine.wait_running(NAMES)
        self.assertEqual(machine.run("service supervisor status"), "supervisord is running\n")
        self.assertEqual(machine.run(f"stat -c %U /proc/{pids['web']}").strip(), "www-data")
        self.assertEqual(machine.run("stat -c '%a %U' /run/supervisor.sock"), "770 root\n")
        (machine.root / "var/log/supervisor/witness.txt").unlink(missing_ok=True)
        self.assertEqual(machine.run("supervisorctl restart web"), "web: stopped\nweb: started\n")
        self.assertNotEqual(machine.wait_running(NAMES)["web"], pids["web"])
        self.assertIn("hello\n", machine.run("supervisorctl tail web"))
        self.assertIn("spawned: 'web'", machine.run("supervisorctl maintail"))
        until("the listener hears of it", lambda: "3.0 PROCESS_STATE_RUNNING" in machine.run(
            "cat /var/log/supervisor/witness.txt", check=False))
        extra = machine.root / "etc/supervisor/conf.d/extra.conf"
        extra.write_text("[program:extra]\ncommand=sleep 10000\n")
        self.assertEqual(machine.run("supervisorctl reread"), "extra: available\n")
        self.assertEqual(machine.run("supervisorctl update"), "extra: added process group\n")
        machine.wait_running([*NAMES, "extra"])
        extra.unlink()
        self.assertEqual(machine.run("supervisorctl update"),
                         "extra: stopped\nextra: removed process group\n")
        self.assertEqual(machine.run("supervisorctl pid").strip(),
                         machine.run("cat /var/run/supervisord.pid").strip())
        socket_path = Path(f"/proc/{machine.one}/root{machine.root}/run/supervisor.sock")
        for proxy in [ServerProxy(f"http://127.0.0.1:{self.port}/RPC2"),
                      ServerProxy("http://localhost/RPC2", transport=UnixTransport(socket_path))]:
            with proxy:
                self.assertEqual(len(proxy.supervisor.getAllProcessInfo()), len(NAMES))

    def test_a_machine_moves_to_svx_and_back(self):
        machine = self.machine
        self.supervise()
        self.assertIn("python", machine.daemon())
        self.use()
        etc = machine.etc()

        machine.follow("Moving from Supervisor")
        self.assertEqual(machine.daemon(), "/usr/bin/svx")
        self.use()
        self.assertEqual(sorted(set(machine.etc()) ^ set(etc)), [])
        # What monitoring and init scripts go by.
        machine.run("start-stop-daemon --status --exec /usr/bin/supervisord"
                    " --pidfile /run/supervisord.pid")
        self.assertEqual(machine.run("cat /proc/$(cat /run/supervisord.pid)/comm"), "supervisord\n")
        machine.run("echo_supervisord_conf >/dev/null && supervisord --version")
        machine.run("pidproxy 2>&1 | grep -qi usage")
        machine.run(STOP)
        machine.run("service supervisor start")
        pids = machine.wait_running(NAMES)

        machine.run("apt-get install --yes --reinstall ./svx_*.deb")
        self.assertEqual(machine.wait_running(NAMES), pids, "an upgrade leaves programs alone")

        machine.follow("Going back")
        self.assertIn("python", machine.daemon())
        self.use()
        self.assertEqual(sorted(set(machine.etc()) ^ set(etc)), [])
        machine.follow("Removing")
        self.assertEqual(sorted(set(machine.etc()) ^ set(etc)), [])
        self.assertNotIn("svx", machine.ours())
        machine.wait_running(NAMES)

    def test_purging_the_removed_supervisor_takes_nothing_from_svx(self):
        machine = self.machine
        self.supervise()
        main = (machine.root / "etc/supervisor/supervisord.conf").read_text()
        machine.run("apt-get install --yes ./svx_*.deb")
        pids = machine.wait_running(NAMES)
        links = machine.run("find /etc/rc?.d /etc/systemd -name '*supervisor*' | sort")
        self.assertIn("multi-user.target.wants/supervisor.service", links)
        machine.run("apt-get purge --yes supervisor")
        self.assertEqual((machine.root / "etc/supervisor/supervisord.conf").read_text(), main)
        self.assertEqual(
            machine.run("find /etc/rc?.d /etc/systemd -name '*supervisor*' | sort"), links)
        self.assertEqual(machine.wait_running(NAMES), pids)
        # Now with the init script of svx.
        machine.run("service supervisor restart")
        self.assertNotEqual(machine.wait_running(NAMES), pids)

    def test_a_machine_without_supervisor_gets_a_service_and_loses_it_without_a_trace(self):
        machine = self.machine
        etc, ours = machine.etc(), machine.ours()
        machine.run("apt-get install --yes ./svx_*.deb")
        self.assertEqual(machine.daemon(), "/usr/bin/svx")
        (machine.root / "etc/supervisor/conf.d/one.conf").write_text(
            "[program:one]\ncommand=sleep 1000\nstdout_logfile=NONE\nstderr_logfile=NONE\n")
        machine.run("supervisorctl update")
        machine.wait_running(["one"])
        machine.run("service supervisor restart && service supervisor status")
        machine.wait_running(["one"])
        machine.run("service supervisor stop")
        machine.run("! service supervisor status")
        machine.run("service supervisor start")
        (machine.root / "etc/supervisor/conf.d/one.conf").unlink()
        machine.run("supervisorctl update")
        machine.run("apt-get purge --yes svx")
        self.assertEqual(sorted(set(machine.etc()) ^ set(etc)), [])
        self.assertEqual(machine.ours(), ours)
        self.assertEqual(machine.run("ls -A /var/log/supervisor 2>&1 || true"),
                         "ls: cannot access '/var/log/supervisor': No such file or directory\n")


if __name__ == "__main__":
    unittest.main()
