"""Embeddings, counts of tokens and lists of models with the SDKs of Google and Anthropic, against the demo provider."""

import math

import anthropic
from google import genai
from google.genai import errors, types

from kit.cases import case, check, equal
from setting import setting


def google(key=None):
    s = setting()
    return genai.Client(
        api_key=key or s.gateway.key, http_options=types.HttpOptions(base_url=s.root, timeout=20_000)
    )


def claude(key=None):
    s = setting()
    return anthropic.Anthropic(base_url=s.root, api_key=key or s.gateway.key, max_retries=0, timeout=20)


@case("google-genai: embed_content, one text and several, with a length")
def _():
    client, config = google(), types.EmbedContentConfig(output_dimensionality=64)
    for contents in ("a cat", ["a cat", "a dog", "a bird"]):
        answer = client.models.embed_content(model="demo-fast", contents=contents, config=config)
        equal(len(answer.embeddings), 1 if isinstance(contents, str) else 3)
        for embedding in answer.embeddings:
            check(len(embedding.values) == 64, embedding)
            check(abs(math.hypot(*embedding.values) - 1) < 1e-5, embedding)


@case("google-genai: count_tokens")
def _():
    client = google()
    counted = client.models.count_tokens(model="demo-fast", contents="How many tokens are these?")
    check(counted.total_tokens > 5, counted)


@case("anthropic: messages.count_tokens, the same as the answer's usage")
def _():
    ai = claude().messages
    messages = [{"role": "user", "content": "How many tokens are these?"}]
    counted = ai.count_tokens(model="demo-fast", messages=messages)
    answer = ai.create(model="demo-fast", messages=messages, max_tokens=50)
    equal(counted.input_tokens, answer.usage.input_tokens)


@case("google-genai: models are listed and retrieved, each with what it can do")
def _():
    ai = google()  # closed when nobody holds it
    models = {m.name: m for m in ai.models.list()}
    check("models/up" in models and "models/demo" in models, models)
    actions = models["models/demo"].supported_actions
    check({"generateContent", "countTokens", "embedContent"} <= set(actions), actions)
    one = ai.models.get(model="demo")
    equal((one.name, one.display_name), ("models/demo", "demo"))
    narrow = setting().gateway.keys["narrow"]["key"]
    few = google(narrow)
    equal([m.name for m in few.models.list()], ["models/up"])
    try:
        ai.models.get(model="nothing")
    except errors.ClientError as e:
        equal((e.code, e.status), (404, "NOT_FOUND"))
    else:
        check(False, "nothing raised")


@case("anthropic: models are listed and retrieved")
def _():
    page = claude().models.list(limit=1000)
    names = [m.id for m in page]
    check("up" in names and "demo" in names and len(names) == len(set(names)), names)
    equal((page.has_more, page.first_id, page.last_id), (False, names[0], names[-1]))
    one = claude().models.retrieve("demo")
    equal((one.id, one.type, one.display_name, one.created_at.year), ("demo", "model", "demo", 1970))
    equal([m.id for m in claude(setting().gateway.keys["narrow"]["key"]).models.list()], ["up"])
    try:
        claude().models.retrieve("nothing")
    except anthropic.NotFoundError as e:
        equal(e.body["error"]["type"], "not_found_error")
    else:
        check(False, "nothing raised")
