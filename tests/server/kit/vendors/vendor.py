"""Vendor: one listener that serves the protocols, each at its paths, and keeps what arrived."""

import json
import time
from urllib.parse import parse_qsl, urlsplit

from ..upstream import Upstream
from . import anthropic, bedrock, cohere, gemini, ollama, openai_chat, openai_responses
from .plays import play
from .turns import Fault, Refused

VENDOR_KEY = "sk-vendor-" + "k9" * 16
PROTOCOLS = {
    "openai": openai_chat,
    "openai_responses": openai_responses,
    "anthropic": anthropic,
    "gemini": gemini,
    "ollama": ollama,
    "bedrock": bedrock,
    "cohere": cohere,
}
PATHS = {
    "/v1/chat/completions": "openai",
    "/v1/responses": "openai_responses",
    "/v1/responses/input_tokens": "openai_responses",
    "/openai/v1/responses": "openai_responses",
    "/v1/messages": "anthropic",
    "/v1/messages/count_tokens": "anthropic",
    "/api/chat": "ollama",
    "/v2/chat": "cohere",
    "/api/generate": "ollama",
}
NAMES = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    429: "Too Many Requests",
}


class Call:
    """One request, and what became of it."""

    def __init__(self, protocol, request, path, query):
        self.protocol, self.path, self.query = protocol, path, query
        self.wire = PROTOCOLS[protocol]
        self.request = request
        self.peer = request.peer
        self.headers = {name.lower(): value for name, value in request.fields}
        self.body = request.json()
        self.asked = None
        self.refusal = ""  # why it was refused, when it was
        self.closed_at = None  # when the other side left a stream


class Vendor(Upstream):
    """`keys` are accepted in the header that the protocol has for them."""

    def __init__(self, key=VENDOR_KEY, play=play):
        self.key, self.play, self.calls = key, play, []
        super().__init__()
        self.root = f"http://127.0.0.1:{self.port}"
        self.default = self.answer

    def answer(self, peer, request):
        method, target, _ = request.line.split()
        url = urlsplit(target)
        if url.path == "/__calls":
            return self.tell(peer, url)
        protocol = protocol_at(url.path)
        if method != "POST" or not protocol:
            return respond(peer, 404, {"error": {"message": f"no {method} {url.path}"}})
        call = Call(protocol, request, url.path, dict(parse_qsl(url.query)))
        self.calls.append(call)
        try:
            if protocol == "bedrock":
                bedrock.admit(call, self.key)
            elif not self.admits(call):
                raise Refused("Incorrect API key provided.", status=401)
            call.asked = call.wire.read(call.path, call.headers, call.body)
            if call.path.endswith(("/count_tokens", "/input_tokens", "/count-tokens:rawPredict")):
                return respond(peer, 200, call.wire.count(call.asked))
            said = self.play(call.asked)
        except Refused as no:
            call.refusal = no.message
            body = call.wire.error(no.status, no.message, no.param, no.details)
            return respond(peer, no.status, body, error_headers(call.wire, no.status, details=no.details))
        except (
            Exception
        ) as error:  # a request that the protocol's reader stumbles over is refused, and says where
            call.refusal = f"{type(error).__name__}: {error}"
            return respond(peer, 400, call.wire.error(400, call.refusal), error_headers(call.wire, 400))
        if isinstance(said, Fault):
            return self.fail(peer, call, said)
        if call.asked.stream:
            return stream(peer, call, call.wire.events(call.asked, said))
        return respond(peer, 200, call.wire.whole(call.asked, said), ok_headers(call))

    def admits(self, call):
        bearer = call.headers.get("authorization", "").removeprefix("Bearer ")
        shown = {
            "anthropic": (call.headers.get("x-api-key"), bearer),
            "gemini": (call.headers.get("x-goog-api-key"), call.query.get("key")),
        }.get(call.protocol, (bearer, call.headers.get("api-key")))
        return self.key in shown

    def fail(self, peer, call, fault):
        wire = call.wire
        if fault.how == "silence":
            peer.wait_for_close()
            call.closed_at = peer.closed_at
            return False
        if fault.status != 200:
            body = wire.error(fault.status, "says the vendor")
            return respond(peer, fault.status, body, error_headers(wire, fault.status, fault.retry_after))
        if not call.asked.stream:
            return False  # closed without an answer
        start_stream(peer, call)
        ending = sum(1 for _ in wire.ending(call.asked, fault.said))
        said = list(wire.events(call.asked, fault.said))[:-ending]
        for event in said:
            peer.chunk(event)
        if fault.how == "event":
            peer.chunk(wire.error_event("says the vendor, in the middle"))
            peer.send(b"0\r\n\r\n")
        if fault.how == "endless":
            delta = next(event for event in said if b"Hello" in event)
            self.repeat(peer, call, delta)
        return False

    def repeat(self, peer, call, event, pause=0.02, seconds=20):
        """The same piece of text again and again, until the other side leaves."""
        peer.sock.settimeout(pause)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if not peer.sock.recv(4096):
                    break
            except TimeoutError:
                pass
            except OSError:
                break
            try:
                peer.chunk(event)
            except OSError:
                break
        call.closed_at = time.monotonic()

    def tell(self, peer, url):
        """For clients in other processes: which calls whose text has this mark, and how they ended."""
        mark = dict(parse_qsl(url.query)).get("mark", "")
        told = [
            {
                "protocol": call.protocol,
                "path": call.path,
                "headers": call.headers,
                "body": call.body,
                "refusal": call.refusal,
                "left": call.closed_at is not None,
            }
            for call in self.calls
            if mark in json.dumps(call.body, ensure_ascii=False)
        ]
        return respond(peer, 200, told)


def protocol_at(path):
    if path.startswith("/model/"):
        return "bedrock"
    if path.endswith("Predict"):
        return "anthropic"
    return PATHS.get(path) or ("gemini" if "Content" in path.rpartition(":")[2] else None)


def error_headers(wire, status, retry_after="", details=None):
    """AWS names the kind of an error there, the others within the body."""
    if wire is bedrock:
        return bedrock.error_headers(retry_after, status, details)
    return wire.error_headers(retry_after)


def ok_headers(call):
    names = {"anthropic": "request-id", "bedrock": "x-amzn-requestid", "cohere": "x-debug-trace-id"}
    return {names.get(call.protocol, "x-request-id"): "req_vendor"}


def respond(peer, status, value, headers=None):
    data = json.dumps(value, ensure_ascii=False).encode()
    fields = {"content-type": "application/json", "content-length": len(data), **(headers or {})}
    lines = [f"HTTP/1.1 {status} {NAMES.get(status, 'Status')}", *(f"{n}: {v}" for n, v in fields.items())]
    peer.send("\r\n".join([*lines, "", ""]).encode() + data)
    return True


def start_stream(peer, call):
    fields = {
        "content-type": getattr(call.wire, "CONTENT_TYPE", "text/event-stream; charset=utf-8"),
        "transfer-encoding": "chunked",
        **ok_headers(call),
    }
    peer.send("\r\n".join(["HTTP/1.1 200 OK", *(f"{n}: {v}" for n, v in fields.items()), "", ""]).encode())


def stream(peer, call, events):
    if call.protocol == "gemini" and call.query.get("alt") != "sse":
        return respond(peer, 200, [json.loads(event[6:]) for event in events], ok_headers(call))
    start_stream(peer, call)
    for event in events:
        peer.chunk(event)
    peer.send(b"0\r\n\r\n")
    return True
