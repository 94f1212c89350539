"""Cohere, version 2 of its API: typed events, plans before calls, tokens that are used and others that are billed."""

import json

from .turns import Asked, Image, Text, Thinking, ToolCall, ToolResult, image_of_data_url, known, need, pieces

FINISH = {"stop": "COMPLETE", "length": "MAX_TOKENS", "tools": "TOOL_CALL"}
FIELDS = set(
    """model messages tools strict_tools documents citation_options response_format safety_mode max_tokens
    stop_sequences temperature seed frequency_penalty presence_penalty k p logprobs tool_choice thinking priority
    stream""".split()
)
MEMBERS = {
    "system": {"role", "content"},
    "user": {"role", "content"},
    "assistant": {"role", "content", "tool_calls", "tool_plan", "citations"},
    "tool": {"role", "content", "tool_call_id"},
}
OWN_PROMPT = 500  # tokens that Cohere puts around what it is asked


def read(path, headers, body):
    known(body, FIELDS)
    need(body.get("model"), "model is required")
    need(body.get("messages"), "invalid request: messages must not be empty")
    thinking = body.get("thinking") or {}
    known(thinking, {"type", "token_budget"}, "thinking")
    need(thinking.get("type") in (None, "enabled", "disabled"), "invalid thinking type")
    need(thinking.get("token_budget", 1) > 0, "token_budget must be positive")
    need(0.01 <= body.get("p", 0.75) <= 0.99, "p must be between 0.01 and 0.99")
    for name in ("frequency_penalty", "presence_penalty"):
        need(0 <= body.get(name, 0) <= 1, f"{name} must be between 0.0 and 1.0")
    need(body.get("tool_choice") in (None, "REQUIRED", "NONE"), "invalid tool_choice")
    need("tool_choice" not in body or body.get("tools"), "tool_choice needs tools")
    form = body.get("response_format") or {}
    need(form.get("type") in (None, "text", "json_object"), "invalid response_format")
    asked = Asked(
        model=body["model"],
        stream=body.get("stream", False),
        max_tokens=body.get("max_tokens"),
        temperature=body.get("temperature"),
        top_p=body.get("p"),
        stop=body.get("stop_sequences") or [],
        tool_choice=(body.get("tool_choice") or "").lower(),
        schema=form.get("json_schema"),
        thinks=thinking.get("type") == "enabled",
    )
    need(len(asked.stop) <= 5, "too many stop sequences")
    read_messages(asked, body["messages"])
    for tool in body.get("tools") or []:
        function = tool["function"]
        need(tool.get("type") == "function" and function.get("name"), "invalid tool")
        need(isinstance(function.get("parameters"), dict), "parameters are required")
        asked.tools[function["name"]] = function["parameters"]
    return asked


def read_messages(asked, messages):
    waiting = []
    for i, message in enumerate(messages):
        role = message.get("role")
        need(role in MEMBERS, f"invalid role {role}")
        known(message, MEMBERS[role], "messages")
        need(role != "system" or i == 0, "system turn must be the first in the list")
        if role == "tool":
            need(message.get("tool_call_id") in waiting, "a result without its call")
            waiting.remove(message["tool_call_id"])
            asked.messages.append(("user", [ToolResult(message["tool_call_id"], text_of(message["content"]))]))
            continue
        need(not waiting, f"no result for {waiting}")
        if role == "system":
            asked.system = text_of(message["content"])
        elif role == "user":
            parts = parts_of(message["content"])
            need(parts, "message must not be empty in a turn")
            asked.messages.append(("user", parts))
        else:
            calls = [call_of(call) for call in message.get("tool_calls") or []]
            need(calls or "tool_plan" not in message, "a plan without calls")
            need(calls or message.get("content"), "message must not be empty in a turn")
            waiting += [call.id for call in calls]
            plan = [Thinking(message["tool_plan"], None)] if message.get("tool_plan") else []
            asked.messages.append(("assistant", parts_of(message.get("content") or []) + plan + calls))
    need(not waiting, f"no result for {waiting}")


def parts_of(content):
    if isinstance(content, str):
        return [Text(content)] if content else []
    made = []
    for part in content:
        if part["type"] == "image_url":
            made.append(image_of_data_url(part["image_url"]["url"], "image_url"))
        elif part["type"] == "thinking":
            made.append(Thinking(part["thinking"], None))
        else:
            need(part["type"] == "text", f"invalid content type {part['type']}")
            made.append(Text(part["text"]))
    return made


def text_of(content):
    parts = parts_of(content)
    need(not any(isinstance(part, Image) for part in parts), "only text is allowed here")
    return "\n".join(part.text for part in parts)


def call_of(call):
    need(call.get("id") and call.get("type") == "function", "id and type are required")
    arguments = json.loads(call["function"]["arguments"])
    need(isinstance(arguments, dict), "arguments must be an object")
    return ToolCall(call["id"], call["function"]["name"], arguments)


# --- answers ----------------------------------------------------------------------------------------------------------


def usage_of(usage):
    return {
        "billed_units": {"input_tokens": usage.all_input, "output_tokens": usage.all_output},
        "tokens": {"input_tokens": usage.all_input + OWN_PROMPT, "output_tokens": usage.all_output + 3},
        "cached_tokens": OWN_PROMPT - 52,
    }


def wire_call(call):
    function = {"name": call.name, "arguments": json.dumps(call.arguments)}
    return {"id": call.id, "type": "function", "function": function}


def split(turn):
    """(blocks, plan, calls): what is said before calls is a plan."""
    calls = [part for part in turn.parts if isinstance(part, ToolCall)]
    blocks = [part for part in turn.parts if isinstance(part, Thinking) or (isinstance(part, Text) and not calls)]
    plan = "".join(part.text for part in turn.parts if isinstance(part, Text)) if calls else ""
    return blocks, plan, calls


def kind_of(block):
    return "thinking" if isinstance(block, Thinking) else "text"


def whole(asked, turn):
    blocks, plan, calls = split(turn)
    message = {"role": "assistant"}
    if blocks:
        message["content"] = [{"type": kind_of(b), kind_of(b): b.text} for b in blocks]
    if calls:
        message |= {"tool_plan": plan, "tool_calls": [wire_call(call) for call in calls]}
    usage = usage_of(turn.usage)
    return {"id": "c-vendor", "message": message, "finish_reason": FINISH[turn.finish], "usage": usage}


def event(kind, **members):
    data = json.dumps({"type": kind, **members}, ensure_ascii=False, separators=(",", ":"))
    return f"event: {kind}\ndata: {data}\n\n".encode()


def added(kind, message, **members):
    return event(kind, **members, delta={"message": message})


def events(asked, turn):
    blocks, plan, calls = split(turn)
    start = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    yield event("message-start", id="c-vendor", delta={"message": start})
    for i, block in enumerate(blocks):
        name = kind_of(block)
        yield added("content-start", {"content": {"type": name, name: ""}}, index=i)
        for piece in pieces(block.text):
            yield added("content-delta", {"content": {name: piece}}, index=i)
        yield event("content-end", index=i)
    for piece in pieces(plan):
        yield added("tool-plan-delta", {"tool_plan": piece})
    for i, call in enumerate(calls):
        function = {"name": call.name, "arguments": ""}
        begun = {"id": call.id, "type": "function", "function": function}
        yield added("tool-call-start", {"tool_calls": begun}, index=i)
        for piece in pieces(json.dumps(call.arguments)) if call.arguments else ():
            yield added("tool-call-delta", {"tool_calls": {"function": {"arguments": piece}}}, index=i)
        yield event("tool-call-end", index=i)
    yield from ending(asked, turn)


def ending(asked, turn):
    yield event("message-end", delta={"finish_reason": FINISH[turn.finish], "usage": usage_of(turn.usage)})


def error(status, message, param=None, details=None):
    return {"id": "e-vendor", "message": message}


def error_headers(retry_after):
    return {"retry-after": retry_after} if retry_after else {}


def error_event(message):
    return event("message-end", delta={"finish_reason": "ERROR", "error": message})
