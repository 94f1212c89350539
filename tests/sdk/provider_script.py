"""An upstream in the shape of OpenAI's: answers, tools, structured output, errors, as the SDKs ask for them.

What it does is chosen by the request id, `NAME.anything`: SDK clients set it as a header.
"""

import json

from kit.upstream import (
    STREAM_HEAD,
    USAGE,
    Upstream,
    delta,
    endless,
    event,
    refusal,
    sends,
    stream,
    stream_events,
    whole,
    whole_body,
)

REPORT = {"city": "Paris", "degrees": 21, "sunny": True}


def chunk(choices, **more):
    return event(
        {
            "id": "chatcmpl-up",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "up-model",
            "choices": choices,
            **more,
        }
    )


def tool_calls(request):
    """One call of each tool, in parallel; no call has arguments but the first."""
    return [
        {
            "id": f"call_{i}",
            "type": "function",
            "function": {
                "name": tool["function"]["name"],
                "arguments": '{"city":"Paris"}' if i == 0 else "{}",
            },
        }
        for i, tool in enumerate(request["tools"])
    ]


def answer_tools(peer, request, asked):
    calls = tool_calls(asked)
    if not asked.get("stream"):
        body = json.loads(whole_body())
        body["choices"][0] = {
            "index": 0,
            "finish_reason": "tool_calls",
            "message": {"role": "assistant", "content": None, "tool_calls": calls},
        }
        return whole(json.dumps(body).encode())(peer, request)
    events = [chunk([{"index": 0, "delta": {"role": "assistant", "content": None}}])]
    for i, call in enumerate(calls):
        first = {**call, "index": i, "function": {"name": call["function"]["name"], "arguments": ""}}
        events.append(chunk([{"index": 0, "delta": {"tool_calls": [first]}}]))
        for piece in (call["function"]["arguments"][:5], call["function"]["arguments"][5:]):
            events.append(
                chunk(
                    [{"index": 0, "delta": {"tool_calls": [{"index": i, "function": {"arguments": piece}}]}}]
                )
            )
    events += [chunk([{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]), b"data: [DONE]\n\n"]
    return stream(events)(peer, request)


def text_of(asked):
    if (asked.get("response_format") or {}).get("type") == "json_schema":
        return json.dumps(REPORT)
    results = [m["content"] for m in asked["messages"] if m["role"] == "tool"]
    return f"The tools say: {' and '.join(results)}" if results else "Hello, world!"


MODERATION = {
    "id": "modr-up",
    "model": "up-model",
    "results": [{"flagged": True, "categories": {"violence": True}, "category_scores": {"violence": 0.9}}],
}
IMAGE = {
    "created": 1,
    "data": [{"b64_json": "iVBORw0KGgo="}],
    "usage": {
        "input_tokens": 50,
        "output_tokens": 272,
        "total_tokens": 322,
        "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
    },
}


VOICE = bytes(range(256)) * 64


def media(peer, request):
    """Speech, transcripts, images that are changed, files; None: it is something else."""
    path = request.line.split()[1].partition("?")[0]
    is_stream = b'name="stream"\r\n\r\ntrue' in request.body or b'"stream":true' in request.body.replace(b" ", b"")
    if path.endswith("/audio/speech"):
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ncontent-length: 16384\r\n\r\n" + VOICE)
        return True
    if path.endswith(("/audio/transcriptions", "/audio/translations")):
        if b'name="response_format"\r\n\r\nsrt' in request.body:
            peer.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 5\r\n\r\n1\nHi\n")
            return True
        if is_stream:
            events = [
                event({"type": "transcript.text.delta", "delta": "Hello, "}),
                event({"type": "transcript.text.delta", "delta": "world!"}),
                event({"type": "transcript.text.done", "text": "Hello, world!"}),
            ]
            return stream(events)(peer, request)
        heard = {"text": "Hello, world!" if VOICE in request.body else "noise"}
        return whole(json.dumps(heard).encode())(peer, request)
    if path.endswith("/images/generations") and is_stream:
        events = [
            event({"type": "image_generation.partial_image", "b64_json": "AA==", "partial_image_index": 0}),
            event({"type": "image_generation.completed", "b64_json": "iVBORw0KGgo=", "usage": IMAGE["usage"]}),
        ]
        return stream(events)(peer, request)
    if path.endswith(("/images/edits", "/images/variations")):
        return whole(json.dumps(IMAGE).encode())(peer, request)
    if path.endswith("/files/file-1/content"):
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: 16384\r\n\r\n" + VOICE)
        return True
    if path.endswith("/files"):
        file = {"id": "file-1", "object": "file", "bytes": len(VOICE), "created_at": 1, "filename": "a.jsonl", "purpose": "batch", "status": "processed"}
        if request.line.startswith("GET"):
            file = {"object": "list", "data": [file], "has_more": False}
        elif VOICE not in request.body:
            return refusal(b"400 Bad Request", "no_file")(peer, request)
        return whole(json.dumps(file).encode())(peer, request)
    return None


def answers(peer, request):
    if (done := media(peer, request)) is not None:
        return done
    asked = request.json()
    for path, reply in (("/moderations", MODERATION), ("/images/generations", IMAGE)):
        if request.line.split()[1].endswith(path):
            return whole(json.dumps(reply).encode())(peer, request)
    if "prompt" in asked:
        return completions(peer, request, asked)
    if asked.get("tools") and not any(m["role"] == "tool" for m in asked["messages"]):
        return answer_tools(peer, request, asked)
    text = text_of(asked)
    if not asked.get("stream"):
        return whole(whole_body(text))(peer, request)
    with_usage = (asked.get("stream_options") or {}).get("include_usage")
    words = [text[at : at + 7] for at in range(0, len(text), 7)]
    return stream(stream_events(words, USAGE if with_usage else None))(peer, request)


def completions(peer, request, asked):
    if not asked.get("stream"):
        body = {
            "id": "cmpl-up",
            "object": "text_completion",
            "created": 1,
            "model": "m",
            "choices": [{"text": "Hello", "index": 0, "finish_reason": "stop", "logprobs": None}],
            "usage": USAGE,
        }
        return whole(json.dumps(body).encode())(peer, request)
    events = [
        event(
            {
                "id": "cmpl-up",
                "object": "text_completion",
                "created": 1,
                "model": "m",
                "choices": [{"text": t, "index": 0, "finish_reason": f, "logprobs": None}],
            }
        )
        for t, f in (("Hel", None), ("lo", None), ("", "stop"))
    ]
    return stream(events + [b"data: [DONE]\n\n"])(peer, request)


def refuses_content(peer, request):
    body = json.loads(whole_body())
    body["choices"][0]["message"] = {"role": "assistant", "content": None, "refusal": "I will not."}
    return whole(json.dumps(body).encode())(peer, request)


def vendor(choice, **more):
    """A chunk as a vendor writes it: `more` replaces the names that it leaves empty."""
    return event({"id": "v", "object": "chat.completion.chunk", "created": 1, "model": "v", "choices": [choice], **more})


def mistral(peer, request):
    """No role; tool calls whole, without index and type; an empty name later on."""
    first = {"id": "a", "function": {"name": "get_weather", "arguments": '{"city":'}}
    rest = {"id": "a", "function": {"name": "", "arguments": '"Paris"}'}}
    second = {"id": "b", "function": {"name": "get_time", "arguments": "{}"}}
    return stream(
        [
            vendor({"index": 0, "delta": {"content": "Hello"}, "finish_reason": None}, p="abc"),
            vendor({"index": 0, "delta": {"tool_calls": [first]}, "finish_reason": None}, p="a"),
            vendor({"index": 0, "delta": {"tool_calls": [rest, second]}, "finish_reason": "tool_calls"}, usage=USAGE),
            b"data: [DONE]\n\n",
        ]
    )(peer, request)


def snowflake(peer, request):
    """Empty names, usage with the last choice, and no finish reason at all."""
    empty = {"id": "", "model": ""}
    return stream(
        [
            vendor({"index": 0, "delta": {"role": "assistant", "content": "Hello"}}, **empty),
            vendor({"index": 0, "delta": {"content": ", world!"}}, usage=USAGE, **empty),
            b"data: [DONE]\n\n",
        ]
    )(peer, request)


CONTENT = delta("", role="assistant") + delta("Hello") + delta(", world")
NAMED = {
    "status400": refusal(b"400 Bad Request", "bad_thing"),
    "status404": refusal(b"404 Not Found", "gone"),
    "status422": refusal(b"422 Unprocessable", "odd"),
    "status429": refusal(b"429 Slow Down", "rate_limit_exceeded", b"retry-after-ms: 50\r\n"),
    "status401": refusal(b"401 Unauthorized", "invalid_api_key"),
    "status500": refusal(b"500 Oops", "server_error"),
    "silence": sends(then="silence"),
    "slow": stream(stream_events(), pause=0.1),
    "endless": endless(),
    "cut": sends(STREAM_HEAD, b"%x\r\n%s\r\n" % (len(CONTENT), CONTENT)),
    "refusal": refuses_content,
    "mistral": mistral,
    "snowflake": snowflake,
}


def make():
    up = Upstream()

    def play(peer, request):
        name = (request.field("x-request-id") or "").split(".")[0]
        return NAMED.get(name, answers)(peer, request)

    up.default = play
    return up
