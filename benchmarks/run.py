#!/usr/bin/env python3
"""CPU time per call of the gateway against nginx as a plain reverse proxy, in one run on one machine.

    benchmarks/run.py --server build/release/reference-server/lowart --tools build/release/benchmarks
                      [--quick] [--json FILE] [--against OTHER_LOWART] [--row NAME]... [--gateway nginx]

Ends with 0 when every reply was right, whatever the figures; 1 when a reply was wrong or a process failed;
2 when something is missing. README.md beside this file says how it is measured and what the figures mean.
"""

import argparse
import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import adapters
import idle_streams
import report
import rows as bench_rows
from processes import BenchError, Missing, Process, choose_cpus, free_port, memory_mib


def arguments():
    parser = argparse.ArgumentParser(description="CPU time per call of the gateway against nginx")
    parser.add_argument("--server", default="build/release/reference-server/lowart", metavar="BIN",
                        help="the lowart binary to measure")
    parser.add_argument("--tools", default="build/release/benchmarks", metavar="DIR",
                        help="folder of bench_mock_upstream and bench_load")
    parser.add_argument("--quick", action="store_true", help="under a minute, wider spread")
    parser.add_argument("--json", metavar="FILE", help="write all figures there")
    parser.add_argument("--against", metavar="BIN", help="a second lowart binary in the same rounds")
    parser.add_argument("--row", action="append", metavar="NAME", help="only this row (may be repeated)")
    parser.add_argument("--gateway", default="lowart", choices=sorted(adapters.ADAPTERS),
                        help="what stands in the gateway's place; nginx there checks the harness itself")
    return parser.parse_args()


def chosen_rows(options):
    known = {row.name: row for row in bench_rows.ROWS}
    for name in options.row or []:
        if name not in known:
            raise Missing(f"no row {name}; there are {', '.join(known)}")
    if options.row:
        return [row for row in bench_rows.ROWS if row.name in options.row]
    return [row for row in bench_rows.ROWS if row.quick or not options.quick]


def tool(options, name):
    path = os.path.abspath(os.path.join(options.tools, name))
    if not os.access(path, os.X_OK):
        raise Missing(f"{path} is not built; build bench_mock_upstream and bench_load (./dev build)")
    return path


class Stage:
    """Everything that runs during a bench, and its folder; leaving the `with` ends and removes all of it."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="lowart-bench-")
        os.chmod(self.folder, 0o755)
        self.processes = []
        return self

    def __exit__(self, *_):
        with contextlib.ExitStack() as ends:
            for process in self.processes:
                ends.callback(process.stop)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, name, command, cpu, **more):
        process = Process(name, command, cpu, os.path.join(self.folder, f"{name}.log"), **more)
        self.processes.append(process)
        return process

    def start_mock(self, path, cpu):
        """The mock, and its ports in the clear and for TLS."""
        certificate, key = self.certificate()
        command = [path, "--key", adapters.UPSTREAM_KEY, "--certificate", certificate, "--private-key", key]
        mock = self.start("mock", command, cpu, read_first_line=True)
        if not mock.first_line.startswith("listening "):
            raise BenchError(f"the mock upstream did not start: {mock.log_tail()}")
        address, _, tls_port = mock.first_line.partition(" tls ")
        return mock, int(address.rpartition(":")[2]), int(tls_port)

    def certificate(self):
        """The files of one for 127.0.0.1, and of its key."""
        certificate, key = (os.path.join(self.folder, name) for name in ("certificate.pem", "key.pem"))
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                   "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate]
        if not shutil.which("openssl"):
            raise Missing("openssl is not installed, which makes the upstream's certificate")
        subprocess.run(command, check=True, capture_output=True, timeout=30)
        return certificate, key

    def start_proxy(self, name, adapter, binary, ports, cpu, row=""):
        folder = os.path.join(self.folder, name + row)
        os.mkdir(folder)
        site = adapters.Site(folder, free_port(), ports[0], binary, ports[1], os.path.join(self.folder, "certificate.pem"))
        started = adapters.ADAPTERS[adapter](site)
        process = self.start(name, started.command, cpu, environment=started.environment)
        process.wait_ready(started.ready_url)
        return bench_rows.proxy_target(name, process, site.port, started.translates)


def start_targets(stage, options, ports, cpu, row=""):
    """All that is compared; for a row that wants them fresh, whose memory nothing has been through, once more."""
    wanted = [("nginx", "nginx", None), ("gateway", options.gateway, options.server)]
    if options.against:
        wanted.append(("against", options.gateway, options.against))
    return [stage.start_proxy(name, adapter, binary, ports, cpu, row) for name, adapter, binary in wanted]


def resident(targets, memory, when):
    for target in targets:
        rss, pss = memory_mib(target.process.tree())
        memory.setdefault(target.name, {}).update({f"{when}_rss": rss, f"{when}_pss": pss})


def pace_of(options, load_cpu):
    if options.quick:
        return bench_rows.Pace(rounds=6, seconds=0.2, warmup=0.05, settle=0.6, load_cpu=load_cpu,
                               until=time.monotonic() + 44)
    return bench_rows.Pace(rounds=9, seconds=0.4, warmup=0.08, settle=1.5, load_cpu=load_cpu,
                           until=time.monotonic() + 260)


def tell(text):
    print(text, file=sys.stderr, flush=True)


def run(options):
    rows = chosen_rows(options)
    load_cpu, proxy_cpu = cpus = choose_cpus()
    pace = pace_of(options, load_cpu)
    mock_path, load_path = tool(options, "bench_mock_upstream"), tool(options, "bench_load")
    facts = report.machine(shutil.which("nginx") or "/usr/sbin/nginx", cpus)
    most_files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))  # for a thousand streams at once
    os.sched_setaffinity(0, {load_cpu})  # this script never runs beside a proxy
    memory = {}
    with Stage() as stage:
        mock, mock_port, tls_port = stage.start_mock(mock_path, load_cpu)
        ports = (mock_port, tls_port)
        targets = start_targets(stage, options, ports, proxy_cpu)
        resident(targets, memory, "idle")
        direct = bench_rows.direct_target(mock, mock_port)
        rounds, uncounted = bench_rows.measure(rows, targets, direct, pace, [load_path], mock_port, tell)
        resident(targets, memory, "loaded")
        idle = {} if options.row else {
            name: {target.name: idle_streams.kib_each(target, over_tls)
                   for target in start_targets(stage, options, ports, proxy_cpu, name)}
            for name, over_tls in (("idle-stream", False), ("idle-stream-tls", True))}
    figures = report.summary(rows, rounds, memory, idle, bool(options.against))
    return {"machine": {**facts, "load_average_after": os.getloadavg()[0]},
            "run": {"quick": options.quick, "rounds": len(rounds[rows[0].name]),
                    "slice_seconds": pace.seconds, "gateway": options.gateway,
                    "cpu_outside_slices": uncounted,
                    "doubts": report.doubts(rows, rounds, uncounted)},
            "rows": figures}


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = time.monotonic()
    try:
        result = run(options)
    except BenchError as error:
        tell(f"bench: {error}")
        return 2 if isinstance(error, Missing) else 1
    except KeyboardInterrupt:
        return 130
    result["run"]["took_seconds"] = round(time.monotonic() - began, 1)
    print(report.table(result["rows"], bool(options.against)))
    if result["machine"]["cpu_of_mock_and_load"] == result["machine"]["cpu_of_proxies"]:
        print("note: one CPU only, so proxy, mock and load disturb each other")
    for doubt in result["run"]["doubts"]:
        print(f"note: {doubt}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
