#!/usr/bin/env python3
"""What administration costs in time, on one machine: pages of long lists, and how soon a change is at work everywhere.

    benchmarks/administration.py --server build/release/reference-server/lowart [--users 100000] [--keys 0] [--rounds 30]

Fills lowart.db by SQL, as a million acts of HTTP would take long, and asks as a client does: medians and the slowest of all
rounds, in milliseconds, over one kept connection. `live` is the time from sending a change until every event loop serves by it.
"""

import argparse
import http.client
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

KEY = "sk-lw-" + "b" * 43


def arguments():
    parser = argparse.ArgumentParser(description="What administration costs in time")
    parser.add_argument("--server", default="build/release/reference-server/lowart", metavar="BIN")
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--keys", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=30)
    return parser.parse_args()


class Gateway:
    def __init__(self, binary, directory, threads):
        self.binary, self.directory, self.socket = binary, Path(directory), None
        config = {"listen": ["127.0.0.1:0", f"unix:{directory}/s"], "data": f"{directory}/data", "threads": threads,
                  "access_log": "off", "providers": {"demo": {"type": "demo"}},
                  "models": {"demo": {"targets": [{"provider": "demo", "model": "demo-fast"}]}},
                  "keys": [{"name": "ops", "key": KEY, "admin": True}]}
        (self.directory / "lowart.yaml").write_text(json.dumps(config))

    def start(self):
        began = time.monotonic()
        self.out = open(self.directory / "out", "w")
        self.process = subprocess.Popen([self.binary, "serve", "--config", str(self.directory / "lowart.yaml")],
                                        stdout=self.out, stderr=self.out)
        while "lowart is ready" not in (self.directory / "out").read_text():
            if self.process.poll() is not None:
                sys.exit((self.directory / "out").read_text())
            time.sleep(0.005)
        return time.monotonic() - began

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def memory_mib(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


class Client(http.client.HTTPConnection):
    """Over the Unix socket, so that no port is needed."""

    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        import socket

        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self.path))

    def ask(self, method, path, body=None):
        self.request(method, path, json.dumps(body) if body is not None else None, {"authorization": f"Bearer {KEY}"})
        answer = self.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None


def fill(path, users, keys):
    database = sqlite3.connect(path)
    now = int(time.time() * 1e6)
    team = [("teams", f"team-{n:03}", n + 1, now, now, "", "", "active", '{"status":"active"}') for n in range(100)]
    people = [("users", f"user-{n:06}", n + 1000, now, now, "", f"team-{n % 100:03}", "blocked" if n % 50 == 0 else "active",
               json.dumps({"role": "member", "status": "blocked" if n % 50 == 0 else "active", "team": f"team-{n % 100:03}",
                           "email": f"user-{n}@example.org"})) for n in range(users)]
    texts = [("keys", f"key-{n:07}", n + 200_000, now, now, f"user-{n % max(users, 1):06}", "", "active",
              json.dumps({"user": f"user-{n % max(users, 1):06}", "status": "active", "prefix": "sk-lw-000000"}))
             for n in range(keys)]
    rows = "INSERT INTO resource (kind,name,revision,created_at,updated_at,owner,team,status,body) VALUES (?,?,?,?,?,?,?,?,?)"
    database.executemany(rows, team + people + texts)
    database.executemany("INSERT INTO key_digest VALUES (?, ?)", ((f"key-{n:07}", os.urandom(32)) for n in range(keys)))
    for kind, count in (("teams", 100), ("users", users), ("keys", keys)):
        database.execute("INSERT OR REPLACE INTO resource_count VALUES (?, ?)", (kind, count))
    database.commit()
    database.close()


def tell(what, times):
    print(f"{what:44} median {statistics.median(times) * 1e3:8.2f} ms   slowest {max(times) * 1e3:8.2f} ms", flush=True)


def lists(client, options):
    middle, last = f"user-{options.users // 2:06}", f"user-{max(options.users - 50, 0):06}"
    pages = {"users, first page": "/admin/users", "users, a page of 1000": "/admin/users?limit=1000",
             "users, in the middle": f"/admin/users?after={middle}", "users, the last": f"/admin/users?after={last}",
             "users of a team": "/admin/users?team=team-042", "users that are blocked": "/admin/users?status=blocked",
             "users of a team that are blocked": "/admin/users?team=team-050&status=blocked",
             "users by the beginning of the name": "/admin/users?prefix=user-05", "one user": f"/admin/users/{middle}",
             "keys of a user": f"/admin/keys?user={middle}", "keys, first page": "/admin/keys", "teams": "/admin/teams",
             "the audit log": "/admin/audit", "history of settings": "/admin/config/history"}
    for what, path in pages.items():
        times = []
        for _ in range(options.rounds):
            began = time.perf_counter()
            status, _ = client.ask("GET", path)
            times.append(time.perf_counter() - began)
            if status != 200:
                sys.exit(f"{path}: {status}")
        tell(what, times)


def live(gateway, client, options, threads):
    """Connections spread over the loops; each asks until it is served by the change."""
    others = [Client(gateway.directory / "s") for _ in range(8 * threads)]
    for other in others:
        other.ask("GET", "/v1/models")
    answered, everywhere, keys = [], [], []
    for n in range(options.rounds):
        began = time.perf_counter()
        status, _ = client.ask("POST", "/admin/models", {"name": f"m{n}", "targets": [{"provider": "demo", "model": "demo-fast"}]})
        answered.append(time.perf_counter() - began)
        if status != 201:
            sys.exit(f"a model could not be made: {status}")
        for other in others:
            while other.ask("GET", f"/v1/models/m{n}")[0] != 200:
                pass
        everywhere.append(time.perf_counter() - began)
        began = time.perf_counter()
        status, made = client.ask("POST", "/admin/keys", {"name": f"bench-{n}", "rpm": 10})
        keys.append(time.perf_counter() - began)
        if status != 201 or "key" not in made:
            sys.exit(f"a key could not be made: {status}")
    tell("a model: until it is answered", answered)
    tell(f"a model: until {len(others)} connections were served by it", everywhere)
    tell("a key: until it is answered, and works", keys)


def main():
    options = arguments()
    threads = os.cpu_count()
    directory = tempfile.mkdtemp(prefix="lowart-administration-")
    try:
        gateway = Gateway(options.server, directory, threads)
        gateway.start()
        gateway.stop()
        fill(gateway.directory / "data/lowart.db", options.users, options.keys)
        seconds = gateway.start()
        print(f"{options.users} users, {options.keys} keys: ready in {seconds:.2f} s, {gateway.memory_mib():.0f} MiB")
        client = Client(gateway.directory / "s")
        lists(client, options)
        live(gateway, client, options, threads)
        gateway.stop()
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
