"""Anthropic Messages, as api.anthropic.com speaks it, in the versions 2023-06-01 and 2026-10-21."""

import itertools
import json
import re
from urllib.parse import unquote

from .turns import (
    Asked,
    Redacted,
    Refused,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    genuine,
    image_of_base64,
    need,
    pieces,
)

VERSIONS = ("2023-06-01", "2026-10-21")
STOP = {"stop": "end_turn", "length": "max_tokens", "tools": "tool_use"}
SAMPLING = {"temperature", "top_p", "top_k"}
FIELDS = SAMPLING | set(
    """model messages system max_tokens stream tools tool_choice stop_sequences metadata thinking output_config
    service_tier container context_management mcp_servers inference_geo cache_control speed thread""".split()
)
# What the SDK's tool runner needs to hear to go on by sending the whole conversation.
NO_THREADS = {"error_code": "thread_unsupported_request", "unsupported": ["model"]}


def of_vertex(path, body):
    """A request to Vertex AI, as Anthropic's own API would get it."""
    model, verb = re.fullmatch(r".*/publishers/anthropic/models/([^/:]+):(rawPredict|streamRawPredict)", path).groups()
    if model == "count-tokens":
        return body
    need("model" not in body, "model: Extra inputs are not permitted")
    need(body.get("anthropic_version") == "vertex-2023-10-16", "anthropic_version: Field required")
    need(bool(body.get("stream")) == (verb == "streamRawPredict"), "stream: does not go with the path")
    return {name: value for name, value in body.items() if name != "anthropic_version"} | {"model": unquote(model)}


def read(path, headers, body):
    if path.endswith("Predict"):
        need("anthropic-version" not in headers, "anthropic-version: belongs into the body")
        headers, body = {**headers, "anthropic-version": VERSIONS[0]}, of_vertex(path, body)
    version = headers.get("anthropic-version")
    need(version, "anthropic-version: header is required")
    need(version in VERSIONS, f'anthropic-version: "{version}" is not a valid version')
    for name in body:
        need(name in FIELDS, f"{name}: Extra inputs are not permitted")
    if version == "2026-10-21":
        for name in SAMPLING & set(body):
            raise Refused(f"{name}: Extra inputs are not permitted")
    need(isinstance(body.get("model"), str), "model: Field required")
    if body.get("thread"):
        raise Refused("thread: not supported with this model", details=NO_THREADS)
    thinking = body.get("thinking") or {}
    asked = Asked(
        model=body["model"],
        stream=bool(body.get("stream")),
        system=text_of(body.get("system") or ""),
        max_tokens=body.get("max_tokens"),
        temperature=body.get("temperature"),
        top_p=body.get("top_p"),
        stop=body.get("stop_sequences") or [],
        thinks=thinking.get("type") not in (None, "disabled"),
    )
    if not path.endswith(("/count_tokens", "/count-tokens:rawPredict")):
        need(isinstance(asked.max_tokens, int), "max_tokens: Field required")
    need(asked.temperature is None or 0 <= asked.temperature <= 1, "temperature: range: 0..1")
    if thinking.get("type") == "enabled":
        need(thinking["budget_tokens"] >= 1024, "thinking.enabled.budget_tokens: at least 1024")
        need(thinking["budget_tokens"] < asked.max_tokens, "`max_tokens` must be greater than budget_tokens")
    read_messages(asked, body.get("messages") or [], version)
    for tool in body.get("tools") or []:
        if tool.get("type", "custom") == "custom":
            need(
                (tool.get("input_schema") or {}).get("type") == "object",
                "tools.0.custom.input_schema.type: Field required",
            )
            asked.tools[tool["name"]] = tool["input_schema"]
    choice = body.get("tool_choice") or {}
    kind = choice.get("type", "")
    asked.tool_choice = {"any": "required", "tool": choice.get("name")}.get(kind, kind)
    form = (body.get("output_config") or {}).get("format") or {}
    if form:
        need(form.get("type") == "json_schema", "output_config.format.type: must be 'json_schema'")
        asked.schema = form["schema"]
    return asked


def text_of(content):
    return content if isinstance(content, str) else "\n".join(block["text"] for block in content)


def read_messages(asked, messages, version):
    need(messages, "messages: at least one message is required")
    need(messages[0]["role"] != "assistant", 'messages: first message must use the "user" role')
    waiting, last = [], ""
    for i, message in enumerate(messages):
        role, where = message["role"], f"messages.{i}"
        if role == "system" and version == "2026-10-21":
            asked.system += text_of(message["content"])
            continue
        need(role in ("user", "assistant"), f"{where}.role: Input should be 'user' or 'assistant'")
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        need(blocks or i == len(messages) - 1, f"{where}: all messages must have non-empty content")
        parts = [part_of(block, f"{where}.content.{j}") for j, block in enumerate(blocks)]
        results = [part.id for part in parts if isinstance(part, ToolResult)]
        for id in results:
            need(id in waiting, f"{where}: unexpected `tool_use_id` found in `tool_result` blocks: {id}")
        missing = [id for id in waiting if id not in results]
        need(
            not missing or role == last,
            f"{where}: `tool_use` ids were found without `tool_result`: {missing}",
        )
        need(
            all(isinstance(part, ToolResult) for part in parts[: len(results)]),
            f"{where}: tool_result blocks come first",
        )
        waiting, last = [part.id for part in parts if isinstance(part, ToolCall)], role
        asked.messages.append((role, parts))
    need(not waiting, f"messages: `tool_use` ids were found without `tool_result` blocks: {waiting}")
    thought_first(asked)


def thought_first(asked):
    """While it thinks, a turn that called tools has to come back with what was thought before."""
    said = [parts for role, parts in asked.messages if role == "assistant"]
    if asked.thinks and said and any(isinstance(part, ToolCall) for part in said[-1]):
        need(
            isinstance(said[-1][0], (Thinking, Redacted)),
            "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found another",
        )


def part_of(block, where):
    kind = block["type"]
    if kind == "text":
        need(block["text"], "messages: text content blocks must be non-empty")
        return Text(block["text"])
    if kind == "image":
        source = block["source"]
        need(source["type"] == "base64", f"{where}.source: cannot fetch")
        return image_of_base64(source["media_type"], source["data"])
    if kind == "tool_use":
        need(
            isinstance(block.get("input"), dict),
            f"{where}.tool_use.input: Input should be a valid dictionary",
        )
        return ToolCall(block["id"], block["name"], block["input"])
    if kind == "tool_result":
        return ToolResult(block["tool_use_id"], text_of(block.get("content") or ""))
    if kind == "thinking":
        genuine(block["signature"], where)
        return Thinking(block["thinking"], block["signature"])
    need(kind == "redacted_thinking", f"{where}: Input tag '{kind}' found using 'type' does not match")
    genuine(block["data"], where)
    return Redacted(block["data"])


# --- answers ----------------------------------------------------------------------------------------------------------


def usage_of(usage, output=None):
    return {
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.written,
        "cache_read_input_tokens": usage.cached,
        "cache_creation": {"ephemeral_5m_input_tokens": usage.written, "ephemeral_1h_input_tokens": 0},
        "output_tokens": usage.all_output if output is None else output,
        "service_tier": "standard",
        "inference_geo": "not_available",
    }


def block_of(part):
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if isinstance(part, Thinking):
        return {"type": "thinking", "thinking": part.text, "signature": part.signature}
    if isinstance(part, Redacted):
        return {"type": "redacted_thinking", "data": part.data}
    return {"type": "tool_use", "id": part.id, "name": part.name, "input": part.arguments}


def message(asked, content, stop, usage):
    return {
        "model": asked.model,
        "id": "msg_01Vendor",
        "type": "message",
        "role": "assistant",
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "stop_details": None,
        "usage": usage,
    }


def whole(asked, turn):
    return message(asked, [block_of(part) for part in turn.parts], STOP[turn.finish], usage_of(turn.usage))


def count(asked):
    return {"input_tokens": 14 + len(asked.text)}


padding = itertools.cycle(range(9))


def event(kind, **fields):
    data = json.dumps({"type": kind, **fields}, ensure_ascii=False, separators=(",", ":"))
    return f"event: {kind}\ndata: {data[:-1]}{' ' * next(padding)}}}\n\n".encode()


def events(asked, turn):
    started = message(asked, [], None, usage_of(turn.usage, 1))
    yield event("message_start", message=started)
    for i, part in enumerate(turn.parts):
        empty, deltas = streamed(part)
        yield event("content_block_start", index=i, content_block=empty)
        if i == 0:
            yield event("ping")
        for delta in deltas:
            yield event("content_block_delta", index=i, delta=delta)
        yield event("content_block_stop", index=i)
    yield from ending(asked, turn)


def streamed(part):
    """How a block begins, and the deltas that fill it."""
    if isinstance(part, Text):
        deltas = [{"type": "text_delta", "text": piece} for piece in pieces(part.text)]
        return {"type": "text", "text": ""}, deltas
    if isinstance(part, Thinking):
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces(part.text)]
        deltas.append({"type": "signature_delta", "signature": part.signature})
        return {"type": "thinking", "thinking": "", "signature": ""}, deltas
    if isinstance(part, Redacted):
        return block_of(part), []
    text = json.dumps(part.arguments) if part.arguments else ""
    deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *pieces(text, 5)) if text]
    return {**block_of(part), "input": {}}, deltas


def ending(asked, turn):
    delta = {"stop_reason": STOP[turn.finish], "stop_sequence": None, "stop_details": None}
    usage = usage_of(turn.usage)
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
    yield event("message_delta", delta=delta, usage={name: usage[name] for name in names})
    yield event("message_stop")


TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def error(status, message, param=None, details=None):
    inner = {"type": TYPES.get(status, "api_error"), "message": message}
    if details:
        inner["details"] = details
    return {"type": "error", "error": inner, "request_id": "req_vendor"}


def error_headers(retry_after):
    return {"request-id": "req_vendor", **({"retry-after": retry_after} if retry_after else {})}


def error_event(message):
    return event("error", error={"type": "overloaded_error", "message": message}, request_id="req_vendor")
