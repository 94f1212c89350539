"""What an upstream of any of the four protocols does when it fails: plays for a Vendor, by the name of the fault.

A play reads the request as the vendor does, so that it answers in that vendor's own words, and fails at its place.
"""

import json
import time
from urllib.parse import parse_qsl, urlsplit

from .vendors.turns import Text, Turn
from .vendors.vendor import PATHS, PROTOCOLS, Call, respond, start_stream

SAID = Turn((Text("Hello, world!"),))
HTML = b"<html><body>502 Bad Gateway</body></html>"


def read(request):
    """(call, its protocol's module) of a request, read as the vendor reads it."""
    url = urlsplit(request.line.split()[1])
    protocol = PATHS.get(url.path) or ("gemini" if ":" in url.path else "openai")
    call = Call(protocol, request, url.path, dict(parse_qsl(url.query)))
    if url.path in PATHS or "enerateContent" in url.path:
        call.asked = call.wire.read(url.path, call.headers, call.body)
    return call


def streams(call):
    """Calls of completions and embeddings, which no vendor here reads, are known by their bodies."""
    return call.asked.stream if call.asked else bool(call.body.get("stream"))


def error_of(call, status):
    return call.wire.error(status, "says the vendor")


def events_of(call):
    """(events without content, events with content, how it ends) of the vendor's ordinary answer."""
    if call.path == "/v1/completions":
        made = lambda text, finish: {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m",
                                     "choices": [{"index": 0, "text": text, "finish_reason": finish, "logprobs": None}]}
        event = lambda value: b"data: " + json.dumps(value).encode() + b"\n\n"
        return [], [event(made("Hello, wor", None))], [event(made("ld!", "stop")), b"data: [DONE]\n\n"]
    events = list(call.wire.events(call.asked, SAID))
    first = next(i for i, e in enumerate(events) if b"Hello" in e)
    ending = len(list(call.wire.ending(call.asked, SAID)))
    return events[:first], events[first : first + 1], events[-ending:]


def whole_of(call):
    if call.asked is None:
        vector = {"object": "embedding", "index": 0, "embedding": [0.5, 1]}
        texts = {"object": "text_completion", "choices": [{"index": 0, "text": "Hello, world!", "finish_reason": "stop"}]}
        usage = {"usage": {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16}, "model": "m"}
        if call.path == "/v1/completions":
            return {"id": "cmpl-1", "created": 1, **texts, **usage}
        if call.path == "/v1/embeddings":
            return {"object": "list", "data": [vector], **usage}
        return {"embedding": {"values": [0.5, 1]}}
    return call.wire.whole(call.asked, SAID)


def speaks_no_tls(sock):
    """Answers a handshake with HTTP."""
    sock.recv(4096)
    sock.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
    return True


# --- before there is content ------------------------------------------------------------------------------------------


def ordinary(peer, request):
    call = read(request)
    if not streams(call):
        return respond(peer, 200, whole_of(call))
    return sends_events(peer, call, sum(events_of(call), []), "end")


def sends_events(peer, call, events, then):
    """Events of a stream, then: `end` as HTTP ends it, `close`, `reset` or `silence`."""
    start_stream(peer, call)
    for event in events:
        peer.chunk(event)
    return ends(peer, then)


def ends(peer, then):
    if then == "end":
        peer.send(b"0\r\n\r\n")
        return True
    if then == "reset":
        time.sleep(0.02)  # what was sent is to be read first
        peer.reset()
    if then == "silence":
        peer.wait_for_close()
    return False


def raw(*pieces, then="close"):
    def play(peer, request):
        for piece in pieces:
            peer.send(piece)
        return ends(peer, then)

    return play


def status(code, *headers):
    """Refuses with a status, in the vendor's envelope."""

    def play(peer, request):
        call = read(request)
        return respond(peer, code, error_of(call, code), dict(headers))

    return play


def missing(peer, request):
    """A 404 that is not about the model."""
    call = read(request)
    body = json.dumps(error_of(call, 404)).replace("model_not_found", "no_such_thing")
    return respond(peer, 404, json.loads(body))


def missing_model(peer, request):
    call = read(request)
    body = call.wire.error(404, "The model `up-model` does not exist")
    return respond(peer, 404, body)


def before_content(then):
    """Begins an answer, and stops before its content: after the first events, or within a whole body."""

    def play(peer, request):
        call = read(request)
        if streams(call):
            return sends_events(peer, call, events_of(call)[0], then)
        body = json.dumps(whole_of(call)).encode()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body))
        peer.send(body[:20])
        return ends(peer, then)

    return play


def no_terminal(peer, request):
    """HTTP says that the stream is complete, its protocol does not: before any content."""
    call = read(request)
    if not streams(call):
        return respond(peer, 200, {})
    return sends_events(peer, call, events_of(call)[0], "end")


def not_json(peer, request):
    call = read(request)
    if streams(call):
        return sends_events(peer, call, [b"data: {oops\n\n"], "end")
    peer.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 5\r\n\r\n{oops")
    return True


def error_in_200(peer, request):
    """The first event of a stream, or a whole body with status 200, is an error."""
    call = read(request)
    if streams(call) and call.wire is not None:
        return sends_events(peer, call, [call.wire.error_event("says the vendor")], "end")
    return respond(peer, 200, error_of(call, 500))


def html(peer, request):
    peer.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: %d\r\n\r\n%s" % (len(HTML), HTML))
    return True


# --- after content ----------------------------------------------------------------------------------------------------


def after_content(then, *more):
    """A stream with some content, then `more` bytes as one event, and its end."""

    def play(peer, request):
        call = read(request)
        first, content, _ = events_of(call)
        return sends_events(peer, call, [*first, *content, *more], then)

    return play


def bad_framing(peer, request):
    call = read(request)
    first, content, _ = events_of(call)
    start_stream(peer, call)
    for event in [*first, *content]:
        peer.chunk(event)
    peer.send(b"xyz\r\n")
    return False


def error_after_content(peer, request):
    call = read(request)
    first, content, _ = events_of(call)
    return sends_events(peer, call, [*first, *content, call.wire.error_event("says the vendor")], "end")


def goes_on(peer, request):
    """Content again and again, until the gateway has had enough."""
    call = read(request)
    first, content, _ = events_of(call)
    start_stream(peer, call)
    for event in first:
        peer.chunk(event)
    end = time.monotonic() + 20
    while time.monotonic() < end:
        peer.chunk(content[0])
        time.sleep(0.02)
    return False


def slow(peer, request):
    """The ordinary stream, over some 300 ms."""
    call = read(request)
    start_stream(peer, call)
    made = list(call.wire.events(call.asked, SAID))
    for event in made:
        peer.chunk(event)
        time.sleep(0.3 / len(made))
    peer.send(b"0\r\n\r\n")
    return True
