"""Usage as it is asked for: sums, groups, single calls, exports, who may see what. Checked against what the upstream said."""

import csv
import datetime
import io
import json
import urllib.parse
from decimal import Decimal

from kit.cases import case, check, equal
from kit.gateway import Gateway, chat, new_id, new_key, provider, shared, target
from kit.upstream import Upstream, whole, whole_body

PRICE = {"input": "2.00", "output": "6.00"}


def usage(prompt, completion):
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def cost(prompt, completion):
    """In USD, at PRICE: exact."""
    return (Decimal(2) * prompt + Decimal(6) * completion) / 1_000_000


class Office:
    """Two people of one team, one of another, and what each has asked: (model, prompt, completion) for each call."""

    CALLS = {
        "alice": [("m", 10, 2), ("m", 20, 3), ("n", 30, 4)],
        "alices-other": [("n", 1, 1)],
        "bob": [("m", 100, 50)] * 5,
        "=carol": [("m", 7, 7)],
    }

    def __init__(self):
        self.up = Upstream()
        self.keys = {name: new_key() for name in self.CALLS}
        owners = {"alice": ("alice", "red"), "alices-other": ("alice", "red"), "bob": ("bob", "red")}
        keys = {
            name: {"key": key, **dict(zip(("user", "team"), owners.get(name, ())))}
            for name, key in self.keys.items()
        }
        main = new_key()
        config = {
            "providers": {"up": provider(self.up.url)},
            "models": {name: {**target("up"), "price": PRICE} for name in ("m", "n")},
        }
        self.gateway = Gateway(config, keys={"main": {"key": main, "admin": True}, **keys})
        self.gateway.key = main
        for name, calls in self.CALLS.items():
            for model, prompt, completion in calls:
                self.call(name, model, usage(prompt, completion))
        failed = self.gateway.ask(chat("m"), key=self.keys["bob"], request_id=self.broken())
        equal(failed.status, 502, failed.body)

    def broken(self):
        request_id = new_id()
        self.up.script(request_id, whole(b'{"error":{"message":"no"}}', status=b"500 Oh"))
        return request_id

    def call(self, name, model, told, **more):
        request_id = new_id()
        self.up.script(request_id, whole(whole_body(usage=told)))
        answer = self.gateway.ask(chat(model, **more), key=self.keys[name], request_id=request_id)
        equal(answer.status, 200, answer.body)

    def get(self, path, by=None, **query):
        query = "?" + urllib.parse.urlencode(query) if query else ""
        return self.gateway.get(path + query, key=self.keys.get(by))

    def json(self, path, by=None, **query):
        answer = self.get(path, by, **query)
        equal(answer.status, 200, (path, query, answer.body))
        return answer.json()


def office():
    return shared("office", Office)


def sums(page):
    return page["request_count"], page["tokens"]["input"], page["tokens"]["output"], Decimal(page["cost_usd"])


def expected(*names, model=None):
    calls = [call for name in names for call in Office.CALLS[name] if model in (None, call[0])]
    prompt, completion = (sum(call[i] for call in calls) for i in (1, 2))
    return len(calls), prompt, completion, cost(prompt, completion)


@case("usage: a key sees its own sums, an operator all of them, by whatever they are grouped by")
def _():
    o = office()
    mine = o.json("/v1/usage/me", "alice")
    equal(sums(mine), expected("alice"))
    equal({m["model"]: sums(m) for m in mine["models"]}, {m: expected("alice", model=m) for m in "mn"})
    equal(mine["tokens"]["total"], mine["tokens"]["input_total"] + mine["tokens"]["output_total"])
    equal(sums(o.json("/v1/usage", "alice")), expected("alice"))
    equal(sums(o.json("/v1/usage", "alice", user="alice")), expected("alice", "alices-other"))
    everything = o.json("/v1/usage")
    count, *rest = expected(*Office.CALLS)
    equal(sums(everything), (count + 1, *rest))
    equal((everything["failed_count"], everything["cached_count"]), (1, 0))
    for dimension, groups in {
        "key": {name: expected(name) for name in Office.CALLS},
        "user": {"alice": expected("alice", "alices-other"), "bob": expected("bob"), "": expected("=carol")},
        "team": {"red": expected("alice", "alices-other", "bob"), "": expected("=carol")},
        "model": {m: expected(*Office.CALLS, model=m) for m in "mn"},
    }.items():
        page = o.json("/v1/usage", group_by=dimension)
        found = {g[dimension]: sums(g) for g in page["data"]}
        for name, (calls, *more) in groups.items():
            failed = 1 if dimension == "model" and name == "m" or name in ("bob", "red") else 0
            equal(found[name], (calls + failed, *more), (dimension, name))
        equal(len(found), len(groups), found)
    day = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    equal([g["day"] for g in o.json("/v1/usage", group_by="day")["data"]], [day])


@case("usage: summaries of a day, a week and a month; by model, the dearest first; a trend without holes")
def _():
    o = office()
    for period in ("day", "week", "month"):
        page = o.json("/v1/usage/summary", "bob", period=period)
        equal(sums(page)[1:], expected("bob")[1:])
        begin = datetime.datetime.fromisoformat(page["from"].replace("Z", "+00:00"))
        equal((begin.hour, begin.minute), (0, 0))
        check(period != "week" or begin.weekday() == 0, "a week begins on Monday", page["from"])
        check(period != "month" or begin.day == 1, page["from"])
    for path in ("/v1/usage/models", "/v1/usage/by-model"):
        data = o.json(path)["data"]
        equal([g["model"] for g in data], ["m", "n"])
    trend = o.json("/v1/usage/daily-trend", "alice", days=7)["data"]
    equal(len(trend), 7)
    equal([day["request_count"] for day in trend[:-1]], [0] * 6)
    equal(sums(trend[-1]), expected("alice"))
    dates = [datetime.date.fromisoformat(day["date"]) for day in trend]
    equal(dates, [dates[0] + datetime.timedelta(days=i) for i in range(7)])
    equal(len(o.json("/v1/usage/daily-trend", "alice")["data"]), 30)


@case("usage: single calls in pages that stay where they are while others come, and every sum can be traced to them")
def _():
    o = Office()
    first = o.json("/v1/usage/history", limit=4)
    equal((len(first["data"]), first["has_more"]), (4, True))
    o.call("=carol", "m", usage(0, 0))  # one that comes while pages are read moves none of them
    pages, after = [first["data"]], first["next"]
    while after:
        page = o.json("/v1/usage/history", limit=4, after=after)
        pages.append(page["data"])
        after = page["next"]
    found = [record for page in pages for record in page]
    equal(len({record["id"] for record in found}), len(found))
    starts = [record["started_at"] for record in found]
    equal(starts, sorted(starts, reverse=True))
    everything = o.json("/v1/usage")
    equal(len(found) + 1, everything["request_count"])
    equal(sum(Decimal(r["cost_usd"]) for r in found), Decimal(everything["cost_usd"]))
    equal(sum(r["tokens"]["total"] for r in found), everything["tokens"]["total"])
    (failed,) = o.json("/v1/usage/history", failed="true")["data"]
    equal((failed["key"], failed["status"], failed["outcome"]), ("bob", 502, "failed"))
    equal([attempt["failure"] for attempt in failed["trail"]], ["upstream_failed"])
    mine = o.json("/v1/usage/history", "alice", model="n")["data"]
    equal([(r["key"], r["user"], r["team"], r["client"]) for r in mine], [("alice", "alice", "red", "127.0.0.1")])
    equal(o.json("/v1/usage/history", until="2001-01-01")["data"], [])


@case("usage: history says what a call asked for beyond text")
def _():
    up = Upstream()
    config = {"providers": {"up": provider(up.url)}, "models": {"m": target("up")}}
    with Gateway(config) as gateway:
        tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
        picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
        body = chat("m", tools=[tool], response_format={"type": "json_object"})
        body["messages"][0]["content"] = [{"type": "text", "text": "What is it?"}, picture]
        equal(gateway.ask(body).status, 200)
        equal(gateway.ask(chat("m", text='the words "image_url" and "tools" in a text')).status, 200)
        plain, rich = gateway.get("/v1/usage/history").json()["data"]
        equal(sorted(rich["features"]), ["images", "structured", "tools"])
        equal(plain["features"], [])
        (one,) = gateway.get("/v1/usage/history?with=images,tools").json()["data"]
        equal(one["id"], rich["id"])


@case("usage: exports as CSV and JSON lines have every call, and no formula")
def _():
    o = office()
    answer = o.get("/v1/usage/export", format="csv")
    equal(answer.status, 200)
    equal(answer.field("content-type"), "text/csv; charset=utf-8")
    rows = list(csv.DictReader(io.StringIO(answer.body.decode(), newline="")))
    lines = [json.loads(line) for line in o.get("/v1/usage/export", format="jsonl").body.splitlines()]
    equal([row["id"] for row in rows], [line["id"] for line in lines])
    count, prompt, completion, money = expected(*Office.CALLS)
    equal(len(rows), count + 1)
    equal(sum(Decimal(row["cost_usd"]) for row in rows), money)
    equal(sum(int(row["output"] or 0) for row in rows), completion)
    check("'=carol" in {row["key"] for row in rows}, [row["key"] for row in rows])
    check("=carol" in {line["key"] for line in lines}, "JSON tells it as it is")
    own = list(csv.DictReader(io.StringIO(o.get("/v1/usage/export", "alice", format="csv").body.decode())))
    equal({row["key"] for row in own}, {"alice"})


@case("usage: nobody sees the calls of others, and what is asked wrongly is told")
def _():
    o = office()
    for path in ("/v1/usage", "/v1/usage/history", "/v1/usage/export", "/v1/usage/summary", "/v1/usage/models"):
        for query in ({"key": "bob"}, {"user": "bob"}, {"team": "blue"}):
            answer = o.get(path, "alice", **query)
            equal((answer.status, answer.json()["error"]["param"]), (403, *query), path)
        equal(o.gateway.get(path, key="sk-lw-nobody-knows-this-one").status, 401)
    equal(sums(o.json("/v1/usage", "=carol", group_by="key")), expected("=carol"))
    equal(o.get("/admin/overview", "alice").status, 403)
    for path, query in (
        ("/v1/usage", {"from": "yesterday"}),
        ("/v1/usage", {"from": "2026-02-30"}),
        ("/v1/usage", {"group_by": "colour"}),
        ("/v1/usage/summary", {"period": "year"}),
        ("/v1/usage/daily-trend", {"days": "0"}),
        ("/v1/usage/daily-trend", {"days": "1e3"}),
        ("/v1/usage/daily-trend", {"from": "1970-01-01"}),
        ("/v1/usage/history", {"limit": "1001"}),
        ("/v1/usage/history", {"after": "'; DROP TABLE usage_batch; --"}),
        ("/v1/usage/history", {"outcome": "good"}),
        ("/v1/usage/history", {"with": "tools,magic"}),
        ("/v1/usage/export", {"format": "xlsx"}),
        ("/v1/usage", {"modle": "m"}),
        ("/v1/usage", {"from": "2026-01-02", "until": "2026-01-01"}),
    ):
        answer = o.get(path, **query)
        equal((answer.status, answer.json()["error"]["param"]), (400, next(iter(query))), (path, query, answer.body))
    equal(o.gateway.get("/v1/usage?from=2026-01-01&from=2026-01-02").status, 400)
    equal(o.gateway.ask(None, "/v1/usage/history", "DELETE").status, 405)


@case("usage: a key that comes in the query is no name of a key")
def _():
    up = Upstream()
    config = {"providers": {"up": provider(up.url)}, "models": {"m": target("up")}}
    with Gateway(config, keys={"own": {"key": "a-key-of-the-operators-own"}}) as gateway:
        equal(gateway.ask(chat("m"), key="a-key-of-the-operators-own").status, 200)
        answer = gateway.get("/v1/usage?key=a-key-of-the-operators-own", key="")
        equal((answer.status, answer.json()["key"], answer.json()["request_count"]), (200, "own", 1))
        check(b"operators-own" not in answer.body, "a credential is told to nobody")


@case("usage: the operator's overview")
def _():
    o = office()
    page = o.json("/admin/overview")
    count, *rest = expected(*Office.CALLS)
    for span in ("today", "month"):
        equal(sums(page[span]), (count + 1, *rest))
    equal((page["active_users_today"], page["active_keys_today"], page["total_keys"]), (2, 4, 5))
    equal([s["key"] for s in page["top_spenders"]], ["bob", "alice", "=carol", "alices-other"])
    check(page["active_sessions"] >= 1, page)


@case("usage: an export is sent while it is read, however many calls there are")
def _():
    up = Upstream()
    config = {"providers": {"up": provider(up.url), "demo": {"type": "demo"}}, "models": {"m": target("up")}}
    with Gateway(config) as gateway:
        good = gateway.bytes_of(chat("m", stream=True))
        calls = 2300  # more than two pages
        with gateway.connect(timeout=60) as connection:
            for begin in range(0, calls, 100):
                connection.send(good * 100)
                for _ in range(100):
                    equal(connection.answer().status, 200)
        rows = gateway.get("/v1/usage/export?format=csv", timeout=30).body.decode().splitlines()
        equal(len(rows), calls + 1)
        equal(len({row.split(",")[0] for row in rows}), calls + 1)
