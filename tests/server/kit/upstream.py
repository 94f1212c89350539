"""Upstream: a provider on a loopback socket that does what it is told, request by request.

A request is recognized by the x-request-id that the gateway passes on; what it gets is a list of plays, one for each
attempt. A play is a function (Peer, Request) that writes what it likes, and returns True to keep the connection.
"""

import json
import socket
import threading
import time

HELLO = ["Hello", ", ", "wor", "ld", "!"]


class Request:
    def __init__(self, line, fields, body, peer):
        self.line, self.fields, self.body, self.peer = line, fields, body, peer
        self.at = time.monotonic()

    def field(self, name):
        return next((v for n, v in self.fields if n.lower() == name), None)

    def json(self):
        return json.loads(self.body)


class Peer:
    """The upstream's end of one connection."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""
        self.closed_at = None  # when the gateway's end was seen to close

    def send(self, data):
        self.sock.sendall(data)

    def chunk(self, data):
        self.send(b"%x\r\n" % len(data) + data + b"\r\n")

    def reset(self):
        """Closes with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.sock.close()

    def wait_for_close(self, seconds=10):
        """Waits until the gateway closes its end; notes when."""
        self.sock.settimeout(seconds)
        try:
            while self.sock.recv(4096):
                pass
        except TimeoutError:
            return False
        except OSError:
            pass
        self.closed_at = time.monotonic()
        return True

    def read_request(self):
        while b"\r\n\r\n" not in self.buffer:
            data = self.sock.recv(65536)
            if not data:
                return None
            self.buffer += data
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        fields = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:]]
        if any(n.lower() == "transfer-encoding" for n, _ in fields):
            body = self.read_chunks()
        else:
            body = self.read_bytes(int(next((v for n, v in fields if n.lower() == "content-length"), 0)))
        return None if body is None else Request(lines[0], fields, body, self)

    def read_bytes(self, length):
        while len(self.buffer) < length:
            data = self.sock.recv(1 << 20)
            if not data:
                return None
            self.buffer += data
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return body

    def read_chunks(self):
        body = b""
        while True:
            while b"\r\n" not in self.buffer:
                data = self.sock.recv(65536)
                if not data:
                    return None
                self.buffer += data
            size, _, self.buffer = self.buffer.partition(b"\r\n")
            piece = self.read_bytes(int(size, 16) + 2)
            if piece is None:
                return None
            if len(piece) == 2:
                return body
            body += piece[:-2]


class Upstream:
    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self.plays = {}
        self.seen = {}
        self.connections = 0
        self.default = ordinary
        self.on_accept = None  # given the socket before a request is read; True: it took care of it
        self.lock = threading.Lock()
        threading.Thread(target=self.accept, daemon=True).start()

    def script(self, request_id, *plays):
        """What the attempts of this request get, in order; the last one stays."""
        self.plays[request_id] = list(plays)

    def requests(self, request_id):
        return self.seen.get(request_id, [])

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def serve(self, sock):
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.on_accept and self.on_accept(sock):
                return
            peer = Peer(sock)
            while (request := peer.read_request()) is not None:
                request_id = request.field("x-request-id")
                with self.lock:
                    self.seen.setdefault(request_id, []).append(request)
                    plays = self.plays.get(request_id)
                    play = (plays.pop(0) if len(plays) > 1 else plays[0]) if plays else self.default
                if not play(peer, request):
                    break
        except OSError:
            pass
        finally:
            sock.close()


# --- what replies are made of -----------------------------------------------------------------------------------------


def event(value):
    return b"data: " + (value if isinstance(value, bytes) else json.dumps(value).encode()) + b"\n\n"


def delta(content=None, finish=None, usage=None, role=None, choices=True):
    value = {"id": "chatcmpl-up", "object": "chat.completion.chunk", "created": 1, "model": "up-model"}
    made = {"role": role, "content": content}
    value["choices"] = (
        [{"index": 0, "delta": {k: v for k, v in made.items() if v is not None}, "finish_reason": finish}]
        if choices
        else []
    )
    if usage:
        value["usage"] = usage
    return event(value)


USAGE = {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16}


def stream_events(words=HELLO, usage=USAGE, done=True):
    events = [delta("", role="assistant")] + [delta(word) for word in words] + [delta(finish="stop")]
    if usage:
        events.append(delta(usage=usage, choices=False))
    return events + ([b"data: [DONE]\n\n"] if done else [])


def whole_body(text="Hello, world!", usage=USAGE):
    value = {
        "id": "chatcmpl-up",
        "object": "chat.completion",
        "created": 1,
        "model": "up-model",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
    }
    if usage:
        value["usage"] = usage
    return json.dumps(value).encode()


STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nx-request-id: req_of_upstream\r\ntransfer-encoding: chunked\r\n\r\n"


def whole_head(length, status=b"200 OK", more=b""):
    return b"HTTP/1.1 %s\r\ncontent-type: application/json\r\n%scontent-length: %d\r\n\r\n" % (
        status,
        more,
        length,
    )


# --- plays ------------------------------------------------------------------------------------------------------------


def ordinary(peer, request):
    asked = request.json()
    if not asked.get("stream"):
        return whole()(peer, request)
    with_usage = (asked.get("stream_options") or {}).get("include_usage")
    return stream(stream_events(usage=USAGE if with_usage else None))(peer, request)


def whole(body=None, status=b"200 OK", more=b""):
    def play(peer, _):
        data = whole_body() if body is None else body
        peer.send(whole_head(len(data), status, more) + data)
        return True

    return play


def stream(events, pause=0.0):
    def play(peer, _):
        peer.send(STREAM_HEAD)
        for one in events:
            peer.chunk(one)
            if pause:
                time.sleep(pause)
        peer.send(b"0\r\n\r\n")
        return True

    return play


def refusal(status, code, more=b""):
    body = json.dumps(
        {"error": {"message": "says the upstream", "type": "some_type", "param": None, "code": code}}
    ).encode()
    return whole(body, status, more)


def framed(content_type):
    """A stream of that type, as a function of its pieces, that ends as HTTP ends it."""
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n\r\n".encode()

    def of(*pieces):
        def play(peer, _):
            peer.send(head)
            for piece in pieces:
                peer.chunk(piece)
            peer.send(b"0\r\n\r\n")
            return True

        return play

    return of


def sends(*pieces, then="close"):
    """Sends raw pieces, then closes, resets, or falls silent until the gateway closes."""

    def play(peer, _):
        for piece in pieces:
            peer.send(piece)
            time.sleep(0.01)
        if then == "reset":
            peer.reset()
        if then == "silence":
            peer.wait_for_close()
        return False

    return play


def endless(pause=0.02, text="word "):
    """A stream that only the gateway can end."""

    def play(peer, _):
        peer.send(STREAM_HEAD)
        peer.chunk(delta("", role="assistant"))
        peer.sock.settimeout(pause)
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                if not peer.sock.recv(4096):
                    break
            except TimeoutError:
                pass
            except OSError:
                break
            peer.sock.settimeout(None)
            try:
                peer.chunk(delta(text))
            except OSError:
                break
            peer.sock.settimeout(pause)
        peer.closed_at = time.monotonic()
        return False

    return play


def stalled_listener():
    """(socket, port) to which connecting hangs: its queue is full and nobody accepts."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen(0)
    port = sock.getsockname()[1]
    fillers = []
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(("127.0.0.1", port))
        fillers.append(filler)
    return (sock, fillers), port


def closed_port():
    """(socket, port): a port that refuses connections, and that nobody else gets while the socket is kept: it is bound
    and never listens."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock, sock.getsockname()[1]
