"""Embeddings of Gemini's clients, and counts of tokens in each dialect: asked of a provider of the same, else here."""

import json

from kit.cases import case, check, equal
from kit.gateway import Gateway, new_id, new_key, outcome, provider, shared, target
from kit.upstream import Upstream, refusal, whole

GEMINI = "/v1beta/models"
OPENAI_VECTORS = (
    b'{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-1]},'
    b'{"object":"embedding","index":1,"embedding":[0.25,3e-9]}],"usage":{"prompt_tokens":8,"total_tokens":8}}'
)


class Everyone:
    def __init__(self):
        self.up = Upstream()
        kinds = ("openai", "openai_responses", "anthropic", "gemini")
        providers = {kind: provider(self.up.url, type=kind) for kind in kinds}
        providers["lax"] = provider(self.up.url, may_drop="anything")
        models = {kind: target(kind) for kind in kinds}
        models |= {
            "gpt": target("openai", "gpt-4"),
            "lax": target("lax"),
            "chain": {
                "targets": [
                    {"provider": "anthropic", "model": "claude"},
                    {"provider": "openai", "model": "embedder"},
                ]
            },
        }
        keys = {f"k{i}": {"key": new_key()} for i in range(8)} | {"few": {"key": new_key(), "rpm": 2, "tpm": 1}}
        self.gateway = Gateway({"providers": providers, "models": models}, keys=keys)

    def ask(self, path, body, play=None, **options):
        """(answer, what the upstream saw) of one call."""
        request_id = new_id()
        if play:
            self.up.script(request_id, play)
        answer = self.gateway.ask(body, path, request_id=request_id, **options)
        return answer, self.up.requests(request_id)


def everyone():
    return shared("everyone", Everyone)


def texts(*all_of_them, **more):
    return {"requests": [{"content": {"parts": [{"text": text}]}, **more} for text in all_of_them]}


@case("a batch of Gemini's reaches Gemini byte for byte, but for the model's names, and comes back as it came")
def _():
    e = everyone()
    body = (
        b'{ "requests":[{"model":"models/%s", "content":{"parts":[{"text":"a"}]},"taskType":"CLUSTERING"},'
        b' {"own":1.0,"model" : "models/%s","content":{"parts":[{"text":"b"}]}}]}'
    )
    reply = b'{ "embeddings":[{"values":[0.50]},{"values":[1]}], "own":1}'
    path = f"{GEMINI}/gemini:batchEmbedContents"
    answer, (seen,) = e.ask(path, body % (b"gemini", b"gemini"), whole(reply), key=e.gateway.keys["k0"]["key"])
    equal((answer.status, answer.body), (200, reply))
    check(seen.line.startswith("POST /v1/models/up-model:batchEmbedContents "), seen.line)
    equal(seen.body, body % (b"up-model", b"up-model"))
    (record,) = e.gateway.records("k0")
    equal((record["operation"], outcome(record)), ("embedding", ("complete", "estimated")))
    check(record["input"] >= 2, "counted, as Gemini tells no usage", record)


@case("one text of Gemini's stays one, under /v1 too")
def _():
    e = everyone()
    reply = b'{"embedding":{"values":[0.5]}}'
    for prefix in ("/v1beta/models", "/v1/models"):
        answer, (seen,) = e.ask(
            f"{prefix}/gemini:embedContent", {"content": {"parts": [{"text": "a"}]}}, whole(reply)
        )
        equal((answer.status, answer.body), (200, reply))
        check(seen.line.startswith("POST /v1/models/up-model:embedContent "), seen.line)


@case("Gemini's clients get the vectors of OpenAI, and are told what OpenAI cannot be")
def _():
    e = everyone()
    path = f"{GEMINI}/openai:batchEmbedContents"
    answer, (seen,) = e.ask(path, texts("a", "b", outputDimensionality=2), whole(OPENAI_VECTORS))
    equal(seen.json(), {"model": "up-model", "input": ["a", "b"], "dimensions": 2})
    equal(json.loads(answer.body), {"embeddings": [{"values": [0.5, -1]}, {"values": [0.25, 3e-9]}]})
    answer, seen = e.ask(path, texts("a", taskType="CLUSTERING"))
    equal((answer.status, len(seen)), (400, 0))
    error = json.loads(answer.body)["error"]
    equal(error["status"], "INVALID_ARGUMENT")
    check("requests[0].taskType" in error["message"], error)
    answer, _ = e.ask(
        f"{GEMINI}/lax:batchEmbedContents", texts("a", "b", taskType="CLUSTERING"), whole(OPENAI_VECTORS)
    )
    equal(answer.status, 200)
    check("requests[0].taskType" in answer.field("x-lowart-dropped"), answer.fields)


@case("OpenAI's clients get the vectors of Gemini, in floats and in base64")
def _():
    e = everyone()
    reply = b'{"embeddings":[{"values":[0.5,-1]},{"values":[1,0]}]}'
    answer, (seen,) = e.ask(
        "/v1/embeddings", {"model": "gemini", "input": ["a", "b"], "dimensions": 2}, whole(reply)
    )
    equal(
        [(r["content"], r["outputDimensionality"]) for r in seen.json()["requests"]],
        [({"parts": [{"text": text}]}, 2) for text in "ab"],
    )
    got = json.loads(answer.body)
    equal([d["embedding"] for d in got["data"]], [[0.5, -1], [1, 0]])
    check(got["usage"]["prompt_tokens"] > 0, got["usage"])
    answer, _ = e.ask(
        "/v1/embeddings", {"model": "gemini", "input": ["a", "b"], "encoding_format": "base64"}, whole(reply)
    )
    equal([d["embedding"] for d in json.loads(answer.body)["data"]], ["AAAAPwAAgL8=", "AACAPwAAAAA="])
    answer, seen = e.ask("/v1/embeddings", {"model": "gemini", "input": [1, 2]})
    equal((answer.status, answer.error["param"], len(seen)), (400, "input", 0), "tokens are no text")


@case("a chain of which a target has no embeddings offers none")
def _():
    e = everyone()
    for model in ("chain", "anthropic"):
        answer, seen = e.ask("/v1/embeddings", {"model": model, "input": "a"})
        equal((answer.status, answer.error["code"], len(seen)), (404, "model_not_found", 0))


# --- counts of tokens -------------------------------------------------------------------------------------------------

MESSAGES = [{"role": "user", "content": "How many tokens are these?"}]
COUNTS = {
    "anthropic": (
        "/v1/messages/count_tokens",
        b'{"messages":[{"role":"user","content":"Hi"}], "own":1e3,"model":"%s"}',
        b'{"input_tokens":31, "own":1}',
        "POST /v1/messages/count_tokens ",
        "input_tokens",
    ),
    "openai_responses": (
        "/v1/responses/input_tokens",
        b'{"input":"Hi", "own":1e3,"model":"%s"}',
        b'{"object":"response.input_tokens","input_tokens":31, "own":1}',
        "POST /v1/responses/input_tokens ",
        "input_tokens",
    ),
    "gemini": (
        f"{GEMINI}/%s:countTokens",
        b'{"generateContentRequest":{"contents":[{"parts":[{"text":"Hi"}]}], "own":1e3,"model":"models/%s"}}',
        b'{"totalTokens":31, "own":1}',
        "POST /v1/models/up-model:countTokens ",
        "totalTokens",
    ),
}


def count_call(dialect, model):
    path, body, *_ = COUNTS[dialect]
    return path.replace("%s", model), body % model.encode()


for dialect_name in COUNTS:

    @case(f"a count of {dialect_name} is asked of a provider of the same dialect, byte for byte")
    def _(dialect=dialect_name):
        e = everyone()
        _, body, reply, line, _ = COUNTS[dialect]
        path, sent = count_call(dialect, dialect)
        answer, (seen,) = e.ask(path, sent, whole(reply))
        equal((answer.status, answer.body), (200, reply))
        check(seen.line.startswith(line), seen.line)
        equal(seen.body, body % b"up-model")
        equal(answer.field("x-lowart-provenance"), "reported")

    @case(f"a count of {dialect_name} is made here where the provider speaks another dialect")
    def _(dialect=dialect_name):
        e = everyone()
        member = COUNTS[dialect][4]
        known, seen = e.ask(*count_call(dialect, "gpt"))
        equal((known.status, known.field("x-lowart-provenance"), seen), (200, "counted", []))
        other, _ = e.ask(*count_call(dialect, "openai"))
        equal(other.field("x-lowart-provenance"), "estimated")
        equal(json.loads(known.body)[member], 8, "3 to prime, 4 for the message, 1 for its word")


@case("counts need a key, count as requests, reserve no tokens and leave no record")
def _():
    e = everyone()
    path, body = count_call("anthropic", "gpt")
    equal(e.gateway.ask(body, path, key="sk-lw-wrong").status, 401)
    few = e.gateway.keys["few"]["key"]
    answers = [e.gateway.ask(body, path, key=few) for _ in range(3)]
    equal([a.status for a in answers], [200, 200, 429])
    equal(json.loads(answers[2].body)["error"]["type"], "rate_limit_error")
    key = e.gateway.keys["k1"]["key"]
    equal(e.gateway.ask(body, path, key=key).status, 200)
    e.ask("/v1/embeddings", {"model": "openai", "input": "a"}, whole(OPENAI_VECTORS), key=key)
    equal([r["operation"] for r in e.gateway.records("k1")], ["embedding"])


@case("counts fail as the client understands it")
def _():
    e = everyone()
    path, body = count_call("anthropic", "anthropic")
    answer, _ = e.ask(path, body, refusal(b"500 No", "x"))
    equal((answer.status, json.loads(answer.body)["type"]), (502, "error"))
    answer, _ = e.ask(path, b'{"model":"anthropic"}')
    equal((answer.status, json.loads(answer.body)["error"]["type"]), (400, "invalid_request_error"))
    path, body = count_call("gemini", "nowhere")
    answer, _ = e.ask(path, body)
    equal((answer.status, json.loads(answer.body)["error"]["status"]), (404, "NOT_FOUND"))
    equal(e.gateway.get("/v1/messages/count_tokens").field("allow"), "POST")
