"""The client's own deadline: nobody works for a client that does not wait any more."""

import time

from kit.cases import case, check, equal, eventually
from kit.gateway import Gateway, chat, new_id, outcome, provider, shared
from kit.upstream import Upstream, refusal, sends, stream, stream_events

SECONDS = "x-stainless-timeout"
MESSAGES = {"max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
GEMINI = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}


class Patience:
    def __init__(self):
        self.up, self.spare = Upstream(), Upstream()
        config = {
            "providers": {
                "up": provider(self.up.url, breaker={"failures": 2}),
                "spare": provider(self.spare.url),
                "patient": provider(self.up.url, retry={"attempts": 5}),
                "narrow": provider(self.up.url, bulkhead={"concurrency": 1, "wait": "30s"}),
            },
            "models": {
                "plain": {"targets": [{"provider": "up", "model": "up-model"}]},
                "chain": {"targets": [{"provider": "up", "model": "up-model"}, {"provider": "spare", "model": "up-model"}]},
                "patient": {"targets": [{"provider": "patient", "model": "up-model"}]},
                "narrow": {"targets": [{"provider": "narrow", "model": "up-model"}]},
            },
        }
        self.gateway = Gateway(config)

    def ask(self, body, fields, play=None, **more):
        request_id = new_id("d")
        if play:
            self.up.script(request_id, play)
        start = time.monotonic()
        answer = self.gateway.ask(body, fields=fields, request_id=request_id, **more)
        return answer, time.monotonic() - start, request_id


def patience():
    return shared("patience", Patience)


def in_time(took, seconds):
    """It ends before the client gives up; a busy machine may be late."""
    check(seconds - 0.2 <= took < seconds + 0.6, f"took {took:.3f} s, not {seconds} s")


@case("deadline: a call ends when its client does not wait any more, told in its dialect", alone=True)
def _():
    p = patience()
    silent = sends(then="silence")
    for fields, seconds in (
        ([(SECONDS, "1")], 1),
        ([("x-stainless-read-timeout", "0.8")], 0.8),
        ([("X-Envoy-Expected-Rq-Timeout-Ms", "700"), (SECONDS, "60")], 0.7),
    ):
        for streamed in (False, True):
            answer, took, request_id = p.ask(chat(stream=streamed), fields, silent)
            equal((answer.status, answer.error["code"]), (504, "client_deadline"), answer)
            in_time(took, seconds)
            equal(answer.field("x-should-retry"), None, "as after its own timeout")
            line = p.gateway.log_of(request_id)
            equal((line["status"], line["error"], line["attempts"]), (504, "client_deadline", 1))
    answer, took, _ = p.ask({**MESSAGES, "model": "plain"}, [(SECONDS, "1")], silent, path="/v1/messages")
    equal((answer.status, answer.json()["error"]["type"]), (504, "timeout_error"), answer)
    answer, took, _ = p.ask(GEMINI, [(SECONDS, "1")], silent, path="/v1beta/models/plain:generateContent")
    equal((answer.status, answer.json()["error"]["status"]), (504, "DEADLINE_EXCEEDED"), answer)
    answer, took, _ = p.ask({"model": "plain", "input": "Hi"}, [(SECONDS, "1")], silent, path="/v1/embeddings")
    equal((answer.status, answer.error["code"]), (504, "client_deadline"), answer)
    in_time(took, 1)
    metrics = p.gateway.metrics()
    check(metrics.sum("gateway_upstream_attempts_total", provider="up", outcome="client_deadline") >= 9)
    equal(metrics.sum("gateway_breaker_opened_total", provider="up"), 0, "the client's haste is no failure")
    record = next(r for r in p.gateway.records(count=9) if r["status"] == 504)
    equal(outcome(record), ("failed", "none"))


@case("deadline: bounds retries, the next target and the wait for a place", alone=True)
def _():
    p = patience()
    later = refusal(b"503 Busy", "busy", b"retry-after: 4\r\n")
    answer, took, request_id = p.ask(chat("patient"), [(SECONDS, "1")], later)
    equal((answer.status, answer.error["code"]), (504, "client_deadline"), answer)
    in_time(took, 1)
    equal(len(p.up.requests(request_id)), 1)
    answer, took, request_id = p.ask(chat("chain"), [(SECONDS, "1")], sends(then="silence"))
    equal((answer.status, p.spare.requests(request_id)), (504, []), "nobody else is asked for nobody")
    in_time(took, 1)
    holds = new_id()
    p.up.script(holds, sends(then="silence"))
    with p.gateway.connect() as connection:
        connection.send(p.gateway.bytes_of(chat("narrow"), request_id=holds))
        eventually(lambda: p.up.requests(holds), 3, "the place is taken")
        answer, took, request_id = p.ask(chat("narrow"), [(SECONDS, "1")])
        equal((answer.status, answer.error["code"], p.up.requests(request_id)), (504, "client_deadline", []), answer)
        in_time(took, 1)
    eventually(lambda: p.gateway.metrics().sum("gateway_bulkhead_waiting") == 0, 3, "an empty queue")


@case("deadline: an answer that has begun goes on for as long as it takes")
def _():
    p = patience()
    answer, took, _ = p.ask(chat(stream=True), [(SECONDS, "1"), ("x-stainless-read-timeout", "1")], stream(stream_events(), pause=0.25))
    equal((answer.status, answer.text(), answer.events()[-1]), (200, "Hello, world!", "[DONE]"))
    check(took > 1.2, took)


@case("deadline: what cannot be read says nothing")
def _():
    p = patience()
    for value in ("0", "-1", "soon", "5s", "", "1e-9"):
        answer, _, _ = p.ask(chat(), [(SECONDS, value)])
        equal(answer.status, 200, value)
    answer, _, _ = p.ask(chat(), [(SECONDS, "600000000000000000000000")])
    equal(answer.status, 200)
