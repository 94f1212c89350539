"""Hedging: a second target beside one that is slow, what it costs, and what becomes of the loser."""

import time
from concurrent.futures import ThreadPoolExecutor

from kit.cases import case, check, equal, eventually
from kit.gateway import Gateway, chat, new_id, outcome, provider, shared
from kit.upstream import Upstream, endless, ordinary, refusal, stream, stream_events, whole


def late(seconds, play=ordinary):
    """Answers after a time, unless the gateway has closed by then."""

    def later(peer, request):
        peer.sock.settimeout(seconds)
        try:
            if not peer.sock.recv(4096, 2):  # MSG_PEEK
                peer.closed_at = time.monotonic()
                return False
        except TimeoutError:
            pass
        peer.sock.settimeout(None)
        return play(peer, request)

    return later


class Hedged:
    def __init__(self):
        self.up = {name: Upstream() for name in "ab"}
        targets = [{"provider": name, "model": "up-model"} for name in "ab"]
        config = {
            "providers": {name: provider(up.url) for name, up in self.up.items()},
            "groups": {"both": {"hedge": {"after": "100ms", "budget": "100%"}, "targets": targets}},
            "models": {
                "plain": {"hedge": {"after": "100ms", "budget": "100%"}, "targets": targets},
                "counted": {"hedge": {"after": "100ms", "budget": "100%"}, "targets": targets},
                "alone": {"hedge": {"after": "100ms", "budget": "100%"}, "targets": targets[:1]},
                "named": {"targets": [{"group": "both"}]},
                "balanced": {"hedge": {"after": "100ms", "budget": "100%"}, "balance": "sticky", "by": "user", "targets": targets},
            },
        }
        self.gateway = Gateway(config)

    def script(self, **plays):
        request_id = new_id("h")
        for name, play in plays.items():
            self.up[name].script(request_id, *(play if isinstance(play, list) else [play]))
        return request_id

    def ask(self, body, **plays):
        request_id = self.script(**plays)
        return self.gateway.ask(body, request_id=request_id), request_id

    def closed(self, name, request_id, attempt=0):
        """Waits until the gateway has closed the connection of an attempt."""
        eventually(lambda: self.up[name].requests(request_id)[attempt].peer.closed_at, 3, f"the end of {name}")


def hedged():
    return shared("hedged", Hedged)


@case("hedge: a second target answers for one that is slow, which is cancelled and counted")
def _():
    h = hedged()
    start = time.monotonic()
    answer, request_id = h.ask(chat("counted"), a=late(20))
    took = time.monotonic() - start
    equal((answer.status, answer.field("x-lowart-provider")), (200, "b"), answer)
    check(0.1 <= took < 2, took)
    h.closed("a", request_id)
    line = h.gateway.log_of(request_id)
    equal((line["status"], line["provider"], line["attempts"], line["outcome"]), (200, "b", 2, "complete"))
    check(0 <= line["overhead_us"] < 1_000_000, "attempts at once are not added up", line)
    after = h.gateway.metrics()
    equal(after.sum("gateway_hedges_total", pool="counted"), 1)
    equal(after.sum("gateway_hedges_won_total", pool="counted"), 1)
    check(after.sum("gateway_upstream_attempts_total", provider="a", outcome="cancelled") >= 1)
    check(after.sum("gateway_hedge_tokens_in_vain_total", pool="counted") > 5)
    equal(after.sum("gateway_breaker_opened_total", provider="a"), 0)


@case("hedge: the record of a call has both attempts, and the figures of the answer")
def _():
    h = hedged()
    equal(h.ask(chat("named"), a=late(20))[0].status, 200)
    record = eventually(lambda: next((r for r in h.gateway.records() if r["model"] == "named"), None), what="a record")
    equal((record["attempts"], record["provider"], outcome(record)), (2, "b", ("complete", "reported")))
    equal(h.gateway.metrics().sum("gateway_hedges_won_total", pool="group both"), 1)


@case("hedge: a first answer that comes after all wins, and the second is cancelled")
def _():
    h = hedged()
    answer, request_id = h.ask(chat(), a=late(0.4), b=late(20))
    equal((answer.status, answer.field("x-lowart-provider")), (200, "a"), answer)
    h.closed("b", request_id)


@case("hedge: a stream that was asked for second comes whole, as its provider sends it")
def _():
    h = hedged()
    request_id = h.script(a=late(20), b=stream(stream_events(), pause=0.05))
    answer = h.gateway.ask(chat(stream=True), request_id=request_id)
    equal((answer.status, answer.text(), answer.events()[-1]), (200, "Hello, world!", "[DONE]"))
    equal(answer.field("x-lowart-provider"), "b")


@case("hedge: the next of a balance is asked, whoever was the first")
def _():
    h = hedged()
    seen = set()
    for user in range(12):
        body = chat("balanced", user=f"u{user}")
        first = h.ask(body)[0].field("x-lowart-provider")
        answer, request_id = h.ask(body, **{first: late(20)})
        equal(answer.status, 200)
        seen.add((first, answer.field("x-lowart-provider")))
        h.closed(first, request_id)
    equal(seen, {("a", "b"), ("b", "a")})


@case("hedge: a client that leaves ends both attempts, and later the one that won")
def _():
    h = hedged()
    request_id = h.script(a=late(20), b=late(20))
    with h.gateway.connect() as connection:
        connection.send(h.gateway.bytes_of(chat(), request_id=request_id))
        eventually(lambda: h.up["b"].requests(request_id), 3, "the second attempt")
    h.closed("a", request_id)
    h.closed("b", request_id)
    equal(h.gateway.log_of(request_id)["outcome"], "cancelled")
    for plays in ({"a": late(20), "b": endless()}, {"a": late(0.3, endless()), "b": late(20)}):
        request_id = h.script(**plays)
        with h.gateway.connect() as connection:
            connection.send(h.gateway.bytes_of(chat(stream=True), request_id=request_id))
            equal(connection.head()[0], 200)
        for name in plays:
            h.closed(name, request_id)


@case("hedge: what fails at once is not hedged, and what fails beside the other is waited for")
def _():
    h = hedged()
    broken = refusal(b"500 Broken", "broken")
    answer, request_id = h.ask(chat(), a=broken, b=late(0.05))
    equal((answer.status, answer.field("x-lowart-provider")), (200, "b"))
    for a, b, who in ((late(0.3, broken), late(0.5), "b"), (late(0.5), broken, "a")):
        answer, request_id = h.ask(chat(), a=a, b=b)
        equal((answer.status, answer.field("x-lowart-provider")), (200, who))
    answer, request_id = h.ask(chat(), a=late(0.3, broken), b=late(0.1, broken))
    equal(answer.status, 502, answer)
    check("a (upstream_failed), b (upstream_failed)" in answer.error["message"], answer.error)


@case("hedge: a target alone is asked twice")
def _():
    h = hedged()
    answer, request_id = h.ask(chat("alone"), a=[late(20), ordinary])
    equal(answer.status, 200)
    equal(len(h.up["a"].requests(request_id)), 2)
    h.closed("a", request_id)


@case("hedge: embeddings are hedged, and the winner's bytes come as they are")
def _():
    h = hedged()
    body = b'{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-1]}],"model":"up-model","usage":{"prompt_tokens":3,"total_tokens":3}}'
    request_id = h.script(a=late(20), b=whole(body))
    answer = h.gateway.ask({"model": "plain", "input": "Hi"}, "/v1/embeddings", request_id=request_id)
    equal((answer.status, answer.body, answer.field("x-lowart-provider")), (200, body, "b"))
    h.closed("a", request_id)


@case("hedge: learns what is slow, tells it, keeps it over a reload; the budget bounds the extra load", alone=True)
def _():
    a, b = Upstream(), Upstream()
    a.default = late(0.2)  # longer than a busy machine is late
    config = {
        "providers": {"a": provider(a.url), "b": provider(b.url)},
        "models": {
            "plain": {"hedge": {"after": "p90", "budget": "5%"}, "targets": [{"provider": "a"}, {"provider": "b"}]}
        },
    }
    with Gateway(config) as gateway:
        with ThreadPoolExecutor(6) as pool:
            who = list(pool.map(lambda _: gateway.ask(chat()).field("x-lowart-provider"), range(60)))
        check(who.count("a") >= 54, "a few may have been late", who)

        def told(name, **labels):
            return gateway.metrics().sum(name, pool="plain", **labels)

        known = told("gateway_hedge_after_seconds", target="a/", kind="whole")
        check(0.2 <= known < 0.8, known)
        equal(told("gateway_hedge_after_seconds", kind="stream"), 0)
        gateway.config["models"]["other"] = gateway.config["models"]["plain"]
        gateway.write_config()
        eventually(lambda: gateway.metrics().sum("gateway_config_revision") == 2, 5, "the reload")
        equal(told("gateway_hedge_after_seconds", target="a/", kind="whole"), known)
        a.default = late(1)
        for _ in range(14):
            equal(gateway.ask(chat()).status, 200)
        begun, unpaid = told("gateway_hedges_total"), told("gateway_hedges_unpaid_total")
        check(9 <= begun <= 10 + 74 * 5 / 100, "ten were saved up, the rest was paid for", begun)
        check(unpaid >= 1, unpaid)
