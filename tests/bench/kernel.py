"""What the kernel knows of a daemon: CPU, memory, wake-ups, and when its programs came and went."""

import mmap
import os
import re
import select
import signal
import struct
import time

TICK = os.sysconf("SC_CLK_TCK")


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def family(root, program):
    """The processes under `root`, itself included, that are the manager's: those that run another
    executable than `program`."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            stat = read(f"/proc/{name}/stat")
            if stat:
                parents.setdefault(int(stat.rsplit(")", 1)[1].split()[1]), []).append(int(name))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        try:
            if os.readlink(f"/proc/{pid}/exe") == program:
                continue
        except OSError:
            continue
        found.append(pid)
        todo += parents.get(pid, [])
    return found


def cpu(pids):
    """Seconds on a CPU, user and system, without those of children."""
    total = 0.0
    for pid in pids:
        fine = 0
        for task in tasks(pid):
            fine += int((read(f"/proc/{pid}/task/{task}/schedstat") or "0").split()[0])
        # Threads that have ended are only in here, in ticks.
        stat = read(f"/proc/{pid}/stat").rsplit(")", 1)[-1].split()
        coarse = sum(map(int, stat[11:13])) / TICK if stat else 0
        total += max(fine / 1e9, coarse)
    return total


def tasks(pid):
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []


def wakeups(pids):
    """How often they have gone to sleep, which is how often they were woken."""
    total = 0
    for pid in pids:
        for task in tasks(pid):
            found = re.search(r"^voluntary_ctxt_switches:\s*(\d+)", read(f"/proc/{pid}/task/{task}/status"), re.M)
            total += int(found[1]) if found else 0
    return total


def memory(pids):
    """Resident and proportional set, in bytes."""
    rss = pss = 0
    for pid in pids:
        text = read(f"/proc/{pid}/smaps_rollup")
        for name, value in re.findall(r"^(Rss|Pss):\s*(\d+) kB", text, re.M):
            if name == "Rss":
                rss += int(value) * 1024
            else:
                pss += int(value) * 1024
    return rss, pss


class Programs:
    """Sees the programs of load.c come and go: each stamps its time into a shared file and holds a
    FIFO open."""

    def __init__(self, directory, room):
        self.path = os.path.join(directory, "stamps")
        with open(self.path, "wb") as file:
            file.truncate(16 + 16 * room)
        with open(self.path, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 0)
        self.map[8:16] = struct.pack("Q", room)
        fifo = os.path.join(directory, "alive")
        os.mkfifo(fifo)
        self.fifo = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)

    def count(self):
        return struct.unpack_from("Q", self.map, 0)[0]

    def since(self, index):
        """(pid, ns) of the program that came as number `index` and all later ones, in order."""
        count = self.count()
        both = [struct.unpack_from("QQ", self.map, 16 + 16 * i) for i in range(index, count)]
        return both

    def wait(self, count, seconds, alive=lambda: True):
        """Until so many have come; returns when the last of them did, in ns, or None."""
        until = time.monotonic() + seconds
        while self.count() < count or any(at == 0 for _, at in self.since(max(0, count - 64))):
            if time.monotonic() > until or not alive():
                return None
            time.sleep(0.001)
        return max(at for _, at in self.since(0)[:count])

    def gone(self, seconds):
        """Until none is left; returns when, in ns, or None."""
        poll = select.poll()
        poll.register(self.fifo, 0)
        if not poll.poll(seconds * 1000):
            return None
        return time.monotonic_ns()

    def kill(self):
        for pid, _ in self.since(0):
            if read(f"/proc/{pid}/environ").find(os.path.dirname(self.path)) >= 0:
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass

    def close(self):
        self.map.close()
        os.close(self.fifo)
