"""Streams that break after their first content and are gone on with by another target."""

import json

from kit.cases import case, check, equal
from kit.gateway import Gateway, chat, new_id, outcome, provider
from kit.upstream import STREAM_HEAD, Upstream, delta, endless, ordinary, refusal, sends, stream, stream_events

TWO_WORDS = delta("", role="assistant") + delta("Once ") + delta("upon ")
CUT = sends(STREAM_HEAD, b"%x\r\n%s\r\n" % (len(TWO_WORDS), TWO_WORDS))
USAGE = {"prompt_tokens": 100, "completion_tokens": 7, "total_tokens": 107}
REST = stream(stream_events(words=("a ", "time."), usage=USAGE))
T = lambda name: {"provider": name, "model": "up-model"}  # noqa: E731


class Broken:
    def __init__(self, **resume):
        self.a, self.b = Upstream(), Upstream()
        self.a.default, self.b.default = CUT, REST
        prices = [{"input": "0", "output": "1"}, {"input": "1", "output": "0"}]
        targets = [{**T(name), "price": price} for name, price in zip("ab", prices)]
        config = {
            "providers": {"a": provider(self.a.url), "b": provider(self.b.url)},
            "models": {
                "told": {"resume": resume, "targets": targets},
                "plain": {"targets": targets},
            },
        }
        self.gateway = Gateway(config)

    def __enter__(self):
        self.gateway.__enter__()
        return self

    def __exit__(self, *what):
        self.gateway.__exit__(*what)


def asks(model):
    """dialect -> (path, body, how the text of an event is found)."""
    contents = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}
    message = [{"role": "user", "content": "Hi"}]

    def chat_text(e):
        return "".join(c["delta"].get("content") or "" for c in e.get("choices", []))

    def gemini_text(e):
        return "".join(p.get("text", "") for c in e.get("candidates", []) for p in c.get("content", {}).get("parts", []))

    return {
        "chat": ("/v1/chat/completions", {"model": model, "stream": True, "messages": message}, chat_text),
        "responses": (
            "/v1/responses",
            {"model": model, "stream": True, "input": "Hi"},
            lambda e: e["delta"] if e["type"] == "response.output_text.delta" else "",
        ),
        "messages": (
            "/v1/messages",
            {"model": model, "stream": True, "max_tokens": 50, "messages": message},
            lambda e: e["delta"].get("text", "") if e["type"] == "content_block_delta" else "",
        ),
        "gemini": (f"/v1beta/models/{model}:streamGenerateContent?alt=sse", contents, gemini_text),
        "gemini array": (f"/v1beta/models/{model}:streamGenerateContent", contents, gemini_text),
    }


def events_of(answer):
    text = answer.body.decode()
    if text.startswith("["):
        return json.loads(text)
    lines = [line[6:] for line in text.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


@case("resume: another target goes on with the text, in every dialect, as one answer")
def _():
    with Broken() as broken:
        for dialect, (path, body, text_of) in asks("told").items():
            request_id = new_id()
            answer = broken.gateway.ask(
                body, path=path, request_id=request_id, fields=[("openai-beta", "a-beta")]
            )
            equal(answer.status, 200, answer)
            events = events_of(answer)
            equal("".join(text_of(e) for e in events), "Once upon a time.", dialect)
            check("upstream_" not in answer.body.decode(), dialect, answer.body)
            equal(": resumed by b\n" in answer.body.decode(), not dialect.startswith("gemini"), dialect)
            if dialect == "chat":
                equal(len({e["id"] for e in events}), 1, "one answer has one id")
                equal([e["choices"][0]["finish_reason"] for e in events if e["choices"]][-1], "stop")
            if dialect == "responses":
                equal([e["sequence_number"] for e in events], list(range(len(events))))
                equal(events[-1]["type"], "response.completed")
                equal(events[-1]["response"]["output"][0]["content"][0]["text"], "Once upon a time.")
            if dialect == "messages":
                equal([e["type"] for e in events if e["type"].endswith(("start", "stop"))],
                      ["message_start", "content_block_start", "content_block_stop", "message_stop"])
            rest = broken.b.requests(request_id)[0].json()
            equal([m["role"] for m in rest["messages"]], ["user", "assistant", "user"], dialect)
            equal(rest["messages"][1]["content"], "Once upon ")
            equal(rest["stream"], True, dialect)
            passed_on = broken.b.requests(request_id)[0].field("openai-beta")
            equal(passed_on, "a-beta" if dialect == "chat" else None, "fields of the client's dialect go on, too")
            check("Continue it exactly" in rest["messages"][2]["content"], rest)
        counted = broken.gateway.metrics()
        equal(counted.sum("gateway_streams_broken_total", model="told", outcome="resumed"), len(asks("x")))


@case("resume: both targets are billed, each at its own price, and the client is told the sum")
def _():
    with Broken() as broken:
        answer = broken.gateway.ask(chat("told", stream=True, stream_options={"include_usage": True}))
        usage = events_of(answer)[-1]["usage"]
        record = broken.gateway.records()[-1]
        equal((outcome(record), record["provider"], record["attempts"]), (("complete", "estimated"), "b", 2))
        tokens = record
        check(tokens["output"] > 7 and tokens["input"] > 100, record)
        equal((usage["prompt_tokens"], usage["completion_tokens"]), (tokens["input"], tokens["output"]))
        equal(record["cost"], (tokens["output"] - 7) * 1000 + 100 * 1000, record)


@case("resume: it is off unless asked for, and half a tool call is never gone on with")
def _():
    with Broken() as broken:
        answer = broken.gateway.ask(chat("plain", stream=True))
        check("upstream_connection_lost" in answer.body.decode(), answer.body)
        call = [{"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a'}}]
        half = delta("", role="assistant") + b"data: " + json.dumps(
            {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m",
             "choices": [{"index": 0, "delta": {"tool_calls": call}, "finish_reason": None}]}
        ).encode() + b"\n\n"
        broken.a.default = sends(STREAM_HEAD, b"%x\r\n%s\r\n" % (len(half), half))
        answer = broken.gateway.ask(chat("told", stream=True))
        check("upstream_connection_lost" in answer.body.decode(), answer.body)
        counted = broken.gateway.metrics()
        equal(counted.sum("gateway_streams_broken_total", model="told", outcome="given_up"), 1)


@case("resume: when nobody can go on the client is told why the stream broke")
def _():
    with Broken(times=3) as broken:
        broken.b.default = refusal(b"500 Broken", "broken")
        answer = broken.gateway.ask(chat("told", stream=True))
        said = answer.body.decode()
        check("upstream_connection_lost" in said, said)
        equal(said.count("Once "), 4, "the one that broke off is asked again, three times")
        equal(outcome(broken.gateway.records()[-1]), ("partial", "partial"))
