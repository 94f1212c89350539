"""multipart/form-data, written by hand, so that every byte is known."""

import json

BOUNDARY = "----lowart-7d1a"


def part(name, value, filename=None, content_type=None):
    value = value if isinstance(value, bytes) else value.encode()
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"'
    head += f'; filename="{filename}"' if filename else ""
    head += f"\r\nContent-Type: {content_type}" if content_type else ""
    return head.encode() + b"\r\n\r\n" + value + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


def form(*parts):
    return b"".join(parts) + END


def audio(content, name="file"):
    return part(name, content, "a.wav", "audio/wav")


def head_of(path, key, length, request_id=None, method="POST", content_type=None, more=()):
    """The head of a request with a form; `length` None: its body comes in chunks."""
    fields = [("host", "gateway"), ("authorization", f"Bearer {key}")]
    fields.append(("content-type", content_type or f"multipart/form-data; boundary={BOUNDARY}"))
    fields.append(("transfer-encoding", "chunked") if length is None else ("content-length", str(length)))
    if request_id:
        fields.append(("x-request-id", request_id))
    lines = [f"{method} {path} HTTP/1.1"] + [f"{name}: {value}" for name, value in [*fields, *more]]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def post_form(gateway, path, body, key=None, request_id=None, chunk=0, timeout=15.0, content_type=None):
    """Sends a form, whole or in chunks of so many bytes, and returns the answer."""
    with gateway.connect(timeout=timeout) as connection:
        length = None if chunk else len(body)
        connection.send(head_of(path, key or gateway.key, length, request_id, content_type=content_type))
        if not chunk:
            connection.send(body)
        else:
            for at in range(0, len(body), chunk):
                piece = body[at : at + chunk]
                connection.send(b"%x\r\n" % len(piece) + piece + b"\r\n")
            connection.send(b"0\r\n\r\n")
        return connection.answer("POST")


TRANSCRIPT = json.dumps(
    {
        "text": "Hello.",
        "usage": {
            "type": "tokens",
            "input_tokens": 14,
            "input_token_details": {"text_tokens": 4, "audio_tokens": 10},
            "output_tokens": 45,
            "total_tokens": 59,
        },
    }
).encode()
