"""What is measured: the rows, one slice of load, and the interleaved rounds."""

import dataclasses
import json
import subprocess
import time
import urllib.request

from adapters import CLIENT_KEY, TLS_PATH, TRANSLATED_MODEL, UPSTREAM_KEY
from processes import BenchError, cpu_ns, settle, take_place


@dataclasses.dataclass
class Row:
    """One line of the table. `unit` is what CPU time is divided by, or what is read from the latencies."""
    name: str
    says: str
    unit: str  # request | event | first_token | latency
    load: dict
    quick: bool = True
    over_tls: bool = False  # to the upstream
    translated: bool = False  # a proxy that translates is asked for chat and asks /v1/messages; the others pass chat on
    gateway_goal: float = 0.0  # highest ratio to nginx that the project has promised; 0 = none

    def is_cpu(self):
        return self.unit in ("request", "event")

    def saturates(self):
        """Closed loop: as many calls as the proxy can take."""
        return "rate" not in self.load

    def load_through(self, target):
        if self.over_tls and target.name != "direct":
            return {**self.load, **({"model": "bench-model-tls"} if target.translates else {"path": TLS_PATH})}
        return {**self.load, "translated": "yes"} if self.translated and target.translates else self.load


def stream(**more):
    return {"stream": "yes", "body-bytes": 1024, **more}


ROWS = (
    Row("chat-1k", "CPU us per whole call, 1 KiB request", "request",
        {"body-bytes": 1024, "connections": 64}, gateway_goal=0.65),
    Row("chat-16k", "CPU us per whole call, 16 KiB request", "request",
        {"body-bytes": 16384, "connections": 64}, gateway_goal=0.7),
    Row("chat-256k", "CPU us per whole call, 256 KiB request", "request",
        {"body-bytes": 262144, "connections": 16}, gateway_goal=0.75),
    Row("chat-1m", "CPU us per whole call, 1 MiB request", "request",
        {"body-bytes": 1048576, "connections": 8}, quick=False, gateway_goal=0.8),
    Row("tls-1k", "chat-1k with TLS to the upstream", "request",
        {"body-bytes": 1024, "connections": 64}, over_tls=True, gateway_goal=0.8),
    Row("translated-1k", "chat-1k answered from Anthropic Messages; nginx passes chat on", "request",
        {"body-bytes": 1024, "connections": 64, "model": TRANSLATED_MODEL}, translated=True, gateway_goal=1.0),
    Row("sse-event", "CPU us per relayed event, burst of 100, a chunk each", "event",
        stream(events=100, connections=16), gateway_goal=0.7),
    Row("sse-event-one-chunk", "the same burst as one chunk", "event",
        stream(events=100, connections=16, model="bench-model-one-chunk"), quick=False),
    Row("translated-sse", "sse-event from an Anthropic stream; nginx passes chat events on", "event",
        stream(events=100, connections=16, model=TRANSLATED_MODEL), quick=False, translated=True),
    Row("sse-paced", "CPU us per event, 100 streams of one event per 5 ms", "event",
        stream(events=100, connections=250, rate=200, warmup=0.6, model="bench-model-paced-5000us",
               ticks="yes"),
        quick=False, gateway_goal=0.85),
    Row("ttft-added", "us to the first token over direct, median, 200 calls/s", "first_token",
        stream(events=4, connections=32, rate=200, warmup=0.1, model="bench-model-paced-1000us")),
    Row("latency-added", "us to the whole reply over direct, median, 5000 calls/s", "latency",
        {"body-bytes": 1024, "connections": 32, "rate": 5000}, quick=False),
)


@dataclasses.dataclass
class Target:
    """Something that answers chat calls: a proxy, or the mock itself (`direct`)."""
    name: str
    process: object
    port: int
    key: str
    translates: bool = False
    counted_ns: int = 0  # CPU time within its slices


@dataclasses.dataclass
class Pace:
    """How long a run takes."""
    rounds: int
    seconds: float
    warmup: float
    settle: float
    load_cpu: int
    until: float  # monotonic time at which no new round may begin

    def out_of_time(self):
        return time.monotonic() > self.until


def run_load(load_command, target, row, pace, pids):
    flags = {"port": target.port, "key": target.key, "seconds": pace.seconds, "warmup": pace.warmup,
             "cpu-of": ",".join(map(str, pids)), **row.load_through(target)}
    command = load_command + [part for name, value in flags.items() for part in (f"--{name}", str(value))]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False,
                              timeout=float(flags["seconds"]) + 20,
                              preexec_fn=lambda: take_place(pace.load_cpu))
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"{row.name} through {target.name}: the load did not end in time") from error
    if done.returncode != 0:
        raise BenchError(f"{row.name} through {target.name}: {done.stderr.strip() or done.returncode}\n"
                         f"{target.process.log_tail(5)}")
    return json.loads(done.stdout)


def answered_by_mock(mock_port):
    with urllib.request.urlopen(f"http://127.0.0.1:{mock_port}/stats", timeout=5) as reply:
        return json.load(reply)["requests"]


def slice_of(load_command, target, row, pace, mock_port):
    """One slice of load through one target: {"value": us, ...}. Raises when it was not clean."""
    pids = target.process.tree()
    before = answered_by_mock(mock_port)
    before_ns = cpu_ns(pids)
    seen = run_load(load_command, target, row, pace, pids)
    rest_ns, at_rest = settle(pids, pace.settle)
    target.counted_ns += rest_ns - before_ns
    if target.process.tree() != pids:
        raise BenchError(f"{target.name} changed its processes during {row.name}; did a worker crash?")
    if not seen["latency_us"]:
        raise BenchError(f"{row.name} through {target.name}: no reply within the measured window")
    upstream = answered_by_mock(mock_port) - before
    if upstream != seen["requests"]:
        raise BenchError(f"{row.name} through {target.name}: {seen['requests']} replies, "
                         f"but the upstream saw {upstream} calls")
    target.process.empty_log()
    return figures(row, seen, rest_ns, at_rest)


def figures(row, seen, rest_ns, at_rest):
    result = {"requests": seen["counted_requests"], "busy": seen["window_cpu_ns"] / seen["window_ns"],
              "latency_us": seen["latency_us"]}
    if seen["first_token_us"]:
        result["first_token_us"] = seen["first_token_us"]
    if seen["event_delay_us"]:
        result["event_delay_us"] = seen["event_delay_us"]
    if not row.is_cpu():
        result["value"] = seen["first_token_us" if row.unit == "first_token" else "latency_us"]["p50"]
        return result
    counted = seen["counted_events"] if row.unit == "event" else seen["counted_requests"]
    put_off_ns = rest_ns - seen["end_cpu_ns"]
    result["put_off_us"] = put_off_ns / counted / 1000
    result["value"] = (seen["window_cpu_ns"] + put_off_ns) / counted / 1000
    result["at_rest"] = at_rest
    return result


def mean_of(slices):
    """One slice that stands for several: numbers averaged, flags joined by `and`."""
    first = slices[0]
    if isinstance(first, dict):
        return {key: mean_of([s[key] for s in slices]) for key in first}
    if isinstance(first, bool):
        return all(slices)
    return sum(slices) / len(slices)


def one_round(row, turn, take):
    """{target name: slice}. At full load there and back (A B, B A), so that drift cancels."""
    order = turn + turn[::-1] if row.saturates() else turn
    slices = {}
    for target in order:
        slices.setdefault(target.name, []).append(take(target))
    return {name: mean_of(taken) for name, taken in slices.items()}


def warm_up(rows, targets, pace, load_command, mock_port):
    """Fills pools, caches and branch predictors; what is seen here is thrown away."""
    short = dataclasses.replace(pace, seconds=0.1, warmup=0.0)
    for row in rows:
        if row.saturates():
            for target in targets:
                slice_of(load_command, target, row, short, mock_port)


def measure(rows, targets, direct, pace, load_command, mock_port, tell):
    """All take turns, in rotated order.

    Returns {row name: [round, ...]}, a round being {target name: slice}, and {target name: share of its CPU
    time that fell outside its slices}.
    """
    began_ns = {target.name: cpu_ns(target.process.tree()) for target in targets}
    rounds = {row.name: [] for row in rows}
    warm_up(rows, targets, pace, load_command, mock_port)
    for number in range(pace.rounds):
        if pace.out_of_time():
            tell(f"out of time after {number} of {pace.rounds} rounds")
            break
        for row in rows:
            # Latencies are compared with direct calls; for CPU rows one look in the first round is enough.
            turn = targets + ([direct] if not row.is_cpu() or number == 0 else [])
            shift = number % len(turn)
            row_pace = pace if row.saturates() else dataclasses.replace(pace, seconds=2 * pace.seconds)

            def take(target, row=row, row_pace=row_pace):
                return slice_of(load_command, target, row, row_pace, mock_port)

            rounds[row.name].append(one_round(row, turn[shift:] + turn[:shift], take))
        tell(f"round {number + 1} of {pace.rounds}")
    if not rounds[rows[0].name]:
        raise BenchError("there was no time for even one round")
    uncounted = {}
    for target in targets:
        spent_ns = cpu_ns(target.process.tree()) - began_ns[target.name]
        uncounted[target.name] = (spent_ns - target.counted_ns) / spent_ns
    return rounds, uncounted


def direct_target(mock, port):
    return Target("direct", mock, port, UPSTREAM_KEY)


def proxy_target(name, process, port, translates):
    return Target(name, process, port, CLIENT_KEY, translates)
