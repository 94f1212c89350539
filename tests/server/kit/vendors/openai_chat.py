"""OpenAI chat completions, as api.openai.com speaks it; reasoning in DeepSeek's words, as OpenAI shows none here."""

import json

from .turns import (
    Asked,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    image_of_data_url,
    known,
    need,
    pieces,
)

TERMINAL = b"data: [DONE]\n\n"
FINISH = {"stop": "stop", "length": "length", "tools": "tool_calls"}
FIELDS = set(
    """model messages stream stream_options tools tool_choice parallel_tool_calls response_format temperature
    top_p max_tokens max_completion_tokens stop n seed user metadata store reasoning_effort presence_penalty
    frequency_penalty logit_bias logprobs top_logprobs service_tier modalities audio prediction verbosity
    web_search_options prompt_cache_key prompt_cache_retention safety_identifier functions function_call""".split()
)


def read(path, headers, body):
    known(body, FIELDS)
    need(isinstance(body.get("model"), str), "you must provide a model parameter", "model")
    need(body.get("messages"), "[] is too short - 'messages'", "messages")
    stream = bool(body.get("stream"))
    need(
        stream or "stream_options" not in body,
        "'stream_options' is only allowed with stream",
        "stream_options",
    )
    options = body.get("stream_options") or {}
    asked = Asked(
        model=body["model"],
        stream=stream,
        with_usage=not stream or bool(options.get("include_usage")),
        max_tokens=body.get("max_completion_tokens", body.get("max_tokens")),
        temperature=body.get("temperature"),
        top_p=body.get("top_p"),
        thinks=bool(body.get("reasoning_effort")),
        metadata={"obfuscation": options.get("include_obfuscation", True)},
    )
    stop = body.get("stop") or []
    asked.stop = [stop] if isinstance(stop, str) else stop
    read_messages(asked, body["messages"])
    for i, tool in enumerate(body.get("tools") or []):
        need(tool.get("type") == "function", "Invalid value for type", f"tools[{i}].type")
        asked.tools[tool["function"]["name"]] = tool["function"].get("parameters")
    choice = body.get("tool_choice") or ""
    need(
        not choice or asked.tools, "'tool_choice' is only allowed when 'tools' are specified.", "tool_choice"
    )
    asked.tool_choice = choice if isinstance(choice, str) else choice["function"]["name"]
    form = body.get("response_format") or {}
    if form.get("type") == "json_schema":
        need(form["json_schema"].get("name"), "Missing 'name'", "response_format.json_schema.name")
        asked.schema = form["json_schema"]["schema"]
    return asked


def read_messages(asked, messages):
    waiting = []  # ids of calls that have no result yet
    systems = []
    for i, message in enumerate(messages):
        role, where = message.get("role"), f"messages.[{i}]"
        if role == "tool":
            need(message.get("tool_call_id") in waiting, "'tool' must follow 'tool_calls'", f"{where}.role")
            waiting.remove(message["tool_call_id"])
            text = "".join(part.text for part in parts_of(message["content"], where))
            asked.messages.append(("user", [ToolResult(message["tool_call_id"], text)]))
            continue
        need(not waiting, f"'tool_calls' must be followed by tool messages for: {waiting}", where)
        parts = parts_of(message.get("content"), where)
        if role in ("system", "developer"):
            systems += [part.text for part in parts]
        elif role == "user":
            need(parts, "content is required", f"{where}.content")
            asked.messages.append(("user", parts))
        else:
            need(role == "assistant", f"Invalid value: '{role}'", f"{where}.role")
            asked.messages.append(("assistant", parts + read_calls(message, waiting, where)))
    need(not waiting, f"'tool_calls' must be followed by tool messages for: {waiting}", "messages")
    asked.system = "\n".join(systems)


def read_calls(message, waiting, where):
    calls = message.get("tool_calls")
    need(calls is None or calls, "[] is too short", f"{where}.tool_calls")
    need(calls or message.get("content") is not None, "content or tool_calls", f"{where}.content")
    made = []
    for call in calls or []:
        need(
            call.get("id") and call.get("type") == "function",
            "id and type are required",
            f"{where}.tool_calls",
        )
        waiting.append(call["id"])
        made.append(
            ToolCall(call["id"], call["function"]["name"], json.loads(call["function"]["arguments"] or "{}"))
        )
    return made


def parts_of(content, where):
    if isinstance(content, str) or content is None:
        return [Text(content)] if content else []
    return [part_of(part, f"{where}.content[{i}]") for i, part in enumerate(content)]


def part_of(part, where):
    if part["type"] == "image_url":
        return image_of_data_url(part["image_url"]["url"], f"{where}.image_url")
    need(part["type"] in ("text", "refusal"), f"Invalid value: '{part['type']}'", f"{where}.type")
    return Text(part[part["type"]])


# --- answers ----------------------------------------------------------------------------------------------------------


def usage_of(usage):
    return {
        "prompt_tokens": usage.all_input,
        "completion_tokens": usage.all_output,
        "total_tokens": usage.all_input + usage.all_output,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached,
            "audio_tokens": 0,
            "cache_write_tokens": usage.written,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def head(asked, kind):
    return {
        "id": "chatcmpl-CuZ7vendor",
        "object": kind,
        "created": 1795490000,
        "model": asked.model,
        "service_tier": "default",
        "system_fingerprint": None,
    }


def joined(turn, kind):
    return "".join(part.text for part in turn.parts if isinstance(part, kind))


def whole(asked, turn):
    message = {"role": "assistant", "content": joined(turn, Text) or None, "refusal": None, "annotations": []}
    if joined(turn, Thinking):
        message["reasoning_content"] = joined(turn, Thinking)
    calls = [part for part in turn.parts if isinstance(part, ToolCall)]
    if calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
            }
            for call in calls
        ]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": FINISH[turn.finish]}
    return {**head(asked, "chat.completion"), "choices": [choice], "usage": usage_of(turn.usage)}


def chunk(asked, delta, finish=None):
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return event({**head(asked, "chat.completion.chunk"), "choices": [choice]}, asked)


def event(value, asked):
    if asked.with_usage:
        value.setdefault("usage", None)
    if asked.metadata["obfuscation"]:
        value["obfuscation"] = "Kx9fQ2"
    return b"data: " + json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


def events(asked, turn):
    yield chunk(asked, {"role": "assistant", "content": "", "refusal": None})
    index = 0
    for part in turn.parts:
        if isinstance(part, (Text, Thinking)):
            name = "content" if isinstance(part, Text) else "reasoning_content"
            for piece in pieces(part.text):
                yield chunk(asked, {name: piece})
        elif isinstance(part, ToolCall):
            function = {"name": part.name, "arguments": ""}
            first = {"index": index, "id": part.id, "type": "function", "function": function}
            yield chunk(asked, {"tool_calls": [first]})
            for piece in pieces(json.dumps(part.arguments), 5):
                yield chunk(asked, {"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
            index += 1
    yield from ending(asked, turn)


def ending(asked, turn):
    """From the finish reason on."""
    yield chunk(asked, {}, FINISH[turn.finish])
    if asked.with_usage:
        yield event(
            {**head(asked, "chat.completion.chunk"), "choices": [], "usage": usage_of(turn.usage)}, asked
        )
    yield TERMINAL


TYPES = {
    400: ("invalid_request_error", "invalid_value"),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "unsupported_country_region_territory"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}


def error(status, message, param=None, details=None):
    kind, code = TYPES.get(status, ("server_error", None))
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def error_headers(retry_after):
    return {"x-request-id": "req_vendor", **({"retry-after": retry_after} if retry_after else {})}


def error_event(message):
    return b"data: " + json.dumps(error(500, message)).encode() + b"\n\n"
