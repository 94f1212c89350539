"""A provider that speaks Ollama's protocol, asked at every door: whole and streamed, with tools, when it fails."""

import base64
import json

from kit.cases import case, check, equal
from kit.envelopes import DIALECTS, ended_well, events, last_words, request, text, words
from kit.gateway import Gateway, new_id, new_key, outcome, provider, run_on, shared, target
from kit.tool_turns import ENDS, SCHEMA, TOOLS, call_in, whole_text, with_result
from kit.upstream import Upstream, whole
from kit.vendors import VENDOR_KEY, Vendor

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x03").decode()


class House:
    def __init__(self):
        self.vendor, self.up = Vendor(), Upstream()
        more = {"type": "ollama", "api_key": VENDOR_KEY}
        providers = {
            "ollama": provider(self.vendor.root, **more),
            "wide": provider(self.vendor.root, num_ctx=32768, **more),
            "odd": provider(f"http://127.0.0.1:{self.up.port}", **more),
            "keyless": provider(f"http://127.0.0.1:{self.up.port}", type="ollama", api_key=""),
            "second": provider(self.vendor.root, **more),
        }
        models = {name: target(name, "llama3") for name in providers}
        models["chain"] = {
            "targets": [{"provider": "odd", "model": "llama3"}, {"provider": "second", "model": "llama3"}]
        }
        keys = {f"k{i}": {"key": new_key()} for i in range(16)}
        self.gateway = Gateway({"providers": providers, "models": models}, keys=keys)
        self.spare = iter(keys)

    def own_key(self):
        name = next(self.spare)
        return name, self.gateway.keys[name]["key"]

    def ask(self, door, model="ollama", stream=False, say="Hi", play=None, more=None, **options):
        """(answer, the request upstream) of one call."""
        path, body = request(door, model, stream)
        body = json.loads(json.dumps(body).replace('"Hi"', json.dumps(say))) | (more or {})
        request_id = new_id()
        if play:
            self.up.script(request_id, play)
        answer = self.gateway.ask(body, path, request_id=request_id, **options)
        at = self.up if play else self.vendor
        return answer, next(iter(at.requests(request_id)), None)


def house():
    return shared("ollama", House)


for door_name in DIALECTS:

    @case(f"ollama: {door_name} gets a whole answer, and its usage is billed")
    def _(door=door_name):
        h = house()
        name, key = h.own_key()
        answer, seen = h.ask(door, key=key)
        equal((answer.status, whole_text(door, answer.json())), (200, "Hello, world!"), answer)
        check(seen.line.startswith("POST /api/chat "), seen.line)
        equal((seen.json()["model"], seen.json()["stream"]), ("llama3", False))
        equal(seen.field("authorization"), f"Bearer {VENDOR_KEY}")
        (record,) = h.gateway.records(name)
        equal(outcome(record), ("complete", "reported"))
        equal((record["input"], record["output"], record["upstream_model"]), (11, 5, "llama3"))

    @case(f"ollama: {door_name} gets a stream of its own dialect")
    def _(door=door_name):
        h = house()
        name, key = h.own_key()
        answer, seen = h.ask(door, stream=True, key=key)
        found = events(answer)
        equal((answer.status, text(door, found), ended_well(door, found)), (200, "Hello, world!", True), answer)
        equal((seen.json()["stream"], seen.field("accept")), (True, "application/x-ndjson"))
        (record,) = h.gateway.records(name)
        equal((outcome(record), record["input"], record["output"]), (("complete", "reported"), 11, 5))

    @case(f"ollama: {door_name} is told of an error before and within a stream")
    def _(door=door_name):
        h = house()
        answer, _ = h.ask(door, stream=True, say="play:status404")
        equal(answer.status, 404, answer)
        check("says the vendor" in answer.json()["error"]["message"], answer)
        answer, _ = h.ask(door, say="play:status500")
        equal(answer.status, 502, answer)
        words(door, answer.json())
        for play in ("error_event", "cut"):
            answer, _ = h.ask(door, stream=True, say=f"play:{play}")
            found = events(answer)
            equal((answer.status, text(door, found)), (200, "Hello, wor"), answer)
            check(not ended_well(door, found), "it looks complete", found)
            last_words(door, found[-1], 502)


for door_name in DIALECTS:

    @case(f"ollama: {door_name} calls a tool, whole and streamed, and brings its result back")
    def _(door=door_name):
        h = house()
        answer, seen = h.ask(door, say="play:tools", more=TOOLS[door])
        equal(answer.status, 200, answer)
        call_id, *call = call_in(door, answer.json())
        equal(call, ["weather", {"city": "Paris"}, ENDS[door]])
        equal(seen.json()["tools"][0]["function"]["parameters"], SCHEMA)
        streamed, _ = h.ask(door, stream=True, say="play:tools", more=TOOLS[door])
        check(ended_well(door, events(streamed)) and b"weather" in streamed.body and b"Paris" in streamed.body, streamed)
        answer, seen = h.ask(door, more=TOOLS[door] | with_result(door, call_id))
        equal(answer.status, 200, answer)
        equal(whole_text(door, answer.json()), "The tools say: sunny")
        result = seen.json()["messages"][-1]
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


def lines(*pieces):
    """Lines of a stream that the upstream ends as HTTP ends it."""

    def play(peer, _):
        peer.send(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        for piece in pieces:
            peer.chunk(piece)
        peer.send(b"0\r\n\r\n")
        return True

    return play


def said(content, **more):
    value = {"model": "llama3", "message": {"role": "assistant", "content": content}, "done": False, **more}
    return json.dumps(value).encode() + b"\n"


DONE = said("", done=True, done_reason="stop", prompt_eval_count=3, eval_count=2)


@case("ollama: lines may be cut anywhere, and end in CRLF; without a key nothing is sent")
def _():
    h = house()
    stream = b"\r\n" + said("Hello") + said(", wor").replace(b"\n", b"\r\n") + said("ld!") + DONE
    for size in (1, 7, 100):
        play = lines(*(stream[at : at + size] for at in range(0, len(stream), size)))
        answer, seen = h.ask("chat", model="keyless", stream=True, play=play)
        equal((answer.text(), seen.field("authorization")), ("Hello, world!", None), answer)


@case("ollama: what fails before its content is asked of the next target")
def _():
    h = house()
    for play in (
        lines(b'{"error":"out of memory"}\n'),
        lines(said("")),
        lines(said("Hello").rstrip()),
        lines(b"<html>\n"),
        lines(b"data: {}\n\n"),
        whole(b'{"error":"out of memory"}'),
        whole(b'{"error":"model \'llama3\' not found"}', b"404 Not Found"),
        whole(b'{"error":"server busy"}', b"503 Busy"),
        whole(b'{"choices":[]}'),
    ):
        answer, _ = h.ask("chat", model="chain", stream=True, play=play)
        equal((answer.status, answer.text()), (200, "Hello, world!"), answer)
        equal(answer.field("x-lowart-provider"), "second")


@case("ollama: a line beyond the limit fails, before and after content; what was said is billed as partial")
def _():
    h = house()
    megabyte = b" " * (1 << 20)
    answer, _ = h.ask("chat", model="odd", stream=True, play=lines(*[megabyte] * 17))
    equal(answer.status, 502, answer)
    check("size limit" in answer.error["message"], answer)
    name, key = h.own_key()
    answer, _ = h.ask("chat", model="odd", stream=True, play=lines(said("Hello"), *[megabyte] * 17), key=key)
    found = events(answer)
    equal((answer.status, text("chat", found)), (200, "Hello"))
    check("size limit" in found[-1]["error"]["message"], found[-1])
    (record,) = h.gateway.records(name)
    equal(outcome(record), ("partial", "partial"))


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
    h = house()
    name, key = h.own_key()
    reply = whole(b'{"model":"llama3","embeddings":[[0.5,-1],[0.25,3e-9]],"prompt_eval_count":8}')
    body = {"model": "odd", "input": ["a", "b"], "dimensions": 2}
    request_id = new_id()
    h.up.script(request_id, reply)
    answer = h.gateway.ask(body, "/v1/embeddings", request_id=request_id, key=key)
    (seen,) = h.up.requests(request_id)
    check(seen.line.startswith("POST /api/embed "), seen.line)
    equal(seen.json(), {"model": "llama3", "input": ["a", "b"], "dimensions": 2})
    equal([d["embedding"] for d in answer.json()["data"]], [[0.5, -1], [0.25, 3e-9]])
    equal(answer.json()["usage"]["prompt_tokens"], 8)
    (record,) = h.gateway.records(name)
    equal((record["operation"], record["input"], outcome(record)), ("embedding", 8, ("complete", "reported")))
    requests = [{"content": {"parts": [{"text": t}]}} for t in "ab"]
    request_id = new_id()
    h.up.script(request_id, reply)
    answer = h.gateway.ask({"requests": requests}, "/v1beta/models/odd:batchEmbedContents", request_id=request_id)
    equal(answer.json(), {"embeddings": [{"values": [0.5, -1]}, {"values": [0.25, 3e-9]}]})


@case("ollama: its models are listed where a pattern leads there")
def _():
    up = Upstream()
    up.default = whole(b'{"models":[{"name":"llama3:latest","model":"llama3:latest"},{"name":"qwen3:8b"}]}')
    providers = {"o": provider(up.url.removesuffix("/v1"), type="ollama")}
    with Gateway({"providers": providers, "models": {"*": {"targets": [{"provider": "o"}]}}}, threads=1) as gateway:
        equal([m["id"] for m in gateway.get("/v1/models").json()["data"]], ["llama3:latest", "qwen3:8b"])
        check(up.seen[None][0].line.startswith("GET /api/tags "), up.seen)


@case("ollama: a wrong value is told with its line when the file is read")
def _():
    base = "providers: {o: {type: ollama%s}}\nmodels: {m: {targets: [{provider: o}]}}\nkeys: [{name: a, key: %s}]\n"
    done, _ = run_on(base % ("", new_key()), "validate")
    equal(done.returncode, 0, done)
    done, _ = run_on(base % (", num_ctx: many", new_key()), "validate")
    check(done.returncode != 0 and "num_ctx" in done.stdout + done.stderr, done)
