"""A gateway in front of Cohere, and what an upstream plays that speaks as Cohere does."""

import json

from .gateway import shared
from .provider_house import ProviderHouse
from .upstream import framed, whole
from .vendors import cohere as wire

sse = framed("text/event-stream")


def house():
    refusing = {f"refusing{i}": {} for i in range(8)}  # a refused key opens the breaker
    scripted = {"queries": {"input_type": "search_query"}, **refusing}
    return shared("cohere", lambda: ProviderHouse("cohere", "command-a", scripted=scripted))


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
