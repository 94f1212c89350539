"""A provider that speaks Cohere's protocol, asked at every door: whole and streamed, with tools, when it fails."""

import json

from kit import provider_cases
from kit.cases import case, check, equal
from kit.cohere_house import done, house, said, sse, talk
from kit.envelopes import DIALECTS, ended_well, events, text
from kit.gateway import outcome
from kit.tool_turns import SCHEMA, TOOLS, whole_text
from kit.upstream import whole
from kit.vendors import cohere as wire


for door_name in DIALECTS:

    @case(f"cohere: {door_name} gets a whole answer, and what Cohere bills is billed")
    def _(door=door_name):
        record = provider_cases.answers_whole(house(), door, "/v2/chat")
        equal(record.get("cache_read"), None, "not among what is billed")

    @case(f"cohere: {door_name} gets a stream of its own dialect")
    def _(door=door_name):
        provider_cases.answers_streamed(house(), door, "text/event-stream")

    @case(f"cohere: {door_name} is told of an error before and within a stream")
    def _(door=door_name):
        provider_cases.tells_errors(house(), door)

    @case(f"cohere: {door_name} calls a tool, whole and streamed, and brings its result back")
    def _(door=door_name):
        call, result = provider_cases.calls_a_tool(house(), door)
        equal((result["role"], result["tool_call_id"]), ("tool", call["tool_calls"][0]["id"]))


@case("cohere: the plan before a call is a thought, and comes back as the plan")
def _():
    h = house()
    for stream in (False, True):
        answer, _ = h.ask("chat", stream=stream, say="play:tools", more=TOOLS["chat"])
        choices = [e["choices"][0] for e in events(answer) if e != "[DONE]" and e["choices"]] if stream else None
        parts = [c["delta"] for c in choices] if stream else [answer.json()["choices"][0]["message"]]
        equal("".join(p.get("reasoning_content") or "" for p in parts), "I shall look.", answer)
        equal("".join(p.get("content") or "" for p in parts), "")
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "play:tools"},
        {"role": "assistant", "reasoning_content": "I shall look.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
    ]
    answer, seen = h.ask("chat", more=TOOLS["chat"] | {"messages": messages})
    equal(answer.status, 200, answer)
    equal(seen.json()["messages"][1]["tool_plan"], "I shall look.")


@case("cohere: thoughts, images, schemas and settings arrive as Cohere has them")
def _():
    h = house()
    for stream in (False, True):
        budget = {"thinking": {"type": "enabled", "budget_tokens": 1500}, "max_tokens": 4000}
        answer, seen = h.ask("messages", stream=stream, say="play:think", more=budget)
        equal((answer.status, seen.json()["thinking"]), (200, {"type": "enabled", "token_budget": 1500}), answer)
        check(b"Six" in answer.body and b"Forty" in answer.body and b"thinking" in answer.body, answer)
    parts = [
        {"type": "text", "text": "Look"},
        {"type": "image_url", "image_url": {"url": "https://host/cat.png", "detail": "low"}},
    ]
    answer, seen = h.ask("chat", more={"messages": [{"role": "user", "content": parts}]}, model="odd", play=talk())
    equal((answer.status, seen.json()["messages"][0]["content"]), (200, parts), answer)
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}
    settings = {"max_tokens": 9, "temperature": 0.5, "top_p": 1, "stop": ["x"], "seed": 7, "response_format": form}
    _, seen = h.ask("chat", more=settings | TOOLS["chat"] | {"tool_choice": "required"})
    asked = seen.json()
    equal((asked["max_tokens"], asked["temperature"], asked["p"], asked["seed"]), (9, 0.5, 0.99, 7))
    equal((asked["stop_sequences"], asked["tool_choice"]), (["x"], "REQUIRED"))
    equal(asked["response_format"], {"type": "json_object", "json_schema": SCHEMA})


REPORT = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}, "sunny": {"type": "boolean"}},
}


@case("cohere: an answer by a schema comes back to the doors that ask for one")
def _():
    h = house()
    report = {"city": "Paris", "degrees": 21, "sunny": True}
    form = {"name": "report", "schema": REPORT}
    chat = {"response_format": {"type": "json_schema", "json_schema": form}}
    responses = {"text": {"format": {"type": "json_schema", **form}}}
    gemini = {"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": REPORT}}
    messages = {"output_config": {"format": {"type": "json_schema", "schema": REPORT}}}
    for door, more in (("chat", chat), ("responses", responses), ("gemini", gemini), ("messages", messages)):
        answer, _ = h.ask(door, say="play:report", more=more)
        equal(answer.status, 200, answer)
        equal(json.loads(whole_text(door, answer.json())), report, door)


@case("cohere: what it cannot say is refused by the client's name for it, and nobody is asked")
def _():
    h = house()
    later = [{"role": "user", "content": "Hi"}, {"role": "system", "content": "Stop."}]
    told = {"n": 2, "presence_penalty": 1.5, "messages": later}
    for field, value in told.items():
        answer, seen = h.ask("chat", more={field: value})
        param = "messages[1]" if field == "messages" else field
        equal((answer.status, answer.error["param"], seen), (400, param, None), answer)
        check("cohere" in answer.error["message"], answer)
    answer, seen = h.ask("chat", more={"user": "u"})
    equal((answer.status, answer.field("x-lowart-dropped")), (200, "user"))


@case("cohere: a stream may be cut anywhere, and say what nobody knows; without a key nothing is sent")
def _():
    stream = b": hi\n\n" + wire.event("debug", prompt="x") + said("Hello") + said(", wor").replace(b"\n", b"\r\n")
    stream += wire.event("novelty", index="x", delta=[]) + said("ld!") + done()
    provider_cases.reads_it_however_cut(house(), stream, sse)


@case("cohere: what fails before its content is asked of the next target")
def _():
    plays = (
        sse(done("ERROR")),
        sse(done("TIMEOUT")),
        sse(b'data: {"message":"internal server error"}\n\n'),
        sse(said("")),
        sse(said("Hello").rstrip()),
        sse(b"data: [DONE]\n\n"),
        sse(b"<html>"),
        whole(b'{"message":"no"}'),
        whole(b'{"choices":[]}'),
        talk(finish_reason="ERROR"),
        whole(b'{"message":"model not found"}', b"404 Not Found"),
        whole(b'{"message":"cancelled"}', b"499 Cancelled"),
        whole(b'{"message":"busy"}', b"503 Busy"),
    )
    provider_cases.asks_the_next_after(house(), plays)


@case("cohere: refusals keep their meaning: whose fault it is, and when to come back")
def _():
    h = house()
    refusals = {
        b"400 Bad": 400,
        b"401 No": 502,
        b"404 None": 404,
        b"422 Odd": 422,
        b"498 Listed": 498,
        b"499 Left": 502,
        b"429 Many": 429,
    }
    for i, (status, told) in enumerate(refusals.items()):
        play = whole(b'{"id":"x","message":"says cohere"}', status, b"retry-after: 7\r\n")
        answer, _ = h.ask("chat", model=f"refusing{i}", play=play)
        equal(answer.status, told, (status, answer))
        check("says cohere" in answer.error["message"] or told in (502, 429), answer)
    equal(answer.field("retry-after"), "7", answer)


@case("cohere: an event beyond the limit fails; what was said is billed as partial")
def _():
    endless = [b"data: ", *[b"x" * (1 << 20)] * 17]
    provider_cases.fails_beyond_the_limit(house(), sse, said("Hello"), endless)


@case("cohere: what is not billed is counted by its tokens, the cached ones apart; what is not told is counted here")
def _():
    h = house()
    name, key = h.own_key()
    usage = {"tokens": {"input_tokens": 20, "output_tokens": 4}, "cached_tokens": 8}
    answer, _ = h.ask("chat", model="odd", play=talk(usage=usage), key=key)
    equal(answer.json()["usage"]["prompt_tokens"], 20, answer)
    (record,) = h.gateway.records(name)
    equal((record["input"], record["cache_read"], record["output"]), (12, 8, 4))
    equal(outcome(record), ("complete", "reported"))
    name, key = h.own_key()
    h.ask("chat", model="odd", play=talk(), key=key)
    (record,) = h.gateway.records(name)
    check(record["input"] > 0 and record["output"] > 0 and outcome(record)[1] != "reported", record)


@case("cohere: citations become annotations, log probabilities those of tokens")
def _():
    h = house()
    source = {"type": "document", "id": "d", "document": {"url": "https://host/a", "title": "A", "text": "t"}}
    citation = {"start": 0, "end": 5, "text": "Hello", "sources": [source], "type": "TEXT_CONTENT"}
    message = {"role": "assistant", "content": [{"type": "text", "text": "Hello"}], "citations": [citation]}
    probability = {"token_ids": [1], "text": "Hello", "logprobs": [-0.5]}
    answer, _ = h.ask("chat", model="odd", play=talk(message, logprobs=[probability]), more={"logprobs": True})
    choice = answer.json()["choices"][0]
    (annotation,) = choice["message"]["annotations"]
    equal((annotation["url_citation"]["url"], annotation["url_citation"]["end_index"]), ("https://host/a", 5), answer)
    equal(choice["logprobs"]["content"][0]["logprob"], -0.5)
    stream = sse(said("Hello"), wire.added("citation-start", {"citations": citation}, index=0), done())
    for door in DIALECTS:
        answer, _ = h.ask(door, model="odd", stream=True, play=stream)
        found = events(answer)
        equal((text(door, found), ended_well(door, found)), ("Hello", True), answer)
        equal(b"https://host/a" in answer.body, door != "messages", (door, answer.body))
