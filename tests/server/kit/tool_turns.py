"""A turn with one tool, in the words of each door: how it is offered, called and answered."""

import json

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}


def whole_text(door, body):
    if door == "chat":
        return body["choices"][0]["message"]["content"]
    if door == "responses":
        return "".join(p["text"] for item in body["output"] if item["type"] == "message" for p in item["content"])
    if door == "messages":
        return "".join(block.get("text", "") for block in body["content"])
    return "".join(part.get("text", "") for part in body["candidates"][0]["content"]["parts"])


TOOLS = {
    "chat": {"tools": [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]},
    "responses": {"tools": [{"type": "function", "name": "weather", "parameters": SCHEMA}]},
    "messages": {"tools": [{"name": "weather", "input_schema": SCHEMA}]},
    "gemini": {"tools": [{"functionDeclarations": [{"name": "weather", "parametersJsonSchema": SCHEMA}]}]},
}


def call_in(door, body):
    """(id, name, arguments, why it ended) of the one call of a whole answer."""
    if door == "chat":
        (call,), why = body["choices"][0]["message"]["tool_calls"], body["choices"][0]["finish_reason"]
        return call["id"], call["function"]["name"], json.loads(call["function"]["arguments"]), why
    if door == "responses":
        (call,) = [item for item in body["output"] if item["type"] == "function_call"]
        return call["call_id"], call["name"], json.loads(call["arguments"]), body["status"]
    if door == "messages":
        (call,) = [block for block in body["content"] if block["type"] == "tool_use"]
        return call["id"], call["name"], call["input"], body["stop_reason"]
    (call,) = [p["functionCall"] for p in body["candidates"][0]["content"]["parts"] if "functionCall" in p]
    return call.get("id"), call["name"], call["args"], body["candidates"][0]["finishReason"]


def with_result(door, call_id):
    """The members that bring the tool's result back."""
    ask = "play:tools"
    if door == "chat":
        call = {"id": call_id, "type": "function", "function": {"name": "weather", "arguments": '{"city":"Paris"}'}}
        result = {"role": "tool", "tool_call_id": call_id, "content": "sunny"}
        said = {"role": "assistant", "content": None, "tool_calls": [call]}
        return {"messages": [{"role": "user", "content": ask}, said, result]}
    if door == "responses":
        call = {"type": "function_call", "call_id": call_id, "name": "weather", "arguments": '{"city":"Paris"}'}
        result = {"type": "function_call_output", "call_id": call_id, "output": "sunny"}
        return {"input": [{"role": "user", "content": ask}, call, result]}
    if door == "messages":
        call = {"type": "tool_use", "id": call_id, "name": "weather", "input": {"city": "Paris"}}
        result = {"type": "tool_result", "tool_use_id": call_id, "content": "sunny"}
        return {
            "messages": [
                {"role": "user", "content": ask},
                {"role": "assistant", "content": [call]},
                {"role": "user", "content": [result]},
            ]
        }
    call = {"functionCall": {"id": call_id, "name": "weather", "args": {"city": "Paris"}}}
    result = {"functionResponse": {"id": call_id, "name": "weather", "response": {"result": "sunny"}}}
    return {
        "contents": [
            {"role": "user", "parts": [{"text": ask}]},
            {"role": "model", "parts": [call]},
            {"role": "user", "parts": [result]},
        ]
    }


ENDS = {"chat": "tool_calls", "responses": "completed", "messages": "tool_use", "gemini": "STOP"}


def streamed_arguments(door, found):
    """The arguments of the one call that a stream makes; `found` are its events."""
    if door == "chat":
        deltas = [choice["delta"] for event in found if event != "[DONE]" for choice in event["choices"]]
        calls = [call for delta in deltas for call in delta.get("tool_calls") or []]
        return json.loads("".join(call["function"].get("arguments") or "" for call in calls))
    if door == "responses":
        kind = "response.function_call_arguments.delta"
        return json.loads("".join(event["delta"] for event in found if event["type"] == kind))
    if door == "messages":
        deltas = [event["delta"] for event in found if event["type"] == "content_block_delta"]
        return json.loads("".join(delta.get("partial_json", "") for delta in deltas))
    parts = [part for event in found for part in event["candidates"][0].get("content", {}).get("parts", [])]
    (call,) = [part["functionCall"] for part in parts if "functionCall" in part]
    return call["args"]
