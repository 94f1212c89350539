"""The four clocks of a call, each with its own code, and on time."""

import time

from kit.cases import case, check, equal
from kit.gateway import chat, new_id
from kit.upstream import STREAM_HEAD, delta, endless, sends, stream, stream_events, whole_head
from kit.world import world


def rings(model, play, code, seconds, streamed, begun=False):
    w = world()
    request_id = new_id()
    if play:
        w.up.script(request_id, play)
    start = time.monotonic()
    answer = w.gateway.ask(chat(model, stream=streamed), request_id=request_id)
    took = time.monotonic() - start
    if begun:
        equal(answer.status, 200)
        error = answer.events()[-1]["error"]
    else:
        equal(answer.status, 504, answer)
        equal(answer.field("x-should-retry"), "false")
        error = answer.error
    equal(error["code"], code, error)
    # The clock's tick is 50 ms; the rest is for a busy machine.
    check(seconds - 0.01 <= took < seconds + 0.6, f"took {took:.3f} s, not {seconds} s")
    return answer


@case("connect: a handshake that nobody answers", alone=True)
def _():
    for streamed in (True, False):
        rings("deaf", None, "upstream_connect_timeout", 0.4, streamed)


@case("first token: silence, a head only, or a role without content", alone=True)
def _():
    role = delta("", role="assistant")
    for play in (
        sends(then="silence"),
        sends(STREAM_HEAD, then="silence"),
        sends(STREAM_HEAD, b"%x\r\n%s\r\n" % (len(role), role), then="silence"),
    ):
        rings("up", play, "upstream_first_token_timeout", 0.4, True)
    rings("up", sends(whole_head(500), b"{", then="silence"), "upstream_first_token_timeout", 0.4, False)


@case("between tokens: a stream that falls silent", alone=True)
def _():
    events = delta("", role="assistant") + delta("Hello")
    answer = rings(
        "up",
        sends(STREAM_HEAD, b"%x\r\n%s\r\n" % (len(events), events), then="silence"),
        "upstream_between_tokens_timeout",
        0.4,
        True,
        True,
    )
    equal(answer.text(), "Hello")
    check("[DONE]" not in answer.events(), answer.events())


@case("whole: a stream that goes on and on, and a reply that does not come", alone=True)
def _():
    rings("brief", endless(), "upstream_timeout", 0.6, True, True)
    rings("brief", sends(then="silence"), "upstream_timeout", 0.6, False)


@case("a slow stream that keeps coming rings no clock")
def _():
    w = world()
    request_id = new_id()
    w.up.script(request_id, stream(stream_events(), pause=0.2))
    answer = w.gateway.ask(chat("up", stream=True), request_id=request_id)
    equal((answer.status, answer.text(), answer.events()[-1]), (200, "Hello, world!", "[DONE]"))
