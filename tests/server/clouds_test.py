"""Azure OpenAI and Vertex AI: their paths and credentials, and what becomes of a token that must be fetched."""

import base64
import json
import subprocess
import threading
import time
import urllib.parse
from pathlib import Path

from kit import envelopes
from kit.cases import Skip, case, check, equal, eventually
from kit.gateway import Gateway, chat, new_id, provider, run_on, scratch, shared, target
from kit.upstream import (
    STREAM_HEAD,
    Upstream,
    closed_port,
    event,
    ordinary,
    refusal,
    sends,
    stream,
    stream_events,
    whole,
)
from kit.vendors.vendor import Vendor

SECRET = "entra-secret-" + "x9" * 12
TOKEN = "token-of-the-cloud-"
VECTORS = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "model": "e",
           "usage": {"prompt_tokens": 2, "total_tokens": 2}}
FILTER = event({"choices": [], "created": 0, "id": "", "model": "", "object": "",
                "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {"hate": {"filtered": False}}}]})
GENERATED = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "Hello, world!"}]}, "finishReason": "STOP", "index": 0}],
    "usageMetadata": {"promptTokenCount": 11, "candidatesTokenCount": 5, "totalTokenCount": 16},
    "modelVersion": "g",
}


class TokenServer(Upstream):
    """Gives token-of-the-cloud-1, -2, ... to whoever asks."""

    def __init__(self, lives=3600):
        super().__init__()
        self.url = f"http://127.0.0.1:{self.port}"
        self.lives, self.given, self.pause = lives, 0, 0.0
        self.asked = []
        self.default = self.give
        self.instead = None  # a play

    def give(self, peer, request):
        self.asked.append(request)
        if self.instead:
            return self.instead(peer, request)
        time.sleep(self.pause)
        self.given += 1
        body = {"token_type": "Bearer", "expires_in": self.lives, "access_token": f"{TOKEN}{self.given}"}
        return whole(json.dumps(body).encode())(peer, request)


def entra(server, **more):
    return {"tenant": "ten/ant", "client_id": "app", "client_secret": SECRET, "authority": server.url, **more}


def azure(up, style="openai", **more):
    entry = provider(f"http://127.0.0.1:{up.port}/{style}", type="azure_openai", **more)
    if "entra" in more:
        del entry["api_key"]
    return entry


def with_entra(up, server, **more):
    return azure(up, "openai/v1", entra=entra(server), **more)


def path_of(request):
    return request.line.split(" ")[1]


class Azure:
    def __init__(self):
        self.up, self.tokens = Upstream(), TokenServer()
        self.gateway = Gateway(
            {
                "providers": {
                    "older": azure(self.up, api_version="2024-10-21"),
                    "newer": azure(self.up, "openai/v1"),
                    "refusing": azure(self.up, api_version="2024-10-21"),
                    "older_entra": azure(self.up, api_version="2024-10-21", entra=entra(self.tokens)),
                    "newer_entra": with_entra(self.up, self.tokens),
                },
                "models": {name: target(name, "dep") for name in ("older", "newer", "refusing", "older_entra", "newer_entra")},
            }
        )


def azures():
    return shared("azure", Azure)


@case("azure: each style of paths takes the bytes as they came, with its key or with a token")
def _():
    w = azures()
    for model in ("older", "newer", "older_entra", "newer_entra"):
        is_older, fetches = model.startswith("older"), model.endswith("entra")
        for path, body, answer in (
            ("/chat/completions", {"own": 1, **chat(model)}, None),
            ("/chat/completions", {"own": 1, **chat(model, stream=True)}, None),
            ("/completions", {"model": model, "prompt": "Hi", "own": 1}, None),
            ("/embeddings", {"model": model, "input": "Hi", "own": 1}, json.dumps(VECTORS).encode()),
        ):
            request_id = new_id()
            if answer:
                w.up.script(request_id, whole(answer))
            elif path == "/completions":
                answer = json.dumps({"id": "c", "object": "text_completion", "created": 1, "model": "d",
                                     "choices": [{"index": 0, "text": "Hello", "finish_reason": "stop", "logprobs": None}],
                                     "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}).encode()
                w.up.script(request_id, whole(answer))
            got = w.gateway.ask(body, "/v1" + path, request_id=request_id)
            equal(got.status, 200, (model, path, got))
            if answer:
                equal(got.body, answer)
            else:
                check(b"Hello" in got.body, got)
            (sent,) = w.up.requests(request_id)
            wanted = f"/openai/deployments/dep{path}?api-version=2024-10-21" if is_older else f"/openai/v1{path}"
            equal(path_of(sent), wanted)
            equal(sent.body, json.dumps({**body, "model": "dep"}).encode())
            if fetches:
                check(sent.field("authorization").startswith(f"Bearer {TOKEN}"), sent.fields)
                equal(sent.field("api-key"), None)
            else:
                equal((sent.field("api-key"), sent.field("authorization")), (azure(w.up)["api_key"], None))
    equal(len(w.tokens.asked), 2, "tokens, one for each provider")
    asked = w.tokens.asked[0]
    equal(asked.line, "POST /ten%2Fant/oauth2/v2.0/token HTTP/1.1")
    form = dict(urllib.parse.parse_qsl(asked.body.decode()))
    equal(form, {"grant_type": "client_credentials", "client_id": "app", "client_secret": SECRET,
                 "scope": "https://cognitiveservices.azure.com/.default"})


@case("azure: the filter's verdict on the prompt passes, and commits to nothing")
def _():
    w = azures()
    with Gateway({"providers": {"a": azure(w.up, "openai/v1", retry={"attempts": 2})}, "models": {"m": target("a")}}) as g:
        request_id = new_id()
        cut = sends(STREAM_HEAD, b"%x\r\n" % len(FILTER) + FILTER + b"\r\n", then="reset")
        events = [FILTER, *stream_events(usage=None)]
        w.up.script(request_id, cut, stream(events))
        got = g.ask(chat("m", stream=True), request_id=request_id)
        equal((got.status, len(w.up.requests(request_id))), (200, 2), got)
        equal(got.body, b"".join(events))


@case("azure: refusals say the cause at each door, and pass as they came where the dialect is the same")
def _():
    w = azures()
    body = json.dumps({"error": {"message": "filtered", "type": None, "param": "prompt", "code": "content_filter",
                                 "status": 400, "innererror": {"code": "ResponsibleAIPolicyViolation"}}}).encode()
    request_id = new_id()
    w.up.script(request_id, whole(body, b"400 Bad Request"))
    got = w.gateway.ask(chat("refusing"), request_id=request_id)
    equal((got.status, got.body), (400, body))
    messages = {"model": "refusing", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    for play, status, words in (
        (whole(body, b"400 Bad Request"), 400, "content filter"),
        (refusal(b"404 Not Found", "DeploymentNotFound"), 404, "no deployment of this name"),
        (refusal(b"401 Unauthorized", "401"), 502, "this very resource"),  # last: the key's breaker opens
    ):
        request_id = new_id()
        w.up.script(request_id, play)
        got = w.gateway.ask(messages, "/v1/messages", request_id=request_id)
        equal(got.status, status, got)
        check(words in got.json()["error"]["message"], got)


@case("tokens: one is fetched for all calls that begin at once, and what is secret is not logged")
def _():
    up, server = Upstream(), TokenServer()
    server.pause = 0.3
    with Gateway({"providers": {"a": with_entra(up, server)}, "models": {"m": target("a")}}, threads=2) as g:
        answers = []
        askers = [threading.Thread(target=lambda: answers.append(g.ask(chat("m")).status)) for _ in range(24)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
        equal((answers, len(server.asked)), ([200] * 24, 1))
        said = g.stdout() + g.stderr()
        check(TOKEN not in said and SECRET not in said, "a secret in a log")


@case("tokens: a client that leaves while one is fetched keeps nobody from it")
def _():
    up, server = Upstream(), TokenServer()
    server.pause = 1.0
    with Gateway({"providers": {"a": with_entra(up, server)}, "models": {"m": target("a")}}) as g:
        leaving = g.connect()
        leaving.send(g.bytes_of(chat("m")))
        eventually(lambda: server.asked, what="a fetch")
        answers = []
        staying = threading.Thread(target=lambda: answers.append(g.ask(chat("m"))))
        staying.start()
        time.sleep(0.2)
        leaving.close()
        staying.join()
        equal(answers[0].status, 200, answers[0])


@case("tokens: one whose time is over is fetched anew; one in its last moments is refreshed beside the call", alone=True)
def _():
    up, server = Upstream(), TokenServer(lives=2)
    with Gateway({"providers": {"a": with_entra(up, server)}, "models": {"m": target("a")}}) as g:

        def shown():
            request_id = new_id()
            equal(g.ask(chat("m"), request_id=request_id).status, 200)
            return up.requests(request_id)[0].field("authorization").removeprefix(f"Bearer {TOKEN}")

        equal([shown(), shown()], ["1", "1"])
        time.sleep(2.1)
        server.lives = 5
        equal(shown(), "2")
        equal(len(server.asked), 2)
        time.sleep(4.3)  # between four fifths of its life and the quarter of a second before its end
        up.default = lambda peer, request: (time.sleep(0.2), ordinary(peer, request))[1]
        equal(shown(), "2")
        up.default = ordinary
        eventually(lambda: server.given == 3, what="a refresh beside the call")
        equal(shown(), "3")


@case("tokens: one that the provider no longer takes is fetched anew once, and the call is answered")
def _():
    up, server = Upstream(), TokenServer()
    config = {"providers": {"a": with_entra(up, server, retry={"attempts": 3})}, "models": {"m": target("a")}}
    with Gateway(config) as g:
        equal(g.ask(chat("m")).status, 200)
        time.sleep(2.1)
        request_id = new_id()
        up.script(request_id, refusal(b"401 Unauthorized", "401"), ordinary)
        equal(g.ask(chat("m"), request_id=request_id).status, 200)
        shown = [r.field("authorization").removeprefix(f"Bearer {TOKEN}") for r in up.requests(request_id)]
        equal(shown, ["1", "2"])
        request_id = new_id()
        up.script(request_id, refusal(b"401 Unauthorized", "401"))
        got = g.ask(chat("m"), request_id=request_id)
        equal((got.status, len(up.requests(request_id)), len(server.asked)), (502, 1, 2), got)


@case("tokens: a server that is down, refuses or talks nonsense is told as the cause, and nothing is sent")
def _():
    up, server = Upstream(), TokenServer()
    down, port = closed_port()
    gone = with_entra(up, server)
    gone["entra"]["authority"] = f"http://127.0.0.1:{port}"
    names = ("refused", "broken", "nonsense")
    config = {"providers": {"gone": gone, **{n: with_entra(up, server) for n in names}},
              "models": {n: target(n) for n in ("gone", *names)}}
    denied = json.dumps({"error": "invalid_client", "error_description": "AADSTS7000215: no such secret",
                         "error_codes": [7000215]}).encode()
    with Gateway(config) as g:
        for model, play, words in (
            ("gone", None, "could not be asked"),
            ("refused", whole(denied, b"401 No"), "refused (status 401, invalid_client 7000215): check tenant, client_id"),
            ("broken", whole(b"oops", b"500 No"), "failed (status 500)"),
            ("nonsense", whole(b"<html>"), "it is not JSON"),
        ):
            server.instead = play
            request_id = new_id()
            got = g.ask(chat(model), request_id=request_id)
            equal(got.status, 502, got)
            message = got.json()["error"]["message"]
            check(f"no access token for '{model}': the token server " in message and words in message, message)
            check(b"no such secret" not in got.body, got)
            equal(up.requests(request_id), [])
        server.instead = None
        for model in ("broken", "nonsense"):
            equal(g.ask(chat(model)).status, 200, "when the server is well again")
    down.close()


@case("tokens: a server that does not answer costs a call its own time at most, and the next one asks again")
def _():
    up, server = Upstream(), TokenServer()
    slow = with_entra(up, server, timeouts={"first_token": "700ms"})
    with Gateway({"providers": {"a": slow}, "models": {"m": target("a")}}) as g:
        server.instead = sends(then="silence")
        began = time.monotonic()
        got = g.ask(chat("m"))
        check(0.5 < time.monotonic() - began < 4, "time", time.monotonic() - began)
        equal(got.status, 504, got)
        check("the token server did not answer in time" in got.json()["error"]["message"], got)
        server.instead = None
        equal(g.ask(chat("m")).status, 200)


# --- Vertex -----------------------------------------------------------------------------------------------------------


def openssl(*arguments, **options):
    try:
        return subprocess.run(["openssl", *arguments], check=True, capture_output=True, **options).stdout
    except FileNotFoundError:
        raise Skip("no openssl to make a key with") from None


class Vertex:
    def __init__(self):
        self.up, self.tokens = Upstream(), TokenServer()
        self.up.default = self.play
        self.directory = Path(scratch.name) / "vertex"
        self.directory.mkdir()
        pem = openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-quiet")
        self.public = self.directory / "public.pem"
        self.public.write_bytes(openssl("pkey", "-pubout", input=pem))
        self.file = self.directory / "account.json"
        self.account = {"type": "service_account", "project_id": "of-the-file", "private_key_id": "kid-1",
                        "private_key": pem.decode(), "client_email": "gw@p.iam.example",
                        "token_uri": f"{self.tokens.url}/token"}
        self.file.write_text(json.dumps(self.account))
        base = {"type": "vertex", "base_url": f"http://127.0.0.1:{self.up.port}/v1", "retry": {"attempts": 1}}
        self.gateway = Gateway(
            {
                "providers": {
                    "v": {**base, "service_account": str(self.file), "location": "europe-west1"},
                    "given": {**base, "access_token": "ya29.given", "project": "named"},
                },
                "models": {"v": target("v", "gemini-x"), "given": target("given", "gemini-x")},
            }
        )

    def play(self, peer, request):
        if ":countTokens" in request.line:
            return whole(b'{"totalTokens":31}')(peer, request)
        if ":streamGenerateContent" in request.line:
            return stream([b"data: " + json.dumps(GENERATED).encode() + b"\r\n\r\n"])(peer, request)
        return whole(json.dumps(GENERATED).encode())(peer, request)


def vertex():
    return shared("vertex", Vertex)


def from_base64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@case("vertex: is asked through the doors of three dialects with a token of its service account")
def _():
    w = vertex()
    contents = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}], "own": 1}
    messages = {"model": "v", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    base = "/v1/projects/of-the-file/locations/europe-west1/publishers/google/models/gemini-x"
    for path, body in (
        ("/v1/chat/completions", chat("v")),
        ("/v1/chat/completions", chat("v", stream=True)),
        ("/v1/messages", messages),
        ("/v1/messages", {**messages, "stream": True}),
        ("/v1beta/models/v:generateContent", contents),
        ("/v1beta/models/v:streamGenerateContent?alt=sse", contents),
        ("/v1beta/models/v:countTokens", contents),
    ):
        request_id = new_id()
        got = w.gateway.ask(body, path, request_id=request_id)
        equal(got.status, 200, (path, got))
        counts = "countTokens" in path
        check(b"31" in got.body if counts else b"Hello, world!" in got.body, path, got)
        (sent,) = w.up.requests(request_id)
        streams = "stream" in body or "stream" in path
        method = "countTokens" if counts else "streamGenerateContent?alt=sse" if streams else "generateContent"
        equal(path_of(sent), f"{base}:{method}")
        equal((sent.field("authorization"), sent.field("x-goog-api-key")), (f"Bearer {TOKEN}1", None))
        if "beta" in path:
            equal(sent.json(), contents, "bytes")
    (asked,) = w.tokens.asked
    equal(asked.line, "POST /token HTTP/1.1")
    form = dict(urllib.parse.parse_qsl(asked.body.decode()))
    equal(form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer")
    head, claims, signature = form["assertion"].split(".")
    equal(json.loads(from_base64url(head)), {"alg": "RS256", "typ": "JWT", "kid": "kid-1"})
    said = json.loads(from_base64url(claims))
    equal((said["iss"], said["aud"], said["scope"], said["exp"] - said["iat"]),
          ("gw@p.iam.example", f"{w.tokens.url}/token", "https://www.googleapis.com/auth/cloud-platform", 3600))
    check(abs(said["iat"] - time.time()) < 60, said)
    (w.directory / "signature").write_bytes(from_base64url(signature))
    openssl("dgst", "-sha256", "-verify", str(w.public), "-signature", str(w.directory / "signature"),
            input=f"{head}.{claims}".encode())


@case("vertex: takes a token that is given")
def _():
    w = vertex()
    request_id = new_id()
    equal(w.gateway.ask(chat("given"), request_id=request_id).status, 200)
    (sent,) = w.up.requests(request_id)
    equal(sent.field("authorization"), "Bearer ya29.given")
    check("/projects/named/locations/global/" in sent.line, sent.line)


@case("vertex: embeddings are predictions, asked for and answered at the doors of OpenAI and Gemini")
def _():
    w = vertex()
    predicted = [{"embeddings": {"values": [0.5, i], "statistics": {"truncated": False, "token_count": 3}}} for i in (1, 2)]
    texts = [{"content": "Hi"}, {"content": "Ho"}]
    for path, body, instances, wanted in (
        ("/v1/embeddings", {"model": "v", "input": ["Hi", "Ho"]}, texts, None),
        ("/v1beta/models/v:batchEmbedContents",
         {"requests": [{"model": "models/v", "content": {"parts": [{"text": t["content"]}]}} for t in texts]},
         texts, {"embeddings": [{"values": [0.5, 1]}, {"values": [0.5, 2]}]}),
        ("/v1beta/models/v:embedContent", {"content": {"parts": [{"text": "Hi"}]}, "taskType": "RETRIEVAL_QUERY"},
         [{"content": "Hi", "task_type": "RETRIEVAL_QUERY"}], {"embedding": {"values": [0.5, 1]}}),
    ):
        request_id = new_id()
        w.up.script(request_id, whole(json.dumps({"predictions": predicted[: len(instances)]}).encode()))
        got = w.gateway.ask(body, path, request_id=request_id)
        equal(got.status, 200, (path, got))
        (sent,) = w.up.requests(request_id)
        equal(path_of(sent).rpartition("/")[2], "gemini-x:predict")
        equal(sent.json(), {"instances": instances})
        if wanted:
            equal(got.json(), wanted)
        else:
            equal([one["embedding"] for one in got.json()["data"]], [[0.5, 1], [0.5, 2]])
            equal(got.json()["usage"]["prompt_tokens"], 6)
    for play in (whole(b'{"embedding":{}}'), whole(b'{"predictions":[{}]}'), whole(b"[" * 100_000)):
        request_id = new_id()
        w.up.script(request_id, play)
        got = w.gateway.ask({"model": "given", "input": "Hi"}, "/v1/embeddings", request_id=request_id)
        equal(got.status, 502, got)


@case("vertex_anthropic: a client of the same dialect sends its bytes, but for the model; others are translated; tokens are counted")
def _():
    vendor, server = Vendor(), vertex().tokens
    vendor.key = f"{TOKEN}{server.given + 1}"
    entry = {"type": "vertex_anthropic", "base_url": f"http://127.0.0.1:{vendor.port}/v1", "location": "europe-west1",
             "service_account": str(vertex().file), "retry": {"attempts": 1}}
    model = "claude-sonnet-4-5@20250929"
    with Gateway({"providers": {"v": entry}, "models": {"m": target("v", model)}}) as g:
        base = f"/v1/projects/of-the-file/locations/europe-west1/publishers/anthropic/models/{model}"
        for door in ("messages", "chat", "responses", "gemini"):
            for streams in (False, True):
                path, body = envelopes.request(door, "m", streams)
                before = len(vendor.calls)
                got = g.ask(body, path)
                equal(got.status, 200, (door, streams, got))
                (call,) = vendor.calls[before:]
                equal(call.refusal, "")
                equal(call.path, f"{base}:{'streamRawPredict' if streams else 'rawPredict'}")
                if streams:
                    check(envelopes.ended_well(door, envelopes.events(got)), door, got)
        messages = {"max_tokens": 9, "model": "m", "messages": [{"role": "user", "content": "Hi"}]}
        equal(g.ask(messages, "/v1/messages", fields=[("anthropic-beta", "b-1")]).status, 200)
        sent = vendor.calls[-1]
        equal(sent.request.body, json.dumps(messages).replace('"model": "m"', '"anthropic_version":"vertex-2023-10-16"').encode())
        equal(sent.headers["anthropic-beta"], "b-1")
        del messages["max_tokens"]
        got = g.ask(messages, "/v1/messages/count_tokens")
        equal(got.status, 200, got)
        check(got.json()["input_tokens"] > 0, got)
        equal((vendor.calls[-1].path.rpartition("/")[2], vendor.calls[-1].body["model"]), ("count-tokens:rawPredict", model))


@case("azure_responses: serves every door with a key, and the bytes of its own dialect as they came")
def _():
    vendor = Vendor()
    entry = provider(f"http://127.0.0.1:{vendor.port}/openai/v1", type="azure_responses", api_key=vendor.key)
    with Gateway({"providers": {"a": entry}, "models": {"m": target("a", "dep")}}) as g:
        for door in ("responses", "messages", "chat", "gemini"):
            for streams in (False, True):
                path, body = envelopes.request(door, "m", streams)
                got = g.ask(body, path)
                equal(got.status, 200, (door, streams, got))
                call = vendor.calls[-1]
                equal((call.path, call.refusal, call.headers.get("api-key")), ("/openai/v1/responses", "", vendor.key))
                equal(call.body["model"], "dep")
                if door == "responses":
                    equal(call.request.body, json.dumps({**body, "model": "dep"}).encode())
                if streams:
                    check(envelopes.ended_well(door, envelopes.events(got)), door, got)


# --- the configuration ------------------------------------------------------------------------------------------------


@case("validate says what is wrong with a cloud's credentials, and where")
def _():
    w = vertex()
    odd, elliptic = w.directory / "odd.json", w.directory / "elliptic.json"
    odd.write_text("{")
    key = openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256").decode()
    elliptic.write_text(json.dumps({**w.account, "private_key": key}))
    a, v, at = "type: azure_openai, base_url: ", "type: vertex, project: p, ", "https://r.openai.azure.com/openai"
    good = "entra: {tenant: t, client_id: c, client_secret: s}"
    wrong = []
    for entry, words in (
        (f"{a}'{at}/v1'", None),
        (f"{a}'{at}', api_version: '2024-10-21', api_key: k", None),
        (f"{a}'{at}/v1', {good}", None),
        (f"{v}service_account: '{w.file}'", None),
        (f"{v}location: us-central1, access_token: t", None),
        (f"type: vertex, service_account: '{w.file}'", None),
        (f"type: azure_responses, base_url: '{at}', api_version: '2025-04-01-preview', api_key: k", None),
        (f"type: azure_responses, base_url: '{at}/v1', {good}", None),
        (f"type: azure_responses, base_url: '{at}', api_key: k", "need an 'api_version'"),
        (f"type: azure_responses, base_url: '{at}/v1', repair: true", "'repair' is not known here"),
        ("type: vertex_anthropic, project: p, access_token: t, default_max_tokens: 9, adaptive_thinking: true", None),
        ("type: vertex_anthropic, project: p", "needs a 'service_account', an 'access_token' or 'client_key'"),
        ("type: vertex_anthropic, project: p, access_token: t, version: x", "'version' is not known here"),
        ("type: azure_openai", "a provider of this type needs a 'base_url'"),
        (f"{a}'{at}'", "need an 'api_version' such as 2024-10-21"),
        (f"{a}'{at}/v1', entra: {{client_id: c, client_secret: s}}", "'entra' needs 'tenant'"),
        (f"{a}'{at}/v1', entra: {{tenant: t, client_id: c, client_secret: '${{NOT_SET_ANYWHERE}}'}}", "needs 'client_secret'"),
        (f"{a}'{at}/v1', entra: {{tenant: t, client_id: c, client_secret: s, authority: x}}", "URL"),
        (f"{a}'{at}/v1', api_key: k, {good}", "either 'entra' or keys"),
        (f"{a}'{at}/v1', client_key: true, {good}", "either 'entra' or keys"),
        (f"{a}'{at}/v1', done_required: true", "'done_required' is not known here"),
        (v + "api_key: k", "'api_key' is not known here"),
        (v, "needs a 'service_account', an 'access_token' or 'client_key'"),
        ("type: vertex, access_token: t", "a vertex provider needs a 'project'"),
        (v + "location: 'a/b', access_token: t", "'location' is a region"),
        (f"{v}service_account: /nowhere/x.json", "cannot read '/nowhere/x.json': No such file"),
        (f"{v}service_account: '{odd}'", f"'{odd}' is no key file of a service account: it is not JSON"),
        (f"{v}service_account: '{elliptic}'", "no RSA key of 2048 bits"),
        (f"{v}service_account: '{w.file}', access_token: t", "either a 'service_account' or keys"),
    ):
        text = f"providers:\n  p: {{{entry}}}\nmodels: {{m: {{targets: [{{provider: p}}]}}}}\n"
        text += "keys: [{name: a, key: sk-lw-0123456789abcdef}]\n"
        done, _ = run_on(text, "validate")
        ok = (done.returncode == 0 and done.stderr == "") if words is None else (
            done.returncode == 1 and words in done.stderr and "lowart.yaml:2: " in done.stderr)
        if not ok or "PRIVATE" in done.stderr:
            wrong.append(f"{entry}: wanted {words!r}, got {done.returncode}: {done.stderr!r}")
    check(not wrong, "\n  ".join(["", *wrong]))
