"""SIGTERM: running streams finish, nothing new begins, usage is on disk, exit 0."""

import signal
import socket
import subprocess
import time
from collections import Counter

from kit.cases import case, check, equal, eventually
from kit.gateway import BIN, Gateway, chat, new_id, provider, target
from kit.http import Answer
from kit.upstream import Upstream, endless, stream, stream_events
from kit.usage_db import usage_records


def made(**more):
    up = Upstream()
    config = {"providers": {"up": provider(up.url)}, "models": {"plain": target("up")}, **more}
    return up, Gateway(config, unix=True)


def begin(g, up, play, request_id=None):
    request_id = request_id or new_id()
    up.script(request_id, play)
    connection = g.connect()
    connection.send(g.bytes_of(chat(stream=True), request_id=request_id))
    equal(connection.head()[0], 200)
    return connection


def rest(connection):
    answer = Answer(200, [("transfer-encoding", "chunked")], b"", False)
    connection.read_body(answer, "POST")
    return answer


def refuses(address):
    try:
        socket.create_connection(address, timeout=1).close()
        return False
    except OSError:
        return True


def stored(g):
    return sorted(Counter(r["outcome"] for r in usage_records(f"{g.data}/usage.db")).items())


@case("running streams finish, new connections are refused, usage is on disk, exit 0")
def _():
    up, g = made()
    with g:
        for _ in range(20):
            equal(g.ask(chat()).status, 200)
        connection = begin(g, up, stream(stream_events(), pause=0.15))
        idle = g.connect()
        start = time.monotonic()
        g.terminate()
        eventually(lambda: refuses(g.address), 1, "new connections refused")
        check(g.process.poll() is None, "ended under a running stream")
        answer = rest(connection)
        check(
            answer.complete and answer.events()[-1] == "[DONE]" and answer.text() == "Hello, world!",
            answer.body,
        )
        equal(g.process.wait(5), 0, "exit code")
        check(time.monotonic() - start < 4, "took", time.monotonic() - start)
        equal(idle.sock.recv(1), b"", "the idle connection was closed")
        equal(stored(g), [(0, 21)], "usage on disk")
        check(g.events("draining") and g.events("stopped"), g.stderr())
        check(
            not g.socket_path
            or not subprocess.run(["test", "-S", g.socket_path], check=False).returncode == 0,
            "the Unix socket was left behind",
        )


@case("what comes over an open connection while it drains is refused with 503, and readiness says so")
def _():
    up, g = made()
    with g:
        running = begin(g, up, stream(stream_events(), pause=0.25))
        # A connection whose request is on its way is not idle: it may still bring one.
        late, ready = g.connect(), g.connect()
        data = g.bytes_of(chat())
        late.send(data[:30])
        ask_ready = g.bytes_of(None, "/ready", key="", method="GET")
        ready.send(ask_ready[:10])
        time.sleep(0.05)
        g.terminate()
        eventually(lambda: refuses(g.address), 1, "draining")
        late.send(data[30:])
        ready.send(ask_ready[10:])
        answer, readiness = late.answer(), ready.answer()
        check(answer is not None and readiness is not None, "closed without a word:", answer, readiness)
        equal((answer.status, answer.error["code"]), (503, "shutting_down"), answer)
        check(answer.field("retry-after") and answer.field("x-should-retry") == "true", answer.fields)
        equal((readiness.status, readiness.json()["status"]), (503, "draining"))
        equal(rest(running).events()[-1], "[DONE]")
        equal(g.process.wait(5), 0)


@case("a stream that does not end is ended with an error at the bound, billed, and the exit code is 0")
def _():
    up, g = made(drain="700ms")
    with g:
        connection = begin(g, up, endless())
        start = time.monotonic()
        g.terminate()
        answer = rest(connection)
        events = answer.events()
        check(answer.complete and "[DONE]" not in events, "a cut stream that says it is done")
        equal(events[-1]["error"]["code"], "shutting_down")
        equal(g.process.wait(5), 0)
        took = time.monotonic() - start
        check(0.6 < took < 2.5, "took", took)
        equal(stored(g), [(1, 1)], "usage records: one, partial")


@case("a second SIGTERM stops at once")
def _():
    up, g = made(drain="30s")
    with g:
        connection = begin(g, up, endless())
        g.terminate()
        eventually(lambda: refuses(g.address), 1, "draining")
        time.sleep(0.1)
        start = time.monotonic()
        g.terminate()
        equal(g.process.wait(5), 0)
        check(time.monotonic() - start < 1.5, "took", time.monotonic() - start)
        connection.close()
        g.start()
        equal(g.usage()["request_count"], 1, "what was produced until then is on the bill")


@case("SIGINT drains as well; an idle server ends at once; a new one starts on the same socket and data")
def _():
    up, g = made()
    with g:
        for _ in range(2):
            equal(g.ask(chat()).status, 200)
            start = time.monotonic()
            g.process.send_signal(signal.SIGINT)
            equal(g.process.wait(5), 0)
            check(time.monotonic() - start < 1.5, "took", time.monotonic() - start)
            g.start()
        equal(g.usage()["request_count"], 2)


@case("a second start is ready in a moment, and an idle server is small", alone=True)
def _():
    up, g = made()
    with g:
        g.stop()
        start = time.monotonic()
        g.start()
        check(time.monotonic() - start < 1.5, "start took", time.monotonic() - start)
        time.sleep(0.2)
        check(g.resident_kib() < 40 * 1024, "resident KiB", g.resident_kib())


@case("a port that is taken is said, with exit code 1")
def _():
    up, g = made()
    with g:
        done = subprocess.run(
            [BIN, "serve", "--config", str(g.file), "--data", str(g.directory / "other")],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
        equal(done.returncode, 1)
        check(str(g.port) in done.stderr, done.stderr)
