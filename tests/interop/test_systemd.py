"""The units of contrib/systemd and of the Debian package under a systemd that runs, as process 1 of a Debian in a directory.

This needs root and SVX_TEST_SYSTEMD=1. The Debian comes from the network (debootstrap) and is kept in
the cache; its systemd has namespaces and a cgroup of its own, and nothing is installed here.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

import debian
from house import REPOSITORY, SVX, until

UNITS = REPOSITORY / "contrib/systemd"
PACKAGES = "systemd,systemd-sysv,libpam-systemd,dbus,procps"
BOOT_SECONDS = 60

#: What process 1 of a container finds: its own mounts, and the bare devices.
INIT = """\
set -e
mount --bind "$0" "$0"
mount -t proc proc "$0/proc"
mount -t sysfs -o ro sysfs "$0/sys"
mount -t tmpfs tmpfs "$0/sys/fs/cgroup"
mount -t cgroup2 cgroup2 "$0/sys/fs/cgroup"
mount -t tmpfs tmpfs "$0/run"
mount -t tmpfs -o mode=755 tmpfs "$0/dev"
for device in null zero full random urandom tty; do
    touch "$0/dev/$device"
    mount --bind "/dev/$device" "$0/dev/$device"
done
mkdir "$0/dev/pts" "$0/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$0/dev/pts"
ln -s pts/ptmx "$0/dev/ptmx"
mount -t tmpfs tmpfs "$0/dev/shm"
exec env -i container=lxc PATH=/usr/sbin:/usr/bin chroot "$0" /lib/systemd/systemd
"""

CONFIG = """\
[unix_http_server]
file=/run/supervisor/supervisor.sock
[supervisorctl]
serverurl=unix:///run/supervisor/supervisor.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisord]
user=root
logfile=/var/log/supervisor/supervisord.log
[program:tree]
command=sh -c "(setsid sleep 1001 &); (env -i setsid sleep 1002 &); exec sleep 1003"
killmode=tree
startsecs=0
[program:plain]
command=sleep 1004
startsecs=0
"""


def cgroups():
    """Where cgroups of version 2 are mounted here."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        words = line.split()
        if words[words.index("-") + 1] == "cgroup2":
            return Path(words[4])
    raise unittest.SkipTest("no cgroups of version 2 here")


@unittest.skipUnless(os.environ.get("SVX_TEST_SYSTEMD"), "SVX_TEST_SYSTEMD=1 is not set")
@unittest.skipUnless(os.geteuid() == 0, "needs root")
@unittest.skipUnless(all(map(shutil.which, ["debootstrap", "nsenter", "unshare"])),
                     "debootstrap or util-linux are not here")
class Systemd(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.here = Path(tempfile.mkdtemp(prefix="svx-systemd-"))
        cls.addClassCleanup(shutil.rmtree, cls.here, ignore_errors=True)
        cls.root = cls.here / "root"
        cls.root.mkdir()
        tar = debian.kept("systemd", "stable", f"--include={PACKAGES}")
        subprocess.run(["tar", "-C", cls.root, "-xf", tar], check=True)
        shutil.copy(SVX, cls.root / "usr/bin/svx")
        for unit in ["getty.target", "console-getty.service"]:
            (cls.root / "etc/systemd/system" / unit).symlink_to("/dev/null")

    def setUp(self):
        system = self.root / "etc/systemd/system"
        shutil.copy(UNITS / "svx.service", system)
        wanted = system / "multi-user.target.wants/svx.service"
        wanted.parent.mkdir(exist_ok=True)
        wanted.unlink(missing_ok=True)
        wanted.symlink_to("../svx.service")
        shutil.rmtree(system / "svx.service.d", ignore_errors=True)
        (self.root / "etc/supervisor").mkdir(exist_ok=True)
        self.config = self.root / "etc/supervisor/supervisord.conf"
        self.config.write_text(CONFIG)

    def boot(self, drop_in=None):
        """Starts systemd, and waits for svx."""
        if drop_in:
            directory = self.root / "etc/systemd/system/svx.service.d"
            directory.mkdir()
            (directory / "test.conf").write_text(drop_in)
        self.group = cgroups() / f"svx-systemd-{os.getpid()}"
        self.group.mkdir()
        self.addCleanup(self.power_off)
        enter = f'echo 0 > {self.group}/cgroup.procs && exec "$@"'
        self.space = subprocess.Popen(
            ["sh", "-c", enter, "sh", "unshare", "--mount", "--propagation", "private", "--pid", "--fork",
             "--cgroup", "--uts", "--ipc", "--kill-child", "sh", "-c", INIT, self.root],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        children = Path(f"/proc/{self.space.pid}/task/{self.space.pid}/children")
        self.one = until("process 1", lambda: children.read_text().split())[0]
        until("svx", lambda: self.shown("ActiveState") == "active", BOOT_SECONDS)

    def power_off(self):
        self.space.send_signal(signal.SIGKILL)
        self.space.wait()
        (self.group / "cgroup.kill").write_text("1")

        def remove():
            for path in sorted([self.group, *self.group.rglob("*/")], reverse=True):
                try:
                    path.rmdir()
                except OSError:
                    return False
            return True
        until("nobody to be in the cgroup", remove)

    def run_there(self, *words):
        return subprocess.run(
            ["nsenter", "--target", self.one, "--mount", "--pid", "--cgroup", "chroot", self.root, *words],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
            env={"PATH": "/usr/sbin:/usr/bin", "LC_ALL": "C"})

    def does(self, *words):
        done = self.run_there(*words)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def shown(self, key):
        return self.run_there("systemctl", "show", "svx", "-P", key).stdout.strip()

    def sleepers(self):
        """What sleeps there, by how long it is to sleep."""
        return sorted(self.run_there("pgrep", "-a", "sleep").stdout.split()[2::3])

    def test_it_is_reloaded_without_a_restart_and_stopped_in_order(self):
        self.boot()
        until("both", lambda: self.shown("StatusText") == "2 running")
        before = self.run_there("pgrep", "sleep").stdout
        self.config.write_text(CONFIG + "[program:late]\ncommand=sleep 1005\nstartsecs=0\n")
        self.does("systemctl", "reload", "svx")
        self.assertEqual(self.sleepers(), ["1001", "1002", "1003", "1004", "1005"])
        self.assertIn(before, self.run_there("pgrep", "sleep").stdout)
        self.config.write_text(CONFIG + "[program:late]\ncomand=sleep 1005\n")
        self.assertNotEqual(self.run_there("systemctl", "reload", "svx").returncode, 0)
        self.assertEqual(self.shown("ActiveState"), "active")
        self.does("systemctl", "stop", "svx")
        self.assertEqual(self.sleepers(), [])
        self.assertEqual(self.shown("Result"), "success")

    def test_a_tree_has_a_cgroup_and_nothing_gets_away_from_it(self):
        self.boot()
        until("both", lambda: len(self.sleepers()) == 4)
        listed = self.does("sh", "-c", f"cd /sys/fs/cgroup{self.shown('ControlGroup')} && "
                                       "cat svx-*/tree:tree/cgroup.procs")
        self.assertEqual(len(listed.split()), 3)
        self.does("svx", "ctl", "stop", "tree")
        self.assertEqual(self.sleepers(), ["1004"])

    def test_a_daemon_that_is_killed_is_started_again_and_nothing_runs_twice(self):
        self.boot()
        until("both", lambda: len(self.sleepers()) == 4)
        self.does("kill", "-KILL", self.shown("MainPID"))
        until("the restart", lambda: self.shown("NRestarts") == "1", BOOT_SECONDS)
        until("both again", lambda: self.shown("StatusText") == "2 running", BOOT_SECONDS)
        self.assertEqual(self.sleepers(), ["1001", "1002", "1003", "1004"])

    def test_a_daemon_that_hangs_is_started_again(self):
        self.boot("[Service]\nWatchdogSec=2\n")
        first = self.shown("MainPID")
        self.does("kill", "-STOP", first)
        until("the restart", lambda: self.shown("NRestarts") == "1", BOOT_SECONDS)
        until("both again", lambda: self.shown("StatusText") == "2 running", BOOT_SECONDS)
        self.assertNotEqual(self.shown("MainPID"), first)

    def test_the_unit_of_the_debian_package_restarts_all_and_leaves_what_left_its_program(self):
        (self.root / "usr/bin/supervisord").symlink_to("svx")
        (self.root / "usr/bin/supervisorctl").symlink_to("svx")
        (self.root / "var/log/supervisor").mkdir(exist_ok=True)
        self.config.write_text(CONFIG.replace("/run/supervisor/", "/run/").replace(
            "command=sleep 1004", 'command=sh -c "(setsid sleep 1005 &); exec sleep 1004"'))
        shutil.copy(REPOSITORY / "contrib/debian/supervisor.service", self.root / "etc/systemd/system/svx.service")
        self.boot()
        until("all", lambda: self.sleepers() == ["1001", "1002", "1003", "1004", "1005"])
        before = self.shown("MainPID")
        self.does("systemctl", "reload", "svx")
        until("all again", lambda: self.sleepers() == ["1001", "1002", "1003", "1004", "1005", "1005"])
        self.assertEqual(self.shown("MainPID"), before)
        self.does("systemctl", "stop", "svx")
        self.assertEqual(self.sleepers(), ["1005", "1005"])

    def test_the_unit_for_one_user_runs_as_that_user(self):
        self.boot()
        self.does("systemctl", "stop", "svx")
        self.does("useradd", "--create-home", "--uid", "4321", "joe")
        units = self.root / "home/joe/.config/systemd/user"
        units.mkdir(parents=True)
        shutil.copy(UNITS / "svx-user.service", units / "svx.service")
        config = CONFIG.replace("user=root\n", "").replace("/run/", "%(ENV_XDG_RUNTIME_DIR)s/")
        (self.root / "home/joe/.config/supervisord.conf").write_text(config.replace("/var/log/supervisor", "%(here)s"))
        self.does("chown", "-R", "joe:", "/home/joe")
        self.does("loginctl", "enable-linger", "joe")
        # Or his programs would run in the machine of the next test, too.
        self.addCleanup(shutil.rmtree, self.root / "var/lib/systemd/linger")

        def joe(*words):
            return self.does("setpriv", "--reuid=joe", "--regid=joe", "--init-groups", "env", "HOME=/home/joe",
                             "XDG_RUNTIME_DIR=/run/user/4321", *words)

        until("joe's systemd", lambda: not self.run_there(
            "systemctl", "is-active", "--quiet", "user@4321").returncode, BOOT_SECONDS)
        joe("systemctl", "--user", "enable", "--now", "svx")
        status = ["systemctl", "--user", "show", "svx", "-P", "StatusText"]
        until("both", lambda: joe(*status).strip() == "2 running")
        until("all", lambda: len(self.sleepers()) == 4)
        joe("svx", "ctl", "-c", "/home/joe/.config/supervisord.conf", "stop", "tree")
        # A user's systemd marks nothing as handed over: who hides is missed.
        self.assertEqual(self.sleepers(), ["1002", "1004"])
        self.assertEqual(len(self.does("pgrep", "--euid=joe", "sleep").split()), 2)
        joe("systemctl", "--user", "reload", "svx")
        joe("systemctl", "--user", "stop", "svx")
        self.assertEqual(self.sleepers(), [])

    def test_hardened_it_stops_trees_by_descent(self):
        self.boot((UNITS / "hardened.conf").read_text())
        until("both", lambda: len(self.sleepers()) == 4)
        self.does("svx", "ctl", "stop", "tree")
        # Who has left the group and executes with another environment is missed, as the manual says.
        self.assertEqual(self.sleepers(), ["1002", "1004"])


if __name__ == "__main__":
    unittest.main()
