"""The web page in a browser: what it shows, what it does, and for whom."""

import http.client
import base64
import itertools
import random
import re
import time
import unittest

from browser import PASSWORD, USER, BrowserTest, expect
from house import until

#: Says what is appended to a file.
TALKER = """#!/bin/sh
echo "ready"
touch "$1"
tail -n +1 -f "$1"
"""
PROGRAMS = """
[program:web]
command=sleep 1000
startsecs=0
[program:idle]
command=sleep 1000
autostart=false
startsecs=0
[program:broken]
command=/no/such/file
startretries=0
[program:job]
command=sleep 1000
process_name=job_%(process_num)d
numprocs=3
startsecs=0
[program:talker]
command=sh %(here)s/talker.sh %(here)s/said
startsecs=0
stdout_logfile=%(here)s/talker.log
"""
FILES = {"talker.sh": TALKER}


def row(page, name):
    """The row of a process."""
    return page.locator(f"#list tr:has(> th input[value='{name}'])")


def cell(page, name, column):
    """A cell of it; 2 is the state, 3 the pid."""
    return row(page, name).locator(f"> :nth-child({column})")


def shows(page, name, state):
    """Waits for a row to say so."""
    expect(cell(page, name, 2)).to_have_text(state)


def pid(page, name):
    return int(cell(page, name, 3).inner_text())


def button(page, name, word):
    """An action in a row."""
    return row(page, name).get_by_role("button", name=word, exact=True)


def agree(page, word):
    """Presses the button of the question that is open."""
    page.locator("dialog").get_by_role("button", name=word, exact=True).click()


def message(page):
    """What the latest message says."""
    return page.locator("#toasts > :last-child")


class List(BrowserTest):
    def test_every_process_is_listed_with_its_state_in_words_and_counted(self):
        site = self.site(PROGRAMS, FILES)
        with self.page(site) as page:
            shows(page, "web", "RUNNING")
            shows(page, "idle", "STOPPED")
            shows(page, "broken", "FATAL")
            shows(page, "job:job_1", "RUNNING")
            self.assertEqual(pid(page, "web"), site.info("web")["pid"])
            expect(cell(page, "web", 4)).to_have_text(re.compile(r"^\d+:\d\d:\d\d$"))
            expect(cell(page, "broken", 9)).to_contain_text("/no/such/file")
            expect(page.locator("#states .s20 b")).to_have_text("5")
            expect(page.locator("#states .problems b")).to_have_text("1")
            expect(page.locator("tr.g .tally")).to_have_text("3 RUNNING")
            expect(page.locator(".brand")).to_have_text("night-shift")
            # Somebody looks, so somebody measures.
            expect(cell(page, "web", 7)).to_have_text(re.compile(r"^[\d.]+ [KMG]$"))

    def test_one_process_is_started_stopped_and_restarted_from_its_row(self):
        site = self.site(PROGRAMS, FILES)
        with self.page(site) as page:
            button(page, "idle", "Start").click()
            shows(page, "idle", "RUNNING")
            expect(message(page)).to_contain_text("idle")
            self.assertEqual(site.info("idle")["statename"], "RUNNING")
            before = pid(page, "idle")
            button(page, "idle", "Restart").click()
            agree(page, "Restart")
            until("another pid", lambda: site.info("idle")["pid"] not in (0, before))
            expect(cell(page, "idle", 3)).to_have_text(str(site.info("idle")["pid"]))
            button(page, "idle", "Stop").click()
            agree(page, "Stop")
            shows(page, "idle", "STOPPED")
            self.assertEqual(site.info("idle")["statename"], "STOPPED")

    def test_a_question_shows_the_command_and_cancel_leaves_all_as_it_is(self):
        site = self.site(PROGRAMS, FILES)
        with self.page(site) as page:
            before = pid(page, "web")
            button(page, "web", "Restart").click()
            expect(page.locator("dialog code")).to_have_text("supervisorctl restart web")
            agree(page, "Cancel")
            button(page, "job:*", "Stop").click()
            expect(page.locator("dialog code")).to_have_text("supervisorctl stop 'job:*'")
            page.keyboard.press("Escape")
            expect(page.locator("dialog")).to_have_count(0)
            self.assertEqual(site.info("web")["pid"], before)

    def test_a_failure_is_told_in_its_own_words(self):
        with self.page(self.site(PROGRAMS, FILES)) as page:
            shows(page, "broken", "FATAL")
            button(page, "broken", "Start").click()
            expect(page.locator(".toast.bad")).to_contain_text("broken")

    def test_what_is_selected_is_acted_on_in_one_go(self):
        site = self.site(PROGRAMS, FILES)
        with self.page(site) as page:
            page.locator("input[value='job:*']").check()
            page.locator("input[value='web']").check()
            expect(page.locator("#chosen")).to_have_text("4 selected")
            page.locator(".bar button[value=stop]").click()
            expect(page.locator("dialog code")).to_have_text("supervisorctl stop 'job:*' web")
            agree(page, "Stop")
            for name in ("job:job_0", "job:job_2", "web"):
                shows(page, name, "STOPPED")
            shows(page, "talker", "RUNNING")
            expect(page.locator("tr.g .tally")).to_have_text("3 STOPPED")

    def test_a_signal_is_sent_and_logs_are_emptied_from_the_details(self):
        site = self.site(PROGRAMS, FILES)
        log = site.here / "talker.log"
        until("it talks", lambda: log.exists() and log.stat().st_size)
        with self.page(site) as page:
            button(page, "talker", "More").click()
            expect(page.locator("dialog dl").first).to_contain_text(str(site.info("talker")["pid"]))
            agree(page, "Clear logs…")
            agree(page, "Clear logs")
            until("the log is empty", lambda: log.stat().st_size == 0)
            button(page, "web", "More").click()
            page.locator("dialog select").select_option("KILL")
            agree(page, "Send signal…")
            agree(page, "Signal")
            expect(cell(page, "web", 8)).to_contain_text("SIGKILL")

    def test_a_filter_narrows_the_list_and_survives_a_reload(self):
        with self.page(self.site(PROGRAMS, FILES)) as page:
            page.locator("#search input").fill("JOB_1")
            expect(page.locator("#list tr[class^=s]:visible")).to_have_count(1)
            page.reload()
            expect(page.locator("#link")).to_have_text("live")
            expect(page.locator("#list tr[class^=s]:visible")).to_have_count(1)
            page.locator("#search input").fill("")
            page.locator("#states .problems").click()
            expect(page.locator("#list tr[class^=s]:visible th")).to_have_text("broken")
            page.locator("#states .all").click()
            expect(page.locator("#list tr[class^=s]:visible")).to_have_count(7)

    def test_a_group_is_folded_and_stays_so(self):
        with self.page(self.site(PROGRAMS, FILES)) as page:
            page.locator(".fold").click()
            expect(row(page, "job:job_0")).to_be_hidden()
            page.reload()
            expect(row(page, "job:job_0")).to_be_hidden()
            page.locator(".fold").click()
            expect(row(page, "job:job_0")).to_be_visible()

    def test_a_kill_from_outside_shows_at_once(self):
        site = self.site(PROGRAMS, FILES)
        with self.page(site) as page:
            before = site.kill("web")
            expect(cell(page, "web", 3)).not_to_have_text(str(before))
            shows(page, "web", "RUNNING")
            expect(cell(page, "web", 5)).to_have_text("1")
            expect(cell(page, "web", 8)).to_contain_text("SIGKILL")
            site.ctl("stop", "web")
            shows(page, "web", "STOPPED")

    def test_programs_that_come_and_go_appear_and_disappear(self):
        site = self.site(PROGRAMS, FILES)
        with self.page(site) as page:
            page.locator("input[value=web]").check()
            text = site.config.read_text().replace("[program:idle]", "[program:fresh]")
            site.config.write_text(text)
            page.locator(".menu summary").click()
            page.locator("#daemon button[value=update]").click()
            agree(page, "Update")
            shows(page, "fresh", "STOPPED")
            expect(row(page, "idle")).to_have_count(0)
            expect(page.locator("input[value=web]")).to_be_checked()

    def test_a_lost_connection_is_told_and_comes_back(self):
        site = self.site(PROGRAMS, FILES)
        with self.page(site, loss=True) as page:
            site.daemon.terminate()
            site.daemon.wait()
            expect(page.locator("#link")).to_contain_text("lost")
            site.start()
            expect(page.locator("#link")).to_have_text("live")
            shows(page, "web", "RUNNING")
            expect(cell(page, "web", 3)).to_have_text(str(site.info("web")["pid"]))
            # The forms carry the token of the new daemon.
            button(page, "idle", "Start").click()
            shows(page, "idle", "RUNNING")

    def test_the_daemon_is_shut_down_after_a_question(self):
        site = self.site(PROGRAMS, FILES)
        with self.page(site, loss=True) as page:
            page.locator(".menu summary").click()
            page.locator("#daemon button[value=shutdown]").click()
            expect(page.locator("dialog code")).to_have_text("supervisorctl shutdown")
            agree(page, "Shut down")
            until("it ends", lambda: site.daemon.poll() is not None)


class Keyboard(BrowserTest):
    def test_all_is_done_without_a_mouse(self):
        site = self.site(PROGRAMS, FILES)
        with self.page(site) as page:
            press = page.keyboard.press
            press("/")
            page.keyboard.type("web")
            press("Enter")
            expect(page.locator("input[value=web]")).to_be_focused()
            before = pid(page, "web")
            press("r")
            expect(page.locator("dialog code")).to_have_text("supervisorctl restart web")
            press("Enter")
            until("another pid", lambda: site.info("web")["pid"] not in (0, before))
            shows(page, "web", "RUNNING")
            press("s")
            press("Enter")
            shows(page, "web", "STOPPED")
            press("s")
            shows(page, "web", "RUNNING")
            press("/")
            press("Escape")
            press("x")
            press("k")
            press("x")
            expect(page.locator("#chosen")).to_have_text("2 selected")
            press("Escape")
            expect(page.locator("#chosen")).to_have_text("")
            press("?")
            expect(page.locator("dialog")).to_contain_text("next and previous row")
            press("Escape")
            press("/")
            page.keyboard.type("talker")
            press("Enter")
            press("l")
            page.wait_for_url("**/log/talker/stdout")
            press("/")
            expect(page.locator("#find input")).to_be_focused()

    def test_the_focus_returns_to_where_a_question_was_asked(self):
        with self.page(self.site(PROGRAMS, FILES)) as page:
            page.keyboard.press("j")
            focused = page.evaluate("document.activeElement.value")
            page.keyboard.press("r")
            page.keyboard.press("Escape")
            self.assertEqual(page.evaluate("document.activeElement.value"), focused)


class Log(BrowserTest):
    def test_a_log_is_followed_paused_and_followed_again(self):
        site = self.site(PROGRAMS, FILES)
        with self.page(site, "/log/talker/stdout") as page:
            lines = page.locator("#log pre")
            expect(lines).to_contain_text("ready")
            with open(site.here / "said", "a") as said:
                print("\x1b[31mred\x1b[0m <b>words</b>", file=said, flush=True)
                expect(lines).to_contain_text("red <b>words</b>")
                expect(page.locator("#log .f1")).to_have_text("red")
                page.locator("#follow").click()
                print("one\ntwo\nthree", file=said, flush=True)
                expect(page.locator("#more")).to_have_text("3 new lines ↓")
                expect(lines).not_to_contain_text("three")
                page.locator("#more").click()
                expect(lines).to_contain_text("three")
                print("four", file=said, flush=True)
                expect(lines).to_contain_text("four")
            self.assertEqual(lines.inner_text().split(), "ready red <b>words</b> one two three four".split())

    def test_a_log_that_is_emptied_says_so_and_goes_on(self):
        site = self.site(PROGRAMS, FILES)
        with self.page(site, "/log/talker/stdout") as page:
            expect(page.locator("#log pre")).to_contain_text("ready")
            site.ctl("clear", "talker")
            expect(page.locator("#log .note")).to_be_visible()
            (site.here / "said").write_text("afterwards\n")
            expect(page.locator("#log pre")).to_contain_text("afterwards")

    def test_a_large_log_is_searched_to_its_beginning_and_scrolled(self):
        site = self.site(PROGRAMS, FILES)
        filler = "nothing to see in this line, nor in the next one\n" * 200_000
        with open(site.here / "talker.log", "a") as log:
            log.write("a \x1b[33mneed\x1b[0mle in the hay\n" + filler)
        with self.page(site, "/log/talker/stdout") as page:
            page.locator("#find input").fill("NEEDLE")
            page.keyboard.press("Enter")
            expect(page.locator("mark.now")).to_have_count(2) # it changes its colour midway
            self.assertEqual("".join(page.locator("mark.now").all_inner_texts()), "needle")
            expect(page.locator("mark.now").first).to_be_in_viewport()
            page.keyboard.press("Enter")
            expect(page.locator("#found")).to_have_text("none before")
            self.assertLess(page.locator("#log pre > div").count(), 6000)
            before = page.locator("#log pre > div").count()
            page.locator("#log").focus()
            page.keyboard.press("End")
            until("more lines", lambda: page.locator("#log pre > div").count() > before)
            page.keyboard.press("g")
            expect(page.locator("#log pre > div").first).to_have_text("ready\n")

    def test_lines_before_and_behind_a_match_are_reached_by_keys(self):
        site = self.site(PROGRAMS, FILES)
        (site.here / "said").write_text("".join(f"line {n} {'x' if n % 3 else 'MATCH'}\n" for n in range(10)))
        with self.page(site, "/log/talker/stdout") as page:
            expect(page.locator("#log pre")).to_contain_text("line 9")
            now = lambda: page.locator("#log div:has(> mark.now)")
            page.keyboard.press("/")
            page.keyboard.type("match")
            page.keyboard.press("Enter")
            expect(now()).to_contain_text("line 9")
            page.keyboard.press("Enter")
            expect(now()).to_contain_text("line 6")
            page.keyboard.press("Shift+Enter")
            expect(now()).to_contain_text("line 9")
            page.locator("#log").focus()
            page.keyboard.press("n")
            page.keyboard.press("n")
            expect(now()).to_contain_text("line 3")

    def test_the_script_reads_colours_as_the_daemon_does(self):
        site = self.site(PROGRAMS, FILES)
        dice = random.Random(5)
        numbers = ["", *"0 1 2 22 3 23 4 7 27 9 29 31 37 39 44 49 95 101 38;5;9 38;5;77 38;5;240 48;5;200"
                   " 38;2;10;200;30 48;2;9;9;9 38;5 38 99 x".split()]
        pieces = ["\x1b[K", "\x1b]0;title\x07", "\x1b(B", "\x1b", "\x07", "<i>", "&amp;", "é"]
        coloured = lambda n: f"\x1b[{';'.join(dice.choices(numbers, k=2))}m{n}{dice.choice(pieces)}."
        lines = "".join("".join(map(coloured, range(9))) + "\x1b[0m\n" for _ in range(200))
        (site.here / "said").write_text(lines)
        log = site.here / "talker.log"
        until("it is all written", lambda: log.exists() and log.stat().st_size >= len(lines.encode()))
        with self.page(site, "/log/talker/stdout") as page:
            expect(page.locator("#log pre > div")).to_have_count(201)
            there, here = page.evaluate("""async () => {
                const html = await (await fetch(location.href)).text();
                const rendered = new DOMParser().parseFromString(html, 'text/html');
                const look = span => [String([...span.classList].sort()), span.textContent];
                return [rendered, document].map(page => [...page.querySelectorAll('#log pre span')].map(look));
            }""")
            # How text of one look is cut does not matter.
            join = lambda spans: [(look, "".join(text for _, text in same))
                                  for look, same in itertools.groupby(spans, lambda span: span[0])]
            there, here = join(there), join(here)
            self.assertGreater(len(there), 1000)
            self.assertEqual(here, there)

    def test_the_main_log_is_shown_too(self):
        site = self.site(PROGRAMS, FILES)
        with self.page(site, "/log") as page:
            expect(page.locator("#log pre")).to_contain_text("spawned: 'web'")
            site.ctl("stop", "web")
            expect(page.locator("#log pre")).to_contain_text("stopped: web")


class WithoutScript(BrowserTest):
    def test_actions_are_forms_and_their_outcome_is_told(self):
        site = self.site(PROGRAMS, FILES)
        with self.page(site, java_script_enabled=False) as page:
            page.locator("input[value=idle]").check()
            page.locator(".bar button[value=start]").click()
            expect(page.locator(".notice")).to_contain_text("idle")
            shows(page, "idle", "RUNNING")
            page.locator("input[value=idle]").check()
            page.locator(".bar button[value=stop]").click()
            shows(page, "idle", "STOPPED")
            page.locator("#search input").fill("job_2")
            page.keyboard.press("Enter")
            expect(page.locator("#list tr[class^=s]:visible")).to_have_count(1)

    def test_what_hurts_many_is_asked_about_on_a_page_of_its_own(self):
        site = self.site(PROGRAMS, FILES)
        with self.page(site, java_script_enabled=False) as page:
            page.locator("input[value='job:*']").check()
            page.locator(".bar button[value=stop]").click()
            expect(page.locator("h1")).to_have_text("Stop all of group job?")
            expect(page.locator(".command")).to_have_text("supervisorctl stop 'job:*'")
            self.assertEqual(site.info("job:job_0")["statename"], "RUNNING")
            self.accessible_without_script(site, page)
            page.locator(".answer button").click()
            shows(page, "job:job_0", "STOPPED")
            shows(page, "web", "RUNNING")

    def test_a_log_is_read_in_portions(self):
        site = self.site(PROGRAMS, FILES)
        (site.here / "said").write_text("".join(f"line {n}\n" for n in range(20_000)))
        until("it is all written", lambda: b"line 19999\n" in (site.here / "talker.log").read_bytes())
        with self.page(site, "/log/talker/stdout", java_script_enabled=False) as page:
            expect(page.locator("#log pre")).to_contain_text("line 19999")
            page.get_by_text("Older").click()
            expect(page.locator("#log pre")).not_to_contain_text("line 19999")
            page.get_by_text("Newer").click()
            expect(page.locator("#log pre")).to_contain_text("line 19999")


class Everywhere(BrowserTest):
    HOSTILE = '<b>&lt;"'

    def test_names_messages_and_lines_made_of_markup_are_text(self):
        site = self.site(f"""
[program:{self.HOSTILE}]
command=sh %(here)s/shout.sh
startsecs=0
stdout_logfile=%(here)s/shout.log
[program:z"&quot;<i>]
command=/no/<script>alert(2)</script>
startretries=0
""", {"shout.sh": "printf '\\033]0;x\\007\\033[2J<script>alert(3)</script>\\033[31m&lt;\\n'; exec sleep 1000"})
        for options in ({}, {"java_script_enabled": False}):
            with self.subTest(**options), self.page(site, **options) as page:
                page.on("dialog", lambda dialog: self.fail(dialog.message))
                expect(page.locator("#list tr[class^=s] th").first).to_contain_text(self.HOSTILE)
                expect(page.locator("#list")).to_contain_text("<script>alert(2)</script>")
                self.assertEqual(page.locator("#list b, #list script").count(), 0)
                page.locator("#list a").first.click()
                expect(page.locator("#log pre")).to_contain_text("<script>alert(3)</script>&lt;")
                expect(page.locator("h1")).to_have_text(self.HOSTILE)
        with self.page(site) as page:
            name = self.HOSTILE
            button(page, name, "Stop").click()
            expect(page.locator("dialog")).to_contain_text(f"supervisorctl stop '{self.HOSTILE}'")
            agree(page, "Stop")
            expect(message(page)).to_contain_text(self.HOSTILE)

    def test_it_fits_a_phone(self):
        site = self.site(PROGRAMS, FILES)
        narrow = {"viewport": {"width": 375, "height": 800}}
        with self.page(site, **narrow) as page:
            self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), 375)
            button(page, "idle", "Start").click()
            shows(page, "idle", "RUNNING")
            page.locator("input[value=web]").check()
            page.locator(".bar button[value=restart]").click()
            agree(page, "Restart")
            expect(message(page)).to_contain_text("web")
            self.accessible(page)
        with self.page(site, "/log/talker/stdout", **narrow) as page:
            self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), 375)
            self.accessible(page)

    def test_nothing_grave_keeps_anybody_out_in_light_and_in_dark(self):
        site = self.site(PROGRAMS, FILES)
        looks = (1, 2, 7, *range(30, 38), *range(40, 48), *range(90, 98), *range(100, 108))
        (site.here / "said").write_text("".join(f"\x1b[{n}mcolour {n}\x1b[0m\n" for n in looks))
        for scheme in ("light", "dark"):
            with self.subTest(scheme):
                with self.page(site, color_scheme=scheme) as page:
                    shade = page.evaluate("getComputedStyle(document.body).backgroundColor")
                    is_dark = sum(map(int, re.findall(r"\d+", shade)[:3])) < 150
                    self.assertEqual(is_dark, scheme == "dark")
                    shows(page, "broken", "FATAL")
                    page.locator("input[value='job:*']").check()
                    self.accessible(page)
                    page.locator(".bar button[value=stop]").click()
                    self.accessible(page)
                    page.keyboard.press("Escape")
                    button(page, "web", "More").click()
                    expect(page.locator("dialog dl")).to_have_count(2)
                    self.accessible(page)
                    page.keyboard.press("Escape")
                    page.locator(".menu summary").click()
                    self.accessible(page)
                with self.page(site, "/log/talker/stdout", color_scheme=scheme) as page:
                    expect(page.locator("#log pre")).to_contain_text("colour 107")
                    page.locator("#find input").fill("colour 3")
                    page.keyboard.press("Enter")
                    expect(page.locator("mark.now")).to_have_count(1)
                    self.accessible(page)
                with self.page(site, color_scheme=scheme, java_script_enabled=False) as page:
                    self.accessible_without_script(site, page)


class Thousand(BrowserTest):
    def test_a_thousand_processes_are_a_small_page_and_a_change_is_smaller(self):
        site = self.site("""
[program:worker]
command=sleep 1000
process_name=worker_%(process_num)04d
numprocs=1000
autostart=false
startsecs=0
""")
        with self.page(site) as page:
            total = page.evaluate("""['navigation', 'resource'].flatMap(kind => performance.getEntriesByType(kind))
                .reduce((sum, part) => sum + part.decodedBodySize, 0)""")
            self.assertLess(total, 300_000)
            page.locator("#search input").fill("worker_0500")
            expect(page.locator("#list tr[class^=s]:visible")).to_have_count(1)
            button(page, "worker:worker_0500", "Start").click()
            shows(page, "worker:worker_0500", "RUNNING")
        credentials = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        headers = {"Authorization": f"Basic {credentials}"}
        times = []
        for _ in range(5):
            line = http.client.HTTPConnection("127.0.0.1", site.port)
            begun = time.monotonic()
            line.request("GET", "/", headers=headers)
            size = len(line.getresponse().read())
            times.append(time.monotonic() - begun)
            line.close()
        line = http.client.HTTPConnection("127.0.0.1", site.port)
        line.request("GET", "/api/v1/watch", headers=headers)
        stream = line.getresponse()
        site.ctl("start", "worker:worker_0001")
        event, most = b"", 0
        while b"RUNNING" not in event:
            event = b""
            while not event.endswith(b"\n\n"):
                event += stream.read(1)
            most = max(most, len(event))
        line.close()
        self.assertLess(most, 1000)
        print(f"\n1,000 processes: list {size:,} bytes in {min(times) * 1000:.1f} ms, with style and script "
              f"{total:,} bytes; a change {most} bytes")


if __name__ == "__main__":
    unittest.main()
