"""What a key may be used for, and its end: in time, by a changed file, without a signature, by a certificate."""

import hashlib
import hmac
import json
import ssl
import subprocess
import time
import uuid
from pathlib import Path

from kit.cases import Skip, case, check, equal, eventually
from kit.forms import audio, form, head_of, part
from kit.gateway import Gateway, chat, free_port, new_id, new_key, outcome, provider, scratch, target
from kit.http import Connection, request_bytes
from kit.upstream import STREAM_HEAD, Upstream, delta, endless, whole

SECRET = "signing-secret-of-forty-characters-or-so"


def gateway_of(up, keys, **more):
    config = {
        "providers": {"up": provider(up.url, passthrough=True)},
        "models": {"plain": target("up"), "gpt-4o": target("up"), "whisper": target("up")},
        **more,
    }
    return Gateway(config, keys=keys, unix=True)


@case("key policies: until when, from where, for which models and types; pages and lists follow")
def _():
    up = Upstream()
    policies = {
        "over": {"expires": "2020-01-31"},
        "lasting": {"expires": "2199-12-31T12:00:00Z"},
        "elsewhere": {"addresses": ["192.0.2.0/24", "2001:db8::/32"]},
        "local": {"addresses": ["127.0.0.0/8"]},
        "sockets": {"addresses": ["unix"]},
        "picky": {"blocked_models": ["gpt-*"]},
        "embeds": {"types": ["embedding"]},
    }
    keys = {name: {"key": new_key(), **policy} for name, policy in policies.items()}
    with gateway_of(up, keys) as g:
        ask = lambda name, model="plain": g.ask(chat(model), key=keys[name]["key"])
        told = lambda answer: (answer.status, answer.error["message"])
        equal(told(ask("over")), (401, "the API key has expired on 2020-01-31T00:00:00Z; ask for a new one"))
        claude = g.ask({"model": "plain", "max_tokens": 9, "messages": []}, path="/v1/messages", key=keys["over"]["key"])
        equal((claude.status, claude.error["type"]), (401, "authentication_error"), "in the client's dialect")
        for page in ("/v1/models", "/v1/quota", "/v1/usage/me", "/api/tags", "/admin/requests"):
            equal(g.get(page, key=keys["over"]["key"]).status, 401, page)
        equal(ask("lasting").status, 200)
        equal(told(ask("elsewhere")), (403, "this API key may not be used from the address 127.0.0.1"))
        equal(g.get("/v1/models", key=keys["elsewhere"]["key"]).status, 403)
        equal((ask("local").status, ask("sockets").status), (200, 403))
        with Connection(g.socket_path) as client:
            client.send(g.bytes_of(chat(), key=keys["sockets"]["key"]))
            equal(client.answer().status, 200, "over the Unix socket")
            client.send(g.bytes_of(chat(), key=keys["local"]["key"]))
            equal(client.answer().status, 403, "which has no address")
        equal(ask("picky").status, 200)
        equal(told(ask("picky", "gpt-4o")), (403, "this API key may not use the model 'gpt-4o'"))
        listed = {m["id"] for m in g.get("/v1/models", key=keys["picky"]["key"]).json()["data"]}
        equal(listed, {"plain", "whisper"})
        passed = g.ask({"model": "gpt-4o"}, path="/passthrough/up/chat/completions", key=keys["picky"]["key"])
        equal(passed.status, 403, "nor around the models")
        equal(told(ask("embeds")), (403, "this API key may not be used for 'chat'"))
        equal(g.ask({"model": "plain"}, path="/passthrough/up/x", key=keys["embeds"]["key"]).status, 403)
        refused = {why: g.metrics().sum("gateway_denied_total", reason=why) for why in ("permission_denied", "unauthenticated")}
        equal(refused, {"permission_denied": 7, "unauthenticated": 2}, "refused calls are counted; pages are none")


@case("key policies: a stream ends when its key goes from the file, talking or silent; others go on")
def _():
    up = Upstream()
    keys = {name: {"key": new_key(), "revoke_streams": True} for name in ("talker", "waiter", "stays")}
    keys["careless"] = {"key": new_key()}
    ids = {name: new_id() for name in keys}
    for name in ("talker", "careless", "stays"):
        up.script(ids[name], endless())

    def falls_silent(peer, _):
        peer.send(STREAM_HEAD)
        peer.chunk(delta("Hel", role="assistant"))
        peer.wait_for_close(20)
        return False

    up.script(ids["waiter"], falls_silent)
    with gateway_of(up, keys) as g:
        streams = {}
        for name, entry in keys.items():
            streams[name] = g.connect()
            streams[name].send(g.bytes_of(chat(stream=True), key=entry["key"], request_id=ids[name]))
            equal(streams[name].head()[0], 200, name)
        for name in ("talker", "waiter", "careless"):
            del g.keys[name]
        changed = time.monotonic()
        g.write_config()
        for name in ("talker", "waiter"):
            body = b""
            while b"revoked" not in body:
                check(streams[name].fill(), f"{name}: the stream was cut without a word")
                body, streams[name].buffer = body + streams[name].buffer, b""
                check(time.monotonic() - changed < 6, f"{name}: goes on", body[-300:])
            check(b"the API key was revoked" in body, body[-300:])
            line = g.log_of(ids[name])
            equal((line["outcome"], line["error"], line["status"]), ("partial", "unauthenticated", 200), name)
            (record,) = g.records(name)
            equal(outcome(record), ("partial", "partial"), name)
            equal(g.ask(chat(), key=keys[name]["key"]).status, 401, "nor are there new calls")
        for name in ("careless", "stays"):
            streams[name].buffer = b""
            check(b"word" in streams[name].fill(), f"{name}: the stream goes on")
        for stream in streams.values():
            stream.close()


def signature(method, path, body, stamp=None, nonce=None, secret=SECRET):
    stamp, nonce = str(stamp if stamp is not None else int(time.time())), nonce or uuid.uuid4().hex
    text = "\n".join(["v1", stamp, nonce, method, path, hashlib.sha256(body).hexdigest()])
    mac = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return [("x-lowart-timestamp", stamp), ("x-lowart-nonce", nonce), ("x-lowart-signature", f"v1={mac}")]


@case("key policies: a key that demands signatures takes what is signed, once; pages and forms as well")
def _():
    up = Upstream()
    key = new_key()
    with gateway_of(up, {"signer": {"key": key, "signing_secret": SECRET}}, limits={"body": "64KiB"}) as g:
        body = json.dumps(chat()).encode()
        path = "/v1/chat/completions"
        ask = lambda fields, sent=body, at=path: g.ask(sent, path=at, key=key, fields=fields)
        good = signature("POST", path, body)
        equal(ask(good).status, 200)
        replayed = ask(good)
        equal(replayed.status, 401, "a replay")
        check("x-lowart-nonce" in replayed.error["message"], replayed)
        unsigned = ask([])
        equal(unsigned.status, 401)
        check("signed requests only" in unsigned.error["message"], unsigned)
        for wrong in (
            signature("POST", path, body + b" "),
            signature("POST", path + "?a=1", body),
            signature("PUT", path, body),
            signature("POST", path, body, stamp=int(time.time()) - 400),
            signature("POST", path, body, nonce="short"),
            signature("POST", path, body, secret="x" * 40),
        ):
            equal(ask(wrong).status, 401, wrong)
        with_query = path + "?a=1"
        equal(ask(signature("POST", with_query, body), at=with_query).status, 200)

        # Pages are asked for without a body.
        for page in ("/v1/models", "/v1/quota", "/v1/usage/me"):
            equal(g.get(page, key=key).status, 401, page)
            equal(g.get(page, key=key, fields=signature("GET", page, b"")).status, 200, page)

        # A form is read whole, where it is short enough.
        path = "/v1/audio/transcriptions"

        def send_form(content, fields, chunked=False):
            sent = form(part("model", b"whisper"), audio(content))
            with g.connect() as client:
                client.send(head_of(path, key, None if chunked else len(sent), more=fields(sent)))
                client.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(sent), sent) if chunked else sent)
                return client.answer()

        for chunked in (False, True):
            request_id = new_id()
            up.script(request_id, whole(b'{"text":"heard"}'))
            told = lambda sent: [*signature("POST", path, sent), ("x-request-id", request_id)]
            equal(send_form(b"RIFF" * 100, told, chunked).status, 200, f"chunked: {chunked}")
            (asked,) = up.requests(request_id)
            check(b"RIFF" * 100 in asked.body and b"up-model" in asked.body, asked.body[:400])
        equal(send_form(b"RIFF", lambda sent: signature("POST", path, sent + b"x")).status, 401)
        long = send_form(b"RIFF" * 50_000, lambda sent: signature("POST", path, sent))
        equal(long.status, 413)
        check("signed" in long.error["message"], long)

        passed = "/passthrough/up/files"
        sent = b"any bytes"
        up.default = whole(b"{}")
        equal(ask(signature("POST", passed, sent), sent, passed).status, 200)
        equal(ask(signature("POST", passed, b"others"), sent, passed).status, 401)


def openssl(*arguments):
    try:
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
    except FileNotFoundError:
        raise Skip("no openssl to make certificates with") from None


class Certificates:
    """An authority, and what it has signed."""

    def __init__(self):
        self.directory = Path(scratch.name) / f"ca{free_port()}"
        self.directory.mkdir()
        self.own("ca", "/CN=authority")

    def own(self, name, subject):
        openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-keyout", self.key(name), "-out", self.cert(name), "-subj", subject,
            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
        )  # fmt: skip

    def sign(self, name, subject):
        request = self.directory / f"{name}.csr"
        openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", self.key(name), "-out", request, "-subj", subject,
        )  # fmt: skip
        openssl(
            "x509", "-req", "-in", request, "-CA", self.cert("ca"), "-CAkey", self.key("ca"), "-CAcreateserial",
            "-days", "2", "-out", self.cert(name),
        )  # fmt: skip

    def key(self, name):
        return self.directory / f"{name}.key"

    def cert(self, name):
        return self.directory / f"{name}.crt"


class TlsConnection(Connection):
    def __init__(self, port, certificates, shows=None):
        super().__init__(("127.0.0.1", port))
        context = ssl.create_default_context(cafile=str(certificates.cert("server")))
        if shows:
            context.load_cert_chain(certificates.cert(shows), certificates.key(shows))
        self.sock = context.wrap_socket(self.sock, server_hostname="localhost")


@case("key policies: a client's certificate stands for its key, where an authority of ours has signed it")
def _():
    up = Upstream()
    made = Certificates()
    made.own("server", "/CN=localhost")
    made.own("stranger", "/O=Example/CN=worker-7")
    made.sign("worker", "/O=Example/CN=worker-7")
    made.sign("other", "/O=Example/CN=worker-8")
    asks, demands = free_port(), free_port()
    tls = {"cert": str(made.cert("server")), "key": str(made.key("server")), "client_ca": str(made.cert("ca"))}
    keys = {
        "worker": {"certificate": "CN=worker-7,O=Example", "models": ["plain"]},
        "both": {"key": new_key(), "certificate": "CN=nobody"},
    }
    first = free_port()
    listen = [
        f"127.0.0.1:{first}",
        {"address": f"127.0.0.1:{asks}", "tls": tls},
        {"address": f"127.0.0.1:{demands}", "tls": {**tls, "client_required": True}},
    ]
    with gateway_of(up, keys, listen=listen) as g:
        g.port, g.address = first, ("127.0.0.1", first)

        def ask(port, shows=None, key="", request_id=None):
            with TlsConnection(port, made, shows) as client:
                client.send(g.bytes_of(chat(), key=key, request_id=request_id))
                return client.answer()

        for port in (asks, demands):
            request_id = new_id()
            equal(ask(port, "worker", request_id=request_id).status, 200)
            equal(g.log_of(request_id)["key"], "worker")
        request_id = new_id()
        equal(ask(asks, "worker", key=g.key, request_id=request_id).status, 200)
        equal(g.log_of(request_id)["key"], "main", "a key that is brought counts")
        equal(ask(asks, "worker", key="sk-lw-not-a-key-at-all").status, 401)
        unknown = ask(asks, "other")
        equal(unknown.status, 401)
        check("CN=worker-8,O=Example" in unknown.error["message"], unknown)
        equal(ask(asks).status, 401, "no certificate, no key")
        equal((ask(asks, key=g.key).status, ask(asks, key=keys["both"]["key"]).status), (200, 200))
        equal(g.ask(chat(), key="").status, 401, "without TLS")
        for port, shows in ((demands, None), (asks, "stranger"), (demands, "stranger")):
            try:
                answer = ask(port, shows)
            except (ssl.SSLError, ConnectionError):
                answer = None
            check(answer is None, "it is not served", port, shows, answer)


@case("key policies: no key is found by the text that a certificate's digest is made of")
def _():
    up = Upstream()
    with gateway_of(up, {"worker": {"certificate": "CN=worker-7"}}) as g:
        raw = request_bytes("POST", "/v1/chat/completions", json.dumps(chat()).encode(), [("x-api-key", "certificate\nCN=worker-7")])
        with g.connect() as client:
            client.send(raw)
            answer = client.answer()
            check(answer is None or answer.status in (400, 401), answer)
        equal(g.ask(chat(), path="/v1/chat/completions?key=certificate%0ACN=worker-7", key="").status, 401)
