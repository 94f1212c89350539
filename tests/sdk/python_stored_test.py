"""Responses that are kept: what users of the PyPI package openai do with them, before upstreams of each protocol."""

import openai

from kit.cases import case, check, equal
from setting import UPSTREAMS, setting

TOOL = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    "strict": False,
}


def responses(key=None):
    s = setting()
    return openai.OpenAI(base_url=s.url, api_key=key or s.gateway.key, max_retries=0, timeout=20).responses


def raises(kind, call, **fields):
    try:
        call()
    except kind as error:
        for name, value in fields.items():
            equal(getattr(error, name), value, f"{name} of {error}")
        return
    raise AssertionError(f"no {kind.__name__} was raised")


def turn(ai, streamed, **body):
    """The finished response of one turn."""
    if not streamed:
        return ai.create(**body)
    with ai.stream(**body) as stream:
        return stream.get_final_response()


for upstream in UPSTREAMS:
    for stream in (False, True):
        how = "streamed" if stream else "whole"

        @case(f"openai: responses, three turns by previous_response_id before {upstream}, {how}")
        def _(model=f"vendor-{upstream}", streamed=stream):
            ai = responses()
            first = turn(ai, streamed, model=model, input="Hello")
            second = turn(ai, streamed, model=model, input="Again", previous_response_id=first.id)
            third = turn(ai, streamed, model=model, input="play:settings", previous_response_id=second.id)
            check(third.output_text.count('"user"') == 3, third.output_text)
            kept = ai.retrieve(third.id)
            equal((kept.id, kept.output_text, kept.status), (third.id, third.output_text, "completed"))

        @case(f"openai: responses, the output of a tool as a turn of its own before {upstream}, {how}")
        def _(model=f"vendor-{upstream}", streamed=stream):
            ai, asked = responses(), {"model": model, "tools": [TOOL]}
            first = turn(ai, streamed, input="play:tools", **asked)
            (call,) = [item for item in first.output if item.type == "function_call"]
            told = [{"type": "function_call_output", "call_id": call.call_id, "output": "21 degrees"}]
            second = turn(ai, streamed, input=told, previous_response_id=first.id, **asked)
            equal(second.output_text, "The tools say: 21 degrees")


@case("openai: responses, retrieve and delete, and neither for another key")
def _():
    ai, others = responses(), responses(setting().gateway.keys["shown"]["key"])
    made = ai.create(model="vendor-anthropic", input="Hello")
    check(made.store is True, made)
    raises(openai.NotFoundError, lambda: others.retrieve(made.id), status_code=404)
    raises(openai.NotFoundError, lambda: others.delete(made.id), status_code=404)
    equal(ai.retrieve(made.id).to_json(), made.to_json())
    ai.delete(made.id)
    raises(openai.NotFoundError, lambda: ai.retrieve(made.id), status_code=404)


@case("openai: responses, store=False, another key's and unknown ones are previous_response_not_found")
def _():
    ai, others = responses(), responses(setting().gateway.keys["shown"]["key"])
    asked = {"model": "vendor-anthropic", "input": "Hello"}
    made, forgotten = ai.create(**asked), ai.create(store=False, **asked)
    check(forgotten.store is False, forgotten)
    for who, response_id in ((others, made.id), (ai, forgotten.id), (ai, "resp_unknown")):
        raises(
            openai.BadRequestError,
            lambda who=who, before=response_id: who.create(previous_response_id=before, **asked),
            code="previous_response_not_found",
            param="previous_response_id",
        )
