"""Responses that are kept: going on from them by id, reading and deleting them, and who may."""

import json
import re

from kit.cases import case, check, eventually, equal
from kit.gateway import Gateway, new_key, provider, shared, target
from kit.vendors import VENDOR_KEY, Vendor

KINDS = {"openai": "/v1", "openai_responses": "/v1", "anthropic": "/v1", "gemini": "/v1beta"}
PATH = "/v1/responses"
COUNT = "/v1/responses/input_tokens"


class House:
    """A gateway before a vendor of each protocol."""

    def __init__(self, **responses):
        self.vendor = Vendor()
        more = {"api_key": VENDOR_KEY}
        providers = {k: provider(self.vendor.root + end, type=k, **more) for k, end in KINDS.items()}
        providers["demo"] = {"type": "demo"}
        models = {kind: target(kind) for kind in KINDS} | {"demo-fast": target("demo", "demo-fast")}
        config = {"providers": providers, "models": models, "responses": responses}
        self.gateway = Gateway(config, keys={"other": {"key": new_key()}})
        self.other = self.gateway.keys["other"]["key"]

    def create(self, model, text, before=None, **body):
        """(the answer, the object of its response as it stood there)"""
        request = {"model": model, "input": text, **body}
        if before:
            request["previous_response_id"] = before
        answer = self.gateway.ask(request, PATH)
        equal(answer.status, 200, answer.body)
        if not body.get("stream"):
            return answer, answer.body
        last = answer.body.decode().rstrip().rsplit("\n", 1)[-1]
        return answer, re.search(r'"response":(\{.*\})\}$', last.replace("\r", ""))[1].encode()

    def at(self, method, response_id, **options):
        return self.gateway.ask(None, f"{PATH}/{response_id}", method, **options)


def house():
    return shared("keeping", lambda: House(store=True))


def id_of(response):
    return json.loads(response)["id"]


def text_of(response):
    parts = [p for i in json.loads(response)["output"] if i["type"] == "message" for p in i["content"]]
    return "".join(p["text"] for p in parts)


for kind_name in KINDS:
    for streams in (False, True):

        @case(f"three turns go on by id before {kind_name}, {'streamed' if streams else 'whole'}")
        def _(kind=kind_name, stream=streams):
            h = house()
            _, first = h.create(kind, "Hello", instructions="Be kind.", stream=stream)
            _, second = h.create(kind, "Again", id_of(first), stream=stream)
            _, third = h.create(kind, "play:settings", id_of(second), stream=stream)
            told = json.loads(text_of(third))
            roles = ["model" if role == "model" else role for role in told["roles"]]
            equal([r == "user" for r in roles], [True, False, True, False, True], roles)
            check(not told["system"], "instructions are of their own turn", told)
            for response in (first, second, third):
                equal(h.at("GET", id_of(response)).body, response, "byte for byte")


@case("a tool that is called is answered in the next turn, before another protocol")
def _():
    h = house()
    tool = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}}
    for kind in KINDS:
        _, first = h.create(kind, "play:tools", tools=[tool])
        (call,) = [i for i in json.loads(first)["output"] if i["type"] == "function_call"]
        told = [{"type": "function_call_output", "call_id": call["call_id"], "output": "21 degrees"}]
        _, second = h.create(kind, told, id_of(first), tools=[tool])
        equal(text_of(second), "The tools say: 21 degrees", kind)


@case("what is deleted, of another key, not to be kept or unknown cannot be read or gone on from")
def _():
    h = house()
    _, kept = h.create("anthropic", "Hello")
    _, deleted = h.create("anthropic", "Hello")
    _, not_kept = h.create("anthropic", "Hello", store=False)
    answer = h.at("DELETE", id_of(deleted))
    equal(answer.json(), {"id": id_of(deleted), "object": "response", "deleted": True})
    keys = {id_of(kept): h.other, id_of(deleted): None, id_of(not_kept): None, "resp_none": None}
    for response_id, key in keys.items():
        equal(h.at("GET", response_id, key=key).status, 404, response_id)
        equal(h.at("DELETE", response_id, key=key).status, 404, response_id)
        for kind in ("anthropic", "openai", "gemini", "demo-fast"):
            body = {"model": kind, "input": "x", "previous_response_id": response_id}
            refused = h.gateway.ask(body, PATH, key=key)
            equal((refused.status, refused.error["code"]), (400, "previous_response_not_found"), refused.body)
            equal(refused.error["param"], "previous_response_id")
    equal([h.at(method, id_of(kept)).status for method in ("GET", "HEAD")], [200, 200])


@case("a body that lies about its length does not confuse the door of one response")
def _():
    h = house()
    _, kept = h.create("openai", "Hello")
    path = f"{PATH}/{id_of(kept)}"
    head = f"GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {h.gateway.key}\r\n".encode()

    def asked(lengths, body):
        connection = h.gateway.connect(timeout=5)
        connection.send(head + lengths + b"\r\n\r\n" + body)
        return connection, connection.answer("GET")

    smuggled = f"DELETE {path} HTTP/1.1\r\nhost: x\r\n".encode() + head.split(b"\r\n")[2] + b"\r\n\r\n"
    for lengths, status in ((b"content-length: 0\r\ncontent-length: 9", 400), (b"content-length: 2147483648", 200)):
        connection, answer = asked(lengths, smuggled)
        equal(answer.status, status, answer.body)
        check(connection.answer("GET") is None, "what follows is never taken for a request")
        connection.close()
    connection, answer = asked(b"content-length: %d" % len(smuggled), smuggled)
    equal(answer.body, kept)
    connection.send(head + b"\r\n")
    equal(connection.answer("GET").body, kept, "a body is stepped over, whatever it says")
    connection.close()
    equal(h.at("GET", id_of(kept)).body, kept, "nobody has deleted it")


@case("a count of what goes on counts all that was said, and refuses an id that is not known")
def _():
    h = house()
    for kind in (*KINDS, "demo-fast"):
        _, first = h.create(kind, "Hello to everyone who listens")
        said = json.loads(first)["output"]
        items = [{"role": "user", "content": "Hello to everyone who listens"}, *said, {"role": "user", "content": "x"}]
        on = {"model": kind, "input": "x", "previous_response_id": id_of(first)}
        counted = h.gateway.ask(on, COUNT)
        equal(counted.status, 200, counted.body)
        equal(counted.json(), h.gateway.ask({"model": kind, "input": items}, COUNT).json(), kind)
        refused = h.gateway.ask(on, COUNT, key=h.other)
        theirs = kind == "openai_responses"  # who may know the id is asked, as at the door of responses
        code = "invalid_value" if theirs else "previous_response_not_found"
        equal((refused.status, refused.error["code"]), (400, code), refused.body)
        equal(refused.error["param"], "previous_response_id")


@case("an id that the gateway does not know goes to a provider that keeps responses itself, as it came")
def _():
    h = house()
    body = b'{"model":"openai_responses" ,"input":"mine","previous_response_id":"resp_theirs"}'
    answer = h.gateway.ask(body, PATH)
    equal((answer.status, answer.error["message"]), (400, "Previous response not found."), "the vendor's words")


@case("the store stays within its bounds and says what it holds")
def _():
    h = House(store=True, entries=2, size="1MiB", lifetime="1h")
    ids = [id_of(h.create("demo-fast", "say exactly: hi")[1]) for _ in range(3)]
    equal([h.at("GET", i).status for i in ids], [404, 200, 200])
    metrics = h.gateway.metrics()
    equal(metrics.sum("gateway_responses_kept"), 2)
    equal(metrics.sum("gateway_responses_evicted_total"), 1)
    check(500 < metrics.sum("gateway_responses_kept_bytes") < 1 << 20, metrics)


@case("responses outlive a reload, and a restart forgets them")
def _():
    h = House(store=True)
    _, kept = h.create("demo-fast", "say exactly: hi")
    h.gateway.config["drain"] = "4s"
    h.gateway.write_config()
    eventually(lambda: h.gateway.events("config_taken_over"), what="the reload")
    equal(h.at("GET", id_of(kept)).body, kept)
    h.gateway.stop()
    h.gateway.start()
    equal(h.at("GET", id_of(kept)).status, 404)


@case("without the switch an id is refused with its name, and nothing is kept")
def _():
    h = shared("forgetting", House)
    _, made = h.create("anthropic", "Hello")
    equal(json.loads(made)["store"], False)
    equal(h.at("GET", id_of(made)).status, 404)
    for kind in ("anthropic", "openai", "gemini", "demo-fast"):
        body = {"model": kind, "input": "x", "previous_response_id": id_of(made)}
        for path in (PATH, COUNT):
            refused = h.gateway.ask(body, path)
            equal((refused.status, refused.error["param"]), (400, "previous_response_id"), refused.body)
            check("send the whole conversation" in refused.error["message"], refused.error)
