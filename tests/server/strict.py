"""What the official OpenAI SDKs insist on in a streamed chat completion, and what a client hears of one."""

import json


def chunks_of(body):
    lines = body.decode().replace("\r\n", "\n").split("\n")
    data = [line[5:].strip() for line in lines if line.startswith("data:")]
    return [json.loads(text) for text in data if text != "[DONE]"]


def faults(body):
    """Every reason for a strict client to refuse the stream; none for legacy completions."""
    found, roles, calls, finished = set(), set(), {}, set()
    for chunk in chunks_of(body):
        for choice in chunk.get("choices") or []:
            delta = choice.get("delta")
            if not isinstance(delta, dict):
                continue
            if not isinstance(choice.get("index"), int):
                found.add("a choice without an index")
            index = choice.get("index")
            if index not in roles and not delta.get("role"):
                found.add("a first delta without a role")
            roles.add(index)
            for call in delta.get("tool_calls") or []:
                if not isinstance(call.get("index"), int):
                    found.add("a tool call without an index")
                begins = (index, call.get("index")) not in calls
                if begins and not (call.get("id") and call.get("type")):
                    found.add("a tool call without an id or a type")
                said = call.get("function") or call.get("custom") or {}
                name = calls.setdefault((index, call.get("index")), said.get("name"))
                if "name" in said and said["name"] != name:
                    found.add("a tool call that changes its name")
            if choice.get("finish_reason"):
                finished.add(index)
    if roles - finished:
        found.add("a choice that never finishes")
    return found


def heard(body):
    """Text, tool calls and usage as a lenient client puts them together."""
    texts, calls, usage = {}, {}, None
    for chunk in chunks_of(body):
        usage = chunk.get("usage") or usage
        for position, choice in enumerate(chunk.get("choices") or []):
            index = choice.get("index", position)
            delta = choice.get("delta") or {}
            for name in ("content", "reasoning", "reasoning_content", "refusal"):
                if delta.get(name):
                    texts.setdefault((index, name), []).append(json.dumps(delta[name]))
            for place, call in enumerate(delta.get("tool_calls") or []):
                said = call.get("function") or call.get("custom") or {}
                pieces = calls.setdefault((index, call.get("index", place)), ["", ""])
                pieces[0] += said.get("name") or ""
                pieces[1] += str(said.get("arguments") or said.get("input") or "")
    return texts, calls, usage
