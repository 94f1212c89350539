"""The PyPI package ollama."""

import ollama

from .common import Fault, Reply


class Ollama:
    dialect = "ollama"

    def __init__(self, place, **more):
        self.model = place["model"]
        key = more.get("key", place["key"])
        self.ai = ollama.Client(place["base"], headers={"Authorization": f"Bearer {key}"}, timeout=20)

    def body(self, q):
        said = {"role": "user", "content": q.text}
        if q.image:
            said["images"] = [q.image]
        messages = [{"role": "system", "content": q.system}] if q.system else []
        body = {"model": q.model or self.model, "messages": [*messages, said]}
        if q.max_tokens:
            body["options"] = {"num_predict": q.max_tokens}
        if q.think:
            body["think"] = True
        if q.tools:
            body["tools"] = list(q.tools)
        return body

    def reply(self, chunks):
        """Of the pieces of a stream, or of one whole answer."""
        messages, last = [chunk.message for chunk in chunks], chunks[-1]
        calls = [call.function for message in messages for call in message.tool_calls or []]
        assert last.done and last.total_duration > 0 and last.eval_duration > 0, last
        return Reply(
            text="".join(message.content or "" for message in messages),
            finish="tools" if calls and last.done_reason == "stop" else last.done_reason,
            usage=(last.prompt_eval_count, 0, last.eval_count),
            calls=[(call.name, dict(call.arguments)) for call in calls],
            thinking="".join(message.thinking or "" for message in messages),
            pieces=sum(bool(message.content) for message in messages),
        )

    def whole(self, q):
        return self.reply([self.ai.chat(**self.body(q))])

    def streamed(self, q):
        return self.reply(list(self.ai.chat(**self.body(q), stream=True)))

    def read(self, q):
        for chunk in self.ai.chat(**self.body(q), stream=True):
            if chunk.message.content:
                yield chunk.message.content

    def loop(self, q, tools, streamed):
        q.tools, named = tools, {tool.__name__: tool for tool in tools}
        body = self.body(q)
        for _ in range(5):
            if streamed:
                chunks = list(self.ai.chat(**body, stream=True))
                calls = [call for chunk in chunks for call in chunk.message.tool_calls or []]
                text = "".join(chunk.message.content or "" for chunk in chunks)
                message = {"role": "assistant", "content": text, "tool_calls": calls}
            else:
                message = self.ai.chat(**body).message
                calls, text = message.tool_calls, message.content
            if not calls:
                return text
            body["messages"].append(message)
            for call in calls:
                result = named[call.function.name](**call.function.arguments)
                body["messages"].append({"role": "tool", "content": result, "tool_name": call.function.name})
        raise AssertionError("the loop does not end")

    def report(self, q, kind, streamed):
        body = {**self.body(q), "format": kind.model_json_schema()}
        if not streamed:
            return kind.model_validate_json(self.ai.chat(**body).message.content)
        text = "".join(chunk.message.content or "" for chunk in self.ai.chat(**body, stream=True))
        return kind.model_validate_json(text)

    def fault(self, error):
        status = getattr(error, "status_code", None)
        return Fault(isinstance(error, ollama.ResponseError), type(error).__name__, status)
