"""Takes the pictures in contrib/: `SVX_SHOTS=contrib tests/interop/run test_web_shots`."""

import os
import time
import unittest
from pathlib import Path

from browser import BrowserTest, expect

SHOTS = os.environ.get("SVX_SHOTS")
#: Holds so many MB and works a little.
SERVER = """
$| = 1; my $held = 'x' x ($ARGV[0] * 1e6);
while (1) { my $n = 0; $n++ while $n < $ARGV[1] * 1e4; select undef, undef, undef, 0.05 }
"""
API = """
$| = 1; my $held = 'x' x 96e6; srand 7;
my @paths = qw(/orders /orders/4711 /basket /login /search?q=lamp /health);
my $t = 36_000;
for (1 .. 400) {
    my ($level, $colour, $status) = rand() < .06 ? ('ERROR', '1;31', 500) : rand() < .12 ? ('WARN ', 33, 404) : ('INFO ', 32, 200);
    my $path = $paths[rand @paths]; my $ms = int 3 + rand 90; $t += rand 3;
    printf "2026-03-02 %02d:%02d:%02d.%03d \\e[%sm%s\\e[0m \\e[36mhttp\\e[0m GET %s \\e[%sm%d\\e[0m in \\e[1m%d ms\\e[0m\\n",
        $t / 3600, $t / 60 % 60, $t % 60, $t * 1000 % 1000, $colour, $level, $path, $colour, $status, $ms;
    print "    \\e[31mtimeout: no answer from payments after 5000 ms\\e[0m\\n    \\e[2mat Checkout.charge (checkout.js:118)\\e[0m\\n" if $status == 500;
}
sleep 1 while 1;
"""
PROGRAMS = """
[program:nginx]
command=perl %(here)s/server.pl 11 2
startsecs=0
[program:redis]
command=perl %(here)s/server.pl 148 1
startsecs=0
[program:migrate]
command=true
startsecs=0
autorestart=false
[program:import]
command=sh -c "exit 3"
startsecs=0
autorestart=false
[program:metrics]
command=sleep 1000
autostart=false
[program:api]
command=perl %(here)s/api.pl
process_name=api_%(process_num)d
numprocs=4
startsecs=0
stdout_logfile=%(here)s/api_%(process_num)d.log
[program:scheduler]
command=perl %(here)s/server.pl 31 5
startsecs=0
[program:mailer]
command=perl %(here)s/server.pl 27 1
startsecs=300
[program:billing]
command=sh -c "sleep 0.2; exit 1"
startretries=100
[program:thumbnails]
command=/srv/shop/bin/thumbnails
startretries=0
[group:jobs]
programs=scheduler,mailer,billing,thumbnails
"""


@unittest.skipUnless(SHOTS, "SVX_SHOTS says where pictures are to go")
class Shots(BrowserTest):
    def test_pictures_of_the_list_and_of_a_log(self):
        site = self.site(PROGRAMS, {"server.pl": SERVER, "api.pl": API})
        site.kill("api:api_2")
        time.sleep(8) # long enough for uptimes, and for usage to be measured
        with self.page(site, viewport={"width": 1280, "height": 690}) as page:
            page.keyboard.press("j")
            page.locator("input[value='api:api_2']").check()
            page.locator("input[value='api:api_3']").check()
            time.sleep(5)
            page.screenshot(path=Path(SHOTS) / "web-list.png")
        with self.page(site, "/log/api:api_0/stdout", viewport={"width": 1120, "height": 560}, color_scheme="dark") as page:
            page.locator("#find input").fill("timeout")
            page.keyboard.press("Enter")
            page.keyboard.press("Enter")
            expect(page.locator("#found")).to_contain_text("at")
            page.screenshot(path=Path(SHOTS) / "web-log.png")


if __name__ == "__main__":
    unittest.main()
