"""`lowart usage summary` and `history`: what the HTTP pages say, read from the database beside the gateway."""

import json
import os
import subprocess
import urllib.parse
from decimal import Decimal

from kit.cases import case, check, equal, eventually
from kit.gateway import BIN, Gateway, chat, new_id, new_key, provider, target
from kit.upstream import Upstream, whole, whole_body

PRICE = {"input": "2.00", "output": "6.00"}
FOR_ALL = {"from": "2020-01-01", "until": "2100-01-01"}
DIMENSIONS = ("key", "user", "team", "model", "provider", "operation", "hour", "day", "month")


class Office:
    """A gateway, calls by two people, and the command line beside it."""

    def __init__(self):
        self.up = Upstream()
        self.keys = {"alice": new_key(), "bob": new_key()}
        main = new_key()
        config = {
            "providers": {"up": provider(self.up.url)},
            "models": {name: {**target("up"), "price": PRICE} for name in ("m", "n")},
        }
        people = {name: {"key": key, "user": name, "team": "red"} for name, key in self.keys.items()}
        self.gateway = Gateway(config, keys={"main": {"key": main, "admin": True}, **people})
        self.gateway.key = main
        self.calls = 0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.gateway.__exit__(*error)

    def call(self, name, model="m", prompt=10, completion=2):
        request_id = new_id()
        usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
        self.up.script(request_id, whole(whole_body(usage=usage)))
        equal(self.gateway.ask(chat(model), key=self.keys[name], request_id=request_id).status, 200)
        self.calls += 1

    def run(self, *arguments):
        command = [BIN, "usage", *arguments, "--config", str(self.gateway.file)]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    def text(self, *arguments):
        done = self.run(*arguments)
        equal((done.returncode, done.stderr), (0, ""), arguments)
        return done.stdout

    def told(self, page, **query):
        """By the command line; the page's parameters are its options."""
        flags = [word for n, v in query.items() for word in (f"--{n.replace('group_by', 'by')}", str(v))]
        return json.loads(self.text(page, *flags, "--json"))

    def page(self, page, **query):
        answer = self.gateway.get(f"/v1/usage/{page}?{urllib.parse.urlencode(query)}")
        equal(answer.status, 200, answer.body)
        return answer.json()

    def are_there(self):
        """Waits for all calls in the database, without asking the gateway, which would write its sums."""
        count = lambda: self.told("summary", **FOR_ALL)["request_count"]
        eventually(lambda: count() == self.calls, 5, f"{self.calls} calls")

    def agree(self, page, **query):
        """The command comes first: a question to the gateway brings the sums in the file up to date."""
        here = self.told(page, **query)
        equal(here, self.page(page, **query), (page, query))
        return here


def rows(table):
    """Of a table: a list of dicts, by where the columns of the head begin."""
    head, *lines = table.splitlines()
    names = head.split()
    starts = [head.index(name) for name in names]
    ends = [*starts[1:], None]
    return [{n: line[s:e].strip() for n, s, e in zip(names, starts, ends)} for line in lines]


@case("usage command: prints what the pages answer, also what the sums of the running gateway do not have yet")
def _():
    with Office() as o:
        for turn in range(3):  # between them the gateway writes its sums, and goes on
            for name, model in (("alice", "m"), ("alice", "n"), ("bob", "m")):
                o.call(name, model, 10 + turn, 2)
            o.are_there()
            for dimension in DIMENSIONS:
                page = o.agree("summary", **FOR_ALL, group_by=dimension)
                equal(sum(g["request_count"] for g in page["data"]), o.calls)
            o.agree("history", **FOR_ALL)
        for period in ("day", "week", "month"):
            o.agree("summary", period=period)
        alice = o.agree("summary", **FOR_ALL, user="alice", model="n")
        equal((alice["request_count"], alice["user"]), (3, "alice"))
        o.agree("summary", **FOR_ALL, key="bob", team="red", provider="up", operation="chat")
        equal(o.agree("summary", **{**FOR_ALL, "until": "2020-01-02"})["request_count"], 0)
        equal(o.told("summary")["request_count"], o.calls)


@case("usage command: the gateway counts no call twice that the command has read")
def _():
    with Office() as o:
        for _ in range(4):
            o.call("alice")
            o.are_there()
        equal(o.page("summary", **FOR_ALL)["request_count"], 4)
        o.gateway.kill()
        equal(o.told("summary", **FOR_ALL)["request_count"], 4)
        o.gateway.start()
        equal(o.page("summary", **FOR_ALL)["request_count"], 4)
        o.gateway.stop()
        equal(o.told("summary", **FOR_ALL)["request_count"], 4)


@case("usage command: history goes on from page to page, for people and for programs")
def _():
    with Office() as o:
        for n in range(5):
            o.call("alice" if n % 2 else "bob")
        o.are_there()
        first = o.agree("history", **FOR_ALL, limit=2)
        check(first["has_more"])
        second = o.agree("history", **FOR_ALL, limit=2, after=first["next"])
        equal(len({r["id"] for r in first["data"] + second["data"]}), 4)
        done = o.run("history", "--limit", "2")
        equal(done.returncode, 0)
        equal([r["started_at"] for r in rows(done.stdout)], [r["started_at"] for r in first["data"]])
        check(f"--after '{first['next']}'" in done.stderr, done.stderr)
        table = rows(o.text("history", "--user", "alice"))
        equal([(r["key"], r["model"], r["provider"], r["status"], r["outcome"]) for r in table], [("alice", "m", "up", "200", "complete")] * 2)
        equal([(r["input"], r["output"], r["cost_usd"]) for r in table], [("10", "2", "0.000032000")] * 2)


@case("usage command: a summary's table has the dearest first and all at its end")
def _():
    with Office() as o:
        o.call("alice", "m", 10, 2)
        o.call("bob", "n", 1000, 200)
        o.call("alice", "m", 20, 4)
        o.are_there()
        table = rows(o.text("summary", "--by", "user", "--period", "month"))
        equal([(r["user"], r["calls"]) for r in table], [("bob", "1"), ("alice", "2"), ("(all)", "3")])
        equal(Decimal(table[-1]["cost_usd"]), sum(Decimal(r["cost_usd"]) for r in table[:-1]))
        done = o.run("summary", "--by", "user", "--limit", "1")
        equal([r["user"] for r in rows(done.stdout)], ["bob", "(all)"])
        check("1 more" in done.stderr, done.stderr)
        lines = dict(line.split() for line in o.text("summary").splitlines())
        equal((lines["calls"], lines["input"], lines["output"]), ("3", "1030", "206"))


@case("usage command: says what is wrong with what it is asked, and makes nothing where nothing is")
def _():
    with Office() as o:
        for words, *arguments in (
            ("--by must be key, user", "summary", "--by", "colour"),
            ("--period must be day", "summary", "--period", "year"),
            ("--from must be a date", "history", "--from", "yesterday"),
            ("--from must be before", "summary", "--from", "2026-02-01", "--until", "2026-01-01"),
            ("--limit must be a whole number", "history", "--limit", "0"),
            ("--user is empty", "summary", "--user", ""),
            ("--after", "history", "--after", "xyz"),
        ):
            done = o.run(*arguments)
            equal((done.returncode, done.stdout), (2, ""), (arguments, done.stderr))
            check(words in done.stderr, words, "in", done.stderr)
        check(o.run("summary", "--period", "day", "--from", "2026-01-01").returncode != 0)
        nowhere = f"{o.gateway.data}/nowhere"
        done = o.run("summary", "--data", nowhere)
        equal((done.returncode, done.stdout), (1, ""))
        check("there is no usage database" in done.stderr, done.stderr)
        check(not os.path.exists(nowhere))
        check("last second may be missing" in o.run("summary", "--help").stdout)
