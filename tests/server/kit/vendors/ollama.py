"""Ollama, as a server of its own speaks it: lines of JSON, no ids of replies, errors of one text."""

import base64
import json

from .turns import Asked, Image, Text, Thinking, ToolCall, ToolResult, known, need, pieces

CONTENT_TYPE = "application/x-ndjson"
FINISH = {"stop": "stop", "length": "length", "tools": "stop"}
FIELDS = set("model messages tools format options think stream keep_alive logprobs top_logprobs".split())
GENERATE = FIELDS - {"messages", "tools"} | set("prompt suffix system template raw context images".split())
OPTIONS = set(
    """num_ctx num_predict temperature top_p top_k seed stop frequency_penalty presence_penalty repeat_penalty
    min_p num_keep""".split()
)
MEMBERS = set("role content thinking images tool_calls tool_name tool_call_id".split())
THINK = (None, True, False, "low", "medium", "high")


def read(path, headers, body):
    known(body, GENERATE if path == "/api/generate" else FIELDS)
    need(body.get("model"), "model is required")
    options = body.get("options") or {}
    known(options, OPTIONS, "options")
    need(body.get("think") in THINK, "invalid think value")
    need(isinstance(options.get("stop", []), list), "option \"stop\" must be of type array")
    asked = Asked(
        model=body["model"],
        stream=body.get("stream", True),
        max_tokens=options.get("num_predict"),
        temperature=options.get("temperature"),
        top_p=options.get("top_p"),
        stop=options.get("stop") or [],
        thinks=bool(body.get("think")),
        metadata={"options": options, "think": body.get("think"), "format": body.get("format")},
    )
    if isinstance(body.get("format"), dict):
        asked.schema = body["format"]
    if path == "/api/generate":
        read_prompt(asked, body)
        return asked
    need(body.get("messages"), "the model would only be loaded")
    read_messages(asked, body["messages"])
    for tool in body.get("tools") or []:
        function = tool["function"]
        need(tool.get("type") == "function" and function.get("name"), "json: cannot unmarshal a tool")
        need(function["parameters"].get("type") == "object", "json: parameters must be an object")
        asked.tools[function["name"]] = function["parameters"]
    return asked


def read_prompt(asked, body):
    need(body.get("prompt"), "the model would only be loaded")
    images = [Image("image/png", base64.b64decode(data, validate=True)) for data in body.get("images") or []]
    asked.messages.append(("user", [Text(body["prompt"]), *images]))
    asked.system = body.get("system", "")
    asked.metadata["generate"] = True


def read_messages(asked, messages):
    systems = []
    for message in messages:
        known(message, MEMBERS, "messages")
        role, content = message["role"], message["content"]
        need(role in ("system", "user", "assistant", "tool"), f"invalid role: {role}")
        need(isinstance(content, str), "json: cannot unmarshal content into a string")
        images = [Image("image/png", base64.b64decode(data, validate=True)) for data in message.get("images") or []]
        if role == "system":
            systems.append(content)
        elif role == "tool":
            need(message.get("tool_name"), "a result without its tool's name")
            asked.messages.append(("user", [ToolResult(message.get("tool_call_id", ""), content), *images]))
        else:
            parts = [Thinking(message["thinking"], None)] if message.get("thinking") else []
            parts += [Text(content)] if content else []
            asked.messages.append((role, parts + images + [call_of(call) for call in message.get("tool_calls") or []]))
    asked.system = "\n".join(systems)


def call_of(call):
    function = call["function"]
    need(isinstance(function["arguments"], dict), "json: cannot unmarshal arguments into an object")
    return ToolCall(call.get("id", ""), function["name"], function["arguments"])


# --- answers ----------------------------------------------------------------------------------------------------------


def line(asked, message, **more):
    said = {"message": {"role": "assistant", "content": "", **message}}
    if asked.metadata.get("generate"):
        said = {"response": message.get("content", ""), **{k: v for k, v in message.items() if k == "thinking"}}
    value = {
        "model": asked.model,
        "created_at": "2026-08-07T06:08:23.577476Z",
        **said,
        "done": False,
        **more,
    }
    return value


def told(turn):
    return {
        "done": True,
        "done_reason": FINISH[turn.finish],
        "total_duration": 8633813833,
        "load_duration": 143253708,
        "prompt_eval_count": turn.usage.all_input,
        "prompt_eval_duration": 25843000,
        "eval_count": turn.usage.all_output,
        "eval_duration": 8442672000,
    }


def wire_call(call, index):
    return {"id": call.id, "function": {"index": index, "name": call.name, "arguments": call.arguments}}


def calls_of(turn):
    calls = [part for part in turn.parts if isinstance(part, ToolCall)]
    return [wire_call(call, i) for i, call in enumerate(calls)]


def joined(turn, kind):
    return "".join(part.text for part in turn.parts if isinstance(part, kind))


def whole(asked, turn):
    message = {"content": joined(turn, Text)}
    if joined(turn, Thinking):
        message["thinking"] = joined(turn, Thinking)
    if calls_of(turn):
        message["tool_calls"] = calls_of(turn)
    return line(asked, message, **told(turn))


def event(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def events(asked, turn):
    for name, kind in (("thinking", Thinking), ("content", Text)):
        for piece in pieces(joined(turn, kind)):
            yield event(line(asked, {name: piece}))
    for call in calls_of(turn):
        yield event(line(asked, {"tool_calls": [call]}))
    yield from ending(asked, turn)


def ending(asked, turn):
    yield event(line(asked, {}, **told(turn)))


def error(status, message, param=None, details=None):
    return {"error": message}


def error_headers(retry_after):
    return {"retry-after": retry_after} if retry_after else {}


def error_event(message):
    return event({"error": message})
