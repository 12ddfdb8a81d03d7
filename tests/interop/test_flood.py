"""A flood of clients that only sit there, or speak a byte a second, costs the others next to nothing."""

import resource
import socket
import threading
import time
import unittest

from house import House, free_port

IDLE, SLOW, ASKED = 1000, 200, 400
#: What is wanted is 50 ms and 16 KiB. Time is asserted loosely: other tests run beside this one.
ANSWER_MS_MAX, CLIENT_KIB_MAX = 500, 16

CONFIG = """\
[unix_http_server]
file=%(here)s/supervisor.sock

[inet_http_server]
port=127.0.0.1:PORT

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisord]
logfile=%(here)s/supervisord.log
pidfile=%(here)s/supervisord.pid
minfds=4096

[program:web]
command=sleep 1000
numprocs=10
process_name=%(program_name)s_%(process_num)d
stdout_logfile=NONE
stderr_logfile=NONE
"""
#: Neither comes to its end while the test lasts.
REQUESTS = [b"POST /RPC2 HTTP/1.1\r\nContent-Type: text/xml\r\nUser-Agent: slow\r\n",
            b'{"jsonrpc": "2.0", "id": 1, "method": "supervisor.getState", "params": []']


class Flood(unittest.TestCase):
    def test_a_thousand_idle_clients_and_two_hundred_slow_ones_keep_nobody_waiting(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < 4096:
            self.skipTest(f"needs 4096 descriptors and may have {hard}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4096), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        port = free_port()
        with House("svx", CONFIG.replace("PORT", str(port))) as house:
            house.start()
            house.settle()
            ask(house, 100) # what a daemon grows to by itself
            before, calm = resident(house), ask(house, ASKED)
            clients = [connect(house, port, number) for number in range(IDLE + SLOW)]
            done = threading.Event()
            slow = threading.Thread(target=dribble, args=(clients[IDLE:], done))
            slow.start()
            try:
                time.sleep(2.5) # each has said something
                flooded = ask(house, ASKED)
                each = (resident(house) - before) / len(clients)
                fds = house.descriptors()
            finally:
                done.set()
                slow.join()
                for client in clients:
                    client.close()
            self.assertGreater(fds, IDLE + SLOW, "all of them were let in")
            print(f"\nstatus: 99% within {calm:.1f} ms alone, {flooded:.1f} ms in the flood; "
                  f"{each:.1f} KiB a client")
            self.assertLess(flooded, ANSWER_MS_MAX)
            self.assertLess(each, CLIENT_KIB_MAX)


def connect(house, port, number):
    """One client, by turns over TCP and through the unix socket."""
    if number % 2:
        return socket.create_connection(("127.0.0.1", port))
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(house.socket))
    return client


def dribble(clients, done):
    """Has each say a byte a second, spread over the second."""
    for count in range(60):
        for number, client in enumerate(clients):
            # JSON lines are for the unix socket, which has the even ones.
            request = REQUESTS[number % 4 == 0]
            client.sendall(request[count:count + 1])
            if done.wait(1 / len(clients)):
                return


def ask(house, times):
    """The 99th percentile of how long a status takes, with a connection of its own, in ms."""
    took = []
    for _ in range(times):
        begun = time.monotonic()
        assert len(house.call("getAllProcessInfo")) == 10
        took.append(time.monotonic() - begun)
    return sorted(took)[int(times * 0.99)] * 1000


def resident(house):
    """KiB of memory the daemon has."""
    with open(f"/proc/{house.daemon.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


if __name__ == "__main__":
    unittest.main()
