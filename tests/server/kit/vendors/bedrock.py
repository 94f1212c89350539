"""Amazon Bedrock's Converse and ConverseStream. It checks signatures by itself, and frames its streams as AWS does."""

import hashlib
import hmac
import json
import re
import struct
import time
import zlib
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
    known,
    need,
    pieces,
)

REGION, ACCESS_KEY_ID, SESSION_TOKEN = "eu-central-1", "AKIDVENDOR", "session/token+of=vendor"
CONTENT_TYPE = "application/vnd.amazon.eventstream"
STOP = {"stop": "end_turn", "length": "max_tokens", "tools": "tool_use"}
FIELDS = set(
    """messages system inferenceConfig toolConfig guardrailConfig additionalModelRequestFields outputConfig
    promptVariables additionalModelResponseFieldPaths requestMetadata performanceConfig serviceTier""".split()
)
CACHE_POINT = {"cachePoint": {"type": "default"}}


# --- signatures -------------------------------------------------------------------------------------------------------


def digest(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def encoded(path):
    """Each byte that a path as it is sent has, percent-encoded once more."""
    return "".join(c if re.match(r"[A-Za-z0-9/._~-]", c) else f"%{ord(c):02X}" for c in path)


def check_signature(request, secret):
    """Raises Refused, as AWS would, unless the request was signed with this secret within five minutes of now."""
    method, target, _ = request.line.split()
    fields = {name.lower(): value for name, value in request.fields}
    shape = (
        r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/bedrock/aws4_request, "
        r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})"
    )
    found = re.fullmatch(shape, fields.get("authorization", ""))
    need_auth(found, "MissingAuthenticationToken", "Missing Authentication Token")
    key_id, date, region, names, signature = found.groups()
    need_auth(key_id == ACCESS_KEY_ID, "UnrecognizedClient", "The security token included in the request is invalid.")
    token = fields.get("x-amz-security-token", SESSION_TOKEN)
    need_auth(token == SESSION_TOKEN, "ExpiredToken", "The security token included in the request is expired")
    at = fields["x-amz-date"]
    age = time.time() - time.mktime(time.strptime(at, "%Y%m%dT%H%M%SZ")) + time.timezone
    need_auth(abs(age) < 300 and at.startswith(date), "InvalidSignature", f"Signature expired: {at}")
    needed = {"host", "x-amz-date"} | ({"x-amz-security-token"} & set(fields))
    need_auth(needed <= set(names.split(";")), "InvalidSignature", f"signed are only {names}")
    path, _, query = target.partition("?")
    canonical = "\n".join(
        [method, encoded(path), query]
        + [f"{name}:{' '.join(fields[name].split())}" for name in names.split(";")]
        + ["", names, hashlib.sha256(request.body).hexdigest()]
    )
    scope = f"{date}/{region}/bedrock/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signing = digest(digest(digest(digest(b"AWS4" + secret.encode(), date), region), "bedrock"), "aws4_request")
    said = "The request signature we calculated does not match the signature you provided."
    need_auth(hmac.new(signing, text.encode(), hashlib.sha256).hexdigest() == signature, "InvalidSignature", said)
    need_auth(region == REGION, "InvalidSignature", f"Credential should be scoped to a valid region, not {region}")


def need_auth(condition, kind, message):
    if not condition:
        raise Refused(message, status=403, details=kind)


def admit(call, key):
    """By a signature made with `key` as the secret, or by `key` itself, as an API key."""
    if call.headers.get("authorization") != f"Bearer {key}":
        check_signature(call.request, key)


# --- requests ---------------------------------------------------------------------------------------------------------


def read(path, headers, body):
    model, verb = re.fullmatch(r"/model/([^/]+)/(converse|converse-stream)", path).groups()
    known(body, FIELDS)
    config = body.get("inferenceConfig") or {}
    known(config, {"maxTokens", "temperature", "topP", "stopSequences"}, "inferenceConfig")
    need(config.get("temperature", 0) <= 1, "temperature: must be at most 1")
    more = body.get("additionalModelRequestFields") or {}
    thinking = more.get("thinking") or {}
    asked = Asked(
        model=unquote(model),
        stream=verb == "converse-stream",
        max_tokens=config.get("maxTokens"),
        temperature=config.get("temperature"),
        top_p=config.get("topP"),
        stop=config.get("stopSequences") or [],
        thinks=thinking.get("type") in ("enabled", "adaptive"),
    )
    if thinking.get("type") == "enabled":
        need(1024 <= thinking["budget_tokens"] < asked.max_tokens, "thinking.budget_tokens: does not fit")
    asked.system = "\n".join(block["text"] for block in body.get("system") or [] if "cachePoint" not in block)
    read_tools(asked, body.get("toolConfig"))
    read_messages(asked, body["messages"])
    form = (body.get("outputConfig") or {}).get("textFormat")
    if form:
        asked.schema = json.loads(form["structure"]["jsonSchema"]["schema"])
    return asked


def read_tools(asked, config):
    if config is None:
        return
    need(config["tools"], "toolConfig.tools: Member must have length greater than or equal to 1")
    for tool in config["tools"]:
        if "cachePoint" in tool:
            continue
        spec = tool["toolSpec"]
        known(spec, {"name", "description", "inputSchema", "strict"}, "toolSpec")
        need(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", spec["name"]), "toolSpec.name: does not match")
        need(spec.get("description") != "", "toolSpec.description: length must be at least 1")
        schema = spec["inputSchema"]["json"]
        need(schema.get("type") == "object", "toolSpec.inputSchema.json.type must be object")
        asked.tools[spec["name"]] = schema
    choice = config.get("toolChoice") or {}
    asked.tool_choice = (
        choice["tool"]["name"] if "tool" in choice else {"any": "required", "auto": "auto"}.get(next(iter(choice), ""), "")
    )


def read_messages(asked, messages):
    waiting, last = [], ""
    for i, message in enumerate(messages):
        known(message, {"role", "content"}, f"messages.{i}")
        role = message["role"]
        need(role in ("user", "assistant") and role != last, "A conversation must alternate between user and assistant")
        need(message["content"], f"messages.{i}.content: must not be empty")
        blocks = [block for block in message["content"] if "cachePoint" not in block]
        parts = [part_of(block) for block in blocks]
        results = [part.id for part in parts if isinstance(part, ToolResult)]
        need(sorted(results) == sorted(waiting), "toolResult blocks do not match the toolUse blocks of the turn before")
        waiting, last = [part.id for part in parts if isinstance(part, ToolCall)], role
        need(asked.tools or not (waiting or results), "The toolConfig field must be defined")
        asked.messages.append((role, parts))
    need(asked.messages and asked.messages[0][0] == "user", "A conversation must start with a user message")


def part_of(block):
    need(len(block) == 1, f"a content block has one member: {list(block)}")
    ((kind, value),) = block.items()
    if kind == "text":
        need(value.strip(), "The text field in the ContentBlock object is blank")
        return Text(value)
    if kind == "image":
        return image_of_base64(f"image/{value['format']}", value["source"]["bytes"])
    if kind == "toolUse":
        need(re.fullmatch(r"[A-Za-z0-9_.:-]{1,64}", value["toolUseId"]), "toolUseId: does not match")
        need(isinstance(value["input"], dict), "toolUse.input: must be an object")
        return ToolCall(value["toolUseId"], value["name"], value["input"])
    if kind == "toolResult":
        return ToolResult(value["toolUseId"], "\n".join(part["text"] for part in value["content"]))
    need(kind == "reasoningContent", f"Unknown content block {kind}")
    if "redactedContent" in value:
        genuine(value["redactedContent"], "redactedContent")
        return Redacted(value["redactedContent"])
    genuine(value["reasoningText"]["signature"], "reasoningText.signature")
    return Thinking(value["reasoningText"]["text"], value["reasoningText"]["signature"])


# --- answers ----------------------------------------------------------------------------------------------------------


def usage_of(usage):
    return {
        "inputTokens": usage.input,
        "outputTokens": usage.all_output,
        "totalTokens": usage.all_input + usage.all_output,
        "cacheReadInputTokens": usage.cached,
        "cacheWriteInputTokens": usage.written,
        "serverToolUsage": {},
    }


def block_of(part):
    if isinstance(part, Text):
        return {"text": part.text}
    if isinstance(part, Thinking):
        return {"reasoningContent": {"reasoningText": {"text": part.text, "signature": part.signature}}}
    if isinstance(part, Redacted):
        return {"reasoningContent": {"redactedContent": part.data}}
    return {"toolUse": {"toolUseId": part.id, "name": part.name, "input": part.arguments}}


def whole(asked, turn):
    return {
        "metrics": {"latencyMs": 7},
        "output": {"message": {"role": "assistant", "content": [block_of(part) for part in turn.parts]}},
        "stopReason": STOP[turn.finish],
        "usage": usage_of(turn.usage),
    }


def message(headers, payload):
    """One message of AWS's binary framing."""
    head = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack(">II", len(head) + len(payload) + 16, len(head))
    made = prelude + struct.pack(">I", zlib.crc32(prelude)) + head + payload
    return made + struct.pack(">I", zlib.crc32(made))


def event(kind, **fields):
    payload = json.dumps(fields | {"p": "abcdefghij"}, ensure_ascii=False).encode()
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return message(headers, payload)


def exception(kind, text):
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return message(headers, json.dumps({"message": text}).encode())


def deltas_of(part):
    if isinstance(part, Text):
        return [{"text": piece} for piece in pieces(part.text)]
    if isinstance(part, Thinking):
        said = [{"reasoningContent": {"text": piece}} for piece in pieces(part.text)]
        return [*said, {"reasoningContent": {"signature": part.signature}}]
    if isinstance(part, Redacted):
        return [{"reasoningContent": {"redactedContent": part.data}}]
    return [{"toolUse": {"input": piece}} for piece in pieces(json.dumps(part.arguments)) if part.arguments]


def events(asked, turn):
    yield event("messageStart", role="assistant")
    for i, part in enumerate(turn.parts):
        if isinstance(part, ToolCall):
            start = {"toolUse": {"toolUseId": part.id, "name": part.name}}
            yield event("contentBlockStart", contentBlockIndex=i, start=start)
        for delta in deltas_of(part):
            yield event("contentBlockDelta", contentBlockIndex=i, delta=delta)
        yield event("contentBlockStop", contentBlockIndex=i)
    yield from ending(asked, turn)


def ending(asked, turn):
    yield event("messageStop", stopReason=STOP[turn.finish])
    yield event("metadata", usage=usage_of(turn.usage), metrics={"latencyMs": 7})


KINDS = {
    400: "ValidationException",
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}


def error(status, message, param=None, details=None):
    return {"message": message}


def error_headers(retry_after, status=400, details=None):
    kind = f"{details}Exception" if details else KINDS.get(status, "InternalServerException")
    told = {"x-amzn-errortype": f"{kind}:http://internal.amazon.com/coral/com.amazon.bedrock/"}
    return told | ({"retry-after": retry_after} if retry_after else {})


def error_event(text):
    return exception("internalServerException", text)
