"""What clients of each dialect ask in these tests, and how they read answers, errors and ends of streams."""

import functools
import json
from pathlib import Path

PAGE = Path(__file__).resolve().parents[3] / "docs/faults.md"
GEMINI = "/v1beta/models"
DIALECTS = {"chat": "openai", "responses": "openai_responses", "messages": "anthropic", "gemini": "gemini"}
PARTS = [{"text": "Hi"}]


def request(dialect, model, stream):
    """(path, body) of a call."""
    said = [{"role": "user", "content": "Hi"}]
    more = {"stream": True} if stream else {}
    verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return {
        "chat": ("/v1/chat/completions", {"model": model, "messages": said, **more}),
        "completions": ("/v1/completions", {"model": model, "prompt": "Hi", **more}),
        "responses": ("/v1/responses", {"model": model, "input": "Hi", **more}),
        "messages": ("/v1/messages", {"model": model, "max_tokens": 99, "messages": said, **more}),
        "gemini": (f"{GEMINI}/{model}:{verb}", {"contents": [{"role": "user", "parts": PARTS}]}),
        "embeddings": ("/v1/embeddings", {"model": model, "input": "Hi"}),
        "gemini embeddings": (f"{GEMINI}/{model}:embedContent", {"content": {"parts": PARTS}}),
    }[dialect]


def family(dialect):
    """Whose envelope it has: openai, anthropic or gemini."""
    return {"messages": "anthropic", "gemini": "gemini", "gemini embeddings": "gemini"}.get(dialect, "openai")


@functools.cache
def told_by_page():
    """What docs/faults.md says of each code: (status, x-should-retry, {family: its words})."""
    table = PAGE.read_text().split("<!-- errors -->")[1].split("<!-- /errors -->")[0]
    told = {}
    for line in table.strip().splitlines()[2:]:
        name, status, retry, openai, anthropic, gemini, _ = [cell.strip() for cell in line.strip("|").split("|")]
        kind, code = [None if word == "null" else word.strip("`") for word in openai.split(", ")]
        known = {"openai": (kind, code), "anthropic": anthropic.strip("`"), "gemini": gemini.strip("`")}
        told[name.replace("`", "")] = (int(status), "" if retry == "-" else retry, known)
    return told


def words(dialect, body):
    """What tells an error of this dialect: OpenAI (type, code), Anthropic and Gemini their one word. Raises where the
    envelope is not whole."""
    error = body["error"]
    assert error["message"], body
    if family(dialect) == "anthropic":
        assert body["type"] == "error", body
        return error["type"]
    if family(dialect) == "gemini":
        assert isinstance(error["code"], int) and error["details"], body
        return error["status"]
    assert set(error) == {"message", "type", "param", "code"}, body
    return error["type"], error["code"]


def last_words(dialect, event, status):
    """The same of a stream's last event. `status`: what the code is told by before a stream."""
    if dialect == "responses":
        assert event["type"] == "error" and event["message"] and event["sequence_number"] > 0, event
        assert event["code"] == event["error"]["code"] and event["error"]["message"], event
        return event["error"]["type"], event["code"]
    if family(dialect) == "gemini":
        assert event["error"]["code"] == status, event
    return words(dialect, event)


def ended_well(dialect, events):
    """Whether a stream says that it is complete."""
    last = events[-1]
    if dialect in ("chat", "completions"):
        return last == "[DONE]"
    if dialect == "gemini":
        return "error" not in last and bool(last["candidates"][0].get("finishReason"))
    return last["type"] in ("response.completed", "message_stop")


def events(answer):
    """The data of a stream's events; each of them is closed."""
    blocks = answer.body.decode().replace("\r\n", "\n").split("\n\n")
    assert blocks[-1] == "", f"the stream ends within an event: {blocks[-1][-200:]}"
    data = ["".join(line[5:].strip() for line in b.split("\n") if line.startswith("data:")) for b in blocks[:-1]]
    return [d if d == "[DONE]" else json.loads(d) for d in data if d]


def text(dialect, found):
    """All that a stream says."""
    if dialect in ("chat", "completions"):
        choices = [c for e in found if e != "[DONE]" for c in e.get("choices", [])]
        return "".join(c.get("text") or c.get("delta", {}).get("content") or "" for c in choices)
    if dialect == "responses":
        return "".join(e["delta"] for e in found if e.get("type") == "response.output_text.delta")
    if dialect == "messages":
        return "".join(e["delta"].get("text", "") for e in found if e.get("type") == "content_block_delta")
    candidates = [c for e in found for c in e.get("candidates", [])]
    return "".join(p.get("text", "") for c in candidates for p in c.get("content", {}).get("parts", []))
