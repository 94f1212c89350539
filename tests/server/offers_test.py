"""Where a model is offered: elsewhere it is refused in the asker's dialect, and nobody is asked."""

from kit.cases import case, check, equal
from kit.gateway import Gateway, chat, new_id, new_key, provider, shared, target
from kit.upstream import Upstream

MESSAGES = {"max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
CONTENTS = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}


def asks(model):
    """Each door: (path, body, the dialect its errors are in)."""
    messages = {**MESSAGES, "model": model}
    responses = {"model": model, "input": "Hi"}
    at = f"/v1beta/models/{model}"
    return {
        "chat": [("/v1/chat/completions", chat(model), "openai")],
        "completions": [("/v1/completions", {"model": model, "prompt": "Hi"}, "openai")],
        "responses": [("/v1/responses", responses, "openai")],
        "messages": [("/v1/messages", messages, "anthropic")],
        "gemini": [(f"{at}:generateContent", CONTENTS, "gemini"), (f"{at}:streamGenerateContent", CONTENTS, "gemini")],
        "embeddings": [
            ("/v1/embeddings", {"model": model, "input": "Hi"}, "openai"),
            (f"{at}:embedContent", {"content": {"parts": [{"text": "Hi"}]}}, "gemini"),
        ],
        "count_tokens": [
            ("/v1/messages/count_tokens", messages, "anthropic"),
            ("/v1/responses/input_tokens", responses, "openai"),
            (f"{at}:countTokens", CONTENTS, "gemini"),
        ],
    }


def refused_in(dialect, answer):
    """The message of a refusal that has the dialect's shape."""
    equal(answer.status, 404, answer)
    said = answer.json()
    if dialect == "anthropic":
        equal((said["type"], said["error"]["type"]), ("error", "not_found_error"))
    elif dialect == "gemini":
        equal((said["error"]["code"], said["error"]["status"]), (404, "NOT_FOUND"))
    else:
        equal((said["error"]["param"], said["error"]["code"]), ("model", "model_not_found"))
    return said["error"]["message"]


class Offers:
    def __init__(self):
        self.up = Upstream()
        config = {
            "providers": {
                "demo": {"type": "demo"},
                "claude": provider(self.up.url, type="anthropic"),
                "up": provider(self.up.url),
            },
            "models": {
                "everywhere": {"targets": [{"provider": "demo", "model": "demo-fast"}]},
                "narrow": {
                    "targets": [{"provider": "demo", "model": "demo-fast"}],
                    "aliases": ["slim"],
                    "doors": ["messages", "count_tokens"],
                },
                "vectors": {"targets": [{"provider": "demo"}], "doors": ["embeddings"]},
                "claude": target("claude"),
                "mixed": {"targets": [{"provider": "up"}, {"provider": "claude"}]},
            },
        }
        self.keys = {"few": {"key": new_key(), "rpm": 1}}
        self.gateway = Gateway(config, keys=self.keys)


def offers():
    return shared("offers", Offers)


@case("offers: a model is served at exactly the doors it names, an alias at the same ones")
def _():
    g = offers().gateway
    for model, doors in (
        ("everywhere", set(asks("x"))),
        ("narrow", {"messages", "count_tokens"}),
        ("slim", {"messages", "count_tokens"}),
        ("vectors", {"embeddings"}),
    ):
        for door, requests in asks(model).items():
            for path, body, dialect in requests:
                answer = g.ask(body, path)
                if door in doors:
                    equal(answer.status, 200, (model, path, answer))
                    continue
                message = refused_in(dialect, answer)
                check(f"'{model}' is not offered at this door ({door})" in message, message)


@case("offers: what no target or not every target of a model can serve is refused before anybody is asked")
def _():
    w = offers()
    for model in ("claude", "mixed"):
        for path, body, dialect in asks(model)["embeddings"]:
            request_id = new_id()
            answer = w.gateway.ask(body, path, request_id=request_id)
            check("not offered at this door (embeddings)" in refused_in(dialect, answer), answer)
            equal(w.up.requests(request_id), [], "asked")


@case("offers: a refusal takes nothing from the key's limits")
def _():
    w = offers()
    key = w.keys["few"]["key"]
    path, body, _ = asks("vectors")["chat"][0]
    equal([w.gateway.ask(body, path, key=key).status for _ in range(3)], [404] * 3)
    path, body, _ = asks("vectors")["embeddings"][0]
    equal([w.gateway.ask(body, path, key=key).status for _ in range(2)], [200, 429])
