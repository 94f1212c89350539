"""/passthrough/{provider}/...: the rest of a vendor's API, with our credentials, admission and record."""

import hashlib
import json

from kit.cases import case, check, equal
from kit.forms import BOUNDARY, audio, form, head_of, part
from kit.gateway import UPSTREAM_KEY, Gateway, new_id, new_key, outcome, provider, run_on, shared, target
from kit.upstream import Upstream, event, refusal, sends, stream, whole

FILE = json.dumps({"id": "file-1", "object": "file", "usage": {"input_tokens": 3, "output_tokens": 4}}).encode()


class Setting:
    def __init__(self):
        self.up = Upstream()
        providers = {
            "open": provider(self.up.url, passthrough=True),
            "claude": {
                "type": "anthropic",
                "base_url": self.up.url,
                "api_key": UPSTREAM_KEY,
                "passthrough": True,
                "retry": {"attempts": 1},
            },
            "gem": {"type": "gemini", "base_url": self.up.url, "api_key": UPSTREAM_KEY, "passthrough": True},
            "shut": provider(self.up.url),
            "limited": provider(self.up.url, passthrough=True, rpm=1),
            "fragile": provider(self.up.url, passthrough=True, breaker={"failures": 2, "rest": "60s"}),
            "known": {"vendor": "openai", "base_url": self.up.url, "api_key": UPSTREAM_KEY, "passthrough": True},
        }
        for i in range(4):  # what one of them opens, its breaker, is no other's affair
            providers[f"failing{i}"] = provider(self.up.url, passthrough=True)
        names = {f"k{i}": {"key": new_key()} for i in range(20)}
        names["narrow"] = {"key": new_key(), "models": ["m", "passthrough/claude"]}
        names["slow"] = {"key": new_key(), "rpm": 1}
        self.gateway = Gateway({"providers": providers, "models": {"m": target("open")}}, keys=names)
        self.spare = iter(range(20))

    def own_key(self):
        name = f"k{next(self.spare)}"
        return name, self.gateway.keys[name]["key"]


def setting():
    return shared("passthrough", Setting)


@case("passthrough: method, path, query and bytes go up as they came, with the provider's credentials, and are on record")
def _():
    s = setting()
    name, key = s.own_key()
    for method, path, upstream, body in (
        ("GET", "/passthrough/open/files?limit=2&after=a%20b", "/v1/files?limit=2&after=a%20b", None),
        ("GET", f"/passthrough/open/files?key={key}&limit=2", "/v1/files?limit=2", None),
        ("POST", "/passthrough/open/batches", "/v1/batches", b'{ "input_file_id" : "file-1" }'),
        ("POST", "/passthrough/open/v1/batches", "/v1/batches", b'{ "model":"gpt-x" }'),
        ("DELETE", "/passthrough/open/files/file-1", "/v1/files/file-1", None),
        ("PATCH", "/passthrough/open/a/b%20c:d", "/v1/a/b%20c:d", b"{}"),
    ):
        request_id = new_id()
        s.up.script(request_id, whole(FILE, more=b"etag: \"e\"\r\nx-own: secret\r\n"))
        answer = s.gateway.ask(
            body, path, method, key=key, request_id=request_id, fields=[("openai-beta", "b=1"), ("cookie", "c")]
        )
        equal((answer.status, answer.body, answer.field("etag")), (200, FILE, '"e"'), path)
        equal(answer.field("x-own"), None)
        (seen,) = s.up.requests(request_id)
        equal(seen.line, f"{method} {upstream} HTTP/1.1")
        equal(seen.body, body or b"")
        equal((seen.field("authorization"), seen.field("openai-beta")), (f"Bearer {UPSTREAM_KEY}", "b=1"))
        equal((seen.field("cookie"), seen.field("content-type")), (None, "application/json" if body else None))
    records = s.gateway.records(name, 6)
    equal({(r["operation"], r["model"], r["provider"]) for r in records}, {("passthrough", "passthrough/open", "open")})
    equal({(outcome(r), r["input"], r["output"]) for r in records}, {(("complete", "reported"), 3, 4)})
    equal(sorted(r["upstream_model"] for r in records)[-1], "gpt-x")
    line = s.gateway.log_of(request_id)
    equal((line["path"], line["model"], line["status"]), ("/passthrough", "passthrough/open", 200))


@case("passthrough: each type of provider shows its own credentials, and usage is read in each vendor's words")
def _():
    s = setting()
    anthropic = b'{"content":[],"usage":{"input_tokens":5,"cache_read_input_tokens":2,"output_tokens":6}}'
    gemini = b'{"candidates":[],"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":6}}'
    for name, field, value, reply, used in (
        ("claude", "x-api-key", UPSTREAM_KEY, anthropic, (5, 6)),
        ("gem", "x-goog-api-key", UPSTREAM_KEY, gemini, (5, 6)),
    ):
        key_name, key = s.own_key()
        request_id = new_id()
        s.up.script(request_id, whole(reply))
        version = [("anthropic-version", "2023-06-01")] if name == "claude" else []
        answer = s.gateway.ask(b"{}", f"/passthrough/{name}/x", key=key, request_id=request_id, fields=version)
        equal((answer.status, answer.body), (200, reply))
        (seen,) = s.up.requests(request_id)
        equal(seen.field(field), value)
        equal([v for n, v in seen.fields if n.lower() == "anthropic-version"], ["2023-06-01"] if version else [])
        (record,) = s.gateway.records(key_name)
        equal((record["input"], record["output"]), used)


@case("passthrough: a model that the catalogue has a price for costs that price")
def _():
    s = setting()
    key_name, key = s.own_key()
    request_id = new_id()
    s.up.script(request_id, whole(b'{"usage":{"prompt_tokens":1000000,"completion_tokens":0}}'))
    body = {"model": "gpt-4o-mini", "messages": []}
    equal(s.gateway.ask(body, "/passthrough/known/chat/completions", key=key, request_id=request_id).status, 200)
    (record,) = s.gateway.records(key_name)
    check(record["cost"] > 0, record)


@case("passthrough: what the provider says of the client's own request passes as it came; its troubles are told as errors")
def _():
    s = setting()
    for status, passes in ((b"404 Not Found", True), (b"400 Bad Request", True), (b"304 Not Modified", True)):
        request_id = new_id()
        s.up.script(request_id, refusal(status, "of_theirs"))
        answer = s.gateway.get("/passthrough/open/files/none", request_id=request_id)
        equal(answer.status, int(status[:3]))
        check(b"of_theirs" in answer.body or not passes or answer.status == 304, answer.body)
    for i, (status, told) in enumerate(((b"401 No", 502), (b"403 No", 502), (b"429 Slow", 429), (b"500 No", 502))):
        request_id = new_id()
        s.up.script(request_id, refusal(status, "of_theirs"))
        answer = s.gateway.get(f"/passthrough/failing{i}/files", request_id=request_id)
        equal(answer.status, told, status)
        check(UPSTREAM_KEY.encode() not in answer.body, "a secret")
    request_id = new_id()
    s.up.script(request_id, refusal(b"500 No", "of_theirs"))
    fields = [("anthropic-version", "2023-06-01")]
    answer = s.gateway.get("/passthrough/claude/files", request_id=request_id, fields=fields)
    equal((answer.status, answer.json()["type"]), (502, "error"))


@case("passthrough: keys, limits, breakers and the list of models guard it as they guard every other call")
def _():
    s = setting()
    equal(s.gateway.get("/passthrough/open/files", key="sk-lw-wrong").status, 401)
    for path in ("/passthrough/shut/files", "/passthrough/nobody/files", "/passthrough/", "/passthrough/m/x"):
        answer = s.gateway.get(path)
        equal(answer.status, 400 if path == "/passthrough/" else 404, path)
        check("passthrough" in answer.error["message"], answer.error)
    narrow = s.gateway.keys["narrow"]["key"]
    equal(s.gateway.get("/passthrough/open/files", key=narrow).status, 403)
    request_id = new_id()
    s.up.script(request_id, whole(FILE))
    equal(s.gateway.get("/passthrough/claude/files", key=narrow, request_id=request_id).status, 200)
    slow = s.gateway.keys["slow"]["key"]
    for expected in (200, 429):
        s.up.script(request_id := new_id(), whole(FILE))
        equal(s.gateway.get("/passthrough/open/files", key=slow, request_id=request_id).status, expected)
    for expected in (200, 429):
        s.up.script(request_id := new_id(), whole(FILE))
        equal(s.gateway.get("/passthrough/limited/files", request_id=request_id).status, expected)
    for expected in (502, 502, 503):
        s.up.script(request_id := new_id(), refusal(b"500 No", "bad"))
        equal(s.gateway.get("/passthrough/fragile/files", request_id=request_id).status, expected)
    equal(s.gateway.ask(None, "/passthrough/open/files", "TRACE").status, 405)
    check("passthrough" not in s.gateway.get("/v1/models").body.decode(), "it is no model")


@case("passthrough: a path that could mean another place is refused")
def _():
    s = setting()
    for rest in ("", "//files", "/../admin", "/files/..", "/a/./b", "/%2e%2e/x", "/a%2fb", "/a%2Fb", "/a%5cb", "/a%00"):
        request_id = new_id()
        answer = s.gateway.get(f"/passthrough/open{rest}", request_id=request_id)
        equal(answer.status, 400, rest)
        check(not s.up.requests(request_id), "it went upstream", rest)


@case("passthrough: files go up and come down without being held; a cut one shows as cut")
def _():
    s = setting()
    content = hashlib.sha256(b"x").digest() * 60_000
    body = form(part("purpose", "batch"), audio(content))
    name, key = s.own_key()
    request_id = new_id()
    s.up.script(request_id, whole(FILE))
    with s.gateway.connect() as connection:
        connection.send(head_of("/passthrough/open/files", key, len(body), request_id) + body)
        equal(connection.answer("POST").body, FILE)
    (seen,) = s.up.requests(request_id)
    equal(seen.body, body)
    equal(seen.field("content-type"), f"multipart/form-data; boundary={BOUNDARY}")
    head = b"HTTP/1.1 206 Partial\r\ncontent-type: application/octet-stream\r\ncontent-range: bytes 0-9/10\r\n"
    head += b"content-disposition: attachment\r\ncontent-length: %d\r\n\r\n" % len(content)
    for cut in (False, True):
        request_id = new_id()
        s.up.script(request_id, sends(head, content[: len(content) // 2] if cut else content))
        fields = [("range", "bytes=0-9")]
        answer = s.gateway.get("/passthrough/open/files/f/content", key=key, request_id=request_id, fields=fields)
        equal((answer.status, answer.complete), (206, not cut))
        equal((answer.field("content-range"), answer.field("content-disposition")), ("bytes 0-9/10", "attachment"))
        check(cut or answer.body == content, "the file")
        equal(s.up.requests(request_id)[0].field("range"), "bytes=0-9")
    equal([outcome(r)[0] for r in s.gateway.records(name, 3)], ["complete", "complete", "partial"])


@case("passthrough: events pass as they come, and their last usage counts")
def _():
    s = setting()
    name, key = s.own_key()
    events = [
        event({"type": "message_start", "message": {"usage": {"input_tokens": 9, "cache_read_input_tokens": 0}}}),
        event({"type": "x", "text": "\u00e9"}),
        event({"type": "message_delta", "usage": {"cache_read_input_tokens": 0, "output_tokens": 8}}),
    ]
    request_id = new_id()
    s.up.script(request_id, stream(events))
    answer = s.gateway.ask({"stream": True}, "/passthrough/open/x", key=key, request_id=request_id)
    equal(answer.body, b"".join(events))
    (record,) = s.gateway.records(name)
    equal((record["input"], record["output"], outcome(record)), (9, 8, ("complete", "reported")))


@case("passthrough: `validate` refuses it for bedrock, and says why")
def _():
    text = "providers:\n  aws:\n    type: bedrock\n    passthrough: true\nmodels: {m: {targets: [{provider: aws}]}}\n"
    done, _ = run_on(text + "keys: [{name: a, key: sk-lw-0123456789abcdef}]\n", "validate")
    equal(done.returncode, 1)
    check("signed" in done.stderr + done.stdout, done)
