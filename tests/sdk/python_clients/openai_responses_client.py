"""The PyPI package openai, Responses."""

import base64
import json

import openai

from .common import Reply, schema_of
from .openai_chat_client import OpenAiChat


class OpenAiResponses:
    dialect = "openai_responses"

    def __init__(self, place, **more):
        self.model = place["model"]
        self.ai = openai.OpenAI(
            base_url=f"{place['base']}/v1", api_key=more.get("key", place["key"]), max_retries=0, timeout=20
        ).responses

    def body(self, q):
        content = [{"type": "input_text", "text": q.text}]
        if q.image:
            url = "data:image/png;base64," + base64.b64encode(q.image).decode()
            content.append({"type": "input_image", "image_url": url, "detail": "auto"})
        body = {
            "model": q.model or self.model,
            "input": [{"role": "user", "content": content}],
            "store": False,
        }
        if q.system:
            body["instructions"] = q.system
        if q.max_tokens:
            body["max_output_tokens"] = q.max_tokens
        if q.think:
            body["reasoning"] = {"effort": "low", "summary": "auto"}
            body["include"] = ["reasoning.encrypted_content"]
        if q.tools:
            body["tools"] = [
                {
                    "type": "function",
                    "name": tool.__name__,
                    "description": tool.__doc__,
                    "parameters": schema_of(tool),
                    "strict": False,
                }
                for tool in q.tools
            ]
        return body

    def reply(self, response, pieces=0):
        calls = [(i.name, json.loads(i.arguments)) for i in response.output if i.type == "function_call"]
        thoughts = [part.text for i in response.output if i.type == "reasoning" for part in i.summary]
        usage = response.usage
        return Reply(
            text=response.output_text,
            finish="length" if response.status == "incomplete" else "tools" if calls else "stop",
            usage=(usage.input_tokens, usage.input_tokens_details.cached_tokens, usage.output_tokens),
            calls=calls,
            thinking="".join(thoughts),
            pieces=pieces,
            request_id=getattr(response, "_request_id", None),
        )

    def whole(self, q):
        return self.reply(self.ai.create(**self.body(q)))

    def streamed(self, q):
        with self.ai.stream(**self.body(q)) as stream:
            pieces, last = 0, None
            for number, event in enumerate(stream):
                assert event.sequence_number == number, event
                pieces += event.type == "response.output_text.delta"
                last = event
            # The helper knows of `completed` only; an answer that its length cut off ends as `incomplete`.
            return self.reply(last.response, pieces)

    def read(self, q):
        with self.ai.create(**self.body(q), stream=True) as stream:
            for event in stream:
                # This SDK hands error events to its caller.
                if event.type in ("error", "response.failed"):
                    raise openai.APIError(event.type, None, body=event.model_dump())
                if event.type == "response.output_text.delta":
                    yield event.delta

    def loop(self, q, tools, streamed):
        q.tools, named = tools, {tool.__name__: tool for tool in tools}
        body = self.body(q)
        for _ in range(5):
            if streamed:
                with self.ai.stream(**body) as stream:
                    response = stream.get_final_response()
            else:
                response = self.ai.create(**body)
            calls = [item for item in response.output if item.type == "function_call"]
            if not calls:
                return response.output_text
            body["input"] += [
                item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in response.output
            ]
            for call in calls:
                result = named[call.name](**json.loads(call.arguments))
                body["input"].append(
                    {"type": "function_call_output", "call_id": call.call_id, "output": result}
                )
        raise AssertionError("the loop does not end")

    def report(self, q, kind, streamed):
        if not streamed:
            return self.ai.parse(**self.body(q), text_format=kind).output_parsed
        with self.ai.stream(**self.body(q), text_format=kind) as stream:
            return stream.get_final_response().output_parsed

    fault = OpenAiChat.fault
