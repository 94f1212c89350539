"""Limits of a key: which one is reached, when to come back, and places that come free."""

import time

from kit.cases import case, check, equal, eventually
from kit.gateway import Gateway, chat, new_id, new_key, provider, shared, target
from kit.upstream import Upstream, endless, refusal, whole, whole_body


class Limited:
    def __init__(self):
        self.up = Upstream()
        self.keys = {
            "requests": {"key": new_key(), "rpm": 60},
            "tokens": {"key": new_key(), "tpm": 6000},
            "settled": {"key": new_key(), "tpm": 6000},
            "places": {"key": new_key(), "concurrency": 2},
            "failing": {"key": new_key(), "concurrency": 1, "tpm": 100000},
            "all": {"key": new_key(), "rpm": 1000, "tpm": 100000, "concurrency": 10},
        }
        config = {"providers": {"up": provider(self.up.url)}, "models": {"plain": target("up")}}
        self.gateway = Gateway(config, keys=self.keys)

    def ask(self, name, body=None, **options):
        return self.gateway.ask(body or chat(), key=self.keys[name]["key"], **options)


def limited():
    return shared("limited", Limited)


def reached(answer, which):
    equal(answer.status, 429, answer)
    equal(answer.error["code"], "rate_limit_exceeded")
    check(which in answer.error["message"], "which limit?", answer.error)
    wait = int(answer.field("retry-after-ms"))
    equal(int(answer.field("retry-after")), (wait + 999) // 1000, "retry-after and retry-after-ms")
    check(answer.field("x-should-retry") != "false", "a client may come back")
    return wait / 1000


@case("requests per minute: refused when used up, and let in again when it was said")
def _():
    l = limited()
    let_in = 0
    while (answer := l.ask("requests")).status == 200:
        equal(answer.field("x-ratelimit-limit-requests"), "60")
        let_in += 1
        check(let_in < 200, "never refused")
    check(let_in >= 60, "let in", let_in)
    wait = reached(answer, "60 requests per minute")
    equal(answer.field("x-ratelimit-remaining-requests"), "0")
    check(answer.field("x-ratelimit-reset-requests").endswith("ms"), answer.fields)
    check(0 < wait <= 1.01, "one comes back each second, said", wait)
    time.sleep(wait + 0.03)
    equal(l.ask("requests").status, 200, "after retry-after")
    eventually(lambda: l.ask("requests").status == 429, 3, "it was one, or a few on a slow machine")


@case("tokens per minute: an estimate is reserved, refused with the time until it fits")
def _():
    l = limited()
    first = l.ask("tokens", chat(max_tokens=3000))
    equal(first.status, 200)
    # 16 tokens were used; all but them is given back when the call ends
    eventually(
        lambda: int(l.ask("tokens", chat(max_tokens=1)).field("x-ratelimit-remaining-tokens")) > 5800,
        what="settled",
    )
    request_id = new_id()
    l.up.script(request_id, endless())
    with l.gateway.connect() as connection:
        connection.send(
            l.gateway.bytes_of(
                chat(max_tokens=5500, stream=True), key=l.keys["tokens"]["key"], request_id=request_id
            )
        )
        status, fields = connection.head()
        equal(status, 200)
        answer = l.ask("tokens", chat(max_tokens=550))
        wait = reached(answer, "6000 tokens per minute")
        check(0 < wait < 3, "wait", wait)
        check(int(answer.field("x-ratelimit-remaining-tokens")) < 560, answer.fields)


@case("what a call used beyond its estimate is charged afterwards")
def _():
    l = limited()
    request_id = new_id()
    usage = {"prompt_tokens": 10, "completion_tokens": 5000, "total_tokens": 5010}
    l.up.script(request_id, whole(whole_body(usage=usage)))
    equal(l.ask("settled", chat(max_tokens=10), request_id=request_id).status, 200)

    def remaining():
        return int(l.ask("settled", chat(max_tokens=1)).field("x-ratelimit-remaining-tokens"))

    check(remaining() < 1100, "remaining", remaining())


@case("a request that can never fit is refused for good")
def _():
    answer = limited().ask("tokens", chat(max_tokens=7000))
    equal(answer.status, 413, answer)
    equal(answer.field("x-should-retry"), "false")


@case("calls at the same time: refused when all places are taken; a client that leaves frees its place")
def _():
    l = limited()
    connections = []
    for _ in range(2):
        request_id = new_id()
        l.up.script(request_id, endless())
        connection = l.gateway.connect()
        connection.send(
            l.gateway.bytes_of(chat(stream=True), key=l.keys["places"]["key"], request_id=request_id)
        )
        equal(connection.head()[0], 200)
        connections.append(connection)
    wait = reached(l.ask("places"), "2 calls at the same time")
    check(wait <= 1, "wait", wait)
    connections[0].close()
    eventually(lambda: l.ask("places").status == 200, 2, "a place after one client left")
    connections[1].reset()
    eventually(lambda: l.ask("places").status == 200, 2, "a place after the other left")
    for _ in range(5):
        equal(l.ask("places").status, 200)


@case("a call that fails gives its place and its tokens back")
def _():
    l = limited()
    for _ in range(5):
        request_id = new_id()
        l.up.script(request_id, refusal(b"400 No", "bad"))
        answer = l.ask("failing", chat(max_tokens=50000), request_id=request_id)
        equal(answer.status, 400, answer)
    equal(l.ask("failing").status, 200)


@case("every answer tells the limits and what is left of them")
def _():
    l = limited()
    for body in (chat(), chat(stream=True)):
        answer = l.ask("all", body)
        fields = {
            n: answer.field(f"x-ratelimit-{n}")
            for n in ("limit-requests", "remaining-requests", "limit-tokens", "remaining-tokens")
        }
        equal((fields["limit-requests"], fields["limit-tokens"]), ("1000", "100000"))
        check(int(fields["remaining-requests"]) < 1000 and int(fields["remaining-tokens"]) < 100000, fields)
        for reset in ("requests", "tokens"):
            check(answer.field(f"x-ratelimit-reset-{reset}").endswith("ms"), answer.fields)
    answer = l.gateway.ask(chat())  # a key without limits
    equal(answer.field("x-ratelimit-limit-requests"), None)


@case("refused calls are not billed, and not sent")
def _():
    l = limited()
    before = l.gateway.usage(l.keys["tokens"]["key"])["request_count"]
    request_id = new_id()
    equal(l.ask("tokens", chat(max_tokens=7000), request_id=request_id).status, 413)
    equal(l.up.requests(request_id), [])
    check(l.gateway.usage(l.keys["tokens"]["key"])["request_count"] >= before, "count fell")
    equal(l.gateway.log_of(request_id)["error"], "too_large")
