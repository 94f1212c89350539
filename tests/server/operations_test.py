"""Moderation, reranking and images: the same bytes both ways, failover, limits and the bill as for chat."""

import json
import time

from kit.cases import case, check, equal, eventually
from kit.gateway import UPSTREAM_KEY, new_id, outcome
from kit.upstream import refusal, sends, whole
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
    ("/v1/images/generations", "/v1/images/generations", {"prompt": "a cat"}, IMAGE, ("image", 10, 0)),
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


DEEP = b"[" * 100_000
BROKEN = [b"", b"[]", b"null", b'"text"', b"{", b'{"model":"plain"', b"\xff\xfe", b'{"model":7}', b'{"a":' + DEEP]


@case("operations: hostile shapes are refused, nobody is asked, and no record is left")
def _():
    w = world()
    name, key = w.own_key()
    for path, _, members, _, _ in KINDS:
        good = json.dumps({"model": "plain", **members}).encode()
        twice = good[:-1] + b',"model":"other"}'
        for body in BROKEN + [twice, good[:-1] + b',"x":' + DEEP, good[: len(good) // 2]]:
            request_id = new_id()
            answer = w.gateway.ask(body, path, key=key, request_id=request_id)
            equal((answer.status, bool(answer.error["message"])), (400, True), body[:60])
            check(not w.up.requests(request_id), "it went upstream", body[:60])
        head = w.gateway.bytes_of(good, path, key=key).partition(b"\r\n\r\n")[0]
        lengths = (b"\r\ncontent-length: 3\r\n\r\n", 400), (b"\r\n\r\n", 413)
        for end, status in lengths:
            hostile = head + end if status == 400 else head.replace(b"ength: %d" % len(good), b"ength: 2147483648") + end
            with w.gateway.connect() as connection:
                connection.send(hostile + good)
                equal(connection.answer().status, status, hostile[-60:])
        with w.gateway.connect() as connection:  # half a body, and nobody is there any more
            connection.send(head + b"\r\n\r\n" + good[: len(good) // 2])
    # Whatever was refused before it was admitted leaves no record: this one is the first.
    w.up.script(request_id := new_id(), whole(MODERATION))
    equal(w.gateway.ask({"model": "plain", "input": "a"}, "/v1/moderations", key=key, request_id=request_id).status, 200)
    equal(len(w.gateway.records(name)), 1)


@case("operations: a client that leaves ends the upstream's work, and leaves one record")
def _():
    w = world()
    for path, _, members, _, _ in KINDS:
        name, key = w.own_key()
        request_id = new_id()
        w.up.script(request_id, sends(then="silence"))
        connection = w.gateway.connect()
        body = {"model": "plain", **members}
        connection.send(w.gateway.bytes_of(body, path, key=key, request_id=request_id))
        peer = eventually(lambda r=request_id: w.up.requests(r), what="the request upstream")[0].peer
        left = time.monotonic()
        connection.close()
        eventually(lambda p=peer: p.closed_at, 3, "the upstream's connection closed")
        check(peer.closed_at - left < 1.0, "took", peer.closed_at - left)
        equal(w.gateway.log_of(request_id)["outcome"], "cancelled")
        (record,) = w.gateway.records(name)
        equal((outcome(record)[0], record["cost"]), ("cancelled", 0))
