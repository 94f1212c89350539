#!/usr/bin/env python3
"""What a call may cost, in figures that no other work on the machine can change: user instructions and system calls.

    LOWART_BIN=build/release/reference-server/lowart LOWART_TOOLS=build/release/benchmarks tests/gates/run.py

The release build stands between the load and the mock of the bench, with keys, limits, metering, journal and log on.
Valgrind counts the instructions of all threads, strace the system calls. Ends with `N passed, M failed`.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "benchmarks"))

import adapters  # noqa: E402
import rows as bench_rows  # noqa: E402
from processes import Process, free_port  # noqa: E402

LOWART, TOOLS = os.environ["LOWART_BIN"], os.environ["LOWART_TOOLS"]

# A little above what was measured when the bound was set; whoever saves some lowers it. Valgrind has no instructions
# for SHA-256: some 2,000 that processors of today do not need are in them. With the three limits of a key; seven more, of four
# other subjects, are some 3,000.
MOST_INSTRUCTIONS = {"chat-1k": 35_000, "translated-1k": 84_000}
MOST_SYSTEM_CALLS = {"chat-1k": 4.5}
WAITING = ("epoll_wait", "epoll_ctl", "futex", "total")
WITHOUT_AVX2 = 1.25  # as many instructions more does a build for older processors need


class Site:
    """A mock, a gateway under a tool, and load through both."""

    def __init__(self, folder, tool):
        self.folder = folder
        cpu = sorted(os.sched_getaffinity(0))[0]
        self.mock = Process("mock", [os.path.join(TOOLS, "bench_mock_upstream"), "--key", adapters.UPSTREAM_KEY], cpu,
                            os.path.join(folder, "mock.log"), read_first_line=True)
        self.port = free_port()
        upstream_port = int(self.mock.first_line.rpartition(":")[2])
        started = adapters.lowart(adapters.Site(folder, self.port, upstream_port, LOWART), has_ten_limits=False)
        self.gateway = Process("gateway", tool + started.command, sorted(os.sched_getaffinity(0))[-1],
                               os.path.join(folder, "gateway.log"))
        self.gateway.wait_ready(started.ready_url, seconds=40)

    def load(self, row, seconds):
        flags = {"port": self.port, "key": adapters.CLIENT_KEY, "seconds": seconds, "warmup": 0, "cpu-of": "",
                 **row.load, **({"translated": "yes"} if row.translated else {})}
        command = [os.path.join(TOOLS, "bench_load")] + [part for name, value in flags.items()
                                                         for part in (f"--{name}", str(value))]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
        return json.loads(done.stdout)["requests"]

    def stop(self):
        self.gateway.stop()
        self.mock.stop()


@contextlib.contextmanager
def site(tool):
    with tempfile.TemporaryDirectory(prefix="lowart-gates-") as folder:
        made = Site(folder, [part.format(folder=folder) for part in tool])
        try:
            yield made
        finally:
            made.stop()


def row_named(name):
    return next(row for row in bench_rows.ROWS if row.name == name)


def instructions(name):
    """Per call, of all threads."""
    tool = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--callgrind-out-file={folder}/counts"]
    with site(tool) as made:
        pid = str(made.gateway.child.pid)

        def control(*flags):
            subprocess.run(["callgrind_control", *flags, pid], check=True, capture_output=True, timeout=30)

        made.load(row_named(name), 1)  # pools, caches
        control("-i", "on")
        calls = made.load(row_named(name), 2)
        time.sleep(0.7)  # what the folder puts off
        control("-d")
        control("-i", "off")
        counts = 0
        for entry in os.listdir(made.folder):
            if entry.startswith("counts."):
                with open(os.path.join(made.folder, entry), encoding="utf-8") as file:
                    counts += sum(int(line.split()[1]) for line in file if line.startswith("totals:"))
        return counts / calls


def system_calls(name):
    """Those made for each call, by any thread. How often a loop waits depends on what else the machine does."""
    with site(["strace", "-f", "-c", "-o", "{folder}/calls"]) as made:
        calls = made.load(row_named(name), 3)
        os.kill(made.gateway.tree()[-1], signal.SIGTERM)  # strace goes with it, and writes what it counted
        end = time.monotonic() + 20
        while not made.gateway.ended() and time.monotonic() < end:
            time.sleep(0.05)
        with open(os.path.join(made.folder, "calls"), encoding="utf-8") as file:
            rows = [line.split() for line in file if line[:1] == " "]
        counts = {row[-1]: int(row[3]) for row in rows if len(row) > 4 and row[3].isdigit()}
        return sum(n for name, n in counts.items() if n > calls / 2 and name not in WAITING) / calls


def has_avx2():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as cpuinfo:
        return " avx2 " in cpuinfo.read()


def main():
    passed = failed = 0
    slack = 1 if has_avx2() else WITHOUT_AVX2
    checks = [(name, "user instructions", instructions, most * slack) for name, most in MOST_INSTRUCTIONS.items()]
    checks += [(name, "system calls", system_calls, most) for name, most in MOST_SYSTEM_CALLS.items()]
    for name, what, count, most in checks:
        seen = count(name)
        good = seen <= most
        passed, failed = passed + good, failed + (not good)
        print(f"{'ok  ' if good else 'FAIL'} {name}: {seen:,.2f} {what} per call, at most {most:,.2f}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
