"""The request log: a row for each request, pages of it, content when it is wanted, months that go."""

import gzip
import sqlite3
import time

from kit.cases import case, check, equal, eventually
from kit.gateway import Gateway, chat, new_id, new_key, provider, run_on, shared, target
from kit.upstream import Upstream

PAGE = "/admin/requests"


class House:
    def __init__(self, **log):
        self.up = Upstream()
        providers = {"up": provider(self.up.url), "demo": {"type": "demo"}}
        models = {"m": {**target("up"), "price": {"input": 1, "output": 2}}, "demo": target("demo", "demo-fast")}
        keys = {"other": {"key": new_key()}, "boss": {"key": new_key(), "admin": True}}
        keys["mine"] = {"key": new_key(), "user": "ann", "team": "red"}
        config = {"providers": providers, "models": models, "conversations": {"track": True}}
        self.gateway = Gateway({**config, "request_log": {"keep": True, **log}}, keys=keys)
        self.keys = {name: entry["key"] for name, entry in self.gateway.keys.items()}

    def page(self, path=PAGE, key="boss"):
        """Once all calls are in the log, which they are a moment after their answers."""
        eventually(lambda: self.gateway.metrics().sum("gateway_in_flight") == 0, 5, "no call in flight")
        answer = self.gateway.get(path, key=self.keys[key])
        equal(answer.status, 200, answer.body)
        return answer.json()

    def pages(self, query, path=PAGE, key="boss", after=""):
        """The entries of all pages behind one."""
        found, after = [], f"&after={after}" if after else ""
        for _ in range(100):
            page = self.page(f"{path}?{query}{after}", key)
            found += page["data"]
            if not page["has_more"]:
                return found
            after = "&after=" + page["next"]
        raise AssertionError("the pages have no end")


def house():
    return shared("request log", House)


@case("every request of a call leaves a row with who, what, how it went and what it cost")
def _():
    h = house()
    request_id = new_id()
    answer = h.gateway.ask(chat("m", "Hello"), key=h.keys["mine"], request_id=request_id)
    row = next(r for r in h.page(f"{PAGE}?key=mine")["data"] if r["id"] == request_id)
    for name, value in {"user": "ann", "team": "red", "client": "127.0.0.1", "method": "POST", "status": 200,
                        "path": "/v1/chat/completions", "model": "m", "provider": "up", "outcome": "complete",
                        "attempts": 1, "conversation": answer.field("x-conversation-id")}.items():
        equal(row.get(name), value, name)
    usage = answer.json()["usage"]
    equal((row["input_tokens"], row["output_tokens"]), (usage["prompt_tokens"], usage["completion_tokens"]))
    nanos = usage["prompt_tokens"] * 1000 + usage["completion_tokens"] * 2000
    equal(row["cost_usd"], f"0.{nanos:09d}")
    check(row["duration_us"] > 0 and row["time"].endswith("Z"), row)
    check("messages" not in row and "answer" not in row, "no content unless it is wanted", row)
    for file in (h.gateway.data / "requests").iterdir():
        check(b"Hello" not in file.read_bytes(), "not in the file either:", file)


@case("refused requests are in it with what they were told, and filters find them")
def _():
    h = house()
    h.gateway.ask(chat("no-such"), key=h.keys["other"], request_id=new_id())
    h.gateway.ask(chat("demo"), key=h.keys["other"], request_id=new_id())
    (row,) = h.pages("key=other&status=404")
    equal((row["model"], row["error"]), ("no-such", "not_found"))
    for query, count in {"key=other": 2, "key=other&error=not_found": 1, "key=other&error=does%20not%20exist": None,
                         "key=other&model=demo": 1, "key=other&from=2100-01-01T00:00:00Z": 0,
                         "key=other&until=2020-01-01T00:00:00Z": 0, "key=nobody": 0}.items():
        if count is not None:
            equal(len(h.pages(query)), count, query)


@case("a list of requests goes on where a page ended, whatever came in between")
def _():
    h = house()
    name = new_id("c")
    for i in range(25):
        h.gateway.ask(chat("demo", f"x{i}"), key=h.keys["main"], fields=[("x-conversation-id", name)])
    first = h.page(f"{PAGE}?key=main&limit=10")
    h.gateway.ask(chat("demo"), key=h.keys["main"])
    rest = h.pages("key=main&limit=10", after=first["next"])
    ids = [r["id"] for r in first["data"] + rest]
    equal((len(ids), len(set(ids))), (25, 25))


@case("a key sees its own conversations, an admin all, and nobody else the requests")
def _():
    h = house()
    name = new_id("talk")
    for text in ("one", "two", "three"):
        h.gateway.ask(chat("demo", text), key=h.keys["mine"], fields=[("x-conversation-id", name)])
    (mine,) = [c for c in h.pages("", "/v1/conversations", "mine") if c["id"] == name]
    equal((mine["calls"], mine["key"], mine["model"]), (3, "mine", "demo"))
    check(any(c["id"] == name for c in h.pages("key=mine", "/v1/conversations")), "an admin sees it")
    page = h.page(f"/v1/conversations/{name}", "mine")
    equal((page["id"], len(page["data"])), (name, 3))
    check(page["data"][0]["time"] < page["data"][2]["time"], "as they were said")
    other = h.gateway.get(f"/v1/conversations/{name}", key=h.keys["other"])
    equal((other.status, other.error["param"]), (404, "conversation_id"))
    check(not [c for c in h.pages("key=mine", "/v1/conversations", "other") if c["key"] != "other"])
    equal(h.gateway.get(PAGE, key=h.keys["mine"]).status, 403)
    equal(h.gateway.get(PAGE, key="").status, 401)


@case("a page that is asked for in a wrong way says what is wrong")
def _():
    h = house()
    for query in ("limit=0", "limit=x", "status=99999", "from=yesterday", "until=1", "after=x", "after=2026-13_1_1"):
        answer = h.gateway.get(f"{PAGE}?{query}", key=h.keys["boss"])
        equal((answer.status, answer.error["param"]), (400, query.split("=")[0]), answer.body)
    answer = h.gateway.ask({}, PAGE, key=h.keys["boss"])
    equal((answer.status, answer.field("allow")), (405, "GET"))
    with Gateway({"providers": {"demo": {"type": "demo"}}, "models": {"m": target("demo", "demo-fast")}}) as g:
        answer = g.get("/v1/conversations")
        equal(answer.status, 404)
        check("request_log" in answer.error["message"], answer.body)


@case("content is kept where it is wanted: what is new in each call, redacted and bounded")
def _():
    rules = [{"pattern": "EMP-[0-9]+", "with": "[staff]"}]
    h = House(content=True, content_size="300B", redact=rules)
    with h.gateway as g:
        told = "I am EMP-77, write to ann@example.com or +44 20 7946 0958"
        first = g.ask({"model": "m", "messages": [{"role": "user", "content": told}]}, key=h.keys["mine"])
        name = first.field("x-conversation-id")
        text = first.json()["choices"][0]["message"]["content"]
        said = [{"role": "user", "content": told}, {"role": "assistant", "content": text},
                {"role": "user", "content": "x" * 5000}]
        g.ask({"model": "m", "stream": True, "messages": said}, key=h.keys["mine"])
        rows = lambda: h.page(f"/v1/conversations/{name}", "mine")["data"]
        one, two = eventually(lambda: rows() if len(rows()) == 2 else None)
        equal(one["messages"], [{"role": "user", "content": "I am [staff], write to [email] or [phone]"}])
        equal((one["answer"], two["answer"]), (text, text), "whole and streamed")
        (new,) = two["messages"]
        check(new["content"].startswith("x" * 300) and new["content"].endswith("[cut: it had 5000 bytes]"), new)
        check("messages" not in h.page()["data"][0], "a list has none")
        for file in (g.data / "requests").iterdir():
            check(b"ann@example.com" not in file.read_bytes(), file)
        for path, body in {"/v1/messages": {"max_tokens": 9}, "/v1/responses": {}, "/api/chat": {"stream": False}}.items():
            field = "input" if path == "/v1/responses" else "messages"
            talk = new_id("talk")
            body = {"model": "demo", field: [{"role": "user", "content": "hi a@b.co"}], **body}
            equal(g.ask(body, path, key=h.keys["mine"], fields=[("x-conversation-id", talk)]).status, 200)
            (row,) = h.page(f"/v1/conversations/{talk}", "mine")["data"]
            equal(row["messages"], [{"role": "user", "content": "hi [email]"}], path)
            check(row["answer"], path, row)


@case("months are archived and deleted when their time has come, and what was not written is written at the end")
def _():
    h = House()
    g = h.gateway
    g.ask(chat("demo"), request_id="last-words")
    g.stop()
    folder = g.data / "requests"
    now = time.gmtime()
    month = lambda ago: f"{(now.tm_year * 12 + now.tm_mon - 1 - ago) // 12}-{(now.tm_mon - 1 - ago) % 12 + 1:02d}"
    (this,) = [f for f in folder.iterdir() if f.suffix == ".db"]
    with sqlite3.connect(this) as database:
        equal(database.execute("SELECT id FROM request").fetchall(), [("last-words",)])
    text = this.read_bytes()
    for ago in (6, 7, 24):
        (folder / f"{month(ago)}.db").write_bytes(text)
    for name in (f"{month(25)}.db", f"{month(40)}.db.gz"):
        (folder / name).write_bytes(text)
    g.start()
    eventually(lambda: (folder / f"{month(24)}.db.gz").exists() and not (folder / f"{month(25)}.db").exists(), 10)
    eventually(lambda: len(g.events("requests_archived")) == 2 and len(g.events("requests_deleted")) == 2, 10)
    names = sorted(f.name for f in folder.iterdir() if not f.name.endswith(("-wal", "-shm")))
    equal(names, sorted([this.name, f"{month(6)}.db", f"{month(7)}.db.gz", f"{month(24)}.db.gz"]))
    equal(gzip.decompress((folder / f"{month(7)}.db.gz").read_bytes()), text)
    g.stop()


@case("a request log that cannot be written is told once, counted, and no call notices")
def _():
    h = House()
    with h.gateway as g:
        (file,) = [f for f in (g.data / "requests").iterdir() if f.suffix == ".db"] or [None]
        name = time.strftime("%Y-%m.db", time.gmtime())
        g.stop()
        for f in list((g.data / "requests").iterdir()):
            f.unlink()
        (g.data / "requests" / name).mkdir()
        g.start()
        for _ in range(5):
            equal(g.ask(chat("demo")).status, 200)
        eventually(lambda: g.metrics().sum("gateway_request_log_dropped_total") >= 5, 5)
        equal(len(g.events("request_log_failed")), 1)


@case("what a file says of the request log wrongly is refused with its line")
def _():
    base = "providers: {demo: {type: demo}}\nmodels: {m: {targets: [{provider: demo}]}}\n" \
           "keys: [{name: a, key: sk-lw-put-40-random-characters-here}]\n"
    for text, word in {"request_log: {keep: true, redact: [{pattern: '('}]}": "no regular expression",
                       "request_log: {builtin: [names]}": "email, phone, card and key",
                       "request_log: {archive_after: 9, retention: 3}": "at least 'archive_after'",
                       "conversations: {window: 0}": "not 0",
                       "backup: {every: 1h}": "needs a 'directory'"}.items():
        done, _ = run_on(base + text + "\n", "validate")
        check(done.returncode == 1 and word in done.stderr and ":4:" in done.stderr, text, done.stderr)
