"""The workloads and what is read off each; the targets stand beside the figures they are for."""

import json
import os
import resource
import statistics
import subprocess
import time
from dataclasses import dataclass

import kernel
from managers import Failed, Setup

GB = 1e9


@dataclass
class Row:
    """One figure. What svx is to reach: at most or at least a number, ahead of the best peer (the
    limit is none), or so many times the limit's figure."""

    key: str
    title: str
    unit: str
    what: str
    most: float | None = None
    least: float | None = None
    ahead: bool = False
    of_limit: float | None = None


@dataclass
class Workload:
    """Something done once to one manager. Returns {row key: figure}; keys that begin with `!` are
    checks: anything but 0 is told, and fails the run for svx."""

    key: str
    rows: list
    run: object
    managers: str  # who can do it, first names separated by spaces
    slow: str = ""  # for whom a round or two must do
    patient: str = ""  # who takes too long for --quick
    quick: bool = True


def ms(ns):
    return ns / 1e6


def first(manager, scale):
    manager.prepare(Setup())
    with open(manager.path("request"), "wb") as file:
        file.write(manager.hello())
    words = ["first", manager.door(), manager.path("request"), manager.path("daemon.out"), "--"]
    said = manager.tools.run(*words, *manager.command(), env=manager.env)
    if "error" in said:
        raise Failed(said["error"] + ": " + kernel.read(manager.path("daemon.out"))[-300:])
    manager.programs.gone(10)
    return {"first.wall": ms(said["ns"]), "first.cpu": ms(said["cpu"])}


def one(manager, scale):
    manager.start(Setup())
    manager.arrived(1)
    time.sleep(1.5)
    rss, pss = kernel.memory(manager.pids())
    return {"mem1.rss": rss / 1e6, "mem1.pss": pss / 1e6}


def fleet(manager, scale, count=1000, log=None, prefix=""):
    """A thousand programs: started, idle, asked about, ended."""
    # The limit answers with as many bytes as getAllProcessInfo has for so many programs.
    begun = manager.start(Setup(count=count, log=log, answer=b"x" * 900 * count))
    at = manager.arrived(count, 300)
    cpu = manager.cpu()
    found = {prefix + "start.wall": ms(at - begun), prefix + "start.cpu": cpu / count * 1e6}
    time.sleep(2.5)
    pids = manager.pids()
    found[prefix + "start.settled"] = kernel.cpu(pids) / count * 1e6
    rss, pss = kernel.memory(pids)
    found[prefix + "mem1000.rss"], found[prefix + "mem1000.pss"] = rss / 1e6, pss / 1e6
    if not prefix:
        idle = 2 if scale.quick else 10
        before, woken, asleep = kernel.cpu(pids), kernel.wakeups(pids), time.monotonic()
        time.sleep(idle)
        idle = time.monotonic() - asleep
        found["idle.wakeups"] = (kernel.wakeups(pids) - woken) / idle
        found["idle.cpu"] = (kernel.cpu(pids) - before) / idle * 1e3
        found |= status(manager, "status1000", 3 if scale.quick or manager.name == "supervisor" else 11)
        if hasattr(manager, "call"):
            calls = 2 if manager.name == "supervisor" else 200
            manager.call("supervisor.getAllProcessInfo")
            before = manager.cpu()
            said = manager.call("supervisor.getAllProcessInfo", calls=calls)
            found["all.cpu"] = (manager.cpu() - before) / said["calls"] * 1e3
            found["all.p50"] = ms(said["p50"])
    took = manager.end()
    if took is None:
        raise Failed("did not end")
    found[prefix + "stop.wall"] = ms(took)
    return found


def logged(manager, scale):
    return fleet(manager, scale, log="file", prefix="logged.")


def tenk(manager, scale):
    # Two descriptors each; where fewer than that are allowed there are fewer programs.
    count = min(10_000, (resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 200) // 2)
    setup = Setup(count=count, program="redirect_stderr=true", descriptors=2)
    begun = manager.start(setup)
    at = manager.arrived(count, 600)
    found = {"tenk.count": count, "tenk.start": ms(at - begun), "tenk.cpu": manager.cpu() / count * 1e6}
    time.sleep(3)
    found["tenk.rss"] = kernel.memory(manager.pids())[0] / 1e6
    pids = manager.pids()
    woken, asleep = kernel.wakeups(pids), time.monotonic()
    time.sleep(3)
    found["tenk.wakeups"] = (kernel.wakeups(pids) - woken) / (time.monotonic() - asleep)
    found |= status(manager, "tenk.status", 3)
    took = manager.end()
    if took is None:
        raise Failed("did not end")
    return found | {"tenk.stop": ms(took)}


def status(manager, key, runs):
    words = manager.status()
    if not words:
        return {}
    return {key: ms(manager.tools.run("time", runs, *words, env=manager.env)["p50"])}


def ten(manager, scale):
    answer = b"x" * 1200
    manager.start(Setup(count=10, answer=answer))
    manager.arrived(10)
    time.sleep(1.2)
    found = status(manager, "status10", 11)
    if hasattr(manager, "call"):
        params = "<param><value><string>p:0</string></value></param>"
        seconds = 1 if scale.quick else 4
        manager.call("supervisor.getProcessInfo", params, 20, 200)
        before = manager.cpu()
        said = manager.call("supervisor.getProcessInfo", params, 20, 1_000_000, seconds)
        found["info.cpu"] = (manager.cpu() - before) / said["calls"] * 1e6
        found["info.p50"] = said["p50"] / 1e3
    return found


def capture(manager, scale, key, chunk, line, megabytes, clock_ms=0):
    """One program writes all it can; its log is read back and checked byte by byte."""
    total = megabytes * 1_000_000 // 3200 * 3200 // chunk * chunk
    manager.start(Setup(role=f"write {total} {chunk} {line}", log="file", clock_ms=clock_ms))
    manager.arrived(1)
    time.sleep(0.3)
    before, begun = manager.cpu(), time.monotonic()
    manager.go()
    size, changed = 0, begun
    while size < total:
        time.sleep(0.005)
        try:
            now = sum(os.path.getsize(path) for path in manager.logs(0))
        except OSError:
            continue  # a rotation came between
        if now != size:
            size, changed = now, time.monotonic()
        elif time.monotonic() - changed > 10:
            break
    wall = time.monotonic() - begun
    cpu = manager.cpu() - before
    time.sleep(0.1)
    said = manager.tools.run("check", line, total, *manager.logs(0))
    return {f"{key}.cpu": cpu / total * GB, f"{key}.rate": total / 1e6 / wall} | checks(key, said)


def checks(key, said):
    return {f"!{key} lines {what}": said[what] for what in ("lost", "doubled", "torn")}


def log4k(manager, scale):
    return capture(manager, scale, "log4k", 4096, 64, scale.megabytes)


def log64k(manager, scale):
    return capture(manager, scale, "log64k", 65536, 64, scale.megabytes)


def log100(manager, scale):
    # The limit reads by the clock, which is what makes small writes cheap.
    return capture(manager, scale, "log100", 100, 100, scale.megabytes // 3, clock_ms=4)


def chat(manager, scale, children=400):
    """Many programs that each say a line now and then."""
    seconds = 4 if scale.quick else 12
    lines = seconds * 10
    manager.start(Setup(role=f"chat {lines}", count=children, log="file"))
    manager.arrived(children)
    time.sleep(1.5)
    logs = [manager.logs(i)[-1] for i in range(children)]
    words = [manager.tools.load, "watch", str(seconds - 1), *logs[::10]]
    watcher = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    watcher.stdout.readline()
    before = manager.cpu()
    manager.go()
    said = json.loads(watcher.communicate()[0])
    until = time.monotonic() + 5
    # All have written their last at the latest 100 ms after the first.
    time.sleep(1.3)
    while time.monotonic() < until and any(not is_whole(log, lines) for log in logs):
        time.sleep(0.1)
    cpu = manager.cpu() - before
    return {"chat.cpu": cpu / (children * lines) * 1e6, "chat.p50": ms(said["p50"]),
            "chat.p99": ms(said["p99"])} | chat_checks(logs, lines)


def is_whole(log, lines):
    return kernel.read(log).count("\n") >= lines


def chat_checks(logs, lines):
    lost = doubled = torn = 0
    for log in logs:
        expected = 0
        for line in kernel.read(log).splitlines(keepends=True):
            if not line.endswith("of 80 bytes or so\n") or not line[:8].isdigit():
                torn += 1
                continue
            number = int(line[:8])
            lost += max(0, number - expected)
            doubled += number < expected
            expected = max(expected, number + 1)
        lost += max(0, lines - expected)
    return checks("chat", {"lost": lost, "doubled": doubled, "torn": torn})


def restart(manager, scale, count=100):
    manager.start(Setup(count=count, restart=True))
    manager.arrived(count)
    time.sleep(2.5)  # s6 and runit start a program at most once a second
    programs, kills = manager.programs, 10 if scale.quick else 40
    slow = manager.name in ("supervisor", "s6", "runit", "horust")
    took, cpu, newest = [], 0.0, {}
    pids = [pid for pid, _ in programs.since(0)]
    for pid in pids[:min(kills, 5 if slow else kills)]:
        before, seen = manager.cpu(), programs.count()
        at = time.monotonic_ns()
        os.kill(pid, 9)
        came = programs.wait(seen + 1, 10, manager.alive)
        if came is None:
            raise Failed("not started again")
        time.sleep(0.05)
        took.append(ms(programs.since(seen)[0][1] - at))
        cpu += manager.cpu() - before
    found = {"kill.p50": statistics.median(took), "kill.cpu": cpu / len(took) * 1e6}
    costs, walls = [], []
    for _ in range(1 if slow else 2 if scale.quick else 5):
        time.sleep(1.5)
        seen = programs.count()
        newest = [pid for pid, _ in programs.since(0) if os.path.exists(f"/proc/{pid}")]
        before, at = manager.cpu(), time.monotonic_ns()
        for pid in newest:
            os.kill(pid, 9)
        if programs.wait(seen + len(newest), 30, manager.alive) is None:
            raise Failed(f"{programs.count() - seen} of {len(newest)} were started again")
        time.sleep(0.1)
        costs.append((manager.cpu() - before) / len(newest) * 1e6)
        walls.append(ms(max(t for _, t in programs.since(seen)) - at))
    return found | {"storm.cpu": statistics.median(costs), "storm.wall": statistics.median(walls)}


def events(manager, scale):
    count = 500 if manager.name == "supervisor" else 20_000 if scale.quick else 60_000
    listener = f"listener {count}"
    if manager.name == "limit":
        manager.start(Setup(role=listener, events=count))
    else:
        manager.start(Setup(role=f"tokens {count} 200", program="stdout_capture_maxbytes=1KB", more=f"""
[eventlistener:listener]
command={manager.tools.load} {listener}
events=PROCESS_COMMUNICATION
buffer_size={count + 100}
stderr_logfile=NONE
"""))
        manager.arrived(2)
        time.sleep(0.5)
    before = manager.cpu() if manager.name != "limit" else 0
    manager.go()
    heard, until = manager.path("heard"), time.monotonic() + 120
    while not os.path.exists(heard):
        if time.monotonic() > until or not manager.alive():
            raise Failed("not all events came")
        time.sleep(0.005)
    cpu = manager.cpu() - before
    said = json.loads(kernel.read(heard))
    return {"events.rate": count / said["ns"] * 1e9, "events.cpu": cpu / count * 1e6,
            "!events out of order": said["wrong"]}


def reread(manager, scale, count, key):
    manager.start(Setup(files=count))
    manager.opened()
    manager.call("supervisor.reloadConfig")
    before = manager.cpu()
    said = manager.call("supervisor.reloadConfig", calls=1 if manager.name == "supervisor" else 7)
    return {key: ms(said["p50"]), f"{key}.cpu": (manager.cpu() - before) / said["calls"] * 1e3}


def reread300(manager, scale):
    return reread(manager, scale, 300, "reread300")


def reread2000(manager, scale):
    return reread(manager, scale, 2000, "reread2000")


EVERY = "svx limit supervisor dinit horust s6 runit"

WORKLOADS = [
    Workload("first", [
        Row("first.wall", "start → first answer", "ms", "exec of the daemon, one program, to the first "
            "byte of an answer on its control socket (s6, runit: its control FIFO is open)", ahead=True),
        Row("first.cpu", "start-up CPU", "ms", "CPU of the daemon until then", of_limit=1.5),
    ], first, EVERY),
    Workload("one", [
        Row("mem1.rss", "idle memory, 1 program: RSS", "MB", "resident set of daemon and helpers", most=3),
        Row("mem1.pss", "... PSS", "MB", "pages shared with others counted in part"),
    ], one, EVERY),
    Workload("fleet", [
        Row("start.wall", "1,000 programs: all exec'd", "ms", "exec of the daemon to the last program's "
            "main; outputs go nowhere, by pipes where the manager has them", ahead=True),
        Row("start.cpu", "... CPU of the daemon, each", "µs", "its own until then, configuration "
            "included", most=60),
        Row("start.settled", "... until settled, each", "µs", "its own until 2.5 s later: RUNNING said "
            "and logged"),
        Row("mem1000.rss", "idle memory, 1,000: RSS", "MB", "as above", most=6),
        Row("mem1000.pss", "... PSS", "MB", "as above"),
        Row("mem.each", "... RSS per program", "KB", "the difference between 1,000 and 1", most=5),
        Row("idle.wakeups", "idle, 1,000: wake-ups", "1/s", "voluntary context switches of all its threads",
            most=0),
        Row("idle.cpu", "... CPU", "ms/s", "", most=0),
        Row("all.cpu", "getAllProcessInfo, 1,000: CPU a call", "ms", "XML-RPC, one connection", most=1),
        Row("all.p50", "... p50", "ms", "", most=2),
        Row("status1000", "`status`, 1,000 programs", "ms", "wall time of the client", most=12),
        Row("stop.wall", "1,000 programs: TERM → all gone", "ms", "signal to the daemon to the end of the "
            "last program and of the daemon", most=100),
    ], fleet, EVERY, slow="supervisor horust s6 runit", patient="horust runit"),
    Workload("logged", [
        Row("logged.start.wall", "1,000 with two log files each: exec'd", "ms", "as above, stdout and stderr "
            "captured into files (s6, runit: one logger each)", ahead=True),
        Row("logged.start.cpu", "... CPU of the daemon, each", "µs", "", most=60),
        Row("logged.start.settled", "... until settled, each", "µs", ""),
        Row("logged.mem1000.rss", "... RSS", "MB", "", most=6),
        Row("logged.mem1000.pss", "... PSS", "MB", ""),
        Row("logged.stop.wall", "... TERM → all gone", "ms", "", most=100),
    ], logged, "svx limit supervisor s6", slow="supervisor s6", patient="supervisor s6"),
    Workload("log4k", [
        Row("log4k.cpu", "log capture, 4 KiB writes: CPU", "s/GB", "one program, 64-byte lines, rotation at "
            "50 MiB, read back whole", of_limit=1.1),
        Row("log4k.rate", "... throughput", "MB/s", ""),
    ], log4k, "svx limit supervisor horust s6 runit", slow="s6 runit", patient="runit"),
    Workload("log64k", [
        Row("log64k.cpu", "log capture, 64 KiB writes: CPU", "s/GB", "", of_limit=1.1),
        Row("log64k.rate", "... throughput", "MB/s", ""),
    ], log64k, "svx limit supervisor horust s6 runit", slow="s6 runit", patient="runit"),
    Workload("log100", [
        Row("log100.cpu", "log capture, 100-byte lines: CPU", "s/GB", "a write(2) a line; the limit reads "
            "by the clock", most=1.2),
        Row("log100.rate", "... throughput", "MB/s", ""),
    ], log100, "svx limit supervisor horust s6 runit", slow="s6 runit", patient="runit"),
    Workload("chat", [
        Row("chat.cpu", "400 children, 10 lines/s each: CPU a line", "µs", "80-byte lines, log files", most=18),
        Row("chat.p50", "... write → file p50", "ms", "one child in ten observed"),
        Row("chat.p99", "... p99", "ms", "", most=2),
    ], chat, "svx limit supervisor horust s6 runit", slow="supervisor horust s6 runit",
        patient="horust s6 runit"),
    Workload("ten", [
        Row("info.cpu", "getProcessInfo, 20 connections: CPU a call", "µs", "XML-RPC, kept alive, each with "
            "one call under way", most=10),
        Row("info.p50", "... p50", "µs", ""),
        Row("status10", "`status`, 10 programs", "ms", "wall time of the client", most=3),
    ], ten, "svx limit supervisor dinit runit"),
    Workload("restart", [
        Row("kill.p50", "kill → new child running, p50", "ms", "kill(2) to main of the new one", most=1),
        Row("kill.cpu", "... CPU per restart", "µs", "", most=150),
        Row("storm.cpu", "100 at once: CPU per restart", "µs", "all killed, all started again", most=60),
        Row("storm.wall", "... until all run", "ms", ""),
    ], restart, EVERY, slow="supervisor horust s6 runit", patient="horust"),
    Workload("events", [
        Row("events.rate", "events through one listener", "1/s", "captured communications of 200 bytes",
            least=50_000),
        Row("events.cpu", "... CPU each", "µs", "", most=10),
    ], events, "svx limit supervisor"),
    Workload("reread300", [
        Row("reread300", "reread of 300 unchanged programs", "ms", "reloadConfig; a file each", most=15),
        Row("reread300.cpu", "... CPU", "ms", ""),
    ], reread300, "svx supervisor", slow="supervisor"),
    Workload("reread2000", [
        Row("reread2000", "reread of 2,000", "ms", "", most=100),
        Row("reread2000.cpu", "... CPU", "ms", ""),
    ], reread2000, "svx supervisor", slow="supervisor", patient="supervisor"),
    Workload("tenk", [
        Row("tenk.count", "10,000 programs: how many", "", "as many as two descriptors each allow"),
        Row("tenk.start", "... all exec'd", "ms", ""),
        Row("tenk.cpu", "... CPU of the daemon, each", "µs", ""),
        Row("tenk.rss", "... RSS", "MB", ""),
        Row("tenk.wakeups", "... idle wake-ups", "1/s", ""),
        Row("tenk.status", "... `status`", "ms", ""),
        Row("tenk.stop", "... TERM → all gone", "ms", ""),
    ], tenk, "svx limit dinit", slow="svx limit dinit", quick=False),
]
