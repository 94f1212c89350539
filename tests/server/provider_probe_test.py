"""`lowart providers test`: a provider asked once, and what to change where that fails."""

import json

from kit.cases import case, check, equal
from kit.commands import file_with, listing, run
from kit.gateway import UPSTREAM_KEY
from kit.upstream import Upstream, closed_port, refusal, whole


def probe(entry, *more, **options):
    return run("providers", "test", "mine", *more, files={"lowart.yaml": file_with(entry, name="mine", **options)})


@case("providers test: what works is told with its time, and asked with the model of the configuration")
def _():
    up = listing()
    seen = []
    up.default, plain = lambda peer, request: seen.append(request) or plain(peer, request), up.default
    done = probe({"vendor": "groq", "base_url": up.url, "api_key": UPSTREAM_KEY})
    equal(done.returncode, 0, done.stdout + done.stderr)
    lines = done.stdout.splitlines()
    equal(lines[0], f"mine: openai at {up.url}")
    check(lines[1].split()[:3] == ["ok", "model", "list"] and "3 models: openai/gpt-oss-120b" in lines[1], lines[1])
    check(lines[2].split()[:2] == ["ok", "chat"] and " ms  " in lines[2] and '"Hello, world!"' in lines[2], lines[2])
    equal([r.line.split()[:2] for r in seen], [["GET", "/v1/models"], ["POST", "/v1/chat/completions"]])
    equal(seen[1].json()["model"], "up-model", "the one that the file asks for")
    equal([r.field("authorization") for r in seen], [f"Bearer {UPSTREAM_KEY}"] * 2)
    done = probe({"vendor": "groq", "base_url": up.url, "api_key": UPSTREAM_KEY}, "--model", "mystery")
    check("mystery says" in done.stdout, done.stdout)
    done = probe({"vendor": "groq", "base_url": up.url, "api_key": UPSTREAM_KEY}, model="*", client="*")
    check("llama-3.3-70b-versatile says" in done.stdout, "of those it offers, the one the catalogue knows", done.stdout)
    done = probe({"type": "openai", "base_url": up.url}, model="*", client="*")
    check("openai/gpt-oss-120b says" in done.stdout, "without a catalogue the first one", done.stdout)


@case("providers test: each failure comes with what to change, and exit code 1")
def _():
    _kept, port = closed_port()
    shut = f"http://127.0.0.1:{port}/v1"
    for status, code, words in (
        (b"401 Unauthorized", "invalid_api_key", "it does not take these credentials: look at 'api_key' (GROQ_API_KEY)"),
        (b"404 Not Found", "model_not_found", "there is no model 'up-model', or 'base_url' is wrong"),
        (b"429 Too Many Requests", "rate_limit_exceeded", "a rate limit or a quota"),
        (b"500 Broken", "broken", "the provider's own trouble"),
        (b"400 Bad Request", "unknown_parameter", "it refuses the request"),
    ):
        up = Upstream()
        up.default = refusal(status, code)
        done = probe({"vendor": "groq", "base_url": up.url, "api_key": UPSTREAM_KEY}, "--model", "up-model")
        equal(done.returncode, 1, (status, done.stdout, done.stderr))
        equal(done.stdout.count("FAIL"), 2, done.stdout)
        check(words in done.stdout and "says the upstream" in done.stdout, (status, done.stdout))
        check(UPSTREAM_KEY not in done.stdout + done.stderr, "the key is shown")
    plain = Upstream()
    plain.on_accept = lambda sock: sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n") or sock.close() or True
    for url, words in (
        (shut, "nobody answers there: check host and port"),
        ("http://no-such-host.invalid/v1", "DNS does not know the host"),
        (plain.url.replace("http", "https"), "TLS: check that 'base_url' says https"),
    ):
        done = probe({"vendor": "groq", "base_url": url, "api_key": UPSTREAM_KEY})
        equal(done.returncode, 1, (url, done.stdout, done.stderr))
        check(words in done.stdout, (url, done.stdout))
    up = Upstream()
    up.default = whole(b"<html>\x1b[31mhello</html>")
    done = probe({"type": "openai", "base_url": up.url})
    check("that is not how the protocol 'openai' answers" in done.stdout and "\x1b" not in done.stdout, done.stdout)


def answers(status, message, more=b""):
    up = Upstream()
    up.default = whole(json.dumps({"error": {"message": message}, "message": message}).encode(), status, more)
    return up


@case("providers test: credentials that are refused are called by their name, those of another time or region as such")
def _():
    aws = {"region": "us-east-1", "access_key_id": "AKIDEXAMPLE", "secret_access_key": "s", "session_token": "t"}
    denied, expired = b"401 Unauthorized", "The token has expired"
    expired_token = b"x-amzn-errortype: ExpiredTokenException\r\n"
    for vendor, more, status, message, fields, told in (
        ("groq", {"api_key": "k"}, denied, "Invalid API Key", b"", ["it does not take these credentials", "'api_key' (GROQ_API_KEY)"]),
        ("groq", {"api_key": "k"}, denied, expired, b"", ["these credentials have expired", "'api_key' (GROQ_API_KEY)"]),
        ("moonshot", {"api_key": "k"}, denied, "Invalid Authentication", b"", ["another region: try the vendor moonshot-cn"]),
        ("dashscope-intl", {"api_key": "k"}, denied, "Incorrect API key", b"", ["another region: try the vendor dashscope;"]),
        ("vertex", {"project": "p", "access_token": "t"}, denied, expired, b"", ["have expired", "'access_token'"]),
        ("bedrock", aws, b"403 Forbidden", expired, expired_token, ["'session_token'", "'region' is us-east-1"]),
        ("vllm", {}, denied, "Unauthorized", b"", ["it wants a key: set 'api_key'"]),
    ):
        done = probe({"vendor": vendor, "base_url": answers(status, message, fields).url, **more}, "--model", "m")
        equal(done.returncode, 1, (vendor, done.stdout, done.stderr))
        for words in told:
            check(words in done.stdout, (vendor, words, done.stdout))
    said = probe({"vendor": "groq", "base_url": answers(denied, "no").url, "api_key": "k"}, "--model", "m").stdout
    check("region" not in said, "Groq has one only", said)


@case("providers test: a host that the region or the resource is part of, and a model that is not in the list")
def _():
    done = probe({"vendor": "azure", "base_url": "http://no-such-host.invalid/openai/v1", "api_key": "k"}, "--model", "m")
    check("DNS does not know the host" in done.stdout and "'resource'" in done.stdout, done.stdout)
    up = listing()
    up.default, plain = (
        lambda peer, request: plain(peer, request)
        if request.line.startswith("GET ")
        else refusal(b"400 Bad Request", "invalid_model")(peer, request)
    ), up.default
    done = probe({"vendor": "groq", "base_url": up.url, "api_key": UPSTREAM_KEY}, "--model", "mistyped")
    check("its list has no model 'mistyped'; it has openai/gpt-oss-120b" in done.stdout, done.stdout)
    done = probe({"vendor": "groq", "base_url": up.url, "api_key": UPSTREAM_KEY}, "--model", "mystery")
    check("it refuses the request" in done.stdout, done.stdout)


@case("providers test: where there is nothing to ask the exit code is 2, and it says what is missing")
def _():
    for arguments, environment, words in (
        (["groq"], {}, "the variable GROQ_API_KEY is not set"),
        (["azure"], {"AZURE_OPENAI_API_KEY": "x"}, "needs resource: put it into lowart.yaml first"),
        (["grok"], {}, "no vendor 'grok' is known; near it are groq"),
        (["groq", "--config", "none.yaml"], {}, "none.yaml: the file cannot be read"),
    ):
        done = run("providers", "test", *arguments, environment=environment)
        equal((done.returncode, words in done.stderr), (2, True), (arguments, done.stderr))
    done = run("providers", "test", "mine", files={"lowart.yaml": "models: 7\n"})
    equal((done.returncode, "lowart.yaml:1: " in done.stderr), (2, True), done.stderr)
    done = run("providers", "test", "demo", files={"lowart.yaml": file_with({"type": "demo"}, "demo-fast", "demo")})
    equal((done.returncode, done.stdout.count("  ok  ")), (0, 1), done.stdout + done.stderr)
