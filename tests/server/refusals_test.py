"""What is refused, and how a client is told: an OpenAI envelope with a code and the field that is wrong."""

from kit.cases import case, check, equal
from kit.gateway import chat, new_id
from kit.upstream import refusal, whole
from kit.world import world


def refused(answer, status, code, param=None):
    equal(answer.status, status, answer)
    equal(answer.field("content-type"), "application/json")
    check(answer.field("x-request-id"), "no x-request-id")
    error = answer.error
    check(set(error) == {"message", "type", "param", "code"}, "not an envelope:", error)
    equal((error["code"], error["param"]), (code, param), error)
    check(error["message"], "no message")
    return error


@case("a call without a key, or with a wrong one, is refused before its body is looked at")
def _():
    g = world().gateway
    for path in ("/v1/chat/completions", "/v1/completions"):
        refused(g.ask(b"{nonsense", path, key=""), 401, "invalid_api_key")
        error = refused(g.ask(chat(), path, key="sk-lw-wrong-wrong-wrong"), 401, "invalid_api_key")
        check("wrong" not in error["message"], "the message repeats the key")
    for path in ("/v1/models", "/v1/usage/me", "/v1/models/plain"):
        refused(g.get(path, key=""), 401, "invalid_api_key")
        refused(g.get(path, key="sk-lw-wrong-wrong-wrong"), 401, "invalid_api_key")


@case("a key is taken from Authorization, x-api-key and api-key")
def _():
    g = world().gateway
    for name, value in (("Authorization", f"bearer  {g.key}"), ("x-api-key", g.key), ("api-key", g.key)):
        equal(g.ask(chat(), key="", fields=[(name, value)]).status, 200, name)
    equal(g.ask(chat(), key="", fields=[("Authorization", g.key)]).status, 401, "a key without its scheme")


@case("a key that may not use a model is told so, and sees only its models")
def _():
    g = world().gateway
    narrow = g.keys["narrow"]["key"]
    equal(g.ask(chat("plain"), key=narrow).status, 200)
    refused(g.ask(chat("chain"), key=narrow), 403, "permission_denied", "model")
    equal([m["id"] for m in g.get("/v1/models", key=narrow).json()["data"]], ["plain"])
    everything = {m["id"] for m in g.get("/v1/models").json()["data"]}
    check({"plain", "nickname", "chain"} <= everything, everything)
    equal(g.get("/v1/models/plain").json()["object"], "model")
    refused(g.get("/v1/models/chain", key=narrow), 404, "model_not_found", "model")


@case("an unknown model is a 404 that names the field")
def _():
    error = refused(world().gateway.ask(chat("no-such")), 404, "model_not_found", "model")
    check("no-such" in error["message"], error)


@case("bad JSON is refused with the place where it breaks")
def _():
    g = world().gateway
    for body in (
        b'{"model":"plain","messages":[}',
        b'{"model":"plain"',
        b"[]",
        b"",
        b"null",
        b'{"model":"plain","messages":[]}x',
        b'{"a":\x01}',
    ):
        error = refused(g.ask(body), 400, None)
        check("JSON" in error["message"] or not body, body, error)
    error = g.ask(b'{"model":"plain","messages":[],}').error
    check("byte" in error["message"], "no offset:", error)


@case("members of the wrong type are refused by name")
def _():
    g = world().gateway
    table = [
        ({"messages": []}, "model"),
        ({"model": 7, "messages": []}, "model"),
        ({"model": "", "messages": []}, "model"),
        ({"model": "plain"}, "messages"),
        ({"model": "plain", "messages": "hi"}, "messages"),
        ({**chat(), "stream": "yes"}, "stream"),
        ({**chat(), "stream_options": []}, "stream_options"),
        ({**chat(), "stream_options": {"include_usage": 1}}, "stream_options.include_usage"),
        ({**chat(), "max_tokens": -1}, "max_tokens"),
        ({**chat(), "max_tokens": "many"}, "max_tokens"),
        ({**chat(), "max_completion_tokens": 1.5}, "max_completion_tokens"),
        ({**chat(), "n": 0}, "n"),
        ({**chat(), "n": 129}, "n"),
    ]
    for body, param in table:
        refused(g.ask(body), 400, None, param)
    refused(g.ask(b'{"model":"plain","messages":[],"model":"chain"}'), 400, None, "model")


@case("a body over the limit is refused with 413, announced, chunked or sent all the same")
def _():
    g = world().gateway
    large = b'{"model":"plain","messages":[{"role":"user","content":"' + b"x" * (3 << 20) + b'"}]}'
    refused(g.ask(large), 413, "request_too_large")
    with g.connect() as connection:  # only announced: refused without being sent
        connection.send(
            g.bytes_of(b"", fields=[("content-length", str(3 << 20)), ("expect", "100-continue")])
        )
        refused(connection.answer(), 413, "request_too_large")
    with g.connect() as connection:
        connection.send(g.bytes_of(b"", fields=[("transfer-encoding", "chunked")]))
        try:
            for _ in range(40):
                connection.send(b"10000\r\n" + b"y" * 65536 + b"\r\n")
        except OSError:
            pass
        refused(connection.answer(), 413, "request_too_large")
    equal(g.ask(chat()).status, 200, "the next call")


@case("a path that nothing has is a 404, a wrong method a 405 with what is allowed")
def _():
    g = world().gateway
    for path in (
        "/v1/embedding",
        "/v1/chat/completions/",
        "/v1",
        "/v1/chat/completions/../models",
        "/metrics/x",
    ):
        refused(g.get(path), 404, "not_found", "path")
    for method, path, allow in (
        ("GET", "/v1/chat/completions", "POST"),
        ("DELETE", "/v1/completions", "POST"),
        ("GET", "/v1/embeddings", "POST"),
        ("POST", "/v1/models", "GET"),
        ("POST", "/v1/usage/me", "GET"),
        ("DELETE", "/admin/breakers", "GET"),
        ("POST", "/", "GET"),
    ):
        answer = g.ask(None, path, method)
        refused(answer, 405, "method_not_allowed")
        equal(answer.field("allow"), allow)


@case("a request that the provider itself refuses keeps the provider's status and words")
def _():
    w = world()
    for status in (b"400 Bad Request", b"404 Not Found", b"413 Too Large", b"422 Unprocessable Entity"):
        request_id = new_id()
        w.up.script(request_id, refusal(status, "their_code"))
        answer = w.gateway.ask(chat("chain", stream=True), request_id=request_id)
        equal(answer.status, int(status[:3]))
        equal(
            answer.error,
            {"message": "says the upstream", "type": "some_type", "param": None, "code": "their_code"},
        )
        equal(len(w.second.requests(request_id)), 0, "asked the second target")
        equal(answer.field("x-should-retry"), "false")


@case("a provider that refuses our credentials is our fault, and its words stay here")
def _():
    w = world()
    for status in (b"401 Unauthorized", b"403 Forbidden"):
        request_id = new_id()
        w.up.script(request_id, refusal(status, "invalid_api_key"))
        error = refused(w.gateway.ask(chat(w.own_model()), request_id=request_id), 502, "upstream_auth")
        check("says the upstream" not in error["message"], error)


@case("a provider's 429 and 5xx become 429 and 502, with when to come back and no retries on top of ours")
def _():
    w = world()
    request_id = new_id()
    w.up.script(request_id, refusal(b"429 Too Many", "rate_limit_exceeded", b"retry-after: 7\r\n"))
    answer = w.gateway.ask(chat(w.own_model()), request_id=request_id)
    refused(answer, 429, "rate_limit_exceeded")
    equal((answer.field("retry-after"), answer.field("retry-after-ms")), ("7", "7000"))
    for status, headers in ((b"500 Oops", b""), (b"503 Busy", b""), (b"529 Overloaded", b"")):
        request_id = new_id()
        w.up.script(request_id, refusal(status, "server_error", headers))
        answer = w.gateway.ask(chat("plain"), request_id=request_id)
        refused(answer, 502, "upstream_failed")
        equal(answer.field("x-should-retry"), "false")


@case("a reply that is no completion is a malformed reply")
def _():
    w = world()
    for body in (b"<html>hello</html>", b"{}", b"[]", b"", b'{"choices":"none"}'):
        request_id = new_id()
        w.up.script(request_id, whole(body))
        refused(w.gateway.ask(chat("plain"), request_id=request_id), 502, "upstream_malformed_reply")


@case("health, readiness and metrics need no key")
def _():
    g = world().gateway
    equal(g.get("/health", key="").json(), {"status": "ok"})
    equal(g.get("/ready", key="").json(), {"status": "ready"})
    equal(g.get("/metrics", key="").status, 200)
    equal(g.ask(None, "/health", "HEAD", key="").status, 200)
