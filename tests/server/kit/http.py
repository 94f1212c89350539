"""A small raw HTTP/1.1 client: sends bytes as they are, and shows the answer as it was."""

import json
import socket
import time


class Answer:
    def __init__(self, status, fields, body, complete):
        self.status, self.fields, self.body = status, fields, body
        self.complete = complete  # the framing was kept to its end
        self.pieces = []  # (time, bytes) as read

    def field(self, name):
        return next((v for n, v in self.fields if n.lower() == name), None)

    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json()["error"]

    def events(self):
        """The data of all events of a stream, decoded where it is JSON."""
        found = []
        for block in self.body.decode().split("\n\n"):
            data = "\n".join(
                line[5:].removeprefix(" ") for line in block.split("\n") if line.startswith("data:")
            )
            if data:
                found.append(data if data == "[DONE]" else json.loads(data))
        return found

    def text(self):
        return "".join(
            c["delta"].get("content") or ""
            for e in self.events()
            if isinstance(e, dict)
            for c in e.get("choices", [])
        )

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


class Connection:
    """One connection to the gateway, over TCP or a Unix socket."""

    def __init__(self, address, timeout=15.0, receive_buffer=0):
        unix = isinstance(address, str)
        self.sock = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(timeout)
        self.sock.connect(address)
        if not unix:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def fill(self):
        data = self.sock.recv(65536)
        self.buffer += data
        return data

    def head(self):
        """Reads up to the end of a head that is not 1xx: (status, fields), or None when the peer closed."""
        while True:
            while b"\r\n\r\n" not in self.buffer:
                if not self.fill():
                    return None
            head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            status = int(lines[0].split(" ")[1])
            if status >= 200:
                return status, [tuple(p.strip() for p in line.split(":", 1)) for line in lines[1:]]

    def answer(self, method="POST"):
        """Reads one whole answer; None when the peer closed without one."""
        try:
            head = self.head()
        except ConnectionError:
            head = None
        if head is None:
            return None
        answer = Answer(head[0], head[1], b"", False)
        try:
            self.read_body(answer, method)
        except ConnectionError:
            pass
        return answer

    def read_body(self, answer, method):
        if method == "HEAD" or answer.status in (204, 304):
            answer.complete = True
        elif "chunked" in (answer.field("transfer-encoding") or ""):
            self.read_chunks(answer)
        elif answer.field("content-length") is not None:
            length = int(answer.field("content-length"))
            while len(self.buffer) < length and self.fill():
                pass
            answer.body, self.buffer = self.buffer[:length], self.buffer[length:]
            answer.complete = len(answer.body) == length
        else:
            while self.fill():
                pass
            answer.body, self.buffer, answer.complete = self.buffer, b"", True

    def read_chunks(self, answer):
        while True:
            while b"\r\n" not in self.buffer:
                if not self.fill():
                    return
            line, _, rest = self.buffer.partition(b"\r\n")
            size = int(line.split(b";")[0], 16)
            self.buffer = rest
            while len(self.buffer) < size + 2:
                if not self.fill():
                    answer.body += self.buffer
                    return
            piece, self.buffer = self.buffer[:size], self.buffer[size + 2 :]
            if size == 0:
                answer.complete = True
                return
            answer.body += piece
            answer.pieces.append((time.monotonic(), piece))


def request_bytes(method, path, body=b"", fields=(), version="1.1", host="gateway"):
    lines = [f"{method} {path} HTTP/{version}", f"host: {host}"]
    names = {name.lower() for name, _ in fields}
    if body and not names & {"content-length", "transfer-encoding"}:
        lines.append(f"content-length: {len(body)}")
    lines += [f"{name}: {value}" for name, value in fields]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
