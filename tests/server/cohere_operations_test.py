"""What else a provider that speaks Cohere's protocol is asked: embeddings, rankings, its models."""

import json

from kit.cases import case, check, equal
from kit.cohere_house import house
from kit.gateway import Gateway, new_key, outcome, provider, run_on
from kit.upstream import Upstream, whole
from kit.vendors import VENDOR_KEY


@case("cohere: embeddings for clients of OpenAI and of Gemini, each text for what it is meant")
def _():
    h = house()
    name, key = h.own_key()
    vectors = {"id": "x", "embeddings": {"float": [[0.5, -1], [0.25, 3e-9]]}}
    reply = whole(json.dumps(vectors | {"meta": {"billed_units": {"input_tokens": 8}}}).encode())
    body = {"model": "odd", "input": ["a", "b"], "dimensions": 2}
    answer, seen = h.post("/v1/embeddings", body, reply, key=key)
    check(seen.line.startswith("POST /v2/embed "), seen.line)
    sent = {
        "model": "command-a",
        "input_type": "search_document",
        "texts": ["a", "b"],
        "embedding_types": ["float"],
        "output_dimension": 2,
    }
    equal(seen.json(), sent)
    equal([d["embedding"] for d in answer.json()["data"]], [[0.5, -1], [0.25, 3e-9]])
    equal(answer.json()["usage"]["prompt_tokens"], 8)
    (record,) = h.gateway.records(name)
    equal((record["operation"], record["input"], outcome(record)), ("embedding", 8, ("complete", "reported")))
    _, seen = h.post("/v1/embeddings", body | {"input_type": "clustering"}, reply)
    equal(seen.json()["input_type"], "clustering")
    _, seen = h.post("/v1/embeddings", body | {"model": "queries"}, reply)
    equal(seen.json()["input_type"], "search_query")
    binary = whole(b'{"embeddings":{"base64":["AAAAPw=="]},"meta":{}}')
    answer, seen = h.post("/v1/embeddings", body | {"encoding_format": "base64"}, binary)
    equal((seen.json()["embedding_types"], answer.json()["data"][0]["embedding"]), (["base64"], "AAAAPw=="))
    requests = [{"content": {"parts": [{"text": t}]}, "taskType": "RETRIEVAL_QUERY"} for t in "ab"]
    answer, seen = h.post("/v1beta/models/odd:batchEmbedContents", {"requests": requests}, reply)
    equal(answer.json(), {"embeddings": [{"values": [0.5, -1]}, {"values": [0.25, 3e-9]}]})
    equal(seen.json()["input_type"], "search_query")


@case("cohere: a ranking goes byte for byte, as Cohere's own clients ask for it; other operations are not offered")
def _():
    h = house()
    reply = b'{"id":"x","results":[{"index":1,"relevance_score":0.9}],"meta":{"billed_units":{"search_units":1}}}'
    for path in ("/v1/rerank", "/v2/rerank"):
        body = b'{"top_n":1, "model" : "odd", "query":"q","documents":["a","b"],"max_tokens_per_doc":9}'
        answer, seen = h.post(path, body, whole(reply))
        equal((answer.status, answer.body), (200, reply), answer)
        check(seen.line.startswith("POST /v2/rerank "), seen.line)
        equal((seen.body, seen.field("authorization")), (body.replace(b"odd", b"command-a"), f"Bearer {VENDOR_KEY}"))
    answer, seen = h.post("/v1/moderations", {"model": "odd", "input": "x"})
    equal((answer.status, seen), (404, None), answer)


@case("cohere: its models are listed, page by page, where a pattern leads there")
def _():
    up = Upstream()
    pages = [b'{"models":[{"name":"command-a"}],"next_page_token":"p 2"}', b'{"models":[{"name":"embed-v4.0"}]}']
    up.default = lambda peer, request: whole(pages["page_token" in request.line])(peer, request)
    providers = {"c": provider(up.url.removesuffix("/v1"), type="cohere")}
    with Gateway({"providers": providers, "models": {"*": {"targets": [{"provider": "c"}]}}}, threads=1) as gateway:
        equal([m["id"] for m in gateway.get("/v1/models").json()["data"]], ["command-a", "embed-v4.0"])
        lines = [request.line for request in up.seen[None]]
        check(lines[0].startswith("GET /v1/models?page_size=1000 "), lines)
        check(lines[1].startswith("GET /v1/models?page_size=1000&page_token=p%202 "), lines)


@case("cohere: a wrong value is told with its line when the file is read")
def _():
    base = "providers: {c: {type: cohere%s}}\nmodels: {m: {targets: [{provider: c}]}}\nkeys: [{name: a, key: %s}]\n"
    done, _ = run_on(base % (", input_type: clustering", new_key()), "validate")
    equal(done.returncode, 0, done)
    done, _ = run_on(base % (", input_type: novel", new_key()), "validate")
    check(done.returncode != 0 and "search_document" in done.stdout + done.stderr, done)
