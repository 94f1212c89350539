"""Trouble around the server: crowds, full pipes, no descriptors left, odd upstreams, leftovers of a crash."""

import os
import resource
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kit.cases import case, check, equal, eventually
from kit.gateway import BIN, Gateway, chat, new_id, provider, running, target
from kit.http import Connection
from kit.upstream import Upstream, delta, sends, stream, stream_events, whole, whole_body, whole_head
from kit.world import world

BODY = whole_body()


def made(**more):
    up = Upstream()
    config = {"providers": {"up": provider(up.url)}, "models": {"plain": target("up")}, **more}
    return up, config


@case("a crowd of streams: each client gets its own words, all of them", alone=True)
def _():
    up, config = made()
    with Gateway(config) as g:

        def one(i):
            request_id = new_id(f"crowd{i}")
            words = [f"{request_id}/{n};" for n in range(30)]
            up.script(
                request_id,
                stream(stream_events(words), pause=0.005) if i % 3 else whole(whole_body("".join(words))),
            )
            answer = g.ask(chat(stream=bool(i % 3)), request_id=request_id)
            text = answer.text() if i % 3 else answer.json()["choices"][0]["message"]["content"]
            return text == "".join(words)

        with ThreadPoolExecutor(60) as pool:
            results = list(pool.map(one, range(180)))
        check(all(results), results.count(False), "of", len(results), "are wrong")
        equal(g.metrics().sum("gateway_in_flight"), 0)


@case("events of a megabyte, cut anywhere, arrive whole")
def _():
    w = world()
    flat = (
        delta("", role="assistant")
        + delta("x" * 1_000_000)
        + delta("é" * 300_000)
        + delta(finish="stop")
        + b"data: [DONE]\n\n"
    )
    for size in (1 << 22, 65_537, 4_099):
        request_id = new_id()
        w.up.script(request_id, stream([flat[at : at + size] for at in range(0, len(flat), size)]))
        answer = w.gateway.ask(chat("plain", stream=True), request_id=request_id)
        check(answer.body == flat and answer.complete, "cut every", size, len(answer.body), "of", len(flat))
    large = whole_body("y" * 3_000_000)
    request_id = new_id()
    w.up.script(request_id, whole(large))
    check(w.gateway.ask(chat("plain"), request_id=request_id).body == large, "a large whole reply")


@case("upstream redirects, endless heads, bytes after the answer: refused or ignored, never passed on")
def _():
    w = world()

    def code(play):
        request_id = new_id()
        w.up.script(request_id, play)
        answer = w.gateway.ask(chat("up"), request_id=request_id)
        return answer.status, answer.error["code"]

    equal(
        code(sends(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n")),
        (502, "upstream_malformed_reply"),
    )
    equal(code(sends(b"HTTP/1.1 204 No Content\r\n\r\n"))[0], 502)
    check(
        code(sends(b"HTTP/1.1 200 OK\r\n" + b"x: yyyyyyyyyyyyyyyy\r\n" * 20_000))[0] == 502, "an endless head"
    )
    check(
        code(sends(b"HTTP/1.1 103 Hints\r\n\r\n" * 5_000, then="silence"))[0] in (502, 504), "endless hints"
    )
    for _ in range(3):
        request_id = new_id()
        w.up.script(
            request_id,
            sends(
                whole_head(len(BODY)) + BODY + b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong",
                then="silence",
            ),
        )
        equal(w.gateway.ask(chat("up"), request_id=request_id).body, BODY)
        equal(w.gateway.ask(chat("up")).body, BODY, "the next answer is its own")


@case("a client that leaves in the middle of its request leaves nothing behind")
def _():
    w = world()
    data = w.gateway.bytes_of(chat("plain", "x" * 300_000))
    for at in (5, 60, 200, 100_000, len(data) - 1):
        for leave in (Connection.close, Connection.reset):
            connection = w.gateway.connect()
            connection.send(data[:at])
            leave(connection)
    equal(w.gateway.ask(chat("plain")).status, 200)
    with Gateway(made()[1]) as g:
        for _ in range(50):
            connection = g.connect()
            connection.send(g.bytes_of(chat(text="x" * 1000))[:-10])
            connection.reset()
        eventually(lambda: g.metrics().sum("gateway_connections") <= 1, 3, "connections closed")
        eventually(lambda: g.metrics().sum("gateway_in_flight") == 0, 3, "nothing in flight")


def start_with(g, **options):
    g.process = subprocess.Popen([BIN, "serve", "--config", str(g.file)], **options)
    running.append(g.process)

    def listens():
        try:
            answer = g.get("/health", key="")
            return answer is not None and answer.status == 200
        except OSError:
            check(g.process.poll() is None, "the server ended")
            return False

    eventually(listens, 10, "the server listens")


@case("a log reader that stops reading, or goes away, stops nobody")
def _():
    up, config = made()
    with Gateway(config) as g:
        g.stop()
        for goes_away in (False, True):
            read_end, write_end = os.pipe()
            start_with(g, stdout=write_end, stderr=g.err)
            os.close(write_end)
            if goes_away:
                os.close(read_end)
            with g.connect(timeout=3) as connection:
                for i in range(600):  # some 300 bytes a line: more than a pipe holds
                    connection.send(g.bytes_of(chat()))
                    answer = connection.answer()
                    check(
                        answer is not None and answer.status == 200,
                        "call",
                        i,
                        answer,
                        "exit",
                        g.process.poll(),
                    )
            g.stop()
            if not goes_away:
                os.close(read_end)


@case("no descriptors left: who is connected is served, others wait, and all is well again later")
def _():
    up, config = made()
    with Gateway(config, threads=1) as g:
        g.stop()
        start_with(
            g,
            stdout=g.out,
            stderr=g.err,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)),
        )
        first = g.connect(timeout=5)
        first.send(g.bytes_of(chat()))
        equal(first.answer().status, 200)
        crowd = [Connection(g.address) for _ in range(100)]
        time.sleep(0.3)
        ticks = lambda: sum(map(int, Path(f"/proc/{g.process.pid}/stat").read_text().split()[13:15]))
        before = ticks()
        time.sleep(1)
        spent = (ticks() - before) / os.sysconf("SC_CLK_TCK")
        check(spent < 0.5, "spins without descriptors: CPU seconds in one second", spent)
        first.send(g.bytes_of(chat()))
        equal(first.answer().status, 200, "over its own connection")
        for connection in crowd:
            connection.close()
        eventually(lambda: g.ask(chat(), timeout=5).status == 200, 5, "a new connection")
        g.stop()


@case("after kill -9 the Unix socket's leftover does not stop the next start")
def _():
    up, config = made()
    with Gateway(config, unix=True) as g:
        for _ in range(2):
            g.kill()
            check(Path(g.socket_path).exists(), "nothing was left over")
            g.start()
            with Connection(g.socket_path) as connection:
                connection.send(g.bytes_of(chat()))
                equal(connection.answer().status, 200)
        g.stop()


@case("the house is full: more connections than allowed are refused or wait, and those inside are served")
def _():
    up, config = made(limits={"connections": 4})
    with Gateway(config, threads=1) as g:
        inside = [g.connect() for _ in range(4)]
        for connection in inside:
            connection.send(g.bytes_of(chat()))
            equal(connection.answer().status, 200)
        with g.connect(timeout=1) as outside:
            outside.send(g.bytes_of(chat()))
            try:
                answer = outside.answer()
                check(answer is None or answer.status == 503, answer)
            except TimeoutError:
                pass
        for connection in inside:
            connection.send(g.bytes_of(chat()))
            equal(connection.answer().status, 200)
            connection.close()
        eventually(lambda: g.ask(chat()).status == 200, 3, "room again")


@case("a host name that does not exist fails over like any other trouble")
def _():
    up, config = made()
    config["providers"]["nowhere"] = provider("http://no-such-host.invalid/v1", timeouts={"connect": "2s"})
    config["models"]["chain"] = {
        "targets": [{"provider": "nowhere", "model": "x"}, {"provider": "up", "model": "up-model"}]
    }
    config["models"]["nowhere"] = target("nowhere")
    with Gateway(config) as g:
        equal(g.ask(chat("chain")).status, 200)
        answer = g.ask(chat("nowhere"))
        check(answer.error["code"] in ("upstream_connect_failed", "upstream_connect_timeout"), answer)


@case("memory does not grow with the number of calls", alone=True)
def _():
    up, config = made(access_log="off")
    with Gateway(config) as g:

        def many(count):
            def some(streamed):
                with g.connect() as connection:
                    data = g.bytes_of(chat(text="x" * 2000, stream=streamed))
                    for _ in range(count // 4):
                        connection.send(data)
                        check(connection.answer().status == 200, "failed")

            threads = [threading.Thread(target=some, args=(i % 2 == 0,)) for i in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        many(400)
        before = g.resident_kib()
        many(1600)
        check(g.resident_kib() - before < 4096, "grew by KiB", g.resident_kib() - before)
