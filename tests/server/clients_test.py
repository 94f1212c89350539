"""Clients as they are: leaving, slow, over a Unix socket, old, waiting for 100-continue, and smugglers."""

import json
import socket
import subprocess
import time

from kit.cases import case, check, equal, eventually
from kit.gateway import Gateway, chat, new_id, outcome, provider, target
from kit.http import Connection
from kit.upstream import STREAM_HEAD, USAGE, Upstream, delta, endless, event, sends, stream, stream_events
from kit.world import world


def leaves(how, model="counted", read=3):
    """Starts an endless stream, reads a little, leaves; returns (seconds until the upstream saw it, key name)."""
    w = world()
    name, key = w.own_key()
    request_id = new_id()
    w.up.script(request_id, endless())
    connection = w.gateway.connect()
    connection.send(w.gateway.bytes_of(chat(model, stream=True), key=key, request_id=request_id))
    if read:
        connection.head()
        while connection.buffer.count(b"word") < read:
            connection.fill()
    else:
        eventually(lambda: w.up.requests(request_id), what="the request upstream")
    left = time.monotonic()
    how(connection)
    peer = w.up.requests(request_id)[0].peer
    eventually(lambda: peer.closed_at, 3, "the upstream's connection closed")
    return peer.closed_at - left, name, request_id


for what, how in (("closes", Connection.close), ("resets", Connection.reset)):

    @case(
        f"a client that {what} its connection in the middle of a stream ends the upstream's work within a second"
    )
    def _(how=how):
        took, name, request_id = leaves(how)
        check(took < 1.0, "took", took)
        (record,) = world().gateway.records(name)
        equal(outcome(record), ("cancelled", "partial"), record)
        check(record["input"] == 8 and 3 <= record["output"] <= 60, "counts", record)
        equal(world().gateway.log_of(request_id)["outcome"], "cancelled")


@case("a client that leaves is billed what its provider reports, where the call may go on without it for a while")
def _():
    up = Upstream()
    config = {"limits": {"absent": "1s"}, "providers": {"up": provider(up.url)}, "models": {"m": target("up")}}
    with Gateway(config) as gateway:
        plays = {
            "told": (stream(stream_events(), pause=0.15), ("complete", "reported")),
            "endless": (endless(), ("cancelled", "partial")),
        }
        number = 0
        for how in (Connection.close, Connection.reset):
            for name, (play, ending) in plays.items():
                number += 1
                request_id = new_id()
                up.script(request_id, play)
                connection = gateway.connect()
                connection.send(gateway.bytes_of(chat("m", stream=True), request_id=request_id))
                connection.head()
                connection.fill()
                left = time.monotonic()
                how(connection)
                record = gateway.records(count=number)[-1]
                took = time.monotonic() - left
                equal(outcome(record), ending, (name, record))
                equal(gateway.log_of(request_id)["outcome"], "cancelled")
                if name == "told":
                    equal((record["input"], record["output"]), (USAGE["prompt_tokens"], USAGE["completion_tokens"]))
                else:
                    check(0.8 < took < 3, "took", took)


@case("a client that leaves while a stream is silent has cancelled it")
def _():
    w = world()
    name, key = w.own_key()
    request_id = new_id()
    content = delta("", role="assistant") + delta("Hello")
    w.up.script(request_id, sends(STREAM_HEAD, b"%x\r\n%s\r\n" % (len(content), content), then="silence"))
    connection = w.gateway.connect()
    connection.send(w.gateway.bytes_of(chat("plain", stream=True), key=key, request_id=request_id))
    connection.head()
    while b"Hello" not in connection.buffer:
        connection.fill()
    peer, left = w.up.requests(request_id)[0].peer, time.monotonic()
    connection.close()
    eventually(lambda: peer.closed_at, 3, "the upstream's connection closed")
    check(peer.closed_at - left < 1.0, "took", peer.closed_at - left)
    (record,) = w.gateway.records(name)
    equal(outcome(record), ("cancelled", "partial"), record)
    equal(w.gateway.log_of(request_id)["outcome"], "cancelled")
    equal(w.gateway.metrics().sum("gateway_breaker_opened_total", model="up-model", provider="patient"), 0)


@case("a client that leaves before the first token ends the upstream's work, too")
def _():
    w = world()
    name, key = w.own_key()
    for streamed in (True, False):
        request_id = new_id()
        w.up.script(request_id, sends(then="silence"))
        connection = w.gateway.connect()
        connection.send(w.gateway.bytes_of(chat("plain", stream=streamed), key=key, request_id=request_id))
        peer = eventually(lambda: w.up.requests(request_id), what="the request upstream")[0].peer
        left = time.monotonic()
        connection.close()
        eventually(lambda: peer.closed_at, 3, "the upstream's connection closed")
        check(peer.closed_at - left < 1.0, "took", peer.closed_at - left)
        equal(w.gateway.log_of(request_id)["outcome"], "cancelled")
    for record in w.gateway.records(name, 2):
        equal(outcome(record)[0], "cancelled")


@case(
    "a client that closes only its sending side still gets its answer, or is taken as gone, but nothing hangs"
)
def _():
    w = world()
    with w.gateway.connect() as connection:
        connection.send(w.gateway.bytes_of(chat("plain")))
        connection.sock.shutdown(1)
        start = time.monotonic()
        connection.answer()
        check(time.monotonic() - start < 3, "hangs")


@case("a reader of one byte a second holds up nobody, and costs no memory", alone=True)
def _():
    up = Upstream()
    config = {"providers": {"up": provider(up.url)}, "models": {"plain": target("up")}}
    with Gateway(config) as g:
        equal(g.ask(chat()).status, 200)
        before = g.resident_kib()
        sent = []

        def flood(peer, _):
            peer.send(STREAM_HEAD)
            peer.chunk(delta("", role="assistant"))
            piece = event({"choices": [{"index": 0, "delta": {"content": "x"}}], "obfuscation": "x" * 60_000})
            peer.sock.settimeout(4)
            total = 0
            try:
                for _ in range(2000):
                    peer.chunk(piece)
                    total += len(piece)
            except OSError:
                pass
            sent.append(total)
            return False

        slow = []
        for _ in range(8):
            request_id = new_id()
            up.script(request_id, flood)
            connection = g.connect(receive_buffer=4096)
            connection.send(g.bytes_of(chat(stream=True), request_id=request_id))
            slow.append(connection)
        times = []
        for second in range(3):
            for connection in slow:
                equal(len(connection.sock.recv(1)), 1)
            for _ in range(20):
                start = time.monotonic()
                equal(g.ask(chat(stream=True)).text(), "Hello, world!")
                times.append(time.monotonic() - start)
            time.sleep(1)
        grown = g.resident_kib() - before
        check(sorted(times)[30] < 0.1 and max(times) < 1.0, "others wait", max(times))
        check(grown < 16 * 1024, "memory grew by KiB", grown)
        for connection in slow:
            connection.reset()
        # What the kernel's buffers may grow to, on both sides of the gateway: far less than the 120 MB offered to each.
        buffers = largest_buffer("tcp_rmem") + 2 * largest_buffer("tcp_wmem") + (1 << 20)
        check(buffers < 100_000_000, "this system's buffers hold all that is offered", buffers)
        eventually(lambda: len(sent) == 8, 10, "upstreams ended")
        check(max(sent) < buffers, "taken from the upstream", max(sent))
        equal(g.ask(chat()).status, 200)


def curl(*arguments, data=b""):
    run = subprocess.run(
        ["curl", "-sS", "--max-time", "10", *arguments], input=data, capture_output=True, check=False
    )
    equal(run.returncode, 0, f"curl {arguments}: {run.stderr.decode()}")
    return run.stdout.decode(), run.stderr.decode()


def largest_buffer(kind):
    with open(f"/proc/sys/net/ipv4/{kind}", encoding="ascii") as sizes:
        return int(sizes.read().split()[2])


@case("curl over the Unix socket: whole, streamed, and the same as over TCP")
def _():
    w = world()
    g = w.gateway
    ask = [
        "--unix-socket",
        g.socket_path,
        "http://gateway/v1/chat/completions",
        "-H",
        f"Authorization: Bearer {g.key}",
        "-H",
        "Content-Type: application/json",
    ]
    whole, _ = curl(*ask, "-d", json.dumps(chat("plain")))
    equal(json.loads(whole)["choices"][0]["message"]["content"], "Hello, world!")
    streamed, _ = curl("-N", *ask, "-d", json.dumps(chat("plain", stream=True)))
    equal(streamed.encode(), g.ask(chat("plain", stream=True)).body, "the stream")
    check(streamed.endswith("data: [DONE]\n\n"), streamed[-50:])
    for _ in range(5):  # round all loops
        equal(Connection(g.socket_path).close(), None)
    health, _ = curl("--unix-socket", g.socket_path, "http://x/health")
    equal(json.loads(health), {"status": "ok"})


@case("curl that expects 100-continue is told to go on, and told at once when it need not")
def _():
    g = world().gateway
    body = json.dumps(chat("plain", "x" * 100_000)).encode()
    ask = [
        f"http://127.0.0.1:{g.port}/v1/chat/completions",
        "-H",
        "Content-Type: application/json",
        "-H",
        "Expect: 100-continue",
        "--expect100-timeout",
        "8",
        "-v",
        "--data-binary",
        "@-",
    ]
    start = time.monotonic()
    out, log = curl(*ask, "-H", f"Authorization: Bearer {g.key}", data=body)
    check("100 Continue" in log, log)
    equal(json.loads(out)["object"], "chat.completion")
    out, log = curl(*ask, "-H", "Authorization: Bearer sk-lw-wrong-wrong-wrong", data=body)
    check("100 Continue" not in log and json.loads(out)["error"]["code"] == "invalid_api_key", log)
    check(time.monotonic() - start < 4, "curl waited for 100")


@case("a client of HTTP/1.0 gets its answer, whole and streamed, up to the close")
def _():
    g = world().gateway
    for streamed in (False, True):
        body = json.dumps(chat("plain", stream=streamed)).encode()
        with g.connect() as connection:
            connection.send(
                b"POST /v1/chat/completions HTTP/1.0\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n"
                % (g.key.encode(), len(body))
                + body
            )
            answer = connection.answer()
            equal(answer.status, 200)
            equal(answer.field("transfer-encoding"), None, "an HTTP/1.0 client knows no chunks")
            equal(
                answer.text() if streamed else answer.json()["choices"][0]["message"]["content"],
                "Hello, world!",
            )
            equal(connection.sock.recv(1), b"", "closed behind it")


@case("a connection serves many calls, whole and streamed, also when they are sent ahead")
def _():
    g = world().gateway
    with g.connect() as connection:
        for i in range(20):
            connection.send(g.bytes_of(chat("plain", stream=i % 2 == 0)))
            equal(connection.answer().status, 200)
        connection.send(b"".join(g.bytes_of(chat("plain"), request_id=f"ahead-{i}") for i in range(10)))
        for i in range(10):
            equal(connection.answer().field("x-request-id"), f"ahead-{i}")


SMUGGLED = b"GET /v1/smuggled HTTP/1.1\r\nhost: x\r\n\r\n"
LENGTH = b"%d" % len(SMUGGLED)
HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\nauthorization: Bearer %s\r\n"
SHAPES = {
    "two lengths": b"content-length: 0\r\ncontent-length: " + LENGTH + b"\r\n\r\n",
    "two lengths in one": b"content-length: 0, " + LENGTH + b"\r\n\r\n",
    "a length and chunks": b"content-length: " + LENGTH + b"\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and a length": b"transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n",
    "chunked twice": b"transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n",
    "chunked not last": b"transfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "a strange coding": b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a coding in quotes": b'transfer-encoding: "chunked"\r\n\r\n0\r\n\r\n',
    "a signed length": b"content-length: +0\r\n\r\n",
    "a negative length": b"content-length: -1\r\n\r\n",
    "a hexadecimal length": b"content-length: 0x10\r\n\r\n",
    "an endless length": b"content-length: 99999999999999999999999\r\n\r\n",
    "a space before the colon": b"transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
    "a folded line": b"x-a: b\r\n transfer-encoding: chunked\r\n\r\n",
    "a bare LF": b"x-a: b\ncontent-length: 0\r\n\r\n",
    "a bare CR": b"x-a: b\rtransfer-encoding: chunked\r\n\r\n",
    "a NUL": b"x-a: b\0c\r\n\r\n",
    "a line without a colon": b"nonsense\r\n\r\n",
    "a bad name": b"x a: b\r\n\r\n",
    "no name": b": b\r\n\r\n",
    "two hosts": b"host: other\r\n\r\n",
    "chunk size with 0x": b"transfer-encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
    "chunk size with a sign": b"transfer-encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n",
    "chunk size with a space": b"transfer-encoding: chunked\r\n\r\n 1\r\na\r\n0\r\n\r\n",
    "chunk size too large": b"transfer-encoding: chunked\r\n\r\n10000000000000000\r\na\r\n0\r\n\r\n",
    "chunk without its CRLF": b"transfer-encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
    "chunk line with a bare LF": b"transfer-encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n",
    "LF in a chunk extension": b"transfer-encoding: chunked\r\n\r\n1;x\n\r\na\r\n0\r\n\r\n",
    "a trailer that frames": b"transfer-encoding: chunked\r\n\r\n0\r\ncontent-length : 5\r\n\r\n",
}


@case("what two readers could frame differently is refused, and nothing behind it is read as a request")
def _():
    g = world().gateway
    for what, rest in SHAPES.items():
        with g.connect(timeout=5) as connection:
            connection.send(HEAD % g.key.encode() + rest + SMUGGLED + SMUGGLED)
            answer = connection.answer()
            check(answer is None or 400 <= answer.status < 600, what, answer)
            check(answer is None or answer.status != 404, what, "answered what was smuggled")
            second = connection.answer()
            check(second is None, what, "answered twice:", second)
    check("/v1/smuggled" not in g.stdout(), "smuggled into the log")
    equal(g.ask(chat("plain")).status, 200)


@case("a body that the client cuts off, or announces with 2 GB, is the client's fault and costs nothing")
def _():
    g = world().gateway
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n" % g.key.encode()
    with g.connect(timeout=5) as connection:
        connection.send(head + b'Content-Length: 100\r\n\r\n{"model":')
        connection.sock.shutdown(socket.SHUT_WR)
        equal(connection.answer().status, 400, "cut off")
    with g.connect(timeout=5) as connection:
        connection.send(head + b"Content-Length: 2147483648\r\n\r\n{")
        equal(connection.answer().status, 413, "2 GB")


@case("the upstream cannot smuggle an answer either")
def _():
    w = world()
    body = b'{"a":1}'
    for head in (
        b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\ncontent-length: 9\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\ntransfer-encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: seven\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: y\r\n z: folded\r\ncontent-length: 7\r\n\r\n",
        b"HTTP/1.1 20 OK\r\ncontent-length: 7\r\n\r\n",
        b"HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n",
    ):
        request_id = new_id()
        w.up.script(request_id, sends(head, body, then="silence"))
        answer = w.gateway.ask(chat("up"), request_id=request_id)
        check(answer.status in (502, 504), head, answer)


@case("slow heads and idle connections are ended within their bounds")
def _():
    up = Upstream()
    limits = {"idle": "300ms", "head_time": "400ms", "body_time": "400ms"}
    config = {"providers": {"up": provider(up.url)}, "models": {"plain": target("up")}, "limits": limits}
    with Gateway(config) as g:
        for first, status in (
            (b"", None),
            (b"POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\n", 408),
            (g.bytes_of(chat())[:-5], 400),
        ):
            start = time.monotonic()
            with g.connect(timeout=5) as connection:
                connection.send(first)
                answer = connection.answer()
                equal(answer and answer.status, status, first)
                check(time.monotonic() - start < 2, "took", time.monotonic() - start)
        with g.connect(timeout=5) as connection:
            connection.send(g.bytes_of(chat()))
            equal(connection.answer().status, 200)
            equal(connection.sock.recv(1), b"", "closed after idle time")
