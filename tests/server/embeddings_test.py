"""Embeddings: the same bytes both ways, limits, failover and the bill as for chat; and the demo's own vectors."""

import base64
import json
import math
import struct

from kit.cases import case, check, equal
from kit.gateway import UPSTREAM_KEY, Gateway, new_id, new_key, outcome, provider, shared, target
from kit.upstream import Upstream, refusal, whole
from kit.world import world

PATH = "/v1/embeddings"
VECTORS = [[0.5, -1.25, 3e-9], [1.0, 0.0, 0.1]]


def in_base64(vector):
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


# As a provider writes it, with spaces and fields that nobody here knows.
REPLY = (
    '{ "object":"list",\n"own":1.50, "data":[{"object":"embedding","index":0,"embedding":"%s"}],'
    '"model":"up-model","usage":{"prompt_tokens":8,"total_tokens":8} }' % in_base64(VECTORS[0])
).encode()


def embed(text="Hello", model="plain", **more):
    return {"model": model, "input": text, **more}


@case("embeddings: the bytes go up unchanged but for the model's name, and come back as they came")
def _():
    w = world()
    name, key = w.own_key()
    request_id = new_id()
    w.up.script(request_id, whole(REPLY))
    body = b'{ "input" : ["caf\\u00e9", "\\ud800"], "own":1e3,\n"model" :  "%s" }'
    answer = w.gateway.ask(body % b"plain", PATH, key=key, request_id=request_id)
    equal((answer.status, answer.body), (200, REPLY), "the reply")
    (seen,) = w.up.requests(request_id)
    check(seen.line.startswith("POST /v1/embeddings "), seen.line)
    equal(seen.body, body % b"up-model", "the request upstream")
    equal(seen.field("authorization"), f"Bearer {UPSTREAM_KEY}", "credentials upstream")
    (record,) = w.gateway.records(name)
    equal(outcome(record), ("complete", "reported"))
    equal((record["operation"], record["input"], record["output"]), ("embedding", 8, None))
    equal((record["model"], record["upstream_model"], record["cost"]), ("plain", "up-model", 8000))
    line = w.gateway.log_of(request_id)
    equal((line["path"], line["outcome"], line["input_tokens"]), (PATH, "complete", 8))


@case("embeddings: what nobody reported is counted, and says so")
def _():
    w = world()
    name, key = w.own_key()
    request_id = new_id()
    w.up.script(request_id, whole(b'{"data":[{"embedding":[1]}]}'))
    equal(w.gateway.ask(embed(model="plain"), PATH, key=key, request_id=request_id).status, 200)
    (record,) = w.gateway.records(name)
    equal((outcome(record), record["input"]), (("complete", "estimated"), 1))


@case("embeddings: a target that fails is followed by the next, and one that answers with something else too")
def _():
    w = world()
    for play in (refusal(b"500 No", "bad"), whole(b'{"choices":[]}'), whole(b"<html>")):
        request_id = new_id()
        w.up.script(request_id, play)
        w.second.script(request_id, whole(REPLY))
        answer = w.gateway.ask(embed(model=f"chain-{w.own_model()}"), PATH, request_id=request_id)
        equal((answer.status, answer.body), (200, REPLY))
        equal(answer.field("x-lowart-provider"), "second")


@case("embeddings: a provider's refusal reaches the client as it came")
def _():
    w = world()
    request_id = new_id()
    w.up.script(request_id, refusal(b"400 No", "too_long"))
    answer = w.gateway.ask(embed(), PATH, request_id=request_id)
    equal((answer.status, answer.error["code"]), (400, "too_long"))


@case("embeddings: refused here are a bad key, a model that is not there, and what is no request")
def _():
    w = world()
    equal(w.gateway.ask(embed(), PATH, key="sk-lw-wrong").status, 401)
    answer = w.gateway.ask(embed(model="nowhere"), PATH)
    equal((answer.status, answer.error["code"]), (404, "model_not_found"))
    narrow = w.gateway.keys["narrow"]["key"]
    equal(w.gateway.ask(embed(model="up"), PATH, key=narrow).status, 403)
    for body, param in ((b'{"model":"plain"}', "input"), (b'{"input":"a"}', "model"), (b"{", None)):
        answer = w.gateway.ask(body, PATH)
        equal((answer.status, answer.error["param"]), (400, param), body)
    answer = w.gateway.get(PATH)
    equal((answer.status, answer.field("allow")), (405, "POST"))


class WithDemo:
    def __init__(self):
        self.up = Upstream()
        config = {
            "providers": {"demo": {"type": "demo"}, "up": provider(self.up.url)},
            "models": {
                "demo": {"targets": [{"provider": "demo"}]},
                "demo-429": {"targets": [{"provider": "demo"}]},
                "plain": target("up"),
            },
        }
        self.keys = {"few": {"key": new_key(), "rpm": 3}, "small": {"key": new_key(), "tpm": 50}}
        self.gateway = Gateway(config, keys=self.keys)


def with_demo():
    return shared("with demo", WithDemo)


@case("embeddings of the demo: unit vectors, the same in both formats, as long as asked for")
def _():
    g = with_demo().gateway
    plain = g.ask(embed(["a cat", "a dog"], "demo", dimensions=8), PATH)
    coded = g.ask(embed(["a cat", "a dog"], "demo", dimensions=8, encoding_format="base64"), PATH)
    equal((plain.status, coded.status), (200, 200), plain)
    floats = [d["embedding"] for d in json.loads(plain.body)["data"]]
    for vector, one in zip(floats, json.loads(coded.body)["data"]):
        equal(one["embedding"], in_base64(vector), "bit by bit the same")
        check(len(vector) == 8 and abs(math.hypot(*vector) - 1) < 1e-5, vector)
    check(floats[0] != floats[1], "two texts, two vectors")
    usage = json.loads(plain.body)["usage"]
    check(usage["prompt_tokens"] > 0 and usage["prompt_tokens"] == usage["total_tokens"], usage)
    equal(g.ask(embed("a", "demo", dimensions=0), PATH).error["param"], "dimensions")
    equal(g.ask(embed("a", "demo-429"), PATH).field("retry-after"), "2")


@case("embeddings count against the limits of a key")
def _():
    w = with_demo()
    answers = [w.gateway.ask(embed("a", "demo"), PATH, key=w.keys["few"]["key"]) for _ in range(4)]
    equal([a.status for a in answers], [200, 200, 200, 429])
    equal(answers[0].field("x-ratelimit-remaining-requests"), "2")
    check(int(answers[3].field("retry-after-ms")) > 0, answers[3].fields)
    long = w.gateway.ask(embed("word " * 200, "demo"), PATH, key=w.keys["small"]["key"])
    equal(long.status, 413, "more tokens than the limit can ever hold")
