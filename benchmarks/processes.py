"""Starts, watches and ends the processes of a bench run: pinned, on loopback, ended by process id."""

import ctypes
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

PR_SET_PDEATHSIG = 1
LOOK_ONLY = os.WEXITED | os.WNOHANG | os.WNOWAIT
PRECEDENCE = -15  # nice value: a busy machine disturbs less
LIBC = ctypes.CDLL(None, use_errno=True)


class BenchError(Exception):
    """The run cannot give honest figures; the message says why."""


class Missing(BenchError):
    """Something that the run needs is not there."""


def choose_cpus():
    """(cpu of mock and load, cpu of the proxies): two different ones when the machine has two."""
    usable = sorted(os.sched_getaffinity(0))
    return usable[0], usable[-1]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def take_place(cpu):
    """Runs in a new child: its CPU, its end with this program, and precedence where that is allowed."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    os.setsid()
    os.sched_setaffinity(0, {cpu})
    try:
        os.setpriority(os.PRIO_PROCESS, 0, PRECEDENCE)
        # Where sessions share the CPU as groups, only the group's own value weighs against other sessions.
        with open("/proc/self/autogroup", "w", encoding="ascii") as group:
            group.write(str(PRECEDENCE))
    except OSError:
        pass


class Process:
    """A child pinned to one CPU. Its output goes to a file; it ends with this program, whatever happens."""

    def __init__(self, name, command, cpu, log_path, environment=None, read_first_line=False):
        self.name = name
        self.log_path = log_path
        self.first_line = ""

        surroundings = {name: os.environ[name] for name in ("PATH", "HOME", "LLVM_PROFILE_FILE") if name in os.environ}
        surroundings.update(environment or {}, LC_ALL="C")
        with open(log_path, "ab") as log:
            try:
                self.child = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE if read_first_line else log,
                    stderr=log, env=surroundings, preexec_fn=lambda: take_place(cpu))
            except OSError as error:
                raise BenchError(f"cannot start {name}: {error}") from error
        if read_first_line:
            self.first_line = self.child.stdout.readline().decode().strip()

    def ended(self):
        """Whether the child has ended. It is not reaped before stop(), so its number stays its own."""
        return os.waitid(os.P_PID, self.child.pid, LOOK_ONLY) is not None

    def tree(self):
        """Process ids of the child and everything below it; raises when the child has ended."""
        if self.ended():
            raise BenchError(f"{self.name} ended in the middle of the run:\n{self.log_tail()}")
        children = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    with open(f"/proc/{entry}/stat", encoding="ascii", errors="replace") as stat:
                        parent = int(stat.read().rpartition(")")[2].split()[1])
                except (OSError, IndexError):
                    continue
                children.setdefault(parent, []).append(int(entry))
        found, rest = [], [self.child.pid]
        while rest:
            pid = rest.pop()
            found.append(pid)
            rest.extend(children.get(pid, []))
        return sorted(found)

    def log_tail(self, lines=12):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as log:
                return "".join(log.readlines()[-lines:])
        except OSError:
            return ""

    def empty_log(self):
        """The file is opened for appending, so the child goes on writing at its new end."""
        os.truncate(self.log_path, 0)

    def wait_ready(self, url, seconds=15.0):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.ended():
                raise BenchError(f"{self.name} ended at its start:\n{self.log_tail()}")
            try:
                with urllib.request.urlopen(url, timeout=1) as reply:
                    if reply.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                time.sleep(0.02)
        raise BenchError(f"{self.name} was not ready at {url} within {seconds:.0f} s:\n{self.log_tail()}")

    def stop(self):
        """Asks the child to end, then kills what is left of its process group (its own, by take_place)."""
        end = time.monotonic() + 5
        os.kill(self.child.pid, signal.SIGTERM)
        while time.monotonic() < end and not self.ended():
            time.sleep(0.01)
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.child.wait(timeout=5)
        if self.child.stdout:
            self.child.stdout.close()


def cpu_ns(pids):
    """CPU time used so far by these processes with all their threads, in nanoseconds (POSIX CPU clocks)."""
    try:
        return sum(time.clock_gettime_ns((~pid << 3) | 2) for pid in pids)
    except OSError as error:
        raise BenchError("a measured process has gone") from error


def settle(pids, seconds):
    """Waits until the processes are idle, so that work put off during a slice is counted with it.

    Returns (CPU clock then, whether they came to rest within `seconds`).
    """
    end = time.monotonic() + seconds
    quiet = 0
    before = cpu_ns(pids)
    while time.monotonic() < end:
        time.sleep(0.015)
        after = cpu_ns(pids)
        quiet = quiet + 1 if after - before < 450_000 else 0  # under 3 % of one CPU
        before = after
        if quiet == 2:
            return after, True
    return before, False


def memory_mib(pids):
    """(RSS summed, PSS summed) in MiB; PSS shares out what several processes map together."""
    sums = {"Rss:": 0, "Pss:": 0}
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
                for line in rollup:
                    name, *rest = line.split()
                    if name in sums:
                        sums[name] += int(rest[0])
        except OSError as error:
            raise BenchError(f"cannot read the memory of process {pid}: {error}") from error
    return sums["Rss:"] / 1024, sums["Pss:"] / 1024
