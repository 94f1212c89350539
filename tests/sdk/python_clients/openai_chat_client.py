"""The PyPI package openai, chat completions."""

import base64
import json

import openai

from .common import Fault, Reply, schema_of


class OpenAiChat:
    dialect = "openai"

    def __init__(self, place, **more):
        self.model = place["model"]
        self.ai = openai.OpenAI(
            base_url=f"{place['base']}/v1", api_key=more.get("key", place["key"]), max_retries=0, timeout=20
        )
        self.chat = self.ai.chat.completions

    def body(self, q):
        content = q.text
        if q.image:
            url = "data:image/png;base64," + base64.b64encode(q.image).decode()
            content = [{"type": "text", "text": q.text}, {"type": "image_url", "image_url": {"url": url}}]
        body = {"model": q.model or self.model, "messages": [{"role": "user", "content": content}]}
        if q.system:
            body["messages"].insert(0, {"role": "developer", "content": q.system})
        if q.max_tokens:
            body["max_completion_tokens"] = q.max_tokens
        if q.think:
            body["reasoning_effort"] = "low"
        if q.tools:
            body["tools"] = [
                {
                    "type": "function",
                    "function": {
                        "name": tool.__name__,
                        "description": tool.__doc__,
                        "parameters": schema_of(tool),
                    },
                }
                for tool in q.tools
            ]
        return body

    def reply(self, completion, pieces=0):
        choice, usage = completion.choices[0], completion.usage
        calls = [(c.function.name, json.loads(c.function.arguments)) for c in choice.message.tool_calls or []]
        details = usage.prompt_tokens_details
        return Reply(
            text=choice.message.content or "",
            finish={"tool_calls": "tools"}.get(choice.finish_reason, choice.finish_reason),
            usage=(usage.prompt_tokens, details.cached_tokens if details else 0, usage.completion_tokens),
            calls=calls,
            thinking=getattr(choice.message, "reasoning_content", None) or "",
            pieces=pieces,
            request_id=getattr(completion, "_request_id", None),
        )

    def whole(self, q):
        return self.reply(self.chat.create(**self.body(q)))

    def streamed(self, q):
        with self.chat.stream(**self.body(q), stream_options={"include_usage": True}) as stream:
            pieces = sum(event.type == "content.delta" for event in stream)
            return self.reply(stream.get_final_completion(), pieces)

    def read(self, q):
        with self.chat.create(**self.body(q), stream=True) as stream:
            for chunk in stream:
                if chunk.choices and chunk.choices[0].delta.content:
                    yield chunk.choices[0].delta.content

    def loop(self, q, tools, streamed):
        q.tools, named = tools, {tool.__name__: tool for tool in tools}
        body = self.body(q)
        for _ in range(5):
            if streamed:
                with self.chat.stream(**body) as stream:
                    message = stream.get_final_completion().choices[0].message
            else:
                message = self.chat.create(**body).choices[0].message
            if not message.tool_calls:
                return message.content
            body["messages"].append(
                message.model_dump(include={"role", "content", "tool_calls"}, exclude_none=True)
            )
            for call in message.tool_calls:
                result = named[call.function.name](**json.loads(call.function.arguments))
                body["messages"].append({"role": "tool", "tool_call_id": call.id, "content": result})
        raise AssertionError("the loop does not end")

    def report(self, q, kind, streamed):
        if not streamed:
            return self.chat.parse(**self.body(q), response_format=kind).choices[0].message.parsed
        with self.chat.stream(**self.body(q), response_format=kind) as stream:
            return stream.get_final_completion().choices[0].message.parsed

    def fault(self, error):
        status = getattr(error, "status_code", None)
        headers = error.response.headers if status else {}
        return Fault(
            isinstance(error, openai.APIError),
            type(error).__name__,
            status,
            getattr(error, "request_id", None),
            headers.get("retry-after"),
        )
