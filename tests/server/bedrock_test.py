"""Providers of type bedrock: requests signed, streams in AWS's binary framing, in front of every door."""

import itertools
import json

from kit import envelopes
from kit.cases import case, check, equal
from kit.gateway import Gateway, new_id, new_key, outcome, provider, run_on, shared, target
from kit.tool_turns import whole_text
from kit.vendors import bedrock
from kit.vendors.turns import SIGNATURE
from kit.vendors.vendor import VENDOR_KEY, Vendor

CLAUDE = "eu.anthropic.claude-sonnet-4-20250514-v1:0"
DOORS = ("chat", "responses", "messages", "gemini")
SPARE = 40
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\ntransfer-encoding: chunked\r\n\r\n" % bedrock.CONTENT_TYPE.encode()


class House:
    def __init__(self):
        self.vendor = Vendor()
        url = f"http://127.0.0.1:{self.vendor.port}"

        def made(base=url, **more):
            entry = provider(base, type="bedrock", region=bedrock.REGION, breaker={"failures": 1000, "failure_percent": 0}, **more)
            del entry["api_key"]
            return entry | more

        signed = {"access_key_id": bedrock.ACCESS_KEY_ID, "secret_access_key": VENDOR_KEY}
        providers = {
            "signed": made(**signed),
            "session": made(**signed, session_token=bedrock.SESSION_TOKEN),
            "keyed": made(api_key=VENDOR_KEY),
            "clients": made(client_key=True),
            "wrong": made(access_key_id=bedrock.ACCESS_KEY_ID, secret_access_key="another"),
            "expired": made(**signed, session_token="of yesterday"),
            "stranger": made(access_key_id="AKIDSTRANGER", secret_access_key=VENDOR_KEY),
            "elsewhere": made(**signed) | {"region": "us-east-1"},
        }
        providers |= {f"spare{i}": made(**signed) for i in range(SPARE)}  # a rate limit opens the breaker of its provider
        self.spares = itertools.count()
        models = {name: target(name, CLAUDE) for name in providers}
        models["arn"] = target("signed", "arn:aws:bedrock:eu-central-1:1:inference-profile/eu.anthropic.x-v1:0")
        models["nova"] = target("signed", "amazon.nova-pro-v1:0")
        models["chain"] = {"targets": target("wrong", CLAUDE)["targets"] + target("signed", CLAUDE)["targets"]}
        keys = {f"k{i}": {"key": new_key()} for i in range(24)}
        self.numbers = iter(range(24))
        self.gateway = Gateway({"providers": providers, "models": models}, keys=keys)

    def spare(self):
        """A model of a provider that nobody else asks."""
        return f"spare{next(self.spares)}"

    def own_key(self):
        name = f"k{next(self.numbers)}"
        return name, self.gateway.keys[name]["key"]

    def ask(self, door, model, says, stream=False, play=None, **more):
        """(answer, the vendor's call) of a call whose text is `says`."""
        path, body = envelopes.request(door, model, stream)
        text = json.dumps(body).replace('"Hi"', json.dumps(says))
        return self.post(path, json.loads(text), play, **more)

    def post(self, path, body, play=None, **more):
        request_id = new_id()
        if play:
            self.vendor.script(request_id, play)
        answer = self.gateway.ask(body, path, request_id=request_id, **more)
        calls = [call for call in self.vendor.calls if call.headers.get("x-request-id") == request_id]
        return answer, (calls or [None])[-1]


def house():
    return shared("bedrock", House)


def said(door, answer, stream):
    """The text of an answer, whole or streamed."""
    if stream:
        found = envelopes.events(answer)
        check(envelopes.ended_well(door, found), "the stream is not whole", found[-2:])
        return envelopes.text(door, found)
    return whole_text(door, answer.json())


for door in DOORS:
    for stream in (False, True):

        @case(f"a client of {door} is answered by Bedrock, {'streamed' if stream else 'whole'}, and billed its cache")
        def _(door=door, stream=stream):
            h = house()
            name, key = h.own_key()
            answer, call = h.ask(door, "signed", "play:cached", stream, key=key)
            equal(answer.status, 200, answer.body)
            equal(said(door, answer, stream), "Hello, world!")
            equal(call.path.rpartition("/")[2], "converse-stream" if stream else "converse")
            equal(call.asked.model, CLAUDE)
            check("%3A0/" in call.request.line, "a model's colon is encoded", call.request.line)
            (record,) = h.gateway.records(name)
            equal(outcome(record), ("complete", "reported"))
            figures = [record[column] for column in ("input", "cache_read", "cache_write", "output")]
            equal(figures, [11, 100, 20, 5])


@case("names of models with slashes and colons are signed as they are sent, and so is the token of a session")
def _():
    h = house()
    answer, call = h.ask("chat", "arn", "Hi")
    equal(answer.status, 200, answer.body)
    equal(call.asked.model, "arn:aws:bedrock:eu-central-1:1:inference-profile/eu.anthropic.x-v1:0")
    answer, call = h.ask("chat", "session", "Hi", stream=True)
    equal((answer.status, said("chat", answer, True)), (200, "Hello, world!"))
    equal(call.headers["x-amz-security-token"], bedrock.SESSION_TOKEN)
    check(";x-amz-security-token," in call.headers["authorization"], "signed, too")


@case("an API key of Bedrock's is sent as it is, the provider's own or the client's")
def _():
    h = house()
    answer, call = h.ask("messages", "keyed", "Hi")
    equal((answer.status, call.headers["authorization"]), (200, f"Bearer {VENDOR_KEY}"))
    check("x-amz-date" not in call.headers, "nothing is signed")
    fields = [("x-lowart-provider-key", VENDOR_KEY)]
    answer, call = h.ask("messages", "clients", "Hi", fields=fields)
    equal((answer.status, call.headers["authorization"]), (200, f"Bearer {VENDOR_KEY}"))


TOOL = {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}
TOOLS = [{"type": "function", "function": TOOL}, {"type": "function", "function": {"name": "now"}}]


@case("OpenAI's client calls tools side by side through Bedrock, streamed and whole")
def _():
    h = house()
    for stream in (False, True):
        body = {"model": "signed", "messages": [{"role": "user", "content": "play:tools"}], "tools": TOOLS}
        answer, _ = h.post("/v1/chat/completions", body | {"stream": stream})
        equal(answer.status, 200, answer.body)
        calls = {}
        if stream:
            choices = [c for e in envelopes.events(answer) if e != "[DONE]" for c in e["choices"]]
            for piece in (p for c in choices for p in c["delta"].get("tool_calls") or []):
                held = calls.setdefault(piece["index"], {"arguments": ""})
                held["id"] = piece.get("id") or held["id"]
                held["name"] = piece["function"].get("name") or held["name"]
                held["arguments"] += piece["function"].get("arguments") or ""
            finish = choices[-1]["finish_reason"]
        else:
            choice = json.loads(answer.body)["choices"][0]
            finish = choice["finish_reason"]
            for i, made in enumerate(choice["message"]["tool_calls"]):
                calls[i] = {"id": made["id"], **made["function"]}
        equal(finish, "tool_calls")
        told = [(c["name"], json.loads(c["arguments"])) for c in calls.values()]
        equal(told, [("weather", {"city": "Paris"}), ("now", {})])
        turn = [{"id": c["id"], "type": "function", "function": {"name": c["name"], "arguments": c["arguments"]}}
                for c in calls.values()]
        results = [{"role": "tool", "tool_call_id": c["id"], "content": f"of {c['name']}"} for c in calls.values()]
        body["messages"] += [{"role": "assistant", "content": "I shall look.", "tool_calls": turn}, *results]
        answer, _ = h.post("/v1/chat/completions", body | {"stream": stream})
        equal(said("chat", answer, stream), "The tools say: of weather and of now")


@case("what Claude thought before a call comes back to Bedrock with its proof, through Anthropic's client")
def _():
    h = house()
    tools = [{"name": "weather", "input_schema": TOOL["parameters"]}]
    body = {
        "model": "signed",
        "max_tokens": 4096,
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "tools": tools,
        "messages": [{"role": "user", "content": "play:think_tools"}],
    }
    answer, call = h.post("/v1/messages", body)
    equal(answer.status, 200, answer.body)
    check(call.asked.thinks, "a budget arrives")
    content = json.loads(answer.body)["content"]
    equal([block["type"] for block in content], ["thinking", "tool_use"])
    equal(content[0]["signature"], "lw1.bedrock." + SIGNATURE)
    result = {"type": "tool_result", "tool_use_id": content[1]["id"], "content": "rain"}
    body["messages"] += [{"role": "assistant", "content": content}, {"role": "user", "content": [result]}]
    answer, call = h.post("/v1/messages", body)
    equal(answer.status, 200, answer.body)
    equal(said("messages", answer, False), "The tools say: rain; the proof is kept")


@case("a breakpoint of the prompt cache and a schema of the output arrive")
def _():
    h = house()
    mark = {"cache_control": {"type": "ephemeral"}}
    body = {
        "model": "signed",
        "max_tokens": 9,
        "system": [{"type": "text", "text": "Be brief.", **mark}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi", **mark}]}],
    }
    _, call = h.post("/v1/messages", body)
    equal(call.body["system"], [{"text": "Be brief."}, bedrock.CACHE_POINT])
    equal(call.body["messages"][0]["content"], [{"text": "Hi"}, bedrock.CACHE_POINT])
    schema = {"type": "object", "properties": {"city": {}, "degrees": {}, "sunny": {}}}
    form = {"type": "json_schema", "json_schema": {"name": "report", "schema": schema}}
    path, asked = envelopes.request("chat", "signed", False)
    asked["messages"][0]["content"] = "play:report"
    answer, _ = h.post(path, asked | {"response_format": form})
    equal(json.loads(said("chat", answer, False))["city"], "Paris")


@case("what Converse cannot say is refused by its name, or dropped and told")
def _():
    h = house()
    path, body = envelopes.request("chat", "nova", False)
    answer, call = h.post(path, body | {"seed": 7})
    equal((answer.status, answer.error["param"], call), (400, "seed", None))
    answer, call = h.post(path, body | {"reasoning_effort": "low", "user": "u"})
    equal(answer.status, 200, answer.body)
    equal(answer.field("x-lowart-dropped"), "user, reasoning_effort")


# --- failures ---------------------------------------------------------------------------------------------------------


@case("credentials that AWS refuses are the gateway's affair: it is told which, and another target is asked")
def _():
    h = house()
    log = {}
    for model in ("wrong", "expired", "stranger", "elsewhere"):
        request_id = new_id()
        path, body = envelopes.request("chat", model, False)
        answer = h.gateway.ask(body, path, request_id=request_id)
        check(answer.status in (500, 502), "status", answer.status, answer.body)
        log[model] = json.dumps(h.gateway.log_of(request_id)) + answer.body.decode()
    words = {
        "wrong": "'secret_access_key'",
        "expired": "'session_token'",
        "stranger": "'access_key_id'",
        "elsewhere": "'region'",
    }
    for model, word in words.items():
        check(word in log[model], model, log[model])
    check(VENDOR_KEY not in "".join(log.values()), "no secret is told")
    answer, _ = h.ask("chat", "chain", "Hi")
    equal((answer.status, said("chat", answer, False)), (200, "Hello, world!"))


for status, code in ((400, 400), (429, 429), (500, 502), (503, 502)):

    @case(f"an answer with status {status} of Bedrock reaches every client in its own words")
    def _(status=status, code=code):
        h = house()
        for door in DOORS:
            answer, _ = h.ask(door, h.spare(), f"play:status{status}")
            equal(answer.status, code, (door, answer.body))
            envelopes.words(door, json.loads(answer.body))
        if status == 400:
            check(b"says the vendor" in answer.body, answer.body)


def streams(*events, cut=False):
    def play(peer, request):
        peer.send(HEAD)
        for event in events:
            peer.chunk(event)
        if not cut:
            peer.send(b"0\r\n\r\n")
        return False

    return play


START = bedrock.event("messageStart", role="assistant")
DELTA = bedrock.event("contentBlockDelta", contentBlockIndex=0, delta={"text": "Hello"})
STOP = bedrock.event("messageStop", stopReason="end_turn")


@case("an exception before the first content is an answer with its status")
def _():
    h = house()
    for kind, status in (("throttlingException", 429), ("validationException", 400), ("modelStreamErrorException", 502)):
        play = streams(START, bedrock.exception(kind, "says AWS"))
        for door in DOORS:
            answer, _ = h.ask(door, h.spare(), "Hi", stream=True, play=play)
            equal(answer.status, status, (kind, door, answer.body))
            envelopes.words(door, json.loads(answer.body))


bad_sum = bytearray(DELTA)
bad_sum[-1] ^= 1
BROKEN = {
    "an exception": streams(START, DELTA, bedrock.exception("internalServerException", "says AWS"), STOP),
    "a cut": streams(START, DELTA, cut=True),
    "an end without a stop reason": streams(START, DELTA),
    "a cut within a message": streams(START, DELTA, STOP[:-3]),
    "a wrong check sum": streams(START, DELTA, bytes(bad_sum), STOP),
    "bytes of another framing": streams(START, DELTA, b"data: {}\n\n", STOP),
}

for what, play in BROKEN.items():

    @case(f"{what} in the middle of a stream ends it with an error in the client's dialect, and is billed as partial")
    def _(play=play):
        h = house()
        name, key = h.own_key() if play is BROKEN["an exception"] else ("", h.gateway.key)
        for door in DOORS:
            answer, _ = h.ask(door, "signed", "Hi", stream=True, play=play, key=key)
            equal(answer.status, 200)
            found = envelopes.events(answer)
            check(not envelopes.ended_well(door, found), door, found)
            equal(envelopes.text(door, found), "Hello", door)
        if name:
            for record in h.gateway.records(name, count=len(DOORS)):
                equal(outcome(record), ("partial", "partial"))


@case("a message that comes byte by byte is the same, and a stream without its usage is whole and counted")
def _():
    h = house()
    name, key = h.own_key()
    drops = [bytes([byte]) for byte in START + DELTA + STOP]
    answer, _ = h.ask("chat", "signed", "Hi", stream=True, play=streams(*drops), key=key)
    equal((answer.status, said("chat", answer, True)), (200, "Hello"))
    (record,) = h.gateway.records(name)
    equal(record["outcome"], 0, "complete")
    check(record["output"] > 0, "counted here", record)


# --- configuration ----------------------------------------------------------------------------------------------------


@case("validate says which credential of a provider of type bedrock is missing")
def _():
    def problems(**entry):
        config = {
            "listen": ["127.0.0.1:0"],
            "providers": {"aws": {"type": "bedrock", **entry}},
            "models": {"m": {"targets": [{"provider": "aws", "model": "x"}]}},
            "keys": [{"name": "a", "key": new_key()}],
        }
        done, _ = run_on(json.dumps(config, indent=1), "validate")
        return "" if done.returncode == 0 else done.stdout + done.stderr

    both = {"access_key_id": "AKID", "secret_access_key": "secret"}
    equal(problems(region="us-east-1", **both), "")
    equal(problems(region="us-east-1", **both, session_token="t"), "")
    equal(problems(region="us-east-1", api_key="k"), "")
    equal(problems(region="us-east-1", client_key=True), "")
    for word, entry in (
        ("needs a 'region'", both),
        ("name of a region", {"region": "eu/central", **both}),
        ("needs 'access_key_id' and 'secret_access_key', or an 'api_key'", {"region": "us-east-1"}),
        ("'secret_access_key', which is missing", {"region": "us-east-1", "access_key_id": "AKID"}),
        ("'access_key_id', which is missing", {"region": "us-east-1", "secret_access_key": "secret"}),
        ("goes with an 'access_key_id'", {"region": "us-east-1", "api_key": "k", "session_token": "t"}),
        ("either 'access_key_id' or 'api_key'", {"region": "us-east-1", "api_key": "k", **both}),
    ):
        told = problems(**entry)
        check(word in told, word, "in", told)
