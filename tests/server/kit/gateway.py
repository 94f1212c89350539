"""Gateway: the real server binary, with a configuration of its own, on a free port."""

import itertools
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
import uuid
from pathlib import Path

from .cases import check, eventually
from .http import Connection, request_bytes
from .usage_db import usage_records

BIN = os.environ.get("LOWART_BIN", "build/release/reference-server/lowart")
TOOLS = Path(os.environ.get("LOWART_TOOLS", "build/release/benchmarks"))
UPSTREAM_KEY = "sk-up-" + "q7" * 16


def scratch_place():
    """In memory, where there is much of it: hundreds of gateways start beside compilers, and would wait for their disk."""
    much = 8 << 30
    try:
        room = os.statvfs("/dev/shm")
        free = int(re.search(r"MemAvailable:\s+(\d+)", Path("/proc/meminfo").read_text())[1]) * 1024
    except (OSError, TypeError):
        return None
    return "/dev/shm" if min(free, room.f_bavail * room.f_frsize) > much and os.access("/dev/shm", os.W_OK) else None


scratch = tempfile.TemporaryDirectory(prefix="lowart-server-tests-", dir=scratch_place())
numbers = itertools.count(1)
running = []


ports_given, ports_lock = set(), threading.Lock()


def free_port():
    """A port that nobody has, and that no other case is given."""
    while True:
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            port = sock.getsockname()[1]
        with ports_lock:
            if port not in ports_given:
                ports_given.add(port)
                return port


def new_key():
    return "sk-lw-" + uuid.uuid4().hex


def provider(url, **more):
    """An openai provider that does not try again and never rests, unless told."""
    entry = {
        "type": "openai",
        "base_url": url,
        "api_key": UPSTREAM_KEY,
        "retry": {"attempts": 1},
        "breaker": {"failures": 1000},
    }
    return {**entry, **more}


def target(name, model="up-model"):
    return {"targets": [{"provider": name, "model": model}]}


class Gateway:
    """Starts at once and is ready when made. `config`: everything but listen, data and keys; JSON is YAML too."""

    def __init__(self, config, keys=None, threads=2, unix=False, environment=None):
        self.directory = Path(scratch.name) / f"g{next(numbers)}"
        self.directory.mkdir()
        self.port = free_port()
        self.address = ("127.0.0.1", self.port)
        self.socket_path = str(self.directory / "s")
        self.key = new_key()
        self.keys = {"main": {"key": self.key}, **(keys or {})}
        self.data = self.directory / "data"
        self.config = {"threads": threads, "drain": "5s", **config}
        self.unix = unix
        self.environment = {**os.environ, **(environment or {})}
        self.file = self.directory / "lowart.yaml"
        self.write_config()
        self.process = None
        self.start()

    # --- the process

    def write_config(self, text=None):
        """Replaces the file in one step, as editors do."""
        if text is None:
            listen = [f"127.0.0.1:{self.port}"] + ([f"unix:{self.socket_path}"] if self.unix else [])
            whole = {"listen": listen, "data": str(self.data), **self.config}
            whole["keys"] = [{"name": name, **entry} for name, entry in self.keys.items()]
            text = json.dumps(whole, indent=1)
        fresh = self.file.with_suffix(".new")
        fresh.write_text(text)
        fresh.rename(self.file)

    def start(self):
        self.out = open(self.directory / "stdout", "ab")
        greetings = self.stdout().count("lowart is ready")
        self.err = open(self.directory / "stderr", "ab")
        self.process = subprocess.Popen(
            [BIN, "serve", "--config", str(self.file)], stdout=self.out, stderr=self.err, env=self.environment
        )
        running.append(self.process)
        end = time.monotonic() + 20
        while self.stdout().count("lowart is ready") == greetings:
            check(self.process.poll() is None, "the server ended:", self.stderr())
            check(time.monotonic() < end, "the server is not ready:", self.stderr())
            time.sleep(0.01)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def stop(self, seconds=15):
        """Ends it as an operator would; the exit code must be 0."""
        if self.process.poll() is None:
            self.terminate()
        code = self.process.wait(seconds)
        check(code == 0, "exit code", code, self.stderr()[-2000:])

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def stdout(self):
        return self.whole_lines("stdout")

    def stderr(self):
        return self.whole_lines("stderr")

    def whole_lines(self, stream):
        text = (self.directory / stream).read_text()
        return text[: text.rfind("\n") + 1]  # the last may be half written

    def resident_kib(self):
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())[1])

    # --- asking

    def connect(self, **options):
        return Connection(self.address, **options)

    def bytes_of(
        self, body, path="/v1/chat/completions", key=None, method="POST", fields=(), request_id=None
    ):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode() if body is not None else b""
        fields = list(fields)
        key = self.key if key is None else key
        if key:
            fields.append(("authorization", f"Bearer {key}"))
        if request_id:
            fields.append(("x-request-id", request_id))
        if body:
            fields.append(("content-type", "application/json"))
        return request_bytes(method, path, body, fields)

    def ask(self, body=None, path="/v1/chat/completions", method="POST", timeout=15.0, **options):
        with self.connect(timeout=timeout) as connection:
            connection.send(self.bytes_of(body, path, method=method, **options))
            return connection.answer(method)

    def get(self, path, **options):
        return self.ask(None, path, "GET", **options)

    def metrics(self):
        from .prometheus import parse

        return parse(self.get("/metrics", key="").body.decode())

    # --- what it left behind

    def log_of(self, request_id, seconds=3.0):
        """The access log's line of a request."""
        mark = f'"request_id":"{request_id}"'

        def find():
            return next((json.loads(line) for line in self.stdout().splitlines() if mark in line), None)

        return eventually(find, seconds, f"an access log line of {request_id}")

    def events(self, name):
        found = []
        for line in self.stderr().splitlines():
            if line.startswith("{") and json.loads(line).get("event") == name:
                found.append(json.loads(line))
        return found

    def usage(self, key=None):
        return self.get("/v1/usage/me", key=key).json()

    def records(self, key_name="main", count=1, seconds=5.0):
        """The usage records of a key, once there are `count`, as dicts."""

        def read():
            found = [r for r in usage_records(f"{self.data}/usage.db") if r["key"] == key_name]
            return found if len(found) >= count else None

        return eventually(read, seconds, f"{count} usage records of {key_name}")


OUTCOMES = ["complete", "partial", "cancelled", "failed"]
PROVENANCES = ["none", "reported", "counted", "partial", "estimated", "cached"]


def outcome(record):
    return OUTCOMES[record["outcome"]], PROVENANCES[record["provenance"]]


shared_lock = threading.Lock()
shared_made = {}


def shared(name, make):
    """A thing that many cases use, made by the first."""
    with shared_lock:
        if name not in shared_made:
            shared_made[name] = make()
        return shared_made[name]


def new_id(prefix="t"):
    return f"{prefix}-{uuid.uuid4().hex[:16]}"


def chat(model="plain", text="Hello", **more):
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def run_on(text, *arguments, environment=None):
    """Runs the binary on a configuration in a folder of its own: how it ended, and the names of what is left there."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "lowart.yaml"
        path.write_text(text)
        done = subprocess.run(
            [BIN, *arguments, str(path)],
            capture_output=True,
            text=True,
            timeout=10,
            cwd=directory,
            check=False,
            env={**os.environ, **(environment or {})},
        )
        left = [p.name for p in Path(directory).iterdir()]
    return done, left


def end_all():
    for process in running:
        if process.poll() is None:
            process.kill()
            process.wait()
    scratch.cleanup()
