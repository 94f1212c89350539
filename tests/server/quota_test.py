"""Limits of all subjects and windows: who is refused by which, what is told of them, and what outlives a restart."""

import hashlib
import hmac
import json
import threading
import time
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from kit.cases import case, check, equal, eventually
from kit.gateway import Gateway, chat, new_id, new_key, provider, run_on, shared, target
from kit.upstream import Upstream, endless, refusal, whole, whole_body

PRICE = {"input": "1", "output": "2"}  # USD per million tokens


def priced(name, **more):
    return {**target(name), "price": PRICE, **more}


def used(input_tokens, output_tokens):
    total = input_tokens + output_tokens
    return {"prompt_tokens": input_tokens, "completion_tokens": output_tokens, "total_tokens": total}


class Hook:
    """Takes webhooks on a loopback port."""

    def __init__(self):
        self.messages = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                hook.messages.append((self.path, self.headers["x-lowart-signature"], body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks/limits?from=test"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def events(self, subject):
        return [json.loads(b) for _, _, b in self.messages if json.loads(b)["subject"] == subject]


class Quota:
    def __init__(self):
        self.up = Upstream()
        self.hook = Hook()
        self.keys = {
            "tiered": {"key": new_key(), "tier": "small", "rpm": 1000},
            "tokens": {"key": new_key(), "tokens_per_day": 5000},
            "money": {"key": new_key(), "cost_per_month": "0.01", "soft": "50%"},
            "requests": {"key": new_key(), "requests_per_week": 3},
            "bob1": {"key": new_key(), "user": "bob"},
            "bob2": {"key": new_key(), "user": "bob", "team": "red"},
            "red": {"key": new_key(), "team": "red"},
            "free": {"key": new_key()},
            "admin": {"key": new_key(), "admin": True},
            "full": {"key": new_key()},
            "pressed": {"key": new_key(), "tpm": 6000},
        }
        self.gateway = Gateway(
            {
                "tiers": {"small": {"rpm": 1, "requests_per_day": 2}},
                "users": {"bob": {"requests_per_day": 3}},
                "teams": {"red": {"tokens_per_week": 3000}},
                "model_types": {"embedding": {"requests_per_day": 1}},
                "providers": {
                    "up": provider(self.up.url),
                    "spare": provider(self.up.url),
                    "narrow": provider(self.up.url, tokens_per_day=500),
                },
                "models": {
                    "plain": priced("up", aliases=["plain-too"]),
                    "rare": priced("up", limits={"requests_per_month": 2}),
                    "chain": {"targets": [{"provider": "narrow", "model": "m"}, {"provider": "spare", "model": "m"}]},
                },
                "webhooks": [{"url": self.hook.url, "secret": "s3cret"}],
            },
            keys=self.keys,
        )

    def ask(self, name, body=None, **options):
        return self.gateway.ask(body or chat(max_tokens=10), key=self.keys[name]["key"], **options)

    def using(self, name, input_tokens, output_tokens, **more):
        request_id = new_id()
        self.up.script(request_id, whole(whole_body(usage=used(input_tokens, output_tokens))))
        return self.ask(name, chat(max_tokens=10, **more), request_id=request_id)

    def quota(self, name, subject, **options):
        page = self.gateway.get(options.pop("path", "/v1/quota"), key=self.keys[name]["key"]).json()
        found = [s for s in page["subjects"] if s["subject"] == subject]
        return {one["limit"]: one for one in found[0]["limits"]} if found else None


def quota():
    return shared("quota", Quota)


def used_up(answer, which):
    equal(answer.status, 429, answer)
    equal(answer.error["code"], "insufficient_quota")
    check(which in answer.error["message"], "which limit?", answer.error)
    equal(answer.field("x-should-retry"), "false", "nobody should wait for that in a loop")
    return int(answer.field("retry-after-ms")) / 1000


def until_midnight():
    now = datetime.now(timezone.utc)
    return (now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1) - now).total_seconds()


@case("tokens per day: refused when used up, with the time until midnight in UTC")
def _():
    q = quota()
    equal(q.using("tokens", 4000, 900).status, 200)
    eventually(lambda: q.quota("tokens", "key tokens")["tokens_per_day"]["used"] == 4900, 3, "settled")
    answer = q.ask("tokens", chat(max_tokens=200))
    wait = used_up(answer, "the limit of 5000 tokens per day of key tokens is reached: used 4900, requested 2")
    check(abs(wait - until_midnight()) < 5, "wait", wait, until_midnight())
    check("it begins anew at 20" in answer.error["message"], answer.error)
    equal(q.ask("tokens", chat(max_tokens=10)).status, 200, "what fits is let in")
    equal(q.ask("tokens", chat(max_tokens=6000)).status, 413, "what never fits")


@case("money per month: warned in a header, in a metric and by webhook, then refused")
def _():
    q = quota()
    first = q.using("money", 4000, 500)  # 0.005 USD
    equal((first.status, first.field("x-lowart-limit-warning")), (200, None))
    eventually(lambda: q.quota("money", "key money")["cost_per_month"]["used"] == "0.005", 3, "settled")
    warned = q.using("money", 2000, 1000)  # 0.004 USD
    check(warned.field("x-lowart-limit-warning").startswith("key money: 5"), warned.fields)
    check(warned.field("x-lowart-limit-warning").endswith("% of 0.01 USD per month"), warned.fields)
    eventually(lambda: q.quota("money", "key money")["cost_per_month"]["used"] == "0.009", 3, "settled")
    used_up(q.ask("money", chat(max_tokens=1000)), "the limit of 0.01 USD per month of key money is reached: used 0.009")
    used_up(q.ask("money", chat(max_tokens=1000)), "0.01 USD per month")
    events = eventually(lambda: len(e := q.hook.events("key money")) >= 2 and e, 5, "webhooks")
    equal([e["event"] for e in events], ["limit_warning", "limit_reached"], "each once")
    equal((events[1]["limit"], events[1]["max"], events[1]["used"]), ("cost_per_month", "0.01", "0.009"))
    path, signature, body = next(m for m in q.hook.messages if b"key money" in m[2])
    equal(path, "/hooks/limits?from=test")
    seconds, given = (part.split("=")[1] for part in signature.split(","))
    equal(given, hmac.new(b"s3cret", seconds.encode() + b"." + body, hashlib.sha256).hexdigest())
    metrics = q.gateway.get("/metrics", key="").body.decode()
    check('gateway_limit_warnings_total{subject="key money",limit="cost_per_month"} 1' in metrics, "warnings")
    check('gateway_limit_refusals_total{subject="key money",limit="cost_per_month"} 2' in metrics, "refusals")
    check('gateway_limit_max{subject="key money",limit="cost_per_month"} 0.01' in metrics, "max")
    check('gateway_webhooks_lost_total 0' in metrics, "lost")


@case("a tier's limits count where the key has none of its own")
def _():
    q = quota()
    for _ in range(2):
        equal(q.ask("tiered").status, 200, "its own rpm wins over the tier's")
    used_up(q.ask("tiered"), "2 requests per day of key tiered")


@case("a week's requests, and a call that fails stays counted")
def _():
    q = quota()
    request_id = new_id()
    q.up.script(request_id, refusal(b"400 No", "bad"))
    equal(q.ask("requests", request_id=request_id).status, 400)
    equal([q.ask("requests").status for _ in range(2)], [200, 200])
    used_up(q.ask("requests"), "3 requests per week of key requests")


@case("keys of one user count together")
def _():
    q = quota()
    equal([q.ask(n).status for n in ("bob1", "bob2", "bob1")], [200, 200, 200])
    used_up(q.ask("bob2"), "3 requests per day of user bob")
    equal(q.quota("bob2", "user bob")["requests_per_day"]["used"], 3)
    equal(q.quota("free", "user bob"), None, "others do not learn of it")


@case("keys of one team count together, and a refused call takes nothing of the key")
def _():
    q = quota()
    equal(q.using("red", 2500, 300).status, 200)
    eventually(lambda: q.quota("red", "team red")["tokens_per_week"]["used"] >= 2800, 3, "settled")
    used_up(q.ask("red", chat(max_tokens=400)), "3000 tokens per week of team red")


@case("all calls for a model count together, by each of its names; other models go on")
def _():
    q = quota()
    equal([q.ask(n, chat("rare")).status for n in ("free", "full")], [200, 200])
    used_up(q.ask("free", chat("rare")), "2 requests per month of model rare")
    equal(q.ask("free").status, 200)


@case("a call that runs holds what it reserved; a client that leaves gives it back")
def _():
    q = quota()
    request_id = new_id()
    q.up.script(request_id, endless())
    key = q.keys["pressed"]["key"]
    connection = q.gateway.connect()
    connection.send(q.gateway.bytes_of(chat(max_tokens=5000, stream=True), key=key, request_id=request_id))
    equal(connection.head()[0], 200)
    check(q.quota("pressed", "key pressed")["tpm"]["used"] >= 4900, "reserved")
    connection.close()
    eventually(lambda: q.quota("pressed", "key pressed")["tpm"]["used"] < 1000, 5, "given back")


@case("a provider's budget is a reason to ask the next target")
def _():
    q = quota()
    providers = []
    for _ in range(2):
        request_id = new_id()
        q.up.script(request_id, whole(whole_body(usage=used(450, 20))))
        providers.append(q.ask("full", chat("chain", max_tokens=10), request_id=request_id).field("x-lowart-provider"))
        time.sleep(0.1)
    answer = q.ask("full", chat("chain", max_tokens=200))
    providers.append(answer.field("x-lowart-provider"))
    equal(providers[0], "narrow")
    equal(providers[2], "spare", "narrow has 500 tokens a day")


@case("an operator sees another key's limits, others do not")
def _():
    q = quota()
    page = q.gateway.get("/v1/quota?name=tokens", key=q.keys["admin"]["key"]).json()
    equal(page["key"], "tokens")
    check(any(s["subject"] == "key tokens" for s in page["subjects"]), page)
    equal(q.gateway.get("/v1/quota?name=tokens", key=q.keys["free"]["key"]).status, 403)
    equal(q.gateway.get("/v1/quota?name=nobody", key=q.keys["admin"]["key"]).status, 404)
    equal(q.gateway.get("/v1/quota", key="sk-wrong").status, 401)
    equal(q.gateway.ask(None, "/v1/quota", "POST", key=q.keys["free"]["key"]).status, 405)


@case("the words of a refusal in each dialect")
def _():
    q = quota()
    while q.ask("tiered").status == 200:
        pass
    key = [("x-api-key", q.keys["tiered"]["key"])]
    body = {"model": "plain", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}]}
    answer = q.gateway.ask(body, "/v1/messages", key="", fields=key)
    equal((answer.status, answer.json()["error"]["type"]), (429, "rate_limit_error"))
    check("2 requests per day of key tiered" in answer.json()["error"]["message"], answer.body)
    gemini = {"contents": [{"parts": [{"text": "x"}]}]}
    answer = q.gateway.ask(gemini, "/v1beta/models/plain:generateContent", key="", fields=key)
    equal((answer.status, answer.json()["error"]["status"]), (429, "RESOURCE_EXHAUSTED"))


@case("a budget that is used outlives a restart, a kill and a reload")
def _():
    up = Upstream()
    keys = {
        "a": {"key": new_key(), "team": "t", "tokens_per_month": 10000, "cost_per_day": "1.00"},
        "b": {"key": new_key(), "team": "t"},
    }
    config = {
        "teams": {"t": {"tokens_per_week": 100000, "requests_per_day": 50}},
        "model_types": {"chat": {"tokens_per_month": 1000000}},
        "providers": {"up": provider(up.url, tokens_per_day=9000)},
        "models": {"plain": priced("up", limits={"tokens_per_day": 1000000}, aliases=["other"])},
    }
    with Gateway(config, keys=keys) as gateway:

        def of_provider():
            return gateway.metrics().sum("gateway_limit_used", subject="provider up", limit="tokens_per_day")

        def call(name, tokens, model="plain"):
            request_id = new_id()
            up.script(request_id, whole(whole_body(usage=used(tokens, 100))))
            equal(gateway.ask(chat(model, max_tokens=10), key=keys[name]["key"], request_id=request_id).status, 200)

        def seen():
            page = gateway.get("/v1/quota", key=keys["a"]["key"]).json()
            return {
                (s["subject"], one["limit"]): one["used"]
                for s in page["subjects"]
                for one in s["limits"]
                if "_per_" in one["limit"]
            }

        call("a", 4000)
        call("b", 700, "other")
        before = {
            ("team t", "tokens_per_week"): 4900,
            ("team t", "requests_per_day"): 2,
            ("model plain", "tokens_per_day"): 4900,
            ("key a", "tokens_per_month"): 4100,
            ("key a", "cost_per_day"): "0.0042",
            ("type chat", "tokens_per_month"): 4900,
        }
        eventually(lambda: seen() == before, 3, "settled")
        gateway.kill()
        gateway.start()
        equal(seen(), before, "after a kill")
        equal(of_provider(), 4900)
        gateway.stop()
        gateway.start()
        equal(seen(), before, "after a restart")
        gateway.keys["a"]["tokens_per_day"] = 4050
        gateway.write_config()
        eventually(lambda: seen().get(("key a", "tokens_per_day")) == 4100, 5, "a new limit knows the day")
        equal(seen()[("key a", "tokens_per_month")], 4100, "and the old one what it knew")
        answer = gateway.ask(chat(max_tokens=10), key=keys["a"]["key"])
        used_up(answer, "4050 tokens per day of key a")


@case("what is wrong with limits in the file is told with its line")
def _():
    text = """
tiers: {free: {rpm: 5, cost_per_day: 1.5x}}
users: {bob: {tier: dear}}
model_types: {telepathy: {rpm: 1}}
models: {demo: {targets: [{provider: demo}], limits: {tokens_per_day: many}}}
providers: {demo: {type: demo, soft: 200%}}
keys:
  - {name: a, key: sk-lw-0123456789abcdef, tier: none}
webhooks: [{url: "ftp://x", events: [lunch]}]
"""
    done, _ = run_on(text, "validate")
    for expected in (
        "2: '1.5x' is not an amount like 0.15",
        "3: no tier 'dear' is configured under 'tiers'",
        "4: no type of models 'telepathy'; there are chat, embedding, image, audio, rerank, moderation",
        "5: 'tokens_per_day' is a number from 0",
        "6: 'soft' is a share from 1% to 100%",
        "8: no tier 'none' is configured",
        "9: a webhook needs a 'url' that begins with https:// or http://",
        "9: a webhook needs a 'secret'",
        "9: no event 'lunch'; there are limit_warning, limit_reached",
    ):
        check(expected in done.stdout + done.stderr, expected, done.stdout, done.stderr)
