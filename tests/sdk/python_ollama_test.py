"""What Ollama's own SDK asks beside chat, before upstreams of all protocols: generate, embed, list, show, ps."""

import json

import ollama
from kit.cases import case, check, equal
from setting import UPSTREAMS, setting


def client(key=None):
    s = setting()
    return ollama.Client(s.root, headers={"Authorization": f"Bearer {key or s.gateway.key}"}, timeout=20)


for protocol in UPSTREAMS:
    model_name = f"vendor-{protocol}"

    @case(f"ollama before {protocol}: generate, whole and streamed")
    def _(model=model_name):
        whole = client().generate(model, "play:hello", options={"num_ctx": 4096})
        equal((whole.response, whole.done, whole.done_reason), ("Hello, world!", True, "stop"))
        equal((whole.prompt_eval_count, whole.eval_count), (11, 5))
        chunks = list(client().generate(model, "play:hello", stream=True))
        equal("".join(chunk.response for chunk in chunks), "Hello, world!")
        check(len(chunks) > 2 and chunks[-1].done and chunks[-1].eval_count == 5, chunks)
        told = json.loads(client().generate(model, "play:settings", system="Be brief.").response)
        equal(told["system"], "Be brief.")
        thought = client().generate(model, "play:think", think=True)
        equal((thought.thinking, thought.response), ("Six times seven.", "Forty-two."))

    @case(f"ollama before {protocol}: generate's errors")
    def _(model=model_name):
        for ask in (
            lambda: client().generate(model, "play:status400"),
            lambda: list(client().generate(model, "play:status400", stream=True)),
        ):
            equal(status_of(ask), 400)
        pieces = []
        equal(status_of(lambda: pieces.extend(client().generate(model, "play:error_event", stream=True))), -1)
        check(pieces and not pieces[-1].done, pieces)

    @case(f"ollama before {protocol}: a model is loaded at once")
    def _(model=model_name):
        equal(client().generate(model, "").done_reason, "load")
        equal(client().chat(model, []).done_reason, "load")
        equal(client().generate(model, "", keep_alive=0).done_reason, "unload")


def status_of(ask):
    try:
        value = ask()
    except ollama.ResponseError as error:
        return error.status_code
    raise AssertionError(f"nothing raised, got {value}")


@case("ollama: what only its own server can do is refused by name")
def _():
    for more, field in (({"suffix": "}"}, "suffix"), ({"template": "{{.Prompt}}"}, "template"), ({"raw": True}, "raw")):
        try:
            client().generate("vendor-anthropic", "play:hello", **more)
        except ollama.ResponseError as error:
            check(error.status_code == 400 and f"'{field}'" in error.error, error)
        else:
            raise AssertionError(f"{field} was taken")


@case("ollama: embed, the older embeddings")
def _():
    many = client().embed("demo", ["a b", "c"], dimensions=8, truncate=True)
    equal([len(vector) for vector in many.embeddings], [8, 8])
    check(many.prompt_eval_count > 0, many)
    check(len(client().embeddings("demo", "a b").embedding) > 8)
    equal(status_of(lambda: client().embed("vendor-anthropic", "a")), 404)


@case("ollama: list, show, ps, and who may not")
def _():
    names = [model.model for model in client().list().models]
    check({"demo", "up", "vendor-openai"} <= set(names), names)
    check("completion" in client().show("demo").capabilities, client().show("demo"))
    equal(client().ps().models, [])
    equal(status_of(lambda: client().show("nothing-of-the-kind")), 404)
    narrow = client(setting().gateway.keys["narrow"]["key"])
    equal([model.model for model in narrow.list().models], ["up"])
    equal(status_of(lambda: narrow.show("demo")), 404)
    equal(status_of(lambda: client("sk-wrong-wrong").list()), 401)
