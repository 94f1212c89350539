"""Ollama's clients at the server: the same bytes before an Ollama, translations before all others, its pages."""

import json

from kit.cases import case, check, equal
from kit.gateway import Gateway, new_id, new_key, outcome, provider, shared, target
from kit.upstream import Upstream, framed, whole
from kit.vendors import VENDOR_KEY, Vendor

TYPES = {"openai": "/v1", "openai_responses": "/v1", "anthropic": "/v1", "gemini": "/v1beta", "ollama": ""}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]


class House:
    def __init__(self):
        self.vendor, self.up = Vendor(), Upstream()
        more = {"api_key": VENDOR_KEY}
        providers = {name: provider(self.vendor.root + end, type=name, **more) for name, end in TYPES.items()}
        providers["raw"] = provider(self.up.url.removesuffix("/v1"), type="ollama", api_key="sk-raw")
        providers["first"] = provider(self.up.url, type="openai")
        models = {name: target(name, "up-model") for name in providers}
        models["elsewhere"] = target("openai", "up-model") | {"doors": ["chat"]}
        models["chain"] = {
            "targets": [{"provider": "first", "model": "x"}, {"provider": "anthropic", "model": "up-model"}]
        }
        keys = {f"k{i}": {"key": new_key()} for i in range(16)} | {"narrow": {"key": new_key(), "models": ["raw"]}}
        self.gateway = Gateway({"providers": providers, "models": models}, keys=keys)
        self.spare = iter(keys)

    def own_key(self):
        name = next(self.spare)
        return name, self.gateway.keys[name]["key"]

    def ask(self, body, path="/api/chat", play=None, **options):
        """(answer, the request upstream) of one call."""
        request_id = new_id()
        if play:
            self.up.script(request_id, play)
        answer = self.gateway.ask(body, path, request_id=request_id, **options)
        return answer, next(iter((self.up if play else self.vendor).requests(request_id)), None)


def house():
    return shared("ollama door", House)


def chat(model, say="Hi", **more):
    return {"model": model, "messages": [{"role": "user", "content": say}], **more}


def lines(answer):
    equal(answer.field("content-type"), "application/x-ndjson", answer)
    check(answer.body.endswith(b"\n"), answer.body[-100:])
    return [json.loads(line) for line in answer.body.splitlines()]


def said(found, member="content"):
    return "".join(line["message"].get(member, "") for line in found if "message" in line)


def is_error(answer, status):
    equal(answer.status, status, answer)
    equal(answer.field("content-type"), "application/json")
    equal(list(answer.json()), ["error"])
    check(isinstance(answer.json()["error"], str) and answer.json()["error"], answer)
    return answer.json()["error"]


for type_name in TYPES:

    @case(f"ollama's client before {type_name}: whole, and billed as reported")
    def _(model=type_name):
        h = house()
        name, key = h.own_key()
        answer, seen = h.ask(chat(model, stream=False), key=key)
        equal(answer.status, 200, answer)
        got = answer.json()
        equal((got["message"], got["done"], got["done_reason"]), ({"role": "assistant", "content": "Hello, world!"}, True, "stop"))
        equal((got["prompt_eval_count"], got["eval_count"]), (11, 5))
        check(got["total_duration"] > 0 and got["eval_duration"] > 0, got)
        (record,) = h.gateway.records(name)
        equal((outcome(record), record["input"], record["output"]), (("complete", "reported"), 11, 5))

    @case(f"ollama's client before {type_name}: a stream, which is what it gets without a word")
    def _(model=type_name):
        h = house()
        answer, seen = h.ask(chat(model))
        found = lines(answer)
        equal((answer.status, said(found)), (200, "Hello, world!"))
        check(all(not line["done"] for line in found[:-1]) and len(found) > 2, found)
        last = found[-1]
        equal((last["done"], last["done_reason"], last["prompt_eval_count"], last["eval_count"]), (True, "stop", 11, 5))
        check(last["total_duration"] >= last["prompt_eval_duration"] and last["eval_duration"] > 0, last)

    @case(f"ollama's client before {type_name}: a call is whole in one line, and its result goes back without an id")
    def _(model=type_name):
        h = house()
        answer, _ = h.ask(chat(model, "play:tools", tools=TOOLS))
        calls = [line["message"]["tool_calls"] for line in lines(answer) if line["message"].get("tool_calls")]
        equal([[call["function"]["name"] for call in group] for group in calls], [["weather"]])
        equal(calls[0][0]["function"]["arguments"], {"city": "Paris"})
        call = {"function": {"name": "weather", "arguments": {"city": "Paris"}}}
        more = [
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "content": "sunny", "tool_name": "weather"},
        ]
        body = chat(model, "play:tools", tools=TOOLS, stream=False)
        body["messages"] += more
        answer, _ = h.ask(body)
        equal((answer.status, answer.json()["message"]["content"]), (200, "The tools say: sunny"), answer)

    @case(f"ollama's client before {type_name}: errors before and within a stream")
    def _(model=type_name):
        h = house()
        for stream in (True, False):
            text = is_error(h.ask(chat(model, "play:status404", stream=stream))[0], 404)
            check("says the vendor" in text, text)
            is_error(h.ask(chat(model, "play:status500", stream=stream))[0], 502)
        for play in ("error_event", "cut"):
            found = lines(h.ask(chat(model, f"play:{play}"))[0])
            equal(said(found[:-1]), "Hello, wor")
            equal(list(found[-1]), ["error"])
            check(not any(line.get("done") for line in found), found)

    @case(f"ollama's client before {type_name}: generate")
    def _(model=type_name):
        h = house()
        body = {"model": model, "prompt": "Hi", "system": "Be brief.", "options": {"num_ctx": 4096}}
        found = lines(h.ask(body, "/api/generate")[0])
        equal("".join(line["response"] for line in found), "Hello, world!")
        check(found[-1]["done"] and "message" not in found[-1], found[-1])
        answer, _ = h.ask(body | {"stream": False}, "/api/generate")
        equal((answer.status, answer.json()["response"]), (200, "Hello, world!"), answer)
        told = "options.num_ctx" if model != "ollama" else None
        equal(answer.field("x-lowart-dropped"), told)


STREAM = (
    b'{"model":"up-model","message":{"role":"assistant","content":"Hel"},"done":false,"own":1}\n'
    b'{"model":"up-model","message":{"role":"assistant","content":"lo"},"done":true,"done_reason":"stop",'
    b'"prompt_eval_count":3,"eval_count":2,"total_duration":9}\n'
)
ndjson = framed("application/x-ndjson")


@case("before an Ollama the bytes pass both ways, but for the model and the credentials")
def _():
    h = house()
    name, key = h.own_key()
    more = b'"messages":[{"role":"user","content":"Hi","x":[1]}],"own": {"a":1.0},"keep_alive":"5m"}'
    answer, seen = h.ask(b'{"model" : "raw",' + more, play=ndjson(STREAM), key=key)
    equal(answer.body, STREAM)
    equal(seen.body, b'{"model" : "up-model",' + more)
    equal((seen.line.split()[1], seen.field("authorization")), ("/api/chat", "Bearer sk-raw"))
    (record,) = h.gateway.records(name)
    equal((outcome(record), record["input"], record["output"]), (("complete", "reported"), 3, 2))
    reply = b'{"response":"Hello","thinking":"Hm","done":true,"context":[1,2],"prompt_eval_count":3,"eval_count":2}'
    body = b'{"prompt":"Hi","suffix":"}","raw":true,"context":[7],"stream":false,"model":"raw"}'
    answer, seen = h.ask(body, "/api/generate", play=whole(reply), key=key)
    equal((answer.status, answer.body), (200, reply))
    equal((seen.line.split()[1], seen.body), ("/api/generate", body.replace(b'"raw"}', b'"up-model"}')))
    pieces = b'{"response":"Hel","done":false}\n{"response":"lo","done":true,"done_reason":"stop"}\n'
    answer, _ = h.ask({"model": "raw", "prompt": "x"}, "/api/generate", play=ndjson(pieces))
    equal(answer.body, pieces)
    for path, reply in (
        ("/api/embed", b'{"model":"up-model","embeddings":[[0.1]],"prompt_eval_count":2}'),
        ("/api/embeddings", b'{"embedding":[0.10]}'),
    ):
        body = b'{"model":"raw","input":"a","prompt":"a","truncate":false}'
        answer, seen = h.ask(body, path, play=whole(reply))
        equal((answer.status, answer.body), (200, reply))
        equal((seen.line.split()[1], seen.body), (path, body.replace(b'"raw"', b'"up-model"')))


@case("an Ollama that breaks off tells its client so in a last line")
def _():
    h = house()
    first = STREAM.splitlines(keepends=True)[0]
    answer, _ = h.ask(chat("raw"), play=ndjson(first + b'{"error":"out of memory"}\n'))
    equal(answer.body[: len(first)], first)
    check("out of memory" in json.loads(answer.body[len(first) :])["error"], answer.body)
    answer, _ = h.ask(chat("raw"), play=ndjson(first))
    check(answer.body.startswith(first) and "error" in json.loads(answer.body[len(first) :]), answer.body)
    refusal = b'{"error":"model \'up-model\' not found"}'
    answer, _ = h.ask(chat("raw"), play=whole(refusal, b"404 Not Found"))
    equal((answer.status, answer.body), (404, refusal), "the provider's own words")


@case("what fails before its content is asked of the next target, of whatever protocol")
def _():
    h = house()
    answer, _ = h.ask(chat("chain"), play=whole(b'{"error":{"message":"no"}}', b"500 Oops"))
    equal((answer.status, said(lines(answer))), (200, "Hello, world!"), answer)
    equal(answer.field("x-lowart-provider"), "anthropic")


@case("a request that asks nothing loads a model that is there, and asks nobody")
def _():
    h = house()
    for path, body in (("/api/chat", {"messages": []}), ("/api/chat", {}), ("/api/generate", {"prompt": ""})):
        answer, seen = h.ask({"model": "openai", **body}, path)
        equal((answer.status, answer.json()["done_reason"], seen), (200, "load", None), answer)
    is_error(h.ask({"model": "nothing", "messages": []})[0], 404)


@case("settings arrive; what only Ollama's own server can do is refused by name, or dropped and told")
def _():
    h = house()
    options = {"num_predict": 9, "temperature": 0.5, "stop": ["x"], "num_ctx": 1, "num_thread": 4, "repeat_penalty": 1.1}
    answer, seen = h.ask(chat("anthropic", options=options, stream=False, keep_alive="5m"))
    equal(answer.status, 200, answer)
    asked = seen.json()
    equal((asked["max_tokens"], asked["temperature"], asked["stop_sequences"]), (9, 0.5, ["x"]))
    equal(
        answer.field("x-lowart-dropped"),
        "options.num_ctx, options.num_thread, options.repeat_penalty, keep_alive",
    )
    for more, path, field in (
        ({"options": {"mirostat": 2}}, "/api/chat", "options.mirostat"),
        ({"options": {"seed": 7}}, "/api/chat", "options.seed"),
        ({"format": "json"}, "/api/chat", "format"),
        ({"suffix": "x"}, "/api/generate", "suffix"),
        ({"context": [1]}, "/api/generate", "context"),
    ):
        body = chat("anthropic") if path == "/api/chat" else {"model": "anthropic", "prompt": "Hi"}
        answer, seen = h.ask(body | more, path)
        check(f"'{field}'" in is_error(answer, 400) and seen is None, answer)
    answer, seen = h.ask(chat("openai", format=SCHEMA, think="low", stream=False))
    equal(seen.json()["response_format"]["json_schema"]["schema"], SCHEMA)
    equal(seen.json()["reasoning_effort"], "low")


@case("keys, rights and doors count at Ollama's door as at any other")
def _():
    h = house()
    g = h.gateway
    for path in ("/api/chat", "/api/generate", "/api/embed", "/api/show"):
        text = is_error(h.ask(chat("openai"), path, key="sk-lw-wrong-wrong-wrong")[0], 401)
        check("key" in text, text)
    narrow = g.keys["narrow"]["key"]
    is_error(h.ask(chat("openai"), key=narrow)[0], 403)
    equal([m["name"] for m in g.get("/api/tags", key=narrow).json()["models"]], ["raw"])
    check("elsewhere" not in [m["name"] for m in g.get("/api/tags").json()["models"]])
    check("'elsewhere'" in is_error(h.ask(chat("elsewhere"))[0], 404))
    is_error(h.ask({"model": "anthropic", "input": "a"}, "/api/embed")[0], 404)
    is_error(g.get("/api/chat"), 405)
    is_error(g.get("/api/nothing"), 404)
    equal((g.get("/", key="").body, g.get("/api/version", key="").status), (b"Ollama is running", 200))
