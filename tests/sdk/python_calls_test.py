"""Embeddings and counts of tokens with the SDKs of Google and Anthropic, against the demo provider."""

import math

import anthropic
from google import genai
from google.genai import types

from kit.cases import case, check, equal
from setting import setting


def google():
    s = setting()
    return genai.Client(
        api_key=s.gateway.key, http_options=types.HttpOptions(base_url=s.root, timeout=20_000)
    )


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
    s = setting()
    ai = anthropic.Anthropic(base_url=s.root, api_key=s.gateway.key, max_retries=0, timeout=20).messages
    messages = [{"role": "user", "content": "How many tokens are these?"}]
    counted = ai.count_tokens(model="demo-fast", messages=messages)
    answer = ai.create(model="demo-fast", messages=messages, max_tokens=50)
    equal(counted.input_tokens, answer.usage.input_tokens)
