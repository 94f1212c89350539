"""What stands behind the patterns of a configuration: the lists of all its providers, as one."""

import json
import threading
import time

from kit.cases import case, check, equal, eventually
from kit.gateway import Gateway, chat, new_key, provider
from kit.upstream import Upstream, ordinary, refusal


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


@case("models: nobody without a key makes the gateway ask")
def _():
    up = Backend([openai_list("m1")])
    with Gateway({"providers": {"up": provider(up.url)}, "models": {"*": {"targets": [{"provider": "up"}]}}}) as gateway:
        equal(models(gateway, key="sk-lw-nobody-knows-this").status, 401)
        equal(up.lists, [])
