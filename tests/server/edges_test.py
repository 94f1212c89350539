"""Shapes that real clients and servers use now and then."""

import json
import time

from kit.cases import case, check, equal, eventually
from kit.gateway import Gateway, chat, new_id, provider, target
from kit.http import request_bytes
from kit.upstream import STREAM_HEAD, Upstream, sends, stream_events, whole_body
from kit.world import world

BODY = whole_body()
FLAT = b"".join(stream_events())


@case("queries, absolute targets, odd letter cases and 'connection: close' are understood")
def _():
    g = world().gateway
    equal(g.ask(chat("plain"), "/v1/chat/completions?api-version=2024-10-21").status, 200, "a query")
    equal(
        g.ask(chat("plain"), f"http://127.0.0.1:{g.port}/v1/chat/completions").status,
        200,
        "an absolute target",
    )
    body = json.dumps(chat("plain")).encode()
    with g.connect() as connection:
        connection.send(
            request_bytes(
                "POST",
                "/v1/chat/completions",
                body,
                [("AUTHORIZATION", f"BEARER {g.key}"), ("CoNnEcTiOn", "Close")],
            )
        )
        equal(connection.answer().status, 200)
        equal(connection.sock.recv(1), b"", "closed")
    for streamed in (True, False):
        with g.connect() as connection:
            connection.send(g.bytes_of(chat("plain", stream=streamed), fields=[("connection", "close")]))
            answer = connection.answer()
            check(answer.status == 200 and answer.complete, answer)
            equal(connection.sock.recv(1), b"", "closed")


@case("a model's name may have slashes, colons and letters of any script")
def _():
    up = Upstream()
    names = ["org/model-7b", "qwen:7b", "modèle ü", "a%2Fb", '<b>"x"</b>']
    config = {
        "providers": {"up": provider(up.url)},
        "models": {name: target("up", name.upper()) for name in names},
    }
    with Gateway(config) as g:
        equal([m["id"] for m in g.get("/v1/models").json()["data"]], names)
        for name in names:
            request_id = new_id()
            equal(g.ask(chat(name), request_id=request_id).status, 200, name)
            equal(up.requests(request_id)[0].json()["model"], name.upper())
            from urllib.parse import quote

            answer = g.get("/v1/models/" + quote(name, safe=""))
            equal((answer.status, answer.json().get("id")), (200, name), "retrieved")
        equal(g.get("/v1/models/org/model-7b").status, 200, "a slash as it is")
        equal(g.get("/v1/models/org%2").status, 400, "a broken escape")
        g.metrics()
        equal({m["model"] for m in g.usage()["models"]}, set(names))


@case("upstreams of HTTP/1.0, and bodies that end with the connection, whole and streamed")
def _():
    w = world()
    kind = b"content-type: text/event-stream\r\n\r\n"
    for head in (b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 200 OK\r\nconnection: close\r\n"):
        request_id = new_id()
        w.up.script(request_id, sends(head + b"content-type: application/json\r\n\r\n" + BODY))
        equal(w.gateway.ask(chat("up"), request_id=request_id).body, BODY)
        request_id = new_id()
        w.up.script(request_id, sends(head + kind, FLAT[:100], FLAT[100:]))
        answer = w.gateway.ask(chat("up", stream=True), request_id=request_id)
        check(answer.body == FLAT and answer.complete, answer)
        request_id = new_id()
        w.up.script(request_id, sends(head + kind, FLAT[:-20]))
        answer = w.gateway.ask(chat("up", stream=True), request_id=request_id)
        equal(answer.events()[-1]["error"]["code"], "upstream_connection_lost", "cut short")


@case("a stream with a length instead of chunks, and one whose terminal chunk comes late")
def _():
    w = world()
    request_id = new_id()

    def with_length(peer, _):
        peer.send(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: %d\r\n\r\n" % len(FLAT)
        )
        peer.send(FLAT[:77])
        peer.send(FLAT[77:])
        return True

    w.up.script(request_id, with_length)
    answer = w.gateway.ask(chat("up", stream=True), request_id=request_id)
    check(answer.body == FLAT and answer.complete, answer)

    def late(peer, _):
        peer.send(STREAM_HEAD)
        peer.chunk(FLAT)
        time.sleep(0.3)
        peer.send(b"0\r\n\r\n")
        return True

    for _ in range(3):
        request_id = new_id()
        w.up.script(request_id, late)
        start = time.monotonic()
        answer = w.gateway.ask(chat("up", stream=True), request_id=request_id)
        check(answer.body == FLAT and answer.complete, answer)
        check(time.monotonic() - start < 0.25, "waited for the terminal chunk", time.monotonic() - start)
        equal(w.gateway.ask(chat("up")).status, 200)


@case("the body limit is exact")
def _():
    g = world().gateway
    frame = len(json.dumps(chat("plain", "")))
    for extra, status in ((0, 200), (1, 413)):
        equal(g.ask(chat("plain", "x" * ((1 << 20) - frame + extra))).status, status, extra)


@case("a large request fails over whole, also from an upstream that answers before it has read it")
def _():
    w = world()
    text = "z" * 900_000
    request_id = new_id()
    w.up.script(request_id, sends(then="reset"))
    equal(w.gateway.ask(chat("chain", text), request_id=request_id).status, 200)
    equal(w.second.requests(request_id)[0].json()["messages"][0]["content"], text)

    early = Upstream()

    def refuse(sock):
        sock.recv(1000)
        sock.sendall(b"HTTP/1.1 500 Early\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        time.sleep(0.05)
        sock.close()
        return True

    early.on_accept = refuse
    config = {
        "providers": {"early": provider(early.url), "second": provider(w.second.url)},
        "models": {
            "chain": {"targets": [{"provider": "early", "model": "x"}, {"provider": "second", "model": "y"}]}
        },
    }
    with Gateway(config) as g:
        for _ in range(3):
            start = time.monotonic()
            equal(g.ask(chat("chain", text)).status, 200)
            check(time.monotonic() - start < 2, "took", time.monotonic() - start)


@case("a reload says what it cannot take over")
def _():
    up = Upstream()
    config = {"providers": {"up": provider(up.url)}, "models": {"plain": target("up")}}
    with Gateway(config) as g:
        changes = {
            "threads": {"threads": 1},
            "limits": {"limits": {"body": "2MiB"}},
            "access_log": {"access_log": "off"},
            "": {"drain": "9s"},  # back to what runs; the drain's bound is taken over
        }
        for step, (name, change) in enumerate(changes.items()):
            g.config = {**config, "threads": 2, "drain": "5s", **change}
            g.write_config()
            eventually(lambda: g.metrics().sum("gateway_config_revision") == step + 2, 3, "the new revision")
            equal(
                [e["fields"] for e in g.events("config_needs_restart")][step:], [name] if name else [], change
            )
        port, g.port = g.port, g.port + 1
        g.write_config()
        g.port = port
        eventually(
            lambda: g.events("config_needs_restart")[-1]["fields"] == "listen",
            3,
            "a warning about the address",
        )
        equal(g.ask(chat()).status, 200)
