"""A changed file is taken over while calls run; a bad one changes nothing."""

import signal
import threading
import time

from kit.cases import case, check, equal, eventually
from kit.gateway import Gateway, chat, new_id, new_key, provider, target
from kit.upstream import Upstream, refusal, stream, stream_events


class Load:
    """A few clients that call without a pause, and what became of their calls."""

    def __init__(self, gateway, clients=3):
        self.gateway, self.stopping = gateway, False
        self.good, self.bad = 0, []
        self.threads = [threading.Thread(target=self.run, args=(i % 2 == 0,)) for i in range(clients)]
        for thread in self.threads:
            thread.start()

    def run(self, streamed):
        while not self.stopping:
            try:
                answer = self.gateway.ask(chat(stream=streamed))
                if answer.status == 200 and answer.complete:
                    self.good += 1
                else:
                    self.bad.append(repr(answer))
            except OSError as failure:
                self.bad.append(repr(failure))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stopping = True
        for thread in self.threads:
            thread.join()


def revision(g):
    return g.metrics().sum("gateway_config_revision")


def reload_ok(g):
    return g.metrics().sum("gateway_config_last_reload_successful")


@case("a changed file is taken over under load without a failed call; a bad one keeps the last good one")
def _():
    up, other = Upstream(), Upstream()
    config = {"providers": {"up": provider(up.url)}, "models": {"plain": target("up")}}
    with Gateway(config) as g:
        with Load(g) as load:
            equal(g.ask(chat("fresh")).status, 404)
            for step in range(3):
                before = revision(g)
                g.config["models"][f"fresh{step}"] = target("up", f"fresh{step}-up")
                g.write_config()
                eventually(lambda: revision(g) > before, 3, "the new revision")
                eventually(lambda: g.ask(chat(f"fresh{step}")).status == 200, 1, "the new model")
            good = load.good

            g.write_config("providers: {up: {type: nonsense}}\n")
            eventually(lambda: reload_ok(g) == 0, 3, "the refused reload")
            (event,) = g.events("config_refused")
            check("nonsense" in event["problems"] and ":1:" in event["problems"], event)
            at = revision(g)
            equal(g.ask(chat("fresh1")).status, 200, "a model of the last good file")

            # Nor a route that cannot be.
            g.config["providers"]["claude"] = provider(other.url, type="anthropic")
            g.config["models"]["claude"] = {**target("claude"), "doors": ["embeddings"]}
            g.write_config()
            eventually(lambda: len(g.events("config_refused")) == 2, 3, "the refused route")
            check("cannot serve embeddings" in g.events("config_refused")[1]["problems"], g.events("config_refused"))
            equal((revision(g), g.ask(chat("fresh1")).status), (at, 200), "the last good one")
            del g.config["models"]["claude"]

            # The same under a new upstream: calls move there, none fails.
            g.config["providers"]["up"]["base_url"] = other.url
            g.write_config()
            eventually(lambda: reload_ok(g) == 1, 3, "the good reload")
            check(revision(g) > at, "revision")
            request_id = new_id()
            eventually(
                lambda: g.ask(chat(), request_id=request_id).status == 200 and other.requests(request_id),
                2,
                "the new upstream is asked",
            )
            eventually(lambda: load.good > good + 20, 10, "load goes on")
        equal(load.bad, [], f"failed calls beside {load.good} good ones")


@case("SIGHUP reloads at once; keys come and go; running calls keep what they began with")
def _():
    up = Upstream()
    config = {"providers": {"up": provider(up.url)}, "models": {"plain": target("up")}}
    with Gateway(config, keys={"old": {"key": new_key()}}) as g:
        old = g.keys.pop("old")["key"]
        g.keys["new"] = {"key": new_key()}
        request_id = new_id()
        up.script(request_id, stream(stream_events(), pause=0.15))
        with g.connect() as connection:
            connection.send(g.bytes_of(chat(stream=True), key=old, request_id=request_id))
            equal(connection.head()[0], 200)
            before = revision(g)
            g.write_config()
            g.process.send_signal(signal.SIGHUP)
            eventually(lambda: revision(g) > before, 0.45, "the new revision")
            equal(g.ask(chat(), key=g.keys["new"]["key"]).status, 200)
            eventually(lambda: g.ask(chat(), key=old).status == 401, 1, "the old key is refused")
            connection.sock.settimeout(5)
            from kit.http import Answer

            answer = Answer(200, [("transfer-encoding", "chunked")], b"", False)
            connection.read_body(answer, "POST")
            check(
                answer.complete and answer.events()[-1] == "[DONE]",
                "the running stream was cut:",
                answer.body[-200:],
            )


@case("limits in use and open breakers outlive a reload")
def _():
    up = Upstream()
    config = {
        "providers": {"up": provider(up.url, breaker={"failures": 2, "rest": "60s"})},
        "models": {"plain": target("up"), "sick": target("up", "sick-up")},
    }
    with Gateway(config, keys={"few": {"key": new_key(), "rpm": 3}}) as g:
        few = g.keys["few"]["key"]
        for _ in range(3):
            equal(g.ask(chat(), key=few).status, 200)
        equal(g.ask(chat(), key=few).status, 429)
        for _ in range(2):
            request_id = new_id()
            up.script(request_id, refusal(b"500 Oops", "server_error"))
            g.ask(chat("sick"), request_id=request_id)
        equal(g.ask(chat("sick")).error["code"], "circuit_open")
        before = revision(g)
        g.config["models"]["another"] = target("up")
        g.write_config()
        g.process.send_signal(signal.SIGHUP)
        eventually(lambda: revision(g) > before, 3, "the new revision")
        eventually(lambda: g.ask(chat("another")).status == 200, 1, "the new model")
        for _ in range(4):  # on every loop
            equal(g.ask(chat(), key=few).status, 429, "what was used is still used")
            equal(g.ask(chat("sick")).error["code"], "circuit_open", "the open breaker")


@case("a file that vanishes or is half written changes nothing")
def _():
    up = Upstream()
    config = {"providers": {"up": provider(up.url)}, "models": {"plain": target("up")}}
    with Gateway(config) as g:
        text = g.file.read_text()
        g.file.unlink()
        time.sleep(0.7)
        equal(g.ask(chat()).status, 200)
        g.write_config(text[: len(text) // 2])
        eventually(lambda: reload_ok(g) == 0, 3, "the refused half")
        equal(g.ask(chat()).status, 200)
        g.write_config(text)
        eventually(lambda: reload_ok(g) == 1, 3, "the whole file")
        equal(g.ask(chat()).status, 200)
