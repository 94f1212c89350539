"""A newcomer's first five minutes: init, serve, the greeting's own curl line, and the demo models' faults."""

import json
import re
import subprocess
import time

from kit.cases import Skip, case, check, equal, eventually
from kit.gateway import BIN, TOOLS, Gateway, chat, free_port, provider, running, scratch, target
from kit.http import Connection, request_bytes
from kit.upstream import Upstream
from pathlib import Path


class Newcomer:
    """What `./dev run` does: a first configuration, then the server with it."""

    def __init__(self):
        self.directory = Path(scratch.name) / f"newcomer{free_port()}"
        self.directory.mkdir()
        file = self.directory / "lowart.yaml"
        equal(subprocess.run([BIN, "init", str(file)], capture_output=True, check=False).returncode, 0)
        self.port = free_port()
        self.out = open(self.directory / "out", "wb")
        start = time.monotonic()
        self.process = subprocess.Popen(
            [
                BIN,
                "serve",
                "--config",
                str(file),
                "--port",
                str(self.port),
                "--data",
                str(self.directory / "d"),
            ],
            cwd=self.directory,
            stdout=self.out,
            stderr=self.out,
        )
        running.append(self.process)
        eventually(lambda: "config   " in self.text(), 5, "the greeting")
        self.took = time.monotonic() - start

    def text(self):
        return (self.directory / "out").read_text()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)


@case("init and serve greet with a key and a curl line, which works as it stands")
def _():
    with Newcomer() as n:
        check(n.took < 2, "ready after", n.took)
        key = re.search(r"key\s+(sk-lw-[0-9A-Za-z]{43})", n.text())[1]
        line = re.search(r"(curl -N .*?)\n\n", n.text(), re.S)[1]
        check(str(n.port) in line and key in line, line)
        start = time.monotonic()
        done = subprocess.run(
            ["bash", "-c", line.replace("curl ", "curl -sS --max-time 20 ", 1)],
            capture_output=True,
            text=True,
            check=False,
        )
        check(done.returncode == 0 and done.stdout.endswith("data: [DONE]\n\n"), done)
        check(time.monotonic() - start > 0.3, "a human pace?")
        sock = str(n.directory / "d" / "lowart.sock")
        models = subprocess.run(
            [
                "curl",
                "-sS",
                "--unix-socket",
                sock,
                "http://x/v1/models",
                "-H",
                f"Authorization: Bearer {key}",
            ],
            capture_output=True,
            check=False,
        )
        check("demo" in {m["id"] for m in json.loads(models.stdout)["data"]}, models)
        n.process.terminate()
        equal(n.process.wait(5), 0)


@case("the demo models show what the resilience parts do")
def _():
    with Newcomer() as n:
        key = re.search(r"sk-lw-\w+", n.text())[0]

        def ask(model, **more):
            body = json.dumps(
                chat(model, "Say hello to everybody who is here today, please", **more)
            ).encode()
            with Connection(("127.0.0.1", n.port), timeout=20) as connection:
                connection.send(
                    request_bytes("POST", "/v1/chat/completions", body, [("authorization", f"Bearer {key}")])
                )
                return connection.answer()

        fast = ask("demo-fast", stream=True)
        equal((fast.status, fast.events()[-1]), (200, "[DONE]"))
        equal(ask("demo-fast", max_tokens=3).json()["usage"]["completion_tokens"], 3)
        equal(ask("demo-fail").error["code"], "upstream_failed")
        answer = ask("demo-resilient", stream=True)
        equal((answer.status, answer.events()[-1]), (200, "[DONE]"))
        limited = ask("demo-429")
        equal((limited.status, limited.error["code"]), (429, "rate_limit_exceeded"))
        check(0 < int(limited.field("retry-after")) <= 10, limited.fields)
        equal(ask("demo-flaky").status, 200, "the retry saves it")
        cut = ask("demo-cut", stream=True)
        check(cut.text() and "error" in cut.events()[-1], cut.events()[-2:])
        tools = [
            {
                "type": "function",
                "function": {
                    "name": "look",
                    "parameters": {
                        "type": "object",
                        "properties": {"at": {"type": "string"}},
                        "required": ["at"],
                    },
                },
            }
        ]
        call = ask("demo-fast", tools=tools, tool_choice="required").json()["choices"][0]
        equal(call["finish_reason"], "tool_calls")
        check(
            isinstance(json.loads(call["message"]["tool_calls"][0]["function"]["arguments"])["at"], str), call
        )


@case("the demo answers at a human pace, and slower when told to")
def _():
    config = {
        "providers": {"demo": {"type": "demo"}},
        "models": {"demo": {"targets": [{"provider": "demo"}]}},
    }
    with Gateway(config) as g:
        answer = g.ask(chat("demo", "Count to 20", stream=True))
        times = [at for at, _ in answer.pieces]
        rate = len(times) / (times[-1] - times[0])
        check(20 < rate < 120, "pieces a second:", rate)
        name = g.ask(chat("demo"), path="/v1/completions").status
        equal(name, 200, "completions without a prompt")


@case("over TLS: a client that checks the certificate is answered, plain HTTP is not")
def _():
    up = Upstream()
    directory = Path(scratch.name) / f"tls{free_port()}"
    directory.mkdir()
    cert, key_file = directory / "cert.pem", directory / "key.pem"
    try:
        made = subprocess.run(
            [
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-keyout",
                str(key_file),
                "-out",
                str(cert),
                "-days",
                "2",
                "-subj",
                "/CN=localhost",
                "-addext",
                "subjectAltName=DNS:localhost,IP:127.0.0.1",
            ],
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        raise Skip("no openssl to make a certificate with") from None
    equal(made.returncode, 0, made.stderr)
    config = {"providers": {"up": provider(up.url)}, "models": {"plain": target("up")}}
    with Gateway(config) as g:
        g.stop()
        port = free_port()
        listen = [
            f"127.0.0.1:{g.port}",
            {"address": f"127.0.0.1:{port}", "tls": {"cert": str(cert), "key": str(key_file)}},
        ]
        whole = {"listen": listen, "data": str(g.data), **g.config, "keys": [{"name": "main", "key": g.key}]}
        g.write_config(json.dumps(whole))
        g.start()
        ask = [
            "curl",
            "-sS",
            "--max-time",
            "10",
            f"https://localhost:{port}/v1/chat/completions",
            "-H",
            f"Authorization: Bearer {g.key}",
        ]
        for body in (chat(), chat(stream=True), chat(text="x" * 200_000)):
            done = subprocess.run(
                [*ask, "--cacert", str(cert), "--data-binary", "@-"],
                input=json.dumps(body).encode(),
                capture_output=True,
                check=False,
            )
            check(done.returncode == 0 and b"Hello" in done.stdout, done)
        check(
            subprocess.run([*ask, "-d", "{}"], capture_output=True, check=False).returncode == 60,
            "an unknown certificate was taken",
        )
        with Connection(("127.0.0.1", port)) as plain:
            plain.send(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
            check(plain.answer() is None, "plain HTTP on a TLS port")
        # The gateway as the upstream of another: TLS with the certificate checked, and refused when it is not known.
        chained = {
            "providers": {
                "good": provider(f"https://localhost:{port}/v1", api_key=g.key, ca_file=str(cert)),
                "unknown": provider(f"https://localhost:{port}/v1", api_key=g.key),
                "lax": provider(f"https://localhost:{port}/v1", api_key=g.key, verify_tls=False),
            },
            "models": {name: target(name, "plain") for name in ("good", "unknown", "lax")},
        }
        with Gateway(chained) as front:
            for name in ("good", "lax"):
                equal(front.ask(chat(name, stream=True)).text(), "Hello, world!", name)
                equal(front.ask(chat(name)).status, 200)
            equal(front.ask(chat("unknown")).error["code"], "upstream_connect_failed")


@case("a checked load: every reply right, every call on the bill, nothing left in flight", alone=True)
def _():
    if not (TOOLS / "bench_load").exists():
        raise Skip("LOWART_TOOLS names no directory with bench_load and bench_mock_upstream")
    mock = subprocess.Popen([TOOLS / "bench_mock_upstream", "--port", "0"], stdout=subprocess.PIPE, text=True)
    running.append(mock)
    url = f"http://{mock.stdout.readline().split()[1]}/v1"
    config = {
        "providers": {"up": provider(url, api_key=""), "messages": provider(url, type="anthropic", api_key="")},
        "models": {"bench-model": target("up", "bench-model"), "translated": target("messages", "bench-model")},
    }
    with Gateway(config) as g:
        total = 0
        for more in (
            ["--connections", "64"],
            ["--stream", "yes", "--connections", "32"],
            ["--body-bytes", "262144", "--connections", "8"],
            ["--rate", "300"],
            ["--model", "translated", "--translated", "yes"],
            ["--model", "translated", "--translated", "yes", "--stream", "yes"],
        ):
            done = subprocess.run(
                [TOOLS / "bench_load", "--port", str(g.port), "--key", g.key, "--seconds", "0.6", *more],
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
            equal(done.returncode, 0, done.stderr + done.stdout)
            total += json.loads(done.stdout)["requests"]
        eventually(lambda: g.metrics().sum("gateway_usage_lag_records") == 0, 10, "the journal is folded")
        equal(g.metrics().sum("gateway_usage_lost_total"), 0)
        eventually(lambda: g.metrics().sum("gateway_in_flight") == 0, 3, "nothing in flight")
        equal(
            g.metrics().sum("http_requests_total", status="200", route="/v1/chat/completions"),
            g.usage()["request_count"],
            "answers and records",
        )
        check(
            g.usage()["request_count"] >= total,
            "fewer records than replies:",
            g.usage()["request_count"],
            total,
        )
        check(g.resident_kib() < 120 * 1024, "resident KiB", g.resident_kib())
        g.stop()
    mock.terminate()
    mock.wait()
