"""An upstream that dies in each phase: before the answer began nobody sees it, afterwards the client is told."""

import time

from kit.cases import case, check, equal
from kit.gateway import chat, new_id, outcome
from kit.upstream import (
    STREAM_HEAD,
    delta,
    event,
    refusal,
    sends,
    stream_events,
    whole,
    whole_body,
    whole_head,
)
from kit.world import world

BODY = whole_body()
FIRST = b"".join([delta("", role="assistant")])
CHUNK = b"%x\r\n%s\r\n" % (len(FIRST), FIRST)
CONTENT = b"".join([delta("Hello"), delta(", world")])
CONTENT_CHUNK = b"%x\r\n%s\r\n" % (len(CONTENT), CONTENT)
ERROR_EVENT = event({"error": {"message": "it broke", "type": "server_error", "code": "oops"}})

# Everything that can happen before there is content: a stream, then a whole reply.
BEFORE = {
    "closes after the request": (sends(), sends()),
    "resets after the request": (sends(then="reset"), sends(then="reset")),
    "closes within its head": (sends(STREAM_HEAD[:40]), sends(whole_head(len(BODY))[:30])),
    "closes after its head": (sends(STREAM_HEAD), sends(whole_head(len(BODY)))),
    "closes within its body": (sends(STREAM_HEAD, CHUNK), sends(whole_head(len(BODY)), BODY[:50])),
    "resets within its body": (
        sends(STREAM_HEAD, CHUNK, then="reset"),
        sends(whole_head(len(BODY)), BODY[:50], then="reset"),
    ),
    "closes within a chunk": (
        sends(STREAM_HEAD, CHUNK[:20]),
        sends(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n"
            % len(BODY),
            BODY[:50],
        ),
    ),
    "ends cleanly without an answer": (sends(STREAM_HEAD, CHUNK, b"0\r\n\r\n"), sends(whole_head(0))),
    "sends [DONE] without an answer": (
        sends(STREAM_HEAD, b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"),
        whole(b"{}"),
    ),
    "answers with garbage": (sends(b"\x16\x03\x01 garbage \r\n\r\n"), sends(b"\x00\x00\x00\x00\r\n\r\n")),
    "answers with a bad chunk": (sends(STREAM_HEAD, b"zz\r\nhello\r\n"), sends(STREAM_HEAD, b"-1\r\n")),
    "answers with events that are not JSON": (
        sends(STREAM_HEAD, b"e\r\ndata: {oops}\n\n\r\n0\r\n\r\n"),
        whole(b"{oops}"),
    ),
    "falls silent before its head": (sends(then="silence"), sends(then="silence")),
    "falls silent after its head": (
        sends(STREAM_HEAD, then="silence"),
        sends(whole_head(len(BODY)), then="silence"),
    ),
    "falls silent before its content": (
        sends(STREAM_HEAD, CHUNK, then="silence"),
        sends(whole_head(len(BODY)), BODY[:9], then="silence"),
    ),
    "sends an error event first": (
        sends(STREAM_HEAD, b"%x\r\n%s\r\n0\r\n\r\n" % (len(ERROR_EVENT), ERROR_EVENT)),
        whole(b'{"error":{"message":"x"}}'),
    ),
    "answers 500": (refusal(b"500 Oops", "server_error"),) * 2,
    "answers 429": (refusal(b"429 Slow", "rate_limit_exceeded", b"retry-after: 60\r\n"),) * 2,
    "answers 401": (refusal(b"401 No", "invalid_api_key"),) * 2,
    "answers 404 for the model": (
        whole(
            b'{"error":{"message":"The model `x` does not exist","code":"model_not_found"}}', b"404 Not Found"
        ),
    )
    * 2,
}


def fails_over(play, model, streamed):
    w = world()
    request_id = new_id()
    if play:
        w.up.script(request_id, play)
    start = time.monotonic()
    answer = w.gateway.ask(chat(model, stream=streamed), request_id=request_id)
    took = time.monotonic() - start
    equal(answer.status, 200, answer)
    check(answer.complete, "the answer has its end")
    if streamed:
        equal(answer.text(), "Hello, world!")
        equal(answer.events()[-1], "[DONE]")
    else:
        equal(answer.json()["choices"][0]["message"]["content"], "Hello, world!")
    equal(answer.field("x-lowart-provider"), "second")
    (seen,) = w.second.requests(request_id)
    equal(seen.json()["model"], "second-model")
    line = w.gateway.log_of(request_id)
    equal((line["attempts"], line["provider"], line["outcome"]), (2, "second", "complete"), line)
    check(took < 3, "it took", took)


for what, plays in BEFORE.items():
    for streamed in (True, False):

        @case(f"fails over from an upstream that {what}, {'streamed' if streamed else 'whole'}")
        def _(play=plays[0] if streamed else plays[1], streamed=streamed, own=what.startswith("answers 4")):
            fails_over(play, f"chain-{world().own_model()}" if own else "chain", streamed)


for model, what in (
    ("chain-closed", "refuses connections"),
    ("chain-rude", "closes each connection at once"),
    ("chain-deaf", "does not answer the handshake"),
):

    @case(f"fails over from an upstream that {what}")
    def _(model=model):
        for streamed in (True, False):
            fails_over(None, model, streamed)


@case("a failed attempt is tried again at the same target when that may help")
def _():
    w = world()
    request_id = new_id()
    w.up.script(request_id, refusal(b"500 Oops", "server_error"), sends(STREAM_HEAD, CHUNK), whole())
    equal(w.gateway.ask(chat("again"), request_id=request_id).status, 502, "two attempts, not three")
    equal(len(w.up.requests(request_id)), 2)
    request_id = new_id()
    w.up.script(
        request_id,
        sends(STREAM_HEAD, CHUNK, then="reset"),
        sends(STREAM_HEAD, *[b"%x\r\n%s\r\n" % (len(e), e) for e in stream_events()], b"0\r\n\r\n"),
    )
    answer = w.gateway.ask(chat("again", stream=True), request_id=request_id)
    equal((answer.status, answer.text()), (200, "Hello, world!"))
    equal(w.gateway.log_of(request_id)["attempts"], 2)


# After content came: the client gets what came, then an error event and no [DONE].
AFTER = {
    "closes": (sends(STREAM_HEAD, CHUNK, CONTENT_CHUNK), "upstream_connection_lost"),
    "resets": (sends(STREAM_HEAD, CHUNK, CONTENT_CHUNK, then="reset"), "upstream_connection_lost"),
    "closes within a chunk": (
        sends(STREAM_HEAD, CHUNK, CONTENT_CHUNK, b'ff\r\ndata: {"cho'),
        "upstream_connection_lost",
    ),
    "closes within an event": (
        sends(STREAM_HEAD, CHUNK, CONTENT_CHUNK, b'a\r\ndata: {"ch\r\n'),
        "upstream_connection_lost",
    ),
    "ends without [DONE]": (
        sends(STREAM_HEAD, CHUNK, CONTENT_CHUNK, b"0\r\n\r\n"),
        "upstream_connection_lost",
    ),
    "sends a bad chunk": (sends(STREAM_HEAD, CHUNK, CONTENT_CHUNK, b"xyz\r\n"), "upstream_malformed_reply"),
    "sends what is not JSON": (
        sends(STREAM_HEAD, CHUNK, CONTENT_CHUNK, b"e\r\ndata: {oops}\n\n\r\n"),
        "upstream_malformed_reply",
    ),
    "falls silent": (
        sends(STREAM_HEAD, CHUNK, CONTENT_CHUNK, then="silence"),
        "upstream_between_tokens_timeout",
    ),
}


@case("an error event begins a line, also where the upstream closes between the two bytes that end one")
def _():
    w = world()
    request_id = new_id()
    w.up.script(request_id, sends(STREAM_HEAD, CHUNK, CONTENT_CHUNK, b"a\r\n: hello\r\n\r\r\n"))
    answer = w.gateway.ask(chat("counted", stream=True), request_id=request_id)
    said, _, error = answer.body.partition(b"data: {\"error\"")
    equal(said, FIRST + CONTENT + b": hello\r\n\r\n", "not every client takes a lone CR for the end of a line")
    check(b"upstream_connection_lost" in error, answer)


def ends_with_error(play, code):
    w = world()
    name, key = w.own_key()
    request_id = new_id()
    w.up.script(request_id, play)
    answer = w.gateway.ask(chat("counted", stream=True), key=key, request_id=request_id)
    equal(answer.status, 200)
    events = answer.events()
    equal(answer.text(), "Hello, world", "what came before")
    check("error" in events[-1], "no error event at the end:", events)
    check("[DONE]" not in events, "a broken stream that says it is done")
    equal(sum("error" in e for e in events), 1, "error events")
    if code:
        equal(events[-1]["error"]["code"], code)
    check(answer.body.startswith(FIRST + CONTENT), "the bytes before the error")
    (record,) = w.gateway.records(name)
    equal(outcome(record), ("partial", "partial"), record)
    equal((record["input"], record["output"]), (8, 3), "counted up to the break")
    line = w.gateway.log_of(request_id)
    equal(line["outcome"], "partial")
    check(line.get("error"), "no error in the log:", line)
    equal(len(w.second.requests(request_id)), 0)


for what, (play, code) in AFTER.items():

    @case(f"ends the stream with an error when the upstream {what} in the middle")
    def _(play=play, code=code):
        ends_with_error(play, code)


@case("passes an error event in the middle of a stream on, and counts what came")
def _():
    w = world()
    request_id = new_id()
    w.up.script(
        request_id,
        sends(STREAM_HEAD, CHUNK, CONTENT_CHUNK, b"%x\r\n%s\r\n0\r\n\r\n" % (len(ERROR_EVENT), ERROR_EVENT)),
    )
    answer = w.gateway.ask(chat("counted", stream=True), request_id=request_id)
    events = answer.events()
    check("error" in events[-1] and "[DONE]" not in events, events)
    check("it broke" in events[-1]["error"]["message"], events[-1])
    equal(w.gateway.log_of(request_id)["outcome"], "partial")


@case("a provider that never sends [DONE] can be allowed to")
def _():
    w = world()
    request_id = new_id()
    w.up.script(
        request_id,
        sends(STREAM_HEAD, *[b"%x\r\n%s\r\n" % (len(e), e) for e in stream_events(done=False)], b"0\r\n\r\n"),
    )
    answer = w.gateway.ask(chat("lax", stream=True), request_id=request_id)
    equal(answer.text(), "Hello, world!")
    check(not any("error" in e for e in answer.events()), answer.events())
    equal(w.gateway.log_of(request_id)["outcome"], "complete")


@case("a connection that died while it was idle is no failure")
def _():
    w = world()
    for _ in range(3):
        request_id = new_id()
        # An honest keep-alive answer, then the upstream closes: the pooled connection is dead when it is used next.
        w.up.script(request_id, sends(whole_head(len(BODY)) + BODY))
        equal(w.gateway.ask(chat("up"), request_id=request_id).status, 200)
        time.sleep(0.05)
        equal(w.gateway.ask(chat("up")).status, 200)


@case("answers that say 'connection: close' and answers without a length are whole answers")
def _():
    w = world()
    request_id = new_id()
    w.up.script(
        request_id,
        sends(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n", BODY),
    )
    answer = w.gateway.ask(chat("up"), request_id=request_id)
    equal((answer.status, answer.body), (200, BODY))


@case("informational answers before the real one are passed over")
def _():
    w = world()
    request_id = new_id()
    w.up.script(
        request_id, sends(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n", whole_head(len(BODY)) + BODY)
    )
    answer = w.gateway.ask(chat("up"), request_id=request_id)
    equal((answer.status, answer.body), (200, BODY))
