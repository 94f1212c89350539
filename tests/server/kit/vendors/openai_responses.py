"""OpenAI Responses, as api.openai.com speaks it."""

import itertools
import json

from .openai_chat import TYPES, error_headers
from .turns import (
    Asked,
    Redacted,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    genuine,
    image_of_data_url,
    known,
    need,
    pieces,
)

__all__ = ["count", "error", "error_event", "error_headers", "events", "read", "whole"]
FIELDS = set(
    """model input instructions stream stream_options tools tool_choice parallel_tool_calls text temperature top_p
    max_output_tokens max_tool_calls metadata store include reasoning previous_response_id truncation user
    service_tier prompt_cache_key prompt_cache_retention safety_identifier background conversation top_logprobs
    client_metadata""".split()
)

numbers = itertools.count(1)


def read(path, headers, body):
    known(body, FIELDS)
    need(isinstance(body.get("model"), str), "Missing required parameter: 'model'.", "model")
    need(not body.get("previous_response_id"), "Previous response not found.", "previous_response_id")
    reasoning = body.get("reasoning") or {}
    asked = Asked(
        model=body["model"],
        stream=bool(body.get("stream")),
        system=body.get("instructions") or "",
        max_tokens=body.get("max_output_tokens"),
        temperature=body.get("temperature"),
        top_p=body.get("top_p"),
        thinks=bool(reasoning),
        metadata={
            "encrypted": "reasoning.encrypted_content" in (body.get("include") or []),
            "asked": body,
            "id": f"resp_{next(numbers)}vendor",
        },
    )
    items = body.get("input") or []
    need(items, "Missing required parameter: 'input'.", "input")
    read_items(asked, [{"role": "user", "content": items}] if isinstance(items, str) else items)
    for i, tool in enumerate(body.get("tools") or []):
        need(tool.get("type"), "Missing type", f"tools[{i}].type")
        if tool["type"] == "function":
            need(tool.get("name"), f"Missing required parameter: 'tools[{i}].name'.", f"tools[{i}].name")
            asked.tools[tool["name"]] = tool.get("parameters")
    choice = body.get("tool_choice") or ""
    asked.tool_choice = choice if isinstance(choice, str) else choice.get("name", "")
    form = (body.get("text") or {}).get("format") or {}
    if form.get("type") == "json_schema":
        need(form.get("name"), "Missing required parameter: 'text.format.name'.", "text.format.name")
        asked.schema = form["schema"]
    return asked


def read_items(asked, items):
    called, answered, systems = [], [], []
    for i, item in enumerate(items):
        kind, where = item.get("type", "message"), f"input[{i}]"
        if kind == "function_call":
            called.append(item["call_id"])
            call = ToolCall(item["call_id"], item["name"], json.loads(item["arguments"] or "{}"))
            asked.messages.append(("assistant", [call]))
        elif kind == "function_call_output":
            need(item["call_id"] in called, f"No tool call found for {item['call_id']}.", where)
            answered.append(item["call_id"])
            output = item["output"]
            text = output if isinstance(output, str) else "".join(part["text"] for part in output)
            asked.messages.append(("user", [ToolResult(item["call_id"], text)]))
        elif kind == "reasoning":
            text = "".join(part["text"] for part in item.get("summary") or [])
            proof = item.get("encrypted_content") or ""
            if proof:
                genuine(proof, where)
            asked.messages.append(("assistant", [Thinking(text, proof)]))
        else:
            need(kind == "message", f"Invalid value: '{kind}'.", f"{where}.type")
            parts = parts_of(item["content"], item["role"], where)
            if item["role"] in ("system", "developer"):
                systems += [part.text for part in parts]
            else:
                asked.messages.append((item["role"], parts))
    missing = [call for call in called if call not in answered]
    need(not missing, f"No tool output found for function call {missing}.", "input")
    asked.system = "\n".join([*([asked.system] if asked.system else []), *systems])


def parts_of(content, role, where):
    if isinstance(content, str):
        return [Text(content)]
    made = []
    for i, part in enumerate(content):
        kind, path = part["type"], f"{where}.content[{i}]"
        allowed = (
            ("output_text", "refusal") if role == "assistant" else ("input_text", "input_image", "input_file")
        )
        need(kind in allowed, f"Invalid value: '{kind}'. Supported values are: {allowed}.", path)
        if kind == "input_image":
            made.append(image_of_data_url(part["image_url"], path))
        else:
            made.append(Text(part.get("text") or part.get("refusal") or ""))
    return made


# --- answers ----------------------------------------------------------------------------------------------------------


def usage_of(usage):
    return {
        "input_tokens": usage.all_input,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": usage.written},
        "output_tokens": usage.all_output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.all_input + usage.all_output,
    }


def item_of(asked, part, i):
    if isinstance(part, Text):
        content = [{"type": "output_text", "annotations": [], "logprobs": [], "text": part.text}]
        return {
            "id": f"msg_{i}vendor",
            "type": "message",
            "status": "completed",
            "content": content,
            "role": "assistant",
        }
    if isinstance(part, ToolCall):
        return {
            "id": f"fc_{i}vendor",
            "type": "function_call",
            "status": "completed",
            "arguments": json.dumps(part.arguments),
            "call_id": part.id,
            "name": part.name,
        }
    shown = isinstance(part, Thinking)
    item = {
        "id": f"rs_{i}vendor",
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": part.text}] if shown else [],
    }
    if asked.metadata["encrypted"]:
        item["encrypted_content"] = part.signature if shown else part.data
    return item


def response(asked, status, output=(), usage=None, incomplete=None):
    echoed = asked.metadata["asked"]
    return {
        "id": asked.metadata["id"],
        "object": "response",
        "created_at": 1795490000,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": incomplete,
        "instructions": echoed.get("instructions"),
        "max_output_tokens": asked.max_tokens,
        "model": asked.model,
        "output": list(output),
        "parallel_tool_calls": echoed.get("parallel_tool_calls", True),
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "default",
        "store": echoed.get("store", True),
        "temperature": asked.temperature if asked.temperature is not None else 1.0,
        "text": echoed.get("text") or {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": echoed.get("tool_choice", "auto"),
        "tools": echoed.get("tools", []),
        "top_p": asked.top_p if asked.top_p is not None else 1.0,
        "truncation": "disabled",
        "usage": usage,
        "user": None,
        "metadata": echoed.get("metadata") or {},
    }


def finished(asked, turn):
    output = [item_of(asked, part, i) for i, part in enumerate(turn.parts)]
    if turn.finish == "length":
        output[-1]["status"] = "incomplete"
        return response(asked, "incomplete", output, usage_of(turn.usage), {"reason": "max_output_tokens"})
    return response(asked, "completed", output, usage_of(turn.usage))


whole = finished


class Writer:
    """Numbers the events."""

    def __init__(self):
        self.numbers = itertools.count()

    def __call__(self, kind, **fields):
        value = {"type": kind, "sequence_number": next(self.numbers), **fields}
        data = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return f"event: {kind}\ndata: {data}\n\n".encode()


def events(asked, turn):
    write = Writer()
    yield write("response.created", response=response(asked, "in_progress"))
    yield write("response.in_progress", response=response(asked, "in_progress"))
    for i, part in enumerate(turn.parts):
        item = item_of(asked, part, i)
        started = {**item, "status": "in_progress"}
        where = {"item_id": item["id"], "output_index": i}
        if isinstance(part, Text):
            yield write("response.output_item.added", output_index=i, item={**started, "content": []})
            yield from text_events(write, where, part.text, item["content"][0])
        elif isinstance(part, ToolCall):
            yield write("response.output_item.added", output_index=i, item={**started, "arguments": ""})
            for piece in pieces(item["arguments"], 5):
                yield write("response.function_call_arguments.delta", **where, delta=piece, obfuscation="Qr")
            yield write("response.function_call_arguments.done", **where, arguments=item["arguments"])
        else:
            yield write("response.output_item.added", output_index=i, item={**item, "summary": []})
            if not isinstance(part, Redacted):
                yield from summary_events(write, where, part.text)
        yield write("response.output_item.done", output_index=i, item=item)
    yield from ending(asked, turn, write)


def ending(asked, turn, write=None):
    last = finished(asked, turn)
    yield (write or Writer())(f"response.{last['status']}", response=last)


def text_events(write, where, text, part):
    where = {**where, "content_index": 0}
    yield write("response.content_part.added", **where, part={**part, "text": ""})
    for piece in pieces(text):
        yield write("response.output_text.delta", **where, delta=piece, logprobs=[], obfuscation="x7Fq")
    yield write("response.output_text.done", **where, text=text, logprobs=[])
    yield write("response.content_part.done", **where, part=part)


def summary_events(write, where, text):
    where = {**where, "summary_index": 0}
    yield write("response.reasoning_summary_part.added", **where, part={"type": "summary_text", "text": ""})
    for piece in pieces(text):
        yield write("response.reasoning_summary_text.delta", **where, delta=piece, obfuscation="zz")
    yield write("response.reasoning_summary_text.done", **where, text=text)
    yield write("response.reasoning_summary_part.done", **where, part={"type": "summary_text", "text": text})


def error(status, message, param=None, details=None):
    kind, code = TYPES.get(status, ("server_error", None))
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def error_event(message):
    return Writer()("error", code="server_error", message=message, param=None)


def count(asked):
    """Every item counts, what the assistant said as well."""
    items = asked.metadata["asked"]["input"]
    return {"object": "response.input_tokens", "input_tokens": 9 + (len(items) if isinstance(items, list) else 1)}
