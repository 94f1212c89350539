"""Providers, models, groups and tiers, changed by the API over a file: what goes before what, how soon, and back again."""

import json
import os
import sqlite3
import subprocess
import threading
import time

from kit.cases import case, check, equal, eventually
from kit.commands import listing
from kit.gateway import BIN, UPSTREAM_KEY, chat, new_id, provider, target
from kit.house import House, refused
from kit.http import Connection, request_bytes
from kit.upstream import Upstream


class Settings:
    """A gateway with two upstreams, and a model in the file for each."""

    def __init__(self, **more):
        self.up, self.other = Upstream(), Upstream()
        self.house = House(
            {
                "providers": {"up": provider(self.up.url), "other": provider(self.other.url)},
                "models": {"plain": target("up"), "second": target("other")},
                "tiers": {"small": {"rpm": 1000}},
                **more,
            }
        )

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.house.__exit__(*what)

    def asked(self, model="plain"):
        """The request that an upstream got for a call, and which one that was."""
        request_id = new_id()
        answer = self.house.ask(chat(model), request_id=request_id)
        equal(answer.status, 200, answer)
        for name in ("up", "other"):
            if seen := getattr(self, name).requests(request_id):
                return name, seen[0]
        raise AssertionError("no upstream was asked")

    def status(self, model="plain"):
        return self.house.ask(chat(model)).status


@case("the database goes before the file, member by member, and the file shows again where it ends")
def _():
    with Settings() as s:
        house = s.house
        shown = house.done("GET", "/admin/models/plain")
        equal((shown["source"], shown["revision"]), ("file", 0))
        changed = house.done("PATCH", "/admin/models/plain", {"targets": [{"provider": "other", "model": "moved"}]})
        equal((changed["source"], s.asked()[0]), ("both", "other"))
        equal(s.asked()[1].json()["model"], "moved")
        house.done("PATCH", "/admin/models/plain", {"aliases": ["nick"]})
        equal(s.asked("nick")[0], "other")
        # A file that changes beneath: what the database says stays, what it does not say changes.
        house.config["models"]["plain"] = {**target("up", "never"), "timeouts": {"whole": "9s"}}
        house.config["models"]["fresh"] = target("up")
        house.write_config()
        eventually(lambda: s.status("fresh") == 200, 3, "the file's new model")
        equal(s.asked()[0], "other")
        equal(house.done("GET", "/admin/models/plain")["timeouts"], {"whole": "9s"})
        house.stop()
        house.start()
        equal((s.asked()[0], s.asked("nick")[0]), ("other", "other"), "after a restart")
        house.done("DELETE", "/admin/models/plain", None, 204)
        equal(s.asked()[1].json()["model"], "never", "the file's again")
        equal(s.status("nick"), 404)
        refused(house.admin("DELETE", "/admin/models/plain"), 409, "configuration file")
        made = house.make("models", "of-database", targets=[{"provider": "up", "model": "x"}])
        equal((made["source"], s.asked("of-database")[0]), ("database", "up"))
        names = [(one["name"], one["source"]) for one in house.done("GET", "/admin/models")["data"]]
        equal(names, [("fresh", "file"), ("of-database", "database"), ("plain", "file"), ("second", "file")])
        equal([one["name"] for one in house.done("GET", "/admin/models?provider=other")["data"]], ["second"])
        house.done("DELETE", "/admin/models/of-database", None, 204)
        equal(s.status("of-database"), 404)


@case("providers, models, groups and tiers are made, switched and taken away while it runs")
def _():
    with Settings() as s:
        house = s.house
        third = Upstream()
        house.make("providers", "third", type="openai", base_url=third.url, api_key="sk-third", retry={"attempts": 1})
        house.make("groups", "both", targets=[{"provider": "third", "model": "t"}])
        house.make("models", "m", targets=[{"group": "both"}])
        request_id = new_id()
        equal(house.ask(chat("m"), request_id=request_id).status, 200)
        equal(third.requests(request_id)[0].field("authorization"), "Bearer sk-third")
        for kind, name in (("providers", "third"), ("groups", "both")):
            refused(house.admin("DELETE", f"/admin/{kind}/{name}"), 400, name)
        for wanted in (False, True):
            house.done("PUT", "/admin/providers/third/toggle", {"enabled": wanted})
            check((s.status("m") == 200) == wanted, s.status("m"))
            house.done("PUT", "/admin/models/second/toggle", {"enabled": wanted})
            equal(s.status("second"), 200 if wanted else 404)
            house.done("PUT", "/admin/providers/up/toggle", {"enabled": wanted})
            check((s.status() == 200) == wanted, s.status())
        equal(s.status("m"), 200)
        for kind, name in (("models", "m"), ("groups", "both"), ("providers", "third")):
            house.done("DELETE", f"/admin/{kind}/{name}", None, 204)
        equal(s.status("m"), 404)
        for body in ({}, {"enabled": "yes"}, {"enabled": None}, {"enabled": True, "more": 1}):
            refused(house.admin("PUT", "/admin/models/plain/toggle", body), 400)
        refused(house.admin("PUT", "/admin/models/none/toggle", {"enabled": True}), 404)
        house.make("tiers", "t", rpm=1)
        house.make("model_types", "chat", rpm=100000)
        equal(s.status(), 200)


@case("the order of a model's targets changes by their priority")
def _():
    first = {"targets": [{"provider": "up", "model": "a"}, {"provider": "other", "model": "b"}]}
    with Settings(models={"plain": first}) as s:
        equal(s.asked()[0], "up")
        path = "/admin/models/plain/priority"
        s.house.done("PUT", path, {"target": "other/b", "priority": -1})
        equal(s.asked()[0], "other")
        s.house.done("PUT", path, {"target": "up/a", "priority": -2})
        equal(s.asked()[0], "up")
        refused(s.house.admin("PUT", path, {"target": "up/nothing", "priority": 1}), 404, "no target")
        refused(s.house.admin("PUT", path, {"target": "up/a", "priority": 1.5}), 400, "priority")


@case("calls are billed at the price of the moment")
def _():
    with Settings() as s:
        house = s.house
        for count, price in enumerate(({"input": 1, "output": 2}, {"input": 10, "output": "0.5"}, None), 1):
            told = house.done("PUT", "/admin/models/plain/price", {"price": price})
            equal("price" in told, price is not None)
            equal(s.status(), 200)
            house.records(count=count)
        costs = [record["cost"] for record in house.records(count=3)]
        # 11 tokens in and 5 out, US dollars for a million, in billionths
        equal(costs[:2], [11 * 1000 + 5 * 2000, 11 * 10000 + 5 * 500])
        check(costs[2] <= 0, "without a price", costs)


@case("what the configuration's reader refuses is refused in its words, and nothing changes")
def _():
    with Settings() as s:
        house = s.house
        before = house.done("GET", "/admin/config")
        for method, path, body, words in (
            ("POST", "/admin/models", {"name": "bad", "targets": [{"provider": "nobody"}]}, "nobody"),
            ("POST", "/admin/models", {"name": "bad", "nonsense": 1}, "'nonsense' is not known here"),
            ("POST", "/admin/providers", {"name": "bad", "type": "nonsense"}, "nonsense"),
            ("POST", "/admin/providers", {"name": "bad", "type": "openai", "base_url": "ftp://x"}, "https://"),
            ("PATCH", "/admin/providers/up", {"timeouts": {"whole": "soon"}}, "soon"),
            ("PATCH", "/admin/providers/up", {"base_url": None, "type": "nonsense"}, "nonsense"),
            ("PATCH", "/admin/models/plain", {"targets": None, "aliases": ["second"]}, "second"),
            ("PUT", "/admin/models/plain/price", {"price": {"input": "much"}}, "much"),
            ("POST", "/admin/groups", {"name": "bad", "targets": [{"group": "bad"}]}, "bad"),
            ("POST", "/admin/model_types", {"name": "songs", "rpm": 1}, "songs"),
        ):
            refused(house.admin(method, path, body), 400, words)
            equal(house.done("GET", "/admin/config"), before, "all settings")
            equal(s.status(), 200)
        equal(house.done("GET", "/admin/config/history")["data"], [])
        equal(house.events("config_refused"), [])
        check(house.done("GET", "/admin/audit/verify")["intact"])


@case("a change is at work on every loop when it is answered, and no call is lost", alone=True)
def _():
    with Settings(threads=4) as s:
        house = s.house
        house.make("models", "blinks", targets=[{"provider": "up", "model": "x"}])
        bad, good, stopping = [], [0], threading.Event()

        def load(streamed):
            while not stopping.is_set():
                answer = house.ask(chat(stream=streamed))
                if answer.status == 200 and answer.complete:
                    good[0] += 1
                else:
                    bad.append(repr(answer))

        threads = [threading.Thread(target=load, args=(i % 2 == 0,)) for i in range(3)]
        for thread in threads:
            thread.start()
        connections = [Connection(house.address) for _ in range(16)]  # dealt out among the loops
        delays = []
        try:
            for turn in range(20):
                wanted = 404 if turn % 2 == 0 else 200
                house.done("PUT", "/admin/models/blinks/toggle", {"enabled": turn % 2 == 1})
                answered = time.monotonic()
                for connection in connections:
                    while True:
                        connection.send(house.bytes_of(chat("blinks")))
                        if connection.answer().status == wanted:
                            break
                        delays.append(time.monotonic() - answered)
        finally:
            stopping.set()
            for thread in threads:
                thread.join()
            for connection in connections:
                connection.close()
        equal(bad, [], f"failed calls beside {good[0]} good ones")
        check(good[0] > 50, "calls", good)
        late = max(delays, default=0.0)
        print(f"     (16 connections, 20 changes: {len(delays)} answers of before, at most {late * 1000:.1f} ms late)")
        check(late < 0.1, "at work after", late)


@case("what another process changes is at work within 100 ms", alone=True)
def _():
    with Settings() as s:
        house = s.house
        house.make("models", "there", targets=[{"provider": "up", "model": "x"}])
        equal(s.status("there"), 200)
        with sqlite3.connect(f"{house.data}/lowart.db", timeout=5) as database:
            database.execute("UPDATE resource SET body = json_set(body, '$.enabled', json('false')) WHERE name = 'there'")
            database.execute(
                "INSERT INTO change (at, actor, kind, name, before, after)"
                " SELECT 1, 'console test', 'models', 'there', '{}', body FROM resource WHERE name = 'there'"
            )
        written = time.monotonic()
        database.close()
        eventually(lambda: s.status("there") == 404, 2, "the change")
        waited = time.monotonic() - written
        print(f"     (after {waited * 1000:.0f} ms)")
        check(waited < 0.25, "at work after", waited)


@case("every change stands in the history, and all can be put back")
def _():
    with Settings() as s:
        house = s.house
        house.done("PATCH", "/admin/models/plain", {"targets": [{"provider": "up", "model": "one"}]})
        house.make("models", "extra", targets=[{"provider": "up", "model": "x"}])
        house.make("providers", "third", type="openai", base_url=s.up.url, api_key="sk-of-third")
        house.make("users", "bystander")
        good = house.done("GET", "/admin/config")
        house.done("PATCH", "/admin/models/plain", {"targets": [{"provider": "other", "model": "two"}]})
        house.done("PATCH", "/admin/providers/third", {"api_key": "sk-another"})
        house.done("DELETE", "/admin/models/extra", None, 204)
        house.make("models", "later", targets=[{"provider": "third", "model": "y"}])
        history = house.done("GET", "/admin/config/history")["data"]
        equal([(one["kind"], one["name"]) for one in history[:2]], [("models", "later"), ("models", "extra")])
        equal((history[1]["after"], history[1]["actor"]), (None, "key boss"))
        newest = house.done("GET", "/admin/config/history?limit=1")
        equal((newest["has_more"], newest["next"]), (True, str(history[0]["revision"])))
        equal(house.done("GET", f"/admin/config/history?before={newest['next']}")["data"], history[1:])
        equal(len(house.done("GET", "/admin/config/history?kind=models&name=plain")["data"]), 2)
        back = house.done("POST", "/admin/config/rollback", {"revision_wanted": good["revision"]})
        equal(sorted(back["changed"]), ["models/extra", "models/later", "models/plain", "providers/third"])
        equal(house.done("GET", "/admin/config")["settings"], good["settings"])
        equal((s.asked()[1].json()["model"], s.status("extra"), s.status("later")), ("one", 200, 404))
        house.make("models", "again", targets=[{"provider": "third", "model": "y"}])
        equal(s.asked("again")[1].field("authorization"), "Bearer sk-of-third", "the secret of then")
        house.done("GET", "/admin/users/bystander")
        house.done("POST", "/admin/config/rollback", {"revision_wanted": 0})
        equal(house.done("GET", "/admin/models/plain")["source"], "file")
        equal(s.status("again"), 404)
        for wrong in (10**6, -1, "1", None):
            refused(house.admin("POST", "/admin/config/rollback", {"revision_wanted": wrong}), 400, "revision")


@case("secrets are masked wherever they are told, and stay where the mask is sent back")
def _():
    with Settings() as s:
        house = s.house
        house.make("providers", "sealed", type="openai", base_url=s.up.url, api_key="sk-first")
        house.make("models", "m", targets=[{"provider": "sealed", "model": "x"}])

        def bearer(model="m"):
            return s.asked(model)[1].field("authorization")

        equal(bearer(), "Bearer sk-first")
        shown = house.done("GET", "/admin/providers/sealed")
        equal(shown["api_key"], "***")
        # As a page does it: all that was read goes back, with one change.
        changed = house.done("PUT", "/admin/providers/sealed", {**shown, "timeouts": {"whole": "20s"}})
        equal((changed["api_key"], bearer()), ("***", "Bearer sk-first"))
        house.done("PATCH", "/admin/providers/sealed", {"api_key": "***", "timeouts": {"whole": "30s"}})
        equal(bearer(), "Bearer sk-first")
        house.done("PATCH", "/admin/providers/sealed", {"api_key": "sk-second"})
        equal(bearer(), "Bearer sk-second")
        # One that stands in the file stays the file's.
        shown = house.done("GET", "/admin/providers/up")
        equal((shown["api_key"], shown["source"]), ("***", "file"))
        house.done("PUT", "/admin/providers/up", {**shown, "timeouts": {"whole": "20s"}})
        equal(bearer("plain"), f"Bearer {UPSTREAM_KEY}")
        refused(house.admin("POST", "/admin/providers", {"name": "none", "type": "openai", "base_url": s.up.url, "api_key": "***"}), 400, "masked")
        for looks_like in ({"$sealed": "v1:main:abc"}, 5, True):
            refused(house.admin("PATCH", "/admin/providers/sealed", {"api_key": looks_like}), 400, "api_key")
        for path in ("providers", "providers/sealed", "config", "config/history", "audit?limit=1000", "audit/export"):
            text = house.admin("GET", f"/admin/{path}").body.decode()
            for secret in ("sk-first", "sk-second", UPSTREAM_KEY, "$sealed"):
                check(secret not in text, secret, "is told at", path)


@case("what looks like a variable in a setting of the database is none")
def _():
    with Settings() as s:
        house = s.house
        house.make("models", "m", targets=[{"provider": "up", "model": "${HOME}"}])
        equal(s.asked("m")[1].json()["model"], "${HOME}")
        house.make("providers", "v", type="openai", base_url=s.up.url, api_key="${PATH}")
        house.make("models", "n", targets=[{"provider": "v", "model": "x"}])
        equal(s.asked("n")[1].field("authorization"), "Bearer ${PATH}")
        refused(house.admin("PATCH", "/admin/providers/v", {"base_url": "${HOME}"}), 400)
        house.stop()
        house.start()
        equal(s.asked("m")[1].json()["model"], "${HOME}", "after a restart")
        # In the file it is one, and it is not told what it stands for.
        house.config["models"]["of-file"] = target("up", "${HOME}")
        house.write_config()
        eventually(lambda: s.status("of-file") == 200, 3, "the file's new model")
        equal(s.asked("of-file")[1].json()["model"], os.environ["HOME"])
        told = house.admin("GET", "/admin/models/of-file").body.decode()
        check("${HOME}" in told, told)
        refused(house.admin("PUT", "/admin/models/of-file/priority", {"target": "up/${HOME}", "priority": 3}), 409, "variables")
        # Sent back as it was told, it stays the file's.
        shown = house.done("GET", "/admin/models/of-file")
        house.done("PUT", "/admin/models/of-file", {**shown, "aliases": ["other-name"]})
        equal(s.asked("other-name")[1].json()["model"], os.environ["HOME"])


def lowart(house, *arguments):
    return subprocess.run(
        [BIN, *arguments, "--config", str(house.file)], capture_output=True, text=True, timeout=60, check=False
    )


@case("commands beside the server know what the database says: prices, and providers that the file does not have")
def _():
    with Settings() as s:
        house = s.house
        s.asked()
        cost = house.records()[0]["cost"]
        house.done("PATCH", "/admin/models/plain", {"price": {"input": "1000", "output": "1000"}})
        house.make("providers", "third", **provider(listing().url))
        house.make("models", "new", targets=[{"provider": "third", "model": "mystery"}])
        done = lowart(house, "providers", "test", "third")
        check(done.returncode == 0 and "mystery" in done.stdout, done.stdout, done.stderr)
        house.stop()
        done = lowart(house, "usage", "reprice", "--apply")
        equal(done.returncode, 0, done.stderr)
        (record,) = house.records()
        check(record["cost"] > 1000 * max(cost, 1) and record["price"] == "file:plain", record)


@case("a change that breaks off on its way has not been made")
def _():
    with Settings() as s:
        house = s.house
        body = json.dumps({"name": "half"}).encode()
        head = [("authorization", f"Bearer {house.boss}"), ("content-type", "application/json")]
        for half in (b"", body[:1], body[:-1]):
            with house.connect() as connection:
                connection.send(request_bytes("POST", "/admin/users", half, [*head, ("content-length", str(len(body)))]))
        for fields in (
            [("content-length", "2"), ("content-length", "15")],
            [("content-length", "15"), ("transfer-encoding", "chunked")],
            [("content-length", str(2 << 30))],
            [("content-length", "-1")],
        ):
            for path in ("/admin/users", "/auth/login"):
                with house.connect() as connection:
                    connection.send(request_bytes("POST", path, body, [*head, *fields]))
                    answer = connection.answer()
                    check(answer is not None and 400 <= answer.status < 500, path, fields, answer)
        # Whoever leaves before the answer had sent all of it: it was done.
        with house.connect() as connection:
            connection.send(request_bytes("POST", "/admin/users", body.replace(b"half", b"whole"), head))
        eventually(
            lambda: [one["name"] for one in house.done("GET", "/admin/users")["data"]] == ["whole"], 3, "the users"
        )
        check(house.done("GET", "/admin/audit/verify")["intact"], "the audit log")
