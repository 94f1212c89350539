"""Each Python SDK at each place: the same questions, the same answers. A place is a model behind some URL."""

import itertools
import json

from kit.cases import case, check, equal, eventually
from python_clients import CLIENTS
from python_clients.common import Question, Report, get_time, get_weather
from setting import setting

# A red PNG of 3 by 2.
IMAGE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000030000000208020000001216f14d000000104944415478da63f8"
    "cfc000410c70160041d205fb6ff116c70000000049454e44ae426082"
)
numbers = itertools.count(1)
entries = []


def each(sentence, only=lambda client, place: True):
    """A case for each client at each place where it makes sense."""

    def register(function):
        entries.append((sentence, function, only))
        return function

    return register


def both(sentence, only=lambda client, place: True):
    """The same, whole and streamed."""

    def register(function):
        for way in ("whole", "streamed"):
            each(f"{way}: {sentence}", only)(lambda client, place, way=way: function(client, place, way))
        return function

    return register


def ask(play, **more):
    mark = f"py{next(numbers)}"
    return Question(f"play:{play} {mark} please", **more), mark


def answer(client, way, play, **more):
    return getattr(client, way)(ask(play, **more)[0])


@both("text, finish reason, usage")
def _(client, place, way):
    got = answer(client, way, "hello")
    equal((got.text, got.finish, got.usage, got.calls), ("Hello, world!", "stop", (11, 0, 5), []))
    check(way == "whole" or got.pieces > 1, f"came in {got.pieces} piece")


# The stream helper of chat completions raises where an answer was cut off.
@both("cut off by its length")
def _(client, place, way):
    if client.dialect == "openai" and way == "streamed":
        equal(raised(client, lambda: answer(client, way, "length")).name, "LengthFinishReasonError")
        return
    got = answer(client, way, "length", max_tokens=2000)
    equal((got.text, got.finish), ("Hello, wor", "length"))


@both("usage with a cache")
def _(client, place, way):
    cached = 0 if client.dialect == "ollama" else 100  # which has no word for it
    equal(answer(client, way, "cached").usage, (131, cached, 5))


@both("two calls side by side, one without arguments")
def _(client, place, way):
    got = answer(client, way, "tools", tools=(get_weather, get_time))
    wanted = [("get_weather", {"city": "Paris"}), ("get_time", {})]
    equal((got.text, got.finish, got.calls), ("I shall look.", "tools", wanted))


@both("a loop of tools to its end")
def _(client, place, way):
    text = client.loop(ask("tools")[0], (get_weather, get_time), way == "streamed")
    equal(text, "The tools say: sunny in Paris and noon")


@both("thinking is shown")
def _(client, place, way):
    got = answer(client, way, "think", think=True)
    equal((got.text, got.usage[2]), ("Forty-two.", 12))
    # The stream helper of chat completions gathers what it knows only.
    if not (client.dialect == "openai" and way == "streamed"):
        equal(got.thinking, "Six times seven.")


@both(
    "the proof of a thought comes back with the tool's result",
    lambda client, place: not {"openai", "ollama"} & {client.dialect, place["protocol"]},
)
def _(client, place, way):
    text = client.loop(ask("think_tools", think=True)[0], (get_weather,), way == "streamed")
    equal(text, "The tools say: sunny in Oslo; the proof is kept")


@both("structured output, parsed")
def _(client, place, way):
    report = client.report(ask("report")[0], Report, way == "streamed")
    equal(report, Report(city="Paris", degrees=21, sunny=True))


@both("an image")
def _(client, place, way):
    equal(answer(client, way, "see", image=IMAGE).text, f"I see image/png 3x2, {len(IMAGE)} bytes")


@each("the system prompt and the bound arrive")
def _(client, place):
    told = json.loads(answer(client, "whole", "settings", system="Be brief.", max_tokens=1234).text)
    equal((told["system"], told["max_tokens"]), ("Be brief.", 1234))


def raised(client, function):
    try:
        value = function()
    except Exception as error:
        return client.fault(error)
    raise AssertionError(f"nothing raised, got {value}")


@each("each error has its class and its status")
def _(client, place):
    own = {"gemini": "ClientError", "ollama": "ResponseError"}.get(client.dialect)  # one class for all
    busy = f"{place['model']}-busy{list(CLIENTS.values()).index(type(client)) + 8}"
    for status, name, model, way in (
        (400, "BadRequestError", None, "whole"),
        (400, "BadRequestError", None, "streamed"),
        (404, "NotFoundError", None, "whole"),
        (429, "RateLimitError", busy, "streamed"),
    ):
        fault = raised(client, lambda: answer(client, way, f"status{status}", model=model))
        equal((fault.typed, fault.name, fault.status), (True, own or name, status))
        if not own:
            check((fault.request_id or "").startswith("req_"), fault)
            check(status != 429 or fault.retry_after == "2", fault)
    for status in (500, 529):
        fault = raised(client, lambda: answer(client, "whole", f"status{status}"))
        check(fault.typed and fault.status >= 500, fault)


@each("a wrong key: 401")
def _(client, place):
    stranger = type(client)(place, key="sk-wrong-wrong")
    fault = raised(client, lambda: answer(stranger, "whole", "hello"))
    equal((fault.typed, fault.status), (True, 401))


@each("an unknown model: 404", lambda client, place: not place.get("direct"))
def _(client, place):
    equal(raised(client, lambda: answer(client, "whole", "hello", model="nothing-of-the-kind")).status, 404)


@each("a stream that breaks raises")
def _(client, place):
    for play in ("error_event", "cut"):
        pieces = []
        fault = raised(client, lambda: pieces.extend(client.read(ask(play)[0])))
        check("Hello, wor".startswith("".join(pieces)), pieces, fault)


@each("a client that leaves in the middle ends the call upstream")
def _(client, place):
    question, mark = ask("endless")
    pieces = client.read(question)
    for _ in range(4):
        next(pieces)
    pieces.close()
    call = next(c for c in setting().vendor.calls if mark in json.dumps(c.body))
    eventually(lambda: call.closed_at, 2, "the call upstream ended")


def register_all():
    """aimock has its say in the Node matrix."""
    for place in setting().places():
        if place.get("aimock"):
            continue
        for name, kind in CLIENTS.items():
            if kind.dialect not in place["dialects"]:
                continue
            client = kind(place)
            for sentence, function, only in entries:
                if not only(client, place):
                    continue

                def run(function=function, client=client, place=place):
                    function(client, place)

                run.__module__ = "python_matrix_test"
                case(f"{name} -> {place['name']}: {sentence}")(run)
