"""The PyPI package anthropic."""

import base64

import anthropic
from anthropic import beta_tool

from .common import Fault, Reply, schema_of


class AnthropicMessages:
    dialect = "anthropic"

    def __init__(self, place, **more):
        self.model = place["model"]
        self.client = anthropic.Anthropic(
            base_url=place["base"], api_key=more.get("key", place["key"]), max_retries=0, timeout=20
        )
        self.ai = self.client.messages

    def body(self, q):
        content = [{"type": "text", "text": q.text}]
        if q.image:
            data = base64.b64encode(q.image).decode()
            source = {"type": "base64", "media_type": "image/png", "data": data}
            content.append({"type": "image", "source": source})
        body = {
            "model": q.model or self.model,
            "max_tokens": q.max_tokens or 4096,
            "messages": [{"role": "user", "content": content}],
        }
        if q.system:
            body["system"] = [{"type": "text", "text": q.system, "cache_control": {"type": "ephemeral"}}]
        if q.think:
            body["thinking"] = {"type": "enabled", "budget_tokens": 1024}
        if q.tools:
            body["tools"] = [
                {"name": tool.__name__, "description": tool.__doc__, "input_schema": schema_of(tool)}
                for tool in q.tools
            ]
        return body

    def reply(self, message, pieces=0):
        def all_of(kind, member):
            return "".join(getattr(block, member) for block in message.content if block.type == kind)

        usage = message.usage
        cached, written = usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0
        reason = message.stop_reason
        return Reply(
            text=all_of("text", "text"),
            finish={"end_turn": "stop", "max_tokens": "length", "tool_use": "tools"}.get(reason, reason),
            usage=(usage.input_tokens + cached + written, cached, usage.output_tokens),
            calls=[(block.name, block.input) for block in message.content if block.type == "tool_use"],
            thinking=all_of("thinking", "thinking"),
            pieces=pieces,
            request_id=getattr(message, "_request_id", None),
        )

    def whole(self, q):
        return self.reply(self.ai.create(**self.body(q)))

    def streamed(self, q):
        with self.ai.stream(**self.body(q)) as stream:
            pieces = sum(1 for _ in stream.text_stream)
            return self.reply(stream.get_final_message(), pieces)

    def read(self, q):
        with self.ai.create(**self.body(q), stream=True) as stream:
            for event in stream:
                if event.type == "content_block_delta" and event.delta.type == "text_delta":
                    yield event.delta.text

    def loop(self, q, tools, streamed):
        runnable = [beta_tool(tool) for tool in tools]
        runner = self.client.beta.messages.tool_runner(
            **self.body(q), tools=runnable, max_iterations=5, stream=streamed
        )
        return self.reply(runner.until_done()).text

    def report(self, q, kind, streamed):
        if not streamed:
            return self.ai.parse(**self.body(q), output_format=kind).parsed_output
        with self.ai.stream(**self.body(q), output_format=kind) as stream:
            return stream.get_final_message().parsed_output

    def fault(self, error):
        status = getattr(error, "status_code", None)
        headers = error.response.headers if status else {}
        return Fault(
            isinstance(error, anthropic.APIError),
            type(error).__name__,
            status,
            getattr(error, "request_id", None),
            headers.get("retry-after"),
        )
