"""What articles on the web tell people to do with Supervisor, done with svx.

The configurations are those of tests/fixtures/seeds. Only this is changed in them: absolute paths
lead into the directory of the test, ports are free ones, users exist, and nobody waits longer than
a second for a program to count as started. The programs they name are small scripts.
"""

import getpass
import os
import re
import signal
import socket
import stat
import subprocess
import unittest
from pathlib import Path

from house import House, until

SEEDS = Path(__file__).resolve().parents[1] / "fixtures/seeds"
ROOT = os.getuid() == 0
DAEMON = "[supervisord]\nlogfile=/tmp/supervisord.log\npidfile=/tmp/supervisord.pid\n"
SOCKET = ("[unix_http_server]\nfile=/tmp/supervisor.sock\n"
          "[supervisorctl]\nserverurl=unix:///tmp/supervisor.sock\n"
          "[rpcinterface:supervisor]\n"
          "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n")
#: Stands for every program; tells its arguments and waits for its end.
FAKE = "#!/bin/sh\necho \"$0 $*\"\ntrap 'exit 0' TERM INT\nwhile :; do sleep 0.1; done\n"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def seed(name):
    return (SEEDS / name).read_text()


class Article(House):
    """A machine on which the article is followed."""

    def __init__(self, config, files=(), programs=()):
        super().__init__("svx", "")
        (self.here / "tmp").mkdir()
        self.socket = self.here / "tmp/supervisor.sock"
        self.config = self.file("/etc/supervisord.conf", config)
        for name, text in dict(files).items():
            self.file(name, text)
        for name in programs:
            self.file(name, FAKE).chmod(0o755)
        self.environ = os.environ | {"PATH": f"{self.bin}:{os.environ['PATH']}"}

    def path(self, path):
        return self.here / path.lstrip("/")

    def file(self, path, text):
        text = re.sub(r"(^|[=: ]|unix://)/(?=(conf|data|etc|home|logs|root|tmp|usr/local|var)\b)",
                      rf"\g<1>{self.here}/", text, flags=re.M)
        text = re.sub(r"(port\s*=\s*\S*):9001", lambda m: f"{m[1]}:{free_port()}", text)
        text = re.sub(r"(startsecs\s*=\s*)\d+", r"\g<1>1", text)
        text = re.sub(r"(user\s*=\s*)(root|chrism)\b", rf"\g<1>{getpass.getuser()}", text)
        path = self.path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def sh(self, line):
        """A line of the article, as it is typed there."""
        line = line.replace(" /", f" {self.here}/")
        done = subprocess.run(line, shell=True, cwd=self.config.parent, env=self.environ,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        return done.returncode, done.stdout.decode()

    def detached(self, line):
        """Starts the daemon as the article does, in the background."""
        status, out = self.sh(line)
        assert status == 0, out
        until("the daemon answers", self.socket.exists)
        self.pidfile = self.path("/tmp/supervisord.pid")
        until("there is a pidfile", self.pidfile.exists)

    def __exit__(self, *why):
        pidfile = self.path("/tmp/supervisord.pid")
        if pidfile.exists():
            os.kill(int(pidfile.read_text()), signal.SIGTERM)
            until("the daemon is gone", lambda: not pidfile.exists())
        super().__exit__(*why)


class Seeds(unittest.TestCase):
    maxDiff = None

    def says(self, article, line, out, status=0):
        self.assertEqual(article.sh(line), (status, out), line)

    def runs(self, article, name):
        """Waits until the status says so."""
        until(f"{name} runs", lambda: "RUNNING" in article.sh(f"supervisorctl status {name}")[1])

    def test_0_every_line_of_supervisorctl(self):
        main = DAEMON + SOCKET + seed("article0-include.conf")
        files = {"/etc/supervisor/conf.d/ss.conf": seed("article0-ssserver.conf")}
        with Article(main, files, ["/usr/local/bin/ssserver"]) as article:
            article.detached("supervisord -c /etc/supervisord.conf")
            self.runs(article, "ssserver")
            status, out = article.sh("supervisorctl status")
            self.assertEqual(status, 0)
            self.assertRegex(out, r"^ssserver +RUNNING   pid \d+, uptime 0:00:\d\d\n$")
            log = article.path("/var/log/supervisor/ssserver_00_stdout.log").read_text()
            self.assertIn("ssserver -p 8008 -k 123456 -m aes-256-cfb start\n", log)
            self.assertTrue(article.path("/var/log/supervisor/ssserver_00_stderr.log").exists())

            self.says(article, "supervisorctl stop ssserver", "ssserver: stopped\n")
            self.says(article, "supervisorctl start ssserver", "ssserver: started\n")
            self.says(article, "supervisorctl restart ssserver",
                      "ssserver: stopped\nssserver: started\n")
            self.says(article, "supervisorctl reread", "No config updates to processes\n")
            # reread reads what is new, starts nothing; update does, and leaves the others alone.
            article.file("/etc/supervisor/conf.d/more.conf", "[program:more]\ncommand=sleep 99\n")
            before = article.sh("supervisorctl pid ssserver")
            self.says(article, "supervisorctl reread", "more: available\n")
            self.assertNotIn("more", article.sh("supervisorctl status")[1])
            self.says(article, "supervisorctl update", "more: added process group\n")
            self.runs(article, "more")
            self.assertEqual(article.sh("supervisorctl pid ssserver"), before)
            # reload stops everything and starts it again by the newest file.
            self.says(article, "supervisorctl reload", "Restarted supervisord\n")
            until("another one runs", lambda: article.sh("supervisorctl pid ssserver")[1].strip()
                  not in ("", "0", before[1].strip()) and article.socket.exists())
            self.runs(article, "ssserver")

    def test_0_the_entrypoint_of_the_container_keeps_the_logs_of_a_day_together(self):
        config = seed("article0-dated.conf") + f"command=/usr/local/bin/app\n{DAEMON}{SOCKET}"
        with Article("") as article:
            article.file("/usr/local/bin/app", FAKE).chmod(0o755)
            article.file("/conf/supervisord.conf", config)
            script = article.file("/entrypoint.sh", seed("article0-entrypoint.sh"))
            daemon = subprocess.Popen(["bash", script], env=article.environ, start_new_session=True,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            try:
                until("the app has logged", lambda: any(
                    f.read_text() for f in article.path("/logs").glob("*/app_00_stdout.log")))
                [day] = article.path("/logs").iterdir()
                self.assertRegex(day.name, r"^\d{4}-\d\d-\d\d$")
                until("the daemon has logged", lambda: "spawned: 'app'" in
                      (day / "supervisord.log").read_text())
                self.assertEqual(sorted(f.name for f in day.iterdir()), [
                    "app_00_stderr.log", "app_00_stdout.log", "supervisord.conf", "supervisord.log"])
            finally:
                os.killpg(daemon.pid, signal.SIGTERM)
                daemon.wait(30)

    def test_1_a_configuration_of_two_files(self):
        files = {"/etc/supervisord.d/logstash.ini": seed("article1-logstash.conf")}
        program = "/root/logstash/logstash-6.2.2/bin/logstash"
        with Article(seed("article1-main.conf"), files, [program]) as article:
            article.path("/home/wangzhe/bcm-onlinecheck/alarm-online-check").mkdir(parents=True)
            self.assertEqual(article.sh("supervisord --help")[0], 0)
            self.assertEqual(article.sh("echo_supervisord_conf > sample.conf"), (0, ""))
            sample = (article.config.parent / "sample.conf").read_text()
            self.assertIn("[program:theprogramname]", sample)
            article.detached("supervisord -c /etc/supervisord.conf")
            self.runs(article, "nianshi_logstash")
            log = article.path("/root/logstash/log/stdout.log").read_text()
            self.assertIn("logstash -f", log)
            self.says(article, "supervisorctl stop nianshi_logstash", "nianshi_logstash: stopped\n")
            self.says(article, "supervisorctl start nianshi_logstash", "nianshi_logstash: started\n")
            article.file("/etc/supervisord.d/logstash.ini",
                         seed("article1-logstash.conf") + "umask=027\n")
            self.says(article, "supervisorctl update",
                      "nianshi_logstash: stopped\nnianshi_logstash: updated process group\n")
            self.says(article, "supervisorctl reload", "Restarted supervisord\n")

    def test_2_tomcat_comes_back_whoever_ends_it_but_supervisorctl(self):
        # The article forgets the [include] that finds its file.
        main = DAEMON + SOCKET + "[include]\nfiles=/etc/supervisord.d/*.conf\n"
        files = {"/etc/supervisord.d/tomcat.conf": seed("article2-tomcat.conf")}
        with Article(main, files, ["/usr/local/tomcat/bin/catalina.sh"]) as article:
            article.detached("supervisord -c /etc/supervisord.conf")
            self.runs(article, "tomcat")
            first = int(article.sh("supervisorctl pid tomcat")[1])
            os.kill(first, signal.SIGTERM)
            until("tomcat is back", lambda: int(article.sh("supervisorctl pid tomcat")[1])
                  not in (0, first))
            self.runs(article, "tomcat")
            self.says(article, "supervisorctl stop tomcat", "tomcat: stopped\n")
            status, out = article.sh("supervisorctl status tomcat")
            self.assertEqual(status, 3)
            self.assertRegex(out, r"^tomcat +STOPPED   \w{3} \d\d \d\d:\d\d [AP]M\n$")
            self.says(article, "supervisorctl start tomcat", "tomcat: started\n")
            self.says(article, "supervisorctl restart tomcat", "tomcat: stopped\ntomcat: started\n")
            self.assertIn("catalina.sh run\n",
                          article.path("/usr/local/tomcat/logs/catalina.out").read_text())
            # As misspelt there.
            status, out = article.sh("supervisorctl reoload tomcat")
            self.assertIn("*** Unknown syntax: reoload tomcat\n", out)

    def test_3_a_flask_application_with_a_file_of_its_own(self):
        main = seed("article3-main.conf").replace("[include]", "[include]\nfiles=/etc/supervisor/*.conf")
        program = "/home/www/py36env/bin/gunicorn"
        with Article(main, programs=[program]) as article:
            article.path("/home/www/app").mkdir(parents=True)
            article.detached("supervisord -c /etc/supervisord.conf")
            self.says(article, "supervisorctl -c /etc/supervisord.conf status", "")
            article.file("/etc/supervisor/web.conf", seed("article3-flask.conf"))
            self.says(article, "supervisorctl reread", "flask_app: available\n")
            self.says(article, "supervisorctl update", "flask_app: added process group\n")
            self.runs(article, "flask_app")
            # The article warns that Supervisor wants the directory to be made by hand.
            self.assertIn("gunicorn -w 8 -b 0.0.0.0:17510 wsgi:app\n",
                          article.path("/data/logs/flask_app_stdout.log").read_text())
            self.says(article, "supervisorctl stop flask_app", "flask_app: stopped\n")
            self.says(article, "supervisorctl start flask_app", "flask_app: started\n")
            self.says(article, "supervisorctl restart flask_app",
                      "flask_app: stopped\nflask_app: started\n")

    def test_4_a_socket_with_a_password_and_an_owner(self):
        parts = ("supervisord", "unix", "inet", "supervisorctl", "program")
        main = "".join(seed(f"article4-{part}.conf") for part in parts)
        if not ROOT:
            main = main.replace("chown= nobody:nogroup", "")
        with Article(main) as article:
            article.detached("supervisord -c /etc/supervisord.conf")
            found = article.socket.stat()
            self.assertEqual(stat.S_IMODE(found.st_mode), 0o777)
            if ROOT:
                self.assertNotEqual(found.st_uid, 0)
            # The article gives the client another name than the server.
            status, out = article.sh("supervisorctl status")
            self.assertEqual(out.splitlines()[0], "Server requires authentication")
            status, out = article.sh("supervisorctl -u user -p 123 status")
            self.assertRegex(out, r"^x +(STARTING|BACKOFF|FATAL) ")

    def test_every_configuration_passes_the_check(self):
        for path in sorted(SEEDS.glob("*.conf")):
            text = path.read_text()
            if "[program:app]" in text:
                text += "command=cat\n"
            if "[supervisord]" not in text:
                text += DAEMON
            text = re.sub(r"nobody:nogroup", getpass.getuser(), text)
            with self.subTest(path.name), Article(text) as article:
                ran = article.run("supervisord", "--check", "-c", article.config)
                self.assertEqual(ran.status, 0, ran)


class Demo(unittest.TestCase):
    """What the README has newcomers run first."""

    def test_the_demo_serves_works_and_comes_back(self):
        demo = Path(__file__).resolve().parents[2] / "contrib/demo"
        port = free_port()
        text = (demo / "supervisord.conf").read_text()
        text = text.replace("8099", str(port)).replace("9099", str(free_port()))
        with House("svx", text, {name: (demo / name).read_text() for name in ("web.pl", "worker.sh", "crashy.sh")}
                   ) as house:
            house.start()
            for name in ("web", "jobs:worker_0", "jobs:worker_1", "jobs:crashy"):
                house.wait(name, "RUNNING")
            self.assertEqual(house.wait("setup", "EXITED")["exitstatus"], 0)
            with socket.create_connection(("127.0.0.1", port)) as line:
                line.sendall(b"GET / HTTP/1.0\r\n\r\n")
                with line.makefile("rb") as answer:
                    self.assertIn(b"Hello from web", answer.read())
            pid = house.kill("jobs:worker_0")
            until("it is back", lambda: house.info("jobs:worker_0")["pid"] not in (0, pid))
            self.assertIn("worker 1: ready\n", house.ctl("tail", "jobs:worker_1").out)
            self.assertEqual(house.ctl("shutdown").out, "Shut down\n")
            self.assertEqual(house.daemon.wait(20), 0)
            stopped = re.findall(r"stopped: (\w+)", (house.here / "logs/supervisord.log").read_text())
            self.assertEqual(stopped[-1], "web")


if __name__ == "__main__":
    unittest.main()
