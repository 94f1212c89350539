"""What else a provider that speaks Cohere's protocol is asked: embeddings, rankings, its models."""

import json

from kit import provider_cases
from kit.cases import case, check, equal
from kit.cohere_house import house
from kit.upstream import whole
from kit.vendors import VENDOR_KEY


@case("cohere: embeddings for clients of OpenAI and of Gemini, each text for what it is meant")
def _():
    h = house()
    vectors = {"id": "x", "embeddings": {"float": [[0.5, -1], [0.25, 3e-9]]}}
    reply = whole(json.dumps(vectors | {"meta": {"billed_units": {"input_tokens": 8}}}).encode())
    sent = {
        "model": "command-a",
        "input_type": "search_document",
        "texts": ["a", "b"],
        "embedding_types": ["float"],
        "output_dimension": 2,
    }
    seen = provider_cases.embeds(h, "/v2/embed", reply, sent, taskType="RETRIEVAL_QUERY")
    equal(seen.json()["input_type"], "search_query")
    body = {"model": "odd", "input": ["a", "b"], "dimensions": 2}
    _, seen = h.post("/v1/embeddings", body | {"input_type": "clustering"}, reply)
    equal(seen.json()["input_type"], "clustering")
    _, seen = h.post("/v1/embeddings", body | {"model": "queries"}, reply)
    equal(seen.json()["input_type"], "search_query")
    binary = whole(b'{"embeddings":{"base64":["AAAAPw=="]},"meta":{}}')
    answer, seen = h.post("/v1/embeddings", body | {"encoding_format": "base64"}, binary)
    equal((seen.json()["embedding_types"], answer.json()["data"][0]["embedding"]), (["base64"], "AAAAPw=="))


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
    pages = [b'{"models":[{"name":"command-a"}],"next_page_token":"p 2"}', b'{"models":[{"name":"embed-v4.0"}]}']

    def play(peer, request):
        return whole(pages["page_token" in request.line])(peer, request)

    asked = provider_cases.lists_models("cohere", play, ["command-a", "embed-v4.0"])
    check(asked[0].startswith("GET /v1/models?page_size=1000 "), asked)
    check(asked[1].startswith("GET /v1/models?page_size=1000&page_token=p%202 "), asked)


@case("cohere: a wrong value is told with its line when the file is read")
def _():
    right, wrong = ", input_type: clustering", ", input_type: novel"
    provider_cases.validates("cohere", right, wrong, word="search_document")
