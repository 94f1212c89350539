"""What clients say and hear, by dialect: requests, and what a client makes of the answer.

`heard(...)` returns (text, tool calls as {id: arguments}, (input, output) tokens); what a client of the dialect could not
read raises.
"""

import json
from dataclasses import dataclass

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
ABOUT = "The weather."


@dataclass(frozen=True)
class Ask:
    """One call: its number decides what a healthy upstream answers."""

    number: int
    talk: str
    model: str
    stream: bool
    tools: bool
    length: int  # of the answer, at least
    padding: int  # of the question

    @property
    def text(self):
        return f"Say it. {'pad ' * (self.padding // 4)}chaos:{self.number}:{self.length}"


class Broken(Exception):
    """A stream that ended with an error in its dialect, after `text` had come."""

    def __init__(self, text):
        super().__init__("broken")
        self.text = text


class Chat:
    path = "/v1/chat/completions"

    def body(self, ask):
        body = {"model": ask.model, "messages": [{"role": "user", "content": ask.text}]}
        if ask.tools:
            function = {"name": "weather", "description": ABOUT, "parameters": SCHEMA}
            body["tools"] = [{"type": "function", "function": function}]
        if ask.stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        return body

    def error(self, body):
        return set(body["error"]) == {"message", "type", "param", "code"} and body["error"]["message"]

    def whole(self, body):
        message = body["choices"][0]["message"]
        calls = {c["id"]: json.loads(c["function"]["arguments"]) for c in message.get("tool_calls") or []}
        return message.get("content") or "", calls, counted(body["usage"], "prompt_tokens", "completion_tokens")

    def stream(self, events):
        text, calls, ids, usage = "", {}, {}, None
        for event in events[:-1]:
            usage = event.get("usage") or usage
            for choice in event.get("choices", []):
                text += choice["delta"].get("content") or ""
                for call in choice["delta"].get("tool_calls") or []:
                    index = call["index"]
                    ids.setdefault(index, call.get("id"))
                    calls[ids[index]] = calls.get(ids[index], "") + (call["function"].get("arguments") or "")
        if events[-1] != "[DONE]":
            assert self.error(events[-1]), events[-1]
            raise Broken(text)
        return text, parsed(calls), counted(usage, "prompt_tokens", "completion_tokens")


class Completions(Chat):
    path = "/v1/completions"

    def body(self, ask):
        body = {"model": ask.model, "prompt": ask.text}
        return body | ({"stream": True, "stream_options": {"include_usage": True}} if ask.stream else {})

    def whole(self, body):
        return body["choices"][0]["text"], {}, counted(body["usage"], "prompt_tokens", "completion_tokens")

    def stream(self, events):
        text = "".join(c["text"] for e in events[:-1] for c in e.get("choices", []))
        if events[-1] != "[DONE]":
            assert self.error(events[-1]), events[-1]
            raise Broken(text)
        (usage,) = [e["usage"] for e in events[:-1] if e.get("usage")]
        return text, {}, counted(usage, "prompt_tokens", "completion_tokens")


class Responses:
    path = "/v1/responses"

    def body(self, ask):
        body = {"model": ask.model, "input": ask.text}
        if ask.tools:
            body["tools"] = [{"type": "function", "name": "weather", "description": ABOUT, "parameters": SCHEMA}]
        return body | ({"stream": True} if ask.stream else {})

    def error(self, body):
        return Chat.error(self, body)

    def whole(self, body):
        assert body["status"] == "completed", body["status"]
        text, calls = "", {}
        for item in body["output"]:
            if item["type"] == "message":
                text += "".join(part["text"] for part in item["content"])
            if item["type"] == "function_call":
                calls[item["call_id"]] = json.loads(item["arguments"])
        return text, calls, counted(body["usage"], "input_tokens", "output_tokens")

    def stream(self, events):
        text = "".join(e["delta"] for e in events if e["type"] == "response.output_text.delta")
        numbers = [e["sequence_number"] for e in events]
        assert numbers == list(range(len(events))), f"sequence numbers: {numbers[-5:]}"
        if events[-1]["type"] == "error":
            assert events[-1]["message"] and events[-1]["code"] and events[-1]["error"]["message"], events[-1]
            raise Broken(text)
        assert events[-1]["type"] == "response.completed", events[-1]["type"]
        heard = self.whole(events[-1]["response"])
        assert heard[0] == text, "the last event says something else"
        return heard


class Messages:
    path = "/v1/messages"

    def body(self, ask):
        messages = [{"role": "user", "content": ask.text}]
        body = {"model": ask.model, "max_tokens": 500, "messages": messages}
        if ask.tools:
            body["tools"] = [{"name": "weather", "description": ABOUT, "input_schema": SCHEMA}]
        return body | ({"stream": True} if ask.stream else {})

    def error(self, body):
        return body["type"] == "error" and body["error"]["type"] and body["error"]["message"]

    def whole(self, body):
        text = "".join(b["text"] for b in body["content"] if b["type"] == "text")
        calls = {b["id"]: b["input"] for b in body["content"] if b["type"] == "tool_use"}
        return text, calls, counted(body["usage"], "input_tokens", "output_tokens")

    def stream(self, events):
        text, calls, block, usage = "", {}, None, {}
        for event in events:
            if event["type"] == "message_start":
                usage |= event["message"]["usage"]
            if event["type"] == "content_block_start":
                block = event["content_block"]
                if block["type"] == "tool_use":
                    calls[block["id"]] = ""
            if event["type"] == "content_block_delta":
                text += event["delta"].get("text", "")
                if "partial_json" in event["delta"]:
                    calls[block["id"]] += event["delta"]["partial_json"]
            if event["type"] == "message_delta":
                usage |= event["usage"]
        if events[-1]["type"] == "error":
            assert self.error(events[-1]), events[-1]
            raise Broken(text)
        assert events[-1]["type"] == "message_stop", events[-1]
        return text, parsed(calls), counted(usage, "input_tokens", "output_tokens")


class Gemini:
    def path_of(self, ask):
        verb = "streamGenerateContent?alt=sse" if ask.stream else "generateContent"
        return f"/v1beta/models/{ask.model}:{verb}"

    def body(self, ask):
        body = {"contents": [{"role": "user", "parts": [{"text": ask.text}]}]}
        if ask.tools:
            declared = {"name": "weather", "description": ABOUT, "parametersJsonSchema": SCHEMA}
            body["tools"] = [{"functionDeclarations": [declared]}]
        return body

    def error(self, body):
        error = body["error"]
        return isinstance(error["code"], int) and error["message"] and error["status"]

    def whole(self, body):
        return self.put_together([body])

    def stream(self, events):
        if "error" in events[-1]:
            assert self.error(events[-1]), events[-1]
            raise Broken(self.put_together(events[:-1])[0])
        assert events[-1]["candidates"][0]["finishReason"], events[-1]
        return self.put_together(events)

    def put_together(self, bodies):
        text, calls, usage = "", {}, {}
        for body in bodies:
            usage = body.get("usageMetadata") or usage
            for candidate in body.get("candidates", []):
                for part in candidate.get("content", {}).get("parts", []):
                    text += part.get("text", "")
                    if "functionCall" in part:
                        calls[f"call of {part['functionCall']['name']}"] = part["functionCall"]["args"]
        return text, calls, counted(usage, "promptTokenCount", "candidatesTokenCount")


class GeminiArray(Gemini):
    """A stream as one JSON array, which is what comes without alt=sse."""

    def path_of(self, ask):
        return f"/v1beta/models/{ask.model}:streamGenerateContent"

    def whole(self, body):
        return self.stream(body) if isinstance(body, list) else Gemini.whole(self, body)


class Embeddings:
    path = "/v1/embeddings"

    def body(self, ask):
        return {"model": ask.model, "input": f"embed:{ask.number}", "encoding_format": "float"}

    def error(self, body):
        return Chat.error(self, body)

    def whole(self, body):
        assert body["usage"]["prompt_tokens"] > 0, body["usage"]
        return body["data"][0]["embedding"], {}, (body["usage"]["prompt_tokens"], 0)


class GeminiEmbeddings(Gemini):
    def path_of(self, ask):
        return f"/v1beta/models/{ask.model}:embedContent"

    def body(self, ask):
        return {"content": {"parts": [{"text": f"embed:{ask.number}"}]}}

    def whole(self, body):
        return body["embedding"]["values"], {}, None


TALKS = {
    "chat": Chat(),
    "completions": Completions(),
    "responses": Responses(),
    "messages": Messages(),
    "gemini": Gemini(),
    "gemini-array": GeminiArray(),
    "embeddings": Embeddings(),
    "gemini-embeddings": GeminiEmbeddings(),
}


def counted(usage, *names):
    return tuple(usage.get(name, 0) for name in names)


def parsed(calls):
    return {id: json.loads(text or "{}") for id, text in calls.items()}


def events_of(body):
    """The data of a stream's events, decoded; a block that is not closed by an empty line is no event."""
    blocks = body.decode().replace("\r\n", "\n").split("\n\n")
    assert blocks[-1] == "", f"the stream ends within an event: {blocks[-1][-200:]!r}"
    found = []
    for block in blocks[:-1]:
        data = "\n".join(line[5:].removeprefix(" ") for line in block.split("\n") if line.startswith("data:"))
        if data:
            found.append(data if data == "[DONE]" else json.loads(data))
    return found
