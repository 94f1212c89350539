"""The PyPI package google-genai."""

from google import genai
from google.genai import errors, types

from .common import Fault, Reply, schema_of


class Genai:
    dialect = "gemini"

    def __init__(self, place, **more):
        self.model = place["model"]
        options = types.HttpOptions(
            base_url=place["base"], timeout=20_000, retry_options=types.HttpRetryOptions(attempts=1)
        )
        self.client = genai.Client(api_key=more.get("key", place["key"]), http_options=options)
        self.ai = self.client.models

    def body(self, q, **settings):
        contents = [types.Part.from_text(text=q.text)]
        if q.image:
            contents.append(types.Part.from_bytes(data=q.image, mime_type="image/png"))
        if q.tools:
            declared = [
                types.FunctionDeclaration(
                    name=tool.__name__, description=tool.__doc__, parameters_json_schema=schema_of(tool)
                )
                for tool in q.tools
            ]
            settings["tools"] = [types.Tool(function_declarations=declared)]
        if q.think:
            settings["thinking_config"] = types.ThinkingConfig(include_thoughts=True)
        config = types.GenerateContentConfig(
            system_instruction=q.system, max_output_tokens=q.max_tokens, **settings
        )
        return {"model": q.model or self.model, "contents": contents, "config": config}

    def reply(self, parts, reason, usage, pieces=0):
        calls = [(p.function_call.name, p.function_call.args or {}) for p in parts if p.function_call]
        finish = {"STOP": "tools" if calls else "stop", "MAX_TOKENS": "length"}.get(reason.name, reason.name)
        return Reply(
            text="".join(p.text for p in parts if p.text and not p.thought),
            finish=finish,
            usage=(
                usage.prompt_token_count,
                usage.cached_content_token_count or 0,
                (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0),
            ),
            calls=calls,
            thinking="".join(p.text for p in parts if p.text and p.thought),
            pieces=pieces,
        )

    def whole(self, q):
        answer = self.ai.generate_content(**self.body(q))
        candidate = answer.candidates[0]
        return self.reply(candidate.content.parts, candidate.finish_reason, answer.usage_metadata)

    def streamed(self, q):
        parts, reason, usage, pieces = [], None, None, 0
        for chunk in self.ai.generate_content_stream(**self.body(q)):
            candidate = chunk.candidates[0]
            found = (candidate.content and candidate.content.parts) or []
            parts += found
            pieces += any(part.text for part in found)
            reason, usage = candidate.finish_reason or reason, chunk.usage_metadata or usage
        return self.reply(parts, reason, usage, pieces)

    def read(self, q):
        for chunk in self.ai.generate_content_stream(**self.body(q)):
            if chunk.text:
                yield chunk.text

    def loop(self, q, tools, streamed):
        """The SDK calls the functions itself."""
        body = self.body(q, tools=list(tools))
        if not streamed:
            return self.ai.generate_content(**body).text
        texts = [chunk.text or "" for chunk in self.ai.generate_content_stream(**body)]
        return "".join(texts).removeprefix("I shall look.")

    def report(self, q, kind, streamed):
        body = self.body(q, response_mime_type="application/json", response_schema=kind)
        if not streamed:
            return self.ai.generate_content(**body).parsed
        text = "".join(chunk.text or "" for chunk in self.ai.generate_content_stream(**body))
        return kind.model_validate_json(text)

    def fault(self, error):
        typed = isinstance(error, errors.APIError)
        return Fault(typed, type(error).__name__, getattr(error, "code", None))
