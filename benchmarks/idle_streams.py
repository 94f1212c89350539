"""What a stream costs in memory that is open and says nothing."""

import json
import socket

from adapters import IDLE, TLS_PATH
from processes import BenchError, memory_mib

STREAMS = 1000


def request(target, over_tls):
    model = "bench-model" + ("-tls" if over_tls and target.translates else "") + IDLE
    path = TLS_PATH if over_tls and not target.translates else "/v1/chat/completions"
    body = json.dumps({"model": model, "stream": True, "max_tokens": 1000, "messages": [{"role": "user", "content": "Hello"}]})
    return (f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{target.port}\r\nAuthorization: Bearer {target.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode()


def open_one(target, asked):
    stream = socket.create_connection(("127.0.0.1", target.port), timeout=10)
    stream.sendall(asked)
    seen = b""
    while seen.count(b"data: ") < 2:  # the mock says two events at once
        piece = stream.recv(65536)
        if not piece:
            raise BenchError(f"{target.name}: an idle stream was closed: {seen[:300]!r}")
        seen += piece
    return stream


def kib_each(target, over_tls):
    """KiB of memory for each of many open streams. A few come first, so that what is made once is not counted."""
    asked = request(target, over_tls)
    streams = [open_one(target, asked) for _ in range(20)]
    try:
        before = memory_mib(target.process.tree())[1]
        streams += [open_one(target, asked) for _ in range(STREAMS)]
        return (memory_mib(target.process.tree())[1] - before) * 1024 / STREAMS
    finally:
        for stream in streams:
            stream.close()
