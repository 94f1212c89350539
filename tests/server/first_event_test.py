"""An error inside the first event of a stream: a failed attempt like any other, whatever the provider's language."""

from kit.cases import case, check, equal
from kit.gateway import Gateway, chat, new_id, provider
from kit.upstream import STREAM_HEAD, Upstream, sends

ERRORS = {
    "openai": b'data: {"error":{"message":"busy","type":"server_error","code":"oops"}}\n\n',
    "openai_responses": b'event: error\ndata: {"type":"error","code":"server_error","message":"busy","param":null,"sequence_number":0}\n\n',
    "anthropic": b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"busy"}}\n\n',
    "gemini": b'data: {"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}\n\n',
    "ollama": b'{"error":"busy"}\n',
    "cohere": b'event: message-end\ndata: {"type":"message-end","delta":{"finish_reason":"ERROR","error":"busy"}}\n\n',
}


@case("first event: an error in it is tried again, counted by the breaker and the next target's turn")
def _():
    up, spare = Upstream(), Upstream()
    providers = {
        kind: provider(up.url, type=kind, retry={"attempts": 2}, breaker={"failures": 2, "rest": "1h"}) for kind in ERRORS
    }
    models = {
        kind: {"targets": [{"provider": kind, "model": "up-model"}, {"provider": "spare", "model": "up-model"}]}
        for kind in ERRORS
    }
    with Gateway({"providers": {**providers, "spare": provider(spare.url)}, "models": models}) as gateway:
        for kind, error in ERRORS.items():
            request_id = new_id()
            head = STREAM_HEAD.replace(b"text/event-stream; charset=utf-8", b"application/x-ndjson")
            head = head if kind == "ollama" else STREAM_HEAD
            up.script(request_id, sends(head, b"%x\r\n%s\r\n0\r\n\r\n" % (len(error), error)))
            answer = gateway.ask(chat(kind, stream=True), request_id=request_id)
            equal((answer.status, answer.text()), (200, "Hello, world!"), kind)
            equal(answer.field("x-lowart-provider"), "spare", kind)
            equal(len(up.requests(request_id)), 2, kind)
            equal(gateway.log_of(request_id)["attempts"], 3, kind)
            metrics = gateway.metrics()
            equal(metrics.sum("gateway_breaker_opened_total", provider=kind, model="up-model"), 1, kind)
            check(metrics.sum("gateway_upstream_attempts_total", provider=kind, outcome="upstream_failed") == 2, kind)
            again = new_id()
            equal(gateway.ask(chat(kind, stream=True), request_id=again).status, 200)
            equal(up.requests(again), [], "its breaker is open")
