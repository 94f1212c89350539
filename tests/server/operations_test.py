"""Moderation, reranking and images: the same bytes both ways, failover, limits and the bill as for chat."""

import json

from kit.cases import case, check, equal
from kit.gateway import UPSTREAM_KEY, new_id, outcome
from kit.upstream import refusal, whole
from kit.world import world

MODERATION = b'{ "id":"modr-1", "model":"up-model", "results":[{"flagged":false, "own":1.50}] }'
RANKING = b'{"results":[{"index":1,"relevance_score":0.9}],\n"usage":{"total_tokens":38}}'
IMAGE = (
    b'{"created":1,"data":[{"b64_json":"iVBORw0KGgo="}],"usage":{"input_tokens":50,"output_tokens":272,'
    b'"total_tokens":322,"input_tokens_details":{"text_tokens":10,"image_tokens":40}}}'
)
KINDS = (
    ("/v1/moderations", "/v1/moderations", {"input": "caf\u00e9"}, MODERATION, ("moderation", None, None)),
    ("/v1/rerank", "/v1/rerank", {"query": "q", "documents": ["a", "b"]}, RANKING, ("rerank", 38, None)),
    ("/v2/rerank", "/v1/rerank", {"query": "q", "documents": ["a", "b"]}, RANKING, ("rerank", 38, None)),
    ("/v1/images/generations", "/v1/images/generations", {"prompt": "a cat"}, IMAGE, ("image", 10, 272)),
)


@case("operations: the bytes go up unchanged but for the model's name, come back as they came, and are billed")
def _():
    w = world()
    for path, upstream_path, members, reply, used in KINDS:
        name, key = w.own_key()
        request_id = new_id()
        w.up.script(request_id, whole(reply))
        body = b'{ "own":1e3,\n"model" :  "%s", ' + json.dumps(members).encode()[1:]
        answer = w.gateway.ask(body % b"plain", path, key=key, request_id=request_id)
        equal((answer.status, answer.body), (200, reply), path)
        (seen,) = w.up.requests(request_id)
        check(seen.line.startswith(f"POST {upstream_path} "), seen.line)
        equal(seen.body, body % b"up-model", "the request upstream")
        equal(seen.field("authorization"), f"Bearer {UPSTREAM_KEY}", "credentials upstream")
        (record,) = w.gateway.records(name)
        equal(outcome(record), ("complete", "reported" if used[1] else "none"), path)
        equal((record["operation"], record["input"], record["output"]), used)
        equal((record["model"], record["upstream_model"]), ("plain", "up-model"))
        line = w.gateway.log_of(request_id)
        equal((line["path"], line["outcome"]), (upstream_path, "complete"))


@case("operations: a target that fails is followed by the next, and one that answers with something else too")
def _():
    w = world()
    for path, _, members, reply, _ in KINDS:
        for play in (refusal(b"500 No", "bad"), whole(b'{"choices":[]}'), whole(b"<html>")):
            request_id = new_id()
            w.up.script(request_id, play)
            w.second.script(request_id, whole(reply))
            body = {"model": f"chain-{w.own_model()}", **members}
            answer = w.gateway.ask(body, path, request_id=request_id)
            equal((answer.status, answer.body), (200, reply), path)
            equal(answer.field("x-lowart-provider"), "second")


@case("operations: refused here are a bad key, a model that is not there, and what is no request; a provider's refusal passes")
def _():
    w = world()
    for path, _, members, _, _ in KINDS:
        equal(w.gateway.ask({"model": "plain", **members}, path, key="sk-lw-wrong").status, 401)
        answer = w.gateway.ask({"model": "nowhere", **members}, path)
        equal((answer.status, answer.error["code"]), (404, "model_not_found"), path)
        equal(w.gateway.ask(members, path).error["param"], "model")
        subject = next(iter(members))
        rest = {name: value for name, value in members.items() if name != subject}
        answer = w.gateway.ask({"model": "plain", **rest}, path)
        equal((answer.status, answer.error["param"]), (400, subject), path)
        equal(w.gateway.ask(b"{", path).status, 400)
        answer = w.gateway.get(path)
        equal((answer.status, answer.field("allow")), (405, "POST"))
        request_id = new_id()
        w.up.script(request_id, refusal(b"400 No", "too_long"))
        answer = w.gateway.ask({"model": "plain", **members}, path, request_id=request_id)
        equal((answer.status, answer.error["code"]), (400, "too_long"))
    answer = w.gateway.ask({"model": "plain", "prompt": "a cat", "stream": True}, "/v1/images/generations")
    equal((answer.status, answer.error["param"]), (400, "stream"))
