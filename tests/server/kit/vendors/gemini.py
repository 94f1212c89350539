"""Gemini, as generativelanguage.googleapis.com speaks it."""

import json
import re

from .turns import (
    Asked,
    Redacted,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    genuine,
    image_of_base64,
    known,
    need,
    pieces,
)

FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "tools": "STOP"}
FIELDS = set(
    """contents systemInstruction tools toolConfig generationConfig safetySettings cachedContent labels model
    serviceTier store""".split()
)
SETTINGS = set(
    """temperature topP topK maxOutputTokens stopSequences candidateCount responseMimeType responseSchema
    responseJsonSchema responseModalities presencePenalty frequencyPenalty seed responseLogprobs logprobs
    thinkingConfig speechConfig mediaResolution imageConfig""".split()
)
# What `parameters` and `responseSchema`, a subset of OpenAPI's schemas, do not know.
NOT_OPENAPI = {"$schema", "$ref", "$defs", "additionalProperties", "const"}


# What clients send that have lost a signature; it is let through.
NO_PROOF = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
# Objects whose names are the caller's own.
FREE = {"args", "response", "parametersJsonSchema", "responseJsonSchema", "properties", "labels"}


def camel(value):
    """Both spellings of a field's name are taken, as of every protobuf message in JSON."""
    if isinstance(value, list):
        return [camel(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    made = {}
    for name, inner in value.items():
        name = re.sub(r"_([a-z])", lambda found: found[1].upper(), name)
        made[name] = inner if name in FREE else camel(inner)
    return made


def read(path, headers, body):
    body = camel(body)
    model, method = re.fullmatch(r"/v1(?:beta)?/models/([^:/]+):(\w+)", path).groups()
    known(body, FIELDS)
    config = body.get("generationConfig") or {}
    known(config, SETTINGS, "generation_config")
    thinking = config.get("thinkingConfig") or {}
    asked = Asked(
        model=model,
        stream=method == "streamGenerateContent",
        max_tokens=config.get("maxOutputTokens"),
        temperature=config.get("temperature"),
        top_p=config.get("topP"),
        stop=config.get("stopSequences") or [],
        thinks=bool(thinking.get("includeThoughts")),
    )
    system = body.get("systemInstruction") or {"parts": []}
    asked.system = "\n".join(part["text"] for part in system["parts"])
    read_contents(asked, body.get("contents") or [])
    read_tools(asked, body.get("tools") or [])
    calling = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    names = calling.get("allowedFunctionNames") or []
    mode = {"AUTO": "auto", "NONE": "none", "ANY": "required"}.get(calling.get("mode"), "")
    asked.tool_choice = names[0] if mode == "required" and len(names) == 1 else mode
    asked.schema = config.get("responseJsonSchema") or config.get("responseSchema")
    if asked.schema:
        need(
            config.get("responseMimeType") == "application/json",
            "response_mime_type must be application/json",
        )
        openapi(config.get("responseSchema") or {}, "generation_config.response_schema")
    return asked


def read_tools(asked, tools):
    for tool in tools:
        for i, declared in enumerate(tool.get("functionDeclarations") or []):
            where = f"tools[0].function_declarations[{i}]"
            need(
                re.fullmatch(r"[A-Za-z_][\w.:-]{0,127}", declared["name"]),
                f"{where}.name: Invalid function name",
            )
            openapi(declared.get("parameters") or {}, f"{where}.parameters")
            schema = declared.get("parametersJsonSchema") or declared.get("parameters")
            asked.tools[declared["name"]] = schema


def openapi(schema, where):
    for name, value in schema.items():
        need(name not in NOT_OPENAPI, f"Invalid JSON payload received. Unknown name \"{name}\" at '{where}'")
        if name == "properties":
            for key, inner in value.items():
                openapi(inner, f"{where}.properties[{key}]")
        elif name == "items":
            openapi(value, f"{where}.items")


def read_contents(asked, contents):
    need(contents, "contents are required")
    turns = []  # contents of one role in a row are one turn: SDKs send a stream back chunk by chunk
    for i, content in enumerate(contents):
        role = content.get("role", "user")
        need(role in ("user", "model"), f"contents[{i}]: Please use a valid role: user, model.")
        need(content.get("parts"), f"contents[{i}].parts: contents.parts must not be empty.")
        parts = [made for part in content["parts"] for made in parts_of(part)]
        if turns and turns[-1][0] == role:
            turns[-1][1].extend(parts)
        else:
            turns.append((role, parts))
    called = 0
    for role, parts in turns:
        results = sum(isinstance(part, ToolResult) for part in parts)
        need(
            results == called,
            "Please ensure that the number of function response parts is equal to the number of function call "
            "parts of the function call turn.",
        )
        called = sum(isinstance(part, ToolCall) for part in parts)
        asked.messages.append(("assistant" if role == "model" else "user", parts))
    need(not called, "function call turn without a response")


def parts_of(part):
    proof = part.get("thoughtSignature")
    if proof in NO_PROOF:
        proof = None
    if proof:
        genuine(proof, "thought_signature")
    if part.get("thought"):
        return [Thinking(part["text"], proof)] if proof else []
    made = [Thinking("", proof)] if proof else []
    if "functionCall" in part:
        call = part["functionCall"]
        return [*made, ToolCall(call.get("id", call["name"]), call["name"], call.get("args") or {})]
    if "functionResponse" in part:
        result = part["functionResponse"]
        need(isinstance(result["response"], dict), "function_response.response: must be an object")
        return [ToolResult(result.get("id", result["name"]), json.dumps(result["response"]))]
    if "inlineData" in part:
        data = part["inlineData"]["data"].translate(str.maketrans("-_", "+/"))  # both alphabets are taken
        return [*made, image_of_base64(part["inlineData"]["mimeType"], data)]
    need("text" in part, "contents.parts.data: required oneof field 'data' must have one initialized field")
    return [*made, Text(part["text"])]


# --- answers ----------------------------------------------------------------------------------------------------------


def usage_of(usage, candidates=True):
    made = {"promptTokenCount": usage.all_input, "totalTokenCount": usage.all_input}
    if candidates:
        made["candidatesTokenCount"] = usage.output
        made["totalTokenCount"] += usage.all_output
    if usage.reasoning:
        made["thoughtsTokenCount"] = usage.reasoning
    if usage.cached:
        made["cachedContentTokenCount"] = usage.cached
    return made | {"promptTokensDetails": [{"modality": "TEXT", "tokenCount": usage.all_input}]}


def wire_parts(turn, asked, cut_text):
    """The parts in order; a proof rides on what follows the thought, as Gemini sends it."""
    proof = None
    for part in turn.parts:
        if isinstance(part, Thinking):
            proof = part.signature
            if asked.thinks:
                yield {"text": part.text, "thought": True}
        elif isinstance(part, Redacted):
            proof = part.data
        elif isinstance(part, ToolCall):
            made = {"functionCall": {"name": part.name, "args": part.arguments}}
            yield made | ({"thoughtSignature": proof} if proof else {})
            proof = None
        else:
            for piece in pieces(part.text) if cut_text else [part.text]:
                yield {"text": piece} | ({"thoughtSignature": proof} if proof else {})
                proof = None


def body(asked, parts, usage, finish=None):
    candidate = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": asked.model,
        "responseId": "vendorZ0aQ",
    }


def whole(asked, turn):
    parts = list(wire_parts(turn, asked, cut_text=False))
    return body(asked, parts, usage_of(turn.usage), FINISH[turn.finish])


def event(value):
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\r\n\r\n"


def events(asked, turn):
    for part in wire_parts(turn, asked, cut_text=True):
        yield event(body(asked, [part], usage_of(turn.usage, candidates=False)))
    yield from ending(asked, turn)


def ending(asked, turn):
    yield event(body(asked, [{"text": ""}], usage_of(turn.usage), FINISH[turn.finish]))


STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
}


def error(status, message, param=None, details=None):
    return {"error": {"code": status, "message": message, "status": STATUS.get(status, "INTERNAL")}}


def error_headers(retry_after):
    return {"retry-after": retry_after} if retry_after else {}


def error_event(message):
    return event(error(503, message))
