"""What the clients share: the question, the answer, the tools."""

from dataclasses import dataclass, field

from pydantic import BaseModel


@dataclass
class Question:
    text: str
    model: str | None = None
    system: str | None = None
    max_tokens: int | None = None
    image: bytes | None = None
    think: bool = False
    tools: tuple = ()


@dataclass
class Reply:
    text: str
    finish: str
    usage: tuple  # input with what was cached, of it cached, output with what was thought
    calls: list = field(default_factory=list)  # (name, arguments)
    thinking: str = ""
    pieces: int = 0
    request_id: str | None = None


@dataclass
class Fault:
    typed: bool
    name: str
    status: int | None
    request_id: str | None = None
    retry_after: str | None = None


class Report(BaseModel):
    city: str
    degrees: int
    sunny: bool


def get_weather(city: str) -> str:
    """The weather of a city.

    Args:
        city: its name
    """
    return f"sunny in {city}"


def get_time() -> str:
    """The time now."""
    return "noon"


def schema_of(tool):
    properties = {name: {"type": "string"} for name in ("city",) if name in tool.__annotations__}
    return {"type": "object", "properties": properties, "required": list(properties)}
