"""What goes through the gateway is what was sent: the same bytes, and usage as reported."""

import json

from kit.cases import case, check, equal
from kit.gateway import UPSTREAM_KEY, chat, new_id, outcome
from kit.upstream import USAGE, event, stream, stream_events, whole, whole_body
from kit.world import world

# Odd on purpose: order, spaces, unknown fields, numbers no double holds, escapes, lone surrogates, what looks like model.
ODD = (
    b'{ "zeta" : 123456789012345678901234567890.12345678901234567890e+10 ,\n\t"messages":[{"content":"caf\\u00e9 \\ud83d\\ude00 '
    b'\xc3\xa9 \\/ \\u2028 \xe2\x80\xa8","role":"user","model":"not-me","x":{"model":"nor-me"}}],  "unknown":{"b":1,"a":[-0,1E2,0.10]},'
    b'"model" :  "%s", "seed":9007199254740993,"stream":%s,"max_tokens":7 ,"last":"\\ud800" } \n'
)


def sent_and_received(streamed, model):
    w = world()
    request_id = new_id()
    body = ODD % (model.encode(), b"true" if streamed else b"false")
    answer = w.gateway.ask(
        body, request_id=request_id, fields=[("x-custom", "mine"), ("openai-organization", "org")]
    )
    equal(answer.status, 200, answer)
    (seen,) = w.up.requests(request_id)
    equal(seen.body, ODD % (b"up-model", b"true" if streamed else b"false"), "the request's body upstream")
    equal(seen.field("authorization"), f"Bearer {UPSTREAM_KEY}", "credentials upstream")
    check(w.gateway.key not in str(seen.fields), "the client's key went upstream")
    return answer


@case("a request's bytes reach the upstream unchanged but for the model's name, whole")
def _():
    sent_and_received(False, "plain")


@case("a request's bytes reach the upstream unchanged but for the model's name, streamed")
def _():
    sent_and_received(True, "plain")


@case("a request for a model of the same name reaches the upstream unchanged")
def _():
    sent_and_received(False, "up-model")
    sent_and_received(True, "up-model")


@case("an alias is a name of its model")
def _():
    sent_and_received(False, "nickname")


@case("a model's name in escapes is understood")
def _():
    w = world()
    request_id = new_id()
    answer = w.gateway.ask(b'{"model":"pl\\u0061in","messages":[]}', request_id=request_id)
    equal(answer.status, 200, answer)
    equal(w.up.requests(request_id)[0].body, b'{"model":"up-model","messages":[]}', "body upstream")


@case("a large request reaches the upstream unchanged, however it is cut")
def _():
    w = world()
    body = json.dumps({"messages": [{"role": "user", "content": "x" * 700_000}], "model": "plain"}).encode()
    for size in (1 << 20, 60_000, 4097):
        request_id = new_id()
        with w.gateway.connect() as connection:
            data = w.gateway.bytes_of(body, request_id=request_id)
            for at in range(0, len(data), size):
                connection.send(data[at : at + size])
            equal(connection.answer().status, 200)
        equal(w.up.requests(request_id)[0].body, body.replace(b'"plain"', b'"up-model"'), "body upstream")


@case("a chunked request reaches the upstream whole")
def _():
    w = world()
    request_id = new_id()
    body = json.dumps(chat("plain", "chunked " * 50)).encode()
    head = w.gateway.bytes_of(b"", request_id=request_id, fields=[("transfer-encoding", "chunked")])
    with w.gateway.connect() as connection:
        connection.send(head)
        for at in range(0, len(body), 7):
            piece = body[at : at + 7]
            connection.send(b"%x;ext=1\r\n%s\r\n" % (len(piece), piece))
        connection.send(b"0\r\n\r\n")
        equal(connection.answer().status, 200)
    equal(w.up.requests(request_id)[0].body, body.replace(b'"plain"', b'"up-model"'), "body upstream")


ODD_REPLY = (
    b'{ "usage":{"total_tokens":16,"prompt_tokens":11,"completion_tokens":5,"odd":1e400}, "x":[1.10,"\\u00e9"], "id":"i",'
    b'"object":"chat.completion","created":1,"model":"up-model-2026","choices":[{"message":{"content":"\\ud83d\\ude00","role":"assistant",'
    b'"reasoning_content":"hm"},"index":0,"finish_reason":"stop","logprobs":null}] }\n\n'
)


@case("a whole reply reaches the client byte for byte")
def _():
    w = world()
    request_id = new_id()
    w.up.script(request_id, whole(ODD_REPLY))
    answer = w.gateway.ask(chat("plain"), request_id=request_id)
    equal(answer.status, 200)
    equal(answer.body, ODD_REPLY, "the reply")


@case("a streamed reply reaches the client byte for byte, with comments, CRLF and odd fields")
def _():
    w = world()
    events = [
        b": OPENROUTER PROCESSING\n\n",
        b'event: message\nid: 7\nretry: 10\ndata: {"choices":[{"delta":{"role":"assistant","content":""},"index":0}],"obfuscation":"aB3"}\r\n\r\n',
        b'data:{"choices":[{"delta":{"content":"h\\u00e9 \xe2\x80\xa8"},"index":0}],"p":"abcdefghij"}\n\n',
        b'data: {"choices":[{"delta":{},"index":0,\ndata: "finish_reason":"stop"}]}\n\n',
        event({"choices": [], "usage": USAGE, "x_groq": {"id": 1}}),
        b"data: [DONE]\n\n",
    ]
    flat = b"".join(events)
    for size in (1 << 16, 41, 3):
        request_id = new_id()
        w.up.script(request_id, stream([flat[at : at + size] for at in range(0, len(flat), size)]))
        answer = w.gateway.ask(chat("plain", stream=True), request_id=request_id)
        equal(answer.body, flat, f"the stream cut every {size} bytes")
        check(answer.complete, "the stream has its end")
        line = w.gateway.log_of(request_id)
        equal(
            (line["input_tokens"], line["output_tokens"], line["outcome"]),
            (11, 5, "complete"),
            "the log line",
        )


@case("usage is what the provider reports, by class, priced and kept, whole and streamed")
def _():
    w = world()
    name, key = w.own_key()
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 50,
        "total_tokens": 150,
        "prompt_tokens_details": {"cached_tokens": 40, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 20},
    }
    for streamed in (False, True):
        request_id = new_id()
        w.up.script(
            request_id, stream(stream_events(usage=usage)) if streamed else whole(whole_body(usage=usage))
        )
        equal(w.gateway.ask(chat("plain", stream=streamed), key=key, request_id=request_id).status, 200)
    records = w.gateway.records(name, 2)
    for record, streamed in zip(records, (0, 1)):
        equal(outcome(record), ("complete", "reported"), record)
        got = tuple(record[c] for c in ("input", "cache_read", "output", "reasoning"))
        equal(got, (60, 40, 30, 20), "usage by class")
        equal(record["streamed"], streamed)
        # 60 at 1, 40 at 0.5, 50 at 2 USD per million, in nano-dollars
        equal(record["cost"], 60_000 + 20_000 + 100_000, "cost")
    page = w.gateway.usage(key)
    equal(page["request_count"], 2)
    equal(page["tokens"]["total"], 300)
    equal(page["cost_usd"], "0.000360000")
    equal([m["model"] for m in page["models"]], ["plain"])


@case("usage that nobody reports is counted with the model's own tokenizer")
def _():
    w = world()
    name, key = w.own_key()
    for streamed in (False, True):
        request_id = new_id()
        w.up.script(
            request_id, stream(stream_events(usage=None)) if streamed else whole(whole_body(usage=None))
        )
        equal(
            w.gateway.ask(chat("counted", "Hello", stream=streamed), key=key, request_id=request_id).status,
            200,
        )
    for record in w.gateway.records(name, 2):
        equal(outcome(record), ("complete", "counted"))
        # "Hello, world!" is 4 tokens in o200k_base; "Hello" one, 3 + 1 a message, 3 to prime the answer
        equal((record["input"], record["output"]), (8, 4), "counted tokens")


@case("a request id reaches the client, the upstream and the access log; a bad one is replaced")
def _():
    w = world()
    request_id = new_id("mine")
    for streamed in (False, True):
        answer = w.gateway.ask(chat("plain", stream=streamed), request_id=request_id)
        equal(answer.field("x-request-id"), request_id, "x-request-id of the answer")
    equal(len(w.up.requests(request_id)), 2, "requests upstream with this id")
    equal(w.gateway.log_of(request_id)["status"], 200)
    made = w.gateway.ask(chat("plain")).field("x-request-id")
    check(made.startswith("req_") and len(made) == 28, made)
    equal(len(w.up.requests(made)), 1, "the made id upstream")
    w.gateway.log_of(made)
    for bad in ("a b", "x" * 129, 'q"uote', "é"):
        answer = w.gateway.ask(chat("plain"), fields=[("x-request-id", bad)])
        check(answer.field("x-request-id").startswith("req_"), "a bad id was taken over:", bad)


@case("tools, parallel calls and their results go both ways untouched")
def _():
    w = world()
    request_id = new_id()
    calls = [
        {"index": i, "id": f"call_{i}", "type": "function", "function": {"name": f"f{i}", "arguments": ""}}
        for i in range(2)
    ]
    events = [
        event({"choices": [{"index": 0, "delta": {"role": "assistant", "content": None, "tool_calls": [c]}}]})
        for c in calls
    ]
    events += [
        event(
            {
                "choices": [
                    {
                        "index": 0,
                        "delta": {"tool_calls": [{"index": i, "function": {"arguments": '{"x":1}'}}]},
                    }
                ]
            }
        )
        for i in (1, 0)
    ]
    events += [
        event({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}),
        b"data: [DONE]\n\n",
    ]
    w.up.script(request_id, stream(events))
    tools = [
        {"type": "function", "function": {"name": f"f{i}", "parameters": {"type": "object"}}}
        for i in range(2)
    ]
    answer = w.gateway.ask(
        chat("plain", stream=True, tools=tools, parallel_tool_calls=True), request_id=request_id
    )
    equal(answer.body, b"".join(events))
    equal(w.up.requests(request_id)[0].json()["tools"], tools)
    equal(w.gateway.log_of(request_id)["outcome"], "complete")


@case("a stream is passed on event by event, not gathered")
def _():
    w = world()
    request_id = new_id()
    w.up.script(request_id, stream(stream_events(), pause=0.1))
    answer = w.gateway.ask(chat("plain", stream=True), request_id=request_id)
    times = [at for at, _ in answer.pieces]
    check(len(times) >= 6, "pieces:", len(times))
    check(times[-1] - times[0] > 0.5, "all came at once:", times[-1] - times[0])


@case("legacy completions go through with their usage")
def _():
    w = world()
    name, key = w.own_key()
    request_id = new_id()
    reply = json.dumps(
        {
            "id": "c",
            "object": "text_completion",
            "choices": [{"text": "hi", "index": 0, "finish_reason": "stop"}],
            "usage": USAGE,
        }
    ).encode()
    w.up.script(request_id, whole(reply))
    answer = w.gateway.ask(
        {"model": "plain", "prompt": "say hi"}, "/v1/completions", key=key, request_id=request_id
    )
    equal(answer.body, reply)
    check(
        w.up.requests(request_id)[0].line.startswith("POST /v1/completions "),
        w.up.requests(request_id)[0].line,
    )
    (record,) = w.gateway.records(name)
    equal((outcome(record)[1], record["input"], record["output"]), ("reported", 11, 5))
