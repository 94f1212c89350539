"""kill -9 under load: after the restart every call that a client saw finished is on its bill, once."""

import itertools
import os
import random
import threading
import time

from kit.cases import case, check, equal, eventually
from kit.gateway import Gateway, chat, provider, target
from kit.upstream import Upstream, stream, stream_events, whole, whole_body
from kit.usage_db import usage_records


class Clients:
    """Keep-alive clients that count the calls they began and those whose end they saw."""

    def __init__(self, gateway, count=6):
        self.gateway = gateway
        self.started = self.finished = 0
        self.lock = threading.Lock()
        self.paused, self.stopping = threading.Event(), False
        self.threads = [threading.Thread(target=self.run, args=(i % 2 == 0,)) for i in range(count)]
        for thread in self.threads:
            thread.start()

    def run(self, streamed):
        try:
            with self.gateway.connect() as connection:
                while not self.stopping:
                    with self.lock:
                        self.started += 1
                    connection.send(self.gateway.bytes_of(chat(stream=streamed)))
                    answer = connection.answer()
                    if answer is None or not answer.complete or answer.status != 200:
                        return
                    if streamed and not answer.body.endswith(b"data: [DONE]\n\n"):
                        return
                    with self.lock:
                        self.finished += 1
        except OSError:
            pass  # the server was killed

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join()


def billed(g):
    """Calls on the bill with outcome complete, and all of them; each once."""
    page = g.usage()
    records = [r for r in usage_records(f"{g.data}/usage.db") if r["key"] == "main"]
    rows, ids = len(records), len({r["id"] for r in records})
    complete = sum(r["outcome"] == 0 for r in records)
    equal(rows, ids, "records with an id of their own")
    equal(page["request_count"], rows, "request_count and records")
    return complete, rows


def settled(g):
    """The bill once everything that was in the journal is in the store."""
    eventually(lambda: g.metrics().sum("gateway_usage_lag_records") == 0, 10, "the journal is folded")
    return billed(g)


@case("kill -9 under load loses no finished call and counts none twice, round after round", alone=True)
def _():
    up = Upstream()
    config = {"providers": {"up": provider(up.url)}, "models": {"plain": target("up")}}
    with Gateway(config) as g:
        equal(g.ask(chat()).status, 200)
        started = finished = 1
        for _ in range(5):
            clients = Clients(g)
            time.sleep(random.uniform(0.15, 0.6))
            g.kill()
            clients.stop()
            started += clients.started
            finished += clients.finished
            check(clients.finished > 20, "hardly any load:", clients.finished)
            g.start()
            complete, rows = settled(g)
            check(
                finished <= complete <= rows <= started,
                f"clients saw {finished} finished of {started}; {complete} complete of {rows} records",
            )
            # The next round counts from what is there: calls that ended unseen are on the bill, too.
            started = finished = complete
            extra = rows - complete
            started += extra


@case("kill -9 after the load paused: the bill is exactly what clients saw", alone=True)
def _():
    up = Upstream()
    config = {"providers": {"up": provider(up.url)}, "models": {"plain": target("up")}}
    with Gateway(config) as g:
        total = 0
        for _ in range(3):
            clients = Clients(g)
            time.sleep(0.25)
            clients.stop()
            equal(clients.finished, clients.started)
            total += clients.finished
            g.kill()  # at once: nothing may wait in memory
            g.start()
            equal(settled(g), (total, total), "complete and all records")


class NumberedClients:
    """Mixed clients, each of whose calls has a number of its own; `finished` has those whose end was seen."""

    KINDS = [
        ("/v1/chat/completions", lambda n: chat(text=str(n)), b'"object"'),
        ("/v1/chat/completions", lambda n: chat(text=str(n), stream=True), b"data: [DONE]"),
        ("/v1/messages", lambda n: {**chat(text=str(n)), "max_tokens": 9}, b'"stop_reason"'),
        ("/v1/messages", lambda n: {**chat(text=str(n), stream=True), "max_tokens": 9}, b"message_stop"),
    ]

    def __init__(self, gateway, numbers):
        self.gateway, self.numbers, self.finished = gateway, numbers, set()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run, args=(kind,)) for kind in self.KINDS * 2]
        for thread in self.threads:
            thread.start()

    def run(self, kind):
        path, body, end = kind
        try:
            with self.gateway.connect() as connection:
                while True:
                    with self.lock:
                        number = next(self.numbers)
                    connection.send(self.gateway.bytes_of(body(number), path))
                    answer = connection.answer()
                    if answer is None or not answer.complete or answer.status != 200 or end not in answer.body:
                        return
                    with self.lock:
                        self.finished.add(number)
        except OSError:
            pass  # the server was killed

    def wait(self):
        for thread in self.threads:
            thread.join()


@case("kill -9 at random moments of a mixed load: each finished call is billed what its upstream produced, once", alone=True)
def _():
    produced = {}

    def numbered(peer, request):
        number = int(request.json()["messages"][0]["content"])
        told = {"prompt_tokens": number, "completion_tokens": number % 97 + 1}
        produced[number] = (number, number % 97 + 1)
        if not request.json().get("stream"):
            return whole(whole_body(usage=told))(peer, request)
        return stream(stream_events(usage=told))(peer, request)

    up = Upstream()
    up.default = numbered
    config = {"providers": {"up": provider(up.url)}, "models": {"plain": target("up")}, "access_log": "off"}
    rounds = int(os.environ.get("LOWART_KILLS", "3"))
    numbers, finished = itertools.count(1), set()
    with Gateway(config) as g:
        for _ in range(rounds):
            clients = NumberedClients(g, numbers)
            time.sleep(random.uniform(0.0, 0.5))
            g.kill()
            clients.wait()
            finished |= clients.finished
            g.start()
        check(len(finished) > 10 * rounds, "hardly any load:", len(finished))
        settled(g)
        records = usage_records(f"{g.data}/usage.db")
        complete = [(r["input"], r["output"]) for r in records if r["outcome"] == 0]
        equal(len(complete), len(set(complete)), "calls that are billed once")
        check(set(complete) <= set(produced.values()), "billed, and not produced")
        missing = {produced[n] for n in finished} - set(complete)
        check(not missing, f"{len(missing)} of {len(finished)} finished calls are not billed:", sorted(missing)[:5])
        page = g.usage()
        equal(page["request_count"], len(records))
        equal(page["tokens"]["input"], sum(r["input"] or 0 for r in records))
        equal(page["tokens"]["output"], sum(r["output"] or 0 for r in records))


@case("a second server on the same data is refused, in words")
def _():
    import subprocess

    from kit.gateway import BIN, free_port

    up = Upstream()
    config = {"providers": {"up": provider(up.url)}, "models": {"plain": target("up")}}
    with Gateway(config) as g:
        done = subprocess.run(
            [BIN, "serve", "--config", str(g.file), "--port", str(free_port())],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
        equal(done.returncode, 1, done.stdout)
        check(done.stderr.strip(), "nothing said")
        equal(g.ask(chat()).status, 200)
