"""Conversations: found by what was said, or named by the client; told in the header, the record and the log."""

from kit.cases import case, check, equal
from kit.gateway import Gateway, chat, new_id, new_key, provider, shared, target
from kit.upstream import Upstream

FIELD = "x-conversation-id"


class House:
    def __init__(self, **conversations):
        self.up = Upstream()
        providers = {"up": provider(self.up.url), "demo": {"type": "demo"}}
        models = {"m": target("up"), "demo-fast": target("demo", "demo-fast")}
        config = {"providers": providers, "models": models, "conversations": conversations}
        self.gateway = Gateway(config, keys={"other": {"key": new_key()}}, threads=2)
        self.other = self.gateway.keys["other"]["key"]

    def say(self, *texts, path="/v1/chat/completions", field=None, key=None, **more):
        """The id that a request gets whose user and model have said these texts in turn."""
        roles = ["user", "assistant"]
        said = [{"role": roles[i % 2], "content": text} for i, text in enumerate(texts)]
        if path.startswith("/v1beta"):
            roles = ["user", "model"]
            body = {"contents": [{"role": roles[i % 2], "parts": [{"text": t}]} for i, t in enumerate(texts)]}
        else:
            body = {"model": "demo-fast", "max_tokens": 20}
            body["input" if path == "/v1/responses" else "messages"] = said
        fields = [(FIELD, field)] if field else []
        answer = self.gateway.ask({**body, **more}, path, fields=fields, key=key)
        equal(answer.status, 200, answer.body)
        return answer.field(FIELD)


def house():
    return shared("conversations", lambda: House(track=True))


for where in ("/v1/chat/completions", "/v1/messages", "/v1/responses", "/api/chat",
              "/v1beta/models/demo-fast:generateContent"):

    @case(f"a client of {where} goes on with its conversation, whichever connection it comes over")
    def _(path=where):
        h = house()
        first = new_id("hello")
        one = h.say(first, path=path)
        check(one and one.startswith("conv_") and len(one) == 37, one)
        for turn in range(1, 5):  # each over a new connection, so over both event loops sooner or later
            equal(h.say(first, *["a", "b"] * turn, path=path), one)
        equal(h.say(first, "a", "another way", path=path), one, "a fork")
        check(h.say(first + "!", "a", "b", path=path) != one, "an edited opening")
        check(h.say(first, "a", "b", path=path, key=h.other) != one, "another key")


@case("a name that the client gives wins: in the header, the metadata or the conversation of the body")
def _():
    h = house()
    first, name = new_id("hello"), new_id("c")
    equal(h.say(first, field=name), name)
    equal(h.say(first, metadata={"conversation_id": name}), name)
    equal(h.say(first, path="/v1/responses", field=name), name)
    equal(h.say(first, field=name, metadata={"conversation_id": "less"}), name, "the header is the first")
    for bad in ("with space", "x" * 129, "semi;colon"):
        check(h.say(new_id("hello"), field=bad).startswith("conv_"), "no name:", bad)


@case("what goes on by previous_response_id stays in its conversation")
def _():
    h = shared("conversations kept", lambda: House(track=True))
    g = Gateway({**h.gateway.config, "responses": {"store": True}})
    with g:
        one = g.ask({"model": "demo-fast", "input": "Hello"}, "/v1/responses")
        body = {"model": "demo-fast", "input": "more", "previous_response_id": one.json()["id"]}
        equal(g.ask(body, "/v1/responses").field(FIELD), one.field(FIELD))
        check(one.field(FIELD), one.fields)


@case("the access log names the conversation, and metrics count how it was found")
def _():
    h = house()
    request_id = new_id()
    before = h.gateway.metrics()
    answer = h.gateway.ask(chat("m", new_id("hello")), request_id=request_id)
    equal(h.gateway.log_of(request_id)["conversation"], answer.field(FIELD))
    seen = lambda metrics, found: metrics.sum("gateway_conversations_total", found=found)
    check(seen(h.gateway.metrics(), "begun") >= seen(before, "begun") + 1)


@case("nothing is looked at and nothing is told where conversations are not tracked")
def _():
    with Gateway({"providers": {"demo": {"type": "demo"}}, "models": {"m": target("demo", "demo-fast")}}) as g:
        answer = g.ask(chat("m"), fields=[(FIELD, "mine")])
        equal((answer.status, answer.field(FIELD)), (200, None))
        check("gateway_conversations" not in g.get("/metrics", key="").body.decode())
