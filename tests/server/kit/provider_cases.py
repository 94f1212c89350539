"""What must hold of a provider of any type: the cases of each are made of these. `h` is a ProviderHouse."""

from .cases import check, equal
from .envelopes import ended_well, events, last_words, text, words
from .gateway import Gateway, new_key, outcome, provider, run_on
from .tool_turns import ENDS, SCHEMA, TOOLS, call_in, streamed_arguments, whole_text, with_result
from .upstream import Upstream
from .vendors import VENDOR_KEY


def answers_whole(h, door, path):
    """Returns the record of the call."""
    name, key = h.own_key()
    answer, seen = h.ask(door, key=key)
    equal((answer.status, whole_text(door, answer.json())), (200, "Hello, world!"), answer)
    check(seen.line.startswith(f"POST {path} "), seen.line)
    equal((seen.json()["model"], seen.json()["stream"]), (h.model, False))
    equal(seen.field("authorization"), f"Bearer {VENDOR_KEY}")
    (record,) = h.gateway.records(name)
    equal(outcome(record), ("complete", "reported"))
    equal((record["input"], record["output"], record["upstream_model"]), (11, 5, h.model))
    return record


def answers_streamed(h, door, accept):
    name, key = h.own_key()
    answer, seen = h.ask(door, stream=True, key=key)
    found = events(answer)
    equal((answer.status, text(door, found), ended_well(door, found)), (200, "Hello, world!", True), answer)
    equal((seen.json()["stream"], seen.field("accept")), (True, accept))
    (record,) = h.gateway.records(name)
    equal((outcome(record), record["input"], record["output"]), (("complete", "reported"), 11, 5))


def tells_errors(h, door):
    """Before a stream and within it."""
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


def calls_a_tool(h, door):
    """Whole and streamed, and brings its result back. Returns the last two messages upstream: call and result."""
    answer, seen = h.ask(door, say="play:tools", more=TOOLS[door])
    equal(answer.status, 200, answer)
    call_id, *call = call_in(door, answer.json())
    equal(call, ["weather", {"city": "Paris"}, ENDS[door]])
    equal(seen.json()["tools"][0]["function"]["parameters"], SCHEMA)
    streamed, _ = h.ask(door, stream=True, say="play:tools", more=TOOLS[door])
    found = events(streamed)
    check(ended_well(door, found) and b"weather" in streamed.body, streamed)
    equal(streamed_arguments(door, found), {"city": "Paris"}, streamed)
    answer, seen = h.ask(door, more=TOOLS[door] | with_result(door, call_id))
    equal(answer.status, 200, answer)
    equal(whole_text(door, answer.json()), "The tools say: sunny")
    return seen.json()["messages"][-2:]


def reads_it_however_cut(h, stream, framed):
    """`stream` says "Hello, world!"; `framed(*pieces)` plays it. Without a key nothing is sent."""
    for size in (1, 7, 100):
        play = framed(*(stream[at : at + size] for at in range(0, len(stream), size)))
        answer, seen = h.ask("chat", model="keyless", stream=True, play=play)
        equal((answer.text(), seen.field("authorization")), ("Hello, world!", None), answer)


def asks_the_next_after(h, plays):
    for play in plays:
        answer, _ = h.ask("chat", model="chain", stream=True, play=play)
        equal((answer.status, answer.text()), (200, "Hello, world!"), answer)
        equal(answer.field("x-lowart-provider"), "second")


def fails_beyond_the_limit(h, framed, hello, endless):
    """An event that is `endless`, a list of pieces: at once, and behind `hello`, which is billed as partial."""
    answer, _ = h.ask("chat", model="odd", stream=True, play=framed(*endless))
    equal(answer.status, 502, answer)
    check("size limit" in answer.error["message"], answer)
    name, key = h.own_key()
    answer, _ = h.ask("chat", model="odd", stream=True, play=framed(hello, *endless), key=key)
    found = events(answer)
    equal((answer.status, text("chat", found)), (200, "Hello"))
    check("size limit" in found[-1]["error"]["message"], found[-1])
    (record,) = h.gateway.records(name)
    equal(outcome(record), ("partial", "partial"))


def embeds(h, path, reply, sent, **gemini):
    """For clients of OpenAI and of Gemini, these with the members `gemini`, whose request upstream is returned. `reply`
    plays [[0.5, -1], [0.25, 3e-9]] for 8 tokens."""
    name, key = h.own_key()
    answer, seen = h.post("/v1/embeddings", {"model": "odd", "input": ["a", "b"], "dimensions": 2}, reply, key=key)
    check(seen.line.startswith(f"POST {path} "), seen.line)
    equal(seen.json(), sent)
    equal([d["embedding"] for d in answer.json()["data"]], [[0.5, -1], [0.25, 3e-9]])
    equal(answer.json()["usage"]["prompt_tokens"], 8)
    (record,) = h.gateway.records(name)
    equal((record["operation"], record["input"], outcome(record)), ("embedding", 8, ("complete", "reported")))
    requests = [{"content": {"parts": [{"text": t}]}, **gemini} for t in "ab"]
    answer, seen = h.post("/v1beta/models/odd:batchEmbedContents", {"requests": requests}, reply)
    equal(answer.json(), {"embeddings": [{"values": [0.5, -1]}, {"values": [0.25, 3e-9]}]})
    return seen


def lists_models(kind, play, ids):
    """Where a pattern leads to the provider. Returns the lines of the requests that ask it."""
    up = Upstream()
    up.default = play
    providers = {"p": provider(up.url.removesuffix("/v1"), type=kind)}
    with Gateway({"providers": providers, "models": {"*": {"targets": [{"provider": "p"}]}}}, threads=1) as gateway:
        equal([m["id"] for m in gateway.get("/v1/models").json()["data"]], ids)
        return [request.line for request in up.seen[None]]


def validates(kind, right, wrong, word):
    """Members of a provider's entry: `right` is taken, of `wrong` it is said what is wrong, with `word`."""
    base = f"providers: {{p: {{type: {kind}%s}}}}\nmodels: {{m: {{targets: [{{provider: p}}]}}}}\n"
    base += "keys: [{name: a, key: %s}]\n"
    done, _ = run_on(base % (right, new_key()), "validate")
    equal(done.returncode, 0, done)
    done, _ = run_on(base % (wrong, new_key()), "validate")
    check(done.returncode != 0 and word in done.stdout + done.stderr, done)
