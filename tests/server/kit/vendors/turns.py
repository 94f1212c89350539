"""What is asked and answered, in no protocol's words: each protocol's file reads and writes these."""

import base64
import struct
from dataclasses import dataclass, field

# The proofs that vendors give with what they thought, shown or not.
SIGNATURE = "EqQBCgIYAhIM" + "c2lnbmVkIGJ5IHRoZSB2ZW5kb3Ig" * 3 + "GgwA"
REDACTED = "EmwKAhgBEgy3" + "aGlkZGVuIGJ5IHRoZSB2ZW5kb3I" * 2 + "BA=="


@dataclass(frozen=True)
class Text:
    text: str


@dataclass(frozen=True)
class Thinking:
    """Reasoning that is shown, and the proof that has to come back with it."""

    text: str
    signature: str


@dataclass(frozen=True)
class Redacted:
    """Reasoning that is not shown."""

    data: str


@dataclass(frozen=True)
class ToolCall:
    id: str
    name: str
    arguments: dict


@dataclass(frozen=True)
class ToolResult:
    id: str
    text: str


@dataclass(frozen=True)
class Image:
    media_type: str
    data: bytes


@dataclass(frozen=True)
class Usage:
    """Tokens that do not overlap: input that was not cached, read from the cache, written to it, shown, hidden."""

    input: int = 11
    cached: int = 0
    written: int = 0
    output: int = 5
    reasoning: int = 0

    @property
    def all_input(self):
        return self.input + self.cached + self.written

    @property
    def all_output(self):
        return self.output + self.reasoning


@dataclass(frozen=True)
class Turn:
    """An answer. `finish` is stop, length or tools."""

    parts: tuple
    finish: str = "stop"
    usage: Usage = Usage()


@dataclass(frozen=True)
class Fault:
    """An answer that is an error: a status, or (status 200) a stream that goes wrong after `said`.

    `how`: `event` an error event, `cut` the connection is closed, `endless` goes on until the other side closes it,
    `silence` not a byte.
    """

    status: int = 200
    how: str = ""
    said: Turn = Turn((Text("Hello, wor"),))
    retry_after: str = ""


class Refused(Exception):
    """The request is not what the protocol asks for."""

    def __init__(self, message, param=None, status=400, details=None):
        super().__init__(message)
        self.message, self.param, self.status, self.details = message, param, status, details


@dataclass
class Asked:
    """A request, as far as a provider understands it."""

    model: str
    stream: bool = False
    with_usage: bool = True
    system: str = ""
    messages: list = field(default_factory=list)  # (role, [parts]); the roles are user and assistant
    tools: dict = field(default_factory=dict)  # name: JSON schema of its input
    tool_choice: str = ""  # auto, none, required, or a name
    schema: dict | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: list = field(default_factory=list)
    thinks: bool = False
    metadata: dict = field(default_factory=dict)

    def parts(self, kind, role=None):
        return [p for r, parts in self.messages if role in (None, r) for p in parts if isinstance(p, kind)]

    @property
    def text(self):
        """All that the user said."""
        return "\n".join(part.text for part in self.parts(Text, "user"))


def known(value, names, where=""):
    """Refuses members that the protocol does not have."""
    for name in value:
        if name not in names:
            path = f"{where}.{name}" if where else name
            raise Refused(f"Unknown parameter: '{path}'.", path)


def need(condition, message, param=None):
    if not condition:
        raise Refused(message, param)


def genuine(proof, where):
    """Refuses the proof of a thought that no vendor has given; it came from elsewhere, or changed on its way."""
    need(proof in (SIGNATURE, REDACTED), f"{where}: the signature is not valid", where)


def image_of_data_url(url, param):
    head, comma, data = url.partition(",")
    need(comma and head.startswith("data:") and head.endswith(";base64"), f"cannot fetch {url[:60]}", param)
    return Image(head[5:-7], base64.b64decode(data, validate=True))


def image_of_base64(media_type, data):
    return Image(media_type, base64.b64decode(data, validate=True))


def size_of_png(data):
    need(data[:8] == b"\x89PNG\r\n\x1a\n", "not a PNG image")
    return struct.unpack(">II", data[16:24])


def pieces(text, length=7):
    return [text[at : at + length] for at in range(0, len(text), length)]
