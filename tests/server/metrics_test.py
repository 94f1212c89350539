"""Metrics that parse and move, breakers that open and recover, and no secret in anything the server writes."""

import json
import shutil
import subprocess
import time

from kit.cases import case, check, equal, eventually
from kit.gateway import UPSTREAM_KEY, Gateway, chat, new_id, provider, target
from kit.upstream import STREAM_HEAD, Upstream, endless, refusal, sends, stream, stream_events, whole
from kit.world import world


def made(keys=None, **more):
    up, second = Upstream(), Upstream()
    config = {
        "providers": {"up": provider(up.url, **more), "second": provider(second.url)},
        "models": {
            "plain": target("up"),
            "chain": {"targets": target("up")["targets"] + target("second", "s")["targets"]},
        },
    }
    return up, second, Gateway(config, keys=keys)


@case("metrics are well formed after every kind of call, and promtool agrees")
def _():
    up, _, g = made()
    with g:
        g.metrics()
        for body in (chat(), chat(stream=True), chat("no-such"), chat("chain")):
            g.ask(body)
        for path in ("/", "/v1/models", "/health", '/a"b\\c\n'[:6]):
            g.get(path)
        g.metrics()
        if shutil.which("promtool"):
            text = g.get("/metrics", key="").body
            done = subprocess.run(
                ["promtool", "check", "metrics"], input=text, capture_output=True, check=False
            )
            equal(done.returncode, 0, done.stderr.decode() + done.stdout.decode())


@case("counters and histograms say what happened")
def _():
    up, second, g = made()
    with g:
        before = g.metrics()
        for i in range(5):
            equal(
                g.ask(
                    chat(stream=i % 2 == 0, stream_options={"include_usage": True}) if i % 2 == 0 else chat()
                ).status,
                200,
            )
        equal(g.ask(chat("nothing")).status, 404)
        equal(g.ask(chat(), key="sk-lw-wrong-wrong-wrong").status, 401)
        request_id = new_id()
        up.script(request_id, refusal(b"500 Oops", "server_error"))
        equal(g.ask(chat("chain"), request_id=request_id).status, 200)
        route = "/v1/chat/completions"

        def all_counted():  # a call is counted once its answer is on its way: the client may be first
            now = g.metrics()
            calls = "http_request_duration_seconds_count"
            return now if now.sum(calls, route=route) - before.sum(calls, route=route) >= 8 else None

        now = eventually(all_counted, what="the count of eight calls")

        def moved(name, **labels):
            return now.sum(name, **labels) - before.sum(name, **labels)

        equal(moved("http_requests_total", route=route, status="200"), 6)
        equal(moved("http_requests_total", route=route, status="404"), 1)
        equal(moved("http_requests_total", route=route, status="401"), 1)
        equal(moved("http_request_duration_seconds_count", route=route), 8)
        check(moved("http_request_duration_seconds_sum", route=route) > 0, "no time passed")
        equal(moved("gateway_tokens_total", model="plain", **{"class": "input"}), 55)
        equal(moved("gateway_tokens_total", model="plain", **{"class": "output"}), 25)
        equal(moved("gateway_time_to_first_token_seconds_count", model="plain"), 5)
        equal(moved("gateway_upstream_attempts_total", provider="up", outcome="ok"), 5)
        equal(moved("gateway_upstream_attempts_total", provider="up", outcome="upstream_failed"), 1)
        equal(moved("gateway_upstream_attempts_total", provider="second", outcome="ok"), 1)
        equal(moved("gateway_denied_total", reason="unauthenticated"), 1)
        equal(moved("gateway_overhead_seconds_count"), 6)
        equal(moved("gateway_usage_records_total", provenance="reported", outcome="complete"), 6)
        equal(now.sum("gateway_in_flight"), 0)
        equal(now.sum("gateway_usage_lost_total"), 0)


@case("calls in flight are counted while they run, and no longer")
def _():
    up, _, g = made()
    with g:
        connections = []
        for _ in range(3):
            request_id = new_id()
            up.script(request_id, endless())
            connection = g.connect()
            connection.send(g.bytes_of(chat(stream=True), request_id=request_id))
            connection.head()
            connections.append(connection)
        equal(g.metrics().sum("gateway_in_flight"), 3)
        for connection in connections:
            connection.close()
        eventually(lambda: g.metrics().sum("gateway_in_flight") == 0, 2, "in flight back at 0")


@case("a breaker opens when a target keeps failing, spares it, and closes when it is well again")
def _():
    up, second, g = made(breaker={"failures": 3, "rest": "600ms"})
    with g:

        def state():
            return g.metrics().sum("gateway_breaker_state", provider="up", model="up-model")

        equal(state(), 0)
        up.default = refusal(b"500 Oops", "server_error")
        for _ in range(3):
            equal(g.ask(chat()).error["code"], "upstream_failed")
        equal(state(), 2)
        equal(g.metrics().sum("gateway_breaker_opened_total", provider="up"), 1)
        seen = sum(map(len, up.seen.values()))
        answer = g.ask(chat())
        equal((answer.status, answer.error["code"]), (503, "circuit_open"))
        check(0 < int(answer.field("retry-after-ms")) <= 650, answer.fields)  # clocks tick every 50 ms
        equal(g.ask(chat("chain")).field("x-lowart-provider"), "second", "who answers while it rests")
        equal(sum(map(len, up.seen.values())), seen, "the resting target was asked")
        time.sleep(0.65)
        equal(g.ask(chat()).status, 502, "the probe fails")
        equal(g.ask(chat()).error["code"], "circuit_open", "and it rests again")
        from kit.upstream import ordinary

        up.default = ordinary
        time.sleep(0.65)
        equal(g.ask(chat()).status, 200, "the probe succeeds")
        equal(state(), 0)
        for _ in range(5):
            equal(g.ask(chat()).status, 200)


def files_of(g):
    return [p for p in g.directory.rglob("*") if p.is_file() and p != g.file]


@case("no key and no prompt is in anything the server writes, but for the greeting's own lines")
def _():
    up, _, g = made(keys={"other": {"key": "sk-lw-another-secret-key-0001"}})
    prompt, reply = "Tellmenoprompthere", "sayitnowhereelse"
    with g:
        for body in (
            chat(text=prompt),
            chat(text=prompt, stream=True),
            chat("nothing", prompt),
            chat("chain", prompt),
        ):
            g.ask(body)
            g.ask(body, key="sk-lw-another-secret-key-0001")
        for play in (
            refusal(b"401 No", "invalid_api_key"),
            sends(STREAM_HEAD, b"zz"),
            sends(),
            whole(json.dumps({"error": {"message": f"bad key {UPSTREAM_KEY}"}}).encode(), b"400 Bad"),
        ):
            request_id = new_id()
            up.script(request_id, play)
            g.ask(chat("chain", prompt), request_id=request_id)
            request_id = new_id()
            up.script(request_id, stream(stream_events([reply])))
            g.ask(chat(text=prompt, stream=True), request_id=request_id)
        g.ask(b'{"model":"%s' % g.key.encode())
        g.get("/nothing?key=" + g.key)
        g.get("/v1/models?key=" + g.key, key="")
        g.write_config("providers: {x: {type: openai, api_key: " + UPSTREAM_KEY + ", base_url: nonsense}}\n")
        eventually(lambda: g.events("config_refused"), 3, "the refused file")
        metrics = g.get("/metrics", key="").body.decode()
        g.stop()
        written = {str(p.name): p.read_bytes() for p in files_of(g)}
        check({"stdout", "stderr", "usage.db"} <= set(written), written.keys())
        greeting = [line for line in g.stdout().splitlines() if not line.startswith("{")]
        written["stdout"] = b"\n".join(l.encode() for l in g.stdout().splitlines() if l.startswith("{"))
        for name, data in {**written, "metrics": metrics.encode()}.items():
            for what, secret in (
                ("our key", g.key),
                ("another key", "sk-lw-another-secret-key"),
                ("the upstream's key", UPSTREAM_KEY),
                ("the prompt", prompt),
                ("the reply", reply),
            ):
                check(secret.encode() not in data, what, "is in", name)
        check(sum(g.key in line for line in greeting) == 2, "the greeting shows the first key:", greeting)


@case("every line of the logs is JSON with a time")
def _():
    g = world().gateway
    g.ask(chat("plain"))
    g.get("/nothing/\x22\x5c")
    request_id = g.ask(chat("plain")).field("x-request-id")
    g.log_of(request_id)
    for line in [l for l in g.stdout().splitlines() if l.startswith("{")] + g.stderr().splitlines():
        entry = json.loads(line)
        check(entry["time"].endswith("Z") and entry["event"], line)


@case("added time to the first token is small, and never in steps of 40 ms", alone=True)
def _():
    up, _, g = made()

    def first_token(address, data):
        from kit.http import Connection

        with Connection(address) as connection:
            times = []
            for _ in range(60):
                start = time.monotonic()
                connection.send(data)
                connection.head()
                while b"Hello" not in connection.buffer:
                    connection.fill()
                times.append(time.monotonic() - start)
                while not connection.buffer.endswith(b"0\r\n\r\n"):
                    connection.fill()
                connection.buffer = b""
        return sorted(times)

    with g:
        data = g.bytes_of(chat(stream=True), request_id="latency")
        direct = first_token(("127.0.0.1", up.port), data)
        through = first_token(g.address, data)
        added = through[30] - direct[30]
        check(added < 0.005, f"median: direct {direct[30] * 1e3:.2f} ms, through {through[30] * 1e3:.2f} ms")
        check(
            sum(t > 0.035 for t in through) <= sum(t > 0.035 for t in direct) + 3,
            "slow ones:",
            [f"{t * 1e3:.0f}" for t in through[-6:]],
        )
