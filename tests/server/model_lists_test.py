"""What stands behind the patterns of a configuration: the lists of all its providers, as one."""

import json
import threading
import time

from kit.cases import case, check, equal, eventually
from kit.gateway import Gateway, chat, new_key, provider
from kit.upstream import Upstream, closed_port, ordinary, refusal, whole


def reply(body):
    text = json.dumps(body).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(text), text)


class Backend(Upstream):
    """An upstream with a list of models, and a count of how often it was asked for it."""

    def __init__(self, pages):
        super().__init__()
        self.pages, self.lists, self.wait = pages, [], 0.0
        self.broken = None
        self.default = self.play

    def play(self, peer, request):
        if not request.line.startswith("GET "):
            return ordinary(peer, request)
        self.lists.append(request)
        time.sleep(self.wait)
        if self.broken:
            return refusal(*self.broken)(peer, request)
        peer.send(reply(self.pages[min(len(self.lists), len(self.pages)) - 1]))
        return True


def openai_list(*ids):
    return {"object": "list", "data": [{"id": i, "object": "model"} for i in ids]}


def ids(answer):
    equal(answer.status, 200, answer)
    body = answer.json()
    return [m.get("id") or m["name"] for m in body.get("data", body.get("models"))]


def models(gateway, path="/v1/models", **more):
    return gateway.ask(b"", path=path, method="GET", **more)


@case("models: a pattern is listed as what its providers offer, under the names that lead there, asked for once")
def _():
    up = Backend([openai_list("gpt-x", "gpt-y", "other", "gpt-own")])
    claude = Backend(
        [
            {"data": [{"type": "model", "id": "claude-a"}], "has_more": True, "last_id": "claude-a"},
            {"data": [{"type": "model", "id": "claude-b"}], "has_more": False, "last_id": "claude-b"},
        ]
    )
    config = {
        "providers": {"up": provider(up.url), "claude": provider(claude.url, type="anthropic"), "demo": {"type": "demo"}},
        "models": {
            "plain": {"targets": [{"provider": "demo", "model": "demo-fast"}]},
            "gpt-*": {"targets": [{"provider": "up"}]},
            "gpt-own": {"targets": [{"provider": "demo", "model": "demo-fast"}]},
            "router/*": {"targets": [{"provider": "claude", "model": "*"}], "aliases": ["*-tiny"]},
            "fixed-*": {"targets": [{"provider": "up", "model": "gpt-x"}]},
        },
    }
    keys = {"few": {"key": new_key(), "models": ["gpt-*"]}}
    with Gateway(config, keys=keys, threads=1) as gateway:
        answer = models(gateway)
        equal(ids(answer), ["plain", "gpt-own", "gpt-x", "gpt-y", "router/claude-a", "router/claude-b", "claude-a-tiny", "claude-b-tiny"])
        equal(answer.field("x-lowart-models-missing"), None)
        equal(ids(models(gateway, key=keys["few"]["key"])), ["gpt-own", "gpt-x", "gpt-y"])
        equal(models(gateway, "/v1/models/gpt-y").json()["id"], "gpt-y")
        equal(models(gateway, "/v1/models/other").status, 404)
        equal((len(up.lists), len(claude.lists)), (1, 2), "what they said is remembered")
        check("after_id=claude-a" in claude.lists[1].line, claude.lists[1].line)
        equal(claude.lists[0].field("x-api-key"), provider("")["api_key"])
        equal(gateway.ask(chat("gpt-y")).status, 200)
        equal(gateway.metrics().sum("gateway_model_list_ok", provider="up"), 1)


@case("models: providers are asked at once; who does not answer is named, and the others are listed all the same")
def _():
    good, slow, bad = Backend([openai_list("m1")]), Backend([openai_list("m2")]), Backend([openai_list("m3")])
    good.wait = slow.wait = 0.6
    bad.broken = (b"500 Broken", "broken")
    config = {
        "providers": {"good": provider(good.url), "slow": provider(slow.url), "bad": provider(bad.url)},
        "models": {"*": {"targets": [{"provider": "good"}, {"provider": "slow"}, {"provider": "bad"}]}},
    }
    with Gateway(config, threads=1) as gateway:
        began, answers = time.monotonic(), []
        asking = [threading.Thread(target=lambda: answers.append(models(gateway))) for _ in range(3)]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
        check(time.monotonic() - began < 1.15, "one after the other")
        for answer in answers:
            equal(ids(answer), ["m1", "m2"])
            equal(answer.field("x-lowart-models-missing"), "bad")
        equal((len(good.lists), len(bad.lists)), (1, 1), "all three clients wait for one list")
        equal(gateway.metrics().sum("gateway_model_list_ok", provider="bad"), 0)
        check("model_list_failed" in gateway.stderr() + gateway.stdout(), gateway.stderr())
        bad.broken = None
        gateway.config["drain"] = "6s"
        gateway.write_config()
        eventually(lambda: ids(models(gateway)) == ["m1", "m2", "m3"])  # a new configuration asks anew


@case("models: who is dead, slow, answers rubbish or too much is named, and costs the others neither place nor time")
def _():
    good, slow = Backend([openai_list("m1")]), Backend([openai_list("m2")])
    slow.wait = 8.0
    html, cut, huge, endless = (Backend([]) for _ in range(4))
    html.default = whole(b"<html><body>Welcome</body></html>")
    cut.default = whole(b'{"object": "list", "data": [{"id": "m4"}, {"id"')
    huge.default = whole(json.dumps(openai_list(*(f"many-{i}" for i in range(10_001)))).encode())
    endless.default = lambda peer, request: endless_body(peer)
    _kept, port = closed_port()
    urls = {"good": good.url, "slow": slow.url, "dead": f"http://127.0.0.1:{port}/v1", "html": html.url}
    urls |= {"cut": cut.url, "huge": huge.url, "endless": endless.url}
    config = {
        "providers": {name: provider(url) for name, url in urls.items()},
        "models": {"*": {"targets": [{"provider": name} for name in urls]}},
    }
    with Gateway(config, threads=1) as gateway:
        began = time.monotonic()
        answer = models(gateway)
        took = time.monotonic() - began
        equal(ids(answer), ["m1"])
        missing = sorted(answer.field("x-lowart-models-missing").split(", "))
        equal(missing, ["cut", "dead", "endless", "html", "huge", "slow"])
        check(4.5 < took < 7.5, f"waited {took:.1f} s for the first answers, not five")
        began = time.monotonic()
        equal(ids(models(gateway)), ["m1"])
        check(time.monotonic() - began < 0.5, "who failed a moment ago is waited for again")
        equal(len(good.lists), 1)
        for name in missing:
            equal(gateway.metrics().sum("gateway_model_list_ok", provider=name), 0, name)
        equal(gateway.ask(chat("m1")).status, 200, "the gateway works on")


def endless_body(peer):
    """A list without an end, a piece every now and then."""
    peer.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
    peer.chunk(b'{"object": "list", "data": [')
    try:
        for i in range(100):
            peer.chunk(b'{"id": "endless-%d"},' % i)
            time.sleep(0.1)
    except OSError:
        pass
    return False


@case("models: what a provider said is shown while it is down")
def _():
    good, gone = Backend([openai_list("m1")]), Backend([openai_list("m2")])
    config = {
        "providers": {"good": provider(good.url), "gone": provider(gone.url)},
        "models": {"*": {"targets": [{"provider": "good"}, {"provider": "gone"}]}},
    }
    with Gateway(config, threads=1) as gateway:
        equal(ids(models(gateway)), ["m1", "m2"])
        gone.broken = (b"503 Gone", "gone")
        equal(ids(models(gateway)), ["m1", "m2"], "within five minutes nobody is asked")
        equal((len(good.lists), len(gone.lists)), (1, 1))


@case("models: names that nobody could ask for are left out, odd ones cannot break the list")
def _():
    odd = 'a"b\\c\u0007d é 😀'
    up = Backend([openai_list("", "x" * 513, "y" * 512, odd, "plain")])
    up.pages[0]["data"] += [{"object": "model"}, {"id": 7}, "text", None, {"id": "deep", "context_length": -5}]
    config = {"providers": {"up": provider(up.url)}, "models": {"*": {"targets": [{"provider": "up"}]}}}
    with Gateway(config, threads=1) as gateway:
        answer = models(gateway)
        equal(ids(answer), ["y" * 512, odd, "plain", "deep"])
        check("context_length" not in answer.json()["data"][-1], answer.json()["data"][-1])


@case("models: one with several targets is described by what all of them can do, at the highest price")
def _():
    def card(gateway, name):
        return gateway.get(f"/v1/models/{name}").json()

    def window(name, context):
        return {"object": "list", "data": [{"id": name, "context_length": context}]}

    big, small, none = Backend([window("m", 9000)]), Backend([window("m", 4000)]), Backend([openai_list("other")])
    groq = {"vendor": "groq", "base_url": big.url, "api_key": "x"}
    config = {
        "providers": {"groq": groq, "big": provider(big.url), "small": provider(small.url), "none": provider(none.url)},
        "models": {
            "both": {
                "targets": [
                    {"provider": "groq", "model": "openai/gpt-oss-120b"},
                    {"provider": "groq", "model": "llama-3.3-70b-versatile"},
                ]
            },
            "unknown": {"targets": [{"provider": "groq", "model": "llama-3.3-70b-versatile"}, {"provider": "big", "model": "m"}]},
            "priced": {
                "targets": [
                    {"provider": "big", "model": "m", "price": {"input": 1, "output": 4}},
                    {"provider": "small", "model": "m", "price": {"input": 2, "cache_read": 1.5, "output": 3}},
                ]
            },
            "*": {"targets": [{"provider": "big"}, {"provider": "small"}, {"provider": "none"}]},
        },
    }
    with Gateway(config, threads=1) as gateway:
        both = card(gateway, "both")
        equal((both["context_length"], both["max_output_tokens"]), (131072, 32768), "the smaller ones")
        equal((both["types"], both["capabilities"]), (["text"], ["tools", "streaming"]), "what both have")
        equal(both["usd_per_million_tokens"], {"input": "0.59", "cache_read": "0.59", "output": "0.79"}, "the higher ones")
        equal(both["owned_by"], "groq")
        unknown = card(gateway, "unknown")
        check(not {"context_length", "types", "capabilities"} & unknown.keys(), "one of them is not known", unknown)
        equal(unknown["usd_per_million_tokens"], {"input": "0.59", "output": "0.79"}, "free is the lower price")
        equal(
            card(gateway, "priced")["usd_per_million_tokens"], {"input": "2", "cache_read": "1.5", "output": "4"}
        )
        equal(card(gateway, "m")["context_length"], 4000, "of those who offer it")
        equal(ids(models(gateway)), ["both", "unknown", "priced", "m", "other"])


@case("models: nobody without a key makes the gateway ask")
def _():
    up = Backend([openai_list("m1")])
    with Gateway({"providers": {"up": provider(up.url)}, "models": {"*": {"targets": [{"provider": "up"}]}}}) as gateway:
        equal(models(gateway, key="sk-lw-nobody-knows-this").status, 401)
        equal(up.lists, [])
