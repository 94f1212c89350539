"""Shapes of lowart.yaml: what is changed of requests, what stays as it came, and what stands before answers."""

import json

from kit.cases import case, check, equal
from kit.gateway import Gateway, chat, new_id, provider, run_on, shared
from kit.upstream import USAGE, Upstream, whole, whole_body

SHAPE = {
    "strip_tags": ["think", "tool_call"],
    "drop_empty_messages": True,
    "merge_user_messages": True,
    "stop": ["END", "STOP"],
    "stop_limit": 3,
    "max_tokens": 50,
}


class Shapes:
    def __init__(self):
        self.up = Upstream()
        t = {"provider": "up", "model": "up-model"}
        self.gateway = Gateway(
            {
                "providers": {"up": provider(self.up.url), "demo": {"type": "demo"}},
                "models": {
                    "shaped": {"targets": [t], "shape": SHAPE},
                    "limited": {"targets": [{**t, "shape": {"max_tokens": 50}}, {"provider": "demo"}]},
                    "tags": {"targets": [t], "shape": {"strip_tags": ["think"]}},
                    "prefixed": {"targets": [t], "shape": {"prefix": "[AI] "}},
                    "demo-fast": {"targets": [{"provider": "demo"}], "shape": {"prefix": "[AI] "}},
                    "kept": {"targets": [t], "shape": {"prefix": "[AI] ", "max_tokens": 50}, "cache": {}},
                    "both": {"targets": [{**t, "shape": {"prefix": "in "}}], "shape": {"prefix": "out ", "max_tokens": 50}},
                },
            }
        )

    def ask(self, body, **options):
        """The answer, and the body that the upstream got."""
        request_id = new_id()
        answer = self.gateway.ask(body, request_id=request_id, **options)
        equal(answer.status, 200, answer)
        seen = self.up.requests(request_id)
        return answer, seen[-1].body if seen else None


def shapes():
    return shared("shapes", Shapes)


def says(*pairs):
    return [{"role": role, "content": content} for role, content in pairs]


@case("shape: messages are cleaned, stop words added, the limit lowered, and the answer says so")
def _():
    s = shapes()
    before = s.gateway.metrics()
    body = {
        "model": "shaped",
        "messages": says(
            ("system", "s"), ("user", "old"), ("assistant", "<think>hm</think>"), ("user", "new"), ("user", "newest"),
            ("assistant", "<tool_call>{}</tool_call> Said."), ("user", "last"),
        ),
        "max_tokens": 4000,
        "stop": "MINE",
        "x_big": 12345678901234567890123,
    }
    answer, sent = s.ask(body)
    asked = json.loads(sent)
    equal([(m["role"], m["content"]) for m in asked["messages"]], [("system", "s"), ("user", "newest"), ("assistant", "Said."), ("user", "last")])
    equal((asked["stop"], asked["max_tokens"], asked["model"]), (["MINE", "END", "STOP"], 50, "up-model"))
    equal(asked["x_big"], 12345678901234567890123)
    equal(answer.field("x-lowart-shaped"), "stripped, dropped, merged, stop, max_tokens")
    equal(answer.body, whole_body(), "the answer passes as it came")
    after = s.gateway.metrics()
    for change in ("stripped", "dropped", "merged", "stop", "max_tokens"):
        check(after.sum("gateway_shaped_total", model="shaped", change=change) > before.sum("gateway_shaped_total", model="shaped", change=change), change)


@case("shape: a request that needs no change goes out byte for byte")
def _():
    s = shapes()
    plain = b'{ "stop":["END","STOP"],  "messages":[{"role":"user","content":"caf\\u00e9"}], "max_tokens":50, "x":1.50, "model":"shaped" }'
    answer, sent = s.ask(plain)
    equal(sent, plain.replace(b'"shaped"', b'"up-model"'))
    equal(answer.field("x-lowart-shaped"), None)
    for model, text in (("limited", '"max_tokens":50'), ("limited", '"n":1'), ("tags", '"max_tokens":4000')):
        body = ('{"model": "%s",%s , "messages":[{"role":"user","content":""}, {"role":"user","content":"x"}]}' % (model, text)).encode()
        answer, sent = s.ask(body)
        equal(sent, body.replace(b'"%s"' % model.encode(), b'"up-model"'))


@case("shape: a change reaches the provider in each dialect of a client")
def _():
    s = shapes()
    user = lambda text: {"role": "user", "content": text}  # noqa: E731
    for path, body in (
        ("/v1/messages", {"model": "shaped", "max_tokens": 900, "stop_sequences": ["MINE"], "messages": [user("old"), user("new")]}),
        ("/v1beta/models/shaped:generateContent", {"contents": [{"role": "user", "parts": [{"text": t}]} for t in ("old", "new")], "generationConfig": {"maxOutputTokens": 900, "stopSequences": ["MINE"]}}),
        ("/v1/responses", {"model": "shaped", "max_output_tokens": 900, "input": [user("old"), user("new")]}),
        ("/v1/completions", {"model": "shaped", "prompt": "new", "max_tokens": 900, "stop": ["MINE"]}),
    ):
        answer, sent = s.ask(body, path=path)
        asked = json.loads(sent)
        check("max_tokens" in answer.field("x-lowart-shaped"), path)
        equal(asked.get("max_tokens") or asked.get("max_completion_tokens"), 50, path)
        equal(asked["stop"], ["END", "STOP"] if "responses" in path else ["MINE", "END", "STOP"], path)
        check(b"old" not in sent and b"new" in sent, sent)


@case("shape: a body that has to be changed and cannot be read is refused, and nobody is asked")
def _():
    s = shapes()
    request_id = new_id()
    answer = s.gateway.ask(chat("shaped", stop=[1]), request_id=request_id)
    equal((answer.status, s.up.requests(request_id)), (400, []), answer)


@case("shape: a prefix stands before the text of a whole answer and of a stream, in every dialect")
def _():
    s = shapes()
    text_of = {
        "/v1/chat/completions": lambda a: a["choices"][0]["message"]["content"],
        "/v1/completions": lambda a: a["choices"][0]["text"],
        "/v1/messages": lambda a: a["content"][0]["text"],
        "/v1/responses": lambda a: a["output"][0]["content"][0]["text"],
        "/v1beta/models/prefixed:generateContent": lambda a: a["candidates"][0]["content"]["parts"][0]["text"],
    }
    said = [{"role": "user", "content": "Hi"}]
    bodies = {
        "/v1/chat/completions": {"messages": said},
        "/v1/completions": {"prompt": "Hi"},
        "/v1/messages": {"messages": said, "max_tokens": 9},
        "/v1/responses": {"input": "Hi"},
        "/v1beta/models/prefixed:generateContent": {"contents": [{"parts": [{"text": "Hi"}]}]},
    }
    for path, body in bodies.items():
        request_id = new_id()
        if path == "/v1/completions":
            legacy = {"id": "c", "object": "text_completion", "created": 1, "model": "m", "choices": [{"index": 0, "text": "Hello, world!", "finish_reason": "stop"}], "usage": USAGE}
            s.up.script(request_id, whole(json.dumps(legacy).encode()))
        answer = s.gateway.ask(body if "models" in path else {"model": "prefixed", **body}, path=path, request_id=request_id)
        equal(answer.status, 200, answer)
        equal(text_of[path](answer.json()), "[AI] Hello, world!", path)
        equal(answer.field("x-lowart-shaped"), "prefix")
        streamed = {"model": "prefixed", "stream": True, **body} if "models" not in path else body
        answer = s.gateway.ask(streamed if path != "/v1/completions" else {**streamed, "model": "demo-fast"}, path=path.replace("generateContent", "streamGenerateContent?alt=sse"))
        equal(answer.status, 200, answer)
        places = [i for i in range(len(answer.body)) if answer.body.startswith(b"[AI] ", i)]
        deltas = [line for line in answer.body.split(b"\n\n") if b"[AI] " in line and b"done" not in line.split(b"\n")[0] and b"completed" not in line.split(b"\n")[0]]
        check(places and len(deltas) == 1, path, answer.body)


@case("shape: what a prefixed answer used is what the provider said")
def _():
    s = shapes()
    with Gateway(s.gateway.config) as gateway:
        equal(gateway.ask(chat("prefixed")).json()["usage"]["completion_tokens"], 5)
        records = gateway.records()
        equal([(r["input"], r["output"]) for r in records], [(11, 5)])


@case("shape: a cache keeps what was shaped, and a target's shape is within the model's")
def _():
    s = shapes()
    body = chat("kept", new_id("text"), max_tokens=900)
    first, sent = s.ask(body)
    again, nothing = s.ask(body)
    equal((first.field("x-lowart-cache"), again.field("x-lowart-cache"), nothing), ("miss", "hit", None))
    equal(json.loads(sent)["max_tokens"], 50)
    equal(again.json()["choices"], first.json()["choices"])
    equal(again.json()["choices"][0]["message"]["content"], "[AI] Hello, world!")
    answer, sent = s.ask(chat("both", max_tokens=900))
    equal(answer.json()["choices"][0]["message"]["content"], "out in Hello, world!")
    equal(answer.field("x-lowart-shaped"), "max_tokens, prefix")


@case("shape: what cannot be is refused with its line")
def _():
    def problems(shape):
        text = f"""
providers: {{demo: {{type: demo}}}}
keys: [{{name: first, key: sk-lw-put-40-random-characters-here}}]
models:
  m:
    targets: [{{provider: demo}}]
    shape: {shape}
"""
        done, _ = run_on(text, "validate")
        return done.returncode, done.stderr

    equal(problems(json.dumps(SHAPE)), (0, ""))
    for shape, told in (
        ("{strip_tags: ['<think>']}", "names tags without their brackets"),
        ("{stop: ['']}", "a stop word is not empty"),
        ("{stop_limit: 0, stop: [a]}", "'stop_limit' is a number from 1 to 64"),
        ("{max_tokens: 0}", "'max_tokens' is a number from 1"),
        ("{stop: [%s]}" % ",".join(f"s{i}" for i in range(17)), "at most 16 words"),
        ("{}", "changes nothing"),
        ("{prefixed: x}", "'prefixed' is not known here"),
    ):
        code, said = problems(shape)
        equal(code, 1, said)
        check(":7: " in said and told in said, shape, said)
