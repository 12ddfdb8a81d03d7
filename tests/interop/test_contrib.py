"""What contrib has for others to copy works as it stands there, but for its paths and ports.

A test whose tool this machine lacks is skipped and says so. `run` installs what it can.
"""

import base64
import configparser
import gzip
import json
import os
import pwd
import re
import shutil
import subprocess
import sys
import textwrap
import unittest
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from house import DEADLINE, REPOSITORY, STOCK_BIN, SVX, House, free_port, until

CONTRIB = REPOSITORY / "contrib"
VENV = Path(sys.executable).parent.parent
#: Nobody in particular: what pods run as.
STRANGER = 10001
STAND_IN = "#!/bin/sh\nexec sleep 1000\n"


def tool(name):
    """A program, also of those that `run` has put beside Python; skips the test without it."""
    path = shutil.which(name, path=f"{os.environ['PATH']}:{STOCK_BIN}:/usr/sbin:/sbin")
    if not path:
        raise unittest.SkipTest(f"{name} is not installed")
    return path


def module(name):
    """A package of Python, likewise."""
    try:
        return __import__(name)
    except ImportError:
        raise unittest.SkipTest(f"{name} is not installed") from None


def ran(*command, timeout=DEADLINE, **more):
    """Runs a command to its end: its status, and all it said."""
    done = subprocess.run([*map(str, command)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=timeout, text=True, **more)
    return done.returncode, done.stdout


def fetched(port, path, login=None):
    """The status and the body of a page; `login` is what follows `Basic`."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
    if login:
        request.add_header("Authorization", f"Basic {login}")
    try:
        with urllib.request.urlopen(request, timeout=DEADLINE) as page:
            return page.status, page.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, ""


def basic(name, password):
    return base64.b64encode(f"{name}:{password}".encode()).decode()


def sections(config):
    parser = configparser.RawConfigParser(strict=False, inline_comment_prefixes=(";",))
    parser.read_string(config)
    return parser


def longest_stop(config):
    """The seconds it takes to stop all, one group after the other."""
    parser = sections(config)
    programs = [name for name in parser.sections() if name.startswith("program:")]
    return sum(parser.getint(name, "stopwaitsecs", fallback=10) for name in programs)


def moved(config, port):
    """A configuration for a container, in a house."""
    config = config.replace("/run/svx/", "%(here)s/run/").replace("/srv/", "%(here)s/srv/")
    return config.replace("/etc/svx-server/", "%(here)s/server/").replace("*:9001", f"127.0.0.1:{port}")


class Container(House):
    """A container as far as it goes without one: a user of its own who may do nothing else, and
    nothing but `run` to write to. Without root only the configuration is the same."""

    def __init__(self, config, files=()):
        super().__init__("svx", config, dict(files, **{
            "srv/shop/bin/web": STAND_IN, "srv/shop/bin/worker": STAND_IN, "run/none": ""}))
        self.svx = self.here / "svx"
        shutil.copy(SVX, self.svx)
        self.socket = self.here / "run/supervisor.sock"
        for path in [self.here, *self.here.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755)
        self.prefix = []
        if os.geteuid() == 0 and ran("unshare", "--mount", "true")[0] == 0:
            os.chown(self.here / "run", STRANGER, STRANGER)
            self.prefix = ["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups",
                           "--bounding-set=-all", "--no-new-privs"]
            script = self.here / "closed"
            script.write_text(textwrap.dedent(f"""\
                #!/bin/sh -e
                mount --bind {self.here}/run {self.here}/run
                mount -o remount,bind,ro /
                exec {' '.join(self.prefix)} {self.svx} daemon "$@"
                """))
            script.chmod(0o755)
            (self.bin / "supervisord").unlink()
            (self.bin / "supervisord").write_text(f'#!/bin/sh\nexec unshare --mount {script} "$@"\n')
            (self.bin / "supervisord").chmod(0o755)

    def exec(self, words, path):
        """Runs what a probe does, whose configuration is at `path`."""
        words = [str(self.config) if word == path else word for word in words]
        assert words[0] == "svx" and str(self.config) in words, words
        return ran(*self.prefix, self.svx, *words[1:])


class Kubernetes(unittest.TestCase):
    CONFIG = "/etc/svx/supervisord.conf"

    @classmethod
    def setUpClass(cls):
        yaml = module("yaml")
        cls.all = list(yaml.safe_load_all((CONTRIB / "kubernetes/svx.yaml").read_text()))
        cls.monitor = yaml.safe_load((CONTRIB / "kubernetes/pod-monitor.yaml").read_text())
        cls.of = {(one["kind"], one["metadata"]["name"]): one for one in cls.all}
        cls.pod = cls.of["Deployment", "shop"]["spec"]["template"]["spec"]
        cls.container = cls.pod["containers"][0]
        cls.config = cls.of["ConfigMap", "shop"]["data"]["supervisord.conf"]

    def test_kubernetes_would_take_it(self):
        validate = module("kubernetes_validate")
        for one in self.all:
            validate.validate(one, validate.latest_version(), strict=True)

    def test_what_is_named_is_there(self):
        volumes = {volume["name"]: volume for volume in self.pod["volumes"]}
        self.assertEqual({mount["name"] for mount in self.container["volumeMounts"]}, set(volumes))
        self.assertIn(("ConfigMap", volumes["config"]["configMap"]["name"]), self.of)
        self.assertIn(("Secret", volumes["secret"]["secret"]["secretName"]), self.of)
        ports = {port["name"] for port in self.container["ports"]}
        self.assertIn(self.of["Service", "shop"]["spec"]["ports"][0]["targetPort"], ports)
        endpoint = self.monitor["spec"]["podMetricsEndpoints"][0]
        self.assertIn(endpoint["port"], ports)
        for key in endpoint["basicAuth"].values():
            self.assertIn(key["key"], self.of["Secret", key["name"]]["stringData"])
        labels = self.of["Deployment", "shop"]["spec"]["template"]["metadata"]["labels"]
        for selected in (self.of["Deployment", "shop"]["spec"]["selector"]["matchLabels"],
                         self.of["Service", "shop"]["spec"]["selector"],
                         self.monitor["spec"]["selector"]["matchLabels"]):
            self.assertLessEqual(selected.items(), labels.items())

    def test_it_stops_before_it_is_killed_and_has_no_rights(self):
        self.assertGreater(self.pod["terminationGracePeriodSeconds"], longest_stop(self.config))
        self.assertTrue(self.pod["securityContext"]["runAsNonRoot"])
        self.assertTrue(self.container["securityContext"]["readOnlyRootFilesystem"])

    def test_its_probes_and_its_scrape_work(self):
        port = free_port()
        server = self.of["Secret", "shop-svx"]["stringData"]["server.conf"]
        with Container(moved(self.config, port), {"server/server.conf": moved(server, port)}) as house:
            self.assertEqual(self.container["command"],
                             ["svx", "daemon", "--nodaemon", "-c", self.CONFIG])
            status, said = house.exec(["svx", "check", "--strict", "-c", self.CONFIG], self.CONFIG)
            self.assertEqual(status, 0, said)
            house.start()
            probe = {name: self.container[f"{name}Probe"]["exec"]["command"]
                     for name in ("startup", "readiness", "liveness")}
            until("it has come up", lambda: house.exec(probe["startup"], self.CONFIG)[0] == 0)
            self.assertEqual(house.exec(probe["readiness"], self.CONFIG)[0], 0)
            house.call("stopProcess", "web")
            self.assertEqual(house.exec(probe["readiness"], self.CONFIG), (1, "web is STOPPED\n"))
            self.assertEqual(house.exec(probe["liveness"], self.CONFIG)[0], 0)
            login = self.of["Secret", "shop-scrape"]["stringData"]
            status, metrics = fetched(port, self.monitor["spec"]["podMetricsEndpoints"][0]["path"],
                                      basic(login["username"], login["password"]))
            self.assertEqual(status, 200)
            self.assertIn('node_supervisord_up{group="web",name="web"} 0', metrics)
            self.assertEqual(fetched(port, "/metrics")[0], 401)
            house.daemon.terminate()
            self.assertEqual(house.daemon.wait(DEADLINE), 0)
            self.assertIn("stopped: worker (terminated by SIGTERM)", (house.here / "stdout").read_text())
            self.assertNotEqual(house.exec(probe["liveness"], self.CONFIG)[0], 0)


class Nomad(unittest.TestCase):
    CONFIG = "${NOMAD_TASK_DIR}/supervisord.conf"

    @classmethod
    def setUpClass(cls):
        with open(CONTRIB / "nomad/shop.nomad.hcl") as file:
            job = plain(module("hcl2").load(file))
        cls.variables = {name: body["default"] for one in job["variable"] for name, body in one.items()}
        cls.group = job["job"][0]["shop"]["group"][0]["shop"]
        cls.task = cls.group["task"][0]["svx"]
        heredoc = cls.task["template"][0]["data"]
        lines = re.fullmatch(r"<<-EOF\n(.*)\n *EOF", heredoc, re.S)[1]
        cls.config = cls.filled(textwrap.dedent(lines))

    @classmethod
    def filled(cls, text):
        """The text with the variables of the job in it."""
        text = re.sub(r'\$\{base64encode\("([^"]*)"\)\}',
                      lambda match: base64.b64encode(cls.filled(match[1]).encode()).decode(), text)
        return re.sub(r"\$\{var\.(\w+)\}", lambda match: cls.variables[match[1]], text)

    def test_it_stops_before_it_is_killed(self):
        self.assertEqual(self.task["kill_signal"], "SIGTERM")
        self.assertGreater(int(self.task["kill_timeout"].rstrip("s")), longest_stop(self.config))

    def test_its_checks_and_its_change_of_configuration_work(self):
        ports = {name: body["to"] for one in self.group["network"][0]["port"] for name, body in one.items()}
        self.assertEqual(ports["svx"], 9001)
        port = free_port()
        config = moved(self.config, port).replace("%(here)s/supervisor", "%(here)s/run/supervisor")
        with Container(config) as house:
            words = [self.task["config"][0]["command"], *self.task["config"][0]["args"]]
            self.assertEqual(words, ["svx", "daemon", "--nodaemon", "-c", self.CONFIG])
            status, said = house.exec(["svx", "check", "--strict", "-c", self.CONFIG], self.CONFIG)
            self.assertEqual(status, 0, said)
            house.start()
            house.settle()
            checks = self.group["service"][0]["check"]
            self.assertEqual(len(checks), 2)
            for check in checks:
                login = self.filled(check["header"][0]["Authorization"][0]).removeprefix("Basic ")
                self.assertEqual(fetched(port, check["path"], login)[0], 200, check)
                self.assertEqual(fetched(port, check["path"])[0], 401)
            (house.here / "srv/shop/bin/web").write_text("#!/bin/sh\nexit 1\n")
            house.kill("web")
            until("web is missed", lambda: [
                fetched(port, check["path"], login)[0] for check in checks] == [503, 200])
            house.config.write_text(config.replace("[program:worker]", "[program:other]"))
            script = self.task["template"][0]["change_script"][0]
            status, said = house.exec([script["command"], *script["args"]], self.CONFIG)
            self.assertEqual(status, 0, said)
            self.assertEqual(house.info("other")["group"], "other")


def plain(value):
    """What hcl2 read, without the quotes it leaves on."""
    if isinstance(value, dict):
        return {plain(key): plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value[1:-1] if isinstance(value, str) and value[:1] == value[-1:] == '"' else value


class Logrotate(unittest.TestCase):
    CONFIG = """\
[unix_http_server]
file=%(here)s/supervisor.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisord]
logfile=%(here)s/log/supervisord.log
logfile_maxbytes=0
pidfile=%(here)s/supervisord.pid
[program:loud]
command=PYTHON -u -c "import itertools, sys; [print(n, file=f) for n in itertools.count() for f in (sys.stdout, sys.stderr)]"
stdout_logfile=%(here)s/log/loud.log
stdout_logfile_maxbytes=0
stderr_logfile=%(here)s/log/loud.err.log
stderr_logfile_maxbytes=0
"""

    def test_no_line_is_lost(self):
        logrotate = tool("logrotate")
        with House("svx", self.CONFIG.replace("PYTHON", sys.executable), {"log/none": ""}) as house:
            rules = (CONTRIB / "logrotate/svx").read_text()
            rules = rules.replace("/var/log/supervisor", str(house.here / "log"))
            rules = rules.replace("/run/supervisord.pid", str(house.here / "supervisord.pid"))
            (house.here / "rules").write_text(rules)
            (house.here / "rules").chmod(0o644)
            house.start()
            logs = [house.here / "log" / name for name in ("loud.log", "loud.err.log")]
            for _ in range(6):
                for log in logs:
                    until("it is written to", lambda: log.exists() and log.stat().st_size)
                status, said = ran(logrotate, "-f", "-s", house.here / "state", house.here / "rules")
                self.assertEqual((status, said), (0, ""))
            for log in logs:
                until("it is written to", lambda: log.exists() and log.stat().st_size)
            house.call("stopProcess", "loud")
            for log in logs:
                files = sorted(log.parent.glob(log.name + "*"), reverse=True)
                self.assertEqual([file.name.removeprefix(log.name) for file in files],
                                 [".6.gz", ".5.gz", ".4.gz", ".3.gz", ".2.gz", ".1", ""])
                text = b"".join(gzip.open(file).read() if file.suffix == ".gz" else file.read_bytes()
                                for file in files)
                lines = [int(line) for line in text.split()]
                self.assertEqual(lines, list(range(len(lines))))
                self.assertGreater(len(lines), 1000)
            self.assertTrue((house.here / "log/supervisord.log").exists())


class Ansible(unittest.TestCase):
    BOOK = CONTRIB / "ansible/svx.yml"

    @classmethod
    def setUpClass(cls):
        cls.playbook = VENV / "bin/ansible-playbook"
        if not cls.playbook.exists() or not (VENV / "ansible_collections/community/general").exists():
            raise unittest.SkipTest("ansible with community.general is not installed")

    def play(self, here, *words, **variables):
        """Runs the play in a directory; how many tasks did change something, and what it said."""
        places = {name: str(here / name.removeprefix("svx_"))
                  for name in ("svx_bin", "svx_etc", "svx_log", "svx_run", "svx_units")}
        variables = {**places, "svx_binary": str(SVX), "svx_service": False, "ansible_become": False,
                     "ansible_python_interpreter": sys.executable, **variables}
        environment = dict(os.environ, ANSIBLE_COLLECTIONS_PATH=str(VENV), HOME=str(here), LC_ALL="C.UTF-8",
                           ANSIBLE_PIPELINING="True")
        status, said = ran(self.playbook, "-i", "localhost,", "-c", "local", "-e", json.dumps(variables),
                           *words, self.BOOK, env=environment, timeout=5 * DEADLINE)
        self.assertEqual(status, 0, said)
        recap = re.search(r"ok=(\d+) +changed=(\d+) +unreachable=0 +failed=0", said)
        return recap and int(recap[2]), said

    def test_it_installs_starts_and_changes(self):
        with House("svx", "") as house:
            for name in ("log", "run", "units"):
                (house.here / name).mkdir()
            shutil.rmtree(house.bin)
            house.bin.mkdir()
            before = sorted(house.here.rglob("*"))
            self.play(house.here, "--check", "--tags", "install")
            self.assertEqual([path for path in sorted(house.here.rglob("*"))
                              if path not in before and ".ansible" not in path.parts], [])
            changed, _ = self.play(house.here, "--tags", "install")
            self.assertEqual(changed, 5)
            unit = (house.here / "units/svx.service").read_text()
            self.assertIn(f"\nExecStart={house.bin}/svx daemon --nodaemon --silent "
                          f"-c {house.here}/etc/supervisord.conf\n", unit)
            house.config = house.here / "etc/supervisord.conf"
            house.socket = house.here / "run/supervisor.sock"
            house.start()
            # Of the installation nothing changes the second time.
            self.assertEqual(self.play(house.here)[0], 2)
            first = house.wait("web", "RUNNING")
            self.assertEqual(self.play(house.here, "--tags", "program", web_seconds=2000)[0], 2)
            self.assertNotEqual(house.wait("web", "RUNNING")["pid"], first["pid"])


class Systemd(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.analyze = tool("systemd-analyze")

    def units(self):
        """A directory with the units, whose svx is the one that is tested."""
        with House("svx", "") as house:
            for path in (CONTRIB / "systemd").glob("*.service"):
                (house.here / path.name).write_text(path.read_text().replace("/usr/bin/svx", str(SVX)))
            (house.here / "svx.service.d").mkdir()
            yield house.here

    def test_units_are_verified(self):
        for here in self.units():
            environment = dict(os.environ, XDG_RUNTIME_DIR=str(here))
            for words in (["svx.service"], ["--user", "svx-user.service"]):
                with self.subTest(words):
                    found = ran(self.analyze, "verify", "--man=no", *words[:-1], here / words[-1], env=environment)
                    if "unrecognized option" in found[1]:
                        self.skipTest("systemd-analyze is too old")
                    self.assertEqual(found, (0, ""))

    def test_the_drop_in_leaves_little(self):
        for here in self.units():
            environment = dict(os.environ, SYSTEMD_UNIT_PATH=f"{here}:")

            def exposure():
                status, said = ran(self.analyze, "security", "--offline=true", here / "svx.service", env=environment)
                found = re.search(r"exposure level for svx.service: ([\d.]+)", said)
                if not found:
                    self.skipTest(f"no verdict: {said}")
                return float(found[1])

            self.assertLess(exposure(), 8.5)
            shutil.copy(CONTRIB / "systemd/hardened.conf", here / "svx.service.d")
            found = ran(self.analyze, "verify", "--man=no", here / "svx.service", env=environment)
            self.assertEqual(found, (0, ""))
            self.assertLess(exposure(), 4.0)

    def test_the_rights_that_the_drop_in_leaves_suffice_for_programs_of_other_users(self):
        if os.geteuid() != 0:
            self.skipTest("needs root")
        text = (CONTRIB / "systemd/hardened.conf").read_text()
        rights = re.findall(r"\bCAP_(\w+)", "\n".join(re.findall("^CapabilityBoundingSet=.*", text, re.M)))
        config = """\
[unix_http_server]
file=%(here)s/supervisor.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[inet_http_server]
port=127.0.0.1:PORT
[supervisord]
user=root
logfile=%(here)s/supervisord.log
pidfile=%(here)s/supervisord.pid
[program:tree]
command=sh -c "setsid sleep 1000 & wait"
directory=/
user=nobody
killmode=tree
"""
        port = free_port()
        with House("svx", config.replace("PORT", str(port))) as house:
            (house.bin / "supervisord").unlink()
            kept = ",".join(f"+{right.lower()}" for right in rights)
            (house.bin / "supervisord").write_text(
                f'#!/bin/sh\nexec setpriv --bounding-set=-all,{kept} --no-new-privs {SVX} daemon "$@"\n')
            (house.bin / "supervisord").chmod(0o755)
            house.start()
            pid = house.wait("tree", "RUNNING")["pid"]
            self.assertEqual(os.stat(f"/proc/{pid}").st_uid, pwd.getpwnam("nobody").pw_uid)
            _, metrics = fetched(port, "/metrics")
            self.assertIn('svx_process_open_fds{group="tree",name="tree"} ', metrics)
            orphan = int(until("its child", lambda: Path(f"/proc/{pid}/task/{pid}/children").read_text()).split()[0])
            house.call("stopProcess", "tree")
            self.assertFalse(alive(orphan))


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


class Prometheus(unittest.TestCase):
    def test_promtool_accepts_the_alerts_and_what_is_scraped(self):
        promtool = tool("promtool")
        for words in (["rules", CONTRIB / "prometheus/alerts.yml"],
                      ["config", "--syntax-only", CONTRIB / "prometheus/scrape.yml"]):
            status, said = ran(promtool, "check", *words)
            self.assertEqual(status, 0, said)


class Examples(unittest.TestCase):
    def test_supervisor_runs_the_example_with_nginx_as_well(self):
        config = (CONTRIB / "examples/nginx/supervisord.conf").read_text()
        own = pwd.getpwuid(os.geteuid()).pw_name
        config = re.sub("^user=[^ \n]*", f"user={own}", config, flags=re.M)
        config = re.sub("=nginx ", "=%(here)s/srv/nginx ", config)
        config = config.replace("/run/", "%(here)s/").replace("/srv/shop", "%(here)s/srv/shop")
        config = config.replace("/var/log/supervisor/", "%(here)s/").replace("/var/log/", "%(here)s/log/")
        programs = ["srv/nginx", "srv/shop/bin/app", "srv/shop/bin/worker"]
        files = {name: STAND_IN for name in programs} | {"log/nginx/none": "", "log/shop/none": ""}

        def seen(flavour):
            with House(flavour, config, files) as house:
                for name in programs:
                    (house.here / name).chmod(0o755)
                house.start()
                house.settle()
                states = [(info["group"], info["name"], info["statename"])
                          for info in house.call("getAllProcessInfo")]
                spawned = re.findall(r"spawned: '(\S+)'", house.log())
                configured = house.plain(json.dumps(house.call("getAllConfigInfo"), sort_keys=True))
                restarted = house.ctl("restart", "shop:*")
                return states, spawned, configured, sorted(restarted.out.splitlines())

        with ThreadPoolExecutor(2) as pool:
            stock, svx = pool.map(seen, ("stock", "svx"))
        self.maxDiff = None
        self.assertEqual(stock, svx)
        self.assertEqual({state for _, _, state in svx[0]}, {"RUNNING"})


if __name__ == "__main__":
    unittest.main()
