"""Speech, transcripts and images that are changed: forms pass by, voices and events pass on, all are billed."""

import hashlib
import json
import socket
import threading
import time

from kit.cases import case, check, equal, eventually
from kit.forms import BOUNDARY, TRANSCRIPT, audio, form, head_of, part, post_form
from kit.gateway import UPSTREAM_KEY, Gateway, new_id, outcome, provider, target
from kit.upstream import Peer, Upstream, event, refusal, sends, stream, whole, whole_head
from kit.world import world

IMAGES = b'{"created":1,"data":[{"b64_json":"iVBORw0KGgo="}],"usage":{"input_tokens":5,"output_tokens":7}}'
FORMS = (
    ("/v1/audio/transcriptions", TRANSCRIPT, "transcription"),
    ("/v1/audio/translations", TRANSCRIPT, "translation"),
    ("/v1/images/edits", IMAGES, "image_edit"),
    ("/v1/images/variations", IMAGES, "image_variation"),
)
WAVE = b"RIFF" + bytes(range(256)) * 40 + b"\r\n--" + BOUNDARY.encode()[:-1] + b"\r\n\r\n"


@case("media: a form goes up byte for byte but for the model's name, wherever that stands and however it comes")
def _():
    w = world()
    rest = part("language", "en") + part("prompt", "caf\u00e9")
    for path, reply, operation in FORMS:
        name, key = w.own_key()
        for before, behind in ((rest, audio(WAVE)), (audio(WAVE), rest), (audio(WAVE) + rest, b"")):
            for chunk in (0, 1000):
                request_id = new_id()
                w.up.script(request_id, whole(reply))
                body = before + part("model", "%s") + behind
                answer = post_form(w.gateway, path, form(body.replace(b"%s", b"plain")), key, request_id, chunk)
                equal((answer.status, answer.body), (200, reply), path)
                (seen,) = w.up.requests(request_id)
                check(seen.line.startswith(f"POST {path} "), seen.line)
                equal(seen.body, form(body.replace(b"%s", b"up-model")), "the form upstream")
                equal(seen.field("content-type"), f"multipart/form-data; boundary={BOUNDARY}")
                equal(seen.field("authorization"), f"Bearer {UPSTREAM_KEY}")
                equal(seen.field("content-length") is None, bool(chunk), "framing")
        records = w.gateway.records(name, 6)
        equal(len(records), 6)
        for record in records:
            equal((record["operation"], record["model"], record["upstream_model"]), (operation, "plain", "up-model"))
            equal(outcome(record), ("complete", "reported"))
            expected = (4, 45, None) if reply is TRANSCRIPT else (5, 0, 7)
            equal((record["input"], record["output"], record["output_image"]), expected)
        equal(w.gateway.log_of(request_id)["path"], path)


@case("media: a voice passes on as it comes, with its type and length, and so do subtitles")
def _():
    w = world()
    voice = bytes(range(256)) * 2000
    for path, body, kind in (
        ("/v1/audio/speech", json.dumps({"model": "plain", "input": "Hi", "voice": "alloy"}).encode(), b"audio/mpeg"),
        ("/v1/audio/transcriptions", form(part("model", "plain"), audio(WAVE)), b"text/plain; charset=utf-8"),
    ):
        name, key = w.own_key()
        for with_length in (True, False):
            request_id = new_id()

            def play(peer, _, with_length=with_length, kind=kind):
                framing = b"content-length: %d" % len(voice) if with_length else b"transfer-encoding: chunked"
                peer.send(b"HTTP/1.1 200 OK\r\ncontent-type: " + kind + b"\r\n" + framing + b"\r\n\r\n")
                for at in range(0, len(voice), 100_000):
                    (peer.send if with_length else peer.chunk)(voice[at : at + 100_000])
                if not with_length:
                    peer.send(b"0\r\n\r\n")
                return True

            w.up.script(request_id, play)
            if path.endswith("speech"):
                answer = w.gateway.ask(body, path, key=key, request_id=request_id)
            else:
                answer = post_form(w.gateway, path, body, key, request_id)
            equal((answer.status, answer.field("content-type")), (200, kind.decode()))
            check(answer.body == voice and answer.complete, "the bytes", len(answer.body))
            equal(answer.field("content-length"), str(len(voice)) if with_length else None)
        records = w.gateway.records(name, 2)
        spoken = path.endswith("speech")
        equal([outcome(r) for r in records], [("complete", "counted" if spoken else "none")] * 2)
        equal([r["characters"] for r in records], [2 if spoken else None] * 2)


@case("media: events of images and voices pass on one by one; one that is cut, or fails, is told as a failure")
def _():
    w = world()
    partial = event({"type": "image_generation.partial_image", "b64_json": "AA=="})
    done = event({"type": "image_generation.completed", "usage": {"input_tokens": 5, "output_tokens": 7}})
    failed = event({"type": "error", "error": {"message": "no", "code": "moderation_blocked"}})
    for events, code, used in (([partial, done], None, 7), ([partial], "connection_lost", 0), ([partial, failed], "", 0)):
        name, key = w.own_key()
        request_id = new_id()
        w.up.script(request_id, stream(events))
        body = {"model": "plain", "prompt": "a cat", "stream": True}
        answer = w.gateway.ask(body, "/v1/images/generations", key=key, request_id=request_id)
        equal((answer.status, answer.field("content-type")), (200, "text/event-stream; charset=utf-8"))
        check(answer.body.startswith(partial), answer.body)
        (record,) = w.gateway.records(name)
        if code is None:
            equal(answer.body, partial + done)
            equal((outcome(record), record["output_image"]), (("complete", "reported"), used))
        else:
            check("error" in answer.events()[-1], answer.body)
            equal(outcome(record)[0], "partial")


@case("media: a small form is sent again, to the same target and to the next; a long one that has gone by is not")
def _():
    w = world()
    small = form(part("model", "%s"), audio(WAVE))
    request_id = new_id()
    w.up.script(request_id, refusal(b"503 No", "busy"), whole(TRANSCRIPT))
    answer = post_form(w.gateway, "/v1/audio/transcriptions", small.replace(b"%s", b"again"), None, request_id)
    equal((answer.status, len(w.up.requests(request_id))), (200, 2))
    equal(w.up.requests(request_id)[0].body, w.up.requests(request_id)[1].body)
    request_id = new_id()
    w.up.script(request_id, refusal(b"500 No", "bad"))
    w.second.script(request_id, whole(TRANSCRIPT))
    model = f"chain-{w.own_model()}".encode()
    answer = post_form(w.gateway, "/v1/audio/transcriptions", small.replace(b"%s", model), None, request_id)
    equal((answer.status, answer.field("x-lowart-provider")), (200, "second"))
    check(b"second-model" in w.second.requests(request_id)[0].body, "the other model's name")
    request_id = new_id()
    w.up.script(request_id, refusal(b"500 No", "bad"))
    model = f"chain-{w.own_model()}".encode()
    big = form(part("model", model), audio(WAVE * 100))
    answer = post_form(w.gateway, "/v1/audio/transcriptions", big, None, request_id)
    equal((answer.status, answer.error["code"]), (502, "upstream_failed"))
    check(not w.second.requests(request_id), "half of it cannot be sent to the next")


@case("media: a form that is none, names no model or two, or what is not there, is refused before anybody is asked")
def _():
    w = world()
    name, key = w.own_key()
    model, file = part("model", "plain"), audio(WAVE)
    for body, param in (
        (form(file), "model"),
        (form(model, model, file), "model"),
        (form(part("model", ""), file), "model"),
        (form(part("model", "m" * 600), file), "model"),
        (b"", ""),
        (b"nonsense", ""),
        (model + file, None),
        (form(part("x", "y").replace(b"form-data", b"attachment"), model), ""),
        (form(part("x", "y").replace(b'name="x"', b"name*=utf-8''model"), model), ""),
    ):
        request_id = new_id()
        w.up.script(request_id, whole(TRANSCRIPT))
        answer = post_form(w.gateway, "/v1/audio/transcriptions", body, key, request_id)
        equal(answer.status, 400, body[-200:])
        if param is not None:
            equal(answer.error["param"] or "", param, answer.body)
            check(not w.up.requests(request_id), "it went upstream", body[:60])
    answer = post_form(w.gateway, "/v1/audio/transcriptions", form(part("model", "nowhere"), file))
    equal((answer.status, answer.error["code"]), (404, "model_not_found"))
    answer = post_form(w.gateway, "/v1/audio/transcriptions", form(model, file), "sk-lw-wrong")
    equal(answer.status, 401)
    narrow = w.gateway.keys["narrow"]["key"]
    answer = post_form(w.gateway, "/v1/audio/transcriptions", form(part("model", "up"), file), narrow)
    equal(answer.status, 403)
    for content_type in ("multipart/form-data", "multipart/form-data; boundary=", "text/plain"):
        answer = post_form(w.gateway, "/v1/audio/transcriptions", form(model, file), content_type=content_type)
        equal(answer.status, 400, content_type)
    equal(w.gateway.get("/v1/audio/speech").status, 405)
    answer = w.gateway.ask({"model": "plain", "voice": "a"}, "/v1/audio/speech")
    equal((answer.status, answer.error["param"]), (400, "input"))


@case("media: a second model that comes after the first has gone up ends the call, and the provider has half a form")
def _():
    w = world()
    request_id = new_id()
    w.up.script(request_id, whole(TRANSCRIPT))
    body = form(part("model", "plain"), audio(WAVE * 100), part("model", "dear"))
    answer = post_form(w.gateway, "/v1/audio/transcriptions", body, None, request_id)
    equal((answer.status, answer.error["param"]), (400, "model"))
    check(not w.up.requests(request_id), "the whole form went up")


@case("media: a client that leaves within its form ends the upstream's work, and leaves one record")
def _():
    w = world()
    name, key = w.own_key()
    body = form(part("model", "plain"), audio(WAVE * 200))
    connection = w.gateway.connect()
    connection.send(head_of("/v1/audio/transcriptions", key, len(body), new_id()) + body[: len(body) // 2])
    time.sleep(0.2)
    connection.close()
    (record,) = w.gateway.records(name)
    check(outcome(record)[0] in ("failed", "cancelled"), outcome(record))
    equal(record["cost"], 0)


@case("media: an answer before the end of a form ends the sending; the client gets it")
def _():
    w = world()
    early = Upstream()

    def refuses(sock):
        peer = Peer(sock)
        while b"\r\n\r\n" not in peer.buffer:
            peer.buffer += sock.recv(4096)
        body = b'{"error":{"message":"too long","code":"too_long","type":"t","param":null}}'
        peer.send(whole_head(len(body), b"413 Too Large") + body)
        peer.wait_for_close()
        return True

    early.on_accept = refuses
    config = {"providers": {"early": provider(early.url)}, "models": {"m": target("early")}}
    with Gateway(config) as gateway:
        body = form(part("model", "m"), audio(WAVE * 500))
        answer = post_form(gateway, "/v1/audio/transcriptions", body)
        equal((answer.status, answer.error["code"]), (413, "too_long"))


class Sink(Upstream):
    """Takes forms of any length, and keeps their hash and not their bytes."""

    def __init__(self, reply):
        super().__init__()
        self.reply, self.taken = reply, []
        self.on_accept = self.take

    def take(self, sock):
        try:
            head = b""
            while b"\r\n\r\n" not in head:
                data = sock.recv(65536)
                if not data:
                    return True
                head += data
            head, _, body = head.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            digest, have = hashlib.sha256(body), len(body)
            while have < length:
                data = sock.recv(1 << 20)
                if not data:
                    return True
                digest.update(data)
                have += len(data)
            self.taken.append((have, digest.hexdigest()))
            sock.sendall(whole_head(len(self.reply)) + self.reply)
        finally:
            sock.close()
        return True


def peak_kib(gateway):
    status = open(f"/proc/{gateway.process.pid}/status").read()
    return int(status.partition("VmHWM:")[2].split()[0])


@case("media: forms of 100 MB pass with flat memory, eight at once, and one whose model comes last is kept on disk")
def _():
    sink = Sink(TRANSCRIPT)
    config = {
        "providers": {"sink": provider(sink.url)},
        "models": {"m": target("sink", "m")},
        "limits": {"upload": "110MiB"},
    }
    block = hashlib.sha256(b"seed").digest() * 32768  # 1 MiB
    with Gateway(config) as gateway:
        equal(post_form(gateway, "/v1/audio/transcriptions", form(part("model", "m"), audio(WAVE))).status, 200)
        before = peak_kib(gateway)

        def upload(blocks, first):
            parts = [part("model", "m"), audio(b"X")] if first else [audio(b"X"), part("model", "m")]
            start, end = form(*parts).split(b"X")
            length = len(start) + len(end) + blocks * len(block)
            digest = hashlib.sha256(start)
            with gateway.connect(timeout=60) as connection:
                connection.send(head_of("/v1/audio/transcriptions", gateway.key, length) + start)
                for _ in range(blocks):
                    connection.send(block)
                    digest.update(block)
                connection.send(end)
                digest.update(end)
                return connection.answer("POST"), (length, digest.hexdigest())

        answers = []
        threads = [threading.Thread(target=lambda: answers.append(upload(100, True))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for answer, sent in answers:
            equal(answer.status, 200, answer.body)
            check(sent in sink.taken, "what the provider got is not what was sent")
        equal(len(sink.taken), 9)
        answer, sent = upload(40, False)
        equal((answer.status, sink.taken[-1]), (200, sent))
        check(peak_kib(gateway) - before < 24 * 1024, "KiB more than before:", peak_kib(gateway) - before)
        answer, _ = upload(70, False)
        equal((answer.status, answer.error["param"]), (400, "model"))
        check("before the files" in answer.error["message"], answer.error)
        answer, _ = upload(111, True)
        equal(answer.status, 413)
        equal([p.name for p in gateway.data.iterdir() if "spool" in p.name], [])


@case("media: clients that break off or stall within their forms open no breaker, and a slow one is not cut off")
def _():
    up = Upstream()
    config = {
        "providers": {"up": provider(up.url, timeouts={"first_token": "300ms"}, breaker={"failures": 2})},
        "models": {"m": target("up")},
        "limits": {"body_time": "900ms"},
    }
    body = form(part("model", "m"), audio(WAVE * 60))
    with Gateway(config) as gateway:

        def begins(request_id):
            connection = gateway.connect()
            head = head_of("/v1/audio/transcriptions", gateway.key, len(body), request_id)
            connection.send(head + body[: len(body) // 2])
            return connection

        for _ in range(4):
            connection = begins(new_id())
            time.sleep(0.1)
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            connection.close()  # with a reset
        for _ in range(3):
            with begins(request_id := new_id()) as connection:
                answer = connection.answer("POST")
                equal((answer.status, gateway.log_of(request_id)["error"]), (400, "invalid_request"))
        up.script(request_id := new_id(), whole(TRANSCRIPT))
        with begins(request_id) as connection:
            time.sleep(0.6)  # longer than the first token may take
            connection.send(body[len(body) // 2 :])
            equal(connection.answer("POST").status, 200)
        outcomes = [outcome(r)[0] for r in gateway.records(count=8)]
        equal((len(outcomes), outcomes.count("complete")), (8, 1))
