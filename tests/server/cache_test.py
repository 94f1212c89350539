"""Caches of lowart.yaml: what is answered again, to whom, for how long, and what it costs."""

import threading
import time

from kit.cases import case, check, equal, eventually
from kit.gateway import Gateway, chat, new_id, new_key, outcome, provider, run_on, shared
from kit.upstream import Upstream, endless, refusal, stream, stream_events, whole, whole_body

CACHE = {"ttl": "10m", "size": "1MiB", "entry": "64KiB"}


class Caches:
    """One upstream that counts by the text that it is asked, behind several models."""

    def __init__(self):
        self.up = Upstream()
        self.claude = Upstream()
        self.keys = {"other": {"key": new_key()}, "vip-1": {"key": new_key()}}
        t = {"provider": "up", "model": "up-model"}
        self.gateway = Gateway(
            {
                "providers": {
                    "up": provider(self.up.url),
                    "demo": {"type": "demo"},
                    "down": provider(self.up.url, base_url="http://127.0.0.1:9"),
                },
                "groups": {"inner": {"targets": [t], "cache": CACHE}},
                "models": {
                    "plain": {"aliases": ["fast"], "targets": [t], "cache": CACHE, "price": {"input": "1", "output": "1"}},
                    "shared": {"targets": [t], "cache": {**CACHE, "shared": True}},
                    "short": {"targets": [t], "cache": {**CACHE, "ttl": "300ms"}},
                    "small": {"targets": [t], "cache": {"size": "64KiB", "entry": "64KiB"}},
                    "off": {"targets": [t]},
                    "tiers": {
                        "targets": [{"when": {"headers": [{"name": "x-tier", "values": ["gold"]}]}, "then": {"provider": "demo"}, "else": t}],
                        "cache": {**CACHE, "shared": True},
                    },
                    "chain": {"targets": [{"provider": "down"}, {"group": "inner"}]},
                    "demo-fast": {"targets": [{"provider": "demo"}], "cache": CACHE},
                    "impatient": {"targets": [t], "cache": {**CACHE, "wait": "1s"}},
                    "mended": {"targets": [t, {"provider": "demo"}], "resume": {}, "cache": CACHE},
                    "gpt-*": {"targets": [{"provider": "up"}], "cache": CACHE},
                },
            },
            keys=self.keys,
        )

    def ask(self, model, text=None, **options):
        """The answer, its request's id, and how often the upstream was asked for it."""
        body = options.pop("body", None) or chat(model, text or new_id("text"))
        request_id = new_id()
        answer = self.gateway.ask(body, request_id=request_id, **options)
        return answer, request_id, len(self.up.requests(request_id))


def caches():
    return shared("caches", Caches)


def role(answer):
    equal(answer.status, 200, answer)
    return answer.field("x-lowart-cache")


@case("cache: an equal request gets the same bytes, and no provider is asked")
def _():
    c = caches()
    text = new_id("text")
    first, _, asked = c.ask("plain", text)
    equal((role(first), asked, first.field("age")), ("miss", 1, None))
    for body in (chat("plain", text), chat("fast", text), chat("plain", text, user="somebody")):
        again, request_id, asked = c.ask("plain", body=body)
        equal((role(again), asked), ("hit", 0))
        equal(again.body, first.body)
        equal(again.field("content-type"), first.field("content-type"))
        equal(again.field("x-lowart-provider"), "up")
        check(int(again.field("age")) <= 10, again.field("age"))
        equal(c.gateway.log_of(request_id)["cache"], "hit")
    spaced = b'{ "messages" : [ { "content" : "%s", "role": "user" } ],\n "model":"plain" }' % text.encode()
    equal(role(c.ask("plain", body=spaced)[0]), "hit")
    for body in (chat("plain", text, temperature=0.1), chat("plain", text, stream=True), chat("shared", text), chat("plain", text + "!")):
        equal(role(c.ask("plain", body=body)[0]), "miss")


@case("cache: a stream is given again as it was, and to clients of the other dialects as well")
def _():
    c = caches()
    up_id = new_id()
    body = chat("plain", new_id("text"), stream=True, stream_options={"include_usage": True})
    c.up.script(up_id, stream(stream_events(), pause=0.05))
    first = c.gateway.ask(body, request_id=up_id)
    began = time.monotonic()
    again, _, asked = c.ask("plain", body=body)
    check(time.monotonic() - began < 0.3, "without its pauses")
    equal((role(again), asked), ("hit", 0))
    equal(again.body, first.body)
    equal(again.field("content-type"), first.field("content-type"))
    check(again.body.endswith(b"data: [DONE]\n\n"), again.body[-50:])
    messages = {"model": "plain", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": new_id("text")}]}
    one, _, asked = c.ask("plain", body=messages, path="/v1/messages")
    two, _, none = c.ask("plain", body=messages, path="/v1/messages")
    equal((role(one), asked, role(two), none), ("miss", 1, "hit", 0))
    tell = lambda answer: [line for line in answer.body.split(b"\n") if b"message_start" not in line]  # noqa: E731
    equal(tell(one), tell(two), "but for the message's id")


@case("cache: an answer that was kept uses no tokens and costs nothing, and its record says so")
def _():
    c = caches()
    with Gateway(c.gateway.config) as gateway:
        body = chat("plain", new_id("text"))
        for _ in range(3):
            equal(gateway.ask(body).status, 200)
        records = sorted(gateway.records(count=3), key=lambda r: outcome(r)[1])
        equal([outcome(r) for r in records], [("complete", "cached")] * 2 + [("complete", "reported")])
        told = [(r["input"], r["output"], r["cost"], r["attempts"]) for r in records]
        equal(told, [(0, 0, 0, 0), (0, 0, 0, 0), (11, 5, 16000, 1)])
        metrics = gateway.metrics()
        equal(metrics.sum("gateway_usage_records_total", provenance="cached", outcome="complete"), 2)
        equal(metrics.sum("gateway_tokens_total", model="plain"), 16)
        calls = {r: metrics.sum("gateway_cache_calls_total", cache="plain", result=r) for r in ("hit", "miss", "joined")}
        equal(calls, {"hit": 2, "miss": 1, "joined": 0})
        equal(metrics.sum("gateway_cache_entries", cache="plain"), 1)
        check(300 < metrics.sum("gateway_cache_bytes", cache="plain") < 2000, "its bytes")


@case("cache: one key's answers are not another's, unless they share")
def _():
    c = caches()
    other = c.keys["other"]["key"]
    for model, seen in (("plain", "miss"), ("shared", "hit")):
        text = new_id("text")
        equal(role(c.ask(model, text)[0]), "miss")
        equal(role(c.ask(model, text, key=other)[0]), seen, model)


@case("cache: cache-control passes it by, asks anew, or takes nothing old")
def _():
    c = caches()
    text = new_id("text")
    with_control = lambda value: c.ask("plain", text, fields=[("Cache-Control", value)])[0]  # noqa: E731
    equal(role(with_control("no-store")), None)
    equal(role(c.ask("plain", text)[0]), "miss", "nothing was kept")
    equal(role(with_control("no-cache")), "miss")
    equal(role(with_control("max-age=0")), "miss")
    equal(role(with_control("max-age=3600")), "hit")
    equal(role(with_control("no-store")), None)


@case("cache: an answer is forgotten when its time is over")
def _():
    c = caches()
    text = new_id("text")
    equal(role(c.ask("short", text)[0]), "miss")
    equal(role(c.ask("short", text)[0]), "hit")
    time.sleep(0.35)
    equal(role(c.ask("short", text)[0]), "miss")


@case("cache: errors, broken streams and what is too large are not kept")
def _():
    c = caches()
    for model, play, status in (
        ("plain", refusal(b"400 Bad", "bad"), 400),
        ("plain", refusal(b"500 Broken", "broken"), 502),
        ("plain", stream(stream_events(done=False)), 200),
        ("plain", whole(whole_body("x" * 70_000)), 200),
    ):
        body = chat(model, new_id("text"), stream=status == 200 and play.__closure__[0].cell_contents.__class__ is list)
        for _ in range(2):
            request_id = new_id()
            c.up.script(request_id, play)
            answer = c.gateway.ask(body, request_id=request_id)
            equal((answer.status, len(c.up.requests(request_id))), (status, 1))


@case("cache: an answer with a seam in it is not kept")
def _():
    c = caches()
    body = chat("mended", new_id("text"), stream=True)
    for _ in range(2):
        request_id = new_id()
        c.up.script(request_id, stream(stream_events(["Hello"], done=False)[:2]))
        answer = c.gateway.ask(body, request_id=request_id)
        equal((role(answer), len(c.up.requests(request_id))), ("miss", 1))
        check(b"[DONE]" in answer.body, answer.body)


@case("cache: it holds no more than its size, and what is not asked for goes first")
def _():
    c = caches()
    large = whole(whole_body("x" * 20_000))
    texts = [new_id("text") for _ in range(6)]
    for text in texts:
        request_id = new_id()
        c.up.script(request_id, large)
        equal(c.gateway.ask(chat("small", text), request_id=request_id).status, 200)
        equal(role(c.ask("small", texts[0])[0]), "hit")
    metrics = c.gateway.metrics()
    equal(metrics.sum("gateway_cache_entries", cache="small"), 3)
    equal(metrics.sum("gateway_cache_evicted_total", cache="small"), 3)
    check(60_000 < metrics.sum("gateway_cache_bytes", cache="small") <= 65_536, "bytes")


@case("cache: many equal requests at once are one call, on whichever event loop they come")
def _():
    c = caches()
    body = chat("shared", new_id("text"), stream=True)
    seen, lock = [], threading.Lock()
    asked_before = sum(len(r) for r in c.up.seen.values())

    def ask(delay):
        time.sleep(delay)
        request_id = new_id("crowd")
        c.up.script(request_id, stream(stream_events(usage=None), pause=0.1))
        answer = c.gateway.ask(body, request_id=request_id, timeout=20)
        with lock:
            seen.append((answer.status, answer.field("x-lowart-cache"), answer.body, len(c.up.requests(request_id))))

    threads = [threading.Thread(target=ask, args=(i % 5 * 0.05,)) for i in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal(len(seen), 100)
    equal({(status, body) for status, _, body, _ in seen}, {(200, b"".join(stream_events(usage=None)))})
    equal(sum(asked for *_, asked in seen), 1, "asked once")
    equal(sorted(role for _, role, _, _ in seen), ["joined"] * 99 + ["miss"])
    check(sum(len(r) for r in c.up.seen.values()) > asked_before, "the upstream counts")


@case("cache: when the client that asked first leaves, one that waited goes on")
def _():
    c = caches()
    body = chat("plain", new_id("text"), stream=True)
    first, second = new_id(), new_id()
    c.up.script(first, endless())
    answers = []
    with c.gateway.connect() as leaving:
        leaving.send(c.gateway.bytes_of(body, request_id=first))
        equal(leaving.head()[0], 200)
        waiting = threading.Thread(target=lambda: answers.append(c.gateway.ask(body, request_id=second)))
        waiting.start()
        time.sleep(0.2)
        equal((answers, c.up.requests(second)), ([], []), "it waits")
    waiting.join()
    equal((role(answers[0]), len(c.up.requests(second))), ("miss", 1))
    check(b"[DONE]" in answers[0].body, "its own answer, complete")
    equal(role(c.ask("plain", body=body)[0]), "hit")


@case("cache: an answer that is on its way and gives no sign is not waited for longer than 'wait'")
def _():
    c = caches()
    body = chat("impatient", new_id("text"))
    first, second = new_id(), new_id()

    def silent(peer, _):
        peer.wait_for_close()

    c.up.script(first, silent)
    with c.gateway.connect() as stuck:
        stuck.send(c.gateway.bytes_of(body, request_id=first))
        eventually(lambda: c.up.requests(first), what="the first request")
        began = time.monotonic()
        answer = c.gateway.ask(body, request_id=second)
        took = time.monotonic() - began
        equal((role(answer), len(c.up.requests(second))), ("miss", 1))
        check(0.8 < took < 2.5, took)


@case("cache: what decides who answers tells answers apart")
def _():
    c = caches()
    text = "say exactly: " + new_id("text")
    who = lambda fields: (lambda a: (role(a), a.field("x-lowart-provider")))(c.ask("tiers", text, fields=fields)[0])  # noqa: E731
    gold = [("x-tier", "gold")]
    equal([who([]), who(gold), who([]), who(gold)], [("miss", "up"), ("miss", "demo"), ("hit", "up"), ("hit", "demo")])
    text = new_id("text")
    equal([role(c.ask(m, text)[0]) for m in ("gpt-a", "gpt-b", "gpt-a")], ["miss", "miss", "hit"], "a pattern is many models")


@case("cache: a group within a chain has one of its own")
def _():
    c = caches()
    text = new_id("text")
    equal(role(c.ask("chain", text)[0]), "miss")
    answer, request_id, asked = c.ask("chain", text)
    equal((role(answer), asked), ("hit", 0))
    equal(c.gateway.log_of(request_id)["attempts"], 1, "the target before it was tried")


@case("cache: embeddings and the built-in provider are kept, too; what is off stays off")
def _():
    c = caches()
    embed = {"model": "demo-fast", "input": new_id("text")}
    one, two = (c.ask("demo-fast", body=embed, path="/v1/embeddings")[0] for _ in range(2))
    equal((role(one), role(two)), ("miss", "hit"))
    equal(two.json(), one.json())
    body = chat("demo-fast", "say exactly: " + new_id("text"), stream=True)
    one, two = (c.ask("demo-fast", body=body)[0] for _ in range(2))
    words = lambda answer: b"".join(answer.body.split(b'"content":')[1:]).count(b"text")  # noqa: E731
    equal((role(one), role(two), words(one)), ("miss", "hit", words(two)))
    text = new_id("text")
    equal([role(c.ask("off", text)[0]) for _ in range(2)], [None, None])


@case("cache: a reload keeps what is held where its options and targets stay")
def _():
    up, other = Upstream(), Upstream()
    t = {"provider": "up", "model": "up-model"}
    config = {
        "providers": {"up": provider(up.url), "other": provider(other.url)},
        "models": {m: {"targets": [dict(t)], "cache": dict(CACHE)} for m in ("stays", "changes", "moves")},
    }
    with Gateway(config) as gateway:
        text = new_id("text")
        roles = lambda: [role(gateway.ask(chat(m, text))) for m in config["models"]]  # noqa: E731
        equal((roles(), roles()), (["miss"] * 3, ["hit"] * 3))
        config["models"]["changes"]["cache"]["ttl"] = "5m"
        config["models"]["moves"]["targets"][0]["provider"] = "other"
        config["models"]["stays"]["price"] = {"input": "5"}
        gateway.config["models"] = config["models"]
        gateway.write_config()
        eventually(lambda: gateway.metrics().sum("gateway_config_revision") == 2, what="the reload")
        equal(roles(), ["hit", "miss", "miss"])


@case("cache: what cannot be is refused with its line")
def _():
    def problems(cache, targets="[{provider: demo}]"):
        text = f"""
providers: {{demo: {{type: demo}}}}
keys: [{{name: first, key: sk-lw-put-40-random-characters-here}}]
models:
  m:
    targets: {targets}
    cache: {cache}
"""
        done, _ = run_on(text, "validate")
        return done.returncode, done.stderr

    equal(problems("{}")[0], 0)
    equal(problems("{ttl: 1s, size: 64KiB, shared: true, wait: 2s}")[0], 0)
    by_key = "[{when: {keys: [a]}, then: {provider: demo}}, {provider: demo}]"
    for cache, targets, told in (
        ("{ttl: 0}", None, "'ttl' is a time above 0"),
        ("{wait: 0}", None, "'wait' is a time above 0"),
        ("{size: 1MiB, entry: 2MiB}", None, "an 'entry' cannot be larger"),
        ("{size: 1B}", None, "'size' is a size"),
        ("{tll: 1s}", None, "'tll' is not known here"),
        ("yes", None, "'cache' is a block"),
        ("{shared: true}", by_key, "a 'when' that looks at 'keys'"),
    ):
        code, said = problems(cache, targets or "[{provider: demo}]")
        equal(code, 1, said)
        check(":7: " in said and told in said, cache, said)
