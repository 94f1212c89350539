"""Breakers: what opens which of them, and what /admin/breakers shows."""

import json

from kit.cases import case, check, equal, eventually
from kit.gateway import Gateway, chat, new_id, new_key, provider
from kit.upstream import Upstream, ordinary, refusal

UP = {"targets": [{"provider": "up", "model": "up-model"}]}
OTHER = {"targets": [{"provider": "up", "model": "other-model"}]}


def gateway_of(up, breaker, **more):
    entry = {**provider(up.url, breaker=breaker), **more}
    keys = {"boss": {"key": new_key(), "admin": True}}
    return Gateway({"providers": {"up": entry}, "models": {"plain": UP, "other": OTHER}}, keys=keys)


def breakers(gateway):
    answer = gateway.ask(b"", path="/admin/breakers", method="GET", key=gateway.keys["boss"]["key"])
    equal(answer.status, 200, answer)
    return {(b["model"], b["key"]): b for b in json.loads(answer.body)["data"]}


@case("breakers: /admin/breakers is for admins; it tells what opened one and when it is probed")
def _():
    up = Upstream()
    up.default = refusal(b"500 Broken", "broken")
    with gateway_of(up, {"failures": 2, "rest": "1h"}) as gateway:
        for _ in range(2):
            equal(gateway.ask(chat()).status, 502)
        equal(gateway.ask(chat()).status, 503)
        seen = breakers(gateway)
        equal(sorted(seen, key=str), [("other-model", None), ("up-model", None), (None, None)])
        opened = seen["up-model", None]
        equal((opened["provider"], opened["state"], opened["opened_by"], opened["opened_total"]), ("up", "open", "upstream_failed", 1))
        check(3_500_000 < opened["probe_in_ms"] <= 3_600_000, opened)
        equal(seen["other-model", None]["state"], "closed")
        denied = gateway.ask(b"", path="/admin/breakers", method="GET")
        equal((denied.status, json.loads(denied.body)["error"]["code"]), (403, "permission_denied"))
        check("admin: true" in json.loads(denied.body)["error"]["message"], denied)
        equal(gateway.ask(b"", path="/admin/breakers", method="GET", key="sk-lw-nobody-at-all").status, 401)


@case("breakers: refused credentials open the key's, for all models; a 403 the model's only")
def _():
    up = Upstream()
    up.default = refusal(b"403 Forbidden", "forbidden")
    with gateway_of(up, {"failures": 5, "rest": "1h"}) as gateway:
        equal(gateway.ask(chat()).status, 502)
        equal(gateway.ask(chat()).status, 503)
        up.default = ordinary
        equal(gateway.ask(chat("other")).status, 200)
        up.default = refusal(b"401 Unauthorized", "no")
        equal(gateway.ask(chat("other")).status, 502)
        up.default = ordinary
        request_id = new_id()
        equal(gateway.ask(chat("other"), request_id=request_id).status, 503)
        equal(up.requests(request_id), [])
        seen = breakers(gateway)
        equal({name: b["state"] for name, b in seen.items()}, {(None, None): "open", ("up-model", None): "open", ("other-model", None): "closed"})


@case("breakers: one of several keys that is rate limited rests for that model; the provider's own failures are one for all keys")
def _():
    up = Upstream()
    bad = {}

    def by_key(peer, request):
        model = json.loads(request.body)["model"]
        answer = bad.get((request.field("authorization")[-1], model), bad.get("all", ordinary))
        return answer(peer, request)

    up.default = by_key
    keys = [f"sk-up-{name * 16}" for name in "ab"]
    with gateway_of(up, {"failures": 2, "rest": "1h"}, api_key="", api_keys=keys, balance="priority") as gateway:
        bad["a", "up-model"] = refusal(b"429 Slow", "slow", b"retry-after: 600\r\n")
        for _ in range(3):
            equal(gateway.ask(chat()).status, 200)
        equal(gateway.ask(chat("other")).status, 200)
        seen = breakers(gateway)
        states = {name: b["state"] for name, b in seen.items() if b["state"] != "closed"}
        equal(states, {("up-model", 1): "open"}, "the same key goes on with the other model")
        check(500_000 < seen["up-model", 1]["probe_in_ms"] <= 600_000, seen)
        bad["all"] = refusal(b"500 Broken", "broken")
        for _ in range(2):
            equal(gateway.ask(chat("other")).status, 502)
        seen = breakers(gateway)
        equal({n for n, b in seen.items() if b["state"] == "open"}, {("up-model", 1), ("other-model", None)})


@case("breakers: a share of failures opens one, though none come in a row")
def _():
    up = Upstream()
    with gateway_of(up, {"failures": 0, "failure_percent": 50, "window_time": "10m", "minimum_calls": 4}) as gateway:
        for good in (True, False, True):
            up.default = ordinary if good else refusal(b"500 Broken", "broken")
            gateway.ask(chat())
        eventually(lambda: breakers(gateway)["up-model", None]["failures"]["calls"] == 3)
        equal(breakers(gateway)["up-model", None]["failures"], {"calls": 3, "bad": 1, "opens_at_percent": 50})
        up.default = refusal(b"500 Broken", "broken")
        equal(gateway.ask(chat()).status, 502)
        equal(gateway.ask(chat()).status, 503)


@case("breakers: answers that begin late open one, and a slow probe opens it again")
def _():
    up = Upstream()

    def late(peer, request):
        import time

        time.sleep(0.35)
        return ordinary(peer, request)

    up.default = late
    options = {"slow_percent": 100, "slow": "200ms", "window": 2, "rest": "0"}
    with gateway_of(up, options) as gateway:
        for _ in range(2):
            equal(gateway.ask(chat()).status, 200)
        opened = breakers(gateway)["up-model", None]
        equal((opened["state"], opened["opened_by"], opened["opened_total"]), ("open", "slow", 1))
        equal(gateway.ask(chat()).status, 200, "the probe")
        equal(breakers(gateway)["up-model", None]["opened_total"], 2)
        up.default = ordinary
        equal(gateway.ask(chat()).status, 200)
        equal(breakers(gateway)["up-model", None]["state"], "closed")
