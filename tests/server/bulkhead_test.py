"""Bulkheads: calls that wait for a place, by priority and in turns among keys; refusals that say when to come back."""

import threading
import time

from kit.cases import case, check, equal, eventually
from kit.gateway import Gateway, chat, new_id, new_key, provider
from kit.upstream import Upstream, endless, ordinary


class Gate:
    """An upstream whose answers wait until they are let go, one by one, in the order in which they were asked."""

    def __init__(self):
        self.up = Upstream()
        self.up.default = self.play
        self.asked, self.let = [], threading.Semaphore(0)

    def play(self, peer, request):
        self.asked.append(request.json()["messages"][0]["content"])
        self.let.acquire()
        return ordinary(peer, request)


class Callers:
    def __init__(self, gateway):
        self.gateway, self.answers, self.threads = gateway, {}, []

    def ask(self, text, key=None, **more):
        def run():
            self.answers[text] = self.gateway.ask(chat(text=text, **more), key=key)

        self.threads.append(threading.Thread(target=run))
        self.threads[-1].start()

    def join(self):
        for thread in self.threads:
            thread.join()
        return {text: answer.status for text, answer in self.answers.items()}


def told(gateway, name, **labels):
    return gateway.metrics().sum(f"gateway_bulkhead_{name}", **labels)


@case("bulkhead: calls wait for a place, by priority, and keys take turns", alone=True)
def _():
    gate = Gate()
    keys = {"greedy": {"key": new_key()}, "other": {"key": new_key()}, "vip": {"key": new_key(), "priority": 9}}
    keys["last"] = {"key": new_key(), "priority": 0}
    config = {
        "providers": {"up": provider(gate.up.url, bulkhead={"concurrency": 1, "wait": "30s"})},
        "models": {"plain": {"targets": [{"provider": "up"}]}},
    }
    with Gateway(config, keys=keys, threads=2) as gateway:
        callers = Callers(gateway)
        texts = ["first", "last", "greedy-1", "greedy-2", "greedy-3", "other-1", "vip-1"]
        for waiting, text in enumerate(texts):
            callers.ask(text, key=keys.get(text.split("-")[0], keys["other"])["key"])
            eventually(lambda: gate.asked, 5, "the first")  # none waits behind it before it has the place
            eventually(lambda n=waiting: told(gateway, "waiting", bulkhead="provider up") == n, 5, f"{text} waits")
        equal((gate.asked, told(gateway, "in_use")), (["first"], 1))
        for _ in texts:
            gate.let.release()
        equal(set(callers.join().values()), {200})
        equal(gate.asked, ["first", "vip-1", "greedy-1", "other-1", "greedy-2", "greedy-3", "last"])
        eventually(lambda: told(gateway, "in_use") == 0, 3, "the places")
        check(told(gateway, "waited_seconds_total", bulkhead="provider up") > 0)
        equal((told(gateway, "waiting"), told(gateway, "refused_total")), (0, 0))


@case("bulkhead: when the queue is full or the wait too long, 503 says truly when to come back", alone=True)
def _():
    gate = Gate()
    target = {"provider": "up", "model": "up-model", "bulkhead": {"concurrency": 1, "queue": 1, "wait": "1500ms"}}
    config = {"providers": {"up": provider(gate.up.url)}, "models": {"plain": {"targets": [target]}}}
    with Gateway(config) as gateway:
        callers = Callers(gateway)
        callers.ask("taken")
        eventually(lambda: gate.asked, 5, "the first")
        time.sleep(1)
        callers.ask("waits")
        eventually(lambda: told(gateway, "waiting", bulkhead="target up/up-model") == 1, 5, "the second")
        start = time.monotonic()
        full = gateway.ask(chat())
        check(time.monotonic() - start < 1, "at once")
        equal((full.status, full.error["code"]), (503, "overloaded"), full)
        check("up is busy, and the queue for it is full" in full.error["message"], full.error)
        wait = int(full.field("retry-after-ms"))
        check(2000 <= wait <= 20_000, "two before it, and nobody left for more than a second", wait)
        equal(full.field("retry-after"), str((wait + 999) // 1000))
        equal(full.field("x-should-retry"), None)
        claude = gateway.ask({**chat(), "max_tokens": 5}, "/v1/messages")
        equal((claude.status, claude.json()["error"]["type"]), (503, "overloaded_error"), claude)
        eventually(lambda: "waits" in callers.answers, 5, "the end of the wait")
        late = callers.answers["waits"]
        equal((late.status, late.error["code"]), (503, "overloaded"), late)
        check("for as long as a call may wait" in late.error["message"], late.error)
        equal(told(gateway, "refused_total"), 3)
        equal(told(gateway, "waiting"), 0)
        gate.let.release()
        equal(callers.join()["taken"], 200)
        equal(len(gate.asked), 1, "what waited was never sent")


@case("bulkhead: a target that is full leaves the call to the next one, and no breaker minds")
def _():
    gate, spare = Gate(), Upstream()
    config = {
        "providers": {
            "up": provider(gate.up.url, bulkhead={"concurrency": 1, "queue": 0}, breaker={"failures": 1}),
            "spare": provider(spare.url),
        },
        "models": {"plain": {"targets": [{"provider": "up"}, {"provider": "spare"}]}},
    }
    with Gateway(config) as gateway:
        callers = Callers(gateway)
        callers.ask("taken")
        eventually(lambda: gate.asked, 5, "the first")
        for _ in range(3):
            equal(gateway.ask(chat()).field("x-lowart-provider"), "spare")
        gate.let.release()
        equal(callers.join()["taken"], 200)
        gate.let.release()
        equal(gateway.ask(chat()).field("x-lowart-provider"), "up")


@case("bulkhead: a client that leaves leaves the queue, or its place, and a stream holds its place to its end")
def _():
    up = Upstream()
    config = {
        "providers": {"up": provider(up.url)},
        "groups": {"narrow": {"bulkhead": {"concurrency": 1, "wait": "30s"}, "targets": [{"provider": "up"}]}},
        "models": {"plain": {"targets": [{"group": "narrow"}]}, "alias": {"targets": [{"group": "narrow"}]}},
    }
    with Gateway(config, threads=2) as gateway:
        request_id = new_id()
        up.script(request_id, endless())
        with gateway.connect() as holds:
            holds.send(gateway.bytes_of(chat(stream=True), request_id=request_id))
            equal(holds.head()[0], 200)
            waiting_id = new_id()
            with gateway.connect() as waits:
                waits.send(gateway.bytes_of(chat("alias"), request_id=waiting_id))
                eventually(lambda: told(gateway, "waiting", bulkhead="group narrow") == 1, 3, "a call that waits")
            eventually(lambda: told(gateway, "waiting") == 0, 3, "the queue without it")
            equal(gateway.log_of(waiting_id)["outcome"], "cancelled")
            equal((up.requests(waiting_id), told(gateway, "in_use")), ([], 1))
        eventually(lambda: told(gateway, "in_use") == 0, 3, "the place")
        equal(gateway.ask(chat("alias")).status, 200)


@case("bulkhead: a reload widens it, and whoever waits comes in")
def _():
    gate = Gate()
    config = {
        "providers": {"up": provider(gate.up.url, bulkhead={"concurrency": 1, "wait": "30s"})},
        "models": {"plain": {"targets": [{"provider": "up"}]}},
    }
    with Gateway(config) as gateway:
        callers = Callers(gateway)
        for i in range(3):
            callers.ask(f"c{i}")
            eventually(lambda n=i: told(gateway, "in_use") + told(gateway, "waiting") == n + 1, 5, "a caller")
        eventually(lambda: gate.asked, 5, "the first")
        equal(len(gate.asked), 1)
        config["providers"]["up"]["bulkhead"]["concurrency"] = 3
        gateway.config = {**gateway.config, **config}
        gateway.write_config()
        eventually(lambda: len(gate.asked) == 3, 5, "the others")
        for _ in range(3):
            gate.let.release()
        equal(set(callers.join().values()), {200})
        eventually(lambda: told(gateway, "in_use") == 0, 3, "the places")
