"""A gateway in front of Cohere: of a vendor that is strict, and of an upstream that plays what a case wants."""

import json

from .envelopes import request
from .gateway import Gateway, new_id, new_key, provider, shared, target
from .upstream import Upstream, whole
from .vendors import VENDOR_KEY, Vendor
from .vendors import cohere as wire


class House:
    def __init__(self):
        self.vendor, self.up = Vendor(), Upstream()
        url = f"http://127.0.0.1:{self.up.port}"
        calm = {"breaker": {"failures": 1000, "failure_percent": 0}}
        more = {"type": "cohere", "api_key": VENDOR_KEY, **calm}
        providers = {
            "cohere": provider(self.vendor.root, **more),
            "odd": provider(url, **more),
            "queries": provider(url, input_type="search_query", **more),
            "keyless": provider(url, **more | {"api_key": ""}),
            "second": provider(self.vendor.root, **more),
        }
        providers |= {f"refusing{i}": provider(url, **more) for i in range(8)}  # a refused key opens the breaker
        models = {name: target(name, "command-a") for name in providers}
        models["chain"] = {
            "targets": [{"provider": "odd", "model": "command-a"}, {"provider": "second", "model": "command-a"}]
        }
        keys = {f"k{i}": {"key": new_key()} for i in range(24)}
        self.gateway = Gateway({"providers": providers, "models": models}, keys=keys)
        self.spare = iter(keys)

    def own_key(self):
        name = next(self.spare)
        return name, self.gateway.keys[name]["key"]

    def ask(self, door, model="cohere", stream=False, say="Hi", play=None, more=None, **options):
        """(answer, the request upstream) of one call."""
        path, body = request(door, model, stream)
        body = json.loads(json.dumps(body).replace('"Hi"', json.dumps(say))) | (more or {})
        return self.post(path, body, play, **options)

    def post(self, path, body, play=None, **options):
        request_id = new_id()
        if play:
            self.up.script(request_id, play)
        answer = self.gateway.ask(body, path, request_id=request_id, **options)
        at = self.up if play else self.vendor
        return answer, next(iter(at.requests(request_id)), None)


def house():
    return shared("cohere", House)


def sse(*pieces):
    """A stream that the upstream ends as HTTP ends it."""

    def play(peer, _):
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        for piece in pieces:
            peer.chunk(piece)
        peer.send(b"0\r\n\r\n")
        return True

    return play


def said(piece):
    return wire.added("content-delta", {"content": {"text": piece}}, index=0)


def done(reason="COMPLETE", **usage):
    usage = usage or {"billed_units": {"input_tokens": 3, "output_tokens": 2}}
    return wire.event("message-end", delta={"finish_reason": reason, "usage": usage})


def talk(message=None, **more):
    """A whole reply."""
    message = message or {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]}
    value = {"id": "c", "message": message, "finish_reason": "COMPLETE", **more}
    return whole(json.dumps(value).encode())
