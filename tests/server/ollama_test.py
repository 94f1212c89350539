"""A provider that speaks Ollama's protocol, asked at every door: whole and streamed, with tools, when it fails."""

import base64
import json

from kit import provider_cases
from kit.cases import case, check, equal
from kit.envelopes import DIALECTS
from kit.gateway import shared
from kit.provider_house import ProviderHouse
from kit.tool_turns import SCHEMA, TOOLS
from kit.upstream import framed, whole

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x03").decode()
lines = framed("application/x-ndjson")


def house():
    return shared("ollama", lambda: ProviderHouse("ollama", "llama3", strict={"wide": {"num_ctx": 32768}}))


for door_name in DIALECTS:

    @case(f"ollama: {door_name} gets a whole answer, and its usage is billed")
    def _(door=door_name):
        provider_cases.answers_whole(house(), door, "/api/chat")

    @case(f"ollama: {door_name} gets a stream of its own dialect")
    def _(door=door_name):
        provider_cases.answers_streamed(house(), door, "application/x-ndjson")

    @case(f"ollama: {door_name} is told of an error before and within a stream")
    def _(door=door_name):
        provider_cases.tells_errors(house(), door)

    @case(f"ollama: {door_name} calls a tool, whole and streamed, and brings its result back")
    def _(door=door_name):
        _, result = provider_cases.calls_a_tool(house(), door)
        equal((result["role"], result["tool_name"]), ("tool", "weather"))


@case("ollama: thoughts, images, schemas and settings arrive as Ollama has them")
def _():
    h = house()
    answer, _ = h.ask("chat", say="play:think", more={"reasoning_effort": "high"})
    message = answer.json()["choices"][0]["message"]
    equal((message["reasoning_content"], message["content"]), ("Six times seven.", "Forty-two."), answer)
    parts = [
        {"type": "text", "text": "play:see"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
    ]
    answer, seen = h.ask("chat", more={"messages": [{"role": "user", "content": parts}]})
    equal((answer.status, seen.json()["messages"][0]["images"]), (200, [PNG]), answer)
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}
    settings = {"max_tokens": 9, "temperature": 0.5, "stop": ["x"], "seed": 7, "response_format": form}
    _, seen = h.ask("chat", model="wide", more=settings)
    asked = seen.json()
    equal(asked["options"], {"num_ctx": 32768, "num_predict": 9, "temperature": 0.5, "seed": 7, "stop": ["x"]})
    equal(asked["format"], SCHEMA)


@case("ollama: what it cannot say is refused by the client's name for it, and nobody is asked")
def _():
    h = house()
    tools = TOOLS["chat"] | {"tool_choice": "required"}
    for more, param in ((tools, "tool_choice"), ({"n": 2}, "n")):
        answer, seen = h.ask("chat", more=more)
        equal((answer.status, answer.error["param"], seen), (400, param, None), answer)
        check("ollama" in answer.error["message"], answer)
    answer, seen = h.ask("chat", more={"user": "u"})
    equal((answer.status, answer.field("x-lowart-dropped")), (200, "user"))


def said(content, **more):
    value = {"model": "llama3", "message": {"role": "assistant", "content": content}, "done": False, **more}
    return json.dumps(value).encode() + b"\n"


DONE = said("", done=True, done_reason="stop", prompt_eval_count=3, eval_count=2)


@case("ollama: lines may be cut anywhere, and end in CRLF; without a key nothing is sent")
def _():
    stream = b"\r\n" + said("Hello") + said(", wor").replace(b"\n", b"\r\n") + said("ld!") + DONE
    provider_cases.reads_it_however_cut(house(), stream, lines)


@case("ollama: what fails before its content is asked of the next target")
def _():
    plays = (
        lines(b'{"error":"out of memory"}\n'),
        lines(said("")),
        lines(said("Hello").rstrip()),
        lines(b"<html>\n"),
        lines(b"data: {}\n\n"),
        whole(b'{"error":"out of memory"}'),
        whole(b'{"error":"model \'llama3\' not found"}', b"404 Not Found"),
        whole(b'{"error":"server busy"}', b"503 Busy"),
        whole(b'{"choices":[]}'),
    )
    provider_cases.asks_the_next_after(house(), plays)


@case("ollama: a line beyond the limit fails, before and after content; what was said is billed as partial")
def _():
    provider_cases.fails_beyond_the_limit(house(), lines, said("Hello"), [b" " * (1 << 20)] * 17)


@case("ollama: a prompt that the server had in memory is not told, and counted here")
def _():
    h = house()
    name, key = h.own_key()
    reply = json.loads(said("Hi", done=True, done_reason="stop", eval_count=2))
    answer, _ = h.ask("chat", model="odd", play=whole(json.dumps(reply).encode()), key=key)
    equal(answer.status, 200, answer)
    (record,) = h.gateway.records(name)
    check(record["input"] > 0 and record["output"] == 2, record)


@case("ollama: embeddings for clients of OpenAI and of Gemini")
def _():
    reply = whole(b'{"model":"llama3","embeddings":[[0.5,-1],[0.25,3e-9]],"prompt_eval_count":8}')
    sent = {"model": "llama3", "input": ["a", "b"], "dimensions": 2}
    provider_cases.embeds(house(), "/api/embed", reply, sent)


@case("ollama: its models are listed where a pattern leads there")
def _():
    play = whole(b'{"models":[{"name":"llama3:latest","model":"llama3:latest"},{"name":"qwen3:8b"}]}')
    asked = provider_cases.lists_models("ollama", play, ["llama3:latest", "qwen3:8b"])
    check(asked[0].startswith("GET /api/tags "), asked)


@case("ollama: a wrong value is told with its line when the file is read")
def _():
    provider_cases.validates("ollama", right="", wrong=", num_ctx: many", word="num_ctx")
