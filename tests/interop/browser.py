"""Debian's Chromium at a daemon's page, and what every test demands of it.

SVX_CHROMIUM names another browser of its kind.
"""

import os
import shutil
import unittest
from contextlib import contextmanager

try:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import expect, sync_playwright
except ImportError as missing:
    raise unittest.SkipTest(f"the page's tests need {missing.name}")

from house import DEADLINE, House, free_port

CHROMIUM = os.environ.get("SVX_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update"]
USER, PASSWORD = "night", "watch"
expect.set_options(timeout=DEADLINE * 1000)
#: What a page would be told of a breach of its policy, kept where a test finds it.
LISTEN = """window.breaches = [];
addEventListener('securitypolicyviolation', breach => breaches.push(`${breach.violatedDirective} ${breach.blockedURI}`));"""

CONFIG = """
[unix_http_server]
file=%(here)s/supervisor.sock
[inet_http_server]
port=127.0.0.1:{port}
username={user}
password={password}
[supervisorctl]
serverurl=unix://%(here)s/supervisor.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisord]
identifier=night-shift
logfile=%(here)s/supervisord.log
pidfile=%(here)s/supervisord.pid
childlogdir=%(here)s
"""


class Site(House):
    """A daemon whose page is served at `url`."""

    def __init__(self, programs, files=()):
        self.port = free_port()
        super().__init__("svx", CONFIG.format(port=self.port, user=USER, password=PASSWORD) + programs, files)
        self.url = f"http://127.0.0.1:{self.port}"


class BrowserTest(unittest.TestCase):
    """Every page these open must keep to its policy, complain of nothing and ask nobody else."""

    @classmethod
    def setUpClass(cls):
        if not CHROMIUM:
            raise unittest.SkipTest("there is no Chromium")
        driver = sync_playwright().start()
        cls.addClassCleanup(driver.stop)
        cls.chromium = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        cls.addClassCleanup(cls.chromium.close)

    def site(self, programs, files=()):
        """A daemon that runs these until the test is over."""
        site = self.enterContext(Site(programs, files))
        site.start()
        return site

    @contextmanager
    def page(self, site, path="/", loss=False, **options):
        """A page in a browser of its own; `loss` says that its connection will be cut."""
        options = {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light", **options}
        credentials = {"username": USER, "password": PASSWORD}
        context = self.chromium.new_context(http_credentials=credentials, **options)
        context.set_default_timeout(DEADLINE * 1000)
        complaints, strayed = [], []
        try:
            page = context.new_page()
            page.add_init_script(LISTEN)
            page.on("console", lambda said: said.type in ("error", "warning") and complaints.append(said.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("request", lambda request: request.url.startswith(site.url) or strayed.append(request.url))
            page.goto(site.url + path)
            has_script = options.get("java_script_enabled", True)
            if has_script and (path == "/" or path.startswith("/log")):
                expect(page.locator("#link")).to_have_text("live")
            yield page
            breaches = page.evaluate("window.breaches") if has_script else []
        finally:
            context.close()
        if loss:
            complaints = [said for said in complaints if "ERR_" not in said]
        self.assertEqual((complaints, strayed, breaches), ([], [], []))

    def accessible(self, page):
        """No violation that axe calls serious or critical."""
        found = Axe().run(page).response["violations"]
        grave = [f"{one['id']}: {node['html'][:200]} {node['any'][:1]}"
                 for one in found if one["impact"] in ("serious", "critical") for node in one["nodes"][:3]]
        self.assertEqual(grave, [])

    def accessible_without_script(self, site, page):
        """axe is a script: it looks at the same page where scripts run."""
        html = page.content()
        with self.page(site, "/healthz") as other:
            other.route("**/same", lambda route: route.fulfill(body=html, content_type="text/html"))
            other.goto(f"{site.url}/same")
            self.accessible(other)
