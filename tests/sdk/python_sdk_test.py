"""The Python SDK: what its users do, against the demo provider and an OpenAI-shaped upstream behind the gateway."""

import array
import asyncio
import functools
import json
import time
import uuid

import openai
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from kit.cases import case, check, equal, eventually
from kit.upstream import USAGE
from provider_script import VOICE
from setting import setting

MODELS = ("up", "demo-fast")
ASK = [{"role": "user", "content": "Say exactly: Hello, world!"}]


class Report(BaseModel):
    city: str
    degrees: int
    sunny: bool


TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": description,
            "parameters": {
                "type": "object",
                "properties": properties,
                "required": list(properties),
                "additionalProperties": False,
            },
        },
    }
    for name, description, properties in (
        ("get_weather", "The weather of a city", {"city": {"type": "string"}}),
        ("get_time", "The time now", {}),
    )
]


@functools.cache  # making one costs more than a call
def client(key=None, **options):
    s = setting()
    return OpenAI(
        base_url=s.url, api_key=key or s.gateway.key, **{"max_retries": 0, "timeout": 20, **options}
    )


def key_of(name):
    return setting().gateway.keys[name]["key"]


def play(name):
    """Headers that make the upstream do NAME, and the request id that they carry."""
    request_id = f"{name}.{uuid.uuid4().hex[:12]}"
    return {"x-request-id": request_id}, request_id


def raises(kind, function, code=None, status=None):
    try:
        value = function()
    except openai.APIError as error:
        check(type(error) is kind, f"raised {type(error).__name__}, wanted {kind.__name__}: {error}")
        if code:
            equal(error.code, code, str(error))
        if status:
            equal(error.status_code, status)
        return error
    raise AssertionError(f"nothing raised, got {value}")


def of_each(sentence):
    """The same case with both kinds of provider."""

    def register(function):
        for model in MODELS:

            def run(model=model):
                function(model)

            run.__module__ = function.__module__
            case(f"{sentence}, {model}")(run)
        return function

    return register


@of_each("a plain call: text, finish reason, usage, request id")
def _(model):
    completion = client().chat.completions.create(model=model, messages=ASK)
    equal(completion.choices[0].message.content, "Hello, world!")
    equal(
        (completion.choices[0].finish_reason, completion.choices[0].message.role, completion.object),
        ("stop", "assistant", "chat.completion"),
    )
    check(completion.usage.prompt_tokens > 0 and completion.usage.completion_tokens > 0, completion.usage)
    equal(completion.usage.total_tokens, completion.usage.prompt_tokens + completion.usage.completion_tokens)
    check(completion._request_id.startswith("req_"), completion._request_id)


@case("embeddings: the SDK asks for base64 and gets the very numbers that floats say")
def _():
    texts = ["the cat sat on the mat", "quarterly revenue grew"]
    coded = client().embeddings.create(model="demo-fast", input=texts, dimensions=64)
    floats = client().embeddings.create(model="demo-fast", input=texts, dimensions=64, encoding_format="float")
    for one, other in zip(coded.data, floats.data, strict=True):
        equal(len(one.embedding), 64)
        equal(array.array("f", one.embedding), array.array("f", other.embedding))
    equal(coded.usage, floats.usage)
    check(coded.usage.prompt_tokens > 0, coded.usage)


@case("moderations and images as the SDK asks for them and reads them")
def _():
    judged = client().moderations.create(model="up", input=["hello", "harm"])
    check(judged.results[0].flagged and judged.results[0].categories.violence, judged)
    made = client().images.generate(model="up", prompt="a cat", size="1024x1024")
    equal((made.data[0].b64_json, made.usage.total_tokens), ("iVBORw0KGgo=", 322))
    events = list(client().images.generate(model="up", prompt="a cat", stream=True, partial_images=1))
    equal([e.type for e in events], ["image_generation.partial_image", "image_generation.completed"])
    for changed in (
        client().images.edit(model="up", image=("a.png", VOICE), mask=("m.png", b"\x89PNG"), prompt="a dog"),
        client().images.create_variation(model="up", image=("a.png", VOICE)),
    ):
        equal(changed.data[0].b64_json, "iVBORw0KGgo=")
    raises(openai.NotFoundError, lambda: client().moderations.create(model="demo", input="hello"), status=404)


@case("speech, transcripts and translations, whole, as subtitles and streamed")
def _():
    audio = client().audio
    equal(audio.speech.create(model="up", voice="alloy", input="Hello").content, VOICE)
    with audio.speech.with_streaming_response.create(model="up", voice="alloy", input="Hello") as voice:
        equal(b"".join(voice.iter_bytes(1000)), VOICE)
    equal(audio.transcriptions.create(model="up", file=("a.wav", VOICE)).text, "Hello, world!")
    equal(audio.transcriptions.create(model="up", file=("a.wav", VOICE), response_format="srt"), "1\nHi\n")
    events = list(audio.transcriptions.create(model="up", file=("a.wav", VOICE), stream=True))
    equal(events[-1].text, "Hello, world!")
    equal(audio.translations.create(model="up", file=("a.wav", VOICE)).text, "Hello, world!")
    raises(openai.NotFoundError, lambda: audio.transcriptions.create(model="none", file=("a.wav", VOICE)), status=404)
    raises(openai.BadRequestError, lambda: audio.speech.create(model="up", voice="alloy", input=None), status=400)


@case("files of a provider, behind its passthrough")
def _():
    address = setting().url.removesuffix("/v1") + "/passthrough/up"
    files = OpenAI(base_url=address, api_key=setting().gateway.key, max_retries=0, timeout=20).files
    made = files.create(file=("a.jsonl", VOICE), purpose="batch")
    equal((made.id, made.bytes), ("file-1", len(VOICE)))
    equal([f.id for f in files.list(purpose="batch")], ["file-1"])
    equal(files.content("file-1").read(), VOICE)


@of_each("a stream: role first, text in pieces, one finish reason, no usage unless asked for")
def _(model):
    chunks = list(client().chat.completions.create(model=model, messages=ASK, stream=True))
    equal(chunks[0].choices[0].delta.role, "assistant")
    equal("".join(c.choices[0].delta.content or "" for c in chunks), "Hello, world!")
    equal([c.choices[0].finish_reason for c in chunks if c.choices[0].finish_reason], ["stop"])
    check(all(c.choices and not c.usage for c in chunks), "usage or an empty chunk that nobody asked for")


@of_each("a stream with usage: one last chunk without choices")
def _(model):
    chunks = list(
        client().chat.completions.create(
            model=model, messages=ASK, stream=True, stream_options={"include_usage": True}
        )
    )
    check(all(c.usage is None and c.choices for c in chunks[:-1]), "usage before the end")
    equal(chunks[-1].choices, [])
    equal(chunks[-1].usage.total_tokens, chunks[-1].usage.prompt_tokens + chunks[-1].usage.completion_tokens)


@of_each("the stream helper: content events and the final completion")
def _(model):
    with client().chat.completions.stream(
        model=model, messages=ASK, stream_options={"include_usage": True}
    ) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_completion()
    check("content.delta" in kinds and "content.done" in kinds, kinds)
    equal(final.choices[0].message.content, "Hello, world!")
    check(final.usage.completion_tokens > 0, final.usage)


@case("the stream helper takes the streams of vendors that leave things out")
def _():
    strict = [{**tool, "function": {**tool["function"], "strict": True}} for tool in TOOLS]
    finals = {}
    for name in ("mistral", "snowflake"):
        headers, _ = play(name)
        with client().chat.completions.stream(
            model="up", messages=ASK, tools=strict, extra_headers=headers
        ) as stream:
            for _ in stream:
                pass
            finals[name] = stream.get_final_completion()
        equal(finals[name].choices[0].message.role, "assistant")
        equal(finals[name].usage.completion_tokens, USAGE["completion_tokens"])
    choice = finals["mistral"].choices[0]
    equal(choice.message.content, "Hello")
    equal([call.function.name for call in choice.message.tool_calls], ["get_weather", "get_time"])
    equal(choice.message.tool_calls[0].function.parsed_arguments, {"city": "Paris"})
    equal(choice.finish_reason, "tool_calls")
    choice = finals["snowflake"].choices[0]
    equal((choice.message.content, choice.finish_reason), ("Hello, world!", "stop"))


def tool_loop(model, streamed):
    """Runs tools until there is text; returns it and how many calls were made in each turn."""
    messages = [{"role": "user", "content": "What is the weather in Paris, and what time is it?"}]
    turns = []
    for _ in range(5):
        if streamed:
            with client().chat.completions.stream(model=model, messages=messages, tools=TOOLS) as stream:
                for _ in stream:
                    pass
                choice = stream.get_final_completion().choices[0]
        else:
            choice = (
                client()
                .chat.completions.create(
                    model=model, messages=messages, tools=TOOLS, parallel_tool_calls=True
                )
                .choices[0]
            )
        if not choice.message.tool_calls:
            equal(choice.finish_reason, "stop")
            return choice.message.content, turns
        equal(choice.finish_reason, "tool_calls")
        calls = choice.message.tool_calls
        turns.append(len(calls))
        equal(len({call.id for call in calls}), len(calls), "ids of their own")
        messages.append(choice.message.model_dump(exclude_none=True))
        for call in calls:
            arguments = json.loads(call.function.arguments or "{}")
            check(call.function.name in ("get_weather", "get_time") and call.type == "function", call)
            check(isinstance(arguments, dict), arguments)
            messages.append(
                {"role": "tool", "tool_call_id": call.id, "content": f"{call.function.name} is fine"}
            )
    raise AssertionError(f"no text after {turns}")


@of_each("a loop with tools, whole")
def _(model):
    text, turns = tool_loop(model, False)
    check(text and turns, text, turns)
    check(model != "up" or turns == [2], "parallel calls:", turns)


@of_each("a loop with tools, streamed")
def _(model):
    text, turns = tool_loop(model, True)
    check(text and turns, text, turns)
    check(model != "up" or turns == [2], "parallel calls:", turns)


@of_each("structured output: parsed into a model of one's own, whole and streamed")
def _(model):
    completion = client().chat.completions.parse(model=model, messages=ASK, response_format=Report)
    check(isinstance(completion.choices[0].message.parsed, Report), completion)
    with client().chat.completions.stream(model=model, messages=ASK, response_format=Report) as stream:
        for _ in stream:
            pass
        check(isinstance(stream.get_final_completion().choices[0].message.parsed, Report), "not parsed")


@of_each("legacy completions, whole and streamed")
def _(model):
    whole = client().completions.create(model=model, prompt="Say exactly: Hello", max_tokens=20)
    check(whole.choices[0].text and whole.usage.total_tokens > 0, whole)
    chunks = list(client().completions.create(model=model, prompt="Say exactly: Hello", stream=True))
    equal("".join(c.choices[0].text for c in chunks if c.choices), whole.choices[0].text)
    check(any(c.choices and c.choices[0].finish_reason for c in chunks), "no finish reason")


@of_each("many calls at once with the async client")
def _(model):
    async def ask_all():
        s = setting()
        async with AsyncOpenAI(base_url=s.url, api_key=s.gateway.key, max_retries=0) as ai:

            async def one(streamed):
                if not streamed:
                    return (
                        (await ai.chat.completions.create(model=model, messages=ASK))
                        .choices[0]
                        .message.content
                    )
                stream = await ai.chat.completions.create(model=model, messages=ASK, stream=True)
                return "".join([c.choices[0].delta.content or "" async for c in stream])

            return await asyncio.gather(*(one(i % 2 == 0) for i in range(20)))

    equal(asyncio.run(ask_all()), ["Hello, world!"] * 20)


@of_each("images, names and odd parameters are taken")
def _(model):
    messages = [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "name": "ann",
            "content": [
                {"type": "text", "text": "Say exactly: Hello, world!"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}},
            ],
        },
    ]
    completion = client().chat.completions.create(
        model=model,
        messages=messages,
        temperature=0,
        seed=2**53 - 1,
        user="u",
        metadata={"a": "b"},
        extra_body={"made_up": {"x": 1}},
    )
    check(completion.choices[0].message.content, completion)


@case("max_tokens bounds the demo's answer, and n asks for several")
def _():
    completion = client().chat.completions.create(
        model="demo-fast", messages=[{"role": "user", "content": "Count to 500"}], max_tokens=5
    )
    equal((completion.choices[0].finish_reason, completion.usage.completion_tokens), ("length", 5))
    several = client().chat.completions.create(model="demo-fast", messages=ASK, n=3)
    equal([c.index for c in several.choices], [0, 1, 2])


@case("a refusal comes out as one")
def _():
    headers, _ = play("refusal")
    message = (
        client().chat.completions.create(model="up", messages=ASK, extra_headers=headers).choices[0].message
    )
    equal((message.refusal, message.content), ("I will not.", None))


@case("models are listed and retrieved; a key sees its own only")
def _():
    names = {m.id for m in client().models.list()}
    check({"up", "demo", "demo-fast"} <= names, names)
    equal(client().models.retrieve("demo").id, "demo")
    raises(openai.NotFoundError, lambda: client().models.retrieve("nothing"), "model_not_found")
    equal([m.id for m in client(key_of("narrow")).models.list()], ["up"])


@case("each error has its class and its code")
def _():
    def create(model="up", key=None, name=None, **more):
        headers = play(name)[0] if name else {}
        return lambda: client(key).chat.completions.create(
            **{"model": model, "messages": ASK, **more}, extra_headers=headers
        )

    raises(openai.AuthenticationError, create(key="sk-lw-wrong-wrong-wrong"), "invalid_api_key", 401)
    raises(openai.PermissionDeniedError, create("demo", key_of("narrow")), "permission_denied", 403)
    error = raises(openai.NotFoundError, create("nothing"), "model_not_found", 404)
    equal(error.param, "model")
    check(error.request_id.startswith("req_"), error.request_id)
    error = raises(openai.BadRequestError, create(n=1000), None, 400)
    equal((error.param, error.type), ("n", "invalid_request_error"))
    equal(
        raises(openai.BadRequestError, create(name="status400"), "bad_thing", 400).body["message"],
        "says the upstream",
    )
    raises(openai.NotFoundError, create(name="status404"), "gone", 404)
    raises(openai.UnprocessableEntityError, create(name="status422"), "odd", 422)
    raises(openai.InternalServerError, create(name="status500"), "upstream_failed", 502)
    raises(openai.InternalServerError, create("touchy", name="status401"), "upstream_auth", 502)
    raises(openai.InternalServerError, create("demo-fail"), "upstream_failed", 502)
    error = raises(openai.RateLimitError, create("demo-429"), "rate_limit_exceeded", 429)
    check(int(error.response.headers["retry-after-ms"]) > 0, error.response.headers)
    raises(openai.BadRequestError, create(stream=True, n=0), None, 400)


@case("the gateway's own clocks come out as errors with their codes")
def _():
    headers, _ = play("silence")
    for model, headers in (("up", headers), ("demo-hang", {})):
        for streamed in (False, True):
            raises(
                openai.InternalServerError,
                lambda: client().chat.completions.create(
                    model=model, messages=ASK, stream=streamed, extra_headers=headers
                ),
                "upstream_first_token_timeout",
                504,
            )


@case("a stream that breaks raises, and is never taken for complete")
def _():
    for model, name, code in (
        ("up", "cut", "upstream_connection_lost"),
        ("demo-cut", None, "upstream_connection_lost"),
        ("demo-stall", None, "upstream_between_tokens_timeout"),
    ):
        pieces = []

        def read():
            headers = play(name)[0] if name else {}
            for chunk in client().chat.completions.create(
                model=model, messages=ASK, stream=True, extra_headers=headers
            ):
                pieces.append(chunk.choices[0].delta.content or "")

        raises(openai.APIError, read, code)
        check("".join(pieces), "nothing came before")


@case(
    "the SDK does not retry what the gateway has tried: one request upstream for a 500, none for our own refusals"
)
def _():
    s = setting()
    for name, kind, count in (
        ("status500", openai.InternalServerError, 1),
        ("status400", openai.BadRequestError, 1),
        ("silence", openai.InternalServerError, 1),
    ):
        headers, request_id = play(name)
        raises(
            kind,
            lambda: client(max_retries=3).chat.completions.create(
                model="up", messages=ASK, extra_headers=headers
            ),
        )
        equal(len(s.up.requests(request_id)), count, f"requests upstream, {name}")


@case("the SDK retries our rate limit when it is told to, and succeeds")
def _():
    key, wait = key_of("limited"), None
    for _ in range(200):
        try:
            client(key).chat.completions.create(model="up", messages=ASK)
        except openai.RateLimitError as error:
            start, wait = time.monotonic(), int(error.response.headers["retry-after-ms"]) / 1000
            break
    check(wait, "never limited")
    equal(
        client(key, max_retries=4)
        .chat.completions.create(model="up", messages=ASK)
        .choices[0]
        .message.content,
        "Hello, world!",
    )
    took = time.monotonic() - start
    check(wait - 0.02 < took < wait + 1.5, f"took {took} s where {wait} s were told")


@case("the SDK's timeout ends the call upstream, too")
def _():
    s = setting()
    headers, request_id = play("silence")
    start = time.monotonic()
    # The SDK says in a field how long it waits; whose clock rings first, ends it.
    try:
        client(timeout=0.4).chat.completions.create(model="patient", messages=ASK, extra_headers=headers)
        check(False, "it was answered")
    except openai.APITimeoutError:
        pass
    except openai.InternalServerError as error:
        equal(error.code, "client_deadline")
    check(time.monotonic() - start < 1.5, "late")
    peer = s.up.requests(request_id)[0].peer
    eventually(lambda: peer.closed_at, 1.5, "the upstream's connection closed")


@case("closing a stream in the middle ends the call upstream within a second")
def _():
    s = setting()
    headers, request_id = play("endless")
    stream = client().chat.completions.create(
        model="patient", messages=ASK, stream=True, extra_headers=headers
    )
    for i, _ in enumerate(stream):
        if i > 4:
            break
    left = time.monotonic()
    stream.close()
    peer = s.up.requests(request_id)[0].peer
    eventually(lambda: peer.closed_at, 2, "the upstream's connection closed")
    check(peer.closed_at - left < 1, "took", peer.closed_at - left)
    equal(s.gateway.log_of(request_id)["outcome"], "cancelled")


@case("raw responses show the headers: request id, provider, limits")
def _():
    headers, request_id = play("plain")
    raw = client(key_of("shown")).chat.completions.with_raw_response.create(
        model="up", messages=ASK, extra_headers=headers
    )
    equal(raw.headers["x-request-id"], request_id)
    equal(raw.headers["x-lowart-provider"], "up")
    equal(raw.headers["x-ratelimit-limit-requests"], "1000")
    check(int(raw.headers["x-ratelimit-remaining-tokens"]) < 1000000, raw.headers)
    equal(raw.parse()._request_id, request_id)
    with client().chat.completions.with_streaming_response.create(
        model="up", messages=ASK, stream=True
    ) as raw:
        check(raw.headers["content-type"].startswith("text/event-stream"), raw.headers)
        equal(list(raw.iter_lines())[-2:][0] or "data: [DONE]", "data: [DONE]")


@case("a slow stream arrives piece by piece")
def _():
    headers, _ = play("slow")
    times = [
        time.monotonic()
        for _ in client().chat.completions.create(
            model="up", messages=ASK, stream=True, extra_headers=headers
        )
    ]
    check(times[-1] - times[0] > 0.4, "gathered:", times[-1] - times[0])
