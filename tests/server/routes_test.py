"""Routes of lowart.yaml: nested groups, selections, conditions, patterns, several keys, limits of targets."""

import collections

from kit.cases import case, check, equal, eventually
from kit.gateway import Gateway, chat, new_id, new_key, provider, shared
from kit.upstream import Upstream, endless, refusal

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
PICTURE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
MESSAGES = {"max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}


class Routes:
    """Five upstreams, each a provider of the same name; d is down."""

    def __init__(self):
        self.up = {name: Upstream() for name in "abcd"}
        self.up["d"].default = refusal(b"500 Broken", "broken")
        self.keys = {"vip-1": {"key": new_key()}}
        t = lambda name, **more: {"provider": name, "model": "up-model", **more}  # noqa: E731
        config = {
            "providers": {
                **{name: provider(up.url) for name, up in self.up.items()},
                "demo": {"type": "demo"},
                "claude": provider(self.up["c"].url, type="anthropic"),
            },
            "groups": {
                "pair": {"balance": "weighted", "targets": [t("a"), t("b")]},
                "safe": {"targets": [t("d"), {"group": "pair"}]},
                "once": {"balance": "priority", "failover": False, "targets": [t("d"), t("a")]},
                "stubborn": {"retry": {"attempts": 3}, "targets": [t("d")]},
            },
            "models": {
                "shared": {"balance": "weighted", "targets": [t("a", weight=3), t("b")]},
                "drained": {"balance": "weighted", "targets": [t("d"), t("a", weight=0)]},
                "by-group": {"targets": [{"group": "safe"}]},
                "once": {"targets": [{"group": "once"}]},
                "stubborn": {"targets": [{"group": "stubborn"}]},
                "quiet": {"balance": "least_in_flight", "targets": [t("a"), t("b")]},
                "quick": {"balance": "power_of_two", "targets": [t("d"), t("b")]},
                "cheap": {
                    "balance": "cheapest",
                    "targets": [
                        t("a", price={"input": "2", "output": "8"}),
                        t("b", price={"input": "1", "output": "4"}),
                    ],
                    "price": {"input": "100", "output": "100"},
                },
                "home": {"balance": "sticky", "by": "user", "targets": [t("a"), t("b"), t("c")]},
                "session": {"balance": "sticky", "by": "header", "header": "X-Session", "targets": [t("a"), t("b"), t("c")]},
                "facts": {
                    "targets": [
                        {"when": {"images": True}, "then": t("c")},
                        {"when": {"tools": True}, "then": t("b"), "else": {"when": {"keys": ["vip-*"]}, "then": t("c")}},
                        {"when": {"headers": [{"name": "X-Tier", "values": ["gold*"]}]}, "then": t("b")},
                        {"when": {"min_input_tokens": 1000}, "then": t("b")},
                        {"when": {"streamed": True}, "then": t("c")},
                        t("a"),
                    ]
                },
                "nobody": {"targets": [{"when": {"tools": True}, "then": t("a")}]},
                "nested": {
                    "targets": [
                        {
                            "balance": "weighted",
                            "targets": [
                                {"when": {"tools": True}, "then": t("a"), "else": t("d")},
                                {"targets": [t("d"), {"balance": "cheapest", "targets": [t("d")]}]},
                            ],
                        },
                        t("b"),
                    ]
                },
                "mixed": {"targets": [{"when": {"tools": True}, "then": {"provider": "claude"}, "else": {"provider": "demo"}}]},
                "gpt-4*": {"targets": [{"provider": "a"}], "price": {"input": "1", "output": "1"}},
                "gpt-4o-*": {"targets": [{"provider": "b", "model": "fixed"}]},
                "gpt-4o-mini": {"targets": [{"provider": "c"}], "aliases": ["*-tiny"]},
                "router/*": {"targets": [{"provider": "a", "model": "x-*"}]},
            },
        }
        self.gateway = Gateway(config, keys=self.keys)

    def who(self, body, **options):
        answer = self.gateway.ask(body, **options)
        equal(answer.status, 200, answer)
        return answer.field("x-lowart-provider")

    def asked(self, name, body, **options):
        """The model that the upstream `name` is asked for."""
        request_id = new_id()
        equal(self.who(body, request_id=request_id, **options), name)
        return self.up[name].requests(request_id)[-1].json()["model"]

    def record_of(self, model):
        """The usage record of the one call for a model."""
        return eventually(lambda: next((x for x in self.gateway.records() if x["model"] == model), None), what="a record")


def routes():
    return shared("routes", Routes)


@case("routes: weighted targets get their share, and what fails goes to the others")
def _():
    r = routes()
    seen = collections.Counter(r.who(chat("shared")) for _ in range(200))
    check(120 <= seen["a"] <= 180 and seen["a"] + seen["b"] == 200, seen)  # 150, five standard deviations
    for _ in range(5):
        equal(r.who(chat("drained")), "a")
        equal(r.who(chat("quick")), "b")


@case("routes: a group is used by its name, within another group too")
def _():
    r = routes()
    seen = collections.Counter(r.who(chat("by-group")) for _ in range(40))
    check(set(seen) == {"a", "b"}, seen)


@case("routes: a group without failover asks one, a group with retries is asked again")
def _():
    r = routes()
    for model, attempts in (("once", 1), ("stubborn", 3)):
        request_id = new_id()
        answer = r.gateway.ask(chat(model), request_id=request_id)
        equal(answer.status, 502, answer)
        equal(len(r.up["d"].requests(request_id)), attempts, model)


@case("routes: least in flight goes where nothing runs")
def _():
    r = routes()
    request_id = new_id()
    for up in r.up.values():
        up.script(request_id, endless())
    with r.gateway.connect() as connection:
        connection.send(r.gateway.bytes_of(chat("quiet", stream=True), request_id=request_id))
        status, fields = connection.head()
        equal(status, 200)
        busy = dict(fields)["x-lowart-provider"]
        idle = {"a": "b", "b": "a"}[busy]
        equal(r.gateway.metrics().sum("gateway_target_in_flight", pool="quiet", target=f"{busy}/up-model"), 1)
        for _ in range(10):
            equal(r.who(chat("quiet")), idle)


@case("routes: the cheapest target is asked, and its own price is what the call costs")
def _():
    r = routes()
    request_id = new_id()
    equal(r.who(chat("cheap"), request_id=request_id), "b")
    record = r.record_of("cheap")
    equal(record["cost"], 11 * 1000 + 5 * 4000, "nano-dollars for 11 tokens in and 5 out")


@case("routes: a user, and a header, come to the same target each time, and they are spread")
def _():
    r = routes()
    users = {f"u{i}": r.who(chat("home", user=f"u{i}")) for i in range(30)}
    equal({u: r.who(chat("home", user=u)) for u in users}, users)
    equal(set(users.values()), {"a", "b", "c"})
    sessions = {f"s{i}": r.who(chat("session"), fields=[("x-session", f"s{i}")]) for i in range(30)}
    equal({s: r.who(chat("session"), fields=[("x-session", s)]) for s in sessions}, sessions)
    equal(set(sessions.values()), {"a", "b", "c"})
    equal(r.who(chat("session", user="u1"), fields=[("x-session", "s1")]), sessions["s1"])


@case("routes: conditions look at pictures, tools, keys, headers, size and streaming")
def _():
    r = routes()
    vip = r.keys["vip-1"]["key"]
    picture = {"model": "facts", "messages": [{"role": "user", "content": [{"type": "text", "text": "?"}, PICTURE]}]}
    equal(r.who(picture), "c")
    equal(r.who(chat("facts", tools=[TOOL])), "b")
    equal(r.who(chat("facts"), key=vip), "c")
    equal(r.who(chat("facts")), "a")
    equal(r.who(chat("facts"), fields=[("x-tier", "golden")]), "b")
    equal(r.who(chat("facts"), fields=[("x-tier", "silver")]), "a")
    equal(r.who(chat("facts", "long " * 1000)), "b")
    equal(r.who(chat("facts", stream=True)), "c")


@case("routes: a request that no condition takes is refused in words, and nobody is asked")
def _():
    r = routes()
    request_id = new_id()
    answer = r.gateway.ask(chat("nobody"), request_id=request_id)
    equal(answer.status, 400, answer)
    check("no route of this model takes a request like this one" in answer.error["message"], answer.error)
    equal([up.requests(request_id) for up in r.up.values()], [[]] * 4)
    equal(r.who(chat("nobody", tools=[TOOL])), "a")


@case("routes: a fallback of a balance of conditions and chains goes through all of them")
def _():
    r = routes()
    for _ in range(10):
        request_id = new_id()
        equal(r.who(chat("nested"), request_id=request_id), "b")
        equal(len(r.up["d"].requests(request_id)), 3)
        equal(r.who(chat("nested", tools=[TOOL])), "a")


@case("routes: a model is offered where both branches of its condition serve")
def _():
    r = routes()
    answer = r.gateway.ask({"model": "mixed", "input": "Hi"}, "/v1/embeddings")
    equal(answer.status, 404, answer)
    check("not offered at this door (embeddings)" in answer.error["message"], answer.error)
    equal(r.who({**MESSAGES, "model": "mixed"}, path="/v1/messages"), "demo")


@case("routes: names go before patterns, and the pattern that says more before the other")
def _():
    r = routes()
    equal(r.asked("a", chat("gpt-4.1")), "gpt-4.1")
    equal(r.asked("b", chat("gpt-4o-large")), "fixed")
    equal(r.asked("c", chat("gpt-4o-mini")), "gpt-4o-mini")
    equal(r.asked("c", chat("very-tiny")), "gpt-4o-mini")
    equal(r.asked("a", chat("router/meta/llama")), "x-meta/llama")
    answer = r.gateway.ask(chat("gpt-3"))
    equal((answer.status, answer.error["code"]), (404, "model_not_found"))
    listed = {m["id"] for m in r.gateway.get("/v1/models").json()["data"]}
    check("gpt-4o-mini" in listed and not any("*" in name for name in listed), listed)


@case("routes: a pattern has a price")
def _():
    r = routes()
    equal(r.who(chat("gpt-4-priced")), "a")
    record = r.record_of("gpt-4-priced")
    equal(record["cost"], 16 * 1000)


@case("keys: what one key of a provider is refused opens its breaker only, and the call goes on with the next")
def _():
    up = Upstream()
    keys = [f"sk-up-{name * 16}" for name in ("a", "b")]
    bad = {}

    def by_key(peer, request):
        key = request.field("authorization").removeprefix("Bearer ")
        if key in bad:
            return refusal(*bad[key])(peer, request)
        from kit.upstream import ordinary

        return ordinary(peer, request)

    up.default = by_key
    entry = provider(up.url, breaker={"failures": 3, "rest": "1h"})
    del entry["api_key"]
    config = {
        "providers": {"up": {**entry, "api_keys": keys, "balance": "priority"}},
        "models": {"plain": {"targets": [{"provider": "up", "model": "up-model"}]}},
    }
    with Gateway(config) as gateway:

        def asked():
            request_id = new_id()
            answer = gateway.ask(chat(), request_id=request_id)
            seen = [r.field("authorization").removeprefix("Bearer ") for r in up.requests(request_id)]
            return answer.status, seen

        def opened(key):
            return gateway.metrics().sum("gateway_breaker_state", provider="up", key=key)

        equal(asked(), (200, keys[:1]))
        bad[keys[0]] = (b"401 Unauthorized", "no")
        equal(asked(), (200, keys), "401 goes on with the next key")
        equal((opened("1"), opened("2")), (2, 0))
        equal(asked(), (200, keys[1:]), "and its breaker is open")
        bad[keys[1]] = (b"500 Broken", "broken")
        equal(asked(), (502, keys[1:]), "what is broken is broken for every key")
        del bad[keys[1]]
        equal(asked(), (200, keys[1:]))


@case("limits: a full target is passed over; when all are full, 429 says truly when there is room")
def _():
    a, b = Upstream(), Upstream()
    config = {
        "providers": {"a": provider(a.url), "b": provider(b.url, rpm=3)},
        "models": {
            "plain": {
                "targets": [
                    {"provider": "a", "model": "up-model", "rpm": 2},
                    {"provider": "b", "model": "up-model"},
                ]
            },
            "other": {"targets": [{"provider": "b", "model": "other-model"}]},
        },
    }
    with Gateway(config) as gateway:
        who = [gateway.ask(chat()).field("x-lowart-provider") for _ in range(4)]
        equal(who, ["a", "a", "b", "b"])
        equal(gateway.ask(chat("other")).status, 200, "counts against its provider")
        request_id = new_id()
        answer = gateway.ask(chat(), request_id=request_id)
        equal(answer.status, 429, answer)
        wait = int(answer.field("retry-after-ms"))
        check(15000 < wait <= 20000, "a third of a minute until b has room, said", wait)
        equal(answer.field("retry-after"), str((wait + 999) // 1000))
        equal((a.requests(request_id), b.requests(request_id)), ([], []))
        refused = gateway.ask(chat("other"))
        equal((refused.status, refused.field("x-should-retry")), (429, None), refused)
        check("3 requests per minute" in refused.error["message"], refused.error)
        full = gateway.metrics()
        equal(full.sum("gateway_target_full_total", provider="a", model="up-model"), 3)
        equal(full.sum("gateway_target_full_total", provider="b", model=""), 2)
        gateway.config["models"]["plain"]["targets"][0]["rpm"] = 600
        gateway.write_config()
        eventually(lambda: gateway.ask(chat()).status == 200, 5, "a reload raised the limit")
        equal(gateway.ask(chat("other")).status, 429, "and forgot nothing of the other")


@case("limits: a place is free again when its answer ends")
def _():
    up, spare = Upstream(), Upstream()
    config = {
        "providers": {"up": provider(up.url, concurrency=1), "spare": provider(spare.url)},
        "models": {"plain": {"targets": [{"provider": "up"}, {"provider": "spare"}]}},
    }
    with Gateway(config) as gateway:
        request_id = new_id()
        up.script(request_id, endless())
        with gateway.connect() as connection:
            connection.send(gateway.bytes_of(chat(stream=True), request_id=request_id))
            equal(connection.head()[0], 200)
            for _ in range(3):
                equal(gateway.ask(chat()).field("x-lowart-provider"), "spare")
        eventually(lambda: gateway.ask(chat()).field("x-lowart-provider") == "up", 3, "its place")
